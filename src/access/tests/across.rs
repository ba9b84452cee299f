//! Chains over several plans: what was approved elsewhere, and the snapshot does not show yet, counts as held.

use super::build::*;
use crate::access::chains::interaction::meeting;
use crate::access::change::resolve::attempt;
use crate::access::effective::state::AccessState;
use crate::access::model::facts::{Analysis, ChangeFacts, EmergentWhat};
use crate::access::{Data, Index, PendingChange};
use crate::input::entitlement::{IdentityKind, Permission};
use crate::plan::model::{Action, GroupDefinition, Lifetime};
use crate::snapshot::model::Snapshot;

const ANN: &str = "arn:aws:iam::111111111111:user/ann";
const BOSS: &str = "arn:aws:iam::111111111111:role/boss";

fn analysed(data: &Data, s: &Snapshot, changes: Vec<(&str, Action)>, approved: &[PendingChange]) -> Analysis {
    Run { data, approved, ..Run::default() }.on(s, &plan(changes)).unwrap()
}

fn account(parts: &[Permission]) -> Snapshot {
    let mut s = snapshot("aws").human(ANN).human("bob").human(BOSS);
    // What the role gives, nobody else holds.
    s = s.role("boss-only", &[allow("sns:Publish", "*")]).held("boss-only", BOSS, "boss-only", None);
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
    let escalation = |e: &crate::access::model::facts::Emergent| match &e.what {
        EmergentWhat::Escalation(it) if !e.with.is_empty() => Some((
            it.id.raw().to_owned(),
            e.members.iter().map(|c| c.as_str().to_owned()).collect(),
            e.with.iter().map(|c| c.as_str().to_owned()).collect(),
        )),
        EmergentWhat::Access(_) | EmergentWhat::Escalation(_) | EmergentWhat::Sod(_) | EmergentWhat::Loss(_) => None,
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
        ("aws-pass-role".to_owned(), vec!["c9".to_owned()], vec!["PLAN-17/c1".to_owned(), "PLAN-23/x".to_owned()]);
    assert_eq!(chains(&a), [wanted]);
    assert!(a.escalations.iter().any(|e| e.id.raw() == "aws-pass-role"), "policy is asked about it");
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
        chains(&a).into_iter().filter(|(id, ..)| id == "aws-pass-role").map(|(_, _, with)| with).collect::<Vec<_>>()
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
            let actions = [
                Action::CreateGroup(GroupDefinition::new(p("g".into()), None)),
                grant("g", "part0", None),
                join(ANN, "g"),
            ];
            let held = |(n, action): (usize, Action)| PendingChange {
                at: at(TAKEN_AT + times[n]),
                ..approved("P", &format!("c{}", names[n]), action)
            };
            let mut earlier: Vec<PendingChange> = actions.into_iter().enumerate().map(held).collect();
            earlier.sort_by(|a, b| a.change.id.value.cmp(&b.change.id.value));
            let a = analysed(&data, &s, vec![("c", grant(ANN, "part1", None))], &earlier);
            let found: Vec<_> = chains(&a).into_iter().filter(|(id, ..)| id == "aws-pass-role").collect();
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
    assert!(found.iter().any(|(id, _, with)| id == "aws-pass-role" && *with == ["P/c"]), "{found:?}");
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
    assert!(a.findings.iter().any(|f| f.message.raw().contains("`P/c` cannot be combined")), "{:?}", a.findings);
    let a = analysed(&data, &s, vec![("c", grant("bob", "part1", None))], &[approved("P", "c", join(ANN, "gone"))]);
    assert!(!a.sets_incomplete, "whom this plan does not concern");
}

/// An account of 300 roles that let in whoever may assume them, each with a policy of its own.
fn large_account(parts: &[Permission]) -> Snapshot {
    let mut s = account(parts);
    for n in 0..300 {
        let (role, policy) =
            (format!("arn:aws:iam::111111111111:role/r{n}"), format!("arn:aws:iam::111111111111:policy/p{n}"));
        s = s.identity(&role, IdentityKind::Workload).role(&policy, &[allow("sqs:SendMessage", &format!("q{n}"))]);
        s = s.trust(&format!("root{n}"), "arn:aws:iam::111111111111:*", &role, Some(("sts:AssumeRole", &role)));
    }
    s
}

/// A policy for each of those roles, approved and not done yet.
fn policies_for_roles() -> Vec<PendingChange> {
    let one = |n| {
        let role = format!("arn:aws:iam::111111111111:role/r{n}");
        approved(&format!("Q{n}"), "c", grant(&role, &format!("arn:aws:iam::111111111111:policy/p{n}"), None))
    };
    (0..300).map(one).collect()
}

/// How many of some approved changes may give something new together with a change.
fn how_many_meet(data: &Data, s: &Snapshot, mine: Action, approved: &[PendingChange]) -> usize {
    let mut all = plan(vec![("c", mine)]);
    all.changes.extend(approved.iter().enumerate().map(|(n, one)| {
        let mut change = one.change.clone();
        change.id.value = format!("other{n}").into();
        change
    }));
    let index = Index::new(s);
    let run = Run { data, ..Run::default() };
    let q = run.question(&all, s, &index);
    let steps = attempt(&all, &index, None, 1).unwrap();
    let among: Vec<usize> = (1..steps.len()).collect();
    meeting(&q, &AccessState::plain(&index), &steps, 1, &among).unwrap().len()
}

#[test]
fn of_hundreds_of_approvals_in_an_account_only_those_count_that_can_meet_the_plan() {
    let data = Data::shipped().unwrap();
    let one = |n: usize| format!("arn:aws:iam::111111111111:policy/p{n}");
    let parts = [
        allow("lambda:CreateFunction", "*"),
        allow("iam:PassRole", "*"),
        allow("iam:CreatePolicyVersion", &one(7)),
        allow("iam:CreatePolicyVersion", "*"),
    ];
    let assume = |what: &str| {
        let s = large_account(&parts).role("assume", &[allow("sts:AssumeRole", what)]);
        s.held("assume", ANN, "assume", None)
    };
    let ask = |s: &Snapshot, part: usize, earlier: &[PendingChange]| {
        analysed(&data, s, vec![("c", grant(ANN, &format!("part{part}"), None))], earlier)
    };
    let (nobody, seven) = (large_account(&parts), assume("arn:aws:iam::111111111111:role/r7"));
    let mut earlier = policies_for_roles();
    assert!(!ask(&nobody, 0, &earlier).sets_incomplete, "who may assume none of these roles meets none of them");
    assert!(!ask(&seven, 0, &earlier).sets_incomplete, "one role is one of three hundred");
    let only = ask(&seven, 2, &earlier);
    assert!(!only.sets_incomplete, "{:?}", only.findings);
    let with: Vec<_> =
        chains(&only).into_iter().filter(|(id, ..)| id == "aws-new-policy-version-of-assumable-role").collect();
    assert_eq!(
        with,
        [("aws-new-policy-version-of-assumable-role".to_owned(), vec!["c".to_owned()], vec!["Q7/c".to_owned()])]
    );
    let met = |s: &Snapshot, part: usize| how_many_meet(&data, s, grant(ANN, &format!("part{part}"), None), &earlier);
    assert_eq!([met(&nobody, 3), met(&seven, 2), met(&seven, 3)], [0, 1, 1]);
    assert_eq!(met(&assume("*"), 2), 300, "a pattern may be any of them: each may give that policy's role something");
    assert_eq!(met(&assume("*"), 3), 300);

    // The half that matters is found among them, wherever it stands.
    let half = approved("HALF", "c", grant(ANN, "part1", None));
    earlier.insert(0, PendingChange { at: at(TAKEN_AT - 60), ..half });
    let found = ask(&nobody, 0, &earlier);
    assert!(found.emergent.iter().all(|e| e.complete) && !found.sets_incomplete);
    let parts = [allow("lambda:*", "*"), allow("iam:PassRole", "*")];
    let s = large_account(&parts);
    let found = ask(&s, 0, &earlier);
    let chains = chains(&found);
    assert!(chains.iter().any(|(id, _, with)| id == "aws-pass-role" && *with == ["HALF/c"]), "{chains:?}");
    assert!(!found.sets_incomplete);
}

#[test]
fn a_role_that_another_plan_gives_to_a_group_meets_whom_this_one_lets_write_it() {
    let path = "paths:
  - {id: p, title: t, source: 'https://example.org', requires: [{action: write, resource: $role}],
     exists: [{variable: role, kind: role, held_by: who}, {variable: who, kind: KIND, name: 'who*'}]}
";
    let s = snapshot("test").human("u").role("writer", &[allow("write", "r")]).role("r", &[]);
    let s = s.group("who:group", &[]).human("who:one");
    for (kind, group, one) in [("group", 1, 0), ("identity", 0, 1), ("any", 1, 1), ("role", 0, 0)] {
        let data = Data::read([("escalations/x.yaml", path.replace("KIND", kind).as_bytes())]).unwrap();
        let met =
            |who| how_many_meet(&data, &s, grant("u", "writer", None), &[approved("P", "c", grant(who, "r", None))]);
        assert_eq!([met("who:group"), met("who:one")], [group, one], "{kind}");
    }
}

#[test]
fn what_a_plan_alters_for_a_path_meets_whom_others_let_walk_it() {
    let data = Data::shipped().unwrap();
    let seven = "arn:aws:iam::111111111111:policy/p7";
    let parts = [
        allow("iam:CreatePolicyVersion", seven),
        allow("iam:UpdateAssumeRolePolicy", "arn:aws:iam::111111111111:role/r7"),
    ];
    let s = large_account(&parts).held("let-in", ANN, "part1", None);
    // Ann may be let write the policy; this plan gives the policy to the role that she may let herself into.
    let mut earlier: Vec<PendingChange> =
        policies_for_roles().into_iter().filter(|one| one.plan.as_str() != "Q7").collect();
    earlier.insert(0, PendingChange { at: at(TAKEN_AT - 60), ..approved("HALF", "c", grant(ANN, "part0", None)) });
    let asked = vec![("c", grant("arn:aws:iam::111111111111:role/r7", seven, None))];
    let a = analysed(&data, &s, asked, &earlier);
    assert!(
        chains(&a)
            .iter()
            .any(|(id, _, with)| id == "aws-new-policy-version-and-let-oneself-into-role" && *with == ["HALF/c"])
    );
    assert!(!a.sets_incomplete, "{:?}", a.findings);
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
        earlier.push(PendingChange { at: at(TAKEN_AT + 1), ..later });
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

#[test]
fn a_place_and_what_is_held_above_it_meet_over_plans_as_in_one() {
    let s = snapshot("test").human("u").human("job:new").resource("org", None).role("start", &[allow("start", "job")]);
    let s = s.role("vault", &[allow("open", "vault")]).held("v", "job:new", "vault", None);
    let s = s.rule("run", "job:$name", "start", "job", Some("space:$name"));
    let make = || Action::CreateResource(p("space:new".into()), Some(p("org".into())), None, None);
    let start = || grant("u", "start", Some("org"));
    let members = |e: &crate::access::model::facts::Emergent| -> Vec<String> {
        e.members.iter().chain(&e.with).map(|c| c.as_str().to_owned()).collect()
    };
    let whole = analysed(&Data::default(), &s, vec![("m", make()), ("g", start())], &[]);
    assert_eq!(whole.emergent.iter().map(members).collect::<Vec<_>>(), [["g", "m"]]);
    assert!(!whole.sets_incomplete, "{:?}", whole.findings);
    for (mine, other) in [(start(), make()), (make(), start())] {
        let a = analysed(&Data::default(), &s, vec![("c", mine)], &[approved("P", "c", other)]);
        assert_eq!(a.emergent.iter().map(members).collect::<Vec<_>>(), [["c", "P/c"]]);
        assert!(!a.sets_incomplete && a.changes[0].effects.gained.iter().all(|g| g.access.action.raw() != "open"));
    }
}

/// Who runs jobs may act as one that holds the vault; `safe` denies to start any.
fn jobs() -> Snapshot {
    let s = snapshot("test").human("u").human("svc").role("run", &[allow("start", "job")]);
    let s = s.role("vault", &[allow("open", "vault")]).held("h", "svc", "vault", None);
    let s = s.role("safe", &[deny("start", "*")]).including("safer", &[], &["safe"]).role("plain", &[]);
    s.group("runners", &[]).trust("t", "runners", "svc", Some(("start", "job"))).resource("org", None)
}

/// With which approved changes joining the runners gives the vault, `run` being approved among them.
fn vault_with(s: &Snapshot, more: Vec<Action>) -> Vec<Vec<String>> {
    let mut earlier = vec![approved("A", "c", grant("u", "run", None))];
    earlier.extend(more.into_iter().enumerate().map(|(n, action)| approved(&format!("B{n}"), "c", action)));
    let a = analysed(&Data::default(), s, vec![("j", join("u", "runners"))], &earlier);
    assert!(!a.sets_incomplete, "{:?}", a.findings);
    a.emergent.iter().map(|e| e.with.iter().map(|c| c.as_str().to_owned()).collect()).collect()
}

#[test]
fn a_deny_that_was_approved_and_is_not_done_hides_no_chain() {
    let s = jobs().group("g", &["u"]).group("held", &[]).held("d", "held", "safe", None).held("p", "u", "plain", None);
    let include = || Action::AddInclude(p("plain".into()), p("safe".into()));
    let set = || Action::SetRole(define("plain", &[deny("start", "job")], &["safer"]));
    let new = || Action::CreateRole(define("new", &[deny("start", "job")], &["safer"]));
    let all = [
        vec![grant("u", "safe", None)],
        vec![grant("u", "safer", None)],
        vec![grant("g", "safe", None)],
        vec![join("u", "held")],
        vec![include()],
        vec![set()],
        vec![new(), grant("u", "new", None)],
    ];
    for more in all {
        assert_eq!(vault_with(&s, more.clone()), [["A/c"]], "{more:?}");
    }
    let now = s.held("e", "u", "safe", None);
    assert!(vault_with(&now, Vec::new()).is_empty(), "what is denied already is");
}

#[test]
fn what_was_approved_and_takes_a_deny_counts_as_giving() {
    let gone = |s: Snapshot, action: Action| {
        assert!(vault_with(&s, Vec::new()).is_empty(), "{action:?}");
        assert_eq!(vault_with(&s, vec![action.clone()]), [["A/c", "B0/c"]], "{action:?}");
        assert_eq!(vault_with(&jobs(), vec![action.clone()]), [["A/c"]], "done already: {action:?}");
    };
    gone(jobs().held("d", "u", "safe", None), revoke("u", "safe", None));
    gone(jobs().held("d", "u", "safer", None), revoke("u", "safer", None));
    let less = Some(Lifetime::Until(at(TAKEN_AT + 9)));
    gone(jobs().held("d", "u", "safe", None), adjust("u", "safe", Some(crate::input::entitlement::Mode::Active), less));
    gone(jobs().held("d", "u", "safer", None), Action::RemoveInclude(p("safer".into()), p("safe".into())));
    gone(jobs().held("d", "u", "safe", None), Action::DeleteRole(p("safe".into())));
    gone(jobs().held("d", "u", "safer", None), Action::SetRole(define("safer", &[], &[])));
    gone(jobs().held("d", "u", "safe", None), Action::SetRole(define("safe", &[], &[])));
    let listed = || jobs().group("g", &["u"]).held("d", "g", "safe", None);
    gone(listed(), Action::Revoke(to("u", member("g"), None)));
    gone(listed(), Action::DeleteGroup(p("g".into())));
    gone(
        jobs().group("g", &["u"]).nested("o", &["g"]).held("d", "o", "safe", None),
        Action::DeleteGroup(p("g".into())),
    );
    assert_eq!(vault_with(&jobs(), vec![revoke("u", "plain", None)]), [["A/c"]], "no deny stands behind it");
}

#[test]
fn a_place_that_is_approved_to_go_takes_the_denies_there_with_it() {
    let s = jobs().resource("team", Some("org")).held("d", "u", "safe", Some("team"));
    let with = |more: Option<Action>| {
        let mut earlier = vec![approved("A", "c", grant("u", "run", Some("team")))];
        earlier.extend(more.map(|action| approved("B", "c", action)));
        analysed(&Data::default(), &s, vec![("j", join("u", "runners"))], &earlier).emergent.len()
    };
    assert_eq!([with(None), with(Some(Action::DeleteResource(p("org".into()))))], [0, 1]);
}

/// Who can reset another identity takes it over.
const RESET: &str = "paths:
  - id: reset
    title: t
    source: https://example.org
    requires: [{action: reset, resource: $who}]
    exists: [{variable: who, kind: identity, relation: other}]
";

#[test]
fn an_identity_that_could_be_acted_as_is_anothers_once_its_trust_is_removed_in_whichever_plan() {
    let data = Data::read([("escalations/x.yaml", RESET.as_bytes())]).unwrap();
    let s = snapshot("test").human("u").human("svc").role("vault", &[allow("open", "vault")]);
    let s = s.held("h", "svc", "vault", None).trust("t", "u", "svc", None).role("resetter", &[allow("reset", "svc")]);
    let (taken, given) = (Action::RemoveTrust(p("t".into())), grant("u", "resetter", None));
    let whole = analysed(&data, &s, vec![("a", taken.clone()), ("b", given.clone())], &[]);
    assert!(whole.changes.iter().all(ChangeFacts::is_privileged_in_plan));
    for (mine, other) in [(taken.clone(), given.clone()), (given, taken)] {
        let a = analysed(&data, &s, vec![("c", mine)], &[approved("P", "c", other)]);
        assert_eq!(chains(&a), [("reset".to_owned(), vec!["c".to_owned()], vec!["P/c".to_owned()])]);
    }
}
