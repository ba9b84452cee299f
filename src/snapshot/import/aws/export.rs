//! Files become the entities of accounts, organisations and resources.
//!
//! In: the trees of files. Out: users, groups, roles, managed policies, policies of resources, organisations; findings for
//! what is missing. A document that is none of these is refused, never guessed at.
//!
//! Source: AWS, IAM API reference, `GetAccountAuthorizationDetails`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::input::finding::{Code, Finding, Severity};
use crate::input::text::Text;
use crate::input::time::Time;
use crate::snapshot::import::notes::Spot;
use crate::snapshot::tree::{self, Node, Value};

use super::organisation::Organisations;
use super::policy::Statement;
use super::reading::{Here, Reading};

/// What an entity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    User,
    Group,
    Role,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Role => "role",
        }
    }
}

/// A user, group or role.
#[derive(Clone, Debug)]
pub(super) struct Entity {
    pub kind: Kind,
    pub arn: Arc<str>,
    pub name: Arc<str>,
    pub labels: BTreeMap<String, Text>,
    pub inline: Vec<(Arc<str>, Vec<Statement>)>,
    pub attached: Vec<Arc<str>>,
    pub boundary: Option<Arc<str>>,
    /// Of a user: the names of its groups.
    pub groups: Vec<Arc<str>>,
    /// Of a role: its trust policy.
    pub trust: Vec<Statement>,
    /// Of a role: the ARNs of its instance profiles.
    pub profiles: Vec<Arc<str>>,
    pub last_used: Option<Time>,
    pub spot: Spot,
}

/// The policy of a resource.
#[derive(Clone, Debug)]
pub(super) struct ResourcePolicy {
    pub resource: Arc<str>,
    pub account: Option<Arc<str>>,
    pub spot: Spot,
    pub statements: Vec<Statement>,
}

/// All that files hold.
#[derive(Debug, Default)]
pub(super) struct Export {
    pub entities: Vec<Entity>,
    /// Managed policies: the statements of their default versions.
    pub policies: BTreeMap<Arc<str>, Vec<Statement>>,
    pub resources: Vec<ResourcePolicy>,
    pub organisations: Organisations,
}

const LISTS: [(&str, Kind); 3] =
    [("UserDetailList", Kind::User), ("GroupDetailList", Kind::Group), ("RoleDetailList", Kind::Role)];

impl Export {
    /// Reads one document.
    pub fn document(&mut self, file: usize, document: &tree::Document, reading: &mut Reading<'_>) {
        let node = &document.tree;
        let spot = Spot { file, line: node.line, column: node.column, start: document.start, path: Vec::new() };
        self.any(&Here { node, spot }, reading);
    }

    fn any(&mut self, here: &Here<'_>, reading: &mut Reading<'_>) {
        let has = |key: &str| here.node.get(key).is_some();
        match &here.node.value {
            Value::List(_) => here.each().iter().for_each(|item| self.any(item, reading)),
            Value::Map(_) if LISTS.iter().any(|(key, _)| has(key)) || (has("Policies") && !has("Children")) => {
                self.account(here, reading);
            }
            Value::Map(_) if has("Resource") && has("Policy") => self.resource(here, reading),
            Value::Map(_) if has("Children") || has("PolicyTypes") => self.organisations.read(here, reading),
            Value::Null => {}
            Value::Map(_) if has("Policy") || has("Statement") => {
                let message = "this is the policy of a resource, without the resource";
                let help =
                    "write `{\"Resource\": \"ARN\", \"Account\": \"NUMBER OF THE OWNER\", \"Policy\": …}` around it";
                reading.notes.at(Finding::new(Code::WrongType, message).help(help), &here.spot);
            }
            Value::Map(_) | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {
                let message = "this is neither an account's authorization details, nor policies of resources, nor an organisation";
                reading.notes.at(
                    Finding::new(Code::WrongType, message)
                        .help("pass the output of `aws iam get-account-authorization-details`"),
                    &here.spot,
                );
            }
        }
    }

    fn account(&mut self, here: &Here<'_>, reading: &mut Reading<'_>) {
        let truncated = here.node.get("IsTruncated").is_some_and(|t| t.value == Value::Bool(true));
        if truncated || here.node.get("NextToken").is_some() {
            let finding = Finding::new(Code::BadValue, "this is one page of a longer export")
                .weighing(Severity::Error)
                .help("export it again without `--max-items`; the command then fetches every page");
            reading.notes.at(finding, &here.spot);
        }
        for (key, kind) in LISTS {
            for item in here.list(key) {
                self.entities.extend(entity(kind, &item, reading));
            }
        }
        for item in here.list("Policies") {
            self.managed(&item, reading);
        }
    }

    fn managed(&mut self, here: &Here<'_>, reading: &mut Reading<'_>) {
        let Some(arn) = here.text("Arn") else {
            missing(here, "Arn", "a managed policy", reading);
            return;
        };
        let of = format!("the policy `{arn}`");
        let chosen = here.text("DefaultVersionId");
        let mut default = None;
        for version in here.list("PolicyVersionList") {
            let flagged = version.node.get("IsDefaultVersion").is_some_and(|d| d.value == Value::Bool(true));
            let named = chosen.is_some() && version.text("VersionId") == chosen;
            let statements = version.get("Document").map(|d| reading.document(&d, &of)).unwrap_or_default();
            if flagged || (named && default.is_none()) {
                default = Some(statements);
            }
        }
        let Some(statements) = default else {
            let message = format!("{of} shows no default version; what it gives is unknown");
            reading.notes.at(
                Finding::new(Code::MissingField, message)
                    .weighing(Severity::Error)
                    .help("export it again: the details hold the document of every default version"),
                &here.spot,
            );
            return;
        };
        self.policies.insert(arn, statements);
    }

    fn resource(&mut self, here: &Here<'_>, reading: &mut Reading<'_>) {
        let (Some(resource), Some(policy)) = (here.text("Resource"), here.get("Policy")) else {
            missing(here, "Resource", "a resource's policy", reading);
            return;
        };
        let account = here.text("Account").or_else(|| super::principal::account_of(&resource).map(Into::into));
        let statements = reading.document(&policy, &format!("the policy of `{resource}`"));
        self.resources.push(ResourcePolicy { resource, account, spot: here.spot.clone(), statements });
    }
}

fn entity(kind: Kind, here: &Here<'_>, reading: &mut Reading<'_>) -> Option<Entity> {
    let (name_key, inline_key) = match kind {
        Kind::User => ("UserName", "UserPolicyList"),
        Kind::Group => ("GroupName", "GroupPolicyList"),
        Kind::Role => ("RoleName", "RolePolicyList"),
    };
    let Some(arn) = here.text("Arn").filter(|arn| super::principal::account_of(arn).is_some()) else {
        missing(here, "Arn", &format!("a {}", kind.name()), reading);
        return None;
    };
    let name = here.text(name_key).or_else(|| arn.rsplit('/').next().map(Into::into)).unwrap_or_default();
    let of = format!("{} `{arn}`", kind.name());
    let mut inline = Vec::new();
    for policy in here.list(inline_key) {
        let called = policy.text("PolicyName").unwrap_or_else(|| "unnamed".into());
        let statements = policy.get("PolicyDocument").map(|d| reading.document(&d, &of)).unwrap_or_default();
        inline.push((called, statements));
    }
    let attached = here.list("AttachedManagedPolicies").iter().filter_map(|p| p.text("PolicyArn")).collect();
    let boundary = here.get("PermissionsBoundary").and_then(|b| b.text("PermissionsBoundaryArn"));
    let mut groups = Vec::new();
    if let Some(list) = here.get("GroupList") {
        groups = reading.strings(&list, "GroupList", &of);
    }
    let trust =
        here.get("AssumeRolePolicyDocument").map(|d| reading.document(&d, &format!("the trust policy of {of}")));
    let profiles = here.list("InstanceProfileList").iter().filter_map(|p| p.text("Arn")).collect();
    let used = here.get("RoleLastUsed").and_then(|u| u.text("LastUsedDate")).or_else(|| here.text("PasswordLastUsed"));
    Some(Entity {
        kind,
        labels: labels(here),
        inline,
        attached,
        boundary,
        groups,
        trust: trust.unwrap_or_default(),
        profiles,
        last_used: used.as_deref().and_then(time),
        spot: here.spot.clone(),
        arn,
        name,
    })
}

fn labels(here: &Here<'_>) -> BTreeMap<String, Text> {
    let tag = |t: Here<'_>| Some((t.text("Key")?.to_string(), Text::new(t.text("Value")?)));
    let mut out: BTreeMap<String, Text> = here.list("Tags").into_iter().filter_map(tag).collect();
    let ids = ["UserId", "RoleId"].iter().find_map(|key| here.text(key));
    out.extend(ids.map(|id| ("aws:userid".to_owned(), Text::new(id))));
    out
}

/// A time as the command writes it: with `Z`, an offset, or a blank for the `T`.
pub(super) fn time(text: &str) -> Option<Time> {
    let text = text.replacen(' ', "T", 1);
    Time::parse(&text).or_else(|| Time::parse(text.strip_suffix("+00:00").map(|t| format!("{t}Z")).as_deref()?))
}

fn missing(here: &Here<'_>, field: &str, what: &str, reading: &mut Reading<'_>) {
    let finding = Finding::new(Code::MissingField, format!("{what} has no `{field}` that names it"))
        .weighing(Severity::Error)
        .help("export it again");
    reading.notes.at(finding, &here.spot);
}

/// Whether a file may be an export at all: its tree is a mapping or a list.
pub(super) fn is_export(node: &Node) -> bool {
    matches!(node.value, Value::Map(_) | Value::List(_))
}
