//! Parses one policy file.
//!
//! Returns the policies by `@id`, with their annotations and locations, or all faults as findings with line and column.
//! A missing annotation is a fault, never a default.

use std::collections::BTreeMap;
use std::str::FromStr;

use cedar_policy::ffi::DetailedError;
use cedar_policy::{Effect, Policy, PolicyId as CedarId, PolicySet};

use crate::input::entitlement::Sensitivity;
use crate::input::finding::{Code, Finding};
use crate::input::id::PolicyId;
use crate::input::place::Place;
use crate::input::text::Text;
use crate::policy::enforcement::Enforcement;
use crate::policy::policy_file::Annotations;

/// A policy with its annotations.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) policy: Policy,
    pub(super) about: Annotations,
}

/// Ids that the tool itself uses in its answers.
const RESERVED: [&str; 3] = [
    crate::policy::enforcement::NO_PERMIT,
    crate::policy::enforcement::UNANSWERABLE,
    crate::policy::enforcement::REFUSED_PROOF,
];

/// Parses one `.cedar` file.
pub(super) fn file(path: &str, text: &str, findings: &mut Vec<Finding>) -> Vec<Parsed> {
    let lines = Lines::of(path, text);
    let set = match PolicySet::from_str(text) {
        Ok(set) => set,
        Err(errors) => {
            findings.extend(errors.iter().map(|error| fault(path, text, 0, &DetailedError::from(error))));
            return Vec::new();
        }
    };
    for template in set.templates() {
        let at = template.to_cedar();
        let place = text.find(&at).map_or_else(|| Place::file(path), |start| lines.place(start, start + at.len()));
        findings.push(
            Finding::new(Code::BadPolicy, "a policy is a template with a slot")
                .at(&place)
                .help("write out the principal and the resource"),
        );
    }
    let mut policies: Vec<&Policy> = set.policies().collect();
    // WHY: the parser numbers policies in file order, but its map does not guarantee that order.
    policies.sort_by_key(|policy| {
        AsRef::<str>::as_ref(policy.id()).trim_start_matches("policy").parse::<usize>().unwrap_or(usize::MAX)
    });
    let mut cursor = 0;
    let mut parsed = Vec::new();
    for policy in policies {
        let source = policy.to_cedar().unwrap_or_default();
        let start = text.get(cursor..).and_then(|rest| rest.find(&source)).map_or(cursor, |found| cursor + found);
        cursor = start + source.len();
        let place = lines.place(start, cursor);
        let before = findings.len();
        let about = annotations(policy, &place, findings);
        if findings.len() == before
            && let Some(about) = about
        {
            parsed.push(Parsed { policy: policy.new_id(CedarId::new(about.id.as_str())), about });
        }
    }
    parsed
}

fn annotations(policy: &Policy, place: &Place, findings: &mut Vec<Finding>) -> Option<Annotations> {
    let mut bad = |message: String, help: &str| {
        findings.push(Finding::new(Code::BadPolicy, message).at(place).help(help));
    };
    // WHY: Cedar parses the key for each single annotation that is queried, but not when all are read.
    let given: BTreeMap<&str, &str> = policy.annotations().collect();
    for key in given.keys() {
        if !["id", "title", "advice", "control", "severity", "enforcement"].contains(key) {
            bad(
                format!("the annotation `@{key}` is unknown"),
                "the annotations are `@id`, `@title`, `@advice`, `@control`, `@severity` and `@enforcement`",
            );
        }
    }
    let mut text = |key: &str| match given.get(key) {
        Some(value) if !value.trim().is_empty() => Some((*value).to_owned()),
        Some(_) | None => {
            bad(
                format!("a policy lacks `@{key}`"),
                "every policy has `@id`, `@title`, `@advice`, `@control`, `@severity`",
            );
            None
        }
    };
    let (id, title, advice, control, severity) =
        (text("id"), text("title"), text("advice"), text("control"), text("severity"));
    let severity = severity.and_then(|word| {
        let found = Sensitivity::STATED.iter().copied().find(|s| s.name() == word);
        if found.is_none() {
            bad(format!("`@severity` is `{word}`"), "one of `low`, `moderate`, `high`, `critical`");
        }
        found
    });
    if let Some(id) = &id {
        let fits = id.len() <= 64 && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !fits || RESERVED.contains(&id.as_str()) {
            bad(format!("`@id` is `{id}`"), "at most 64 of `a` to `z`, `0` to `9` and `-`, and not a word of the tool");
        }
    }
    let enforcement = match given.get("enforcement").copied() {
        None | Some("mandatory") => Some(Enforcement::Mandatory),
        Some("override") => Some(Enforcement::Override),
        Some("advisory") => Some(Enforcement::Advisory),
        Some(other) => {
            bad(format!("`@enforcement` is `{other}`"), "one of `mandatory`, `override`, `advisory`");
            None
        }
    };
    if policy.effect() == Effect::Permit && enforcement.is_some_and(|e| e != Enforcement::Mandatory) {
        // WHY: a permit that can be overridden, or that only warns, has no meaning.
        bad("a permit is not mandatory".to_owned(), "only a `forbid` can be `override` or `advisory`");
    }
    Some(Annotations {
        id: PolicyId::new(id?),
        title: Text::from(title?),
        advice: Text::from(advice?),
        control: Text::from(control?),
        severity: severity?,
        enforcement: enforcement?,
        effect_is_permit: policy.effect() == Effect::Permit,
        place: place.clone(),
    })
}

/// Converts a Cedar error into a finding; `offset` is subtracted from its byte positions.
pub(super) fn fault(path: &str, text: &str, offset: usize, error: &DetailedError) -> Finding {
    let place = error.source_locations.first().map_or_else(
        || Place::file(path),
        |label| {
            Lines::of(path, text).place(label.loc.start.saturating_sub(offset), label.loc.end.saturating_sub(offset))
        },
    );
    let message = error.message.split_whitespace().collect::<Vec<_>>().join(" ");
    let finding = Finding::new(Code::BadPolicy, message).at(&place);
    match &error.help {
        Some(help) => finding.help(help.split_whitespace().collect::<Vec<_>>().join(" ")),
        None => finding.help("correct the policy's syntax: <https://docs.cedarpolicy.com/policies/syntax-policy.html>"),
    }
}

/// The starts of the lines of a text, so that a location is found without scanning the text again.
struct Lines<'a> {
    path: &'a str,
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn of(path: &'a str, text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { path, text, starts }
    }

    /// The location of a byte range of the text.
    fn place(&self, start: usize, end: usize) -> Place {
        let mut start = start.min(self.text.len());
        while !self.text.is_char_boundary(start) {
            start -= 1;
        }
        let line = self.starts.partition_point(|begin| *begin <= start);
        let begin = line.checked_sub(1).and_then(|n| self.starts.get(n)).copied().unwrap_or(0);
        let column = self.text.get(begin..start).unwrap_or_default().chars().count() + 1;
        Place {
            file: self.path.into(),
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
            bytes: (start, end.clamp(start, self.text.len())),
        }
    }
}
