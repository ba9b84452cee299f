//! Rules by which a permission on a service account lets its holder act as it.
//!
//! Sources: Google Cloud, "Roles for service account authentication", "Attach service accounts to resources", and the
//! list of services that run as an attached account.

use crate::input::entitlement::Requirement;
use crate::input::id::TrustId;
use crate::input::text::Text;
use crate::snapshot::model::TrustRule;

use super::scopes::account;

/// Permissions that give tokens or keys of the account.
const TOKENS: [(&str, &str); 6] = [
    ("access-token", "iam.serviceAccounts.getAccessToken"),
    ("id-token", "iam.serviceAccounts.getOpenIdToken"),
    ("sign-blob", "iam.serviceAccounts.signBlob"),
    ("sign-jwt", "iam.serviceAccounts.signJwt"),
    ("delegation", "iam.serviceAccounts.implicitDelegation"),
    ("create-key", "iam.serviceAccountKeys.create"),
];

/// Permissions that run something as an account which the same subject may attach (`iam.serviceAccounts.actAs`).
const RUNS: [&str; 20] = [
    "aiplatform.customJobs.create",
    "aiplatform.pipelineJobs.create",
    "appengine.versions.create",
    "batch.jobs.create",
    "cloudbuild.builds.create",
    "cloudfunctions.functions.create",
    "cloudfunctions.functions.update",
    "cloudscheduler.jobs.create",
    "composer.environments.create",
    "compute.instances.create",
    "compute.instances.setServiceAccount",
    "compute.instanceTemplates.create",
    "container.clusters.create",
    "dataflow.jobs.create",
    "dataproc.clusters.create",
    "deploymentmanager.deployments.create",
    "notebooks.instances.create",
    "run.jobs.create",
    "run.services.create",
    "workflows.workflows.create",
];

/// All rules.
pub(super) fn rules() -> Vec<TrustRule> {
    let rule = |via: &str, action: &str, with: Vec<Requirement>| TrustRule {
        id: TrustId::new(format!("gcp:{via}")),
        via: Text::from(via),
        to: "serviceAccount:$name".into(),
        action: Text::from(action),
        resource: "*".into(),
        scope: Some(Text::from(account("$name"))),
        with,
        system: None,
    };
    let run = |action: &&str| {
        let requirement = Requirement { action: Text::from(*action), resource: "*".into(), scope: None, system: None };
        rule(&format!("act-as+{action}"), "iam.serviceAccounts.actAs", vec![requirement])
    };
    let tokens = TOKENS.iter().map(|(via, action)| rule(via, action, Vec::new()));
    tokens.chain(RUNS.iter().map(run)).collect()
}
