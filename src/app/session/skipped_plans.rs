//! Plans that are not shown to the person: expired ones, and files that do not parse as plans.
//!
//! Reports each with its faults, at the end and on stderr. They have no effect on decisions about other plans.

use crate::app::io::format::render;
use crate::app::io::streams;
use crate::app::site::load::Faults;
use crate::decision::exit::ExitCode;
use crate::report::render::format::Format;
use crate::report::sentence::Sentence;

/// A plan that is not shown to the person.
pub struct SkippedPlan {
    /// Its file.
    pub file: String,
    /// The reason.
    pub why: Sentence,
    /// Its contribution to the exit code.
    pub code: ExitCode,
    /// Its faults, to be printed at the end.
    pub faults: Option<Faults>,
}

/// Reports the faults of each.
pub fn tell_faults(all: &[SkippedPlan]) {
    for (faults, code) in all.iter().filter_map(|passed| Some((passed.faults.as_ref()?, passed.code))) {
        streams::note(render(&crate::app::site::fault_report::faults("review", faults, code), Format::Text).trim_end());
    }
}
