//! What a later snapshot shows of the subjects of exported changes that no export explains.
//!
//! Compares effective access of these subjects only: the state before, the state that the exports should have led to, and the
//! later one.

use std::collections::BTreeSet;

use crate::access::Index;
use crate::access::model::facts::{Access, AccessDelta};
use crate::access::queries::snapshot_diff::among;
use crate::app::present::log_report::Documents;
use crate::app::site::load::Site;
use crate::decision::digest::{ChangeDocument, Held, SubjectRecord};
use crate::input::digest::{Digest, of};
use crate::input::id::Subject;
use crate::input::time::Time;

/// The three states that are compared.
pub(crate) struct Compared<'c, 's> {
    /// The site.
    pub(crate) site: &'c Site,
    /// The state that the changes were exported from.
    pub(crate) before: &'c Index<'s>,
    /// That state with the exported changes.
    pub(crate) expected: &'c Index<'s>,
    /// The later state.
    pub(crate) later: &'c Index<'s>,
}

/// Access that nobody approved to give, and access that nobody approved to take.
pub(crate) struct Unexplained {
    /// Access that subjects have in addition.
    pub(crate) given: Vec<AccessDelta>,
    /// Access that they lack.
    pub(crate) taken: Vec<AccessDelta>,
}

impl Compared<'_, '_> {
    /// What the approved changes do not explain of the subjects of these changes.
    pub(crate) fn beyond(
        &self,
        changes: &BTreeSet<Digest<of::Change>>,
        documents: &Documents,
        approved: &[&ChangeDocument],
        taken_at: Time,
    ) -> Unexplained {
        let whom: BTreeSet<Subject> =
            changes.iter().filter_map(|digest| documents.get(digest)).flat_map(|it| subjects(it)).collect();
        let data = &self.site.data;
        let found = among(self.expected, self.later, data, &whom).effects;
        // What was there before, and an approved reduction did not take, is missing and not beyond. What was not there
        // before, and an approved grant did not give, is missing too.
        let since = among(self.before, self.later, data, &whom).effects;
        let given = found.gained.into_iter().chain(found.gained_eligible);
        let fresh: Vec<&AccessDelta> = since.gained.iter().chain(&since.gained_eligible).collect();
        let is_given =
            |piece: &AccessDelta| overlaps(self.later, piece, &fresh) && !explained(self.later, piece, approved, false);
        let given = given.filter(|piece| is_given(piece)).collect();
        let gone: Vec<&AccessDelta> = since.lost.iter().collect();
        let has_ended = |piece: &AccessDelta| piece.access.until.is_some_and(|until| until <= taken_at);
        let is_taken =
            |piece: &AccessDelta| overlaps(self.before, piece, &gone) && !explained(self.before, piece, approved, true);
        let taken = found.lost.into_iter().filter(|piece| !has_ended(piece) && is_taken(piece)).collect();
        Unexplained { given, taken }
    }
}

/// Whether a piece overlaps one of these of the same subject.
fn overlaps(state: &Index<'_>, piece: &AccessDelta, all: &[&AccessDelta]) -> bool {
    let both = |one: &Access| state.covers(one, &piece.access) || state.covers(&piece.access, one);
    all.iter().filter(|it| it.subject == piece.subject).any(|it| both(&it.access))
}

/// Whether any export of the log gives a piece, or takes it. What another export gave is approved, however long it stands;
/// `review due` shows when it should end.
fn explained(state: &Index<'_>, piece: &AccessDelta, approved: &[&ChangeDocument], takes: bool) -> bool {
    let lasting = |access: &Access| Access { until: None, ..access.clone() };
    let subject = SubjectRecord::from(&piece.subject);
    let explains =
        |held: &Held| held.subject == subject && state.covers(&lasting(&held.access), &lasting(&piece.access));
    approved.iter().any(|it| if takes { it.losses().any(explains) } else { it.gains().any(explains) })
}

/// The subject of a record.
pub(crate) fn as_subject(subject: &SubjectRecord) -> Subject {
    match subject {
        SubjectRecord::Identity(id) => Subject::Identity(id.clone()),
        SubjectRecord::Group(id) => Subject::Group(id.clone()),
    }
}

/// Whom a change affects.
pub(crate) fn subjects(document: &ChangeDocument) -> impl Iterator<Item = Subject> + '_ {
    let effect = &document.effect;
    let all = effect.gained.iter().chain(&effect.lost).chain(&effect.gained_eligible);
    all.map(|held| as_subject(&held.subject))
}
