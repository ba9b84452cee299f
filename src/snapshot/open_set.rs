//! Recognises names that stand for an open set: anyone whom an identity provider lets in.
//!
//! A federated principal is one name for everybody who signs in at its provider. Only a condition on the subject of the
//! token (`…:sub`) limits it to one. Without such a condition at a provider that anyone can join, it is the public.
//!
//! Sources: AWS, IAM user guide, "Create a role for OpenID Connect federation" and "OIDC controls for shared providers";
//! AWS, IAM reference, "IAM JSON policy elements: Condition operators"; GitHub, "OpenID Connect reference"; Google
//! Cloud, "IAM: principal identifiers".

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::input::text::Text;

/// How many a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OpenSet {
    /// Those whom somebody outside of the snapshot lets in.
    Outsiders,
    /// Anyone.
    Public,
}

/// Providers at which anyone can get an identity.
const PUBLIC_PROVIDERS: &[&str] = &[
    "token.actions.githubusercontent.com",
    "accounts.google.com",
    "cognito-identity.amazonaws.com",
    "graph.facebook.com",
    "www.amazon.com",
    "gitlab.com",
    "app.terraform.io",
    "agent.buildkite.com",
    "oidc.vercel.com",
    "api.pulumi.com/oidc",
];

/// Prefixes of names that stand for all of a pool, an attribute or a domain.
const SETS: &[&str] = &["principalset:", "domain:"];

/// What a name stands for under a condition; `None` if it is one identity, or not a name of this kind.
#[must_use]
pub fn open_set(name: &str, condition: Option<&Text>) -> Option<OpenSet> {
    let folded = name.to_ascii_lowercase();
    if SETS.iter().any(|prefix| folded.starts_with(prefix)) {
        return Some(OpenSet::Outsiders);
    }
    let provider = folded.strip_prefix("federated:")?;
    let provider = provider.split_once("-provider/").map_or(provider, |(_, provider)| provider);
    let provider = provider.strip_prefix("https://").unwrap_or(provider);
    let public = PUBLIC_PROVIDERS.contains(&provider.trim_end_matches('/'));
    match condition.map_or(Pin::None, |condition| limit(condition.raw())) {
        Pin::One => None,
        Pin::None if public => Some(OpenSet::Public),
        Pin::None | Pin::Owner => Some(OpenSet::Outsiders),
    }
}

/// Whether a condition, as importers write it, names the audience of a token.
#[must_use]
pub fn pins_audience(condition: &str) -> bool {
    let Ok(Condition(operators)) = serde_json::from_str(condition) else { return false };
    let is_positive = |operator: &str| matches!(operator, "StringEquals" | "StringEqualsIgnoreCase" | "StringLike");
    operators.iter().filter(|(operator, _)| is_positive(operator.strip_prefix("ForAnyValue:").unwrap_or(operator))).any(
        |(_, keys)| {
            let named = |values: &[String]| !values.is_empty() && values.iter().all(|it| !it.contains(['*', '?']));
            keys.iter().any(|(key, values)| key.to_ascii_lowercase().ends_with(":aud") && named(values))
        },
    )
}

/// How far a condition limits the subject of a token.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Pin {
    /// Not at all.
    None,
    /// To the subjects of an owner, as in `repo:my-org/*`.
    Owner,
    /// To subjects that are written out.
    One,
}

/// A condition as importers write it: by operator and key, the values allowed.
#[derive(Deserialize)]
struct Condition(BTreeMap<String, BTreeMap<String, Vec<String>>>);

/// All operators and keys must hold, and one of the values of each. A text in another form limits nothing.
fn limit(condition: &str) -> Pin {
    let Ok(Condition(operators)) = serde_json::from_str(condition) else { return Pin::None };
    let mut best = Pin::None;
    for (operator, keys) in &operators {
        // WHY: `ForAllValues:` and `IfExists` also hold where the key is missing.
        let operator = operator.strip_prefix("ForAnyValue:").unwrap_or(operator);
        let wild = match operator {
            "StringEquals" | "StringEqualsIgnoreCase" => false,
            "StringLike" => true,
            _ => continue,
        };
        for (_, values) in keys.iter().filter(|(key, _)| key.to_ascii_lowercase().ends_with(":sub")) {
            let weakest = values.iter().map(|value| of_value(value, wild)).min();
            best = best.max(weakest.unwrap_or(Pin::None));
        }
    }
    best
}

fn of_value(value: &str, wild: bool) -> Pin {
    let open = |c: char| c == '$' || (wild && (c == '*' || c == '?'));
    let Some((literal, _)) = value.split_once(open) else { return Pin::One };
    // `repo:OWNER/…`, `project_path:GROUP/…`, `organization:NAME:…`.
    let owner = literal.split_once(':').and_then(|(_, rest)| rest.split_once(['/', ':']));
    if owner.is_some_and(|(owner, _)| !owner.is_empty()) { Pin::Owner } else { Pin::None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GITHUB: &str = "federated:arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com";
    const CLUSTER: &str = "federated:arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/A1";

    fn under(name: &str, operator: &str, key: &str, values: &str) -> Option<OpenSet> {
        open_set(name, Some(&format!(r#"{{"{operator}":{{"{key}":{values}}}}}"#).into()))
    }

    #[test]
    fn a_provider_stands_for_all_whom_it_lets_in_unless_the_subject_is_written_out() {
        use OpenSet::{Outsiders, Public};
        let key = "token.actions.githubusercontent.com:sub";
        assert_eq!(open_set(GITHUB, None), Some(Public));
        assert_eq!(open_set(CLUSTER, None), Some(Outsiders));
        for (operator, values, expected) in [
            ("StringEquals", r#"["repo:org/app:ref:refs/heads/main"]"#, None),
            ("StringLike", r#"["repo:org/app:environment:prod"]"#, None),
            ("StringEquals", r#"["repo:org/*"]"#, None),
            ("StringLike", r#"["repo:org/app:*"]"#, Some(Outsiders)),
            ("StringLike", r#"["repo:org/*"]"#, Some(Outsiders)),
            ("ForAnyValue:StringLike", r#"["repo:org/*"]"#, Some(Outsiders)),
            ("StringLike", r#"["repo:org*"]"#, Some(Public)),
            ("StringLike", r#"["repo:*/app:*"]"#, Some(Public)),
            ("StringLike", r#"["repo:or?/app:*"]"#, Some(Public)),
            ("StringLike", r#"["*"]"#, Some(Public)),
            ("StringLike", r#"["repo:org/app:x","repo:*"]"#, Some(Public)),
            ("StringEquals", r#"["${aws:PrincipalTag/sub}"]"#, Some(Public)),
            ("StringEquals", "[]", Some(Public)),
            ("StringNotEquals", r#"["repo:org/app:x"]"#, Some(Public)),
            ("StringNotLike", r#"["repo:bad/*"]"#, Some(Public)),
            ("StringEqualsIfExists", r#"["repo:org/app:x"]"#, Some(Public)),
            ("ForAllValues:StringEquals", r#"["repo:org/app:x"]"#, Some(Public)),
            ("Null", r#"["false"]"#, Some(Public)),
        ] {
            assert_eq!(under(GITHUB, operator, key, values), expected, "{operator} {values}");
            let elsewhere = expected.map(|_| Outsiders);
            assert_eq!(under(CLUSTER, operator, "oidc.eks:sub", values), elsewhere, "{operator} {values}");
        }
        let aud = "token.actions.githubusercontent.com:aud";
        assert_eq!(under(GITHUB, "StringEquals", aud, r#"["sts.amazonaws.com"]"#), Some(Public));
        assert_eq!(open_set(GITHUB, Some(&"sub like repo:org/app".into())), Some(Public), "an unknown form");
        for (name, expected) in [
            ("federated:accounts.google.com", Some(Public)),
            ("federated:arn:aws:iam::123456789012:saml-provider/corp", Some(Outsiders)),
            ("principalSet://iam.googleapis.com/projects/1/x", Some(Outsiders)),
            ("arn:aws:iam::123456789012:role/x", None),
            ("user:ann", None),
        ] {
            assert_eq!(open_set(name, None), expected, "{name}");
        }
    }
}
