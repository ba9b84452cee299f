use super::*;
use crate::decision::sample::{
    Site, TTL_HOURS, aside, denied, document, hours, hours_ago, needs, now, present, record, reduction, said, simple,
    steps, time, yes,
};

fn terms() -> GateTerms {
    GateTerms {
        now: now(),
        approval_ttl: hours(TTL_HOURS),
        plan_denied: None,
        snapshot_stale: false,
        proofs: BTreeSet::new(),
    }
}

fn unchanged(changes: &[EvaluatedChange]) -> impl FnMut(&BTreeSet<CaseId>) -> Result<Reanalysis, ()> {
    let all = changes.to_vec();
    move |set| {
        let changes = all.iter().filter(|c| set.contains(&c.case)).map(|c| (c.case.clone(), c.clone())).collect();
        Ok(Reanalysis { changes, ..Reanalysis::default() })
    }
}

fn run(changes: &[EvaluatedChange], record: &Record, site: &Site) -> GateVerdict {
    gate(changes, record, &terms(), site, &mut unchanged(changes)).unwrap()
}

fn case(id: &str) -> CaseId {
    CaseId::new("P1", id)
}

#[test]
fn a_plan_passes_when_every_change_is_approved_or_auto() {
    let mut auto = simple("c2");
    auto.outcome = CaseOutcome::Auto;
    let all = [simple("c1"), auto];
    let v = run(&all, &record(vec![said("s1", 0, "ada", &all[0], yes(), &["Owner"])], &[]), &Site::default());
    assert_eq!(v.exit, ExitCode::Passes);
    assert_eq!(v.passing.len(), 2);
    let GateState::Approved(approved) = &v.changes[0].state else { panic!("{:?}", v.changes[0].state) };
    assert_eq!(approved.until, Some(now().plus(hours(TTL_HOURS - 1))));
    assert_eq!(approved.decisions.len(), 1);
}

#[test]
fn two_steps_with_one_person_stay_undecided_and_say_who_could() {
    let on = present("c1", document("svc:a", "w", &["write"]), needs(&["Owner", "Security"]));
    let mut site = Site::default();
    site.only.insert("ada".into(), steps(&["Owner", "Security"]).into_iter().collect());
    site.only.insert("bob".into(), steps(&["Security"]).into_iter().collect());
    let ada = said("s1", 0, "ada", &on, yes(), &["Owner", "Security"]);
    let v = run(std::slice::from_ref(&on), &record(vec![ada.clone()], &[]), &site);
    assert_eq!(v.exit, ExitCode::Undecided);
    let GateState::Undecided(missing) = &v.changes[0].state else { panic!("{:?}", v.changes[0].state) };
    assert_eq!(missing[0].step, StepName::new("Security").unwrap());
    assert!(missing[0].could.contains("bob"));
    let bob = said("s2", 0, "bob", &on, yes(), &["Security"]);
    assert_eq!(run(std::slice::from_ref(&on), &record(vec![ada, bob], &[]), &site).exit, ExitCode::Passes);
}

#[test]
fn no_steps_at_all_approve_nothing() {
    let on = present("c1", document("svc:a", "w", &["write"]), needs(&[]));
    let r = record(vec![said("s1", 0, "ada", &on, yes(), &["Owner"])], &[]);
    assert_eq!(run(&[on], &r, &Site::default()).exit, ExitCode::Undecided);
}

#[test]
fn a_changed_effect_voids_and_says_what_changed_since() {
    let was = present("c1", document("svc:a", "w", &["write"]), needs(&["Owner"]));
    let now = present("c9", document("svc:a", "w", &["write", "delete"]), needs(&["Owner"]));
    let v = run(&[now], &record(vec![said("s1", 0, "ada", &was, yes(), &["Owner"])], &[]), &Site::default());
    assert_eq!(v.exit, ExitCode::Stale);
    let GateState::Void { since, at, .. } = &v.changes[0].state else { panic!("{:?}", v.changes[0].state) };
    assert_eq!(*at, hours_ago(1));
    let [Since::Gains(held)] = since.as_slice() else { panic!("{since:?}") };
    assert_eq!(held.access.action.raw(), "delete");
}

#[test]
fn a_new_companion_voids_and_names_the_piece() {
    let mut on = simple("c1");
    let r = record(vec![said("s1", 0, "ada", &on, yes(), &["Owner"])], &[]);
    on.emergent.insert(Digest::of(b"x"));
    let v = run(&[on], &r, &Site::default());
    let GateState::Void { since, .. } = &v.changes[0].state else { panic!("{:?}", v.changes[0].state) };
    assert_eq!(*since, vec![Since::Emerges(Digest::of(b"x"))]);
}

#[test]
fn an_expired_or_used_approval_is_stale() {
    let on = simple("c1");
    let mut old = said("s1", 0, "ada", &on, yes(), &["Owner"]);
    old.sealed_at = hours_ago(TTL_HOURS + 1);
    let v = run(std::slice::from_ref(&on), &record(vec![old], &[]), &Site::default());
    assert!(matches!(v.changes[0].state, GateState::Expired(_)));
    assert_eq!(v.exit, ExitCode::Stale);
}

#[test]
fn an_approver_who_left_the_group_is_named() {
    let on = simple("c1");
    let mut site = Site::default();
    site.only.insert("ada".into(), BTreeSet::new());
    let r = record(vec![said("s1", 0, "ada", &on, yes(), &["Owner"])], &[]);
    let v = run(&[on], &r, &site);
    assert_eq!(v.changes[0].ignored[0].standing, Standing::NotPermitted);
    assert_eq!(v.exit, ExitCode::Undecided);
}

#[test]
fn a_reject_ends_in_4_and_a_denial_before_it_in_3() {
    let on = simple("c1");
    let no = said("s1", 0, "ada", &on, ReviewerVerdict::Reject, &["Owner"]);
    assert_eq!(run(std::slice::from_ref(&on), &record(vec![no], &[]), &Site::default()).exit, ExitCode::Rejected);
    let bad = present("c2", document("svc:b", "w", &["x"]), denied(&["p"], &[]));
    let no = said("s1", 0, "ada", &bad, ReviewerVerdict::Reject, &["Owner"]);
    let v = run(&[bad], &record(vec![no], &[]), &Site::default());
    assert_eq!((v.exit, v.changes[0].rejects.len()), (ExitCode::Denied, 1));
}

#[test]
fn a_denial_set_aside_still_needs_its_steps() {
    let on = present("c1", document("svc:a", "w", &["x"]), denied(&[], &["p", "q"]));
    let site = Site::with_overriders(&["cyd"]);
    let with = |d: Vec<RecordedDecision>| run(std::slice::from_ref(&on), &record(d, &[]), &site);
    let half = said("s1", 0, "cyd", &on, aside(&["p"]), &[]);
    let v = with(vec![half]);
    let GateState::Denied(rest) = &v.changes[0].state else { panic!("{:?}", v.changes[0].state) };
    assert_eq!(rest.overridable.len(), 1);
    let whole = said("s1", 0, "cyd", &on, aside(&["p", "q"]), &[]);
    assert_eq!(with(vec![whole.clone()]).exit, ExitCode::Undecided);
    let ada = said("s2", 0, "ada", &on, yes(), &["Owner"]);
    let v = with(vec![whole, ada]);
    let GateState::Approved(approved) = &v.changes[0].state else { panic!("{:?}", v.changes[0].state) };
    assert_eq!((approved.set_aside.len(), approved.decisions.len()), (2, 2));
}

#[test]
fn a_mandatory_denial_is_never_set_aside() {
    let on = present("c1", document("svc:a", "w", &["x"]), denied(&["m"], &["p"]));
    let r = record(
        vec![said("s1", 0, "cyd", &on, aside(&["m", "p"]), &[]), said("s2", 0, "ada", &on, yes(), &["Owner"])],
        &[],
    );
    assert_eq!(run(&[on], &r, &Site::with_overriders(&["cyd"])).exit, ExitCode::Denied);
}

#[test]
fn removing_a_rejected_change_keeps_its_siblings_approvals() {
    let (kept, dropped) = (simple("c1"), simple("c2"));
    let r = record(
        vec![
            said("s1", 0, "ada", &kept, yes(), &["Owner"]),
            said("s1", 1, "ada", &dropped, ReviewerVerdict::Reject, &["Owner"]),
        ],
        &[],
    );
    assert_eq!(run(&[kept.clone(), dropped], &r, &Site::default()).exit, ExitCode::Rejected);
    assert_eq!(run(&[kept], &r, &Site::default()).exit, ExitCode::Passes);
}

#[test]
fn gains_wait_for_the_reductions_that_their_approval_rests_on() {
    let gain = present("c1", document("svc:a", "payer", &["pay"]), needs(&["Owner"]));
    let taken = present("c2", reduction("svc:a", "ordering"), needs(&["Owner"]));
    let all = [gain.clone(), taken];
    let r = record(vec![said("s1", 0, "ada", &gain, yes(), &["Owner"])], &[]);
    let mut asked = Vec::new();
    let v = gate(&all, &r, &terms(), &Site::default(), &mut |set| -> Result<_, ()> {
        asked.push(set.clone());
        let mut alone = gain.clone();
        alone.outcome = denied(&["sod"], &[]);
        Ok(Reanalysis { changes: BTreeMap::from([(case("c1"), alone)]), ..Reanalysis::default() })
    })
    .unwrap();
    assert_eq!(v.changes[0].state, GateState::Waits(BTreeSet::from([case("c2")])));
    assert_eq!((v.exit, v.passing.len(), asked.len()), (ExitCode::Undecided, 0, 1));
}

#[test]
fn a_denied_remainder_of_the_plan_lets_reductions_pass() {
    let all = [simple("c1"), present("c2", reduction("svc:a", "w"), needs(&["Owner"])), simple("c3")];
    let r = record(
        vec![said("s1", 0, "ada", &all[0], yes(), &["Owner"]), said("s1", 1, "ada", &all[1], yes(), &["Owner"])],
        &[],
    );
    let mut plain = unchanged(&all);
    let v = gate(&all, &r, &terms(), &Site::default(), &mut |set| {
        let mut again = plain(set)?;
        if set.contains(&case("c1")) {
            again.denied_plans.insert("P1".into(), BTreeSet::new());
        }
        Ok::<_, ()>(again)
    })
    .unwrap();
    assert_eq!(v.passing, BTreeSet::from([case("c2")]));
}

#[test]
fn a_change_waits_for_what_it_depends_on() {
    let mut second = simple("c2");
    second.depends_on.insert("c1".into());
    let all = [simple("c1"), second];
    let r = record(vec![said("s1", 0, "ada", &all[1], yes(), &["Owner"])], &[]);
    let v = run(&all, &r, &Site::default());
    assert_eq!(v.changes[1].state, GateState::Waits(BTreeSet::from([case("c1")])));
}

#[test]
fn an_expired_plan_passes_nothing() {
    let mut d = document("svc:a", "w", &["x"]);
    d.expires = time("2026-11-24T12:00:00Z");
    let on = present("c1", d, needs(&["Owner"]));
    let r = record(vec![said("s1", 0, "ada", &on, yes(), &["Owner"])], &[]);
    let v = run(&[on], &r, &Site::default());
    assert!(v.plan_expired && v.passing.is_empty());
    assert_eq!(v.exit, ExitCode::Stale);
}

#[test]
fn a_denied_plan_and_an_old_snapshot_show_in_the_exit_code() {
    let on = simple("c1");
    let r = record(vec![said("s1", 0, "ada", &on, yes(), &["Owner"])], &[]);
    let all = [on];
    let with = |terms: &GateTerms| gate(&all, &r, terms, &Site::default(), &mut unchanged(&all)).unwrap();
    assert_eq!(with(&GateTerms { snapshot_stale: true, ..terms() }).exit, ExitCode::Stale);
    let denied = with(&GateTerms { plan_denied: Some(BTreeSet::new()), ..terms() });
    assert_eq!(denied.exit, ExitCode::Denied);
    assert!(denied.passing.is_empty(), "nothing of a plan that is denied as a whole may be carried out");
    assert_eq!(with(&terms()).passing.len(), 1);
}

#[test]
fn a_frozen_change_does_not_pass_and_the_gate_exits_as_for_a_rejection() {
    use crate::decision::recorded::record::RecordedFreeze;
    use crate::log::line::FreezeKind;

    let changes = [simple("c1"), present("c2", reduction("svc:b", "reader"), CaseOutcome::Auto)];
    let mut r = record(vec![said("s1", 0, "ada", &changes[0], yes(), &["Owner"])], &[]);
    assert_eq!(run(&changes, &r, &Site::default()).exit, ExitCode::Passes);
    r.freezes.push(RecordedFreeze {
        line: Digest::of(b"freeze"),
        session: crate::decision::recorded::record::SessionRef::new("s2"),
        author: "bo".into(),
        at: now(),
        until: now().plus(hours(1)),
        kind: FreezeKind::All,
        name: None,
        proofs: BTreeSet::new(),
        reason: "stop".into(),
    });
    let v = run(&changes, &r, &Site::default());
    assert_eq!((&v.changes[0].state, &v.changes[1].state), (&GateState::Frozen, &GateState::Auto));
    assert_eq!(v.changes[0].frozen.len(), 1);
    assert_eq!((v.exit, v.passing.len()), (ExitCode::Rejected, 1), "what only takes access passes");
}
