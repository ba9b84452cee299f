//! The report's answers to questions about a snapshot: who can do what, and through what.
//!
//! In: the answers of `access`. Out: rows that the renderers show. Decides nothing.

use crate::access::model::facts::{Access, AccessPath, Exception};
use crate::access::queries::who_can::{AccessAnswer, AccessQuery, AccessVerdict};
use crate::input::id::{ResourceId, Subject};
use crate::input::text::Text;
use crate::input::time::Time;
use crate::report::target::TargetReport;

/// What was asked, and the answers.
#[derive(Clone, Debug)]
pub struct AccessReport {
    /// The snapshot, as the user named it.
    pub file: Text,
    /// When it was taken.
    pub taken_at: Time,
    /// The systems that it describes.
    pub targets: Vec<TargetReport>,
    /// Whom it was asked about; none: who can.
    pub who: Option<Text>,
    /// What was asked for; none: everything.
    pub wish: Option<AccessQuery>,
    /// Below which resource it was asked about; none: anywhere.
    pub scope: Option<ResourceId>,
    /// The answers, sorted by name.
    pub rows: Vec<AccessRow>,
    /// How many accesses of each answer are shown to people; JSON holds all that the answer lists.
    pub shown: usize,
}

/// The answer about one subject.
#[derive(Clone, Debug)]
pub struct AccessRow {
    /// Who.
    pub subject: Subject,
    /// Whether.
    pub verdict: AccessVerdict,
    /// Through what, best first.
    pub ways: Vec<WayRow>,
    /// How many accesses more, which are not listed.
    pub more: usize,
    /// How many accesses they lead to.
    pub accesses: usize,
    /// There are more paths than stand here.
    pub is_cut: bool,
    /// What takes it, or part of it.
    pub taken: Vec<Exception>,
    /// The account that does not let the subject in, where only that is missing.
    pub closed: Option<Text>,
}

/// An access, and one way to it.
#[derive(Clone, Debug)]
pub struct WayRow {
    /// How it answers.
    pub verdict: AccessVerdict,
    /// What access.
    pub access: Access,
    /// Whether something must be activated first.
    pub eligible: bool,
    /// The way.
    pub path: AccessPath,
}

impl From<AccessAnswer> for AccessRow {
    fn from(answer: AccessAnswer) -> Self {
        let way = |(verdict, reached): (AccessVerdict, crate::access::queries::effective_access::Reached)| WayRow {
            verdict,
            access: reached.access,
            eligible: reached.eligible,
            path: reached.path,
        };
        Self {
            subject: answer.subject,
            verdict: answer.verdict,
            accesses: answer.ways.len(),
            is_cut: false,
            ways: answer.ways.into_iter().map(way).collect(),
            more: answer.more,
            taken: answer.taken,
            closed: answer.closed,
        }
    }
}
