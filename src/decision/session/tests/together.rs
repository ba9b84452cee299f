//! Changes that are decided together, and what is analysed again before the seal.

use super::*;

fn alike(n: usize) -> Vec<Card> {
    (0..n)
        .map(|i| {
            let id = format!("c{i}");
            let p = simple(&id);
            let (change, facts) = (grant(&id, &format!("svc:{id}"), "reader"), facts_of_grant(&id, "svc", "reader"));
            let likeness = bulk_key::likeness(&change, &facts, &p, Some(&"system".into()), false);
            Card { likeness, ..card(p, 100 - i as u64) }
        })
        .collect()
}

#[test]
fn changes_that_are_alike_are_approved_together_at_most_twenty() {
    let mut s = SessionMachine::new(alike(25)).unwrap();
    ok(&mut s, [Reply::Together]);
    let Ask::Word { cases, word, .. } = s.question().ask().clone() else { panic!("{:?}", s.question()) };
    assert_eq!((cases.len(), word.raw()), (20, "yes"));
    assert!(say(&mut s, typed("")).is_err());
    assert_eq!(ok(&mut s, [typed("yes")]).len(), 20);
    assert!(s.decisions().iter().all(|d| matches!(d.verdict(), SessionVerdict::Approve(a) if a.grouped() == Some(20))));
    assert_eq!(shown(&s), "c20");
}

#[test]
fn a_privileged_or_lone_change_is_never_approved_together() {
    let mut cards = alike(3);
    for card in &mut cards {
        card.privileged = true;
    }
    let mut s = SessionMachine::new(cards).unwrap();
    assert_eq!(say(&mut s, Reply::Together), Err(Complaint::NotOffered));
    let mut s = SessionMachine::new(alike(1)).unwrap();
    assert_eq!(say(&mut s, Reply::Together), Err(Complaint::NotOffered));
}

#[test]
fn the_rest_is_rejected_with_one_reason() {
    let mut s = three();
    approve(&mut s);
    assert_eq!(ok(&mut s, [Reply::RejectRest, typed("one is enough")]).len(), 2);
    assert_eq!(shown(&s), "reanalyse");
}

#[test]
fn the_approved_set_is_analysed_again_before_the_seal() {
    let gain = card(simple("c1"), 2);
    let taken = card(present("c2", reduction("svc:a", "w"), needs(&["Owner"])), 1);
    let mut s = SessionMachine::new(vec![gain, taken]).unwrap();
    approve(&mut s);
    ok(&mut s, [Reply::Reject, typed("keep it")]);
    assert_eq!(*s.question().ask(), Ask::Reanalyse(BTreeSet::from([case("c1")])));
    assert_eq!(say(&mut s, typed("seal")), Err(Complaint::NotOffered));
    let mut alone = simple("c1");
    alone.outcome = denied(&["sod"], &[]);
    s.reanalysed(&Reanalysis { changes: BTreeMap::from([(case("c1"), alone)]), ..Reanalysis::default() }).unwrap();
    assert_eq!(shown(&s), "c1", "back to what cannot stand");
    let Some(Note::SetFails(faults)) = s.question().note().cloned() else { panic!("{:?}", s.question()) };
    assert!(matches!(faults.first(), Some(RecheckFault::Denied(c, _)) if *c == case("c1")));
    ok(&mut s, [Reply::Reject, typed("not without the revoke")]);
    assert_eq!(shown(&s), "seal", "nothing approved, nothing to analyse");
}

#[test]
fn a_set_that_the_analysis_leaves_out_or_that_emerges_fails() {
    let mut s = three();
    approve(&mut s);
    ok(&mut s, [Reply::Finish]);
    s.reanalysed(&Reanalysis::default()).unwrap();
    assert!(matches!(s.question().note(), Some(Note::SetFails(_))));
    ok(&mut s, [Reply::Finish]);
    let mut more = simple("c1");
    more.emergent.insert(Digest::of(b"x"));
    s.reanalysed(&Reanalysis { changes: BTreeMap::from([(case("c1"), more)]), ..Reanalysis::default() }).unwrap();
    assert!(matches!(s.question().note(), Some(Note::SetFails(_))));
    ok(&mut s, [Reply::Finish]);
    let denied_plans = BTreeMap::from([("P1".into(), BTreeSet::new())]);
    let changes = BTreeMap::from([(case("c1"), simple("c1"))]);
    s.reanalysed(&Reanalysis { denied_plans, changes }).unwrap();
    assert!(matches!(s.question().note(), Some(Note::SetFails(_))));
    assert_eq!(s.reanalysed(&Reanalysis::default()), Err(Complaint::NotOffered));
}

#[test]
fn what_depends_on_a_rejected_change_cannot_stand() {
    let mut second = simple("c2");
    second.depends_on.insert("c1".into());
    let mut s = SessionMachine::new(vec![card(simple("c1"), 2), card(second, 1)]).unwrap();
    ok(&mut s, [Reply::Reject, typed("no")]);
    approve(&mut s);
    let Some(Note::SetFails(faults)) = s.question().note().cloned() else { panic!("{:?}", s.question()) };
    assert_eq!(faults, BTreeSet::from([RecheckFault::Dependency(case("c2"), case("c1"))]));
    assert_eq!(shown(&s), "c2");
}

#[test]
fn a_reduction_that_only_others_can_decide_is_not_in_the_way() {
    let mut taken = card(present("c2", reduction("svc:a", "w"), needs(&["Owner"])), 1);
    taken.permitted.clear();
    let mut s = SessionMachine::new(vec![card(simple("c1"), 2), taken]).unwrap();
    approve(&mut s);
    assert_eq!(*s.question().ask(), Ask::Reanalyse(BTreeSet::from([case("c1"), case("c2")])));
}

#[test]
fn nothing_decided_is_not_sealed() {
    let mut s = three();
    ok(&mut s, [Reply::Finish]);
    assert_eq!(say(&mut s, typed("seal")), Err(Complaint::NothingToSeal));
    ok(&mut s, [Reply::Back]);
    assert_eq!(shown(&s), "c3");
}

#[test]
fn what_is_decided_or_automatic_is_asked_again_only_where_the_person_wants_it() {
    let decided = || {
        let auto = Card {
            present: present("c4", document("svc:d", "reader", &["read"]), CaseOutcome::Auto),
            ..card(simple("c4"), 1)
        };
        vec![
            Card { already: Already::Passes, ..card(simple("c1"), 4) },
            Card { already: Already::RejectedByMe, ..card(simple("c2"), 3) },
            Card { already: Already::ApprovedByMe, ..card(simple("c3"), 2) },
            auto,
        ]
    };
    assert_eq!(shown(&SessionMachine::new(decided()).unwrap()), "over");
    let reopened = decided().into_iter().map(|card| Card { reopened: true, ..card }).collect();
    let mut s = SessionMachine::new(reopened).unwrap();
    assert!(s.contents().iter().all(|entry| entry.standing != ChangeStanding::Undecided), "each stands as it did");
    assert_eq!(shown(&s), "c1");
    ok(&mut s, [Reply::Reject, typed("I object")]);
    assert_eq!(shown(&s), "c2");
    approve(&mut s);
    assert_eq!(shown(&s), "c3");
    ok(&mut s, [Reply::Skip]);
    ok(&mut s, [Reply::Reject, typed("not without me")]);
    assert_eq!(s.decisions().len(), 3);
    let nobody = Card { reopened: true, permitted: BTreeSet::new(), ..decided().remove(0) };
    assert_eq!(shown(&SessionMachine::new(vec![nobody]).unwrap()), "over", "whose word would not count is not asked");
}
