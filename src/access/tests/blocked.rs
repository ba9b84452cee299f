//! What a deny, a limit or a label hides: it counts although no access differs now.

use super::build::*;
use crate::access::TaskScope;
use crate::access::model::facts::{ChangeFacts, Outside};
use crate::input::entitlement::{Mode, Permission, Sensitivity};
use crate::plan::model::{Action, AssignmentChange};
use crate::snapshot::model::Snapshot;

fn site(reader: &[Permission]) -> Snapshot {
    snapshot("test")
        .human("ann")
        .human("bob")
        .resource("org", None)
        .resource("ci", Some("org"))
        .resource("ledger", Some("org"))
        .role("reader", reader)
        .role("shut", &[deny("read", "wiki")])
        .held("d", "ann", "shut", None)
}

fn read() -> Snapshot {
    site(&[allow("read", "wiki")])
}

fn within(s: &Snapshot, action: Action) -> ChangeFacts {
    let task =
        TaskScope { open: true, lists_proposer_and_sponsor: true, scopes: vec!["ci".into()], until: Some(at(EXPIRES)) };
    Run { task: Some(&task), ..Run::default() }.on(s, &plan(vec![("c", action)])).unwrap().changes.remove(0)
}

#[test]
fn access_that_a_deny_or_limit_blocks_now_is_blocked_and_not_nothing() {
    let s = read();
    let blocked = one(&s, grant("ann", "reader", None));
    assert!(blocked.blocked && blocked.effects.gained.is_empty());
    assert!(!one(&s, grant("bob", "reader", None)).blocked, "nothing is denied to bob");
    assert!(!one(&s, revoke("ann", "shut", None)).blocked, "it assigns nothing");
    let through_group = s.clone().group("team", &[]).held("t", "team", "reader", None);
    assert!(one(&through_group, join("ann", "team")).blocked);
    assert!(!one(&through_group, join("bob", "team")).blocked);
    let to_group = s.clone().group("team", &["bob", "ann"]);
    assert!(one(&to_group, grant("team", "reader", None)).blocked, "a member of the group is denied it");
    let disabled = s.clone().disabled("eve").group("away", &["bob", "eve"]);
    assert!(one(&disabled, grant("away", "reader", None)).blocked, "a member of the group is disabled");
    let partly = site(&[allow("read", "wiki"), allow("read", "news")]);
    assert!(one(&partly, grant("ann", "reader", None)).blocked);
    let elsewhere = site(&[allow("read", "news")]);
    assert!(!one(&elsewhere, grant("ann", "reader", None)).blocked);
    let left_out = site(&[allow("read", "wiki")]).role("shut", &[]);
    let left_out =
        Snapshot { roles: left_out.roles.into_iter().filter(|r| r.id.as_str() != "shut").collect(), ..left_out };
    let left_out = left_out.role("shut", &[except(deny("*", "*"), &[("read", "*")])]);
    assert!(!one(&left_out, grant("ann", "reader", None)).blocked, "the deny leaves it out");
    let conditional = Snapshot { roles: s.roles.iter().filter(|r| r.id.as_str() != "shut").cloned().collect(), ..s };
    let conditional = conditional.role("shut", &[when(deny("read", "wiki"), "no MFA")]);
    let facts = one(&conditional, grant("ann", "reader", None));
    assert!(!facts.blocked && facts.effects.gained.len() == 1, "a conditional deny takes nothing from the gain");
}

#[test]
fn a_limit_that_leaves_less_of_a_role_blocks_the_rest() {
    let limited = |bound: &[Permission]| {
        let s = snapshot("test").human("ann").limited("boundary", &["bound"], false);
        s.role("bound", bound).role("reader", &[allow("read", "wiki")])
    };
    assert!(one(&limited(&[allow("list", "*")]), grant("ann", "reader", None)).blocked);
    assert!(!one(&limited(&[allow("read", "*")]), grant("ann", "reader", None)).blocked);
}

#[test]
fn an_assignment_that_is_extended_while_a_deny_blocks_it_is_blocked() {
    let s = read().held("e", "ann", "reader", None).mode(Mode::Eligible, Some(EXPIRES));
    let facts = one(&s, adjust("ann", "reader", Some(Mode::Standing), None));
    assert!(facts.blocked && !facts.receivers.is_empty() && facts.effects.gained.is_empty());
    let s = read().held("e", "ann", "reader", None);
    let reduced = one(&s, adjust("ann", "reader", Some(Mode::Active), Some(ttl(60))));
    assert!(!reduced.blocked && reduced.receivers.is_empty(), "it gives less");
}

#[test]
fn a_grant_lies_in_the_task_only_if_its_own_scope_and_end_do() {
    let s = read();
    let lend = |scope: Option<&str>, seconds: i64| {
        let lifetime = Some(p(crate::plan::model::Lifetime::Until(at(seconds))));
        Action::Grant(AssignmentChange { lifetime, mode: Some(p(Mode::Active)), ..to("ann", role("reader"), scope) })
    };
    assert!(within(&s, lend(Some("ci"), EXPIRES)).in_task_scope);
    let wide = within(&s, lend(None, EXPIRES));
    assert!(!wide.in_task_scope && wide.outside.contains(&Outside::Gives(None)), "blocked everywhere is not in `ci`");
    assert!(!within(&s, lend(Some("ledger"), EXPIRES)).in_task_scope);
    assert!(!within(&s, lend(Some("ci"), EXPIRES + 1)).in_task_scope, "it ends after the task");
    let grouped = s.group("team", &[]).held("t", "team", "reader", Some("ledger"));
    let joined = Action::Grant(AssignmentChange {
        lifetime: Some(p(crate::plan::model::Lifetime::Until(at(EXPIRES)))),
        mode: Some(p(Mode::Active)),
        ..to("ann", member("team"), None)
    });
    assert!(within(&grouped, joined).outside.contains(&Outside::Gives(Some("ledger".into()))));
}

#[test]
fn a_change_that_takes_a_deny_or_limit_away_says_so_though_nobody_gains() {
    let s = snapshot("test")
        .human("ann")
        .limited("boundary", &["bound"], false)
        .human("bob")
        .role("bound", &[allow("*", "*")])
        .role("shut", &[deny("read", "wiki")])
        .including("over", &[allow("list", "news")], &["shut"])
        .role("reader", &[allow("read", "news")])
        .group("team", &["bob"])
        .held("t", "team", "shut", None)
        .held("d", "bob", "shut", None)
        .held("r", "bob", "reader", None);
    for (what, action) in [
        ("revoke of a deny", revoke("bob", "shut", None)),
        ("revoke of a membership that denies", Action::Revoke(to("bob", member("team"), None))),
        ("a deny that ends", adjust("bob", "shut", Some(Mode::Active), Some(ttl(60)))),
        ("deletion of a group that denies", Action::DeleteGroup(p("team".into()))),
        ("deletion of a role that denies", Action::DeleteRole(p("shut".into()))),
        ("removal of a deny", remove("shut", deny("read", "wiki"))),
        ("removal of an include that denies", Action::RemoveInclude(p("over".into()), p("shut".into()))),
        ("a new definition without the deny", Action::SetRole(define("shut", &[], &[]))),
        ("a narrower deny", Action::SetRole(define("shut", &[deny("read", "wiki/x")], &[]))),
        ("a new definition of a limit", Action::SetRole(define("bound", &[allow("read", "*")], &[]))),
        ("deletion of a limit", Action::DeleteRole(p("bound".into()))),
    ] {
        let facts = one(&s, action);
        assert!(facts.lifts_deny, "{what}");
    }
    for (what, action) in [
        ("revoke of an allow", revoke("bob", "reader", None)),
        ("grant of a deny", grant("ann", "shut", None)),
        ("a wider definition", add("reader", allow("list", "wiki"))),
        ("a further deny", add("shut", deny("read", "news"))),
    ] {
        assert!(!one(&s, action).lifts_deny, "{what}");
    }
}

#[test]
fn a_label_of_a_resource_counts_in_every_scope_that_includes_it() {
    for label in [Sensitivity::Moderate, Sensitivity::High, Sensitivity::Critical] {
        let mut s = snapshot("test").human("ann").resource("org", None).resource("ci", Some("org"));
        s = s.resource("ledger", Some("org")).resource("table", Some("ledger"));
        s = s.role("reader", &[allow("read", "wiki")]).labelled(Sensitivity::Low);
        s.resources[3].sensitivity = Some(label);
        for scope in [None, Some("org"), Some("ledger"), Some("table")] {
            assert_eq!(one(&s, grant("ann", "reader", scope)).sensitivity, label, "{scope:?}");
        }
        assert_eq!(one(&s, grant("ann", "reader", Some("ci"))).sensitivity, Sensitivity::Low);
    }
}
