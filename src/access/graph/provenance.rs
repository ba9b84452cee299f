//! Provenance: the path by which something is reached, and until when.
//!
//! For each target, keeps the latest expiry with all steps in force, and the latest expiry with steps that can be
//! activated. Along a path the earliest expiry counts; among paths the latest does and, for equal expiries, an
//! unconditional path. A path that lasts longer under a condition hides a shorter one without.

use std::rc::Rc;

use crate::access::model::facts::{AccessPath, PathStep};
use crate::input::entitlement::Mode;
use crate::input::text::Text;
use crate::input::time::Time;

/// An expiry time. INVARIANT: the order of the variants makes `Never` the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Until {
    At(Time),
    Never,
}

/// An expiry, and whether it is unconditional. INVARIANT: the order of the fields makes a later expiry the greater and,
/// for equal expiries, the unconditional one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Expiry {
    until: Until,
    sure: bool,
}

impl Expiry {
    /// Permanent and unconditional.
    pub(crate) const NEVER: Self = Self { until: Until::Never, sure: true };

    /// Expires at a time, unconditional.
    pub(crate) fn of(until: Option<Time>) -> Self {
        Self { until: until.map_or(Until::Never, Until::At), sure: true }
    }

    pub(crate) fn until(self) -> Option<Time> {
        match self.until {
            Until::At(time) => Some(time),
            Until::Never => None,
        }
    }

    /// Whether it is unconditional.
    pub(crate) fn is_sure(self) -> bool {
        self.sure
    }

    /// The same, under a condition.
    pub(crate) fn if_met(self) -> Self {
        Self { sure: false, ..self }
    }

    /// The combination of both: the earlier expiry, conditional if either is.
    pub(crate) fn with(self, other: Self) -> Self {
        Self { until: self.until.min(other.until), sure: self.sure && other.sure }
    }

    /// Whether it lasts at least as long as another, and is no less certain.
    fn reaches(self, other: Self) -> bool {
        self.until >= other.until && self.sure >= other.sure
    }
}

/// A path so far, shared between all its continuations.
#[derive(Debug)]
pub(crate) struct Hop {
    step: PathStep,
    /// The condition on this step.
    condition: Option<Text>,
    before: HopChain,
    length: usize,
}

impl Drop for Hop {
    /// Drops a long path iteratively, because a recursive drop would overflow the stack.
    fn drop(&mut self) {
        let mut rest = self.before.take();
        while let Some(link) = rest {
            rest = Rc::try_unwrap(link).ok().and_then(|mut last| last.before.take());
        }
    }
}

/// A path so far, last step first.
pub(crate) type HopChain = Option<Rc<Hop>>;

/// A path with one further step.
pub(crate) fn walk(before: &HopChain, step: PathStep) -> HopChain {
    walk_if(before, step, None)
}

#[expect(clippy::unnecessary_wraps, reason = "a trail may be empty; one step more never is")]
fn walk_if(before: &HopChain, step: PathStep, condition: Option<Text>) -> HopChain {
    Some(Rc::new(Hop { step, condition, before: before.clone(), length: length(before) + 1 }))
}

/// A path whose last step gets an additional condition.
pub(crate) fn under(trail: &HopChain, condition: &Text) -> HopChain {
    let last = trail.as_ref()?;
    walk_if(&last.before, last.step.clone(), both(last.condition.as_ref(), Some(condition)))
}

/// The conjunction of both conditions.
pub(crate) fn both(a: Option<&Text>, b: Option<&Text>) -> Option<Text> {
    match (a, b) {
        (Some(a), Some(b)) if a != b => Some(format!("{} and {}", a.raw(), b.raw()).into()),
        (a, b) => a.or(b).cloned(),
    }
}

/// The distinct conditions of a path, in reading order, joined.
pub(crate) fn condition(trail: &HopChain) -> Option<Text> {
    let mut found: Vec<&Text> = links(trail).into_iter().filter_map(|link| link.condition.as_ref()).collect();
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|condition| seen.insert(*condition));
    found.into_iter().fold(None, |all, one| both(all.as_ref(), Some(one)))
}

/// The links of a path, in reading order.
fn links(trail: &HopChain) -> Vec<&Hop> {
    let mut links = Vec::with_capacity(length(trail));
    let mut at = trail.as_ref();
    while let Some(link) = at {
        links.push(&**link);
        at = link.before.as_ref();
    }
    links.reverse();
    links
}

/// The number of steps of a path.
pub(crate) fn length(trail: &HopChain) -> usize {
    trail.as_ref().map_or(0, |link| link.length)
}

/// The steps of a path, in reading order.
pub(crate) fn steps(trail: &HopChain) -> Vec<&PathStep> {
    links(trail).into_iter().map(|link| &link.step).collect()
}

/// A path in reading order.
pub(crate) fn path(trail: &HopChain) -> AccessPath {
    steps(trail).into_iter().cloned().collect()
}

/// One path followed by another.
pub(crate) fn joined(first: &HopChain, then: &HopChain) -> HopChain {
    if first.is_none() {
        return then.clone();
    }
    let onward = |trail: HopChain, link: &Hop| walk_if(&trail, link.step.clone(), link.condition.clone());
    links(then).into_iter().fold(first.clone(), onward)
}

/// An expiry with its path.
#[derive(Clone, Debug)]
pub(crate) struct ExpiringPath {
    pub(crate) end: Expiry,
    pub(crate) trail: HopChain,
}

/// How something is reached: in force, or by activation at best.
///
/// INVARIANT: anything reached by `now` is reached by `ever`, with no earlier expiry.
#[derive(Clone, Debug, Default)]
pub(crate) struct Validity {
    /// With steps in force only.
    pub(crate) now: Option<ExpiringPath>,
    /// Including steps that can be activated.
    pub(crate) ever: Option<ExpiringPath>,
}

impl Validity {
    /// The start of every path.
    pub(crate) fn start() -> Self {
        let leg = ExpiringPath { end: Expiry::NEVER, trail: None };
        Self { now: Some(leg.clone()), ever: Some(leg) }
    }

    /// Whether nothing is reached.
    pub(crate) fn is_empty(&self) -> bool {
        self.ever.is_none()
    }

    /// This path with one further step, which holds in a mode until an expiry.
    pub(crate) fn step(&self, step: &PathStep, mode: Mode, end: Expiry) -> Self {
        let onward =
            |leg: &ExpiringPath| ExpiringPath { end: leg.end.with(end), trail: walk(&leg.trail, step.clone()) };
        let now = match mode {
            Mode::Standing | Mode::Active => self.now.as_ref().map(onward),
            Mode::Eligible => None,
        };
        Self { now, ever: self.ever.as_ref().map(onward) }
    }

    /// This path, followed by another.
    pub(crate) fn then(&self, next: &Self) -> Self {
        let both = |a: &Option<ExpiringPath>, b: &Option<ExpiringPath>| {
            let (a, b) = (a.as_ref()?, b.as_ref()?);
            Some(ExpiringPath { end: a.end.with(b.end), trail: joined(&a.trail, &b.trail) })
        };
        Self { now: both(&self.now, &next.now), ever: both(&self.ever, &next.ever) }
    }

    /// This path, expiring no later than another; the steps are unchanged.
    pub(crate) fn capped(&self, cap: &Self) -> Self {
        let both = |a: &Option<ExpiringPath>, b: &Option<ExpiringPath>| {
            let (a, b) = (a.as_ref()?, b.as_ref()?);
            Some(ExpiringPath { end: a.end.with(b.end), trail: a.trail.clone() })
        };
        Self { now: both(&self.now, &cap.now), ever: both(&self.ever, &cap.ever) }
    }

    /// This path, with a condition on its last step.
    pub(crate) fn under(&self, condition: &Text) -> Self {
        let one = |leg: &ExpiringPath| ExpiringPath { end: leg.end.if_met(), trail: under(&leg.trail, condition) };
        Self { now: self.now.as_ref().map(one), ever: self.ever.as_ref().map(one) }
    }

    /// Whether it depends on a condition, in force or by activation.
    pub(crate) fn is_conditional(&self) -> bool {
        [&self.now, &self.ever].into_iter().flatten().any(|leg| !leg.end.sure)
    }

    /// Merges another path to the same target. Returns whether it is better than the known one.
    pub(crate) fn join(&mut self, other: &Self) -> bool {
        let mut better = false;
        let slots = [(&mut self.now, &other.now), (&mut self.ever, &other.ever)];
        for (mine, theirs) in slots {
            let Some(theirs) = theirs else { continue };
            if mine.as_ref().is_none_or(|leg| leg.end < theirs.end) {
                *mine = Some(theirs.clone());
                better = true;
            }
        }
        better
    }

    /// The expiries, without the paths.
    pub(crate) fn ends(&self) -> (Option<Expiry>, Option<Expiry>) {
        (self.now.as_ref().map(|l| l.end), self.ever.as_ref().map(|l| l.end))
    }

    /// Whether this lasts at least as long as another and is no less certain, in force and by activation.
    pub(crate) fn reaches(&self, other: &Self) -> bool {
        let ((now, ever), (other_now, other_ever)) = (self.ends(), other.ends());
        let reaches = |mine: Option<Expiry>, theirs: Option<Expiry>| {
            theirs.is_none_or(|theirs| mine.is_some_and(|mine| mine.reaches(theirs)))
        };
        reaches(now, other_now) && reaches(ever, other_ever)
    }

    /// Whether this is the same path as another, step by step.
    pub(crate) fn is(&self, other: &Self) -> bool {
        let same = |a: &Option<ExpiringPath>, b: &Option<ExpiringPath>| match (a, b) {
            (Some(a), Some(b)) => a.end == b.end && steps(&a.trail) == steps(&b.trail),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        same(&self.now, &other.now) && same(&self.ever, &other.ever)
    }

    /// The path by activation, if it lasts longer than the one in force.
    pub(crate) fn eligible(&self) -> Option<&ExpiringPath> {
        let (now, ever) = self.ends();
        self.ever.as_ref().filter(|_| ever > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_of_a_million_steps_is_let_go_without_exhausting_the_stack() {
        let step = PathStep::Includes("r".into());
        let long = (0..1_000_000).fold(None, |trail, _| walk(&trail, step.clone()));
        drop(long);
    }

    #[test]
    fn along_a_way_the_earliest_end_counts_and_between_ways_the_latest() {
        let at = |n| Expiry::of(Some(Time::from_unix(n)));
        let step = PathStep::Includes("r".into());
        let mut way = Validity::start().step(&step, Mode::Active, at(5)).step(&step, Mode::Standing, at(9));
        assert_eq!(way.ends(), (Some(at(5)), Some(at(5))));
        assert!(way.join(&Validity::start().step(&step, Mode::Eligible, Expiry::NEVER)));
        assert_eq!(way.ends(), (Some(at(5)), Some(Expiry::NEVER)));
        assert_eq!(way.eligible().map(|leg| leg.end), Some(Expiry::NEVER));
    }

    #[test]
    fn of_ways_that_last_as_long_one_without_a_condition_is_kept_and_a_condition_stays_on_the_way() {
        let step = PathStep::Includes("r".into());
        let plain = Validity::start().step(&step, Mode::Standing, Expiry::NEVER);
        let mut way = plain.under(&"mfa".into()).step(&step, Mode::Standing, Expiry::NEVER);
        assert_eq!(condition(&way.now.as_ref().unwrap().trail), Some("mfa".into()));
        assert!(!way.reaches(&plain) && plain.reaches(&way), "a dropped condition is more");
        assert!(way.join(&plain) && !way.is_conditional());
        assert!(!way.join(&plain.under(&"mfa".into())), "a condition adds nothing");
        let later = Validity::start().then(&plain.under(&"a".into())).then(&plain.under(&"b".into()));
        assert_eq!(condition(&later.ever.unwrap().trail), Some("a and b".into()));
    }
}
