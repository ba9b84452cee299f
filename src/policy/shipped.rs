//! The policy pack that is embedded in the binary: the exact bytes of `policies/`, each file below `shipped/`.

use crate::policy::policy_file::PolicyFile;

/// The path of the schema on which every pack is based.
pub(super) const SCHEMA_PATH: &str = "shipped/schema.cedarschema";

/// The schema on which every pack is based: the contract between policies and the tool.
pub(super) const SCHEMA: &str = include_str!("../../policies/schema.cedarschema");

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        &[$(PolicyFile {
            path: concat!("shipped/", $name),
            bytes: include_str!(concat!("../../policies/", $name)).as_bytes(),
        }),*]
    };
}

/// Every file of the shipped pack, sorted by path.
pub(super) const FILES: &[PolicyFile<'static>] = shipped![
    "agent.cedar",
    "approval.cedar",
    "automation.cedar",
    "freeze.cedar",
    "jit.cedar",
    "nhi.cedar",
    "rbac.cedar",
    "schema.cedarschema",
    "sod.cedar",
    "task.cedar",
    "zsp.cedar",
];
