//! Environments, other organisations and token issuers: what a change does across their borders.

use crate::access::model::facts::Federation;
use crate::access::tests::build::*;
use crate::input::entitlement::IdentityKind;
use crate::snapshot::model::Snapshot;

/// A machine with a role in production, and roles, projects and an account of the test environment.
fn world() -> Snapshot {
    let mut made = snapshot("x")
        .identity("svc:ci", IdentityKind::ServiceAccount)
        .identity("svc:test", IdentityKind::ServiceAccount)
        .human("user:ann")
        .role("reader", &[allow("read", "*")])
        .resource("org", None)
        .resource("prod", Some("org"))
        .resource("prod/db", Some("prod"))
        .resource("test", Some("org"))
        .resource("free", Some("org"))
        .held("a1", "svc:ci", "reader", Some("prod/db"));
    for (id, environment) in [("prod", "prod"), ("test", "test")] {
        made.resources.iter_mut().find(|it| it.id.as_str() == id).unwrap().environment = Some(environment.into());
    }
    made.identities.iter_mut().find(|it| it.id.as_str() == "svc:test").unwrap().environment = Some("test".into());
    made
}

fn crossing(snapshot: &Snapshot, action: crate::plan::model::Action) -> Vec<String> {
    let facts = one(snapshot, action);
    facts.isolation.crossing.iter().map(|it| it.raw().to_owned()).collect()
}

#[test]
fn a_machine_that_reaches_a_second_environment_is_told_however_it_gets_there() {
    let world = world();
    let told = ["svc:ci"];
    assert_eq!(crossing(&world, grant("svc:ci", "reader", Some("test"))), told);
    assert_eq!(crossing(&world, grant("svc:ci", "reader", Some("org"))), told, "a scope above both");
    assert_eq!(crossing(&world, grant("svc:ci", "reader", None)), told, "everywhere");
    let tester = world.clone().held("a2", "svc:test", "reader", Some("test"));
    assert_eq!(crossing(&tester, add_trust("t", "svc:ci", "svc:test")), told, "as an identity of the other one");
    assert_eq!(crossing(&world, grant("svc:ci", "reader", Some("prod"))), [""; 0]);
    assert_eq!(crossing(&world, grant("svc:ci", "reader", Some("free"))), [""; 0]);
    assert_eq!(crossing(&world, grant("user:ann", "reader", None)), [""; 0], "a person may");
    let both = world.held("a2", "svc:ci", "reader", Some("test"));
    assert_eq!(crossing(&both, grant("svc:ci", "reader", Some("prod"))), [""; 0], "it reached both before");
}

#[test]
fn identities_of_other_organisations_are_told_by_their_labels() {
    let told = |label: &str, value: &str| {
        let mut world = world();
        let ann = world.identities.iter_mut().find(|it| it.id.as_str() == "user:ann").unwrap();
        ann.labels.insert(label.to_owned(), value.into());
        world.target = Some(crate::snapshot::model::SystemTarget { id: "tenant-1".into(), system: "entra".into() });
        !one(&world, grant("user:ann", "reader", Some("free"))).isolation.third_parties.is_empty()
    };
    for (label, value) in
        [("outside", "true"), ("outside_collaborator", "true"), ("third_party", "true"), ("owner_tenant", "tenant-2")]
    {
        assert!(told(label, value), "{label}");
    }
    assert!(!told("owner_tenant", "tenant-1") && !told("third_party", "false") && !told("team", "true"));
}

#[test]
fn a_new_federated_trust_says_what_it_pins() {
    let world = world();
    let pins = |from: &str| one(&world.clone().identity(from, IdentityKind::Workload), add_trust("t", from, "svc:ci"));
    let of = |from: &str| pins(from).isolation.federation;
    let known = |subject, audience| Some(Federation { subject, audience });
    assert_eq!(of("federated:https://issuer.example|repo:acme/shop:ref:refs/heads/main"), known(true, true));
    assert_eq!(of("federated:https://issuer.example|repo:acme/%2A"), known(false, true));
    assert_eq!(of("federated:arn:aws:iam::111111111111:oidc-provider/issuer.example"), known(false, false));
    assert_eq!(of("svc:other"), None);
}
