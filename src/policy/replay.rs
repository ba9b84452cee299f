//! Decides a recorded case again, from the record and the pack of that time alone.
//!
//! Asks the recorded queries over the recorded entities, compares each answer, and derives the outcome of the change and
//! its determining policies from the new answers, by the rules of [`mod@crate::policy::outcome`]. Costs as much as the
//! first evaluation.

use std::collections::BTreeSet;

use cedar_policy::{Context, Entities, EntityId, EntityTypeName, EntityUid};

use crate::input::id::PolicyId;
use crate::input::text::Text;
use crate::policy::case::{Case, EntityName, PolicyAnswer, Question, Record, chain};
use crate::policy::explain;
use crate::policy::outcome::Outcome;
use crate::policy::pack::Pack;
use crate::policy::steps::StepName;

/// Why a recorded case cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The record is malformed, or in the format of another version.
    #[error("the recorded case cannot be read: {0}")]
    Record(String),
}

/// A query whose answer differs from the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differs {
    /// The action of the query.
    pub action: Text,
    /// The recorded answer.
    pub recorded: Text,
    /// The answer now.
    pub now: Text,
}

/// A case that was decided again.
#[derive(Debug)]
pub struct Replayed {
    /// The action of its first query.
    pub action: Text,
    /// The answers that differ from the record.
    pub differs: Vec<Differs>,
    /// The outcome, if the case is about a change. The steps are in the order of the queries.
    pub outcome: Outcome,
    /// The policies that determine the outcome.
    pub determining: BTreeSet<PolicyId>,
}

/// Decides a recorded case again.
///
/// # Errors
/// If the record does not parse or does not fit the pack's schema.
pub fn replay(pack: &Pack, record: &[u8]) -> Result<Replayed, ReplayError> {
    let record: Record = serde_json::from_slice(record).map_err(|error| unreadable(&error))?;
    let first = record.questions.first().ok_or_else(|| ReplayError::Record("it has no query".to_owned()))?;
    let same = |question: &Question| question.principal == first.principal && question.resource == first.resource;
    if !record.questions.iter().all(same) {
        return Err(ReplayError::Record("its queries are about different entities".to_owned()));
    }
    let (principal, action, resource) = (uid(&first.principal)?, uid(&first.action)?, uid(&first.resource)?);
    let entities = Entities::from_json_value(serde_json::Value::Array(record.entities), Some(&pack.schema))
        .map_err(|error| unreadable(&error))?;
    let context =
        Context::from_json_value(record.context, Some((&pack.schema, &action))).map_err(|error| unreadable(&error))?;
    let mut again = Again { pack, case: Case { entities, context, asked: Vec::new() }, differs: Vec::new() };
    again.ask(first, &principal, &resource)?;
    let (denials, _) = explain::hits(pack, &again.case);
    let (mut automatic, mut waived) = (None, Vec::new());
    for question in record.questions.iter().skip(1) {
        let permitted = again.ask(question, &principal, &resource)?;
        let name = question.action.id.as_str();
        match (permitted, name.strip_prefix("Waive").and_then(StepName::new)) {
            (Some(by), None) if name == "AutoApprove" => automatic = Some(by),
            (Some(by), Some(step)) => waived.push((step, by)),
            (Some(_) | None, _) => {}
        }
    }
    let mut determining: BTreeSet<PolicyId> = denials.iter().map(|hit| hit.policy.clone()).collect();
    let outcome = if let (true, Some(by)) = (denials.is_empty(), automatic) {
        determining.extend(by);
        Outcome::Auto
    } else {
        if waived.len() == pack.steps().len() && !waived.is_empty() {
            // WHY: a change that is not automatic needs at least one person.
            waived.remove(0);
        }
        determining.extend(waived.iter().flat_map(|(_, by)| by.iter().cloned()));
        let needed = pack.steps().iter().filter(|step| !waived.iter().any(|(done, _)| done == *step)).cloned();
        if denials.is_empty() { Outcome::Needs(needed.collect()) } else { Outcome::Denied }
    };
    Ok(Replayed { action: Text::from(first.action.id.as_str()), differs: again.differs, outcome, determining })
}

/// A case while it is decided again.
struct Again<'p> {
    pack: &'p Pack,
    case: Case,
    differs: Vec<Differs>,
}

impl Again<'_> {
    /// Asks a recorded query and compares the answers. Returns the policies that permit, if it is permitted.
    fn ask(
        &mut self,
        question: &Question,
        principal: &EntityUid,
        resource: &EntityUid,
    ) -> Result<Option<Vec<PolicyId>>, ReplayError> {
        let action = &question.action.id;
        let asked = self
            .case
            .ask(self.pack, principal, action, resource, question.advisory.is_some())
            .filter(|asked| EntityName::of(&asked.action) == question.action)
            .ok_or_else(|| ReplayError::Record("a query has no action".to_owned()))?;
        let now = Question::of(asked);
        let permitted = asked.permitted().then(|| asked.permitting());
        let mut differs = |recorded: String, now: String| {
            if recorded != now {
                self.differs.push(Differs {
                    action: Text::from(action.as_str()),
                    recorded: recorded.into(),
                    now: now.into(),
                });
            }
        };
        differs(possible(question).to_owned(), possible(&now).to_owned());
        differs(words(&question.mandatory), words(&now.mandatory));
        differs(words(&question.over), words(&now.over));
        if let (Some(recorded), Some(now)) = (&question.advisory, &now.advisory) {
            differs(words(recorded), words(now));
        }
        Ok(permitted)
    }
}

fn unreadable(error: &dyn std::error::Error) -> ReplayError {
    ReplayError::Record(chain(error))
}

fn uid(name: &EntityName) -> Result<EntityUid, ReplayError> {
    let kind = name.kind.parse::<EntityTypeName>().map_err(|error| unreadable(&error))?;
    Ok(EntityUid::from_type_name_and_id(kind, EntityId::new(&name.id)))
}

fn possible(question: &Question) -> &'static str {
    if question.fault.is_some() { "not possible" } else { "possible" }
}

/// An answer without the texts of errors, which are not part of the format.
fn words(answer: &PolicyAnswer) -> String {
    let verdict = if answer.allow { "allowed" } else { "not allowed" };
    let errors: Vec<&str> = answer.errors.iter().map(|(id, _)| id.as_str()).collect();
    format!("{verdict} by [{}], failing [{}]", answer.by.join(", "), errors.join(", "))
}

/// The action of the schema for the action of a plan as a log records it: `CreateRole` for `create_role`.
#[must_use]
pub fn recorded_action(word: &str) -> String {
    word.split('_')
        .flat_map(|part| {
            let mut letters = part.chars();
            letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters)
        })
        .collect()
}
