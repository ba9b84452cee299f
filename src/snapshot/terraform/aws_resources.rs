//! Policies of AWS resources: buckets, queues, topics, keys, functions, secrets and others.
//!
//! Each row names a resource type, the attribute that holds the resource, and how its ARN follows from it. A policy that is
//! unknown lets everybody do everything on the resource.

use serde_json::{Value, json};

use crate::snapshot::rebase::Exclusive;

use super::provider::Outline;
use super::values::{Side, UNKNOWN};

/// Resource type, the attribute that names the resource, the one with the policy, and the ARN: `{}` is the name, `{account}`
/// the account. Without a template, the attribute is an ARN.
const POLICIES: &[(&str, &str, &str, &str)] = &[
    ("aws_s3_bucket_policy", "bucket", "policy", "arn:aws:s3:::{}"),
    ("aws_s3_bucket", "bucket", "policy", "arn:aws:s3:::{}"),
    ("aws_sqs_queue_policy", "queue_url", "policy", ""),
    ("aws_sqs_queue", "arn", "policy", ""),
    ("aws_sns_topic_policy", "arn", "policy", ""),
    ("aws_sns_topic", "arn", "policy", ""),
    ("aws_kms_key", "arn", "policy", ""),
    ("aws_kms_key_policy", "key_id", "policy", "arn:aws:kms:*:{account}:key/{}"),
    ("aws_secretsmanager_secret_policy", "secret_arn", "policy", ""),
    ("aws_ecr_repository_policy", "repository", "policy", "arn:aws:ecr:*:{account}:repository/{}"),
    ("aws_dynamodb_resource_policy", "resource_arn", "policy", ""),
    ("aws_kinesis_resource_policy", "resource_arn", "policy", ""),
    ("aws_backup_vault_policy", "backup_vault_arn", "policy", ""),
    ("aws_glacier_vault", "arn", "access_policy", ""),
];

const FUNCTION: &str = "aws_lambda_permission";

/// Whether the policy of a resource type is read.
pub(super) fn reads(kind: &str) -> bool {
    kind == FUNCTION || POLICIES.iter().any(|(known, ..)| *known == kind)
}

/// The policy of a resource, as the importer reads it; none if the resource has none.
pub(super) fn resource_policy(side: &Side<'_>, account: &str, outline: &mut Outline) -> Option<Value> {
    if side.kind() == FUNCTION {
        return Some(function(side, account, outline));
    }
    let (_, of, policy, template) = POLICIES.iter().find(|(kind, ..)| *kind == side.kind())?;
    // A resource whose policy is optional has one only if it is set. The provider may then show the default one.
    if !side.has(policy) {
        return None;
    }
    let arn = arn(side, of, template, account);
    outline.name([arn.as_str()]);
    let prefix = format!("resource-policy:{arn}#");
    outline.names.insert(prefix.clone());
    let is_known = side.json(policy).is_some();
    if is_known && !arn.contains(UNKNOWN) {
        outline.exclusive.push(Exclusive::HoldersOf(prefix));
    }
    let anybody = || json!({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]});
    Some(json!({"Resource": arn, "Account": account, "Policy": side.document(policy, anybody)}))
}

fn arn(side: &Side<'_>, of: &str, template: &str, account: &str) -> String {
    let name = side.required(of);
    if name.starts_with("arn:") {
        return name;
    }
    if of == "queue_url" {
        return queue(&name, account);
    }
    if template.is_empty() {
        // The ARN is unknown until the resource exists.
        let called = side.known("name").unwrap_or(name);
        return format!("arn:aws:*:*:{account}:{called}");
    }
    template.replace("{account}", account).replace("{}", &name)
}

/// The ARN of a queue, from its URL: `https://sqs.eu-west-1.amazonaws.com/123456789012/name`.
fn queue(url: &str, account: &str) -> String {
    let parts: Vec<&str> = url.split('/').collect();
    let region = parts.get(2).and_then(|host| host.split('.').nth(1));
    match (region, parts.get(3), parts.get(4)) {
        (Some(region), Some(owner), Some(name)) => format!("arn:aws:sqs:{region}:{owner}:{name}"),
        _ => format!("arn:aws:sqs:*:{account}:{url}"),
    }
}

/// A permission on a function is one statement of the policy of the function.
fn function(side: &Side<'_>, account: &str, outline: &mut Outline) -> Value {
    let name = side.required("function_name");
    let arn = if name.starts_with("arn:") { name } else { format!("arn:aws:lambda:*:{account}:function:{name}") };
    outline.name([arn.as_str(), &format!("resource-policy:{arn}#")]);
    let principal = side.required("principal");
    let principal = match principal.as_str() {
        "*" => json!("*"),
        it if it.contains(UNKNOWN) => json!("*"),
        it if it.starts_with("arn:") || it.bytes().all(|b| b.is_ascii_digit()) => json!({"AWS": it}),
        it => json!({"Service": it}),
    };
    let mut condition = serde_json::Map::new();
    let mut ask = |operator: &str, key: &str, attribute: &str| {
        // An unknown condition may always hold.
        if let Some(value) = side.text(attribute).filter(|it| !it.contains(UNKNOWN)) {
            condition.insert(operator.to_owned(), json!({key: value}));
        }
    };
    ask("ArnLike", "aws:SourceArn", "source_arn");
    ask("StringEquals", "aws:SourceAccount", "source_account");
    let action = side.required("action");
    let action = if action.contains(UNKNOWN) { "*".to_owned() } else { action };
    let mut statement = json!({"Effect": "Allow", "Principal": principal, "Action": action, "Resource": arn});
    if let (false, Some(map)) = (condition.is_empty(), statement.as_object_mut()) {
        map.insert("Condition".to_owned(), Value::Object(condition));
    }
    json!({"Resource": arn, "Account": account, "Policy": {"Statement": [statement]}})
}
