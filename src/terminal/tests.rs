//! Tests of the screens with scripted keys, and of the real terminal in a pseudo-terminal.

use std::process::Command;

use super::Failure;
use super::console::Console as _;
use super::screen::{Beside, Choice, choose, line};
use super::script::Script;
use super::tty::Tty;
use crate::report::render::card;
use crate::report::samples::plan;
use crate::report::style::Style;

fn choices() -> Vec<Choice<&'static str>> {
    let choice = |key, word, after_all| Choice { key, word, help: "…", value: word, after_all };
    vec![
        choice('a', "approve", true),
        choice('r', "reject", false),
        choice('s', "skip", false),
        choice('b', "back", false),
        choice('d', "details", false),
        choice('q', "quit", false),
    ]
}

fn ask(console: &mut Script, text: &str) -> Result<&'static str, Failure> {
    let plan = plan(text);
    let change = plan.changes.first().unwrap().clone();
    let paint = move |style: &Style| card::page(&plan, &change, "1 of 2", style);
    let beside = Beside { progress: "1 of 2".into(), notice: String::new() };
    choose(console, false, &paint, &beside, &choices())
}

#[test]
fn the_last_line_always_says_what_the_keys_do() {
    for size in [(60, 20), (80, 24), (200, 50)] {
        let mut console = Script::new(size, "\r?x   x s");
        assert_eq!(ask(&mut console, "漢字 role").unwrap(), "skip");
        for screen in &console.screens {
            let last = screen.lines().last().unwrap();
            assert!(last.contains("? keys") || last.contains("any key"), "{screen}");
        }
        assert!(console.screens[0].lines().last().unwrap().contains("a approve"));
    }
}

#[test]
fn enter_alone_does_not_approve() {
    let mut console = Script::new((80, 24), "\r\r\r");
    assert!(matches!(ask(&mut console, "x"), Err(Failure::Closed)));
    assert!(console.last().contains("Enter alone decides nothing"), "{}", console.last());
}

#[test]
fn a_paste_chooses_nothing() {
    let mut console = Script::new((80, 24), "\u{1b}[200~s\ns\n\u{1b}[201~");
    assert!(matches!(ask(&mut console, "x"), Err(Failure::Closed)));
    assert!(console.last().contains("pasted text decides nothing"));
}

#[test]
fn a_privileged_change_is_approved_only_after_its_whole_card_was_shown() {
    let mut console = Script::new((80, 24), "a");
    assert!(matches!(ask(&mut console, "x"), Err(Failure::Closed)));
    assert!(console.last().contains("read on first"), "{}", console.last());
    let mut console = Script::new((80, 24), "a        a");
    assert_eq!(ask(&mut console, "x").unwrap(), "approve");
}

#[test]
fn cards_are_shown_as_drawn_whatever_the_text() {
    // The script compares each row of a parsed screen with the line that was drawn.
    for text in crate::report::samples::hostile().iter().step_by(5) {
        for size in [(60, 20), (80, 24), (200, 60)] {
            // WHY: vt100 and we may count zero-width and joined characters otherwise; those never break a line here.
            if text.chars().all(|c| unicode_width::UnicodeWidthChar::width(c) != Some(0)) {
                let mut console = Script::new(size, "       s");
                assert_eq!(ask(&mut console, text).unwrap(), "skip");
            }
        }
    }
}

#[test]
fn a_line_is_sent_by_enter_and_left_by_escape() {
    let paint = |style: &Style| crate::report::layout::Page::new(style);
    let typed = |keys: &str| {
        let mut console = Script::new((60, 10), keys);
        line(&mut console, false, &paint, &Beside::default(), "Type `ledger-writer` to approve:")
    };
    assert_eq!(typed("ledger-writer\r").unwrap(), Some("ledger-writer".to_owned()));
    assert_eq!(typed("ledg\u{1b}").unwrap(), None);
    assert!(matches!(typed("ledg\u{3}"), Err(Failure::Interrupted)));
    assert!(matches!(typed("ledg"), Err(Failure::Closed)));
}

/// Runs in a pseudo-terminal, started by the tests below.
#[test]
fn child_of_the_terminal_tests() {
    if std::env::var_os("REVIEW_TERMINAL_TEST").is_none() {
        return;
    }
    println!("pid {} ", std::process::id());
    let result = {
        let mut tty = Tty::open().expect("a pseudo-terminal is a controlling terminal");
        let paint = |style: &Style| {
            let mut page = crate::report::layout::Page::new(style);
            page.heading("A card");
            page
        };
        let beside = Beside { progress: format!("{:?}", tty.size()), notice: String::new() };
        choose(&mut tty, false, &paint, &beside, &choices())
    };
    match result {
        Ok(word) => println!("chosen: {word}"),
        Err(failure) => println!("failed: {failure}"),
    }
    let mode = Command::new("stty").arg("-a").stdin(std::fs::File::open("/dev/tty").unwrap()).output().unwrap();
    let mode = String::from_utf8_lossy(&mode.stdout).into_owned();
    let has = |word: &str| mode.split([' ', ';', '\n']).any(|w| w == word);
    println!("restored: {}", has("icanon") && has("echo") && has("isig"));
}

fn child() -> rexpect::session::PtySession {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "terminal::tests::child_of_the_terminal_tests", "--nocapture"])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("TERM", "xterm")
        .env("REVIEW_TERMINAL_TEST", "1");
    rexpect::session::spawn_command(command, Some(20_000)).unwrap()
}

fn ends_with(mut session: rexpect::session::PtySession, expected: &str) {
    session.exp_string(expected).unwrap();
    session.exp_string("restored: true").unwrap();
}

#[test]
fn a_key_on_the_real_terminal_chooses_and_the_terminal_is_restored() {
    let mut session = child();
    session.exp_string("? keys").unwrap();
    session.send("\r").unwrap();
    session.flush().unwrap();
    session.exp_string("Enter alone decides nothing").unwrap();
    session.send("s").unwrap();
    session.flush().unwrap();
    ends_with(session, "chosen: skip");
}

#[test]
fn control_c_on_the_real_terminal_interrupts_and_the_terminal_is_restored() {
    let mut session = child();
    session.exp_string("? keys").unwrap();
    session.send_control('c').unwrap();
    ends_with(session, "failed: interrupted");
}

#[test]
fn a_signal_from_outside_interrupts_and_the_terminal_is_restored() {
    for signal in ["-INT", "-TERM"] {
        let mut session = child();
        let (_, pid) = session.exp_regex("pid [0-9]+").unwrap();
        let pid = pid.trim_start_matches("pid ").to_owned();
        session.exp_string("? keys").unwrap();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        ends_with(session, "failed: interrupted");
    }
}

#[test]
fn without_a_controlling_terminal_nobody_is_asked() {
    let open = Command::new("setsid")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "terminal::tests::opening_without_a_terminal_fails", "--nocapture"])
        .env("REVIEW_NO_TERMINAL_TEST", "1")
        .stdin(std::process::Stdio::null())
        .output();
    match open {
        Ok(out) => assert!(String::from_utf8_lossy(&out.stdout).contains("1 passed"), "{out:?}"),
        Err(e) => println!("setsid is absent ({e}); nothing was tried"),
    }
}

/// Runs without a controlling terminal, started by the test above.
#[test]
fn opening_without_a_terminal_fails() {
    if std::env::var_os("REVIEW_NO_TERMINAL_TEST").is_some() {
        assert!(matches!(Tty::open(), Err(Failure::NoTerminal(_))));
    }
}
