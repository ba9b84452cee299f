//! Resource control policies, policies of resources without an owner, and principals of AWS itself.

use super::tests::{role, run};
use crate::input::entitlement::Effect;
use crate::input::finding::{Code, Severity};
use crate::snapshot::model::Snapshot;

const BUCKET: &str = r#"[{"Resource": "arn:aws:s3:::b", "Account": "111111111111", "Policy": {"Statement": []}}]"#;

/// An organisation with one resource control policy at its root, of one statement.
fn organisation(statement: &str) -> String {
    format!(
        r#"{{"Id": "r-1", "Arn": "arn:aws:organizations::999999999999:root/o-1/r-1", "Policies": [
            {{"Arn": "arn:aws:organizations::9:policy/rcp", "Type": "RESOURCE_CONTROL_POLICY",
              "Content": {{"Version": "2012-10-17", "Statement": [{statement}]}}}}],
            "Children": [{{"Id": "111111111111", "Type": "Account", "Policies": [{{"Arn": "arn:aws:organizations::9:policy/p",
              "Content": {{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Action": "*", "Resource": "*"}}]}}}}]}}]}}"#
    )
}

/// The resources that resource control policies deny, `?` under a condition.
fn denied(s: &Snapshot) -> Vec<String> {
    let roles = s.roles.iter().filter(|r| r.id.as_str().starts_with("resource-control:"));
    let denies = roles.flat_map(|r| &r.permissions).filter(|p| p.effect == Effect::Deny);
    denies.map(|p| format!("{}{}", p.resource.raw(), if p.condition.is_some() { "?" } else { "" })).collect()
}

fn deny(resource: &str, more: &str) -> String {
    format!(r#"{{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "{resource}"{more}}}"#)
}

#[test]
fn a_resource_control_policy_denies_what_is_in_the_accounts_below_it() {
    let of = |resource: &str| denied(&run(&[&role(""), BUCKET, &organisation(&deny(resource, ""))]).unwrap().snapshot);
    assert_eq!(of("*"), ["arn:aws*:*:*:111111111111:*", "arn:aws:s3:::b", "arn:aws:s3:::b/*"]);
    assert_eq!(of("arn:aws:s3:::b/secret/*"), ["arn:aws:s3:::b/secret/*"]);
    assert_eq!(of("arn:aws:s3:::*"), ["arn:aws:s3:::b", "arn:aws:s3:::b/*"]);
    assert_eq!(of("arn:aws:sqs:*:111111111111:q"), ["arn:aws:sqs:*:111111111111:q"]);
    assert_eq!(of("arn:aws:sqs:*:222222222222:q"), Vec::<String>::new());
    assert_eq!(of("arn:aws:s3:::elsewhere"), Vec::<String>::new());
}

#[test]
fn a_resource_control_policy_binds_everybody_but_services_and_their_roles() {
    let linked =
        role(r#"{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}"#)
            .replace("role/r", "role/aws-service-role/r");
    let found = run(&[&linked, BUCKET, &organisation(&deny("*", ""))]).unwrap().snapshot;
    let bound = found.groups.iter().find(|g| g.id.as_str() == "organisation:resource-control").unwrap();
    let members: Vec<&str> = bound.members.iter().map(crate::input::id::Id::as_str).collect();
    assert_eq!(members, ["arn:aws:iam::111111111111:user/ann"]);
}

#[test]
fn a_resource_control_policy_that_is_not_for_everybody_or_only_allows_denies_nothing() {
    let of = |statement: &str| denied(&run(&[&role(""), BUCKET, &organisation(statement)]).unwrap().snapshot);
    assert_eq!(
        of(&deny("*", "").replace(r#""Principal": "*""#, r#""Principal": {"AWS": "222222222222"}"#)),
        Vec::<String>::new()
    );
    assert_eq!(of(r#"{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}"#), Vec::<String>::new());
    let other = r#", "Condition": {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}}"#;
    assert!(of(&deny("*", other)).iter().all(|resource| resource.ends_with('?')));
}

#[test]
fn the_members_of_an_organisation_carry_its_id() {
    let found = run(&[&role(""), &organisation(&deny("*", ""))]).unwrap().snapshot;
    let ann = found.identities.iter().find(|i| i.id.as_str().ends_with("user/ann")).unwrap();
    assert_eq!(ann.labels.get("aws:principalorgid").map(crate::input::text::Text::raw), Some("o-1"));
    assert_eq!(ann.limits.len(), 1, "a resource control policy is no level of service control policies");
}

#[test]
fn a_policy_of_a_resource_without_its_owner_is_a_warning_and_without_its_resource_names_the_form() {
    let policy = r#"{"Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:user/ann"}, "Action": "s3:*", "Resource": "*"}]}"#;
    let found = run(&[&role(""), &format!(r#"{{"Resource": "arn:aws:s3:::b", "Policy": {policy}}}"#)]).unwrap();
    let warned: Vec<_> = found.findings.iter().filter(|f| f.severity == Severity::Warning).collect();
    assert_eq!(warned.iter().map(|f| f.code).collect::<Vec<_>>(), [Code::MissingField]);
    assert!(warned[0].help.as_ref().unwrap().raw().contains("Account") && warned[0].place.is_some());
    for raw in [policy.to_owned(), format!(r#"{{"Policy": {policy:?}}}"#)] {
        let findings = run(&[&role(""), &raw]).unwrap_err();
        assert!(findings[0].help.as_ref().unwrap().raw().contains("\"Resource\""), "{findings:?}");
    }
}

#[test]
fn an_origin_access_identity_of_cloudfront_exists() {
    let bucket = r#"[{"Resource": "arn:aws:s3:::b", "Account": "111111111111", "Policy": {"Statement": [{"Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1"}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}]}}]"#;
    let found = run(&[&role(""), bucket]).unwrap();
    assert!(found.findings.iter().all(|f| f.code != Code::DanglingReference), "{:?}", found.findings);
    assert!(found.snapshot.assignments.iter().any(|a| a.who.raw().starts_with("arn:aws:iam::cloudfront:user/")));
}
