//! A plan that revokes access. Like any plan, its proposer signs it and people review it.

use anyhow::bail;

use crate::app::io::command_error::hinted;
use crate::config::Agents;
use crate::input::id::{AssignmentId, GroupId, IdentityId, PlanId, ResourceId, RoleId, TaskId};
use crate::input::place::{Place, Placed};
use crate::input::text::Text;
use crate::input::time::{Span, Time};
use crate::plan::model::{Action, AssignmentChange, Target};
use crate::plan::write::{self, NewChange, NewPlan};

/// How long the plan may be proposed.
const PROPOSE_DAYS: u32 = 7;

/// An access to revoke. It is a role or a membership; without either there is nothing to revoke.
#[derive(Clone, Debug)]
pub(crate) struct Revocation {
    pub(crate) who: Text,
    pub(crate) role: Option<RoleId>,
    pub(crate) group: Option<GroupId>,
    pub(crate) scope: Option<ResourceId>,
    pub(crate) assignment: Option<AssignmentId>,
    pub(crate) reason: String,
}

/// What the plan says of itself.
#[derive(Clone, Debug)]
pub(crate) struct RevokingPlan {
    pub(crate) id: String,
    pub(crate) change_prefix: &'static str,
    pub(crate) proposer: IdentityId,
    pub(crate) on_behalf_of: Option<IdentityId>,
    pub(crate) task: Option<TaskId>,
    pub(crate) intent: String,
}

/// Who proposes a plan: the one that is named, otherwise the only agent of `agents.yaml`.
///
/// # Errors
/// If none is named and there is not exactly one.
pub(crate) fn proposer(agents: &Agents, named: Option<&str>) -> anyhow::Result<IdentityId> {
    let mut all = agents.all().iter().filter(|agent| !agent.is_person);
    match (named, all.next(), all.next()) {
        (Some(named), ..) => Ok(IdentityId::new(named)),
        (None, Some(only), None) => Ok(only.id.value.clone()),
        (None, ..) => bail!(hinted("the plan needs a proposer", "choose one from agents.yaml with `--proposer ID`")),
    }
}

/// Writes the plan.
///
/// # Errors
/// If it cannot be serialised.
pub(crate) fn plan(of: RevokingPlan, revocations: &[Revocation], now: Time) -> anyhow::Result<String> {
    fn placed<T>(value: T) -> Placed<T> {
        Placed::new(value, Place::file("revocations"))
    }
    let mut changes = Vec::new();
    for it in revocations {
        let target = match (&it.role, &it.group) {
            (Some(role), _) => Target::Role(placed(role.clone())),
            (None, Some(group)) => Target::MemberOf(placed(group.clone())),
            (None, None) => continue,
        };
        let id = format!("{}-{}", of.change_prefix, changes.len().saturating_add(1));
        let action = Action::Revoke(AssignmentChange {
            to: placed(it.who.clone()),
            target,
            scope: it.scope.clone().map(placed),
            mode: None,
            lifetime: None,
            assignment: it.assignment.clone().map(placed),
        });
        changes.push(NewChange::new(id, action, it.reason.clone()));
    }
    Ok(write::write(&NewPlan {
        id: PlanId::new(of.id),
        proposer: of.proposer,
        on_behalf_of: of.on_behalf_of,
        task: of.task,
        intent: of.intent,
        expires: now.plus(Span::from_days(PROPOSE_DAYS)),
        made_from: None,
        changes,
    })?)
}
