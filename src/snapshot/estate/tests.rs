//! The estate on snapshots that we write.

use super::*;
use crate::input::finding::Severity;
use crate::snapshot::{read, write};

const GITHUB: &str = r#"{"version":1,"taken_at":"2026-11-01T10:00:00Z","source":"github","target":{"system":"github","id":"77"},
 "identities":[{"id":"user:ann","kind":"human"},{"id":"workflow:acme/shop","kind":"workload","labels":{"oidc_subject":"repo:acme/shop:","oidc_subject_with_ids":"repo:acme@77/shop@5:"}}],
 "groups":[{"id":"team:acme/eng","members":["user:ann"]}],
 "roles":[{"id":"repo:push","permissions":[{"action":"repository.push","resource":"*"}]}],
 "resources":[{"id":"org:acme"},{"id":"repo:acme/shop","parent":"org:acme"}],
 "assignments":[{"id":"a1","who":"team:acme/eng","role":"repo:push","scope":"repo:acme/shop"}],
 "trust_rules":[{"id":"github:push-workflow","via":"push-workflow","to":"workflow:$name","action":"repository.push","resource":"*","scope":"repo:$name"}]}"#;

const AWS: &str = r#"{"version":1,"taken_at":"2026-11-01T12:00:00Z","source":"aws","target":{"system":"aws","id":"111111111111"},
 "identities":[{"id":"arn:aws:iam::111111111111:role/deploy","kind":"service_account"},{"id":"arn:aws:iam::111111111111:role/node","kind":"service_account"},
  {"id":"federated:arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com","kind":"service_account","labels":{"outside":"true"}},
  {"id":"federated:arn:aws:iam::111111111111:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/A1","kind":"service_account","labels":{"outside":"true"}}],
 "roles":[{"id":"arn:aws:iam::aws:policy/AdministratorAccess","permissions":[{"action":"*","resource":"*"}]}],
 "assignments":[{"id":"b1","who":"arn:aws:iam::111111111111:role/deploy","role":"arn:aws:iam::aws:policy/AdministratorAccess"}],
 "trusts":[{"id":"t1","from":"federated:arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com","to":"arn:aws:iam::111111111111:role/deploy","via":"assume-role",
  "condition":"{\"StringEquals\":{\"token.actions.githubusercontent.com:aud\":[\"sts.amazonaws.com\"]},\"StringLike\":{\"token.actions.githubusercontent.com:sub\":[\"repo:acme/shop:*\"]}}"},
  {"id":"t2","from":"federated:arn:aws:iam::111111111111:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/A1","to":"arn:aws:iam::111111111111:role/node","via":"assume-role",
  "condition":"{\"StringEquals\":{\"oidc.eks.eu-west-1.amazonaws.com/id/A1:sub\":[\"system:serviceaccount:shop:web\"]}}"}]}"#;

const CLUSTER: &str = r#"{"version":1,"taken_at":"2026-11-01T11:00:00Z","source":"kubernetes","target":{"system":"kubernetes","id":"u-1"},
 "identities":[{"id":"sa:shop/web","kind":"service_account"}],
 "groups":[{"id":"group:all","implicit":["sa:*","*"]}],
 "roles":[{"id":"clusterrole:cluster-admin","permissions":[{"action":"*","resource":"*"}]},{"id":"role:shop/r","permissions":[{"action":"get","resource":"core:pods#*"}]}],
 "resources":[{"id":"ns:shop"}],
 "assignments":[{"id":"c1","who":"sa:shop/web","role":"role:shop/r","scope":"ns:shop"}]}"#;

fn part(text: &str, name: Option<&str>) -> EstatePart {
    let (snapshot, _) = read("f", text.as_bytes()).unwrap();
    EstatePart { file: format!("{}.json", snapshot.source.raw()), name: name.map(str::to_owned), snapshot }
}

fn merged(texts: &[&str], options: &LinkOptions) -> Estate {
    estate(texts.iter().map(|text| part(text, None)).collect(), options).unwrap()
}

fn links(it: &Estate) -> Vec<(&str, &str, Option<&str>)> {
    let links = it.snapshot.trusts.iter().filter(|trust| trust.id.as_str().starts_with("link:"));
    links.map(|trust| (trust.from.raw(), trust.to.raw(), trust.condition.as_ref().map(Text::raw))).collect()
}

#[test]
fn every_id_has_the_prefix_of_its_part_and_the_order_of_parts_does_not_matter() {
    let none = LinkOptions::default();
    let it = merged(&[GITHUB, AWS, CLUSTER], &none);
    assert_eq!(write(&it.snapshot).unwrap(), write(&merged(&[CLUSTER, GITHUB, AWS], &none).snapshot).unwrap());
    let names: Vec<Text> = it.snapshot.names();
    let is_prefixed = |id: &Text| {
        ["github:", "kubernetes:", "arn:", "federated:", "link:", "t"].iter().any(|p| id.raw().starts_with(p))
    };
    assert!(names.iter().all(is_prefixed), "{names:?}");
    let rule = &it.snapshot.trust_rules[0];
    assert_eq!(
        (rule.to.raw(), rule.scope.as_ref().unwrap().raw(), rule.resource.raw()),
        ("github:workflow:$name", "github:repo:$name", "*")
    );
    let group = it.snapshot.groups.iter().find(|group| group.id.as_str() == "kubernetes:group:all").unwrap();
    assert_eq!(group.implicit, ["kubernetes:sa:*", "kubernetes:*"]);
    let text = write(&it.snapshot).unwrap();
    assert_eq!(read("again", &text).unwrap().0, it.snapshot, "it reads back");
    assert_eq!(it.snapshot.taken_at, Time::parse("2026-11-01T10:00:00Z").unwrap());
    let parts: Vec<_> = it
        .snapshot
        .parts
        .iter()
        .map(|p| (p.source.raw(), p.prefix.as_ref().map(Text::raw), p.taken_at.unwrap()))
        .collect();
    let at = |hour: u8| Time::parse(&format!("2026-11-01T{hour}:00:00Z")).unwrap();
    assert_eq!(
        parts,
        [("aws", None, at(12)), ("github", Some("github:"), at(10)), ("kubernetes", Some("kubernetes:"), at(11))]
    );
}

#[test]
fn a_change_has_the_targets_of_the_parts_that_hold_what_it_names() {
    let it = merged(&[GITHUB, AWS, CLUSTER], &LinkOptions::default());
    let of = |names: &[&str]| -> Vec<String> {
        let systems = it.snapshot.systems_of(names.iter().copied());
        systems.iter().map(|(_, target)| target.unwrap().id.raw().to_owned()).collect()
    };
    assert_eq!(of(&["github:team:acme/new"]), ["77"]);
    assert_eq!(of(&["github:team:acme/eng", "arn:aws:iam::111111111111:role/deploy"]), ["111111111111", "77"]);
    assert_eq!(of(&["something"]).len(), 3, "what is in no part may be in any");
}

#[test]
fn a_workflow_is_linked_to_the_role_that_trusts_its_tokens() {
    let it = merged(&[GITHUB, AWS], &LinkOptions::default());
    assert_eq!(links(&it), [("github:workflow:acme/shop", "arn:aws:iam::111111111111:role/deploy", None)]);
    let said: Vec<&str> = it.findings.iter().map(|finding| finding.message.raw()).collect();
    assert!(
        said.iter().any(|text| text.contains("oidc.eks.eu-west-1.amazonaws.com/id/A1") && text.contains("outsiders")),
        "{said:?}"
    );
    assert!(
        said.iter()
            .any(|text| text.contains("1 subject of one part can act as 1 subject of another through oidc-federation")),
        "{said:?}"
    );
    let elsewhere = AWS.replace("repo:acme/shop:*", "repo:other/shop:*");
    assert_eq!(links(&merged(&[GITHUB, &elsewhere], &LinkOptions::default())), []);
    let main = AWS.replace("repo:acme/shop:*", "repo:acme@77/shop@5:ref:refs/heads/main");
    let found = merged(&[GITHUB, &main], &LinkOptions::default());
    assert!(links(&found)[0].2.unwrap().contains("refs/heads/main"), "{:?}", links(&found));
}

#[test]
fn a_service_account_is_linked_by_its_issuer_or_by_its_annotation() {
    let issuers = vec![("kubernetes".to_owned(), "https://oidc.eks.eu-west-1.amazonaws.com/id/A1/".to_owned())];
    let told = merged(&[CLUSTER, AWS], &LinkOptions { issuers, map: Vec::new() });
    let expected = [("kubernetes:sa:shop/web", "arn:aws:iam::111111111111:role/node", None)];
    assert_eq!(links(&told), expected);
    assert_eq!(links(&merged(&[CLUSTER, AWS], &LinkOptions::default())), []);
    let label =
        r#""kind":"service_account","labels":{"eks.amazonaws.com/role-arn":"arn:aws:iam::111111111111:role/node"}"#;
    let annotated = CLUSTER.replace(r#""kind":"service_account""#, label);
    assert_eq!(links(&merged(&[&annotated, AWS], &LinkOptions::default())), expected);
    let other = annotated.replace("sa:shop/web", "sa:shop/job");
    assert_eq!(links(&merged(&[&other, AWS], &LinkOptions::default())), [], "the role does not trust it");
    let unknown = LinkOptions { issuers: vec![("kubernets".into(), "x".into())], map: Vec::new() };
    let faults = estate(vec![part(CLUSTER, None), part(AWS, None)], &unknown).unwrap_err();
    assert!(faults[0].help.as_ref().unwrap().raw().contains("`kubernetes`"), "{faults:?}");
}

const GOOGLE: &str = r#"{"version":1,"taken_at":"2026-11-01T11:00:00Z","source":"gcp","target":{"system":"gcp","id":"9"},
 "identities":[{"id":"serviceAccount:p.svc.id.goog[shop/web]","kind":"workload"},
  {"id":"principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/ci/subject/repo:acme/shop:ref:refs/heads/main","kind":"workload"}],
 "groups":[{"id":"principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/ci/attribute.repository/acme/shop","members_known":"unknown"}]}"#;

#[test]
fn members_of_google_cloud_that_stand_for_tokens_are_linked() {
    let issuers = vec![("kubernetes".to_owned(), "p.svc.id.goog".to_owned())];
    let it = merged(&[GITHUB, CLUSTER, GOOGLE], &LinkOptions { issuers, map: Vec::new() });
    let found: Vec<(&str, bool, bool)> = links(&it)
        .iter()
        .map(|(from, to, condition)| (*from, to.contains("principalSet"), condition.is_some()))
        .collect();
    assert_eq!(
        found,
        [
            ("github:workflow:acme/shop", false, true),
            ("github:workflow:acme/shop", true, true),
            ("kubernetes:sa:shop/web", false, false)
        ]
    );
}

fn notes<'e>(it: &'e Estate, with: &str) -> Vec<&'e str> {
    it.findings.iter().map(|finding| finding.message.raw()).filter(|text| text.contains(with)).collect()
}

/// An export of Google Cloud with one principal of a pool.
fn google(principal: &str) -> String {
    let id = if principal.contains('[') || principal.contains("principal:") {
        principal.to_owned()
    } else {
        format!("principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/{principal}")
    };
    format!(
        r#"{{"version":1,"taken_at":"2026-11-01T11:00:00Z","source":"gcp","target":{{"system":"gcp","id":"9"}},"identities":[{{"id":"{id}","kind":"workload"}}]}}"#
    )
}

#[test]
fn every_form_of_a_principal_of_a_pool_is_linked_or_noted_as_outsiders() {
    const OF_GOOGLE: &str =
        "principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p.svc.id.goog";
    let condition = |principal: &str| {
        let it = merged(&[GITHUB, CLUSTER, &google(principal)], &LinkOptions::default());
        let found = links(&it);
        assert_eq!(found.len() + notes(&it, "outsiders").len(), 1, "{principal}: {found:?}");
        found.first().map(|(from, _, condition)| format!("{from}: {}", condition.unwrap_or_default()))
    };
    let workflow = "github:workflow:acme/shop: the provider of the pool trusts token.actions.githubusercontent.com";
    let account = "kubernetes:sa:shop/web: the cluster is of the pool p.svc.id.goog";
    for (principal, expected) in [
        ("gh/*", workflow.to_owned()),
        ("gh/attribute.repository/acme/shop", workflow.to_owned()),
        ("gh/attribute.repository_owner/acme", workflow.to_owned()),
        ("gh/attribute.repository_id/5", format!("{workflow} and attribute.repository_id is 5")),
        ("gh/group/ops", format!("{workflow} and group is ops")),
        ("serviceAccount:p.svc.id.goog[shop/web]", account.to_owned()),
        (&format!("{OF_GOOGLE}/subject/ns/shop/sa/web"), account.to_owned()),
        ("p.svc.id.goog/*", account.to_owned()),
        ("p.svc.id.goog/namespace/shop", account.to_owned()),
        ("p.svc.id.goog/kubernetes.cluster/https://c", format!("{account} and kubernetes.cluster is https://c")),
    ] {
        assert_eq!(condition(principal), Some(expected), "{principal}");
    }
    for outsiders in [
        "gh/attribute.repository/other/shop",
        "gh/attribute.repository_owner/other",
        "gh/subject/someone",
        "gh",
        "serviceAccount:p.svc.id.goog[shop/job]",
        "serviceAccount:p.svc.id.goog[shop]",
        &format!("{OF_GOOGLE}/subject/ns/shop/sa/job"),
        "p.svc.id.goog/namespace/other",
    ] {
        assert_eq!(condition(outsiders), None, "{outsiders}");
    }
}

#[test]
fn a_cluster_of_another_pool_of_google_cloud_is_not_linked() {
    let with = |issuer: &str, principal: &str| {
        let issuers = vec![("kubernetes".to_owned(), issuer.to_owned())];
        let it = merged(&[CLUSTER, &google(principal)], &LinkOptions { issuers, map: Vec::new() });
        links(&it).iter().map(|(_, _, condition)| condition.map(str::to_owned)).collect::<Vec<_>>()
    };
    assert_eq!(with("p.svc.id.goog", "p.svc.id.goog/*"), [None]);
    assert_eq!(with("q.svc.id.goog", "p.svc.id.goog/*"), [None; 0]);
    assert_eq!(with("p.svc.id.goog", "gh/*"), [None; 0], "its tokens are for its own pool");
    let elsewhere = "the provider of the pool trusts oidc.example";
    assert_eq!(with("https://oidc.example", "gh/*"), [Some(elsewhere.to_owned())]);
    let subject = "principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/k/subject/system:serviceaccount:shop";
    assert_eq!(with("https://oidc.example", &format!("{subject}:web")), [Some(elsewhere.to_owned())]);
    assert_eq!(with("https://oidc.example", &format!("{subject}:job")), [None; 0]);
}

#[test]
fn each_subject_that_stays_unlinked_is_noted_as_outsiders() {
    let label =
        r#""kind":"service_account","labels":{"eks.amazonaws.com/role-arn":"arn:aws:iam::111111111111:role/node"}"#;
    let annotated = CLUSTER.replace(r#""kind":"service_account""#, label);
    let with = |subjects: &str, issuers: Vec<(String, String)>| {
        let aws = AWS.replace(r#"[\"system:serviceaccount:shop:web\"]"#, subjects);
        let it = merged(&[GITHUB, &annotated, &aws], &LinkOptions { issuers, map: Vec::new() });
        assert_eq!(links(&it).len(), 2, "{subjects}");
        notes(&it, "outsiders").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let two = r#"[\"system:serviceaccount:shop:web\",\"system:serviceaccount:shop:job\"]"#;
    assert_eq!(with(r#"[\"system:serviceaccount:shop:web\"]"#, Vec::new()), [""; 0]);
    let said = with(two, Vec::new());
    assert!(said.len() == 1 && said[0].contains("`system:serviceaccount:shop:job`"), "{said:?}");
    let wide = r#"[\"system:serviceaccount:shop:we?\"]"#;
    let aws = AWS.replace(r#"{\"StringEquals\":{\"oidc.eks"#, r#"{\"StringLike\":{\"oidc.eks"#);
    let aws = aws.replace(r#"[\"system:serviceaccount:shop:web\"]"#, wide);
    let open = merged(&[&annotated, &aws], &LinkOptions::default());
    assert!(notes(&open, "shop:we?")[0].contains("which no part is known to issue"), "{:?}", open.findings);
    let issuers = vec![("kubernetes".to_owned(), "oidc.eks.eu-west-1.amazonaws.com/id/A1".to_owned())];
    let said = with(two, issuers);
    assert!(said.len() == 1 && said[0].contains("no identity of the parts is known to get"), "{said:?}");
    let other = AWS.replace("repo:acme/shop:*", "repo:other/shop:*");
    let said = merged(&[GITHUB, &other], &LinkOptions::default());
    assert_eq!(notes(&said, "`repo:other/shop:*`").len(), 1, "{:?}", said.findings);
}

#[test]
fn principals_of_azure_are_those_of_their_entra_tenant() {
    let entra = r#"{"version":1,"taken_at":"2026-11-01T11:00:00Z","source":"entra","target":{"system":"entra","id":"t-1"},
     "identities":[{"id":"user:ann@acme.example","kind":"human"},{"id":"sp:bot/app-1","kind":"service_account","labels":{"object_id":"o-1"}}],"groups":[{"id":"group:ops/g-1"}]}"#;
    let azure = r#"{"version":1,"taken_at":"2026-11-01T11:00:00Z","source":"azure","target":{"system":"azure","id":"t-1"},
     "identities":[{"id":"user:ann@acme.example","kind":"human"},{"id":"sp:bot/o-1","kind":"service_account"}],"groups":[{"id":"group:ops/g-1","members_known":"unknown"}]}"#;
    let it = merged(&[entra, azure], &LinkOptions::default());
    let found: Vec<(&str, &str)> = links(&it).iter().map(|(from, to, _)| (*from, *to)).collect();
    assert_eq!(
        found,
        [
            ("entra:group:ops/g-1", "azure:group:ops/g-1"),
            ("entra:sp:bot/app-1", "azure:sp:bot/o-1"),
            ("entra:user:ann@acme.example", "azure:user:ann@acme.example")
        ]
    );
    assert_eq!(links(&merged(&[&entra.replace("t-1", "t-2"), azure], &LinkOptions::default())), [], "another tenant");
}

#[test]
fn lines_of_the_map_are_links_and_name_what_is_there() {
    let line = |from: &str, to: &str| MapLine { from: from.into(), to: to.into(), line: 2 };
    let with = |map: Vec<MapLine>| {
        estate(vec![part(GITHUB, None), part(AWS, None)], &LinkOptions { issuers: Vec::new(), map })
    };
    let it = with(vec![line("github:team:acme/eng", "arn:aws:iam::111111111111:role/node")]).unwrap();
    assert!(links(&it).contains(&("github:team:acme/eng", "arn:aws:iam::111111111111:role/node", None)));
    let faults = with(vec![line("github:team:acme/enge", "arn:aws:iam::111111111111:role/node")]).unwrap_err();
    assert!(faults[0].help.as_ref().unwrap().raw().contains("`github:team:acme/eng`"), "{faults:?}");
}

#[test]
fn parts_of_one_kind_need_names_and_are_systems_of_their_own() {
    let other = CLUSTER.replace("u-1", "u-2");
    let faults = estate(vec![part(CLUSTER, None), part(&other, None)], &LinkOptions::default()).unwrap_err();
    assert!(faults[0].message.raw().contains("two parts have the name `kubernetes`"), "{faults:?}");
    assert!(faults[0].help.as_ref().unwrap().raw().contains("blue="), "{faults:?}");
    let it = estate(vec![part(CLUSTER, Some("blue")), part(&other, Some("green"))], &LinkOptions::default()).unwrap();
    let systems: Vec<(&str, &str)> =
        it.snapshot.roles.iter().map(|role| (role.id.as_str(), role.system.as_ref().unwrap().name())).collect();
    assert_eq!(systems[0], ("blue:clusterrole:cluster-admin", "kubernetes@blue"));
    assert_eq!(systems[2], ("green:clusterrole:cluster-admin", "kubernetes@green"));
}

#[test]
fn what_cannot_be_one_estate_is_refused_with_help() {
    let refused = |parts: Vec<EstatePart>| {
        let faults = estate(parts, &LinkOptions::default()).unwrap_err();
        assert!(faults.iter().all(|fault| fault.severity == Severity::Error && fault.help.is_some()), "{faults:?}");
        faults[0].message.raw().to_owned()
    };
    let again = refused(vec![part(CLUSTER, Some("blue")), part(CLUSTER, Some("green"))]);
    assert!(again.contains("same system, kubernetes `u-1`"), "{again}");
    let named = refused(vec![part(AWS, Some("prod")), part(CLUSTER, None)]);
    assert!(named.contains("needs no name"), "{named}");
    let taken = refused(vec![part(AWS, None), part(CLUSTER, Some("arn"))]);
    assert!(taken.contains("begins like those of another part"), "{taken}");
    let it = merged(&[GITHUB, AWS], &LinkOptions::default());
    let twice = EstatePart { file: "m.json".into(), name: None, snapshot: it.snapshot };
    assert!(refused(vec![twice, part(CLUSTER, None)]).contains("already merged"));
    let strange = part(&CLUSTER.replace("\"source\":\"kubernetes\"", "\"source\":\"a b\""), None);
    assert!(refused(vec![strange, part(AWS, None)]).contains("cannot be the name"));
    let prod = AWS
        .replace("\"id\":\"111111111111\"", "\"id\":\"222222222222\"")
        .replace("\"action\":\"*\"", "\"action\":\"s3:*\"");
    assert!(refused(vec![part(AWS, None), part(&prod, None)]).contains("different definition"));
}

#[test]
fn exports_of_different_days_are_a_warning() {
    let late = AWS.replace("2026-11-01T12", "2026-11-02T12");
    let it = merged(&[GITHUB, &late], &LinkOptions::default());
    let warnings: Vec<&Finding> = it.findings.iter().filter(|f| f.severity == Severity::Warning).collect();
    assert!(
        warnings.len() == 1 && warnings[0].message.raw().contains("more than a day after `github.json`"),
        "{warnings:?}"
    );
    assert!(merged(&[GITHUB, AWS], &LinkOptions::default()).findings.iter().all(|f| f.severity == Severity::Note));
}
