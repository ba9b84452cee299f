//! `review trust revoke KEY`: adds a key to `revoked_keys`, and says which sessions stop counting.

use clap::Args;

use crate::app::io::streams;
use crate::app::record::head_files::parse_head;
use crate::app::record::key_ends;
use crate::cli::shared_args::LocationArgs;
use crate::decision::exit::ExitCode;
use crate::input::digest::{Digest, of};

/// Revoke a lost or stolen key. What it signed up to a head of the log can stay valid.
#[derive(Debug, Args)]
pub struct TrustRevokeArgs {
    /// The key: a `SHA256:` fingerprint, a public key, or the file of one.
    #[arg(value_name = "KEY")]
    key: String,
    /// The last session of the log that the rightful owner signed, or a later head from before the loss: the hash of its
    /// seal, as `review log head` prints it [default: nothing that the key signed counts].
    #[arg(long, value_name = "HEAD", value_parser = head)]
    up_to: Option<Digest<of::Line>>,
    /// Why, as a comment in the file.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    place: LocationArgs,
}

fn head(word: &str) -> Result<Digest<of::Line>, String> {
    parse_head(word).ok_or_else(|| "a head is the hash of a seal, 64 hexadecimal digits".to_owned())
}

impl TrustRevokeArgs {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let reason = self.reason.as_deref().unwrap_or_default();
        for said in key_ends::revoke(&self.place.location(), &self.key, self.up_to, reason)? {
            streams::note(&said);
        }
        Ok(ExitCode::Passes)
    }
}
