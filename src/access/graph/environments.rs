//! The environments of a snapshot's resources, by scope.
//!
//! A scope reaches the environment that it, or the nearest resource above it, states, and all that resources below it state.
//! Built in one walk from each resource that states one to the top of the tree; a lookup walks up from the scope.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::access::matching::systems::Systems;
use crate::input::id::{Id, ResourceId};
use crate::input::text::Text;
use crate::snapshot::model::{Resource, Snapshot};

/// The most resources above one that are followed. A longer chain is a cycle, or no real tree.
const MAX_DEPTH: usize = 4_096;

/// The environments of the resources of a snapshot.
#[derive(Debug)]
pub(crate) struct EnvironmentIndex<'s> {
    stated: HashMap<&'s str, &'s Text>,
    /// For each resource above one that states an environment: all that are stated below it.
    below: HashMap<&'s str, BTreeSet<&'s Text>>,
    /// All that are stated in a part of a merged snapshot, by its prefix.
    of_part: BTreeMap<String, BTreeSet<&'s Text>>,
    /// Whether identities and resources together state two.
    pub(crate) has_several: bool,
}

impl<'s> EnvironmentIndex<'s> {
    pub(crate) fn new(snapshot: &'s Snapshot, systems: Systems<'_>) -> Self {
        let of_identities = snapshot.identities.iter().filter_map(|it| it.environment.as_ref());
        let mut all: BTreeSet<&Text> = of_identities.collect();
        let stated: HashMap<&str, &Text> =
            snapshot.resources.iter().filter_map(|it| Some((it.id.as_str(), it.environment.as_ref()?))).collect();
        all.extend(stated.values());
        let mut made = Self { stated, below: HashMap::new(), of_part: BTreeMap::new(), has_several: all.len() > 1 };
        if !made.has_several {
            return made;
        }
        let resources: HashMap<&str, &Resource> = snapshot.resources.iter().map(|it| (it.id.as_str(), it)).collect();
        let parent = |id: &str| resources.get(id).and_then(|it| it.parent.as_ref()).map(Id::as_str);
        for resource in &snapshot.resources {
            let (id, Some(environment)) = (resource.id.as_str(), resource.environment.as_ref()) else { continue };
            made.of_part.entry(systems.prefix(id).to_owned()).or_default().insert(environment);
            let above = std::iter::successors(parent(id), |at| parent(at)).take(MAX_DEPTH);
            above.for_each(|at| {
                made.below.entry(at).or_default().insert(environment);
            });
        }
        made
    }

    /// The environments that a role in a part reaches at a scope, of which `ancestry` are the scope and those above it;
    /// without a scope, all of the part.
    pub(crate) fn reached(&self, part: &str, ancestry: Option<&[ResourceId]>) -> BTreeSet<&'s Text> {
        let Some(ancestry) = ancestry else { return self.of_part.get(part).cloned().unwrap_or_default() };
        let nearest = ancestry.iter().find_map(|id| self.stated.get(id.as_str()).copied());
        let below = ancestry.first().and_then(|scope| self.below.get(scope.as_str()));
        nearest.into_iter().chain(below.into_iter().flatten().copied()).collect()
    }
}
