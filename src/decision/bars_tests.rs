use super::*;
use crate::access::model::facts::{Emergent, EmergentWhat};
use crate::decision::sample::{analysis, facts, facts_of_grant, piece};
use crate::input::digest::Digest;

fn ada() -> Approver {
    Approver { person: "ada".into(), identities: BTreeSet::from(["user:ada".into()]), groups: BTreeSet::new() }
}

fn view(kind: IdentityKind, owner: Option<&str>, groups: &[&str]) -> IdentityView {
    IdentityView {
        kind,
        status: Status::Active,
        owner: owner.map(IdentityId::from),
        privileged: false,
        last_used: None,
        groups: groups.iter().map(|g| GroupId::from(*g)).collect(),
        roles: BTreeSet::new(),
    }
}

fn bar(edit: impl FnOnce(&mut Approver, &mut ChangeFacts, &mut Analysis)) -> BTreeSet<Bar> {
    let (mut who, mut f, mut a) = (ada(), facts("c1"), analysis());
    edit(&mut who, &mut f, &mut a);
    bars(&who, &"agent:assistant".into(), &f, &a)
}

#[test]
fn a_stranger_to_the_change_may_approve() {
    assert!(bar(|_, f, _| *f = facts_of_grant("c1", "svc:x", "w")).is_empty());
}

#[test]
fn nobody_approves_their_own_proposal() {
    let mut who = ada();
    who.identities.insert("agent:assistant".into());
    assert!(bars(&who, &"agent:assistant".into(), &facts("c1"), &analysis()).contains(&Bar::OwnProposal));
}

#[test]
fn nobody_approves_what_any_of_their_identities_gains() {
    let found = bar(|who, f, _| {
        who.identities.insert("aws:ada-admin".into());
        f.effects.gained = vec![piece("aws:ada-admin", "x")];
    });
    assert_eq!(found, BTreeSet::from([Bar::Gains("aws:ada-admin".into())]));
}

#[test]
fn nobody_approves_what_they_receive_although_the_snapshot_gives_nothing_for_it() {
    let found = bar(|_, f, _| f.receivers = BTreeSet::from([Subject::Identity("user:ada".into())]));
    assert_eq!(found, BTreeSet::from([Bar::Gains("user:ada".into())]));
}

#[test]
fn eligible_and_emergent_gains_bar_too() {
    assert!(!bar(|_, f, _| f.effects.gained_eligible = vec![piece("user:ada", "x")]).is_empty());
    let emergent = |f: &mut ChangeFacts, a: &mut Analysis| {
        a.emergent.push(Emergent {
            what: EmergentWhat::Access(piece("user:ada", "x")),
            eligible: false,
            sets: Vec::new(),
            members: BTreeSet::from([f.id.clone()]),
            complete: true,
            with: BTreeSet::new(),
            drop: BTreeSet::new(),
            others: 0,
            digest: Digest::of(b"x"),
        });
    };
    assert!(!bar(|_, f, a| emergent(f, a)).is_empty());
}

#[test]
fn nobody_approves_what_a_group_of_theirs_gains() {
    let group = |f: &mut ChangeFacts| {
        let mut p = piece("x", "x");
        p.subject = Subject::Group("g".into());
        f.effects.gained = vec![p];
    };
    assert!(bar(|_, f, _| group(f)).is_empty(), "a group of unknown members does not bar");
    let known = bar(|_, f, a| {
        group(f);
        a.before.identities.insert("user:ada".into(), view(IdentityKind::Human, None, &["g"]));
    });
    assert_eq!(known, BTreeSet::from([Bar::GainsThroughGroup("g".into())]));
    let joining = bar(|_, f, _| {
        group(f);
        f.around.identities.insert("user:ada".into(), view(IdentityKind::Human, None, &["g"]));
    });
    assert!(!joining.is_empty(), "a plan that adds the person to the group bars as well");
    let listed = bar(|who, f, _| {
        group(f);
        who.groups.insert("g".into());
    });
    assert!(!listed.is_empty(), "people.yaml lists the group");
}

#[test]
fn nobody_approves_what_a_non_human_identity_of_theirs_gains() {
    let found = bar(|_, f, a| {
        f.effects.gained = vec![piece("svc:b", "x")];
        a.before.identities.insert("svc:a".into(), view(IdentityKind::Workload, Some("user:ada"), &[]));
        f.around.identities.insert("svc:b".into(), view(IdentityKind::ServiceAccount, Some("svc:a"), &[]));
    });
    assert_eq!(found, BTreeSet::from([Bar::GainsThroughOwned("svc:b".into())]));
}

#[test]
fn a_non_human_or_disabled_identity_approves_nothing() {
    let found = bar(|who, _, a| {
        who.identities.insert("user:old".into());
        a.before.identities.insert("user:ada".into(), view(IdentityKind::Agent, None, &[]));
        let mut old = view(IdentityKind::Human, None, &[]);
        old.status = Status::Disabled;
        a.before.identities.insert("user:old".into(), old);
    });
    assert_eq!(found, BTreeSet::from([Bar::NotHuman("user:ada".into()), Bar::Disabled("user:old".into())]));
}
