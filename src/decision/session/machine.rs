//! The machine of a session: states, and what an answer does in each.
//!
//! In: cards, answers, and the analysis of the approved set. Out: the next question, and journal events. INVARIANT: every
//! change of state gives the question a new number, so an answer to an older question decides nothing.

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

/// A sitting of one person over the changes of one or several plans.
#[derive(Clone, Debug)]
pub struct SessionMachine {
    /// In the order in which they are asked.
    pub(crate) cards: Arc<[Card]>,
    /// What was decided, by place of the card.
    pub(crate) said: BTreeMap<usize, Stand>,
    /// Cards not asked again of itself.
    pub(crate) seen: BTreeSet<usize>,
    /// What an interrupted session had recorded, and this one must hear again.
    pub(crate) before: BTreeMap<usize, Vec<JournalledVerdict>>,
    /// How much of each card was on the screen.
    pub(crate) shown: BTreeMap<usize, ShownCard>,
    pub(crate) state: SessionState,
    pub(crate) number: u64,
    pub(crate) details: u32,
    pub(crate) note: Option<Note>,
    /// Which changes the person wants to see.
    pub(crate) narrow: Option<Narrow>,
}

/// Where a change stands within the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeStanding {
    /// Approved here.
    Approved,
    /// Rejected here.
    Rejected,
    /// A denial was set aside here, or a reject lifted, and nothing more decided.
    Overridden,
    /// Still to be decided.
    Undecided,
    /// It passes without a person.
    Automatic,
    /// Decided before, or nothing that this person can decide.
    NotAsked,
}

/// A change in the list of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeEntry {
    /// The change.
    pub case: CaseId,
    /// Where it stands.
    pub standing: ChangeStanding,
}

/// What this session's person decided on one change.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stand {
    /// The approval or reject.
    pub(crate) main: Option<SessionDecision>,
    /// The overrides beside it.
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

/// Where a session stands.
#[derive(Clone, Debug)]
pub(crate) enum SessionState {
    /// A card is shown.
    Choosing(usize),
    /// A word is asked for, having shown the card at `at`; `reason` was typed before.
    Word { at: usize, purpose: Purpose, all: Vec<usize>, reason: Option<Text> },
    /// A reason is asked for.
    Reason { at: usize, purpose: Purpose, all: Vec<usize> },
    /// The driver analyses the approved set.
    Reanalysing(BTreeSet<CaseId>),
    /// The summary is shown.
    Sealing,
    /// Over.
    Ended(End),
}

/// Sorts plans by their riskiest change, and within a plan the riskiest change first: a person stays with one plan until
/// it is done.
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

/// One change stands in the session twice: two plans carry one id.
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

    /// Goes to the first change to be asked about; where there is none, to what was kept from a journal, or the end.
    pub(crate) fn start(&mut self) {
        let first = self.next_from(0);
        self.state = match first {
            Some(at) => SessionState::Choosing(at),
            None if self.said.is_empty() => SessionState::Ended(End::Nothing),
            None => self.closing(),
        };
    }

    /// The cards, in the order in which they are asked.
    #[must_use]
    pub fn cards(&self) -> &[Card] {
        &self.cards
    }

    /// The card of a change.
    #[must_use]
    pub fn card(&self, case: &CaseId) -> Option<&Card> {
        self.cards.iter().find(|c| c.present.case == *case)
    }

    /// Every change with where it stands, in the order in which they are asked.
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

    /// Every decision that stands in this session, in the order of the cards.
    #[must_use]
    pub fn decisions(&self) -> Vec<SessionDecision> {
        self.said.values().flat_map(Stand::all).cloned().collect()
    }

    /// The question that stands.
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

    /// Takes an answer. The events must be persisted before the next question is shown.
    ///
    /// # Errors
    /// If the answer cannot be taken; then nothing changed, and the same question stands.
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

    /// Whether it is still to be decided.
    pub(crate) fn is_open(&self, at: usize) -> bool {
        self.cards.get(at).is_some_and(Card::is_open) || self.before.contains_key(&at)
    }

    /// Whether it is asked about, and meets what the person wants to see.
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
                // WHY: what an interrupted session had recorded and nobody said again must not be sealed with the rest.
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

    /// Narrows what is shown to what meets the words, and goes to the first of it that is still to be decided.
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
        // WHY from the start again: a person may have gone to a change out of turn.
        if let Some(next) = self.next_from(at.saturating_add(1)).or_else(|| self.next_from(0)) {
            return self.go(SessionState::Choosing(next));
        }
        // INVARIANT: what the person did not want to see first is asked about before the end.
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
