//! Links between the parts: trusts by which an identity of one part can act as one of another.
//!
//! 1. Whoever gets tokens from an issuer (workflows of GitHub, service accounts of Kubernetes) is compared with the trusts in
//!    tokens of that issuer (roles of AWS, applications of Entra) and with the principals of Google Cloud that represent such
//!    tokens. A link has what the trust asks for besides subject and audience as its condition, and what the export of
//!    Google Cloud does not state: which issuers a pool trusts, and which clusters it has.
//! 2. Users, groups and service principals of Azure are those of Entra with the same id.
//! 3. The lines of `--map`.
//!
//! A subject or principal to which nothing is linked stays what it is without a merge: outsiders, with a note. Costs one comparison for each trust of an issuer
//! and each identity that gets tokens from it.

use std::collections::{BTreeMap, BTreeSet};

use crate::input::finding::{Code, Finding};
use crate::input::id::IdentityId;
use crate::input::nearest::nearest;
use crate::input::place::Place;
use crate::input::text::Text;
use crate::snapshot::model::{Identity, Snapshot, Trust};

use super::federation::{AlsoAsked, Federated, GITHUB, Subjects, host};
use super::google::{PoolMember, is_of_clusters};
use super::part::{LinkOptions, NamedPart};

/// Annotations of service accounts of Kubernetes that name what they act as, kept as labels by the importer.
const AWS_ROLE: &str = "eks.amazonaws.com/role-arn";
const GOOGLE_ACCOUNT: &str = "iam.gke.io/gcp-service-account";

/// Someone who gets tokens.
struct Presenter<'p> {
    id: &'p IdentityId,
    subjects: Vec<Subjects>,
}

/// Conditions, of which one must hold; `None`: no condition.
type Conditions = Option<BTreeSet<String>>;

/// The links found: by who and as whom, the kind and the conditions.
#[derive(Default)]
struct Found {
    links: BTreeMap<(Text, Text), (&'static str, Conditions)>,
}

impl Found {
    fn add(&mut self, from: Text, to: Text, kind: &'static str, condition: Option<String>) {
        let (_, known) = self.links.entry((from, to)).or_insert_with(|| (kind, Some(BTreeSet::new())));
        match (known.as_mut(), condition) {
            (Some(known), Some(more)) => {
                known.insert(more);
            }
            (_, None) => *known = None,
            (None, Some(_)) => {}
        }
    }
}

/// Adds the links to a merged snapshot, and returns how many there are of each kind.
///
/// # Errors
/// An issuer of a part that is not there, or a line of the map that names nothing.
pub(super) fn add(
    snapshot: &mut Snapshot,
    named: &[NamedPart],
    options: &LinkOptions,
    findings: &mut Vec<Finding>,
) -> Result<BTreeMap<&'static str, u64>, Vec<Finding>> {
    let mut faults: Vec<Finding> = Vec::new();
    let known = |name: &str| named.iter().any(|part| part.name == name);
    for (name, _) in options.issuers.iter().filter(|(name, _)| !known(name)) {
        let near = nearest(name, named.iter().map(|part| part.name.as_str()));
        let help = near.map_or_else(|| "name a part".to_owned(), |near| format!("did you mean `{near}`?"));
        faults.push(
            Finding::new(Code::BadValue, format!("`--issuer` names the part `{name}`, which is not there")).help(help),
        );
    }
    let mut found = Found::default();
    tokens(named, options, &mut found, findings);
    same_principals(named, &mut found);
    mapped(snapshot, options, &mut found, &mut faults);
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
    for (kind, _) in found.links.values() {
        let slot = counts.entry(kind).or_default();
        *slot = slot.saturating_add(1);
    }
    findings.extend(summary(&found));
    for ((from, to), (kind, condition)) in found.links {
        let trust = Trust {
            id: format!("link:{}=>{}", from.raw(), to.raw()).into(),
            from,
            to,
            via: kind.into(),
            requires: None,
            condition: condition.map(|all| Text::from(all.into_iter().collect::<Vec<_>>().join(", or "))),
            system: None,
        };
        snapshot.trusts.push(trust);
    }
    snapshot.trusts.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(counts)
}

/// One note for each kind of link.
fn summary(found: &Found) -> Vec<Finding> {
    let mut kinds: BTreeMap<&str, (BTreeSet<&Text>, BTreeSet<&Text>, u64)> = BTreeMap::new();
    for ((from, to), (kind, condition)) in &found.links {
        let slot = kinds.entry(kind).or_default();
        slot.0.insert(from);
        slot.1.insert(to);
        slot.2 = slot.2.saturating_add(u64::from(condition.is_some()));
    }
    let note = |(kind, (from, to, conditional)): (&str, (BTreeSet<&Text>, BTreeSet<&Text>, u64))| {
        let message = format!(
            "{} of one part can act as {} of another through {kind}{}",
            counted(from.len(), "subject", "subjects"),
            counted(to.len(), "subject", "subjects"),
            if conditional == 0 { String::new() } else { format!("; {conditional} of these links under a condition") }
        );
        Finding::new(Code::SystemsLinked, message)
    };
    kinds.into_iter().map(note).collect()
}

fn counted(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// Those who get tokens from each issuer.
fn presenters<'p>(named: &'p [NamedPart], options: &LinkOptions) -> BTreeMap<String, Vec<Presenter<'p>>> {
    let mut out: BTreeMap<String, Vec<Presenter<'p>>> = BTreeMap::new();
    for part in named {
        let of_part: Vec<String> = issuers(options, part).collect();
        for identity in &part.snapshot.identities {
            let mut give = |issuers: &[String], subjects: Vec<Subjects>| {
                for issuer in issuers {
                    let subjects = subjects.clone();
                    out.entry(issuer.clone()).or_default().push(Presenter { id: &identity.id, subjects });
                }
            };
            let workflow: Vec<Subjects> = ["oidc_subject", "oidc_subject_with_ids"]
                .iter()
                .filter_map(|label| Some(Subjects::From(identity.labels.get(*label)?.raw().to_owned())))
                .collect();
            if !workflow.is_empty() {
                let own = [GITHUB.to_owned()];
                give(if of_part.is_empty() { &own } else { &of_part }, workflow);
            } else if let Some((namespace, name)) = account(part, identity) {
                give(&of_part, vec![Subjects::One(format!("system:serviceaccount:{namespace}:{name}"))]);
            }
        }
    }
    out
}

/// The issuers that the user names for a part.
fn issuers<'o>(options: &'o LinkOptions, part: &'o NamedPart) -> impl Iterator<Item = String> + 'o {
    options.issuers.iter().filter(|(name, _)| *name == part.name).map(|(_, issuer)| host(issuer))
}

/// The namespace and name of a service account of Kubernetes.
fn account<'i>(part: &NamedPart, identity: &'i Identity) -> Option<(&'i str, &'i str)> {
    part.local(identity.id.as_str()).strip_prefix("sa:")?.split_once('/')
}

/// Trusts by what they admit that no identity of the parts is linked to: by issuer and subject, who is acted as.
type Unlinked<'t> = BTreeMap<(String, Option<String>), BTreeSet<&'t Text>>;

fn tokens(named: &[NamedPart], options: &LinkOptions, found: &mut Found, findings: &mut Vec<Finding>) {
    let presenters = presenters(named, options);
    let mut unlinked = Unlinked::new();
    for part in named {
        for trust in &part.snapshot.trusts {
            let Some(federated) = Federated::of(trust, part.local(trust.from.raw())) else { continue };
            let kind = "oidc-federation";
            let all = presenters.get(&federated.issuer);
            for who in all.into_iter().flatten() {
                for AlsoAsked(condition) in who.subjects.iter().filter_map(|subjects| federated.admits(subjects)) {
                    found.add(who.id.text(), federated.to.clone(), kind, condition);
                }
            }
            let annotated = annotated(named, &federated, found);
            let offered = all.into_iter().flatten().flat_map(|who| &who.subjects).chain(&annotated);
            for subject in federated.unlinked(&offered.collect::<Vec<_>>(), all.is_some()) {
                let slot = unlinked.entry((federated.issuer.clone(), subject.map(str::to_owned))).or_default();
                slot.insert(federated.to);
            }
        }
        google(part, named, (options, &presenters), found, findings);
    }
    findings.extend(unlinked.iter().map(|((issuer, subject), roles)| {
        let is_known = presenters.contains_key(issuer);
        let roles = counted(roles.len(), "identity trusts", "identities trust");
        let subject = subject.as_ref().map_or_else(String::new, |it| format!(" with the subject `{it}`"));
        let whose = if is_known { "no identity of the parts is known to get" } else { "no part is known to issue" };
        let message = format!("{roles} tokens of `{issuer}`{subject}, which {whose}, so they count as outsiders");
        let help = if is_known {
            "merge the export of what gets them too; `--map` links an identity by its name".to_owned()
        } else {
            format!("if a part issues them, say so: `--issuer NAME={issuer}`")
        };
        Finding::new(Code::SystemsLinked, message).help(help)
    }));
}

/// Links service accounts of Kubernetes whose annotation names a role that admits their subject, whatever the issuer.
/// Returns the subjects linked.
fn annotated(named: &[NamedPart], federated: &Federated<'_>, found: &mut Found) -> Vec<Subjects> {
    let mut linked = Vec::new();
    for part in named {
        let names_it = |it: &&Identity| it.labels.get(AWS_ROLE).is_some_and(|role| role == federated.to);
        for identity in part.snapshot.identities.iter().filter(names_it) {
            let Some((namespace, name)) = account(part, identity) else { continue };
            let subject = Subjects::One(format!("system:serviceaccount:{namespace}:{name}"));
            if let Some(AlsoAsked(condition)) = federated.admits(&subject) {
                found.add(identity.id.text(), federated.to.clone(), "oidc-federation", condition);
                linked.push(subject);
            }
        }
    }
    linked
}

/// Links the principals of Google Cloud that represent tokens of a pool, and notes those that nobody is linked to.
fn google(
    part: &NamedPart,
    named: &[NamedPart],
    (options, presenters): (&LinkOptions, &BTreeMap<String, Vec<Presenter<'_>>>),
    found: &mut Found,
    findings: &mut Vec<Finding>,
) {
    let identities = part.snapshot.identities.iter().map(|it| it.id.text());
    let groups = part.snapshot.groups.iter().map(|it| it.id.text());
    for principal in identities.chain(groups) {
        let Some(member) = PoolMember::of(part.local(principal.raw())) else { continue };
        let links = if member.is_of_clusters() {
            of_clusters(named, options, &member)
        } else {
            of_providers(presenters, &member)
        };
        let is_mapped = options.map.iter().any(|line| line.to == principal.raw());
        if links.is_empty() && !is_mapped {
            let message = format!(
                "`{}` represents tokens that no identity of the parts is known to get, so it counts as outsiders",
                principal.raw()
            );
            let help = "if an identity of a part gets them, name it with `--map`";
            findings.push(Finding::new(Code::SystemsLinked, message).help(help));
        }
        for (from, condition) in links {
            found.add(from, principal.clone(), "workload-identity", condition);
        }
    }
}

/// Who gets tokens of issuers that the pool of a member may trust, and under which condition.
fn of_providers(
    presenters: &BTreeMap<String, Vec<Presenter<'_>>>,
    member: &PoolMember<'_>,
) -> Vec<(Text, Option<String>)> {
    let mut links = Vec::new();
    for (issuer, all) in presenters.iter().filter(|(issuer, _)| !is_of_clusters(issuer)) {
        for who in all {
            for AlsoAsked(more) in who.subjects.iter().filter_map(|subjects| member.admits(subjects)) {
                links.push((who.id.text(), both(Some(format!("the provider of the pool trusts {issuer}")), more)));
            }
        }
    }
    links
}

/// The service accounts of Kubernetes that a member may represent, and under which condition.
fn of_clusters(named: &[NamedPart], options: &LinkOptions, member: &PoolMember<'_>) -> Vec<(Text, Option<String>)> {
    let mut links = Vec::new();
    for part in named {
        let pools: Vec<String> = issuers(options, part).filter(|it| is_of_clusters(it)).collect();
        for identity in &part.snapshot.identities {
            let Some((namespace, name)) = account(part, identity) else { continue };
            let is_stated = pools.iter().any(|pool| pool == member.pool)
                || (member.is_subject() && identity.labels.contains_key(GOOGLE_ACCOUNT));
            if !is_stated && !pools.is_empty() {
                continue;
            }
            if let Some(AlsoAsked(more)) = member.admits_account(namespace, name) {
                let pool = (!is_stated).then(|| format!("the cluster is of the pool {}", member.pool));
                links.push((identity.id.text(), both(pool, more)));
            }
        }
    }
    links
}

/// Both conditions.
fn both(one: Option<String>, other: Option<String>) -> Option<String> {
    match (one, other) {
        (Some(one), Some(other)) => Some(format!("{one} and {other}")),
        (one, other) => one.or(other),
    }
}

/// Azure gives roles to the principals of its Entra tenant.
fn same_principals(named: &[NamedPart], found: &mut Found) {
    let of = |source: &'static str| named.iter().filter(move |part| part.snapshot.source.raw() == source);
    for (azure, entra) in of("azure").flat_map(|azure| of("entra").map(move |entra| (azure, entra))) {
        let tenant = |part: &NamedPart| part.snapshot.target.as_ref().map(|target| target.id.clone());
        if matches!((tenant(azure), tenant(entra)), (Some(a), Some(b)) if a != b) {
            continue;
        }
        let mut principals: BTreeMap<String, Text> = BTreeMap::new();
        for it in &entra.snapshot.identities {
            principals.insert(entra.local(it.id.as_str()).to_owned(), it.id.text());
            if let Some(object) = it.labels.get("object_id") {
                principals.insert(format!("/{}", object.raw()), it.id.text());
            }
        }
        for it in &entra.snapshot.groups {
            principals.insert(entra.local(it.id.as_str()).to_owned(), it.id.text());
        }
        let identities = azure.snapshot.identities.iter().map(|it| it.id.text());
        for id in identities.chain(azure.snapshot.groups.iter().map(|it| it.id.text())) {
            let local = azure.local(id.raw());
            let object = local.strip_prefix("sp:").and_then(|it| it.rsplit_once('/')).map(|(_, id)| format!("/{id}"));
            let known = principals.get(local).or_else(|| principals.get(&object?));
            if let Some(principal) = known {
                found.add(principal.clone(), id, "same-principal", None);
            }
        }
    }
}

fn mapped(snapshot: &Snapshot, options: &LinkOptions, found: &mut Found, faults: &mut Vec<Finding>) {
    let identities = snapshot.identities.iter().map(|it| it.id.as_str());
    let known: BTreeSet<&str> = identities.chain(snapshot.groups.iter().map(|it| it.id.as_str())).collect();
    for line in &options.map {
        let is_known = |name: &str, faults: &mut Vec<Finding>| {
            let is = known.contains(name);
            if !is {
                let near = nearest(name, known.iter().copied());
                let help = near.map_or_else(
                    || "write the ids of the merged snapshot, such as `okta:group:NAME/ID`".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                let message = format!("the map names `{name}`, which is no identity or group of the parts");
                let finding = Finding::new(Code::UnknownIdentity, message).help(help);
                faults.push(if line.line == 0 { finding } else { finding.at(&Place::line("--map", line.line)) });
            }
            is
        };
        if is_known(&line.from, faults) & is_known(&line.to, faults) {
            found.add(Text::from(line.from.as_str()), Text::from(line.to.as_str()), "mapped", None);
        }
    }
}
