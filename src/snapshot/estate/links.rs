//! Links between the parts: trusts by which an identity of one part can act as one of another.
//!
//! 1. Whoever gets tokens from an issuer (workflows of GitHub, service accounts of Kubernetes) is compared with the trusts in
//!    tokens of that issuer (roles of AWS, applications of Entra) and with the principals of Google Cloud that stand for such
//!    tokens. A link has what the trust asks for besides subject and audience as its condition.
//! 2. Users, groups and service principals of Azure are those of Entra with the same id.
//! 3. The lines of `--map`.
//!
//! An issuer that no part has stays what it is without a merge: outsiders. Costs one comparison for each trust of an issuer
//! and each identity that gets tokens from it.

use std::collections::{BTreeMap, BTreeSet};

use crate::input::finding::{Code, Finding};
use crate::input::id::IdentityId;
use crate::input::nearest::nearest;
use crate::input::place::Place;
use crate::input::text::Text;
use crate::snapshot::model::{Identity, Snapshot, Trust};

use super::federation::{AlsoAsked, Federated, GITHUB, Subjects, host};
use super::part::{LinkOptions, NamedPart};

/// Annotations of service accounts of Kubernetes that name what they act as, kept as labels by the importer.
const AWS_ROLE: &str = "eks.amazonaws.com/role-arn";
const GOOGLE_ACCOUNT: &str = "iam.gke.io/gcp-service-account";

/// Someone who gets tokens.
struct Presenter<'p> {
    id: &'p IdentityId,
    subjects: Vec<Subjects>,
}

/// The links found: by who and as whom, the kind and the condition. One without a condition wins.
#[derive(Default)]
struct Found {
    links: BTreeMap<(Text, Text), (&'static str, Option<String>)>,
}

impl Found {
    fn add(&mut self, from: Text, to: Text, kind: &'static str, condition: Option<String>) {
        let slot = self.links.entry((from, to)).or_insert_with(|| (kind, condition.clone()));
        slot.1 = match (slot.1.take(), condition) {
            (Some(known), Some(more)) if known == more => Some(known),
            (Some(known), Some(more)) => Some(format!("{known}, or {more}")),
            (None, _) | (_, None) => None,
        };
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
            condition: condition.map(Text::from),
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
        let of_part: Vec<String> =
            options.issuers.iter().filter(|(name, _)| *name == part.name).map(|(_, issuer)| host(issuer)).collect();
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

/// The namespace and name of a service account of Kubernetes.
fn account<'i>(part: &NamedPart, identity: &'i Identity) -> Option<(&'i str, &'i str)> {
    part.local(identity.id.as_str()).strip_prefix("sa:")?.split_once('/')
}

fn tokens(named: &[NamedPart], options: &LinkOptions, found: &mut Found, findings: &mut Vec<Finding>) {
    let presenters = presenters(named, options);
    let mut unknown: BTreeMap<String, BTreeSet<&Text>> = BTreeMap::new();
    for part in named {
        for trust in &part.snapshot.trusts {
            let Some(federated) = Federated::of(trust, part.local(trust.from.raw())) else { continue };
            let kind = "oidc-federation";
            for who in presenters.get(&federated.issuer).into_iter().flatten() {
                for AlsoAsked(condition) in who.subjects.iter().filter_map(|subjects| federated.admits(subjects)) {
                    found.add(who.id.text(), federated.to.clone(), kind, condition);
                }
            }
            let annotated = annotated(named, &federated, found);
            if !presenters.contains_key(&federated.issuer) && !annotated {
                unknown.entry(federated.issuer.clone()).or_default().insert(federated.to);
            }
        }
        google(part, named, &presenters, found);
    }
    findings.extend(unknown.iter().map(|(issuer, roles)| {
        let roles = counted(roles.len(), "identity trusts", "identities trust");
        let message =
            format!("{roles} tokens of `{issuer}`, which no part is known to issue, so they count as outsiders");
        Finding::new(Code::SystemsLinked, message)
            .help(format!("if a part issues them, say so: `--issuer NAME={issuer}`"))
    }));
}

/// Links service accounts of Kubernetes whose annotation names a role that admits their subject, whatever the issuer.
fn annotated(named: &[NamedPart], federated: &Federated<'_>, found: &mut Found) -> bool {
    let mut any = false;
    for part in named {
        let names_it = |it: &&Identity| it.labels.get(AWS_ROLE).is_some_and(|role| role == federated.to);
        for identity in part.snapshot.identities.iter().filter(names_it) {
            let Some((namespace, name)) = account(part, identity) else { continue };
            let subject = Subjects::One(format!("system:serviceaccount:{namespace}:{name}"));
            if let Some(AlsoAsked(condition)) = federated.admits(&subject) {
                found.add(identity.id.text(), federated.to.clone(), "oidc-federation", condition);
                any = true;
            }
        }
    }
    any
}

/// Links the principals of Google Cloud that stand for tokens of a pool.
fn google(part: &NamedPart, named: &[NamedPart], presenters: &BTreeMap<String, Vec<Presenter<'_>>>, found: &mut Found) {
    let identities = part.snapshot.identities.iter().map(|it| it.id.text());
    let groups = part.snapshot.groups.iter().map(|it| it.id.text());
    for principal in identities.chain(groups) {
        let local = part.local(principal.raw());
        if let Some((pool, rest)) = local.strip_prefix("serviceAccount:").and_then(|it| it.split_once('[')) {
            let subject = rest.strip_suffix(']').and_then(|it| it.split_once('/'));
            let Some((namespace, name)) = subject.filter(|_| pool.ends_with(".svc.id.goog")) else { continue };
            kubernetes(named, (pool, namespace, name), presenters, &principal, found);
        } else if let Some((_, rest)) = local.split_once("/workloadIdentityPools/") {
            let Some((_, claim)) = rest.split_once('/') else { continue };
            for who in presenters.get(GITHUB).into_iter().flatten() {
                for AlsoAsked(condition) in who.subjects.iter().filter_map(|subjects| of_claim(claim, subjects)) {
                    let pool = format!("the provider of the pool trusts {GITHUB}");
                    let condition = condition.map_or_else(|| pool.clone(), |more| format!("{pool} and {more}"));
                    found.add(who.id.text(), principal.clone(), "workload-identity", Some(condition));
                }
            }
        }
    }
}

/// Whether a claim of a principal of a pool is one of a workflow, and what else must hold.
fn of_claim(claim: &str, offered: &Subjects) -> Option<AlsoAsked> {
    let (Subjects::From(subject) | Subjects::One(subject)) = offered;
    let repository = subject.strip_prefix("repo:")?.trim_end_matches(':');
    let owner = repository.split('/').next().unwrap_or_default();
    match claim.split_once('/') {
        Some(("subject", pinned)) => {
            pinned.starts_with(subject.as_str()).then(|| AlsoAsked(Some(format!("the subject is {pinned}"))))
        }
        Some(("attribute.repository", name)) => (name == repository).then_some(AlsoAsked(None)),
        Some(("attribute.repository_owner", name)) => (name == owner).then_some(AlsoAsked(None)),
        Some(_) | None => None,
    }
}

/// Links a service account of Kubernetes to the member of Google Cloud that stands for it.
fn kubernetes(
    named: &[NamedPart],
    (pool, namespace, name): (&str, &str, &str),
    presenters: &BTreeMap<String, Vec<Presenter<'_>>>,
    principal: &Text,
    found: &mut Found,
) {
    let subject = Subjects::One(format!("system:serviceaccount:{namespace}:{name}"));
    for who in presenters.get(pool).into_iter().flatten().filter(|who| who.subjects.contains(&subject)) {
        found.add(who.id.text(), principal.clone(), "workload-identity", None);
    }
    for part in named {
        let is_it =
            |it: &&Identity| account(part, it) == Some((namespace, name)) && it.labels.contains_key(GOOGLE_ACCOUNT);
        for identity in part.snapshot.identities.iter().filter(is_it) {
            found.add(identity.id.text(), principal.clone(), "workload-identity", None);
        }
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
