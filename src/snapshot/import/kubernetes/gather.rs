//! Several files become one set of objects.
//!
//! In: files. Out: each object once, by kind, namespace and name; findings for objects that differ between files and
//! for those that lack the namespace they live in. Never prefers one of two different objects: it keeps both.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::input::finding::{Code, Finding, Severity};
use crate::input::intern::shared;
use crate::input::place::Place;
use crate::snapshot::import::notes::Notes;
use crate::snapshot::tree;

use super::object::{Body, Kind, Object, Reader};

/// The most bytes that one import reads.
const MAX_BYTES: usize = 2 << 30;

/// What names an object: kind, namespace (empty for the cluster's own), name; of a binding also the role it names.
pub(super) type Key = (Kind, Arc<str>, Arc<str>, Arc<str>);

/// All objects of an import.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub objects: BTreeMap<Key, Object>,
    /// Objects of kinds that are not read, by kind.
    pub others: BTreeMap<String, usize>,
}

/// Reads all files. Findings without a place of their own kind go to `direct`, the others to `notes`.
pub(super) fn gather(files: &[(&str, &str)], notes: &mut Notes, direct: &mut Vec<Finding>) -> Gathered {
    let mut all = Vec::new();
    let mut out = Gathered::default();
    let mut bytes = 0_usize;
    for (file, (name, text)) in files.iter().enumerate() {
        bytes = bytes.saturating_add(text.len());
        if bytes > MAX_BYTES {
            direct.push(
                Finding::new(Code::TooLarge, "the files of this import exceed 2 GiB")
                    .at(&Place::file(name))
                    .help("import them in parts, and merge the snapshots"),
            );
            break;
        }
        match tree::documents(name, text) {
            Ok(documents) => {
                let mut reader = Reader { file, notes, objects: &mut all, others: &mut out.others };
                for document in &documents {
                    reader.document(document);
                }
            }
            Err(findings) => direct.extend(findings),
        }
    }
    let mut homeless: BTreeMap<(usize, Kind), (usize, Object)> = BTreeMap::new();
    for mut object in all {
        if object.kind.is_namespaced() && object.namespace.is_none() {
            homeless.entry((object.spot.file, object.kind)).or_insert_with(|| (0, object.clone())).0 += 1;
            object.namespace = Some("default".into());
        }
        let namespace = object.namespace.clone().unwrap_or_else(|| "".into());
        if namespace.contains('/') {
            let finding = Finding::new(Code::BadValue, format!("`{namespace}` cannot be a namespace"));
            notes.at(finding.help("a namespace is a DNS label"), &object.spot);
            continue;
        }
        let role: Arc<str> = match &object.body {
            Body::Binding { role_kind, role, .. } => shared(&format!("{role_kind}/{role}")),
            Body::Plain | Body::Role { .. } => "".into(),
        };
        join(&mut out.objects, (object.kind, namespace, Arc::clone(&object.name), role), object, notes);
    }
    for ((_, kind), (count, first)) in homeless {
        let finding = Finding::new(
            Code::MissingField,
            format!("{count} objects of kind {} name no namespace; they are read as of `default`", kind.name()),
        );
        notes.at(
            finding.weighing(Severity::Warning).help("export them from the cluster, or add `metadata.namespace`"),
            &first.spot,
        );
    }
    out
}

/// Adds an object. Of two that differ everything is kept: what either gives may hold, and it cannot be told here which.
fn join(objects: &mut BTreeMap<Key, Object>, key: Key, object: Object, notes: &mut Notes) {
    let first = (key.0, Arc::clone(&key.1), Arc::clone(&key.2), "".into());
    let other_role = objects
        .range(first..)
        .next()
        .is_some_and(|(k, _)| (k.0, &k.1, &k.2) == (key.0, &key.1, &key.2) && k.3 != key.3);
    // WHY: only a ClusterRole's labels decide about access.
    let differs = objects.get(&key).is_some_and(|known| {
        known.body != object.body || (object.kind == Kind::ClusterRole && known.labels != object.labels)
    });
    if other_role || differs {
        let finding = Finding::new(
            Code::DuplicateId,
            format!(
                "{} `{}` stands twice in the export, and the two differ; both are read",
                key.0.name(),
                display(&key)
            ),
        );
        notes.at(
            finding.weighing(Severity::Warning).help("leave the older one out; it cannot be told here which one holds"),
            &object.spot,
        );
    }
    let Some(known) = objects.get_mut(&key) else {
        objects.insert(key, object);
        return;
    };
    known.created = match (known.created, object.created) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    known.alpha |= object.alpha;
    for (label, value) in object.labels {
        let slot = known.labels.entry(label).or_insert_with(|| Arc::clone(&value));
        // WHY: whichever file comes first; and `true` rather than `false`.
        if value > *slot {
            *slot = value;
        }
    }
    if differs {
        unite(&mut known.body, object.body);
    }
}

/// Adds what another object of the same name says, in an order that does not depend on which came first.
fn unite(known: &mut Body, other: Body) {
    match (known, other) {
        (Body::Role { rules, selectors }, Body::Role { rules: more_rules, selectors: more_selectors }) => {
            *rules = both(rules.take(), more_rules);
            *selectors = both(selectors.take(), more_selectors);
        }
        (Body::Binding { subjects, .. }, Body::Binding { subjects: more, .. }) => {
            subjects.extend(more);
            subjects.sort();
            subjects.dedup();
        }
        (Body::Plain | Body::Role { .. } | Body::Binding { .. }, _) => {}
    }
}

fn both<T: Ord>(a: Option<Vec<T>>, b: Option<Vec<T>>) -> Option<Vec<T>> {
    if a.is_none() && b.is_none() {
        return None;
    }
    let mut out: Vec<T> = a.into_iter().chain(b).flatten().collect();
    out.sort();
    out.dedup();
    Some(out)
}

/// An object's name with its namespace.
pub(super) fn display(key: &Key) -> String {
    if key.1.is_empty() { key.2.to_string() } else { format!("{}/{}", key.1, key.2) }
}
