//! Names that suggest an administrator.
//!
//! Searches the name of a role, a group or an action for a word that suggests administrative power. For an unclassified
//! object the name is the only information. The result never lowers a rating.

/// Words in lower case, matched anywhere in a name.
const WORDS: &[&str] = &[
    "admin",
    "owner",
    "root",
    "super",
    "sudo",
    "wheel",
    "privileg",
    "master",
    "god",
    "emergency",
    "elevated",
    "poweruser",
    "power-user",
    "power_user",
    "power user",
    "breakglass",
    "break-glass",
    "break_glass",
    "break glass",
    "fullaccess",
    "full-access",
    "full_access",
    "full access",
    "fullcontrol",
    "full-control",
    "full_control",
    "full control",
    "allaccess",
    "all-access",
    "all_access",
];

/// Whether a name suggests administrative power.
pub(crate) fn tells_of_an_administrator(name: &str) -> bool {
    let name = name.to_lowercase();
    WORDS.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_promises_power_is_noticed_in_any_case_and_company() {
        for name in ["okta:prod-admins", "Project OWNER", "SuperUser", "db_root", "BreakGlass-eu", "Full Control"] {
            assert!(tells_of_an_administrator(name), "{name}");
        }
        for name in ["viewer", "group:readers", "ledger:read", "member"] {
            assert!(!tells_of_an_administrator(name), "{name}");
        }
    }
}
