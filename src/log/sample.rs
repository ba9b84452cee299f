//! Sample sessions for tests, built with the real builder, and a judge with real Ed25519 signatures.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, OnceLock};

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

use super::judge::{Claim, Judgement, SealSigner, SignatureJudge};
use super::line::{
    Auto, Baseline, Decision, Evaluation, Export, Freeze, FreezeKind, Line, LogId, Number, Plan, PolicyOutcome, Proof,
    ProofMethod, Recertification, RecertificationAnswer, Rejected, Salt, Seen, Session, SessionId, SessionKind, Shown,
    SnapshotDigest, Tag, Thaw, Value, Verdict, Version, Withdrawal, Writer,
};
use super::session::Draft;
use super::verify;
use crate::input::digest::{Digest, of};
use crate::input::text::Text;
use crate::input::time::{Span, Time};
use crate::log::verify::answers::{Keep, Terms, Verification};

/// The current time in these tests.
pub(super) const NOW: i64 = 1_800_000_000;

/// A sample session.
pub(super) struct Made {
    pub(super) bytes: Vec<u8>,
    pub(super) seal: Digest<of::Line>,
    pub(super) blobs: BTreeSet<Digest<of::Blob>>,
}

/// The key and a cache of its signatures. Verification is a pure function, and slow without optimisation.
struct Keys {
    signing: SigningKey,
    verifying: VerifyingKey,
    made: Mutex<BTreeMap<Vec<u8>, String>>,
}

fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| {
        let signing = SigningKey::from_bytes(&[7; 32]);
        let verifying = signing.verifying_key();
        Keys { signing, verifying, made: Mutex::default() }
    })
}

pub(super) fn sign(namespace: &str, seal: &[u8]) -> Text {
    let bytes = [namespace.as_bytes(), seal].concat();
    let raw = keys().signing.sign(&bytes).to_bytes();
    let half = |n: &[u8]| Digest::<of::File>::from_bytes(n.try_into().unwrap()).to_string();
    let hex = half(&raw[..32]) + &half(&raw[32..]);
    keys().made.lock().unwrap().insert(bytes, hex.clone());
    Text::from(hex)
}

fn verifies(bytes: &[u8], sshsig: &str) -> bool {
    if keys().made.lock().unwrap().get(bytes).is_some_and(|hex| hex == sshsig) {
        return true;
    }
    let one_spelling = sshsig.len() == 128 && sshsig.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let raw: Option<Vec<u8>> = (0..sshsig.len() / 2)
        .map(|n| sshsig.get(2 * n..2 * n + 2).and_then(|h| u8::from_str_radix(h, 16).ok()))
        .collect();
    one_spelling
        && raw
            .and_then(|r| Signature::from_slice(&r).ok())
            .is_some_and(|s| keys().verifying.verify_strict(bytes, &s).is_ok())
}

/// Verifies the signatures of this file: hexadecimal Ed25519 over namespace and seal.
pub(super) struct Judge;

impl SignatureJudge for Judge {
    fn judge(&self, claim: &Claim<'_>) -> Judgement {
        let bytes = [claim.namespace.as_bytes(), claim.seal].concat();
        if !verifies(&bytes, claim.sshsig) {
            return Judgement::Bad("the signature does not verify".into());
        }
        let kind =
            if claim.namespace == SessionKind::Review.namespace() { SessionKind::Review } else { SessionKind::Record };
        let (principal, fingerprint) = signer(kind);
        Judgement::Good(Box::new(SealSigner {
            principal: principal.into(),
            fingerprint: fingerprint.into(),
            key_type: "ssh-ed25519".into(),
            security_key: false,
            user_present: false,
            user_verified: false,
            counter: None,
            valid_until: None,
            listed_until: None,
            certificate: None,
        }))
    }
}

/// The signer of sessions of a kind: a principal and a key.
fn signer(kind: SessionKind) -> (&'static str, &'static str) {
    match kind {
        SessionKind::Review => ("ada@example.com", "SHA256:test"),
        SessionKind::Record => ("robot@example.com", "SHA256:robot"),
    }
}

pub(super) fn log_id() -> LogId {
    LogId::from_bytes([9; 16])
}

pub(super) fn header(n: u8, kind: SessionKind, parents: &[Digest<of::Line>], at: i64) -> Session {
    let mut parents = parents.to_vec();
    parents.sort_unstable();
    let (principal, fingerprint) = signer(kind);
    Session {
        at: Time::from_unix(NOW - 100_000 + at),
        kind,
        log: log_id(),
        parents,
        session: SessionId::from_bytes([n; 16]),
        snapshot: None,
        tool: "review 0.1.0".into(),
        trust_files: vec![],
        r#type: Tag::new(),
        version: Version,
        writer: Writer {
            fingerprint: fingerprint.into(),
            person: (kind == SessionKind::Review).then(|| "ada".into()),
            principal: principal.into(),
        },
    }
}

pub(super) fn plan_line(prev: Digest<of::Line>, sha256: Digest<of::Blob>) -> Line {
    let proof = Proof {
        claims: None,
        expires_at: None,
        issued_at: None,
        method: ProofMethod::None,
        sha256: None,
        signature: None,
        subject: None,
    };
    let received_at = Time::from_unix(NOW - 100_000);
    Line::Plan(Box::new(Plan {
        id: "PLAN-1".into(),
        name: Some("plan.yaml".into()),
        prev,
        proof,
        received_at,
        sha256,
        r#type: Tag::new(),
    }))
}

pub(super) fn evaluation(prev: Digest<of::Line>, change: &str, outcome: PolicyOutcome) -> Line {
    let inline = |s: &str| Value::Inline(s.into());
    Line::Evaluation(Box::new(Evaluation {
        change: change.into(),
        definition: inline("{\"action\":\"grant\"}"),
        determining: vec!["p1".into(), "p2".into()],
        digest: Digest::of(change.as_bytes()),
        emergent: vec![],
        facts: inline("{\"gained\":[\"é \\u0001 \\\"x\\\"\"]}"),
        outcome,
        plan: "PLAN-1".into(),
        prev,
        requests: inline("[]"),
        steps: if outcome == PolicyOutcome::Needs { vec!["Owner".into()] } else { vec![] },
        r#type: Tag::new(),
    }))
}

pub(super) fn decision(prev: Digest<of::Line>, change: &str, verdict: Verdict) -> Decision {
    Decision {
        at: Time::from_unix(NOW - 99_999),
        change: change.into(),
        digest: Digest::of(change.as_bytes()),
        emergent: vec![],
        grouped: None,
        lifts: vec![],
        plan: "PLAN-1".into(),
        prev,
        privileged: (verdict == Verdict::Approve).then(|| format!("PLAN-1/{change} admin").into()),
        reason: (verdict != Verdict::Approve).then(|| "too wide".into()),
        rejected: (verdict == Verdict::Reject).then(|| Rejected {
            accesses: Value::Inline("[]".into()),
            action: "grant".into(),
            entitlement: Some("admin".into()),
            scope: None,
            target: Some("svc:x".into()),
        }),
        salt: Salt::from_bytes([3; 16]),
        set_aside: if verdict == Verdict::Override { vec!["p9".into()] } else { vec![] },
        shown: Shown {
            groups: Seen { of: Number::new(2), seen: Number::new(2) },
            lines: Seen { of: Number::new(24), seen: Number::new(24) },
        },
        steps: vec!["Owner".into()],
        supersedes: None,
        r#type: Tag::new(),
        verdict,
    }
}

/// Writes the lines of a review session: a plan with two changes, one approved and one rejected.
pub(super) fn fill_review(draft: &mut Draft, out: &mut Vec<u8>) {
    let (sha256, bytes) = draft.blob(b"version: 1\nid: PLAN-1\n").unwrap();
    out.extend(bytes);
    out.extend(draft.push(|prev| plan_line(prev, sha256)).unwrap().bytes);
    for (change, verdict) in [("c1", Verdict::Approve), ("c2", Verdict::Reject)] {
        out.extend(draft.push(|prev| evaluation(prev, change, PolicyOutcome::Needs)).unwrap().bytes);
        out.extend(draft.push(|prev| Line::Decision(Box::new(decision(prev, change, verdict)))).unwrap().bytes);
    }
}

pub(super) fn finish(draft: Draft, mut bytes: Vec<u8>, blobs: BTreeSet<Digest<of::Blob>>, at: i64) -> Made {
    let sealed = draft.seal(Time::from_unix(NOW - 99_990 + at)).unwrap();
    let (seal, sshsig) = (Digest::of(sealed.bytes()), sign(sealed.namespace(), sealed.bytes()));
    bytes.extend(sealed.sign(&sshsig).unwrap().bytes);
    Made { bytes, seal, blobs }
}

/// A review session.
pub(super) fn session(n: u8, parents: &[&Made], inherited: &BTreeSet<Digest<of::Blob>>, at: i64) -> Made {
    let parents: Vec<_> = parents.iter().map(|p| p.seal).collect();
    let (mut draft, mut bytes) = Draft::start(header(n, SessionKind::Review, &parents, at), inherited.clone()).unwrap();
    fill_review(&mut draft, &mut bytes);
    let mut blobs = inherited.clone();
    blobs.insert(Digest::of(b"version: 1\nid: PLAN-1\n"));
    finish(draft, bytes, blobs, at)
}

/// A session of a recorder.
pub(super) fn record(n: u8, parent: &Made, at: i64) -> Made {
    let (mut draft, mut bytes) =
        Draft::start(header(n, SessionKind::Record, &[parent.seal], at), parent.blobs.clone()).unwrap();
    let (sha256, more) = draft.blob(b"version: 1\nid: PLAN-1\n").unwrap();
    bytes.extend(more);
    bytes.extend(draft.push(|prev| plan_line(prev, sha256)).unwrap().bytes);
    bytes.extend(draft.push(|prev| evaluation(prev, "c3", PolicyOutcome::Auto)).unwrap().bytes);
    let when = Time::from_unix(NOW - 99_999);
    let auto = draft
        .push(|prev| {
            Line::Auto(Auto {
                at: when,
                change: "c3".into(),
                digest: Digest::of(b"c3"),
                plan: "PLAN-1".into(),
                policies: vec!["low".into()],
                prev,
                r#type: Tag::new(),
            })
        })
        .unwrap();
    bytes.extend(&auto.bytes);
    let export = |prev| {
        Line::Export(Export {
            at: when,
            change: "c3".into(),
            decisions: vec![auto.digest],
            digest: Digest::of(b"c3"),
            output: Digest::of(b"out"),
            plan: "PLAN-1".into(),
            prev,
            rollback: None,
            r#type: Tag::new(),
        })
    };
    bytes.extend(draft.push(export).unwrap().bytes);
    finish(draft, bytes, parent.blobs.clone(), at)
}

/// A review session that freezes an agent, and thaws a freeze of an earlier session.
pub(super) fn freezing(n: u8, parent: &Made, at_seconds: i64) -> Made {
    let (mut draft, mut out) =
        Draft::start(header(n, SessionKind::Review, &[parent.seal], at_seconds), parent.blobs.clone()).unwrap();
    out.extend(draft.push(freeze).unwrap().bytes);
    let thaw = |prev| {
        let at = Time::from_unix(NOW - 99_999);
        Line::Thaw(Thaw { at, freeze: parent.seal, prev, reason: "it was a test".into(), r#type: Tag::new() })
    };
    out.extend(draft.push(thaw).unwrap().bytes);
    finish(draft, out, parent.blobs.clone(), at_seconds)
}

/// A freeze of an agent for a week.
pub(super) fn freeze(prev: Digest<of::Line>) -> Line {
    let at = Time::from_unix(NOW - 99_999);
    Line::Freeze(Box::new(Freeze {
        at,
        kind: FreezeKind::Agent,
        name: Some("bot".into()),
        prev,
        proofs: vec!["key SHA256:a".into()],
        reason: "it acts oddly".into(),
        r#type: Tag::new(),
        until: at.plus(FreezeKind::Agent.longest()),
    }))
}

pub(super) fn terms(judge: &dyn SignatureJudge) -> Terms<'_> {
    Terms { judge, log: None, known_heads: &[], now: Time::from_unix(NOW), keep: Keep::Lines, threads: 1 }
}

pub(super) fn verify(bytes: &[u8]) -> Verification {
    verify::bytes("review-log.jsonl", bytes, terms(&Judge))
}

/// A baseline of one standard access, for 100 days.
pub(super) fn baseline(prev: Digest<of::Line>) -> Line {
    let at = Time::from_unix(NOW - 99_999);
    let snapshot = SnapshotDigest { sha256: Digest::of(b"snapshot"), taken_at: at, targets: Vec::new() };
    Line::Baseline(Box::new(Baseline {
        access: Value::Inline(format!("{{\"privileged\":[],\"standard\":[\"{}\"]}}", "0".repeat(64)).as_str().into()),
        at,
        count: Number::new(1),
        prev,
        reason: "it was there before".into(),
        snapshot,
        r#type: Tag::new(),
        until: at.plus(Span::from_days(100)),
        until_privileged: at.plus(Baseline::LONGEST_PRIVILEGED),
    }))
}

/// An access that is kept for 100 days.
pub(super) fn recertification(prev: Digest<of::Line>) -> Line {
    let at = Time::from_unix(NOW - 99_999);
    let access = "{\"holds\":\"role\",\"mode\":\"standing\",\"scope\":\"db:a\",\"what\":\"reader\",\"who\":\"user:a\"}";
    Line::Recertification(Box::new(Recertification {
        access: Value::Inline(access.into()),
        answer: RecertificationAnswer::Keep,
        at,
        count: Number::new(1),
        population: Digest::of(b"population"),
        prev,
        reason: None,
        scope: Some("db:a".into()),
        snapshot: SnapshotDigest { sha256: Digest::of(b"snapshot"), taken_at: at, targets: Vec::new() },
        r#type: Tag::new(),
        until: Some(at.plus(Span::from_days(100))),
    }))
}

/// The end of a baseline.
pub(super) fn withdrawal(prev: Digest<of::Line>) -> Line {
    Line::Withdrawal(Withdrawal {
        at: Time::from_unix(NOW - 99_999),
        baseline: Digest::of(b"baseline"),
        prev,
        reason: "it was of a test system".into(),
        r#type: Tag::new(),
    })
}
