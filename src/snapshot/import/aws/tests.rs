//! Real exports, and a table of tricks.

use std::path::{Path, PathBuf};

use super::import;
use crate::input::finding::{Code, Finding};
use crate::input::time::Time;
use crate::snapshot::import::Import;
use crate::snapshot::model::Snapshot;
use crate::snapshot::{read, write};

fn at() -> Time {
    Time::parse("2026-01-01T00:00:00Z").unwrap()
}

fn data() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/aws");
    if path.is_dir() {
        return Some(path);
    }
    println!("no shared data: the real exports were not read");
    None
}

pub(super) fn run(files: &[&str]) -> Result<Import, Vec<Finding>> {
    let named: Vec<(String, &[u8])> =
        files.iter().enumerate().map(|(n, text)| (format!("{n}.json"), text.as_bytes())).collect();
    let borrowed: Vec<(&str, &[u8])> = named.iter().map(|(n, b)| (n.as_str(), *b)).collect();
    import(&borrowed, at())
}

pub(super) fn account(user_policy: &str) -> String {
    format!(
        r#"{{"UserDetailList": [{{"UserName": "ann", "UserId": "AIDA1", "Arn": "arn:aws:iam::111111111111:user/ann",
            "UserPolicyList": [{{"PolicyName": "p", "PolicyDocument": {user_policy}}}]}}], "RoleDetailList": []}}"#
    )
}

pub(super) fn role(trust: &str) -> String {
    format!(
        r#"{{"UserDetailList": [{{"UserName": "ann", "UserId": "AIDA1", "Arn": "arn:aws:iam::111111111111:user/ann"}}],
            "RoleDetailList": [{{"RoleName": "r", "Arn": "arn:aws:iam::111111111111:role/r",
            "AssumeRolePolicyDocument": {{"Version": "2012-10-17", "Statement": [{trust}]}}}}]}}"#
    )
}

pub(super) fn statement(rest: &str) -> String {
    account(&format!(r#"{{"Version": "2012-10-17", "Statement": [{rest}]}}"#))
}

/// `+` or `-`, action, resource, what is left out, `?` under a condition: of the inline policy.
pub(super) fn permissions(s: &Snapshot) -> Vec<String> {
    let role = s.roles.iter().find(|r| r.id.as_str().starts_with("inline:")).unwrap();
    let show = |p: &crate::input::entitlement::Permission| {
        let sign = if p.effect == crate::input::entitlement::Effect::Allow { "+" } else { "-" };
        let out: Vec<String> =
            p.except.iter().map(|e| format!(" but {} {}", e.action.raw(), e.resource.raw())).collect();
        let out = out.join("");
        let condition = if p.condition.is_some() { " ?" } else { "" };
        format!("{sign} {} {}{out}{condition}", p.action.raw(), p.resource.raw())
    };
    role.permissions.iter().map(show).collect()
}

/// Who can act as whom, `!` where nothing is asked for, `?` under a condition.
fn trusts(s: &Snapshot) -> Vec<String> {
    let show = |t: &crate::snapshot::model::Trust| {
        let asks = if t.requires.is_some() { "" } else { "!" };
        let condition = if t.condition.is_some() { "?" } else { "" };
        format!("{}{asks}{condition}", t.from.raw())
    };
    s.trusts.iter().map(show).collect()
}

#[test]
fn the_real_account_has_the_counts_of_the_index_and_reads_back() {
    let Some(root) = data() else { return };
    let bytes = std::fs::read(root.join("account-iam-vulnerable.json")).unwrap();
    let found = import(&[("a.json", &bytes)], at()).unwrap();
    let count = |name: &str| found.counts[name];
    assert_eq!(
        [count("users"), count("groups"), count("roles"), count("policies")],
        [44, 5, 78, 84],
        "{:?}",
        found.counts
    );
    assert_eq!([count("conditions"), count("not_actions"), count("denies")], [54, 2, 3]);
    let written = write(&found.snapshot).unwrap();
    let (again, findings) = read("snapshot.json", &written).unwrap();
    assert!(findings.is_empty(), "{findings:?}");
    assert_eq!(again, found.snapshot);
    let small = std::fs::read(root.join("account-small.json")).unwrap();
    let small = import(&[("a.json", &small)], at()).unwrap();
    let count = |name: &str| small.counts[name];
    assert_eq!([count("users"), count("groups"), count("roles"), count("policies")], [3, 2, 3, 32]);
}

#[test]
fn a_document_reads_the_same_as_an_object_as_text_and_url_encoded() {
    let plain = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}}"#;
    let encoded = plain.bytes().fold(String::new(), |out, b| out + &format!("%{b:02X}"));
    let forms = [plain.to_owned(), serde_json::Value::from(plain).to_string(), format!("\"{encoded}\"")];
    for form in forms {
        let found = run(&[&account(&form)]).unwrap();
        assert_eq!(permissions(&found.snapshot), ["+ s3:Get* *"], "{form}");
    }
}

#[test]
fn each_statement_is_read_as_the_reference_has_it() {
    let cases: &[(&str, &[&str])] = &[
        (
            r#"{"Effect": "Allow", "Action": ["a:b", "c:d"], "Resource": ["x", "y"]}"#,
            &["+ a:b x", "+ a:b y", "+ c:d x", "+ c:d y"],
        ),
        (r#"{"Effect": "Allow", "NotAction": ["iam:*"], "Resource": "*"}"#, &["+ * * but iam:* *"]),
        (r#"{"Effect": "Allow", "Action": "s3:*", "NotResource": "b/*"}"#, &["+ s3:* * but * b/*"]),
        (r#"{"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"}"#, &["- * * but s3:* *"]),
        (
            r#"{"Effect": "Allow", "Action": "a:b", "Resource": "*", "Condition": {"Bool": {"aws:MultiFactorAuthPresent": true}}}"#,
            &["+ a:b * ?"],
        ),
        (r#"{"Effect": "Allow", "Action": "a:b", "Resource": "*", "Condition": {}}"#, &["+ a:b *"]),
        // Conditions that can never hold, and some that may.
        (
            r#"{"Effect": "Allow", "Action": "a:b", "Resource": "*", "Condition": {"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}}"#,
            &[],
        ),
        (
            r#"{"Effect": "Allow", "Action": "a:b", "Resource": "*", "Condition": {"DateLessThan": {"aws:currenttime": ["2020-01-01", "2021-01-01"]}}}"#,
            &[],
        ),
        (
            r#"{"Effect": "Allow", "Action": "a:b", "Resource": "*", "Condition": {"NumericLessThan": {"aws:EpochTime": 5}}}"#,
            &[],
        ),
        (
            r#"{"Effect": "Allow", "Action": "a:b", "Resource": "*", "Condition": {"StringEquals": {"aws:SourceVpc": []}}}"#,
            &[],
        ),
        (
            r#"{"Effect": "Allow", "Action": "a:b", "Resource": "*", "Condition": {"StringEqualsIfExists": {"aws:SourceVpc": []}}}"#,
            &["+ a:b * ?"],
        ),
        (
            r#"{"Effect": "Allow", "Action": "a:b", "Resource": "*", "Condition": {"DateLessThan": {"aws:CurrentTime": "2030"}}}"#,
            &["+ a:b * ?"],
        ),
        (
            r#"{"Effect": "Allow", "Action": "a:b", "Resource": "*", "Condition": {"DateLessThan": {"aws:CurrentTime": ["2020-01-01T-01-01T00:00:00Z", "2099-01-01T00:00:00Z"]}}}"#,
            &["+ a:b * ?"],
        ),
        (
            r#"{"Effect": "Allow", "Action": "a:b", "Resource": "*", "Condition": {"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}}"#,
            &["+ a:b * ?"],
        ),
        (
            r#"{"Effect": "Allow", "Action": "a:b", "Resource": "*", "Condition": {"DateLessThan": {"aws:TokenIssueTime": "2020-01-01T00:00:00Z"}}}"#,
            &[],
        ),
        (
            r#"{"Effect": "Allow", "Action": "a:b", "Resource": "*", "Condition": {"DateLessThanIfExists": {"aws:TokenIssueTime": "2020-01-01T00:00:00Z"}}}"#,
            &["+ a:b * ?"],
        ),
        (
            r#"{"Effect": "Allow", "Action": "a:b", "Resource": "*", "Condition": {"DateLessThan": {"aws:TokenIssueTime": "2025-12-31T12:00:00Z"}}}"#,
            &["+ a:b * ?"],
        ),
        (
            r#"{"Effect": "Allow", "Action": "iam:*", "Resource": "arn:aws:iam::*:user/${aws:username}"}"#,
            &["+ iam:* arn:aws:iam::*:user/${aws:username}"],
        ),
    ];
    for (given, wanted) in cases {
        let found = run(&[&statement(given)]).unwrap();
        assert_eq!(permissions(&found.snapshot), *wanted, "{given}");
    }
}

#[test]
fn one_condition_has_one_text_however_it_is_written() {
    let of = |condition: &str| {
        let text =
            statement(&format!(r#"{{"Effect": "Allow", "Action": "a:b", "Resource": "*", "Condition": {condition}}}"#));
        let found = run(&[&text]).unwrap().snapshot;
        found.roles.iter().find_map(|r| r.permissions.first()).and_then(|p| p.condition.clone()).unwrap()
    };
    let first = of(r#"{"StringLike": {"b": ["y", "x"], "a": "z"}, "Bool": {"c": true}}"#);
    assert_eq!(first, of(r#"{"Bool": {"c": ["true"]}, "StringLike": {"a": ["z"], "b": ["x", "y", "x"]}}"#));
    assert_eq!(first.raw(), r#"{"Bool":{"c":["true"]},"StringLike":{"a":["z"],"b":["x","y"]}}"#);
}

#[test]
fn each_trust_policy_lets_in_whom_it_names() {
    let cases: &[(&str, &[&str])] = &[
        (
            r#"{"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "sts:AssumeRole"}"#,
            &["arn:aws:iam::111111111111:*"],
        ),
        (
            r#"{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:root"}, "Action": "STS:assume*"}"#,
            &["arn:aws:iam::111111111111:*"],
        ),
        (
            r#"{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::222222222222:root"}, "Action": "sts:*"}"#,
            &["arn:aws:iam::222222222222:*!"],
        ),
        (
            r#"{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:user/ann"}, "Action": "*"}"#,
            &["arn:aws:iam::111111111111:user/ann"],
        ),
        (
            r#"{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::222222222222:role/x"}, "Action": "sts:AssumeRole"}"#,
            &["arn:aws:iam::222222222222:role/x!"],
        ),
        (r#"{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}"#, &["arn:*", "aws:anyone!"]),
        (
            r#"{"Effect": "Allow", "Principal": {"Service": ["ec2.amazonaws.com", "lambda.amazonaws.com"]}, "Action": "sts:AssumeRole"}"#,
            &["service:ec2.amazonaws.com!", "service:lambda.amazonaws.com!"],
        ),
        (
            r#"{"Effect": "Allow", "Principal": {"Federated": "arn:aws:iam::111111111111:saml-provider/x"}, "Action": "sts:AssumeRoleWithSAML", "Condition": {"StringEquals": {"SAML:aud": "y"}}}"#,
            &["federated:arn:aws:iam::111111111111:saml-provider/x!?"],
        ),
        (
            r#"{"Effect": "Allow", "NotPrincipal": {"AWS": "111111111111"}, "Action": "sts:AssumeRole"}"#,
            &["arn:*?", "aws:anyone!?"],
        ),
        (r#"{"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "sts:TagSession"}"#, &[]),
        (r#"{"Effect": "Allow", "Principal": {"AWS": "AIDAEXAMPLEGONE"}, "Action": "sts:AssumeRole"}"#, &[]),
        (
            r#"{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:user/gone"}, "Action": "sts:AssumeRole"}"#,
            &[],
        ),
        (
            r#"{"Effect": "Allow", "Principal": {"AWS": "arn:aws:sts::111111111111:assumed-role/r/s"}, "Action": "sts:AssumeRole"}"#,
            &["arn:aws:iam::111111111111:role/r?"],
        ),
        (
            r#"{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}, {"Effect": "Deny", "Principal": "*", "Action": "sts:*"}"#,
            &[],
        ),
        (
            r#"{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}, {"Effect": "Deny", "Principal": "*", "Action": "sts:*", "Condition": {"Bool": {"x": true}}}"#,
            &["arn:*", "aws:anyone!"],
        ),
        (
            r#"{"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "sts:AssumeRole", "Condition": {"Bool": {"x": true}}}, {"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "sts:AssumeRole"}"#,
            &["arn:aws:iam::111111111111:*"],
        ),
    ];
    for (given, wanted) in cases {
        let found = run(&[&role(given)]).unwrap();
        assert_eq!(trusts(&found.snapshot), *wanted, "{given}");
        read("snapshot.json", &write(&found.snapshot).unwrap()).unwrap();
    }
}

/// The permissions of every role whose id begins so: id, sign, action, resource, what is left out.
fn given(s: &Snapshot, start: &str) -> Vec<String> {
    let roles = s.roles.iter().filter(|r| r.id.as_str().starts_with(start));
    let show = |r: &crate::snapshot::model::Role, p: &crate::input::entitlement::Permission| {
        let sign = if p.effect == crate::input::entitlement::Effect::Allow { "+" } else { "-" };
        let out: Vec<&str> = p.except.iter().map(|e| e.resource.raw()).collect();
        let id = r.id.as_str().strip_prefix(start).unwrap_or_default();
        format!("{id} {sign} {} {} -[{}]", p.action.raw(), p.resource.raw(), out.join(","))
    };
    roles.flat_map(|r| r.permissions.iter().map(move |p| show(r, p))).collect()
}

#[test]
fn a_deny_of_one_way_to_assume_a_role_leaves_the_others() {
    let both = r#"{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:user/ann"}, "Action": "sts:AssumeRole"},
        {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRoleWithWebIdentity"}"#;
    let found = run(&[&role(both)]).unwrap().snapshot;
    assert_eq!(trusts(&found), ["arn:aws:iam::111111111111:user/ann"]);
    let role_arn = "arn:aws:iam::111111111111:role/r";
    assert_eq!(
        given(&found, "trust-policy:"),
        [
            format!("{role_arn}#0 + sts:AssumeRole {role_arn} -[]"),
            format!("{role_arn}#1 - sts:AssumeRoleWithWebIdentity {role_arn} -[]")
        ]
    );
    let session = r#"{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:user/ann"}, "Action": "sts:AssumeRole"},
        {"Effect": "Deny", "Principal": {"AWS": "arn:aws:sts::111111111111:assumed-role/r/alice"}, "Action": "sts:*"}"#;
    let found = run(&[&role(session)]).unwrap();
    assert!(found.snapshot.assignments.iter().all(|a| a.who.raw() != role_arn), "one session is not the role");
    assert_eq!(found.findings.iter().map(|f| f.code).collect::<Vec<_>>(), [Code::NotImported]);
}

#[test]
fn a_policy_of_a_resource_denies_no_more_than_it_says() {
    let of = |statements: &str| {
        let policy = format!(
            r#"[{{"Resource": "arn:aws:s3:::b", "Account": "111111111111", "Policy": {{"Version": "2012-10-17", "Statement": [{statements}]}}}}]"#
        );
        run(&[&role(""), &policy]).unwrap().snapshot
    };
    let left_out =
        of(r#"{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "NotResource": "arn:aws:s3:::b/open/*"}"#);
    let open = "-[arn:aws:s3:::b/open/*]";
    assert_eq!(
        given(&left_out, "resource-policy:arn:aws:s3:::b"),
        [
            format!("#0 - s3:* arn:aws:s3:::b {open}"),
            format!("#0 - s3:* arn:aws:s3:::b/* {open}"),
            format!("#0 - s3:* arn:aws:s3:::b:* {open}")
        ]
    );
    let session = r#"{"AWS": "arn:aws:sts::111111111111:assumed-role/r/alice"}"#;
    let denied = of(&format!(r#"{{"Effect": "Deny", "Principal": {session}, "Action": "s3:*", "Resource": "*"}}"#));
    assert!(given(&denied, "resource-policy:").is_empty() && denied.assignments.is_empty());
    let twice = r#"[{"Resource": "arn:aws:s3:::b", "Account": "111111111111", "Policy": {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:user/ann"}, "Action": "s3:Get*", "Resource": "arn:aws:s3:::b/x"}]}},
        {"Resource": "arn:aws:s3:::b", "Policy": {"Statement": [{"Effect": "Deny", "Principal": {"AWS": "arn:aws:iam::111111111111:role/r"}, "Action": "s3:*", "Resource": "arn:aws:s3:::b/x"}]}}]"#;
    let twice = run(&[&role(""), twice]).unwrap().snapshot;
    assert_eq!(
        given(&twice, "resource-policy:arn:aws:s3:::b"),
        ["#0 + s3:Get* arn:aws:s3:::b/x -[]", "#1 - s3:* arn:aws:s3:::b/x -[]"],
        "what one place denies reaches nobody whom another names"
    );
}

#[test]
fn what_a_resource_gives_to_a_session_passes_the_boundary_of_its_role() {
    let bounded = r#"{"RoleDetailList": [{"RoleName": "r", "Arn": "arn:aws:iam::111111111111:role/r",
        "PermissionsBoundary": {"PermissionsBoundaryArn": "arn:aws:iam::111111111111:policy/b"}}],
        "Policies": [{"Arn": "arn:aws:iam::111111111111:policy/b", "DefaultVersionId": "v1", "PolicyVersionList": [
        {"VersionId": "v1", "IsDefaultVersion": true, "Document": {"Version": "2012-10-17", "Statement": []}}]}]}"#;
    let of = |who: &str| {
        let policy = format!(
            r#"[{{"Resource": "arn:aws:s3:::b", "Account": "111111111111", "Policy": {{"Statement": [{{"Effect": "Allow", "Principal": {{"AWS": "{who}"}}, "Action": "s3:*", "Resource": "*"}}]}}}}]"#
        );
        let found = run(&[bounded, &policy]).unwrap().snapshot;
        let role = found.identities.iter().find(|i| i.id.as_str().ends_with("role/r")).unwrap();
        role.limits.iter().map(|l| l.bounds_resources).collect::<Vec<_>>()
    };
    assert_eq!(of("arn:aws:iam::111111111111:role/r"), [true]);
    assert_eq!(of("arn:aws:sts::111111111111:assumed-role/r/alice"), [false]);
}

#[test]
fn a_document_without_variables_keeps_its_words() {
    for version in ["", r#""Version": "2008-10-17", "#] {
        let of = format!(
            r#"{{{version}"Statement": [{{"Effect": "Deny", "Action": "s3:*", "Resource": "o/${{aws:username}}/*"}}]}}"#
        );
        let found = run(&[&account(&of)]).unwrap();
        assert_eq!(permissions(&found.snapshot), ["- s3:* o/${$}{aws:username}/*"]);
    }
}

#[test]
fn an_organisation_whose_managing_account_is_unknown_bounds_nobody() {
    let of = |root: &str| {
        let tree = format!(
            r#"{{"Id": "r-1", {root}"PolicyTypes": [], "Policies": [], "Children": [{{"Id": "111111111111", "Type": "Account",
            "Policies": [{{"Arn": "arn:aws:organizations::9:policy/p", "Content": {{"Version": "2012-10-17", "Statement": []}}}}]}}]}}"#
        );
        let found = run(&[&role(""), &tree]).unwrap();
        let ann = found.snapshot.identities.iter().find(|i| i.id.as_str().ends_with("user/ann")).unwrap();
        (ann.limits.len(), found.findings.iter().any(|f| f.code == Code::MissingField))
    };
    assert_eq!(of(r#""Arn": "arn:aws:organizations::999999999999:root/o-1/r-1", "#), (1, false));
    assert_eq!(of(""), (0, true));
}

#[test]
fn principals_that_are_gone_and_policies_that_are_missing_are_named() {
    let found = run(&[&role(r#"{"Effect": "Allow", "Principal": {"AWS": ["AROAGONE", "arn:aws:iam::111111111111:role/gone"]}, "Action": "sts:AssumeRole"}"#)]).unwrap();
    let codes: Vec<Code> = found.findings.iter().map(|f| f.code).collect();
    assert_eq!(codes, [Code::DanglingReference, Code::DanglingReference]);
    assert!(found.findings.iter().all(|f| f.place.as_ref().is_some_and(|p| p.line > 0)), "{:?}", found.findings);
    let missing = r#"{"UserDetailList": [{"UserName": "ann", "Arn": "arn:aws:iam::111111111111:user/ann", "GroupList": ["gone"],
        "AttachedManagedPolicies": [{"PolicyArn": "arn:aws:iam::aws:policy/Gone"}],
        "PermissionsBoundary": {"PermissionsBoundaryArn": "arn:aws:iam::aws:policy/Bound"}}]}"#;
    let found = run(&[missing]).unwrap();
    let mut codes: Vec<&str> = found.findings.iter().map(|f| f.code.name()).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["dangling-reference", "unresolved-role", "unresolved-role"]);
    let unresolved = found.snapshot.roles.iter().filter(|r| r.sensitivity.is_some()).count();
    assert_eq!(unresolved, 2, "what is unknown never looks harmless");
}

#[test]
fn unknown_versions_are_named_and_read() {
    let text =
        account(r#"{"Version": "2031-01-01", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}"#);
    let found = run(&[&text]).unwrap();
    assert_eq!(found.findings.iter().map(|f| f.code).collect::<Vec<_>>(), [Code::UnsupportedVersion]);
    assert_eq!(permissions(&found.snapshot), ["+ s3:* *"]);
}

#[test]
fn each_broken_export_is_refused_with_a_place() {
    let cases: &[(&str, String, Code)] = &[
        ("text that is no JSON", account(r#""not a policy""#), Code::Syntax),
        ("encoded and cut off", account(r#""%7B%22Version%22%3A""#), Code::Syntax),
        ("a number for a document", account("5"), Code::WrongType),
        ("no effect", statement(r#"{"Action": "s3:*", "Resource": "*"}"#), Code::BadValue),
        (
            "an effect in lower case",
            statement(r#"{"Effect": "allow", "Action": "s3:*", "Resource": "*"}"#),
            Code::BadValue,
        ),
        ("no action", statement(r#"{"Effect": "Allow", "Resource": "*"}"#), Code::MissingField),
        (
            "an action that is a number",
            statement(r#"{"Effect": "Allow", "Action": [1], "Resource": "*"}"#),
            Code::WrongType,
        ),
        (
            "a hidden character",
            statement("{\"Effect\": \"Allow\", \"Action\": \"s3:\u{202e}*\", \"Resource\": \"*\"}"),
            Code::HiddenCharacter,
        ),
        ("a statement that is text", statement(r#""x""#), Code::WrongType),
        ("one page of many", r#"{"UserDetailList": [], "IsTruncated": true, "Marker": "x"}"#.into(), Code::BadValue),
        ("no name", r#"{"UserDetailList": [{"UserName": "ann"}]}"#.into(), Code::MissingField),
        (
            "no default version",
            r#"{"Policies": [{"Arn": "arn:aws:iam::aws:policy/X", "PolicyVersionList": []}]}"#.into(),
            Code::MissingField,
        ),
        ("something else", r#"{"kind": "Pod"}"#.into(), Code::WrongType),
        ("cut off", r#"{"UserDetailList": ["#.into(), Code::Syntax),
        ("empty", " ".into(), Code::Empty),
    ];
    for (trick, text, code) in cases {
        let findings = run(&[text]).expect_err(trick);
        assert!(findings.iter().any(|f| f.code == *code && f.help.is_some()), "{trick}: {findings:?}");
        assert!(findings.iter().all(|f| f.place.is_some()), "{trick}: {findings:?}");
    }
}

#[test]
fn ten_thousand_statements_are_read() {
    let many: Vec<String> =
        (0..10_000).map(|n| format!(r#"{{"Effect": "Allow", "Action": "s3:Get{n}", "Resource": "*"}}"#)).collect();
    let found = run(&[&statement(&many.join(","))]).unwrap();
    assert_eq!(found.counts["statements"], 10_000);
    assert_eq!(permissions(&found.snapshot).len(), 10_000);
}

#[test]
fn a_policy_that_multiplies_is_refused() {
    let list = |n: usize| (0..n).map(|i| format!("\"x:{i}\"")).collect::<Vec<_>>().join(",");
    let text =
        statement(&format!(r#"{{"Effect": "Allow", "Action": [{}], "Resource": [{}]}}"#, list(2_000), list(2_000)));
    let findings = run(&[&text]).unwrap_err();
    assert!(findings.iter().any(|f| f.code == Code::TooLarge), "{findings:?}");
}

#[test]
fn policies_of_one_resource_have_the_same_ids_in_whatever_order_their_files_are_given() {
    let of = |who: &str, action: &str| {
        format!(
            r#"[{{"Resource": "arn:aws:s3:::b", "Account": "111111111111", "Policy": {{"Statement": [{{"Effect": "Allow", "Principal": {{"AWS": "arn:aws:iam::111111111111:{who}"}}, "Action": "{action}", "Resource": "*"}}]}}}}]"#
        )
    };
    let files = [role(""), of("role/r", "s3:Put*"), of("role/r", "s3:Get*"), of("user/ann", "s3:Get*")];
    let all = |order: [usize; 4]| {
        let texts: Vec<&str> = order.iter().map(|n| files[*n].as_str()).collect();
        run(&texts).unwrap().snapshot
    };
    let first = all([0, 1, 2, 3]);
    let numbers: std::collections::BTreeSet<&str> =
        first.roles.iter().filter_map(|r| r.id.as_str().strip_prefix("resource-policy:arn:aws:s3:::b#")).collect();
    assert_eq!(numbers, ["0", "1", "2"].into());
    for order in [[1, 0, 3, 2], [3, 2, 1, 0], [2, 3, 0, 1], [0, 3, 1, 2]] {
        assert_eq!(all(order), first, "{order:?}");
    }
}

#[test]
fn the_order_of_files_does_not_matter_and_the_same_file_twice_is_said() {
    let a = statement(r#"{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}"#);
    let b = r#"[{"Resource": "arn:aws:s3:::b", "Account": "111111111111", "Policy": {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}]}}]"#;
    let (one, two) = (run(&[&a, b]).unwrap(), run(&[b, &a]).unwrap());
    assert_eq!(one.snapshot, two.snapshot);
    let twice = run(&[&a, &a]).unwrap();
    assert_eq!(twice.findings.iter().map(|f| f.code).collect::<Vec<_>>(), [Code::DuplicateId]);
    assert_eq!(twice.counts["users"], 1);
}
