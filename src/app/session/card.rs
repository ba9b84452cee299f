//! Builds the card of a change for the session: everything that its answers depend on.
//!
//! Combines the results of analysis, policy and the record for one person into a [`Card`].

use std::collections::BTreeSet;

use crate::access::model::facts::ChangeFacts;
use crate::access::names_made;
use crate::app::evaluation::eligibility::Eligibility;
use crate::app::plans::evaluated_plan::EvaluatedPlan;
use crate::app::present::plan_report;
use crate::app::record::history::Past;
use crate::decision::bulk_key::likeness;
use crate::decision::case::Signer;
use crate::decision::gate::GateTerms;
use crate::decision::judge::Judge as _;
use crate::decision::recorded::rejections;
use crate::decision::risk::Risk;
use crate::decision::session::{Already, Card};
use crate::decision::{approval, gate};
use crate::input::text::Text;
use crate::report::limits::MOST_SEVERE;
use crate::report::model::ChangeReport;

/// The maximum number of names by which a change can be found, in addition to those it creates.
const FOUND_BY: usize = 1_000;

/// Builds the card of one change.
#[must_use]
pub fn card(
    bench: &Eligibility<'_, '_>,
    past: &Past,
    proposal: &EvaluatedPlan<'_>,
    (at, shown): (usize, &ChangeReport),
    me: &Signer,
    terms: &GateTerms,
) -> Option<Card> {
    let present = proposal.presents.get(at)?;
    let facts = proposal.analysis.changes.get(at)?;
    let change = proposal.plan.changes.get(at)?;
    let judged = proposal.judged.get(at)?;
    let now = terms.now;
    let verdict = gate::judge_change(present, &past.record, terms, bench);
    let mine = |line| past.record.decisions.iter().any(|d| d.line == line && d.signer.person == me.person);
    let blocking = rejections::blocking(present, &past.record, now, terms.approval_ttl, bench);
    let needed = present.outcome.steps(&BTreeSet::new()).unwrap_or_default();
    let weighed = approval::weigh(present, needed, &past.record, now, terms.approval_ttl, bench);
    let approved_by_me = weighed.counting.iter().any(|c| c.candidate.signer.person == me.person);
    let rejected_by_me = blocking.iter().any(|b| b.reject.signer.person == me.person);
    let already = if rejected_by_me {
        Already::RejectedByMe
    } else if verdict.state.passes() || verdict.state == gate::GateState::Frozen {
        Already::Passes
    } else if matches!(verdict.state, gate::GateState::Exported(_)) {
        Already::Exported
    } else if approved_by_me {
        Already::ApprovedByMe
    } else {
        Already::Open
    };
    let parent = facts
        .named
        .scope
        .as_ref()
        .and_then(|scope| bench.index().resource(scope.as_str()))
        .and_then(|resource| resource.parent.as_ref());
    let name = plan_report::object_name(facts);
    let warned = !judged.advice.is_empty() || !judged.denials.is_empty();
    Some(Card {
        risk: Risk::of(present, facts),
        privileged: facts.is_privileged_in_plan(),
        named_by_plan: names_made(&proposal.plan).contains(&name),
        name,
        must_be_read: shown.must_be_read(),
        too_much: shown.severe > MOST_SEVERE as u64,
        permitted: bench.permitted(me, &present.case),
        may_override: bench.may_override(me, &present.case),
        bars: bench.bars(&me.person, &present.case),
        set_aside: approval::overrides(present, &past.record, now, terms.approval_ttl, bench)
            .into_iter()
            .flat_map(|(_, policies)| policies.iter().cloned())
            .collect(),
        rejects: blocking.iter().map(|b| b.reject.line).filter(|line| !mine(*line)).collect(),
        names: names(facts),
        likeness: likeness(change, facts, present, parent, warned),
        already,
        reopened: false,
        present: present.clone(),
    })
}

/// The identities, groups, roles and resources by which a person may look a change up.
fn names(facts: &ChangeFacts) -> BTreeSet<Text> {
    let named = &facts.named;
    let own = [
        named.subject().map(|s| s.text()),
        named.entitlement().map(|e| e.text()),
        named.trusted.as_ref().map(crate::input::id::Id::text),
        named.scope.as_ref().map(crate::input::id::Id::text),
    ];
    let effects = &facts.effects;
    let pieces = effects.gained.iter().chain(&effects.gained_eligible).chain(&effects.lost);
    own.into_iter().flatten().chain(pieces.map(|piece| piece.subject.text()).take(FOUND_BY)).collect()
}
