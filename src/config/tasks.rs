//! `tasks.yaml`: the pieces of work that people opened for agents.
//!
//! In: bytes. Out: [`Tasks`]. Never says whether a change lies within a task: that is for `access`.

use crate::input::finding::{Code, Finding};
use crate::input::form::{Fields, Rule, Shape};
use crate::input::id::{IdentityId, ResourceId, TaskId};
use crate::input::place::Placed;
use crate::input::text::Text;
use crate::input::time::Time;

use super::read::{checked, distinct};
use super::rules::{IDS, MOST, VERSION, optional, required};

static TASK: Shape = Shape::Mapping(
    "task",
    &[
        required("id", Shape::Id, "The task's name, as plans give it."),
        optional("title", Shape::Text, "What it is about."),
        optional("owner", Shape::Id, "The person's identity that answers for it."),
        optional("agents", IDS, "The agents that may propose changes for it."),
        optional("sponsors", IDS, "The identities on whose behalf they may do so."),
        required("scope", Shape::List(&Shape::Id, 1, MOST), "The resources below which its access must lie."),
        required("until", Shape::Time, "When it ends."),
        required("state", Shape::Words(&["open", "done"]), "Whether work on it goes on."),
    ],
);

/// The fields of `tasks.yaml`.
pub(super) const FILE: &[Rule] = &[VERSION, required("tasks", Shape::List(&TASK, 0, MOST), "All tasks.")];

/// Whether work on a task goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskState {
    /// It goes on.
    Open,
    /// It is done.
    Done,
}

/// A piece of work that a person opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Its name.
    pub id: Placed<TaskId>,
    /// What it is about.
    pub title: Option<Text>,
    /// Who answers for it; a task without owner is open to nobody.
    pub owner: Option<Placed<IdentityId>>,
    /// The agents that may propose changes for it.
    pub agents: Vec<Placed<IdentityId>>,
    /// On whose behalf they may do so.
    pub sponsors: Vec<Placed<IdentityId>>,
    /// The resources below which its access must lie; at least one.
    pub scope: Vec<Placed<ResourceId>>,
    /// When it ends.
    pub until: Time,
    /// Whether work on it goes on.
    pub state: TaskState,
}

impl Task {
    /// Whether the task is open at a time: its state says so, its end has not come, and someone answers for it.
    #[must_use]
    pub fn is_open(&self, now: Time) -> bool {
        self.state == TaskState::Open && now < self.until && self.owner.is_some()
    }

    /// Whether it lists this agent and this sponsor; a plan that names no sponsor is listed by no task.
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
    /// Every fault found, each with its place.
    pub fn read(name: &str, bytes: &[u8]) -> Result<Self, Vec<Finding>> {
        let (node, mut findings) = checked(name, bytes, FILE)?;
        let Some(fields) = Fields::of(&node) else { return Err(findings) };
        let tasks: Vec<Task> =
            fields.list("tasks").iter().filter_map(Fields::of).filter_map(|fields| task(&fields)).collect();
        distinct("the task", tasks.iter().map(|task| &task.id), &mut findings);
        if findings.is_empty() { Ok(Self { tasks }) } else { Err(findings) }
    }

    /// All tasks, in the order of the file.
    #[must_use]
    pub fn all(&self) -> &[Task] {
        &self.tasks
    }

    /// A task by its name.
    #[must_use]
    pub fn get(&self, id: &TaskId) -> Option<&Task> {
        self.tasks.iter().find(|task| task.id.value == *id)
    }

    /// Tasks that nobody answers for.
    #[must_use]
    pub fn without_owner(&self) -> Vec<Finding> {
        let lonely = self.tasks.iter().filter(|task| task.owner.is_none());
        lonely
            .map(|task| {
                let message = format!("the task `{}` has no owner, so it is open to nobody", task.id.value.as_str());
                Finding::new(Code::TaskWithoutOwner, message).at(&task.id.place).help("add `owner:`")
            })
            .collect()
    }
}

fn task(fields: &Fields<'_>) -> Option<Task> {
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
