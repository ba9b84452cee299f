//! The output of the command line: data on stdout, everything else on stderr.
//!
//! A closed pipe is a failure of the tool (exit 1), never a panic.

use std::io::{IsTerminal as _, Write as _};

use crate::report::layout::fill;

/// Writes data to stdout.
///
/// # Errors
/// If stdout is closed or full.
pub fn data(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|e| anyhow::anyhow!("stdout cannot be written: {e}"))
}

/// Writes a line to stderr. Wraps it between words if stderr is a terminal, but not otherwise, because programs read it
/// then. A closed stderr is ignored.
pub fn note(text: &str) {
    let mut err = std::io::stderr().lock();
    let _ = if err.is_terminal() {
        writeln!(err, "{}", fill(text, width_of(std::io::stderr())))
    } else {
        writeln!(err, "{text}")
    };
}

/// Whether stdout may have colour: it is a terminal, `NO_COLOR` is not set, and `TERM` is not `dumb`.
#[must_use]
pub fn stdout_colour() -> bool {
    colour_allowed() && std::io::stdout().is_terminal()
}

/// Whether `NO_COLOR` and `TERM` allow colour. Source: <https://no-color.org>.
#[must_use]
pub fn colour_allowed() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()) && std::env::var_os("TERM").is_none_or(|t| t != "dumb")
}

/// The output width: `COLUMNS`, otherwise the terminal's, otherwise 80; between 40 and 200.
#[must_use]
pub fn width() -> usize {
    width_of(std::io::stdout())
}

fn width_of(stream: impl std::os::fd::AsFd) -> usize {
    let wanted = std::env::var("COLUMNS").ok().and_then(|c| c.parse::<usize>().ok());
    let found = wanted.or_else(|| {
        let size = rustix::termios::tcgetwinsize(stream).ok()?;
        Some(usize::from(size.ws_col))
    });
    found.filter(|w| *w > 0).unwrap_or(80).clamp(40, 200)
}

/// The current time in whole seconds. The only clock of the command line.
#[must_use]
pub fn now() -> crate::input::time::Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    crate::input::time::Time::from_unix(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// Random bytes from the operating system.
///
/// # Errors
/// If the system's generator fails.
pub fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes).map_err(|e| anyhow::anyhow!("the system provides no random bytes: {e}"))?;
    Ok(bytes)
}
