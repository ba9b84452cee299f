//! Groups long lists of accesses into few lines, with exact counts and the most severe first.
//!
//! Builds [`Bundle`]s from accesses with their holders and classification. Privileged or unclassified accesses are
//! listed individually, up to a limit. The rest is listed individually if it is short; otherwise it is grouped by
//! sensitivity, holder, scope, kind of action and kind of resource. If there are too many groups, coarser keys are
//! tried ([`Grain`]), down to one group per sensitivity. The counts of all bundles always add up to the number of
//! accesses. O(n log n) per grain tried.

use std::collections::{BTreeMap, BTreeSet};

use super::sentence::{Sentence, counted, limits, number, path, restrictions, scope, subject, through};
use crate::access::model::facts::{Access, AccessPath, Exception};
use crate::input::entitlement::Sensitivity;
use crate::input::id::{ResourceId, RoleId, Subject};
use crate::input::text::Text;
use crate::input::time::Time;
use crate::report::limits::Limits;

/// The subject that has an access, or the role that states it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum AccessHolder<'p> {
    Subject(&'p Subject),
    Role(&'p RoleId),
}

/// An access to show.
#[derive(Clone, Copy)]
pub(super) struct Item<'p> {
    pub(super) holder: AccessHolder<'p>,
    pub(super) access: &'p Access,
    pub(super) sensitivity: Sensitivity,
    pub(super) privileged: Option<&'p Text>,
    /// The path of the holder to it.
    pub(super) path: Option<&'p AccessPath>,
    /// The path by which the holder could reach it before, or still can.
    pub(super) elsewhere: Option<&'p AccessPath>,
}

/// The part of a list that is shown.
pub(super) struct Grouped {
    /// The most severe first.
    pub(super) bundles: Vec<Bundle>,
    /// The number of distinct accesses that are privileged or unclassified.
    pub(super) severe: u64,
}

/// Whether an access must be listed individually: it is privileged or unclassified.
pub(super) fn is_severe(sensitivity: Sensitivity, privileged: bool) -> bool {
    privileged || sensitivity == Sensitivity::Unknown
}

/// The holder and the scope.
type Pair<'p> = (AccessHolder<'p>, Option<&'p ResourceId>);
/// Actions by resource.
type Actions<'p> = BTreeMap<&'p Text, Vec<&'p Text>>;

/// The common properties of the accesses of one bundle. Its order is the order of display.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Kind<'p> {
    mild: bool,
    sensitivity: std::cmp::Reverse<Sensitivity>,
    privileged: Option<&'p Text>,
    condition: Option<&'p Text>,
    until: Option<Time>,
    exceptions: &'p [Exception],
    elsewhere: Option<&'p AccessPath>,
    /// Stated by a role, so it has no expiry of its own.
    stated: bool,
}

/// A distinct access: its kind, resource and action, its holders, and one path.
struct GroupLine<'p> {
    kind: Kind<'p>,
    resource: &'p Text,
    action: &'p Text,
    pairs: Vec<Pair<'p>>,
    path: Option<&'p AccessPath>,
}

/// Groups a list within limits. `at_least`: there may be more holders, because a group's members are not all known.
pub(super) fn grouped<'p>(items: impl Iterator<Item = Item<'p>>, at_least: bool, show: Limits) -> Grouped {
    #[expect(clippy::type_complexity, reason = "it is used here alone")]
    let mut held: BTreeMap<(Kind<'p>, &Text, &Text), (Vec<Pair<'p>>, Option<&AccessPath>)> = BTreeMap::new();
    for item in items {
        let access = item.access;
        let kind = Kind {
            mild: !is_severe(item.sensitivity, item.privileged.is_some()),
            sensitivity: std::cmp::Reverse(item.sensitivity),
            privileged: item.privileged,
            condition: access.condition.as_ref(),
            until: access.until,
            exceptions: &access.exceptions,
            elsewhere: item.elsewhere,
            stated: matches!(item.holder, AccessHolder::Role(_)),
        };
        let entry = held.entry((kind, &access.resource, &access.action));
        entry.or_insert_with(|| (Vec::new(), item.path)).0.push((item.holder, access.scope.as_ref()));
    }
    let lines = held.into_iter().map(|((kind, resource, action), (pairs, path))| GroupLine {
        kind,
        resource,
        action,
        pairs,
        path,
    });
    let (mut severe, mild): (Vec<GroupLine<'_>>, Vec<GroupLine<'_>>) = lines.partition(|line| !line.kind.mild);
    let count = count(severe.len());
    let more = severe.split_off(severe.len().min(show.severe));
    let mut bundles = listed(severe, at_least, show);
    bundles.extend(in_groups(&more, at_least, show));
    bundles.extend(if mild.len() <= show.full {
        listed(mild, at_least, show)
    } else {
        in_groups(&mild, at_least, show)
    });
    Grouped { bundles, severe: count }
}

/// Each access by name. Accesses that the same holders have in the same scopes by one path are one bundle.
fn listed(lines: Vec<GroupLine<'_>>, at_least: bool, show: Limits) -> Vec<Bundle> {
    // WHY: the path is part of the key, so that the path shown applies to every access next to it.
    let mut together: BTreeMap<(Kind<'_>, Vec<Pair<'_>>, Option<&AccessPath>), Actions<'_>> = BTreeMap::new();
    for line in lines {
        let key = (line.kind, line.pairs, line.path);
        together.entry(key).or_default().entry(line.resource).or_default().push(line.action);
    }
    let bundle = |((kind, pairs, path_to), what): ((Kind<'_>, Vec<Pair<'_>>, Option<&AccessPath>), Actions<'_>)| {
        let accesses: usize = what.values().map(Vec::len).sum();
        Bundle {
            who: who(&pairs, at_least, show.names),
            what: accesses_of(&what),
            limits: kind.limits(),
            sensitivity: kind.sensitivity.0,
            privileged: kind.privileged.cloned(),
            way: path_to.map(path).unwrap_or_default(),
            elsewhere: kind.elsewhere.map(through),
            pieces: count(accesses.saturating_mul(pairs.len())),
        }
    };
    let mut bundles: Vec<Bundle> = together.into_iter().map(bundle).collect();
    // WHY: the map already sorts by severity and sensitivity. Within these, each path comes once, the largest first.
    bundles.sort_by_cached_key(|b| {
        let severe = is_severe(b.sensitivity, b.privileged.is_some());
        let gravity = (!severe, std::cmp::Reverse(b.sensitivity));
        (gravity, b.way.terminal(), std::cmp::Reverse(b.pieces))
    });
    bundles
}

impl Kind<'_> {
    fn limits(&self) -> Sentence {
        if self.stated {
            return restrictions(self.condition, self.exceptions);
        }
        limits(self.until, self.condition, self.exceptions)
    }
}

/// How fine the groups are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Grain {
    /// By holder and scope, limits, kind of action, kind of resource.
    Fine,
    /// The same without the kind of resource, and with a coarser kind of action.
    Service,
    /// By holder and scope, and limits.
    Holders,
    /// By sensitivity only.
    Sensitivity,
}

impl Grain {
    const ALL: [Self; 4] = [Self::Fine, Self::Service, Self::Holders, Self::Sensitivity];
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key<'l> {
    kind: Kind<'l>,
    pairs: &'l [Pair<'l>],
    class: (&'l str, &'l str),
    place: &'l str,
}

impl<'l> Key<'l> {
    fn of(line: &'l GroupLine<'l>, grain: Grain) -> Self {
        let (service, verb) = class(line.action.raw());
        let fine =
            Self { kind: line.kind, pairs: &line.pairs, class: (service, verb), place: place(line.resource.raw()) };
        match grain {
            Grain::Fine => fine,
            Grain::Service => Self { class: (service, if service.is_empty() { verb } else { "" }), place: "", ..fine },
            Grain::Holders => Self { class: ("", ""), place: "", ..fine },
            Grain::Sensitivity => {
                let kind = line.kind;
                let bare =
                    Kind { privileged: None, condition: None, until: None, exceptions: &[], elsewhere: None, ..kind };
                Self { kind: bare, pairs: &[], class: ("", ""), place: "" }
            }
        }
    }
}

/// Groups accesses at the finest grain that fits.
fn in_groups(lines: &[GroupLine<'_>], at_least: bool, show: Limits) -> Vec<Bundle> {
    let mut groups: BTreeMap<Key<'_>, Vec<&GroupLine<'_>>> = BTreeMap::new();
    for grain in Grain::ALL {
        groups.clear();
        for line in lines {
            groups.entry(Key::of(line, grain)).or_default().push(line);
        }
        if groups.len() <= show.lines {
            break;
        }
    }
    groups.values().map(|lines| group(lines, at_least, show)).collect()
}

/// One group. Names what all its accesses have in common, and counts the rest.
fn group(lines: &[&GroupLine<'_>], at_least: bool, show: Limits) -> Bundle {
    let kinds: BTreeSet<Kind<'_>> = lines.iter().map(|line| line.kind).collect();
    let pairs: BTreeSet<Pair<'_>> = lines.iter().flat_map(|line| line.pairs.iter().copied()).collect();
    let paths: BTreeSet<Option<&AccessPath>> = lines.iter().map(|line| line.path).collect();
    let pieces = count(lines.iter().map(|line| line.pairs.len()).sum());
    let reasons: BTreeSet<&Text> = kinds.iter().filter_map(|kind| kind.privileged).collect();
    let first = kinds.first();
    Bundle {
        who: who(&pairs.into_iter().collect::<Vec<_>>(), at_least, show.names),
        what: vec![summary(lines, pieces, show)],
        limits: match (kinds.len(), first) {
            (1, Some(only)) => only.limits(),
            _ => many_limits(&kinds),
        },
        sensitivity: first.map_or(Sensitivity::default(), |kind| kind.sensitivity.0),
        privileged: match (reasons.len(), reasons.first()) {
            (0, _) | (_, None) => None,
            (1, Some(only)) => Some((*only).clone()),
            (n, Some(first)) => Some(format!("{}, and {} more reasons", first.raw(), n.saturating_sub(1)).into()),
        },
        way: match (paths.len(), paths.first()) {
            (1, Some(Some(only))) => path(only),
            (1, _) | (_, None) => Sentence::new(),
            (n, _) => Sentence::of(format!("{} different paths", number(count(n)))),
        },
        elsewhere: elsewhere(&kinds),
        pieces,
    }
}

/// The other paths by which accesses of a group can be reached, and whether that applies to all of them.
fn elsewhere(kinds: &BTreeSet<Kind<'_>>) -> Option<Sentence> {
    let paths: BTreeSet<&AccessPath> = kinds.iter().filter_map(|kind| kind.elsewhere).collect();
    let first = paths.first()?;
    let says = match paths.len() {
        1 => through(first),
        n => Sentence::of(format!("{} different paths", number(count(n)))),
    };
    let is_all = kinds.iter().all(|kind| kind.elsewhere.is_some());
    Some(if is_all { says } else { says.own(", but not all of it") })
}

/// `312 accesses: 12 actions such as … on 40 resources such as …`.
fn summary(lines: &[&GroupLine<'_>], pieces: u64, show: Limits) -> Sentence {
    let actions: BTreeSet<&Text> = lines.iter().map(|line| line.action).collect();
    let resources: BTreeSet<&Text> = lines.iter().map(|line| line.resource).collect();
    let out = Sentence::of(format!("{}: ", counted(pieces, "access", "accesses")));
    let out = out.then(names_or_count(&actions, show.names.saturating_mul(2), "actions", |t| class(t).0));
    out.own(" on ").then(names_or_count(&resources, show.names, "resources", place))
}

/// The names if they are few; otherwise their number and common prefixes.
fn names_or_count(names: &BTreeSet<&Text>, most: usize, what: &'static str, begin: impl Fn(&str) -> &str) -> Sentence {
    if names.len() <= most {
        return Sentence::new().names(names.iter().copied());
    }
    let begins: BTreeSet<&str> = names.iter().map(|name| begin(name.raw())).filter(|b| !b.is_empty()).collect();
    let out = Sentence::of(format!("{} {what}", number(count(names.len()))));
    if begins.is_empty() {
        return out;
    }
    let begins: Vec<Text> = begins.into_iter().map(|b| Text::from(format!("{b}*"))).collect();
    out.own(" of ").few_names(&begins, most)
}

fn many_limits(kinds: &BTreeSet<Kind<'_>>) -> Sentence {
    let conditions = kinds.iter().filter(|kind| kind.condition.is_some()).count();
    let exceptions = kinds.iter().filter(|kind| !kind.exceptions.is_empty()).count();
    let latest = kinds.iter().map(|kind| kind.until).reduce(|a, b| Some(a?.max(b?))).flatten();
    let mut out = match latest {
        _ if kinds.iter().all(|kind| kind.stated) => Sentence::new(),
        Some(until) => Sentence::of(format!(" until {until} at the latest")),
        None => Sentence::of(", some with no expiry"),
    };
    if conditions > 0 {
        out = out.own(", some of them under conditions");
    }
    if exceptions > 0 {
        out = out.own(", some of them with exceptions");
    }
    out
}

/// The kind of an action: the service and the first word of its name, as in `s3:GetObject` (`s3:`, `Get`).
fn class(action: &str) -> (&str, &str) {
    let (service, name) = match action.find(':') {
        Some(at) => action.split_at(at.saturating_add(1)),
        None => ("", action),
    };
    let end = name.char_indices().skip(1).find(|(_, c)| !c.is_lowercase()).map_or(name.len(), |(at, _)| at);
    (service, name.get(..end).unwrap_or(name))
}

/// The kind of a resource: its name up to the third colon of an ARN, or up to the first separator.
fn place(resource: &str) -> &str {
    let nth = if resource.starts_with("arn:") { 2 } else { 0 };
    let mut separators = resource.char_indices().filter(|(_, c)| matches!(c, ':' | '/'));
    separators.nth(nth).map_or(resource, |(at, _)| resource.get(..=at).unwrap_or(resource))
}

/// Holders and scopes: `1,658 groups and at least 3 identities, each in a scope of its own`.
fn who(pairs: &[Pair<'_>], at_least: bool, names: usize) -> Sentence {
    let holders: BTreeSet<AccessHolder<'_>> = pairs.iter().map(|(s, _)| *s).collect();
    let scopes: BTreeSet<Option<&ResourceId>> = pairs.iter().map(|(_, s)| *s).collect();
    let stated = holders.iter().all(|holder| matches!(holder, AccessHolder::Role(_)));
    let out = match (holders.len(), holders.first()) {
        (1, Some(AccessHolder::Subject(only))) => subject(only),
        (1, Some(AccessHolder::Role(only))) => Sentence::of("role ").id(only),
        _ => many(&holders, at_least, names),
    };
    if stated && scopes.iter().all(Option::is_none) {
        return out;
    }
    let out = out.own(" ");
    match (scopes.len(), scopes.first()) {
        (1, Some(only)) => out.then(scope(*only)),
        (n, _) if n == pairs.len() && n == holders.len() => out.own("each in a scope of its own"),
        (n, _) => {
            let out = out.own(format!("in {} (", counted(count(n), "scope", "scopes")));
            let listed = some_names(scopes.iter().map(|s| s.map(ResourceId::text)), names);
            out.then(listed).own(")")
        }
    }
}

fn many(holders: &BTreeSet<AccessHolder<'_>>, at_least: bool, names: usize) -> Sentence {
    let of = |wanted: &dyn Fn(&AccessHolder<'_>) -> bool| count(holders.iter().filter(|h| wanted(h)).count());
    let groups = of(&|h| matches!(h, AccessHolder::Subject(Subject::Group(_))));
    let identities = of(&|h| matches!(h, AccessHolder::Subject(Subject::Identity(_))));
    let roles = of(&|h| matches!(h, AccessHolder::Role(_)));
    let mut parts = Vec::new();
    if groups > 0 {
        parts.push(counted(groups, "group", "groups"));
    }
    if identities > 0 {
        let least = if at_least { "at least " } else { "" };
        parts.push(format!("{least}{}", counted(identities, "identity", "identities")));
    }
    if roles > 0 {
        parts.push(counted(roles, "role", "roles"));
    }
    let text = |holder: &AccessHolder<'_>| match holder {
        AccessHolder::Subject(subject) => subject.text(),
        AccessHolder::Role(role) => role.text(),
    };
    Sentence::of(format!("{} (", parts.join(" and ")))
        .then(some_names(holders.iter().map(|h| Some(text(h))), names))
        .own(")")
}

/// The first names of a list, and the number of the others.
fn some_names(names: impl Iterator<Item = Option<Text>>, show: usize) -> Sentence {
    let all: Vec<Option<Text>> = names.collect();
    let mut out = Sentence::new();
    for (at, name) in all.iter().take(show).enumerate() {
        if at > 0 {
            out = out.own(", ");
        }
        out = match name {
            Some(name) => out.name(name),
            None => out.own("everywhere"),
        };
    }
    match all.len().saturating_sub(show) {
        0 => out,
        more => out.own(format!(" and {} more", number(count(more)))),
    }
}

/// Resources with the same actions are one line, and each of them is named.
fn accesses_of(what: &Actions<'_>) -> Vec<Sentence> {
    let mut lines: BTreeMap<&[&Text], Vec<&Text>> = BTreeMap::new();
    for (resource, actions) in what {
        lines.entry(actions).or_default().push(resource);
    }
    let line = |(actions, resources): (&[&Text], Vec<&Text>)| {
        Sentence::new().names(actions.iter().copied()).own(" on ").names(resources)
    };
    lines.into_iter().map(line).collect()
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

/// Holders that share accesses in the same scopes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The holders and scopes.
    pub who: Sentence,
    /// The accesses: one sentence per set of actions, or the summary of a group.
    pub what: Vec<Sentence>,
    /// Expiry, condition and exceptions.
    pub limits: Sentence,
    /// The sensitivity by classification.
    pub sensitivity: Sensitivity,
    /// Why it is privileged, if it is.
    pub privileged: Option<Text>,
    /// One path to it, that of the first subject; empty if there is nothing to show.
    pub way: Sentence,
    /// For gains: the path by which they could already be reached. For losses: the path by which they still can.
    pub elsewhere: Option<Sentence>,
    /// The number of accesses it represents.
    pub pieces: u64,
}

#[cfg(test)]
#[path = "groups_tests.rs"]
mod tests;
