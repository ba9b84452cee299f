//! Checks the configuration files against each other: people, agents and tasks. `access` and `trust` compare them with
//! the snapshot.

use crate::input::finding::{Code, Finding};
use crate::input::nearest::nearest;

use super::agents::{AgentProof, Agents};
use super::people::People;
use super::tasks::Tasks;

/// Reports agents listed as people, persons without an entry in people.yaml, unknown agents in tasks, and tasks without
/// an owner.
#[must_use]
pub fn cross_check(people: &People, agents: &Agents, tasks: &Tasks) -> Vec<Finding> {
    let mut findings = Vec::new();
    for agent in agents.all() {
        let id = agent.id.value.as_str();
        if agent.is_person && people.by_identity(id).is_none() {
            let message = format!("`{id}` is declared as a person, but people.yaml does not list it as an identity");
            let finding = Finding::new(Code::NotAPerson, message).at(&agent.id.place);
            findings.push(
                finding
                    .help("list it under `identities` of the person, or remove `kind: person`")
                    .weighing(crate::input::finding::Severity::Error),
            );
        }
        if let Some(person) = people.by_identity(id).filter(|_| !agent.is_person) {
            let message =
                format!("the agent `{id}` is listed as an identity of the person `{}`", person.id.value.as_str());
            let finding = Finding::new(Code::MachineApprover, message).at(&agent.id.place);
            findings.push(finding.help(
                "machines cannot approve; remove it from people.yaml, or write `kind: person` if it is a person who proposes",
            ));
        }
        for proof in &agent.proofs {
            let principal = match &proof.value {
                AgentProof::Certificate { principal, .. } => Some(principal.as_str()),
                AgentProof::Token(token) => Some(token.subject.raw()),
                AgentProof::Key { .. } => None,
            };
            if let Some(principal) = principal
                && let Some(person) = people.by_principal(principal)
            {
                let message = format!(
                    "`{principal}` is a principal of an agent and of the person `{}`",
                    person.id.value.as_str()
                );
                let finding = Finding::new(Code::MachineApprover, message).at(&proof.place);
                findings.push(finding.help("give the agent its own principal"));
            }
        }
    }
    for task in tasks.all() {
        for agent in task.agents.iter().filter(|agent| agents.get(agent.value.as_str()).is_none()) {
            let name = agent.value.as_str();
            let message =
                format!("the task `{}` names the agent `{name}`, which is not in agents.yaml", task.id.value.as_str());
            let help = nearest(name, agents.all().iter().map(|agent| agent.id.value.as_str()))
                .map_or_else(|| "add it there".to_owned(), |near| format!("did you mean `{near}`"));
            let finding = Finding::new(Code::UnknownProposer, message).at(&agent.place).help(help);
            findings.push(finding.weighing(crate::input::finding::Severity::Warning));
        }
    }
    findings.extend(tasks.without_owner());
    findings
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
