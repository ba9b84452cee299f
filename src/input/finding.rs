//! Findings: problems and notes about the reviewed matter, such as a plan, a snapshot or a log.
//!
//! A finding is data with a stable code, a place and a help text. A failure of the tool itself is not a finding: it is
//! the error type of the module that failed.

use schemars::JsonSchema;
use serde::Serialize;

use super::place::Place;
use super::text::Text;

/// How severe a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// For information.
    Note,
    /// Check it before you decide.
    Warning,
    /// The review cannot pass.
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
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code as users see it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The default severity of the code. The module that reports the finding can override it.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// The meaning of the code, in one sentence.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $doc,)* }
            }
        }
    };
}

codes! {
    // Any file.
    CouldNotRun = "could-not-run", Error, "The tool failed, so it checked nothing.";
    Unreadable = "unreadable", Error, "The file cannot be read as text.";
    NotUtf8 = "not-utf8", Error, "The bytes are not UTF-8.";
    Empty = "empty", Error, "The file is empty.";
    TooLarge = "too-large", Error, "The input exceeds a budget for size, depth or number of nodes.";
    Syntax = "syntax", Error, "The text is not well-formed YAML or JSON.";
    HiddenCharacter = "hidden-character", Error, "The file contains a control, bidirectional or invisible character.";
    YamlFeature = "yaml-feature", Error, "Aliases, anchors, tags, merge keys and second documents are not allowed.";
    DuplicateKey = "duplicate-key", Error, "A mapping contains the same key twice.";
    AmbiguousScalar = "ambiguous-scalar", Error, "YAML 1.1 and 1.2 read this plain scalar differently; quote it.";
    ReadersDisagree = "readers-disagree", Error, "Two independent YAML readers see different values.";
    UnknownField = "unknown-field", Error, "The field is not allowed here.";
    MissingField = "missing-field", Error, "A required field is missing.";
    WrongType = "wrong-type", Error, "The value has the wrong type.";
    BadValue = "bad-value", Error, "The value is not allowed here.";
    // The plan.
    PlanExpired = "plan-expired", Error, "The plan has expired.";
    UnsupportedVersion = "unsupported-version", Error, "This tool does not support the version of the file.";
    DuplicateId = "duplicate-id", Error, "An id is used for two objects.";
    UnknownIdentity = "unknown-identity", Error, "The snapshot does not contain this identity or group.";
    UnknownRole = "unknown-role", Error, "The snapshot does not contain this role.";
    UnknownGroup = "unknown-group", Error, "The snapshot does not contain this group.";
    UnknownResource = "unknown-resource", Error, "The snapshot does not contain this resource.";
    UnknownAssignment = "unknown-assignment", Error, "The snapshot does not contain this assignment.";
    UnknownPermission = "unknown-permission", Error, "The role does not have this permission or include.";
    UnknownTrust = "unknown-trust", Error, "The snapshot does not contain this trust.";
    UnknownCredential = "unknown-credential", Error, "The snapshot does not contain this credential.";
    UnknownAlert = "unknown-alert", Error, "The snapshot does not contain this finding of the source system.";
    UnknownTask = "unknown-task", Warning, "tasks.yaml does not list this task.";
    UnknownProposer = "unknown-proposer", Error, "The snapshot or agents.yaml does not contain the proposer.";
    UnknownSponsor = "unknown-sponsor", Error, "The snapshot does not contain the sponsor that the proposer acts for.";
    AlreadyExists = "already-exists", Error, "The plan creates an object that the snapshot already contains.";
    AmbiguousAssignment = "ambiguous-assignment", Error, "Several assignments match; name one with `assignment:`.";
    Confusable = "confusable", Error, "A new id looks like an existing one.";
    IdCharacter = "id-character", Error, "A new id contains a character that identifiers do not use: blank, invisible, unassigned or for private use.";
    SameObject = "same-object", Error, "Two changes of one plan affect the same object.";
    NamesDeleted = "names-deleted", Error, "A change refers to an object that another change of the plan deletes.";
    DependencyCycle = "dependency-cycle", Error, "Changes depend on each other in a cycle.";
    SnapshotDiffers = "snapshot-differs", Note, "The plan was made from a different snapshot.";
    ClaimContradicted = "claim-contradicted", Warning, "The snapshot contradicts a claim of the plan.";
    ClaimUnchecked = "claim-unchecked", Note, "The snapshot cannot confirm a claim.";
    PlanCompletenessUnknown = "plan-completeness-unknown", Warning, "Nothing states that the plan has all changes of the one that it was made from.";
    PlanNotRead = "plan-not-read", Warning, "What the plan was made from does something that no change says.";
    UnknownValue = "unknown-value", Warning, "Part of a change is unknown until it is applied, and counts as anything.";
    OtherPlanFile = "other-plan-file", Error, "The plan was not made from this file.";
    NoEffect = "no-effect", Note, "The change does not alter effective permissions.";
    // The snapshot and imports.
    DanglingReference = "dangling-reference", Warning, "A reference names an object that the snapshot does not contain.";
    NoTarget = "no-target", Warning, "The snapshot does not name the system that it describes; decisions are bound to its source and to the log.";
    OtherTarget = "other-target", Warning, "A log or a snapshot belongs to a different system.";
    SnapshotStale = "snapshot-stale", Warning, "The snapshot is older than `max_snapshot_age`.";
    SnapshotFuture = "snapshot-future", Error, "The snapshot's time is in the future.";
    MembersUnknown = "members-unknown", Warning, "A group's members are not all known; counts say \"at least\".";
    AggregationDiffers = "aggregation-differs", Warning, "An aggregated role's exported rules differ from the roles its labels choose.";
    UnresolvedRole = "unresolved-role", Warning, "A binding names a role that the export does not contain.";
    CustomWorkloads = "custom-workloads", Note, "Custom resources create pods, and count as workloads.";
    PartsApart = "parts-apart", Warning, "The parts of a merged snapshot were exported more than a day apart.";
    SystemsLinked = "systems-linked", Note, "Identities of one part of a merged snapshot can act as identities of another.";
    UnresolvedLiteral = "unresolved-literal", Error, "A rule names an object that the merged snapshot does not contain, so it never applies.";
    UnknownExport = "unknown-export", Error, "No importer recognises the file.";
    NotImported = "not-imported", Note, "The importer does not read objects of this kind.";
    // Effects.
    Unclassified = "unclassified", Note, "No rule and no label classifies something that a plan gives or takes.";
    EffectTooLarge = "effect-too-large", Warning, "An effect is too large to analyse; every subject that may gain access counts as gaining all access.";
    SetsIncomplete = "sets-incomplete", Warning, "The search for the sets of responsible changes reached its limit.";
    RejectedBefore = "rejected-before", Warning, "The change resembles one that a person rejected.";
    EmergentAccess = "emergent-access", Warning, "Changes of the plan together give access that none of them gives alone.";
    EscalationPath = "escalation-path", Warning, "The plan opens a known escalation path for a subject.";
    SodConflict = "sod-conflict", Warning, "A subject has two entitlements that form a toxic combination.";
    ChangeGives = "change-gives", Note, "Lists every permission, include and condition that a change states or gives.";
    TooMuchToApprove = "too-much-to-approve", Warning, "A change gives more privileged or unclassified access than a person can approve in one piece.";
    MassRemoval = "mass-removal", Warning, "The plan removes much access: from most holders of an entitlement, from its last privileged holder, all of an identity, or from an approver.";
    PlansOverlap = "plans-overlap", Warning, "Two open plans affect the same object.";
    PlanDeleted = "plan-deleted", Note, "The branch deletes a plan.";
    // Policy and configuration.
    PolicyDenied = "policy-denied", Error, "A policy denies the change.";
    PolicyAdvice = "policy-advice", Warning, "An advisory policy warns.";
    PolicyError = "policy-error", Error, "A policy failed to evaluate, which counts as a denial.";
    AdvisoryPolicyError = "advisory-policy-error", Warning, "An advisory policy failed to evaluate.";
    PlanDenied = "plan-denied", Error, "A policy denies the whole plan.";
    BadPolicy = "bad-policy", Error, "A policy file does not parse, validate or carry its annotations.";
    BadConfiguration = "bad-configuration", Error, "A configuration file is invalid.";
    NoClassification = "no-classification", Warning, "No classification rule applies to the snapshot's source system.";
    TrustFileDiffers = "trust-file-differs", Warning, "A trust file differs from the upstream branch.";
    TrustFileTouched = "trust-file-touched", Warning, "The branch under review changes a trust file.";
    TrustFromPlanBranch = "trust-from-plan-branch", Warning, "The trust folder is on the branch under review.";
    TrustFileLink = "trust-file-link", Error, "A trust file is a symbolic link.";
    // Signers and keys.
    BadSignersLine = "bad-signers-line", Error, "A line of allowed_signers cannot be read.";
    SignersWithoutNamespaces = "signers-without-namespaces", Warning, "A line of allowed_signers has no `namespaces=`.";
    SignersDateNotUtc = "signers-date-not-utc", Warning, "A date of allowed_signers lacks its `Z`.";
    SignersCarriageReturn = "signers-carriage-return", Warning, "Lines of allowed_signers end with CR LF.";
    BadRevocation = "bad-revocation", Error, "The list of revoked keys cannot be read, so no key is accepted.";
    UnsupportedKey = "unsupported-key", Warning, "This tool does not verify keys of this kind.";
    SharedKey = "shared-key", Error, "One key belongs to two persons.";
    WeakKey = "weak-key", Warning, "A key is shorter than recommended.";
    PersonWithoutKey = "person-without-key", Warning, "A person of people.yaml has no key in allowed_signers.";
    NobodysKey = "nobodys-key", Warning, "A line of allowed_signers belongs to no person in people.yaml.";
    RevokedKeyListed = "revoked-key-listed", Warning, "agents.yaml still lists a revoked key.";
    AgentWithoutProof = "agent-without-proof", Warning, "An agent has no way to prove its plans, so they are denied.";
    EndlessCredential = "endless-credential", Warning, "An agent's key has no expiry, or lasts longer than a credential may.";
    NameOnlySubject = "name-only-subject", Warning, "A token's subject names a repository without its ids.";
    LongLivedAgent = "long-lived-agent", Warning, "An agent's credentials may last longer than a day.";
    CredentialEnded = "credential-ended", Warning, "An agent's key has expired.";
    MachineApprover = "machine-approver", Error, "A machine's key or identity is listed as an approver.";
    NotAPerson = "not-a-person", Error, "An identity of a person is disabled or not human in the snapshot.";
    AgentOverbroad = "agent-overbroad", Warning, "An agent has more access than agents.yaml allows.";
    TaskWithoutOwner = "task-without-owner", Warning, "A task has no owner.";
    UnprovenProposer = "unproven-proposer", Error, "Nothing proves that the proposer wrote the plan.";
    BadProof = "bad-proof", Error, "The proof next to the plan does not prove that its proposer wrote it.";
    ProofNoLonger = "proof-no-longer", Warning, "The proof next to the plan was valid when the plan was received, but is not valid now.";
    // The log.
    LogSyntax = "log-syntax", Error, "A line of the log is not in canonical form.";
    LogBrokenChain = "log-broken-chain", Error, "A line's `prev` is not the hash of the previous line.";
    LogBadSeal = "log-bad-seal", Error, "A seal does not match the lines it seals.";
    LogBadSignature = "log-bad-signature", Error, "A seal's signature does not verify.";
    LogUnknownSigner = "log-unknown-signer", Error, "A seal is signed by a key that allowed_signers does not allow.";
    LogRevokedKey = "log-revoked-key", Warning, "A revoked key signed sessions that do not count.";
    LogTornTail = "log-torn-tail", Error, "The log ends in the middle of a session.";
    LogMissingParent = "log-missing-parent", Error, "A session names a parent that the log does not contain.";
    LogForeignSession = "log-foreign-session", Error, "A session belongs to another log.";
    LogRepeatedSession = "log-repeated-session", Note, "The log contains a session twice, with the same bytes.";
    LogConflictingSession = "log-conflicting-session", Error, "Two different sessions have the same session id.";
    LogTimeBackwards = "log-time-backwards", Warning, "A session claims an earlier time than the session it follows.";
    LogSecondRoot = "log-second-root", Warning, "The log has several root sessions; a root session proves nothing about earlier entries.";
    LogProposersRecord = "log-proposers-record", Warning, "A proposer's key signed a record. The record does not count, except that its exports use up approvals.";
    LogPersonsRecord = "log-persons-record", Warning, "One key signed both a record and a review. Its records and approvals do not count.";
    LogRecordersUnchecked = "log-recorders-unchecked", Note, "No people.yaml was given, so recorders are not checked against persons.";
    LogLostHead = "log-lost-head", Error, "A previously known head is missing from the log.";
    LogFromPlanBranch = "log-from-plan-branch", Warning, "The log is on the branch under review.";
    LogMissingBlob = "log-missing-blob", Error, "A line refers to a blob that no ancestor contains.";
    LogUnsupportedSignature = "log-unsupported-signature", Error, "A seal is signed with a kind of key that this tool does not verify.";
    LogOtherPerson = "log-other-person", Error, "A session names a person other than its signer.";
    LogMisplacedLine = "log-misplaced-line", Error, "A line of this kind is not allowed at its position.";
    LogBadBlob = "log-bad-blob", Error, "The parts of a long value do not match its announced digest.";
    LogTimeFuture = "log-time-future", Warning, "A session claims a time in the future.";
    LogCounterBackwards = "log-counter-backwards", Warning, "A security key's counter does not grow; the key may have been copied.";
    LogBadProof = "log-bad-proof", Error, "The proof of a line is not valid.";
    LogReplayDiffers = "log-replay-differs", Error, "A recorded evaluation does not follow from the recorded policies and requests.";
    LogNotReplayed = "log-not-replayed", Warning, "A recorded evaluation could not be decided again.";
    LogTooManyFaults = "log-too-many-faults", Error, "The log has more faults than are listed.";
    LogJournalLeft = "log-journal-left", Warning, "A session was started, but neither sealed nor discarded.";
    // Decisions.
    ApprovalVoid = "approval-void", Warning, "An approval is no longer valid because the effect changed.";
    ApprovalKeyEnded = "approval-key-ended", Warning, "An approval or override is signed with a key that has expired since.";
    ApprovalExpired = "approval-expired", Warning, "An approval is older than `approval_ttl`.";
    NobodyCanApprove = "nobody-can-approve", Warning, "Too few people of people.yaml can take the steps that a change needs.";
    Undecided = "undecided", Warning, "A change still needs a decision.";
    PresenceUnproven = "presence-unproven", Note, "No touched security key proves that a person was present for an approval.";
    Rejected = "rejected", Error, "A person rejected the change.";
    FreezeInForce = "freeze-in-force", Warning, "A person froze an agent, a task, a plan or everything.";
    Frozen = "frozen", Error, "A freeze stops the change.";
    // After the decision.
    AlreadyExported = "already-exported", Error, "The change was exported before, so its approvals are used up.";
    NotExpressible = "not-expressible", Error, "The executor's system cannot express a change exactly as it was approved.";
    BeyondApproved = "beyond-approved", Error, "A later snapshot shows access that nobody approved.";
    NotApplied = "not-applied", Warning, "A later snapshot does not show a change that was exported, or only a part of it.";
    NotRestored = "not-restored", Warning, "The inverse of a plan does not restore everything.";
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A problem or note about a file, a plan, a snapshot or a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The code.
    pub code: Code,
    /// How severe it is.
    pub severity: Severity,
    /// What is wrong: one phrase, lower case, no full stop. May quote outside text between backticks.
    pub message: Text,
    /// Where it is, or `None` if it does not concern a file.
    pub place: Option<Place>,
    /// How to fix it.
    pub help: Option<Text>,
    /// The limits that are exceeded.
    pub limits: Vec<ExceededLimit>,
}

/// A limit and the value that exceeds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Limit")]
pub struct ExceededLimit {
    /// What is limited: `ttl`, `scope`, `on_behalf_of`, ….
    pub what: Text,
    /// Its value.
    pub value: Text,
    /// The limit.
    pub limit: Text,
    /// The setting of the limit, if there is one: `max_ttl`, ….
    pub name: Option<Text>,
    /// Where the limit comes from: a file, a policy, or the tool's default.
    pub source: Text,
}

impl ExceededLimit {
    /// Limits as text, one line per limit: "`ttl` is `8h`, the limit is `4h` (`max_ttl`, default)". Of the values that exceed the
    /// same limit, names at most three.
    #[must_use]
    pub fn in_words(limits: &[Self]) -> Vec<String> {
        let is_same =
            |a: &Self, b: &Self| (&a.what, &a.limit, &a.name, &a.source) == (&b.what, &b.limit, &b.name, &b.source);
        let mut grouped: Vec<(&Self, Vec<&Text>)> = Vec::new();
        for limit in limits {
            match grouped.iter_mut().find(|(known, _)| is_same(known, limit)) {
                Some((_, values)) => values.push(&limit.value),
                None => grouped.push((limit, vec![&limit.value])),
            }
        }
        grouped.iter().map(|(limit, values)| limit.of_values(values)).collect()
    }

    fn of_values(&self, values: &[&Text]) -> String {
        const NAMED: usize = 3;
        let name = self.name.as_ref().map_or_else(String::new, |name| format!("`{}`, ", name.raw()));
        let named: Vec<String> = values.iter().take(NAMED).map(|value| format!("`{}`", value.raw())).collect();
        // The list of values is itself limited, so the number of the others is not known here.
        let others = if values.len() > NAMED { " and others" } else { "" };
        let (what, limit, source) = (self.what.raw(), self.limit.raw(), self.source.raw());
        format!("`{what}` is {}{others}, the limit is `{limit}` ({name}{source})", named.join(", "))
    }
}

impl Finding {
    /// A finding with the default severity of its code.
    pub fn new(code: Code, message: impl Into<Text>) -> Self {
        Self { code, severity: code.severity(), message: message.into(), place: None, help: None, limits: Vec::new() }
    }

    /// Sets the place.
    #[must_use]
    pub fn at(mut self, place: &Place) -> Self {
        self.place = Some(place.clone());
        self
    }

    /// Sets the help text.
    #[must_use]
    pub fn help(mut self, help: impl Into<Text>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds the limits that are exceeded.
    #[must_use]
    pub fn exceeding(mut self, limits: impl IntoIterator<Item = ExceededLimit>) -> Self {
        self.limits.extend(limits);
        self
    }

    /// Overrides the severity.
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

    #[test]
    fn values_that_exceed_one_limit_share_a_line_that_names_three_of_them() {
        let limit = |what: &str, value: &str| ExceededLimit {
            what: what.into(),
            value: value.into(),
            limit: "x".into(),
            name: None,
            source: "tasks.yaml".into(),
        };
        let scopes: Vec<ExceededLimit> = ["a", "b", "c", "d"].map(|value| limit("scope", value)).into();
        let all = [&scopes[..1], &[limit("ttl", "9h")], &scopes[1..]].concat();
        assert_eq!(
            ExceededLimit::in_words(&all),
            [
                "`scope` is `a`, `b`, `c` and others, the limit is `x` (tasks.yaml)",
                "`ttl` is `9h`, the limit is `x` (tasks.yaml)"
            ]
        );
        assert_eq!(ExceededLimit::in_words(&scopes[..3]), ["`scope` is `a`, `b`, `c`, the limit is `x` (tasks.yaml)"]);
    }
}
