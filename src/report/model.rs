//! The report: what was found about plans and decided about their changes.
//!
//! In: nothing (plain data; `build` fills the facts, `cli` the outcomes, steps and decisions). Out: everything that any
//! renderer shows. INVARIANT: a renderer decides nothing and counts nothing, so verdicts, totals and exit code are here.

use crate::access::model::facts::CheckedClaim;
use crate::input::digest::{Digest, of};
use crate::input::entitlement::Sensitivity;
use crate::input::finding::{Code, Finding, Severity};
use crate::input::id::{ChangeId, PlanId};
use crate::input::place::Place;
use crate::input::text::Text;
use crate::input::time::Time;
use crate::report::target::TargetReport;

use super::asked::AccessReport;
use super::contents::ContentsReport;
use super::effects::AccessList;
use super::excerpt::Excerpt;
use super::record::{LogReport, SnapshotReport, VerifyReport};
use super::sentence::Sentence;
use super::sheet::Sheets;
use crate::report::limits::{Limits, Listed, must_be_read};

mod consequence;
mod decision;

pub use consequence::{
    AlreadyReport, Alteration, EmergentReport, EscalationReport, KeptReport, OutsideReport, RemovalReport, SodReport,
};
pub use decision::{OutcomeReport, PolicyReport, PolicyVerdict, RejectionReport, Rule, State, StepReport, StepState};

/// What a command has to say.
#[derive(Clone, Debug)]
pub struct Report {
    /// The command's name as users type it: `check`, `gate`, `review`, `diff`, `verify`, `log show`, …
    pub command: &'static str,
    /// The exit code, the same in every format.
    pub exit_code: u8,
    /// The verdict, one sentence.
    pub verdict: Sentence,
    /// What is wrong or notable, in the order in which it is shown.
    pub findings: Vec<Reported>,
    /// What the command is about.
    pub body: Body,
    /// What to do next, in order.
    pub next: Vec<Sentence>,
}

/// What a command is about.
#[derive(Clone, Debug)]
pub enum Body {
    /// Nothing but findings, such as those of `trust check`.
    Findings,
    /// Plans: `check`, `gate`, `diff`, `explain`, a review without a terminal.
    Plans(Vec<PlanReport>),
    /// A log that was verified.
    Verify(VerifyReport),
    /// A log that is shown.
    Log(LogReport),
    /// A snapshot that was imported or is shown.
    Snapshot(SnapshotReport),
    /// Who can do what.
    Access(AccessReport),
    /// Facts in rows: `status`, `snapshot diff`, one change's story.
    Sheets(Sheets),
}

impl Report {
    /// Every change of every plan, in order.
    pub fn changes(&self) -> impl Iterator<Item = (&PlanReport, &ChangeReport)> {
        let plans: &[PlanReport] = match &self.body {
            Body::Plans(plans) => plans,
            Body::Findings | Body::Verify(_) | Body::Log(_) | Body::Snapshot(_) | Body::Access(_) | Body::Sheets(_) => {
                &[]
            }
        };
        plans.iter().flat_map(|plan| plan.changes.iter().map(move |change| (plan, change)))
    }
}

/// A finding with the line that it points at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reported {
    /// The finding.
    pub finding: Finding,
    /// The line, where the file is at hand.
    pub excerpt: Option<Excerpt>,
    /// The policy behind it, where one is.
    pub rule: Option<Rule>,
}

impl Reported {
    /// A finding; `source` gives the text of a file that was read, by its name.
    pub fn new<'s>(finding: Finding, source: impl Fn(&str) -> Option<&'s str>) -> Self {
        let excerpt = finding.place.as_ref().and_then(|place| Excerpt::of(source(&place.file)?, place));
        Self { finding, excerpt, rule: None }
    }

    /// Whether the card of a change, or the head of its plan, says the same: where cards stand, this need not stand too.
    #[must_use]
    pub fn is_on_card(&self) -> bool {
        let on_card = [
            Code::MembersUnknown,
            Code::ClaimContradicted,
            Code::ClaimUnchecked,
            Code::NoEffect,
            Code::EmergentAccess,
            Code::EscalationPath,
            Code::SodConflict,
            Code::ChangeGives,
            Code::TooMuchToApprove,
        ];
        self.rule.is_some() || (self.finding.severity != Severity::Error && on_card.contains(&self.finding.code))
    }
}

/// One plan.
#[derive(Clone, Debug)]
pub struct PlanReport {
    /// Its id.
    pub id: PlanId,
    /// Its file, as the user named it.
    pub file: Text,
    /// The SHA-256 of its bytes.
    pub digest: Digest<of::File>,
    /// The agent that wrote it.
    pub proposer: Text,
    /// How the proposer was authenticated, one phrase of ours.
    pub authenticated: Sentence,
    /// The person it says it acts for.
    pub sponsor: Option<Text>,
    /// The task it says it serves.
    pub task: Option<Text>,
    /// The systems that its changes name or affect.
    pub targets: Vec<TargetReport>,
    /// What it is for, in the assistant's words.
    pub intent: Text,
    /// After this it is void.
    pub expires: Time,
    /// What policy says of the plan as a whole, beside its changes: nothing, where nothing is to be said.
    pub policies: Vec<PolicyReport>,
    /// Its changes, in the order in which they are shown.
    pub changes: Vec<ChangeReport>,
    /// What only the whole plan gives.
    pub emergent: Vec<EmergentReport>,
    /// What only several changes together take.
    pub lost_together: Vec<EmergentReport>,
    /// Mass removals, the most severe first.
    pub mass_removals: Vec<RemovalReport>,
    /// Sums over the plan.
    pub totals: Totals,
}

impl PlanReport {
    /// How much each of its changes lists for machines.
    #[must_use]
    pub fn listed(&self) -> Listed {
        let facts = self.changes.iter().map(|it| it.emergent.len() + it.escalations.len() + it.sod.len()).sum();
        let show = self.changes.first().map_or(Limits::SHORT, |it| it.show);
        show.listed(self.changes.len(), facts)
    }
}

/// Sums over a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Changes.
    pub changes: u64,
    /// Changes that policy denies.
    pub denied: u64,
    /// Changes that need a person.
    pub needs: u64,
    /// Changes that are explicitly low risk.
    pub auto: u64,
    /// Privileged changes.
    pub privileged: u64,
    /// Pieces gained by the whole plan.
    pub gained: u64,
    /// Pieces lost by the whole plan.
    pub lost: u64,
    /// Pieces that the whole plan makes eligible.
    pub gained_eligible: u64,
    /// Privileged pieces among those gained or made eligible.
    pub gained_privileged: u64,
    /// Pieces that only the whole plan gives.
    pub emergent: u64,
    /// Identities concerned.
    pub identities: u64,
    /// Whether there may be more identities.
    pub at_least: bool,
}

/// One change.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Clone, Debug)]
pub struct ChangeReport {
    /// Its id within the plan.
    pub id: ChangeId,
    /// Where it stands.
    pub place: Place,
    /// The digest that a decision is bound to, where it was computed.
    pub digest: Option<Digest<of::Change>>,
    /// The systems that it names or affects, where they were computed.
    pub targets: Vec<TargetReport>,
    /// The word of its action.
    pub action: &'static str,
    /// What it does, one sentence.
    pub sentence: Sentence,
    /// The entitlement's name, for typed confirmation.
    pub entitlement: Option<Text>,
    /// What policy says.
    pub outcome: OutcomeReport,
    /// The approval steps, in order.
    pub steps: Vec<StepReport>,
    /// What single policies said.
    pub policies: Vec<PolicyReport>,
    /// What it states or gives, whether or not anyone gains by it.
    pub contents: ContentsReport,
    /// Access gained.
    pub gained: AccessList,
    /// Access lost.
    pub lost: AccessList,
    /// Access that can be activated later.
    pub gained_eligible: AccessList,
    /// What it takes in one way and its holders still have in another.
    pub kept: Vec<KeptReport>,
    /// How many identities it concerns: `at least 3 identities (human)`.
    pub concerned: Sentence,
    /// Groups concerned whose members are not all known.
    pub unknown_groups: Vec<Text>,
    /// What of its effect is too large to tell.
    pub untold: Option<Sentence>,
    /// The changes it depends on.
    pub depends_on: Vec<ChangeId>,
    /// Whole-plan pieces of which it is a part: places in [`PlanReport::emergent`].
    pub emergent: Vec<usize>,
    /// Losses of the whole plan of which it is a part: places in [`PlanReport::lost_together`].
    pub lost_together: Vec<usize>,
    /// Escalation paths that it opens.
    pub escalations: Vec<EscalationReport>,
    /// The same, those of many subjects in one sentence.
    pub escalation_groups: Vec<EscalationReport>,
    /// Escalation paths that lead to nothing that their subject could not do before.
    pub already: Vec<AlreadyReport>,
    /// Conflicts that it makes.
    pub sod: Vec<SodReport>,
    /// The same, those of many subjects in one sentence.
    pub sod_groups: Vec<SodReport>,
    /// Why it is privileged; empty: it is not.
    pub privileged: Vec<Text>,
    /// How many privileged or unclassified accesses it gives, with others of its plan as well.
    pub severe: u64,
    /// The highest sensitivity of what it touches.
    pub sensitivity: Sensitivity,
    /// How much of it no rule and no label classifies.
    pub unclassified: u64,
    /// Where something is unclassified: a name in it that tells of an administrator.
    pub admin_name: Option<Text>,
    /// Whether everybody, or an anonymous caller, gains.
    pub public: bool,
    /// Whether it gives any action on any resource.
    pub gives_everything: bool,
    /// Whether the access that it gives is inside its task.
    pub in_task_scope: bool,
    /// Whether the access that it removes or redefines is inside its task.
    pub takes_in_task_scope: bool,
    /// The parts outside its task.
    pub outside: Vec<OutsideReport>,
    /// Whether an inverse change restores the state before.
    pub reversible: bool,
    /// What the plan asserts, checked.
    pub claims: Vec<CheckedClaim>,
    /// The assignment, role or group before and after, line by line.
    pub alteration: Option<Alteration>,
    /// Why, in the assistant's words.
    pub reason: Text,
    /// What has been decided.
    pub state: State,
    /// The rejections that block it, whatever policy says of it.
    pub rejections: Vec<RejectionReport>,
    /// How much of long lists is shown.
    pub show: Limits,
}

impl ChangeReport {
    /// The same change, with nothing left out of its lists.
    #[must_use]
    pub fn in_full(&self) -> Self {
        Self {
            contents: self.contents.in_full(),
            gained: self.gained.in_full(),
            lost: self.lost.in_full(),
            gained_eligible: self.gained_eligible.in_full(),
            escalation_groups: self.escalations.clone(),
            sod_groups: self.sod.clone(),
            show: Limits::ALL,
            ..self.clone()
        }
    }

    /// Whether a person must read its whole card before they approve it.
    #[must_use]
    pub fn must_be_read(&self) -> bool {
        !self.privileged.is_empty() || must_be_read(self.sensitivity) || self.severe > 0
    }

    /// How grave the change looks, for colour and for formats that know only severities.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self.outcome {
            OutcomeReport::Denied => Severity::Error,
            OutcomeReport::Needs | OutcomeReport::Unjudged => Severity::Warning,
            OutcomeReport::Auto => Severity::Note,
        }
    }
}
