//! Names, conflicts, dependencies, claims.

use super::build::*;
use crate::access::model::facts::ClaimResult;
use crate::access::model::facts::ClaimResult::{Confirmed as C, Contradicted as X, Unchecked as U};
use crate::input::entitlement::{IdentityKind, Mode};
use crate::input::finding::Code;
use crate::plan::model::{Action, AssignmentChange, Claim, GroupDefinition, Owned};
use crate::snapshot::model::Snapshot;

fn base() -> Snapshot {
    snapshot("test")
        .human("ann")
        .human("svc-deployer")
        .group("g", &[])
        .resource("s", None)
        .role("r", &[allow("x", "y")])
        .role("q", &[])
        .held("a", "ann", "r", None)
}

#[test]
fn unknown_names_are_all_reported_with_the_nearest_known_one() {
    let plan = plan(vec![("c1", grant("svc-deploy", "nope", Some("t"))), ("c2", join("ann", "h"))]);
    let faults = Run::default().on(&base(), &plan).unwrap_err();
    let codes: Vec<Code> = faults.iter().map(|f| f.code).collect();
    assert_eq!(codes, [Code::UnknownIdentity, Code::UnknownRole, Code::UnknownResource, Code::UnknownGroup]);
    assert!(faults[0].help.as_ref().unwrap().raw().contains("`svc-deployer`"));
    assert!(faults.iter().all(|f| f.place.is_some()));
}

#[test]
fn proposer_and_sponsor_are_known_to_the_snapshot() {
    let mut unknown = plan(vec![]);
    unknown.proposer = p("no one".into());
    unknown.on_behalf_of = Some(p("no-one".into()));
    let codes: Vec<Code> = Run::default().on(&base(), &unknown).unwrap_err().iter().map(|f| f.code).collect();
    assert_eq!(codes, [Code::UnknownProposer, Code::UnknownSponsor]);
}

#[test]
fn a_change_depends_on_what_makes_the_thing_it_names() {
    let create = Action::CreateRole(define("new", &[allow("z", "z")], &["made"]));
    let made = Action::CreateRole(define("made", &[], &[]));
    let a =
        run(&base(), vec![("c1", grant("ann", "new", None)), ("c2", create), ("c3", made), ("c4", join("ann", "g"))]);
    let names: Vec<&str> = a.changes[0].depends_on.iter().map(crate::input::id::Id::as_str).collect();
    assert_eq!(names, ["c2", "c3"]);
    assert!(a.changes[3].depends_on.is_empty());
    assert_eq!(brief(&a.changes[0].effects.gained), ["ann z z"]);
    assert!(a.changes[1].effects.gained.is_empty());
}

#[test]
fn a_circle_of_dependencies_is_refused() {
    let one = Action::CreateRole(define("one", &[], &["two"]));
    let two = Action::CreateRole(define("two", &[], &["one"]));
    assert!(refused(&base(), vec![("c1", one), ("c2", two)]).contains(&Code::DependencyCycle));
}

#[test]
fn two_changes_of_one_object_are_refused() {
    let same = |a: Action, b: Action| assert_eq!(refused(&base(), vec![("c1", a), ("c2", b)]), [Code::SameObject]);
    same(grant("ann", "q", None), grant("ann", "q", None));
    same(revoke("ann", "r", None), revoke("ann", "r", None));
    same(grant("ann", "r", None), revoke("ann", "r", None));
    same(add("r", allow("a", "b")), add("r", allow("a", "b")));
    same(add("r", allow("a", "b")), Action::SetRole(define("r", &[], &[])));
    same(Action::SetRole(define("r", &[], &[])), add("r", allow("a", "b")));
    same(Action::CreateRole(define("n", &[], &[])), add("n", allow("a", "b")));
    let ann = || Owned::Identity(p("ann".into()));
    same(Action::SetOwner(ann(), p("ann".into())), Action::SetOwner(ann(), p("svc-deployer".into())));
    same(Action::DisableIdentity(p("ann".into())), Action::SetOwner(ann(), p("svc-deployer".into())));
    let trust = |id| Action::RemoveTrust(p(id));
    let s = base().trust("t", "ann", "svc-deployer", None);
    assert_eq!(refused(&s, vec![("c1", trust("t".into())), ("c2", trust("t".into()))]), [Code::SameObject]);
}

#[test]
fn what_another_change_deletes_may_only_be_reduced() {
    let delete = || Action::DeleteRole(p("r".into()));
    let codes = refused(&base(), vec![("c1", delete()), ("c2", grant("svc-deployer", "r", None))]);
    assert_eq!(codes, [Code::NamesDeleted]);
    run(&base(), vec![("c1", delete()), ("c2", revoke("ann", "r", None))]);
    let gone = Action::DeleteIdentity(p("ann".into()));
    assert_eq!(refused(&base(), vec![("c1", gone), ("c2", join("ann", "g"))]), [Code::NamesDeleted]);
    let disable = Action::DisableIdentity(p("ann".into()));
    assert_eq!(refused(&base(), vec![("c1", disable), ("c2", issue("k", "ann", "g", None))]), [Code::NamesDeleted]);
}

#[test]
fn a_new_name_must_be_new_and_must_not_imitate() {
    let group = |id: &str| Action::CreateGroup(GroupDefinition::new(p(id.into()), None));
    assert_eq!(refused(&base(), vec![("c1", make_kind("ann"))]), [Code::AlreadyExists]);
    assert_eq!(refused(&base(), vec![("c1", group("аnn"))]), [Code::Confusable], "a Cyrillic letter");
    assert_eq!(refused(&base(), vec![("c1", group("ann\u{2800}"))]), [Code::IdCharacter], "a blank that is a letter");
    assert_eq!(refused(&base(), vec![("c1", group("ann\u{e000}"))]), [Code::IdCharacter], "for private use");
    assert_eq!(
        refused(&base(), vec![("c1", group("gi")), ("c2", group("gi\u{307}"))]),
        [Code::Confusable],
        "a dot on a dot"
    );
    assert_eq!(refused(&base(), vec![("c1", group("SVC-Deployer"))]), [Code::Confusable]);
    assert_eq!(refused(&base(), vec![("c1", group("new1")), ("c2", group("newl"))]), [Code::Confusable]);
}

fn make_kind(id: &str) -> Action {
    Action::CreateIdentity(p(id.into()), p(IdentityKind::Workload), None)
}

#[test]
fn an_ambiguous_assignment_must_be_named() {
    let s = base().held("b", "ann", "r", None).mode(Mode::Eligible, None);
    assert_eq!(refused(&s, vec![("c1", revoke("ann", "r", None))]), [Code::AmbiguousAssignment]);
    let named =
        |id: &str| Action::Revoke(AssignmentChange { assignment: Some(p(id.into())), ..to("ann", role("r"), None) });
    let facts = one(&s, named("b"));
    assert_eq!(facts.assignments, ["b".into()]);
    assert_eq!(facts.was.unwrap().mode, Mode::Eligible);
    assert_eq!(refused(&s, vec![("c1", named("z"))]), [Code::UnknownAssignment]);
    run(&s, vec![("c1", named("a")), ("c2", named("b"))]);
}

#[test]
fn what_is_not_held_cannot_be_taken() {
    assert_eq!(refused(&base(), vec![("c1", revoke("ann", "q", None))]), [Code::UnknownAssignment]);
    assert_eq!(refused(&base(), vec![("c1", revoke("ann", "r", Some("s")))]), [Code::UnknownAssignment]);
    assert_eq!(refused(&base(), vec![("c1", remove("r", allow("x", "z")))]), [Code::UnknownPermission]);
    assert_eq!(refused(&base(), vec![("c1", add("r", allow("x", "y")))]), [Code::AlreadyExists]);
    assert_eq!(refused(&base(), vec![("c1", Action::RemoveTrust(p("t".into())))]), [Code::UnknownTrust]);
    let made = Action::CreateIdentity(p("new".into()), p(IdentityKind::Workload), None);
    assert_eq!(refused(&base(), vec![("c1", made), ("c2", revoke("new", "r", None))]), [Code::UnknownAssignment]);
}

#[test]
fn claims_are_confirmed_contradicted_or_unchecked() {
    let mut s = base();
    s.identities[1].last_used = Some(at(1_000 * 86_400 + 777));
    s.roles[1].owner = Some("ann".into());
    let claims = vec![
        Claim::LastUsed(at(1_000 * 86_400)),
        Claim::LastUsed(at(1_001 * 86_400)),
        Claim::Unused(true),
        Claim::AlreadyHas(true),
        Claim::NoNewAccess(true),
        Claim::Privileged(false),
        Claim::Owner("ann".into()),
        Claim::Owner("bob".into()),
        Claim::TaskOpen(true),
        Claim::Ticket("X-1".into()),
        Claim::Members(3),
    ];
    let plan = claiming(plan(vec![("c1", grant("ann", "q", None))]), claims);
    let a = Run::default().on(&s, &plan).unwrap();
    let results: Vec<ClaimResult> = a.changes[0].claims.iter().map(|c| c.result).collect();
    assert_eq!(results, [C, X, X, C, C, C, C, X, U, U, U]);
    assert_eq!(a.findings.iter().filter(|f| f.code == Code::ClaimContradicted).count(), 3);
    assert!(a.findings.iter().any(|f| f.code == Code::NoEffect));
}

#[test]
fn a_revoke_at_another_scope_than_the_assignments_names_those_scopes() {
    let s = base().human("bob").resource("t", None).held("b1", "bob", "r", Some("s")).held("b2", "bob", "r", Some("t"));
    let fault = |action: Action| {
        let faults = Run::default().on(&s, &plan(vec![("c1", action)])).unwrap_err();
        assert_eq!((faults.len(), faults[0].code), (1, Code::UnknownAssignment));
        (faults[0].message.raw().to_owned(), faults[0].help.as_ref().unwrap().raw().to_owned())
    };
    let (message, help) = fault(revoke("bob", "r", None));
    assert_eq!(message, "change `c1`: `bob` has the role `r` at `s`, at `t`, not everywhere");
    assert_eq!(help, "write `scope: s`; each scope needs a change of its own");
    let (message, help) = fault(revoke("ann", "r", Some("s")));
    assert_eq!(message, "change `c1`: `ann` has the role `r` everywhere, not at `s`");
    assert_eq!(help, "leave out `scope`");
    assert_eq!(fault(revoke("ann", "q", Some("s"))).0, "change `c1`: `ann` does not have the role `q` at `s`");
}
