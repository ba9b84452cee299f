//! Names: which a plan may have meant, and which it must not imitate.
//!
//! In: a name of the plan, and the names that the snapshot knows. Out: the nearest known name, or a known one that looks
//! the same. Source: Unicode Technical Standard #39, confusable detection (skeletons).

use std::collections::{BTreeMap, BTreeSet};

use unicode_security::skeleton;

use crate::access::graph::index::{Index, NameKind};

/// How many unknown names get a nearest name: each costs a look at every known one.
const MAX_NEAREST: usize = 24;

/// Known names, by kind, read from the index when first asked.
pub(crate) struct Names<'n, 's> {
    index: &'n Index<'s>,
    known: BTreeMap<NameKind, BTreeSet<&'s str>>,
    looks: BTreeMap<NameKind, BTreeMap<(bool, String), &'s str>>,
    asked: usize,
}

impl<'n, 's> Names<'n, 's> {
    pub(crate) fn new(index: &'n Index<'s>) -> Self {
        Self { index, known: BTreeMap::new(), looks: BTreeMap::new(), asked: 0 }
    }

    fn of(&mut self, kind: NameKind) -> &BTreeSet<&'s str> {
        let index = self.index;
        self.known.entry(kind).or_insert_with(|| index.names(kind))
    }

    /// The known name nearest to an unknown one, if any is near.
    pub(crate) fn nearest(&mut self, kind: NameKind, unknown: &str) -> Option<&'s str> {
        self.asked += 1;
        if self.asked > MAX_NEAREST || unknown.len() > 256 {
            return None;
        }
        let near = |name: &&&str| name.len().abs_diff(unknown.len()) <= 4;
        let scored = self.of(kind).iter().filter(near).map(|name| (strsim::jaro_winkler(name, unknown), *name));
        // Of equally near ones the first in the order of names.
        scored
            .filter(|(score, _)| *score >= 0.8)
            .fold(None, |best: Option<(f64, &str)>, next| match best {
                Some(best) if best.0 >= next.0 => Some(best),
                Some(_) | None => Some(next),
            })
            .map(|(_, name)| name)
    }

    /// A known name that a new one looks like.
    pub(crate) fn lookalike(&mut self, kind: NameKind, new: &str) -> Option<&'s str> {
        let known: Vec<&'s str> =
            if self.looks.contains_key(&kind) { Vec::new() } else { self.of(kind).iter().copied().collect() };
        let looks = self.looks.entry(kind).or_insert_with(|| {
            known.into_iter().flat_map(|name| forms(name).into_iter().map(move |form| (form, name))).collect()
        });
        forms(new).into_iter().find_map(|form| looks.get(&form).copied()).filter(|name| *name != new)
    }
}

/// What a name looks like: as it is written, and without regard to case; white space is not seen.
pub(crate) fn forms(name: &str) -> [(bool, String); 2] {
    let bare: String = name.chars().filter(|c| !c.is_whitespace()).collect();
    let folded = bare.to_lowercase();
    [(false, skeleton(&bare).collect()), (true, skeleton(&folded).collect())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_alike_share_a_form() {
        let alike = |a: &str, b: &str| forms(a).iter().any(|form| forms(b).contains(form));
        assert!(alike("svc:reconcile", "svc:rеconcile"), "a Cyrillic letter");
        assert!(alike("svc:deploy", "SVC:Deploy"), "only the case differs");
        assert!(alike("svc:deploy", "svc:deploy "), "only white space differs");
        assert!(alike("svc:db1", "svc:dbl"), "a digit for a letter");
        assert!(!alike("svc:db1", "svc:db2"));
    }
}
