//! Members of Google Cloud that represent tokens of a pool: which pool, and which tokens of it.
//!
//! A pool `PROJECT.svc.id.goog` issues tokens to the service accounts of the project's clusters. Any other pool accepts
//! tokens of the issuers of its providers, which the export does not list. A claim that cannot be compared with an identity
//! may be that of any of them, so it becomes a condition.
//!
//! Sources: Google Cloud, "IAM: principal identifiers" and "About Workload Identity Federation for GKE".

use super::federation::{AlsoAsked, Subjects};

/// The end of the name of a pool of clusters.
const OF_CLUSTERS: &str = ".svc.id.goog";

/// A member that represents tokens.
#[derive(Debug)]
pub(super) struct PoolMember<'m> {
    /// The name of the pool.
    pub pool: &'m str,
    /// The claim of the tokens and its value; `*` without a value is any token. `None`: in a form that is not read.
    claim: Option<(&'m str, String)>,
}

impl<'m> PoolMember<'m> {
    /// Reads a member, written as in a policy of Google Cloud; `None` if it represents no tokens of a pool.
    pub fn of(member: &'m str) -> Option<Self> {
        if let Some((pool, rest)) = member.strip_prefix("serviceAccount:").and_then(|it| it.split_once('[')) {
            let account = rest.strip_suffix(']').and_then(|it| it.split_once('/'));
            let claim = account.map(|(namespace, name)| ("subject", subject(namespace, name)));
            return is_of_clusters(pool).then_some(Self { pool, claim });
        }
        let name = member.strip_prefix("principal://").or_else(|| member.strip_prefix("principalSet://"))?;
        let (_, rest) = name.split_once("/workloadIdentityPools/")?;
        let (pool, claim) = rest.split_once('/').unwrap_or((rest, ""));
        let claim = if claim == "*" { Some(("*", "")) } else { claim.split_once('/') };
        Some(Self { pool, claim: claim.map(|(name, value)| (name, value.to_owned())) })
    }

    /// Whether the pool is that of the clusters of a project.
    pub fn is_of_clusters(&self) -> bool {
        is_of_clusters(self.pool)
    }

    /// Whether it represents one subject.
    pub fn is_subject(&self) -> bool {
        self.claim.as_ref().is_some_and(|(name, _)| *name == "subject")
    }

    /// Whether it represents a service account of a cluster of the pool, and what else must hold then.
    pub fn admits_account(&self, namespace: &str, name: &str) -> Option<AlsoAsked> {
        let (claim, value) = self.claim.as_ref()?;
        match *claim {
            "*" => Some(AlsoAsked(None)),
            "subject" => (*value == subject(namespace, name)).then_some(AlsoAsked(None)),
            "namespace" => (value == namespace).then_some(AlsoAsked(None)),
            other => Some(AlsoAsked(Some(format!("{other} is {value}")))),
        }
    }

    /// Whether it represents some of the subjects of an issuer that the pool trusts, and what else must hold then.
    pub fn admits(&self, offered: &Subjects) -> Option<AlsoAsked> {
        let (claim, value) = self.claim.as_ref()?;
        let stated = || AlsoAsked(Some(format!("{claim} is {value}")));
        let repository = match offered {
            Subjects::One(_) => None,
            Subjects::From(subject) => subject.strip_prefix("repo:").map(|it| it.trim_end_matches(':')),
        };
        match (*claim, offered, repository) {
            ("*", _, _) => Some(AlsoAsked(None)),
            ("subject", Subjects::One(subject), _) => (value == subject).then_some(AlsoAsked(None)),
            ("subject", Subjects::From(prefix), _) => value.starts_with(prefix).then(stated),
            ("attribute.repository", _, Some(own)) => (value == own).then_some(AlsoAsked(None)),
            ("attribute.repository_owner", _, Some(own)) => {
                (own.split('/').next() == Some(value)).then_some(AlsoAsked(None))
            }
            _ => Some(stated()),
        }
    }
}

/// Whether tokens of an issuer or pool of this name are those of clusters of Google Cloud.
pub(super) fn is_of_clusters(pool: &str) -> bool {
    pool.ends_with(OF_CLUSTERS)
}

fn subject(namespace: &str, name: &str) -> String {
    format!("ns/{namespace}/sa/{name}")
}
