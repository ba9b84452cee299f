//! Terraform plans: what a plan does to access.
//!
//! Takes the JSON form of a plan. Each provider turns the resources, as they are and as they will be, into the export of its
//! system, and the importer of that system reads both. So ids, scopes and roles are those of the snapshot. `rebase` puts the
//! difference onto the snapshot.
//!
//! What is unknown until the plan is applied may be anything: an unknown principal is everybody, an unknown role may do
//! everything, and an unknown scope is everywhere. Adding a provider is one file and one line in `PROVIDERS`.

mod aws;
mod aws_resources;
mod azure;
mod document;
mod github;
mod google;
mod kubernetes;
mod looks;
mod okta;
mod postgresql;
mod provider;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use crate::input::entitlement::{Mode, Permission, Sensitivity};
use crate::input::finding::{Code, Finding, Severity};
use crate::input::id::{AssignmentId, GroupId, IdentityId, ResourceId, RoleId};
use crate::input::intern::interning;
use crate::input::place::Place;
use crate::input::text::Text;
use crate::input::time::Time;

use super::import::importer_of;
use super::model::{Assignment, Group, Identity, MembersKnown, Resource, Role, Snapshot, UNRESOLVED};
use super::rebase::{Managed, rebase};

use document::{Fate, PlanDocument, ResourceChange};
pub use document::{MAX_BYTES, without_keys};
use provider::{Assignable, Assigned, Assignee, Context, Outline, Provider, State};
use values::{Side, UNKNOWN};

/// All providers. A resource is read by the first that reads its type.
const PROVIDERS: &[&dyn Provider] = &[
    &google::GoogleResources,
    &aws::AwsResources,
    &kubernetes::KubernetesResources,
    &azure::AzureResources,
    &github::GitHubResources,
    &okta::OktaResources,
    &postgresql::PostgresqlResources,
];

/// What a plan does.
#[derive(Clone, Debug)]
pub struct TerraformChanges {
    /// The snapshot as it is. An empty one is of the system of the plan.
    pub before: Snapshot,
    /// The snapshot as it will be.
    pub after: Snapshot,
    /// The resources that change access.
    pub origins: Vec<PlannedResource>,
    /// What the plan does that the snapshot does not show.
    pub not_read: Vec<String>,
    /// Whether the plan states that it has all changes.
    pub complete: bool,
    /// The source of each module of the configuration, by its path, such as `module.a.module.b`.
    pub modules: BTreeMap<String, String>,
    /// What importers report about the resources.
    pub findings: Vec<Finding>,
}

/// A resource that changes access.
#[derive(Clone, Debug)]
pub struct PlannedResource {
    /// Its address.
    pub address: String,
    /// The names that its changes contain.
    pub names: BTreeSet<String>,
    /// Its attributes that were asked for and are unknown.
    pub unknown: BTreeSet<String>,
}

/// Reads a plan, and computes the snapshot that applying it leads to. `target` is the id of the system, where the snapshot
/// has none.
///
/// # Errors
/// If it is no plan, of another format, not complete, or for another system than the snapshot.
pub fn changes(
    name: &str,
    bytes: &[u8],
    base: &Snapshot,
    target: Option<&str>,
) -> Result<TerraformChanges, Vec<Finding>> {
    let document = document::read(name, bytes)?;
    interning(|| Reading { name, base, target, out: empty(base, &document) }.read(&document))
}

fn empty(base: &Snapshot, document: &PlanDocument) -> TerraformChanges {
    TerraformChanges {
        before: base.clone(),
        after: base.clone(),
        origins: Vec::new(),
        not_read: Vec::new(),
        complete: document.states_complete,
        modules: document.configuration.modules.clone(),
        findings: Vec::new(),
    }
}

struct Reading<'r> {
    name: &'r str,
    base: &'r Snapshot,
    target: Option<&'r str>,
    out: TerraformChanges,
}

/// The documents, rules and direct assignments of both sides.
struct Sides {
    before: Box<dyn State>,
    after: Box<dyn State>,
    /// What stays, which both sides have.
    stays: Box<dyn State>,
    managed: Outline,
    assigned: (Vec<Assigned>, Vec<Assigned>),
    assigned_stays: Vec<Assigned>,
}

impl Reading<'_> {
    fn read(mut self, document: &PlanDocument) -> Result<TerraformChanges, Vec<Finding>> {
        for provider in PROVIDERS {
            self.provider(*provider, document)?;
        }
        for resource in document.resources.iter().filter(|it| it.is_managed()) {
            self.unread(resource, document);
        }
        self.out.not_read.sort();
        self.out.not_read.dedup();
        Ok(self.out)
    }

    fn provider(&mut self, provider: &dyn Provider, document: &PlanDocument) -> Result<(), Vec<Finding>> {
        let resources: Vec<&ResourceChange> =
            document.resources.iter().filter(|it| it.is_managed() && provider.reads(&it.kind)).collect();
        if resources.iter().all(|it| it.fate() == Fate::Stays) {
            return Ok(());
        }
        self.ensure_system(provider)?;
        let context = self.context(provider, &resources);
        let mut sides = Sides {
            before: provider.state(&context),
            after: provider.state(&context),
            stays: provider.state(&context),
            managed: Outline::default(),
            assigned: (Vec::new(), Vec::new()),
            assigned_stays: Vec::new(),
        };
        for resource in resources {
            self.account(provider, resource, document);
            self.resource(resource, document, &mut sides);
        }
        let Sides { before, after, stays, managed: Outline { exclusive, owned, .. }, assigned, assigned_stays } = sides;
        let known = self.out.findings.len();
        let stays = self.side(provider, &stays.documents(), assigned_stays)?;
        // Both other sides report the same.
        self.out.findings.truncate(known);
        let before = self.side(provider, &before.documents(), assigned.0)?;
        let after = self.side(provider, &after.documents(), assigned.1)?;
        let managed = Managed { before, after, stays, exclusive, owned };
        self.out.after = rebase(&self.out.after, &managed);
        if self.base.is_blank() {
            let Snapshot { source, target, parts, system, trust_rules, .. } = self.out.after.clone();
            self.out.before = Snapshot { source, target, parts, system, trust_rules, ..self.out.before.clone() };
        }
        Ok(())
    }

    /// Refuses a plan for another system than that of the snapshot. A merged snapshot may contain it.
    fn ensure_system(&self, provider: &dyn Provider) -> Result<(), Vec<Finding>> {
        let source = self.base.source.raw();
        if self.base.is_blank() || !self.base.parts.is_empty() || source == provider.system() || source.contains('+') {
            return Ok(());
        }
        let message = format!("the plan changes access in `{}`, and the snapshot is of `{source}`", provider.system());
        let help = "name the snapshot of that system with `--snapshot`";
        Err(vec![
            Finding::new(Code::OtherTarget, message).weighing(Severity::Error).at(&Place::file(self.name)).help(help),
        ])
    }

    fn context(&mut self, provider: &dyn Provider, resources: &[&ResourceChange]) -> Context {
        let known = self.base.targets();
        let of_system = known.iter().find(|it| it.system.raw() == provider.system()).map(|it| it.id.raw().to_owned());
        let shown = || {
            let arn = |it: &&ResourceChange| {
                let arn = [&it.change.before, &it.change.after].into_iter().find_map(|side| side.get("arn")?.as_str());
                let number = arn?.split(':').nth(4)?;
                (number.len() == 12).then(|| number.to_owned())
            };
            resources.iter().find_map(arn)
        };
        let target = self.target.map(str::to_owned).or(of_system).or_else(shown);
        if target.is_none() && provider.system() == "aws" {
            self.out.not_read.push("the account is unknown: state it with `--target NUMBER`".to_owned());
        }
        let identities = self.base.identities.iter().map(|it| it.id.as_str().to_owned());
        let groups = self.base.groups.iter().map(|it| it.id.as_str().to_owned());
        let roles = self.base.roles.iter().map(|it| it.id.as_str().to_owned());
        let resources = self.base.resources.iter().map(|it| it.id.as_str().to_owned());
        Context { target, ids: identities.chain(groups).chain(roles).chain(resources).collect() }
    }

    /// Reports a resource that may be of another account than the snapshot. The names of Google Cloud are global.
    fn account(&mut self, provider: &dyn Provider, resource: &ResourceChange, document: &PlanDocument) {
        let sides = [&resource.change.before, &resource.change.after];
        let shown = sides.into_iter().any(|side| {
            let number = side.get("arn").and_then(serde_json::Value::as_str).and_then(|arn| arn.split(':').nth(4));
            number.is_some_and(|it| it.len() == 12)
        });
        if provider.system() == "gcp" || shown || resource.fate() == Fate::Stays {
            return;
        }
        if document.configuration.has_several_accounts(resource) {
            let what =
                "the configuration has several providers of this type, so it may change another account or system";
            self.out.not_read.push(format!("{}: {what} than that of the snapshot", resource.address));
        }
    }

    fn resource(&mut self, resource: &ResourceChange, document: &PlanDocument, sides: &mut Sides) {
        let configuration = &document.configuration;
        let (before, after) = (Side::before(resource, configuration), Side::after(resource, configuration));
        let fate = resource.fate();
        let add = |state: &mut Box<dyn State>, side: Option<&Side<'_>>| {
            let mut outline = Outline::default();
            if let Some(side) = side {
                state.add(side, &mut outline);
            }
            outline
        };
        let (mut was, is) = match fate {
            Fate::Stays | Fate::Forgotten => {
                let side = before.as_ref().or(after.as_ref());
                sides.assigned_stays.extend(add(&mut sides.stays, side).assigned);
                (add(&mut sides.before, side), add(&mut sides.after, side))
            }
            Fate::Changes | Fate::Unknown => {
                let is = add(&mut sides.after, after.as_ref());
                let is_open = after.as_ref().is_some_and(|it| !it.missing().is_empty());
                let stays = if after.is_none() && resource.kind.ends_with("_exclusive") {
                    let what = "destroying it takes nothing away; what it allowed stays, and nobody manages that";
                    self.out.not_read.push(format!("{}: {what}", resource.address));
                    true
                } else {
                    is_open && looks::lists_holders(&resource.kind)
                };
                // Without an earlier side, nothing is taken from the snapshot: of unknown holders, the present ones may stay.
                let was = if stays { Outline::default() } else { add(&mut sides.before, before.as_ref()) };
                (was, is)
            }
        };
        sides.assigned.0.append(&mut was.assigned);
        sides.assigned.1.extend(is.assigned.iter().cloned());
        if fate == Fate::Stays {
            // What stays is the context of what changes, and decides on nothing.
            return;
        }
        let address = &resource.address;
        if fate == Fate::Forgotten {
            let what = "Terraform stops managing it; what it gives stays, and nobody manages that";
            self.out.not_read.push(format!("{address}: {what}"));
            return;
        }
        let mut unknown: BTreeSet<String> =
            before.iter().flat_map(Side::missing).map(|it| format!("{it} before")).collect();
        unknown.extend(after.iter().flat_map(Side::missing));
        let names = was.names.into_iter().chain(is.names).collect();
        self.out.origins.push(PlannedResource { address: address.clone(), names, unknown });
        self.out.not_read.extend(was.not_read.into_iter().chain(is.not_read));
        sides.managed.exclusive.extend(was.exclusive.into_iter().chain(is.exclusive));
        sides.managed.owned.extend(was.owned.into_iter().chain(is.owned));
    }

    /// One side as a snapshot.
    fn side(
        &mut self,
        provider: &dyn Provider,
        documents: &[serde_json::Value],
        assigned: Vec<Assigned>,
    ) -> Result<Snapshot, Vec<Finding>> {
        let taken_at = self.base.taken_at;
        let mut snapshot = Snapshot::empty(provider.system(), taken_at);
        if let (false, Some(importer)) = (documents.is_empty(), importer_of(provider.system())) {
            let text = documents.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
            let import = importer.read(&[(self.name, text.as_bytes())], taken_at).map_err(|findings| {
                // Places are those of the export that was made up.
                let here = Place::file(self.name);
                findings.into_iter().map(|it| it.at(&here)).collect::<Vec<_>>()
            })?;
            snapshot = import.snapshot;
            // Roles that the plan only names are in the snapshot, or become unresolved roles of the plan.
            let told =
                import.findings.into_iter().filter(|it| !matches!(it.code, Code::UnresolvedRole | Code::NoTarget));
            self.out.findings.extend(told.map(|it| it.at(&Place::file(self.name))));
        }
        assign(&mut snapshot, assigned);
        widen(&mut snapshot);
        Ok(snapshot)
    }

    /// Reports what no provider reads and looks as if it gave access, and what may do anything.
    fn unread(&mut self, resource: &ResourceChange, document: &PlanDocument) {
        let address = &resource.address;
        let is_read = PROVIDERS.iter().any(|it| it.reads(&resource.kind));
        match resource.fate() {
            Fate::Stays => return,
            Fate::Unknown => {
                let actions = resource.change.actions.join(", ");
                self.out.not_read.push(format!("{address}: `{actions}` is not an action that is known"));
            }
            Fate::Forgotten if is_read => {}
            Fate::Changes | Fate::Forgotten if !is_read && looks::may_give_access(resource) => {
                let what = format!("resources of the type `{}` may give access, and are not read", resource.kind);
                self.out.not_read.push(format!("{address}: {what}"));
            }
            Fate::Changes | Fate::Forgotten => {}
        }
        if document.configuration.has_provisioner(resource) {
            self.out.not_read.push(format!("{address}: it has a provisioner, which may do anything"));
        }
    }
}

/// An empty snapshot, for plans that are read without one.
#[must_use]
pub fn nothing(taken_at: Time) -> Snapshot {
    Snapshot::empty("terraform", taken_at)
}

/// Adds assignments that are made directly, with what they name.
fn assign(snapshot: &mut Snapshot, assigned: Vec<Assigned>) {
    for it in assigned {
        subject(snapshot, &it.who);
        let scope = it.scope.as_deref().map(ResourceId::new);
        if let Some(scope) = scope.as_ref().filter(|id| !snapshot.resources.iter().any(|it| it.id == **id)) {
            snapshot.resources.push(Resource::new(scope.clone()));
        }
        let (role, member_of) = match &it.what {
            Assignable::Role(id) => (Some(RoleId::new(id.as_str())), None),
            Assignable::Member(id) => {
                subject(snapshot, &Assignee::group(id.as_str()));
                (None, Some(GroupId::new(id.as_str())))
            }
            Assignable::Nothing => continue,
        };
        if let Some(role) = role.as_ref().filter(|id| !snapshot.roles.iter().any(|known| known.id == **id)) {
            snapshot.roles.push(unresolved(role));
        }
        let what = role.as_ref().map(RoleId::as_str).or(member_of.as_ref().map(GroupId::as_str)).unwrap_or_default();
        let place = scope.as_ref().map(|scope| format!("@{}", scope.as_str())).unwrap_or_default();
        snapshot.assignments.push(Assignment {
            id: AssignmentId::new(format!("{}#{what}{place}", it.who.id)),
            who: Text::from(it.who.id),
            role,
            member_of,
            scope,
            mode: Mode::Standing,
            until: None,
            granted_at: None,
            last_used: None,
            task: None,
        });
    }
}

/// Adds a subject that is not there yet.
fn subject(snapshot: &mut Snapshot, it: &Assignee) {
    let mut ids =
        snapshot.identities.iter().map(|it| it.id.as_str()).chain(snapshot.groups.iter().map(|it| it.id.as_str()));
    if ids.any(|id| id == it.id) {
        return;
    }
    match it.kind {
        Some(kind) => snapshot.identities.push(Identity::new(IdentityId::new(it.id.as_str()), kind)),
        None => snapshot.groups.push(group(&it.id, MembersKnown::Unknown, false)),
    }
}

fn group(id: &str, members_known: MembersKnown, public: bool) -> Group {
    Group {
        id: GroupId::new(id),
        members: Vec::new(),
        nested: Vec::new(),
        implicit: Vec::new(),
        members_known,
        owner: None,
        public,
    }
}

/// A role of which nothing tells what it gives.
fn unresolved(id: &RoleId) -> Role {
    Role {
        id: id.clone(),
        includes: Vec::new(),
        permissions: vec![Permission::allow("unknown", format!("{UNRESOLVED}{}", id.as_str()))],
        owner: None,
        sensitivity: Some(Sensitivity::Critical),
        kinds: Vec::new(),
        by_resource: false,
        delegated: false,
        system: None,
    }
}

/// Makes what is unknown mean anything: everybody, every permission, everywhere.
fn widen(snapshot: &mut Snapshot) {
    let is_unknown = |id: &str| id.contains(UNKNOWN);
    let names: Vec<String> = {
        let identities = snapshot.identities.iter().map(|it| it.id.as_str());
        let groups = snapshot.groups.iter().map(|it| it.id.as_str());
        identities.chain(groups).filter(|id| is_unknown(id)).map(str::to_owned).collect()
    };
    snapshot.identities.retain(|it| !is_unknown(it.id.as_str()));
    snapshot.groups.retain(|it| !is_unknown(it.id.as_str()));
    snapshot.groups.extend(names.iter().map(|id| group(id, MembersKnown::Unknown, true)));
    for role in snapshot.roles.iter_mut().filter(|it| is_unknown(it.id.as_str())) {
        // What names the unknown by its policy document has permissions of its own.
        let made_up = role.permissions.iter().all(|it| it.resource.raw().starts_with(UNRESOLVED));
        if made_up {
            role.permissions = vec![Permission::allow("*", "*")];
        }
    }
    for it in &mut snapshot.assignments {
        if it.scope.as_ref().is_some_and(|scope| is_unknown(scope.as_str())) {
            it.scope = None;
        }
    }
    snapshot.resources.retain(|it| !is_unknown(it.id.as_str()));
    for it in &mut snapshot.resources {
        it.parent = it.parent.take().filter(|parent| !is_unknown(parent.as_str()));
    }
    let mut seen = BTreeSet::new();
    snapshot.assignments.retain(|it| {
        let content = (it.who.clone(), it.role.clone(), it.member_of.clone(), it.scope.clone(), it.mode, it.until);
        seen.insert(content)
    });
}

#[cfg(test)]
mod tests;
