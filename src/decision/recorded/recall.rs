//! Reads the decisions of a verified log.
//!
//! Builds the record of decisions and exports from the sessions of a verification with their lines and long values, and
//! from the person of each principal, or returns every line that is not valid. The `definition` of an `evaluation` line
//! is the document of the change digest, verbatim ([`crate::decision::digest::Digested::text`]).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::decision::case::{Signer, StepName};
use crate::decision::digest::{ChangeDocument, Digested};
use crate::decision::recorded::record::{
    Automatic, ExportResult, Exported, ExportedChange, LinePlace, Record, RecordedDecision, ReviewerVerdict, SessionRef,
};
use crate::decision::recorded::record::{RecordedFreeze, RecordedThaw, ThawPower};
use crate::input::digest::{Digest, of};
use crate::input::id::{ChangeId, PersonId, PlanId, PrincipalId};
use crate::log::blob::Values;
use crate::log::judge::SealSigner;
use crate::log::line::{Auto, Decision, Evaluation, Export, Freeze, Line, Outcome, SessionKind, Thaw, Value, Verdict};
use crate::log::verify::answers::SessionView;
use crate::policy::KeyFacts;

/// An invalid decision line. While there is one, no change passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unbelieved {
    /// The file.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: usize,
    /// The fault.
    pub why: RecallFault,
}

/// The fault of a decision line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecallFault {
    /// It is in a session of a machine.
    ByMachine,
    /// `people.yaml` does not list its principal, and the session names no person.
    NoPerson,
    /// No evaluation of its change and digest precedes it.
    NotEvaluated,
    /// The recorded document does not match the digest.
    NotItsDigest,
    /// A step in it has no valid name.
    BadStep,
}

/// The recorded evaluations, by plan, change and digest.
type Evaluated = BTreeMap<(PlanId, ChangeId, Digest<of::Change>), Value>;

/// All decisions and exports of the log. Of a session without a signer that counts, only the exports are used; of one whose
/// key is revoked up to an earlier session, the rejections and freezes too.
///
/// `person` returns the person of a principal by the current `people.yaml`. The approvals of a person who left do not
/// count, but a rejection still blocks: it is kept under the name that its session recorded.
///
/// # Errors
/// Every invalid decision line.
pub fn recall(
    sessions: &[SessionView],
    values: &Values,
    person: &dyn Fn(&PrincipalId) -> Option<PersonId>,
) -> Result<Record, Vec<Unbelieved>> {
    let mut record = Record::default();
    let mut unbelieved = Vec::new();
    let by_seal: BTreeMap<Digest<of::Line>, SessionRef> =
        sessions.iter().map(|s| (s.seal.digest, session_of(s))).collect();
    for session in sessions {
        let name = session_of(session);
        let parents = session.header.parents.iter().filter_map(|seal| by_seal.get(seal).cloned());
        record.sessions.insert(name.clone(), parents);
        let mut evaluated = Evaluated::new();
        for line in &session.lines {
            match &line.value {
                Line::Evaluation(e) => note(&mut evaluated, e),
                Line::Decision(d) => match decision(session, (line.digest, line.line), d, &evaluated, values, person) {
                    Ok(said) => record.decisions.extend(said),
                    Err(why) => {
                        unbelieved.push(Unbelieved { file: Arc::clone(&session.file), line: line.line, why });
                    }
                },
                Line::Export(it) => {
                    record.exports.push(exported(session, (line.digest, line.line), it, &evaluated, values));
                }
                Line::Result(it) => record.results.extend(result(session, (line.digest, line.line), it, person)),
                Line::Freeze(it) => record.freezes.extend(freeze(session, line.digest, it, person)),
                Line::Thaw(it) => record.thaws.extend(thaw(session, line.digest, it, person)),
                Line::Auto(auto) => record.automatic.extend(automatic(session, line.digest, auto, person)),
                Line::Session(_)
                | Line::Blob(_)
                | Line::Plan(_)
                | Line::Policies(_)
                | Line::Baseline(_)
                | Line::Recertification(_)
                | Line::Withdrawal(_)
                | Line::Seal(_)
                | Line::Sig(_) => {}
            }
        }
        // WHY: an export that does not count still uses up its approvals, which is the safe side.
        let used_up = session.used_up.iter();
        let spent = used_up.map(|it| exported(session, (it.digest, it.line), &it.value, &evaluated, values));
        record.exports.extend(spent);
    }
    if unbelieved.is_empty() { Ok(record) } else { Err(unbelieved) }
}

/// A freeze of a session that counts, or whose key was revoked later. It counts even if people.yaml no longer lists its
/// person, because it only restricts.
fn freeze(
    session: &SessionView,
    line: Digest<of::Line>,
    it: &Freeze,
    person: &dyn Fn(&PrincipalId) -> Option<PersonId>,
) -> Option<RecordedFreeze> {
    session.signer.as_ref().or(session.revoked_signer.as_ref())?;
    let writer = &session.header.writer;
    Some(RecordedFreeze {
        line,
        session: session_of(session),
        author: person(&writer.principal).or_else(|| writer.person.clone())?,
        at: it.at,
        until: it.until,
        kind: it.kind,
        name: it.name.clone(),
        proofs: it.proofs.iter().cloned().collect(),
        reason: it.reason.clone(),
    })
}

/// A thaw; `None` if it is unsigned, or its person is no longer listed. What policy permits is filled in later.
fn thaw(
    session: &SessionView,
    line: Digest<of::Line>,
    it: &Thaw,
    person: &dyn Fn(&PrincipalId) -> Option<PersonId>,
) -> Option<RecordedThaw> {
    let signer = session.signer.as_ref().filter(|_| session.header.kind == SessionKind::Review)?;
    Some(RecordedThaw {
        line,
        session: session_of(session),
        freeze: it.freeze,
        signer: Signer { person: person(&signer.principal)?, key: signer.fingerprint.clone() },
        key: key_facts(signer),
        at: it.at,
        power: ThawPower::None,
    })
}

fn key_facts(signer: &SealSigner) -> KeyFacts {
    KeyFacts {
        kind: signer.key_type.raw().to_owned(),
        security_key: signer.security_key,
        user_present: signer.user_present,
        user_verified: signer.user_verified,
    }
}

/// A record by a recorder; `None` if it is unsigned or signed by a person, because a person cannot record policy
/// outcomes.
fn automatic(
    session: &SessionView,
    line: Digest<of::Line>,
    auto: &Auto,
    person: &dyn Fn(&PrincipalId) -> Option<PersonId>,
) -> Option<Automatic> {
    let signer = session.signer.as_ref()?;
    if session.header.kind != SessionKind::Record || person(&signer.principal).is_some() {
        return None;
    }
    Some(Automatic {
        line,
        digest: auto.digest,
        plan: auto.plan.clone(),
        sealed_at: session.seal.value.at,
        recorder: signer.principal.text(),
    })
}

/// The change of an export line, as it was evaluated in the same session.
fn exported(
    session: &SessionView,
    (line, number): (Digest<of::Line>, usize),
    it: &Export,
    evaluated: &Evaluated,
    values: &Values,
) -> Exported {
    let definition = evaluated.get(&(it.plan.clone(), it.change.clone(), it.digest));
    let believed = definition.and_then(|definition| believe(definition, &it.digest, values));
    let document = believed.map(|it| it.document);
    Exported {
        session: session_of(session),
        digest: it.digest,
        what: ExportedChange { line, number: number_in(session, number), change: it.change.clone(), document },
        at: it.at,
        decisions: it.decisions.iter().copied().collect(),
    }
}

/// A result; `None` if it is unsigned, signed by a person, or about no export.
fn result(
    session: &SessionView,
    (line, number): (Digest<of::Line>, usize),
    it: &Outcome,
    person: &dyn Fn(&PrincipalId) -> Option<PersonId>,
) -> Option<ExportResult> {
    let signer = session.signer.as_ref().filter(|_| session.header.kind == SessionKind::Record)?;
    if person(&signer.principal).is_some() {
        return None;
    }
    let place = LinePlace { session: session_of(session), line: number_in(session, number) };
    Some(ExportResult { line, place, export: it.export?, outcome: it.outcome, at: it.at })
}

/// The number of a line in its session, from 1.
fn number_in(session: &SessionView, line: usize) -> u64 {
    line.saturating_sub(session.line).saturating_add(1) as u64
}

fn session_of(session: &SessionView) -> SessionRef {
    SessionRef::new(session.header.session.to_string())
}

fn note(evaluated: &mut Evaluated, e: &Evaluation) {
    evaluated.insert((e.plan.clone(), e.change.clone(), e.digest), e.definition.clone());
}

/// A decision line; `None` if its session does not count or its person is no longer listed, and it does not block.
fn decision(
    session: &SessionView,
    (line, index): (Digest<of::Line>, usize),
    d: &Decision,
    evaluated: &Evaluated,
    values: &Values,
    person: &dyn Fn(&PrincipalId) -> Option<PersonId>,
) -> Result<Option<RecordedDecision>, RecallFault> {
    let may_block = d.verdict == Verdict::Reject;
    let revoked = session.revoked_signer.as_ref().filter(|_| may_block);
    let Some(signer) = session.signer.as_ref().or(revoked) else { return Ok(None) };
    if session.header.kind != SessionKind::Review {
        return Err(RecallFault::ByMachine);
    }
    let known = person(&signer.principal);
    let named = session.header.writer.person.clone();
    let who = match (&d.verdict, known) {
        (_, Some(person)) => person,
        (Verdict::Reject, None) => named.ok_or(RecallFault::NoPerson)?,
        (Verdict::Approve | Verdict::Override, None) => return Ok(None),
    };
    let key = (d.plan.clone(), d.change.clone(), d.digest);
    let definition = evaluated.get(&key).ok_or(RecallFault::NotEvaluated)?;
    let Digested { document, digest, .. } = believe(definition, &d.digest, values).ok_or(RecallFault::NotItsDigest)?;
    if document.plan != d.plan {
        return Err(RecallFault::NotItsDigest);
    }
    let steps: Option<BTreeSet<StepName>> = d.steps.iter().map(|step| StepName::new(step.raw())).collect();
    let said = match d.verdict {
        Verdict::Approve => ReviewerVerdict::Approve { grouped: d.grouped.is_some() },
        Verdict::Reject => ReviewerVerdict::Reject,
        Verdict::Override => ReviewerVerdict::Override {
            policies: d.set_aside.iter().cloned().collect(),
            lifts: d.lifts.iter().copied().collect(),
        },
    };
    Ok(Some(RecordedDecision {
        line,
        session: session_of(session),
        index: u64::try_from(index).unwrap_or(u64::MAX),
        sealed_at: session.seal.value.at,
        signer: Signer { person: who, key: signer.fingerprint.clone() },
        key: key_facts(signer),
        listed_until: signer.listed_until,
        change: d.change.clone(),
        digest,
        document,
        emergent: d.emergent.iter().copied().collect(),
        said,
        steps: steps.ok_or(RecallFault::BadStep)?,
        reason: d.reason.clone(),
    }))
}

fn believe(definition: &Value, digest: &Digest<of::Change>, values: &Values) -> Option<Digested> {
    let text = match definition {
        Value::Inline(text) => text.raw(),
        Value::Blob(blob) => std::str::from_utf8(values.get(blob)?).ok()?,
    };
    ChangeDocument::believe(text, digest).ok()
}

#[cfg(test)]
#[path = "recall_tests.rs"]
mod tests;
