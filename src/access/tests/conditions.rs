//! Conditions stay visible: on answers, on ways through trusts, on escalation paths; and what the snapshot can decide is
//! decided. Who can assume a role is for its trusts to say.

use super::build::*;
use crate::access::queries::escalations::standing;
use crate::access::queries::who_can::{AccessAnswer, AccessVerdict, can, who_can};
use crate::access::tests::aws::{ANN, READ, ann, ask, role, wish};
use crate::access::{Data, Index};
use crate::input::id::Subject;
use crate::input::time::Time;
use crate::snapshot::import::aws;
use crate::snapshot::model::Snapshot;

const ALL: &str = r#"{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}"#;
const ASSUME: &str = r#"{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}"#;
const ROLE: &str = "arn:aws:iam::111111111111:role/r";

fn deny_if(condition: &str) -> String {
    format!(r#"{{"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {condition}}}"#)
}

fn import(files: &[&str]) -> Snapshot {
    let files: Vec<(&str, &[u8])> = files.iter().map(|f| ("x.json", f.as_bytes())).collect();
    aws::import(&files, Time::parse("2026-01-01T00:00:00Z").unwrap()).unwrap().snapshot
}

/// Role `r` that reads, with a trust policy of one statement.
fn trusting(statement: &str) -> String {
    role("r", "unused", READ).replace(
        r#"{"Effect": "Allow", "Principal": {"AWS": "unused"}, "Action": "sts:AssumeRole"}"#,
        &format!(r#"{{"Effect": "Allow", {statement}}}"#),
    )
}

fn under(condition: &str) -> String {
    trusting(&format!(r#""Principal": {{"AWS": "{ANN}"}}, "Action": "sts:AssumeRole", "Condition": {condition}"#))
}

fn conditions(answer: &AccessAnswer) -> Vec<&str> {
    answer.ways.iter().filter_map(|(_, way)| way.access.condition.as_ref()).map(crate::input::text::Text::raw).collect()
}

#[test]
fn a_deny_that_the_snapshot_cannot_decide_makes_a_yes_conditional_and_is_listed() {
    let mfa = r#"{"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}"#;
    let answer = ask(&[&ann(&[ALL, &deny_if(mfa)], "")], ANN, "s3:PutObject", "arn:aws:s3:::b/k");
    assert_eq!(answer.verdict, AccessVerdict::UnderCondition);
    assert!(answer.taken[0].condition.as_ref().unwrap().raw().contains("MultiFactorAuthPresent"), "{answer:?}");
}

#[test]
fn a_deny_on_who_the_holder_is_counts_in_any_case_or_not_at_all() {
    let of = |condition: &str| {
        let answer = ask(&[&ann(&[ALL, &deny_if(condition)], "")], ANN, "s3:PutObject", "arn:aws:s3:::b/k");
        (answer.verdict, answer.taken.len())
    };
    let not = |who: &str| format!(r#"{{"ArnNotLike": {{"aws:PrincipalArn": "arn:aws:iam::*:user/{who}"}}}}"#);
    assert_eq!(of(&not("ann")), (AccessVerdict::Yes, 0), "it does not hold for ann");
    assert_eq!(of(&not("bo")), (AccessVerdict::No, 1), "it holds for ann");
    assert_eq!(of(r#"{"StringEquals": {"aws:PrincipalAccount": "111111111111"}}"#), (AccessVerdict::No, 1));
}

#[test]
fn a_conditional_deny_of_an_organisation_is_listed_as_one_of_ones_own() {
    let scp = |condition: &str| {
        format!(
            r#"{{"Id": "r-1", "Arn": "arn:aws:organizations::999999999999:root/o-1/r-1", "Children": [{{"Id": "111111111111",
            "Type": "Account", "Policies": [{{"Arn": "arn:aws:organizations::9:policy/p", "Content": {{"Version": "2012-10-17",
            "Statement": [{ALL}, {}]}}}}]}}]}}"#,
            deny_if(condition)
        )
    };
    let of = |condition: &str| ask(&[&ann(&[ALL], ""), &scp(condition)], ANN, "s3:PutObject", "arn:aws:s3:::b/k");
    let open = of(r#"{"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}}"#);
    assert_eq!((open.verdict, open.taken.len()), (AccessVerdict::UnderCondition, 1));
    assert_eq!(of(r#"{"StringEquals": {"aws:PrincipalAccount": "222222222222"}}"#).verdict, AccessVerdict::Yes);
}

#[test]
fn the_condition_of_a_trust_stays_on_the_way_behind_it() {
    for (key, condition) in [
        ("aws:MultiFactorAuthPresent", r#"{"Bool": {"aws:MultiFactorAuthPresent": "true"}}"#),
        ("sts:ExternalId", r#"{"StringEquals": {"sts:ExternalId": "e"}}"#),
        ("aws:PrincipalOrgID", r#"{"StringEquals": {"aws:PrincipalOrgID": "o-1"}}"#),
    ] {
        let answer = ask(&[&ann(&[ASSUME], &under(condition))], ANN, "s3:GetObject", "b");
        assert_eq!(answer.verdict, AccessVerdict::UnderCondition, "{key}");
        assert!(conditions(&answer).iter().all(|c| c.contains(key)), "{answer:?}");
        let assume = ask(&[&ann(&[ASSUME], &under(condition))], ANN, "sts:AssumeRole", ROLE);
        assert_eq!((assume.verdict, conditions(&assume).len()), (AccessVerdict::UnderCondition, 1), "{key}");
    }
    let decided = under(r#"{"StringEquals": {"aws:PrincipalAccount": "222222222222"}}"#);
    assert_eq!(ask(&[&ann(&[ASSUME], &decided)], ANN, "s3:GetObject", "b").verdict, AccessVerdict::No);
}

#[test]
fn the_condition_of_the_permission_that_a_trust_asks_for_stays_on_the_way() {
    let mfa = ASSUME.replace('}', r#", "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}"#);
    let root = trusting(r#""Principal": {"AWS": "111111111111"}, "Action": "sts:AssumeRole""#);
    let answer = ask(&[&ann(&[&mfa], &root)], ANN, "s3:GetObject", "b");
    assert_eq!(answer.verdict, AccessVerdict::UnderCondition);
    assert!(conditions(&answer)[0].contains("MultiFactorAuthPresent"), "{answer:?}");
    assert_eq!(ask(&[&ann(&[&mfa, ASSUME], &root)], ANN, "s3:GetObject", "b").verdict, AccessVerdict::Yes);
}

#[test]
fn an_escalation_behind_a_conditional_trust_names_the_condition() {
    let policy = r#"{"Effect": "Allow", "Action": "iam:*", "Resource": "*"}"#;
    let mfa = under(r#"{"Bool": {"aws:MultiFactorAuthPresent": "true"}}"#).replace(READ, policy);
    let of = |roles: &str| {
        let snapshot = import(&[&ann(&[ASSUME], roles)]);
        let all = standing(&Index::new(&snapshot), &Data::shipped().unwrap());
        let mine = all.into_iter().filter(|e| e.subject.as_str() == ANN && e.complete);
        mine.map(|e| (e.conditional, e.conditions.len())).collect::<Vec<_>>()
    };
    assert!(!of(&mfa).is_empty() && of(&mfa).iter().all(|one| *one == (true, 1)), "{:?}", of(&mfa));
    let plain = role("r", ANN, policy);
    assert!(!of(&plain).is_empty() && of(&plain).iter().all(|one| *one == (false, 0)), "{:?}", of(&plain));
}

#[test]
fn a_dropped_condition_of_a_trust_is_a_gain() {
    let base = |condition: Option<&str>| {
        let mut s =
            snapshot("demo").human("ann").human("svc").role("w", &[allow("write", "x")]).held("a", "svc", "w", None);
        s = s.trust("t", "ann", "svc", None);
        s.trusts[0].condition = condition.map(Into::into);
        s
    };
    let answer = |s: &Snapshot| {
        let index = Index::new(s);
        can(&index, &Subject::Identity("ann".into()), &wish("write", "x")).verdict
    };
    assert_eq!((answer(&base(None)), answer(&base(Some("mfa")))), (AccessVerdict::Yes, AccessVerdict::UnderCondition));
    let (before, after) = (base(Some("mfa")), base(None));
    let data = Data::default();
    let more = |a: &Snapshot, b: &Snapshot| {
        let found = crate::access::queries::snapshot_diff::between(&Index::new(a), &Index::new(b), &data);
        brief(&found.effects.gained)
    };
    assert_eq!(more(&before, &after), ["ann write x"]);
    assert_eq!(more(&after, &before), Vec::<String>::new());
}

#[test]
fn who_can_assume_a_role_lists_those_outside_whom_its_trust_names() {
    let names = |statement: &str| {
        let snapshot = import(&[&ann(&[], &trusting(statement))]);
        let found = who_can(&Index::new(&snapshot), &wish("sts:AssumeRole", ROLE), None);
        found.into_iter().map(|a| format!("{} {}", a.subject.as_str(), a.verdict.word())).collect::<Vec<_>>()
    };
    assert_eq!(
        names(r#""Principal": {"AWS": "222222222222"}, "Action": "sts:AssumeRole""#),
        ["arn:aws:iam::222222222222:root yes"]
    );
    assert_eq!(
        names(r#""Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole""#),
        ["service:ec2.amazonaws.com yes"]
    );
    let oidc = r#""Principal": {"Federated": "arn:aws:iam::111111111111:oidc-provider/ci.example"},
        "Action": "sts:AssumeRoleWithWebIdentity", "Condition": {"StringLike": {"ci.example:sub": "repo:x/*"}}"#;
    assert_eq!(names(oidc), ["federated:arn:aws:iam::111111111111:oidc-provider/ci.example under-condition"]);
}

#[test]
fn a_permission_to_assume_is_nothing_where_the_role_trusts_a_service_only() {
    let ec2 = trusting(r#""Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole""#);
    assert_eq!(ask(&[&ann(&[ASSUME], &ec2)], ANN, "sts:AssumeRole", ROLE).verdict, AccessVerdict::No);
    let root = trusting(r#""Principal": {"AWS": "111111111111"}, "Action": "sts:AssumeRole""#);
    assert_eq!(ask(&[&ann(&[ASSUME], &root)], ANN, "sts:AssumeRole", ROLE).verdict, AccessVerdict::Yes);
    assert_eq!(ask(&[&ann(&[], &root)], ANN, "sts:AssumeRole", ROLE).verdict, AccessVerdict::No);
}

#[test]
fn a_role_in_another_account_of_the_export_is_assumed_where_both_sides_allow_it() {
    let far = "arn:aws:iam::222222222222:role/r";
    let other = |trusts: &str| {
        format!(
            r#"{{"RoleDetailList": [{}]}}"#,
            role("r", trusts, READ).replace("111111111111:role", "222222222222:role")
        )
    };
    let of = |own: &[&str], trusts: &str| {
        let files = [ann(own, ""), other(trusts)];
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let assume = ask(&files, ANN, "sts:AssumeRole", far).verdict;
        (assume, ask(&files, ANN, "s3:GetObject", "b").verdict)
    };
    assert_eq!(of(&[ASSUME], ANN), (AccessVerdict::Yes, AccessVerdict::Yes));
    assert_eq!(of(&[ASSUME], "111111111111"), (AccessVerdict::Yes, AccessVerdict::Yes));
    assert_eq!(of(&[], ANN), (AccessVerdict::No, AccessVerdict::No), "one's own account must allow it");
    assert_eq!(of(&[ASSUME], "333333333333"), (AccessVerdict::No, AccessVerdict::No));
}

#[test]
fn what_a_resource_of_an_unknown_owner_gives_may_hold_or_not() {
    let bucket = |account: &str| {
        format!(
            r#"[{{"Resource": "arn:aws:s3:::b", {account}"Policy": {{"Statement": [{{"Effect": "Allow",
            "Principal": {{"AWS": "{ANN}"}}, "Action": "s3:*", "Resource": "*"}}]}}}}]"#
        )
    };
    let of = |account: &str| ask(&[&ann(&[], ""), &bucket(account)], ANN, "s3:GetObject", "arn:aws:s3:::b/k").verdict;
    assert_eq!(of(""), AccessVerdict::UnderCondition);
    assert_eq!(of(r#""Account": "111111111111", "#), AccessVerdict::Yes);
    assert_eq!(of(r#""Account": "222222222222", "#), AccessVerdict::No);
}

#[test]
fn a_role_is_not_among_those_who_can_assume_it_unless_it_trusts_itself() {
    let who = |statement: &str, policy: &str| {
        let made = trusting(statement).replace(READ, policy);
        let snapshot = import(&[&ann(&[ASSUME], &made)]);
        let found = who_can(&Index::new(&snapshot), &wish("sts:AssumeRole", ROLE), None);
        found.iter().map(|answer| answer.subject.as_str().to_owned()).collect::<Vec<_>>()
    };
    for policy in [ASSUME, r#"{"Effect": "Allow", "Action": "*", "Resource": "*"}"#] {
        let user = format!(r#""Principal": {{"AWS": "{ANN}"}}, "Action": "sts:AssumeRole""#);
        assert_eq!(who(&user, policy), [ANN]);
        let both = format!(r#""Principal": {{"AWS": ["{ANN}", "{ROLE}"]}}, "Action": "sts:AssumeRole""#);
        assert_eq!(who(&both, policy), [ROLE, ANN]);
    }
}
