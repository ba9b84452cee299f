//! Recognises public principals by id: anonymous callers and principals that contain everybody.
//!
//! Importers mark such principals as public. A snapshot that a site writes itself may lack the mark, so the documented
//! names count too. Some of these names are also ordinary words: a site can have one account called `guest`. An identity
//! of the snapshot with such a name counts as an outsider, and any other subject as the public. Names are compared without
//! regard to case, spaces, `-` and `_`.

use crate::input::system::System;

/// A documented name of a public principal, without the prefixes that ids have.
struct PublicName {
    /// In lower case, without spaces, `-` and `_`.
    name: &'static str,
    /// The only system in which it is public; `None`: any.
    system: Option<&'static str>,
    /// Whether it can also be the name of one account.
    is_word: bool,
    /// The documentation: vendor and page. Read by the test that each name has one.
    #[cfg_attr(not(test), expect(dead_code, reason = "the reference for the name"))]
    source: &'static str,
}

const fn everywhere(name: &'static str, source: &'static str) -> PublicName {
    PublicName { name, system: None, is_word: false, source }
}

const fn only_in(system: &'static str, name: &'static str, source: &'static str) -> PublicName {
    PublicName { name, system: Some(system), is_word: false, source }
}

const fn word(name: &'static str, source: &'static str) -> PublicName {
    PublicName { name, system: None, is_word: true, source }
}

const WINDOWS: &str = "Microsoft Windows, \"Security identifiers\"";
const GOOGLE: &str = "Google Cloud, \"IAM: principal identifiers\"";
const S3: &str = "Amazon S3, \"Access control list overview: predefined groups\"";
const JENKINS: &str = "Jenkins, \"Matrix Authorization Strategy\"";
const SVN: &str = "Apache Subversion, \"Path-based authorization\"";

const NAMES: &[PublicName] = &[
    everywhere("system:anonymous", "Kubernetes, \"Authenticating: anonymous requests\""),
    everywhere("system:unauthenticated", "Kubernetes, \"Authenticating: anonymous requests\""),
    everywhere("system:authenticated", "Kubernetes, \"Using RBAC authorization: default roles\""),
    everywhere("aws:everyone", "AWS, IAM reference, \"AWS JSON policy elements: Principal\""),
    everywhere("aws:anyone", "AWS, IAM reference, \"AWS JSON policy elements: Principal\""),
    everywhere("allusers", GOOGLE),
    everywhere("allauthenticatedusers", GOOGLE),
    everywhere("public:all", GOOGLE),
    everywhere("public", "PostgreSQL, \"GRANT\""),
    everywhere("anyuser", "Oracle Cloud, \"Policy syntax: subject\""),
    everywhere("anyone", "Google Drive, \"Roles and permissions\""),
    everywhere("anyonewithlink", "Google Drive, \"Roles and permissions\""),
    everywhere("everyone", "Okta, \"About groups: the Everyone group\""),
    everywhere("@everyone", "Discord, \"Setting up permissions\""),
    everywhere("@all", "Gitolite, \"User and group names: the special group @all\""),
    everywhere("everyoneexceptexternalusers", "Microsoft SharePoint, \"Default groups\""),
    everywhere("authenticatedusers", S3),
    everywhere("authenticated", JENKINS),
    everywhere("domainusers", "Microsoft Windows, \"Active Directory security groups\""),
    everywhere("anonymouslogon", WINDOWS),
    everywhere("anonymoususers", "Gerrit, \"Access controls: system groups\""),
    everywhere("registeredusers", "Gerrit, \"Access controls: system groups\""),
    everywhere("$anonymous", SVN),
    everywhere("$authenticated", SVN),
    everywhere("s110", WINDOWS),
    everywhere("s157", WINDOWS),
    everywhere("s1511", WINDOWS),
    everywhere("s1532546", WINDOWS),
    only_in("postgresql", "anon", "Supabase, \"Postgres roles\""),
    only_in("postgresql", "webanon", "PostgREST, \"Authentication: anonymous role\""),
    word("anonymous", JENKINS),
    word("guest", "Microsoft SQL Server, \"Principals: guest user\""),
    word("guests", "Microsoft Windows, \"Active Directory security groups\""),
    word("anon", "Supabase, \"Postgres roles\""),
    word("nobody", "NFS, exports(5): root_squash"),
    word("world", "Apache ZooKeeper, \"Access control: the world scheme\""),
    word("visitors", "Microsoft SharePoint, \"Default groups\""),
];

/// Whether an id names a public principal, with or without a prefix such as `user:` or `group:`. `system`: that of the
/// id; `None` if unknown, then only the names that no single system owns count.
#[must_use]
pub fn is_public_name(id: &str, system: Option<&System>) -> bool {
    id == "*" || names(id, system).any(|known| !known.is_word)
}

/// Whether an id is a word by which systems name the public, and which can also be the name of one account.
#[must_use]
pub fn is_public_word(id: &str) -> bool {
    names(id, None).any(|known| known.is_word)
}

/// The names that an id ends with, as a whole part.
fn names<'n>(id: &str, system: Option<&'n System>) -> impl Iterator<Item = &'static PublicName> + use<'n> {
    let folded: String = id.chars().filter(|c| !matches!(c, ' ' | '-' | '_')).flat_map(char::to_lowercase).collect();
    let applies = move |known: &&PublicName| match (known.system, system) {
        (Some(only), Some(system)) => system.name() == only,
        (Some(_), None) => false,
        (None, _) => true,
    };
    NAMES.iter().filter(applies).filter(move |known| {
        folded.strip_suffix(known.name).is_some_and(|before| before.is_empty() || before.ends_with([':', '/', '\\']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_known_by_the_names_that_systems_document() {
        for id in [
            "user:system:anonymous",
            "group:system:unauthenticated",
            "group:system:authenticated",
            "aws:everyone",
            "*",
            "allUsers",
            "gcp:allAuthenticatedUsers",
            "role:PUBLIC",
            "entra/All Users",
            "all_users",
            "okta:Everyone",
            "everyone",
            "@all",
            "group:@everyone",
            "gcp:allusers",
            "http://acs.amazonaws.com/groups/global/AuthenticatedUsers",
            "NT AUTHORITY\\ANONYMOUS LOGON",
            "CORP\\Domain Users",
            "sid:S-1-1-0",
            "principalSet://goog/public:all",
        ] {
            assert!(is_public_name(id, None), "{id}");
        }
        for id in [
            "group:system:masters",
            "user:anonymous",
            "group:publicity",
            "group:PUBLIC-relations",
            "group:my-all-users",
            "user:guest",
            "role:anon",
        ] {
            assert!(!is_public_name(id, None), "{id}");
        }
    }

    #[test]
    fn a_name_that_is_public_in_one_system_is_a_word_elsewhere() {
        assert!(is_public_name("role:anon", Some(&System::Postgresql)));
        assert!(!is_public_name("role:anon", Some(&System::Kubernetes)) && is_public_word("role:anon"));
        for word in ["user:guest", "anonymous", "CORP\\Guests", "Guest"] {
            assert!(is_public_word(word), "{word}");
        }
        for name in ["user:guestbook", "user:the-guest", "everyone"] {
            assert!(!is_public_word(name), "{name}");
        }
    }

    #[test]
    fn every_public_name_is_folded_and_has_a_source() {
        for known in NAMES {
            assert!(known.name == known.name.to_lowercase() && !known.name.contains([' ', '-', '_']), "{}", known.name);
            assert!(known.source.contains(", "), "{}", known.name);
        }
    }
}
