//! Custom resources that create pods: whoever may create one chooses the image and the service account of a pod.
//!
//! Reads the schemas of a `CustomResourceDefinition`. A resource creates pods if its schema has a list `containers`, as
//! every pod template has. Operators that publish no schema for their templates are listed by name.

use crate::snapshot::tree::{Node, Value};

/// `GROUP:RESOURCE` of custom resources that create pods and whose definitions may lack the template's schema. Sources:
/// the documentation of Argo Workflows, Argo Rollouts, Knative Serving, Tekton, Volcano, Kubeflow, Spark and `KubeVirt`.
const KNOWN: &[&str] = &[
    "argoproj.io:clusterworkflowtemplates",
    "argoproj.io:cronworkflows",
    "argoproj.io:rollouts",
    "argoproj.io:workflows",
    "argoproj.io:workflowtemplates",
    "batch.volcano.sh:jobs",
    "kubeflow.org:pytorchjobs",
    "kubeflow.org:tfjobs",
    "kubevirt.io:virtualmachineinstances",
    "kubevirt.io:virtualmachines",
    "serving.knative.dev:configurations",
    "serving.knative.dev:services",
    "sparkoperator.k8s.io:scheduledsparkapplications",
    "sparkoperator.k8s.io:sparkapplications",
    "tekton.dev:pipelineruns",
    "tekton.dev:taskruns",
];

/// The resource that a definition defines, as `GROUP:RESOURCE`, if objects of it create pods.
pub(super) fn creates_pods(definition: &Node) -> Option<String> {
    let spec = definition.get("spec")?;
    let text = |node: Option<&Node>, key: &str| node.and_then(|n| n.get(key)).and_then(Node::text).cloned();
    let name = format!("{}:{}", text(Some(spec), "group")?, text(spec.get("names"), "plural")?);
    let versions = spec.get("versions").and_then(Node::list).unwrap_or_default();
    let schemas = versions.iter().filter_map(|v| v.get("schema")).chain(spec.get("validation"));
    let mut schemas = schemas.filter_map(|s| s.get("openAPIV3Schema"));
    (KNOWN.contains(&name.as_str()) || schemas.any(has_containers)).then_some(name)
}

/// Whether some object of a schema has a list of containers.
fn has_containers(schema: &Node) -> bool {
    let mut queue = vec![schema];
    while let Some(at) = queue.pop() {
        let list = at.get("properties").and_then(|p| p.get("containers")).and_then(|c| c.get("type"));
        if list.and_then(Node::text).is_some_and(|kind| &**kind == "array") {
            return true;
        }
        match &at.value {
            Value::Map(entries) => queue.extend(entries.iter().map(|(_, node)| node)),
            Value::List(items) => queue.extend(items),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
        }
    }
    false
}
