//! The report: what was found about plans and decided about their changes.
//!
//! In: nothing (plain data; `build` fills the facts, `cli` the outcomes, steps and decisions). Out: everything that any
//! renderer shows. INVARIANT: a renderer decides nothing and counts nothing, so verdicts, totals and exit code are here.

use crate::access::model::facts::CheckedClaim;
use crate::input::digest::{Digest, of};
use crate::input::entitlement::Sensitivity;
use crate::input::finding::{Code, ExceededLimit, Finding, Severity};
use crate::input::id::{ChangeId, PlanId, PolicyId};
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

/// A policy, as a rule that findings refer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its id.
    pub id: PolicyId,
    /// Its title.
    pub title: Text,
    /// How to fix what it denies.
    pub advice: Text,
    /// The controls it implements (OWASP, NIST, CSA).
    pub control: Text,
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

/// What policy says of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OutcomeReport {
    /// It may not be proposed.
    Denied,
    /// A person must take steps.
    Needs,
    /// It is explicitly low risk.
    Auto,
    /// Policy was not asked (`diff`), or could not be.
    Unjudged,
}

impl OutcomeReport {
    /// The word as users see it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Needs => "needs",
            Self::Auto => "auto",
            Self::Unjudged => "unjudged",
        }
    }
}

/// An approval step of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepReport {
    /// Its name (`Owner`, `Security`, …).
    pub name: Text,
    /// What is known of it.
    pub state: StepState,
    /// The people who could take it, if it is missing and they were evaluated.
    pub people: Option<Vec<Text>>,
    /// Whether the key that took it proved that a person was there; none where nobody took it, or nothing is known.
    pub presence: Option<bool>,
}

/// How far a step is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepState {
    /// Nobody has taken it; who could, if that is known.
    Missing(Option<Text>),
    /// Somebody has.
    Filled(Text),
    /// Policy does not ask for it.
    Waived,
}

/// What a policy said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyReport {
    /// The policy.
    pub rule: Rule,
    /// Which set it is of: `mandatory`, `override`, `advisory`.
    pub enforcement: Text,
    /// How bad it says it is.
    pub severity: Text,
    /// What it says.
    pub verdict: PolicyVerdict,
    /// The limits that are exceeded.
    pub limits: Vec<ExceededLimit>,
}

/// What a policy says of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PolicyVerdict {
    /// It denies.
    Denies,
    /// It could not be evaluated, which denies.
    Fails,
    /// It warns.
    Warns,
    /// It permits.
    Permits,
}

impl PolicyVerdict {
    /// The word as users see it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Denies => "denies",
            Self::Fails => "fails",
            Self::Warns => "warns",
            Self::Permits => "permits",
        }
    }
}

/// What has been decided about a change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Nothing yet, or nothing is to be decided.
    #[default]
    Open,
    /// Enough people approved exactly this effect.
    Approved(Sentence),
    /// A person rejected it; who, when, and why.
    Rejected(Sentence),
    /// A denial was set aside.
    Overridden(Sentence),
    /// It held once, and holds no more; why.
    Stale(Sentence),
    /// Policy calls it low risk, and a recorder sealed that.
    Auto(Sentence),
}

impl State {
    /// The word as users see it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approved(_) => "approved",
            Self::Rejected(_) => "rejected",
            Self::Overridden(_) => "overridden",
            Self::Stale(_) => "stale",
            Self::Auto(_) => "auto",
        }
    }

    /// Who, when and why, where there is anything to say.
    #[must_use]
    pub fn says(&self) -> Option<&Sentence> {
        match self {
            Self::Open => None,
            Self::Approved(s) | Self::Rejected(s) | Self::Overridden(s) | Self::Stale(s) | Self::Auto(s) => Some(s),
        }
    }
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

/// A rejection that blocks a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectionReport {
    /// Who rejected it.
    pub by: Text,
    /// When that was sealed.
    pub at: Time,
    /// Why.
    pub reason: Option<Text>,
    /// Who helps to lift it so far.
    pub lifted_by: Vec<Text>,
}

impl RejectionReport {
    /// Who, when, why, and who helps to lift it.
    #[must_use]
    pub fn sentence(&self) -> Sentence {
        let says = Sentence::of("by ").name(&self.by).own(format!(" at {}", self.at));
        let says = says.maybe(self.reason.as_ref(), |s, why| s.own(": ").quote(why));
        if self.lifted_by.is_empty() { says } else { says.own(" (lifted so far by ").names(&self.lifted_by).own(")") }
    }
}

/// A part of a change that is outside its task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutsideReport {
    /// How: `gives`, `lasts`, `takes`, `no-task`, `closed`, `not-listed`, `too-large`.
    pub how: &'static str,
    /// The scope; none for `gives` and `takes`: everywhere, or unknown.
    pub scope: Option<Text>,
    /// For `lasts`: the expiry; none: no expiry.
    pub until: Option<Time>,
}

/// A mass removal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemovalReport {
    /// Its kind: `approver`, `last-holder`, `everything`, `holders`.
    pub kind: &'static str,
    /// The removal, as one clause.
    pub summary: Text,
    /// How many lose it.
    pub taken: u64,
    /// How many have it before.
    pub of: u64,
    /// The changes that remove or redefine access.
    pub changes: Vec<ChangeId>,
    /// Changes of other plans that count towards it.
    pub with: Vec<ChangeId>,
}

/// Something before and after, line by line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alteration {
    /// What it is: `assignment`, `role`, …, with its name.
    pub what: Text,
    /// Its lines before; empty: it is made.
    pub before: Vec<Text>,
    /// Its lines after; empty: it is taken.
    pub after: Vec<Text>,
}

/// What the whole plan gives and no single change gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmergentReport {
    /// What it is, one sentence.
    pub sentence: Sentence,
    /// The kind of piece: `access`, `escalation`, `sod`.
    pub kind: &'static str,
    /// Whether it would only be eligible.
    pub eligible: bool,
    /// Sets of changes that each give it.
    pub sets: Vec<Vec<ChangeId>>,
    /// Every change that is in a set, or was not shown to be outside one.
    pub members: Vec<ChangeId>,
    /// Whether all sets were found.
    pub complete: bool,
    /// Changes of other plans, approved and not shown by the snapshot yet, that it takes as well.
    pub with: Vec<ChangeId>,
    /// The changes that cost least to drop so that it does not come about.
    pub drop: Vec<ChangeId>,
    /// Why it is privileged, if it is.
    pub privileged: Option<Text>,
    /// The ways that give it.
    pub ways: Vec<Sentence>,
    /// How many pieces more it stands for.
    pub others: u64,
    /// Its hash: what a decision records.
    pub digest: Digest<of::Piece>,
}

impl EmergentReport {
    /// Whether it makes the changes privileged that give it, or brings together what must be apart.
    #[must_use]
    pub fn is_grave(&self) -> bool {
        self.kind != "access" || self.privileged.is_some()
    }
}

/// A completed escalation path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EscalationReport {
    /// Its id in the data.
    pub id: Text,
    /// Who, and what it leads to, one sentence.
    pub sentence: Sentence,
    /// Who completes it.
    pub subject: Text,
    /// False: "possible", nothing to bind a variable to.
    pub complete: bool,
    /// How each requirement is held.
    pub ways: Vec<Sentence>,
}

/// What a change takes in one way and a subject still has in another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptReport {
    /// Who has it still.
    pub subject: Text,
    /// How much of it, and how, one sentence.
    pub sentence: Sentence,
    /// The path.
    pub way: Sentence,
    /// How many accesses.
    pub accesses: u64,
    /// Of how many.
    pub of: u64,
}

/// A subject for which escalation paths lead to nothing that it could not do before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlreadyReport {
    /// Who.
    pub subject: Text,
    /// The ids of the paths.
    pub paths: Vec<Text>,
    /// That it could do as much before, one sentence.
    pub sentence: Sentence,
}

/// A conflict of duties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SodReport {
    /// Its id in the data.
    pub id: Text,
    /// Who holds both, and why they must be apart, one sentence.
    pub sentence: Sentence,
    /// Who holds both.
    pub subject: Text,
    /// How both are held.
    pub ways: Vec<Sentence>,
}
