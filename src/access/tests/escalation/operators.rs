//! Escalation paths on a cluster: manifests in the shape of well-known operators, and grants with limited names. No path is
//! reported where the names allowed give nothing more, and none is missing for another verb of the same.

use crate::access::model::facts::{Escalation, PathStep};
use crate::access::queries::escalations::standing;
use crate::access::tests::build::*;
use crate::access::{Data, Index};
use crate::input::time::Time;
use crate::plan::model::Action;
use crate::snapshot::import::kubernetes;
use crate::snapshot::model::Snapshot;

/// A cluster whose control plane has one account that holds everything.
const CLUSTER: &str = "
- {apiVersion: v1, kind: Namespace, metadata: {name: kube-system}}
- {apiVersion: v1, kind: Namespace, metadata: {name: team-a}}
- {apiVersion: v1, kind: Namespace, metadata: {name: team-b}}
- {apiVersion: v1, kind: ServiceAccount, metadata: {name: root, namespace: kube-system}}
- {apiVersion: v1, kind: ServiceAccount, metadata: {name: idle, namespace: kube-system}}
- {apiVersion: v1, kind: ServiceAccount, metadata: {name: op, namespace: team-a}}
- {apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: cluster-admin}, rules: [{apiGroups: ['*'], resources: ['*'], verbs: ['*']}]}
- {apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: view}, rules: [{apiGroups: [''], resources: [pods, configmaps], verbs: [get, list, watch]}]}
- {apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: edit}, rules: [{apiGroups: [''], resources: [pods, configmaps], verbs: [get, list, watch, delete]}]}
- {apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: root}, roleRef: {kind: ClusterRole, name: cluster-admin}, subjects: [{kind: ServiceAccount, name: root, namespace: kube-system}]}
- {apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: lead}, rules: [{apiGroups: [''], resources: [nodes], verbs: [get]}]}
- {apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: lead}, roleRef: {kind: ClusterRole, name: lead}, subjects: [{kind: User, name: lead}, {kind: Group, name: leads}, {kind: ServiceAccount, name: lead, namespace: kube-system}]}
";

/// The cluster, and roles of an operator: `rules` for the whole cluster, `own` in its namespace, `system` in the control
/// plane's.
fn cluster(more: &str, rules: &str, own: &str, system: &str) -> Snapshot {
    let role = |kind: &str, name: &str, at: &str, rules: &str| {
        format!(
            "- {{apiVersion: rbac.authorization.k8s.io/v1, kind: {kind}, metadata: {{name: {name}{at}}}, rules: [{rules}]}}
- {{apiVersion: rbac.authorization.k8s.io/v1, kind: {kind}Binding, metadata: {{name: {name}{at}}}, roleRef: {{kind: {kind}, name: {name}}}, subjects: [{{kind: ServiceAccount, name: op, namespace: team-a}}]}}
"
        )
    };
    let items = [
        CLUSTER.to_owned(),
        more.to_owned(),
        role("ClusterRole", "op", "", rules),
        role("Role", "own", ", namespace: team-a", own),
        role("Role", "system", ", namespace: kube-system", system),
    ];
    let list = format!("apiVersion: v1\nkind: List\nitems:\n{}", items.concat());
    kubernetes::import(&[("c.yaml", list.as_bytes())], Time::from_unix(TAKEN_AT)).unwrap().snapshot
}

/// What somebody completes by what they hold themselves: whoever can act as an account of the control plane completes
/// everything.
fn standing_of(s: &Snapshot, who: &str) -> Vec<Escalation> {
    let mut all = standing(&Index::new(s), &Data::shipped().unwrap());
    let itself = |e: &Escalation| !e.paths.iter().any(|p| p.iter().any(|step| matches!(step, PathStep::ActsAs(..))));
    all.retain(|e| e.complete && e.subject.as_str() == who && itself(e));
    all
}

fn paths(s: &Snapshot) -> Vec<String> {
    let mut ids: Vec<String> = standing_of(s, "sa:team-a/op").iter().map(|e| e.id.raw().to_owned()).collect();
    ids.dedup();
    ids
}

fn operator(rules: &str) -> Vec<String> {
    paths(&cluster("", rules, "", ""))
}

#[test]
fn an_operator_completes_what_its_manifests_let_it_do_and_nothing_else() {
    // In the shape of a deployment tool that is installed into one namespace.
    let deployer = "{apiGroups: [argoproj.io], resources: [applications, appprojects], verbs: ['*']},
      {apiGroups: [''], resources: [secrets, configmaps], verbs: ['*']}, {apiGroups: [''], resources: [events], verbs: [create]},
      {apiGroups: [apps], resources: [deployments], verbs: ['*']}";
    assert!(paths(&cluster("", "", deployer, "")).is_empty());
    // Of an issuer of certificates: its controller, which approves and signs for its own signers only.
    let issuer = "{apiGroups: [cert-manager.io], resources: [certificates, issuers], verbs: [update, patch, get, list, watch]},
      {apiGroups: [''], resources: [secrets], verbs: [get, list, watch, create, update, delete, patch]},
      {apiGroups: [cert-manager.io], resources: [signers], verbs: [approve], resourceNames: ['issuers.cert-manager.io/*']},
      {apiGroups: [certificates.k8s.io], resources: [certificatesigningrequests], verbs: [get, list, watch, create, update]},
      {apiGroups: [certificates.k8s.io], resources: [certificatesigningrequests/status, certificatesigningrequests/approval], verbs: [update, patch]},
      {apiGroups: [certificates.k8s.io], resources: [signers], verbs: [sign, approve], resourceNames: ['issuers.cert-manager.io/*', 'clusterissuers.cert-manager.io/*']}";
    let token = "{apiGroups: [''], resources: [serviceaccounts/token], verbs: [create], resourceNames: [op]}";
    let leases = "{apiGroups: [coordination.k8s.io], resources: [leases], verbs: [get, update, patch, create]},
      {apiGroups: [''], resources: [configmaps], verbs: [update, patch], resourceNames: [op-controller]}";
    assert_eq!(paths(&cluster("", issuer, token, leases)), ["k8s-secrets-control-plane", "k8s-secrets-create-token"]);
    // And its injector, which does rewrite webhooks, API services and definitions.
    let injector = "{apiGroups: [admissionregistration.k8s.io], resources: [validatingwebhookconfigurations, mutatingwebhookconfigurations], verbs: [get, list, watch, update, patch]},
      {apiGroups: [apiregistration.k8s.io], resources: [apiservices], verbs: [get, list, watch, update, patch]},
      {apiGroups: [apiextensions.k8s.io], resources: [customresourcedefinitions], verbs: [get, list, watch, update, patch]}";
    let rewrites = ["k8s-api-services", "k8s-conversion-webhooks", "k8s-mutating-webhooks", "k8s-validating-webhooks"];
    assert_eq!(operator(injector), rewrites);
    // Of a mesh: it approves for a signer that issues nothing that the API server trusts, and writes configuration.
    let mesh = "{apiGroups: [admissionregistration.k8s.io], resources: [mutatingwebhookconfigurations], verbs: [get, list, watch, update, patch]},
      {apiGroups: [''], resources: [configmaps], verbs: [create, get, list, watch, update]},
      {apiGroups: [certificates.k8s.io], resources: [certificatesigningrequests, certificatesigningrequests/approval, certificatesigningrequests/status], verbs: [update, create, get, delete, watch]},
      {apiGroups: [certificates.k8s.io], resources: [signers], resourceNames: [kubernetes.io/legacy-unknown], verbs: [approve]},
      {apiGroups: [''], resources: [secrets], verbs: [get, watch, list]},
      {apiGroups: [authentication.k8s.io], resources: [tokenreviews], verbs: [create]}";
    assert_eq!(operator(mesh), ["k8s-mutating-webhooks", "k8s-secrets-control-plane"]);
    // Of a monitoring operator.
    let monitoring = "{apiGroups: [monitoring.coreos.com], resources: [prometheuses, servicemonitors], verbs: ['*']},
      {apiGroups: [apps], resources: [statefulsets], verbs: ['*']}, {apiGroups: [''], resources: [pods], verbs: [list, delete]},
      {apiGroups: [''], resources: [namespaces, nodes], verbs: [get, list, watch]}";
    assert_eq!(operator(monitoring), ["k8s-workloads-control-plane"]);
    // Of an operator that hands out secrets: it issues tokens for accounts anywhere.
    let secrets = "{apiGroups: [''], resources: [serviceaccounts/token], verbs: [create]}, {apiGroups: [''], resources: [serviceaccounts, namespaces], verbs: [get, list, watch]}";
    assert_eq!(operator(secrets), ["k8s-token-request"]);
    // Of an autoscaler: nothing.
    let scaler = "{apiGroups: [''], resources: [nodes], verbs: [watch, list, get, update]}, {apiGroups: [''], resources: [pods/eviction, events], verbs: [create]},
      {apiGroups: [''], resources: [pods, services], verbs: [watch, list, get]}";
    let status = "{apiGroups: [''], resources: [configmaps], verbs: [delete, get, update, watch], resourceNames: [autoscaler-status]}";
    assert!(paths(&cluster("", scaler, "", status)).is_empty());
}

const RBAC: &str = "apiGroups: [rbac.authorization.k8s.io]";

fn bind(names: &str, verb: &str) -> String {
    format!(
        "{{{RBAC}, resources: [clusterroles], verbs: [bind]{names}}}, {{{RBAC}, resources: [rolebindings], verbs: [{verb}]}}"
    )
}

#[test]
fn binding_is_a_path_only_for_a_role_that_gives_more_than_the_binder_holds() {
    let holds = "{apiGroups: [''], resources: [pods, configmaps], verbs: [get, list, watch, delete]}";
    let id = "k8s-bind-clusterroles-namespaced";
    for verb in ["create", "update", "patch"] {
        assert_eq!(operator(&bind(", resourceNames: [view]", verb)), [id], "{verb}: it holds nothing itself");
        let held = format!("{holds}, {}", bind(", resourceNames: [view, edit]", verb));
        assert!(operator(&held).is_empty(), "{verb}: it holds all that these give");
    }
    let s = cluster("", &format!("{holds}, {}", bind(", resourceNames: [view, cluster-admin]", "create")), "", "");
    let found = standing_of(&s, "sa:team-a/op");
    let bound: Vec<&str> = found.iter().map(|e| e.bound["name"].raw()).collect();
    assert_eq!(bound, ["cluster-admin"]);
    assert!(!found[0].title.raw().contains("any"), "{}", found[0].title.raw());
    let found = standing_of(&cluster("", &format!("{holds}, {}", bind("", "create")), "", ""), "sa:team-a/op");
    assert!(
        found.iter().any(|e| e.bound["name"].raw() == "*" && e.title.raw().contains("any ClusterRole")),
        "{found:?}"
    );
    assert_eq!(
        operator(&bind(", resourceNames: [gone]", "create")),
        [id],
        "a role that the export lacks may give anything"
    );
    assert!(operator(&bind("", "get")).is_empty(), "who makes no binding binds nothing");
}

#[test]
fn a_role_is_bound_and_held_in_the_same_place() {
    let holds = "{apiGroups: [''], resources: [pods, configmaps], verbs: [get, list, watch, delete]}";
    let own = format!("{holds}, {}", bind(", resourceNames: [view]", "create"));
    assert!(paths(&cluster("", "", &own, "")).is_empty(), "in its namespace it holds all that the role gives there");
    let (bind_there, create_here) = (
        format!("{{{RBAC}, resources: [clusterroles], verbs: [bind]}}"),
        format!("{{{RBAC}, resources: [rolebindings], verbs: [create]}}"),
    );
    assert!(paths(&cluster("", "", &create_here, &bind_there)).is_empty(), "the two are never held in one place");
    assert_eq!(
        paths(&cluster("", &create_here, "", &bind_there)),
        ["k8s-bind-clusterroles-namespaced"],
        "what is held everywhere is held there too"
    );
}

#[test]
fn a_role_that_somebody_may_bind_opens_the_path_when_a_change_gives_it_more() {
    let s = cluster("", &bind(", resourceNames: [empty]", "create"), "", "");
    let s = s.role("clusterrole:empty", &[]).human("agent").human("pat");
    assert!(paths(&s).is_empty());
    let data = Data::shipped().unwrap();
    let more = |what: &str| Action::AddPermission(p("clusterrole:empty".into()), p(allow("get", what)));
    let found = |change: Action| -> Vec<String> {
        let a = Run { data: &data, ..Run::default() }.on(&s, &plan(vec![("c", change)])).unwrap();
        let mine = a.escalations.iter().filter(|e| e.subject.as_str() == "sa:team-a/op");
        mine.map(|e| e.id.raw().to_owned()).collect()
    };
    assert_eq!(found(more("core:secrets#*")), ["k8s-bind-clusterroles-namespaced"]);
    let other = Action::AddPermission(p("clusterrole:view".into()), p(allow("get", "core:secrets#*")));
    assert!(found(other).is_empty(), "nobody may bind that one");
}

#[test]
fn the_verbs_that_escalate_are_inert_alone() {
    let escalate = format!("{{{RBAC}, resources: [clusterroles], verbs: [escalate]}}");
    assert!(operator(&escalate).is_empty());
    for verb in ["create", "update", "patch"] {
        let both = format!("{{{RBAC}, resources: [clusterroles], verbs: [escalate, {verb}]}}");
        assert_eq!(operator(&both), ["k8s-escalate-clusterroles"], "{verb}");
    }
    let apart = format!(
        "{{{RBAC}, resources: [clusterroles], verbs: [escalate], resourceNames: [view]}}, {{{RBAC}, resources: [clusterroles], verbs: [update], resourceNames: [edit]}}"
    );
    assert!(operator(&apart).is_empty(), "one role may be widened, another written");

    let groups = "{apiGroups: [''], resources: [groups], verbs: [impersonate]}";
    let s = cluster("", groups, "", "");
    assert!(paths(&s).is_empty());
    assert!(!acts_as(&s, "group:leads"), "no group is impersonated without a user");
    for with in ["users", "serviceaccounts"] {
        let both = format!("{{apiGroups: [''], resources: [groups, {with}], verbs: [impersonate]}}");
        let s = cluster("", &both, "", "");
        assert!(paths(&s).contains(&"k8s-impersonate-groups".to_owned()), "{with}");
        assert!(acts_as(&s, "group:leads"), "{with}");
    }
}

/// Whether the operator can act as somebody.
fn acts_as(s: &Snapshot, whom: &str) -> bool {
    let index = Index::new(s);
    let view = crate::access::effective::state::AccessState::plain(&index);
    let row = view.row(&crate::input::id::Subject::Identity("sa:team-a/op".into()));
    row.keys().any(|subject| subject.as_str() == whom)
}

#[test]
fn impersonation_is_a_path_only_to_names_that_hold_more() {
    let named = |what: &str, name: &str| {
        format!("{{apiGroups: [''], resources: [{what}], verbs: [impersonate], resourceNames: [{name}]}}")
    };
    assert_eq!(operator(&named("users", "lead")), ["k8s-impersonate-users"]);
    assert!(operator(&named("users", "nobody-knows")).is_empty());
    assert_eq!(operator(&named("serviceaccounts", "lead")), ["k8s-impersonate-serviceaccounts"]);
    assert!(operator(&named("serviceaccounts", "idle")).is_empty());
}

#[test]
fn constrained_impersonation_takes_both_permissions_and_is_as_good_as_the_other() {
    let s = |rules: &str| cluster("", rules, "", "");
    let account = "{apiGroups: [authentication.k8s.io], resources: [serviceaccounts], verbs: ['impersonate:serviceaccount'], resourceNames: [lead]}";
    let on = "{apiGroups: [''], resources: [pods], verbs: ['impersonate-on:serviceaccount:list']}";
    assert!(paths(&s(account)).is_empty() && !acts_as(&s(account), "sa:kube-system/lead"), "nothing to do as it");
    assert!(!acts_as(&s(on), "sa:kube-system/lead"));
    let both = s(&format!("{account}, {on}"));
    assert_eq!(paths(&both), ["k8s-impersonate-serviceaccount"]);
    assert!(acts_as(&both, "sa:kube-system/lead") && !acts_as(&both, "sa:kube-system/idle"));
    let user = "{apiGroups: [authentication.k8s.io], resources: [users], verbs: ['impersonate:user-info'], resourceNames: [lead]}, {apiGroups: [''], resources: [pods], verbs: ['impersonate-on:user-info:delete']}";
    assert_eq!(paths(&s(user)), ["k8s-impersonate-user-info"]);
    assert!(acts_as(&s(user), "user:lead"));
    let node = "{apiGroups: [authentication.k8s.io], resources: [nodes], verbs: ['impersonate:arbitrary-node']}, {apiGroups: [''], resources: [pods], verbs: ['impersonate-on:arbitrary-node:get']}";
    assert_eq!(paths(&s(node)), ["k8s-impersonate-arbitrary-node"]);
}

#[test]
fn every_verb_of_a_path_is_known() {
    let one = |group: &str, resource: &str, verb: &str| {
        operator(&format!("{{apiGroups: ['{group}'], resources: [{resource}], verbs: ['{verb}']}}"))
    };
    for (group, resource, verbs, path) in [
        ("", "pods", &["create", "patch", "update"][..], "k8s-pods-control-plane"),
        ("apps", "deployments", &["create", "patch", "update"], "k8s-workloads-control-plane"),
        ("batch", "cronjobs", &["create", "patch", "update"], "k8s-workloads-control-plane"),
        ("", "pods/exec", &["create", "get"], "k8s-exec-control-plane"),
        ("", "pods/attach", &["create", "get"], "k8s-exec-control-plane"),
        ("", "pods/ephemeralcontainers", &["patch", "update"], "k8s-ephemeral-containers-control-plane"),
        ("", "secrets", &["get", "list", "watch"], "k8s-secrets-control-plane"),
        ("", "nodes/proxy", &["create", "get"], "k8s-nodes-proxy"),
        (
            "admissionregistration.k8s.io",
            "mutatingwebhookconfigurations",
            &["create", "patch", "update"],
            "k8s-mutating-webhooks",
        ),
        (
            "admissionregistration.k8s.io",
            "validatingwebhookconfigurations",
            &["create", "patch", "update"],
            "k8s-validating-webhooks",
        ),
        ("admissionregistration.k8s.io", "mutatingadmissionpolicies", &["patch", "update"], "k8s-mutating-policies"),
        (
            "admissionregistration.k8s.io",
            "mutatingadmissionpolicybindings",
            &["patch", "update"],
            "k8s-mutating-policies",
        ),
        (
            "admissionregistration.k8s.io",
            "validatingadmissionpolicies",
            &["delete", "patch", "update"],
            "k8s-validating-policies",
        ),
        (
            "admissionregistration.k8s.io",
            "validatingadmissionpolicybindings",
            &["delete", "patch", "update"],
            "k8s-validating-policies",
        ),
        ("apiregistration.k8s.io", "apiservices", &["create", "patch", "update"], "k8s-api-services"),
        ("apiextensions.k8s.io", "customresourcedefinitions", &["patch", "update"], "k8s-conversion-webhooks"),
    ] {
        for verb in verbs {
            assert_eq!(one(group, resource, verb), [path], "{verb} {resource}");
        }
        assert!(one(group, resource, "escalate-nothing").is_empty());
    }
    let csr = |verb: &str, sub: &str, act: &str| {
        format!(
            "{{apiGroups: [certificates.k8s.io], resources: [certificatesigningrequests], verbs: [create]}}, {{apiGroups: [certificates.k8s.io], resources: [certificatesigningrequests/{sub}], verbs: [{verb}]}}, {{apiGroups: [certificates.k8s.io], resources: [signers], verbs: [{act}], resourceNames: ['kubernetes.io/*']}}"
        )
    };
    for verb in ["update", "patch"] {
        assert_eq!(operator(&csr(verb, "approval", "approve")), ["k8s-certificates"]);
        assert_eq!(operator(&csr(verb, "status", "sign")), ["k8s-certificates-sign"]);
        assert!(operator(&csr(verb, "status", "approve")).is_empty(), "approving is not signing");
        let labels = format!("{{apiGroups: [''], resources: [namespaces], verbs: [{verb}]}}");
        let run = "{apiGroups: [apps], resources: [replicasets], verbs: [create]}";
        let s = cluster("", &labels, run, "");
        assert_eq!(paths(&s), ["k8s-namespace-labels"], "{verb}");
    }
    let constraint = |name: &str| {
        let use_it = format!(
            "{{apiGroups: [security.openshift.io], resources: [securitycontextconstraints], verbs: [use], resourceNames: [{name}]}}"
        );
        paths(&cluster("", &use_it, "{apiGroups: [''], resources: [pods], verbs: [create]}", ""))
    };
    assert_eq!(constraint("privileged"), ["k8s-privileged-constraints"]);
    assert!(constraint("restricted-v2").is_empty());
}

#[test]
fn the_map_of_administrators_of_a_managed_cluster_is_a_path() {
    let s = |more: &str, names: &str, verb: &str| {
        let rules = format!("{{apiGroups: [''], resources: [configmaps], verbs: [{verb}]{names}}}");
        paths(&cluster(more, "", "", &rules))
    };
    for verb in ["update", "patch"] {
        assert_eq!(s("", ", resourceNames: [aws-auth]", verb), ["k8s-aws-auth-named"], "{verb}");
        assert!(s("", ", resourceNames: [coredns]", verb).is_empty());
        assert!(s("", "", verb).is_empty(), "another cluster has no such map");
        let eks = "- {apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: 'eks:node-manager'}, rules: []}\n";
        assert_eq!(s(eks, "", verb), ["k8s-aws-auth"], "{verb}");
    }
    assert!(s("", ", resourceNames: [aws-auth]", "get").is_empty());
}

#[test]
fn a_custom_resource_that_creates_pods_is_a_workload() {
    let definition = |group: &str, plural: &str, schema: &str| {
        format!(
            "- {{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {{name: {plural}.{group}}}, spec: {{group: {group}, scope: Namespaced, names: {{plural: {plural}, kind: X}}, versions: [{{name: v1, schema: {{openAPIV3Schema: {schema}}}}}]}}}}\n"
        )
    };
    let template = "{type: object, properties: {spec: {type: object, properties: {template: {type: object, properties: {containers: {type: array, items: {type: object}}}}}}}}";
    let plain = "{type: object, properties: {spec: {type: object, properties: {size: {type: integer}}}}}";
    let open = "{type: object, x-kubernetes-preserve-unknown-fields: true}";
    let more = [
        definition("batch.example.org", "runs", template),
        definition("batch.example.org", "sizes", plain),
        definition("argoproj.io", "workflows", open),
    ];
    let s = |group: &str, plural: &str| {
        let rules = format!("{{apiGroups: [{group}], resources: [{plural}], verbs: [create]}}");
        cluster(&more.concat(), &rules, "", "")
    };
    for (group, plural) in [("batch.example.org", "runs"), ("argoproj.io", "workflows")] {
        let s = s(group, plural);
        assert_eq!(paths(&s), ["k8s-workloads-control-plane"], "{plural}");
        assert!(acts_as(&s, "sa:kube-system/root"), "{plural}");
    }
    let other = s("batch.example.org", "sizes");
    assert!(paths(&other).is_empty() && !acts_as(&other, "sa:kube-system/root"));
}
