//! Checks a parsed snapshot for contradictions that its types do not exclude.
//!
//! All faults are reported at once, with the paths of their values. A contradiction with one safe reading is read that
//! way and reported. No check adds access that the file does not state, with one exception: an `active` assignment
//! without an expiry is read as `standing`, because the effect is the same.

use std::collections::BTreeMap;
use std::hash::BuildHasher as _;

use crate::input::entitlement::Mode;
use crate::input::finding::{Code, Finding, Severity};
use crate::input::intern::NameSet;
use crate::input::text::is_hidden;
use crate::input::time::Time;

use super::model::{Snapshot, SystemTarget};
use super::place::{Fault, Step};

/// The maximum number of listed faults of one kind. Further ones are only counted.
const MOST: usize = 1_000;
/// 2000-01-01 to 2200-01-01. An export time outside this range is a mistake of units or of a clock.
const TIMES: std::ops::Range<i64> = 946_684_800..7_258_118_400;

/// Checks the whole snapshot.
pub(super) fn whole(snapshot: &mut Snapshot) -> Vec<Fault> {
    let mut faults = Faults::default();
    // Part of reading: lookups are by bisection.
    snapshot.parts.iter_mut().for_each(|part| part.holds.sort());
    head(snapshot, &mut faults);
    modes(snapshot, &mut faults);
    parents(snapshot, &mut faults);
    names(snapshot, &mut faults);
    references(snapshot, &mut faults);
    rules(snapshot, &mut faults);
    faults.done()
}

#[derive(Default)]
struct Faults {
    list: Vec<Fault>,
    counts: BTreeMap<Code, usize>,
}

impl Faults {
    fn add(&mut self, finding: Finding, section: &'static str, at: usize, field: &[Step]) {
        let count = self.counts.entry(finding.code).or_default();
        *count += 1;
        if *count > MOST {
            return;
        }
        let mut path = vec![Step::Key(section.into()), Step::At(at)];
        path.extend_from_slice(field);
        self.list.push(Fault { finding, path });
    }

    fn done(mut self) -> Vec<Fault> {
        for (code, count) in self.counts {
            if count > MOST {
                let message = format!("{} more `{}` findings are not listed", count - MOST, code.name());
                self.list.push(Fault { finding: Finding::new(code, message), path: Vec::new() });
            }
        }
        self.list
    }
}

fn key(name: &'static str) -> Step {
    Step::Key(name.into())
}

fn head(snapshot: &Snapshot, faults: &mut Faults) {
    if snapshot.version != 1 {
        faults.list.push(super::shape::unsupported(&snapshot.version.to_string()));
    }
    if !TIMES.contains(&snapshot.taken_at.unix()) {
        faults.list.push(Fault {
            finding: Finding::new(
                Code::BadValue,
                format!("`{}` is not a plausible time for an export", snapshot.taken_at),
            )
            .help("write the time at which the export was taken"),
            path: vec![key("taken_at")],
        });
    }
    target(snapshot, faults);
}

/// A target without an id, or besides the parts that have targets of their own, would be bound to nothing certain.
fn target(snapshot: &Snapshot, faults: &mut Faults) {
    let mut bad = |message: &str, help: &str, path: Vec<Step>| {
        faults.list.push(Fault { finding: Finding::new(Code::BadValue, message).help(help), path });
    };
    let is_blank = |target: &SystemTarget| target.id.raw().trim().is_empty() || target.system.raw().trim().is_empty();
    if snapshot.target.as_ref().is_some_and(is_blank) {
        bad("the target has no `id` or no `system`", "write both, or leave `target` out", vec![key("target")]);
    }
    if snapshot.target.is_some() && !snapshot.parts.is_empty() {
        let message = "the snapshot has a `target` and `parts` that have their own";
        bad(message, "leave `target` out of a merged snapshot", vec![key("target")]);
    }
    for (n, part) in snapshot.parts.iter().enumerate() {
        if let Some(prefix) = part.prefix.as_ref() {
            let again = snapshot.parts.iter().take(n).any(|other| other.prefix.as_ref() == Some(prefix));
            let is_name = prefix.raw().strip_suffix(':').is_some_and(super::estate::is_part_name);
            if again || !is_name {
                let message = "the prefix of a part is not a name of its own followed by `:`";
                let path = vec![key("parts"), Step::At(n), key("prefix")];
                bad(message, "write `prefix: \"github:\"`, once for each part", path);
            }
        }
        if part.target.as_ref().is_some_and(is_blank) {
            let path = vec![key("parts"), Step::At(n), key("target")];
            bad("the target has no `id` or no `system`", "write both, or leave `target` out", path);
        }
    }
}

fn modes(snapshot: &mut Snapshot, faults: &mut Faults) {
    for (n, assignment) in snapshot.assignments.iter_mut().enumerate() {
        if assignment.role.is_some() == assignment.member_of.is_some() {
            let what = if assignment.role.is_some() { "both of" } else { "neither" };
            faults.add(
                Finding::new(
                    Code::BadValue,
                    format!("assignment `{}` has {what} `role` and `member_of`", assignment.id.as_str()),
                )
                .help("write exactly one of the two"),
                "assignments",
                n,
                &[],
            );
        }
        match (assignment.mode, assignment.until) {
            (Mode::Standing, Some(_)) => faults.add(
                Finding::new(
                    Code::BadValue,
                    format!("assignment `{}` is `standing` but has an expiry", assignment.id.as_str()),
                )
                .help("write `mode: active`, or remove `until`"),
                "assignments",
                n,
                &[key("until")],
            ),
            (Mode::Active, None) => {
                assignment.mode = Mode::Standing;
                faults.add(
                    Finding::new(
                        Code::MissingField,
                        format!(
                            "assignment `{}` is `active` but has no expiry; it is read as `standing`",
                            assignment.id.as_str()
                        ),
                    )
                    .weighing(Severity::Warning)
                    .help("add `until:`, or write `mode: standing`"),
                    "assignments",
                    n,
                    &[],
                );
            }
            (Mode::Standing, None) | (Mode::Active, Some(_)) | (Mode::Eligible, _) => {}
        }
    }
}

/// Breaks cycles of parents at the smallest id, so that every tree has a root.
fn parents(snapshot: &mut Snapshot, faults: &mut Faults) {
    let index: BTreeMap<String, usize> =
        snapshot.resources.iter().enumerate().map(|(n, r)| (r.id.as_str().to_owned(), n)).collect();
    let up: Vec<Option<usize>> =
        snapshot.resources.iter().map(|r| r.parent.as_ref().and_then(|p| index.get(p.as_str()).copied())).collect();
    // 0: not seen; otherwise the number of the walk that saw it first.
    let mut seen = vec![0_usize; up.len()];
    let mut cut = Vec::new();
    for start in 0..up.len() {
        let walk = start + 1;
        let mut here = Some(start);
        while let Some(at) = here {
            match seen.get_mut(at) {
                Some(slot) if *slot == 0 => *slot = walk,
                Some(slot) if *slot == walk => {
                    let mut circle = vec![at];
                    let mut next = up.get(at).copied().flatten();
                    while let Some(member) = next.filter(|m| *m != at) {
                        circle.push(member);
                        next = up.get(member).copied().flatten();
                    }
                    cut.extend(circle.into_iter().min_by_key(|n| snapshot.resources.get(*n).map(|r| r.id.clone())));
                    break;
                }
                _ => break,
            }
            here = up.get(at).copied().flatten();
        }
    }
    for n in cut {
        if let Some(resource) = snapshot.resources.get_mut(n) {
            resource.parent = None;
            let message =
                format!("the parents of resource `{}` form a cycle; it is read without a parent", resource.id.as_str());
            faults.add(
                Finding::new(Code::BadValue, message).weighing(Severity::Warning).help("correct `parent:`"),
                "resources",
                n,
                &[key("parent")],
            );
        }
    }
}

/// Reports empty ids, ids with hidden characters, and duplicate ids.
fn names(snapshot: &Snapshot, faults: &mut Faults) {
    let s = snapshot;
    let subjects = s.identities.iter().map(|i| i.id.as_str()).enumerate().map(|(n, id)| (id, "identities", n));
    let groups = s.groups.iter().map(|g| g.id.as_str()).enumerate().map(|(n, id)| (id, "groups", n));
    unique(subjects.chain(groups), "identity or group", faults);
    unique(one(s.roles.iter().map(|r| r.id.as_str()), "roles"), "role", faults);
    unique(one(s.resources.iter().map(|r| r.id.as_str()), "resources"), "resource", faults);
    unique(one(s.assignments.iter().map(|a| a.id.as_str()), "assignments"), "assignment", faults);
    let trusts = s.trusts.iter().enumerate().map(|(n, t)| (t.id.as_str(), "trusts", n));
    let rules = s.trust_rules.iter().enumerate().map(|(n, t)| (t.id.as_str(), "trust_rules", n));
    unique(trusts.chain(rules), "trust", faults);
    unique(one(s.credentials.iter().map(|c| c.id.as_str()), "credentials"), "credential", faults);
    unique(one(s.findings.iter().map(|f| f.id.as_str()), "findings"), "finding", faults);
}

/// An id, its section, and its position there.
type Named<'a> = (&'a str, &'static str, usize);

fn one<'a>(
    ids: impl Iterator<Item = &'a str> + Clone,
    section: &'static str,
) -> impl Iterator<Item = Named<'a>> + Clone {
    ids.enumerate().map(move |(n, id)| (id, section, n))
}

/// Whether a name contains no hidden character.
pub(super) fn is_plain(name: &str) -> bool {
    name.bytes().all(|b| (0x20..0x7f).contains(&b)) || !name.chars().any(is_hidden)
}

fn unique<'a>(ids: impl Iterator<Item = Named<'a>> + Clone, what: &str, faults: &mut Faults) {
    // Hashes of a million names need a sixth of the memory of a set. If all hashes differ, no name is duplicate.
    let state = crate::input::intern::Hashes::default();
    let mut hashes: Vec<u64> = Vec::with_capacity(ids.size_hint().0);
    for (id, section, n) in ids.clone() {
        hashes.push(state.hash_one(id));
        if id.trim().is_empty() {
            faults.add(
                Finding::new(Code::BadValue, format!("the id of this {what} is empty")).help("give it a name"),
                section,
                n,
                &[key("id")],
            );
        } else if !is_plain(id) {
            faults.add(
                Finding::new(
                    Code::HiddenCharacter,
                    format!("the id `{id}` of this {what} contains a hidden character"),
                )
                .help("rename it in the source system; such a name can imitate another one"),
                section,
                n,
                &[key("id")],
            );
        }
    }
    hashes.sort_unstable();
    if hashes.iter().zip(hashes.iter().skip(1)).all(|(a, b)| a != b) {
        return;
    }
    drop(hashes);
    let mut seen: NameSet<'_> = NameSet::default();
    for (id, section, n) in ids {
        if !seen.insert(id) {
            faults.add(
                Finding::new(Code::DuplicateId, format!("another {what} has the same id `{id}`"))
                    .help("rename one of them, or remove the duplicate"),
                section,
                n,
                &[key("id")],
            );
        }
    }
}

/// The objects that references can name.
struct Known<'a> {
    identities: NameSet<'a>,
    groups: NameSet<'a>,
    roles: NameSet<'a>,
    resources: NameSet<'a>,
}

fn references(snapshot: &Snapshot, faults: &mut Faults) {
    let s = snapshot;
    let known = Known {
        identities: s.identities.iter().map(|i| i.id.as_str()).collect(),
        groups: s.groups.iter().map(|g| g.id.as_str()).collect(),
        roles: s.roles.iter().map(|r| r.id.as_str()).collect(),
        resources: s.resources.iter().map(|r| r.id.as_str()).collect(),
    };
    let subject = |id: &str| known.identities.contains(id) || known.groups.contains(id);
    let mut check = |holds: bool, id: &str, what: &str, section: &'static str, n: usize, field: &[Step]| {
        if !holds {
            faults.add(
                Finding::new(
                    Code::DanglingReference,
                    format!("the snapshot does not contain the {what} `{id}`; {}", counted(section, field)),
                )
                .help("add it to the snapshot or correct the name"),
                section,
                n,
                field,
            );
        }
    };
    for (n, a) in s.assignments.iter().enumerate() {
        check(subject(a.who.raw()), a.who.raw(), "identity or group", "assignments", n, &[key("who")]);
        if let Some(role) = &a.role {
            check(known.roles.contains(role.as_str()), role.as_str(), "role", "assignments", n, &[key("role")]);
        }
        if let Some(group) = &a.member_of {
            check(
                known.groups.contains(group.as_str()),
                group.as_str(),
                "group",
                "assignments",
                n,
                &[key("member_of")],
            );
        }
        if let Some(scope) = &a.scope {
            check(
                known.resources.contains(scope.as_str()),
                scope.as_str(),
                "resource",
                "assignments",
                n,
                &[key("scope")],
            );
        }
    }
    for (n, g) in s.groups.iter().enumerate() {
        for (m, id) in g.members.iter().enumerate() {
            check(
                known.identities.contains(id.as_str()),
                id.as_str(),
                "identity",
                "groups",
                n,
                &[key("members"), Step::At(m)],
            );
        }
        for (m, id) in g.nested.iter().enumerate() {
            check(known.groups.contains(id.as_str()), id.as_str(), "group", "groups", n, &[key("nested"), Step::At(m)]);
        }
    }
    for (n, r) in s.roles.iter().enumerate() {
        for (m, id) in r.includes.iter().enumerate() {
            check(known.roles.contains(id.as_str()), id.as_str(), "role", "roles", n, &[key("includes"), Step::At(m)]);
        }
    }
    for (n, r) in s.resources.iter().enumerate() {
        if let Some(id) = &r.parent {
            check(known.resources.contains(id.as_str()), id.as_str(), "resource", "resources", n, &[key("parent")]);
        }
    }
    let owners = (s.identities.iter().enumerate().map(|(n, i)| ("identities", n, &i.owner)))
        .chain(s.groups.iter().enumerate().map(|(n, g)| ("groups", n, &g.owner)))
        .chain(s.roles.iter().enumerate().map(|(n, r)| ("roles", n, &r.owner)))
        .chain(s.resources.iter().enumerate().map(|(n, r)| ("resources", n, &r.owner)));
    for (section, n, owner) in owners {
        if let Some(id) = owner {
            check(known.identities.contains(id.as_str()), id.as_str(), "identity", section, n, &[key("owner")]);
        }
    }
    for (n, t) in s.trusts.iter().enumerate() {
        let from = t.from.raw();
        check(from.contains('*') || subject(from), from, "identity or group", "trusts", n, &[key("from")]);
        check(subject(t.to.raw()), t.to.raw(), "identity or group", "trusts", n, &[key("to")]);
    }
    for (n, c) in s.credentials.iter().enumerate() {
        let id = c.identity.as_str();
        check(known.identities.contains(id), id, "identity", "credentials", n, &[key("identity")]);
    }
    for (n, f) in s.findings.iter().enumerate() {
        if let Some(about) = &f.subject {
            let id = about.raw();
            let holds = subject(id) || known.roles.contains(id) || known.resources.contains(id);
            check(holds, id, "identity, group, role or resource", "findings", n, &[key("subject")]);
        }
    }
    limits(s, &known.roles, faults);
    future(s, faults);
}

/// How a dangling reference is interpreted, by its section and field.
fn counted(section: &str, field: &[Step]) -> &'static str {
    let field = match field.first() {
        Some(Step::Key(name)) => &**name,
        Some(Step::At(_)) | None => "",
    };
    match (section, field) {
        ("assignments", "who") => "the access counts for an identity of that name",
        ("assignments", "role") | ("roles", "includes") => "its permissions are unknown",
        ("assignments", "scope") => "the access counts in a resource without a parent",
        ("assignments", "member_of") | ("groups", "nested") => "it counts as a group whose members are unknown",
        ("groups", "members") | ("credentials", "identity") | ("trusts", _) => "it counts as an identity of that name",
        ("resources", "parent") => "the resource has no parent",
        (_, "owner") => "there is no owner",
        _ => "the reference has no effect",
    }
}

/// Reports limits with roles that are not in the snapshot. Such a limit has no effect.
fn limits(snapshot: &Snapshot, roles: &NameSet<'_>, faults: &mut Faults) {
    for (n, identity) in snapshot.identities.iter().enumerate() {
        for (m, limit) in identity.limits.iter().enumerate() {
            for (k, id) in limit.roles.iter().enumerate().filter(|(_, id)| !roles.contains(id.as_str())) {
                let message =
                    format!("the snapshot does not contain the role `{}`; the limit has no effect", id.as_str());
                faults.add(
                    Finding::new(Code::DanglingReference, message)
                        .help("add the role to the snapshot or correct the name"),
                    "identities",
                    n,
                    &[key("limits"), Step::At(m), key("roles"), Step::At(k)],
                );
            }
        }
    }
}

/// Reports assignments that were granted after the export was taken.
fn future(snapshot: &Snapshot, faults: &mut Faults) {
    let taken = snapshot.taken_at;
    let later = |time: Option<Time>| time.is_some_and(|t| t > taken);
    for (n, a) in snapshot.assignments.iter().enumerate() {
        if later(a.granted_at) {
            let message = format!("assignment `{}` was granted after the export was taken", a.id.as_str());
            faults.add(
                Finding::new(Code::BadValue, message)
                    .weighing(Severity::Warning)
                    .help("check `taken_at`, or export again"),
                "assignments",
                n,
                &[key("granted_at")],
            );
        }
    }
}

/// Reports names in the template of a trust rule that its `to` does not bind.
fn rules(snapshot: &Snapshot, faults: &mut Faults) {
    for (n, rule) in snapshot.trust_rules.iter().enumerate() {
        let used = [("resource", Some(&rule.resource)), ("scope", rule.scope.as_ref())];
        for (field, text) in used {
            for name in ["$ns", "$name"] {
                if text.is_some_and(|t| t.raw().contains(name)) && !rule.to.raw().contains(name) {
                    let message =
                        format!("trust rule `{}` uses `{name}`, which its `to` does not bind", rule.id.as_str());
                    faults.add(
                        Finding::new(Code::BadValue, message).help(format!("write `{name}` in `to`")),
                        "trust_rules",
                        n,
                        &[key(field)],
                    );
                }
            }
        }
    }
}
