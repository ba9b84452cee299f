//! Google Cloud, from policies of Cloud Asset Inventory or `get-iam-policy`, and lists of roles, service accounts, keys,
//! projects, folders, groups and deny policies.
//!
//! `README.md` in this folder says how to export, what is modelled and what is not. The way through the folder: [`export`] is
//! the form of the objects, [`scopes`] makes the tree of resources, [`principals`] says who is meant, [`conditions`] reads
//! when a binding ends, [`build`] joins them, and [`acting`] has the rules by which a permission acts as a service account.

mod acting;
mod build;
mod conditions;
mod export;
mod principals;
mod scopes;

#[cfg(test)]
mod tests;

use crate::input::finding::Finding;
use crate::input::intern::interning;
use crate::input::time::Time;
use crate::snapshot::import::documents;
use crate::snapshot::import::draft::Draft;
use crate::snapshot::import::importer::{Import, Importer, Recognition};
use crate::snapshot::import::probe::Probe;

use export::Object;
use scopes::Scopes;

/// The importer of Google Cloud.
#[derive(Clone, Copy, Debug)]
pub struct GoogleCloud;

impl Importer for GoogleCloud {
    fn system(&self) -> &'static str {
        "gcp"
    }

    fn commands(&self) -> &'static [&'static str] {
        &[
            "gcloud asset search-all-iam-policies --scope=organizations/NUMBER --format=json   (without --query)",
            "gcloud asset export --organization=NUMBER --content-type=iam-policy --output-path=gs://BUCKET/FILE",
            "gcloud iam roles list --format='value(name)' | xargs -n1 gcloud iam roles describe --format=json",
            "gcloud iam service-accounts list --format=json   (and keys, groups, folders, deny policies: see its page)",
        ]
    }

    fn subjects(&self) -> &'static [&'static str] {
        &[
            "user:EMAIL",
            "serviceAccount:EMAIL",
            "group:EMAIL",
            "domain:DOMAIN",
            "principal://…",
            "principalSet://…",
            "projectOwner:ID",
            "projectEditor:ID",
            "projectViewer:ID",
            "deleted:…",
            "allUsers",
            "allAuthenticatedUsers",
        ]
    }

    fn recognise(&self, file: &Probe) -> Recognition {
        const SHAPES: [&[&str]; 10] = [
            &["resource", "policy"],
            &["iam_policy"],
            &["iamPolicy"],
            &["asset_type", "name"],
            &["assetType", "name"],
            &["email", "uniqueId"],
            &["keyType", "name"],
            &["projectId", "projectNumber"],
            &["group", "memberships"],
            &["bindings"],
        ];
        let has = |keys: &[&str]| keys.iter().all(|key| file.has(key));
        let name = file.text("name").unwrap_or_default();
        let is_role = (name.starts_with("roles/") || name.contains("/roles/")) && file.has("title");
        let is_folder = name.starts_with("folders/") && file.has("parent");
        if !file.is_json() {
            Recognition::No
        } else if is_role || is_folder || file.text("kind") == Some("DenyPolicy") || SHAPES.iter().any(|keys| has(keys))
        {
            Recognition::Yes
        } else if file.has("preferredMemberKey") {
            Recognition::Near("it does not say which group the memberships are of")
        } else {
            Recognition::No
        }
    }

    fn read(&self, files: &[(&str, &[u8])], taken_at: Time) -> Result<Import, Vec<Finding>> {
        interning(|| import(files, taken_at))
    }

    fn pages_help(&self) -> &'static str {
        "export all pages of the list; `gcloud` follows them where neither `--limit` nor `--page-size` is given"
    }

    fn target_help(&self) -> &'static str {
        "name the organisation: `--target organizations/NUMBER`; `gcloud organizations list` tells the number"
    }

    fn may_lack(&self, file: &Probe) -> Option<&'static str> {
        let is_search = file.has("policy") && file.has("resource") && !file.has("ancestors");
        is_search.then_some("a search with a query holds only the bindings that match it")
    }
}

fn import(files: &[(&str, &[u8])], taken_at: Time) -> Result<Import, Vec<Finding>> {
    let objects: Vec<(usize, Object)> = documents::objects(files)?;
    let mut draft = Draft::new("gcp");
    let is_query = |object: &Object| {
        let matched = object.explanation.as_ref().and_then(|it| it.matched_permissions.as_ref());
        matched.is_some_and(|matched| !matched.is_empty())
    };
    if objects.iter().any(|(_, object)| is_query(object)) {
        draft.fault(
            "the search had a query, so that the policies lack the bindings that do not match it",
            "export again without `--query`: `gcloud asset search-all-iam-policies --scope=organizations/NUMBER --format=json`",
        );
    }
    let scopes = Scopes::of(&objects);
    build::add(&objects, &scopes, &mut draft);
    draft.trust_rules = acting::rules();
    let target = scopes.target(&mut draft);
    draft.finish(target, taken_at)
}
