//! Access that people recertified, by digest: kept until a time, or to be revoked or changed.
//!
//! The last answer about an access counts. It is about exactly that access, and only for a snapshot of the same targets.

use std::collections::BTreeMap;

use crate::app::audit::audited_log::AuditedLog;
use crate::app::audit::inherited::InheritedAccess;
use crate::app::record::entries;
use crate::input::digest::{Digest, of};
use crate::input::time::Time;
use crate::log::line::{Line, RecertificationAnswer, RecertifiedAccess, SessionKind, Value};
use crate::log::verify::answers::SessionView;
use crate::snapshot::model::Snapshot;

/// The last answer about an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LastAnswer {
    /// When it was given.
    pub(crate) at: Time,
    /// Until when the access is kept; otherwise `at`.
    pub(crate) until: Time,
    /// The answer.
    pub(crate) answer: RecertificationAnswer,
}

impl LastAnswer {
    /// Until when the access is kept; `None` if it is not.
    pub(crate) fn kept_until(self) -> Option<Time> {
        (self.answer == RecertificationAnswer::Keep).then_some(self.until)
    }
}

/// The last answers of a log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recertified(BTreeMap<Digest<of::Access>, LastAnswer>);

impl Recertified {
    /// Those that people signed about the targets of a snapshot, where `counts` accepts the session and the access.
    pub(crate) fn read(
        log: &AuditedLog<'_>,
        snapshot: &Snapshot,
        counts: &mut dyn FnMut(&SessionView, &RecertifiedAccess) -> bool,
    ) -> Self {
        let targets = entries::targets(snapshot);
        let mut last: BTreeMap<Digest<of::Access>, LastAnswer> = BTreeMap::new();
        for view in &log.verified.sessions {
            if view.signer.is_none() || view.header.kind != SessionKind::Review {
                continue;
            }
            for line in &view.lines {
                let Line::Recertification(it) = &line.value else { continue };
                let (Value::Inline(text), Some(access)) = (&it.access, it.described()) else { continue };
                if it.snapshot.targets != targets || !counts(view, &access) {
                    continue;
                }
                let answer = LastAnswer { at: it.at, until: it.until.unwrap_or(it.at), answer: it.answer };
                let slot = last.entry(Digest::of(text.raw().as_bytes())).or_insert(answer);
                // WHY: of two answers at the same time, one that keeps nothing is the safe side.
                let is_safer = it.answer != RecertificationAnswer::Keep || slot.at < it.at;
                if it.at >= slot.at && is_safer {
                    *slot = answer;
                }
            }
        }
        Self(last)
    }

    /// The last answer about an access.
    pub(crate) fn last(&self, access: &InheritedAccess) -> Option<LastAnswer> {
        self.0.get(&access.digest()?).copied()
    }
}
