//! Chains over several plans: what was approved elsewhere, and the snapshot does not show yet, counts as held.

use super::build::*;
use crate::access::escalation::EscalationPath;
use crate::access::facts::{Analysis, EmergentWhat};
use crate::access::{Approved, Data};
use crate::input::entitlement::Permission;
use crate::plan::model::{Action, Lifetime};
use crate::snapshot::model::Snapshot;

const ANN: &str = "arn:aws:iam::111111111111:user/ann";
const BOSS: &str = "arn:aws:iam::111111111111:role/boss";

fn approved(plan_id: &str, id: &str, action: Action) -> Approved {
    let change = plan(vec![(id, action)]).changes.remove(0);
    Approved { plan: plan_id.into(), at: at(TAKEN_AT), expires: at(EXPIRES), change }
}

fn analysed(data: &Data, s: &Snapshot, changes: Vec<(&str, Action)>, approved: &[Approved]) -> Analysis {
    Run { data, approved, ..Run::default() }.on(s, &plan(changes)).unwrap()
}

fn account(parts: &[Permission]) -> Snapshot {
    let mut s = snapshot("aws").human(ANN).human("bob").human(BOSS);
    for service in ["lambda", "ec2", "glue", "codebuild", "datapipeline"] {
        s = s.trust(service, &format!("service:{service}.amazonaws.com"), BOSS, None);
    }
    for (n, part) in parts.iter().enumerate() {
        s = s.role(&format!("part{n}"), std::slice::from_ref(part));
    }
    s
}

/// Who completes what together with which approved changes.
fn chains(a: &Analysis) -> Vec<(String, Vec<String>, Vec<String>)> {
    let escalation = |e: &crate::access::facts::Emergent| match &e.what {
        EmergentWhat::Escalation(it) if !e.with.is_empty() => Some((
            it.id.raw().to_owned(),
            e.members.iter().map(|c| c.as_str().to_owned()).collect(),
            e.with.iter().map(|c| c.as_str().to_owned()).collect(),
        )),
        EmergentWhat::Access(_) | EmergentWhat::Escalation(_) | EmergentWhat::Sod(_) => None,
    };
    a.emergent.iter().filter_map(escalation).collect()
}

#[test]
fn steps_spread_over_plans_complete_a_path_with_the_plan_that_takes_the_last() {
    let data = Data::shipped().unwrap();
    let parts = [allow("iam:PassRole", "*"), allow("lambda:CreateFunction", "*"), allow("lambda:InvokeFunction", "*")];
    let s = account(&parts);
    let earlier =
        [approved("PLAN-17", "c1", grant(ANN, "part0", None)), approved("PLAN-23", "x", grant(ANN, "part1", None))];
    let a =
        analysed(&data, &s, vec![("c9", grant(ANN, "part2", None)), ("other", grant("bob", "part2", None))], &earlier);
    let wanted =
        ("aws-new-function".to_owned(), vec!["c9".to_owned()], vec!["PLAN-17/c1".to_owned(), "PLAN-23/x".to_owned()]);
    assert_eq!(chains(&a), [wanted]);
    assert!(a.escalations.iter().any(|e| e.id.raw() == "aws-new-function"), "policy is asked about it");
    assert!(a.changes[0].escalations.is_empty(), "the change alone completes nothing");
    assert_eq!(a.changes[0].emergent.len(), 1);
    assert!(a.changes[1].emergent.is_empty());
    assert_eq!(a.emergent[a.changes[0].emergent[0]].drop, ["c9".into()].into());
    let said: Vec<&str> = a.findings.iter().map(|f| f.message.raw()).filter(|m| m.contains("PLAN-17")).collect();
    assert_eq!(said.len(), 1, "{:?}", a.findings);
    // Any one of them missing, and nothing is said.
    for without in 0..2 {
        let rest = [earlier[1 - without].clone()];
        assert!(chains(&analysed(&data, &s, vec![("c9", grant(ANN, "part2", None))], &rest)).is_empty());
    }
    assert!(chains(&analysed(&data, &s, vec![("c9", grant("bob", "part2", None))], &earlier)).is_empty());
}

/// Every path of AWS whose parts are two or more, its last step in this plan and the others in plans of their own.
#[test]
fn every_path_is_found_over_plans_and_in_no_part() {
    let data = Data::shipped().unwrap();
    let several = |p: &&EscalationPath| {
        p.system.as_ref().is_some_and(|s| s.raw() == "aws")
            && p.requires.len() > 1
            && p.exists.iter().all(|e| e.relation.is_none())
    };
    let mut tried = 0;
    for known in data.escalations.iter().filter(several) {
        let parts: Vec<Permission> = known.requires.iter().map(|r| allow(r.action.raw(), "*")).collect();
        let mut s = account(&parts);
        for service in known.exists.iter().flat_map(|e| &e.trusts) {
            s = s.trust(&format!("t-{}", service.raw()), service.raw(), BOSS, None);
        }
        let last = parts.len() - 1;
        let earlier: Vec<Approved> =
            (0..last).map(|n| approved(&format!("P{n}"), "c", grant(ANN, &format!("part{n}"), None))).collect();
        let now = || vec![("c", grant(ANN, &format!("part{last}"), None))];
        let found = chains(&analysed(&data, &s, now(), &earlier));
        let names: Vec<String> = (0..last).map(|n| format!("P{n}/c")).collect();
        let mine: Vec<_> = found.iter().filter(|(id, ..)| id == known.id.raw()).collect();
        assert_eq!(mine.len(), 1, "{}: {found:?}", known.id.raw());
        assert_eq!((&mine[0].1, &mine[0].2), (&vec!["c".to_owned()], &names), "{}", known.id.raw());
        tried += 1;
        for without in 0..last {
            let rest: Vec<Approved> = (0..last).filter(|n| *n != without).map(|n| earlier[n].clone()).collect();
            let found = chains(&analysed(&data, &s, now(), &rest));
            assert!(found.iter().all(|(id, ..)| id != known.id.raw()), "{} without {without}", known.id.raw());
        }
    }
    assert!(tried >= 30, "{tried}");
}

#[test]
fn access_that_only_two_plans_give_together_is_said_as_well() {
    let s = snapshot("test").human("u").human("svc").role("run", &[allow("start", "job")]);
    let s = s.role("vault", &[allow("open", "vault")]).held("h", "svc", "vault", None);
    let s = s.group("runners", &[]).trust("t", "runners", "svc", Some(("start", "job")));
    let earlier = [approved("PLAN-1", "c", grant("u", "run", None))];
    let a = analysed(&Data::default(), &s, vec![("j", join("u", "runners"))], &earlier);
    let with: Vec<_> =
        a.emergent.iter().map(|e| e.with.iter().map(crate::input::id::Id::as_str).collect::<Vec<_>>()).collect();
    assert_eq!(with, [vec!["PLAN-1/c"]]);
    assert!(a.changes[0].effects.gained.is_empty(), "alone it gives nothing");
}

#[test]
fn what_was_done_has_ended_or_takes_access_is_no_companion() {
    let data = Data::shipped().unwrap();
    let s = account(&[allow("iam:PassRole", "*"), allow("lambda:*", "*")]);
    let now = || vec![("c", grant(ANN, "part1", None))];
    let ended =
        grant_as(ANN, "part0", crate::input::entitlement::Mode::Active, Some(Lifetime::Until(at(TAKEN_AT - 5))));
    assert!(chains(&analysed(&data, &s, now(), &[approved("P", "c", ended)])).is_empty());
    let lasting = grant_as(ANN, "part0", crate::input::entitlement::Mode::Active, Some(ttl(60)));
    assert!(!chains(&analysed(&data, &s, now(), &[approved("P", "c", lasting)])).is_empty());
    assert!(chains(&analysed(&data, &s, now(), &[approved("P", "c", revoke(ANN, "part1", None))])).is_empty());
    let shown = s.held("h", ANN, "part0", None);
    let a = analysed(&data, &shown, now(), &[approved("P", "c", grant(ANN, "part0", None))]);
    assert!(
        chains(&a).is_empty() && !a.changes[0].escalations.is_empty(),
        "the snapshot shows it: the change completes it"
    );
}

#[test]
fn what_an_earlier_version_of_the_plan_was_approved_for_is_held_until_the_plan_holds_it_again() {
    let data = Data::shipped().unwrap();
    let s = account(&[allow("iam:PassRole", "*"), allow("lambda:*", "*")]);
    let own = [approved("PLAN", "c", grant(ANN, "part0", None))];
    let with = |changes| {
        let a = analysed(&data, &s, changes, &own);
        chains(&a).into_iter().filter(|(id, ..)| id == "aws-new-function").map(|(_, _, with)| with).collect::<Vec<_>>()
    };
    assert_eq!(with(vec![("c", grant(ANN, "part1", None))]), [["PLAN/c"]], "half was put in the place of half");
    let both = vec![("c", grant(ANN, "part1", None)), ("d", grant(ANN, "part0", None))];
    assert!(with(both).is_empty(), "what the plan itself still gives is no companion");
}

#[test]
fn a_chain_is_found_whatever_its_changes_are_called_and_whenever_they_were_approved() {
    let data = Data::shipped().unwrap();
    let s = account(&[allow("iam:PassRole", "*"), allow("lambda:*", "*")]);
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for names in orders {
        for times in orders {
            let actions = [Action::CreateGroup(p("g".into()), None), grant("g", "part0", None), join(ANN, "g")];
            let held = |(n, action): (usize, Action)| Approved {
                at: at(TAKEN_AT + times[n]),
                ..approved("P", &format!("c{}", names[n]), action)
            };
            let mut earlier: Vec<Approved> = actions.into_iter().enumerate().map(held).collect();
            earlier.sort_by(|a, b| a.change.id.value.cmp(&b.change.id.value));
            let a = analysed(&data, &s, vec![("c", grant(ANN, "part1", None))], &earlier);
            let found: Vec<_> = chains(&a).into_iter().filter(|(id, ..)| id == "aws-new-function").collect();
            assert_eq!(found.len(), 1, "{names:?} {times:?}");
            assert_eq!(found[0].2, ["P/c0", "P/c1", "P/c2"]);
            assert!(!a.sets_incomplete);
        }
    }
}

#[test]
fn what_is_approved_of_an_object_that_this_plan_defines_anew_is_held_beside_it() {
    let data = Data::shipped().unwrap();
    let s = account(&[allow("iam:PassRole", "*"), allow("sqs:*", "*")]).held("h", ANN, "part1", None);
    let s = s.held("i", ANN, "part0", None);
    let earlier = [approved("P", "c", Action::SetRole(define("part1", &[allow("lambda:CreateFunction", "*")], &[])))];
    let more = Action::AddPermission(p("part1".into()), p(allow("lambda:InvokeFunction", "*")));
    let found = chains(&analysed(&data, &s, vec![("c", more)], &earlier));
    assert!(found.iter().any(|(id, _, with)| id == "aws-new-function" && *with == ["P/c"]), "{found:?}");
}

#[test]
fn what_cannot_be_laid_beside_the_plan_is_named_and_the_search_is_not_whole() {
    let data = Data::shipped().unwrap();
    let s = account(&[allow("iam:PassRole", "*"), allow("lambda:*", "*")]).group("g", &[]);
    let earlier = [approved("P", "c", join(ANN, "g"))];
    let a = analysed(
        &data,
        &s,
        vec![("c", grant(ANN, "part1", None)), ("d", Action::DeleteGroup(p("g".into())))],
        &earlier,
    );
    assert!(a.sets_incomplete);
    assert!(a.findings.iter().any(|f| f.message.raw().contains("`P/c` cannot be laid")), "{:?}", a.findings);
    let a = analysed(&data, &s, vec![("c", grant("bob", "part1", None))], &[approved("P", "c", join(ANN, "gone"))]);
    assert!(!a.sets_incomplete, "whom this plan does not concern");
}

#[test]
fn many_harmless_approvals_push_nothing_out() {
    let mut s = snapshot("test").human("u").human("svc").human("bob").role("run", &[allow("start", "job")]);
    s = s.role("vault", &[allow("open", "vault")]).held("h", "svc", "vault", None);
    s = s.group("runners", &[]).trust("t", "runners", "svc", Some(("start", "job")));
    let mut earlier = vec![approved("PLAN-1", "c", grant("u", "run", None))];
    for n in 0..400 {
        s = s.role(&format!("r{n}"), &[allow("read", &format!("q{n}"))]);
        let later = approved(&format!("Q{n}"), "c", grant("bob", &format!("r{n}"), None));
        earlier.push(Approved { at: at(TAKEN_AT + 1), ..later });
    }
    let now = || vec![("j", join("u", "runners"))];
    let a = analysed(&Data::default(), &s, now(), &earlier);
    assert!(a.emergent.iter().any(|e| e.with.iter().any(|c| c.as_str() == "PLAN-1/c")) && !a.sets_incomplete);
    for one in earlier.iter_mut().skip(1) {
        if let Action::Grant(a) = &mut one.change.action {
            a.to.value = "u".into();
        }
    }
    assert!(analysed(&Data::default(), &s, now(), &earlier).sets_incomplete, "of those that might matter, too many");
    for n in 0..400 {
        s = s.held(&format!("h{n}"), "u", &format!("r{n}"), None);
    }
    assert!(!analysed(&Data::default(), &s, now(), &earlier).sets_incomplete, "what the snapshot shows does not count");
}
