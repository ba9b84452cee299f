//! Finds keys that signed both a record and a review. A recorder may not decide, and a person may not record.
//!
//! It keeps one entry per key, so the check runs in every verification.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::input::finding::{Code, Finding};
use crate::input::id::PrincipalId;
use crate::input::place::Place;
use crate::input::text::Text;
use crate::log::line::{SessionId, SessionKind};
use crate::log::verify::answers::SessionView;

/// The first session of each kind per key.
#[derive(Default)]
pub(super) struct Kinds(BTreeMap<Text, Signed>);

#[derive(Default)]
struct Signed {
    record: Option<First>,
    review: Option<First>,
}

struct First {
    by: PrincipalId,
    session: SessionId,
    file: Arc<str>,
    line: usize,
}

impl Kinds {
    /// Adds a session.
    pub(super) fn take(&mut self, view: &SessionView) {
        let Some(signer) = view.signer.as_ref().or(view.revoked_signer.as_ref()) else { return };
        let both = match self.0.get_mut(&signer.fingerprint) {
            Some(both) => both,
            None => self.0.entry(signer.fingerprint.clone()).or_default(),
        };
        let first = match view.header.kind {
            SessionKind::Record => &mut both.record,
            SessionKind::Review => &mut both.review,
        };
        first.get_or_insert_with(|| First {
            by: signer.principal.clone(),
            session: view.header.session,
            file: Arc::clone(&view.file),
            line: view.line,
        });
    }

    /// A finding for each key that signed both kinds, at its first record.
    pub(super) fn both(&self) -> impl Iterator<Item = Finding> {
        let both = self.0.iter().filter_map(|(key, it)| Some((key, it.record.as_ref()?, it.review.as_ref()?)));
        both.map(|(key, record, review)| {
            let message = format!(
                "the key `{}` signed the record `{}` as `{}` and the review `{}` as `{}`: its records and approvals do not count, except that its exports use up approvals",
                key.raw(),
                record.session,
                record.by.as_str(),
                review.session,
                review.by.as_str()
            );
            let line = u32::try_from(record.line).unwrap_or(u32::MAX);
            let help = "give the recorder a key that no person has and record again; ask for new approvals of what this key approved";
            Finding::new(Code::LogPersonsRecord, message).at(&Place::line(&record.file, line)).help(help)
        })
    }
}
