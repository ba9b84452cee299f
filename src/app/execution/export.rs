//! `review export`: what the gate passes, as a bundle for an executor.
//!
//! Judges the plan as the gate does, makes the bundle and its rendering, and records the export in a recorder's session,
//! which uses the approvals up. The file is on the disk before the session is signed and gets its name after, so that no
//! approval is used up for a bundle that cannot be written, and no bundle exists without its record. A second export is
//! refused, also where two ran at once: after the session is added, the log is read again, and a bundle that another session
//! exports too is not handed out.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};

use crate::access::Index;
use crate::access::change::inverse::{Undo, inverse};
use crate::access::change::materialise::applied;
use crate::access::change::terms::latest_end;
use crate::app::evaluation::evaluator::{Evaluator, terms};
use crate::app::execution::approvals::Approvals;
use crate::app::io::command_error::hinted;
use crate::app::io::files::shown;
use crate::app::io::staged::Staged;
use crate::app::io::streams;
use crate::app::plans::evaluated_plan::EvaluatedPlan;
use crate::app::plans::plan_file::PlanFile;
use crate::app::present::gated_plans::GatedPlans;
use crate::app::record::opened::OpenedLog;
use crate::app::record::recorder::Recorder;
use crate::app::record::{entries, freezes, history};
use crate::app::site::location::SiteLocation;
use crate::decision::case::EvaluatedChange;
use crate::decision::exit::ExitCode;
use crate::decision::gate::{GateState, GateVerdict};
use crate::input::digest::{Digest, of};
use crate::input::finding::{Code, Finding};
use crate::input::id::{ChangeId, PlanId};
use crate::input::text::Text;
use crate::input::time::{Span, Time};
use crate::log::line::{Export, Line, Tag};
use crate::log::session::Draft;
use crate::log::verify::answers::Verification;
use crate::plan::model::{Action, Change};
use crate::plan::write::{self, NewChange, NewPlan};
use crate::report::bundle::{
    self, BundleChange, BundleLog, BundlePlan, BundleSnapshot, ExportBundle, ForExecutor, NotExpressible, NotRestored,
    Rollback,
};
use crate::report::model::{Body, Report, Reported};
use crate::report::sentence::{Sentence, counted};

/// How long an inverse plan that comes with an export may be proposed.
const ROLLBACK_DAYS: u32 = 30;

/// For which executor a bundle is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExportFormat {
    /// The bundle itself, as JSON.
    #[default]
    Native,
    /// Manifests for `kubectl apply --server-side`.
    Kubernetes,
    /// A script for `psql`.
    Postgresql,
}

/// What is to be exported.
#[derive(Clone, Debug)]
pub struct ExportRequest {
    /// The plan.
    pub plan: PathBuf,
    /// The trust folder and the log.
    pub place: SiteLocation,
    /// Heads that were remembered.
    pub known_heads: Vec<String>,
    /// The recorder's key.
    pub key: Option<String>,
    /// Export the approved changes although others do not pass.
    pub partial: bool,
    /// For which executor.
    pub format: ExportFormat,
    /// Where the bundle goes; none: the caller writes it.
    pub output: Option<PathBuf>,
    /// Where the inverse plan goes as a file of its own.
    pub rollback: Option<PathBuf>,
    /// What the log holds in place of the digest of the bundle.
    pub mark: Option<Digest<of::File>>,
}

/// What came of it.
pub enum ExportOutcome {
    /// Nothing was exported.
    Refused(Box<Report>, ExitCode),
    /// The bundle was exported.
    Done {
        /// The bundle as it was rendered.
        text: String,
        /// What to say about it.
        says: String,
    },
}

/// A change that is exported.
struct Passing<'p> {
    at: usize,
    change: &'p Change,
    present: &'p EvaluatedChange,
    decisions: BTreeSet<Digest<of::Line>>,
    until: Option<Time>,
    /// Policy lets it pass, and no recorder has said so yet.
    unrecorded: bool,
}

/// Exports a plan.
///
/// # Errors
/// If a file cannot be read or written, or nobody signs; nothing is then handed out.
pub fn export(request: &ExportRequest) -> anyhow::Result<ExportOutcome> {
    let opened = match OpenedLog::open("export", &request.place, &request.known_heads)? {
        Ok(opened) => opened,
        Err((report, code)) => return Ok(ExportOutcome::Refused(Box::new(report), code)),
    };
    let recorder = Recorder::named(&opened.site, request.key.as_deref())?;
    let index = Index::new(&opened.site.snapshot);
    let found =
        Evaluator::new(&opened.site, &index, &opened.past, opened.now).by_record([PlanFile::read(&request.plan)?])?;
    let mut gated = GatedPlans::default();
    gated.add(&found, &opened.past, &opened.site);
    let code = ExitCode::first(gated.codes.iter().copied());
    let Some((proposal, verdict)) = found.plans.first() else { return Ok(refused(gated, code, None)) };
    let stale = verdict.plan_expired || terms(proposal).snapshot_stale;
    let may = code == ExitCode::Passes || (request.partial && !stale && !verdict.passing.is_empty());
    if !may {
        return Ok(refused(gated, code, None));
    }
    let (passing, spent) = passing(proposal, verdict, &opened);
    if !spent.is_empty() && (!request.partial || passing.is_empty()) {
        let findings = spent.iter().map(|change| already(change)).collect();
        return Ok(refused(gated, ExitCode::Stale, Some(findings)));
    }
    let approvals = Approvals::of(&opened.verified);
    let made = match make(&opened, &index, proposal, &passing, &approvals)? {
        Ok(made) => made,
        Err(findings) => return Ok(refused(gated, ExitCode::Denied, Some(findings))),
    };
    let text = match made.render(&opened, request.format)? {
        Ok(text) => text,
        Err(faults) => {
            let findings = faults.into_iter().map(|fault| not_expressible(&fault)).collect();
            return Ok(refused(gated, ExitCode::Failure, Some(findings)));
        }
    };
    // WHY before the session: approvals must not be used up for a file that cannot be written.
    let mut staged = Vec::new();
    if let Some(path) = &request.output {
        staged.push(Staged::write(path, &text).with_context(|| format!("`{}` cannot be written", shown(path)))?);
    }
    if let (Some(path), Some(plan)) = (&request.rollback, &made.bundle.rollback.plan) {
        staged.push(Staged::write(path, plan.raw()).with_context(|| format!("`{}` cannot be written", shown(path)))?);
    }
    let output = request.mark.unwrap_or_else(|| Digest::of(text.as_bytes()));
    recorder.write(&opened.log, &opened.verified, std::slice::from_ref(proposal), &mut |draft, at| {
        lines(draft, proposal, &passing, &made.bundle, output, at)
    })?;
    let after = opened.verify_again()?;
    let ours: BTreeSet<Digest<of::Change>> = passing.iter().map(|it| it.present.digest).collect();
    ensure!(
        exports_of(&after, &opened.verified, &ours) <= 1,
        hinted(
            "another process exported the same changes at the same time, so both bundles are withheld",
            "have the changes reviewed again"
        )
    );
    let past = history::read(&opened.log, &after, &opened.site)?;
    let proofs = terms(proposal).proofs;
    let stopped = passing.iter().flat_map(|it| past.record.frozen(it.present, &proofs, streams::now())).next();
    if let Some(stopped) = stopped {
        bail!(hinted(
            format!(
                "{} at the same time, so the bundle is not handed out",
                freezes::stops(&stopped).sentence().terminal()
            ),
            "have the changes reviewed again once that ended"
        ));
    }
    for one in staged {
        one.publish()?;
    }
    Ok(ExportOutcome::Done { says: says(&made.bundle, request), text })
}

/// How many sessions that the log had not before export one of these changes.
fn exports_of(after: &Verification, before: &Verification, changes: &BTreeSet<Digest<of::Change>>) -> usize {
    let known: BTreeSet<Digest<of::Line>> = before.sessions.iter().map(|view| view.seal.digest).collect();
    let exports = |line: &Line| matches!(line, Line::Export(export) if changes.contains(&export.digest));
    let fresh = after.sessions.iter().filter(|view| !known.contains(&view.seal.digest));
    fresh.filter(|view| view.lines.iter().any(|line| exports(&line.value))).count()
}

fn refused(gated: GatedPlans, code: ExitCode, findings: Option<Vec<Finding>>) -> ExportOutcome {
    let mut all = gated.findings;
    all.splice(0..0, findings.into_iter().flatten().map(|finding| Reported::new(finding, |_| None)));
    let report = Report {
        command: "export",
        exit_code: code.code(),
        verdict: Sentence::of("nothing was exported"),
        findings: all,
        body: Body::Plans(gated.plans),
        next: Vec::new(),
    };
    ExportOutcome::Refused(Box::new(report), code)
}

fn already(change: &Change) -> Finding {
    let message = format!("change `{}` was exported before", change.id.value.as_str());
    Finding::new(Code::AlreadyExported, message)
        .help("check the result with `review confirm`; to apply it again, propose it in a new plan")
}

fn not_expressible(fault: &NotExpressible) -> Finding {
    let message = match &fault.change {
        Some(change) => format!("change `{}` cannot be rendered: {}", change.as_str(), fault.why),
        None => format!("the bundle cannot be rendered: {}", fault.why),
    };
    Finding::new(Code::NotExpressible, message).help("export it with `--format native`; no approval was used up")
}

/// The changes that pass, and those of them that an export used up already.
fn passing<'p>(
    proposal: &'p EvaluatedPlan<'_>,
    verdict: &GateVerdict,
    opened: &OpenedLog,
) -> (Vec<Passing<'p>>, Vec<&'p Change>) {
    let record = &opened.past.record;
    let (mut passing, mut spent) = (Vec::new(), Vec::new());
    for (at, (held, present)) in verdict.changes.iter().zip(&proposal.presents).enumerate() {
        let Some(change) = proposal.plan.changes.get(at).filter(|_| verdict.passing.contains(&held.case)) else {
            continue;
        };
        match &held.state {
            GateState::Approved(approved) => passing.push(Passing {
                at,
                change,
                present,
                decisions: approved.decisions.clone(),
                until: approved.until,
                unrecorded: false,
            }),
            // What needs nobody has no approval that an export could use up: it is exported once.
            GateState::Auto if record.exports.iter().any(|export| export.digest == present.digest) => {
                spent.push(change);
            }
            GateState::Auto => {
                let recorded = record.auto(present).map(|auto| auto.line);
                passing.push(Passing {
                    at,
                    change,
                    present,
                    decisions: recorded.into_iter().collect(),
                    until: None,
                    unrecorded: recorded.is_none(),
                });
            }
            GateState::Denied(_)
            | GateState::Rejected
            | GateState::Void { .. }
            | GateState::Expired(_)
            | GateState::Undecided(_)
            | GateState::Frozen
            | GateState::Exported(_)
            | GateState::Waits(_) => {}
        }
    }
    (in_order(passing), spent)
}

/// Reductions first, and each change after those that it depends on.
fn in_order(mut open: Vec<Passing<'_>>) -> Vec<Passing<'_>> {
    open.sort_by_key(|it| (it.present.gains(), it.at));
    let mut done: Vec<Passing<'_>> = Vec::with_capacity(open.len());
    while !open.is_empty() {
        let waits = |it: &Passing<'_>| open.iter().any(|other| it.present.depends_on.contains(&other.change.id.value));
        // INVARIANT: dependencies have no cycle, so one change is always ready.
        let next = open.iter().position(|it| !waits(it)).unwrap_or_default();
        done.push(open.remove(next));
    }
    done
}

/// A bundle with what its renderings need.
struct MadeBundle {
    bundle: ExportBundle,
    actions: Vec<Action>,
    after: crate::snapshot::model::Snapshot,
}

impl MadeBundle {
    fn render(&self, opened: &OpenedLog, format: ExportFormat) -> anyhow::Result<Result<String, Vec<NotExpressible>>> {
        let of = ForExecutor {
            bundle: &self.bundle,
            actions: &self.actions,
            before: &opened.site.snapshot,
            after: &self.after,
        };
        Ok(match format {
            ExportFormat::Native => Ok(bundle::write(&self.bundle)?),
            ExportFormat::Kubernetes => bundle::kubernetes::render(&of),
            ExportFormat::Postgresql => bundle::postgresql::render(&of),
        })
    }
}

fn make(
    opened: &OpenedLog,
    index: &Index<'_>,
    proposal: &EvaluatedPlan<'_>,
    passing: &[Passing<'_>],
    approvals: &Approvals,
) -> anyhow::Result<Result<MadeBundle, Vec<Finding>>> {
    let plan = &proposal.plan;
    let ids: BTreeSet<ChangeId> = passing.iter().map(|it| it.change.id.value.clone()).collect();
    let (after, undo) = match (applied(index, plan, Some(&ids)), inverse(index, plan, Some(&ids))) {
        (Ok(after), Ok(undo)) => (after, undo),
        (Err(findings), _) | (_, Err(findings)) => return Ok(Err(findings)),
    };
    let mut changes = Vec::with_capacity(passing.len());
    for it in passing {
        let change = it.change;
        let Some(approvals) = approvals.named(&it.decisions) else {
            bail!("the log no longer has a line that a change depends on")
        };
        changes.push(BundleChange {
            id: change.id.value.clone(),
            digest: it.present.digest,
            reduces: !it.present.gains(),
            change: write::change(change.id.value.as_str(), &change.action, change.reason.value.raw()),
            ends_at_latest: ends_at(&change.action, plan.expires.value),
            approved_until: it.until,
            approvals,
        });
    }
    let rollback = rollback(proposal, &undo, opened.now)?;
    let left_out = plan.changes.iter().map(|it| &it.id.value).filter(|id| !ids.contains(*id)).cloned().collect();
    let mut heads = opened.verified.heads.clone();
    heads.sort();
    let bundle = ExportBundle {
        version: 1,
        idempotency_key: key(&plan.id.value, passing),
        exported_at: opened.now,
        plan: BundlePlan {
            id: plan.id.value.clone(),
            sha256: plan.digest,
            proposer: plan.proposer.value.clone(),
            on_behalf_of: plan.on_behalf_of.as_ref().map(|it| it.value.clone()),
            task: plan.task.as_ref().map(|it| it.value.clone()),
            intent: plan.intent.value.clone(),
            expires: plan.expires.value,
        },
        targets: opened.site.snapshot.targets(),
        snapshot: BundleSnapshot { sha256: opened.site.snapshot_digest, taken_at: opened.site.snapshot.taken_at },
        log: BundleLog { id: Text::from(opened.id.to_string()), heads },
        changes,
        left_out,
        rollback,
    };
    let actions = passing.iter().map(|it| it.change.action.clone()).collect();
    Ok(Ok(MadeBundle { bundle, actions, after }))
}

/// When what an action gives ends at the latest.
pub(crate) fn ends_at(action: &Action, expires: Time) -> Option<Time> {
    action.lifetime().map(|lifetime| latest_end(lifetime, expires))
}

/// Equal for equal changes on equal approvals, and different for any others.
fn key(plan: &PlanId, passing: &[Passing<'_>]) -> Text {
    let lines = passing.iter().map(|it| {
        let decisions: Vec<String> = it.decisions.iter().map(ToString::to_string).collect();
        format!("{} {}\n", it.present.digest, decisions.join(","))
    });
    let lines: BTreeSet<String> = lines.collect();
    let text = format!("review-export@v1\n{}\n{}", plan.as_str(), lines.into_iter().collect::<String>());
    Text::from(Digest::<of::File>::of(text.as_bytes()).to_string())
}

fn rollback(proposal: &EvaluatedPlan<'_>, undo: &[Undo], now: Time) -> anyhow::Result<Rollback> {
    let plan = &proposal.plan;
    let not_restored = undo.iter().flat_map(|one| {
        one.lost.iter().map(|what| NotRestored { change: one.change.clone(), what: Text::from(what.as_str()) })
    });
    let changes: Vec<NewChange> = undo
        .iter()
        .flat_map(|one| one.actions.iter().map(move |action| (one, action)))
        .enumerate()
        .map(|(at, (one, action))| {
            let reason = format!("Undo change {} of plan {}.", one.change.as_str(), plan.id.value.as_str());
            NewChange::new(format!("undo-{}", at.saturating_add(1)), action.clone(), reason)
        })
        .collect();
    let not_restored = not_restored.collect();
    if changes.is_empty() {
        return Ok(Rollback { sha256: None, plan: None, not_restored });
    }
    let text = write::write(&NewPlan {
        id: PlanId::new(format!("rollback-of-{}", plan.id.value.as_str())),
        proposer: plan.proposer.value.clone(),
        on_behalf_of: plan.on_behalf_of.as_ref().map(|it| it.value.clone()),
        task: plan.task.as_ref().map(|it| it.value.clone()),
        intent: format!("Undo the export of plan {}.", plan.id.value.as_str()),
        expires: now.plus(Span::from_days(ROLLBACK_DAYS)),
        made_from: None,
        changes,
    })?;
    Ok(Rollback { sha256: Some(Digest::of(text.as_bytes())), plan: Some(Text::from(text)), not_restored })
}

/// The lines of the session: what policy lets pass, the inverse plan, and an `export` line for each change.
fn lines(
    draft: &mut Draft,
    proposal: &EvaluatedPlan<'_>,
    passing: &[Passing<'_>],
    bundle: &ExportBundle,
    output: Digest<of::File>,
    at: Time,
) -> anyhow::Result<Vec<u8>> {
    let mut out = Vec::new();
    if let Some(plan) = &bundle.rollback.plan {
        out.extend(draft.blob(plan.raw().as_bytes())?.1);
    }
    let mut decisions: Vec<BTreeSet<Digest<of::Line>>> = Vec::with_capacity(passing.len());
    for it in passing {
        let mut of_change = it.decisions.clone();
        if it.unrecorded {
            let added = entries::auto(draft, proposal, it.at, at)?;
            of_change.insert(added.digest);
            out.extend(added.bytes);
        }
        decisions.push(of_change);
    }
    for (it, decisions) in passing.iter().zip(decisions) {
        let line = |prev| {
            Line::Export(Export {
                at,
                change: it.present.case.change.clone(),
                decisions: decisions.into_iter().collect(),
                digest: it.present.digest,
                output,
                plan: it.present.case.plan.clone(),
                prev,
                rollback: bundle.rollback.sha256,
                r#type: Tag::new(),
            })
        };
        out.extend(draft.push(line)?.bytes);
    }
    Ok(out)
}

fn says(bundle: &ExportBundle, request: &ExportRequest) -> String {
    let mut out = format!("exported {}", counted(bundle.changes.len() as u64, "change", "changes"));
    if let Some(path) = &request.output {
        out.push_str(&format!(" to `{}`", shown(path)));
    }
    if !bundle.left_out.is_empty() {
        let names: Vec<String> = bundle.left_out.iter().map(|id| id.text().terminal()).collect();
        out.push_str(&format!("; left out: {}", names.join(", ")));
    }
    for it in &bundle.rollback.not_restored {
        out.push_str(&format!(
            "\nwarning[not-restored]: undoing change `{}` does not restore: {}",
            it.change.text().terminal(),
            it.what.terminal()
        ));
    }
    if request.rollback.is_some() && bundle.rollback.plan.is_none() {
        out.push_str("\nno inverse plan was written, because none of the changes is reversible");
    }
    out
}
