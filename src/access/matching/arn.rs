//! Parts of an Amazon Resource Name (ARN): `arn:partition:service:region:account:resource`.

/// The account in an ARN.
pub(crate) fn number(arn: &str) -> Option<&str> {
    let part = arn.strip_prefix("arn:")?.split(':').nth(3)?;
    (part.len() == 12 && part.bytes().all(|b| b.is_ascii_digit())).then_some(part)
}
