//! The end of a session: checks whether the approved changes are acceptable on their own, and lists what will be
//! sealed.
//!
//! From the decisions of the session and the analysis of the approved set, computes the faults that lead back to a
//! question, or the summary before the seal. This is the only path to the seal.

use std::collections::{BTreeMap, BTreeSet};

use crate::decision::case::{CaseId, CaseOutcome};
use crate::decision::recheck;
use crate::decision::recheck::{Basis, Reanalysis, RecheckFault};
use crate::decision::session::answer::Complaint;
use crate::decision::session::card::{Already, Card};
use crate::decision::session::machine::{SessionMachine, SessionState, Stand};
use crate::decision::session::question::{Note, Summary};
use crate::decision::session::words;
use crate::input::id::PolicyId;

impl SessionMachine {
    /// Takes the analysis requested by [`crate::decision::session::Ask::Reanalyse`].
    ///
    /// # Errors
    /// If no analysis was requested.
    pub fn reanalysed(&mut self, again: &Reanalysis) -> Result<(), Complaint> {
        if !matches!(self.state, SessionState::Reanalysing(_)) {
            return Err(Complaint::NotOffered);
        }
        let aside: BTreeMap<usize, BTreeSet<PolicyId>> =
            self.said.iter().map(|(at, stand)| (*at, self.set_aside(*at, stand))).collect();
        let approved: Vec<Basis<'_>> = self
            .said
            .iter()
            .filter(|(_, stand)| stand.approves())
            .filter_map(|(at, _)| Some(Basis { shown: &self.cards.get(*at)?.present, set_aside: aside.get(at)? }))
            .collect();
        let faults = recheck::faults(&approved, again);
        self.number = self.number.saturating_add(1);
        self.state = if faults.is_empty() { SessionState::Sealing } else { self.fails(faults) };
        Ok(())
    }

    fn set_aside(&self, at: usize, stand: &Stand) -> BTreeSet<PolicyId> {
        let mut all = stand.set_aside();
        all.extend(self.cards.get(at).into_iter().flat_map(|c| c.set_aside.iter().cloned()));
        all
    }

    /// Returns to the changes that are not acceptable.
    fn fails(&mut self, faults: BTreeSet<RecheckFault>) -> SessionState {
        let mine = |i: &usize| self.said.get(i).is_some_and(Stand::approves);
        let concerned = |i: &usize| {
            self.cards.get(*i).is_some_and(|card| {
                faults.iter().any(|fault| match fault {
                    RecheckFault::PlanDenied(plan, _) => card.present.case.plan == *plan,
                    RecheckFault::Denied(case, _)
                    | RecheckFault::Moved(case)
                    | RecheckFault::Emerges(case, _)
                    | RecheckFault::Dependency(case, _)
                    | RecheckFault::NotAnalysed(case) => card.present.case == *case,
                })
            })
        };
        let places: Vec<usize> = (0..self.cards.len()).filter(|i| mine(i) && concerned(i)).collect();
        let first = places.first().copied().or_else(|| (0..self.cards.len()).find(|i| mine(i))).unwrap_or(0);
        for at in &places {
            self.seen.remove(at);
        }
        self.details = 0;
        self.note = Some(Note::SetFails(faults));
        SessionState::Choosing(first)
    }

    /// The next state once the person has no more decisions: the analysis of the approved set, or the seal.
    pub(crate) fn closing(&mut self) -> SessionState {
        self.details = 0;
        self.note = None;
        self.narrow = None;
        if !self.said.values().any(Stand::approves) {
            return SessionState::Sealing;
        }
        let faults = self.broken_dependencies();
        if faults.is_empty() { SessionState::Reanalysing(self.approved_set()) } else { self.fails(faults) }
    }

    fn place(&self, case: &CaseId) -> Option<usize> {
        self.cards.iter().position(|c| c.present.case == *case)
    }

    fn dependencies(card: &Card) -> impl Iterator<Item = CaseId> {
        let plan = &card.present.case.plan;
        card.present.depends_on.iter().map(|id| CaseId { plan: plan.clone(), change: id.clone() })
    }

    fn is_refused(&self, at: usize) -> bool {
        let rejected = self.said.get(&at).is_some_and(Stand::rejects);
        let before = self.said.get(&at).is_none_or(|s| s.main.is_none())
            && self.cards.get(at).is_some_and(|c| c.already == Already::RejectedByMe);
        rejected || before || self.cards.get(at).is_some_and(|c| c.is_denied(&self.more(at)))
    }

    /// Approved changes that depend on one that this person rejected, or that remains denied.
    fn broken_dependencies(&self) -> BTreeSet<RecheckFault> {
        let mut faults = BTreeSet::new();
        for card in self.said.iter().filter(|(_, s)| s.approves()).filter_map(|(at, _)| self.cards.get(*at)) {
            for on in Self::dependencies(card) {
                if self.place(&on).is_none_or(|at| self.is_refused(at)) {
                    faults.insert(RecheckFault::Dependency(card.present.case.clone(), on));
                }
            }
        }
        faults
    }

    /// The changes that are approved once this session is sealed: those that this person approves, now or before; those
    /// that pass; their dependencies; and reductions that this person cannot decide and no one rejected. Empty for
    /// plans without an approval.
    ///
    /// WHY those reductions: if a grant and its companion revoke need different people, neither could be approved
    /// first. The gate analyses what really passes and holds back gains.
    fn approved_set(&self) -> BTreeSet<CaseId> {
        let plans: BTreeSet<_> = self
            .said
            .iter()
            .filter(|(_, s)| s.approves())
            .filter_map(|(at, _)| self.cards.get(*at).map(|c| &c.present.case.plan))
            .collect();
        let none = BTreeSet::new();
        let mut chosen: BTreeSet<usize> = BTreeSet::new();
        for (at, card) in self.cards.iter().enumerate() {
            let mine = self.said.get(&at).is_some_and(Stand::approves);
            let passes = matches!(card.already, Already::Passes | Already::ApprovedByMe)
                || card.present.outcome == CaseOutcome::Auto;
            let elsewhere = !card.present.gains() && !card.can_approve(&none);
            let open = !self.is_refused(at) && card.rejects.is_empty();
            if mine || open && (passes || elsewhere) && plans.contains(&card.present.case.plan) {
                chosen.insert(at);
                if mine {
                    chosen.extend(Self::dependencies(card).filter_map(|on| self.place(&on)));
                }
            }
        }
        loop {
            let whole = |at: &usize| {
                self.cards.get(*at).is_some_and(|card| {
                    Self::dependencies(card).all(|on| self.place(&on).is_some_and(|p| chosen.contains(&p)))
                })
            };
            let kept: BTreeSet<usize> = chosen.iter().filter(|at| whole(at)).copied().collect();
            if kept.len() == chosen.len() {
                break;
            }
            chosen = kept;
        }
        self.cases(&chosen.into_iter().collect::<Vec<_>>()).into_iter().collect()
    }

    pub(crate) fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        for (at, card) in self.cards.iter().enumerate() {
            let case = card.present.case.clone();
            let stand = self.said.get(&at);
            let overrides = stand.map(|s| s.overrides.as_slice()).unwrap_or_default();
            let approves = stand.is_some_and(Stand::approves);
            summary.overridden.extend(overrides.iter().cloned());
            let name = words::name_of(card);
            if card.privileged && (approves || !overrides.is_empty()) && !summary.privileged.contains(&name) {
                summary.privileged.push(name);
            }
            if approves {
                summary.approved.push(case);
            } else if stand.is_some_and(Stand::rejects) {
                summary.rejected.push(case);
            } else if !overrides.is_empty() {
                // Its own line lists it as overridden, and no other line does.
            } else if self.is_open(at) {
                summary.undecided.push(case);
            } else if card.present.outcome == CaseOutcome::Auto && card.already != Already::RejectedByMe {
                summary.automatic.push(case);
            } else {
                summary.not_asked += 1;
            }
        }
        summary
    }
}
