//! The principals of bindings and deny rules: who is meant, and what is known about them.

use crate::input::entitlement::IdentityKind;
use crate::snapshot::import::draft::Draft;
use crate::snapshot::model::{MembersKnown, Status};

use super::scopes::Scopes;

/// What identities in Google Cloud are called: people, service accounts, workloads and workforces of other providers.
const EVERYBODY: [&str; 3] = ["user:*", "serviceAccount:*", "principal:*"];

/// Adds the subject of a member of a binding, and returns its id, which is the member as Google Cloud writes it.
pub(super) fn member(member: &str, scopes: &Scopes, draft: &mut Draft) -> String {
    let (kind, name) = member.split_once(':').unwrap_or(("", member));
    match kind {
        "" if matches!(member, "allUsers" | "allAuthenticatedUsers") => {
            let group = draft.group(member);
            group.public = true;
            group.implicit = EVERYBODY.map(str::to_owned).to_vec();
        }
        "user" => {
            draft.identity(member, IdentityKind::Human);
        }
        // A Kubernetes service account that a cluster of the project runs as.
        "serviceAccount" if name.contains(".svc.id.goog[") => {
            draft.identity(member, IdentityKind::Workload);
        }
        "serviceAccount" => {
            draft.identity(member, IdentityKind::ServiceAccount);
            scopes.add_account(name, None, draft);
        }
        "deleted" => {
            let human = name.starts_with("user:") || name.starts_with("principal://");
            let kind = if human { IdentityKind::Human } else { IdentityKind::ServiceAccount };
            draft.identity(member, kind).status = Status::Disabled;
        }
        "principal" => {
            let is_workforce = name.contains("/workforcePools/");
            draft.identity(member, if is_workforce { IdentityKind::Human } else { IdentityKind::Workload });
        }
        "domain" => {
            let people = format!("user:*@{name}");
            open_group(member, draft).implicit = vec![people];
        }
        "projectOwner" | "projectEditor" | "projectViewer" => {
            let known = draft.is_subject(member);
            let group = draft.group(member);
            if !known {
                group.members_known = MembersKnown::Partial;
            }
        }
        // `group`, `principalSet`, and whatever Google Cloud adds: some set of principals.
        _ => {
            open_group(member, draft);
        }
    }
    member.to_owned()
}

/// A group of which the export does not list the members, unless a list of memberships does.
fn open_group<'d>(id: &str, draft: &'d mut Draft) -> &'d mut crate::snapshot::model::Group {
    let known = draft.is_subject(id);
    let group = draft.group(id);
    if !known {
        group.members_known = MembersKnown::Unknown;
    }
    group
}

/// The member that a principal of a deny rule is, where both forms name the same; otherwise the principal itself.
pub(super) fn of_deny_rule(principal: &str) -> String {
    const FORMS: [(&str, &str); 3] = [
        ("principal://goog/subject/", "user:"),
        ("principalSet://goog/group/", "group:"),
        ("principal://iam.googleapis.com/projects/-/serviceAccounts/", "serviceAccount:"),
    ];
    if principal == "principalSet://goog/public:all" {
        return "allUsers".to_owned();
    }
    let short = FORMS.iter().find_map(|(long, short)| Some(format!("{short}{}", principal.strip_prefix(long)?)));
    short.unwrap_or_else(|| principal.to_owned())
}
