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
    /// The plans; a folder stands for every plan in it.
    pub plans: Vec<PathBuf>,
    /// Only the plans that changed since the merge base with this branch or commit.
    pub changed_since: Option<String>,
    /// The commit to evaluate with `changed_since`.
    pub head: String,
}

/// The plans that were chosen.
#[derive(Debug, Default)]
pub struct SelectedPlans {
    /// Those to judge.
    pub files: Vec<PlanFile>,
    /// Those that a judged one may run into.
    pub others: Vec<PlanFile>,
    /// What is to be said of the choice itself.
    pub findings: Vec<Reported>,
    /// The branch that they are read from; none: they are read from the disk.
    pub branch: Option<Branch>,
}

impl Selection {
    /// Reads them.
    ///
    /// # Errors
    /// If a path leads to no plan, a file cannot be read, or git cannot tell what was touched.
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
            // WHY: what the branch leaves as it was is not its fault; a plan there that cannot be read runs into nothing.
            read.others.extend(PlanFile::committed(&branch, path).ok());
        }
        for path in &touched.deleted {
            let name = branch.shown(path);
            let gone = Finding::new(
                Code::PlanDeleted,
                Text::from(format!("the plan `{name}` is deleted: nothing of it is left to decide")),
            )
            .at(&Place::file(&name));
            read.findings.push(Reported::new(gone, |_| None));
        }
        read.branch = Some(branch);
        Ok(read)
    }
}

impl SelectedPlans {
    /// What to say where there is nothing to judge; `None`: there is.
    #[must_use]
    pub fn nothing(&self) -> Option<&'static str> {
        if !self.files.is_empty() {
            return None;
        }
        Some(if self.findings.is_empty() {
            "passes: the branch touches no plan"
        } else {
            "passes: the branch only deletes plans"
        })
    }

    /// A finding for every change that concerns what another open plan concerns as well.
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
