//! Roles that are passed to services: the role's trust policy decides which, and one path serves all of them.

use crate::access::Data;
use crate::access::model::facts::Escalation;
use crate::access::tests::build::*;
use crate::input::entitlement::{IdentityKind, Permission};
use crate::snapshot::model::{Limit, Snapshot};

const ANN: &str = "arn:aws:iam::111111111111:user/ann";
const BOB: &str = "arn:aws:iam::111111111111:user/bob";
const JOB: &str = "arn:aws:iam::111111111111:role/job";
const CREW: &str = "arn:aws:iam::111111111111:group/crew";

/// An account with a role that one service may assume and that gives something, and a user and a group that give more.
fn account(service: &str) -> Snapshot {
    let s = snapshot("aws").human(ANN).human(BOB).group(CREW, &[]).identity(JOB, IdentityKind::Workload);
    let s = s.role("power", &[allow("sns:Publish", "*")]).held("job", JOB, "power", None);
    let s = s.held("bob", BOB, "power", None).held("crew", CREW, "power", None);
    let name = format!("service:{service}");
    let mut s = s.identity(&name, IdentityKind::Workload).trust("t", &name, JOB, None);
    s.identities.iter_mut().find(|i| i.id.as_str() == name).unwrap().labels.insert("service".into(), "true".into());
    s
}

fn found(s: Snapshot, permissions: &[Permission]) -> Vec<Escalation> {
    let data = Data::shipped().unwrap();
    let s = s.role("given", permissions);
    let change = vec![("c", grant(ANN, "given", None))];
    let a = Run { data: &data, ..Run::default() }.on(&s, &plan(change)).unwrap();
    a.escalations.into_iter().filter(|e| e.complete && e.subject.as_str() == ANN).collect()
}

fn ids(s: Snapshot, actions: &[&str]) -> Vec<String> {
    let permissions: Vec<Permission> = actions.iter().map(|action| allow(action, "*")).collect();
    found(s, &permissions).iter().map(|e| e.id.raw().to_owned()).collect()
}

fn passes(service: &str, actions: &[&str]) -> bool {
    let all: Vec<&str> = std::iter::once("iam:PassRole").chain(actions.iter().copied()).collect();
    ids(account(service), &all).contains(&"aws-pass-role".to_owned())
}

#[test]
fn a_role_runs_in_whichever_service_it_trusts() {
    for (service, actions) in [
        ("lambda.amazonaws.com", &["lambda:CreateFunction", "lambda:InvokeFunction"][..]),
        ("lambda.amazonaws.com", &["lambda:UpdateFunctionConfiguration"]),
        ("ec2.amazonaws.com", &["ec2:AssociateIamInstanceProfile"]),
        ("ec2.amazonaws.com", &["ec2:ReplaceIamInstanceProfileAssociation"]),
        ("ec2.amazonaws.com.cn", &["ec2:RunInstances"]),
        ("ecs-tasks.amazonaws.com", &["batch:RegisterJobDefinition", "batch:SubmitJob"]),
        ("states.amazonaws.com", &["states:CreateStateMachine", "states:StartExecution"]),
        ("states.eu-west-1.amazonaws.com", &["states:TestState"]),
        ("ssm.amazonaws.com", &["ssm:StartAutomationExecution"]),
        ("scheduler.amazonaws.com", &["scheduler:CreateSchedule"]),
        ("pods.eks.amazonaws.com", &["eks:CreatePodIdentityAssociation"]),
        ("emr-serverless.amazonaws.com", &["emr-serverless:StartJobRun"]),
        (
            "bedrock-agentcore.amazonaws.com",
            &["bedrock-agentcore:CreateAgentRuntime", "bedrock-agentcore:InvokeAgentRuntime"],
        ),
        (
            "bedrock-agentcore.amazonaws.com",
            &["bedrock-agentcore:CreateBrowser", "bedrock-agentcore:StartBrowserSession"],
        ),
        ("bedrock-agentcore.amazonaws.com", &["bedrock-agentcore:CreateHarness", "bedrock-agentcore:InvokeHarness"]),
        // Services that the catalogue does not know: whatever makes, changes or starts something.
        ("omics.amazonaws.com", &["omics:StartRun"]),
        ("novel-service.amazonaws.com", &["novel-service:LaunchThing"]),
        ("workers.novel.amazonaws.com", &["novel:CreateWorker"]),
    ] {
        assert!(passes(service, actions), "{service} {actions:?}");
        for n in 0..actions.len() {
            let rest: Vec<&str> = actions.iter().enumerate().filter(|(at, _)| *at != n).map(|(_, a)| *a).collect();
            assert!(!passes(service, &rest), "{service} without {}", actions[n]);
        }
        let found = ids(account(service), actions);
        assert!(!found.contains(&"aws-pass-role".to_owned()), "{service}: no role is passed");
        assert!(!passes("sqs.amazonaws.com", actions), "{actions:?}: the role trusts another service");
    }
    assert!(!passes("novel-service.amazonaws.com", &["novel-service:DescribeThing", "novel-service:ListThings"]));
    assert!(
        !passes("vpc-flow-logs.amazonaws.com", &["vpc-flow-logs:CreateThing", "ec2:CreateFlowLogs"]),
        "it runs nothing"
    );
    assert!(!passes("lambda.amazonaws.com", &["ec2:RunInstances"]));
}

#[test]
fn a_role_that_gives_nothing_more_is_no_path() {
    let actions = ["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"];
    let s = account("lambda.amazonaws.com").held("ann", ANN, "power", None);
    assert!(ids(s, &actions).is_empty(), "ann holds all that the role gives");
    let ends = crate::input::time::Time::from_unix(TAKEN_AT + 10);
    let mut s = account("lambda.amazonaws.com").held("ann", ANN, "power", None);
    s.assignments.iter_mut().find(|a| a.id.as_str() == "ann").unwrap().until = Some(ends);
    assert_eq!(ids(s, &actions), ["aws-pass-role"], "but not for as long");
    let only = [allow("iam:PassRole", "arn:aws:iam::111111111111:role/other"), allow("lambda:*", "*")];
    let found = found(account("lambda.amazonaws.com"), &only);
    assert!(found.iter().all(|e| e.id.raw() != "aws-pass-role"), "that role cannot be passed");
}

#[test]
fn a_thing_runs_under_a_role_of_its_own_account() {
    let code = |account: &str| format!("arn:aws:lambda:eu-west-1:{account}:function:f");
    let found = |resource: &str| {
        let found = found(account("lambda.amazonaws.com"), &[allow("lambda:UpdateFunctionCode", resource)]);
        found.iter().any(|e| e.id.raw() == "aws-change-function")
    };
    assert!(found(&code("111111111111")) && found("*"));
    assert!(!found(&code("222222222222")));
    assert!(!ids(account("lambda.amazonaws.com"), &["lambda:UpdateFunctionConfiguration"]).is_empty());
}

#[test]
fn what_makes_users_roles_and_groups_of_ones_own_is_a_path() {
    let of = |actions: &[&str]| ids(account("sqs.amazonaws.com"), actions);
    for (actions, path) in [
        (&["iam:CreateRole", "iam:AttachRolePolicy"][..], "aws-new-role"),
        (&["iam:CreateRole", "iam:PutRolePolicy"], "aws-new-role"),
        (&["iam:CreateUser", "iam:PutUserPolicy", "iam:CreateLoginProfile"], "aws-new-user"),
        (&["iam:CreateUser", "iam:AddUserToGroup", "iam:CreateAccessKey"], "aws-new-user-in-group"),
        (&["iam:CreateGroup", "iam:AttachGroupPolicy", "iam:AddUserToGroup"], "aws-new-group"),
        (&["eks:AssociateAccessPolicy"], "aws-cluster-access-policy"),
        (&["eks:CreateAccessEntry"], "aws-cluster-access-entry"),
        (&["sso:PutInlinePolicyToPermissionSet", "sso:ProvisionPermissionSet"], "aws-permission-set-policy"),
        (&["sso:CreateAccountAssignment"], "aws-permission-set-assignment"),
        (&["identitystore:CreateGroupMembership"], "aws-identity-center-group"),
    ] {
        assert!(of(actions).contains(&path.to_owned()), "{actions:?}: {:?}", of(actions));
        if actions.len() > 1 {
            assert!(actions.iter().all(|one| !of(&[one]).contains(&path.to_owned())), "{actions:?}: no part alone");
        }
    }
    let commands = |service: &str| ids(account(service), &["ecs:ExecuteCommand"]);
    assert_eq!(commands("ecs-tasks.amazonaws.com"), ["aws-command-in-container"]);
    assert!(commands("ec2.amazonaws.com").is_empty());
}

#[test]
fn only_who_is_bounded_can_lift_a_boundary() {
    let actions = ["iam:DeleteUserPermissionsBoundary"];
    let mut s = account("sqs.amazonaws.com");
    assert!(ids(s.clone(), &actions).is_empty(), "there is nothing to lift");
    let limit = Limit { name: "boundary".into(), roles: vec!["unknown".into()], bounds_resources: false };
    s.identities.iter_mut().find(|i| i.id.as_str() == ANN).unwrap().limits.push(limit);
    assert_eq!(ids(s, &actions), ["aws-lift-own-boundary"]);
}

#[test]
fn a_user_who_may_do_nothing_more_is_not_worth_taking_over() {
    let keys = ["iam:CreateAccessKey"];
    assert_eq!(ids(account("sqs.amazonaws.com"), &keys), ["aws-access-key-of-another"]);
    let mut s = account("sqs.amazonaws.com");
    s.assignments.retain(|a| a.id.as_str() != "bob");
    assert!(ids(s, &keys).is_empty());
}
