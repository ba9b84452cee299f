//! `review snapshot classify`: the unclassified entitlements of a snapshot.
//!
//! Shows the number of assignments by sensitivity and the most frequent unclassified entitlements of a snapshot, by
//! default the site's; or, with `--suggest`, rules to complete. A suggested rule has the sensitivity `unknown` until a
//! person decides.

use std::path::PathBuf;

use clap::Args;

use crate::access::Index;
use crate::access::queries::unclassified::{Gaps, Unclassified, unclassified};
use crate::app::io::format::render;
use crate::app::io::streams;
use crate::cli::shared_args::LocationArgs;
use crate::cli::snapshot::show::Lens;
use crate::decision::exit::ExitCode;
use crate::input::entitlement::Sensitivity;
use crate::input::text::Text;
use crate::report::model::{Body, Report};
use crate::report::record::SnapshotReport;
use crate::report::render::Format;
use crate::report::sentence::Sentence;
use crate::report::sheet::{Cell, Sheet};

/// Show which entitlements are unclassified, or suggest rules for them.
#[derive(Debug, Args)]
pub struct ClassifyArgs {
    /// The snapshot [default: the one in the trust folder].
    #[arg(value_name = "SNAPSHOT")]
    file: Option<PathBuf>,
    /// Print rules for `policies/classification.yaml` that cover most assignments; fill in each sensitivity.
    #[arg(long)]
    suggest: bool,
    /// The maximum number of rules or rows.
    #[arg(long, default_value_t = 20, value_name = "N")]
    most: usize,
    #[command(flatten)]
    place: LocationArgs,
    /// The format of the result. Suggested rules are always YAML.
    #[arg(long, value_enum, default_value_t, env = "REVIEW_FORMAT")]
    format: Format,
}

impl ClassifyArgs {
    /// Prints what is unclassified.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        let lens = Lens::find(&self.place.location())?;
        let loaded = match lens.named_or_own(self.file.as_deref())? {
            Ok(loaded) => loaded,
            Err(faults) => {
                let report = crate::app::site::fault_report::faults("snapshot classify", &faults, ExitCode::Failure);
                streams::data(&render(&report, self.format))?;
                return Ok(ExitCode::Failure);
            }
        };
        let gaps = unclassified(&Index::new(&loaded.snapshot), &lens.data(&loaded.snapshot));
        if self.suggest {
            streams::data(&rules(&gaps, &loaded.snapshot.source, self.most))?;
            return Ok(ExitCode::Passes);
        }
        let levels = Sensitivity::STATED.iter().chain(&[Sensitivity::Unknown]);
        let mut findings = lens.findings.clone();
        findings.extend(loaded.findings.iter().cloned());
        let about = SnapshotReport {
            targets: crate::app::present::plan_report::systems(&loaded.snapshot),
            file: Text::from(loaded.name.as_str()),
            source: loaded.snapshot.source.clone(),
            taken_at: loaded.snapshot.taken_at,
            digest: loaded.digest,
            counts: levels.map(|level| (level.name(), gaps.levels.of(*level))).collect(),
            sheets: vec![sheet(&gaps, self.most)],
        };
        let report = Report {
            command: "snapshot classify",
            exit_code: ExitCode::Passes.code(),
            verdict: Sentence::of("shown"),
            findings,
            body: Body::Snapshot(about),
            next: Vec::new(),
        };
        streams::data(&render(&report, self.format))?;
        Ok(ExitCode::Passes)
    }
}

fn sheet(gaps: &Gaps, most: usize) -> Sheet {
    let row = |(what, count): &(Unclassified, u64)| {
        let (kind, name, on) = match what {
            Unclassified::Access { action, resource } => ("action", action, Some(resource.clone())),
            Unclassified::Group(group) => ("group", group, None),
            Unclassified::Role(role) => ("role", role, None),
        };
        vec![Cell::Word(kind), Cell::Text(name.clone()), Cell::maybe(on), Cell::Number(*count)]
    };
    Sheet {
        key: "unclassified",
        title: "Unclassified permissions and entitlements, by the number of assignments that give them",
        columns: &[("kind", "kind"), ("name", "name"), ("resource", "on"), ("assignments", "assignments")],
        rows: gaps.found.iter().take(most).map(row).collect(),
        none: "everything is classified",
    }
}

/// Rules in the format of `classification.yaml`. Names are written as JSON strings, which are valid YAML.
fn rules(gaps: &Gaps, source: &Text, most: usize) -> String {
    let quoted = |text: &Text| serde_json::to_string(text.raw()).unwrap_or_default();
    let unknown = gaps.levels.of(Sensitivity::Unknown);
    let mut out = format!(
        "# Rules for policies/classification.yaml. {unknown} of {} assignments give something unclassified.\n\
         # Replace each `unknown` by low, moderate, high or critical, and say why; add `privileged: true` where it applies.\n\
         rules:{}\n",
        gaps.assignments,
        if gaps.found.is_empty() { " []" } else { "" }
    );
    for (what, count) in gaps.found.iter().take(most) {
        let about = match what {
            Unclassified::Access { action, resource } => {
                format!("action: {}, resource: {}", quoted(action), quoted(resource))
            }
            Unclassified::Group(group) => format!("group: {}", quoted(group)),
            Unclassified::Role(role) => format!("role: {}", quoted(role)),
        };
        let times = if *count == 1 { "1 assignment".to_owned() } else { format!("{count} assignments") };
        out.push_str(&format!(
            "  # {times}\n  - {{system: {}, {about}, sensitivity: unknown,\n     reason: \"to be said\", source: \"to be said\"}}\n",
            quoted(source)
        ));
    }
    let left = gaps.found.len().saturating_sub(most);
    if left > 0 {
        out.push_str(&format!("# {left} more: `--most N` prints them.\n"));
    }
    out
}
