//! Amazon Resource Names: `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`.

/// How many fields an ARN has; the last takes the rest.
pub const FIELDS: usize = 6;

/// An ARN that lacks fields, completed by `*`; nothing if it lacks none, or ends with a `*` that stands for them.
#[must_use]
pub fn completed(pattern: &str) -> Option<String> {
    let fields = pattern.split(':').count();
    let is_short = pattern.starts_with("arn:") && fields < FIELDS && !pattern.ends_with('*');
    is_short.then(|| pattern.to_owned() + &":*".repeat(FIELDS - fields))
}
