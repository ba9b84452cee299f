//! `review verify`: whether a log is intact, authentic and complete, and when it was written. For auditors, offline.
//!
//! Gives four separate answers for a log and the auditor's own allowed signers; exits 7 if the log does not verify.
//! Heads stored on this machine cause at most a warning: the answers are the same on every machine.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use crate::app::audit::replay;
use crate::app::io::command_error::hinted;
use crate::app::io::files::shown;
use crate::app::io::streams;
use crate::app::present::log_report::{exit_code, unchecked, verdict};
use crate::app::record::freezes;
use crate::app::record::head_files::known_heads;
use crate::app::record::history::Past;
use crate::app::record::{history, log_reader, seen_heads};
use crate::app::site::load::{REVOKED_KEYS, Site};
use crate::app::site::location::SiteLocation;
use crate::app::site::trust_folder::TrustFolder;
use crate::cli::log::prove;
use crate::cli::output_args::Writing;
use crate::config::{People, Settings};
use crate::decision::exit::ExitCode;
use crate::input::finding::Finding;
use crate::input::text::Text;
use crate::input::time::Time;
use crate::log::allowed::Allowed;
use crate::log::line::{LogId, SessionKind};
use crate::log::verify::answers::{Keep, Terms, Verification};
use crate::report::model::{Body, Report, Reported};
use crate::report::record::{Holds, VerifyAnswer};
use crate::report::sentence::Sentence;
use crate::trust::revoked::Revoked;
use crate::trust::signers::Signers;

/// Verify a log, offline.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The log, a file or a folder.
    #[arg(required_unless_present = "proof")]
    log: Option<PathBuf>,
    /// Verify a proof from `review log prove` instead of a log.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["log", "known_head"])]
    proof: Option<PathBuf>,
    /// The auditor's own allowed_signers [default: the one in the trust folder].
    #[arg(long, value_name = "FILE")]
    signers: Option<PathBuf>,
    /// Revoked keys to use with `--signers` [default: `revoked_keys` of the trust folder; with `--signers`: none].
    #[arg(long, value_name = "FILE", requires = "signers")]
    revoked: Option<PathBuf>,
    /// people.yaml to use with `--signers`, to check that no person's key was used as a recorder [default: the one in the
    /// trust folder; with `--signers`: none, and this check is skipped].
    #[arg(long, value_name = "FILE", requires = "signers")]
    people: Option<PathBuf>,
    /// The trust folder whose allowed_signers to use.
    #[arg(long, value_name = "DIR|GIT-REF", conflicts_with = "signers")]
    trust: Option<String>,
    /// A head that the log must contain: the hash of a seal line, or a file with one hash per line.
    #[arg(long, value_name = "HASH|FILE")]
    known_head: Vec<String>,
    /// Decide every recorded evaluation again, with the policies and requests of the log, and compare.
    #[arg(long, conflicts_with = "proof")]
    replay: bool,
    #[command(flatten)]
    writing: Writing,
}

impl VerifyArgs {
    /// Verifies and prints the four answers.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        self.writing.finish("verify", self.verify())
    }

    /// The outputs of the result.
    #[must_use]
    pub fn writing(&self) -> &Writing {
        &self.writing
    }

    fn verify(&self) -> anyhow::Result<(Report, ExitCode)> {
        let Judges { signers, people, mut findings, sources, log: expected } = self.judges()?;
        if let Some(proof) = &self.proof {
            let known = !matches!(people, Known::Unnamed);
            return Ok(people.doubt(prove::verify(proof, &signers, findings, known)?));
        }
        let log = self.log.as_deref().unwrap_or_else(|| Path::new("review-log.jsonl"));
        let known = known_heads(&self.known_head)?;
        anyhow::ensure!(
            !log_reader::files(log)?.is_empty(),
            hinted(format!("there is no log `{}`", shown(log)), "name the log's file or folder")
        );
        let judge = Allowed(&signers);
        let (keep, threads) = (if self.replay { Keep::Lines } else { Keep::Heads }, log_reader::threads());
        let terms = Terms { judge: &judge, log: expected, known_heads: &known, now: streams::now(), keep, threads };
        let mut reading = log_reader::feed(log, terms)?;
        // WHY only a warning: the answers depend on the files that an auditor provides, not on the machine used.
        match reading.log().map_or(Ok(Vec::new()), seen_heads::heads) {
            Ok(heads) => reading.seen_here(heads),
            Err(error) => streams::note(&format!("warning: {error:#}")),
        }
        let verified = reading.finish();
        let mut code = exit_code(&verified);
        let mut body = log_reader::report(log, &verified);
        let mut verdict = verdict(&verified, code);
        let records = verified.sessions.iter().any(|view| view.header.kind == SessionKind::Record);
        if records && matches!(people, Known::Unnamed) {
            findings.push(unchecked(&shown(log)));
        }
        findings.extend(verified.findings.iter().cloned());
        findings.extend(self.frozen(log, &verified));
        if self.replay {
            let (answer, found) =
                if code == ExitCode::Passes { replay::all(log, &verified)? } else { (replay::none(), Vec::new()) };
            if answer.answer.holds == Holds::No {
                // WHY: a record whose outcomes do not follow from its policies cannot be relied on, whoever signed it.
                code = ExitCode::BadLog;
                verdict = verdict.own(", but recorded evaluations do not follow from the recorded policies");
            }
            findings.extend(found);
            body.replay = Some(answer);
        }
        let report = Report {
            command: "verify",
            exit_code: code.code(),
            verdict,
            findings: findings
                .into_iter()
                .map(|f| Reported::new(f, |name| sources.get(name).map(String::as_str)))
                .collect(),
            body: Body::Verify(body),
            next: Vec::new(),
        };
        Ok(people.doubt((report, code)))
    }

    /// A note for each freeze in force. The policies of the trust folder say who may thaw one; without them, the note names
    /// who did.
    fn frozen(&self, log: &Path, verified: &Verification) -> Vec<Finding> {
        let now = streams::now();
        let mut notes = freezes::unjudged(verified, now);
        if notes.is_empty() {
            return Vec::new();
        }
        if let Some(past) = self.judged(log, verified, now) {
            let in_force: BTreeSet<_> = past.record.freezes_in_force(now).map(|freeze| freeze.line).collect();
            notes.retain(|(line, _)| in_force.contains(line));
        }
        notes.into_iter().map(|(_, note)| note).collect()
    }

    /// The history as the trust folder judges it; `None` with the auditor's own files, or if it cannot be judged.
    fn judged(&self, log: &Path, verified: &Verification, now: Time) -> Option<Past> {
        if self.signers.is_some() || !verified.holds() {
            return None;
        }
        let site = Site::load(&SiteLocation { trust: self.trust.clone(), log: None }).ok()?.ok()?;
        let whole = log_reader::verify(log, &site.signers, verified.log, &[], Keep::Lines, now).ok()?;
        history::read(log, &whole, &site).ok()
    }

    fn judges(&self) -> anyhow::Result<Judges> {
        let read = |path: &Path| std::fs::read(path).with_context(|| format!("`{}` cannot be read", shown(path)));
        let mut log = None;
        let (name, bytes, revoked, people) = if let Some(path) = &self.signers {
            let beside = |path: &Option<PathBuf>| {
                let read = path.as_deref().map(|path| Ok::<_, anyhow::Error>((shown(path), read(path)?)));
                read.transpose()
            };
            let unused = path.with_file_name(REVOKED_KEYS);
            if self.revoked.is_none() && unused.is_file() {
                streams::note(&format!("warning: `{0}` was not used; to use it, pass `--revoked {0}`", shown(&unused)));
            }
            (shown(path), read(path)?, beside(&self.revoked)?, beside(&self.people)?)
        } else {
            let folder = TrustFolder::find(self.trust.as_deref(), &std::env::current_dir()?)
                .context("no allowed_signers to check the signatures with; pass a file with `--signers`")?;
            let bytes = folder
                .read("allowed_signers")?
                .context(hinted("the trust folder has no allowed_signers", "pass your own with `--signers`"))?;
            // The log of another site contains no decisions of this site, even if the same people signed it.
            let settings = folder.read("review.yaml")?;
            let settings = settings.and_then(|bytes| Settings::read("review.yaml", &bytes).ok());
            log = settings.and_then(|settings| LogId::parse(settings.log_id?.value.raw()));
            let beside = |file: &str| {
                Ok::<_, anyhow::Error>(folder.read(file)?.map(|bytes| (folder.shown(file), bytes.to_vec())))
            };
            (folder.shown("allowed_signers"), bytes.to_vec(), beside(REVOKED_KEYS)?, beside("people.yaml")?)
        };
        let (mut signers, mut findings) = Signers::parse(&name, &bytes);
        if let Some((name, bytes)) = revoked {
            let (revoked, faults) = Revoked::parse(&name, &bytes);
            signers = signers.without(revoked);
            findings.extend(faults);
        }
        let mut sources = BTreeMap::from([(name, String::from_utf8_lossy(&bytes).into_owned())]);
        let mut known = Known::Unnamed;
        if let Some((name, bytes)) = people {
            known = match People::read(&name, &bytes) {
                Ok(people) => {
                    signers = signers.keeping_out(SessionKind::Record.namespace(), people.principals());
                    Known::Named
                }
                Err(faults) => {
                    findings.extend(faults);
                    Known::Faulty(Text::from(name.as_str()))
                }
            };
            sources.insert(name, String::from_utf8_lossy(&bytes).into_owned());
        }
        Ok(Judges { signers, people: known, findings, sources, log })
    }
}

/// The files by which a log is verified.
struct Judges {
    signers: Signers,
    people: Known,
    findings: Vec<Finding>,
    /// The texts of the files that findings refer to.
    sources: BTreeMap<String, String>,
    /// The log id that the trust folder states, if any.
    log: Option<LogId>,
}

/// Whether it is known who is a person and so cannot be a recorder.
enum Known {
    /// It is known.
    Named,
    /// No file lists people.
    Unnamed,
    /// The file of this name is faulty.
    Faulty(Text),
}

impl Known {
    /// Applied after verification, because a log that does not verify takes precedence. A log whose recorders may be
    /// people does not pass.
    fn doubt(&self, (mut report, code): (Report, ExitCode)) -> (Report, ExitCode) {
        let Self::Faulty(name) = self else { return (report, code) };
        let because = |says: Sentence| says.name(name).own(" is faulty, so recorders were not checked");
        if code != ExitCode::Passes {
            report.verdict = because(report.verdict.own("; in addition, "));
            return (report, code);
        }
        report.exit_code = ExitCode::Failure.code();
        report.verdict = because(Sentence::new());
        if let Body::Verify(body) = &mut report.body {
            let says = because(Sentence::of("every seal is signed by a key that allowed_signers allows, but "));
            body.authenticity = VerifyAnswer { holds: Holds::Unknown, says };
        }
        (report, ExitCode::Failure)
    }
}
