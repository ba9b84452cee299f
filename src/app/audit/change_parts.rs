//! The parts of a recorded change that reports list: subject, entitlement, scope, mode and end.

use crate::decision::digest::{ChangeDocument, SubjectRecord};
use crate::decision::fields::{Field, Fields};
use crate::input::text::Text;
use crate::input::time::{Span, Time};

/// What a change is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ChangeParts {
    /// The identity or group.
    pub(crate) subject: Option<Text>,
    /// Whether the subject is a group.
    pub(crate) is_group: bool,
    /// The role, group or other object.
    pub(crate) entitlement: Option<Text>,
    /// Whether the entitlement is the membership of a group.
    pub(crate) is_membership: bool,
    /// The scope.
    pub(crate) scope: Option<Text>,
    /// The mode, if the change states one.
    pub(crate) mode: Option<Text>,
    /// The end, as a time.
    pub(crate) until: Option<Time>,
    /// The end, as a duration after the change is applied.
    pub(crate) ttl: Option<Span>,
}

/// What a grant gives and a revocation takes: subject, entitlement, scope.
pub(crate) type AccessKey = (Text, Text, Option<Text>);

impl ChangeParts {
    /// Takes them from the typed fields.
    pub(crate) fn of(document: &ChangeDocument) -> Self {
        let fields = &document.fields;
        let any = |names: &[&str]| names.iter().find_map(|name| text(fields, name));
        let is_trust = text(fields, "trust").is_some() && text(fields, "from").is_some();
        let (subject, entitlement) = if is_trust {
            (text(fields, "from"), text(fields, "to"))
        } else {
            (
                any(&["to", "identity", "group"]),
                any(&["role", "member_of", "credential", "trust", "resource", "finding"]),
            )
        };
        Self {
            is_group: subject.as_ref().is_some_and(|it| is_group(document, it)),
            subject,
            entitlement,
            is_membership: text(fields, "member_of").is_some(),
            scope: text(fields, "scope"),
            mode: text(fields, "mode"),
            until: text(fields, "until").and_then(|it| Time::parse(it.raw())),
            ttl: match fields.get("ttl") {
                Some(Field::Seconds(seconds)) => Some(Span::from_seconds(*seconds)),
                Some(Field::Text(_) | Field::List(_) | Field::Map(_)) | None => None,
            },
        }
    }

    /// The access that a grant, adjustment or revocation is about.
    pub(crate) fn key(&self) -> Option<AccessKey> {
        Some((self.subject.clone()?, self.entitlement.clone()?, self.scope.clone()))
    }

    /// The end as reports show it.
    pub(crate) fn end_shown(&self) -> Option<Text> {
        let ttl = self.ttl.map(|span| format!("{span} after it is applied"));
        self.until.map(|at| at.to_string()).or(ttl).map(Text::from)
    }

    /// When the access ends, if it was applied at this time.
    pub(crate) fn end(&self, applied: Option<Time>) -> Option<Time> {
        self.until.or_else(|| Some(applied?.plus(self.ttl?)))
    }
}

fn text(fields: &Fields, name: &str) -> Option<Text> {
    match fields.get(name) {
        Some(Field::Text(text)) => Some(text.clone()),
        Some(Field::Seconds(_) | Field::List(_) | Field::Map(_)) | None => None,
    }
}

/// Whether the effect has a group of this name and no identity.
fn is_group(document: &ChangeDocument, name: &Text) -> bool {
    let effect = &document.effect;
    let mut found = false;
    for held in effect.gained.iter().chain(&effect.lost).chain(&effect.gained_eligible) {
        match &held.subject {
            SubjectRecord::Identity(id) if id.as_str() == name.raw() => return false,
            SubjectRecord::Group(id) if id.as_str() == name.raw() => found = true,
            SubjectRecord::Identity(_) | SubjectRecord::Group(_) => {}
        }
    }
    found || document.fields.get("group").is_some()
}
