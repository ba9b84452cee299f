//! Security keys, through real `ssh-keygen` and a real agent's protocol; and who may never be an approver.

use std::fs;

use rexpect::session::PtySession;
use serde_json::Value;

use crate::support::agent::{self, Agent};
use crate::support::{Site, expect, key, seal, unbroken};

/// The demo, with a security key as Ada's second, and the site's wish for one.
fn site() -> (Site, Agent) {
    let site = Site::new();
    let agent = Agent::start(&site.demo());
    fs::write(site.demo().join("keys/sk.pub"), agent.public() + " touch\n").unwrap();
    site.append("allowed_signers", &format!("ada@corp.example namespaces=\"review-seal@v1\" {}\n", agent.public()));
    site.append("review.yaml", "parameters: {require_security_key: true}\n");
    // The privileged change alone: it needs the owner and security.
    let plan = fs::read_to_string(site.demo().join("plan.yaml")).unwrap();
    let (head, changes) = plan.split_once("changes:\n").unwrap();
    let (_, from) = changes.split_once("  # A privileged change").unwrap();
    let (privileged, _) = from.split_once("  # A denied change").unwrap();
    fs::write(site.demo().join("plan.yaml"), format!("{head}changes:\n  # A privileged change{privileged}")).unwrap();
    site.sign("plan.yaml");
    (site, agent)
}

fn approve(terminal: &mut PtySession) {
    expect(terminal, "? keys");
    key(terminal, "a");
    expect(terminal, "Type `ledger-admin`");
    expect(terminal, "Enter: send");
    key(terminal, "ledger-admin\r");
    expect(terminal, "Type `seal` to seal and sign");
    expect(terminal, "Enter: send");
    key(terminal, "seal\r");
}

fn gate(site: &Site) -> (i32, Value) {
    let (code, text) = site.run(&["gate", "plan.yaml", "--trust", ".", "--format", "json"]);
    (code, serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}")))
}

/// Takes away what a review that did not come to its end left.
fn forget_journals(site: &Site) {
    for entry in fs::read_dir(site.demo()).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().contains("journal") {
            fs::remove_file(path).unwrap();
        }
    }
}

/// The approvals that the gate says are missing.
fn missing_steps(report: &Value) -> Vec<&str> {
    let said = report["findings"].to_string();
    ["Owner", "Security"].into_iter().filter(|step| said.contains(&format!("{step} ("))).collect()
}

#[test]
fn a_touched_security_key_approves_what_needs_one_and_another_key_does_not() {
    let (site, agent) = site();
    let mut plain = site.sit("plan.yaml --key keys/ada.pub");
    expect(&mut plain, "nothing here that you can decide");
    let mut ada = site.sit_beside(Some(&agent.socket), "plan.yaml --key keys/sk.pub");
    approve(&mut ada);
    expect(&mut ada, "sealed and appended to");
    expect(&mut ada, "exit=5");
    let (code, report) = gate(&site);
    assert_eq!((code, missing_steps(&report)), (5, vec!["Security"]), "{report}");
    let (code, text) = site.run(&["verify", "review-log.jsonl"]);
    assert_eq!(code, 0, "{text}");
}

#[test]
fn two_harmless_changes_that_are_privileged_together_want_a_security_key_each() {
    let site = Site::new();
    let plan = fs::read_to_string(site.demo().join("plan.yaml")).unwrap();
    let (head, changes) = plan.split_once("changes:\n").unwrap();
    let (_, two) = changes.split_once("  # Two changes that look harmless").unwrap();
    fs::write(site.demo().join("plan.yaml"), format!("{head}changes:\n  # Two changes that look harmless{two}"))
        .unwrap();
    site.sign("plan.yaml");
    let (_, text) = site.run(&["check", "plan.yaml", "--format", "json"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    let changes = report["changes"].as_array().unwrap();
    assert!(changes.len() == 2 && changes.iter().all(|c| c["privileged"] == true), "{report}");
    let mut free = site.sit("plan.yaml --key keys/ada.pub");
    expect(&mut free, "? keys");
    key(&mut free, "a");
    expect(&mut free, "Type `job-starter`");
    key(&mut free, "\u{3}");
    expect(&mut free, "exit=130");
    site.append("review.yaml", "parameters: {require_security_key: true}\n");
    for person in ["ada", "bo"] {
        let mut sitting = site.sit(&format!("plan.yaml --key keys/{person}.pub"));
        expect(&mut sitting, "nothing here that you can decide");
    }
}

#[test]
fn an_approval_by_another_key_stops_counting_once_the_site_wants_a_security_key() {
    let (site, _agent) = site();
    site.replace("review.yaml", "require_security_key: true", "require_security_key: false");
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    approve(&mut ada);
    expect(&mut ada, "sealed and appended to");
    assert_eq!(missing_steps(&gate(&site).1), ["Security"]);
    site.replace("review.yaml", "require_security_key: false", "require_security_key: true");
    assert_eq!(missing_steps(&gate(&site).1), ["Owner", "Security"]);
}

#[test]
fn a_signature_without_a_touch_is_refused_and_the_journal_stays() {
    let (site, agent) = site();
    agent.next(0, 1);
    let mut ada = site.sit_beside(Some(&agent.socket), "plan.yaml --key keys/sk.pub");
    approve(&mut ada);
    expect(&mut ada, "are in the journal");
    expect(&mut ada, "requires a touch");
    expect(&mut ada, "exit=1");
    assert!(!site.log().exists());
    let journal = fs::read_dir(site.demo())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.to_string_lossy().contains("journal"))
        .expect("the journal stays");
    assert!(fs::read_to_string(journal).unwrap().contains("\"type\":\"decision\""));
}

#[test]
fn a_key_that_nobody_touches_is_named_and_the_journal_stays() {
    let (site, agent) = site();
    agent.next(agent::NOBODY, 1);
    let mut ada = site.sit_beside(Some(&agent.socket), "plan.yaml --key keys/sk.pub");
    approve(&mut ada);
    let said = ada.exp_string("exit=1").unwrap();
    let said = unbroken(&said);
    assert!(
        said.contains("the security key of `keys/sk.pub` was not touched") && said.contains("in the journal"),
        "{said}"
    );
    assert!(!site.log().exists());
    // Once it is touched, the same decision goes on from the journal.
    agent.next(1, 2);
    let mut ada = site.sit_beside(Some(&agent.socket), "resume --key keys/sk.pub");
    expect(&mut ada, "Your decisions from the interrupted review");
    expect(&mut ada, "? keys");
    key(&mut ada, "g");
    approve(&mut ada);
    expect(&mut ada, "sealed and appended to");
}

#[test]
fn what_policy_demands_of_the_key_is_asked_again_on_the_signature() {
    let (site, agent) = site();
    let policy = "@id(\"site-pin\") @title(\"Privileged changes want a PIN\") @advice(\"Use a key made with verify-required\") \
                  @control(\"NIST SP 800-63B AAL3\") @severity(\"high\")\n\
                  forbid (principal, action in Action::\"Approve\", resource) when { resource.privileged } unless { context.key.userVerified };\n";
    fs::write(site.demo().join("policies/site.cedar"), policy).unwrap();
    agent.next(1, 1);
    let mut ada = site.sit_beside(Some(&agent.socket), "plan.yaml --key keys/sk.pub");
    approve(&mut ada);
    expect(&mut ada, "does not prove what policy requires for `c2`");
    expect(&mut ada, "exit=1");
    assert!(!site.log().exists());
    forget_journals(&site);
    agent.next(5, 2);
    let mut ada = site.sit_beside(Some(&agent.socket), "plan.yaml --key keys/sk.pub");
    approve(&mut ada);
    expect(&mut ada, "sealed and appended to");
    assert_eq!(missing_steps(&gate(&site).1), ["Security"]);
}

#[test]
fn a_counter_that_goes_backwards_is_a_warning() {
    let (site, agent) = site();
    let reject = |counter: u32, decision: &str| {
        agent.next(1, counter);
        let mut ada = site.sit_beside(Some(&agent.socket), "plan.yaml --key keys/sk.pub");
        if decision == "approve" {
            approve(&mut ada);
            expect(&mut ada, "sealed and appended to");
        } else {
            expect(&mut ada, "? keys");
            key(&mut ada, "r");
            expect(&mut ada, "Enter: send");
            key(&mut ada, "no\r");
            seal(&mut ada, 4);
        }
    };
    reject(7, "approve");
    let (_, text) = site.run(&["verify", "review-log.jsonl"]);
    assert!(!text.contains("log-counter-backwards"), "{text}");
    site.replace("plan.yaml", "ttl: 2h", "ttl: 1h");
    site.sign("plan.yaml");
    reject(7, "reject");
    let (code, text) = site.run(&["verify", "review-log.jsonl"]);
    assert!(code == 0 && text.contains("log-counter-backwards") && text.contains("is 7, but it was 7"), "{text}");
}

#[test]
fn a_machines_key_never_approves() {
    let site = Site::new();
    // A certificate of the assistant's authority, over Ada's own key: it proves the plan, and bars her.
    site.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", "keys/ca"]);
    site.keygen(&["-q", "-s", "keys/ca", "-I", "run", "-n", "assistant", "-V", "-1m:+1h", "keys/ada.pub"]);
    let authority = site.public_key("ca");
    let agents = format!(
        "version: 1\nagents:\n  - id: spiffe://corp.example/agent/access-assistant\n    proof:\n      - {{method: certificate, authority: \"{authority}\", principal: assistant}}\n"
    );
    fs::write(site.demo().join("agents.yaml"), agents).unwrap();
    let (code, text) = site.run(&["plan", "sign", "plan.yaml", "--replace", "--key", "keys/ada-cert.pub"]);
    assert!(code == 0 && !text.contains("warning"), "{text}");
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    expect(&mut ada, "nothing here that you can decide");
    let (_, report) = gate(&site);
    let owner = report["changes"].as_array().unwrap().iter().find(|c| c["id"] == "c1").unwrap();
    assert!(!owner["steps"].to_string().contains("`ada`"), "{owner}");
}

#[test]
fn a_proposers_certificate_that_names_an_approver_bars_that_approver() {
    let site = Site::new();
    site.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", "keys/ca"]);
    site.keygen(&[
        "-q",
        "-s",
        "keys/ca",
        "-I",
        "run",
        "-n",
        "assistant,bo@corp.example",
        "-V",
        "-1m:+1h",
        "keys/assistant.pub",
    ]);
    let authority = site.public_key("ca");
    let agents = format!(
        "version: 1\nagents:\n  - id: spiffe://corp.example/agent/access-assistant\n    proof:\n      - {{method: certificate, authority: \"{authority}\", principal: assistant}}\n"
    );
    fs::write(site.demo().join("agents.yaml"), agents).unwrap();
    site.run(&["plan", "sign", "plan.yaml", "--key", "keys/assistant-cert.pub"]);
    let (_, report) = gate(&site);
    let privileged = report["changes"].as_array().unwrap().iter().find(|c| c["id"] == "c2").unwrap();
    assert!(!privileged["steps"].to_string().contains("`bo`"), "{privileged}");
    assert!(privileged["steps"].to_string().contains("`ada`"), "{privileged}");
}

#[test]
fn a_wrong_passphrase_leaves_the_journal_and_no_passphrase_is_ever_shown() {
    let (site, _agent) = site();
    site.replace("review.yaml", "require_security_key: true", "require_security_key: false");
    site.keygen(&["-q", "-p", "-P", "", "-N", "correct horse", "-f", "keys/ada"]);
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    approve(&mut ada);
    expect(&mut ada, "Enter passphrase");
    key(&mut ada, "wrong donkey\r");
    let said = ada.exp_string("exit=1").unwrap();
    assert!(said.contains("passphrase") && said.contains("are in the journal"), "{said}");
    assert!(!said.contains("donkey"), "{said}");
    assert!(!site.log().exists());
    // With the right one the same decision is sealed, and the passphrase is nowhere.
    forget_journals(&site);
    let mut again = site.sit("plan.yaml --key keys/ada.pub");
    approve(&mut again);
    expect(&mut again, "Enter passphrase");
    key(&mut again, "correct horse\r");
    expect(&mut again, "sealed and appended to");
    for entry in fs::read_dir(site.demo()).unwrap() {
        let path = entry.unwrap().path();
        let holds = path.is_file() && String::from_utf8_lossy(&fs::read(&path).unwrap()).contains("correct horse");
        assert!(!holds, "{} holds the passphrase", path.display());
    }
}

#[test]
fn an_agent_that_is_not_there_and_a_key_that_is_nowhere_are_named() {
    let (site, agent) = site();
    for (socket, file) in [("nowhere.sock", "keys/sk.pub"), ("agent.sock", "keys/absent.pub")] {
        let mut ada = site.sit_beside(Some(&site.demo().join(socket)), &format!("plan.yaml --key {file}"));
        if file == "keys/sk.pub" {
            approve(&mut ada);
        }
        let said = ada.exp_string("exit=1").unwrap();
        assert!(said.contains("help:"), "{said}");
        assert!(!site.log().exists());
    }
    fs::write(site.demo().join("keys/broken.pub"), "ssh-ed25519 AAAA\n").unwrap();
    let mut ada = site.sit_beside(Some(&agent.socket), "plan.yaml --key keys/broken.pub");
    let said = ada.exp_string("exit=1").unwrap();
    assert!(said.contains("help:"), "{said}");
}
