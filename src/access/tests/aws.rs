//! Questions about real accounts, with the answers of another tool; and what other tools get wrong.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::access::Index;
use crate::access::queries::who_can::{AccessAnswer, AccessQuery, AccessVerdict, can, who_can};
use crate::input::id::Subject;
use crate::input::time::Time;
use crate::snapshot::import::aws;
use crate::snapshot::model::Snapshot;

fn data() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/aws/iamspy");
    if path.is_dir() {
        return Some(path);
    }
    println!("no shared data: the questions about real accounts were not asked");
    None
}

fn import(root: &Path, case: &Value) -> Snapshot {
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for list in ["gaads", "resources", "scps"] {
        for name in case["files"][list].as_array().into_iter().flatten() {
            let name = name.as_str().unwrap();
            files.push((name.to_owned(), std::fs::read(root.join("files").join(name)).unwrap()));
        }
    }
    let borrowed: Vec<(&str, &[u8])> = files.iter().map(|(n, b)| (n.as_str(), b.as_slice())).collect();
    aws::import(&borrowed, Time::parse("2026-01-01T00:00:00Z").unwrap()).unwrap().snapshot
}

pub(crate) fn wish(action: &str, resource: &str) -> AccessQuery {
    AccessQuery { action: action.into(), resource: resource.into(), scope: None }
}

/// Whether an answer is yes where conditions are taken to hold, or where they are taken not to.
fn yes(answer: &AccessAnswer, strict: bool) -> bool {
    match answer.verdict {
        AccessVerdict::Yes => true,
        AccessVerdict::UnderCondition => !strict,
        AccessVerdict::Eligible | AccessVerdict::Partly | AccessVerdict::No => false,
    }
}

/// The questions whose answers differ, each with the reason. A question is its list, its place, and what is asked with.
const DEVIATIONS: &[(&str, usize, &str)] = &[
    (
        "test_can_i",
        13,
        "values for a condition are given; conditions are never evaluated here, the answer stays `under-condition`",
    ),
    (
        "test_who_can",
        12,
        "values for a condition are given; conditions are never evaluated here, the answer stays `under-condition`",
    ),
];

#[test]
fn every_answer_of_the_other_tool_is_given_or_its_deviation_has_a_reason() {
    let Some(root) = data() else { return };
    let expected: Value = serde_json::from_slice(&std::fs::read(root.join("expected.json")).unwrap()).unwrap();
    let mut different = Vec::new();
    let mut asked = 0;
    for list in ["test_can_i", "test_who_can"] {
        for (n, case) in expected["tests"][list].as_array().unwrap().iter().enumerate() {
            asked += 1;
            let snapshot = import(&root, case);
            let index = Index::new(&snapshot);
            let input: Vec<&Value> = case["input"].as_array().unwrap().iter().collect();
            let text = |at: usize| input.get(at).and_then(|v| v.as_str()).unwrap_or_default();
            let same = if list == "test_can_i" {
                let strict = input.get(5).and_then(|v| v.as_bool()).unwrap_or(false);
                let answer = can(&index, &Subject::Identity(text(0).into()), &wish(text(1), text(2)));
                yes(&answer, strict) == case["expected"].as_bool().unwrap()
            } else {
                let strict = input.get(4).and_then(|v| v.as_bool()).unwrap_or(false);
                let found = names(&who_can(&index, &wish(text(0), text(1)), None), strict);
                let wanted: Vec<&str> = case["expected"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
                found == wanted
            };
            if !same {
                different.push((list, n));
            }
        }
    }
    assert_eq!(asked, 39);
    let listed: Vec<(&str, usize)> = DEVIATIONS.iter().map(|(list, n, _)| (*list, *n)).collect();
    assert_eq!(different, listed);
}

/// The users and roles among answers. Those who are in no account (`aws:anyone`) and groups are answers of ours only.
fn names(answers: &[AccessAnswer], strict: bool) -> Vec<String> {
    let identity = |a: &&AccessAnswer| matches!(&a.subject, Subject::Identity(id) if id.as_str().starts_with("arn:"));
    answers.iter().filter(identity).filter(|a| yes(a, strict)).map(|a| a.subject.as_str().to_owned()).collect()
}

#[test]
fn several_resources_are_several_questions() {
    let Some(root) = data() else { return };
    let expected: Value = serde_json::from_slice(&std::fs::read(root.join("expected.json")).unwrap()).unwrap();
    let case = &expected["tests"]["test_who_can_batch_resource"][0];
    let snapshot = import(&root, case);
    let index = Index::new(&snapshot);
    let mut found = Vec::new();
    for resource in case["input"][1].as_array().unwrap() {
        let resource = resource.as_str().unwrap();
        for name in names(&who_can(&index, &wish("s3:GetObject", resource), None), false) {
            found.push((name, resource.to_owned()));
        }
    }
    let wanted: Vec<(String, String)> = serde_json::from_value(case["expected"].clone()).unwrap();
    assert_eq!(found, wanted);
}

pub(crate) fn ask(files: &[&str], who: &str, action: &str, resource: &str) -> AccessAnswer {
    let files: Vec<(&str, &[u8])> = files.iter().map(|f| ("x.json", f.as_bytes())).collect();
    let snapshot = aws::import(&files, Time::parse("2026-01-01T00:00:00Z").unwrap()).unwrap().snapshot;
    can(&Index::new(&snapshot), &Subject::Identity(who.into()), &wish(action, resource))
}

pub(crate) const ANN: &str = "arn:aws:iam::111111111111:user/ann";

pub(crate) fn ann(policies: &[&str], roles: &str) -> String {
    let inline: Vec<String> = policies
        .iter()
        .enumerate()
        .map(|(n, p)| {
            format!(r#"{{"PolicyName": "p{n}", "PolicyDocument": {{"Version": "2012-10-17", "Statement": [{p}]}}}}"#)
        })
        .collect();
    format!(
        r#"{{"UserDetailList": [{{"UserName": "ann", "Arn": "{ANN}", "UserPolicyList": [{}]}}], "RoleDetailList": [{roles}]}}"#,
        inline.join(",")
    )
}

pub(crate) fn role(name: &str, trusts: &str, policy: &str) -> String {
    format!(
        r#"{{"RoleName": "{name}", "Arn": "arn:aws:iam::111111111111:role/{name}",
            "AssumeRolePolicyDocument": {{"Statement": [{{"Effect": "Allow", "Principal": {{"AWS": "{trusts}"}}, "Action": "sts:AssumeRole"}}]}},
            "RolePolicyList": [{{"PolicyName": "p", "PolicyDocument": {{"Statement": [{policy}]}}}}]}}"#
    )
}

pub(crate) const READ: &str = r#"{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}"#;

#[test]
fn a_deny_in_another_policy_is_not_overlooked() {
    let deny = r#"{"Effect": "Deny", "Action": "S3:getobject", "Resource": "*"}"#;
    let answer = ask(&[&ann(&[READ, deny], "")], ANN, "s3:GetObject", "arn:aws:s3:::b/k");
    assert_eq!(answer.verdict, AccessVerdict::No);
    assert_eq!(answer.taken.len(), 1, "and it is named: {answer:?}");
    let answer = ask(&[&ann(&[READ, deny], "")], ANN, "s3:GetBucketAcl", "arn:aws:s3:::b");
    assert_eq!(answer.verdict, AccessVerdict::Yes);
    let answer = ask(&[&ann(&[READ, deny], "")], ANN, "s3:Get*", "*");
    assert_eq!(answer.verdict, AccessVerdict::Partly);
}

#[test]
fn a_conditional_deny_takes_nothing_and_makes_the_answer_conditional() {
    let deny = r#"{"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}"#;
    let answer = ask(&[&ann(&[READ, deny], "")], ANN, "s3:GetObject", "b");
    assert_eq!(answer.verdict, AccessVerdict::UnderCondition);
    assert_eq!(answer.taken.iter().filter(|e| e.condition.is_some()).count(), 1, "{answer:?}");
}

#[test]
fn a_chain_of_roles_is_followed() {
    let assume = |role: &str| {
        format!(
            r#"{{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "arn:aws:iam::111111111111:role/{role}"}}"#
        )
    };
    let chain = [
        role("one", "111111111111", &assume("two")),
        role("two", "arn:aws:iam::111111111111:role/one", &assume("three")),
        role("three", "111111111111", READ),
    ];
    let answer = ask(&[&ann(&[&assume("one")], &chain.join(","))], ANN, "s3:GetObject", "b");
    assert_eq!(answer.verdict, AccessVerdict::Yes);
    let acts =
        answer.ways[0].1.path.iter().filter(|s| matches!(s, crate::access::model::facts::PathStep::ActsAs(..))).count();
    assert_eq!(acts, 3, "{:?}", answer.ways);
    let broken = [
        role("one", "111111111111", &assume("two")),
        role("two", "arn:aws:iam::111111111111:role/one", READ.replace("s3:Get*", "s3:List*").as_str()),
        role("three", "111111111111", READ),
    ];
    let answer = ask(&[&ann(&[&assume("one")], &broken.join(","))], ANN, "s3:GetObject", "b");
    assert_eq!(answer.verdict, AccessVerdict::No, "three asks for a permission that nobody on the way holds");
}

#[test]
fn roles_that_trust_one_another_in_a_circle_are_legal() {
    let any = r#"{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}"#;
    let circle = [
        role("one", "arn:aws:iam::111111111111:role/two", any),
        role("two", "arn:aws:iam::111111111111:role/one", any),
        role("three", "arn:aws:iam::111111111111:role/two", READ),
    ];
    let answer = ask(&[&ann(&[any], &circle.join(","))], ANN, "s3:GetObject", "b");
    assert_eq!(answer.verdict, AccessVerdict::No, "ann is in no trust policy");
    let one = "arn:aws:iam::111111111111:role/one";
    assert_eq!(ask(&[&ann(&[any], &circle.join(","))], one, "s3:GetObject", "b").verdict, AccessVerdict::Yes);
}

#[test]
fn a_deny_takes_a_role_that_names_its_user_as_well() {
    let deny = r#"{"Effect": "Deny", "Action": "sts:*", "Resource": "*"}"#;
    let named = role("one", ANN, READ);
    assert_eq!(ask(&[&ann(&[], &named)], ANN, "s3:GetObject", "b").verdict, AccessVerdict::Yes);
    assert_eq!(ask(&[&ann(&[deny], &named)], ANN, "s3:GetObject", "b").verdict, AccessVerdict::No);
}

#[test]
fn another_account_must_let_one_in() {
    let bucket = |principal: &str| {
        format!(
            r#"[{{"Resource": "arn:aws:s3:::far", "Account": "222222222222", "Policy": {{"Statement": [{{"Effect": "Allow", "Principal": {{"AWS": "{principal}"}}, "Action": "s3:*", "Resource": "*"}}]}}}}]"#
        )
    };
    let of = |own: &[&str], policy: &str| ask(&[&ann(own, ""), policy], ANN, "s3:GetObject", "arn:aws:s3:::far/k");
    assert_eq!(of(&[READ], &bucket("arn:aws:iam::111111111111:root")).verdict, AccessVerdict::Yes);
    assert_eq!(
        of(&[], &bucket("arn:aws:iam::111111111111:root")).verdict,
        AccessVerdict::No,
        "one's own account must allow it"
    );
    assert_eq!(of(&[], &bucket(ANN)).verdict, AccessVerdict::No);
    assert_eq!(of(&[READ], &bucket(ANN)).verdict, AccessVerdict::Yes);
    let closed = of(&[READ], &bucket("arn:aws:iam::333333333333:root"));
    assert_eq!(
        (closed.verdict, closed.closed.as_ref().map(crate::input::text::Text::raw)),
        (AccessVerdict::No, Some("222222222222"))
    );
    let near = bucket(ANN).replace("222222222222", "111111111111");
    assert_eq!(of(&[], &near).verdict, AccessVerdict::Yes, "within one account either side is enough");
}

#[test]
fn a_variable_stands_for_the_user_that_asks() {
    let own =
        r#"{"Effect": "Allow", "Action": "iam:CreateAccessKey", "Resource": "arn:aws:iam::*:user/${aws:username}"}"#;
    let of = |user: &str| {
        ask(&[&ann(&[own], "")], ANN, "iam:CreateAccessKey", &format!("arn:aws:iam::111111111111:user/{user}")).verdict
    };
    assert_eq!((of("ann"), of("root")), (AccessVerdict::Yes, AccessVerdict::No));
}

#[test]
fn the_paths_planted_in_a_real_account_are_found_and_its_decoys_are_not() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/aws/account-iam-vulnerable.json");
    let Ok(bytes) = std::fs::read(&file) else {
        println!("no shared data: the planted paths were not looked for");
        return;
    };
    let snapshot = aws::import(&[("a.json", &bytes)], Time::parse("2026-01-01T00:00:00Z").unwrap()).unwrap().snapshot;
    let data = crate::access::Data::shipped().unwrap();
    let all = crate::access::queries::escalations::standing(&Index::new(&snapshot), &data);
    let of = |user: &str| -> Vec<&str> {
        let id = format!("arn:aws:iam::200611803367:user/{user}");
        all.iter().filter(|e| e.complete && e.subject.as_str() == id).map(|e| e.id.raw()).collect()
    };
    for decoy in [
        "fp1-allow-and-deny-user",
        "fp2-allow-and-deny-multiple-policies-user",
        "fp3-deny-iam-user",
        "fp4-nonExploitableResourceConstraint-user",
        "fp5-nonExploitableConditionConstraint-user",
        "privesc-AssumeRole-start-user",
    ] {
        assert!(of(decoy).is_empty(), "{decoy}: {:?}", of(decoy));
    }
    for (user, path) in PLANTED {
        assert!(of(user).contains(path), "{user}: {:?} lacks {path}", of(user));
    }
    let marked = all.iter().find(|e| e.subject.as_str().ends_with("fn3-exploitableConditionConstraint-user")).unwrap();
    assert!(marked.conditional, "a path that hangs on a condition says so");
    let role = |name: &str| all.iter().any(|e| e.complete && e.subject.as_str().ends_with(&format!("role/{name}")));
    assert!(role("privesc-AssumeRole-starting-role"), "a chain of roles is followed");
    assert!(all.iter().all(|e| !e.subject.as_str().starts_with("service:")));
}

/// Users of that account, named after the path that was planted for them.
const PLANTED: &[(&str, &str)] = &[
    ("fn1-privesc3-partial-user", "aws-pass-role"),
    ("fn2-exploitableResourceConstraint-user", "aws-new-policy-version"),
    ("fn3-exploitableConditionConstraint-user", "aws-new-policy-version"),
    ("fn4-exploitableNotAction-user", "aws-inline-policy-on-oneself"),
    ("privesc1-CreateNewPolicyVersion-user", "aws-new-policy-version"),
    ("privesc2-SetExistingDefaultPolicyVersion-user", "aws-other-policy-version"),
    ("privesc3-CreateEC2WithExistingInstanceProfile-user", "aws-pass-role"),
    ("privesc4-CreateAccessKey-user", "aws-access-key-of-another"),
    ("privesc5-CreateLoginProfile-user", "aws-first-password-of-another"),
    ("privesc6-UpdateLoginProfile-user", "aws-new-password-of-another"),
    ("privesc7-AttachUserPolicy-user", "aws-attach-policy-to-oneself"),
    ("privesc8-AttachGroupPolicy-user", "aws-attach-policy-to-own-group"),
    ("privesc10-PutUserPolicy-user", "aws-inline-policy-on-oneself"),
    ("privesc11-PutGroupPolicy-user", "aws-inline-policy-on-own-group"),
    ("privesc13-AddUserToGroup-user", "aws-join-group"),
    ("privesc14-UpdatingAssumeRolePolicy-user", "aws-let-oneself-into-role"),
    ("privesc15-PassExistingRoleToNewLambdaThenInvoke-user", "aws-pass-role"),
    ("privesc16-PassRoleToNewLambdaThenTriggerWithNewDynamo-user", "aws-pass-role"),
    ("privesc17-EditExistingLambdaFunctionWithRole-user", "aws-change-function"),
    ("privesc18-PassExistingRoleToNewGlueDevEndpoint-user", "aws-pass-role"),
    ("privesc19-UpdateExistingGlueDevEndpoint-user", "aws-change-glue-endpoint"),
    ("privesc20-PassExistingRoleToCloudFormation-user", "aws-pass-role"),
    ("privesc21-PassExistingRoleToNewDataPipeline-user", "aws-pass-role"),
    ("privesc-codeBuildCreateProjectPassRole-user", "aws-pass-role"),
    ("privesc-sageMakerCreateNotebookPassRole-user", "aws-pass-role"),
    ("privesc-sageMakerCreateTrainingJobPassRole-user", "aws-pass-role"),
    ("privesc-sageMakerCreateProcessingJobPassRole-user", "aws-pass-role"),
    ("privesc-sageMakerCreatePresignedNotebookURL-user", "aws-open-notebook"),
    ("privesc-CloudFormationUpdateStack-user", "aws-change-stack"),
    ("privesc-ssmSendCommand-user", "aws-command-on-instance"),
    ("privesc-ssmStartSession-user", "aws-session-on-instance"),
];
