//! Coverage: whether one access includes another.
//!
//! Decides by the exact coverage rules of the design, from two accesses and the resource tree. Compares one access with
//! one other; a union is never considered, and a scope is never merged into a pattern.

use crate::access::matching::dialect::Dialect;
use crate::access::matching::systems::Systems;
use crate::access::model::facts::{Access, Exception};
use crate::input::entitlement::Except;
use crate::input::id::ResourceId;
use crate::input::time::Time;

/// The resource tree. Cycles are allowed; an unknown resource has no parent.
pub trait Tree {
    /// The parent of a resource, if it has one.
    fn parent(&self, id: &ResourceId) -> Option<ResourceId>;
    /// Whether the tree contains a resource.
    fn knows(&self, id: &ResourceId) -> bool;
    /// Whether a resource may be detached, so that no deny above it is certain to reach it.
    fn is_loose(&self, _: &ResourceId) -> bool {
        false
    }
}

/// The tree as used for denies.
pub(crate) struct Surely<'t>(pub(crate) &'t dyn Tree);

impl Tree for Surely<'_> {
    fn parent(&self, id: &ResourceId) -> Option<ResourceId> {
        if self.0.is_loose(id) { None } else { self.0.parent(id) }
    }
    fn knows(&self, id: &ResourceId) -> bool {
        !self.0.is_loose(id) && self.0.knows(id)
    }
}

/// The maximum number of parents that are followed. A longer chain is a cycle or not a realistic tree.
const MAX_DEPTH: usize = 4_096;

/// A resource and its ancestors, nearest first. A cycle ends the walk.
#[must_use]
pub fn ancestry(tree: &dyn Tree, id: &ResourceId) -> Vec<ResourceId> {
    let mut chain = vec![id.clone()];
    let mut seen = std::collections::BTreeSet::from([id.clone()]);
    while let Some(parent) = chain.last().and_then(|last| tree.parent(last)) {
        if chain.len() >= MAX_DEPTH || !seen.insert(parent.clone()) {
            break;
        }
        chain.push(parent);
    }
    chain
}

/// Whether scope `s` covers scope `t`: equal, or `t` is below `s`. `None` is everywhere.
#[must_use]
pub fn scope_covers(tree: &dyn Tree, s: Option<&ResourceId>, t: Option<&ResourceId>) -> bool {
    match (s, t) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(s), Some(t)) if s == t => true,
        (Some(s), Some(t)) => {
            let Some(first) = tree.parent(t) else { return false };
            // Most trees are flat; the full walk, with its guard against cycles, is for the rest.
            first == *s || ancestry(tree, &first).contains(s)
        }
    }
}

/// Whether two scopes overlap: one covers the other.
#[must_use]
pub fn scopes_overlap(tree: &dyn Tree, s: Option<&ResourceId>, t: Option<&ResourceId>) -> bool {
    scope_covers(tree, s, t) || scope_covers(tree, t, s)
}

/// Whether an expiry is no later than another; `None` is the latest.
#[must_use]
pub fn ends_within(inner: Option<Time>, outer: Option<Time>) -> bool {
    match (inner, outer) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(inner), Some(outer)) => inner <= outer,
    }
}

/// Whether an exception overlaps an access.
#[must_use]
pub(crate) fn exception_overlaps(
    systems: Systems<'_>,
    tree: &dyn Tree,
    exception: &Exception,
    access: &Access,
) -> bool {
    let dialect = systems.dialect(access.system.as_ref());
    exception.system == access.system
        && dialect.actions_overlap(access.action.raw(), exception.action.raw())
        && dialect.resources_overlap(access.resource.raw(), exception.resource.raw())
        && scopes_overlap(&Surely(tree), exception.scope.as_ref(), access.scope.as_ref())
        && !exception.except.iter().any(|left_out| {
            // An exception that itself excepts the whole access, or all of its own patterns, removes nothing from the
            // access.
            [(&access.action, &access.resource), (&exception.action, &exception.resource)].iter().any(
                |(action, resource)| {
                    dialect.action_covers(left_out.action.raw(), action.raw())
                        && dialect.resource_covers(left_out.resource.raw(), resource.raw())
                },
            )
        })
}

/// Whether an exception covers the whole access, for as long as the access lasts.
#[must_use]
pub(crate) fn exception_takes_all(
    systems: Systems<'_>,
    tree: &dyn Tree,
    exception: &Exception,
    access: &Access,
) -> bool {
    let dialect = systems.dialect(access.system.as_ref());
    exception.condition.is_none()
        && exception.system == access.system
        && ends_within(access.until, exception.until)
        && dialect.action_covers(exception.action.raw(), access.action.raw())
        && dialect.deny_covers_resource(exception.resource.raw(), access.resource.raw())
        && scope_covers(&Surely(tree), exception.scope.as_ref(), access.scope.as_ref())
        && !exception.except.iter().any(|left_out| {
            dialect.actions_overlap(left_out.action.raw(), access.action.raw())
                && dialect.resources_overlap(left_out.resource.raw(), access.resource.raw())
        })
}

/// Whether exception `f` covers exception `e` and expires no earlier.
#[must_use]
pub(crate) fn exception_within(systems: Systems<'_>, tree: &dyn Tree, e: &Exception, f: &Exception) -> bool {
    let dialect = systems.dialect(f.system.as_ref());
    (f.condition.is_none() || f.condition == e.condition)
        && e.system == f.system
        && ends_within(e.until, f.until)
        && dialect.action_covers(f.action.raw(), e.action.raw())
        && dialect.deny_covers_resource(f.resource.raw(), e.resource.raw())
        && scope_covers(&Surely(tree), f.scope.as_ref(), e.scope.as_ref())
        && f.except.iter().all(|hole| hole_within(dialect, hole, e))
}

/// Whether an exception within an exception is disjoint from `e`, or excepted by `e` as well.
fn hole_within(dialect: Dialect<'_>, hole: &Except, e: &Exception) -> bool {
    let outside = !dialect.actions_overlap(hole.action.raw(), e.action.raw())
        || !dialect.resources_overlap(hole.resource.raw(), e.resource.raw());
    outside
        || e.except.iter().any(|other| {
            dialect.action_covers(other.action.raw(), hole.action.raw())
                && dialect.resource_covers(other.resource.raw(), hole.resource.raw())
        })
}

/// Whether access `x` covers access `y`.
#[must_use]
pub(crate) fn covers(systems: Systems<'_>, tree: &dyn Tree, x: &Access, y: &Access) -> bool {
    patterns_cover(systems, tree, x, y) && exceptions_allow(systems, tree, &x.exceptions, y)
}

/// Whether two accesses have something in common: actions, resources and scopes overlap, and no exception of one takes
/// all of the other. Ignores conditions and expiries.
#[must_use]
pub(crate) fn overlaps(systems: Systems<'_>, tree: &dyn Tree, x: &Access, y: &Access) -> bool {
    let dialect = systems.dialect(x.system.as_ref());
    let leaves_out = |x: &Access, y: &Access| x.exceptions.iter().any(|e| exception_takes_all(systems, tree, e, y));
    x.system == y.system
        && dialect.overlaps((x.action.raw(), x.resource.raw()), (y.action.raw(), y.resource.raw()))
        && scopes_overlap(tree, x.scope.as_ref(), y.scope.as_ref())
        && !leaves_out(x, y)
        && !leaves_out(y, x)
}

/// Whether access `x` covers access `y`, ignoring exceptions.
pub(crate) fn patterns_cover(systems: Systems<'_>, tree: &dyn Tree, x: &Access, y: &Access) -> bool {
    let dialect = systems.dialect(x.system.as_ref());
    x.system == y.system
        && (x.condition.is_none() || x.condition == y.condition)
        && ends_within(y.until, x.until)
        && dialect.action_covers(x.action.raw(), y.action.raw())
        && dialect.resource_covers(x.resource.raw(), y.resource.raw())
        && scope_covers(tree, x.scope.as_ref(), y.scope.as_ref())
}

/// Whether every one of `exceptions` that overlaps `y` is covered by an exception of `y` that expires no earlier.
#[must_use]
pub(crate) fn exceptions_allow(systems: Systems<'_>, tree: &dyn Tree, exceptions: &[Exception], y: &Access) -> bool {
    exceptions
        .iter()
        .filter(|e| exception_overlaps(systems, tree, e, y))
        .all(|e| y.exceptions.iter().any(|f| exception_within(systems, tree, e, f)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    struct Parents(BTreeMap<&'static str, &'static str>);
    impl Tree for Parents {
        fn parent(&self, id: &ResourceId) -> Option<ResourceId> {
            self.0.get(id.as_str()).map(|p| ResourceId::new(*p))
        }
        fn knows(&self, id: &ResourceId) -> bool {
            self.0.contains_key(id.as_str())
        }
    }
    fn tree() -> Parents {
        Parents(BTreeMap::from([("table", "db"), ("db", "org"), ("x", "y"), ("y", "x")]))
    }
    fn access(action: &str, resource: &str, scope: Option<&str>) -> Access {
        Access { scope: scope.map(ResourceId::from), ..Access::plain(action, resource) }
    }
    fn except(action: &str, until: Option<i64>) -> Exception {
        let until = until.map(Time::from_unix);
        Exception { until, ..Exception::denied(action.into(), "*".into(), Vec::new()) }
    }
    fn yes(x: &Access, y: &Access) -> bool {
        let snapshot = crate::access::tests::build::snapshot("test");
        let index = crate::access::Index::new(&snapshot);
        covers(index.systems(), &tree(), x, y)
    }

    #[test]
    fn a_scope_covers_itself_and_what_lies_below_it() {
        let t = tree();
        let id = |s: &str| Some(ResourceId::from(s));
        let covers = |s: Option<ResourceId>, u: Option<ResourceId>| scope_covers(&t, s.as_ref(), u.as_ref());
        assert!(covers(None, None) && covers(None, id("db")) && covers(id("org"), id("table")));
        assert!(!covers(id("table"), id("org")) && !covers(id("org"), None));
        assert!(covers(id("unknown"), id("unknown")) && !covers(id("org"), id("unknown")));
        assert!(covers(id("x"), id("y")) && !covers(id("db"), id("x")), "a cycle ends");
    }

    #[test]
    fn a_shorter_access_does_not_cover_a_longer_one() {
        let (mut short, long) = (access("*", "*", None), access("read", "a", None));
        short.until = Some(Time::from_unix(5));
        assert!(!yes(&short, &long));
        assert!(yes(&long, &Access { until: Some(Time::from_unix(5)), ..long.clone() }));
    }

    #[test]
    fn a_conditional_access_covers_only_its_own_condition() {
        let plain = access("read", "a", None);
        let conditional = Access { condition: Some("mfa".into()), ..plain.clone() };
        assert!(yes(&plain, &conditional) && yes(&conditional, &conditional));
        assert!(!yes(&conditional, &plain), "a dropped condition is a gain");
        assert!(!yes(&conditional, &Access { condition: Some("ip".into()), ..plain }));
    }

    #[test]
    fn an_exception_counts_only_where_it_overlaps_and_only_if_the_other_has_it_too() {
        let all = Access { exceptions: vec![except("delete", None)], ..access("*", "*", None) };
        assert!(yes(&all, &access("read", "a", None)));
        assert!(!yes(&all, &access("delete", "a", None)));
        assert!(!yes(&all, &access("*", "a", None)), "removing a deny is a gain");
        assert!(yes(&all, &Access { exceptions: vec![except("de*", None)], ..access("*", "a", None) }));
        let brief = Access { exceptions: vec![except("delete", Some(9))], ..access("*", "*", None) };
        assert!(!yes(&all, &brief), "an exception that ends earlier gives more");
        assert!(yes(&brief, &all));
    }

    #[test]
    fn an_exception_does_not_take_what_it_leaves_out() {
        let holed = |holes: &[&str]| {
            let except = holes.iter().map(|a| Except { action: (*a).into(), resource: "*".into() }).collect();
            Access { exceptions: vec![Exception { except, ..except_all() }], ..access("*", "*", None) }
        };
        assert!(yes(&holed(&["read"]), &access("read", "a", None)));
        assert!(!yes(&holed(&["read"]), &access("write", "a", None)));
        assert!(!yes(&holed(&["read"]), &access("re*", "a", None)), "part of it is taken");
        assert!(yes(&holed(&["read", "write"]), &holed(&["read"])), "a deny that leaves out more gives more");
        assert!(!yes(&holed(&["read"]), &holed(&["read", "write"])));
        assert!(yes(&holed(&["read"]), &holed(&["read"])));
    }

    fn except_all() -> Exception {
        except("*", None)
    }
}
