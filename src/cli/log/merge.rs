//! `review log merge`: merges copies of a log that diverged.
//!
//! Takes copies of one log, files or folders, and writes one log with every session once, ancestors first. Lines are
//! never rewritten, nothing is written unless the result verifies, and existing sessions of the target are kept.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use clap::Args;

use crate::app::io::command_error::hinted;
use crate::app::io::files::shown;
use crate::app::io::format::render;
use crate::app::io::streams;
use crate::app::record::log_reader;
use crate::app::site::load::Site;
use crate::cli::shared_args::LocationArgs;
use crate::decision::exit::ExitCode;
use crate::log::allowed::Allowed;
use crate::log::store::{Store, StoreError};
use crate::log::verify::answers::{Keep, Terms};
use crate::report::render::format::Format;
use crate::report::sentence::{Sentence, counted};

/// Merge diverged copies of a log; each session is kept once.
#[derive(Debug, Args)]
pub struct MergeArgs {
    /// The copies: files or folders.
    #[arg(required = true, value_name = "LOG")]
    copies: Vec<PathBuf>,
    /// The log to merge them into; what it contains is kept [default: the one of the trust folder].
    #[arg(short, long, value_name = "LOG")]
    output: Option<PathBuf>,
    #[command(flatten)]
    place: LocationArgs,
}

impl MergeArgs {
    /// Merges, verifies and writes.
    ///
    /// # Errors
    /// If a copy cannot be read or the log cannot be written.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        let site = match Site::load(&self.place.location())? {
            Ok(site) => site,
            Err(faults) => {
                streams::data(&render(
                    &crate::app::site::fault_report::faults("log", &faults, ExitCode::Failure),
                    Format::Text,
                ))?;
                return Ok(ExitCode::Failure);
            }
        };
        let mut files: Vec<(String, Vec<u8>)> = Vec::new();
        for copy in &self.copies {
            let found = log_reader::files(copy)?;
            anyhow::ensure!(
                !found.is_empty(),
                hinted(format!("there is no log `{}`", shown(copy)), "name a log's file or folder")
            );
            for file in found {
                let bytes =
                    std::fs::read(&file).with_context(|| format!("the log `{}` cannot be read", shown(&file)))?;
                files.push((shown(&file), bytes));
            }
        }
        let target = self.output.clone().unwrap_or_else(|| site.log_path(&self.place.location()));
        let store = Store::open(&target)?;
        let judge = Allowed(&site.signers);
        let terms = Terms {
            judge: &judge,
            log: Some(crate::app::site::log_id::log_id(&site)?),
            known_heads: &[],
            now: streams::now(),
            keep: Keep::Nothing,
            threads: 1,
        };
        match store.join(&files, terms) {
            Ok(joined) => {
                streams::note(&format!(
                    "`{}` holds {} now, {} of them new; {}",
                    shown(&target),
                    counted(joined.verification.session_count as u64, "session", "sessions"),
                    joined.added,
                    counted(joined.verification.heads.len() as u64, "head", "heads"),
                ));
                Ok(ExitCode::Passes)
            }
            Err(StoreError::DoesNotVerify { verification, .. }) => {
                let mut report = crate::app::present::log_report::bad_log(&target, &verification);
                report.verdict = Sentence::of("the merged log does not verify, so nothing was written");
                streams::data(&render(&report, Format::Text))?;
                Ok(ExitCode::BadLog)
            }
            Err(error @ StoreError::Merge(_)) => {
                streams::note(&format!("error: {error}\n  = help: {}", error.help()));
                Ok(ExitCode::BadLog)
            }
            Err(error) => Err(anyhow!(hinted(error.to_string(), error.help()))),
        }
    }
}
