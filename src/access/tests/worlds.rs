//! Every world that approvals may lead to: whichever of them are done, what a plan then gives was told of it before.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::build::*;
use crate::access::change::inverse::inverse;
use crate::access::change::materialise::applied;
use crate::access::effective::state::AccessState;
use crate::access::escalation::opening::Opening;
use crate::access::matching::coverage::{covers, scope_covers};
use crate::access::model::facts::{Access, AccessDelta, Analysis, EmergentWhat, Escalation};
use crate::access::queries::effective_access::effective;
use crate::access::queries::snapshot_diff::between;
use crate::access::{Data, Index, PendingChange};
use crate::input::digest::{Digest, of};
use crate::input::entitlement::{Mode, Permission, Requirement};
use crate::input::id::Subject;
use crate::plan::model::{Action, Target};
use crate::plan::write::{NewChange, NewPlan, write};
use crate::snapshot::model::{Limit, Role, Snapshot};

const PATHS: &str = "paths:
  - id: others
    title: t
    source: https://example.org
    requires: [{action: a, resource: $who}, {action: b, resource: x}]
    exists: [{variable: who, kind: identity, name: 'u*', relation: other}]
  - id: groups
    title: t
    source: https://example.org
    requires: [{action: b, resource: $group}]
    exists: [{variable: group, kind: group, relation: group_not_of_actor}]
  - id: placed
    title: t
    source: https://example.org
    requires: [{action: a, resource: x, scope: new}, {action: c, resource: x}]
  - id: held
    title: t
    source: https://example.org
    requires: [{action: c, resource: $role}]
    exists: [{variable: role, kind: role, held_by: who}, {variable: who, kind: identity, name: 'u*', relation: other}]
";

/// A snapshot after a change, if the change can be made there at all.
fn done(mut s: Snapshot, action: &Action, n: usize) -> Option<Snapshot> {
    Run::default().on(&s, &plan(vec![("c", action.clone())])).ok()?;
    let id = format!("new{n}");
    match action {
        Action::Grant(a) => {
            let scope = a.scope.as_ref().map(|scope| scope.value.as_str());
            return Some(match &a.target {
                Target::Role(role) => s.held(&id, a.to.value.raw(), role.value.as_str(), scope),
                Target::MemberOf(group) => s.joined(&id, a.to.value.raw(), group.value.as_str()),
            });
        }
        Action::Revoke(a) => {
            let Target::Role(role) = &a.target else { return None };
            let at = s.assignments.iter().position(|held| {
                held.who == a.to.value
                    && held.role.as_ref() == Some(&role.value)
                    && held.scope.as_ref() == a.scope.as_ref().map(|scope| &scope.value)
            });
            s.assignments.remove(at?);
        }
        Action::AddPermission(r, p) => role_of(&mut s, r.value.as_str())?.permissions.push(p.value.clone()),
        Action::RemovePermission(r, p) => role_of(&mut s, r.value.as_str())?.permissions.retain(|x| *x != p.value),
        Action::AddInclude(r, i) => role_of(&mut s, r.value.as_str())?.includes.push(i.value.clone()),
        Action::RemoveInclude(r, i) => role_of(&mut s, r.value.as_str())?.includes.retain(|x| *x != i.value),
        Action::CreateRole(d) => {
            s = s.role(d.role.value.as_str(), &[]);
            let role = s.roles.last_mut()?;
            role.permissions = d.permissions.iter().map(|p| p.value.clone()).collect();
            role.includes = d.includes.iter().map(|i| i.value.clone()).collect();
        }
        Action::SetRole(d) => {
            let role = role_of(&mut s, d.role.value.as_str())?;
            role.permissions = d.permissions.iter().map(|p| p.value.clone()).collect();
            role.includes = d.includes.iter().map(|i| i.value.clone()).collect();
        }
        Action::DeleteRole(r) => {
            s.roles.retain(|role| role.id != r.value);
            s.assignments.retain(|a| a.role.as_ref() != Some(&r.value));
            for role in &mut s.roles {
                role.includes.retain(|i| *i != r.value);
            }
            for limits in s.identities.iter_mut().map(|i| &mut i.limits) {
                for limit in limits.iter_mut() {
                    limit.roles.retain(|role| *role != r.value);
                }
                limits.retain(|limit| !limit.roles.is_empty());
            }
        }
        Action::CreateGroup(g) => s = s.group(g.group.value.as_str(), &[]),
        Action::CreateResource(r, parent, ..) => {
            s = s.resource(r.value.as_str(), parent.as_ref().map(|p| p.value.as_str()));
        }
        Action::AddTrust(d) => {
            s = s.trust(d.trust.value.as_str(), d.from.value.raw(), d.to.value.raw(), None);
            s.trusts.last_mut()?.requires = d.requires.as_ref().map(|r| r.value.clone());
        }
        Action::RemoveTrust(t) => s.trusts.retain(|trust| trust.id != t.value),
        Action::Adjust(_)
        | Action::DeleteGroup(_)
        | Action::CreateIdentity(..)
        | Action::DisableIdentity(_)
        | Action::DeleteIdentity(_)
        | Action::SetOwner(..)
        | Action::DeleteResource(_)
        | Action::IssueCredential(_)
        | Action::RotateCredential(..)
        | Action::RevokeCredential(_)
        | Action::SuppressFinding(_) => return None,
    }
    Some(s)
}

fn role_of<'s>(s: &'s mut Snapshot, id: &str) -> Option<&'s mut Role> {
    s.roles.iter_mut().find(|role| role.id.as_str() == id)
}

const USERS: [&str; 4] = ["u0", "u1", "u2", "u3"];
const GROUPS: [&str; 2] = ["g0", "g1"];
/// The last is not there at first.
const ROLES: [&str; 5] = ["r0", "r1", "r2", "r3", "bound"];

fn pick<T: Clone + std::fmt::Debug + 'static>(all: &[T]) -> impl Strategy<Value = T> + use<T> {
    proptest::sample::select(all.to_vec())
}
fn anyone() -> impl Strategy<Value = &'static str> {
    pick(&["u0", "u1", "u2", "u3", "g0", "g1"])
}
fn permission() -> impl Strategy<Value = Permission> {
    (pick(&["a", "b", "c", "*", "a"]), pick(&["x", "*", "u1", "g1", "r1"]), 0..6_u8).prop_map(|(a, r, kind)| match kind
    {
        0 | 1 => deny(a, r),
        _ => allow(a, r),
    })
}
fn requires() -> impl Strategy<Value = Option<(&'static str, Option<&'static str>)>> {
    proptest::option::weighted(
        0.7,
        (pick(&["a", "b", "c"]), pick(&[None, None, Some("org"), Some("team"), Some("new")])),
    )
}
fn scope() -> impl Strategy<Value = Option<&'static str>> {
    pick(&[None, None, Some("org"), Some("team")])
}

prop_compose! {
    fn world()(
        roles in proptest::collection::vec(proptest::collection::vec(permission(), 0..3), 4),
        includes in proptest::collection::vec(proptest::option::weighted(0.3, pick(&ROLES)), 4),
        members in proptest::collection::vec((pick(&USERS), pick(&GROUPS)), 0..3),
        held in proptest::collection::vec(
            (anyone(), pick(&["r0", "r1", "r2", "r3"]), pick(&[None, None, Some("org"), Some("team"), Some("new")])), 1..6,
        ),
        trusts in proptest::collection::vec((anyone(), pick(&USERS), requires()), 0..4),
        limit in proptest::option::weighted(0.4, pick(&["r2", "r3", "bound"])),
        rule in proptest::option::weighted(0.3, (pick(&["a", "b", "c"]), pick(&[None, None, Some("team"), Some("new")]))),
    ) -> Snapshot {
        let mut s = snapshot("test").resource("org", None).resource("team", Some("org"));
        for u in USERS { s = s.human(u); }
        if let Some(role) = limit { s = s.limited("boundary", &[role], false); }
        for g in GROUPS {
            let list: Vec<&str> = members.iter().filter(|(_, x)| *x == g).map(|(u, _)| *u).collect();
            s = s.group(g, &list);
        }
        for (n, (permissions, include)) in roles.iter().zip(&includes).enumerate() {
            s = s.including(&format!("r{n}"), permissions, include.as_slice());
        }
        for (n, (who, role, scope)) in held.into_iter().enumerate() { s = s.held(&format!("h{n}"), who, role, scope); }
        for (n, (from, to, requires)) in trusts.into_iter().enumerate() {
            s = s.trust(&format!("t{n}"), from, to, None);
            s.trusts.last_mut().unwrap().requires = requires.map(asked);
        }
        if let Some((action, scope)) = rule {
            s = s.rule("rule", "u$n", action, "x", scope);
        }
        s
    }
}

fn asked((action, scope): (&str, Option<&str>)) -> Requirement {
    Requirement { action: action.into(), resource: "x".into(), scope: scope.map(Into::into), system: None }
}

fn action() -> impl Strategy<Value = Action> {
    let role = || pick(&["r0", "r1", "r2", "r3"]);
    let trust = (pick(&["t8", "t9"]), anyone(), pick(&USERS), requires()).prop_map(|(id, from, to, requires)| {
        let Action::AddTrust(mut made) = add_trust(id, from, to) else { unreachable!() };
        made.requires = requires.map(|r| p(asked(r)));
        Action::AddTrust(made)
    });
    let permissions = || proptest::collection::vec(permission(), 0..3);
    prop_oneof![
        4 => (anyone(), pick(&ROLES), scope()).prop_map(|(w, r, s)| grant(w, r, s)),
        3 => (pick(&USERS), pick(&GROUPS)).prop_map(|(w, g)| join(w, g)),
        1 => (anyone(), role(), pick(&[None, Some("org"), Some("new")])).prop_map(|(w, r, s)| revoke(w, r, s)),
        3 => (pick(&ROLES), permission()).prop_map(|(r, p)| add(r, p)),
        2 => (pick(&ROLES), permission()).prop_map(|(r, p)| remove(r, p)),
        1 => (pick(&ROLES), role()).prop_map(|(r, i)| Action::AddInclude(p(r.into()), p(i.into()))),
        1 => (role(), pick(&ROLES)).prop_map(|(r, i)| Action::RemoveInclude(p(r.into()), p(i.into()))),
        1 => permissions().prop_map(|p| Action::CreateRole(define("bound", &p, &[]))),
        1 => (role(), permissions()).prop_map(|(r, p)| Action::SetRole(define(r, &p, &[]))),
        1 => role().prop_map(|r| Action::DeleteRole(p(r.into()))),
        2 => pick(&["org", "team"]).prop_map(|o| Action::CreateResource(p("new".into()), Some(p(o.into())), None, None)),
        2 => trust,
        1 => pick(&["t0", "t1"]).prop_map(|t| Action::RemoveTrust(p(t.into()))),
    ]
}

fn told(a: &Analysis) -> impl Iterator<Item = &AccessDelta> {
    let alone = a.changes.iter().flat_map(|c| c.effects.gained.iter().chain(&c.effects.gained_eligible));
    alone.chain(a.emergent.iter().filter_map(|e| match &e.what {
        EmergentWhat::Access(piece) => Some(piece),
        EmergentWhat::Escalation(_) | EmergentWhat::Sod(_) | EmergentWhat::Loss(_) => None,
    }))
}

fn told_paths(a: &Analysis) -> BTreeSet<Digest<of::Piece>> {
    let alone = a.changes.iter().flat_map(|c| &c.escalations).map(|e| e.digest);
    alone
        .chain(a.emergent.iter().filter_map(|e| match &e.what {
            EmergentWhat::Escalation(it) => Some(it.digest),
            EmergentWhat::Access(_) | EmergentWhat::Sod(_) | EmergentWhat::Loss(_) => None,
        }))
        .collect()
}

fn paths(s: &Snapshot, data: &Data) -> Vec<Escalation> {
    let index = Index::new(s);
    let all = crate::access::queries::escalations::standing(&index, data);
    all.into_iter().filter(|e| e.complete && !e.conditional).collect()
}

/// Whether what a path is about was the subject's own: whom it could act as, or where one of these belonged. Once it is
/// another's, what can be done to it is nothing new.
fn was_own(view: &AccessState<'_, '_>, e: &Escalation) -> bool {
    let row = view.row(&e.subject);
    let belongs = |name: &str| {
        let of = |actor: &Subject| view.own(actor).groups.keys().any(|(group, _)| group.as_str() == name);
        row.keys().any(of)
    };
    e.bound.values().any(|name| row.contains_key(&Subject::Identity(name.raw().into())) || belongs(name.raw()))
}

/// Whether a path of a world gives its subject more than it had in an earlier one.
fn is_opened<'v, 's>(from: &AccessState<'v, 's>, to: &AccessState<'v, 's>, data: &Data, e: &Escalation) -> bool {
    let paths: Vec<_> = data.escalations.iter().filter(|path| path.id == e.id).collect();
    Opening::new(from, to, &e.subject, None).of(&paths).opened.iter().any(|opened| opened.digest == e.digest)
}

/// What this plan gives in a world and was not told.
fn untold(
    [start, before, after, placed, alone]: [&Snapshot; 5],
    data: &Data,
    a: &Analysis,
    decided: &[Analysis],
) -> Vec<String> {
    let (old, new, first, placed) = (Index::new(before), Index::new(after), Index::new(start), Index::new(placed));
    // What is told of where a place is to lie is told of the place.
    let tree = AccessState::plain(&placed);
    // What is left out of an access further up is left out where it holds.
    let here = |x: &Access| {
        let mut x = x.clone();
        let scope = x.scope.clone();
        for e in &mut x.exceptions {
            if scope.is_some() && scope_covers(&tree, e.scope.as_ref(), scope.as_ref()) {
                e.scope.clone_from(&scope);
            }
        }
        x
    };
    let within = |x: &Access, y: &Access| covers(tree.systems, &tree, &here(x), &here(y));
    let known = |piece: &AccessDelta| {
        let of = |other: &AccessDelta| other.subject == piece.subject && within(&other.access, &piece.access);
        told(a).any(of)
            || decided.iter().any(|d| d.effects.gained.iter().any(of) || told(d).any(of))
            || effective(&first, &piece.subject).iter().any(|r| within(&r.access, &piece.access))
    };
    let gained = between(&old, &new, &Data::default()).effects.gained;
    let mut found: Vec<String> = brief(&gained.into_iter().filter(|piece| !known(piece)).collect::<Vec<_>>());
    let mut known: BTreeSet<Digest<of::Piece>> = told_paths(a);
    known.extend(decided.iter().flat_map(|d| told_paths(d).into_iter().chain(d.escalations.iter().map(|e| e.digest))));
    let stood = |s| paths(s, data).into_iter().map(|e| e.digest);
    known.extend(stood(before).chain(stood(start)));
    let (old, first, world) = (AccessState::plain(&old), AccessState::plain(&first), AccessState::plain(&new));
    let alone = Index::new(alone);
    let states = [old, first, AccessState::plain(&alone)];
    let new = |e: &Escalation| !known.contains(&e.digest) && !states.iter().any(|state| was_own(state, e));
    let brief = |e: Escalation| format!("{} {} {:?}", e.subject.as_str(), e.id.raw(), e.bound);
    // What the subject could do as well before, or in the snapshot, is nothing new: removals are not assumed.
    let opened = |e: &Escalation| states.iter().take(2).all(|from| is_opened(from, &world, data, e));
    found.extend(paths(after, data).into_iter().filter(new).filter(opened).map(brief));
    found
}

/// A world in short.
fn shown(s: &Snapshot, mine: &[Action], others: &[Action], done: &[&Action]) -> String {
    let places = |text: String| {
        let kept: Vec<&str> = text.split("Placed { value: ").collect();
        kept.join("").replace(", place: Place { file: \"plan.yaml\", line: 1, column: 1, bytes: (0, 0) } }", "")
    };
    let part = |what: &str, text: String| format!("{what}: {}\n", places(text));
    [
        part(
            "roles",
            format!("{:?}", s.roles.iter().map(|r| (&r.id, &r.permissions, &r.includes)).collect::<Vec<_>>()),
        ),
        part("limits", format!("{:?}", s.identities.iter().map(|i| (&i.id, &i.limits)).collect::<Vec<_>>())),
        part("groups", format!("{:?}", s.groups.iter().map(|g| (&g.id, &g.members)).collect::<Vec<_>>())),
        part("held", format!("{:?}", s.assignments.iter().map(|a| (&a.who, &a.role, &a.scope)).collect::<Vec<_>>())),
        part(
            "trusts",
            format!("{:?}", s.trusts.iter().map(|t| (&t.id, &t.from, &t.to, &t.requires)).collect::<Vec<_>>()),
        ),
        part("rules", format!("{:?}", s.trust_rules.iter().map(|r| (&r.to, &r.action, &r.scope)).collect::<Vec<_>>())),
        part("mine", format!("{mine:?}")),
        part("others", format!("{others:?}")),
        part("done", format!("{done:?}")),
    ]
    .concat()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, max_global_rejects: 100_000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_of_what_was_approved_is_done_all_that_a_plan_then_gives_was_told(
        s in world(),
        mine in proptest::collection::vec(action(), 1..3),
        others in proptest::collection::vec(proptest::collection::vec(action(), 1..3), 1..4),
    ) {
        let data = Data::read([("escalations/x.yaml", PATHS.as_bytes())]).unwrap();
        let name = |actions: &[Action]| -> Vec<(String, Action)> {
            actions.iter().enumerate().map(|(n, action)| (format!("c{n}"), action.clone())).collect()
        };
        let of = |actions: &[Action]| {
            let named = name(actions);
            plan(named.iter().map(|(id, action)| (id.as_str(), action.clone())).collect())
        };
        // Each plan was judged with those before it.
        let mut decided = Vec::new();
        let mut all: Vec<Action> = Vec::new();
        let mut approvals: Vec<PendingChange> = Vec::new();
        for (n, actions) in others.iter().enumerate() {
            let Ok(a) = (Run { data: &data, approved: &approvals, ..Run::default() }).on(&s, &of(actions)) else { continue };
            decided.push(a);
            approvals.extend(name(actions).into_iter().map(|(id, action)| approved(&format!("P{n}"), &id, action)));
            all.extend(actions.iter().cloned());
        }
        let Ok(a) = (Run { data: &data, approved: &approvals, ..Run::default() }).on(&s, &of(&mine)) else { return Ok(()) };
        if a.sets_incomplete {
            return Ok(());
        }
        let alone = mine.iter().enumerate().try_fold(s.clone(), |s, (n, action)| done(s, action, 50 + n));
        let alone = alone.unwrap_or_else(|| s.clone());
        for which in 0..1_usize << all.len() {
            let chosen = all.iter().enumerate().filter(|(n, _)| which & (1 << n) != 0);
            let Some(before) = chosen.clone().try_fold(s.clone(), |s, (n, action)| done(s, action, n)) else { continue };
            let whole = mine.iter().enumerate().try_fold(before.clone(), |s, (n, action)| done(s, action, 50 + n));
            let Some(after) = whole else { continue };
            let mut makes = all.iter().filter(|action| matches!(action, Action::CreateResource(..)));
            let placed = makes.try_fold(after.clone(), |s, action| done(s, action, 0)).unwrap_or_else(|| after.clone());
            let found = untold([&s, &before, &after, &placed, &alone], &data, &a, &decided);
            let chosen: Vec<_> = chosen.map(|(_, action)| action).collect();
            prop_assert!(found.is_empty(), "UNTOLD {found:?}\n{}", shown(&s, &mine, &all, &chosen));
        }
    }
}

/// What everybody has in a snapshot, now and eligible.
fn gained_between(before: &Snapshot, after: &Snapshot) -> Vec<String> {
    let (old, new) = (Index::new(before), Index::new(after));
    let found = between(&old, &new, &Data::shipped().unwrap()).effects;
    let all = [found.gained, found.lost, found.gained_eligible, found.lost_eligible];
    all.iter().flat_map(|pieces| brief(pieces)).collect()
}

#[test]
fn the_inverse_says_that_a_boundary_ends_with_its_role() {
    let mut world = snapshot("test").human("u0").role("r0", &[]);
    world.identities.last_mut().unwrap().limits =
        vec![Limit { name: "boundary".into(), roles: vec!["r0".into()], bounds_resources: false }];
    let plan = plan(vec![("c0", Action::DeleteRole(p("r0".into())))]);
    let undo = inverse(&Index::new(&world), &plan, None).unwrap();
    assert!(undo[0].lost.iter().any(|it| it.contains("boundaries of 1")), "{undo:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_and_its_inverse_restore_effective_access(world in world(), actions in proptest::collection::vec(action(), 1..4)) {
        let ids = ["c0", "c1", "c2"];
        let named: Vec<(&str, Action)> = ids.into_iter().zip(actions).collect();
        let plan = plan(named);
        let index = Index::new(&world);
        let Ok(after) = applied(&index, &plan, None) else { return Ok(()) };
        let undo = inverse(&index, &plan, None).unwrap();
        if undo.iter().any(|one| !one.lost.is_empty()) {
            return Ok(());
        }
        let back: Vec<(String, Action)> =
            undo.into_iter().flat_map(|one| one.actions).enumerate().map(|(n, a)| (format!("u{n}"), a)).collect();
        let back = super::build::plan(back.iter().map(|(id, a)| (id.as_str(), a.clone())).collect());
        let restored = applied(&Index::new(&after), &back, None);
        prop_assert!(restored.is_ok(), "{restored:?}");
        prop_assert_eq!(gained_between(&world, &restored.unwrap()), Vec::<String>::new());
    }

    #[test]
    fn an_action_reads_as_it_was_written(action in action()) {
        let mut action = action;
        // The generated grants have no mode, which plans must state.
        if let Action::Grant(a) = &mut action {
            a.mode = Some(p(Mode::Standing));
        }
        let change = NewChange::new("c1".to_owned(), action.clone(), "because".to_owned());
        let new = NewPlan {
            id: "PLAN".into(),
            proposer: "agent".into(),
            on_behalf_of: None,
            task: None,
            intent: "test".to_owned(),
            expires: crate::input::time::Time::parse("2030-11-30").unwrap(),
            made_from: None,
            changes: vec![change],
        };
        for written in [write(&new).unwrap(), crate::plan::write::write_yaml(&new)] {
            let read = crate::plan::read("plan.yaml", written.as_bytes());
            prop_assert!(read.is_ok(), "{written}: {read:?}");
            prop_assert_eq!(&read.unwrap().changes[0].action, &action);
        }
    }
}
