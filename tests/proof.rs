//! Who wrote a plan: each way to prove it, and each trick with a proof, through the whole program.

use std::fs;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use ed25519_dalek::Signer as _;
use review::input::time::Time;
use serde_json::{Value, json};

use crate::support::{ASSISTANT, Site, expect, key, now, seal, unbroken};

const ISSUER: &str = "https://issuer.corp.example";

fn check(site: &Site) -> (i32, Value) {
    let (code, text) = site.run(&["check", "plan.yaml", "--format", "json"]);
    (code, serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}")))
}

/// What a command says, whatever the width it was wrapped to.
fn said(site: &Site, arguments: &[&str]) -> (i32, String) {
    let (code, text) = site.run(arguments);
    (code, unbroken(&text))
}

/// The demo's plan without the change that policy denies, so that nothing but the proof can deny it.
fn harmless(site: &Site) {
    let path = site.demo().join("plan.yaml");
    let plan = fs::read_to_string(&path).unwrap();
    let (before, rest) = plan.split_once("  # A denied change").unwrap();
    let (_, after) = rest.split_once("  # An automatic change").unwrap();
    let (after, _) = after.split_once("  # Two changes that look harmless").unwrap();
    fs::write(path, format!("{before}  # An automatic change{after}")).unwrap();
}

fn signed() -> Site {
    let site = Site::new();
    harmless(&site);
    site.sign("plan.yaml");
    site
}

/// Why the plan's proof is refused; the plan is denied, and nobody can approve any of it.
fn refused(site: &Site) -> String {
    let (code, report) = check(site);
    assert_eq!(code, 3, "{report}");
    let found = report["findings"].as_array().unwrap();
    let why: Vec<&str> = found
        .iter()
        .filter(|f| ["bad-proof", "unproven-proposer"].contains(&f["code"].as_str().unwrap()))
        .map(|f| f["message"].as_str().unwrap())
        .collect();
    assert_eq!(why.len(), 1, "{report}");
    assert!(found.iter().any(|f| f["code"] == "bad-proof" || f["code"] == "unproven-proposer"));
    let (code, gate) = site.run(&["gate", "plan.yaml", "--trust", ".", "--format", "json"]);
    assert_eq!(code, 3, "{gate}");
    for format in ["text", "sarif", "junit", "github", "gitlab", "markdown"] {
        let (code, text) = site.run(&["check", "plan.yaml", "--format", format]);
        assert_eq!(code, 3, "{format}: {text}");
    }
    why[0].to_owned()
}

/// Replaces the proofs of the demo's agent.
fn prove_by(site: &Site, proof: &str) {
    let agents = format!(
        "version: 1\nagents:\n  - id: {ASSISTANT}\n    max_credential_ttl: 1d\n    proof:\n      - {proof}\n    may_hold: []\n"
    );
    fs::write(site.demo().join("agents.yaml"), agents).unwrap();
}

#[test]
fn a_plan_signed_by_the_key_of_its_proposer_passes_and_says_so() {
    let site = signed();
    let (code, text) = said(&site, &["check", "plan.yaml"]);
    assert!(code == 0 && text.contains("proven by its key"), "{text}");
}

#[test]
fn a_plan_without_a_proof_is_denied() {
    let site = signed();
    fs::remove_file(site.demo().join("plan.yaml.sig")).unwrap();
    assert!(refused(&site).contains("no proof next to `plan.yaml` shows that"), "{}", refused(&site));
    // Where agents.yaml agrees on no proof, the shipped policies deny.
    fs::write(site.demo().join("agents.yaml"), format!("version: 1\nagents:\n  - id: {ASSISTANT}\n")).unwrap();
    let (code, report) = check(&site);
    assert_eq!(code, 3);
    assert!(report["findings"].to_string().contains("agent-unproven"), "{report}");
}

#[test]
fn a_plan_without_a_proof_can_be_rejected_and_never_approved() {
    let site = signed();
    fs::remove_file(site.demo().join("plan.yaml.sig")).unwrap();
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    expect(&mut ada, "Before you decide");
    expect(&mut ada, "no proof next to `plan.yaml` shows that");
    expect(&mut ada, "g go on");
    key(&mut ada, "g");
    expect(&mut ada, "a policy denies the whole plan");
    expect(&mut ada, "not proven: no valid proof");
    expect(&mut ada, "r reject");
    key(&mut ada, "a");
    expect(&mut ada, "this key has no effect here");
    key(&mut ada, "r");
    expect(&mut ada, "Enter: send");
    key(&mut ada, "who wrote this?\r");
    expect(&mut ada, "? keys");
    key(&mut ada, "s");
    seal(&mut ada, 3);
}

#[test]
fn an_edited_plan_is_denied() {
    let site = signed();
    site.replace("plan.yaml", "ttl: 4h", "ttl: 5h");
    assert!(refused(&site).contains("does not prove"), "{}", refused(&site));
}

#[test]
fn a_signature_for_another_purpose_is_denied() {
    let site = signed();
    fs::remove_file(site.demo().join("plan.yaml.sig")).unwrap();
    site.keygen(&["-q", "-Y", "sign", "-n", "review-seal@v1", "-f", "keys/assistant", "plan.yaml"]);
    assert!(refused(&site).contains("namespace `review-seal@v1`"), "{}", refused(&site));
}

#[test]
fn trailing_junk_behind_a_signature_is_denied() {
    let site = signed();
    let path = site.demo().join("plan.yaml.sig");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{text}x")).unwrap();
    refused(&site);
    fs::write(&path, b"").unwrap();
    refused(&site);
    fs::write(&path, "A".repeat(30_000)).unwrap();
    assert!(refused(&site).contains("longer than"));
}

#[test]
fn a_foreign_key_is_denied_and_that_of_another_agent_is_named() {
    let site = signed();
    let (code, text) = site.run(&["plan", "sign", "plan.yaml", "--replace", "--key", "keys/ada.pub"]);
    assert!(code == 0 && text.contains("warning: this signature will not be accepted"), "{text}");
    assert!(refused(&site).contains("agents.yaml does not list the key"));
    let agents = fs::read_to_string(site.demo().join("agents.yaml")).unwrap();
    site.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", "keys/other"]);
    let other = format!(
        "{agents}  - id: agent:other\n    proof:\n      - {{method: key, key: \"{}\"}}\n",
        site.public_key("other")
    );
    fs::write(site.demo().join("agents.yaml"), other).unwrap();
    site.run(&["plan", "sign", "plan.yaml", "--replace", "--key", "keys/other"]);
    assert!(refused(&site).contains("the proof is by `agent:other`"), "{}", refused(&site));
}

#[test]
fn two_proofs_prove_nothing_and_neither_does_one_that_cannot_be_read() {
    let site = signed();
    fs::write(site.demo().join("plan.yaml.jwt"), "a.b.c").unwrap();
    assert!(refused(&site).contains("both `plan.yaml.sig` and `plan.yaml.jwt`"));
    fs::remove_file(site.demo().join("plan.yaml.sig")).unwrap();
    fs::remove_file(site.demo().join("plan.yaml.jwt")).unwrap();
    fs::create_dir(site.demo().join("plan.yaml.sig")).unwrap();
    assert!(refused(&site).contains("not a regular file"));
    fs::remove_dir(site.demo().join("plan.yaml.sig")).unwrap();
    std::os::unix::fs::symlink("nowhere", site.demo().join("plan.yaml.sig")).unwrap();
    assert!(refused(&site).contains("cannot be read"));
}

#[test]
fn a_key_that_ended_that_is_valid_only_later_or_without_an_end_is_denied() {
    let site = signed();
    let key = site.public_key("assistant");
    let with = |window: &str| prove_by(&site, &format!("{{method: key, key: \"{key}\"{window}}}"));
    with(", valid_after: 2020-01-01T00:00:00Z, valid_before: 2020-01-02T00:00:00Z");
    assert!(refused(&site).contains("the key expired at 2020-01-02T00:00:00Z"));
    with(", valid_after: 2090-01-01T00:00:00Z, valid_before: 2090-01-02T00:00:00Z");
    assert!(refused(&site).contains("the key is valid only from 2090"));
    with(", valid_after: 2020-01-01T00:00:00Z, valid_before: 2090-01-02T00:00:00Z");
    assert!(refused(&site).contains("max_credential_ttl"));
    with("");
    assert!(refused(&site).contains("has no expiry"));
    // Without a limit of the agent's own, the parameter of the shipped policies rules.
    for window in ["", ", valid_after: 2020-01-01T00:00:00Z, valid_before: 2090-01-02T00:00:00Z"] {
        with(window);
        site.replace("agents.yaml", "    max_credential_ttl: 1d\n", "");
        let (code, report) = check(&site);
        assert!(code == 3 && report["findings"].to_string().contains("agent-long-lived-credential"), "{report}");
    }
}

#[test]
fn a_revoked_key_proves_nothing() {
    let site = signed();
    fs::write(site.demo().join("revoked_keys"), format!("# lost\n{} old\n", site.public_key("assistant"))).unwrap();
    assert!(refused(&site).contains("is revoked"));
    fs::write(site.demo().join("revoked_keys"), "not a key\n").unwrap();
    let (code, text) = site.run(&["check", "plan.yaml"]);
    assert!(code == 1 && text.contains("bad-revocation") && text.contains("revoked_keys:1"), "{text}");
}

#[test]
fn a_short_lived_certificate_proves_its_principal_alone() {
    let site = signed();
    site.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", "keys/ca"]);
    let certify = |principal: &str, window: &str| {
        let _ = fs::remove_file(site.demo().join("keys/assistant-cert.pub"));
        site.keygen(&["-q", "-s", "keys/ca", "-I", "run", "-n", principal, "-V", window, "keys/assistant.pub"]);
        site.run(&["plan", "sign", "plan.yaml", "--key", "keys/assistant-cert.pub"])
    };
    let authority = site.public_key("ca");
    prove_by(&site, &format!("{{method: certificate, authority: \"{authority}\", principal: assistant}}"));
    let (code, text) = certify("assistant", "-1m:+1h");
    assert!(code == 0 && !text.contains("warning"), "{text}");
    let (code, text) = said(&site, &["check", "plan.yaml"]);
    assert!(code == 0 && text.contains("proven by its certificate"), "{text}");
    certify("somebody", "-1m:+1h");
    assert!(refused(&site).contains("does not name the principal `assistant`"));
    certify("assistant", "-2h:-1h");
    assert!(refused(&site).contains("the certificate expired at"));
    certify("assistant", "+1h:+2h");
    assert!(refused(&site).contains("the certificate is valid only from"));
    certify("assistant", "-1m:+2d");
    assert!(refused(&site).contains("`max_credential_ttl` of the proposer is 1d"));
    certify("assistant", "always:forever");
    assert!(refused(&site).contains("has no expiry"));
    certify("assistant", "-1m:+1h");
    // Who revokes a certificate by its line means the key in it.
    let certificate = fs::read_to_string(site.demo().join("keys/assistant-cert.pub")).unwrap();
    fs::write(site.demo().join("revoked_keys"), certificate).unwrap();
    assert!(refused(&site).contains("is revoked"));
}

struct Issuer(ed25519_dalek::SigningKey);

impl Issuer {
    /// An issuer whose keys the site holds, for the demo's agent.
    fn of(site: &Site) -> Self {
        let issuer = Self(ed25519_dalek::SigningKey::from_bytes(&[7; 32]));
        let x = Base64UrlUnpadded::encode_string(issuer.0.verifying_key().as_bytes());
        let set = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": x, "kid": "k1", "use": "sig"}]});
        fs::create_dir(site.demo().join("jwks")).unwrap();
        fs::write(site.demo().join("jwks/corp.json"), set.to_string()).unwrap();
        prove_by(
            site,
            &format!(
                "{{method: token, issuer: \"{ISSUER}\", subject: \"{ASSISTANT}\", algorithm: EdDSA, jwks: jwks/corp.json, claims: {{ref: main}}}}"
            ),
        );
        let _ = fs::remove_file(site.demo().join("plan.yaml.sig"));
        issuer
    }

    fn token(&self, site: &Site, change: impl Fn(&mut Value)) -> String {
        let (code, audience) = site.run(&["plan", "sign", "plan.yaml", "--audience"]);
        assert_eq!(code, 0);
        let at = now().unix();
        let mut claims = json!({"iss": ISSUER, "sub": ASSISTANT, "aud": [audience.trim()], "iat": at, "exp": at + 600, "ref": "main"});
        change(&mut claims);
        let part = |value: &Value| Base64UrlUnpadded::encode_string(value.to_string().as_bytes());
        let signed = format!("{}.{}", part(&json!({"alg": "EdDSA", "kid": "k1", "typ": "JWT"})), part(&claims));
        let signature = Base64UrlUnpadded::encode_string(&self.0.sign(signed.as_bytes()).to_bytes());
        let token = format!("{signed}.{signature}");
        fs::write(site.demo().join("plan.yaml.jwt"), format!("{token}\n")).unwrap();
        token
    }
}

#[test]
fn a_token_for_exactly_this_plan_proves_its_subject() {
    let site = signed();
    let issuer = Issuer::of(&site);
    issuer.token(&site, |_| ());
    let (code, text) = said(&site, &["check", "plan.yaml"]);
    assert!(code == 0 && text.contains(&format!("proven by a token of `{ISSUER}`")), "{text}");
}

/// Its name, what it does to the claims, and what is said of it.
type Trick<'a> = (&'a str, &'a dyn Fn(&mut Value), &'a str);

#[test]
fn each_trick_with_a_token_is_refused_and_no_token_is_ever_shown() {
    let site = signed();
    let issuer = Issuer::of(&site);
    let at = now().unix();
    let tricks: &[Trick<'_>] = &[
        (
            "for another plan",
            &|c| c["aud"] = json!([format!("urn:review:plan:sha256:{}", "0".repeat(64))]),
            "not exactly this plan",
        ),
        (
            "for two audiences",
            &|c| c["aud"] = json!([c["aud"][0], "https://api.corp.example"]),
            "not exactly this plan",
        ),
        (
            "expired",
            &|c| {
                c["iat"] = json!(at - 900);
                c["exp"] = json!(at - 300);
            },
            "the token expired at",
        ),
        (
            "from the future",
            &|c| {
                c["iat"] = json!(at + 900);
                c["exp"] = json!(at + 1_500);
            },
            "valid only from",
        ),
        ("too long", &|c| c["exp"] = json!(at + 200_000), "the agent's limit is 1d"),
        (
            "of another subject",
            &|c| c["sub"] = json!("spiffe://corp.example/agent/other"),
            "the token is for the subject",
        ),
        ("of another issuer", &|c| c["iss"] = json!("https://evil.example"), "not by the pinned issuer"),
        ("from another branch", &|c| c["ref"] = json!("pull/7"), "the token's claim `ref`"),
        ("without a subject", &|c| c["sub"] = Value::Null, "no usable claim `sub`"),
    ];
    for (name, trick, expected) in tricks {
        let token = issuer.token(&site, trick);
        let secret = token.rsplit('.').next().unwrap();
        let why = refused(&site);
        assert!(why.contains(expected), "{name}: {why}");
        for format in ["text", "json", "sarif", "junit", "github", "gitlab", "markdown"] {
            let (_, text) = site.run(&["check", "plan.yaml", "--format", format]);
            assert!(!text.contains(secret), "{name}: the token is shown as {format}");
        }
    }
    let token = issuer.token(&site, |_| ());
    for format in ["text", "json", "sarif", "junit", "github", "gitlab", "markdown"] {
        let (code, text) = site.run(&["check", "plan.yaml.jwt", "--format", format]);
        assert_eq!(code, 1, "{text}");
        assert!(token.split('.').all(|part| !text.contains(part)), "a token in a plan's place is shown as {format}");
    }
    let path = site.demo().join("plan.yaml.jwt");
    let bent = |text: &str| {
        fs::write(&path, text).unwrap();
        refused(&site)
    };
    assert!(bent(&token.replacen('.', "..", 1)).contains("three base64url parts"));
    assert!(bent(&format!("{token}A")).contains("does not prove"));
    fs::write(&path, &token).unwrap();
    fs::write(site.demo().join("jwks/corp.json"), r#"{"keys":[]}"#).unwrap();
    assert!(refused(&site).contains("the set has no key `k1`"));
    fs::remove_file(site.demo().join("jwks/corp.json")).unwrap();
    let (code, text) = site.run(&["check", "plan.yaml"]);
    assert!(code == 1 && text.contains("no `jwks/corp.json`") && text.contains("agents.yaml:6:"), "{text}");
}

/// Ada approves the one change that needs her alone, and seals.
fn decide(site: &Site) {
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    expect(&mut ada, "? keys");
    key(&mut ada, "s");
    expect(&mut ada, "2 of 2");
    expect(&mut ada, "? keys");
    key(&mut ada, "a");
    expect(&mut ada, "Enter: send");
    key(&mut ada, "yes\r");
    seal(&mut ada, 5);
}

fn recorded(site: &Site) -> Value {
    let log = fs::read_to_string(site.log()).unwrap();
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.into_iter().find(|line| line["type"] == "plan").unwrap()
}

#[test]
fn the_log_records_the_claims_and_the_digest_of_a_token_and_never_the_token() {
    let site = signed();
    let issuer = Issuer::of(&site);
    let token = issuer.token(&site, |_| ());
    fs::write(site.demo().join("revoked_keys"), "# none so far\n").unwrap();
    decide(&site);
    let plan = recorded(&site);
    assert_eq!((&plan["proof"]["method"], &plan["proof"]["subject"]), (&json!("jwt"), &json!(ASSISTANT)));
    let digest: review::input::digest::Digest<review::input::digest::of::File> =
        review::input::digest::Digest::of(&fs::read(site.demo().join("plan.yaml.jwt")).unwrap());
    assert_eq!(plan["proof"]["sha256"], json!(digest.to_string()));
    let claims: Value = serde_json::from_str(plan["proof"]["claims"]["inline"].as_str().unwrap()).unwrap();
    assert_eq!((&claims["iss"], &claims["pinned"]["ref"]), (&json!(ISSUER), &json!("main")));
    let log = fs::read_to_string(site.log()).unwrap();
    let used = log.lines().next().unwrap();
    assert!(used.contains("\"jwks/corp.json\"") && used.contains("\"revoked_keys\""), "{used}");
    assert!(token.split('.').all(|part| !log.contains(part)));
    let (code, text) = site.run(&["verify", "review-log.jsonl"]);
    assert_eq!(code, 0, "{text}");
}

/// From the record alone, stock `ssh-keygen` says which key signed the plan.
fn stock_tools_name_the_key(site: &Site, plan: &Value) {
    use base64ct::Base64;
    let log = fs::read_to_string(site.log()).unwrap();
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let parts = lines.filter(|line| line["type"] == "blob" && line["sha256"] == plan["sha256"]);
    let bytes: Vec<u8> = parts.flat_map(|part| Base64::decode_vec(part["base64"].as_str().unwrap()).unwrap()).collect();
    let away = tempfile::tempdir().unwrap();
    fs::write(away.path().join("plan"), bytes).unwrap();
    fs::write(away.path().join("sig"), plan["proof"]["signature"].as_str().unwrap()).unwrap();
    let script = "ssh-keygen -Y check-novalidate -n review-plan@v1 -s sig < plan";
    let output = site.command("bash", away.path()).args(["-c", script]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let fingerprint = site.command("ssh-keygen", &site.demo()).args(["-lf", "keys/assistant.pub"]).output().unwrap();
    let fingerprint = String::from_utf8_lossy(&fingerprint.stdout).split(' ').nth(1).unwrap().to_owned();
    assert!(output.status.success() && said.contains(&fingerprint), "{said}");
}

#[test]
fn a_proof_is_judged_at_the_time_when_the_log_first_received_the_plan() {
    let site = signed();
    let before = Time::from_unix(now().unix() - 60);
    decide(&site);
    let plan = recorded(&site);
    assert_eq!(plan["proof"]["method"], "ssh-key");
    assert_eq!(plan["proof"]["signature"], json!(fs::read_to_string(site.demo().join("plan.yaml.sig")).unwrap()));
    let received = Time::parse(plan["received_at"].as_str().unwrap()).unwrap();
    assert!(before <= received);
    stock_tools_name_the_key(&site, &plan);
    let key = site.public_key("assistant");
    prove_by(&site, &format!("{{method: key, key: \"{key}\", valid_after: {before}, valid_before: {received}}}"));
    while now() <= received {
        std::thread::yield_now();
    }
    let (code, text) = said(&site, &["gate", "plan.yaml", "--trust", "."]);
    assert!(code == 5 && text.contains(&format!("received at {received}")), "{text}");
    let (code, text) = site.run(&["check", "plan.yaml"]);
    assert_eq!(code, 0, "{text}");
    // Another session's word is not taken for another plan, nor without the log.
    fs::rename(site.log(), site.demo().join("away.jsonl")).unwrap();
    assert!(refused(&site).contains("the key expired at"));
    fs::rename(site.demo().join("away.jsonl"), site.log()).unwrap();
    site.replace("plan.yaml", "ttl: 4h", "ttl: 3h");
    site.run(&["plan", "sign", "plan.yaml", "--key", "keys/assistant"]);
    assert!(refused(&site).contains("the key expired at"));
}

#[test]
fn signing_needs_a_valid_plan_a_key_and_no_token_beside_it() {
    let site = signed();
    fs::write(site.demo().join("bad.yaml"), "version: 1\nid: P\nchanges: []\n").unwrap();
    let (code, text) = site.run(&["plan", "sign", "bad.yaml", "--key", "keys/assistant"]);
    assert!(code == 3 && text.contains("missing-field") && text.contains("bad.yaml:1"), "{text}");
    assert!(!site.demo().join("bad.yaml.sig").exists());
    let (code, text) = site.run(&["plan", "sign", "plan.yaml", "--key", "keys/nobody"]);
    assert!(code == 1 && text.contains("help:"), "{text}");
    fs::write(site.demo().join("plan.yaml.jwt"), "x").unwrap();
    let (code, text) = site.run(&["plan", "sign", "plan.yaml", "--key", "keys/assistant"]);
    assert!(code == 1 && text.contains("a plan may have only one proof"), "{text}");
    let (code, text) = site.run(&["plan", "sign", "plan.yaml", "--audience"]);
    assert!(code == 0 && text.trim().len() == "urn:review:plan:sha256:".len() + 64, "{text}");
}

#[test]
fn a_recorder_notes_that_a_plan_was_received_once_and_only_with_a_good_proof() {
    let site = signed();
    site.replace("plan.yaml", "claims: {last_used:", "claims: {ticket: T-1, last_used:");
    site.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", "keys/robot"]);
    site.append(
        "allowed_signers",
        &format!("robot@ci.example namespaces=\"review-record@v1\" {}\n", site.public_key("robot")),
    );
    // The change that policy lets pass by itself is taken out: nothing but the reception is left to record.
    let plan = fs::read_to_string(site.demo().join("plan.yaml")).unwrap();
    let (before, _) = plan.split_once("  # An automatic change").unwrap();
    fs::write(site.demo().join("plan.yaml"), before).unwrap();
    let receive = || said(&site, &["record", "plan.yaml", "--receive", "--key", "keys/robot.pub"]);
    let (code, text) = receive();
    assert!(code == 3 && text.contains("bad-proof") && !site.log().exists(), "{text}");
    site.sign("plan.yaml");
    let (code, text) = receive();
    assert!(code == 0 && text.contains("recorded that 1 plan was received"), "{text}");
    let received = Time::parse(recorded(&site)["received_at"].as_str().unwrap()).unwrap();
    let lines = || fs::read_to_string(site.log()).unwrap().lines().count();
    let once = lines();
    assert_eq!(receive().0, 0);
    assert_eq!(lines(), once, "a plan is received once");
    let earlier = Time::from_unix(received.unix() - 60);
    let key = site.public_key("assistant");
    prove_by(&site, &format!("{{method: key, key: \"{key}\", valid_after: {earlier}, valid_before: {received}}}"));
    while now() <= received {
        std::thread::yield_now();
    }
    let (code, text) = said(&site, &["gate", "plan.yaml", "--trust", "."]);
    assert!(code == 5 && text.contains(&format!("received at {received}")), "{text}");
    let (code, text) = site.run(&["verify", "review-log.jsonl"]);
    assert_eq!(code, 0, "{text}");
}

#[test]
fn nobody_signs_over_another_ones_good_signature_by_mistake() {
    let site = signed();
    let signature = || fs::read_to_string(site.demo().join("plan.yaml.sig")).unwrap();
    let sign = |arguments: &[&str]| said(&site, &[&["plan", "sign", "plan.yaml"], arguments].concat());
    let first = signature();
    let (code, text) = sign(&["--key", "keys/ada"]);
    assert!(code == 1 && text.contains("is good for exactly this plan") && text.contains("`--replace`"), "{text}");
    assert_eq!(signature(), first);
    let (code, _) = sign(&["--key", "keys/assistant"]);
    assert_eq!((code, signature() == first), (0, true), "the same key may say the same again");
    let (code, text) = sign(&["--key", "keys/ada", "--replace"]);
    assert!(code == 0 && signature() != first, "{text}");
    // What is not good for the plan any more is in nobody's way.
    site.append("plan.yaml", "# Thought over.\n");
    site.sign("plan.yaml");
    // Short-lived certificates come with a new key each time, and say whose it is.
    site.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", "keys/ca"]);
    let certified = |key: &str, name: &str| {
        let file = format!("keys/{key}");
        site.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", &file]);
        site.keygen(&["-q", "-s", "keys/ca", "-I", "x", "-n", name, "-V", "-1m:+1h", &format!("{file}.pub")]);
        format!("{file}-cert.pub")
    };
    assert_eq!(sign(&["--key", &certified("one", "assistant"), "--replace"]).0, 0);
    let (code, text) = sign(&["--key", &certified("two", "assistant")]);
    assert_eq!(code, 0, "{text}");
    let (code, text) = sign(&["--key", &certified("three", "another")]);
    assert!(code == 1 && text.contains("`--replace`"), "{text}");
}
