//! What a failure of a command says: its message, its help, and its exit code.

use crate::app::io::command_error::CommandError;
use crate::app::io::git::RevisionError;
use crate::app::site::trust_folder::TrustFolderError;
use crate::decision::exit::ExitCode;
use crate::log::store::StoreError;

/// The message of a failure, followed by those of its causes.
#[must_use]
pub fn message(error: &anyhow::Error) -> String {
    let mut out = String::new();
    let mut last = String::new();
    for cause in error.chain().map(ToString::to_string) {
        // WHY: some errors include their cause in their own message, and the chain would repeat it.
        if last.is_empty() || !last.ends_with(&cause) {
            out.push_str(if last.is_empty() { "" } else { ": " });
            out.push_str(&cause);
            last = cause;
        }
    }
    out
}

/// How to fix the cause: the help of the error that has one, or what the kind of system error suggests.
#[must_use]
pub fn help(error: &anyhow::Error) -> Option<String> {
    if let Some(error) = error.downcast_ref::<CommandError>().and_then(CommandError::help) {
        return Some(error.to_owned());
    }
    error.chain().find_map(|cause| {
        if let Some(error) = cause.downcast_ref::<CommandError>() {
            return error.help().map(ToOwned::to_owned);
        }
        if let Some(error) = cause.downcast_ref::<TrustFolderError>() {
            return error.help();
        }
        if let Some(error) = cause.downcast_ref::<RevisionError>() {
            return error.help();
        }
        if let Some(error) = cause.downcast_ref::<StoreError>() {
            return Some(error.help().to_owned());
        }
        match cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind) {
            Some(std::io::ErrorKind::NotFound) => {
                Some("check the name; relative names start at the current folder".to_owned())
            }
            Some(std::io::ErrorKind::PermissionDenied) => Some("check that you may read and write there".to_owned()),
            _ => None,
        }
    })
}

/// The exit code of a failure.
#[must_use]
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    match error.chain().find_map(|cause| cause.downcast_ref::<StoreError>()) {
        Some(StoreError::DoesNotVerify { .. }) => ExitCode::BadLog,
        Some(_) | None => ExitCode::Failure,
    }
}

/// The lines that are printed for a failure.
#[must_use]
pub fn text(error: &anyhow::Error) -> String {
    let help = help(error).map(|help| format!("\n  = help: {help}")).unwrap_or_default();
    format!("error: {}{help}", message(error))
}
