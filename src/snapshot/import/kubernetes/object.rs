//! Documents become the objects of the RBAC API, with the places they came from.
//!
//! In: the trees of one file. Out: objects whose fields have the types the API demands; findings for those that have
//! not. Lists of any kind are opened. Objects of other kinds are counted, never guessed at.
//!
//! Source: Kubernetes API, `rbac.authorization.k8s.io/v1` and `v1`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::input::finding::{Code, Finding, Severity};
use crate::input::time::Time;
use crate::snapshot::check::is_plain;
use crate::snapshot::import::notes::{Notes, Spot};
use crate::snapshot::place::{Path, Step};
use crate::snapshot::tree::{self, Node, Value};

use super::workloads::creates_pods;

/// The kinds that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Namespace,
    ServiceAccount,
    Role,
    ClusterRole,
    RoleBinding,
    ClusterRoleBinding,
}

impl Kind {
    fn of(api: &str, kind: &str) -> Option<Self> {
        let rbac = api.starts_with("rbac.authorization.k8s.io/");
        match kind {
            "Namespace" if api == "v1" => Some(Self::Namespace),
            "ServiceAccount" if api == "v1" => Some(Self::ServiceAccount),
            "Role" if rbac => Some(Self::Role),
            "ClusterRole" if rbac => Some(Self::ClusterRole),
            "RoleBinding" if rbac => Some(Self::RoleBinding),
            "ClusterRoleBinding" if rbac => Some(Self::ClusterRoleBinding),
            _ => None,
        }
    }

    /// Whether objects of this kind live in a namespace.
    pub fn is_namespaced(self) -> bool {
        match self {
            Self::ServiceAccount | Self::Role | Self::RoleBinding => true,
            Self::Namespace | Self::ClusterRole | Self::ClusterRoleBinding => false,
        }
    }

    /// The keys of an object of this kind.
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Namespace => &["apiVersion", "kind", "metadata", "spec", "status"],
            Self::ServiceAccount => {
                &["apiVersion", "automountServiceAccountToken", "imagePullSecrets", "kind", "metadata", "secrets"]
            }
            Self::Role => &["apiVersion", "kind", "metadata", "rules"],
            Self::ClusterRole => &["aggregationRule", "apiVersion", "kind", "metadata", "rules"],
            Self::RoleBinding | Self::ClusterRoleBinding => &["apiVersion", "kind", "metadata", "roleRef", "subjects"],
        }
    }

    /// The kind as the API writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Namespace => "Namespace",
            Self::ServiceAccount => "ServiceAccount",
            Self::Role => "Role",
            Self::ClusterRole => "ClusterRole",
            Self::RoleBinding => "RoleBinding",
            Self::ClusterRoleBinding => "ClusterRoleBinding",
        }
    }
}

/// The keys of a list of objects.
const LIST_KEYS: &[&str] = &["apiVersion", "items", "kind", "metadata"];

/// One rule of a role.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rule {
    pub groups: Vec<Arc<str>>,
    pub resources: Vec<Arc<str>>,
    pub names: Vec<Arc<str>>,
    pub urls: Vec<Arc<str>>,
    pub verbs: Vec<Arc<str>>,
}

/// One condition of a label selector.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Expression {
    pub key: Arc<str>,
    pub operator: Arc<str>,
    pub values: BTreeSet<Arc<str>>,
}

/// A subject of a binding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SubjectRef {
    pub kind: Arc<str>,
    pub namespace: Option<Arc<str>>,
    pub name: Arc<str>,
}

/// What an object says; two objects with the same name must say the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// A namespace or a service account.
    Plain,
    /// A role; `rules` is `None` where the export does not hold them, `selectors` are those of its aggregation.
    Role { rules: Option<Vec<Rule>>, selectors: Option<Vec<Vec<Expression>>> },
    /// A binding.
    Binding { role_kind: Arc<str>, role: Arc<str>, subjects: Vec<SubjectRef> },
}

/// An object of the cluster.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub kind: Kind,
    pub namespace: Option<Arc<str>>,
    pub name: Arc<str>,
    pub labels: BTreeMap<Arc<str>, Arc<str>>,
    pub created: Option<Time>,
    /// The UID that the API server gave it.
    pub uid: Option<Arc<str>>,
    pub body: Body,
    pub spot: Spot,
    /// An API version in which the user `*` meant everybody.
    pub alpha: bool,
}

/// Reads the documents of one file.
pub(super) struct Reader<'a> {
    pub file: usize,
    pub notes: &'a mut Notes,
    pub objects: &'a mut Vec<Object>,
    /// Objects of kinds that are not read, by kind.
    pub others: &'a mut BTreeMap<String, usize>,
    /// Types of custom resources, `GROUP:RESOURCE`, and whether they belong to the whole cluster.
    pub types: &'a mut BTreeMap<String, bool>,
    /// Custom resources that create pods, as `GROUP:RESOURCE`.
    pub workloads: &'a mut BTreeSet<String>,
}

impl Reader<'_> {
    pub fn document(&mut self, document: &tree::Document) {
        match document.tree.list().filter(|objects| !objects.is_empty()) {
            // An array of objects, as `jq` writes it.
            Some(objects) => {
                for (n, object) in objects.iter().enumerate() {
                    self.object(object, document.start, &vec![Step::At(n)], None);
                }
            }
            None if document.tree.value == Value::Null => {}
            None => self.object(&document.tree, document.start, &Vec::new(), None),
        }
    }

    fn spot(&self, node: &Node, start: usize, path: &Path) -> Spot {
        Spot { file: self.file, line: node.line, column: node.column, start, path: path.clone() }
    }

    /// Reads an object, or the objects of a list; `inherited` is what a typed list says of its items.
    fn object(&mut self, node: &Node, start: usize, path: &Path, inherited: Option<(&str, &str)>) {
        let spot = self.spot(node, start, path);
        if node.entries().is_none() {
            let finding = Finding::new(Code::WrongType, "this document is no Kubernetes object");
            self.notes.at(finding.help("give files that `kubectl get … -o json` or `-o yaml` wrote"), &spot);
            return;
        }
        let own = |key: &str| node.get(key).and_then(Node::text).map(|t| &**t);
        let (api, kind) = (own("apiVersion").or(inherited.map(|i| i.0)), own("kind").or(inherited.map(|i| i.1)));
        let (Some(api), Some(kind)) = (api, kind) else {
            let field = if kind.is_none() { "kind" } else { "apiVersion" };
            let finding = Finding::new(Code::MissingField, format!("a Kubernetes object without `{field}`"));
            self.notes.at(finding.help(format!("add `{field}:`, or leave the file out")), &spot);
            return;
        };
        if kind.ends_with("List")
            && (node.get("items").is_some()
                || node.get("metadata").is_some()
                || node.entries().is_some_and(|e| e.iter().any(|(k, _)| &**k == "items")))
        {
            self.foreign_keys(node, kind, LIST_KEYS, &spot);
            self.list(node, start, path, api, kind, &spot);
            return;
        }
        if kind == "Status" {
            let finding =
                Finding::new(Code::BadValue, "the file holds an error that the API server returned, not an export");
            self.notes.at(finding.help("run the export again with the right to list these objects"), &spot);
            return;
        }
        match Kind::of(api, kind) {
            Some(known) => {
                self.foreign_keys(node, kind, known.keys(), &spot);
                self.known(node, known, api, &spot);
            }
            None if kind == "CustomResourceDefinition" && api.starts_with("apiextensions.k8s.io/") => {
                self.workloads.extend(creates_pods(node));
                self.custom_resource(node, &spot);
            }
            None => *self.others.entry(format!("{kind} ({api})")).or_default() += 1,
        }
    }

    /// Refuses keys that the API never writes: a line of another program's output reads as one.
    fn foreign_keys(&mut self, node: &Node, kind: &str, known: &[&str], spot: &Spot) {
        for (key, _) in node.entries().unwrap_or_default() {
            if known.contains(&&**key) {
                continue;
            }
            let message = format!("`{key}` is not a field of a {kind}");
            let help = format!(
                "remove it if it is a message that `kubectl` printed, and export again: known here are {}",
                known.join(", ")
            );
            self.notes.at(Finding::new(Code::UnknownField, message).help(help), spot);
        }
    }

    fn list(&mut self, node: &Node, start: usize, path: &Path, api: &str, kind: &str, spot: &Spot) {
        if node.get("metadata").and_then(|m| m.get("continue")).and_then(Node::text).is_some_and(|t| !t.is_empty()) {
            let finding = Finding::new(Code::BadValue, format!("this `{kind}` is one page of a longer list"));
            self.notes.at(finding.help("export all of it: `kubectl get` without `--raw` follows the pages"), spot);
        }
        let of_items = kind.strip_suffix("List").filter(|k| !k.is_empty()).map(|k| (api, k));
        let Some(items) = node.get("items") else { return };
        let Some(items) = items.list() else {
            self.notes.at(Finding::new(Code::WrongType, "`items` is not a list").help("export it again"), spot);
            return;
        };
        for (n, item) in items.iter().enumerate() {
            let mut here = path.clone();
            here.extend([Step::Key("items".into()), Step::At(n)]);
            self.object(item, start, &here, of_items);
        }
    }

    /// Reads the type that a custom resource definition defines. Of two that differ, the one with more access counts.
    fn custom_resource(&mut self, node: &Node, spot: &Spot) {
        let spec = node.get("spec");
        let text = |node: Option<&Node>, key: &str| node.and_then(|n| n.get(key)).and_then(Node::text).cloned();
        let names = spec.and_then(|spec| spec.get("names"));
        let (group, plural, scope) = (text(spec, "group"), text(names, "plural"), text(spec, "scope"));
        let (Some(group), Some(plural), Some(scope)) = (group, plural, scope) else {
            let message = "a CustomResourceDefinition without `spec.group`, `spec.names.plural` or `spec.scope`";
            let finding = Finding::new(Code::MissingField, message).weighing(Severity::Warning);
            self.notes.at(finding.help("export it again; until then its resources are read as namespaced"), spot);
            return;
        };
        let is_cluster_scoped = &*scope == "Cluster";
        let known = self.types.entry(format!("{group}:{plural}")).or_insert(is_cluster_scoped);
        *known &= is_cluster_scoped;
    }

    fn known(&mut self, node: &Node, kind: Kind, api: &str, spot: &Spot) {
        let mut fields = Fields { notes: self.notes, spot, what: kind.name() };
        let metadata = node.get("metadata");
        let Some(name) = metadata.and_then(|m| fields.string(m, "name")).filter(|n| !n.is_empty()) else {
            let finding = Finding::new(Code::MissingField, format!("a {} without a name", kind.name()));
            fields.notes.at(finding.help("add `metadata.name`; `generateName` says not which object it is"), spot);
            return;
        };
        let namespace =
            metadata.and_then(|m| fields.string(m, "namespace")).filter(|n| kind.is_namespaced() && !n.is_empty());
        let mut labels = metadata.map(|m| labels(m.get("labels"))).unwrap_or_default();
        if kind == Kind::ServiceAccount {
            labels.extend(metadata.map(|m| acts_as(m.get("annotations"))).unwrap_or_default());
        }
        let created =
            metadata.and_then(|m| m.get("creationTimestamp")).and_then(Node::text).and_then(|t| Time::parse(t));
        let uid = metadata.and_then(|m| fields.string(m, "uid")).filter(|uid| !uid.is_empty());
        let body = match kind {
            Kind::Namespace | Kind::ServiceAccount => Body::Plain,
            Kind::Role | Kind::ClusterRole => Body::Role {
                rules: node
                    .get("rules")
                    .map(|rules| fields.each(rules, "rules").iter().map(|r| fields.rule(r)).collect()),
                selectors: (kind == Kind::ClusterRole).then(|| node.get("aggregationRule")).flatten().map(|a| {
                    let list = a
                        .get("clusterRoleSelectors")
                        .map(|s| fields.each(s, "clusterRoleSelectors"))
                        .unwrap_or_default();
                    list.iter().map(|s| fields.selector(s)).collect()
                }),
            },
            Kind::RoleBinding | Kind::ClusterRoleBinding => {
                let reference = node.get("roleRef");
                let role = reference.and_then(|r| fields.string(r, "name"));
                let (Some(reference), Some(role)) = (reference, role) else {
                    let finding = Finding::new(Code::MissingField, format!("{} `{name}` names no role", kind.name()));
                    fields.notes.at(finding.help("add `roleRef` with `kind` and `name`"), spot);
                    return;
                };
                // WHY: a reference without a kind stays unresolved rather than guessed.
                let role_kind = fields.string(reference, "kind").unwrap_or_default();
                let list = node.get("subjects").map(|s| fields.each(s, "subjects")).unwrap_or_default();
                Body::Binding { role_kind, role, subjects: list.iter().filter_map(|s| fields.subject(s)).collect() }
            }
        };
        for id in std::iter::once(&name).chain(&namespace) {
            if !is_plain(id) {
                let finding = Finding::new(Code::HiddenCharacter, format!("the name `{id}` holds a hidden character"));
                self.notes.at(finding.help("rename it in the cluster; such a name can pose as another"), spot);
            }
        }
        let alpha = api.ends_with("/v1alpha1");
        self.objects.push(Object { kind, namespace, name, labels, created, uid, body, spot: spot.clone(), alpha });
    }
}

/// Reads the fields of one object.
struct Fields<'a> {
    notes: &'a mut Notes,
    spot: &'a Spot,
    what: &'static str,
}

impl Fields<'_> {
    fn wrong(&mut self, field: &str, expected: &str) {
        let finding = Finding::new(Code::WrongType, format!("`{field}` of this {} is no {expected}", self.what));
        self.notes.at(finding.help("quote it if it is a name; otherwise export the object again"), self.spot);
    }

    fn string(&mut self, node: &Node, field: &str) -> Option<Arc<str>> {
        let value = node.get(field)?;
        if value.text().is_none() {
            self.wrong(field, "string");
        }
        value.text().cloned()
    }

    fn each<'n>(&mut self, node: &'n Node, field: &str) -> &'n [Node] {
        if node.list().is_none() {
            self.wrong(field, "sequence");
        }
        node.list().unwrap_or_default()
    }

    fn strings(&mut self, node: &Node, field: &str) -> Vec<Arc<str>> {
        let Some(list) = node.get(field) else { return Vec::new() };
        let mut out = Vec::new();
        for item in self.each(list, field) {
            match item.text() {
                Some(text) if is_plain(text) => out.push(Arc::clone(text)),
                Some(text) => {
                    let finding =
                        Finding::new(Code::HiddenCharacter, format!("`{text}` in `{field}` holds a hidden character"));
                    self.notes.at(finding.help("remove it in the cluster"), self.spot);
                }
                None => self.wrong(field, "sequence of strings"),
            }
        }
        out
    }

    fn rule(&mut self, node: &Node) -> Rule {
        if node.entries().is_none() {
            self.wrong("rules", "sequence of mappings");
        }
        Rule {
            groups: self.strings(node, "apiGroups"),
            resources: self.strings(node, "resources"),
            names: self.strings(node, "resourceNames"),
            urls: self.strings(node, "nonResourceURLs"),
            verbs: self.strings(node, "verbs"),
        }
    }

    fn selector(&mut self, node: &Node) -> Vec<Expression> {
        let mut out: Vec<Expression> = labels(node.get("matchLabels"))
            .into_iter()
            .map(|(key, value)| Expression { key, operator: "In".into(), values: BTreeSet::from([value]) })
            .collect();
        let list = node.get("matchExpressions").map(|e| self.each(e, "matchExpressions")).unwrap_or_default();
        for item in list {
            let (Some(key), Some(operator)) = (self.string(item, "key"), self.string(item, "operator")) else {
                self.wrong("matchExpressions", "sequence of conditions");
                continue;
            };
            out.push(Expression { key, operator, values: self.strings(item, "values").into_iter().collect() });
        }
        out
    }

    fn subject(&mut self, node: &Node) -> Option<SubjectRef> {
        let (kind, name) = (self.string(node, "kind"), self.string(node, "name"));
        let namespace = self.string(node, "namespace").filter(|n| !n.is_empty());
        let (Some(kind), Some(name)) = (kind, name.filter(|n| !n.is_empty())) else {
            let finding =
                Finding::new(Code::MissingField, format!("a subject of this {} lacks its kind or name", self.what));
            self.notes.at(finding.help("add it, or remove the subject"), self.spot);
            return None;
        };
        if let Some(hidden) = std::iter::once(&name).chain(&namespace).find(|t| !is_plain(t)) {
            let finding =
                Finding::new(Code::HiddenCharacter, format!("the subject `{hidden}` holds a hidden character"));
            self.notes.at(finding.help("remove it in the cluster; such a name can pose as another"), self.spot);
            return None;
        }
        Some(SubjectRef { kind, namespace, name })
    }
}

/// Labels; a value that YAML reads as a truth value or a number is taken as its text, as `kubectl` users mean it.
/// The annotations of a service account that name an identity of a cloud as which it acts. Kept like labels, so that a merge
/// with a snapshot of the cloud finds them.
/// Sources: AWS, "IAM roles for service accounts"; Google Cloud, "Workload Identity Federation for GKE".
fn acts_as(node: Option<&Node>) -> BTreeMap<Arc<str>, Arc<str>> {
    const NAMES: [&str; 2] = ["eks.amazonaws.com/role-arn", "iam.gke.io/gcp-service-account"];
    let mut all = labels(node);
    all.retain(|name, _| NAMES.contains(&&**name));
    all
}

fn labels(node: Option<&Node>) -> BTreeMap<Arc<str>, Arc<str>> {
    let mut out = BTreeMap::new();
    for (key, value) in node.and_then(Node::entries).unwrap_or_default() {
        let text: Arc<str> = match &value.value {
            Value::Text(text) => Arc::clone(text),
            Value::Bool(b) => b.to_string().into(),
            Value::Number(n) => n.as_str().into(),
            Value::Null | Value::List(_) | Value::Map(_) => "".into(),
        };
        out.insert(Arc::clone(key), text);
    }
    out
}
