//! The kinds of log line, one closed struct each; those of a decision, a freeze and a thaw are in [`super::decision`] and
//! [`super::freeze`]. `src/log/README.md` documents the same format.
//!
//! Every time is UTC, such as `2026-11-30T00:00:00Z`. Every hash is a SHA-256 over exact bytes, as 64 lower-case
//! hexadecimal digits.
//!
//! INVARIANT: the fields of every struct are in the order of their JSON names, so that serialising field by field gives
//! canonical bytes. A test compares them with [`crate::input::canonical`]. An absent optional field is omitted, never
//! `null`.

use serde::{Deserialize, Serialize};

use super::word::{LineKind, LogId, Number, SessionId, Tag, Value, Version};
use crate::input::digest::{Digest, of};
use crate::input::id::{ChangeId, PersonId, PlanId, PolicyId, PrincipalId};
use crate::input::text::Text;
use crate::input::time::Time;

macro_rules! kinds {
    ($($name:ident = $word:literal;)*) => { $(impl LineKind for $name { const WORD: &'static str = $word; })* };
}

kinds! {
    Session = "session"; Blob = "blob"; Plan = "plan"; Policies = "policies"; Evaluation = "evaluation";
    Auto = "auto"; Export = "export"; Outcome = "result"; Seal = "seal"; Sig = "sig";
}

/// The kind of a session, which determines its writer and its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SessionKind {
    /// Written by a machine: automatic outcomes, exports and results. It cannot contain decisions.
    Record,
    /// Written by a person. Only sessions of this kind contain decisions.
    Review,
}

impl SessionKind {
    /// The SSHSIG namespace of the signature that ends such a session.
    #[must_use]
    pub fn namespace(self) -> &'static str {
        match self {
            Self::Record => "review-record@v1",
            Self::Review => "review-seal@v1",
        }
    }
}

/// The writer, from the key and from `people.yaml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Writer {
    /// The fingerprint of the signing key, as OpenSSH writes it: `SHA256:…`.
    pub fingerprint: Text,
    /// The person in `people.yaml`. Present in a `review` session only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonId>,
    /// The principal of the key in `allowed_signers`.
    pub principal: PrincipalId,
}

/// A file and the SHA-256 of its exact bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileDigest {
    /// The `/`-separated path from the trust folder. The path of an embedded file starts with `shipped/`.
    pub path: Text,
    /// The SHA-256 of its bytes.
    pub sha256: Digest<of::File>,
}

/// The snapshot that the facts were computed from.
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

/// The first line of a session. Only this kind has no `prev`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// When the session started, by the writer's clock.
    pub at: Time,
    /// `review` or `record`.
    pub kind: SessionKind,
    /// The log of the session.
    pub log: LogId,
    /// The hashes of the seal lines of all heads of the log when the session started, sorted, without duplicates. Empty only
    /// if the log was empty.
    pub parents: Vec<Digest<of::Line>>,
    /// The id of the session.
    pub session: SessionId,
    /// The snapshot in use; absent if the session used none (a recorder's).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SnapshotDigest>,
    /// The tool and its version, `review 0.1.0`.
    pub tool: Text,
    /// Every trust file in use, sorted by path, without duplicates.
    pub trust_files: Vec<FileDigest>,
    /// `session`.
    pub r#type: Tag<Self>,
    /// The version of this format: 2.
    pub version: Version,
    /// The writer.
    pub writer: Writer,
}

/// One part of a long value. The parts of a value are consecutive lines, from 1 to `parts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blob {
    /// The bytes of this part in base64 (RFC 4648 §4, padded, no line breaks): exactly 46,080 bytes before encoding in each
    /// part except the last, at most that many in the last.
    pub base64: Text,
    /// The number of this part, from 1.
    pub part: Number,
    /// The number of parts, at least 1.
    pub parts: Number,
    /// The SHA-256 of the previous line.
    pub prev: Digest<of::Line>,
    /// The SHA-256 of the whole value.
    pub sha256: Digest<of::Blob>,
    /// `blob`.
    pub r#type: Tag<Self>,
}

/// How a proposer was authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProofMethod {
    /// A workload identity token over the digest of the plan (`plan.yaml.jwt`).
    Jwt,
    /// There is no proof of authorship.
    None,
    /// An SSH certificate by an authority that `agents.yaml` lists (`plan.yaml.sig`).
    SshCertificate,
    /// An SSH key that `agents.yaml` lists (`plan.yaml.sig`).
    SshKey,
}

/// The proof that the proposer wrote the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// The claims of a token. The token itself is a bearer credential and is never recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims: Option<Value>,
    /// When the credential expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// When the credential was issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_at: Option<Time>,
    /// The kind of proof.
    pub method: ProofMethod,
    /// The SHA-256 of the proof file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest<of::File>>,
    /// The armoured signature, for the two SSH methods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Text>,
    /// The authenticated agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Text>,
}

/// A received plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The id in the plan.
    pub id: PlanId,
    /// The name of the plan's file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    /// The SHA-256 of the previous line.
    pub prev: Digest<of::Line>,
    /// How the proposer was authenticated.
    pub proof: Proof,
    /// When this tool received the plan. The proof was checked for this time.
    pub received_at: Time,
    /// The SHA-256 of the plan's exact bytes, which are in a blob.
    pub sha256: Digest<of::Blob>,
    /// `plan`.
    pub r#type: Tag<Self>,
}

/// A file whose content is in the log, so that the decision can be recomputed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptFile {
    /// The `/`-separated path from the trust folder. The path of an embedded file starts with `shipped/`.
    pub path: Text,
    /// The SHA-256 of its bytes, which are in a blob.
    pub sha256: Digest<of::Blob>,
}

/// The policies in force, and the other files needed to recompute a decision (schema, classification, escalations, toxic
/// combinations).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policies {
    /// The files, sorted by path, without duplicates.
    pub files: Vec<KeptFile>,
    /// The digest of the whole policy pack, as computed by the policy module.
    pub pack: Digest<of::File>,
    /// The SHA-256 of the previous line.
    pub prev: Digest<of::Line>,
    /// `policies`.
    pub r#type: Tag<Self>,
}

/// The policy result for a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PolicyOutcome {
    /// Explicitly low risk: no person needs to approve it.
    Auto,
    /// It is denied.
    Denied,
    /// It needs approval steps.
    Needs,
}

/// The facts about one change and the policy result: enough to recompute the decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluation {
    /// The id of the change in the plan.
    pub change: ChangeId,
    /// The typed change.
    pub definition: Value,
    /// The policies that determined the outcome, sorted.
    pub determining: Vec<PolicyId>,
    /// The change digest (`review-change@v2`).
    pub digest: Digest<of::Change>,
    /// The hashes of the whole-plan effects whose responsible sets contain the change, sorted.
    pub emergent: Vec<Digest<of::Piece>>,
    /// Every fact of the change.
    pub facts: Value,
    /// The policy result.
    pub outcome: PolicyOutcome,
    /// The plan's id. An earlier `plan` line of the session has the same id.
    pub plan: PlanId,
    /// The SHA-256 of the previous line.
    pub prev: Digest<of::Line>,
    /// The Cedar requests with their entities and answers.
    pub requests: Value,
    /// The required steps, in the order of `review.yaml`. Empty unless the outcome is `needs`.
    pub steps: Vec<Text>,
    /// `evaluation`.
    pub r#type: Tag<Self>,
}

/// A change that the policies approved automatically.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auto {
    /// When it was recorded.
    pub at: Time,
    /// The id of the change in the plan.
    pub change: ChangeId,
    /// The change digest. An earlier `evaluation` line of the session has the outcome `auto`.
    pub digest: Digest<of::Change>,
    /// The plan's id.
    pub plan: PlanId,
    /// The policies that permitted it, sorted.
    pub policies: Vec<PolicyId>,
    /// The SHA-256 of the previous line.
    pub prev: Digest<of::Line>,
    /// `auto`.
    pub r#type: Tag<Self>,
}

/// An approved change that was handed to the executor. This line uses up the approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// When it was exported.
    pub at: Time,
    /// The id of the change in the plan.
    pub change: ChangeId,
    /// The hashes of the `decision` or `auto` lines that approve it, sorted.
    pub decisions: Vec<Digest<of::Line>>,
    /// The change digest.
    pub digest: Digest<of::Change>,
    /// The SHA-256 of the exported file, the same in every line of one export.
    pub output: Digest<of::File>,
    /// The plan's id.
    pub plan: PlanId,
    /// The SHA-256 of the previous line.
    pub prev: Digest<of::Line>,
    /// The SHA-256 of the rollback plan, written with the export.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<Digest<of::File>>,
    /// `export`.
    pub r#type: Tag<Self>,
}

/// The outcome of an exported change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Applied {
    /// Applied as approved.
    Applied,
    /// More was applied than approved.
    Beyond,
    /// The executor reported a failure.
    Failed,
    /// Not applied.
    Missing,
    /// Partly applied.
    Partly,
}

impl Applied {
    /// The word for it in the log.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Beyond => "beyond",
            Self::Failed => "failed",
            Self::Missing => "missing",
            Self::Partly => "partly",
        }
    }
}

/// The outcome of a change, as reported by an executor or shown by a later snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// When this was recorded.
    pub at: Time,
    /// The id of the change in the plan.
    pub change: ChangeId,
    /// Further details.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Value>,
    /// The change digest.
    pub digest: Digest<of::Change>,
    /// The hash of the `export` line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export: Option<Digest<of::Line>>,
    /// The outcome.
    pub outcome: Applied,
    /// The plan's id.
    pub plan: PlanId,
    /// The SHA-256 of the previous line.
    pub prev: Digest<of::Line>,
    /// The snapshot that shows the outcome; absent if an executor reported it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SnapshotDigest>,
    /// `result`.
    pub r#type: Tag<Self>,
}

/// The number of decision lines per verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerdictCounts {
    /// Approvals.
    pub approve: Number,
    /// Overrides.
    pub r#override: Number,
    /// Rejections.
    pub reject: Number,
}

/// The last line but one, which the writer reads before signing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seal {
    /// When the session was sealed, by the writer's clock. The lifetime of its approvals starts here.
    pub at: Time,
    /// The number of lines before this one in the session.
    pub count: Number,
    /// The number of decision lines per verdict.
    pub decisions: VerdictCounts,
    /// The fingerprint of the key, as in the `session` line.
    pub fingerprint: Text,
    /// The log, as in the `session` line.
    pub log: LogId,
    /// The SHA-256 of the previous line.
    pub prev: Digest<of::Line>,
    /// The principal, as in the `session` line.
    pub principal: PrincipalId,
    /// The names of the privileged changes that decision lines of this session approve or override, without superseded
    /// decisions: sorted by bytes, without duplicates, the first 100.
    pub privileged: Vec<Text>,
    /// The total number of such names.
    pub privileged_count: Number,
    /// The Merkle tree hash (RFC 6962 §2.1) of the lines before this one. A leaf is the exact bytes of a line with its LF.
    pub root: Digest<of::Tree>,
    /// The session, as in the `session` line.
    pub session: SessionId,
    /// `seal`.
    pub r#type: Tag<Self>,
}

/// The last line: the signature over the exact bytes of the seal line, including its LF.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sig {
    /// The SHA-256 of the seal line.
    pub prev: Digest<of::Line>,
    /// The armoured SSHSIG, as `ssh-keygen -Y sign` writes it, including its final LF.
    pub sshsig: Text,
    /// `sig`.
    pub r#type: Tag<Self>,
}
