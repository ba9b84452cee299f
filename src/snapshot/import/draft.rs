//! A snapshot while an importer fills it, for importers that read lists of objects.
//!
//! Every object has one entry by its id, so that lists which name one thing several times agree. What is not modelled is
//! counted by kind. [`Draft::finish`] adds what the export names and lacks, so that no reference dangles, and checks the ids.
//! Costs one map operation for each object.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, Hash};

use crate::input::entitlement::{IdentityKind, Mode, Permission, Sensitivity};
use crate::input::finding::{Code, Finding, Severity};
use crate::input::id::{AssignmentId, CredentialId, GroupId, Id, IdentityId, ResourceId, RoleId, TrustId};
use crate::input::intern::{Hashes, shared};
use crate::input::system::System;
use crate::input::text::Text;
use crate::input::time::Time;
use crate::snapshot::check::is_plain;
use crate::snapshot::import::importer::Import;
use crate::snapshot::model::{
    Assignment, Credential, Group, Identity, MembersKnown, Resource, Role, Snapshot, SystemTarget, Trust, TrustRule,
    UNRESOLVED,
};

/// The most roles and subjects that one finding lists by name.
const MOST_NAMES: usize = 3;

/// What a kind of thing that is not modelled is, and what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Omission {
    /// In the plural; the number and names follow: `access packages are not imported`.
    pub what: &'static str,
    pub help: &'static str,
    /// Whether it gives access, which makes it a warning.
    pub gives_access: bool,
}

/// What is known so far.
pub(super) struct Draft {
    system: Text,
    pub identities: BTreeMap<IdentityId, Identity>,
    pub groups: BTreeMap<GroupId, Group>,
    pub roles: BTreeMap<RoleId, Role>,
    pub resources: BTreeMap<ResourceId, Resource>,
    pub assignments: BTreeMap<AssignmentId, Assignment>,
    pub trusts: BTreeMap<TrustId, Trust>,
    pub trust_rules: Vec<TrustRule>,
    pub credentials: BTreeMap<CredentialId, Credential>,
    pub counts: BTreeMap<&'static str, usize>,
    /// Faults make the import fail.
    pub faults: Vec<Finding>,
    omitted: BTreeMap<Omission, (usize, Vec<String>)>,
    seen: BTreeMap<(&'static str, String), u64>,
    hashes: Hashes,
}

impl Draft {
    pub fn new(system: &str) -> Self {
        Self {
            system: Text::from(system),
            identities: BTreeMap::new(),
            groups: BTreeMap::new(),
            roles: BTreeMap::new(),
            resources: BTreeMap::new(),
            assignments: BTreeMap::new(),
            trusts: BTreeMap::new(),
            trust_rules: Vec::new(),
            credentials: BTreeMap::new(),
            counts: BTreeMap::new(),
            faults: Vec::new(),
            omitted: BTreeMap::new(),
            seen: BTreeMap::new(),
            hashes: Hashes::default(),
        }
    }

    pub fn count(&mut self, kind: &'static str, number: usize) {
        *self.counts.entry(kind).or_default() += number;
    }

    pub fn has_omitted(&self, omission: Omission) -> bool {
        self.omitted.contains_key(&omission)
    }

    /// Counts something that is not modelled, with its name.
    pub fn omit(&mut self, omission: Omission, name: &str) {
        let (count, names) = self.omitted.entry(omission).or_default();
        *count += 1;
        if names.len() < MOST_NAMES && !name.is_empty() && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }

    pub fn fault(&mut self, message: impl Into<Text>, help: impl Into<Text>) {
        self.faults.push(Finding::new(Code::BadValue, message).help(help));
    }

    /// Whether an entry of an export is new. The same entry may come twice, as in two pages that overlap; two different
    /// entries of one id are a fault.
    pub fn is_new(&mut self, kind: &'static str, id: &str, entry: &impl Hash) -> bool {
        let hash = self.hashes.hash_one(entry);
        match self.seen.insert((kind, id.to_owned()), hash) {
            None => true,
            Some(known) if known == hash => false,
            Some(_) => {
                let message = format!("the files hold two different entries of the {kind} `{id}`");
                self.faults.push(
                    Finding::new(Code::DuplicateId, message).help(
                        "the files are of different times or systems; export all lists again, one after the other",
                    ),
                );
                false
            }
        }
    }

    /// The identity with an id, which is made if it is new.
    pub fn identity(&mut self, id: &str, kind: IdentityKind) -> &mut Identity {
        let id = IdentityId::new(shared(id));
        self.identities.entry(id.clone()).or_insert_with(|| Identity::new(id, kind))
    }

    /// The group with an id, which is made if it is new.
    pub fn group(&mut self, id: &str) -> &mut Group {
        let id = GroupId::new(shared(id));
        self.groups.entry(id.clone()).or_insert_with(|| Group {
            id,
            members: Vec::new(),
            nested: Vec::new(),
            implicit: Vec::new(),
            members_known: MembersKnown::Known,
            owner: None,
            public: false,
        })
    }

    pub fn is_subject(&self, id: &str) -> bool {
        self.identities.contains_key(id) || self.groups.contains_key(id)
    }

    /// The role with an id, which is made if it is new.
    pub fn role(&mut self, id: &str) -> &mut Role {
        let system = self.stated_system(id);
        let id = RoleId::new(shared(id));
        self.roles.entry(id.clone()).or_insert_with(|| Role {
            id,
            includes: Vec::new(),
            permissions: Vec::new(),
            owner: None,
            sensitivity: None,
            kinds: Vec::new(),
            by_resource: false,
            delegated: false,
            system,
        })
    }

    /// The system that an object must state because its id looks like one of another system.
    fn stated_system(&self, id: &str) -> Option<System> {
        let own = System::named(&self.system);
        (System::of_object(None, id, Some(&own)).as_ref() != Some(&own)).then_some(own)
    }

    /// The resource with an id, which is made if it is new. The first parent that is known stays.
    pub fn resource(&mut self, id: &str, parent: Option<&str>) {
        let id = ResourceId::new(shared(id));
        let parent = parent.filter(|parent| *parent != id.as_str()).map(|parent| ResourceId::new(shared(parent)));
        let known = self.resources.entry(id.clone()).or_insert_with(|| Resource::new(id));
        if known.parent.is_none() {
            known.parent = parent;
        }
    }

    /// The assignment of a role, which is made if it is new.
    pub fn assign(&mut self, who: &str, role: &str, scope: Option<&str>) -> &mut Assignment {
        self.assign_variant(who, role, scope, "")
    }

    /// The same, where a subject may have a role in one scope several times; `variant` tells these assignments apart.
    pub fn assign_variant(&mut self, who: &str, role: &str, scope: Option<&str>, variant: &str) -> &mut Assignment {
        let place = scope.map(|scope| format!("@{scope}")).unwrap_or_default();
        let id = AssignmentId::new(format!("{who}#{role}{place}{variant}"));
        self.assignments.entry(id.clone()).or_insert_with(|| Assignment {
            role: Some(RoleId::new(shared(role))),
            scope: scope.map(|scope| ResourceId::new(shared(scope))),
            ..assignment(id, who)
        })
    }

    /// The membership of a subject in a group, which is made if it is new.
    pub fn join(&mut self, who: &str, group: &str) -> &mut Assignment {
        let id = AssignmentId::new(format!("{who}#{group}"));
        self.assignments
            .entry(id.clone())
            .or_insert_with(|| Assignment { member_of: Some(GroupId::new(shared(group))), ..assignment(id, who) })
    }

    /// A trust by which one subject acts as another.
    pub fn trust(&mut self, from: &str, to: &str, via: &str) -> &mut Trust {
        let id = TrustId::new(format!("{from}#{via}#{to}"));
        let system = self.stated_system(to);
        self.trusts.entry(id.clone()).or_insert_with(|| Trust {
            id,
            from: Text::from(from),
            to: Text::from(to),
            via: Text::from(via),
            requires: None,
            condition: None,
            system,
        })
    }

    pub fn credential(&mut self, id: &str, identity: &str, kind: &str) -> &mut Credential {
        let id = CredentialId::new(id);
        self.credentials.entry(id.clone()).or_insert_with(|| Credential {
            id,
            identity: IdentityId::new(shared(identity)),
            kind: Text::from(kind),
            issued_at: None,
            until: None,
            last_used: None,
        })
    }

    /// The import, or all faults.
    pub fn finish(mut self, target: Option<String>, taken_at: Time) -> Result<Import, Vec<Finding>> {
        let mut findings = self.unresolved();
        self.parents();
        self.check_ids();
        if self.faults.is_empty() && self.identities.is_empty() && self.groups.is_empty() && self.roles.is_empty() {
            let message = format!("the files hold nothing that the importer of `{}` reads", self.system.raw());
            self.faults.push(Finding::new(Code::Empty, message).help(
                "give the files that the commands in `review snapshot import --help` write, with the right to read all",
            ));
        }
        if !self.faults.is_empty() {
            return Err(self.faults);
        }
        findings.extend(self.omitted.into_iter().map(|(omission, (count, names))| {
            let list = if names.is_empty() { String::new() } else { format!(": `{}`", names.join("`, `")) };
            let more = if count > names.len() && !names.is_empty() { ", …" } else { "" };
            let severity = if omission.gives_access { Severity::Warning } else { Severity::Note };
            let message = format!("{} ({count}){list}{more}", omission.what);
            Finding::new(Code::NotImported, message).weighing(severity).help(omission.help)
        }));
        let system = self.system;
        let snapshot = Snapshot {
            version: 1,
            taken_at,
            source: system.clone(),
            target: target.map(|id| SystemTarget { id: Text::from(id), system }),
            parts: Vec::new(),
            system: None,
            cluster_scoped: Vec::new(),
            identities: self.identities.into_values().collect(),
            groups: self.groups.into_values().collect(),
            roles: self.roles.into_values().collect(),
            resources: self.resources.into_values().collect(),
            assignments: self.assignments.into_values().collect(),
            trusts: self.trusts.into_values().collect(),
            trust_rules: self.trust_rules,
            credentials: self.credentials.into_values().collect(),
            findings: Vec::new(),
        };
        Ok(Import { snapshot, findings, counts: self.counts })
    }

    /// Adds a placeholder for each role that is assigned and not in the export: what it gives is unknown, and must not
    /// look like nothing.
    fn unresolved(&mut self) -> Vec<Finding> {
        let assigned = self.assignments.values().filter_map(|it| it.role.as_ref());
        let included = self.roles.values().flat_map(|role| &role.includes);
        let mut missing: Vec<RoleId> =
            assigned.chain(included).filter(|id| !self.roles.contains_key(id.as_str())).cloned().collect();
        missing.sort();
        missing.dedup();
        for id in &missing {
            let role = self.role(id.as_str());
            role.permissions = vec![Permission::allow("unknown", format!("{UNRESOLVED}{}", id.as_str()))];
            role.sensitivity = Some(Sensitivity::Critical);
        }
        let names: Vec<String> = missing.iter().take(MOST_NAMES).map(|id| format!("`{}`", id.as_str())).collect();
        let count = missing.len();
        let more = if count > names.len() { ", …" } else { "" };
        let message = format!("roles are assigned and not in the export ({count}): {}{more}", names.join(", "));
        let finding = Finding::new(Code::UnresolvedRole, message)
            .help("export the definitions of the roles too; until then they count as privileged");
        if missing.is_empty() { Vec::new() } else { vec![finding] }
    }

    /// Adds scopes and parents that only references name.
    fn parents(&mut self) {
        let scopes = self.assignments.values().filter_map(|it| it.scope.clone());
        let parents = self.resources.values().filter_map(|it| it.parent.clone());
        for id in scopes.chain(parents).collect::<Vec<_>>() {
            self.resource(id.as_str(), None);
        }
    }

    /// Reports hidden characters in ids, and ids of an identity and a group.
    fn check_ids(&mut self) {
        let subjects = (self.identities.keys().map(Id::as_str)).chain(self.groups.keys().map(Id::as_str));
        let others = (self.roles.keys().map(Id::as_str)).chain(self.resources.keys().map(Id::as_str));
        let links = (self.assignments.keys().map(Id::as_str)).chain(self.trusts.keys().map(Id::as_str));
        let all = subjects.chain(others).chain(links).chain(self.credentials.keys().map(Id::as_str));
        let hidden = all.filter(|id| !is_plain(id) || id.trim().is_empty());
        let mut faults: Vec<Finding> = hidden
            .map(|id| {
                let message = format!("the id `{id}` is empty or contains a hidden character");
                let help = "rename it in the source system; such a name can imitate another one";
                Finding::new(Code::HiddenCharacter, message).help(help)
            })
            .collect();
        faults.extend(self.groups.keys().filter(|id| self.identities.contains_key(id.as_str())).map(|id| {
            let message = format!("the export names `{}` as a group and as an identity", id.as_str());
            Finding::new(Code::DuplicateId, message).help("export all lists again from one system")
        }));
        self.faults.extend(faults);
    }
}

/// A standing assignment of nothing yet.
pub(super) fn assignment(id: AssignmentId, who: &str) -> Assignment {
    Assignment {
        id,
        who: Text::from(who),
        role: None,
        member_of: None,
        scope: None,
        mode: Mode::Standing,
        until: None,
        granted_at: None,
        last_used: None,
        task: None,
    }
}
