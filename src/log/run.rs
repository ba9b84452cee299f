//! The rules of one session, applied line by line. Writer and verifier use the same code.
//!
//! [`Run`] takes the lines in order with their exact bytes, reports broken rules, and accumulates what the seal must
//! contain. It checks only one session; `verify` checks parents, other sessions and signatures.

use std::collections::{BTreeMap, BTreeSet};

use super::blob::BlobJoin;
use super::line::{
    Baseline, Blob, Decision, Evaluation, Freeze, FreezeKind, Line, Number, PolicyOutcome, Recertification,
    RecertificationAnswer, Seal, Session, SessionKind, SnapshotDigest, Verdict, VerdictCounts,
};
use super::merkle;
use crate::input::digest::{Digest, of};
use crate::input::finding::Code;
use crate::input::id::{ChangeId, PlanId};
use crate::input::text::Text;

/// The maximum number of privileged changes that a seal lists.
pub const LISTED: usize = 100;
/// The maximum length of a privileged change's name, in bytes.
pub const LONGEST_NAME: usize = 240;

/// A broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFault {
    /// The finding code.
    pub code: Code,
    /// What is wrong, lower case, no full stop.
    pub message: Text,
}

impl RunFault {
    fn new(code: Code, message: impl Into<Text>) -> Self {
        Self { code, message: message.into() }
    }
}

fn misplaced(message: &str) -> RunFault {
    RunFault::new(Code::LogMisplacedLine, message)
}

/// The progress of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// No line yet.
    Start,
    /// After the `session` line.
    Open,
    /// After the `seal` line.
    Sealed,
    /// After the `sig` line.
    Ended,
}

/// The state of a session after some lines.
pub struct Run {
    stage: Stage,
    header: Option<Session>,
    seal: Option<(Seal, Digest<of::Line>)>,
    last: Option<Digest<of::Line>>,
    tree: merkle::Tree,
    join: BlobJoin,
    /// Long values that this session contains.
    pub(super) defines: BTreeSet<Digest<of::Blob>>,
    /// Long values that this session uses but does not contain. An ancestor must contain them.
    pub(super) needs: BTreeSet<Digest<of::Blob>>,
    plans: BTreeSet<PlanId>,
    shown: BTreeMap<(PlanId, ChangeId, Digest<of::Change>), PolicyOutcome>,
    counts: (u64, u64, u64),
    privileged: BTreeMap<Digest<of::Line>, Text>,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            stage: Stage::Start,
            header: None,
            seal: None,
            last: None,
            tree: merkle::Tree::default(),
            join: BlobJoin::default(),
            defines: BTreeSet::new(),
            needs: BTreeSet::new(),
            plans: BTreeSet::new(),
            shown: BTreeMap::new(),
            counts: (0, 0, 0),
            privileged: BTreeMap::new(),
        }
    }
}

impl Run {
    /// The `session` line.
    #[must_use]
    pub fn header(&self) -> Option<&Session> {
        self.header.as_ref()
    }

    /// The `seal` line and its hash.
    #[must_use]
    pub fn seal(&self) -> Option<&(Seal, Digest<of::Line>)> {
        self.seal.as_ref()
    }

    /// Whether the `sig` line has been read.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.stage == Stage::Ended
    }

    /// The number of lines before the seal.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.tree.count()
    }

    /// The Merkle root of the lines before the seal.
    #[must_use]
    pub fn root(&self) -> merkle::Root {
        self.tree.root()
    }

    /// The number of decision lines per verdict.
    #[must_use]
    pub fn verdicts(&self) -> VerdictCounts {
        let (approve, reject, set_aside) = self.counts;
        VerdictCounts { approve: Number::new(approve), r#override: Number::new(set_aside), reject: Number::new(reject) }
    }

    /// The privileged changes that the seal must list, and their total number.
    #[must_use]
    pub fn privileged(&self) -> (Vec<Text>, Number) {
        let names: BTreeSet<&Text> = self.privileged.values().collect();
        (names.iter().take(LISTED).map(|n| (*n).clone()).collect(), Number::of(names.len()))
    }

    /// Counts an unreadable line, so that later lines can still be checked.
    pub fn skip(&mut self, bytes: &[u8]) {
        self.last = Some(Digest::of(bytes));
        self.join.give_up();
        if self.stage == Stage::Start {
            self.stage = Stage::Open;
        }
        self.tree.push(merkle::leaf(bytes));
    }

    /// Takes the next line with its exact bytes and hash, and returns the broken rules.
    pub fn take(&mut self, line: &Line, bytes: &[u8], digest: Digest<of::Line>) -> Vec<RunFault> {
        let mut faults = Vec::new();
        if line.prev() != self.last && self.stage != Stage::Start {
            faults.push(RunFault::new(Code::LogBrokenChain, "`prev` is not the hash of the previous line"));
        }
        if self.join.is_open() && !matches!(line, Line::Blob(_)) {
            self.join.give_up();
            faults.push(RunFault::new(Code::LogBadBlob, "a value ends before its last part"));
        }
        self.order(line, &mut faults);
        self.body(line, digest, &mut faults);
        self.last = Some(digest);
        if !matches!(line, Line::Seal(_) | Line::Sig(_)) {
            self.tree.push(merkle::leaf(bytes));
        }
        faults
    }

    /// Checks that the kind of line is allowed at this position.
    fn order(&mut self, line: &Line, faults: &mut Vec<RunFault>) {
        match (self.stage, line) {
            (Stage::Start, Line::Session(_)) | (Stage::Open, Line::Seal(_)) | (Stage::Sealed, Line::Sig(_)) => {}
            (Stage::Start, _) => {
                faults.push(misplaced("the previous session has ended, and no new one starts here"));
            }
            (_, Line::Session(_)) => faults.push(misplaced("a session starts before the previous one has ended")),
            (Stage::Sealed | Stage::Ended, _) => faults.push(misplaced("only one `sig` line may follow a seal")),
            (Stage::Open, Line::Sig(_)) => faults.push(misplaced("a signature without a seal")),
            (Stage::Open, _) => {}
        }
        self.stage = match line {
            Line::Seal(_) => Stage::Sealed,
            Line::Sig(_) => Stage::Ended,
            Line::Session(_)
            | Line::Blob(_)
            | Line::Plan(_)
            | Line::Policies(_)
            | Line::Evaluation(_)
            | Line::Decision(_)
            | Line::Freeze(_)
            | Line::Thaw(_)
            | Line::Baseline(_)
            | Line::Recertification(_)
            | Line::Withdrawal(_)
            | Line::Auto(_)
            | Line::Export(_)
            | Line::Result(_) => Stage::Open,
        };
        let wanted = match line {
            Line::Decision(_)
            | Line::Freeze(_)
            | Line::Thaw(_)
            | Line::Baseline(_)
            | Line::Recertification(_)
            | Line::Withdrawal(_) => Some(SessionKind::Review),
            Line::Auto(_) | Line::Export(_) | Line::Result(_) => Some(SessionKind::Record),
            Line::Session(_)
            | Line::Blob(_)
            | Line::Plan(_)
            | Line::Policies(_)
            | Line::Evaluation(_)
            | Line::Seal(_)
            | Line::Sig(_) => None,
        };
        let kind = self.header.as_ref().map(|h| h.kind);
        if wanted.is_some() && kind.is_some() && wanted != kind {
            let word = line.word();
            faults.push(misplaced(&format!("a `{word}` line is not allowed in a session of this kind")));
        }
    }

    fn body(&mut self, line: &Line, digest: Digest<of::Line>, faults: &mut Vec<RunFault>) {
        match line {
            Line::Session(body) => self.session(body, faults),
            Line::Blob(body) => self.blob(body, faults),
            Line::Plan(body) => {
                self.uses([Some(body.sha256), body.proof.claims.as_ref().and_then(super::line::Value::blob)]);
                self.plans.insert(body.id.clone());
            }
            Line::Policies(body) => {
                ascending(&body.files, |f| &f.path, "files", faults);
                self.uses(body.files.iter().map(|f| Some(f.sha256)));
            }
            Line::Evaluation(body) => self.evaluation(body, faults),
            Line::Decision(body) => self.decision(body, digest, faults),
            Line::Freeze(body) => freeze(body, faults),
            Line::Thaw(body) => with_reason(&body.reason, "a thaw has no reason", faults),
            Line::Baseline(body) => {
                targets(Some(&body.snapshot), faults);
                self.uses([body.access.blob()]);
                baseline(body, faults);
            }
            Line::Recertification(body) => {
                targets(Some(&body.snapshot), faults);
                self.uses([body.access.blob()]);
                recertification(body, faults);
            }
            Line::Withdrawal(body) => with_reason(&body.reason, "a withdrawal has no reason", faults),
            Line::Auto(body) => {
                ascending(&body.policies, |p| p, "policies", faults);
                let key = (body.plan.clone(), body.change.clone(), body.digest);
                if self.shown.get(&key) != Some(&PolicyOutcome::Auto) {
                    faults.push(misplaced("no evaluation of this session has the outcome `auto` for the change"));
                }
            }
            Line::Export(body) => ascending(&body.decisions, |d| d, "decisions", faults),
            Line::Result(body) => {
                targets(body.snapshot.as_ref(), faults);
                self.uses([body.detail.as_ref().and_then(super::line::Value::blob)]);
            }
            Line::Seal(body) => self.check_seal(body, digest, faults),
            Line::Sig(_) => {}
        }
    }

    fn session(&mut self, body: &Session, faults: &mut Vec<RunFault>) {
        ascending(&body.parents, |p| p, "parents", faults);
        ascending(&body.trust_files, |f| &f.path, "trust_files", faults);
        targets(body.snapshot.as_ref(), faults);
        if body.writer.person.is_some() != (body.kind == SessionKind::Review) {
            faults.push(misplaced("the writer of a `review` session must be a person, and the writer of a `record` session must not be one"));
        }
        if self.header.is_none() {
            self.header = Some(body.clone());
        }
    }

    fn blob(&mut self, body: &Blob, faults: &mut Vec<RunFault>) {
        match self.join.take(body) {
            Ok(Some(digest)) => {
                self.defines.insert(digest);
            }
            Ok(None) => {}
            Err(message) => faults.push(RunFault::new(Code::LogBadBlob, message)),
        }
    }

    fn evaluation(&mut self, body: &Evaluation, faults: &mut Vec<RunFault>) {
        ascending(&body.determining, |p| p, "determining", faults);
        ascending(&body.emergent, |p| p, "emergent", faults);
        if !self.plans.contains(&body.plan) {
            faults.push(misplaced("no `plan` line of this session names the plan"));
        }
        if body.steps.is_empty() == (body.outcome == PolicyOutcome::Needs) {
            faults.push(misplaced("an evaluation has steps if and only if its outcome is `needs`"));
        }
        self.uses([body.definition.blob(), body.facts.blob(), body.requests.blob()]);
        self.shown.insert((body.plan.clone(), body.change.clone(), body.digest), body.outcome);
    }

    fn decision(&mut self, body: &Decision, digest: Digest<of::Line>, faults: &mut Vec<RunFault>) {
        ascending(&body.emergent, |p| p, "emergent", faults);
        ascending(&body.lifts, |p| p, "lifts", faults);
        ascending(&body.set_aside, |p| p, "set_aside", faults);
        if !self.shown.contains_key(&(body.plan.clone(), body.change.clone(), body.digest)) {
            faults.push(misplaced("no evaluation of this session matches the decision"));
        }
        let reject = body.verdict == Verdict::Reject;
        if body.rejected.is_some() != reject {
            faults.push(misplaced("a decision has `rejected` if and only if its verdict is `reject`"));
        }
        if body.verdict != Verdict::Approve && body.reason.as_ref().is_none_or(|r| r.raw().trim().is_empty()) {
            faults.push(misplaced("a rejection or override has no reason"));
        }
        let sets_aside = !(body.set_aside.is_empty() && body.lifts.is_empty());
        if sets_aside != (body.verdict == Verdict::Override) {
            faults.push(misplaced("a decision has `set_aside` or `lifts` if and only if its verdict is `override`"));
        }
        if body.grouped.is_some() && body.verdict != Verdict::Approve {
            faults.push(misplaced("only approvals can be grouped"));
        }
        if [body.shown.groups, body.shown.lines].iter().any(|part| part.seen > part.of) {
            faults.push(misplaced("more was shown than there was"));
        }
        if body.privileged.as_ref().is_some_and(|n| n.raw().is_empty() || n.raw().len() > LONGEST_NAME) {
            faults.push(misplaced("the name of a privileged change is empty or too long"));
        }
        if let Some(rejected) = &body.rejected {
            self.uses([rejected.accesses.blob()]);
        }
        if let Some(old) = &body.supersedes {
            self.privileged.remove(old);
        }
        let (approve, reject, set_aside) = &mut self.counts;
        let count = match body.verdict {
            Verdict::Approve => approve,
            Verdict::Reject => reject,
            Verdict::Override => set_aside,
        };
        *count = count.saturating_add(1);
        if let (Some(name), Verdict::Approve | Verdict::Override) = (&body.privileged, body.verdict) {
            self.privileged.insert(digest, name.clone());
        }
    }

    fn check_seal(&mut self, seal: &Seal, digest: Digest<of::Line>, faults: &mut Vec<RunFault>) {
        let mut want = |holds: bool, what: &str| {
            if !holds {
                faults.push(RunFault::new(Code::LogBadSeal, format!("the seal's {what}")));
            }
        };
        want(seal.count.get() == self.count(), "`count` differs from the number of lines before it");
        want(seal.root == self.root(), "`root` differs from the Merkle root of the lines before it");
        want(seal.decisions == self.verdicts(), "`decisions` differ from the session's");
        let (names, count) = self.privileged();
        want(seal.privileged == names, "`privileged` differs from the approved privileged changes");
        want(
            seal.privileged_count == count,
            "`privileged_count` differs from the number of approved privileged changes",
        );
        if let Some(header) = &self.header {
            want(seal.log == header.log, "`log` differs from the session's");
            want(seal.session == header.session, "`session` differs from the session's");
            want(seal.principal == header.writer.principal, "`principal` differs from the writer's");
            want(seal.fingerprint == header.writer.fingerprint, "`fingerprint` differs from the writer's");
        }
        self.seal = Some((seal.clone(), digest));
    }

    fn uses(&mut self, blobs: impl IntoIterator<Item = Option<Digest<of::Blob>>>) {
        for digest in blobs.into_iter().flatten() {
            if !self.defines.contains(&digest) {
                self.needs.insert(digest);
            }
        }
    }
}

/// Checks a line of a session on its own.
#[must_use]
pub fn alone(line: &Line, session: &Session) -> Vec<RunFault> {
    let mut run = Run { stage: Stage::Open, header: Some(session.clone()), ..Run::default() };
    let mut faults = Vec::new();
    match line {
        Line::Session(_) => run.stage = Stage::Start,
        Line::Evaluation(it) => {
            run.plans.insert(it.plan.clone());
        }
        Line::Decision(it) => {
            run.shown.insert((it.plan.clone(), it.change.clone(), it.digest), PolicyOutcome::Needs);
        }
        Line::Auto(it) => {
            run.shown.insert((it.plan.clone(), it.change.clone(), it.digest), PolicyOutcome::Auto);
        }
        Line::Blob(it) => {
            faults.extend(super::blob::alone(it).err().map(|message| RunFault::new(Code::LogBadBlob, message)));
            return faults;
        }
        Line::Plan(_)
        | Line::Policies(_)
        | Line::Freeze(_)
        | Line::Thaw(_)
        | Line::Baseline(_)
        | Line::Recertification(_)
        | Line::Withdrawal(_)
        | Line::Export(_)
        | Line::Result(_) => {}
        Line::Seal(_) | Line::Sig(_) => {
            faults.push(misplaced("a seal or signature line in the middle of a session"));
            return faults;
        }
    }
    run.order(line, &mut faults);
    run.body(line, Digest::from_bytes([0; 32]), &mut faults);
    faults
}

/// Checks a freeze: whom it names, by which credentials, and for how long.
fn freeze(body: &Freeze, faults: &mut Vec<RunFault>) {
    ascending(&body.proofs, |p| p, "proofs", faults);
    with_reason(&body.reason, "a freeze has no reason", faults);
    if body.name.as_ref().is_some_and(|name| name.raw().is_empty())
        || body.name.is_none() != (body.kind == FreezeKind::All)
    {
        faults.push(misplaced("a freeze names what it stops, unless it stops everything"));
    }
    if !body.proofs.is_empty() && body.kind != FreezeKind::Agent {
        faults.push(misplaced("only the freeze of an agent names credentials"));
    }
    if body.until <= body.at || body.until > body.at.plus(body.kind.longest()) {
        faults.push(misplaced("a freeze ends after it starts: within a day for everything, else within 7 days"));
    }
}

/// Checks a baseline: its reason, and when it ends.
fn baseline(body: &Baseline, faults: &mut Vec<RunFault>) {
    with_reason(&body.reason, "a baseline has no reason", faults);
    let (from, until, sooner) = (body.at, body.until, body.until_privileged);
    if until <= from || until > from.plus(Baseline::LONGEST) {
        faults.push(misplaced("a baseline ends after it starts, within 366 days"));
    }
    if sooner <= from || sooner > until || sooner > from.plus(Baseline::LONGEST_PRIVILEGED) {
        faults.push(misplaced(
            "a baseline ends for privileged access within 90 days, and not later than for other access",
        ));
    }
}

/// Checks the answer of a recertification: only what is kept has an end, and only what shall change has a reason.
fn recertification(body: &Recertification, faults: &mut Vec<RunFault>) {
    let is = |answer| body.answer == answer;
    if body.until.is_some() != is(RecertificationAnswer::Keep) {
        faults.push(misplaced("a recertification has an end if and only if the access is kept"));
    }
    if body.until.is_some_and(|until| until <= body.at || until > body.at.plus(Recertification::LONGEST)) {
        faults.push(misplaced("what is kept is recertified again after it was kept, within 366 days"));
    }
    if body.reason.is_some() != is(RecertificationAnswer::Change) {
        faults.push(misplaced("a recertification has a reason if and only if the access shall change"));
    }
    body.reason.iter().for_each(|reason| with_reason(reason, "a change is asked for without a reason", faults));
}

fn with_reason(reason: &Text, fault: &str, faults: &mut Vec<RunFault>) {
    if reason.raw().trim().is_empty() {
        faults.push(misplaced(fault));
    }
}

/// Checks the order of the targets. [`super::line::SnapshotTarget`] is ordered by `id`, then `system`.
fn targets(snapshot: Option<&SnapshotDigest>, faults: &mut Vec<RunFault>) {
    ascending(snapshot.map(|s| s.targets.as_slice()).unwrap_or_default(), |target| target, "targets", faults);
}

/// Checks that a list is sorted and has no duplicates. A list without a meaningful order has only this form.
fn ascending<T, K: Ord + ?Sized>(items: &[T], key: impl Fn(&T) -> &K, field: &str, faults: &mut Vec<RunFault>) {
    if !items.is_sorted_by(|a, b| key(a) < key(b)) {
        faults.push(RunFault::new(Code::LogSyntax, format!("`{field}` is not sorted or contains a duplicate")));
    }
}
