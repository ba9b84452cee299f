//! Names that stand for many whom the snapshot does not know: they are told, and never counted as one identity.

use super::build::*;
use crate::access::model::facts::ChangeFacts;
use crate::access::tests::aws::{READ, ann, role};
use crate::input::entitlement::{IdentityKind, Sensitivity};
use crate::input::time::Time;
use crate::snapshot::import::aws;
use crate::snapshot::model::Snapshot;

const GITHUB: &str = "arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com";
const CLUSTER: &str = "arn:aws:iam::111111111111:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/A1";
const ROLE: &str = "arn:aws:iam::111111111111:role/r";

/// Role `r`, which a principal may assume, and a policy to grant to it.
fn account(principal: &str, condition: &str) -> Snapshot {
    let condition = if condition.is_empty() { String::new() } else { format!(r#", "Condition": {condition}"#) };
    let trusted = role("r", "unused", READ).replace(
        r#"{"Effect": "Allow", "Principal": {"AWS": "unused"}, "Action": "sts:AssumeRole"}"#,
        &format!(
            r#"{{"Effect": "Allow", "Principal": {principal},
                "Action": ["sts:AssumeRole", "sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithSAML"]{condition}}}"#
        ),
    );
    let time = Time::parse("2026-01-01T00:00:00Z").unwrap();
    let export = ann(&[], &trusted);
    let files: [(&str, &[u8]); 1] = [("x.json", export.as_bytes())];
    let made = aws::import(&files, time).unwrap().snapshot;
    made.identity("agent", IdentityKind::Agent).role("list", &[allow("s3:ListAllMyBuckets", "*")])
}

fn told(facts: &ChangeFacts) -> Vec<&str> {
    facts.outsiders.iter().map(crate::input::text::Text::raw).collect()
}

fn lent(snapshot: &Snapshot, who: &str) -> ChangeFacts {
    one(snapshot, grant(who, "list", None))
}

#[test]
fn who_signs_in_elsewhere_receives_what_a_role_is_given() {
    let sub = |values: &str| format!(r#"{{"StringLike": {{"x:sub": {values}}}}}"#);
    let federated = |provider: &str| format!(r#"{{"Federated": "{provider}"}}"#);
    for (principal, condition, many, public) in [
        (federated(GITHUB), String::new(), true, true),
        (federated(GITHUB), r#"{"StringEquals": {"x:aud": "sts.amazonaws.com"}}"#.into(), true, true),
        (federated(GITHUB), sub(r#""repo:*""#), true, true),
        (federated(GITHUB), sub(r#""repo:org/*""#), true, false),
        (federated(GITHUB), sub(r#""repo:org/app:ref:refs/heads/main""#), false, false),
        (federated(CLUSTER), String::new(), true, false),
        (federated(CLUSTER), sub(r#""system:serviceaccount:team:bot""#), false, false),
        (federated("arn:aws:iam::111111111111:saml-provider/corp"), String::new(), true, false),
        (r#"{"AWS": "arn:aws:iam::999999999999:root"}"#.into(), String::new(), true, false),
        (r#"{"AWS": "999999999999"}"#.into(), r#"{"StringEquals": {"sts:ExternalId": "x"}}"#.into(), true, false),
        (r#"{"AWS": "arn:aws:iam::999999999999:role/one"}"#.into(), String::new(), false, false),
        (r#"{"AWS": "arn:aws:iam::111111111111:root"}"#.into(), String::new(), false, false),
        (r#"{"Service": "ec2.amazonaws.com"}"#.into(), String::new(), false, false),
    ] {
        let facts = lent(&account(&principal, &condition), ROLE);
        assert_eq!((!facts.outsiders.is_empty(), facts.public), (many, public), "{principal} {condition}");
        assert_eq!(facts.concerned.at_least, many, "{principal} {condition}");
        assert!(!public || (facts.is_privileged() && facts.sensitivity >= Sensitivity::High), "{principal}");
    }
}

#[test]
fn a_pattern_that_fits_nobody_known_stands_for_many() {
    let world = |from: &str| {
        snapshot("okta")
            .human("user:ann")
            .identity("svc:deploy", IdentityKind::ServiceAccount)
            .role("list", &[allow("jobs:list", "*")])
            .trust("t", from, "svc:deploy", None)
    };
    for from in
        ["oidc:*", "github:org/*", "arn:aws:iam::999999999999:*", "federated:*", "arn:aws:iam::999999999999:root"]
    {
        assert_eq!(told(&lent(&world(from), "svc:deploy")), [from]);
        assert_eq!(told(&lent(&world(from), "user:ann")), Vec::<&str>::new(), "{from} does not lead there");
        let known = world("user:ann").identity("arn:aws:iam::999999999999:root", IdentityKind::ServiceAccount);
        let trust = one(&known, add_trust("new", from, "svc:deploy"));
        assert!(told(&trust).contains(&from), "a new trust: {:?}", told(&trust));
    }
    for from in ["user:*", "user:ann"] {
        assert_eq!(told(&lent(&world(from), "svc:deploy")), Vec::<&str>::new(), "{from}");
    }
    let through =
        world("oidc:*").identity("svc:run", IdentityKind::ServiceAccount).trust("u", "svc:deploy", "svc:run", None);
    assert_eq!(told(&lent(&through, "svc:run")), ["oidc:*"], "through another");
}

#[test]
fn a_name_that_stands_for_many_is_told_where_it_is_the_receiver_itself() {
    let provider = format!("federated:{GITHUB}");
    let snapshot = account(r#"{"Federated": "x"}"#, "")
        .identity(&provider, IdentityKind::ServiceAccount)
        .identity("arn:aws:iam::999999999999:root", IdentityKind::ServiceAccount)
        .group("team", &["arn:aws:iam::999999999999:root"]);
    let facts = lent(&snapshot, &provider);
    assert_eq!((told(&facts), facts.public), (vec![&*provider], true));
    assert_eq!(told(&lent(&snapshot, "arn:aws:iam::999999999999:root")), ["arn:aws:iam::999999999999:root"]);
    assert_eq!(told(&lent(&snapshot, "team")), ["arn:aws:iam::999999999999:root"], "as a member");
    let facts = one(&snapshot, add_trust("new", &provider, ROLE));
    assert!(facts.public && told(&facts).contains(&&*provider), "{facts:?}");
}

#[test]
fn a_subject_whose_id_is_a_pattern_represents_many() {
    let s = snapshot("okta").human("ann").human("user:*").group("team:*", &["ann"]).group("all", &["user:*"]);
    let s = s.role("list", &[allow("wiki:list", "*")]).labelled(Sensitivity::Low);
    for (receiver, many) in [("user:*", "user:*"), ("team:*", "team:*"), ("all", "user:*")] {
        assert_eq!(told(&lent(&s, receiver)), [many], "{receiver}");
    }
    assert!(told(&lent(&s, "ann")).is_empty());
}

#[test]
fn a_word_that_systems_use_for_the_public_is_never_an_ordinary_account() {
    let s = snapshot("acme").human("user:guest").human("guestbook").group("guests", &[]).human("all-users");
    let s = s.group("@all", &[]).human("authenticated").role("list", &[allow("a", "b")]);
    let facts = one(&s, grant("user:guest", "list", None));
    assert!(!facts.public, "the site may have one account of that name");
    assert_eq!(told(&facts), ["user:guest"]);
    assert!(facts.concerned.at_least);
    for who in ["guests", "@all", "all-users", "authenticated"] {
        assert!(one(&s, grant(who, "list", None)).public, "{who}");
    }
    let plain = one(&s, grant("guestbook", "list", None));
    assert!(!plain.public && plain.outsiders.is_empty());
}

#[test]
fn the_whole_plan_counts_outsiders_as_a_lower_bound_too() {
    let s = snapshot("acme").human("user:guest").human("ann").group("g", &[]).role("list", &[allow("a", "b")]);
    let of = |who: &str| run(&s, vec![("c1", grant(who, "list", None)), ("c2", join("ann", "g"))]).concerned.at_least;
    assert!(of("user:guest"));
    assert!(!of("ann"));
}
