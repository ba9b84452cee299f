//! The tree of an organisation: which service control policies bound which account.
//!
//! In: a tree of nodes with `Policies` and `Children`. Out: for each account the levels from the root down to it, each
//! with its policies, and the account that manages all, which nothing bounds.
//!
//! Source: AWS, Organizations user guide, "SCP evaluation".

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::input::finding::{Code, Finding, Severity};

use super::policy::{Here, Reading, Statement};
use super::principal::account_of;

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
    /// The policies, by ARN.
    pub policies: BTreeMap<Arc<str>, Vec<Statement>>,
}

impl Organisations {
    /// Reads a tree.
    pub fn read(&mut self, root: &Here<'_>, reading: &mut Reading<'_>) {
        let service_control = |here: &Here<'_>| here.text("Type").as_deref() == Some("SERVICE_CONTROL_POLICY");
        let kinds = root.list("PolicyTypes");
        let enabled = kinds.iter().any(|k| service_control(k) && k.text("Status").as_deref() == Some("ENABLED"));
        if !enabled && !kinds.is_empty() {
            let message = "service control policies are not enabled in this organisation; they bound nobody";
            reading.notes.at(Finding::new(Code::NotImported, message), &root.spot);
            return;
        }
        let Some(management) = root.text("Arn").as_deref().and_then(account_of).map(str::to_owned) else {
            // WHY: nothing bounds the account that manages; were it unknown, its access would be understated.
            let message =
                "the root of the organisation has no `Arn` that tells which account manages it; it bounds nobody";
            let finding = Finding::new(Code::MissingField, message).weighing(Severity::Warning);
            reading.notes.at(finding.help("export the root as `aws organizations list-roots` shows it"), &root.spot);
            return;
        };
        self.node(root, &[], Some(&management), reading);
    }

    fn node(&mut self, here: &Here<'_>, above: &[Level], management: Option<&str>, reading: &mut Reading<'_>) {
        let name = here.text("Id").unwrap_or_else(|| "".into());
        let mut policies = Vec::new();
        for policy in here.list("Policies") {
            if policy.text("Type").is_some_and(|t| &*t != "SERVICE_CONTROL_POLICY") {
                let message = format!(
                    "a policy of `{name}` is of type `{}`, which is not read",
                    policy.text("Type").unwrap_or_default()
                );
                reading.notes.at(Finding::new(Code::NotImported, message), &policy.spot);
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
            self.policies.entry(Arc::clone(&arn)).or_insert(statements);
            policies.push(arn);
        }
        let mut levels = above.to_vec();
        if policies.is_empty() {
            // WHY: a node always has a policy; one without is one whose policies were not exported.
            let message = format!("the export shows no service control policy of `{name}`; this level bounds nobody");
            reading.notes.at(
                Finding::new(Code::NotImported, message).help("export `list-policies-for-target` of every node"),
                &here.spot,
            );
        } else {
            policies.sort();
            policies.dedup();
            levels.push(Level { name: Arc::clone(&name), policies });
        }
        let account = here.text("Type").as_deref() == Some("Account")
            || here.text("Arn").is_some_and(|arn| arn.contains(":account/"));
        if account {
            if management != Some(&*name) {
                self.levels.insert(name, levels);
            }
            return;
        }
        for child in here.list("Children") {
            self.node(&child, &levels, management, reading);
        }
    }
}
