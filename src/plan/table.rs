//! Which fields a plan, each of its actions and each claim take: the one table.
//!
//! In: nothing. Out: data that the reader, the JSON Schema and the documentation share. Never holds a rule that only one
//! of them would keep; what a table cannot say (which mode wants an end) stands in `read` and `schema`, side by side.

use crate::input::form::{Case, Need, Rule, Shape, Variants};

const fn required(name: &'static str, shape: Shape, about: &'static str) -> Rule {
    Rule { name, shape, need: Need::Required, about }
}

const fn optional(name: &'static str, shape: Shape, about: &'static str) -> Rule {
    Rule { name, shape, need: Need::Optional, about }
}

const fn one_of(group: &'static str, name: &'static str, shape: Shape, about: &'static str) -> Rule {
    Rule { name, shape, need: Need::OneOf(group), about }
}

const fn at_most_one(group: &'static str, name: &'static str, shape: Shape, about: &'static str) -> Rule {
    Rule { name, shape, need: Need::AtMostOne(group), about }
}

const MODES: &[&str] = &["standing", "active", "eligible"];
const KINDS: &[&str] = &["human", "service_account", "workload", "agent", "device"];
const SENSITIVITIES: &[&str] = &["low", "moderate", "high", "critical"];

/// The longest list within a change: permissions, includes, kinds.
const MOST: usize = 1_000;

const TO: Rule = required("to", Shape::Id, "The identity or group that the assignment concerns.");
const ROLE_HELD: Rule = one_of("target", "role", Shape::Id, "The role that is assigned.");
const MEMBER_OF: Rule = one_of("target", "member_of", Shape::Id, "The group whose membership is assigned.");
const SCOPE: Rule =
    optional("scope", Shape::Id, "The resource below which the assignment holds; without it, everywhere.");
const ASSIGNMENT: Rule =
    optional("assignment", Shape::Id, "Narrows to one assignment of the snapshot, where several match.");
const TTL: Rule =
    at_most_one("lifetime", "ttl", Shape::Span, "How long, from the moment it is applied: `45m`, `4h`, `7d`.");
const UNTIL: Rule = at_most_one("lifetime", "until", Shape::Time, "When it ends.");
const ROLE: Rule = required("role", Shape::Id, "The role.");
const GROUP: Rule = required("group", Shape::Id, "The group.");
const IDENTITY: Rule = required("identity", Shape::Id, "The identity.");
const RESOURCE: Rule = required("resource", Shape::Id, "The resource.");
const TRUST: Rule = required("trust", Shape::Id, "The name of the trust.");
const CREDENTIAL: Rule = required("credential", Shape::Id, "The name of the credential.");
const OWNER: Rule = optional("owner", Shape::Id, "The identity that answers for it.");
const PERMISSION: Rule = required("permission", PERMISSION_SHAPE, "The permission.");
const SENSITIVITY: Rule =
    optional("sensitivity", Shape::Words(SENSITIVITIES), "Its label, which the classification can only raise.");

/// A permission.
pub(super) const PERMISSION_SHAPE: Shape = Shape::Mapping(
    "permission",
    &[
        required("action", Shape::Text, "The action pattern; `*` matches any run of characters."),
        required("resource", Shape::Text, "The resource pattern; `*` matches any run of characters."),
        optional("effect", Shape::Words(&["allow", "deny"]), "Gives or takes; without it, `allow`."),
        optional("condition", Shape::Text, "A condition of the source system, shown and never evaluated."),
        optional("except", Shape::List(&EXCEPT_SHAPE, 0, MOST), "What it leaves out of its patterns."),
    ],
);

const EXCEPT_SHAPE: Shape = Shape::Mapping(
    "exception",
    &[
        required("action", Shape::Text, "The action pattern left out."),
        required("resource", Shape::Text, "The resource pattern left out."),
    ],
);

const REQUIREMENT_SHAPE: Shape = Shape::Mapping(
    "requirement",
    &[
        required("action", Shape::Text, "The action pattern that must be held."),
        required("resource", Shape::Text, "The resource pattern that must be held."),
        optional("scope", Shape::Id, "The scope it must be held in; without it, any."),
    ],
);

const ROLE_DEFINITION: &[Rule] = &[
    ROLE,
    optional("includes", Shape::List(&Shape::Id, 0, MOST), "Roles whose permissions it has as well."),
    optional("permissions", Shape::List(&PERMISSION_SHAPE, 0, MOST), "Its own permissions."),
    OWNER,
    SENSITIVITY,
    optional(
        "kinds",
        Shape::List(&Shape::Words(KINDS), 0, MOST),
        "The kinds of identity it is meant for; without it, any.",
    ),
];

/// What an assistant may assert about a change.
pub const CLAIMS: &[Rule] = &[
    optional("last_used", Shape::Time, "When the assignment, identity or credential was last used."),
    optional("unused", Shape::Bool, "Whether it was never used."),
    optional("already_has", Shape::Bool, "Whether the subject already holds this access."),
    optional("no_new_access", Shape::Bool, "Whether the change gains nothing."),
    optional("privileged", Shape::Bool, "Whether the change is privileged."),
    optional("owner", Shape::Id, "Who answers for the identity, group, role or resource."),
    optional("members", Shape::Integer(0, 1_000_000_000), "How many members the group has."),
    optional("task_open", Shape::Bool, "Whether the task is open."),
    optional("approved_by", Shape::Text, "Who is said to have agreed elsewhere; can never be checked."),
    optional("ticket", Shape::Text, "A reference elsewhere; can never be checked."),
];

/// The fields of every change, whatever its action.
pub const COMMON: &[Rule] = &[
    required("id", Shape::Id, "The change's name within the plan."),
    required("reason", Shape::Text, "Why, in the assistant's words."),
    optional(
        "claims",
        Shape::Mapping("claims", CLAIMS),
        "What the assistant asserts; each claim is checked where it can be.",
    ),
];

const fn case(word: &'static str, about: &'static str, rules: &'static [Rule]) -> Case {
    Case { word, about, rules }
}

/// Every action with its own fields, in the order of the documentation.
pub const ACTIONS: &[Case] = &[
    case(
        "grant",
        "Gives an assignment.",
        &[
            TO,
            ROLE_HELD,
            MEMBER_OF,
            SCOPE,
            required(
                "mode",
                Shape::Words(MODES),
                "`standing` has no end, `active` holds until its end, `eligible` can be activated later.",
            ),
            TTL,
            UNTIL,
        ],
    ),
    case("revoke", "Takes an assignment.", &[TO, ROLE_HELD, MEMBER_OF, SCOPE, ASSIGNMENT]),
    case(
        "adjust",
        "Alters an assignment's mode or end.",
        &[
            TO,
            ROLE_HELD,
            MEMBER_OF,
            SCOPE,
            ASSIGNMENT,
            optional("mode", Shape::Words(MODES), "The mode wanted; without it, the mode stays."),
            TTL,
            UNTIL,
        ],
    ),
    case("create_role", "Makes a role.", ROLE_DEFINITION),
    case("delete_role", "Removes a role.", &[ROLE]),
    case("add_permission", "Adds a permission to a role.", &[ROLE, PERMISSION]),
    case("remove_permission", "Takes a permission from a role.", &[ROLE, PERMISSION]),
    case(
        "add_include",
        "Makes a role include another.",
        &[ROLE, required("include", Shape::Id, "The role whose permissions it shall have as well.")],
    ),
    case(
        "remove_include",
        "Undoes an include.",
        &[ROLE, required("include", Shape::Id, "The role whose permissions it shall no longer have.")],
    ),
    case("set_role", "Replaces a role's whole definition.", ROLE_DEFINITION),
    case("create_group", "Makes a group, empty; members come by `grant` with `member_of`.", &[GROUP, OWNER]),
    case("delete_group", "Removes a group.", &[GROUP]),
    case(
        "create_identity",
        "Makes an identity.",
        &[
            IDENTITY,
            required("kind", Shape::Words(KINDS), "What it is; all but `human` are non-human identities."),
            OWNER,
        ],
    ),
    case("disable_identity", "Disables an identity; it then holds nothing.", &[IDENTITY]),
    case("delete_identity", "Removes an identity.", &[IDENTITY]),
    case(
        "set_owner",
        "Makes an identity answer for something.",
        &[
            one_of("owned", "identity", Shape::Id, "The identity that is owned."),
            one_of("owned", "group", Shape::Id, "The group that is owned."),
            one_of("owned", "role", Shape::Id, "The role that is owned."),
            one_of("owned", "resource", Shape::Id, "The resource that is owned."),
            required("owner", Shape::Id, "The identity that shall answer for it."),
        ],
    ),
    case(
        "create_resource",
        "Makes a resource.",
        &[RESOURCE, optional("parent", Shape::Id, "The resource it lies in."), OWNER, SENSITIVITY],
    ),
    case("delete_resource", "Removes a resource.", &[RESOURCE]),
    case(
        "add_trust",
        "Lets one act as another.",
        &[
            TRUST,
            required("from", Shape::Id, "Who can act: an identity or group."),
            required("to", Shape::Id, "As whom: an identity or group."),
            required("via", Shape::Id, "How: `assume-role`, `impersonate`, …"),
            optional("requires", REQUIREMENT_SHAPE, "What must be held for it; without it, nothing more."),
        ],
    ),
    case("remove_trust", "Undoes a trust.", &[TRUST]),
    case(
        "issue_credential",
        "Issues a credential; whoever receives it can act as the identity.",
        &[
            CREDENTIAL,
            required("identity", Shape::Id, "Whose it is."),
            required("kind", Shape::Id, "`password`, `api_key`, `certificate`, `token`, …"),
            required("deliver_to", Shape::Id, "The identity or group that receives it."),
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
                Shape::Id,
                "The identity or group that receives the new one; without it, its owner.",
            ),
            TTL,
            UNTIL,
        ],
    ),
    case("revoke_credential", "Ends a credential.", &[CREDENTIAL]),
    case(
        "suppress_finding",
        "Silences an alert of the source system.",
        &[required("finding", Shape::Id, "The alert's id in the snapshot.")],
    ),
];

/// A change: its fields depend on its action.
pub static CHANGE: Variants =
    Variants { noun: "change", by: "action", about: "What the change does.", common: COMMON, cases: ACTIONS };

static CHANGE_SHAPE: Shape = Shape::Variants(&CHANGE);

/// The whole file.
pub static PLAN: &[Rule] = &[
    required("version", Shape::Integer(1, 1), "The version of this format: 1."),
    required("id", Shape::Id, "The plan's name."),
    required("proposer", Shape::Id, "The agent that wrote it."),
    optional("on_behalf_of", Shape::Id, "The person it says it acts for."),
    optional("task", Shape::Id, "The task it serves."),
    required("intent", Shape::Text, "What it is for, in the assistant's words."),
    optional("snapshot", Shape::Digest, "The digest of the snapshot it was made from."),
    required("expires", Shape::Time, "After this the plan is void."),
    required("changes", Shape::List(&CHANGE_SHAPE, 1, MAX_CHANGES), "Its steps."),
];

/// The most changes of one plan.
pub const MAX_CHANGES: usize = 1_000;
