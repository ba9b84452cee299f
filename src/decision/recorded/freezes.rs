//! Freezes and thaws, and which changes a freeze stops.
//!
//! A freeze stops every change that it names and that gives any access, until it ends or enough people thaw it. It counts on
//! whichever branch of the log it is: sessions that do not follow it cannot end it. A thaw counts if its session follows the
//! session of the freeze and policy permits it now. A freeze counts whether or not policy still permits it, because it only
//! restricts.

use std::collections::{BTreeMap, BTreeSet};

use crate::decision::case::{EvaluatedChange, Signer};
use crate::decision::matching;
use crate::decision::matching::Candidate;
use crate::decision::recorded::record::{Record, RecordedFreeze, RecordedThaw, ThawPower};
use crate::input::id::PersonId;
use crate::input::text::Text;
use crate::input::time::Time;
use crate::log::line::FreezeKind;

/// Why a change is frozen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrozenBy {
    /// The freeze.
    pub freeze: RecordedFreeze,
    /// Whether it was recognised by a credential, although the agent has another name.
    pub by_proof: bool,
    /// The people whose agreement to end it counts so far.
    pub thawed_by: BTreeSet<PersonId>,
}

impl Record {
    /// The people and keys whose thaw of a freeze counts, with the most that each is permitted.
    #[must_use]
    pub fn thawing(&self, freeze: &RecordedFreeze) -> BTreeMap<Signer, ThawPower> {
        let mut found: BTreeMap<Signer, ThawPower> = BTreeMap::new();
        let counts = |thaw: &&RecordedThaw| {
            thaw.freeze == freeze.line
                && thaw.power > ThawPower::None
                && self.sessions.precedes(&freeze.session, &thaw.session)
        };
        for thaw in self.thaws.iter().filter(counts) {
            let power = found.entry(thaw.signer.clone()).or_default();
            *power = thaw.power.max(*power);
        }
        found
    }

    /// Whether enough people thawed a freeze, each with a key of their own: its author and one more, or two who are
    /// permitted to override it.
    #[must_use]
    pub fn is_thawed(&self, freeze: &RecordedFreeze) -> bool {
        let by = self.thawing(freeze);
        let all = |hands: &dyn Fn(&Signer, ThawPower) -> BTreeSet<u8>| {
            let candidate = |(signer, power): (&Signer, &ThawPower)| Candidate {
                signer: signer.clone(),
                steps: hands(signer, *power),
            };
            let candidates: Vec<Candidate<u8>> = by.iter().map(candidate).collect();
            matching::fill(&[0, 1], &candidates).missing.is_empty()
        };
        all(&|_, power| if power == ThawPower::Override { [0, 1].into() } else { BTreeSet::new() })
            || all(&|signer, _| if signer.person == freeze.author { [0].into() } else { [1].into() })
    }

    /// The freezes that hold, in the order of the log. One that starts in the future holds already, because clocks differ.
    pub fn freezes_in_force(&self, now: Time) -> impl Iterator<Item = &RecordedFreeze> {
        self.freezes.iter().filter(move |freeze| now < freeze.until && !self.is_thawed(freeze))
    }

    /// The freezes that stop a change. None stops a change that only takes access. `proofs` are the credentials of its
    /// proposer.
    #[must_use]
    pub fn frozen(&self, present: &EvaluatedChange, proofs: &BTreeSet<Text>, now: Time) -> Vec<FrozenBy> {
        if !present.gains() {
            return Vec::new();
        }
        let document = &present.document;
        let found = self.freezes_in_force(now).filter_map(|freeze| {
            let named = |id: Option<&str>| freeze.name.as_ref().is_some_and(|name| id == Some(name.raw()));
            let by_proof = !freeze.proofs.is_disjoint(proofs);
            let (stops, by_proof) = match freeze.kind {
                FreezeKind::All => (true, false),
                FreezeKind::Agent if named(Some(document.proposer.as_str())) => (true, false),
                FreezeKind::Agent => (by_proof, by_proof),
                FreezeKind::Plan => (named(Some(document.plan.as_str())), false),
                FreezeKind::Task => (named(document.task.as_ref().map(crate::input::id::Id::as_str)), false),
            };
            let thawed_by = || self.thawing(freeze).into_keys().map(|signer| signer.person).collect();
            stops.then(|| FrozenBy { freeze: freeze.clone(), by_proof, thawed_by: thawed_by() })
        });
        found.collect()
    }
}

#[cfg(test)]
#[path = "freezes_tests.rs"]
mod tests;
