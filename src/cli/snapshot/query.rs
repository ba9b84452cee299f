//! `review snapshot query`: prints the query whose result an importer reads.

use clap::Args;

use crate::app::io::command_error::hinted;
use crate::app::io::streams;
use crate::decision::exit::ExitCode;
use crate::snapshot::import::{IMPORTERS, Importer, importer_of, nearest_system};

/// Print the query to export a system with; it only reads.
#[derive(Debug, Args)]
#[command(after_help = "  review snapshot query postgresql | psql -AtX -d DATABASE > DATABASE.json")]
pub struct QueryArgs {
    /// The system: `postgresql`.
    system: String,
}

impl QueryArgs {
    /// Prints the query.
    ///
    /// # Errors
    /// If the system has none, or stdout cannot be written.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        let known = importer_of(&self.system);
        if let Some(query) = known.and_then(Importer::query) {
            streams::data(query)?;
            return Ok(ExitCode::Passes);
        }
        let systems = IMPORTERS.iter().filter(|importer| importer.query().is_some()).map(|importer| importer.system());
        let systems: Vec<String> = systems.map(|system| format!("`{system}`")).collect();
        let help = match (known, nearest_system(&self.system)) {
            (Some(importer), _) => {
                format!("its exports are written by `{}`", importer.commands().first().copied().unwrap_or_default())
            }
            (None, Some(near)) => format!("did you mean `{near}`?"),
            (None, None) => format!("there is a query for {}", systems.join(", ")),
        };
        let system = crate::input::text::Text::from(self.system.as_str());
        anyhow::bail!(hinted(format!("there is no query for `{}`", system.terminal()), help))
    }
}
