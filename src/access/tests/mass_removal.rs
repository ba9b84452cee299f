//! What a plan takes: inside its task or not, and how much of it at once.

use std::collections::BTreeSet;

use super::build::*;
use crate::access::model::facts::{Analysis, ChangeFacts, MassRemoval, Outside, Removable, Removed};
use crate::access::{Data, PendingChange, TaskScope};
use crate::input::entitlement::Mode;
use crate::input::id::IdentityId;
use crate::plan::model::{Action, Owned};
use crate::snapshot::model::Snapshot;

const HOUR: i64 = 3_600;

/// A place for builds with eight helpers, a ledger with one writer, and a group.
fn site() -> Snapshot {
    let mut s = snapshot("test")
        .human("noor")
        .human("ada")
        .resource("org", None)
        .resource("ci", Some("org"))
        .resource("ledger", Some("org"))
        .role("builder", &[allow("build", "jobs")])
        .role("writer", &[allow("write", "ledger")])
        .role("spare", &[allow("idle", "jobs")])
        .group("team", &["noor"])
        .group("bare", &["noor"])
        .held("w", "noor", "writer", Some("ledger"))
        .held("t", "team", "builder", Some("ci"));
    for n in 0..8 {
        let who = format!("u{n}");
        s = s.human(&who).held(&format!("b{n}"), &who, "builder", Some("ci"));
        s = s.held(&format!("s{n}"), &who, "spare", Some("ci"));
    }
    s
}

fn task(scopes: &[&str]) -> TaskScope {
    let scopes = scopes.iter().map(|scope| (*scope).into()).collect();
    TaskScope { open: true, lists_proposer_and_sponsor: true, scopes, until: None }
}

fn within(s: &Snapshot, task: Option<&TaskScope>, action: Action) -> ChangeFacts {
    Run { task, ..Run::default() }.on(s, &plan(vec![("c", action)])).unwrap().changes.remove(0)
}

#[test]
fn what_a_change_takes_lies_in_the_task_only_if_all_of_it_does() {
    let s = site();
    let ci = task(&["ci"]);
    let takes = |action: Action| within(&s, Some(&ci), action).takes_in_task_scope;
    assert!(takes(revoke("u1", "builder", Some("ci"))));
    assert!(!takes(revoke("noor", "writer", Some("ledger"))));
    assert!(takes(Action::Revoke(to("noor", member("team"), None))), "all that the group gives lies in the task");
    assert!(!takes(Action::Revoke(to("noor", member("bare"), None))), "nobody knows what the group gives elsewhere");
    assert!(!takes(Action::DisableIdentity(p("noor".into()))), "it takes the ledger as well");
    assert!(takes(Action::DisableIdentity(p("u1".into()))));
    assert!(takes(remove("builder", allow("build", "jobs"))));
    assert!(!takes(Action::DeleteRole(p("writer".into()))));
    assert!(!takes(add("writer", allow("read", "ledger"))), "it redefines what is assigned elsewhere");
    assert!(takes(add("builder", allow("read", "jobs"))));
    assert!(!takes(Action::SetOwner(Owned::Resource(p("ledger".into())), p("ada".into()))));
    assert!(takes(Action::SetOwner(Owned::Resource(p("ci".into())), p("ada".into()))));
    assert!(takes(grant("ada", "builder", Some("ledger"))), "a grant takes nothing, wherever it gives");
    assert!(takes(Action::CreateRole(define("new", &[allow("x", "y")], &[]))), "what is new was not there to redefine");
}

#[test]
fn access_that_is_kept_by_another_assignment_is_taken_by_name_all_the_same() {
    let s = site().held("w2", "noor", "writer", Some("org"));
    let facts = within(&s, Some(&task(&["ci"])), revoke("noor", "writer", Some("ledger")));
    assert!(facts.effects.lost.is_empty() && !facts.takes_in_task_scope);
}

#[test]
fn no_task_and_a_closed_one_hold_nothing_that_is_taken() {
    let s = site();
    let of = |task: Option<&TaskScope>, action: Action| within(&s, task, action);
    let taken = || revoke("u1", "builder", Some("ci"));
    assert_eq!(of(None, taken()).outside, BTreeSet::from([Outside::NoTask]));
    assert!(!of(None, taken()).takes_in_task_scope);
    assert!(of(None, grant("ada", "builder", Some("ci"))).takes_in_task_scope);
    let closed = TaskScope { open: false, ..task(&["ci"]) };
    assert!(!of(Some(&closed), taken()).takes_in_task_scope);
    let others = TaskScope { lists_proposer_and_sponsor: false, ..task(&["ci"]) };
    assert!(!of(Some(&others), taken()).takes_in_task_scope);
    assert!(of(Some(&task(&["ci"])), taken()).outside.is_empty());
}

#[test]
fn what_lies_outside_is_told_as_data() {
    let s = site();
    let limited = TaskScope { until: Some(at(EXPIRES)), ..task(&["ci"]) };
    let facts = within(&s, Some(&limited), grant("ada", "writer", Some("ledger")));
    assert_eq!(facts.outside, BTreeSet::from([Outside::Gives(Some("ledger".into())), Outside::Lasts(None)]));
    let facts = within(&s, Some(&limited), revoke("noor", "writer", Some("ledger")));
    assert_eq!(facts.outside, BTreeSet::from([Outside::Takes(Some("ledger".into()))]));
}

fn revokes(range: std::ops::Range<usize>, role: &str) -> Vec<(String, Action)> {
    range.map(|n| (format!("c{n}"), revoke(&format!("u{n}"), role, Some("ci")))).collect()
}

fn analysed(run: &Run<'_>, s: &Snapshot, changes: &[(String, Action)]) -> Analysis {
    let changes = changes.iter().map(|(id, action)| (id.as_str(), action.clone())).collect();
    run.on(s, &plan(changes)).unwrap()
}

fn removed(run: &Run<'_>, s: &Snapshot, changes: &[(String, Action)]) -> Vec<Removed> {
    analysed(run, s, changes).mass_removals.into_iter().map(|removal| removal.what).collect()
}

#[test]
fn more_than_half_of_the_holders_and_more_than_three_are_a_mass_removal() {
    let s = site();
    let of = |n| removed(&Run::default(), &s, &revokes(0..n, "builder"));
    // Eight hold it themselves, and noor through the team.
    assert!(of(4).is_empty(), "{:?}", of(4));
    assert_eq!(of(5), [Removed::Holders(Removable::Role("builder".into()))]);
    let told = analysed(&Run::default(), &s, &revokes(0..5, "builder")).mass_removals.remove(0);
    assert_eq!((told.taken, told.of, told.changes.len(), told.with.len()), (5, 9, 5, 0));
}

#[test]
fn all_holders_of_anything_are_a_mass_removal_and_the_last_one_of_something_privileged() {
    let rules = b"rules:\n  - {action: rule, sensitivity: high, privileged: true, reason: why, source: s}\n";
    let data = Data::read([("classification.yaml", rules.as_slice())]).unwrap();
    let s = site().role("king", &[allow("rule", "all")]).held("k", "ada", "king", None).held("n", "noor", "king", None);
    let run = Run { data: &data, ..Run::default() };
    let one = vec![("c".to_owned(), revoke("ada", "king", None)), ("d".to_owned(), grant("u1", "king", None))];
    assert_eq!(removed(&run, &s, &one[..1]), [Removed::Everything("ada".into())], "noor is left");
    let both = [one, vec![("e".to_owned(), revoke("noor", "king", None))]].concat();
    let found = removed(&run, &s, &both);
    assert_eq!(found[0], Removed::LastHolder(Removable::Role("king".into())), "a grant of the plan may be rejected");
    let plain = removed(&Run::default(), &s, &both);
    assert!(plain.contains(&Removed::Holders(Removable::Role("king".into()))), "not privileged, but everybody's");
    let lone = [("c".to_owned(), revoke("noor", "writer", Some("ledger")))];
    assert!(removed(&Run::default(), &s, &lone).is_empty(), "the only holder of something ordinary");
}

#[test]
fn the_last_administrator_of_a_place_counts_though_others_administer_other_places() {
    let rules = b"rules:\n  - {action: rule, sensitivity: high, privileged: true, reason: why, source: s}\n";
    let data = Data::read([("classification.yaml", rules.as_slice())]).unwrap();
    let s = site()
        .role("king", &[allow("rule", "all")])
        .held("k", "ada", "king", Some("ledger"))
        .held("k2", "ada", "spare", Some("ci"))
        .held("n", "noor", "king", Some("ci"));
    let run = Run { data: &data, ..Run::default() };
    let found = removed(&run, &s, &[("c".to_owned(), revoke("ada", "king", Some("ledger")))]);
    assert_eq!(found, [Removed::LastHolder(Removable::RoleAt("king".into(), "ledger".into()))]);
    let above = s.held("o", "u1", "king", Some("org"));
    assert!(removed(&run, &above, &[("c".to_owned(), revoke("ada", "king", Some("ledger")))]).is_empty());
}

#[test]
fn all_access_of_an_identity_counts_whichever_way_it_is_taken() {
    let s = site();
    let everything = |actions: Vec<Action>| {
        let changes: Vec<_> = actions.into_iter().enumerate().map(|(n, a)| (format!("c{n}"), a)).collect();
        removed(&Run::default(), &s, &changes).contains(&Removed::Everything("noor".into()))
    };
    assert!(everything(vec![Action::DisableIdentity(p("noor".into()))]));
    assert!(everything(vec![Action::DeleteIdentity(p("noor".into()))]));
    let writer = || revoke("noor", "writer", Some("ledger"));
    let leave = |group: &str| Action::Revoke(to("noor", member(group), None));
    assert!(!everything(vec![writer()]));
    assert!(!everything(vec![writer(), leave("team")]), "what the bare group gives elsewhere, nobody knows");
    assert!(everything(vec![writer(), leave("team"), leave("bare")]));
    let roles = || [Action::DeleteRole(p("writer".into())), Action::DeleteRole(p("builder".into()))];
    assert!(everything([roles().to_vec(), vec![leave("bare")]].concat()), "the team gives nothing any more");
}

#[test]
fn all_access_that_is_only_left_for_a_minute_or_by_activation_is_removed() {
    let s = site().held("i", "ada", "spare", None);
    let everything = |action: Action| {
        removed(&Run::default(), &s, &[("c".to_owned(), action)]).contains(&Removed::Everything("ada".into()))
    };
    assert!(everything(revoke("ada", "spare", None)));
    assert!(everything(adjust("ada", "spare", Some(Mode::Active), Some(ttl(60)))));
    assert!(everything(adjust("ada", "spare", Some(Mode::Eligible), Some(ttl(60)))));
    assert!(!everything(adjust("ada", "spare", Some(Mode::Standing), None)), "it is left as it was");
}

#[test]
fn what_everybody_has_by_rule_does_not_make_up_for_what_is_taken() {
    let s = site().implicit("all", "u*", crate::snapshot::model::MembersKnown::Known).held("x", "all", "spare", None);
    let changes =
        [("a".to_owned(), revoke("u1", "builder", Some("ci"))), ("b".to_owned(), revoke("u1", "spare", Some("ci")))];
    assert_eq!(removed(&Run::default(), &s, &changes), [Removed::Everything("u1".into())]);
}

#[test]
fn an_approver_loses_nothing_quietly() {
    let s = site().credential("key", "ada");
    let people = [BTreeSet::from([IdentityId::from("ada")]), BTreeSet::from(["u1".into()])];
    let run = Run { people: &people, ..Run::default() };
    let of = |action: Action| removed(&run, &s, &[("c".to_owned(), action)]);
    assert_eq!(of(revoke("u1", "spare", Some("ci"))), [Removed::Approver("u1".into())]);
    assert!(of(revoke("u2", "spare", Some("ci"))).is_empty());
    assert!(of(Action::DisableIdentity(p("ada".into()))).contains(&Removed::Approver("ada".into())));
    assert!(of(Action::RevokeCredential(p("key".into()))).contains(&Removed::Approver("ada".into())));
    let mut owned = s;
    owned.resources[0].owner = Some("ada".into());
    let away = Action::SetOwner(Owned::Resource(p("org".into())), p("noor".into()));
    assert_eq!(removed(&run, &owned, &[("c".to_owned(), away)]), [Removed::Approver("ada".into())]);
}

#[test]
fn a_shorter_end_a_narrower_role_and_a_new_deny_take_as_well() {
    let s = site();
    let ends: Vec<_> = (0..5)
        .map(|n| {
            let mut action = to(&format!("u{n}"), role("builder"), Some("ci"));
            (action.mode, action.lifetime) = (Some(p(Mode::Active)), Some(p(ttl(HOUR))));
            (format!("c{n}"), Action::Adjust(action))
        })
        .collect();
    assert_eq!(removed(&Run::default(), &s, &ends), [Removed::Holders(Removable::Role("builder".into()))]);
    let builder = || Removed::Holders(Removable::Role("builder".into()));
    let narrower = [("c".to_owned(), remove("builder", allow("build", "jobs")))];
    assert!(removed(&Run::default(), &s, &narrower).contains(&builder()));
    let denying = [("c".to_owned(), add("spare", deny("build", "*")))];
    assert!(removed(&Run::default(), &s, &denying).contains(&builder()), "eight of nine can build no more");
}

#[test]
fn a_role_that_is_taken_from_a_group_is_taken_from_its_members() {
    let s = site().human("x").group("crew", &["u0", "u1", "u2", "u3", "x"]).role("crane", &[allow("lift", "y")]);
    let s = s.held("g", "crew", "crane", None);
    let found = removed(&Run::default(), &s, &[("c".to_owned(), revoke("crew", "crane", None))]);
    assert!(found.contains(&Removed::Holders(Removable::Role("crane".into()))), "{found:?}");
    assert!(found.contains(&Removed::Everything("x".into())), "{found:?}");
}

fn with_pending(s: &Snapshot, pending: &[PendingChange], changes: &[(String, Action)]) -> Vec<MassRemoval> {
    analysed(&Run { approved: pending, now: at(TAKEN_AT + HOUR), ..Run::default() }, s, changes).mass_removals
}

#[test]
fn what_the_same_proposer_took_within_a_day_counts_together() {
    let s = site();
    let earlier: Vec<PendingChange> =
        revokes(0..3, "builder").into_iter().map(|(id, a)| approved("EARLIER", &id, a)).collect();
    let mine = revokes(3..5, "builder");
    let found = with_pending(&s, &earlier, &mine);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].what, Removed::Holders(Removable::Role("builder".into())));
    assert_eq!((found[0].taken, found[0].of), (5, 9));
    assert_eq!(found[0].changes.len(), 2);
    assert!(found[0].with.contains("EARLIER/c0") && found[0].with.len() == 3);
    assert!(with_pending(&s, &[], &mine).is_empty());
    let others: Vec<PendingChange> =
        earlier.iter().cloned().map(|a| PendingChange { proposer: "ada".into(), ..a }).collect();
    assert!(with_pending(&s, &others, &mine).is_empty(), "another proposer's");
    let old: Vec<PendingChange> =
        earlier.iter().cloned().map(|a| PendingChange { at: at(TAKEN_AT - 25 * HOUR), ..a }).collect();
    assert!(with_pending(&s, &old, &mine).is_empty(), "of the day before");
    assert!(
        with_pending(&s, &earlier, &[("c".to_owned(), grant("ada", "spare", None))]).is_empty(),
        "it takes nothing"
    );
    let apart = revokes(6..7, "spare");
    assert!(with_pending(&s, &earlier, &apart).is_empty(), "it takes nothing of that");
}

#[test]
fn what_was_taken_counts_though_the_snapshot_shows_it_as_done() {
    let mut s = site();
    s.assignments.retain(|a| !["b0", "b1", "b2"].contains(&a.id.as_str()));
    let earlier: Vec<PendingChange> =
        revokes(0..3, "builder").into_iter().map(|(id, a)| approved("EARLIER", &id, a)).collect();
    let mine = revokes(3..5, "builder");
    assert!(with_pending(&s, &[], &mine).is_empty());
    let found = with_pending(&s, &earlier, &mine);
    assert_eq!(
        found.iter().map(|it| (it.taken, it.of)).collect::<Vec<_>>(),
        [(5, 9)],
        "three a day are as many as five at once"
    );
}

#[test]
fn ended_assignments_and_disabled_people_are_no_holders() {
    let mut s = site();
    for n in 0..20 {
        s = s.disabled(&format!("gone{n}")).held(&format!("g{n}"), &format!("gone{n}"), "builder", Some("ci"));
        s = s.held(&format!("e{n}"), &format!("u{}", n % 2), "writer", None).mode(Mode::Active, Some(TAKEN_AT - 1));
    }
    let found = removed(&Run::default(), &s, &revokes(0..5, "builder"));
    assert_eq!(found, [Removed::Holders(Removable::Role("builder".into()))]);
}

fn access(action: &str, resource: &str) -> Removed {
    Removed::Holders(Removable::Access(action.into(), resource.into()))
}

/// Eight people, each with a role of their own that gives the same, and a role in common.
fn own_roles() -> Snapshot {
    let mut s = site();
    for n in 0..8 {
        let (who, own) = (format!("u{n}"), format!("own{n}"));
        // Written in two ways, and at two places.
        let pattern = if n % 2 == 0 { "lift" } else { "li*ft" };
        let place = format!("place{n}");
        s = s.resource(&place, Some("ci")).role(&own, &[allow(pattern, "crate")]);
        s = s.held(&format!("o{n}"), &who, &own, Some(&place));
    }
    s
}

fn named(actions: Vec<Action>) -> Vec<(String, Action)> {
    actions.into_iter().enumerate().map(|(n, action)| (format!("c{n}"), action)).collect()
}

#[test]
fn the_same_access_by_different_roles_counts_together() {
    let s = own_roles();
    let revoked = |n: usize| revoke(&format!("u{n}"), &format!("own{n}"), Some(&format!("place{n}")));
    let of = |n: usize| removed(&Run::default(), &s, &named((0..n).map(revoked).collect()));
    assert!(of(8).contains(&access("lift", "crate")), "{:?}", of(8));
    assert!(of(5).contains(&access("lift", "crate")), "{:?}", of(5));
    assert!(of(3).is_empty(), "{:?}", of(3));
    let emptied = |n: usize| Action::SetRole(define(&format!("own{n}"), &[], &[]));
    let found = removed(&Run::default(), &s, &named((0..6).map(emptied).collect()));
    assert!(found.contains(&access("lift", "crate")), "{found:?}");
    let denied = |n: usize| add(&format!("own{n}"), deny("lift", "*"));
    let found = removed(&Run::default(), &s, &named((0..6).map(denied).collect()));
    assert!(found.contains(&access("lift", "crate")), "{found:?}");
    // Whoever keeps it by another role loses nothing of it.
    let spared = (0..8).fold(s.clone().role("both", &[allow("l*", "*")]), |s, n| {
        s.held(&format!("k{n}"), &format!("u{n}"), "both", None)
    });
    let found = removed(&Run::default(), &spared, &named((0..8).map(revoked).collect()));
    assert!(!found.contains(&access("lift", "crate")), "{found:?}");
    // What the plan gives instead may be rejected.
    let given = (0..8).map(|n| grant(&format!("u{n}"), "own0", Some(&format!("place{n}"))));
    let found = removed(&Run::default(), &s, &named((1..8).map(revoked).chain(given.skip(1)).collect()));
    assert!(found.contains(&access("lift", "crate")), "{found:?}");
    let earlier: Vec<PendingChange> = (0..3).map(|n| approved("EARLIER", &format!("c{n}"), denied(n))).collect();
    let found = with_pending(&s, &earlier, &named((3..5).map(revoked).collect()));
    assert!(found.iter().any(|it| it.what == access("lift", "crate") && it.with.len() == 3), "{found:?}");
}

#[test]
fn access_through_trusts_counts_as_well() {
    let mut s = site().human("svc").role("crane", &[allow("lift", "crate")]).held("h", "svc", "crane", None);
    for n in 0..5 {
        s = s.trust(&format!("t{n}"), &format!("u{n}"), "svc", None);
    }
    let untrusted = |n: usize| Action::RemoveTrust(p(format!("t{n}").as_str().into()));
    let found = removed(&Run::default(), &s, &named((0..4).map(untrusted).collect()));
    assert_eq!(found, [access("lift", "crate")], "four of six");
    assert!(removed(&Run::default(), &s, &named((0..3).map(untrusted).collect())).is_empty());
}

#[test]
fn the_last_holder_of_something_privileged_counts_by_any_path() {
    let rules = b"rules:\n  - {action: rule, sensitivity: high, privileged: true, reason: why, source: s}\n";
    let data = Data::read([("classification.yaml", rules.as_slice())]).unwrap();
    let run = Run { data: &data, ..Run::default() };
    let s = site()
        .role("king", &[allow("rule", "all"), allow("read", "all")])
        .held("k", "ada", "king", None)
        .role("regent", &[allow("rule", "*")])
        .held("r", "u1", "regent", None);
    let last = Removed::LastHolder(Removable::Access("rule".into(), "all".into()));
    let narrowed = [("c".to_owned(), remove("king", allow("rule", "all")))];
    assert!(!removed(&run, &s, &narrowed).contains(&last), "the regent rules as well");
    let mut alone = s;
    alone.assignments.retain(|a| a.id.as_str() != "r");
    let found = removed(&run, &alone, &narrowed);
    assert!(found.iter().any(|it| matches!(it, Removed::LastHolder(_))), "{found:?}");
    // The role is not the last of its name, and what it gives is.
    let two = alone.role("king2", &[allow("read", "all")]).held("k2", "u1", "king2", None);
    let included = Action::SetRole(define("king", &[allow("read", "all")], &[]));
    let found = removed(&run, &two.held("k3", "u2", "king2", None), &[("c".to_owned(), included)]);
    assert!(found.iter().any(|it| matches!(it, Removed::LastHolder(_))), "{found:?}");
}

#[test]
fn all_access_counts_if_the_roles_are_emptied_or_denied() {
    let s = site().role("plain", &[allow("read", "wiki")]).held("p", "ada", "plain", None);
    let everything = |action: Action| {
        removed(&Run::default(), &s, &[("c".to_owned(), action)]).contains(&Removed::Everything("ada".into()))
    };
    assert!(everything(Action::SetRole(define("plain", &[], &[]))));
    assert!(everything(remove("plain", allow("read", "wiki"))));
    assert!(everything(add("plain", deny("*", "*"))));
    assert!(!everything(add("plain", allow("write", "wiki"))));
}

#[test]
fn access_that_only_the_plan_and_a_pending_change_together_remove_is_counted() {
    let mut s = site().role("crane", &[allow("lift", "crate")]).role("lever", &[allow("lift", "crate")]);
    for n in 0..6 {
        s = s.held(&format!("c{n}"), &format!("u{n}"), "crane", None).held(
            &format!("l{n}"),
            &format!("u{n}"),
            "lever",
            None,
        );
    }
    let mine = [("c".to_owned(), Action::SetRole(define("crane", &[], &[])))];
    let earlier = [approved("EARLIER", "e", Action::SetRole(define("lever", &[], &[])))];
    let unrelated = [PendingChange { proposer: "ada".into(), ..approved("OTHER", "o", grant("team", "spare", None)) }];
    assert!(with_pending(&s, &unrelated, &mine).iter().all(|it| it.what != access("lift", "crate")));
    let found = with_pending(&s, &[&earlier[..], &unrelated[..]].concat(), &mine);
    assert!(found.iter().any(|it| it.what == access("lift", "crate")), "{found:?}");
}
