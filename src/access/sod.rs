//! Separation of duties: entitlements and accesses that one subject must not hold together.
//!
//! In: pairs, a state and a subject. Out: the pairs of which the subject holds both, through groups, includes and trusts,
//! what can be activated included. Never judges whether a conflict is acceptable.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::access::coverage::scope_covers;
use crate::access::facts::SodConflict;
use crate::access::pattern::id_matches;
use crate::access::reach::Wanted;
use crate::access::view::View;
use crate::access::way::{Leg, Way, path};
use crate::input::digest::Digest;
use crate::input::id::{ResourceId, Subject};
use crate::input::text::Text;

/// The form of `sod.yaml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SodFile {
    pub(super) pairs: Vec<SodPair>,
}

/// Two things that must be apart.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SodPair {
    /// Its stable name.
    pub id: Text,
    /// Why, one sentence.
    pub title: Text,
    /// The source system; none: any.
    #[serde(default)]
    pub system: Option<Text>,
    /// One side.
    pub first: SodSide,
    /// The other.
    pub second: SodSide,
    /// Whether they conflict anywhere, or only where both hold.
    #[serde(default)]
    pub scope: SodScope,
}

/// Where a pair conflicts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SodScope {
    /// Wherever each is held.
    #[default]
    Any,
    /// Only where one scope is or covers the other.
    Same,
}

/// One side of a pair.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum SodSide {
    /// A role, by a pattern of names; included roles count.
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

/// The conflicts that a subject has, sorted by pair and scope.
pub(super) fn conflicts(view: &View<'_, '_>, pairs: &[SodPair], subject: &Subject) -> Vec<SodConflict> {
    let system = &view.index.snapshot().source;
    let mut found = Vec::new();
    for pair in pairs.iter().filter(|p| p.system.as_ref().is_none_or(|s| s == system)) {
        let first = side(view, &pair.first, subject);
        if first.is_empty() {
            continue;
        }
        let second = side(view, &pair.second, subject);
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

/// Where a subject holds a side, each with one way.
fn side(view: &View<'_, '_>, side: &SodSide, subject: &Subject) -> BTreeMap<Option<ResourceId>, Leg> {
    let mut found: BTreeMap<Option<ResourceId>, Leg> = BTreeMap::new();
    let mut hold = |scope: &Option<ResourceId>, way: &Way| {
        if let Some(leg) = way.now.as_ref().or(way.ever.as_ref()) {
            found.entry(scope.clone()).or_insert_with(|| leg.clone());
        }
    };
    for (actor, cap) in view.row(subject).iter() {
        let own = view.own(actor);
        match side {
            SodSide::Role { role } => {
                for holding in &own.holdings {
                    if holding.flat.roles.iter().any(|id| id_matches(role, id.as_str())) {
                        hold(&holding.scope, &cap.then(&holding.way));
                    }
                }
            }
            SodSide::Membership { member_of } => {
                for ((group, below), way) in &own.groups {
                    let member = matches!(group, Subject::Group(id) if id_matches(member_of, id.as_str()));
                    if member {
                        hold(&below.scope, &cap.then(way));
                    }
                }
            }
            SodSide::Access { action, resource } => {
                let wanted = Wanted { action, resource, scope: None };
                for holding in &own.holdings {
                    for allow in holding.flat.overlapping(view.dialect, action, resource) {
                        hold(&holding.scope, &cap.then(&view.unless_denied(&own, holding, allow, &wanted)));
                    }
                }
            }
        }
    }
    found
}

#[derive(Serialize)]
struct Hashed<'h> {
    sod: &'h Text,
    kind: &'static str,
    subject: Text,
    scope: Option<&'h ResourceId>,
}

fn conflict(pair: &SodPair, subject: &Subject, scope: Option<ResourceId>, first: &Leg, second: &Leg) -> SodConflict {
    let hashed = Hashed {
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
