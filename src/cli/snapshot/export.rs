//! `review snapshot export`: writes a snapshot in another form, for people and their tools.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};

use crate::app::io::command_error::hinted;
use crate::app::io::files::shown;
use crate::app::io::streams;
use crate::cli::snapshot::import::write;
use crate::decision::exit::ExitCode;
use crate::report::model::{Body, Report, Reported};
use crate::report::render::format::Format;
use crate::report::sentence::Sentence;
use crate::snapshot::import::csv;

/// Write a snapshot as CSV tables.
#[derive(Debug, Args)]
#[command(
    after_help = "  review snapshot export csv snapshot.json -o tables   (identities.csv, roles.csv, assignments.csv, …)"
)]
pub struct SnapshotExportArgs {
    /// The format.
    form: ExportForm,
    /// The snapshot.
    snapshot: PathBuf,
    /// The folder to write the files to. It is created if it does not exist.
    #[arg(short, long, value_name = "FOLDER")]
    output: PathBuf,
    /// The format of the summary.
    #[arg(long, value_enum, default_value_t, env = "REVIEW_FORMAT")]
    format: Format,
}

/// A form in which a snapshot can be written.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum ExportForm {
    /// Tables of comma-separated values, and the mapping that `review snapshot import` reads with them.
    Csv,
}

impl SnapshotExportArgs {
    /// Writes the files, and says what they do not hold.
    ///
    /// # Errors
    /// If the snapshot cannot be read or a file cannot be written.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        let ExportForm::Csv = self.form;
        let name = shown(&self.snapshot);
        let bytes = fs::read(&self.snapshot).with_context(|| format!("`{name}` cannot be read"))?;
        let (snapshot, mut findings) = match crate::snapshot::read(&name, &bytes) {
            Ok(read) => read,
            Err(faults) => {
                self.report(faults, ExitCode::Failure)?;
                return Ok(ExitCode::Failure);
            }
        };
        let (files, left_out) = csv::files(&snapshot);
        findings.extend(left_out);
        fs::create_dir_all(&self.output).with_context(|| format!("`{}` cannot be made", shown(&self.output)))?;
        if !self.output.is_dir() {
            bail!(hinted(format!("`{}` is not a folder", shown(&self.output)), "name a folder for the tables"));
        }
        for (file, text) in &files {
            write(&self.output.join(file), &|out| out.write_all(text.as_bytes()))?;
        }
        self.report(findings, ExitCode::Passes)?;
        Ok(ExitCode::Passes)
    }

    fn report(&self, findings: Vec<crate::input::finding::Finding>, code: ExitCode) -> anyhow::Result<()> {
        let verdict = if code == ExitCode::Passes { "exported" } else { "nothing was exported" };
        let report = Report {
            command: "snapshot export",
            exit_code: code.code(),
            verdict: Sentence::of(verdict),
            findings: findings.into_iter().map(|finding| Reported::new(finding, |_| None)).collect(),
            body: Body::Findings,
            next: Vec::new(),
        };
        streams::data(&crate::app::io::format::render(&report, self.format))
    }
}
