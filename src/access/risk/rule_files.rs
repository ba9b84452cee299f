//! Rule data for the analysis: classification, escalation paths, separation-of-duties pairs.
//!
//! Parses the bytes of the files under `policies/`, of which the shipped ones are embedded, into validated rules, or
//! reports every fault with its location. Does not read the file system.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::access::escalation::catalog::{EscalationFile, EscalationPath, Service};
use crate::access::risk::rules::{Classification, ClassificationFile};
use crate::access::risk::sod::{SodFile, SodPair};
use crate::input::finding::{Code, Finding};
use crate::input::place::Place;
use crate::input::text::Text;

/// The rules for the analysis.
#[derive(Clone, Debug, Default)]
pub struct Data {
    /// Sensitive and privileged access.
    pub classification: Classification,
    /// Known ways to turn limited permissions into powerful ones.
    pub escalations: Vec<EscalationPath>,
    /// Entitlements that must be separate.
    pub sod: Vec<SodPair>,
}

/// The files embedded in the binary: name relative to the policies folder, and text.
pub const SHIPPED: &[(&str, &str)] = &[
    ("classification.yaml", include_str!("../../../policies/classification.yaml")),
    ("classification-baseline.yaml", include_str!("../../../policies/classification-baseline.yaml")),
    ("classification-azure.yaml", include_str!("../../../policies/classification-azure.yaml")),
    ("classification-entra.yaml", include_str!("../../../policies/classification-entra.yaml")),
    ("classification-gcp.yaml", include_str!("../../../policies/classification-gcp.yaml")),
    ("classification-github.yaml", include_str!("../../../policies/classification-github.yaml")),
    ("classification-okta.yaml", include_str!("../../../policies/classification-okta.yaml")),
    ("escalations/aws.yaml", include_str!("../../../policies/escalations/aws.yaml")),
    ("escalations/azure.yaml", include_str!("../../../policies/escalations/azure.yaml")),
    ("escalations/entra.yaml", include_str!("../../../policies/escalations/entra.yaml")),
    ("escalations/gcp.yaml", include_str!("../../../policies/escalations/gcp.yaml")),
    ("escalations/github.yaml", include_str!("../../../policies/escalations/github.yaml")),
    ("escalations/kubernetes.yaml", include_str!("../../../policies/escalations/kubernetes.yaml")),
    ("escalations/okta.yaml", include_str!("../../../policies/escalations/okta.yaml")),
    ("escalations/postgresql.yaml", include_str!("../../../policies/escalations/postgresql.yaml")),
    ("sod.yaml", include_str!("../../../policies/sod.yaml")),
];

/// The embedded files as recorded in the log: path below `shipped/`, and bytes.
pub fn shipped_files() -> impl Iterator<Item = (String, &'static [u8])> {
    SHIPPED.iter().map(|(name, text)| (format!("shipped/{name}"), text.as_bytes()))
}

impl Data {
    /// Parses files by their names relative to the policies folder: `classification.yaml`, `classification-*.yaml`,
    /// `sod.yaml`, `escalations/*.yaml`. Other names are ignored. Later files add to earlier ones.
    ///
    /// # Errors
    /// Every fault of every file, with its location.
    pub fn read<'f>(files: impl IntoIterator<Item = (&'f str, &'f [u8])>) -> Result<Self, Vec<Finding>> {
        let mut data = Self::default();
        let mut faults = Vec::new();
        let mut services = Vec::new();
        for (name, bytes) in files {
            let within = name.rsplit_once("shipped/").map_or(name, |(_, rest)| rest);
            if is_classification(within) {
                match parse::<ClassificationFile>(name, bytes) {
                    Ok(file) => {
                        faults.extend(file.contradictions().into_iter().map(|(message, help)| {
                            Finding::new(Code::BadConfiguration, message).at(&Place::file(name)).help(help)
                        }));
                        data.classification.rules.extend(file.into_rules());
                    }
                    Err(fault) => faults.push(*fault),
                }
            } else if within == "sod.yaml" || within.ends_with("/sod.yaml") {
                match parse::<SodFile>(name, bytes) {
                    Ok(file) => data.sod.extend(file.pairs),
                    Err(fault) => faults.push(*fault),
                }
            } else if within.starts_with("escalations/") || within.contains("/escalations/") {
                match parse::<EscalationFile>(name, bytes) {
                    Ok(file) => {
                        faults.extend(file.paths.iter().flat_map(|path| path.faults(&Place::file(name))));
                        data.escalations.extend(file.paths);
                        services.extend(file.services);
                    }
                    Err(fault) => faults.push(*fault),
                }
            }
        }
        let services: Arc<[Service]> = services.into();
        for path in &mut data.escalations {
            path.services = Arc::clone(&services);
        }
        faults.extend(repeated("service", services.iter().flat_map(|s| &s.names).map(Text::raw)));
        faults.extend(repeated("escalation path", data.escalations.iter().map(|p| p.id.raw())));
        faults.extend(repeated("separation-of-duties pair", data.sod.iter().map(|p| p.id.raw())));
        if faults.is_empty() { Ok(data) } else { Err(faults) }
    }

    /// The shipped rules.
    ///
    /// # Errors
    /// Never, in a binary whose tests passed.
    pub fn shipped() -> Result<Self, Vec<Finding>> {
        Self::read(SHIPPED.iter().map(|(name, text)| (*name, text.as_bytes())))
    }
}

/// Whether a file of the policies folder contains classification rules.
fn is_classification(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    file.strip_prefix("classification").is_some_and(|rest| {
        rest == ".yaml"
            || (rest.starts_with('-') && std::path::Path::new(rest).extension().is_some_and(|ending| ending == "yaml"))
    })
}

fn repeated<'n>(what: &str, names: impl Iterator<Item = &'n str>) -> Vec<Finding> {
    let mut seen = std::collections::BTreeSet::new();
    let again = names.filter(|name| !seen.insert(name.to_owned()));
    again
        .map(|name| {
            Finding::new(Code::BadConfiguration, format!("two rules of kind {what} have the id `{name}`"))
                .help("give one of them another id")
        })
        .collect()
}

fn parse<T: DeserializeOwned>(name: &str, bytes: &[u8]) -> Result<T, Box<Finding>> {
    serde_yaml::from_slice(bytes).map_err(|error| {
        let place = error.location().map_or_else(
            || Place::file(name),
            |at| Place {
                column: u32::try_from(at.column()).unwrap_or(1),
                ..Place::line(name, u32::try_from(at.line()).unwrap_or(1))
            },
        );
        let message = format!("the file cannot be read: {error}");
        let help = "use the form of the shipped file; `policies/README.md` describes it";
        Box::new(Finding::new(Code::BadConfiguration, message).at(&place).help(help))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_file_of_the_policies_folder_is_shipped() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
        let mut on_disk = std::collections::BTreeSet::new();
        for folder in ["", "escalations"] {
            for entry in std::fs::read_dir(root.join(folder)).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|it| it == "yaml") {
                    on_disk.insert(path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned());
                }
            }
        }
        assert_eq!(on_disk, SHIPPED.iter().map(|(name, _)| (*name).to_owned()).collect());
    }

    #[test]
    fn the_shipped_rules_read_and_name_their_sources() {
        let data = Data::shipped().unwrap();
        assert!(data.escalations.len() >= 15);
        assert!(data.escalations.iter().all(|p| p.source.raw().starts_with("https://")));
        let rules = &data.classification.rules;
        assert!(rules.iter().all(|r| r.source.raw().starts_with("https://") && !r.reason.raw().is_empty()));
        for system in ["kubernetes", "aws", "postgresql", "gcp", "entra", "azure", "github", "okta"] {
            assert!(rules.iter().any(|r| r.system.as_ref().is_some_and(|s| s.raw() == system) && r.privileged));
        }
    }

    #[test]
    fn an_unknown_field_is_refused_with_its_place() {
        let text = b"rules:\n  - {action: x, resource: y, sensitivity: low, reason: r, source: s, colour: red}\n";
        let faults = Data::read([("classification.yaml", text.as_slice())]).unwrap_err();
        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0].place.as_ref().map(|p| p.line), Some(2));
    }
}
