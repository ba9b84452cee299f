//! `review log events`: the lines of the log as events for a SIEM.

use std::path::PathBuf;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};

use crate::app::audit::audited_log::AuditedLog;
use crate::app::audit::events::events;
use crate::app::io::streams;
use crate::cli::log::load::{Sound, load_sound};
use crate::cli::shared_args::LocationArgs;
use crate::decision::exit::ExitCode;
use crate::input::digest::{Digest, of};
use crate::report::render::events::{EventFormat, render};

/// Write an event for each decision, automatic outcome, export, result, freeze, thaw and baseline, one JSON line each.
///
/// An event's id is the hash of its line, so that a repeated event can be recognised.
#[derive(Debug, Args)]
pub struct LogEventsArgs {
    /// The log [default: the one of the trust folder].
    path: Option<PathBuf>,
    /// Only sessions after this head, a hash that `review log head` printed.
    #[arg(long, value_name = "HEAD", value_parser = head)]
    since: Option<Digest<of::Line>>,
    #[command(flatten)]
    place: LocationArgs,
    /// The format of the events.
    #[arg(long, value_enum, default_value_t)]
    format: EventFormat,
}

impl ValueEnum for EventFormat {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Json, Self::Ocsf]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (name, help) = match self {
            Self::Json => ("json", "This tool's own form (`review schema log-event`)"),
            Self::Ocsf => ("ocsf", "OCSF 1.3, Identity & Access Management"),
        };
        Some(PossibleValue::new(name).help(help))
    }
}

fn head(text: &str) -> Result<Digest<of::Line>, String> {
    Digest::parse(text).ok_or_else(|| "expected 64 hexadecimal digits, as `review log head` prints them".to_owned())
}

impl LogEventsArgs {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let (path, verified) = match load_sound("log events", self.path.as_ref(), &self.place.location())? {
            Sound::Log(path, verified) => (path, verified),
            Sound::Refused(code) => return Ok(code),
        };
        let Some(events) = events(&AuditedLog::read(&path, &verified)?, self.since) else {
            streams::note(
                "error: the head of `--since` is not in the log\n  = help: find the copy of the log that contains it, and merge the two with `review log merge`",
            );
            return Ok(ExitCode::BadLog);
        };
        streams::data(&render(&events, self.format))?;
        Ok(ExitCode::Passes)
    }
}
