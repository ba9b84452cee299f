//! The plans that `check` and `gate` evaluate: the given ones, or those that a branch changes.
//!
//! Returns the bytes of the plans, the other plans, and the branch if there is one. Changed plans are read as
//! committed, because that is what would be merged.

use std::path::PathBuf;

use crate::app::plans::discovery;
use crate::app::plans::git_branch::Branch;
use crate::app::plans::plan_file::PlanFile;
use crate::input::finding::{Code, Finding};
use crate::input::place::Place;
use crate::input::text::Text;
use crate::report::model::Reported;

/// Which plans are evaluated.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// The plans; a folder means every plan in it.
    pub plans: Vec<PathBuf>,
    /// Only the plans that changed since the merge base with this branch or commit.
    pub changed_since: Option<String>,
    /// The commit to evaluate with `changed_since`.
    pub head: String,
}

/// The selected plans.
#[derive(Debug, Default)]
pub struct SelectedPlans {
    /// The plans to evaluate.
    pub files: Vec<PlanFile>,
    /// Other plans that an evaluated one may overlap.
    pub others: Vec<PlanFile>,
    /// Findings about the selection itself.
    pub findings: Vec<Reported>,
    /// The branch that they are read from; `None`: they are read from disk.
    pub branch: Option<Branch>,
}

impl Selection {
    /// Reads the plans.
    ///
    /// # Errors
    /// If there is no plan at a path, a file cannot be read, or git cannot determine what changed.
    pub fn read(&self) -> anyhow::Result<SelectedPlans> {
        let Some(since) = &self.changed_since else {
            let files =
                discovery::list(&self.plans)?.iter().map(|path| PlanFile::read(path)).collect::<anyhow::Result<_>>()?;
            return Ok(SelectedPlans { files, ..SelectedPlans::default() });
        };
        let branch = Branch::since(since, &self.head, &std::env::current_dir()?)?;
        let touched = branch.plans(&self.plans)?;
        let mut read = SelectedPlans::default();
        for path in &touched.changed {
            read.files.push(PlanFile::committed(&branch, path)?);
        }
        for path in &touched.others {
            // WHY: the branch is not responsible for plans that it leaves unchanged. An unreadable one overlaps
            // nothing.
            read.others.extend(PlanFile::committed(&branch, path).ok());
        }
        for path in &touched.deleted {
            let name = branch.shown(path);
            let gone = Finding::new(
                Code::PlanDeleted,
                Text::from(format!("the plan `{name}` is deleted, so there is nothing to decide")),
            )
            .at(&Place::file(&name));
            read.findings.push(Reported::new(gone, |_| None));
        }
        read.branch = Some(branch);
        Ok(read)
    }
}

impl SelectedPlans {
    /// The message if there is nothing to evaluate; `None`: there is.
    #[must_use]
    pub fn nothing(&self) -> Option<&'static str> {
        if !self.files.is_empty() {
            return None;
        }
        Some(if self.findings.is_empty() {
            "passes: the branch changes no plan"
        } else {
            "passes: the branch only deletes plans"
        })
    }

    /// A finding for every change that concerns the same object as a change of another open plan.
    #[must_use]
    pub fn overlaps(&self, now: crate::input::time::Time) -> Vec<Reported> {
        let parsed = |files: &[PlanFile]| -> Vec<(usize, crate::plan::model::Plan)> {
            let read = files.iter().enumerate();
            let read = read.filter_map(|(at, file)| Some((at, crate::plan::read(&file.name, &file.bytes).ok()?)));
            read.filter(|(_, plan)| plan.expires.value > now).collect()
        };
        let (judged, others) = (parsed(&self.files), parsed(&self.others));
        let mut found = Vec::new();
        for (nth, (at, plan)) in judged.iter().enumerate() {
            let before = others.iter().chain(judged.iter().take(nth)).map(|(_, plan)| plan);
            for overlap in crate::decision::overlap::overlaps(plan, before) {
                let text = self.files.get(*at).and_then(|file| std::str::from_utf8(&file.bytes).ok());
                found.push(Reported::new(crate::app::plans::overlaps::overlap(&overlap), |name| {
                    text.filter(|_| self.files.get(*at).is_some_and(|file| file.name == name))
                }));
            }
        }
        found
    }
}
