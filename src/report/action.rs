//! The effect of a change's action, in one sentence.

use crate::input::id::Subject;
use crate::input::place::Placed;
use crate::input::text::Text;
use crate::plan::model::{Action, AssignmentChange, Change, GroupMembers, Lifetime, Owned, RoleDefinition, Target};
use crate::report::sentence::{Sentence, counted, permission, scope, subject};

/// The effect of a change's action. `about` is the subject in the snapshot, if known.
#[must_use]
pub fn action(change: &Change, about: Option<&Subject>) -> Sentence {
    let mut out = known(change, about);
    for (at, name) in change.unknown.iter().enumerate() {
        out = out.own(if at == 0 { "; unknown until it is applied: " } else { ", " }).name(&name.value);
    }
    out
}

fn known(change: &Change, about: Option<&Subject>) -> Sentence {
    let say = Sentence::of;
    match &change.action {
        Action::Grant(to) => assignment("grant ", to, " to ", about),
        Action::Revoke(to) => assignment("revoke ", to, " from ", about),
        Action::Adjust(to) => assignment("adjust ", to, " of ", about),
        Action::CreateRole(role) => definition("create role ", role),
        Action::SetRole(role) => definition("redefine role ", role),
        Action::DeleteRole(role) => say("delete role ").id(&role.value),
        Action::AddPermission(role, what) => {
            say("let role ").id(&role.value).then(permission(&what.value, " allow ", " deny "))
        }
        Action::RemovePermission(role, what) => {
            say("let role ").id(&role.value).then(permission(&what.value, " no longer allow ", " no longer deny "))
        }
        Action::AddInclude(role, other) => say("let role ").id(&role.value).own(" include role ").id(&other.value),
        Action::RemoveInclude(role, other) => {
            say("let role ").id(&role.value).own(" no longer include role ").id(&other.value)
        }
        Action::CreateGroup(group) => say("create group ")
            .id(&group.group.value)
            .maybe(group.members.as_ref(), |s, members| s.own(members_of(members.value)))
            .then(implicit(&group.implicit))
            .maybe(group.owner.as_ref(), |s, owner| s.own(", owned by ").id(&owner.value)),
        Action::DeleteGroup(group) => say("delete group ").id(&group.value),
        Action::CreateIdentity(id, kind, owner) => say("create ")
            .own(kind.value.name().replace('_', " "))
            .own(" ")
            .id(&id.value)
            .maybe(owner.as_ref(), |s, owner| s.own(", owned by ").id(&owner.value)),
        Action::DisableIdentity(id) => say("disable identity ").id(&id.value),
        Action::DeleteIdentity(id) => say("delete identity ").id(&id.value),
        Action::SetOwner(what, owner) => say("make ").id(&owner.value).own(" the owner of ").then(owned(what)),
        Action::CreateResource(id, parent, owner, sensitivity) => say("create resource ")
            .id(&id.value)
            .maybe(parent.as_ref(), |s, parent| s.own(" in ").id(&parent.value))
            .maybe(owner.as_ref(), |s, owner| s.own(", owned by ").id(&owner.value))
            .maybe(sensitivity.as_ref(), |s, level| s.own(", sensitivity ").own(level.value.name())),
        Action::DeleteResource(id) => say("delete resource ").id(&id.value),
        Action::AddTrust(trust) => say("let ")
            .name(&trust.from.value)
            .own(" act as ")
            .name(&trust.to.value)
            .own(" via ")
            .name(&trust.via.value)
            .own(" (trust ")
            .id(&trust.trust.value)
            .own(")")
            .maybe(trust.requires.as_ref(), |s, needs| {
                s.own(", for holders of ")
                    .name(&needs.value.action)
                    .own(" on ")
                    .name(&needs.value.resource)
                    .maybe(needs.value.scope.as_ref(), |s, scope| s.own(" in ").id(scope))
            })
            .maybe(trust.condition.as_ref(), |s, condition| s.own(", on the condition ").name(&condition.value)),
        Action::RemoveTrust(id) => say("remove trust ").id(&id.value),
        Action::IssueCredential(issue) => say("issue ")
            .name(&issue.kind.value)
            .own(" ")
            .id(&issue.credential.value)
            .own(" of identity ")
            .id(&issue.identity.value)
            .own(" to ")
            .name(&issue.deliver_to.value)
            .then(lifetime(issue.lifetime.as_ref().map(|l| l.value))),
        Action::RotateCredential(id, to, life) => say("rotate credential ")
            .id(&id.value)
            .maybe(to.as_ref(), |s, to| s.own(", delivered to ").name(&to.value))
            .then(lifetime(life.as_ref().map(|l| l.value))),
        Action::RevokeCredential(id) => say("revoke credential ").id(&id.value),
        Action::SuppressFinding(id) => say("silence finding ").id(&id.value).own(" of the source system"),
    }
}

fn assignment(verb: &'static str, it: &AssignmentChange, link: &'static str, about: Option<&Subject>) -> Sentence {
    let what = match &it.target {
        Target::Role(role) => Sentence::of("role ").id(&role.value),
        Target::MemberOf(group) => Sentence::of("membership of group ").id(&group.value),
    };
    let who = match about {
        Some(about) => subject(about),
        None => Sentence::new().name(&it.to.value),
    };
    Sentence::of(verb)
        .then(what)
        .own(link)
        .then(who)
        .own(" ")
        .then(scope(it.scope.as_ref().map(|s| &s.value)))
        .then(lifetime(it.lifetime.as_ref().map(|l| l.value)))
        .maybe(it.mode.as_ref(), |s, mode| s.own(", ").own(mode.value.name()))
        .maybe(it.assignment.as_ref(), |s, id| s.own(" (assignment ").id(&id.value).own(")"))
}

fn members_of(members: GroupMembers) -> &'static str {
    match members {
        GroupMembers::Known => "",
        GroupMembers::Partial => ", with more members than are known",
        GroupMembers::Unknown => ", with unknown members",
        GroupMembers::Everybody => ", with everybody as a member",
    }
}

fn implicit(patterns: &[Placed<Text>]) -> Sentence {
    let mut out = Sentence::new();
    for (at, pattern) in patterns.iter().enumerate() {
        out = out.own(if at == 0 { ", with every identity that matches " } else { ", " }).name(&pattern.value);
    }
    out
}

fn lifetime(life: Option<Lifetime>) -> Sentence {
    match life {
        Some(Lifetime::Ttl(span)) => Sentence::of(format!(" for {span}")),
        Some(Lifetime::Until(time)) => Sentence::of(format!(" until {time}")),
        None => Sentence::new(),
    }
}

fn definition(verb: &'static str, role: &RoleDefinition) -> Sentence {
    let permissions = u64::try_from(role.permissions.len()).unwrap_or(u64::MAX);
    let mut out =
        Sentence::of(verb).id(&role.role.value).own(" with ").own(counted(permissions, "permission", "permissions"));
    for (at, include) in role.includes.iter().enumerate() {
        out = out.own(if at == 0 { ", including role " } else { ", " }).id(&include.value);
    }
    let kinds: Vec<&str> = role.kinds.iter().map(|kind| kind.value.name()).collect();
    if !kinds.is_empty() {
        out = out.own(format!(", for {}", kinds.join(", ").replace('_', " ")));
    }
    if role.by_resource.as_ref().is_some_and(|it| it.value) {
        out = out.own(", by the policy of a resource");
    }
    out.maybe(role.owner.as_ref(), |s, owner| s.own(", owned by ").id(&owner.value))
        .maybe(role.sensitivity.as_ref(), |s, level| s.own(format!(", labelled {}", level.value.name())))
}

fn owned(what: &Owned) -> Sentence {
    match what {
        Owned::Identity(id) => Sentence::of("identity ").id(&id.value),
        Owned::Group(id) => Sentence::of("group ").id(&id.value),
        Owned::Role(id) => Sentence::of("role ").id(&id.value),
        Owned::Resource(id) => Sentence::of("resource ").id(&id.value),
    }
}
