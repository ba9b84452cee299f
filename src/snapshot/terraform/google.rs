//! Google Cloud: members, bindings and policies of any resource, custom roles, service accounts and groups.
//!
//! `google_X_iam_member` adds one member, `google_X_iam_binding` decides on all members of a role on the resource, and
//! `google_X_iam_policy` on all roles. Each becomes the policy of the resource as Cloud Asset Inventory writes it.
//!
//! Source: Terraform registry, provider `hashicorp/google`, "IAM policy for …"; Google Cloud, "Cloud Asset Inventory: asset
//! names".

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::snapshot::rebase::Exclusive;

use super::provider::{Context, Outline, Provider, State, marker};
use super::values::{Side, UNKNOWN};

/// A kind of resource that has a policy: its name in resource types, and the parts of its full name. `{x}` is an attribute,
/// `{project}` and the like may be the constant of the provider.
const RESOURCES: &[(&str, &str)] = &[
    ("project", "//cloudresourcemanager.googleapis.com/projects/{project}"),
    ("folder", "//cloudresourcemanager.googleapis.com/folders/{folder}"),
    ("organization", "//cloudresourcemanager.googleapis.com/organizations/{org_id}"),
    ("billing_account", "//cloudbilling.googleapis.com/billingAccounts/{billing_account_id}"),
    ("service_account", "//iam.googleapis.com/{service_account_id}"),
    ("storage_bucket", "//storage.googleapis.com/{bucket}"),
    ("storage_managed_folder", "//storage.googleapis.com/{bucket}/managedFolders/{managed_folder}"),
    ("pubsub_topic", "//pubsub.googleapis.com/projects/{project}/topics/{topic}"),
    ("pubsub_subscription", "//pubsub.googleapis.com/projects/{project}/subscriptions/{subscription}"),
    ("pubsub_schema", "//pubsub.googleapis.com/projects/{project}/schemas/{schema}"),
    ("bigquery_dataset", "//bigquery.googleapis.com/projects/{project}/datasets/{dataset_id}"),
    ("bigquery_table", "//bigquery.googleapis.com/projects/{project}/datasets/{dataset_id}/tables/{table_id}"),
    ("cloud_run_service", "//run.googleapis.com/projects/{project}/locations/{location}/services/{service}"),
    ("cloud_run_v2_service", "//run.googleapis.com/projects/{project}/locations/{location}/services/{name}"),
    ("cloud_run_v2_job", "//run.googleapis.com/projects/{project}/locations/{location}/jobs/{name}"),
    (
        "cloudfunctions_function",
        "//cloudfunctions.googleapis.com/projects/{project}/locations/{region}/functions/{cloud_function}",
    ),
    (
        "cloudfunctions2_function",
        "//cloudfunctions.googleapis.com/projects/{project}/locations/{location}/functions/{cloud_function}",
    ),
    ("compute_instance", "//compute.googleapis.com/projects/{project}/zones/{zone}/instances/{instance_name}"),
    ("compute_disk", "//compute.googleapis.com/projects/{project}/zones/{zone}/disks/{name}"),
    ("compute_image", "//compute.googleapis.com/projects/{project}/global/images/{image}"),
    ("compute_subnetwork", "//compute.googleapis.com/projects/{project}/regions/{region}/subnetworks/{subnetwork}"),
    ("kms_key_ring", "//cloudkms.googleapis.com/{key_ring_id}"),
    ("kms_crypto_key", "//cloudkms.googleapis.com/{crypto_key_id}"),
    ("secret_manager_secret", "//secretmanager.googleapis.com/projects/{project}/secrets/{secret_id}"),
    ("spanner_instance", "//spanner.googleapis.com/projects/{project}/instances/{instance}"),
    ("spanner_database", "//spanner.googleapis.com/projects/{project}/instances/{instance}/databases/{database}"),
    (
        "artifact_registry_repository",
        "//artifactregistry.googleapis.com/projects/{project}/locations/{location}/repositories/{repository}",
    ),
    ("bigtable_instance", "//bigtable.googleapis.com/projects/{project}/instances/{instance}"),
    ("dataproc_cluster", "//dataproc.googleapis.com/projects/{project}/regions/{region}/clusters/{cluster}"),
    ("sourcerepo_repository", "//sourcerepo.googleapis.com/projects/{project}/repos/{repository}"),
];

/// How a resource decides on the policy.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Grip {
    Member,
    Binding,
    Policy,
}

/// The kind of resource and the grip of a resource type.
fn policy_of(kind: &str) -> Option<(&'static str, Grip)> {
    let rest = kind.strip_prefix("google_")?;
    let (name, grip) = [("_iam_member", Grip::Member), ("_iam_binding", Grip::Binding), ("_iam_policy", Grip::Policy)]
        .into_iter()
        .find_map(|(end, grip)| Some((rest.strip_suffix(end)?, grip)))?;
    let (_, template) = RESOURCES.iter().find(|(known, _)| *known == name)?;
    Some((template, grip))
}

const OTHERS: &[&str] = &[
    "google_project_iam_custom_role",
    "google_organization_iam_custom_role",
    "google_service_account",
    "google_project_iam_member_remove",
    "google_cloud_identity_group_membership",
];

/// The provider of Google Cloud.
pub(super) struct GoogleResources;

impl Provider for GoogleResources {
    fn system(&self) -> &'static str {
        "gcp"
    }

    fn reads(&self, kind: &str) -> bool {
        policy_of(kind).is_some() || OTHERS.contains(&kind)
    }

    fn state(&self, _: &Context) -> Box<dyn State> {
        Box::<Policies>::default()
    }
}

/// The policies of resources, by their full names, and other objects.
#[derive(Default)]
struct Policies {
    bindings: BTreeMap<String, Vec<Value>>,
    members: BTreeMap<String, Vec<Value>>,
    objects: Vec<Value>,
}

impl State for Policies {
    fn add(&mut self, side: &Side<'_>, outline: &mut Outline) {
        if let Some((template, grip)) = policy_of(side.kind()) {
            let name = full_name(template, side);
            let scope = name.strip_prefix("//cloudresourcemanager.googleapis.com/").unwrap_or(&name).to_owned();
            outline.name([scope.as_str()]);
            match grip {
                Grip::Member => self.member(side, &name, outline),
                Grip::Binding => self.binding(side, &name, outline),
                Grip::Policy => self.policy(side, &name, outline),
            }
            return;
        }
        match side.kind() {
            "google_service_account" => self.account(side, outline),
            "google_cloud_identity_group_membership" => membership(side, outline),
            "google_project_iam_member_remove" => {
                let (role, member) = (side.required("role"), side.required("member"));
                outline.not_read.push(format!("{}: it removes `{member}` from `{role}`", side.address()));
            }
            _ => self.custom_role(side, outline),
        }
    }

    fn documents(self: Box<Self>) -> Vec<Value> {
        let policies = self
            .bindings
            .into_iter()
            .map(|(name, bindings)| json!({"resource": name, "policy": {"bindings": bindings}}));
        let groups = self.members.into_iter().map(|(group, members)| json!({"group": group, "memberships": members}));
        policies.chain(groups).chain(self.objects).collect()
    }
}

impl Policies {
    fn bind(&mut self, name: &str, role: &str, members: &[String], condition: Option<&Value>) {
        let mut binding = Map::from_iter([("role".to_owned(), json!(role)), ("members".to_owned(), json!(members))]);
        if let Some(condition) = condition {
            binding.insert("condition".to_owned(), condition.clone());
        }
        self.bindings.entry(name.to_owned()).or_default().push(Value::Object(binding));
    }

    fn member(&mut self, side: &Side<'_>, name: &str, outline: &mut Outline) {
        let (role, member) = (side.required("role"), subject(side.required("member")));
        outline.name([role.as_str(), member.as_str()]);
        self.bind(name, &role, &[member], condition(side).as_ref());
    }

    fn binding(&mut self, side: &Side<'_>, name: &str, outline: &mut Outline) {
        let (role, members) = (side.required("role"), side.texts("members"));
        let mut list: Vec<String> = members.list.into_iter().map(subject).collect();
        outline.name(std::iter::once(role.as_str()).chain(list.iter().map(String::as_str)));
        // Of unknown members, those that are there may stay.
        if members.known && !name.contains(UNKNOWN) && !role.contains(UNKNOWN) {
            let marker = marker(side.address());
            list.push(marker.clone());
            outline.exclusive.push(Exclusive::Marked { marker, whole_scope: false });
        }
        self.bind(name, &role, &list, condition(side).as_ref());
    }

    fn policy(&mut self, side: &Side<'_>, name: &str, outline: &mut Outline) {
        let Some(policy) = side.json("policy_data") else {
            // Anybody may get any role.
            let what = side.placeholder("policy_data");
            if side.is_past() {
                return;
            }
            outline.name([what.as_str()]);
            self.bind(name, &what, &[subject(what.clone())], None);
            return;
        };
        for binding in policy.get("bindings").and_then(Value::as_array).into_iter().flatten() {
            let role =
                binding.get("role").and_then(Value::as_str).map_or_else(|| side.placeholder("role"), str::to_owned);
            let members = binding.get("members").and_then(Value::as_array).into_iter().flatten();
            let members: Vec<String> = members.filter_map(|it| it.as_str().map(str::to_owned)).collect();
            outline.name(std::iter::once(role.as_str()).chain(members.iter().map(String::as_str)));
            self.bind(name, &role, &members, binding.get("condition").filter(|it| it.is_object()));
        }
        if !name.contains(UNKNOWN) {
            let marker = marker(side.address());
            self.bind(name, &marker, std::slice::from_ref(&marker), None);
            outline.exclusive.push(Exclusive::Marked { marker, whole_scope: true });
        }
    }

    fn account(&mut self, side: &Side<'_>, outline: &mut Outline) {
        let project = side.required_or_default("project");
        let email = side.known("email").unwrap_or_else(|| {
            let account = side.required("account_id");
            format!("{account}@{project}.iam.gserviceaccount.com")
        });
        outline.own(&format!("serviceAccount:{email}"));
        outline.own(&format!("//iam.googleapis.com/projects/-/serviceAccounts/{email}"));
        let mut object = json!({"email": email, "uniqueId": side.known("unique_id").unwrap_or_else(|| email.clone())});
        if let Some(map) = object.as_object_mut() {
            map.insert("name".to_owned(), json!(format!("projects/{project}/serviceAccounts/{email}")));
            map.insert("projectId".to_owned(), json!(project));
            if side.takes("disabled") {
                map.insert("disabled".to_owned(), json!(true));
            }
        }
        self.objects.push(object);
    }

    fn custom_role(&mut self, side: &Side<'_>, outline: &mut Outline) {
        let (kind, argument) = if side.kind() == "google_organization_iam_custom_role" {
            ("organizations", side.required("org_id"))
        } else {
            ("projects", side.required_or_default("project"))
        };
        let id = side.known("name").unwrap_or_else(|| format!("{kind}/{argument}/roles/{}", side.required("role_id")));
        let permissions = side.texts("permissions");
        let given = permissions.list.into_iter().filter(|it| !(side.is_past() && it.starts_with(UNKNOWN)));
        let permissions: Vec<String> =
            given.map(|it| if it.starts_with(UNKNOWN) { "*".to_owned() } else { it }).collect();
        outline.own(&id);
        let title = side.known("title").unwrap_or_default();
        let deleted = side.takes("deleted");
        self.objects.push(json!({
            "name": id, "title": title, "stage": "GA", "etag": "", "includedPermissions": permissions, "deleted": deleted
        }));
    }
}

/// A member of a group. The API knows a group by a number, and policies by its address.
fn membership(side: &Side<'_>, outline: &mut Outline) {
    let group = side.required("group");
    outline.not_read.push(format!("{}: it adds a member to the group `{group}`", side.address()));
}

/// A member. One that is unknown may be anybody.
fn subject(member: String) -> String {
    if member.starts_with(UNKNOWN) { format!("principalSet://{member}") } else { member }
}

/// The condition of a member or a binding.
fn condition(side: &Side<'_>) -> Option<Value> {
    let blocks = side.blocks("condition").unwrap_or_default();
    let block = blocks.first()?;
    let expression = block.text("expression").map_or_else(
        |()| {
            side.placeholder("condition");
            // WHY: an unknown condition may always hold.
            None
        },
        |it| it.map(str::to_owned),
    )?;
    Some(json!({"expression": expression, "title": block.text("title").ok().flatten().unwrap_or_default()}))
}

/// The full name of a resource, from the template of its kind.
fn full_name(template: &str, side: &Side<'_>) -> String {
    let (mut out, mut rest) = (String::new(), template);
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        let value = match name {
            "project" | "region" | "zone" => side.required_or_default(name),
            _ => side.required(name),
        };
        out.push_str(before);
        if value.starts_with("//") {
            out = value;
        } else {
            join(&mut out, name, &value, side);
        }
        rest = after;
    }
    out + rest
}

/// Adds the value of an attribute, which may be a short name or a path.
fn join(out: &mut String, name: &str, value: &str, side: &Side<'_>) {
    match name {
        "key_ring_id" | "crypto_key_id" => out.push_str(&key_path(name, value, side)),
        "service_account_id" => out.push_str(value),
        // A value may repeat the path before it: `projects/P/topics/T`, `folders/1`, `b/BUCKET`.
        _ => {
            let parts: Vec<&str> = value.split('/').collect();
            let own = parts.last().copied().unwrap_or(value);
            let root = out.match_indices('/').nth(2).map_or(out.len(), |(at, _)| at.saturating_add(1));
            if value.starts_with("projects/") && parts.len() > 2 {
                out.truncate(root);
                out.push_str(value);
            } else if name == "bucket" || parts.len() > 1 && !value.starts_with(UNKNOWN) {
                out.push_str(own);
            } else {
                out.push_str(value);
            }
        }
    }
}

/// The path of a key or a key ring, which Terraform accepts in three forms.
fn key_path(name: &str, value: &str, side: &Side<'_>) -> String {
    if value.starts_with("projects/") || value.starts_with(UNKNOWN) {
        return value.to_owned();
    }
    let mut parts: Vec<String> = value.split('/').map(str::to_owned).collect();
    let full = if name == "key_ring_id" { 3 } else { 4 };
    if parts.len() < full {
        parts.insert(0, side.required_or_default("project"));
    }
    let labels = ["projects", "locations", "keyRings", "cryptoKeys"];
    let labelled: Vec<String> = labels.iter().zip(&parts).map(|(label, part)| format!("{label}/{part}")).collect();
    labelled.join("/")
}
