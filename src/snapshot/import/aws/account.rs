//! The import as a whole: entities become identities, roles, assignments, limits and trusts.
//!
//! In: files and the time of the export. Out: the snapshot, or every fault. Never drops an attachment without saying so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::build::Build;
use super::export::{Entity, Export, Kind, ResourcePolicy, is_export};
use super::policy::by_what_they_say;
use super::principal::{account_of, partition};
use super::reading::{Reading, Tally};
use super::subjects::{identity, kind};
use crate::input::finding::{Code, Finding, Severity};
use crate::input::id::{GroupId, IdentityId, RoleId, TrustId};
use crate::input::intern::{interning, shared};
use crate::input::place::Place;
use crate::input::system::System;
use crate::input::text::Text;
use crate::input::time::Time;
use crate::snapshot::import::importer::Import;
use crate::snapshot::import::notes::Notes;
use crate::snapshot::model::{Group, Identity, Limit, MembersKnown, Snapshot, SystemPart, SystemTarget};
use crate::snapshot::tree;

/// The name of the limit that a permissions boundary is.
const BOUNDARY: &str = "boundary";
/// The most bytes that one import reads.
const MAX_BYTES: usize = 2 << 30;

/// Reads exports of accounts, policies of resources and organisations.
///
/// Counts: `users`, `groups`, `roles` (of AWS), `policies` (managed), `inline_policies`, `resource_policies`,
/// `organisation_policies`, `statements`, `conditions`, `denies` and `not_actions` (of every version read), `assignments`,
/// `trusts`, `left_out` (statements that can never hold).
///
/// # Errors
/// Every fault of all files at once, where one is of severity `error`.
pub fn import(files: &[(&str, &[u8])], taken_at: Time) -> Result<Import, Vec<Finding>> {
    interning(|| {
        let mut direct = Vec::new();
        let mut texts = Vec::new();
        for (name, bytes) in files {
            match tree::text(name, bytes) {
                Ok(text) => texts.push((*name, text)),
                Err(finding) => direct.push(finding),
            }
        }
        if files.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() > MAX_BYTES {
            direct.push(
                Finding::new(Code::TooLarge, "the files of this import exceed 2 GiB")
                    .help("import fewer accounts at once"),
            );
            return Err(direct);
        }
        let mut notes = Notes::default();
        let mut reading = Reading { notes: &mut notes, taken_at, tally: Tally::default() };
        let mut export = Export::default();
        for (file, (name, text)) in texts.iter().enumerate() {
            match tree::documents(name, text) {
                Ok(documents) => {
                    if documents.is_empty() || !documents.iter().all(|d| is_export(&d.tree)) {
                        direct.push(
                            Finding::new(Code::WrongType, "the file is not an AWS export")
                                .at(&Place::file(name))
                                .help("pass the output of `aws iam get-account-authorization-details`"),
                        );
                        continue;
                    }
                    for document in &documents {
                        export.document(file, document, &mut reading);
                    }
                }
                Err(findings) => direct.extend(findings),
            }
        }
        let mut build = Build::new(&export);
        build.everything(&export, &mut reading);
        let tally = reading.tally;
        let (snapshot, counts) = build.finish(&export, taken_at, tally);
        direct.extend(notes.placed(&texts));
        if direct.iter().any(|f| f.severity == Severity::Error) {
            return Err(direct);
        }
        Ok(Import { snapshot, findings: direct, counts })
    })
}

impl<'e> Build<'e> {
    fn everything(&mut self, export: &'e Export, reading: &mut Reading<'_>) {
        for (arn, statements) in export.policies.iter().chain(&export.organisations.policies) {
            self.policy(arn, statements, None, reading);
        }
        for account in self.accounts.clone() {
            self.place(&format!("account:{account}"), None);
        }
        let mut seen = BTreeSet::new();
        for entity in &export.entities {
            if !seen.insert(&entity.arn) {
                let message =
                    format!("`{}` appears twice in the export; the access of both entries is read", entity.arn);
                reading.notes.at(
                    Finding::new(Code::DuplicateId, message)
                        .weighing(Severity::Warning)
                        .help("leave out the older export"),
                    &entity.spot,
                );
            }
            self.entity(entity, export, reading);
        }
        self.memberships(export, reading);
        // What names roles by the number of a statement goes by what is said: the order of the files is nobody's word.
        let mut roles: Vec<&Entity> = export.entities.iter().filter(|e| e.kind == Kind::Role).collect();
        roles.sort_by(|a, b| a.arn.cmp(&b.arn).then_with(|| by_what_they_say(&a.trust, &b.trust)));
        for role in roles {
            self.trust_policy(role, reading);
        }
        let mut policies: Vec<&ResourcePolicy> = export.resources.iter().collect();
        policies.sort_by(|a, b| {
            let place = a.resource.cmp(&b.resource);
            place.then_with(|| by_what_they_say(&a.statements, &b.statements)).then_with(|| a.account.cmp(&b.account))
        });
        for policy in policies {
            self.resource_policy(policy, reading);
        }
        self.organisations(export);
        self.resource_controls(export, reading);
    }

    fn entity(&mut self, entity: &Entity, export: &Export, reading: &mut Reading<'_>) {
        let who = Text::new(Arc::clone(&entity.arn));
        let account = account_of(&entity.arn).unwrap_or_default();
        match entity.kind {
            Kind::Group => {
                let id = GroupId::new(Arc::clone(&entity.arn));
                self.groups.entry(id.clone()).or_insert(Group {
                    id,
                    members: Vec::new(),
                    nested: Vec::new(),
                    implicit: Vec::new(),
                    members_known: MembersKnown::Known,
                    owner: None,
                    public: false,
                });
            }
            Kind::User | Kind::Role => {
                let identity = Identity {
                    last_used: entity.last_used,
                    labels: entity.labels.clone(),
                    limits: limits(entity, account, export),
                    ..identity(&entity.arn, kind(entity))
                };
                self.identities.insert(identity.id.clone(), identity);
            }
        }
        for arn in &entity.profiles {
            self.place(arn, Some(account));
        }
        for (name, statements) in &entity.inline {
            let id = format!("inline:{}:{name}", entity.arn);
            self.policy(&id, statements, None, reading);
            self.assign(&who, &id);
        }
        let attached = entity.attached.iter().map(|arn| (arn, "is attached to"));
        let bounds = entity.boundary.iter().map(|arn| (arn, "bounds"));
        for (arn, how) in attached.chain(bounds) {
            if !export.policies.contains_key(arn) {
                let message = format!(
                    "the export lacks the policy `{arn}` that {how} `{}`, so what it allows is unknown",
                    entity.arn
                );
                reading.notes.at(
                    Finding::new(Code::UnresolvedRole, message)
                        .help("export again without `--filter`, or with every entity type in it"),
                    &entity.spot,
                );
            }
        }
        for arn in &entity.attached {
            if !export.policies.contains_key(arn) {
                self.unresolved(arn);
            }
            self.assign(&who, arn);
        }
    }

    fn memberships(&mut self, export: &'e Export, reading: &mut Reading<'_>) {
        let mut groups: BTreeMap<(&str, &str), &Arc<str>> = BTreeMap::new();
        for group in export.entities.iter().filter(|e| e.kind == Kind::Group) {
            groups.insert((account_of(&group.arn).unwrap_or_default(), &group.name), &group.arn);
        }
        for user in export.entities.iter().filter(|e| e.kind == Kind::User) {
            let account = account_of(&user.arn).unwrap_or_default();
            for name in &user.groups {
                let Some(arn) = groups.get(&(account, &**name)) else {
                    let message = format!(
                        "the export does not hold the group `{name}` of `{}`; what it gives is unknown",
                        user.arn
                    );
                    reading
                        .notes
                        .at(Finding::new(Code::DanglingReference, message).help("export groups as well"), &user.spot);
                    self.unresolved(&format!("arn:{}:iam::{account}:group/{name}", partition(&user.arn)));
                    self.assign(
                        &Text::new(Arc::clone(&user.arn)),
                        &format!("arn:{}:iam::{account}:group/{name}", partition(&user.arn)),
                    );
                    continue;
                };
                if let Some(group) = self.groups.get_mut(&GroupId::new(Arc::clone(arn))) {
                    group.members.push(IdentityId::new(Arc::clone(&user.arn)));
                }
            }
        }
        for group in self.groups.values_mut() {
            group.members.sort();
            group.members.dedup();
        }
    }

    fn finish(mut self, export: &Export, taken_at: Time, tally: Tally) -> (Snapshot, BTreeMap<&'static str, usize>) {
        for id in &self.by_session {
            let limits = self.identities.get_mut(id).map(|identity| &mut identity.limits);
            for limit in limits.into_iter().flatten().filter(|limit| limit.name.raw() == BOUNDARY) {
                limit.bounds_resources = false;
            }
        }
        let of = |kind| {
            let arns: BTreeSet<&Arc<str>> = export.entities.iter().filter(|e| e.kind == kind).map(|e| &e.arn).collect();
            arns.len()
        };
        let counts = BTreeMap::from([
            ("assignments", self.assignments.len()),
            ("conditions", tally.conditions),
            ("denies", tally.denies),
            ("groups", of(Kind::Group)),
            ("inline_policies", export.entities.iter().map(|e| e.inline.len()).sum()),
            ("left_out", tally.never),
            ("not_actions", tally.not_actions),
            ("organisation_policies", export.organisations.policies.len() + export.organisations.controls.len()),
            ("policies", export.policies.len()),
            ("resource_policies", export.resources.len()),
            ("roles", of(Kind::Role)),
            ("statements", tally.statements),
            ("trusts", self.trusts.len()),
            ("users", of(Kind::User)),
        ]);
        let (target, parts) = self.systems(export);
        let snapshot = Snapshot {
            version: 1,
            taken_at,
            source: "aws".into(),
            target,
            parts,
            system: Some(System::Aws),
            cluster_scoped: Vec::new(),
            identities: self.identities.into_values().collect(),
            groups: self.groups.into_values().collect(),
            roles: self.roles.into_values().collect(),
            resources: self.resources.into_values().collect(),
            assignments: self.assignments.into_values().collect(),
            trusts: self.trusts.into_values().collect(),
            trust_rules: Vec::new(),
            credentials: Vec::new(),
            findings: Vec::new(),
        };
        (snapshot, counts)
    }
}

impl Build<'_> {
    /// The account as the target; of several accounts each is a part. Without an account, the organisation.
    fn systems(&self, export: &Export) -> (Option<SystemTarget>, Vec<SystemPart>) {
        let target = |id: &str| SystemTarget { id: shared(id).as_ref().into(), system: "aws".into() };
        let accounts: Vec<&str> = self.accounts.iter().copied().collect();
        match accounts.as_slice() {
            [] => (export.organisations.of_account.values().next().map(|id| target(id)), Vec::new()),
            [only] => (Some(target(only)), Vec::new()),
            several => {
                let mut held: BTreeMap<&str, BTreeSet<Text>> = BTreeMap::new();
                let names = self.identities.keys().map(IdentityId::text).chain(self.groups.keys().map(GroupId::text));
                let names = names.chain(self.roles.keys().map(RoleId::text));
                let names = names.chain(self.trusts.keys().map(TrustId::text));
                for name in names {
                    if let Some(account) = several.iter().find(|account| belongs(name.raw(), account)) {
                        held.entry(account).or_default().insert(name);
                    }
                }
                for (id, resource) in &self.resources {
                    let within = resource.parent.as_ref().map_or(id, |parent| parent).as_str();
                    if let Some(account) =
                        several.iter().find(|account| within.strip_prefix("account:") == Some(account))
                    {
                        held.entry(account).or_default().insert(id.text());
                    }
                }
                let part = |account: &&str| SystemPart {
                    source: "aws".into(),
                    prefix: None,
                    taken_at: None,
                    target: Some(target(account)),
                    holds: held.remove(*account).unwrap_or_default().into_iter().collect(),
                };
                (None, several.iter().map(part).collect())
            }
        }
    }
}

/// Whether an account is the one that the id of an identity, a policy or a trust names: of several, the last.
fn belongs(id: &str, account: &str) -> bool {
    let mut numbers = id.split([':', '#']).filter(|part| part.len() == 12 && part.bytes().all(|b| b.is_ascii_digit()));
    numbers.next_back() == Some(account)
}

/// The boundary, and the levels of the organisation; a service-linked role is bounded by neither.
fn limits(entity: &Entity, account: &str, export: &Export) -> Vec<Limit> {
    let boundary = entity.boundary.as_ref().map(|arn| Limit {
        name: BOUNDARY.into(),
        roles: vec![RoleId::new(Arc::clone(arn))],
        // WHY: what a resource gives to a user by name passes the user's boundary; what it gives to a role does not.
        bounds_resources: entity.kind == Kind::Role,
    });
    let linked = entity.arn.contains(":role/aws-service-role/");
    let levels = export.organisations.levels.get(account).filter(|_| !linked);
    let organisation = levels.into_iter().flatten().map(|level| Limit {
        name: format!("organisation {}", level.name).into(),
        roles: level.policies.iter().map(|arn| RoleId::new(Arc::clone(arn))).collect(),
        bounds_resources: true,
    });
    boundary.into_iter().chain(organisation).collect()
}
