//! The systems that objects belong to.
//!
//! A system decides how patterns are compared and which classification rules, escalation paths and separation-of-duties
//! pairs apply. Files write it as a name; a name that is not built in is a system of its own, compared as text.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::text::Text;

/// Between the kind of a system and the name of a part: `kubernetes@blue`.
const PART: char = '@';

/// A system.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum System {
    /// Amazon Web Services.
    Aws,
    /// A Kubernetes cluster.
    Kubernetes,
    /// A PostgreSQL server.
    Postgresql,
    /// Any other system, by name.
    Other(Text),
}

impl System {
    /// The system of a name.
    #[must_use]
    pub fn named(name: &Text) -> Self {
        Self::built_in(name.raw()).unwrap_or_else(|| Self::Other(name.clone()))
    }

    /// The built-in system of a name.
    #[must_use]
    pub fn built_in(name: &str) -> Option<Self> {
        match name {
            "aws" => Some(Self::Aws),
            "kubernetes" => Some(Self::Kubernetes),
            "postgresql" => Some(Self::Postgresql),
            _ => None,
        }
    }

    /// The kind of system, without the name of a part of a merged snapshot: `kubernetes` of `kubernetes@blue`.
    #[must_use]
    pub fn kind(&self) -> Self {
        match self {
            Self::Other(name) => match name.raw().split_once(PART) {
                Some((kind, _)) => Self::named(&Text::from(kind)),
                None => self.clone(),
            },
            Self::Aws | Self::Kubernetes | Self::Postgresql => self.clone(),
        }
    }

    /// The system of a part of a merged snapshot. WHY: parts of one kind are systems of their own, so that nothing of one
    /// covers or completes anything of another.
    #[must_use]
    pub fn of_part(&self, part: &str) -> Self {
        let name = self.name();
        if name == part { self.clone() } else { Self::Other(Text::from(format!("{name}{PART}{part}"))) }
    }

    /// The system whose ids have the form of this one, where the form is unambiguous.
    #[must_use]
    pub fn of_id(id: &str) -> Option<Self> {
        let is_arn = |text: &str| text.strip_prefix("arn:").is_some_and(|rest| rest.contains(':'));
        let (prefix, rest) = id.split_once(':')?;
        let digits = |text: &str| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
        match prefix {
            "arn" => is_arn(id).then_some(Self::Aws),
            "inline" | "trust-policy" | "resource-policy" if is_arn(rest) => Some(Self::Aws),
            "account" if digits(rest) => Some(Self::Aws),
            "clusterrole" | "sa" | "ns" | "kubernetes" => Some(Self::Kubernetes),
            "builtin" if rest.starts_with("system:") => Some(Self::Kubernetes),
            _ => None,
        }
    }

    /// The system of an object: as stated, else by the form of its id, else that of the whole export.
    #[must_use]
    pub fn of_object(stated: Option<&Self>, id: &str, whole: Option<&Self>) -> Option<Self> {
        let namespaced = || id.strip_prefix("role:").is_some_and(|rest| rest.contains('/'));
        let by_form = || match whole {
            None | Some(Self::Other(_)) if namespaced() => Some(Self::Kubernetes),
            _ => Self::of_id(id),
        };
        stated.cloned().or_else(by_form).or_else(|| whole.cloned())
    }

    /// Its name as files write it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Aws => "aws",
            Self::Kubernetes => "kubernetes",
            Self::Postgresql => "postgresql",
            Self::Other(name) => name.raw(),
        }
    }
}

impl Serialize for System {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for System {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text::deserialize(deserializer).map(|name| Self::named(&name))
    }
}

impl JsonSchema for System {
    fn schema_name() -> Cow<'static, str> {
        Text::schema_name()
    }

    fn inline_schema() -> bool {
        Text::inline_schema()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Text::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_is_read_as_it_is_written() {
        for name in ["aws", "kubernetes", "postgresql", "okta"] {
            let system = System::named(&name.into());
            assert_eq!(system.name(), name);
            assert_eq!(serde_json::to_string(&system).unwrap(), format!("\"{name}\""));
            assert_eq!(serde_json::from_str::<System>(&format!("\"{name}\"")).unwrap(), system);
        }
    }

    #[test]
    fn a_part_is_a_system_of_its_own_and_of_the_same_kind() {
        let blue = System::Kubernetes.of_part("blue");
        assert_eq!((blue.name(), blue.kind()), ("kubernetes@blue", System::Kubernetes));
        assert_ne!(blue, System::Kubernetes.of_part("green"));
        assert_eq!(System::Kubernetes.of_part("kubernetes"), System::Kubernetes);
        let okta = System::named(&"okta".into());
        assert_eq!(okta.of_part("eu").kind(), okta);
    }

    #[test]
    fn only_an_unambiguous_form_of_an_id_tells_its_system() {
        for id in ["arn:aws:iam::aws:policy/X", "inline:arn:aws:iam::111111111111:user/a:p", "account:111111111111"] {
            assert_eq!(System::of_id(id), Some(System::Aws), "{id}");
        }
        for id in ["clusterrole:view", "sa:team/bot", "ns:team", "builtin:system:masters"] {
            assert_eq!(System::of_id(id), Some(System::Kubernetes), "{id}");
        }
        for id in [
            "role:reader",
            "role:team/deploy",
            "user:ann",
            "group:ops",
            "arn",
            "arn:",
            "inline:x",
            "account:main",
            "db:ledger",
            "",
        ] {
            assert_eq!(System::of_id(id), None, "{id}");
        }
    }

    #[test]
    fn what_an_object_states_comes_before_its_id_and_its_id_before_the_export() {
        let other = System::Other("estate".into());
        let of = |stated: Option<&System>, id, whole| System::of_object(stated, id, whole);
        assert_eq!(of(Some(&System::Aws), "clusterrole:view", None), Some(System::Aws));
        assert_eq!(of(None, "clusterrole:view", Some(&System::Aws)), Some(System::Kubernetes));
        assert_eq!(of(None, "role:a/b", Some(&System::Postgresql)), Some(System::Postgresql));
        assert_eq!(of(None, "role:a/b", Some(&other)), Some(System::Kubernetes));
        assert_eq!(of(None, "reader", Some(&other)), Some(other.clone()));
        assert_eq!(of(None, "reader", None), None);
    }
}
