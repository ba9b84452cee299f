//! Emergent access, escalations, separation of duties.

use std::collections::BTreeSet;

use super::build::*;
use crate::access::Data;
use crate::access::model::facts::{Emergent, EmergentWhat};
use crate::input::entitlement::{IdentityKind, Mode};
use crate::plan::model::{Action, GroupDefinition};
use crate::snapshot::model::Snapshot;

fn base() -> Snapshot {
    snapshot("test").human("ann").human("bob").group("g", &[]).role("r", &[]).role("q", &[])
}

fn sets(e: &Emergent) -> Vec<Vec<&str>> {
    e.sets.iter().map(|s| s.iter().map(crate::input::id::Id::as_str).collect()).collect()
}

fn data(escalations: &str, sod: &str) -> Data {
    let files = [("escalations/x.yaml", escalations.as_bytes()), ("sod.yaml", sod.as_bytes())];
    Data::read(files.into_iter().filter(|(_, b)| !b.is_empty())).unwrap()
}

#[test]
fn two_changes_that_give_more_together_are_responsible_together() {
    let a = run(
        &base(),
        vec![
            ("c1", join("ann", "g")),
            ("c2", grant("g", "r", None)),
            ("c3", add("r", allow("x", "y"))),
            ("c4", join("bob", "g")),
        ],
    );
    let for_ann: Vec<&Emergent> = a
        .emergent
        .iter()
        .filter(|e| matches!(&e.what, EmergentWhat::Access(p) if p.subject.as_str() == "ann"))
        .collect();
    assert_eq!(for_ann.len(), 1);
    assert_eq!(sets(for_ann[0]), [vec!["c1", "c2", "c3"]]);
    assert!(for_ann[0].complete && !a.sets_incomplete);
    let group = a.emergent.iter().find(|e| matches!(&e.what, EmergentWhat::Access(p) if p.subject.as_str() == "g"));
    assert_eq!(sets(group.unwrap()), [vec!["c2", "c3"]]);
    assert_eq!(a.changes[3].emergent.len(), 1, "c4 is responsible for bob's only");
}

#[test]
fn every_alternative_is_found() {
    let s = base().role("r2", &[]).group("h", &[]).held("a", "g", "r", None).held("b", "h", "r", None);
    let a = run(&s, vec![("c1", join("ann", "g")), ("c2", join("ann", "h")), ("c3", add("r", allow("x", "y")))]);
    let ann =
        a.emergent.iter().find(|e| matches!(&e.what, EmergentWhat::Access(p) if p.subject.as_str() == "ann")).unwrap();
    assert_eq!(sets(ann), [vec!["c1", "c3"], vec!["c2", "c3"]]);
}

#[test]
fn a_responsible_set_is_closed_under_dependencies() {
    let made = Action::CreateGroup(GroupDefinition::new(p("new".into()), None));
    let a = run(
        &base(),
        vec![
            ("c1", made),
            ("c2", join("ann", "new")),
            ("c3", grant("new", "r", None)),
            ("c4", add("r", allow("x", "y"))),
        ],
    );
    let ann =
        a.emergent.iter().find(|e| matches!(&e.what, EmergentWhat::Access(p) if p.subject.as_str() == "ann")).unwrap();
    assert_eq!(sets(ann), [vec!["c1", "c2", "c3", "c4"]]);
}

#[test]
fn a_dropped_deny_together_with_a_grant_emerges() {
    let s = base().role("all", &[allow("*", "*")]).role("no", &[deny("x", "*")]).held("a", "ann", "no", None);
    let a = run(&s, vec![("c1", grant("ann", "all", None)), ("c2", remove("no", deny("x", "*")))]);
    assert_eq!(a.emergent.len(), 1);
    assert_eq!(sets(&a.emergent[0]), [vec!["c1", "c2"]]);
}

#[test]
fn eligible_pieces_emerge_too() {
    let a = run(&base(), vec![("c1", grant_as("ann", "r", Mode::Eligible, None)), ("c2", add("r", allow("x", "y")))]);
    assert_eq!(a.emergent.len(), 1);
    assert!(a.emergent[0].eligible);
}

#[test]
fn past_a_cap_the_fact_stays_and_everyone_counts() {
    let mut s = base();
    let mut changes = Vec::new();
    let names: Vec<String> = (0..24).map(|n| format!("n{n}")).collect();
    for name in &names {
        s = s.group(name, &[]).held(name, name, "r", None);
        changes.push((name.as_str(), join("ann", name)));
    }
    changes.push(("last", add("r", allow("x", "y"))));
    let a = run(&s, changes);
    let ann = a.emergent.iter().find(|e| matches!(&e.what, EmergentWhat::Access(p) if p.subject.as_str() == "ann"));
    let ann = ann.unwrap();
    assert!(!ann.complete && a.sets_incomplete);
    assert_eq!(ann.sets.len(), 8);
    assert_eq!(ann.members.len(), 25);
}

const PASS: &str = "paths:\n  - id: pass\n    title: T\n    source: https://x\n    requires:\n      - {action: pass, resource: $role}\n      - {action: run, resource: '*'}\n    exists:\n      - {variable: role, kind: identity, trusts: 'svc'}\n";

fn roles() -> Snapshot {
    snapshot("test")
        .human("ann")
        .identity("job", IdentityKind::Workload)
        .identity("idle", IdentityKind::Workload)
        .trust("t", "svc", "job", None)
        .role("pass-job", &[allow("pass", "job")])
        .role("pass-idle", &[allow("pass", "idle")])
        .role("run", &[allow("run", "fn")])
        .role("no", &[deny("run", "*")])
}

#[test]
fn an_escalation_path_binds_its_variable_to_what_exists() {
    let data = data(PASS, "");
    let run = |s: &Snapshot, c: Vec<(&str, Action)>| Run { data: &data, ..Run::default() }.on(s, &plan(c)).unwrap();
    let s = roles().held("a", "ann", "run", None);
    let facts = run(&s, vec![("c1", grant("ann", "pass-job", None))]);
    assert_eq!(facts.escalations.len(), 1);
    assert_eq!(facts.escalations[0].bound["role"].raw(), "job");
    assert!(facts.escalations[0].complete && facts.escalations[0].paths.len() == 2);
    assert!(
        run(&s, vec![("c1", grant("ann", "pass-idle", None))]).escalations.is_empty(),
        "nothing trusts the service"
    );
    // A new trust completes it for who already holds the rest.
    let held = s.clone().held("b", "ann", "pass-idle", None);
    assert_eq!(run(&held, vec![("c1", add_trust("new", "svc*", "idle"))]).escalations.len(), 1);
}

#[test]
fn a_single_deny_that_covers_the_overlap_stops_a_path() {
    let data = data(PASS, "");
    let s = roles().held("a", "ann", "run", None).held("b", "ann", "no", None);
    let run = Run { data: &data, ..Run::default() };
    assert!(run.on(&s, &plan(vec![("c1", grant("ann", "pass-job", None))])).unwrap().escalations.is_empty());
}

#[test]
fn with_nothing_to_bind_a_path_is_only_possible() {
    let data = data(PASS, "");
    let mut s = roles().held("a", "ann", "run", None);
    s.trusts.clear();
    let run = Run { data: &data, ..Run::default() };
    let found = run.on(&s, &plan(vec![("c1", grant("ann", "pass-job", None))])).unwrap().escalations;
    assert_eq!(found.len(), 1);
    assert!(!found[0].complete);
}

#[test]
fn an_escalation_by_two_changes_emerges_through_who_can_act_as_whom() {
    let data = data(PASS, "");
    let s = roles().human("bob").trust("u", "ann", "bob", None);
    let changes = vec![("c1", grant("ann", "run", None)), ("c2", grant("bob", "pass-job", None))];
    let a = Run { data: &data, ..Run::default() }.on(&s, &plan(changes)).unwrap();
    assert!(a.changes.iter().all(|c| c.escalations.is_empty()));
    assert_eq!(a.escalations.len(), 1);
    let e = a.emergent.iter().find(|e| matches!(e.what, EmergentWhat::Escalation(_))).unwrap();
    assert_eq!(sets(e), [vec!["c1", "c2"]]);
}

#[test]
fn changes_that_give_privilege_only_together_are_privileged_together() {
    let rules = b"rules:\n  - {action: open, sensitivity: high, privileged: true, reason: opens it, source: s}\n";
    let privileged = Data::read([("classification.yaml", rules.as_slice())]).unwrap();
    let changes = vec![("c1", join("ann", "g")), ("c2", grant("g", "r", None)), ("c3", join("bob", "h"))];
    let s = snapshot("test").human("ann").human("bob").group("g", &[]).group("h", &[]).role("r", &[allow("open", "x")]);
    let a = Run { data: &privileged, ..Run::default() }.on(&s, &plan(changes)).unwrap();
    let [joins, gives, other] = a.changes.as_slice() else { panic!("three changes") };
    assert!(!joins.is_privileged() && joins.is_privileged_in_plan() && gives.is_privileged_in_plan());
    assert!(joins.why_privileged().any(|why| why.raw() == "together with other changes: opens it"));
    assert!(!other.is_privileged_in_plan());
    // A way to escalate that two changes complete is privileged, whatever the classification says of its parts.
    let passing = data(PASS, "");
    let s = roles().human("bob").trust("u", "ann", "bob", None);
    let changes = vec![("c1", grant("ann", "run", None)), ("c2", grant("bob", "pass-job", None))];
    let a = Run { data: &passing, ..Run::default() }.on(&s, &plan(changes)).unwrap();
    assert!(a.changes.iter().all(|c| !c.privileged_together.is_empty()));
}

#[test]
fn separation_of_duties_sees_groups_trusts_and_scopes() {
    let sod = "pairs:\n  - {id: pay, title: T, first: {role: 'create*'}, second: {action: approve, resource: '*'}, scope: same}\n";
    let data = data("", sod);
    let s = snapshot("test")
        .human("ann")
        .human("bob")
        .resource("x", None)
        .resource("y", None)
        .group("g", &["ann"])
        .role("create-payment", &[allow("create", "p")])
        .role("boss", &[allow("approve", "p")])
        .held("a", "g", "create-payment", Some("x"))
        .trust("t", "ann", "bob", None);
    let run = |c| Run { data: &data, ..Run::default() }.on(&s, &plan(c)).unwrap();
    let through = run(vec![("c1", grant("bob", "boss", Some("x")))]);
    assert_eq!(through.sod.len(), 1);
    assert_eq!((through.sod[0].subject.as_str(), through.sod[0].scope.clone()), ("ann", Some("x".into())));
    assert!(run(vec![("c1", grant("bob", "boss", Some("y")))]).sod.is_empty());
    assert_eq!(run(vec![("c1", grant_as("ann", "boss", Mode::Eligible, None))]).sod.len(), 1, "eligible counts");
    let both = run(vec![("c1", grant("bob", "create-payment", Some("y"))), ("c2", grant("bob", "boss", Some("y")))]);
    assert!(both.changes.iter().all(|c| c.sod.is_empty()));
    assert_eq!(both.emergent.iter().filter(|e| matches!(e.what, EmergentWhat::Sod(_))).count(), 2, "bob and ann");
}

#[test]
fn a_subset_is_analysed_as_a_plan_of_its_own() {
    let changes = || vec![("c1", join("ann", "g")), ("c2", grant("g", "r", None)), ("c3", add("r", allow("x", "y")))];
    let only = BTreeSet::from(["c1".into(), "c3".into()]);
    let a = Run { only: Some(&only), ..Run::default() }.on(&base(), &plan(changes())).unwrap();
    assert_eq!(a.changes.len(), 2);
    assert!(a.effects.gained.is_empty() && a.emergent.is_empty());
}
