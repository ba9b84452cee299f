//! Shows a page with its keys on the last line, and reads a key or a line.
//!
//! Pages longer than the screen scroll, and the lines that were on the screen are counted. Enter is never a choice. Input
//! typed before the question is shown is discarded.

use crate::decision::session::{Part, ShownCard};
use crate::report::layout::{Page, columns, cut};
use crate::report::style::{Label, Style};
use crate::terminal::Failure;
use crate::terminal::console::{Console, Drawing, InputEvent};
use crate::terminal::keys::Key;
use crate::terminal::line::{InputLine, Typed};

/// The minimum number of columns and rows.
const SMALLEST: (usize, usize) = (Style::NARROWEST, 6);

/// A key and its effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyBinding<T> {
    /// The key.
    pub key: char,
    /// A label of one or two words.
    pub word: &'static str,
    /// The help text.
    pub help: &'static str,
    /// The result.
    pub value: T,
    /// Whether it requires that the page was scrolled to its end.
    pub after_all: bool,
}

/// Renders a page for a style.
pub type Paint<'p> = dyn Fn(&Style) -> Page + 'p;

/// The status line of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatusLine {
    /// The progress, such as `3 of 17`.
    pub progress: String,
    /// A message, such as a complaint about the last answer. Already escaped.
    pub notice: String,
    /// Whether the page was read to its end before.
    pub read: bool,
}

/// Asks for one of several keys. Gives what was chosen, and how much of the page was on the screen.
///
/// # Errors
/// If the terminal is gone, or the user interrupts.
pub fn choose<T: Clone>(
    console: &mut dyn Console,
    colour: bool,
    paint: &Paint<'_>,
    status_line: &StatusLine,
    choices: &[KeyBinding<T>],
) -> Result<(T, ShownCard), Failure> {
    console.forget()?;
    let mut view = View { notice: status_line.notice.clone(), ..View::default() };
    loop {
        view.draw(console, colour, paint, &status_line.progress, &|more, wide| keys_line(choices, more, wide))?;
        let InputEvent::Key(key) = console.wait()? else { continue };
        view.notice.clear();
        if view.scroll(&key) {
            continue;
        }
        match key {
            Key::Char('?') => help(console, colour, choices)?,
            Key::Char(pressed) => match choices.iter().find(|choice| choice.key == pressed) {
                Some(choice) if choice.after_all && !status_line.read && !view.seen_all() => {
                    view.notice = if view.is_at_end() {
                        "scroll first: some lines above were not on the screen yet".to_owned()
                    } else {
                        "scroll to the end first (space)".to_owned()
                    };
                }
                Some(choice) => return Ok((choice.value.clone(), view.shown())),
                None => "this key has no effect here; ? shows the keys".clone_into(&mut view.notice),
            },
            Key::Enter => "Enter alone does not decide; press one of the keys below".clone_into(&mut view.notice),
            Key::Paste(_) => "pasted text decides nothing; press one of the keys below".clone_into(&mut view.notice),
            Key::Escape
            | Key::EndOfFile
            | Key::Unknown
            | Key::Backspace
            | Key::ClearLine
            | Key::ClearWord
            | Key::Interrupt
            | Key::Redraw
            | Key::Up
            | Key::Down
            | Key::PageUp
            | Key::PageDown
            | Key::Home
            | Key::End => {}
        }
    }
}

/// Asks for a line. `None`: the user cancelled.
///
/// # Errors
/// If the terminal is gone, or the user interrupts.
pub fn line(
    console: &mut dyn Console,
    colour: bool,
    paint: &Paint<'_>,
    status_line: &StatusLine,
    prompt: &str,
) -> Result<Option<String>, Failure> {
    console.forget()?;
    let mut view = View { notice: status_line.notice.clone(), ..View::default() };
    let mut line = InputLine::default();
    loop {
        view.input = Some((prompt.to_owned(), line.text().to_owned()));
        let keys = |_: bool, wide: usize| fit(&["Enter: send", "Esc: back", "Ctrl-U: clear", "↑↓: scroll"], wide);
        view.draw(console, colour, paint, &status_line.progress, &keys)?;
        let InputEvent::Key(key) = console.wait()? else { continue };
        view.notice.clear();
        if !matches!(key, Key::Char(_)) && view.scroll(&key) {
            continue;
        }
        match line.key(&key) {
            Typed::On => {}
            Typed::Refused(why) => why.clone_into(&mut view.notice),
            Typed::Sent(text) => return Ok(Some(text)),
            Typed::Left => return Ok(None),
        }
    }
}

fn help<T: Clone>(console: &mut dyn Console, colour: bool, choices: &[KeyBinding<T>]) -> Result<(), Failure> {
    let paint = |style: &Style| {
        let mut page = Page::new(style);
        page.heading("Keys");
        for choice in choices {
            let front = crate::report::layout::StyledSpan::own(Label::Key, choice.key.to_string());
            let words = format!(" {}: {}", choice.word, choice.help);
            page.para_from(front, &[crate::report::layout::StyledSpan::own(Label::Plain, words)]);
        }
        for words in [
            "space, ↓, PageDown: scroll down",
            "↑, PageUp, Home: scroll up",
            "Ctrl-C: quit at once; decisions of a review stay in its journal",
        ] {
            page.para("", &[crate::report::layout::StyledSpan::own(Label::Plain, words)]);
        }
        page
    };
    let mut view = View::default();
    loop {
        view.draw(console, colour, &paint, "", &|_, wide| fit(&["any key: back", "space: more"], wide))?;
        let InputEvent::Key(key) = console.wait()? else { continue };
        if !view.scroll(&key) {
            return Ok(());
        }
    }
}

/// The list of keys, as many as fit. The most important ones come first, and `?` always fits.
fn keys_line<T>(choices: &[KeyBinding<T>], more: bool, wide: usize) -> String {
    let mut parts: Vec<String> = Vec::new();
    if more {
        parts.push("space more".to_owned());
    }
    parts.extend(choices.iter().map(|choice| format!("{} {}", choice.key, choice.word)));
    let last = "? keys";
    let mut out = String::new();
    for part in &parts {
        if columns(&out) + columns(part) + 3 + columns(last) > wide {
            break;
        }
        out.push_str(part);
        out.push_str(" · ");
    }
    cut(&(out + last), wide)
}

fn fit(parts: &[&str], wide: usize) -> String {
    let mut out = String::new();
    for part in parts {
        if columns(&out) + columns(part) + 3 > wide && !out.is_empty() {
            break;
        }
        if !out.is_empty() {
            out.push_str(" · ");
        }
        out.push_str(part);
    }
    cut(&out, wide)
}

#[derive(Debug, Default)]
struct View {
    top: usize,
    height: usize,
    length: usize,
    /// How many lines were on the screen, counted from the first without a gap, and for which width.
    read: (usize, usize),
    /// After which lines entries end.
    marks: Vec<usize>,
    notice: String,
    input: Option<(String, String)>,
}

impl View {
    fn draw(
        &mut self,
        console: &mut dyn Console,
        colour: bool,
        paint: &Paint<'_>,
        progress: &str,
        keys: &dyn Fn(bool, usize) -> String,
    ) -> Result<(), Failure> {
        let (wide, rows) = console.size();
        let (wide, rows) = (wide.max(SMALLEST.0), rows.max(SMALLEST.1));
        let style = Style { colour, width: wide };
        let page = paint(&style);
        self.marks = page.marks().to_vec();
        let page = page.lines(&style);
        let below = if self.input.is_some() { 3 } else { 2 };
        self.length = page.len();
        self.height = rows - below;
        self.top = self.top.min(self.length.saturating_sub(self.height));
        let bottom = (self.top + self.height).min(self.length);
        self.read_on(bottom, wide);
        let mut lines: Vec<String> = page.get(self.top..bottom).unwrap_or_default().to_vec();
        lines.resize(self.height, String::new());
        lines.push(style.paint(Label::Warn, &self.status(progress, bottom, wide)));
        let mut cursor = None;
        if let Some((prompt, text)) = &self.input {
            let (shown, column) = input(prompt, text, wide);
            cursor = Some((lines.len(), column));
            lines.push(shown);
        }
        lines.push(style.paint(Label::Heading, &keys(bottom < self.length, wide)));
        console.draw(&Drawing { lines, cursor })
    }

    /// Notes what is on the screen. A page of another width has other lines, unless it was read to its end already.
    fn read_on(&mut self, bottom: usize, wide: usize) {
        let (read, width) = self.read;
        let read = if width == wide || read == usize::MAX { read } else { 0 };
        let read = if self.top <= read { read.max(bottom) } else { read };
        self.read = (if read >= self.length { usize::MAX } else { read }, wide);
    }

    fn is_at_end(&self) -> bool {
        self.top.saturating_add(self.height) >= self.length
    }

    fn seen_all(&self) -> bool {
        self.read.0 >= self.length
    }

    fn shown(&self) -> ShownCard {
        let read = self.read.0;
        let marks = self.marks.iter().filter(|mark| **mark <= read).count();
        ShownCard { groups: Part::new(marks, self.marks.len()), lines: Part::new(read, self.length) }
    }

    fn status(&self, progress: &str, bottom: usize, wide: usize) -> String {
        if !self.notice.is_empty() {
            // The message is more important than the keys. If both do not fit, show the message in full.
            let fits = columns(&self.notice) <= wide;
            let said = if fits { Some(&*self.notice) } else { self.notice.split(": ").next() };
            return cut(said.unwrap_or_default(), wide);
        }
        let lines = if self.length > self.height {
            format!("lines {}–{bottom} of {}", self.top + 1, self.length)
        } else {
            String::new()
        };
        let parts: Vec<&str> = [progress, &lines].into_iter().filter(|p| !p.is_empty()).collect();
        cut(&parts.join(" · "), wide)
    }

    /// Scrolls if the key is a scroll key, and returns whether it was.
    fn scroll(&mut self, key: &Key) -> bool {
        let most = self.length.saturating_sub(self.height);
        let page = self.height.saturating_sub(1).max(1);
        self.top = match key {
            Key::Char(' ') | Key::PageDown => self.top.saturating_add(page),
            Key::Down => self.top.saturating_add(1),
            Key::Up => self.top.saturating_sub(1),
            Key::PageUp => self.top.saturating_sub(page),
            Key::Home => 0,
            Key::End => most,
            Key::Redraw => self.top,
            Key::Char(_)
            | Key::Enter
            | Key::Escape
            | Key::Backspace
            | Key::Interrupt
            | Key::EndOfFile
            | Key::ClearLine
            | Key::ClearWord
            | Key::Paste(_)
            | Key::Unknown => return false,
        }
        .min(most);
        true
    }
}

/// The prompt, the end of the typed text, and the cursor position.
fn input(prompt: &str, text: &str, wide: usize) -> (String, usize) {
    let prompt = cut(prompt, wide * 2 / 3);
    let room = wide.saturating_sub(columns(&prompt) + 2);
    let mut shown = String::new();
    let mut used = 0;
    for c in text.chars().rev() {
        used += columns(c.encode_utf8(&mut [0; 4]));
        if used > room {
            break;
        }
        shown.insert(0, c);
    }
    let line = format!("{prompt} {shown}");
    let column = columns(&line).min(wide.saturating_sub(1));
    (line, column)
}
