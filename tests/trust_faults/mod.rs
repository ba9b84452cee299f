//! Faults of trust files: what is done to the demo, and the finding that `review trust check` reports.

use std::fs;

use crate::support::{ASSISTANT, Site, now};

/// What is done to the demo, the code of the finding, its severity, and where it stands.
pub type Case = (&'static str, fn(&Site), &'static str, &'static str, &'static str);

pub const CASES: &[Case] = &[
    (
        "a date without Z",
        |s| {
            let k = key(s, &["-t", "ed25519"], "n");
            add_signer(s, &format!("ada@corp.example namespaces=\"review-seal@v1\",valid-after=\"20200101\" {k}"));
        },
        "signers-date-not-utc",
        "warning",
        "allowed_signers:4",
    ),
    (
        "a line without namespaces",
        |s| {
            let k = key(s, &["-t", "ed25519"], "n");
            add_signer(s, &format!("ada@corp.example {k}"));
        },
        "signers-without-namespaces",
        "warning",
        "allowed_signers:4",
    ),
    (
        "a line with a typo",
        |s| {
            let k = key(s, &["-t", "ed25519"], "n");
            add_signer(s, &format!("ada@corp.example namespace=\"review-seal@v1\" {k}"));
        },
        "bad-signers-line",
        "error",
        "allowed_signers:4",
    ),
    (
        "CR LF",
        |s| {
            let text = fs::read_to_string(s.demo().join("allowed_signers")).unwrap();
            fs::write(s.demo().join("allowed_signers"), text.replace('\n', "\r\n")).unwrap();
        },
        "signers-carriage-return",
        "warning",
        "allowed_signers:1",
    ),
    (
        "one key for two people",
        |s| {
            let k = s.public_key("ada");
            add_signer(s, &format!("bo@corp.example namespaces=\"review-seal@v1\" {k}"));
        },
        "shared-key",
        "error",
        "allowed_signers:4",
    ),
    (
        "one line for two people",
        |s| {
            let k = key(s, &["-t", "ed25519"], "n");
            add_signer(s, &format!("*@corp.example namespaces=\"review-seal@v1\" {k}"));
        },
        "shared-key",
        "error",
        "allowed_signers:4",
    ),
    (
        "an agent's key among approvers",
        |s| {
            let k = s.public_key("assistant");
            add_signer(s, &format!("ada@corp.example namespaces=\"review-seal@v1\" {k}"));
        },
        "machine-approver",
        "error",
        "agents.yaml:7",
    ),
    (
        "an agent's authority among approvers",
        |s| {
            let k = key(s, &["-t", "ed25519"], "ca");
            add_signer(s, &format!("*@corp.example cert-authority,namespaces=\"review-seal@v1\" {k}"));
            with_agents(
                s,
                &format!("      - {{method: certificate, authority: \"{k}\", principal: bot@corp.example}}\n"),
            );
        },
        "machine-approver",
        "error",
        "agents.yaml:5",
    ),
    (
        "an agent's subject among approvers",
        |s| {
            let k = key(s, &["-t", "ed25519"], "ca");
            with_agents(
                s,
                &format!("      - {{method: certificate, authority: \"{k}\", principal: ada@corp.example}}\n"),
            );
        },
        "machine-approver",
        "error",
        "agents.yaml:5",
    ),
    (
        "an agent among a person's identities",
        |s| {
            s.replace(
                "people.yaml",
                "identities: [\"user:bo\"]",
                &format!("identities: [\"user:bo\", \"{ASSISTANT}\"]"),
            );
        },
        "machine-approver",
        "error",
        "agents.yaml:4",
    ),
    (
        "a key under two agents",
        |s| {
            let k = s.public_key("assistant");
            s.append(
                "agents.yaml",
                &format!(
                    "  - id: agent:other\n    proof:\n      - {{method: key, key: \"{k} other\", {}}}\n",
                    window()
                ),
            );
        },
        "shared-key",
        "error",
        "agents.yaml:11",
    ),
    (
        "a subject under two agents",
        |s| {
            fs::write(s.demo().join("keys.json"), r#"{"keys":[]}"#).unwrap();
            let p = "      - {method: token, issuer: \"https://i.example\", subject: bot, algorithm: ES256, jwks: keys.json}\n";
            with_agents(s, p);
            s.append("agents.yaml", &format!("  - id: agent:other\n    proof:\n{p}"));
        },
        "shared-key",
        "error",
        "agents.yaml:9",
    ),
    (
        "RSA below 3072 bits",
        |s| {
            let k = key(s, &["-t", "rsa", "-b", "2048"], "n");
            add_signer(s, &format!("ada@corp.example namespaces=\"review-seal@v1\" {k}"));
        },
        "weak-key",
        "warning",
        "allowed_signers:4",
    ),
    (
        "an agent's RSA below 3072 bits",
        |s| {
            let k = key(s, &["-t", "rsa", "-b", "2048"], "n");
            with_agents(s, &format!("      - {{method: key, key: \"{k}\", {}}}\n", window()));
        },
        "weak-key",
        "warning",
        "agents.yaml:5",
    ),
    (
        "an RSA key that is refused",
        |s| {
            let k = key(s, &["-t", "rsa", "-b", "1024"], "n");
            add_signer(s, &format!("ada@corp.example namespaces=\"review-seal@v1\" {k}"));
        },
        "weak-key",
        "warning",
        "allowed_signers:4",
    ),
    (
        "a person without a key",
        |s| s.replace("people.yaml", "principals: [bo@corp.example]", "principals: [bo@elsewhere.example]"),
        "person-without-key",
        "warning",
        "people.yaml:5",
    ),
    (
        "a person whose key expired",
        |s| {
            s.replace(
                "allowed_signers",
                "bo@corp.example namespaces=\"review-seal@v1\"",
                "bo@corp.example namespaces=\"review-seal@v1\",valid-before=\"20200101Z\"",
            );
        },
        "person-without-key",
        "warning",
        "people.yaml:5",
    ),
    (
        "an approver without principals",
        |s| s.replace("people.yaml", "break-glass: [bo]", "break-glass: [bo, lena]"),
        "person-without-key",
        "warning",
        "people.yaml:6",
    ),
    (
        "a key of nobody",
        |s| {
            let k = key(s, &["-t", "ed25519"], "n");
            add_signer(s, &format!("eve@corp.example namespaces=\"review-seal@v1\" {k}"));
        },
        "nobodys-key",
        "warning",
        "allowed_signers:4",
    ),
    (
        "a person's key that may record as a machine",
        |s| {
            let k = key(s, &["-t", "ed25519"], "n");
            add_signer(s, &format!("ada@corp.example namespaces=\"review-*@v1\" {k}"));
        },
        "machine-approver",
        "warning",
        "allowed_signers:4",
    ),
    (
        "a task without an owner",
        |s| s.replace("tasks.yaml", "    owner: user:lena\n", ""),
        "task-without-owner",
        "warning",
        "tasks.yaml:4",
    ),
    (
        "a task that an agent owns",
        |s| s.replace("tasks.yaml", "owner: user:lena", &format!("owner: {ASSISTANT}")),
        "not-a-person",
        "error",
        "tasks.yaml:5",
    ),
    (
        "a person whom the export disabled",
        |s| s.replace("snapshot.json", "\"id\": \"user:bo\",", "\"id\": \"user:bo\", \"status\": \"disabled\","),
        "not-a-person",
        "error",
        "people.yaml:5",
    ),
    ("an agent without proof", |s| with_agents(s, "      []\n"), "bad-value", "error", "agents.yaml:5"),
    (
        "an agent with no proof at all",
        |s| fs::write(s.demo().join("agents.yaml"), format!("version: 1\nagents:\n  - id: {ASSISTANT}\n")).unwrap(),
        "agent-without-proof",
        "warning",
        "agents.yaml:3",
    ),
    (
        "an agent whose credentials may last longer than a day",
        |s| s.replace("agents.yaml", "max_credential_ttl: 1d", "max_credential_ttl: 25h"),
        "long-lived-agent",
        "warning",
        "agents.yaml:4",
    ),
    (
        "an agent whose credentials have no limit of their own",
        |s| s.replace("agents.yaml", "    max_credential_ttl: 1d\n", ""),
        "long-lived-agent",
        "warning",
        "agents.yaml:4",
    ),
    (
        "a token that is known by the name of a repository alone",
        |s| {
            fs::create_dir(s.demo().join("jwks")).unwrap();
            fs::write(s.demo().join("jwks/github.json"), "{\"keys\": []}").unwrap();
            let issuer = "https://token.actions.githubusercontent.com";
            let subject = "repo:corp/access:ref:refs/heads/main";
            with_agents(
                s,
                &format!(
                    "      - {{method: token, issuer: \"{issuer}\", subject: \"{subject}\", algorithm: RS256, jwks: jwks/github.json}}\n"
                ),
            );
        },
        "name-only-subject",
        "warning",
        "agents.yaml:5",
    ),
    (
        "an agent's key without an end",
        |s| {
            let k = s.public_key("assistant");
            with_agents(s, &format!("      - {{method: key, key: \"{k}\"}}\n"));
        },
        "endless-credential",
        "warning",
        "agents.yaml:5",
    ),
    (
        "an agent's key that lasts too long",
        |s| {
            let k = s.public_key("assistant");
            with_agents(
                s,
                &format!(
                    "      - {{method: key, key: \"{k}\", valid_after: 2020-01-01T00:00:00Z, valid_before: 2090-01-01T00:00:00Z}}\n"
                ),
            );
        },
        "endless-credential",
        "warning",
        "agents.yaml:5",
    ),
    (
        "an agent's key that ended",
        |s| {
            let k = s.public_key("assistant");
            with_agents(s, &format!("      - {{method: key, key: \"{k}\", valid_before: 2020-01-01T00:00:00Z}}\n"));
        },
        "credential-ended",
        "warning",
        "agents.yaml:5",
    ),
    (
        "a revoked key",
        |s| {
            let k = s.public_key("assistant");
            fs::write(s.demo().join("revoked_keys"), format!("{k}\n")).unwrap();
        },
        "revoked-key-listed",
        "warning",
        "agents.yaml:7",
    ),
    (
        "a revocation list that cannot be read",
        |s| fs::write(s.demo().join("revoked_keys"), "# gone\nbo\n").unwrap(),
        "bad-revocation",
        "error",
        "revoked_keys:2",
    ),
    (
        "an assistant that was quietly given write access",
        |s| {
            s.replace("snapshot.json", "\"assignments\": [", &format!("\"assignments\": [\n    {{\"id\": \"quiet\", \"who\": \"{ASSISTANT}\", \"role\": \"ledger-writer\", \"scope\": \"db:ledger\", \"mode\": \"standing\"}},"));
        },
        "agent-overbroad",
        "warning",
        "agents.yaml:4",
    ),
    (
        "a file that is a link",
        |s| {
            fs::rename(s.demo().join("tasks.yaml"), s.demo().join("t.yaml")).unwrap();
            std::os::unix::fs::symlink("t.yaml", s.demo().join("tasks.yaml")).unwrap();
        },
        "trust-file-link",
        "error",
        "tasks.yaml:1",
    ),
    (
        "a key set that is missing",
        |s| {
            with_agents(
                s,
                "      - {method: token, issuer: \"https://i.example\", subject: bot, algorithm: ES256, jwks: keys.json}\n",
            );
        },
        "bad-value",
        "error",
        "agents.yaml:5",
    ),
    (
        "a pinned key that the set lacks",
        |s| {
            fs::write(s.demo().join("keys.json"), r#"{"keys":[]}"#).unwrap();
            with_agents(
                s,
                "      - {method: token, issuer: \"https://i.example\", subject: bot, algorithm: ES256, jwks: keys.json, key_id: k}\n",
            );
        },
        "bad-value",
        "error",
        "agents.yaml:5",
    ),
    (
        "a task whose scope the export lacks",
        |s| s.replace("tasks.yaml", "scope: [org:corp]", "scope: [org:corq]"),
        "dangling-reference",
        "warning",
        "tasks.yaml:8",
    ),
    (
        "a task whose owner nobody knows",
        |s| s.replace("tasks.yaml", "owner: user:lena", "owner: user:lina"),
        "dangling-reference",
        "warning",
        "tasks.yaml:5",
    ),
    (
        "a task whose sponsor nobody knows",
        |s| s.replace("tasks.yaml", "sponsors: [user:lena]", "sponsors: [user:lina]"),
        "dangling-reference",
        "warning",
        "tasks.yaml:7",
    ),
    (
        "a policy about a place that is not there",
        |s| site_policy(s, "resource has scope && resource.scope in Resource::\"db:ledgr\""),
        "dangling-reference",
        "warning",
        "policies/site.cedar:",
    ),
    (
        "a policy about a name that nothing has",
        |s| site_policy(s, "resource has role && resource.role.name == \"ledger-admim\""),
        "dangling-reference",
        "warning",
        "policies/site.cedar:",
    ),
    (
        "a policy about names that nothing has",
        |s| site_policy(s, "resource has role && resource.role.name like \"pci-*\""),
        "dangling-reference",
        "warning",
        "policies/site.cedar:",
    ),
    (
        "a policy about an identity of a person",
        |s| site_policy(s, "principal == Identity::\"user:bo\""),
        "dangling-reference",
        "warning",
        "policies/site.cedar:",
    ),
    (
        "a policy that does not parse",
        |s| fs::write(s.demo().join("policies/site.cedar"), "permit(\n").unwrap(),
        "bad-policy",
        "error",
        "policies/site.cedar:",
    ),
];

/// Adds a policy of the site with a condition.
pub fn site_policy(site: &Site, condition: &str) {
    fs::create_dir_all(site.demo().join("policies")).unwrap();
    let text = format!(
        "@id(\"site-own\")\n@title(\"t\")\n@advice(\"a\")\n@control(\"c\")\n@severity(\"low\")\n\
         forbid (principal, action == Action::\"Grant\", resource) when {{ {condition} }};\n"
    );
    fs::write(site.demo().join("policies/site.cedar"), text).unwrap();
}

fn key(site: &Site, kind: &[&str], name: &str) -> String {
    let path = format!("keys/{name}");
    let mut arguments = vec!["-q", "-N", "", "-f", &path];
    arguments.extend(kind);
    site.keygen(&arguments);
    site.public_key(name)
}

pub fn add_signer(site: &Site, line: &str) {
    site.append("allowed_signers", &format!("{line}\n"));
}

fn with_agents(site: &Site, proofs: &str) {
    let agents = format!("version: 1\nagents:\n  - id: {ASSISTANT}\n    proof:\n{proofs}    may_hold: []\n");
    fs::write(site.demo().join("agents.yaml"), agents).unwrap();
}

fn window() -> String {
    let at = |seconds: i64| review::input::time::Time::from_unix(now().unix() + seconds);
    format!("valid_after: {}, valid_before: {}", at(-60), at(86_400))
}
