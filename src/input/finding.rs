//! Findings: what is wrong or notable about the matter, never about the tool.
//!
//! In: what a room noticed. Out: data with a stable code, a place and a way to fix it. A failure of the tool itself is
//! an error type of its room, not a finding.

use schemars::JsonSchema;
use serde::Serialize;

use super::place::Place;
use super::text::Text;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Note,
    /// Look at it before you decide.
    Warning,
    /// Nothing passes while this stands.
    Error,
}

macro_rules! codes {
    ($($variant:ident = $name:literal, $severity:ident, $doc:literal;)*) => {
        /// The stable codes of all findings.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $doc] $variant,)*
        }

        impl Code {
            /// Every code, in the order of this table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code as users see it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The severity a finding of this code has unless the place that reports it says otherwise.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// What the code means, one sentence.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $doc,)* }
            }
        }
    };
}

codes! {
    // Reading any file.
    CouldNotRun = "could-not-run", Error, "The tool could not do its work, so nothing was judged.";
    Unreadable = "unreadable", Error, "The file cannot be read as text.";
    NotUtf8 = "not-utf8", Error, "The bytes are not UTF-8.";
    Empty = "empty", Error, "The file holds nothing.";
    TooLarge = "too-large", Error, "The input exceeds a budget for size, depth or number of nodes.";
    Syntax = "syntax", Error, "The text is not well-formed YAML or JSON.";
    HiddenCharacter = "hidden-character", Error, "A control, bidirectional or invisible character stands in the file.";
    YamlFeature = "yaml-feature", Error, "Aliases, anchors, tags, merge keys and second documents are refused.";
    DuplicateKey = "duplicate-key", Error, "A mapping holds the same key twice.";
    AmbiguousScalar = "ambiguous-scalar", Error, "YAML 1.1 and 1.2 read this plain scalar differently; quote it.";
    ReadersDisagree = "readers-disagree", Error, "Two independent YAML readers see different values.";
    UnknownField = "unknown-field", Error, "The field is not one of those allowed here.";
    MissingField = "missing-field", Error, "A required field is missing.";
    WrongType = "wrong-type", Error, "The value is of another type than expected.";
    BadValue = "bad-value", Error, "The value is not one of those allowed here.";
    // The plan.
    PlanExpired = "plan-expired", Error, "The plan's expiry has passed; it is void.";
    UnsupportedVersion = "unsupported-version", Error, "The version of the file is not one this tool reads.";
    DuplicateId = "duplicate-id", Error, "An id stands for two things.";
    UnknownIdentity = "unknown-identity", Error, "The snapshot does not know this identity or group.";
    UnknownRole = "unknown-role", Error, "The snapshot does not know this role.";
    UnknownGroup = "unknown-group", Error, "The snapshot does not know this group.";
    UnknownResource = "unknown-resource", Error, "The snapshot does not know this resource.";
    UnknownAssignment = "unknown-assignment", Error, "The snapshot holds no such assignment.";
    UnknownPermission = "unknown-permission", Error, "The role holds no such permission or include.";
    UnknownTrust = "unknown-trust", Error, "The snapshot does not know this trust.";
    UnknownCredential = "unknown-credential", Error, "The snapshot does not know this credential.";
    UnknownAlert = "unknown-alert", Error, "The snapshot does not know this finding of the source system.";
    UnknownTask = "unknown-task", Warning, "tasks.yaml does not know this task.";
    UnknownProposer = "unknown-proposer", Error, "The snapshot or agents.yaml does not know the proposer.";
    UnknownSponsor = "unknown-sponsor", Error, "The snapshot does not know whom the proposer acts for.";
    AlreadyExists = "already-exists", Error, "The plan creates what the snapshot already holds.";
    AmbiguousAssignment = "ambiguous-assignment", Error, "Several assignments match; name one with `assignment:`.";
    Confusable = "confusable", Error, "A new id looks like an existing one.";
    SameObject = "same-object", Error, "Two changes of one plan concern the same object.";
    NamesDeleted = "names-deleted", Error, "A change names what another change of the plan deletes.";
    DependencyCycle = "dependency-cycle", Error, "Changes depend on one another in a circle.";
    SnapshotDiffers = "snapshot-differs", Note, "The plan was made from another snapshot.";
    ClaimContradicted = "claim-contradicted", Warning, "The plan claims what the snapshot contradicts.";
    ClaimUnchecked = "claim-unchecked", Note, "The snapshot cannot confirm a claim.";
    NoEffect = "no-effect", Note, "The change alters nothing in effective access.";
    // The snapshot and imports.
    DanglingReference = "dangling-reference", Warning, "Something names a thing that the snapshot does not hold.";
    NoTarget = "no-target", Warning, "The snapshot does not say which system it describes; decisions are bound to its source and to the log.";
    OtherTarget = "other-target", Warning, "A log or a snapshot is of another system than the one at hand.";
    SnapshotStale = "snapshot-stale", Warning, "The snapshot is older than `max_snapshot_age`.";
    SnapshotFuture = "snapshot-future", Error, "The snapshot claims to be from the future.";
    MembersUnknown = "members-unknown", Warning, "A group's members are not all known; counts say \"at least\".";
    AggregationDiffers = "aggregation-differs", Warning, "An aggregated role's exported rules differ from the roles its labels choose.";
    UnresolvedRole = "unresolved-role", Warning, "A binding names a role that the export does not hold.";
    CustomWorkloads = "custom-workloads", Note, "Custom resources create pods, and count as workloads.";
    NotImported = "not-imported", Note, "An object of a kind that this importer does not read.";
    // Effects.
    Unclassified = "unclassified", Note, "No rule and no label says how much harm something that a plan gives or takes can do.";
    EffectTooLarge = "effect-too-large", Warning, "An effect is too large to tell; whoever may gain counts as gaining everything.";
    SetsIncomplete = "sets-incomplete", Warning, "The search for responsible sets hit a cap.";
    RejectedBefore = "rejected-before", Warning, "The change resembles one that a person rejected.";
    EmergentAccess = "emergent-access", Warning, "Changes of the plan give together what none gives alone.";
    EscalationPath = "escalation-path", Warning, "A subject completes a known escalation path.";
    SodConflict = "sod-conflict", Warning, "A subject holds two entitlements that must be apart.";
    ChangeGives = "change-gives", Note, "What a change states or gives: every permission, include and condition.";
    TooMuchToApprove = "too-much-to-approve", Warning, "A change gives more privileged or unclassified access than a person can approve in one piece.";
    PlansOverlap = "plans-overlap", Warning, "Two open plans concern the same object.";
    PlanDeleted = "plan-deleted", Note, "The branch deletes a plan.";
    // Policy and configuration.
    PolicyDenied = "policy-denied", Error, "A policy denies the change.";
    PolicyAdvice = "policy-advice", Warning, "An advisory policy warns.";
    PolicyError = "policy-error", Error, "A policy failed to evaluate; that denies.";
    AdvisoryPolicyError = "advisory-policy-error", Warning, "An advisory policy failed to evaluate.";
    PlanDenied = "plan-denied", Error, "A policy denies the plan as a whole.";
    BadPolicy = "bad-policy", Error, "A policy file does not parse, validate or carry its annotations.";
    BadConfiguration = "bad-configuration", Error, "A configuration file is invalid.";
    NoClassification = "no-classification", Warning, "No classification rule is about the system of the snapshot.";
    TrustFileDiffers = "trust-file-differs", Warning, "A trust file differs from the upstream branch.";
    TrustFileTouched = "trust-file-touched", Warning, "The branch under review touches a trust file.";
    TrustFromPlanBranch = "trust-from-plan-branch", Warning, "The trust folder stands on the branch under review.";
    TrustFileLink = "trust-file-link", Error, "A trust file is a symbolic link.";
    // Signers and keys.
    BadSignersLine = "bad-signers-line", Error, "A line of allowed_signers cannot be read.";
    SignersWithoutNamespaces = "signers-without-namespaces", Warning, "A line of allowed_signers has no `namespaces=`.";
    SignersDateNotUtc = "signers-date-not-utc", Warning, "A date of allowed_signers lacks its `Z`.";
    SignersCarriageReturn = "signers-carriage-return", Warning, "Lines of allowed_signers end with CR LF.";
    BadRevocation = "bad-revocation", Error, "The list of revoked keys cannot be read, so no key is accepted.";
    UnsupportedKey = "unsupported-key", Warning, "A key of a kind that this tool does not verify.";
    SharedKey = "shared-key", Error, "One key stands for two persons.";
    WeakKey = "weak-key", Warning, "A key is shorter than recommended.";
    PersonWithoutKey = "person-without-key", Warning, "A person of people.yaml has no key in allowed_signers.";
    NobodysKey = "nobodys-key", Warning, "A line of allowed_signers stands for nobody in people.yaml.";
    RevokedKeyListed = "revoked-key-listed", Warning, "A key that was revoked stands in a trust file still.";
    AgentWithoutProof = "agent-without-proof", Warning, "An agent has no way to prove its plans, so they are denied.";
    EndlessCredential = "endless-credential", Warning, "An agent's key holds longer than a credential may, or without end.";
    NameOnlySubject = "name-only-subject", Warning, "A token's subject names a repository without its ids.";
    LongLivedAgent = "long-lived-agent", Warning, "An agent's credentials may last longer than a day.";
    CredentialEnded = "credential-ended", Warning, "An agent's key has ended.";
    MachineApprover = "machine-approver", Error, "A machine's key or identity stands among approvers.";
    NotAPerson = "not-a-person", Error, "An identity of a person is disabled or not human in the snapshot.";
    AgentOverbroad = "agent-overbroad", Warning, "An agent holds access beyond what agents.yaml says it may hold.";
    TaskWithoutOwner = "task-without-owner", Warning, "A task has no owner.";
    UnprovenProposer = "unproven-proposer", Error, "Nothing proves that the proposer wrote the plan.";
    BadProof = "bad-proof", Error, "The proof beside the plan does not show that its proposer wrote it.";
    ProofNoLonger = "proof-no-longer", Warning, "The proof beside the plan held when the plan was received, and holds no more.";
    // The log.
    LogSyntax = "log-syntax", Error, "A line of the log is not in canonical form.";
    LogBrokenChain = "log-broken-chain", Error, "A line's `prev` is not the hash of the line before.";
    LogBadSeal = "log-bad-seal", Error, "A seal does not match the lines it seals.";
    LogBadSignature = "log-bad-signature", Error, "A seal's signature does not verify.";
    LogUnknownSigner = "log-unknown-signer", Error, "A seal is signed by a key that allowed_signers does not allow.";
    LogTornTail = "log-torn-tail", Error, "The log ends in the middle of a session.";
    LogMissingParent = "log-missing-parent", Error, "A session names a parent that the log does not hold.";
    LogForeignSession = "log-foreign-session", Error, "A session belongs to another log.";
    LogRepeatedSession = "log-repeated-session", Note, "A session stands in the log twice, with the same bytes.";
    LogConflictingSession = "log-conflicting-session", Error, "Two different sessions carry one session id.";
    LogTimeBackwards = "log-time-backwards", Warning, "A session claims a time before the session it follows.";
    LogSecondRoot = "log-second-root", Warning, "A session follows none, and is not the only such: it says nothing of what was there before.";
    LogProposersRecord = "log-proposers-record", Warning, "A record is signed by a key that proves a proposer's plans: what it says does not count, but for approvals that its exports used up.";
    LogPersonsRecord = "log-persons-record", Warning, "One key signed both a record and a review: nothing that it recorded or approved counts.";
    LogRecordersUnchecked = "log-recorders-unchecked", Note, "Nobody said who is a person, so nobody knows whether a recorder is one.";
    LogLostHead = "log-lost-head", Error, "A head that was known before is not in the log.";
    LogFromPlanBranch = "log-from-plan-branch", Warning, "The log stands on the branch under review.";
    LogMissingBlob = "log-missing-blob", Error, "A line refers to a blob that no ancestor holds.";
    LogUnsupportedSignature = "log-unsupported-signature", Error, "A seal is signed with a kind of key that this tool does not verify.";
    LogMisplacedLine = "log-misplaced-line", Error, "A line stands where its kind may not.";
    LogBadBlob = "log-bad-blob", Error, "The parts of a long value do not make the value that they announce.";
    LogTimeFuture = "log-time-future", Warning, "A session claims a time in the future.";
    LogCounterBackwards = "log-counter-backwards", Warning, "A security key's counter does not grow; the key may have been copied.";
    LogBadProof = "log-bad-proof", Error, "The proof of a line does not hold.";
    LogTooManyFaults = "log-too-many-faults", Error, "The log holds more faults than are listed.";
    LogJournalLeft = "log-journal-left", Warning, "A session was begun and neither sealed nor given up.";
    // Decisions.
    ApprovalVoid = "approval-void", Warning, "An approval no longer holds because the effect changed.";
    ApprovalExpired = "approval-expired", Warning, "An approval is older than `approval_ttl`.";
    Undecided = "undecided", Warning, "A change still needs a decision.";
    PresenceUnproven = "presence-unproven", Note, "No touched security key shows that a person was there for an approval.";
    Rejected = "rejected", Error, "A person rejected the change.";
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Something wrong or notable about a file, a plan, a snapshot, a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind of thing it is.
    pub code: Code,
    /// How much it weighs.
    pub severity: Severity,
    /// What is wrong, one sentence, lower case, no full stop; may quote text from outside between backticks.
    pub message: Text,
    /// Where: exactly one place, or none where there is no file.
    pub place: Option<Place>,
    /// A way to fix it.
    pub help: Option<Text>,
}

impl Finding {
    /// A finding with the code's own severity.
    pub fn new(code: Code, message: impl Into<Text>) -> Self {
        Self { code, severity: code.severity(), message: message.into(), place: None, help: None }
    }

    /// Says where.
    #[must_use]
    pub fn at(mut self, place: &Place) -> Self {
        self.place = Some(place.clone());
        self
    }

    /// Says how to fix it.
    #[must_use]
    pub fn help(mut self, help: impl Into<Text>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Weighs it otherwise than its code does.
    #[must_use]
    pub fn weighing(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_kebab_case() {
        let mut names: Vec<_> = Code::ALL.iter().map(|c| c.name()).collect();
        names.sort_unstable();
        let before = names.len();
        names.dedup();
        assert_eq!(before, names.len());
        assert!(names.iter().all(|n| n.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')));
    }
}
