//! Candidates: pieces of access that the whole plan gives and no single change gives.
//!
//! Computed from the effects of the whole plan and of each change. Each piece that no single change's gain covers is
//! listed on its own until the limit is reached; one further piece represents the remainder. The digest of the
//! representative covers all pieces that it represents.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::effective::state::AccessState;
use crate::access::effects::compute::ChangeEffect;
use crate::access::escalation::requirement::key;
use crate::access::matching::coverage::covers;
use crate::access::model::facts::{Access, AccessDelta, EmergentWhat};
use crate::input::digest::{Digest, of};
use crate::input::id::Subject;

/// What the whole plan gives and no single change gives.
#[derive(Default)]
pub(crate) struct Candidates {
    /// Pieces listed individually.
    found: Vec<(EmergentWhat, bool)>,
    /// One piece of the remainder, which represents all that are not listed.
    rest: Option<(EmergentWhat, bool)>,
    /// The digests of all pieces in the remainder.
    stands_for: Vec<Digest<of::Piece>>,
}

/// The piece that represents all those that are not listed.
pub(crate) struct RemainingCandidates {
    pub(crate) what: EmergentWhat,
    pub(crate) eligible: bool,
    /// The number of other pieces it represents.
    pub(crate) others: u64,
    /// Digest over all represented pieces: it changes if any of them changes.
    pub(crate) digest: Digest<of::Piece>,
}

impl Candidates {
    /// Removes the listed pieces that match a predicate. The representative of the remainder stays in any case.
    pub(crate) fn leave_out(&mut self, known: &dyn Fn(&EmergentWhat, bool) -> bool) {
        self.found.retain(|(what, eligible)| !known(what, *eligible));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty() && self.rest.is_none()
    }

    /// Takes the listed pieces out: escalations and conflicts first, then privileged access, then the rest.
    pub(crate) fn gravest_first(&mut self) -> Vec<(EmergentWhat, bool)> {
        let mut found = std::mem::take(&mut self.found);
        found.sort_by_key(|(what, _)| match what {
            EmergentWhat::Escalation(_) | EmergentWhat::Sod(_) => 0,
            EmergentWhat::Access(_) if is_privileged(what) => 1,
            EmergentWhat::Access(_) | EmergentWhat::Loss(_) => 2,
        });
        found
    }

    /// The representative of all pieces that are not listed.
    pub(crate) fn rest(self) -> Option<RemainingCandidates> {
        let (what, eligible) = self.rest?;
        let mut all = self.stands_for;
        all.sort_unstable();
        all.dedup();
        let digest = match all.as_slice() {
            [] | [_] => digest(&what, eligible),
            all => {
                let mut bytes = b"together".to_vec();
                for one in all {
                    bytes.extend_from_slice(format!(" {one}").as_bytes());
                }
                Digest::of(&bytes)
            }
        };
        let others = u64::try_from(all.len().saturating_sub(1)).unwrap_or(u64::MAX);
        Some(RemainingCandidates { what, eligible, others, digest })
    }

    /// Takes the first `most` pieces that no change covers. One piece represents those that are over the limit or are
    /// themselves summaries: a privileged one if there is any.
    fn accesses(
        &mut self,
        (list, eligible): (&[AccessDelta], bool),
        of: fn(AccessDelta) -> EmergentWhat,
        covered: &dyn Fn(&AccessDelta, bool) -> bool,
        most: usize,
    ) {
        let mut told = 0_usize;
        for piece in list {
            let is_full = told >= most;
            // WHY: testing whether a single change gives the piece is expensive, and unnecessary once there is a
            // representative.
            if is_full && self.rest.as_ref().is_some_and(|(rest, _)| is_privileged(rest) || piece.privileged.is_none())
            {
                self.stands_for.push(digest(&of(piece.clone()), eligible));
                continue;
            }
            if covered(piece, eligible) {
                continue;
            }
            let what = of(piece.clone());
            if is_full || piece.everything {
                self.stand_in(what, eligible);
            } else {
                told += 1;
                self.found.push((what, eligible));
            }
        }
    }

    /// Takes the first `most` items of a list, and one representative for the rest.
    fn take(&mut self, list: impl Iterator<Item = EmergentWhat>, most: usize) {
        for (at, what) in list.enumerate() {
            if at >= most {
                self.stand_in(what, false);
            } else {
                self.found.push((what, false));
            }
        }
    }

    /// Makes a piece the representative of the remainder, unless the current one is privileged or the piece is not.
    pub(crate) fn stand_in(&mut self, what: EmergentWhat, eligible: bool) {
        self.stands_for.push(digest(&what, eligible));
        if self.rest.as_ref().is_none_or(|(rest, _)| !is_privileged(rest) && is_privileged(&what)) {
            self.rest = Some((what, eligible));
        }
    }
}

/// Whether a piece makes the changes that are responsible for it privileged.
fn is_privileged(what: &EmergentWhat) -> bool {
    match what {
        EmergentWhat::Access(piece) | EmergentWhat::Loss(piece) => piece.privileged.is_some(),
        EmergentWhat::Escalation(_) => true,
        EmergentWhat::Sod(_) => false,
    }
}

/// What single changes do to accesses, to find what only all of them together do.
#[derive(Default)]
struct Alone<'a> {
    by_subject: BTreeMap<&'a Subject, Vec<(&'a Access, bool)>>,
    exact: BTreeSet<Digest<of::Piece>>,
}

impl<'a> Alone<'a> {
    fn add(&mut self, now: &'a [AccessDelta], eligible: &'a [AccessDelta]) {
        for piece in now {
            self.by_subject.entry(&piece.subject).or_default().push((&piece.access, true));
            self.exact.insert(piece.digest);
        }
        for piece in eligible {
            self.by_subject.entry(&piece.subject).or_default().push((&piece.access, false));
        }
    }

    /// Whether a single change has the same effect on this access, or a larger one.
    fn covers(&self, view: &AccessState<'_, '_>, piece: &AccessDelta, eligible: bool) -> bool {
        self.exact.contains(&piece.digest)
            || self.by_subject.get(&piece.subject).is_some_and(|known| {
                known
                    .iter()
                    .any(|(access, now)| (*now || eligible) && covers(view.systems, view, access, &piece.access))
            })
    }
}

/// What the whole plan removes and no single change removes, up to `most`.
pub(crate) fn losses(
    whole: &ChangeEffect,
    alone: &[&ChangeEffect],
    view: &AccessState<'_, '_>,
    most: usize,
) -> Candidates {
    let mut taken = Alone::default();
    for outcome in alone {
        taken.add(&outcome.effects.lost, &outcome.effects.lost_eligible);
    }
    let covered = |piece: &AccessDelta, eligible: bool| taken.covers(view, piece, eligible);
    let mut all = Candidates::default();
    all.accesses((&whole.effects.lost, false), EmergentWhat::Loss, &covered, most);
    all.accesses((&whole.effects.lost_eligible, true), EmergentWhat::Loss, &covered, most);
    all
}

/// What the whole plan gives and no single change gives, up to `most` of each kind.
pub(crate) fn candidates(
    whole: &ChangeEffect,
    alone: &[&ChangeEffect],
    view: &AccessState<'_, '_>,
    most: usize,
) -> Candidates {
    let mut given = Alone::default();
    for outcome in alone {
        given.add(&outcome.effects.gained, &outcome.effects.gained_eligible);
    }
    let covered = |piece: &AccessDelta, eligible: bool| given.covers(view, piece, eligible);
    let mut all = Candidates::default();
    all.accesses((&whole.effects.gained, false), EmergentWhat::Access, &covered, most);
    all.accesses((&whole.effects.gained_eligible, true), EmergentWhat::Access, &covered, most);
    let escalations: BTreeSet<_> = alone.iter().flat_map(|o| &o.escalations).map(key).collect();
    let completed = whole.escalations.iter().filter(|e| !escalations.contains(&key(e)));
    all.take(completed.map(|escalation| EmergentWhat::Escalation(escalation.clone())), most);
    let conflicting: BTreeSet<_> = alone.iter().flat_map(|o| &o.sod).map(|c| c.digest).collect();
    let conflicts = whole.sod.iter().filter(|c| !conflicting.contains(&c.digest));
    all.take(conflicts.map(|conflict| EmergentWhat::Sod(conflict.clone())), most);
    all
}

/// The digest that a decision records: of the piece, and of whether it is only eligible or only possible.
pub(crate) fn digest(what: &EmergentWhat, eligible: bool) -> Digest<of::Piece> {
    let (plain, weaker) = match what {
        EmergentWhat::Access(piece) => (piece.digest, eligible),
        EmergentWhat::Escalation(escalation) => (escalation.digest, !escalation.complete || escalation.conditional),
        EmergentWhat::Sod(conflict) => (conflict.digest, false),
        EmergentWhat::Loss(piece) => (Digest::of(format!("loss of {}", piece.digest).as_bytes()), eligible),
    };
    marked(plain, weaker)
}

fn marked(plain: Digest<of::Piece>, weaker: bool) -> Digest<of::Piece> {
    if weaker { Digest::of(format!("weaker {plain}").as_bytes()) } else { plain }
}
