//! The card of a change: facts and paths first, then policy with its advice, the assistant's words last and marked.
//!
//! Renders a change of the report and its plan as lines of a page, for the terminal session and for printed reviews.

use crate::access::model::facts::ClaimResult;
use crate::input::finding::ExceededLimit;
use crate::input::text::Text;
use crate::report::contents::ContentsReport;
use crate::report::effects::AccessList;
use crate::report::groups::Bundle;
use crate::report::layout::{Page, StyledSpan, spans};
use crate::report::limits::MOST_SEVERE;
use crate::report::model::{
    Alteration, ChangeReport, EmergentReport, OutcomeReport, PlanReport, PolicyReport, PolicyVerdict, State, StepState,
};
use crate::report::render::conditions;
use crate::report::sentence::{Sentence, counted, number};
use crate::report::style::Label;
use crate::report::target;

/// The maximum number of jointly responsible changes named, for each fact of a kind that is shown.
const MOST_MEMBERS: usize = 3;

/// Puts the card of a change on a page. `place` is its position: `2 of 5`.
pub fn put(page: &mut Page, plan: &PlanReport, change: &ChangeReport, place: &str) {
    page.gap();
    page.rule(&format!("{} · {place}", change.id.text().terminal()));
    put_freezes(page, change);
    page.para("", &spans(Label::Heading, &change.sentence));
    page.para("", &summary(change));
    let is_above = !change.rejections.is_empty() || matches!(change.state, State::Frozen(_));
    if let Some(says) = change.state.says().filter(|_| !is_above) {
        let front = StyledSpan::own(Label::Plain, format!("{}: ", change.state.word()));
        page.para_from(front, &spans(Label::Plain, says));
    }
    put_rejections(page, change);
    page.heading("Facts, computed from the snapshot");
    facts(page, plan, change);
    if !change.policies.is_empty() || !change.steps.is_empty() {
        page.heading("Policy");
        steps(page, change);
        for policy in &change.policies {
            put_policy(page, policy);
        }
    }
    page.heading("The assistant's words, not verified");
    words(page, change);
}

/// The freezes that stop a change, regardless of policy and decisions.
pub fn put_freezes(page: &mut Page, change: &ChangeReport) {
    for freeze in &change.frozen {
        page.para_from(StyledSpan::own(Label::Stop, "FROZEN "), &spans(Label::Plain, &freeze.sentence()));
        page.mark();
    }
}

/// How a rejection is lifted.
pub const LIFT: &str =
    "it applies until its author approves the change instead, or two people who may override lift it";

/// The rejections that block a change, regardless of policy.
pub fn put_rejections(page: &mut Page, change: &ChangeReport) {
    for rejection in &change.rejections {
        page.para_from(StyledSpan::own(Label::Stop, "rejected "), &spans(Label::Plain, &rejection.sentence()));
        page.mark();
    }
    if !change.rejections.is_empty() {
        page.para("  ", &[StyledSpan::own(Label::Plain, LIFT)]);
    }
}

/// The label of an outcome.
#[must_use]
pub fn outcome_label(outcome: OutcomeReport) -> Label {
    match outcome {
        OutcomeReport::Denied => Label::Stop,
        OutcomeReport::Needs => Label::Warn,
        OutcomeReport::Auto => Label::Pass,
        OutcomeReport::Unjudged => Label::Quiet,
    }
}

fn summary(change: &ChangeReport) -> Vec<StyledSpan> {
    let mut out = vec![StyledSpan::own(outcome_label(change.outcome), change.outcome.word().to_uppercase())];
    if !change.privileged.is_empty() {
        out.push(StyledSpan::own(Label::Plain, " · "));
        out.push(StyledSpan::own(Label::Stop, "PRIVILEGED"));
    }
    out.push(StyledSpan::own(Label::Plain, format!(" · sensitivity {} · affects ", change.sensitivity.name())));
    out.extend(spans(Label::Plain, &change.concerned));
    if let Some(digest) = &change.digest {
        out.push(StyledSpan::own(Label::Quiet, format!(" · digest {}", digest.short())));
    }
    out
}

fn facts(page: &mut Page, plan: &PlanReport, change: &ChangeReport) {
    let most = change.show.facts;
    for removal in plan.mass_removals.iter().filter(|it| it.changes.contains(&change.id)).take(most) {
        page.para_from(
            StyledSpan::own(Label::Stop, "  mass removal: "),
            &[StyledSpan::outside(Label::Plain, &removal.summary)],
        );
    }
    if !change.targets.is_empty() {
        page.para_from(
            StyledSpan::own(Label::Plain, "  target: "),
            &spans(Label::Plain, &target::targets(&change.targets)),
        );
    }
    if let Some(untold) = &change.untold {
        page.para_from(StyledSpan::own(Label::Stop, "  too large to analyse: "), &spans(Label::Plain, untold));
    }
    if let Some(too_much) = too_much(change) {
        page.para_from(
            StyledSpan::own(Label::Stop, "  too much to approve in one piece: "),
            &spans(Label::Plain, &too_much),
        );
        page.para_from(StyledSpan::own(Label::Note, "      = help: "), &[StyledSpan::own(Label::Plain, NARROW)]);
    }
    for reason in change.privileged.iter().take(most) {
        page.para_from(StyledSpan::own(Label::Stop, "  privileged: "), &[StyledSpan::outside(Label::Plain, reason)]);
        page.mark();
    }
    and_more(page, change.privileged.len(), most, "reason", "reasons");
    if change.unclassified > 0 {
        let what = counted(change.unclassified, "permission or entitlement", "permissions or entitlements");
        let said = StyledSpan::own(Label::Plain, format!("no rule or label classifies {what}"));
        page.para_from(StyledSpan::own(Label::Warn, "  unclassified: "), &[said]);
    }
    if let Some(name) = &change.admin_name {
        page.para_from(
            StyledSpan::own(Label::Warn, "  named like an administrator: "),
            &[StyledSpan::outside(Label::Plain, name)],
        );
    }
    for name in change.outsiders.iter().take(most) {
        page.para_from(StyledSpan::own(Label::Stop, "  outsiders: "), &spans(Label::Plain, &outsiders(name)));
        page.mark();
    }
    and_more(page, change.outsiders.len(), most, "name that stands for many", "names that stand for many");
    list(page, "gains", "+", Label::Gain, &change.gained);
    list(page, "could activate later", "+", Label::Gain, &change.gained_eligible);
    put_contents(page, &change.contents);
    list(page, "loses", "-", Label::Loss, &change.lost);
    put_kept(page, change);
    let is_part = !change.emergent.is_empty() || !change.lost_together.is_empty() || !change.kept.is_empty();
    if change.gained.is_empty() && change.gained_eligible.is_empty() && change.lost.is_empty() && !is_part {
        page.para("  ", &[StyledSpan::own(Label::Plain, "nothing is gained or lost")]);
    }
    for emergent in change.emergent.iter().take(most).filter_map(|at| plan.emergent.get(*at)) {
        put_emergent(page, change, emergent);
    }
    and_more(
        page,
        change.emergent.len(),
        most,
        "gain by several changes together",
        "gains by several changes together",
    );
    for loss in change.lost_together.iter().take(most).filter_map(|at| plan.lost_together.get(*at)) {
        put_emergent(page, change, loss);
    }
    let left = "loss by several changes together";
    and_more(page, change.lost_together.len(), most, left, "losses by several changes together");
    put_reached(page, change);
    if !change.depends_on.is_empty() {
        let ids: Vec<_> = change.depends_on.iter().map(crate::input::id::Id::text).collect();
        page.para("  depends on: ", &spans(Label::Plain, &Sentence::new().names(&ids)));
    }
    let inside = match (change.in_task_scope, change.takes_in_task_scope) {
        (true, true) => "within its task",
        (true, false) => "removes or redefines access outside its task (or not provably within it)",
        (false, _) => "outside its task (or not provably within it)",
    };
    let back = if change.reversible { "reversible" } else { "not simply reversible" };
    page.para("  ", &[StyledSpan::own(Label::Plain, format!("{inside} · {back}"))]);
    // WHY: the sentence above already shows what is created or removed. Only an altered object needs both sides.
    if let Some(alteration) = change.alteration.as_ref().filter(|it| !it.before.is_empty() && !it.after.is_empty()) {
        put_alteration(page, alteration);
    }
}

/// Access that is removed by one path and kept by another.
pub fn put_kept(page: &mut Page, change: &ChangeReport) {
    let most = change.show.facts;
    for kept in change.kept.iter().take(most) {
        page.para_from(StyledSpan::own(Label::Warn, "  kept: "), &spans(Label::Plain, &kept.sentence));
        page.mark();
    }
    and_more(page, change.kept.len(), most, "path that still gives it", "paths that still give it");
}

/// Consequences beyond single accesses: escalations, separation-of-duties conflicts, and groups with unknown members.
pub fn put_reached(page: &mut Page, change: &ChangeReport) {
    let most = change.show.facts;
    let mut said = Vec::new();
    for escalation in change.escalation_groups.iter().take(most) {
        page.para_from(StyledSpan::own(Label::Stop, "  escalation: "), &spans(Label::Plain, &escalation.sentence));
        ways(page, &mut said, &escalation.ways);
        page.mark();
    }
    and_more(page, change.escalation_groups.len(), most, "escalation", "escalations");
    for already in change.already.iter().take(most) {
        page.para_from(StyledSpan::own(Label::Note, "  already: "), &spans(Label::Plain, &already.sentence));
        page.mark();
    }
    and_more(
        page,
        change.already.len(),
        most,
        "subject that already could do this",
        "subjects that already could do this",
    );
    for conflict in change.sod_groups.iter().take(most) {
        page.para_from(
            StyledSpan::own(Label::Stop, "  separation of duties: "),
            &spans(Label::Plain, &conflict.sentence),
        );
        ways(page, &mut said, &conflict.ways);
        page.mark();
    }
    and_more(page, change.sod_groups.len(), most, "separation-of-duties conflict", "separation-of-duties conflicts");
    if !change.unknown_groups.is_empty() {
        // WHY: an export may lack the members of all its hundreds of groups; the finding counts them all.
        let most = change.show.names;
        let named = change.unknown_groups.iter().take(most);
        let more = change.unknown_groups.len().saturating_sub(most);
        let who =
            Sentence::new().names(named).maybe((more > 0).then_some(more), |s, n| s.own(format!(" and {n} more")));
        let who = who.own("; approvers who are members are excluded only if people.yaml lists the group");
        page.para_from(StyledSpan::own(Label::Warn, "  unknown members: "), &spans(Label::Plain, &who));
    }
}

/// A name among the receivers that stands for many.
pub(super) fn outsiders(name: &Text) -> Sentence {
    Sentence::new().name(name).own(" receives this and represents many unknown identities")
}

/// Notes that a list is truncated; `d` shows all of it in a terminal.
pub(super) fn and_more(page: &mut Page, all: usize, shown: usize, one: &str, many: &str) {
    let left = u64::try_from(all.saturating_sub(shown)).unwrap_or(u64::MAX);
    if left > 0 {
        let noun = if left == 1 { one } else { many };
        page.para("    ", &[StyledSpan::own(Label::Quiet, format!("and {} more {noun}", number(left)))]);
    }
}

/// How to make a change small enough to be approved.
pub const NARROW: &str = "narrow it to a smaller role, resource or scope, or split it: several changes of at most 100 privileged or \
                          unclassified accesses each";

/// The message that a change gives more than a person can approve in one piece.
#[must_use]
pub fn too_much(change: &ChangeReport) -> Option<Sentence> {
    (change.severe > MOST_SEVERE as u64).then(|| {
        Sentence::of(format!(
            "it gives {} that are privileged or unclassified, and a person approves at most {MOST_SEVERE} at once",
            counted(change.severe, "access", "accesses")
        ))
    })
}

/// Puts what a change states or grants on a page, whether or not anyone gains access.
pub fn put_contents(page: &mut Page, contents: &ContentsReport) {
    for note in &contents.notes {
        page.para("  ", &spans(Label::Plain, note));
        page.mark();
    }
    for it in &contents.lists {
        let label = match it.sign {
            '+' => Label::Gain,
            '-' => Label::Loss,
            _ => Label::Plain,
        };
        accesses(page, &format!("{}:", it.head()), &it.sign.to_string(), label, &it.list.bundles);
    }
}

/// Puts gains or losses on a page; nothing if there are none.
pub fn list(page: &mut Page, verb: &str, sign: &str, label: Label, list: &AccessList) {
    if list.is_empty() {
        return;
    }
    let privileged =
        if list.privileged > 0 { format!(", {} of them privileged", number(list.privileged)) } else { String::new() };
    let head = format!("{verb} {}{privileged}:", counted(list.total, "access", "accesses"));
    accesses(page, &head, sign, label, &list.bundles);
}

/// The holder of accesses, and the path to them, is shown once for all accesses that follow.
fn accesses(page: &mut Page, head: &str, sign: &str, label: Label, bundles: &[Bundle]) {
    page.para("  ", &[StyledSpan::own(Label::Plain, head)]);
    let (mut whose, mut way) = (None, None);
    for bundle in bundles {
        let this = (&bundle.who, &bundle.limits);
        if whose.replace(this) != Some(this) {
            let mut who = spans(label, &bundle.who);
            who.extend(spans(Label::Plain, &bundle.limits));
            page.para_from(StyledSpan::own(label, format!("  {sign} ")), &who);
            way = None;
        }
        if way.replace(&bundle.way) != Some(&bundle.way) && !bundle.way.is_empty() {
            page.para_from(StyledSpan::own(Label::Quiet, "    path: "), &spans(Label::Quiet, &bundle.way));
        }
        if let Some(elsewhere) = &bundle.elsewhere {
            let front =
                StyledSpan::own(Label::Warn, format!("    {} reachable through ", before_or_still(sign == "-")));
            page.para_from(front, &spans(Label::Plain, elsewhere));
        }
        for what in &bundle.what {
            let mut line = spans(Label::Plain, what);
            line.push(StyledSpan::own(Label::Quiet, format!(" · {}", bundle.sensitivity.name())));
            page.para("      ", &line);
            page.mark();
        }
        if let Some(why) = &bundle.privileged {
            page.para_from(
                StyledSpan::own(Label::Stop, "        privileged: "),
                &[StyledSpan::outside(Label::Plain, why)],
            );
        }
    }
}

/// Whether gains could be reached before, or losses can still be reached.
pub(super) fn before_or_still(is_loss: bool) -> &'static str {
    if is_loss { "still" } else { "already" }
}

/// Paths, except those already shown above: a path to many accesses is shown once.
fn ways<'r>(page: &mut Page, said: &mut Vec<&'r Sentence>, ways: &'r [Sentence]) {
    for way in ways {
        if !said.contains(&way) {
            said.push(way);
            page.para_from(StyledSpan::own(Label::Quiet, "      path: "), &spans(Label::Quiet, way));
        }
    }
}

fn put_emergent(page: &mut Page, change: &ChangeReport, emergent: &EmergentReport) {
    let others: Vec<_> =
        emergent.members.iter().filter(|id| **id != change.id).map(crate::input::id::Id::text).collect();
    let most = change.show.names.saturating_mul(MOST_MEMBERS);
    let approved: Vec<_> = emergent.with.iter().map(crate::input::id::Id::text).collect();
    let with = match (others.is_empty(), approved.is_empty()) {
        (true, true) => Sentence::of("  only the whole plan gives: "),
        (false, true) => Sentence::of("  together with ").few_names(&others, most).own(": "),
        (true, false) => Sentence::of("  with the approved or automatic ").few_names(&approved, most).own(": "),
        (false, false) => Sentence::of("  together with ")
            .few_names(&others, most)
            .own(" and the approved or automatic ")
            .few_names(&approved, most)
            .own(": "),
    };
    let mut line = spans(Label::Plain, &emergent.sentence);
    if !emergent.complete {
        line.push(StyledSpan::own(Label::Plain, " (the search for responsible sets is incomplete)"));
    }
    let mut front = spans(Label::Stop, &with);
    front.extend(line);
    page.para("", &front);
    if let Some(why) = &emergent.privileged {
        page.para_from(StyledSpan::own(Label::Stop, "      privileged: "), &[StyledSpan::outside(Label::Plain, why)]);
    }
    ways(page, &mut Vec::new(), &emergent.ways);
    page.mark();
    if !emergent.drop.is_empty() {
        let drop: Vec<_> = emergent.drop.iter().map(crate::input::id::Id::text).collect();
        let line = Sentence::of("rejecting ").names(&drop).own(" alone prevents this");
        page.para("      ", &spans(Label::Quiet, &line));
    }
}

/// An alteration as a unified diff.
pub fn put_alteration(page: &mut Page, alteration: &Alteration) {
    page.para("  ", &[StyledSpan::outside(Label::Quiet, &alteration.what)]);
    for (sign, text) in crate::report::render::unified::unified(alteration) {
        let label = match sign {
            '+' => Label::Gain,
            '-' => Label::Loss,
            _ => Label::Quiet,
        };
        page.para_from(StyledSpan::own(label, format!("    {sign} ")), &[StyledSpan::own(label, text)]);
    }
}

fn steps(page: &mut Page, change: &ChangeReport) {
    for step in &change.steps {
        let name = StyledSpan::outside(Label::Plain, &step.name);
        let needs = StyledSpan::own(Label::Warn, "needs ");
        let mut line = match &step.state {
            StepState::Missing(None) => vec![needs, name],
            StepState::Missing(Some(_)) => vec![needs, name, StyledSpan::own(Label::Plain, ": can be approved by ")],
            StepState::Filled(_) => vec![name, StyledSpan::own(Label::Pass, ": approved by ")],
            StepState::Waived => vec![name, StyledSpan::own(Label::Quiet, ": not needed")],
        };
        if let StepState::Missing(Some(who)) | StepState::Filled(who) = &step.state {
            line.push(StyledSpan::outside(Label::Plain, who));
        }
        if let Some(proven) = step.presence {
            line.push(StyledSpan::own(Label::Quiet, presence(proven)));
        }
        page.para("  ", &line);
    }
}

/// What a key proves about the person who used it.
#[must_use]
pub fn presence(proven: bool) -> &'static str {
    if proven { " (present: touched a security key)" } else { " (no proof of presence)" }
}

/// A policy's result with its advice.
pub fn put_policy(page: &mut Page, policy: &PolicyReport) {
    let label = match policy.verdict {
        PolicyVerdict::Denies | PolicyVerdict::Fails => Label::Stop,
        PolicyVerdict::Warns => Label::Warn,
        PolicyVerdict::Permits => Label::Pass,
    };
    let rule = &policy.rule;
    let line = vec![
        StyledSpan::outside(Label::Plain, &rule.id.text()),
        StyledSpan::own(Label::Quiet, " ("),
        StyledSpan::outside(Label::Quiet, &policy.enforcement),
        StyledSpan::own(Label::Quiet, ", severity "),
        StyledSpan::outside(Label::Quiet, &policy.severity),
        StyledSpan::own(Label::Quiet, "): "),
        StyledSpan::outside(Label::Plain, &rule.title),
    ];
    page.para_from(StyledSpan::own(label, format!("  {} ", policy.verdict.word())), &line);
    for limits in ExceededLimit::in_words(&policy.limits) {
        page.para("      ", &[StyledSpan::outside(Label::Plain, &limits.into())]);
    }
    for explained in &policy.conditions {
        conditions::put(page, explained);
    }
    if policy.verdict != PolicyVerdict::Permits && !rule.advice.raw().is_empty() {
        page.para_from(
            StyledSpan::own(Label::Note, "      = help: "),
            &[StyledSpan::outside(Label::Plain, &rule.advice)],
        );
    }
    // WHY: the control explains a denial. Next to every warning it is noise, and the other formats contain it.
    let denies = matches!(policy.verdict, PolicyVerdict::Denies | PolicyVerdict::Fails);
    if denies && !rule.control.raw().is_empty() {
        page.para_from(
            StyledSpan::own(Label::Quiet, "      = control: "),
            &[StyledSpan::outside(Label::Quiet, &rule.control)],
        );
    }
}

fn words(page: &mut Page, change: &ChangeReport) {
    // Claims that cannot be checked come first: no other line of the card shows whether they are true.
    let unchecked = |claim: &&crate::access::model::facts::CheckedClaim| claim.result == ClaimResult::Unchecked;
    let (first, rest): (Vec<_>, Vec<_>) = change.claims.iter().partition(unchecked);
    put_claims(page, first);
    page.quoted("  │ ", &change.reason);
    put_claims(page, rest);
}

fn put_claims(page: &mut Page, claims: Vec<&crate::access::model::facts::CheckedClaim>) {
    for claim in claims {
        let (label, result) = claim_result(claim.result);
        let mut line = vec![
            StyledSpan::own(Label::Words, format!("claims {}: ", claim.name)),
            StyledSpan::outside(Label::Words, &claim.claimed),
            StyledSpan::own(Label::Plain, " — "),
            StyledSpan::own(label, result),
        ];
        if let (Some(found), false) = (&claim.found, claim.result == ClaimResult::Confirmed) {
            line.push(StyledSpan::own(Label::Plain, ": the snapshot says "));
            line.push(StyledSpan::outside(Label::Plain, found));
        }
        page.beside_bar("  │ ", &line);
    }
}

/// The label and word of a checked claim.
#[must_use]
pub fn claim_result(result: ClaimResult) -> (Label, &'static str) {
    match result {
        ClaimResult::Confirmed => (Label::Pass, "confirmed"),
        ClaimResult::Contradicted => (Label::Stop, "contradicted"),
        ClaimResult::Unchecked => (Label::Warn, "cannot be checked"),
    }
}
