//! Long lists of access, summarised for people.
//!
//! In: the pieces that a change gains or loses. Out: the same pieces with totals, and bundles: accesses that the same
//! subjects hold in the same places stand together, and so do subjects with identical access. What is left out of a
//! bundle is counted here, so a renderer never counts. The pieces themselves are kept whole.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::model::facts::{AccessDelta, AccessPath, Exception};
use crate::input::entitlement::Sensitivity;
use crate::input::id::{ResourceId, Subject};
use crate::input::text::Text;
use crate::input::time::Time;

use super::sentence::{Sentence, counted, limits, number, path, scope, subject, through};

/// How much of a long list is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bundles of a list.
    pub bundles: usize,
    /// Lines of accesses in a bundle.
    pub accesses: usize,
    /// Names in one line: subjects, scopes, actions, resources.
    pub names: usize,
    /// Reasons, escalations, conflicts and groups, of each.
    pub facts: usize,
}

impl Limits {
    /// For a card or a pull request.
    pub const SHORT: Self = Self { bundles: 8, accesses: 6, names: 4, facts: 4 };
    /// For the details.
    pub const ALL: Self = Self { bundles: usize::MAX, accesses: usize::MAX, names: usize::MAX, facts: usize::MAX };

    /// How much each of so many changes lists for machines, where all of them together have so many accesses and other facts.
    #[must_use]
    pub fn listed(self, changes: usize, accesses: usize, facts: usize) -> Listed {
        let share = |all: usize, is: usize, least: usize| {
            if self == Self::ALL || is <= all { usize::MAX } else { all.checked_div(changes).unwrap_or(all).max(least) }
        };
        let is_all = self == Self::ALL;
        Listed {
            accesses: share(100_000, accesses, 20),
            facts: share(5_000, facts, 2),
            names: if is_all { usize::MAX } else { 20 },
            shown: if is_all { usize::MAX } else { 200 },
        }
    }
}

/// How much a change lists for machines. What lies beyond is counted, and counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Accesses of a list.
    pub accesses: usize,
    /// Escalations, conflicts, and pieces that only the whole plan gives, of each.
    pub facts: usize,
    /// Names of the changes that give such a piece.
    pub names: usize,
    /// How many of the facts people are shown.
    pub shown: usize,
}

/// Accesses that are gained or lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessList {
    /// Every piece, sorted by subject, then access.
    pub pieces: Vec<AccessDelta>,
    /// How many they are.
    pub total: u64,
    /// How many of them are privileged.
    pub privileged: u64,
    /// Whether there may be more subjects, because a group's members are not all known.
    pub at_least: bool,
    /// The shown part, worst first.
    pub bundles: Vec<Bundle>,
    /// What is not shown, where something is not.
    pub more: Option<Sentence>,
}

/// Subjects that share accesses in the same places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// Whose access, and where.
    pub who: Sentence,
    /// What access: one sentence per set of actions.
    pub what: Vec<Sentence>,
    /// Until when, on which condition, except for what.
    pub limits: Sentence,
    /// What the classification says.
    pub sensitivity: Sensitivity,
    /// Why it is privileged, if it is.
    pub privileged: Option<Text>,
    /// One way that gives it, that of the first subject.
    pub way: Sentence,
    /// Of gains: through what they could be reached before. Of losses: through what they can be reached still.
    pub elsewhere: Option<Sentence>,
    /// How many pieces stand in it.
    pub pieces: u64,
}

/// Actions by resource.
type Actions<'p> = BTreeMap<&'p Text, Vec<&'p Text>>;
/// Whose, and where.
type Pair<'p> = (&'p Subject, Option<&'p ResourceId>);

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Kind<'p> {
    unprivileged: bool,
    privileged: Option<&'p Text>,
    sensitivity: std::cmp::Reverse<Sensitivity>,
    condition: Option<&'p Text>,
    until: Option<Time>,
    exceptions: &'p [Exception],
    elsewhere: Option<&'p AccessPath>,
}

impl AccessList {
    /// Summarises pieces. `at_least`: there may be more subjects, because a group's members are not all known.
    #[must_use]
    pub fn of(pieces: &[AccessDelta], at_least: bool, show: Limits) -> Self {
        let mut held: BTreeMap<(Kind<'_>, &Text, &Text), (Vec<Pair<'_>>, &AccessPath)> = BTreeMap::new();
        for piece in pieces {
            let access = &piece.access;
            let kind = Kind {
                unprivileged: piece.privileged.is_none(),
                privileged: piece.privileged.as_ref(),
                sensitivity: std::cmp::Reverse(piece.sensitivity),
                condition: access.condition.as_ref(),
                until: access.until,
                exceptions: &access.exceptions,
                elsewhere: piece.elsewhere.as_ref(),
            };
            let entry = held.entry((kind, &access.resource, &access.action));
            entry.or_insert_with(|| (Vec::new(), &piece.path)).0.push((&piece.subject, access.scope.as_ref()));
        }
        // WHY: the way is part of the key, so that the one way shown is true for every access beside it.
        let mut together: BTreeMap<(Kind<'_>, Vec<Pair<'_>>, &AccessPath), Actions<'_>> = BTreeMap::new();
        for ((kind, resource, action), (pairs, way)) in held {
            together.entry((kind, pairs, way)).or_default().entry(resource).or_default().push(action);
        }
        let mut bundles: Vec<Bundle> = together
            .into_iter()
            .map(|((kind, pairs, way), what)| bundle(&kind, &pairs, &what, way, at_least, show))
            .collect();
        // WHY: the map already puts privileged and sensitive ones first; within those the same way comes once, and the
        // largest first.
        bundles.sort_by_cached_key(|b| {
            let gravity = (b.privileged.is_none(), std::cmp::Reverse(b.sensitivity));
            (gravity, b.way.terminal(), std::cmp::Reverse(b.pieces))
        });
        let left: Vec<Bundle> = bundles.split_off(bundles.len().min(show.bundles));
        Self {
            pieces: pieces.to_vec(),
            total: count(pieces.len()),
            privileged: count(pieces.iter().filter(|p| p.privileged.is_some()).count()),
            at_least,
            bundles,
            more: rest(&left),
        }
    }

    /// The same list, with nothing left out.
    #[must_use]
    pub fn in_full(&self) -> Self {
        Self::of(&self.pieces, self.at_least, Limits::ALL)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }
}

fn rest(left: &[Bundle]) -> Option<Sentence> {
    if left.is_empty() {
        return None;
    }
    let mut levels: BTreeMap<std::cmp::Reverse<Sensitivity>, u64> = BTreeMap::new();
    for bundle in left {
        *levels.entry(std::cmp::Reverse(bundle.sensitivity)).or_default() += bundle.pieces;
    }
    let privileged: u64 = left.iter().filter(|b| b.privileged.is_some()).map(|b| b.pieces).sum();
    let total: u64 = left.iter().map(|b| b.pieces).sum();
    let by: Vec<String> = levels.iter().map(|(level, n)| format!("{} {}", number(*n), level.0.name())).collect();
    Some(Sentence::of(format!(
        "and {} more, of sensitivity: {}; {} privileged",
        counted(total, "access", "accesses"),
        by.join(", "),
        if privileged == 0 { "none".to_owned() } else { number(privileged) },
    )))
}

fn bundle(
    kind: &Kind<'_>,
    pairs: &[Pair<'_>],
    what: &BTreeMap<&Text, Vec<&Text>>,
    way: &AccessPath,
    at_least: bool,
    show: Limits,
) -> Bundle {
    let accesses: usize = what.values().map(Vec::len).sum();
    Bundle {
        who: who(pairs, at_least, show.names),
        what: accesses_of(what, show),
        limits: limits(kind.until, kind.condition, kind.exceptions),
        sensitivity: kind.sensitivity.0,
        privileged: kind.privileged.cloned(),
        way: path(way),
        elsewhere: kind.elsewhere.map(through),
        pieces: count(accesses.saturating_mul(pairs.len())),
    }
}

/// Whose access, and where: `1,658 groups and at least 3 identities, each in a scope of its own`.
fn who(pairs: &[Pair<'_>], at_least: bool, names: usize) -> Sentence {
    let subjects: BTreeSet<&Subject> = pairs.iter().map(|(s, _)| *s).collect();
    let scopes: BTreeSet<Option<&ResourceId>> = pairs.iter().map(|(_, s)| *s).collect();
    let out = match (subjects.len(), subjects.first()) {
        (1, Some(only)) => subject(only),
        _ => many_subjects(&subjects, at_least, names),
    };
    let out = out.own(" ");
    match (scopes.len(), scopes.first()) {
        (1, Some(only)) => out.then(scope(*only)),
        (n, _) if n == pairs.len() && n == subjects.len() => out.own("each in a scope of its own"),
        (n, _) => {
            let out = out.own(format!("in {} (", counted(count(n), "scope", "scopes")));
            let listed = some_names(scopes.iter().map(|s| s.map(ResourceId::text)), names);
            out.then(listed).own(")")
        }
    }
}

fn many_subjects(subjects: &BTreeSet<&Subject>, at_least: bool, names: usize) -> Sentence {
    let groups = subjects.iter().filter(|s| matches!(s, Subject::Group(_))).count();
    let identities = subjects.len() - groups;
    let mut parts = Vec::new();
    if groups > 0 {
        parts.push(counted(count(groups), "group", "groups"));
    }
    if identities > 0 {
        let least = if at_least { "at least " } else { "" };
        parts.push(format!("{least}{}", counted(count(identities), "identity", "identities")));
    }
    Sentence::of(format!("{} (", parts.join(" and ")))
        .then(some_names(subjects.iter().map(|s| Some(s.text())), names))
        .own(")")
}

/// The first names of a list, and how many there are beside.
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

/// Resources with the same actions stand in one line.
fn accesses_of(what: &BTreeMap<&Text, Vec<&Text>>, show: Limits) -> Vec<Sentence> {
    let mut lines: BTreeMap<&[&Text], Vec<&Text>> = BTreeMap::new();
    for (resource, actions) in what {
        lines.entry(actions).or_default().push(resource);
    }
    let mut out: Vec<Sentence> = Vec::new();
    let mut left = 0;
    for (at, (actions, resources)) in lines.iter().enumerate() {
        if at < show.accesses {
            // WHY: two thirds of Kubernetes' verbs are often granted together; eight of them fit in a line.
            let listed = some_names(actions.iter().map(|a| Some((*a).clone())), show.names.saturating_mul(2));
            let on = some_names(resources.iter().map(|r| Some((*r).clone())), show.names);
            out.push(listed.own(" on ").then(on));
        } else {
            left += actions.len() * resources.len();
        }
    }
    if left > 0 {
        out.push(Sentence::of(format!("and {} more here", counted(count(left), "access", "accesses"))));
    }
    out
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples::piece;

    #[test]
    fn identical_access_across_subjects_is_one_bundle() {
        let mut pieces: Vec<AccessDelta> = (0..2_500)
            .map(|n| piece(&format!("group:t{n:04}"), "get", "core:secrets#*", Some(&format!("ns:t{n:04}"))))
            .collect();
        pieces.extend(["u1", "u2", "u3"].map(|u| piece(u, "get", "core:secrets#*", Some(&format!("ns:{u}")))));
        let list = AccessList::of(&pieces, true, Limits::SHORT);
        assert_eq!(list.total, 2_503);
        assert_eq!(list.bundles.len(), 1);
        let bundle = list.bundles.first().unwrap();
        assert!(bundle.who.terminal().starts_with("2,500 groups and at least 3 identities ("), "{:?}", bundle.who);
        assert!(bundle.who.terminal().ends_with("each in a scope of its own"));
        assert_eq!(bundle.pieces, 2_503);
        assert_eq!(list.more, None);
    }

    #[test]
    fn what_is_not_shown_is_counted() {
        let pieces: Vec<AccessDelta> =
            (0..40).map(|n| piece(&format!("u{n:02}"), "get", &format!("r{n:02}"), Some("ns:a"))).collect();
        let list = AccessList::of(&pieces, false, Limits::SHORT);
        assert_eq!(list.bundles.len(), 8);
        let more = list.more.unwrap().terminal();
        assert_eq!(more, "and 32 accesses more, of sensitivity: 32 low; none privileged");
        let shown: u64 = list.bundles.iter().map(|b| b.pieces).sum();
        assert_eq!(shown + 32, list.total);
    }

    #[test]
    fn a_way_stands_only_beside_accesses_that_it_gives() {
        use crate::access::model::facts::PathStep;
        let mut pieces = vec![piece("u", "read", "ledger", None), piece("u", "write", "ledger", None)];
        let holds: AccessPath =
            [PathStep::Holds("writer".into(), "a".into(), crate::input::entitlement::Mode::Standing)].into();
        for one in &mut pieces {
            one.path.clone_from(&holds);
        }
        pieces[0].path = holds.iter().cloned().chain([PathStep::Includes("reader".into())]).collect();
        let list = AccessList::of(&pieces, false, Limits::SHORT);
        let said: Vec<(String, bool)> =
            list.bundles.iter().map(|b| (b.what[0].terminal(), b.way.terminal().contains("reader"))).collect();
        assert_eq!(said, [("`write` on `ledger`".to_owned(), false), ("`read` on `ledger`".to_owned(), true)]);
    }

    #[test]
    fn actions_on_the_same_resources_stand_in_one_line() {
        let pieces: Vec<AccessDelta> = ["core:pods#*", "core:services#*"]
            .iter()
            .flat_map(|r| ["get", "list", "watch"].map(|a| piece("u", a, r, None)))
            .collect();
        let list = AccessList::of(&pieces, false, Limits::SHORT);
        let bundle = list.bundles.first().unwrap();
        let said: Vec<String> = bundle.what.iter().map(Sentence::terminal).collect();
        assert_eq!(said, ["`get`, `list`, `watch` on `core:pods#*`, `core:services#*`"]);
        assert_eq!(bundle.who.terminal(), "identity `u` everywhere");
    }
}
