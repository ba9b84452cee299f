//! The bench: answers what `decision` asks of policy and of the graph, for the proposals at hand.
//!
//! In: proposals, people, the keys seen in the log. Out: [`Judge`]'s answers as of now, each asked once. It decides
//! nothing itself.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::proposal::Proposal;
use crate::access::Index;
use crate::access::facts::Access;
use crate::decision::bars::{Approver, Bar, bars};
use crate::decision::case::{CaseId, Judge, Signer, StepName};
use crate::input::id::PersonId;
use crate::policy::{self, KeyFacts};

type Asked = (PersonId, String, CaseId);

/// Proposals with everything that judges them.
pub struct Bench<'a, 's> {
    proposals: &'a [Proposal<'s>],
    index: &'a Index<'s>,
    keys: BTreeMap<String, KeyFacts>,
    steps: RefCell<BTreeMap<Asked, BTreeSet<StepName>>>,
    overrides: RefCell<BTreeMap<Asked, bool>>,
}

/// The facts of a key that nothing is known of: it proves no presence.
fn unknown_key() -> KeyFacts {
    KeyFacts { kind: "unknown".to_owned(), security_key: false, user_present: false, user_verified: false }
}

impl<'a, 's> Bench<'a, 's> {
    /// Joins proposals and the keys of the log, by fingerprint.
    #[must_use]
    pub fn new(proposals: &'a [Proposal<'s>], index: &'a Index<'s>, keys: BTreeMap<String, KeyFacts>) -> Self {
        Self { proposals, index, keys, steps: RefCell::default(), overrides: RefCell::default() }
    }

    /// The lookups over the snapshot.
    #[must_use]
    pub fn index(&self) -> &'a Index<'s> {
        self.index
    }

    fn find(&self, case: &CaseId) -> Option<(&'a Proposal<'s>, usize)> {
        let proposal = self.proposals.iter().find(|p| p.plan.id.value == case.plan)?;
        Some((proposal, proposal.position(&case.change)?))
    }

    fn key(&self, fingerprint: &str) -> KeyFacts {
        self.keys.get(fingerprint).cloned().unwrap_or_else(unknown_key)
    }

    /// All steps of the site that policy permits this signer on a change.
    #[must_use]
    pub fn permitted(&self, signer: &Signer, case: &CaseId) -> BTreeSet<StepName> {
        let asked = (signer.person.clone(), signer.key.raw().to_owned(), case.clone());
        if let Some(known) = self.steps.borrow().get(&asked) {
            return known.clone();
        }
        let found = self.steps_of(&signer.person, &self.key(signer.key.raw()), case);
        self.steps.borrow_mut().insert(asked, found.clone());
        found
    }

    fn steps_of(&self, person: &PersonId, key: &KeyFacts, case: &CaseId) -> BTreeSet<StepName> {
        let Some((proposal, at)) = self.find(case) else { return BTreeSet::new() };
        let permitted = policy::may_approve(&proposal.site.pack, &proposal.matter(), at, person, key);
        permitted.steps
    }
}

impl Judge for Bench<'_, '_> {
    fn covers(&self, wide: &Access, narrow: &Access) -> bool {
        self.index.covers(wide, narrow)
    }

    fn permits(&self, signer: &Signer, case: &CaseId, step: &StepName) -> bool {
        self.permitted(signer, case).contains(step)
    }

    fn permits_override(&self, signer: &Signer, case: &CaseId) -> bool {
        let asked = (signer.person.clone(), signer.key.raw().to_owned(), case.clone());
        if let Some(known) = self.overrides.borrow().get(&asked) {
            return *known;
        }
        let found = self.find(case).is_some_and(|(proposal, at)| {
            let key = self.key(signer.key.raw());
            policy::may_override(&proposal.site.pack, &proposal.matter(), at, &signer.person, &key).sets_aside
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
        found
    }

    fn could_take(&self, case: &CaseId, step: &StepName) -> BTreeSet<PersonId> {
        let Some((proposal, _)) = self.find(case) else { return BTreeSet::new() };
        // WHY: who could take a step is told before anybody signs, so the best key a person could have is assumed.
        let best = KeyFacts {
            kind: "sk-ssh-ed25519@openssh.com".to_owned(),
            security_key: true,
            user_present: true,
            user_verified: true,
        };
        let everyone = proposal.site.people.all().iter().map(|person| &person.id.value);
        everyone
            .filter(|person| self.bars(person, case).is_empty())
            .filter(|person| self.steps_of(person, &best, case).contains(step))
            .cloned()
            .collect()
    }
}
