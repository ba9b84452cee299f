//! Joint coverage: whether several accesses together cover one that none of them covers alone.
//!
//! For example, `iam:*` and everything except `iam:*` together cover everything. If the patterns of an access cover the
//! wanted one, only what its exceptions remove is left over, and each leftover must be covered by the others,
//! recursively. Sound: a leftover is never narrowed more than is certain. At most [`MAX_PARTS`] accesses and
//! [`MAX_CHECKS`] comparisons are used; beyond that nothing is covered. Use it only where that errs towards showing
//! more access.

use std::cell::Cell;

use crate::access::matching::coverage::{
    Surely, Tree, exception_overlaps, exception_within, patterns_cover, scope_covers,
};
use crate::access::matching::systems::Systems;
use crate::access::model::facts::{Access, Exception};

/// The maximum number of accesses that together cover one.
pub(crate) const MAX_PARTS: usize = 64;
/// The maximum number of comparisons for one access.
const MAX_CHECKS: u32 = 4_096;

/// Whether accesses together cover a wanted one.
pub(crate) fn cover_together(systems: Systems<'_>, tree: &dyn Tree, parts: &[Access], wanted: &Access) -> bool {
    if parts.len() > MAX_PARTS || parts.len() < 2 {
        return false;
    }
    let open: Vec<&Access> = parts.iter().collect();
    Joint { systems, tree, left: Cell::new(MAX_CHECKS) }.covers(&open, wanted)
}

struct Joint<'j> {
    systems: Systems<'j>,
    tree: &'j dyn Tree,
    left: Cell<u32>,
}

impl Joint<'_> {
    fn covers(&self, parts: &[&Access], wanted: &Access) -> bool {
        parts.iter().enumerate().any(|(at, part)| {
            let Some(left) = self.left.get().checked_sub(1) else { return false };
            self.left.set(left);
            if !patterns_cover(self.systems, self.tree, part, wanted) {
                return false;
            }
            let taken = part.exceptions.iter().filter(|e| {
                exception_overlaps(self.systems, self.tree, e, wanted)
                    && !wanted.exceptions.iter().any(|f| exception_within(self.systems, self.tree, e, f))
            });
            // An access covers nothing of its own exceptions, so each is used once.
            let others: Vec<&Access> =
                parts.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, part)| *part).collect();
            taken.into_iter().all(|taken| self.covers(&others, &self.leftover(wanted, taken)))
        })
    }

    /// The part of an access that an exception removes, or a superset of it.
    fn leftover(&self, wanted: &Access, taken: &Exception) -> Access {
        let dialect = self.systems.dialect(wanted.system.as_ref());
        let mut left = wanted.clone();
        if dialect.action_covers(wanted.action.raw(), taken.action.raw()) {
            left.action = taken.action.clone();
        }
        if dialect.resource_covers(wanted.resource.raw(), taken.resource.raw()) {
            left.resource = taken.resource.clone();
        }
        let is_narrower = scope_covers(&Surely(self.tree), wanted.scope.as_ref(), taken.scope.as_ref());
        if is_narrower && taken.scope.is_some() {
            left.scope.clone_from(&taken.scope);
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Index;
    use crate::access::effective::state::AccessState;
    use crate::access::tests::build::snapshot;

    fn part(action: &str, resource: &str, but: &[(&str, &str)]) -> Access {
        let taken =
            |(action, resource): &(&str, &str)| Exception::denied((*action).into(), (*resource).into(), Vec::new());
        Access { exceptions: but.iter().map(taken).collect(), ..Access::plain(action, resource) }
    }

    fn together(parts: &[Access], wanted: &Access) -> bool {
        let s = snapshot("aws");
        let index = Index::new(&s);
        cover_together(index.systems(), &AccessState::plain(&index), parts, wanted)
    }

    #[test]
    fn two_halves_are_the_whole() {
        let everything = Access::plain("*", "*");
        let halves = [part("iam:*", "*", &[]), part("*", "*", &[("iam:*", "*")])];
        assert!(together(&halves, &everything));
        assert!(!together(&halves[1..], &everything) && !together(&halves[..1], &everything));
        let less = [part("iam:Get*", "*", &[]), part("*", "*", &[("iam:*", "*")])];
        assert!(!together(&less, &everything), "the rest of iam is missing");
        let elsewhere = [part("iam:*", "arn:aws:iam::1:user/a", &[]), part("*", "*", &[("iam:*", "*")])];
        assert!(!together(&elsewhere, &everything), "iam on one user only");
    }

    #[test]
    fn holes_in_holes_must_be_filled_as_well() {
        let everything = Access::plain("*", "*");
        let outer = part("*", "*", &[("iam:*", "*"), ("kms:*", "*")]);
        let iam = part("iam:*", "*", &[("iam:PassRole", "*")]);
        let kms = part("kms:*", "*", &[]);
        assert!(!together(&[outer.clone(), iam.clone(), kms.clone()], &everything));
        assert!(together(&[outer.clone(), iam, kms.clone(), part("iam:P*", "*", &[])], &everything));
        let with = Access { exceptions: outer.exceptions.clone(), ..everything };
        assert!(together(&[outer, kms], &with), "what is wanted lacks the same");
    }

    #[test]
    fn parts_that_leave_each_other_out_end() {
        let twins = vec![part("*", "*", &[("iam:*", "*")]); MAX_PARTS];
        assert!(!together(&twins, &Access::plain("*", "*")));
        assert!(!together(&vec![part("*", "*", &[]); MAX_PARTS + 1], &Access::plain("*", "*")), "too many");
    }

    /// With a few actions, coverage can be decided by enumerating what each access gives.
    #[test]
    fn what_is_covered_together_is_given_by_some_part() {
        let names = ["a:x", "a:y", "b:x", "b:y"];
        let patterns = ["*", "a:*", "b:*", "a:x", "*:y"];
        let gives = |access: &Access, name: &str| {
            let matches = |p: &str| crate::access::matching::pattern::id_matches(p, name);
            matches(access.action.raw()) && !access.exceptions.iter().any(|e| matches(e.action.raw()))
        };
        let mut parts = Vec::new();
        for action in patterns {
            parts.push(part(action, "*", &[]));
            parts.extend(patterns.iter().map(|but| part(action, "*", &[(but, "*")])));
        }
        for (n, first) in parts.iter().enumerate() {
            for second in &parts[n..] {
                for wanted in &parts {
                    if together(&[first.clone(), second.clone()], wanted) {
                        let lost = names.iter().find(|n| gives(wanted, n) && !gives(first, n) && !gives(second, n));
                        assert_eq!(lost, None, "{first:?} and {second:?} do not give {wanted:?}");
                    }
                }
            }
        }
    }
}
