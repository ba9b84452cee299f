//! Evaluates a recorded case again.
//!
//! Returns the answers that differ from the record, evaluated with the pack of that time. Uses only the record and the
//! pack.

use cedar_policy::{Context, Entities, EntityId, EntityTypeName, EntityUid, Request};

use crate::input::text::Text;
use crate::policy::case::{EntityName, PolicyAnswer, Question, Record, answer_of, chain};
use crate::policy::pack::Pack;

/// Why a recorded case cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The record is malformed.
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

/// Evaluates a recorded case again.
///
/// # Errors
/// If the record does not parse or does not fit the pack's schema.
pub fn replay(pack: &Pack, record: &[u8]) -> Result<Vec<Differs>, ReplayError> {
    let record: Record = serde_json::from_slice(record).map_err(|error| ReplayError::Record(chain(&error)))?;
    let entities = Entities::from_json_value(serde_json::Value::Array(record.entities), Some(&pack.schema))
        .map_err(|error| ReplayError::Record(chain(&error)))?;
    let mut differs = Vec::new();
    for question in record.questions.iter().filter(|question| question.fault.is_none()) {
        let now = again(pack, &entities, &record.context, question)?;
        let recorded = [Some(&question.mandatory), Some(&question.over), question.advisory.as_ref()];
        for (was, is) in recorded.into_iter().zip(&now) {
            if let Some(was) = was.filter(|was| *was != is) {
                differs.push(Differs {
                    action: Text::from(question.action.id.as_str()),
                    recorded: Text::from(words(was)),
                    now: Text::from(words(is)),
                });
            }
        }
    }
    Ok(differs)
}

fn again(
    pack: &Pack,
    entities: &Entities,
    context: &serde_json::Value,
    question: &Question,
) -> Result<[PolicyAnswer; 3], ReplayError> {
    let action = uid(&question.action)?;
    let context = Context::from_json_value(context.clone(), Some((&pack.schema, &action)))
        .map_err(|error| ReplayError::Record(chain(&error)))?;
    let request =
        Request::new(uid(&question.principal)?, action, uid(&question.resource)?, context, Some(&pack.schema))
            .map_err(|error| ReplayError::Record(chain(&error)))?;
    let sets = pack
        .sets(&question.action.id)
        .ok_or_else(|| ReplayError::Record("the schema has no such action".to_owned()))?;
    Ok(sets.map(|set| answer_of(pack, &request, set, entities)))
}

fn uid(name: &EntityName) -> Result<EntityUid, ReplayError> {
    let kind = name.kind.parse::<EntityTypeName>().map_err(|error| ReplayError::Record(chain(&error)))?;
    Ok(EntityUid::from_type_name_and_id(kind, EntityId::new(&name.id)))
}

fn words(answer: &PolicyAnswer) -> String {
    let verdict = if answer.allow { "allowed" } else { "not allowed" };
    let errors: Vec<&str> = answer.errors.iter().map(|(id, _)| id.as_str()).collect();
    format!("{verdict} by [{}], failing [{}]", answer.by.join(", "), errors.join(", "))
}
