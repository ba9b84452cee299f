//! Persons: who may take a step, and that no plan promotes its own approver.

use super::*;

fn names(permitted: &Permitted) -> Vec<&str> {
    permitted.steps.iter().map(StepName::as_str).collect()
}

#[test]
fn approver_groups_come_from_people_alone() {
    let world = World::new();
    let pack = pack();
    assert_eq!(names(&world.may(&pack, "sec")), ["Owner", "Security"]);
    assert!(names(&world.may(&pack, "own")).is_empty());
    assert_eq!(world.may(&pack, "no one").barred, BTreeSet::from([Barred::UnknownPerson]));
}

#[test]
fn a_plan_that_adds_its_own_approver_to_the_approvers_group_gains_no_approver_by_it() {
    // A site whose approvers are a group of the snapshot.
    let pack = pack_and(&policy(
        "site",
        "mandatory",
        r#"permit(principal in Group::"sec-team", action == Action::"ApproveAsSecurity", resource);"#,
    ));
    let mut world = World::new();
    let facts = world.facts();
    facts.named = ChangeTargets {
        identity: Some("user:own".into()),
        member_of: Some("sec-team".into()),
        ..ChangeTargets::default()
    };
    facts.effects = Effects::default();
    let mut after = identity(IdentityKind::Human);
    after.groups.insert("sec-team".into());
    facts.around.identities.insert("user:own".into(), after.clone());
    facts.around.groups.insert("sec-team".into(), group(MembersKnown::Known));
    assert!(names(&world.may(&pack, "own")).is_empty());
    // The same group of approvers by name, which the tool keeps for people.yaml.
    let facts = world.facts();
    facts.named.member_of = Some("approvers:identity-security".into());
    facts.around.identities.get_mut("user:own").unwrap().groups.insert("approvers:identity-security".into());
    facts.around.groups.insert("approvers:identity-security".into(), group(MembersKnown::Known));
    assert!(names(&world.may(&pack, "own")).is_empty());
    // And who was in the group before the plan may.
    world.analysis.before.identities.insert("user:own".into(), after);
    assert_eq!(names(&world.may(&pack, "own")), ["Security"]);
}

#[test]
fn a_plan_that_puts_the_approvers_own_group_into_the_approvers_group_gains_no_approver_by_it() {
    let pack = pack_and(&policy(
        "site",
        "mandatory",
        r#"permit(principal in Group::"sec-team", action in Action::"Approve", resource);"#,
    ));
    let mut world = World::new();
    world.analysis.before.identities.get_mut("user:own").unwrap().groups.insert("team".into());
    let facts = world.facts();
    facts.named =
        ChangeTargets { group: Some("team".into()), member_of: Some("sec-team".into()), ..ChangeTargets::default() };
    facts.effects = Effects::default();
    facts.around.groups.get_mut("team").unwrap().groups.insert("sec-team".into());
    facts.around.groups.insert("sec-team".into(), group(MembersKnown::Known));
    let permitted = world.may(&pack, "own");
    assert!(names(&permitted).is_empty());
    assert_eq!(ids(&permitted.forbidden["Owner"]), ["unanswerable"]);
}

#[test]
fn what_is_privileged_only_together_wants_the_security_key_that_the_site_demands() {
    let pack = pack();
    let mut world = World::new();
    world.parameters.require_security_key = true;
    assert_eq!(names(&world.may(&pack, "sec")), ["Owner", "Security"]);
    world.facts().privileged_together.insert("together with other changes: opens the vault".into());
    assert!(names(&world.may(&pack, "sec")).is_empty());
    (world.key.security_key, world.key.user_present) = (true, true);
    assert_eq!(names(&world.may(&pack, "sec")), ["Owner", "Security"]);
}

#[test]
fn an_owner_takes_the_owner_step_of_what_is_given() {
    let pack = pack();
    let mut world = World::new();
    world.facts().around.resources.get_mut("ns:a").unwrap().owner = Some("user:own".into());
    assert_eq!(names(&world.may(&pack, "own")), ["Owner"]);
    // Not by owning whom it is given to.
    let mut world = World::new();
    world.facts().around.identities.get_mut("user:bob").unwrap().owner = Some("user:own".into());
    assert!(names(&world.may(&pack, "own")).is_empty());
}

#[test]
fn who_gains_decides_nothing_through_any_identity_group_or_machine() {
    let pack = pack();
    let gains: [(Subject, fn(&mut World)); 4] = [
        (Subject::Identity("user:sec".into()), |_| ()),
        (Subject::Group("team".into()), |w| {
            w.analysis.before.identities.get_mut("user:sec").unwrap().groups.insert("team".into());
        }),
        (Subject::Group("open".into()), |w| {
            w.persons[0].listed_groups.insert("open".into());
        }),
        (Subject::Identity("sa:a/ci".into()), |w| {
            w.facts().around.identities.get_mut("sa:a/ci").unwrap().owner = Some("user:sec".into());
        }),
    ];
    for (subject, bend) in gains {
        let mut world = World::new();
        bend(&mut world);
        world.facts().effects.gained = vec![piece(subject.clone(), None)];
        let permitted = world.may(&pack, "sec");
        assert!(names(&permitted).is_empty(), "{subject:?}");
        assert!(permitted.barred.contains(&Barred::OwnGain), "{subject:?}");
        let set_aside = world.with(|matter| may_override(&pack, matter, 0, &"sec".into(), &world.key));
        assert!(!set_aside.sets_aside);
    }
}

#[test]
fn a_group_of_unknown_members_bars_nobody_whom_people_does_not_list_there() {
    let mut world = World::new();
    world.facts().effects.gained = vec![piece(Subject::Group("open".into()), None)];
    assert_eq!(names(&world.may(&pack(), "sec")), ["Owner", "Security"]);
}

#[test]
fn a_disabled_a_machine_a_proposer_and_a_doubtful_person_approve_nothing() {
    let pack = pack();
    let cases: [(Barred, fn(&mut World)); 4] = [
        (Barred::Disabled, |w| w.analysis.before.identities.get_mut("user:sec").unwrap().status = Status::Disabled),
        (Barred::NotHuman, |w| {
            w.analysis.before.identities.get_mut("user:sec").unwrap().kind = IdentityKind::ServiceAccount
        }),
        (Barred::OwnProposal, |w| w.plan.proposer = at("user:sec".into())),
        (Barred::UnknownPerson, |w| w.persons.push(person("twin", &["user:sec"], &[]))),
    ];
    // A site that permits everything changes nothing of it.
    let all = policy("all", "mandatory", "permit(principal, action, resource);");
    let free = Pack::load(&[PolicyFile { path: "policies/a.cedar", bytes: all.as_bytes() }], None).unwrap();
    for (bar, bend) in cases {
        let mut world = World::new();
        bend(&mut world);
        for pack in [&pack, &free] {
            let permitted = world.may(pack, "sec");
            assert!(permitted.barred.contains(&bar), "{bar:?}");
            assert!(permitted.steps.is_empty(), "{bar:?}");
        }
    }
}

#[test]
fn a_person_whom_the_export_does_not_know_may_approve() {
    let mut world = World::new();
    world.analysis.before.identities.remove("user:sec");
    assert_eq!(names(&world.may(&pack(), "sec")), ["Owner", "Security"]);
}

#[test]
fn a_sponsor_is_excluded_and_a_site_lets_them_approve_pure_reductions() {
    let pack = pack();
    let mut world = World::new();
    assert!(names(&world.may(&pack, "sponsor")).is_empty());
    world.persons[1].groups.insert("sponsors-may-reduce".to_owned());
    assert!(names(&world.may(&pack, "sponsor")).is_empty(), "the change gives access");
    world.facts().effects = Effects::default();
    assert_eq!(names(&world.may(&pack, "sponsor")), ["Owner"]);
}

#[test]
fn only_break_glass_sets_denials_aside() {
    let pack = pack();
    let world = World::new();
    let may = |who: &str| world.with(|m| may_override(&pack, m, 0, &who.into(), &world.key)).sets_aside;
    assert!(may("sec") && !may("own") && !may("sponsor"));
    assert!(!world.may(&pack, "sec").sets_aside);
}

#[test]
fn a_group_that_people_lists_lends_what_it_held_before_the_plan_and_no_more() {
    let pack = pack_and(&policy(
        "site",
        "mandatory",
        r#"permit(principal in Group::"sec-team", action in Action::"Approve", resource);"#,
    ));
    let mut world = World::new();
    world.persons[2].listed_groups.insert("team".into());
    let mut team = group(MembersKnown::Known);
    team.groups.insert("sec-team".into());
    let facts = world.facts();
    facts.named = ChangeTargets { group: Some("team".into()), role: Some("viewer".into()), ..ChangeTargets::default() };
    facts.effects = Effects::default();
    facts.around.groups.insert("team".into(), team.clone());
    assert!(names(&world.may(&pack, "own")).is_empty(), "only the plan puts the group there");
    world.analysis.before.groups.insert("team".into(), team);
    assert_eq!(names(&world.may(&pack, "own")), ["Owner", "Security"]);
}
