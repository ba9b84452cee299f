//! Counts over the decisions of a period: outcomes, kinds of identity, times, and people who stand out.

use std::collections::{BTreeMap, BTreeSet};

use crate::app::audit::decided::Decided;
use crate::input::text::Text;
use crate::report::audit::{ApproverSummary, AuditSummary, DecisionTimes, KindCounts, OutcomeCounts};

/// The fewest decisions from which a person's habits are judged.
const FEWEST: u64 = 50;
/// A median below this many seconds a card is named.
const FAST: u64 = 5;
/// A share of approvals above this many per cent is named.
const MOSTLY: u64 = 98;

/// What a person did.
#[derive(Default)]
struct Habits {
    outcomes: OutcomeCounts,
    cards: Vec<u64>,
}

/// Counts.
pub(crate) fn summarise(all: &[Decided]) -> AuditSummary {
    let mut out = AuditSummary::default();
    let mut kinds: BTreeMap<Text, OutcomeCounts> = BTreeMap::new();
    let mut people: BTreeMap<Text, Habits> = BTreeMap::new();
    let (mut cards, mut waits, mut late) = (Vec::new(), Vec::new(), BTreeSet::new());
    for one in all {
        let row = &one.row;
        out.outcomes.count(row);
        out.grouped = out.grouped.saturating_add(u64::from(row.grouped.is_some()));
        out.exported = out.exported.saturating_add(u64::from(row.exported.is_some()));
        late.extend(row.late_by.map(|_| &one.key));
        if let Some(result) = row.result {
            let slot = out.results.entry(result).or_default();
            *slot = slot.saturating_add(1);
        }
        for kind in &row.kinds {
            kinds.entry(kind.clone()).or_default().count(row);
        }
        let Some(person) = &row.approver else { continue };
        let habits = people.entry(person.clone()).or_default();
        habits.outcomes.count(row);
        if let Some(seconds) = row.seconds_to_decide.filter(|_| one.is_card) {
            habits.cards.push(seconds);
            cards.push(seconds);
        }
        waits.extend(one.received.and_then(|at| row.decided_at.since(at)).map(|span| span.seconds().unsigned_abs()));
    }
    out.late = late.len() as u64;
    cards.sort_unstable();
    waits.sort_unstable();
    out.times = DecisionTimes {
        card_median: percentile(&cards, 50),
        card_p90: percentile(&cards, 90),
        wait_median: percentile(&waits, 50),
        wait_p90: percentile(&waits, 90),
    };
    out.kinds = kinds.into_iter().map(|(kind, outcomes)| KindCounts { kind, outcomes }).collect();
    out.people = people.into_iter().map(|(person, habits)| approver(person, habits)).collect();
    out.people.sort_by(|a, b| {
        (b.remarks.len(), b.outcomes.all()).cmp(&(a.remarks.len(), a.outcomes.all())).then(a.person.cmp(&b.person))
    });
    out
}

fn approver(person: Text, mut habits: Habits) -> ApproverSummary {
    habits.cards.sort_unstable();
    let card_median = percentile(&habits.cards, 50);
    let (all, approved) = (habits.outcomes.all(), habits.outcomes.approved);
    let mut remarks = Vec::new();
    if all >= FEWEST && card_median.is_some_and(|seconds| seconds < FAST) {
        remarks.push("median under 5 s a card");
    }
    if all >= FEWEST && approved.saturating_mul(100) > all.saturating_mul(MOSTLY) {
        remarks.push("over 98 % approvals");
    }
    let cards = habits.cards.len() as u64;
    ApproverSummary { person, outcomes: habits.outcomes, cards, card_median, remarks }
}

/// The lowest value that at least this many per cent of sorted values do not exceed.
fn percentile(sorted: &[u64], per_cent: usize) -> Option<u64> {
    let rank = sorted.len().saturating_mul(per_cent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn a_percentile_is_a_value_of_the_list() {
        assert_eq!(percentile(&[], 50), None);
        assert_eq!(percentile(&[3], 90), Some(3));
        assert_eq!(percentile(&[1, 2, 3, 4], 50), Some(2));
        assert_eq!(percentile(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 90), Some(9));
    }
}
