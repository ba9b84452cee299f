//! Size: large snapshots and plans give every fact, and exhaust nothing. How long that takes is for the benchmarks.

use std::fmt::Write as _;

use super::build::*;
use crate::access::Data;
use crate::input::entitlement::IdentityKind;

#[test]
fn one_permission_more_for_a_role_of_2500_subjects_reaches_each() {
    let many: Vec<_> = (0..300).map(|n| allow("get", &format!("group{}:kind{n}#*", n % 7))).collect();
    let mut s = snapshot("kubernetes").role("clusterrole:admin", &many);
    let mut name = String::new();
    for n in 0..2_500 {
        name.clear();
        write!(name, "{n}").unwrap();
        s = s.identity(&format!("sa:ns{name}/x"), IdentityKind::ServiceAccount).resource(&format!("ns:ns{name}"), None);
        s = s.held(
            &format!("rb:{name}"),
            &format!("sa:ns{name}/x"),
            "clusterrole:admin",
            Some(&format!("ns:ns{name}")),
        );
    }
    let data = Data::shipped().unwrap();
    let plan = plan(vec![("c1", add("clusterrole:admin", allow("create", "core:pods/exec#*")))]);
    let a = Run { data: &data, ..Run::default() }.on(&s, &plan).unwrap();
    assert_eq!(a.changes[0].effects.gained.len(), 2_500);
    assert_eq!(a.concerned.identities, 2_500);
}

#[test]
fn a_thousand_changes_give_what_each_of_them_gives() {
    let mut s = snapshot("test");
    for n in 0..20 {
        s = s.role(&format!("r{n}"), &[allow("get", &format!("thing{n}")), allow("put", &format!("thing{n}"))]);
    }
    for n in 0..1_000 {
        s = s.human(&format!("u{n}"));
    }
    for n in 0..50_000 {
        s = s.held(&format!("a{n}"), &format!("u{}", n % 1_000), &format!("r{}", n / 1_000 % 20), None);
    }
    let names: Vec<String> = (0..1_000).map(|n| format!("c{n}")).collect();
    let s = s.role("new", &[allow("new", "x")]);
    let changes = names.iter().enumerate().map(|(n, id)| (id.as_str(), grant(&format!("u{n}"), "new", None))).collect();
    let plan = plan(changes);
    let a = Run::default().on(&s, &plan).unwrap();
    assert_eq!(a.effects.gained.len(), 1_000);
    assert!(a.emergent.is_empty());
}

#[test]
fn long_chains_of_groups_and_trusts_exhaust_no_stack() {
    let mut s = snapshot("test").human("u").role("r", &[allow("x", "y")]).group("g0", &["u"]);
    for n in 1..300 {
        s = s.nested(&format!("g{n}"), &[&format!("g{}", n - 1)]);
    }
    for n in 0..200 {
        s = s.human(&format!("t{n}")).trust(&format!("t{n}"), &format!("t{n}"), &format!("t{}", n + 1), None);
    }
    let s = s.human("t200");
    let gained = one(&s, grant("g299", "r", None)).effects.gained;
    assert_eq!(gained.len(), 301);
    assert_eq!(one(&s, grant("t200", "r", None)).effects.gained.len(), 201);
}
