//! `review verify --replay`: decides every recorded evaluation again, from the log alone.
//!
//! For each evaluation of a log that verifies: loads the policies that the session records (once for each distinct set),
//! asks the recorded requests again, and compares the answers, the outcome, the steps and the determining policies with
//! the record. Facts are taken as recorded; they are not computed from a snapshot again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::app::record::{entries, history};
use crate::input::finding::{Code, Finding};
use crate::input::id::{Id, PolicyId};
use crate::input::place::Place;
use crate::log::blob::Values;
use crate::log::line::{Evaluation, KeptFile, Line, PolicyOutcome, Value};
use crate::log::verify::answers::Verification;
use crate::policy::replay::{Replayed, recorded_action, replay};
use crate::policy::{Outcome, Pack, PolicyFile};
use crate::report::record::{Holds, ReplayAnswer, VerifyAnswer};
use crate::report::sentence::{Sentence, counted};

/// The maximum number of findings. Further differences are only counted.
const FINDINGS: usize = 1_000;

/// The packs of a log, by the files that they consist of, or why one does not load.
type Packs<'l> = BTreeMap<&'l [KeptFile], Result<Pack, String>>;

/// Decides again every evaluation of a log that verifies and was read with
/// [`crate::log::verify::answers::Keep::Lines`].
///
/// # Errors
/// If a file of the log cannot be read.
pub(crate) fn all(path: &Path, verified: &Verification) -> anyhow::Result<(ReplayAnswer, Vec<Finding>)> {
    let values = history::values(path)?;
    let (mut packs, mut findings) = (Packs::new(), Vec::new());
    let (mut replayed, mut differ, mut not_replayed) = (0_u64, 0_u64, 0_u64);
    for view in &verified.sessions {
        let mut files: Option<&[KeptFile]> = None;
        for line in &view.lines {
            if let Line::Policies(policies) = &line.value {
                files = Some(&policies.files);
            }
            let Line::Evaluation(evaluation) = &line.value else { continue };
            let place = Place::line(&view.file, u32::try_from(line.line).unwrap_or(u32::MAX));
            let result = again(evaluation, files, &values, &mut packs);
            let finding = match result {
                Ok(differences) => {
                    replayed = replayed.saturating_add(1);
                    if differences.is_empty() {
                        continue;
                    }
                    differ = differ.saturating_add(1);
                    differs(evaluation, &differences.join("; "))
                }
                // WHY: this version reads what it wrote, so it did not write this record as claimed.
                Err(NotReplayed::Unreadable(why)) if view.header.tool.raw() == entries::TOOL => {
                    differ = differ.saturating_add(1);
                    differs(evaluation, &why)
                }
                Err(NotReplayed::NoRequests) => {
                    not_replayed = not_replayed.saturating_add(1);
                    let message = format!(
                        "the evaluation of `{}` in the plan `{}` was not decided again: it is denied because no request could be built",
                        evaluation.change.as_str(),
                        evaluation.plan.as_str()
                    );
                    Finding::new(Code::LogNotReplayed, message)
                }
                Err(NotReplayed::Unreadable(why)) => {
                    not_replayed = not_replayed.saturating_add(1);
                    let message = format!(
                        "the evaluation of `{}` in the plan `{}` was not decided again: {why}",
                        evaluation.change.as_str(),
                        evaluation.plan.as_str()
                    );
                    let help = format!("use the version that wrote it: `{}`", view.header.tool.raw());
                    Finding::new(Code::LogNotReplayed, message).help(help)
                }
            };
            if findings.len() < FINDINGS {
                findings.push(finding.at(&place));
            }
        }
    }
    Ok((answer(replayed, differ, not_replayed), findings))
}

/// The answer for a log that does not verify: its evaluations are not worth deciding again.
pub(crate) fn none() -> ReplayAnswer {
    let says = Sentence::of("the log does not verify, so no evaluation was decided again");
    ReplayAnswer { answer: VerifyAnswer { holds: Holds::Unknown, says }, replayed: 0, differ: 0, not_replayed: 0 }
}

fn answer(replayed: u64, differ: u64, not_replayed: u64) -> ReplayAnswer {
    let holds = match (differ, not_replayed, replayed) {
        (0, 0, 1..) => Holds::Yes,
        (0, ..) => Holds::Unknown,
        (1.., ..) => Holds::No,
    };
    let mut says = Sentence::of(format!("{} decided again", counted(replayed, "evaluation was", "evaluations were")));
    if replayed > 0 && differ == 0 {
        says = says.own(", each with the recorded outcome and policies");
    }
    if differ > 0 {
        let (one, many) = ("evaluation does not follow", "evaluations do not follow");
        says = says.own(format!("; {} from the recorded policies", counted(differ, one, many)));
    }
    if not_replayed > 0 {
        says = says.own(format!("; {} not decided again", counted(not_replayed, "evaluation", "evaluations")));
    }
    ReplayAnswer { answer: VerifyAnswer { holds, says }, replayed, differ, not_replayed }
}

fn differs(evaluation: &Evaluation, why: &str) -> Finding {
    let message = format!(
        "the recorded evaluation of `{}` in the plan `{}` does not follow from the recorded policies: {why}",
        evaluation.change.as_str(),
        evaluation.plan.as_str()
    );
    let help = "ask who signed the session; do not rely on decisions about this change";
    Finding::new(Code::LogReplayDiffers, message).help(help)
}

/// Why an evaluation was not decided again.
enum NotReplayed {
    /// No request could be built, and the change was denied for that.
    NoRequests,
    /// The record is malformed, or in the format of another version.
    Unreadable(String),
}

impl<T: Into<String>> From<T> for NotReplayed {
    fn from(why: T) -> Self {
        Self::Unreadable(why.into())
    }
}

/// Decides an evaluation again. Returns what differs from the record.
fn again<'l>(
    evaluation: &Evaluation,
    files: Option<&'l [KeptFile]>,
    values: &Values,
    packs: &mut Packs<'l>,
) -> Result<Vec<String>, NotReplayed> {
    let files = files.ok_or("the session records no policies before it")?;
    let pack = packs.entry(files).or_insert_with(|| load(files, values)).as_ref().map_err(Clone::clone)?;
    let record = match &evaluation.requests {
        Value::Inline(text) => text.raw().as_bytes(),
        Value::Blob(digest) => values.get(digest).ok_or("its requests are missing")?,
    };
    if record == b"null" {
        return unanswered(evaluation);
    }
    let replayed = replay(pack, record).map_err(|error| error.to_string())?;
    let document = history::document(evaluation, values).ok_or("its definition cannot be read")?;
    Ok(compared(evaluation, document.action.raw(), &replayed))
}

/// No request could be built. Such a change is denied, and there is nothing to decide again.
fn unanswered(evaluation: &Evaluation) -> Result<Vec<String>, NotReplayed> {
    match evaluation.outcome {
        PolicyOutcome::Denied => Err(NotReplayed::NoRequests),
        PolicyOutcome::Auto | PolicyOutcome::Needs => {
            Ok(vec!["it has no requests, so the outcome should be `denied`".to_owned()])
        }
    }
}

fn load(files: &[KeptFile], values: &Values) -> Result<Pack, String> {
    let mut held = Vec::new();
    for file in files {
        let bytes = values.get(&file.sha256).ok_or_else(|| format!("the file `{}` is missing", file.path.raw()))?;
        held.push(PolicyFile { path: file.path.raw(), bytes });
    }
    Pack::recorded(&held).map_err(|faults| {
        let first = faults.first().map_or("", |fault| fault.message.raw());
        format!("its policies cannot be loaded: {first}")
    })
}

fn compared(evaluation: &Evaluation, action: &str, replayed: &Replayed) -> Vec<String> {
    let mut found = Vec::new();
    let mut compare = |what: &str, recorded: &str, now: &str| {
        if recorded != now {
            found.push(format!("{what} is recorded as `{recorded}` and comes out as `{now}`"));
        }
    };
    compare("the action", &recorded_action(action), replayed.action.raw());
    let (outcome, steps) = match &replayed.outcome {
        Outcome::Auto => (PolicyOutcome::Auto, [].as_slice()),
        Outcome::Denied => (PolicyOutcome::Denied, [].as_slice()),
        Outcome::Needs(steps) => (PolicyOutcome::Needs, steps.as_slice()),
    };
    compare("the outcome", word(evaluation.outcome), word(outcome));
    let recorded: BTreeSet<&str> = evaluation.steps.iter().map(crate::input::text::Text::raw).collect();
    let now: BTreeSet<&str> = steps.iter().map(crate::policy::StepName::as_str).collect();
    compare("the list of steps", &list(recorded), &list(now));
    let recorded: BTreeSet<&str> = evaluation.determining.iter().map(Id::as_str).collect();
    let now: BTreeSet<&str> = replayed.determining.iter().map(PolicyId::as_str).collect();
    compare("the list of determining policies", &list(recorded), &list(now));
    for differs in &replayed.differs {
        let what = format!("the answer to `{}`", differs.action.raw());
        compare(&what, differs.recorded.raw(), differs.now.raw());
    }
    found
}

fn list(names: BTreeSet<&str>) -> String {
    if names.is_empty() { "none".to_owned() } else { names.into_iter().collect::<Vec<_>>().join(", ") }
}

fn word(outcome: PolicyOutcome) -> &'static str {
    match outcome {
        PolicyOutcome::Auto => "auto",
        PolicyOutcome::Denied => "denied",
        PolicyOutcome::Needs => "needs",
    }
}
