//! Sessions that go on with what a journal kept.

use super::*;

fn journalled(p: &EvaluatedChange, verdict: JournalledVerdict) -> Journalled {
    Journalled { case: p.case.clone(), digest: p.digest, emergent: p.emergent.clone(), verdict }
}

#[test]
fn resume_keeps_rejects_and_reductions_and_asks_again_for_each_gain() {
    let (gain, refused) = (simple("c1"), simple("c2"));
    let taken = present("c3", reduction("svc:a", "w"), needs(&["Owner"]));
    let cards = || vec![card(gain.clone(), 3), card(refused.clone(), 2), card(taken.clone(), 1)];
    let yes = || JournalledVerdict::Approve { grouped: None, shown: whole() };
    let journal = [
        journalled(&gain, yes()),
        journalled(&refused, yes()),
        journalled(&refused, JournalledVerdict::Reject { reason: "no".into(), shown: whole() }),
        journalled(&taken, yes()),
    ];
    let resumed = SessionMachine::resume(cards(), &journal).unwrap();
    assert_eq!((resumed.kept.len(), resumed.again), (2, BTreeSet::from([case("c1")])));
    let mut s = resumed.session;
    assert!(matches!(s.question().ask(), Ask::Decide { before, .. } if *before == vec![yes()]));
    let mut left = s.clone();
    ok(&mut left, [Reply::Skip]);
    sound(&mut left);
    assert_eq!(ok(&mut left, [typed("seal")]), vec![SessionEvent::Withdrawn(case("c1"))], "not said again, not sealed");
    let events = approve(&mut s);
    assert!(matches!(events.as_slice(), [SessionEvent::Withdrawn(_), SessionEvent::Decided(_)]));
    sound(&mut s);
    assert!(ok(&mut s, [typed("seal")]).is_empty());
}

#[test]
fn resume_is_refused_where_any_recorded_digest_moved() {
    let was = simple("c1");
    let is = present("c1", document("svc:c1", "reader", &["read", "more"]), needs(&["Owner"]));
    let journal = [journalled(&was, JournalledVerdict::Reject { reason: "no".into(), shown: whole() })];
    assert!(matches!(SessionMachine::resume(vec![card(is, 1)], &journal), Err(Moved::Changes(_))));
    let mut emerged = was.clone();
    emerged.emergent.insert(Digest::of(b"x"));
    assert!(matches!(SessionMachine::resume(vec![card(emerged, 1)], &journal), Err(Moved::Changes(_))));
    assert!(matches!(SessionMachine::resume(Vec::new(), &journal), Err(Moved::Changes(_))), "a deleted plan");
}

#[test]
fn a_withdrawn_decision_does_not_come_back() {
    let p = simple("c1");
    let journal = [
        journalled(&p, JournalledVerdict::Reject { reason: "no".into(), shown: whole() }),
        journalled(&p, JournalledVerdict::Withdrawn),
    ];
    let resumed = SessionMachine::resume(vec![card(p, 1)], &journal).unwrap();
    assert!(resumed.kept.is_empty() && resumed.again.is_empty());
}
