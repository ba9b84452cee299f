//! What a session can claim and what is believed of it: when a plan came, who records, what was there before.

use std::fs;

use serde_json::Value;

use crate::support::agent::Agent;
use crate::support::forge::{Forged, minutes};
use crate::support::{ASSISTANT, Site, unbroken};

const FORMATS: [&str; 7] = ["text", "json", "sarif", "junit", "github", "gitlab", "markdown"];

/// A site whose plan was signed by a key that ended an hour ago, with a recorder.
fn site() -> Site {
    let site = Site::new();
    let plan = fs::read_to_string(site.demo().join("plan.yaml")).unwrap();
    let (head, changes) = plan.split_once("changes:\n").unwrap();
    let (ordinary, _) = changes.split_once("  # A privileged change").unwrap();
    fs::write(site.demo().join("plan.yaml"), format!("{head}changes:\n{ordinary}")).unwrap();
    site.sign("plan.yaml");
    let key = site.public_key("assistant");
    let (from, until) = (minutes(-120), minutes(-60));
    let agents = format!(
        "version: 1\nagents:\n  - id: {ASSISTANT}\n    proof:\n      - {{method: key, key: \"{key}\", valid_after: {from}, valid_before: {until}}}\n    may_hold: []\n"
    );
    fs::write(site.demo().join("agents.yaml"), agents).unwrap();
    site.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", "keys/robot"]);
    let recorder = format!("robot@ci.example namespaces=\"review-record@v1\" {}\n", site.public_key("robot"));
    site.append("allowed_signers", &recorder);
    site
}

fn json(site: &Site, arguments: &[&str]) -> (i32, Value) {
    let mut all = arguments.to_vec();
    all.extend(["--format", "json"]);
    let (code, text) = site.run(&all);
    (code, serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}")))
}

fn gate(site: &Site) -> (i32, Value) {
    json(site, &["gate", "plan.yaml", "--trust", "."])
}

fn found<'r>(report: &'r Value, code: &str) -> Option<&'r Value> {
    report["findings"].as_array().unwrap().iter().find(|finding| finding["code"] == code)
}

/// Its name, what is done to the honest session or to the site, and whether the time that it claims is believed.
type Case = (&'static str, fn(&Site, &mut Forged<'_>), bool);

const CASES: &[Case] = &[
    ("within its session", |_, _| (), true),
    ("five minutes before its session began", |_, f| f.begun = minutes(-86), true),
    ("long before its session began", |_, f| f.begun = minutes(-83), false),
    (
        "just after its seal",
        |_, f| {
            f.begun = minutes(-95);
            f.sealed = minutes(-94);
        },
        true,
    ),
    (
        "long after its seal",
        |_, f| {
            f.begun = minutes(-98);
            f.sealed = minutes(-97);
        },
        false,
    ),
    (
        "before the seal that the session follows",
        |s, f| {
            let before =
                Forged { begun: minutes(-72), received: minutes(-20), sealed: minutes(-70), ..Forged::honest() };
            f.parents = vec![before.add(s)];
        },
        false,
    ),
    (
        "in a session that follows none, beside another such",
        |s, _| {
            let _ = Forged { begun: minutes(-102), received: minutes(-20), sealed: minutes(-100), ..Forged::honest() }
                .add(s);
        },
        false,
    ),
    (
        "by a reviewer",
        |_, f| {
            (f.key, f.principal, f.person) = ("keys/ada", "ada@corp.example", Some("ada"));
        },
        true,
    ),
    (
        "by a reviewer who belongs to no person in people.yaml",
        |s, f| {
            s.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", "keys/eve"]);
            s.append(
                "allowed_signers",
                &format!("eve@corp.example namespaces=\"review-seal@v1\" {}\n", s.public_key("eve")),
            );
            (f.key, f.principal, f.person) = ("keys/eve", "eve@corp.example", Some("eve"));
        },
        false,
    ),
    (
        "by who could prove the plan",
        |s, f| {
            certify_recorder(s, "robot@ci.example,assistant");
            f.key = "keys/robot-cert.pub";
        },
        false,
    ),
    (
        "by a recorder with a certificate of its own",
        |s, f| {
            certify_recorder(s, "robot@ci.example");
            f.key = "keys/robot-cert.pub";
        },
        true,
    ),
    ("sealed longer ago than an approval counts", |s, _| s.append("review.yaml", "approval_ttl: 1h\n"), false),
];

/// Has an authority, which certifies the assistant too, certify the recorder's key for these principals.
fn certify_recorder(site: &Site, principals: &str) {
    site.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", "keys/ca"]);
    site.keygen(&["-q", "-s", "keys/ca", "-I", "x", "-n", principals, "-V", "-3h:+1h", "keys/robot.pub"]);
    let authority = site.public_key("ca");
    site.append(
        "allowed_signers",
        &format!("robot@ci.example cert-authority,namespaces=\"review-record@v1\" {authority}\n"),
    );
    site.replace(
        "agents.yaml",
        "    may_hold",
        &format!("      - {{method: certificate, authority: \"{authority}\", principal: assistant}}\n    may_hold"),
    );
}

#[test]
fn a_logged_time_of_coming_counts_only_within_the_bounds_of_its_session() {
    for (name, change, believed) in CASES {
        let site = site();
        let mut forged = Forged::honest();
        change(&site, &mut forged);
        forged.add(&site);
        let (code, report) = gate(&site);
        let expected = if *believed { (5, true, false) } else { (3, false, true) };
        let told = (code, found(&report, "proof-no-longer").is_some(), found(&report, "bad-proof").is_some());
        assert_eq!(told, expected, "{name}: {report:#}");
        if !believed {
            let why = found(&report, "bad-proof").unwrap()["message"].as_str().unwrap();
            assert!(why.contains("the key expired at"), "{name}: {why}");
        }
        let (code, report) = json(&site, &["verify", "review-log.jsonl"]);
        assert_eq!(code, 0, "{name}: {report}");
    }
}

#[test]
fn every_format_of_the_gate_says_that_a_proof_holds_no_longer_and_on_whose_word() {
    let site = site();
    Forged::honest().add(&site);
    let (_, report) = gate(&site);
    let finding = found(&report, "proof-no-longer").unwrap();
    assert_eq!(finding["severity"], "warning");
    let said = finding["message"].as_str().unwrap();
    let log = fs::read_to_string(site.log()).unwrap();
    let plan = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).find(|line| line["type"] == "plan");
    let received = plan.unwrap()["received_at"].as_str().unwrap().to_owned();
    for part in [ASSISTANT, "`robot@ci.example`", &received, "the key expired at"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(finding["line"].as_u64().is_some_and(|line| line > 1) && finding["help"].is_string(), "{finding}");
    for format in FORMATS {
        let (code, text) = site.run(&["gate", "plan.yaml", "--trust", ".", "--format", format]);
        assert!(code == 5 && text.contains("robot") && text.contains("expired at"), "{format}: {text}");
    }
    // A proof that holds now needs nobody's word.
    site.replace(
        "agents.yaml",
        &format!("valid_before: {}", report_end(said)),
        &format!("valid_before: {}", minutes(60)),
    );
    let (code, report) = gate(&site);
    assert!(code == 5 && found(&report, "proof-no-longer").is_none(), "{report}");
}

/// The end of the key, as the finding says it.
fn report_end(said: &str) -> &str {
    said.rsplit_once("expired at ").unwrap().1
}

#[test]
fn a_second_session_that_follows_none_is_told_and_a_fork_is_not() {
    let site = site();
    let first = Forged::honest().add(&site);
    let one = fs::read(site.log()).unwrap();
    let branch = || Forged { begun: minutes(-50), received: minutes(-50), sealed: minutes(-49), ..Forged::honest() };
    // Two that follow the first: a fork is legal.
    Forged { parents: vec![first], ..branch() }.add(&site);
    Forged { parents: vec![first], ..branch() }.add(&site);
    let (code, report) = json(&site, &["verify", "review-log.jsonl"]);
    assert_eq!((code, &report["findings"]), (0, &Value::Array(Vec::new())), "{report}");
    // One that leaves the first out.
    fs::write(site.log(), &one).unwrap();
    let second = branch().add(&site);
    let (code, report) = json(&site, &["verify", "review-log.jsonl"]);
    let finding = found(&report, "log-second-root").unwrap_or_else(|| panic!("{report}"));
    assert_eq!((code, &finding["severity"]), (0, &"warning".into()), "a log may begin on two branches");
    assert_eq!(finding["line"], String::from_utf8_lossy(&one).lines().count() + 1);
    assert!(finding["message"].as_str().unwrap().contains("neither this session nor"), "{finding}");
    assert!(finding["message"].as_str().unwrap().contains("do not count from either"), "{finding}");
    let help = finding["help"].as_str().unwrap();
    assert!(help.contains("two branches") && help.contains("renew the proof"), "{finding}");
    assert_eq!(report["findings"].as_array().unwrap().len(), 1, "the first is not told as a second: {report}");
    for format in FORMATS {
        let (code, text) = site.run(&["gate", "plan.yaml", "--trust", ".", "--format", format]);
        let text = unbroken(&text);
        assert!(code == 3 && text.contains("has a parent"), "{format}: {text}");
    }
    // The plan's proof has ended, and why the logged time does not help is said.
    let bad = gate(&site).1;
    let bad = found(&bad, "bad-proof").unwrap_or_else(|| panic!("{bad}")).to_string();
    assert!(
        bad.contains("recorded only in one of several unconnected first sessions") && bad.contains("review plan sign"),
        "{bad}"
    );
    let two = fs::read(site.log()).unwrap();
    for _ in 0..9 {
        branch().add(&site);
    }
    let (code, report) = json(&site, &["verify", "review-log.jsonl"]);
    let all = report["findings"].as_array().unwrap();
    assert_eq!((code, all.len()), (0, 4), "three are told, and the rest counted: {report}");
    assert!(all[3]["message"].as_str().unwrap().starts_with("7 more sessions"), "{report}");
    fs::write(site.log(), two).unwrap();
    // Who joins the two does not make them one.
    Forged {
        parents: sorted([first, second]),
        begun: minutes(-40),
        received: minutes(-40),
        sealed: minutes(-39),
        ..Forged::honest()
    }
    .add(&site);
    let (code, report) = json(&site, &["verify", "review-log.jsonl"]);
    assert!(code == 0 && found(&report, "log-second-root").is_some(), "{report}");
    assert_eq!(report["heads"].as_array().unwrap().len(), 1);
}

fn sorted<T: Ord>(mut two: [T; 2]) -> Vec<T> {
    two.sort();
    two.into()
}

#[test]
fn a_person_records_nothing_whatever_allowed_signers_allows() {
    let site = site();
    site.replace(
        "allowed_signers",
        "ada@corp.example namespaces=\"review-seal@v1\"",
        "ada@corp.example namespaces=\"review-*@v1\"",
    );
    Forged { key: "keys/ada", principal: "ada@corp.example", ..Forged::honest() }.add(&site);
    let refused = |report: &Value| {
        let finding = found(report, "log-unknown-signer").unwrap_or_else(|| panic!("{report}"));
        let said = finding["message"].as_str().unwrap();
        assert!(
            said.contains(
                "`ada@corp.example` belongs to the person `ada` of people.yaml, and a person may not sign for `review-record@v1`"
            ),
            "{said}"
        );
        assert!(finding["help"].as_str().unwrap().contains("its own key and principal"), "{finding}");
        assert_eq!((&report["integrity"]["holds"], &report["authenticity"]["holds"]), (&"yes".into(), &"no".into()));
    };
    let (code, report) = json(&site, &["verify", "review-log.jsonl"]);
    assert_eq!(code, 7);
    refused(&report);
    let (code, report) = gate(&site);
    assert_eq!(code, 3, "the record counts for nothing: {report}");
    assert_eq!(found(&report, "log-unknown-signer").unwrap()["severity"], "warning");
    // An auditor's own keys know no people, unless they are named as well.
    let own = ["verify", "review-log.jsonl", "--signers", "allowed_signers"];
    let (code, report) = json(&site, &own);
    let note = found(&report, "log-recorders-unchecked").unwrap_or_else(|| panic!("{report}"));
    assert_eq!((code, &note["severity"]), (0, &"note".into()));
    let (code, report) = json(&site, &[&own[..], &["--people", "people.yaml"]].concat());
    assert_eq!(code, 7);
    refused(&report);
    fs::write(site.demo().join("torn.yaml"), "people: [\n").unwrap();
    let (code, text) = site.run(&[&own[..], &["--people", "torn.yaml"]].concat());
    assert!(code == 1 && text.contains("`torn.yaml` is faulty, so recorders were not checked"), "{text}");
    assert!(text.contains("torn.yaml:1:"), "the fault has its place: {text}");
    let (_, report) = json(&site, &[&own[..], &["--people", "torn.yaml"]].concat());
    assert_eq!(report["authenticity"]["holds"], "unknown");
    // What is not what was written is told all the same.
    let log = fs::read_to_string(site.log()).unwrap();
    fs::write(site.log(), log.replacen("\"tool\":\"forged\"", "\"tool\":\"edited\"", 1)).unwrap();
    let (code, text) = site.run(&[&own[..], &["--people", "torn.yaml"]].concat());
    assert!(code == 7 && text.contains("torn.yaml:1:") && text.contains("torn.yaml` is faulty"), "{text}");
    // The recorder's own session is none of this.
    fs::remove_file(site.log()).unwrap();
    Forged::honest().add(&site);
    assert_eq!(json(&site, &["verify", "review-log.jsonl"]).0, 0);
}

#[test]
fn whoever_can_decide_with_a_key_records_nothing_with_it() {
    let site = site();
    let refused = |why: &str| {
        let (code, report) = json(&site, &["verify", "review-log.jsonl"]);
        let finding = found(&report, "log-unknown-signer").unwrap_or_else(|| panic!("{report}"));
        assert!(code == 7 && finding["message"].as_str().unwrap().contains(why), "{finding}");
        fs::remove_file(site.log()).unwrap();
    };
    // Ada's key stands a second time, for a machine.
    let signers = fs::read_to_string(site.demo().join("allowed_signers")).unwrap();
    let again = format!("ci@ci.example namespaces=\"review-record@v1\" {}\n", site.public_key("ada"));
    site.append("allowed_signers", &again);
    Forged { key: "keys/ada", principal: "ci@ci.example", ..Forged::honest() }.add(&site);
    refused(
        "of allowed_signers lists the key for `ada` of people.yaml, and a person may not sign for `review-record@v1`",
    );
    fs::write(site.demo().join("allowed_signers"), signers).unwrap();
    // A certificate over her key, one that names her beside a machine, and one that is the machine's alone.
    site.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", "keys/ca"]);
    let authority = site.public_key("ca");
    site.append(
        "allowed_signers",
        &format!("ci@ci.example cert-authority,namespaces=\"review-record@v1\" {authority}\n"),
    );
    let forged = |key: &str, names: &str| {
        site.keygen(&["-q", "-s", "keys/ca", "-I", "x", "-n", names, "-V", "-3h:+1h", &format!("keys/{key}.pub")]);
        let key = format!("keys/{key}-cert.pub");
        Forged { key: &key, principal: "ci@ci.example", ..Forged::honest() }.add(&site);
    };
    forged("ada", "ci@ci.example");
    refused("of allowed_signers lists the key for `ada` of people.yaml");
    forged("robot", "ci@ci.example,ada@corp.example");
    refused(
        "`ada@corp.example` belongs to the person `ada` of people.yaml, and a person may not sign for `review-record@v1`",
    );
    forged("robot", "ci@ci.example");
    assert_eq!(json(&site, &["verify", "review-log.jsonl"]).0, 0);
}

#[test]
fn a_session_sealed_without_a_touch_is_not_authentic() {
    let site = site();
    let agent = Agent::start(&site.demo());
    fs::write(site.demo().join("keys/sk.pub"), agent.public() + " touch\n").unwrap();
    site.append("allowed_signers", &format!("ada@corp.example namespaces=\"review-seal@v1\" {}\n", agent.public()));
    let touched = |flags: u8| {
        let _ = fs::remove_file(site.log());
        agent.next(flags, 7);
        let person = Some("ada");
        Forged {
            key: "keys/sk.pub",
            agent: Some(&agent.socket),
            principal: "ada@corp.example",
            person,
            ..Forged::honest()
        }
        .add(&site);
        json(&site, &["verify", "review-log.jsonl"])
    };
    for flags in [0, 4] {
        let (code, report) = touched(flags);
        let finding = found(&report, "log-bad-signature").unwrap_or_else(|| panic!("{report}"));
        assert!(code == 7 && finding["message"].as_str().unwrap().contains("touch"), "{flags}: {finding}");
        assert_eq!(gate(&site).0, 7);
    }
    for flags in [1, 5] {
        assert_eq!(touched(flags).0, 0, "{flags}");
    }
}

#[test]
fn a_proof_from_a_session_of_impossible_times_says_so() {
    let site = site();
    let people = fs::read_to_string(site.demo().join("people.yaml")).unwrap();
    for (begun, sealed, code) in [(-91, -89, ""), (-60, 60, "log-time-future"), (-30, -60, "log-time-backwards")] {
        let _ = fs::remove_file(site.log());
        Forged { begun: minutes(begun), sealed: minutes(sealed), ..Forged::honest() }.add(&site);
        let (exit, text) = site.run(&["log", "prove", "00000000", "1", "-o", "proof.json"]);
        assert_eq!(exit, 0, "{text}");
        let (exit, report) = json(&site, &["verify", "--proof", "proof.json"]);
        let findings = report["findings"].as_array().unwrap();
        let expected = if code.is_empty() { (0, "unknown") } else { (1, "no") };
        assert_eq!((exit, findings.len(), &report["time"]["holds"]), (0, expected.0, &expected.1.into()), "{report}");
        assert!(code.is_empty() || found(&report, code).is_some(), "{report}");
    }
    // Nobody knows whether the recorder is a person, or whoever it is that is listed.
    let own = ["verify", "--proof", "proof.json", "--signers", "allowed_signers"];
    assert!(found(&json(&site, &own).1, "log-recorders-unchecked").is_some());
    fs::write(site.demo().join("people.yaml"), "people: [\n").unwrap();
    let (code, report) = json(&site, &["verify", "--proof", "proof.json"]);
    assert_eq!((code, &report["authenticity"]["holds"]), (1, &"unknown".into()), "{report}");
    fs::write(site.demo().join("people.yaml"), people).unwrap();
    assert_eq!(json(&site, &["verify", "--proof", "proof.json"]).0, 0);
}
