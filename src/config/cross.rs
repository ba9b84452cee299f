//! What the configuration files must say of one another.
//!
//! In: people, agents and tasks as read. Out: findings. Never looks at a snapshot: what it knows of identities is for
//! `access` and `trust` to compare.

use crate::input::finding::{Code, Finding};
use crate::input::nearest::nearest;

use super::agents::{Agents, Proof};
use super::people::People;
use super::tasks::Tasks;

/// Compares the files: no agent among people, nobody called a person who is none, no unknown agent in a task, no task without owner.
#[must_use]
pub fn cross_check(people: &People, agents: &Agents, tasks: &Tasks) -> Vec<Finding> {
    let mut findings = Vec::new();
    for agent in agents.all() {
        let id = agent.id.value.as_str();
        if agent.is_person && people.by_identity(id).is_none() {
            let message = format!("`{id}` is called a person, and is no identity of anybody in people.yaml");
            let finding = Finding::new(Code::NotAPerson, message).at(&agent.id.place);
            findings.push(
                finding
                    .help("list it under `identities` of the person, or remove `kind: person`")
                    .weighing(crate::input::finding::Severity::Error),
            );
        }
        if let Some(person) = people.by_identity(id).filter(|_| !agent.is_person) {
            let message =
                format!("the agent `{id}` is called an identity of the person `{}`", person.id.value.as_str());
            let finding = Finding::new(Code::MachineApprover, message).at(&agent.id.place);
            findings.push(finding.help(
                "a machine never approves; remove it from people.yaml, or write `kind: person` where a person proposes",
            ));
        }
        for proof in &agent.proofs {
            let principal = match &proof.value {
                Proof::Certificate { principal, .. } => Some(principal.as_str()),
                Proof::Token(token) => Some(token.subject.raw()),
                Proof::Key { .. } => None,
            };
            if let Some(principal) = principal
                && let Some(person) = people.by_principal(principal)
            {
                let message =
                    format!("`{principal}` proves an agent and is a principal of `{}`", person.id.value.as_str());
                let finding = Finding::new(Code::MachineApprover, message).at(&proof.place);
                findings.push(finding.help("give the agent a principal of its own"));
            }
        }
    }
    for task in tasks.all() {
        for agent in task.agents.iter().filter(|agent| agents.get(agent.value.as_str()).is_none()) {
            let name = agent.value.as_str();
            let message =
                format!("the task `{}` names the agent `{name}`, who is not in agents.yaml", task.id.value.as_str());
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
