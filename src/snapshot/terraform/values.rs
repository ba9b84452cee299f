//! One side of a resource: its attributes before or after, and which of them are unknown or sensitive.
//!
//! Terraform leaves an unknown attribute out of an object and writes null for an unknown element of a list; `after_unknown`
//! has the same shape and says which. A sensitive value is treated as an unknown one, so that it is never copied.
//!
//! Two hidden values may differ. So the placeholders of a resource that changes have other names before than after, and a
//! hidden value gives nothing before and anything after: what is hidden is always a gain.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::Value;

use super::document::{Configuration, Fate, ResourceChange};

/// The beginning of a name that stands for an unknown one.
pub(super) const UNKNOWN: &str = "unknown(";

/// The attributes of a resource, on one side.
pub(super) struct Side<'r> {
    resource: &'r ResourceChange,
    configuration: &'r Configuration,
    value: &'r Value,
    unknown: &'r Value,
    sensitive: &'r Value,
    /// Whether it is the earlier side of a resource that changes.
    is_past: bool,
    /// The attributes that were asked for and are unknown.
    missing: RefCell<BTreeSet<String>>,
}

/// An attribute.
enum Attribute<'r> {
    Known(&'r Value),
    Unknown,
    Absent,
}

/// A list of texts, of which some may be unknown.
pub(super) struct Texts {
    pub list: Vec<String>,
    /// Whether every element is known.
    pub known: bool,
}

impl<'r> Side<'r> {
    /// The side before the change, if there is one.
    pub fn before(resource: &'r ResourceChange, configuration: &'r Configuration) -> Option<Self> {
        let change = &resource.change;
        let mut side = Self::of(resource, configuration, &change.before, &Value::Null, &change.before_sensitive)?;
        side.is_past = matches!(resource.fate(), Fate::Changes | Fate::Unknown);
        Some(side)
    }

    /// The side after the change, if there is one.
    pub fn after(resource: &'r ResourceChange, configuration: &'r Configuration) -> Option<Self> {
        let change = &resource.change;
        Self::of(resource, configuration, &change.after, &change.after_unknown, &change.after_sensitive)
    }

    fn of(
        resource: &'r ResourceChange,
        configuration: &'r Configuration,
        value: &'r Value,
        unknown: &'r Value,
        sensitive: &'r Value,
    ) -> Option<Self> {
        let is_there = value.is_object() || *unknown == Value::Bool(true);
        let missing = RefCell::default();
        is_there.then_some(Self { resource, configuration, value, unknown, sensitive, is_past: false, missing })
    }

    pub fn address(&self) -> &'r str {
        &self.resource.address
    }

    pub fn kind(&self) -> &'r str {
        &self.resource.kind
    }

    /// The unknown attributes that were asked for.
    pub fn missing(&self) -> BTreeSet<String> {
        self.missing.borrow().clone()
    }

    /// A name that stands for an unknown attribute.
    pub fn placeholder(&self, name: &str) -> String {
        let from = self.configuration.reference(self.resource, name);
        let label = from.map_or_else(|| name.to_owned(), |from| format!("{name} (from {from})"));
        self.missing.borrow_mut().insert(label);
        let when = if self.is_past { "before " } else { "" };
        format!("{UNKNOWN}{when}{}.{name})", self.resource.address)
    }

    fn get(&self, name: &str) -> Attribute<'r> {
        let is = |tree: &Value| *tree == Value::Bool(true) || tree.get(name) == Some(&Value::Bool(true));
        if is(self.unknown) || is(self.sensitive) {
            return Attribute::Unknown;
        }
        match self.value.get(name) {
            None | Some(Value::Null) => Attribute::Absent,
            Some(value) => Attribute::Known(value),
        }
    }

    /// Whether an attribute is unknown because the configuration leaves it to the provider.
    pub fn is_computed(&self, name: &str) -> bool {
        matches!(self.get(name), Attribute::Unknown) && self.configuration.leaves_out(self.resource, name)
    }

    /// A text, or its placeholder; none if it is absent or empty.
    pub fn text(&self, name: &str) -> Option<String> {
        match self.get(name) {
            Attribute::Known(Value::String(text)) if text.is_empty() => None,
            Attribute::Known(Value::String(text)) => Some(text.clone()),
            Attribute::Known(Value::Number(number)) => Some(number.to_string()),
            Attribute::Known(_) | Attribute::Unknown => Some(self.placeholder(name)),
            Attribute::Absent => None,
        }
    }

    /// A text that is known.
    pub fn known(&self, name: &str) -> Option<String> {
        match self.get(name) {
            Attribute::Known(Value::String(text)) if !text.is_empty() => Some(text.clone()),
            Attribute::Known(Value::Number(number)) => Some(number.to_string()),
            Attribute::Known(_) | Attribute::Unknown | Attribute::Absent => None,
        }
    }

    /// A text that must be there: absent is unknown.
    pub fn required(&self, name: &str) -> String {
        self.text(name).unwrap_or_else(|| self.placeholder(name))
    }

    /// The same, where the provider may have a constant for it.
    pub fn required_or_default(&self, name: &str) -> String {
        let default = self.configuration.provider_default(self.resource, name);
        match (self.known(name), default) {
            (Some(text), _) => text,
            (None, Some(default)) => default.to_owned(),
            (None, None) => self.required(name),
        }
    }

    /// Whether it is the earlier side of a resource that changes: what is hidden there gives nothing.
    pub fn is_past(&self) -> bool {
        self.is_past
    }

    /// Whether an attribute that takes access away is set. One that is unknown takes nothing away.
    pub fn takes(&self, name: &str) -> bool {
        self.flag(name).unwrap_or(false)
    }

    /// Whether an attribute that gives access is set. One that is unknown gives it, except on the earlier side.
    pub fn gives(&self, name: &str) -> bool {
        self.flag(name).unwrap_or(!self.is_past)
    }

    /// A flag, which is off if it is absent; none if it is unknown.
    fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name) {
            Attribute::Known(Value::Bool(flag)) => Some(*flag),
            Attribute::Absent => Some(false),
            Attribute::Known(_) | Attribute::Unknown => {
                self.placeholder(name);
                None
            }
        }
    }

    /// Whether a text is a certain one. One that is unknown is, except on the earlier side.
    pub fn may_be(&self, name: &str, wanted: &str) -> bool {
        match self.text(name) {
            Some(text) if text.starts_with(UNKNOWN) => !self.is_past,
            text => text.as_deref() == Some(wanted),
        }
    }

    /// A list or set of texts. A placeholder stands for each unknown element, and one for a list that is unknown as a whole.
    pub fn texts(&self, name: &str) -> Texts {
        let unknown = || Texts { list: vec![self.placeholder(name)], known: false };
        match self.get(name) {
            Attribute::Absent => Texts { list: Vec::new(), known: true },
            Attribute::Known(Value::Array(items)) => {
                let of = |tree: &'r Value| tree.get(name).and_then(Value::as_array);
                // A set has no order, so that an unknown element may be shown in any place.
                let hides = |list: &Vec<Value>| list.iter().any(|it| *it == Value::Bool(true));
                let hidden = of(self.unknown).is_some_and(hides) || of(self.sensitive).is_some_and(hides);
                let is_sensitive = of(self.sensitive).is_some_and(hides);
                let mut list: Vec<String> =
                    items.iter().filter(|_| !is_sensitive).filter_map(|it| it.as_str().map(str::to_owned)).collect();
                let odd = items.iter().any(|it| !it.is_string());
                if hidden || odd {
                    list.push(self.placeholder(name));
                }
                Texts { list, known: !(hidden || odd) }
            }
            Attribute::Unknown | Attribute::Known(_) => unknown(),
        }
    }

    /// The blocks of a nested block type; none if they are unknown.
    pub fn blocks(&self, name: &str) -> Option<Vec<Block<'r>>> {
        let items = match self.get(name) {
            Attribute::Absent => return Some(Vec::new()),
            Attribute::Known(Value::Array(items)) => items,
            Attribute::Unknown | Attribute::Known(_) => {
                self.placeholder(name);
                return None;
            }
        };
        let nth = |tree: &'r Value, at: usize| tree.get(name).and_then(|list| list.get(at)).unwrap_or(&Value::Null);
        let block = |(at, value)| Block { value, unknown: nth(self.unknown, at), sensitive: nth(self.sensitive, at) };
        Some(items.iter().enumerate().map(block).collect())
    }

    /// An object with any content; none if it is absent or any part of it is unknown.
    pub fn object(&self, name: &str) -> Option<Value> {
        let hides = |tree: &Value| tree.get(name).is_some_and(hides);
        match self.get(name) {
            Attribute::Known(value @ Value::Object(_)) if !hides(self.unknown) && !hides(self.sensitive) => {
                Some(value.clone())
            }
            Attribute::Absent => None,
            Attribute::Known(_) | Attribute::Unknown => {
                self.placeholder(name);
                None
            }
        }
    }

    /// A document in JSON, which is mostly written as a text. None if it is unknown or no JSON.
    pub fn json(&self, name: &str) -> Option<Value> {
        let found = match self.get(name) {
            Attribute::Known(Value::String(text)) => serde_json::from_str(text).ok(),
            Attribute::Known(value @ Value::Object(_)) => {
                let hides = |tree: &Value| tree.get(name).is_some_and(hides);
                (!hides(self.unknown) && !hides(self.sensitive)).then(|| value.clone())
            }
            Attribute::Known(_) | Attribute::Unknown | Attribute::Absent => None,
        };
        if found.is_none() {
            self.placeholder(name);
        }
        found
    }

    /// The same. Where it is unknown it is `anything`, and on the earlier side nothing: a document without statements.
    pub fn document(&self, name: &str, anything: impl FnOnce() -> Value) -> Value {
        let nothing = || serde_json::json!({"Version": "2012-10-17", "Statement": []});
        self.json(name).unwrap_or_else(|| if self.is_past { nothing() } else { anything() })
    }

    /// Whether an attribute is neither absent nor empty.
    pub fn has(&self, name: &str) -> bool {
        match self.get(name) {
            Attribute::Absent => false,
            Attribute::Unknown => !self.is_computed(name),
            Attribute::Known(Value::Array(list)) => !list.is_empty(),
            Attribute::Known(Value::String(text)) => !text.is_empty(),
            Attribute::Known(_) => true,
        }
    }
}

/// Whether anything in a tree of marks is marked.
fn hides(tree: &Value) -> bool {
    match tree {
        Value::Bool(flag) => *flag,
        Value::Array(items) => items.iter().any(hides),
        Value::Object(fields) => fields.values().any(hides),
        Value::Null | Value::Number(_) | Value::String(_) => false,
    }
}

/// A nested block.
#[derive(Clone, Copy)]
pub(super) struct Block<'r> {
    value: &'r Value,
    unknown: &'r Value,
    sensitive: &'r Value,
}

impl<'r> Block<'r> {
    /// A text of the block: `Err` if it is unknown, `Ok(None)` if it is absent.
    pub fn text(self, name: &str) -> Result<Option<&'r str>, ()> {
        let is = |tree: &Value| *tree == Value::Bool(true) || tree.get(name) == Some(&Value::Bool(true));
        if is(self.unknown) || is(self.sensitive) {
            return Err(());
        }
        match self.value.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(()),
        }
    }

    /// The keys of a map of the block: none if they are unknown.
    pub fn keys(self, name: &str) -> Option<Vec<&'r str>> {
        let is = |tree: &Value| *tree == Value::Bool(true) || tree.get(name) == Some(&Value::Bool(true));
        match self.value.get(name) {
            _ if is(self.unknown) || is(self.sensitive) => None,
            None | Some(Value::Null) => Some(Vec::new()),
            Some(Value::Object(map)) => Some(map.keys().map(String::as_str).collect()),
            Some(_) => None,
        }
    }

    /// A list of texts of the block: none if any is unknown.
    pub fn texts(self, name: &str) -> Option<Vec<&'r str>> {
        let is = |tree: &Value| match tree.get(name) {
            Some(Value::Bool(flag)) => *flag,
            Some(Value::Array(list)) => list.iter().any(|it| *it == Value::Bool(true)),
            _ => *tree == Value::Bool(true),
        };
        if is(self.unknown) || is(self.sensitive) {
            return None;
        }
        match self.value.get(name) {
            None | Some(Value::Null) => Some(Vec::new()),
            Some(Value::Array(items)) => items.iter().map(Value::as_str).collect(),
            Some(_) => None,
        }
    }
}
