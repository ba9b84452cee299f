use super::*;
use crate::access::model::facts::{AssignmentTerms, CheckedClaim, Emergent, EmergentWhat, Exception, PathStep};
use crate::decision::sample::{analysis, at, change, facts_of_grant, grant, hours, now, piece, plan, time};
use crate::input::entitlement::{Except, Mode, Permission};
use crate::input::place::{Place, Placed};
use crate::plan::model::{Action, Lifetime, RoleDefinition};
use crate::snapshot::model::Snapshot;

fn base() -> Digest<of::Change> {
    digest_with(|_, _, _| {})
}

fn digest_with(edit: impl FnOnce(&mut Plan, &mut Change, &mut ChangeFacts)) -> Digest<of::Change> {
    let (mut p, mut c, mut f) = (plan(), grant("c1", "svc:a", "writer"), facts_of_grant("c1", "svc:a", "writer"));
    edit(&mut p, &mut c, &mut f);
    digested(&p, &c, &f).digest
}

/// The digest where the snapshot is of one system.
fn digested(plan: &Plan, change: &Change, facts: &ChangeFacts) -> Digested {
    let snapshot = of_systems(r#""target":{"system":"demo","id":"T1"}"#);
    change_digest(plan, change, facts, &DigestBinding { snapshot: &snapshot, log: None }).unwrap()
}

/// A snapshot that describes these systems.
fn of_systems(fields: &str) -> Snapshot {
    let text = format!(r#"{{"version":1,"taken_at":"2026-11-24T11:00:00Z","source":"demo",{fields}}}"#);
    crate::snapshot::read("s.json", text.as_bytes()).unwrap().0
}

fn digest_on(fields: &str, log: Option<&str>) -> Digest<of::Change> {
    let (snapshot, log) = (of_systems(fields), log.map(Text::from));
    let (change, facts) = (grant("c1", "svc:a", "w"), facts_of_grant("c1", "svc:a", "w"));
    change_digest(&plan(), &change, &facts, &DigestBinding { snapshot: &snapshot, log: log.as_ref() }).unwrap().digest
}

#[test]
fn an_approval_for_one_target_is_none_for_another_or_for_none() {
    let one = digest_on(r#""target":{"system":"demo","id":"T1"}"#, Some("l"));
    assert_eq!(one, digest_on(r#""target":{"system":"demo","id":"T1"}"#, Some("k")), "the target alone counts");
    assert_ne!(one, digest_on(r#""target":{"system":"demo","id":"T2"}"#, Some("l")));
    assert_ne!(one, digest_on(r#""target":{"system":"other","id":"T1"}"#, Some("l")));
    assert_ne!(one, digest_on(r#""findings":[]"#, Some("l")));
}

#[test]
fn without_a_target_the_source_and_the_log_count() {
    let none = digest_on(r#""findings":[]"#, Some("l"));
    assert_ne!(none, digest_on(r#""findings":[]"#, Some("k")));
    let mut other = of_systems(r#""findings":[]"#);
    other.source = "another".into();
    let (change, facts, log) = (grant("c1", "svc:a", "w"), facts_of_grant("c1", "svc:a", "w"), Text::from("l"));
    let moved = change_digest(&plan(), &change, &facts, &DigestBinding { snapshot: &other, log: Some(&log) }).unwrap();
    assert_ne!(none, moved.digest);
}

#[test]
fn of_a_merged_snapshot_only_the_parts_that_a_change_names_or_affects_count() {
    let parts = |here: &str, elsewhere: &str| {
        format!(
            r#""parts":[{{"source":"demo","target":{{"system":"demo","id":"{here}"}},"holds":["svc:a","w"]}},
                {{"source":"aws","target":{{"system":"aws","id":"{elsewhere}"}},"holds":["x"]}}]"#
        )
    };
    let digest = |here, elsewhere| digest_on(&parts(here, elsewhere), None);
    assert_eq!(digest("T1", "A1"), digest("T1", "A2"));
    assert_ne!(digest("T1", "A1"), digest("T2", "A1"));
    assert_eq!(digest("T1", "A1"), digest_on(r#""target":{"system":"demo","id":"T1"}"#, None));
}

fn assignment(change: &mut Change) -> &mut crate::plan::model::AssignmentChange {
    let Action::Grant(a) = &mut change.action else { panic!("a grant") };
    a
}

#[test]
fn the_digest_is_sha256_of_the_prefix_and_the_canonical_json() {
    let digested = digested(&plan(), &grant("c1", "svc:a", "w"), &facts_of_grant("c1", "svc:a", "w"));
    let by_hand: Digest<of::Change> = Digest::of(format!("review-change@v2\n{}", digested.text).as_bytes());
    assert_eq!(digested.digest, by_hand);
    assert_eq!(
        digested.text.as_ref(),
        "{\"action\":\"grant\",\"contradictions\":[],\"effect\":{\"gained\":[{\"access\":{\"action\":\"w:use\",\
         \"resource\":\"*\"},\"subject\":{\"identity\":\"svc:a\"}}],\"gained_eligible\":[],\"lost\":[]},\
         \"escalations\":[],\"expires\":\"2026-11-30T00:00:00Z\",\"fields\":{\"mode\":\"active\",\"role\":\"w\",\
         \"scope\":\"db:ledger\",\"to\":\"svc:a\",\"ttl\":14400},\"intent\":\"let it work\",\"plan\":\"P1\",\
         \"privileged\":false,\"proposer\":\"agent:assistant\",\"reason\":\"the job fails\",\"sensitivity\":\"low\",\
         \"sod\":[],\"sponsor\":\"user:lead\",\"targets\":[{\"id\":\"T1\",\"source\":\"demo\",\"system\":\"demo\"}],\"task\":\"TASK-1\"}"
    );
}

type Edit = fn(&mut Plan, &mut Change, &mut ChangeFacts);

#[test]
fn everything_that_is_listed_moves_the_digest() {
    let edits: &[(&str, Edit)] = &[
        ("plan id", |p, _, _| p.id = at("P2".into())),
        ("plan expiry", |p, _, _| p.expires = at(time("2026-12-01T00:00:00Z"))),
        ("proposer", |p, _, _| p.proposer = at("agent:other".into())),
        ("sponsor", |p, _, _| p.on_behalf_of = None),
        ("task", |p, _, _| p.task = None),
        ("intent", |p, _, _| p.intent = at("else".into())),
        ("action", |_, c, _| c.action = Action::Adjust(assignment(c).clone())),
        ("to", |_, c, _| assignment(c).to = at("svc:b".into())),
        ("scope", |_, c, _| assignment(c).scope = None),
        ("mode", |_, c, _| assignment(c).mode = Some(at(Mode::Standing))),
        ("ttl", |_, c, _| assignment(c).lifetime = Some(at(Lifetime::Ttl(hours(5))))),
        ("until", |_, c, _| assignment(c).lifetime = Some(at(Lifetime::Until(now())))),
        ("assignment", |_, c, _| assignment(c).assignment = Some(at("a1".into()))),
        ("reason", |_, c, _| c.reason = at("else".into())),
        ("gained", |_, _, f| f.effects.gained.push(piece("svc:a", "x"))),
        ("an end of an access", |_, _, f| f.effects.gained[0].access.until = Some(now())),
        ("an exception", |_, _, f| {
            f.effects.gained[0].access.exceptions.push(Exception::denied("a".into(), "r".into(), Vec::new()));
        }),
        ("the condition of an exception", |_, _, f| {
            let denied = Exception::denied("a".into(), "r".into(), Vec::new());
            f.effects.gained[0].access.exceptions.push(Exception { condition: Some("mfa".into()), ..denied });
        }),
        ("what an exception leaves out", |_, _, f| {
            let left_out = Except { action: "b".into(), resource: "r".into() };
            f.effects.gained[0].access.exceptions.push(Exception::denied("a".into(), "r".into(), vec![left_out]));
        }),
        ("lost", |_, _, f| f.effects.lost.push(piece("svc:a", "x"))),
        ("what is not told", |_, _, f| f.concerned.untold.paths = true),
        ("eligible", |_, _, f| f.effects.gained_eligible.push(piece("svc:a", "x"))),
        ("privileged", |_, _, f| {
            f.privileged.insert("why".into());
        }),
        ("sensitivity", |_, _, f| f.sensitivity = Sensitivity::High),
        ("contradictions", |_, _, f| f.claims.push(claim(ClaimResult::Contradicted))),
        ("escalations", |_, _, f| f.escalations.push(escalation())),
        ("conflicts", |_, _, f| f.sod.push(conflict())),
    ];
    let mut seen = BTreeSet::from([base()]);
    for (name, edit) in edits {
        assert!(seen.insert(digest_with(edit)), "{name} does not move the digest");
    }
}

#[test]
fn what_is_not_listed_does_not_move_the_digest() {
    let edits: &[(&str, Edit)] = &[
        ("the change's id and place", |_, c, f| {
            c.id = Placed::new("c9".into(), Place::line("other.yaml", 99));
            f.id = "c9".into();
        }),
        ("whole-plan facts", |p, _, f| {
            p.digest = Digest::of(b"reformatted");
            p.changes.push(grant("c2", "svc:b", "reader"));
            f.emergent.push(0);
        }),
        ("paths", |_, _, f| f.effects.gained[0].path = [PathStep::Includes("r".into())].into()),
        ("claims that hold", |_, c, f| {
            c.claims.push(at(crate::plan::model::Claim::Privileged(false)));
            f.claims.push(claim(ClaimResult::Confirmed));
        }),
        ("what it depends on", |_, _, f| {
            f.depends_on.insert("c0".into());
        }),
        ("the passing of time", |_, _, f| {
            f.becomes = Some(AssignmentTerms { mode: Mode::Active, until: Some(now()), ttl: Some(hours(1)) });
            f.was = Some(AssignmentTerms { mode: Mode::Active, until: Some(now()), ttl: Some(hours(2)) });
        }),
        ("the order of pieces", |_, _, f| {
            let piece = f.effects.gained[0].clone();
            f.effects.gained.insert(0, piece);
        }),
    ];
    for (name, edit) in edits {
        assert_eq!(digest_with(edit), base(), "{name} moves the digest");
    }
}

fn claim(result: ClaimResult) -> CheckedClaim {
    CheckedClaim { name: "last_used", claimed: "now".into(), found: None, result }
}

fn escalation() -> Escalation {
    Escalation {
        id: "e1".into(),
        title: "t".into(),
        subject: Subject::Identity("svc:a".into()),
        bound: BTreeMap::from([("é".to_owned(), Text::from("x"))]),
        count: 1,
        complete: true,
        conditional: false,
        conditions: Vec::new(),
        requires: Vec::new(),
        paths: Vec::new(),
        digest: Digest::of(b"e1"),
    }
}

fn conflict() -> SodConflict {
    SodConflict {
        id: "s1".into(),
        title: "t".into(),
        subject: Subject::Group("g".into()),
        scope: None,
        first: [].into(),
        second: [].into(),
        digest: Digest::of(b"s1"),
    }
}

#[test]
fn the_order_of_lists_in_the_plan_is_irrelevant() {
    let permission = |action: &str| at(Permission::allow(action, "*"));
    let of = |permissions: Vec<Placed<Permission>>| {
        let definition = RoleDefinition {
            role: at("r".into()),
            includes: Vec::new(),
            permissions,
            owner: None,
            sensitivity: None,
            kinds: Vec::new(),
            by_resource: None,
        };
        let facts = facts_of_grant("c1", "svc:a", "r");
        digested(&plan(), &change("c1", Action::SetRole(definition)), &facts).digest
    };
    assert_eq!(of(vec![permission("a"), permission("b")]), of(vec![permission("b"), permission("a")]));
    assert_ne!(of(vec![permission("a")]), of(vec![permission("b")]));
}

#[test]
fn an_identity_and_a_group_of_one_name_differ() {
    let identity = base();
    let group = digest_with(|_, _, f| f.effects.gained[0].subject = Subject::Group("svc:a".into()));
    assert_ne!(identity, group);
}

#[test]
fn a_recorded_document_is_believed_only_with_its_own_bytes_and_digest() {
    let mut f = facts_of_grant("c1", "svc:a", "w");
    f.escalations.push(escalation());
    f.sod.push(conflict());
    let digested = digested(&plan(), &grant("c1", "svc:a", "w"), &f);
    let read = ChangeDocument::believe(&digested.text, &digested.digest).unwrap();
    assert_eq!(read.document, digested.document);
    assert!(matches!(ChangeDocument::believe(&digested.text, &Digest::of(b"x")), Err(DocumentError::Digest)));
    let spaced = digested.text.replacen(':', ": ", 1);
    assert!(matches!(ChangeDocument::believe(&spaced, &digested.digest), Err(DocumentError::NotCanonical)));
    assert!(ChangeDocument::believe("{}", &digested.digest).is_err());
}

#[test]
fn a_decision_records_the_emergent_pieces_in_whose_sets_the_change_is() {
    let emergent_piece = |name: &str, members: &[&str]| Emergent {
        what: EmergentWhat::Access(piece("svc:a", name)),
        eligible: false,
        sets: Vec::new(),
        members: members.iter().map(|m| (*m).into()).collect(),
        complete: true,
        with: BTreeSet::new(),
        drop: BTreeSet::new(),
        others: 0,
        digest: Digest::of(name.as_bytes()),
    };
    let mut a = analysis();
    a.emergent = vec![emergent_piece("x", &["c1", "c2"]), emergent_piece("y", &["c2"]), emergent_piece("z", &[])];
    let mut f = facts_of_grant("c1", "svc:a", "w");
    f.emergent = vec![2];
    assert_eq!(emergent(&a, &f), BTreeSet::from([Digest::of(b"x"), Digest::of(b"z")]));
}

#[test]
fn five_thousand_pieces_are_hashed_in_a_moment() {
    let start = std::time::Instant::now();
    let digest = digest_with(|_, _, f| {
        f.effects.gained = (0..5_000).map(|n| piece(&format!("svc:{n}"), "read")).collect();
    });
    assert_ne!(digest, base());
    assert!(start.elapsed().as_secs() < 3, "{:?}", start.elapsed());
}
