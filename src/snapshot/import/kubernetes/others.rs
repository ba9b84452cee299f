//! Objects of kinds that are not read.
//!
//! Some of them give access by other means than RBAC, or are another view of it. Where an export holds them, access may be
//! missing from the snapshot, so that they are warnings with the command that exports what is missing. All others are notes.

use std::collections::BTreeMap;

use crate::input::finding::{Code, Finding, Severity};
use crate::snapshot::import::notes::Notes;

/// A group of APIs whose objects give access, their kinds (none: all), and how to export what they give.
struct Gives {
    group: &'static str,
    kinds: &'static [&'static str],
    help: &'static str,
}

const RBAC: &str = "export what they give too: `kubectl get clusterroles.rbac.authorization.k8s.io,\
    clusterrolebindings.rbac.authorization.k8s.io,roles.rbac.authorization.k8s.io,\
    rolebindings.rbac.authorization.k8s.io -A -o yaml`";

// Sources: OpenShift API reference, "Authorization APIs"; Rancher documentation, "Managing role-based access control";
// Amazon EKS user guide, "Grant IAM users access to Kubernetes".
const GIVING: &[Gives] = &[
    Gives { group: "authorization.openshift.io", kinds: &[], help: RBAC },
    Gives {
        group: "management.cattle.io",
        kinds: &[
            "ClusterRoleTemplateBinding",
            "GlobalRole",
            "GlobalRoleBinding",
            "ProjectRoleTemplateBinding",
            "RoleTemplate",
        ],
        help: RBAC,
    },
    Gives {
        group: "security.openshift.io",
        kinds: &["SecurityContextConstraints"],
        help: "its `users` and `groups` may use it: grant them a role with the verb `use` on it instead, and export that",
    },
    Gives {
        group: "user.openshift.io",
        kinds: &["Group"],
        help: "merge a snapshot that lists the members of these groups",
    },
    Gives {
        group: "eks.services.k8s.aws",
        kinds: &["AccessEntry"],
        help: "export the policies of the entries: `aws eks list-associated-access-policies`",
    },
];

/// Reports them, by kind and API as the importer counts them.
pub(super) fn report(others: &BTreeMap<String, usize>, notes: &mut Notes) {
    for (kind, count) in others {
        let finding = Finding::new(Code::NotImported, format!("{count} objects of kind {kind} were not imported"));
        notes.everywhere(match giving(kind) {
            Some(gives) => {
                let message = format!("{count} objects of kind {kind} give access that is missing from the snapshot");
                Finding::new(Code::NotImported, message).weighing(Severity::Warning).help(gives.help)
            }
            None => finding,
        });
    }
}

/// The entry for a kind written `KIND (GROUP/VERSION)`.
fn giving(kind: &str) -> Option<&'static Gives> {
    let (name, api) = kind.split_once(" (")?;
    let group = api.strip_suffix(')')?.split('/').next()?;
    GIVING.iter().find(|it| it.group == group && (it.kinds.is_empty() || it.kinds.contains(&name)))
}
