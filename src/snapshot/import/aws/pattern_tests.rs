//! Patterns of resources: what a policy of a resource speaks of, and ARNs that lack fields.

use super::tests::{permissions, role, run, statement};
use crate::input::finding::Code;

#[test]
fn a_policy_of_a_resource_speaks_of_that_resource_only() {
    let key = "arn:aws:kms:eu-west-1:111111111111:key/a";
    let of = |effect: &str, resource: &str| {
        let ann = r#"{"AWS": "arn:aws:iam::111111111111:user/ann"}"#;
        let statement =
            format!(r#"{{"Effect": "{effect}", "Principal": {ann}, "Action": "kms:*", "Resource": "{resource}"}}"#);
        let policy = format!(
            r#"[{{"Resource": "{key}", "Account": "111111111111", "Policy": {{"Version": "2012-10-17", "Statement": [{statement}]}}}}]"#
        );
        let import = run(&[&role(""), &policy]).unwrap();
        let named: Vec<String> = import
            .snapshot
            .roles
            .iter()
            .filter(|r| r.id.as_str().starts_with("resource-policy:"))
            .flat_map(|r| r.permissions.iter().map(|p| p.resource.raw().to_owned()))
            .collect();
        (named, import.findings.iter().filter(|f| f.code == Code::NoEffect).count())
    };
    let own = vec![key.to_owned(), format!("{key}/*"), format!("{key}:*")];
    for wide in ["*", "arn:aws:kms:eu-west-1:111111111111:key/*", "arn:aws:kms:*:*:key/*", "arn:*"] {
        for effect in ["Allow", "Deny"] {
            let (named, notes) = of(effect, wide);
            assert!(named.contains(&own[0]) && named.iter().all(|r| own.contains(r)), "{effect} {wide}: {named:?}");
            assert_eq!(notes, 0, "{wide}");
        }
    }
    assert_eq!(of("Deny", &format!("{key}/x")).0, [format!("{key}/x")], "a part of it");
    for other in ["arn:aws:kms:eu-west-1:111111111111:key/b", "arn:aws:s3:::b/*"] {
        assert_eq!(of("Deny", other), (Vec::new(), 1), "{other}");
        assert_eq!(of("Allow", other), (Vec::new(), 1), "{other}");
    }
    let open = "arn:aws:kms:eu-west-1:111111111111:*/open";
    assert_eq!(of("Deny", open), (Vec::new(), 1), "a deny takes no more than is sure");
    assert_eq!(of("Allow", open), (own, 1), "an allow gives no less than it may");
}

#[test]
fn an_arn_that_lacks_fields_is_completed_where_it_gives_and_said() {
    for (short, whole) in
        [("arn:aws:iam", "arn:aws:iam:*:*:*"), ("arn:aws:iam::111111111111", "arn:aws:iam::111111111111:*")]
    {
        let import = |effect: &str| {
            run(&[&statement(&format!(r#"{{"Effect": "{effect}", "Action": "iam:*", "Resource": "{short}"}}"#))])
                .unwrap()
        };
        let allowed = import("Allow");
        assert_eq!(permissions(&allowed.snapshot), [format!("+ iam:* {whole}")]);
        assert_eq!(allowed.findings.iter().map(|f| f.code).collect::<Vec<_>>(), [Code::BadValue]);
        let denied = import("Deny");
        assert_eq!(permissions(&denied.snapshot), [format!("- iam:* {short}")], "a deny is not made wider");
        assert_eq!(denied.findings.iter().map(|f| f.code).collect::<Vec<_>>(), [Code::BadValue]);
    }
    let open = run(&[&statement(r#"{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3*"}"#)]).unwrap();
    assert_eq!((permissions(&open.snapshot), open.findings.len()), (vec!["+ s3:* arn:aws:s3*".to_owned()], 0));
}

#[test]
fn what_another_account_must_allow_as_well_is_marked() {
    let policy = r#"[{"Resource": "arn:aws:s3:::b", "Account": "222222222222", "Policy": {"Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:user/ann"}, "Action": "s3:Get*", "Resource": "*"}]}}]"#;
    let snapshot = run(&[&role(""), policy]).unwrap().snapshot;
    let delegated: Vec<bool> =
        snapshot.roles.iter().filter(|r| r.by_resource && r.id.as_str().contains("s3")).map(|r| r.delegated).collect();
    assert_eq!(delegated, [true]);
    assert_eq!(snapshot.system, Some(crate::input::system::System::Aws));
}
