//! The hits of a query: policies that deny or warn, with the limits that are exceeded.
//!
//! Reads the answers of a case. If no policy permits, the denial names the permits with the most conditions met.

use crate::input::entitlement::Sensitivity;
use crate::input::id::PolicyId;
use crate::input::text::Text;
use crate::policy::case::Case;
use crate::policy::enforcement::{Enforcement, NO_PERMIT};
use crate::policy::hit::{PolicyHit, Why, unanswerable};
use crate::policy::limits;
use crate::policy::pack::Pack;
use crate::policy::policy_file::Annotations;

/// The hits of the last query of a case: denials, then warnings.
pub(super) fn hits(pack: &Pack, case: &Case) -> (Vec<PolicyHit>, Vec<PolicyHit>) {
    let Some(asked) = case.asked.last() else {
        return (vec![unanswerable("the schema lacks a type that the tool stands on")], Vec::new());
    };
    if let Some(fault) = &asked.fault {
        return (vec![unanswerable(fault)], Vec::new());
    }
    let (mut denials, mut advice) = (Vec::new(), Vec::new());
    for (answer, enforcement) in asked.answers.iter().zip(Enforcement::ALL) {
        let list = if enforcement == Enforcement::Advisory { &mut advice } else { &mut denials };
        for (id, error) in &answer.errors {
            list.push(hit(pack, id, Why::Fails(Text::from(error.as_str()))));
        }
        if answer.allow {
            continue;
        }
        list.extend(answer.by.iter().map(|id| {
            let limits = limits::exceeded(pack, case, asked, id);
            PolicyHit { limits, ..hit(pack, id, Why::Forbids) }
        }));
        if enforcement == Enforcement::Mandatory && answer.by.is_empty() {
            list.push(no_permit(asked.action.id().unescaped(), &limits::nearest_permits(pack, case, asked)));
        }
    }
    (denials, advice)
}

fn hit(pack: &Pack, id: &str, why: Why) -> PolicyHit {
    match pack.about(id) {
        Some(about) => PolicyHit {
            policy: about.id.clone(),
            title: about.title.clone(),
            advice: about.advice.clone(),
            control: about.control.clone(),
            severity: about.severity,
            enforcement: about.enforcement,
            why,
            limits: Vec::new(),
        },
        None => unanswerable("an answer names a policy that the pack does not hold"),
    }
}

/// `nearest`: the permits with the most conditions met.
fn no_permit(action: &str, nearest: &[&Annotations]) -> PolicyHit {
    let demands: Vec<String> =
        nearest.iter().map(|about| format!("`{}` requires: {}", about.id.as_str(), about.title.raw())).collect();
    let demands = if demands.is_empty() { String::new() } else { format!("; {}", demands.join("; ")) };
    let mut advice: Vec<&str> = nearest.iter().map(|about| about.advice.raw()).collect();
    advice.dedup();
    let advice = match advice.as_slice() {
        [] => "no policy of this site permits it to anyone; add one that does".to_owned(),
        some => some.join("; or: "),
    };
    PolicyHit {
        policy: PolicyId::from(NO_PERMIT),
        title: Text::from(format!("no policy permits `{action}` here{demands}")),
        advice: Text::from(advice),
        control: Text::from("NIST SP 800-53 AC-3"),
        severity: Sensitivity::High,
        enforcement: Enforcement::Mandatory,
        why: Why::NoPermit,
        limits: Vec::new(),
    }
}
