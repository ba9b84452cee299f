//! Which systems a snapshot describes, and to which of them things belong.
//!
//! A snapshot of one system has one target. A merged snapshot has a part for each system, and each part lists the ids
//! that it holds. The parts of a set of names are those that hold at least one of them; where none does, as for what a
//! plan creates, all parts count. Costs one binary search for each name and part.

use super::model::{Snapshot, SystemPart, SystemTarget};
use crate::input::system::System;
use crate::input::text::Text;

/// A system that a snapshot describes: its source and, if it is known, its target.
pub type DescribedSystem<'s> = (&'s Text, Option<&'s SystemTarget>);

impl Snapshot {
    /// The systems that the snapshot describes, sorted by source and target.
    #[must_use]
    pub fn systems(&self) -> Vec<DescribedSystem<'_>> {
        if self.parts.is_empty() {
            return vec![(&self.source, self.target.as_ref())];
        }
        sorted(self.parts.iter().map(system).collect())
    }

    /// Whether it was merged from several systems, so that the ids of parts have prefixes.
    #[must_use]
    pub fn is_estate(&self) -> bool {
        self.parts.iter().any(|part| part.prefix.is_some())
    }

    /// The targets that the snapshot names, sorted.
    #[must_use]
    pub fn targets(&self) -> Vec<SystemTarget> {
        let mut targets: Vec<SystemTarget> =
            self.systems().into_iter().filter_map(|(_, target)| target.cloned()).collect();
        targets.sort();
        targets.dedup();
        targets
    }

    /// The systems that hold at least one of some names; if none does, all of them.
    #[must_use]
    pub fn systems_of<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Vec<DescribedSystem<'_>> {
        if self.parts.len() < 2 {
            return self.systems();
        }
        let names: Vec<&str> = names.into_iter().collect();
        let is_meant = |part: &&SystemPart| names.iter().any(|name| part.has(name));
        let found: Vec<DescribedSystem<'_>> = self.parts.iter().filter(is_meant).map(system).collect();
        if found.is_empty() { self.systems() } else { sorted(found) }
    }

    /// The ids by which a part of a merged snapshot knows what this one holds, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<Text> {
        let mut names: Vec<Text> = Vec::new();
        names.extend(self.identities.iter().map(|it| it.id.text()));
        names.extend(self.groups.iter().map(|it| it.id.text()));
        names.extend(self.roles.iter().map(|it| it.id.text()));
        names.extend(self.resources.iter().map(|it| it.id.text()));
        names.extend(self.trusts.iter().map(|it| it.id.text()));
        names.sort();
        names.dedup();
        names
    }
}

impl SystemPart {
    /// The prefix of its ids, with the system of its objects; `None` if its ids have none.
    #[must_use]
    pub fn prefixed(&self) -> Option<(String, System)> {
        let prefix = self.prefix.as_ref()?.raw();
        let system = System::named(&self.source).of_part(prefix.trim_end_matches(':'));
        Some((prefix.to_owned(), system))
    }

    fn has(&self, name: &str) -> bool {
        if let Some(prefix) = &self.prefix {
            return name.starts_with(prefix.raw());
        }
        self.holds.binary_search_by(|known| known.raw().cmp(name)).is_ok()
    }
}

fn system(part: &SystemPart) -> DescribedSystem<'_> {
    (&part.source, part.target.as_ref())
}

fn sorted(mut systems: Vec<DescribedSystem<'_>>) -> Vec<DescribedSystem<'_>> {
    systems.sort();
    systems.dedup();
    systems
}
