//! `review completions` and `review man`: from the same definitions as the command line itself.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::output;
use crate::decision::exit::ExitCode;

/// Prints a completion script.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell to complete for.
    shell: Shell,
}

/// Prints the manual page.
#[derive(Debug, Args)]
pub struct Man {}

impl Completions {
    /// Prints the script for the shell.
    ///
    /// # Errors
    /// If stdout is closed.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut super::Cli::command(), "review", &mut script);
        output::data(&String::from_utf8_lossy(&script))?;
        Ok(ExitCode::Passes)
    }
}

impl Man {
    /// Prints the page as roff.
    ///
    /// # Errors
    /// If stdout is closed.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        let mut page = Vec::new();
        clap_mangen::Man::new(super::Cli::command()).render(&mut page)?;
        output::data(&String::from_utf8_lossy(&page))?;
        Ok(ExitCode::Passes)
    }
}
