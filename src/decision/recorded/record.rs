//! The recorded decisions and exports, and which of them are superseded.
//!
//! Built from verified sessions and their order: supersession, and which decision could know of which. Whether a
//! decision counts is decided in [`crate::decision::approval`] and [`crate::decision::recorded::rejections`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::decision::case::{CaseId, EvaluatedChange, Signer, StepName};
use crate::decision::digest::ChangeDocument;
use crate::input::digest::{Digest, of};
use crate::input::id::{ChangeId, PersonId, PlanId, PolicyId};
use crate::input::text::Text;
use crate::input::time::{Span, Time};
use crate::log::line::{Applied, FreezeKind};
use crate::policy::KeyFacts;

/// How many seconds a writer's clock may be ahead of ours before its times no longer count.
pub const CLOCK_SKEW_SECONDS: i64 = 300;

/// A session of the log, by its id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionRef(Text);

impl SessionRef {
    /// From the id in the log.
    pub fn new(id: impl Into<Text>) -> Self {
        Self(id.into())
    }

    /// The id.
    #[must_use]
    pub fn text(&self) -> &Text {
        &self.0
    }
}

/// The parents of each session.
#[derive(Clone, Debug, Default)]
pub struct Sessions {
    parents: BTreeMap<SessionRef, BTreeSet<SessionRef>>,
}

impl Sessions {
    /// Adds a session with its parents.
    pub fn insert(&mut self, session: SessionRef, parents: impl IntoIterator<Item = SessionRef>) {
        self.parents.entry(session).or_default().extend(parents);
    }

    /// Whether `earlier` is an ancestor of `later`, so that its writer could know it. A session is not its own
    /// ancestor.
    #[must_use]
    pub fn precedes(&self, earlier: &SessionRef, later: &SessionRef) -> bool {
        let mut seen = BTreeSet::new();
        let mut open: Vec<&SessionRef> = self.parents.get(later).into_iter().flatten().collect();
        while let Some(session) = open.pop() {
            if session == earlier {
                return earlier != later;
            }
            if seen.insert(session) {
                open.extend(self.parents.get(session).into_iter().flatten());
            }
        }
        false
    }
}

/// The verdict of a recorded decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReviewerVerdict {
    /// Approval.
    Approve {
        /// Whether several changes were approved with one answer.
        grouped: bool,
    },
    /// Rejection.
    Reject,
    /// An override (break glass). Fills no step.
    Override {
        /// The policies overridden.
        policies: BTreeSet<PolicyId>,
        /// The rejections that it helps to lift, by their decision lines.
        lifts: BTreeSet<Digest<of::Line>>,
    },
}

/// A decision from a sealed session of the log.
#[derive(Clone, Debug)]
pub struct RecordedDecision {
    /// The hash of its line.
    pub line: Digest<of::Line>,
    /// Its session.
    pub session: SessionRef,
    /// Its index within the session.
    pub index: u64,
    /// When the session was sealed.
    pub sealed_at: Time,
    /// The person and the key.
    pub signer: Signer,
    /// The facts about the key that the signature of the session proves: whether it was touched, and by whom.
    pub key: KeyFacts,
    /// The last second at which `allowed_signers` lists that key; `None`: no limit.
    pub listed_until: Option<Time>,
    /// The id of the change in its plan.
    pub change: ChangeId,
    /// The approved or rejected digest.
    pub digest: Digest<of::Change>,
    /// The document of the digest.
    pub document: Arc<ChangeDocument>,
    /// The emergent pieces that the person was shown.
    pub emergent: BTreeSet<Digest<of::Piece>>,
    /// The verdict.
    pub said: ReviewerVerdict,
    /// The steps that the person was permitted: for an approval the needed ones, for a rejection all.
    pub steps: BTreeSet<StepName>,
    /// The reason.
    pub reason: Option<Text>,
}

impl RecordedDecision {
    /// The change it decides.
    #[must_use]
    pub fn case(&self) -> CaseId {
        CaseId { plan: self.document.plan.clone(), change: self.change.clone() }
    }

    /// When the key that signed it expired, if it has.
    #[must_use]
    pub fn key_ended(&self, now: Time) -> Option<Time> {
        self.listed_until.filter(|until| now > *until)
    }

    /// Whether its time is further in the future than clocks may differ.
    #[must_use]
    pub fn is_from_future(&self, now: Time) -> bool {
        self.sealed_at > now.plus(Span::from_seconds(CLOCK_SKEW_SECONDS))
    }
}

/// An approved change that was handed to an executor.
#[derive(Clone, Debug)]
pub struct Exported {
    /// The session of the export.
    pub session: SessionRef,
    /// The change exported.
    pub digest: Digest<of::Change>,
    /// Its line, and the change as it was then.
    pub what: ExportedChange,
    /// The time.
    pub at: Time,
    /// The decision lines on which it was based.
    pub decisions: BTreeSet<Digest<of::Line>>,
}

/// The line of the log that says something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinePlace {
    /// Its session.
    pub session: SessionRef,
    /// Its number in the session, from 1.
    pub line: u64,
}

/// The change of an export line.
#[derive(Clone, Debug)]
pub struct ExportedChange {
    /// The hash of the line.
    pub line: Digest<of::Line>,
    /// Its number in the session, from 1.
    pub number: u64,
    /// The id of the change in its plan.
    pub change: ChangeId,
    /// The document of its digest; `None` if the session records none that is valid.
    pub document: Option<Arc<ChangeDocument>>,
}

/// What a signed session of a recorder says about an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportResult {
    /// The hash of its line.
    pub line: Digest<of::Line>,
    /// The line.
    pub place: LinePlace,
    /// The export line.
    pub export: Digest<of::Line>,
    /// What came of it.
    pub outcome: Applied,
    /// When it was recorded.
    pub at: Time,
}

/// A change that policy allowed without a person, as sealed by a recorder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Automatic {
    /// The hash of its line.
    pub line: Digest<of::Line>,
    /// The digest of the change at that time.
    pub digest: Digest<of::Change>,
    /// Its plan.
    pub plan: PlanId,
    /// When the session was sealed.
    pub sealed_at: Time,
    /// The recorder's principal.
    pub recorder: Text,
}

/// A freeze in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedFreeze {
    /// The hash of its line.
    pub line: Digest<of::Line>,
    /// Its session.
    pub session: SessionRef,
    /// The person who froze.
    pub author: PersonId,
    /// When it was written.
    pub at: Time,
    /// When it ends.
    pub until: Time,
    /// What it stops.
    pub kind: FreezeKind,
    /// The id of the agent, task or plan; `None` for everything.
    pub name: Option<Text>,
    /// The credentials of a frozen agent.
    pub proofs: BTreeSet<Text>,
    /// The reason.
    pub reason: Text,
}

/// A person's agreement to end a freeze.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedThaw {
    /// The hash of its line.
    pub line: Digest<of::Line>,
    /// Its session.
    pub session: SessionRef,
    /// The freeze.
    pub freeze: Digest<of::Line>,
    /// The person and the key.
    pub signer: Signer,
    /// The facts about the key that the signature of the session proves.
    pub key: KeyFacts,
    /// When it was written.
    pub at: Time,
    /// What policy permits the person now.
    pub power: ThawPower,
}

/// What policy permits a person about a freeze.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum ThawPower {
    /// Nothing: the thaw does not count.
    #[default]
    None,
    /// To thaw it, together with its author or as its author.
    Thaw,
    /// To override it, together with another person who may.
    Override,
}

/// All decisions in the log.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// The decisions of all sessions, each once, in any order.
    pub decisions: Vec<RecordedDecision>,
    /// The exports of all sessions, each once, in any order.
    pub exports: Vec<Exported>,
    /// The results of exports, in the order of the log.
    pub results: Vec<ExportResult>,
    /// Automatic changes sealed by recorders.
    pub automatic: Vec<Automatic>,
    /// Every freeze, ended or not.
    pub freezes: Vec<RecordedFreeze>,
    /// Every agreement to end a freeze.
    pub thaws: Vec<RecordedThaw>,
    /// The order of the sessions.
    pub sessions: Sessions,
    /// Whether approvals still count after their key has expired in `allowed_signers` (`approvals_of_ended_keys`).
    pub counts_ended_keys: bool,
}

impl Record {
    /// The first record of exactly this change as automatic. It shows the outcome at that time; the current outcome is
    /// evaluated again.
    #[must_use]
    pub fn auto(&self, present: &EvaluatedChange) -> Option<&Automatic> {
        let same = |auto: &&Automatic| auto.digest == present.digest && auto.plan == present.case.plan;
        self.automatic.iter().filter(same).min_by_key(|auto| (auto.sealed_at, auto.line))
    }

    /// Whether `later` was made with knowledge of `earlier`: in a following session, or later in the same one.
    #[must_use]
    pub fn knew(&self, later: &RecordedDecision, earlier: &RecordedDecision) -> bool {
        if later.session == earlier.session {
            later.index > earlier.index
        } else {
            self.sessions.precedes(&earlier.session, &later.session)
        }
    }

    /// Whether an export used this decision. If the log does not show the order, the export is assumed to be later: an
    /// approval counts after an export only if its person knew of that export.
    #[must_use]
    pub fn is_spent(&self, decision: &RecordedDecision) -> bool {
        self.exports.iter().any(|export| {
            export.decisions.contains(&decision.line)
                || export.digest == decision.digest && !self.sessions.precedes(&export.session, &decision.session)
        })
    }
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
