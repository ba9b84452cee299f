//! A table of tamperings, each with a name, and every single-byte flip.

use super::answers::TimeAnswer;
use super::*;
use crate::input::time::Time;
use crate::log::judge::{Claim, Judgement};
use crate::log::judge::{SealSigner, SignatureJudge as _};
use crate::log::line::Line;
use crate::log::line::{self, SessionKind};
use crate::log::sample::{self, Judge, Made};
use crate::log::session::{Draft, DraftError};

fn three() -> [Made; 3] {
    let first = sample::session(1, &[], &[].into(), 0);
    let second = sample::session(2, &[&first], &first.blobs, 20);
    let third = sample::record(3, &second, 40);
    [first, second, third]
}

fn log(sessions: &[&Made]) -> Vec<u8> {
    sessions.iter().flat_map(|s| s.bytes.clone()).collect()
}

fn codes(v: &Verification) -> Vec<&'static str> {
    v.findings.iter().map(|f| f.code.name()).collect()
}

fn rejoined(lines: &[&[u8]]) -> Vec<u8> {
    lines.concat()
}

#[test]
fn an_untouched_log_holds_and_its_completeness_is_unknown() {
    let [a, b, c] = three();
    let v = sample::verify(&log(&[&a, &b, &c]));
    assert!(v.holds(), "{:?}", v.findings);
    assert_eq!((v.findings.len(), v.session_count, v.heads.as_slice()), (0, 3, [c.seal].as_slice()));
    assert_eq!((v.completeness, v.time), (Completeness::Unknown, TimeAnswer::Claimed));
    assert_eq!(v.sessions.iter().map(|s| s.decisions().count()).collect::<Vec<_>>(), [2, 2, 0]);
    assert!(v.ancestry.is_ancestor(v.sessions[0].index, v.sessions[2].index));
    assert!(!v.ancestry.is_ancestor(v.sessions[2].index, v.sessions[0].index));
}

#[test]
fn where_only_heads_are_kept_every_head_is_and_the_answers_are_the_same() {
    let [a, b, c] = three();
    let other = sample::session(4, &[&a], &a.blobs, 30);
    for order in [[&a, &b, &c, &other], [&c, &other, &b, &a], [&b, &a, &b, &c]] {
        let whole = log(&order);
        let all = sample::verify(&whole);
        let some = bytes("review-log.jsonl", &whole, Terms { keep: Keep::Heads, ..sample::terms(&Judge) });
        assert_eq!(some.heads, all.heads);
        for head in &all.heads {
            assert!(some.sessions.iter().any(|s| s.seal.digest == *head && s.lines.is_empty()), "{head}");
        }
        assert_eq!((codes(&some), some.integrity, some.session_count), (codes(&all), all.integrity, all.session_count));
    }
    let kept = bytes("x", &log(&[&a, &b, &c]), Terms { keep: Keep::Heads, ..sample::terms(&Judge) });
    assert_eq!(kept.sessions.len(), 1, "what is followed is let go");
}

#[test]
fn every_single_byte_flip_is_found() {
    let [a, b, c] = three();
    let whole = log(&[&a, &b, &c]);
    // Flip one bit of each byte, a different one each time. In the last session, try those closest to legal text.
    let last = a.bytes.len() + b.bytes.len();
    let masks = |at: usize| [1 << (at % 8), 0x20, 1].into_iter().take(if at < last { 1 } else { 3 });
    let flips: Vec<(usize, u8)> = (0..whole.len()).flat_map(|at| masks(at).map(move |m| (at, m))).collect();
    let try_all = |flips: &[(usize, u8)]| {
        for (at, mask) in flips {
            let mut bad = whole.clone();
            bad[*at] ^= mask;
            let v = sample::verify(&bad);
            assert!(!v.holds(), "byte {at} with {mask:#x}");
            let placed = v.findings.iter().filter_map(|f| f.place.as_ref()).any(|p| p.line >= 1 && p.file.len() > 1);
            assert!(placed, "byte {at}: no finding has a place");
        }
    };
    let (one, two) = flips.split_at(flips.len() / 2);
    std::thread::scope(|scope| {
        scope.spawn(|| try_all(one));
        try_all(two);
    });
}

#[test]
fn every_dropped_swapped_repeated_or_inserted_line_is_found() {
    let [a, b, c] = three();
    let whole = log(&[&a, &b, &c]);
    let lines: Vec<&[u8]> = line::lines(&whole).collect();
    for n in 0..lines.len() {
        let mut dropped = lines.clone();
        dropped.remove(n);
        assert!(!sample::verify(&rejoined(&dropped)).holds(), "line {n} dropped");
        for m in 0..lines.len() {
            let mut inserted = lines.clone();
            inserted.insert(n, lines[m]);
            assert!(!sample::verify(&rejoined(&inserted)).holds(), "line {m} inserted before {n}");
            let mut swapped = lines.clone();
            swapped.swap(n, m);
            assert!(n == m || !sample::verify(&rejoined(&swapped)).holds(), "lines {n} and {m} swapped");
        }
        let mut inserted = lines.clone();
        inserted.insert(n, b"\n");
        assert!(!sample::verify(&rejoined(&inserted)).holds(), "an empty line before {n}");
    }
    let mut appended = lines.clone();
    appended.push(b"\n");
    assert!(!sample::verify(&rejoined(&appended)).holds());
}

#[test]
fn every_truncation_is_torn_or_a_shorter_log_that_says_so() {
    let [a, b, c] = three();
    let whole = log(&[&a, &b, &c]);
    let ends = [0, a.bytes.len(), a.bytes.len() + b.bytes.len()];
    // Every important position, and every seventh byte elsewhere.
    let near = |n: usize| ends.iter().any(|e| n.abs_diff(*e) < 40) || whole.len() - n < 1_200 || n.is_multiple_of(7);
    for length in (0..whole.len()).filter(|n| near(*n)) {
        let v = sample::verify(&whole[..length]);
        if ends.contains(&length) {
            assert!(v.holds(), "a prefix of whole sessions at {length}");
            assert_eq!(v.completeness, Completeness::Unknown);
            let terms = Terms { known_heads: &[c.seal], ..sample::terms(&Judge) };
            let known = bytes("review-log.jsonl", &whole[..length], terms);
            assert_eq!(known.completeness, Completeness::Lost(vec![c.seal]));
            assert!(!known.holds());
        } else {
            assert!(!v.holds(), "cut at {length}");
            assert!(codes(&v).contains(&"log-torn-tail"), "cut at {length}: {:?}", v.findings);
            let start = ends.iter().copied().filter(|e| *e < length).max().unwrap();
            assert_eq!(v.torn.iter().map(|t| t.offset).collect::<Vec<_>>(), [start], "cut at {length}");
        }
    }
}

/// Builds and signs a session of a given log with a given function for its first line.
fn forged(make: impl FnOnce(&mut crate::log::line::Session)) -> Made {
    let mut header = sample::header(7, SessionKind::Review, &[], 0);
    make(&mut header);
    let (mut draft, mut bytes) = Draft::start(header, [].into()).unwrap();
    sample::fill_review(&mut draft, &mut bytes);
    sample::finish(draft, bytes, [].into(), 0)
}

/// Replaces text in a session and recomputes every hash, seal and signature after it, as the key's owner could.
fn resealed(made: &Made, from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(made.bytes.clone()).unwrap();
    assert!(text.contains(from), "{from}");
    let changed = text.replace(from, to);
    let (mut out, mut prev): (Vec<String>, Option<String>) = (Vec::new(), None);
    let mut tree = crate::log::merkle::Tree::default();
    for line in changed.split_inclusive('\n') {
        let mut line = line.to_owned();
        if let (Some(hash), Some(at)) = (&prev, line.find("\"prev\":\"")) {
            line.replace_range(at + 8..at + 72, hash);
        }
        if line.contains("\"type\":\"seal\"") {
            let at = line.find("\"root\":\"").unwrap();
            line.replace_range(at + 8..at + 72, &tree.root().to_string());
        }
        if line.contains("\"type\":\"sig\"") {
            let namespace = if changed.contains("\"kind\":\"record\"") { "review-record@v1" } else { "review-seal@v1" };
            let fresh = sample::sign(namespace, out.last().unwrap().as_bytes());
            let at = line.find("\"sshsig\":\"").unwrap();
            line.replace_range(at + 10..at + 138, fresh.raw());
        } else {
            tree.push(crate::log::merkle::leaf(line.as_bytes()));
        }
        prev = Some(Digest::<of::Line>::of(line.as_bytes()).to_string());
        out.push(line);
    }
    out.concat().into_bytes()
}

#[test]
fn even_who_holds_a_key_cannot_break_the_rules_of_a_session() {
    let [a, _, c] = three();
    let (id, other_id) = ("01".repeat(16), "02".repeat(16));
    let same = resealed(&a, "too wide", "too wide!");
    assert!(sample::verify(&same).holds(), "{:?}", sample::verify(&same).findings);
    let tricks: &[(&str, Vec<u8>, &str)] = &[
        ("a decision in a record", resealed(&a, "\"kind\":\"review\"", "\"kind\":\"record\""), "log-misplaced-line"),
        (
            "a record signed as a review",
            resealed(&c, "\"kind\":\"record\"", "\"kind\":\"review\""),
            "log-misplaced-line",
        ),
        (
            "a decision on what was not shown",
            resealed(&a, "\"change\":\"c1\",\"definition\"", "\"change\":\"c9\",\"definition\""),
            "log-misplaced-line",
        ),
        ("a plan that no line names", resealed(&a, "\"id\":\"PLAN-1\"", "\"id\":\"PLAN-2\""), "log-misplaced-line"),
        (
            "a reject without a reason",
            resealed(&a, "\"reason\":\"too wide\"", "\"reason\":\" \""),
            "log-misplaced-line",
        ),
        ("a seal that counts one approval less", resealed(&a, "{\"approve\":1", "{\"approve\":0"), "log-bad-seal"),
        ("a seal that hides a privileged change", resealed(&a, "[\"PLAN-1/c1 admin\"]", "[]"), "log-bad-seal"),
        (
            "a seal of another session",
            resealed(&a, &format!("{id}\",\"type\":\"seal\""), &format!("{other_id}\",\"type\":\"seal\"")),
            "log-bad-seal",
        ),
        ("a blob that is another value", resealed(&a, "\"base64\":\"dmVyc2", "\"base64\":\"dmVyc3"), "log-bad-blob"),
        ("a blob without its last part", resealed(&a, "\"parts\":1", "\"parts\":2"), "log-bad-blob"),
        ("policies out of order", resealed(&a, "[\"p1\",\"p2\"]", "[\"p2\",\"p1\"]"), "log-syntax"),
        ("a writer who is nobody", resealed(&a, "\"person\":\"ada\",", ""), "log-misplaced-line"),
        ("a seal by another principal", resealed(&a, "ada@example.com", "eve@example.com"), "log-bad-signature"),
        ("a seal by another key", resealed(&a, "SHA256:test", "SHA256:else"), "log-bad-signature"),
    ];
    for (trick, bytes, code) in tricks {
        let v = sample::verify(bytes);
        assert!(!v.holds(), "{trick}");
        assert!(codes(&v).contains(code), "{trick}: {:?}", v.findings);
    }
}

#[test]
fn a_session_replayed_into_another_log_is_foreign() {
    let [a, ..] = three();
    let other = forged(|h| h.log = crate::log::line::LogId::from_bytes([1; 16]));
    let v = sample::verify(&log(&[&a, &other]));
    assert_eq!((v.integrity, codes(&v)), (Integrity::Broken, vec!["log-foreign-session"]));
    let terms = Terms { log: Some(sample::log_id()), ..sample::terms(&Judge) };
    let alone = bytes("review-log.jsonl", &other.bytes, terms);
    assert_eq!(codes(&alone), ["log-foreign-session"], "the log that is expected need not be the first one seen");
}

#[test]
fn a_session_cut_out_of_the_middle_is_missed_by_those_after_it() {
    let [a, b, c] = three();
    let v = sample::verify(&log(&[&a, &c]));
    assert_eq!(codes(&v), ["log-missing-parent", "log-missing-blob"], "what it held is missing with it");
    let v = sample::verify(&log(&[&b, &c]));
    assert!(codes(&v).contains(&"log-missing-parent") && codes(&v).contains(&"log-missing-blob"));
}

#[test]
fn an_identical_repeat_is_a_note_and_counts_once() {
    let [a, b, c] = three();
    for order in [[&a, &b, &c, &b], [&b, &a, &b, &c], [&c, &b, &a, &a]] {
        let v = sample::verify(&log(&order));
        assert!(v.holds(), "{:?}", v.findings);
        assert_eq!((v.session_count, v.sessions.len(), codes(&v)), (3, 3, vec!["log-repeated-session"]));
        assert_eq!(v.heads, [c.seal]);
        assert_eq!(v.sessions[0].header.session.as_bytes(), &[1; 16], "ancestors come first");
    }
}

#[test]
fn two_sessions_of_one_name_conflict() {
    let [a, b, _] = three();
    let other = sample::session(2, &[&a], &a.blobs, 30);
    let v = sample::verify(&log(&[&a, &b, &other]));
    assert_eq!((v.integrity, codes(&v)), (Integrity::Broken, vec!["log-conflicting-session"]));
}

#[test]
fn a_fork_is_legal_and_the_next_session_joins_it() {
    let [a, b, _] = three();
    let fork = sample::session(4, &[&a], &a.blobs, 25);
    let v = sample::verify(&log(&[&a, &b, &fork]));
    assert!(v.holds());
    assert_eq!(v.heads.len(), 2);
    let joined = sample::session(5, &[&b, &fork], &a.blobs, 50);
    let v = sample::verify(&log(&[&a, &b, &fork, &joined]));
    assert!(v.holds(), "{:?}", v.findings);
    assert_eq!(v.heads, [joined.seal]);
    let index = |n: u8| v.sessions.iter().find(|s| s.header.session.as_bytes() == &[n; 16]).unwrap().index;
    assert!(v.ancestry.is_ancestor(index(2), index(5)) && v.ancestry.is_ancestor(index(4), index(5)));
    assert!(!v.ancestry.is_ancestor(index(2), index(4)) && !v.ancestry.is_ancestor(index(4), index(2)));
}

#[test]
fn files_of_a_folder_mean_the_same_as_one_file() {
    let [a, b, c] = three();
    let mut verifier = Verifier::new(Terms { threads: 2, ..sample::terms(&Judge) });
    for (name, made) in [("c.jsonl", &c), ("b.jsonl", &b), ("a.jsonl", &a)] {
        verifier.feed(name, made.bytes.as_slice()).unwrap();
    }
    let v = verifier.finish();
    assert!(v.holds(), "{:?}", v.findings);
    assert_eq!((v.session_count, v.heads), (3, vec![c.seal]));
}

#[test]
fn claimed_times_that_cannot_be_are_told_apart_from_integrity() {
    let first = sample::session(1, &[], &[].into(), 50);
    let back = sample::session(2, &[&first], &first.blobs, 0);
    let v = sample::verify(&log(&[&first, &back]));
    assert_eq!(
        (v.integrity, v.time, codes(&v)),
        (Integrity::Intact, TimeAnswer::Backwards, vec!["log-time-backwards"])
    );
    let early = Terms { now: Time::from_unix(sample::NOW - 99_990 + 50 - CLOCK_SKEW - 1), ..sample::terms(&Judge) };
    let v = bytes("review-log.jsonl", &first.bytes, early);
    assert_eq!((v.integrity, v.time, codes(&v)), (Integrity::Intact, TimeAnswer::Future, vec!["log-time-future"]));
}

#[test]
fn answers_about_a_signature_never_touch_integrity() {
    let [a, ..] = three();
    let cases = [
        (Judgement::NotAllowed("no".into(), None), Authenticity::NotAllowed, "log-unknown-signer"),
        (Judgement::OtherPerson("no".into()), Authenticity::NotAllowed, "log-other-person"),
        (Judgement::Unsupported("no".into()), Authenticity::Unsupported, "log-unsupported-signature"),
        (Judgement::Bad("no".into()), Authenticity::Failed, "log-bad-signature"),
    ];
    for (judgement, answer, code) in cases {
        let judge = |_: &crate::log::judge::Claim<'_>| judgement.clone();
        let v = bytes("review-log.jsonl", &a.bytes, sample::terms(&judge));
        assert_eq!((v.integrity, v.authenticity, codes(&v)), (Integrity::Intact, answer, vec![code]));
        assert!(v.sessions[0].signer.is_none());
    }
}

#[test]
fn a_builder_refuses_what_a_verifier_would_find() {
    let (mut draft, _) = Draft::start(sample::header(1, SessionKind::Review, &[], 0), [].into()).unwrap();
    let missing = draft.push(|prev| sample::plan_line(prev, Digest::of(b"never written")));
    assert!(matches!(missing, Err(DraftError::MissingBlob(_))));
    let (mut draft, _) = Draft::start(sample::header(1, SessionKind::Review, &[], 0), [].into()).unwrap();
    let unseen =
        draft.push(|prev| Line::Decision(Box::new(sample::decision(prev, "c1", crate::log::line::Verdict::Approve))));
    assert!(matches!(unseen, Err(DraftError::Rule(Code::LogMisplacedLine, _))));
}

#[test]
fn garbage_of_every_kind_is_answered_and_never_panics() {
    for bad in
        [&b"\0\0\0\0"[..], b"\n", b"\n\n\n", b"{}", b"{\"type\":\"sig\"}\n", &vec![0xff; 200_000], &vec![b'\n'; 5_000]]
    {
        let v = sample::verify(bad);
        assert_eq!(v.integrity, Integrity::Broken);
        assert!(v.findings.len() <= FINDINGS + 1);
    }
    assert!(sample::verify(b"").holds(), "no session is a log, and not known to be all of it");
}

#[test]
fn a_session_that_claims_a_time_before_its_key_ended_but_follows_a_later_seal_is_not_authentic() {
    let first = sample::session(1, &[], &[].into(), 0);
    let second = sample::session(2, &[&first], &first.blobs, -5_000);
    let third = sample::session(3, &[&second], &second.blobs, -4_000);
    let whole = log(&[&first, &second, &third]);
    let sealed = sample::verify(&whole).sessions[0].seal.value.at;
    let judged = |until: i64| {
        let judge = |claim: &Claim<'_>| match Judge.judge(claim) {
            Judgement::Good(signer) => Judgement::Good(Box::new(SealSigner {
                valid_until: Some(Time::from_unix(sealed.unix() + until)),
                ..*signer
            })),
            other @ (Judgement::Revoked(..)
            | Judgement::NotAllowed(..)
            | Judgement::OtherPerson(_)
            | Judgement::Unsupported(_)
            | Judgement::Bad(_)) => other,
        };
        bytes("log", &whole, sample::terms(&judge))
    };
    let held = judged(0);
    assert!(held.holds(), "{:?}", held.findings);
    assert!(judged(-300).holds(), "clocks may differ by five minutes");
    let late = judged(-301);
    assert_eq!((late.integrity, late.authenticity), (Integrity::Intact, Authenticity::NotAllowed));
    let found: Vec<_> = late.findings.iter().filter(|f| f.code == Code::LogUnknownSigner).collect();
    assert_eq!(found.len(), 2, "the one that follows it, and the one that follows that: {found:?}");
    assert!(found[0].message.raw().contains("signed later than it claims"));
    assert_eq!(late.sessions.iter().filter(|view| view.signer.is_some()).count(), 1, "only the first decides anything");
}

#[test]
fn freezes_are_kept_with_the_heads_however_many_sessions_follow() {
    let base = sample::session(1, &[], &[].into(), 0);
    let freezing = sample::freezing(2, &base, 5);
    let after = sample::session(3, &[&freezing], &freezing.blobs, 10);
    let some = bytes("x", &log(&[&base, &freezing, &after]), Terms { keep: Keep::Heads, ..sample::terms(&Judge) });
    assert!(some.holds(), "{:?}", some.findings);
    let lines: Vec<&str> = some.sessions.iter().flat_map(|it| &it.lines).map(|it| it.value.word()).collect();
    assert_eq!((some.sessions.len(), lines), (2, vec!["freeze", "thaw"]), "that session, and the head");
}

/// What makes a freeze break a rule.
type Bend = fn(&mut crate::log::line::Freeze);

#[test]
fn a_freeze_that_breaks_a_rule_cannot_be_written() {
    use crate::log::line::{FreezeKind, Line};
    let base = sample::session(1, &[], &[].into(), 0);
    let mut header = base_header(&base);
    let refused = |change: &dyn Fn(&mut crate::log::line::Freeze)| {
        let (mut draft, _) = crate::log::session::Draft::start(header.clone(), base.blobs.clone()).unwrap();
        let broken = |prev| {
            let Line::Freeze(mut freeze) = sample::freeze(prev) else { panic!() };
            change(&mut freeze);
            Line::Freeze(freeze)
        };
        draft.push(broken).is_err()
    };
    assert!(!refused(&|_| {}));
    let cases: [(&str, Bend); 7] = [
        ("longer than a week", |it| it.until = it.until.plus(crate::input::time::Span::from_days(1))),
        ("longer than a day for everything", |it| {
            (it.kind, it.name) = (FreezeKind::All, None);
            it.proofs.clear();
        }),
        ("over before it starts", |it| it.until = it.at),
        ("no reason", |it| it.reason = " ".into()),
        ("no name", |it| it.name = None),
        ("a name for everything", |it| it.kind = FreezeKind::All),
        ("credentials of a task", |it| it.kind = FreezeKind::Task),
    ];
    for (what, change) in cases {
        assert!(refused(&change), "{what}");
    }
    header.kind = crate::log::line::SessionKind::Record;
    header.writer.person = None;
    let (mut draft, _) = crate::log::session::Draft::start(header, base.blobs.clone()).unwrap();
    assert!(draft.push(sample::freeze).is_err(), "a recorder freezes nothing");
}

/// What makes a baseline break a rule.
type BendBaseline = fn(&mut crate::log::line::Baseline);

#[test]
fn a_baseline_that_breaks_a_rule_cannot_be_written() {
    use crate::input::time::Span;
    use crate::log::line::Line;
    let base = sample::session(1, &[], &[].into(), 0);
    let mut header = base_header(&base);
    let refused = |change: &dyn Fn(&mut crate::log::line::Baseline)| {
        let (mut draft, _) = crate::log::session::Draft::start(header.clone(), base.blobs.clone()).unwrap();
        let broken = |prev| {
            let Line::Baseline(mut baseline) = sample::baseline(prev) else { panic!() };
            change(&mut baseline);
            Line::Baseline(baseline)
        };
        draft.push(broken).is_err()
    };
    assert!(!refused(&|_| {}));
    let cases: [(&str, BendBaseline); 6] = [
        ("longer than a year", |it| it.until = it.at.plus(Span::from_days(367))),
        ("privileged access for longer than 90 days", |it| it.until_privileged = it.at.plus(Span::from_days(91))),
        ("privileged access for longer than other access", |it| it.until = it.at.plus(Span::from_days(89))),
        ("over before it starts", |it| (it.until, it.until_privileged) = (it.at, it.at)),
        ("no reason", |it| it.reason = " ".into()),
        ("a value that the log does not have", |it| {
            it.access = crate::log::line::Value::Blob(crate::input::digest::Digest::of(b"missing"));
        }),
    ];
    for (what, change) in cases {
        assert!(refused(&change), "{what}");
    }
    header.kind = crate::log::line::SessionKind::Record;
    header.writer.person = None;
    let (mut draft, _) = crate::log::session::Draft::start(header, base.blobs.clone()).unwrap();
    assert!(draft.push(sample::baseline).is_err(), "a recorder records no baseline");
}

/// The first line of a session that follows another.
fn base_header(base: &Made) -> crate::log::line::Session {
    let freezing = sample::freezing(2, base, 5);
    let first = crate::log::line::lines(&freezing.bytes).next().unwrap();
    let crate::log::line::Line::Session(header) = crate::log::line::read(first, &mut Vec::new()).unwrap() else {
        panic!("no session")
    };
    *header
}
