//! A Kubernetes cluster of 1,250 namespaces with two service accounts each: changes that reach them all by trust rules.

use std::fs;

use crate::site::{self, list};
use crate::{in_turn, review, say};

const NAMESPACES: usize = 1_250;

/// Roles as large as those that Kubernetes brings.
fn permissions(verbs: &[&str], resources: usize) -> String {
    let kinds = ["pods", "secrets", "configmaps", "services", "serviceaccounts", "pods/exec", "endpoints"];
    let one = |n: usize| {
        let (verb, kind) = (verbs[n % verbs.len()], n / verbs.len());
        let resource = kinds.get(kind).map_or_else(|| format!("apps:kind{kind}#*"), |name| format!("core:{name}#*"));
        format!("{{\"action\":\"{verb}\",\"resource\":\"{resource}\"}}")
    };
    list(resources * verbs.len(), &one)
}

fn rules() -> String {
    let rule = |id: &str, action: &str, resource: &str| {
        format!(
            "{{\"id\":\"{id}\",\"via\":\"run\",\"to\":\"sa:$ns/$name\",\"action\":\"{action}\",\
             \"resource\":\"{resource}\",\"scope\":\"ns:$ns\"}}"
        )
    };
    let mut all = vec![rule("token", "create", "core:serviceaccounts/token#$name")];
    for (n, kind) in ["core:pods", "core:secrets", "core:pods/exec", "apps:kind7", "apps:kind8"].iter().enumerate() {
        for action in ["create", "get", "list", "patch", "update"] {
            all.push(rule(&format!("r{n}-{action}"), action, &format!("{kind}#*")));
        }
    }
    all.join(",")
}

fn snapshot() -> Vec<u8> {
    const VERBS: [&str; 8] = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];
    let identities = list(NAMESPACES * 2, &|n| {
        let name = if n % 2 == 0 { "default" } else { "ci" };
        format!("{{\"id\":\"sa:n{}/{name}\",\"kind\":\"service_account\"}}", n / 2)
    });
    let control = list(25, &|n| format!("{{\"id\":\"sa:kube-system/controller-{n}\",\"kind\":\"service_account\"}}"));
    let groups = list(300, &|n| format!("{{\"id\":\"group:team-{n}\",\"members_known\":\"unknown\"}}"));
    let roles = [
        format!("{{\"id\":\"clusterrole:admin\",\"permissions\":[{}]}}", permissions(&VERBS, 40)),
        format!("{{\"id\":\"clusterrole:edit\",\"permissions\":[{}]}}", permissions(&VERBS, 36)),
        format!("{{\"id\":\"clusterrole:view\",\"permissions\":[{}]}}", permissions(&VERBS[..3], 36)),
        "{\"id\":\"clusterrole:cluster-admin\",\"permissions\":[{\"action\":\"*\",\"resource\":\"*\"}]}".to_owned(),
        "{\"id\":\"clusterrole:controller\",\"permissions\":[{\"action\":\"create\",\"resource\":\"core:pods#*\"},\
         {\"action\":\"list\",\"resource\":\"*\"}]}"
            .to_owned(),
        "{\"id\":\"role:kube-system/runner\",\"permissions\":[{\"action\":\"create\",\"resource\":\"core:pods#*\"}]}"
            .to_owned(),
        "{\"id\":\"clusterrole:small\",\"permissions\":[{\"action\":\"get\",\"resource\":\"example.io:things#*\"}]}"
            .to_owned(),
    ];
    let resources = list(NAMESPACES, &|n| format!("{{\"id\":\"ns:n{n}\"}}"));
    let held = |id: &str, who: &str, role: &str, scope: &str| {
        format!("{{\"id\":\"{id}\",\"who\":\"{who}\",\"role\":\"clusterrole:{role}\",\"mode\":\"standing\"{scope}}}")
    };
    let teams = list(NAMESPACES * 2, &|n| {
        let (place, role) = (n / 2, if n % 2 == 0 { "admin" } else { "edit" });
        held(&format!("rb:{n}"), &format!("group:team-{}", n % 300), role, &format!(",\"scope\":\"ns:n{place}\""))
    });
    let machines = list(NAMESPACES, &|n| {
        held(&format!("ci:{n}"), &format!("sa:n{n}/ci"), "admin", &format!(",\"scope\":\"ns:n{n}\""))
    });
    let controllers =
        list(25, &|n| held(&format!("crb:{n}"), &format!("sa:kube-system/controller-{n}"), "controller", ""));
    format!(
        "{{\"version\":1,\"taken_at\":\"{}\",\"source\":\"kubernetes\",\"identities\":[{identities},{control}],\
         \"groups\":[{groups}],\"roles\":[{}],\"resources\":[{resources},{{\"id\":\"ns:kube-system\"}}],\
         \"assignments\":[{teams},{machines},{controllers}],\"trust_rules\":[{}]}}",
        site::date(0),
        roles.join(","),
        rules()
    )
    .into_bytes()
}

/// 200 changes of many kinds, most of a small effect.
fn varied() -> Vec<String> {
    let change = |n: usize| match n % 5 {
        0 => format!(
            "action: grant, to: \"group:team-{}\", role: \"clusterrole:small\", scope: \"ns:n{n}\", mode: active, ttl: 4h",
            n % 300
        ),
        1 => format!(
            "action: grant, to: \"sa:n{n}/default\", role: \"clusterrole:small\", scope: \"ns:n{n}\", mode: standing"
        ),
        2 => format!(
            "action: revoke, to: \"group:team-{}\", role: \"clusterrole:edit\", scope: \"ns:n{n}\"",
            (n * 2 + 1) % 300
        ),
        3 => format!(
            "action: grant, to: \"group:team-{}\", role: \"clusterrole:view\", scope: \"ns:n{n}\", mode: active, ttl: 4h",
            n % 300
        ),
        _ => format!(
            "action: create_role, role: \"role:n{n}/made\", permissions: [{{action: get, resource: \"core:configmaps#x\"}}]"
        ),
    };
    (0..200).map(change).collect()
}

/// Measures single changes that reach far, and a plan of 200.
pub(crate) fn measure() {
    let (_folder, place) = site::with_snapshot(&snapshot());
    let plans: [(&str, &str, Vec<String>); 4] = [
        ("none", "nothing", vec!["action: grant, to: \"group:nobody\", role: \"clusterrole:x\"".to_owned()]),
        (
            "root",
            "`cluster-admin` to a team",
            vec!["action: grant, to: \"group:team-1\", role: \"clusterrole:cluster-admin\", mode: standing".to_owned()],
        ),
        (
            "pods",
            "creating pods in `kube-system`",
            vec!["action: grant, to: \"group:team-1\", role: \"role:kube-system/runner\", scope: \"ns:kube-system\", mode: standing".to_owned()],
        ),
        ("varied", "200 changes of many kinds", varied()),
    ];
    for (name, _, changes) in &plans {
        fs::write(place.join(format!("{name}.yaml")), site::plan(changes)).expect("a plan");
    }
    let check = |name: &str| review(&place, &["check", &format!("{name}.yaml"), "--format", "json"]);
    // A plan with an unknown name is refused once all is read: what reading costs.
    let [none, root, pods, varied] =
        in_turn([&|| check("none"), &|| check("root"), &|| check("pods"), &|| check("varied")]);
    println!("a cluster of {NAMESPACES} namespaces, beyond the {:.2} s that reading takes:", none.wall.as_secs_f64());
    for ((_, what, changes), took) in plans.iter().skip(1).zip([root, pods, varied]) {
        let bound = if changes.len() > 1 { 0.0005 * changes.len() as f64 } else { 0.5 };
        say(&format!("  check of {what}"), took.wall.as_secs_f64() - none.wall.as_secs_f64(), bound, "s");
    }
}
