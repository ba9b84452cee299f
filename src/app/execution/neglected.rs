//! Identities and credentials that nobody looks after, as a snapshot shows them at a time.
//!
//! Lists active identities that hold something and have no owner or were not used for `stale_after`, and credentials that have
//! ended, are older than `max_credential_ttl`, or whose age is not known. People need no owner.

use std::collections::BTreeSet;

use crate::input::entitlement::IdentityKind;
use crate::input::text::Text;
use crate::input::time::{Span, Time};
use crate::report::sheet::{Cell, Sheet};
use crate::snapshot::model::{Credential, Identity, Snapshot, Status};

/// The limits of the site.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NeglectLimits {
    /// How long an identity may be unused.
    pub(crate) stale_after: Span,
    /// How old a credential may be.
    pub(crate) max_credential_ttl: Span,
}

/// The identities that nobody looks after.
pub(crate) fn identities(snapshot: &Snapshot, limits: NeglectLimits, at: Time) -> Sheet {
    let mut holding: BTreeSet<&str> = snapshot.assignments.iter().map(|it| it.who.raw()).collect();
    holding.extend(snapshot.groups.iter().flat_map(|group| group.members.iter().map(crate::input::id::Id::as_str)));
    holding.extend(snapshot.trusts.iter().map(|trust| trust.from.raw()));
    holding.extend(snapshot.credentials.iter().map(|it| it.identity.as_str()));
    let mut rows = Vec::new();
    for it in snapshot.identities.iter().filter(|it| it.status == Status::Active && holding.contains(it.id.as_str())) {
        let mut why = Vec::new();
        if it.owner.is_none() && needs_owner(it) {
            why.push("no owner");
        }
        if it.last_used.is_some_and(|used| used.plus(limits.stale_after) <= at) {
            why.push("not used");
        }
        rows.extend(why.into_iter().map(|why| {
            vec![Cell::Text(it.id.text()), Cell::Word(it.kind.name()), Cell::Word(why), Cell::at(it.last_used)]
        }));
    }
    Sheet {
        key: "neglected_identities",
        title: "Identities without an owner, or not used for `stale_after`",
        columns: &[("identity", "identity"), ("kind", "kind"), ("why", "why"), ("last_used", "last used")],
        rows,
        none: "none",
    }
}

fn needs_owner(identity: &Identity) -> bool {
    match identity.kind {
        IdentityKind::ServiceAccount | IdentityKind::Workload | IdentityKind::Agent | IdentityKind::Device => true,
        IdentityKind::Human | IdentityKind::Public => false,
    }
}

/// The credentials that should have been rotated.
pub(crate) fn credentials(snapshot: &Snapshot, limits: NeglectLimits, at: Time) -> Sheet {
    let why = |it: &Credential| match (it.until, it.issued_at) {
        (Some(until), _) if until <= at => Some("it has ended"),
        (_, Some(issued)) if issued.plus(limits.max_credential_ttl) <= at => Some("older than `max_credential_ttl`"),
        (None, None) => Some("neither its age nor its end is known"),
        (_, _) => None,
    };
    let row = |it: &Credential| {
        let why = why(it)?;
        Some(vec![
            Cell::Text(it.id.text()),
            Cell::Text(it.identity.text()),
            Cell::Text(Text::from(it.kind.raw())),
            Cell::Word(why),
            Cell::at(it.issued_at),
            Cell::at(it.until),
        ])
    };
    Sheet {
        key: "unrotated_credentials",
        title: "Credentials that should have been rotated",
        columns: &[
            ("credential", "credential"),
            ("identity", "of"),
            ("kind", "kind"),
            ("why", "why"),
            ("issued_at", "issued"),
            ("until", "ends"),
        ],
        rows: snapshot.credentials.iter().filter_map(row).collect(),
        none: "none",
    }
}
