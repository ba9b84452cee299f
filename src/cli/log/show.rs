//! `review log show`: sessions, decisions, and the history of a change.

use std::path::PathBuf;

use clap::Args;

use crate::app::audit::audited_log::AuditedLog;
use crate::app::io::format::render;
use crate::app::io::streams;
use crate::app::present::log_report::{Documents, decisions, session};
use crate::app::record::{history, log_reader};
use crate::cli::log::load::{NO_LOG_YET, load};
use crate::cli::shared_args::LocationArgs;
use crate::decision::exit::ExitCode;
use crate::input::text::Text;
use crate::log::line::{FreezeKind, Line};
use crate::log::verify::answers::Verification;
use crate::report::model::{Body, Report, Reported};
use crate::report::record::LogReport;
use crate::report::render::format::Format;
use crate::report::sentence::{Sentence, counted};

/// Show who decided what.
#[derive(Debug, Args)]
pub struct LogShowArgs {
    /// The log [default: the one of the trust folder].
    pub(crate) path: Option<PathBuf>,
    /// Only lines about this plan.
    #[arg(long, value_name = "PLAN-ID")]
    pub(crate) plan: Option<String>,
    /// The whole history of this change.
    #[arg(long, value_name = "CHANGE-ID")]
    pub(crate) change: Option<String>,
    #[command(flatten)]
    pub(crate) place: LocationArgs,
    /// The format of the result.
    #[arg(long, value_enum, default_value_t, env = "REVIEW_FORMAT")]
    pub(crate) format: Format,
}

impl LogShowArgs {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let (path, verified) = match load(self.path.as_ref(), &self.place.location())? {
            Ok(loaded) => loaded,
            Err(report) => {
                streams::data(&render(&report, self.format))?;
                return Ok(ExitCode::Failure);
            }
        };
        let absent = log_reader::files(&path)?.is_empty();
        let code = if absent { ExitCode::Passes } else { crate::app::present::log_report::exit_code(&verified) };
        let standing = if absent {
            NO_LOG_YET
        } else if code == ExitCode::Passes && verified.uncounted.is_empty() {
            "the log is intact and authentic"
        } else if verified.is_usable() {
            "the log is intact, but some of its sessions do not count: see `review verify`"
        } else {
            "the log does not verify: do not rely on the following"
        };
        let documents = history::documents(&path, &verified)?;
        if let Some(change) = &self.change {
            return self.story(change, &path, &verified, &documents, code, standing);
        }
        let is_meant = |plan: &Text| self.plan.as_ref().is_none_or(|id| plan.raw() == id);
        if let Some(plan) = self.plan.as_ref().filter(|id| !names(&verified, id)) {
            let plan = Text::from(plan.as_str()).terminal();
            return Ok(nothing_of(&path, code, &format!("a plan `{plan}`")));
        }
        let log = LogReport {
            file: Text::from(crate::app::io::files::shown(&path)),
            standing: Sentence::of(standing),
            sessions: verified
                .sessions
                .iter()
                .map(session)
                .filter(|row| self.plan.is_none() || row.plans.iter().any(is_meant))
                .collect(),
            decisions: verified
                .sessions
                .iter()
                .flat_map(|view| decisions(view, &documents))
                .filter(|row| is_meant(&row.plan))
                .collect(),
            more: None,
            heads: log_reader::heads(&verified),
        };
        let report = Report {
            command: "log show",
            exit_code: code.code(),
            verdict: Sentence::of(counted(verified.session_count as u64, "session", "sessions")),
            findings: verified.findings.iter().map(|f| Reported::new(f.clone(), |_| None)).collect(),
            body: Body::Log(log),
            next: Vec::new(),
        };
        streams::data(&render(&report, self.format))?;
        Ok(code)
    }
}

impl LogShowArgs {
    pub(crate) fn story(
        &self,
        change: &str,
        path: &std::path::Path,
        verified: &Verification,
        documents: &Documents,
        code: ExitCode,
        standing: &'static str,
    ) -> anyhow::Result<ExitCode> {
        let wanted = crate::cli::log::change_history::Wanted { plan: self.plan.as_deref(), change };
        let Some(mut story) =
            crate::cli::log::change_history::tell(&wanted, &AuditedLog::read(path, verified)?, documents)
        else {
            let of = self.plan.as_ref().map(|id| format!(" of `{}`", Text::from(id.as_str()).terminal()));
            let change = Text::from(change).terminal();
            return Ok(nothing_of(path, code, &format!("a change `{change}`{}", of.unwrap_or_default())));
        };
        story.about.push(("log", "log", crate::report::sheet::Cell::Word(standing)));
        let report = Report {
            command: "log show",
            exit_code: code.code(),
            verdict: Sentence::of("shown"),
            findings: verified.findings.iter().map(|f| Reported::new(f.clone(), |_| None)).collect(),
            body: Body::Sheets(story),
            next: Vec::new(),
        };
        streams::data(&render(&report, self.format))?;
        Ok(code)
    }
}

/// Whether any line refers to this plan.
pub(crate) fn names(verified: &Verification, plan: &str) -> bool {
    let is_of = |line: &Line| match line {
        Line::Plan(it) => it.id.as_str() == plan,
        Line::Evaluation(it) => it.plan.as_str() == plan,
        Line::Decision(it) => it.plan.as_str() == plan,
        Line::Auto(it) => it.plan.as_str() == plan,
        Line::Export(it) => it.plan.as_str() == plan,
        Line::Result(it) => it.plan.as_str() == plan,
        Line::Freeze(it) => it.kind == FreezeKind::Plan && it.name.as_ref().is_some_and(|name| name.raw() == plan),
        Line::Session(_)
        | Line::Blob(_)
        | Line::Policies(_)
        | Line::Thaw(_)
        | Line::Baseline(_)
        | Line::Recertification(_)
        | Line::Withdrawal(_)
        | Line::Seal(_)
        | Line::Sig(_) => false,
    };
    verified.sessions.iter().flat_map(|view| &view.lines).any(|line| is_of(&line.value))
}

/// Reports that the log does not contain what was requested. A log that does not verify takes precedence.
pub(crate) fn nothing_of(path: &std::path::Path, code: ExitCode, what: &str) -> ExitCode {
    let path = crate::app::io::files::shown(path);
    let code = ExitCode::first([code, ExitCode::Failure]);
    let help = if code == ExitCode::BadLog {
        "the log does not verify: see `review verify LOG`"
    } else {
        "`review log show` lists its contents"
    };
    streams::note(&format!("error: the log `{path}` holds nothing of {what}\n  = help: {help}"));
    code
}
