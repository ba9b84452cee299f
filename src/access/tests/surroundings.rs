//! What policies are handed: memberships, owners, task scope, privilege.

use std::collections::BTreeSet;

use super::build::*;
use crate::access::{Data, TaskScope};
use crate::input::entitlement::{Mode, Sensitivity};
use crate::input::id::{GroupId, IdentityId, RoleId};
use crate::plan::model::{Action, Owned};
use crate::snapshot::model::Snapshot;

fn base() -> Snapshot {
    snapshot("test")
        .human("ann")
        .human("boss")
        .resource("org", None)
        .resource("db", Some("org"))
        .group("g", &["ann"])
        .nested("h", &["g"])
        .role("r", &[allow("x", "y")])
        .including("super", &[], &["r"])
        .held("a", "h", "super", None)
        .held("b", "ann", "q", Some("db"))
        .role("q", &[])
}

#[test]
fn ancestors_come_through_unscoped_assignments_in_force_and_are_closed() {
    let facts = one(&base(), grant("ann", "q", Some("db")));
    let ann = &facts.around.identities["ann"];
    assert_eq!(ann.groups, BTreeSet::from([GroupId::from("g"), "h".into()]));
    assert_eq!(ann.roles, BTreeSet::from([RoleId::from("super"), "r".into()]), "scoped `q` is a fact, no parent");
    for group in &ann.groups {
        assert!(facts.around.groups.contains_key(group));
    }
    for role in &ann.roles {
        assert!(facts.around.roles.contains_key(role));
    }
    assert!(facts.around.resources["db"].ancestors.contains("org"));
    assert!(facts.around.resources.contains_key("org"));
    assert!(!facts.around.identities.contains_key("boss"));
}

#[test]
fn the_target_has_the_memberships_of_the_change_and_the_owner_before_the_plan() {
    let mut s = base();
    s.roles[2].owner = Some("boss".into());
    let owner = Action::SetOwner(Owned::Role(p("q".into())), p("ann".into()));
    let a = run(&s, vec![("c1", owner), ("c2", join("boss", "g")), ("c3", grant("boss", "q", None))]);
    assert_eq!(a.changes[0].around.roles["q"].owner, Some("boss".into()));
    assert!(a.changes[1].around.identities["boss"].groups.contains("h"));
    assert!(!a.changes[2].around.identities["boss"].groups.contains("h"));
    assert!(a.around.identities["boss"].groups.contains("h"));
    assert!(a.around.identities["boss"].roles.contains("q"));
}

#[test]
fn no_plan_promotes_its_own_approver() {
    let people = [BTreeSet::from([IdentityId::from("boss"), "elsewhere".into()])];
    let s = base().joined("m", "boss", "g").mode(Mode::Active, Some(TAKEN_AT + 100));
    let question = |now| Run { people: &people, now: at(now), ..Run::default() };
    let plan = plan(vec![("c1", join("boss", "h")), ("c2", grant("boss", "q", None))]);
    let before = question(TAKEN_AT + 50).on(&s, &plan).unwrap().before;
    assert!(before.identities["boss"].groups.contains("g"));
    assert!(!before.identities["boss"].roles.contains("q"));
    assert!(!before.identities.contains_key("elsewhere"), "what is not in the snapshot is not made up");
    let later = question(TAKEN_AT + 100).on(&s, &plan).unwrap().before;
    assert!(later.identities["boss"].groups.is_empty(), "must hold at `now` as well");
    assert!(later.identities.contains_key("agent"));
}

#[test]
fn eligible_membership_is_no_membership() {
    let s = base().joined("m", "boss", "g").mode(Mode::Eligible, None);
    let facts = one(&s, grant("boss", "q", None));
    assert!(facts.around.identities["boss"].groups.is_empty());
}

#[test]
fn a_change_is_in_task_scope_only_if_all_that_it_gains_is() {
    let s = base();
    let task = |open, scope: &str, until: Option<i64>| TaskScope {
        open,
        lists_proposer_and_sponsor: true,
        scopes: vec![scope.into()],
        until: until.map(at),
    };
    let inside = |task: &TaskScope, action: Action| {
        Run { task: Some(task), ..Run::default() }.on(&s, &plan(vec![("c1", action)])).unwrap().changes[0].in_task_scope
    };
    let db = || grant("boss", "r", Some("db"));
    assert!(inside(&task(true, "org", None), db()));
    assert!(!inside(&task(false, "org", None), db()));
    assert!(!inside(&task(true, "org", Some(EXPIRES)), db()), "it never ends");
    assert!(!inside(&task(true, "org", None), grant("boss", "r", None)), "everywhere lies in no scope");
    assert!(!inside(&TaskScope { scopes: Vec::new(), ..task(true, "org", None) }, db()));
    assert!(inside(&task(true, "org", None), revoke("ann", "q", Some("db"))), "nothing is gained");
    assert!(!run(&s, vec![("c1", db())]).changes[0].in_task_scope, "no task");
}

#[test]
fn a_role_takes_the_highest_of_its_label_and_its_permissions() {
    let rules = b"rules:\n  - {action: x, sensitivity: high, privileged: true, reason: why, source: s}\n";
    let data = Data::read([("classification.yaml", rules.as_slice())]).unwrap();
    let mut s = base();
    s.roles[2].sensitivity = Some(Sensitivity::Critical);
    let run =
        |action| Run { data: &data, ..Run::default() }.on(&s, &plan(vec![("c1", action)])).unwrap().changes.remove(0);
    let facts = run(grant("boss", "super", None));
    let view = &facts.around.roles["super"];
    assert!(view.privileged && view.sensitivity == Sensitivity::High);
    assert!(facts.is_privileged() && facts.sensitivity == Sensitivity::High && facts.gained_privileged == 1);
    assert!(facts.around.identities["boss"].privileged);
    let labelled = run(grant("boss", "q", None));
    assert!(!labelled.is_privileged() && labelled.sensitivity == Sensitivity::Critical);
    let covered = run(grant("ann", "super", None));
    assert!(covered.effects.gained.is_empty() && covered.is_privileged(), "named for more, although held already");
    assert!(!run(revoke("ann", "q", Some("db"))).is_privileged());
}
