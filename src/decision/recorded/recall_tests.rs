use super::*;
use crate::decision::case::EvaluatedChange;
use crate::decision::sample::{now, simple};
use crate::input::id::Id;
use crate::log::judge;
use crate::log::line::{
    LogId, Number, PolicyOutcome, Salt, Seal, Session, SessionId, Tag, VerdictCounts, Version, Writer,
};
use crate::log::verify::SessionIndex;
use crate::log::verify::answers::Recorded as Kept;

const HEX: &str = "000102030405060708090a0b0c0d0e0f";

fn digest<T>(name: &str) -> Digest<T> {
    Digest::of(name.as_bytes())
}

fn signer() -> judge::SealSigner {
    judge::SealSigner {
        principal: "ada@corp".into(),
        fingerprint: "SHA256:ada".into(),
        key_type: "ssh-ed25519".into(),
        security_key: false,
        user_present: false,
        user_verified: false,
        counter: None,
        valid_until: None,
        listed_until: None,
        certificate: None,
    }
}

fn evaluation(on: &EvaluatedChange, definition: &str) -> Line {
    let empty = || Value::Inline("{}".into());
    Line::Evaluation(Box::new(Evaluation {
        change: on.case.change.clone(),
        definition: Value::Inline(definition.into()),
        determining: Vec::new(),
        digest: on.digest,
        emergent: Vec::new(),
        facts: empty(),
        outcome: PolicyOutcome::Needs,
        plan: on.case.plan.clone(),
        prev: digest("before"),
        requests: empty(),
        steps: Vec::new(),
        r#type: Tag::new(),
    }))
}

fn said(on: &EvaluatedChange, verdict: Verdict) -> Line {
    Line::Decision(Box::new(Decision {
        at: now(),
        change: on.case.change.clone(),
        digest: on.digest,
        emergent: Vec::new(),
        grouped: None,
        lifts: Vec::new(),
        plan: on.case.plan.clone(),
        prev: digest("before"),
        privileged: None,
        reason: None,
        rejected: None,
        salt: Salt::parse(HEX).unwrap(),
        set_aside: Vec::new(),
        shown: crate::log::line::Shown::default(),
        steps: vec!["Owner".into()],
        supersedes: None,
        r#type: Tag::new(),
        verdict,
    }))
}

fn session(lines: Vec<Line>, signer: Option<judge::SealSigner>) -> SessionView {
    let (log, id) = (LogId::parse(HEX).unwrap(), SessionId::parse(HEX).unwrap());
    let header = Session {
        at: now(),
        kind: SessionKind::Review,
        log,
        parents: Vec::new(),
        session: id,
        snapshot: None,
        tool: "review".into(),
        trust_files: Vec::new(),
        r#type: Tag::new(),
        version: Version,
        writer: Writer { fingerprint: "SHA256:ada".into(), person: Some("ada".into()), principal: Id::new("ada@corp") },
    };
    let seal = Seal {
        at: now(),
        count: Number::new(1),
        decisions: VerdictCounts::default(),
        fingerprint: "SHA256:ada".into(),
        log,
        prev: digest("before"),
        principal: Id::new("ada@corp"),
        privileged: Vec::new(),
        privileged_count: Number::new(0),
        root: digest("root"),
        session: id,
        r#type: Tag::new(),
    };
    let lines = lines
        .into_iter()
        .enumerate()
        .map(|(n, value)| Kept { line: n + 2, digest: digest(&format!("line {n}")), value })
        .collect();
    SessionView {
        index: SessionIndex::default(),
        file: "log".into(),
        line: 1,
        header,
        seal: Kept { line: 9, digest: digest("seal"), value: seal },
        signer,
        revoked_signer: None,
        lines,
        used_up: Vec::new(),
    }
}

fn text(on: &EvaluatedChange) -> Arc<str> {
    on.document.as_ref().clone().digest().unwrap().text
}

fn ada(principal: &PrincipalId) -> Option<PersonId> {
    (principal.as_str() == "ada@corp").then(|| "ada".into())
}

fn recalled(
    lines: Vec<Line>,
    signer: Option<judge::SealSigner>,
    person: &dyn Fn(&PrincipalId) -> Option<PersonId>,
) -> Result<Record, Vec<RecallFault>> {
    recall(&[session(lines, signer)], &Values::default(), person).map_err(|e| e.iter().map(|u| u.why).collect())
}

#[test]
fn a_decision_is_recalled_with_what_it_was_decided_on() {
    let on = simple("c1");
    let lines = vec![evaluation(&on, &text(&on)), said(&on, Verdict::Approve)];
    let record = recalled(lines, Some(signer()), &ada).unwrap();
    let [d] = record.decisions.as_slice() else { panic!("{record:?}") };
    assert_eq!((d.signer.clone(), d.digest, d.line), (Signer::new("ada", "SHA256:ada"), on.digest, digest("line 1")));
    assert_eq!(*d.document, *on.document);
}

#[test]
fn what_was_decided_on_must_be_in_the_log_and_be_what_the_digest_says() {
    let (on, other) = (simple("c1"), simple("c2"));
    let without = recalled(vec![said(&on, Verdict::Approve)], Some(signer()), &ada);
    assert_eq!(without.unwrap_err(), [RecallFault::NotEvaluated]);
    let forged = vec![evaluation(&on, &text(&other)), said(&on, Verdict::Reject)];
    assert_eq!(recalled(forged, Some(signer()), &ada).unwrap_err(), [RecallFault::NotItsDigest]);
}

#[test]
fn nothing_is_decided_by_who_did_not_sign() {
    let on = simple("c1");
    let lines = vec![evaluation(&on, &text(&on)), said(&on, Verdict::Approve)];
    assert!(recalled(lines, None, &ada).unwrap().decisions.is_empty());
}

#[test]
fn a_key_revoked_up_to_an_earlier_session_still_rejects_and_approves_nothing() {
    let on = simple("c1");
    for (verdict, counts) in [(Verdict::Approve, 0), (Verdict::Override, 0), (Verdict::Reject, 1)] {
        let lines = vec![evaluation(&on, &text(&on)), said(&on, verdict)];
        let view = SessionView { revoked_signer: Some(signer()), ..session(lines, None) };
        let record = recall(&[view], &Values::default(), &ada).unwrap();
        assert_eq!(record.decisions.len(), counts, "{verdict:?}");
    }
}

#[test]
fn who_left_approves_nothing_and_still_rejects() {
    let on = simple("c1");
    let lines = |verdict| vec![evaluation(&on, &text(&on)), said(&on, verdict)];
    let left = recalled(lines(Verdict::Approve), Some(signer()), &|_| None).unwrap();
    assert!(left.decisions.is_empty());
    let left = recalled(lines(Verdict::Reject), Some(signer()), &|_| None).unwrap();
    assert_eq!(left.decisions[0].signer.person.as_str(), "ada");
}

#[path = "interleavings.rs"]
mod interleavings;
