//! The permissions, includes, kinds of identity, owner and label that a change states or grants, in the form of the
//! report.
//!
//! Builds a [`ContentsReport`] from the contents of a change and its gains. A definition is shown completely; a grant
//! only as far as its gains do not show it already. Linear in the permissions.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::effects::StatedList;
use super::sentence::{Sentence, counted, number};
use crate::access::model::facts::{Access, ChangeFacts, Contents, Fate, Federation, Isolation, RoleLabels, Stated};
use crate::input::entitlement::{Effect, IdentityKind};
use crate::input::text::Text;
use crate::report::limits::Limits;

/// Permissions to which a change does the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatedAs {
    /// What the change does to them: `allows`, `also gives`, `no longer denies`, …
    pub verb: &'static str,
    /// The same for programs: `added`, `removed`, `kept`.
    pub fate: &'static str,
    /// `+`, `-` or a blank.
    pub sign: char,
    /// The permissions.
    pub list: StatedList,
}

/// What an assignment says that gives less now than it assigns.
const BLOCKED: &str =
    "a deny, a limit or a disabled identity blocks some of this access now; it takes effect when that changes";

/// What a change states or grants, whether or not anyone gains access.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContentsReport {
    /// Permissions, by what the change does to them.
    pub lists: Vec<StatedAs>,
    /// Blocked access, borders crossed, includes, kinds of identity, owner and label: one sentence each.
    pub notes: Vec<Sentence>,
    /// The number of permissions granted that are privileged or unclassified and not part of a gain, or not listed at
    /// all.
    pub severe: u64,
}

impl StatedAs {
    /// The number of permissions, with what the change does to them.
    #[must_use]
    pub fn head(&self) -> String {
        let many = counted(self.list.stated.len() as u64, "permission", "permissions");
        // WHY: access that is already held, or covered by another access, is granted all the same.
        let why = if self.verb == "also gives" { ", none of it new access" } else { "" };
        format!("{} {many}{why}", self.verb)
    }
}

impl ContentsReport {
    /// The contents of a change, from the facts.
    #[must_use]
    pub fn of(facts: &ChangeFacts, show: Limits) -> Self {
        let contents = &facts.contents;
        let is_definition = facts.is_definition();
        let gained: HashSet<(&Text, &Text, Option<&Text>)> = if is_definition || contents.permissions.is_empty() {
            HashSet::new()
        } else {
            facts.effects.gained.iter().chain(&facts.effects.gained_eligible).map(|piece| what(&piece.access)).collect()
        };
        let mut by: BTreeMap<(Fate, Effect), Vec<Stated>> = BTreeMap::new();
        for it in contents.permissions.iter().filter(|it| !gained.contains(&what(&it.access))) {
            by.entry((it.fate, it.effect)).or_default().push(it.clone());
        }
        let lists: Vec<StatedAs> = by
            .into_iter()
            .map(|((fate, effect), stated)| StatedAs {
                verb: verb(fate, effect, is_definition),
                fate: fate.word(),
                sign: fate.sign(),
                list: StatedList::of(stated, show),
            })
            .collect();
        let gives = lists.iter().filter(|it| it.sign == '+').map(|it| it.list.severe).sum::<u64>();
        let frees = lists.iter().filter(|it| it.sign == '-').map(|it| severe_denies(&it.list)).sum::<u64>();
        let blocked = facts.blocked.then(|| Sentence::of(BLOCKED));
        let isolation = isolation(&facts.isolation, show.names);
        let notes = blocked.into_iter().chain(isolation).chain(notes(contents, is_definition)).collect();
        Self { lists, notes, severe: gives + frees + contents.not_listed }
    }

    /// The same, with complete lists.
    #[must_use]
    pub fn in_full(&self) -> Self {
        let full = |it: &StatedAs| StatedAs { list: StatedList::of(it.list.stated.clone(), Limits::ALL), ..it.clone() };
        Self { lists: self.lists.iter().map(full).collect(), ..self.clone() }
    }

    /// Whether there is nothing to show.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lists.is_empty() && self.notes.is_empty()
    }
}

impl ChangeFacts {
    /// Whether the change defines a role. Otherwise it grants one.
    fn is_definition(&self) -> bool {
        self.becomes.is_none()
    }
}

impl Fate {
    /// The name for programs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Kept => "kept",
        }
    }

    fn sign(self) -> char {
        match self {
            Self::Added => '+',
            Self::Removed => '-',
            Self::Kept => ' ',
        }
    }
}

fn what(access: &Access) -> (&Text, &Text, Option<&Text>) {
    (&access.action, &access.resource, access.condition.as_ref())
}

/// Removed denies give the access that they blocked.
fn severe_denies(list: &StatedList) -> u64 {
    let denies = list.stated.iter().all(|it| it.effect == Effect::Deny);
    if denies { list.severe } else { 0 }
}

fn verb(fate: Fate, effect: Effect, is_definition: bool) -> &'static str {
    match (fate, effect, is_definition) {
        (Fate::Added, Effect::Allow, true) => "allows",
        (Fate::Added, Effect::Deny, true) => "denies",
        (Fate::Added, Effect::Allow, false) => "also gives",
        (Fate::Added, Effect::Deny, false) => "also denies",
        (Fate::Removed, Effect::Allow, _) => "no longer allows",
        (Fate::Removed, Effect::Deny, _) => "no longer denies",
        (Fate::Kept, Effect::Allow, _) => "still allows",
        (Fate::Kept, Effect::Deny, _) => "still denies",
    }
}

/// The borders that a change crosses: between environments, organisations and token issuers. Names `most` identities each.
fn isolation(it: &Isolation, most: usize) -> Vec<Sentence> {
    let named = |words: &'static str, all: &BTreeSet<Text>| {
        let all: Vec<Text> = all.iter().cloned().collect();
        (!all.is_empty()).then(|| Sentence::of(words).few_names(&all, most))
    };
    let federation = it.federation.map(|Federation { subject, audience }| {
        let pins = match (subject, audience) {
            (true, true) => "names their subject and their audience",
            (true, false) => "names their subject, not their audience",
            (false, true) => "names their audience, not one subject",
            (false, false) => "names neither one subject nor their audience",
        };
        Sentence::of(format!("federation: trusts tokens of another issuer, and {pins}"))
    });
    let crossing = named("crosses environments; reaches more than one: ", &it.crossing);
    let third = named("third party; belongs to another organisation: ", &it.third_parties);
    [crossing, third, federation].into_iter().flatten().collect()
}

fn notes(contents: &Contents, is_definition: bool) -> Vec<Sentence> {
    let mut notes = Vec::new();
    for (fate, verb) in
        [(Fate::Added, "includes"), (Fate::Removed, "no longer includes"), (Fate::Kept, "still includes")]
    {
        let roles: Vec<Text> =
            contents.includes.iter().filter(|(_, it)| *it == fate).map(|(role, _)| role.text()).collect();
        if !roles.is_empty() {
            let noun = if roles.len() == 1 { "role" } else { "roles" };
            notes.push(Sentence::of(format!("{verb} {noun} ")).names(&roles));
        }
    }
    if let Some((before, after)) = &contents.labels {
        labels(&mut notes, before.as_ref(), after.as_ref(), is_definition);
    }
    if contents.not_listed > 0 {
        notes.push(Sentence::of(format!("{} more permissions are not listed", number(contents.not_listed))));
    }
    notes
}

/// The labels of a role; for a redefinition also the earlier ones that differ.
fn labels(notes: &mut Vec<Sentence>, before: Option<&RoleLabels>, after: Option<&RoleLabels>, is_definition: bool) {
    let Some(now) = after else { return };
    let was = |differs: bool, sentence: Sentence, old: Option<Sentence>| match old.filter(|_| differs) {
        Some(old) => sentence.own(" (before: ").then(old).own(")"),
        None => sentence,
    };
    if is_definition || !now.kinds.is_empty() {
        let old = before.map(|it| kinds(it.kinds.iter()));
        let differs = before.is_some_and(|it| it.kinds != now.kinds);
        notes.push(was(differs, Sentence::of("meant for ").then(kinds(now.kinds.iter())), old));
    }
    let Some(before) = before else { return };
    if before.owner != now.owner {
        let owner =
            |it: &RoleLabels| it.owner.as_ref().map_or_else(|| Sentence::of("no one"), |id| Sentence::new().id(id));
        notes.push(was(true, Sentence::of("owned by ").then(owner(now)), Some(owner(before))));
    }
    if before.sensitivity != now.sensitivity {
        let label = |it: &RoleLabels| Sentence::of(it.sensitivity.map_or("none", |level| level.name()));
        notes.push(was(true, Sentence::of("label: ").then(label(now)), Some(label(before))));
    }
}

fn kinds<'k>(kinds: impl Iterator<Item = &'k IdentityKind>) -> Sentence {
    let words: Vec<String> = kinds.map(|kind| kind.name().replace('_', " ")).collect();
    Sentence::of(if words.is_empty() { "every kind of identity".to_owned() } else { words.join(", ") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::tests::build::{allow, grant, one, snapshot};

    #[test]
    fn the_borders_that_a_change_crosses_are_one_line_each() {
        let world =
            snapshot("x").identity("svc:ci", IdentityKind::ServiceAccount).role("reader", &[allow("read", "*")]);
        let mut facts = one(&world, grant("svc:ci", "reader", None));
        let shown = |facts: &ChangeFacts| -> Vec<String> {
            let report = ContentsReport::of(facts, Limits { names: 1, ..Limits::ALL });
            report.notes.iter().map(Sentence::terminal).collect()
        };
        assert_eq!(shown(&facts), [""; 0], "it crosses none");
        facts.isolation = Isolation {
            crossing: BTreeSet::from(["svc:ci".into()]),
            third_parties: BTreeSet::from(["user:bob".into(), "user:eve".into()]),
            federation: Some(Federation { subject: false, audience: true }),
        };
        assert_eq!(
            shown(&facts),
            [
                "crosses environments; reaches more than one: `svc:ci`",
                "third party; belongs to another organisation: `user:bob` and 1 more",
                "federation: trusts tokens of another issuer, and names their audience, not one subject",
            ]
        );
    }
}
