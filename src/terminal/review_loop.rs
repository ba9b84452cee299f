//! The review loop: asks the questions of a session and draws them.
//!
//! It contains no decision logic: every answer is a key or a line that the user typed at the question shown. Events are
//! persisted by a [`SessionStore`] before the next question is drawn.

use std::collections::BTreeSet;

use crate::decision::case::CaseId;
use crate::decision::recheck::Reanalysis;
use crate::decision::session::{
    Ask, Card, ChangeEntry, ChangeStanding, Complaint, End, JournalledVerdict, Note, Purpose, Question, Reply,
    SessionDecision, SessionEvent, SessionMachine, ShownCard, Summary,
};
use crate::report::layout::{Page, StyledSpan, spans};
use crate::report::model::{ChangeReport, PlanReport, PolicyVerdict};
use crate::report::render::{card, table};
use crate::report::sentence::{Sentence, counted};
use crate::report::style::{Label, Style};
use crate::terminal::console::Console;
use crate::terminal::screen::StatusLine;
use crate::terminal::words::Press;
use crate::terminal::{Failure, screen, words};

/// Storage and analysis for a session.
pub trait SessionStore {
    /// The error type.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Persists decisions. A decision counts only after this has returned.
    ///
    /// # Errors
    /// If the decisions are not on disk. The session ends.
    fn persist(&mut self, events: &[SessionEvent]) -> Result<(), Self::Error>;

    /// Analyses and evaluates these changes as separate plans.
    ///
    /// # Errors
    /// If the analysis fails. The session ends.
    fn reanalyse(&mut self, approved: &BTreeSet<CaseId>) -> Result<Reanalysis, Self::Error>;

    /// What has changed since it was shown, but would be sealed.
    fn moved(&self) -> Vec<Sentence>;
}

/// Why a session ended early.
#[derive(Debug, thiserror::Error)]
pub enum BreakOff<E: std::error::Error + 'static> {
    /// A terminal failure.
    #[error(transparent)]
    Terminal(#[from] Failure),
    /// A storage or analysis failure.
    #[error("the decisions could not be processed")]
    Desk(#[source] E),
}

/// Asks the user about every change of a session, and returns how it ended.
///
/// # Errors
/// If the terminal is gone, the user interrupts, or the store fails. Persisted decisions remain.
pub fn run<D: SessionStore>(
    console: &mut dyn Console,
    colour: bool,
    plans: &[PlanReport],
    session: &mut SessionMachine,
    desk: &mut D,
) -> Result<End, BreakOff<D::Error>> {
    let mut notice = String::new();
    loop {
        let question = session.question();
        let taken = match question.ask() {
            Ask::Over(end) => return Ok(end.clone()),
            Ask::Reanalyse(set) => {
                session.reanalysed(&desk.reanalyse(set).map_err(BreakOff::Desk)?).map(|()| Vec::new())
            }
            Ask::Decide { .. } | Ask::Word { .. } | Ask::Reason { .. } | Ask::Seal { .. } => {
                let is_seal = matches!(question.ask(), Ask::Seal { .. });
                let moved = if is_seal { desk.moved() } else { Vec::new() };
                let shown = ReviewLoop { colour, plans, session, question: &question, notice: &notice, moved };
                let (reply, seen) = shown.ask(console)?;
                // INVARIANT: before sealing, the user has seen everything that changed since it was shown.
                if is_seal && matches!(reply, Reply::Typed(_)) && desk.moved() != shown.moved {
                    notice = String::from("something has changed meanwhile, see above; nothing was sealed");
                    continue;
                }
                session.answer(question.answer(reply, seen))
            }
        };
        notice = match taken {
            Ok(events) => {
                desk.persist(&events).map_err(BreakOff::Desk)?;
                String::new()
            }
            Err(complaint) => complaint_text(&complaint),
        };
    }
}

/// The rejections of a change: by whom, when and why.
fn rejected(change: &ChangeReport) -> Sentence {
    let parts = change.rejections.iter().enumerate();
    parts.fold(Sentence::new(), |out, (at, it)| if at == 0 { out } else { out.own("; ") }.then(it.sentence()))
}

fn complaint_text(complaint: &Complaint) -> String {
    let bars = match complaint {
        Complaint::Barred(bars) => {
            let why: Vec<String> = bars.iter().map(|bar| words::bar(bar).terminal()).collect();
            format!(" ({})", why.join("; "))
        }
        Complaint::OtherQuestion
        | Complaint::EnterAlone
        | Complaint::NotOffered
        | Complaint::WrongWord(_)
        | Complaint::ReasonNeeded
        | Complaint::TooLong(_)
        | Complaint::HiddenCharacter
        | Complaint::Denied
        | Complaint::NotRead
        | Complaint::TooMuch
        | Complaint::NothingToApprove
        | Complaint::NotPermitted
        | Complaint::AtStart
        | Complaint::NoSuchChange
        | Complaint::NothingFound(_)
        | Complaint::NothingToSeal
        | Complaint::NotSealed(_)
        | Complaint::Over => String::new(),
    };
    format!("{}{bars}: {}", complaint.message().terminal(), complaint.help().terminal())
}

struct ReviewLoop<'s> {
    colour: bool,
    plans: &'s [PlanReport],
    session: &'s SessionMachine,
    question: &'s Question,
    notice: &'s str,
    /// What has changed during the session.
    moved: Vec<Sentence>,
}

impl ReviewLoop<'_> {
    /// The reply, and how much of the card was on the screen.
    fn ask(&self, console: &mut dyn Console) -> Result<(Reply, ShownCard), Failure> {
        let unseen = |reply| (reply, ShownCard::default());
        match self.question.ask() {
            Ask::Decide { case, choices, decided, before, details, read } => {
                let paint = |style: &Style| self.change_page(style, case, decided, before, details % 2 == 1);
                let must_read = self.session.card(case).is_none_or(Card::needs_reading);
                let mut keys: Vec<_> = choices.iter().map(|choice| words::choice(choice, must_read)).collect();
                let before_leaving = keys.len().saturating_sub(2);
                keys.insert(before_leaving, words::list());
                let mut status_line = StatusLine { read: *read, ..self.status_line() };
                loop {
                    let (pressed, shown) = screen::choose(console, self.colour, &paint, &status_line, &keys)?;
                    status_line.notice.clear();
                    let reply = match pressed {
                        Press::Reply(reply) => return Ok((reply, shown)),
                        Press::Find => self.find_words(console, &paint)?,
                        Press::List => self.pick(console)?,
                    };
                    if let Some(reply) = reply {
                        return Ok((reply, shown));
                    }
                }
            }
            Ask::Word { purpose, cases, word } => {
                let prompt = format!("Type `{}` {}:", word.terminal(), words::purpose(*purpose));
                self.line(console, cases, *purpose, &prompt).map(unseen)
            }
            Ask::Reason { purpose, cases } => {
                self.line(console, cases, *purpose, &words::why(*purpose, cases.len())).map(unseen)
            }
            Ask::Seal { summary, word } => {
                let paint = |style: &Style| self.summary_page(style, summary);
                let prompt = format!("Type `{}` to seal and sign, or Esc to go back:", word.terminal());
                let typed = screen::line(console, self.colour, &paint, &self.status_line(), &prompt)?;
                Ok(unseen(typed.map_or(Reply::Back, Reply::Typed)))
            }
            // The loop answers these itself. Quitting decides nothing.
            Ask::Reanalyse(_) | Ask::Over(_) => Ok(unseen(Reply::Quit)),
        }
    }

    fn line(
        &self,
        console: &mut dyn Console,
        cases: &[CaseId],
        purpose: Purpose,
        prompt: &str,
    ) -> Result<Reply, Failure> {
        let paint = |style: &Style| match cases {
            [one] => {
                let mut page = Page::new(style);
                self.put_no_effect(&mut page, one, purpose);
                page.append(self.change_page(style, one, &[], &[], false));
                page
            }
            many => self.table_page(style, many, purpose),
        };
        let typed = screen::line(console, self.colour, &paint, &self.status_line(), prompt)?;
        Ok(typed.map_or(Reply::Back, Reply::Typed))
    }

    /// Notes that an approval or override has no effect, because of a rejection by another person.
    fn put_no_effect(&self, page: &mut Page, case: &CaseId, purpose: Purpose) {
        let what = match purpose {
            Purpose::Approve | Purpose::Together => "this approval has no effect",
            Purpose::Override => "this override has no effect",
            Purpose::Reject | Purpose::RejectRest | Purpose::Lift => return,
        };
        if self.session.card(case).is_none_or(|card| card.rejects.is_empty()) {
            return;
        }
        let Some((_, change)) = self.find(case) else { return };
        page.para_from(
            StyledSpan::own(Label::Stop, format!("{what} while there is a rejection: ")),
            &spans(Label::Plain, &rejected(change)),
        );
        page.para("  ", &[StyledSpan::own(Label::Plain, card::LIFT)]);
        page.gap();
    }

    /// Asks for a filter. `None`: the user cancelled.
    fn find_words(&self, console: &mut dyn Console, paint: &screen::Paint<'_>) -> Result<Option<Reply>, Failure> {
        let notice = "part of an identity, role or scope, or `privileged`; Enter alone shows all".to_owned();
        let status_line = StatusLine { notice, ..StatusLine::default() };
        let typed = screen::line(console, self.colour, paint, &status_line, "Find:")?;
        Ok(typed.map(Reply::Find))
    }

    /// Shows all changes and asks for one. `None`: the user cancelled.
    fn pick(&self, console: &mut dyn Console) -> Result<Option<Reply>, Failure> {
        let entries = self.session.contents();
        let paint = |style: &Style| self.list_page(style, &entries);
        let mut status_line = StatusLine::default();
        loop {
            let prompt = "Number of the change to go to, or Esc:";
            let Some(typed) = screen::line(console, self.colour, &paint, &status_line, prompt)? else {
                return Ok(None);
            };
            let number = typed.trim().parse::<usize>().ok().and_then(|n| n.checked_sub(1));
            if typed.trim().is_empty() {
                return Ok(None);
            }
            match number.and_then(|n| entries.get(n)) {
                Some(entry) => return Ok(Some(Reply::Visit(entry.case.clone()))),
                None => status_line.notice = format!("there is no such number; the last one is {}", entries.len()),
            }
        }
    }

    fn list_page(&self, style: &Style, entries: &[ChangeEntry]) -> Page {
        let mut page = Page::new(style);
        let many = u64::try_from(entries.len()).unwrap_or(u64::MAX);
        page.heading(&format!("All {}", counted(many, "change", "changes")));
        let rows: Vec<Vec<String>> = entries
            .iter()
            .zip(1_usize..)
            .map(|(entry, number)| {
                let what = self.find(&entry.case).map(|(_, it)| it.sentence.terminal()).unwrap_or_default();
                let id = format!("{} {}", entry.case.plan.text().terminal(), entry.case.change.text().terminal());
                let is_rejected = self.find(&entry.case).is_some_and(|(_, it)| !it.rejections.is_empty());
                let mut state = words::standing(entry.standing).to_owned();
                if is_rejected && entry.standing != ChangeStanding::Rejected {
                    state.push_str(", rejected");
                }
                vec![number.to_string(), id, what, state]
            })
            .collect();
        table::put(&mut page, style, &["no.", "plan and change", "what it does", "state"], &rows);
        page
    }

    fn status_line(&self) -> StatusLine {
        let (at, of) = self.question.progress();
        let mut progress = if at > 0 { format!("{at} of {of}") } else { String::new() };
        if let Some(words) = self.question.narrow() {
            progress = format!("{progress} that match `{}`; / and Enter: all", words.terminal());
        }
        StatusLine { progress, notice: self.notice.to_owned(), read: false }
    }

    fn find(&self, case: &CaseId) -> Option<(&PlanReport, &ChangeReport)> {
        let plan = self.plans.iter().find(|plan| plan.id == case.plan)?;
        Some((plan, plan.changes.iter().find(|change| change.id == case.change)?))
    }

    fn change_page(
        &self,
        style: &Style,
        case: &CaseId,
        decided: &[SessionDecision],
        before: &[JournalledVerdict],
        full: bool,
    ) -> Page {
        let mut page = Page::new(style);
        self.note(&mut page);
        for decision in decided {
            let verdict = words::verdict(decision.verdict());
            let mut line = vec![StyledSpan::own(Label::Pass, verdict)];
            if let Some(reason) = decision.reason() {
                line.push(StyledSpan::own(Label::Plain, ": "));
                line.push(StyledSpan::outside(Label::Words, reason));
            }
            page.para("you decided here: ", &line);
        }
        for before in before {
            let line = [StyledSpan::own(Label::Warn, words::journalled(before))];
            page.para("before the interruption you decided (confirm it again to keep it): ", &line);
        }
        let Some((plan, change)) = self.find(case) else {
            let what = Sentence::of("the report does not contain change ").id(&case.change).own(" of ").id(&case.plan);
            page.para("", &spans(Label::Stop, &what));
            return page;
        };
        let denials: Vec<_> = plan
            .policies
            .iter()
            .filter(|policy| matches!(policy.verdict, PolicyVerdict::Denies | PolicyVerdict::Fails))
            .collect();
        if !denials.is_empty() {
            page.para("", &[StyledSpan::own(Label::Stop, "a policy denies the whole plan:")]);
            for policy in denials {
                card::put_policy(&mut page, policy);
            }
        }
        let place = format!("plan {}{}", plan.id.text().terminal(), if full { " · details" } else { "" });
        if full {
            card::put(&mut page, plan, &change.in_full(), &place);
            crate::report::render::text::put_head(&mut page, plan);
            for policy in plan.policies.iter().filter(|policy| policy.verdict == PolicyVerdict::Warns) {
                card::put_policy(&mut page, policy);
            }
        } else {
            card::put(&mut page, plan, change, &place);
            page.gap();
            crate::report::render::text::put_proposer(&mut page, plan);
        }
        page
    }

    fn table_page(&self, style: &Style, cases: &[CaseId], purpose: Purpose) -> Page {
        let mut page = Page::new(style);
        let many = u64::try_from(cases.len()).unwrap_or(u64::MAX);
        page.heading(&format!("{} {}", counted(many, "change", "changes"), words::purpose(purpose)));
        let rows: Vec<Vec<String>> = cases
            .iter()
            .map(|case| {
                let (sentence, concerned) = self
                    .find(case)
                    .map_or_else(Default::default, |(_, it)| (it.sentence.terminal(), it.concerned.terminal()));
                vec![case.plan.text().terminal(), case.change.text().terminal(), sentence, concerned]
            })
            .collect();
        table::put(&mut page, style, &["plan", "change", "what it does", "affects"], &rows);
        page
    }

    fn summary_page(&self, style: &Style, summary: &Summary) -> Page {
        let mut page = Page::new(style);
        self.note(&mut page);
        for moved in &self.moved {
            page.para("", &spans(Label::Stop, moved));
        }
        page.heading("Your signature will cover");
        let put = |page: &mut Page, word: &str, label: Label, cases: &[CaseId]| {
            for case in cases {
                let mut line = vec![StyledSpan::own(label, format!("{word:<11}"))];
                let id = Sentence::new().id(&case.change).own(" of ").id(&case.plan).own(": ");
                line.extend(spans(Label::Plain, &id));
                let Some((_, change)) = self.find(case) else { return page.para("  ", &line) };
                line.extend(spans(Label::Plain, &change.sentence));
                page.para("  ", &line);
                if !change.rejections.is_empty() {
                    let front = StyledSpan::own(Label::Stop, "    rejected before: ");
                    page.para_from(front, &spans(Label::Plain, &rejected(change)));
                    if self.session.card(case).is_some_and(|card| !card.rejects.is_empty()) && label != Label::Stop {
                        page.para("      ", &[StyledSpan::own(Label::Plain, card::LIFT)]);
                    }
                }
            }
        };
        put(&mut page, "approve", Label::Pass, &summary.approved);
        for decision in &summary.overridden {
            put(&mut page, "override", Label::Stop, std::slice::from_ref(decision.case()));
            page.para("    ", &spans(Label::Plain, &words::overrides(decision)));
        }
        put(&mut page, "reject", Label::Stop, &summary.rejected);
        if !summary.privileged.is_empty() {
            let names = Sentence::new().names(&summary.privileged);
            page.para_from(StyledSpan::own(Label::Stop, "  privileged, by name: "), &spans(Label::Plain, &names));
        }
        if summary.leaves_something() {
            page.heading("It will not decide");
        }
        put(&mut page, "undecided", Label::Warn, &summary.undecided);
        put(&mut page, "automatic", Label::Pass, &summary.automatic);
        self.put_rejected(&mut page, summary);
        if summary.not_asked > 0 {
            let n = u64::try_from(summary.not_asked).unwrap_or(u64::MAX);
            let words = format!("{} skipped: decided before, or not yours to decide", counted(n, "change", "changes"));
            page.para("  ", &[StyledSpan::own(Label::Quiet, words)]);
        }
        page
    }

    /// Changes that other people's rejections or earlier ones block, and that the lines above do not name.
    fn put_rejected(&self, page: &mut Page, summary: &Summary) {
        let overridden = summary.overridden.iter().map(SessionDecision::case);
        let named: BTreeSet<&CaseId> = [&summary.approved, &summary.rejected, &summary.undecided, &summary.automatic]
            .into_iter()
            .flatten()
            .chain(overridden)
            .collect();
        for entry in self.session.contents().iter().filter(|entry| !named.contains(&entry.case)) {
            let Some((_, change)) = self.find(&entry.case).filter(|(_, it)| !it.rejections.is_empty()) else {
                continue;
            };
            let id = Sentence::of("rejected before ").id(&entry.case.change).own(" of ").id(&entry.case.plan).own(": ");
            page.para("  ", &spans(Label::Stop, &id.then(rejected(change))));
        }
    }

    fn note(&self, page: &mut Page) {
        match self.question.note() {
            Some(Note::SetFails(faults)) => {
                page.para_from(
                    StyledSpan::own(Label::Stop, "your approvals are not consistent: "),
                    &[StyledSpan::own(
                        Label::Plain,
                        "go back and withdraw an approval, or decide the change that it depends on",
                    )],
                );
                for fault in faults {
                    page.para("  ", &spans(Label::Plain, &words::fault(fault)));
                }
                page.gap();
            }
            Some(Note::AllFound(narrow)) => {
                let line = Sentence::of("no more changes match ").name(narrow).own("; the filter is removed");
                page.para("", &spans(Label::Note, &line));
                page.gap();
            }
            None => {}
        }
    }
}
