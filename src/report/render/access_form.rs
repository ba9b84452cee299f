//! The shape of an access in JSON, for the schema.

use schemars::JsonSchema;

/// An access as it is written, for the schema.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "it only says what form an access has")]
pub(in crate::report::render) struct AccessForm {
    pub(super) action: String,
    pub(super) resource: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) scope: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) condition: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) exceptions: Vec<serde_json::Value>,
}
