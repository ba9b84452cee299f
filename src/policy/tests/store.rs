//! The traps of the entity store, each named after the trick.

use cedar_policy::{Authorizer, Decision, Entities, Request};

use super::*;
use crate::policy::entities::names::{Principal, outside};
use crate::policy::entities::{of_change, proposal};

fn denies(world: &World, more: &str, id: &str) -> bool {
    ids(&world.judge(&pack_and(more)).denials).contains(&id)
}

#[test]
fn a_forbid_on_the_action_group_holds_because_the_store_is_built_with_the_schema() {
    let world = World::new();
    let pack = pack_and(&policy("none", "mandatory", r#"forbid(principal, action in Action::"Propose", resource);"#));
    assert!(ids(&world.judge(&pack).denials).contains(&"none"));
    // The trap itself: the same entities without the schema's actions, and the forbid is silently skipped.
    world.with(|matter| {
        let change = &matter.plan.changes[0];
        let facts = &matter.analysis.changes[0];
        let store = of_change(&pack, matter, change, facts, &Principal::Proposer).unwrap();
        let bare = Entities::from_entities(
            store.entities.iter().filter(|e| e.uid().type_name().basename() != "Action").cloned(),
            None,
        )
        .unwrap();
        let context = proposal(&pack, matter, &History::default()).unwrap();
        let action = pack.types.uid("Action", "Grant").unwrap();
        let request = Request::new(store.principal, action, store.resource, context, None).unwrap();
        let set: cedar_policy::PolicySet =
            r#"permit(principal, action, resource); forbid(principal, action in Action::"Propose", resource);"#
                .parse()
                .unwrap();
        let ask = |entities: &Entities| Authorizer::new().is_authorized(&request, &set, entities).decision();
        assert_eq!(ask(&bare), Decision::Allow);
        assert_eq!(ask(&store.entities), Decision::Deny);
    });
}

#[test]
fn groups_and_roles_in_a_circle_are_put_to_cedar_all_the_same() {
    let mut world = World::new();
    let facts = world.facts();
    facts.named.identity = None;
    facts.named.group = Some("team".into());
    let team = facts.around.groups.get_mut("team").unwrap();
    team.groups = BTreeSet::from(["team".into(), "other".into()]);
    facts.around.roles.get_mut("viewer").unwrap().includes = BTreeSet::from(["viewer".into(), "editor".into()]);
    let more = policy(
        "circle",
        "mandatory",
        r#"forbid(principal, action, resource is Change) when { resource has group && resource.group in Group::"other" };"#,
    );
    assert!(denies(&world, &more, "circle"));
}

#[test]
fn two_named_groups_that_lie_in_one_another_are_denied_not_guessed() {
    let mut world = World::new();
    let facts = world.facts();
    facts.named.group = Some("team".into());
    facts.named.member_of = Some("other".into());
    facts.around.groups.get_mut("team").unwrap().groups.insert("other".into());
    let mut other = group(MembersKnown::Known);
    other.groups.insert("team".into());
    facts.around.groups.insert("other".into(), other);
    let judged = world.judge(&pack());
    assert_eq!(ids(&judged.denials), ["unanswerable"]);
    assert!(!judged.overridable);
}

#[test]
fn an_owner_that_nothing_knows_is_no_evaluation_error_to_the_proven_depth() {
    let mut world = World::new();
    world.facts().around.roles.get_mut("viewer").unwrap().owner = Some("user:ghost".into());
    world.plan.on_behalf_of = Some(at("user:nobody".into()));
    let more = [
        policy("ghost", "mandatory", r#"forbid(principal, action, resource is Change) when { resource has role && resource.role has owner && resource.role.owner.kind == "unknown" };"#),
        policy("sponsor", "mandatory", r#"forbid(principal, action, resource is Change) when { resource.plan has sponsor && resource.plan.sponsor.status == "unknown" };"#),
        policy("proposer", "mandatory", r#"forbid(principal, action, resource is Change) when { resource.plan.proposer has owner };"#),
    ]
    .concat();
    let judged = world.judge(&pack_and(&more));
    assert_eq!(ids(&judged.denials), ["ghost", "sponsor"]);
    assert!(judged.denials.iter().all(|hit| hit.why == Why::Forbids));
}

#[test]
fn a_policy_deeper_than_the_proven_level_does_not_load() {
    let deep = policy(
        "deep",
        "mandatory",
        r#"forbid(principal, action, resource is Change) when { resource.plan.proposer has owner && resource.plan.proposer.owner.kind == "human" };"#,
    );
    let findings = load_and(&deep).unwrap_err();
    assert!(findings[0].message.raw().contains("level"), "{findings:?}");
}

#[test]
fn a_has_guarded_forbid_passes_where_the_attribute_is_absent_and_unless_does_not() {
    let mut world = World::new();
    world.facts().named.scope = None;
    let guarded = policy(
        "guarded",
        "mandatory",
        r#"forbid(principal, action == Action::"Grant", resource) when { resource has scope && resource.scope.sensitivity != "low" };"#,
    );
    assert!(!denies(&world, &guarded, "guarded"));
    let unless = policy(
        "unless",
        "mandatory",
        r#"forbid(principal, action == Action::"Grant", resource) unless { resource has scope && resource.scope.sensitivity == "low" };"#,
    );
    assert!(denies(&world, &unless, "unless"));
}

#[test]
fn like_works_on_names_and_does_not_load_on_entities() {
    let on_name = policy(
        "like",
        "mandatory",
        r#"forbid(principal, action, resource is Change) when { resource has role && resource.role.name like "view*" };"#,
    );
    assert!(denies(&World::new(), &on_name, "like"));
    let on_entity = policy(
        "like",
        "mandatory",
        r#"forbid(principal, action, resource is Change) when { resource has role && resource.role like "view*" };"#,
    );
    assert!(load_and(&on_entity).is_err());
}

#[test]
fn an_attribute_that_is_not_guarded_does_not_load() {
    let bare = policy(
        "bare",
        "mandatory",
        r"forbid(principal, action, resource is Change) when { resource.role.privileged };",
    );
    assert!(load_and(&bare).is_err());
}

#[test]
fn names_from_outside_never_become_a_person_or_an_approver_group() {
    for (name, known) in [
        ("person:sec", "outside:person:sec"),
        ("approvers:owners", "outside:approvers:owners"),
        ("outside:person:sec", "outside:outside:person:sec"),
        ("user:bob", "user:bob"),
    ] {
        assert_eq!(outside(name), known);
    }
    let mut world = World::new();
    // An identity of the snapshot that calls itself a person, in a group that calls itself an approver group.
    let mut spoof = identity(IdentityKind::Human);
    spoof.groups.insert("approvers:identity-security".into());
    world.analysis.before.identities.insert("person:sec".into(), spoof.clone());
    world.persons = vec![person("mallory", &["person:sec"], &[])];
    assert!(world.may(&pack(), "mallory").steps.is_empty());
    world.facts().around.identities.insert("person:sec".into(), spoof);
    world.facts().named.identity = Some("person:sec".into());
    world.persons.clear();
    let more = policy(
        "spoof",
        "mandatory",
        r#"forbid(principal, action, resource is Change) when { resource has identity && (resource.identity == Identity::"person:sec" || resource.identity in Group::"approvers:identity-security") };"#,
    );
    assert!(!denies(&world, &more, "spoof"));
}

#[test]
fn every_identity_of_a_person_is_one_principal_with_the_worst_of_each() {
    let mut world = World::new();
    let mut second = identity(IdentityKind::Human);
    second.status = Status::Disabled;
    second.groups.insert("contractors".into());
    world.analysis.before.identities.insert("aws:bob".into(), second);
    world.persons.push(person("bob", &["user:bob", "aws:bob"], &[]));
    let more = policy(
        "both",
        "mandatory",
        r#"forbid(principal, action, resource is Change) when { resource has identity && resource.identity == Identity::"person:bob" && resource.identity in Group::"contractors" && resource.identity.status == "disabled" };"#,
    );
    assert!(denies(&world, &more, "both"));
}

#[test]
fn a_time_or_span_that_cedar_cannot_hold_is_denied() {
    let mut world = World::new();
    world.parameters.max_ttl = Span::from_seconds(i64::MAX);
    assert_eq!(ids(&world.judge(&pack()).denials), ["unanswerable"]);
}

#[test]
fn an_answer_is_the_same_from_the_slice_of_an_action_as_from_the_whole_pack() {
    let pack = pack();
    let text: String = Pack::shipped()
        .iter()
        .filter(|f| f.path.ends_with(".cedar"))
        .map(|f| std::str::from_utf8(f.bytes).unwrap())
        .collect();
    let parsed: cedar_policy::PolicySet = text.parse().unwrap();
    let mut whole = cedar_policy::PolicySet::new();
    for policy in parsed.policies().filter(|p| p.annotation("enforcement").is_none()) {
        whole.add(policy.new_id(cedar_policy::PolicyId::new(policy.annotation("id").unwrap()))).unwrap();
    }
    let mut world = World::new();
    world.proof = Proof::none();
    let case = world.judge(&pack).case.unwrap();
    for asked in &case.asked {
        let request = Request::new(
            asked.principal.clone(),
            asked.action.clone(),
            asked.resource.clone(),
            case.context.clone(),
            None,
        )
        .unwrap();
        assert_eq!(crate::policy::case::answer_of(&pack, &request, &whole, &case.entities), asked.answers[0]);
    }
}
