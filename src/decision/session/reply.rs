//! The effect of a reply to a card.
//!
//! Computes the next state of a session and the journal events from the card shown and the reply, word or reason. A
//! decision is recorded only after the correct word or a reason was typed.

use std::collections::BTreeSet;

use crate::decision::session::answer::{Complaint, Reply};
use crate::decision::session::decision::{Approval, SessionDecision, SessionEvent, SessionVerdict};
use crate::decision::session::machine::{SessionMachine, SessionState};
use crate::decision::session::offer::approvable;
use crate::decision::session::question::Purpose;
use crate::decision::session::shown::ShownCard;
use crate::decision::session::words;
use crate::input::id::PolicyId;
use crate::input::text::Text;

impl SessionMachine {
    /// Whether the person has seen a card to its end.
    pub(crate) fn has_read(&self, at: usize) -> bool {
        self.shown.get(&at).is_some_and(ShownCard::is_whole)
    }

    fn must_have_read(&self, at: usize, must: bool) -> Result<(), Complaint> {
        if must && !self.has_read(at) { Err(Complaint::NotRead) } else { Ok(()) }
    }

    pub(crate) fn choose(&mut self, at: usize, reply: Reply) -> Result<Vec<SessionEvent>, Complaint> {
        let Some(card) = self.cards.get(at) else { return Err(Complaint::NoSuchChange) };
        let one = vec![at];
        match reply {
            Reply::Approve => {
                approvable(card, &self.more(at))?;
                self.must_have_read(at, card.needs_reading())?;
                self.go(SessionState::Word { at, purpose: Purpose::Approve, all: one, reason: None });
            }
            Reply::Together => {
                let all = self.alike(at);
                if all.is_empty() {
                    return Err(Complaint::NotOffered);
                }
                self.must_have_read(at, true)?;
                self.go(SessionState::Word { at, purpose: Purpose::Together, all, reason: None });
            }
            Reply::Reject if !card.can_reject() => return Err(Complaint::NotPermitted),
            Reply::Reject => self.go(SessionState::Reason { at, purpose: Purpose::Reject, all: one }),
            Reply::RejectRest => {
                let all = self.rest(at);
                if all.is_empty() {
                    return Err(Complaint::NotPermitted);
                }
                self.go(SessionState::Reason { at, purpose: Purpose::RejectRest, all });
            }
            Reply::Override => {
                if card.overridable().difference(&self.more(at)).next().is_none() {
                    return Err(Complaint::NotOffered);
                }
                self.must_have_read(at, true)?;
                self.go(SessionState::Reason { at, purpose: Purpose::Override, all: one });
            }
            Reply::Lift if !card.can_lift() => return Err(Complaint::NotOffered),
            Reply::Lift => {
                self.must_have_read(at, true)?;
                self.go(SessionState::Reason { at, purpose: Purpose::Lift, all: one });
            }
            Reply::Skip => self.advance(at),
            Reply::Withdraw => {
                if self.said.remove(&at).is_none() {
                    return Err(Complaint::NotOffered);
                }
                let case = self.cases(&one);
                self.go(SessionState::Choosing(at));
                return Ok(case.into_iter().map(SessionEvent::Withdrawn).collect());
            }
            Reply::Back => self.go(SessionState::Choosing(self.last_before(at).ok_or(Complaint::AtStart)?)),
            Reply::Details => self.details = self.details.saturating_add(1),
            Reply::Visit(case) => self.visit(&case)?,
            Reply::Find(words) => self.find(&words)?,
            Reply::Finish => {
                let next = self.closing();
                self.state = next;
            }
            Reply::Quit => return Ok(self.quit()),
            Reply::Typed(typed) if typed.trim().is_empty() => return Err(Complaint::EnterAlone),
            Reply::Typed(_) => return Err(Complaint::NotOffered),
        }
        Ok(Vec::new())
    }

    /// Leaves the input of a word or a reason without a decision.
    pub(crate) fn leave(&mut self, at: usize, reply: &Reply) -> Result<Vec<SessionEvent>, Complaint> {
        match reply {
            Reply::Back => self.go(SessionState::Choosing(at)),
            Reply::Quit => return Ok(self.quit()),
            Reply::Approve
            | Reply::Together
            | Reply::Reject
            | Reply::RejectRest
            | Reply::Override
            | Reply::Lift
            | Reply::Skip
            | Reply::Withdraw
            | Reply::Details
            | Reply::Visit(_)
            | Reply::Find(_)
            | Reply::Finish
            | Reply::Typed(_) => return Err(Complaint::NotOffered),
        }
        Ok(Vec::new())
    }

    /// Handles the correct word.
    pub(crate) fn confirmed(
        &mut self,
        at: usize,
        purpose: Purpose,
        all: &[usize],
        reason: Option<Text>,
        number: u64,
    ) -> Vec<SessionEvent> {
        let mut events = Vec::new();
        match purpose {
            Purpose::Approve | Purpose::Together => {
                let grouped = (purpose == Purpose::Together).then_some(all.len());
                // WHY: changes approved together give the same access, so reading one of them is reading all.
                let shown = self.shown.get(&at).copied().unwrap_or_default();
                for i in all {
                    events.extend(self.record(
                        *i,
                        SessionVerdict::Approve(Approval::new(number, grouped)),
                        None,
                        shown,
                    ));
                }
                self.seen.extend(all);
                self.advance(at);
            }
            Purpose::Override | Purpose::Lift => {
                let shown = self.shown.get(&at).copied().unwrap_or_default();
                let Some(card) = self.cards.get(at) else { return events };
                let verdict = if purpose == Purpose::Override {
                    let policies = card.overridable().difference(&self.more(at)).cloned().collect();
                    SessionVerdict::Override { policies, lifts: BTreeSet::new() }
                } else {
                    SessionVerdict::Override { policies: BTreeSet::new(), lifts: card.rejects.clone() }
                };
                events.extend(self.record(at, verdict, reason, shown));
                let open = self.said.get(&at).is_none_or(|s| s.main.is_none());
                if open && self.cards.get(at).is_some_and(|c| c.can_approve(&self.more(at))) {
                    self.go(SessionState::Choosing(at));
                } else {
                    self.advance(at);
                }
            }
            // These need a reason, never a word.
            Purpose::Reject | Purpose::RejectRest => self.go(SessionState::Choosing(at)),
        }
        events
    }

    /// Handles a reason.
    pub(crate) fn reasoned(&mut self, at: usize, purpose: Purpose, all: Vec<usize>, reason: Text) -> Vec<SessionEvent> {
        let mut events = Vec::new();
        match purpose {
            Purpose::Reject | Purpose::RejectRest => {
                for i in &all {
                    let shown = self.shown.get(i).copied().unwrap_or_default();
                    events.extend(self.record(*i, SessionVerdict::Reject, Some(reason.clone()), shown));
                }
                self.seen.extend(&all);
                self.advance(at);
            }
            Purpose::Override | Purpose::Lift => self.go(SessionState::Word { at, purpose, all, reason: Some(reason) }),
            // These need a word, never a reason.
            Purpose::Approve | Purpose::Together => self.go(SessionState::Choosing(at)),
        }
        events
    }

    /// Records a decision in place of the one it replaces.
    pub(crate) fn record(
        &mut self,
        at: usize,
        verdict: SessionVerdict,
        reason: Option<Text>,
        shown: ShownCard,
    ) -> Vec<SessionEvent> {
        let Some(card) = self.cards.get(at) else { return Vec::new() };
        let mut events = Vec::new();
        // WHY: an interrupted session may have recorded more decisions on this change than are confirmed now.
        if self.before.remove(&at).is_some() {
            events.push(SessionEvent::Withdrawn(card.present.case.clone()));
        }
        let steps = match &verdict {
            SessionVerdict::Approve(_) => {
                let fillable = card.fillable(&self.more(at));
                let all: BTreeSet<PolicyId> = card.set_aside.union(&self.more(at)).cloned().collect();
                let needed = card.present.outcome.steps(&all).unwrap_or_default();
                needed.iter().filter(|s| fillable.contains(*s)).cloned().collect()
            }
            SessionVerdict::Reject => card.permitted.iter().cloned().collect(),
            SessionVerdict::Override { .. } => Vec::new(),
        };
        let decision = SessionDecision {
            case: card.present.case.clone(),
            digest: card.present.digest,
            emergent: card.present.emergent.clone(),
            verdict,
            steps,
            reason,
            privileged: card.privileged.then(|| words::name_of(card)),
            shown,
        };
        let stand = self.said.entry(at).or_default();
        match decision.verdict() {
            SessionVerdict::Override { .. } => {
                if stand.rejects() {
                    stand.main = None;
                }
                stand.overrides.push(decision.clone());
            }
            SessionVerdict::Reject => {
                stand.overrides.clear();
                stand.main = Some(decision.clone());
            }
            SessionVerdict::Approve(_) => stand.main = Some(decision.clone()),
        }
        events.push(SessionEvent::Decided(decision));
        events
    }
}
