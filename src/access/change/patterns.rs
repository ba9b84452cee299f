//! Checks that each pattern a plan writes is valid in its system.
//!
//! A pattern with a missing or empty part is refused where a change grants or removes access by it, because the system
//! may read it differently than the person who approves it.

use crate::access::change::resolve::Resolver;
use crate::access::matching::dialect::Dialect;
use crate::input::entitlement::Permission;
use crate::input::finding::{Code, Finding};
use crate::input::id::RoleId;
use crate::input::place::Placed;
use crate::plan::model::{Action, Change};

impl Resolver<'_, '_> {
    /// Refuses malformed patterns of a change.
    pub(crate) fn patterns(&mut self, change: &Change) {
        match &change.action {
            Action::AddPermission(role, permission) => self.pattern(&role.value, permission),
            Action::CreateRole(d) | Action::SetRole(d) => {
                d.permissions.iter().for_each(|permission| self.pattern(&d.role.value, permission));
            }
            Action::Grant(_)
            | Action::Revoke(_)
            | Action::Adjust(_)
            | Action::DeleteRole(_)
            | Action::RemovePermission(..)
            | Action::AddInclude(..)
            | Action::RemoveInclude(..)
            | Action::CreateGroup(..)
            | Action::DeleteGroup(_)
            | Action::CreateIdentity(..)
            | Action::DisableIdentity(_)
            | Action::DeleteIdentity(_)
            | Action::SetOwner(..)
            | Action::CreateResource(..)
            | Action::DeleteResource(_)
            | Action::AddTrust(_)
            | Action::RemoveTrust(_)
            | Action::IssueCredential(_)
            | Action::RotateCredential(..)
            | Action::RevokeCredential(_)
            | Action::SuppressFinding(_) => {}
        }
    }

    fn pattern(&mut self, role: &RoleId, permission: &Placed<Permission>) {
        let index = self.index;
        let known = index.role(role.as_str());
        // WHY: a permission that the role already has in the snapshot may be written back unchanged.
        if known.is_some_and(|known| known.permissions.contains(&permission.value)) {
            return;
        }
        let systems = index.systems();
        let system = known.map_or_else(|| systems.of_new(role.as_str()), |known| known.system(systems.whole()));
        let dialect = Dialect::of(system.as_ref());
        let resources = std::iter::once(&permission.value.resource);
        for resource in resources.chain(permission.value.except.iter().map(|e| &e.resource)) {
            if let Some((what, help)) = dialect.fault(resource.raw()) {
                let message = format!("the resource `{}` is malformed: {what}", resource.raw());
                self.faults.push(Finding::new(Code::BadValue, message).at(&permission.place).help(help));
            }
        }
    }
}
