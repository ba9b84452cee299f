//! What was approved is held until it is shown not to be.

use super::*;
use crate::access::{Data, Question, analyse};
use crate::decision::digest::change_digest;
use crate::decision::record::{Exported, SessionRef};

const NOW: &str = "2026-11-24T12:00:00Z";

fn at(text: &str) -> Time {
    Time::parse(text).unwrap()
}

/// A past in which Bo approved the only change of a plan.
struct Approval {
    snapshot: crate::snapshot::model::Snapshot,
    past: Past,
    approved: Recorded,
}

fn approval() -> Approval {
    let snapshot = r#"{"version":1,"taken_at":"2026-11-24T11:00:00Z","source":"demo","identities":[{"id":"agent:a","kind":"agent"},
        {"id":"user:u","kind":"human"}],"roles":[{"id":"r","permissions":[{"action":"read","resource":"*"}]}]}"#;
    let (snapshot, _) = crate::snapshot::read("snapshot.json", snapshot.as_bytes()).unwrap();
    let plan = "version: 1\nid: P\nproposer: agent:a\nintent: let it work\nexpires: 2026-11-30T00:00:00Z\nchanges:\n  - id: c\n    \
                action: grant\n    to: user:u\n    role: r\n    mode: active\n    ttl: 4h\n    reason: the job fails\n";
    let plan = crate::plan::read("plan.yaml", plan.as_bytes()).unwrap();
    let index = Index::new(&snapshot);
    let analysis = analyse(&Question {
        plan: &plan,
        snapshot: &snapshot,
        index: &index,
        data: &Data::default(),
        task: None,
        people: &[],
        now: at(NOW),
        only: None,
        approved: &[],
    })
    .unwrap();
    let digested = change_digest(&plan, &plan.changes[0], &analysis.changes[0]).unwrap();
    let approved = Recorded {
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
        digest: digested.digest,
        document: digested.document,
        change: plan.changes[0].id.value.clone(),
        emergent: BTreeSet::new(),
        said: Said::Approve { grouped: false },
        steps: BTreeSet::from([StepName::new("Owner").unwrap()]),
        reason: None,
    };
    let held = Approved {
        plan: "P".into(),
        at: approved.sealed_at,
        expires: plan.expires.value,
        change: plan.changes[0].clone(),
    };
    let record = Record { decisions: vec![approved.clone()], ..Record::default() };
    drop(index);
    Approval { snapshot, past: Past { record, approved: vec![(approved.digest, held)], ..Past::default() }, approved }
}

#[test]
fn only_a_reject_that_counts_takes_an_approved_change_out_of_what_is_held() {
    let held = |edit: &dyn Fn(&mut Recorded), then: &dyn Fn(&mut Record, &Recorded)| {
        let mut it = approval();
        let mut reject = Recorded {
            line: Digest::of(b"reject"),
            session: SessionRef::new("s2"),
            sealed_at: at("2026-11-24T11:20:00Z"),
            signer: Signer::new("ada", "key of ada"),
            said: Said::Reject,
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
    let export = |record: &mut Record, reject: &Recorded| {
        record.exports.push(Exported {
            session: SessionRef::new("s3"),
            digest: reject.digest,
            at: at("2026-11-24T11:15:00Z"),
            decisions: BTreeSet::new(),
        });
    };
    assert_eq!(held(&|_| (), &export), 1, "it was handed to an executor");
    let lift = |record: &mut Record, reject: &Recorded| {
        let lifts = BTreeSet::from([reject.line]);
        let said = Said::Override { policies: BTreeSet::new(), lifts };
        let signer = Signer::new("cy", "key of cy");
        record.decisions.push(Recorded { line: Digest::of(b"lift"), signer, said, ..reject.clone() });
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
