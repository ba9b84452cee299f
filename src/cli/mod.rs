//! The command line: one module per subcommand, with its arguments and its function.
//!
//! Writes data to stdout and everything else to stderr, and returns an exit code. Combines the other modules without
//! decisions of its own: verdicts come from `policy` and `decision`, wording from `report`.

pub mod access;
pub mod check;
pub mod completions;
pub mod confirm;
pub mod demo;
pub mod diff;
pub mod due;
pub mod explain;
pub mod export;
pub mod failure;
pub mod gate;
pub mod init;
pub mod log;
pub mod next_steps;
pub mod output_args;
pub mod person;
pub mod plan;
pub mod plan_sign;
pub mod record;
pub mod review;
pub mod rollback;
pub mod schema;
pub mod shared_args;
pub mod snapshot;
pub mod status;
pub mod trust;
pub mod verify;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode as ProcessCode;

use clap::Parser;
use clap::Subcommand;

use crate::decision::exit::ExitCode;
use crate::input::text::Text;

/// Review the access changes that AI assistants propose: what they do to effective access, what policies say, and who
/// approved them, in a signed log.
#[derive(Debug, Parser)]
#[command(
    name = "review",
    version,
    about,
    override_usage = "review [OPTIONS] PLAN|DIR...\n       review COMMAND",
    after_help = "`review PLAN...` asks you to approve or reject every change of the plans, in the terminal.\n`review decide --help` lists its options. If a plan has the name of a command, write `./NAME`.\n\nTo try it: `review demo`. For your own system: `review init`.\n\nExit codes: 0 passed; 1 could not run; 2 usage error; 3 denied by policy, or invalid plan;\n4 rejected or frozen; 5 undecided; 6 stale; 7 the log does not verify; 130 interrupted.",
    arg_required_else_help = false,
    disable_help_subcommand = false
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(hide = true, override_usage = "review [OPTIONS] PLAN|DIR...")]
    Decide(crate::cli::review::DecideArgs),
    Resume(crate::cli::review::ResumeArgs),
    Status(crate::cli::status::StatusArgs),
    Check(crate::cli::check::CheckArgs),
    Gate(crate::cli::gate::GateArgs),
    Record(crate::cli::record::RecordArgs),
    Export(crate::cli::export::ExportArgs),
    Confirm(crate::cli::confirm::ConfirmArgs),
    Due(crate::cli::due::DueArgs),
    Rollback(crate::cli::rollback::RollbackArgs),
    Baseline(crate::cli::person::baseline::BaselineArgs),
    Recertify(crate::cli::person::recertify::RecertifyArgs),
    Freeze(crate::cli::person::freeze::FreezeArgs),
    Thaw(crate::cli::person::freeze::ThawArgs),
    Diff(crate::cli::diff::DiffArgs),
    Access(crate::cli::access::AccessArgs),
    Explain(crate::cli::explain::ExplainArgs),
    Verify(crate::cli::verify::VerifyArgs),
    #[command(subcommand)]
    Log(crate::cli::log::LogCommand),
    #[command(subcommand, name = "plan")]
    PlanWork(crate::cli::plan_sign::PlanCommand),
    #[command(subcommand)]
    Trust(crate::cli::trust::TrustCommand),
    #[command(subcommand)]
    Snapshot(crate::cli::snapshot::SnapshotCommand),
    Schema(crate::cli::schema::SchemaArgs),
    Init(crate::cli::init::InitArgs),
    Demo(crate::cli::demo::DemoArgs),
    Completions(crate::cli::completions::CompletionsArgs),
    Man(crate::cli::completions::ManArgs),
    #[command(external_subcommand)]
    Plan(Vec<OsString>),
}

impl Command {
    /// The outputs, for commands that write several formats at once.
    fn writing(&self) -> Option<&crate::cli::output_args::Writing> {
        match self {
            Self::Check(page) => Some(page.writing()),
            Self::Gate(page) => Some(page.writing()),
            Self::Record(page) => Some(page.writing()),
            Self::Confirm(page) => Some(page.writing()),
            Self::Due(page) => Some(page.writing()),
            Self::Diff(page) => Some(page.writing()),
            Self::Access(page) => Some(page.writing()),
            Self::Explain(page) => Some(page.writing()),
            Self::Verify(page) => Some(page.writing()),
            Self::Trust(page) => page.writing(),
            Self::Decide(_)
            | Self::Resume(_)
            | Self::Status(_)
            | Self::Export(_)
            | Self::Rollback(_)
            | Self::Baseline(_)
            | Self::Recertify(_)
            | Self::Freeze(_)
            | Self::Thaw(_)
            | Self::Log(_)
            | Self::PlanWork(_)
            | Self::Snapshot(_)
            | Self::Schema(_)
            | Self::Init(_)
            | Self::Demo(_)
            | Self::Completions(_)
            | Self::Man(_)
            | Self::Plan(_) => None,
        }
    }
}

/// Subcommand names, which take precedence over a plan with the same name.
const NAMES: &[&str] = &[
    "resume",
    "status",
    "check",
    "gate",
    "record",
    "export",
    "confirm",
    "due",
    "rollback",
    "baseline",
    "recertify",
    "freeze",
    "thaw",
    "diff",
    "access",
    "explain",
    "verify",
    "log",
    "plan",
    "snapshot",
    "trust",
    "schema",
    "init",
    "demo",
    "completions",
    "man",
    "help",
];

/// Runs the program on the process's own arguments.
#[must_use]
pub fn main() -> ProcessCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let code = match parse(&arguments) {
        Ok(cli) => run(cli).unwrap_or_else(|error| {
            crate::app::io::streams::note(&failure::text(&error));
            failure::exit_code(&error)
        }),
        Err(error) => {
            let _ = error.print();
            if error.use_stderr() { ExitCode::Usage } else { ExitCode::Passes }
        }
    };
    ProcessCode::from(code.code())
}

fn parse(arguments: &[OsString]) -> Result<Cli, clap::Error> {
    let cli = Cli::try_parse_from(arguments)?;
    if let Some(clash) =
        cli.command.as_ref().and_then(Command::writing).and_then(crate::cli::output_args::Writing::clash)
    {
        use clap::CommandFactory as _;
        return Err(Cli::command().error(clap::error::ErrorKind::ArgumentConflict, clash));
    }
    let Some(Command::Plan(rest)) = &cli.command else { return Ok(cli) };
    let first = rest.first().cloned().unwrap_or_default();
    if !Path::new(&first).exists() && looks_like_command(&first) {
        return Err(unknown_command(&first));
    }
    // WHY: an external subcommand consumes all further arguments; parsed again as `decide`, flags work there too.
    let before = arguments.len().saturating_sub(rest.len());
    let mut again: Vec<OsString> = arguments.iter().take(before).cloned().collect();
    again.push("decide".into());
    again.extend(rest.iter().cloned());
    Cli::try_parse_from(again)
}

fn looks_like_command(word: &OsString) -> bool {
    word.to_str().is_some_and(|w| !w.is_empty() && w.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'))
}

fn unknown_command(word: &OsString) -> clap::Error {
    use clap::CommandFactory as _;
    let word = Text::from(word.to_string_lossy().into_owned());
    let nearest = crate::input::nearest::nearest(word.raw(), NAMES.iter().copied());
    let hint = nearest.map(|name| format!("; did you mean `review {name}`?")).unwrap_or_default();
    let message = format!("`{}` is neither a command nor a file{hint}", word.terminal());
    Cli::command().error(clap::error::ErrorKind::InvalidSubcommand, message)
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        None => {
            crate::app::io::streams::data(&crate::cli::next_steps::next(&std::env::current_dir()?))?;
            Ok(ExitCode::Passes)
        }
        Some(Command::Decide(page)) => page.run(),
        Some(Command::Resume(page)) => page.run(),
        Some(Command::Status(page)) => page.run(),
        Some(Command::Check(page)) => page.run(),
        Some(Command::Gate(page)) => page.run(),
        Some(Command::Record(page)) => page.run(),
        Some(Command::Export(page)) => page.run(),
        Some(Command::Confirm(page)) => page.run(),
        Some(Command::Due(page)) => page.run(),
        Some(Command::Rollback(page)) => page.run(),
        Some(Command::Baseline(page)) => page.run(),
        Some(Command::Recertify(page)) => page.run(),
        Some(Command::Freeze(page)) => page.run(),
        Some(Command::Thaw(page)) => page.run(),
        Some(Command::Diff(page)) => page.run(),
        Some(Command::Access(page)) => page.run(),
        Some(Command::Explain(page)) => page.run(),
        Some(Command::Verify(page)) => page.run(),
        Some(Command::Log(page)) => page.run(),
        Some(Command::PlanWork(page)) => page.run(),
        Some(Command::Trust(page)) => page.run(),
        Some(Command::Snapshot(page)) => page.run(),
        Some(Command::Schema(page)) => page.run(),
        Some(Command::Init(page)) => page.run(),
        Some(Command::Demo(page)) => page.run(),
        Some(Command::Completions(page)) => page.run(<Cli as clap::CommandFactory>::command()),
        Some(Command::Man(page)) => page.run(<Cli as clap::CommandFactory>::command()),
        Some(Command::Plan(_)) => Ok(ExitCode::Usage),
    }
}
