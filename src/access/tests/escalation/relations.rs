//! Escalation paths that a change completes without giving whoever completes them any access.

use crate::access::Data;
use crate::access::tests::build::*;
use crate::plan::model::Action;
use crate::snapshot::model::Snapshot;

fn completed(paths: &str, s: &Snapshot, action: Action) -> Vec<String> {
    let data = Data::read([("escalations/x.yaml", paths.as_bytes())]).unwrap();
    let a = Run { data: &data, ..Run::default() }.on(s, &plan(vec![("c", action)])).unwrap();
    a.changes[0].escalations.iter().map(|e| format!("{} {}", e.subject.as_str(), e.id.raw())).collect()
}

#[test]
fn what_another_comes_to_hold_because_a_deny_goes_completes_a_path_however_the_deny_was_held() {
    let path = "paths:
  - {id: p, title: t, source: 'https://example.org', requires: [{action: reset, resource: '*'}],
     exists: [{variable: who, kind: identity, holds: {action: open, resource: vault}}]}
";
    let s = snapshot("test").human("u").human("v").role("reset", &[allow("reset", "*")]).held("r", "u", "reset", None);
    let s = s.role("vault", &[allow("open", "vault")]).role("never", &[deny("open", "vault")]);
    let s = s.held("h", "v", "vault", None).held("n", "banned", "never", None);
    let leave = || Action::Revoke(to("v", member("banned"), None));
    for s in [s.clone().group("banned", &["v"]), s.group("banned", &[]).joined("m", "v", "banned")] {
        assert_eq!(completed(path, &s, leave()), ["u p"]);
    }
}

#[test]
fn a_path_about_ones_own_groups_is_completed_by_joining_one_that_gives_nothing() {
    let path = "paths:
  - {id: p, title: t, source: 'https://example.org', requires: [{action: write, resource: $g}],
     exists: [{variable: g, kind: group, relation: group_of_actor, name: 'team*'}]}
";
    let s = snapshot("test").human("u").human("v").group("team", &[]).group("other", &[]);
    let s = s.role("write", &[allow("write", "*")]).held("w", "u", "write", None);
    assert_eq!(completed(path, &s, join("u", "team")), ["u p"]);
    assert!(completed(path, &s, join("v", "team")).is_empty(), "who may write none");
    assert!(completed(path, &s, join("u", "other")).is_empty(), "no such group");
}

#[test]
fn leaving_a_group_opens_no_path_back_into_it() {
    let path = "paths:
  - {id: p, title: t, source: 'https://example.org', requires: [{action: write, resource: $g}],
     exists: [{variable: g, kind: group, relation: group_not_of_actor, name: 'team*'}]}
";
    let s = snapshot("test").human("u").human("v").group("team", &[]).role("write", &[allow("write", "*")]);
    let s = s.role("keys", &[allow("open", "vault")]).held("k", "team", "keys", None).held("w", "u", "write", None);
    let leave = Action::Revoke(to("u", member("team"), None));
    let member = s.clone().joined("m", "u", "team");
    assert!(completed(path, &member, leave.clone()).is_empty());
    // In a plan that gives the group more, the way back leads to more than the member had.
    let data = Data::read([("escalations/x.yaml", path.as_bytes())]).unwrap();
    let more = |action: Action| {
        let a = Run { data: &data, ..Run::default() }
            .on(&member, &plan(vec![("a", leave.clone()), ("b", action)]))
            .unwrap();
        a.escalations.iter().map(|e| e.subject.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(more(add("keys", allow("open", "safe"))), ["u"]);
    assert!(more(grant("v", "keys", None)).is_empty(), "what others are given is no way for who left");
}

#[test]
fn whoever_holds_everything_by_a_long_way_loses_nothing_by_a_change_at_its_end() {
    // Each acts as the next, and the last holds everything.
    let long = 3_000;
    let name = |n: usize| format!("u{n:04}");
    let mut s = snapshot("test").human("zz").role("all", &[allow("*", "*")]).role("one", &[allow("a", "x")]);
    for n in 0..=long {
        s = s.human(&name(n));
    }
    for n in 0..long {
        s = s.trust(&format!("t{n}"), &name(n), &name(n + 1), None);
    }
    let s = s.held("h", &name(long), "all", None).trust("z", &name(long), "zz", None).held("o", "zz", "one", None);
    let facts = one(&s, revoke("zz", "one", None));
    let lost: Vec<&str> = facts.effects.lost.iter().map(|p| p.subject.as_str()).collect();
    assert_eq!(lost, ["zz"], "nobody who holds everything loses anything");
    assert!(!facts.concerned.untold.is_any());
}
