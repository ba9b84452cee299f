//! Access that a baseline records as inherited from before the log: assignments and memberships of a snapshot, by digest.
//!
//! A baseline covers exactly the access it records: with another scope, mode or end it is other access. It counts only for
//! a snapshot of the same targets. The source of the digests is `src/log/README.md`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::access::queries::privileged::{RatedHolding, privileged};
use crate::access::{Data, Index};
use crate::app::audit::audited_log::AuditedLog;
use crate::app::record::entries;
use crate::input::canonical;
use crate::input::digest::{Digest, of};
use crate::input::entitlement::Mode;
use crate::input::id::{GroupId, Id};
use crate::input::text::Text;
use crate::input::time::Time;
use crate::log::line::{Line, SessionKind, Value};
use crate::log::verify::answers::SessionView;
use crate::snapshot::model::{Assignment, Snapshot};

/// One assignment or membership, in the form that is hashed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct InheritedAccess {
    /// `role` or `membership`.
    pub(crate) holds: &'static str,
    /// The mode.
    pub(crate) mode: &'static str,
    /// The scope; absent: everywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scope: Option<Text>,
    /// When it expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<Time>,
    /// The role or group.
    pub(crate) what: Text,
    /// The identity or group.
    pub(crate) who: Text,
}

impl InheritedAccess {
    /// That of an assignment; `None` if it gives neither a role nor a membership.
    pub(crate) fn of(it: &Assignment) -> Option<Self> {
        let (holds, what) = match (&it.role, &it.member_of) {
            (Some(role), _) => ("role", role.text()),
            (None, Some(group)) => ("membership", group.text()),
            (None, None) => return None,
        };
        let scope = it.scope.as_ref().map(Id::text);
        Some(Self { holds, mode: it.mode.name(), scope, until: it.until, what, who: it.who.clone() })
    }

    /// Those that the groups of a snapshot list as members.
    pub(crate) fn listed(snapshot: &Snapshot) -> impl Iterator<Item = (&GroupId, Self)> {
        snapshot.groups.iter().flat_map(|group| {
            let members = group.members.iter().map(Id::text).chain(group.nested.iter().map(Id::text));
            members.map(|who| {
                let (what, mode) = (group.id.text(), Mode::Standing.name());
                (&group.id, Self { holds: "membership", mode, scope: None, until: None, what, who })
            })
        })
    }

    /// Its hash, by which the log names it.
    pub(crate) fn digest(&self) -> Option<Digest<of::Access>> {
        canonical::to_bytes(self).ok().map(|bytes| Digest::of(&bytes))
    }
}

/// An assignment or listed membership of a snapshot.
#[derive(Clone, Debug)]
pub(crate) struct RatedAccess<'s> {
    /// The access.
    pub(crate) access: InheritedAccess,
    /// The assignment; `None`: a group lists the member.
    pub(crate) assignment: Option<&'s Assignment>,
    /// Whether it is privileged, or unclassified.
    pub(crate) is_privileged: bool,
}

/// Every assignment and listed membership of a snapshot, in its order.
pub(crate) fn rated<'s>(snapshot: &'s Snapshot, data: &Data) -> Vec<RatedAccess<'s>> {
    let mut all: Vec<(RatedHolding<'_>, InheritedAccess, Option<&Assignment>)> = Vec::new();
    for it in &snapshot.assignments {
        let held = match (&it.role, &it.member_of) {
            (Some(role), _) => RatedHolding::Role(role, it.scope.as_ref()),
            (None, Some(group)) => RatedHolding::Membership(group),
            (None, None) => continue,
        };
        all.extend(InheritedAccess::of(it).map(|access| (held, access, Some(it))));
    }
    let listed = InheritedAccess::listed(snapshot);
    all.extend(listed.map(|(group, access)| (RatedHolding::Membership(group), access, None)));
    let rated = privileged(&Index::new(snapshot), data, all.iter().map(|(held, ..)| *held));
    let of = |((_, access, assignment), is_privileged)| RatedAccess { access, assignment, is_privileged };
    all.into_iter().zip(rated).map(of).collect()
}

/// The digests of a baseline, each list sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InheritedDigests {
    /// Of privileged access.
    pub(crate) privileged: BTreeSet<Digest<of::Access>>,
    /// Of other access.
    pub(crate) standard: BTreeSet<Digest<of::Access>>,
}

impl InheritedDigests {
    /// The digests of the access in a snapshot.
    pub(crate) fn of(snapshot: &Snapshot, data: &Data) -> Self {
        let mut out = Self::default();
        for it in rated(snapshot, data) {
            let list = if it.is_privileged { &mut out.privileged } else { &mut out.standard };
            list.extend(it.access.digest());
        }
        out
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.privileged.len().saturating_add(self.standard.len())
    }
}

/// The baselines that people withdrew. A withdrawal counts whether or not policy still permits it, because it only restricts.
pub(crate) fn withdrawn(sessions: &[SessionView]) -> BTreeSet<Digest<of::Line>> {
    let signed = sessions.iter().filter(|view| view.signer.is_some() && view.header.kind == SessionKind::Review);
    let lines = signed.flat_map(|view| &view.lines).filter_map(|line| {
        let Line::Withdrawal(it) = &line.value else { return None };
        Some(it.baseline)
    });
    lines.collect()
}

/// Until when the baselines of a log cover access.
#[derive(Clone, Debug, Default)]
pub(crate) struct Baselines(BTreeMap<Digest<of::Access>, Time>);

impl Baselines {
    /// Those that people signed about the targets of a snapshot, in sessions that `counts` accepts. A baseline whose
    /// digests cannot be read or are not as many as it says covers nothing.
    pub(crate) fn read(log: &AuditedLog<'_>, snapshot: &Snapshot, counts: &dyn Fn(&SessionView) -> bool) -> Self {
        let targets = entries::targets(snapshot);
        let withdrawn = withdrawn(&log.verified.sessions);
        let mut ends: BTreeMap<Digest<of::Access>, Time> = BTreeMap::new();
        for view in &log.verified.sessions {
            let mut lines = view.lines.iter().filter_map(|line| {
                let Line::Baseline(it) = &line.value else { return None };
                (it.snapshot.targets == targets && !withdrawn.contains(&line.digest)).then_some(it)
            });
            let Some(first) = lines.next() else { continue };
            if view.signer.is_none() || view.header.kind != SessionKind::Review || !counts(view) {
                continue;
            }
            for it in std::iter::once(first).chain(lines) {
                let bytes = match &it.access {
                    Value::Inline(text) => text.raw().as_bytes(),
                    Value::Blob(digest) => log.values.get(digest).unwrap_or_default(),
                };
                let Ok(digests) = serde_json::from_slice::<InheritedDigests>(bytes) else { continue };
                if digests.count() as u64 != it.count.get() {
                    continue;
                }
                let listed = digests.privileged.into_iter().map(|digest| (digest, it.until_privileged));
                for (digest, until) in listed.chain(digests.standard.into_iter().map(|digest| (digest, it.until))) {
                    let end = ends.entry(digest).or_insert(until);
                    *end = until.max(*end);
                }
            }
        }
        Self(ends)
    }

    /// Until when a baseline covers an access; `None` if none ever did.
    pub(crate) fn end(&self, access: &InheritedAccess) -> Option<Time> {
        self.0.get(&access.digest()?).copied()
    }
}
