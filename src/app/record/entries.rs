//! The log lines of a review session, built from plans and decisions.
//!
//! Produces lines for a [`Draft`] in the order of the log: plans and policies before evaluations, evaluations before
//! decisions.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use anyhow::{Context as _, anyhow};

use crate::app::plans::evaluated_plan::EvaluatedPlan;
use crate::app::plans::provenance::Origin;
use crate::app::site::load::Site;
use crate::app::site::log_id::log_id;
use crate::decision::digest::Held;
use crate::decision::session::{Part, SessionDecision, SessionVerdict, ShownCard};
use crate::input::digest::{Digest, of};
use crate::input::id::{PersonId, PolicyId, PrincipalId};
use crate::input::text::Text;
use crate::input::time::Time;
use crate::log::blob::Values;
use crate::log::line::{
    self, Evaluation, FileDigest, KeptFile, Line, Number, PolicyOutcome, Proof, ProofMethod, Rejected, Salt, Session,
    SessionId, SessionKind, SnapshotDigest, SnapshotTarget, Tag, Value, Version, Writer,
};
use crate::log::session::{Added, Draft};
use crate::policy;
use crate::policy::Judged;
use crate::snapshot::model::Snapshot;
use crate::trust::proposer::Method;

/// The program and its version, as sessions name it.
pub const TOOL: &str = concat!("review ", env!("CARGO_PKG_VERSION"));

/// The writer of a session.
#[derive(Clone, Debug)]
pub struct SessionWriterId {
    /// The principal of `allowed_signers`.
    pub principal: PrincipalId,
    /// The person.
    pub person: PersonId,
    /// The key's fingerprint.
    pub fingerprint: String,
}

/// The first line of a session.
///
/// # Errors
/// If the log has no name.
pub fn header(
    site: &Site,
    who: &SessionWriterId,
    parents: &[Digest<of::Line>],
    session: SessionId,
    now: Time,
) -> anyhow::Result<Session> {
    let writer = Writer {
        fingerprint: Text::from(who.fingerprint.as_str()),
        person: Some(who.person.clone()),
        principal: who.principal.clone(),
    };
    begin(site, SessionKind::Review, writer, parents, session, now)
}

/// The first line of a session of either kind.
///
/// # Errors
/// If the log has no name.
pub fn begin(
    site: &Site,
    kind: SessionKind,
    writer: Writer,
    parents: &[Digest<of::Line>],
    session: SessionId,
    now: Time,
) -> anyhow::Result<Session> {
    let trust_files =
        site.trust_files().into_iter().map(|(path, sha256)| FileDigest { path: Text::from(path), sha256 }).collect();
    let parents: BTreeSet<_> = parents.iter().copied().collect();
    Ok(Session {
        at: now,
        kind,
        log: log_id(site)?,
        parents: parents.into_iter().collect(),
        session,
        snapshot: Some(SnapshotDigest {
            sha256: site.snapshot_digest,
            taken_at: site.snapshot.taken_at,
            targets: targets(&site.snapshot),
        }),
        tool: Text::from(TOOL),
        trust_files,
        r#type: Tag::new(),
        version: Version,
        writer,
    })
}

/// The targets of a snapshot, in the form of a session line.
pub fn targets(snapshot: &Snapshot) -> Vec<SnapshotTarget> {
    let named = snapshot.targets().into_iter();
    let mut targets: Vec<SnapshotTarget> = named.map(|t| SnapshotTarget { id: t.id, system: t.system }).collect();
    targets.sort();
    targets
}

/// Writes the policies, the plan and the evaluations of each plan. Returns the bytes to append.
///
/// # Errors
/// If a line breaks a rule of the log.
pub fn evaluations(draft: &mut Draft, proposals: &[EvaluatedPlan<'_>]) -> anyhow::Result<Vec<u8>> {
    let mut out = Vec::new();
    let Some(first) = proposals.first() else { return Ok(out) };
    out.extend(policies(draft, first.site)?);
    for proposal in proposals {
        let (sha256, bytes) = draft.blob(&proposal.file.bytes)?;
        out.extend(bytes);
        let (proof, bytes) = proof(draft, &proposal.origin)?;
        out.extend(bytes);
        let plan = |prev| {
            Line::Plan(Box::new(line::Plan {
                id: proposal.plan.id.value.clone(),
                name: Some(Text::from(proposal.file.name.as_str())),
                prev,
                proof,
                received_at: proposal.origin.received,
                sha256,
                r#type: Tag::new(),
            }))
        };
        out.extend(draft.push(plan)?.bytes);
        for at in 0..proposal.plan.changes.len() {
            out.extend(evaluation(draft, proposal, at)?);
        }
    }
    Ok(out)
}

/// How the proposer was authenticated: a signature in full, a token as claims and digest.
fn proof(draft: &mut Draft, origin: &Origin) -> anyhow::Result<(Proof, Vec<u8>)> {
    let mut proof = Proof {
        claims: None,
        expires_at: None,
        issued_at: None,
        method: ProofMethod::None,
        sha256: None,
        signature: None,
        subject: None,
    };
    let (Some(proven), Some(file)) = (&origin.proven, &origin.file) else { return Ok((proof, Vec::new())) };
    proof.method = match proven.method {
        Method::SshKey => ProofMethod::SshKey,
        Method::SshCertificate => ProofMethod::SshCertificate,
        Method::Jwt => ProofMethod::Jwt,
    };
    proof.issued_at = proven.issued_at;
    proof.expires_at = proven.expires_at;
    proof.sha256 = Some(file.digest());
    proof.signature = file.signature();
    proof.subject = Some(proven.id.text());
    let mut out = Vec::new();
    if let Some(claims) = &proven.claims {
        let (claims, bytes) = text_value(draft, claims)?;
        proof.claims = Some(claims);
        out = bytes;
    }
    Ok((proof, out))
}

fn policies(draft: &mut Draft, site: &Site) -> anyhow::Result<Vec<u8>> {
    let mut texts: BTreeMap<String, Rc<[u8]>> = site.policy_files.iter().cloned().collect();
    let schema = policy::Pack::schema_file();
    texts.insert(schema.path.to_owned(), Rc::from(schema.bytes));
    if site.settings.shipped {
        texts.extend(crate::access::risk::rule_files::shipped_files().map(|(path, bytes)| (path, Rc::from(bytes))));
    }
    for (path, bytes) in &site.data_files {
        texts.insert(path.clone(), Rc::clone(bytes));
    }
    let mut out = Vec::new();
    let mut files = Vec::new();
    let mut list = String::new();
    for (path, bytes) in &texts {
        let (sha256, more) = draft.blob(bytes)?;
        out.extend(more);
        list.push_str(&format!("{sha256}  {path}\n"));
        files.push(KeptFile { path: Text::from(path.as_str()), sha256 });
    }
    let pack = Digest::of(list.as_bytes());
    out.extend(draft.push(|prev| Line::Policies(line::Policies { files, pack, prev, r#type: Tag::new() }))?.bytes);
    Ok(out)
}

fn evaluation(draft: &mut Draft, proposal: &EvaluatedPlan<'_>, at: usize) -> anyhow::Result<Vec<u8>> {
    let missing = || anyhow!("the plan and its analysis are about different changes");
    let present = proposal.presents.get(at).with_context(missing)?;
    let digested = proposal.digested.get(at).with_context(missing)?;
    let judged = proposal.judged.get(at).with_context(missing)?;
    let mut out = Vec::new();
    let (definition, bytes) = text_value(draft, &digested.text)?;
    out.extend(bytes);
    let (facts, bytes) = draft.value(&Facts::of(proposal, at))?;
    out.extend(bytes);
    let record = match &judged.case {
        Some(case) => String::from_utf8_lossy(&case.record()?).into_owned(),
        None => "null".to_owned(),
    };
    let (requests, bytes) = text_value(draft, &record)?;
    out.extend(bytes);
    let outcome = match judged.outcome {
        policy::Outcome::Auto => PolicyOutcome::Auto,
        policy::Outcome::Denied => PolicyOutcome::Denied,
        policy::Outcome::Needs(_) => PolicyOutcome::Needs,
    };
    let needs = outcome == PolicyOutcome::Needs;
    let steps = judged.steps.iter().filter(|_| needs).map(|s| Text::from(s.as_str())).collect();
    let line = |prev| {
        Line::Evaluation(Box::new(Evaluation {
            change: present.case.change.clone(),
            definition,
            determining: determining(judged),
            digest: present.digest,
            emergent: present.emergent.iter().copied().collect(),
            facts,
            outcome,
            plan: present.case.plan.clone(),
            prev,
            requests,
            steps,
            r#type: Tag::new(),
        }))
    };
    out.extend(draft.push(line)?.bytes);
    Ok(out)
}

/// Writes that policy lets a change pass without a person. The session evaluated it before.
///
/// # Errors
/// If a line breaks a rule of the log.
pub fn auto(draft: &mut Draft, proposal: &EvaluatedPlan<'_>, at: usize, now: Time) -> anyhow::Result<Added> {
    let missing = || anyhow!("the plan and its analysis are about different changes");
    let present = proposal.presents.get(at).with_context(missing)?;
    let judged = proposal.judged.get(at).with_context(missing)?;
    let policies: BTreeSet<PolicyId> = judged.automatic_by.iter().cloned().collect();
    let line = |prev| {
        Line::Auto(line::Auto {
            at: now,
            change: present.case.change.clone(),
            digest: present.digest,
            plan: present.case.plan.clone(),
            policies: policies.into_iter().collect(),
            prev,
            r#type: Tag::new(),
        })
    };
    Ok(draft.push(line)?)
}

/// The computed facts about a change that its digest does not cover.
#[expect(clippy::struct_excessive_bools, reason = "facts as the line of the log holds them")]
#[derive(Default, serde::Serialize)]
struct Facts {
    at_least: bool,
    claims: Vec<(&'static str, crate::access::model::facts::ClaimResult)>,
    depends_on: Vec<Text>,
    emergent: Vec<EmergentFacts>,
    gained_privileged: u64,
    identities: u64,
    in_task_scope: bool,
    kinds: Vec<&'static str>,
    privileged_because: Vec<Text>,
    reversible: bool,
    takes_in_task_scope: bool,
    unknown_groups: Vec<Text>,
}

#[derive(serde::Serialize)]
struct EmergentFacts {
    digest: Digest<of::Piece>,
    sets: Vec<Vec<Text>>,
}

impl Facts {
    fn of(proposal: &EvaluatedPlan<'_>, at: usize) -> Self {
        let Some(facts) = proposal.analysis.changes.get(at) else { return Self::default() };
        let emergent = facts.emergent.iter().filter_map(|at| proposal.analysis.emergent.get(*at));
        Self {
            at_least: facts.concerned.at_least,
            claims: facts.claims.iter().map(|claim| (claim.name, claim.result)).collect(),
            depends_on: facts.depends_on.iter().map(crate::input::id::Id::text).collect(),
            emergent: emergent
                .map(|it| EmergentFacts {
                    digest: it.digest,
                    sets: it.sets.iter().map(|set| set.iter().map(crate::input::id::Id::text).collect()).collect(),
                })
                .collect(),
            gained_privileged: facts.gained_privileged,
            identities: facts.concerned.identities,
            in_task_scope: facts.in_task_scope,
            kinds: facts.concerned.kinds.iter().map(|kind| kind.name()).collect(),
            privileged_because: facts.why_privileged().cloned().collect(),
            reversible: facts.reversible,
            takes_in_task_scope: facts.takes_in_task_scope,
            unknown_groups: facts.concerned.unknown_groups.iter().map(crate::input::id::Id::text).collect(),
        }
    }
}

fn determining(judged: &Judged) -> Vec<PolicyId> {
    let mut ids: BTreeSet<PolicyId> = judged.denials.iter().map(|hit| hit.policy.clone()).collect();
    ids.extend(judged.automatic_by.iter().cloned());
    ids.extend(judged.waived.iter().flat_map(|(_, by)| by.iter().cloned()));
    ids.into_iter().collect()
}

/// A canonical JSON text in the form of a line's value.
fn text_value(draft: &mut Draft, text: &str) -> anyhow::Result<(Value, Vec<u8>)> {
    if text.len() <= Value::LONGEST_INLINE {
        return Ok((Value::Inline(Text::from(text)), Vec::new()));
    }
    let (digest, bytes) = draft.blob(text.as_bytes())?;
    Ok((Value::Blob(digest), bytes))
}

/// The parts of a decision line that are not the person's answer: the time, random bits, and the superseded line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineMark {
    /// When it was made.
    pub at: Time,
    /// 128 random bits.
    pub salt: Salt,
    /// The line of the same person that it supersedes.
    pub supersedes: Option<Digest<of::Line>>,
}

/// Writes a decision. Returns the bytes to append.
///
/// # Errors
/// If a line breaks a rule of the log.
pub fn decision(
    draft: &mut Draft,
    proposals: &[EvaluatedPlan<'_>],
    decided: &SessionDecision,
    mark: &LineMark,
) -> anyhow::Result<Vec<u8>> {
    let (present, facts) = proposals
        .iter()
        .flat_map(|proposal| proposal.presents.iter().zip(&proposal.analysis.changes))
        .find(|(present, _)| present.case == *decided.case())
        .context("a decision is about a change that is in no plan")?;
    let mut out = Vec::new();
    let (verdict, grouped, set_aside, lifts) = match decided.verdict() {
        SessionVerdict::Approve(approval) => (line::Verdict::Approve, approval.grouped(), Vec::new(), Vec::new()),
        SessionVerdict::Reject => (line::Verdict::Reject, None, Vec::new(), Vec::new()),
        SessionVerdict::Override { policies, lifts } => {
            (line::Verdict::Override, None, policies.iter().cloned().collect(), lifts.iter().copied().collect())
        }
    };
    let rejected = if verdict == line::Verdict::Reject {
        let gains: Vec<&Held> = present.document.gains().collect();
        let accesses: BTreeSet<_> = gains.iter().map(|held| &held.access).collect();
        let (accesses, bytes) = draft.value(&accesses)?;
        out.extend(bytes);
        Some(Rejected {
            accesses,
            action: present.document.action.clone(),
            entitlement: facts.named.entitlement().map(|e| e.text()),
            scope: facts.named.scope.clone(),
            target: facts.named.subject().map(|s| s.text()),
        })
    } else {
        None
    };
    let added = draft.push(|prev| {
        Line::Decision(Box::new(line::Decision {
            at: mark.at,
            change: decided.case().change.clone(),
            digest: decided.digest(),
            emergent: decided.emergent().iter().copied().collect(),
            grouped: grouped.map(Number::of),
            lifts,
            plan: decided.case().plan.clone(),
            prev,
            privileged: decided.privileged().cloned(),
            reason: decided.reason().cloned(),
            rejected,
            salt: mark.salt,
            set_aside,
            shown: shown(decided.shown()),
            steps: decided.steps().iter().map(|step| Text::from(step.as_str())).collect(),
            supersedes: mark.supersedes,
            r#type: Tag::new(),
            verdict,
        }))
    })?;
    out.extend(added.bytes);
    Ok(out)
}

fn shown(shown: ShownCard) -> line::Shown {
    let seen = |part: Part| line::Seen { of: Number::new(part.of()), seen: Number::new(part.seen()) };
    line::Shown { groups: seen(shown.groups), lines: seen(shown.lines) }
}

/// Writes a decision of a journal again, verbatim, after different lines. Returns the bytes to append.
///
/// # Errors
/// If a line breaks a rule of the log.
pub fn again(draft: &mut Draft, decided: &line::Decision, values: &Values) -> anyhow::Result<Vec<u8>> {
    let mut out = Vec::new();
    let long = decided.rejected.as_ref().and_then(|rejected| rejected.accesses.blob());
    if let Some(bytes) = long.and_then(|digest| values.get(&digest)) {
        out.extend(draft.blob(bytes)?.1);
    }
    let added = draft.push(|prev| Line::Decision(Box::new(line::Decision { prev, ..decided.clone() })))?;
    out.extend(added.bytes);
    Ok(out)
}
