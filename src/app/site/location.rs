//! Where the trust folder and the log are.

use std::path::PathBuf;

use clap::Args;

/// Where the judges are, and the record.
#[derive(Clone, Debug, Default, Args)]
pub struct Where {
    /// The trust folder: a folder, or a git revision that holds one [default: the nearest `review.yaml` upward].
    #[arg(long, value_name = "DIR|GIT-REF")]
    pub trust: Option<String>,
    /// The log: a file or a folder [default: `log:` of review.yaml, else review-log.jsonl beside it].
    #[arg(long, value_name = "LOG", env = "REVIEW_LOG")]
    pub log: Option<PathBuf>,
}
