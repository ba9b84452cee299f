//! The change digest: exactly what a person approves.
//!
//! Builds a closed document from a plan, one of its changes, and the facts of that change on top of its dependencies.
//! The digest is the SHA-256 of `review-change@v2`, LF and the document's canonical JSON. It excludes facts of the
//! whole plan, the change's id and location, paths, comments, confirmed claims, and everything that depends on the
//! current time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::access::model::facts::{
    Access, AccessDelta, Analysis, ChangeFacts, ClaimResult, Escalation, PathStep, SodConflict,
};
use crate::decision::fields::{ChangeObject, Fields, typed_fields};
use crate::input::canonical::{self, CanonicalError};
use crate::input::digest::{Digest, of};
use crate::input::entitlement::Sensitivity;
use crate::input::id::{GroupId, IdentityId, PlanId, ResourceId, Subject, TaskId};
use crate::input::text::Text;
use crate::input::time::Time;
use crate::plan::model::{Change, MadeFrom, Plan};
use crate::snapshot::model::Snapshot;

/// The prefix of the hashed bytes, so that no other kind of document has the same digest.
pub const PREFIX: &str = "review-change@v2\n";

/// A change with its effect, as it is hashed and recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeDocument {
    /// The name of the action.
    pub action: Text,
    /// The action's typed fields.
    pub fields: Fields,
    /// The plan's id.
    pub plan: PlanId,
    /// When the plan expires.
    pub expires: Time,
    /// The agent that wrote the plan.
    pub proposer: IdentityId,
    /// The person on whose behalf it acts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sponsor: Option<IdentityId>,
    /// The task of the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskId>,
    /// The intent of the plan.
    pub intent: Text,
    /// The reason for the change.
    pub reason: Text,
    /// Its effect on access.
    pub effect: EffectRecord,
    /// The names among its receivers that stand for many whom the snapshot does not know, sorted.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub outsiders: BTreeSet<Text>,
    /// Whether it is privileged.
    pub privileged: bool,
    /// The highest sensitivity involved.
    pub sensitivity: Sensitivity,
    /// The names of the claims that the snapshot contradicts.
    pub contradictions: BTreeSet<Text>,
    /// The escalation paths that it completes, sorted.
    pub escalations: Vec<EscalationRecord>,
    /// The separation-of-duties conflicts that it creates, sorted.
    pub sod: Vec<SodRecord>,
    /// Whether the effect is too large to analyse, so that this document is incomplete.
    #[serde(default, skip_serializing_if = "is_false")]
    pub too_large: bool,
    /// The systems that it names or affects, sorted.
    pub targets: Vec<TargetRecord>,
    /// What it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_from: Option<MadeFromRecord>,
    /// What was unknown when it was written, sorted.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unknown: BTreeSet<Text>,
}

/// What a plan was made from, so that an approval counts for that only.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MadeFromRecord {
    /// Whether the changes are known to be all.
    pub complete: bool,
    /// The digest of the plan file that it applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<Digest<of::File>>,
    /// The digest of what the changes were computed from.
    pub source: Digest<of::File>,
    /// What it does that no change says, sorted.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub not_read: BTreeSet<Text>,
    /// The tool.
    pub tool: Text,
}

impl From<&MadeFrom> for MadeFromRecord {
    fn from(it: &MadeFrom) -> Self {
        Self {
            complete: it.complete.value,
            file: it.file.as_ref().map(|file| file.value),
            source: it.source.value,
            not_read: it.not_read.iter().map(|text| text.value.clone()).collect(),
            tool: it.tool.value.clone(),
        }
    }
}

/// A system that a change applies to: its source and its target or, if the snapshot has no target, the log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetRecord {
    /// The id of the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Text>,
    /// If there is no target: the log of the site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<Text>,
    /// The source of the snapshot, or of its part.
    pub source: Text,
    /// The system of the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<Text>,
}

/// What a change is bound to in addition to its effect.
#[derive(Clone, Copy, Debug)]
pub struct DigestBinding<'b> {
    /// The snapshot from which its facts were computed.
    pub snapshot: &'b Snapshot,
    /// The log of the site.
    pub log: Option<&'b Text>,
}

impl DigestBinding<'_> {
    /// The systems of the objects it names, of the affected subjects, and of the roles involved.
    #[must_use]
    pub fn targets(&self, facts: &ChangeFacts) -> Vec<TargetRecord> {
        let effects = &facts.effects;
        let pieces = effects.gained.iter().chain(&effects.lost).chain(&effects.gained_eligible);
        let of_piece = |piece: &'_ AccessDelta| -> Vec<String> {
            let role = piece.path.iter().rev().find_map(|step| match step {
                PathStep::Holds(role, ..) => Some(role.as_str().to_owned()),
                PathStep::Member(..) | PathStep::Includes(_) | PathStep::ActsAs(..) => None,
            });
            let scope = piece.access.scope.as_ref().map(|scope| scope.as_str().to_owned());
            std::iter::once(piece.subject.as_str().to_owned()).chain(role).chain(scope).collect()
        };
        let mut ids: BTreeSet<String> = pieces.flat_map(of_piece).collect();
        let named = &facts.named;
        ids.extend(named.identity.iter().chain(&named.trusted).map(|id| id.as_str().to_owned()));
        ids.extend(named.group.iter().chain(&named.member_of).map(|id| id.as_str().to_owned()));
        ids.extend(named.role.iter().chain(&named.include).map(|id| id.as_str().to_owned()));
        ids.extend(named.scope.iter().map(|id| id.as_str().to_owned()));
        let systems = self.snapshot.systems_of(ids.iter().map(String::as_str));
        sorted(systems.into_iter().map(|(source, target)| match target {
            Some(target) => TargetRecord {
                id: Some(target.id.clone()),
                log: None,
                source: source.clone(),
                system: Some(target.system.clone()),
            },
            None => TargetRecord { id: None, log: self.log.cloned(), source: source.clone(), system: None },
        }))
    }
}

/// The effect of a change without its paths, each list sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EffectRecord {
    /// Access gained.
    pub gained: Vec<Held>,
    /// Access lost.
    pub lost: Vec<Held>,
    /// Access that can be activated later.
    pub gained_eligible: Vec<Held>,
}

/// A subject and an access.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// The subject.
    pub subject: SubjectRecord,
    /// The access.
    pub access: Access,
    /// Gained, although the subject could already reach it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub already: bool,
}

/// A subject with its kind, because an identity and a group may have the same name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectRecord {
    /// An identity.
    Identity(IdentityId),
    /// A group.
    Group(GroupId),
}

impl From<&Subject> for SubjectRecord {
    fn from(subject: &Subject) -> Self {
        match subject {
            Subject::Identity(id) => Self::Identity(id.clone()),
            Subject::Group(id) => Self::Group(id.clone()),
        }
    }
}

/// An escalation path that a subject completes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EscalationRecord {
    /// The path's id.
    pub id: Text,
    /// The subject.
    pub subject: SubjectRecord,
    /// The bindings of its variables. A list of pairs, because a variable's name need not be ASCII.
    pub bound: Vec<(String, Text)>,
    /// Whether every requirement is satisfied.
    pub complete: bool,
    /// Whether a requirement is satisfied only under a condition.
    #[serde(default, skip_serializing_if = "is_false")]
    pub conditional: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

/// A separation-of-duties conflict.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SodRecord {
    /// The pair's id.
    pub id: Text,
    /// The subject.
    pub subject: SubjectRecord,
    /// The scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<ResourceId>,
}

/// A document with its canonical text and its digest.
#[derive(Clone, Debug)]
pub struct Digested {
    /// The validated document.
    pub document: Arc<ChangeDocument>,
    /// Its canonical JSON, without LF: what the log records.
    pub text: Arc<str>,
    /// The change digest.
    pub digest: Digest<of::Change>,
}

/// Why a recorded document is rejected.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// It has no canonical form.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// It is not a change document.
    #[error("the recorded change cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// Its bytes are not in canonical form.
    #[error("the recorded change is not in canonical form")]
    NotCanonical,
    /// Its digest differs from the one in the decision.
    #[error("the recorded change does not have the digest that the decision names")]
    Digest,
}

impl ChangeDocument {
    /// Builds the document of a change of a plan.
    #[must_use]
    pub fn of(plan: &Plan, change: &Change, facts: &ChangeFacts, binding: &DigestBinding<'_>) -> Self {
        Self {
            action: Text::from(change.action.word()),
            fields: typed_fields(&change.action),
            plan: plan.id.value.clone(),
            expires: plan.expires.value,
            proposer: plan.proposer.value.clone(),
            sponsor: plan.on_behalf_of.as_ref().map(|s| s.value.clone()),
            task: plan.task.as_ref().map(|t| t.value.clone()),
            intent: plan.intent.value.clone(),
            reason: change.reason.value.clone(),
            effect: EffectRecord {
                gained: held(&facts.effects.gained, true),
                lost: held(&facts.effects.lost, false),
                gained_eligible: held(&facts.effects.gained_eligible, true),
            },
            outsiders: facts.outsiders.clone(),
            privileged: facts.is_privileged(),
            sensitivity: facts.sensitivity,
            contradictions: facts
                .claims
                .iter()
                .filter(|c| c.result == ClaimResult::Contradicted)
                .map(|c| Text::from(c.name))
                .collect(),
            escalations: sorted(facts.escalations.iter().map(escalation)),
            sod: sorted(facts.sod.iter().map(conflict)),
            too_large: facts.concerned.untold.is_any(),
            targets: binding.targets(facts),
            made_from: plan.made_from.as_ref().map(MadeFromRecord::from),
            unknown: change.unknown.iter().map(|text| text.value.clone()).collect(),
        }
    }

    /// The object of the change, to which rejections are bound.
    #[must_use]
    pub fn object(&self) -> ChangeObject {
        ChangeObject::of(self.action.raw(), &self.fields)
    }

    /// The access it gives, now or eligible.
    pub fn gains(&self) -> impl Iterator<Item = &Held> {
        self.effect.gained.iter().chain(&self.effect.gained_eligible)
    }

    /// The access it takes.
    pub fn losses(&self) -> impl Iterator<Item = &Held> {
        self.effect.lost.iter()
    }

    /// Serialises and hashes it.
    ///
    /// # Errors
    /// If a number in it is beyond ±(2^53−1).
    pub fn digest(self) -> Result<Digested, CanonicalError> {
        let bytes = canonical::to_bytes(&self)?;
        let digest = digest_of(&bytes);
        // WHY: the writer joins whole strings and ASCII only, so the bytes are UTF-8 and nothing is replaced.
        let text = String::from_utf8_lossy(&bytes).as_ref().into();
        Ok(Digested { document: Arc::new(self), text, digest })
    }

    /// Parses a recorded document and verifies that it is canonical and has the recorded digest.
    ///
    /// # Errors
    /// If it is not a change document, not in canonical form, or has another digest.
    pub fn believe(text: &str, expected: &Digest<of::Change>) -> Result<Digested, DocumentError> {
        let read = serde_json::from_str::<Self>(text)?.digest()?;
        if read.text.as_ref() != text {
            return Err(DocumentError::NotCanonical);
        }
        if read.digest != *expected {
            return Err(DocumentError::Digest);
        }
        Ok(read)
    }
}

/// The document of a change, its canonical JSON and its digest.
///
/// # Errors
/// If a number in it is beyond ±(2^53−1).
pub fn change_digest(
    plan: &Plan,
    change: &Change,
    facts: &ChangeFacts,
    binding: &DigestBinding<'_>,
) -> Result<Digested, CanonicalError> {
    ChangeDocument::of(plan, change, facts, binding).digest()
}

/// The digest of a change, from its canonical JSON.
#[must_use]
pub fn digest_of(canonical_json: &[u8]) -> Digest<of::Change> {
    let mut bytes = Vec::with_capacity(PREFIX.len() + canonical_json.len());
    bytes.extend_from_slice(PREFIX.as_bytes());
    bytes.extend_from_slice(canonical_json);
    Digest::of(&bytes)
}

/// The digests of the emergent pieces that a change is responsible for: a decision records them next to the change
/// digest.
#[must_use]
pub fn emergent(analysis: &Analysis, facts: &ChangeFacts) -> BTreeSet<Digest<of::Piece>> {
    let listed = facts.emergent.iter().filter_map(|at| analysis.emergent.get(*at));
    let member = analysis.emergent.iter().filter(|e| e.members.contains(&facts.id));
    listed.chain(member).map(|e| e.digest).collect()
}

/// Accesses in recorded form. A loss is recorded the same way whether or not the access can still be reached.
fn held(pieces: &[AccessDelta], gains: bool) -> Vec<Held> {
    sorted(pieces.iter().map(|p| Held {
        subject: SubjectRecord::from(&p.subject),
        access: p.access.clone(),
        already: gains && p.elsewhere.is_some(),
    }))
}

fn escalation(e: &Escalation) -> EscalationRecord {
    let bound: &BTreeMap<String, Text> = &e.bound;
    EscalationRecord {
        id: e.id.clone(),
        subject: SubjectRecord::from(&e.subject),
        bound: bound.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        complete: e.complete,
        conditional: e.conditional,
    }
}

fn conflict(c: &SodConflict) -> SodRecord {
    SodRecord { id: c.id.clone(), subject: SubjectRecord::from(&c.subject), scope: c.scope.clone() }
}

fn sorted<T: Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut list: Vec<T> = items.collect();
    list.sort();
    list.dedup();
    list
}

#[cfg(test)]
#[path = "digest_tests.rs"]
mod tests;
