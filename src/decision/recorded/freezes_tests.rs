use super::*;
use crate::decision::case::CaseOutcome;
use crate::decision::recorded::record::SessionRef;
use crate::decision::sample::{hours, now, present, record, reduction, simple};
use crate::input::digest::Digest;
use crate::policy::KeyFacts;

fn freeze(session: &str, kind: FreezeKind, name: Option<&str>) -> RecordedFreeze {
    RecordedFreeze {
        line: Digest::of(format!("freeze {session}").as_bytes()),
        session: SessionRef::new(session),
        author: "ada".into(),
        at: now(),
        until: now().plus(hours(24)),
        kind,
        name: name.map(Text::from),
        proofs: BTreeSet::new(),
        reason: "it acts oddly".into(),
    }
}

fn thaw(session: &str, of: &RecordedFreeze, person: &str, power: ThawPower) -> RecordedThaw {
    RecordedThaw {
        line: Digest::of(format!("thaw {session} {person}").as_bytes()),
        session: SessionRef::new(session),
        freeze: of.line,
        signer: Signer::new(person, format!("key of {person}")),
        key: KeyFacts {
            kind: "ssh-ed25519".to_owned(),
            security_key: false,
            user_present: false,
            user_verified: false,
        },
        at: now(),
        power,
    }
}

fn stops(record: &Record, present: &EvaluatedChange, proofs: &[&str]) -> bool {
    let proofs = proofs.iter().map(|proof| Text::from(*proof)).collect();
    !record.frozen(present, &proofs, now()).is_empty()
}

#[test]
fn a_freeze_stops_what_it_names_until_it_ends() {
    let on = simple("c1");
    for (kind, name, stopped) in [
        (FreezeKind::All, None, true),
        (FreezeKind::Agent, Some("agent:assistant"), true),
        (FreezeKind::Agent, Some("agent:other"), false),
        (FreezeKind::Plan, Some("P1"), true),
        (FreezeKind::Plan, Some("P2"), false),
        (FreezeKind::Task, Some("TASK-1"), false),
    ] {
        let mut r = record(Vec::new(), &[]);
        r.freezes.push(freeze("s1", kind, name));
        assert_eq!(stops(&r, &on, &[]), stopped, "{kind:?} {name:?}");
        assert!(r.frozen(&on, &BTreeSet::new(), now().plus(hours(24))).is_empty(), "it has an end");
    }
    let mut document = (*on.document).clone();
    document.task = Some("TASK-1".into());
    let of_task = present("c1", document, on.outcome.clone());
    let mut r = record(Vec::new(), &[]);
    r.freezes.push(freeze("s1", FreezeKind::Task, Some("TASK-1")));
    assert!(stops(&r, &of_task, &[]));
}

#[test]
fn a_freeze_that_starts_in_the_future_holds_already() {
    let mut r = record(Vec::new(), &[]);
    let later = now().plus(hours(1));
    r.freezes.push(RecordedFreeze { at: later, until: later.plus(hours(1)), ..freeze("s1", FreezeKind::All, None) });
    assert!(stops(&r, &simple("c1"), &[]));
}

#[test]
fn what_only_takes_access_always_passes() {
    let mut r = record(Vec::new(), &[]);
    r.freezes.push(freeze("s1", FreezeKind::All, None));
    assert!(!stops(&r, &present("c1", reduction("svc:a", "reader"), CaseOutcome::Auto), &[]));
}

#[test]
fn a_frozen_agent_that_renames_itself_stays_frozen() {
    let mut r = record(Vec::new(), &[]);
    let proofs = BTreeSet::from([Text::from("key SHA256:a")]);
    r.freezes.push(RecordedFreeze { proofs, ..freeze("s1", FreezeKind::Agent, Some("agent:old-name")) });
    let on = simple("c1");
    assert!(stops(&r, &on, &["key SHA256:a", "key SHA256:b"]) && !stops(&r, &on, &["key SHA256:b"]));
    let by = r.frozen(&on, &BTreeSet::from([Text::from("key SHA256:a")]), now());
    assert!(by[0].by_proof);
}

#[test]
fn one_person_thaws_nothing_and_two_only_if_one_is_the_author_or_both_may_override() {
    use ThawPower::{None, Override, Thaw};
    for (thaws, thawed) in [
        (&[("ada", Thaw)][..], false),
        (&[("ada", Override)], false),
        (&[("ada", Thaw), ("bo", Thaw)], true),
        (&[("ada", Thaw), ("bo", None)], false),
        (&[("ada", None), ("bo", Thaw)], false),
        (&[("bo", Thaw), ("cy", Thaw)], false),
        (&[("bo", Override), ("cy", Thaw)], false),
        (&[("bo", Override), ("cy", Override)], true),
    ] {
        let mut r = record(Vec::new(), &[("s2", "s1"), ("s3", "s2")]);
        r.freezes.push(freeze("s1", FreezeKind::All, Option::None));
        let of = r.freezes[0].clone();
        // The same person twice is one person.
        for (person, power) in thaws {
            r.thaws.push(thaw("s2", &of, person, *power));
            r.thaws.push(thaw("s3", &of, person, *power));
        }
        assert_eq!(r.is_thawed(&of), thawed, "{thaws:?}");
        assert_eq!(stops(&r, &simple("c1"), &[]), !thawed);
    }
}

#[test]
fn a_freeze_holds_on_every_branch_until_sessions_that_follow_it_thaw_it() {
    let on = simple("c1");
    // `s2` is on another branch than s1; s4 joins both.
    let mut r = record(Vec::new(), &[("s1", "s0"), ("s2", "s0"), ("s3", "s2"), ("s4", "s1"), ("s4", "s3")]);
    r.freezes.push(freeze("s1", FreezeKind::All, None));
    let of = r.freezes[0].clone();
    for session in ["s2", "s3", "s1"] {
        r.thaws.push(thaw(session, &of, "ada", ThawPower::Override));
        r.thaws.push(thaw(session, &of, "bo", ThawPower::Override));
    }
    assert!(stops(&r, &on, &[]), "none of these sessions follows the freeze");
    r.thaws.push(thaw("s4", &of, "ada", ThawPower::Override));
    assert!(stops(&r, &on, &[]));
    r.thaws.push(thaw("s4", &of, "bo", ThawPower::Override));
    assert!(!stops(&r, &on, &[]));
    // Another freeze of the same is another freeze.
    r.freezes.push(freeze("s3", FreezeKind::All, None));
    assert!(stops(&r, &on, &[]));
}

#[test]
fn two_people_with_one_key_count_as_one() {
    let mut r = record(Vec::new(), &[("s2", "s1")]);
    r.freezes.push(freeze("s1", FreezeKind::All, None));
    let of = r.freezes[0].clone();
    for person in ["ada", "bo"] {
        let by = thaw("s2", &of, person, ThawPower::Override);
        r.thaws.push(RecordedThaw { signer: Signer::new(person, "one key"), ..by });
    }
    assert!(!r.is_thawed(&of));
}
