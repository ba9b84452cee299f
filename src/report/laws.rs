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
        if !out.contains("left out here; the JSON report holds all") {
            assert_eq!(out.matches("<details>").count(), report.changes().count());
        }
        assert!(!out.contains("<script"), "{text:?}");
    });
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
    let (_, said) = rest.split_once("The assistant's words, which nobody has checked\n").unwrap();
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
        [5_000, 100_000, 203]
    );
    assert_eq!(change["not_listed"]["emergent"], 500);
    assert_eq!(change["not_listed"]["gained"], 7);
    assert!(change["gained"][0]["privileged"].is_string(), "what is privileged is listed first");
    assert_eq!(change["not_listed"]["escalations"], 0);
    assert_eq!(length(&change["emergent"][0]["members"]), 20);
    assert_eq!(change["emergent"][0]["members_not_listed"], 80);
    let text = |format| render(&report(&plan, "check"), format, &Style::plain(400));
    assert!(text(Format::Markdown).contains("only together: and 5480 more, which count as well"));
    assert!(text(Format::Text).contains("and 5,496 that only the whole plan gives more"));
    assert!(
        render(&report(&plan, "diff"), Format::Text, &Style::plain(80))
            .contains("and 5,300 that only the whole plan gives more")
    );
    assert!(text(Format::Text).contains("and 88 more"), "names of changes");
    // Where nothing is left out, nothing is: and whoever asks for all gets all.
    assert!(json(&report(&super::samples::plan("x"), "check"))["changes"][0].get("not_listed").is_none());
    plan.changes = plan.changes.iter().map(super::model::ChangeReport::in_full).collect();
    assert_eq!(length(&json(&report(&plan, "diff"))["changes"][0]["emergent"]), 5_500);
}
