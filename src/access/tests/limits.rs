//! Limits and what permissions leave out.

use super::build::*;
use crate::access::Index;
use crate::access::model::facts::Access;
use crate::access::queries::effective_access::effective;
use crate::input::id::Subject;
use crate::snapshot::model::{Limit, Snapshot};

fn held(s: &Snapshot, who: &str) -> Vec<String> {
    let index = Index::new(s);
    let reached = effective(&index, &Subject::Identity(who.into()));
    let show = |a: &Access| {
        let condition = a.condition.as_ref().map_or(String::new(), |c| format!(" if {}", c.raw()));
        let out: Vec<_> = a.exceptions.iter().map(|e| format!("-{}", e.action.raw())).collect();
        format!("{} {}{}{condition}", a.action.raw(), a.resource.raw(), out.join(""))
    };
    reached.iter().map(|r| show(&r.access)).collect()
}

fn aws(permissions: &[crate::input::entitlement::Permission]) -> Snapshot {
    snapshot("aws").human("ann").role("given", permissions).held("a1", "ann", "given", None)
}

#[test]
fn a_limit_leaves_only_what_it_allows_as_well() {
    let s = aws(&[allow("s3:*", "*"), allow("ec2:RunInstances", "*")]).role("b", &[allow("s3:Get*", "x/*")]);
    let mut bound = s.clone();
    bound.identities[1].limits =
        vec![Limit { name: "boundary".into(), roles: vec!["b".into()], bounds_resources: false }];
    assert_eq!(held(&s, "ann").len(), 2);
    assert_eq!(held(&bound, "ann"), ["s3:Get* x/*"]);
}

#[test]
fn every_level_of_an_organisation_must_allow_and_any_may_deny() {
    let s = snapshot("aws")
        .human("ann")
        .limited("root", &["full"], true)
        .limited("account", &["some", "more"], true)
        .role("full", &[allow("*", "*"), deny("s3:Delete*", "*")])
        .role("some", &[allow("s3:*", "*")])
        .role("more", &[allow("sqs:*", "*")])
        .role("given", &[allow("*", "*")])
        .held("a1", "ann", "given", None);
    assert_eq!(held(&s, "ann"), ["s3:* *-s3:Delete*", "sqs:* *"]);
}

#[test]
fn where_patterns_cross_what_is_left_is_marked_and_covers_nothing_else() {
    let s = aws(&[allow("s3:Get*", "*")]).role("b", &[allow("s3:*Object", "*")]);
    let mut s = s;
    s.identities[1].limits = vec![Limit { name: "boundary".into(), roles: vec!["b".into()], bounds_resources: false }];
    assert_eq!(held(&s, "ann"), ["s3:Get* * if within `s3:*Object` on `*`"]);
    let gained = one(&s, add("b", allow("s3:*", "*"))).effects.gained;
    assert_eq!(brief(&gained), ["ann s3:Get* *"], "a wider boundary is a gain of those it bounds");
}

#[test]
fn what_the_resource_gives_is_bounded_only_by_limits_that_say_so() {
    let given = |bounds| {
        let mut s = snapshot("aws").human("ann").limited("l", &["nothing"], bounds).role("nothing", &[]);
        s = s.role("bucket", &[allow("s3:GetObject", "b/*")]).held("a1", "ann", "bucket", None);
        s.roles.last_mut().unwrap().by_resource = true;
        held(&s, "ann")
    };
    assert_eq!(given(false), ["s3:GetObject b/*"]);
    assert!(given(true).is_empty());
}

#[test]
fn all_but_some_actions_is_neither_everything_nor_nothing() {
    let s = aws(&[except(allow("*", "*"), &[("iam:*", "*")])]);
    assert_eq!(held(&s, "ann"), ["* *-iam:*"]);
    assert_eq!(brief(&one(&s, add("given", allow("iam:PassRole", "*"))).effects.gained), ["ann iam:PassRole *"]);
    assert!(one(&s, add("given", allow("s3:GetObject", "*"))).effects.gained.is_empty());
}

#[test]
fn a_deny_of_all_but_some_actions_leaves_these() {
    let s = aws(&[allow("s3:*", "*"), except(deny("*", "*"), &[("s3:Get*", "*")])]);
    let narrowed = one(&s, add("given", allow("s3:GetObject", "*")));
    assert!(narrowed.effects.gained.is_empty(), "{:?}", brief(&narrowed.effects.gained));
    let freed = one(&s, remove("given", except(deny("*", "*"), &[("s3:Get*", "*")])));
    assert_eq!(brief(&freed.effects.gained), ["ann s3:* *"], "removing a deny is a gain");
}

#[test]
fn a_role_that_a_limit_names_and_the_snapshot_lacks_hides_nothing() {
    let mut s = aws(&[allow("s3:*", "*")]);
    s.identities[1].limits =
        vec![Limit { name: "boundary".into(), roles: vec!["gone".into()], bounds_resources: true }];
    assert_eq!(held(&s, "ann"), ["s3:* * if what role `gone` gives is unknown"]);
}
