//! The environments of identities and resources, from their labels.
//!
//! An importer keeps labels as the system has them. What they say about the environment is read here, in one spelling:
//! `production`, `Prod` and `prd` are `prod`. A service account of Kubernetes is in the environment of its namespace.

use std::collections::BTreeMap;

use crate::input::text::Text;

use super::model::Snapshot;

/// The last parts of label names that state an environment: `app.kubernetes.io/environment`, `Env`, …
const KEYS: [&str; 3] = ["environment", "env", "stage"];

/// Spellings of common environments.
const SPELLINGS: [(&str, &[&str]); 4] = [
    ("prod", &["production", "prd", "live"]),
    ("test", &["testing", "tst", "qa"]),
    ("dev", &["development", "devel"]),
    ("staging", &["stage", "stg", "preprod", "pre-prod"]),
];

/// Sets the environments that labels state, and that nothing else does. `key` is the only label that counts, if given.
pub fn from_labels(snapshot: &mut Snapshot, key: Option<&str>) {
    for it in &mut snapshot.identities {
        it.environment = it.environment.take().or_else(|| of(&it.labels, key));
    }
    for it in &mut snapshot.resources {
        it.environment = it.environment.take().or_else(|| of(&it.labels, key));
    }
    let namespaces: BTreeMap<String, Text> = snapshot
        .resources
        .iter()
        .filter_map(|it| Some((it.id.as_str().strip_prefix("ns:")?.to_owned(), it.environment.clone()?)))
        .collect();
    for it in snapshot.identities.iter_mut().filter(|it| it.environment.is_none()) {
        let namespace = it.id.as_str().strip_prefix("sa:").and_then(|rest| rest.split_once('/'));
        it.environment = namespace.and_then(|(namespace, _)| namespaces.get(namespace).cloned());
    }
}

fn of(labels: &BTreeMap<String, Text>, key: Option<&str>) -> Option<Text> {
    let is_one = |name: &str| match key {
        Some(key) => name.eq_ignore_ascii_case(key),
        None => KEYS.iter().any(|known| name.rsplit('/').next().unwrap_or(name).eq_ignore_ascii_case(known)),
    };
    let value = labels.iter().find(|(name, value)| is_one(name) && !value.raw().trim().is_empty())?.1;
    Some(Text::from(spelling(value.raw())))
}

/// An environment in the spelling in which environments are compared.
#[must_use]
pub fn spelling(text: &str) -> String {
    let folded = text.trim().to_lowercase();
    let known = SPELLINGS.iter().find(|(name, others)| *name == folded || others.contains(&folded.as_str()));
    known.map_or(folded, |(name, _)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::read;

    const TEXT: &str = r#"{"version":1,"taken_at":"2026-11-01T10:00:00Z","source":"kubernetes",
      "identities":[{"id":"sa:shop/web","kind":"service_account"},{"id":"a","kind":"workload","labels":{"Env":"PRODUCTION"}},
        {"id":"b","kind":"workload","labels":{"tier":"QA","env":"dev"}},{"id":"c","kind":"workload","environment":"lab","labels":{"env":"dev"}}],
      "resources":[{"id":"ns:shop","labels":{"acme.example/environment":"prd"}},{"id":"ns:x","labels":{"env":" "}}]}"#;

    fn environments(key: Option<&str>) -> Vec<String> {
        let mut snapshot = read("f", TEXT.as_bytes()).unwrap().0;
        from_labels(&mut snapshot, key);
        let shown = |it: &Option<Text>| it.as_ref().map_or_else(|| "-".to_owned(), |it| it.raw().to_owned());
        let identities = snapshot.identities.iter().map(|it| shown(&it.environment));
        identities.chain(snapshot.resources.iter().map(|it| shown(&it.environment))).collect()
    }

    #[test]
    fn labels_state_the_environment_in_one_spelling_and_a_stated_one_stays() {
        assert_eq!(environments(None), ["prod", "prod", "dev", "lab", "prod", "-"]);
        assert_eq!(environments(Some("tier")), ["-", "-", "test", "lab", "-", "-"]);
    }
}
