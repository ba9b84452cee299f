//! The kinds of objects that PostgreSQL grants privileges on, and the privileges of each.
//!
//! Source: PostgreSQL, "Privileges", table "Summary of access privileges".

/// A kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum GrantableKind {
    Table,
    Sequence,
    Schema,
    Database,
    Function,
    Type,
    Language,
    ForeignDataWrapper,
    ForeignServer,
    Tablespace,
    LargeObject,
    Parameter,
}

impl GrantableKind {
    const ALL: [Self; 12] = [
        Self::Table,
        Self::Sequence,
        Self::Schema,
        Self::Database,
        Self::Function,
        Self::Type,
        Self::Language,
        Self::ForeignDataWrapper,
        Self::ForeignServer,
        Self::Tablespace,
        Self::LargeObject,
        Self::Parameter,
    ];

    /// The kind of a word of the export. Views are tables, and procedures are functions.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// The word that the export and ids of resources use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Sequence => "sequence",
            Self::Schema => "schema",
            Self::Database => "database",
            Self::Function => "function",
            Self::Type => "type",
            Self::Language => "language",
            Self::ForeignDataWrapper => "foreign_data_wrapper",
            Self::ForeignServer => "foreign_server",
            Self::Tablespace => "tablespace",
            Self::LargeObject => "large_object",
            Self::Parameter => "parameter",
        }
    }

    /// Whether its objects are in schemas.
    pub fn is_in_schema(self) -> bool {
        matches!(self, Self::Table | Self::Sequence | Self::Function | Self::Type)
    }

    /// Whether all databases of a server share its objects.
    pub fn is_of_server(self) -> bool {
        matches!(self, Self::Database | Self::Tablespace | Self::Parameter)
    }

    /// The privileges that its owner has.
    pub fn privileges(self, server_version: u32) -> &'static [&'static str] {
        const TABLE: &[&str] =
            &["DELETE", "INSERT", "REFERENCES", "SELECT", "TRIGGER", "TRUNCATE", "UPDATE", "MAINTAIN"];
        match self {
            Self::Table if server_version >= 170_000 => TABLE,
            Self::Table => TABLE.split_last().map_or(&[], |(_, before)| before),
            Self::Sequence => &["SELECT", "UPDATE", "USAGE"],
            Self::Schema => &["CREATE", "USAGE"],
            Self::Database => &["CONNECT", "CREATE", "TEMPORARY"],
            Self::Function => &["EXECUTE"],
            Self::Type | Self::Language | Self::ForeignDataWrapper | Self::ForeignServer => &["USAGE"],
            Self::Tablespace => &["CREATE"],
            Self::LargeObject => &["SELECT", "UPDATE"],
            Self::Parameter => &["ALTER SYSTEM", "SET"],
        }
    }
}

/// Whether row security policies restrict a privilege on a table.
pub(super) fn reads_or_writes_rows(privilege: &str) -> bool {
    matches!(privilege, "SELECT" | "INSERT" | "UPDATE" | "DELETE")
}

/// Whether a text can be the name of a privilege: upper-case words.
pub(crate) fn is_privilege(text: &str) -> bool {
    !text.is_empty() && text.split(' ').all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_uppercase()))
}
