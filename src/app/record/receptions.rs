//! When plans were received with a valid proof, as recorded in signed sessions of the log.
//!
//! The time of a session is proven only to be between its start and its seal. A reception before the session began,
//! before the sessions that it follows, or after its own seal does not count. Sessions of a reviewer who is not in
//! people.yaml, of a recorder who is, or of a key that can prove plans or that both records and decides do not count
//! either. Nor does a root session if there are several, because nothing limits its time. Linear in the lines of the
//! log.

use std::collections::{BTreeMap, BTreeSet};

use crate::app::plans::reception::Reception;
use crate::decision::recorded::record::CLOCK_SKEW_SECONDS;
use crate::input::digest::{Digest, of};
use crate::input::id::{PersonId, PrincipalId};
use crate::input::time::{Span, Time};
use crate::log::line::{Line, ProofMethod, SessionKind};
use crate::log::verify::answers::{SessionView, Verification};

/// A plan and a proof, by the digests of their files.
type ProvedPlan = (Digest<of::File>, Digest<of::File>);

/// When plans were received with their proofs.
#[derive(Clone, Debug, Default)]
pub struct Receptions {
    /// Receptions that count, each with the time of the seal of its session; the earliest first.
    counted: BTreeMap<ProvedPlan, BTreeSet<Reception>>,
    /// Receptions recorded only by root sessions when the log has several roots. They do not count.
    loose: BTreeSet<ProvedPlan>,
}

impl Receptions {
    /// Collects the receptions from the sessions of a verified log.
    #[must_use]
    pub fn of(
        verified: &Verification,
        person: &dyn Fn(&PrincipalId) -> Option<PersonId>,
        barred: &dyn Fn(&SessionView) -> bool,
    ) -> Self {
        let sealed: BTreeMap<Digest<of::Line>, Time> =
            verified.sessions.iter().map(|view| (view.seal.digest, view.seal.value.at)).collect();
        let skew = Span::from_seconds(CLOCK_SKEW_SECONDS);
        let is_root = |view: &&SessionView| view.header.parents.is_empty() && view.signer.is_some();
        let roots = verified.sessions.iter().filter(is_root).count();
        let mut found = Self::default();
        for view in &verified.sessions {
            let Some(signer) = &view.signer else { continue };
            let is_loose = view.header.parents.is_empty() && roots > 1;
            if person(&signer.principal).is_some() != (view.header.kind == SessionKind::Review) || barred(view) {
                continue;
            }
            let follows = view.header.parents.iter().filter_map(|parent| sealed.get(parent)).max();
            let begun = follows.map_or(view.header.at, |sealed| view.header.at.max(*sealed));
            for line in &view.lines {
                let Line::Plan(plan) = &line.value else { continue };
                let Some(proof) = plan.proof.sha256.filter(|_| plan.proof.method != ProofMethod::None) else {
                    continue;
                };
                let at = plan.received_at;
                if is_loose {
                    found.loose.insert((plan.sha256.cast(), proof));
                    continue;
                }
                if begun <= at.plus(skew) && at <= view.seal.value.at.plus(skew) {
                    let reception = Reception { at, sealed: view.seal.value.at, by: signer.principal.clone() };
                    found.counted.entry((plan.sha256.cast(), proof)).or_default().insert(reception);
                }
            }
        }
        found
    }

    /// When this plan was received with this proof, earliest first, in sessions sealed less than `approval_ttl` ago.
    #[must_use]
    pub fn counted(
        &self,
        plan: Digest<of::File>,
        proof: Digest<of::File>,
        approval_ttl: Span,
        now: Time,
    ) -> Vec<Reception> {
        let known = self.counted.get(&(plan, proof)).into_iter().flatten();
        known.filter(|reception| now < reception.sealed.plus(approval_ttl)).cloned().collect()
    }

    /// Whether only root sessions, of several, record that this plan was received with this proof.
    #[must_use]
    pub fn only_loose(&self, plan: Digest<of::File>, proof: Digest<of::File>) -> bool {
        self.loose.contains(&(plan, proof)) && !self.counted.contains_key(&(plan, proof))
    }
}
