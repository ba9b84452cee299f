//! Who is proved to have written a plan.
//!
//! Checks the proof next to the plan at the time when the log received both, otherwise now. A proof that does not hold, and one
//! that is faulty, prove nothing and are reported.

use crate::app::plans::plan_file::PlanFile;
use crate::app::plans::proof_file::{Beside, ProofFile};
use crate::app::site::load::Site;
use crate::input::finding::{Code, Finding};
use crate::input::id::PrincipalId;
use crate::input::text::Text;
use crate::input::time::Time;
use crate::plan::model::Plan;
use crate::policy;
use crate::trust::proposer::{self, Proven};

/// Why a time that the log holds does not help a proof that has ended.
const LOOSE: &str =
    "; when it came is recorded by sessions alone that follow none, of several such, so that does not count";

/// What helps then.
const PROVE_AGAIN: &str = "have the proposer prove the plan again: `review plan sign`, or a new token";

/// Who is proved to have written a plan.
#[derive(Clone, Debug)]
pub struct Origin {
    /// When the plan was received: what the proof was judged at.
    pub received: Time,
    /// What was proved.
    pub proven: Option<Proven>,
    /// The proof's file, where something was proved by it.
    pub file: Option<ProofFile>,
    /// Why nobody is proved, where that must be said.
    pub finding: Option<Finding>,
    /// Whether the proof would have held at another time.
    pub untimely: bool,
    /// Where the proof holds no more: whose word it is that the plan came when it did, and why it does not hold now.
    pub only_then: Option<(PrincipalId, Text)>,
    refused: Option<Text>,
}

impl Origin {
    /// Judges what lies beside a plan, at the first time at which a session of the log received it, else now.
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
        };
        let proposer = &plan.proposer.value;
        let refuse = |code: Code, message: String, help: &str| Self {
            refused: Some(Text::from(message.as_str())),
            finding: Some(Finding::new(code, message).at(&plan.proposer.place).help(help)),
            ..none.clone()
        };
        match &file.beside {
            Beside::Faulty(message, help) => refuse(Code::BadProof, message.clone(), help),
            Beside::Nothing => {
                let is_agreed = site.provers.get(proposer).is_some_and(|prover| !prover.ways.is_empty());
                if !is_agreed {
                    return none;
                }
                let message = format!(
                    "nothing beside `{}` proves that `{}` wrote it",
                    Text::from(file.name.as_str()).terminal(),
                    proposer.as_str()
                );
                Self {
                    finding: Some(
                        Finding::new(Code::UnprovenProposer, message).at(&plan.proposer.place).help(
                            "have the proposer sign it with `review plan sign`, or store its token as `PLAN.jwt`",
                        ),
                    ),
                    refused: Some(Text::from("agents.yaml says how the proposer proves itself, and no proof is there")),
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

    /// That the proof holds only at the time when somebody says that the plan came, where that is so.
    #[must_use]
    pub fn holds_no_longer(&self, plan: &Plan) -> Option<Finding> {
        let (by, why) = self.only_then.as_ref()?;
        let message = format!(
            "that `{}` wrote the plan is proved only for {}, when it came as `{}` recorded; now {}",
            plan.proposer.value.as_str(),
            self.received,
            by.as_str(),
            why.raw()
        );
        Some(
            Finding::new(Code::ProofNoLonger, message).at(&plan.proposer.place).help(
                "nothing, if you rely on who recorded it for the time; else have the proposer prove the plan again",
            ),
        )
    }

    /// What policy is told of it.
    #[must_use]
    pub fn proof(&self, overbroad: bool) -> policy::Proof {
        let none = policy::Proof { refused: self.refused.clone(), overbroad, ..policy::Proof::none() };
        match &self.proven {
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
