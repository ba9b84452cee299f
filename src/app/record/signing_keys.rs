//! The signing keys: the facts that their signatures prove, and which of them belong to a proposer.
//!
//! Collects, from a verified log, plans or a single signature, the facts for policy, and any further role of a key or
//! certificate: proposer, person or recorder. INVARIANT: a signature made with a key or certificate that could also
//! prove a plan's proposer never approves, overrides, auto-approves or dates anything, whichever `allowed_signers` line
//! it matches. The same applies to a key that both records and decides. Anything that restricts still counts: a
//! rejection, and an export, which uses its approvals.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::anyhow;

use crate::app::io::command_error::hinted;
use crate::app::plans::evaluated_plan::EvaluatedPlan;
use crate::input::id::{IdentityId, PrincipalId};
use crate::input::text::Text;
use crate::log::line::SessionKind;
use crate::log::verify::answers::Verification;
use crate::policy::KeyFacts;
use crate::trust::certificate::Certificate;
use crate::trust::key::PublicKey;
use crate::trust::proposer::{Prover, Way};

/// Every proposer, with how it proves its plans.
type Provers = BTreeMap<IdentityId, Prover>;

/// The keys of a log, by fingerprint.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    facts: BTreeMap<String, KeyFacts>,
    /// The certificates with which a key signed: the authority's fingerprint, and a principal.
    certified: BTreeMap<String, BTreeSet<(Text, Text)>>,
    /// Keys that proved the current plans, with the proposer.
    proven: BTreeMap<String, IdentityId>,
    /// Keys that signed a record, with the principal.
    recorders: BTreeMap<String, PrincipalId>,
    /// Keys that signed a review, with the principal.
    reviewers: BTreeMap<String, PrincipalId>,
}

/// A second role of a key (proposer, recorder or person) that disqualifies its signatures.
#[derive(Clone, Copy, Debug)]
pub enum Besides<'k> {
    /// A proposer whose plans it proves.
    Proposer(&'k IdentityId),
    /// A machine for which it records.
    Recorder(&'k PrincipalId),
    /// A person for whom it decides.
    Person(&'k PrincipalId),
}

impl Besides<'_> {
    /// The second role in words, as in "that key proves …".
    #[must_use]
    pub fn does(&self) -> String {
        match self {
            Self::Proposer(agent) => format!("proves the plans of `{}`", agent.as_str()),
            Self::Recorder(machine) => {
                format!("is used for recording as `{}`, and a recorder cannot decide", machine.as_str())
            }
            Self::Person(person) => {
                format!("is used for deciding as `{}`, and a person cannot record", person.as_str())
            }
        }
    }

    /// The suggested fix.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Proposer(_) => "use a key, and a certificate, that no proposer has",
            Self::Recorder(_) => "use a key that no machine has; changes that this key approved must be approved again",
            Self::Person(_) => "give the recorder a key that no person has",
        }
    }

    /// Why a key or signature is not accepted.
    #[must_use]
    pub fn refusal(&self, what: &str) -> anyhow::Error {
        anyhow!(hinted(format!("{what}: it {}", Text::from(self.does()).terminal()), self.help()))
    }
}

impl Keys {
    /// The keys with valid signatures.
    #[must_use]
    pub fn of(verified: &Verification) -> Self {
        let mut found = Self::default();
        for view in &verified.sessions {
            let Some(signer) = &view.signer else { continue };
            let facts = KeyFacts {
                kind: signer.key_type.raw().to_owned(),
                security_key: signer.security_key,
                user_present: signer.user_present,
                user_verified: signer.user_verified,
            };
            let fingerprint = signer.fingerprint.raw();
            let of_its_kind = match view.header.kind {
                SessionKind::Record => &mut found.recorders,
                SessionKind::Review => &mut found.reviewers,
            };
            of_its_kind.entry(fingerprint.to_owned()).or_insert_with(|| signer.principal.clone());
            found.facts.insert(fingerprint.to_owned(), facts);
            if let Some(certificate) = &signer.certificate {
                let names = certificate.principals.iter().map(|name| (certificate.authority.clone(), name.clone()));
                found.certified.entry(fingerprint.to_owned()).or_default().extend(names);
            }
        }
        found
    }

    /// The known facts about a key.
    #[must_use]
    pub fn get(&self, fingerprint: &str) -> Option<&KeyFacts> {
        self.facts.get(fingerprint)
    }

    /// Adds a key, or replaces its facts.
    pub fn insert(&mut self, fingerprint: String, facts: KeyFacts) {
        self.facts.insert(fingerprint, facts);
    }

    /// Adds the keys that proved these plans.
    #[must_use]
    pub fn proving(mut self, proposals: &[EvaluatedPlan<'_>]) -> Self {
        for proven in proposals.iter().filter_map(|proposal| proposal.origin.proven.as_ref()) {
            if let Some(key) = &proven.key {
                self.proven.insert(key.clone(), proven.id.clone());
            }
        }
        self
    }

    /// The proposer whose plans a key proves, directly or by any certificate with which it signed.
    #[must_use]
    pub fn proposer<'p>(&'p self, provers: &'p Provers, fingerprint: &str) -> Option<&'p IdentityId> {
        let certified = self.certified.get(fingerprint);
        let could = proposer(provers, fingerprint, &|authority, principal| {
            certified.into_iter().flatten().any(|(by, name)| by.raw() == authority && name.raw() == principal)
        });
        could.or_else(|| self.proven.get(fingerprint))
    }

    /// Why approvals by a key do not count: it proves plans, or signed a record in this log.
    #[must_use]
    pub fn bars_deciding<'k>(&'k self, provers: &'k Provers, fingerprint: &str) -> Option<Besides<'k>> {
        let records = || self.recorders.get(fingerprint).map(Besides::Recorder);
        self.proposer(provers, fingerprint).map(Besides::Proposer).or_else(records)
    }

    /// Why records by a key do not count: it proves plans, or signed a review in this log.
    #[must_use]
    pub fn bars_recording<'k>(&'k self, provers: &'k Provers, fingerprint: &str) -> Option<Besides<'k>> {
        let decides = || self.reviewers.get(fingerprint).map(Besides::Person);
        self.proposer(provers, fingerprint).map(Besides::Proposer).or_else(decides)
    }
}

/// The proposer whose plans are proven by a key, or by the certificate with which it is used.
#[must_use]
pub fn proposer_of<'p>(
    provers: &'p Provers,
    key: &PublicKey,
    certificate: Option<&Certificate>,
) -> Option<&'p IdentityId> {
    proposer(provers, &key.fingerprint(), &|authority, principal| {
        certificate.is_some_and(|certificate| {
            certificate.authority().fingerprint() == authority && certificate.check_principal(principal).is_ok()
        })
    })
}

fn proposer<'p>(
    provers: &'p Provers,
    fingerprint: &str,
    certified: &dyn Fn(&str, &str) -> bool,
) -> Option<&'p IdentityId> {
    let by = |way: &Way| match way {
        Way::Key { key, .. } => key.fingerprint() == fingerprint,
        // WHY only under that authority: the same name under another authority belongs to someone else.
        Way::Certificate { authority, principal } => certified(&authority.fingerprint(), principal.raw()),
        Way::Token(_) => false,
    };
    provers.values().find(|prover| prover.ways.iter().any(by)).map(|prover| &prover.id)
}
