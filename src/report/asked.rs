//! The answers to access queries about a snapshot, in the form of the report.
//!
//! Rows for the renderers, built from the answers of `access`.

use crate::access::model::facts::{Access, AccessPath, Exception};
use crate::access::queries::who_can::{AccessAnswer, AccessQuery, AccessVerdict};
use crate::input::id::{ResourceId, Subject};
use crate::input::text::Text;
use crate::input::time::Time;
use crate::report::target::TargetReport;

/// The query and its answers.
#[derive(Clone, Debug)]
pub struct AccessReport {
    /// The snapshot, as given by the user.
    pub file: Text,
    /// When it was taken.
    pub taken_at: Time,
    /// The systems that it describes.
    pub targets: Vec<TargetReport>,
    /// The subject of the query; `None`: all subjects that can.
    pub who: Option<Text>,
    /// The action and resource of the query; `None`: everything.
    pub wish: Option<AccessQuery>,
    /// The scope of the query; `None`: anywhere.
    pub scope: Option<ResourceId>,
    /// The answers, sorted by name.
    pub rows: Vec<AccessRow>,
    /// How many accesses of each answer are shown to people. JSON contains all that the answer lists.
    pub shown: usize,
}

/// The answer about one subject.
#[derive(Clone, Debug)]
pub struct AccessRow {
    /// The subject.
    pub subject: Subject,
    /// The verdict.
    pub verdict: AccessVerdict,
    /// The accesses that permit it, best first.
    pub ways: Vec<WayRow>,
    /// The number of further accesses, which are not listed.
    pub more: usize,
    /// The number of accesses that the paths lead to.
    pub accesses: usize,
    /// Whether there are more paths than listed.
    pub is_cut: bool,
    /// The denies and exceptions that prevent it, or part of it.
    pub taken: Vec<Exception>,
    /// The account that does not admit the subject, if only that is missing.
    pub closed: Option<Text>,
}

/// An access, and one path to it.
#[derive(Clone, Debug)]
pub struct WayRow {
    /// Its verdict.
    pub verdict: AccessVerdict,
    /// The access.
    pub access: Access,
    /// Whether something must be activated first.
    pub eligible: bool,
    /// The path.
    pub path: AccessPath,
}

impl From<AccessAnswer> for AccessRow {
    fn from(answer: AccessAnswer) -> Self {
        let way = |(verdict, reached): (AccessVerdict, crate::access::queries::effective_access::ReachableAccess)| {
            WayRow { verdict, access: reached.access, eligible: reached.eligible, path: reached.path }
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
