//! Scripted conversations.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::decision::bars::Bar;
use crate::decision::bulk_key;
use crate::decision::case::{CaseId, CaseOutcome, EvaluatedChange, StepName};
use crate::decision::recheck::{Reanalysis, RecheckFault};
use crate::decision::risk::Risk;
use crate::decision::sample::{denied, document, facts_of_grant, grant, needs, present, reduction, simple, steps};
use crate::input::digest::Digest;

mod resuming;
mod together;

fn case(id: &str) -> CaseId {
    CaseId::new("P1", id)
}

/// An ordinary change; a greater rank is asked earlier.
fn card(present: EvaluatedChange, rank: u64) -> Card {
    Card {
        risk: Risk { identities: rank, ..Risk::default() },
        privileged: false,
        named_by_plan: false,
        must_be_read: false,
        too_much: false,
        name: "reader".into(),
        permitted: steps(&["Owner", "Security"]).into_iter().collect(),
        may_override: false,
        bars: BTreeSet::new(),
        set_aside: BTreeSet::new(),
        rejects: BTreeSet::new(),
        likeness: None,
        names: BTreeSet::from([format!("svc:{}", present.case.change.as_str()).into()]),
        already: Already::Open,
        reopened: false,
        present,
    }
}

fn privileged(id: &str, rank: u64) -> Card {
    Card { privileged: true, must_be_read: true, name: "cluster-admin".into(), ..card(simple(id), rank) }
}

/// The first digits of the digest of the only change.
fn digits(s: &SessionMachine) -> String {
    s.cards()[0].present.digest.to_string()[..4].to_owned()
}

fn three() -> SessionMachine {
    SessionMachine::new(vec![card(simple("c1"), 3), card(simple("c2"), 2), card(simple("c3"), 1)]).unwrap()
}

/// A card that was read to its end.
fn whole() -> ShownCard {
    ShownCard { groups: Part::new(3, 3), lines: Part::new(30, 30) }
}

fn say(s: &mut SessionMachine, reply: Reply) -> Result<Vec<SessionEvent>, Complaint> {
    let question = s.question();
    s.answer(question.answer(reply, whole()))
}

fn typed(word: &str) -> Reply {
    Reply::Typed(word.to_owned())
}

fn ok(s: &mut SessionMachine, replies: impl IntoIterator<Item = Reply>) -> Vec<SessionEvent> {
    replies.into_iter().flat_map(|r| say(s, r.clone()).unwrap_or_else(|c| panic!("{r:?}: {c:?}"))).collect()
}

fn approve(s: &mut SessionMachine) -> Vec<SessionEvent> {
    ok(s, [Reply::Approve, typed("yes")])
}

fn shown(s: &SessionMachine) -> String {
    match s.question().ask() {
        Ask::Decide { case, .. } => case.change.as_str().to_owned(),
        Ask::Word { .. } => "word".into(),
        Ask::Reason { .. } => "reason".into(),
        Ask::Reanalyse(_) => "reanalyse".into(),
        Ask::Seal { .. } => "seal".into(),
        Ask::Over(_) => "over".into(),
    }
}

fn sound(s: &mut SessionMachine) {
    let Ask::Reanalyse(set) = s.question().ask().clone() else { panic!("{:?}", s.question()) };
    let changes = set.iter().map(|c| (c.clone(), s.card(c).unwrap().present.clone())).collect();
    s.reanalysed(&Reanalysis { changes, ..Reanalysis::default() }).unwrap();
}

fn offers(s: &SessionMachine, wanted: impl Fn(&Choice) -> bool) -> bool {
    matches!(s.question().ask(), Ask::Decide { choices, .. } if choices.iter().any(wanted))
}

#[test]
fn enter_alone_does_not_approve() {
    let mut s = three();
    for state in ["c1", "word", "reason"] {
        assert!(say(&mut s, typed("")).is_err(), "{state}");
        assert!(say(&mut s, typed(" \t ")).is_err(), "{state}");
        assert!(s.decisions().is_empty());
        match state {
            "c1" => ok(&mut s, [Reply::Approve]),
            "word" => ok(&mut s, [Reply::Back, Reply::Reject]),
            _ => Vec::new(),
        };
    }
}

#[test]
fn a_key_alone_does_not_approve() {
    let mut s = three();
    assert!(ok(&mut s, [Reply::Approve]).is_empty());
    assert!(s.decisions().is_empty());
    for key in [Reply::Approve, Reply::Skip, Reply::Finish, typed("y"), typed("a"), typed("YES")] {
        assert!(say(&mut s, key).is_err());
    }
    let events = ok(&mut s, [typed("yes")]);
    assert_eq!(events.len(), 1);
    assert_eq!(shown(&s), "c2");
}

#[test]
fn a_privileged_change_needs_its_name_typed_exactly() {
    let mut s = SessionMachine::new(vec![privileged("c1", 1)]).unwrap();
    ok(&mut s, [Reply::Approve]);
    for wrong in ["yes", "cluster-admi", "Cluster-Admin", "cluster-admins", ""] {
        assert!(say(&mut s, typed(wrong)).is_err(), "{wrong}");
    }
    ok(&mut s, [typed("cluster-admin")]);
    assert_eq!(s.decisions()[0].privileged().unwrap().raw(), "cluster-admin");
}

#[test]
fn the_plan_never_chooses_the_word_that_confirms_a_decision() {
    let named = |name: &str| Card { name: name.into(), ..privileged("c1", 1) };
    let made = Card { named_by_plan: true, ..named("ledger-writer") };
    let weak =
        RESERVED.iter().map(|word| named(word)).chain(["y", "ok ", "abc", "YES", "漢字", "approve-0000"].map(named));
    for card in weak.chain([made]) {
        let mut s = SessionMachine::new(vec![card.clone()]).unwrap();
        ok(&mut s, [Reply::Approve]);
        assert!(say(&mut s, typed(card.name.raw())).is_err(), "{:?}", card.name);
        let digits = digits(&s);
        ok(&mut s, [typed(&format!("approve-{digits}"))]);
        assert_eq!(s.decisions().len(), 1, "{:?}", card.name);
        // The seal lists it by its name all the same.
        assert_eq!(s.decisions()[0].privileged().map(|name| name.raw().trim()), Some(card.name.raw().trim()));
    }
    let mut s = SessionMachine::new(vec![named("ledger-writer")]).unwrap();
    ok(&mut s, [Reply::Approve, typed("ledger-writer")]);
    assert_eq!(s.decisions().len(), 1, "a name that the snapshot gives is typed as it is");
}

#[test]
fn an_override_is_not_confirmed_by_a_word_of_the_plan_either() {
    let bad = EvaluatedChange { outcome: denied(&[], &["p"]), ..simple("c1") };
    let card = Card { present: bad, may_override: true, named_by_plan: true, ..privileged("c1", 1) };
    let mut s = SessionMachine::new(vec![card]).unwrap();
    ok(&mut s, [Reply::Override, typed("the site is down")]);
    assert!(say(&mut s, typed("cluster-admin")).is_err());
    let digits = digits(&s);
    assert_eq!(ok(&mut s, [typed(&format!("approve-{digits}"))]).len(), 1);
}

#[test]
fn what_must_be_read_is_not_approved_before_its_card_was_read_to_the_end() {
    let part = ShownCard { groups: Part::new(2, 3), lines: Part::new(29, 30) };
    let mut s = SessionMachine::new(vec![privileged("c1", 1), card(simple("c2"), 0)]).unwrap();
    for seen in [ShownCard::default(), part, ShownCard { groups: Part::new(2, 3), ..whole() }] {
        let question = s.question();
        assert_eq!(s.answer(question.answer(Reply::Approve, seen)), Err(Complaint::NotRead));
    }
    ok(&mut s, [Reply::Approve, typed("cluster-admin")]);
    assert_eq!(s.decisions()[0].shown(), whole(), "and how much was read is recorded");
    // An ordinary change may be approved at once; what was on the screen is recorded.
    let question = s.question();
    s.answer(question.answer(Reply::Approve, part)).unwrap();
    ok(&mut s, [typed("yes")]);
    assert_eq!(s.decisions()[1].shown(), part);
}

#[test]
fn what_was_read_once_need_not_be_read_again() {
    let mut s = SessionMachine::new(vec![privileged("c1", 1)]).unwrap();
    ok(&mut s, [Reply::Approve, Reply::Back]);
    assert!(matches!(s.question().ask(), Ask::Decide { read: true, .. }));
    let question = s.question();
    s.answer(question.answer(Reply::Approve, ShownCard::default())).unwrap();
    ok(&mut s, [typed("cluster-admin")]);
    assert_eq!(s.decisions()[0].shown(), whole());
}

#[test]
fn more_than_a_person_can_read_is_not_approved_in_one_piece() {
    let mut s = SessionMachine::new(vec![Card { too_much: true, ..privileged("c1", 1) }]).unwrap();
    assert!(!offers(&s, |choice| matches!(choice, Choice::Approve(_))));
    let complaint = say(&mut s, Reply::Approve).unwrap_err();
    assert_eq!(complaint, Complaint::TooMuch);
    assert!(complaint.help().raw().contains("split"), "{complaint:?}");
    ok(&mut s, [Reply::Reject, typed("split it")]);
    assert_eq!(s.decisions().len(), 1, "it can be rejected");
}

#[test]
fn a_privileged_change_without_a_name_is_not_approved_by_enter() {
    let mut s = SessionMachine::new(vec![Card { name: " ".into(), ..privileged("c1", 1) }]).unwrap();
    ok(&mut s, [Reply::Approve]);
    assert!(say(&mut s, typed("")).is_err());
    let digits = digits(&s);
    ok(&mut s, [typed(&format!("approve-{digits}"))]);
}

#[test]
fn an_answer_to_an_older_question_decides_nothing() {
    let mut s = three();
    let old = s.question();
    ok(&mut s, [Reply::Skip, Reply::Approve]);
    assert_eq!(s.answer(old.answer(typed("yes"), whole())), Err(Complaint::OtherQuestion));
    assert!(s.decisions().is_empty());
}

#[test]
fn the_riskiest_is_asked_first_and_ties_have_an_order() {
    let order = |cards: Vec<Card>| -> Vec<String> {
        let s = SessionMachine::new(cards).unwrap();
        s.cards().iter().map(|c| c.present.case.change.as_str().to_owned()).collect()
    };
    let cards = vec![card(simple("c1"), 1), card(simple("c2"), 5), card(simple("c3"), 1), card(simple("c4"), 1)];
    let mut turned = cards.clone();
    turned.reverse();
    assert_eq!(order(cards.clone())[0], "c2");
    assert_eq!(order(cards), order(turned));
}

#[test]
fn one_change_cannot_stand_in_a_session_twice() {
    assert!(SessionMachine::new(vec![card(simple("c1"), 1), card(simple("c1"), 2)]).is_err());
}

#[test]
fn a_whole_conversation_ends_in_a_seal() {
    let mut s = three();
    assert_eq!(s.question().progress(), (1, 3));
    approve(&mut s);
    assert_eq!(s.question().progress(), (2, 3));
    ok(&mut s, [Reply::Reject, typed("too broad"), Reply::Skip]);
    sound(&mut s);
    let Ask::Seal { summary, .. } = s.question().ask().clone() else { panic!("{:?}", s.question()) };
    assert_eq!(
        (summary.approved, summary.rejected, summary.undecided),
        (vec![case("c1")], vec![case("c2")], vec![case("c3")])
    );
    assert!(say(&mut s, typed("")).is_err());
    let wrong = say(&mut s, typed("yes")).unwrap_err();
    assert_eq!(wrong.message().raw(), "this is not `seal`; nothing was sealed", "two changes were decided");
    ok(&mut s, [typed("seal")]);
    let Ask::Over(End::Seal(decisions)) = s.question().ask().clone() else { panic!("{:?}", s.question()) };
    assert_eq!(decisions.len(), 2);
    assert_eq!(decisions[0].steps(), steps(&["Owner"]), "every needed step, and no other");
    assert_eq!(decisions[1].steps().len(), 2, "a reject lists every step");
    assert_eq!(say(&mut s, Reply::Approve), Err(Complaint::Over));
}

#[test]
fn a_reject_needs_a_reason() {
    let mut s = three();
    ok(&mut s, [Reply::Reject]);
    assert_eq!(say(&mut s, typed("  ")), Err(Complaint::ReasonNeeded));
    assert_eq!(say(&mut s, typed("no\u{202e}on")), Err(Complaint::HiddenCharacter));
    assert!(matches!(say(&mut s, typed(&"x".repeat(2_001))), Err(Complaint::TooLong(_))));
    ok(&mut s, [typed("no need")]);
    assert_eq!(s.decisions()[0].reason().unwrap().raw(), "no need");
}

#[test]
fn quit_keeps_what_was_decided() {
    let mut s = three();
    let events = approve(&mut s);
    assert!(matches!(events.as_slice(), [SessionEvent::Decided(_)]), "persisted before the next question");
    ok(&mut s, [Reply::Approve, Reply::Quit]);
    let Ask::Over(End::Left(left)) = s.question().ask().clone() else { panic!("{:?}", s.question()) };
    assert_eq!(left.len(), 1);
}

#[test]
fn back_revises_and_the_later_answer_stands() {
    let mut s = three();
    assert_eq!(say(&mut s, Reply::Back), Err(Complaint::AtStart));
    approve(&mut s);
    ok(&mut s, [Reply::Back]);
    assert_eq!(shown(&s), "c1");
    ok(&mut s, [Reply::Reject, typed("on second thoughts")]);
    assert_eq!(s.decisions().len(), 1);
    assert_eq!(*s.decisions()[0].verdict(), SessionVerdict::Reject);
    assert_eq!(shown(&s), "c2");
}

#[test]
fn skip_leaves_a_decision_and_withdraw_takes_it_back() {
    let mut s = three();
    approve(&mut s);
    ok(&mut s, [Reply::Back, Reply::Skip]);
    assert_eq!(s.decisions().len(), 1);
    let events = ok(&mut s, [Reply::Back, Reply::Withdraw]);
    assert_eq!(events, vec![SessionEvent::Withdrawn(case("c1"))]);
    assert!(s.decisions().is_empty());
    assert_eq!(say(&mut s, Reply::Withdraw), Err(Complaint::NotOffered));
}

#[test]
fn details_stay_within_the_review() {
    let mut s = three();
    ok(&mut s, [Reply::Details, Reply::Details]);
    assert!(matches!(s.question().ask(), Ask::Decide { details: 2, .. }));
    ok(&mut s, [Reply::Skip]);
    assert!(matches!(s.question().ask(), Ask::Decide { details: 0, .. }));
}

#[test]
fn a_denied_change_can_be_rejected_and_not_approved() {
    let bad = present("c1", document("svc:a", "w", &["x"]), denied(&["m"], &["p"]));
    let mut s = SessionMachine::new(vec![Card { may_override: true, ..card(bad, 1) }]).unwrap();
    assert!(!offers(&s, |c| matches!(c, Choice::Approve(_) | Choice::Override(_))));
    assert_eq!(say(&mut s, Reply::Approve), Err(Complaint::Denied));
    assert_eq!(say(&mut s, Reply::Override), Err(Complaint::NotOffered));
    ok(&mut s, [Reply::Reject, typed("denied anyway")]);
    assert_eq!(shown(&s), "seal");
}

#[test]
fn an_override_needs_reason_and_name_and_fills_no_step() {
    let bad = || present("c1", document("svc:a", "w", &["x"]), denied(&[], &["p"]));
    let mut plain = SessionMachine::new(vec![card(bad(), 1)]).unwrap();
    assert_eq!(say(&mut plain, Reply::Override), Err(Complaint::NotOffered), "not permitted `Override`");
    let mut s = SessionMachine::new(vec![Card { may_override: true, ..card(bad(), 1) }]).unwrap();
    ok(&mut s, [Reply::Override, typed("the site is down")]);
    assert!(say(&mut s, typed("yes")).is_err(), "the name, even for an ordinary change");
    ok(&mut s, [typed("reader")]);
    let SessionVerdict::Override { policies, .. } = s.decisions()[0].verdict().clone() else { panic!("an override") };
    assert!(policies.contains("p") && s.decisions()[0].steps().is_empty());
    assert_eq!(shown(&s), "c1", "now it can be approved");
    approve(&mut s);
    assert_eq!(s.decisions().len(), 2);
    sound(&mut s);
    ok(&mut s, [Reply::Back, Reply::Reject, typed("no")]);
    assert_eq!(s.decisions().len(), 1, "a reject takes the place of both");
}

#[test]
fn what_is_overridden_stands_once_before_the_seal_with_its_reason_and_name() {
    let bad = present("c1", document("svc:a", "w", &["x"]), denied(&[], &["p"]));
    let bad = Card { present: bad, may_override: true, ..privileged("c1", 2) };
    let mut s = SessionMachine::new(vec![bad, card(simple("c2"), 1)]).unwrap();
    ok(&mut s, [Reply::Override, typed("the site is down"), typed("cluster-admin"), Reply::Finish]);
    let Ask::Seal { summary, .. } = s.question().ask().clone() else { panic!("{:?}", s.question()) };
    assert_eq!(summary.overridden, s.decisions());
    assert_eq!(summary.overridden[0].reason().unwrap().raw(), "the site is down");
    assert_eq!(summary.undecided, [case("c2")], "it is not listed a second time");
    assert_eq!(summary.privileged, ["cluster-admin".into()], "the seal signs its name");
}

#[test]
fn who_is_barred_or_not_permitted_cannot_approve() {
    let barred = Card { bars: BTreeSet::from([Bar::OwnProposal]), ..card(simple("c1"), 2) };
    let mut s = SessionMachine::new(vec![barred]).unwrap();
    assert!(matches!(say(&mut s, Reply::Approve), Err(Complaint::Barred(_))));
    let other = Card { permitted: BTreeSet::from([StepName::new("Legal").unwrap()]), ..card(simple("c2"), 1) };
    let mut s = SessionMachine::new(vec![other]).unwrap();
    assert_eq!(say(&mut s, Reply::Approve), Err(Complaint::NotPermitted));
    let nobody = Card { permitted: BTreeSet::new(), ..card(simple("c3"), 1) };
    let s = SessionMachine::new(vec![nobody]).unwrap();
    assert_eq!(*s.question().ask(), Ask::Over(End::Nothing), "nothing this person can do");
}

#[test]
fn rejects_of_others_are_lifted_by_name_and_reason() {
    let line = Digest::of(b"reject");
    let c = Card { may_override: true, rejects: BTreeSet::from([line]), ..card(simple("c1"), 1) };
    let mut s = SessionMachine::new(vec![c]).unwrap();
    ok(&mut s, [Reply::Lift, typed("talked to ada"), typed("reader")]);
    let SessionVerdict::Override { lifts, policies } = s.decisions()[0].verdict().clone() else {
        panic!("an override")
    };
    assert!(lifts.contains(&line) && policies.is_empty());
}

#[test]
fn automatic_and_decided_changes_are_not_asked_but_can_be_visited() {
    let mut auto = simple("c1");
    auto.outcome = CaseOutcome::Auto;
    let mine = Card { already: Already::ApprovedByMe, ..card(simple("c2"), 2) };
    let mut s = SessionMachine::new(vec![card(auto, 3), mine, card(simple("c3"), 1)]).unwrap();
    assert_eq!(shown(&s), "c3");
    assert_eq!(s.question().progress(), (1, 1));
    ok(&mut s, [Reply::Visit(case("c1"))]);
    assert_eq!(say(&mut s, Reply::Approve), Err(Complaint::NothingToApprove));
    ok(&mut s, [Reply::Reject, typed("not while we migrate")]);
    assert_eq!(shown(&s), "c3");
    assert_eq!(say(&mut s, Reply::Visit(case("c9"))), Err(Complaint::NoSuchChange));
}
