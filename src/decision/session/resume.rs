//! Resumes an interrupted session from the current cards and the decisions in its journal.
//!
//! Rejections stand, and every approval of access is asked again. If a recorded digest has changed, no session is
//! resumed.

use std::collections::{BTreeMap, BTreeSet};

use crate::decision::case::CaseId;
use crate::decision::session::card::Card;
use crate::decision::session::decision::{Approval, SessionDecision, SessionVerdict};
use crate::decision::session::journalled::{Journalled, JournalledVerdict};
use crate::decision::session::machine::{SessionMachine, TwiceInSession};

/// Why an interrupted session cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moved {
    /// These journalled decisions are on something else now.
    Changes(BTreeSet<CaseId>),
    /// Two plans carry one id.
    Twice(TwiceInSession),
}

/// A session that goes on.
#[derive(Clone, Debug)]
pub struct Resumed {
    /// The session.
    pub session: SessionMachine,
    /// What of the journal stands, as it was.
    pub kept: Vec<SessionDecision>,
    /// What must be said again.
    pub again: BTreeSet<CaseId>,
}

impl SessionMachine {
    /// Goes on with an interrupted session: keeps rejects and approvals of what gives no access, asks the rest again.
    ///
    /// # Errors
    /// If any journalled digest no longer holds, or a change now takes part in more than the person was shown.
    pub fn resume(cards: Vec<Card>, journal: &[Journalled]) -> Result<Resumed, Moved> {
        let mut session = Self::new(cards).map_err(Moved::Twice)?;
        let mut moved = BTreeSet::new();
        let mut standing: BTreeMap<usize, Vec<&JournalledVerdict>> = BTreeMap::new();
        for entry in journal {
            let found = session.cards.iter().position(|c| c.present.case == entry.case).filter(|at| {
                session
                    .cards
                    .get(*at)
                    .is_some_and(|c| c.present.digest == entry.digest && c.present.emergent.is_subset(&entry.emergent))
            });
            match (found, &entry.verdict) {
                (None, _) => {
                    moved.insert(entry.case.clone());
                }
                (Some(at), verdict) => replace(standing.entry(at).or_default(), verdict),
            }
        }
        if !moved.is_empty() {
            return Err(Moved::Changes(moved));
        }
        for (at, verdicts) in standing {
            session.replay(at, &verdicts);
        }
        let kept = session.decisions();
        let again =
            session.before.keys().filter_map(|at| session.cards.get(*at)).map(|c| c.present.case.clone()).collect();
        session.start();
        Ok(Resumed { session, kept, again })
    }

    fn replay(&mut self, at: usize, verdicts: &[&JournalledVerdict]) {
        let Some(card) = self.cards.get(at) else { return };
        let kept = match verdicts {
            [] => return,
            [JournalledVerdict::Reject { reason, shown }] if card.can_reject() => {
                !self.record(at, SessionVerdict::Reject, Some(reason.clone()), *shown).is_empty()
            }
            [JournalledVerdict::Approve { grouped, shown }]
                if !card.present.gains() && card.can_approve(&BTreeSet::new()) =>
            {
                !self.record(at, SessionVerdict::Approve(Approval::new(0, *grouped)), None, *shown).is_empty()
            }
            _ => false,
        };
        if kept {
            self.seen.insert(at);
        } else {
            self.before.insert(at, verdicts.iter().map(|v| (*v).clone()).collect());
        }
    }
}

/// Notes what was said on a change in the place of what it replaces, by the machine's own rules.
fn replace<'a>(standing: &mut Vec<&'a JournalledVerdict>, verdict: &'a JournalledVerdict) {
    let is_override = |v: &JournalledVerdict| matches!(v, JournalledVerdict::Override { .. });
    match verdict {
        JournalledVerdict::Withdrawn => {
            standing.clear();
            return;
        }
        JournalledVerdict::Reject { .. } => standing.clear(),
        JournalledVerdict::Approve { .. } => standing.retain(|v| is_override(v)),
        JournalledVerdict::Override { .. } => standing.retain(|v| !matches!(v, JournalledVerdict::Reject { .. })),
    }
    standing.push(verdict);
}
