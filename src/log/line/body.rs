//! The eleven kinds of line, field by field. This file is what an auditor's page on the format is written from.
//!
//! In: nothing (plain data). Out: one closed struct for each kind. Every time is UTC, `2026-11-30T00:00:00Z`; every
//! hash is a SHA-256 as 64 lower-case hexadecimal digits, over exact bytes.
//!
//! INVARIANT: the fields of every struct here stand in the order of their JSON names. That alone makes a line's bytes
//! canonical when it is written field by field; a test compares them with [`crate::input::canonical`]. An absent
//! optional field is left out, never `null`.

use serde::{Deserialize, Serialize};

use super::word::{Kind, LogId, Number, Salt, SessionId, Tag, Value, Version};
use crate::input::digest::{Digest, of};
use crate::input::id::{ChangeId, PersonId, PlanId, PolicyId, PrincipalId, ResourceId};
use crate::input::text::Text;
use crate::input::time::Time;

macro_rules! kinds {
    ($($name:ident = $word:literal;)*) => { $(impl Kind for $name { const WORD: &'static str = $word; })* };
}

kinds! {
    Session = "session"; Blob = "blob"; Plan = "plan"; Policies = "policies"; Evaluation = "evaluation";
    Decision = "decision"; Auto = "auto"; Export = "export"; Outcome = "result"; Seal = "seal"; Sig = "sig";
}

/// Who writes a session, and so what it may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SessionKind {
    /// A machine that writes automatic outcomes, exports and results. It can never decide.
    Record,
    /// A person who decides. Decisions stand in sessions of this kind only.
    Review,
}

impl SessionKind {
    /// The namespace of the signature that ends such a session (SSHSIG).
    #[must_use]
    pub fn namespace(self) -> &'static str {
        match self {
            Self::Record => "review-record@v1",
            Self::Review => "review-seal@v1",
        }
    }
}

/// Who writes: as the key, and `people.yaml` by way of it, say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Writer {
    /// The fingerprint of the key that will sign, as OpenSSH writes it: `SHA256:…`.
    pub fingerprint: Text,
    /// The person of `people.yaml`. Always there in a `review` session, never in a `record` session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonId>,
    /// The principal of `allowed_signers` that the key belongs to.
    pub principal: PrincipalId,
}

/// A file and the SHA-256 of its exact bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileDigest {
    /// The `/`-separated path from the trust folder; an embedded file's starts with `shipped/`.
    pub path: Text,
    /// The SHA-256 of its bytes.
    pub sha256: Digest<of::File>,
}

/// The snapshot that facts were computed from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotDigest {
    /// The SHA-256 of the file.
    pub sha256: Digest<of::File>,
    /// When the export was taken.
    pub taken_at: Time,
    /// The targets that it describes, sorted; none where it names none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<SnapshotTarget>,
}

/// The identity of a system that a snapshot describes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotTarget {
    /// What the system names itself by.
    pub id: Text,
    /// What kind of system it is.
    pub system: Text,
}

/// The first line of a session. It alone has no `prev`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// When the session started, by the writer's clock.
    pub at: Time,
    /// `review` or `record`.
    pub kind: SessionKind,
    /// The log that the session belongs to.
    pub log: LogId,
    /// The hashes of the seal lines of all heads of the log when the session started, sorted, none twice. Empty only
    /// where the log was.
    pub parents: Vec<Digest<of::Line>>,
    /// The session's own name.
    pub session: SessionId,
    /// The snapshot in use; none where the session used none (a recorder's).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SnapshotDigest>,
    /// The tool and its version, `review 0.1.0`.
    pub tool: Text,
    /// Every trust file in use, sorted by path, none twice.
    pub trust_files: Vec<FileDigest>,
    /// `session`.
    pub r#type: Tag<Self>,
    /// The version of this format: 2.
    pub version: Version,
    /// Who writes.
    pub writer: Writer,
}

/// A part of a long value. The parts of one value follow each other directly, from 1 to `parts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blob {
    /// This part's bytes in base64 (RFC 4648 §4, padded, no line breaks): exactly 46,080 bytes before encoding in each
    /// part but the last, at most that many in the last.
    pub base64: Text,
    /// Which part this is, from 1.
    pub part: Number,
    /// How many parts the value has, at least 1.
    pub parts: Number,
    /// The SHA-256 of the line before.
    pub prev: Digest<of::Line>,
    /// The SHA-256 of the whole value, all parts joined.
    pub sha256: Digest<of::Blob>,
    /// `blob`.
    pub r#type: Tag<Self>,
}

/// How a proposer was authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProofMethod {
    /// A workload-identity token over the digest of the plan (`plan.yaml.jwt`).
    Jwt,
    /// Nothing proves who wrote the plan.
    None,
    /// An SSH certificate by a CA that `agents.yaml` names (`plan.yaml.sig`).
    SshCertificate,
    /// An SSH key that `agents.yaml` names (`plan.yaml.sig`).
    SshKey,
}

/// The proof that the proposer wrote the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// The claims of a token. The token itself is a bearer credential and is never recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims: Option<Value>,
    /// When the credential ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// When the credential was issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_at: Option<Time>,
    /// What kind of proof it is.
    pub method: ProofMethod,
    /// The SHA-256 of the proof's file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest<of::File>>,
    /// The signature's armoured text, for the two SSH methods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Text>,
    /// The agent that is proved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Text>,
}

/// A plan as it was received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The name that the plan gives itself.
    pub id: PlanId,
    /// The name of the file it came in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    /// The SHA-256 of the line before.
    pub prev: Digest<of::Line>,
    /// How the proposer was authenticated.
    pub proof: Proof,
    /// When this tool received it; the proof was judged at this time.
    pub received_at: Time,
    /// The SHA-256 of the plan's exact bytes, which a blob holds.
    pub sha256: Digest<of::Blob>,
    /// `plan`.
    pub r#type: Tag<Self>,
}

/// A text that is kept whole, so that every question can be asked again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptFile {
    /// The `/`-separated path from the trust folder; an embedded file's starts with `shipped/`.
    pub path: Text,
    /// The SHA-256 of its bytes, which a blob holds.
    pub sha256: Digest<of::Blob>,
}

/// The policies in force, and whatever else is needed to decide again (schema, classification, escalations, pairs that must be
/// kept apart).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policies {
    /// Each file, sorted by path, none twice.
    pub files: Vec<KeptFile>,
    /// The digest of the pack as a whole, as the policy room computes it.
    pub pack: Digest<of::File>,
    /// The SHA-256 of the line before.
    pub prev: Digest<of::Line>,
    /// `policies`.
    pub r#type: Tag<Self>,
}

/// What policy says of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PolicyOutcome {
    /// Explicitly low risk: nobody needs to look.
    Auto,
    /// It may not be proposed.
    Denied,
    /// It needs the named steps.
    Needs,
}

/// What was computed about one change, and what policy said: enough to decide again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluation {
    /// The change's name within the plan.
    pub change: ChangeId,
    /// The typed change.
    pub definition: Value,
    /// The policies that determined the outcome, sorted.
    pub determining: Vec<PolicyId>,
    /// The change digest (`review-change@v2`).
    pub digest: Digest<of::Change>,
    /// The hashes of the whole-plan pieces in whose responsible sets the change is, sorted.
    pub emergent: Vec<Digest<of::Piece>>,
    /// Every fact of the change.
    pub facts: Value,
    /// What policy said.
    pub outcome: PolicyOutcome,
    /// The plan's name; a `plan` line of the same session comes before.
    pub plan: PlanId,
    /// The SHA-256 of the line before.
    pub prev: Digest<of::Line>,
    /// The Cedar requests with their entities and answers.
    pub requests: Value,
    /// The steps it needs, in the order of `review.yaml`; empty unless the outcome is `needs`.
    pub steps: Vec<Text>,
    /// `evaluation`.
    pub r#type: Tag<Self>,
}

/// What a person says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Do it.
    Approve,
    /// Sets denials aside, or helps to lift a reject. Fills no step.
    Override,
    /// Do not do it.
    Reject,
}

/// What a reject binds within its plan id, whatever is reworded or widened afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rejected {
    /// Every access, standing or eligible, that the change would have given: a change that covers any of them is bound.
    pub accesses: Value,
    /// The action's word.
    pub action: Text,
    /// The role or group, or what else the action is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entitlement: Option<Text>,
    /// The scope; none: everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<ResourceId>,
    /// Who would have received it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Text>,
}

/// How much of something was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// How much there was.
    pub of: Number,
    /// How much of it was on the screen; never more.
    pub seen: Number,
}

/// How much of a change's card was on the screen when the person decided. A group is one access that is shown by itself, or many
/// that are shown together with their exact number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    /// Groups of accesses and other facts.
    pub groups: Seen,
    /// Lines of the card.
    pub lines: Seen,
}

/// A person's decision on one change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// When it was given, by the writer's clock.
    pub at: Time,
    /// The change's name within the plan.
    pub change: ChangeId,
    /// The change digest that the person saw. An `evaluation` line of the same session with the same plan, change and
    /// digest comes before.
    pub digest: Digest<of::Change>,
    /// The hashes of the whole-plan pieces that the person saw beside it, sorted.
    pub emergent: Vec<Digest<of::Piece>>,
    /// How many changes were approved together with one answer, this one included; absent where it was asked alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grouped: Option<Number>,
    /// The hashes of the decision lines whose reject an override helps to lift.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lifts: Vec<Digest<of::Line>>,
    /// The plan's name.
    pub plan: PlanId,
    /// The SHA-256 of the line before.
    pub prev: Digest<of::Line>,
    /// The name under which the seal lists an approved privileged change, at most 240 bytes; absent where the change is
    /// not privileged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privileged: Option<Text>,
    /// Why, in the person's words. Always there for `reject` and `override`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text>,
    /// What the reject binds. There for `reject` and only there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<Rejected>,
    /// 128 random bits.
    pub salt: Salt,
    /// The policies that an override sets aside, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set_aside: Vec<PolicyId>,
    /// How much of the change was on the screen. Of changes approved together, of the one whose card was read.
    pub shown: Shown,
    /// Every needed step that the person was permitted, in the order of `review.yaml`.
    pub steps: Vec<Text>,
    /// The hash of the same person's decision line that this one replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<Digest<of::Line>>,
    /// `decision`.
    pub r#type: Tag<Self>,
    /// What the person said.
    pub verdict: Verdict,
}

/// A change that policy let pass without a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auto {
    /// When.
    pub at: Time,
    /// The change's name within the plan.
    pub change: ChangeId,
    /// The change digest; an `evaluation` line of the same session with the outcome `auto` comes before.
    pub digest: Digest<of::Change>,
    /// The plan's name.
    pub plan: PlanId,
    /// The policies that permitted it, sorted.
    pub policies: Vec<PolicyId>,
    /// The SHA-256 of the line before.
    pub prev: Digest<of::Line>,
    /// `auto`.
    pub r#type: Tag<Self>,
}

/// One approved change handed to the executor: an approval counts once, and this line uses it up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// When.
    pub at: Time,
    /// The change's name within the plan.
    pub change: ChangeId,
    /// The hashes of the `decision` or `auto` lines that it rests on, sorted.
    pub decisions: Vec<Digest<of::Line>>,
    /// The change digest.
    pub digest: Digest<of::Change>,
    /// The SHA-256 of the exported file; the same in every line of one export.
    pub output: Digest<of::File>,
    /// The plan's name.
    pub plan: PlanId,
    /// The SHA-256 of the line before.
    pub prev: Digest<of::Line>,
    /// The SHA-256 of the rollback plan written beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<Digest<of::File>>,
    /// `export`.
    pub r#type: Tag<Self>,
}

/// What came of an exported change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Applied {
    /// It was done as approved.
    Applied,
    /// More was done than approved.
    Beyond,
    /// The executor says that it failed.
    Failed,
    /// It was not done.
    Missing,
    /// Some of it was done.
    Partly,
}

/// What came of a change: what an executor says, or a later snapshot shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// When this was recorded.
    pub at: Time,
    /// The change's name within the plan.
    pub change: ChangeId,
    /// What is known beyond the word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Value>,
    /// The change digest.
    pub digest: Digest<of::Change>,
    /// The hash of the `export` line that handed it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export: Option<Digest<of::Line>>,
    /// What came of it.
    pub outcome: Applied,
    /// The plan's name.
    pub plan: PlanId,
    /// The SHA-256 of the line before.
    pub prev: Digest<of::Line>,
    /// The snapshot that shows it; none where an executor says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SnapshotDigest>,
    /// `result`.
    pub r#type: Tag<Self>,
}

/// How many decision lines of each verdict a session holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerdictCounts {
    /// Lines that approve.
    pub approve: Number,
    /// Lines that override.
    pub r#override: Number,
    /// Lines that reject.
    pub reject: Number,
}

/// The last line but one: what the writer saw before signing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seal {
    /// When the session was sealed, by the writer's clock. Approvals count from here.
    pub at: Time,
    /// How many lines the session holds before this one.
    pub count: Number,
    /// How many decision lines there are of each verdict.
    pub decisions: VerdictCounts,
    /// The fingerprint of the key, as in the `session` line.
    pub fingerprint: Text,
    /// The log, as in the `session` line.
    pub log: LogId,
    /// The SHA-256 of the line before.
    pub prev: Digest<of::Line>,
    /// The principal, as in the `session` line.
    pub principal: PrincipalId,
    /// The privileged changes that decision lines of this session approve or override and no later line of it
    /// supersedes, by the name that those lines give: sorted by bytes, none twice, the first 100.
    pub privileged: Vec<Text>,
    /// How many such names there are in all.
    pub privileged_count: Number,
    /// The Merkle tree hash (RFC 6962 §2.1) of the lines before this one; a leaf is a line's exact bytes, LF included.
    pub root: Digest<of::Tree>,
    /// The session, as in the `session` line.
    pub session: SessionId,
    /// `seal`.
    pub r#type: Tag<Self>,
}

/// The last line: the signature over the exact bytes of the seal line, LF included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sig {
    /// The SHA-256 of the seal line.
    pub prev: Digest<of::Line>,
    /// The armoured SSHSIG, as `ssh-keygen -Y sign` writes it, its final LF included.
    pub sshsig: Text,
    /// `sig`.
    pub r#type: Tag<Self>,
}
