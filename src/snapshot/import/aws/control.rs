//! Resource control policies become denies on what is in the accounts that they bound.
//!
//! In: the policies of organisations, by account, and the resources that are known to be in each account. Out: for each
//! policy and account one role that denies, narrowed to that account: an ARN that names an account is kept where it is this
//! one, `*` becomes every ARN of the account and the resources that are known to be in it, and any other pattern is kept
//! only for those. All identities but service-linked roles and services hold these roles, through one group. Cost: the
//! statements times the known resources of the account.
//!
//! Source: AWS, Organizations user guide, "Resource control policies (RCPs)".

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::input::finding::{Code, Finding, Severity};
use crate::input::id::{GroupId, IdentityId};
use crate::input::intern::shared;
use crate::input::text::Text;
use crate::snapshot::model::{Group, MembersKnown};

use super::build::Build;
use super::export::Export;
use super::policy::{Named, Statement, matches};
use super::principal::{Principal, account_of};
use super::reading::Reading;

/// The group of those whom resource control policies bind.
const BOUND: &str = "organisation:resource-control";

impl Build<'_> {
    /// Reads the resource control policies; the identities of the snapshot must be known.
    pub fn resource_controls(&mut self, export: &Export, reading: &mut Reading<'_>) {
        let organisations = &export.organisations;
        let owned = owned(export);
        let mut bound = false;
        for account in self.accounts.clone() {
            for arn in organisations.controlled.get(account).into_iter().flatten() {
                let denies = organisations.controls.get(arn).into_iter().flatten().filter(|s| !s.allow);
                let known = owned.get(account).map(Vec::as_slice).unwrap_or_default();
                let within: Vec<Statement> =
                    denies.filter_map(|statement| Self::within(statement, (arn, account), known, reading)).collect();
                if within.is_empty() {
                    continue;
                }
                let id = format!("resource-control:{arn}#{account}");
                self.policy(&id, &within, None, reading);
                self.assign(&BOUND.into(), &id);
                bound = true;
            }
        }
        if bound {
            self.bind_everyone();
        }
    }

    /// A deny narrowed to what is in an account; nothing if it is about nothing there.
    fn within(
        statement: &Statement,
        (arn, account): (&str, &str),
        known: &[Arc<str>],
        reading: &mut Reading<'_>,
    ) -> Option<Statement> {
        let everyone = statement.principals.as_ref().is_some_and(|p| !p.all_but && p.list == [Principal::Everyone]);
        if !everyone {
            let message =
                format!("a deny of the resource control policy `{arn}` is not for `*`; it is taken to deny nobody");
            reading.notes.at(Finding::new(Code::NotImported, message).weighing(Severity::Note), &statement.spot);
            return None;
        }
        let (patterns, left_out): (Vec<Arc<str>>, _) = match &statement.resources {
            Named::These(list) => (list.clone(), Vec::new()),
            Named::AllBut(list) => (vec![shared("*")], list.clone()),
        };
        let mut resources: BTreeSet<Arc<str>> = BTreeSet::new();
        for pattern in &patterns {
            if &**pattern == "*" {
                resources.insert(shared(&format!("arn:aws*:*:*:{account}:*")));
                resources.extend(known.iter().flat_map(all_of));
            } else if account_of(pattern) == Some(account) {
                resources.insert(Arc::clone(pattern));
            } else {
                let mine = |resource: &Arc<str>| {
                    let within = pattern.strip_prefix(&**resource).is_some_and(|rest| rest.starts_with('/'));
                    within || matches(pattern, resource)
                };
                let is_meant = known.iter().any(mine);
                // A pattern that names no account is kept where it can only mean what is known to be here.
                if is_meant && !wild_before_name(pattern) {
                    resources.insert(Arc::clone(pattern));
                } else {
                    resources.extend(known.iter().filter(|r| matches(pattern, r)).flat_map(all_of));
                }
            }
        }
        (!resources.is_empty()).then(|| Statement {
            resources: Named::These(resources.into_iter().collect()),
            left_out,
            principals: None,
            ..statement.clone()
        })
    }

    fn bind_everyone(&mut self) {
        let bound = |id: &&IdentityId| {
            let id = id.as_str();
            !id.contains(":role/aws-service-role/") && !id.starts_with("service:")
        };
        let members = self.identities.keys().filter(bound).cloned().collect();
        let id = GroupId::new(BOUND);
        self.groups.insert(
            id.clone(),
            Group {
                id,
                members,
                nested: Vec::new(),
                implicit: Vec::new(),
                members_known: MembersKnown::Partial,
                owner: None,
                public: false,
            },
        );
    }

    /// Labels each user and role with its organisation, where the export tells it.
    pub fn organisations(&mut self, export: &Export) {
        for identity in self.identities.values_mut() {
            let account = account_of(identity.id.as_str());
            let known = account.and_then(|account| export.organisations.of_account.get(account));
            if let Some(organisation) = known {
                identity.labels.insert("aws:principalorgid".to_owned(), Text::new(Arc::clone(organisation)));
            }
        }
    }
}

/// A resource, and what is in it.
fn all_of(resource: &Arc<str>) -> [Arc<str>; 2] {
    [Arc::clone(resource), shared(&format!("{resource}/*"))]
}

/// Whether a pattern has a wildcard before the part of an ARN that names the resource, or begins that part with one.
fn wild_before_name(pattern: &str) -> bool {
    let mut parts = pattern.splitn(6, ':');
    let head = parts.by_ref().take(5).any(|part| part.contains(['*', '?']));
    head || parts.next().is_none_or(|name| name.split('/').next().is_some_and(|first| first.contains(['*', '?'])))
}

/// The resources whose owner is known, by account.
fn owned(export: &Export) -> BTreeMap<&str, Vec<Arc<str>>> {
    let mut owned: BTreeMap<&str, Vec<Arc<str>>> = BTreeMap::new();
    for policy in &export.resources {
        if let Some(account) = &policy.account {
            owned.entry(account).or_default().push(Arc::clone(&policy.resource));
        }
    }
    owned
}
