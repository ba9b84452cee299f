use super::*;
use crate::decision::recorded::record::{Exported, SessionRef};
use crate::decision::sample::{
    Site, TTL_HOURS, aside, document, hours, hours_ago, needs, now, present, record, said, simple, steps, yes,
};

fn stands(decision: RecordedDecision, on: &EvaluatedChange, site: &Site) -> Standing {
    let r = record(vec![decision], &[]);
    standing(&r.decisions[0], on, &r, now(), hours(TTL_HOURS), site)
}

fn approval(on: &EvaluatedChange) -> RecordedDecision {
    said("s1", 0, "ada", on, yes(), &["Owner"])
}

#[test]
fn an_approval_holds_for_its_digest_alone() {
    let on = simple("c1");
    assert!(matches!(stands(approval(&on), &on, &Site::default()), Standing::Holds(_)));
    let longer = present("c1", document("svc:c1", "reader", &["read", "delete"]), needs(&["Owner"]));
    assert_eq!(stands(approval(&on), &longer, &Site::default()), Standing::Moved);
}

#[test]
fn a_new_companion_that_makes_half_a_chain_voids_and_a_rejected_sibling_does_not() {
    let mut on = simple("c1");
    let (x, y) = (Digest::of(b"x"), Digest::of(b"y"));
    on.emergent = BTreeSet::from([x]);
    let shown = approval(&on);
    on.emergent = BTreeSet::from([x, y]);
    assert_eq!(stands(shown.clone(), &on, &Site::default()), Standing::Emerged(BTreeSet::from([y])));
    on.emergent.clear();
    assert!(matches!(stands(shown, &on, &Site::default()), Standing::Holds(_)));
}

#[test]
fn an_approval_counts_for_its_ttl_from_the_seal() {
    let on = simple("c1");
    let mut a = approval(&on);
    a.sealed_at = hours_ago(TTL_HOURS - 1);
    assert_eq!(stands(a.clone(), &on, &Site::default()), Standing::Holds(now().plus(hours(1))));
    a.sealed_at = hours_ago(TTL_HOURS);
    assert_eq!(stands(a, &on, &Site::default()), Standing::Expired(now()));
}

#[test]
fn times_over_five_minutes_in_the_future_do_not_count() {
    let on = simple("c1");
    let mut a = approval(&on);
    a.sealed_at = now().plus(Span::from_seconds(300));
    assert!(matches!(stands(a.clone(), &on, &Site::default()), Standing::Holds(_)));
    a.sealed_at = now().plus(Span::from_seconds(301));
    assert_eq!(stands(a, &on, &Site::default()), Standing::Future);
}

#[test]
fn an_approval_counts_once() {
    let on = simple("c1");
    let mut r = record(vec![approval(&on)], &[("s2", "s1")]);
    r.exports.push(Exported {
        session: SessionRef::new("s2"),
        digest: on.digest,
        what: crate::decision::sample::exported(&on),
        at: now(),
        decisions: BTreeSet::new(),
    });
    assert_eq!(standing(&r.decisions[0], &on, &r, now(), hours(TTL_HOURS), &Site::default()), Standing::Spent);
}

#[test]
fn nothing_waives_a_bar() {
    let on = simple("c1");
    let mut site = Site::with_overriders(&["ada"]);
    site.bars.insert("ada".into(), BTreeSet::from([Bar::OwnProposal]));
    assert_eq!(stands(approval(&on), &on, &site), Standing::Barred(BTreeSet::from([Bar::OwnProposal])));
    let r = record(vec![said("s1", 0, "ada", &on, aside(&["p"]), &[])], &[]);
    assert!(!override_holds(&r.decisions[0], &on, &r, now(), hours(TTL_HOURS), &site));
}

#[test]
fn a_step_counts_only_if_recorded_and_still_permitted() {
    let on = simple("c1");
    let needed = steps(&["Owner", "Security"]);
    let r = record(vec![said("s1", 0, "ada", &on, yes(), &["Owner"])], &[]);
    let weighed = weigh(&on, &needed, &r, now(), hours(TTL_HOURS), &Site::default());
    assert_eq!(weighed.counting[0].candidate.steps.len(), 1, "policy would permit both, but one was recorded");
    let mut left = Site::default();
    left.only.insert("ada".into(), BTreeSet::from([StepName::new("Security").unwrap()]));
    let weighed = weigh(&on, &needed, &r, now(), hours(TTL_HOURS), &left);
    assert!(weighed.counting.is_empty());
    assert_eq!(weighed.ignored[0].1, Standing::NotPermitted);
}

#[test]
fn an_override_fills_no_step() {
    let on = simple("c1");
    let r = record(vec![said("s1", 0, "ada", &on, aside(&["p"]), &["Owner"])], &[]);
    let weighed = weigh(&on, &steps(&["Owner"]), &r, now(), hours(TTL_HOURS), &Site::with_overriders(&["ada"]));
    assert!(weighed.counting.is_empty());
}
