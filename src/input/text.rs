//! Text from outside, with one escape function per output medium.
//!
//! INVARIANT: [`Text`] has no `Display` and its `Debug` is escaped, so text from outside is never printed raw by accident.

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

/// Text from outside: names, reasons, intents, claims, and messages that quote them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema, Default)]
#[serde(transparent)]
pub struct Text(#[schemars(with = "String")] Arc<str>);

impl Text {
    /// Wraps text without changing it.
    pub fn new(raw: impl Into<Arc<str>>) -> Self {
        Self(raw.into())
    }

    /// The unescaped text. Use it to compare, hash and serialise, never to print.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.0
    }

    /// Escaped for a terminal or a plain-text table: one line, with control and invisible characters as `\u{…}`.
    #[must_use]
    pub fn terminal(&self) -> String {
        escape_line(&self.0)
    }

    /// Escaped for Markdown, including table cells: every Markdown metacharacter is escaped, and the text neither notifies
    /// anyone nor becomes a reference (`@team`, `#42`, `GH-42`).
    #[must_use]
    pub fn markdown(&self) -> String {
        escape_markdown(&unreferenced(&escape_line(&self.0)))
    }

    /// Escaped for Markdown, as code: mentions and references have no effect there, so the text can be copied.
    #[must_use]
    pub fn markdown_code(&self) -> String {
        format!("<code>{}</code>", escape_markdown(&escape_line(&self.0)))
    }

    /// Escaped for HTML in Markdown, where mentions and references have an effect too.
    #[must_use]
    pub fn html(&self) -> String {
        escape_xml(&unreferenced(&escape_line(&self.0)))
    }

    /// Escaped for the message of a GitHub workflow command: `%`, CR and LF are percent-encoded, other controls escaped.
    /// Source: GitHub Actions, "Workflow commands".
    #[must_use]
    pub fn annotation(&self) -> String {
        escape_line(&self.0).replace('%', "%25")
    }

    /// Escaped for a property of a GitHub workflow command, where `:` and `,` are separators too.
    #[must_use]
    pub fn annotation_property(&self) -> String {
        self.annotation().replace(':', "%3A").replace(',', "%2C")
    }

    /// Escaped as one cell of CSV: in quotation marks, on one line, and so that no spreadsheet takes it for a formula.
    /// Source: OWASP, "CSV Injection".
    #[must_use]
    pub fn csv(&self) -> String {
        let is_formula = self.0.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
        let is_broken = self.0.starts_with(['\t', '\r', '\n']);
        let mark = if is_formula || is_broken { "'" } else { "" };
        format!("\"{mark}{}\"", escape_line(&self.0).replace('"', "\"\""))
    }

    /// Escaped for XML and HTML, both text and attribute values.
    #[must_use]
    pub fn xml(&self) -> String {
        escape_xml(&escape_line(&self.0))
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "“{}”", escape_line(&self.0))
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Line)
    }
}

/// Reads text without a copy of the reader's buffer. Equal texts of one reading share one allocation.
struct Line;

impl serde::de::Visitor<'_> for Line {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: serde::de::Error>(self, raw: &str) -> Result<Text, E> {
        Ok(Text(super::intern::shared(raw)))
    }
}

impl From<&str> for Text {
    fn from(raw: &str) -> Self {
        Self::new(raw)
    }
}

impl From<String> for Text {
    fn from(raw: String) -> Self {
        Self::new(raw)
    }
}

/// Whether a character is not allowed in a plan and must not reach a terminal: C0 and C1 controls, line and paragraph
/// separators, bidirectional controls, zero-width and other invisible format characters, tags, noncharacters.
/// Source: Unicode 16, UAX #9 (bidi), general category Cf; U+2028/2029.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}'
        | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
        || (c as u32) & 0xfffe == 0xfffe
}

fn escape_line(raw: &str) -> String {
    // The only hidden ASCII characters are controls.
    if raw.bytes().all(|b| matches!(b, 0x20..0x7f)) || !raw.chars().any(is_hidden) {
        return raw.to_owned();
    }
    let mut out = String::with_capacity(raw.len() + 16);
    for c in raw.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if is_hidden(c) => out.push_str(&format!("\\u{{{:x}}}", c as u32)),
            c => out.push(c),
        }
    }
    out
}

/// Stands for a zero-width space until the text is escaped: a character that [`escape_line`] never leaves.
const BREAK: char = '\u{200b}';

/// Breaks whatever GitHub or GitLab would make a mention or a reference of: the sign is followed by a zero-width space.
/// Source: GitHub, "Autolinked references and URLs"; GitLab, "GitLab-specific references".
fn unreferenced(line: &str) -> String {
    let mut out = String::with_capacity(line.len().saturating_add(8));
    let (mut before, mut chars) = (['\0'; 2], line.chars().peekable());
    while let Some(c) = chars.next() {
        out.push(c);
        let follows = chars.peek().is_some_and(|next| !next.is_whitespace());
        let is_sign = matches!(c, '@' | '#' | '!' | '$' | '%' | '&' | '~' | '^');
        let is_issue = c == '-' && before.map(|c| c.to_ascii_lowercase()) == ['g', 'h'];
        if follows && (is_sign || is_issue) {
            out.push(BREAK);
        }
        before = [before[1], c];
    }
    out
}

fn escape_markdown(line: &str) -> String {
    let mut out = String::with_capacity(line.len().saturating_add(8));
    for c in line.chars() {
        match c {
            BREAK => out.push_str("&#8203;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '@' => out.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '+' | '-' | '!' | '|' | '~' | '$'
            | '.' | ':' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}

fn escape_xml(line: &str) -> String {
    let mut out = String::with_capacity(line.len().saturating_add(8));
    for c in line.chars() {
        match c {
            BREAK => out.push_str("&#8203;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_or_bidi_character_leaves_for_any_medium() {
        let nasty: String = (0..0x3000_u32).filter_map(char::from_u32).collect();
        let text = Text::from(nasty);
        for out in [text.terminal(), text.markdown(), text.annotation(), text.xml(), text.csv(), format!("{text:?}")] {
            assert!(!out.chars().any(is_hidden), "a hidden character passed");
        }
    }

    #[test]
    fn a_cell_of_csv_is_no_formula() {
        for start in ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", " ="] {
            let cell = Text::from(format!("{start}cmd|' /c calc'!A0")).csv();
            assert!(cell.starts_with("\"'"), "{cell}");
        }
        assert_eq!(Text::from("a\"b,\nc").csv(), "\"a\"\"b,\\nc\"");
        assert_eq!(Text::from("2026-11-30").csv(), "\"2026-11-30\"");
    }

    #[test]
    fn an_annotation_cannot_be_forged() {
        let out = Text::from("x%0A\n::error::gone").annotation();
        assert_eq!(out, "x%250A\\n::error::gone");
    }
}
