//! Outcomes: the three sets, steps, what bars automatic approval, and replay.

use super::*;
use crate::input::entitlement::{Effect, Permission};
use crate::plan::model::{GroupDefinition, MadeFrom};
use crate::policy::replay::replay;

const BOOM: &str = r#"when { resource.gained + 9223372036854775807 > 0 };"#;

#[test]
fn a_policy_that_fails_denies_unless_it_is_advisory() {
    let world = World::new();
    for (enforcement, overridable) in [("mandatory", false), ("override", true)] {
        let more =
            policy("boom", enforcement, &format!("forbid(principal, action == Action::\"Grant\", resource) {BOOM}"));
        let judged = world.judge(&pack_and(&more));
        assert_eq!(judged.outcome, Outcome::Denied);
        assert!(matches!(judged.denials[0].why, Why::Fails(_)), "{:?}", judged.denials);
        assert_eq!(judged.overridable, overridable);
    }
    let more = policy("boom", "advisory", &format!("forbid(principal, action == Action::\"Grant\", resource) {BOOM}"));
    let judged = world.judge(&pack_and(&more));
    assert_eq!(judged.outcome, Outcome::Auto);
    assert_eq!(judged.advice[0].finding().code, crate::input::finding::Code::AdvisoryPolicyError);
}

#[test]
fn a_permit_that_fails_denies_even_where_another_permits() {
    let more = policy("boom", "mandatory", &format!("permit(principal, action == Action::\"Grant\", resource) {BOOM}"));
    assert_eq!(World::new().judge(&pack_and(&more)).outcome, Outcome::Denied);
}

#[test]
fn one_mandatory_denial_among_overridable_ones_cannot_be_set_aside() {
    let mut world = World::new();
    world.facts().in_task_scope = false;
    let judged = world.judge(&pack());
    assert_eq!((ids(&judged.denials), judged.overridable), (vec!["task-scope"], true));
    world.task = None;
    let judged = world.judge(&pack());
    assert_eq!((ids(&judged.denials), judged.overridable), (vec!["no-permit", "task-scope"], false));
}

#[test]
fn a_denied_change_still_says_which_steps_it_would_need() {
    let mut world = World::new();
    world.facts().in_task_scope = false;
    world.facts().privileged.insert("p".into());
    assert_eq!(world.judge(&pack()).steps.len(), 2);
}

#[test]
fn what_a_person_rejected_before_is_not_automatic_under_another_plan_and_no_step_is_waived() {
    let more = policy("waive", "mandatory", "permit(principal, action in Action::\"Waive\", resource);");
    let mut world = World::new();
    assert_eq!(world.judge(&pack_and(&more)).outcome, Outcome::Auto);
    world.history.insert("c1".into(), History { rejected_before: true, ..History::default() });
    let judged = world.judge(&pack_and(&more));
    assert_eq!(judged.outcome, Outcome::Needs(pack().steps().to_vec()));
    assert!(judged.waived.is_empty() && judged.barred.contains(&AutoBar::Rejected));
}

#[test]
fn if_all_steps_are_waived_the_first_stays() {
    let more = policy("waive", "mandatory", "permit(principal, action in Action::\"Waive\", resource);");
    let mut world = World::new();
    world.proof = Proof::none();
    let judged = world.judge(&pack_and(&more));
    assert_eq!(judged.outcome, Outcome::Needs(vec![StepName::new("Owner").unwrap()]));
    assert_eq!(judged.waived.len(), 1);
}

#[test]
fn a_waiver_that_a_policy_forbids_or_fails_on_is_none() {
    let mut world = World::new();
    world.proof = Proof::none();
    for body in [
        r#"forbid(principal, action == Action::"WaiveSecurity", resource);"#.to_owned(),
        format!("forbid(principal, action == Action::\"WaiveSecurity\", resource) {BOOM}"),
    ] {
        assert_eq!(world.judge(&pack_and(&policy("no", "override", &body))).steps.len(), 2);
    }
}

type Bend = fn(&mut World);

#[test]
fn the_code_bars_automatic_approval_whatever_a_policy_permits() {
    let all = policy("all", "mandatory", "permit(principal, action, resource);");
    let named = policy(
        "named",
        "advisory",
        r#"forbid(principal, action == Action::"Grant", resource) when { resource has role && resource.role in Role::"viewer" };"#,
    );
    let only =
        |text: &str| Pack::load(&[PolicyFile { path: "policies/a.cedar", bytes: text.as_bytes() }], None).unwrap();
    let free = only(&all);
    assert_eq!(World::new().judge(&free).outcome, Outcome::Auto);
    let table: &[(AutoBar, Bend)] = &[
        (AutoBar::Privileged, |w| {
            w.facts().privileged.insert("p".into());
        }),
        (AutoBar::Unclassified, |w| w.facts().unclassified = 1),
        (AutoBar::Public, |w| w.facts().public = true),
        (AutoBar::Outsiders, |w| {
            w.facts().outsiders.insert("federated:issuer.example".into());
        }),
        (AutoBar::NoKnownGain, |w| {
            w.facts().effects.gained = Vec::new();
            w.facts().named.member_of = Some("team".into());
        }),
        (AutoBar::NoKnownGain, |w| {
            w.facts().effects.gained = Vec::new();
            w.facts().around.identities.get_mut("user:bob").unwrap().status = Status::Disabled;
        }),
        (AutoBar::NoKnownGain, |w| {
            w.facts().effects.gained = Vec::new();
            w.action(Action::Adjust(assignment("user:bob", "viewer")));
            w.facts().receivers.insert(Subject::Identity("user:bob".into()));
        }),
        (AutoBar::Blocked, |w| w.facts().blocked = true),
        (AutoBar::StandingGain, |w| w.facts().effects.gained = vec![piece(Subject::Identity("user:bob".into()), None)]),
        (AutoBar::EligibleGain, |w| {
            w.facts().effects.gained_eligible = vec![piece(Subject::Identity("user:bob".into()), Some(now()))]
        }),
        (AutoBar::EmergentGain, |w| w.facts().emergent = vec![0]),
        (AutoBar::Unknown, |w| w.plan.changes[0].unknown = vec![at(Text::from("member"))]),
        (AutoBar::Incomplete, |w| w.plan.made_from = Some(made_from(false))),
        (AutoBar::Incomplete, |w| {
            let not_read = vec![at(Text::from("x_iam_member.y"))];
            w.plan.made_from = Some(MadeFrom { not_read, ..made_from(true) });
        }),
        (AutoBar::SetsIncomplete, |w| w.analysis.sets_incomplete = true),
        (AutoBar::TooLarge, |w| w.facts().concerned.untold.losses = true),
        (AutoBar::TooLarge, |w| w.analysis.concerned.untold.paths = true),
        (AutoBar::MembersUnknown, |w| w.facts().concerned.at_least = true),
        (AutoBar::Contradicted, |w| {
            w.facts().claims = vec![CheckedClaim {
                name: "unused",
                claimed: "true".into(),
                found: None,
                result: ClaimResult::Contradicted,
            }]
        }),
        (AutoBar::Rejected, |w| {
            w.history.insert("c1".into(), History { unlifted_reject: true, ..History::default() });
        }),
        (AutoBar::PartOfRejected, |w| {
            w.history.insert("c1".into(), History { part_of_rejected: true, ..History::default() });
        }),
        (AutoBar::ProposerOrSponsorGains, |w| {
            w.facts().effects.gained = vec![piece(Subject::Identity("user:sponsor".into()), Some(now()))]
        }),
        (AutoBar::ProposerOrSponsorGains, |w| {
            w.facts().receivers.insert(Subject::Identity("user:sponsor".into()));
        }),
        (AutoBar::LostTogether, |w| w.facts().lost_together = vec![0]),
        (AutoBar::TakesOutsideTask, |w| w.facts().takes_in_task_scope = false),
        (AutoBar::MassRemoval, |w| {
            w.analysis.mass_removals = vec![MassRemoval {
                what: Removed::Everything("user:bob".into()),
                taken: 1,
                of: 1,
                changes: BTreeSet::from(["c1".into()]),
                with: BTreeSet::new(),
            }]
        }),
        (AutoBar::RoleDefinition, |w| w.action(Action::DeleteRole(at("viewer".into())))),
        (AutoBar::Trust, |w| w.action(Action::RemoveTrust(at("t".into())))),
        (AutoBar::Owner, |w| {
            w.action(Action::CreateGroup(GroupDefinition::new(at("g".into()), Some(at("user:bob".into())))))
        }),
        (AutoBar::Credential, |w| w.action(Action::RevokeCredential(at("k".into())))),
        (AutoBar::Deny, |w| {
            w.facts().named.permission = Some(Permission { effect: Effect::Deny, ..Permission::allow("get", "*") })
        }),
        (AutoBar::Finding, |w| w.action(Action::SuppressFinding(at("f".into())))),
    ];
    for (bar, bend) in table {
        let mut world = World::new();
        bend(&mut world);
        let judged = world.judge(&free);
        assert!(judged.barred.contains(bar), "{bar:?}: {:?}", judged.barred);
        assert!(matches!(judged.outcome, Outcome::Needs(_)), "{bar:?}");
    }
    let judged = World::new().judge(&only(&[all, named].concat()));
    assert_eq!(judged.barred, BTreeSet::from([AutoBar::NamedByPolicy]));
}

#[test]
fn a_group_inside_one_that_a_policy_names_bars_automatic_approval() {
    let more =
        policy("named", "advisory", r#"forbid(principal in Group::"pci", action == Action::"SubmitPlan", resource);"#);
    let mut world = World::new();
    world.facts().named.role = None;
    world.facts().named.member_of = Some("team".into());
    assert_eq!(world.judge(&pack_and(&more)).outcome, Outcome::Auto);
    world.facts().around.groups.get_mut("team").unwrap().groups.insert("pci".into());
    assert!(world.judge(&pack_and(&more)).barred.contains(&AutoBar::NamedByPolicy));
}

#[test]
fn a_machine_that_the_sponsor_owns_gains_for_the_sponsor() {
    let gain = |w: &mut World| w.facts().effects.gained = vec![piece(Subject::Identity("sa:a/ci".into()), Some(now()))];
    let mut world = World::new();
    gain(&mut world);
    assert!(!world.judge(&pack()).barred.contains(&AutoBar::ProposerOrSponsorGains));
    let mut listed = world.clone();
    listed.persons[1].owns.insert("sa:a/ci".into());
    assert!(listed.judge(&pack()).barred.contains(&AutoBar::ProposerOrSponsorGains));
    // Also where only the plan makes the sponsor its owner.
    let mut second = world.plan.changes[0].clone();
    second.action = Action::SetOwner(Owned::Identity(at("sa:a/ci".into())), at("user:sponsor".into()));
    world.plan.changes.push(second);
    assert!(world.judge(&pack()).barred.contains(&AutoBar::ProposerOrSponsorGains));
}

#[test]
fn a_plan_and_an_analysis_that_do_not_match_are_denied() {
    let mut world = World::new();
    world.facts().id = "other".into();
    assert_eq!(world.judge(&pack()).outcome, Outcome::Denied);
    assert_eq!(world.with(|matter| outcome(&pack(), matter, 7)).outcome, Outcome::Denied);
}

#[test]
fn a_plan_that_submit_denies_does_not_pass() {
    let mut world = World::new();
    let pack = pack();
    assert!(world.with(|matter| submit(&pack, matter)).passes());
    world.analysis.before.identities.remove("agent:a");
    let judged = world.with(|matter| submit(&pack, matter));
    assert!(!judged.passes() && !judged.overridable);
}

#[test]
fn a_sponsor_whom_the_plan_itself_creates_is_not_in_office() {
    let mut world = World::new();
    world.analysis.before.identities.remove("user:sponsor");
    world.persons.clear();
    let judged = world.with(|matter| submit(&pack(), matter));
    assert_eq!(ids(&judged.denials), ["task-sponsor-in-office"]);
}

#[test]
fn a_recorded_case_is_the_same_bytes_each_time_and_is_decided_again_the_same() {
    let pack = pack();
    let mut world = World::new();
    world.proof = Proof::none();
    world.facts().in_task_scope = false;
    world.facts().around.identities.get_mut("user:bob").unwrap().groups = ["a".into(), "b".into(), "c".into()].into();
    let record = || world.judge(&pack).case.unwrap().record().unwrap();
    let bytes = record();
    assert_eq!(bytes, record());
    assert_eq!(replay(&pack, &bytes).unwrap().differs, []);
    let plan = world.with(|matter| submit(&pack, matter)).case.unwrap().record().unwrap();
    assert_eq!(replay(&pack, &plan).unwrap().differs, []);
    let approval = world.may(&pack, "sec").case.unwrap().record().unwrap();
    assert_eq!(replay(&pack, &approval).unwrap().differs, []);
    let forged = String::from_utf8(bytes).unwrap().replace("\"inTaskScope\":false", "\"inTaskScope\":true");
    let differs = replay(&pack, forged.as_bytes()).unwrap().differs;
    assert!(differs.iter().any(|d| d.action.raw() == "Grant"), "{differs:?}");
    assert!(replay(&pack, b"{}").is_err());
}

/// A plan made from one of Terraform.
fn made_from(complete: bool) -> MadeFrom {
    MadeFrom {
        tool: at(Text::from("terraform")),
        source: at(Digest::of(b"{}")),
        file: None,
        complete: at(complete),
        not_read: Vec::new(),
    }
}
