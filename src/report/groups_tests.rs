//! Whatever is grouped, nothing is lost from sight: counts add up, what is severe is named, lines are few.

use super::*;
use crate::access::model::facts::AccessDelta;
use crate::report::effects::AccessList;
use crate::report::samples::piece;

fn shown(list: &AccessList) -> u64 {
    list.bundles.iter().map(|bundle| bundle.pieces).sum()
}

fn said(list: &AccessList) -> String {
    let line = |b: &Bundle| {
        let what: Vec<String> = b.what.iter().map(Sentence::terminal).collect();
        format!("{}{} {}: {}\n", b.who.terminal(), b.limits.terminal(), b.sensitivity.name(), what.join("; "))
    };
    list.bundles.iter().map(line).collect()
}

/// A service with verbs and resources, as a role of a cloud has them by the hundreds.
fn many(n: usize) -> Vec<AccessDelta> {
    let verbs = ["Get", "List", "Describe", "Put", "Delete"];
    let one = |n: usize| {
        let action = format!("s{}:{}Thing{n}", n % 7, verbs[n % 5]);
        piece("u", &action, &format!("arn:aws:s{}:::r{n}", n % 7), None)
    };
    (0..n).map(one).collect()
}

#[test]
fn identical_access_across_subjects_is_one_bundle() {
    let mut pieces: Vec<AccessDelta> = (0..2_500)
        .map(|n| piece(&format!("group:t{n:04}"), "get", "core:secrets#*", Some(&format!("ns:t{n:04}"))))
        .collect();
    pieces.extend(["u1", "u2", "u3"].map(|u| piece(u, "get", "core:secrets#*", Some(&format!("ns:{u}")))));
    let list = AccessList::of(&pieces, true, Limits::SHORT);
    assert_eq!(list.total, 2_503);
    assert_eq!(list.bundles.len(), 1);
    let bundle = list.bundles.first().unwrap();
    assert!(bundle.who.terminal().starts_with("2,500 groups and at least 3 identities ("), "{:?}", bundle.who);
    assert!(bundle.who.terminal().ends_with("each in a scope of its own"));
    assert_eq!(bundle.pieces, 2_503);
}

#[test]
fn a_short_list_is_shown_access_by_access() {
    let pieces: Vec<AccessDelta> =
        (0..40).map(|n| piece(&format!("u{n:02}"), "get", &format!("r{n:02}"), Some("ns:a"))).collect();
    let list = AccessList::of(&pieces, false, Limits::SHORT);
    let said = said(&list);
    assert!((0..40).all(|n| said.contains(&format!("`r{n:02}`"))), "{said}");
    assert_eq!(shown(&list), 40);
}

#[test]
fn a_long_list_takes_at_most_forty_lines_and_its_counts_add_up() {
    for n in [41, 400, 5_000] {
        let list = AccessList::of(&many(n), false, Limits::SHORT);
        let lines: usize = list.bundles.iter().map(|b| b.what.len()).sum();
        assert!(lines <= 40, "{lines} lines for {n}");
        assert_eq!(shown(&list), n as u64);
        assert!(said(&list).contains("accesses: "), "{}", said(&list));
    }
    let named = said(&AccessList::of(&many(400), false, Limits::ALL));
    assert!((0..400).all(|n| named.contains(&format!("r{n}`"))), "the details name every one");
}

#[test]
fn groups_name_the_kind_of_action_the_place_and_the_sensitivity() {
    let list = AccessList::of(&many(400), false, Limits::SHORT);
    let first = list.bundles.first().unwrap();
    assert_eq!(first.who.terminal(), "identity `u` everywhere");
    let what = first.what.first().unwrap().terminal();
    assert!(what.starts_with("12 accesses: 12 actions of `s0:*` on 12 resources of `arn:aws:s0:*`"), "{what}");
}

#[test]
fn what_is_privileged_is_named_one_by_one_and_first_however_long_the_rest() {
    let mut pieces = many(3_000);
    for (n, at) in [7_usize, 1_500, 2_999].into_iter().enumerate() {
        pieces[at].privileged = Some(format!("reason {n}").into());
        pieces[at].sensitivity = Sensitivity::High;
    }
    let list = AccessList::of(&pieces, false, Limits::SHORT);
    assert_eq!(list.severe, 3);
    for (n, bundle) in list.bundles.iter().take(3).enumerate() {
        assert!(bundle.privileged.is_some(), "{n}");
        assert_eq!(bundle.pieces, 1);
    }
    for at in [7, 1_500, 2_999] {
        assert!(said(&list).contains(&format!("Thing{at}` on")), "{}", said(&list));
    }
    assert_eq!(shown(&list), 3_000);
}

#[test]
fn a_hundred_privileged_accesses_are_named_and_what_exceeds_them_is_counted() {
    let mut pieces = many(130);
    for piece in &mut pieces {
        piece.privileged = Some("it writes".into());
    }
    let list = AccessList::of(&pieces, false, Limits::SHORT);
    assert_eq!((list.severe, shown(&list)), (130, 130));
    let named = said(&list).matches("` on `").count();
    assert!(named >= 100, "{named}");
    let grouped: u64 =
        list.bundles.iter().filter(|b| b.what[0].terminal().contains("accesses: ")).map(|b| b.pieces).sum();
    assert_eq!(grouped, 30, "{}", said(&list));
    assert!(list.bundles.iter().all(|bundle| bundle.privileged.is_some()), "no group hides that it is privileged");
}

#[test]
fn conditions_and_exceptions_stand_beside_what_they_restrict() {
    let mut pieces = many(60);
    pieces[3].access.condition = Some("aws:MultiFactorAuthPresent is true".into());
    let list = AccessList::of(&pieces, false, Limits::SHORT);
    assert!(said(&list).contains("if `aws:MultiFactorAuthPresent is true`"), "{}", said(&list));
    // So many conditions that no forty lines hold them are said to be there.
    for (n, piece) in pieces.iter_mut().enumerate() {
        piece.access.condition = Some(format!("condition {n}").into());
    }
    let list = AccessList::of(&pieces, false, Limits::SHORT);
    assert!(said(&list).contains("some of them under conditions"), "{}", said(&list));
    assert_eq!(shown(&list), 60);
}

#[test]
fn a_way_stands_only_beside_accesses_that_it_gives() {
    use crate::access::model::facts::PathStep;
    let mut pieces = vec![piece("u", "read", "ledger", None), piece("u", "write", "ledger", None)];
    let holds: AccessPath =
        [PathStep::Holds("writer".into(), "a".into(), crate::input::entitlement::Mode::Standing)].into();
    for one in &mut pieces {
        one.path.clone_from(&holds);
    }
    pieces[0].path = holds.iter().cloned().chain([PathStep::Includes("reader".into())]).collect();
    let list = AccessList::of(&pieces, false, Limits::SHORT);
    let said: Vec<(String, bool)> =
        list.bundles.iter().map(|b| (b.what[0].terminal(), b.way.terminal().contains("reader"))).collect();
    assert_eq!(said, [("`write` on `ledger`".to_owned(), false), ("`read` on `ledger`".to_owned(), true)]);
}

#[test]
fn actions_on_the_same_resources_stand_in_one_line() {
    let pieces: Vec<AccessDelta> = ["core:pods#*", "core:services#*"]
        .iter()
        .flat_map(|r| ["get", "list", "watch"].map(|a| piece("u", a, r, None)))
        .collect();
    let list = AccessList::of(&pieces, false, Limits::SHORT);
    let bundle = list.bundles.first().unwrap();
    let said: Vec<String> = bundle.what.iter().map(Sentence::terminal).collect();
    assert_eq!(said, ["`get`, `list`, `watch` on `core:pods#*`, `core:services#*`"]);
    assert_eq!(bundle.who.terminal(), "identity `u` everywhere");
}

proptest::proptest! {
    #[test]
    fn no_access_is_lost_whatever_the_list(
        all in proptest::collection::vec((0_u8..6, 0_u8..40, 0_u8..40, 0_u8..5, 0_u8..4, proptest::bool::ANY), 0..400),
        full in 0_usize..60, lines in 1_usize..50, severe in 0_usize..50,
    ) {
        let pieces: Vec<AccessDelta> = all
            .iter()
            .map(|(who, action, resource, scope, level, privileged)| {
                let scope = (*scope > 0).then(|| format!("ns:{scope}"));
                let mut piece = piece(&format!("u{who}"), &format!("a{action}:Do{resource}"), &format!("r{resource}"), scope.as_deref());
                piece.sensitivity = [Sensitivity::Low, Sensitivity::Moderate, Sensitivity::High, Sensitivity::Critical][usize::from(*level)];
                piece.privileged = privileged.then(|| "why".into());
                piece
            })
            .collect();
        let show = Limits { full, lines: lines.max(10), severe, ..Limits::SHORT };
        let list = AccessList::of(&pieces, false, show);
        proptest::prop_assert_eq!(shown(&list), pieces.len() as u64);
        let grave: u64 = list.bundles.iter().filter(|b| b.privileged.is_some()).map(|b| b.pieces).sum();
        proptest::prop_assert_eq!(grave, pieces.iter().filter(|p| p.privileged.is_some()).count() as u64);
        let levels: Vec<bool> = list.bundles.iter().map(|b| b.privileged.is_none()).collect();
        proptest::prop_assert!(levels.is_sorted(), "what is privileged comes first");
    }
}
