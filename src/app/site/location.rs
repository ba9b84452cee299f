//! Where the trust folder and the log are.

use std::path::PathBuf;

/// Where the trust folder and the log are, as the user named them.
#[derive(Clone, Debug, Default)]
pub struct SiteLocation {
    /// The trust folder, or a git revision that holds one; `None`: the nearest `review.yaml` upward.
    pub trust: Option<String>,
    /// The log, a file or a folder; `None`: `log:` of `review.yaml`, else `review-log.jsonl` next to it.
    pub log: Option<PathBuf>,
}
