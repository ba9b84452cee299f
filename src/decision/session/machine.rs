//! The state machine of a session: its states, and the transition for each answer.
//!
//! Computes the next question and the journal events from cards, answers and the analysis of the approved set.
//! INVARIANT: every transition gives the question a new number, so an answer to an older question has no effect.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::decision::case::{CaseId, CaseOutcome};
use crate::decision::risk::riskiest_first;
use crate::decision::session::answer::{Answer, Complaint, Reply};
use crate::decision::session::card::Card;
use crate::decision::session::decision::{SessionDecision, SessionEvent, SessionVerdict};
use crate::decision::session::journalled::JournalledVerdict;
use crate::decision::session::narrow::Narrow;
use crate::decision::session::question::{Ask, End, Note, Purpose, Question};
use crate::decision::session::shown::ShownCard;
use crate::decision::session::words;
use crate::input::id::{PlanId, PolicyId};
use crate::input::text::Text;

/// A review session of one person over the changes of one or several plans.
#[derive(Clone, Debug)]
pub struct SessionMachine {
    /// In the order in which they are reviewed.
    pub(crate) cards: Arc<[Card]>,
    /// The decisions, by index of the card.
    pub(crate) said: BTreeMap<usize, Stand>,
    /// Cards that are not shown again unprompted.
    pub(crate) seen: BTreeSet<usize>,
    /// Decisions of an interrupted session that must be confirmed again.
    pub(crate) before: BTreeMap<usize, Vec<JournalledVerdict>>,
    /// How much of each card was on the screen.
    pub(crate) shown: BTreeMap<usize, ShownCard>,
    pub(crate) state: SessionState,
    pub(crate) number: u64,
    pub(crate) details: u32,
    pub(crate) note: Option<Note>,
    /// The filter on the changes shown.
    pub(crate) narrow: Option<Narrow>,
}

/// The state of a change within the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeStanding {
    /// Approved in this session.
    Approved,
    /// Rejected in this session.
    Rejected,
    /// In this session, a denial was overridden or a rejection lifted, and nothing else was decided.
    Overridden,
    /// Not decided yet.
    Undecided,
    /// It needs no approval.
    Automatic,
    /// Decided before, or this person cannot decide it.
    NotAsked,
}

/// A change in the list of all changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeEntry {
    /// The change.
    pub case: CaseId,
    /// Its state.
    pub standing: ChangeStanding,
}

/// The decisions of this session on one change.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stand {
    /// The approval or rejection.
    pub(crate) main: Option<SessionDecision>,
    /// The overrides in addition to it.
    pub(crate) overrides: Vec<SessionDecision>,
}

impl Stand {
    pub(crate) fn approves(&self) -> bool {
        matches!(self.main.as_ref().map(SessionDecision::verdict), Some(SessionVerdict::Approve(_)))
    }

    pub(crate) fn rejects(&self) -> bool {
        matches!(self.main.as_ref().map(SessionDecision::verdict), Some(SessionVerdict::Reject))
    }

    pub(crate) fn set_aside(&self) -> BTreeSet<PolicyId> {
        let mut all = BTreeSet::new();
        for decision in &self.overrides {
            if let SessionVerdict::Override { policies, .. } = decision.verdict() {
                all.extend(policies.iter().cloned());
            }
        }
        all
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &SessionDecision> {
        self.overrides.iter().chain(&self.main)
    }
}

/// The state of the session.
#[derive(Clone, Debug)]
pub(crate) enum SessionState {
    /// A card is shown.
    Choosing(usize),
    /// A word is required, after the card at `at` was shown; `reason` was typed before.
    Word { at: usize, purpose: Purpose, all: Vec<usize>, reason: Option<Text> },
    /// A reason is required.
    Reason { at: usize, purpose: Purpose, all: Vec<usize> },
    /// The driver analyses the approved set.
    Reanalysing(BTreeSet<CaseId>),
    /// The summary is shown.
    Sealing,
    /// Finished.
    Ended(End),
}

/// Sorts plans by their riskiest change, and the changes of each plan with the riskiest first. A person finishes one
/// plan before the next.
fn order(cards: &mut [Card]) {
    let mut worst: BTreeMap<PlanId, Card> = BTreeMap::new();
    for card in cards.iter() {
        let known = worst.entry(card.present.case.plan.clone()).or_insert_with(|| card.clone());
        if before(card, known).is_lt() {
            *known = card.clone();
        }
    }
    cards.sort_by(|a, b| match (worst.get(&a.present.case.plan), worst.get(&b.present.case.plan)) {
        (Some(one), Some(other)) if a.present.case.plan != b.present.case.plan => before(one, other),
        _ => before(a, b),
    });
}

fn before(a: &Card, b: &Card) -> Ordering {
    riskiest_first((&a.risk, &a.present), (&b.risk, &b.present))
}

/// A change occurs twice in the session because two plans have the same id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TwiceInSession(pub CaseId);

impl SessionMachine {
    /// Starts a session over these changes, riskiest first.
    ///
    /// # Errors
    /// If two cards are of the same change.
    pub fn new(mut cards: Vec<Card>) -> Result<Self, TwiceInSession> {
        order(&mut cards);
        let mut known = BTreeSet::new();
        if let Some(twice) = cards.iter().find(|c| !known.insert(&c.present.case)) {
            return Err(TwiceInSession(twice.present.case.clone()));
        }
        let mut session = Self {
            cards: cards.into(),
            said: BTreeMap::new(),
            seen: BTreeSet::new(),
            before: BTreeMap::new(),
            shown: BTreeMap::new(),
            state: SessionState::Ended(End::Nothing),
            number: 1,
            details: 0,
            note: None,
            narrow: None,
        };
        session.start();
        Ok(session)
    }

    /// Goes to the first change to review; if there is none, to the decisions kept from a journal, or to the end.
    pub(crate) fn start(&mut self) {
        let first = self.next_from(0);
        self.state = match first {
            Some(at) => SessionState::Choosing(at),
            None if self.said.is_empty() => SessionState::Ended(End::Nothing),
            None => self.closing(),
        };
    }

    /// The cards, in the order in which they are reviewed.
    #[must_use]
    pub fn cards(&self) -> &[Card] {
        &self.cards
    }

    /// The card of a change.
    #[must_use]
    pub fn card(&self, case: &CaseId) -> Option<&Card> {
        self.cards.iter().find(|c| c.present.case == *case)
    }

    /// Every change with its state, in the order in which they are reviewed.
    #[must_use]
    pub fn contents(&self) -> Vec<ChangeEntry> {
        let standing = |at: usize, card: &Card| match self.said.get(&at) {
            Some(stand) if stand.approves() => ChangeStanding::Approved,
            Some(stand) if stand.rejects() => ChangeStanding::Rejected,
            Some(stand) if !stand.overrides.is_empty() => ChangeStanding::Overridden,
            Some(_) | None if self.is_open(at) => ChangeStanding::Undecided,
            Some(_) | None if card.present.outcome == CaseOutcome::Auto => ChangeStanding::Automatic,
            Some(_) | None => ChangeStanding::NotAsked,
        };
        let entry =
            |(at, card): (usize, &Card)| ChangeEntry { case: card.present.case.clone(), standing: standing(at, card) };
        self.cards.iter().enumerate().map(entry).collect()
    }

    /// Every current decision of this session, in the order of the cards.
    #[must_use]
    pub fn decisions(&self) -> Vec<SessionDecision> {
        self.said.values().flat_map(Stand::all).cloned().collect()
    }

    /// The current question.
    #[must_use]
    pub fn question(&self) -> Question {
        let (ask, at) = match &self.state {
            SessionState::Choosing(at) => (self.decide(*at), Some(*at)),
            SessionState::Word { at, purpose, all, .. } => {
                let word = self.word(*at, *purpose);
                (Ask::Word { purpose: *purpose, cases: self.cases(all), word }, Some(*at))
            }
            SessionState::Reason { at, purpose, all } => {
                (Ask::Reason { purpose: *purpose, cases: self.cases(all) }, Some(*at))
            }
            SessionState::Reanalysing(set) => (Ask::Reanalyse(set.clone()), None),
            SessionState::Sealing => (Ask::Seal { summary: self.summary(), word: Text::from(words::SEAL) }, None),
            SessionState::Ended(end) => (Ask::Over(end.clone()), None),
        };
        let asked: Vec<usize> = (0..self.cards.len()).filter(|i| self.is_shown(*i)).collect();
        let position = at.map_or(0, |at| asked.iter().position(|i| *i == at).map_or(0, |p| p + 1));
        Question {
            number: self.number,
            ask,
            note: self.note.clone(),
            progress: (position, asked.len()),
            narrow: self.narrow.as_ref().map(|narrow| narrow.typed().clone()),
        }
    }

    /// Handles an answer. The events must be persisted before the next question is shown.
    ///
    /// # Errors
    /// If the answer is invalid. Then nothing changes, and the question stays the same.
    pub fn answer(&mut self, answer: Answer) -> Result<Vec<SessionEvent>, Complaint> {
        if answer.question != self.number {
            return Err(Complaint::OtherQuestion);
        }
        let number = self.number;
        let mut next = self.clone();
        let events = match self.state.clone() {
            SessionState::Choosing(at) => {
                next.shown.entry(at).or_default().extend(answer.shown);
                next.choose(at, answer.reply)?
            }
            SessionState::Word { at, purpose, all, reason } => {
                if let Reply::Typed(typed) = &answer.reply {
                    words::check(typed, &self.word(at, purpose))?;
                    next.confirmed(at, purpose, &all, reason, number)
                } else {
                    next.leave(at, &answer.reply)?
                }
            }
            SessionState::Reason { at, purpose, all } => {
                if let Reply::Typed(typed) = &answer.reply {
                    next.reasoned(at, purpose, all, words::reason(typed)?)
                } else {
                    next.leave(at, &answer.reply)?
                }
            }
            SessionState::Sealing => next.seal(answer.reply)?,
            SessionState::Reanalysing(_) => {
                if answer.reply != Reply::Quit {
                    return Err(Complaint::NotOffered);
                }
                next.quit()
            }
            SessionState::Ended(_) => return Err(Complaint::Over),
        };
        next.number = number.saturating_add(1);
        *self = next;
        Ok(events)
    }

    pub(crate) fn is_asked(&self, at: usize) -> bool {
        self.cards.get(at).is_some_and(Card::is_asked) || self.before.contains_key(&at)
    }

    /// Whether the change is still undecided.
    pub(crate) fn is_open(&self, at: usize) -> bool {
        self.cards.get(at).is_some_and(Card::is_open) || self.before.contains_key(&at)
    }

    /// Whether the change is to be reviewed and matches the filter.
    pub(crate) fn is_shown(&self, at: usize) -> bool {
        let is_met = |narrow: &Narrow| self.cards.get(at).is_some_and(|card| narrow.is_met(card));
        self.is_asked(at) && self.narrow.as_ref().is_none_or(is_met)
    }

    pub(crate) fn cases(&self, all: &[usize]) -> Vec<CaseId> {
        all.iter().filter_map(|at| self.cards.get(*at)).map(|c| c.present.case.clone()).collect()
    }

    pub(crate) fn more(&self, at: usize) -> BTreeSet<PolicyId> {
        self.said.get(&at).map(Stand::set_aside).unwrap_or_default()
    }

    fn seal(&mut self, reply: Reply) -> Result<Vec<SessionEvent>, Complaint> {
        match reply {
            Reply::Typed(typed) => {
                words::check(&typed, &Text::from(words::SEAL)).map_err(|complaint| {
                    if let Complaint::WrongWord(word) = complaint { Complaint::NotSealed(word) } else { complaint }
                })?;
                if self.said.is_empty() {
                    return Err(Complaint::NothingToSeal);
                }
                // WHY: decisions of an interrupted session that the person did not confirm again must not be sealed.
                let unsaid: Vec<usize> = self.before.keys().copied().collect();
                let events = self.cases(&unsaid).into_iter().map(SessionEvent::Withdrawn).collect();
                self.before.clear();
                self.go(SessionState::Ended(End::Seal(self.decisions())));
                Ok(events)
            }
            Reply::Back => {
                self.go(SessionState::Choosing(self.last_before(self.cards.len()).ok_or(Complaint::AtStart)?));
                Ok(Vec::new())
            }
            Reply::Visit(case) => self.visit(&case).map(|()| Vec::new()),
            Reply::Quit => Ok(self.quit()),
            Reply::Approve
            | Reply::Together
            | Reply::Reject
            | Reply::RejectRest
            | Reply::Override
            | Reply::Lift
            | Reply::Skip
            | Reply::Withdraw
            | Reply::Details
            | Reply::Find(_)
            | Reply::Finish => Err(Complaint::NotOffered),
        }
    }

    pub(crate) fn go(&mut self, state: SessionState) {
        self.details = 0;
        self.note = None;
        self.state = state;
    }

    pub(crate) fn visit(&mut self, case: &CaseId) -> Result<(), Complaint> {
        let at = self.cards.iter().position(|c| c.present.case == *case).ok_or(Complaint::NoSuchChange)?;
        self.go(SessionState::Choosing(at));
        Ok(())
    }

    /// Filters the changes by words, and goes to the first undecided match.
    pub(crate) fn find(&mut self, words: &str) -> Result<(), Complaint> {
        let narrow = Narrow::read(words);
        let is_met = |card: &Card| narrow.as_ref().is_none_or(|narrow| narrow.is_met(card));
        let fits = |at: &usize| self.is_asked(*at) && self.cards.get(*at).is_some_and(is_met);
        let open = |at: &usize| fits(at) && !self.seen.contains(at);
        let all = 0..self.cards.len();
        let Some(first) = all.clone().find(open).or_else(|| all.clone().find(fits)) else {
            return Err(Complaint::NothingFound(Text::from(words.trim())));
        };
        self.go(SessionState::Choosing(first));
        self.narrow = narrow;
        Ok(())
    }

    pub(crate) fn quit(&mut self) -> Vec<SessionEvent> {
        self.go(SessionState::Ended(End::Left(self.decisions())));
        Vec::new()
    }

    fn next_from(&self, from: usize) -> Option<usize> {
        (from..self.cards.len()).find(|i| self.is_shown(*i) && !self.seen.contains(i))
    }

    pub(crate) fn advance(&mut self, at: usize) {
        self.seen.insert(at);
        // WHY from the start again: the person may have visited a change out of order.
        if let Some(next) = self.next_from(at.saturating_add(1)).or_else(|| self.next_from(0)) {
            return self.go(SessionState::Choosing(next));
        }
        // INVARIANT: changes excluded by the filter are reviewed before the end.
        if let Some(narrow) = self.narrow.take()
            && let Some(next) = self.next_from(0)
        {
            self.go(SessionState::Choosing(next));
            self.note = Some(Note::AllFound(narrow.typed().clone()));
            return;
        }
        self.state = self.closing();
    }
}
