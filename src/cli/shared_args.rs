//! Arguments that several commands share.

use std::path::PathBuf;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};

use crate::app::plans::selection::Selection;
use crate::app::site::location::SiteLocation;
use crate::report::render::format::Format;

/// Where the trust folder and the log are.
#[derive(Clone, Debug, Default, Args)]
pub struct LocationArgs {
    /// The trust folder, or a git revision that contains one [default: the nearest folder upward with `review.yaml`].
    #[arg(long, value_name = "DIR|GIT-REF")]
    pub trust: Option<String>,
    /// The log, a file or a folder [default: `log` in review.yaml, else review-log.jsonl next to it].
    #[arg(long, value_name = "LOG", env = "REVIEW_LOG")]
    pub log: Option<PathBuf>,
}

impl LocationArgs {
    /// The location as the use cases take it.
    #[must_use]
    pub fn location(&self) -> SiteLocation {
        SiteLocation { trust: self.trust.clone(), log: self.log.clone() }
    }
}

/// Which plans are evaluated.
#[derive(Clone, Debug, Default, Args)]
pub struct SelectionArgs {
    /// The plans; a folder means every plan in it.
    #[arg(required_unless_present = "changed_since", value_name = "PLAN|DIR")]
    plans: Vec<PathBuf>,
    /// Only plans changed since the merge base with this branch or commit (committed files only).
    #[arg(long, value_name = "GIT-REF")]
    changed_since: Option<String>,
    /// The commit to evaluate with `--changed-since`.
    #[arg(long, value_name = "GIT-REF", requires = "changed_since", default_value = "HEAD")]
    head: String,
}

impl SelectionArgs {
    /// Whether no plan is named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.plans.is_empty() && self.changed_since.is_none()
    }

    /// The selection as the use cases take it.
    #[must_use]
    pub fn selection(&self) -> Selection {
        Selection { plans: self.plans.clone(), changed_since: self.changed_since.clone(), head: self.head.clone() }
    }
}

/// How data is written to stdout. The format never changes the exit code.
impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Self] {
        Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (name, help) = match self {
            Self::Text => ("text", "Text to read in a terminal"),
            Self::Json => ("json", "JSON (`review schema report`)"),
            Self::Sarif => ("sarif", "SARIF 2.1.0"),
            Self::Junit => ("junit", "JUnit XML"),
            Self::Github => ("github", "GitHub workflow annotations"),
            Self::Gitlab => ("gitlab", "GitLab code quality"),
            Self::Markdown => ("markdown", "Markdown"),
        };
        Some(PossibleValue::new(name).help(help))
    }
}
