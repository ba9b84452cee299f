//! Plans that are not put before the person: expired ones, and ones that cannot be read as plans.
//!
//! In: a plan's file and what is wrong with it. Out: what is said of it, at the end and on stderr. It never changes what is
//! decided of the other plans.

use crate::app::io::format::render;
use crate::app::io::streams;
use crate::app::site::load::Faults;
use crate::decision::exit::ExitCode;
use crate::report::render::format::Format;
use crate::report::sentence::Sentence;

/// A plan that is not put before the person, and why.
pub struct SkippedPlan {
    /// Its file.
    pub file: String,
    /// Why.
    pub why: Sentence,
    /// What it contributes to the exit code.
    pub code: ExitCode,
    /// What is wrong with it, to be printed at the end.
    pub faults: Option<Faults>,
}

/// Says what is wrong with each.
pub fn tell_faults(all: &[SkippedPlan]) {
    for (faults, code) in all.iter().filter_map(|passed| Some((passed.faults.as_ref()?, passed.code))) {
        streams::note(render(&crate::app::site::fault_report::faults("review", faults, code), Format::Text).trim_end());
    }
}
