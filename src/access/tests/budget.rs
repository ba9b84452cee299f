//! Effects that are too large to tell: cut short at the same place whatever stands beside, and never in silence.

use super::build::*;
use crate::access::model::facts::{Analysis, EmergentWhat};
use crate::access::tests::live::of_chain;
use crate::access::{Budget, Data};
use crate::input::entitlement::IdentityKind;
use crate::input::finding::Code;
use crate::plan::model::Action;
use crate::snapshot::model::Snapshot;

/// Ten identities in a group, each with a role of five permissions of its own that nobody else has.
fn team() -> Snapshot {
    let mut s = snapshot("test").role("wide", &(0..20).map(|n| allow("use", &format!("w{n}"))).collect::<Vec<_>>());
    let names: Vec<String> = (0..10).map(|n| format!("u{n}")).collect();
    for name in &names {
        let own: Vec<_> = (0..5).map(|n| allow("read", &format!("{name}-{n}"))).collect();
        let role = format!("own-{name}");
        s = s.human(name).role(&role, &own).held(&format!("h-{name}"), name, &role, None);
    }
    s.group("team", &names.iter().map(String::as_str).collect::<Vec<_>>()).human("bob")
}

fn within(budget: Budget, s: &Snapshot, changes: Vec<(&str, Action)>) -> Analysis {
    Run { budget, ..Run::default() }.on(s, &plan(changes)).unwrap()
}

fn codes(a: &Analysis) -> Vec<Code> {
    a.findings.iter().map(|f| f.code).collect()
}

#[test]
fn whoever_finds_no_room_counts_as_gaining_everything() {
    let s = team();
    let whole = within(Budget::default(), &s, vec![("c", grant("team", "wide", None))]);
    assert_eq!(whole.changes[0].effects.gained.len(), 11 * 20, "ten members and the group itself");
    assert!(!whole.changes[0].concerned.untold.is_any() && !codes(&whole).contains(&Code::EffectTooLarge));

    let budget = Budget { change: 100, ..Budget::default() };
    let cut = within(budget, &s, vec![("c", grant("team", "wide", None))]);
    let facts = &cut.changes[0];
    assert_eq!(facts.concerned.untold.subjects, 6, "the first five are told");
    assert_eq!(facts.concerned.identities, whole.changes[0].concerned.identities, "nobody is forgotten");
    let everything: Vec<String> = brief(&facts.effects.gained).into_iter().filter(|p| p.ends_with(" * *")).collect();
    assert_eq!(everything.len(), 6);
    assert!(facts.is_privileged(), "what nobody can tell is privileged");
    assert!(!facts.in_task_scope);
    assert!(codes(&cut).contains(&Code::EffectTooLarge));
    assert!(cut.concerned.untold.is_any(), "the plan of one change is that change");
}

#[test]
fn who_comes_to_hold_what_must_be_apart_is_told_even_where_all_they_gain_is_not() {
    let pair =
        "pairs:\n  - {id: pay, title: T, first: {action: pay, resource: '*'}, second: {action: use, resource: w19}}\n";
    let data = Data::read([("sod.yaml", pair.as_bytes())]).unwrap();
    let s = team().role("payer", &[allow("pay", "bills")]).held("p", "u9", "payer", None);
    let of = |budget| {
        let asked = plan(vec![("c", grant("team", "wide", None))]);
        let a = Run { data: &data, budget, ..Run::default() }.on(&s, &asked).unwrap();
        assert_eq!(a.sod, a.changes[0].sod);
        let found: Vec<String> = a.sod.iter().map(|c| c.subject.as_str().to_owned()).collect();
        (found, a.changes[0].concerned.untold)
    };
    assert_eq!(of(Budget::default()).0, ["u9"]);
    let (found, untold) = of(Budget { change: 100, ..Budget::default() });
    assert_eq!((found, untold.subjects, untold.conflicts), (vec!["u9".to_owned()], 6, false));
    let (found, untold) = of(Budget { work: 10, ..Budget::default() });
    assert!(found.is_empty() && untold.conflicts, "{untold:?}");
}

#[test]
fn what_is_told_of_a_change_rests_on_nothing_beside_it() {
    let s = team();
    let budget = Budget { change: 100, ..Budget::default() };
    let wide = || grant("team", "wide", None);
    let alone = within(budget, &s, vec![("c", wide())]);
    let mine = alone.changes[0].effects.gained.clone();
    let small = || grant("bob", "wide", None);
    let first = within(budget, &s, vec![("c", wide()), ("d", small())]);
    let last = within(budget, &s, vec![("d", small()), ("c", wide())]);
    assert_eq!(first.changes[0].effects.gained, mine);
    assert_eq!(last.changes[1].effects.gained, mine);
    assert_eq!(first.changes[1].effects.gained.len(), 20);
    assert!(!first.changes[1].concerned.untold.is_any(), "the small one is told whole");
}

#[test]
fn who_reaches_more_than_may_be_looked_at_is_not_told() {
    let mut s = snapshot("test").role("r", &[allow("x", "y")]).human("far");
    for n in 0..100 {
        s = s.human(&format!("t{n:03}")).trust(&format!("t{n}"), &format!("t{n:03}"), &format!("t{:03}", n + 1), None);
    }
    let s = s.human("t100");
    let change = || vec![("c", grant("t100", "r", None))];
    assert!(!within(Budget::default(), &s, change()).changes[0].concerned.untold.is_any());
    let cut = within(Budget { work: 1_000, ..Budget::default() }, &s, change());
    let untold = cut.changes[0].concerned.untold;
    assert!(untold.subjects > 50 && !untold.losses && untold.paths, "{untold:?}: a grant takes nothing");
    assert_eq!(cut.changes[0].concerned.identities, 101);
    // The same with what was looked at before at hand: others before it alter nothing.
    let beside = vec![("b", grant("far", "r", None)), ("d", grant("t050", "r", None)), ("c", grant("t100", "r", None))];
    let again = within(Budget { work: 1_000, ..Budget::default() }, &s, beside);
    assert_eq!(again.changes[2].effects.gained, cut.changes[0].effects.gained);
}

#[test]
fn what_takes_assignments_away_gives_nothing_however_large_it_is() {
    let s = team().held("a", "team", "wide", None);
    let budget = Budget { change: 100, ..Budget::default() };
    let facts = within(budget, &s, vec![("c", revoke("team", "wide", None))]).changes.remove(0);
    assert!(facts.effects.gained.is_empty() && facts.concerned.untold.losses && facts.concerned.untold.subjects == 0);
    assert!(!facts.concerned.untold.paths && !facts.concerned.untold.conflicts);
    assert_eq!(facts.effects.lost.len(), 100);
    let tiny = within(Budget { work: 10, ..Budget::default() }, &s, vec![("c", revoke("team", "wide", None))]);
    assert!(tiny.changes[0].effects.gained.is_empty() && tiny.changes[0].concerned.untold.losses);
    // A deny somewhere, and what is taken may be one.
    let s = s.role("no", &[deny("use", "w1")]).held("d", "bob", "no", None);
    let facts = within(Budget { work: 10, ..Budget::default() }, &s, vec![("c", revoke("team", "wide", None))]);
    assert!(facts.changes[0].concerned.untold.subjects > 0);
}

#[test]
fn a_plan_that_is_too_much_in_all_is_refused_and_split_it_passes() {
    let s = team();
    let budget = Budget { plan: 300, ..Budget::default() };
    let mut s = s.group("crew", &["u0", "u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8", "u9"]);
    s = s.role("other", &(0..20).map(|n| allow("use", &format!("o{n}"))).collect::<Vec<_>>());
    let both = plan(vec![("c", grant("team", "wide", None)), ("d", grant("crew", "other", None))]);
    let refused = Run { budget, ..Run::default() }.on(&s, &both).unwrap_err();
    assert_eq!(refused.iter().map(|f| f.code).collect::<Vec<_>>(), [Code::TooLarge]);
    for change in [("c", grant("team", "wide", None)), ("d", grant("crew", "other", None))] {
        assert_eq!(within(budget, &s, vec![change]).effects.gained.len(), 220);
    }
    let slow = Budget { plan_work: 20, ..Budget::default() };
    assert!(Run { budget: slow, ..Run::default() }.on(&s, &both).is_err());
}

#[test]
fn what_only_the_whole_plan_gives_and_is_too_much_to_tell_binds_every_change() {
    let s = team().role("empty", &[]).held("a", "team", "empty", None).role("more", &[]);
    let many: Vec<_> = (0..20).map(|n| allow("use", &format!("m{n}"))).collect();
    let mut more = define("more", &many, &[]);
    more.role = p("more".into());
    let changes = || {
        let include = Action::AddInclude(p("empty".into()), p("more".into()));
        vec![("c", Action::SetRole(more.clone())), ("d", include), ("e", grant("bob", "own-u1", None))]
    };
    let whole = within(Budget::default(), &s, changes());
    assert_eq!(whole.emergent.len(), 220);
    assert!(whole.emergent.iter().all(|e| e.complete) && !whole.sets_incomplete);
    let cut = within(Budget { emergent: 50, ..Budget::default() }, &s, changes());
    assert_eq!(cut.emergent.len(), 51);
    let rest: Vec<_> = cut.emergent.iter().filter(|e| !e.complete).collect();
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0].members.len(), 3, "nothing was shown of any");
    assert!(cut.sets_incomplete);
    // The same where the whole is cut short and each alone is told.
    let cut = within(Budget { change: 60, ..Budget::default() }, &s, changes());
    assert!(cut.sets_incomplete && cut.concerned.untold.is_any());
    assert!(cut.changes.iter().all(|c| !c.concerned.untold.is_any()));
    let everything = |what: &EmergentWhat| matches!(what, EmergentWhat::Access(piece) if piece.everything);
    assert_eq!(cut.emergent.iter().filter(|e| everything(&e.what)).count(), 1);
    assert!(cut.changes.iter().all(|c| c.emergent.iter().any(|at| everything(&cut.emergent[*at].what))));
}

#[test]
fn what_is_privileged_beyond_what_is_told_one_by_one_is_not_forgotten() {
    let rules = b"rules:\n  - {action: zap, sensitivity: high, privileged: true, reason: zaps it, source: s}\n";
    let data = Data::read([("classification.yaml", rules.as_slice())]).unwrap();
    let s = snapshot("test").human("bob").role("empty", &[]).held("a", "bob", "empty", None).role("more", &[]);
    let mut many: Vec<_> = (0..20).map(|n| allow("use", &format!("m{n}"))).collect();
    many.push(allow("zap", "all"));
    let mut more = define("more", &many, &[]);
    more.role = p("more".into());
    let include = Action::AddInclude(p("empty".into()), p("more".into()));
    let asked = plan(vec![("c", Action::SetRole(more)), ("d", include)]);
    let of = |emergent| {
        let budget = Budget { emergent, ..Budget::default() };
        Run { data: &data, budget, ..Run::default() }.on(&s, &asked).unwrap()
    };
    for (most, told) in [(30, 21), (20, 21), (5, 6)] {
        let a = of(most);
        assert_eq!(a.emergent.len(), told);
        assert!(a.changes.iter().all(|c| !c.privileged_together.is_empty()), "{most} are told");
    }
    // What stands for others stays, even if it is known itself.
    let mut all = crate::access::chains::candidates::Candidates::default();
    all.stand_in(of(5).emergent[0].what.clone(), false);
    all.leave_out(&|_, _| true);
    assert!(!all.is_empty() && all.rest().is_some());
}

#[test]
fn what_another_plan_was_approved_for_and_cannot_be_told_leaves_the_search_open() {
    let s = team();
    let held = crate::access::PendingChange {
        plan: "P".into(),
        at: at(TAKEN_AT),
        expires: at(EXPIRES),
        change: plan(vec![("c", grant("team", "wide", None))]).changes.remove(0),
    };
    let ask = |budget| {
        let approved = [held.clone()];
        let asked = plan(vec![("d", grant("u3", "own-u1", None))]);
        Run { budget, approved: &approved, ..Run::default() }.on(&s, &asked).unwrap()
    };
    assert!(!ask(Budget::default()).sets_incomplete);
    let cut = ask(Budget { change: 100, ..Budget::default() });
    assert!(cut.sets_incomplete, "{:?}", cut.findings);
}

#[test]
fn pods_for_every_service_account_of_a_cluster_are_cut_short_and_named() {
    let mut s = snapshot("kubernetes").role("clusterrole:edit", &[]);
    s = s.rule("pods", "sa:$ns/$name", "create", "core:pods#*", Some("ns:$ns"));
    let names: Vec<String> = (0..60).map(|n| format!("sa:n{n}/default")).collect();
    for (n, account) in names.iter().enumerate() {
        let (space, role) = (format!("ns:n{n}"), format!("role:n{n}/r"));
        s = s.identity(account, IdentityKind::ServiceAccount).resource(&space, None);
        s = s.role(&role, &(0..30).map(|k| allow("get", &format!("g{k}:things#n{n}"))).collect::<Vec<_>>());
        s = s.held(&format!("b{n}"), account, &role, Some(&space));
    }
    let s = s.group("group:all", &names.iter().map(String::as_str).collect::<Vec<_>>());
    let data = Data::shipped().unwrap();
    let asked = plan(vec![
        ("c", Action::CreateRole(define("clusterrole:podder", &[allow("create", "core:pods#*")], &[]))),
        ("d", grant("group:all", "clusterrole:podder", None)),
    ]);
    let of = |change| {
        let budget = Budget { change, ..Budget::default() };
        Run { data: &data, budget, ..Run::default() }.on(&s, &asked).unwrap().changes.remove(1)
    };
    let whole = of(1_000_000);
    assert!(whole.effects.gained.len() > 59 * 60 * 30, "everyone acts as everyone: {}", whole.effects.gained.len());
    assert!(!whole.concerned.untold.is_any());
    let cut = of(10_000);
    assert!(cut.effects.gained.len() <= 10_000 + 61);
    assert!(cut.concerned.untold.subjects > 50);
    assert_eq!(cut.concerned.identities, whole.concerned.identities);
}

#[test]
fn the_search_for_responsible_changes_ends_with_what_may_be_looked_at_and_the_facts_stay() {
    let whole = of_chain(4, Budget::default());
    assert!(!whole.sets_incomplete && whole.emergent.len() == 10, "{}", whole.emergent.len());
    let cut = of_chain(4, Budget { search: 1_000, ..Budget::default() });
    assert!(cut.sets_incomplete);
    let what = |a: &Analysis| -> Vec<_> { a.emergent.iter().map(|e| e.digest).collect() };
    assert_eq!(what(&cut), what(&whole), "each fact stays");
    let open: Vec<_> = cut.emergent.iter().filter(|e| !e.complete).collect();
    assert!(open.len() > 5 && open.iter().all(|e| e.sets.is_empty() || e.members.len() >= e.sets[0].len()));
    for (all, some) in whole.emergent.iter().zip(&cut.emergent) {
        assert!(some.members.is_superset(&all.members), "whoever was not shown to be outside counts");
    }
}

#[test]
fn a_long_chain_has_more_responsible_changes_than_a_set_may_hold_and_is_not_laid_out_for_each() {
    // With 12 links the longest pieces need more than 8 changes, the shortest fewer: both are told within the caps.
    let a = of_chain(12, Budget { search: 400_000, ..Budget::default() });
    let complete = a.emergent.iter().filter(|e| e.complete).count();
    assert!(complete > 20 && complete < a.emergent.len(), "{complete} of {}", a.emergent.len());
    assert!(a.emergent.iter().filter(|e| e.complete).all(|e| e.sets.iter().all(|set| set.len() <= 8)));
}

#[test]
fn pieces_of_too_many_changes_to_name_are_told_as_one_that_is_bound_to_all_of_them() {
    let cut = |length, members| of_chain(length, Budget { members, ..Budget::default() });
    let whole = cut(8, 1_000_000);
    let few = cut(8, 40);
    assert!(few.sets_incomplete && few.emergent.len() < whole.emergent.len());
    let rest: Vec<_> = few.emergent.iter().filter(|e| e.others > 0).collect();
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0].members.len(), 16, "nothing was shown of any change");
    assert_eq!(few.emergent.len() + usize::try_from(rest[0].others).unwrap(), whole.emergent.len(), "none is lost");
    let told: Vec<_> = few.emergent.iter().filter(|e| e.others == 0).map(|e| e.digest).collect();
    assert!(told.iter().all(|digest| whole.emergent.iter().any(|e| e.digest == *digest)));
    // One piece more among those that are not told makes it another.
    let longer = cut(9, 40);
    let other = longer.emergent.iter().find(|e| e.others > 0).unwrap();
    assert_ne!(rest[0].digest, other.digest);
    assert_eq!(cut(8, 40).emergent, few.emergent);
}

#[test]
fn the_steps_of_long_ways_are_counted() {
    let many: Vec<_> = (0..50).map(|n| allow("use", &format!("w{n}"))).collect();
    let long = |length: usize| {
        let mut s = snapshot("test").role("wide", &many);
        for n in 0..length {
            s = s.human(&format!("t{n:03}"));
            s = s.trust(&format!("t{n}"), &format!("t{n:03}"), &format!("t{:03}", n + 1), None);
        }
        let s = s.human(&format!("t{length:03}"));
        let change = vec![("c", grant(&format!("t{length:03}"), "wide", None))];
        within(Budget { work: 100_000, ..Budget::default() }, &s, change).changes.remove(0)
    };
    assert!(!long(30).concerned.untold.is_any());
    let cut = long(150);
    assert!(cut.concerned.untold.subjects > 10, "{:?}", cut.concerned.untold);
    let steps: usize = cut.effects.gained.iter().map(|piece| piece.path.len()).sum();
    assert!(steps < 250_000, "{steps}");
}

#[test]
fn a_chain_of_groups_is_counted_as_one_of_trusts_is() {
    let names: Vec<String> = (0..=20).map(|n| format!("g{n:02}")).collect();
    let s = names.iter().fold(snapshot("test"), |s, name| s.group(name, &[]));
    let steps = names.iter().zip(&names[1..]).map(|(inner, outer)| (inner.as_str(), join(inner, outer))).collect();
    let asked = plan(steps);
    let index = crate::access::Index::new(&s);
    let steps = crate::access::change::resolve::resolve(&asked, &index, None).unwrap();
    let below = crate::access::effective::state::AccessState::plain(&index);
    let run = Run::default();
    let q = run.question(&asked, &s, &index);
    let laid = crate::access::chains::what_if::lay_for_few(&q, &below, &steps, &(0..20).collect());
    let nothing = laid.work_done();
    laid.own(&crate::input::id::Subject::Group("g00".into()));
    assert!(laid.work_done() >= nothing + 2 * 21, "each group that it belongs to");
}
