//! The keys that signed: what their signatures show, and which of them are a proposer's own.
//!
//! In: a verified log, plans, or a signature at hand; the ways in which proposers prove themselves. Out: facts for policy, and the
//! proposer, person or recorder whose key or certificate it is besides. INVARIANT: what is signed by who could sign a plan as a
//! proposer lets nothing pass, by whatever line of `allowed_signers` the signature passes: no approval, override, automatic
//! outcome or time of coming of theirs counts. The same goes for a key that both records and decides. What of theirs holds
//! something back counts still: a reject, and an export, which uses its approvals up.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::anyhow;

use crate::app::plans::evaluated_plan::EvaluatedPlan;
use crate::input::id::{IdentityId, PrincipalId};
use crate::input::text::Text;
use crate::log::line::SessionKind;
use crate::log::verify::answers::Verification;
use crate::policy::KeyFacts;
use crate::trust::certificate::Certificate;
use crate::trust::key::PublicKey;
use crate::trust::proposer::{Prover, Way};

/// Everything that may propose.
type Provers = BTreeMap<IdentityId, Prover>;

/// The keys of a log, by fingerprint.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    facts: BTreeMap<String, KeyFacts>,
    /// What certificates say of each, where it signed by one: the authority's fingerprint, and a principal.
    certified: BTreeMap<String, BTreeSet<(Text, Text)>>,
    /// Those that proved plans at hand, and whose.
    proven: BTreeMap<String, IdentityId>,
    /// Those that signed a record, and as whom.
    recorders: BTreeMap<String, PrincipalId>,
    /// Those that signed a review, and as whom.
    reviewers: BTreeMap<String, PrincipalId>,
}

/// For whom a key stands besides, so that what is done with it does not count.
#[derive(Clone, Copy, Debug)]
pub enum Besides<'k> {
    /// A proposer, whose plans it proves.
    Proposer(&'k IdentityId),
    /// A machine, as which it records.
    Recorder(&'k PrincipalId),
    /// A person, as whom it decides.
    Person(&'k PrincipalId),
}

impl Besides<'_> {
    /// What the key does besides, as in "that key proves …".
    #[must_use]
    pub fn does(&self) -> String {
        match self {
            Self::Proposer(agent) => format!("proves the plans of `{}`", agent.as_str()),
            Self::Recorder(machine) => format!("records as `{}`, and a recorder can never decide", machine.as_str()),
            Self::Person(person) => format!("decides as `{}`, and a person records nothing", person.as_str()),
        }
    }

    /// What helps.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Proposer(_) => "use a key, and a certificate, that no proposer has",
            Self::Recorder(_) => "use a key that no machine has; what that one approved must be approved again",
            Self::Person(_) => "give the recorder a key that no person has",
        }
    }

    /// Why nothing is done with a key, or a signature.
    #[must_use]
    pub fn refusal(&self, what: &str) -> anyhow::Error {
        anyhow!("{what}: it {}\n  = help: {}", Text::from(self.does()).terminal(), self.help())
    }
}

impl Keys {
    /// The keys whose signatures are good.
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

    /// What is known of a key.
    #[must_use]
    pub fn get(&self, fingerprint: &str) -> Option<&KeyFacts> {
        self.facts.get(fingerprint)
    }

    /// Adds a key, or says anew what is known of it.
    pub fn insert(&mut self, fingerprint: String, facts: KeyFacts) {
        self.facts.insert(fingerprint, facts);
    }

    /// Takes into account which keys proved these plans.
    #[must_use]
    pub fn proving(mut self, proposals: &[EvaluatedPlan<'_>]) -> Self {
        for proven in proposals.iter().filter_map(|proposal| proposal.origin.proven.as_ref()) {
            if let Some(key) = &proven.key {
                self.proven.insert(key.clone(), proven.id.clone());
            }
        }
        self
    }

    /// The proposer whose plans a key proves, by itself or by any certificate that it signed with.
    #[must_use]
    pub fn proposer<'p>(&'p self, provers: &'p Provers, fingerprint: &str) -> Option<&'p IdentityId> {
        let certified = self.certified.get(fingerprint);
        let could = proposer(provers, fingerprint, &|authority, principal| {
            certified.into_iter().flatten().any(|(by, name)| by.raw() == authority && name.raw() == principal)
        });
        could.or_else(|| self.proven.get(fingerprint))
    }

    /// Why nothing that a key approves counts: it proves plans, or signed a record in this log.
    #[must_use]
    pub fn bars_deciding<'k>(&'k self, provers: &'k Provers, fingerprint: &str) -> Option<Besides<'k>> {
        let records = || self.recorders.get(fingerprint).map(Besides::Recorder);
        self.proposer(provers, fingerprint).map(Besides::Proposer).or_else(records)
    }

    /// Why nothing that a key records counts: it proves plans, or signed a review in this log.
    #[must_use]
    pub fn bars_recording<'k>(&'k self, provers: &'k Provers, fingerprint: &str) -> Option<Besides<'k>> {
        let decides = || self.reviewers.get(fingerprint).map(Besides::Person);
        self.proposer(provers, fingerprint).map(Besides::Proposer).or_else(decides)
    }
}

/// The proposer whose plans a key proves, or the certificate that it is used with.
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
        // WHY under that authority alone: the same name by another one is somebody else's.
        Way::Certificate { authority, principal } => certified(&authority.fingerprint(), principal.raw()),
        Way::Token(_) => false,
    };
    provers.values().find(|prover| prover.ways.iter().any(by)).map(|prover| &prover.id)
}
