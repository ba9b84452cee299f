//! `review freeze` and `review thaw`: stop an agent, a task, a plan or everything for a while, and end that.

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};

use crate::app::io::format::render;
use crate::app::io::streams;
use crate::app::session::freezing::{FreezeOutcome, FreezeRequest, freeze, thaw};
use crate::cli::shared_args::LocationArgs;
use crate::decision::exit::ExitCode;
use crate::input::time::Span;
use crate::log::line::FreezeKind;
use crate::report::render::format::Format;

/// Stop the changes of an agent, a task, a plan or everyone for a while.
///
/// While a freeze is in force, gate, record and export refuse the changes that it names with exit code 4. Changes that
/// only remove access pass. It ends by itself, or when its author and one more person, or two people who may override,
/// thaw it.
#[derive(Debug, Args)]
pub struct FreezeArgs {
    #[command(flatten)]
    what: FrozenArgs,
    /// How long it lasts: `4h`, `2d` [default and longest: 24h for `all`, else 7d].
    #[arg(long = "for", value_name = "TIME", value_parser = span)]
    lasts: Option<Span>,
}

/// Agree to end a freeze. It ends when another person agrees too.
#[derive(Debug, Args)]
pub struct ThawArgs {
    #[command(flatten)]
    what: FrozenArgs,
}

/// What is frozen or thawed.
#[derive(Debug, Args)]
struct FrozenArgs {
    /// An agent of agents.yaml, a task of tasks.yaml, a plan (its id or file), or `all`.
    #[arg(value_name = "AGENT|TASK|PLAN|all")]
    named: String,
    /// The reason, which is recorded.
    #[arg(long)]
    reason: String,
    /// The kind of the name, if it is ambiguous or not known yet.
    #[arg(long, value_enum)]
    kind: Option<FreezeKind>,
    /// Your key: a key file, or `key::` and a public key [default: `user.signingkey` of git].
    #[arg(long, value_name = "KEY", env = "REVIEW_KEY")]
    key: Option<String>,
    #[command(flatten)]
    place: LocationArgs,
}

impl ValueEnum for FreezeKind {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Agent, Self::Task, Self::Plan, Self::All]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.word()))
    }
}

fn span(word: &str) -> Result<Span, String> {
    Span::parse(word).ok_or_else(|| "write a time such as `12h` or `3d`".to_owned())
}

impl FreezeArgs {
    /// Freezes.
    ///
    /// # Errors
    /// If the tool cannot do its work; nothing is then frozen.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        finish(freeze(&self.what.request(self.lasts))?)
    }
}

impl ThawArgs {
    /// Agrees to end a freeze.
    ///
    /// # Errors
    /// If the tool cannot do its work; nothing is then thawed.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        finish(thaw(&self.what.request(None))?)
    }
}

impl FrozenArgs {
    fn request(&self, lasts: Option<Span>) -> FreezeRequest {
        FreezeRequest {
            place: self.place.location(),
            key: self.key.clone(),
            named: self.named.clone(),
            kind: self.kind,
            reason: self.reason.clone(),
            lasts,
        }
    }
}

/// Prints what came of it.
pub(super) fn finish(outcome: FreezeOutcome) -> anyhow::Result<ExitCode> {
    match outcome {
        FreezeOutcome::Refused(report, code) => {
            streams::data(&render(&report, Format::Text))?;
            Ok(code)
        }
        FreezeOutcome::Done(says, code) => {
            streams::note(&says);
            Ok(code)
        }
    }
}
