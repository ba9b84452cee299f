//! Parses, runs, exits. Nothing else belongs here.

use std::process::ExitCode;

fn main() -> ExitCode {
    review::cli::main()
}
