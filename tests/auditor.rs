//! What an auditor can rely on: proofs of one line, known heads, and every way to tamper with the record.

use std::fs;

use serde_json::Value;

use crate::support::{Site, expect, key, seal};

/// A session by Ada, who rejects the riskiest change and skips the others.
fn sitting(site: &Site, reason: &str) {
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    expect(&mut ada, "? keys");
    key(&mut ada, "r");
    expect(&mut ada, "Enter: send");
    key(&mut ada, &format!("{reason}\r"));
    expect(&mut ada, "? keys");
    key(&mut ada, "f");
    seal(&mut ada, 3);
}

fn lines(site: &Site) -> Vec<Value> {
    let log = fs::read_to_string(site.log()).unwrap();
    log.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn one_decision_is_proved_to_somebody_who_sees_nothing_else() {
    let site = Site::new();
    sitting(&site, "machines hold nothing for ever");
    let all = lines(&site);
    let session = all[0]["session"].as_str().unwrap().to_owned();
    let place = all.iter().position(|line| line["type"] == "decision").unwrap();
    let change = all[place]["change"].as_str().unwrap().to_owned();
    let (code, text) = site.run(&["log", "prove", &session[..8], &change, "-o", "one.json"]);
    assert!(code == 0 && text.contains("rejected"), "{text}");
    let proof = fs::read_to_string(site.demo().join("one.json")).unwrap();
    for (at, line) in all.iter().enumerate().filter(|(at, _)| *at > 0 && *at != place) {
        let text = line.to_string();
        let is_end = line["type"] == "seal" || line["type"] == "sig";
        assert!(is_end || !proof.contains(&text[1..text.len().min(60)]), "line {} can be seen", at + 1);
    }
    // A third party has the file and its own list of keys, and no trust folder.
    let away = tempfile::tempdir().unwrap();
    for name in ["one.json", "allowed_signers"] {
        fs::copy(site.demo().join(name), away.path().join(name)).unwrap();
    }
    let verify = |arguments: &[&str]| {
        let mut all = vec!["verify", "--proof", "one.json", "--signers", "allowed_signers", "--format", "json"];
        all.extend(arguments);
        let output = site.run_in(away.path(), &all);
        let text = String::from_utf8(output.stdout).unwrap();
        let report: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
        (output.status.code().unwrap(), report)
    };
    let (code, report) = verify(&[]);
    assert_eq!(code, 0, "{report}");
    assert_eq!((&report["integrity"]["holds"], &report["authenticity"]["holds"]), (&"yes".into(), &"yes".into()));
    assert_eq!(report["completeness"]["holds"], "unknown");
    let says = report["completeness"]["says"].as_str().unwrap();
    assert!(says.contains("a later line or session may contain a different decision"), "{says}");
    assert!(report["authenticity"]["says"].as_str().unwrap().contains("presence is not proven"));
    let line: Value = serde_json::from_str(report["line"].as_str().unwrap()).unwrap();
    assert_eq!(line, all[place]);
    // By its number and by its hash it is the same proof.
    for word in [(place + 1).to_string(), sha256(&site, place)] {
        let (code, text) = site.run(&["log", "prove", &session, &word, "-o", "-"]);
        assert!(code == 0 && text == proof, "{text}");
    }
    // Any change of it, another person's list of keys, and a revoked key are found.
    fs::write(away.path().join("one.json"), proof.replace("machines hold nothing", "machines hold everything"))
        .unwrap();
    let (code, report) = verify(&[]);
    assert!(code == 7 && report["findings"].to_string().contains("log-bad-proof"), "{report}");
    fs::write(away.path().join("one.json"), &proof).unwrap();
    fs::write(away.path().join("revoked"), format!("{}\n", site.public_key("ada"))).unwrap();
    assert_eq!(verify(&["--revoked", "revoked"]).0, 7);
    let signers = fs::read_to_string(away.path().join("allowed_signers")).unwrap();
    fs::write(
        away.path().join("allowed_signers"),
        signers.lines().filter(|l| !l.starts_with("ada")).collect::<String>(),
    )
    .unwrap();
    assert_eq!(verify(&[]).0, 7);
    for bad in ["", "{}", "[", "\u{0}"] {
        fs::write(away.path().join("one.json"), bad).unwrap();
        assert_eq!(verify(&[]).0, 7, "{bad:?}");
    }
}

fn sha256(site: &Site, place: usize) -> String {
    let log = fs::read(site.log()).unwrap();
    let line = log.split_inclusive(|b| *b == b'\n').nth(place).unwrap();
    review::input::digest::Digest::<review::input::digest::of::Line>::of(line).to_string()
}

#[test]
fn what_cannot_be_proved_is_named() {
    let site = Site::new();
    let (code, text) = site.run(&["log", "prove", "abcdef", "1", "-o", "x"]);
    assert!(code == 7, "there is no log: {text}");
    sitting(&site, "no");
    let session = lines(&site)[0]["session"].as_str().unwrap().to_owned();
    for (session, line, said) in [
        ("00000000", "1", "no session `00000000`"),
        (&session[..3], "1", "no session"),
        (&session, "0", "no line 0"),
        (&session, "99999", "no line 99999"),
        (&session, "c9", "or a change that this session decides"),
    ] {
        let (code, text) = site.run(&["log", "prove", session, line, "-o", "x"]);
        assert!(code == 1 && text.contains(said) && text.contains("help:"), "{text}");
    }
    let (code, text) = site.run(&["log", "prove", &session, "1", "-o", "absent/x"]);
    assert!(code == 1 && text.contains("cannot be written"), "{text}");
    assert!(!site.demo().join("x").exists());
    let (code, _) = site.run(&["verify", "review-log.jsonl", "--proof", "x"]);
    assert_eq!(code, 2);
    let (code, text) = site.run(&["verify"]);
    assert_eq!(code, 2, "{text}");
}

#[test]
fn a_log_that_lost_a_head_is_not_added_to() {
    let site = Site::new();
    sitting(&site, "first");
    let first = fs::read(site.log()).unwrap();
    sitting_again(&site);
    let second = fs::read(site.log()).unwrap();
    let (_, head) = site.run(&["log", "head"]);
    let folder = site.demo().join("../.local/state/review/heads");
    let file = fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let remembered = fs::read_to_string(&file).unwrap();
    assert_eq!(remembered.lines().filter(|l| !l.starts_with('#')).collect::<Vec<_>>(), [head.trim()]);
    let (code, text) = site.run(&["verify", "review-log.jsonl", "--known-head", file.to_str().unwrap()]);
    assert!(code == 0 && text.contains("all known heads are in the log"), "{text}");
    let refused = || {
        let mut ada = site.sit("plan.yaml --key keys/ada.pub");
        expect(&mut ada, "sessions are missing from this log");
        expect(&mut ada, "exit=7");
    };
    fs::write(site.log(), &first).unwrap();
    refused();
    // An auditor's answers are the same on every machine; this one has seen more, and says so.
    let (code, text) = site.run(&["verify", "review-log.jsonl", "--format", "json"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    let warned = report["findings"].to_string();
    assert!(code == 0 && report["completeness"]["holds"] == "unknown", "{report:#}");
    assert!(
        warned.contains("log-lost-head") && warned.contains("this machine has seen") && warned.contains(head.trim())
    );
    let (code, text) = site.run(&["verify", "review-log.jsonl", "--known-head", file.to_str().unwrap()]);
    assert!(code == 7 && !text.contains("this machine has seen"), "{text}");
    assert_eq!(fs::read(site.log()).unwrap(), first, "truncated");
    fs::remove_file(site.log()).unwrap();
    refused();
    fs::write(site.log(), &second).unwrap();
    let (code, text) = site.run(&["verify", "review-log.jsonl"]);
    assert!(code == 0 && !text.contains("warning"), "{text}");
    fs::write(&file, "what?\n").unwrap();
    let (code, text) = site.run(&["verify", "review-log.jsonl"]);
    assert!(code == 0 && text.contains("warning: the remembered heads"), "{text}");
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    expect(&mut ada, "are damaged");
    expect(&mut ada, "exit=1");
    // A memory that was begun anew is no obstacle.
    fs::remove_file(&file).unwrap();
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    expect(&mut ada, "? keys");
    key(&mut ada, "q");
    expect(&mut ada, "nothing was decided");
    assert_eq!(fs::read_to_string(&file).unwrap(), remembered);
}

/// A second session of Ada's, on what the first left open.
fn sitting_again(site: &Site) {
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    expect(&mut ada, "? keys");
    key(&mut ada, "r");
    expect(&mut ada, "Enter: send");
    key(&mut ada, "second\r");
    expect(&mut ada, "? keys");
    key(&mut ada, "f");
    seal(&mut ada, 3);
}

fn raw(site: &Site) -> Vec<String> {
    let log = fs::read_to_string(site.log()).unwrap();
    log.split_inclusive('\n').map(str::to_owned).collect()
}

fn place_of(lines: &[String], kind: &str) -> usize {
    let word = format!("\"type\":\"{kind}\"");
    lines.iter().position(|line| line.contains(&word)).unwrap()
}

/// Puts another signature over the first seal: made by this key, for this namespace.
fn sign_anew(site: &Site, lines: &mut [String], key: &str, namespace: &str) {
    let (seal, sig) = (place_of(lines, "seal"), place_of(lines, "sig"));
    fs::write(site.demo().join("seal"), &lines[seal]).unwrap();
    let _ = fs::remove_file(site.demo().join("seal.sig"));
    site.keygen(&["-q", "-Y", "sign", "-n", namespace, "-f", key, "seal"]);
    exchange(lines, sig, &fs::read_to_string(site.demo().join("seal.sig")).unwrap());
}

fn exchange(lines: &mut [String], sig: usize, armored: &str) {
    let line: Value = serde_json::from_str(&lines[sig]).unwrap();
    lines[sig] =
        lines[sig].replace(&serde_json::to_string(&line["sshsig"]).unwrap(), &serde_json::to_string(armored).unwrap());
}

/// Changes the bytes of the first signature itself.
fn bend(lines: &mut [String], change: impl Fn(&mut Vec<u8>)) {
    use review::trust::armor::{armor, dearmor};
    let sig = place_of(lines, "sig");
    let line: Value = serde_json::from_str(&lines[sig]).unwrap();
    let mut blob = dearmor(line["sshsig"].as_str().unwrap().as_bytes()).unwrap();
    change(&mut blob);
    exchange(lines, sig, &armor(&blob));
}

/// Adds the order of the curve's group to the second half of an Ed25519 signature: the same value, spelled otherwise.
fn add_order(blob: &mut [u8]) {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let start = blob.len() - 32;
    let mut carry = 0_u16;
    for (byte, add) in blob[start..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
}

/// Its name, what is done to the lines of the log or to the site, the code of the finding, and a part of its message.
type Trick = (&'static str, fn(&Site, &mut Vec<String>), &'static str, &'static str);

const TRICKS: &[Trick] = &[
    (
        "edit",
        |_, l| {
            let n = place_of(l, "decision");
            l[n] = l[n].replacen("first", "other", 1);
        },
        "log-broken-chain",
        "`prev` is not the hash of the previous line",
    ),
    (
        "delete",
        |_, l| {
            let n = place_of(l, "decision");
            l.remove(n);
        },
        "log-broken-chain",
        "`prev` is not the hash of the previous line",
    ),
    (
        "insert",
        |_, l| {
            let n = place_of(l, "decision");
            let line = l[n].clone();
            l.insert(n, line);
        },
        "log-broken-chain",
        "`prev` is not",
    ),
    (
        "reorder",
        |_, l| {
            let n = place_of(l, "decision");
            l.swap(n, n - 1);
        },
        "log-broken-chain",
        "`prev` is not",
    ),
    (
        "truncate within a session",
        |_, l| {
            l.pop();
        },
        "log-torn-tail",
        "ends in the middle of a session",
    ),
    (
        "truncate within a line",
        |_, l| {
            let half = l.last().unwrap().len() / 2;
            l.last_mut().unwrap().truncate(half);
        },
        "log-torn-tail",
        "ends in the middle of a session",
    ),
    (
        "cut out a session",
        |_, l| {
            let n = place_of(l, "sig");
            l.drain(..=n);
        },
        "log-missing-parent",
        "which is not in the log",
    ),
    (
        "replay of a session into another log",
        |_, l| {
            let other = Site::new();
            sitting(&other, "elsewhere");
            l.extend(raw(&other));
        },
        "log-foreign-session",
        "belongs to the log",
    ),
    (
        "foreign key",
        |s, l| {
            s.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", "stranger"]);
            sign_anew(s, l, "stranger", "review-seal@v1");
        },
        "log-bad-signature",
        "signed it",
    ),
    (
        "foreign key that claims to be the writer's",
        |s, _| {
            s.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", "keys/other"]);
            let k = s.public_key("other");
            let text = fs::read_to_string(s.demo().join("allowed_signers")).unwrap();
            fs::write(s.demo().join("allowed_signers"), text.replace(&s.public_key("ada"), &k)).unwrap();
        },
        "log-unknown-signer",
        "is not in allowed_signers",
    ),
    (
        "wrong namespace",
        |s, l| sign_anew(s, l, "keys/ada", "git"),
        "log-bad-signature",
        "namespace `git`, not for `review-seal@v1`",
    ),
    (
        "expired key",
        |s, _| {
            s.replace(
                "allowed_signers",
                "ada@corp.example namespaces=\"review-seal@v1\"",
                "ada@corp.example namespaces=\"review-seal@v1\",valid-before=\"20200101Z\"",
            );
        },
        "log-unknown-signer",
        "the key expired after",
    ),
    (
        "key valid only later",
        |s, _| {
            s.replace(
                "allowed_signers",
                "ada@corp.example namespaces=\"review-seal@v1\"",
                "ada@corp.example namespaces=\"review-seal@v1\",valid-after=\"20900101Z\"",
            );
        },
        "log-unknown-signer",
        "the key is valid only from",
    ),
    (
        "unknown critical option",
        |s, l| {
            s.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", "ca"]);
            s.keygen(&[
                "-q",
                "-s",
                "ca",
                "-I",
                "x",
                "-n",
                "ada@corp.example",
                "-O",
                "critical:only-on-tuesdays",
                "keys/ada.pub",
            ]);
            sign_anew(s, l, "keys/ada-cert.pub", "review-seal@v1");
        },
        "log-bad-signature",
        "unknown critical option `only-on-tuesdays`",
    ),
    (
        "malleated signature",
        |_, l| bend(l, |blob| add_order(blob)),
        "log-bad-signature",
        "does not match the signed bytes",
    ),
    ("trailing junk", |_, l| bend(l, |blob| blob.push(0)), "log-bad-signature", "damaged"),
    (
        "a signature cut short",
        |_, l| {
            bend(l, |blob| {
                blob.pop();
            });
        },
        "log-bad-signature",
        "damaged",
    ),
    ("garbage", |_, l| l.push("garbage\n".to_owned()), "log-syntax", ""),
];

#[test]
fn each_way_to_tamper_with_the_record_is_found_and_named() {
    let original = Site::new();
    sitting(&original, "first");
    sitting_again(&original);
    for (name, tamper, code, message) in TRICKS {
        let site = Site::copy_of(&original);
        let mut lines = raw(&site);
        tamper(&site, &mut lines);
        fs::write(site.log(), lines.concat()).unwrap();
        let (exit, text) = site.run(&["verify", "review-log.jsonl", "--format", "json"]);
        let report: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}: {text}"));
        assert_eq!(exit, 7, "{name}: {text}");
        let found = report["findings"].as_array().unwrap();
        let finding = found.iter().find(|f| f["code"] == *code).unwrap_or_else(|| panic!("{name}: {text}"));
        assert!(finding["message"].as_str().unwrap().contains(message), "{name}: {finding}");
        assert!(finding["line"].as_u64().is_some_and(|line| line > 0), "{name}: {finding}");
        assert!(finding["help"].as_str().is_some_and(|help| !help.is_empty()), "{name}: {finding}");
        let signs = finding["help"].as_str().unwrap().contains("sign with another key");
        assert!(!signs, "{name}: an auditor signs nothing: {finding}");
        let (exit, text) = site.run(&["gate", "plan.yaml", "--trust", "."]);
        // Sessions by keys that are not allowed count for nothing; everything else stops the gate.
        let expected = if *code == "log-unknown-signer" { 3 } else { 7 };
        assert_eq!(exit, expected, "{name}: {text}");
    }
}

#[test]
fn a_fork_is_legal_and_a_truncation_at_a_seal_is_told_by_a_remembered_head() {
    let site = Site::new();
    sitting(&site, "first");
    let first = fs::read_to_string(site.log()).unwrap();
    let other = Site::copy_of(&site);
    sitting_again(&site);
    sitting_again(&other);
    let (left, right) = (fs::read_to_string(site.log()).unwrap(), fs::read_to_string(other.log()).unwrap());
    fs::write(site.log(), format!("{left}{}", right.strip_prefix(&first).unwrap())).unwrap();
    let (code, text) = site.run(&["verify", "review-log.jsonl", "--format", "json"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, report["heads"].as_array().unwrap().len()), (0, 2), "{text}");
    let (_, heads) = site.run(&["log", "head"]);
    fs::write(site.demo().join("heads"), heads).unwrap();
    fs::write(site.log(), first).unwrap();
    let (code, text) = site.run(&["verify", "review-log.jsonl"]);
    assert!(code == 0 && text.contains("sessions may be missing at the end"), "{text}");
    let (code, text) = site.run(&["verify", "review-log.jsonl", "--known-head", "heads"]);
    assert!(code == 7 && text.contains("log-lost-head"), "{text}");
}

#[test]
fn two_steps_are_never_taken_with_one_key_or_by_one_person() {
    let site = Site::new();
    site.replace("people.yaml", "identity-security: [bo]", "identity-security: [bo, ada]");
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    approve_privileged(&mut ada);
    let needs = |site: &Site| {
        let (code, text) = site.run(&["gate", "plan.yaml", "--trust", "."]);
        assert_eq!(code, 3, "{text}");
        text.lines().find(|line| line.contains("change `c2` still needs")).map(str::to_owned)
    };
    let said = needs(&site).expect("one step is missing");
    assert_eq!(said.matches(" (").count(), 1, "{said}");
    // A second key of hers is not a second person.
    site.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", "keys/ada2"]);
    site.append(
        "allowed_signers",
        &format!("ada@corp.example namespaces=\"review-seal@v1\" {}\n", site.public_key("ada2")),
    );
    let mut again = site.sit("plan.yaml --key keys/ada2.pub");
    expect(&mut again, "? keys");
    key(&mut again, "q");
    expect(&mut again, "exit=");
    assert_eq!(needs(&site), Some(said));
    // Another person is.
    let mut bo = site.sit("plan.yaml --key keys/bo.pub");
    approve_privileged(&mut bo);
    assert_eq!(needs(&site), None);
}

/// Approves the privileged change, skips the others, and seals.
fn approve_privileged(terminal: &mut rexpect::session::PtySession) {
    loop {
        let card = terminal.exp_string("? keys").unwrap();
        if card.contains("grant role `ledger-admin` to identity `user:ravi`") {
            break;
        }
        key(terminal, "s");
    }
    key(terminal, "a");
    expect(terminal, "Type `ledger-admin`");
    expect(terminal, "Enter: send");
    key(terminal, "ledger-admin\r");
    expect(terminal, "? keys");
    key(terminal, "f");
    seal(terminal, 3);
}
