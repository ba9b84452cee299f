//! Separation of duties: entitlements and accesses that one subject must not hold together.
//!
//! Finds the pairs of which a subject holds both sides, through groups, includes and trusts, including access that can
//! be activated. Whether a conflict is acceptable is for policies to decide.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use crate::access::effective::grant::{Grants, Provenance};
use crate::access::effective::holdings::WantedAccess;
use crate::access::effective::reachable::Reachable;
use crate::access::effective::role::{Allow, ResolvedRole};
use crate::access::effective::state::AccessState;
use crate::access::graph::provenance::{ExpiringPath, Validity, length, path};
use crate::access::matching::coverage::scope_covers;
use crate::access::matching::pattern::id_matches;
use crate::access::model::facts::SodConflict;
use crate::input::digest::Digest;
use crate::input::id::{ResourceId, Subject};
use crate::input::system::System;
use crate::input::text::Text;

/// The format of `sod.yaml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SodFile {
    pub(crate) pairs: Vec<SodPair>,
}

/// Two entitlements or accesses that must be separate.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SodPair {
    /// Its stable id.
    pub id: Text,
    /// The reason, in one sentence.
    pub title: Text,
    /// The source system; `None`: any.
    #[serde(default)]
    pub system: Option<System>,
    /// One side.
    pub first: SodSide,
    /// The other.
    pub second: SodSide,
    /// Whether the sides conflict anywhere, or only within one scope.
    #[serde(default)]
    pub scope: SodScope,
}

/// Where a pair conflicts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SodScope {
    /// Regardless of the scopes of the two sides.
    #[default]
    Any,
    /// Only if one scope equals or covers the other.
    Same,
}

/// One side of a pair.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum SodSide {
    /// A role, by a pattern of names. Included roles count.
    Role {
        /// The pattern.
        role: String,
    },
    /// Membership of a group, by a pattern of names.
    Membership {
        /// The pattern.
        member_of: String,
    },
    /// An access that overlaps these patterns.
    Access {
        /// The action pattern.
        action: Text,
        /// The resource pattern.
        resource: Text,
    },
}

/// The access of a subject, by a baseline.
struct Had<'h> {
    subject: &'h Subject,
    row: Rc<Reachable>,
    given: Rc<Grants>,
}

/// The conflicts that a subject has by what it can reach, sorted by pair and scope.
pub(crate) fn conflicts(view: &AccessState<'_, '_>, pairs: &[SodPair], subject: &Subject) -> Vec<SodConflict> {
    of(view, pairs, &Had { subject, row: view.row(subject), given: view.given(subject) })
}

/// The conflicts that it has by its direct holdings.
pub(crate) fn held_conflicts(view: &AccessState<'_, '_>, pairs: &[SodPair], subject: &Subject) -> Vec<SodConflict> {
    let mut row = Reachable::new();
    row.join(subject, &Validity::start());
    of(view, pairs, &Had { subject, row: Rc::new(row), given: Rc::new(Grants::by(subject, &view.own(subject))) })
}

fn of(view: &AccessState<'_, '_>, pairs: &[SodPair], had: &Had<'_>) -> Vec<SodConflict> {
    let subject = had.subject;
    let mut found = Vec::new();
    for pair in pairs.iter().filter(|p| view.systems.may_hold(p.system.as_ref())) {
        let first = side(view, pair, &pair.first, had);
        if first.is_empty() {
            continue;
        }
        let second = side(view, pair, &pair.second, had);
        match pair.scope {
            SodScope::Any => {
                if let (Some(a), Some(b)) = (first.values().next(), second.values().next()) {
                    found.push(conflict(pair, subject, None, a, b));
                }
            }
            SodScope::Same => {
                let mut by_scope = BTreeMap::new();
                for (s, a) in &first {
                    for (t, b) in &second {
                        let narrow = if scope_covers(view, s.as_ref(), t.as_ref()) {
                            t
                        } else if scope_covers(view, t.as_ref(), s.as_ref()) {
                            s
                        } else {
                            continue;
                        };
                        by_scope.entry(narrow.clone()).or_insert((a, b));
                    }
                }
                for (scope, (a, b)) in by_scope {
                    found.push(conflict(pair, subject, scope, a, b));
                }
            }
        }
    }
    found
}

/// Whether any direct holding of an actor belongs to a side of a pair, so that it may cause a conflict.
pub(crate) fn concerns(view: &AccessState<'_, '_>, pairs: &[SodPair], actor: &Subject) -> bool {
    let own = view.own(actor);
    let side = |pair: &SodPair, side: &SodSide| match side {
        SodSide::Membership { member_of } => own.groups.keys().any(|(group, _)| is_named(member_of, group)),
        SodSide::Role { .. } | SodSide::Access { .. } => own.holdings.iter().any(|h| gives(view, pair, side, &h.flat)),
    };
    let mut pairs = pairs.iter().filter(|p| view.systems.may_hold(p.system.as_ref()));
    pairs.any(|pair| side(pair, &pair.first) || side(pair, &pair.second))
}

/// Whether a subject with everything holds both sides of every pair, so that no change can add a conflict for it.
pub(crate) fn all_held_by_administrators(view: &AccessState<'_, '_>, pairs: &[SodPair]) -> bool {
    let access = |side: &SodSide| matches!(side, SodSide::Access { .. });
    let mut pairs = pairs.iter().filter(|p| view.systems.may_hold(p.system.as_ref()));
    pairs.all(|p| access(&p.first) && access(&p.second) && p.scope == SodScope::Any)
}

fn is_named(pattern: &str, group: &Subject) -> bool {
    matches!(group, Subject::Group(id) if id_matches(pattern, id.as_str()))
}

/// Whether a role, at any scope, belongs to a side.
fn gives(view: &AccessState<'_, '_>, pair: &SodPair, side: &SodSide, flat: &ResolvedRole) -> bool {
    match side {
        SodSide::Role { role } => flat.roles.iter().any(|id| id_matches(role, id.as_str())),
        SodSide::Access { action, resource } => {
            !flat.overlapping_places(view.systems, (action, resource, pair.system.as_ref())).is_empty()
        }
        SodSide::Membership { .. } => false,
    }
}

/// The scopes at which a subject holds a side, each with one path: in force before activation, then the shortest.
fn side(
    view: &AccessState<'_, '_>,
    pair: &SodPair,
    side: &SodSide,
    had: &Had<'_>,
) -> BTreeMap<Option<ResourceId>, ExpiringPath> {
    let mut found: BTreeMap<Option<ResourceId>, (bool, usize, ExpiringPath)> = BTreeMap::new();
    let mut hold = |scope: &Option<ResourceId>, later: bool, length: usize, leg: &dyn Fn() -> ExpiringPath| {
        let known = found.get(scope).is_some_and(|(l, n, _)| (*l, *n) <= (later, length));
        if !known {
            found.insert(scope.clone(), (later, length, leg()));
        }
    };
    if let SodSide::Membership { member_of } = side {
        for (actor, cap) in had.row.iter() {
            let own = view.own(actor);
            for ((_, below), way) in own.groups.iter().filter(|((group, _), _)| is_named(member_of, group)) {
                let way = cap.then(way);
                let Some(leg) = way.now.as_ref().or(way.ever.as_ref()) else { continue };
                hold(&below.scope, way.now.is_none(), length(&leg.trail), &|| leg.clone());
            }
        }
    }
    for gift in had.given.of_roles(&|flat| gives(view, pair, side, flat)) {
        let holds = |source: &Provenance| match side {
            SodSide::Role { .. } => Some(None),
            SodSide::Access { action, resource } => {
                let wanted = WantedAccess { action, resource, scope: None, system: pair.system.as_ref() };
                let allows = gift.flat.overlapping(view.systems, wanted.requested());
                let free = |a: &&Allow| !view.is_denied(&gift.denies, gift.scope.as_ref(), a, source.end, &wanted);
                allows.into_iter().filter(free).min_by_key(|a| a.chain.len()).map(Some)
            }
            SodSide::Membership { .. } => None,
        };
        let sources = [(gift.now.as_ref(), false), (gift.ever.as_ref(), true)];
        let best = sources.into_iter().find_map(|(source, later)| Some((source?, later, holds(source?)?)));
        let Some((source, later, allow)) = best else { continue };
        hold(&gift.scope, later, source.length() + allow.map_or(0, |a| a.chain.len()), &|| {
            let leg = source.leg();
            ExpiringPath { end: leg.end, trail: allow.map_or(leg.trail.clone(), |a| a.trail(&leg.trail)) }
        });
    }
    found.into_iter().map(|(scope, (_, _, leg))| (scope, leg)).collect()
}

#[derive(Serialize)]
struct HashedConflict<'h> {
    sod: &'h Text,
    kind: &'static str,
    subject: Text,
    scope: Option<&'h ResourceId>,
}

fn conflict(
    pair: &SodPair,
    subject: &Subject,
    scope: Option<ResourceId>,
    first: &ExpiringPath,
    second: &ExpiringPath,
) -> SodConflict {
    let hashed = HashedConflict {
        sod: &pair.id,
        kind: match subject {
            Subject::Identity(_) => "identity",
            Subject::Group(_) => "group",
        },
        subject: subject.text(),
        scope: scope.as_ref(),
    };
    let digest = Digest::of(&crate::input::canonical::to_bytes(&hashed).unwrap_or_default());
    SodConflict {
        id: pair.id.clone(),
        title: pair.title.clone(),
        subject: subject.clone(),
        scope,
        first: path(&first.trail),
        second: path(&second.trail),
        digest,
    }
}
