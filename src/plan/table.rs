//! The fields of a plan, of each action and of each claim.
//!
//! The reader, the JSON Schema and the documentation share this table. Rules that a table cannot express (for example
//! which mode needs an expiry) are in both `read` and `schema`.

use crate::input::form::{FieldRule, Need, ValueShape, VariantCase, Variants};

const fn required(name: &'static str, shape: ValueShape, about: &'static str) -> FieldRule {
    FieldRule { name, shape, need: Need::Required, about }
}

const fn optional(name: &'static str, shape: ValueShape, about: &'static str) -> FieldRule {
    FieldRule { name, shape, need: Need::Optional, about }
}

const fn one_of(group: &'static str, name: &'static str, shape: ValueShape, about: &'static str) -> FieldRule {
    FieldRule { name, shape, need: Need::OneOf(group), about }
}

const fn at_most_one(group: &'static str, name: &'static str, shape: ValueShape, about: &'static str) -> FieldRule {
    FieldRule { name, shape, need: Need::AtMostOne(group), about }
}

const MODES: &[&str] = &["standing", "active", "eligible"];
const KINDS: &[&str] = &["human", "service_account", "workload", "agent", "device"];
const NEW_KINDS: &[&str] = &["human", "service_account", "workload", "agent", "device", "public"];
const SENSITIVITIES: &[&str] = &["low", "moderate", "high", "critical"];

/// The maximum length of a list in a change: permissions, includes, kinds.
const MOST: usize = 1_000;

const TO: FieldRule = required("to", ValueShape::Id, "The identity or group of the assignment.");
const ROLE_HELD: FieldRule = one_of("target", "role", ValueShape::Id, "The role that is assigned.");
const MEMBER_OF: FieldRule = one_of("target", "member_of", ValueShape::Id, "The group whose membership is assigned.");
const SCOPE: FieldRule =
    optional("scope", ValueShape::Id, "The scope: a resource and everything below it. Default: everywhere.");
const ASSIGNMENT: FieldRule =
    optional("assignment", ValueShape::Id, "Selects one assignment of the snapshot if several match.");
const TTL: FieldRule =
    at_most_one("lifetime", "ttl", ValueShape::Span, "The lifetime, from the time it is applied: `45m`, `4h`, `7d`.");
const UNTIL: FieldRule = at_most_one("lifetime", "until", ValueShape::Time, "When it expires.");
const ROLE: FieldRule = required("role", ValueShape::Id, "The role.");
const GROUP: FieldRule = required("group", ValueShape::Id, "The group.");
const IDENTITY: FieldRule = required("identity", ValueShape::Id, "The identity.");
const RESOURCE: FieldRule = required("resource", ValueShape::Id, "The resource.");
const TRUST: FieldRule = required("trust", ValueShape::Id, "The id of the trust.");
const CREDENTIAL: FieldRule = required("credential", ValueShape::Id, "The id of the credential.");
const OWNER: FieldRule = optional("owner", ValueShape::Id, "The identity that owns it.");
const PERMISSION: FieldRule = required("permission", PERMISSION_SHAPE, "The permission.");
const SENSITIVITY: FieldRule = optional(
    "sensitivity",
    ValueShape::Words(SENSITIVITIES),
    "Its sensitivity label. The classification can raise it, but not lower it.",
);

/// A permission.
pub(super) const PERMISSION_SHAPE: ValueShape = ValueShape::Mapping(
    "permission",
    &[
        required("action", ValueShape::Text, "The action pattern; `*` matches any characters."),
        required("resource", ValueShape::Text, "The resource pattern; `*` matches any characters."),
        optional("effect", ValueShape::Words(&["allow", "deny"]), "Whether it allows or denies. Default: `allow`."),
        optional("condition", ValueShape::Text, "A condition of the source system. It is shown, but not evaluated."),
        optional("except", ValueShape::List(&EXCEPT_SHAPE, 0, MOST), "Exceptions from its patterns."),
    ],
);

const EXCEPT_SHAPE: ValueShape = ValueShape::Mapping(
    "exception",
    &[
        required("action", ValueShape::Text, "The action pattern of the exception."),
        required("resource", ValueShape::Text, "The resource pattern of the exception."),
    ],
);

const REQUIREMENT_SHAPE: ValueShape = ValueShape::Mapping(
    "requirement",
    &[
        required("action", ValueShape::Text, "The action pattern of the required permission."),
        required("resource", ValueShape::Text, "The resource pattern of the required permission."),
        optional("scope", ValueShape::Id, "The scope of the required permission. Default: any."),
    ],
);

const ROLE_DEFINITION: &[FieldRule] = &[
    ROLE,
    optional("includes", ValueShape::List(&ValueShape::Id, 0, MOST), "Roles that it includes."),
    optional("permissions", ValueShape::List(&PERMISSION_SHAPE, 0, MOST), "Its own permissions."),
    OWNER,
    SENSITIVITY,
    optional(
        "kinds",
        ValueShape::List(&ValueShape::Words(KINDS), 0, MOST),
        "The kinds of identity that it is intended for. Default: any.",
    ),
    optional(
        "by_resource",
        ValueShape::Bool,
        "Whether it comes from a resource policy, so that some limits of its subjects do not apply to it.",
    ),
];

/// What a plan was made from.
const MADE_FROM: &[FieldRule] = &[
    required("tool", ValueShape::Words(&["terraform", "snapshot"]), "A plan of Terraform, or a later snapshot."),
    required(
        "source",
        ValueShape::Digest,
        "The digest of what the changes were computed from: Terraform's plan in JSON, or the later snapshot.",
    ),
    optional("file", ValueShape::Digest, "The digest of the plan file that Terraform applies."),
    required("complete", ValueShape::Bool, "Whether the changes are known to be all. If not, no change is automatic."),
    optional(
        "not_read",
        ValueShape::List(&ValueShape::Text, 0, MOST),
        "What it does that no change says. If it is not empty, no change is automatic.",
    ),
];

/// The claims that an assistant may make about a change.
pub const CLAIMS: &[FieldRule] = &[
    optional("last_used", ValueShape::Time, "When the assignment, identity or credential was last used."),
    optional("unused", ValueShape::Bool, "Whether it was never used."),
    optional("already_has", ValueShape::Bool, "Whether the subject already has this access."),
    optional("no_new_access", ValueShape::Bool, "Whether the change gives no new access."),
    optional("privileged", ValueShape::Bool, "Whether the change is privileged."),
    optional("owner", ValueShape::Id, "The owner of the identity, group, role or resource."),
    optional("members", ValueShape::Integer(0, 1_000_000_000), "How many members the group has."),
    optional("task_open", ValueShape::Bool, "Whether the task is open."),
    optional("approved_by", ValueShape::Text, "A person who is said to have agreed elsewhere. It cannot be checked."),
    optional("ticket", ValueShape::Text, "An external reference. It cannot be checked."),
];

/// The fields of every change.
pub const COMMON: &[FieldRule] = &[
    required("id", ValueShape::Id, "The change's id in the plan."),
    required("reason", ValueShape::Text, "The reason, in the assistant's words."),
    optional(
        "claims",
        ValueShape::Mapping("claims", CLAIMS),
        "The assistant's claims about the change. Each one is checked if possible.",
    ),
    optional("origin", ValueShape::Text, "Its place in the plan that it was made from: a Terraform address."),
    optional(
        "unknown",
        ValueShape::List(&ValueShape::Text, 0, MOST),
        "What was unknown when it was written. Such a change is never automatic.",
    ),
];

const fn case(word: &'static str, about: &'static str, rules: &'static [FieldRule]) -> VariantCase {
    VariantCase { word, about, rules }
}

/// Every action with its own fields, in the order of the documentation.
pub const ACTIONS: &[VariantCase] = &[
    case(
        "grant",
        "Adds an assignment.",
        &[
            TO,
            ROLE_HELD,
            MEMBER_OF,
            SCOPE,
            required(
                "mode",
                ValueShape::Words(MODES),
                "`standing` has no expiry, `active` is in force until its expiry, `eligible` can be activated later.",
            ),
            TTL,
            UNTIL,
        ],
    ),
    case("revoke", "Removes an assignment.", &[TO, ROLE_HELD, MEMBER_OF, SCOPE, ASSIGNMENT]),
    case(
        "adjust",
        "Changes an assignment's mode or lifetime.",
        &[
            TO,
            ROLE_HELD,
            MEMBER_OF,
            SCOPE,
            ASSIGNMENT,
            optional("mode", ValueShape::Words(MODES), "The new mode. Default: the current mode."),
            TTL,
            UNTIL,
        ],
    ),
    case("create_role", "Creates a role.", ROLE_DEFINITION),
    case("delete_role", "Deletes a role.", &[ROLE]),
    case("add_permission", "Adds a permission to a role.", &[ROLE, PERMISSION]),
    case("remove_permission", "Removes a permission from a role.", &[ROLE, PERMISSION]),
    case(
        "add_include",
        "Makes a role include another.",
        &[ROLE, required("include", ValueShape::Id, "The role to include.")],
    ),
    case(
        "remove_include",
        "Removes an include.",
        &[ROLE, required("include", ValueShape::Id, "The role that it no longer includes.")],
    ),
    case("set_role", "Replaces a role's whole definition.", ROLE_DEFINITION),
    case(
        "create_group",
        "Creates a group. Members are added by `grant` with `member_of`.",
        &[
            GROUP,
            OWNER,
            optional(
                "members",
                ValueShape::Words(&["known", "partial", "unknown", "everybody"]),
                "What is known about its members. `known`: those that the plan adds. `everybody` includes anonymous callers. Default: `known`.",
            ),
            optional(
                "implicit",
                ValueShape::List(&ValueShape::Id, 0, MOST),
                "Patterns of identity ids that belong to it by a rule of the source system.",
            ),
        ],
    ),
    case("delete_group", "Deletes a group.", &[GROUP]),
    case(
        "create_identity",
        "Creates an identity.",
        &[
            IDENTITY,
            required(
                "kind",
                ValueShape::Words(NEW_KINDS),
                "The kind of identity. All kinds except `human` are non-human identities. `public`: anonymous or arbitrary callers.",
            ),
            OWNER,
        ],
    ),
    case("disable_identity", "Disables an identity. It then has no access.", &[IDENTITY]),
    case("delete_identity", "Deletes an identity.", &[IDENTITY]),
    case(
        "set_owner",
        "Sets the owner of an object.",
        &[
            one_of("owned", "identity", ValueShape::Id, "The identity that is owned."),
            one_of("owned", "group", ValueShape::Id, "The group that is owned."),
            one_of("owned", "role", ValueShape::Id, "The role that is owned."),
            one_of("owned", "resource", ValueShape::Id, "The resource that is owned."),
            required("owner", ValueShape::Id, "The new owner."),
        ],
    ),
    case(
        "create_resource",
        "Creates a resource.",
        &[RESOURCE, optional("parent", ValueShape::Id, "The parent resource."), OWNER, SENSITIVITY],
    ),
    case("delete_resource", "Deletes a resource.", &[RESOURCE]),
    case(
        "add_trust",
        "Lets one subject act as another.",
        &[
            TRUST,
            required("from", ValueShape::Id, "The identity or group that can act."),
            required("to", ValueShape::Id, "The identity or group that it can act as."),
            required("via", ValueShape::Id, "How: `assume-role`, `impersonate`, …"),
            optional("requires", REQUIREMENT_SHAPE, "The permission that `from` must have. Default: none."),
            optional(
                "condition",
                ValueShape::Text,
                "A condition of the source system. It is shown, but not evaluated.",
            ),
        ],
    ),
    case("remove_trust", "Removes a trust.", &[TRUST]),
    case(
        "issue_credential",
        "Issues a credential. The recipient can act as the identity.",
        &[
            CREDENTIAL,
            required("identity", ValueShape::Id, "The identity of the credential."),
            required("kind", ValueShape::Id, "`password`, `api_key`, `certificate`, `token`, …"),
            required("deliver_to", ValueShape::Id, "The identity or group that receives it."),
            TTL,
            UNTIL,
        ],
    ),
    case(
        "rotate_credential",
        "Replaces a credential.",
        &[
            CREDENTIAL,
            optional(
                "deliver_to",
                ValueShape::Id,
                "The identity or group that receives the new one. Default: its owner.",
            ),
            TTL,
            UNTIL,
        ],
    ),
    case("revoke_credential", "Revokes a credential.", &[CREDENTIAL]),
    case(
        "suppress_finding",
        "Suppresses an alert of the source system.",
        &[required("finding", ValueShape::Id, "The alert's id in the snapshot.")],
    ),
];

/// A change. Its fields depend on its action.
pub static CHANGE: Variants =
    Variants { noun: "change", by: "action", about: "What the change does.", common: COMMON, cases: ACTIONS };

static CHANGE_SHAPE: ValueShape = ValueShape::Variants(&CHANGE);

/// The whole file.
pub static PLAN: &[FieldRule] = &[
    required("version", ValueShape::Integer(1, 1), "The version of this format: 1."),
    required("id", ValueShape::Id, "The plan's id."),
    required("proposer", ValueShape::Id, "The agent that wrote it."),
    optional("on_behalf_of", ValueShape::Id, "The person for whom it claims to act."),
    optional("task", ValueShape::Id, "Its task."),
    required("intent", ValueShape::Text, "Its purpose, in the assistant's words."),
    optional("snapshot", ValueShape::Digest, "The digest of the snapshot it was made from."),
    required("expires", ValueShape::Time, "When the plan expires."),
    optional(
        "made_from",
        ValueShape::Mapping("made_from", MADE_FROM),
        "What it was made from. `review plan import` and `review plan from-diff` write it.",
    ),
    required("changes", ValueShape::List(&CHANGE_SHAPE, 1, MAX_CHANGES), "Its changes."),
];

/// The maximum number of changes in a plan.
pub const MAX_CHANGES: usize = 1_000;
