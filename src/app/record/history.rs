//! The recorded decisions, in the types of `decision` and `policy`.
//!
//! Builds the [`Record`] of decisions, the signing keys, and the history of each change from the files of a verified
//! log and the people. A session without a signer that counts approves nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;

use crate::access::model::facts::{Access, Analysis, ChangeFacts, EmergentWhat};
use crate::access::{Index, PendingChange};
use crate::app::io::files::shown;
use crate::app::io::streams;
use crate::app::plans::plan_file::PlanFile;
use crate::app::plans::proof_file::Beside;
use crate::app::record::freezes;
use crate::app::record::log_reader::files;
use crate::app::record::receptions::Receptions;
use crate::app::record::signing_keys::{Besides, Keys};
use crate::app::site::load::Site;
use crate::decision::bars::Bar;
use crate::decision::case::{CaseId, Signer, StepName};
use crate::decision::digest::{ChangeDocument, Digested, Held, SubjectRecord};
use crate::decision::judge::Judge;
use crate::decision::recorded::recall::recall;
use crate::decision::recorded::record::{Record, RecordedDecision, ReviewerVerdict, SessionRef};
use crate::decision::recorded::rejections;
use crate::input::digest::{Digest, of};
use crate::input::finding::{Code, Finding, Severity};
use crate::input::id::{ChangeId, PersonId, PlanId, PrincipalId};
use crate::input::place::Place;
use crate::input::text::Text;
use crate::input::time::{Span, Time};
use crate::log::blob::Values;
use crate::log::line::{Evaluation, Line, SessionKind, Value, Verdict};
use crate::log::verify::answers::{SessionView, Verification};
use crate::plan::model::Plan;
use crate::policy::{EarlierReject, History, KeyFacts};
use crate::report::sentence::counted;

/// The history according to the log.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// Decisions and exports.
    pub record: Record,
    /// The signing keys.
    pub keys: Keys,
    /// When plans were received with valid proofs.
    receptions: Receptions,
    /// Every change that was approved or automatic.
    approved: Vec<(Digest<of::Change>, PendingChange)>,
    /// The changes shown in each session.
    shown: BTreeMap<SessionRef, BTreeSet<Digest<of::Change>>>,
    /// Findings about the log, and about its records that do not count.
    pub findings: Vec<Finding>,
    /// The automatic changes.
    passed: Vec<Passed>,
}

/// An automatic change.
#[derive(Clone, Debug)]
struct Passed {
    session: SessionRef,
    sealed: Time,
    digest: Digest<of::Change>,
    document: Arc<ChangeDocument>,
}

/// Reads the history from a log that was verified with [`crate::log::verify::answers::Keep::Lines`].
///
/// # Errors
/// If a file cannot be read, or a decision line is invalid.
pub fn read(path: &Path, verified: &Verification, site: &Site) -> anyhow::Result<Past> {
    believe(&values(path)?, verified, site)
}

/// Reads the history from a log whose files are in memory.
///
/// # Errors
/// If a decision line is invalid.
pub fn read_held(files: &[(String, std::rc::Rc<[u8]>)], verified: &Verification, site: &Site) -> anyhow::Result<Past> {
    let mut values = Values::default();
    for (_, bytes) in files {
        values.take_lines(bytes);
    }
    believe(&values, verified, site)
}

fn believe(values: &Values, verified: &Verification, site: &Site) -> anyhow::Result<Past> {
    let person = |principal: &PrincipalId| site.people.by_principal(principal.as_str()).map(|p| p.id.value.clone());
    let mut record = recall(&verified.sessions, values, &person).map_err(|unbelieved| {
        let places: Vec<String> = unbelieved
            .iter()
            .map(|u| format!("{} line {}: {:?}", Text::from(&*u.file).terminal(), u.line, u.why))
            .collect();
        anyhow::anyhow!("the log has decisions that cannot be trusted: {}", places.join("; "))
    })?;
    record.counts_ended_keys = site.settings.counts_ended_keys;
    let keys = Keys::of(verified);
    // WHY by key as well as by principal: one key may have certificates for a person, a recorder and a proposer.
    let bars = |view: &SessionView| {
        let key = view.signer.as_ref()?.fingerprint.raw();
        match view.header.kind {
            SessionKind::Record => keys.bars_recording(&site.provers, key),
            SessionKind::Review => keys.bars_deciding(&site.provers, key),
        }
    };
    let is_record = |view: &&SessionView| view.header.kind == SessionKind::Record;
    let barred = |view: &&SessionView| bars(view).is_some();
    let uncounted = verified.sessions.iter().filter(is_record).filter(barred);
    let lines: BTreeSet<_> = uncounted.flat_map(|view| view.lines.iter().map(|line| line.digest)).collect();
    record.automatic.retain(|auto| !lines.contains(&auto.line));
    record.results.retain(|result| !lines.contains(&result.line));
    let now = streams::now();
    freezes::judge_thaws(&mut record, site, &keys, now);
    let by_proposers = |view: &&SessionView| matches!(bars(view), Some(Besides::Proposer(_)));
    let theirs: Vec<&SessionView> = verified.sessions.iter().filter(is_record).filter(by_proposers).collect();
    let mut findings: Vec<Finding> = verified.findings.iter().cloned().map(only_warns).collect();
    findings.extend(not_counting(&theirs));
    findings.extend(freezes::findings(&record, now));
    let receptions = Receptions::of(verified, &person, &|view| bars(view).is_some());
    let shown = verified.sessions.iter().map(|view| {
        let evaluated = view.lines.iter().filter_map(|line| {
            let Line::Evaluation(evaluation) = &line.value else { return None };
            Some(evaluation.digest)
        });
        (SessionRef::new(view.header.session.to_string()), evaluated.collect())
    });
    let (approved, passed) = (approved(values, verified), passed(values, verified));
    Ok(Past { record, receptions, approved, keys, shown: shown.collect(), passed, findings })
}

/// A session by a key that is not allowed counts for nothing, and does not stop the others.
fn only_warns(finding: Finding) -> Finding {
    if matches!(finding.code, Code::LogUnknownSigner | Code::LogOtherPerson) {
        return finding.weighing(Severity::Warning);
    }
    finding
}

/// The finding that records do not count because their signing keys prove plans.
fn not_counting(theirs: &[&SessionView]) -> Option<Finding> {
    let (first, others) = theirs.split_first()?;
    let more = match others.len() {
        0 => String::new(),
        n => format!(", and so {}", counted(n as u64, "more is", "more are")),
    };
    let message = format!(
        "the session `{}` of a recorder is signed by a key that proves a proposer's plans{more}: it does not count, except that its exports used up approvals",
        first.header.session
    );
    let line = u32::try_from(first.line).unwrap_or(u32::MAX);
    let help = "give the recorder a key that no proposer has, and record again; have exported changes approved again";
    Some(Finding::new(Code::LogProposersRecord, message).at(&Place::line(&first.file, line)).help(help))
}

/// The changes that signed sessions record as automatic, from their evaluations.
fn passed(values: &Values, verified: &Verification) -> Vec<Passed> {
    let mut found = Vec::new();
    for view in verified.sessions.iter().filter(|view| view.signer.is_some()) {
        let autos = view.lines.iter().filter_map(|line| {
            let Line::Auto(auto) = &line.value else { return None };
            Some(auto.digest)
        });
        let autos: BTreeSet<Digest<of::Change>> = autos.collect();
        for line in &view.lines {
            let Line::Evaluation(evaluation) = &line.value else { continue };
            if !autos.contains(&evaluation.digest) {
                continue;
            }
            if let Some(document) = document(evaluation, values) {
                let session = SessionRef::new(view.header.session.to_string());
                found.push(Passed { session, sealed: view.seal.value.at, digest: evaluation.digest, document });
            }
        }
    }
    found
}

/// The document of an evaluation, if it is valid.
pub(crate) fn document(evaluation: &Evaluation, values: &Values) -> Option<Arc<ChangeDocument>> {
    let text = match &evaluation.definition {
        Value::Inline(text) => text.raw(),
        Value::Blob(digest) => std::str::from_utf8(values.get(digest)?).ok()?,
    };
    ChangeDocument::believe(text, &evaluation.digest).ok().map(|believed| believed.document)
}

/// The changes that signed sessions approve or record as automatic, typed by parsing their plans' exact bytes. A plan
/// whose bytes are missing or no longer parse is left out: its decisions cannot be used either.
fn approved(values: &Values, verified: &Verification) -> Vec<(Digest<of::Change>, PendingChange)> {
    let mut plans: BTreeMap<Digest<of::Blob>, Option<Plan>> = BTreeMap::new();
    let mut found: BTreeMap<(PlanId, ChangeId, Digest<of::Change>), PendingChange> = BTreeMap::new();
    for view in verified.sessions.iter().filter(|view| view.signer.is_some()) {
        let at = view.seal.value.at;
        let mut bytes: BTreeMap<&PlanId, Digest<of::Blob>> = BTreeMap::new();
        for line in &view.lines {
            let (plan, change, digest) = match &line.value {
                Line::Plan(plan) => {
                    bytes.insert(&plan.id, plan.sha256);
                    continue;
                }
                Line::Decision(d) if d.verdict == Verdict::Approve => (&d.plan, &d.change, d.digest),
                Line::Auto(a) => (&a.plan, &a.change, a.digest),
                Line::Session(_)
                | Line::Blob(_)
                | Line::Policies(_)
                | Line::Evaluation(_)
                | Line::Decision(_)
                | Line::Freeze(_)
                | Line::Thaw(_)
                | Line::Baseline(_)
                | Line::Recertification(_)
                | Line::Withdrawal(_)
                | Line::Export(_)
                | Line::Result(_)
                | Line::Seal(_)
                | Line::Sig(_) => continue,
            };
            let Some(sha256) = bytes.get(plan).copied() else { continue };
            let read = plans.entry(sha256).or_insert_with(|| crate::plan::read("plan", values.get(&sha256)?).ok());
            let typed = read.iter().flat_map(|p| p.changes.iter().map(move |c| (p, c)));
            for (read, typed) in typed.filter(|(_, c)| c.id.value == *change) {
                let one = PendingChange {
                    plan: plan.clone(),
                    proposer: read.proposer.value.clone(),
                    at,
                    expires: read.expires.value,
                    change: typed.clone(),
                };
                // WHY: in a log that forked, the last session in file order need not be the latest.
                let slot = found.entry((plan.clone(), change.clone(), digest)).or_insert_with(|| one.clone());
                if slot.at < one.at {
                    *slot = one;
                }
            }
        }
    }
    found.into_iter().map(|((_, _, digest), one)| (digest, one)).collect()
}

/// Every long value of a log.
pub(crate) fn values(path: &Path) -> anyhow::Result<Values> {
    let mut values = Values::default();
    for file in files(path)? {
        let bytes = std::fs::read(&file).with_context(|| format!("the log `{}` cannot be read", shown(&file)))?;
        values.take_lines(&bytes);
    }
    Ok(values)
}

/// The document of each digest in the log, if it is valid.
///
/// # Errors
/// If a file cannot be read.
pub fn documents(
    path: &Path,
    verified: &Verification,
) -> anyhow::Result<BTreeMap<Digest<of::Change>, Arc<ChangeDocument>>> {
    let values = values(path)?;
    let mut found = BTreeMap::new();
    for line in verified.sessions.iter().flat_map(|view| &view.lines) {
        let Line::Evaluation(evaluation) = &line.value else { continue };
        if let Some(document) = document(evaluation, &values) {
            found.insert(evaluation.digest, document);
        }
    }
    Ok(found)
}

/// Answers coverage queries only, for the history of a change before policy is evaluated.
struct Graph<'a, 's>(&'a Index<'s>);

impl Judge for Graph<'_, '_> {
    fn covers(&self, wide: &Access, narrow: &Access) -> bool {
        self.0.covers(wide, narrow)
    }
    fn permits(&self, _: &Signer, _: &KeyFacts, _: &CaseId, _: &StepName) -> bool {
        false
    }
    fn permits_override(&self, _: &Signer, _: &KeyFacts, _: &CaseId) -> bool {
        false
    }
    // WHY: whether a decision withdraws a rejection is known only after policy is evaluated. Here the result is used
    // for advice and for automatic changes.
    fn takes_back(&self, yes: &RecordedDecision) -> bool {
        !yes.steps.is_empty() || matches!(yes.said, ReviewerVerdict::Override { .. })
    }
    fn bars(&self, _: &PersonId, _: &CaseId) -> BTreeSet<Bar> {
        BTreeSet::new()
    }
    fn could_take(&self, _: &CaseId, _: &StepName) -> BTreeSet<PersonId> {
        BTreeSet::new()
    }
}

impl Past {
    /// A plan file with its recorded receptions. Receptions sealed longer ago than approvals count do not count either.
    #[must_use]
    pub fn remembered(&self, file: PlanFile, site: &Site, now: Time) -> PlanFile {
        let Beside::One(proof) = &file.beside else {
            return PlanFile { received: Vec::new(), came_loose: false, ..file };
        };
        let (plan, proof) = (Digest::of(&file.bytes), proof.digest());
        let received = self.receptions.counted(plan, proof, site.settings.approval_ttl, now);
        let came_loose = self.receptions.only_loose(plan, proof);
        PlanFile { received, came_loose, ..file }
    }

    /// Pending changes: approved (or automatic) within 30 days and possibly not applied yet. A rejected change is
    /// dropped only if the rejection counts, no one has started to lift it, and the change was never exported; in
    /// doubt, it counts as pending.
    #[must_use]
    pub fn approved(&self, now: Time, index: &Index<'_>) -> Vec<PendingChange> {
        let graph = Graph(index);
        let month = Span::from_seconds(30 * 86_400);
        let lifted: BTreeSet<Digest<of::Line>> = self
            .record
            .decisions
            .iter()
            .filter_map(|d| match &d.said {
                ReviewerVerdict::Override { lifts, .. } => Some(lifts),
                ReviewerVerdict::Approve { .. } | ReviewerVerdict::Reject => None,
            })
            .flatten()
            .copied()
            .collect();
        let exported: BTreeSet<Digest<of::Change>> = self.record.exports.iter().map(|export| export.digest).collect();
        let counts = |d: &&RecordedDecision| {
            d.said == ReviewerVerdict::Reject
                && !lifted.contains(&d.line)
                && rejections::counts(d, &self.record, now, &graph)
        };
        let rejected: BTreeSet<Digest<of::Change>> =
            self.record.decisions.iter().filter(counts).map(|d| d.digest).collect();
        let recent = self.approved.iter().filter(|(_, one)| one.at.plus(month) >= now);
        let held = recent.filter(|(digest, _)| exported.contains(digest) || !rejected.contains(digest));
        held.map(|(_, one)| one.clone()).collect()
    }

    /// The line of the last decision of a person on exactly this change, if there is one.
    #[must_use]
    pub fn own_line(&self, person: &PersonId, case: &CaseId, digest: Digest<of::Change>) -> Option<Digest<of::Line>> {
        let mine =
            |d: &&RecordedDecision| d.signer.person == *person && d.digest == digest && d.document.plan == case.plan;
        self.record.decisions.iter().rfind(mine).map(|d| d.line)
    }

    /// The history of each change as input for policy. Rejections are not lifted here: in doubt, they block.
    #[must_use]
    pub fn of(
        &self,
        index: &Index<'_>,
        plan: &Plan,
        analysis: &Analysis,
        digested: &[Digested],
        now: Time,
    ) -> BTreeMap<ChangeId, History> {
        let graph = Graph(index);
        let month = Span::from_seconds(30 * 86_400);
        let recent = |at: Time| at.plus(month) >= now;
        let counting: Vec<&RecordedDecision> =
            self.record.decisions.iter().filter(|d| rejections::counts(d, &self.record, now, &graph)).collect();
        let here: BTreeSet<Digest<of::Change>> = digested.iter().map(|d| d.digest).collect();
        let elsewhere: Vec<&RecordedDecision> = self
            .record
            .decisions
            .iter()
            .filter(|d| {
                matches!(d.said, ReviewerVerdict::Approve { .. }) && recent(d.sealed_at) && !here.contains(&d.digest)
            })
            .collect();
        let passed: Vec<&Passed> =
            self.passed.iter().filter(|p| recent(p.sealed) && !here.contains(&p.digest)).collect();
        let mut found = BTreeMap::new();
        for ((change, digest), facts) in plan.changes.iter().zip(digested).zip(&analysis.changes) {
            let document = &digest.document;
            let all = Pieces::with_others(document, facts, analysis);
            let object = document.object();
            let (mut before, mut unlifted, mut part_of_rejected) = (false, false, false);
            let mut earlier = Vec::new();
            for decision in &counting {
                unlifted |= rejections::blocks(decision, document, digest.digest, &self.record, now, &graph);
                // Rejections within this plan are shown on its cards.
                let bound = rejections::binds(decision, document, &graph);
                // Changes of the same plan at the time of the rejection are reported once, however often they are
                // judged. They were not rejected if the rejection does not apply to them.
                let beside = self.shown.get(&decision.session).is_some_and(|shown| shown.contains(&digest.digest));
                let stood = bound && beside;
                let rejected = Pieces::of(&decision.document);
                let again = bound || decision.document.object() == object || all.cover_any(&rejected, index);
                let part = !again && all.overlap(&rejected, index);
                // A rejected change may be proposed again in several parts: each is a part, and the others are next to
                // it, or passed since.
                let is_part = |of: &ChangeDocument| Pieces::of(of).overlap(&rejected, index);
                // WHY not the changes that the rejection applies to: the whole next to a part of it is not a split.
                let is_other = |d: &&Digested| {
                    let is_whole = rejections::binds(decision, &d.document, &graph);
                    d.digest != digest.digest && !is_whole && is_part(&d.document)
                };
                let others = || digested.iter().filter(is_other).count();
                let since = |d: &&RecordedDecision| self.record.knew(d, decision) && is_part(&d.document);
                let passed_since = |p: &&Passed| {
                    (p.session == decision.session || self.record.sessions.precedes(&decision.session, &p.session))
                        && is_part(&p.document)
                };
                let split = part
                    && (others() > 0
                        || elsewhere.iter().copied().any(|d| since(&d))
                        || passed.iter().any(passed_since));
                before |= (again && !stood) || split;
                part_of_rejected |= part;
                // A part that was shown together with the whole, and without its other parts, is not new.
                if (again || split || part && !beside) && !bound {
                    earlier.push(EarlierReject {
                        at: decision.sealed_at,
                        plan: decision.document.plan.clone(),
                        who: decision.signer.person.clone(),
                        reason: decision.reason.clone(),
                        part,
                    });
                }
            }
            earlier.sort_by(|a, b| b.cmp(a));
            let grants = self.record.decisions.iter().filter(|d| {
                matches!(d.said, ReviewerVerdict::Approve { .. })
                    && recent(d.sealed_at)
                    && d.document.object() == object
            });
            let grants_30d = grants.map(|d| d.digest).collect::<BTreeSet<_>>().len() as u64;
            found.insert(
                change.id.value.clone(),
                History { rejected_before: before, part_of_rejected, earlier, unlifted_reject: unlifted, grants_30d },
            );
        }
        found
    }
}

/// A subject and an access.
type Piece<'d> = (SubjectRecord, &'d Access);

/// What a change gives and takes, to be compared with what was rejected, regardless of expiry: a request for less time is
/// the same request.
struct Pieces<'d> {
    gained: Vec<Piece<'d>>,
    lost: Vec<Piece<'d>>,
}

impl<'d> Pieces<'d> {
    /// What a change gives and takes by itself.
    fn of(document: &'d ChangeDocument) -> Self {
        let piece = |held: &'d Held| (held.subject.clone(), &held.access);
        Self { gained: document.gains().map(piece).collect(), lost: document.losses().map(piece).collect() }
    }

    /// The same, and what it gives and takes only together with other changes.
    fn with_others(document: &'d ChangeDocument, facts: &ChangeFacts, analysis: &'d Analysis) -> Self {
        let mut all = Self::of(document);
        let own = facts.emergent.iter().filter_map(|at| analysis.emergent.get(*at));
        let lost = facts.lost_together.iter().filter_map(|at| analysis.lost_together.get(*at));
        for emergent in own.chain(lost) {
            match &emergent.what {
                EmergentWhat::Access(piece) => all.gained.push(((&piece.subject).into(), &piece.access)),
                EmergentWhat::Loss(piece) => all.lost.push(((&piece.subject).into(), &piece.access)),
                EmergentWhat::Escalation(_) | EmergentWhat::Sod(_) => {}
            }
        }
        all
    }

    /// Whether any of these is all of an access of `other`, given or taken likewise.
    fn cover_any(&self, other: &Self, index: &Index<'_>) -> bool {
        let lasting = |access: &Access| Access { until: None, ..access.clone() };
        self.any(other, |wide, narrow| index.covers(&lasting(wide), &lasting(narrow)))
    }

    /// Whether any of these has something in common with an access of `other`, given or taken likewise.
    fn overlap(&self, other: &Self, index: &Index<'_>) -> bool {
        self.any(other, |one, other| index.overlaps(one, other))
    }

    fn any(&self, other: &Self, holds: impl Fn(&Access, &Access) -> bool) -> bool {
        let meet = |mine: &[Piece<'_>], theirs: &[Piece<'_>]| {
            mine.iter().any(|(who, access)| theirs.iter().any(|(whose, other)| who == whose && holds(access, other)))
        };
        meet(&self.gained, &other.gained) || meet(&self.lost, &other.lost)
    }
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
