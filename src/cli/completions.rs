//! `review completions` and `review man`: generated from the definitions of the command line.

use clap::Args;
use clap_complete::Shell;

use crate::app::io::streams;
use crate::decision::exit::ExitCode;

/// Print a completion script for a shell.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell.
    shell: Shell,
}

/// Print the manual page.
#[derive(Debug, Args)]
pub struct ManArgs {}

impl CompletionsArgs {
    /// Prints the script for the shell.
    ///
    /// # Errors
    /// If stdout is closed.
    pub fn run(&self, mut program: clap::Command) -> anyhow::Result<ExitCode> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut program, "review", &mut script);
        streams::data(&String::from_utf8_lossy(&script))?;
        Ok(ExitCode::Passes)
    }
}

impl ManArgs {
    /// Prints the page as roff.
    ///
    /// # Errors
    /// If stdout is closed.
    pub fn run(&self, program: clap::Command) -> anyhow::Result<ExitCode> {
        let mut page = Vec::new();
        clap_mangen::Man::new(program).render(&mut page)?;
        streams::data(&String::from_utf8_lossy(&page))?;
        Ok(ExitCode::Passes)
    }
}
