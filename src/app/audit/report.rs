//! `review log report`: builds the report about the decisions of a verified log.

use std::path::Path;

use anyhow::{Context as _, ensure};

use crate::app::audit::audited_log::AuditedLog;
use crate::app::audit::inherited::Baselines;
use crate::app::audit::population::CoveredAccess;
use crate::app::audit::recertified::Recertified;
use crate::app::audit::{decided, lifecycle, population, sampling, summary};
use crate::app::io::command_error::hinted;
use crate::app::io::files::shown;
use crate::app::record::log_reader;
use crate::app::site::fault_report::reported;
use crate::app::site::load::Faults;
use crate::app::site::trust_folder::MAX_SNAPSHOT;
use crate::input::digest::Digest;
use crate::input::text::Text;
use crate::input::time::Time;
use crate::log::verify::answers::Verification;
use crate::report::audit::{AuditAnswer, AuditHead, AuditReport, AuditedSnapshot, PopulationRow, SampleNote};
use crate::report::record::VerifyAnswer;
use crate::snapshot::model::Snapshot;

/// The part of time that a report is about.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Period {
    /// The start, inclusive.
    pub(crate) from: Option<Time>,
    /// The end, exclusive.
    pub(crate) until: Option<Time>,
}

impl Period {
    /// Whether a time is within it.
    pub(crate) fn contains(&self, at: Time) -> bool {
        self.from.is_none_or(|from| at >= from) && self.until.is_none_or(|until| at < until)
    }
}

/// What the report shall contain.
pub(crate) struct AuditRequest<'r> {
    /// The command line, for the head.
    pub(crate) command_line: Text,
    /// The time now, for the head.
    pub(crate) now: Time,
    /// Which decisions are listed.
    pub(crate) period: Period,
    /// The snapshot whose assignments are matched.
    pub(crate) population: Option<&'r Path>,
    /// The size of the sample, and its seed.
    pub(crate) sample: Option<(u64, Text)>,
}

/// Builds the report about a log that verifies.
///
/// # Errors
/// If a file cannot be read. A snapshot with faults is returned as such.
pub(crate) fn report(
    path: &Path,
    verified: &Verification,
    request: AuditRequest<'_>,
) -> anyhow::Result<Result<AuditReport, Faults>> {
    let log = AuditedLog::read(path, verified)?;
    let mut all = decided::all(&log);
    lifecycle::follow(&log, &mut all);
    let mut head = head(path, &log, &request);
    let mut rows = None;
    if let Some(file) = request.population {
        let (snapshot, note) = match snapshot(file)? {
            Ok(read) => read,
            Err(faults) => return Ok(Err(faults)),
        };
        let (matched, sum) = {
            let baselines = Baselines::read(&log, &snapshot, &|_| true);
            let recertified = Recertified::read(&log, &snapshot, &mut |_, _| true);
            let covered = CoveredAccess { baselines, recertified };
            population::matched(&log, &snapshot, &mut all, &covered, snapshot.taken_at)
        };
        head.snapshot = Some(note);
        head.reconciliation = Some(sum);
        rows = Some(matched);
    }
    all.retain(|one| request.period.contains(one.row.decided_at));
    let summary = summary::summarise(&all);
    let mut decisions: Vec<_> = all.into_iter().map(|one| one.row).collect();
    if let Some((size, seed)) = request.sample {
        head.sample = Some(SampleNote {
            size,
            seed: seed.clone(),
            of_decisions: decisions.len() as u64,
            of_population: rows.as_ref().map_or(0, Vec::len) as u64,
        });
        decisions = sampling::draw(decisions, size, &seed, |row| row.decision.to_string());
        rows = rows.map(|rows| sampling::draw(rows, size, &seed, sampled));
    }
    let findings = reported(&verified.findings, &std::collections::BTreeMap::new());
    Ok(Ok(AuditReport { head, summary, decisions, population: rows, findings }))
}

/// What identifies a row in a sample: the id of the assignment, or the member and the group.
fn sampled(row: &PopulationRow) -> String {
    let group = row.entitlement.as_ref().map_or("", Text::raw);
    row.assignment.as_ref().map_or_else(|| format!("{}\0{group}", row.subject.raw()), |id| id.raw().to_owned())
}

fn head(path: &Path, log: &AuditedLog<'_>, request: &AuditRequest<'_>) -> AuditHead {
    let verify = log_reader::report(path, log.verified);
    let answer = |question, it: &VerifyAnswer| AuditAnswer { question, holds: it.holds.word(), says: it.says.text() };
    AuditHead {
        command_line: request.command_line.clone(),
        made_at: request.now,
        log: verify.file.clone(),
        log_id: verify.log_id.clone(),
        files: log.files.clone(),
        heads: log.verified.heads.clone(),
        sessions: verify.sessions,
        verification: vec![
            answer("integrity", &verify.integrity),
            answer("authenticity", &verify.authenticity),
            answer("completeness", &verify.completeness),
            answer("time", &verify.time),
        ],
        from: request.period.from,
        until: request.period.until,
        snapshot: None,
        reconciliation: None,
        sample: None,
    }
}

fn snapshot(path: &Path) -> anyhow::Result<Result<(Snapshot, AuditedSnapshot), Faults>> {
    let name = shown(path);
    let cannot = || format!("the snapshot `{name}` cannot be read");
    let meta = std::fs::metadata(path).with_context(cannot)?;
    ensure!(
        meta.is_file() && meta.len() <= MAX_SNAPSHOT,
        hinted(format!("`{name}` is not a file, or is larger than {MAX_SNAPSHOT} bytes"), "name a snapshot")
    );
    let bytes = std::fs::read(path).with_context(cannot)?;
    Ok(match crate::snapshot::read(&name, &bytes) {
        Ok((snapshot, _)) => {
            let note = AuditedSnapshot {
                path: Text::from(name.as_str()),
                sha256: Digest::of(&bytes),
                taken_at: snapshot.taken_at,
            };
            Ok((snapshot, note))
        }
        Err(findings) => Err(Faults { findings, sources: [(name, bytes.into())].into() }),
    })
}
