//! What each configuration file yields when valid, and which faults are rejected. Each fault has a name.

use crate::config::{Agent, AgentHolding, FILES, OwnSettings, Parameters, Settings, TaskState};
use crate::input::form::ValueShape;
use crate::input::form_schema;
use crate::input::id::{GroupId, IdentityId, PersonId, TaskId};
use crate::input::text::Text;
use crate::input::time::{Span, Time};

use super::*;

const PEOPLE: &str = "version: 1
people:
  - id: ann
    name: Ann Example
    principals: [ann@corp.example, ann-key-2]
    identities: [user:ann, arn:aws:iam::1:user/ann]
  - {id: bob, principals: [bob@corp.example], identities: [user:bob], member_of: [group:ops]}
groups:
  platform-owners: [ann, bob]
  security: [bob]
barring_groups: [group:everyone]
";

const AGENTS: &str = "version: 1
agents:
  - id: spiffe://corp.example/agent/a
    max_credential_ttl: 1h
    proof:
      - {method: key, key: ssh-ed25519 AAAAC3Nza a@host}
      - {method: certificate, authority: ssh-ed25519 AAAAC3Nzb, principal: agent-a}
      - {method: token, issuer: \"https://issuer.example\", subject: repo:x, algorithm: ES256, jwks: jwks/x.json, claims: {ref: refs/heads/main}}
    may_hold:
      - {role: reader, scope: db}
      - {member_of: agents}
      - {action: get, resource: \"core:pods#*\"}
  - {id: agent:b}
";

const TASKS: &str = "version: 1
tasks:
  - {id: T-1, owner: user:ann, agents: [agent:b], sponsors: [user:bob], scope: [db:x, db:y], until: 2026-12-01, state: open}
  - {id: T-2, scope: [db:z], until: 2026-12-01T00:00:00Z, state: done}
";

/// (trick, file, find, replace, code, the text at the reported place)
const TRICKS: &[(&str, &str, &str, &str, Code, &str)] = &[
    ("an unknown person in a group", "people", "[ann, bob]", "[ann, bb]", Code::BadConfiguration, "bb"),
    (
        "an id for two identities",
        "people",
        "barring_groups",
        "same_as: {a: [x], b: [z, x]}\nbarring_groups",
        Code::DuplicateId,
        "x",
    ),
    (
        "an id that stands for others and is one",
        "people",
        "barring_groups",
        "same_as: {a: [b], b: [c]}\nbarring_groups",
        Code::DuplicateId,
        "b",
    ),
    (
        "an identity that is itself",
        "people",
        "barring_groups",
        "same_as: {a: [a]}\nbarring_groups",
        Code::DuplicateId,
        "a",
    ),
    (
        "an identity of another person",
        "people",
        "barring_groups",
        "same_as: {\"user:bob\": [\"user:ann\"]}\nbarring_groups",
        Code::DuplicateId,
        "user:ann",
    ),
    ("one principal for two people", "people", "[bob@corp.example]", "[ann-key-2]", Code::DuplicateId, "ann-key-2"),
    ("one identity for two people", "people", "[user:bob]", "[user:ann]", Code::DuplicateId, "user:ann"),
    ("a principal twice", "people", "ann-key-2", "ann@corp.example", Code::DuplicateId, "ann@corp.example"),
    (
        "a person twice",
        "people",
        "groups:",
        "  - {id: ann, principals: [], identities: []}\ngroups:",
        Code::DuplicateId,
        "ann",
    ),
    ("a person without identities", "people", ", identities: [user:bob]", "", Code::MissingField, "id"),
    ("a key in people.yaml", "people", "name: Ann", "key: Ann", Code::UnknownField, "key"),
    (
        "an agent twice",
        "agents",
        "id: agent:b",
        "id: spiffe://corp.example/agent/a",
        Code::DuplicateId,
        "spiffe://corp.example/agent/a",
    ),
    (
        "one key for two agents",
        "agents",
        "{id: agent:b}",
        "{id: agent:b, proof: [{method: key, key: ssh-ed25519 AAAAC3Nza other}]}",
        Code::SharedKey,
        "{method: key, key: ssh-ed25519 AAAAC3Nza other}",
    ),
    (
        "a private key",
        "agents",
        "ssh-ed25519 AAAAC3Nza a@host",
        "\"-----BEGIN OPENSSH PRIVATE KEY-----\"",
        Code::BadValue,
        "-----BEGIN OPENSSH PRIVATE KEY-----",
    ),
    ("a key that is none", "agents", "ssh-ed25519 AAAAC3Nza a@host", "secret", Code::BadValue, "secret"),
    ("the algorithm none", "agents", "ES256", "none", Code::BadValue, "none"),
    ("keys from outside the trust folder", "agents", "jwks/x.json", "../x.json", Code::BadValue, "../x.json"),
    (
        "keys from the network",
        "agents",
        "jwks/x.json",
        "https://x.example/jwks",
        Code::BadValue,
        "https://x.example/jwks",
    ),
    ("an unknown method", "agents", "method: key", "method: password", Code::BadValue, "password"),
    ("an empty list of proofs", "agents", "{id: agent:b}", "{id: agent:b, proof: []}", Code::BadValue, "[]"),
    ("an action without resource", "agents", ", resource: \"core:pods#*\"", "", Code::BadValue, "action"),
    (
        "a role and a group in one",
        "agents",
        "{member_of: agents}",
        "{member_of: agents, role: r}",
        Code::BadValue,
        "role",
    ),
    ("a task twice", "tasks", "id: T-2", "id: T-1", Code::DuplicateId, "T-1"),
    ("a task without scope", "tasks", "scope: [db:z], ", "", Code::MissingField, "id"),
    ("a task everywhere", "tasks", "[db:z]", "[]", Code::BadValue, "[]"),
    ("a third state", "tasks", "done", "paused", Code::BadValue, "paused"),
    ("another version", "tasks", "version: 1", "version: 2", Code::UnsupportedVersion, "2"),
    ("a snapshot outside the folder", "review", "steps: [Owner]", "snapshot: ../s.json", Code::BadValue, "../s.json"),
    ("an absolute snapshot", "review", "steps: [Owner]", "snapshot: /s.json", Code::BadValue, "/s.json"),
    ("a step that is no word", "review", "[Owner]", "[owner]", Code::BadConfiguration, "owner"),
    ("a step twice", "review", "[Owner]", "[Owner, Security, Owner]", Code::BadConfiguration, "Owner"),
    ("no steps", "review", "[Owner]", "[]", Code::BadValue, "[]"),
    ("shipped as a word", "review", "steps: [Owner]", "policies: {shipped: never}", Code::WrongType, "never"),
    ("a misspelt parameter", "review", "steps: [Owner]", "parameters: {max_tll: 1h}", Code::UnknownField, "max_tll"),
    (
        "a signing key among the site's settings",
        "review",
        "steps: [Owner]",
        "signing_key: x",
        Code::UnknownField,
        "signing_key",
    ),
    (
        "a deciding setting of one's own",
        "own",
        "signing_key: ~/.ssh/id.pub",
        "auto_approve: true",
        Code::UnknownField,
        "auto_approve",
    ),
];

fn read_any(file: &str, text: &str) -> Result<(), Vec<Finding>> {
    let bytes = text.as_bytes();
    match file {
        "people" => People::read("people.yaml", bytes).map(|_| ()),
        "agents" => Agents::read("agents.yaml", bytes).map(|_| ()),
        "tasks" => Tasks::read("tasks.yaml", bytes).map(|_| ()),
        "review" => Settings::read("review.yaml", bytes).map(|_| ()),
        "own" => OwnSettings::read("config.yaml", bytes).map(|_| ()),
        other => panic!("no file {other}"),
    }
}

#[test]
fn every_trick_is_refused_at_its_place() {
    let mut wrong = Vec::new();
    for (trick, file, find, replace, code, at) in TRICKS {
        let good = match *file {
            "people" => PEOPLE,
            "agents" => AGENTS,
            "tasks" => TASKS,
            "review" => "version: 1\nsteps: [Owner]\n",
            _ => "version: 1\nsigning_key: ~/.ssh/id.pub\n",
        };
        assert!(read_any(file, good).is_ok(), "{file}: {:#?}", read_any(file, good));
        assert!(good.contains(find), "{trick}");
        let text = good.replacen(find, replace, 1);
        match read_any(file, &text) {
            Ok(()) => wrong.push(format!("{trick}: passed")),
            Err(found) => {
                let place = found[0].place.as_ref().expect("a finding of a file has a place");
                let region = &text[place.bytes.0..place.bytes.1];
                if found.len() != 1 || found[0].code != *code || region != *at {
                    wrong.push(format!("{trick}: {:?} at {region:?} {found:#?}", found[0].code));
                }
                assert!(!found[0].message.raw().contains("PRIVATE"), "{trick}");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_file_with_only_its_version_has_all_defaults() {
    let settings = Settings::read("review.yaml", b"version: 1\n").unwrap();
    assert_eq!(settings, Settings::default());
    assert_eq!(settings.steps.iter().map(Text::raw).collect::<Vec<_>>(), ["Owner", "Security"]);
    assert_eq!(settings.approval_ttl, Span::parse("72h").unwrap());
    assert_eq!(settings.max_snapshot_age, Span::parse("24h").unwrap());
    assert!(settings.shipped);
    let text =
        b"version: 1\nlog_id: L1\npolicies: {shipped: false}\nparameters: {max_ttl: 2h, require_security_key: true}\n";
    let settings = Settings::read("review.yaml", text).unwrap();
    assert!(!settings.shipped);
    let expected =
        Parameters { max_ttl: Span::from_seconds(7_200), require_security_key: true, ..Parameters::default() };
    assert_eq!(settings.parameters, expected);
    assert_eq!(settings.log_id.unwrap().value.raw(), "L1");
}

#[test]
fn people_are_found_by_principal_and_by_identity() {
    let people = People::read("people.yaml", PEOPLE.as_bytes()).unwrap();
    assert_eq!(people.by_principal("ann-key-2").unwrap().id.value, PersonId::new("ann"));
    assert_eq!(people.by_identity("user:bob").unwrap().id.value, PersonId::new("bob"));
    assert!(people.by_principal("user:bob").is_none());
    assert_eq!(
        people.groups_of(&PersonId::new("bob")).map(Text::raw).collect::<Vec<_>>(),
        ["platform-owners", "security"]
    );
    let (ann, bob) = (PersonId::new("ann"), PersonId::new("bob"));
    assert!(people.bars(&GroupId::new("group:ops"), &bob) && !people.bars(&GroupId::new("group:ops"), &ann));
    assert!(people.bars(&GroupId::new("group:everyone"), &ann));
    assert!(!people.bars(&GroupId::new("group:other"), &ann));
}

#[test]
fn agents_keep_their_proofs_and_what_they_may_hold() {
    let agents = Agents::read("agents.yaml", AGENTS.as_bytes()).unwrap();
    let agent: &Agent = agents.get("spiffe://corp.example/agent/a").unwrap();
    assert_eq!(agent.max_credential_ttl, Some(Span::from_seconds(3_600)));
    assert!(
        matches!(&agent.proofs[0].value, AgentProof::Key { key, .. } if key.value.raw() == "ssh-ed25519 AAAAC3Nza a@host")
    );
    let AgentProof::Token(token) = &agent.proofs[2].value else { panic!("the third proof is a token") };
    assert_eq!((token.issuer.raw(), token.claims[0].1.raw()), ("https://issuer.example", "refs/heads/main"));
    assert!(matches!(&agent.may_hold[0].value, AgentHolding::Role(role, Some(_)) if role.as_str() == "reader"));
    assert!(matches!(&agent.may_hold[2].value, AgentHolding::Access { scope: None, .. }));
    assert!(agents.get("agent:b").unwrap().may_hold.is_empty());
}

#[test]
fn a_task_is_open_only_with_an_owner_and_before_its_end() {
    let tasks = Tasks::read("tasks.yaml", TASKS.as_bytes()).unwrap();
    let task = tasks.get(&TaskId::new("T-1")).unwrap();
    let end = Time::parse("2026-12-01").unwrap();
    assert!(task.is_open(Time::from_unix(end.unix() - 1)) && !task.is_open(end));
    let (agent, sponsor) = (IdentityId::new("agent:b"), IdentityId::new("user:bob"));
    assert!(task.lists(&agent, Some(&sponsor)));
    assert!(!task.lists(&agent, None) && !task.lists(&sponsor, Some(&sponsor)));
    let other = tasks.get(&TaskId::new("T-2")).unwrap();
    assert_eq!(other.state, TaskState::Done);
    assert_eq!(tasks.without_owner()[0].code, Code::TaskWithoutOwner);
}

#[test]
fn a_machine_among_the_people_is_named() {
    let people = People::read("people.yaml", PEOPLE.replace("[user:bob]", "[agent:b]").as_bytes()).unwrap();
    let people_2 = People::read("people.yaml", PEOPLE.replace("ann-key-2", "agent-a").as_bytes()).unwrap();
    let agents = Agents::read("agents.yaml", AGENTS.as_bytes()).unwrap();
    let tasks = Tasks::read("tasks.yaml", TASKS.replace("[agent:b]", "[agent:c]").as_bytes()).unwrap();
    let codes: Vec<_> = cross_check(&people, &agents, &tasks).iter().map(|f| f.code).collect();
    assert_eq!(codes, [Code::MachineApprover, Code::UnknownProposer, Code::TaskWithoutOwner]);
    let codes: Vec<_> = cross_check(&people_2, &agents, &Tasks::default()).iter().map(|f| f.code).collect();
    assert_eq!(codes, [Code::MachineApprover]);
}

#[test]
fn each_table_gives_a_schema_that_its_own_example_fits() {
    for (name, rules) in FILES {
        let schema = form_schema::of(&ValueShape::Mapping("file", rules));
        let validator = jsonschema::draft202012::new(&schema).expect("the schema compiles");
        let text = match *name {
            "people.yaml" => PEOPLE,
            "agents.yaml" => AGENTS,
            "tasks.yaml" => TASKS,
            _ => "version: 1\n",
        };
        let value: serde_json::Value = serde_yaml::from_str(text).unwrap();
        assert!(validator.is_valid(&value), "{name}");
    }
}
