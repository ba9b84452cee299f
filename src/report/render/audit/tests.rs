//! Whatever a log holds, its report stays a report: hostile names become neither markup, nor a formula, nor a column.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};
use proptest::prelude::*;

use super::format::AuditFormat;
use super::{csv, render};
use crate::input::digest::Digest;
use crate::input::text::{Text, is_hidden};
use crate::input::time::Time;
use crate::report::audit::{
    ApproverSummary, AuditAnswer, AuditHead, AuditOutcome, AuditReport, AuditRow, AuditSummary, AuditedFile,
    AuditedSnapshot, Coverage, KindCounts, OutcomeCounts, PopulationRow, Reconciliation, SampleNote, ShownPart,
};

/// A report in which every value from outside is this text.
fn report(text: &str) -> AuditReport {
    let (it, at) = (Text::from(text), Time::from_unix(1_796_000_000));
    let some = || Some(it.clone());
    let row = |outcome| AuditRow {
        decision: Digest::of(b"line"),
        session: it.clone(),
        line: 7,
        decided_at: at,
        plan: it.clone(),
        change: it.clone(),
        action: some(),
        ticket: some(),
        targets: vec![it.clone()],
        subject: some(),
        kinds: vec![it.clone()],
        entitlement: some(),
        scope: some(),
        mode: some(),
        requested_end: some(),
        privileged: true,
        sensitivity: Some("high"),
        outcome,
        policies: vec![it.clone(), it.clone()],
        steps: vec![it.clone()],
        approver: some(),
        acting_for: some(),
        key: it.clone(),
        proposer: some(),
        proof: Some("jwt"),
        sponsor: some(),
        seconds_to_decide: Some(4),
        grouped: Some(2),
        shown: Some(ShownPart { groups: 1, groups_of: 1, lines: 9, lines_of: 9 }),
        reason: some(),
        exported: Some(at),
        result: Some("applied"),
        evidence: some(),
        removed_at: Some(at),
        late_by: Some(90_000),
    };
    let assignment = |coverage| PopulationRow {
        assignment: Some(it.clone()),
        holds: "role",
        inherited_until: None,
        recertified_until: None,
        subject: it.clone(),
        kind: Some("human"),
        entitlement: some(),
        scope: some(),
        mode: "standing",
        until: Some(at),
        coverage,
        decision: None,
        session: some(),
        line: Some(7),
        plan: some(),
        change: some(),
        late_by: Some(3),
    };
    AuditReport {
        head: AuditHead {
            command_line: it.clone(),
            made_at: at,
            log: it.clone(),
            log_id: some(),
            files: vec![AuditedFile { path: it.clone(), sha256: Digest::of(b"log") }],
            heads: vec![Digest::of(b"seal")],
            sessions: 3,
            verification: vec![AuditAnswer { question: "integrity", holds: "yes", says: it.clone() }],
            from: Some(at),
            until: None,
            snapshot: Some(AuditedSnapshot { path: it.clone(), sha256: Digest::of(b"snapshot"), taken_at: at }),
            reconciliation: Some(Reconciliation { population: 2, decided: 1, shadow: 1, ..Reconciliation::default() }),
            sample: Some(SampleNote { size: 2, seed: it.clone(), of_decisions: 4, of_population: 2 }),
        },
        summary: AuditSummary {
            kinds: vec![KindCounts { kind: it.clone(), outcomes: OutcomeCounts::default() }],
            people: vec![ApproverSummary {
                person: it.clone(),
                outcomes: OutcomeCounts { approved: 60, ..OutcomeCounts::default() },
                cards: 60,
                card_median: Some(2),
                remarks: vec!["median under 5 s a card"],
            }],
            ..AuditSummary::default()
        },
        decisions: vec![
            row(AuditOutcome::Approved),
            row(AuditOutcome::Override),
            row(AuditOutcome::Rejected),
            row(AuditOutcome::Automatic),
        ],
        population: Some(vec![assignment(Coverage::Decided), assignment(Coverage::Shadow)]),
        findings: Vec::new(),
    }
}

/// The tags and the text of a page, as the parser of the HTML standard reads it.
#[derive(Default)]
struct Seen {
    tags: RefCell<Vec<String>>,
    text: RefCell<String>,
}

impl TokenSink for Seen {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        match token {
            Token::TagToken(Tag { kind, name, attrs, .. }) => {
                let attributes: Vec<String> =
                    attrs.iter().map(|it| format!("{}={}", &*it.name.local, &*it.value)).collect();
                self.tags.borrow_mut().push(format!("{kind:?} {} {}", &*name, attributes.join(" ")));
                // The content of a style element is no markup.
                if kind == TagKind::StartTag && &*name == "style" {
                    return TokenSinkResult::RawData(html5ever::tokenizer::states::RawKind::Rawtext);
                }
            }
            Token::CharacterTokens(text) => self.text.borrow_mut().push_str(&text),
            Token::CommentToken(text) => self.tags.borrow_mut().push(format!("comment {text}")),
            Token::DoctypeToken(_) | Token::NullCharacterToken | Token::EOFToken | Token::ParseError(_) => {}
        }
        TokenSinkResult::Continue
    }
}

fn parse(page: &str) -> (Vec<String>, String) {
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(page));
    let tokenizer = Tokenizer::new(Seen::default(), TokenizerOpts::default());
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    (tokenizer.sink.tags.take(), tokenizer.sink.text.take())
}

/// What a page says of a text: its hidden characters are written out.
fn shown(text: &str) -> String {
    Text::from(text).terminal()
}

fn hostile() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onmouseover='x",
        "</style>",
        "</td></tr>",
        "<!--",
        "-->",
        "]]>",
        "&lt;",
        "&#60;",
        "&amp",
        "\u{202e}",
        "\u{0}",
        "\n",
        "\t=1+1",
        "=cmd|' /c calc'!A0",
        "@x",
        "-1",
        "+1",
        "\",\"",
        "\"\n\"",
        "|",
        "`",
        "[x](javascript:alert(1))",
        "<svg/onload=x>",
        "javascript:",
        "＝1",
        "é",
        "\u{feff}<b>",
        "{{x}}",
        "${x}",
        "<base href=//x>",
        "<meta http-equiv=refresh>",
    ]);
    prop_oneof![
        prop::collection::vec(pieces, 1..6).prop_map(|pieces| pieces.concat()),
        any::<String>(),
        "[<>&\"'=/!a-z -]{0,24}"
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn no_hostile_name_becomes_markup(text in hostile()) {
        let (tags, _) = parse(&render(&report("plain"), AuditFormat::Html));
        let (hostile, content) = parse(&render(&report(&text), AuditFormat::Html));
        // An empty cell has a class of its own; nothing else depends on the values.
        let tags: Vec<String> = tags.iter().map(|tag| tag.replace("class=none ", "")).collect();
        if !text.is_empty() {
            prop_assert_eq!(&hostile, &tags);
        }
        prop_assert!(content.contains(&shown(&text)), "the name is not shown as it is");
    }

    #[test]
    fn no_hostile_name_becomes_a_formula_or_a_column(text in hostile()) {
        let out = render(&report(&text), AuditFormat::Csv);
        for line in out.lines().skip(1) {
            let mut cells = vec![String::new()];
            let (mut quoted, mut chars) = (false, line.chars().peekable());
            while let Some(c) = chars.next() {
                match c {
                    '"' if quoted && chars.peek() == Some(&'"') => cells.last_mut().unwrap().extend(chars.next()),
                    '"' => quoted = !quoted,
                    ',' if !quoted => cells.push(String::new()),
                    _ => cells.last_mut().unwrap().push(c),
                }
            }
            prop_assert!(!quoted && cells.len() == csv::COLUMNS.len(), "{}", line);
            for cell in cells {
                prop_assert!(!cell.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']), "{}", cell);
            }
        }
    }

    #[test]
    fn no_format_lets_a_hidden_character_out(text in hostile()) {
        for format in AuditFormat::ALL {
            let out = render(&report(&text), *format);
            prop_assert!(out.ends_with('\n'));
            prop_assert!(!out.chars().any(|c| c != '\n' && is_hidden(c)), "{:?}", format);
            prop_assert_eq!(&out, &render(&report(&text), *format));
        }
        let json: serde_json::Value = serde_json::from_str(&render(&report(&text), AuditFormat::Json)).unwrap();
        prop_assert_eq!(json["decisions"][0]["reason"].as_str(), Some(text.as_str()));
    }

    #[test]
    fn no_hostile_name_adds_a_row_to_markdown(text in hostile()) {
        let count = |text: &str| {
            let out = render(&report(text), AuditFormat::Markdown);
            out.lines().map(|line| line.replace("\\|", "").matches('|').count()).collect::<Vec<_>>()
        };
        prop_assert_eq!(count(&text), count("plain"));
    }
}

#[test]
fn the_columns_are_fixed() {
    let out = render(&report("x"), AuditFormat::Csv);
    assert_eq!(
        out.lines().next().unwrap(),
        "record,decision,session,line,decided_at,plan,change,ticket,target,action,subject,kind,entitlement,scope,mode,\
         requested_end,privileged,sensitivity,outcome,policies,steps,approver,acting_for,key,proposer,proof,sponsor,\
         seconds_to_decide,grouped,shown,override_reason,exported,result,evidence,removed_at,late_by,assignment,coverage,\
         fact,value,columns_version,recertified_until",
        "change the version with the columns"
    );
}

#[test]
fn a_person_who_stands_out_is_named() {
    let page = render(&report("ada"), AuditFormat::Html);
    assert!(page.contains("median under 5 s a card"));
    assert!(render(&report("ada"), AuditFormat::Markdown).contains("median under 5 s a card"));
}
