//! The report of `gate`: what is missing, and which approvals no longer count.

use std::collections::BTreeMap;

use crate::app::plans::evaluated_plan::EvaluatedPlan;
use crate::app::present::eligible_people;
use crate::app::present::gate_verdict::{rejection, rejections};
use crate::app::record::exported_plan::{self, APPLY_AGAIN};
use crate::app::record::freezes;
use crate::app::record::history::Past;
use crate::app::record::signing_keys::Keys;
use crate::app::site::load::Site;
use crate::config::People;
use crate::decision::approval::Standing;
use crate::decision::gate::{ChangeVerdict, GateState, GateVerdict, Ignored, Missing};
use crate::input::finding::{Code, Finding};
use crate::input::text::Text;
use crate::report::model::{ChangeReport, Reported, State as Shown, StepReport, StepState};
use crate::report::sentence::Sentence;

/// Adds the decisions on a change to the report.
pub fn show(change: &mut ChangeReport, held: &ChangeVerdict, keys: &Keys, site: &Site) {
    let by = |signers: &mut dyn Iterator<Item = String>| signers.collect::<Vec<_>>().join(", ");
    change.state = match &held.state {
        GateState::Approved(approved) => {
            let who = by(&mut approved.by.iter().map(|(step, s)| format!("{step}: {}", s.person.text().terminal())));
            let until = approved.until.map(|at| format!(", until {at}")).unwrap_or_default();
            Shown::Approved(Sentence::of(format!("{who}{until}")))
        }
        GateState::Void { signer, at, since, .. } => Shown::Stale(
            Sentence::of("approved by ")
                .id(&signer.person)
                .own(format!(" at {at}, but since then: "))
                .then(differs(since)),
        ),
        GateState::Expired(_) => Shown::Stale(ended(&held.ignored, keys, site)),
        GateState::Waits(cases) => Shown::Stale(
            Sentence::of("approved, but waits for ").names(&cases.iter().map(|c| c.change.text()).collect::<Vec<_>>()),
        ),
        GateState::Frozen => Shown::Frozen(frozen(held)),
        GateState::Exported(_) => Shown::Exported(exported(held)),
        GateState::Auto | GateState::Denied(_) | GateState::Undecided(_) | GateState::Rejected => Shown::Open,
    };
    change.frozen = held.frozen.iter().map(freezes::stops).collect();
    change.rejections = held.rejects.iter().map(rejection).collect();
    // INVARIANT: a rejection is shown regardless of the outcome of the policies.
    if !change.rejections.is_empty() {
        change.state = Shown::Rejected(rejections(held));
    }
    let missing: &[Missing] = match &held.state {
        GateState::Void { missing, .. } | GateState::Expired(missing) | GateState::Undecided(missing) => missing,
        GateState::Auto
        | GateState::Approved(_)
        | GateState::Denied(_)
        | GateState::Rejected
        | GateState::Frozen
        | GateState::Exported(_)
        | GateState::Waits(_) => &[],
    };
    for step in &mut change.steps {
        let could = missing.iter().find(|m| m.step.as_str() == step.name.raw()).map(|m| &m.could);
        step.people = could.map(|people| people.iter().map(crate::input::id::Id::text).collect());
        (step.state, step.presence) = state_of(step, missing, held.filled(), keys, &site.people);
    }
}

pub(crate) fn state_of(
    step: &StepReport,
    missing: &[Missing],
    filled: &BTreeMap<crate::decision::case::StepName, crate::decision::case::Signer>,
    keys: &Keys,
    people: &People,
) -> (StepState, Option<bool>) {
    if step.state == StepState::Waived {
        return (StepState::Waived, None);
    }
    if let Some((_, signer)) = filled.iter().find(|(name, _)| name.as_str() == step.name.raw()) {
        // WHY: only a touched security key proves that a person was present; any program can use a key file.
        let proven = keys.get(signer.key.raw()).is_some_and(|key| key.security_key && key.user_present);
        return (StepState::Filled(signer.person.text()), Some(proven));
    }
    match missing.iter().find(|m| m.step.as_str() == step.name.raw()) {
        Some(m) => (StepState::Missing(Some(eligible_people::could(people, &m.could).text())), None),
        None => (step.state.clone(), None),
    }
}

/// The differences since an approval: "+ `ledger:delete` on `db:ledger`; another `reason`".
pub(crate) fn differs(since: &[crate::decision::since::Since]) -> Sentence {
    const MOST: usize = 12;
    let mut says = Sentence::new();
    for (at, one) in since.iter().take(MOST).enumerate() {
        says = if at == 0 { says } else { says.own("; ") }.then(crate::app::present::since::since(one));
    }
    if since.len() > MOST { says.own(format!("; and {} more", since.len().saturating_sub(MOST))) } else { says }
}

/// Why approvals of exactly this change do not count.
pub(crate) fn ended(ignored: &[Ignored], keys: &Keys, site: &Site) -> Sentence {
    let mut says = Sentence::new();
    for (at, one) in ignored.iter().enumerate() {
        let why = match &one.standing {
            Standing::Superseded => "they decided differently later".to_owned(),
            Standing::Moved | Standing::Emerged(_) => "the change has a different effect now".to_owned(),
            Standing::Future => "that time is in the future".to_owned(),
            Standing::Expired(until) => format!("that counted until {until}"),
            Standing::Spent => "an export used it up".to_owned(),
            Standing::KeyEnded(end) => format!("the key expired at {end}"),
            Standing::Barred(_) => "they may not decide about this themselves".to_owned(),
            Standing::NotPermitted => match keys.bars_deciding(&site.provers, one.signer.key.raw()) {
                Some(besides) => format!("that key {}", besides.does()),
                None => "policy does not let them give an approval that is needed now".to_owned(),
            },
            Standing::Holds(_) => continue,
        };
        says = if at == 0 { says } else { says.own("; ") };
        says = says.own("approved by ").id(&one.signer.person).own(format!(" at {}, but {why}", one.at));
    }
    if says.is_empty() { Sentence::of("an approval expired or was used up") } else { says }
}

/// A finding for each change that a freeze stops.
pub(crate) fn frozen_changes(proposal: &EvaluatedPlan<'_>, verdict: &GateVerdict) -> Vec<Reported> {
    let all = proposal.plan.changes.iter().zip(&verdict.changes).filter(|(_, held)| !held.frozen.is_empty());
    let one = all.map(|(change, held)| {
        let says = Sentence::of("change ").id(&change.id.value).own(" is stopped: ").then(frozen(held));
        let help = "wait until the freeze ends, or end it with `review thaw`; a change that only removes access passes";
        let finding = Finding::new(Code::Frozen, says.text()).at(&change.id.place).help(help);
        Reported::new(finding, |name| source(proposal, name))
    });
    one.collect()
}

/// When a change was exported, and what came of it.
fn exported(held: &ChangeVerdict) -> Sentence {
    held.exported.as_ref().map_or_else(|| Sentence::of("exported"), exported_plan::says)
}

/// The freezes that stop a change.
pub(crate) fn frozen(held: &ChangeVerdict) -> Sentence {
    let parts = held.frozen.iter().map(|it| freezes::stops(it).sentence()).enumerate();
    parts.fold(Sentence::new(), |out, (at, it)| if at == 0 { out } else { out.own("; ") }.then(it))
}

/// The text that a finding in the plan refers to.
pub(crate) fn source<'p>(proposal: &'p EvaluatedPlan<'_>, name: &str) -> Option<&'p str> {
    std::str::from_utf8(&proposal.file.bytes).ok().filter(|_| name == proposal.file.name)
}

/// A finding for every change that does not pass and that no other finding explains.
pub(crate) fn missing(proposal: &EvaluatedPlan<'_>, verdict: &GateVerdict, keys: &Keys) -> Vec<Reported> {
    let source = |name: &str| source(proposal, name);
    let people = &proposal.site.people;
    let mut found = frozen_changes(proposal, verdict);
    for (change, held) in proposal.plan.changes.iter().zip(&verdict.changes) {
        let of = |words: &'static str| Sentence::of("change ").id(&change.id.value).own(words);
        // WHY: policy may deny the change as well, which another finding reports.
        if !held.rejects.is_empty() {
            let finding = Finding::new(Code::Rejected, of(" was rejected ").then(rejections(held)).text())
                .help("drop the change, or have two people who may `Override` lift the rejection");
            found.push(Reported::new(finding.at(&change.id.place), source));
        }
        let finding = match &held.state {
            GateState::Auto
            | GateState::Approved(_)
            | GateState::Denied(_)
            | GateState::Rejected
            | GateState::Frozen => continue,
            GateState::Void { signer, at, since, missing } => {
                let says = of(" was approved by ").id(&signer.person);
                let says = says.own(format!(" at {at}, but since then: ")).then(differs(since));
                Finding::new(Code::ApprovalVoid, says.own("; it still needs ").then(needs(people, missing)).text())
                    .help("have it reviewed again: `review PLAN`")
            }
            GateState::Expired(missing) => {
                let says = of(" was ")
                    .then(ended(&held.ignored, keys, proposal.site))
                    .own("; it still needs ")
                    .then(needs(people, missing));
                Finding::new(Code::ApprovalExpired, says.text()).help("have it reviewed again: `review PLAN`")
            }
            GateState::Undecided(missing) => {
                let mut says = of(" still needs ").then(needs(people, missing));
                if !held.ignored.is_empty() {
                    says = says.own("; it was ").then(ended(&held.ignored, keys, proposal.site));
                }
                let provers = &proposal.site.provers;
                let by_proposers = |one: &Ignored| keys.proposer(provers, one.signer.key.raw()).is_some();
                Finding::new(Code::Undecided, says.text()).help(if held.ignored.iter().any(by_proposers) {
                    "have it reviewed again with a key and a certificate that no proposer has: `review PLAN`"
                } else {
                    "`review PLAN` asks for it"
                })
            }
            GateState::Exported(_) => {
                Finding::new(Code::AlreadyExported, of(" was ").then(exported(held)).text()).help(APPLY_AGAIN)
            }
            GateState::Waits(cases) => {
                let others: Vec<Text> = cases.iter().map(|c| c.change.text()).collect();
                Finding::new(Code::Undecided, of(" waits for ").names(&others).text())
                    .help("decide on those changes, or drop this one")
            }
        };
        found.push(Reported::new(finding.at(&change.id.place), source));
    }
    found
}

/// "Owner (`ada`), Security (`bo`, the only one in `identity-security`)".
pub(crate) fn needs(people: &People, missing: &[Missing]) -> Sentence {
    let mut says = Sentence::new();
    for (at, one) in missing.iter().enumerate() {
        says = if at == 0 { says } else { says.own(", ") };
        says = says.own(format!("{} (", one.step)).then(eligible_people::could(people, &one.could)).own(")");
    }
    says
}

/// The state of a plan, one line per change.
#[must_use]
pub fn summary(proposal: &EvaluatedPlan<'_>, verdict: &GateVerdict) -> String {
    let mut lines = vec![format!("{}:", proposal.plan.id.value.text().terminal())];
    for held in &verdict.changes {
        let mut state = match &held.state {
            GateState::Auto => "automatic".to_owned(),
            GateState::Approved(_) => "approved".to_owned(),
            GateState::Denied(_) => "denied by policy".to_owned(),
            GateState::Rejected => format!("rejected {}", rejections(held).text().raw()),
            GateState::Frozen => frozen(held).text().raw().to_owned(),
            GateState::Exported(_) => exported(held).text().raw().to_owned(),
            GateState::Void { .. } => "approved once, but its effect has changed".to_owned(),
            GateState::Expired(_) => "an approval ended".to_owned(),
            GateState::Undecided(missing) => {
                format!("needs {}", needs(&proposal.site.people, missing).text().raw())
            }
            GateState::Waits(cases) => {
                let others: Vec<String> = cases.iter().map(|c| c.change.text().terminal()).collect();
                format!("approved, waits for {}", others.join(", "))
            }
        };
        if !held.rejects.is_empty() && held.state != GateState::Rejected {
            state.push_str(&format!("; rejected {}", rejections(held).text().raw()));
        }
        lines.push(format!("  {:<8} {}", held.case.change.text().terminal(), Text::from(state).terminal()));
    }
    lines.join("\n")
}

/// Approvals that count although their keys have expired, because the site allows it.
#[must_use]
pub(crate) fn by_ended_keys(proposal: &EvaluatedPlan<'_>, verdict: &GateVerdict, past: &Past) -> Vec<Reported> {
    let mut found = Vec::new();
    for (change, held) in proposal.plan.changes.iter().zip(&verdict.changes) {
        let GateState::Approved(approved) = &held.state else { continue };
        let rests = past.record.decisions.iter().filter(|decision| approved.decisions.contains(&decision.line));
        for (decision, end) in rests.filter_map(|decision| Some((decision, decision.key_ended(proposal.now)?))) {
            let says =
                Sentence::of("change ").id(&change.id.value).own(" was approved by ").id(&decision.signer.person);
            let says =
                says.own(format!(" with a key that expired at {end}; it counts because of `approvals_of_ended_keys`"));
            let finding = Finding::new(Code::ApprovalKeyEnded, says.text()).at(&change.action_place);
            let help = "ask for a new review, or remove `approvals_of_ended_keys: count` from review.yaml";
            found.push(Reported::new(finding.help(help), |name| source(proposal, name)));
        }
    }
    found
}

/// Adds the recorded history of a change to the report.
pub fn past(
    change: &mut crate::report::model::ChangeReport,
    proposal: &EvaluatedPlan<'_>,
    at: usize,
    bench: &crate::app::evaluation::eligibility::Eligibility<'_, '_>,
    past: &crate::app::record::history::Past,
    terms: &crate::decision::gate::GateTerms,
) {
    let Some(present) = proposal.presents.get(at) else { return };
    let held = crate::decision::gate::judge_change(present, &past.record, terms, bench);
    crate::app::present::gate_report::show(change, &held, &past.keys, proposal.site);
}
