//! AWS: users, groups, roles, policies, attachments, policies of resources, and assignments of Identity Center.
//!
//! The resources become what `aws iam get-account-authorization-details` writes, and policies of resources. An entity that a
//! resource only names is an entry without content on both sides. A policy that is unknown allows everything.
//!
//! Source: Terraform registry, provider `hashicorp/aws`, resources `aws_iam_*` and `aws_*_policy`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::input::id::{GroupId, RoleId};
use crate::input::text::Text;
use crate::snapshot::rebase::Exclusive;

use super::aws_resources::{self, resource_policy};
use super::provider::{Assignable, Assignee, Context, Outline, Provider, State};
use super::values::{Side, UNKNOWN};

const TYPES: &[&str] = &[
    "aws_iam_role",
    "aws_iam_user",
    "aws_iam_group",
    "aws_iam_policy",
    "aws_iam_role_policy",
    "aws_iam_user_policy",
    "aws_iam_group_policy",
    "aws_iam_role_policy_attachment",
    "aws_iam_user_policy_attachment",
    "aws_iam_group_policy_attachment",
    "aws_iam_policy_attachment",
    "aws_iam_role_policy_attachments_exclusive",
    "aws_iam_user_policy_attachments_exclusive",
    "aws_iam_group_policy_attachments_exclusive",
    "aws_iam_role_policies_exclusive",
    "aws_iam_user_policies_exclusive",
    "aws_iam_group_policies_exclusive",
    "aws_iam_user_group_membership",
    "aws_iam_group_membership",
    "aws_iam_instance_profile",
    "aws_ssoadmin_account_assignment",
];

/// The account of which nothing tells the number.
pub(super) const NO_ACCOUNT: &str = "000000000000";

/// The provider of AWS.
pub(super) struct AwsResources;

impl Provider for AwsResources {
    fn system(&self) -> &'static str {
        "aws"
    }

    fn reads(&self, kind: &str) -> bool {
        TYPES.contains(&kind) || aws_resources::reads(kind)
    }

    fn state(&self, context: &Context) -> Box<dyn State> {
        Box::new(Account {
            number: context.target.clone().unwrap_or_else(|| NO_ACCOUNT.to_owned()),
            subjects: context.ids.clone(),
            entities: BTreeMap::new(),
            policies: Vec::new(),
            resources: Vec::new(),
        })
    }
}

/// A user, group or role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    User,
    Group,
    Role,
}

impl Kind {
    /// The kind that a resource type or the name of an attribute begins with.
    fn of(word: &str) -> Self {
        match word {
            "user" => Self::User,
            "group" => Self::Group,
            _ => Self::Role,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Role => "role",
        }
    }
}

#[derive(Default)]
struct Entity {
    arn: Option<String>,
    trust: Option<Value>,
    boundary: Option<String>,
    inline: Vec<Value>,
    attached: Vec<String>,
    groups: Vec<String>,
    profiles: Vec<String>,
}

struct Account {
    number: String,
    subjects: Vec<String>,
    entities: BTreeMap<(Kind, String), Entity>,
    policies: Vec<Value>,
    resources: Vec<Value>,
}

impl State for Account {
    fn add(&mut self, side: &Side<'_>, outline: &mut Outline) {
        let rest = side.kind().strip_prefix("aws_iam_").unwrap_or_default();
        let of = |end: &str| rest.strip_suffix(end).filter(|it| matches!(*it, "user" | "group" | "role")).map(Kind::of);
        if let "user" | "group" | "role" = rest {
            self.entity(side, Kind::of(rest), outline);
        } else if let Some(kind) = of("_policy") {
            self.inline(side, kind, outline);
        } else if let Some(kind) = of("_policy_attachment") {
            let policy = side.required("policy_arn");
            self.attach(kind, &side.required(kind.word()), &policy, outline);
        } else if let Some(kind) = of("_policy_attachments_exclusive") {
            let name = side.required(&format!("{}_name", kind.word()));
            let policies = side.texts("policy_arns");
            self.exclusive(kind, &name, "arn:", policies.known, outline);
            for policy in policies.list {
                self.attach(kind, &name, &policy, outline);
            }
        } else if let Some(kind) = of("_policies_exclusive") {
            let name = side.required(&format!("{}_name", kind.word()));
            let arn = self.arn(kind, &name);
            outline.name([arn.as_str()]);
            outline.not_read.push(format!("{}: it removes inline policies of `{arn}`", side.address()));
        } else {
            self.other(side, rest, outline);
        }
    }

    fn documents(self: Box<Self>) -> Vec<Value> {
        let mut lists: BTreeMap<Kind, Vec<Value>> = BTreeMap::new();
        for ((kind, name), entity) in &self.entities {
            let arn = entity.arn.clone().unwrap_or_else(|| self.arn(*kind, name));
            lists.entry(*kind).or_default().push(detail(*kind, name, &arn, entity));
        }
        let mut of = |kind: Kind| lists.remove(&kind).unwrap_or_default();
        let account = json!({
            "UserDetailList": of(Kind::User), "GroupDetailList": of(Kind::Group), "RoleDetailList": of(Kind::Role),
            "Policies": self.policies
        });
        let is_empty = self.entities.is_empty() && self.policies.is_empty();
        std::iter::once(account).filter(|_| !is_empty).chain(self.resources).collect()
    }
}

impl Account {
    /// The ARN of an entity: as the resources state it, else as the snapshot has it, else without a path.
    fn arn(&self, kind: Kind, name: &str) -> String {
        if name.starts_with("arn:") {
            return name.to_owned();
        }
        if let Some(arn) = self.entities.get(&(kind, name.to_owned())).and_then(|it| it.arn.clone()) {
            return arn;
        }
        let start = format!(":iam::{}:{}/", self.number, kind.word());
        let is_it = |id: &&String| id.split_once(&start).is_some_and(|(_, path)| path.rsplit('/').next() == Some(name));
        let known = self.subjects.iter().find(is_it).cloned();
        known.unwrap_or_else(|| format!("arn:aws:iam::{}:{}/{name}", self.number, kind.word()))
    }

    fn of(&mut self, kind: Kind, name: &str) -> &mut Entity {
        let name = name.rsplit('/').next().filter(|_| name.starts_with("arn:")).unwrap_or(name);
        self.entities.entry((kind, name.to_owned())).or_default()
    }

    fn path(&self, side: &Side<'_>, kind: &str, name: &str) -> String {
        let path = side.text("path").unwrap_or_else(|| "/".to_owned());
        side.known("arn").unwrap_or_else(|| format!("arn:aws:iam::{}:{kind}{path}{name}", self.number))
    }

    fn entity(&mut self, side: &Side<'_>, kind: Kind, outline: &mut Outline) {
        let name = side.known("name").unwrap_or_else(|| side.required("name"));
        let arn = self.path(side, kind.word(), &name);
        outline.own(&arn);
        let boundary = side.text("permissions_boundary");
        if let Some(boundary) = &boundary {
            outline.not_read.push(format!("{}: the boundary `{boundary}` of `{arn}`", side.address()));
        }
        let trust = (kind == Kind::Role).then(|| side.document("assume_role_policy", anybody_assumes));
        let mut inline = Vec::new();
        let is_open = |inline: &mut Vec<Value>| {
            let called = side.placeholder("inline_policy");
            if !side.is_past() {
                inline.push(json!({"PolicyName": called, "PolicyDocument": everything()}));
            }
        };
        let blocks = if side.has("inline_policy") { side.blocks("inline_policy") } else { Some(Vec::new()) };
        if blocks.is_none() {
            outline.name([format!("inline:{arn}:{}", side.placeholder("inline_policy")).as_str()]);
            is_open(&mut inline);
        }
        for block in blocks.into_iter().flatten() {
            let (Ok(called), Ok(policy)) = (block.text("name"), block.text("policy")) else {
                is_open(&mut inline);
                continue;
            };
            let Some(policy) = policy else { continue };
            let document: Value = serde_json::from_str(policy).unwrap_or_else(|_| everything());
            let called = called.unwrap_or("unnamed");
            outline.own(&format!("inline:{arn}:{called}"));
            inline.push(json!({"PolicyName": called, "PolicyDocument": document}));
        }
        let mut attached = Vec::new();
        if side.has("managed_policy_arns") {
            let policies = side.texts("managed_policy_arns");
            outline.name(policies.list.iter().map(String::as_str));
            if policies.known {
                outline.exclusive.push(Exclusive::Roles(Text::from(arn.as_str()), "arn:".to_owned()));
            }
            attached = policies.list;
        }
        let entity = self.of(kind, &name);
        entity.arn = Some(arn);
        entity.trust = trust;
        entity.boundary = boundary.filter(|it| !it.contains(UNKNOWN));
        entity.inline.extend(inline);
        entity.attached.extend(attached);
    }

    fn inline(&mut self, side: &Side<'_>, kind: Kind, outline: &mut Outline) {
        let of = side.required(kind.word());
        let name = side.required("name");
        let arn = self.arn(kind, &of);
        outline.own(&format!("inline:{arn}:{name}"));
        outline.name([arn.as_str()]);
        let document = side.document("policy", everything);
        self.of(kind, &of).inline.push(json!({"PolicyName": name, "PolicyDocument": document}));
    }

    fn attach(&mut self, kind: Kind, of: &str, policy: &str, outline: &mut Outline) {
        let arn = self.arn(kind, of);
        outline.name([arn.as_str(), policy]);
        if policy.contains(UNKNOWN) {
            self.managed(policy, &everything());
        }
        self.of(kind, of).attached.push(policy.to_owned());
    }

    fn exclusive(&self, kind: Kind, name: &str, prefix: &str, known: bool, outline: &mut Outline) {
        let arn = self.arn(kind, name);
        if known && !arn.contains(UNKNOWN) {
            outline.exclusive.push(Exclusive::Roles(Text::from(arn.as_str()), prefix.to_owned()));
        }
    }

    fn managed(&mut self, arn: &str, document: &Value) {
        self.policies.push(json!({
            "Arn": arn, "DefaultVersionId": "v1",
            "PolicyVersionList": [{"VersionId": "v1", "IsDefaultVersion": true, "Document": document}]
        }));
    }

    fn other(&mut self, side: &Side<'_>, rest: &str, outline: &mut Outline) {
        match rest {
            "policy" => {
                let name = side.required("name");
                let arn = self.path(side, "policy", &name);
                outline.own(&arn);
                let document = side.document("policy", everything);
                self.managed(&arn, &document);
            }
            "policy_attachment" => {
                let policy = side.required("policy_arn");
                if !policy.contains(UNKNOWN) {
                    outline.exclusive.push(Exclusive::Holders(RoleId::new(policy.as_str())));
                }
                for (list, kind) in [("users", Kind::User), ("groups", Kind::Group), ("roles", Kind::Role)] {
                    for name in side.texts(list).list {
                        self.attach(kind, &name, &policy, outline);
                    }
                }
            }
            "user_group_membership" => {
                let user = side.required("user");
                let arn = self.arn(Kind::User, &user);
                outline.name([arn.as_str()]);
                for group in side.texts("groups").list {
                    self.join(&user, &group, outline);
                }
            }
            "group_membership" => {
                let group = side.required("group");
                let users = side.texts("users");
                let arn = self.arn(Kind::Group, &group);
                outline.name([arn.as_str()]);
                if users.known && !arn.contains(UNKNOWN) {
                    outline.exclusive.push(Exclusive::Members(GroupId::new(arn.as_str())));
                }
                self.of(Kind::Group, &group);
                for user in users.list {
                    let arn = self.arn(Kind::User, &user);
                    outline.name([arn.as_str()]);
                    self.join(&user, &group, outline);
                }
            }
            "instance_profile" => self.profile(side, outline),
            _ if side.kind() == "aws_ssoadmin_account_assignment" => assignment(side, outline),
            _ => {
                let found = resource_policy(side, &self.number, outline);
                self.resources.extend(found);
            }
        }
    }

    fn join(&mut self, user: &str, group: &str, outline: &mut Outline) {
        let arn = self.arn(Kind::Group, group);
        outline.name([arn.as_str()]);
        self.of(Kind::Group, group);
        self.of(Kind::User, user).groups.push(group.to_owned());
    }

    fn profile(&mut self, side: &Side<'_>, outline: &mut Outline) {
        let name = side.required("name");
        let arn = self.path(side, "instance-profile", &name);
        outline.own(&arn);
        if let Some(role) = side.text("role") {
            let role_arn = self.arn(Kind::Role, &role);
            outline.name([role_arn.as_str()]);
            self.of(Kind::Role, &role).profiles.push(arn);
        }
    }
}

fn detail(kind: Kind, name: &str, arn: &str, entity: &Entity) -> Value {
    let attached: Vec<Value> = entity.attached.iter().map(|it| json!({"PolicyArn": it, "PolicyName": it})).collect();
    let mut out = match kind {
        Kind::User => json!({"UserName": name, "UserPolicyList": entity.inline, "GroupList": entity.groups}),
        Kind::Group => json!({"GroupName": name, "GroupPolicyList": entity.inline}),
        Kind::Role => {
            let profiles: Vec<Value> = entity.profiles.iter().map(|it| json!({"Arn": it})).collect();
            json!({"RoleName": name, "RolePolicyList": entity.inline, "InstanceProfileList": profiles})
        }
    };
    if let Some(map) = out.as_object_mut() {
        map.insert("Arn".to_owned(), json!(arn));
        map.insert("AttachedManagedPolicies".to_owned(), Value::Array(attached));
        if let Some(trust) = &entity.trust {
            map.insert("AssumeRolePolicyDocument".to_owned(), trust.clone());
        }
        if let Some(boundary) = &entity.boundary {
            map.insert("PermissionsBoundary".to_owned(), json!({"PermissionsBoundaryArn": boundary}));
        }
    }
    out
}

/// An assignment of a permission set. What a permission set gives is not in an export.
fn assignment(side: &Side<'_>, outline: &mut Outline) {
    let is_group = side.text("principal_type").as_deref() == Some("GROUP");
    let principal = side.required("principal_id");
    let who = if is_group {
        Assignee::group(format!("sso:group/{principal}"))
    } else {
        Assignee::person(format!("sso:user/{principal}"))
    };
    let scope = format!("account:{}", side.required("target_id"));
    outline.assign(who, Assignable::Role(side.required("permission_set_arn")), Some(&scope));
}

/// The policy that an unknown one may be.
pub(super) fn everything() -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
}

/// The trust policy that an unknown one may be.
fn anybody_assumes() -> Value {
    let actions = ["sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"];
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": actions}]})
}
