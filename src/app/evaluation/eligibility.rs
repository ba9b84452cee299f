//! Implements [`Judge`]: answers the queries of `decision` from policy and graph, for the given plans.
//!
//! Uses the plans, the people and the keys in the log. Answers are as of now and cached.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::access::Index;
use crate::access::model::facts::Access;
use crate::app::io::command_error::hinted;
use crate::app::plans::evaluated_plan::EvaluatedPlan;
use crate::app::record::signing_keys;
use crate::app::record::signing_keys::{Besides, Keys};
use crate::config::Person;
use crate::decision::bars::{Approver, Bar, bars};
use crate::decision::case::{CaseId, Signer, StepName};
use crate::decision::judge::Judge;
use crate::decision::lint::trust_files::{PersonKeys, keys_of};
use crate::decision::session::{SessionDecision, SessionVerdict};
use crate::input::id::PersonId;
use crate::input::text::Text;
use crate::policy;
use crate::policy::KeyFacts;
use crate::trust::signers::SignerLine;
use crate::trust::sshsig::Verified;

type EligibilityCache = (Signer, KeyFacts, CaseId);

/// Plans with everything needed to judge them.
pub struct Eligibility<'a, 's> {
    proposals: &'a [EvaluatedPlan<'s>],
    index: &'a Index<'s>,
    keys: Keys,
    steps: RefCell<BTreeMap<EligibilityCache, BTreeSet<StepName>>>,
    overrides: RefCell<BTreeMap<EligibilityCache, bool>>,
    barred: RefCell<BTreeMap<Text, bool>>,
    could: RefCell<BTreeMap<(PersonId, CaseId), BTreeSet<StepName>>>,
}

/// The facts of an unknown key: it proves no presence.
fn unknown_key() -> KeyFacts {
    KeyFacts { kind: "unknown".to_owned(), security_key: false, user_present: false, user_verified: false }
}

impl<'a, 's> Eligibility<'a, 's> {
    /// Combines plans with the keys of the log, and of other plans of this run, by fingerprint.
    #[must_use]
    pub fn new(proposals: &'a [EvaluatedPlan<'s>], index: &'a Index<'s>, keys: Keys) -> Self {
        Self {
            proposals,
            index,
            keys: keys.proving(proposals),
            steps: RefCell::default(),
            overrides: RefCell::default(),
            barred: RefCell::default(),
            could: RefCell::default(),
        }
    }

    /// The lookups over the snapshot.
    #[must_use]
    pub fn index(&self) -> &'a Index<'s> {
        self.index
    }

    fn find(&self, case: &CaseId) -> Option<(&'a EvaluatedPlan<'s>, usize)> {
        let proposal = self.proposals.iter().find(|p| p.plan.id.value == case.plan)?;
        Some((proposal, proposal.position(&case.change)?))
    }

    fn key(&self, fingerprint: &str) -> KeyFacts {
        self.keys.get(fingerprint).cloned().unwrap_or_else(unknown_key)
    }

    /// All steps of the site that policy permits this signer on a change, given the known facts about the key.
    #[must_use]
    pub fn permitted(&self, signer: &Signer, case: &CaseId) -> BTreeSet<StepName> {
        self.steps_with(signer, &self.key(signer.key.raw()), case)
    }

    /// Whether policy permits this signer `Override` on a change, given the known facts about the key.
    #[must_use]
    pub fn may_override(&self, signer: &Signer, case: &CaseId) -> bool {
        self.permits_override(signer, &self.key(signer.key.raw()), case)
    }

    fn steps_with(&self, signer: &Signer, key: &KeyFacts, case: &CaseId) -> BTreeSet<StepName> {
        let asked = (signer.clone(), key.clone(), case.clone());
        if let Some(known) = self.steps.borrow().get(&asked) {
            return known.clone();
        }
        let is_barred = self.is_barred(&signer.key);
        let found = if is_barred { BTreeSet::new() } else { self.steps_of(&signer.person, key, case) };
        self.steps.borrow_mut().insert(asked, found.clone());
        found
    }

    /// Evaluates policy again with the signature, which proves whether a security key was touched, and by whom.
    ///
    /// # Errors
    /// If one of the decisions is not permitted with the facts that the signature proves.
    pub fn still_permits(
        &self,
        person: &PersonId,
        decided: &[SessionDecision],
        signature: &Verified,
    ) -> anyhow::Result<()> {
        for proposal in self.proposals {
            let provers = &proposal.site.provers;
            if let Some(agent) = signing_keys::proposer_of(provers, signature.key(), signature.certificate()) {
                return Err(Besides::Proposer(agent).refusal("the signature is not accepted"));
            }
        }
        let signer = Signer { person: person.clone(), key: Text::from(signature.fingerprint()) };
        let key = KeyFacts {
            kind: signature.key_kind().name().to_owned(),
            security_key: signature.security_key(),
            user_present: signature.user_present(),
            user_verified: signature.user_verified(),
        };
        for decision in decided {
            let case = decision.case();
            let holds = match decision.verdict() {
                SessionVerdict::Approve(_) => {
                    decision.steps().iter().all(|step| self.permits(&signer, &key, case, step))
                }
                SessionVerdict::Override { .. } => self.permits_override(&signer, &key, case),
                SessionVerdict::Reject => true,
            };
            anyhow::ensure!(
                holds,
                hinted(
                    format!(
                        "the signature does not prove what policy requires for `{}`",
                        case.change.text().terminal()
                    ),
                    "sign with a security key that asks for a touch or a PIN (`ssh-keygen -O verify-required`)"
                )
            );
        }
        Ok(())
    }

    /// Whether the signing key is one with which a proposer proves plans (these plans, or any other), or one with which
    /// a machine records. A certificate over such a key does not make it a person's, nor does one that names both a
    /// proposer and a person.
    fn is_barred(&self, key: &Text) -> bool {
        if let Some(known) = self.barred.borrow().get(key) {
            return *known;
        }
        let bars = |proposal: &EvaluatedPlan<'_>| self.keys.bars_deciding(&proposal.site.provers, key.raw()).is_some();
        let found = self.proposals.iter().any(bars);
        self.barred.borrow_mut().insert(key.clone(), found);
        found
    }

    fn steps_of(&self, person: &PersonId, key: &KeyFacts, case: &CaseId) -> BTreeSet<StepName> {
        let Some((proposal, at)) = self.find(case) else { return BTreeSet::new() };
        let permitted = policy::may_approve(&proposal.site.pack, &proposal.matter(), at, person, key);
        permitted.steps
    }
}

/// Whether a person, by key or principal, proved the plan as its proposer.
fn proposers_own(proposal: &EvaluatedPlan<'_>, person: &Person) -> BTreeSet<Bar> {
    let mut found = BTreeSet::new();
    let Some(proven) = &proposal.origin.proven else { return found };
    let is_named = |name: &Text| person.principals.iter().any(|own| own.value.as_str() == name.raw());
    if proven.principals.iter().any(is_named) {
        found.insert(Bar::ProposersPrincipal);
    }
    let own = |line: &SignerLine| person.principals.iter().any(|own| line.principals.matches(own.value.as_str()));
    let signs = |line: &&SignerLine| !line.cert_authority && Some(line.key.fingerprint()) == proven.key;
    if proposal.site.signers.lines().iter().filter(signs).any(own) {
        found.insert(Bar::ProposersKey);
    }
    found
}

impl Judge for Eligibility<'_, '_> {
    fn covers(&self, wide: &Access, narrow: &Access) -> bool {
        // WHY: a conditional deny removes nothing for certain, so access with such a deny covers access without it.
        let sure = wide.exceptions.iter().filter(|e| e.condition.is_none()).cloned().collect();
        self.index.covers(&Access { exceptions: sure, ..wide.clone() }, narrow)
    }

    fn permits(&self, signer: &Signer, key: &KeyFacts, case: &CaseId, step: &StepName) -> bool {
        self.steps_with(signer, key, case).contains(step)
    }

    fn permits_override(&self, signer: &Signer, key: &KeyFacts, case: &CaseId) -> bool {
        let asked = (signer.clone(), key.clone(), case.clone());
        if let Some(known) = self.overrides.borrow().get(&asked) {
            return *known;
        }
        let is_barred = self.is_barred(&signer.key);
        let found = self.find(case).filter(|_| !is_barred).is_some_and(|(proposal, at)| {
            policy::may_override(&proposal.site.pack, &proposal.matter(), at, &signer.person, key).sets_aside
        });
        self.overrides.borrow_mut().insert(asked, found);
        found
    }

    fn bars(&self, person: &PersonId, case: &CaseId) -> BTreeSet<Bar> {
        let Some((proposal, at)) = self.find(case) else { return BTreeSet::from([Bar::OwnProposal]) };
        let (Some(facts), Some(known)) = (proposal.analysis.changes.get(at), proposal.site.people.person(person))
        else {
            return BTreeSet::from([Bar::OwnProposal]);
        };
        let approver = Approver {
            person: person.clone(),
            identities: known.identities.iter().map(|i| i.value.clone()).collect(),
            groups: proposal.site.barring(person),
        };
        let mut found = bars(&approver, &proposal.plan.proposer.value, facts, &proposal.analysis);
        if proposal.unproven {
            found.insert(Bar::Unproven);
        }
        found.extend(proposers_own(proposal, known));
        found
    }

    fn could_take(&self, case: &CaseId, step: &StepName) -> BTreeSet<PersonId> {
        let Some((proposal, _)) = self.find(case) else { return BTreeSet::new() };
        let everyone = proposal.site.people.all().iter().map(|person| &person.id.value);
        everyone.filter(|person| self.could(person, case).contains(step)).cloned().collect()
    }
}

impl Eligibility<'_, '_> {
    /// Whether allowed_signers lists keys of a person and none of them may sign now.
    fn keys_ended(&self, person: &PersonId, case: &CaseId) -> bool {
        let Some((proposal, _)) = self.find(case) else { return false };
        let site = proposal.site;
        let keys = |person| keys_of(person, &site.signers, &site.revoked, proposal.now);
        site.people.person(person).map(keys) == Some(PersonKeys::Ended)
    }

    /// The steps that a person could fill on a change with the strongest kind of key.
    #[must_use]
    pub fn could(&self, person: &PersonId, case: &CaseId) -> BTreeSet<StepName> {
        let asked = (person.clone(), case.clone());
        if let Some(known) = self.could.borrow().get(&asked) {
            return known.clone();
        }
        // WHY: this is reported before anyone signs, so the best key that a person could have is assumed.
        let best = KeyFacts {
            kind: "sk-ssh-ed25519@openssh.com".to_owned(),
            security_key: true,
            user_present: true,
            user_verified: true,
        };
        let is_free = self.bars(person, case).is_empty() && !self.keys_ended(person, case);
        let found = if is_free { self.steps_of(person, &best, case) } else { BTreeSet::new() };
        self.could.borrow_mut().insert(asked, found.clone());
        found
    }
}
