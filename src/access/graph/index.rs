//! Lookups over a snapshot, built once.
//!
//! Provides assignments, memberships and trusts in both directions, by borrowed names. Cost: linear in the snapshot,
//! with a small constant; lookups that are rarely needed are built on first use. Never alters the snapshot and never
//! iterates over a hash map.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use crate::access::graph::environments::EnvironmentIndex;
use crate::access::graph::trust_rules::Rules;
use crate::access::matching::pattern::id_matches;
use crate::access::matching::systems::{KnownSystems, Systems};
use crate::input::entitlement::{Requirement, Sensitivity};
use crate::input::id::{AssignmentId, GroupId, IdentityId, ResourceId, RoleId, Subject};
use crate::input::intern::ByName;
use crate::snapshot::model::{Assignment, Group, Identity, Resource, Role, Snapshot, Trust};

/// Indices of equal keys in a list, chained through the list, without an allocation per key.
#[derive(Debug, Default)]
struct Chains<'a> {
    first: ByName<'a, u32>,
    next: Vec<u32>,
}

const NONE: u32 = u32::MAX;

impl<'a> Chains<'a> {
    /// Chains `keys` in their order; some may be absent.
    fn new(keys: impl DoubleEndedIterator<Item = Option<&'a str>> + ExactSizeIterator) -> Self {
        let length = keys.len();
        let mut chains = Self { first: ByName::default(), next: Vec::new() };
        for (at, key) in (0..length).rev().zip(keys.rev()) {
            let (Some(key), Ok(place)) = (key, u32::try_from(at)) else { continue };
            if let Some(later) = chains.first.insert(key, place) {
                // Without duplicate keys nothing needs to be chained.
                if chains.next.is_empty() {
                    chains.next = vec![NONE; length];
                }
                if let Some(slot) = chains.next.get_mut(at) {
                    *slot = later;
                }
            }
        }
        chains
    }

    fn of<'s>(&'s self, key: &str) -> impl Iterator<Item = usize> + use<'s, 'a> {
        let mut at = self.first.get(key).copied().unwrap_or(NONE);
        std::iter::from_fn(move || {
            let here = usize::try_from(at).ok().filter(|_| at != NONE)?;
            at = self.next.get(here).copied().unwrap_or(NONE);
            Some(here)
        })
    }
}

/// Lookups over one snapshot.
#[derive(Debug)]
pub struct Index<'a> {
    snapshot: &'a Snapshot,
    identities: ByName<'a, &'a Identity>,
    groups: ByName<'a, &'a Group>,
    roles: ByName<'a, &'a Role>,
    resources: ByName<'a, &'a Resource>,
    by_who: Chains<'a>,
    by_role: Chains<'a>,
    by_group: Chains<'a>,
    listed_in: ByName<'a, Vec<&'a Group>>,
    nested_in: ByName<'a, Vec<&'a Group>>,
    /// Groups with members by rule, by the prefix before the first `*` of the pattern.
    implicit: ByName<'a, Vec<(&'a Group, &'a str)>>,
    included_by: ByName<'a, Vec<&'a Role>>,
    children: ByName<'a, Vec<&'a Resource>>,
    trusts_from: ByName<'a, Vec<&'a Trust>>,
    trusts_from_patterns: Vec<&'a Trust>,
    trusts_to: ByName<'a, Vec<&'a Trust>>,
    limited_by: ByName<'a, Vec<&'a Identity>>,
    by_id: OnceLock<ByName<'a, usize>>,
    by_scope: OnceLock<Chains<'a>>,
    sorted: OnceLock<Vec<(&'a str, Subject)>>,
    rules: OnceLock<Rules>,
    systems: OnceLock<KnownSystems>,
    environments: OnceLock<EnvironmentIndex<'a>>,
    required: OnceLock<BTreeSet<Requirement>>,
    labels: OnceLock<Labels>,
}

/// The highest sensitivity labels above `low` of the tree of resources.
#[derive(Debug, Default)]
struct Labels {
    anywhere: Option<Sensitivity>,
    /// By resource: the highest label of it and of what is below it. Resources without such a label are absent.
    below: BTreeMap<ResourceId, Sensitivity>,
}

impl<'a> Index<'a> {
    /// Builds the lookups.
    #[must_use]
    pub fn new(snapshot: &'a Snapshot) -> Self {
        let assignments = &snapshot.assignments;
        let mut index = Self {
            snapshot,
            identities: snapshot.identities.iter().map(|i| (i.id.as_str(), i)).collect(),
            groups: snapshot.groups.iter().map(|g| (g.id.as_str(), g)).collect(),
            roles: snapshot.roles.iter().map(|r| (r.id.as_str(), r)).collect(),
            resources: snapshot.resources.iter().map(|r| (r.id.as_str(), r)).collect(),
            by_who: Chains::new(assignments.iter().map(|a| Some(a.who.raw()))),
            by_role: Chains::new(assignments.iter().map(|a| a.role.as_ref().map(RoleId::as_str))),
            by_group: Chains::new(assignments.iter().map(|a| a.member_of.as_ref().map(GroupId::as_str))),
            listed_in: ByName::default(),
            nested_in: ByName::default(),
            implicit: ByName::default(),
            included_by: ByName::default(),
            children: ByName::default(),
            trusts_from: ByName::default(),
            trusts_from_patterns: Vec::new(),
            trusts_to: ByName::default(),
            limited_by: ByName::default(),
            by_id: OnceLock::new(),
            by_scope: OnceLock::new(),
            sorted: OnceLock::new(),
            rules: OnceLock::new(),
            systems: OnceLock::new(),
            environments: OnceLock::new(),
            required: OnceLock::new(),
            labels: OnceLock::new(),
        };
        for group in &snapshot.groups {
            for member in &group.members {
                index.listed_in.entry(member.as_str()).or_default().push(group);
            }
            for nested in &group.nested {
                index.nested_in.entry(nested.as_str()).or_default().push(group);
            }
            for pattern in &group.implicit {
                let head = pattern.split('*').next().unwrap_or_default();
                index.implicit.entry(head).or_default().push((group, pattern));
            }
        }
        for identity in &snapshot.identities {
            for role in identity.limits.iter().flat_map(|limit| &limit.roles) {
                index.limited_by.entry(role.as_str()).or_default().push(identity);
            }
        }
        for role in &snapshot.roles {
            for include in &role.includes {
                index.included_by.entry(include.as_str()).or_default().push(role);
            }
        }
        for resource in &snapshot.resources {
            if let Some(parent) = &resource.parent {
                index.children.entry(parent.as_str()).or_default().push(resource);
            }
        }
        for trust in &snapshot.trusts {
            if trust.from.raw().contains('*') {
                index.trusts_from_patterns.push(trust);
            } else {
                index.trusts_from.entry(trust.from.raw()).or_default().push(trust);
            }
            index.trusts_to.entry(trust.to.raw()).or_default().push(trust);
        }
        index
    }

    /// The indexed snapshot.
    #[must_use]
    pub fn snapshot(&self) -> &'a Snapshot {
        self.snapshot
    }

    /// The systems of the snapshot.
    pub(crate) fn systems(&self) -> Systems<'_> {
        self.systems.get_or_init(|| KnownSystems::new(self.snapshot)).systems()
    }

    /// The environments of its resources.
    pub(crate) fn environments(&self) -> &EnvironmentIndex<'a> {
        self.environments.get_or_init(|| EnvironmentIndex::new(self.snapshot, self.systems()))
    }

    /// An identity by name.
    #[must_use]
    pub fn identity(&self, id: &str) -> Option<&'a Identity> {
        self.identities.get(id).copied()
    }

    /// A group by name.
    #[must_use]
    pub fn group(&self, id: &str) -> Option<&'a Group> {
        self.groups.get(id).copied()
    }

    /// A role by name.
    #[must_use]
    pub fn role(&self, id: &str) -> Option<&'a Role> {
        self.roles.get(id).copied()
    }

    /// A resource by name.
    #[must_use]
    pub fn resource(&self, id: &str) -> Option<&'a Resource> {
        self.resources.get(id).copied()
    }

    /// An assignment by its index in the snapshot.
    #[must_use]
    pub fn assignment(&self, at: usize) -> Option<&'a Assignment> {
        self.snapshot.assignments.get(at)
    }

    /// The index of an assignment, by name.
    #[must_use]
    pub fn assignment_by_id(&self, id: &AssignmentId) -> Option<usize> {
        let by_id = self
            .by_id
            .get_or_init(|| self.snapshot.assignments.iter().enumerate().map(|(at, a)| (a.id.as_str(), at)).collect());
        by_id.get(id.as_str()).copied()
    }

    /// The assignments of a subject, by name, with their indices, in the order of the file.
    pub(crate) fn held_by(&self, who: &str) -> impl Iterator<Item = (usize, &'a Assignment)> + use<'_, 'a> {
        self.by_who.of(who).filter_map(|at| Some((at, self.assignment(at)?)))
    }

    /// The assignments of a role, with their indices, in the order of the file.
    pub(crate) fn of_role(&self, role: &str) -> impl Iterator<Item = (usize, &'a Assignment)> + use<'_, 'a> {
        self.by_role.of(role).filter_map(|at| Some((at, self.assignment(at)?)))
    }

    /// The assignments of membership in a group, with their indices, in the order of the file.
    pub(crate) fn of_group(&self, group: &str) -> impl Iterator<Item = (usize, &'a Assignment)> + use<'_, 'a> {
        self.by_group.of(group).filter_map(|at| Some((at, self.assignment(at)?)))
    }

    /// The assignments at exactly a scope, with their indices, in the order of the file.
    pub(crate) fn at_scope(&self, scope: &str) -> impl Iterator<Item = (usize, &'a Assignment)> + use<'_, 'a> {
        let chains = self.by_scope.get_or_init(|| {
            Chains::new(self.snapshot.assignments.iter().map(|a| a.scope.as_ref().map(ResourceId::as_str)))
        });
        chains.of(scope).filter_map(|at| Some((at, self.assignment(at)?)))
    }

    /// The groups that list a subject among their members or nested groups, in the order of the file.
    pub(crate) fn listing(&self, subject: &Subject) -> &[&'a Group] {
        let map = match subject {
            Subject::Identity(_) => &self.listed_in,
            Subject::Group(_) => &self.nested_in,
        };
        map.get(subject.as_str()).map_or(&[], Vec::as_slice)
    }

    /// The groups that an identity belongs to by a rule of the system.
    pub(crate) fn implied(&self, id: &IdentityId) -> Vec<&'a Group> {
        if self.implicit.is_empty() {
            return Vec::new();
        }
        let text = id.as_str();
        let heads = (0..=text.len()).filter_map(|end| text.get(..end));
        heads
            .filter_map(|head| self.implicit.get(head))
            .flatten()
            .filter(|(_, pattern)| id_matches(pattern, text))
            .map(|(group, _)| *group)
            .collect()
    }

    /// The roles that include a role directly.
    pub(crate) fn including(&self, role: &str) -> &[&'a Role] {
        self.included_by.get(role).map_or(&[], Vec::as_slice)
    }

    /// The identities that a role bounds.
    pub(crate) fn limited_by(&self, role: &str) -> &[&'a Identity] {
        self.limited_by.get(role).map_or(&[], Vec::as_slice)
    }

    /// The direct children of a resource.
    pub(crate) fn children(&self, resource: &str) -> &[&'a Resource] {
        self.children.get(resource).map_or(&[], Vec::as_slice)
    }

    /// The highest label above `low` of a resource and of what is below it; of all resources, if `None`.
    pub(crate) fn label_below(&self, resource: Option<&ResourceId>) -> Option<Sensitivity> {
        let labels = self.labels.get_or_init(|| self.collect_labels());
        resource.map_or(labels.anywhere, |id| labels.below.get(id).copied())
    }

    fn collect_labels(&self) -> Labels {
        let mut labels = Labels::default();
        for resource in &self.snapshot.resources {
            let Some(label) = resource.sensitivity.filter(|label| *label > Sensitivity::Low) else { continue };
            labels.anywhere = labels.anywhere.max(Some(label));
            let mut at = Some(&resource.id);
            while let Some(id) = at {
                // An ancestor with this label or a higher one has passed it on. This also ends a cycle.
                if labels.below.get(id).is_some_and(|known| *known >= label) {
                    break;
                }
                labels.below.insert(id.clone(), label);
                at = self.resource(id.as_str()).and_then(|above| above.parent.as_ref());
            }
        }
        labels
    }

    /// The trusts whose `from` is exactly this name.
    pub(crate) fn trusts_from(&self, name: &str) -> &[&'a Trust] {
        self.trusts_from.get(name).map_or(&[], Vec::as_slice)
    }

    /// The trusts whose `from` is a pattern.
    pub(crate) fn trusts_from_patterns(&self) -> &[&'a Trust] {
        &self.trusts_from_patterns
    }

    /// The trusts whose target is a name.
    pub(crate) fn trusts_to(&self, name: &str) -> &[&'a Trust] {
        self.trusts_to.get(name).map_or(&[], Vec::as_slice)
    }

    /// All identities and groups, sorted by name.
    fn sorted(&self) -> &[(&'a str, Subject)] {
        self.sorted.get_or_init(|| {
            let identities = self.snapshot.identities.iter().map(|i| (i.id.as_str(), Subject::Identity(i.id.clone())));
            let groups = self.snapshot.groups.iter().map(|g| (g.id.as_str(), Subject::Group(g.id.clone())));
            let mut all: Vec<_> = identities.chain(groups).collect();
            all.sort();
            all
        })
    }

    /// The identities and groups whose names a pattern matches, sorted.
    pub(crate) fn matching(&self, pattern: &str) -> Vec<Subject> {
        let head = pattern.split('*').next().unwrap_or_default();
        let all = self.sorted();
        let from = all.partition_point(|(name, _)| *name < head);
        all.iter()
            .skip(from)
            .take_while(|(name, _)| name.starts_with(head))
            .filter(|(name, _)| id_matches(pattern, name))
            .map(|(_, subject)| subject.clone())
            .collect()
    }

    /// The trust rules of the snapshot, with their possible targets.
    pub(crate) fn rules(&self) -> &Rules {
        self.rules.get_or_init(|| {
            if self.snapshot.trust_rules.is_empty() {
                return Rules::default();
            }
            let all: Vec<&Subject> = self.sorted().iter().map(|(_, subject)| subject).collect();
            Rules::new(&self.snapshot.trust_rules, &all)
        })
    }

    /// Whether the snapshot refers to a role, even if it does not define it.
    pub(crate) fn names_role(&self, role: &str) -> bool {
        self.by_role.of(role).next().is_some() || !self.including(role).is_empty() || !self.limited_by(role).is_empty()
    }

    /// All requirements of trusts in the snapshot.
    pub(crate) fn required(&self) -> &BTreeSet<Requirement> {
        self.required.get_or_init(|| self.snapshot.trusts.iter().filter_map(|t| self.systems().required(t)).collect())
    }

    /// Whether the snapshot has a thing of a kind and name.
    pub(crate) fn knows(&self, kind: NameKind, name: &str) -> bool {
        let s = self.snapshot;
        match kind {
            NameKind::Subject => self.identity(name).is_some() || self.group(name).is_some(),
            NameKind::Identity => self.identity(name).is_some(),
            NameKind::Group => self.group(name).is_some(),
            NameKind::Role => self.role(name).is_some(),
            NameKind::Resource => self.resource(name).is_some(),
            NameKind::Assignment => self.assignment_by_id(&name.into()).is_some(),
            NameKind::Trust => {
                s.trusts.iter().any(|t| t.id.as_str() == name) || s.trust_rules.iter().any(|t| t.id.as_str() == name)
            }
            NameKind::Credential => s.credentials.iter().any(|c| c.id.as_str() == name),
            NameKind::Alert => s.findings.iter().any(|a| a.id.as_str() == name),
        }
    }

    /// All names of one kind, for suggestions and confusables.
    pub(crate) fn names(&self, of: NameKind) -> BTreeSet<&'a str> {
        let s = self.snapshot;
        match of {
            NameKind::Subject => {
                s.identities.iter().map(|i| i.id.as_str()).chain(s.groups.iter().map(|g| g.id.as_str())).collect()
            }
            NameKind::Identity => s.identities.iter().map(|i| i.id.as_str()).collect(),
            NameKind::Group => s.groups.iter().map(|g| g.id.as_str()).collect(),
            NameKind::Role => s.roles.iter().map(|r| r.id.as_str()).collect(),
            NameKind::Resource => s.resources.iter().map(|r| r.id.as_str()).collect(),
            NameKind::Assignment => s.assignments.iter().map(|a| a.id.as_str()).collect(),
            NameKind::Trust => {
                s.trusts.iter().map(|t| t.id.as_str()).chain(s.trust_rules.iter().map(|t| t.id.as_str())).collect()
            }
            NameKind::Credential => s.credentials.iter().map(|c| c.id.as_str()).collect(),
            NameKind::Alert => s.findings.iter().map(|a| a.id.as_str()).collect(),
        }
    }
}

/// The kinds of names in a plan that are resolved against the snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum NameKind {
    Subject,
    Identity,
    Group,
    Role,
    Resource,
    Assignment,
    Trust,
    Credential,
    Alert,
}
