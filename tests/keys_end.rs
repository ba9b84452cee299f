//! Keys that are revoked, lost or no longer listed: what they signed stops counting, and everybody else goes on.

use std::fs;

use crate::support::forge::Forged;
use crate::support::{Site, decide, seal, three_sessions};
use review::input::digest::{Digest, of};
use serde_json::Value;

fn json(site: &Site, arguments: &[&str]) -> (i32, Value) {
    let (code, text) = site.run(&[arguments, &["--format", "json"]].concat());
    (code, serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}")))
}

/// The gate's answer, which is never that the log does not verify, and the state of each change.
fn gate(site: &Site) -> (Value, impl Fn(&str) -> String) {
    let (code, report) = json(site, &["gate", "plan.yaml", "--trust", "."]);
    assert!(code != 0 && code != 7, "{code}: {report}");
    let changes = report["changes"].as_array().unwrap().clone();
    let state =
        move |id: &str| changes.iter().find(|change| change["id"] == id).unwrap()["state"].as_str().unwrap().to_owned();
    (report, state)
}

fn messages(report: &Value, code: &str) -> Vec<String> {
    let found = report["findings"].as_array().unwrap().iter().filter(|f| f["code"] == code);
    found.map(|f| f["message"].as_str().unwrap().to_owned()).collect()
}

/// The hash of each seal, in the order of the file.
fn seals(site: &Site) -> Vec<String> {
    let log = fs::read_to_string(site.log()).unwrap();
    let seals = log.split_inclusive('\n').filter(|line| line.contains("\"type\":\"seal\""));
    seals.map(|line| Digest::<of::Line>::of(line.as_bytes()).to_string()).collect()
}

fn revoke(site: &Site, name: &str, head: Option<&str>) {
    let up_to = head.map_or(String::new(), |head| format!(" valid-up-to={head}"));
    fs::write(site.demo().join("revoked_keys"), format!("{}{up_to}\n", site.public_key(name))).unwrap();
}

#[test]
fn a_revoked_key_counts_up_to_its_head_and_the_rest_of_the_log_goes_on() {
    let site = Site::new();
    three_sessions(&site);
    let (_, before) = gate(&site);
    assert_eq!(["c1", "c2", "c3"].map(&before), ["approved", "approved", "rejected"]);
    let seals = seals(&site);
    // In order: up to when; whether Ada's first session counts; whether what she rejected stays rejected.
    for (head, counts, rejects) in [
        (Some(&*seals[2]), true, true),
        (Some(&*seals[0]), true, true),
        (Some(&*"1".repeat(64)), false, true),
        (None, false, false),
    ] {
        revoke(&site, "ada", head);
        let (report, state) = gate(&site);
        assert_eq!(state("c1") == "approved", counts, "{head:?}: {report}");
        assert_eq!(state("c3") == "rejected", rejects, "{head:?}: {report}");
        assert_eq!(state("c6"), "rejected", "Bo rejected it too");
        let warned = messages(&report, "log-revoked-key");
        assert_eq!(warned.len(), usize::from(head != Some(&*seals[2])), "{warned:?}");
        let (code, verified) = json(&site, &["verify", "review-log.jsonl"]);
        assert_eq!((code, &verified["authenticity"]["holds"]), (0, &"yes".into()), "{verified}");
        assert_eq!(messages(&verified, "log-revoked-key"), warned);
    }
    // Others go on, in a log with sessions that do not count.
    let mut bo = site.sit("plan.yaml --key keys/bo.pub");
    let skip = |change| (change, "s", "", "");
    decide(&mut bo, &[("c3", "r", "Reason to", "Ada was right"), skip("c1"), skip("c5")]);
    seal(&mut bo, 3);
    let (_, state) = gate(&site);
    assert_eq!(state("c3"), "rejected");
}

#[test]
fn a_malformed_head_revokes_the_key_as_a_whole_and_is_a_fault() {
    let site = Site::new();
    three_sessions(&site);
    revoke(&site, "ada", Some("abc"));
    let (code, report) = json(&site, &["trust", "check"]);
    assert_eq!(code, 1);
    assert!(messages(&report, "bad-revocation")[0].contains("`valid-up-to=` without the hash of a head"), "{report}");
    assert_ne!(site.run(&["gate", "plan.yaml", "--trust", "."]).0, 0);
}

#[test]
fn without_the_line_of_who_left_only_their_own_decisions_stop_counting() {
    let site = Site::new();
    three_sessions(&site);
    let signers = fs::read_to_string(site.demo().join("allowed_signers")).unwrap();
    let kept: Vec<&str> = signers.lines().filter(|line| !line.starts_with("ada@")).collect();
    fs::write(site.demo().join("allowed_signers"), kept.join("\n") + "\n").unwrap();
    let (report, state) = gate(&site);
    assert_eq!(["c1", "c2", "c6"].map(&state), ["open", "open", "rejected"], "{report}");
    let unknown = report["findings"].as_array().unwrap().iter().find(|f| f["code"] == "log-unknown-signer").unwrap();
    assert_eq!(unknown["severity"], "warning");
    assert!(unknown["help"].as_str().unwrap().contains("end it with `valid-before`"), "{unknown}");
    // An auditor is told that not every session is authentic.
    assert_eq!(json(&site, &["verify", "review-log.jsonl"]).0, 7);
}

#[test]
fn a_stranger_who_appends_to_the_log_decides_nothing_and_stops_nobody() {
    let site = Site::new();
    site.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", "keys/stranger"]);
    Forged { key: "keys/stranger", principal: "bo@corp.example", person: Some("bo"), ..Forged::honest() }.add(&site);
    let (report, _) = gate(&site);
    assert!(messages(&report, "log-unknown-signer")[0].contains("is not in allowed_signers"), "{report}");
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    let skip = |change| (change, "s", "", "");
    decide(&mut ada, &[skip("c3"), skip("c2"), skip("c6"), ("c1", "a", "Type `yes`", "yes"), skip("c5")]);
    seal(&mut ada, 3);
    let (_, state) = gate(&site);
    assert_eq!(state("c1"), "approved");
    // The stranger's key opens no session of its own.
    assert_ne!(site.run(&["review", "plan.yaml", "--key", "keys/stranger.pub"]).0, 0);
}

#[test]
fn a_key_is_revoked_by_a_command_that_says_what_stops_counting() {
    let site = Site::new();
    three_sessions(&site);
    let seals = seals(&site);
    let revoke = |more: &[&str]| site.run(&[&["trust", "revoke"], more].concat());
    let file = || fs::read_to_string(site.demo().join("revoked_keys")).unwrap_or_default();
    for (arguments, said) in [
        (&["keys/nobody.pub"][..], "is neither a key nor the file of one"),
        (&["keys/ada"], "is a private key"),
        (&["SHA256:abc"], "is not a key"),
        (&["keys/ada.pub", "--up-to", &"0".repeat(64)], "is not in the log"),
        (&["keys/ada.pub", "--up-to", "abc"], "64 hexadecimal digits"),
        (&["keys/ada.pub", "--reason", "two\nlines"], "not a comment of one line"),
        (&["keys/ada.pub", "--reason", "lost valid-up-to=x"], "not a comment of one line"),
    ] {
        let (code, text) = revoke(arguments);
        assert!(code != 0 && text.contains(said), "{arguments:?}: {text}");
        assert_eq!(file(), "", "{arguments:?}");
    }
    fs::write(site.demo().join("revoked_keys"), "# ours").unwrap();
    let (code, text) = revoke(&["keys/ada.pub", "--up-to", &seals[0], "--reason", "lost in the train"]);
    assert!(code == 0 && text.contains("1 of its 2 sessions come after"), "{text}");
    let public = site.public_key("ada");
    let (kind_and_key, _) = public.rsplit_once(' ').filter(|_| public.split(' ').count() == 3).unwrap_or((&public, ""));
    assert_eq!(file(), format!("# ours\n{kind_and_key} lost in the train valid-up-to={}\n", seals[0]));
    let (code, text) = revoke(&["keys/ada.pub"]);
    assert!(code == 1 && text.contains(&format!("already, up to {}", seals[0])), "{text}");
    let unlisted = format!("SHA256:{}", "A".repeat(43));
    assert_eq!(revoke(&[&unlisted]).0, 0);
    let (code, text) = revoke(&[&unlisted]);
    assert!(code == 1 && text.contains("already, as a whole"), "{text}");
    assert_eq!(gate(&site).1("c1"), "approved");
    assert_eq!(json(&site, &["trust", "check"]).0, 0, "the line of a revoked key stays in allowed_signers");
}

#[test]
fn who_retires_signs_nothing_more_and_what_they_signed_stays_authentic() {
    let site = Site::new();
    three_sessions(&site);
    let (code, text) = site.run(&["trust", "retire", "adda"]);
    assert!(code == 1 && text.contains("did you mean `ada`?"), "{text}");
    let (code, text) = site.run(&["trust", "retire", "ada"]);
    assert!(code == 0 && text.contains("ended 1 key of `ada`"), "{text}");
    assert!(text.contains("still to do: name another owner of `svc:deploy`"), "{text}");
    assert_eq!(json(&site, &["verify", "review-log.jsonl"]).0, 0);
    // A key is valid to the end of its last second.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let (report, state) = gate(&site);
    // Nobody is told to wait for who cannot sign any more.
    let changes = report["changes"].to_string();
    assert!(!changes.contains("\"people\":[\"ada\"]"), "{changes}");
    assert!(
        report["verdict"].as_str().unwrap().contains("`c1` was approved once, and needs again Owner (no one"),
        "{report}"
    );
    assert_eq!(
        ["c1", "c3"].map(&state),
        ["stale", "rejected"],
        "approvals of an ended key are ignored, rejections hold"
    );
    let before = fs::read_to_string(site.demo().join("allowed_signers")).unwrap();
    let (code, text) = site.run(&["trust", "retire", "ada"]);
    assert!(code == 0 && text.contains("has no key in allowed_signers that is valid after"), "{text}");
    assert_eq!(fs::read_to_string(site.demo().join("allowed_signers")).unwrap(), before);
}

#[test]
fn no_report_takes_a_session_that_does_not_count_for_a_decision() {
    let site = Site::new();
    three_sessions(&site);
    let said = |site: &Site| {
        let outputs: [&[&str]; 4] = [
            &["log", "report", "--format", "csv"],
            &["log", "events", "--format", "json"],
            &["log", "show", "--change", "c1"],
            &["log", "report", "rules"],
        ];
        outputs.map(|arguments| site.run(arguments).1)
    };
    let [report, events, change, _] = said(&site);
    assert!(
        report.contains("ada") && events.contains("\"approve\"") && change.contains("ada@corp.example"),
        "{change}"
    );
    // Revoked as a whole, and not listed at all.
    let signers = fs::read_to_string(site.demo().join("allowed_signers")).unwrap();
    for is_revoked in [true, false] {
        if is_revoked {
            revoke(&site, "ada", None);
        } else {
            fs::write(site.demo().join("revoked_keys"), "").unwrap();
            let kept: Vec<&str> = signers.lines().filter(|line| !line.starts_with("ada@")).collect();
            fs::write(site.demo().join("allowed_signers"), kept.join("\n") + "\n").unwrap();
        }
        let [report, events, change, rules] = said(&site);
        let rows = report.lines().filter(|line| !line.starts_with('#') && line.contains("ada")).count();
        assert_eq!(rows, 0, "{report}");
        let hers = events.lines().filter(|line| line.contains("ada@corp.example")).count();
        assert_eq!(hers, 0, "{events}");
        assert!(!change.contains("ada@corp.example"), "{change}");
        assert!(report.contains("bo") && !rules.is_empty(), "Bo's decisions stay: {report}");
    }
}
