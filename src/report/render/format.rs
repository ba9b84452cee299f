//! The output formats.

/// A format of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// For people, at a terminal or pasted somewhere.
    #[default]
    Text,
    /// For programs (`schema_version` 2).
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// `JUnit` XML, a case per change.
    Junit,
    /// GitHub workflow annotations.
    Github,
    /// GitLab code quality.
    Gitlab,
    /// Markdown, for a comment on a pull request.
    Markdown,
}

impl Format {
    /// Every format.
    pub const ALL: &'static [Self] =
        &[Self::Text, Self::Json, Self::Sarif, Self::Junit, Self::Github, Self::Gitlab, Self::Markdown];

    /// The name that users type.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Sarif => "sarif",
            Self::Junit => "junit",
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Markdown => "markdown",
        }
    }
}
