//! The identities that a subject can act as, itself included, with the path to each.
//!
//! A map that is stored as a layer over the map of the state below, because an overlay changes few of thousands of
//! entries. A layer only has entries that are reached for longer than below.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::access::graph::provenance::Validity;
use crate::input::id::Subject;

/// The identities that a subject can act as, itself included.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reachable {
    below: Option<Rc<Reachable>>,
    own: BTreeMap<Subject, Validity>,
    /// The number of entries of `own` that the layer below has as well.
    both: usize,
}

impl Reachable {
    /// An empty map.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A layer without entries of its own.
    pub(crate) fn over(below: &Rc<Self>) -> Self {
        Self { below: Some(Rc::clone(below)), ..Self::default() }
    }

    /// The number of entries.
    pub(crate) fn len(&self) -> usize {
        self.own.len() + self.below.as_ref().map_or(0, |below| below.len()) - self.both
    }

    /// The number of entries in this layer.
    pub(crate) fn held(&self) -> usize {
        self.own.len()
    }

    /// The path to a subject.
    pub(crate) fn get(&self, subject: &Subject) -> Option<&Validity> {
        self.get_key_value(subject).map(|(_, way)| way)
    }

    /// The same, with the key of the map.
    pub(crate) fn get_key_value(&self, subject: &Subject) -> Option<(&Subject, &Validity)> {
        self.own.get_key_value(subject).or_else(|| self.below.as_ref()?.get_key_value(subject))
    }

    /// Whether a subject is reached.
    pub(crate) fn contains_key(&self, subject: &Subject) -> bool {
        self.get(subject).is_some()
    }

    /// Adds another path to a subject. Returns whether it is better than the known one.
    pub(crate) fn join(&mut self, to: &Subject, way: &Validity) -> bool {
        if let Some(known) = self.own.get_mut(to) {
            return known.join(way);
        }
        let known = self.below.as_ref().and_then(|below| below.get(to));
        let mut joined = known.cloned().unwrap_or_default();
        if !joined.join(way) {
            return false;
        }
        self.both += usize::from(known.is_some());
        self.own.insert(to.clone(), joined);
        true
    }

    /// All entries, sorted.
    pub(crate) fn iter(&self) -> Box<dyn Iterator<Item = (&Subject, &Validity)> + '_> {
        let Some(below) = &self.below else { return Box::new(self.own.iter()) };
        let (mut mine, mut theirs) = (self.own.iter().peekable(), below.iter().peekable());
        Box::new(std::iter::from_fn(move || {
            let (Some((here, _)), Some((there, _))) = (mine.peek(), theirs.peek()) else {
                return mine.next().or_else(|| theirs.next());
            };
            match here.cmp(there) {
                std::cmp::Ordering::Less => mine.next(),
                std::cmp::Ordering::Greater => theirs.next(),
                std::cmp::Ordering::Equal => {
                    theirs.next();
                    mine.next()
                }
            }
        }))
    }

    /// The subjects, sorted.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Subject> {
        self.iter().map(|(subject, _)| subject)
    }

    /// The paths, sorted by subject.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Validity> {
        self.iter().map(|(_, way)| way)
    }
}

impl<'r> IntoIterator for &'r Reachable {
    type Item = (&'r Subject, &'r Validity);
    type IntoIter = Box<dyn Iterator<Item = (&'r Subject, &'r Validity)> + 'r>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::graph::provenance::Expiry;
    use crate::input::entitlement::Mode;
    use crate::input::time::Time;

    #[test]
    fn a_row_over_another_reads_like_one_that_holds_all() {
        let until = |n| {
            let step = crate::access::model::facts::PathStep::Includes("r".into());
            Validity::start().step(&step, Mode::Standing, Expiry::of(Some(Time::from_unix(n))))
        };
        let who = |name: &str| Subject::Identity(name.into());
        let mut below = Reachable::new();
        for name in ["b", "d", "f"] {
            assert!(below.join(&who(name), &until(5)), "{name}");
        }
        let mut row = Reachable::over(&Rc::new(below));
        assert!(!row.join(&who("b"), &until(4)), "less long is nothing new");
        assert!(row.join(&who("d"), &until(9)));
        assert!(row.join(&who("a"), &until(1)));
        assert!(row.join(&who("e"), &until(2)));
        let ends: Vec<(&str, Option<Time>)> =
            row.iter().map(|(s, way)| (s.as_str(), way.ends().1.and_then(Expiry::until))).collect();
        let time = |n| Some(Time::from_unix(n));
        assert_eq!(ends, [("a", time(1)), ("b", time(5)), ("d", time(9)), ("e", time(2)), ("f", time(5))]);
        assert_eq!((row.len(), row.held()), (5, 3));
        assert_eq!(row.get(&who("d")).map(Validity::ends), Some(until(9).ends()));
        assert!(row.contains_key(&who("f")) && !row.contains_key(&who("c")));
    }
}
