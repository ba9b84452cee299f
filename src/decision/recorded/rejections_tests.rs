use super::*;
use crate::decision::case::CaseOutcome;
use crate::decision::digest::{Held, SubjectRecord};
use crate::decision::sample::{
    Site, TTL_HOURS, access, document, hours, needs, now, present, record, said, simple, yes,
};
use crate::input::id::PolicyId;

fn blocked(change: &EvaluatedChange, record: &Record, site: &Site) -> bool {
    !blocking(change, record, now(), hours(TTL_HOURS), site).is_empty()
}

fn reject(session: &str, person: &str, on: &EvaluatedChange) -> RecordedDecision {
    said(session, 0, person, on, ReviewerVerdict::Reject, &["Owner"])
}

fn lift(session: &str, person: &str, on: &EvaluatedChange, what: &RecordedDecision) -> RecordedDecision {
    let lifts = BTreeSet::from([what.line]);
    said(session, 0, person, on, ReviewerVerdict::Override { policies: BTreeSet::<PolicyId>::new(), lifts }, &[])
}

fn wanting(actions: &[&str], edit: impl FnOnce(&mut ChangeDocument)) -> EvaluatedChange {
    let mut d = document("svc:a", "writer", actions);
    edit(&mut d);
    present("c1", d, needs(&["Owner"]))
}

#[test]
fn a_reworded_reason_does_not_shed_a_reject() {
    let was = wanting(&["write"], |_| {});
    let now = wanting(&["write"], |d| d.reason = "please, it is urgent".into());
    assert_ne!(was.digest, now.digest);
    assert!(blocked(&now, &record(vec![reject("s1", "ada", &was)], &[]), &Site::default()));
}

#[test]
fn another_effect_of_the_same_object_does_not_shed_a_reject() {
    let was = wanting(&["write"], |_| {});
    let now = wanting(&["read"], |_| {});
    assert!(
        blocked(&now, &record(vec![reject("s1", "ada", &was)], &[]), &Site::default()),
        "same action, target, entitlement and scope, whatever the effect"
    );
}

#[test]
fn another_way_to_take_the_access_does_not_shed_the_reject_of_a_revoke() {
    let taking = |id: &str, action: &str| {
        let mut d = document("svc:a", "reader", &[]);
        d.action = action.into();
        d.effect.lost = vec![Held {
            subject: SubjectRecord::Identity("svc:a".into()),
            access: access("read", None),
            already: false,
        }];
        present(id, d, needs(&["Owner"]))
    };
    let (revoke, adjust) = (taking("c1", "revoke"), taking("c2", "adjust"));
    assert_ne!(revoke.document.object(), adjust.document.object());
    let r = record(vec![reject("s1", "ada", &revoke)], &[]);
    assert!(blocked(&adjust, &r, &Site::default()));
    let other = present("c3", document("svc:a", "viewer", &["read"]), needs(&["Owner"]));
    assert!(!blocked(&other, &r, &Site::default()), "giving the access is not taking it");
}

#[test]
fn a_widened_scope_or_another_role_does_not_shed_a_reject() {
    let narrow = wanting(&[], |d| {
        d.effect.gained = vec![Held {
            subject: SubjectRecord::Identity("svc:a".into()),
            access: access("write", Some("db:ledger")),
            already: false,
        }];
    });
    let wide = present("c7", document("svc:a", "superuser", &["write"]), needs(&["Owner"]));
    assert_ne!(narrow.document.object(), wide.document.object());
    let r = record(vec![reject("s1", "ada", &narrow)], &[]);
    assert!(blocked(&wide, &r, &Site::default()));
    let lesser = present("c8", document("svc:a", "viewer", &["read"]), needs(&["Owner"]));
    assert!(!blocked(&lesser, &r, &Site::default()), "it gives nothing that was refused");
    let mut eligible = document("svc:a", "superuser", &["write"]);
    eligible.effect.gained_eligible = std::mem::take(&mut eligible.effect.gained);
    assert!(blocked(&present("c9", eligible, needs(&["Owner"])), &r, &Site::default()), "eligible access counts");
}

#[test]
fn a_reject_binds_within_its_plan_id_only() {
    let was = wanting(&["write"], |_| {});
    let elsewhere = wanting(&["write"], |d| d.plan = "P2".into());
    assert!(!blocked(&elsewhere, &record(vec![reject("s1", "ada", &was)], &[]), &Site::default()));
}

#[test]
fn a_reject_counts_if_its_person_was_permitted_a_step() {
    let on = simple("c1");
    let mut outsider = reject("s1", "eve", &on);
    outsider.steps.clear();
    assert!(!blocked(&on, &record(vec![outsider], &[]), &Site::default()));
    let mut gone = Site::default();
    gone.only.insert("ada".into(), BTreeSet::new());
    assert!(blocked(&on, &record(vec![reject("s1", "ada", &on)], &[]), &gone), "permitted then, not now");
}

#[test]
fn a_reject_blocks_until_its_person_supersedes_it() {
    let was = wanting(&["write"], |_| {});
    let now = wanting(&["write"], |d| d.reason = "reworded".into());
    let decisions = vec![reject("s1", "ada", &was), said("s2", 0, "ada", &now, yes(), &["Owner"])];
    assert!(!blocked(&now, &record(decisions.clone(), &[("s2", "s1")]), &Site::default()));
    assert!(blocked(&now, &record(decisions, &[]), &Site::default()), "a fork did not know of the reject");
}

#[test]
fn a_yes_to_less_frees_what_it_says_yes_to_and_not_what_was_refused() {
    let wide = wanting(&["read", "write"], |_| {});
    let narrow = wanting(&["read"], |d| d.reason = "reading is enough".into());
    let decisions = vec![reject("s1", "ada", &wide), said("s2", 0, "ada", &narrow, yes(), &["Owner"])];
    let r = record(decisions, &[("s2", "s1")]);
    assert!(!blocked(&narrow, &r, &Site::default()), "it is what ada said yes to");
    assert!(blocked(&wide, &r, &Site::default()), "and what ada refused stays refused");
    let mut gone = Site::default();
    gone.only.insert("ada".into(), BTreeSet::new());
    assert!(blocked(&narrow, &r, &gone), "a yes that policy does not permit frees nothing");
    let reworded = wanting(&["read"], |d| d.reason = "again".into());
    assert!(!blocked(&reworded, &r, &Site::default()), "it gives no more than ada said yes to");
    let mut eligible = wanting(&["write"], |_| {});
    let mut document = (*eligible.document).clone();
    document.effect.gained_eligible = std::mem::take(&mut document.effect.gained);
    eligible = present("c1", document, needs(&["Owner"]));
    let now = wanting(&["write"], |_| {});
    let decisions = vec![reject("s1", "ada", &now), said("s2", 0, "ada", &eligible, yes(), &["Owner"])];
    assert!(blocked(&now, &record(decisions, &[("s2", "s1")]), &Site::default()), "a yes to what can be activated");
}

#[test]
fn a_second_wider_reject_does_not_free_the_first() {
    let narrow = present("c1", document("svc:a", "writer", &["write"]), needs(&["Owner"]));
    let wide = present("c2", document("svc:a", "superuser", &["*"]), needs(&["Owner"]));
    let r = record(vec![reject("s1", "ada", &narrow), reject("s2", "ada", &wide)], &[("s2", "s1")]);
    assert!(blocked(&narrow, &r, &Site::default()) && blocked(&wide, &r, &Site::default()));
}

#[test]
fn two_people_permitted_override_lift_a_reject() {
    let on = simple("c1");
    let no = reject("s1", "ada", &on);
    let site = Site::with_overriders(&["bob", "cyd"]);
    let follows = [("s2", "s1"), ("s3", "s1"), ("s4", "s1")];
    let with = |lifts: Vec<RecordedDecision>| record([vec![no.clone()], lifts].concat(), &follows);
    let (bob, cyd, eve) = (lift("s2", "bob", &on, &no), lift("s3", "cyd", &on, &no), lift("s4", "eve", &on, &no));
    assert!(blocked(&on, &with(vec![bob.clone()]), &site), "one is not enough");
    assert!(blocked(&on, &with(vec![bob.clone(), bob.clone()]), &site), "one person twice is one");
    assert!(blocked(&on, &with(vec![bob.clone(), eve]), &site), "eve is not permitted `Override`");
    assert!(!blocked(&on, &with(vec![bob.clone(), cyd.clone()]), &site));
    let mut one_key = cyd.clone();
    one_key.signer.key = bob.signer.key.clone();
    assert!(blocked(&on, &with(vec![bob.clone(), one_key]), &site), "two names with one key are one");
    let mut old = cyd.clone();
    old.sealed_at = crate::decision::sample::hours_ago(TTL_HOURS + 1);
    assert!(blocked(&on, &with(vec![bob.clone(), old]), &site), "an override expires like an approval");
    let blind = record(vec![no.clone(), bob, cyd], &[]);
    assert!(blocked(&on, &blind, &site), "nobody lifts a reject that they did not know");
}

#[test]
fn a_reject_from_the_future_still_blocks() {
    let on = simple("c1");
    let mut no = reject("s1", "ada", &on);
    no.sealed_at = crate::decision::sample::hours_ago(-10);
    assert!(blocked(&on, &record(vec![no], &[]), &Site::default()));
}

#[test]
fn a_reject_blocks_a_change_that_policy_would_let_pass() {
    let mut on = simple("c1");
    on.outcome = CaseOutcome::Auto;
    assert!(blocked(&on, &record(vec![reject("s1", "ada", &on)], &[]), &Site::default()));
}
