//! Policy documents: objects, JSON text, or URL-encoded JSON text.
//!
//! In: a document as an export holds it. Out: its statements; findings for what AWS would not have taken. A document that
//! does not read is an error: what it gives would be hidden.
//!
//! Source: AWS, IAM reference, "Grammar of the IAM JSON policy language".

use std::sync::Arc;

use super::condition;
use super::principal::{self, Principals};
use super::reading::{Here, Reading};
use crate::input::arn::completed;
use crate::input::finding::{Code, Finding, Severity};
use crate::input::intern::shared;
use crate::input::text::Text;
use crate::snapshot::import::notes::Spot;
use crate::snapshot::tree::{self, Value};

/// The versions of the language.
const VERSIONS: [&str; 2] = ["2008-10-17", "2012-10-17"];

/// What a statement names, or all but that.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Named {
    These(Vec<Arc<str>>),
    AllBut(Vec<Arc<str>>),
}

/// A statement.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    pub allow: bool,
    pub actions: Named,
    pub resources: Named,
    /// Resources left out of those.
    pub left_out: Vec<Arc<str>>,
    pub principals: Option<Principals>,
    /// The condition's text, if it asks for anything.
    pub condition: Option<Text>,
    pub spot: Spot,
}

/// What a statement says, wherever it stands: an allow before a deny.
type Says<'s> = (bool, &'s Named, &'s Named, &'s [Arc<str>], Option<&'s Principals>, Option<&'s Text>);

impl Statement {
    fn says(&self) -> Says<'_> {
        let (principals, condition) = (self.principals.as_ref(), self.condition.as_ref());
        (!self.allow, &self.actions, &self.resources, &self.left_out, principals, condition)
    }
}

/// The order of documents by what they say, whichever was read first.
pub(super) fn by_what_they_say(a: &[Statement], b: &[Statement]) -> std::cmp::Ordering {
    a.iter().map(Statement::says).cmp(b.iter().map(Statement::says))
}

impl Reading<'_> {
    /// Reads the statements of a document.
    pub fn document(&mut self, document: &Here<'_>, of: &str) -> Vec<Statement> {
        match &document.node.value {
            Value::Map(_) => self.statements(document, of),
            Value::Text(text) => self.encoded(text, document, of),
            Value::Null => Vec::new(),
            Value::Bool(_) | Value::Number(_) | Value::List(_) => {
                self.refuse(Code::WrongType, format!("the policy document of {of} is not an object"), &document.spot);
                Vec::new()
            }
        }
    }

    fn encoded(&mut self, text: &str, document: &Here<'_>, of: &str) -> Vec<Statement> {
        let trimmed = text.trim();
        let decoded = if trimmed.starts_with('%') { decode(trimmed) } else { Some(trimmed.to_owned()) };
        let trees = decoded.filter(|t| t.starts_with('{')).and_then(|text| tree::documents("", &text).ok());
        let Some([whole]) = trees.as_deref() else {
            let message = format!("the policy document of {of} is text that does not read as JSON");
            self.refuse(Code::Syntax, message, &document.spot);
            return Vec::new();
        };
        // WHY: within the text there are no places; everything in it stands where the text stands.
        let mut found = self.statements(&Here { node: &whole.tree, spot: document.spot.clone() }, of);
        for statement in &mut found {
            statement.spot = document.spot.clone();
        }
        found
    }

    fn statements(&mut self, document: &Here<'_>, of: &str) -> Vec<Statement> {
        if let Some(version) = document.text("Version").filter(|v| !VERSIONS.contains(&&**v)) {
            let message = format!(
                "the policy document of {of} is of version `{version}`, which is not known; it is read as 2012-10-17"
            );
            let finding = Finding::new(Code::UnsupportedVersion, message).weighing(Severity::Warning);
            self.notes.at(finding.help("the versions are 2008-10-17 and 2012-10-17"), &document.spot);
        }
        let mut found: Vec<Statement> =
            document.list("Statement").iter().filter_map(|s| self.statement(s, of)).collect();
        // Without a version a document is of the first, which has no variables.
        if document.text("Version").is_none_or(|v| &*v == VERSIONS[0]) {
            found.iter_mut().for_each(take_literally);
        }
        found
    }

    fn statement(&mut self, here: &Here<'_>, of: &str) -> Option<Statement> {
        if here.node.entries().is_none() {
            self.refuse(Code::WrongType, format!("a statement of {of} is not an object"), &here.spot);
            return None;
        }
        let allow = match here.text("Effect").as_deref() {
            Some("Allow") => true,
            Some("Deny") => false,
            _ => {
                self.refuse(
                    Code::BadValue,
                    format!("a statement of {of} has no `Effect` of Allow or Deny"),
                    &here.spot,
                );
                return None;
            }
        };
        self.tally.statements += 1;
        self.tally.denies += usize::from(!allow);
        let condition = here.get("Condition");
        self.tally.conditions += usize::from(condition.is_some());
        self.tally.not_actions += usize::from(here.get("NotAction").is_some());
        let Some(actions) = self.named(here, "Action", "NotAction", of) else {
            self.refuse(Code::MissingField, format!("a statement of {of} names no `Action`"), &here.spot);
            return None;
        };
        // Of a resource's own policy the resource is understood.
        let resources =
            self.named(here, "Resource", "NotResource", of).unwrap_or_else(|| Named::These(vec![shared("*")]));
        let resources = self.complete(resources, allow, of, &here.spot);
        let principals = principal::read(here, self, of);
        if let Some(condition) = &condition
            && condition::never_holds(condition.node, self.taken_at)
        {
            self.tally.never += 1;
            let message = format!("a statement of {of} has a condition that can never hold; it is left out");
            self.notes.at(Finding::new(Code::NoEffect, message).help("remove the statement"), &here.spot);
            return None;
        }
        let condition = condition.and_then(|c| condition::text(c.node));
        let left_out = Vec::new();
        Some(Statement { allow, actions, resources, left_out, principals, condition, spot: here.spot.clone() })
    }

    /// Completes ARNs that lack fields by `*` where they give something; where they take or leave out, they are nothing.
    fn complete(&mut self, mut resources: Named, allow: bool, of: &str, spot: &Spot) -> Named {
        let (Named::These(list) | Named::AllBut(list)) = &resources;
        let Some(example) = list.iter().find(|arn| completed(arn).is_some()).cloned() else { return resources };
        let gives = allow && matches!(resources, Named::These(_));
        let how = if gives { "completed by `*`" } else { "read as nothing" };
        let message = format!("`{example}` in a statement of {of} lacks fields of an ARN; it is {how}");
        let finding = Finding::new(Code::BadValue, message).weighing(Severity::Warning);
        self.notes.at(finding.help("write all six fields: `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`"), spot);
        if let Named::These(list) = &mut resources
            && gives
        {
            for arn in list {
                if let Some(whole) = completed(arn) {
                    *arn = shared(&whole);
                }
            }
        }
        resources
    }

    fn named(&mut self, here: &Here<'_>, these: &str, all_but: &str, of: &str) -> Option<Named> {
        if let Some(list) = here.get(these) {
            return Some(Named::These(self.strings(&list, these, of)));
        }
        here.get(all_but).map(|list| Named::AllBut(self.strings(&list, all_but, of)))
    }
}

/// Keeps what looks like a variable the plain text that it is: `${$}` is the variable that stands for `$`.
fn take_literally(statement: &mut Statement) {
    let (Named::These(list) | Named::AllBut(list)) = &mut statement.resources;
    for pattern in list.iter_mut().filter(|pattern| pattern.contains("${")) {
        *pattern = shared(&pattern.replace("${", "${$}{"));
    }
}

/// URL-decodes text; nothing if it is not well formed.
fn decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                out.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
            }
            b'+' => out.push(b' '),
            other => out.push(other),
        }
    }
    String::from_utf8(out).ok()
}

/// Whether a pattern with `*` and `?` matches a name, without regard to case.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let (q, p) = (pattern.as_bytes(), name.as_bytes());
    let (mut at, mut from) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(letter) = p.get(from) {
        match q.get(at) {
            Some(b'*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(other) if *other == b'?' || other.eq_ignore_ascii_case(letter) => {
                at += 1;
                from += 1;
            }
            Some(_) | None => {
                let Some((place, start)) = star else { return false };
                star = Some((place, start + 1));
                at = place + 1;
                from = start + 1;
            }
        }
    }
    q.iter().skip(at).all(|rest| *rest == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_decoded_or_refused() {
        assert_eq!(decode("%7B%22a%22%3A+1%7D").as_deref(), Some("{\"a\": 1}"));
        assert_eq!(decode("%7"), None);
        assert_eq!(decode("%zz"), None);
    }

    #[test]
    fn an_action_matches_without_regard_to_case() {
        assert!(matches("STS:assume*", "sts:AssumeRole") && matches("sts:?ssumeRole", "sts:AssumeRole"));
        assert!(!matches("sts:TagSession", "sts:AssumeRole"));
    }
}
