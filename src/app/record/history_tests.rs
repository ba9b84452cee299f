//! What was approved is held until it is shown not to be.

use super::*;
use crate::access::{AnalysisRequest, Data, analyse};
use crate::decision::digest::{DigestBinding, change_digest};
use crate::decision::recorded::record::{Exported, ExportedChange, SessionRef};

const NOW: &str = "2026-11-24T12:00:00Z";

fn at(text: &str) -> Time {
    Time::parse(text).unwrap()
}

const PLAN: &str = "version: 1\nid: P\nproposer: agent:a\nintent: let it work\nexpires: 2026-11-30T00:00:00Z\nchanges:\n  - id: c\n    \
                    action: grant\n    to: user:u\n    role: r\n    mode: active\n    ttl: 4h\n    reason: the job fails\n";

fn analysed(snapshot: &crate::snapshot::model::Snapshot, plan: &Plan) -> Analysis {
    let index = Index::new(snapshot);
    analyse(&AnalysisRequest {
        plan,
        snapshot,
        index: &index,
        data: &Data::default(),
        task: None,
        people: &[],
        now: at(NOW),
        only: None,
        approved: &[],
        budget: crate::access::Budget::default(),
    })
    .unwrap()
}

/// The changes of a plan with what they do.
fn digested(snapshot: &crate::snapshot::model::Snapshot, plan: &Plan) -> Vec<Digested> {
    let analysis = analysed(snapshot, plan);
    let binding = DigestBinding { snapshot, log: None };
    plan.changes
        .iter()
        .zip(&analysis.changes)
        .map(|(c, facts)| change_digest(plan, c, facts, &binding).unwrap())
        .collect()
}

/// A past in which Bo approved the only change of a plan.
struct Approval {
    snapshot: crate::snapshot::model::Snapshot,
    past: Past,
    approved: RecordedDecision,
}

fn approval() -> Approval {
    let snapshot = r#"{"version":1,"taken_at":"2026-11-24T11:00:00Z","source":"demo","identities":[{"id":"agent:a","kind":"agent"},
        {"id":"user:u","kind":"human"}],"roles":[{"id":"r","permissions":[{"action":"read","resource":"*"}]}]}"#;
    let (snapshot, _) = crate::snapshot::read("snapshot.json", snapshot.as_bytes()).unwrap();
    let plan = crate::plan::read("plan.yaml", PLAN.as_bytes()).unwrap();
    let digested = digested(&snapshot, &plan).remove(0);
    let approved = RecordedDecision {
        line: Digest::of(b"approve"),
        session: SessionRef::new("s1"),
        index: 0,
        sealed_at: at("2026-11-24T11:10:00Z"),
        signer: Signer::new("bo", "key of bo"),
        key: KeyFacts {
            kind: "ssh-ed25519".to_owned(),
            security_key: false,
            user_present: false,
            user_verified: false,
        },
        listed_until: None,
        digest: digested.digest,
        document: digested.document,
        change: plan.changes[0].id.value.clone(),
        emergent: BTreeSet::new(),
        said: ReviewerVerdict::Approve { grouped: false },
        steps: BTreeSet::from([StepName::new("Owner").unwrap()]),
        reason: None,
    };
    let held = PendingChange {
        plan: "P".into(),
        proposer: plan.proposer.value.clone(),
        at: approved.sealed_at,
        expires: plan.expires.value,
        change: plan.changes[0].clone(),
    };
    let record = Record { decisions: vec![approved.clone()], ..Record::default() };
    Approval { snapshot, past: Past { record, approved: vec![(approved.digest, held)], ..Past::default() }, approved }
}

#[test]
fn only_a_reject_that_counts_takes_an_approved_change_out_of_what_is_held() {
    let held = |edit: &dyn Fn(&mut RecordedDecision), then: &dyn Fn(&mut Record, &RecordedDecision)| {
        let mut it = approval();
        let mut reject = RecordedDecision {
            line: Digest::of(b"reject"),
            session: SessionRef::new("s2"),
            sealed_at: at("2026-11-24T11:20:00Z"),
            signer: Signer::new("ada", "key of ada"),
            said: ReviewerVerdict::Reject,
            reason: Some("no".into()),
            ..it.approved.clone()
        };
        edit(&mut reject);
        it.past.record.decisions.push(reject.clone());
        then(&mut it.past.record, &reject);
        it.past.approved(at(NOW), &Index::new(&it.snapshot)).len()
    };
    assert_eq!(held(&|_| (), &|_, _| ()), 0, "a reject that counts");
    assert_eq!(held(&|reject| reject.steps.clear(), &|_, _| ()), 1, "whose word does not count takes nothing out");
    let export = |record: &mut Record, reject: &RecordedDecision| {
        record.exports.push(Exported {
            session: SessionRef::new("s3"),
            digest: reject.digest,
            what: ExportedChange { line: reject.line, number: 1, change: reject.change.clone(), document: None },
            at: at("2026-11-24T11:15:00Z"),
            decisions: BTreeSet::new(),
        });
    };
    assert_eq!(held(&|_| (), &export), 1, "it was handed to an executor");
    let lift = |record: &mut Record, reject: &RecordedDecision| {
        let lifts = BTreeSet::from([reject.line]);
        let said = ReviewerVerdict::Override { policies: BTreeSet::new(), lifts };
        let signer = Signer::new("cy", "key of cy");
        record.decisions.push(RecordedDecision { line: Digest::of(b"lift"), signer, said, ..reject.clone() });
    };
    assert_eq!(held(&|_| (), &lift), 1, "somebody lifts it, and it may pass");
}

#[test]
fn what_was_approved_a_month_ago_is_not_held() {
    let it = approval();
    let index = Index::new(&it.snapshot);
    assert_eq!(it.past.approved(at("2026-12-24T11:10:00Z"), &index).len(), 1);
    assert_eq!(it.past.approved(at("2026-12-24T11:10:01Z"), &index).len(), 0);
}

#[test]
fn what_is_judged_again_in_the_plan_in_which_it_was_rejected_is_not_asked_again() {
    let it = approval();
    let index = Index::new(&it.snapshot);
    let reject = RecordedDecision {
        line: Digest::of(b"reject"),
        session: SessionRef::new("s2"),
        signer: Signer::new("ada", "key of ada"),
        said: ReviewerVerdict::Reject,
        reason: Some("no".into()),
        ..it.approved.clone()
    };
    let past = Past {
        record: Record { decisions: vec![reject.clone()], ..Record::default() },
        shown: BTreeMap::from([(SessionRef::new("s2"), BTreeSet::from([reject.digest]))]),
        ..Past::default()
    };
    let ask = |id: &str, reason: &str| {
        let text = PLAN.replace("id: P\n", &format!("id: {id}\n")).replace("the job fails", reason);
        let plan = crate::plan::read("plan.yaml", text.as_bytes()).unwrap();
        let digested = digested(&it.snapshot, &plan);
        let mut history = past.of(&index, &plan, &analysed(&it.snapshot, &plan), &digested, at(NOW));
        let history = history.remove("c").unwrap();
        (history.rejected_before, history.unlifted_reject, history.earlier.len())
    };
    assert_eq!(ask("P", "the job fails"), (false, true, 0), "the same plan, unchanged");
    assert_eq!(ask("P", "as the team agreed"), (true, true, 0), "the same plan, reworded");
    assert_eq!(ask("Q", "the job fails"), (true, false, 1), "under another plan");
}

#[test]
fn what_was_rejected_as_one_is_recognised_when_it_comes_back_in_parts() {
    let snapshot = r#"{"version":1,"taken_at":"2026-11-24T11:00:00Z","source":"demo","identities":[{"id":"agent:a","kind":"agent"},
        {"id":"user:u","kind":"human"}],"roles":[{"id":"r","permissions":[{"action":"*","resource":"ledger"}]},
        {"id":"r1","permissions":[{"action":"read","resource":"ledger"}]},{"id":"r2","permissions":[{"action":"write","resource":"ledger"}]},
        {"id":"other","permissions":[{"action":"read","resource":"mail"}]}]}"#;
    let (snapshot, _) = crate::snapshot::read("snapshot.json", snapshot.as_bytes()).unwrap();
    let index = Index::new(&snapshot);
    let plan = |id: &str, roles: &[&str]| {
        let changes = roles.iter().map(|role| {
            format!(
                "  - {{id: {role}, action: grant, to: 'user:u', role: {role}, mode: active, ttl: 4h, reason: it is needed}}\n"
            )
        });
        let head = PLAN.split_once("changes:\n").unwrap().0.replace("id: P\n", &format!("id: {id}\n"));
        let text = format!("{head}changes:\n{}", changes.collect::<String>());
        let plan = crate::plan::read("plan.yaml", text.as_bytes()).unwrap();
        let digested = digested(&snapshot, &plan);
        (plan, digested)
    };
    let decided = |said: ReviewerVerdict, (plan, digested): (Plan, Vec<Digested>), session: &str| RecordedDecision {
        line: Digest::of(session.as_bytes()),
        session: SessionRef::new(session),
        said,
        reason: Some("nobody writes by hand".into()),
        digest: digested[0].digest,
        document: std::sync::Arc::clone(&digested[0].document),
        change: plan.changes[0].id.value.clone(),
        ..approval().approved
    };
    let mut past = Past::default();
    past.record.decisions.push(decided(ReviewerVerdict::Reject, plan("P", &["r"]), "s1"));
    past.record.sessions.insert(SessionRef::new("s2"), [SessionRef::new("s1")]);
    let bars = |past: &Past, id: &str, roles: &[&str]| -> Vec<bool> {
        let (plan, digested) = plan(id, roles);
        let history = past.of(&index, &plan, &analysed(&snapshot, &plan), &digested, at(NOW));
        roles.iter().map(|role| history[*role].rejected_before || history[*role].part_of_rejected).collect()
    };
    assert_eq!(bars(&past, "Q", &["r1", "other"]), [true, false], "a lone part is not automatic");
    let ask = |past: &Past, id: &str, roles: &[&str]| -> Vec<(bool, usize)> {
        let (plan, digested) = plan(id, roles);
        let history = past.of(&index, &plan, &analysed(&snapshot, &plan), &digested, at(NOW));
        let each = roles.iter().map(|role| &history[*role]);
        each.map(|h| (h.rejected_before, h.earlier.iter().filter(|e| e.part && e.reason.is_some()).count())).collect()
    };
    assert_eq!(ask(&past, "Q", &["r1", "r2", "other"]), [(true, 1), (true, 1), (false, 0)], "both parts in one plan");
    assert_eq!(ask(&past, "P", &["r1", "r2"]), [(true, 1), (true, 1)], "in the place of what was rejected");
    assert_eq!(
        ask(&past, "Q", &["r1", "other"]),
        [(false, 1), (false, 0)],
        "one part is told, and is no more than that"
    );
    let yes = ReviewerVerdict::Approve { grouped: false };
    let mut before = past.clone();
    before.record.decisions.push(decided(yes.clone(), plan("Q", &["r1"]), "s0"));
    assert_eq!(ask(&before, "R", &["r2"]), [(false, 1)], "what was approved before the reject is none of its parts");
    past.record.decisions.push(decided(yes, plan("Q", &["r1"]), "s2"));
    assert_eq!(ask(&past, "R", &["r2"]), [(true, 1)], "the other part was approved in a plan of its own");
    assert_eq!(ask(&past, "Q", &["r1"]), [(false, 1)], "a part is not the other part of itself");
    // The parts stood beside the whole when it was rejected: the reject binds the whole alone.
    let together = plan("P", &["r", "r1", "r2"]);
    let mut beside = past.clone();
    beside.record.decisions.retain(|d| d.said == ReviewerVerdict::Reject);
    beside.shown.insert(SessionRef::new("s1"), together.1.iter().map(|d| d.digest).collect());
    assert_eq!(ask(&beside, "P", &["r", "r1", "r2"]), [(false, 0), (true, 1), (true, 1)]);
    // The other part passed without a person, since or in the same session.
    let mut silent = beside.clone();
    let one = plan("Q", &["r1"]).1.remove(0);
    for (session, since) in [("s1", true), ("s2", true), ("s0", false)] {
        let passed = Passed {
            session: SessionRef::new(session),
            sealed: at(NOW),
            digest: one.digest,
            document: std::sync::Arc::clone(&one.document),
        };
        silent.passed = vec![passed];
        assert_eq!(ask(&silent, "R", &["r2"]), [(since, 1)], "{session}");
    }
}

#[test]
fn what_was_rejected_and_is_asked_for_under_another_name_and_for_less_time_comes_back() {
    let it = approval();
    let text = r#"{"version":1,"taken_at":"2026-11-24T11:00:00Z","source":"demo","identities":[{"id":"agent:a","kind":"agent"},
        {"id":"user:u","kind":"human"}],"roles":[{"id":"r","permissions":[{"action":"read","resource":"*"}]},
        {"id":"s","permissions":[{"action":"read","resource":"*"}]}]}"#;
    let (snapshot, _) = crate::snapshot::read("snapshot.json", text.as_bytes()).unwrap();
    let index = Index::new(&snapshot);
    let reject = RecordedDecision { said: ReviewerVerdict::Reject, reason: Some("no".into()), ..it.approved };
    let mut past = Past { record: Record { decisions: vec![reject], ..Record::default() }, ..Past::default() };
    let ask = |past: &Past, id: &str, role: &str, ttl: &str| {
        let text = PLAN.replace("id: P\n", &format!("id: {id}\n"));
        let text = text.replace("role: r\n", &format!("role: {role}\n")).replace("ttl: 4h", &format!("ttl: {ttl}"));
        let plan = crate::plan::read("plan.yaml", text.as_bytes()).unwrap();
        let digested = digested(&snapshot, &plan);
        let history = past.of(&index, &plan, &analysed(&snapshot, &plan), &digested, at(NOW)).remove("c").unwrap();
        let parts = history.earlier.iter().map(|e| e.part).collect::<Vec<_>>();
        ((history.rejected_before, history.unlifted_reject, parts), digested[0].digest)
    };
    assert_eq!(ask(&past, "Q", "s", "1h").0, (true, false, vec![false]), "under another plan");
    assert_eq!(ask(&past, "Q", "r", "8h").0, (true, false, vec![false]), "for longer");
    let (said, digest) = ask(&past, "P", "s", "1h");
    assert_eq!(said, (true, false, vec![false]), "in the place of what was rejected");
    past.shown.insert(SessionRef::new("s1"), BTreeSet::from([digest]));
    assert_eq!(ask(&past, "P", "s", "1h").0, said, "beside it, the reject does not bind it either");
}

#[test]
fn what_shares_access_with_a_rejected_change_is_bound_however_it_is_written() {
    let text = r#"{"version":1,"taken_at":"2026-11-24T11:00:00Z","source":"demo","identities":[{"id":"agent:a","kind":"agent"},
        {"id":"user:u","kind":"human"},{"id":"svc:s","kind":"service_account"}],
        "groups":[{"id":"g","members":[]}],
        "roles":[{"id":"wiki","permissions":[{"action":"read","resource":"wiki/*"}]},
        {"id":"secret","permissions":[{"action":"read","resource":"*/secret"}]},
        {"id":"shop","permissions":[{"action":"read","resource":"shop/*"}]},
        {"id":"writer","permissions":[{"action":"write","resource":"wiki/*"}]},
        {"id":"bare","permissions":[{"action":"read","resource":"wiki/*","effect":"deny"},{"action":"read","resource":"*"}]}],
        "assignments":[{"id":"h1","who":"g","role":"wiki","mode":"standing"},{"id":"h2","who":"svc:s","role":"wiki","mode":"standing"}]}"#;
    let (snapshot, _) = crate::snapshot::read("snapshot.json", text.as_bytes()).unwrap();
    let index = Index::new(&snapshot);
    let plan = |id: &str, changes: &[&str]| {
        let head = PLAN.split_once("changes:\n").unwrap().0.replace("id: P\n", &format!("id: {id}\n"));
        let changes = changes.iter().enumerate().map(|(n, c)| format!("  - {{id: c{n}, {c}, reason: it is needed}}\n"));
        let text = format!("{head}changes:\n{}", changes.collect::<String>());
        crate::plan::read("plan.yaml", text.as_bytes()).unwrap()
    };
    let role = |role: &str| format!("action: grant, to: 'user:u', role: {role}, mode: active, ttl: 4h");
    let rejected = digested(&snapshot, &plan("P", &[&role("wiki")])).remove(0);
    let reject = RecordedDecision {
        said: ReviewerVerdict::Reject,
        reason: Some("no".into()),
        digest: rejected.digest,
        document: rejected.document,
        ..approval().approved
    };
    let past = Past { record: Record { decisions: vec![reject], ..Record::default() }, ..Past::default() };
    let bound = |changes: &[&str]| -> Vec<(bool, usize)> {
        let plan = plan("Q", changes);
        let history = past.of(&index, &plan, &analysed(&snapshot, &plan), &digested(&snapshot, &plan), at(NOW));
        let each = (0..changes.len()).map(|n| history[&ChangeId::from(format!("c{n}").as_str())].clone());
        each.map(|h| (h.rejected_before || h.part_of_rejected, h.earlier.len())).collect()
    };
    let (yes, no) = ((true, 1), (false, 0));
    assert_eq!(bound(&[&role("secret")]), [yes], "`*/secret` and `wiki/*` share `wiki/secret`");
    assert_eq!(bound(&[&role("shop")]), [no]);
    assert_eq!(bound(&[&role("writer")]), [no], "another action");
    assert_eq!(bound(&[&role("bare")]), [no], "a deny leaves out all of it");
    assert_eq!(bound(&["action: grant, to: 'user:u', member_of: g, mode: active, ttl: 4h"]), [yes], "through a group");
    assert_eq!(
        bound(&["action: add_trust, trust: t, from: 'user:u', to: 'svc:s', via: assume"]),
        [yes],
        "through a trust"
    );
    let trust = "action: add_trust, trust: t, from: 'user:u', to: 'svc:n', via: assume";
    let made = "action: create_identity, identity: 'svc:n', kind: service_account";
    let given = "action: grant, to: 'svc:n', role: wiki, mode: active, ttl: 4h";
    assert_eq!(bound(&[made, trust, given]), [yes; 3], "only together");
    assert_eq!(bound(&[made, given]), [no; 2]);
}
