//! Kubernetes: roles, bindings and service accounts, as typed resources and as `kubernetes_manifest`.
//!
//! Each becomes the manifest that `kubectl get -o yaml` shows.
//!
//! Source: Terraform registry, provider `hashicorp/kubernetes`.

use serde_json::{Value, json};

use super::provider::{Context, Outline, Provider, State};
use super::values::{Block, Side};

/// The kinds of objects, by the resource type without its version.
const KINDS: &[(&str, &str)] = &[
    ("kubernetes_role", "Role"),
    ("kubernetes_cluster_role", "ClusterRole"),
    ("kubernetes_role_binding", "RoleBinding"),
    ("kubernetes_cluster_role_binding", "ClusterRoleBinding"),
    ("kubernetes_service_account", "ServiceAccount"),
];
const MANIFEST: &str = "kubernetes_manifest";
/// The labels by which a cluster role adds its rules to others, such as `admin`, `edit` and `view`.
const AGGREGATE: &str = "rbac.authorization.k8s.io/aggregate-to-";

fn aggregated(side: &Side<'_>) -> String {
    format!("{}: its labels add its rules to other cluster roles", side.address())
}

fn kind_of(resource: &str) -> Option<&'static str> {
    let resource = resource.strip_suffix("_v1").unwrap_or(resource);
    KINDS.iter().find(|(known, _)| *known == resource).map(|(_, kind)| *kind)
}

/// The provider of Kubernetes.
pub(super) struct KubernetesResources;

impl Provider for KubernetesResources {
    fn system(&self) -> &'static str {
        "kubernetes"
    }

    fn reads(&self, kind: &str) -> bool {
        kind == MANIFEST || kind_of(kind).is_some()
    }

    fn state(&self, _: &Context) -> Box<dyn State> {
        Box::<Manifests>::default()
    }
}

#[derive(Default)]
struct Manifests(Vec<Value>);

impl State for Manifests {
    fn add(&mut self, side: &Side<'_>, outline: &mut Outline) {
        match kind_of(side.kind()) {
            Some(kind) => self.typed(side, kind, outline),
            None => self.manifest(side, outline),
        }
    }

    fn documents(self: Box<Self>) -> Vec<Value> {
        // Both sides have something, so that what every cluster has is on both.
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}});
        let items: Vec<Value> = std::iter::once(namespace).chain(self.0).collect();
        vec![json!({"apiVersion": "v1", "kind": "List", "items": items})]
    }
}

impl Manifests {
    fn manifest(&mut self, side: &Side<'_>, outline: &mut Outline) {
        let Some(manifest) = side.object("manifest") else {
            outline.not_read.push(format!("{}: part of the manifest is unknown", side.address()));
            return;
        };
        let text = |field: &str| manifest.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let is_access = KINDS.iter().any(|(_, kind)| *kind == text("kind"));
        let (name, namespace) = (of(&manifest, "name"), of(&manifest, "namespace"));
        if is_access {
            names(&text("kind"), &name, &namespace, outline);
            let labels = manifest.pointer("/metadata/labels").and_then(Value::as_object);
            if labels.is_some_and(|labels| labels.keys().any(|label| label.starts_with(AGGREGATE))) {
                outline.not_read.push(aggregated(side));
            }
            if manifest.get("aggregationRule").is_some_and(|rule| !rule.is_null()) {
                outline.not_read.push(format!("{}: its aggregation rule", side.address()));
            }
            self.0.push(manifest);
        } else if text("apiVersion").starts_with("rbac.") || text("kind") == "Pod" {
            outline.not_read.push(format!("{}: a `{}` is not read", side.address(), text("kind")));
        }
    }

    fn typed(&mut self, side: &Side<'_>, kind: &str, outline: &mut Outline) {
        let metadata = side.blocks("metadata").unwrap_or_default().first().copied();
        let field = |name: &str| match metadata.map(|it| it.text(name)) {
            Some(Ok(Some(text))) => text.to_owned(),
            Some(Ok(None)) if name == "namespace" => "default".to_owned(),
            Some(_) | None => side.placeholder(&format!("metadata.{name}")),
        };
        let name = field("name");
        let is_namespaced = !kind.starts_with("Cluster");
        let namespace = if is_namespaced { field("namespace") } else { String::new() };
        names(kind, &name, &namespace, outline);
        let mut meta = json!({"name": name});
        if let (true, Some(map)) = (is_namespaced, meta.as_object_mut()) {
            map.insert("namespace".to_owned(), json!(namespace));
        }
        let api = if kind == "ServiceAccount" { "v1" } else { "rbac.authorization.k8s.io/v1" };
        let mut object = json!({"apiVersion": api, "kind": kind, "metadata": meta});
        if let Some(map) = object.as_object_mut() {
            if kind.ends_with("Role") {
                map.insert("rules".to_owned(), Value::Array(rules(side)));
                let is_hidden = metadata.is_none_or(|it| it.keys("labels").is_none());
                let labels = metadata.and_then(|it| it.keys("labels")).unwrap_or_default();
                if kind == "ClusterRole" && (is_hidden || labels.iter().any(|label| label.starts_with(AGGREGATE))) {
                    outline.not_read.push(aggregated(side));
                }
                if side.has("aggregation_rule") {
                    outline.not_read.push(format!("{}: its aggregation rule", side.address()));
                }
            } else if kind.ends_with("Binding") {
                let role = role_ref(side);
                let named = role.get("name").and_then(Value::as_str).unwrap_or_default();
                outline.name([format!("clusterrole:{named}").as_str(), format!("role:{namespace}/{named}").as_str()]);
                map.insert("roleRef".to_owned(), role.clone());
                map.insert("subjects".to_owned(), Value::Array(subjects(side, outline)));
            }
        }
        self.0.push(object);
    }
}

fn of(manifest: &Value, field: &str) -> String {
    manifest.pointer(&format!("/metadata/{field}")).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The ids of an object in a snapshot.
fn names(kind: &str, name: &str, namespace: &str, outline: &mut Outline) {
    match kind {
        "Role" => outline.own(&format!("role:{namespace}/{name}")),
        "ClusterRole" => outline.own(&format!("clusterrole:{name}")),
        "ServiceAccount" => outline.own(&format!("sa:{namespace}/{name}")),
        _ => outline.name([format!("ns:{namespace}").as_str()]),
    }
}

/// The rules of a role. What is unknown is `*`.
fn rules(side: &Side<'_>) -> Vec<Value> {
    let everything = || json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]});
    let any = if side.is_past() { Vec::new() } else { vec!["*".to_owned()] };
    let Some(blocks) = side.blocks("rule") else {
        return if side.is_past() { Vec::new() } else { vec![everything()] };
    };
    let rule = |block: &Block<'_>| {
        let list = |name: &str| {
            block.texts(name).map_or_else(
                || {
                    side.placeholder(&format!("rule.{name}"));
                    any.clone()
                },
                |list| list.into_iter().map(str::to_owned).collect(),
            )
        };
        // Unknown names are any name.
        let names = block.texts("resource_names").unwrap_or_else(|| {
            side.placeholder("rule.resource_names");
            Vec::new()
        });
        let (verbs, groups, resources) = (list("verbs"), list("api_groups"), list("resources"));
        let urls = list("non_resource_urls");
        // A rule has resources or URLs. One of which both may be there is two.
        let mut out = Vec::new();
        if !urls.is_empty() {
            out.push(json!({"verbs": verbs, "nonResourceURLs": urls}));
        }
        if urls.is_empty() || !resources.is_empty() {
            let mut of_resources = json!({"verbs": verbs, "apiGroups": groups, "resources": resources});
            if let (false, Some(map)) = (names.is_empty(), of_resources.as_object_mut()) {
                map.insert("resourceNames".to_owned(), json!(names));
            }
            out.push(of_resources);
        }
        out
    };
    blocks.iter().flat_map(rule).collect()
}

fn role_ref(side: &Side<'_>) -> Value {
    let block = side.blocks("role_ref").unwrap_or_default().first().copied();
    let text = |name: &str| match block.map(|it| it.text(name)) {
        Some(Ok(Some(text))) => text.to_owned(),
        Some(_) | None => side.placeholder(&format!("role_ref.{name}")),
    };
    let kind = text("kind");
    let kind = if kind == "Role" { "Role" } else { "ClusterRole" };
    json!({"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": text("name")})
}

/// The subjects of a binding. One that is unknown is everybody.
fn subjects(side: &Side<'_>, outline: &mut Outline) -> Vec<Value> {
    let anybody =
        || json!({"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "system:unauthenticated"});
    let mut out = Vec::new();
    let Some(blocks) = side.blocks("subject") else {
        out.extend(Some(anybody()).filter(|_| !side.is_past()));
        return out;
    };
    for block in blocks {
        let (Ok(Some(kind)), Ok(Some(name)), Ok(namespace)) =
            (block.text("kind"), block.text("name"), block.text("namespace"))
        else {
            side.placeholder("subject");
            out.extend(Some(anybody()).filter(|_| !side.is_past()));
            continue;
        };
        let namespace = namespace.filter(|it| !it.is_empty()).unwrap_or("default");
        out.push(if kind == "ServiceAccount" {
            outline.name([format!("sa:{namespace}/{name}").as_str()]);
            json!({"kind": kind, "name": name, "namespace": namespace})
        } else {
            outline.name([format!("{}:{name}", kind.to_ascii_lowercase()).as_str()]);
            json!({"kind": kind, "name": name, "apiGroup": "rbac.authorization.k8s.io"})
        });
    }
    out
}
