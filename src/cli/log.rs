//! `review log`: the record, for people.
//!
//! In: a log. Out: its sessions and decisions as a table, or its heads. Whatever is shown was verified first.

pub mod change_history;
pub mod merge;
pub mod prove;
pub(crate) mod show;

use crate::cli::log::show::Show;
use crate::cli::shared_args::LocationArgs;
use std::path::PathBuf;

use anyhow::anyhow;
use clap::{Args, Subcommand};

use crate::app::io::format::render;
use crate::app::io::streams;
use crate::app::record::log_reader;
use crate::app::site::load::Site;
use crate::app::site::location::SiteLocation;
use crate::app::site::trust_folder::TrustFolderError;
use crate::decision::exit::ExitCode;
use crate::log::verify::Keep;
use crate::log::verify::Verification;
use crate::report::model::Report;
use crate::report::render::Format;

/// The record.
#[derive(Debug, Subcommand)]
pub enum Log {
    /// Shows who decided what.
    Show(Show),
    /// Prints the hash of every seal that no session follows: what an auditor remembers.
    Head(Head),
    /// Proves one line to somebody who shall not see the rest.
    Prove(prove::Prove),
    /// Joins copies of a log that went apart: every session of them once.
    Merge(crate::cli::log::merge::Merge),
}

impl Log {
    /// Runs the command.
    ///
    /// # Errors
    /// If the log or the trust folder cannot be read.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Show(page) => page.run(),
            Self::Head(page) => page.run(),
            Self::Prove(page) => page.run(),
            Self::Merge(page) => page.run(),
        }
    }
}

/// Prints the hash of every seal that no session follows.
#[derive(Debug, Args)]
pub struct Head {
    /// The log [default: that of the trust folder].
    path: Option<PathBuf>,
    #[command(flatten)]
    place: LocationArgs,
}

/// What is said of a site in which nothing was decided yet.
pub(crate) const NO_LOG_YET: &str = "there is no log yet: nothing was sealed here";

pub(crate) fn load(
    path: Option<&PathBuf>,
    place: &SiteLocation,
) -> anyhow::Result<Result<(PathBuf, Verification), Report>> {
    let loaded = Site::load(place).map_err(|error| match error.downcast_ref() {
        Some(TrustFolderError::NotFound) => anyhow!(
            "a trust folder says whose keys count in a log, and there is no `review.yaml` here or in any folder above\n  = help: \
             name one with `--trust DIR`; without one, `review verify LOG --signers FILE` judges a log and prints its heads"
        ),
        Some(_) | None => error,
    });
    let site = match loaded? {
        Ok(site) => site,
        Err(faults) => return Ok(Err(crate::app::site::fault_report::faults("log", &faults, ExitCode::Failure))),
    };
    let named = path.or(place.log.as_ref());
    let path = named.cloned().unwrap_or_else(|| site.log_path(place));
    // WHY: that a site has no log yet is an answer; that what somebody names is not there is not.
    anyhow::ensure!(
        named.is_none() || !log_reader::files(&path)?.is_empty(),
        "there is no log `{}`\n  = help: name the log's file or folder",
        crate::app::io::files::shown(&path)
    );
    let verified = log_reader::verify(&path, &site.signers, None, &[], Keep::Lines, streams::now())?;
    Ok(Ok((path, verified)))
}

impl Head {
    fn run(&self) -> anyhow::Result<ExitCode> {
        let (path, verified) = match load(self.path.as_ref(), &self.place.location())? {
            Ok(loaded) => loaded,
            Err(report) => {
                streams::data(&render(&report, Format::Text))?;
                return Ok(ExitCode::Failure);
            }
        };
        if !log_reader::is_sound(&path, &verified)? {
            streams::note(
                "error: the log does not verify, so it has no head to remember\n  = help: see `review verify LOG`",
            );
            return Ok(ExitCode::BadLog);
        }
        if log_reader::files(&path)?.is_empty() {
            streams::note(NO_LOG_YET);
        }
        let lines: Vec<String> = verified.heads.iter().map(|head| format!("{head}\n")).collect();
        streams::data(&lines.concat())?;
        Ok(ExitCode::Passes)
    }
}
