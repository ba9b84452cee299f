//! Sentences about accesses and the paths to them.
//!
//! A [`Sentence`] keeps the tool's own words and external names separate, so that each output format quotes and escapes
//! the names in its own way, and no name can imitate the tool's words.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::access::model::facts::{Access, AccessPath, Exception, PathStep};
use crate::input::entitlement::{Effect, Except, Permission};
use crate::input::id::{Id, ResourceId, Subject};
use crate::input::text::Text;

/// A part of a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// The tool's own words.
    Own(Cow<'static, str>),
    /// An external name or value, shown as a quotation.
    Name(Text),
    /// Prose of the site: the advice of a policy, a title in its data. Shown without quotation marks.
    Prose(Text),
    /// A person's words, in quotation marks.
    Quote(Text),
}

impl Word {
    /// For a terminal: a name is in backticks, and backticks within it are escaped.
    #[must_use]
    pub fn terminal(&self) -> String {
        match self {
            Self::Own(words) => words.as_ref().to_owned(),
            Self::Name(text) => format!("`{}`", text.terminal().replace('`', "\\u{60}")),
            Self::Prose(text) => text.terminal(),
            Self::Quote(text) => quoted(&text.terminal()),
        }
    }
}

/// Words in quotation marks, without quotation marks inside.
fn quoted(words: &str) -> String {
    format!("“{}”", words.replace(['“', '”'], "\""))
}

/// The tool's words and external names, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sentence(Vec<Word>);

impl Sentence {
    /// An empty sentence.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A sentence of the tool's own words only.
    #[must_use]
    pub fn of(words: impl Into<Cow<'static, str>>) -> Self {
        Self::new().own(words)
    }

    /// Adds the tool's own words.
    #[must_use]
    pub fn own(mut self, words: impl Into<Cow<'static, str>>) -> Self {
        self.0.push(Word::Own(words.into()));
        self
    }

    /// Adds an external name.
    #[must_use]
    pub fn name(mut self, text: &Text) -> Self {
        self.0.push(Word::Name(text.clone()));
        self
    }

    /// Adds prose of the site.
    #[must_use]
    pub fn prose(mut self, text: &Text) -> Self {
        self.0.push(Word::Prose(text.clone()));
        self
    }

    /// Adds a person's words.
    #[must_use]
    pub fn quote(mut self, text: &Text) -> Self {
        self.0.push(Word::Quote(text.clone()));
        self
    }

    /// Adds an id.
    #[must_use]
    pub fn id<K>(self, id: &Id<K>) -> Self {
        self.name(&id.text())
    }

    /// Adds another sentence.
    #[must_use]
    pub fn then(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Applies `add` to a value, if there is one.
    #[must_use]
    pub fn maybe<T>(self, value: Option<T>, add: impl FnOnce(Self, T) -> Self) -> Self {
        match value {
            Some(value) => add(self, value),
            None => self,
        }
    }

    /// Adds names, separated by commas.
    #[must_use]
    pub fn names<'t>(mut self, names: impl IntoIterator<Item = &'t Text>) -> Self {
        for (at, name) in names.into_iter().enumerate() {
            if at > 0 {
                self = self.own(", ");
            }
            self = self.name(name);
        }
        self
    }

    /// Adds up to `most` names, separated by commas, and the number of the others.
    #[must_use]
    pub fn few_names(self, names: &[Text], most: usize) -> Self {
        match names.len().saturating_sub(most) {
            0 => self.names(names),
            more => self.names(names.iter().take(most)).own(format!(" and {} more", number(count(more)))),
        }
    }

    /// Its parts.
    #[must_use]
    pub fn words(&self) -> &[Word] {
        &self.0
    }

    /// Whether it is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// For a terminal or plain text.
    #[must_use]
    pub fn terminal(&self) -> String {
        self.0.iter().map(Word::terminal).collect()
    }

    /// For Markdown: names are code.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut out = String::new();
        for word in &self.0 {
            match word {
                Word::Own(words) => out.push_str(&Text::from(words.as_ref()).markdown()),
                Word::Name(text) => out.push_str(&text.markdown_code()),
                Word::Prose(text) => out.push_str(&text.markdown()),
                Word::Quote(text) => out.push_str(&Text::from(quoted(text.raw())).markdown()),
            }
        }
        out
    }

    /// For HTML: names are code.
    #[must_use]
    pub fn html(&self) -> String {
        let word = |word: &Word| match word {
            Word::Own(words) => Text::from(words.as_ref()).html(),
            Word::Name(text) => format!("<code>{}</code>", text.xml()),
            Word::Prose(text) => text.html(),
            Word::Quote(text) => Text::from(quoted(text.raw())).html(),
        };
        self.0.iter().map(word).collect()
    }

    /// As external text, for an output format with its own escaping; names are in backticks.
    #[must_use]
    pub fn text(&self) -> Text {
        let mut out = String::new();
        for word in &self.0 {
            match word {
                Word::Own(words) => out.push_str(words),
                Word::Name(text) => {
                    let _ = write!(out, "`{}`", text.raw());
                }
                Word::Prose(text) => out.push_str(text.raw()),
                Word::Quote(text) => out.push_str(&quoted(text.raw())),
            }
        }
        Text::from(out)
    }
}

/// A number with its noun: `1,658 groups`.
#[must_use]
pub fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(n), if n == 1 { one } else { many })
}

/// A note that several items are reported together, `n` including this one.
#[must_use]
pub fn together(n: u64) -> String {
    format!("together with {}", counted(n.saturating_sub(1), "other", "others"))
}

/// The number of affected identities. `at_least`: a group's members are not all known.
#[must_use]
pub fn how_many(identities: u64, at_least: bool) -> String {
    match (identities, at_least) {
        // WHY: "at least 0" reads as none, but a group with unknown members may have some.
        (0, true) => "an unknown number of identities".to_owned(),
        (n, true) => format!("at least {}", counted(n, "identity", "identities")),
        (0, false) => "no identity".to_owned(),
        (n, false) => counted(n, "identity", "identities"),
    }
}

/// A number with thousands separators.
#[must_use]
pub fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A subject with its kind.
#[must_use]
pub fn subject(subject: &Subject) -> Sentence {
    match subject {
        Subject::Identity(id) => Sentence::of("identity ").id(id),
        Subject::Group(id) => Sentence::of("group ").id(id),
    }
}

/// A scope in words.
#[must_use]
pub fn scope(scope: Option<&ResourceId>) -> Sentence {
    match scope {
        Some(scope) => Sentence::of("in ").id(scope),
        None => Sentence::of("everywhere"),
    }
}

/// A permission in words: `allow` or `deny` an action on a resource.
#[must_use]
pub fn permission(what: &Permission, allow: &'static str, deny: &'static str) -> Sentence {
    Sentence::of(match what.effect {
        Effect::Allow => allow,
        Effect::Deny => deny,
    })
    .name(&what.action)
    .own(" on ")
    .name(&what.resource)
    .then(left_out(&what.except))
    .maybe(what.condition.as_ref(), |s, condition| s.own(" if ").name(condition))
}

/// An access in words: action, resource, scope, condition, expiry, exceptions.
#[must_use]
pub fn access(access: &Access) -> Sentence {
    Sentence::new()
        .name(&access.action)
        .own(" on ")
        .name(&access.resource)
        .own(" ")
        .then(scope(access.scope.as_ref()))
        .then(limits(access.until, access.condition.as_ref(), &access.exceptions))
}

/// The limits of an access: its expiry, its condition and its exceptions.
#[must_use]
pub fn limits(until: Option<crate::input::time::Time>, condition: Option<&Text>, exceptions: &[Exception]) -> Sentence {
    let end = match until {
        Some(until) => Sentence::of(format!(" until {until}")),
        None => Sentence::of(", no expiry"),
    };
    end.then(restrictions(condition, exceptions))
}

/// What restricts an access: its condition and its exceptions.
#[must_use]
pub fn restrictions(condition: Option<&Text>, exceptions: &[Exception]) -> Sentence {
    let mut out = Sentence::new().maybe(condition, |s, condition| s.own(", if ").name(condition));
    for (at, except) in exceptions.iter().enumerate() {
        out = out
            .own(if at == 0 { ", except " } else { " and " })
            .name(&except.action)
            .own(" on ")
            .name(&except.resource)
            .maybe(except.scope.as_ref(), |s, scope| s.own(" in ").id(scope))
            .then(left_out(&except.except))
            .maybe(except.condition.as_ref(), |s, condition| s.own(" if ").name(condition))
            .maybe(except.until, |s, until| s.own(format!(" until {until}")));
    }
    out
}

/// The exceptions of a permission or a deny.
fn left_out(list: &[Except]) -> Sentence {
    let mut out = Sentence::new();
    for (at, e) in list.iter().enumerate() {
        out = out.own(if at == 0 { " (but not " } else { ", " }).name(&e.action).own(" on ").name(&e.resource);
    }
    if list.is_empty() { out } else { out.own(")") }
}

/// The maximum number of steps of a path that are shown, half of them from its start and half from its end.
const MOST_STEPS: usize = 16;

/// The path from a subject to an access.
#[must_use]
pub fn path(path: &AccessPath) -> Sentence {
    let mut out = Sentence::new();
    let left_out = path.len().saturating_sub(MOST_STEPS);
    let ends = MOST_STEPS / 2;
    for (at, step) in path.iter().enumerate() {
        if left_out > 0 && (ends..ends + left_out).contains(&at) {
            if at == ends {
                out = out.own(format!(" → … {} …", counted(count(left_out), "more step", "more steps")));
            }
            continue;
        }
        if at > 0 {
            out = out.own(" → ");
        }
        out = out.then(match step {
            PathStep::Member(group, by) => {
                Sentence::of("member of group ").id(group).maybe(by.as_ref(), |s, by| s.own(" by assignment ").id(by))
            }
            PathStep::Holds(role, by, mode) => {
                Sentence::of("holds role ").id(role).own(" by assignment ").id(by).own(format!(" ({})", mode.name()))
            }
            PathStep::Includes(role) => Sentence::of("which includes role ").id(role),
            PathStep::ActsAs(other, trust) => Sentence::of("acts as ").then(subject(other)).own(" by trust ").id(trust),
        });
    }
    if path.is_empty() { out.own("by a path that is not listed") } else { out }
}

/// The main intermediate of a path first, then the whole path.
#[must_use]
pub fn through(steps: &AccessPath) -> Sentence {
    let leads = |step: &PathStep| matches!(step, PathStep::Member(..) | PathStep::ActsAs(..));
    let first = match steps.iter().find(|step| leads(step)).or_else(|| steps.first()) {
        Some(PathStep::Member(group, _)) => Sentence::of("group ").id(group),
        Some(PathStep::ActsAs(other, _)) => subject(other),
        Some(PathStep::Holds(role, ..) | PathStep::Includes(role)) => Sentence::of("role ").id(role),
        None => return Sentence::of("several paths together"),
    };
    first.own(": ").then(path(steps))
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::entitlement::Mode;

    #[test]
    fn a_name_cannot_pose_as_our_words() {
        let said = Sentence::of("grant role ").name(&Text::from("x` to `nobody")).terminal();
        assert_eq!(said, "grant role `x\\u{60} to \\u{60}nobody`");
    }

    #[test]
    fn a_way_reads_from_the_subject_on() {
        let way = vec![
            PathStep::Member("g".into(), None),
            PathStep::Holds("r".into(), "a".into(), Mode::Active),
            PathStep::Includes("s".into()),
            PathStep::ActsAs(Subject::Identity("sa".into()), "t".into()),
        ];
        let long: Vec<PathStep> = (0..1_000).map(|_| PathStep::Includes("s".into())).collect();
        let said = path(&long.into()).terminal();
        assert!(said.contains(" → … 984 more steps … → which") && said.matches("role").count() == MOST_STEPS, "{said}");
        assert_eq!(
            path(&way.into()).terminal(),
            "member of group `g` → holds role `r` by assignment `a` (active) → which includes role `s` → acts as \
             identity `sa` by trust `t`"
        );
    }

    #[test]
    fn numbers_have_their_thousands_apart() {
        assert_eq!(["0", "999", "1,000", "1,234,567"].map(str::to_owned), [0, 999, 1000, 1_234_567].map(number));
        assert_eq!(counted(1, "group", "groups"), "1 group");
    }
}
