//! The machine of a session: states, and what an answer does in each.
//!
//! In: cards, answers, and the analysis of the approved set. Out: the next question, and journal events. INVARIANT: every
//! change of state gives the question a new number, so an answer to an older question decides nothing.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::answer::{Answer, Complaint, Reply};
use super::card::Card;
use super::decision::{Approval, Decision, Event, Verdict};
use super::narrow::Narrow;
use super::offer::approvable;
use super::question::{Ask, End, Note, Purpose, Question};
use super::resume::JournalledVerdict;
use super::words;
use crate::decision::case::{CaseId, Outcome};
use crate::decision::risk::riskiest_first;
use crate::input::id::{PlanId, PolicyId};
use crate::input::text::Text;

/// A sitting of one person over the changes of one or several plans.
#[derive(Clone, Debug)]
pub struct Session {
    /// In the order in which they are asked.
    pub(super) cards: Arc<[Card]>,
    /// What was decided, by place of the card.
    pub(super) said: BTreeMap<usize, Stand>,
    /// Cards not asked again of itself.
    pub(super) seen: BTreeSet<usize>,
    /// What an interrupted session had recorded, and this one must hear again.
    pub(super) before: BTreeMap<usize, Vec<JournalledVerdict>>,
    pub(super) state: State,
    pub(super) number: u64,
    pub(super) details: u32,
    pub(super) note: Option<Note>,
    /// Which changes the person wants to see.
    pub(super) narrow: Option<Narrow>,
}

/// Where a change stands within the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
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
pub struct Entry {
    /// The change.
    pub case: CaseId,
    /// Where it stands.
    pub standing: Standing,
}

/// What this session's person decided on one change.
#[derive(Clone, Debug, Default)]
pub(super) struct Stand {
    /// The approval or reject.
    pub(super) main: Option<Decision>,
    /// The overrides beside it.
    pub(super) overrides: Vec<Decision>,
}

impl Stand {
    pub(super) fn approves(&self) -> bool {
        matches!(self.main.as_ref().map(Decision::verdict), Some(Verdict::Approve(_)))
    }

    pub(super) fn rejects(&self) -> bool {
        matches!(self.main.as_ref().map(Decision::verdict), Some(Verdict::Reject))
    }

    pub(super) fn set_aside(&self) -> BTreeSet<PolicyId> {
        let mut all = BTreeSet::new();
        for decision in &self.overrides {
            if let Verdict::Override { policies, .. } = decision.verdict() {
                all.extend(policies.iter().cloned());
            }
        }
        all
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Decision> {
        self.overrides.iter().chain(&self.main)
    }
}

/// Where a session stands.
#[derive(Clone, Debug)]
pub(super) enum State {
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

impl Session {
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
            state: State::Ended(End::Nothing),
            number: 1,
            details: 0,
            note: None,
            narrow: None,
        };
        session.start();
        Ok(session)
    }

    /// Goes to the first change to be asked about; where there is none, to what was kept from a journal, or the end.
    pub(super) fn start(&mut self) {
        let first = self.next_from(0);
        self.state = match first {
            Some(at) => State::Choosing(at),
            None if self.said.is_empty() => State::Ended(End::Nothing),
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
    pub fn contents(&self) -> Vec<Entry> {
        let standing = |at: usize, card: &Card| match self.said.get(&at) {
            Some(stand) if stand.approves() => Standing::Approved,
            Some(stand) if stand.rejects() => Standing::Rejected,
            Some(stand) if !stand.overrides.is_empty() => Standing::Overridden,
            Some(_) | None if self.is_open(at) => Standing::Undecided,
            Some(_) | None if card.present.outcome == Outcome::Auto => Standing::Automatic,
            Some(_) | None => Standing::NotAsked,
        };
        let entry =
            |(at, card): (usize, &Card)| Entry { case: card.present.case.clone(), standing: standing(at, card) };
        self.cards.iter().enumerate().map(entry).collect()
    }

    /// Every decision that stands in this session, in the order of the cards.
    #[must_use]
    pub fn decisions(&self) -> Vec<Decision> {
        self.said.values().flat_map(Stand::all).cloned().collect()
    }

    /// The question that stands.
    #[must_use]
    pub fn question(&self) -> Question {
        let (ask, at) = match &self.state {
            State::Choosing(at) => (self.decide(*at), Some(*at)),
            State::Word { at, purpose, all, .. } => {
                let word = self.word(*at, *purpose);
                (Ask::Word { purpose: *purpose, cases: self.cases(all), word }, Some(*at))
            }
            State::Reason { at, purpose, all } => {
                (Ask::Reason { purpose: *purpose, cases: self.cases(all) }, Some(*at))
            }
            State::Reanalysing(set) => (Ask::Reanalyse(set.clone()), None),
            State::Sealing => (Ask::Seal { summary: self.summary(), word: Text::from(words::SEAL) }, None),
            State::Ended(end) => (Ask::Over(end.clone()), None),
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
    pub fn answer(&mut self, answer: Answer) -> Result<Vec<Event>, Complaint> {
        if answer.question != self.number {
            return Err(Complaint::OtherQuestion);
        }
        let number = self.number;
        let mut next = self.clone();
        let events = match self.state.clone() {
            State::Choosing(at) => next.choose(at, answer.reply)?,
            State::Word { at, purpose, all, reason } => {
                if let Reply::Typed(typed) = &answer.reply {
                    words::check(typed, &self.word(at, purpose))?;
                    next.confirmed(at, purpose, &all, reason, number)
                } else {
                    next.leave(at, &answer.reply)?
                }
            }
            State::Reason { at, purpose, all } => {
                if let Reply::Typed(typed) = &answer.reply {
                    next.reasoned(at, purpose, all, words::reason(typed)?)
                } else {
                    next.leave(at, &answer.reply)?
                }
            }
            State::Sealing => next.seal(answer.reply)?,
            State::Reanalysing(_) => {
                if answer.reply != Reply::Quit {
                    return Err(Complaint::NotOffered);
                }
                next.quit()
            }
            State::Ended(_) => return Err(Complaint::Over),
        };
        next.number = number.saturating_add(1);
        *self = next;
        Ok(events)
    }

    pub(super) fn is_asked(&self, at: usize) -> bool {
        self.cards.get(at).is_some_and(Card::is_asked) || self.before.contains_key(&at)
    }

    /// Whether it is still to be decided.
    pub(super) fn is_open(&self, at: usize) -> bool {
        self.cards.get(at).is_some_and(Card::is_open) || self.before.contains_key(&at)
    }

    /// Whether it is asked about, and meets what the person wants to see.
    pub(super) fn is_shown(&self, at: usize) -> bool {
        let is_met = |narrow: &Narrow| self.cards.get(at).is_some_and(|card| narrow.is_met(card));
        self.is_asked(at) && self.narrow.as_ref().is_none_or(is_met)
    }

    pub(super) fn cases(&self, all: &[usize]) -> Vec<CaseId> {
        all.iter().filter_map(|at| self.cards.get(*at)).map(|c| c.present.case.clone()).collect()
    }

    pub(super) fn more(&self, at: usize) -> BTreeSet<PolicyId> {
        self.said.get(&at).map(Stand::set_aside).unwrap_or_default()
    }

    fn choose(&mut self, at: usize, reply: Reply) -> Result<Vec<Event>, Complaint> {
        let Some(card) = self.cards.get(at) else { return Err(Complaint::NoSuchChange) };
        let one = vec![at];
        match reply {
            Reply::Approve => {
                approvable(card, &self.more(at))?;
                self.go(State::Word { at, purpose: Purpose::Approve, all: one, reason: None });
            }
            Reply::Together => {
                let all = self.alike(at);
                if all.is_empty() {
                    return Err(Complaint::NotOffered);
                }
                self.go(State::Word { at, purpose: Purpose::Together, all, reason: None });
            }
            Reply::Reject if !card.can_reject() => return Err(Complaint::NotPermitted),
            Reply::Reject => self.go(State::Reason { at, purpose: Purpose::Reject, all: one }),
            Reply::RejectRest => {
                let all = self.rest(at);
                if all.is_empty() {
                    return Err(Complaint::NotPermitted);
                }
                self.go(State::Reason { at, purpose: Purpose::RejectRest, all });
            }
            Reply::Override => {
                if card.overridable().difference(&self.more(at)).next().is_none() {
                    return Err(Complaint::NotOffered);
                }
                self.go(State::Reason { at, purpose: Purpose::Override, all: one });
            }
            Reply::Lift if !card.can_lift() => return Err(Complaint::NotOffered),
            Reply::Lift => self.go(State::Reason { at, purpose: Purpose::Lift, all: one }),
            Reply::Skip => self.advance(at),
            Reply::Withdraw => {
                if self.said.remove(&at).is_none() {
                    return Err(Complaint::NotOffered);
                }
                let case = self.cases(&one);
                self.go(State::Choosing(at));
                return Ok(case.into_iter().map(Event::Withdrawn).collect());
            }
            Reply::Back => self.go(State::Choosing(self.last_before(at).ok_or(Complaint::AtStart)?)),
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

    /// Leaves a word or a reason without having typed it.
    fn leave(&mut self, at: usize, reply: &Reply) -> Result<Vec<Event>, Complaint> {
        match reply {
            Reply::Back => self.go(State::Choosing(at)),
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

    /// The right word was typed.
    fn confirmed(
        &mut self,
        at: usize,
        purpose: Purpose,
        all: &[usize],
        reason: Option<Text>,
        number: u64,
    ) -> Vec<Event> {
        let mut events = Vec::new();
        match purpose {
            Purpose::Approve | Purpose::Together => {
                let grouped = (purpose == Purpose::Together).then_some(all.len());
                for i in all {
                    events.extend(self.record(*i, Verdict::Approve(Approval::new(number, grouped)), None));
                }
                self.seen.extend(all);
                self.advance(at);
            }
            Purpose::Override | Purpose::Lift => {
                let Some(card) = self.cards.get(at) else { return events };
                let verdict = if purpose == Purpose::Override {
                    let policies = card.overridable().difference(&self.more(at)).cloned().collect();
                    Verdict::Override { policies, lifts: BTreeSet::new() }
                } else {
                    Verdict::Override { policies: BTreeSet::new(), lifts: card.rejects.clone() }
                };
                events.extend(self.record(at, verdict, reason));
                let open = self.said.get(&at).is_none_or(|s| s.main.is_none());
                if open && self.cards.get(at).is_some_and(|c| c.can_approve(&self.more(at))) {
                    self.go(State::Choosing(at));
                } else {
                    self.advance(at);
                }
            }
            // These ask for a reason, never for a word.
            Purpose::Reject | Purpose::RejectRest => self.go(State::Choosing(at)),
        }
        events
    }

    /// A reason was typed.
    fn reasoned(&mut self, at: usize, purpose: Purpose, all: Vec<usize>, reason: Text) -> Vec<Event> {
        let mut events = Vec::new();
        match purpose {
            Purpose::Reject | Purpose::RejectRest => {
                for i in &all {
                    events.extend(self.record(*i, Verdict::Reject, Some(reason.clone())));
                }
                self.seen.extend(&all);
                self.advance(at);
            }
            Purpose::Override | Purpose::Lift => self.go(State::Word { at, purpose, all, reason: Some(reason) }),
            // These ask for a word, never for a reason.
            Purpose::Approve | Purpose::Together => self.go(State::Choosing(at)),
        }
        events
    }

    /// Notes a decision in the place of what it replaces.
    pub(super) fn record(&mut self, at: usize, verdict: Verdict, reason: Option<Text>) -> Vec<Event> {
        let Some(card) = self.cards.get(at) else { return Vec::new() };
        let mut events = Vec::new();
        // WHY: an interrupted session may have recorded more on this change than is said again now.
        if self.before.remove(&at).is_some() {
            events.push(Event::Withdrawn(card.present.case.clone()));
        }
        let steps = match &verdict {
            Verdict::Approve(_) => {
                let fillable = card.fillable(&self.more(at));
                let all: BTreeSet<PolicyId> = card.set_aside.union(&self.more(at)).cloned().collect();
                let needed = card.present.outcome.steps(&all).unwrap_or_default();
                needed.iter().filter(|s| fillable.contains(*s)).cloned().collect()
            }
            Verdict::Reject => card.permitted.iter().cloned().collect(),
            Verdict::Override { .. } => Vec::new(),
        };
        let decision = Decision {
            case: card.present.case.clone(),
            digest: card.present.digest,
            emergent: card.present.emergent.clone(),
            verdict,
            steps,
            reason,
            privileged: card.privileged.then(|| words::name_of(card)),
        };
        let stand = self.said.entry(at).or_default();
        match decision.verdict() {
            Verdict::Override { .. } => {
                if stand.rejects() {
                    stand.main = None;
                }
                stand.overrides.push(decision.clone());
            }
            Verdict::Reject => {
                stand.overrides.clear();
                stand.main = Some(decision.clone());
            }
            Verdict::Approve(_) => stand.main = Some(decision.clone()),
        }
        events.push(Event::Decided(decision));
        events
    }

    fn seal(&mut self, reply: Reply) -> Result<Vec<Event>, Complaint> {
        match reply {
            Reply::Typed(typed) => {
                words::check(&typed, &Text::from(words::SEAL))?;
                if self.said.is_empty() {
                    return Err(Complaint::NothingToSeal);
                }
                // WHY: what an interrupted session had recorded and nobody said again must not be sealed with the rest.
                let unsaid: Vec<usize> = self.before.keys().copied().collect();
                let events = self.cases(&unsaid).into_iter().map(Event::Withdrawn).collect();
                self.before.clear();
                self.go(State::Ended(End::Seal(self.decisions())));
                Ok(events)
            }
            Reply::Back => {
                self.go(State::Choosing(self.last_before(self.cards.len()).ok_or(Complaint::AtStart)?));
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

    fn go(&mut self, state: State) {
        self.details = 0;
        self.note = None;
        self.state = state;
    }

    fn visit(&mut self, case: &CaseId) -> Result<(), Complaint> {
        let at = self.cards.iter().position(|c| c.present.case == *case).ok_or(Complaint::NoSuchChange)?;
        self.go(State::Choosing(at));
        Ok(())
    }

    /// Narrows what is shown to what meets the words, and goes to the first of it that is still to be decided.
    fn find(&mut self, words: &str) -> Result<(), Complaint> {
        let narrow = Narrow::read(words);
        let is_met = |card: &Card| narrow.as_ref().is_none_or(|narrow| narrow.is_met(card));
        let fits = |at: &usize| self.is_asked(*at) && self.cards.get(*at).is_some_and(is_met);
        let open = |at: &usize| fits(at) && !self.seen.contains(at);
        let all = 0..self.cards.len();
        let Some(first) = all.clone().find(open).or_else(|| all.clone().find(fits)) else {
            return Err(Complaint::NothingFound(Text::from(words.trim())));
        };
        self.go(State::Choosing(first));
        self.narrow = narrow;
        Ok(())
    }

    fn quit(&mut self) -> Vec<Event> {
        self.go(State::Ended(End::Left(self.decisions())));
        Vec::new()
    }

    fn next_from(&self, from: usize) -> Option<usize> {
        (from..self.cards.len()).find(|i| self.is_shown(*i) && !self.seen.contains(i))
    }

    fn advance(&mut self, at: usize) {
        self.seen.insert(at);
        // WHY from the start again: a person may have gone to a change out of turn.
        if let Some(next) = self.next_from(at.saturating_add(1)).or_else(|| self.next_from(0)) {
            return self.go(State::Choosing(next));
        }
        // INVARIANT: what the person did not want to see first is asked about before the end.
        if let Some(narrow) = self.narrow.take()
            && let Some(next) = self.next_from(0)
        {
            self.go(State::Choosing(next));
            self.note = Some(Note::AllFound(narrow.typed().clone()));
            return;
        }
        self.state = self.closing();
    }
}
