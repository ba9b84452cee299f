//! Whom a statement means.
//!
//! In: `Principal` or `NotPrincipal` of a statement. Out: principals, sorted out by kind. A principal that no longer
//! exists, which AWS shows by its unique id, is named and means nobody.
//!
//! Source: AWS, IAM reference, "AWS JSON policy elements: Principal"; unique ids: "IAM identifiers".

use std::sync::Arc;

use super::reading::{Here, Reading};
use crate::input::finding::{Code, Finding};
use crate::input::intern::shared;
use crate::snapshot::tree::Value;

/// One principal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Principal {
    /// `*`: everybody, also outside of every account.
    Everyone,
    /// An account, which shares it out by its own policies.
    Account(Arc<str>),
    /// A user or role, by its ARN.
    Arn(Arc<str>),
    /// A session of a role: account, name of the role, and the session's ARN.
    Session { account: Arc<str>, role: Arc<str>, arn: Arc<str> },
    /// A service of AWS.
    Service(Arc<str>),
    /// An identity provider.
    Federated(Arc<str>),
    /// A canonical user id, of a whole account.
    Canonical(Arc<str>),
}

/// The principals of a statement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Principals {
    pub list: Vec<Principal>,
    /// `NotPrincipal`: everybody but these.
    pub all_but: bool,
}

/// The account in an ARN: its fifth part, if that is a number.
pub(super) fn account_of(arn: &str) -> Option<&str> {
    arn.split(':').nth(4).filter(|part| is_account(part))
}

/// The partition of an ARN: `aws`, `aws-cn`, `aws-us-gov`.
pub(super) fn partition(arn: &str) -> &str {
    arn.split(':').nth(1).unwrap_or("aws")
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

/// Reads the principals of a statement, if it names any.
pub(super) fn read(statement: &Here<'_>, reading: &mut Reading<'_>, of: &str) -> Option<Principals> {
    let (field, all_but) =
        if statement.get("Principal").is_some() { ("Principal", false) } else { ("NotPrincipal", true) };
    let here = statement.get(field)?;
    let mut list = Vec::new();
    match &here.node.value {
        Value::Map(entries) => {
            for (kind, _) in entries {
                let Some(names) = here.get(kind) else { continue };
                for name in reading.strings(&names, kind, of) {
                    match &**kind {
                        "AWS" => list.extend(aws(&name, &names, reading, of)),
                        "Service" => list.push(Principal::Service(name)),
                        "Federated" => list.push(Principal::Federated(name)),
                        "CanonicalUser" => list.push(Principal::Canonical(name)),
                        other => {
                            let message = format!("`{other}` is not a kind of principal, in a statement of {of}");
                            reading.notes.at(
                                Finding::new(Code::BadValue, message)
                                    .help("the kinds are AWS, Service, Federated and CanonicalUser"),
                                &names.spot,
                            );
                        }
                    }
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => {
            for name in reading.strings(&here, field, of) {
                list.extend(aws(&name, &here, reading, of));
            }
        }
    }
    list.sort();
    list.dedup();
    Some(Principals { list, all_but })
}

fn aws(name: &Arc<str>, here: &Here<'_>, reading: &mut Reading<'_>, of: &str) -> Option<Principal> {
    if &**name == "*" {
        return Some(Principal::Everyone);
    }
    if is_account(name) {
        return Some(Principal::Account(Arc::clone(name)));
    }
    let mut parts = name.splitn(6, ':').skip(2);
    let (service, account, rest) = (parts.next(), parts.nth(1), parts.next());
    match (service, account.filter(|a| is_account(a)), rest) {
        (Some("iam"), Some(account), Some("root")) => Some(Principal::Account(shared(account))),
        (Some("iam"), Some(_), Some(_)) => Some(Principal::Arn(Arc::clone(name))),
        // An origin access identity of CloudFront, which is in an account of AWS itself.
        (Some("iam"), None, Some(rest))
            if rest.starts_with("user/") && name.split(':').nth(4) == Some("cloudfront") =>
        {
            Some(Principal::Arn(Arc::clone(name)))
        }
        (Some("sts"), Some(account), Some(rest)) => {
            let role = rest.strip_prefix("assumed-role/").and_then(|r| r.split('/').next());
            Some(match role {
                Some(role) => {
                    Principal::Session { account: shared(account), role: shared(role), arn: Arc::clone(name) }
                }
                None => Principal::Arn(Arc::clone(name)),
            })
        }
        _ => {
            let message = format!("the principal `{name}` in a statement of {of} no longer exists; it is nobody");
            reading.notes.at(
                Finding::new(Code::DanglingReference, message)
                    .help("take it out of the policy: its name is free again"),
                &here.spot,
            );
            None
        }
    }
}
