//! The decisions on a change: outcome, approval steps, policies, decisions and rejections.

use crate::input::digest::{Digest, of};
use crate::input::finding::ExceededLimit;
use crate::input::id::PolicyId;
use crate::input::text::Text;
use crate::input::time::Time;
use crate::policy::ExplainedPolicy;
use crate::report::sentence::Sentence;

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

/// The outcome of the policies for a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OutcomeReport {
    /// It may not be proposed.
    Denied,
    /// People must fill steps.
    Needs,
    /// It is explicitly low risk.
    Auto,
    /// Policy was not evaluated (`diff`), or could not be.
    Unjudged,
}

impl OutcomeReport {
    /// The word shown to users.
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
    /// Its state.
    pub state: StepState,
    /// The people who could fill it, if it is missing and they were evaluated.
    pub people: Option<Vec<Text>>,
    /// Whether the approver's key proved that a person was present; `None` if the step is not filled, or this is
    /// unknown.
    pub presence: Option<bool>,
}

/// The state of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepState {
    /// Not filled; with the people who could fill it, if known.
    Missing(Option<Text>),
    /// Filled, with the approver.
    Filled(Text),
    /// Policy does not require it.
    Waived,
}

/// The result of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyReport {
    /// The policy.
    pub rule: Rule,
    /// Its enforcement: `mandatory`, `override`, `advisory`.
    pub enforcement: Text,
    /// The severity of a violation.
    pub severity: Text,
    /// The result.
    pub verdict: PolicyVerdict,
    /// The limits that are exceeded.
    pub limits: Vec<ExceededLimit>,
    /// Its conditions, and for a missing permit those of the nearest permits. Only `explain` fills this.
    pub conditions: Vec<ExplainedPolicy>,
}

/// The result of a policy for a change.
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
    /// The word shown to users.
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

/// The state of the decision on a change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// None yet, or none is needed.
    #[default]
    Open,
    /// The required people approved exactly this effect.
    Approved(Sentence),
    /// It would pass, but a freeze stops it.
    Frozen(Sentence),
    /// It was exported, which used its approvals up; with the line of the log, and what came of it.
    Exported(Sentence),
    /// A person rejected it; with the person, the time and the reason.
    Rejected(Sentence),
    /// A denial was overridden.
    Overridden(Sentence),
    /// It was approved, but the approval no longer counts; with the reason.
    Stale(Sentence),
    /// Policy allows it as low risk, and a recorder sealed that.
    Auto(Sentence),
}

impl State {
    /// The word shown to users.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approved(_) => "approved",
            Self::Frozen(_) => "frozen",
            Self::Exported(_) => "exported",
            Self::Rejected(_) => "rejected",
            Self::Overridden(_) => "overridden",
            Self::Stale(_) => "stale",
            Self::Auto(_) => "auto",
        }
    }

    /// The person, the time and the reason, if there is anything to show.
    #[must_use]
    pub fn says(&self) -> Option<&Sentence> {
        match self {
            Self::Open => None,
            Self::Approved(s)
            | Self::Frozen(s)
            | Self::Exported(s)
            | Self::Rejected(s)
            | Self::Overridden(s)
            | Self::Stale(s)
            | Self::Auto(s) => Some(s),
        }
    }
}

/// A freeze.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FreezeReport {
    /// What it stops: `agent`, `all`, `plan` or `task`.
    pub kind: &'static str,
    /// The id of the agent, task or plan; `None` for everything.
    pub name: Option<Text>,
    /// The person who froze.
    pub by: Text,
    /// When it was written.
    pub at: Time,
    /// When it ends.
    pub until: Time,
    /// The reason.
    pub reason: Text,
    /// The people whose agreement to end it counts so far.
    pub thawed_by: Vec<Text>,
    /// Whether it stops a change by a credential of the frozen agent, which has another name now.
    pub by_proof: bool,
    /// The hash of its line.
    pub line: Digest<of::Line>,
}

impl FreezeReport {
    /// What it stops.
    #[must_use]
    pub fn what(&self) -> Sentence {
        match &self.name {
            Some(name) => Sentence::of(format!("{} ", self.kind)).name(name),
            None => Sentence::of("everything"),
        }
    }

    /// What it stops, the person, the end, the reason, and the people who agreed to end it.
    #[must_use]
    pub fn sentence(&self) -> Sentence {
        let says = self.what().own(" is frozen by ").name(&self.by).own(format!(" until {}: ", self.until));
        let mut says = says.quote(&self.reason);
        if self.by_proof {
            says = says.own("; the proposer has another name, but proves itself as that agent does");
        }
        if self.thawed_by.is_empty() { says } else { says.own(" (thawed so far by ").names(&self.thawed_by).own(")") }
    }
}

/// A rejection that blocks a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectionReport {
    /// The person who rejected it.
    pub by: Text,
    /// When that was sealed.
    pub at: Time,
    /// The reason.
    pub reason: Option<Text>,
    /// The people who lift it so far.
    pub lifted_by: Vec<Text>,
}

impl RejectionReport {
    /// The person, the time, the reason, and the people who lift it.
    #[must_use]
    pub fn sentence(&self) -> Sentence {
        let says = Sentence::of("by ").name(&self.by).own(format!(" at {}", self.at));
        let says = says.maybe(self.reason.as_ref(), |s, why| s.own(": ").quote(why));
        if self.lifted_by.is_empty() { says } else { says.own(" (lifted so far by ").names(&self.lifted_by).own(")") }
    }
}
