//! Whether a plan was made from certain files of Terraform.
//!
//! Each file must have a digest that the plan states. Of a file in JSON, the changes are computed again from the present
//! snapshot, and must be those of the plan: a plan that states the digest of another file is found so. A binary file shows
//! nothing but its digest, so it is not enough: the plan could state fewer changes than Terraform applies.

use std::path::PathBuf;

use crate::app::plans::drafted::PlanHeader;
use crate::app::plans::terraform_plan::{TerraformPlan, bytes};
use crate::input::digest::{Digest, of};
use crate::input::finding::{Code, Finding};
use crate::input::place::Place;
use crate::input::time::Time;
use crate::plan::model::{Action, Plan};
use crate::snapshot::model::Snapshot;

/// A file of Terraform.
#[derive(Clone, Debug)]
pub struct TerraformFile {
    name: String,
    bytes: Vec<u8>,
    digest: Digest<of::File>,
}

impl TerraformFile {
    /// Reads files.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn read(paths: &[PathBuf]) -> anyhow::Result<Vec<Self>> {
        let one = |path: &PathBuf| {
            let bytes = bytes(path)?;
            let digest = Digest::of(&bytes);
            Ok(Self { name: path.to_string_lossy().into_owned(), bytes, digest })
        };
        paths.iter().map(one).collect()
    }

    /// The digest of the file.
    #[must_use]
    pub fn digest(&self) -> Digest<of::File> {
        self.digest
    }

    fn is_json(&self) -> bool {
        self.bytes.trim_ascii_start().starts_with(b"{")
    }
}

/// What is wrong with a plan, for these files. A finding of severity `error` means that it must not pass.
#[must_use]
pub fn faults(plan: &Plan, files: &[TerraformFile], snapshot: &Snapshot, now: Time) -> Vec<Finding> {
    let Some(made_from) = plan.made_from.as_ref().filter(|it| it.tool.value.raw() == "terraform") else {
        let message = "the plan does not state that it was made from a Terraform plan";
        let help =
            "make it with `review plan import terraform`, with `--plan-file` for the file that Terraform applies";
        return vec![Finding::new(Code::OtherPlanFile, message).at(&plan.id.place).help(help)];
    };
    let known = [Some(made_from.source.value), made_from.file.as_ref().map(|file| file.value)];
    let mut found = Vec::new();
    for file in files.iter().filter(|file| !known.contains(&Some(file.digest))) {
        let message =
            format!("the plan was not made from `{}`", crate::input::text::Text::from(file.name.as_str()).terminal());
        let help = "apply the file that was reviewed, or import this one and have it reviewed";
        found.push(Finding::new(Code::OtherPlanFile, message).at(&made_from.source.place).help(help));
    }
    if !found.is_empty() {
        return found;
    }
    match files.iter().find(|file| file.is_json()) {
        Some(file) => found.extend(differs(plan, file, snapshot, now)),
        None => found.push(
            Finding::new(
                Code::OtherPlanFile,
                "the changes of the Terraform plan cannot be compared without its JSON form",
            )
            .at(&made_from.source.place)
            .help("name both files, the plan and what `terraform show -json` prints of it"),
        ),
    }
    found
}

/// Whether the file leads to other changes than those of the plan.
fn differs(plan: &Plan, file: &TerraformFile, snapshot: &Snapshot, now: Time) -> Vec<Finding> {
    let terraform = TerraformPlan {
        name: file.name.clone(),
        json: file.bytes.clone(),
        file: plan.made_from.as_ref().and_then(|it| it.file.as_ref()).map(|file| file.value),
        configuration: None,
    };
    let header = PlanHeader {
        proposer: Some(plan.proposer.value.as_str().to_owned()),
        on_behalf_of: plan.on_behalf_of.as_ref().map(|it| it.value.as_str().to_owned()),
        ..PlanHeader::default()
    };
    let made = match terraform.draft(snapshot, None, &header, now) {
        Ok(made) => made.text.unwrap_or_default(),
        Err(findings) => return findings.into_iter().map(|it| it.at(&Place::file(&file.name))).collect(),
    };
    let again = crate::plan::read(&file.name, made.as_bytes()).ok();
    if again.is_some_and(|again| says_the_same(plan, &again)) {
        return Vec::new();
    }
    let message = "the changes of the plan are not those of the Terraform plan for the present snapshot";
    let help = "import the Terraform plan again with `review plan import terraform`, and have the new plan reviewed";
    vec![Finding::new(Code::OtherPlanFile, message).at(&plan.id.place).help(help)]
}

/// Whether two plans have the same changes, unknowns and gaps, in any order.
fn says_the_same(one: &Plan, other: &Plan) -> bool {
    let says = |plan: &Plan| -> Vec<(String, Action, Vec<String>)> {
        let unknown = |it: &crate::plan::model::Change| it.unknown.iter().map(|it| it.value.raw().to_owned()).collect();
        let mut all: Vec<_> =
            plan.changes.iter().map(|it| (format!("{:?}", it.action.word()), it.action.clone(), unknown(it))).collect();
        all.sort_by_key(|(word, action, _)| (word.clone(), crate::plan::write::change("", action, "").to_string()));
        all
    };
    let gaps = |plan: &Plan| plan.made_from.as_ref().map(|it| (it.complete.value, it.not_read.clone()));
    let same_gaps = match (gaps(one), gaps(other)) {
        (Some((complete, list)), Some((other, others))) => complete == other && list == others,
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    same_gaps && says(one) == says(other)
}
