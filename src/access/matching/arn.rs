//! Parts of an Amazon Resource Name (ARN): `arn:partition:service:region:account:resource`.

/// The account in an ARN.
pub(crate) fn number(arn: &str) -> Option<&str> {
    let part = arn.strip_prefix("arn:")?.split(':').nth(3)?;
    (part.len() == 12 && part.bytes().all(|b| b.is_ascii_digit())).then_some(part)
}

/// Services whose actions name resources of other services.
/// Source: AWS, service authorization reference, "Resource types" of each service.
const OTHER_RESOURCES: &[(&str, &[&str])] = &[
    ("apprunner", &["wafv2"]),
    ("aps", &["eks"]),
    ("codestar", &["iam"]),
    ("ec2", &["acm", "elastic-inference", "iam", "license-manager", "resource-groups"]),
    ("ec2-instance-connect", &["ec2"]),
    ("es", &["opensearch"]),
    ("events", &["kms"]),
    ("greengrass", &["iot"]),
    ("iotwireless", &["iot"]),
    ("rds-data", &["rds"]),
    ("redshift-data", &["redshift", "redshift-serverless"]),
    ("s3", &["s3-object-lambda", "s3express"]),
    ("servicecatalog", &["catalog"]),
    ("ssm", &["ec2", "ecs", "iam", "s3"]),
    ("sts", &["iam"]),
    ("workspaces-instances", &["ec2"]),
];

/// Patterns of all resources that an action can name. The action has a service.
pub(crate) fn resources_of(action: &str) -> impl Iterator<Item = String> {
    let service = action.split(':').next().unwrap_or_default();
    let others = OTHER_RESOURCES.iter().find(|(name, _)| *name == service).map_or(&[][..], |(_, others)| others);
    std::iter::once(service).chain(others.iter().copied()).map(|name| format!("arn:*:{name}:*:*:*"))
}
