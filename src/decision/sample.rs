//! Small plans, records and judges for the tests of this module.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::access::model::facts::{
    Access, AccessDelta, Affected, Analysis, ChangeFacts, ChangeTargets, Effects, PolicyContext,
};
use crate::decision::bars::Bar;
use crate::decision::case::{CaseId, CaseOutcome, Denial, EvaluatedChange, Signer, StepName};
use crate::decision::digest::{ChangeDocument, EffectRecord, Held, SubjectRecord};
use crate::decision::fields::typed_fields;
use crate::decision::judge::Judge;
use crate::decision::recorded::record::{ExportedChange, Record, RecordedDecision, ReviewerVerdict, SessionRef};
use crate::input::digest::Digest;
use crate::input::entitlement::{Mode, Sensitivity};
use crate::input::id::{ChangeId, IdentityId, PersonId, PolicyId, ResourceId, RoleId, Subject};
use crate::input::place::{Place, Placed};
use crate::input::time::{Span, Time};
use crate::plan::model::{Action, AssignmentChange, Change, Lifetime, Plan, Target};
use crate::policy::KeyFacts;

pub(crate) fn at<T>(value: T) -> Placed<T> {
    Placed::new(value, Place::line("plan.yaml", 1))
}

pub(crate) fn time(text: &str) -> Time {
    Time::parse(text).unwrap()
}

pub(crate) fn now() -> Time {
    time("2026-11-24T12:00:00Z")
}

pub(crate) fn hours(n: i64) -> Span {
    Span::from_seconds(n * 3_600)
}

pub(crate) fn hours_ago(n: i64) -> Time {
    Time::from_unix(now().unix() - n * 3_600)
}

pub(crate) const TTL_HOURS: i64 = 72;

pub(crate) fn steps(names: &[&str]) -> Vec<StepName> {
    names.iter().map(|n| StepName::new(n).unwrap()).collect()
}

pub(crate) fn needs(names: &[&str]) -> CaseOutcome {
    CaseOutcome::Needs(steps(names))
}

pub(crate) fn denied(mandatory: &[&str], overridable: &[&str]) -> CaseOutcome {
    let ids = |names: &[&str]| names.iter().map(|n| PolicyId::from(*n)).collect();
    CaseOutcome::Denied(Denial {
        mandatory: ids(mandatory),
        unnamed: false,
        overridable: ids(overridable),
        then: steps(&["Owner"]),
    })
}

pub(crate) fn access(action: &str, scope: Option<&str>) -> Access {
    Access {
        action: action.into(),
        resource: "*".into(),
        scope: scope.map(ResourceId::from),
        condition: None,
        until: None,
        exceptions: Vec::new(),
        system: None,
    }
}

pub(crate) fn piece(who: &str, action: &str) -> AccessDelta {
    AccessDelta {
        everything: false,
        subject: Subject::Identity(who.into()),
        access: access(action, None),
        path: [].into(),
        elsewhere: None,
        sensitivity: Sensitivity::Low,
        privileged: None,
        digest: Digest::of(format!("{who} {action}").as_bytes()),
    }
}

pub(crate) fn plan() -> Plan {
    Plan {
        id: at("P1".into()),
        proposer: at("agent:assistant".into()),
        on_behalf_of: Some(at("user:lead".into())),
        task: Some(at("TASK-1".into())),
        intent: at("let it work".into()),
        snapshot: None,
        expires: at(time("2026-11-30T00:00:00Z")),
        made_from: None,
        changes: Vec::new(),
        digest: Digest::of(b"plan"),
        place: Place::file("plan.yaml"),
    }
}

pub(crate) fn assignment(to: &str, role: &str) -> AssignmentChange {
    AssignmentChange {
        to: at(to.into()),
        target: Target::Role(at(role.into())),
        scope: Some(at("db:ledger".into())),
        mode: Some(at(Mode::Active)),
        lifetime: Some(at(Lifetime::Ttl(hours(4)))),
        assignment: None,
    }
}

pub(crate) fn change(id: &str, action: Action) -> Change {
    Change {
        id: at(id.into()),
        action_place: Place::line("plan.yaml", 1),
        action,
        reason: at("the job fails".into()),
        claims: Vec::new(),
        origin: None,
        unknown: Vec::new(),
    }
}

pub(crate) fn grant(id: &str, to: &str, role: &str) -> Change {
    change(id, Action::Grant(assignment(to, role)))
}

pub(crate) fn facts(id: &str) -> ChangeFacts {
    ChangeFacts {
        id: id.into(),
        depends_on: BTreeSet::new(),
        named: ChangeTargets::default(),
        was: None,
        becomes: None,
        assignments: Vec::new(),
        contents: crate::access::model::facts::Contents::default(),
        effects: Effects::default(),
        concerned: Affected::default(),
        privileged: BTreeSet::new(),
        privileged_together: BTreeSet::new(),
        gained_privileged: 0,
        sensitivity: Sensitivity::Low,
        unclassified: 0,
        public: false,
        gives_everything: false,
        outsiders: BTreeSet::new(),
        isolation: crate::access::model::facts::Isolation::default(),
        admin_name: None,
        claims: Vec::new(),
        escalations: Vec::new(),
        already: Vec::new(),
        kept: Vec::new(),
        lost_together: Vec::new(),
        receivers: BTreeSet::new(),
        sod: Vec::new(),
        emergent: Vec::new(),
        in_task_scope: true,
        takes_in_task_scope: true,
        outside: BTreeSet::new(),
        touches_deny: false,
        lifts_deny: false,
        blocked: false,
        reversible: true,
        around: PolicyContext::default(),
    }
}

pub(crate) fn facts_of_grant(id: &str, to: &str, role: &str) -> ChangeFacts {
    let mut f = facts(id);
    f.named.identity = Some(IdentityId::from(to));
    f.named.role = Some(RoleId::from(role));
    f.effects.gained = vec![piece(to, &format!("{role}:use"))];
    f
}

pub(crate) fn analysis() -> Analysis {
    Analysis {
        changes: Vec::new(),
        effects: Effects::default(),
        concerned: Affected::default(),
        gained_privileged: 0,
        escalations: Vec::new(),
        sod: Vec::new(),
        lost_together: Vec::new(),
        emergent: Vec::new(),
        sets_incomplete: false,
        mass_removals: Vec::new(),
        around: PolicyContext::default(),
        before: PolicyContext::default(),
        findings: Vec::new(),
    }
}

/// The document of a grant of a role with these actions to an identity.
pub(crate) fn document(to: &str, role: &str, actions: &[&str]) -> ChangeDocument {
    let mut gained: Vec<Held> = actions
        .iter()
        .map(|a| Held { subject: SubjectRecord::Identity(to.into()), access: access(a, None), already: false })
        .collect();
    gained.sort();
    ChangeDocument {
        action: "grant".into(),
        fields: typed_fields(&Action::Grant(assignment(to, role))),
        plan: "P1".into(),
        expires: time("2026-11-30T00:00:00Z"),
        proposer: "agent:assistant".into(),
        sponsor: None,
        task: None,
        intent: "let it work".into(),
        reason: "the job fails".into(),
        effect: EffectRecord { gained, ..EffectRecord::default() },
        outsiders: BTreeSet::new(),
        privileged: false,
        sensitivity: Sensitivity::Low,
        contradictions: BTreeSet::new(),
        escalations: Vec::new(),
        sod: Vec::new(),
        too_large: false,
        targets: Vec::new(),
        made_from: None,
        unknown: BTreeSet::new(),
    }
}

/// The document of a revoke of such a grant.
pub(crate) fn reduction(to: &str, role: &str) -> ChangeDocument {
    let mut d = document(to, role, &["read"]);
    d.action = "revoke".into();
    d.effect.lost = std::mem::take(&mut d.effect.gained);
    d
}

pub(crate) fn present(id: &str, document: ChangeDocument, outcome: CaseOutcome) -> EvaluatedChange {
    let digested = document.digest().unwrap();
    EvaluatedChange {
        case: CaseId::new("P1", id),
        digest: digested.digest,
        document: digested.document,
        emergent: BTreeSet::new(),
        outcome,
        depends_on: BTreeSet::<ChangeId>::new(),
    }
}

pub(crate) fn simple(id: &str) -> EvaluatedChange {
    present(id, document(&format!("svc:{id}"), "reader", &["read"]), needs(&["Owner"]))
}

/// A decision by `person` with that person's own key, sealed an hour ago.
pub(crate) fn said(
    session: &str,
    index: u64,
    person: &str,
    on: &EvaluatedChange,
    said: ReviewerVerdict,
    can: &[&str],
) -> RecordedDecision {
    RecordedDecision {
        line: Digest::of(format!("{session} {index}").as_bytes()),
        session: SessionRef::new(session),
        index,
        sealed_at: hours_ago(1),
        signer: Signer::new(person, format!("key of {person}")),
        key: KeyFacts {
            kind: "ssh-ed25519".to_owned(),
            security_key: false,
            user_present: false,
            user_verified: false,
        },
        listed_until: None,
        change: on.case.change.clone(),
        digest: on.digest,
        document: Arc::clone(&on.document),
        emergent: on.emergent.clone(),
        said,
        steps: steps(can).into_iter().collect(),
        reason: Some("because".into()),
    }
}

pub(crate) fn yes() -> ReviewerVerdict {
    ReviewerVerdict::Approve { grouped: false }
}

pub(crate) fn aside(policies: &[&str]) -> ReviewerVerdict {
    ReviewerVerdict::Override {
        policies: policies.iter().map(|p| PolicyId::from(*p)).collect(),
        lifts: BTreeSet::new(),
    }
}

pub(crate) fn record(decisions: Vec<RecordedDecision>, parents: &[(&str, &str)]) -> Record {
    let mut record = Record { decisions, ..Record::default() };
    for (child, parent) in parents {
        record.sessions.insert(SessionRef::new(*child), [SessionRef::new(*parent)]);
    }
    record
}

/// Permits everything to everyone, with configurable exceptions.
#[derive(Default)]
pub(crate) struct Site {
    pub(crate) only: BTreeMap<PersonId, BTreeSet<StepName>>,
    pub(crate) overriders: BTreeSet<PersonId>,
    pub(crate) bars: BTreeMap<PersonId, BTreeSet<Bar>>,
}

impl Site {
    pub(crate) fn with_overriders(people: &[&str]) -> Self {
        Self { overriders: people.iter().map(|p| PersonId::from(*p)).collect(), ..Self::default() }
    }
}

impl Judge for Site {
    fn covers(&self, wide: &Access, narrow: &Access) -> bool {
        (wide.action == narrow.action || wide.action.raw() == "*")
            && (wide.scope.is_none() || wide.scope == narrow.scope)
    }
    fn permits(&self, signer: &Signer, _: &KeyFacts, _: &CaseId, step: &StepName) -> bool {
        self.only.get(&signer.person).is_none_or(|steps| steps.contains(step))
    }
    fn permits_override(&self, signer: &Signer, _: &KeyFacts, _: &CaseId) -> bool {
        self.overriders.contains(&signer.person)
    }
    fn bars(&self, person: &PersonId, _: &CaseId) -> BTreeSet<Bar> {
        self.bars.get(person).cloned().unwrap_or_default()
    }
    fn could_take(&self, _: &CaseId, step: &StepName) -> BTreeSet<PersonId> {
        self.only.iter().filter(|(_, s)| s.contains(step)).map(|(p, _)| p.clone()).collect()
    }
}

/// The change of an export line.
pub(crate) fn exported(on: &EvaluatedChange) -> ExportedChange {
    let line = Digest::of(b"export");
    ExportedChange { line, number: 3, change: on.case.change.clone(), document: Some(Arc::clone(&on.document)) }
}
