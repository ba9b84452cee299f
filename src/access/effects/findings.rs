//! Findings about a plan and each of its changes, derived from the facts.
//!
//! Each finding has its location. Long lists are reported item by item up to a limit, followed by the number of the
//! rest. Findings never affect a decision.

use crate::access::change::resolve::ResolvedChange;
use crate::access::effects::compute::ChangeEffect;
use crate::access::model::facts::{ChangeFacts, ClaimResult, Emergent, Escalation, MassRemoval, Truncated};
use crate::input::finding::{Code, Finding};
use crate::plan::model::Plan;

/// The maximum number of findings of a kind about one change. One further finding has the number of the rest.
const MOST_NOTED: usize = 200;

/// The findings about one change.
pub(crate) fn notes(
    step: &ResolvedChange<'_>,
    facts: &ChangeFacts,
    outcome: &ChangeEffect,
    findings: &mut Vec<Finding>,
) {
    let place = &step.change.action_place;
    let id = facts.id.as_str();
    for (claim, placed) in facts.claims.iter().zip(&step.change.claims) {
        let found = claim.found.as_ref().map_or("nothing", |f| f.raw());
        let claimed = claim.claimed.raw();
        match claim.result {
            ClaimResult::Confirmed => {}
            ClaimResult::Contradicted => findings.push(
                Finding::new(
                    Code::ClaimContradicted,
                    format!("change `{id}` claims {} `{claimed}`; the snapshot says `{found}`", claim.name),
                )
                .at(&placed.place)
                .help("correct or drop the claim"),
            ),
            ClaimResult::Unchecked => findings.push(
                Finding::new(
                    Code::ClaimUnchecked,
                    format!("change `{id}` claims {} `{claimed}`, which the snapshot cannot confirm", claim.name),
                )
                .at(&placed.place),
            ),
        }
    }
    if facts.concerned.untold.is_any() {
        findings.push(too_large(&format!("change `{id}`"), facts.concerned.untold).at(place));
    }
    let does_nothing = outcome.gains().next().is_none() && outcome.losses().next().is_none();
    // A change that is part of a chain, or removes one of two paths, does have an effect.
    let is_part = !facts.emergent.is_empty() || !facts.lost_together.is_empty() || !facts.kept.is_empty();
    if does_nothing && !is_part && !outcome.is_cut() {
        let what = if facts.blocked {
            format!(
                "change `{id}` assigns access that a deny, a limit or a disabled identity blocks; it takes effect when that changes"
            )
        } else {
            format!("change `{id}` does not change effective access")
        };
        findings.push(Finding::new(Code::NoEffect, what).at(place));
    }
    // WHY: a role of a whole cluster affects hundreds of groups. One finding names a few and counts all.
    let open = &facts.concerned.unknown_groups;
    if !open.is_empty() {
        let named: Vec<String> = open.iter().take(3).map(|group| format!("`{}`", group.as_str())).collect();
        let what = match (open.len(), open.len().saturating_sub(named.len())) {
            (1, _) => format!("group {}", named.join(", ")),
            (all, 0) => format!("{all} groups ({})", named.join(", ")),
            (all, more) => format!("{all} groups ({} and {more} more)", named.join(", ")),
        };
        findings.push(
            Finding::new(Code::MembersUnknown, format!("change `{id}` affects {what}, which has unknown members"))
                .at(place)
                .help("export the members of the group; until then, every count is a lower bound"),
        );
    }
    let mut escalations: Vec<&Escalation> = facts.escalations.iter().collect();
    escalations.sort_by_key(|escalation| !escalation.complete);
    for escalation in escalations.iter().take(MOST_NOTED) {
        let what = if escalation.complete { "completes" } else { "may complete" };
        let message = format!(
            "change `{id}`: `{}` {what} the escalation path `{}`",
            escalation.subject.as_str(),
            escalation.id.raw()
        );
        findings.push(Finding::new(Code::EscalationPath, message).at(place).help(escalation.title.clone()));
    }
    let more = |all: usize, code: Code, what: &str| {
        let left = all.saturating_sub(MOST_NOTED);
        (left > 0).then(|| Finding::new(code, format!("change `{id}` {what} {left} times more")).at(place))
    };
    findings.extend(more(escalations.len(), Code::EscalationPath, "opens an escalation path"));
    for conflict in facts.sod.iter().take(MOST_NOTED) {
        let message =
            format!("change `{id}` gives `{}` both entitlements of `{}`", conflict.subject.as_str(), conflict.id.raw());
        findings.push(Finding::new(Code::SodConflict, message).at(place).help(conflict.title.clone()));
    }
    findings.extend(more(facts.sod.len(), Code::SodConflict, "gives someone entitlements that must be separate"));
}

/// The mass removals of a plan.
pub(crate) fn mass_removals(plan: &Plan, removals: &[MassRemoval]) -> Vec<Finding> {
    let one = |removal: &MassRemoval| {
        let with = if removal.with.is_empty() {
            String::new()
        } else {
            let named: Vec<String> = removal.with.iter().take(3).map(|id| format!("`{}`", id.as_str())).collect();
            let more = removal.with.len().saturating_sub(named.len());
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!(", together with {}{more} of the last 24 hours", named.join(", "))
        };
        Finding::new(Code::MassRemoval, format!("{}{with}", removal.in_words()))
            .at(&plan.id.place)
            .help("ask the owners whether this is intended; each change that removes access needs a person")
    };
    removals.iter().map(one).collect()
}

/// Reports that an effect is too large to analyse.
fn too_large(whose: &str, untold: Truncated) -> Finding {
    let subjects = match untold.subjects {
        0 => String::new(),
        1 => ": one identity or group counts as gaining everything".to_owned(),
        n => format!(": {n} identities and groups count as gaining everything"),
    };
    let paths = if untold.paths { "; it is unknown whether a subject can use an escalation path" } else { "" };
    let conflicts = if untold.conflicts { "; separation of duties could not be checked" } else { "" };
    Finding::new(
        Code::EffectTooLarge,
        format!("the effect of {whose} is too large to analyse{subjects}{paths}{conflicts}"),
    )
    .help("narrow it: name its receivers, set a scope, use a smaller role, or split it")
}

/// Reports that a plan gives and removes too much to analyse at once.
pub(crate) fn beyond_budget(plan: &Plan) -> Finding {
    Finding::new(Code::TooLarge, "the combined effect of the changes of this plan is too large to analyse")
        .at(&plan.id.place)
        .help("split the plan into smaller ones")
}

/// How much of a plan is not classified by any rule or label: one finding for all of it.
fn unclassified(plan: &Plan, changes: &[ChangeFacts]) -> Option<Finding> {
    let of: Vec<&ChangeFacts> = changes.iter().filter(|facts| facts.unclassified > 0).collect();
    let first = of.first()?;
    let all = of.iter().map(|facts| facts.unclassified).fold(0, u64::saturating_add);
    let whose = match of.len() {
        1 => format!("change `{}`", first.id.as_str()),
        more => format!("{more} changes, `{}` the first", first.id.as_str()),
    };
    let what = if all == 1 { "1 permission or entitlement" } else { &format!("{all} permissions or entitlements") };
    let message = format!("no rule or label classifies {what} of {whose}, so a person decides");
    Some(
        Finding::new(Code::Unclassified, message)
            .at(&plan.id.place)
            .help("add rules to `policies/classification.yaml`; `review snapshot classify --suggest` drafts them"),
    )
}

/// The findings about the plan as a whole.
pub(crate) fn about_plan(
    plan: &Plan,
    (emergent, untold): (&[Emergent], Truncated),
    sets_incomplete: bool,
    changes: &[ChangeFacts],
    findings: &mut Vec<Finding>,
) {
    if untold.is_any() {
        findings.push(too_large("the plan as a whole", untold).at(&plan.id.place));
    }
    if !emergent.is_empty() {
        let message = format!(
            "{} only from several changes together",
            match emergent.len() {
                1 => "1 access comes".to_owned(),
                n => format!("{n} accesses come"),
            }
        );
        findings.push(
            Finding::new(Code::EmergentAccess, message)
                .at(&plan.id.place)
                .help("review the responsible changes together, and drop one of them"),
        );
    }
    findings.extend(unclassified(plan, changes));
    if sets_incomplete {
        findings.push(
            Finding::new(
                Code::SetsIncomplete,
                "the search for responsible changes reached its limit and is incomplete",
            )
            .at(&plan.id.place)
            .help("split the plan into smaller ones"),
        );
    }
}
