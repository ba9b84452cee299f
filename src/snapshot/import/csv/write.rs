//! Writes a snapshot as tables, and the mapping that names their source, target and time.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::input::finding::{Code, Finding, Severity};
use crate::snapshot::model::Snapshot;

use super::mapping::MARK;
use super::table::{TABLES, written};

/// The name of the mapping file.
const MAPPING: &str = "mapping.yaml";

/// The files of all tables, and what the tables do not hold.
#[must_use]
pub fn files(snapshot: &Snapshot) -> (Vec<(String, String)>, Vec<Finding>) {
    let mut left_out: BTreeMap<String, usize> = BTreeMap::new();
    let mut files = vec![(MAPPING.to_owned(), mapping(snapshot))];
    for table in TABLES {
        let rows = rows(snapshot, table.name);
        let mut text = table.columns.join(",") + "\r\n";
        for mut row in rows {
            let cells = table.columns.iter().map(|column| written(&cell(row.remove(*column).unwrap_or_default())));
            text.push_str(&(cells.collect::<Vec<_>>().join(",") + "\r\n"));
            for (field, _) in row.into_iter().filter(|(_, value)| !is_empty(value)) {
                *left_out.entry(format!("fields `{field}` of {}", table.name)).or_default() += 1;
            }
        }
        files.push((format!("{}.csv", table.name), text));
    }
    let others = [
        ("trusts", snapshot.trusts.len()),
        ("trust rules", snapshot.trust_rules.len()),
        ("credentials", snapshot.credentials.len()),
        ("findings of the source system", snapshot.findings.len()),
        ("parts of a merged snapshot", snapshot.parts.len()),
        ("cluster-scoped types", snapshot.cluster_scoped.len()),
        ("systems of the whole snapshot", usize::from(snapshot.system.is_some())),
    ];
    left_out.extend(others.into_iter().filter(|(_, count)| *count > 0).map(|(what, count)| (what.to_owned(), count)));
    let finding = |(what, count): (String, usize)| {
        let finding = Finding::new(Code::NotImported, format!("{what} have no column and are not written ({count})"));
        finding
            .weighing(Severity::Warning)
            .help("the tables are for people; keep the snapshot itself to review against")
    };
    (files, left_out.into_iter().map(finding).collect())
}

fn mapping(snapshot: &Snapshot) -> String {
    // JSON strings are valid YAML.
    let quoted = |text: &str| Value::String(text.to_owned()).to_string();
    let target = snapshot.target.as_ref().map(|target| format!("target: {}\n", quoted(target.id.raw())));
    format!(
        "{MARK}: 1\nsource: {}\n{}taken_at: \"{}\"\n",
        quoted(snapshot.source.raw()),
        target.unwrap_or_default(),
        snapshot.taken_at
    )
}

/// The rows of a table, by field.
fn rows(snapshot: &Snapshot, table: &str) -> Vec<Map<String, Value>> {
    match table {
        "identities" => snapshot.identities.iter().map(object).collect(),
        "groups" => {
            snapshot.groups.iter().map(|group| without(object(group), &["members", "nested", "implicit"])).collect()
        }
        "members" => {
            let row = |group: &str, how: &str, member: &str| map(json!({"group": group, "member": member, "how": how}));
            let of = |group: &crate::snapshot::model::Group| {
                let id = group.id.as_str();
                let members = group.members.iter().map(|it| row(id, "member", it.as_str()));
                let nested = group.nested.iter().map(|it| row(id, "nested", it.as_str()));
                let implicit = group.implicit.iter().map(|it| row(id, "implicit", it));
                members.chain(nested).chain(implicit).collect::<Vec<_>>()
            };
            snapshot.groups.iter().flat_map(of).collect()
        }
        "roles" => snapshot.roles.iter().map(|role| without(object(role), &["permissions", "includes"])).collect(),
        "permissions" => {
            let of = |role: &crate::snapshot::model::Role| {
                let id = role.id.as_str().to_owned();
                let row = move |permission| {
                    let mut row = object(permission);
                    row.insert("role".to_owned(), Value::String(id.clone()));
                    row
                };
                role.permissions.iter().map(row).collect::<Vec<_>>()
            };
            snapshot.roles.iter().flat_map(of).collect()
        }
        "includes" => {
            let of = |role: &crate::snapshot::model::Role| {
                let row =
                    |it: &crate::input::id::RoleId| map(json!({"role": role.id.as_str(), "includes": it.as_str()}));
                role.includes.iter().map(row).collect::<Vec<_>>()
            };
            snapshot.roles.iter().flat_map(of).collect()
        }
        "resources" => snapshot.resources.iter().map(object).collect(),
        _ => snapshot.assignments.iter().map(object).collect(),
    }
}

/// The fields of an object as the native format writes them.
fn object(it: &impl Serialize) -> Map<String, Value> {
    map(serde_json::to_value(it).unwrap_or_default())
}

fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}

fn without(mut object: Map<String, Value>, fields: &[&str]) -> Map<String, Value> {
    object.retain(|field, _| !fields.contains(&field.as_str()));
    object
}

fn cell(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Null => true,
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
