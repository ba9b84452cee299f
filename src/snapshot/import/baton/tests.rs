//! The importer of Baton on lists that we write, and on those of a large directory where they are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::*;
use crate::input::entitlement::IdentityKind;
use crate::input::finding::Severity;
use crate::input::id::Id;
use crate::snapshot::model::{MembersKnown, Snapshot, Status};

const FIXTURE: &str = include_str!("fixture.json");

fn at() -> Time {
    Time::parse("2026-01-01T00:00:00Z").unwrap()
}

fn read(text: &str) -> Result<Import, Vec<Finding>> {
    Baton.read(&[("f", text.as_bytes())], at())
}

/// Who has what, by a plain closure over groups: subjects by entitlement.
fn holders(s: &Snapshot) -> BTreeMap<String, BTreeSet<String>> {
    let mut of: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut nested: Vec<(String, String)> = Vec::new();
    for a in &s.assignments {
        let what = a.role.as_ref().map(Id::as_str).or(a.member_of.as_ref().map(Id::as_str)).unwrap();
        of.entry(what.to_owned()).or_default().insert(a.who.raw().to_owned());
    }
    for group in &s.groups {
        nested.extend(group.nested.iter().map(|inner| (group.id.as_str().to_owned(), inner.as_str().to_owned())));
    }
    loop {
        let mut is_changed = false;
        for (outer, inner) in &nested {
            let more = of.get(inner).cloned().unwrap_or_default();
            let known = of.entry(outer.clone()).or_default();
            is_changed |= more.into_iter().filter(|who| known.insert(who.clone())).count() > 0;
        }
        for what in of.keys().cloned().collect::<Vec<_>>() {
            let groups: Vec<String> = of[&what].iter().filter(|who| of.contains_key(*who)).cloned().collect();
            for group in groups {
                let more = of[&group].clone();
                let known = of.get_mut(&what).unwrap();
                is_changed |= more.into_iter().filter(|who| known.insert(who.clone())).count() > 0;
            }
        }
        if !is_changed {
            return of;
        }
    }
}

/// The identities that have an entitlement.
fn identities(s: &Snapshot, what: &str) -> Vec<String> {
    let is_identity = |who: &String| s.identities.iter().any(|i| i.id.as_str() == who);
    holders(s).remove(what).unwrap_or_default().into_iter().filter(is_identity).collect()
}

#[test]
fn direct_grants_expand_through_groups_exactly_as_the_connector_says() {
    let import = read(FIXTURE).unwrap();
    let s = &import.snapshot;
    assert_eq!(identities(s, "team:all:member"), ["user:ann", "user:ci"]);
    assert_eq!(identities(s, "app:shop:deploy"), ["user:ann", "user:ci"]);
    assert_eq!(identities(s, "app:shop:admin"), ["user:ci"], "this grant expands only to the leads");
    let identity = |id: &str| s.identities.iter().find(|i| i.id.as_str() == id).unwrap();
    assert_eq!(
        (identity("user:ann").kind, identity("user:ci").kind),
        (IdentityKind::Human, IdentityKind::ServiceAccount)
    );
    assert_eq!(identity("user:bob").status, Status::Disabled);
    assert_eq!(s.credentials[0].identity.as_str(), "user:ci");
    assert_eq!(import.counts.get("grants"), Some(&5), "the derived grant does not count");
    assert!(import.findings.iter().any(|f| f.message.raw().starts_with("grants follow from others")));
    assert!(import.findings.iter().all(|f| f.severity == Severity::Note), "{:?}", import.findings);
    let bytes = crate::snapshot::write(s).unwrap();
    assert_eq!(crate::snapshot::read("s", &bytes).unwrap(), (s.clone(), Vec::new()), "it reads back without a finding");
}

#[test]
fn a_grant_to_a_group_reaches_its_members_also_where_nothing_was_granted_to_it() {
    let without: String = FIXTURE.replace("GrantExpandable", "Other");
    let s = read(&without).unwrap().snapshot;
    let web = s.groups.iter().find(|g| g.id.as_str() == "team:web").unwrap();
    assert_eq!(web.nested.iter().map(Id::as_str).collect::<Vec<_>>(), ["team:web:member"]);
}

#[test]
fn a_partial_sync_has_partial_groups_and_a_warning() {
    let import =
        read(&FIXTURE.replace(r#""resource": "ann"}, "annotations""#, r#""resource": "ann2"}, "annotations""#))
            .unwrap();
    let warning = import.findings.iter().find(|f| f.severity == Severity::Warning).unwrap();
    assert!(warning.message.raw().contains("`user:ann`") && warning.message.raw().contains("partial"), "{warning:?}");
    assert!(import.snapshot.groups.iter().all(|g| g.members_known == MembersKnown::Partial));
    let missing: String = FIXTURE.lines().filter(|line| !line.starts_with("{\"entitlements")).collect();
    assert!(
        read(&missing).unwrap_err()[0].help.as_ref().unwrap().raw().contains("baton -f sync.c1z -o json entitlements")
    );
}

#[test]
fn two_syncs_and_truncated_lists_are_refused() {
    let other = FIXTURE.replace("STATUS_ENABLED", "STATUS_DISABLED");
    let faults = read(&format!("{FIXTURE}\n{other}")).unwrap_err();
    assert!(faults[0].message.raw().contains("two different entries of the resource `user:ann`"), "{faults:?}");
    assert!(read(&format!("{FIXTURE}\n{FIXTURE}")).is_ok());
    assert!(read(FIXTURE.get(..FIXTURE.len() - 20).unwrap()).is_err());
}

#[test]
fn ids_that_look_like_those_of_another_system_stay_of_baton() {
    let s = read(&FIXTURE.replace("app:shop:deploy", "clusterrole:admin")).unwrap().snapshot;
    let role = s.roles.iter().find(|r| r.id.as_str() == "clusterrole:admin").unwrap();
    assert_eq!(role.system(s.whole_system().as_ref()).unwrap().name(), "baton");
}

/// All grants after expansion, computed from the list itself: principals by entitlement.
fn expanded(grants: &[u8]) -> BTreeMap<String, BTreeSet<String>> {
    let list: serde_json::Value = serde_json::from_slice(grants).unwrap();
    let mut of: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut expands: Vec<(String, String)> = Vec::new();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    for entry in list["grants"].as_array().unwrap() {
        let (grant, id) = (&entry["grant"], &entry["grant"]["principal"]["id"]);
        let what = text(&grant["entitlement"]["id"]);
        of.entry(what.clone()).or_default().insert(format!("{}:{}", text(&id["resourceType"]), text(&id["resource"])));
        for source in
            grant["annotations"].as_array().into_iter().flatten().filter_map(|it| it["entitlementIds"].as_array())
        {
            expands.extend(source.iter().map(|source| (text(source), what.clone())));
        }
    }
    loop {
        let before: usize = of.values().map(BTreeSet::len).sum();
        for (source, what) in &expands {
            let more = of.get(source).cloned().unwrap_or_default();
            of.entry(what.clone()).or_default().extend(more);
        }
        if of.values().map(BTreeSet::len).sum::<usize>() == before {
            return of;
        }
    }
}

#[test]
fn a_large_directory_has_all_its_grants_and_expands_to_exactly_the_known_number() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/baton");
    if !folder.is_dir() {
        println!("no shared data: the lists of the large directory were not read");
        return;
    }
    let names = ["resource-types.json", "resources.json", "entitlements.json", "grants.json"];
    let files: Vec<Vec<u8>> = names.iter().map(|name| std::fs::read(folder.join(name)).unwrap()).collect();
    let files: Vec<(&str, &[u8])> = names.iter().copied().zip(files.iter().map(Vec::as_slice)).collect();
    for (name, bytes) in &files {
        assert_eq!(Baton.recognise(&Probe::of(std::str::from_utf8(bytes).unwrap())), Recognition::Yes, "{name}");
    }
    let import = Baton.read(&files, at()).unwrap();
    for (kind, count) in [("identities", 1_000), ("entitlements", 342), ("grants", 2_909)] {
        assert_eq!(import.counts.get(kind), Some(&count), "{kind}: {:?}", import.counts);
    }
    let s = &import.snapshot;
    assert!(import.findings.is_empty(), "{:?}", import.findings);
    assert_eq!(s.assignments.len(), 2_909);
    let expected = expanded(files[3].1);
    assert_eq!(expected.values().map(BTreeSet::len).sum::<usize>(), 14_981);
    // What identities have is exact. A group that has something through another group is shown by its members.
    let is_identity: BTreeSet<&str> = s.identities.iter().map(|i| i.id.as_str()).collect();
    let of_identities = |all: &BTreeMap<String, BTreeSet<String>>| -> BTreeSet<(String, String)> {
        let known = |what: &str| expected.contains_key(what);
        let pairs =
            all.iter().filter(|(what, _)| known(what)).flat_map(|(what, who)| who.iter().map(move |w| (what, w)));
        pairs
            .filter(|(_, who)| is_identity.contains(who.as_str()))
            .map(|(what, who)| (what.clone(), who.clone()))
            .collect()
    };
    assert_eq!(of_identities(&holders(s)), of_identities(&expected));
    let bytes = crate::snapshot::write(s).unwrap();
    assert_eq!(crate::snapshot::read("s", &bytes).unwrap(), (s.clone(), Vec::new()));
}
