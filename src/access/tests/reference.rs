//! A slow walker, written from the design and not from the code, against which effects are held.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::build::*;
use crate::access::matching::coverage::{Tree, covers, exception_overlaps, exception_takes_all, scope_covers};
use crate::access::matching::dialect::Dialect;
use crate::access::matching::joint_coverage::cover_together;
use crate::access::matching::systems::KnownSystems;
use crate::access::model::facts::{Access, AccessDelta, Exception, ExceptionKind};
use crate::input::entitlement::{Effect, Mode, Permission};
use crate::input::id::ResourceId;
use crate::plan::model::Action;
use crate::snapshot::model::{Limit, Snapshot, Status};

pub(crate) struct Places<'s>(pub(crate) &'s Snapshot);
impl Tree for Places<'_> {
    fn parent(&self, id: &ResourceId) -> Option<ResourceId> {
        self.0.resources.iter().find(|r| r.id == *id).and_then(|r| r.parent.clone())
    }
    fn knows(&self, id: &ResourceId) -> bool {
        self.0.resources.iter().any(|r| r.id == *id)
    }
}

type Held = BTreeSet<(Access, bool)>;

type Until = Option<crate::input::time::Time>;

fn earlier(a: Until, b: Until) -> Until {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

fn dead(s: &Snapshot, name: &str) -> bool {
    s.identities.iter().any(|i| i.id.as_str() == name && i.status == Status::Disabled)
}

fn in_force(s: &Snapshot, until: Until) -> bool {
    until.is_none_or(|u| u > s.taken_at)
}

/// A name and the groups it belongs to, each with the end and whether something must be activated.
fn faces(s: &Snapshot, name: &str) -> BTreeSet<(String, Until, bool)> {
    let mut nodes = BTreeSet::from([(name.to_owned(), None, false)]);
    loop {
        let mut next = nodes.clone();
        for (node, until, eligible) in &nodes {
            for g in &s.groups {
                if g.members.iter().any(|m| m.as_str() == node) || g.nested.iter().any(|m| m.as_str() == node) {
                    next.insert((g.id.as_str().to_owned(), *until, *eligible));
                }
            }
            for a in s.assignments.iter().filter(|a| a.who.raw() == node && in_force(s, a.until)) {
                if let Some(g) = &a.member_of {
                    let e = *eligible || a.mode == Mode::Eligible;
                    next.insert((g.as_str().to_owned(), earlier(*until, a.until), e));
                }
            }
        }
        if next == nodes {
            return nodes;
        }
        nodes = next;
    }
}

/// Everything that a name holds itself: (permission, scope, until, eligible).
fn own(s: &Snapshot, name: &str) -> Vec<(Permission, Option<ResourceId>, Until, bool)> {
    let mut found = Vec::new();
    for (node, until, eligible) in &faces(s, name) {
        for a in s.assignments.iter().filter(|a| a.who.raw() == node && in_force(s, a.until)) {
            let Some(role) = &a.role else { continue };
            let mut roles = vec![role.clone()];
            let mut at = 0;
            while at < roles.len() {
                let known = s.roles.iter().find(|r| r.id == roles[at]);
                for include in known.into_iter().flat_map(|r| &r.includes) {
                    if !roles.contains(include) {
                        roles.push(include.clone());
                    }
                }
                at += 1;
            }
            for r in s.roles.iter().filter(|r| roles.contains(&r.id)) {
                for permission in &r.permissions {
                    let e = *eligible || a.mode == Mode::Eligible;
                    found.push((permission.clone(), a.scope.clone(), earlier(*until, a.until), e));
                }
            }
        }
    }
    found
}

fn denied(p: &Permission) -> Exception {
    let taken = Exception::denied(p.action.clone(), p.resource.clone(), p.except.clone());
    Exception { condition: p.condition.clone(), ..taken }
}

fn taken(action: &crate::input::text::Text, resource: &crate::input::text::Text) -> Exception {
    let denied = Exception::denied(action.clone(), resource.clone(), Vec::new());
    Exception { kind: ExceptionKind::LeftOut, ..denied }
}

/// The permissions of each limit of an identity, includes followed not at all: the generated limits include nothing.
fn limits(s: &Snapshot, name: &str) -> Vec<Vec<Permission>> {
    let of = |limit: &Limit| {
        let roles = s.roles.iter().filter(|r| limit.roles.contains(&r.id));
        roles.flat_map(|r| r.permissions.clone()).collect()
    };
    s.identities.iter().filter(|i| i.id.as_str() == name).flat_map(|i| &i.limits).map(of).collect()
}

/// What a limit leaves of a permission. The generated patterns of limits are `*` and plain words, so that what two
/// share is always one of them.
fn shared(p: &Permission, limit: &[Permission]) -> Vec<Permission> {
    let d = Dialect::Text;
    let allows = limit.iter().filter(|l| l.effect == Effect::Allow);
    let narrower = |a: &str, b: &str| if d.resource_covers(a, b) { b.to_owned() } else { a.to_owned() };
    let mut found = Vec::new();
    for l in allows {
        if !d.actions_overlap(l.action.raw(), p.action.raw())
            || !d.resources_overlap(l.resource.raw(), p.resource.raw())
        {
            continue;
        }
        let mut except = [p.except.clone(), l.except.clone()].concat();
        except.sort();
        except.dedup();
        let condition = match (&p.condition, &l.condition) {
            (Some(a), Some(b)) if a != b => Some(format!("{} and {}", a.raw(), b.raw()).into()),
            (a, b) => a.clone().or_else(|| b.clone()),
        };
        found.push(Permission {
            action: narrower(l.action.raw(), p.action.raw()).into(),
            resource: narrower(l.resource.raw(), p.resource.raw()).into(),
            effect: Effect::Allow,
            condition,
            except,
        });
    }
    found
}

/// What a name reaches, or only what it holds itself.
fn walk(s: &Snapshot, name: &str, by_trusts: bool) -> Held {
    let tree = Places(s);
    let known = KnownSystems::new(s);
    let d = known.systems();
    if dead(s, name) {
        return Held::new();
    }
    let mut actors = BTreeSet::from([(name.to_owned(), None, false)]);
    loop {
        if !by_trusts {
            break;
        }
        let mut next = actors.clone();
        for (actor, until, eligible) in &actors {
            for (face, face_until, face_eligible) in faces(s, actor) {
                for t in s.trusts.iter().filter(|t| t.from.raw() == face && !dead(s, t.to.raw())) {
                    next.insert((t.to.raw().to_owned(), earlier(*until, face_until), *eligible || face_eligible));
                }
            }
        }
        if next == actors {
            break;
        }
        actors = next;
    }
    let mut found = Held::new();
    for (actor, cap, activated) in &actors {
        let own = own(s, actor);
        let all: BTreeSet<Exception> = own
            .iter()
            .filter(|(p, _, _, e)| p.effect == Effect::Deny && !e)
            .map(|(p, scope, until, _)| Exception { scope: scope.clone(), until: *until, ..denied(p) })
            .chain(limits(s, actor).iter().flatten().filter(|p| p.effect == Effect::Deny).map(denied))
            .collect();
        let longer = |d: &Exception, e: &Exception| {
            (&d.action, &d.resource, &d.scope, &d.condition, &d.except)
                == (&e.action, &e.resource, &e.scope, &e.condition, &e.except)
                && e.until.is_none_or(|e| d.until.is_some_and(|d| d < e))
                && d.until != e.until
        };
        let denies: Vec<&Exception> = all.iter().filter(|d| !all.iter().any(|e| longer(d, e))).collect();
        let allows = own.iter().filter(|(p, ..)| p.effect == Effect::Allow);
        let allows = allows.flat_map(|(p, scope, until, eligible)| {
            let within = limits(s, actor)
                .iter()
                .fold(vec![p.clone()], |pieces, limit| pieces.iter().flat_map(|p| shared(p, limit)).collect());
            within.into_iter().map(move |p| (p, scope, until, eligible))
        });
        for (p, scope, until, eligible) in allows {
            let mut access = Access {
                scope: scope.clone(),
                condition: p.condition.clone(),
                until: earlier(*until, *cap),
                ..Access::plain(p.action.clone(), p.resource.clone())
            };
            let left_out = p.except.iter().map(|x| taken(&x.action, &x.resource));
            let is_denied = |e: &Exception| {
                denies.iter().any(|deny| **deny == Exception { kind: ExceptionKind::Denied, ..e.clone() })
            };
            let left_out: Vec<Exception> = left_out.filter(|e| !is_denied(e)).collect();
            let all: BTreeSet<&Exception> = denies.iter().copied().chain(&left_out).collect();
            if all.iter().any(|e| exception_takes_all(d, &tree, e, &access)) {
                continue;
            }
            let overlapping = all.into_iter().filter(|e| exception_overlaps(d, &tree, e, &access));
            access.exceptions = overlapping.cloned().collect();
            found.insert((access, *eligible || *activated));
        }
    }
    found
}

/// What is in `after` and not covered by `before`, by mode, neither reduced.
fn more(s: &Snapshot, before: &Held, after: &Held, eligible: bool) -> Vec<Access> {
    let tree = Places(s);
    let known = KnownSystems::new(s);
    let d = known.systems();
    let wanted = after.iter().filter(|(_, e)| *e == eligible);
    wanted
        // What is in force anyway needs no activation.
        .filter(|(a, _)| !eligible || !after.iter().any(|(b, e)| !*e && covers(d, &tree, b, a)))
        .filter(|(a, _)| !before.iter().any(|(b, e)| (eligible || !*e) && covers(d, &tree, b, a)))
        .filter(|(a, _)| {
            // Only what holds where the access does takes part.
            let holds =
                |(b, e): &&(Access, bool)| (eligible || !*e) && scope_covers(&tree, b.scope.as_ref(), a.scope.as_ref());
            let parts: Vec<Access> = before.iter().filter(holds).map(|(b, _)| b.clone()).collect();
            !cover_together(d, &tree, &parts, a)
        })
        .map(|(a, _)| a.clone())
        .collect()
}

/// What is new by either baseline, by mode, neither reduced; and what of it is new only in what is held.
fn by_both(s: &Snapshot, before: &Snapshot, after: &Snapshot, name: &str, eligible: bool) -> [Vec<Access>; 2] {
    let tree = Places(s);
    let known = KnownSystems::new(s);
    let d = known.systems();
    let (was, is) = (walk(before, name, true), walk(after, name, true));
    let (held, holds) = (walk(before, name, false), walk(after, name, false));
    let reached = more(s, &was, &is, eligible);
    let at_once = more(s, &was, &is, false);
    let told = |a: &Access| reached.iter().chain(&at_once).any(|b| covers(d, &tree, b, a));
    let mut direct = more(s, &held, &holds, eligible);
    // What is gained by trusts as well is told as that.
    direct.retain(|a| !reached.contains(a) && !told(a));
    if eligible {
        let now = more(s, &held, &holds, false);
        direct.retain(|a| !now.iter().any(|b| covers(d, &tree, b, a)));
    }
    [[reached, direct.clone()].concat(), direct]
}

/// The same on a snapshot as a value.
#[expect(clippy::wildcard_enum_match_arm, reason = "only these are generated")]
fn apply(mut s: Snapshot, action: &Action) -> Snapshot {
    match action {
        Action::Grant(a) => {
            let (who, scope) = (a.to.value.raw().to_owned(), a.scope.as_ref().map(|s| s.value.as_str().to_owned()));
            let mode = a.mode.as_ref().map_or(Mode::Standing, |m| m.value);
            match &a.target {
                crate::plan::model::Target::Role(r) => s = s.held("new", &who, r.value.as_str(), scope.as_deref()),
                crate::plan::model::Target::MemberOf(g) => s = s.joined("new", &who, g.value.as_str()),
            }
            s.mode(mode, None)
        }
        Action::AddPermission(r, p) => {
            let role = s.roles.iter_mut().find(|x| x.id == r.value).unwrap();
            role.permissions.push(p.value.clone());
            s
        }
        Action::AddTrust(t) => s.trust("new", t.from.value.raw(), t.to.value.raw(), None),
        Action::RemoveTrust(id) => {
            s.trusts.retain(|t| t.id != id.value);
            s
        }
        Action::Revoke(a) => {
            let crate::plan::model::Target::Role(role) = &a.target else { unreachable!("not generated") };
            let scope = a.scope.as_ref().map(|s| &s.value);
            let is = |x: &crate::snapshot::model::Assignment| {
                x.who == a.to.value && x.role.as_ref() == Some(&role.value) && x.scope.as_ref() == scope
            };
            s.assignments.retain(|x| !is(x));
            s
        }
        Action::DisableIdentity(i) => {
            s.identities.iter_mut().find(|x| x.id == i.value).unwrap().status = Status::Disabled;
            s
        }
        _ => unreachable!("not generated"),
    }
}

fn pattern() -> impl Strategy<Value = String> {
    proptest::sample::select(vec!["*", "a", "b", "a*", "*b", "ab"]).prop_map(str::to_owned)
}
fn permission() -> impl Strategy<Value = Permission> {
    (pattern(), pattern(), pattern(), 0..8_u8).prop_map(|(a, r, left, kind)| match kind {
        0 => deny(&a, &r),
        1 => when(allow(&a, &r), "if"),
        2 => except(allow(&a, &r), &[(&left, "*")]),
        3 => except(deny(&a, &r), &[(&left, "*")]),
        _ => allow(&a, &r),
    })
}
fn bound() -> impl Strategy<Value = Permission> {
    let word = || proptest::sample::select(vec!["*", "a", "b", "ab"]);
    (word(), word(), 0..6_u8).prop_map(|(a, r, kind)| match kind {
        0 => deny(a, r),
        1 => when(allow(a, r), "if"),
        2 => except(allow(a, r), &[("b", "*")]),
        _ => allow(a, r),
    })
}
const USERS: [&str; 3] = ["u0", "u1", "u2"];
const GROUPS: [&str; 3] = ["g0", "g1", "g2"];
pub(crate) fn anyone() -> impl Strategy<Value = &'static str> {
    proptest::sample::select([USERS, GROUPS].concat())
}
fn group() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(GROUPS.to_vec())
}
pub(crate) fn role_id() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec!["r0", "r1", "r2"])
}
pub(crate) fn scope() -> impl Strategy<Value = Option<&'static str>> {
    proptest::sample::select(vec![None, None, Some("org"), Some("db"), Some("web")])
}
fn mode() -> impl Strategy<Value = (Mode, Option<i64>)> {
    proptest::sample::select(vec![
        (Mode::Standing, None),
        (Mode::Standing, None),
        (Mode::Active, Some(TAKEN_AT + 9)),
        (Mode::Active, Some(TAKEN_AT - 1)),
        (Mode::Eligible, None),
    ])
}

prop_compose! {
    pub(crate) fn world()(
        roles in proptest::collection::vec(proptest::collection::vec(permission(), 0..3), 3),
        includes in proptest::collection::vec(proptest::option::of(role_id()), 3),
        members in proptest::collection::vec((proptest::sample::select(USERS.to_vec()), group()), 0..4),
        nested in proptest::collection::vec((group(), group()), 0..3),
        held in proptest::collection::vec((anyone(), role_id(), scope(), mode()), 0..5),
        joined in proptest::collection::vec((anyone(), group(), mode()), 0..2),
        trusts in proptest::collection::vec((anyone(), proptest::sample::select(USERS.to_vec())), 0..3),
        limit in proptest::option::of(proptest::collection::vec(bound(), 1..4)),
        everything in 0..3_u8,
    ) -> Snapshot {
        let mut s = snapshot("test").resource("org", None).resource("db", Some("org")).resource("web", None);
        for u in USERS { s = s.human(u); }
        if let Some(permissions) = limit {
            // The last user is bound.
            s = s.role("limit", &permissions).limited("boundary", &["limit"], false);
        }
        for g in GROUPS {
            let list: Vec<&str> = members.iter().filter(|(_, x)| *x == g).map(|(u, _)| *u).collect();
            s = s.group(g, &list);
            let inner = nested.iter().filter(|(outer, _)| *outer == g).map(|(_, i)| (*i).into()).collect();
            s.groups.last_mut().unwrap().nested = inner;
        }
        for (n, (permissions, include)) in roles.iter().zip(&includes).enumerate() {
            // Whoever holds this everywhere and for good holds everything, unless something denies or bounds it.
            let mut permissions = permissions.clone();
            if n == 0 && everything == 0 {
                permissions.push(allow("*", "*"));
            }
            s = s.including(&format!("r{n}"), &permissions, include.as_slice());
        }
        for (n, (who, role, scope, (mode, until))) in held.into_iter().enumerate() {
            s = s.held(&format!("h{n}"), who, role, scope).mode(mode, until);
        }
        for (n, (who, group, (mode, until))) in joined.into_iter().enumerate() {
            s = s.joined(&format!("j{n}"), who, group).mode(mode, until);
        }
        for (n, (from, to)) in trusts.into_iter().enumerate() {
            s = s.trust(&format!("t{n}"), from, to, None);
        }
        s
    }
}

pub(crate) fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        (anyone(), role_id(), scope()).prop_map(|(w, r, s)| grant(w, r, s)),
        (anyone(), role_id()).prop_map(|(w, r)| grant_as(w, r, Mode::Eligible, None)),
        (anyone(), group()).prop_map(|(w, g)| join(w, g)),
        (role_id(), permission()).prop_map(|(r, p)| add(r, p)),
        bound().prop_map(|p| add("limit", p)),
        (anyone(), proptest::sample::select(USERS.to_vec())).prop_map(|(f, t)| add_trust("new", f, t)),
        proptest::sample::select(USERS.to_vec()).prop_map(|u| Action::DisableIdentity(p(u.into()))),
        (anyone(), role_id(), scope()).prop_map(|(w, r, s)| revoke(w, r, s)),
        proptest::sample::select(vec!["t0", "t1"]).prop_map(|t| Action::RemoveTrust(p(t.into()))),
    ]
}

fn by_subject(pieces: &[AccessDelta]) -> BTreeMap<&str, Vec<&Access>> {
    let mut map: BTreeMap<&str, Vec<&Access>> = BTreeMap::new();
    for piece in pieces {
        map.entry(piece.subject.as_str()).or_default().push(&piece.access);
    }
    map
}

/// Equal after reduction: each covers the other, element by element, and nothing is left that another covers.
fn same(s: &Snapshot, reduced: &[&Access], full: &[Access]) -> Result<(), String> {
    let tree = Places(s);
    let known = KnownSystems::new(s);
    let d = known.systems();
    for a in reduced {
        if !full.contains(a) {
            return Err(format!("{a:?} is no difference"));
        }
    }
    for a in full {
        if !reduced.iter().any(|b| covers(d, &tree, b, a)) {
            return Err(format!("{a:?} is missing"));
        }
    }
    for (n, a) in reduced.iter().enumerate() {
        for (m, b) in reduced.iter().enumerate() {
            if n != m && covers(d, &tree, b, a) {
                return Err(format!("{a:?} is covered by {b:?}"));
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn effects_agree_with_the_slow_walker(s in world(), action in action()) {
        let Ok(a) = Run::default().on(&s, &plan(vec![("c1", action.clone())])) else { return Ok(()) };
        let after = apply(s.clone(), &action);
        let effects = &a.changes[0].effects;
        let lists = [
            (&effects.gained, false, true),
            (&effects.gained_eligible, true, true),
            (&effects.lost, false, false),
            (&effects.lost_eligible, true, false),
        ];
        for (pieces, eligible, gain) in lists {
            let found = by_subject(pieces);
            for name in USERS.iter().chain(&GROUPS) {
                let (x, y) = if gain { (&s, &after) } else { (&after, &s) };
                let [wanted, direct] = by_both(&s, x, y, name, eligible);
                let reduced = found.get(name).cloned().unwrap_or_default();
                if let Err(why) = same(&s, &reduced, &wanted) {
                    prop_assert!(false, "{name}, eligible {eligible}, gain {gain}: {why}");
                }
                for piece in pieces.iter().filter(|piece| piece.subject.as_str() == *name) {
                    prop_assert_eq!(piece.elsewhere.is_some(), direct.contains(&piece.access), "{}: {:?}", name, piece);
                }
            }
        }
    }

    #[test]
    fn a_grant_never_removes_and_its_revoke_mirrors_it(s in world(), who in anyone(), place in scope()) {
        // A role that only allows: a grant of denies does remove.
        let s = s.role("plus", &[allow("ab", "*"), allow("a*", "b")]);
        let granted = one(&s, grant(who, "plus", place));
        prop_assert!(granted.effects.lost.is_empty() && granted.effects.lost_eligible.is_empty());
        let after = s.clone().held("again", who, "plus", place);
        let revoked = one(&after, revoke(who, "plus", place));
        let plain = |pieces: &[AccessDelta]| pieces.iter().map(|p| p.digest).collect::<Vec<_>>();
        prop_assert_eq!(plain(&granted.effects.gained), plain(&revoked.effects.lost));
        prop_assert!(revoked.effects.gained.is_empty());
    }

    #[test]
    fn the_order_of_changes_is_irrelevant(s in world(), a in action(), b in action(), c in action()) {
        let forward = plan(vec![("a", a.clone()), ("b", b.clone()), ("c", c.clone())]);
        let backward = plan(vec![("c", c), ("b", b), ("a", a)]);
        match (Run::default().on(&s, &forward), Run::default().on(&s, &backward)) {
            (Ok(x), Ok(y)) => {
                prop_assert_eq!(&x.effects, &y.effects);
                prop_assert_eq!(&x.emergent, &y.emergent);
                for facts in &x.changes {
                    let other = y.changes.iter().find(|f| f.id == facts.id).unwrap();
                    prop_assert_eq!(&facts.effects, &other.effects);
                }
            }
            (x, y) => prop_assert_eq!(x.is_err(), y.is_err()),
        }
    }
}
