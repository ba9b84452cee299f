//! Access that an agent holds beyond what `agents.yaml` allows it.

use crate::access;
use crate::access::Index;
use crate::input::finding::{Code, Finding};
use crate::input::text::Text;

/// What agents.yaml says an agent may itself hold.
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

/// An example of what a proposer holds beyond what agents.yaml says; a person of whom it says nothing holds what they hold.
#[must_use]
pub fn beyond(index: &Index<'_>, agent: &crate::config::Agent) -> Option<Text> {
    let is_asked = !agent.is_person || !agent.may_hold.is_empty();
    is_asked.then(|| crate::access::queries::excess::overbroad(index, &agent.id.value, &may_hold(agent)))?
}

/// An agent that holds more than it may, with an example.
#[must_use]
pub fn finding(what: &str, id: &str, example: &Text) -> Finding {
    Finding::new(
        Code::AgentOverbroad,
        format!("{what} `{id}` itself holds more than agents.yaml says it may: {}", example.raw()),
    )
    .help("take that access from the assistant, or list it in `may_hold`")
}
