//! The id of the site's log.

use anyhow::anyhow;

use crate::app::io::command_error::hinted;
use crate::app::io::streams;
use crate::app::site::load::Site;
use crate::log::line::LogId;

/// The id of the site's log.
///
/// # Errors
/// If `review.yaml` has none, or one that is not 32 hexadecimal digits.
pub fn log_id(site: &Site) -> anyhow::Result<LogId> {
    let named = site.settings.log_id.as_ref().ok_or_else(|| {
        anyhow!(hinted(
            "review.yaml has no `log_id`",
            "run `review init` elsewhere and copy the line, or write `log_id:` and 32 hexadecimal digits"
        ))
    })?;
    LogId::parse(named.value.raw())
        .ok_or_else(|| anyhow!("`log_id` of review.yaml is not 32 lower-case hexadecimal digits"))
}

/// A new id for a log: 128 random bits in hexadecimal.
///
/// # Errors
/// If the system provides no random bytes.
pub fn new_log_id() -> anyhow::Result<String> {
    Ok(LogId::from_bytes(streams::random()?).to_string())
}
