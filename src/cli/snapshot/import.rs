//! `review snapshot import`: converts an export into a snapshot.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context as _, anyhow, bail};
use clap::Args;

use crate::app::io::command_error::hinted;
use crate::app::io::files::shown;
use crate::app::io::progress;
use crate::app::io::streams;
use crate::decision::exit::ExitCode;
use crate::input::digest::{Digest, Hashing, of};
use crate::input::finding::{Finding, Severity};
use crate::input::text::Text;
use crate::input::time::Time;
use crate::report::model::{Body, Report, Reported};
use crate::report::record::SnapshotReport;
use crate::report::render::format::Format;
use crate::report::sentence::Sentence;
use crate::snapshot::import::{
    ExportFile, IMPORTERS, ImportOptions, MAX_TEXT, import, importer_of, nearest_system, redacted,
};

/// Convert an export of a system to a snapshot.
#[derive(Debug, Args)]
#[command(
    override_usage = "review snapshot import [OPTIONS] --output <FILE> [SYSTEM] FILE...",
    after_help = systems()
)]
pub struct ImportArgs {
    /// The files of the export, plain or gzip. The system is recognised; to name it, put its name first.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Write the snapshot to this file; `-` is stdout.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// When the export was taken, if the export does not say so [default for Kubernetes and AWS: the modification time
    /// of its oldest file].
    #[arg(long, value_name = "TIME")]
    pub(crate) taken_at: Option<String>,
    /// The id of the system, such as an account or a cluster, if the export does not contain it.
    #[arg(long, value_name = "ID")]
    pub(crate) target: Option<String>,
    /// The label or tag that states the environment [default: `environment`, `env`, `stage`].
    #[arg(long, value_name = "KEY")]
    pub(crate) env_key: Option<String>,
    /// State that the export contains all access, if the files do not show it, such as a search without a query.
    #[arg(long)]
    pub(crate) complete: bool,
    /// Fail on warnings, for example if the export lacks access.
    #[arg(long)]
    pub(crate) strict: bool,
    /// The format of the summary.
    #[arg(long, value_enum, default_value_t, env = "REVIEW_FORMAT")]
    pub(crate) format: Format,
}

impl ImportArgs {
    /// Reads the export, writes the snapshot, and prints counts.
    ///
    /// # Errors
    /// If a file cannot be read or the snapshot cannot be written.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        // The progress bar is gone before anything is printed.
        let watch = progress::watch("importing", None);
        let (files, findings, about) = self.imported()?;
        drop(watch);
        let code = if about.is_some() { ExitCode::Passes } else { ExitCode::Failure };
        self.say(&files, findings, about, code)
    }

    /// The files, the findings about them, and what was written, if anything was.
    fn imported(&self) -> anyhow::Result<(Vec<ExportFile>, Vec<Finding>, Option<SnapshotReport>)> {
        let (system, paths) = self.system_and_files()?;
        let taken_at = self.taken_at.as_deref().map(time).transpose()?;
        let mut files = paths.iter().map(|path| read(path)).collect::<anyhow::Result<Vec<ExportFile>>>()?;
        let options = ImportOptions {
            system,
            taken_at,
            target: self.target.as_deref(),
            env_key: self.env_key.as_deref(),
            complete: self.complete,
        };
        let read = import(&mut files, options);
        let import = match read {
            Ok(import) if self.strict && import.findings.iter().any(|f| f.severity >= Severity::Warning) => {
                return Ok((files, import.findings, None));
            }
            Ok(import) => import,
            Err(findings) => return Ok((files, findings, None)),
        };
        // WHY: of a large export, the text is no longer needed, unless a finding shows a part of it.
        for file in &mut files {
            if !is_shown(&import.findings, &file.name) {
                file.bytes = Vec::new();
            }
        }
        let digest = write(&self.output, &|out| crate::snapshot::write_to(&import.snapshot, out))?;
        let counts: BTreeMap<&'static str, u64> = import.counts.iter().map(|(k, n)| (*k, *n as u64)).collect();
        let about = SnapshotReport {
            targets: crate::app::present::plan_report::systems(&import.snapshot),
            file: Text::from(shown(&self.output)),
            source: import.snapshot.source.clone(),
            taken_at: import.snapshot.taken_at,
            digest,
            counts,
            sheets: Vec::new(),
        };
        Ok((files, import.findings, Some(about)))
    }

    /// The system named by the first argument, if it names one, and the files.
    fn system_and_files(&self) -> anyhow::Result<(Option<&str>, &[PathBuf])> {
        let Some((first, rest)) = self.files.split_first() else { bail!("no file was given") };
        let word = first.to_str().unwrap_or_default();
        if importer_of(word).is_some() {
            if rest.is_empty() {
                bail!(hinted(
                    format!("`{word}` is a system, and no file was given"),
                    format!("for a file with that name, write `./{word}`")
                ));
            }
            return Ok((Some(word), rest));
        }
        let is_word = !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if is_word && !rest.is_empty() && !first.exists() {
            let names: Vec<&str> = IMPORTERS.iter().map(|importer| importer.system()).collect();
            let help = match nearest_system(word) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the systems are {}", names.join(", ")),
            };
            bail!(hinted(format!("`{word}` is neither a file nor a system"), help));
        }
        Ok((None, &self.files))
    }

    pub(crate) fn say(
        &self,
        files: &[ExportFile],
        findings: Vec<Finding>,
        about: Option<SnapshotReport>,
        code: ExitCode,
    ) -> anyhow::Result<ExitCode> {
        // WHY: an excerpt may contain a line with a password. Only files that a finding refers to are read again.
        let text = |file: &'_ ExportFile| {
            let text = std::str::from_utf8(&file.bytes).ok().filter(|_| is_shown(&findings, &file.name))?;
            Some((file.name.clone(), redacted(text).into_owned()))
        };
        let texts: BTreeMap<String, String> = files.iter().filter_map(text).collect();
        let verdict = if code == ExitCode::Passes { "imported" } else { "nothing was imported" };
        let report = Report {
            command: "snapshot import",
            exit_code: code.code(),
            verdict: Sentence::of(verdict),
            findings: findings
                .into_iter()
                .map(|f| Reported::new(f, |name| texts.get(name).map(String::as_str)))
                .collect(),
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

/// Whether a finding refers to a place in a file.
fn is_shown(findings: &[Finding], file: &str) -> bool {
    findings.iter().any(|finding| finding.place.as_ref().is_some_and(|place| &*place.file == file))
}

/// The systems as listed by `--help`.
fn systems() -> String {
    let mut out = String::from("Systems, their exports, and the ids that they get:\n");
    for importer in IMPORTERS {
        for (n, command) in importer.commands().iter().enumerate() {
            let name = if n == 0 { importer.system() } else { "" };
            out.push_str(&format!("  {name:<12} {command}\n"));
        }
        out.push_str(&format!("  {:<12} ids of subjects: {}\n", "", importer.subjects().join(", ")));
    }
    out.trim_end().to_owned()
}

fn time(text: &str) -> anyhow::Result<Time> {
    Time::parse(text).ok_or_else(|| {
        anyhow!(hinted(
            format!("`--taken-at {}` is not a time", Text::from(text).terminal()),
            "write it as 2026-11-30T00:00:00Z"
        ))
    })
}

fn read(path: &Path) -> anyhow::Result<ExportFile> {
    let cannot = || format!("`{}` cannot be read", shown(path));
    let meta = fs::metadata(path).with_context(cannot)?;
    if meta.len() > MAX_TEXT {
        bail!(hinted(format!("`{}` is larger than {MAX_TEXT} bytes", shown(path)), "export fewer kinds of objects"));
    }
    let changed = meta.modified().ok().and_then(|m| m.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    let bytes = fs::read(path).with_context(cannot)?;
    let modified = Time::from_unix(i64::try_from(changed.as_secs()).unwrap_or(i64::MAX));
    Ok(ExportFile { name: shown(path), bytes, modified })
}

/// What fills a file.
type Fill<'f> = &'f dyn Fn(&mut dyn Write) -> std::io::Result<()>;

/// Writes a file next to its destination, then renames it. Returns the digest of its bytes.
pub(crate) fn write(path: &Path, fill: Fill<'_>) -> anyhow::Result<Digest<of::File>> {
    if path.as_os_str() == "-" {
        return hashed(fill, std::io::stdout().lock()).map(|(digest, _)| digest).context("stdout cannot be written");
    }
    let cannot = || format!("`{}` cannot be written", shown(path));
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".new-{}", std::process::id()));
    let beside = PathBuf::from(name);
    let done = fs::File::create_new(&beside).and_then(|file| {
        let (digest, filled) = hashed(fill, file)?;
        filled.sync_all()?;
        fs::rename(&beside, path)?;
        Ok(digest)
    });
    if done.is_err() {
        let _ = fs::remove_file(&beside);
    }
    done.with_context(cannot)
}

fn hashed<W: Write>(fill: Fill<'_>, inner: W) -> std::io::Result<(Digest<of::File>, W)> {
    let mut out = std::io::BufWriter::with_capacity(1 << 16, Hashed { inner, hashing: Hashing::default() });
    fill(&mut out)?;
    let Hashed { mut inner, hashing } = out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    inner.flush()?;
    Ok((hashing.done(), inner))
}

/// A writer that hashes what it writes.
struct Hashed<W> {
    inner: W,
    hashing: Hashing,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hashing.take(bytes.get(..count).unwrap_or_default());
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}
