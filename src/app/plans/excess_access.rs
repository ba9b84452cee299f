//! Access of an agent beyond what `agents.yaml` allows.

use crate::access;
use crate::access::Index;
use crate::input::finding::{Code, Finding};
use crate::input::text::Text;

/// The access that an agent itself may have by agents.yaml.
pub(crate) fn may_hold(agent: &crate::config::Agent) -> Vec<access::MayHold> {
    use crate::config::AgentHolding;
    agent
        .may_hold
        .iter()
        .map(|holding| match &holding.value {
            AgentHolding::Role(role, scope) => access::MayHold::Role(role.clone(), scope.clone()),
            AgentHolding::MemberOf(group, scope) => access::MayHold::MemberOf(group.clone(), scope.clone()),
            AgentHolding::Access { action, resource, scope } => {
                access::MayHold::Access(action.clone(), resource.clone(), scope.clone())
            }
        })
        .collect()
}

/// An example of a proposer's access beyond agents.yaml. A person who is not listed there has no such limit.
#[must_use]
pub fn beyond(index: &Index<'_>, agent: &crate::config::Agent) -> Option<Text> {
    let is_asked = !agent.is_person || !agent.may_hold.is_empty();
    is_asked.then(|| crate::access::queries::excess::overbroad(index, &agent.id.value, &may_hold(agent)))?
}

/// The finding about an agent with more access than it may have, with an example.
#[must_use]
pub fn finding(what: &str, id: &str, example: &Text) -> Finding {
    Finding::new(
        Code::AgentOverbroad,
        format!("{what} `{id}` has more access than agents.yaml allows: {}", example.raw()),
    )
    .help("revoke that access, or add it to `may_hold`")
}
