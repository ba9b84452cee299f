//! What memberships and other privileges of `PostgreSQL` are worth.

use super::{change, level, shipped};
use crate::access::tests::build::*;
use crate::input::entitlement::Sensitivity;
use crate::plan::model::Action;
use crate::snapshot::model::Snapshot;

#[test]
fn a_membership_of_postgresql_is_worth_what_the_role_gives() {
    use Sensitivity::{Critical, High, Low, Moderate, Unknown};
    let being = |s: Snapshot, who: &str, name: &str| {
        let (id, resource) = (format!("MEMBER ON role:{name}"), format!("role:{name}"));
        s.role(&id, &[allow("MEMBER", &resource)]).held(&format!("{who}#{name}"), who, &id, None)
    };
    let s = snapshot("postgresql")
        .human("user:ann")
        .human("user:dba")
        .group("role:boss", &[])
        .group("role:reader", &[])
        .group("role:writer", &[])
        .group("role:outer", &[])
        .group("role:switch", &[])
        .group("role:a", &[])
        .group("role:b", &[])
        .group("role:empty", &[])
        .role("SUPERUSER", &[allow("*", "*")])
        .role("SELECT ON table:app.orders", &[allow("SELECT", "table:app.orders")])
        .role("UPDATE ON table:app.orders", &[allow("UPDATE", "table:app.orders")])
        .role("lost", &[allow("MEMBER", "role:gone")])
        .role("any", &[allow("MEMBER", "role:*")])
        .held("h1", "role:boss", "SUPERUSER", None)
        .held("h2", "user:dba", "SUPERUSER", None)
        .held("h3", "role:reader", "SELECT ON table:app.orders", None)
        .held("h4", "role:writer", "UPDATE ON table:app.orders", None)
        .joined("j1", "role:outer", "role:boss")
        .trust("role:switch#role:boss", "role:switch", "role:boss", None);
    let s = [("role:boss", "boss"), ("user:dba", "dba"), ("role:reader", "reader"), ("role:writer", "writer")]
        .into_iter()
        .chain([
            ("role:outer", "outer"),
            ("role:switch", "switch"),
            ("role:a", "a"),
            ("role:b", "b"),
            ("role:empty", "empty"),
        ])
        .chain([("role:a", "b"), ("role:b", "a"), ("role:b", "writer")])
        .fold(s, |s, (who, name)| being(s, who, name));
    let of = |action: Action| {
        let facts = change(&shipped(), &s, action);
        (facts.sensitivity, facts.is_privileged())
    };
    for (name, expected) in [
        ("boss", (Critical, true)),
        ("dba", (Critical, true)),
        ("outer", (Critical, true)),
        ("switch", (Critical, true)),
        ("reader", (Low, false)),
        ("writer", (Moderate, false)),
        ("a", (Moderate, false)),
    ] {
        assert_eq!(of(grant("user:ann", &format!("MEMBER ON role:{name}"), None)), expected, "MEMBER ON role:{name}");
        let permission = allow("MEMBER", &format!("role:{name}"));
        assert_eq!(of(add("SELECT ON table:app.orders", permission.clone())).0, expected.0, "added: {name}");
        assert_eq!(of(Action::CreateRole(define("new", &[permission], &[]))), expected, "created: {name}");
    }
    assert_eq!(of(grant("user:ann", "MEMBER ON role:empty", None)).0, Unknown, "a role that gives nothing");
    assert_eq!(of(join("user:ann", "role:empty")).0, Unknown);
    assert_eq!(of(join("user:ann", "role:reader")), (Low, false));
    assert_eq!(of(join("user:ann", "role:outer")), (Critical, true));
    assert_eq!(of(grant("user:ann", "lost", None)), (Unknown, false), "a role that the export does not show");
    assert!(of(grant("user:ann", "any", None)).1, "any role");
    for (action, resource, expected) in [
        ("USAGE", "foreign_server:remote", High),
        ("USAGE", "foreign_data_wrapper:postgres_fdw", High),
        ("USAGE", "*", High),
        ("USAGE", "language:plperl", Moderate),
        ("USAGE", "schema:app", Low),
        ("EXECUTE", "function:pg_catalog.pg_read_file(text)", High),
        ("EXECUTE", "function:app.total(integer)", Moderate),
        ("SELECT", "table:pg_catalog.pg_authid", High),
        ("SELECT", "table:pg_catalog.pg_user_mappings", High),
        ("SELECT", "table:pg_catalog.pg_stats", Moderate),
    ] {
        assert_eq!(level("postgresql", action, resource).0, expected, "{action} on {resource}");
    }
}
