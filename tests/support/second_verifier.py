"""A second verifier of the log, written from src/log/README.md alone: Python's own library and ssh-keygen.

Usage: second_verifier.py ALLOWED_SIGNERS [--head HASH]... LOG...
Each LOG is verified by itself. Prints one line for each: `holds` or `broken`, its name, and the first fault.
"""

import base64
import calendar
import hashlib
import json
import re
import subprocess
import sys
import tempfile
import time as clock

HASH, NONCE = r"[0-9a-f]{64}", r"[0-9a-f]{32}"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


class Fault(Exception):
    pass


def need(holds, what):
    if not holds:
        raise Fault(what)


def sha(data):
    return hashlib.sha256(data).hexdigest()


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


# The types of the page's table, each a test of a value.
def matches(pattern):
    return lambda v: isinstance(v, str) and re.fullmatch(pattern, v) is not None


def text(v):
    return isinstance(v, str)


def ident(v):
    return isinstance(v, str) and v != ""


def number(v):
    return isinstance(v, int) and not isinstance(v, bool) and 0 <= v <= 9007199254740991


def one_of(*words):
    return lambda v: v in words


def listed(of, key=lambda v: v):
    """A list that is sorted by bytes and holds nothing twice."""

    def test(v):
        if not isinstance(v, list) or not all(of(one) for one in v):
            return False
        keys = [key(one).encode() for one in v]
        return all(a < b for a, b in zip(keys, keys[1:]))

    return test


def mapping(fields):
    """An object with exactly these fields; those whose name ends with `?` may be absent."""

    def test(v):
        if not isinstance(v, dict):
            return False
        names = {name.rstrip("?"): (of, name.endswith("?")) for name, of in fields.items()}
        return all(k in names for k in v) and all(
            (of(v[k]) if k in v else optional) for k, (of, optional) in names.items()
        )

    return test


def value(v):
    return mapping({"inline": text})(v) or mapping({"blob": matches(HASH)})(v)


hash_, nonce, time = matches(HASH), matches(NONCE), matches(TIME)
target = mapping({"id": text, "system": text})
targets = listed(target, key=lambda t: t["id"] + "\0" + t["system"])
snapshot = mapping({"sha256": hash_, "taken_at": time, "targets?": lambda v: targets(v) and len(v) > 0})
files = listed(mapping({"path": text, "sha256": hash_}), key=lambda f: f["path"])
steps = lambda v: isinstance(v, list) and all(text(one) for one in v)
not_empty = lambda of: lambda v: of(v) and len(v) > 0
methods = one_of("jwt", "none", "ssh-certificate", "ssh-key")
proof = mapping(
    {"claims?": value, "expires_at?": time, "issued_at?": time, "method": methods, "sha256?": hash_, "signature?": text, "subject?": text}
)
rejected = mapping({"accesses": value, "action": text, "entitlement?": text, "scope?": text, "target?": text})
seen = mapping({"of": number, "seen": number})
shown = mapping({"groups": seen, "lines": seen})

KINDS = {
    "session": {"at": time, "kind": one_of("review", "record"), "log": nonce, "parents": listed(hash_), "session": nonce,
                "snapshot?": snapshot, "tool": text, "trust_files": files, "version": one_of(2),
                "writer": mapping({"fingerprint": text, "person?": ident, "principal": ident})},
    "blob": {"base64": text, "part": number, "parts": number, "sha256": hash_},
    "plan": {"id": ident, "name?": text, "proof": proof, "received_at": time, "sha256": hash_},
    "policies": {"files": files, "pack": hash_},
    "evaluation": {"change": ident, "definition": value, "determining": listed(ident), "digest": hash_,
                   "emergent": listed(hash_), "facts": value, "outcome": one_of("auto", "denied", "needs"), "plan": ident,
                   "requests": value, "steps": steps},
    "decision": {"at": time, "change": ident, "digest": hash_, "emergent": listed(hash_), "grouped?": number,
                 "lifts?": not_empty(listed(hash_)), "plan": ident, "privileged?": ident, "reason?": text, "rejected?": rejected,
                 "salt": nonce, "set_aside?": not_empty(listed(ident)), "shown": shown, "steps": steps, "supersedes?": hash_,
                 "verdict": one_of("approve", "override", "reject")},
    "freeze": {"at": time, "kind": one_of("agent", "all", "plan", "task"), "name?": ident, "proofs": listed(text),
               "reason": text, "until": time},
    "baseline": {"access": value, "at": time, "count": number, "reason": text, "snapshot": snapshot, "until": time,
                 "until_privileged": time},
    "recertification": {"access": value, "answer": one_of("change", "keep", "revoke"), "at": time, "count": number,
                        "population": hash_, "reason?": text, "scope?": text, "snapshot": snapshot, "until?": time},
    "withdrawal": {"at": time, "baseline": hash_, "reason": text},
    "thaw": {"at": time, "freeze": hash_, "reason": text},
    "auto": {"at": time, "change": ident, "digest": hash_, "plan": ident, "policies": listed(ident)},
    "export": {"at": time, "change": ident, "decisions": listed(hash_), "digest": hash_, "output": hash_, "plan": ident,
               "rollback?": hash_},
    "result": {"at": time, "change": ident, "detail?": value, "digest": hash_, "export?": hash_,
               "outcome": one_of("applied", "beyond", "failed", "missing", "partly"), "plan": ident, "snapshot?": snapshot},
    "seal": {"at": time, "count": number, "decisions": mapping({"approve": number, "override": number, "reject": number}),
             "fingerprint": text, "log": nonce, "principal": ident, "privileged": listed(text), "privileged_count": number,
             "root": hash_, "session": nonce},
    "sig": {"sshsig": text},
}
for kind, fields in KINDS.items():
    fields["type"] = one_of(kind)
    if kind != "session":
        fields["prev"] = hash_
TESTS = {kind: mapping(fields) for kind, fields in KINDS.items()}


def no_duplicates(pairs):
    need(len({k for k, _ in pairs}) == len(pairs), "a key stands twice")
    return dict(pairs)


def read(raw):
    need(raw.endswith(b"\n") and len(raw) <= 65535, "a line is too long or has no end")
    try:
        line = json.loads(raw[:-1].decode("utf-8"), object_pairs_hook=no_duplicates)
    except ValueError as error:
        raise Fault(f"a line is not JSON: {error}")
    need(isinstance(line, dict) and line.get("type") in TESTS, "a line is of no known kind")
    need(TESTS[line["type"]](line), f"a `{line['type']}` line has a field that is unknown, missing or ill-typed")
    need(canonical(line) + b"\n" == raw, "a line is not canonical")
    return line


def root(leaves):
    """RFC 6962, section 2.1."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\1" + root(leaves[:split]) + root(leaves[split:])).digest()


def blob_uses(line):
    for name in ("definition", "facts", "requests", "detail", "access"):
        if name in line and "blob" in line[name]:
            yield line[name]["blob"]
    if line["type"] == "plan":
        yield line["sha256"]
        yield from [line["proof"]["claims"]["blob"]] if "blob" in line["proof"].get("claims", {}) else []
    if line["type"] == "policies":
        yield from (file["sha256"] for file in line["files"])
    if "rejected" in line and "blob" in line["rejected"]["accesses"]:
        yield line["rejected"]["accesses"]["blob"]


SIGNED = {}


def is_signed(signers, namespace, principal, seal, sshsig, at):
    key = (namespace, principal, seal, sshsig)
    if key not in SIGNED:
        with tempfile.NamedTemporaryFile() as sig:
            sig.write(sshsig.encode())
            sig.flush()
            when = re.sub(r"[-:TZ]", "", at) + "Z"
            run = ["ssh-keygen", "-Y", "verify", "-f", signers, "-n", namespace, "-I", principal, "-s", sig.name]
            done = subprocess.run(run + ["-O", f"verify-time={when}"], input=seal, capture_output=True)
            SIGNED[key] = (done.returncode == 0, done.stdout.decode(errors="replace"))
    return SIGNED[key]


def decided(line, shown, kind):
    verdict = line["verdict"]
    need((line["plan"], line["change"], line["digest"]) in shown, "a decision on what no evaluation shows")
    need(("rejected" in line) == (verdict == "reject"), "`rejected` stands exactly with a reject")
    need(verdict == "approve" or line.get("reason", "").strip(), "a reject or override without a reason")
    need(("set_aside" in line or "lifts" in line) == (verdict == "override"), "exactly an override sets aside or lifts")
    need(all(part["seen"] <= part["of"] for part in line["shown"].values()), "more was shown than there was")
    need("grouped" not in line or verdict == "approve", "only approvals are grouped")
    need(len(line.get("privileged", "").encode()) <= 240, "a name is too long")


def seconds(at):
    return calendar.timegm(clock.strptime(at, "%Y-%m-%dT%H:%M:%SZ"))


def frozen(line):
    need(line["reason"].strip(), "a freeze or thaw without a reason")
    if line["type"] == "freeze":
        need(("name" in line) == (line["kind"] != "all"), "a freeze names what it stops, unless that is everything")
        need(not line["proofs"] or line["kind"] == "agent", "only the freeze of an agent has proofs")
        lasts = seconds(line["until"]) - seconds(line["at"])
        need(0 < lasts <= 86400 * (1 if line["kind"] == "all" else 7), "a freeze lasts too long, or not at all")


def inherited(line):
    need(line["reason"].strip(), "a baseline without a reason")
    lasts, sooner = (seconds(line[end]) - seconds(line["at"]) for end in ("until", "until_privileged"))
    need(0 < lasts <= 86400 * 366 and 0 < sooner <= min(lasts, 86400 * 90), "a baseline lasts too long, or not at all")


def recertified(line):
    need(("until" in line) == (line["answer"] == "keep"), "an end where nothing is kept")
    need(("reason" in line) == (line["answer"] == "change"), "a reason where nothing shall change")
    need(line.get("reason", "x").strip(), "a change without a reason")
    if "until" in line:
        need(0 < seconds(line["until"]) - seconds(line["at"]) <= 86400 * 366, "kept for too long, or not at all")


def check_session(raws, signers):
    """One session by itself; gives what the others must know of it."""
    lines = [read(raw) for raw in raws]
    kinds = [line["type"] for line in lines]
    need(kinds[0] == "session" and kinds[-2:] == ["seal", "sig"] and len(lines) >= 3, "a session does not begin or end as one")
    need(not {"session", "seal", "sig"} & set(kinds[1:-2]), "a line stands where its kind may not")
    head, seal, sig = lines[0], lines[-2], lines[-1]
    need(("person" in head["writer"]) == (head["kind"] == "review"), "a review is written by a person, and only that")
    shown, plans, counts, names = {}, set(), {"approve": 0, "override": 0, "reject": 0}, {}
    blobs, uses, open_ = set(), set(), None
    for raw, before, line in zip(raws[1:], raws, lines[1:]):
        need(line["prev"] == sha(before), "a line does not name the one before")
        kind = line["type"]
        need(kind == "blob" or open_ is None, "a long value ends before its last part")
        if kind == "blob":
            try:
                part = base64.b64decode(line["base64"], validate=True)
            except ValueError:
                raise Fault("a part is not base64")
            need(base64.b64encode(part).decode() == line["base64"], "a part is not base64")
            open_ = open_ or (line["sha256"], line["parts"], [])
            need(open_[:2] == (line["sha256"], line["parts"]) and line["part"] == len(open_[2]) + 1, "a part is out of place")
            last = line["part"] == line["parts"]
            need(len(part) <= 46080 if last else len(part) == 46080, "a part has another length")
            need(part or line["parts"] == 1, "a part is empty")
            open_[2].append(part)
            if last:
                need(sha(b"".join(open_[2])) == line["sha256"], "a long value has another hash")
                blobs.add(line["sha256"])
                open_ = None
        uses |= {blob for blob in blob_uses(line) if blob not in blobs}
        if kind in ("auto", "export", "result"):
            need(head["kind"] == "record", f"`{kind}` in a review")
        if kind == "plan":
            plans.add(line["id"])
        if kind == "evaluation":
            need(line["plan"] in plans, "an evaluation of a plan that is not there")
            need(bool(line["steps"]) == (line["outcome"] == "needs"), "steps stand exactly where they are needed")
            shown[line["plan"], line["change"], line["digest"]] = line["outcome"]
        if kind == "auto":
            need(shown.get((line["plan"], line["change"], line["digest"])) == "auto", "`auto` on what is not automatic")
        if kind in ("freeze", "thaw"):
            need(head["kind"] == "review", f"`{kind}` in a record")
            frozen(line)
        if kind == "baseline":
            need(head["kind"] == "review", "a baseline in a record")
            inherited(line)
        if kind in ("recertification", "withdrawal"):
            need(head["kind"] == "review", f"`{kind}` in a record")
            recertified(line) if kind == "recertification" else need(line["reason"].strip(), "a withdrawal without a reason")
        if kind == "decision":
            need(head["kind"] == "review", "a decision in a record")
            decided(line, shown, head["kind"])
            counts[line["verdict"]] += 1
            names.pop(line.get("supersedes"), None)
            if "privileged" in line and line["verdict"] != "reject":
                names[sha(raw)] = line["privileged"]
    need(seal["count"] == len(lines) - 2, "the seal counts other lines")
    need(seal["root"] == root(raws[:-2]).hex(), "the seal has another root")
    need(seal["decisions"] == counts, "the seal counts other decisions")
    every = sorted(set(names.values()), key=str.encode)
    need(seal["privileged"] == every[:100] and seal["privileged_count"] == len(every), "the seal names other privileged changes")
    need((seal["log"], seal["session"]) == (head["log"], head["session"]), "the seal is of another session")
    writer = head["writer"]
    need((seal["principal"], seal["fingerprint"]) == (writer["principal"], writer["fingerprint"]), "another writer sealed")
    namespace = "review-seal@v1" if head["kind"] == "review" else "review-record@v1"
    good, said = is_signed(signers, namespace, seal["principal"], raws[-2], sig["sshsig"], seal["at"])
    need(good and seal["fingerprint"] in said, "the seal is not signed by the key that it names")
    return {"id": head["session"], "log": head["log"], "parents": head["parents"], "seal": sha(raws[-2]), "bytes": b"".join(raws),
            "blobs": blobs, "uses": uses}


def check_log(data, signers, heads):
    raws, sessions, run = data.split(b"\n"), [], []
    need(raws.pop() == b"", "the file ends within a line")
    raws = [raw + b"\n" for raw in raws]
    for raw in raws:
        run.append(raw)
        if b'"type":"sig"' in raw and read(raw)["type"] == "sig":
            sessions.append(check_session(run, signers))
            run = []
    need(not run, "the file ends within a session")
    need(sessions, "there is no session")
    by_id = {}
    for session in sessions:
        other = by_id.setdefault(session["id"], session)
        need(other["bytes"] == session["bytes"], "two sessions share an id")
    by_seal = {session["seal"]: session for session in by_id.values()}
    need(len({session["log"] for session in sessions}) == 1, "sessions of several logs")
    for session in by_seal.values():
        need(all(parent in by_seal for parent in session["parents"]), "a parent is missing")
        seen, queue = set(), list(session["parents"])
        while queue:
            seal = queue.pop()
            if seal not in seen:
                seen.add(seal)
                queue.extend(by_seal[seal]["parents"])
        held = set().union(*(by_seal[seal]["blobs"] for seal in seen))
        need(session["uses"] <= held, "a long value is missing")
    need(all(head in by_seal for head in heads), "a remembered head is missing")
    named = {parent for session in by_seal.values() for parent in session["parents"]}
    return [seal for seal in by_seal if seal not in named], len(by_seal), len(sessions) - len(by_seal)


def main(arguments):
    signers, logs, heads = arguments[0], [], []
    rest = iter(arguments[1:])
    for word in rest:
        heads.append(next(rest)) if word == "--head" else logs.append(word)
    broken = False
    for log in logs:
        with open(log, "rb") as file:
            data = file.read()
        try:
            found, sessions, repeated = check_log(data, signers, heads)
            print(f"holds {log}: {sessions} sessions, {repeated} repeated, heads {' '.join(sorted(found))}")
        except Fault as fault:
            broken = True
            print(f"broken {log}: {fault}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
