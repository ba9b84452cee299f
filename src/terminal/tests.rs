//! Tests of the screens with scripted keys, and of the real terminal in a pseudo-terminal.

use std::process::Command;

use crate::report::layout::Page;
use crate::report::render::card;
use crate::report::samples::plan;
use crate::report::style::Style;
use crate::terminal::Failure;
use crate::terminal::console::Console as _;
use crate::terminal::screen::{KeyBinding, StatusLine, choose, line};
use crate::terminal::script::Script;
use crate::terminal::tty::Tty;

fn choices() -> Vec<KeyBinding<&'static str>> {
    let choice = |key, word, after_all| KeyBinding { key, word, help: "…", value: word, after_all };
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
    let paint = move |style: &Style| {
        let mut page = Page::new(style);
        card::put(&mut page, &plan, &change, "1 of 2");
        page
    };
    let status_line = StatusLine { progress: "1 of 2".into(), ..StatusLine::default() };
    choose(console, false, &paint, &status_line, &choices()).map(|(word, _)| word)
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
    assert!(console.last().contains("Enter alone does not decide"), "{}", console.last());
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
    assert!(console.last().contains("scroll to the end first"), "{}", console.last());
    let mut console = Script::new((80, 24), "a        a");
    assert_eq!(ask(&mut console, "x").unwrap(), "approve");
}

#[test]
fn cards_are_shown_as_drawn_whatever_the_text() {
    // The script compares each row of the parsed screen with the drawn line.
    for text in crate::report::samples::hostile().iter().step_by(5) {
        for size in [(60, 20), (80, 24), (200, 60)] {
            // vt100 may count zero-width and joined characters differently. They never break a line here.
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
        line(&mut console, false, &paint, &StatusLine::default(), "Type `ledger-writer` to approve:")
    };
    assert_eq!(typed("ledger-writer\r").unwrap(), Some("ledger-writer".to_owned()));
    assert_eq!(typed("ledg\u{1b}").unwrap(), None);
    assert!(matches!(typed("ledg\u{3}"), Err(Failure::Interrupted)));
    assert!(matches!(typed("ledg"), Err(Failure::Closed)));
}

/// Runs in a pseudo-terminal. The tests below start it.
#[test]
fn child_of_the_terminal_tests() {
    if std::env::var_os("REVIEW_TERMINAL_TEST").is_none() {
        return;
    }
    // `stty -g` prints all settings of the terminal.
    let mode = || {
        let tty = std::fs::File::open("/dev/tty").unwrap();
        Command::new("stty").arg("-g").stdin(tty).output().unwrap().stdout
    };
    let before = mode();
    assert!(!before.is_empty());
    println!("pid {} ", std::process::id());
    let result = {
        let mut tty = Tty::open().expect("a pseudo-terminal is a controlling terminal");
        assert_ne!(mode(), before, "it is raw while somebody is asked");
        let paint = |style: &Style| {
            let mut page = crate::report::layout::Page::new(style);
            page.heading("A card");
            page
        };
        let status_line = StatusLine { progress: format!("{:?}", tty.size()), ..StatusLine::default() };
        choose(&mut tty, false, &paint, &status_line, &choices())
    };
    match result {
        Ok((word, _)) => println!("chosen: {word}"),
        Err(failure) => println!("failed: {failure}"),
    }
    println!("restored: {}", mode() == before);
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
    session.exp_string("Enter alone does not decide").unwrap();
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
fn a_signal_from_outside_ends_the_sitting_and_the_terminal_is_restored() {
    let interrupted = "failed: interrupted";
    for (signal, end) in [("-INT", interrupted), ("-TERM", interrupted), ("-HUP", "failed: the terminal was closed")] {
        let mut session = child();
        let (_, pid) = session.exp_regex("pid [0-9]+").unwrap();
        let pid = pid.trim_start_matches("pid ").to_owned();
        session.exp_string("? keys").unwrap();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        ends_with(session, end);
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

/// Runs without a controlling terminal. The test above starts it.
#[test]
fn opening_without_a_terminal_fails() {
    if std::env::var_os("REVIEW_NO_TERMINAL_TEST").is_some() {
        assert!(matches!(Tty::open(), Err(Failure::NoTerminal(_))));
    }
}

mod conversation {
    use std::collections::BTreeSet;
    use std::convert::Infallible;

    use crate::decision::case::{CaseId, CaseOutcome, Denial, EvaluatedChange, StepName};
    use crate::decision::digest::ChangeDocument;
    use crate::decision::recheck::Reanalysis;
    use crate::decision::risk::Risk;
    use crate::decision::session::{Already, Card, Choice, End, SessionEvent, SessionMachine, SessionVerdict};
    use crate::input::digest::Digest;
    use crate::input::entitlement::Sensitivity;
    use crate::input::time::Time;
    use crate::plan::model::Action;
    use crate::report::model::{OutcomeReport as Word, PlanReport};
    use crate::report::samples;
    use crate::terminal::Failure;
    use crate::terminal::review_loop::{BreakOff, SessionStore, run};
    use crate::terminal::script::Script;
    use crate::terminal::words;

    /// A store that keeps events in memory and reports no faults.
    #[derive(Default)]
    struct Drawer {
        cards: Vec<Card>,
        events: Vec<SessionEvent>,
    }

    impl SessionStore for Drawer {
        type Error = Infallible;

        fn persist(&mut self, events: &[SessionEvent]) -> Result<(), Infallible> {
            self.events.extend_from_slice(events);
            Ok(())
        }

        fn reanalyse(&mut self, approved: &BTreeSet<CaseId>) -> Result<Reanalysis, Infallible> {
            let present = |case: &CaseId| self.cards.iter().find(|c| c.present.case == *case).unwrap().present.clone();
            let changes = approved.iter().map(|case| (case.clone(), present(case))).collect();
            Ok(Reanalysis { changes, ..Reanalysis::default() })
        }

        fn moved(&self) -> Vec<crate::report::sentence::Sentence> {
            Vec::new()
        }
    }

    fn card(id: &str, privileged: bool) -> Card {
        let role = crate::input::place::Placed::new("reader".into(), crate::input::place::Place::line("plan.yaml", 1));
        let document = ChangeDocument {
            action: "delete_role".into(),
            fields: crate::decision::fields::typed_fields(&Action::DeleteRole(role)),
            plan: "P1".into(),
            expires: Time::from_unix(1_800_000_000),
            proposer: "agent:assistant".into(),
            sponsor: None,
            task: None,
            intent: "let it work".into(),
            reason: format!("because of {id}").into(),
            effect: crate::decision::digest::EffectRecord::default(),
            outsiders: BTreeSet::new(),
            privileged,
            sensitivity: Sensitivity::Low,
            contradictions: BTreeSet::new(),
            escalations: Vec::new(),
            sod: Vec::new(),
            too_large: false,
            targets: Vec::new(),
            made_from: None,
            unknown: BTreeSet::new(),
        };
        let digested = document.digest().unwrap();
        Card {
            present: EvaluatedChange {
                case: CaseId::new("P1", id),
                digest: digested.digest,
                document: digested.document,
                emergent: BTreeSet::new(),
                outcome: CaseOutcome::Needs(vec![StepName::new("Owner").unwrap()]),
                depends_on: BTreeSet::new(),
            },
            risk: Risk { privileged, ..Risk::default() },
            privileged,
            named_by_plan: false,
            must_be_read: privileged,
            too_much: false,
            name: "ledger-writer".into(),
            permitted: [StepName::new("Owner").unwrap()].into(),
            may_override: false,
            bars: BTreeSet::new(),
            set_aside: BTreeSet::new(),
            rejects: BTreeSet::new(),
            likeness: None,
            names: BTreeSet::new(),
            already: Already::Open,
            reopened: false,
        }
    }

    fn plan() -> PlanReport {
        let mut plan = samples::plan("P1");
        plan.changes = vec![samples::change("c1", "漢字 role"), samples::change("c2", "role")];
        if let Some(ordinary) = plan.changes.last_mut() {
            ordinary.privileged.clear();
        }
        for change in &mut plan.changes {
            change.outcome = Word::Needs;
        }
        plan
    }

    /// A session in which the privileged change `c1` comes before the ordinary change `c2`.
    fn talk(keys: &str) -> (Result<End, BreakOff<Infallible>>, Drawer, Script) {
        let cards = vec![card("c1", true), card("c2", false)];
        let mut session = SessionMachine::new(cards.clone()).unwrap();
        let mut drawer = Drawer { cards, events: Vec::new() };
        let mut console = Script::new((80, 30), keys);
        let end = run(&mut console, false, &[plan()], &mut session, &mut drawer);
        (end, drawer, console)
    }

    fn verdicts(end: &End) -> Vec<(&str, bool, Option<&str>)> {
        let End::Seal(decisions) = end else { panic!("{end:?}") };
        decisions
            .iter()
            .map(|d| {
                let yes = matches!(d.verdict(), SessionVerdict::Approve(_));
                (d.case().change.as_str(), yes, d.reason().map(crate::input::text::Text::raw))
            })
            .collect()
    }

    #[test]
    fn a_privileged_change_needs_its_name_and_an_ordinary_one_a_word() {
        let (end, drawer, console) = talk("      ayes\rledger-writer\rayes\rseal\r");
        let end = end.unwrap();
        assert_eq!(verdicts(&end), [("c1", true, None), ("c2", true, None)]);
        assert_eq!(drawer.events.len(), 2);
        let complaint = console.screens.iter().any(|s| s.contains("this is not `ledger-writer`"));
        assert!(complaint, "a wrong word is named");
        assert!(console.last().contains("Your signature will cover"), "{}", console.last());
        assert!(console.last().contains("privileged, by name: `ledger-writer`"), "{}", console.last());
    }

    #[test]
    fn the_seal_lists_apart_what_it_will_not_decide() {
        let (_, _, console) = talk("sayes\rf");
        let screen = console.last();
        let (covers, leaves) = screen.split_once("It will not decide").unwrap_or_else(|| panic!("{screen}"));
        assert!(covers.contains("approve") && !covers.contains("undecided"), "{screen}");
        assert!(leaves.contains("undecided"), "{screen}");
    }

    /// A session with one ordinary change that this user may override or lift, on a screen that is too small for its card.
    fn talk_about(card: Card, keys: &str) -> (Result<End, BreakOff<Infallible>>, Script) {
        let mut session = SessionMachine::new(vec![card.clone()]).unwrap();
        let mut plan = plan();
        for change in &mut plan.changes {
            change.privileged.clear();
        }
        let mut console = Script::new((80, 12), keys);
        let mut drawer = Drawer { cards: vec![card], events: Vec::new() };
        (run(&mut console, false, &[plan], &mut session, &mut drawer), console)
    }

    fn denied() -> Card {
        let denial = Denial {
            mandatory: BTreeSet::new(),
            unnamed: false,
            overridable: ["task-machine-expiry".into()].into(),
            then: Vec::new(),
        };
        let mut denied = Card { may_override: true, ..card("c1", false) };
        denied.present.outcome = CaseOutcome::Denied(denial);
        denied
    }

    fn rejected() -> Card {
        Card { may_override: true, rejects: [Digest::of(b"reject")].into(), ..card("c1", false) }
    }

    #[test]
    fn nothing_is_set_aside_or_lifted_before_the_whole_card_was_shown() {
        for (card, key) in [(denied(), "o"), (rejected(), "L")] {
            let (end, console) = talk_about(card.clone(), key);
            assert!(matches!(end, Err(BreakOff::Terminal(Failure::Closed))));
            assert!(console.last().contains("scroll to the end first"), "{key}: {}", console.last());
            let (_, console) = talk_about(card, &format!("{}{key}", " ".repeat(20)));
            assert!(console.last().contains("Reason to"), "{key}: {}", console.last());
        }
    }

    #[test]
    fn the_seal_names_the_policies_set_aside_the_reason_and_the_rejects() {
        let read = " ".repeat(20);
        let (_, console) = talk_about(denied(), &format!("{read}othe site is down\rledger-writer\rf"));
        let screen = console.last();
        assert!(screen.contains("Your signature will cover") && !screen.contains("undecided"), "{screen}");
        let said = "overrides 1 policy: `task-machine-expiry`; reason: “the site is down”";
        assert!(screen.contains(said), "{screen}");
        let (_, console) = talk_about(rejected(), &format!("{read}Lwe talked\rledger-writer\rf"));
        assert!(console.last().contains("helps to lift 1 rejection; reason: “we talked”"), "{}", console.last());
        let (_, console) = talk_about(denied(), &format!("{read}ohelp\rledger-writer\rfyes\r"));
        assert!(console.last().contains("this is not `seal`; nothing was sealed"), "{}", console.last());
    }

    #[test]
    fn changes_are_approved_together_only_after_the_whole_card_was_shown() {
        assert!(words::choice(&Choice::Together(Vec::new()), false).after_all);
        assert!(!words::choice(&Choice::Approve("yes".into()), false).after_all, "an ordinary one alone may be short");
    }

    #[test]
    fn a_reject_needs_a_reason() {
        let (end, _, console) = talk("r\rtoo wide\rsseal\r");
        assert_eq!(verdicts(&end.unwrap()), [("c1", false, Some("too wide"))]);
        assert!(console.screens.iter().any(|s| s.contains("a reason is needed")));
    }

    #[test]
    fn rejecting_the_rest_says_how_many_those_are_that_are_shown() {
        let (_, _, console) = talk("R");
        assert!(console.last().contains("Reason to reject these 2 changes?"), "{}", console.last());
        let (_, drawer, console) = talk("/c2\rR");
        assert!(
            drawer.events.is_empty() && !console.last().contains("Reason to"),
            "one is no rest: {}",
            console.last()
        );
        let cards = ["c1", "c2", "c3"].map(|id| Card { names: ["svc:a".into()].into(), ..card(id, false) });
        let mut cards = cards.to_vec();
        cards[2].names = ["svc:b".into()].into();
        let mut session = SessionMachine::new(cards).unwrap();
        let mut console = Script::new((80, 30), "/svc:a\rR");
        let end = run(&mut console, false, &[plan()], &mut session, &mut Drawer::default());
        assert!(matches!(end, Err(BreakOff::Terminal(Failure::Closed))));
        assert!(console.last().contains("Reason to reject these 2 changes?"), "{}", console.last());
        let (_, _, console) = talk("?");
        assert!(console.last().contains("all other undecided changes"), "{}", console.last());
    }

    #[test]
    fn details_go_back_and_quitting_keep_what_was_decided() {
        let (end, drawer, console) = talk("d\u{1b}drno\rbq");
        assert!(matches!(end.unwrap(), End::Left(decisions) if decisions.len() == 1));
        assert_eq!(drawer.events.len(), 1);
        assert!(console.screens.iter().any(|s| s.contains("· details")));
        assert!(console.screens.iter().any(|s| s.contains("you decided here: reject: no")));
        assert!(console.screens.iter().any(|s| s.contains("1 of 2")));
    }

    #[test]
    fn a_closed_terminal_decides_nothing_more() {
        let (end, drawer, _) = talk("rno\r      a");
        assert!(matches!(end, Err(BreakOff::Terminal(Failure::Closed))));
        assert_eq!(drawer.events.len(), 1, "the reject was confirmed, the approval was not");
        let (end, drawer, _) = talk("r\u{3}");
        assert!(matches!(end, Err(BreakOff::Terminal(Failure::Interrupted))));
        assert!(drawer.events.is_empty());
    }
}
