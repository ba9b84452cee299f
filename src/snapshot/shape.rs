//! Reports all shape faults of a snapshot that could not be parsed: unknown fields (with the nearest known name), missing
//! fields, and fields of the wrong type. Only the reader decides whether a snapshot is valid.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::input::finding::{Code, Finding};

use super::model::{
    Alert, Assignment, Credential, Group, Identity, Resource, Role, SystemPart, SystemTarget, Trust, TrustRule,
};
use super::place::{Fault, Path, Step};
use super::tree::Node;

const FIELDS: &[&str] = &[
    "version",
    "taken_at",
    "source",
    "target",
    "parts",
    "system",
    "cluster_scoped",
    "identities",
    "groups",
    "roles",
    "resources",
    "assignments",
    "trusts",
    "trust_rules",
    "credentials",
    "findings",
];

/// All shape faults of a snapshot.
pub(super) fn faults(tree: &Node) -> Vec<Fault> {
    let Some(entries) = tree.entries() else {
        return vec![Fault {
            finding: Finding::new(Code::WrongType, "a snapshot must be a mapping")
                .help("start from `review schema snapshot`"),
            path: Vec::new(),
        }];
    };
    let mut out = Vec::new();
    if let Some(version) = tree.get("version").filter(|v| v.json() != 1) {
        out.push(unsupported(&version.json().to_string()));
    }
    for required in ["version", "taken_at", "source"] {
        if tree.get(required).is_none() {
            out.push(missing(required, Vec::new()));
        }
    }
    for (key, node) in entries {
        let path = vec![Step::Key(key.to_string().into())];
        match &**key {
            "version" => {}
            "taken_at" => value::<crate::input::time::Time>(node, path, &mut out),
            "source" | "system" => value::<String>(node, path, &mut out),
            "cluster_scoped" => section::<String>(node, &path, &mut out),
            "target" => value::<SystemTarget>(node, path, &mut out),
            "parts" => section::<SystemPart>(node, &path, &mut out),
            "identities" => section::<Identity>(node, &path, &mut out),
            "groups" => section::<Group>(node, &path, &mut out),
            "roles" => section::<Role>(node, &path, &mut out),
            "resources" => section::<Resource>(node, &path, &mut out),
            "assignments" => section::<Assignment>(node, &path, &mut out),
            "trusts" => section::<Trust>(node, &path, &mut out),
            "trust_rules" => section::<TrustRule>(node, &path, &mut out),
            "credentials" => section::<Credential>(node, &path, &mut out),
            "findings" => section::<Alert>(node, &path, &mut out),
            other => out.push(unknown(other, FIELDS, path)),
        }
    }
    out
}

/// The fault for an unsupported version.
pub(super) fn unsupported(version: &str) -> Fault {
    Fault {
        finding: Finding::new(Code::UnsupportedVersion, format!("version `{version}` of snapshots is not supported"))
            .help("write `version: 1`, or use the version of this tool that wrote the file"),
        path: vec![Step::Key("version".into())],
    }
}

fn section<T: DeserializeOwned>(node: &Node, path: &Path, out: &mut Vec<Fault>) {
    let Some(items) = node.list() else {
        let finding = Finding::new(Code::WrongType, "a section must be a list").help("write its items as a list");
        out.push(Fault { finding, path: path.clone() });
        return;
    };
    for (n, item) in items.iter().enumerate() {
        let mut here = path.clone();
        here.push(Step::At(n));
        value::<T>(item, here, out);
    }
}

/// Parses a value. While that fails, reports the faulty field and tries again without it.
fn value<T: DeserializeOwned>(node: &Node, path: Path, out: &mut Vec<Fault>) {
    let mut json = node.json();
    let mut blamed: Vec<String> = Vec::new();
    while let Err(fault) = serde_json::from_value::<T>(json.clone()) {
        let message = fault.to_string();
        if let Some(field) = quoted(&message, "missing field `") {
            if !blamed.contains(&field) {
                out.push(missing(&field, path));
            }
            return;
        }
        let Some(culprit) = culprit::<T>(&json, &message) else {
            out.push(Fault { finding: typed(&message), path });
            return;
        };
        let mut here = path.clone();
        here.push(Step::Key(culprit.clone().into()));
        out.push(match quoted(&message, "unknown field `") {
            Some(field) => {
                let known: Vec<&str> =
                    message.split('`').skip(3).step_by(2).filter(|name| !name.trim().is_empty()).collect();
                unknown(&field, &known, here)
            }
            None => Fault { finding: typed(&message), path: here },
        });
        if let Value::Object(fields) = &mut json {
            fields.retain(|key, _| *key != culprit);
        }
        blamed.push(culprit);
    }
}

/// The field whose removal changes the error.
fn culprit<T: DeserializeOwned>(json: &Value, message: &str) -> Option<String> {
    let fields = json.as_object()?;
    fields
        .keys()
        .find(|key| {
            // `remove` may change the order of the fields, and thus which field is reported first.
            let mut without = fields.clone();
            without.retain(|k, _| k != *key);
            serde_json::from_value::<T>(Value::Object(without)).err().is_none_or(|other| other.to_string() != message)
        })
        .cloned()
}

fn quoted(message: &str, before: &str) -> Option<String> {
    message.strip_prefix(before)?.split('`').next().map(str::to_owned)
}

fn typed(message: &str) -> Finding {
    let code = if message.starts_with("invalid type") { Code::WrongType } else { Code::BadValue };
    Finding::new(code, message.to_owned()).help("`review schema snapshot` describes this field")
}

fn missing(field: &str, path: Path) -> Fault {
    Fault {
        finding: Finding::new(Code::MissingField, format!("`{field}` is missing")).help(format!("add `{field}:`")),
        path,
    }
}

fn unknown(field: &str, known: &[&str], path: Path) -> Fault {
    let nearest = known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(name, field), *name))
        .min()
        .filter(|(distance, name)| *distance <= name.len().max(3) / 2);
    let help = match nearest {
        Some((_, name)) => format!("the nearest known name is `{name}`"),
        None => format!("known fields are {}", known.join(", ")),
    };
    Fault { finding: Finding::new(Code::UnknownField, format!("unknown field `{field}`")).help(help), path }
}
