//! The people who could take a step: as data, as text, and as a warning if no person could.
//!
//! Asks policy about each person of people.yaml with the strongest kind of key, and fills the steps of a change with different
//! people as the gate does. The text names a group if its members are exactly these people. Cost: one policy evaluation per step,
//! person and change; at most [`MOST_ASKED`] pairs of person and change.

use std::collections::BTreeSet;

use crate::app::evaluation::eligibility::Eligibility;
use crate::app::plans::evaluated_plan::EvaluatedPlan;
use crate::config::People;
use crate::decision::case::{CaseId, Signer, StepName};
use crate::decision::matching::{Candidate, fill};
use crate::input::finding::{Code, Finding};
use crate::input::id::{Id, PersonId};
use crate::input::text::Text;
use crate::policy::Outcome;
use crate::report::model::{PlanReport, StepState};
use crate::report::sentence::Sentence;

/// The maximum number of pairs of a person and a change that one `check` evaluates.
pub const MOST_ASKED: usize = 1_000;

/// Adds to a report who could take each missing step. Returns a warning for each change that the people of people.yaml cannot
/// approve. `left` counts down the remaining pairs.
pub fn note(
    proposal: &EvaluatedPlan<'_>,
    bench: &Eligibility<'_, '_>,
    report: &mut PlanReport,
    left: &mut usize,
) -> Vec<Finding> {
    let everyone = proposal.site.people.all();
    let mut found = Vec::new();
    for ((change, judged), shown) in proposal.plan.changes.iter().zip(&proposal.judged).zip(&mut report.changes) {
        let Outcome::Needs(steps) = &judged.outcome else { continue };
        let Some(rest) = left.checked_sub(everyone.len().max(1)) else { break };
        *left = rest;
        let case = CaseId { plan: proposal.plan.id.value.clone(), change: change.id.value.clone() };
        let candidates: Vec<Candidate> = everyone
            .iter()
            .map(|person| Candidate {
                signer: Signer::new(person.id.value.clone(), person.id.value.text()),
                steps: bench.could(&person.id.value, &case),
            })
            .collect();
        let of = |step: &str| -> BTreeSet<PersonId> {
            let could = candidates.iter().filter(|c| c.steps.iter().any(|own| own.as_str() == step));
            could.map(|candidate| candidate.signer.person.clone()).collect()
        };
        for step in shown.steps.iter_mut().filter(|step| step.state == StepState::Missing(None)) {
            let people = of(step.name.raw());
            step.state = StepState::Missing(Some(could(&proposal.site.people, &people).text()));
            step.people = Some(people.iter().map(Id::text).collect());
        }
        let missing = fill(steps, &candidates).missing;
        if !missing.is_empty() {
            let id = change.id.value.as_str();
            found.push(nobody(proposal, id, steps, &missing, &of).at(&change.action_place));
        }
    }
    found
}

/// The warning that the people of people.yaml cannot take all steps of a change.
fn nobody(
    proposal: &EvaluatedPlan<'_>,
    change: &str,
    steps: &[StepName],
    missing: &[StepName],
    of: &dyn Fn(&str) -> BTreeSet<PersonId>,
) -> Finding {
    let alone = missing.iter().find(|step| of(step.as_str()).is_empty());
    let message = if let Some(step) = alone {
        format!("change `{change}` needs {step}, which no one in people.yaml can give")
    } else {
        let names: Vec<&str> = steps.iter().map(StepName::as_str).collect();
        format!(
            "change `{change}` needs {} from different people, and people.yaml has too few who can give them",
            names.join(" and ")
        )
    };
    let step = alone.or(missing.first());
    let permits = step.map(|step| proposal.site.pack.permits(&format!("ApproveAs{step}"))).unwrap_or_default();
    let mut advice: Vec<&str> = permits.iter().map(|about| about.advice.raw()).collect();
    advice.dedup();
    let help = if advice.is_empty() {
        Text::from("add a policy that permits this approval")
    } else {
        Text::from(advice.join("; or: "))
    };
    Finding::new(Code::NobodyCanApprove, message).help(help)
}

/// Who could take a step: "one of the two people in `identity-security`".
#[must_use]
pub fn could(people: &People, could: &BTreeSet<PersonId>) -> Sentence {
    let exactly = |members: &[PersonId]| members.iter().collect::<BTreeSet<_>>() == could.iter().collect();
    let mut groups = people.groups().iter().filter(|(_, members)| exactly(members));
    // WHY: of two groups with the same people, either could be the one that counts here, so neither is named.
    let group = groups.next().filter(|_| groups.next().is_none());
    let only = could.iter().next().filter(|_| could.len() == 1);
    match (only, group) {
        (None, _) if could.is_empty() => Sentence::of("no one in people.yaml"),
        (Some(person), Some((group, _))) => Sentence::new().id(person).own(", the only one in ").name(group),
        (Some(person), None) => Sentence::new().id(person),
        (None, Some((group, _))) => Sentence::of(format!("one of the {} people in ", spelled(could.len()))).name(group),
        (None, None) => {
            Sentence::of("one of ").names(&could.iter().map(crate::input::id::Id::text).collect::<Vec<_>>())
        }
    }
}

fn spelled(count: usize) -> String {
    const WORDS: [&str; 13] =
        ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    WORDS.get(count).map_or_else(|| count.to_string(), |word| (*word).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_stands_for_its_people_where_it_is_exactly_them() {
        let people = People::read(
            "people.yaml",
            b"version: 1\npeople:\n  - {id: ada, principals: [a], identities: [a]}\n  - {id: bo, principals: [b], identities: [b]}\n  - {id: cy, principals: [c], identities: [c]}\ngroups: {identity-security: [ada, bo], owners: [cy], red: [bo], blue: [bo]}\n",
        )
        .unwrap();
        let said = |who: &[&str]| could(&people, &who.iter().map(|id| PersonId::from(*id)).collect()).terminal();
        assert_eq!(said(&["ada", "bo"]), "one of the two people in `identity-security`");
        assert_eq!(said(&["ada", "cy"]), "one of `ada`, `cy`");
        assert_eq!(said(&["cy"]), "`cy`, the only one in `owners`");
        assert_eq!(said(&["bo"]), "`bo`", "two groups hold exactly Bo, and it is not known which counts");
        assert_eq!(said(&[]), "no one in people.yaml");
    }
}
