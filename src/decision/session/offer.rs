//! The offers of a question: the choices for a change, similar changes, and the word to type.
//!
//! Computed from the session. The machine uses the same functions to validate answers, so a choice that is not offered
//! is not accepted.

use std::collections::BTreeSet;

use crate::decision::bulk_key;
use crate::decision::case::CaseOutcome;
use crate::decision::session::answer::Complaint;
use crate::decision::session::card::Card;
use crate::decision::session::decision::SessionDecision;
use crate::decision::session::machine::SessionMachine;
use crate::decision::session::question::{Ask, Choice, End, Purpose};
use crate::decision::session::words;
use crate::input::id::PolicyId;
use crate::input::text::Text;

impl SessionMachine {
    pub(crate) fn word(&self, at: usize, purpose: Purpose) -> Text {
        let Some(card) = self.cards.get(at) else { return words::ordinary() };
        match purpose {
            Purpose::Approve => words::approving(card),
            Purpose::Override | Purpose::Lift => words::confirming(card),
            Purpose::Together | Purpose::Reject | Purpose::RejectRest => words::ordinary(),
        }
    }

    pub(crate) fn last_before(&self, at: usize) -> Option<usize> {
        (0..at.min(self.cards.len())).rev().find(|i| self.is_shown(*i))
    }

    /// The changes that one answer can approve together with this one, including itself; empty if it must be confirmed
    /// individually.
    pub(crate) fn alike(&self, at: usize) -> Vec<usize> {
        let Some(this) = self.cards.get(at) else { return Vec::new() };
        let Some(likeness) = this.likeness.as_ref() else { return Vec::new() };
        let plan = this.present.case.plan.clone();
        let none = BTreeSet::new();
        let fits = |i: usize, card: &Card| {
            card.likeness.as_ref() == Some(likeness)
                && !card.needs_reading()
                && card.present.case.plan == plan
                && card.rejects.is_empty()
                && card.can_approve(&none)
                && (i == at || self.is_shown(i) && self.said.get(&i).is_none_or(|s| s.main.is_none()))
        };
        let mut all: Vec<usize> =
            self.cards.iter().enumerate().filter(|(i, card)| fits(*i, card)).map(|(i, _)| i).collect();
        if !all.contains(&at) {
            return Vec::new();
        }
        // WHY: the change in question stays in the group, whichever others a full group leaves for the next one.
        all.sort_by_key(|i| (*i != at, *i));
        all.truncate(bulk_key::MOST);
        all.sort_unstable();
        if all.len() < 2 { Vec::new() } else { all }
    }

    pub(crate) fn rest(&self, at: usize) -> Vec<usize> {
        let open = |i: usize| self.is_shown(i) && self.said.get(&i).is_none_or(|s| s.main.is_none());
        (0..self.cards.len())
            .filter(|i| *i == at || open(*i))
            .filter(|i| self.cards.get(*i).is_some_and(Card::can_reject))
            .collect()
    }

    pub(crate) fn decide(&self, at: usize) -> Ask {
        let Some(card) = self.cards.get(at) else { return Ask::Over(End::Nothing) };
        let mut choices = Vec::new();
        if card.can_approve(&self.more(at)) {
            choices.push(Choice::Approve(words::approving(card)));
        }
        let alike = self.alike(at);
        if !alike.is_empty() {
            choices.push(Choice::Together(self.cases(&alike)));
        }
        if card.can_reject() {
            choices.push(Choice::Reject);
            let rest = self.rest(at);
            if rest.len() > 1 {
                choices.push(Choice::RejectRest(self.cases(&rest)));
            }
        }
        let overridable: BTreeSet<PolicyId> = card.overridable().difference(&self.more(at)).cloned().collect();
        if !overridable.is_empty() {
            choices.push(Choice::Override(overridable));
        }
        if card.can_lift() {
            choices.push(Choice::Lift);
        }
        choices.push(Choice::Skip);
        let decided: Vec<SessionDecision> = self.said.get(&at).map(|s| s.all().cloned().collect()).unwrap_or_default();
        if !decided.is_empty() {
            choices.push(Choice::Withdraw);
        }
        if self.last_before(at).is_some() {
            choices.push(Choice::Back);
        }
        choices.extend([Choice::Details, Choice::Find, Choice::Finish, Choice::Quit]);
        let before = self.before.get(&at).cloned().unwrap_or_default();
        let read = self.has_read(at);
        Ask::Decide { case: card.present.case.clone(), choices, decided, before, details: self.details, read }
    }
}

/// Whether this person could approve the change, and if not, why.
pub(crate) fn approvable(card: &Card, more: &BTreeSet<PolicyId>) -> Result<(), Complaint> {
    if card.present.outcome == CaseOutcome::Auto {
        return Err(Complaint::NothingToApprove);
    }
    if card.is_denied(more) {
        return Err(Complaint::Denied);
    }
    if !card.bars.is_empty() {
        return Err(Complaint::Barred(card.bars.clone()));
    }
    if card.too_much {
        return Err(Complaint::TooMuch);
    }
    if card.fillable(more).is_empty() {
        return Err(Complaint::NotPermitted);
    }
    Ok(())
}
