//! A case: queries to Cedar about one change (or plan, or approver), with the answers.
//!
//! Evaluates a query over entities built with the schema in each of the three policy sets, and records all of it as
//! canonical JSON, sufficient to replay the case. A query that cannot be evaluated is a denial.

use cedar_policy::{Context, Decision, Entities, EntityUid, PolicySet, Request};
use serde::{Deserialize, Serialize};

use crate::input::canonical::{self, CanonicalError};
use crate::input::id::PolicyId;
use crate::policy::pack::Pack;

/// The answer of one policy set to one query. Ids are sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyAnswer {
    /// Whether it permits.
    pub allow: bool,
    /// The policies that determined it.
    pub by: Vec<String>,
    /// The policies that failed to evaluate, with the error.
    pub errors: Vec<(String, String)>,
}

/// A query with its answers.
#[derive(Clone, Debug)]
pub struct PolicyQuery {
    pub(super) principal: EntityUid,
    pub(super) action: EntityUid,
    pub(super) resource: EntityUid,
    /// One for each set, in the order of [`crate::policy::enforcement::Enforcement::ALL`].
    pub(super) answers: [PolicyAnswer; 3],
    /// Whether the advisory set was evaluated.
    pub(super) with_advice: bool,
    /// Why the query was not possible, if so.
    pub(super) fault: Option<String>,
}

impl PolicyQuery {
    /// Whether it is permitted: a permit, and no forbid or error in either set that denies.
    pub(super) fn permitted(&self) -> bool {
        let [mandatory, over, _] = &self.answers;
        self.fault.is_none()
            && mandatory.allow
            && mandatory.errors.is_empty()
            && over.by.is_empty()
            && over.errors.is_empty()
    }

    /// The policies that permit, if it is permitted.
    pub(super) fn permitting(&self) -> Vec<PolicyId> {
        let [mandatory, ..] = &self.answers;
        if mandatory.allow { mandatory.by.iter().map(|id| PolicyId::from(id.as_str())).collect() } else { Vec::new() }
    }
}

/// Queries about one object, over one entity store and one context.
#[derive(Clone, Debug)]
pub struct Case {
    pub(super) entities: Entities,
    pub(super) context: Context,
    pub(super) asked: Vec<PolicyQuery>,
}

impl Case {
    /// Evaluates a query in all three sets.
    pub(super) fn ask(
        &mut self,
        pack: &Pack,
        principal: &EntityUid,
        action: &str,
        resource: &EntityUid,
        advisory: bool,
    ) -> Option<&PolicyQuery> {
        let action_uid = pack.types.uid("Action", action)?;
        let request = Request::new(
            principal.clone(),
            action_uid.clone(),
            resource.clone(),
            self.context.clone(),
            Some(&pack.schema),
        );
        let mut asked = PolicyQuery {
            principal: principal.clone(),
            action: action_uid,
            resource: resource.clone(),
            answers: Default::default(),
            with_advice: advisory,
            fault: None,
        };
        match (request, pack.sets(action)) {
            (Ok(request), Some(sets)) => {
                let take = if advisory { 3 } else { 2 };
                for (answer, set) in asked.answers.iter_mut().zip(sets).take(take) {
                    *answer = answer_of(pack, &request, set, &self.entities);
                }
            }
            (Err(error), _) => asked.fault = Some(chain(&error)),
            (Ok(_), None) => asked.fault = Some("the schema has no such action".to_owned()),
        }
        self.asked.push(asked);
        self.asked.last()
    }

    /// The record of the case: queries, answers, context and entities, as canonical JSON.
    ///
    /// # Errors
    /// If a value has no canonical form, such as a count beyond 2^53−1.
    pub fn record(&self) -> Result<Vec<u8>, CanonicalError> {
        let mut entities = Vec::new();
        for entity in self.entities.iter().filter(|e| e.uid().type_name().basename() != "Action") {
            let json = entity.to_json_value().map_err(unwritable)?;
            entities.push((entity.uid().to_string(), json));
        }
        entities.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut entities: Vec<serde_json::Value> = entities.into_iter().map(|(_, json)| json).collect();
        for parents in entities.iter_mut().filter_map(|entity| entity.get_mut("parents")?.as_array_mut()) {
            parents.sort_by_key(ToString::to_string);
        }
        let context = self.context.to_json_value().map_err(unwritable)?;
        let questions: Vec<Question> = self.asked.iter().map(Question::of).collect();
        canonical::to_bytes(&Record { context, entities, questions })
    }
}

/// The recorded format of a case.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    pub(super) context: serde_json::Value,
    pub(super) entities: Vec<serde_json::Value>,
    pub(super) questions: Vec<Question>,
}

/// The recorded format of a query.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    pub(super) principal: EntityName,
    pub(super) action: EntityName,
    pub(super) resource: EntityName,
    pub(super) mandatory: PolicyAnswer,
    #[serde(rename = "override")]
    pub(super) over: PolicyAnswer,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) advisory: Option<PolicyAnswer>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) fault: Option<String>,
}

/// The name of an entity.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EntityName {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) id: String,
}

impl EntityName {
    pub(super) fn of(uid: &EntityUid) -> Self {
        Self { kind: uid.type_name().to_string(), id: uid.id().unescaped().to_owned() }
    }
}

impl Question {
    pub(super) fn of(asked: &PolicyQuery) -> Self {
        let [mandatory, over, advisory] = asked.answers.clone();
        Self {
            principal: EntityName::of(&asked.principal),
            action: EntityName::of(&asked.action),
            resource: EntityName::of(&asked.resource),
            mandatory,
            over,
            advisory: asked.with_advice.then_some(advisory),
            fault: asked.fault.clone(),
        }
    }
}

fn unwritable(error: impl std::error::Error) -> CanonicalError {
    CanonicalError::Json(serde::ser::Error::custom(error.to_string()))
}

/// An error with its causes, on one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Evaluates one set.
pub(super) fn answer_of(pack: &Pack, request: &Request, set: &PolicySet, entities: &Entities) -> PolicyAnswer {
    if set.is_empty() {
        return PolicyAnswer::default();
    }
    let response = pack.authorizer.is_authorized(request, set, entities);
    let mut by: Vec<String> = response.diagnostics().reason().map(|id| AsRef::<str>::as_ref(id).to_owned()).collect();
    by.sort_unstable();
    let mut errors: Vec<(String, String)> =
        response.diagnostics().errors().map(|error| (failing(error), chain(error))).collect();
    errors.sort_unstable();
    PolicyAnswer { allow: response.decision() == Decision::Allow, by, errors }
}

fn failing(error: &cedar_policy::AuthorizationError) -> String {
    match error {
        cedar_policy::AuthorizationError::PolicyEvaluationError(inner) => {
            AsRef::<str>::as_ref(inner.policy_id()).to_owned()
        }
    }
}
