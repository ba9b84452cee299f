//! A grant of a pattern that covers another is judged at least as strictly: by outcome, approvals and escalation paths.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{World, at, now, pack, span};
use crate::access::matching::dialect::Dialect;
use crate::access::tests::build::{Run, allow, snapshot};
use crate::access::{Data, TaskScope};
use crate::input::entitlement::{IdentityKind, Permission};
use crate::input::system::System;
use crate::plan::model::{Action, AssignmentChange, Lifetime};
use crate::policy::{Outcome, Pack};

const AWS_USER: &str = "arn:aws:iam::111111111111:user/admin";

/// How strictly a grant of a role with one permission is judged.
#[derive(Debug)]
struct Strictness {
    /// Automatic, needs approvals, denied.
    rank: u8,
    /// The approvals needed, the policies that deny, and the escalation paths that are complete.
    parts: BTreeSet<String>,
}

fn judged(pack: &Pack, data: &Data, source: &str, permission: &Permission, scope: Option<&str>) -> Strictness {
    let s = snapshot(source)
        .human("user:bob")
        .human("user:sponsor")
        .identity("agent:a", IdentityKind::Agent)
        .identity("sa:kube-system/ops", IdentityKind::ServiceAccount)
        .human(AWS_USER)
        .resource("ns:a", None)
        .role("clusterrole:cluster-admin", &[allow("*", "*")])
        .held("k", "sa:kube-system/ops", "clusterrole:cluster-admin", None)
        .held("u", AWS_USER, "clusterrole:cluster-admin", None)
        .role("given", std::slice::from_ref(permission));
    let mut world = World::new();
    world.plan.changes[0].action = Action::Grant(AssignmentChange {
        scope: scope.map(|scope| at(scope.into())),
        lifetime: Some(at(Lifetime::Ttl(span("1h")))),
        ..super::assignment("user:bob", "given")
    });
    let task = TaskScope { open: true, lists_proposer_and_sponsor: true, scopes: vec!["ns:a".into()], until: None };
    let run = Run { data, task: Some(&task), now: now(), ..Run::default() };
    world.analysis = run.on(&s, &world.plan).unwrap();
    let judged = world.judge(pack);
    let denials = judged.denials.iter().map(|hit| format!("denied by {}", hit.policy.as_str()));
    let complete = world.analysis.escalations.iter().filter(|path| path.complete);
    let mut parts: BTreeSet<String> = complete.map(|path| format!("opens {}", path.id.raw())).chain(denials).collect();
    let rank = match &judged.outcome {
        Outcome::Auto => 0,
        Outcome::Needs(steps) => {
            parts.extend(steps.iter().map(|step| format!("needs {}", step.as_str())));
            1
        }
        Outcome::Denied => 2,
    };
    Strictness { rank, parts }
}

fn pattern(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(words), 1..4).prop_map(|parts| parts.concat())
}

/// A pattern with one run of its characters replaced by `*`.
fn widened(pattern: &str, (from, to): (usize, usize)) -> String {
    let (from, to) = (from % (pattern.len() + 1), to % (pattern.len() + 1));
    format!("{}*{}", &pattern[..from.min(to)], &pattern[from.max(to)..])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_grant_of_a_pattern_that_covers_another_is_judged_at_least_as_strictly(
        source in proptest::sample::select(&["kubernetes", "aws", "postgresql", "acme"][..]),
        action in pattern(&["get", "create", "impersonate", "bind", "*", "SELECT", "s3:", "iam:", "Pass", "Role", "grant"]),
        resource in pattern(&["core:", "pods", "secrets", "#", "*", "/exec", "rbac.authorization.k8s.io:", "roles", "arn:aws:", "iam::"]),
        scope in proptest::sample::select(&[None, Some("ns:a")][..]),
        cuts in ((0_usize..40, 0_usize..40), (0_usize..40, 0_usize..40)),
    ) {
        let (data, pack) = (Data::shipped().unwrap(), pack());
        let wide = allow(&widened(&action, cuts.0), &widened(&resource, cuts.1));
        let dialect = Dialect::of(Some(&System::named(&source.into())));
        prop_assume!(dialect.resource_covers(wide.resource.raw(), &resource));
        prop_assume!(dialect.action_covers(wide.action.raw(), &action));
        let narrow = judged(&pack, &data, source, &allow(&action, &resource), scope);
        let wider = judged(&pack, &data, source, &wide, scope);
        prop_assert!(wider.rank >= narrow.rank, "{wide:?}: {wider:?} {narrow:?}");
        let known = |part: &&String| wider.rank > narrow.rank && part.starts_with("needs");
        let lost: Vec<&String> = narrow.parts.difference(&wider.parts).filter(|part| !known(part)).collect();
        prop_assert!(lost.is_empty(), "{wide:?} lacks {lost:?}");
    }
}
