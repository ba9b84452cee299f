//! Unfinished reviews: the journals next to the log, with their authors and decisions.
//!
//! Reads each journal and, if it is readable, its plans and decisions, without changing anything. A journal is not a
//! trusted record: its contents are shown to the person again before they count.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::app::io::command_error::{CommandError, hinted};
use crate::app::io::files::shown;
use crate::decision::case::CaseId;
use crate::decision::session::{Journalled, JournalledVerdict, Part, ShownCard};
use crate::input::digest::{Digest, of};
use crate::input::id::{PersonId, PlanId};
use crate::input::text::Text;
use crate::log::blob::Values;
use crate::log::line::{self, Line, LogId, Session, Verdict};
use crate::log::session::Draft;
use crate::log::store::{JournalState, Store, StoreError};
use crate::log::verify::answers::Terms;

/// A plan of an unfinished review.
#[derive(Clone, Debug)]
pub struct LeftPlan {
    /// Its id.
    pub id: PlanId,
    /// Its file, as the person named it at that time.
    pub name: Option<Text>,
}

/// The readable contents of a journal.
#[derive(Default)]
pub struct JournalContents {
    /// Its plans.
    pub plans: Vec<LeftPlan>,
    /// Its decisions, in order.
    pub decisions: Vec<line::Decision>,
    /// Its long values.
    pub values: Values,
}

/// A journal next to the log.
pub struct Left {
    /// Its path.
    pub path: PathBuf,
    /// Its state.
    pub standing: JournalState,
    /// The person who began it, and the time; `None` if its first line cannot be read.
    pub header: Option<Session>,
    /// Its contents, or why they cannot be read.
    pub held: Result<JournalContents, String>,
}

/// Every journal next to the log, including those of other logs.
///
/// # Errors
/// If the folder cannot be listed or a journal cannot be read.
pub fn find(store: &Store, log: LogId, known: &BTreeSet<Digest<of::Blob>>) -> Result<Vec<Left>, StoreError> {
    let views = store.journals(Some(log))?;
    Ok(views
        .into_iter()
        .map(|view| Left {
            held: read(&view.bytes, known),
            path: view.path,
            standing: view.standing,
            header: view.header,
        })
        .collect())
}

fn read(bytes: &[u8], known: &BTreeSet<Digest<of::Blob>>) -> Result<JournalContents, String> {
    let (_, lines, used) = Draft::resume(bytes, known.clone()).map_err(|e| e.to_string())?;
    let mut held = JournalContents::default();
    for line in lines {
        match line {
            Line::Plan(plan) => held.plans.push(LeftPlan { id: plan.id, name: plan.name }),
            Line::Decision(decision) => held.decisions.push(*decision),
            Line::Session(_)
            | Line::Blob(_)
            | Line::Policies(_)
            | Line::Evaluation(_)
            | Line::Freeze(_)
            | Line::Thaw(_)
            | Line::Baseline(_)
            | Line::Recertification(_)
            | Line::Withdrawal(_)
            | Line::Auto(_)
            | Line::Export(_)
            | Line::Result(_)
            | Line::Seal(_)
            | Line::Sig(_) => {}
        }
    }
    held.values.take_lines(bytes.get(..used).unwrap_or_default());
    Ok(held)
}

impl Left {
    /// Whether this person began it.
    #[must_use]
    pub fn is_of(&self, person: &PersonId) -> bool {
        self.header.as_ref().is_some_and(|header| header.writer.person.as_ref() == Some(person))
    }

    /// Whether it can be resumed: started, readable, and not locked by a process.
    #[must_use]
    pub fn can_go_on(&self) -> bool {
        self.standing == JournalState::Begun && self.held.is_ok()
    }

    /// Whether it includes any of these plans.
    #[must_use]
    pub fn is_about<'p>(&self, mut plans: impl Iterator<Item = &'p PlanId>) -> bool {
        self.held.as_ref().is_ok_and(|held| plans.any(|plan| held.plans.iter().any(|p| p.id == *plan)))
    }

    /// Its state and the possible actions, as two phrases.
    #[must_use]
    pub fn says(&self) -> (String, &'static str) {
        let by = self.header.as_ref().map_or_else(String::new, |header| {
            let who = header
                .writer
                .person
                .as_ref()
                .map_or_else(|| header.writer.principal.text(), crate::input::id::Id::text);
            format!(" of {}, begun at {}", who.terminal(), header.at)
        });
        let what = match &self.held {
            Ok(held) => {
                let plans: Vec<String> = held.plans.iter().map(|p| p.id.text().terminal()).collect();
                format!("{} of {}", decisions(held.decisions.len()), listed(&plans))
            }
            Err(_) => "nothing readable".to_owned(),
        };
        match (&self.standing, &self.held) {
            (JournalState::InUse, _) => (format!("a review{by} is running: {what}"), "end it, or wait for it"),
            (JournalState::Whole, _) => {
                (format!("a signed session{by} has not been appended to the log yet"), "`review resume` adds it")
            }
            (JournalState::Begun, Ok(_)) => (
                format!("an unfinished review{by}: {what}"),
                "`review resume` continues it; `review resume --give-up` discards it",
            ),
            (JournalState::Begun, Err(why)) => (
                format!("the journal{by} was altered, or is damaged: {why}"),
                "it cannot be resumed; keep a copy to find out why, and discard it with `review resume --give-up`",
            ),
            (JournalState::Empty, _) => {
                ("an unfinished review without decisions".to_owned(), "`review resume` removes it")
            }
            (JournalState::OtherLog(other), _) => (
                format!("a journal of another log ({other}){by}"),
                "resume it in the trust folder whose `log_id` is that log",
            ),
            (JournalState::Unreadable(why), _) => (
                format!("a journal that this version cannot read: {}", why.terminal()),
                "resume it with the version that wrote it, or discard it with `review resume --give-up`",
            ),
        }
    }

    /// The lines of a message about it.
    #[must_use]
    pub fn message(&self) -> String {
        let error = self.error();
        format!("{error}\n  = help: {}", error.help().unwrap_or_default())
    }

    /// It, as the reason why a command cannot go on.
    #[must_use]
    pub fn error(&self) -> CommandError {
        let (what, help) = self.says();
        hinted(format!("{}: {what}", shown(&self.path)), help)
    }
}

fn decisions(n: usize) -> String {
    if n == 1 { "1 decision".to_owned() } else { format!("{n} decisions") }
}

fn listed(names: &[String]) -> String {
    match names {
        [] => "no plan".to_owned(),
        [one] => one.clone(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    }
}

/// Appends every sealed and signed session in a journal to the log, and removes journals without decisions. Returns a
/// sentence for each.
///
/// # Errors
/// If a session cannot be appended; its journal is kept.
pub fn settle(store: &Store, log: LogId, terms: Terms<'_>) -> anyhow::Result<Vec<String>> {
    let mut done = Vec::new();
    for view in store.journals(Some(log))? {
        match view.standing {
            JournalState::Whole => {
                store.finish(&view.path, terms).map_err(|e| failed(&view.path, &e))?;
                done.push("a session that was signed earlier was appended to the log".to_owned());
            }
            JournalState::Empty => {
                // WHY: another process may just be creating it. Then that process holds the lock, and the journal is
                // left alone.
                if store.give_up(&view.path).is_ok() {
                    done.push("an unfinished review without decisions was removed".to_owned());
                }
            }
            JournalState::InUse | JournalState::Begun | JournalState::OtherLog(_) | JournalState::Unreadable(_) => {}
        }
    }
    Ok(done)
}

fn failed(path: &Path, error: &StoreError) -> anyhow::Error {
    hinted(format!("{error}; the journal is `{}`", shown(path)), error.help()).into()
}

fn shown_then(shown: line::Shown) -> ShownCard {
    let size = |n: line::Number| usize::try_from(n.get()).unwrap_or(usize::MAX);
    let part = |seen: line::Seen| Part::new(size(seen.seen), size(seen.of));
    ShownCard { groups: part(shown.groups), lines: part(shown.lines) }
}

/// The decisions of a journal, in the types of the session that resumes it.
#[must_use]
pub fn journalled(decisions: &[line::Decision]) -> Vec<Journalled> {
    decisions
        .iter()
        .map(|it| Journalled {
            case: CaseId { plan: it.plan.clone(), change: it.change.clone() },
            digest: it.digest,
            emergent: it.emergent.iter().copied().collect(),
            verdict: match it.verdict {
                Verdict::Approve => JournalledVerdict::Approve {
                    grouped: it.grouped.map(|n| usize::try_from(n.get()).unwrap_or(usize::MAX)),
                    shown: shown_then(it.shown),
                },
                Verdict::Reject => JournalledVerdict::Reject {
                    reason: it.reason.clone().unwrap_or_default(),
                    shown: shown_then(it.shown),
                },
                Verdict::Override => JournalledVerdict::Override {
                    policies: it.set_aside.iter().cloned().collect(),
                    lifts: it.lifts.iter().copied().collect(),
                    reason: it.reason.clone().unwrap_or_default(),
                },
            },
        })
        .collect()
}
