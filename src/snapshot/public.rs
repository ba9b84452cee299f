//! Recognises public principals by id: anonymous callers and principals that contain everybody.
//!
//! Importers mark such principals as public. A snapshot that a site writes itself may lack the mark, so the documented
//! names count too.
//!
//! Sources: Kubernetes, "Authenticating: anonymous requests" and "RBAC: default roles"; AWS, IAM reference, "AWS JSON
//! policy elements: Principal"; Google Cloud, "IAM: principal identifiers"; PostgreSQL, "GRANT"; Microsoft Entra, "Rules
//! for dynamic membership groups: all users"; Microsoft Windows, "Security identifiers"; Amazon S3, "Access control list
//! overview: predefined groups"; Oracle Cloud, "Policy syntax: subject"; Google Drive, "Roles and permissions".

/// Names of public principals, without the prefixes that ids have. Compared without regard to case.
const NAMES: &[&str] = &[
    "system:anonymous",
    "system:unauthenticated",
    "system:authenticated",
    "aws:everyone",
    "aws:anyone",
    "allUsers",
    "allAuthenticatedUsers",
    "PUBLIC",
    "All Users",
    "AllUsers",
    "all-users",
    "public:all",
    "any-user",
    "anyone",
    "Everyone",
    "Everyone except external users",
    "Authenticated Users",
    "AuthenticatedUsers",
    "Domain Users",
    "ANONYMOUS LOGON",
    "S-1-1-0",
    "S-1-5-7",
    "S-1-5-11",
];

/// Whether an id names a public principal, with or without a prefix such as `user:` or `group:`.
#[must_use]
pub fn is_public_name(id: &str) -> bool {
    let is = |name: &str| {
        let split = id.len().checked_sub(name.len()).and_then(|at| id.split_at_checked(at));
        split.is_some_and(|(before, end)| end.eq_ignore_ascii_case(name) && (before.is_empty() || ends_a_part(before)))
    };
    id == "*" || NAMES.iter().copied().any(is)
}

fn ends_a_part(before: &str) -> bool {
    before.ends_with([':', '/', '\\'])
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
            "okta:Everyone",
            "everyone",
            "gcp:allusers",
            "http://acs.amazonaws.com/groups/global/AuthenticatedUsers",
            "NT AUTHORITY\\ANONYMOUS LOGON",
            "CORP\\Domain Users",
            "sid:S-1-1-0",
            "principalSet://goog/public:all",
        ] {
            assert!(is_public_name(id), "{id}");
        }
        for id in [
            "group:system:masters",
            "user:anonymous",
            "group:publicity",
            "group:PUBLIC-relations",
            "group:my-all-users",
        ] {
            assert!(!is_public_name(id), "{id}");
        }
    }
}
