//! `review log prove` and `review verify --proof`: one line of the log, for someone who must not see the rest.
//!
//! Writes a small file that proves one line of a verified log and nothing about any other, or verifies such a file
//! against the verifier's own allowed signers. The file also reveals the first line of the session, and the seal: the
//! signer, the number of decisions, and the names of approved privileged changes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use clap::Args;

use crate::app::io::command_error::hinted;
use crate::app::io::files::{replace, shown};
use crate::app::io::format::render;
use crate::app::io::streams;
use crate::app::record::log_reader;
use crate::app::site::load::Site;
use crate::cli::shared_args::LocationArgs;
use crate::decision::exit::ExitCode;
use crate::input::digest::{Digest, of};
use crate::input::finding::{Code, Finding};
use crate::input::place::Place;
use crate::input::text::Text;
use crate::input::time::{Span, Time};
use crate::log::allowed::Allowed;
use crate::log::line::{self, Line, SessionKind, Verdict};
use crate::log::prove::{InclusionProof, LONGEST, Proved, prove};
use crate::log::verify::answers::{CLOCK_SKEW, Keep, SessionView};
use crate::report::model::{Body, Report, Reported};
use crate::report::record::{Head, Holds, VerifyAnswer, VerifyReport};
use crate::report::sentence::{Sentence, counted};
use crate::trust::signers::Signers;

/// The minimum length of a prefix of a session's id.
const SHORTEST: usize = 6;

/// Write a proof of one line, for someone who must not see the rest of the log.
#[derive(Debug, Args)]
pub struct ProveArgs {
    /// The session: its name, or the first characters of it.
    session: String,
    /// The line: its number in the session, starting at 1; its SHA-256; or a change, for the last decision about it.
    line: String,
    /// Write the proof to this file; `-` is stdout.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    place: LocationArgs,
}

impl ProveArgs {
    /// Writes the file.
    ///
    /// # Errors
    /// If the log has no such line, or the file cannot be written.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        let site = match Site::load(&self.place.location())? {
            Ok(site) => site,
            Err(faults) => {
                let report = crate::app::site::fault_report::faults("log prove", &faults, ExitCode::Failure);
                streams::data(&render(&report, crate::report::render::format::Format::Text))?;
                return Ok(ExitCode::Failure);
            }
        };
        let log = site.log_path(&self.place.location());
        let verified = log_reader::verify(&log, &site.signers, None, &[], Keep::Lines, streams::now())?;
        if verified.session_count == 0 || !verified.is_usable() {
            streams::note(
                "error: the log does not verify, so no proof can be made from it\n  = help: see `review verify LOG`",
            );
            return Ok(ExitCode::BadLog);
        }
        let view = self.session(&verified.sessions)?;
        let bytes = session_bytes(&log, view)?;
        let number = self.number(view, &bytes)?;
        let proof = prove(&bytes, number).map_err(|e| {
            anyhow!(hinted(format!("{e}"), "`review log show --format json` names sessions and what was decided"))
        })?;
        // INVARIANT: a proof that its reader could not verify is never written.
        let proved = proof.check(&Allowed(&site.signers))?;
        let file = proof.to_bytes()?;
        if self.output.as_os_str() == "-" {
            streams::data(&String::from_utf8_lossy(&file))?;
        } else {
            replace(&self.output, &file)?;
            streams::note(&format!("wrote `{}`: {}", shown(&self.output), says(&proved).terminal()));
        }
        Ok(ExitCode::Passes)
    }

    fn session<'v>(&self, sessions: &'v [SessionView]) -> anyhow::Result<&'v SessionView> {
        let named = |view: &&SessionView| {
            self.session.len() >= SHORTEST && view.header.session.to_string().starts_with(&self.session)
        };
        let found: Vec<&SessionView> = sessions.iter().filter(named).collect();
        let word = Text::from(self.session.as_str()).terminal();
        match found.as_slice() {
            [one] => Ok(one),
            [] => bail!(hinted(
                format!("the log has no session `{word}`"),
                format!("`review log show` lists them; the first {SHORTEST} digits are enough")
            )),
            _ => {
                bail!(hinted(
                    format!("{} sessions have names that begin with `{word}`", found.len()),
                    "write more of the name"
                ))
            }
        }
    }

    /// The line's number within its session.
    fn number(&self, view: &SessionView, bytes: &[u8]) -> anyhow::Result<usize> {
        if let Ok(number) = self.line.parse() {
            return Ok(number);
        }
        let mut lines = line::lines(bytes);
        let word = Text::from(self.line.as_str()).terminal();
        if let Some(digest) = Digest::<of::Line>::parse(&self.line) {
            let at = lines.position(|line| Digest::of(line) == digest);
            return at.map(|at| at.saturating_add(1)).with_context(|| format!("the session has no line `{word}`"));
        }
        let decided = view.decisions().filter(|decision| decision.value.change.as_str() == self.line).last();
        let decided = decided.with_context(|| {
            hinted(
                format!("`{word}` is not a line number, a SHA-256 of a line, or a change that this session decides"),
                "`review log show` lists the decisions",
            )
        })?;
        Ok(decided.line.saturating_sub(view.line).saturating_add(1))
    }
}

/// The exact bytes of a session.
fn session_bytes(log: &Path, view: &SessionView) -> anyhow::Result<Vec<u8>> {
    let cannot = || format!("the log `{}` cannot be read", shown(log));
    let file = log_reader::files(log)?.into_iter().find(|file| shown(file) == *view.file).with_context(cannot)?;
    let bytes = std::fs::read(&file).with_context(cannot)?;
    let mut out = Vec::new();
    for line in line::lines(&bytes).skip(view.line.saturating_sub(1)) {
        out.extend_from_slice(line);
        if line::word(line) == Some(b"sig") {
            break;
        }
    }
    Ok(out)
}

/// The result of verifying a proof, for a third party.
///
/// # Errors
/// If the file cannot be read.
pub fn verify(
    path: &Path,
    signers: &Signers,
    findings: Vec<Finding>,
    knows_people: bool,
) -> anyhow::Result<(Report, ExitCode)> {
    use std::io::Read as _;
    let cannot = || format!("the proof `{}` cannot be read", shown(path));
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).with_context(cannot)?;
    file.take(LONGEST as u64 + 1).read_to_end(&mut bytes).with_context(cannot)?;
    let name = shown(path);
    let mut findings = findings;
    let (body, verdict, code) =
        match InclusionProof::read(&bytes).and_then(|proof| Ok((proof.check(&Allowed(signers))?, proof))) {
            Ok((proved, proof)) => {
                let verdict = Sentence::of("the proof holds: ").then(says(&proved));
                let late = untimely(&proved, streams::now());
                if let Some((code, message)) = &late {
                    let finding = Finding::new(*code, message.as_str()).at(&Place::file(&name));
                    findings.push(finding.help("ask the writer when the session was sealed; do not rely on its times"));
                }
                if !knows_people && proved.session.kind == SessionKind::Record {
                    findings.push(crate::app::present::log_report::unchecked(&name));
                }
                let mut body = holds(&name, &proved, &proof);
                if let Some((_, message)) = late {
                    body.time = answer(Holds::No, message);
                }
                (body, verdict, ExitCode::Passes)
            }
            Err(why) => {
                let finding = Finding::new(Code::LogBadProof, why.to_string()).at(&Place::file(&name));
                findings.push(finding.help("ask the keeper of the log for a new proof; `review log prove` writes it"));
                (fails(&name), Sentence::of("the proof is not valid"), ExitCode::BadLog)
            }
        };
    let report = Report {
        command: "verify",
        exit_code: code.code(),
        verdict,
        findings: crate::app::site::fault_report::reported(&findings, &BTreeMap::new())
            .into_iter()
            .collect::<Vec<Reported>>(),
        body: Body::Verify(body),
        next: Vec::new(),
    };
    Ok((report, code))
}

/// Which of a session's times is impossible: sealed before it began, or in the future.
fn untimely(proved: &Proved, now: Time) -> Option<(Code, String)> {
    let (begun, sealed) = (proved.session.at, proved.seal.at);
    if sealed < begun {
        let message = format!("the session has a seal time of {sealed}, before its start ({begun})");
        return Some((Code::LogTimeBackwards, message));
    }
    let is_future = sealed > now.plus(Span::from_seconds(CLOCK_SKEW));
    is_future.then(|| (Code::LogTimeFuture, format!("the session has a seal time of {sealed}, which is in the future")))
}

fn answer(holds: Holds, says: impl Into<std::borrow::Cow<'static, str>>) -> VerifyAnswer {
    VerifyAnswer { holds, says: Sentence::of(says) }
}

fn holds(name: &str, proved: &Proved, proof: &InclusionProof) -> VerifyReport {
    let (index, count) = (proof.leaf.index.get().saturating_add(1), proved.seal.count.get());
    let touched = match (proved.signer.security_key, proved.signer.user_present) {
        (true, true) => "; a security key was touched",
        _ => "; presence is not proven",
    };
    VerifyReport {
        file: Text::from(name),
        log_id: Some(Text::from(proved.session.log.to_string())),
        integrity: answer(Holds::Yes, format!("the line is number {index} of the {count} lines that the seal covers")),
        authenticity: VerifyAnswer {
            holds: Holds::Yes,
            says: Sentence::of("the seal is signed by ")
                .id(&proved.signer.principal)
                .own(" with ")
                .name(&proved.signer.fingerprint)
                .own(touched),
        },
        completeness: answer(
            Holds::Unknown,
            "it covers only this line: a later line or session may contain a different decision",
        ),
        time: answer(Holds::Unknown, format!("sealed at {}, as the writer's clock claims", proved.seal.at)),
        replay: None,
        heads: vec![Head {
            seal: Digest::of(proof.seal.raw().as_bytes()),
            session: Text::from(proved.session.session.to_string()),
            at: proved.seal.at,
            principal: proved.seal.principal.text(),
        }],
        sessions: 1,
        lines: 1,
        line: Some(proof.leaf.line.clone()),
    }
}

fn fails(name: &str) -> VerifyReport {
    let unknown = || answer(Holds::Unknown, "unknown, because the proof is not valid");
    VerifyReport {
        file: Text::from(name),
        log_id: None,
        integrity: answer(Holds::No, "the proof is not valid; see the findings"),
        authenticity: unknown(),
        completeness: unknown(),
        time: unknown(),
        replay: None,
        heads: Vec::new(),
        sessions: 0,
        lines: 0,
        line: None,
    }
}

/// The content of the proved line.
fn says(proved: &Proved) -> Sentence {
    let who = || Sentence::new().id(&proved.signer.principal);
    match &proved.line {
        Line::Decision(decision) => {
            let verb = match decision.verdict {
                Verdict::Approve => " approved ",
                Verdict::Reject => " rejected ",
                Verdict::Override => " overrode denials for ",
            };
            let says = who().own(verb).id(&decision.change).own(" of ").id(&decision.plan);
            let says = says.own(format!(", digest {}, at {}", decision.digest.short(), decision.at));
            says.maybe(decision.reason.as_ref(), |s, why| s.own(": ").name(why))
        }
        Line::Evaluation(evaluation) => {
            let says = Sentence::of("the evaluation of ").id(&evaluation.change).own(" of ").id(&evaluation.plan);
            says.own(format!(", digest {}", evaluation.digest.short()))
        }
        Line::Plan(plan) => {
            let says = Sentence::of("the plan ").id(&plan.id);
            let says = says.own(format!(" with SHA-256 {}, received at {}", plan.sha256, plan.received_at));
            says.maybe(plan.proof.subject.as_ref(), |s, by| s.own(", proven by ").name(by))
        }
        Line::Auto(auto) => Sentence::of("policy let ").id(&auto.change).own(" of ").id(&auto.plan).own(" pass"),
        Line::Export(export) => Sentence::new()
            .id(&export.change)
            .own(" of ")
            .id(&export.plan)
            .own(format!(" was exported at {}", export.at)),
        Line::Result(result) => Sentence::of("what came of ").id(&result.change).own(" of ").id(&result.plan),
        Line::Freeze(freeze) => {
            let says = who().own(format!(" froze {} ", freeze.kind.word()));
            let says = says.maybe(freeze.name.as_ref(), Sentence::name).own(format!(" until {}: ", freeze.until));
            says.name(&freeze.reason)
        }
        Line::Thaw(thaw) => {
            who().own(format!(" agreed to end the freeze of line {}: ", thaw.freeze)).name(&thaw.reason)
        }
        Line::Baseline(baseline) => who()
            .own(format!(
                " recorded {} as inherited until {}, privileged ones until {}: ",
                counted(baseline.count.get(), "access", "accesses"),
                baseline.until,
                baseline.until_privileged
            ))
            .name(&baseline.reason),
        Line::Recertification(it) => {
            who().own(" recertified an access: ").then(crate::app::present::log_report::recertified(it))
        }
        Line::Withdrawal(it) => who().own(format!(" withdrew the baseline of line {}: ", it.baseline)).name(&it.reason),
        Line::Session(session) => {
            Sentence::of("a session of ").id(&session.writer.principal).own(format!(" begun at {}", session.at))
        }
        Line::Policies(_) => Sentence::of("the policies in force"),
        Line::Blob(_) => Sentence::of("a part of a long value"),
        Line::Seal(_) | Line::Sig(_) => Sentence::of("the end of a session"),
    }
}
