//! Trusts in tokens of other issuers (OIDC): which issuer, which subjects, and what else must hold.
//!
//! AWS writes the subjects into the condition of the trust, Entra into the name of the federated identity. The audience is
//! no limit, because whoever asks for a token chooses it. What is not understood stays a condition of the link.
//!
//! Sources: AWS, IAM user guide, "Create a role for OpenID Connect federation"; GitHub, "OpenID Connect reference".

use std::collections::BTreeMap;

use serde_json::Value;

use crate::input::text::Text;
use crate::snapshot::model::Trust;

/// The issuer of the tokens of GitHub's workflows.
pub(super) const GITHUB: &str = "token.actions.githubusercontent.com";

/// The subjects that someone can present.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subjects {
    /// Exactly this one.
    One(String),
    /// Every one that begins like this.
    From(String),
}

/// How a trust admits the subjects of someone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Admits {
    /// All of them.
    All,
    /// Some of them.
    Some,
}

/// What a trust asks for besides a subject and an audience.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AlsoAsked(pub Option<String>);

/// A trust in the tokens of an issuer.
#[derive(Debug)]
pub(super) struct Federated<'t> {
    /// The issuer, without `https://`.
    pub issuer: String,
    /// Patterns of subjects, of which one must match; empty: any.
    subjects: Vec<String>,
    /// Whether the case of subjects is ignored.
    fold: bool,
    /// What else must hold.
    rest: Option<String>,
    /// Who is acted as.
    pub to: &'t Text,
}

impl<'t> Federated<'t> {
    /// Reads a trust whose `from`, without the prefix of its part, is `local`; `None` if it is not of this kind.
    pub fn of(trust: &'t Trust, local: &str) -> Option<Self> {
        let name = local.strip_prefix("federated:")?;
        if let Some((issuer, subject)) = name.split_once('|') {
            let rest = trust.condition.as_ref().map(|condition| condition.raw().to_owned());
            let subjects = vec![subject.replace("%2A", "*")];
            let subjects = if subject == "any subject" || rest.is_some() { Vec::new() } else { subjects };
            return Some(Self { issuer: host(issuer), subjects, fold: false, rest, to: &trust.to });
        }
        let (_, issuer) = name.split_once(":oidc-provider/")?;
        let mut made = Self { issuer: host(issuer), subjects: Vec::new(), fold: false, rest: None, to: &trust.to };
        made.read(trust.condition.as_ref());
        Some(made)
    }

    /// Takes the subjects out of a condition of AWS, and drops the audience. WHY: of several conditions on the subject,
    /// all must hold; the first is read, and the others stay conditions.
    fn read(&mut self, condition: Option<&Text>) {
        let Some(text) = condition.map(Text::raw) else { return };
        let start = if text.starts_with('{') { Some(0) } else { text.find(" and {").map(|at| at + " and ".len()) };
        let parsed = start.and_then(|at| Some((text.get(..at)?, text.get(at..)?)));
        let parsed = parsed.and_then(|(mark, json)| {
            Some((mark, serde_json::from_str::<BTreeMap<String, BTreeMap<String, Vec<String>>>>(json).ok()?))
        });
        let Some((mark, mut operators)) = parsed else {
            self.rest = Some(text.to_owned());
            return;
        };
        for (operator, keys) in &mut operators {
            let plain = operator.strip_prefix("ForAnyValue:").unwrap_or(operator);
            let (is_positive, fold) = match plain {
                "StringEquals" | "StringLike" => (true, false),
                "StringEqualsIgnoreCase" => (true, true),
                _ => (false, false),
            };
            if !is_positive {
                continue;
            }
            let ends = |key: &str, name: &str| key.to_ascii_lowercase().ends_with(name);
            keys.retain(|key, _| !ends(key, ":aud"));
            let subject = keys.keys().find(|key| ends(key, ":sub")).cloned().filter(|_| self.subjects.is_empty());
            if let Some(values) = subject.and_then(|key| keys.remove(&key)) {
                // WHY: in an exact comparison `*` is a letter, which no subject has.
                let is_exact = plain.starts_with("StringEquals");
                self.subjects = values.into_iter().filter(|value| !is_exact || !value.contains('*')).collect();
                self.fold = fold;
                if self.subjects.is_empty() {
                    self.subjects.push(String::new());
                }
            }
        }
        operators.retain(|_, keys| !keys.is_empty());
        let json = (!operators.is_empty()).then(|| serde_json::to_value(&operators).map(|it: Value| it.to_string()));
        let json = json.and_then(Result::ok).unwrap_or_default();
        let rest = format!("{mark}{json}");
        let rest = rest.strip_suffix(" and ").unwrap_or(&rest);
        self.rest = (!rest.is_empty()).then(|| rest.to_owned());
    }

    /// Whether it admits some of the subjects, and what else must hold then.
    pub fn admits(&self, offered: &Subjects) -> Option<AlsoAsked> {
        if self.subjects.is_empty() {
            return Some(AlsoAsked(self.rest.clone()));
        }
        let patterns = || self.subjects.iter().map(|pattern| (pattern, self.matches(pattern, offered)));
        if patterns().any(|(_, found)| found == Some(Admits::All)) {
            return Some(AlsoAsked(self.rest.clone()));
        }
        let some: Vec<&str> = patterns().filter(|(_, found)| found.is_some()).map(|(it, _)| it.as_str()).collect();
        if some.is_empty() {
            return None;
        }
        let subject = format!("the subject of the token is {}", some.join(" or "));
        let both = self.rest.as_ref().map_or_else(|| subject.clone(), |rest| format!("{subject} and {rest}"));
        Some(AlsoAsked(Some(both)))
    }

    /// Whether one of its patterns matches all, some or none of the subjects.
    fn matches(&self, pattern: &str, offered: &Subjects) -> Option<Admits> {
        if !self.fold {
            return admits(pattern, offered);
        }
        let offered = match offered {
            Subjects::One(subject) => Subjects::One(subject.to_ascii_lowercase()),
            Subjects::From(prefix) => Subjects::From(prefix.to_ascii_lowercase()),
        };
        admits(&pattern.to_ascii_lowercase(), &offered)
    }

    /// The patterns of subjects that outsiders may have, given the subjects of the parts; `None` means any subject.
    /// `is_known`: a part is known to issue the tokens, so that a pattern which matches one of its subjects is no outsider's.
    pub fn unlinked(&self, offered: &[&Subjects], is_known: bool) -> Vec<Option<&str>> {
        if self.subjects.is_empty() {
            return if is_known { Vec::new() } else { vec![None] };
        }
        let is_linked = |pattern: &str| {
            let is_one = !pattern.contains(['*', '?']);
            (is_known || is_one) && offered.iter().any(|subjects| self.matches(pattern, subjects).is_some())
        };
        // WHY: the empty pattern is that of a trust which no subject can use.
        let patterns = self.subjects.iter().map(String::as_str).filter(|it| !it.is_empty());
        patterns.filter(|it| !is_linked(it)).map(Some).collect()
    }
}

/// An issuer without its scheme and a slash at its end.
pub(super) fn host(issuer: &str) -> String {
    issuer.strip_prefix("https://").unwrap_or(issuer).trim_end_matches('/').to_owned()
}

/// Whether a pattern with `*` and `?` matches all, some or none of the subjects.
pub(super) fn admits(pattern: &str, offered: &Subjects) -> Option<Admits> {
    let literal = pattern.split(['*', '?']).next().unwrap_or_default();
    let (text, is_open) = match offered {
        Subjects::One(subject) => (subject.as_str(), false),
        Subjects::From(prefix) => (prefix.as_str(), true),
    };
    let may_match = text.starts_with(literal) || (is_open && literal.starts_with(text));
    if !may_match {
        return None;
    }
    if !is_open {
        return reaches(pattern, text).1.then_some(Admits::All);
    }
    let is_all = pattern.strip_suffix('*') == Some(literal) && text.starts_with(literal);
    match (is_all, reaches(pattern, text).0) {
        (true, _) => Some(Admits::All),
        (false, true) => Some(Admits::Some),
        (false, false) => None,
    }
}

/// Runs a pattern over a text: whether it can go on after it, and whether it can end there.
fn reaches(pattern: &str, text: &str) -> (bool, bool) {
    let letters: Vec<char> = pattern.chars().collect();
    // The positions in the pattern that a part of the text can lead to.
    let mut at = vec![false; letters.len().saturating_add(1)];
    let skip = |at: &mut Vec<bool>| {
        for n in 0..letters.len() {
            if at.get(n) == Some(&true)
                && letters.get(n) == Some(&'*')
                && let Some(next) = at.get_mut(n.saturating_add(1))
            {
                *next = true;
            }
        }
    };
    if let Some(first) = at.first_mut() {
        *first = true;
    }
    skip(&mut at);
    for letter in text.chars() {
        let mut next = vec![false; at.len()];
        for (n, _) in at.iter().enumerate().filter(|(_, is)| **is) {
            let to = match letters.get(n) {
                Some('*') => n,
                Some('?') => n.saturating_add(1),
                Some(own) if *own == letter => n.saturating_add(1),
                Some(_) | None => continue,
            };
            if let Some(slot) = next.get_mut(to) {
                *slot = true;
            }
        }
        at = next;
        skip(&mut at);
    }
    (at.iter().any(|is| *is), at.last() == Some(&true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repo(name: &str) -> Subjects {
        Subjects::From(format!("repo:{name}:"))
    }

    #[test]
    fn a_pattern_of_subjects_admits_all_some_or_none_of_a_repository() {
        let shop = repo("acme/shop");
        for (pattern, expected) in [
            ("repo:acme/shop:*", Some(Admits::All)),
            ("repo:acme/*", Some(Admits::All)),
            ("*", Some(Admits::All)),
            ("repo:acme/shop:ref:refs/heads/main", Some(Admits::Some)),
            ("repo:acme/*:environment:prod", Some(Admits::Some)),
            ("repo:acme/sh?p:*", Some(Admits::Some)),
            ("repo:acme/shop", None),
            ("repo:acme/shopping:*", None),
            ("repo:acme/other:*", None),
            ("repo:acme/*x:environment:prod", Some(Admits::Some)),
            ("", None),
        ] {
            assert_eq!(admits(pattern, &shop), expected, "{pattern}");
        }
        let one = Subjects::One("system:serviceaccount:shop:web".into());
        assert_eq!(admits("system:serviceaccount:shop:web", &one), Some(Admits::All));
        assert_eq!(admits("system:serviceaccount:*:web", &one), Some(Admits::All));
        assert_eq!(admits("system:serviceaccount:shop:we", &one), None);
    }

    fn trust(condition: Option<&str>) -> Trust {
        Trust {
            id: "t".into(),
            from: format!("federated:arn:aws:iam::111111111111:oidc-provider/{GITHUB}").into(),
            to: "arn:aws:iam::111111111111:role/deploy".into(),
            via: "assume-role".into(),
            requires: None,
            condition: condition.map(Text::from),
            system: None,
        }
    }

    fn under(condition: Option<&str>, offered: &Subjects) -> Option<AlsoAsked> {
        let trust = trust(condition);
        Federated::of(&trust, trust.from.raw()).unwrap().admits(offered)
    }

    #[test]
    fn the_audience_is_no_limit_and_what_is_not_understood_stays_a_condition() {
        let shop = repo("acme/shop");
        let key = |key: &str| format!("{GITHUB}:{key}");
        assert_eq!(under(None, &shop), Some(AlsoAsked(None)), "a role that pins no subject trusts every workflow");
        let pinned = format!(
            r#"{{"StringEquals":{{"{}":["sts.amazonaws.com"]}},"StringLike":{{"{}":["repo:acme/shop:*"]}}}}"#,
            key("aud"),
            key("sub")
        );
        assert_eq!(under(Some(&pinned), &shop), Some(AlsoAsked(None)));
        assert_eq!(under(Some(&pinned), &repo("acme/other")), None);
        let exact = format!(r#"{{"StringEquals":{{"{}":["repo:acme/shop:*"]}}}}"#, key("sub"));
        assert_eq!(under(Some(&exact), &shop), None, "a star in an exact comparison is a letter");
        let other = format!(r#"{{"StringEquals":{{"{}":["x"]}}}}"#, key("job_workflow_ref"));
        assert_eq!(under(Some(&other), &shop), Some(AlsoAsked(Some(other.clone()))));
        assert_eq!(under(Some("in another form"), &shop), Some(AlsoAsked(Some("in another form".to_owned()))));
        let marked = format!("not for 2 principals that it leaves out and {pinned}");
        assert_eq!(
            under(Some(&marked), &shop),
            Some(AlsoAsked(Some("not for 2 principals that it leaves out".to_owned())))
        );
        let main = format!(r#"{{"StringEquals":{{"{}":["repo:acme/shop:ref:refs/heads/main"]}}}}"#, key("sub"));
        let said = under(Some(&main), &shop).unwrap().0.unwrap();
        assert_eq!(said, "the subject of the token is repo:acme/shop:ref:refs/heads/main");
    }
}
