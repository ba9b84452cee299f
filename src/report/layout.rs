//! Lays out text in columns.
//!
//! Converts spans of escaped text with labels into lines no wider than the page. Width is counted in terminal columns
//! (Unicode East Asian Width, UAX #11), never in bytes. The layout does not depend on the meaning of the text.

use unicode_width::UnicodeWidthChar;

use super::sentence::{Sentence, Word};
use super::style::{Label, Style};
use crate::input::text::Text;

/// The number of terminal columns of a text.
#[must_use]
pub fn columns(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// Escaped text with a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StyledSpan {
    label: Label,
    text: String,
}

impl StyledSpan {
    /// The tool's own words and numbers.
    #[must_use]
    pub fn own(label: Label, text: impl Into<String>) -> Self {
        Self { label, text: text.into() }
    }

    /// External text, escaped for a terminal.
    #[must_use]
    pub fn outside(label: Label, text: &Text) -> Self {
        Self { label, text: text.terminal() }
    }
}

/// Lines of a page.
#[derive(Clone, Debug)]
pub struct Page {
    width: usize,
    lines: Vec<Vec<StyledSpan>>,
    /// The lines after which an entry ends that must be shown.
    marks: Vec<usize>,
}

impl Page {
    /// An empty page.
    #[must_use]
    pub fn new(style: &Style) -> Self {
        Self { width: style.columns(), lines: Vec::new(), marks: Vec::new() }
    }

    /// Marks the end of an entry that must be shown.
    pub fn mark(&mut self) {
        self.marks.push(self.lines.len());
    }

    /// The lines after which marked entries end, in order.
    #[must_use]
    pub fn marks(&self) -> &[usize] {
        &self.marks
    }

    /// An empty line, but never two.
    pub fn gap(&mut self) {
        if self.lines.last().is_some_and(|line| !line.is_empty()) {
            self.lines.push(Vec::new());
        }
    }

    /// A paragraph: `first` before its first line, and the same number of spaces before the others.
    pub fn para(&mut self, first: &str, spans: &[StyledSpan]) {
        self.para_from(StyledSpan::own(Label::Plain, first), spans);
    }

    /// As [`Page::para`], with a label for the words in front.
    pub fn para_from(&mut self, first: StyledSpan, spans: &[StyledSpan]) {
        let used = columns(&first.text);
        // WHY: a prefix wider than half the page would leave no room for the text. Only the tool's own headings start
        // in the first column, so that no long name can imitate one where it wraps.
        let again = StyledSpan::own(Label::Plain, " ".repeat(used.min(self.width / 2).max(2)));
        self.wrap(first, again, spans);
    }

    /// A paragraph of quoted words. Every line starts with `bar`, so that it cannot imitate the tool's own text.
    pub fn quoted(&mut self, bar: &str, words: &Text) {
        let bar = StyledSpan::own(Label::Quiet, bar);
        self.wrap(bar.clone(), bar, &[StyledSpan::outside(Label::Words, words)]);
    }

    /// The tool's own words about a quotation. Every line starts with `bar` too.
    pub fn beside_bar(&mut self, bar: &str, spans: &[StyledSpan]) {
        let bar = StyledSpan::own(Label::Quiet, bar);
        self.wrap(bar.clone(), bar, spans);
    }

    fn wrap(&mut self, first: StyledSpan, again: StyledSpan, spans: &[StyledSpan]) {
        let used = columns(&first.text);
        let mut wrap =
            Wrap { width: self.width, again, lines: Vec::new(), line: vec![first], used, blanks: 0, word: Vec::new() };
        for span in spans {
            wrap.span(span);
        }
        self.lines.append(&mut wrap.finish());
    }

    /// A title.
    pub fn heading(&mut self, words: &str) {
        self.gap();
        self.para("", &[StyledSpan::own(Label::Heading, words)]);
    }

    /// A horizontal line with a title.
    pub fn rule(&mut self, title: &str) {
        let title = if title.is_empty() { String::new() } else { format!("── {title} ") };
        let title = cut(&title, self.width);
        let rest = self.width.saturating_sub(columns(&title));
        self.lines.push(vec![StyledSpan::own(Label::Heading, title), StyledSpan::own(Label::Quiet, "─".repeat(rest))]);
    }

    /// A line without wrapping, truncated at the edge of the page.
    pub fn line(&mut self, label: Label, escaped: &str) {
        self.lines.push(vec![StyledSpan::own(label, cut(escaped, self.width))]);
    }

    /// Adds the lines of another page.
    pub fn append(&mut self, mut other: Self) {
        let above = self.lines.len();
        self.marks.extend(other.marks.iter().map(|mark| mark.saturating_add(above)));
        self.lines.append(&mut other.lines);
    }

    /// The lines, styled, without line feeds.
    #[must_use]
    pub fn lines(&self, style: &Style) -> Vec<String> {
        self.lines
            .iter()
            .map(|line| {
                let line: String = line.iter().map(|span| style.paint(span.label, &span.text)).collect();
                if style.colour { line } else { line.trim_end().to_owned() }
            })
            .collect()
    }

    /// The page, with a line feed after each line.
    #[must_use]
    pub fn render(&self, style: &Style) -> String {
        self.lines(style).into_iter().map(|line| line + "\n").collect()
    }
}

/// Truncates at a width, with `…` if anything is missing.
#[must_use]
pub fn cut(escaped: &str, width: usize) -> String {
    if columns(escaped) <= width {
        return escaped.to_owned();
    }
    let mut out = String::new();
    let mut used = 1;
    for c in escaped.chars() {
        used += c.width().unwrap_or(0);
        if used > width {
            break;
        }
        out.push(c);
    }
    out.push('…');
    out
}

/// Wraps each line that is too wide between words, and indents the continuation. A name in backticks is never wrapped,
/// because it may be a path or a command to copy.
#[must_use]
pub fn fill(escaped: &str, width: usize) -> String {
    let lines: Vec<String> = escaped.split('\n').map(|line| fill_line(line, width)).collect();
    lines.join("\n")
}

fn fill_line(line: &str, width: usize) -> String {
    if columns(line) <= width {
        return line.to_owned();
    }
    let words = line.trim_start_matches(' ');
    let indent = columns(line).saturating_sub(columns(words));
    let again = " ".repeat(indent.min(width / 2).saturating_add(2));
    // A space within a name is no place to wrap. With an unmatched backtick, names cannot be recognised.
    let has_names = words.matches('`').count().is_multiple_of(2);
    let mut in_name = false;
    let between = |c: char| {
        in_name ^= has_names && c == '`';
        c == ' ' && !in_name
    };
    let mut out = " ".repeat(indent);
    let (mut used, mut is_first) = (indent, true);
    for word in words.split(between) {
        let wide = columns(word);
        if !is_first && used.saturating_add(1).saturating_add(wide) > width {
            out.push('\n');
            out.push_str(&again);
            used = columns(&again);
        } else if !is_first {
            out.push(' ');
            used = used.saturating_add(1);
        }
        out.push_str(word);
        used = used.saturating_add(wide);
        is_first = false;
    }
    out
}

struct Wrap {
    width: usize,
    again: StyledSpan,
    lines: Vec<Vec<StyledSpan>>,
    line: Vec<StyledSpan>,
    used: usize,
    blanks: usize,
    /// The current word: a bracket and the name in it are one word in two spans.
    word: Vec<StyledSpan>,
}

impl Wrap {
    fn span(&mut self, span: &StyledSpan) {
        for c in span.text.chars() {
            if c == ' ' {
                self.word();
                self.blanks += 1;
                continue;
            }
            match self.word.last_mut() {
                Some(last) if last.label == span.label => last.text.push(c),
                Some(_) | None => self.word.push(StyledSpan::own(span.label, c.to_string())),
            }
        }
    }

    fn word(&mut self) {
        let word = std::mem::take(&mut self.word);
        if word.is_empty() {
            return;
        }
        let wide: usize = word.iter().map(|part| columns(&part.text)).sum();
        if self.used + self.blanks + wide > self.width {
            let room = self.width.saturating_sub(columns(&self.again.text));
            if wide > room {
                return self.long_word(&word);
            }
            self.turn();
        }
        self.blanks();
        self.used += wide;
        for part in &word {
            self.push(part.label, &part.text);
        }
    }

    fn blanks(&mut self) {
        let label = self.word.first().or(self.line.last()).map_or(Label::Plain, |span| span.label);
        self.push(label, &" ".repeat(self.blanks));
        self.used += self.blanks;
        self.blanks = 0;
    }

    /// A word wider than the page is broken at its edge.
    fn long_word(&mut self, word: &[StyledSpan]) {
        if self.used + self.blanks + 8 > self.width && self.used > columns(&self.again.text) {
            self.turn();
        }
        self.blanks();
        for span in word {
            let mut part = String::new();
            for c in span.text.chars() {
                let wide = c.width().unwrap_or(0);
                if self.used + wide > self.width {
                    self.push(span.label, &part);
                    part.clear();
                    self.turn();
                }
                part.push(c);
                self.used += wide;
            }
            self.push(span.label, &part);
        }
    }

    fn push(&mut self, label: Label, text: &str) {
        match self.line.last_mut() {
            Some(last) if last.label == label => last.text.push_str(text),
            Some(_) | None => self.line.push(StyledSpan::own(label, text)),
        }
    }

    fn turn(&mut self) {
        self.used = columns(&self.again.text);
        self.lines.push(std::mem::replace(&mut self.line, vec![self.again.clone()]));
        self.blanks = 0;
    }

    fn finish(mut self) -> Vec<Vec<StyledSpan>> {
        self.word();
        self.lines.push(self.line);
        self.lines
    }
}

/// A sentence as spans. Names are marked by their backticks only.
#[must_use]
pub fn spans(label: Label, sentence: &Sentence) -> Vec<StyledSpan> {
    sentence.words().iter().map(|word| StyledSpan::own(label, Word::terminal(word))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_wider_than_the_page_and_nothing_but_blanks_is_lost() {
        let style = Style::plain(30);
        let text =
            "the role 漢字漢字漢字漢字漢字漢字漢字漢字漢字 and arn:aws:iam::123456789012:role/very/long/name end";
        let mut page = Page::new(&style);
        page.para("  policies: ", &[StyledSpan::own(Label::Plain, text)]);
        let lines = page.lines(&style);
        assert!(lines.iter().all(|line| columns(line) <= 30), "{lines:#?}");
        let squeeze = |s: &str| s.chars().filter(|c| *c != ' ').collect::<String>();
        assert_eq!(squeeze(&lines.concat()), squeeze(&format!("policies:{text}")));
    }

    #[test]
    fn blanks_within_a_name_stay() {
        let style = Style::plain(60);
        let mut page = Page::new(&style);
        page.para("", &[StyledSpan::own(Label::Plain, "`a   b`")]);
        assert_eq!(page.render(&style), "`a   b`\n");
    }

    #[test]
    fn a_bracket_stays_with_the_name_that_it_holds() {
        let style = Style::plain(30);
        let mut page = Page::new(&style);
        page.para(
            "",
            &[
                StyledSpan::own(Label::Plain, "concerns two identities ("),
                StyledSpan::own(Label::Key, "`sa:a/ci`"),
                StyledSpan::own(Label::Plain, ")"),
            ],
        );
        assert_eq!(page.render(&style), "concerns two identities\n  (`sa:a/ci`)\n");
    }

    #[test]
    fn a_line_is_broken_between_words_and_never_within_a_name() {
        let said = "error: the log `/a/very/long path/that/is/copied.jsonl` cannot be read\n  = help: run `review log head` there, and 漢字 after that";
        let filled = "error: the log\n  `/a/very/long path/that/is/copied.jsonl`\n  cannot be read\n  = help: run\n    `review log head` there,\n    and 漢字 after that";
        assert_eq!(fill(said, 30), filled);
        assert_eq!(fill(said, 200), said);
        assert_eq!(fill("a ` b c d", 5), "a ` b\n  c d", "a backtick that stands alone begins no name");
        assert_eq!(fill("  | a | b", 7), "  | a |\n    b", "what a line begins with stays");
    }

    #[test]
    fn a_cut_says_that_something_is_missing() {
        assert_eq!(cut("漢字漢字", 5), "漢字…");
        assert_eq!(cut("abc", 3), "abc");
    }
}
