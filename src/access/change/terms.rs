//! The terms of an assignment after a change: its mode and its latest possible end.

use crate::input::entitlement::Mode;
use crate::input::time::Time;
use crate::plan::model::{AssignmentChange, Lifetime};

/// The latest time at which a lifetime can end.
pub(crate) fn latest_end(lifetime: Lifetime, expires: Time) -> Time {
    match lifetime {
        Lifetime::Ttl(span) => expires.plus(span),
        Lifetime::Until(time) => time,
    }
}

/// The mode and end that a `grant` or `adjust` gives, based on the previous ones.
pub(crate) fn becomes(a: &AssignmentChange, was: Option<(Mode, Option<Time>)>, expires: Time) -> (Mode, Option<Time>) {
    let end = a.lifetime.as_ref().map(|l| latest_end(l.value, expires));
    let wanted = a.mode.as_ref().map(|m| m.value);
    match (wanted, was) {
        (Some(Mode::Standing), _) => (Mode::Standing, end),
        (Some(mode), was) => (mode, end.or(was.and_then(|(_, until)| until))),
        (None, Some((mode, until))) => (mode, end.or(until)),
        (None, None) => (if end.is_some() { Mode::Active } else { Mode::Standing }, end),
    }
}
