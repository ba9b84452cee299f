//! The location of the trust folder and the log.

use std::path::PathBuf;

/// The location of the trust folder and the log, as given by the user.
#[derive(Clone, Debug, Default)]
pub struct SiteLocation {
    /// The trust folder, or a git revision that contains one; `None`: the nearest `review.yaml` upward.
    pub trust: Option<String>,
    /// The log, a file or a folder; `None`: `log:` of `review.yaml`, otherwise `review-log.jsonl` next to it.
    pub log: Option<PathBuf>,
}
