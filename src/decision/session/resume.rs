//! Resumes an interrupted session from the current cards and the decisions in its journal.
//!
//! Rejections are kept, and every approval of access is asked again. If a recorded digest has changed, the session is
//! not resumed.

use std::collections::{BTreeMap, BTreeSet};

use crate::decision::case::CaseId;
use crate::decision::session::card::Card;
use crate::decision::session::decision::{Approval, SessionDecision, SessionVerdict};
use crate::decision::session::journalled::{Journalled, JournalledVerdict};
use crate::decision::session::machine::{SessionMachine, TwiceInSession};

/// Why an interrupted session cannot be resumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moved {
    /// The changes of these journalled decisions are different now.
    Changes(BTreeSet<CaseId>),
    /// Two plans have the same id.
    Twice(TwiceInSession),
}

/// A resumed session.
#[derive(Clone, Debug)]
pub struct Resumed {
    /// The session.
    pub session: SessionMachine,
    /// The journalled decisions that are kept.
    pub kept: Vec<SessionDecision>,
    /// The changes that must be confirmed again.
    pub again: BTreeSet<CaseId>,
}

impl SessionMachine {
    /// Resumes an interrupted session. Keeps rejections and approvals of changes that give no access, and asks for the
    /// others again.
    ///
    /// # Errors
    /// If any journalled digest has changed, or a change is now part of a piece that the person was not shown.
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

/// Records a verdict in place of those it replaces, by the rules of the machine.
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
