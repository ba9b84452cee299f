//! Rules become permissions, and aggregation becomes includes.
//!
//! In: gathered roles. Out: roles of the model. Every rule × verb × group × resource × name is one permission. Never
//! drops a rule: what RBAC would read as a letter and the model as a pattern is kept, and reported.
//!
//! Source: Kubernetes, `VerbMatches`, `APIGroupMatches`, `ResourceMatches`, `ResourceNameMatches`,
//! `NonResourceURLMatches` (`pkg/apis/rbac/v1/evaluation_helpers.go`) and the cluster role aggregation controller.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::input::entitlement::{Permission, Sensitivity};
use crate::input::finding::{Code, Finding, Severity};
use crate::input::id::RoleId;
use crate::input::intern::shared;
use crate::input::text::Text;
use crate::snapshot::import::notes::{Notes, Spot};
use crate::snapshot::model::{Role, UNRESOLVED};

use super::gather::{Gathered, display};
use super::object::{Body, Expression, Kind, Object, Rule};

/// The name of a `Role` or `ClusterRole`.
pub(super) fn role_id(kind: &str, namespace: &str, name: &str) -> RoleId {
    RoleId::new(shared(&match kind {
        "ClusterRole" => format!("clusterrole:{name}"),
        "Role" => format!("role:{namespace}/{name}"),
        other => format!("{}:{namespace}/{name}", other.to_lowercase()),
    }))
}

/// All roles, sorted by name.
pub(super) fn roles(gathered: &Gathered, notes: &mut Notes) -> BTreeMap<RoleId, Role> {
    let mut own: BTreeMap<&str, BTreeSet<Permission>> = BTreeMap::new();
    let mut chosen: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut out = BTreeMap::new();
    let cluster: Vec<&Object> = gathered.objects.values().filter(|o| o.kind == Kind::ClusterRole).collect();
    for (key, object) in &gathered.objects {
        let Body::Role { rules, selectors } = &object.body else { continue };
        let set = permissions(rules.as_deref().unwrap_or_default(), notes, &object.spot, &display(key));
        if object.kind == Kind::Role {
            let id = role_id("Role", &key.1, &key.2);
            out.insert(id.clone(), role(id, Vec::new(), set));
            continue;
        }
        own.insert(&object.name, set);
        if let Some(selectors) = selectors {
            chosen.insert(&object.name, select(object, selectors, &cluster, notes));
        }
    }
    for object in cluster {
        let id = role_id("ClusterRole", "", &object.name);
        let mut set = own.get(&*object.name).cloned().unwrap_or_default();
        let mut includes = Vec::new();
        if let Some(parts) = chosen.get(&*object.name) {
            let mut through = BTreeSet::new();
            let mut seen = BTreeSet::from([&*object.name]);
            for part in parts {
                effective(part, &own, &chosen, &mut seen, &mut through);
            }
            if !set.is_empty() {
                differences(object, &set, &through, notes);
            }
            set.retain(|permission| !through.contains(permission));
            includes = parts.iter().map(|part| role_id("ClusterRole", "", part)).collect();
        }
        out.insert(id.clone(), role(id, includes, set));
    }
    out
}

fn role(id: RoleId, includes: Vec<RoleId>, set: BTreeSet<Permission>) -> Role {
    Role {
        id,
        includes,
        permissions: set.into_iter().collect(),
        owner: None,
        sensitivity: None,
        kinds: Vec::new(),
        by_resource: false,
        delegated: false,
        system: None,
    }
}

/// A role that a binding names and the export lacks: what it gives is unknown, which must not look like nothing.
///
/// WHY: its one permission overlaps no real one, so that holding it hides no later gain and no trust comes alive by it;
/// and granting it is a gain, of the highest sensitivity.
pub(super) fn unresolved(id: &RoleId) -> Role {
    let permission = Permission::allow("unknown", format!("{UNRESOLVED}{}", id.as_str()));
    Role { sensitivity: Some(Sensitivity::Critical), ..role(id.clone(), Vec::new(), BTreeSet::from([permission])) }
}

fn effective<'a>(
    name: &'a str,
    own: &BTreeMap<&'a str, BTreeSet<Permission>>,
    chosen: &BTreeMap<&'a str, Vec<&'a str>>,
    seen: &mut BTreeSet<&'a str>,
    out: &mut BTreeSet<Permission>,
) {
    let mut next = vec![name];
    while let Some(name) = next.pop() {
        if seen.insert(name) {
            out.extend(own.get(name).into_iter().flatten().cloned());
            next.extend(chosen.get(name).into_iter().flatten());
        }
    }
}

fn differences(object: &Object, exported: &BTreeSet<Permission>, through: &BTreeSet<Permission>, notes: &mut Notes) {
    let (more, less) = (exported.difference(through).count(), through.difference(exported).count());
    if more + less > 0 {
        let example = exported.difference(through).chain(through.difference(exported)).next();
        let example =
            example.map(|p| format!(", such as `{}` on `{}`", p.action.raw(), p.resource.raw())).unwrap_or_default();
        let message = format!(
            "the exported rules of ClusterRole `{}` and the roles its labels choose differ: {more} only exported, {less} only chosen{example}; both are read",
            object.name
        );
        notes.at(
            Finding::new(Code::AggregationDiffers, message)
                .help("export all ClusterRoles at one time, with their labels"),
            &object.spot,
        );
    }
}

/// The cluster roles that any of the selectors matches; never the role itself.
fn select<'a>(
    object: &Object,
    selectors: &[Vec<Expression>],
    cluster: &[&'a Object],
    notes: &mut Notes,
) -> Vec<&'a str> {
    for expression in selectors.iter().flatten() {
        if !matches!(&*expression.operator, "In" | "NotIn" | "Exists" | "DoesNotExist") {
            let message = format!(
                "the selector of ClusterRole `{}` uses the unknown operator `{}`; it is read as always true",
                object.name, expression.operator
            );
            notes.at(
                Finding::new(Code::BadValue, message)
                    .weighing(Severity::Warning)
                    .help("the operators are In, NotIn, Exists and DoesNotExist"),
                &object.spot,
            );
        }
    }
    let all =
        |labels: &BTreeMap<Arc<str>, Arc<str>>, selector: &[Expression]| selector.iter().all(|e| matches(labels, e));
    cluster
        .iter()
        .filter(|other| other.name != object.name && selectors.iter().any(|selector| all(&other.labels, selector)))
        .map(|other| &*other.name)
        .collect()
}

fn matches(labels: &BTreeMap<Arc<str>, Arc<str>>, e: &Expression) -> bool {
    let value = labels.get(&e.key);
    match &*e.operator {
        "In" => value.is_some_and(|v| e.values.contains(v)),
        "NotIn" => !value.is_some_and(|v| e.values.contains(v)),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        _ => true,
    }
}

fn permissions(rules: &[Rule], notes: &mut Notes, spot: &Spot, role: &str) -> BTreeSet<Permission> {
    let mut out = BTreeSet::new();
    for rule in rules {
        odd(rule, notes, spot, role);
        let core = ["".into()];
        let groups = if rule.groups.is_empty() { &core[..] } else { &rule.groups };
        let any = ["*".into()];
        let names = if rule.names.is_empty() { &any[..] } else { &rule.names };
        let mut patterns: Vec<Arc<str>> = Vec::new();
        for group in groups {
            let group = if group.is_empty() { "core" } else { group };
            for resource in &rule.resources {
                patterns.extend(names.iter().map(|name| shared(&format!("{group}:{resource}#{name}"))));
            }
        }
        patterns.extend(rule.urls.iter().map(|url| shared(&format!("url:{url}"))));
        for verb in &rule.verbs {
            out.extend(
                patterns
                    .iter()
                    .map(|pattern| Permission::allow(Text::new(Arc::clone(verb)), Text::new(Arc::clone(pattern)))),
            );
        }
    }
    out
}

/// Says where the reading goes beyond what RBAC would give.
fn odd(rule: &Rule, notes: &mut Notes, spot: &Spot, of: &str) {
    let star = |text: &&Arc<str>| text.contains('*');
    let literal = rule
        .verbs
        .iter()
        .chain(&rule.groups)
        .find(|t| star(t) && &***t != "*")
        .or_else(|| {
            rule.resources
                .iter()
                .find(|t| star(t) && &***t != "*" && t.strip_prefix("*/").is_none_or(|sub| sub.contains('*')))
        })
        .or_else(|| rule.names.iter().find(star))
        .or_else(|| rule.urls.iter().find(|t| t.strip_suffix('*').unwrap_or(t).contains('*')));
    if let Some(text) = literal {
        let message = format!(
            "`{text}` in role `{of}` holds a `*` that the cluster reads as a letter; it is read as a pattern, which is more"
        );
        notes.at(
            Finding::new(Code::BadValue, message).weighing(Severity::Warning).help("write what is meant without `*`"),
            spot,
        );
    }
    if rule.groups.is_empty() && !rule.resources.is_empty() {
        let message =
            format!("a rule of role `{of}` names resources but no `apiGroups`; it is read as of the core group");
        notes.at(
            Finding::new(Code::MissingField, message).weighing(Severity::Warning).help("add `apiGroups: [\"\"]`"),
            spot,
        );
    }
    if rule.groups.iter().any(|g| &**g == "core") {
        let message = format!(
            "role `{of}` names the API group `core`, which the cluster does not know; it is read as the core group"
        );
        notes.at(
            Finding::new(Code::BadValue, message).weighing(Severity::Warning).help("write `\"\"` for the core group"),
            spot,
        );
    }
}
