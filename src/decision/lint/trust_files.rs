//! Consistency of the trust files: who could sign for whom, and which machine could pass for a person.
//!
//! Checks the parsed `people.yaml`, `agents.yaml`, `tasks.yaml` and `allowed_signers` with revoked keys, the time, and
//! the snapshot if there is one. Returns findings with their locations. [`faults`] are fatal: the site cannot evaluate
//! anything. [`remarks`] are for the maintainers of the files.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{AgentProof, Agents, People, Person, Tasks, TokenProof};
use crate::input::entitlement::IdentityKind;
use crate::input::finding::{Code, Finding, Severity};
use crate::input::id::PersonId;
use crate::input::place::{Place, Placed};
use crate::input::text::Text;
use crate::input::time::{Span, Time};
use crate::log::line::SessionKind;
use crate::snapshot::model::{Snapshot, Status};
use crate::trust::key::{PublicKey, RECOMMENDED_RSA_BITS};
use crate::trust::revoked::Revoked;
use crate::trust::signers::{SignerLine, Signers};

/// The recommended maximum lifetime of an agent's credential, in seconds.
const DAY: i64 = 86_400;

/// The trust files that determine who signs.
#[derive(Clone, Copy, Debug)]
pub struct Files<'a> {
    /// `people.yaml`.
    pub people: &'a People,
    /// `agents.yaml`.
    pub agents: &'a Agents,
    /// `tasks.yaml`.
    pub tasks: &'a Tasks,
    /// `allowed_signers`.
    pub signers: &'a Signers,
    /// The name of that file, for messages.
    pub signers_file: &'a str,
}

/// Fatal faults: a key that belongs to two people, or a proposer's key among those of approvers.
#[must_use]
pub fn faults(files: Files<'_>) -> Vec<Finding> {
    let mut found = shared_keys(files);
    found.extend(shared_with_recorders(files));
    found.extend(machines(files));
    found
}

/// Faults that are not fatal.
#[must_use]
pub fn remarks(
    files: Files<'_>,
    revoked: &Revoked,
    longest: Span,
    snapshot: Option<&Snapshot>,
    now: Time,
) -> Vec<Finding> {
    let mut found = without_keys(files, revoked, now);
    found.extend(nobodys(files));
    found.extend(recorders(files));
    found.extend(listed_though_revoked(files, revoked));
    found.extend(credentials(files, longest, now));
    found.extend(owners(files));
    found.extend(snapshot.into_iter().flat_map(|snapshot| not_people(files.people, snapshot)));
    found
}

impl<'a> Files<'a> {
    fn place(&self, line: &SignerLine) -> Place {
        Place::line(self.signers_file, line.number)
    }

    /// The people that a line represents.
    fn persons(&self, line: &'a SignerLine) -> impl Iterator<Item = &'a Person> + use<'a> {
        let matches = |person: &&Person| person.principals.iter().any(|p| line.principals.matches(p.value.as_str()));
        self.people.all().iter().filter(matches)
    }

    /// Every readable key of `agents.yaml`, with its agent, its location, and the principal of a certificate.
    fn proofs(&self) -> impl Iterator<Item = Proves<'a>> + use<'a> {
        let agents = self.agents.all().iter();
        agents.flat_map(|agent| {
            agent.proofs.iter().filter_map(|proof| {
                let (line, principal) = match &proof.value {
                    AgentProof::Key { key, .. } => (key, None),
                    AgentProof::Certificate { authority, principal } => (authority, Some(principal.as_str())),
                    AgentProof::Token(_) => return None,
                };
                let key = PublicKey::from_line(line.value.raw()).ok()?;
                Some(Proves { agent: agent.id.value.as_str(), is_person: agent.is_person, key, line, principal })
            })
        })
    }
}

/// A key by which an agent proves its identity.
struct Proves<'a> {
    agent: &'a str,
    is_person: bool,
    key: PublicKey,
    line: &'a Placed<Text>,
    /// The principal, if the key belongs to a certificate authority.
    principal: Option<&'a str>,
}

fn shared_keys(files: Files<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut seen: BTreeMap<&PublicKey, (BTreeMap<&PersonId, u32>, BTreeSet<u32>)> = BTreeMap::new();
    // WHY: a certificate authority's line represents everyone that it certifies.
    for line in files.signers.lines().iter().filter(|line| !line.cert_authority) {
        let (known, told) = seen.entry(&line.key).or_default();
        for person in files.persons(line) {
            let other = known.iter().find(|(id, _)| ***id != person.id.value).map(|(id, at)| (*id, *at));
            known.entry(&person.id.value).or_insert(line.number);
            if let Some((other, at)) = other
                && told.insert(line.number)
            {
                let message = format!(
                    "the key `{}` belongs to two people, `{}` and `{}`",
                    line.key.fingerprint(),
                    other.as_str(),
                    person.id.value.as_str()
                );
                let help = if at == line.number {
                    "give each person a separate line and key".to_owned()
                } else {
                    format!("the first is in line {at}; give each person a separate key")
                };
                found.push(Finding::new(Code::SharedKey, message).at(&files.place(line)).help(help));
            }
        }
    }
    found
}

/// Lines that use a key for a machine's records while another line uses it for a person. A recorder can never decide.
fn shared_with_recorders(files: Files<'_>) -> Vec<Finding> {
    let plain = || files.signers.lines().iter().filter(|line| !line.cert_authority);
    let mut people: BTreeMap<&PublicKey, (&PersonId, u32)> = BTreeMap::new();
    for line in plain() {
        if let Some(person) = files.persons(line).next() {
            people.entry(&line.key).or_insert((&person.id.value, line.number));
        }
    }
    let records = |line: &&SignerLine| {
        line.unused.is_none()
            && line.namespaces.as_ref().is_some_and(|list| list.matches(SessionKind::Record.namespace()))
            && files.persons(line).next().is_none()
    };
    let mut found = Vec::new();
    for line in plain().filter(records) {
        if let Some((person, at)) = people.get(&line.key) {
            let message = format!(
                "the key `{}` is allowed for recording as `{}`, and also belongs to `{}` in line {at}",
                line.key.fingerprint(),
                line.principals_text.raw(),
                person.as_str()
            );
            let help = "a recorder cannot decide; give it a separate key";
            found.push(Finding::new(Code::SharedKey, message).at(&files.place(line)).help(help));
        }
    }
    found
}

fn machines(files: Files<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for proves in files.proofs() {
        let passes = |line: &&SignerLine| {
            line.key == proves.key
                && match proves.principal {
                    None => true,
                    Some(principal) => line.cert_authority && line.principals.matches(principal),
                }
        };
        if let Some(line) = files.signers.lines().iter().find(passes) {
            let message = match proves.principal {
                None if proves.is_person => format!(
                    "the key that proves plans of the person `{}` is also an approver's key, in line {} of allowed_signers",
                    proves.agent, line.number
                ),
                None => format!(
                    "the key of the agent `{}` is also an approver's key, in line {} of allowed_signers",
                    proves.agent, line.number
                ),
                Some(principal) => format!(
                    "line {1} of allowed_signers would accept certificates of the agent `{0}`, for `{principal}`, as an approver's",
                    proves.agent, line.number
                ),
            };
            let finding = Finding::new(Code::MachineApprover, message).at(&proves.line.place);
            found.push(finding.help(if proves.is_person {
                "a key that proves plans cannot decide; use a second key to propose with"
            } else {
                "a machine cannot approve; give the agent a separate key or certificate authority"
            }));
        }
    }
    found
}

/// The keys of a person in `allowed_signers`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonKeys {
    /// One of them may sign decisions now.
    Usable,
    /// All of them ended, are revoked, or may not sign decisions.
    Ended,
    /// No line lists one.
    None,
}

/// Whether a person has a key that may sign decisions now.
#[must_use]
pub fn keys_of(person: &Person, signers: &Signers, revoked: &Revoked, now: Time) -> PersonKeys {
    let seals = SessionKind::Review.namespace();
    let counts = |line: &&SignerLine| {
        line.unused.is_none()
            && line.namespaces.as_ref().is_some_and(|list| list.matches(seals))
            && line.valid_after.is_none_or(|from| from <= now)
            && line.valid_before.is_none_or(|until| now <= until)
            && !revoked.contains(&line.key)
    };
    let stands = |line: &&SignerLine| person.principals.iter().any(|p| line.principals.matches(p.value.as_str()));
    let mut lines = signers.lines().iter().filter(stands).peekable();
    if lines.peek().is_none() {
        return PersonKeys::None;
    }
    if lines.any(|line| counts(&line)) { PersonKeys::Usable } else { PersonKeys::Ended }
}

fn without_keys(files: Files<'_>, revoked: &Revoked, now: Time) -> Vec<Finding> {
    let mut found = Vec::new();
    for person in files.people.all() {
        let keys = keys_of(person, files.signers, revoked, now);
        if keys == PersonKeys::Usable {
            continue;
        }
        let id = person.id.value.as_str();
        let listed = keys == PersonKeys::Ended;
        let is_approver = files.people.groups_of(&person.id.value).next().is_some();
        if person.principals.is_empty() && !is_approver {
            continue;
        }
        let message = if listed {
            format!("`{id}` has no valid key in allowed_signers now, so `{id}` cannot decide")
        } else {
            format!("`{id}` has no key in allowed_signers, so `{id}` cannot decide")
        };
        let finding = Finding::new(Code::PersonWithoutKey, message).at(&person.id.place);
        found.push(finding.help("add a line `PRINCIPAL namespaces=\"review-seal@v1\" KEY` with a principal of theirs"));
    }
    found
}

fn nobodys(files: Files<'_>) -> Vec<Finding> {
    let seals = SessionKind::Review.namespace();
    let decides = |line: &&SignerLine| {
        line.unused.is_none()
            && line.namespaces.as_ref().is_some_and(|list| list.matches(seals))
            && files.persons(line).next().is_none()
    };
    let lines = files.signers.lines().iter().filter(decides);
    lines
        .map(|line| {
            let message = format!(
                "`{}` of allowed_signers belongs to no person in people.yaml, so this key cannot decide",
                line.principals_text.raw()
            );
            Finding::new(Code::NobodysKey, message)
                .at(&files.place(line))
                .help("add that principal to a person in people.yaml, or remove the line")
        })
        .collect()
}

/// Lines whose key both decides as a person and records as a machine: its holder could forge the record of policy
/// decisions.
fn recorders(files: Files<'_>) -> Vec<Finding> {
    let allows = |line: &SignerLine, kind: SessionKind| {
        line.namespaces.as_ref().is_some_and(|list| list.matches(kind.namespace()))
    };
    let both = |line: &&SignerLine| {
        line.unused.is_none() && allows(line, SessionKind::Record) && files.persons(line).next().is_some()
    };
    let lines = files.signers.lines().iter().filter(both);
    lines
        .map(|line| {
            let message = format!(
                "the line for `{}` lets the key of a person record automatic changes; a recorder must not be in people.yaml",
                line.principals_text.raw()
            );
            Finding::new(Code::MachineApprover, message)
                .at(&files.place(line))
                .help("write `namespaces=\"review-seal@v1\"`, and give the recorder a separate line, principal and key")
                .weighing(Severity::Warning)
        })
        .collect()
}

fn listed_though_revoked(files: Files<'_>, revoked: &Revoked) -> Vec<Finding> {
    let of = |key: &PublicKey, place: &Place| {
        Finding::new(
            Code::RevokedKeyListed,
            format!("the key `{}` was revoked, but is still listed", key.fingerprint()),
        )
        .at(place)
        .help("remove it; it proves no plan")
    };
    // Lines of allowed_signers stay: without them, nobody could tell a revoked key from a stranger's.
    let agents = files.proofs().filter(|proves| revoked.contains(&proves.key));
    agents.map(|proves| of(&proves.key, &proves.line.place)).collect()
}

/// A GitHub repository that is identified by its name only: anyone who takes over the name is accepted.
fn by_name_alone(id: &str, token: &TokenProof) -> Option<Finding> {
    let is_github = token.issuer.raw() == "https://token.actions.githubusercontent.com";
    let repository = token.subject.raw().strip_prefix("repo:").and_then(|rest| rest.split(':').next())?;
    let is_numbered = |part: &str| part.rsplit_once('@').is_some_and(|(_, number)| !number.is_empty());
    let pins = |claim: &str| token.claims.iter().any(|(name, _)| name.raw() == claim);
    let is_pinned = repository.split('/').all(is_numbered) || (pins("repository_id") && pins("repository_owner_id"));
    (is_github && !is_pinned).then(|| {
        let message = format!(
            "tokens of `{id}` are identified only by the repository name `{repository}`: whoever later takes over that name can prove its plans"
        );
        Finding::new(Code::NameOnlySubject, message).at(&token.jwks.place).help(
            "use the subject with ids (`repo:OWNER@ID/NAME@ID:…`), or pin `claims: {repository_owner_id: …, repository_id: …}`",
        )
    })
}

fn credentials(files: Files<'_>, longest: Span, now: Time) -> Vec<Finding> {
    let mut found = Vec::new();
    for agent in files.agents.all() {
        let id = agent.id.value.as_str();
        if agent.proofs.is_empty() && !agent.is_person {
            let message = format!("the agent `{id}` has no `proof:`, so its plans are denied");
            let finding = Finding::new(Code::AgentWithoutProof, message).at(&agent.id.place);
            found.push(finding.help("add the key, certificate authority or token that proves its plans"));
        }
        let longest = agent.max_credential_ttl.map_or(longest, |own| own.min(longest));
        if longest.seconds() > DAY && !agent.proofs.is_empty() && !agent.is_person {
            let message =
                format!("credentials of the agent `{id}` may last {longest}: a stolen one can be used for as long");
            let finding = Finding::new(Code::LongLivedAgent, message).at(&agent.id.place);
            found.push(
                finding
                    .help("set `max_credential_ttl` to the lifetime of its certificates or tokens, such as `1h`, and at most `1d`"),
            );
        }
        for proof in &agent.proofs {
            if let AgentProof::Token(token) = &proof.value {
                found.extend(by_name_alone(id, token));
            }
            let AgentProof::Key { key, valid_after, valid_before } = &proof.value else { continue };
            let lifetime = valid_after.zip(*valid_before).and_then(|(from, until)| until.since(from));
            let (code, message) = match (lifetime, valid_before) {
                (_, Some(until)) if *until < now => {
                    (Code::CredentialEnded, format!("this key of `{id}` ended at {until}"))
                }
                (Some(lifetime), _) if lifetime <= longest => continue,
                (Some(lifetime), _) => (
                    Code::EndlessCredential,
                    format!(
                        "this key of `{id}` is valid for {lifetime}, and a credential may be for {longest}, so its plans are denied"
                    ),
                ),
                (None, _) => {
                    (Code::EndlessCredential, format!("this key of `{id}` has no expiry, so its plans are denied"))
                }
            };
            let help = "shorten the time from `valid_after` to `valid_before` and renew the key, or use short-lived certificates or tokens";
            found.push(Finding::new(code, message).at(&key.place).help(help));
        }
    }
    for proves in files.proofs() {
        if let Some(bits) = proves.key.rsa_bits().filter(|bits| *bits < RECOMMENDED_RSA_BITS) {
            let message = format!("the RSA key of the agent `{}` has {bits} bits", proves.agent);
            let help = format!("replace it with an ed25519 key, or with one of at least {RECOMMENDED_RSA_BITS} bits");
            found.push(Finding::new(Code::WeakKey, message).at(&proves.line.place).help(help));
        }
    }
    found
}

fn owners(files: Files<'_>) -> Vec<Finding> {
    let owners = files.tasks.all().iter().filter_map(|task| task.owner.as_ref().map(|owner| (task, owner)));
    let is_machine = |id: &str| files.agents.get(id).is_some_and(|agent| !agent.is_person);
    let machines = owners.filter(|(_, owner)| is_machine(owner.value.as_str()));
    machines
        .map(|(task, owner)| {
            let message =
                format!("the task `{}` is owned by the agent `{}`", task.id.value.as_str(), owner.value.as_str());
            Finding::new(Code::NotAPerson, message)
                .at(&owner.place)
                .help("set `owner` to a person, who opens the task and is responsible for it")
        })
        .collect()
}

fn not_people(people: &People, snapshot: &Snapshot) -> Vec<Finding> {
    let views: BTreeMap<&str, (IdentityKind, Status)> =
        snapshot.identities.iter().map(|i| (i.id.as_str(), (i.kind, i.status))).collect();
    let mut found = Vec::new();
    for person in people.all() {
        for identity in &person.identities {
            let Some((kind, status)) = views.get(identity.value.as_str()) else { continue };
            let what = match (kind, status) {
                (IdentityKind::Human, Status::Active) => continue,
                (IdentityKind::Human, _) => "disabled",
                (
                    IdentityKind::ServiceAccount
                    | IdentityKind::Workload
                    | IdentityKind::Agent
                    | IdentityKind::Device
                    | IdentityKind::Public,
                    _,
                ) => kind.name(),
            };
            let message = format!(
                "in the snapshot, the identity `{}` of `{}` is {what}, so `{}` cannot decide",
                identity.value.as_str(),
                person.id.value.as_str(),
                person.id.value.as_str()
            );
            let help = "remove the identity from the person, or correct the export";
            found.push(Finding::new(Code::NotAPerson, message).at(&identity.place).help(help));
        }
    }
    found
}
