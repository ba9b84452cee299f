//! Converts policy outcomes into the types of this module.
//!
//! Errs towards denial: a denial counts as mandatory unless it is clearly one that `Override` can override.

use std::collections::BTreeSet;

use crate::decision::case::{CaseOutcome, Denial};
use crate::input::id::PolicyId;
use crate::policy;
use crate::policy::{Enforcement, Judged, PlanJudged, PolicyHit, Why};

/// The outcome of the policies for a change.
#[must_use]
pub fn outcome(judged: &Judged) -> CaseOutcome {
    match &judged.outcome {
        policy::Outcome::Denied => CaseOutcome::Denied(denial(judged)),
        policy::Outcome::Needs(steps) => CaseOutcome::Needs(steps.clone()),
        policy::Outcome::Auto => CaseOutcome::Auto,
    }
}

/// The policies that deny the whole plan; `None`: not denied. An empty set is a denial without a policy.
#[must_use]
pub fn plan_denied(judged: &PlanJudged) -> Option<BTreeSet<PolicyId>> {
    (!judged.passes()).then(|| judged.denials.iter().map(|hit| hit.policy.clone()).collect())
}

fn denial(judged: &Judged) -> Denial {
    let (light, heavy): (Vec<&PolicyHit>, Vec<&PolicyHit>) = judged.denials.iter().partition(|h| can_be_set_aside(h));
    let overridable: BTreeSet<PolicyId> = light.into_iter().map(|hit| hit.policy.clone()).collect();
    let mandatory: BTreeSet<PolicyId> = heavy.into_iter().map(|hit| hit.policy.clone()).collect();
    Denial { unnamed: !judged.overridable && mandatory.is_empty(), mandatory, overridable, then: judged.steps.clone() }
}

/// Whether `Override` can override a hit: it must be a policy of the set for that purpose. A missing permit cannot be
/// overridden, nor can a query that failed.
fn can_be_set_aside(hit: &PolicyHit) -> bool {
    match (hit.enforcement, &hit.why) {
        (Enforcement::Override, Why::Forbids | Why::Fails(_)) => true,
        (Enforcement::Mandatory | Enforcement::Advisory | Enforcement::Override, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::case::StepName;
    use crate::input::entitlement::Sensitivity;

    fn hit(name: &str, enforcement: Enforcement, why: Why) -> PolicyHit {
        PolicyHit {
            policy: name.into(),
            title: name.into(),
            advice: "".into(),
            control: "".into(),
            severity: Sensitivity::Low,
            enforcement,
            why,
            limits: Vec::new(),
        }
    }

    fn denied(overridable: bool, denials: Vec<PolicyHit>) -> Denial {
        let judged = Judged {
            outcome: policy::Outcome::Denied,
            denials,
            overridable,
            advice: Vec::new(),
            steps: vec![StepName::new("Owner").unwrap()],
            waived: Vec::new(),
            automatic_by: Vec::new(),
            barred: BTreeSet::new(),
            case: None,
        };
        let CaseOutcome::Denied(denial) = outcome(&judged) else { panic!("denied") };
        denial
    }

    #[test]
    fn only_what_policy_calls_overridable_can_be_set_aside() {
        let light = || hit("p", Enforcement::Override, Why::Forbids);
        assert!(denied(true, vec![light()]).can_be_set_aside());
        assert!(!denied(false, vec![light()]).can_be_set_aside(), "policy says that something else denies");
        assert!(!denied(true, vec![light(), hit("m", Enforcement::Mandatory, Why::Forbids)]).can_be_set_aside());
        assert!(!denied(true, vec![hit("no-permit", Enforcement::Override, Why::NoPermit)]).can_be_set_aside());
        assert!(!denied(false, Vec::new()).can_be_set_aside());
    }
}
