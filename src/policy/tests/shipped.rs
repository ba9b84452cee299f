//! Every shipped policy, once where it determines the answer and once where it does not.

use cedar_policy::{ValidationMode, Validator};

use super::asked::reached;
use super::*;
use crate::access::matching::dialect::Dialect;
use crate::input::entitlement::Permission;
use crate::snapshot::model::Status;

pub(super) fn privileged(w: &mut World) {
    w.facts().privileged.insert("pods/exec".into());
    w.facts().gained_privileged = 1;
}

fn unclassified(w: &mut World) {
    w.facts().sensitivity = Sensitivity::Unknown;
    w.facts().unclassified = 1;
}

pub(super) fn mode(w: &mut World, mode: Mode, ttl: Option<&str>) {
    w.facts().becomes = Some(AssignmentTerms { mode, until: None, ttl: ttl.map(span) });
}

pub(super) fn adjust(w: &mut World, was: Mode, ttl: Option<&str>) {
    w.action(Action::Adjust(assignment("user:bob", "viewer")));
    w.facts().was = Some(AssignmentTerms { mode: was, until: None, ttl: ttl.map(span) });
}

pub(super) fn machine(w: &mut World) {
    w.facts().named.identity = Some("sa:a/ci".into());
    w.facts().concerned.kinds = BTreeSet::from([IdentityKind::ServiceAccount]);
}

pub(super) fn no_gain(w: &mut World) {
    w.facts().effects = Effects::default();
}

pub(super) fn revoke(w: &mut World) {
    w.action(Action::Revoke(assignment("user:bob", "viewer")));
    w.facts().becomes = None;
    no_gain(w);
}

pub(super) fn trust(w: &mut World, from: &str, to: &str) {
    w.action(Action::AddTrust(TrustDefinition {
        trust: at("t".into()),
        from: at(from.into()),
        to: at(to.into()),
        via: at("impersonate".into()),
        requires: None,
        condition: None,
    }));
    w.facts().named =
        ChangeTargets { identity: Some(from.into()), trusted: Some(to.into()), ..ChangeTargets::default() };
}

fn third_party(w: &mut World) {
    w.facts().isolation.third_parties.insert("user:bob".into());
}

pub(super) fn federated(w: &mut World, subject: bool, audience: bool) {
    trust(w, "sa:a/ci", "sa:a/ci");
    w.facts().isolation.federation = Some(crate::access::model::facts::Federation { subject, audience });
}

pub(super) fn credential(w: &mut World, of: &str, kind: &str, ttl: Option<&str>) {
    w.action(Action::IssueCredential(CredentialIssue {
        credential: at("k".into()),
        identity: at(of.into()),
        kind: at(kind.into()),
        deliver_to: at("sa:a/ci".into()),
        lifetime: None,
    }));
    w.facts().named = ChangeTargets {
        identity: Some("sa:a/ci".into()),
        trusted: Some(of.into()),
        credential: Some((kind.into(), ttl.map(span))),
        ..ChangeTargets::default()
    };
}

pub(super) fn permission(w: &mut World, action: &str, resource: &str) {
    let permission = Permission::allow(action, resource);
    w.action(Action::AddPermission(at("viewer".into()), at(permission.clone())));
    let breadth = Dialect::Kubernetes.breadth(&permission);
    w.facts().named = ChangeTargets {
        role: Some("viewer".into()),
        permission: Some(permission),
        breadth,
        ..ChangeTargets::default()
    };
    w.facts().becomes = None;
}

pub(super) fn set_owner(w: &mut World, owner: &str) {
    w.action(Action::SetOwner(Owned::Identity(at("sa:a/ci".into())), at(owner.into())));
    machine(w);
    no_gain(w);
}

pub(super) fn create(w: &mut World, kind: IdentityKind, owner: Option<&str>) {
    w.action(Action::CreateIdentity(at("sa:a/ci".into()), at(kind), owner.map(|o| at(o.into()))));
    machine(w);
    no_gain(w);
}

pub(super) fn silence(w: &mut World) {
    w.action(Action::SuppressFinding(at("alert".into())));
    no_gain(w);
}

fn conflict() -> SodConflict {
    SodConflict {
        id: "pay-and-approve".into(),
        title: "t".into(),
        subject: Subject::Identity("user:bob".into()),
        scope: None,
        first: [].into(),
        second: [].into(),
        digest: Digest::of(b"sod"),
    }
}

fn escalation() -> Escalation {
    Escalation {
        id: "bind".into(),
        title: "t".into(),
        subject: Subject::Identity("user:bob".into()),
        bound: BTreeMap::new(),
        count: 1,
        complete: true,
        conditional: false,
        conditions: Vec::new(),
        requires: Vec::new(),
        paths: Vec::new(),
        digest: Digest::of(b"esc"),
    }
}

pub(super) fn bob(w: &mut World) -> &mut IdentityView {
    w.facts().around.identities.get_mut("user:bob").unwrap()
}

pub(super) fn group_target(w: &mut World, known: MembersKnown) {
    w.facts().named.identity = None;
    w.facts().named.group = Some("team".into());
    w.facts().around.groups.insert("team".into(), group(known));
}

pub(super) fn key(w: &mut World, security: bool, present: bool) {
    w.key.security_key = security;
    w.key.user_present = present;
}

pub(super) fn history(w: &mut World, rejected: bool, grants: u64) {
    w.history.insert("c1".into(), History { rejected_before: rejected, grants_30d: grants, ..History::default() });
}

pub(super) type Bend = fn(&mut World);

/// Id; where it determines an answer; where it does not.
#[rustfmt::skip]
pub(super) const TABLE: &[(&str, Bend, Bend)] = &[
    ("rbac-target-in-use", |w| bob(w).status = Status::Disabled, |_| ()),
    ("rbac-acts-as-in-use", |w| { trust(w, "sa:a/ci", "user:gone"); }, |w| trust(w, "sa:a/ci", "user:bob")),
    ("rbac-role-kinds", |w| { w.facts().around.roles.get_mut("viewer").unwrap().kinds.insert(IdentityKind::Device); },
        |w| { w.facts().around.roles.get_mut("viewer").unwrap().kinds.insert(IdentityKind::Human); }),
    ("rbac-wildcard-permission", |w| permission(w, "get", "*:*#*"), |w| permission(w, "get", "core:pods#*")),
    ("rbac-privileged-to-open-group", |w| { privileged(w); group_target(w, MembersKnown::Unknown); w.facts().in_task_scope = false; },
        |w| { privileged(w); group_target(w, MembersKnown::Unknown); }),
    ("rbac-privileged-loan-to-open-group", |w| { privileged(w); group_target(w, MembersKnown::Unknown); },
        |w| { privileged(w); group_target(w, MembersKnown::Known); }),
    ("rbac-gives-everything", |w| { w.facts().gives_everything = true; mode(w, Mode::Standing, None); }, |w| w.facts().gives_everything = true),
    ("rbac-public", |w| w.facts().public = true, |_| ()),
    ("rbac-unscoped-sensitive", |w| { w.facts().named.scope = None; w.facts().around.roles.get_mut("viewer").unwrap().sensitivity = Sensitivity::High; },
        |w| { w.facts().around.roles.get_mut("viewer").unwrap().sensitivity = Sensitivity::High; }),
    ("jit-active-ends", |w| mode(w, Mode::Active, None), |_| ()),
    ("jit-ttl-ceiling", |w| mode(w, Mode::Active, Some("8d")), |w| mode(w, Mode::Active, Some("7d"))),
    ("jit-privileged-ttl-ceiling", |w| { privileged(w); mode(w, Mode::Active, Some("9h")); }, |w| { privileged(w); mode(w, Mode::Active, Some("8h")); }),
    ("jit-made-permanent", |w| { adjust(w, Mode::Active, Some("1h")); mode(w, Mode::Standing, None); }, |w| { adjust(w, Mode::Active, Some("1h")); mode(w, Mode::Active, Some("2h")); }),
    ("jit-extended", |w| { adjust(w, Mode::Active, Some("1h")); mode(w, Mode::Active, Some("2h")); }, |w| { adjust(w, Mode::Active, Some("2h")); mode(w, Mode::Active, Some("1h")); }),
    ("jit-granted-again-and-again", |w| history(w, false, 3), |w| history(w, false, 2)),
    ("zsp-no-standing-privilege", |w| { privileged(w); mode(w, Mode::Standing, None); }, |w| { privileged(w); machine(w); mode(w, Mode::Standing, None); }),
    ("zsp-no-standing-privilege-for-machines", |w| { privileged(w); machine(w); mode(w, Mode::Standing, None); }, |w| { machine(w); mode(w, Mode::Standing, None); }),
    ("zsp-eligible-needs-a-person", |w| { machine(w); mode(w, Mode::Eligible, None); }, |w| mode(w, Mode::Eligible, None)),
    ("zsp-no-privilege-through-trust", |w| { trust(w, "sa:a/ci", "sa:a/ci"); privileged(w); }, |w| trust(w, "sa:a/ci", "sa:a/ci")),
    ("zsp-role-gains-privilege", |w| { permission(w, "get", "core:secrets#*"); privileged(w); }, |w| permission(w, "get", "core:pods#*")),
    ("sod-conflict", |w| w.facts().sod = vec![conflict()], |_| ()),
    ("sod-conflict-of-plan", |w| w.analysis.sod = vec![conflict()], |_| ()),
    ("sod-conflicts-known", |w| w.facts().concerned.untold.conflicts = true, |w| w.facts().concerned.untold.subjects = 1),
    ("sod-sponsor-gains", |w| w.facts().effects.gained = vec![piece(Subject::Identity("user:sponsor".into()), None)], |_| ()),
    ("nhi-privileged-needs-owner", |w| { machine(w); privileged(w); }, |w| { machine(w); privileged(w); w.facts().around.identities.get_mut("sa:a/ci").unwrap().owner = Some("user:bob".into()); }),
    ("nhi-needs-owner", machine, |w| { machine(w); w.facts().around.identities.get_mut("sa:a/ci").unwrap().owner = Some("user:bob".into()); }),
    ("nhi-created-with-owner", |w| create(w, IdentityKind::Workload, None), |w| create(w, IdentityKind::Workload, Some("user:bob"))),
    ("nhi-owner-is-a-person", |w| set_owner(w, "sa:a/ci"), |w| set_owner(w, "user:bob")),
    ("nhi-credential-ttl", |w| credential(w, "sa:a/ci", "token", None), |w| credential(w, "sa:a/ci", "token", Some("1h"))),
    ("nhi-no-static-secret", |w| credential(w, "sa:a/ci", "password", Some("1h")), |w| credential(w, "sa:a/ci", "token", Some("1h"))),
    ("nhi-credential-to-open-group", |w| { credential(w, "sa:a/ci", "token", Some("1h")); group_target(w, MembersKnown::Partial); }, |w| { credential(w, "sa:a/ci", "token", Some("1h")); group_target(w, MembersKnown::Known); }),
    ("nhi-no-credential-of-a-person", |w| credential(w, "user:bob", "token", Some("1h")), |w| credential(w, "sa:a/ci", "token", Some("1h"))),
    ("nhi-no-machine-acts-as-a-person", |w| trust(w, "sa:a/ci", "user:bob"), |w| trust(w, "user:bob", "user:bob")),
    ("nhi-no-person-acts-as-a-machine", |w| trust(w, "user:bob", "sa:a/ci"), |w| trust(w, "sa:a/ci", "sa:a/ci")),
    ("nhi-one-environment", |w| { machine(w); w.facts().isolation.crossing.insert("sa:a/ci".into()); }, machine),
    ("nhi-third-party-ends", |w| { third_party(w); mode(w, Mode::Standing, None); }, third_party),
    ("nhi-federation-pinned", |w| federated(w, false, true), |w| federated(w, true, true)),
    ("nhi-federation-pinned", |w| federated(w, true, false), |w| trust(w, "sa:a/ci", "sa:a/ci")),
    ("nhi-stale", |w| bob(w).last_used = Some(Time::from_unix(1_800_000_000)), |w| bob(w).last_used = Some(now())),
    ("agent-proposes-within-a-task", |_| (), |w| w.task.as_mut().unwrap().until = Some(now())),
    ("agent-reduces-without-a-task", |w| { revoke(w); w.task = None; }, |w| w.action(Action::Revoke(assignment("user:bob", "viewer")))),
    ("agent-person-proposes", |w| w.plan.proposer = at("user:sec".into()), |_| ()),
    ("agent-submits-its-plan", |_| (), |w| w.plan.proposer = at("agent:unknown".into())),
    ("agent-no-self-escalation", |w| { w.facts().receivers.insert(Subject::Identity("agent:a".into())); }, |_| ()),
    ("agent-no-self-escalation", |w| w.facts().effects.gained_eligible = vec![piece(Subject::Identity("agent:a".into()), None)], |_| ()),
    ("agent-no-self-ownership", |w| set_owner(w, "agent:a"), |w| set_owner(w, "user:bob")),
    ("agent-no-privileged-agent", |w| { privileged(w); w.facts().concerned.kinds.insert(IdentityKind::Agent); }, privileged),
    ("agent-escalation-path", |w| w.facts().escalations = vec![escalation()], |w| w.facts().escalations = vec![Escalation { complete: false, ..escalation() }]),
    ("agent-contradicted-claims", |w| w.facts().claims = vec![CheckedClaim { name: "unused", claimed: "true".into(), found: None, result: ClaimResult::Contradicted }],
        |w| w.facts().claims = vec![CheckedClaim { name: "ticket", claimed: "T".into(), found: None, result: ClaimResult::Unchecked }]),
    ("agent-no-silencing", silence, |w| { silence(w); w.plan.proposer = at("user:sec".into()); }),
    ("agent-unproven", |w| w.proof = Proof::none(), |_| ()),
    ("agent-proves-another", |w| w.proof.proven = Some("agent:b".into()), |_| ()),
    ("agent-long-lived-credential", |w| w.proof.credential_ttl = Some(span("25h")), |_| ()),
    ("agent-person-unproven", |w| { w.plan.proposer = at("user:sec".into()); w.proof = Proof::none(); }, |w| w.proof = Proof::none()),
    ("agent-overbroad", |w| w.proof.overbroad = true, |_| ()),
    ("agent-asks-again", |w| history(w, true, 0), |_| ()),
    ("task-scope", |w| w.facts().in_task_scope = false, |w| { revoke(w); w.facts().in_task_scope = false; }),
    ("task-sponsor-in-office", |w| w.plan.on_behalf_of = None, |_| ()),
    ("task-plan-size", |w| w.plan.changes = vec![w.plan.changes[0].clone(); 101], |w| w.plan.changes = vec![w.plan.changes[0].clone(); 100]),
    ("task-escalation-of-plan", |w| w.analysis.escalations = vec![escalation()], |_| ()),
    ("task-emergent", |w| w.analysis.sets_incomplete = true, |_| ()),
    ("task-search-cut-short", |w| w.analysis.sets_incomplete = true, |w| { w.plan.proposer = at("user:sec".into()); w.analysis.sets_incomplete = true; }),
    ("task-effect-told", |w| w.facts().concerned.untold.subjects = 1, |w| { w.plan.proposer = at("user:sec".into()); w.facts().concerned.untold.subjects = 1; }),
    ("task-effect-told", |w| w.facts().concerned.untold.losses = true, |w| { no_gain(w); w.analysis.effects = Effects::default(); w.facts().concerned.untold.losses = true; }),
    ("task-effect-told", |w| { no_gain(w); w.analysis.effects = Effects::default(); w.analysis.concerned.untold.paths = true; }, |w| { no_gain(w); w.analysis.effects = Effects::default(); w.analysis.concerned.untold.losses = true; }),
    ("task-wide-reach", |w| w.analysis.concerned.identities = 1001, |w| w.analysis.concerned.identities = 1000),
    ("approval-entitlement-owner", |w| { w.approver = "own".into(); w.facts().around.roles.get_mut("viewer").unwrap().owner = Some("user:own".into()); }, |w| w.approver = "own".into()),
    ("approval-object-owner", |w| { w.approver = "own".into(); bob(w).owner = Some("user:own".into()); w.facts().named.role = None; },
        |w| { w.approver = "own".into(); bob(w).owner = Some("user:own".into()); }),
    ("approval-owners-group", |_| (), |w| w.approver = "own".into()),
    ("approval-security-group", |_| (), |w| w.approver = "own".into()),
    ("approval-break-glass", |_| (), |w| w.approver = "own".into()),
    ("approval-by-people-in-office", |w| { w.analysis.before.identities.get_mut("user:sec").unwrap().status = Status::Disabled; }, |_| ()),
    ("approval-not-by-proposer", |w| w.plan.proposer = at("user:sec".into()), |_| ()),
    ("approval-not-by-sponsor", |w| w.approver = "sponsor".into(), |w| { revoke(w); w.approver = "sponsor".into(); w.persons[1].groups.extend(["sponsors-may-reduce".to_owned(), "break-glass".to_owned()]); w.plan.on_behalf_of = Some(at("user:own".into())); }),
    ("approval-security-key", |w| { privileged(w); w.parameters.require_security_key = true; }, |w| { privileged(w); w.parameters.require_security_key = true; key(w, true, true); }),
    ("approval-touched-key", |w| key(w, true, false), |w| key(w, true, true)),
    ("freeze-people", |_| (), |w| { w.analysis.before.identities.get_mut("user:sec").unwrap().status = Status::Disabled; }),
    ("freeze-break-glass", |_| (), |w| w.approver = "own".into()),
    ("freeze-by-people-in-office", |w| { w.analysis.before.identities.get_mut("user:sec").unwrap().status = Status::Disabled; }, |_| ()),
    ("freeze-not-thawed-by-owner-or-sponsor", |w| w.approver = "sponsor".into(), |_| ()),
    ("freeze-not-thawed-by-owner-or-sponsor", |w| w.analysis.before.identities.get_mut("agent:a").unwrap().owner = Some("user:sec".into()), |w| w.analysis.before.identities.get_mut("agent:a").unwrap().owner = Some("user:own".into())),
    ("freeze-security-key", |w| w.parameters.require_security_key = true, |w| { w.parameters.require_security_key = true; key(w, true, true); }),
    ("freeze-touched-key", |w| key(w, true, false), |w| key(w, true, true)),
    ("automation-small-reduction", revoke, |w| { revoke(w); w.facts().reversible = false; }),
    ("automation-small-loan", |_| (), |w| w.proof = Proof::none()),
    ("automation-waive-security-ordinary", |w| w.proof = Proof::none(), |w| { w.proof = Proof::none(); w.facts().sensitivity = Sensitivity::High; }),
    ("automation-waive-security-ordinary", |w| w.proof = Proof::none(), |w| { w.proof = Proof::none(); w.facts().admin_name = Some("db-admin".into()); }),
    ("automation-waive-security-revoke", |w| { revoke(w); w.facts().sensitivity = Sensitivity::High; }, |_| ()),
    ("automation-keep-security-step", |w| set_owner(w, "user:bob"), |_| ()),
    ("automation-keep-security-for-third-parties", third_party, |w| { third_party(w); no_gain(w); }),
    ("automation-keep-security-for-denies", |w| { revoke(w); w.facts().sensitivity = Sensitivity::High; w.facts().lifts_deny = true; },
        |w| { revoke(w); w.facts().sensitivity = Sensitivity::High; }),
    ("automation-keep-security-for-definitions", |w| { permission(w, "get", "core:pods#*"); w.facts().concerned.identities = 51; }, |w| permission(w, "get", "core:pods#*")),
    ("automation-keep-every-step", |w| { revoke(w); w.facts().concerned.untold.losses = true; }, revoke),
    ("automation-waive-security-unclassified", unclassified, |w| { unclassified(w); w.facts().admin_name = Some("db-admin".into()); }),
    ("automation-unclassified-keeps-owner", unclassified, |w| w.proof = Proof::none()),
    ("automation-waive-owner-containment", |w| { no_gain(w); w.facts().privileged.insert("p".into()); w.action(Action::DisableIdentity(at("user:bob".into()))); },
        |w| { no_gain(w); w.action(Action::DisableIdentity(at("user:bob".into()))); }),
];

#[test]
fn every_shipped_policy_determines_an_answer_where_it_should_and_none_where_it_should_not() {
    let pack = pack();
    for (id, with, without) in TABLE {
        let mut world = World::new();
        with(&mut world);
        assert!(reached(&world, &pack).contains(*id), "{id} says nothing: {:?}", reached(&world, &pack));
        let mut world = World::new();
        without(&mut world);
        assert!(!reached(&world, &pack).contains(*id), "{id} speaks where it should not");
    }
}

#[test]
fn what_is_privileged_only_together_meets_every_policy_that_it_would_meet_alone() {
    let pack = pack();
    let machine_standing: Bend = |w| {
        machine(w);
        mode(w, Mode::Standing, None);
    };
    let cases: [(&str, Bend); 8] = [
        ("jit-privileged-ttl-ceiling", |w| mode(w, Mode::Active, Some("9h"))),
        ("zsp-no-standing-privilege", |w| mode(w, Mode::Standing, None)),
        ("zsp-no-standing-privilege-for-machines", machine_standing),
        ("zsp-no-privilege-through-trust", |w| trust(w, "sa:a/ci", "sa:a/ci")),
        ("zsp-role-gains-privilege", |w| permission(w, "get", "core:pods#*")),
        ("nhi-privileged-needs-owner", machine),
        ("agent-no-privileged-agent", |w| {
            w.facts().concerned.kinds.insert(IdentityKind::Agent);
        }),
        ("rbac-privileged-to-open-group", |w| {
            group_target(w, MembersKnown::Unknown);
            w.facts().in_task_scope = false;
        }),
    ];
    for (id, bend) in cases {
        let mut world = World::new();
        bend(&mut world);
        assert!(!reached(&world, &pack).contains(id), "{id} speaks of an ordinary change");
        world.facts().privileged_together.insert("together with other changes: vault".into());
        assert!(reached(&world, &pack).contains(id), "{id} is silent");
    }
}

#[test]
fn an_open_group_is_lent_privileged_access_within_its_task_and_nothing_else_privileged() {
    let pack = pack();
    let lend = |bend: Bend| {
        let mut world = World::new();
        privileged(&mut world);
        group_target(&mut world, MembersKnown::Unknown);
        bend(&mut world);
        let judged = world.judge(&pack);
        (ids(&judged.denials).contains(&"rbac-privileged-to-open-group"), judged.steps.len(), judged.outcome)
    };
    let (denied, steps, outcome) = lend(|_| ());
    assert!(
        !denied && steps == 2 && matches!(outcome, Outcome::Needs(_)),
        "the owner and security decide: {outcome:?}"
    );
    let refused: [(&str, Bend); 6] = [
        ("standing", |w| mode(w, Mode::Standing, None)),
        ("eligible", |w| mode(w, Mode::Eligible, None)),
        ("without an end", |w| mode(w, Mode::Active, None)),
        ("in the whole cluster", |w| w.facts().named.scope = None),
        ("beyond the task", |w| w.facts().in_task_scope = false),
        ("with a part that stays", |w| w.facts().effects.gained = vec![piece(Subject::Group("team".into()), None)]),
    ];
    for (what, bend) in refused {
        let (denied, _, outcome) = lend(bend);
        assert!(denied && outcome == Outcome::Denied, "{what}: {outcome:?}");
    }
}

#[test]
fn what_nothing_classifies_takes_the_owner_and_where_more_speaks_for_it_security() {
    let pack = pack();
    let steps = |bend: Bend| {
        let mut world = World::new();
        unclassified(&mut world);
        bend(&mut world);
        let judged = world.judge(&pack);
        assert!(judged.automatic_by.is_empty() && judged.outcome != Outcome::Auto);
        judged.steps.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(steps(|_| ()), ["Owner"]);
    let both: [(&str, Bend); 5] = [
        ("a name that tells of an administrator", |w| w.facts().admin_name = Some("okta:prod-admins".into())),
        ("standing for a machine", |w| {
            machine(w);
            mode(w, Mode::Standing, None);
        }),
        ("the proposer receives", |w| w.facts().receivers = BTreeSet::from([Subject::Identity("agent:a".into())])),
        ("the sponsor receives", |w| {
            w.plan.on_behalf_of = Some(at("user:bob".into()));
            w.facts().receivers = BTreeSet::from([Subject::Identity("user:bob".into())]);
        }),
        ("it is privileged as well", privileged),
    ];
    for (what, bend) in both {
        assert_eq!(steps(bend), ["Owner", "Security"], "{what}");
    }
    assert_eq!(steps(machine), ["Owner"], "a loan to a machine");
    let ranked: [Bend; 2] =
        [|w| w.facts().sensitivity = Sensitivity::Low, |w| w.facts().sensitivity = Sensitivity::Unknown];
    for bend in ranked {
        assert_eq!(steps(bend), ["Owner"], "whatever the rank");
    }
    assert_eq!(steps(revoke), ["Owner"], "a reduction is decided by the owner");
}

#[test]
fn what_the_public_is_given_is_denied_and_never_automatic() {
    let pack = pack();
    let mut world = World::new();
    world.facts().public = true;
    let judged = world.judge(&pack);
    assert!(judged.barred.contains(&bars::AutoBar::Public));
    assert!(ids(&judged.denials).contains(&"rbac-public"));
}

#[test]
fn every_shipped_policy_is_exercised() {
    let tabled: BTreeSet<&str> = TABLE.iter().map(|(id, ..)| *id).collect();
    let pack = pack();
    assert_eq!(tabled, pack.policies().map(|about| about.id.as_str()).collect());
    assert!(tabled.len() >= 24);
    for about in pack.policies() {
        let family = about.id.as_str().split('-').next().unwrap();
        assert_eq!(&*about.place.file, format!("shipped/{family}.cedar"), "a policy stands in its family's file");
    }
}

#[test]
fn the_embedded_pack_validates_strictly_and_to_the_level_that_the_store_is_closed_to() {
    let pack = pack();
    let all = Pack::shipped().iter().filter(|f| f.path.ends_with(".cedar"));
    for file in all {
        let text = std::str::from_utf8(file.bytes).unwrap();
        let set: cedar_policy::PolicySet = text.parse().unwrap();
        let result = Validator::new(pack.schema.clone()).validate_with_level(
            &set,
            ValidationMode::Strict,
            crate::policy::tests::pack::LEVEL,
        );
        assert!(result.validation_passed_without_warnings(), "{}: {result}", file.path);
    }
}

#[test]
fn every_shipped_policy_is_documented() {
    let readme = include_str!("../../../policies/README.md");
    for about in pack().policies() {
        assert!(
            readme.contains(&format!("`{}`", about.id.as_str())),
            "{} is not in policies/README.md",
            about.id.as_str()
        );
    }
}

#[test]
fn every_shipped_file_is_embedded() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/policies");
    let on_disk: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".cedar") || name.ends_with(".cedarschema"))
        .map(|name| format!("shipped/{name}"))
        .collect();
    assert_eq!(on_disk, Pack::shipped().iter().map(|f| f.path.to_owned()).collect());
}

#[test]
fn the_ordinary_world_is_automatic_and_the_unproven_one_needs_the_owner() {
    let mut world = World::new();
    let pack = pack();
    assert_eq!(world.judge(&pack).outcome, Outcome::Auto);
    world.proof = Proof::none();
    let judged = world.judge(&pack);
    assert_eq!(judged.outcome, Outcome::Needs(vec![StepName::new("Owner").unwrap()]));
}
