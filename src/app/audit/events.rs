//! `review log events`: one event for each decision, automatic outcome, export and result of a verified log.

use crate::app::audit::audited_log::AuditedLog;
use crate::input::digest::{Digest, of};
use crate::input::id::{ChangeId, Id, PlanId};
use crate::input::text::Text;
use crate::input::time::Time;
use crate::log::line::{Freeze, Line, Recertification, Verdict};
use crate::log::verify::answers::{Recorded, SessionView};
use crate::report::events::{BaselineEvent, EventKind, FrozenEvent, LogEvent, RecertificationEvent, VERSION};

/// The events of the sessions that a head does not follow; without one, of all sessions. Returns `None` if the log does not
/// have that head.
pub(crate) fn events(log: &AuditedLog<'_>, since: Option<Digest<of::Line>>) -> Option<Vec<LogEvent>> {
    let ancestry = &log.verified.ancestry;
    let known = match since {
        Some(seal) => Some(log.verified.sessions.iter().find(|view| view.seal.digest == seal)?.index),
        None => None,
    };
    let is_new =
        |view: &&SessionView| known.is_none_or(|known| known != view.index && !ancestry.is_ancestor(view.index, known));
    let sessions = log.verified.sessions.iter().filter(is_new);
    Some(sessions.flat_map(|view| view.lines.iter().filter_map(|line| event(log, view, line))).collect())
}

/// What a line says of a change.
type Said<'l> = (EventKind, Time, Option<(&'l PlanId, &'l ChangeId, Digest<of::Change>)>);

fn event(log: &AuditedLog<'_>, view: &SessionView, line: &Recorded<Line>) -> Option<LogEvent> {
    let said: Said<'_> = match &line.value {
        Line::Decision(it) => {
            let kind = match it.verdict {
                Verdict::Approve => EventKind::Approve,
                Verdict::Override => EventKind::Override,
                Verdict::Reject => EventKind::Reject,
            };
            (kind, it.at, Some((&it.plan, &it.change, it.digest)))
        }
        Line::Auto(it) => (EventKind::Automatic, it.at, Some((&it.plan, &it.change, it.digest))),
        Line::Export(it) => (EventKind::Export, it.at, Some((&it.plan, &it.change, it.digest))),
        Line::Result(it) => (EventKind::Result, it.at, Some((&it.plan, &it.change, it.digest))),
        Line::Freeze(it) => (EventKind::Freeze, it.at, None),
        Line::Thaw(it) => (EventKind::Thaw, it.at, None),
        Line::Baseline(it) => (EventKind::Baseline, it.at, None),
        Line::Withdrawal(it) => (EventKind::Withdrawal, it.at, None),
        Line::Recertification(it) => (EventKind::Recertification, it.at, None),
        Line::Session(_)
        | Line::Blob(_)
        | Line::Plan(_)
        | Line::Policies(_)
        | Line::Evaluation(_)
        | Line::Seal(_)
        | Line::Sig(_) => return None,
    };
    let mut event = base(log, view, line.digest, said);
    match &line.value {
        Line::Decision(it) => {
            event.steps.clone_from(&it.steps);
            event.policies = it.set_aside.iter().map(Id::text).collect();
            event.reason.clone_from(&it.reason);
        }
        Line::Auto(it) => event.policies = it.policies.iter().map(Id::text).collect(),
        Line::Result(it) => event.result = Some(it.outcome.word()),
        Line::Freeze(it) => {
            event.reason = Some(it.reason.clone());
            event.frozen = Some(frozen(line.digest, Some(it)));
        }
        Line::Thaw(it) => {
            let lines = log.verified.sessions.iter().flat_map(|view| &view.lines);
            let mut freezes = lines.filter_map(|line| {
                let Line::Freeze(freeze) = &line.value else { return None };
                (line.digest == it.freeze).then_some(&**freeze)
            });
            event.reason = Some(it.reason.clone());
            event.frozen = Some(frozen(it.freeze, freezes.next()));
        }
        Line::Baseline(it) => {
            event.reason = Some(it.reason.clone());
            event.baseline = Some(BaselineEvent {
                snapshot: it.snapshot.sha256,
                count: it.count.get(),
                until: it.until,
                until_privileged: it.until_privileged,
            });
        }
        Line::Withdrawal(it) => {
            event.reason = Some(it.reason.clone());
            event.withdrawn = Some(it.baseline);
        }
        Line::Recertification(it) => recertification(&mut event, it),
        Line::Export(_)
        | Line::Session(_)
        | Line::Blob(_)
        | Line::Plan(_)
        | Line::Policies(_)
        | Line::Evaluation(_)
        | Line::Seal(_)
        | Line::Sig(_) => {}
    }
    Some(event)
}

fn recertification(event: &mut LogEvent, it: &Recertification) {
    event.reason.clone_from(&it.reason);
    if let Some(access) = it.described() {
        event.is_membership = access.holds.raw() == "membership";
        (event.subject, event.entitlement, event.scope) = (Some(access.who), Some(access.what), access.scope);
    }
    event.recertification = Some(RecertificationEvent {
        answer: it.answer.word(),
        snapshot: it.snapshot.sha256,
        population: it.population,
        until: it.until,
    });
}

fn frozen(line: Digest<of::Line>, freeze: Option<&Freeze>) -> FrozenEvent {
    FrozenEvent {
        line,
        kind: freeze.map(|it| it.kind.word()),
        name: freeze.and_then(|it| it.name.clone()),
        until: freeze.map(|it| it.until),
    }
}

fn base(log: &AuditedLog<'_>, view: &SessionView, uid: Digest<of::Line>, (kind, time, about): Said<'_>) -> LogEvent {
    let recorded = about.and_then(|(.., digest)| log.changes.get(&digest));
    let parts = recorded.map(|it| it.parts.clone()).unwrap_or_default();
    let writer = &view.header.writer;
    LogEvent {
        schema_version: VERSION,
        uid,
        time,
        kind,
        log: Text::from(view.header.log.to_string()),
        session: Text::from(view.header.session.to_string()),
        principal: writer.principal.text(),
        person: writer.person.as_ref().map(Id::text),
        key: writer.fingerprint.clone(),
        tool: view.header.tool.clone(),
        plan: about.map(|(plan, ..)| plan.text()),
        change: about.map(|(_, change, _)| change.text()),
        digest: about.map(|(.., digest)| digest),
        action: recorded.map(|it| it.document.action.clone()),
        subject: parts.subject,
        subject_is_group: parts.is_group,
        entitlement: parts.entitlement,
        is_membership: parts.is_membership,
        scope: parts.scope,
        privileged: recorded.is_some_and(|it| it.document.privileged),
        proposer: recorded.map(|it| it.document.proposer.text()),
        steps: Vec::new(),
        policies: Vec::new(),
        reason: None,
        result: None,
        frozen: None,
        baseline: None,
        withdrawn: None,
        recertification: None,
    }
}
