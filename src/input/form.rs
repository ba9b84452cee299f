//! Checks an [`InputNode`] tree against a table of fields, and reads typed values from it.
//!
//! [`check`] compares a tree with its [`ValueShape`] and reports every fault at its place, with the nearest known name. It
//! takes time linear in the tree. [`TypedFields`] then reads typed values. The same table generates the JSON Schema in
//! [`super::form_schema`], so the two always agree. A getter returns `None` both for an absent value and for an invalid
//! one, so use its result only if [`check`] reported nothing.

use super::digest::{Digest, of};
use super::finding::{Code, Finding};
use super::id::Id;
use super::nearest::nearest;
use super::node::{InputEntry, InputNode, InputValue};
use super::place::Placed;
use super::text::Text;
use super::time::{Span, Time};

/// The maximum length of an id, in bytes.
pub const MAX_ID: usize = 256;
/// The maximum length of a text, in bytes.
pub const MAX_TEXT: usize = 16_384;
/// The maximum number of findings per file. Further faults are not reported.
pub const MAX_FAULTS: usize = 1_000;

/// One field of a mapping.
#[derive(Clone, Copy, Debug)]
pub struct FieldRule {
    /// The key.
    pub name: &'static str,
    /// The shape of its value.
    pub shape: ValueShape,
    /// Whether it is required.
    pub need: Need,
    /// Its purpose, in one sentence.
    pub about: &'static str,
}

/// Whether a field is required.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Always required.
    Required,
    /// Optional.
    Optional,
    /// Exactly one of the fields with this group name is required.
    OneOf(&'static str),
    /// At most one of the fields with this group name is allowed.
    AtMostOne(&'static str),
}

/// The shape of a value.
#[derive(Clone, Copy, Debug)]
pub enum ValueShape {
    /// Text of 1 to [`MAX_TEXT`] bytes.
    Text,
    /// A name of 1 to [`MAX_ID`] bytes on one line, without leading or trailing white space.
    Id,
    /// An RFC 3339 time with an offset, or a date.
    Time,
    /// A duration such as `45m`, `4h` or `7d`.
    Span,
    /// `true` or `false`.
    Bool,
    /// A whole number from a minimum to a maximum, both inclusive.
    Integer(i64, i64),
    /// `sha256:` and 64 lower-case hexadecimal digits.
    Digest,
    /// One of these words.
    Words(&'static [&'static str]),
    /// A list: the shape of the items, and the minimum and maximum number of items.
    List(&'static ValueShape, usize, usize),
    /// A mapping with these fields. The noun is used in messages.
    Mapping(&'static str, &'static [FieldRule]),
    /// A mapping from names to values of one shape.
    Named(&'static ValueShape),
    /// A mapping whose fields depend on the value of one field.
    Variants(&'static Variants),
}

/// A mapping whose fields depend on one of its fields.
#[derive(Debug)]
pub struct Variants {
    /// The noun for such a mapping in messages.
    pub noun: &'static str,
    /// The field that selects the case.
    pub by: &'static str,
    /// The purpose of that field.
    pub about: &'static str,
    /// The fields of every case.
    pub common: &'static [FieldRule],
    /// The cases.
    pub cases: &'static [VariantCase],
}

/// One case of a [`Variants`].
#[derive(Debug)]
pub struct VariantCase {
    /// The word that selects the case.
    pub word: &'static str,
    /// What it means, in one sentence.
    pub about: &'static str,
    /// The fields of this case only.
    pub rules: &'static [FieldRule],
}

impl Variants {
    /// The case that a word selects.
    #[must_use]
    pub fn case(&self, word: &str) -> Option<&'static VariantCase> {
        self.cases.iter().find(|case| case.word == word)
    }
}

/// Checks that a value has a shape and adds every fault to `findings`. Messages call the value `what`.
pub fn check(node: &InputNode, shape: &ValueShape, what: &str, findings: &mut Vec<Finding>) {
    if findings.len() >= MAX_FAULTS {
        return;
    }
    let mut wrong = |code: Code, message: String, help: String| {
        findings.push(Finding::new(code, message).at(&node.place).help(help));
    };
    match (shape, &node.value) {
        (_, InputValue::Faulty) | (ValueShape::Bool, InputValue::Bool(_)) => {}
        (_, InputValue::Null) => {
            wrong(Code::WrongType, format!("{what} has no value"), format!("give it {} or remove it", expected(shape)));
        }
        (ValueShape::Text, InputValue::Text(text)) => {
            if text.raw().trim().is_empty() {
                wrong(Code::BadValue, format!("{what} is empty"), "write a text".to_owned());
            } else if text.raw().len() > MAX_TEXT {
                wrong(Code::BadValue, format!("{what} is longer than {MAX_TEXT} bytes"), "shorten it".to_owned());
            }
        }
        (ValueShape::Id, InputValue::Text(text)) => {
            if let Some(fault) = id_fault(text.raw()) {
                wrong(Code::BadValue, format!("{what} {fault}"), format!("expected {}", expected(shape)));
            }
        }
        (ValueShape::Time, InputValue::Text(text)) if time(text.raw()).is_some() => {}
        (ValueShape::Span, InputValue::Text(text)) if span(text.raw()).is_some() => {}
        (ValueShape::Digest, InputValue::Text(text)) if digest(text.raw()).is_some() => {}
        (ValueShape::Words(words), InputValue::Text(text)) if words.contains(&text.raw()) => {}
        (ValueShape::Integer(least, most), InputValue::Integer(n)) if (least..=most).contains(&n) => {}
        (ValueShape::Words(words), InputValue::Text(text)) => {
            let help = nearest(text.raw(), words.iter().copied())
                .map_or_else(|| format!("expected {}", expected(shape)), |word| format!("did you mean `{word}`"));
            wrong(Code::BadValue, format!("{what} is `{}`, which is not allowed", text.raw()), help);
        }
        (ValueShape::Time | ValueShape::Span | ValueShape::Digest, InputValue::Text(text)) => {
            let message = format!("{what} is `{}`, which is not {}", text.raw(), expected(shape));
            wrong(Code::BadValue, message, format!("write {}", expected(shape)));
        }
        (ValueShape::Integer(..), InputValue::Integer(n)) => {
            wrong(Code::BadValue, format!("{what} is {n}"), format!("expected {}", expected(shape)));
        }
        (ValueShape::List(of, least, most), InputValue::List(items)) => {
            if items.len() < *least || items.len() > *most {
                let message = format!("{what} has {} items", items.len());
                wrong(Code::BadValue, message, format!("expected {least} to {most}"));
            }
            for (item, n) in items.iter().take(*most).zip(1_usize..) {
                check(item, of, &label(of, item).unwrap_or_else(|| format!("item {n} of {what}")), findings);
            }
        }
        (ValueShape::Mapping(_, rules), InputValue::Mapping(entries)) => {
            fields(node, entries, rules, what, what, findings);
        }
        (ValueShape::Named(of), InputValue::Mapping(entries)) => {
            for entry in entries {
                let name = entry.key.value.raw();
                if let Some(fault) = id_fault(name) {
                    let message = format!("the name `{name}` in {what} {fault}");
                    findings.push(Finding::new(Code::BadValue, message).at(&entry.key.place));
                }
                check(&entry.value, of, &format!("`{name}` of {what}"), findings);
            }
        }
        (ValueShape::Variants(variants), InputValue::Mapping(entries)) => {
            variant(node, entries, variants, what, findings);
        }
        _ => {
            let quote = matches!(node.value, InputValue::Bool(_) | InputValue::Integer(_) | InputValue::Number(_));
            let textual = matches!(shape, ValueShape::Text | ValueShape::Id | ValueShape::Words(_));
            let help = if quote && textual { "quote it".to_owned() } else { format!("write {}", expected(shape)) };
            wrong(Code::WrongType, format!("{what} is {}, not {}", node.kind(), expected(shape)), help);
        }
    }
}

fn variant(node: &InputNode, entries: &[InputEntry], variants: &Variants, what: &str, findings: &mut Vec<Finding>) {
    let words: Vec<_> = variants.cases.iter().map(|case| case.word).collect();
    let chosen = entries.iter().find(|entry| entry.key.value.raw() == variants.by).map(|entry| &entry.value);
    let Some(chosen) = chosen else {
        let message = format!("{what} lacks `{}`", variants.by);
        let help = format!("add `{}: …` with one of {}", variants.by, listed(&words));
        findings.push(Finding::new(Code::MissingField, message).at(node.head()).help(help));
        return;
    };
    let Some(word) = chosen.as_text() else {
        check(chosen, &ValueShape::Id, &format!("`{}` of {what}", variants.by), findings);
        return;
    };
    let Some(case) = variants.case(word.raw()) else {
        let message = format!("{what} has the unknown {} `{}`", variants.by, word.raw());
        let help = nearest(word.raw(), words.iter().copied())
            .map_or_else(|| format!("known values are {}", listed(&words)), |near| format!("did you mean `{near}`"));
        findings.push(Finding::new(Code::BadValue, message).at(&chosen.place).help(help));
        return;
    };
    let by = FieldRule { name: variants.by, shape: ValueShape::Id, need: Need::Required, about: variants.about };
    let rules: Vec<FieldRule> = variants.common.iter().chain(std::iter::once(&by)).chain(case.rules).copied().collect();
    fields(node, entries, &rules, what, &format!("`{}` ({what})", case.word), findings);
}

/// Checks the fields of a mapping: the shape of each known field, then missing and mutually exclusive fields.
fn fields(
    node: &InputNode,
    entries: &[InputEntry],
    rules: &[FieldRule],
    what: &str,
    owner: &str,
    findings: &mut Vec<Finding>,
) {
    let names: Vec<_> = rules.iter().map(|rule| rule.name).collect();
    // Compute this once per mapping: a hostile file may contain tens of thousands of unknown keys.
    let absent: Vec<_> =
        names.iter().copied().filter(|known| !entries.iter().any(|e| e.key.value.raw() == *known)).collect();
    for entry in entries {
        if findings.len() >= MAX_FAULTS {
            return;
        }
        let name = entry.key.value.raw();
        if let Some(rule) = rules.iter().find(|rule| rule.name == name) {
            check(&entry.value, &rule.shape, &format!("`{name}` of {what}"), findings);
            continue;
        }
        let allowed = format!("allowed fields are {}", listed(&names));
        let help = nearest(name, absent.iter().copied())
            .map_or_else(|| allowed.clone(), |near| format!("did you mean `{near}`; {allowed}"));
        // Do not quote a very long name: it is not a mistyped field and may be a token or a key.
        let message = match name.len() {
            ..=64 => format!("{owner} has no field `{name}`"),
            long => format!("{owner} has no field with a name of {long} bytes"),
        };
        findings.push(Finding::new(Code::UnknownField, message).at(&entry.key.place).help(help));
    }
    let present = |name: &str| entries.iter().find(|entry| entry.key.value.raw() == name);
    let mut groups: Vec<&str> = Vec::new();
    for rule in rules {
        let (word, needed) = match rule.need {
            Need::Optional => continue,
            Need::Required => {
                if present(rule.name).is_none() {
                    let message = format!("{what} lacks `{}`", rule.name);
                    let help = format!("add `{}:`, {}", rule.name, expected(&rule.shape));
                    findings.push(Finding::new(Code::MissingField, message).at(node.head()).help(help));
                }
                continue;
            }
            Need::OneOf(word) => (word, true),
            Need::AtMostOne(word) => (word, false),
        };
        if groups.contains(&word) {
            continue;
        }
        groups.push(word);
        let members: Vec<&str> = rules
            .iter()
            .filter(|r| r.need == Need::OneOf(word) || r.need == Need::AtMostOne(word))
            .map(|r| r.name)
            .collect();
        let mut found = entries.iter().filter(|entry| members.contains(&entry.key.value.raw()));
        match (found.next(), found.next()) {
            (None, _) if needed => {
                let message = format!("{what} has none of {}", listed(&members));
                findings
                    .push(Finding::new(Code::MissingField, message).at(node.head()).help("add exactly one of them"));
            }
            (Some(first), Some(second)) => {
                let (a, b) = (first.key.value.raw(), second.key.value.raw());
                let message = format!("{what} has both `{a}` and `{b}`");
                findings.push(Finding::new(Code::BadValue, message).at(&second.key.place).help("keep one of them"));
            }
            _ => {}
        }
    }
}

/// The name of a list item in messages: its noun and, if it has one, its id.
fn label(shape: &ValueShape, item: &InputNode) -> Option<String> {
    let noun = match shape {
        ValueShape::Mapping(noun, _) => noun,
        ValueShape::Variants(variants) => variants.noun,
        ValueShape::Text
        | ValueShape::Id
        | ValueShape::Time
        | ValueShape::Span
        | ValueShape::Bool
        | ValueShape::Integer(..)
        | ValueShape::Digest
        | ValueShape::Words(_)
        | ValueShape::List(..)
        | ValueShape::Named(_) => return None,
    };
    let id = item.get("id").and_then(InputNode::as_text).filter(|id| id_fault(id.raw()).is_none())?;
    Some(format!("{noun} `{}`", id.raw()))
}

/// A description of the shape for messages.
fn expected(shape: &ValueShape) -> String {
    match shape {
        ValueShape::Text => format!("text of at most {MAX_TEXT} bytes"),
        ValueShape::Id => format!("a name of at most {MAX_ID} bytes on one line"),
        ValueShape::Time => "a time such as `2026-11-30T00:00:00Z`".to_owned(),
        ValueShape::Span => "a duration such as `45m`, `4h` or `7d`".to_owned(),
        ValueShape::Bool => "`true` or `false`".to_owned(),
        ValueShape::Integer(least, most) if least == most => format!("the number {least}"),
        ValueShape::Integer(least, most) => format!("a whole number from {least} to {most}"),
        ValueShape::Digest => "`sha256:` and 64 lower-case hexadecimal digits".to_owned(),
        ValueShape::Words(words) => format!("one of {}", listed(words)),
        ValueShape::List(..) => "a list".to_owned(),
        ValueShape::Mapping(..) | ValueShape::Named(_) | ValueShape::Variants(_) => "a mapping".to_owned(),
    }
}

fn listed(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

fn id_fault(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        Some("is empty")
    } else if text.len() > MAX_ID {
        Some("is too long")
    } else if text.contains('\n') {
        Some("spans several lines")
    } else if text.trim() == text {
        None
    } else {
        Some("begins or ends with white space")
    }
}

/// Parses a time: `YYYY-MM-DD`, optionally followed by `THH:MM:SS`, an optional fraction, and `Z` or `±HH:MM`.
#[must_use]
pub fn time(text: &str) -> Option<Time> {
    let shaped = |text: &str, pattern: &str| {
        text.len() == pattern.len()
            && text.bytes().zip(pattern.bytes()).all(|(b, p)| if p == b'0' { b.is_ascii_digit() } else { b == p })
    };
    let fits = shaped(text, "0000-00-00") || {
        let (head, tail) = text.split_at_checked(19)?;
        let fraction =
            tail.strip_prefix('.').map_or(tail, |rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
        let digits = tail.len().saturating_sub(fraction.len());
        shaped(head, "0000-00-00T00:00:00")
            && (digits == 0 || (2..=10).contains(&digits))
            && (fraction == "Z" || shaped(fraction, "+00:00") || shaped(fraction, "-00:00"))
    };
    if fits { Time::parse(text) } else { None }
}

/// Parses a duration. Rejects a leading zero.
#[must_use]
pub fn span(text: &str) -> Option<Span> {
    if text.starts_with('0') { None } else { Span::parse(text) }
}

fn digest(text: &str) -> Option<Digest<of::File>> {
    Digest::parse(text.strip_prefix("sha256:")?)
}

/// The typed values of a mapping.
#[derive(Clone, Copy, Debug)]
pub struct TypedFields<'n> {
    entries: &'n [InputEntry],
}

impl<'n> TypedFields<'n> {
    /// The fields of a mapping, or `None` for any other value.
    #[must_use]
    pub fn of(node: &'n InputNode) -> Option<Self> {
        node.entries().map(|entries| Self { entries })
    }

    /// The entry of a field, if present.
    #[must_use]
    pub fn entry(&self, name: &str) -> Option<&'n InputEntry> {
        self.entries.iter().find(|entry| entry.key.value.raw() == name)
    }

    /// The value of a field, if present.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'n InputNode> {
        self.entry(name).map(|entry| &entry.value)
    }

    /// All entries, for a mapping from names.
    #[must_use]
    pub fn entries(&self) -> &'n [InputEntry] {
        self.entries
    }

    fn parsed<T>(&self, name: &str, parse: impl FnOnce(&Text) -> Option<T>) -> Option<Placed<T>> {
        let node = self.get(name)?;
        Some(Placed::new(parse(node.as_text()?)?, node.place.clone()))
    }

    /// A text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<Placed<Text>> {
        self.parsed(name, |text| Some(text.clone()))
    }

    /// A name.
    #[must_use]
    pub fn id<K>(&self, name: &str) -> Option<Placed<Id<K>>> {
        id(self.get(name)?)
    }

    /// A time.
    #[must_use]
    pub fn time(&self, name: &str) -> Option<Placed<Time>> {
        self.parsed(name, |text| time(text.raw()))
    }

    /// A span.
    #[must_use]
    pub fn span(&self, name: &str) -> Option<Placed<Span>> {
        self.parsed(name, |text| span(text.raw()))
    }

    /// A digest of a file.
    #[must_use]
    pub fn digest(&self, name: &str) -> Option<Placed<Digest<of::File>>> {
        self.parsed(name, |text| digest(text.raw()))
    }

    /// `true` or `false`.
    #[must_use]
    pub fn bool(&self, name: &str) -> Option<Placed<bool>> {
        let node = self.get(name)?;
        if let InputValue::Bool(value) = node.value { Some(Placed::new(value, node.place.clone())) } else { None }
    }

    /// A whole number.
    #[must_use]
    pub fn integer(&self, name: &str) -> Option<Placed<i64>> {
        let node = self.get(name)?;
        if let InputValue::Integer(value) = node.value { Some(Placed::new(value, node.place.clone())) } else { None }
    }

    /// One of `all`, selected by the word that `word_of` returns for it.
    #[must_use]
    pub fn word<T: Copy>(&self, name: &str, all: &[T], word_of: fn(T) -> &'static str) -> Option<Placed<T>> {
        self.parsed(name, |text| all.iter().copied().find(|one| word_of(*one) == text.raw()))
    }

    /// The items of a list, or an empty list if it is absent.
    #[must_use]
    pub fn list(&self, name: &str) -> &'n [InputNode] {
        self.get(name).and_then(InputNode::items).unwrap_or_default()
    }

    /// A list of names.
    #[must_use]
    pub fn ids<K>(&self, name: &str) -> Vec<Placed<Id<K>>> {
        self.list(name).iter().filter_map(id).collect()
    }

    /// A nested mapping.
    #[must_use]
    pub fn fields(&self, name: &str) -> Option<TypedFields<'n>> {
        TypedFields::of(self.get(name)?)
    }
}

/// The name in a node.
#[must_use]
pub fn id<K>(node: &InputNode) -> Option<Placed<Id<K>>> {
    let text = node.as_text()?;
    id_fault(text.raw()).is_none().then(|| Placed::new(Id::new(text.raw()), node.place.clone()))
}
