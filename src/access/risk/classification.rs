//! Classification: how much harm an access, a role can do, and whether it is privileged.
//!
//! In: rules (patterns over system, role, action, resource), an access or a role. Out: the highest sensitivity and the
//! reasons. Errs upward: an access that only overlaps a rule holds what the rule names. A role of which nothing is known
//! is critical and privileged.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use serde::Deserialize;

use crate::access::effective::role::ResolvedRole;
use crate::access::effective::state::{AccessState, RoleState};
use crate::access::matching::coverage::{Surely, scope_covers};
use crate::access::matching::pattern::id_matches;
use crate::access::model::facts::Exception;
use crate::input::entitlement::{Permission, Sensitivity};
use crate::input::id::{ResourceId, RoleId};
use crate::input::text::Text;
use crate::snapshot::model::UNRESOLVED;

/// The classification, in the order of its files.
#[derive(Clone, Debug, Default)]
pub struct Classification {
    /// Its rules; all that match count.
    pub rules: Vec<ClassificationRule>,
}

/// The form of `classification.yaml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClassificationFile {
    pub(crate) rules: Vec<ClassificationRule>,
}

/// How an access must meet a rule's patterns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meets {
    /// They share something: the access holds some of what the rule names.
    #[default]
    Overlaps,
    /// The access covers the patterns: it holds all that the rule names. For rules about wildcards themselves.
    Covers,
}

/// One rule.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassificationRule {
    /// The source system; none: any.
    #[serde(default)]
    pub system: Option<Text>,
    /// A pattern of role names; alone, it is about the role whatever it holds.
    #[serde(default)]
    pub role: Option<String>,
    /// The action pattern; none: any.
    #[serde(default)]
    pub action: Option<Text>,
    /// The resource pattern; none: any.
    #[serde(default)]
    pub resource: Option<Text>,
    /// How an access must meet the patterns.
    #[serde(default)]
    pub meets: Meets,
    /// How much harm it can do.
    pub sensitivity: Sensitivity,
    /// Whether it is privileged.
    #[serde(default)]
    pub privileged: bool,
    /// Why, one clause.
    pub reason: Text,
    /// Where that is documented.
    pub source: Text,
}

/// What the classification says of something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rating {
    pub(crate) sensitivity: Sensitivity,
    /// Why it is privileged, if it is.
    pub(crate) privileged: Option<Text>,
}

impl Rating {
    /// Takes the higher sensitivity; the reason of the more sensitive one, else the first.
    pub(crate) fn raise(&mut self, other: &Self) {
        if self.privileged.is_none() || (other.privileged.is_some() && other.sensitivity > self.sensitivity) {
            self.privileged.clone_from(&other.privileged);
        }
        self.sensitivity = self.sensitivity.max(other.sensitivity);
    }
}

type KnownRoles = BTreeMap<(RoleId, usize), (Rc<ResolvedRole>, Rating)>;

/// Applies a classification to one system, remembering what it said.
#[derive(Debug)]
pub(crate) struct Classifier<'c> {
    rules: Vec<&'c ClassificationRule>,
    known: RefCell<BTreeMap<(RoleId, Permission), Rating>>,
    /// By the flattened role's address; the role is kept, so that no other takes its address.
    roles: RefCell<KnownRoles>,
}

impl<'c> Classifier<'c> {
    pub(crate) fn new(classification: &'c Classification, system: &Text) -> Self {
        let applies = |rule: &&ClassificationRule| rule.system.as_ref().is_none_or(|s| s == system);
        Self {
            rules: classification.rules.iter().filter(applies).collect(),
            known: RefCell::default(),
            roles: RefCell::default(),
        }
    }

    /// A permission that a role gives, less its exceptions.
    pub(crate) fn permission(
        &self,
        view: &AccessState<'_, '_>,
        role: &RoleId,
        permission: &Permission,
        scope: Option<&ResourceId>,
        exceptions: &[Exception],
    ) -> Rating {
        if !exceptions.is_empty() {
            return self.judge(view, role, permission, scope, exceptions);
        }
        let key = (role.clone(), permission.clone());
        if let Some(known) = self.known.borrow().get(&key) {
            return known.clone();
        }
        let verdict = self.judge(view, role, permission, scope, exceptions);
        self.known.borrow_mut().insert(key, verdict.clone());
        verdict
    }

    fn judge(
        &self,
        view: &AccessState<'_, '_>,
        role: &RoleId,
        permission: &Permission,
        scope: Option<&ResourceId>,
        exceptions: &[Exception],
    ) -> Rating {
        let dialect = view.dialect;
        let mut verdict = Rating::default();
        let any = Text::from("*");
        for rule in &self.rules {
            if rule.role.as_ref().is_some_and(|pattern| !id_matches(pattern, role.as_str())) {
                continue;
            }
            let (action, resource) = (rule.action.as_ref().unwrap_or(&any), rule.resource.as_ref().unwrap_or(&any));
            let (held_action, held_resource) = (permission.action.raw(), permission.resource.raw());
            // A pattern that the rule leaves out says nothing, also where it asks for a whole.
            let meets = match rule.meets {
                Meets::Overlaps => {
                    dialect.actions_overlap(held_action, action.raw())
                        && dialect.resources_overlap(held_resource, resource.raw())
                }
                Meets::Covers => {
                    (rule.action.is_none() || dialect.action_covers(held_action, action.raw()))
                        && (rule.resource.is_none() || dialect.resource_covers(held_resource, resource.raw()))
                }
            };
            let taken = || {
                exceptions.iter().any(|e| {
                    scope_covers(&Surely(view), e.scope.as_ref(), scope)
                        && e.until.is_none()
                        && [held_action, action.raw()].iter().any(|p| dialect.action_covers(e.action.raw(), p))
                        && [held_resource, resource.raw()].iter().any(|p| dialect.resource_covers(e.resource.raw(), p))
                })
            };
            if meets && !taken() {
                verdict.raise(&Rating {
                    sensitivity: rule.sensitivity,
                    privileged: rule.privileged.then(|| rule.reason.clone()),
                });
            }
        }
        verdict
    }

    /// An allow of a flattened role.
    pub(crate) fn allow(
        &self,
        view: &AccessState<'_, '_>,
        role: &RoleId,
        allow: &crate::access::effective::role::Allow,
        scope: Option<&ResourceId>,
        exceptions: &[Exception],
    ) -> Rating {
        if allow.unknown {
            return unknown(allow.permission.condition.clone());
        }
        if allow.permission.resource.raw().starts_with(UNRESOLVED) {
            return unknown(Some("the export does not hold this role, so what it gives is unknown".into()));
        }
        self.permission(view, allow.chain.last().unwrap_or(role), &allow.permission, scope, exceptions)
    }

    /// A role: the highest of its own label, the rules that name it, and its permissions, those it includes as well.
    pub(crate) fn role(&self, view: &AccessState<'_, '_>, role: &RoleId) -> Rating {
        let flat = view.flat(role);
        let key = (role.clone(), Rc::as_ptr(&flat).addr());
        if let Some((_, known)) = self.roles.borrow().get(&key) {
            return known.clone();
        }
        let verdict = self.flat(view, role, &flat);
        self.roles.borrow_mut().insert(key, (flat, verdict.clone()));
        verdict
    }

    fn flat(&self, view: &AccessState<'_, '_>, role: &RoleId, flat: &ResolvedRole) -> Rating {
        let mut verdict = Rating::default();
        for id in &flat.roles {
            if let RoleState::Known(known) = view.role(id.as_str()) {
                verdict.sensitivity = verdict.sensitivity.max(known.sensitivity.unwrap_or_default());
            }
            for rule in &self.rules {
                let named = rule.role.as_ref().is_some_and(|pattern| id_matches(pattern, id.as_str()));
                if named && rule.action.is_none() && rule.resource.is_none() {
                    verdict.raise(&Rating {
                        sensitivity: rule.sensitivity,
                        privileged: rule.privileged.then(|| rule.reason.clone()),
                    });
                }
            }
        }
        for allow in &flat.allows {
            verdict.raise(&self.allow(view, role, allow, None, &[]));
        }
        verdict
    }
}

fn unknown(why: Option<Text>) -> Rating {
    Rating {
        sensitivity: Sensitivity::Critical,
        privileged: Some(why.unwrap_or_else(|| "what it gives is unknown".into())),
    }
}
