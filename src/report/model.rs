//! The report: the findings about plans and the decisions on their changes.
//!
//! Plain data for the renderers: `build` fills the facts, `app` the outcomes, steps and decisions. INVARIANT: a
//! renderer decides nothing and counts nothing, so verdicts, totals and exit code are here.

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
pub use decision::{
    FreezeReport, OutcomeReport, PolicyReport, PolicyVerdict, RejectionReport, Rule, State, StepReport, StepState,
};

/// The result of a command.
#[derive(Clone, Debug)]
pub struct Report {
    /// The command's name as users type it: `check`, `gate`, `review`, `diff`, `verify`, `log show`, …
    pub command: &'static str,
    /// The exit code, the same in every format.
    pub exit_code: u8,
    /// The verdict, one sentence.
    pub verdict: Sentence,
    /// The findings, in the order of display.
    pub findings: Vec<Reported>,
    /// The subject of the command.
    pub body: Body,
    /// The next steps, in order.
    pub next: Vec<Sentence>,
}

/// The subject of a command.
#[derive(Clone, Debug)]
pub enum Body {
    /// Findings only, such as those of `trust check`.
    Findings,
    /// Plans: `check`, `gate`, `diff`, `explain`, a review without a terminal.
    Plans(Vec<PlanReport>),
    /// A verified log.
    Verify(VerifyReport),
    /// The contents of a log.
    Log(LogReport),
    /// A snapshot that was imported or is shown.
    Snapshot(SnapshotReport),
    /// Answers to an access query.
    Access(AccessReport),
    /// Facts in rows: `status`, `snapshot diff`, the history of one change.
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

/// A finding with its source line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reported {
    /// The finding.
    pub finding: Finding,
    /// The line, if the file is available.
    pub excerpt: Option<Excerpt>,
    /// The policy behind it, if there is one.
    pub rule: Option<Rule>,
}

impl Reported {
    /// Builds a finding; `source` returns the text of a file by its name.
    pub fn new<'s>(finding: Finding, source: impl Fn(&str) -> Option<&'s str>) -> Self {
        let excerpt = finding.place.as_ref().and_then(|place| Excerpt::of(source(&place.file)?, place));
        Self { finding, excerpt, rule: None }
    }

    /// Whether the card of a change, or the head of its plan, shows the same, so that it is redundant next to cards.
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
    /// Its file, as given by the user.
    pub file: Text,
    /// The SHA-256 of its bytes.
    pub digest: Digest<of::File>,
    /// The agent that wrote it.
    pub proposer: Text,
    /// How the proposer was authenticated, as a phrase.
    pub authenticated: Sentence,
    /// The person on whose behalf the proposer acts, according to the plan.
    pub sponsor: Option<Text>,
    /// The task, according to the plan.
    pub task: Option<Text>,
    /// The systems that its changes name or affect.
    pub targets: Vec<TargetReport>,
    /// The intent, in the assistant's words.
    pub intent: Text,
    /// When it expires.
    pub expires: Time,
    /// The policies that deny or warn about the plan as a whole.
    pub policies: Vec<PolicyReport>,
    /// Its changes, in the order of display.
    pub changes: Vec<ChangeReport>,
    /// Pieces that only the whole plan gives.
    pub emergent: Vec<EmergentReport>,
    /// Losses that only several changes together cause.
    pub lost_together: Vec<EmergentReport>,
    /// Mass removals, the most severe first.
    pub mass_removals: Vec<RemovalReport>,
    /// Totals of the plan.
    pub totals: Totals,
}

impl PlanReport {
    /// The limits of each of its changes for programs.
    #[must_use]
    pub fn listed(&self) -> Listed {
        let facts = self.changes.iter().map(|it| it.emergent.len() + it.escalations.len() + it.sod.len()).sum();
        let show = self.changes.first().map_or(Limits::SHORT, |it| it.show);
        show.listed(self.changes.len(), facts)
    }
}

/// Totals of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// The number of changes.
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
    /// Identities affected.
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
    /// Its location.
    pub place: Place,
    /// The digest to which decisions are bound, if computed.
    pub digest: Option<Digest<of::Change>>,
    /// The systems that it names or affects, if computed.
    pub targets: Vec<TargetReport>,
    /// The name of its action.
    pub action: &'static str,
    /// Its effect, in one sentence.
    pub sentence: Sentence,
    /// The entitlement's name, for typed confirmation.
    pub entitlement: Option<Text>,
    /// The outcome of the policies.
    pub outcome: OutcomeReport,
    /// The approval steps, in order.
    pub steps: Vec<StepReport>,
    /// The results of single policies.
    pub policies: Vec<PolicyReport>,
    /// What it states or grants, whether or not anyone gains access.
    pub contents: ContentsReport,
    /// Access gained.
    pub gained: AccessList,
    /// Access lost.
    pub lost: AccessList,
    /// Access that can be activated later.
    pub gained_eligible: AccessList,
    /// Access that it removes by one path and its holders keep by another.
    pub kept: Vec<KeptReport>,
    /// The number of affected identities: `at least 3 identities (human)`.
    pub concerned: Sentence,
    /// Affected groups whose members are not all known.
    pub unknown_groups: Vec<Text>,
    /// The part of its effect that is too large to analyse.
    pub untold: Option<Sentence>,
    /// The changes it depends on.
    pub depends_on: Vec<ChangeId>,
    /// Emergent pieces of which it is a part: indices into [`PlanReport::emergent`].
    pub emergent: Vec<usize>,
    /// Losses of the whole plan of which it is a part: indices into [`PlanReport::lost_together`].
    pub lost_together: Vec<usize>,
    /// Escalation paths that it opens.
    pub escalations: Vec<EscalationReport>,
    /// The same, with many subjects grouped into one sentence.
    pub escalation_groups: Vec<EscalationReport>,
    /// Escalation paths that give their subject nothing new.
    pub already: Vec<AlreadyReport>,
    /// Separation-of-duties conflicts that it creates.
    pub sod: Vec<SodReport>,
    /// The same, with many subjects grouped into one sentence.
    pub sod_groups: Vec<SodReport>,
    /// Why it is privileged; empty: it is not.
    pub privileged: Vec<Text>,
    /// The number of privileged or unclassified accesses it gives, including together with others of its plan.
    pub severe: u64,
    /// The highest sensitivity involved.
    pub sensitivity: Sensitivity,
    /// How much of it is not classified by any rule or label.
    pub unclassified: u64,
    /// If anything is unclassified, or classified only by the baseline: a name that suggests an administrator.
    pub admin_name: Option<Text>,
    /// Whether everyone, or an anonymous caller, gains access.
    pub public: bool,
    /// Names that receive what it gives and stand for many whom the snapshot does not know.
    pub outsiders: Vec<Text>,
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
    /// The checked claims of the plan.
    pub claims: Vec<CheckedClaim>,
    /// The assignment, role or group before and after, line by line.
    pub alteration: Option<Alteration>,
    /// The reason, in the assistant's words.
    pub reason: Text,
    /// The decisions so far.
    pub state: State,
    /// The rejections that block it, regardless of policy.
    pub rejections: Vec<RejectionReport>,
    /// The freezes that stop it, regardless of policy and decisions.
    pub frozen: Vec<FreezeReport>,
    /// How much of long lists is shown.
    pub show: Limits,
}

impl ChangeReport {
    /// The same change, with complete lists.
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

    /// Whether a person must read the whole card before approving it.
    #[must_use]
    pub fn must_be_read(&self) -> bool {
        !self.privileged.is_empty() || must_be_read(self.sensitivity) || self.severe > 0
    }

    /// The severity of the change, for colour and for formats that only have severities.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self.outcome {
            OutcomeReport::Denied => Severity::Error,
            OutcomeReport::Needs | OutcomeReport::Unjudged => Severity::Warning,
            OutcomeReport::Auto => Severity::Note,
        }
    }
}
