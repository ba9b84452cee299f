//! Random walks through a session: whatever is answered, in whatever order, nothing is approved by accident.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::decision::case::{CaseId, CaseOutcome};
use crate::decision::recheck::Reanalysis;
use crate::decision::risk::Risk;
use crate::decision::sample::{denied, document, needs, present, reduction, simple, steps};

fn cards() -> Vec<Card> {
    let mut dependent = simple("c5");
    dependent.depends_on.insert("c1".into());
    let mut auto = simple("c6");
    auto.outcome = CaseOutcome::Auto;
    let all = [
        simple("c1"),
        simple("c2"),
        present("c3", document("svc:a", "w", &["x"]), denied(&["m"], &[])),
        present("c4", document("svc:b", "w", &["x"]), denied(&[], &["p"])),
        dependent,
        auto,
        present("c7", reduction("svc:c", "w"), needs(&["Owner", "Security"])),
    ];
    all.into_iter()
        .enumerate()
        .map(|(i, present)| Card {
            risk: Risk { identities: i as u64, ..Risk::default() },
            privileged: i == 1,
            named_by_plan: false,
            must_be_read: i == 1,
            too_much: i == 6,
            name: "admin".into(),
            permitted: steps(&["Owner"]).into_iter().collect(),
            may_override: true,
            bars: BTreeSet::new(),
            set_aside: BTreeSet::new(),
            rejects: BTreeSet::new(),
            likeness: None,
            names: BTreeSet::new(),
            already: Already::Open,
            reopened: false,
            present,
        })
        .collect()
}

fn reply() -> impl Strategy<Value = Reply> {
    prop_oneof![
        4 => Just(Reply::Approve),
        1 => Just(Reply::Together),
        2 => Just(Reply::Reject),
        1 => Just(Reply::RejectRest),
        2 => Just(Reply::Override),
        1 => Just(Reply::Lift),
        2 => Just(Reply::Skip),
        1 => Just(Reply::Withdraw),
        2 => Just(Reply::Back),
        1 => Just(Reply::Details),
        1 => (1..8_u8).prop_map(|n| Reply::Visit(CaseId::new("P1", format!("c{n}")))),
        1 => Just(Reply::Finish),
        8 => prop_oneof![Just("yes"), Just("admin"), Just(""), Just("seal"), Just("why not")]
            .prop_map(|w| Reply::Typed(w.to_owned())),
    ]
}

proptest! {
    #[test]
    fn an_approval_comes_only_from_the_right_word_to_the_question_shown(
        replies in prop::collection::vec((reply(), any::<bool>(), any::<bool>()), 0..80),
    ) {
        let mut s = SessionMachine::new(cards()).unwrap();
        let mut said: BTreeMap<CaseId, usize> = BTreeMap::new();
        for (reply, is_sound, is_read) in replies {
            let question = s.question();
            if let Ask::Reanalyse(set) = question.ask() {
                let changes = set.iter().filter(|_| is_sound)
                    .map(|c| (c.clone(), s.card(c).unwrap().present.clone())).collect();
                s.reanalysed(&Reanalysis { changes, ..Reanalysis::default() }).unwrap();
                continue;
            }
            let before = s.decisions();
            let shown = ShownCard { groups: Part::new(1, 1), lines: Part::new(if is_read { 9 } else { 8 }, 9) };
            let Ok(events) = s.answer(question.answer(reply.clone(), shown)) else {
                prop_assert_eq!(s.decisions(), before, "a complaint changes nothing");
                prop_assert_eq!(s.question(), question);
                continue;
            };
            for event in events {
                let SessionEvent::Decided(decision) = event else { continue };
                *said.entry(decision.case().clone()).or_default() += 1;
                if let SessionVerdict::Approve(_) = decision.verdict() {
                    let Ask::Word { purpose: Purpose::Approve, cases, word } = question.ask() else {
                        panic!("approved at {question:?}")
                    };
                    prop_assert_eq!(&cases[..], std::slice::from_ref(decision.case()));
                    prop_assert_eq!(&reply, &Reply::Typed(word.raw().to_owned()));
                    prop_assert!(decision.case().change.as_str() != "c2" || decision.shown().is_whole());
                    prop_assert!(!["c3", "c6", "c7"].contains(&decision.case().change.as_str()));
                    prop_assert_eq!(decision.steps(), &steps(&["Owner"])[..]);
                }
            }
            if let Ask::Over(End::Seal(sealed)) = s.question().ask() {
                prop_assert!(!sealed.is_empty());
                prop_assert_eq!(&reply, &Reply::Typed("seal".to_owned()));
                prop_assert!(sealed.iter().all(|d| said.contains_key(d.case())));
                let yes = |id: &str| sealed.iter().any(|d| d.case().change.as_str() == id && matches!(d.verdict(), SessionVerdict::Approve(_)));
                let no = |id: &str| sealed.iter().any(|d| d.case().change.as_str() == id && *d.verdict() == SessionVerdict::Reject);
                let over = |id: &str| sealed.iter().any(|d| d.case().change.as_str() == id && matches!(d.verdict(), SessionVerdict::Override { .. }));
                prop_assert!(!(yes("c5") && no("c1")), "a change without what it depends on");
                prop_assert!(!yes("c4") || over("c4"), "a denied change without its override");
            }
        }
    }
}
