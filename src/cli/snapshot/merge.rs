//! `review snapshot merge`: one snapshot of several systems.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;

use crate::app::io::command_error::hinted;
use crate::app::io::files::shown;
use crate::app::io::progress;
use crate::app::io::streams;
use crate::app::site::trust_folder::MAX_SNAPSHOT;
use crate::cli::snapshot::import::write;
use crate::decision::exit::ExitCode;
use crate::input::digest::Digest;
use crate::input::finding::{Finding, Severity};
use crate::input::text::Text;
use crate::report::model::{Body, Report, Reported};
use crate::report::record::SnapshotReport;
use crate::report::render::format::Format;
use crate::report::sentence::Sentence;
use crate::snapshot::estate::{Estate, EstatePart, LinkOptions, estate, is_part_name, read_map};
use crate::snapshot::model::Snapshot;

/// Merge the snapshots of several systems into one, with the links between them.
///
/// Every id gets the name of its part as a prefix: `github:user:ann`, `kubernetes:sa:shop/web`. The name is that of the
/// system, or what you give before `=`: `blue=FILE green=FILE`. Only ids of AWS stay as they are, because they are ARNs.
#[derive(Debug, Args)]
pub struct SnapshotMergeArgs {
    /// The snapshots, each from `review snapshot import`. Name parts of the same system: `blue=FILE`.
    #[arg(required = true, num_args = 2.., value_name = "[NAME=]FILE")]
    files: Vec<PathBuf>,
    /// Write the merged snapshot to this file; `-` is stdout.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// The issuer of the tokens that the identities of a part get, such as `kubernetes=https://oidc.eks…/id/ABC` for a
    /// cluster, or `kubernetes=PROJECT.svc.id.goog` for its workload identity pool.
    #[arg(long = "issuer", value_name = "NAME=URL")]
    issuers: Vec<String>,
    /// Identities and groups that can act as others: CSV with the columns `from` and `to`, or a YAML list of `{from, to}`,
    /// in ids of the merged snapshot.
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// Fail on warnings, for example if the exports were taken more than a day apart.
    #[arg(long)]
    strict: bool,
    /// The format of the summary.
    #[arg(long, value_enum, default_value_t, env = "REVIEW_FORMAT")]
    format: Format,
}

/// The bytes of files by name.
type Texts = BTreeMap<String, Vec<u8>>;

impl SnapshotMergeArgs {
    /// Reads the snapshots, writes the merged one, and prints counts.
    ///
    /// # Errors
    /// If a file cannot be read or the snapshot cannot be written.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        // The progress bar is gone before anything is printed.
        let watch = progress::watch("merging the snapshots", None);
        let (texts, findings, about) = self.merged()?;
        drop(watch);
        let code = if about.is_some() { ExitCode::Passes } else { ExitCode::Failure };
        self.say(&texts, findings, about, code)
    }

    /// The files that findings refer to, the findings, and what was written, if anything was.
    fn merged(&self) -> anyhow::Result<(Texts, Vec<Finding>, Option<SnapshotReport>)> {
        let mut texts = Texts::new();
        let (mut parts, mut findings) = (Vec::new(), Vec::new());
        for argument in &self.files {
            let (name, path) = part(argument);
            let file = shown(&path);
            let bytes = contents(&path)?;
            match crate::snapshot::read(&file, &bytes) {
                Ok((snapshot, more)) => {
                    findings.extend(more);
                    parts.push(EstatePart { file: file.clone(), name, snapshot });
                }
                Err(faults) => findings.extend(faults),
            }
            if findings.iter().any(|finding| finding.place.as_ref().is_some_and(|place| *place.file == *file)) {
                texts.insert(file, bytes);
            }
        }
        let mut options = LinkOptions::default();
        for issuer in &self.issuers {
            let Some((name, url)) = issuer.split_once('=').filter(|(_, url)| !url.is_empty()) else {
                bail!(hinted(
                    format!("`--issuer {}` is not a part and its issuer", Text::from(issuer.as_str()).terminal()),
                    "write it as `kubernetes=https://…`"
                ));
            };
            options.issuers.push((name.to_owned(), url.to_owned()));
        }
        if let Some(path) = &self.map {
            let (file, bytes) = (shown(path), contents(path)?);
            match read_map(&file, &bytes) {
                Ok(map) => options.map = map,
                Err(faults) => {
                    findings.extend(faults);
                    texts.insert(file, bytes);
                }
            }
        }
        if findings.iter().any(|finding| finding.severity == Severity::Error) {
            return Ok((texts, findings, None));
        }
        match estate(parts, &options) {
            Ok(Estate { snapshot, findings: more, links }) => {
                findings.extend(more);
                if self.strict && findings.iter().any(|finding| finding.severity >= Severity::Warning) {
                    return Ok((texts, findings, None));
                }
                let digest = write(&self.output, &|out| crate::snapshot::write_to(&snapshot, out))?;
                let about = about(&snapshot, &links, &self.output, digest);
                Ok((texts, findings, Some(about)))
            }
            Err(faults) => {
                findings.extend(faults);
                Ok((texts, findings, None))
            }
        }
    }

    fn say(
        &self,
        texts: &Texts,
        findings: Vec<Finding>,
        about: Option<SnapshotReport>,
        code: ExitCode,
    ) -> anyhow::Result<ExitCode> {
        let text = |name: &str| texts.get(name).and_then(|bytes| std::str::from_utf8(bytes).ok());
        let verdict = if code == ExitCode::Passes { "merged" } else { "nothing was merged" };
        let report = Report {
            command: "snapshot merge",
            exit_code: code.code(),
            verdict: Sentence::of(verdict),
            findings: findings.into_iter().map(|finding| Reported::new(finding, text)).collect(),
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

/// The name and the file of an argument. A file with that whole name comes first.
fn part(argument: &Path) -> (Option<String>, PathBuf) {
    let split = argument.to_str().and_then(|text| text.split_once('='));
    match split.filter(|(name, _)| is_part_name(name) && !argument.exists()) {
        Some((name, file)) => (Some(name.to_owned()), PathBuf::from(file)),
        None => (None, argument.to_owned()),
    }
}

fn contents(path: &Path) -> anyhow::Result<Vec<u8>> {
    let cannot = || format!("`{}` cannot be read", shown(path));
    let meta = fs::metadata(path).with_context(cannot)?;
    if meta.is_dir() || meta.len() > MAX_SNAPSHOT {
        bail!(hinted(
            format!("`{}` is a folder, or larger than {MAX_SNAPSHOT} bytes", shown(path)),
            "name a snapshot that `review snapshot import` wrote"
        ));
    }
    fs::read(path).with_context(cannot)
}

fn about(
    snapshot: &Snapshot,
    links: &BTreeMap<&'static str, u64>,
    output: &Path,
    digest: Digest<crate::input::digest::of::File>,
) -> SnapshotReport {
    let mut counts: BTreeMap<&'static str, u64> = BTreeMap::from([
        ("parts", snapshot.parts.len() as u64),
        ("identities", snapshot.identities.len() as u64),
        ("groups", snapshot.groups.len() as u64),
        ("roles", snapshot.roles.len() as u64),
        ("assignments", snapshot.assignments.len() as u64),
        ("trusts", snapshot.trusts.len() as u64),
    ]);
    counts.insert("links", links.values().sum());
    SnapshotReport {
        targets: crate::app::present::plan_report::systems(snapshot),
        file: Text::from(shown(output)),
        source: snapshot.source.clone(),
        taken_at: snapshot.taken_at,
        digest,
        counts,
        sheets: Vec::new(),
    }
}
