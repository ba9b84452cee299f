//! What the log holds of decisions and exports, and which of them still speaks for its person.
//!
//! In: decisions and exports of verified sessions, and which session follows which. Out: supersession, and the order in
//! which things were known. Nothing here asks whether a decision is any good: see [`crate::decision::approval`], [`crate::decision::recorded::rejections`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::decision::case::{CaseId, EvaluatedChange, Signer, StepName};
use crate::decision::digest::ChangeDocument;
use crate::input::digest::{Digest, of};
use crate::input::id::{ChangeId, PlanId, PolicyId};
use crate::input::text::Text;
use crate::input::time::{Span, Time};
use crate::policy::KeyFacts;

/// How many seconds a writer may be ahead of our clock before its times no longer count.
pub const CLOCK_SKEW_SECONDS: i64 = 300;

/// A session of the log, by its id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionRef(Text);

impl SessionRef {
    /// Takes the id as the log writes it.
    pub fn new(id: impl Into<Text>) -> Self {
        Self(id.into())
    }
}

/// Which sessions each session names as parents.
#[derive(Clone, Debug, Default)]
pub struct Sessions {
    parents: BTreeMap<SessionRef, BTreeSet<SessionRef>>,
}

impl Sessions {
    /// Notes a session and its parents.
    pub fn insert(&mut self, session: SessionRef, parents: impl IntoIterator<Item = SessionRef>) {
        self.parents.entry(session).or_default().extend(parents);
    }

    /// Whether `earlier` is an ancestor of `later`: its writer could know it. A session is no ancestor of itself.
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

/// What a recorded decision says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReviewerVerdict {
    /// Do it.
    Approve {
        /// Whether several changes were approved with one answer.
        grouped: bool,
    },
    /// Do not.
    Reject,
    /// Breaks the glass. Fills no step.
    Override {
        /// The policies set aside.
        policies: BTreeSet<PolicyId>,
        /// The rejects that it helps to lift, by their decision lines.
        lifts: BTreeSet<Digest<of::Line>>,
    },
}

/// A decision out of a sealed session of the log.
#[derive(Clone, Debug)]
pub struct RecordedDecision {
    /// The hash of its line.
    pub line: Digest<of::Line>,
    /// Its session.
    pub session: SessionRef,
    /// Its place within the session.
    pub index: u64,
    /// When the session was sealed.
    pub sealed_at: Time,
    /// Who decided, with which key.
    pub signer: Signer,
    /// What the signature of its session shows of that key: whether it was touched, and who touched it.
    pub key: KeyFacts,
    /// The last second at which `allowed_signers` lists that key, if there is one.
    pub listed_until: Option<Time>,
    /// The change, as its plan calls it.
    pub change: ChangeId,
    /// The digest decided on.
    pub digest: Digest<of::Change>,
    /// What the digest was taken of.
    pub document: Arc<ChangeDocument>,
    /// The whole-plan pieces that the person was shown.
    pub emergent: BTreeSet<Digest<of::Piece>>,
    /// What was said.
    pub said: ReviewerVerdict,
    /// The steps that the person was permitted: for an approval those needed, for a reject all.
    pub steps: BTreeSet<StepName>,
    /// Why.
    pub reason: Option<Text>,
}

impl RecordedDecision {
    /// The change that it was said of.
    #[must_use]
    pub fn case(&self) -> CaseId {
        CaseId { plan: self.document.plan.clone(), change: self.change.clone() }
    }

    /// When the key that signed it expired, if it has.
    #[must_use]
    pub fn key_ended(&self, now: Time) -> Option<Time> {
        self.listed_until.filter(|until| now > *until)
    }

    /// Whether its time lies further ahead than clocks may differ.
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
    /// When.
    pub at: Time,
    /// The decision lines that it rested on.
    pub decisions: BTreeSet<Digest<of::Line>>,
}

/// A change that policy let pass without a person, as a recorder sealed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Automatic {
    /// The hash of its line.
    pub line: Digest<of::Line>,
    /// The change's digest then.
    pub digest: Digest<of::Change>,
    /// Its plan.
    pub plan: PlanId,
    /// When the session was sealed.
    pub sealed_at: Time,
    /// The recorder's principal.
    pub recorder: Text,
}

/// Everything that the log says of decisions.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// The decisions of all sessions, each once, in any order.
    pub decisions: Vec<RecordedDecision>,
    /// The exports of all sessions, each once, in any order.
    pub exports: Vec<Exported>,
    /// What recorders sealed of changes that need nobody.
    pub automatic: Vec<Automatic>,
    /// Which session follows which.
    pub sessions: Sessions,
    /// Whether approvals count whose key has expired in `allowed_signers` since (`approvals_of_ended_keys`).
    pub counts_ended_keys: bool,
}

impl Record {
    /// The first record of exactly this change as one that needs nobody. It says what held then: what policy says now is
    /// asked anew.
    #[must_use]
    pub fn auto(&self, present: &EvaluatedChange) -> Option<&Automatic> {
        let same = |auto: &&Automatic| auto.digest == present.digest && auto.plan == present.case.plan;
        self.automatic.iter().filter(same).min_by_key(|auto| (auto.sealed_at, auto.line))
    }

    /// Whether `later` was said knowing `earlier`: in a session that follows, or later in the same.
    #[must_use]
    pub fn knew(&self, later: &RecordedDecision, earlier: &RecordedDecision) -> bool {
        if later.session == earlier.session {
            later.index > earlier.index
        } else {
            self.sessions.precedes(&earlier.session, &later.session)
        }
    }

    /// Whether an export used this decision up. Where the log does not say which came first, it did: an approval counts
    /// after an export only if its person knew of that export.
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
