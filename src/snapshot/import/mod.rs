//! Exports of real systems become snapshots: one folder a system.

pub mod aws;
pub mod kubernetes;
mod notes;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::input::finding::{Code, Finding, Severity};
use crate::input::text::Text;
use crate::snapshot::model::{Snapshot, SystemTarget};

/// What an import yields.
#[derive(Clone, Debug)]
pub struct Import {
    /// The entitlements of the system, sorted by name: the order of files does not matter.
    pub snapshot: Snapshot,
    /// What was notable; nothing of severity `error`.
    pub findings: Vec<Finding>,
    /// How many of each kind were read; see the importer's own page.
    pub counts: BTreeMap<&'static str, usize>,
}

impl Import {
    /// The import of a system whose target the caller states, where the export does not hold it.
    ///
    /// # Errors
    /// If the export is of another target, or the stated one is blank.
    pub fn of_target(mut self, stated: Option<&str>) -> Result<Self, Vec<Finding>> {
        let known = self.snapshot.targets();
        let Some(stated) = stated else {
            if known.is_empty() {
                let message = "the export does not say which system it is of";
                let help = match self.snapshot.source.raw() {
                    "kubernetes" => {
                        "export namespaces too (`kubectl get namespaces -o yaml`), or name the cluster with `--target`"
                    }
                    _ => "name the system with `--target`",
                };
                self.findings.push(Finding::new(Code::NoTarget, message).weighing(Severity::Warning).help(help));
            }
            return Ok(self);
        };
        let refused = |message: String, help: &str| Err(vec![Finding::new(Code::BadValue, message).help(help)]);
        if stated.trim().is_empty() {
            return refused("`--target` names no system".to_owned(), "write the id of the system, or leave it out");
        }
        if let Some(other) = known.iter().find(|target| target.id.raw() != stated) {
            let message = format!("the export is of `{}`, not of `{stated}`", other.id.raw());
            return refused(message, "leave `--target` out, or give the export of that system");
        }
        if known.is_empty() {
            self.snapshot.target = Some(SystemTarget { id: Text::from(stated), system: self.snapshot.source.clone() });
        }
        Ok(self)
    }
}
