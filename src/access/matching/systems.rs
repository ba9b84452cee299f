//! The systems of a snapshot: the system of each object, and the dialect in which its patterns are compared.
//!
//! A snapshot may contain objects of several systems. An object of the snapshot's main system has no mark; any other is
//! marked with its system ([`Mark`]), so two accesses belong to the same system exactly if their marks are equal. An
//! object of unknown system in a snapshot of several systems has no mark either: rules and requirements of every system
//! apply to it, and it is compared as text.

use crate::access::matching::dialect::Dialect;
use crate::access::matching::kubernetes_pattern::ClusterScoped;
use crate::input::entitlement::Requirement;
use crate::input::id::ResourceId;
use crate::input::system::System;
use crate::snapshot::model::{Role, Snapshot, SystemPart, Trust};

/// The system of an object, if it differs from that of the whole snapshot.
pub type Mark = Option<System>;

/// The systems of a snapshot; built once.
#[derive(Debug)]
pub(crate) struct KnownSystems {
    whole: Option<System>,
    cluster_scoped: ClusterScoped,
    /// For each part of a merged snapshot whose ids have a prefix: the prefix, and the system.
    prefixes: Vec<(String, System)>,
    /// Whether there is only one system.
    is_single: bool,
}

impl KnownSystems {
    pub(crate) fn new(snapshot: &Snapshot) -> Self {
        let whole = snapshot.whole_system();
        let mut systems = snapshot.roles.iter().map(|role| role.system(whole.as_ref()));
        Self {
            is_single: whole.is_some() && systems.all(|system| system == whole),
            cluster_scoped: ClusterScoped::new(&snapshot.cluster_scoped),
            prefixes: snapshot.parts.iter().filter_map(SystemPart::prefixed).collect(),
            whole,
        }
    }

    pub(crate) fn systems(&self) -> Systems<'_> {
        Systems { known: self }
    }
}

/// The systems of a snapshot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Systems<'s> {
    known: &'s KnownSystems,
}

impl<'s> Systems<'s> {
    /// Whether everything in the snapshot belongs to one system.
    pub(crate) fn is_single(self) -> bool {
        self.known.is_single
    }

    /// The system of the whole snapshot.
    pub(crate) fn whole(self) -> Option<&'s System> {
        self.known.whole.as_ref()
    }

    /// The system of a mark; `None`: any.
    pub(crate) fn of<'m>(self, mark: Option<&'m System>) -> Option<&'m System>
    where
        's: 'm,
    {
        mark.or(self.known.whole.as_ref())
    }

    /// The system of an object that is not in the snapshot, such as a role that a plan creates. WHY: in a snapshot of
    /// one system, a name in the plan cannot select another system.
    pub(crate) fn of_new(self, id: &str) -> Option<System> {
        let whole = self.known.whole.as_ref();
        if let Some((_, system)) = self.part_of(id) {
            return Some(system.clone());
        }
        if self.known.is_single { whole.cloned() } else { System::of_object(None, id, whole) }
    }

    /// The mark of a system.
    pub(crate) fn mark(self, system: Option<System>) -> Mark {
        system.filter(|system| Some(system) != self.known.whole.as_ref())
    }

    /// The mark of the permissions of a role.
    pub(crate) fn of_role(self, role: &Role) -> Mark {
        self.mark(role.system(self.known.whole.as_ref()))
    }

    /// The requirement of a trust, with its system.
    pub(crate) fn required(self, trust: &Trust) -> Option<Requirement> {
        let system = || trust.system(self.known.whole.as_ref());
        trust.requires.as_ref().map(|requires| Requirement { system: system(), ..requires.clone() })
    }

    /// How patterns with a mark are compared.
    pub(crate) fn dialect(self, mark: Option<&System>) -> Dialect<'s> {
        Dialect::of(self.of(mark))
    }

    /// The same, within or outside a namespace.
    pub(crate) fn dialect_in(self, mark: Option<&System>, in_namespace: bool) -> Dialect<'s> {
        let dialect = self.dialect(mark);
        if in_namespace { dialect.in_namespace(&self.known.cluster_scoped) } else { dialect }
    }

    /// Whether a rule, path or requirement of a system applies to an object with a mark; without a system it applies to
    /// all.
    pub(crate) fn concerns(self, system: Option<&System>, mark: Option<&System>) -> bool {
        match (system, self.of(mark)) {
            (Some(system), Some(of)) => system == of,
            (None, _) | (_, None) => true,
        }
    }

    /// How a pattern with a mark is compared with a requirement of a system that [`Self::concerns`] it.
    pub(crate) fn dialect_for(self, system: Option<&System>, mark: Option<&System>, in_namespace: bool) -> Dialect<'s> {
        let dialect = Dialect::of(self.of(mark).or(system));
        if in_namespace { dialect.in_namespace(&self.known.cluster_scoped) } else { dialect }
    }

    fn part_of(self, id: &str) -> Option<&'s (String, System)> {
        self.known.prefixes.iter().find(|(prefix, _)| id.starts_with(prefix))
    }

    /// An id without the prefix of its part of a merged snapshot, as its own system writes it.
    pub(crate) fn local(self, id: &str) -> &str {
        self.part_of(id).and_then(|(prefix, _)| id.strip_prefix(prefix.as_str())).unwrap_or(id)
    }

    /// The prefix of an id by its part of a merged snapshot; empty if it has none.
    pub(crate) fn prefix(self, id: &str) -> &'s str {
        self.part_of(id).map_or("", |(prefix, _)| prefix.as_str())
    }

    /// The ids that an id of a kind of system may have: as it is, and with the prefix of each part of that kind.
    pub(crate) fn with_prefix(self, kind: &System, id: &str) -> Vec<String> {
        let parts = self.known.prefixes.iter().filter(|(_, system)| system.kind() == *kind);
        std::iter::once(id.to_owned()).chain(parts.map(|(prefix, _)| format!("{prefix}{id}"))).collect()
    }

    /// Whether a scope is a Kubernetes namespace.
    pub(crate) fn is_namespace(self, scope: &ResourceId) -> bool {
        self.local(scope.as_str()).starts_with("ns:")
    }

    /// Whether objects of a system may be in the snapshot.
    pub(crate) fn may_hold(self, system: Option<&System>) -> bool {
        !self.known.is_single || system.is_none_or(|system| Some(system) == self.known.whole.as_ref())
    }
}
