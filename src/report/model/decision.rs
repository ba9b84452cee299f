//! What policy and people say of a change: outcome, approval steps, policies, decisions and rejections.

use crate::input::finding::ExceededLimit;
use crate::input::id::PolicyId;
use crate::input::text::Text;
use crate::input::time::Time;
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
