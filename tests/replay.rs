//! `review verify --replay`: every recorded evaluation is decided again, from the log alone.

use std::fs;
use std::sync::OnceLock;

use review::log::blob::Values;
use review::log::line::{self, Evaluation, Line, PolicyOutcome, Value as Recorded};
use serde_json::Value;

use crate::support::forge::{Forged, minutes};
use crate::support::{Site, three_sessions};

/// A site with a log of three sessions, and the key of a recorder.
fn site() -> Site {
    static MADE: OnceLock<Site> = OnceLock::new();
    Site::copy_of(MADE.get_or_init(|| {
        let site = Site::new();
        three_sessions(&site);
        site.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", "keys/robot"]);
        let robot = site.public_key("robot");
        site.append("allowed_signers", &format!("robot@ci.example namespaces=\"review-record@v1\" {robot}\n"));
        site
    }))
}

fn verify(site: &Site) -> (i32, Value, String) {
    let output = site.run_in(&site.demo(), &["verify", "review-log.jsonl", "--replay", "--format", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)));
    let (code, text) = site.run(&["verify", "review-log.jsonl", "--replay"]);
    assert_eq!(Some(code), output.status.code());
    (code, report, crate::support::unbroken(&text))
}

/// The findings of a code, with their lines.
fn found<'r>(report: &'r Value, code: &str) -> Vec<(u64, &'r str)> {
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .filter(|finding| finding["code"] == code)
        .map(|finding| (finding["line"].as_u64().unwrap_or(0), finding["message"].as_str().unwrap()))
        .collect()
}

/// Adds a session that is signed by an allowed key, with the policies and one evaluation of the log, altered.
fn forge(
    site: &Site,
    change: &str,
    tool: &'static str,
    alter: impl Fn(&mut Evaluation),
    requests: impl Fn(&str) -> String,
) {
    let bytes = fs::read(site.log()).unwrap();
    let (mut values, mut scratch) = (Values::default(), Vec::new());
    values.take_lines(&bytes);
    let lines: Vec<Line> = line::lines(&bytes).map(|raw| line::read(raw, &mut scratch).unwrap()).collect();
    let policies = lines.iter().find_map(|line| if let Line::Policies(it) = line { Some(it) } else { None }).unwrap();
    let mut evaluations = lines.iter().filter_map(|line| if let Line::Evaluation(it) = line { Some(it) } else { None });
    let evaluation = evaluations.find(|it| it.change.as_str() == change);
    let mut evaluation = evaluation.unwrap().clone();
    let text = |value: &Recorded| match value {
        Recorded::Inline(text) => text.raw().to_owned(),
        Recorded::Blob(digest) => String::from_utf8(values.get(digest).unwrap().to_vec()).unwrap(),
    };
    let requests = requests(&text(&evaluation.requests));
    let (definition, facts) = (text(&evaluation.definition), text(&evaluation.facts));
    alter(&mut evaluation);
    let now = minutes(0);
    let forged = Forged { begun: now, received: now, sealed: now, tool, ..Forged::honest() };
    forged.add_with(site, |draft| {
        let mut out = Vec::new();
        for file in &policies.files {
            out.extend(draft.blob(values.get(&file.sha256).unwrap()).unwrap().1);
        }
        out.extend(draft.push(|prev| Line::Policies(line::Policies { prev, ..policies.clone() })).unwrap().bytes);
        let mut value = |text: &str| {
            let (digest, bytes) = draft.blob(text.as_bytes()).unwrap();
            out.extend(bytes);
            Recorded::Blob(digest)
        };
        (evaluation.definition, evaluation.facts) = (value(&definition), value(&facts));
        evaluation.requests = value(&requests);
        let push = |prev| Line::Evaluation(Box::new(Evaluation { prev, ..*evaluation }));
        out.extend(draft.push(push).unwrap().bytes);
        out
    });
}

/// Removes a log that is false on purpose, because the end of a test checks that evaluations come out as recorded.
fn discard(site: &Site) {
    fs::remove_file(site.log()).unwrap();
}

const TOOL: &str = concat!("review ", env!("CARGO_PKG_VERSION"));

#[test]
fn a_log_comes_out_as_recorded_and_says_how_many_evaluations_were_decided_again() {
    let site = site();
    let (code, report, text) = verify(&site);
    let log = fs::read_to_string(site.log()).unwrap();
    let evaluations = log.lines().filter(|line| line.contains(r#""type":"evaluation""#)).count();
    assert_eq!((code, report["findings"].to_string().contains("replay")), (0, false), "{report:#}");
    let replay = &report["replay"];
    assert_eq!((&replay["holds"], &replay["replayed"]), (&"yes".into(), &evaluations.into()), "{replay}");
    assert_eq!((&replay["differ"], &replay["not_replayed"]), (&0.into(), &0.into()));
    assert!(text.contains(&format!("replay yes {evaluations} evaluations were decided again, each with")), "{text}");
    for outcome in ["auto", "denied", "needs"] {
        assert!(log.contains(&format!(r#""outcome":"{outcome}""#)), "the log has no evaluation `{outcome}`");
    }
    let (_, plain) = site.run(&["verify", "review-log.jsonl", "--format", "json"]);
    assert!(!plain.contains("\"replay\""), "without the option the report is as before");
}

type Alter = fn(&mut Evaluation);

#[test]
fn an_altered_evaluation_in_a_correctly_signed_session_is_found() {
    let as_is = |requests: &str| requests.to_owned();
    let cases: [(&str, Alter, &str); 4] = [
        (
            "c3",
            |it| (it.outcome, it.steps) = (PolicyOutcome::Needs, vec!["Owner".into()]),
            "the outcome is recorded as `needs` and comes out as `denied`",
        ),
        ("c2", |it| it.outcome = PolicyOutcome::Denied, "the outcome is recorded as `denied` and comes out as `needs`"),
        ("c2", |it| drop(it.steps.pop()), "the list of steps is recorded as"),
        ("c3", |it| it.determining = vec!["other".into()], "the list of determining policies is recorded as `other`"),
    ];
    for (change, alter, says) in cases {
        let site = site();
        let altered = |it: &mut Evaluation| {
            alter(it);
            if it.outcome == PolicyOutcome::Denied {
                it.steps.clear();
            }
        };
        forge(&site, change, TOOL, altered, as_is);
        assert_eq!(site.run(&["verify", "review-log.jsonl"]).0, 0, "the session verifies");
        let (code, report, text) = verify(&site);
        let differs = found(&report, "log-replay-differs");
        assert_eq!((code, differs.len(), &report["replay"]["differ"]), (7, 1, &1.into()), "{report:#}");
        assert!(differs[0].1.contains(says) && differs[0].1.contains(change), "{differs:?}");
        assert!(text.contains("1 evaluation does not follow from the recorded policies"), "{text}");
        let log = fs::read_to_string(site.log()).unwrap();
        let line = log.lines().nth(usize::try_from(differs[0].0).unwrap() - 1).unwrap();
        assert!(line.contains(r#""type":"evaluation""#), "the finding names another line");
        discard(&site);
    }
}

#[test]
fn an_altered_answer_or_another_action_in_the_requests_is_found() {
    for (from, to) in [(r#""allow":false"#, r#""allow":true"#), (r#""id":"Grant""#, r#""id":"AutoApprove""#)] {
        let site = site();
        forge(
            &site,
            "c3",
            TOOL,
            |_| {},
            |requests| {
                assert!(requests.contains(from), "{requests}");
                requests.replacen(from, to, 1)
            },
        );
        let (code, report, _) = verify(&site);
        assert_eq!((code, found(&report, "log-replay-differs").len()), (7, 1), "{to}: {report:#}");
        discard(&site);
    }
}

#[test]
fn requests_in_another_format_are_named_and_not_counted_as_decided_again() {
    let newer = |requests: &str| requests.replacen('{', r#"{"added":1,"#, 1);
    let site = site();
    let (_, before, _) = verify(&site);
    forge(&site, "c3", "review 9.0.0", |_| {}, newer);
    let (code, report, text) = verify(&site);
    let replay = &report["replay"];
    assert_eq!((code, &replay["holds"], &replay["not_replayed"]), (0, &"unknown".into(), &1.into()), "{report:#}");
    assert_eq!(replay["replayed"], before["replay"]["replayed"]);
    assert!(found(&report, "log-not-replayed")[0].1.contains("`c3`") && text.contains("`review 9.0.0`"), "{text}");
    discard(&site);
    // This version does not write such requests, so a session that claims so is false.
    let site = self::site();
    forge(&site, "c3", TOOL, |_| {}, newer);
    let (code, report, _) = verify(&site);
    assert_eq!((code, found(&report, "log-replay-differs").len()), (7, 1), "{report:#}");
    discard(&site);
}

#[test]
fn a_log_that_does_not_verify_is_not_decided_again() {
    let site = site();
    let log = fs::read_to_string(site.log()).unwrap();
    fs::write(site.log(), log.replacen(r#""outcome":"denied""#, r#""outcome":"needs""#, 1)).unwrap();
    let (code, report, text) = verify(&site);
    assert_eq!((code, &report["replay"]["holds"]), (7, &"unknown".into()), "{report:#}");
    assert!(text.contains("the log does not verify, so no evaluation was decided again"), "{text}");
}
