//! What the log holds of decisions, in the words of `decision` and of policy.
//!
//! In: the files of a verified log and the people. Out: the [`Record`] that decisions are judged by, the keys that signed,
//! and per change what policy may know of the past. A session without a good signature decides nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;

use super::new_folder::shown;
use super::record::files;
use crate::access::Index;
use crate::access::facts::Access;
use crate::config::People;
use crate::decision::bars::Bar;
use crate::decision::case::{CaseId, Judge, Signer, StepName};
use crate::decision::digest::{Digested, Document};
use crate::decision::record::{Exported, Record, Recorded, Said, SessionRef};
use crate::decision::reject;
use crate::input::digest::{Digest, of};
use crate::input::id::{ChangeId, PersonId, PlanId};
use crate::input::time::{Span, Time};
use crate::log::blob::Values;
use crate::log::line::{self, Line, SessionKind, Value, Verdict};
use crate::log::verify::{SessionView, Verification};
use crate::plan::model::Plan;
use crate::policy::{History, KeyFacts};

/// The past, as far as the log tells it.
#[derive(Debug, Default)]
pub struct Past {
    /// Decisions and exports.
    pub record: Record,
    /// The keys that signed, by fingerprint.
    pub keys: BTreeMap<String, KeyFacts>,
}

/// Reads the past from a log that was verified.
///
/// # Errors
/// If a file cannot be read, or holds something else than when it was verified.
pub fn read(path: &Path, verified: &Verification, people: &People) -> anyhow::Result<Past> {
    let mut past = Past::default();
    let views: BTreeMap<String, &SessionView> =
        verified.sessions.iter().map(|view| (view.header.session.to_string(), view)).collect();
    let by_seal: BTreeMap<Digest<of::Line>, &SessionView> =
        verified.sessions.iter().map(|view| (view.seal.digest, view)).collect();
    for view in verified.sessions.iter() {
        let parents = view.header.parents.iter().filter_map(|seal| by_seal.get(seal));
        let parents = parents.map(|parent| SessionRef::new(parent.header.session.to_string()));
        past.record.sessions.insert(SessionRef::new(view.header.session.to_string()), parents);
        if let Some(signer) = &view.signer {
            past.keys.insert(
                signer.fingerprint.raw().to_owned(),
                KeyFacts {
                    kind: signer.key_type.raw().to_owned(),
                    security_key: signer.security_key,
                    user_present: signer.user_present,
                    user_verified: signer.user_verified,
                },
            );
        }
    }
    let mut values = Values::default();
    let mut texts = Vec::new();
    for file in files(path)? {
        let cannot = || format!("the log `{}` cannot be read", shown(&file));
        texts.push(std::fs::read(&file).with_context(cannot)?);
    }
    // WHY: in a folder a session may use a blob of an ancestor whose file sorts later; so blobs are gathered first.
    let mut scratch = Vec::new();
    for bytes in &texts {
        for raw in line::lines(bytes) {
            if let Ok(Line::Blob(blob)) = line::read(raw, &mut scratch) {
                values.take(&blob);
            }
        }
    }
    let mut known = BTreeSet::new();
    for bytes in &texts {
        read_file(bytes, &views, &values, people, &mut known, &mut past.record)?;
    }
    Ok(past)
}

type Facts = BTreeMap<(PlanId, ChangeId, Digest<of::Change>), Arc<Document>>;

fn read_file(
    bytes: &[u8],
    views: &BTreeMap<String, &SessionView>,
    values: &Values,
    people: &People,
    known: &mut BTreeSet<String>,
    record: &mut Record,
) -> anyhow::Result<()> {
    let mut scratch = Vec::new();
    let mut current: Option<&SessionView> = None;
    let mut facts: Facts = BTreeMap::new();
    let mut index = 0_u64;
    for raw in line::lines(bytes) {
        index += 1;
        match line::read(raw, &mut scratch) {
            Ok(Line::Session(header)) => {
                let id = header.session.to_string();
                // WHY: an identical repeat of a session counts once.
                current = if known.insert(id.clone()) { views.get(&id).copied() } else { None };
                facts.clear();
                index = 0;
            }
            Ok(Line::Evaluation(it)) if current.is_some() => {
                let text = match &it.facts {
                    Value::Inline(text) => text.raw(),
                    Value::Blob(digest) => values
                        .get(digest)
                        .and_then(|bytes| std::str::from_utf8(bytes).ok())
                        .context("the log does not hold the facts of a decision")?,
                };
                let believed = Document::believe(text, &it.digest)?;
                facts.insert((it.plan.clone(), it.change.clone(), it.digest), believed.document);
            }
            Ok(Line::Decision(decision)) => {
                let Some(view) = current.filter(|view| view.header.kind == SessionKind::Review) else { continue };
                let key = (decision.plan.clone(), decision.change.clone(), decision.digest);
                if let (Some(signer), Some(document)) = (signer(view, people), facts.get(&key)) {
                    record.decisions.push(recorded(view, signer, document, &decision, Digest::of(raw), index));
                }
            }
            Ok(Line::Export(export)) => {
                let Some(view) = current.filter(|view| view.signer.is_some()) else { continue };
                record.exports.push(Exported {
                    session: SessionRef::new(view.header.session.to_string()),
                    digest: export.digest,
                    at: export.at,
                    decisions: export.decisions.iter().copied().collect(),
                });
            }
            Ok(_) | Err(_) => {}
        }
    }
    Ok(())
}

/// Who decided: the person whose principal signed. Nobody, where people.yaml knows none.
fn signer(view: &SessionView, people: &People) -> Option<Signer> {
    let signed = view.signer.as_ref()?;
    let person = people.by_principal(signed.principal.as_str())?;
    Some(Signer { person: person.id.value.clone(), key: signed.fingerprint.clone() })
}

fn recorded(
    view: &SessionView,
    signer: Signer,
    document: &Arc<Document>,
    decision: &line::Decision,
    line: Digest<of::Line>,
    index: u64,
) -> Recorded {
    Recorded {
        line,
        session: SessionRef::new(view.header.session.to_string()),
        index,
        sealed_at: view.seal.value.at,
        signer,
        digest: decision.digest,
        document: Arc::clone(document),
        emergent: decision.emergent.iter().copied().collect(),
        said: match decision.verdict {
            Verdict::Approve => Said::Approve { grouped: decision.grouped.is_some() },
            Verdict::Reject => Said::Reject,
            Verdict::Override => Said::Override {
                policies: decision.set_aside.iter().cloned().collect(),
                lifts: decision.lifts.iter().copied().collect(),
            },
        },
        steps: decision.steps.iter().filter_map(|step| StepName::new(step.raw())).collect(),
        reason: decision.reason.clone(),
    }
}

/// Knows coverage only: what the past says of a change before policy was asked.
struct Graph<'a, 's>(&'a Index<'s>);

impl Judge for Graph<'_, '_> {
    fn covers(&self, wide: &Access, narrow: &Access) -> bool {
        self.0.covers(wide, narrow)
    }
    fn permits(&self, _: &Signer, _: &CaseId, _: &StepName) -> bool {
        false
    }
    fn permits_override(&self, _: &Signer, _: &CaseId) -> bool {
        false
    }
    fn bars(&self, _: &PersonId, _: &CaseId) -> BTreeSet<Bar> {
        BTreeSet::new()
    }
    fn could_take(&self, _: &CaseId, _: &StepName) -> BTreeSet<PersonId> {
        BTreeSet::new()
    }
}

impl Past {
    /// What policy may know of the past of each change. Nothing lifts a reject here: what is doubtful blocks.
    #[must_use]
    pub fn of(&self, index: &Index<'_>, plan: &Plan, digested: &[Digested], now: Time) -> BTreeMap<ChangeId, History> {
        let graph = Graph(index);
        let month = Span::from_seconds(30 * 86_400);
        let recent = |at: Time| at.plus(month) >= now;
        let mut found = BTreeMap::new();
        for (change, digest) in plan.changes.iter().zip(digested) {
            let document = &digest.document;
            let object = document.object();
            let rejects = self.record.decisions.iter().filter(|d| reject::counts(d, &self.record, now, &graph));
            let (mut before, mut unlifted) = (false, false);
            for decision in rejects {
                unlifted |= reject::binds(decision, document, &graph);
                before |= decision.document.object() == object || covers_any(&graph, document, &decision.document);
            }
            let grants = self.record.decisions.iter().filter(|d| {
                matches!(d.said, Said::Approve { .. }) && recent(d.sealed_at) && d.document.object() == object
            });
            let grants_30d = grants.map(|d| d.digest).collect::<BTreeSet<_>>().len() as u64;
            found.insert(
                change.id.value.clone(),
                History { rejected_before: before || unlifted, unlifted_reject: unlifted, grants_30d },
            );
        }
        found
    }
}

fn covers_any(graph: &Graph<'_, '_>, wide: &Document, narrow: &Document) -> bool {
    wide.gains().any(|w| narrow.gains().any(|n| w.subject == n.subject && graph.covers(&w.access, &n.access)))
}

/// The decision lines of one person, newest last, by plan and change.
#[must_use]
pub fn own_lines(record: &Record, person: &PersonId, case: &CaseId, digest: &Digest<of::Change>) -> Option<Digest<of::Line>> {
    record
        .decisions
        .iter()
        .rfind(|d| d.signer.person == *person && d.digest == *digest && d.document.plan == case.plan)
        .map(|d| d.line)
}
