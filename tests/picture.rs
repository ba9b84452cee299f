//! The picture of the README is the screen: the card of a chain in the demo, as a terminal shows it, rendered as SVG.
//!
//! `SNAPSHOTS=overwrite cargo test --test program picture::` writes it again after a change of the card.

use std::num::NonZero;
use std::path::Path;

use crate::support::{LONG, Site};
use anstyle::{Ansi256Color, Color, RgbColor, Style};
use rexpect::session::spawn_command;
use snapbox::assert::DEFAULT_ACTION_ENV;

const ROWS: u16 = 36;
const COLUMNS: u16 = 80;

fn nonzero(number: u16) -> NonZero<u16> {
    NonZero::new(number).unwrap()
}

/// The terminal after the card of a change came up, reached by skipping the cards before it.
fn screen(site: &Site, part_of_card: &str) -> vt100::Parser {
    let script =
        format!("stty rows {ROWS} cols {COLUMNS}; {} plan.yaml --key keys/ada.pub", env!("CARGO_BIN_EXE_review"));
    let mut command = site.command("bash", &site.demo());
    command.env_remove("NO_COLOR").env("TERM", "xterm-256color").args(["-c", &script]);
    let mut session = spawn_command(command, LONG).unwrap();
    let mut terminal = vt100::Parser::new(nonzero(ROWS), nonzero(COLUMNS), 0);
    for _ in 0..10 {
        let shown = session.exp_string("? keys").unwrap() + "? keys";
        // The session hands over each byte as a character.
        let bytes: Vec<u8> = shown.chars().map(|it| u8::try_from(u32::from(it)).unwrap()).collect();
        terminal.process(&bytes);
        let text = terminal.screen().contents();
        if text.contains(part_of_card) {
            return terminal;
        }
        session.send(if text.contains("Before you decide") { "g" } else { "s" }).unwrap();
        session.flush().unwrap();
    }
    panic!("no card has `{part_of_card}`");
}

fn style(cell: &vt100::Cell) -> Style {
    let colour = |it: vt100::Color| match it {
        vt100::Color::Default => None,
        vt100::Color::Idx(at) => Some(Color::Ansi256(Ansi256Color(at))),
        vt100::Color::Rgb(r, g, b) => Some(Color::Rgb(RgbColor(r, g, b))),
    };
    let style = Style::new().fg_color(colour(cell.fgcolor())).bg_color(colour(cell.bgcolor()));
    let style = if cell.bold() { style.bold() } else { style };
    if cell.dim() { style.dimmed() } else { style }
}

/// A row with everything replaced that differs in each demo: times, the digests that depend on them, and the fingerprint
/// of the assistant's key.
fn steady(row: &str) -> String {
    row.split(' ')
        .map(|word| {
            if let Some((before, after)) = word.split_once("SHA256:") {
                let (print, rest) = after.split_at_checked(43).unwrap_or((after, ""));
                return format!("{before}SHA256:{}{rest}", "A".repeat(print.len()));
            }
            let is_time = review::input::time::Time::parse(word).is_some();
            let is_digest = word.len() == 12 && word.bytes().all(|b| b.is_ascii_hexdigit());
            let steady = if is_time {
                "2030-01-01T12:00:00Z"
            } else if is_digest {
                "0123456789ab"
            } else {
                word
            };
            steady.to_owned()
        })
        .collect::<Vec<String>>()
        .join(" ")
}

/// The rows of a screen with their styles, as ANSI escape codes.
fn ansi(screen: &vt100::Screen) -> String {
    let mut out = String::new();
    for row in 0..ROWS {
        let cells: Vec<&vt100::Cell> = (0..COLUMNS).filter_map(|column| screen.cell(row, column)).collect();
        let text: String = cells.iter().map(|it| if it.has_contents() { it.contents() } else { " " }).collect();
        let row: Vec<(char, Style)> = steady(&text).trim_end().chars().zip(cells.into_iter().map(style)).collect();
        for span in row.chunk_by(|(_, a), (_, b)| a == b) {
            let (_, style) = span.first().unwrap();
            let text: String = span.iter().map(|(character, _)| *character).collect();
            out.push_str(&format!("{}{text}{}", style.render(), style.render_reset()));
        }
        out.push('\n');
    }
    out.trim_end().to_owned() + "\n"
}

#[test]
fn the_picture_of_the_readme_is_the_card_that_catches_a_chain() {
    let site = Site::new();
    let terminal = screen(&site, "grant membership of group `group:job-runners`");
    let text = terminal.screen().contents();
    assert!(text.contains("vault:*") && text.contains("together with `c6`"), "{text}");
    let svg = anstyle_svg::Term::new().render_svg(&ansi(terminal.screen()));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/card.svg");
    let expected = snapbox::Data::read_from(&file, Some(snapbox::data::DataFormat::Text));
    snapbox::Assert::new().action_env(DEFAULT_ACTION_ENV).eq(svg, expected);
}
