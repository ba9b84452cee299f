//! A recorder seals what needs nobody, and can neither decide nor pass for a person.

use std::fs;

use crate::support::{Site, decide, expect, key, seal, unbroken};
use serde_json::Value;

fn site(changes: &[&str], keys: &[(&str, &str)]) -> Site {
    Site::with_plan(changes, keys)
}

const RECORDER: (&str, &str) = ("robot", "robot@ci.example namespaces=\"review-record@v1\"");

fn record(site: &Site, arguments: &[&str]) -> (i32, Value) {
    let mut all = vec!["record", "plan.yaml", "--format", "json"];
    all.extend(arguments);
    let output = site.run_in(&site.demo(), &all);
    let value = serde_json::from_slice(&output.stdout);
    (
        output.status.code().unwrap(),
        value.unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr))),
    )
}

fn left_behind(site: &Site) -> Vec<String> {
    let names = fs::read_dir(site.demo()).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned());
    names.filter(|name| name.contains("journal") || name.contains(".tmp")).collect()
}

#[test]
fn what_needs_nobody_is_sealed_once_and_counts_as_held() {
    let site = site(&["c1", "c4"], &[RECORDER]);
    let (code, value) = record(&site, &["--key", "keys/robot.pub"]);
    assert_eq!(code, 0, "{value:#}");
    assert!(value["verdict"].as_str().unwrap().starts_with("recorded 1 automatic change in "));
    let log = fs::read_to_string(site.log()).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["kind"], "record");
    assert!(lines[0]["writer"].get("person").is_none(), "a recorder must not be in people.yaml");
    let autos: Vec<&Value> = lines.iter().filter(|line| line["type"] == "auto").collect();
    assert_eq!(autos.len(), 1);
    assert_eq!((&autos[0]["change"], autos[0]["policies"].as_array().unwrap().is_empty()), (&"c4".into(), false));
    assert_eq!(site.run(&["verify", "review-log.jsonl"]).0, 0);
    let (code, text) = site.run(&["gate", "plan.yaml", "--trust", ".", "--format", "json"]);
    let gate: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &gate["changes"][1]["state"]), (5, &"auto".into()), "c1 still needs its owner");
    let (code, text) = site.run(&["gate", "plan.yaml", "--trust", "."]);
    assert!(code == 5 && text.contains("recorded by `robot@ci.example` at "), "{text}");

    let (code, value) = record(&site, &["--key", "keys/robot.pub"]);
    assert_eq!((code, &value["verdict"]), (0, &"all automatic changes are already recorded".into()));
    assert_eq!(fs::read_to_string(site.log()).unwrap(), log);
    assert_eq!(left_behind(&site), Vec::<String>::new());

    // A recorder decides nothing.
    let mut terminal = site.sit("plan.yaml --key keys/robot.pub");
    expect(&mut terminal, "you cannot decide with this key");
    expect(&mut terminal, "exit=1");
}

#[test]
fn only_a_recorder_records() {
    let person = ("ada-too", "ada@corp.example namespaces=\"review-record@v1\"");
    let site = site(&["c4"], &[RECORDER, person]);
    for (with, why) in [
        ("keys/ada.pub", "cannot record"),
        (
            "keys/ada-too.pub",
            "belongs to the person `ada` of people.yaml, and a person may not sign for `review-record@v1`",
        ),
        ("keys/assistant.pub", "cannot record"),
        ("keys/none.pub", ""),
    ] {
        let (code, value) = record(&site, &["--key", with]);
        assert_eq!((code, &value["findings"][0]["code"]), (1, &"could-not-run".into()), "{with}");
        assert!(value["findings"][0]["message"].as_str().unwrap().contains(why), "{with}: {value:#}");
    }
    fs::remove_file(site.demo().join("keys/robot")).unwrap();
    let (code, _) = record(&site, &["--key", "keys/robot.pub"]);
    assert_eq!(code, 1, "nobody signs without the private key");
    assert!(!site.log().exists());
    assert_eq!(left_behind(&site), Vec::<String>::new(), "nothing half-written is left");
}

#[test]
fn one_key_never_records_and_decides() {
    let site = site(&["c4"], &[]);
    let signers = fs::read_to_string(site.demo().join("allowed_signers")).unwrap();
    let line = |options: &str, key: &str| {
        let line = format!("ci@ci.example {options}namespaces=\"review-record@v1\" {}\n", site.public_key(key));
        fs::write(site.demo().join("allowed_signers"), signers.clone() + &line).unwrap();
    };
    line("", "ada");
    let (code, value) = record(&site, &["--key", "keys/ada.pub"]);
    let finding = &value["findings"][0];
    assert_eq!((code, &finding["code"]), (1, &"shared-key".into()), "{value:#}");
    let said = finding["message"].as_str().unwrap();
    assert!(said.contains("is allowed for recording as `ci@ci.example`, and also belongs to `ada` in line "), "{said}");
    assert_eq!(site.run(&["trust", "check"]).0, 1);

    site.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", "keys/ca"]);
    line("cert-authority,", "ca");
    for (names, why) in [
        ("ci@ci.example", "lists the key for `ada` of people.yaml"),
        ("ci@ci.example,bo@corp.example", "`bo@corp.example` belongs to the person `bo` of people.yaml"),
    ] {
        site.keygen(&["-q", "-s", "keys/ca", "-I", "x", "-n", names, "-V", "-1m:+1h", "keys/ada.pub"]);
        let (code, value) = record(&site, &["--key", "keys/ada-cert.pub"]);
        let said = value["findings"][0].to_string();
        assert!(code == 1 && said.contains(why) && !said.contains("allow it in allowed_signers"), "{said}");
    }
    assert!(!site.log().exists());
}

/// Certifies `keys/both` for this name, by an authority that vouches for people and machines.
fn certified(site: &Site, name: &str) {
    let _ = fs::remove_file(site.demo().join("keys/both-cert.pub"));
    site.keygen(&["-q", "-s", "keys/ca", "-I", "x", "-n", name, "-V", "-1m:+1h", "keys/both.pub"]);
}

#[test]
fn one_key_with_two_certificates_never_records_and_decides() {
    let site = site(&["c1", "c4"], &[]);
    for name in ["ca", "both"] {
        site.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", &format!("keys/{name}")]);
    }
    let line = "*@corp.example,*@ci.example cert-authority,namespaces=\"review-*@v1\"";
    site.append("allowed_signers", &format!("{line} {}\n", site.public_key("ca")));
    let other = Site::copy_of(&site);
    let approve = |site: &Site| {
        certified(site, "ada@corp.example");
        let mut ada = site.sit("plan.yaml --key keys/both-cert.pub");
        decide(&mut ada, &[("c1", "a", "Type `yes`", "yes")]);
        seal(&mut ada, 0);
    };
    let records = |site: &Site| {
        certified(site, "robot@ci.example");
        record(site, &["--key", "keys/both-cert.pub"])
    };

    approve(&site);
    let (code, value) = records(&site);
    let said = value["findings"].to_string();
    assert!(
        code == 1 && said.contains("it is used for deciding as `ada@corp.example`, and a person cannot record"),
        "{value:#}"
    );

    assert_eq!(records(&other).0, 0);
    certified(&other, "ada@corp.example");
    let mut ada = other.sit("plan.yaml --key keys/both-cert.pub");
    let said = unbroken(&ada.exp_string("exit=1").unwrap());
    assert!(
        said.contains("you cannot decide with this key")
            && said.contains("is used for recording as `robot@ci.example`"),
        "{said}"
    );

    // Where neither knew of the other, the joined record shows it.
    let (here, there) = (site.log(), other.log());
    let joined = site.demo().join("joined.jsonl");
    let paths = [&here, &there, &joined].map(|path| path.to_str().unwrap());
    let (code, text) = site.run(&["log", "merge", paths[0], paths[1], "-o", paths[2]]);
    assert_eq!(code, 0, "{text}");
    let (code, text) = site.run(&["verify", "joined.jsonl", "--format", "json"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    let found = |report: &Value| {
        let all = report["findings"].as_array().unwrap();
        all.iter().find(|finding| finding["code"] == "log-persons-record").map(Value::to_string)
    };
    let said = found(&report).unwrap_or_else(|| panic!("{report:#}"));
    assert!(code == 0 && said.contains("as `robot@ci.example`") && said.contains("as `ada@corp.example`"), "{said}");
    let (code, text) = site.run(&["gate", "plan.yaml", "--trust", ".", "--log", "joined.jsonl", "--format", "json"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert!(code == 5 && found(&report).is_some(), "{report:#}");
    let said = report["findings"].to_string();
    assert!(
        said.contains("but that key is used for recording as `robot@ci.example`, and a recorder cannot decide"),
        "{said}"
    );
    let (_, text) = site.run(&["gate", "plan.yaml", "--trust", ".", "--log", "joined.jsonl"]);
    assert!(!text.contains("recorded by"), "its record does not count either: {text}");
    // Who decides next is told before the first question, and so is who asks where the plans stand.
    let mut ada = site.sit("plan.yaml --key keys/ada.pub --log joined.jsonl");
    let page = ada.exp_string("? keys").unwrap();
    assert!(page.contains("Before you decide") && page.contains("log-persons-record"), "{page}");
    key(&mut ada, "g");
    decide(&mut ada, &[("c1", "a", "Type `yes`", "yes")]);
    seal(&mut ada, 0);
    let (code, text) = site.run(&["verify", "joined.jsonl", "--format", "json"]);
    assert!(
        code == 0 && text.contains("log-persons-record"),
        "it is no head any more, and is found all the same: {text}"
    );
    let mut ada = site.sit("plan.yaml --key keys/ada.pub --log joined.jsonl");
    let said = ada.exp_string("exit=0").unwrap();
    assert!(said.contains("nothing to decide") && said.contains("warning[log-persons-record]"), "{said}");
    let (_, text) = site.run(&["status", "--log", "joined.jsonl", "--format", "json"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert!(found(&report).is_some() && report.to_string().contains("log-second-root"), "{report:#}");
}

#[test]
fn a_certificate_over_a_recorders_key_decides_nothing() {
    let site = site(&["c1"], &[("both", "robot@ci.example namespaces=\"review-record@v1\"")]);
    site.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", "keys/ca"]);
    let line = "ada@corp.example cert-authority,namespaces=\"review-seal@v1\"";
    site.append("allowed_signers", &format!("{line} {}\n", site.public_key("ca")));
    certified(&site, "ada@corp.example");
    let mut ada = site.sit("plan.yaml --key keys/both-cert.pub");
    let said = unbroken(&ada.exp_string("exit=1").unwrap());
    assert!(said.contains("lists the key for a machine that signs for `review-record@v1`"), "{said}");
    assert!(!site.log().exists());
}

#[test]
fn a_key_that_could_prove_a_plan_records_nothing() {
    let site = site(&["c4"], &[RECORDER]);
    site.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", "keys/ca"]);
    let authority = site.public_key("ca");
    let line = format!("robot@ci.example cert-authority,namespaces=\"review-record@v1\" {authority}\n");
    let signers = fs::read_to_string(site.demo().join("allowed_signers")).unwrap();
    fs::write(site.demo().join("allowed_signers"), signers + &line).unwrap();
    let agents = fs::read_to_string(site.demo().join("agents.yaml")).unwrap();
    let other = format!(
        "  - id: agent:other\n    max_credential_ttl: 1h\n    proof:\n      - {{method: certificate, authority: \"{authority}\", principal: other}}\n"
    );
    fs::write(site.demo().join("agents.yaml"), agents + &other).unwrap();
    let certify = |names: &str| {
        let _ = fs::remove_file(site.demo().join("keys/robot-cert.pub"));
        site.keygen(&["-q", "-s", "keys/ca", "-I", "x", "-n", names, "-V", "-1m:+1h", "keys/robot.pub"]);
        record(&site, &["--key", "keys/robot-cert.pub"])
    };
    let (code, value) = certify("robot@ci.example,other");
    let said = value["findings"][0]["message"].as_str().unwrap();
    assert!(code == 1 && said.contains("this key cannot record: it proves the plans of `agent:other`"), "{value:#}");
    assert!(!site.log().exists());
    assert_eq!(left_behind(&site), Vec::<String>::new());
    let (code, value) = certify("robot@ci.example");
    assert_eq!(code, 0, "{value:#}");
}

#[test]
fn what_a_key_recorded_that_proves_plans_does_not_count_as_recorded() {
    let site = site(&["c4"], &[RECORDER]);
    site.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", "keys/ca"]);
    site.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", "keys/other"]);
    let authority = site.public_key("ca");
    site.append(
        "allowed_signers",
        &format!("ci@ci.example cert-authority,namespaces=\"review-record@v1\" {authority}\n"),
    );
    let certify =
        |names: &str| site.keygen(&["-q", "-s", "keys/ca", "-I", "x", "-n", names, "-V", "-1m:+1h", "keys/other.pub"]);
    certify("ci@ci.example,other");
    assert_eq!(record(&site, &["--key", "keys/other-cert.pub"]).0, 0);
    let gate = || site.run(&["gate", "plan.yaml", "--trust", "."]);
    assert!(gate().1.contains("recorded by `ci@ci.example`"), "{}", gate().1);
    site.append(
        "agents.yaml",
        &format!("  - id: agent:other\n    max_credential_ttl: 1h\n    proof:\n      - {{method: certificate, authority: \"{authority}\", principal: other}}\n"),
    );
    let (code, text) = gate();
    assert_eq!(code, 0, "automatic by policy whoever recorded it: {text}");
    assert!(text.contains("log-proposers-record") && !text.contains("recorded by `ci@ci.example`"), "{text}");
    // A clean certificate over the same key is no recorder's, and another recorder's word is what was missing.
    certify("ci@ci.example");
    let (code, value) = record(&site, &["--key", "keys/other-cert.pub"]);
    let said = value["findings"].to_string();
    assert!(code == 1 && said.contains("it signed in this log with another certificate"), "{value:#}");
    let (code, value) = record(&site, &["--key", "keys/robot.pub"]);
    assert!(code == 0 && value["verdict"].as_str().unwrap().starts_with("recorded 1 automatic"), "{value:#}");
    assert!(gate().1.contains("recorded by `robot@ci.example`"), "{}", gate().1);
}

#[test]
fn nothing_of_a_plan_that_does_not_stand_is_recorded() {
    let site = site(&["c4"], &[RECORDER]);
    let plan = fs::read_to_string(site.demo().join("plan.yaml")).unwrap();
    let put = |text: &str, sign: bool| {
        fs::write(site.demo().join("plan.yaml"), text).unwrap();
        let _ = fs::remove_file(site.demo().join("plan.yaml.sig"));
        if sign {
            site.sign("plan.yaml");
        }
    };
    put(&plan, false);
    let (code, value) = record(&site, &["--key", "keys/robot.pub"]);
    assert_eq!((code, &value["verdict"]), (3, &"nothing was recorded".into()), "nobody proves who wrote it");
    put(&plan.replace("user:noor", "user:nora"), true);
    assert_eq!(record(&site, &["--key", "keys/robot.pub"]).0, 3, "it is invalid");
    put(&plan, true);
    fs::write(site.log(), "garbage\n").unwrap();
    assert_eq!(record(&site, &["--key", "keys/robot.pub"]).0, 7);
    assert_eq!(fs::read_to_string(site.log()).unwrap(), "garbage\n");
    fs::remove_file(site.log()).unwrap();
    let (code, value) = record(&site, &["--key", "keys/robot.pub", "--output", "sarif=../r.sarif"]);
    assert_eq!(code, 0, "{value:#}");
}
