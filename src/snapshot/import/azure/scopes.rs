//! Scopes: the root, management groups, subscriptions, resource groups and resources.
//!
//! The resource manager ignores case, so that ids are in lower case. The place of a resource is in its id; that of a
//! subscription is in the list of management groups.

use std::collections::BTreeMap;

use crate::snapshot::import::draft::Draft;

pub(super) const ROOT: &str = "/";
const GROUPS: &str = "/providers/microsoft.management/managementgroups/";

/// The parents that the list of management groups tells.
#[derive(Debug, Default)]
pub(super) struct Scopes(BTreeMap<String, String>);

/// The id of a scope.
pub(super) fn scope_id(scope: &str) -> String {
    let id = scope.trim_end_matches('/').to_ascii_lowercase();
    if id.is_empty() { ROOT.to_owned() } else { id }
}

impl Scopes {
    pub fn insert(&mut self, id: &str, parent: &str) {
        self.0.insert(scope_id(id), scope_id(parent));
    }

    pub fn is_management_group(id: &str) -> bool {
        id.starts_with(GROUPS)
    }

    pub fn knows(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }

    fn parent(&self, id: &str) -> Option<String> {
        if id == ROOT {
            return None;
        }
        if let Some(parent) = self.0.get(id) {
            return Some(parent.clone());
        }
        if Self::is_management_group(id) {
            return Some(ROOT.to_owned());
        }
        let parts: Vec<&str> = id.trim_start_matches('/').split('/').collect();
        let keep = match parts.as_slice() {
            // The provider and the first type and name are one step, each further type and name another.
            ["subscriptions", _, "resourcegroups", _, "providers", _, _, _] => 4,
            ["subscriptions", _, "resourcegroups", _] | ["subscriptions", _, "providers", _, _, _] => 2,
            [.., _, _] if parts.len() > 2 => parts.len().saturating_sub(2),
            _ => 0,
        };
        let above = parts.get(..keep).unwrap_or_default().join("/");
        Some(scope_id(&format!("/{above}")))
    }

    /// Adds a scope and all above it, and returns its id.
    pub fn add(&self, scope: &str, draft: &mut Draft) -> String {
        let first = scope_id(scope);
        let mut id = first.clone();
        while let Some(parent) = self.parent(&id) {
            if draft.resources.get(id.as_str()).is_some_and(|known| known.parent.is_some()) {
                return first;
            }
            draft.resource(&id, Some(&parent));
            id = parent;
        }
        draft.resource(&id, None);
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_resource_is_in_its_id() {
        let scopes = Scopes::default();
        let up = |id: &str| scopes.parent(&scope_id(id)).unwrap();
        let group = "/subscriptions/s/resourcegroups/g";
        assert_eq!(
            up("/subscriptions/S/resourceGroups/G/providers/Microsoft.Sql/servers/a/databases/b"),
            format!("{group}/providers/microsoft.sql/servers/a")
        );
        assert_eq!(up("/subscriptions/s/resourceGroups/g/providers/Microsoft.Sql/servers/a"), group);
        assert_eq!((up(group), up("/subscriptions/s")), ("/subscriptions/s".to_owned(), ROOT.to_owned()));
        assert_eq!(up("/providers/Microsoft.Management/managementGroups/m"), ROOT);
        assert_eq!(up("/subscriptions/s/providers/Microsoft.Security/a/b"), "/subscriptions/s");
        assert_eq!(scopes.parent(ROOT), None);
    }

    proptest::proptest! {
        #[test]
        fn every_scope_ends_at_the_root(id in "(/[a-z]{0,3}){0,9}") {
            let scopes = Scopes::default();
            let mut at = scope_id(&id);
            for _ in 0..20 {
                match scopes.parent(&at) {
                    Some(parent) => at = parent,
                    None => break,
                }
            }
            proptest::prop_assert_eq!(at, ROOT);
        }
    }
}
