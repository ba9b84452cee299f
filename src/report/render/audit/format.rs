//! The formats of the report for an auditor.

/// A format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum AuditFormat {
    /// A table for spreadsheets, with fixed columns.
    #[default]
    Csv,
    /// For programs.
    Json,
    /// Markdown.
    Markdown,
    /// One HTML page without script or outside resources.
    Html,
}

impl AuditFormat {
    /// Every format.
    pub const ALL: &'static [Self] = &[Self::Csv, Self::Json, Self::Markdown, Self::Html];
}
