//! Every AWS escalation path that is known elsewhere, taken apart: over several changes, over identities that trust one
//! another, and with some of it held already. It fires on the whole, names exactly the changes that contribute, and is
//! silent on every strict subset.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::access::escalation::catalog::{EscalationPath, PathRequirement, Relation};
use crate::access::model::facts::{Analysis, EmergentWhat, Escalation};
use crate::access::tests::build::*;
use crate::access::{Data, PendingChange};
use crate::input::entitlement::{IdentityKind, Permission};
use crate::input::system::System;
use crate::plan::model::Action;
use crate::snapshot::model::{Limit, Snapshot};

const ANN: &str = "arn:aws:iam::111111111111:user/ann";
const BOB: &str = "arn:aws:iam::111111111111:user/bob";
const CREW: &str = "arn:aws:iam::111111111111:group/crew";
const FRONT: &str = "arn:aws:iam::111111111111:role/front";
const BOSS: &str = "arn:aws:iam::111111111111:role/boss";
const ADMIN: &str = "arn:aws:iam::111111111111:policy/admin";
const OWN: &str = "arn:aws:iam::111111111111:policy/own";
const MORE: &str = "arn:aws:iam::111111111111:policy/more";
const OTHERS: &str = "arn:aws:iam::111111111111:group/others";

const SERVICES: [&str; 11] = [
    "bedrock-agentcore",
    "cloudformation",
    "codebuild",
    "datapipeline",
    "ec2",
    "ecs-tasks",
    "glue",
    "lambda",
    "sagemaker",
    "spotfleet",
    "tasks.apprunner",
];

/// An account: ann and bob, a group, a role `front` that ann and bob are let into by name, and a role `boss` that services
/// run under, and that lets in whoever holds `sts:AssumeRole` on it.
fn account() -> Snapshot {
    holding(allow("s3:ListBucket", "*"))
}

/// The same, with what `boss` holds.
fn holding(boss: Permission) -> Snapshot {
    let everything = [boss];
    let mut s = snapshot("aws").human(ANN).human(BOB).identity(FRONT, IdentityKind::ServiceAccount);
    s = s.identity(BOSS, IdentityKind::Workload).group(CREW, &[ANN, BOB]);
    s = s.group(OTHERS, &[]);
    s = s.role(ADMIN, &everything).held("h1", BOSS, ADMIN, None);
    s = s.role(OWN, &[allow("s3:GetObject", "*")]);
    for who in [ANN, BOB, FRONT] {
        s = s.held(&format!("own:{who}"), who, OWN, None);
    }
    // Bob and the other group hold something that ann does not: whoever takes them over has more by it.
    s = s.role(MORE, &[allow("sns:Publish", "*")]).held("more:bob", BOB, MORE, None).held(
        "more:others",
        OTHERS,
        MORE,
        None,
    );
    for service in SERVICES {
        let name = format!("service:{service}.amazonaws.com");
        s = s.identity(&name, IdentityKind::Workload);
        s.identities.last_mut().unwrap().labels.insert("service".into(), "true".into());
        s = s.trust(&format!("t:{service}"), &name, BOSS, None);
    }
    s = s.trust("boss", "arn:aws:iam::111111111111:*", BOSS, Some(("sts:AssumeRole", BOSS)));
    s.trust("front", CREW, FRONT, None)
}

fn shipped() -> Data {
    Data::shipped().unwrap()
}

fn aws(data: &Data) -> impl Iterator<Item = &EscalationPath> {
    data.escalations.iter().filter(|p| p.system.as_ref().is_some_and(|s| *s == System::Aws))
}

/// The permissions that a path asks for, on the objects of this account: of each requirement the first alternative, and
/// of what services run what a function needs.
fn required(known: &EscalationPath) -> Vec<Permission> {
    let permission = |r: &PathRequirement| {
        let resource = match r.resource[0].raw() {
            "$role" => "arn:aws:iam::111111111111:role/*",
            "$user" => "arn:aws:iam::*:user/*",
            "$group" => "*",
            "$policy" => "arn:aws:iam::111111111111:policy/*",
            other => other,
        };
        let resource = resource.replacen("arn:*:", "arn:aws:", 1).replace("$role_account", "111111111111");
        allow(r.action[0].raw(), &resource)
    };
    let function = known.services.iter().find(|s| s.names.iter().any(|n| n.raw() == "lambda")).unwrap();
    let parts = |r: &PathRequirement| -> Vec<Permission> {
        if r.runs_as.is_some() { function.runs[0].iter().map(permission).collect() } else { vec![permission(r)] }
    };
    known.requires.iter().flat_map(parts).collect()
}

fn all(a: &Analysis) -> impl Iterator<Item = &Escalation> {
    a.escalations.iter()
}

fn completes(a: &Analysis, who: &str, id: &str) -> bool {
    all(a).any(|e| e.subject.as_str() == who && e.id.raw() == id && e.complete)
}

fn analysed(data: &Data, s: &Snapshot, changes: Vec<(&str, Action)>) -> Analysis {
    Run { data, ..Run::default() }.on(s, &plan(changes)).unwrap()
}

/// The changes named as responsible for a completion, of which there must be exactly one set.
fn responsible(a: &Analysis, who: &str, id: &str) -> Vec<BTreeSet<String>> {
    let mut sets = BTreeSet::new();
    for emergent in &a.emergent {
        let EmergentWhat::Escalation(e) = &emergent.what else { continue };
        if e.subject.as_str() == who && e.id.raw() == id {
            assert!(emergent.complete, "the caps were not met");
            sets.extend(emergent.sets.iter().map(|set| set.iter().map(|c| c.as_str().to_owned()).collect()));
        }
    }
    sets.into_iter().collect()
}

/// A role for each permission, and an unrelated one.
fn with_roles(mut s: Snapshot, parts: &[Permission]) -> Snapshot {
    for (n, part) in parts.iter().enumerate() {
        s = s.role(&format!("part{n}"), std::slice::from_ref(part));
    }
    s.role("unrelated", &[allow("sqs:SendMessage", "*")])
}

/// Strict subsets of `0..n`, the empty one aside.
fn subsets(n: usize) -> impl Iterator<Item = Vec<usize>> {
    (1..(1_usize << n) - 1).map(move |bits| (0..n).filter(|at| bits & (1 << at) != 0).collect())
}

/// Whoever completes a path that is about oneself as a role is that role; everything else ann completes.
fn completer(known: &EscalationPath) -> &'static str {
    let own_role = |e: &crate::access::escalation::catalog::Exists| {
        e.relation == Some(Relation::Actor) && e.name.iter().any(|n| n.raw().contains(":role/"))
    };
    if known.exists.iter().any(own_role) { FRONT } else { ANN }
}

/// Takes every path apart: each part by a change of its own, given in turn to these. `held`: also with some of it held
/// before the plan.
fn take_apart(hand: &[&str], held: bool) {
    let data = shipped();
    let mut tried = 0;
    for known in aws(&data) {
        let parts = required(known);
        let who = completer(known);
        // A role completes only what it holds itself.
        let to = |n: usize| if who == FRONT { FRONT } else { hand[n % hand.len()] };
        let s = account_for(known, &parts);
        let names: Vec<String> = (0..parts.len()).map(|n| format!("c{n}")).collect();
        let some = |of: &[usize]| -> Vec<(&str, Action)> {
            let step = |n: &usize| (names[*n].as_str(), grant(to(*n), &format!("part{n}"), None));
            of.iter().map(step).chain([("noise", grant(BOB, "unrelated", None))]).collect()
        };
        let every: Vec<usize> = (0..parts.len()).collect();
        let a = analysed(&data, &s, some(&every));
        let (id, context) = (known.id.raw(), format!("{} by {hand:?}", known.id.raw()));
        assert!(completes(&a, who, id), "{context} does not fire");
        tried += 1;
        let alone = |name: &str| a.changes.iter().find(|c| c.id.as_str() == name).unwrap();
        if parts.len() > 1 {
            let wanted: BTreeSet<String> = names.iter().cloned().collect();
            assert_eq!(responsible(&a, who, id), [wanted], "{context}");
            assert!(a.changes.iter().all(|c| c.escalations.iter().all(|e| e.id.raw() != id)), "{context}: not alone");
        } else {
            let mine = |e: &Escalation| e.id.raw() == id && e.subject.as_str() == who;
            assert!(alone("c0").escalations.iter().any(mine), "{context}");
        }
        assert!(
            alone("noise").escalations.is_empty() && alone("noise").emergent.is_empty(),
            "{context}: the unrelated"
        );
        for subset in subsets(parts.len()) {
            assert!(!completes(&analysed(&data, &s, some(&subset)), who, id), "{context} fires on {subset:?} alone");
        }
        if !held {
            continue;
        }
        let before = |s: Snapshot, n: &usize| s.held(&format!("before{n}"), to(*n), &format!("part{n}"), None);
        for subset in subsets(parts.len()) {
            // With the rest held already, the same part is what completes it.
            let rest = every.iter().filter(|n| !subset.contains(n)).fold(s.clone(), before);
            assert!(
                completes(&analysed(&data, &rest, some(&subset)), who, id),
                "{context}: {subset:?} on what is held"
            );
        }
        let a = analysed(&data, &every.iter().fold(s.clone(), before), some(&[]));
        assert!(a.escalations.is_empty(), "{context}: what was complete before is nobody's doing");
    }
    assert!(tried >= 50, "{tried}");
}

#[test]
fn every_path_is_found_whole_and_in_no_part_over_changes_for_one_user() {
    take_apart(&[ANN], true);
}

#[test]
fn every_path_is_found_whole_and_in_no_part_over_changes_for_a_group() {
    take_apart(&[CREW], false);
}

#[test]
fn every_path_is_found_whole_and_in_no_part_through_a_role_that_one_can_assume() {
    take_apart(&[FRONT], false);
}

#[test]
fn every_path_is_found_whole_and_in_no_part_over_identities_that_trust_one_another() {
    take_apart(&[ANN, FRONT, CREW], false);
}

/// Who completes a path with which changes of this plan and which of others; nothing else completes it.
fn over_plans(a: &Analysis, who: &str, id: &str) -> BTreeSet<(Vec<String>, Vec<String>)> {
    let names = |set: &BTreeSet<crate::input::id::ChangeId>| set.iter().map(|c| c.as_str().to_owned()).collect();
    let mine = a.emergent.iter().filter(|e| {
        matches!(&e.what, EmergentWhat::Escalation(it) if it.id.raw() == id && it.subject.as_str() == who && it.complete)
    });
    mine.map(|e| {
        assert!(e.complete, "the caps were not met");
        assert_eq!(e.sets.len(), 1, "{:?}", e.sets);
        (names(&e.members), names(&e.with))
    })
    .collect()
}

/// Asks for a path whose last part is in this plan and whose others are in plans of their own: it is found on the whole,
/// names exactly these, and is in no part.
fn split_over_plans(data: &Data, s: &Snapshot, known: &EscalationPath, earlier: &[PendingChange], now: &Action) {
    let (who, id) = (completer(known), known.id.raw());
    let ask = |approved: &[PendingChange]| {
        Run { data, approved, ..Run::default() }.on(s, &plan(vec![("now", now.clone()), ("noise", noise())])).unwrap()
    };
    let a = ask(earlier);
    let names: Vec<String> = earlier.iter().map(|one| format!("{}/c", one.plan.as_str())).collect();
    assert_eq!(over_plans(&a, who, id), [(vec!["now".to_owned()], names)].into(), "{id}");
    assert!(completes(&a, who, id), "{id}: policy is asked about it");
    let alone = a.changes.iter().flat_map(|c| &c.escalations).any(|e| e.id.raw() == id && e.complete);
    assert!(!alone, "{id}: no change alone");
    let beside = a.changes.iter().find(|c| c.id.as_str() == "noise").unwrap();
    assert!(beside.emergent.is_empty(), "{id}: the unrelated");
    // Without any one of the others, and without any of them.
    for without in 0..earlier.len() {
        let rest: Vec<PendingChange> =
            (0..earlier.len()).filter(|n| *n != without).map(|n| earlier[n].clone()).collect();
        for some in [&rest[..], &[]] {
            let a = ask(some);
            assert!(over_plans(&a, who, id).is_empty() && !completes(&a, who, id), "{id} without {without}");
        }
    }
    // Without this plan's own: what others were approved for is nobody's doing here.
    let a = Run { data, approved: earlier, ..Run::default() }.on(s, &plan(vec![("noise", noise())])).unwrap();
    assert!(!completes(&a, who, id), "{id} without this plan's part");
}

fn noise() -> Action {
    grant(BOB, "unrelated", None)
}

/// The account in which a path is walked, with a role for each of its parts. Only who assumes a role that holds everything
/// reaches all the rest by it.
fn account_for(known: &EscalationPath, parts: &[Permission]) -> Snapshot {
    let boss =
        known.exists.iter().find_map(|e| e.holds.as_ref()).map(|h| allow(h.action[0].raw(), h.resource[0].raw()));
    let mut s = with_roles(boss.map_or_else(account, holding), parts);
    for name in known.exists.iter().filter_map(|e| e.limited_by.clone()) {
        // A limit of which nothing is known lets everything pass.
        let limit = Limit { name, roles: vec!["unknown".into()], bounds_resources: false };
        s.identities
            .iter_mut()
            .filter(|i| [ANN, FRONT].contains(&i.id.as_str()))
            .for_each(|i| i.limits.push(limit.clone()));
    }
    s
}

#[test]
fn every_path_is_found_over_plans_and_in_no_part() {
    let data = shipped();
    let (mut parts_apart, mut attached_apart) = (0, 0);
    for known in aws(&data) {
        let parts = required(known);
        let (who, s) = (completer(known), account_for(known, &parts));
        if let [only] = parts.as_slice() {
            // One permission: a policy that says nothing yet is attached by one plan, and written by another.
            let s = s.role("empty", &[]);
            let attach = grant(who, "empty", None);
            let write = add("empty", only.clone());
            split_over_plans(&data, &s, known, &[approved("P0", "c", attach.clone())], &write);
            split_over_plans(&data, &s, known, &[approved("P0", "c", write)], &attach);
            attached_apart += 1;
            continue;
        }
        let give = |n: usize| grant(who, &format!("part{n}"), None);
        // Each part in turn is the one that this plan asks for.
        for last in 0..parts.len() {
            let rest = (0..parts.len()).filter(|n| *n != last);
            let earlier: Vec<PendingChange> = rest.map(|n| approved(&format!("P{n}"), "c", give(n))).collect();
            split_over_plans(&data, &s, known, &earlier, &give(last));
        }
        parts_apart += 1;
    }
    assert!(parts_apart + attached_apart >= 50, "{parts_apart} and {attached_apart}");
}

#[test]
fn every_path_that_runs_under_a_role_is_found_where_another_plan_lets_the_service_into_it() {
    let data = shipped();
    let mut tried = 0;
    for known in aws(&data) {
        let Some(service) = known.exists.iter().find_map(|e| e.trusts.first()) else { continue };
        let service = if service.raw() == "service:*" { "service:lambda.amazonaws.com" } else { service.raw() };
        let parts = required(known);
        let mut s = account_for(known, &parts);
        s.trusts.retain(|t| t.to.raw() != BOSS || t.from.raw() != service);
        let last = parts.len() - 1;
        for n in 0..last {
            s = s.held(&format!("before{n}"), ANN, &format!("part{n}"), None);
        }
        let trust = approved("P0", "c", add_trust("new", service, BOSS));
        split_over_plans(&data, &s, known, &[trust], &grant(ANN, &format!("part{last}"), None));
        tried += 1;
    }
    assert!(tried >= 15, "{tried}");
}

#[test]
fn the_permissions_of_every_path_that_is_known_elsewhere_complete_one_here() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/aws/escalation-paths.json");
    let Ok(bytes) = std::fs::read(&file) else {
        println!("no shared data: the paths were not compared");
        return;
    };
    let facts: Vec<Value> = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(facts.len(), 65);
    let data = shipped();
    for fact in facts {
        let list = fact["permissions"]["required"].as_array().unwrap();
        let wanted: Vec<Permission> =
            list.iter().filter_map(|p| p["permission"].as_str()).map(|action| allow(action, "*")).collect();
        let s = holding(allow("iam:*", "*")).role("all", &wanted);
        // A path to a role that governs IAM rests on what the role holds.
        let s = s.role("little", &[allow("s3:ListBucket", "*")]);
        let found = [ANN, FRONT].into_iter().any(|who| {
            let a = analysed(&data, &s, vec![("c", grant(who, "all", None))]);
            all(&a).any(|e| e.complete && e.subject.as_str() == who)
        });
        assert!(found, "{} completes nothing: {wanted:?}", fact["id"]);
    }
}

#[test]
fn forty_changes_that_each_contribute_to_everything_meet_the_caps_and_keep_the_fact() {
    let data = shipped();
    let mut s = account();
    let mut changes = Vec::new();
    let names: Vec<String> = (0..40).map(|n| format!("c{n:02}")).collect();
    for (n, name) in names.iter().enumerate() {
        // Half of them give one part, half the other, each by a role of its own.
        let part = if n % 2 == 0 { allow("iam:PassRole", "*") } else { allow("lambda:*", "*") };
        s = s.role(&format!("r{n}"), &[part]);
        changes.push((name.as_str(), grant(ANN, &format!("r{n}"), None)));
    }
    let a = analysed(&data, &s, changes);
    assert!(completes(&a, ANN, "aws-pass-role"));
    assert!(a.sets_incomplete);
    let emergent = a.emergent.iter().find(|e| {
        matches!(&e.what, EmergentWhat::Escalation(e) if e.id.raw() == "aws-pass-role" && e.subject.as_str() == ANN)
    });
    let emergent = emergent.expect("the fact stays");
    assert!(!emergent.complete && emergent.sets.len() <= 8);
    assert_eq!(emergent.members.len(), 40, "whoever was not shown to be outside counts");
}

#[test]
fn many_objects_are_told_as_one_and_what_was_held_before_is_not_told_again() {
    let data = shipped();
    let mut s = account();
    for n in 0..30 {
        let user = format!("arn:aws:iam::111111111111:user/u{n:02}");
        s = s.human(&user).held(&format!("more:{user}"), &user, MORE, None);
    }
    let s = s.role("few", &[allow("iam:CreateAccessKey", "arn:aws:iam::*:user/u0*")]);
    let s = s.role("all", &[allow("iam:CreateAccessKey", "*")]).role("one", &[allow("iam:CreateAccessKey", "*/bob")]);
    let told = |a: &Analysis| -> Vec<(u64, String)> {
        let mine = all(a).filter(|e| e.subject.as_str() == ANN && e.id.raw() == "aws-access-key-of-another");
        mine.map(|e| (e.count, e.bound["user"].raw().to_owned())).collect()
    };
    let a = analysed(&data, &s, vec![("c", grant(ANN, "all", None))]);
    assert_eq!(told(&a), [(31, "*".to_owned())]);
    let a = analysed(&data, &s, vec![("c", grant(ANN, "one", None))]);
    assert_eq!(told(&a), [(1, BOB.to_owned())]);
    let a = analysed(&data, &s.clone().held("x", ANN, "all", None), vec![("c", grant(ANN, "few", None))]);
    assert!(told(&a).is_empty());
    let a = analysed(&data, &s.held("x", ANN, "few", None), vec![("c", grant(ANN, "all", None))]);
    assert_eq!(told(&a), [(21, "*".to_owned())], "ten of them were within reach before");
}

#[test]
fn what_lies_in_another_account_is_out_of_reach() {
    let data = shipped();
    let far = "arn:aws:iam::222222222222:user/zoe";
    let s = account().human(far).role("all", &[allow("iam:CreateAccessKey", "*")]);
    let a = analysed(&data, &s, vec![("c", grant(ANN, "all", None))]);
    let bound: Vec<&str> = all(&a)
        .filter(|e| e.subject.as_str() == ANN && e.id.raw() == "aws-access-key-of-another")
        .map(|e| e.bound["user"].raw())
        .collect();
    assert_eq!(bound, [BOB]);
}

#[test]
fn a_condition_marks_a_completion_and_dropping_it_completes_it_anew() {
    let data = shipped();
    let s = account().role("if", &[when(allow("iam:CreateAccessKey", BOB), "mfa")]);
    let s = s.role("plain", &[allow("iam:CreateAccessKey", BOB)]);
    let found = |a: &Analysis| -> Vec<bool> {
        let mine = all(a).filter(|e| e.subject.as_str() == ANN && e.id.raw() == "aws-access-key-of-another");
        mine.map(|e| e.conditional).collect()
    };
    assert_eq!(found(&analysed(&data, &s, vec![("c", grant(ANN, "if", None))])), [true]);
    let s = s.held("x", ANN, "if", None);
    assert_eq!(found(&analysed(&data, &s, vec![("c", grant(ANN, "plain", None))])), [false]);
}

#[test]
fn what_names_only_oneself_takes_nobody_over() {
    let data = shipped();
    let own = allow("iam:*AccessKey", "arn:aws:iam::*:user/${aws:username}");
    let s = account().role("self", &[own, allow("iam:PutUserPolicy", "arn:aws:iam::*:user/${aws:username}")]);
    let a = analysed(&data, &s, vec![("c", grant(ANN, "self", None))]);
    assert!(!completes(&a, ANN, "aws-access-key-of-another"));
    assert!(completes(&a, ANN, "aws-inline-policy-on-oneself"), "but to write into oneself is to take anything");
}

#[test]
fn without_anything_to_bind_a_path_is_possible_and_not_complete() {
    let data = shipped();
    let s = snapshot("aws").human(ANN).role("both", &[allow("iam:PassRole", "*"), allow("lambda:*", "*")]);
    let a = analysed(&data, &s, vec![("c", grant(ANN, "both", None))]);
    let found: Vec<bool> = all(&a).filter(|e| e.id.raw() == "aws-pass-role").map(|e| e.complete).collect();
    assert_eq!(found, [false]);
}

#[test]
fn the_paths_of_postgresql_ask_for_what_they_say() {
    let data = shipped();
    let s = snapshot("postgresql").human("app").role("files", &[allow("MEMBER", "role:pg_write_server_files")]);
    let s = s.role("maker", &[allow("CREATEROLE", "server")]).role("reader", &[allow("SELECT", "db/t")]);
    let of = |role: &str| -> Vec<String> {
        let a = analysed(&data, &s, vec![("c", grant("app", role, None))]);
        all(&a).map(|e| e.id.raw().to_owned()).collect()
    };
    assert_eq!(of("files"), ["pg-write-server-files"]);
    assert_eq!(of("maker"), ["pg-createrole"]);
    assert!(of("reader").is_empty());
}
