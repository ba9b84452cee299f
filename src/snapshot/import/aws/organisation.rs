//! The tree of an organisation: which service control and resource control policies bound which account.
//!
//! In: a tree of nodes with `Policies` and `Children`. Out: for each account the levels from the root down to it, each
//! with its service control policies; the resource control policies above it, of which only the denies say anything,
//! because a full allow is always attached; and the account that manages all, which nothing bounds.
//!
//! Source: AWS, Organizations user guide, "SCP evaluation", "RCP evaluation".

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::input::finding::{Code, Finding, Severity};

use super::policy::Statement;
use super::principal::account_of;
use super::reading::{Here, Reading};

/// One level of the tree above an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Level {
    /// The node's own id.
    pub name: Arc<str>,
    /// The ARNs of its policies.
    pub policies: Vec<Arc<str>>,
}

/// What organisations say.
#[derive(Clone, Debug, Default)]
pub(super) struct Organisations {
    /// The levels above each account, from the root.
    pub levels: BTreeMap<Arc<str>, Vec<Level>>,
    /// The service control policies, by ARN.
    pub policies: BTreeMap<Arc<str>, Vec<Statement>>,
    /// The resource control policies, by ARN.
    pub controls: BTreeMap<Arc<str>, Vec<Statement>>,
    /// The ARNs of those that bound what is in each account.
    pub controlled: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
    /// The organisation of each account.
    pub of_account: BTreeMap<Arc<str>, Arc<str>>,
}

const SERVICE_CONTROL: &str = "SERVICE_CONTROL_POLICY";
const RESOURCE_CONTROL: &str = "RESOURCE_CONTROL_POLICY";

/// What the walk down the tree carries.
struct Walk<'w> {
    management: &'w str,
    organisation: Option<Arc<str>>,
    /// The types that are enabled.
    service: bool,
    resource: bool,
}

/// What lies above a node.
#[derive(Clone, Default)]
struct Above {
    levels: Vec<Level>,
    controls: BTreeSet<Arc<str>>,
}

impl Organisations {
    /// Reads a tree.
    pub fn read(&mut self, root: &Here<'_>, reading: &mut Reading<'_>) {
        let kinds = root.list("PolicyTypes");
        let enabled = |name: &str| {
            let is = |k: &Here<'_>| {
                k.text("Type").as_deref() == Some(name) && k.text("Status").as_deref() == Some("ENABLED")
            };
            kinds.is_empty() || kinds.iter().any(is)
        };
        let (service, resource) = (enabled(SERVICE_CONTROL), enabled(RESOURCE_CONTROL));
        if !service {
            let message = "service control policies are not enabled in this organisation; they bound nobody";
            reading.notes.at(Finding::new(Code::NotImported, message), &root.spot);
        }
        let Some(management) = root.text("Arn").as_deref().and_then(account_of).map(str::to_owned) else {
            // WHY: nothing bounds the account that manages; were it unknown, its access would be understated.
            let message =
                "the root of the organisation has no `Arn` that tells which account manages it; it bounds nobody";
            let finding = Finding::new(Code::MissingField, message).weighing(Severity::Warning);
            reading.notes.at(finding.help("export the root as `aws organizations list-roots` shows it"), &root.spot);
            return;
        };
        let organisation = root.text("Arn").as_deref().and_then(|arn| arn.split('/').nth(1)).map(Arc::from);
        if let Some(organisation) = &organisation {
            self.of_account.insert(management.as_str().into(), Arc::clone(organisation));
        }
        let walk = Walk { management: &management, organisation, service, resource };
        self.node(root, &Above::default(), &walk, reading);
    }

    fn node(&mut self, here: &Here<'_>, above: &Above, walk: &Walk<'_>, reading: &mut Reading<'_>) {
        let name = here.text("Id").unwrap_or_else(|| "".into());
        let mut policies = Vec::new();
        let mut here_and_above = above.clone();
        for policy in here.list("Policies") {
            let kind = policy.text("Type").unwrap_or_else(|| SERVICE_CONTROL.into());
            let enabled = match &*kind {
                SERVICE_CONTROL => walk.service,
                RESOURCE_CONTROL => walk.resource,
                other => {
                    let message = format!("a policy of `{name}` is of type `{other}`, which is not read");
                    reading.notes.at(Finding::new(Code::NotImported, message), &policy.spot);
                    continue;
                }
            };
            if !enabled {
                continue;
            }
            let (Some(arn), Some(content)) = (policy.text("Arn"), policy.get("Content")) else {
                let message = format!("a policy of `{name}` has no `Arn` or no `Content`");
                reading
                    .notes
                    .at(Finding::new(Code::MissingField, message).help("export it with its content"), &policy.spot);
                continue;
            };
            let statements = reading.document(&content, &format!("the organisation's policy `{arn}`"));
            if &*kind == RESOURCE_CONTROL {
                self.controls.entry(Arc::clone(&arn)).or_insert(statements);
                here_and_above.controls.insert(arn);
            } else {
                self.policies.entry(Arc::clone(&arn)).or_insert(statements);
                policies.push(arn);
            }
        }
        if !walk.service {
            // Said once, at the root.
        } else if policies.is_empty() {
            // WHY: a node always has a policy; one without is one whose policies were not exported.
            let message = format!("the export shows no service control policy of `{name}`; this level bounds nobody");
            reading.notes.at(
                Finding::new(Code::NotImported, message).help("export `list-policies-for-target` of every node"),
                &here.spot,
            );
        } else {
            policies.sort();
            policies.dedup();
            here_and_above.levels.push(Level { name: Arc::clone(&name), policies });
        }
        let account = here.text("Type").as_deref() == Some("Account")
            || here.text("Arn").is_some_and(|arn| arn.contains(":account/"));
        if account {
            if let Some(organisation) = &walk.organisation {
                self.of_account.insert(Arc::clone(&name), Arc::clone(organisation));
            }
            if walk.management != &*name {
                self.controlled.insert(Arc::clone(&name), here_and_above.controls);
                self.levels.insert(name, here_and_above.levels);
            }
            return;
        }
        for child in here.list("Children") {
            self.node(&child, &here_and_above, walk, reading);
        }
    }
}
