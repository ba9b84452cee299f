//! Each policy's advice is followed on a change that the policy stops: afterwards that policy does not stop it.

use super::asked::reached;
use super::shipped::*;
use super::*;
use crate::snapshot::model::Status;

fn lend(w: &mut World) {
    mode(w, Mode::Active, Some("1h"));
}

fn lend_to_a_person(w: &mut World) {
    w.action(Action::Grant(assignment("user:bob", "viewer")));
    let scope = w.facts().named.scope.clone();
    w.facts().named = ChangeTargets {
        identity: Some("user:bob".into()),
        role: Some("viewer".into()),
        scope,
        ..ChangeTargets::default()
    };
    w.facts().concerned.kinds = BTreeSet::from([IdentityKind::Human]);
    lend(w);
}

fn owned(w: &mut World) {
    w.facts().around.identities.get_mut("sa:a/ci").unwrap().owner = Some("user:bob".into());
}

fn decides(w: &mut World, who: &str) {
    w.approver = who.into();
}

fn export_members(w: &mut World) {
    w.facts().around.groups.insert("team".into(), group(MembersKnown::Known));
}

/// The policy, words of its advice, and what these words say to do.
#[rustfmt::skip]
const FOLLOWED: &[(&str, &str, Bend)] = &[
    ("rbac-target-in-use", "Enable the identity in its system", |w| bob(w).status = Status::Active),
    ("rbac-acts-as-in-use", "Remove the trusts and credentials", |w| { w.action(Action::RemoveTrust(at("t".into()))); no_gain(w); }),
    ("rbac-role-kinds", "Choose a role made for this kind", |w| w.facts().around.roles.get_mut("viewer").unwrap().kinds = BTreeSet::from([IdentityKind::Human])),
    ("rbac-wildcard-permission", "List the actions and resources", |w| permission(w, "get", "core:pods#*")),
    ("rbac-privileged-to-open-group", "`mode: active` with a `ttl`, in a `scope` of the task", |w| { lend(w); w.facts().in_task_scope = true; }),
    ("rbac-privileged-to-open-group", "Use `mode: active` with a", export_members),
    ("rbac-gives-everything", "`mode: active` with a `ttl`", lend),
    ("rbac-public", "Name the identities or the group", |w| w.facts().public = false),
    ("rbac-unscoped-sensitive", "Set a `scope` that covers", |w| w.facts().named.scope = Some("ns:a".into())),
    ("jit-active-ends", "Add `ttl`", lend),
    ("jit-ttl-ceiling", "Shorten `ttl`", lend),
    ("jit-privileged-ttl-ceiling", "Shorten `ttl`", lend),
    ("jit-made-permanent", "Grant the access again for", |w| { w.action(Action::Grant(assignment("user:bob", "viewer"))); lend(w); }),
    ("zsp-no-standing-privilege", "`mode: active` with a `ttl`", lend),
    ("zsp-no-standing-privilege", "`mode: eligible`", |w| mode(w, Mode::Eligible, None)),
    ("zsp-no-standing-privilege-for-machines", "with a `ttl`", lend),
    ("zsp-eligible-needs-a-person", "`mode: active` with a `ttl`", lend),
    ("zsp-no-privilege-through-trust", "Grant the access directly, for", lend_to_a_person),
    ("zsp-role-gains-privilege", "Put the permission in a", |w| { w.facts().privileged.clear(); w.facts().gained_privileged = 0; }),
    ("sod-conflict", "Revoke the other entitlement first", |w| w.facts().sod.clear()),
    ("sod-conflict-of-plan", "Remove one of the changes from the plan", |w| w.analysis.sod.clear()),
    ("sod-conflicts-known", "Narrow the change so that", |w| w.facts().concerned.untold.conflicts = false),
    ("nhi-privileged-needs-owner", "First give it an active", owned),
    ("nhi-needs-owner", "Give it an active person", owned),
    ("nhi-created-with-owner", "Add `owner:`", |w| create(w, IdentityKind::Workload, Some("user:bob"))),
    ("nhi-owner-is-a-person", "an active human identity of the snapshot", |w| set_owner(w, "user:bob")),
    ("nhi-owner-is-a-person", "Set the owner to an", |w| set_owner(w, "user:own")),
    ("nhi-credential-ttl", "Add a shorter `ttl`", |w| credential(w, "sa:a/ci", "token", Some("1h"))),
    ("nhi-no-static-secret", "Use a certificate", |w| credential(w, "sa:a/ci", "certificate", Some("1h"))),
    ("nhi-credential-to-open-group", "the one identity that uses it", |w| credential(w, "sa:a/ci", "token", Some("1h"))),
    ("nhi-no-machine-acts-as-a-person", "an identity and access of its own", |w| { create(w, IdentityKind::Workload, Some("user:bob")); }),
    ("nhi-no-person-acts-as-a-machine", "Give the access to the", lend_to_a_person),
    ("nhi-one-environment", "a separate identity for each environment", |w| w.facts().isolation.crossing.clear()),
    ("nhi-third-party-ends", "`mode: active` with a `ttl`", lend),
    ("nhi-federation-pinned", "Name the one subject that needs it, and the audience", |w| federated(w, true, true)),
    ("nhi-stale", "Disable the identity instead of", |w| { w.action(Action::DisableIdentity(at("user:bob".into()))); no_gain(w); }),
    ("agent-no-self-escalation", "Let the assistant's owner propose", |w| w.plan.proposer = at("user:sec".into())),
    ("agent-no-self-ownership", "Name the person responsible for", |w| set_owner(w, "user:bob")),
    ("agent-no-privileged-agent", "Give the access to a", lend_to_a_person),
    ("agent-escalation-path", "Grant narrower access that does", |w| w.facts().escalations.clear()),
    ("agent-contradicted-claims", "Correct or remove the claim", |w| w.facts().claims.clear()),
    ("agent-no-silencing", "Fix what the alert reports", |w| w.plan.proposer = at("user:sec".into())),
    ("agent-unproven", "Sign the plan with the assistant's own", |w| { w.proof = World::new().proof; }),
    ("agent-proves-another", "Set `proposer` to the identity", |w| w.proof.proven = Some(w.plan.proposer.value.clone())),
    ("agent-long-lived-credential", "Issue the assistant a credential", |w| w.proof.credential_ttl = Some(span("1h"))),
    ("agent-person-unproven", "let them sign the plan", |w| { w.proof = World::new().proof; w.proof.proven = Some("user:sec".into()); }),
    ("agent-overbroad", "Revoke the assistant's access that", |w| w.proof.overbroad = false),
    ("task-scope", "Narrow `scope` to the scope", |w| w.facts().in_task_scope = true),
    ("task-sponsor-in-office", "Set `on_behalf_of` to an active", |w| w.plan.on_behalf_of = Some(at("user:sponsor".into()))),
    ("task-plan-size", "Split the plan", |w| w.plan.changes.truncate(50)),
    ("task-escalation-of-plan", "Remove the change that opens", |w| w.analysis.escalations.clear()),
    ("task-search-cut-short", "Split the plan", |w| w.analysis.sets_incomplete = false),
    ("task-effect-told", "Narrow the plan: name its", |w| w.facts().concerned.untold = Truncated::default()),
    ("task-wide-reach", "split it", |w| w.analysis.concerned.identities = 500),
    ("approval-by-people-in-office", "Let an active person decide", |w| decides(w, "own")),
    ("approval-not-by-proposer", "Let someone else decide", |w| decides(w, "own")),
    ("approval-not-by-sponsor", "Let someone else decide", |w| decides(w, "own")),
    ("approval-security-key", "Sign with a hardware key", |w| key(w, true, true)),
    ("approval-touched-key", "Touch the key", |w| key(w, true, true)),
    ("freeze-by-people-in-office", "Let an active person do it", |w| decides(w, "own")),
    ("freeze-not-thawed-by-owner-or-sponsor", "Let someone else thaw it", |w| decides(w, "own")),
    ("freeze-security-key", "Sign with a hardware key", |w| key(w, true, true)),
    ("freeze-touched-key", "Touch the key", |w| key(w, true, true)),
];

/// Advice of policies that only warn, or keep a step: it says what to look at, or whom to ask, and not what to write instead.
const FOR_PEOPLE: &[&str] = &[
    "rbac-privileged-loan-to-open-group",
    "jit-extended",
    "jit-granted-again-and-again",
    "sod-sponsor-gains",
    "nhi-no-credential-of-a-person",
    "agent-asks-again",
    "task-emergent",
    "automation-keep-security-step",
    "automation-keep-security-for-denies",
    "automation-keep-security-for-definitions",
    "automation-keep-security-for-third-parties",
    "automation-keep-every-step",
    "automation-unclassified-keeps-owner",
];

#[test]
fn advice_that_is_followed_makes_a_change_pass_its_policy() {
    let pack = pack();
    for (id, words, follow) in FOLLOWED {
        let about = pack.about(id).unwrap();
        assert!(about.advice.raw().contains(words), "{id} does not say `{words}`: {}", about.advice.raw());
        let (_, stopped, _) = TABLE.iter().find(|(known, ..)| known == id).unwrap();
        let mut world = World::new();
        stopped(&mut world);
        assert!(reached(&world, &pack).contains(*id), "{id} does not stop the example");
        follow(&mut world);
        assert!(!reached(&world, &pack).contains(*id), "{id} stops it although its advice was followed");
    }
}

#[test]
fn the_advice_of_every_policy_that_forbids_is_tried() {
    let pack = pack();
    let forbids = pack.policies().filter(|about| !about.effect_is_permit).map(|about| about.id.as_str());
    let tried: BTreeSet<&str> = FOLLOWED.iter().map(|(id, ..)| *id).chain(FOR_PEOPLE.iter().copied()).collect();
    assert_eq!(tried, forbids.collect());
    for id in FOR_PEOPLE {
        let about = pack.about(id).unwrap();
        let person_only = *id == "nhi-no-credential-of-a-person";
        let keeps = id.starts_with("automation-");
        assert!(about.enforcement == Enforcement::Advisory || person_only || keeps, "{id} denies");
    }
}

fn limits(hits: &[PolicyHit], id: &str) -> Vec<String> {
    let hit = hits.iter().find(|hit| hit.policy.as_str() == id).unwrap_or_else(|| panic!("{id}: {hits:?}"));
    crate::input::finding::ExceededLimit::in_words(&hit.limits)
}

#[test]
fn a_denial_says_by_how_much_which_limit_is_exceeded_and_where_it_comes_from() {
    let pack = pack();
    let mut world = World::new();
    mode(&mut world, Mode::Active, Some("8d"));
    let mut judged = world.judge(&pack);
    assert_eq!(
        limits(&judged.denials, "jit-ttl-ceiling"),
        ["`ttl` is `8d`, the limit is `7d` (`max_ttl`, review.yaml)"]
    );
    judged.call_defaults(&BTreeSet::from(["max_ttl"]));
    assert_eq!(limits(&judged.denials, "jit-ttl-ceiling"), ["`ttl` is `8d`, the limit is `7d` (`max_ttl`, default)"]);
    let mut world = World::new();
    privileged(&mut world);
    mode(&mut world, Mode::Active, Some("9h"));
    let judged = world.judge(&pack);
    assert_eq!(
        limits(&judged.denials, "jit-privileged-ttl-ceiling"),
        ["`ttl` is `9h`, the limit is `8h` (`max_privileged_ttl`, review.yaml)"]
    );
    let mut world = World::new();
    credential(&mut world, "sa:a/ci", "token", Some("2d"));
    let judged = world.judge(&pack);
    assert_eq!(
        limits(&judged.denials, "nhi-credential-ttl"),
        ["`ttl` is `2d`, the limit is `1d` (`max_credential_ttl`, review.yaml)"]
    );
    let mut world = World::new();
    world.plan.changes = vec![world.plan.changes[0].clone(); 101];
    let judged = world.with(|matter| submit(&pack, matter));
    assert_eq!(
        limits(&judged.denials, "task-plan-size"),
        ["`changes` is `101`, the limit is `100` (policy task-plan-size)"]
    );
}

#[test]
fn a_policy_of_the_site_is_explained_as_a_shipped_one_is() {
    let text = r#"forbid (principal, action == Action::"Grant", resource) when { resource has scope }
        unless { resource has ttl && resource.ttl <= duration("30m") };"#;
    let judged = World::new().judge(&pack_and(&policy("site-short", "override", text)));
    assert_eq!(limits(&judged.denials, "site-short"), ["`ttl` is `1h`, the limit is `30m` (policy site-short)"]);
    let finding = judged.denials[0].finding();
    assert_eq!(finding.limits.len(), 1);
    assert!(finding.message.raw().ends_with("the limit is `30m` (policy site-short)"), "{}", finding.message.raw());
    // A comparison that does not go against the change is no limit exceeded.
    let text = r#"forbid (principal, action == Action::"Grant", resource)
        when { resource has ttl && (resource.ttl > duration("2h") || resource.identities < 5) };"#;
    let judged = World::new().judge(&pack_and(&policy("site-odd", "override", text)));
    assert_eq!(limits(&judged.denials, "site-odd"), ["`identities` is `1`, the limit is `5` (policy site-odd)"]);
}

#[test]
fn what_lies_outside_the_task_is_a_limit_with_its_task() {
    use crate::access::model::facts::Outside;
    let pack = pack();
    let mut world = World::new();
    world.facts().in_task_scope = false;
    world.facts().outside =
        BTreeSet::from([Outside::Gives(Some("ns:b".into())), Outside::Lasts(Some(now().plus(span("8d"))))]);
    let judged = world.judge(&pack);
    let said = limits(&judged.denials, "task-scope");
    assert_eq!(said[0], "`scope` is `ns:b`, the limit is `ns:a` (`scope`, task TASK-1 of tasks.yaml)");
    let (end, until) = (now().plus(span("8d")), now().plus(span("7d")));
    assert_eq!(
        said[1],
        format!("`expires + ttl` is `{end}`, the limit is `{until}` (`until`, task TASK-1 of tasks.yaml)")
    );
}

#[test]
fn where_no_policy_permits_the_nearest_one_and_the_sponsors_of_the_task_are_named() {
    let pack = pack();
    let mut world = World::new();
    world.plan.on_behalf_of = Some(at("user:sec".into()));
    world.task.as_mut().unwrap().open = false;
    let judged = world.judge(&pack);
    let hit = judged.denials.iter().find(|hit| hit.policy.as_str() == "no-permit").unwrap();
    assert!(hit.title.raw().contains("`agent-proposes-within-a-task` requires"), "{}", hit.title.raw());
    assert!(!hit.title.raw().contains("agent-person-proposes"), "{}", hit.title.raw());
    assert!(hit.advice.raw().contains("`sponsors`"), "{}", hit.advice.raw());
    assert_eq!(
        limits(&judged.denials, "no-permit"),
        ["`on_behalf_of` is `user:sec`, the limit is `user:sponsor` (`sponsors`, task TASK-1 of tasks.yaml)"]
    );
    world.task = None;
    assert_eq!(
        limits(&world.judge(&pack).denials, "no-permit"),
        ["`task` is `TASK-1`, the limit is `a task of tasks.yaml` (tasks.yaml)"]
    );
    let mut world = World::new();
    world.task.as_mut().unwrap().goes_on = false;
    world.task.as_mut().unwrap().open = false;
    assert!(limits(&world.judge(&pack).denials, "no-permit")[0].starts_with("`task` is `not open`"));
}
