//! Shorthand constructors for the tables of this module.

use crate::input::form::{FieldRule, Need, ValueShape};

/// The maximum number of entries in a list of a configuration file.
pub(super) const MOST: usize = 10_000;

/// The required version field of every configuration file.
pub(super) const VERSION: FieldRule = required("version", ValueShape::Integer(1, 1), "The version of this format: 1.");

/// A list of ids.
pub(super) const IDS: ValueShape = ValueShape::List(&ValueShape::Id, 0, MOST);

pub(super) const fn required(name: &'static str, shape: ValueShape, about: &'static str) -> FieldRule {
    FieldRule { name, shape, need: Need::Required, about }
}

pub(super) const fn optional(name: &'static str, shape: ValueShape, about: &'static str) -> FieldRule {
    FieldRule { name, shape, need: Need::Optional, about }
}

pub(super) const fn one_of(
    group: &'static str,
    name: &'static str,
    shape: ValueShape,
    about: &'static str,
) -> FieldRule {
    FieldRule { name, shape, need: Need::OneOf(group), about }
}
