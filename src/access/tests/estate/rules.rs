//! Rules in a merged snapshot: those of a system apply to its part, and parts of one kind are separate.

use crate::access::queries::inventory;
use crate::access::tests::build::*;
use crate::access::{Data, Index};
use crate::input::entitlement::IdentityKind;
use crate::input::time::Span;
use crate::snapshot::estate::{EstatePart, LinkOptions, estate};
use crate::snapshot::model::Snapshot;
use crate::snapshot::read;

const CLUSTER: &str = r#"{"version":1,"taken_at":"2026-11-01T11:00:00Z","source":"kubernetes",
 "identities":[{"id":"sa:shop/web","kind":"service_account"},{"id":"sa:kube-system/boss","kind":"service_account"}],
 "roles":[{"id":"clusterrole:cluster-admin","permissions":[{"action":"get","resource":"core:pods#*"}]},
  {"id":"role:kube-system/tokens","permissions":[{"action":"create","resource":"core:serviceaccounts/token#*"}]},
  {"id":"clusterrole:all","permissions":[{"action":"*","resource":"*"}]}],
 "resources":[{"id":"ns:shop"},{"id":"ns:kube-system"}],
 "assignments":[{"id":"c1","who":"sa:shop/web","role":"clusterrole:cluster-admin"},
  {"id":"c2","who":"sa:shop/web","role":"role:kube-system/tokens","scope":"ns:kube-system"},
  {"id":"c3","who":"sa:kube-system/boss","role":"clusterrole:all"}]}"#;

fn part(text: &str, name: &str) -> EstatePart {
    EstatePart { file: name.into(), name: Some(name.into()), snapshot: read(name, text.as_bytes()).unwrap().0 }
}

fn merged(names: [&str; 2]) -> Snapshot {
    let parts = vec![part(CLUSTER, names[0]), part(CLUSTER, names[1])];
    estate(parts, &LinkOptions::default()).unwrap().snapshot
}

/// The subjects with a privileged role, and the subjects of each escalation path.
fn found(snapshot: &Snapshot) -> (Vec<String>, Vec<String>) {
    let data = Data::shipped().unwrap().in_estate(snapshot);
    let index = Index::new(snapshot);
    let found = inventory::holdings(&index, &data, Span::from_days(90));
    let privileged = found.privileged.iter().map(|it| format!("{} {}", it.subject.as_str(), it.role.as_str()));
    let paths = found.escalations.iter().map(|it| format!("{} {}", it.subject.as_str(), it.id.raw()));
    (privileged.collect(), paths.collect())
}

#[test]
fn rules_that_name_roles_and_scopes_of_a_system_apply_to_each_part_of_it() {
    let (alone, _) = read("f", CLUSTER.as_bytes()).unwrap();
    let (privileged, paths) = found(&alone);
    assert!(privileged.contains(&"sa:shop/web clusterrole:cluster-admin".to_owned()), "{privileged:?}");
    assert!(paths.iter().any(|path| path.starts_with("sa:shop/web k8s-")), "{paths:?}");
    let (both, more) = found(&merged(["blue", "green"]));
    let expected = |prefix: &str, all: &[String]| -> Vec<String> {
        let one = |it: &String| format!("{prefix}:{}", it.split_once(' ').unwrap().0);
        all.iter().map(one).collect()
    };
    for prefix in ["blue", "green"] {
        let subjects: Vec<String> = both
            .iter()
            .filter(|it| it.starts_with(prefix))
            .map(|it| it.split_once(' ').unwrap().0.to_owned())
            .collect();
        assert_eq!(subjects, expected(prefix, &privileged), "{both:?}");
        // WHY: who has everything in one cluster has not everything in the estate, and is listed with every path.
        let opened = more.iter().filter(|it| it.starts_with(&format!("{prefix}:sa:shop/web "))).count();
        assert_eq!(opened, paths.len(), "{more:?} {paths:?}");
    }
}

#[test]
fn access_to_everything_in_one_cluster_is_no_access_to_another() {
    let snapshot = merged(["blue", "green"]);
    let index = Index::new(&snapshot);
    let systems = index.systems();
    let role = |id: &str| systems.of_role(snapshot.roles.iter().find(|role| role.id.as_str() == id).unwrap());
    assert_ne!(role("blue:clusterrole:all"), role("green:clusterrole:all"));
    assert!(systems.is_namespace(&"blue:ns:shop".into()));
    assert!(!systems.is_namespace(&"blue:node:shop".into()));
    assert_eq!(systems.of_new("green:clusterrole:new").unwrap().name(), "kubernetes@green");
    assert_eq!(systems.local("blue:sa:shop/web"), "sa:shop/web");
}

#[test]
fn a_rule_that_matches_nothing_in_the_estate_is_unresolved() {
    let snapshot = merged(["blue", "green"]);
    let unresolved = |text: &str, name: &str| -> Vec<String> {
        let found = Data::read([(name, text.as_bytes())]).unwrap().unresolved(&snapshot);
        found.iter().map(|it| it.message.raw().to_owned()).collect()
    };
    let rule = |about: &str| format!("rules:\n  - {{{about}, sensitivity: high, reason: r, source: s}}\n");
    let file = "classification.yaml";
    assert_eq!(unresolved(&rule("system: kubernetes, role: \"clusterrole:all\""), file), [""; 0]);
    assert_eq!(unresolved(&rule("role: \"blue:clusterrole:*\""), file), [""; 0]);
    assert_eq!(unresolved(&rule("action: get"), file), [""; 0]);
    let plain = unresolved(&rule("role: \"clusterrole:all\""), file);
    assert!(plain.len() == 1 && plain[0].contains("the role `clusterrole:all`, which matches nothing"), "{plain:?}");
    let scope = unresolved(&rule("action: get, scope: \"ns:shop\""), file);
    assert!(scope.len() == 1 && scope[0].contains("the scope `ns:shop`"), "{scope:?}");
    let pairs =
        "pairs:\n  - {id: p, title: t, first: {role: \"clusterrole:all\"}, second: {member_of: \"blue:group:none\"}}\n";
    assert_eq!(unresolved(pairs, "sod.yaml").len(), 2);
}

const GITHUB: &str = r#"{"version":1,"taken_at":"2026-11-01T11:00:00Z","source":"github",
 "identities":[{"id":"user:bob","kind":"human"}],
 "groups":[{"id":"team:acme/web"},{"id":"team:acme/none"}],
 "roles":[{"id":"maintainer of team:acme/web","permissions":[{"action":"team.maintain","resource":"team:acme/web"}]},
  {"id":"repo:admin","permissions":[{"action":"repository.push","resource":"*"}]}],
 "resources":[{"id":"org:acme"},{"id":"team:acme/web","parent":"org:acme"}],
 "assignments":[{"id":"a1","who":"user:bob","role":"maintainer of team:acme/web","scope":"team:acme/web"},
  {"id":"a2","who":"team:acme/web","role":"repo:admin"}]}"#;

const DATABASE: &str = r#"{"version":1,"taken_at":"2026-11-01T11:00:00Z","source":"postgresql",
 "identities":[{"id":"user:app","kind":"human"}],"groups":[{"id":"role:boss"}],
 "roles":[{"id":"SUPERUSER","permissions":[{"action":"*","resource":"*"}]},
  {"id":"plain"}],
 "assignments":[{"id":"a1","who":"role:boss","role":"SUPERUSER"},{"id":"a2","who":"user:app","role":"plain"}]}"#;

#[test]
fn permissions_name_objects_without_the_prefix_of_their_part() {
    let merged = estate(vec![part(GITHUB, "hub"), part(DATABASE, "db")], &LinkOptions::default()).unwrap().snapshot;
    let alone = |text: &str| found(&read("f", text.as_bytes()).unwrap().0);
    let (_, paths) = found(&merged);
    let (_, of_github) = alone(GITHUB);
    assert!(of_github.contains(&"user:bob github-team-maintainer".to_owned()), "{of_github:?}");
    assert!(paths.contains(&"hub:user:bob github-team-maintainer@hub".to_owned()), "{paths:?}");
    let data = Data::shipped().unwrap().in_estate(&merged);
    let merged = merged.identity("agent", IdentityKind::Agent);
    let asked = plan(vec![("c1", add("db:plain", allow("MEMBER", "role:boss")))]);
    let facts = Run { data: &data, ..Run::default() }.on(&merged, &asked).unwrap().changes.remove(0);
    assert!(!facts.privileged.is_empty(), "a membership is rated by what the role gives: {facts:?}");
}
