//! The rules of the design about effective access and effects, one test each.

use super::build::*;
use crate::access::Data;
use crate::access::model::facts::PathStep;
use crate::input::entitlement::{IdentityKind, Mode, Sensitivity};
use crate::plan::model::{Action, Lifetime};
use crate::snapshot::model::{MembersKnown, Snapshot};

fn base() -> Snapshot {
    snapshot("test").human("ann").human("bob").role("read", &[allow("read", "db")]).role("all", &[allow("*", "*")])
}

#[test]
fn a_grant_at_a_scope_gains_it_there() {
    let s = base().resource("s", None);
    let facts = one(&s, grant("ann", "read", Some("s")));
    assert_eq!(brief(&facts.effects.gained), ["ann read db@s"]);
    assert!(facts.effects.lost.is_empty());
    assert_eq!((facts.concerned.identities, facts.concerned.at_least), (1, false));
    assert!(matches!(facts.effects.gained[0].path.as_ref(), [PathStep::Holds(..)]));
}

#[test]
fn what_is_covered_by_what_was_held_is_no_gain() {
    let s = base().resource("s", None).held("a", "ann", "all", None);
    assert!(one(&s, grant("ann", "read", Some("s"))).effects.gained.is_empty());
}

#[test]
fn gains_are_reduced_to_maximal_ones() {
    let s = base().role("mixed", &[allow("read", "db"), allow("*", "db"), allow("read", "*")]);
    assert_eq!(brief(&one(&s, grant("ann", "mixed", None)).effects.gained), ["ann * db", "ann read *"]);
}

#[test]
fn a_revoke_loses_and_mirrors_the_grant() {
    let s = base().held("a", "ann", "read", None);
    let facts = one(&s, revoke("ann", "read", None));
    assert_eq!(brief(&facts.effects.lost), ["ann read db"]);
    assert!(facts.effects.gained.is_empty() && facts.was.is_some() && facts.becomes.is_none());
}

#[test]
fn access_by_ttl_ends_at_the_expiry_of_the_plan_plus_the_ttl() {
    let facts = one(&base(), grant_as("ann", "read", Mode::Active, Some(ttl(60))));
    assert_eq!(brief(&facts.effects.gained), [format!("ann read db<{}", EXPIRES + 60)]);
    let holding = facts.becomes.unwrap();
    assert_eq!(holding.ttl.unwrap().seconds(), 60);
}

#[test]
fn a_longer_end_active_to_standing_and_a_dropped_condition_are_gains() {
    let s = base().held("a", "ann", "read", None).mode(Mode::Active, Some(TAKEN_AT + 10));
    let longer = one(&s, adjust("ann", "read", None, Some(Lifetime::Until(at(TAKEN_AT + 20)))));
    assert_eq!(brief(&longer.effects.gained), [format!("ann read db<{}", TAKEN_AT + 20)]);
    assert!(longer.effects.lost.is_empty());
    let shorter = one(&s, adjust("ann", "read", None, Some(Lifetime::Until(at(TAKEN_AT + 5)))));
    assert!(shorter.effects.gained.is_empty() && shorter.effects.lost.len() == 1);
    let standing = one(&s, adjust("ann", "read", Some(Mode::Standing), None));
    assert_eq!(brief(&standing.effects.gained), ["ann read db"]);
    let conditional = base().role("c", &[when(allow("x", "y"), "mfa")]).held("a", "ann", "c", None);
    assert_eq!(brief(&one(&conditional, add("c", allow("x", "y"))).effects.gained), ["ann x y"]);
}

#[test]
fn eligible_access_is_counted_apart_and_activation_is_a_gain() {
    let facts = one(&base(), grant_as("ann", "read", Mode::Eligible, None));
    assert!(facts.effects.gained.is_empty());
    assert_eq!(brief(&facts.effects.gained_eligible), ["ann read db"]);
    let s = base().held("a", "ann", "read", None).mode(Mode::Eligible, None);
    let active = one(&s, adjust("ann", "read", Some(Mode::Standing), None));
    assert_eq!(brief(&active.effects.gained), ["ann read db"]);
    assert!(active.effects.gained_eligible.is_empty());
    let revoked = one(&s, revoke("ann", "read", None));
    assert!(revoked.effects.lost.is_empty());
    assert_eq!(brief(&revoked.effects.lost_eligible), ["ann read db"]);
}

#[test]
fn expired_assignments_and_disabled_identities_give_nothing() {
    let s = base().held("a", "ann", "read", None).mode(Mode::Active, Some(TAKEN_AT));
    assert_eq!(brief(&one(&s, grant("ann", "read", None)).effects.gained), ["ann read db"]);
    let s = base().disabled("eve").held("a", "eve", "read", None).trust("t", "ann", "eve", None);
    assert!(one(&s, grant("eve", "all", None)).effects.gained.is_empty());
    let s = base().held("a", "bob", "read", None).trust("t", "ann", "bob", None);
    let disabled = one(&s, Action::DisableIdentity(p("bob".into())));
    assert_eq!(brief(&disabled.effects.lost), ["ann read db", "bob read db"]);
    assert!(!disabled.reversible);
}

#[test]
fn a_change_of_a_role_has_every_subject_behind_it() {
    let s = base()
        .group("inner", &["bob"])
        .nested("outer", &["inner"])
        .including("super", &[], &["read"])
        .held("a", "ann", "super", None)
        .held("b", "outer", "read", None);
    let facts = one(&s, add("read", allow("write", "db")));
    let gained = ["ann write db", "bob write db", "inner write db", "outer write db"];
    assert_eq!(brief(&facts.effects.gained), gained);
    assert_eq!(facts.concerned.identities, 2);
    let bob = &facts.effects.gained.iter().find(|p| p.subject.as_str() == "bob").unwrap().path;
    assert!(matches!(bob.as_ref(), [PathStep::Member(..), PathStep::Member(..), PathStep::Holds(..)]));
    let ann = &facts.effects.gained.iter().find(|p| p.subject.as_str() == "ann").unwrap().path;
    assert!(matches!(ann.as_ref(), [PathStep::Holds(..), PathStep::Includes(_)]));
}

#[test]
fn cycles_of_groups_roles_and_trusts_are_legal() {
    let mut s = base()
        .nested("g", &["h"])
        .nested("h", &["g"])
        .including("r", &[], &["q"])
        .including("q", &[], &["r"])
        .trust("t", "ann", "bob", None)
        .trust("u", "bob", "ann", None)
        .joined("j", "ann", "g");
    s.resources = base().resource("x", Some("y")).resource("y", Some("x")).resources;
    let facts = one(&s, Action::Grant(to("g", role("r"), Some("x"))));
    assert!(facts.effects.gained.is_empty());
    let facts = one(&s, grant("h", "read", Some("y")));
    assert_eq!(facts.effects.gained.len(), 4, "ann, bob, g, h");
}

#[test]
fn a_deny_acts_on_the_identity_that_holds_it_before_trusts() {
    let s = base()
        .role("no", &[deny("read", "*")])
        .held("a", "bob", "read", None)
        .held("b", "ann", "no", None)
        .trust("t", "ann", "bob", None);
    let facts = one(&s, revoke("bob", "read", None));
    assert_eq!(brief(&facts.effects.lost), ["ann read db", "bob read db"], "ann's deny does not act on bob's access");
    let denied = one(&s, grant("ann", "read", None));
    assert!(denied.effects.gained.is_empty());
    let partly = one(&s, grant("ann", "all", None));
    assert_eq!(brief(&partly.effects.gained), ["ann * *!"]);
}

#[test]
fn removing_a_deny_is_a_gain_a_conditional_one_included_which_subtracts_nothing() {
    let s = base()
        .role("no", &[deny("read", "*"), when(deny("write", "*"), "mfa")])
        .held("a", "ann", "all", None)
        .held("b", "ann", "no", None);
    let facts = one(&s, remove("no", deny("read", "*")));
    assert_eq!(brief(&facts.effects.gained), ["ann * *!"], "less the conditional deny, which is listed");
    let facts = one(&s, remove("no", when(deny("write", "*"), "mfa")));
    assert_eq!(brief(&facts.effects.gained), ["ann * *!"], "a condition on writing is gone");
    assert!(facts.effects.lost.is_empty());
    let facts = one(&s, add("no", deny("write", "*")));
    assert!(facts.effects.gained.is_empty());
    assert_eq!(brief(&facts.effects.lost), ["ann * *!"]);
}

#[test]
fn a_trust_is_live_only_for_who_holds_what_it_requires() {
    let s = base()
        .role("assume", &[allow("sts:Assume*", "role/*")])
        .role("no", &[deny("sts:*", "*")])
        .held("a", "bob", "read", None)
        .trust("t", "ann", "bob", Some(("sts:AssumeRole", "role/bob")));
    assert_eq!(brief(&one(&s, grant("ann", "assume", None)).effects.gained), ["ann read db", "ann sts:Assume* role/*"]);
    let denied = s.clone().held("b", "ann", "no", None);
    assert!(one(&denied, grant("ann", "assume", None)).effects.gained.is_empty());
    let timed = one(&s, grant_as("ann", "assume", Mode::Active, Some(ttl(5))));
    let end = EXPIRES + 5;
    assert_eq!(brief(&timed.effects.gained), [format!("ann read db<{end}"), format!("ann sts:Assume* role/*<{end}")]);
}

#[test]
fn a_requirement_may_be_held_through_another_trust() {
    let s = base()
        .human("cy")
        .role("assume", &[allow("go", "bob")])
        .held("a", "bob", "read", None)
        .trust("t", "ann", "bob", Some(("go", "bob")))
        .trust("u", "ann", "cy", None);
    let facts = one(&s, grant("cy", "assume", None));
    assert_eq!(brief(&facts.effects.gained), ["ann go bob", "ann read db", "cy go bob"]);
}

#[test]
fn trust_rules_are_evaluated_before_and_after() {
    let s = snapshot("kubernetes")
        .human("user:ann")
        .identity("sa:team/build", IdentityKind::ServiceAccount)
        .identity("sa:other/build", IdentityKind::ServiceAccount)
        .resource("ns:team", None)
        .resource("ns:other", None)
        .role("secrets", &[allow("get", "core:secrets#*")])
        .role("pods", &[allow("create", "core:pods#*")])
        .rule("run-pods", "sa:$ns/$name", "create", "core:pods#*", Some("ns:$ns"))
        .held("a", "sa:team/build", "secrets", Some("ns:team"))
        .held("b", "sa:other/build", "secrets", Some("ns:other"));
    let here = one(&s, grant("user:ann", "pods", Some("ns:team")));
    assert_eq!(
        brief(&here.effects.gained),
        ["user:ann create core:pods#*@ns:team", "user:ann get core:secrets#*@ns:team"]
    );
    let everywhere = one(&s, grant("user:ann", "pods", None));
    assert_eq!(everywhere.effects.gained.len(), 3);
    // Who could already act as the account gains what the account gains.
    let held = s.clone().held("c", "user:ann", "pods", Some("ns:team"));
    let through = one(&held, add("secrets", allow("list", "core:secrets#*")));
    assert!(brief(&through.effects.gained).contains(&"user:ann list core:secrets#*@ns:team".to_owned()));
    // A new account of the namespace is at once within reach.
    let made = Action::CreateIdentity(p("sa:team/new".into()), p(IdentityKind::ServiceAccount), None);
    let both = run(&held, vec![("c1", made), ("c2", grant("sa:team/new", "secrets", Some("ns:other")))]);
    assert!(brief(&both.changes[1].effects.gained).contains(&"user:ann get core:secrets#*@ns:other".to_owned()));
}

#[test]
fn who_receives_a_credential_acts_as_its_identity() {
    let s = base().held("a", "bob", "all", None).credential("old", "bob");
    let facts = one(&s, issue("key", "bob", "ann", Some(ttl(9))));
    assert_eq!(brief(&facts.effects.gained), [format!("ann * *<{}", EXPIRES + 9)]);
    assert_eq!(facts.named.trusted, Some("bob".into()));
    let rotated = one(&s, Action::RotateCredential(p("old".into()), Some(p("ann".into())), None));
    assert_eq!(brief(&rotated.effects.gained), ["ann * *"]);
    assert!(one(&s, issue("key", "bob", "bob", None)).effects.gained.is_empty());
}

#[test]
fn a_group_of_unknown_members_with_cluster_admin_does_not_look_harmless() {
    let s = snapshot("kubernetes")
        .unknown_group("group:team")
        .role("clusterrole:cluster-admin", &[allow("*", "*:*#*"), allow("*", "url:*")]);
    let data = Data::shipped().unwrap();
    let run = Run { data: &data, ..Run::default() };
    let analysis = run.on(&s, &plan(vec![("c1", grant("group:team", "clusterrole:cluster-admin", None))])).unwrap();
    let facts = &analysis.changes[0];
    assert!(facts.is_privileged() && facts.sensitivity == Sensitivity::Critical);
    assert_eq!(facts.effects.gained.len(), 2);
    assert!(facts.concerned.at_least && facts.concerned.unknown_groups.len() == 1);
    assert!(facts.escalations.len() >= 15);
    assert!(facts.gained_privileged >= 1);
}

#[test]
fn members_by_rule_gain_with_their_group() {
    let s = snapshot("kubernetes")
        .identity("sa:a/x", IdentityKind::ServiceAccount)
        .identity("sa:b/x", IdentityKind::ServiceAccount)
        .implicit("group:sas:a", "sa:a/*", MembersKnown::Partial)
        .role("r", &[allow("get", "x")]);
    let facts = one(&s, grant("group:sas:a", "r", None));
    assert_eq!(brief(&facts.effects.gained), ["sa:a/x get x", "group:sas:a get x"]);
    assert!(facts.concerned.at_least);
}

#[test]
fn a_role_of_which_nothing_is_known_is_privileged_and_hides_nothing() {
    let mut s = base().held("a", "ann", "ghost", None);
    s = s.group("g", &[]).held("b", "g", "ghost", None);
    let facts = one(&s, join("bob", "g"));
    assert_eq!(brief(&facts.effects.gained), ["bob * *?"]);
    assert!(facts.is_privileged() && facts.sensitivity == Sensitivity::Critical);
    assert_eq!(brief(&one(&s, grant("ann", "read", None)).effects.gained), ["ann read db"]);
    assert_eq!(one(&s, revoke("ann", "ghost", None)).effects.lost.len(), 1, "a stale binding can be removed");
}

#[test]
fn set_role_and_deletions_take_the_whole() {
    let s = base().held("a", "ann", "read", None).group("g", &["bob"]).held("b", "g", "read", None);
    let set = one(&s, Action::SetRole(define("read", &[allow("write", "db")], &[])));
    assert_eq!(brief(&set.effects.gained), ["ann write db", "bob write db", "g write db"]);
    assert_eq!(set.effects.lost.len(), 3);
    let deleted = one(&s, Action::DeleteRole(p("read".into())));
    assert_eq!(deleted.effects.lost.len(), 3);
    assert!(!deleted.reversible);
    let group = one(&s, Action::DeleteGroup(p("g".into())));
    assert_eq!(brief(&group.effects.lost), ["bob read db", "g read db"]);
    let s = base().resource("org", None).resource("db", Some("org")).held("a", "ann", "read", Some("db"));
    assert_eq!(brief(&one(&s, Action::DeleteResource(p("org".into()))).effects.lost), ["ann read db@db"]);
}

#[test]
fn a_membership_that_the_group_lists_can_be_revoked() {
    let s = base().group("g", &["bob"]).held("b", "g", "read", None);
    let facts = one(&s, Action::Revoke(to("bob", member("g"), None)));
    assert_eq!(brief(&facts.effects.lost), ["bob read db"]);
}

#[test]
fn a_scoped_membership_gives_the_access_of_the_group_there_only() {
    let mut s = base().resource("org", None).resource("db", Some("org")).resource("x", None).group("g", &[]);
    s = s.held("b", "g", "read", Some("org"));
    let facts = one(&s, Action::Grant(to("bob", member("g"), Some("db"))));
    assert_eq!(brief(&facts.effects.gained), ["bob read db@db"]);
    assert!(one(&s, Action::Grant(to("bob", member("g"), Some("x")))).effects.gained.is_empty());
}

#[test]
fn the_effect_of_a_change_is_independent_of_unrelated_changes_and_of_order() {
    let s = base().role("write", &[allow("write", "db")]).group("g", &["bob"]);
    let changes = || vec![("a", grant("ann", "read", None)), ("b", grant("g", "write", None)), ("c", join("ann", "g"))];
    let forward = run(&s, changes());
    let backward = run(&s, changes().into_iter().rev().collect());
    for facts in &forward.changes {
        let other = backward.changes.iter().find(|f| f.id == facts.id).unwrap();
        assert_eq!(facts.effects, other.effects);
        let alone = changes().into_iter().find(|(id, _)| *id == facts.id.as_str()).unwrap();
        assert_eq!(facts.effects, run(&s, vec![alone]).changes[0].effects);
    }
    assert_eq!(forward.effects, backward.effects);
    assert_eq!(forward.emergent, backward.emergent);
}

#[test]
fn a_new_place_that_a_trust_already_asks_for_lets_in_whoever_holds_that_above_it() {
    let s = snapshot("test").human("u").human("svc").resource("org", None).role("start", &[allow("start", "job")]);
    let s =
        s.role("vault", &[allow("open", "vault")]).held("v", "svc", "vault", None).held("h", "u", "start", Some("org"));
    let mut s = s.trust("t", "u", "svc", Some(("start", "job")));
    s.trusts[0].requires.as_mut().unwrap().scope = Some("new".into());
    let make = |name: &str| Action::CreateResource(p(name.into()), Some(p("org".into())), None, None);
    assert_eq!(brief(&one(&s, make("new")).effects.gained), ["u open vault"]);
    assert!(one(&s, make("other")).effects.gained.is_empty());
}
