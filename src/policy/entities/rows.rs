//! Entities before conversion to Cedar: attributes and flattened ancestors.
//!
//! Converts the rows of a builder into Cedar entities, or reports why the store would misrepresent the facts.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cedar_policy::{Entity, EntityUid, RestrictedExpression as Value};

use crate::policy::case::chain;

/// The type and name of an entity.
pub(super) type Key = (&'static str, String);

/// An attribute, whose value may refer to another entity.
pub(super) enum Attribute {
    Plain(Value),
    Reference(Key),
    References(Vec<Key>),
}

/// One entity.
pub(super) struct Row {
    pub(super) attributes: Vec<(&'static str, Attribute)>,
    pub(super) ancestors: BTreeSet<Key>,
}

/// All entities of a store.
#[derive(Default)]
pub(super) struct Rows {
    rows: BTreeMap<Key, Row>,
}

impl Rows {
    /// Adds an entity. It is never its own ancestor, because Cedar refuses cycles, and `in` is reflexive anyway.
    pub(super) fn insert(&mut self, key: Key, mut row: Row) {
        row.ancestors.remove(&key);
        self.rows.insert(key, row);
    }

    /// Whether it has this entity.
    pub(super) fn holds(&self, key: &Key) -> bool {
        self.rows.contains_key(key)
    }

    /// Refuses a store whose closure by Cedar would differ from the given flattened ancestors.
    ///
    /// # Errors
    /// If two entities of the store are ancestors of each other, or if the principal would inherit, from a group or
    /// role in its state after the change, a membership that it does not have before the plan.
    pub(super) fn check_representable(&self, principal: &Key) -> Result<(), String> {
        for (key, row) in &self.rows {
            for ancestor in &row.ancestors {
                let Some(above) = self.rows.get(ancestor) else { continue };
                if above.ancestors.contains(key) {
                    return Err(format!("`{}` and `{}` contain each other", key.1, ancestor.1));
                }
            }
        }
        let Some(held) = self.rows.get(principal).map(|row| &row.ancestors) else { return Ok(()) };
        for group in held {
            let lent = self.rows.get(group).map(|row| &row.ancestors);
            if let Some(more) = lent.and_then(|lent| lent.iter().find(|ancestor| !held.contains(*ancestor))) {
                return Err(format!(
                    "the proposer is in `{}`, which the change adds to `{}`, and must not be evaluated with access that it gains",
                    group.1, more.1
                ));
            }
        }
        Ok(())
    }

    /// Converts the rows into Cedar entities.
    pub(super) fn into_entities(self, uid: &dyn Fn(&Key) -> Result<EntityUid, String>) -> Result<Vec<Entity>, String> {
        let mut entities = Vec::with_capacity(self.rows.len());
        for (key, row) in self.rows {
            let mut attributes = HashMap::with_capacity(row.attributes.len());
            for (name, attribute) in row.attributes {
                let value = match attribute {
                    Attribute::Plain(value) => value,
                    Attribute::Reference(to) => Value::new_entity_uid(uid(&to)?),
                    Attribute::References(all) => {
                        let all: Result<Vec<Value>, String> =
                            all.iter().map(|to| Ok(Value::new_entity_uid(uid(to)?))).collect();
                        Value::new_set(all?)
                    }
                };
                attributes.insert(name.to_owned(), value);
            }
            let parents = row.ancestors.iter().map(uid).collect::<Result<_, _>>()?;
            entities.push(Entity::new(uid(&key)?, attributes, parents).map_err(|error| chain(&error))?);
        }
        Ok(entities)
    }
}
