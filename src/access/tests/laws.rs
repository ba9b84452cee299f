//! Laws of analysis, on small worlds of every shape: more is never less, a split plan is judged no more mildly, and names do
//! not matter.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::build::*;
use crate::access::Data;
use crate::access::matching::coverage::covers;
use crate::access::matching::systems::KnownSystems;
use crate::access::model::facts::{AccessDelta, Analysis, EmergentWhat};
use crate::access::tests::reference::{Places, action, anyone, scope, world};
use crate::input::entitlement::{Permission, Sensitivity};
use crate::plan::model::{Action, Target};
use crate::snapshot::model::Snapshot;

const RULES: &str = "rules:
  - {action: b, meets: covers, sensitivity: critical, privileged: true, reason: r, source: 'https://example.org'}
  - {action: ab, sensitivity: high, reason: r, source: 'https://example.org'}
";
const PATHS: &str = "paths:
  - {id: both, title: t, source: 'https://example.org', requires: [{action: ab, resource: b}, {action: b, resource: ab}]}
  - id: another
    title: t
    source: https://example.org
    requires: [{action: ab, resource: $who}]
    exists: [{variable: who, kind: identity, relation: other}]
";
const PAIRS: &str = "pairs: [{id: apart, title: t, first: {action: a, resource: b}, second: {action: b, resource: a}}]";

fn data() -> Data {
    let files = [("classification.yaml", RULES), ("escalations/x.yaml", PATHS), ("sod.yaml", PAIRS)];
    Data::read(files.map(|(name, text)| (name, text.as_bytes()))).unwrap()
}

/// What is told of a plan: gains of each change, and what only several give.
fn told(a: &Analysis) -> impl Iterator<Item = (&AccessDelta, bool)> {
    let alone = a.changes.iter().flat_map(|c| {
        let (now, later) = (c.effects.gained.iter(), c.effects.gained_eligible.iter());
        now.map(|piece| (piece, false)).chain(later.map(|piece| (piece, true)))
    });
    alone.chain(a.emergent.iter().filter_map(|e| match &e.what {
        EmergentWhat::Access(piece) => Some((piece, e.eligible)),
        EmergentWhat::Escalation(_) | EmergentWhat::Sod(_) | EmergentWhat::Loss(_) => None,
    }))
}

/// How strictly a plan is judged, part by part: each only ever adds.
fn strictness(a: &Analysis) -> (BTreeSet<String>, Sensitivity) {
    let mut found = BTreeSet::new();
    for facts in &a.changes {
        if facts.is_privileged_in_plan() {
            found.insert("privileged".to_owned());
        }
        found.extend(facts.gaining().map(|who| format!("{} gains", who.as_str())));
        let emergent = facts.emergent.iter().filter_map(|at| a.emergent.get(*at));
        for e in emergent {
            match &e.what {
                EmergentWhat::Access(_) | EmergentWhat::Loss(_) => {}
                EmergentWhat::Escalation(e) => drop(found.insert(format!("{} {}", e.subject.as_str(), e.id.raw()))),
                EmergentWhat::Sod(e) => drop(found.insert(format!("{} {}", e.subject.as_str(), e.id.raw()))),
            }
        }
    }
    found.extend(a.escalations.iter().filter(|e| e.complete).map(|e| format!("{} {}", e.subject.as_str(), e.id.raw())));
    found.extend(a.sod.iter().map(|e| format!("{} {}", e.subject.as_str(), e.id.raw())));
    let sensitivity = a.changes.iter().map(|facts| facts.sensitivity).max().unwrap_or_default();
    (found, sensitivity)
}

/// Every identity, group, role and resource under another name, in another order.
fn renamed(name: &str) -> String {
    let known = ["u0", "u1", "u2", "g0", "g1", "g2", "r0", "r1", "r2", "limit", "org", "db", "web"];
    match known.iter().position(|k| *k == name) {
        Some(at) => format!("{}{}", ["z", "y", "x"][at % 3], known.len() - at),
        None => name.to_owned(),
    }
}

fn renamed_snapshot(s: &Snapshot) -> Snapshot {
    let rename = |name: &str| renamed(name);
    let mut s = s.clone();
    let places = |scope: &mut Option<crate::input::id::ResourceId>| {
        if let Some(place) = scope {
            *place = rename(place.as_str()).as_str().into();
        }
    };
    s.identities.iter_mut().for_each(|i| {
        i.id = rename(i.id.as_str()).as_str().into();
        i.limits.iter_mut().flat_map(|l| &mut l.roles).for_each(|r| *r = rename(r.as_str()).as_str().into());
    });
    s.groups.iter_mut().for_each(|g| {
        g.id = rename(g.id.as_str()).as_str().into();
        g.members.iter_mut().for_each(|m| *m = rename(m.as_str()).as_str().into());
        g.nested.iter_mut().for_each(|m| *m = rename(m.as_str()).as_str().into());
    });
    s.roles.iter_mut().for_each(|r| {
        r.id = rename(r.id.as_str()).as_str().into();
        r.includes.iter_mut().for_each(|i| *i = rename(i.as_str()).as_str().into());
    });
    s.resources.iter_mut().for_each(|r| {
        r.id = rename(r.id.as_str()).as_str().into();
        places(&mut r.parent);
    });
    s.assignments.iter_mut().for_each(|a| {
        a.who = rename(a.who.raw()).as_str().into();
        a.role = a.role.as_ref().map(|r| rename(r.as_str()).as_str().into());
        a.member_of = a.member_of.as_ref().map(|g| rename(g.as_str()).as_str().into());
        places(&mut a.scope);
    });
    s.trusts.iter_mut().for_each(|t| {
        t.from = rename(t.from.raw()).as_str().into();
        t.to = rename(t.to.raw()).as_str().into();
    });
    s
}

#[expect(clippy::wildcard_enum_match_arm, reason = "only these are generated")]
fn renamed_action(action: &Action) -> Action {
    let mut action = action.clone();
    let id = |name: &str| p(renamed(name).as_str().into());
    match &mut action {
        Action::Grant(a) | Action::Revoke(a) => {
            a.to = p(renamed(a.to.value.raw()).as_str().into());
            a.scope = a.scope.as_ref().map(|s| p(renamed(s.value.as_str()).as_str().into()));
            a.target = match &a.target {
                Target::Role(r) => role(&renamed(r.value.as_str())),
                Target::MemberOf(g) => member(&renamed(g.value.as_str())),
            };
        }
        Action::AddPermission(r, _) => *r = p(renamed(r.value.as_str()).as_str().into()),
        Action::AddTrust(t) => {
            t.from = p(renamed(t.from.value.raw()).as_str().into());
            t.to = p(renamed(t.to.value.raw()).as_str().into());
        }
        Action::DisableIdentity(i) => *i = id(i.value.as_str()),
        _ => {}
    }
    action
}

fn only_allows() -> impl Strategy<Value = Vec<Permission>> {
    let pattern = || proptest::sample::select(vec!["*", "a", "b", "a*", "*b", "ab"]);
    proptest::collection::vec((pattern(), pattern()).prop_map(|(a, r)| allow(a, r)), 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, max_global_rejects: 100_000, ..ProptestConfig::default() })]

    #[test]
    fn giving_more_in_a_change_never_removes_a_gain(
        s in world(), who in anyone(), place in scope(), some in only_allows(), more in only_allows(), wider in any::<bool>(),
    ) {
        let run = |permissions: &[Permission], place: Option<&str>| {
            let data = data();
            let made = s.clone().role("new", permissions);
            Run { data: &data, ..Run::default() }.on(&made, &plan(vec![("c", grant(who, "new", place))])).unwrap()
        };
        let (less, all) = (run(&some, place), run(&[some.clone(), more].concat(), if wider { None } else { place }));
        let (known, tree) = (KnownSystems::new(&s), Places(&s));
        let d = known.systems();
        for (piece, eligible) in told(&less) {
            let gives = |(more, later): (&AccessDelta, bool)| {
                more.subject == piece.subject && (eligible || !later) && covers(d, &tree, &more.access, &piece.access)
            };
            prop_assert!(told(&all).any(gives), "{:?} is no gain of more", piece);
        }
        let (mild, strict) = (strictness(&less), strictness(&all));
        prop_assert!(mild.0.is_subset(&strict.0) && mild.1 <= strict.1, "{:?} and {:?}", mild, strict);
    }

    #[test]
    fn of_a_plan_split_in_two_the_stricter_half_is_judged_as_strictly_as_the_whole(
        s in world(), a in action(), b in action(), swap in any::<bool>(),
    ) {
        let data = data();
        let run = |changes: Vec<(&str, Action)>, approved: &[crate::access::PendingChange]| {
            Run { data: &data, approved, ..Run::default() }.on(&s, &plan(changes))
        };
        let refused = || TestCaseError::reject("the plan is refused");
        let Ok(whole) = run(vec![("a", a.clone()), ("b", b.clone())], &[]) else { return Err(refused()) };
        let (first, second) = if swap { (b, a) } else { (a, b) };
        let (Ok(one), Ok(other)) = (run(vec![("c", first.clone())], &[]), run(vec![("d", second)], &[approved("P", "c", first)])) else {
            return Err(refused());
        };
        let (whole, one, other) = (strictness(&whole), strictness(&one), strictness(&other));
        let halves: BTreeSet<String> = one.0.union(&other.0).cloned().collect();
        prop_assert!(whole.0.is_subset(&halves), "{:?} is not in {:?}", whole.0, halves);
        prop_assert!(whole.1 <= one.1.max(other.1));
    }

    #[test]
    fn names_that_no_rule_knows_do_not_matter(s in world(), a in action(), b in action()) {
        let data = data();
        let run = |s: &Snapshot, a: &Action, b: &Action| {
            Run { data: &data, ..Run::default() }.on(s, &plan(vec![("a", a.clone()), ("b", b.clone())]))
        };
        let (Ok(x), Ok(y)) = (run(&s, &a, &b), run(&renamed_snapshot(&s), &renamed_action(&a), &renamed_action(&b))) else {
            return Err(TestCaseError::reject("the plan is refused"));
        };
        let rename = |said: BTreeSet<String>| -> BTreeSet<String> {
            said.into_iter().map(|s| s.split(' ').map(renamed).collect::<Vec<_>>().join(" ")).collect()
        };
        let (was, is) = (strictness(&x), strictness(&y));
        prop_assert_eq!((rename(was.0), was.1), is);
        let counts = |a: &Analysis| -> Vec<[usize; 8]> {
            let of = |e: &crate::access::model::facts::Effects| [e.gained.len(), e.gained_eligible.len(), e.lost.len(), e.lost_eligible.len()];
            let one = |c: &crate::access::model::facts::ChangeFacts| {
                let [a, b, l, e] = of(&c.effects);
                [a, b, l, e, c.escalations.len(), c.sod.len(), c.already.len(), usize::from(c.is_privileged())]
            };
            a.changes.iter().map(one).collect()
        };
        prop_assert_eq!(counts(&x), counts(&y));
        prop_assert_eq!(x.lost_together.len(), y.lost_together.len());
    }
}

#[test]
fn a_rename_renames_all() {
    let s =
        snapshot("test").human("u0").group("g1", &["u0"]).role("r2", &[allow("a", "b")]).held("h", "g1", "r2", None);
    let text = format!("{:?}", renamed_snapshot(&s));
    assert!(["u0", "g1", "r2"].iter().all(|name| !text.contains(&format!("“{name}”"))), "{text}");
}
