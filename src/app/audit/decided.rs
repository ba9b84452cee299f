//! The decisions of a log in its order, each with the evaluation it rests on.
//!
//! A decision is a `decision` or an `auto` line. The time for a card is the time since the previous answer of the session;
//! changes that were approved together are one answer.

use std::collections::BTreeMap;

use crate::app::audit::audited_log::AuditedLog;
use crate::app::audit::change_parts::ChangeParts;
use crate::input::digest::{Digest, of};
use crate::input::id::{ChangeId, Id, PlanId};
use crate::input::text::Text;
use crate::input::time::Time;
use crate::log::line::{Auto, Decision, Evaluation, Line, Number, Plan, PolicyOutcome, ProofMethod, Verdict};
use crate::log::verify::answers::{Recorded, SessionView};
use crate::report::audit::{AuditOutcome, AuditRow, ShownPart};

/// A decision, and what the later steps need of it.
pub(crate) struct Decided {
    /// The row of the report.
    pub(crate) row: AuditRow,
    /// What the change is about.
    pub(crate) parts: ChangeParts,
    /// The change.
    pub(crate) key: ChangeKey,
    /// When the plan was received.
    pub(crate) received: Option<Time>,
    /// Whether the person looked at a card of its own for it: the first of changes approved together.
    pub(crate) is_card: bool,
    /// What policy required.
    pub(crate) required: Option<(PolicyOutcome, Vec<Text>)>,
    /// The decision of the same person that it replaces.
    pub(crate) supersedes: Option<Digest<of::Line>>,
    /// The rejections that it helps to lift.
    pub(crate) lifts: Vec<Digest<of::Line>>,
    /// When it was applied as approved, if a result says so.
    pub(crate) applied: Option<Time>,
}

/// A change with one effect: the plan, the change, and the change digest.
pub(crate) type ChangeKey = (PlanId, ChangeId, Digest<of::Change>);

/// Every decision of the log, sessions in the order of the verification.
pub(crate) fn all(log: &AuditedLog<'_>) -> Vec<Decided> {
    log.verified.sessions.iter().flat_map(|view| of_session(log, view)).collect()
}

/// What earlier lines of a session say.
#[derive(Default)]
struct Context<'l> {
    pack: Option<Digest<of::File>>,
    plans: BTreeMap<&'l PlanId, &'l Plan>,
    evaluations: BTreeMap<(&'l PlanId, &'l ChangeId), &'l Evaluation>,
}

fn of_session(log: &AuditedLog<'_>, view: &SessionView) -> Vec<Decided> {
    let mut context = Context::default();
    let mut pace = Pace { before: view.header.at, answer: None };
    let mut found = Vec::new();
    for line in &view.lines {
        match &line.value {
            Line::Plan(plan) => {
                context.plans.insert(&plan.id, plan);
            }
            Line::Evaluation(it) => {
                context.evaluations.insert((&it.plan, &it.change), it);
            }
            Line::Decision(it) => {
                let mut one = base(log, view, line, &context, (&it.plan, &it.change, it.digest), it.at);
                let (seconds, is_card) = pace.next(it);
                one.row.seconds_to_decide = Some(seconds);
                one.is_card = is_card;
                person(&mut one, view, it);
                found.push(one);
            }
            Line::Auto(it) => {
                let mut one = base(log, view, line, &context, (&it.plan, &it.change, it.digest), it.at);
                automatic(&mut one.row, it);
                found.push(one);
            }
            Line::Policies(it) => context.pack = Some(it.pack),
            Line::Session(_)
            | Line::Blob(_)
            | Line::Freeze(_)
            | Line::Thaw(_)
            | Line::Baseline(_)
            | Line::Recertification(_)
            | Line::Withdrawal(_)
            | Line::Export(_)
            | Line::Result(_)
            | Line::Seal(_)
            | Line::Sig(_) => {}
        }
    }
    found
}

/// The answers of a session in time.
struct Pace {
    /// The previous answer, or the start of the session.
    before: Time,
    /// The current answer: its time, how many changes it is for, and its seconds.
    answer: Option<(Time, Number, u64)>,
}

impl Pace {
    /// The seconds for a decision, and whether it is the first of its answer.
    fn next(&mut self, it: &Decision) -> (u64, bool) {
        if let (Some((at, size, seconds)), Some(grouped)) = (self.answer, it.grouped)
            && at == it.at
            && size == grouped
        {
            return (seconds, false);
        }
        let seconds = it.at.since(self.before).map_or(0, |span| span.seconds().unsigned_abs());
        self.before = self.before.max(it.at);
        self.answer = it.grouped.map(|size| (it.at, size, seconds));
        (seconds, true)
    }
}

fn base(
    log: &AuditedLog<'_>,
    view: &SessionView,
    line: &Recorded<Line>,
    context: &Context<'_>,
    (plan, change, digest): (&PlanId, &ChangeId, Digest<of::Change>),
    at: Time,
) -> Decided {
    let recorded = log.changes.get(&digest);
    let document = recorded.map(|it| &*it.document);
    let parts = recorded.map(|it| it.parts.clone()).unwrap_or_default();
    let evaluation = context.evaluations.get(&(plan, change)).filter(|it| it.digest == digest);
    let received = context.plans.get(plan);
    let row = AuditRow {
        decision: line.digest,
        session: Text::from(view.header.session.to_string()),
        line: line.line.saturating_sub(view.line).saturating_add(1) as u64,
        decided_at: at,
        plan: plan.text(),
        change: change.text(),
        action: document.map(|it| it.action.clone()),
        ticket: None,
        targets: document.map(targets).unwrap_or_default(),
        subject: parts.subject.clone(),
        kinds: recorded.map(|it| it.kinds.clone()).unwrap_or_default(),
        entitlement: parts.entitlement.clone(),
        scope: parts.scope.clone(),
        mode: parts.mode.clone(),
        requested_end: parts.end_shown(),
        privileged: document.is_some_and(|it| it.privileged),
        sensitivity: document.map(|it| it.sensitivity.name()),
        outcome: AuditOutcome::Automatic,
        policies: policies(evaluation.copied(), context.pack),
        steps: Vec::new(),
        approver: None,
        acting_for: None,
        key: view.seal.value.fingerprint.clone(),
        proposer: document.map(|it| it.proposer.text()),
        proof: received.map(|it| proof(it.proof.method)),
        sponsor: document.and_then(|it| it.sponsor.as_ref().map(Id::text)),
        seconds_to_decide: None,
        grouped: None,
        shown: None,
        reason: None,
        exported: None,
        result: None,
        evidence: None,
        removed_at: None,
        late_by: None,
    };
    Decided {
        row,
        parts,
        key: (plan.clone(), change.clone(), digest),
        received: received.map(|it| it.received_at),
        is_card: false,
        required: evaluation.map(|it| (it.outcome, it.steps.clone())),
        supersedes: None,
        lifts: Vec::new(),
        applied: None,
    }
}

/// The policies that determined an outcome. Where none alone did, as for a change that needs steps, it is the whole pack.
fn policies(evaluation: Option<&Evaluation>, pack: Option<Digest<of::File>>) -> Vec<Text> {
    let determining: Vec<Text> = evaluation.into_iter().flat_map(|it| &it.determining).map(Id::text).collect();
    if !determining.is_empty() {
        return determining;
    }
    pack.map(|digest| Text::from(format!("pack {digest}"))).into_iter().collect()
}

/// Adds what a person's decision says.
fn person(one: &mut Decided, view: &SessionView, it: &Decision) {
    let writer = &view.header.writer;
    one.supersedes = it.supersedes;
    one.lifts.clone_from(&it.lifts);
    let row = &mut one.row;
    row.outcome = match it.verdict {
        Verdict::Approve => AuditOutcome::Approved,
        Verdict::Override => AuditOutcome::Override,
        Verdict::Reject => AuditOutcome::Rejected,
    };
    row.privileged |= it.privileged.is_some();
    if !it.set_aside.is_empty() {
        row.policies = it.set_aside.iter().map(Id::text).collect();
    }
    row.steps.clone_from(&it.steps);
    row.approver = Some(writer.person.as_ref().map_or_else(|| writer.principal.text(), Id::text));
    row.grouped = it.grouped.map(Number::get);
    row.shown = Some(ShownPart {
        groups: it.shown.groups.seen.get(),
        groups_of: it.shown.groups.of.get(),
        lines: it.shown.lines.seen.get(),
        lines_of: it.shown.lines.of.get(),
    });
    row.reason.clone_from(&it.reason);
}

fn automatic(row: &mut AuditRow, it: &Auto) {
    row.policies = it.policies.iter().map(Id::text).collect();
}

/// How a proposer was authenticated, in the words of the log.
pub(crate) fn proof(method: ProofMethod) -> &'static str {
    match method {
        ProofMethod::Jwt => "jwt",
        ProofMethod::None => "none",
        ProofMethod::SshCertificate => "ssh-certificate",
        ProofMethod::SshKey => "ssh-key",
    }
}

/// The systems of a change: the target, or else the source.
fn targets(document: &crate::decision::digest::ChangeDocument) -> Vec<Text> {
    let target = |it: &crate::decision::digest::TargetRecord| match (&it.system, &it.id) {
        (Some(system), Some(id)) => Text::from(format!("{} {}", system.raw(), id.raw())),
        _ => it.source.clone(),
    };
    document.targets.iter().map(target).collect()
}
