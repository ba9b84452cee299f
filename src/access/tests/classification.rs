//! What rules, labels and the baseline classify, and what is unknown.

use proptest::prelude::*;

use super::build::*;
use crate::access::effective::state::AccessState;
use crate::access::matching::dialect::Dialect;
use crate::access::model::facts::{ChangeFacts, Fate, Stated};
use crate::access::risk::classification::Classifier;
use crate::access::risk::rating::Rating;
use crate::access::{Data, Index};
use crate::input::entitlement::{Effect, IdentityKind, Mode, Permission, Sensitivity};
use crate::input::finding::Code;
use crate::input::system::System;
use crate::plan::model::Action;
use crate::snapshot::model::Snapshot;

mod importers;
mod membership;
mod systems;

fn shipped() -> Data {
    Data::shipped().unwrap()
}

/// The shipped rules with rules of a site.
fn with_rules(rules: &str) -> Data {
    let text = format!("rules:\n{rules}");
    let site = [("policies/classification.yaml", text.as_bytes())];
    let shipped = crate::access::risk::rule_files::SHIPPED.iter().map(|(name, text)| (*name, text.as_bytes()));
    Data::read(shipped.chain(site)).unwrap()
}

fn change(data: &Data, snapshot: &Snapshot, action: Action) -> ChangeFacts {
    Run { data, ..Run::default() }.on(snapshot, &plan(vec![("c1", action)])).unwrap().changes.remove(0)
}

/// What the shipped rules say of a permission of a role in a system.
fn verdict(data: &Data, source: &str, permission: &Permission, scope: Option<&str>) -> Rating {
    let s = snapshot(source).resource("ns:kube-system", None).resource("ns:team-a", None);
    let index = Index::new(&s);
    let classifier = Classifier::new(&data.classification);
    let scope = scope.map(Into::into);
    classifier.permission(&AccessState::plain(&index), &"r".into(), permission, scope.as_ref(), &[])
}

fn level(source: &str, action: &str, resource: &str) -> (Sensitivity, bool) {
    let verdict = verdict(&shipped(), source, &allow(action, resource), None);
    (verdict.sensitivity, verdict.privileged.is_some())
}

fn world() -> Snapshot {
    snapshot("okta")
        .human("ann")
        .group("okta:team", &[])
        .role("payer", &[allow("payments:transfer", "*")])
        .role("all", &[allow("*", "*")])
        .role("empty", &[])
        .role("labelled", &[allow("payments:transfer", "*")])
        .labelled(Sensitivity::Low)
}

#[test]
fn what_neither_a_rule_nor_a_label_classifies_is_unknown_and_counted() {
    let facts = change(&shipped(), &world(), grant("ann", "payer", None));
    assert_eq!((facts.sensitivity, facts.unclassified), (Sensitivity::Unknown, 1));
    assert!(!facts.is_privileged());
    let facts = change(&shipped(), &world(), grant("ann", "labelled", None));
    assert_eq!((facts.sensitivity, facts.unclassified), (Sensitivity::Low, 0), "the snapshot's label classifies it");
}

#[test]
fn any_action_on_any_resource_is_privileged_in_every_system() {
    for source in ["okta", "kubernetes", "aws", "postgresql", "acme"] {
        for (action, resource) in [("*", "*"), ("**", "*"), ("*", "**"), ("*:*", "*")] {
            let found = level(source, action, resource);
            assert_eq!(found, (Sensitivity::Critical, true), "{action} on {resource} in {source}");
        }
    }
    let facts = change(&shipped(), &world(), grant("ann", "all", None));
    assert!(facts.is_privileged() && facts.gives_everything && facts.gained_privileged == 1);
    assert!(!change(&shipped(), &world(), grant("ann", "payer", None)).gives_everything);
}

#[test]
fn an_entitlement_that_gives_nothing_in_the_snapshot_is_unknown_when_given_and_when_taken() {
    let empty = snapshot("okta")
        .human("ann")
        .group("okta:prod-admins", &[])
        .unknown_group("okta:staff")
        .role("empty", &[])
        .held("h", "ann", "empty", None);
    for (what, action) in [
        ("a group without assignments", join("ann", "okta:prod-admins")),
        ("a group of which nothing is known", join("ann", "okta:staff")),
        ("an empty role", grant_as("ann", "empty", Mode::Active, Some(ttl(60)))),
        ("a new empty role", Action::CreateRole(define("new", &[], &[]))),
        ("a role that includes an empty one", Action::CreateRole(define("new", &[], &["empty"]))),
    ] {
        let facts = change(&shipped(), &empty, action);
        assert_eq!((facts.sensitivity, facts.unclassified), (Sensitivity::Unknown, 1), "{what}");
    }
    let facts = change(&shipped(), &empty, join("ann", "okta:prod-admins"));
    assert_eq!(facts.admin_name.as_ref().map(crate::input::text::Text::raw), Some("okta:prod-admins"));
    assert!(facts.receivers.contains(&crate::input::id::Subject::Identity("ann".into())));
    let empty = empty.role("prod-owners", &[]).held("o", "ann", "prod-owners", None).group("okta:staff2", &["ann"]);
    for (what, action) in [
        ("an empty role", revoke("ann", "empty", None)),
        ("an empty role of a grave name", revoke("ann", "prod-owners", None)),
        ("a group without assignments", Action::Revoke(to("ann", member("okta:staff2"), None))),
        ("a shortened assignment", adjust("ann", "empty", Some(Mode::Active), Some(ttl(60)))),
    ] {
        let facts = change(&shipped(), &empty, action);
        assert_eq!((facts.sensitivity, facts.unclassified), (Sensitivity::Unknown, 1), "{what}");
    }
    let facts = change(&shipped(), &empty, revoke("ann", "prod-owners", None));
    assert_eq!(facts.admin_name.as_ref().map(crate::input::text::Text::raw), Some("prod-owners"));
}

#[test]
fn the_label_of_a_role_that_gives_nothing_classifies_nothing() {
    let s = snapshot("okta")
        .human("ann")
        .role("hollow", &[])
        .labelled(Sensitivity::Low)
        .including("shell", &[], &["hollow"])
        .labelled(Sensitivity::Low)
        .role("shut", &[deny("payments:transfer", "*")])
        .labelled(Sensitivity::Low);
    for role in ["hollow", "shell"] {
        let facts = change(&shipped(), &s, grant("ann", role, None));
        assert_eq!((facts.sensitivity, facts.unclassified), (Sensitivity::Unknown, 1), "{role}");
    }
    assert_eq!(change(&shipped(), &s, grant("ann", "shut", None)).unclassified, 0, "a deny gives nothing");
    let named = with_rules(r#"  - {role: "hollow", sensitivity: low, reason: r, source: "https://x.example"}"#);
    assert_eq!(change(&named, &s, grant("ann", "hollow", None)).sensitivity, Sensitivity::Low, "a rule of the site");
}

#[test]
fn a_label_does_not_lower_what_the_rules_of_another_system_say() {
    let of = |permission: Permission| {
        let s = snapshot("acme").human("ann").role("given", &[permission]).labelled(Sensitivity::Low);
        change(&shipped(), &s, grant("ann", "given", None)).sensitivity
    };
    for permission in [
        allow("get", "core:secrets#*"),
        allow("bind", "rbac.authorization.k8s.io:clusterroles#*"),
        allow("iam:PassRole", "*"),
        allow("resourcemanager.projects.setIamPolicy", "*"),
    ] {
        assert!(of(permission.clone()) >= Sensitivity::High, "{permission:?}");
    }
    for permission in [allow("payments:transfer", "*"), allow("wiki:look", "wiki/*"), allow("start", "job/*")] {
        assert_eq!(of(permission.clone()), Sensitivity::Low, "the site may label it: {permission:?}");
    }
}

#[test]
fn a_reduction_is_classified_by_what_it_takes() {
    let s = world().held("h", "ann", "payer", None).held("l", "ann", "labelled", None);
    let alone = world().held("h", "ann", "payer", None);
    let facts = change(&shipped(), &alone, revoke("ann", "payer", None));
    assert_eq!((facts.sensitivity, facts.unclassified), (Sensitivity::Unknown, 1));
    let facts = change(&shipped(), &s, revoke("ann", "labelled", None));
    assert_eq!((facts.sensitivity, facts.unclassified), (Sensitivity::Low, 0));
}

#[test]
fn a_reduction_is_classified_by_what_it_takes_though_the_same_access_is_kept() {
    let s = world().group("admins", &["ann"]).held("a", "admins", "all", None).held("k", "ann", "all", None);
    let s = s.human("svc").held("v", "svc", "all", None).trust("t", "ann", "svc", None).credential("key", "svc");
    let removals = [
        Action::Revoke(to("ann", member("admins"), None)),
        Action::DeleteGroup(p("admins".into())),
        Action::RemoveTrust(p("t".into())),
        Action::RevokeCredential(p("key".into())),
    ];
    for action in removals {
        let facts = change(&shipped(), &s, action.clone());
        assert!(!facts.effects.lost.iter().any(|piece| piece.subject.as_str() == "ann"), "{action:?}");
        assert_eq!(facts.sensitivity, Sensitivity::Critical, "{action:?}");
    }
}

#[test]
fn the_label_of_a_resource_counts_in_every_scope_that_includes_it_or_that_it_includes() {
    let s = world().resource("org", None).resource("db", Some("org")).resource("db/t", Some("db"));
    let mut s = s.resource("wiki", Some("org")).group("readers", &[]).held("g", "readers", "labelled", Some("org"));
    s.resources.iter_mut().find(|r| r.id.as_str() == "db").unwrap().sensitivity = Some(Sensitivity::Critical);
    for scope in [Some("org"), Some("db"), Some("db/t"), None] {
        let facts = change(&shipped(), &s, grant("ann", "labelled", scope));
        assert_eq!(facts.sensitivity, Sensitivity::Critical, "{scope:?}");
    }
    assert_eq!(
        change(&shipped(), &s, grant("ann", "labelled", Some("wiki"))).sensitivity,
        Sensitivity::Low,
        "a sibling"
    );
    assert_eq!(change(&shipped(), &s, join("ann", "readers")).sensitivity, Sensitivity::Critical, "through a group");
    let held = s.held("h", "ann", "labelled", Some("org"));
    assert_eq!(change(&shipped(), &held, revoke("ann", "labelled", Some("org"))).sensitivity, Sensitivity::Critical);
}

#[test]
fn a_deny_that_a_definition_loses_is_rated_by_what_it_blocked() {
    let guard = deny("keys:rotate", "*");
    let data = with_rules("  - {action: \"keys:*\", sensitivity: critical, privileged: true, reason: r, source: s}\n");
    let s = world()
        .role("guard", std::slice::from_ref(&guard))
        .including("guarded", &[], &["guard"])
        .held("g", "ann", "guarded", None);
    for action in [
        remove("guard", guard),
        Action::SetRole(define("guard", &[deny("keys:list", "*")], &[])),
        Action::SetRole(define("guarded", &[], &[])),
        Action::RemoveInclude(p("guarded".into()), p("guard".into())),
        Action::DeleteRole(p("guard".into())),
    ] {
        let facts = change(&data, &s, action.clone());
        assert!(facts.is_privileged() && facts.sensitivity == Sensitivity::Critical, "{action:?}");
    }
    let kept = Action::SetRole(define("guard", &[deny("keys:rotate", "*"), deny("keys:list", "*")], &[]));
    assert!(!change(&data, &s, kept).is_privileged(), "nothing is unblocked");
}

#[test]
fn a_deny_that_ends_with_an_assignment_is_listed_and_rated_by_what_it_blocked() {
    let data = with_rules("  - {action: \"keys:*\", sensitivity: critical, privileged: true, reason: r, source: s}\n");
    let s = world().role("guard", &[deny("keys:rotate", "*")]).held("g", "ann", "guard", None);
    let s = s.group("guarded", &["ann"]).held("h", "guarded", "guard", None);
    let ended = |s: &Snapshot, action: Action| {
        let facts = change(&data, s, action);
        let is_deny = |it: &&Stated| it.effect == Effect::Deny;
        let denies = facts.contents.permissions.iter().filter(is_deny).map(|it| it.fate).collect::<Vec<_>>();
        (denies, facts.sensitivity)
    };
    let lifted = (vec![Fate::Removed], Sensitivity::Critical);
    for action in [
        revoke("ann", "guard", None),
        adjust("ann", "guard", Some(Mode::Active), Some(ttl(60))),
        adjust("ann", "guard", Some(Mode::Eligible), None),
        Action::Revoke(to("ann", member("guarded"), None)),
        Action::DeleteGroup(p("guarded".into())),
    ] {
        assert_eq!(ended(&s, action.clone()), lifted, "{action:?}");
    }
    let s = world().role("guard", &[deny("keys:rotate", "*")]).held("g", "ann", "guard", None);
    let longer = adjust("ann", "guard", Some(Mode::Standing), None);
    let s = s.mode(Mode::Active, Some(EXPIRES));
    assert_eq!(ended(&s, longer), (vec![Fate::Added], Sensitivity::Low), "the deny lasts longer");
}

#[test]
fn a_label_of_a_plan_raises_and_never_makes_what_is_unknown_less() {
    let labelled = |label| {
        let mut definition = define("new", &[allow("payments:transfer", "*")], &[]);
        definition.sensitivity = Some(p(label));
        change(&shipped(), &world(), Action::CreateRole(definition))
    };
    let low = labelled(Sensitivity::Low);
    assert_eq!((low.sensitivity, low.unclassified), (Sensitivity::Unknown, 1));
    let critical = labelled(Sensitivity::Critical);
    assert_eq!((critical.sensitivity, critical.unclassified), (Sensitivity::Critical, 1), "whatever the rank");
}

#[test]
fn a_label_of_the_snapshot_does_not_cover_what_a_change_adds() {
    let facts = change(&shipped(), &world(), add("labelled", allow("keys:rotate", "*")));
    assert_eq!((facts.sensitivity, facts.unclassified), (Sensitivity::Unknown, 1));
    let held = world().held("h", "ann", "labelled", None);
    let facts = change(&shipped(), &held, add("labelled", allow("payments:*", "*")));
    assert!(facts.unclassified > 0 || facts.sensitivity > Sensitivity::Unknown, "more than the label was given for");
    let facts = change(&shipped(), &held, add("labelled", allow("payments:transfer", "to/*")));
    assert_eq!(facts.unclassified, 0, "the role gives it already");
    let facts = change(&shipped(), &held, Action::AddInclude(p("labelled".into()), p("payer".into())));
    assert_eq!(facts.sensitivity, Sensitivity::Unknown, "what it includes has no label");
}

#[test]
fn a_rule_that_names_a_role_covers_what_the_snapshot_shows_of_it_and_nothing_that_a_plan_makes() {
    let data = with_rules("  - {role: \"pay*\", sensitivity: low, reason: r, source: s}\n");
    assert_eq!(change(&data, &world(), grant("ann", "payer", None)).unclassified, 0);
    let made = Action::CreateRole(define("payday", &[allow("payments:transfer", "*")], &[]));
    assert_eq!(change(&data, &world(), made).sensitivity, Sensitivity::Unknown);
    assert_eq!(change(&data, &world(), add("payer", allow("keys:rotate", "*"))).sensitivity, Sensitivity::Unknown);
}

#[test]
fn a_rule_can_name_a_group() {
    let data = with_rules("  - {group: \"okta:*\", sensitivity: high, privileged: true, reason: r, source: s}\n");
    let facts = change(&data, &world(), join("ann", "okta:team"));
    assert!(facts.is_privileged() && facts.sensitivity == Sensitivity::High && facts.unclassified == 0);
    let above = world().group("inner", &[]).joined("j", "inner", "okta:team");
    assert!(change(&data, &above, join("ann", "inner")).is_privileged(), "and the groups that a group belongs to");
    let low = with_rules("  - {group: \"okta:*\", sensitivity: low, reason: r, source: s}\n");
    assert_eq!(change(&low, &world(), join("ann", "okta:team")).sensitivity, Sensitivity::Low);
}

#[test]
fn the_baseline_raises_labels_and_gives_way_to_rules() {
    let deleter = snapshot("acme").human("ann").role("d", &[allow("orders:Grant", "*")]).labelled(Sensitivity::Low);
    let facts = change(&shipped(), &deleter, grant("ann", "d", None));
    assert!(facts.is_privileged() && facts.sensitivity == Sensitivity::High, "a label lowers no rule");
    let ruled = with_rules("  - {action: \"orders:Grant\", sensitivity: low, reason: r, source: s}\n");
    let plain = snapshot("acme").human("ann").role("d", &[allow("orders:Grant", "*")]);
    assert_eq!(change(&ruled, &plain, grant("ann", "d", None)).sensitivity, Sensitivity::Low);
    for (action, level, privileged) in [
        ("orders:delete", Sensitivity::Moderate, false),
        ("Users.Write", Sensitivity::Moderate, false),
        ("shell", Sensitivity::High, false),
        ("workspace:owner", Sensitivity::High, false),
        ("resourcemanager.projects.setIamPolicy", Sensitivity::High, true),
        ("tokens:issue", Sensitivity::High, true),
        ("users:impersonate", Sensitivity::Critical, true),
        ("payments:transfer", Sensitivity::Unknown, false),
        ("orders:approve", Sensitivity::Unknown, false),
        ("orders:read", Sensitivity::Unknown, false),
    ] {
        let found = verdict(&shipped(), "acme", &allow(action, "orders/*"), None);
        assert_eq!((found.sensitivity, found.privileged.is_some()), (level, privileged), "{action}");
    }
    for (action, resource) in [("read", "secret/db"), ("Reveal", "Vault/db"), ("roles:escalate", "*")] {
        assert_eq!(level("acme", action, resource), (Sensitivity::High, true), "{action} on {resource}");
    }
    assert!(shipped().classification.rules.iter().filter(|r| r.generic).all(|r| r.sensitivity > Sensitivity::Low));
}

#[test]
fn a_membership_that_only_the_baseline_classifies_is_named_like_an_administrator_if_it_is() {
    let s = snapshot("okta").human("ann").role("r", &[allow("member", "group:Domain Admins")]);
    let s = s.role("plain", &[allow("member", "group:readers")]);
    let labelled = s.clone().role("known", &[allow("member", "group:db-admins")]).labelled(Sensitivity::Moderate);
    let name = |data: &Data, s: &Snapshot, role: &str| {
        let facts = change(data, s, grant("ann", role, None));
        assert_eq!((facts.sensitivity, facts.unclassified), (Sensitivity::Moderate, 0), "{role}");
        facts.admin_name.map(|name| name.raw().to_owned())
    };
    assert_eq!(name(&shipped(), &s, "r").as_deref(), Some("group:Domain Admins"));
    assert_eq!(name(&shipped(), &s, "plain"), None);
    assert_eq!(name(&shipped(), &labelled, "known"), None, "the snapshot's label classifies it");
    let ruled = with_rules("  - {action: member, sensitivity: moderate, reason: r, source: s}\n");
    assert_eq!(name(&ruled, &s, "r"), None, "a rule of the site classifies it");
}

#[test]
fn rules_that_contradict_each_other_or_themselves_are_a_finding() {
    for (rules, said) in [
        (
            "  - {action: [a, b], sensitivity: low, reason: r, source: s}\n  - {action: b, sensitivity: high, reason: r, source: s}\n",
            "contradict",
        ),
        ("  - {action: a, sensitivity: low, privileged: true, reason: r, source: s}\n", "privileged and only low"),
        ("  - {group: g, action: a, sensitivity: low, reason: r, source: s}\n", "names a group"),
        (
            "  - {action: a, sensitivity: unknown, privileged: true, reason: r, source: s}\n",
            "privileged and only unknown",
        ),
    ] {
        let text = format!("rules:\n{rules}");
        let faults = Data::read([("classification.yaml", text.as_bytes())]).unwrap_err();
        assert_eq!(faults.len(), 1, "{rules}");
        assert!(faults[0].code == Code::BadConfiguration && faults[0].message.raw().contains(said), "{faults:?}");
    }
    let twice = "rules:\n  - {action: a, sensitivity: low, reason: r, source: s}\n  - {action: a, sensitivity: low, reason: other, source: s}\n";
    assert!(Data::read([("classification.yaml", twice.as_bytes())]).is_ok(), "said twice, and the same");
}

#[test]
fn what_the_public_gains_is_privileged_whatever_it_is() {
    let s = snapshot("kubernetes")
        .identity("user:system:anonymous", IdentityKind::Human)
        .unknown_group("group:system:authenticated")
        .unknown_group("group:system:unauthenticated")
        .unknown_group("group:staff")
        .group("group:empty", &[])
        .human("ann")
        .role("view", &[allow("get", "core:pods#*")]);
    for who in ["user:system:anonymous", "group:system:authenticated", "group:system:unauthenticated"] {
        for action in [grant(who, "view", None), join(who, "group:empty")] {
            let facts = change(&shipped(), &s, action);
            assert!(facts.public && facts.is_privileged(), "{who}");
        }
    }
    for who in ["group:staff", "ann"] {
        let facts = change(&shipped(), &s, grant(who, "view", None));
        assert!(!facts.public && !facts.is_privileged(), "{who}");
    }
    let marked = snapshot("acme").identity("guest", IdentityKind::Public).role("view", &[allow("a:b", "*")]);
    let facts = change(&shipped(), &marked, grant("guest", "view", None));
    assert!(facts.public && facts.gained_privileged == 1 && facts.effects.gained[0].sensitivity == Sensitivity::High);
    let held = marked.held("h", "guest", "view", None);
    assert!(!change(&shipped(), &held, revoke("guest", "view", None)).public, "taking it away gives nobody anything");
    let trusted = snapshot("aws").identity("role", IdentityKind::Workload).human("ann");
    assert!(change(&shipped(), &trusted, add_trust("t", "*", "role")).public);
    assert!(!change(&shipped(), &trusted, add_trust("t", "ann", "role")).public);
}

fn pattern(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(words), 1..4).prop_map(|parts| parts.concat())
}

/// A pattern with one run of its letters replaced by `*`: compared as text, it covers the pattern.
fn widened(pattern: &str, from: usize, to: usize) -> String {
    let (from, to) = (from % (pattern.len() + 1), to % (pattern.len() + 1));
    let (from, to) = (from.min(to), from.max(to));
    format!("{}*{}", &pattern[..from], &pattern[to..])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn a_pattern_that_covers_another_is_never_less_sensitive(
        source in proptest::sample::select(&["kubernetes", "aws", "postgresql", "acme"][..]),
        action in pattern(&["get", "list", "create", "impersonate", ":", "*", "SELECT", "s3:", "iam:", "Put", "Policy", "grant", "delete", "x"]),
        resource in pattern(&["core:", "apps:", "pods", "secrets", "configmaps", "#", "*", "aws-auth", "/exec", "url:/", "healthz", "vault"]),
        scope in proptest::sample::select(&[None, Some("ns:kube-system"), Some("ns:team-a")][..]),
        cut in (0_usize..40, 0_usize..40, 0_usize..40, 0_usize..40),
        wider_scope in any::<bool>(),
    ) {
        let data = shipped();
        let wide = allow(&widened(&action, cut.0, cut.1), &widened(&resource, cut.2, cut.3));
        // Compared by parts, a pattern whose separators are lost may cover less.
        let dialect = Dialect::of(Some(&System::named(&source.into())));
        prop_assume!(dialect.resource_covers(wide.resource.raw(), &resource));
        let narrow = verdict(&data, source, &allow(&action, &resource), scope);
        let wider = verdict(&data, source, &wide, scope.filter(|_| !wider_scope));
        prop_assert!(wider.sensitivity >= narrow.sensitivity, "{wide:?}: {wider:?} {narrow:?}");
        prop_assert!(wider.privileged.is_some() || narrow.privileged.is_none(), "{wide:?}: {wider:?} {narrow:?}");
        prop_assert!(wider.everything || !narrow.everything);
    }
}
