//! Whole reviews in a real terminal: two people, three sessions, and what an auditor does with the record.
//!
//! The binary runs in a pseudo-terminal with an empty environment, real keys and real `ssh-keygen`.

use std::fs;
use std::path::Path;
use std::process::Command;

use rexpect::session::spawn_command;

use crate::support::{LONG, Site, decide, expect, key, three_sessions};

#[test]
fn three_sessions_by_two_people_verify_here_and_with_stock_tools() {
    let site = Site::new();
    three_sessions(&site);
    let (code, text) = site.run(&["verify", "review-log.jsonl", "--format", "json"]);
    assert_eq!(code, 0, "{text}");
    let verified: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(verified["integrity"]["holds"], "yes");
    assert_eq!(verified["authenticity"]["holds"], "yes");
    assert_eq!(verified["heads"].as_array().unwrap().len(), 1);
    let (code, head) = site.run(&["log", "head"]);
    assert_eq!((code, head.trim().len()), (0, 64), "{head}");
    let (code, _) = site.run(&["verify", "review-log.jsonl", "--known-head", head.trim()]);
    assert_eq!(code, 0);
    let (code, text) = site.run(&["verify", "review-log.jsonl", "--known-head", &"0".repeat(64)]);
    assert_eq!(code, 7, "{text}");
    let (code, text) = site.run(&["log", "show", "--format", "json"]);
    assert!(code == 0 && text.contains("`grant` role `ledger-admin` to `user:ravi` in `db:ledger` for 2h"), "{text}");
    stock_tools(&site);
    documented_script(&site);
    // c1 and c2 have every step; c3 is denied, c6 rejected.
    let (code, text) = site.run(&["gate", "plan.yaml", "--trust", ".", "--format", "json"]);
    assert_eq!(code, 3, "{text}");
}

/// Checks the record with nothing but `sha256sum`, `jq` and `ssh-keygen`: each line names the one before within its
/// session, and each seal is signed.
fn stock_tools(site: &Site) {
    let script = r#"
        set -euo pipefail
        mkdir check && split -l 1 -a 6 -d review-log.jsonl check/line.
        previous= sessions=0
        for line in check/line.*; do
          kind=$(jq -r .type "$line")
          if [ "$kind" != session ]; then test "$(jq -r .prev "$line")" = "$previous"; fi
          if [ "$kind" = sig ]; then
            jq -r .sshsig "$line" | sed -e '$a\' > check/sig
            principal=$(jq -r .principal "$sealed")
            ssh-keygen -Y verify -f allowed_signers -I "$principal" -n review-seal@v1 -s check/sig < "$sealed" >/dev/null
            sessions=$((sessions + 1))
          fi
          sealed=$line
          previous=$(sha256sum < "$line" | cut -d' ' -f1)
        done
        echo "sessions=$sessions"
    "#;
    let output = site.command("bash", &site.demo()).args(["-c", script]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("sessions=3"), "{text}");
}

/// Runs exactly the script that the page on the log's format ends with.
fn documented_script(site: &Site) {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/log/README.md")).unwrap();
    let (_, after) = page.split_once("```bash\n").expect("a script");
    let (script, _) = after.split_once("```").expect("its end");
    let output = site.command("bash", &site.demo()).args(["-c", script]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("the chain, the seals and the long values hold"), "{text}");
    let log = fs::read_to_string(site.log()).unwrap();
    fs::write(site.log(), log.replacen("\"verdict\":\"reject\"", "\"verdict\":\"rejecT\"", 1)).unwrap();
    let output = site.command("bash", &site.demo()).args(["-c", script]).output().unwrap();
    assert!(!output.status.success(), "the script passes a changed decision");
    fs::write(site.log(), log).unwrap();
}

#[test]
fn every_dropped_swapped_or_repeated_line_and_flipped_byte_is_found() {
    use review::log::allowed::Allowed;
    use review::log::verify::answers::{Keep, Terms};
    use review::log::verify::bytes;
    let site = Site::new();
    three_sessions(&site);
    let log = fs::read(site.log()).unwrap();
    let signers =
        review::trust::signers::Signers::parse("s", &fs::read(site.demo().join("allowed_signers")).unwrap()).0;
    let judge = Allowed(&signers);
    let now = review::input::time::Time::from_unix(4_000_000_000);
    let heads = {
        let terms = Terms { judge: &judge, log: None, known_heads: &[], now, keep: Keep::Nothing, threads: 1 };
        let whole = bytes("log", &log, terms);
        assert!(whole.holds(), "{:?}", whole.findings);
        whole.heads
    };
    let terms = || Terms { judge: &judge, log: None, known_heads: &heads, now, keep: Keep::Nothing, threads: 1 };
    let is_found = |changed: &[u8]| !bytes("log", changed, terms()).holds();
    let lines: Vec<&[u8]> = log.split_inclusive(|b| *b == b'\n').collect();
    for at in 0..lines.len() {
        let mut dropped = lines.clone();
        dropped.remove(at);
        assert!(is_found(&dropped.concat()), "line {} can be dropped", at + 1);
        let mut repeated = lines.clone();
        repeated.insert(at, lines[at]);
        assert!(is_found(&repeated.concat()), "line {} can be repeated", at + 1);
        let mut inserted = lines.clone();
        inserted.insert(at, b"{\"type\":\"blob\"}\n");
        assert!(is_found(&inserted.concat()), "a line can be inserted before {}", at + 1);
        if at + 1 < lines.len() {
            let mut swapped = lines.clone();
            swapped.swap(at, at + 1);
            assert!(is_found(&swapped.concat()), "lines {} and {} can be swapped", at + 1, at + 2);
        }
    }
    // The log room's own tests flip every byte of a small log; here samples of a real one, dense in its seal and signature.
    let tail = lines[lines.len() - 2].len() + lines[lines.len() - 1].len();
    let places = (0..log.len() - tail).step_by(4_999).chain((log.len() - tail..log.len()).step_by(5));
    for at in places {
        let mut flipped = log.clone();
        flipped[at] ^= 1;
        assert!(is_found(&flipped), "byte {at} can be flipped");
    }
}

#[test]
fn enter_alone_a_wrong_name_and_a_pipe_decide_nothing() {
    let site = Site::new();
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    expect(&mut ada, "? keys");
    key(&mut ada, "\r");
    expect(&mut ada, "Enter alone does not decide");
    key(&mut ada, "s");
    expect(&mut ada, "2 of 5");
    key(&mut ada, "\u{3}");
    expect(&mut ada, "exit=130");
    assert!(!site.log().exists());
    let mut command = Command::new("setsid");
    command.arg("-w").arg("bash").args([
        "-c",
        "yes yes | \"$0\" plan.yaml --key keys/ada.pub",
        env!("CARGO_BIN_EXE_review"),
    ]);
    command.current_dir(site.demo()).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(3), "it holds a denied change");
    assert!(String::from_utf8_lossy(&output.stderr).contains("nothing was decided"));
    assert!(!site.log().exists());
}

#[test]
fn a_plan_that_is_edited_meanwhile_is_told_before_the_seal() {
    let site = Site::new();
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    let skip = |change| (change, "s", "", "");
    decide(&mut ada, &[("c3", "r", "Reason to", "machines hold nothing"), skip("c2")]);
    site.append("plan.yaml", "# Edited meanwhile.\n");
    decide(&mut ada, &[skip("c6"), skip("c1"), skip("c5")]);
    let page = ada.exp_string("Type `seal` to seal").unwrap();
    assert!(page.contains("`plan.yaml` was edited since it was shown to you."), "{page}");
    expect(&mut ada, "Enter: send");
    fs::remove_file(site.demo().join("plan.yaml")).unwrap();
    key(&mut ada, "seal\r");
    expect(&mut ada, "`plan.yaml` was removed since it was shown to you.");
    expect(&mut ada, "Enter: send");
    key(&mut ada, "seal\r");
    expect(&mut ada, "warning: `plan.yaml` was removed since it was shown to you.");
    expect(&mut ada, "You are signing this seal");
    expect(&mut ada, "sealed and appended to");
}

#[test]
fn an_assistant_or_a_build_job_at_the_terminal_decides_nothing() {
    for (variable, value, shown) in [
        ("CLAUDECODE", "1", "an assistant controls this terminal (`CLAUDECODE` is set)"),
        ("AGENT", "goose", "an assistant controls this terminal (`AGENT` is set)"),
        ("CI", "true", "this is a build job (`CI` is set)"),
    ] {
        let site = Site::new();
        let mut command = site.command("bash", &site.demo());
        let script = format!("{} plan.yaml --key keys/ada.pub; echo \"exit=$?\"", env!("CARGO_BIN_EXE_review"));
        command.env(variable, value).args(["-c", &script]);
        let mut terminal = spawn_command(command, LONG).unwrap();
        expect(&mut terminal, shown);
        expect(&mut terminal, "exit=3");
        assert!(!site.log().exists());
    }
}

#[test]
fn quitting_keeps_what_was_decided_in_the_journal() {
    let site = Site::new();
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    decide(&mut ada, &[("c3", "r", "Reason to", "machines hold nothing"), ("c2", "r", "Reason to", "not now")]);
    expect(&mut ada, "? keys");
    key(&mut ada, "q");
    expect(&mut ada, "are in the journal");
    expect(&mut ada, "exit=130");
    let journals = fs::read_dir(site.demo())
        .unwrap()
        .filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().contains("journal"));
    assert_eq!(journals.count(), 1);
    assert!(!site.log().exists());
}

#[test]
fn a_log_that_does_not_verify_is_never_added_to() {
    let site = Site::new();
    fs::write(site.log(), b"garbage\n").unwrap();
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    expect(&mut ada, "exit=7");
    assert_eq!(fs::read(site.log()).unwrap(), b"garbage\n");
}

#[test]
fn each_wrong_key_has_its_own_message() {
    let site = Site::new();
    let mut none = site.sit("plan.yaml");
    expect(&mut none, "no key to sign your decisions with");
    expect(&mut none, "exit=1");
    let stranger = site.demo().join("stranger");
    let made =
        site.command("ssh-keygen", &site.demo()).args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&stranger).status();
    assert!(made.unwrap().success());
    let mut unknown = site.sit("plan.yaml --key stranger.pub");
    expect(&mut unknown, "is not in allowed_signers");
    expect(&mut unknown, "exit=1");
    let people = fs::read_to_string(site.demo().join("people.yaml")).unwrap();
    fs::write(site.demo().join("people.yaml"), people.replace("principals: [ada@corp.example]", "principals: []"))
        .unwrap();
    let mut nobody = site.sit("plan.yaml --key keys/ada.pub");
    expect(&mut nobody, "belongs to no person in people.yaml");
    expect(&mut nobody, "exit=1");
}

#[test]
fn what_is_said_beside_the_result_breaks_between_words_at_the_edge_of_the_terminal() {
    let site = Site::new();
    let mut command = site.command("bash", &site.demo());
    let run = format!("{} log show --change c99 --plan PLAN-DEMO-1 2>&1", env!("CARGO_BIN_EXE_review"));
    three_sessions(&site);
    command.args(["-c", &format!("stty rows 30 cols 50; {run}; {run} | cat; echo over")]);
    let mut terminal = spawn_command(command, LONG).unwrap();
    let said = terminal.exp_string("over").unwrap();
    let said: Vec<&str> = said.lines().collect();
    let narrow = [
        "error: the log `review-log.jsonl` holds nothing of",
        "  a change `c99` of `PLAN-DEMO-1`",
        "  = help: `review log show` lists its contents",
    ];
    let wide = format!("{} {}", narrow[0], narrow[1].trim_start());
    assert_eq!(said, [&narrow[..], &[&wide, narrow[2]]].concat());
}

#[test]
fn a_bad_plan_is_refused_with_its_own_exit_code() {
    let site = Site::new();
    let plan = fs::read_to_string(site.demo().join("plan.yaml")).unwrap();
    let write = |text: &[u8]| fs::write(site.demo().join("bad.yaml"), text).unwrap();
    let (code, text) = site.run(&["check", "absent.yaml"]);
    assert!(code == 1 && text.contains("cannot be read"), "{text}");
    write(b"");
    let (code, text) = site.run(&["check", "bad.yaml"]);
    assert!(code == 3 && text.contains("error[empty]"), "{text}");
    write(&[0, 159, 146, 150]);
    let (code, text) = site.run(&["check", "bad.yaml"]);
    assert!(code == 3 && text.contains("error[not-utf8]"), "{text}");
    write(plan.replace("to: user:ravi", "to: user:rawi").as_bytes());
    let (code, text) = site.run(&["check", "bad.yaml"]);
    assert!(code == 3 && text.contains("error[unknown-identity]") && text.contains("user:ravi"), "{text}");
    let expires = plan.lines().find(|line| line.starts_with("expires:")).unwrap();
    write(plan.replace(expires, "expires: 2020-01-01T00:00:00Z").as_bytes());
    let (code, text) = site.run(&["check", "bad.yaml", "--format", "json"]);
    assert!([3, 6].contains(&code) && text.contains("plan-expired"), "{code} {text}");
    let (code, text) = site.run(&["chekc"]);
    assert!(code == 2 && text.contains("review check"), "{text}");
}

#[test]
fn a_closed_terminal_keeps_what_was_decided_in_the_journal() {
    let site = Site::new();
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    decide(&mut ada, &[("c3", "r", "Reason to", "machines hold nothing"), ("c2", "r", "Reason to", "not now")]);
    expect(&mut ada, "? keys");
    drop(ada);
    let journals = || {
        fs::read_dir(site.demo())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.to_string_lossy().contains("journal"))
            .collect::<Vec<_>>()
    };
    let found = journals();
    assert_eq!(found.len(), 1);
    let kept = fs::read_to_string(&found[0]).unwrap();
    assert_eq!(kept.matches("\"type\":\"decision\"").count(), 2);
    assert!(!site.log().exists());
}

#[test]
fn a_plan_that_adds_its_own_approver_gains_no_approver_by_it() {
    let site = Site::new();
    let snapshot = fs::read_to_string(site.demo().join("snapshot.json")).unwrap();
    let approvers = r#""groups": [
    {"id": "approvers:identity-security", "owner": "user:ada"},"#;
    fs::write(site.demo().join("snapshot.json"), snapshot.replacen("\"groups\": [", approvers, 1)).unwrap();
    let plan = fs::read_to_string(site.demo().join("plan.yaml")).unwrap();
    let (head, _) = plan.split_once("changes:").unwrap();
    let change = "changes:\n  - id: c1\n    action: grant\n    to: user:ada\n    member_of: approvers:identity-security\n    mode: active\n    ttl: 1h\n    reason: r\n  - id: c2\n    action: grant\n    to: user:ravi\n    role: ledger-admin\n    scope: db:ledger\n    mode: active\n    ttl: 2h\n    reason: r\n";
    fs::write(site.demo().join("own.yaml"), format!("{head}{change}")).unwrap();
    site.sign("own.yaml");
    let (_, text) = site.run(&["gate", "own.yaml", "--trust", ".", "--format", "text"]);
    let security: Vec<&str> = text.lines().filter(|line| line.starts_with("  needs Security")).collect();
    assert!(!security.is_empty() && security.iter().all(|line| !line.contains("ada")), "{text}");
    assert!(security.iter().any(|line| line.contains("bo")), "{text}");
}
