//! What is held and what is reached: gains and losses by both, what was possible already, what is kept, and laws of both.

use std::collections::BTreeSet;

use super::build::*;
use crate::access::Data;
use crate::access::graph::index::Index;
use crate::access::model::facts::{AccessDelta, Analysis, ChangeFacts, EmergentWhat, Escalation};
use crate::access::queries::every_path::every_path;
use crate::input::entitlement::{IdentityKind, Mode};
use crate::input::finding::Code;
use crate::input::id::Subject;
use crate::plan::model::{Action, GroupDefinition};
use crate::snapshot::model::{MembersKnown, Snapshot};

fn analysed(s: &Snapshot, changes: Vec<(&str, Action)>) -> Analysis {
    let data = Data::shipped().unwrap();
    Run { data: &data, ..Run::default() }.on(s, &plan(changes)).unwrap()
}

fn alone(s: &Snapshot, action: Action) -> ChangeFacts {
    analysed(s, vec![("c1", action)]).changes.remove(0)
}

fn elsewhere(pieces: &[AccessDelta]) -> Vec<bool> {
    pieces.iter().map(|piece| piece.elsewhere.is_some()).collect()
}

fn paths(facts: &ChangeFacts) -> BTreeSet<&str> {
    facts.escalations.iter().map(|e| e.id.raw()).collect()
}

/// A cluster in which whoever creates pods of the control plane can act as its controller, which holds everything.
fn cluster() -> Snapshot {
    snapshot("kubernetes")
        .resource("ns:kube-system", None)
        .identity("sa:kube-system/controller", IdentityKind::ServiceAccount)
        .human("user:dev")
        .rule("pods", "sa:$namespace/$name", "create", "core:pods#*", Some("ns:$namespace"))
        .role("cluster-admin", &[allow("*", "*:*#*")])
        .role("pods", &[allow("create", "core:pods#*")])
        .held("c", "sa:kube-system/controller", "cluster-admin", None)
        .held("p", "user:dev", "pods", Some("ns:kube-system"))
}

#[test]
fn what_could_be_reached_by_acting_as_another_is_gained_all_the_same_where_it_is_given_directly() {
    let s = cluster();
    let facts = alone(&s, grant("user:dev", "cluster-admin", None));
    assert_eq!(brief(&facts.effects.gained), ["user:dev * *:*#*"]);
    assert_eq!(elsewhere(&facts.effects.gained), [true], "and it says how it could be reached before");
    assert!(facts.is_privileged() && facts.gained_privileged == 1);
    assert!(paths(&facts).contains("k8s-bind-clusterroles"), "{:?}", paths(&facts));
    // Who holds it already gains nothing, and who reaches nothing before is not said to.
    let held = s.clone().held("h", "user:dev", "cluster-admin", None);
    assert!(alone(&held, grant("user:dev", "pods", None)).effects.gained.is_empty());
    let other = s.human("user:new");
    assert_eq!(elsewhere(&alone(&other, grant("user:new", "cluster-admin", None)).effects.gained), [false]);
}

#[test]
fn what_could_be_reached_is_gained_by_activation_as_well() {
    let facts = alone(&cluster(), grant_as("user:dev", "cluster-admin", Mode::Eligible, None));
    assert_eq!(brief(&facts.effects.gained_eligible), ["user:dev * *:*#*"]);
    assert_eq!(elsewhere(&facts.effects.gained_eligible), [true]);
    assert!(facts.effects.gained.is_empty());
}

#[test]
fn what_is_taken_and_can_be_reached_still_is_lost_and_says_how() {
    let s = cluster().held("h", "user:dev", "cluster-admin", None);
    let facts = alone(&s, revoke("user:dev", "cluster-admin", None));
    assert_eq!(brief(&facts.effects.lost), ["user:dev * *:*#*"]);
    assert_eq!(elsewhere(&facts.effects.lost), [true]);
    let kept: Vec<(&str, u64, u64, bool)> =
        facts.kept.iter().map(|k| (k.subject.as_str(), k.accesses, k.of, k.is_reached())).collect();
    assert_eq!(kept, [("user:dev", 1, 1, true)]);
    assert!(facts.escalations.is_empty());
}

#[test]
fn who_may_do_two_things_that_must_be_apart_by_what_is_given_directly_is_in_conflict() {
    let data = Data::read([(
        "sod.yaml",
        "pairs: [{id: pay, title: t, first: {role: payer}, second: {role: approver}}]".as_bytes(),
    )])
    .unwrap();
    let s = snapshot("test").human("u").human("v").role("payer", &[allow("pay", "*")]);
    let s = s.role("approver", &[allow("approve", "*")]).held("p", "v", "payer", None).held("a", "v", "approver", None);
    let s = s.trust("t", "u", "v", None).held("q", "u", "payer", None);
    let run = |action| Run { data: &data, ..Run::default() }.on(&s, &plan(vec![("c", action)])).unwrap();
    let sod = |action| run(action).changes[0].sod.iter().map(|c| c.subject.as_str().to_owned()).collect::<Vec<_>>();
    assert_eq!(sod(grant("u", "approver", None)), ["u"]);
    let s = s.clone().human("w");
    let sod = |action| {
        let a = Run { data: &data, ..Run::default() }.on(&s, &plan(vec![("c", action)])).unwrap();
        a.changes[0].sod.iter().map(|c| c.subject.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert!(sod(grant("w", "payer", None)).is_empty(), "one side is no conflict");
}

/// Somebody who holds everything directly and through a group.
fn account() -> Snapshot {
    let s = snapshot("aws").human(&user("obama")).human(&user("other")).group(&group("admin"), &[&user("obama")]);
    let s = s.role(ADMINISTRATOR, &[allow("*", "*")]);
    s.held("direct", &user("obama"), ADMINISTRATOR, None).held("grouped", &group("admin"), ADMINISTRATOR, None)
}

const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

fn user(name: &str) -> String {
    format!("arn:aws:iam::123456789012:user/{name}")
}
fn group(name: &str) -> String {
    format!("arn:aws:iam::123456789012:group/{name}")
}
fn policy(name: &str) -> String {
    format!("arn:aws:iam::123456789012:policy/{name}")
}

fn leave() -> Action {
    Action::Revoke(to(&user("obama"), member(&group("admin")), None))
}
fn detach() -> Action {
    revoke(&user("obama"), ADMINISTRATOR, None)
}

#[test]
fn a_change_that_only_takes_opens_no_path_for_whom_it_takes_from() {
    assert!(
        paths(&alone(&account(), leave())).is_empty(),
        "who left the group could join it again, for no more than before"
    );
    let both = analysed(&account(), vec![("a", leave()), ("b", detach())]);
    assert!(both.escalations.is_empty() && both.changes.iter().all(|facts| facts.escalations.is_empty()));
    assert!(both.emergent.is_empty(), "{:?}", both.emergent);
}

#[test]
fn what_a_revoke_leaves_by_another_path_is_said() {
    let a = analysed(&account(), vec![("c1", detach())]);
    let facts = &a.changes[0];
    assert!(facts.effects.lost.is_empty() && facts.effects.gained.is_empty());
    let kept: Vec<(&str, u64, u64)> = facts.kept.iter().map(|k| (k.subject.as_str(), k.accesses, k.of)).collect();
    assert_eq!(kept, [(user("obama").as_str(), 1, 1)]);
    assert!(facts.kept[0].path.iter().any(|step| format!("{step:?}").contains("group/admin")), "{:?}", facts.kept);
    assert!(!a.findings.iter().any(|f| f.code == Code::NoEffect), "{:?}", a.findings);
    // The other way round the direct assignment is what is left.
    assert_eq!(alone(&account(), leave()).kept.len(), 1);
}

#[test]
fn of_what_is_taken_only_what_is_had_in_another_way_is_kept() {
    let s = snapshot("test").human("u").human("w").group("g", &["u", "w"]);
    let s = s.role("wide", &[allow("read", "*"), allow("write", "*")]).role("narrow", &[allow("read", "*")]);
    let s = s.held("a", "g", "wide", None).held("b", "u", "narrow", None);
    let kept = |facts: &ChangeFacts| -> Vec<(String, u64, u64)> {
        facts.kept.iter().map(|k| (k.subject.as_str().to_owned(), k.accesses, k.of)).collect()
    };
    let facts = one(&s, revoke("g", "wide", None));
    assert_eq!(kept(&facts), [("u".to_owned(), 1, 2)], "the member who has a part of it directly");
    assert_eq!(brief(&facts.effects.lost), ["u write *", "w read *", "w write *", "g read *", "g write *"]);
    // Of a role that gives less, who has the rest by another.
    assert_eq!(kept(&one(&s, remove("wide", allow("read", "*")))), [("u".to_owned(), 1, 1)]);
    // A trust, while another lets in as well.
    let s = s.human("x").trust("t1", "x", "u", None).trust("t2", "x", "u", None);
    let facts = one(&s, Action::RemoveTrust(p("t1".into())));
    assert!(
        facts.effects.lost.is_empty() && facts.kept.iter().any(super::super::model::path::Kept::is_reached),
        "{:?}",
        facts.kept
    );
}

#[test]
fn what_is_lost_only_by_several_changes_together_is_listed_with_all_of_them() {
    let a = analysed(&account(), vec![("a", leave()), ("b", detach())]);
    assert_eq!(brief(&a.effects.lost), [format!("{} * *", user("obama"))]);
    let [loss] = a.lost_together.as_slice() else { panic!("{:?}", a.lost_together) };
    assert!(matches!(&loss.what, EmergentWhat::Loss(piece) if piece.subject.as_str() == user("obama")));
    assert_eq!(loss.members.iter().map(crate::input::id::Id::as_str).collect::<Vec<_>>(), ["a", "b"]);
    assert!(loss.complete && a.changes.iter().all(|facts| facts.lost_together == [0]));
    assert!(!a.findings.iter().any(|f| f.code == Code::NoEffect), "neither half alters nothing");
}

#[test]
fn a_change_that_is_half_of_a_chain_is_not_said_to_alter_nothing() {
    let s = snapshot("test").human("u").group("g", &[]).role("r", &[allow("a", "x")]);
    let a = run(&s, vec![("a", join("u", "g")), ("b", grant("g", "r", None))]);
    assert_eq!(a.emergent.len(), 1);
    assert!(!a.findings.iter().any(|f| f.code == Code::NoEffect), "{:?}", a.findings);
    // By itself it does alter nothing.
    let a = run(&s, vec![("a", join("u", "g"))]);
    assert!(a.findings.iter().any(|f| f.code == Code::NoEffect));
}

#[test]
fn what_only_the_whole_plan_gives_directly_emerges_although_it_could_be_reached() {
    let s = snapshot("test").human("u").human("v").group("g", &[]).role("r", &[allow("a", "x")]);
    let s = s.held("h", "v", "r", None).trust("t", "u", "v", None);
    let a = run(&s, vec![("a", join("u", "g")), ("b", grant("g", "r", None))]);
    let [emergent] = a.emergent.as_slice() else { panic!("{:?}", a.emergent) };
    assert!(matches!(&emergent.what, EmergentWhat::Access(piece) if piece.elsewhere.is_some()));
    assert_eq!(emergent.members.len(), 2, "and needs both changes");
}

#[test]
fn a_new_identity_does_not_gain_what_everybody_who_signs_in_has() {
    let everybody = "group:system:authenticated";
    let create = || Action::CreateIdentity(p("sa:ci/deployer".into()), p(IdentityKind::ServiceAccount), None);
    let s = snapshot("kubernetes").resource("ns:ci", None).human("user:admin").human("user:system:anonymous");
    let mut s = s.implicit(everybody, "sa:*", MembersKnown::Partial).unknown_group("group:team");
    s = s.implicit("group:system:serviceaccounts", "sa:*", MembersKnown::Partial);
    s = s.rule("pods", "sa:$namespace/$name", "create", "core:pods#*", Some("ns:$namespace"));
    let s = s.role("discovery", &[allow("get", "url:/version")]).role("edit", &[allow("create", "core:pods#*")]);
    let s = s.held("d", everybody, "discovery", None).held("e", "group:team", "edit", Some("ns:ci"));
    let facts = alone(&s, create());
    assert!(facts.effects.gained.is_empty(), "neither by itself nor for who can act as it: {:?}", facts.effects.gained);
    // What only machines have is a gain for who can act as none.
    let machines = s.clone().role("issuer", &[allow("get", "url:/keys")]).held(
        "i",
        "group:system:serviceaccounts",
        "issuer",
        None,
    );
    assert_eq!(brief(&alone(&machines, create()).effects.gained), ["group:team get url:/keys"]);
    // Who cannot sign in gains it.
    let open = s.held("o", "user:system:anonymous", "edit", Some("ns:ci"));
    assert_eq!(brief(&alone(&open, create()).effects.gained), ["user:system:anonymous get url:/version"]);
}

#[test]
fn an_administrator_whose_rights_are_replaced_by_less_opens_no_path() {
    let s = account();
    let billing = policy("billing");
    let create = Action::CreateRole(define(&billing, &[allow("aws-portal:View*", "*")], &[]));
    let give = grant(&user("obama"), &billing, None);
    let a = analysed(&s, vec![("a", create), ("b", give), ("c", detach()), ("d", leave())]);
    for facts in &a.changes {
        assert!(facts.escalations.is_empty(), "{:?}: {:?}", facts.id, paths(facts));
    }
    assert!(a.escalations.is_empty() && a.emergent.is_empty(), "{:?}", a.emergent);
    assert!(a.changes[1].already.is_empty(), "of who stays an administrator no path is listed");
}

#[test]
fn an_over_broad_policy_is_split_without_a_path_being_opened() {
    let (broad, iam, s3) = (policy("broad"), policy("iam"), policy("s3"));
    let s = snapshot("aws").human(&user("u")).role(&broad, &[allow("iam:*", "*"), allow("s3:*", "*")]);
    let s = s.held("h", &user("u"), &broad, None);
    let a = analysed(
        &s,
        vec![
            ("a", Action::CreateRole(define(&iam, &[allow("iam:*", "*")], &[]))),
            ("b", Action::CreateRole(define(&s3, &[allow("s3:*", "*")], &[]))),
            ("c", grant(&user("u"), &iam, None)),
            ("d", grant(&user("u"), &s3, None)),
            ("e", revoke(&user("u"), &broad, None)),
        ],
    );
    for facts in &a.changes {
        assert!(facts.escalations.is_empty(), "{:?}: {:?}", facts.id, paths(facts));
    }
    assert!(a.effects.gained.is_empty() && a.effects.lost.is_empty());
    assert!(a.escalations.is_empty(), "{:?}", a.escalations);
}

#[test]
fn a_new_thing_without_power_opens_nothing_for_who_could_do_as_much_before() {
    let keys = policy("keys");
    let create =
        |name: &str| Action::CreateIdentity(p(user(name).as_str().into()), p(IdentityKind::ServiceAccount), None);
    let s = account();
    assert!(paths(&alone(&s, create("new"))).is_empty());
    assert!(
        paths(&alone(&s, Action::CreateGroup(GroupDefinition::new(p(group("new").as_str().into()), None)))).is_empty()
    );
    // One who may make keys of everybody could make one of somebody who holds as little.
    let s = s.human(&user("clerk")).role(&keys, &[allow("iam:CreateAccessKey", "*")]);
    let s = s.held("k", &user("clerk"), &keys, None);
    assert!(paths(&alone(&s, create("new"))).is_empty());
    // One who may do so only of whom there was none before could not.
    let only = policy("only");
    let s = s.human(&user("helper")).role(&only, &[allow("iam:CreateAccessKey", &user("bot-*"))]);
    let s = s.held("o", &user("helper"), &only, None);
    assert!(paths(&alone(&s, create("bot-1"))).is_empty(), "one who holds nothing gives nothing");
    let s = s.role(ADMINISTRATOR, &[allow("*", "*")]);
    let a = analysed(&s, vec![("a", create("bot-1")), ("b", grant(&user("bot-1"), ADMINISTRATOR, None))]);
    let opened = |e: &Escalation| e.subject.as_str() == user("helper") && e.id.raw() == "aws-access-key-of-another";
    assert!(a.escalations.iter().any(opened), "{:?}", a.escalations);
    // And once the new one holds much, the plan as a whole opens a path for who could make keys only of the powerless.
    let s =
        snapshot("aws").human(&user("clerk")).human(&user("other")).role(&keys, &[allow("iam:CreateAccessKey", "*")]);
    let s = s.held("k", &user("clerk"), &keys, None).role(ADMINISTRATOR, &[allow("*", "*")]);
    let a = analysed(&s, vec![("a", create("new")), ("b", grant(&user("new"), ADMINISTRATOR, None))]);
    let clerk = |list: &[Escalation]| list.iter().any(|e| e.subject.as_str() == user("clerk"));
    assert!(!clerk(&a.changes[0].escalations) && clerk(&a.escalations));
}

#[test]
fn whom_a_change_names_as_receiver_counts_whatever_the_snapshot_gives_them() {
    let s = snapshot("test").human("u").human("w").group("empty", &[]).group("team", &["w"]).role("none", &[]);
    let names = |action: Action| -> Vec<String> {
        one(&s, action).receivers.iter().map(|who| who.as_str().to_owned()).collect()
    };
    assert_eq!(names(join("u", "empty")), ["u"]);
    assert_eq!(names(grant("team", "none", None)), ["w", "team"], "members of who receives receive");
    assert_eq!(names(add_trust("t", "u", "w")), ["u"]);
    assert_eq!(names(issue("k", "w", "u", None)), ["u"]);
    assert!(names(Action::CreateGroup(GroupDefinition::new(p("more".into()), None))).is_empty());
    let facts = one(&s, join("u", "empty"));
    assert!(facts.effects.gained.is_empty());
    assert_eq!(facts.concerned.identities, 1);
    assert!(facts.gaining().any(|who| who.as_str() == "u"));
    // Who is left with less receives nothing.
    let s = s.held("h", "u", "none", None);
    let facts = |mode, life| one(&s, adjust("u", "none", mode, life)).receivers.len();
    assert_eq!(facts(Some(Mode::Active), Some(ttl(60))), 0);
    let s = s.mode(Mode::Active, Some(TAKEN_AT + 9));
    assert_eq!(one(&s, adjust("u", "none", Some(Mode::Standing), None)).receivers.len(), 1);
}

#[test]
fn every_path_to_an_access_is_listed() {
    let s = snapshot("test").human("u").human("v").group("g", &["u"]).group("h", &["u"]).role("r", &[allow("a", "x")]);
    let s = s.held("direct", "u", "r", None).held("again", "u", "r", None).held("grouped", "g", "r", None);
    let s = s.held("other", "v", "r", None).trust("t1", "u", "v", None).trust("t2", "h", "v", None);
    let s = s.trust("back", "v", "u", None);
    let (found, is_cut) = every_path(&Index::new(&s), &Subject::Identity("u".into()));
    let by: BTreeSet<String> = found.iter().map(|r| format!("{:?}", r.path)).collect();
    assert!(!is_cut && found.len() == by.len());
    let leads = |words: &[&str]| by.iter().filter(|path| words.iter().all(|word| path.contains(word))).count();
    assert_eq!([leads(&["direct"]), leads(&["again"]), leads(&["grouped"])], [1, 1, 1], "{by:#?}");
    assert_eq!([leads(&["t1", "other"]), leads(&["t2", "Member", "other"])], [1, 1], "{by:#?}");
    assert_eq!(by.len(), 5, "nobody is met twice on a path");
}

#[test]
fn a_small_loan_opens_nothing_for_who_could_assume_an_administrator_under_a_condition() {
    let (ann, admin) = ("arn:aws:iam::111111111111:user/ann", "arn:aws:iam::111111111111:role/admin");
    let mut s = snapshot("aws")
        .human(ann)
        .identity(admin, IdentityKind::ServiceAccount)
        .identity("arn:aws:iam::111111111111:user/bob", IdentityKind::Human)
        .identity("arn:aws:iam::111111111111:role/other", IdentityKind::ServiceAccount)
        .group("arn:aws:iam::111111111111:group/g", &[])
        .role("all", &[allow("*", "*")])
        .role("assume", &[allow("sts:AssumeRole", "*")])
        .role("list", &[allow("s3:ListAllMyBuckets", "*")])
        .role("get", &[allow("s3:GetObject", "arn:aws:s3:::bucket/*")])
        .role("invoke", &[allow("lambda:InvokeFunction", "*")])
        .role("read", &[allow("iam:Get*", "*")])
        .role("arn:aws:iam::111111111111:policy/read", &[allow("s3:ListAllMyBuckets", "*")])
        .role("version", &[allow("iam:CreatePolicyVersion", "*")])
        .role("office", &[when(allow("iam:CreatePolicyVersion", "*"), "in the office")])
        .held("h", admin, "all", None)
        .held("a", ann, "assume", None)
        .trust("t", ann, admin, Some(("sts:AssumeRole", admin)));
    for condition in [None, Some("{\"Bool\":{\"aws:MultiFactorAuthPresent\":[\"true\"]}}".into())] {
        s.trusts[0].condition = condition;
        for role in ["list", "get", "invoke", "read", "assume", "arn:aws:iam::111111111111:policy/read"] {
            let facts = alone(&s, grant(ann, role, None));
            let opened: Vec<_> = facts.escalations.iter().map(|e| (e.id.raw(), e.complete, e.conditional)).collect();
            assert_eq!(opened, vec![], "{role} {:?}", s.trusts[0].condition);
        }
    }
    let facts = alone(&s, grant("arn:aws:iam::111111111111:role/other", "list", None));
    assert!(facts.escalations.is_empty(), "a loan to a role that it could let itself into");
    let loan = grant(ann, "arn:aws:iam::111111111111:policy/read", None);
    let already = |s: &Snapshot| alone(s, loan.clone()).already.len();
    assert!(already(&s) > 0, "what was reachable before is said");
    s.roles[0].permissions = vec![allow("iam:*", "*")];
    assert!(already(&s) > 0 && alone(&s, loan.clone()).escalations.is_empty(), "who administers IAM");
    // What the change gives itself opens the path, under a condition of its own as well.
    let holding = s.held("p", ann, "arn:aws:iam::111111111111:policy/read", None);
    for role in ["version", "office"] {
        assert!(!alone(&holding, grant(ann, role, None)).escalations.is_empty(), "{role}");
    }
}

#[test]
fn a_path_needs_a_resource_that_its_action_can_name() {
    let found = |action: &str, resource: &str| {
        let ann = "arn:aws:iam::111111111111:user/ann";
        let s = snapshot("aws").human(ann).role("r", &[allow(action, resource)]).held("h", ann, "r", None);
        crate::access::queries::escalations::standing(&Index::new(&s), &Data::shipped().unwrap()).len()
    };
    for action in ["*", "iam:*", "identitystore:*", "sts:*", "lambda:*"] {
        for resource in ["arn:aws:s3:::*", "arn:aws:s3:::x", "arn:aws:dynamodb:*:*:table/*"] {
            assert_eq!(found(action, resource), 0, "{action} on {resource}");
        }
    }
    for (action, resource) in
        [("identitystore:*", "*"), ("*", "arn:aws:identitystore:::group/*"), ("identitystore:*", "arn:aws:*")]
    {
        assert!(found(action, resource) > 0, "{action} on {resource}");
    }
}
