use super::*;
use crate::decision::sample::{Site, aside, hours_ago, now, record, said, simple, yes};

fn superseded(record: &Record, at: usize) -> bool {
    record.is_superseded(&record.decisions[at], now(), &Site::default())
}

#[test]
fn a_later_decision_of_the_same_person_in_a_session_that_follows_supersedes() {
    let on = simple("c1");
    let both = vec![
        said("s1", 0, "ada", &on, yes(), &["Owner"]),
        said("s2", 0, "ada", &on, ReviewerVerdict::Reject, &["Owner"]),
    ];
    let r = record(both.clone(), &[("s2", "s1")]);
    assert!(superseded(&r, 0) && !superseded(&r, 1));
    let grandchild = record(both.clone(), &[("s2", "s3"), ("s3", "s1")]);
    assert!(superseded(&grandchild, 0), "an ancestor need not be a parent");
    let fork = record(both, &[("s2", "s0"), ("s1", "s0")]);
    assert!(!superseded(&fork, 0) && !superseded(&fork, 1), "neither writer knew of the other");
}

#[test]
fn within_a_session_the_later_line_supersedes() {
    let on = simple("c1");
    let r = record(
        vec![
            said("s1", 5, "ada", &on, yes(), &["Owner"]),
            said("s1", 4, "ada", &on, ReviewerVerdict::Reject, &["Owner"]),
        ],
        &[],
    );
    assert!(!superseded(&r, 0) && superseded(&r, 1));
}

#[test]
fn nobody_supersedes_another_persons_decision() {
    let on = simple("c1");
    let r = record(
        vec![
            said("s1", 0, "ada", &on, ReviewerVerdict::Reject, &["Owner"]),
            said("s2", 0, "bob", &on, yes(), &["Owner"]),
        ],
        &[("s2", "s1")],
    );
    assert!(!superseded(&r, 0));
}

#[test]
fn a_decision_on_another_digest_supersedes_no_approval() {
    let (one, other) = (simple("c1"), simple("c2"));
    let r = record(
        vec![
            said("s1", 0, "ada", &one, yes(), &["Owner"]),
            said("s2", 0, "ada", &other, ReviewerVerdict::Reject, &["Owner"]),
        ],
        &[("s2", "s1")],
    );
    assert!(!superseded(&r, 0));
}

#[test]
fn an_override_and_an_approval_stand_side_by_side() {
    let on = simple("c1");
    let r = record(
        vec![
            said("s1", 0, "ada", &on, aside(&["p"]), &[]),
            said("s1", 1, "ada", &on, yes(), &["Owner"]),
            said("s1", 2, "ada", &on, aside(&["q"]), &[]),
        ],
        &[],
    );
    assert!(!superseded(&r, 0) && !superseded(&r, 1) && !superseded(&r, 2));
}

#[test]
fn a_yes_that_policy_permits_nobody_takes_no_reject_back() {
    let on = simple("c1");
    let no = || said("s1", 0, "ada", &on, ReviewerVerdict::Reject, &["Owner"]);
    let lifted = |later: RecordedDecision, site: &Site| {
        record(vec![no(), later], &[("s2", "s1")]).is_superseded(&no(), now(), site)
    };
    let of_ada = |steps: &[&str]| Site {
        only: [("ada".into(), steps.iter().filter_map(|step| StepName::new(step)).collect())].into(),
        ..Site::default()
    };
    let approve = |steps: &[&str]| said("s2", 0, "ada", &on, yes(), steps);
    assert!(lifted(approve(&["Owner"]), &of_ada(&["Owner"])));
    assert!(!lifted(approve(&[]), &of_ada(&["Owner"])), "it lists no step");
    assert!(!lifted(approve(&["Owner"]), &of_ada(&[])), "with this key she is permitted none");
    assert!(!lifted(approve(&["Owner"]), &of_ada(&["Security"])), "nor this one");
    let over = said("s2", 0, "ada", &on, aside(&["p"]), &[]);
    assert!(!lifted(over.clone(), &Site::default()) && lifted(over, &Site::with_overriders(&["ada"])));
}

#[test]
fn a_decision_from_the_future_supersedes_nothing() {
    let on = simple("c1");
    let mut late = said("s2", 0, "ada", &on, yes(), &["Owner"]);
    late.sealed_at = hours_ago(-1);
    let r = record(vec![said("s1", 0, "ada", &on, ReviewerVerdict::Reject, &["Owner"]), late], &[("s2", "s1")]);
    assert!(!superseded(&r, 0));
}

#[test]
fn a_session_is_no_ancestor_of_itself_and_a_circle_ends() {
    let mut sessions = Sessions::default();
    let (a, b) = (SessionRef::new("a"), SessionRef::new("b"));
    sessions.insert(a.clone(), [b.clone()]);
    sessions.insert(b.clone(), [a.clone()]);
    assert!(!sessions.precedes(&a, &a));
    assert!(sessions.precedes(&a, &b));
    assert!(!sessions.precedes(&SessionRef::new("c"), &a));
}

#[test]
fn an_export_consumes_every_approval_that_did_not_know_of_it() {
    let on = simple("c1");
    let mut r = record(
        vec![
            said("s1", 0, "ada", &on, yes(), &["Owner"]),
            said("fork", 0, "bob", &on, yes(), &["Owner"]),
            said("s3", 0, "cyd", &on, yes(), &["Owner"]),
        ],
        &[("s2", "s1"), ("s3", "s2")],
    );
    r.exports.push(Exported {
        session: SessionRef::new("s2"),
        digest: on.digest,
        what: crate::decision::sample::exported(&on),
        at: hours_ago(1),
        decisions: BTreeSet::from([r.decisions[0].line]),
    });
    let spent: Vec<bool> = r.decisions.iter().map(|d| r.is_spent(d)).collect();
    assert_eq!(spent, [true, true, false]);
}
