//! Subjects: who stands for a principal, and those of whom the export tells nothing.
//!
//! In: principals, and what is known of the accounts. Out: the identities and groups of the snapshot that stand for them.
//! Whoever should be in the export and is not, is nobody.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::input::entitlement::IdentityKind;
use crate::input::id::{GroupId, IdentityId};
use crate::input::intern::shared;
use crate::input::system::System;
use crate::input::text::Text;
use crate::snapshot::model::{Group, Identity, MembersKnown};
use crate::snapshot::public::is_public_name;

use super::build::Build;
use super::export::{Entity, Kind};
use super::principal::{Principal, account_of};

impl Build<'_> {
    /// The subject that stands for a principal; nobody if it should be in the export and is not.
    pub fn subject_of(&mut self, principal: &Principal) -> Option<Text> {
        Some(match principal {
            Principal::Everyone => self.everyone(),
            Principal::Account(account) => self.account_group(account),
            Principal::Arn(arn) if self.knows_identity(arn) => Text::new(Arc::clone(arn)),
            Principal::Arn(arn) if account_of(arn).is_some_and(|a| self.knows_account(a)) => return None,
            Principal::Arn(arn) => self.outside(arn),
            Principal::Session { account, role, arn } => match self.role_named(account, role) {
                Some(known) => Text::new(known),
                None => self.outside(arn),
            },
            Principal::Service(name) => self.service(name),
            Principal::Federated(name) => self.federated(name),
            Principal::Canonical(name) => self.outside(&format!("canonical:{name}")),
        })
    }

    pub fn knows_account(&self, account: &str) -> bool {
        self.accounts.contains(account)
    }

    pub fn knows_identity(&self, arn: &str) -> bool {
        self.known.contains(arn)
    }

    pub fn role_named(&self, account: &str, name: &str) -> Option<Arc<str>> {
        self.names.get(&(account, name)).map(|arn| Arc::clone(arn))
    }

    /// Everybody of every account, and whoever is in none.
    pub fn everyone(&mut self) -> Text {
        self.anyone();
        self.implicit("aws:everyone", vec!["arn:*".to_owned(), "aws:anyone".to_owned()])
    }

    /// Whoever is in no account.
    pub fn anyone(&mut self) -> Text {
        self.stranger("aws:anyone", IdentityKind::Public)
    }

    fn account_group(&mut self, account: &str) -> Text {
        if !self.knows_account(account) {
            self.outside_account(account);
        }
        self.implicit(&format!("account:{account}"), vec![format!("arn:aws*:iam::{account}:*")])
    }

    fn implicit(&mut self, name: &str, implicit: Vec<String>) -> Text {
        let id = GroupId::new(name);
        self.groups.entry(id.clone()).or_insert(Group {
            id,
            members: Vec::new(),
            nested: Vec::new(),
            implicit,
            members_known: MembersKnown::Partial,
            owner: None,
            public: is_public_name(name, Some(&System::Aws)),
        });
        name.into()
    }

    /// Another account, of which the export tells nothing.
    pub fn outside_account(&mut self, account: &str) -> Text {
        self.outside(&format!("arn:aws:iam::{account}:root"))
    }

    pub fn outside(&mut self, name: &str) -> Text {
        self.stranger(name, IdentityKind::ServiceAccount)
    }

    pub fn service(&mut self, name: &str) -> Text {
        let who = self.stranger(&format!("service:{name}"), IdentityKind::Workload);
        if let Some(identity) = self.identities.get_mut(who.raw()) {
            identity.labels.insert("service".to_owned(), "true".into());
        }
        who
    }

    pub fn federated(&mut self, name: &str) -> Text {
        self.stranger(&format!("federated:{name}"), IdentityKind::ServiceAccount)
    }

    fn stranger(&mut self, name: &str, kind: IdentityKind) -> Text {
        let made = identity(name, kind);
        let text = made.id.text();
        self.identities
            .entry(made.id.clone())
            .or_insert_with(|| Identity { labels: BTreeMap::from([("outside".to_owned(), "true".into())]), ..made });
        text
    }
}

/// An identity of which nothing more is known.
pub(super) fn identity(name: &str, kind: IdentityKind) -> Identity {
    Identity::new(IdentityId::new(shared(name)), kind)
}

/// A role that only services may assume is a workload; any other role an account that people or software take on.
pub(super) fn kind(entity: &Entity) -> IdentityKind {
    let mut trusted = entity.trust.iter().filter(|s| s.allow).filter_map(|s| s.principals.as_ref()).peekable();
    let service =
        |p: &super::principal::Principals| !p.all_but && p.list.iter().all(|p| matches!(p, Principal::Service(_)));
    match entity.kind {
        Kind::User => IdentityKind::Human,
        Kind::Role if trusted.peek().is_some() && trusted.all(service) => IdentityKind::Workload,
        Kind::Role | Kind::Group => IdentityKind::ServiceAccount,
    }
}
