//! A hit: a policy that denies or warns, with the reason.

use crate::input::entitlement::Sensitivity;
use crate::input::finding::{Code, ExceededLimit, Finding};
use crate::input::id::PolicyId;
use crate::input::text::Text;
use crate::policy::enforcement::{Enforcement, REFUSED_PROOF, UNANSWERABLE};

/// Why a policy is a hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It forbids.
    Forbids,
    /// It failed to evaluate, which denies (in an advisory policy it only warns).
    Fails(Text),
    /// No policy permits.
    NoPermit,
    /// The query to Cedar was not possible.
    Unanswerable(Text),
    /// The author of the plan is not proven, although a proof is required.
    Unproven(Text),
}

/// A policy that denies or warns, as a card shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyHit {
    /// The policy; `no-permit`, `unanswerable` and `refused-proof` are used for denials without a policy.
    pub policy: PolicyId,
    /// The requirement.
    pub title: Text,
    /// How to fix the change.
    pub advice: Text,
    /// The external control that it implements.
    pub control: Text,
    /// The severity of a violation.
    pub severity: Sensitivity,
    /// The enforcement.
    pub enforcement: Enforcement,
    /// The reason.
    pub why: Why,
    /// The exceeded limits, if the policy compares numbers or tests the task's scope.
    pub limits: Vec<ExceededLimit>,
}

impl PolicyHit {
    /// The hit as a finding; the caller adds the location of the change.
    #[must_use]
    pub fn finding(&self) -> Finding {
        let code = match (&self.why, self.enforcement) {
            (Why::Fails(_), Enforcement::Advisory) => Code::AdvisoryPolicyError,
            (Why::Fails(_) | Why::Unanswerable(_), _) => Code::PolicyError,
            (Why::Forbids | Why::NoPermit | Why::Unproven(_), Enforcement::Advisory) => Code::PolicyAdvice,
            (Why::Forbids | Why::NoPermit | Why::Unproven(_), _) => Code::PolicyDenied,
        };
        let message = match &self.why {
            Why::Forbids | Why::NoPermit => format!("`{}`: {}", self.policy.as_str(), self.title.raw()),
            Why::Fails(error) | Why::Unanswerable(error) | Why::Unproven(error) => {
                format!("`{}`: {}: {}", self.policy.as_str(), self.title.raw(), error.raw())
            }
        };
        let exceeded = ExceededLimit::in_words(&self.limits);
        let message = if exceeded.is_empty() { message } else { format!("{message}: {}", exceeded.join("; ")) };
        Finding::new(code, message).help(self.advice.clone()).exceeding(self.limits.iter().cloned())
    }
}

/// The denial used if a query was not possible.
pub(super) fn unanswerable(fault: &str) -> PolicyHit {
    PolicyHit {
        policy: PolicyId::from(UNANSWERABLE),
        title: Text::from("this could not be evaluated, so it is denied"),
        advice: Text::from("correct the value that the message names"),
        control: Text::from("NIST SP 800-53 AC-3"),
        severity: Sensitivity::High,
        enforcement: Enforcement::Mandatory,
        why: Why::Unanswerable(Text::from(fault)),
        limits: Vec::new(),
    }
}

/// The denial used if the proof of the plan's author is refused.
pub(super) fn refused_proof(why: &Text) -> PolicyHit {
    PolicyHit {
        policy: PolicyId::from(REFUSED_PROOF),
        title: Text::from("the plan's proof does not belong to its proposer"),
        advice: Text::from("have the proposer prove the plan again: `review plan sign`, or a fresh token"),
        control: Text::from("OWASP Agentic T9 Identity Spoofing and Impersonation; OWASP NHI4 Insecure Authentication"),
        severity: Sensitivity::Critical,
        enforcement: Enforcement::Mandatory,
        why: Why::Unproven(why.clone()),
        limits: Vec::new(),
    }
}
