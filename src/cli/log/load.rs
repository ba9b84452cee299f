//! Reads and verifies the log of a `review log` command.

use std::path::PathBuf;

use anyhow::anyhow;

use crate::app::io::command_error::hinted;
use crate::app::io::format::render;
use crate::app::io::streams;
use crate::app::record::log_reader;
use crate::app::site::load::Site;
use crate::app::site::location::SiteLocation;
use crate::app::site::trust_folder::TrustFolderError;
use crate::decision::exit::ExitCode;
use crate::log::verify::answers::{Keep, Verification};
use crate::report::model::Report;
use crate::report::render::format::Format;

/// The message for a site without decisions.
pub(crate) const NO_LOG_YET: &str = "there is no log yet";

pub(crate) fn load(
    path: Option<&PathBuf>,
    place: &SiteLocation,
) -> anyhow::Result<Result<(PathBuf, Verification), Report>> {
    let loaded = Site::load(place).map_err(|error| match error.downcast_ref() {
        Some(TrustFolderError::NotFound) => anyhow!(hinted("a trust folder says whose keys count in a log, and there is no `review.yaml` here or in any folder above", "name one with `--trust DIR`; without one, `review verify LOG --signers FILE` judges a log and prints its heads")),
        Some(_) | None => error,
    });
    let site = match loaded? {
        Ok(site) => site,
        Err(faults) => return Ok(Err(crate::app::site::fault_report::faults("log", &faults, ExitCode::Failure))),
    };
    let named = path.or(place.log.as_ref());
    let path = named.cloned().unwrap_or_else(|| site.log_path(place));
    // WHY: it is a valid result that a site has no log yet, but an error that a named log does not exist.
    anyhow::ensure!(
        named.is_none() || !log_reader::files(&path)?.is_empty(),
        hinted(format!("there is no log `{}`", crate::app::io::files::shown(&path)), "name the log's file or folder")
    );
    let verified = log_reader::verify(&path, &site.signers, None, &[], Keep::Lines, streams::now())?;
    Ok(Ok((path, verified)))
}

/// A log that a command may rely on, or the exit code of its refusal.
pub(crate) enum Sound {
    /// The log verifies, or there is none yet.
    Log(PathBuf, Box<Verification>),
    /// The reason was reported.
    Refused(ExitCode),
}

/// Reads and verifies a log, and refuses one that does not verify.
pub(crate) fn load_sound(command: &'static str, path: Option<&PathBuf>, place: &SiteLocation) -> anyhow::Result<Sound> {
    let (path, verified) = match load(path, place)? {
        Ok(loaded) => loaded,
        Err(report) => {
            streams::data(&render(&Report { command, ..report }, Format::Text))?;
            return Ok(Sound::Refused(ExitCode::Failure));
        }
    };
    if !log_reader::is_sound(&path, &verified)? {
        streams::note("error: the log does not verify, so it is not reported\n  = help: see `review verify LOG`");
        return Ok(Sound::Refused(ExitCode::BadLog));
    }
    if log_reader::files(&path)?.is_empty() {
        streams::note(NO_LOG_YET);
    }
    Ok(Sound::Log(path, Box::new(verified)))
}
