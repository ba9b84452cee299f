//! Candidates: what a whole plan gives and no change of it gives alone.
//!
//! In: the outcomes of the whole and of each change. Out: each piece that no single change's gain covers, told one by one as
//! far as there is room, and one that stands for all others. What stands for others is bound to all of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::effective::state::AccessState;
use crate::access::effects::compute::ChangeEffect;
use crate::access::escalation::requirement::key;
use crate::access::matching::coverage::covers;
use crate::access::model::facts::{Access, AccessDelta, EmergentWhat};
use crate::input::digest::{Digest, of};
use crate::input::id::Subject;

/// What the whole plan gives and no change alone gives.
#[derive(Default)]
pub(crate) struct Candidates {
    /// One by one.
    found: Vec<(EmergentWhat, bool)>,
    /// One of those that are not told one by one.
    rest: Option<(EmergentWhat, bool)>,
    /// The digests of all of them.
    stands_for: Vec<Digest<of::Piece>>,
}

/// What stands for all that is not told one by one.
pub(crate) struct RemainingCandidates {
    pub(crate) what: EmergentWhat,
    pub(crate) eligible: bool,
    /// How many pieces it stands for beside itself.
    pub(crate) others: u64,
    /// Of all of them: another piece among them makes it another.
    pub(crate) digest: Digest<of::Piece>,
}

impl Candidates {
    /// Leaves out those of which something is true. What stands for others stays, whatever is true of itself.
    pub(crate) fn leave_out(&mut self, known: &dyn Fn(&EmergentWhat, bool) -> bool) {
        self.found.retain(|(what, eligible)| !known(what, *eligible));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty() && self.rest.is_none()
    }

    /// Takes out those that are told one by one: escalations and conflicts first, then what is privileged, then the others.
    pub(crate) fn gravest_first(&mut self) -> Vec<(EmergentWhat, bool)> {
        let mut found = std::mem::take(&mut self.found);
        found.sort_by_key(|(what, _)| match what {
            EmergentWhat::Escalation(_) | EmergentWhat::Sod(_) => 0,
            EmergentWhat::Access(_) if is_privileged(what) => 1,
            EmergentWhat::Access(_) | EmergentWhat::Loss(_) => 2,
        });
        found
    }

    /// What stands for all that is not told one by one.
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

    /// Takes the first `most` of what is not covered, and one for all that stands for more than itself or lies beyond: a
    /// privileged one, if there is any.
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
            // WHY: whether a change alone gives it is costly to tell, and once there is one for all, needs not be told.
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

    /// Takes the first `most` of a list, and one for all beyond.
    fn take(&mut self, list: impl Iterator<Item = EmergentWhat>, most: usize) {
        for (at, what) in list.enumerate() {
            if at >= most {
                self.stand_in(what, false);
            } else {
                self.found.push((what, false));
            }
        }
    }

    /// Lets one stand for those that are not told, unless one does that is privileged or this is not.
    pub(crate) fn stand_in(&mut self, what: EmergentWhat, eligible: bool) {
        self.stands_for.push(digest(&what, eligible));
        if self.rest.as_ref().is_none_or(|(rest, _)| !is_privileged(rest) && is_privileged(&what)) {
            self.rest = Some((what, eligible));
        }
    }
}

/// Whether it makes the changes privileged that are responsible for it.
fn is_privileged(what: &EmergentWhat) -> bool {
    match what {
        EmergentWhat::Access(piece) | EmergentWhat::Loss(piece) => piece.privileged.is_some(),
        EmergentWhat::Escalation(_) => true,
        EmergentWhat::Sod(_) => false,
    }
}

/// What single changes do to accesses, to tell what only all of them together do.
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

    /// Whether one of the changes does the same, or more.
    fn covers(&self, view: &AccessState<'_, '_>, piece: &AccessDelta, eligible: bool) -> bool {
        self.exact.contains(&piece.digest)
            || self.by_subject.get(&piece.subject).is_some_and(|known| {
                known
                    .iter()
                    .any(|(access, now)| (*now || eligible) && covers(view.systems, view, access, &piece.access))
            })
    }
}

/// What the whole plan takes and no change alone takes, up to `most`.
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

/// What the whole plan gives and no change alone gives, up to `most` of each kind.
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

/// The hash that a decision records: of the piece, and of its being eligible only or merely possible.
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
