//! Snapshots and plans as values.
#![expect(
    missing_docs,
    clippy::must_use_candidate,
    clippy::return_self_not_must_use,
    clippy::missing_panics_doc,
    reason = "a test builder: each function is named after what it adds"
)]

use std::collections::BTreeSet;

use crate::access::model::facts::{AccessDelta, Analysis, ChangeFacts};
use crate::access::{AnalysisRequest, Data, Index, PendingChange, TaskScope, analyse};
use crate::input::digest::Digest;
use crate::input::entitlement::{Effect, Except, IdentityKind, Mode, Permission, Requirement, Sensitivity};
use crate::input::finding::{Code, Finding};
use crate::input::id::ChangeId;
use crate::input::place::{Place, Placed};
use crate::input::time::{Span, Time};
use crate::plan::model::{
    Action, AssignmentChange, Change, Claim, CredentialIssue, Lifetime, Plan, RoleDefinition, Target, TrustDefinition,
};
use crate::snapshot::model::{
    Assignment, Credential, Group, Identity, Limit, MembersKnown, Resource, Role, Snapshot, Status, Trust, TrustRule,
};

pub const TAKEN_AT: i64 = 1_000_000;
pub const EXPIRES: i64 = 1_500_000;

pub fn at(seconds: i64) -> Time {
    Time::from_unix(seconds)
}

pub fn snapshot(source: &str) -> Snapshot {
    let empty = Snapshot::empty(source, at(TAKEN_AT));
    empty.identity("agent", IdentityKind::Agent)
}

impl Snapshot {
    pub fn identity(mut self, id: &str, kind: IdentityKind) -> Self {
        self.identities.push(Identity {
            id: id.into(),
            kind,
            owner: None,
            status: Status::Active,
            last_used: None,
            labels: std::collections::BTreeMap::default(),
            environment: None,
            limits: Vec::new(),
        });
        self
    }
    pub fn human(self, id: &str) -> Self {
        self.identity(id, IdentityKind::Human)
    }
    /// Bounds the last identity by roles.
    pub fn limited(mut self, name: &str, roles: &[&str], bounds_resources: bool) -> Self {
        self.identities.last_mut().unwrap().limits.push(Limit {
            name: name.into(),
            roles: roles.iter().map(|r| (*r).into()).collect(),
            bounds_resources,
        });
        self
    }
    pub fn disabled(mut self, id: &str) -> Self {
        self = self.human(id);
        self.identities.last_mut().unwrap().status = Status::Disabled;
        self
    }
    pub fn group(mut self, id: &str, members: &[&str]) -> Self {
        self.groups.push(Group {
            id: id.into(),
            members: members.iter().map(|m| (*m).into()).collect(),
            nested: Vec::new(),
            implicit: Vec::new(),
            members_known: MembersKnown::Known,
            owner: None,
            public: false,
        });
        self
    }
    pub fn nested(mut self, id: &str, groups: &[&str]) -> Self {
        self = self.group(id, &[]);
        self.groups.last_mut().unwrap().nested = groups.iter().map(|g| (*g).into()).collect();
        self
    }
    pub fn implicit(mut self, id: &str, pattern: &str, known: MembersKnown) -> Self {
        self = self.group(id, &[]);
        let group = self.groups.last_mut().unwrap();
        group.implicit.push(pattern.to_owned());
        group.members_known = known;
        self
    }
    pub fn unknown_group(mut self, id: &str) -> Self {
        self = self.group(id, &[]);
        self.groups.last_mut().unwrap().members_known = MembersKnown::Unknown;
        self
    }
    pub fn role(mut self, id: &str, permissions: &[Permission]) -> Self {
        self.roles.push(Role {
            id: id.into(),
            includes: Vec::new(),
            permissions: permissions.to_vec(),
            owner: None,
            sensitivity: None,
            kinds: Vec::new(),
            by_resource: false,
            delegated: false,
            system: None,
        });
        self
    }
    pub fn including(mut self, id: &str, permissions: &[Permission], includes: &[&str]) -> Self {
        self = self.role(id, permissions);
        self.roles.last_mut().unwrap().includes = includes.iter().map(|i| (*i).into()).collect();
        self
    }
    /// Labels the last role.
    pub fn labelled(mut self, sensitivity: Sensitivity) -> Self {
        self.roles.last_mut().unwrap().sensitivity = Some(sensitivity);
        self
    }
    pub fn resource(mut self, id: &str, parent: Option<&str>) -> Self {
        self.resources.push(Resource { parent: parent.map(Into::into), ..Resource::new(id.into()) });
        self
    }
    pub fn held(mut self, id: &str, who: &str, role: &str, scope: Option<&str>) -> Self {
        self.assignments.push(Assignment {
            id: id.into(),
            who: who.into(),
            role: Some(role.into()),
            member_of: None,
            scope: scope.map(Into::into),
            mode: Mode::Standing,
            until: None,
            granted_at: None,
            last_used: None,
            task: None,
        });
        self
    }
    pub fn joined(mut self, id: &str, who: &str, group: &str) -> Self {
        self = self.held(id, who, "", None);
        let a = self.assignments.last_mut().unwrap();
        (a.role, a.member_of) = (None, Some(group.into()));
        self
    }
    /// Alters the last assignment.
    pub fn mode(mut self, mode: Mode, until: Option<i64>) -> Self {
        let a = self.assignments.last_mut().unwrap();
        (a.mode, a.until) = (mode, until.map(at));
        self
    }
    pub fn trust(mut self, id: &str, from: &str, to: &str, requires: Option<(&str, &str)>) -> Self {
        self.trusts.push(Trust {
            id: id.into(),
            from: from.into(),
            to: to.into(),
            via: "assume".into(),
            requires: requires.map(|(action, resource)| Requirement {
                action: action.into(),
                resource: resource.into(),
                scope: None,
                system: None,
            }),
            condition: None,
            system: None,
        });
        self
    }
    pub fn rule(mut self, id: &str, to: &str, action: &str, resource: &str, scope: Option<&str>) -> Self {
        self.trust_rules.push(TrustRule {
            id: id.into(),
            via: "rule".into(),
            to: to.into(),
            action: action.into(),
            resource: resource.into(),
            scope: scope.map(Into::into),
            with: Vec::new(),
            system: None,
        });
        self
    }
    /// Demands that the holder of the last rule holds this as well.
    pub fn with(mut self, action: &str, resource: &str) -> Self {
        let (action, resource) = (action.into(), resource.into());
        let requirement = Requirement { action, resource, scope: None, system: None };
        self.trust_rules.last_mut().unwrap().with.push(requirement);
        self
    }
    pub fn credential(mut self, id: &str, identity: &str) -> Self {
        self.credentials.push(Credential {
            id: id.into(),
            identity: identity.into(),
            kind: "token".into(),
            issued_at: None,
            until: None,
            last_used: None,
        });
        self
    }
}

pub fn allow(action: &str, resource: &str) -> Permission {
    Permission::allow(action, resource)
}
pub fn deny(action: &str, resource: &str) -> Permission {
    Permission { effect: Effect::Deny, ..allow(action, resource) }
}
/// A permission that leaves something out.
pub fn except(permission: Permission, left_out: &[(&str, &str)]) -> Permission {
    let except = left_out.iter().map(|(a, r)| Except { action: (*a).into(), resource: (*r).into() });
    Permission { except: except.collect(), ..permission }
}
pub fn when(permission: Permission, condition: &str) -> Permission {
    Permission { condition: Some(condition.into()), ..permission }
}

pub fn p<T>(value: T) -> Placed<T> {
    Placed::new(value, Place::line("plan.yaml", 1))
}
pub fn role(id: &str) -> Target {
    Target::Role(p(id.into()))
}
pub fn member(id: &str) -> Target {
    Target::MemberOf(p(id.into()))
}
pub fn to(who: &str, target: Target, scope: Option<&str>) -> AssignmentChange {
    AssignmentChange {
        to: p(who.into()),
        target,
        scope: scope.map(|s| p(s.into())),
        mode: None,
        lifetime: None,
        assignment: None,
    }
}
pub fn grant(who: &str, id: &str, scope: Option<&str>) -> Action {
    Action::Grant(to(who, role(id), scope))
}
pub fn grant_as(who: &str, id: &str, mode: Mode, lifetime: Option<Lifetime>) -> Action {
    Action::Grant(AssignmentChange { mode: Some(p(mode)), lifetime: lifetime.map(p), ..to(who, role(id), None) })
}
pub fn adjust(who: &str, id: &str, mode: Option<Mode>, lifetime: Option<Lifetime>) -> Action {
    Action::Adjust(AssignmentChange { mode: mode.map(p), lifetime: lifetime.map(p), ..to(who, role(id), None) })
}
pub fn join(who: &str, group: &str) -> Action {
    Action::Grant(to(who, member(group), None))
}
pub fn revoke(who: &str, id: &str, scope: Option<&str>) -> Action {
    Action::Revoke(to(who, role(id), scope))
}
pub fn ttl(seconds: i64) -> Lifetime {
    Lifetime::Ttl(Span::from_seconds(seconds))
}
pub fn add(id: &str, permission: Permission) -> Action {
    Action::AddPermission(p(id.into()), p(permission))
}
pub fn remove(id: &str, permission: Permission) -> Action {
    Action::RemovePermission(p(id.into()), p(permission))
}
pub fn define(id: &str, permissions: &[Permission], includes: &[&str]) -> RoleDefinition {
    RoleDefinition {
        role: p(id.into()),
        includes: includes.iter().map(|i| p((*i).into())).collect(),
        permissions: permissions.iter().cloned().map(p).collect(),
        owner: None,
        sensitivity: None,
        kinds: Vec::new(),
        by_resource: None,
    }
}
pub fn add_trust(id: &str, from: &str, target: &str) -> Action {
    Action::AddTrust(TrustDefinition {
        trust: p(id.into()),
        from: p(from.into()),
        to: p(target.into()),
        via: p("assume".into()),
        requires: None,
        condition: None,
    })
}
pub fn issue(id: &str, identity: &str, deliver_to: &str, lifetime: Option<Lifetime>) -> Action {
    Action::IssueCredential(CredentialIssue {
        credential: p(id.into()),
        identity: p(identity.into()),
        kind: p("token".into()),
        deliver_to: p(deliver_to.into()),
        lifetime: lifetime.map(p),
    })
}

pub fn plan(changes: Vec<(&str, Action)>) -> Plan {
    Plan {
        id: p("PLAN".into()),
        proposer: p("agent".into()),
        on_behalf_of: None,
        task: None,
        intent: p("test".into()),
        snapshot: None,
        expires: p(at(EXPIRES)),
        made_from: None,
        changes: changes
            .into_iter()
            .map(|(id, action)| Change {
                id: p(id.into()),
                action_place: Place::line("plan.yaml", 2),
                action,
                reason: p("because".into()),
                claims: Vec::new(),
                origin: None,
                unknown: Vec::new(),
            })
            .collect(),
        digest: Digest::of(b""),
        place: Place::file("plan.yaml"),
    }
}

/// A change of another plan that was approved.
pub fn approved(plan_id: &str, id: &str, action: Action) -> PendingChange {
    let plan = plan(vec![(id, action)]);
    let proposer = plan.proposer.value.clone();
    let change = plan.changes.into_iter().next().unwrap();
    PendingChange { plan: plan_id.into(), proposer, at: at(TAKEN_AT), expires: at(EXPIRES), change }
}

pub fn claiming(mut plan: Plan, claims: Vec<Claim>) -> Plan {
    plan.changes[0].claims = claims.into_iter().map(p).collect();
    plan
}

pub struct Run<'r> {
    pub data: &'r Data,
    pub task: Option<&'r TaskScope>,
    pub people: &'r [BTreeSet<crate::input::id::IdentityId>],
    pub now: Time,
    pub only: Option<&'r BTreeSet<ChangeId>>,
    pub approved: &'r [PendingChange],
    pub budget: crate::access::Budget,
}

impl Default for Run<'_> {
    fn default() -> Self {
        static NONE: std::sync::OnceLock<Data> = std::sync::OnceLock::new();
        Self {
            data: NONE.get_or_init(Data::default),
            task: None,
            people: &[],
            now: at(TAKEN_AT),
            only: None,
            approved: &[],
            budget: crate::access::Budget::default(),
        }
    }
}

impl Run<'_> {
    pub fn on(&self, snapshot: &Snapshot, plan: &Plan) -> Result<Analysis, Vec<Finding>> {
        let index = Index::new(snapshot);
        analyse(&self.question(plan, snapshot, &index))
    }

    pub fn question<'q, 's>(
        &'q self,
        plan: &'q Plan,
        snapshot: &'s Snapshot,
        index: &'q Index<'s>,
    ) -> AnalysisRequest<'q, 's> {
        AnalysisRequest {
            plan,
            snapshot,
            index,
            data: self.data,
            task: self.task,
            people: self.people,
            now: self.now,
            only: self.only,
            approved: self.approved,
            budget: self.budget,
        }
    }
}

pub fn run(snapshot: &Snapshot, changes: Vec<(&str, Action)>) -> Analysis {
    Run::default().on(snapshot, &plan(changes)).unwrap()
}

/// The facts of the only change.
pub fn one(snapshot: &Snapshot, action: Action) -> ChangeFacts {
    run(snapshot, vec![("c1", action)]).changes.remove(0)
}

pub fn refused(snapshot: &Snapshot, changes: Vec<(&str, Action)>) -> Vec<Code> {
    Run::default().on(snapshot, &plan(changes)).unwrap_err().iter().map(|f| f.code).collect()
}

/// `subject action resource[@scope]`, with `<END` where it ends.
pub fn brief(pieces: &[AccessDelta]) -> Vec<String> {
    let brief = |piece: &AccessDelta| {
        let a = &piece.access;
        let scope = a.scope.as_ref().map_or_else(String::new, |s| format!("@{}", s.as_str()));
        let until = a.until.map_or_else(String::new, |t| format!("<{}", t.unix()));
        let except = if a.exceptions.is_empty() { "" } else { "!" };
        let condition = if a.condition.is_some() { "?" } else { "" };
        let (s, a, r) = (piece.subject.as_str(), a.action.raw(), a.resource.raw());
        format!("{s} {a} {r}{scope}{until}{except}{condition}")
    };
    pieces.iter().map(brief).collect()
}
