//! The site: the trust folder with its configuration, policies and snapshot, and its location.

pub mod drift;
pub(crate) mod fault_report;
pub mod known_identities;
pub mod load;
pub mod location;
pub(crate) mod log_id;
pub mod proposer_keys;
pub mod read_ahead;
pub mod trust_folder;
pub mod user_settings;
