//! `review snapshot import`: turn an export into a snapshot.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context as _, anyhow, bail};
use clap::{Args, ValueEnum};

use crate::app::io::files::shown;
use crate::app::io::streams;
use crate::decision::exit::ExitCode;
use crate::input::digest::Digest;
use crate::input::finding::{Finding, Severity};
use crate::input::text::Text;
use crate::input::time::Time;
use crate::report::model::{Body, Report, Reported};
use crate::report::record::SnapshotReport;
use crate::report::render::format::Format;
use crate::report::sentence::Sentence;
use crate::snapshot::import::{aws, kubernetes};

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum SourceSystem {
    /// `kubectl get … -o json|yaml`, or manifests.
    Kubernetes,
    /// `aws iam get-account-authorization-details`; beside it policies of resources and of the organisation.
    Aws,
}

/// Writes a snapshot from an export of a real system.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Which system the export is of.
    pub(crate) system: SourceSystem,
    /// The files of the export.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Where the snapshot is written; `-` is stdout.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// When the export was taken [default: the oldest modification time of the files].
    #[arg(long, value_name = "TIME")]
    pub(crate) taken_at: Option<String>,
    /// The id of the system, where the export does not hold it: account, organisation, cluster.
    #[arg(long, value_name = "ID")]
    pub(crate) target: Option<String>,
    /// Import nothing if there is a warning, for example because access is missing from the export.
    #[arg(long)]
    pub(crate) strict: bool,
    /// How the summary is written.
    #[arg(long, value_enum, default_value_t, env = "REVIEW_FORMAT")]
    pub(crate) format: Format,
}

impl ImportArgs {
    /// Reads, writes the snapshot, and prints what was counted.
    ///
    /// # Errors
    /// If a file cannot be read or the snapshot cannot be written.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        let mut files = Vec::new();
        let mut oldest: Option<Time> = None;
        for path in &self.files {
            let (bytes, changed) = read(path)?;
            oldest = Some(oldest.map_or(changed, |o| o.min(changed)));
            files.push((shown(path), bytes));
        }
        let taken_at = match (&self.taken_at, oldest) {
            (Some(text), _) => Time::parse(text).ok_or_else(|| {
                anyhow!(
                    "`--taken-at {}` is no time\n  = help: write it as 2026-11-30T00:00:00Z",
                    Text::from(text.as_str()).terminal()
                )
            })?,
            (None, Some(time)) => time,
            (None, None) => bail!("no file was named"),
        };
        let borrowed: Vec<(&str, &[u8])> =
            files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        let read = match self.system {
            SourceSystem::Kubernetes => kubernetes::import(&borrowed, taken_at),
            SourceSystem::Aws => aws::import(&borrowed, taken_at),
        };
        let import = match read.and_then(|import| import.of_target(self.target.as_deref())) {
            Ok(import) if self.strict && import.findings.iter().any(|f| f.severity >= Severity::Warning) => {
                return self.say(&files, import.findings, None, ExitCode::Failure);
            }
            Ok(import) => import,
            Err(findings) => return self.say(&files, findings, None, ExitCode::Failure),
        };
        let bytes = crate::snapshot::write(&import.snapshot)?;
        write(&self.output, &bytes)?;
        let counts: BTreeMap<&'static str, u64> = import.counts.iter().map(|(k, n)| (*k, *n as u64)).collect();
        let about = SnapshotReport {
            targets: crate::app::present::plan_report::systems(&import.snapshot),
            file: Text::from(shown(&self.output)),
            source: import.snapshot.source.clone(),
            taken_at: import.snapshot.taken_at,
            digest: Digest::of(&bytes),
            counts,
            sheets: Vec::new(),
        };
        self.say(&files, import.findings, Some(about), ExitCode::Passes)
    }

    pub(crate) fn say(
        &self,
        files: &[(String, Vec<u8>)],
        findings: Vec<Finding>,
        about: Option<SnapshotReport>,
        code: ExitCode,
    ) -> anyhow::Result<ExitCode> {
        let texts: BTreeMap<&str, &str> =
            files.iter().filter_map(|(name, bytes)| Some((name.as_str(), std::str::from_utf8(bytes).ok()?))).collect();
        let verdict = if code == ExitCode::Passes { "imported" } else { "nothing was imported" };
        let report = Report {
            command: "snapshot import",
            exit_code: code.code(),
            verdict: Sentence::of(verdict),
            findings: findings.into_iter().map(|f| Reported::new(f, |name| texts.get(name).copied())).collect(),
            body: about.map_or(Body::Findings, Body::Snapshot),
            next: Vec::new(),
        };
        let text = crate::app::io::format::render(&report, self.format);
        if self.output.as_os_str() == "-" {
            streams::note(text.trim_end());
        } else {
            streams::data(&text)?;
        }
        Ok(code)
    }
}

/// The largest export read, in bytes.
pub(crate) const MAX_EXPORT: u64 = 1 << 30;

pub(crate) fn read(path: &Path) -> anyhow::Result<(Vec<u8>, Time)> {
    let cannot = || format!("`{}` cannot be read", shown(path));
    let meta = fs::metadata(path).with_context(cannot)?;
    if meta.len() > MAX_EXPORT {
        bail!("`{}` is larger than {MAX_EXPORT} bytes\n  = help: export fewer kinds of objects", shown(path));
    }
    let changed = meta.modified().ok().and_then(|m| m.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    let bytes = fs::read(path).with_context(cannot)?;
    Ok((bytes, Time::from_unix(i64::try_from(changed.as_secs()).unwrap_or(i64::MAX))))
}

/// Writes the whole file beside its place, then moves it there.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    if path.as_os_str() == "-" {
        let mut out = std::io::stdout().lock();
        return out.write_all(bytes).and_then(|()| out.flush()).context("stdout cannot be written");
    }
    let cannot = || format!("`{}` cannot be written", shown(path));
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".new-{}", std::process::id()));
    let beside = PathBuf::from(name);
    let done = fs::File::create_new(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    if let Err(e) = done.and_then(|()| fs::rename(&beside, path)) {
        let _ = fs::remove_file(&beside);
        return Err(e).with_context(cannot);
    }
    Ok(())
}
