//! What was approved and is not done: it may be done and may never be, hence it hides nothing.

use super::build::*;
use crate::access::model::facts::{Analysis, EmergentWhat};
use crate::access::{Data, PendingChange};
use crate::input::entitlement::{IdentityKind, Permission, Requirement};
use crate::plan::model::Action;
use crate::snapshot::model::Snapshot;

/// Who runs jobs may act as one that holds the vault.
fn jobs() -> Snapshot {
    let s = snapshot("test").human("svc").human("u").role("run", &[allow("start", "job")]);
    let s = s.role("vault", &[allow("open", "vault")]).held("h", "svc", "vault", None);
    s.group("runners", &[]).trust("t", "runners", "svc", Some(("start", "job")))
}

fn data(escalations: &str) -> Data {
    Data::read([("escalations/x.yaml", escalations.as_bytes())]).unwrap()
}

fn analysed(data: &Data, s: &Snapshot, mine: Vec<(&str, Action)>, others: Vec<Action>) -> Analysis {
    let others: Vec<PendingChange> =
        others.into_iter().enumerate().map(|(n, action)| approved(&format!("P{n}"), "c", action)).collect();
    Run { data, approved: &others, ..Run::default() }.on(s, &plan(mine)).unwrap()
}

/// With which approved changes something privileged or not comes about, by its kind.
fn together(a: &Analysis) -> Vec<(String, Vec<String>)> {
    let what = |what: &EmergentWhat| match what {
        // What a limit of unknown roles leaves is held under a condition.
        EmergentWhat::Access(piece) | EmergentWhat::Loss(piece) => {
            brief(std::slice::from_ref(piece)).remove(0).trim_end_matches('?').to_owned()
        }
        EmergentWhat::Escalation(it) => it.id.raw().to_owned(),
        EmergentWhat::Sod(it) => it.id.raw().to_owned(),
    };
    let with = |e: &crate::access::model::facts::Emergent| e.with.iter().map(|c| c.as_str().to_owned()).collect();
    a.emergent.iter().map(|e| (what(&e.what), with(e))).collect()
}

/// The same of joining the runners, where running jobs was approved.
fn joined(s: &Snapshot, others: Vec<Action>) -> Vec<(String, Vec<String>)> {
    let all = std::iter::once(grant("u", "run", None)).chain(others).collect();
    let a = analysed(&Data::default(), s, vec![("j", join("u", "runners"))], all);
    assert!(!a.sets_incomplete, "{:?}", a.findings);
    together(&a)
}

fn opens(with: &[&str]) -> Vec<(String, Vec<String>)> {
    vec![("u open vault".to_owned(), with.iter().map(|w| (*w).to_owned()).collect())]
}

#[test]
fn a_role_that_bounds_someone_and_is_yet_to_be_made_bounds_nobody_more() {
    let s = jobs().limited("boundary", &["bound"], false);
    let made = |permissions: &[Permission]| Action::CreateRole(define("bound", permissions, &[]));
    assert_eq!(joined(&s, Vec::new()), opens(&["P0/c"]));
    assert_eq!(joined(&s, vec![made(&[allow("read", "q")])]), opens(&["P0/c"]));
    // Without the role, what it gives is unknown and the access conditional; that it is unconditional rests on both.
    assert_eq!(joined(&s, vec![made(&[allow("start", "*")])]), opens(&["P0/c", "P1/c"]));
    let within = jobs().limited("boundary", &["outer"], false).including("outer", &[], &["bound"]);
    assert_eq!(joined(&within, Vec::new()), opens(&["P0/c"]));
    assert_eq!(joined(&within, vec![made(&[allow("read", "q")])]), opens(&["P0/c"]));
    // This plan's own limit counts: it is judged as done.
    let a = run(&s, vec![("g", grant("u", "run", None)), ("j", join("u", "runners")), ("b", made(&[]))]);
    assert!(a.effects.gained.is_empty(), "{:?}", brief(&a.effects.gained));
}

#[test]
fn a_role_that_is_approved_to_go_bounds_nobody() {
    let s = jobs().limited("boundary", &["bound"], false).role("bound", &[allow("read", "q")]);
    assert!(joined(&s, Vec::new()).is_empty());
    assert_eq!(joined(&s, vec![Action::DeleteRole(p("bound".into()))]), opens(&["P0/c", "P1/c"]));
    let two = jobs().limited("boundary", &["bound", "other"], false).role("bound", &[allow("read", "q")]);
    let two = two.role("other", &[deny("start", "*"), allow("*", "*")]);
    assert!(joined(&two, Vec::new()).is_empty());
    assert!(joined(&two, vec![Action::DeleteRole(p("bound".into()))]).is_empty(), "the other still denies it");
    assert!(joined(&two, vec![Action::DeleteRole(p("other".into()))]).is_empty(), "without it nothing allows it");
    let free = two.role("third", &[allow("start", "*")]).limited("boundary", &["third", "other"], false);
    let mut free = free;
    let limits = &mut free.identities.last_mut().unwrap().limits;
    limits.remove(0);
    assert!(joined(&free, Vec::new()).is_empty());
    assert_eq!(joined(&free, vec![Action::DeleteRole(p("other".into()))]), opens(&["P0/c", "P1/c"]));
}

/// A place that the export lacks, where `u` holds `run` and joining lets it act; above it, running is denied.
fn unplaced() -> Snapshot {
    let mut s = jobs().resource("org", None).role("safe", &[deny("start", "*")]).held("d", "u", "safe", Some("org"));
    let requires =
        Requirement { action: "start".into(), resource: "job".into(), scope: Some("space:new".into()), system: None };
    s.trusts[0].requires = Some(requires);
    s.group("workers", &[]).held("w", "workers", "run", Some("space:new"))
}

#[test]
fn a_place_that_is_yet_to_be_made_lies_under_no_deny_that_stood_before() {
    let s = unplaced();
    let make = || Action::CreateResource(p("space:new".into()), Some(p("org".into())), None, None);
    let with = |more: Vec<Action>| {
        let all = std::iter::once(join("u", "workers")).chain(more).collect();
        let a = analysed(&Data::default(), &s, vec![("j", join("u", "runners"))], all);
        together(&a).into_iter().filter(|(what, _)| what == "u open vault").map(|(_, with)| with).collect::<Vec<_>>()
    };
    assert_eq!(with(Vec::new()), [["P0/c"]]);
    assert_eq!(with(vec![make()]), [["P0/c"]]);
    // What is held above the place, where the same deny stands, is denied there as well.
    let above = unplaced().held("a", "u", "run", Some("org"));
    let a = analysed(&Data::default(), &above, vec![("j", join("u", "runners"))], vec![make()]);
    assert!(together(&a).is_empty(), "{:?}", together(&a));
    // This plan's own place is judged as made.
    let a = run(&s, vec![("j", join("u", "runners")), ("w", join("u", "workers")), ("m", make())]);
    assert!(brief(&a.effects.gained).iter().all(|g| g != "u open vault"), "{:?}", brief(&a.effects.gained));
}

const PLACED: &str = "paths:
  - id: placed
    title: t
    source: https://example.org
    requires: [{action: start, resource: job, scope: 'space:new'}, {action: read, resource: q}]
";

#[test]
fn a_place_that_a_path_names_completes_it_for_whoever_holds_something_above() {
    let data = data(PLACED);
    let s = snapshot("test").human("u").human("v").resource("org", None).role("run", &[allow("start", "job")]);
    let s = s.role("reader", &[allow("read", "q")]).held("r", "u", "reader", None).held("s", "v", "reader", None);
    let make = || Action::CreateResource(p("space:new".into()), Some(p("org".into())), None, None);
    let start = || grant("u", "run", Some("org"));
    let held = s.clone().held("h", "u", "run", Some("org"));
    let a = analysed(&data, &held, vec![("m", make())], Vec::new());
    let of: Vec<_> = a.changes[0].escalations.iter().map(|e| e.subject.as_str()).collect();
    assert_eq!(of, ["u"], "the place alone completes it");
    let whole = analysed(&data, &s, vec![("m", make()), ("g", start())], Vec::new());
    assert_eq!(whole.emergent[0].members, ["m".into(), "g".into()].into());
    for (mine, other) in [(make(), start()), (start(), make())] {
        let a = analysed(&data, &s, vec![("c", mine)], vec![other]);
        assert_eq!(together(&a), [("placed".to_owned(), vec!["P0/c".to_owned()])]);
    }
}

#[test]
fn deleting_what_bounds_someone_gives_all_that_it_took() {
    let s = snapshot("aws").human("u").limited("boundary", &["bound"], false).role("bound", &[allow("s3:Get*", "*")]);
    let s = s.role("given", &[allow("s3:*", "*"), allow("iam:*", "*")]).held("h", "u", "given", None);
    let gone = one(&s, Action::DeleteRole(p("bound".into())));
    assert_eq!(brief(&gone.effects.gained), ["u iam:* *", "u s3:* *"]);
    assert!(gone.effects.lost.is_empty(), "{:?}", brief(&gone.effects.lost));
    // Together with a grant: neither alone gives it.
    let bare =
        snapshot("aws").human("u").limited("boundary", &["bound"], false).role("bound", &[allow("s3:Get*", "*")]);
    let bare = bare.role("given", &[allow("iam:*", "*")]);
    let a = run(&bare, vec![("d", Action::DeleteRole(p("bound".into()))), ("g", grant("u", "given", None))]);
    assert_eq!(together(&a), [("u iam:* *".to_owned(), Vec::new())]);
    // One of two that bound together: what the other allows stays, what the one denied is free.
    let two =
        snapshot("aws").human("u").limited("account", &["bound", "other"], true).role("bound", &[allow("s3:*", "*")]);
    let two =
        two.role("other", &[deny("s3:Put*", "*")]).role("given", &[allow("*", "*")]).held("h", "u", "given", None);
    assert_eq!(brief(&one(&two, Action::DeleteRole(p("other".into()))).effects.gained), ["u s3:* *"]);
    let all = vec![("d", Action::DeleteRole(p("bound".into()))), ("e", Action::DeleteRole(p("other".into())))];
    assert_eq!(brief(&run(&two, all).effects.gained), ["u * *"]);
}

const OTHERS: &str = "paths:
  - id: reset
    title: t
    source: https://example.org
    requires: [{action: reset, resource: $who}, {action: mail, resource: q}]
    exists: [{variable: who, kind: identity, name: 'svc*', relation: other}]
  - id: enter
    title: t
    source: https://example.org
    requires: [{action: enter, resource: $group}, {action: mail, resource: q}]
    exists: [{variable: group, kind: group, name: 'runners*', relation: group_not_of_actor}]
";

#[test]
fn what_makes_another_ones_own_and_is_not_done_yet_hides_no_path_that_is_about_others() {
    let data = data(OTHERS);
    let s = jobs().role("mailer", &[allow("mail", "q")]);
    let s = s.role("resetter", &[allow("reset", "svc")]).role("enterer", &[allow("enter", "runners")]);
    for (role, id, hides) in
        [("resetter", "reset", add_trust("new", "u", "svc")), ("enterer", "enter", join("u", "runners"))]
    {
        for others in [vec![grant("u", "mailer", None)], vec![grant("u", "mailer", None), hides]] {
            let a = analysed(&data, &s, vec![("c", grant("u", role, None))], others);
            let found: Vec<_> = together(&a).into_iter().filter(|(what, _)| what == id).collect();
            assert_eq!(found, [(id.to_owned(), vec!["P0/c".to_owned()])]);
        }
    }
}

#[test]
fn what_two_plans_make_under_one_name_is_not_taken_for_one() {
    let bare = jobs().role("plain", &[]).human("w");
    // The trust of another plan leads to the one that holds the vault; this plan's, of the same name, leads nowhere.
    let let_in = |id: &str, target: &str| {
        let Action::AddTrust(mut made) = add_trust(id, "u", target) else { unreachable!() };
        made.requires =
            Some(p(Requirement { action: "start".into(), resource: "job".into(), scope: None, system: None }));
        Action::AddTrust(made)
    };
    let mine = || vec![("g", grant("u", "run", None)), ("d", let_in("name", "w"))];
    let a = analysed(&Data::default(), &bare, mine(), vec![let_in("name", "svc")]);
    assert_eq!(together(&a), opens(&["P0/c"]));
    let a = analysed(
        &Data::default(),
        &bare,
        vec![("g", grant("u", "run", None))],
        vec![let_in("name", "w"), let_in("name", "svc")],
    );
    assert_eq!(together(&a), opens(&["P1/c"]));
    // A credential likewise.
    let with = bare.role("opener", &[allow("open", "vault")]);
    let mine = || vec![("g", grant("w", "opener", None)), ("k", issue("key", "svc", "svc", None))];
    let a = analysed(&Data::default(), &with, mine(), vec![issue("key", "w", "u", None)]);
    assert_eq!(together(&a), opens(&["P0/c"]));
}

#[test]
fn what_the_snapshot_has_under_a_name_is_not_what_was_approved_unless_it_is_the_same() {
    let s = jobs().human("w").trust("name", "u", "w", None);
    let mut made = add_trust("name", "u", "svc");
    if let Action::AddTrust(made) = &mut made {
        made.requires =
            Some(p(Requirement { action: "start".into(), resource: "job".into(), scope: None, system: None }));
    }
    let mine = || vec![("g", grant("u", "run", None))];
    assert_eq!(together(&analysed(&Data::default(), &s, mine(), vec![made.clone()])), opens(&["P0/c"]));
    let shown = jobs().trust("name", "u", "svc", Some(("start", "job")));
    assert!(together(&analysed(&Data::default(), &shown, mine(), vec![made])).is_empty());
    // Who can act by a credential no export says: that it is there does not say that it was not delivered.
    let s = jobs().human("w").credential("key", "w").role("opener", &[allow("open", "vault")]);
    let mine = || vec![("g", grant("w", "opener", None))];
    assert_eq!(together(&analysed(&Data::default(), &s, mine(), vec![issue("key", "w", "u", None)])), opens(&["P0/c"]));
    // A role of that name that gives less may have been made by another hand.
    let s = jobs().role("made", &[allow("read", "q")]).held("m", "u", "made", None);
    let made = |permissions: &[Permission]| Action::CreateRole(define("made", permissions, &[]));
    let mine = || vec![("j", join("u", "runners"))];
    let with = |others| together(&analysed(&Data::default(), &s, mine(), others));
    assert_eq!(with(vec![made(&[allow("read", "q"), allow("start", "job")])]), opens(&["P0/c"]));
    assert!(with(vec![made(&[allow("read", "q")])]).is_empty());
}

#[test]
fn of_two_places_for_one_new_thing_neither_is_taken_for_granted() {
    let s = jobs().resource("org", None).resource("shed", None).role("plain", &[]);
    let s = s.rule("run", "svc", "start", "job", Some("space:new")).human("w");
    let make = |parent: &str| Action::CreateResource(p("space:new".into()), Some(p(parent.into())), None, None);
    let start = || ("g", grant("w", "run", Some("org")));
    let alone = analysed(&Data::default(), &s, vec![start()], vec![make("org")]);
    assert_eq!(together(&alone), [("w open vault".to_owned(), vec!["P0/c".to_owned()])]);
    let decoy = analysed(&Data::default(), &s, vec![start(), ("m", make("shed"))], vec![make("org")]);
    assert!(decoy.sets_incomplete, "{:?}", decoy.findings);
    for others in [vec![make("org"), make("shed")], vec![make("shed"), make("org")]] {
        let two = analysed(&Data::default(), &s, vec![start()], others);
        assert!(two.sets_incomplete || !together(&two).is_empty(), "{:?}", two.findings);
    }
    let same = analysed(&Data::default(), &s, vec![start(), ("m", make("org"))], vec![make("org")]);
    assert!(!same.sets_incomplete, "{:?}", same.findings);
}

#[test]
fn what_was_approved_with_a_deny_in_it_was_not_approved_without() {
    let s = snapshot("test").human("u").role("most", &[allow("*", "vault"), deny("open", "vault")]).role("plain", &[]);
    let s = s.role("shield", &[deny("open", "vault")]);
    let s = s.role("safe", &[deny("open", "vault")]).including("outer", &[allow("*", "vault")], &["safe"]);
    let s = s.group("g", &[]).held("h", "g", "outer", None).held("p", "u", "plain", None);
    let least = || remove("most", deny("open", "vault"));
    let gone = || Action::DeleteRole(p("safe".into()));
    let all = [
        (least(), vec![grant("u", "most", None)]),
        (least(), vec![Action::AddInclude(p("plain".into()), p("most".into()))]),
        (gone(), vec![join("u", "g")]),
        (gone(), vec![grant("u", "outer", None)]),
        (Action::RemoveInclude(p("outer".into()), p("safe".into())), vec![join("u", "g")]),
    ];
    for (mine, others) in all {
        let of_u =
            |a: &Analysis| together(a).into_iter().filter(|(what, _)| what.starts_with("u ")).collect::<Vec<_>>();
        let a = analysed(&Data::default(), &s, vec![("c", mine.clone())], others.clone());
        assert_eq!(of_u(&a), [("u * vault".to_owned(), vec!["P0/c".to_owned()])], "{others:?}");
        // A deny that comes with another approval takes nothing from it.
        let more = others.into_iter().chain([grant("u", "shield", None)]).collect();
        let a = analysed(&Data::default(), &s, vec![("c", mine)], more);
        assert_eq!(of_u(&a), [("u * vault".to_owned(), vec!["P0/c".to_owned()])]);
    }
}

#[test]
fn what_a_definition_denies_beside_what_it_allows_is_no_gift_of_it() {
    let most = |id: &str| define(id, &[allow("*", "vault"), deny("open", "vault")], &[]);
    let s = jobs().role("plain", &[]).held("p", "u", "plain", None);
    for others in [vec![Action::SetRole(most("plain"))], vec![Action::CreateRole(most("new")), grant("u", "new", None)]]
    {
        assert_eq!(joined(&s, others.clone()), opens(&["P0/c"]), "{others:?}");
    }
}

#[test]
fn what_others_give_among_themselves_and_nobody_can_tell_how_makes_the_search_not_whole() {
    let mut s = snapshot("test").human("svc").role("vault", &[allow("open", "vault")]).held("h", "svc", "vault", None);
    s = s.human("u").human("w").role("plain", &[allow("read", "q")]);
    for n in 0..10 {
        s = s.human(&format!("a{n}"));
    }
    // `w` might act as the first of a chain, so that all of it may concern `w`, and never can.
    let s = s.trust("t", "w", "a0", Some(("never", "never")));
    let chain = |length: usize| -> Vec<Action> {
        let mut all: Vec<Action> =
            (1..length).map(|n| add_trust(&format!("t{n}"), &format!("a{}", n - 1), &format!("a{n}"))).collect();
        all.extend([add_trust("first", "u", "a0"), add_trust("last", &format!("a{}", length - 1), "svc")]);
        all
    };
    let ask = |length| analysed(&Data::default(), &s, vec![("c", grant("w", "plain", None))], chain(length));
    assert!(!ask(7).sets_incomplete, "eight that give it are found to");
    let long = ask(8);
    assert!(long.sets_incomplete && long.emergent.is_empty(), "{:?}", long.findings);
    let why: Vec<_> = long.findings.iter().filter(|f| f.message.raw().contains("more than can be told")).collect();
    assert_eq!(why.len(), 1);
}

#[test]
fn who_newly_makes_a_rule_hold_stands_behind_all_that_it_leads_to() {
    let s = snapshot("test").human("dev").human("boss").identity("sa:ci/runner", IdentityKind::ServiceAccount);
    let s = s.resource("org", None).resource("ns:ci", Some("org")).role("pods", &[allow("create", "pods")]);
    let s = s.role("bind", &[allow("bind", "roles")]).role("plain", &[]).held("p", "dev", "plain", Some("org"));
    let s = s.group("makers", &[]).held("m", "makers", "pods", None).rule(
        "pods",
        "sa:$ns/$name",
        "create",
        "pods",
        Some("ns:$ns"),
    );
    let bind = || grant("sa:ci/runner", "bind", None);
    let ways = [
        grant("dev", "pods", Some("ns:ci")),
        grant("dev", "pods", Some("org")),
        grant("dev", "pods", None),
        join("dev", "makers"),
        add("plain", allow("create", "*")),
        Action::AddInclude(p("plain".into()), p("pods".into())),
        Action::SetRole(define("plain", &[allow("*", "pods")], &[])),
    ];
    for way in ways {
        let members = |a: &Analysis| -> Vec<Vec<String>> {
            let of = |e: &&crate::access::model::facts::Emergent| matches!(&e.what, EmergentWhat::Access(p) if brief(std::slice::from_ref(p))[0] == "dev bind roles");
            let named = |e: &crate::access::model::facts::Emergent| {
                e.members.iter().chain(&e.with).map(|c| c.as_str().to_owned()).collect()
            };
            assert!(!a.sets_incomplete, "{way:?} {:?}", a.findings);
            a.emergent.iter().filter(of).map(named).collect()
        };
        let a = analysed(&Data::default(), &s, vec![("c0", way.clone()), ("c1", bind())], Vec::new());
        assert_eq!(members(&a), [["c0", "c1"]], "{way:?}");
        assert_eq!(
            members(&analysed(&Data::default(), &s, vec![("c", bind())], vec![way.clone()])),
            [["c", "P0/c"]],
            "{way:?}"
        );
        assert_eq!(
            members(&analysed(&Data::default(), &s, vec![("c", way.clone())], vec![bind()])),
            [["c", "P0/c"]],
            "{way:?}"
        );
    }
}

#[test]
fn what_takes_a_deny_together_with_what_it_denied_was_not_decided_to_give_that() {
    let s = snapshot("test").human("u").role("both", &[allow("open", "vault"), deny("open", "vault")]);
    let s = s.role("opener", &[allow("open", "vault")]).held("h", "u", "both", None);
    let mine = || vec![("c", grant("u", "opener", None))];
    assert!(together(&analysed(&Data::default(), &s, mine(), Vec::new())).is_empty());
    for other in
        [Action::SetRole(define("both", &[], &[])), Action::DeleteRole(p("both".into())), revoke("u", "both", None)]
    {
        assert_eq!(together(&analysed(&Data::default(), &s, mine(), vec![other])), opens(&["P0/c"]));
    }
}
