//! Several files become one set of objects.
//!
//! In: files. Out: each object once, by kind, namespace and name; findings for objects that differ between files and
//! for those that lack the namespace they live in. Never prefers one of two different objects: it keeps both.

use std::collections::{BTreeMap, BTreeSet};
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
    /// Types of custom resources, and whether they belong to the whole cluster.
    pub types: BTreeMap<String, bool>,
    /// Custom resources that create pods, as `GROUP:RESOURCE`.
    pub workloads: BTreeSet<String>,
}

impl Gathered {
    /// The labels of a namespace.
    pub fn namespace_labels(&self, name: &Arc<str>) -> impl Iterator<Item = (&Arc<str>, &Arc<str>)> {
        let key: Key = (Kind::Namespace, "".into(), Arc::clone(name), "".into());
        self.objects.get(&key).into_iter().flat_map(|object| &object.labels)
    }
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
        if let Some(finding) = printed(name, text) {
            direct.push(finding);
            continue;
        }
        match tree::documents(name, text) {
            Ok(documents) => {
                let (others, types, workloads) = (&mut out.others, &mut out.types, &mut out.workloads);
                let mut reader = Reader { file, notes, objects: &mut all, others, types, workloads };
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

/// The first line of a file that is a message of `kubectl` or of its libraries, if there is one: what follows it, or came
/// before it, is not all of the export.
fn printed(name: &str, text: &str) -> Option<Finding> {
    const MESSAGES: [&str; 7] = [
        "Error from server",
        "Error in configuration",
        "Unable to connect to the server",
        "The connection to the server",
        "Warning: ",
        "error: ",
        "No resources found",
    ];
    // The log lines of the client library: a letter, month and day, a blank.
    let is_logged = |line: &str| {
        let mut bytes = line.bytes();
        bytes.next().is_some_and(|b| b"EFIW".contains(&b))
            && bytes.by_ref().take(4).filter(u8::is_ascii_digit).count() == 4
            && bytes.next() == Some(b' ')
    };
    let is_message = |line: &str| is_logged(line) || MESSAGES.iter().any(|start| line.starts_with(start));
    let (number, line) = text.lines().enumerate().find(|(_, line)| is_message(line))?;
    let line_number = u32::try_from(number).unwrap_or(u32::MAX).saturating_add(1);
    let shown: String = line.chars().take(120).collect();
    let finding = Finding::new(Code::BadValue, format!("the file holds a message of `kubectl`: `{shown}`"));
    Some(
        finding
            .at(&Place { file: name.into(), line: line_number, column: 1, bytes: (0, 0) })
            .help("export again without `2>&1`, with the right to list every kind; the command must report no error"),
    )
}

/// Adds an object. Of two that differ everything is kept: what either gives may hold, and it cannot be told here which.
fn join(objects: &mut BTreeMap<Key, Object>, key: Key, object: Object, notes: &mut Notes) {
    let first = (key.0, Arc::clone(&key.1), Arc::clone(&key.2), "".into());
    let other_role = objects
        .range(first..)
        .next()
        .is_some_and(|(k, _)| (k.0, &k.1, &k.2) == (key.0, &key.1, &key.2) && k.3 != key.3);
    let uids = (objects.get(&key).and_then(|known| known.uid.as_ref()), object.uid.as_ref());
    if let (true, (Some(known), Some(other))) = (is_kube_system(&key), uids)
        && known != other
    {
        let message = format!("the files are exports of two clusters, `{known}` and `{other}`");
        let finding = Finding::new(Code::BadValue, message).weighing(Severity::Error);
        notes.at(finding.help("import each cluster on its own, and merge the snapshots"), &object.spot);
        return;
    }
    // WHY: only a ClusterRole's labels decide about access.
    let differs = objects.get(&key).is_some_and(|known| {
        known.body != object.body || (object.kind == Kind::ClusterRole && known.labels != object.labels)
    });
    if other_role || differs {
        let finding = Finding::new(
            Code::DuplicateId,
            format!(
                "{} `{}` appears twice in the export, with different definitions; both are read",
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
    known.uid = known.uid.take().or(object.uid);
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

/// Whether a key names the namespace whose UID names the cluster.
fn is_kube_system(key: &Key) -> bool {
    key.0 == Kind::Namespace && &*key.2 == "kube-system"
}

/// The UID of the namespace `kube-system`, which names the cluster, if the export holds it.
pub(super) fn cluster_uid(gathered: &Gathered) -> Option<Arc<str>> {
    let named = gathered.objects.iter().find(|(key, _)| is_kube_system(key));
    named.and_then(|(_, object)| object.uid.clone())
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
