//! Who proposes never approves: by the person, by the key, and by what a certificate says, in the terminal and at the gate.

use std::fs;

use serde_json::Value;

use crate::support::{ASSISTANT, Site, expect, key, now, seal, unbroken};

/// The demo with its first change alone, which its owner decides: Ada, or Cy of the group of owners.
fn site() -> Site {
    let site = Site::new();
    let plan = fs::read_to_string(site.demo().join("plan.yaml")).unwrap();
    let (head, changes) = plan.split_once("changes:\n").unwrap();
    let (ordinary, _) = changes.split_once("  # A privileged change").unwrap();
    fs::write(site.demo().join("plan.yaml"), format!("{head}changes:\n{ordinary}")).unwrap();
    site.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", "keys/cy"]);
    site.append(
        "allowed_signers",
        &format!("cy@corp.example namespaces=\"review-seal@v1\" {}\n", site.public_key("cy")),
    );
    site.replace(
        "people.yaml",
        "groups:\n",
        "  - {id: cy, name: Cy, principals: [cy@corp.example], identities: [\"user:cy\"]}\ngroups:\n  owners: [cy]\n",
    );
    site.sign("plan.yaml");
    site
}

/// Lets a person propose, who proves it in this way, and signs the plan with this key.
fn proposed_by(site: &Site, person: &str, proof: &str, with: &str) {
    site.replace("plan.yaml", &format!("proposer: {ASSISTANT}\n"), &format!("proposer: {person}\n"));
    site.append("agents.yaml", &format!("  - id: {person}\n    kind: person\n    proof:\n      - {proof}\n"));
    site.replace("tasks.yaml", &format!("[{ASSISTANT}]"), &format!("[\"{person}\"]"));
    let (code, text) = site.run(&["plan", "sign", "plan.yaml", "--key", with]);
    assert!(code == 0 && !text.contains("warning"), "{text}");
}

fn window() -> String {
    let at = |seconds: i64| review::input::time::Time::from_unix(now().unix() + seconds);
    format!("valid_after: {}, valid_before: {}", at(-60), at(3_600))
}

fn gate(site: &Site) -> (i32, Value) {
    let (code, text) = site.run(&["gate", "plan.yaml", "--trust", ".", "--format", "json"]);
    (code, serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}")))
}

/// Who could take the step that is missing, as the gate says.
fn could(site: &Site) -> String {
    let (code, report) = gate(site);
    assert_eq!(code, 5, "{report}");
    report["changes"][0]["steps"].to_string()
}

fn cannot_decide(site: &Site, with: &str) {
    let mut sitting = site.sit(&format!("plan.yaml --key {with}"));
    expect(&mut sitting, "nothing here that you can decide");
    expect(&mut sitting, "exit=5");
    assert!(!site.log().exists(), "nothing was decided");
}

fn approve(site: &Site, with: &str) {
    let mut sitting = site.sit(&format!("plan.yaml --key {with}"));
    expect(&mut sitting, "? keys");
    key(&mut sitting, "a");
    expect(&mut sitting, "Type `yes`");
    expect(&mut sitting, "Enter: send");
    key(&mut sitting, "yes\r");
    seal(&mut sitting, 0);
}

#[test]
fn a_person_who_proposes_is_barred_by_any_of_their_identities() {
    let site = site();
    assert!(could(&site).contains("`ada`") && could(&site).contains("`cy`"), "{}", could(&site));
    site.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", "keys/ada-proposes"]);
    site.replace("people.yaml", "[\"user:ada\"]", "[\"user:ada\", \"user:ada-at-work\"]");
    let proof = format!("{{method: key, key: \"{}\", {}}}", site.public_key("ada-proposes"), window());
    proposed_by(&site, "user:ada-at-work", &proof, "keys/ada-proposes");
    assert!(!could(&site).contains("`ada`") && could(&site).contains("`cy`"), "{}", could(&site));
    cannot_decide(&site, "keys/ada.pub");
    approve(&site, "keys/cy.pub");
    assert_eq!(gate(&site).0, 0);
}

#[test]
fn a_person_who_is_no_proposer_of_agents_yaml_proposes_nothing() {
    let site = site();
    site.replace("plan.yaml", &format!("proposer: {ASSISTANT}\n"), "proposer: user:ada\n");
    fs::remove_file(site.demo().join("plan.yaml.sig")).unwrap();
    let (code, report) = gate(&site);
    assert!(code == 3 && report["findings"].to_string().contains("unknown-proposer"), "{report}");
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    expect(&mut ada, "`user:ada` is not a proposer in agents.yaml");
    expect(&mut ada, "exit=3");
}

#[test]
fn the_key_that_proved_a_persons_plan_approves_nothing_of_it() {
    let site = site();
    // Lena proposes with a certificate over Ada's key.
    site.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", "keys/ca"]);
    site.keygen(&["-q", "-s", "keys/ca", "-I", "x", "-n", "lena-proposes", "-V", "-1m:+1h", "keys/ada.pub"]);
    let proof = format!("{{method: certificate, authority: \"{}\", principal: lena-proposes}}", site.public_key("ca"));
    site.replace("plan.yaml", "on_behalf_of: user:lena\n", "");
    proposed_by(&site, "user:lena", &proof, "keys/ada-cert.pub");
    let (_, report) = gate(&site);
    assert!(
        !report["findings"].to_string().contains("agent-overbroad"),
        "what a person holds is no assistant's reach: {report}"
    );
    assert!(!could(&site).contains("`ada`") && could(&site).contains("`cy`"), "{}", could(&site));
    cannot_decide(&site, "keys/ada.pub");
    approve(&site, "keys/cy.pub");
}

#[test]
fn a_proof_that_names_an_approvers_principal_bars_that_approver() {
    let site = site();
    site.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", "keys/ca"]);
    site.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", "keys/lena"]);
    let names = "lena-proposes,ada@corp.example";
    site.keygen(&["-q", "-s", "keys/ca", "-I", "x", "-n", names, "-V", "-1m:+1h", "keys/lena.pub"]);
    let proof = format!("{{method: certificate, authority: \"{}\", principal: lena-proposes}}", site.public_key("ca"));
    site.replace("plan.yaml", "on_behalf_of: user:lena\n", "");
    proposed_by(&site, "user:lena", &proof, "keys/lena-cert.pub");
    assert!(!could(&site).contains("`ada`") && could(&site).contains("`cy`"), "{}", could(&site));
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    let card = ada.exp_string("? keys").unwrap();
    assert!(!card.contains("a approve"), "{card}");
    key(&mut ada, "a");
    expect(&mut ada, "this key has no effect here");
    key(&mut ada, "q");
    expect(&mut ada, "exit=5");
    approve(&site, "keys/cy.pub");
    assert_eq!(gate(&site).0, 0);
}

#[test]
fn a_proposer_is_no_approver_unless_a_person_proposes() {
    let site = site();
    site.append("agents.yaml", "  - id: user:ada\n");
    let (code, text) = site.run(&["trust", "check"]);
    assert!(code == 1 && text.contains("machine-approver"), "{text}");
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    expect(&mut ada, "machine-approver");
    expect(&mut ada, "exit=1");
}

/// Has one authority certify people for review, and Ada's key for these names.
fn certified(site: &Site, names: &str) {
    site.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", "keys/ca"]);
    let authority = site.public_key("ca");
    let signers = format!("*@corp.example cert-authority,namespaces=\"review-seal@v1\" {authority}\n");
    fs::write(site.demo().join("allowed_signers"), signers).unwrap();
    site.keygen(&["-q", "-s", "keys/ca", "-I", "x", "-n", names, "-V", "-1m:+1h", "keys/ada.pub"]);
}

/// Lets another agent prove its plans in this way.
fn other_agent(site: &Site, proof: &str) {
    site.append(
        "agents.yaml",
        &format!("  - id: agent:other\n    max_credential_ttl: 1d\n    proof:\n      - {proof}\n"),
    );
    let (code, text) = site.run(&["trust", "check"]);
    assert!(code == 0, "the files alone do not show it: {text}");
}

#[test]
fn a_certificate_that_names_another_agents_principal_decides_nothing() {
    let site = site();
    certified(&site, "ada@corp.example,other-agent");
    let by = |principal: &str, authority: &str| {
        format!("{{method: certificate, authority: \"{}\", principal: {principal}}}", site.public_key(authority))
    };
    // The same name by another authority is somebody else's.
    site.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", "keys/elsewhere"]);
    let agents = fs::read_to_string(site.demo().join("agents.yaml")).unwrap();
    other_agent(&site, &by("other-agent", "elsewhere"));
    approve(&site, "keys/ada-cert.pub");
    assert_eq!(gate(&site).0, 0);
    // What was approved with it stops counting once the agent is known by that name.
    fs::write(site.demo().join("agents.yaml"), agents).unwrap();
    other_agent(&site, &by("other-agent", "ca"));
    let (code, report) = gate(&site);
    assert!(
        code == 5 && report["findings"].to_string().contains("but that key proves the plans of `agent:other`"),
        "{report}"
    );
    assert!(report["findings"].to_string().contains("with a key and a certificate that no proposer has"), "{report}");
    assert_eq!(site.run(&["verify", "review-log.jsonl"]).0, 0, "who signed is not in doubt");
    // A clean certificate over the same key does not make it hers again.
    site.keygen(&["-q", "-s", "keys/ca", "-I", "x", "-n", "ada@corp.example", "-V", "-1m:+1h", "keys/ada.pub"]);
    let mut ada = site.sit("plan.yaml --key keys/ada-cert.pub");
    let said = ada.exp_string("exit=1").unwrap();
    assert!(said.contains("signed in this log with another certificate") && said.contains("`agent:other`"), "{said}");
    let names = "ada@corp.example,other-agent";
    site.keygen(&["-q", "-s", "keys/ca", "-I", "x", "-n", names, "-V", "-1m:+1h", "keys/ada.pub"]);
    fs::remove_file(site.log()).unwrap();
    site.forget_heads();
    let mut ada = site.sit("plan.yaml --key keys/ada-cert.pub");
    let said = ada.exp_string("exit=1").unwrap();
    assert!(said.contains("you cannot decide with this key") && said.contains("`agent:other`"), "{said}");
    assert!(!site.log().exists());
}

#[test]
fn a_certificate_over_an_agents_key_decides_nothing() {
    let site = site();
    certified(&site, "ada@corp.example");
    approve(&site, "keys/ada-cert.pub");
    assert_eq!(gate(&site).0, 0);
    other_agent(&site, &format!("{{method: key, key: \"{}\", {}}}", site.public_key("ada"), window()));
    let (code, report) = gate(&site);
    assert!(
        code == 5 && report["findings"].to_string().contains("but that key proves the plans of `agent:other`"),
        "{report}"
    );
    fs::remove_file(site.log()).unwrap();
    site.forget_heads();
    let mut ada = site.sit("plan.yaml --key keys/ada-cert.pub");
    let said = ada.exp_string("exit=1").unwrap();
    assert!(said.contains("you cannot decide with this key") && said.contains("`agent:other`"), "{said}");
}

#[test]
fn no_override_counts_that_a_proposers_certificate_signed() {
    let site = Site::new();
    let plan = fs::read_to_string(site.demo().join("plan.yaml")).unwrap();
    let (head, changes) = plan.split_once("changes:\n").unwrap();
    let (_, denied) = changes.split_once("  # A denied change").unwrap();
    let (denied, _) = denied.split_once("  # An automatic change").unwrap();
    fs::write(site.demo().join("plan.yaml"), format!("{head}changes:\n  # A denied change{denied}")).unwrap();
    site.sign("plan.yaml");
    site.replace("people.yaml", "break-glass: [bo]", "break-glass: [ada]");
    certified(&site, "ada@corp.example,other-agent");
    let mut ada = site.sit("plan.yaml --key keys/ada-cert.pub");
    expect(&mut ada, "? keys");
    key(&mut ada, "o");
    for (asked, line) in [("Reason to", "the ledger is down"), ("Type `ledger-admin`", "ledger-admin")] {
        expect(&mut ada, asked);
        expect(&mut ada, "Enter: send");
        key(&mut ada, &format!("{line}\r"));
    }
    expect(&mut ada, "? keys");
    key(&mut ada, "f");
    seal(&mut ada, 5);
    assert_eq!(gate(&site).0, 5, "set aside; the steps are missing");
    let authority = site.public_key("ca");
    other_agent(&site, &format!("{{method: certificate, authority: \"{authority}\", principal: other-agent}}"));
    assert_eq!(gate(&site).0, 3, "denied again");
}

#[test]
fn a_key_that_proves_one_plan_of_a_run_approves_no_other() {
    let site = site();
    site.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", "keys/ca"]);
    site.keygen(&["-q", "-s", "keys/ca", "-I", "x", "-n", "other-agent", "-V", "-1m:+1h", "keys/ada.pub"]);
    let proof = format!("{{method: certificate, authority: \"{}\", principal: other-agent}}", site.public_key("ca"));
    other_agent(&site, &proof);
    let plan = fs::read_to_string(site.demo().join("plan.yaml")).unwrap();
    let other = plan.replace("PLAN-DEMO-1", "PLAN-DEMO-2").replace(ASSISTANT, "agent:other").replace("4h", "3h");
    fs::write(site.demo().join("other.yaml"), other).unwrap();
    let (code, text) = site.run(&["plan", "sign", "other.yaml", "--key", "keys/ada-cert.pub"]);
    assert_eq!(code, 0, "{text}");
    approve(&site, "keys/ada.pub");
    assert_eq!(gate(&site).0, 0);
    for plans in [["plan.yaml", "other.yaml"], ["other.yaml", "plan.yaml"]] {
        let (_, text) = site.run(&["gate", plans[0], plans[1], "--trust", ".", "--format", "json"]);
        let report: Value = serde_json::from_str(&text).unwrap();
        let said = report["findings"].to_string();
        assert!(said.contains("but that key proves the plans of `agent:other`"), "{plans:?}: {said}");
    }
}

#[test]
fn a_person_who_proposes_with_the_key_that_decides_is_told_to_use_a_second_one() {
    let site = site();
    let key = site.public_key("ada");
    let proof = format!("{{method: key, key: \"{key}\", {}}}", window());
    site.append("agents.yaml", &format!("  - id: user:ada\n    kind: person\n    proof:\n      - {proof}\n"));
    let (code, text) = site.run(&["trust", "check"]);
    let text = unbroken(&text);
    assert!(
        code == 1
            && text.contains("the key that proves plans of the person `user:ada` is also an approver's key, in line"),
        "{text}"
    );
    assert!(text.contains("use a second key to propose with") && !text.contains("a machine cannot"), "{text}");
}
