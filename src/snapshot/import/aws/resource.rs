//! The policies of resources become roles of whom they name.
//!
//! In: policies of resources, and what is known of the accounts. Out: a role a statement, that only the resource gives. A
//! deny that would take more than it says takes nothing, and that is said.
//!
//! Source: AWS, IAM user guide, "Identity-based policies and resource-based policies", "Permissions boundaries for IAM
//! entities".

use std::sync::Arc;

use crate::input::finding::{Code, Finding, Severity};
use crate::input::id::{IdentityId, RoleId};
use crate::input::intern::shared;
use crate::snapshot::import::notes::Spot;

use super::build::Build;
use super::export::ResourcePolicy;
use super::policy::{Named, Statement, matches};
use super::principal::{Principal, account_of};
use super::reading::Reading;
use super::trust::all_but;
use super::{DELEGATED, UNOWNED};

impl Build<'_> {
    /// Reads the policy of a resource.
    pub fn resource_policy(&mut self, policy: &ResourcePolicy, reading: &mut Reading<'_>) {
        self.place(&policy.resource, policy.account.as_deref());
        if policy.account.is_none() {
            let message = format!(
                "nothing tells which account owns `{}`; what its policy gives to users and roles may hold or not",
                policy.resource
            );
            let finding = Finding::new(Code::MissingField, message).weighing(Severity::Warning);
            reading.notes.at(finding.help("add the owner: `\"Account\": \"123456789012\"`"), &policy.spot);
        }
        let first = self.number(&format!("resource-policy:{}", policy.resource), policy.statements.len());
        for (n, statement) in policy.statements.iter().enumerate() {
            let n = first.saturating_add(n);
            let within = of_resource(statement, &policy.resource, reading);
            let Some(principals) = &statement.principals else {
                let message = format!("a statement of the policy of `{}` names nobody", policy.resource);
                reading.notes.at(Finding::new(Code::NoEffect, message), &statement.spot);
                continue;
            };
            let everyone = [Principal::Everyone];
            let (list, mark): (&[Principal], _) = match (principals.all_but, statement.allow) {
                (false, _) => (&principals.list, None),
                (true, true) => (&everyone, Some(all_but(&principals.list))),
                (true, false) => {
                    let message = format!(
                        "a deny of all but some in the policy of `{}` is taken to deny nobody",
                        policy.resource
                    );
                    reading.notes.at(Finding::new(Code::NotImported, message), &statement.spot);
                    continue;
                }
            };
            for principal in list {
                let foreign = Self::is_foreign(principal, policy.account.as_deref());
                // WHY: an account lets itself in by its own policies; naming it here gives nothing to anyone.
                if statement.allow && !foreign && matches!(principal, Principal::Account(_)) {
                    continue;
                }
                if !statement.allow && self.is_session(principal, &statement.spot, reading) {
                    continue;
                }
                let Some(who) = self.subject_of(principal) else {
                    let message = format!(
                        "the policy of `{}` names what the export does not hold; it is nobody",
                        policy.resource
                    );
                    reading.notes.at(Finding::new(Code::DanglingReference, message), &statement.spot);
                    continue;
                };
                if let Principal::Session { account, role, .. } = principal {
                    // Source: AWS, IAM user guide, "Permissions boundaries": what a resource gives to a session by name
                    // passes the boundary of its role.
                    self.by_session.extend(self.role_named(account, role).map(IdentityId::new));
                }
                // Of an unknown owner: it may be the account of who is named, which then needs nothing more.
                let is_named = matches!(principal, Principal::Arn(_) | Principal::Session { .. });
                let unowned = statement.allow && foreign && policy.account.is_none() && is_named;
                let delegated = statement.allow && foreign && !unowned;
                let marks = mark.as_deref().into_iter().chain(delegated.then_some(DELEGATED));
                let marks: Vec<&str> = marks.chain(unowned.then_some(UNOWNED)).collect();
                let kind = match (delegated, unowned) {
                    (true, _) => ":delegated",
                    (false, true) => ":unowned",
                    (false, false) => "",
                };
                let id = format!("resource-policy:{}#{n}{kind}", policy.resource);
                let joined = marks.join(" and ");
                self.policy(&id, std::slice::from_ref(&within), (!marks.is_empty()).then_some(&joined), reading);
                if let Some(role) = self.roles.get_mut(&RoleId::new(id.as_str())) {
                    role.by_resource = true;
                    role.delegated = delegated;
                }
                self.assign(&who, &id);
            }
        }
    }

    /// Whether a deny is of one session of a known role, which takes nothing from its other sessions; then says so.
    pub fn is_session(&self, principal: &Principal, spot: &Spot, reading: &mut Reading<'_>) -> bool {
        let Principal::Session { account, role, arn } = principal else { return false };
        let known = self.role_named(account, role).is_some();
        if known {
            let message = format!("a deny of the one session `{arn}` is taken to deny nobody");
            reading.notes.at(Finding::new(Code::NotImported, message).weighing(Severity::Note), spot);
        }
        known
    }

    /// Whether a principal belongs to another account than a resource.
    fn is_foreign(principal: &Principal, home: Option<&str>) -> bool {
        let account = match principal {
            Principal::Account(account) | Principal::Session { account, .. } => Some(&**account),
            Principal::Arn(arn) => account_of(arn),
            Principal::Everyone | Principal::Service(_) | Principal::Federated(_) | Principal::Canonical(_) => None,
        };
        account.is_some() && account != home
    }
}

/// A statement of a resource's own policy, which speaks of that resource and of what is in it, whatever it names: `*` is
/// these, and so is any pattern that is wider. What it names elsewhere is nothing.
fn of_resource(statement: &Statement, resource: &Arc<str>, reading: &mut Reading<'_>) -> Statement {
    let own = [Arc::clone(resource), shared(&format!("{resource}/*")), shared(&format!("{resource}:*"))];
    let (list, left_out) = match &statement.resources {
        Named::These(list) => (list.as_slice(), Vec::new()),
        Named::AllBut(list) => (&[] as &[Arc<str>], list.clone()),
    };
    let mut resources: Vec<Arc<str>> = Vec::new();
    for named in list {
        let wider = own.iter().filter(|own| matches(named, own)).cloned().collect::<Vec<_>>();
        if !wider.is_empty() {
            resources.extend(wider);
        } else if own.iter().any(|own| matches(own, named)) {
            resources.push(Arc::clone(named));
        } else {
            // WHY: what a pattern and the resource share may be no pattern; an allow is then read as more, a deny as less.
            let is_open = statement.allow && named.contains(['*', '?']) && heads_agree(named, resource);
            let how = if is_open { "all of the resource" } else { "nothing" };
            let message = format!("the policy of `{resource}` names `{named}`, which is read as {how}");
            reading.notes.at(Finding::new(Code::NoEffect, message), &statement.spot);
            resources.extend(own.iter().filter(|_| is_open).cloned());
        }
    }
    if matches!(statement.resources, Named::AllBut(_)) {
        resources.extend(own);
    }
    resources.sort();
    resources.dedup();
    Statement { resources: Named::These(resources), left_out, ..statement.clone() }
}

/// Whether a pattern, up to its first wildcard, begins as a resource does.
fn heads_agree(pattern: &str, resource: &str) -> bool {
    let head = pattern.split(['*', '?']).next().unwrap_or_default();
    head.starts_with(resource) || resource.starts_with(head)
}
