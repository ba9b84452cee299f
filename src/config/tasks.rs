//! `tasks.yaml`: the tasks that people opened for agents. `access` checks whether a change is inside its task.

use crate::input::finding::{Code, Finding};
use crate::input::form::{FieldRule, TypedFields, ValueShape};
use crate::input::id::{IdentityId, ResourceId, TaskId};
use crate::input::place::Placed;
use crate::input::text::Text;
use crate::input::time::Time;

use super::read::{checked, distinct};
use super::rules::{IDS, MOST, VERSION, optional, required};

static TASK: ValueShape = ValueShape::Mapping(
    "task",
    &[
        required("id", ValueShape::Id, "The task's id, as in plans."),
        optional("title", ValueShape::Text, "A short description."),
        optional("owner", ValueShape::Id, "The identity of the person who owns it."),
        optional("agents", IDS, "The agents that may propose changes for it."),
        optional("sponsors", IDS, "The identities for which they may do so."),
        required(
            "scope",
            ValueShape::List(&ValueShape::Id, 1, MOST),
            "The resources that its access must be in or below.",
        ),
        required("until", ValueShape::Time, "When it ends."),
        required("state", ValueShape::Words(&["open", "done"]), "Its state."),
    ],
);

/// The fields of `tasks.yaml`.
pub(super) const FILE: &[FieldRule] = &[VERSION, required("tasks", ValueShape::List(&TASK, 0, MOST), "All tasks.")];

/// The state of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskState {
    /// Work continues.
    Open,
    /// Work is done.
    Done,
}

/// A task that a person opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Its id.
    pub id: Placed<TaskId>,
    /// A short description.
    pub title: Option<Text>,
    /// The owner. A task without an owner is never open.
    pub owner: Option<Placed<IdentityId>>,
    /// The agents that may propose changes for it.
    pub agents: Vec<Placed<IdentityId>>,
    /// The identities for which they may do so.
    pub sponsors: Vec<Placed<IdentityId>>,
    /// The resources that its access must be in or below. At least one.
    pub scope: Vec<Placed<ResourceId>>,
    /// When it ends.
    pub until: Time,
    /// Its state.
    pub state: TaskState,
}

impl Task {
    /// Whether the task is open at a time: its state is open, its end is in the future, and it has an owner.
    #[must_use]
    pub fn is_open(&self, now: Time) -> bool {
        self.state == TaskState::Open && now < self.until && self.owner.is_some()
    }

    /// Whether it lists this agent and this sponsor. Without a sponsor, the result is false.
    #[must_use]
    pub fn lists(&self, agent: &IdentityId, sponsor: Option<&IdentityId>) -> bool {
        let has = |list: &[Placed<IdentityId>], id: &IdentityId| list.iter().any(|one| one.value == *id);
        has(&self.agents, agent) && sponsor.is_some_and(|sponsor| has(&self.sponsors, sponsor))
    }
}

/// `tasks.yaml`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tasks {
    tasks: Vec<Task>,
}

impl Tasks {
    /// Reads `tasks.yaml`.
    ///
    /// # Errors
    /// All faults, each with its place.
    pub fn read(name: &str, bytes: &[u8]) -> Result<Self, Vec<Finding>> {
        let (node, mut findings) = checked(name, bytes, FILE)?;
        let Some(fields) = TypedFields::of(&node) else { return Err(findings) };
        let tasks: Vec<Task> =
            fields.list("tasks").iter().filter_map(TypedFields::of).filter_map(|fields| task(&fields)).collect();
        distinct("the task", tasks.iter().map(|task| &task.id), &mut findings);
        if findings.is_empty() { Ok(Self { tasks }) } else { Err(findings) }
    }

    /// All tasks, in file order.
    #[must_use]
    pub fn all(&self) -> &[Task] {
        &self.tasks
    }

    /// A task by its name.
    #[must_use]
    pub fn get(&self, id: &TaskId) -> Option<&Task> {
        self.tasks.iter().find(|task| task.id.value == *id)
    }

    /// Findings for tasks without an owner.
    #[must_use]
    pub fn without_owner(&self) -> Vec<Finding> {
        let lonely = self.tasks.iter().filter(|task| task.owner.is_none());
        lonely
            .map(|task| {
                let message = format!("the task `{}` has no owner, so it is not open", task.id.value.as_str());
                Finding::new(Code::TaskWithoutOwner, message).at(&task.id.place).help("add `owner:`")
            })
            .collect()
    }
}

fn task(fields: &TypedFields<'_>) -> Option<Task> {
    Some(Task {
        id: fields.id("id")?,
        title: fields.text("title").map(|title| title.value),
        owner: fields.id("owner"),
        agents: fields.ids("agents"),
        sponsors: fields.ids("sponsors"),
        scope: fields.ids("scope"),
        until: fields.time("until")?.value,
        state: match fields.text("state")?.value.raw() {
            "open" => TaskState::Open,
            "done" => TaskState::Done,
            _ => return None,
        },
    })
}
