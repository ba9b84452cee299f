//! Laws that hold for every renderer, whatever the text.

use super::layout::columns;
use super::model::Report;
use super::render::render;
use super::samples::{cases, reports};
use super::style::Style;
use crate::access::model::facts::AccessDelta;
use crate::input::text::is_hidden;
use crate::report::render::format::Format;

fn each(mut law: impl FnMut(&str, &Report, Format, &str)) {
    for (text, report) in cases() {
        for format in Format::ALL {
            let out = render(&report, *format, &Style::plain(80));
            law(&text, &report, *format, &out);
        }
    }
}

#[test]
fn no_output_byte_is_a_control_or_bidi_character() {
    each(|text, report, format, out| {
        let bad = out.chars().find(|c| *c != '\n' && is_hidden(*c));
        assert_eq!(bad, None, "{} as {} with {text:?}", report.command, format.name());
        assert!(out.is_empty() || out.ends_with('\n'));
    });
}

#[test]
fn colour_adds_nothing_but_colour() {
    {
        for (_, report) in cases() {
            let plain = render(&report, Format::Text, &Style::plain(80));
            let coloured = render(&report, Format::Text, &Style { colour: true, width: 80 });
            let mut stripped = String::new();
            let mut rest = coloured.as_str();
            while let Some((before, after)) = rest.split_once('\u{1b}') {
                stripped.push_str(before);
                let (code, after) = after.split_once('m').expect("a colour ends with m");
                assert!(code.starts_with('[') && code[1..].chars().all(|c| c.is_ascii_digit() || c == ';'), "{code:?}");
                rest = after;
            }
            stripped.push_str(rest);
            let trimmed: String = stripped.lines().map(|l| l.trim_end().to_owned() + "\n").collect();
            let plain: String = plain.lines().map(|l| l.trim_end().to_owned() + "\n").collect();
            assert_eq!(trimmed, plain);
        }
    }
}

#[test]
fn the_same_report_gives_the_same_bytes() {
    for report in reports("x") {
        for format in Format::ALL {
            let style = Style::plain(80);
            assert_eq!(render(&report, *format, &style), render(&report.clone(), *format, &style));
        }
    }
}

#[test]
fn json_always_parses_and_says_what_the_report_says() {
    each(|text, report, format, out| {
        if !matches!(format, Format::Json | Format::Sarif | Format::Gitlab) {
            return;
        }
        let value: serde_json::Value = serde_json::from_str(out).expect("it is JSON");
        let exit = u64::from(report.exit_code);
        match format {
            Format::Json => {
                assert_eq!(value["schema_version"], 2);
                assert_eq!(value["exit_code"], exit);
                assert_eq!(value["findings"][0]["message"], format!("the role `{text}` is unknown"));
                assert_eq!(value["findings"].as_array().unwrap().len(), report.findings.len());
                let changes = value["changes"].as_array().map_or(0, Vec::len);
                assert_eq!(changes, report.changes().count());
                for (n, (_, change)) in report.changes().enumerate() {
                    assert_eq!(value["changes"][n]["reason"], change.reason.raw());
                    assert_eq!(value["changes"][n]["gained"].as_array().unwrap().len() as u64, change.gained.total);
                }
            }
            Format::Sarif => {
                let results = &value["runs"][0]["results"];
                assert_eq!(results.as_array().unwrap().len(), report.findings.len());
                assert_eq!(value["runs"][0]["invocations"][0]["exitCode"], exit);
                assert_eq!(results[0]["locations"][0]["physicalLocation"]["region"]["snippet"]["text"], "needle");
            }
            Format::Gitlab | Format::Text | Format::Junit | Format::Github | Format::Markdown => {
                assert_eq!(value.as_array().unwrap().len(), report.findings.len());
            }
        }
    });
}

#[test]
fn there_are_as_many_annotations_as_findings() {
    each(|text, report, format, out| {
        if format == Format::Github {
            assert_eq!(out.lines().count(), report.findings.len(), "{text:?}");
            assert!(out.lines().all(|line| line.starts_with("::error title=unknown-role,file=") && line.matches("::").count() >= 2), "{out}");
        }
    });
}

#[test]
fn markdown_tables_keep_their_columns() {
    each(|text, report, format, out| {
        if format != Format::Markdown {
            return;
        }
        let mut bars = None;
        for line in out.lines() {
            // Within a block of HTML a bar has no meaning.
            if line.starts_with("<details>") {
                continue;
            }
            let unescaped = line.replace("\\\\", "").replace("\\|", "").matches('|').count();
            if !line.starts_with('|') {
                assert_eq!(unescaped, 0, "{} with {text:?}: {line}", report.command);
                bars = None;
                continue;
            }
            assert_eq!(*bars.get_or_insert(unescaped), unescaped, "{} with {text:?}: {line}", report.command);
        }
        assert!(out.len() < 65_536, "{} with {text:?} is no comment", report.command);
        assert_eq!(out.matches("<details>").count(), out.matches("</details>").count());
        if !out.contains("not listed here; the JSON report has all") {
            assert_eq!(out.matches("<details>").count(), report.changes().count());
        }
        assert!(!out.contains("<script"), "{text:?}");
    });
}

/// What a reader of Markdown sees outside of code: what GitHub and GitLab look for mentions and references in.
fn prose_of(markdown: &str) -> String {
    let mut out = String::new();
    let mut rest = markdown;
    while let Some((before, after)) = rest.split_once("<code>") {
        out.push_str(before);
        out.push(' ');
        rest = after.split_once("</code>").expect("code ends").1;
    }
    out.push_str(rest);
    let out = out.replace("&#8203;", "\u{200b}").replace("&#64;", "@").replace("&amp;", "&");
    let mut chars = out.chars().peekable();
    let mut plain = String::new();
    while let Some(c) = chars.next() {
        let escapes = c == '\\' && chars.peek().is_some_and(char::is_ascii_punctuation);
        plain.push(if escapes { chars.next().unwrap_or(c) } else { c });
    }
    plain
}

#[test]
fn nothing_from_outside_notifies_anyone_or_becomes_a_reference() {
    let is_reference = |text: &str| {
        let chars: Vec<char> = text.chars().collect();
        chars.windows(2).enumerate().find_map(|(at, pair)| {
            let [sign, next] = [pair[0], pair[1]];
            let issue =
                sign == '-' && at >= 2 && chars[at - 2..at].iter().collect::<String>().eq_ignore_ascii_case("gh");
            let is = match sign {
                '@' => next.is_alphanumeric(),
                '#' | '!' | '$' | '%' | '&' | '~' | '^' => next.is_ascii_digit(),
                _ => issue && next.is_ascii_digit(),
            };
            is.then(|| chars[at.saturating_sub(8)..(at + 8).min(chars.len())].iter().collect::<String>())
        })
    };
    assert!(is_reference("see @team").is_some() && is_reference("GH-42").is_some() && is_reference("a#1").is_some());
    each(|text, report, format, out| {
        if format == Format::Markdown {
            assert_eq!(is_reference(&prose_of(out)), None, "{} with {text:?}", report.command);
        }
    });
}

#[test]
fn names_in_markdown_can_be_copied() {
    let out = crate::input::text::Text::from("svc:@team#42").markdown_code();
    assert_eq!(
        out, "<code>svc\\:&#64;team\\#42</code>",
        "code is neither a mention nor a reference, so nothing breaks it"
    );
}

#[test]
fn xml_is_balanced_and_holds_only_our_elements() {
    each(|text, report, format, out| {
        if format != Format::Junit {
            return;
        }
        let ours = ["?xml", "testsuites", "testsuite", "testcase", "error", "failure", "system-out"];
        for tag in out.split('<').skip(1) {
            let name = tag.split([' ', '>', '/']).find(|s| !s.is_empty()).unwrap_or_default();
            assert!(ours.contains(&name), "{} with {text:?}: <{tag}", report.command);
            assert_eq!(tag.matches('>').count(), 1, "{tag}");
        }
        let cases = out.matches("<testcase ").count();
        assert_eq!(cases, report.findings.len() + report.changes().count());
    });
}

#[test]
fn no_line_of_text_is_wider_than_the_page() {
    {
        for (_, report) in cases() {
            for width in [60, 80, 200] {
                let out = render(&report, Format::Text, &Style::plain(width));
                for line in out.lines() {
                    assert!(columns(line) <= width, "{} at {width}: {line}", report.command);
                }
            }
        }
    }
}

#[test]
fn the_assistants_words_come_last_and_are_marked_line_by_line() {
    let words = "Policy ".repeat(60);
    let report = reports(&words).remove(0);
    let out = render(&report, Format::Text, &Style::plain(60));
    let card = out.split("── c1 ").nth(1).unwrap().split("\n── ").next().unwrap();
    let (facts, rest) = card.split_once("Facts, computed from the snapshot").unwrap();
    assert!(facts.contains("DENIED") && facts.contains("PRIVILEGED"));
    let (_, said) = rest.split_once("The assistant's words, not verified\n").unwrap();
    assert!(rest.find("\nPolicy\n").unwrap() < rest.find("The assistant's words").unwrap());
    let reason: Vec<_> = said.lines().take_while(|l| !l.contains("│ claims last_used")).collect();
    assert!(reason.len() > 5 && reason.iter().all(|l| l.starts_with("  │ ")), "{reason:#?}");
}

#[test]
fn a_sample_of_every_format_can_be_looked_at() {
    for report in reports("svc:reconcile") {
        for format in Format::ALL {
            let out = render(&report, *format, &Style::plain(80));
            assert!(!out.contains("Text("));
            println!("===== {} as {}\n{out}", report.command, format.name());
        }
    }
}

#[test]
fn of_very_long_lists_a_part_is_listed_and_how_many_more_there_are() {
    let mut plan = super::samples::plan("x");
    plan.changes.truncate(1);
    let names: Vec<String> = (0..100).map(|n| format!("m{n}")).collect();
    let piece = plan.emergent.first().unwrap().clone();
    plan.emergent =
        vec![
            super::model::EmergentReport { members: names.iter().map(|n| n.as_str().into()).collect(), ..piece };
            5_500
        ];
    let shown = plan.changes.first_mut().unwrap();
    shown.emergent = (0..5_500).collect();
    let gained = shown.gained.pieces.first().unwrap().clone();
    let grave = AccessDelta { privileged: Some("x".into()), ..gained.clone() };
    shown.gained.pieces = vec![AccessDelta { privileged: None, ..gained }; 100_006];
    shown.gained.pieces.push(grave);
    shown.gained = super::effects::AccessList::of(&shown.gained.pieces, false, super::limits::Limits::SHORT);
    let shown_total = shown.gained.total;
    let escalation = shown.escalations.first().unwrap().clone();
    shown.escalations = vec![escalation; 203];
    let report = |plan: &super::model::PlanReport, command| Report {
        command,
        body: super::model::Body::Plans(vec![plan.clone()]),
        ..reports("x").remove(0)
    };
    let json = |report: &Report| -> serde_json::Value {
        serde_json::from_str(&render(report, Format::Json, &Style::plain(80))).unwrap()
    };
    let read = json(&report(&plan, "check"));
    let change = &read["changes"][0];
    let length = |list: &serde_json::Value| list.as_array().unwrap().len();
    assert_eq!(
        [length(&change["emergent"]), length(&change["gained"]), length(&change["escalations"])],
        [5_000, 20, 203]
    );
    assert_eq!(change["not_listed"]["emergent"], 500);
    assert_eq!(change["not_listed"]["gained"], 99_987);
    assert_eq!(change["totals"]["gained"], shown_total);
    let grouped: u64 =
        change["groups"]["gained"].as_array().unwrap().iter().map(|g| g["accesses"].as_u64().unwrap()).sum();
    assert_eq!(grouped, shown_total, "the groups stand for all of them");
    assert!(change["gained"][0]["privileged"].is_string(), "what is privileged is listed first");
    assert_eq!(change["not_listed"]["escalations"], 0);
    assert_eq!(length(&change["emergent"][0]["members"]), 20);
    assert_eq!(change["emergent"][0]["members_not_listed"], 80);
    let text = |format| render(&report(&plan, "check"), format, &Style::plain(400));
    assert!(text(Format::Markdown).contains("only together: and 5480 more"));
    assert!(text(Format::Text).contains("and 5,400 more gains by several changes together"));
    assert!(
        render(&report(&plan, "diff"), Format::Text, &Style::plain(80))
            .contains("and 5,300 more that several changes give together")
    );
    assert!(text(Format::Text).contains("and 88 more"), "names of changes");
    // Where nothing is left out, nothing is: and whoever asks for all gets all.
    assert!(json(&report(&super::samples::plan("x"), "check"))["changes"][0].get("not_listed").is_none());
    plan.changes = plan.changes.iter().map(super::model::ChangeReport::in_full).collect();
    let all = json(&report(&plan, "diff"));
    assert_eq!(length(&all["changes"][0]["emergent"]), 5_500);
    assert_eq!(length(&all["changes"][0]["gained"]), 100_007);
}
