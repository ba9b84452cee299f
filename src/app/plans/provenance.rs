//! The proven author of a plan.
//!
//! Verifies the proof next to the plan at the time when the log received both, otherwise now. An invalid or faulty
//! proof proves nothing and is reported.

use crate::app::plans::plan_file::PlanFile;
use crate::app::plans::proof_file::{Beside, ProofFile};
use crate::app::site::load::Site;
use crate::input::finding::{Code, Finding, Severity};
use crate::input::id::{IdentityId, PrincipalId};
use crate::input::text::Text;
use crate::input::time::{Span, Time};
use crate::plan::model::Plan;
use crate::policy;
use crate::trust::proposer::{self, Proven};

/// Why a recorded time does not help an expired proof.
const LOOSE: &str =
    "; its arrival is recorded only in one of several unconnected first sessions of the log, which does not count";

/// The help for that.
const PROVE_AGAIN: &str = "have the proposer prove the plan again: `review plan sign`, or a new token";

/// The author of a plan, as far as it is proven.
#[derive(Clone, Debug)]
pub struct Origin {
    /// When the plan was received: the time at which the proof was verified.
    pub received: Time,
    /// The proven author.
    pub proven: Option<Proven>,
    /// The proof file, if it proved anything.
    pub file: Option<ProofFile>,
    /// Why the author is not proven, if that must be reported.
    pub finding: Option<Finding>,
    /// Whether the proof would have been valid at another time.
    pub untimely: bool,
    /// If the proof is no longer valid: the principal who recorded when the plan was received, and why it is invalid
    /// now.
    pub only_then: Option<(PrincipalId, Text)>,
    refused: Option<Text>,
    /// The proposer of a drafted plan, which is judged as if it were proven.
    later: Option<IdentityId>,
}

impl Origin {
    /// Verifies the proof next to a plan, at the first time at which a session of the log received it, otherwise now.
    #[must_use]
    pub fn of(site: &Site, plan: &Plan, file: &PlanFile, now: Time) -> Self {
        let none = Self {
            received: now,
            proven: None,
            file: None,
            finding: None,
            untimely: false,
            only_then: None,
            refused: None,
            later: None,
        };
        let proposer = &plan.proposer.value;
        let refuse = |code: Code, message: String, help: &str| Self {
            refused: Some(Text::from(message.as_str())),
            finding: Some(Finding::new(code, message).at(&plan.proposer.place).help(help)),
            ..none.clone()
        };
        match &file.beside {
            Beside::Faulty(message, help) => refuse(Code::BadProof, message.clone(), help),
            Beside::NotYet => {
                let message = format!("the plan is judged as if `{}` had proven it", proposer.as_str());
                let help = "write it with `review plan import`, and sign it with `review plan sign`";
                let finding = Finding::new(Code::UnprovenProposer, message).weighing(Severity::Note);
                Self { later: Some(proposer.clone()), finding: Some(finding.help(help)), ..none }
            }
            Beside::Nothing => {
                let is_agreed = site.provers.get(proposer).is_some_and(|prover| !prover.ways.is_empty());
                if !is_agreed {
                    return none;
                }
                let message = format!(
                    "no proof next to `{}` shows that `{}` wrote it",
                    Text::from(file.name.as_str()).terminal(),
                    proposer.as_str()
                );
                Self {
                    finding: Some(
                        Finding::new(Code::UnprovenProposer, message).at(&plan.proposer.place).help(
                            "have the proposer sign it with `review plan sign`, or store its token as `PLAN.jwt`",
                        ),
                    ),
                    refused: Some(Text::from("agents.yaml requires a proof from this proposer, and there is none")),
                    ..none
                }
            }
            Beside::One(proof) => {
                let judge = |at: Time| {
                    proposer::judge(&site.provers, &site.revoked, proposer, &file.bytes, proof.offered(), at)
                };
                let known = file.received.iter().find_map(|it| judge(it.at).ok().map(|proven| (it, proven)));
                let (received, by, judged) = match known {
                    Some((it, proven)) => (it.at, Some(&it.by), Ok(proven)),
                    None => (now, None, judge(now)),
                };
                match judged {
                    Ok(proven) => {
                        let over = |by: &PrincipalId| Some((by.clone(), Text::from(judge(now).err()?.to_string())));
                        let only_then = by.and_then(over);
                        Self { received, proven: Some(proven), file: Some(proof.clone()), only_then, ..none }
                    }
                    Err(why) => {
                        let loose = why.is_of_time() && file.came_loose;
                        let message = format!(
                            "`{}` does not prove that `{}` wrote the plan: {why}{}",
                            proof.name,
                            proposer.as_str(),
                            if loose { LOOSE } else { "" }
                        );
                        let help = if loose { PROVE_AGAIN } else { why.help() };
                        Self { untimely: why.is_of_time(), ..refuse(Code::BadProof, message, help) }
                    }
                }
            }
        }
    }

    /// The finding that the proof is valid only at the recorded time of reception, if so.
    #[must_use]
    pub fn holds_no_longer(&self, plan: &Plan) -> Option<Finding> {
        let (by, why) = self.only_then.as_ref()?;
        let message = format!(
            "the proof that `{}` wrote the plan was valid at {}, when it arrived according to `{}`; now {}",
            plan.proposer.value.as_str(),
            self.received,
            by.as_str(),
            why.raw()
        );
        Some(
            Finding::new(Code::ProofNoLonger, message)
                .at(&plan.proposer.place)
                .help("if you do not trust that recorder for the time, have the proposer prove the plan again"),
        )
    }

    /// Whether the plan is judged as if it were proven, because it was drafted just now.
    #[must_use]
    pub fn is_later(&self) -> bool {
        self.later.is_some()
    }

    /// The proof as input for policy.
    #[must_use]
    pub fn proof(&self, overbroad: bool) -> policy::Proof {
        let none = policy::Proof { refused: self.refused.clone(), overbroad, ..policy::Proof::none() };
        match &self.proven {
            None if self.later.is_some() => policy::Proof {
                method: "ssh-certificate".to_owned(),
                proven: self.later.clone(),
                credential_ttl: Some(Span::from_seconds(1)),
                ..none
            },
            None => none,
            Some(proven) => policy::Proof {
                method: proven.method.name().to_owned(),
                proven: Some(proven.id.clone()),
                credential_ttl: proven.lifetime,
                ..none
            },
        }
    }
}
