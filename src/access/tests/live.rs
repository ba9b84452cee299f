//! Live trusts: against a slow fixpoint, and in work that follows from what is there, whatever the order of the names.

use std::collections::BTreeMap;
use std::rc::Rc;

use proptest::prelude::*;

use super::build::*;
use crate::access::effective::memo::{Expiries, TrustBasis};
use crate::access::effective::state::AccessState;
use crate::access::graph::provenance::{Expiry, Validity};
use crate::access::model::facts::Analysis;
use crate::access::{Budget, Index};
use crate::input::entitlement::{Mode, Requirement};
use crate::input::id::Subject;
use crate::plan::model::{Action, TrustDefinition};
use crate::snapshot::model::Snapshot;

const PEOPLE: [&str; 6] = ["u0", "u1", "u2", "u3", "u4", "u5"];

fn person() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(PEOPLE.to_vec())
}

fn anyone() -> impl Strategy<Value = &'static str> {
    proptest::sample::select([PEOPLE.as_slice(), &["g0", "g1"]].concat())
}

fn mode() -> impl Strategy<Value = (Mode, Option<i64>)> {
    proptest::sample::select(vec![
        (Mode::Standing, None),
        (Mode::Active, Some(TAKEN_AT + 10)),
        (Mode::Active, Some(TAKEN_AT + 20)),
        (Mode::Eligible, None),
        (Mode::Eligible, Some(TAKEN_AT + 15)),
    ])
}

prop_compose! {
    fn world()(
        held in proptest::collection::vec((anyone(), 0..4_usize, mode()), 1..8),
        joined in proptest::collection::vec((person(), 0..2_usize, mode()), 0..5),
        trusts in proptest::collection::vec((anyone(), person(), proptest::option::weighted(0.8, 0..4_usize)), 1..12),
        all in proptest::option::of(0..4_usize),
        disabled in proptest::option::weighted(0.1, person()),
    ) -> Snapshot {
        let mut s = snapshot("test").group("g0", &[]).group("g1", &["u5"]);
        for u in PEOPLE {
            s = if disabled == Some(u) { s.disabled(u) } else { s.human(u) };
        }
        for n in 0..4 { s = s.role(&format!("r{n}"), &[allow("act", &format!("x{n}"))]); }
        for (n, (who, role, (mode, until))) in held.into_iter().enumerate() {
            s = s.held(&format!("h{n}"), who, &format!("r{role}"), None).mode(mode, until);
        }
        for (n, (who, group, (mode, until))) in joined.into_iter().enumerate() {
            s = s.joined(&format!("j{n}"), who, &format!("g{group}")).mode(mode, until);
        }
        for (n, (from, to, asks)) in trusts.into_iter().enumerate() {
            let what = asks.map(|n| format!("x{n}"));
            s = s.trust(&format!("t{n}"), from, to, what.as_deref().map(|what| ("act", what)));
        }
        // Who holds a role acts as everybody.
        if let Some(n) = all {
            s = s.rule("all", "u$name", "act", &format!("x{n}"), None);
        }
        s
    }
}

fn earlier(a: Expiries, b: Expiries) -> Expiries {
    (a.0.min(b.0), a.1.min(b.1))
}

fn later(a: Expiries, b: Expiries) -> Expiries {
    (a.0.max(b.0), a.1.max(b.1))
}

/// The same, raised again and again until nothing changes.
fn slowly(view: &AccessState<'_, '_>, all: &[Subject]) -> BTreeMap<(Subject, usize), Expiries> {
    let always = (Some(Expiry::NEVER), Some(Expiry::NEVER));
    let holds = |who: &Subject, requires: &Requirement| view.satisfies(&view.own(who), requires);
    let mut live: BTreeMap<(Subject, usize), Expiries> = BTreeMap::new();
    loop {
        let before = live.clone();
        for holder in all {
            let mut row: BTreeMap<Subject, Expiries> = BTreeMap::from([(holder.clone(), always)]);
            loop {
                let known = row.clone();
                for (actor, reach) in &known {
                    let edges = view.edges(actor);
                    let single = edges.single.iter().enumerate().map(|(n, edge)| {
                        let cap = match &edge.requires {
                            Some(_) => live.get(&(actor.clone(), n)).copied().unwrap_or_default(),
                            None => always,
                        };
                        (edge.to.clone(), earlier(edge.way.ends(), cap))
                    });
                    let spread = edges.spread.iter().flat_map(|s| s.to.iter().map(|to| (to.clone(), s.way.ends())));
                    for (to, ends) in single.chain(spread.filter(|(to, _)| view.usable(to))) {
                        let ends = earlier(*reach, ends);
                        if ends.1.is_some() {
                            let slot = row.entry(to).or_default();
                            *slot = later(*slot, ends);
                        }
                    }
                }
                if row == known {
                    break;
                }
            }
            for (n, edge) in view.edges(holder).single.iter().enumerate() {
                let Some(requires) = &edge.requires else { continue };
                for (actor, reach) in &row {
                    let slot = live.entry((holder.clone(), n)).or_default();
                    *slot = later(*slot, earlier(*reach, holds(actor, requires)));
                }
            }
        }
        if live == before {
            return live;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn trusts_are_live_as_a_slow_fixpoint_tells(s in world(), first in person()) {
        let index = Index::new(&s);
        let view = AccessState::plain(&index);
        // What is told of one stays true when another is asked about.
        view.decide_trusts(&Subject::Identity(first.into()));
        let all: Vec<Subject> = view.everyone().into_iter().collect();
        let wanted = slowly(&view, &all);
        for who in &all {
            view.decide_trusts(who);
            let live_trusts = view.live_trusts(who, TrustBasis::All);
            for (n, edge) in view.edges(who).single.iter().enumerate().filter(|(_, edge)| edge.requires.is_some()) {
                let found = live_trusts.get(n).map(Validity::ends).unwrap_or_default();
                let wanted = wanted.get(&(who.clone(), n)).copied().unwrap_or_default();
                prop_assert_eq!(found, wanted, "{:?} to {:?}", who, edge.to);
            }
        }
    }
}

/// A change, and the snapshot that shows it.
fn changed(s: &Snapshot, (kind, who, other, n): (usize, &str, &str, usize)) -> (Action, Snapshot) {
    let role = format!("r{n}");
    match kind {
        0 => (grant(who, &role, None), s.clone().held("c", who, &role, None)),
        1 => (join(who, "g0"), s.clone().joined("c", who, "g0")),
        2 => (add_trust("c", who, other), s.clone().trust("c", who, other, None)),
        _ => {
            let held = s.assignments.iter().position(|a| a.role.is_some() && a.member_of.is_none());
            let (mut after, at) = (s.clone(), held.unwrap_or_default());
            let gone = after.assignments.remove(at);
            let mut action = revoke(gone.who.raw(), gone.role.as_ref().map_or("", |r| r.as_str()), None);
            if let Action::Revoke(a) = &mut action {
                a.assignment = Some(p(gone.id));
            }
            (action, after)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_taken_from_the_state_below_is_what_is_there_after_the_change(
        s in world(),
        change in (0..4_usize, person(), person(), 0..4_usize),
    ) {
        let (action, after) = changed(&s, change);
        let (index, shown) = (Index::new(&s), Index::new(&after));
        let plan = plan(vec![("c", action)]);
        let Ok(steps) = crate::access::change::resolve::resolve(&plan, &index, None) else { return Ok(()) };
        let (plain, shown) = (AccessState::plain(&index), AccessState::plain(&shown));
        let run = Run::default();
        let q = run.question(&plan, &s, &index);
        let laid = crate::access::chains::what_if::lay(&q, &plain, &steps, &[0].into());
        let few = crate::access::chains::what_if::lay_for_few(&q, &plain, &steps, &[0].into());
        let ends = |view: &AccessState<'_, '_>, who: &Subject| -> BTreeMap<Subject, Expiries> {
            view.row(who).iter().map(|(to, way)| (to.clone(), way.ends())).collect()
        };
        for who in shown.everyone() {
            prop_assert_eq!(ends(&laid, &who), ends(&shown, &who), "{:?}", who);
            prop_assert_eq!(ends(&few, &who), ends(&shown, &who), "{:?} of few", who);
        }
    }
}

/// A chain, each link of which is live only through all that come after it.
pub(crate) fn chain(length: usize) -> (Snapshot, Vec<(String, Action)>) {
    let mut s = snapshot("test");
    let mut changes = Vec::new();
    let trust = |id: &str, from: String, to: String, requires: Option<String>| {
        Action::AddTrust(TrustDefinition {
            trust: p(id.into()),
            from: p(from.as_str().into()),
            to: p(to.as_str().into()),
            via: p("assume".into()),
            requires: requires.map(|what| {
                p(Requirement { action: "act".into(), resource: what.as_str().into(), scope: None, system: None })
            }),
            condition: None,
        })
    };
    for n in 0..=length {
        s = s.human(&format!("i{n:03}")).human(&format!("j{n:03}"));
        s = s.role(&format!("r{n}"), &[allow("act", &format!("x{n}"))]);
    }
    for n in 0..length {
        let holder = if n + 1 < length { format!("j{:03}", n + 1) } else { format!("i{n:03}") };
        s = s.held(&format!("h{n}"), &holder, &format!("r{n}"), None);
        let (plain, asking) = (format!("e{n}"), format!("f{n}"));
        changes.push((plain.clone(), trust(&plain, format!("i{n:03}"), format!("i{:03}", n + 1), None)));
        let asks = Some(format!("x{n}"));
        changes.push((asking.clone(), trust(&asking, format!("i{n:03}"), format!("j{n:03}"), asks)));
    }
    (s, changes)
}

pub(crate) fn of_chain(length: usize, budget: Budget) -> Analysis {
    let (s, changes) = chain(length);
    let changes = changes.iter().map(|(id, action)| (id.as_str(), action.clone())).collect();
    Run { budget, ..Run::default() }.on(&s, &plan(changes)).unwrap()
}

fn is_told(length: usize, work: u64) -> bool {
    !of_chain(length, Budget { work, search: 0, ..Budget::default() }).concerned.untold.is_any()
}

/// The least budget with which the effect of a chain is told.
fn cost(length: usize) -> u64 {
    let (mut too_little, mut enough) = (0, 1_000_000);
    while too_little + 1 < enough {
        let work = u64::midpoint(too_little, enough);
        if is_told(length, work) { enough = work } else { too_little = work }
    }
    enough
}

#[test]
fn a_role_more_leaves_trusts_as_they_are_and_nobody_asks_for_them_again() {
    let s =
        snapshot("test").human("u0").human("u1").role("r", &[allow("act", "x")]).group("g", &["u0"]).group("h", &[]);
    let s = s.trust("t", "g", "u1", Some(("act", "y")));
    let (index, asked) = (Index::new(&s), plan(vec![("c", grant("u0", "r", None)), ("d", join("u0", "h"))]));
    let steps = crate::access::change::resolve::resolve(&asked, &index, None).unwrap();
    let (plain, run, who) = (AccessState::plain(&index), Run::default(), Subject::Identity("u0".into()));
    let q = run.question(&asked, &s, &index);
    let lay = |set: &[usize]| crate::access::chains::what_if::lay(&q, &plain, &steps, &set.iter().copied().collect());
    assert!(Rc::ptr_eq(&lay(&[0]).edges(&who), &plain.edges(&who)));
    assert!(!Rc::ptr_eq(&lay(&[1]).edges(&who), &plain.edges(&who)), "another group may be let in elsewhere");
}

#[test]
fn a_chain_in_the_worst_order_of_names_costs_no_more_than_its_square() {
    let (short, long) = (cost(10), cost(20));
    assert!(long > short && long < short * 5, "{short}, twice as long: {long}");
}

#[test]
fn what_is_looked_at_to_tell_which_trusts_are_live_is_counted() {
    let (s, changes) = chain(30);
    let index = Index::new(&s);
    let changes: Vec<(&str, Action)> = changes.iter().map(|(id, action)| (id.as_str(), action.clone())).collect();
    let asked = plan(changes);
    let steps = crate::access::change::resolve::resolve(&asked, &index, None).unwrap();
    let plain = AccessState::plain(&index);
    let first = Subject::Identity("i000".into());
    let laid = |work| {
        let run = Run { budget: Budget { work, ..Budget::default() }, ..Run::default() };
        let view =
            crate::access::chains::what_if::lay(&run.question(&asked, &s, &index), &plain, &steps, &(0..60).collect());
        view.decide_trusts(&first);
        (view.trust_work(), view.has_trusts_undecided(), view.live_trusts(&first, TrustBasis::All)[1].ends())
    };
    let always = (Some(Expiry::NEVER), Some(Expiry::NEVER));
    let (work, untold, live) = laid(1_000_000);
    assert!(work > 50 && !untold, "{work}");
    assert_eq!(live, always);
    let (_, untold, live) = laid(work / 2);
    assert!(untold, "half of it is not enough");
    assert_eq!(live, always, "what cannot be told counts as live");
    // Whoever is asked about while it is not told counts as gaining everything.
    let cut = of_chain(30, Budget { work: 100, ..Budget::default() });
    assert!(cut.concerned.untold.subjects > 20 && cut.concerned.untold.paths);
}
