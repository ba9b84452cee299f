//! A change plan from a plan of Terraform.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::access::change::between::between;
use crate::access::change::references::{Object, outline};
use crate::app::io::command_error::hinted;
use crate::app::io::files::shown;
use crate::app::plans::drafted::{self, About, DraftedPlan, PlanHeader, PlanSource};
use crate::app::plans::terraform_source::Lines;
use crate::input::digest::{Digest, of};
use crate::input::finding::Finding;
use crate::input::time::Time;
use crate::plan::model::{Action, Change};
use crate::snapshot::model::Snapshot;
use crate::snapshot::terraform::{self, PlannedResource, TerraformChanges};

/// A plan of Terraform as read from files.
#[derive(Clone, Debug)]
pub struct TerraformPlan {
    /// The name of the file in JSON.
    pub name: String,
    /// Its bytes.
    pub json: Vec<u8>,
    /// The digest of the binary plan file.
    pub file: Option<Digest<of::File>>,
    /// The folder of the configuration, to name the file and line of each resource.
    pub configuration: Option<PathBuf>,
}

impl TerraformPlan {
    /// Reads the file in JSON, and the digest of the binary plan file.
    ///
    /// # Errors
    /// If a file cannot be read or is too large.
    pub fn read(json: &Path, file: Option<&Path>, configuration: Option<&Path>) -> anyhow::Result<Self> {
        Ok(Self {
            name: json.to_string_lossy().into_owned(),
            json: bytes(json)?,
            file: file.map(|path| bytes(path).map(|bytes| Digest::of(&bytes))).transpose()?,
            configuration: configuration.map(Path::to_path_buf),
        })
    }

    /// Drafts the change plan, against a snapshot.
    ///
    /// # Errors
    /// If the plan is not one that can be reviewed.
    pub fn draft(
        &self,
        base: &Snapshot,
        target: Option<&str>,
        header: &PlanHeader,
        now: Time,
    ) -> Result<DraftedPlan, Vec<Finding>> {
        let mut changes = terraform::changes(&self.name, &self.json, base, target)?;
        changes.not_read.extend(uncovered(&changes));
        let lines = self.configuration.as_deref().map(|folder| Lines::of(folder, &changes.modules)).unwrap_or_default();
        let draft = PlanSource {
            tool: "terraform",
            source: Digest::of(&self.json),
            file: self.file,
            complete: changes.complete,
            not_read: changes.not_read,
            before: &changes.before,
            after: &changes.after,
            intent: format!("Apply the Terraform plan {}.", file_name(&self.name)),
        };
        let mut made = drafted::draft(draft, header, now, |action| {
            let mut about = about(action, &changes.origins);
            about.origin = about.origin.map(|address| lines.with(address));
            about
        })?;
        made.findings.extend(changes.findings);
        Ok(made)
    }
}

fn file_name(path: &str) -> String {
    let name = Path::new(path).file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
    name.chars().filter(|c| !c.is_control()).collect()
}

/// Reads a file of Terraform, of at most the size of a plan.
pub(crate) fn bytes(path: &Path) -> anyhow::Result<Vec<u8>> {
    let cannot = || format!("`{}` cannot be read", shown(path));
    let size = std::fs::metadata(path).with_context(cannot)?.len();
    anyhow::ensure!(
        size <= terraform::MAX_BYTES,
        hinted(
            format!("`{}` is larger than {} bytes", shown(path), terraform::MAX_BYTES),
            "give what `terraform show -json` wrote; plan fewer resources at once"
        )
    );
    std::fs::read(path).with_context(cannot)
}

/// The resources of which something is unknown and that no change is of, so that nothing shows it.
fn uncovered(changes: &TerraformChanges) -> Vec<String> {
    let open: Vec<&PlannedResource> = changes.origins.iter().filter(|it| !it.unknown.is_empty()).collect();
    if open.is_empty() {
        return Vec::new();
    }
    let actions = between(&changes.before, &changes.after);
    let covered: BTreeSet<String> = actions.iter().filter_map(|it| about(it, &changes.origins).origin).collect();
    let hidden = open.into_iter().filter(|it| !covered.contains(&it.address));
    let what = |it: &PlannedResource| {
        let names: Vec<&str> = it.unknown.iter().map(String::as_str).collect();
        format!("{}: `{}` is unknown or sensitive, and no change shows it", it.address, names.join("`, `"))
    };
    hidden.map(what).collect()
}

/// The resource whose names a change contains most of.
fn about(action: &Action, origins: &[PlannedResource]) -> About {
    let names = mentioned(action);
    let score = |origin: &&PlannedResource| names.iter().filter(|name| has(origin, name)).count();
    let best = origins.iter().max_by_key(|origin| (score(origin), std::cmp::Reverse(&origin.address)));
    let best = best.filter(|origin| score(origin) > 0);
    let unknown = match best {
        Some(origin) => origin.unknown.iter().cloned().collect(),
        // Nothing tells which resource it is of, so that it may be any.
        None => origins.iter().flat_map(|it| it.unknown.iter().cloned()).collect::<BTreeSet<_>>().into_iter().collect(),
    };
    let reason = match best {
        Some(origin) => format!("Terraform plans it at {}.", origin.address),
        None => "Terraform plans it.".to_owned(),
    };
    About { reason, origin: best.map(|origin| origin.address.clone()), unknown }
}

/// Whether a name is one of a resource, or begins as one that ends in a mark of its own.
fn has(origin: &PlannedResource, name: &str) -> bool {
    origin.names.iter().any(|known| {
        name == known
            || name.strip_prefix(known.as_str()).is_some_and(|rest| rest.starts_with(" if ") || known.ends_with('#'))
    })
}

/// The names in an action.
fn mentioned(action: &Action) -> BTreeSet<String> {
    let place = crate::input::place::Place::file("draft");
    let change = Change {
        id: crate::input::place::Placed::new("c".into(), place.clone()),
        action_place: place.clone(),
        action: action.clone(),
        reason: crate::input::place::Placed::new("r".into(), place),
        claims: Vec::new(),
        origin: None,
        unknown: Vec::new(),
    };
    let outline = outline(&change);
    let made = outline.makes.iter().map(|(_, name)| name.raw().to_owned());
    let uses = outline.uses.iter().map(|it| it.name.1.raw().to_owned());
    let whole = outline.objects.iter().filter_map(Object::whole).map(|(_, name)| name.raw().to_owned());
    made.chain(uses).chain(whole).collect()
}

#[cfg(test)]
#[path = "terraform_hidden_tests.rs"]
mod hidden_tests;
#[cfg(test)]
#[path = "terraform_provider_tests.rs"]
mod provider_tests;
#[cfg(test)]
#[path = "terraform_plan_tests.rs"]
mod tests;
