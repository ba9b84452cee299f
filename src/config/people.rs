//! `people.yaml`: the people and the approver groups.
//!
//! Every signer principal and every identity belongs to at most one person. Only this file defines approver groups; no
//! snapshot and no plan can.

use std::collections::BTreeMap;

use crate::input::finding::{Code, Finding};
use crate::input::form::{FieldRule, TypedFields, ValueShape, id};
use crate::input::id::{GroupId, IdentityId, PersonId, PrincipalId};
use crate::input::nearest::nearest;
use crate::input::place::Placed;
use crate::input::text::Text;

use super::read::{checked, distinct};
use super::rules::{IDS, MOST, VERSION, optional, required};

const PERSON: ValueShape = ValueShape::Mapping(
    "person",
    &[
        required("id", ValueShape::Id, "The person's id in this file and in the log."),
        optional("name", ValueShape::Text, "The display name."),
        required("principals", IDS, "Their principals in `allowed_signers`."),
        required("identities", IDS, "All their identities in any system, by the snapshot's ids."),
        optional("member_of", IDS, "Groups with unknown members to which they are known to belong."),
    ],
);

/// The fields of `people.yaml`.
pub(super) const FILE: &[FieldRule] = &[
    VERSION,
    required("people", ValueShape::List(&PERSON, 0, MOST), "Everyone who may sign."),
    optional("groups", ValueShape::Named(&IDS), "Approver groups: a name, and the ids of its people."),
    optional(
        "same_as",
        ValueShape::Named(&IDS),
        "An identity, and the ids in other systems that are the same person or workload.",
    ),
    optional(
        "barring_groups",
        IDS,
        "Groups with unknown members to which any approver may belong. No person may approve a change that benefits one.",
    ),
];

/// A person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The person's id in this file and in the log.
    pub id: Placed<PersonId>,
    /// The display name.
    pub name: Option<Text>,
    /// Their principals in `allowed_signers`.
    pub principals: Vec<Placed<PrincipalId>>,
    /// All their identities in any system.
    pub identities: Vec<Placed<IdentityId>>,
    /// Groups with unknown members to which they are known to belong.
    pub member_of: Vec<Placed<GroupId>>,
}

/// Ids in several systems of one person or workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SameIdentity {
    /// The identity.
    pub identity: Placed<IdentityId>,
    /// Its ids in other systems.
    pub others: Vec<Placed<IdentityId>>,
}

impl SameIdentity {
    /// All of its ids.
    pub fn all(&self) -> impl Iterator<Item = &Placed<IdentityId>> {
        std::iter::once(&self.identity).chain(&self.others)
    }
}

/// `people.yaml`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct People {
    everyone: Vec<Person>,
    groups: BTreeMap<Text, Vec<PersonId>>,
    barring: Vec<Placed<GroupId>>,
    same_as: Vec<SameIdentity>,
    by_principal: BTreeMap<PrincipalId, usize>,
    by_identity: BTreeMap<IdentityId, usize>,
}

impl People {
    /// Reads `people.yaml`.
    ///
    /// # Errors
    /// All faults, including a principal or identity of two people, and a group that names an unknown person.
    pub fn read(name: &str, bytes: &[u8]) -> Result<Self, Vec<Finding>> {
        let (node, mut findings) = checked(name, bytes, FILE)?;
        let Some(fields) = TypedFields::of(&node) else { return Err(findings) };
        let people: Vec<Person> =
            fields.list("people").iter().filter_map(TypedFields::of).filter_map(|f| person(&f)).collect();
        let mut out = Self { everyone: people, barring: fields.ids("barring_groups"), ..Self::default() };
        out.same_as = same_as(&fields, &mut findings);
        findings.extend(out.join_same());
        distinct("the person", out.everyone.iter().map(|person| &person.id), &mut findings);
        for (at, person) in out.everyone.iter().enumerate() {
            for principal in &person.principals {
                if let Some(other) = out.by_principal.insert(principal.value.clone(), at) {
                    let finding = shared("principal", principal.value.as_str(), &out.everyone, other, person);
                    findings.push(finding.at(&principal.place));
                }
            }
            for identity in &person.identities {
                if let Some(other) = out.by_identity.insert(identity.value.clone(), at) {
                    let finding = shared("identity", identity.value.as_str(), &out.everyone, other, person);
                    findings.push(finding.at(&identity.place));
                }
            }
        }
        if let Some(groups) = fields.fields("groups") {
            for entry in groups.entries() {
                let members: Vec<Placed<PersonId>> =
                    entry.value.items().unwrap_or_default().iter().filter_map(id).collect();
                for member in &members {
                    if out.person(&member.value).is_none() {
                        findings.push(unknown(&out, entry.key.value.raw(), member));
                    }
                }
                let members = members.into_iter().map(|member| member.value).collect();
                out.groups.insert(entry.key.value.clone(), members);
            }
        }
        if findings.is_empty() { Ok(out) } else { Err(findings) }
    }

    /// Gives each person all ids of their identities in `same_as`; reports ids of two people.
    fn join_same(&mut self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for same in &self.same_as {
            let has = |person: &Person, id: &IdentityId| person.identities.iter().any(|own| own.value == *id);
            let owner = |id: &IdentityId| self.everyone.iter().position(|person| has(person, id));
            let mut known = same.all().filter_map(|id| Some((owner(&id.value)?, id)));
            let Some((first, _)) = known.next() else { continue };
            if let Some((other, id)) = known.find(|(at, _)| *at != first) {
                let name = |at: usize| self.everyone.get(at).map_or("", |person| person.id.value.as_str());
                let message = format!("`same_as` makes two people one, `{}` and `{}`", name(first), name(other));
                let help = "list only ids of one person under an identity";
                findings.push(Finding::new(Code::DuplicateId, message).at(&id.place).help(help));
                continue;
            }
            let Some(person) = self.everyone.get_mut(first) else { continue };
            let more: Vec<Placed<IdentityId>> = same.all().filter(|id| !has(person, &id.value)).cloned().collect();
            person.identities.extend(more);
        }
        findings
    }

    /// Everyone, in file order.
    #[must_use]
    pub fn all(&self) -> &[Person] {
        &self.everyone
    }

    /// A person by their id.
    #[must_use]
    pub fn person(&self, id: &PersonId) -> Option<&Person> {
        self.everyone.iter().find(|person| person.id.value == *id)
    }

    /// The person with a principal.
    #[must_use]
    pub fn by_principal(&self, principal: &str) -> Option<&Person> {
        self.everyone.get(*self.by_principal.get(principal)?)
    }

    /// All principals with their persons.
    #[must_use]
    pub fn principals(&self) -> BTreeMap<PrincipalId, PersonId> {
        let of = |(principal, at): (&PrincipalId, &usize)| {
            self.everyone.get(*at).map(|person| (principal.clone(), person.id.value.clone()))
        };
        self.by_principal.iter().filter_map(of).collect()
    }

    /// The person with an identity.
    #[must_use]
    pub fn by_identity(&self, identity: &str) -> Option<&Person> {
        self.everyone.get(*self.by_identity.get(identity)?)
    }

    /// The approver groups by name, each with its people.
    #[must_use]
    pub fn groups(&self) -> &BTreeMap<Text, Vec<PersonId>> {
        &self.groups
    }

    /// The names of the approver groups that a person belongs to, sorted.
    pub fn groups_of<'a>(&'a self, person: &'a PersonId) -> impl Iterator<Item = &'a Text> {
        self.groups.iter().filter(move |(_, members)| members.contains(person)).map(|(name, _)| name)
    }

    /// Whether a person may not approve a change that benefits a group whose members the snapshot does not list.
    #[must_use]
    pub fn bars(&self, group: &GroupId, person: &PersonId) -> bool {
        self.barring.iter().any(|listed| listed.value == *group)
            || self.person(person).is_some_and(|p| p.member_of.iter().any(|listed| listed.value == *group))
    }

    /// The identities with ids in several systems.
    #[must_use]
    pub fn same_as(&self) -> &[SameIdentity] {
        &self.same_as
    }

    /// Every snapshot group in this file, with its place.
    pub fn named_groups(&self) -> impl Iterator<Item = &Placed<GroupId>> {
        self.barring.iter().chain(self.everyone.iter().flat_map(|person| &person.member_of))
    }
}

/// Reads `same_as`. Each id stands once in it: as an identity, or as one of its others.
fn same_as(fields: &TypedFields<'_>, findings: &mut Vec<Finding>) -> Vec<SameIdentity> {
    let mut out: Vec<SameIdentity> = Vec::new();
    let mut known: BTreeMap<IdentityId, (IdentityId, bool)> = BTreeMap::new();
    for entry in fields.fields("same_as").iter().flat_map(TypedFields::entries) {
        let name = entry.key.value.raw();
        let identity = Placed::new(IdentityId::new(name), entry.key.place.clone());
        let others: Vec<Placed<IdentityId>> = entry.value.items().unwrap_or_default().iter().filter_map(id).collect();
        let same = SameIdentity { identity, others };
        for (n, one) in same.all().enumerate() {
            let Some((other, is_head)) = known.insert(one.value.clone(), (same.identity.value.clone(), n == 0)) else {
                continue;
            };
            let message = if other == same.identity.value {
                format!("`same_as` lists `{}` twice for `{name}`", one.value.as_str())
            } else if is_head || n == 0 {
                format!("`same_as` is circular: `{}` stands for others and is listed itself", one.value.as_str())
            } else {
                format!(
                    "`same_as` lists `{}` for two identities, `{}` and `{name}`",
                    one.value.as_str(),
                    other.as_str()
                )
            };
            let help = "write all ids of one person or workload in one list, under one of them";
            findings.push(Finding::new(Code::DuplicateId, message).at(&one.place).help(help));
        }
        out.push(same);
    }
    out
}

fn person(fields: &TypedFields<'_>) -> Option<Person> {
    Some(Person {
        id: fields.id("id")?,
        name: fields.text("name").map(|name| name.value),
        principals: fields.ids("principals"),
        identities: fields.ids("identities"),
        member_of: fields.ids("member_of"),
    })
}

fn shared(what: &str, name: &str, people: &[Person], other: usize, person: &Person) -> Finding {
    let other = people.get(other).map_or("", |other| other.id.value.as_str());
    if other == person.id.value.as_str() {
        let message = format!("the {what} `{name}` is listed twice for `{other}`");
        return Finding::new(Code::DuplicateId, message).help("remove one of them");
    }
    let message = format!("the {what} `{name}` belongs to two people, `{other}` and `{}`", person.id.value.as_str());
    Finding::new(Code::DuplicateId, message).help("keep it at one of them")
}

fn unknown(people: &People, group: &str, member: &Placed<PersonId>) -> Finding {
    let name = member.value.as_str();
    let help = nearest(name, people.everyone.iter().map(|person| person.id.value.as_str()))
        .map_or_else(|| "add the person under `people:`".to_owned(), |near| format!("did you mean `{near}`"));
    Finding::new(
        Code::BadConfiguration,
        format!("the approver group `{group}` names `{name}`, who is not in this file"),
    )
    .at(&member.place)
    .help(help)
}
