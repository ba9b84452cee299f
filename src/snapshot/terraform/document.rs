//! The JSON form of a Terraform plan, as `terraform show -json` and `tofu show -json` write it.
//!
//! Reads the parts that say what changes, and skips the rest without keeping it. Refuses what is no plan, a plan of another
//! major format, and a plan that would not do all that it shows or would do more.
//!
//! Source: `HashiCorp`, Terraform documentation, "JSON Output Format" (formats 0.1 to 1.2); `OpenTofu` documentation, the same
//! page.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::input::finding::{Code, Finding};
use crate::input::place::Place;
use crate::snapshot::tree;

/// The largest plan that is read.
pub const MAX_BYTES: u64 = 256 << 20;
/// The most resources that a plan may contain.
const MAX_RESOURCES: usize = 100_000;

/// A plan.
#[derive(Debug)]
pub(super) struct PlanDocument {
    /// Whether the plan states that it has all changes. Terraform before 1.8 and `OpenTofu` state nothing.
    pub states_complete: bool,
    pub resources: Vec<ResourceChange>,
    pub configuration: Configuration,
}

#[derive(Debug, Deserialize)]
struct RawPlan {
    format_version: Option<String>,
    resource_changes: Option<Vec<ResourceChange>>,
    #[serde(default)]
    configuration: RawConfiguration,
    applyable: Option<bool>,
    complete: Option<bool>,
    errored: Option<bool>,
    #[serde(default)]
    deferred_changes: Option<Vec<IgnoredAny>>,
    #[serde(default)]
    action_invocations: Option<Vec<IgnoredAny>>,
    #[serde(default)]
    deferred_action_invocations: Option<Vec<IgnoredAny>>,
    /// Only a state has values.
    values: Option<IgnoredAny>,
    /// Only the log of a command has these.
    #[serde(rename = "@level")]
    log_level: Option<IgnoredAny>,
    planned_values: Option<IgnoredAny>,
}

/// A resource with what happens to it.
#[derive(Debug, Deserialize)]
pub(super) struct ResourceChange {
    pub address: String,
    #[serde(default)]
    pub mode: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub change: Change,
}

#[derive(Debug, Deserialize)]
pub(super) struct Change {
    pub actions: Vec<String>,
    #[serde(default)]
    pub before: Value,
    #[serde(default)]
    pub after: Value,
    #[serde(default)]
    pub after_unknown: Value,
    #[serde(default)]
    pub before_sensitive: Value,
    #[serde(default)]
    pub after_sensitive: Value,
}

/// What happens to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It stays as it is. A move or an import alone is this.
    Stays,
    /// It is created, altered, replaced or deleted.
    Changes,
    /// Terraform no longer manages it, and it stays.
    Forgotten,
    /// The action is none that this version knows.
    Unknown,
}

impl ResourceChange {
    pub fn fate(&self) -> Fate {
        let words: Vec<&str> = self.change.actions.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["no-op" | "read"] => Fate::Stays,
            ["create" | "update" | "delete"] | ["delete", "create"] | ["create", "delete"] => Fate::Changes,
            ["forget"] => Fate::Forgotten,
            _ => Fate::Unknown,
        }
    }

    pub fn is_managed(&self) -> bool {
        self.mode != "data"
    }

    /// The address as the configuration has it.
    pub fn configured(&self) -> String {
        without_keys(&self.address)
    }
}

/// An address without the keys of `count` and `for_each`. A key may contain any character in quotes.
#[must_use]
pub fn without_keys(address: &str) -> String {
    let (mut out, mut depth, mut quoted, mut escaped) = (String::new(), 0_u32, false, false);
    for c in address.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' if depth > 0 => quoted = !quoted,
            '[' if !quoted => depth = depth.saturating_add(1),
            ']' if !quoted => depth = depth.saturating_sub(1),
            _ if depth == 0 => out.push(c),
            _ => {}
        }
    }
    out
}

#[derive(Debug, Default, Deserialize)]
struct RawConfiguration {
    #[serde(default)]
    provider_config: Option<BTreeMap<String, RawProvider>>,
    #[serde(default)]
    root_module: RawModule,
}

#[derive(Debug, Deserialize)]
struct RawProvider {
    #[serde(default)]
    name: String,
    #[serde(default)]
    full_name: String,
    #[serde(default)]
    expressions: BTreeMap<String, Value>,
}

#[derive(Debug, Default, Deserialize)]
struct RawModule {
    #[serde(default)]
    resources: Option<Vec<RawResource>>,
    #[serde(default)]
    module_calls: Option<BTreeMap<String, RawCall>>,
}

#[derive(Debug, Deserialize)]
struct RawCall {
    #[serde(default)]
    source: String,
    #[serde(default)]
    module: RawModule,
}

#[derive(Debug, Deserialize)]
struct RawResource {
    address: String,
    #[serde(default)]
    provider_config_key: String,
    #[serde(default)]
    expressions: BTreeMap<String, Value>,
    #[serde(default)]
    provisioners: Option<Vec<IgnoredAny>>,
}

/// What the configuration says about resources, by their addresses without keys.
#[derive(Debug, Default)]
pub(super) struct Configuration {
    resources: BTreeMap<String, Configured>,
    /// The source of each module, by its path.
    pub modules: BTreeMap<String, String>,
    providers: BTreeMap<String, BTreeMap<String, String>>,
    /// The configurations of each provider, such as `aws`: key, and arguments without the region.
    accounts: BTreeMap<String, BTreeMap<String, String>>,
}

#[derive(Debug)]
struct Configured {
    provider: String,
    /// What each argument refers to, such as `aws_iam_policy.read.arn`.
    arguments: BTreeMap<String, Option<String>>,
    has_provisioner: bool,
}

/// The first thing that an expression refers to.
fn reference(expression: &Value) -> Option<String> {
    expression.get("references")?.as_array()?.first()?.as_str().map(str::to_owned)
}

/// What tells the account of a configuration: its arguments without the region if these are constants and it states a region,
/// else its key.
fn account(key: &str, arguments: &BTreeMap<String, Value>) -> String {
    let others: BTreeMap<&String, &Value> =
        arguments.iter().filter(|(name, _)| !matches!(name.as_str(), "region" | "default_tags")).collect();
    let is_constant = others.values().all(|it| it.get("constant_value").is_some());
    if is_constant && arguments.contains_key("region") {
        serde_json::to_string(&others).unwrap_or_else(|_| key.to_owned())
    } else {
        key.to_owned()
    }
}

impl Configuration {
    fn of(raw: RawConfiguration) -> Self {
        let mut out = Configuration::default();
        for (key, provider) in raw.provider_config.into_iter().flatten() {
            let constant = |(name, value): (String, Value)| {
                let value = value.get("constant_value")?.as_str()?.to_owned();
                Some((name, value))
            };
            let kind = provider.full_name.rsplit('/').next().filter(|it| !it.is_empty()).unwrap_or(&provider.name);
            out.accounts.entry(kind.to_owned()).or_default().insert(key.clone(), account(&key, &provider.expressions));
            out.providers.insert(key, provider.expressions.into_iter().filter_map(constant).collect());
        }
        out.module("", raw.root_module);
        out
    }

    fn module(&mut self, prefix: &str, module: RawModule) {
        for it in module.resources.into_iter().flatten() {
            let configured = Configured {
                provider: it.provider_config_key,
                arguments: it.expressions.into_iter().map(|(name, value)| (name, reference(&value))).collect(),
                has_provisioner: it.provisioners.is_some_and(|list| !list.is_empty()),
            };
            self.resources.insert(format!("{prefix}{}", it.address), configured);
        }
        for (name, call) in module.module_calls.into_iter().flatten() {
            let path = format!("{prefix}module.{name}");
            self.module(&format!("{path}."), call.module);
            self.modules.insert(path, call.source);
        }
    }

    /// The constant that the provider of a resource has for an argument which the resource leaves out.
    pub fn provider_default(&self, resource: &ResourceChange, argument: &str) -> Option<&str> {
        let configured = self.resources.get(&resource.configured())?;
        let left_out = !configured.arguments.contains_key(argument);
        self.providers.get(&configured.provider).filter(|_| left_out)?.get(argument).map(String::as_str)
    }

    /// Whether the provider of a resource has several configurations, which may be of several accounts. Those that differ only
    /// in the region are of one.
    pub fn has_several_accounts(&self, resource: &ResourceChange) -> bool {
        let kind = resource.kind.split('_').next().unwrap_or_default();
        let key = self.resources.get(&resource.configured()).map(|it| it.provider.as_str()).filter(|it| !it.is_empty());
        let configured = self.accounts.get(kind);
        let of = |key: &str| configured.and_then(|list| list.get(key)).cloned().unwrap_or_else(|| key.to_owned());
        let own = key.map(of);
        // An alias is next to a default configuration, which may be none of the file.
        let is_alias = own
            .as_deref()
            .is_some_and(|own| !own.starts_with('{') && own.rsplit(':').next().is_some_and(|name| name.contains('.')));
        let all: BTreeSet<String> = configured.into_iter().flat_map(BTreeMap::values).cloned().chain(own).collect();
        all.len() > 1 || is_alias
    }

    /// Whether the configuration is known and leaves an argument out, so that the provider computes it.
    pub fn leaves_out(&self, resource: &ResourceChange, argument: &str) -> bool {
        let configured = self.resources.get(&resource.configured());
        configured.is_some_and(|it| !it.arguments.contains_key(argument))
    }

    /// What an argument refers to.
    pub fn reference(&self, resource: &ResourceChange, argument: &str) -> Option<&str> {
        self.resources.get(&resource.configured())?.arguments.get(argument)?.as_deref()
    }

    pub fn has_provisioner(&self, resource: &ResourceChange) -> bool {
        self.resources.get(&resource.configured()).is_some_and(|it| it.has_provisioner)
    }
}

/// Reads a plan.
///
/// # Errors
/// If it is no plan, of an unknown format, or would not do exactly what it shows.
pub(super) fn read(name: &str, bytes: &[u8]) -> Result<PlanDocument, Vec<Finding>> {
    let fault = |code, message: String, help: &str| vec![Finding::new(code, message).at(&Place::file(name)).help(help)];
    if bytes.len() as u64 > MAX_BYTES {
        let message = format!("the plan is larger than {MAX_BYTES} bytes");
        return Err(fault(Code::TooLarge, message, "plan fewer resources at once, with one state for each part"));
    }
    let text = tree::text(name, bytes).map_err(|finding| vec![finding])?;
    if !text.trim_start().starts_with('{') {
        let message = "this is not a Terraform plan in JSON".to_owned();
        return Err(fault(Code::Syntax, message, SHOW));
    }
    let mut documents = serde_json::Deserializer::from_str(text).into_iter::<RawPlan>();
    let raw = match documents.next() {
        Some(Ok(raw)) => raw,
        Some(Err(error)) => return Err(vec![tree::json_fault(name, text, &error).help(SHOW)]),
        None => return Err(fault(Code::Empty, "the file is empty".to_owned(), SHOW)),
    };
    if raw.log_level.is_some() {
        let message = "this is the log of `terraform plan -json`, not a plan".to_owned();
        return Err(fault(Code::WrongType, message, SHOW));
    }
    if documents.next().is_some() {
        let message = "the file has more after the plan".to_owned();
        return Err(fault(Code::Syntax, message, SHOW));
    }
    check(name, raw)
}

/// How to make the file.
const SHOW: &str = "write it with `terraform plan -out=tfplan` and `terraform show -json tfplan > plan.json`";

fn check(name: &str, raw: RawPlan) -> Result<PlanDocument, Vec<Finding>> {
    let mut faults = Vec::new();
    let mut fault = |code, message: &str, help: &str| {
        faults.push(Finding::new(code, message.to_owned()).at(&Place::file(name)).help(help));
    };
    let again = "plan again, and review the plan that is complete";
    match raw.format_version.as_deref().map(|version| version.split('.').next().unwrap_or_default()) {
        Some("0" | "1") => {}
        Some(_) => fault(
            Code::UnsupportedVersion,
            &format!(
                "the format {} of Terraform plans is not supported",
                raw.format_version.as_deref().unwrap_or_default()
            ),
            "formats 0.x and 1.x are read; use a later version of review",
        ),
        None => fault(Code::MissingField, "the file states no `format_version`, so it is not a Terraform plan", SHOW),
    }
    if raw.values.is_some() && raw.planned_values.is_none() {
        fault(Code::WrongType, "this is a state of Terraform, not a plan", SHOW);
    }
    if raw.errored == Some(true) {
        fault(Code::BadValue, "planning failed, so the plan lacks changes", again);
    }
    if raw.complete == Some(false) {
        fault(Code::BadValue, "the plan is not complete: applying it leaves changes for another plan", again);
    }
    if raw.applyable == Some(false) {
        fault(
            Code::BadValue,
            "Terraform states that the plan cannot be applied: it changes nothing, or planning failed",
            again,
        );
    }
    let some = |list: &Option<Vec<IgnoredAny>>| list.as_ref().is_some_and(|list| !list.is_empty());
    if some(&raw.deferred_changes) {
        fault(Code::BadValue, "the plan defers changes to a later plan", again);
    }
    if some(&raw.action_invocations) || some(&raw.deferred_action_invocations) {
        fault(
            Code::BadValue,
            "the plan invokes actions of providers, which may do anything",
            "remove the `action_trigger` blocks, and plan again",
        );
    }
    let resources = raw.resource_changes.unwrap_or_default();
    if resources.len() > MAX_RESOURCES {
        fault(
            Code::TooLarge,
            &format!("the plan has more than {MAX_RESOURCES} resources"),
            "use one state for each part",
        );
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let states_complete = raw.complete == Some(true) && raw.applyable == Some(true) && raw.errored == Some(false);
    Ok(PlanDocument { states_complete, resources, configuration: Configuration::of(raw.configuration) })
}
