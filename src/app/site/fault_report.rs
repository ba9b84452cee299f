//! Faults of the trust files and of a plan, as a report.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::app::site::load::{Faults, Sources};
use crate::decision::exit::ExitCode;
use crate::input::finding::Finding;
use crate::report::model::{Body, Report, Reported};
use crate::report::sentence::Sentence;

/// A report that contains only faults.
#[must_use]
pub fn faults(command: &'static str, faults: &Faults, code: ExitCode) -> Report {
    let verdict = if code == ExitCode::Denied {
        "the plan is invalid; it was not evaluated further"
    } else if code == ExitCode::Passes {
        "the plan was written, with warnings"
    } else {
        "a trust file is invalid; nothing was evaluated"
    };
    Report {
        command,
        exit_code: code.code(),
        verdict: Sentence::of(verdict),
        findings: reported(&faults.findings, &faults.sources),
        body: Body::Findings,
        next: Vec::new(),
    }
}

/// Findings with their source lines.
#[must_use]
pub fn reported(findings: &[Finding], sources: &BTreeMap<String, Rc<[u8]>>) -> Vec<Reported> {
    findings.iter().map(|finding| Reported::new(finding.clone(), |name| source(sources, name))).collect()
}

pub(crate) fn source<'a>(sources: &'a Sources, name: &str) -> Option<&'a str> {
    sources.get(name).and_then(|bytes| std::str::from_utf8(bytes).ok())
}
