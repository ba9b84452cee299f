//! The pack: schema and policies, parsed and validated once.
//!
//! Loads `.cedar` and `.cedarschema` files and the order of steps into a [`Pack`], or reports every fault of every file
//! with line and column. A pack with a fault is never partially loaded.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use cedar_policy::ffi::DetailedError;
use cedar_policy::{
    ActionConstraint, Authorizer, Entities, EntityId, EntityTypeName, EntityUid, Policy, PolicySet, Schema,
    ValidationMode, Validator,
};

use crate::input::finding::{Code, Finding};
use crate::input::id::PolicyId;
use crate::input::place::Place;
use crate::policy::enforcement::Enforcement;
use crate::policy::named::Named;
use crate::policy::parse::Parsed;
use crate::policy::policy_file::{Annotations, PolicyFile};
use crate::policy::steps::StepName;
use crate::policy::{parse, shipped, steps};

/// How many references a policy may follow from principal or resource (`resource.plan.sponsor.kind` is 3). The entity
/// store is closed to the same depth, because a missing entity is an evaluation error.
pub(super) const LEVEL: u32 = 3;

/// Schema and policies, validated.
pub struct Pack {
    pub(super) schema: Schema,
    pub(super) authorizer: Authorizer,
    pub(super) types: Types,
    pub(super) steps: Vec<StepName>,
    policies: BTreeMap<PolicyId, (Annotations, Policy)>,
    slices: Vec<PolicySet>,
    by_action: BTreeMap<String, [usize; 3]>,
    named: OnceLock<Named>,
}

impl std::fmt::Debug for Pack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pack")
            .field("policies", &self.policies.keys())
            .field("steps", &self.steps)
            .finish_non_exhaustive()
    }
}

/// The entity types of the schema.
pub(super) struct Types {
    names: BTreeMap<&'static str, EntityTypeName>,
}

impl Types {
    fn of(schema: &Schema) -> Self {
        let wanted = ["Resource", "Group", "Role", "Identity", "Task", "Plan", "Change", "Freeze"];
        let find = |name: &'static str| {
            schema.entity_types().find(|t| t.basename() == name && t.namespace().is_empty()).map(|t| (name, t.clone()))
        };
        let mut names: BTreeMap<_, _> = wanted.into_iter().filter_map(find).collect();
        if let Some(action) = schema.actions().next() {
            names.insert("Action", action.type_name().clone());
        }
        Self { names }
    }

    /// The uid of an entity; `None` only if the schema lacks the type, which loading refuses.
    pub(super) fn uid(&self, kind: &str, id: &str) -> Option<EntityUid> {
        Some(EntityUid::from_type_name_and_id(self.names.get(kind)?.clone(), EntityId::new(id)))
    }
}

impl Pack {
    /// The files of the shipped pack, sorted by path, embedded in the binary.
    #[must_use]
    pub fn shipped() -> &'static [PolicyFile<'static>] {
        shipped::FILES
    }

    /// The schema on which every pack is based, shipped or not.
    #[must_use]
    pub fn schema_file() -> PolicyFile<'static> {
        PolicyFile { path: shipped::SCHEMA_PATH, bytes: shipped::SCHEMA.as_bytes() }
    }

    /// Parses and validates a pack. Files that end in `.cedar` are policies; those in `.cedarschema` extend the schema
    /// of the tool, which need not be among them. `steps` is the order of `review.yaml`; `None`: Owner, Security.
    ///
    /// # Errors
    /// Every fault of every file and of the steps.
    pub fn load(files: &[PolicyFile<'_>], steps: Option<&[StepName]>) -> Result<Self, Vec<Finding>> {
        Self::build(files, shipped::SCHEMA, |schema| steps::order(schema, steps))
    }

    /// The pack of a log, with the schema that the log records. It may be that of another version of the tool. The
    /// approval steps are sorted by name, because a log does not record their order.
    ///
    /// # Errors
    /// Every fault of every file.
    pub fn recorded(files: &[PolicyFile<'_>]) -> Result<Self, Vec<Finding>> {
        let schema = files.iter().find(|file| file.path == shipped::SCHEMA_PATH);
        let schema = schema.and_then(|file| std::str::from_utf8(file.bytes).ok());
        let schema = schema.ok_or_else(|| vec![Finding::new(Code::BadPolicy, "the schema of the tool is missing")])?;
        Self::build(files, schema, steps::by_name)
    }

    fn build(
        files: &[PolicyFile<'_>],
        base: &str,
        order: impl Fn(&Schema) -> Result<Vec<StepName>, Vec<Finding>>,
    ) -> Result<Self, Vec<Finding>> {
        let mut findings = Vec::new();
        let mut texts = Vec::new();
        let mut seen = BTreeSet::new();
        for file in files {
            if !seen.insert(file.path) {
                findings.push(Finding::new(Code::BadPolicy, "the file is given twice").at(&Place::file(file.path)));
                continue;
            }
            match std::str::from_utf8(file.bytes) {
                Ok(text) => texts.push((file.path, text)),
                Err(_) => {
                    findings.push(Finding::new(Code::NotUtf8, "the file is not UTF-8").at(&Place::file(file.path)));
                }
            }
        }
        let (schema, extended) = match schema(base, &texts) {
            Ok(schema) => schema,
            Err(found) => {
                findings.extend(found);
                return Err(findings);
            }
        };
        let mut parsed = Vec::new();
        let mut unproven = Vec::new();
        for (path, text) in texts.iter().filter(|(path, _)| extension(path) == Some("cedar")) {
            let new = parse::file(path, text, &mut findings);
            // WHY: a test validates the embedded files against the embedded schema, so that a run need not.
            let proven = !extended
                && base == shipped::SCHEMA
                && shipped::FILES.iter().any(|f| f.path == *path && f.bytes == text.as_bytes());
            if !proven {
                unproven.push((*path, *text, new.iter().map(|p| p.policy.clone()).collect::<Vec<_>>()));
            }
            parsed.extend(new);
        }
        let policies = unique(parsed, &mut findings);
        let validator = (!unproven.is_empty()).then(|| Validator::new(schema.clone()));
        for (path, text, new) in unproven {
            if let Some(validator) = &validator {
                validate(validator, path, text, &new, &mut findings);
            }
        }
        let steps = order(&schema).unwrap_or_else(|found| {
            findings.extend(found);
            Vec::new()
        });
        if !findings.is_empty() {
            return Err(findings);
        }
        let (slices, by_action) = slice(&schema, &policies).map_err(|finding| vec![finding])?;
        Ok(Self {
            types: Types::of(&schema),
            authorizer: Authorizer::new(),
            schema,
            steps,
            policies,
            slices,
            by_action,
            named: OnceLock::new(),
        })
    }

    /// The approval steps, in order.
    #[must_use]
    pub fn steps(&self) -> &[StepName] {
        &self.steps
    }

    /// The annotations of a policy.
    #[must_use]
    pub fn about(&self, id: &str) -> Option<&Annotations> {
        self.policies.get(id).map(|(about, _)| about)
    }

    /// Every policy's annotations, sorted by id.
    pub fn policies(&self) -> impl Iterator<Item = &Annotations> {
        self.policies.values().map(|(about, _)| about)
    }

    /// The policies that can apply to an action, one set for each enforcement; `None` for an unknown action.
    pub(super) fn sets(&self, action: &str) -> Option<[&PolicySet; 3]> {
        let [mandatory, over, advisory] = *self.by_action.get(action)?;
        Some([self.slices.get(mandatory)?, self.slices.get(over)?, self.slices.get(advisory)?])
    }

    /// The permits that can apply to an action, sorted by id.
    #[must_use]
    pub fn permits(&self, action: &str) -> Vec<&Annotations> {
        let ids = self.sets(action).into_iter().flat_map(|[mandatory, ..]| mandatory.policies());
        let permits = ids.filter(|policy| policy.effect() == cedar_policy::Effect::Permit);
        let mut found: Vec<&Annotations> =
            permits.filter_map(|policy| self.about(AsRef::<str>::as_ref(policy.id()))).collect();
        found.sort_by(|a, b| a.id.cmp(&b.id));
        found
    }

    /// A policy by its id.
    pub(super) fn policy(&self, id: &str) -> Option<&Policy> {
        self.policies.get(id).map(|(_, policy)| policy)
    }

    /// The groups and roles that policies name.
    pub(super) fn named(&self) -> &Named {
        self.named.get_or_init(|| Named::of(self.policies.values().map(|(_, policy)| policy)))
    }
}

fn extension(path: &str) -> Option<&str> {
    path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map(|(_, extension)| extension)
}

/// The schema of all files together, and whether a site extends it.
fn schema(base: &str, texts: &[(&str, &str)]) -> Result<(Schema, bool), Vec<Finding>> {
    let mut parts = vec![(shipped::SCHEMA_PATH, base)];
    for (path, text) in texts.iter().filter(|(path, _)| extension(path) == Some("cedarschema")) {
        if *path != shipped::SCHEMA_PATH {
            parts.push((path, text));
        } else if *text != base {
            return Err(vec![
                Finding::new(Code::BadPolicy, "the shipped schema is not the one of this version")
                    .at(&Place::file(path)),
            ]);
        }
    }
    let whole = parts.iter().map(|(_, text)| *text).collect::<Vec<_>>().join("\n");
    match Schema::from_cedarschema_str(&whole) {
        Ok((schema, _)) => Ok((schema, parts.len() > 1)),
        Err(error) => {
            let detailed = DetailedError::from(&error);
            let related: Vec<&DetailedError> =
                if detailed.related.is_empty() { vec![&detailed] } else { detailed.related.iter().collect() };
            Err(related.into_iter().map(|error| schema_fault(&parts, error)).collect())
        }
    }
}

fn schema_fault(parts: &[(&str, &str)], error: &DetailedError) -> Finding {
    let mut offset = 0;
    let at = error.source_locations.first().map(|label| label.loc.start);
    let last = parts.len().saturating_sub(1);
    for (n, (path, text)) in parts.iter().enumerate() {
        let end = offset + text.len() + 1;
        // WHY: an error without a location is about the site's extension, because the shipped schema is validated.
        if at.map_or(n == last, |at| at < end || n == last) {
            return parse::fault(path, text, offset, error);
        }
        offset = end;
    }
    Finding::new(Code::BadPolicy, error.message.clone())
}

fn unique(parsed: Vec<Parsed>, findings: &mut Vec<Finding>) -> BTreeMap<PolicyId, (Annotations, Policy)> {
    let mut policies: BTreeMap<PolicyId, (Annotations, Policy)> = BTreeMap::new();
    for Parsed { policy, about } in parsed {
        if let Some((first, _)) = policies.get(&about.id) {
            let message = format!(
                "two policies have the id `{}`; the other is in `{}`, line {}",
                about.id.as_str(),
                first.place.file,
                first.place.line
            );
            findings
                .push(Finding::new(Code::BadPolicy, message).at(&about.place).help("give each policy a different id"));
        } else {
            policies.insert(about.id.clone(), (about, policy));
        }
    }
    policies
}

fn validate(validator: &Validator, path: &str, text: &str, policies: &[Policy], findings: &mut Vec<Finding>) {
    let mut ids = BTreeSet::new();
    let distinct = policies.iter().filter(|policy| ids.insert(policy.id().to_string())).cloned();
    let Ok(set) = PolicySet::from_policies(distinct) else {
        findings.push(Finding::new(Code::BadPolicy, "the policies cannot be combined").at(&Place::file(path)));
        return;
    };
    let result = validator.validate_with_level(&set, ValidationMode::Strict, LEVEL);
    findings.extend(result.validation_errors().map(|error| parse::fault(path, text, 0, &DetailedError::from(error))));
    findings
        .extend(result.validation_warnings().map(|warning| parse::fault(path, text, 0, &DetailedError::from(warning))));
}

type Slices = (Vec<PolicySet>, BTreeMap<String, [usize; 3]>);

/// For every action, the policies whose scope can match it. The others cannot affect its answer.
fn slice(schema: &Schema, policies: &BTreeMap<PolicyId, (Annotations, Policy)>) -> Result<Slices, Finding> {
    let hierarchy = schema.action_entities().unwrap_or_else(|_| Entities::empty());
    let mut slices = Vec::new();
    let mut known: BTreeMap<Vec<&PolicyId>, usize> = BTreeMap::new();
    let mut by_action = BTreeMap::new();
    let constraints: Vec<_> =
        policies.iter().map(|(id, (about, policy))| (id, about, policy, policy.action_constraint())).collect();
    for action in schema.actions() {
        let within = |uid: &EntityUid| uid == action || hierarchy.is_ancestor_of(uid, action);
        let concerns = |constraint: &ActionConstraint| match constraint {
            ActionConstraint::Any => true,
            ActionConstraint::Eq(uid) => uid == action,
            ActionConstraint::In(uids) => uids.iter().any(within),
        };
        let relevant: Vec<_> = constraints.iter().filter(|(.., constraint)| concerns(constraint)).collect();
        let mut places = [0; 3];
        for (place, enforcement) in places.iter_mut().zip(Enforcement::ALL) {
            let members: Vec<_> = relevant.iter().filter(|(_, about, ..)| about.enforcement == enforcement).collect();
            let key: Vec<&PolicyId> = members.iter().map(|(id, ..)| *id).collect();
            *place = if let Some(at) = known.get(&key) {
                *at
            } else {
                let set = PolicySet::from_policies(members.iter().map(|(_, _, policy, _)| (*policy).clone()))
                    .map_err(|error| Finding::new(Code::BadPolicy, error.to_string()))?;
                slices.push(set);
                known.insert(key, slices.len() - 1);
                slices.len() - 1
            };
        }
        by_action.insert(action.id().unescaped().to_owned(), places);
    }
    Ok((slices, by_action))
}
