//! Tests of the room: a small world that each test bends, and the tables over it.

#![expect(
    clippy::semicolon_if_nothing_returned,
    clippy::type_complexity,
    clippy::case_sensitive_file_extension_comparisons,
    clippy::too_many_lines,
    clippy::needless_raw_string_hashes,
    clippy::format_collect,
    reason = "tables of closures and policies read better so"
)]

mod advice;
mod approving;
mod asked;
mod covering;
mod outcomes;
mod packs;
mod shipped;
mod store;

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::access::model::facts::*;
use crate::input::digest::Digest;
use crate::input::entitlement::{IdentityKind, Mode, Sensitivity};
use crate::input::id::{IdentityId, PersonId, Subject};
use crate::input::place::{Place, Placed};
use crate::input::text::Text;
use crate::input::time::{Span, Time};
use crate::plan::model::*;
use crate::snapshot::model::{MembersKnown, Status};

pub(super) fn at<T>(value: T) -> Placed<T> {
    Placed::new(value, Place::file("plan.yaml"))
}

pub(super) fn span(text: &str) -> Span {
    Span::parse(text).unwrap()
}

pub(super) fn now() -> Time {
    Time::from_unix(1_900_000_000)
}

/// Everything that a question needs, to be bent by a test.
#[derive(Clone)]
pub(super) struct World {
    pub plan: Plan,
    pub analysis: Analysis,
    pub persons: Vec<PersonView>,
    pub parameters: PolicyParameters,
    pub proof: Proof,
    pub task: Option<TaskView>,
    pub history: BTreeMap<crate::input::id::ChangeId, History>,
    pub key: KeyFacts,
    pub approver: PersonId,
}

pub(super) fn identity(kind: IdentityKind) -> IdentityView {
    IdentityView {
        kind,
        status: Status::Active,
        owner: None,
        privileged: false,
        last_used: None,
        groups: BTreeSet::new(),
        roles: BTreeSet::new(),
    }
}

pub(super) fn group(known: MembersKnown) -> GroupView {
    GroupView { owner: None, members_known: known, groups: BTreeSet::new(), roles: BTreeSet::new() }
}

pub(super) fn role() -> RoleView {
    RoleView {
        owner: None,
        sensitivity: Sensitivity::Low,
        privileged: false,
        kinds: BTreeSet::new(),
        includes: BTreeSet::new(),
    }
}

pub(super) fn piece(subject: Subject, until: Option<Time>) -> AccessDelta {
    AccessDelta {
        everything: false,
        subject,
        access: Access {
            action: "get".into(),
            resource: "core:pods#*".into(),
            scope: Some("ns:a".into()),
            condition: None,
            until,
            exceptions: Vec::new(),
            system: None,
        },
        path: [].into(),
        elsewhere: None,
        sensitivity: Sensitivity::Low,
        privileged: None,
        digest: Digest::of(b"piece"),
    }
}

pub(super) fn person(id: &str, identities: &[&str], groups: &[&str]) -> PersonView {
    PersonView {
        id: id.into(),
        identities: identities.iter().map(|i| IdentityId::from(*i)).collect(),
        groups: groups.iter().map(|g| (*g).to_owned()).collect(),
        listed_groups: BTreeSet::new(),
        owns: BTreeSet::new(),
    }
}

pub(super) fn assignment(to: &str, role: &str) -> AssignmentChange {
    AssignmentChange {
        to: at(Text::from(to)),
        target: Target::Role(at(role.into())),
        scope: Some(at("ns:a".into())),
        mode: Some(at(Mode::Active)),
        lifetime: Some(at(Lifetime::Ttl(span("1h")))),
        assignment: None,
    }
}

impl World {
    /// An assistant lends `viewer` in `ns:a` to `user:bob` for an hour, within an open task. Ordinary in every way.
    pub(super) fn new() -> Self {
        let before = PolicyContext {
            identities: BTreeMap::from([
                ("agent:a".into(), identity(IdentityKind::Agent)),
                ("user:sponsor".into(), identity(IdentityKind::Human)),
                ("user:sec".into(), identity(IdentityKind::Human)),
                ("user:own".into(), identity(IdentityKind::Human)),
            ]),
            ..PolicyContext::default()
        };
        let around = PolicyContext {
            identities: BTreeMap::from([
                ("user:bob".into(), identity(IdentityKind::Human)),
                ("sa:a/ci".into(), identity(IdentityKind::ServiceAccount)),
                ("user:sponsor".into(), identity(IdentityKind::Human)),
                ("agent:a".into(), identity(IdentityKind::Agent)),
            ]),
            groups: BTreeMap::from([("team".into(), group(MembersKnown::Known))]),
            roles: BTreeMap::from([("viewer".into(), role())]),
            resources: BTreeMap::from([(
                "ns:a".into(),
                ResourceView { sensitivity: Sensitivity::Low, owner: None, ancestors: BTreeSet::new() },
            )]),
        };
        let until = Some(now().plus(span("1h")));
        let facts = ChangeFacts {
            id: "c1".into(),
            depends_on: BTreeSet::new(),
            named: ChangeTargets {
                identity: Some("user:bob".into()),
                role: Some("viewer".into()),
                scope: Some("ns:a".into()),
                ..ChangeTargets::default()
            },
            was: None,
            becomes: Some(AssignmentTerms { mode: Mode::Active, until, ttl: Some(span("1h")) }),
            assignments: Vec::new(),
            contents: crate::access::model::facts::Contents::default(),
            effects: Effects { gained: vec![piece(Subject::Identity("user:bob".into()), until)], ..Effects::default() },
            concerned: Affected {
                identities: 1,
                at_least: false,
                kinds: BTreeSet::from([IdentityKind::Human]),
                unknown_groups: BTreeSet::new(),
                untold: Truncated::default(),
            },
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
            around: around.clone(),
        };
        let plan = Plan {
            id: at("PLAN-1".into()),
            proposer: at("agent:a".into()),
            on_behalf_of: Some(at("user:sponsor".into())),
            task: Some(at("TASK-1".into())),
            intent: at(Text::from("look at pods")),
            snapshot: None,
            expires: at(now().plus(span("7d"))),
            made_from: None,
            changes: vec![Change {
                id: at("c1".into()),
                action_place: Place::file("plan.yaml"),
                action: Action::Grant(assignment("user:bob", "viewer")),
                reason: at(Text::from("because")),
                claims: Vec::new(),
                origin: None,
                unknown: Vec::new(),
            }],
            digest: Digest::of(b"plan"),
            place: Place::file("plan.yaml"),
        };
        let analysis = Analysis {
            effects: facts.effects.clone(),
            concerned: facts.concerned.clone(),
            gained_privileged: 0,
            escalations: Vec::new(),
            sod: Vec::new(),
            lost_together: Vec::new(),
            emergent: Vec::new(),
            sets_incomplete: false,
            mass_removals: Vec::new(),
            around,
            before,
            findings: Vec::new(),
            changes: vec![facts],
        };
        Self {
            plan,
            analysis,
            persons: vec![
                person("sec", &["user:sec"], &["identity-security", "owners", "break-glass"]),
                person("sponsor", &["user:sponsor"], &["owners"]),
                person("own", &["user:own"], &[]),
            ],
            parameters: PolicyParameters {
                max_ttl: span("7d"),
                max_privileged_ttl: span("8h"),
                max_credential_ttl: span("24h"),
                stale_after: span("90d"),
                require_security_key: false,
            },
            proof: Proof {
                method: "ssh-certificate".to_owned(),
                proven: Some("agent:a".into()),
                credential_ttl: Some(span("1h")),
                ..Proof::none()
            },
            task: Some(TaskView {
                id: "TASK-1".into(),
                owner: Some("user:sponsor".into()),
                open: true,
                until: Some(now().plus(span("7d"))),
                goes_on: true,
                agents: BTreeSet::from(["agent:a".into()]),
                sponsors: BTreeSet::from(["user:sponsor".into()]),
                scopes: BTreeSet::from(["ns:a".into()]),
            }),
            history: BTreeMap::new(),
            key: KeyFacts {
                kind: "ssh-ed25519".to_owned(),
                security_key: false,
                user_present: false,
                user_verified: false,
            },
            approver: "sec".into(),
        }
    }

    pub(super) fn facts(&mut self) -> &mut ChangeFacts {
        &mut self.analysis.changes[0]
    }

    pub(super) fn action(&mut self, action: Action) {
        self.plan.changes[0].action = action;
    }

    pub(super) fn with<R>(&self, f: impl FnOnce(&PolicyInput<'_>) -> R) -> R {
        let people = PeopleView::new(self.persons.clone());
        let appointed = Appointed::of(&self.plan);
        f(&PolicyInput {
            plan: &self.plan,
            analysis: &self.analysis,
            appointed: &appointed,
            people: &people,
            parameters: self.parameters,
            proof: &self.proof,
            task: self.task.as_ref(),
            history: &self.history,
            now: now(),
        })
    }

    pub(super) fn judge(&self, pack: &Pack) -> Judged {
        self.with(|matter| outcome(pack, matter, 0))
    }

    pub(super) fn may(&self, pack: &Pack, who: &str) -> Permitted {
        self.with(|matter| may_approve(pack, matter, 0, &who.into(), &self.key))
    }
}

pub(super) fn pack() -> Pack {
    Pack::load(Pack::shipped(), None).unwrap()
}

/// The shipped pack with more policies.
pub(super) fn pack_and(more: &str) -> Pack {
    load_and(more).unwrap()
}

pub(super) fn load_and(more: &str) -> Result<Pack, Vec<crate::input::finding::Finding>> {
    let mut files = Pack::shipped().to_vec();
    files.push(PolicyFile { path: "policies/site.cedar", bytes: more.as_bytes() });
    Pack::load(&files, None)
}

pub(super) fn ids(hits: &[PolicyHit]) -> Vec<&str> {
    hits.iter().map(|hit| hit.policy.as_str()).collect()
}

/// A policy with all its annotations.
pub(super) fn policy(id: &str, enforcement: &str, body: &str) -> String {
    format!(
        "@id(\"{id}\") @title(\"t\") @advice(\"a\") @control(\"c\") @severity(\"low\") @enforcement(\"{enforcement}\")\n{body}\n"
    )
}
