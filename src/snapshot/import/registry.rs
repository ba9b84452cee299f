//! The table of importers, and what is common to all imports.
//!
//! An import unpacks the files, refuses error messages and single pages, recognises the system, decides when the export was
//! taken, lets the importer read, and checks the target. Adding an importer is one line in [`IMPORTERS`].

use crate::input::finding::{Code, Finding, Severity};
use crate::input::nearest::nearest;
use crate::input::place::Place;
use crate::input::text::Text;
use crate::input::time::Time;
use crate::snapshot::environment;
use crate::snapshot::model::SystemTarget;

use super::encoding;
use super::importer::{Import, Importer, Recognition};
use super::probe::Probe;
use super::{aws, azure, baton, csv, entra, gcp, github, kubernetes, okta, postgresql, scim};

/// All importers. A file is read by the first that recognises it.
pub const IMPORTERS: &[&dyn Importer] = &[
    &kubernetes::Kubernetes,
    &aws::Aws,
    &postgresql::Postgresql,
    &gcp::GoogleCloud,
    &baton::Baton,
    &entra::Entra,
    &azure::Azure,
    &scim::Scim,
    &github::GitHub,
    &okta::Okta,
    &csv::Csv,
];

/// The importer of a system.
#[must_use]
pub fn importer_of(system: &str) -> Option<&'static dyn Importer> {
    IMPORTERS.iter().copied().find(|importer| importer.system() == system)
}

/// The system whose name is most like a word, if any is.
#[must_use]
pub fn nearest_system(word: &str) -> Option<&'static str> {
    nearest(word, IMPORTERS.iter().map(|importer| importer.system()))
}

/// A file of an import.
#[derive(Debug)]
pub struct ExportFile {
    /// Its name as the user gave it.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// When it was last modified.
    pub modified: Time,
}

/// What the user states about an export.
#[derive(Clone, Copy, Debug, Default)]
pub struct ImportOptions<'a> {
    /// The importer; if absent, the files are recognised.
    pub system: Option<&'a str>,
    /// When it was taken.
    pub taken_at: Option<Time>,
    /// The id of its target.
    pub target: Option<&'a str>,
    /// The label that states the environment; if absent, the usual ones.
    pub env_key: Option<&'a str>,
    /// Whether the files hold all access, where they do not show it.
    pub complete: bool,
}

/// Imports files. Unpacks them in place, so that findings can show their text.
///
/// # Errors
/// All faults, if any is of severity `error`.
pub fn import(files: &mut [ExportFile], stated: ImportOptions<'_>) -> Result<Import, Vec<Finding>> {
    let mut faults = Vec::new();
    for file in files.iter_mut() {
        match encoding::utf8(&file.name, std::mem::take(&mut file.bytes)) {
            Ok(bytes) => file.bytes = bytes,
            Err(finding) => faults.push(finding),
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let probes: Vec<Probe> = files.iter().map(probe).collect();
    let of_each = || files.iter().zip(&probes);
    faults.extend(of_each().filter_map(|(file, probe)| probe.error(&file.name)));
    if !faults.is_empty() {
        return Err(faults);
    }
    let importer = chosen(files, &probes, stated.system)?;
    faults.extend(of_each().filter_map(|(file, probe)| probe.page(&file.name, importer.pages_help())));
    if !faults.is_empty() {
        return Err(faults);
    }
    let taken_at = taken_at(importer, files, &probes, stated.taken_at).map_err(|finding| vec![finding])?;
    let lacking = if stated.complete { Vec::new() } else { lacking(importer, files, &probes) };
    drop(probes);
    let borrowed: Vec<(&str, &[u8])> = files.iter().map(|f| (f.name.as_str(), f.bytes.as_slice())).collect();
    let mut import = importer.read(&borrowed, taken_at)?;
    environment::from_labels(&mut import.snapshot, stated.env_key);
    import.findings.extend(lacking);
    import.of_target(stated.target)
}

/// Reports files that may lack access without showing it, each reason once.
fn lacking(importer: &dyn Importer, files: &[ExportFile], probes: &[Probe]) -> Vec<Finding> {
    let mut found: Vec<(&str, &str)> = Vec::new();
    for (file, probe) in files.iter().zip(probes) {
        let reason = importer.may_lack(probe).filter(|reason| found.iter().all(|(_, known)| known != reason));
        found.extend(reason.map(|reason| (file.name.as_str(), reason)));
    }
    let finding = |(name, reason): (&str, &str)| {
        let finding = Finding::new(Code::NotImported, format!("the export may lack access: {reason}"));
        finding.weighing(Severity::Warning).at(&Place::file(name)).help("if it is whole, state it: `--complete`")
    };
    found.into_iter().map(finding).collect()
}

/// A look at a file. Text that is not UTF-8 is reported by the reader, with its line.
fn probe(file: &ExportFile) -> Probe {
    let text = match std::str::from_utf8(&file.bytes) {
        Ok(text) => text,
        Err(fault) => {
            let valid = file.bytes.get(..fault.valid_up_to()).unwrap_or_default();
            std::str::from_utf8(valid).unwrap_or_default()
        }
    };
    Probe::of(text)
}

/// The importer that the user names, or that recognises the files.
fn chosen(files: &[ExportFile], probes: &[Probe], system: Option<&str>) -> Result<&'static dyn Importer, Vec<Finding>> {
    let named = match system {
        Some(name) => Some(importer_of(name).ok_or_else(|| {
            let message = format!("no importer reads exports of `{name}`");
            vec![Finding::new(Code::BadValue, message).help(systems())]
        })?),
        None => None,
    };
    let mut found: Option<(&'static dyn Importer, &str)> = named.map(|importer| (importer, ""));
    let mut faults = Vec::new();
    for (file, probe) in files.iter().zip(probes) {
        let recognised = IMPORTERS.iter().copied().find(|importer| importer.recognise(probe) == Recognition::Yes);
        match (recognised, found) {
            (Some(here), Some((importer, other))) if here.system() != importer.system() => {
                faults.push(mixed(&file.name, here, importer, other));
            }
            (Some(here), None) => found = Some((here, &file.name)),
            (None, _) if named.is_none() => faults.push(unknown(&file.name, probe)),
            (Some(_) | None, _) => {}
        }
    }
    match found {
        Some((importer, _)) if faults.is_empty() => Ok(importer),
        Some(_) | None => Err(faults),
    }
}

fn mixed(name: &str, here: &dyn Importer, importer: &dyn Importer, other: &str) -> Finding {
    let (is, not) = (here.system(), importer.system());
    let (message, help) = if other.is_empty() {
        (
            format!("this is an export of `{is}`, not of `{not}`"),
            format!("import it with `review snapshot import {is}`"),
        )
    } else {
        let message = format!("this is an export of `{is}`, and `{other}` is one of `{not}`");
        (message, "import each system on its own".to_owned())
    };
    Finding::new(Code::BadValue, message).at(&Place::file(name)).help(help)
}

/// Reports a file that no importer recognises, and the system that comes closest.
fn unknown(name: &str, probe: &Probe) -> Finding {
    let near = IMPORTERS.iter().find_map(|importer| match importer.recognise(probe) {
        Recognition::Near(lacks) => Some((*importer, lacks)),
        Recognition::Yes | Recognition::No => None,
    });
    let (message, help) = match near {
        Some((importer, lacks)) => (
            format!("no importer recognises this file; the closest is `{}`, but {lacks}", importer.system()),
            format!("give what `{}` wrote", importer.commands().first().copied().unwrap_or_default()),
        ),
        None => ("no importer recognises this file".to_owned(), systems()),
    };
    Finding::new(Code::UnknownExport, message).at(&Place::file(name)).help(help)
}

fn systems() -> String {
    let names: Vec<String> = IMPORTERS.iter().map(|importer| format!("`{}`", importer.system())).collect();
    format!("the systems are {}; `review snapshot import --help` lists the commands that export them", names.join(", "))
}

/// When the export was taken: as the files state, as the user states, or when they were written. Of several, the oldest.
fn taken_at(
    importer: &dyn Importer,
    files: &[ExportFile],
    probes: &[Probe],
    stated: Option<Time>,
) -> Result<Time, Finding> {
    let told = probes.iter().filter_map(|probe| importer.taken_at(probe)).min();
    match (told, stated) {
        (Some(told), Some(stated)) if told != stated => {
            let message = format!("the export was taken at {told}, not at {stated}");
            Err(Finding::new(Code::BadValue, message).help("leave out `--taken-at`: the export states its time"))
        }
        (Some(time), _) | (None, Some(time)) => Ok(time),
        (None, None) if importer.accepts_file_time() => {
            Ok(files.iter().map(|file| file.modified).min().unwrap_or_else(|| Time::from_unix(0)))
        }
        (None, None) => Err(Finding::new(Code::MissingField, "the export does not state when it was taken")
            .help("state it: `--taken-at 2026-11-30T00:00:00Z`")),
    }
}

impl Import {
    /// Checks the target that the user states, or takes it if the export does not contain one.
    ///
    /// # Errors
    /// If the export is of another target, or the stated one is blank.
    pub fn of_target(mut self, stated: Option<&str>) -> Result<Self, Vec<Finding>> {
        let known = self.snapshot.targets();
        let Some(stated) = stated else {
            if known.is_empty() {
                let message = "the export does not say which system it is of";
                let importer = importer_of(self.snapshot.source.raw());
                let help = importer.map_or("name the system with `--target`", Importer::target_help);
                self.findings.push(Finding::new(Code::NoTarget, message).weighing(Severity::Warning).help(help));
            }
            return Ok(self);
        };
        let refused = |message: String, help: &str| Err(vec![Finding::new(Code::BadValue, message).help(help)]);
        if stated.trim().is_empty() {
            return refused("`--target` names no system".to_owned(), "write the id of the system, or leave it out");
        }
        if let Some(other) = known.iter().find(|target| target.id.raw() != stated) {
            let message = format!("the export is of `{}`, not of `{stated}`", other.id.raw());
            return refused(message, "leave `--target` out, or give the export of that system");
        }
        if known.is_empty() {
            self.snapshot.target = Some(SystemTarget { id: Text::from(stated), system: self.snapshot.source.clone() });
        }
        Ok(self)
    }
}
