//! From one snapshot to another, and by the plan back to the same access.

#![allow(clippy::needless_pass_by_value, reason = "a test reads better so")]

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::access::Index;
use crate::access::change::between::unsaid;
use crate::access::change::materialise::applied;
use crate::input::entitlement::{IdentityKind, Mode, Permission};
use crate::plan::model::Plan;
use crate::snapshot::import::importer_of;
use crate::snapshot::model::{Assignment, Group, Identity, MembersKnown, Resource, Role, Trust};

fn header() -> PlanHeader {
    PlanHeader { proposer: Some("agent:a".to_owned()), ..PlanHeader::default() }
}

fn blank() -> Snapshot {
    let mut out = crate::snapshot::terraform::nothing(Time::from_unix(1_795_000_000));
    out.source = "test".into();
    out.identities.push(Identity::new("agent:a".into(), IdentityKind::Agent));
    out
}

fn plan(before: &Snapshot, after: &Snapshot) -> Option<Plan> {
    let made = from_difference(before, after, Digest::of(b"after"), &header(), Time::from_unix(1_795_000_000));
    let made = made.map_err(|it| it.iter().map(|it| it.message.raw().to_owned()).collect::<Vec<_>>()).unwrap();
    made.text.map(|text| crate::plan::read("plan.yaml", text.as_bytes()).unwrap())
}

#[test]
fn each_generation_of_the_bootstrap_roles_leads_to_the_next_one_exactly() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/kubernetes/bootstrap");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: there are no bootstrap roles of Kubernetes in `{}`", folder.display());
        return;
    };
    let mut generations: Vec<_> = entries.map(|it| it.unwrap().path()).filter(|it| it.is_dir()).collect();
    generations.sort();
    assert_eq!(generations.len(), 3, "{generations:?}");
    let snapshots: Vec<Snapshot> = generations.iter().map(|it| bootstrap(it)).collect();
    for (before, after) in snapshots.iter().zip(snapshots.iter().skip(1)) {
        for (before, after) in [(before, after), (after, before)] {
            let plan = plan(before, after).unwrap();
            assert!(plan.made_from.as_ref().unwrap().not_read.is_empty(), "{:?}", plan.made_from);
            let reached = applied(&Index::new(before), &plan, None).unwrap();
            assert_eq!(unsaid(&reached, after), []);
        }
        assert!(plan(after, after).is_none());
    }
}

fn bootstrap(folder: &Path) -> Snapshot {
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|it| it.unwrap().path())
        .filter(|it| it.extension().is_some_and(|it| it == "yaml"))
        .map(|it| (it.to_string_lossy().into_owned(), std::fs::read(&it).unwrap()))
        .collect();
    files.sort();
    let borrowed: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let import = importer_of("kubernetes").unwrap().read(&borrowed, Time::from_unix(1_795_000_000)).unwrap();
    let mut snapshot = import.snapshot;
    snapshot.identities.push(Identity::new("agent:a".into(), IdentityKind::Agent));
    snapshot
}

fn name(prefix: &'static str) -> impl Strategy<Value = String> {
    (0..4_u8).prop_map(move |n| format!("{prefix}{n}"))
}

fn role(id: String, permissions: Vec<u8>, include: bool, by_resource: bool) -> Role {
    Role {
        id: id.as_str().into(),
        includes: if include { vec!["role0".into()] } else { Vec::new() },
        permissions: permissions.iter().map(|n| Permission::allow(format!("do{n}"), "*")).collect(),
        owner: None,
        sensitivity: None,
        kinds: Vec::new(),
        by_resource,
        delegated: false,
        system: None,
    }
}

fn assignment(
    at: usize,
    who: String,
    what: &str,
    is_group: bool,
    scope: Option<u8>,
    end: Option<u8>,
    mode: u8,
) -> Assignment {
    let until = end.map(|n| Time::from_unix(1_900_000_000 + i64::from(n)));
    Assignment {
        id: format!("a{at}").as_str().into(),
        who: who.as_str().into(),
        role: (!is_group).then(|| what.into()),
        member_of: is_group.then(|| what.into()),
        scope: scope.filter(|_| !is_group).map(|n| format!("place{n}").as_str().into()),
        mode: match (mode, until) {
            (0, _) => Mode::Eligible,
            (_, None) => Mode::Standing,
            (_, Some(_)) => Mode::Active,
        },
        until,
        granted_at: None,
        last_used: None,
        task: None,
    }
}

fn snapshot() -> impl Strategy<Value = Snapshot> {
    let people = proptest::collection::btree_set(name("user"), 0..4);
    let groups = proptest::collection::btree_map(name("group"), (0..3_u8, any::<bool>()), 0..3);
    let parts = (proptest::collection::vec(0..6_u8, 0..12), any::<bool>(), any::<bool>());
    let roles = proptest::collection::btree_map(name("role"), parts, 0..4);
    let held = (0..4_u8, 0..4_u8, any::<bool>(), proptest::option::of(0..2_u8), proptest::option::of(0..3_u8), 0..3_u8);
    let assignments = proptest::collection::vec(held, 0..8);
    let trusts = proptest::collection::btree_set((0..4_u8, 0..4_u8, proptest::option::of(0..2_u8)), 0..4);
    (people, groups, roles, assignments, trusts).prop_map(|(people, groups, roles, held, trusts)| {
        let mut out = blank();
        out.identities.extend(people.iter().map(|id| Identity::new(id.as_str().into(), IdentityKind::Human)));
        for (id, (known, public)) in groups {
            let known = [MembersKnown::Known, MembersKnown::Partial, MembersKnown::Unknown][usize::from(known)];
            out.groups.push(Group {
                id: id.as_str().into(),
                members: people.iter().take(usize::from(public)).map(|id| id.as_str().into()).collect(),
                nested: Vec::new(),
                implicit: if public { vec!["user*".to_owned()] } else { Vec::new() },
                members_known: known,
                owner: None,
                public,
            });
        }
        let has_first = roles.contains_key("role0");
        for (id, (permissions, include, by_resource)) in roles {
            let include = include && has_first && id != "role0";
            out.roles.push(role(id, permissions, include, by_resource));
        }
        for n in 0..2 {
            let parent = (n == 1).then(|| "place0".into());
            out.resources.push(Resource { parent, ..Resource::new(format!("place{n}").as_str().into()) });
        }
        for (at, (who, what, is_group, scope, end, mode)) in held.into_iter().enumerate() {
            let (who, what) = (format!("user{who}"), format!("{}{what}", if is_group { "group" } else { "role" }));
            let knows = |id: &str| {
                out.identities.iter().any(|it| it.id.as_str() == id)
                    || out.groups.iter().any(|it| it.id.as_str() == id)
                    || out.roles.iter().any(|it| it.id.as_str() == id)
            };
            if knows(&who) && knows(&what) {
                let it = assignment(at, who, &what, is_group, scope, end, mode);
                out.assignments.push(it);
            }
        }
        for (from, to, condition) in trusts {
            let (from, to) = (format!("user{from}"), format!("user{to}"));
            let knows = |id: &str| out.identities.iter().any(|it| it.id.as_str() == id);
            if from != to && knows(&from) && knows(&to) {
                out.trusts.push(Trust {
                    id: format!("{from}>{to}").as_str().into(),
                    from: from.as_str().into(),
                    to: to.as_str().into(),
                    via: "act".into(),
                    requires: None,
                    condition: condition.map(|n| format!("if {n}").as_str().into()),
                    system: None,
                });
            }
        }
        out.trusts.dedup_by(|a, b| a.id == b.id);
        out
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn a_plan_leads_to_the_later_snapshot_or_names_what_it_does_not_say(before in snapshot(), after in snapshot()) {
        let made = from_difference(&before, &after, Digest::of(b"after"), &header(), Time::from_unix(1_795_000_000));
        let Ok(made) = made else { return Ok(()) };
        let Some(text) = made.text else {
            prop_assert_eq!(unsaid(&before, &after), []);
            return Ok(());
        };
        let plan = crate::plan::read("plan.yaml", text.as_bytes()).unwrap();
        let reached = applied(&Index::new(&before), &plan, None).unwrap();
        let left: Vec<String> = unsaid(&reached, &after).iter().map(|it| format!("{} `{}` {}", it.kind, it.id.raw(), it.how)).collect();
        let named: Vec<String> = plan.made_from.unwrap().not_read.iter().map(|it| it.value.raw().to_owned()).collect();
        prop_assert_eq!(&left, &named);
        // Only what a plan cannot say is left: the members of a group that is there, an eligible assignment that loses its end,
        // and two grants of one entitlement.
        for it in &left {
            let is_known = it.starts_with("group ") || it.starts_with("assignment ");
            prop_assert!(is_known, "{}", it);
        }
    }
}
