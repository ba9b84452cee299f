//! `review log report`: the report about decisions for an auditor, and the one about rules.

use std::path::PathBuf;

use clap::builder::PossibleValue;
use clap::{Args, Subcommand, ValueEnum};

use crate::app::audit::report::{AuditRequest, Period, report};
use crate::app::audit::rules::rules;
use crate::app::io::format::render;
use crate::app::io::streams;
use crate::cli::log::load::{Sound, load_sound};
use crate::cli::shared_args::LocationArgs;
use crate::decision::exit::ExitCode;
use crate::input::text::Text;
use crate::input::time::{Span, Time};
use crate::report::model::{Body, Report, Reported};
use crate::report::render::audit;
use crate::report::render::audit::format::AuditFormat;
use crate::report::render::format::Format;
use crate::report::sentence::Sentence;

/// Report who approved what, under which policy, with which result.
///
/// Only a log that verifies is reported. The head of the report has the hashes of its inputs and the command line.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct LogReportArgs {
    #[command(subcommand)]
    about: Option<ReportCommand>,
    #[command(flatten)]
    whole: DecisionReportArgs,
}

#[derive(Debug, Subcommand)]
enum ReportCommand {
    /// Report how the rules changed: trust files between sessions, approval steps over time, overrides.
    Rules(RulesReportArgs),
}

/// Which log, and which part of time.
#[derive(Debug, Args)]
struct PeriodArgs {
    /// The log [default: the one of the trust folder].
    path: Option<PathBuf>,
    /// The start of the period: a date or a time, inclusive.
    #[arg(long, value_name = "DATE", value_parser = from)]
    from: Option<Time>,
    /// The end of the period: a date or a time, inclusive.
    #[arg(long, value_name = "DATE", value_parser = until)]
    to: Option<Time>,
    #[command(flatten)]
    place: LocationArgs,
}

impl PeriodArgs {
    fn period(&self) -> Period {
        Period { from: self.from, until: self.to }
    }
}

#[derive(Debug, Args)]
struct DecisionReportArgs {
    #[command(flatten)]
    part: PeriodArgs,
    /// Match every assignment of this snapshot to the decision that gave it.
    #[arg(long, value_name = "SNAPSHOT")]
    population: Option<PathBuf>,
    /// List only a sample of this many rows. Counts still cover all rows.
    #[arg(long, value_name = "N", requires = "seed")]
    sample: Option<u64>,
    /// The seed of the sample, any text. The same seed gives the same rows.
    #[arg(long, value_name = "S", requires = "sample")]
    seed: Option<String>,
    /// The format of the report.
    #[arg(long, value_enum, default_value_t)]
    format: AuditFormat,
}

#[derive(Debug, Args)]
struct RulesReportArgs {
    #[command(flatten)]
    part: PeriodArgs,
    /// The format of the report.
    #[arg(long, value_enum, default_value_t, env = "REVIEW_FORMAT")]
    format: Format,
}

impl ValueEnum for AuditFormat {
    fn value_variants<'a>() -> &'a [Self] {
        Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (name, help) = match self {
            Self::Csv => ("csv", "A table with fixed columns, for spreadsheets"),
            Self::Json => ("json", "For programs (`review schema log-report`)"),
            Self::Markdown => ("markdown", "Markdown"),
            Self::Html => ("html", "One page without script or outside resources"),
        };
        Some(PossibleValue::new(name).help(help))
    }
}

const EXPECTED: &str = "expected a date such as `2026-11-30`, or a time such as `2026-11-30T08:00:00Z`";

fn from(text: &str) -> Result<Time, String> {
    Time::parse(text).ok_or_else(|| EXPECTED.to_owned())
}

/// The first second after the period: that after the day of a date, or that after a time.
fn until(text: &str) -> Result<Time, String> {
    let last = Time::parse(text).ok_or_else(|| EXPECTED.to_owned())?;
    Ok(last.plus(if text.len() == 10 { Span::from_days(1) } else { Span::from_seconds(1) }))
}

impl LogReportArgs {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        match &self.about {
            Some(ReportCommand::Rules(page)) => page.run(),
            None => self.whole.run(),
        }
    }
}

impl DecisionReportArgs {
    fn run(&self) -> anyhow::Result<ExitCode> {
        let (path, verified) = match load_sound("log report", self.part.path.as_ref(), &self.part.place.location())? {
            Sound::Log(path, verified) => (path, verified),
            Sound::Refused(code) => return Ok(code),
        };
        let request = AuditRequest {
            command_line: command_line(),
            now: streams::now(),
            period: self.part.period(),
            population: self.population.as_deref(),
            sample: self.sample.zip(self.seed.as_deref().map(Text::from)),
        };
        match report(&path, &verified, request)? {
            Ok(report) => {
                streams::data(&audit::render(&report, self.format))?;
                Ok(ExitCode::Passes)
            }
            Err(faults) => {
                let report = crate::app::site::fault_report::faults("log report", &faults, ExitCode::Failure);
                streams::data(&render(&report, Format::Text))?;
                Ok(ExitCode::Failure)
            }
        }
    }
}

impl RulesReportArgs {
    fn run(&self) -> anyhow::Result<ExitCode> {
        let place = self.part.place.location();
        let verified = match load_sound("log report rules", self.part.path.as_ref(), &place)? {
            Sound::Log(_, verified) => verified,
            Sound::Refused(code) => return Ok(code),
        };
        let report = Report {
            command: "log report rules",
            exit_code: ExitCode::Passes.code(),
            verdict: Sentence::of("the log is intact and authentic"),
            findings: verified.findings.iter().map(|f| Reported::new(f.clone(), |_| None)).collect(),
            body: Body::Sheets(rules(&verified, self.part.period())),
            next: Vec::new(),
        };
        streams::data(&render(&report, self.format))?;
        Ok(ExitCode::Passes)
    }
}

/// The command line, quoted for a shell where needed.
fn command_line() -> Text {
    let plain =
        |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./:=,@%+".contains(&b));
    let quoted = |word: String| if plain(&word) { word } else { format!("'{}'", word.replace('\'', "'\\''")) };
    let words = std::env::args_os().skip(1).map(|word| quoted(word.to_string_lossy().into_owned()));
    Text::from(std::iter::once("review".to_owned()).chain(words).collect::<Vec<_>>().join(" "))
}
