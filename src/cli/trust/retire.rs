//! `review trust retire PERSON`: ends the keys of a person in `allowed_signers`, and names what is left to do by hand.

use clap::Args;

use crate::app::io::streams;
use crate::app::record::key_ends;
use crate::cli::shared_args::LocationArgs;
use crate::decision::exit::ExitCode;
use crate::input::id::PersonId;
use crate::input::time::Time;

/// End the keys of a person who leaves. What they signed stays authentic.
#[derive(Debug, Args)]
pub struct TrustRetireArgs {
    /// The person's id in people.yaml.
    #[arg(value_name = "PERSON")]
    person: String,
    /// The last second at which their keys may sign, in UTC, such as 2026-12-31T17:00:00Z [default: now].
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<Time>,
    #[command(flatten)]
    place: LocationArgs,
}

fn time(word: &str) -> Result<Time, String> {
    Time::parse(word).ok_or_else(|| "write the time in UTC, such as 2026-12-31T17:00:00Z".to_owned())
}

impl TrustRetireArgs {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let at = self.at.unwrap_or_else(streams::now);
        for said in key_ends::retire(&self.place.location(), &PersonId::new(self.person.as_str()), at)? {
            streams::note(&said);
        }
        Ok(ExitCode::Passes)
    }
}
