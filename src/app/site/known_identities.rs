//! The identities of the trust files in a snapshot: agents and people that the export lacks, and ids of one person.

use std::collections::HashSet;

use crate::config::{Agents, People};
use crate::input::entitlement::IdentityKind;
use crate::input::id::IdentityId;
use crate::input::place::Placed;
use crate::snapshot::model::{Identity, Snapshot, Trust};

/// Adds the agents and people that are missing in the snapshot, without access.
///
/// WHY: the export of a cluster contains neither the assistant that proposes nor most of the people who sponsor and
/// approve, but the site refers to them. Identities of the snapshot are kept unchanged, and so is its digest, with one
/// exception: an account of the system that agents.yaml lists counts as an agent unless agents.yaml has `kind: person`.
/// Many exports list the account of an assistant as a user, and policy requires no proof from users.
pub(crate) fn with_known(mut snapshot: Snapshot, agents: &Agents, people: &People) -> Snapshot {
    for identity in &mut snapshot.identities {
        if agents.get(identity.id.as_str()).is_some_and(|agent| !agent.is_person) {
            identity.kind = IdentityKind::Agent;
        }
    }
    let mut taken: HashSet<IdentityId> = snapshot.identities.iter().map(|i| i.id.clone()).collect();
    taken.extend(snapshot.groups.iter().map(|g| IdentityId::new(g.id.as_str())));
    let agents = agents.all().iter().filter(|agent| !agent.is_person);
    let agents = agents.map(|agent| (&agent.id.value, IdentityKind::Agent));
    let persons = people.all().iter().flat_map(|person| &person.identities).map(|i| (&i.value, IdentityKind::Human));
    // INVARIANT: agents come first, so that a name in both files never counts as a person.
    for (id, kind) in agents.chain(persons) {
        if taken.insert(id.clone()) {
            snapshot.identities.push(Identity::new(id.clone(), kind));
        }
    }
    snapshot.trusts.extend(same_identities(&snapshot, people));
    snapshot
}

/// Trusts between the ids of one person or workload, both ways: who is one of them is the others. WHY: effective access,
/// separation of duties and escalation paths then follow it like any other path.
fn same_identities(snapshot: &Snapshot, people: &People) -> Vec<Trust> {
    if people.same_as().is_empty() {
        return Vec::new();
    }
    let known: HashSet<&IdentityId> = snapshot.identities.iter().map(|it| &it.id).collect();
    let is_known = |id: &&Placed<IdentityId>| known.contains(&id.value);
    let mut out = Vec::new();
    for same in people.same_as() {
        let ids: Vec<&IdentityId> = same.all().filter(is_known).map(|id| &id.value).collect();
        let Some((first, others)) = ids.split_first() else { continue };
        for (from, to) in others.iter().flat_map(|other| [(*first, *other), (*other, *first)]) {
            out.push(Trust {
                id: format!("same-as:{}=>{}", from.as_str(), to.as_str()).into(),
                from: from.text(),
                to: to.text(),
                via: "same-as".into(),
                requires: None,
                condition: None,
                system: None,
            });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::lint::unknown_names;
    use crate::snapshot::model::Status;

    const PEOPLE: &[u8] = b"version: 1\npeople:\n  - id: lead\n    principals: [lead@corp.example]\n    identities: [\"user:lead\", \"user:old\", \"group:team\"]\n";
    const SNAPSHOT: &[u8] = br#"{"version":1,"taken_at":"2026-11-20T00:00:00Z","source":"kubernetes",
        "identities":[{"id":"user:old","kind":"service_account","status":"disabled"}],"groups":[{"id":"group:team"}]}"#;

    #[test]
    fn an_agent_is_one_whatever_the_export_calls_it_unless_agents_yaml_says_that_it_is_a_person() {
        let people = People::read("people.yaml", PEOPLE).unwrap();
        let kind = |agents: &str, kind: &str| {
            let agents = Agents::read("agents.yaml", agents.as_bytes()).unwrap();
            let bytes = format!(
                r#"{{"version":1,"taken_at":"2026-11-20T00:00:00Z","source":"aws","identities":[{{"id":"user:bot","kind":"{kind}"}}]}}"#
            );
            let (snapshot, _) = crate::snapshot::read("snapshot.json", bytes.as_bytes()).unwrap();
            let known = with_known(snapshot, &agents, &people);
            known.identities.iter().find(|i| i.id.as_str() == "user:bot").unwrap().kind
        };
        let listed = "version: 1\nagents:\n  - id: \"user:bot\"\n";
        for word in ["human", "service_account", "workload", "device"] {
            assert_eq!(kind(listed, word), IdentityKind::Agent, "{word}");
        }
        let person = format!("{listed}    kind: person\n");
        assert_eq!(kind(&person, "human"), IdentityKind::Human);
        assert_eq!(kind(&person, "workload"), IdentityKind::Workload, "no machine becomes a person by it");
    }

    #[test]
    fn ids_of_one_person_or_workload_can_act_as_each_other() {
        let same = "same_as: {\"user:lead\": [\"user:old\"], \"user:old2\": [\"nobody\"]}\n";
        let people = [std::str::from_utf8(PEOPLE).unwrap().replace(", \"user:old\"", "").as_str(), same].concat();
        let people = People::read("people.yaml", people.as_bytes()).unwrap();
        assert_eq!(
            people.by_identity("user:old").unwrap().id.value.as_str(),
            "lead",
            "it is an identity of the person"
        );
        let (snapshot, _) = crate::snapshot::read("snapshot.json", SNAPSHOT).unwrap();
        let found = unknown_names::in_same_as(&people, &Agents::default(), &snapshot);
        let said: Vec<&str> = found.iter().map(|it| it.help.as_ref().unwrap().raw()).collect();
        assert_eq!(said.len(), 3, "{found:?}");
        assert!(said.contains(&"did you mean `user:old`?"), "{said:?}");
        let known = with_known(snapshot, &Agents::default(), &people);
        let trusts: Vec<(&str, &str)> = known.trusts.iter().map(|it| (it.from.raw(), it.to.raw())).collect();
        assert_eq!(trusts, [("user:lead", "user:old"), ("user:old", "user:lead")]);
    }

    #[test]
    fn an_agent_and_a_person_whom_the_export_lacks_are_known_and_hold_nothing() {
        let agents = Agents::read("agents.yaml", b"version: 1\nagents:\n  - id: \"agent:a\"\n").unwrap();
        let people = People::read("people.yaml", PEOPLE).unwrap();
        let (snapshot, _) = crate::snapshot::read("snapshot.json", SNAPSHOT).unwrap();
        let known = with_known(snapshot.clone(), &agents, &people);
        let said: Vec<(&str, IdentityKind, Status)> =
            known.identities.iter().map(|i| (i.id.as_str(), i.kind, i.status)).collect();
        assert_eq!(
            said,
            [
                ("user:old", IdentityKind::ServiceAccount, Status::Disabled),
                ("agent:a", IdentityKind::Agent, Status::Active),
                ("user:lead", IdentityKind::Human, Status::Active),
            ]
        );
        assert_eq!(known.assignments, snapshot.assignments);
        assert_eq!(known.groups, snapshot.groups);
    }
}
