//! A site with its verified log, for commands that add to the log or read what was exported.

use std::path::PathBuf;

use anyhow::bail;

use crate::app::io::command_error::hinted;
use crate::app::io::streams;
use crate::app::record::history::Past;
use crate::app::record::log_source::LogSource;
use crate::app::record::{log_reader, recorder, seen_heads, trusted_heads};
use crate::app::site::load::Site;
use crate::app::site::location::SiteLocation;
use crate::app::site::log_id::log_id;
use crate::decision::exit::ExitCode;
use crate::input::digest::{Digest, of};
use crate::input::text::Text;
use crate::input::time::Time;
use crate::log::line::LogId;
use crate::log::verify::answers::{Keep, Verification};
use crate::report::model::{Body, Report};
use crate::report::sentence::Sentence;

/// A site with its log, which verifies.
pub struct OpenedLog {
    /// The site.
    pub site: Site,
    /// The log: a file or a folder.
    pub log: PathBuf,
    /// Its id.
    pub id: LogId,
    /// What it holds.
    pub verified: Verification,
    /// The decisions in it.
    pub past: Past,
    /// When it was read.
    pub now: Time,
}

impl OpenedLog {
    /// Loads the site and verifies its log against every head that is known.
    ///
    /// # Errors
    /// The outer one if a file cannot be read, or the log is one of git, to which nothing can be added. The inner one is
    /// what to report, with its code: faults of trust files, or a log that does not verify.
    pub fn open(
        command: &'static str,
        place: &SiteLocation,
        known: &[String],
    ) -> anyhow::Result<Result<Self, (Report, ExitCode)>> {
        let site = match Site::load(place)? {
            Ok(site) => site,
            Err(faults) => {
                let report = crate::app::site::fault_report::faults(command, &faults, ExitCode::Failure);
                return Ok(Err((report, ExitCode::Failure)));
            }
        };
        let source = LogSource::find(&site, place)?;
        let LogSource::Disk(log) = &source else {
            bail!(hinted(
                format!(
                    "the log `{}` is in a git revision, which cannot be appended to",
                    Text::from(source.name()).terminal()
                ),
                "use the file in a working tree of its branch: `--log ../log/review-log.jsonl`"
            ));
        };
        let log = log.clone();
        let now = streams::now();
        let id = log_id(&site)?;
        let mut heads = crate::app::record::head_files::known_heads(known)?;
        heads.extend(trusted_heads::heads(&site, &source, now)?);
        heads.extend(recorder::heads(&site)?);
        let verified = log_reader::verify(&log, &site.signers, Some(id), &heads, Keep::Lines, now)?;
        if !source.is_sound(&verified)? {
            let report = Report {
                command,
                exit_code: ExitCode::BadLog.code(),
                verdict: Sentence::of("the log does not verify, so it cannot be used"),
                findings: crate::app::site::fault_report::reported(
                    &verified.findings,
                    &std::collections::BTreeMap::new(),
                ),
                body: Body::Verify(source.report(&verified)),
                next: Vec::new(),
            };
            return Ok(Err((report, ExitCode::BadLog)));
        }
        let past = source.past(&verified, &site)?;
        Ok(Ok(Self { site, log, id, verified, past, now }))
    }

    /// Verifies the log again after a session was added, and remembers its heads.
    ///
    /// # Errors
    /// If a file of it cannot be read.
    pub fn verify_again(&self) -> anyhow::Result<Verification> {
        let heads: &[Digest<of::Line>] = &self.verified.heads;
        let after =
            log_reader::verify(&self.log, &self.site.signers, Some(self.id), heads, Keep::Lines, streams::now())?;
        seen_heads::note(Some(self.id), &after);
        Ok(after)
    }
}
