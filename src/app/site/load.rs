//! The site: everything in the trust folder, parsed and validated, with the snapshot.
//!
//! Loads [`Site`] from a trust folder, or returns every fault of every file at once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::rc::Rc;

use crate::app::site::known_identities::with_known;
use crate::app::site::location::SiteLocation;
use crate::app::site::proposer_keys;
use crate::app::site::trust_folder::{MAX_SNAPSHOT, TrustFolder, TrustFolderError};
use crate::config::{self, Agents, People, Settings, Tasks};
use crate::decision::lint::trust_files;
use crate::decision::lint::trust_files::Files;
use crate::decision::lint::unknown_names;
use crate::input::digest::{Digest, of};
use crate::input::finding::{Code, Finding, Severity};
use crate::input::id::{GroupId, IdentityId, PersonId};
use crate::input::place::Place;
use crate::log::line::SessionKind;
use crate::snapshot::model::Snapshot;
use crate::trust::proposer::Prover;
use crate::trust::revoked::Revoked;
use crate::trust::signers::Signers;
use crate::{access, policy};

/// The list of revoked keys, in the trust folder.
pub const REVOKED_KEYS: &str = "revoked_keys";

/// The texts that findings refer to, by the name of the file shown to the user.
pub type Sources = BTreeMap<String, Rc<[u8]>>;

/// Everything in the trust folder.
pub struct Site {
    /// The folder.
    pub folder: TrustFolder,
    /// `review.yaml`.
    pub settings: Settings,
    /// `people.yaml`.
    pub people: People,
    /// `agents.yaml`.
    pub agents: Agents,
    /// `tasks.yaml`.
    pub tasks: Tasks,
    /// `allowed_signers`, without the keys of `revoked_keys`.
    pub signers: Signers,
    /// `revoked_keys`.
    pub revoked: Revoked,
    /// How each proposer of `agents.yaml` proves its plans.
    pub provers: BTreeMap<IdentityId, Prover>,
    /// The policies, shipped ones and the site's.
    pub pack: policy::Pack,
    /// The exact policy files, by path.
    pub policy_files: Vec<(String, Rc<[u8]>)>,
    /// Classification, escalation paths and separation-of-duties pairs, as written.
    pub rules: access::Data,
    /// The same as they apply to the snapshot: with the prefixes of the parts of a merged one.
    pub data: access::Data,
    /// The site's own files of these kinds, by path.
    pub data_files: Vec<(String, Rc<[u8]>)>,
    /// The current entitlements, with the agents and people that are missing in the export.
    pub snapshot: Snapshot,
    /// How many identities at the end of the list are missing in the export.
    pub added: usize,
    /// The SHA-256 of the snapshot's bytes.
    pub snapshot_digest: Digest<of::File>,
    /// Findings about all of them that are not fatal.
    pub findings: Vec<Finding>,
    /// The texts of the small files.
    pub sources: Sources,
}

/// Fatal faults, with the texts they refer to.
#[derive(Debug, Default)]
pub struct Faults {
    /// The faults.
    pub findings: Vec<Finding>,
    /// The texts.
    pub sources: Sources,
}

/// The name of a file shown to the user, and its bytes.
type Named = (String, Rc<[u8]>);

/// Reads files one by one and collects all faults.
struct SiteReading {
    folder: TrustFolder,
    faults: Faults,
    notes: Vec<Finding>,
}

impl SiteReading {
    fn bytes(&mut self, path: &str) -> Result<Option<Named>, TrustFolderError> {
        let shown = self.folder.shown(path);
        let bytes = self.folder.read(path)?;
        if let Some(bytes) = &bytes {
            self.faults.sources.insert(shown.clone(), Rc::clone(bytes));
        }
        Ok(bytes.map(|bytes| (shown, bytes)))
    }

    /// Reads an optional file; its absence is the default.
    fn file<T: Default>(
        &mut self,
        path: &str,
        read: impl Fn(&str, &[u8]) -> Result<T, Vec<Finding>>,
    ) -> Result<T, TrustFolderError> {
        let Some((shown, bytes)) = self.bytes(path)? else { return Ok(T::default()) };
        Ok(self.keep(read(&shown, &bytes)).unwrap_or_default())
    }

    fn keep<T>(&mut self, result: Result<T, Vec<Finding>>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(findings) => {
                self.faults.findings.extend(findings);
                None
            }
        }
    }

    /// Collects errors as faults and the rest as notes.
    fn sort(&mut self, findings: Vec<Finding>) {
        for finding in findings {
            if finding.severity == Severity::Error {
                self.faults.findings.push(finding);
            } else {
                self.notes.push(finding);
            }
        }
    }
}

impl Site {
    /// Reads the whole trust folder.
    ///
    /// # Errors
    /// The outer error if a file cannot be read at all; the inner one contains every fault of the files read.
    pub fn load(place: &SiteLocation) -> anyhow::Result<Result<Self, Faults>> {
        let current = std::env::current_dir()?;
        let folder = TrustFolder::find(place.trust.as_deref(), &current)?;
        let mut reading = SiteReading { folder, faults: Faults::default(), notes: Vec::new() };
        let settings = match reading.bytes("review.yaml")? {
            Some((shown, bytes)) => reading.keep(Settings::read(&shown, &bytes)),
            None => return Err(TrustFolderError::NotFound.into()),
        };
        let people = reading.file("people.yaml", People::read)?;
        let agents = reading.file("agents.yaml", Agents::read)?;
        let tasks = reading.file("tasks.yaml", Tasks::read)?;
        let cross = config::cross_check(&people, &agents, &tasks);
        reading.sort(cross);
        let signers = match reading.bytes("allowed_signers")? {
            Some((shown, bytes)) => {
                let (signers, findings) = Signers::parse(&shown, &bytes);
                // WHY: an unreadable line allows no one, and must not keep auditors or other signers from working.
                reading.notes.extend(findings);
                signers
            }
            None => Signers::parse("allowed_signers", b"").0,
        };
        let revoked = reading.file(REVOKED_KEYS, revoked)?;
        let signers =
            signers.without(revoked.clone()).keeping_out(SessionKind::Record.namespace(), people.principals());
        let (provers, unusable) = proposer_keys::load(&agents, &mut |path| reading.bytes(path))?;
        reading.faults.findings.extend(unusable);
        let signers_file = reading.folder.shown("allowed_signers");
        let files =
            Files { people: &people, agents: &agents, tasks: &tasks, signers: &signers, signers_file: &signers_file };
        reading.faults.findings.extend(trust_files::faults(files));
        let Some(settings) = settings else { return Ok(Err(reading.faults)) };
        let (pack, policy_files) = load_policies(&mut reading, &settings)?;
        let (data, data_files) = load_data(&mut reading, &settings)?;
        let snapshot = load_snapshot(&mut reading, &settings)?;
        let (Some(pack), Some(data), Some((snapshot, snapshot_digest))) = (pack, data, snapshot) else {
            return Ok(Err(reading.faults));
        };
        let rules = data;
        let data = rules.clone().in_estate(&snapshot);
        reading.faults.findings.extend(unresolved(&pack, &data_files, (&people, &tasks), &snapshot));
        reading.faults.findings.extend(unknown_names::without_prefix(&people, &agents, &snapshot));
        if !reading.faults.findings.is_empty() {
            return Ok(Err(reading.faults));
        }
        reading.notes.extend(unknown_names::in_same_as(&people, &agents, &snapshot));
        let exported = snapshot.identities.len();
        let snapshot = with_known(snapshot, &agents, &people);
        let added = snapshot.identities.len().saturating_sub(exported);
        Ok(Ok(Self {
            folder: reading.folder,
            settings,
            people,
            agents,
            tasks,
            signers,
            revoked,
            provers,
            pack,
            policy_files,
            rules,
            data,
            data_files,
            snapshot,
            snapshot_digest,
            added,
            findings: reading.notes,
            sources: reading.faults.sources,
        }))
    }

    /// The path of the log: `--log`, otherwise `log:` of `review.yaml`, otherwise next to it.
    #[must_use]
    pub fn log_path(&self, place: &SiteLocation) -> PathBuf {
        match (&place.log, self.folder.path()) {
            (Some(log), _) => log.clone(),
            (None, Some(folder)) => folder.join(self.settings.log.raw()),
            (None, None) => PathBuf::from(self.settings.log.raw()),
        }
    }

    /// Every trust file used, including those of the binary, by path.
    #[must_use]
    pub fn trust_files(&self) -> BTreeMap<String, Digest<of::File>> {
        let mut all = self.folder.used();
        for (path, bytes) in &self.policy_files {
            if path.starts_with("shipped/") {
                all.insert(path.clone(), Digest::of(bytes));
            }
        }
        if self.settings.shipped {
            all.extend(crate::access::risk::rule_files::shipped_files().map(|(path, bytes)| (path, Digest::of(bytes))));
        }
        all
    }

    /// The limits that policies read.
    #[must_use]
    pub fn parameters(&self) -> policy::PolicyParameters {
        let set = &self.settings.parameters;
        policy::PolicyParameters {
            max_ttl: set.max_ttl,
            max_privileged_ttl: set.max_privileged_ttl,
            max_credential_ttl: set.max_credential_ttl,
            stale_after: set.stale_after,
            require_security_key: set.require_security_key,
        }
    }

    /// The groups whose gain excludes a person even if their members are not in the snapshot.
    #[must_use]
    pub fn barring(&self, person: &PersonId) -> BTreeSet<GroupId> {
        let named = self.people.named_groups().map(|group| &group.value);
        named.filter(|group| self.people.bars(group, person)).cloned().collect()
    }

    /// All people as input for policy.
    #[must_use]
    pub fn people_views(&self) -> policy::PeopleView {
        let mut machines: BTreeMap<&PersonId, BTreeSet<IdentityId>> = BTreeMap::new();
        for identity in &self.snapshot.identities {
            let owner = identity.owner.as_ref().and_then(|owner| self.people.by_identity(owner.as_str()));
            if let Some(person) = owner {
                machines.entry(&person.id.value).or_default().insert(identity.id.clone());
            }
        }
        policy::PeopleView::new(self.people.all().iter().map(|person| policy::PersonView {
            id: person.id.value.clone(),
            identities: person.identities.iter().map(|i| i.value.clone()).collect(),
            groups: self.people.groups_of(&person.id.value).map(|g| g.raw().to_owned()).collect(),
            listed_groups: self.barring(&person.id.value),
            owns: machines.remove(&person.id.value).unwrap_or_default(),
        }))
    }
}

/// The names in the site's policies and rules that a merged snapshot does not contain. WHY: a rule that was written for
/// the snapshot of one system names ids without a prefix, and would silently stop to apply.
fn unresolved(
    pack: &policy::Pack,
    data_files: &[Named],
    (people, tasks): (&People, &Tasks),
    snapshot: &Snapshot,
) -> Vec<Finding> {
    if !snapshot.is_estate() {
        return Vec::new();
    }
    let mut found = unknown_names::in_policies(pack, people, tasks, snapshot);
    for (path, bytes) in data_files {
        // A fault of the file is reported where all files are read.
        let own = access::Data::read([(path.as_str(), &**bytes)]).unwrap_or_default();
        let place = Place::file(path);
        found.extend(own.unresolved(snapshot).into_iter().map(|finding| finding.at(&place)));
    }
    found
}

/// Reads `revoked_keys`. Unlike in `allowed_signers`, an unreadable line is fatal.
fn revoked(name: &str, bytes: &[u8]) -> Result<Revoked, Vec<Finding>> {
    let (revoked, findings) = Revoked::parse(name, bytes);
    if findings.is_empty() { Ok(revoked) } else { Err(findings) }
}

type PolicyFiles = Vec<Named>;

fn load_policies(
    reading: &mut SiteReading,
    settings: &Settings,
) -> Result<(Option<policy::Pack>, PolicyFiles), TrustFolderError> {
    let mut files: PolicyFiles = Vec::new();
    if settings.shipped {
        files.extend(policy::Pack::shipped().iter().map(|f| (f.path.to_owned(), Rc::from(f.bytes))));
    }
    let mut shown_files = files.clone();
    for path in reading.folder.list("policies", "")? {
        if ![".cedar", ".cedarschema", ".yaml", ".md"].iter().any(|ending| path.ends_with(ending)) {
            let place = crate::input::place::Place::file(&reading.folder.shown(&path));
            reading.faults.findings.push(
                Finding::new(Code::BadConfiguration, format!("`{path}` is not a policy file and would be ignored"))
                    .at(&place)
                    .help("name it `*.cedar` or `*.yaml`, or move it out of `policies/`"),
            );
        }
    }
    let mut own = reading.folder.list("policies", ".cedar")?;
    own.extend(reading.folder.list("policies", ".cedarschema")?);
    for path in own {
        if let Some((shown, bytes)) = reading.bytes(&path)? {
            files.push((path, Rc::clone(&bytes)));
            shown_files.push((shown, bytes));
        }
    }
    let named: Vec<policy::PolicyFile<'_>> =
        shown_files.iter().map(|(path, bytes)| policy::PolicyFile { path, bytes }).collect();
    let mut steps = Vec::new();
    for step in &settings.steps {
        match policy::StepName::new(step.raw()) {
            Some(name) => steps.push(name),
            None => reading.faults.findings.push(Finding::new(
                Code::BadConfiguration,
                format!("`{}` is not the name of an approval step", step.raw()),
            )),
        }
    }
    let pack = policy::Pack::load(&named, Some(&steps));
    Ok((reading.keep(pack), files))
}

fn load_data(
    reading: &mut SiteReading,
    settings: &Settings,
) -> Result<(Option<access::Data>, PolicyFiles), TrustFolderError> {
    let mut named: PolicyFiles = Vec::new();
    if settings.shipped {
        named.extend(crate::access::risk::rule_files::shipped_files().map(|(path, bytes)| (path, Rc::from(bytes))));
    }
    let mut own: PolicyFiles = Vec::new();
    for path in reading.folder.list("policies", ".yaml")? {
        if let Some((shown, bytes)) = reading.bytes(&path)? {
            named.push((shown, Rc::clone(&bytes)));
            own.push((path, bytes));
        }
    }
    let files: Vec<(&str, &[u8])> = named.iter().map(|(path, bytes)| (path.as_str(), &**bytes)).collect();
    let data = access::Data::read(files);
    Ok((reading.keep(data), own))
}

fn load_snapshot(
    reading: &mut SiteReading,
    settings: &Settings,
) -> Result<Option<(Snapshot, Digest<of::File>)>, TrustFolderError> {
    let path = settings.snapshot.raw();
    let shown = reading.folder.shown(path);
    // WHY: the text of a large snapshot takes as much memory as the model. It is kept only if a finding refers to it.
    let mut streamed = None;
    if let Some((Some(read), digest)) = reading.folder.stream(path, MAX_SNAPSHOT, |r| crate::snapshot::stream(r))? {
        match read.clean() {
            Ok(snapshot) => return Ok(Some((snapshot, digest))),
            Err(read) => streamed = Some((read, digest)),
        }
    }
    let Some(bytes) = reading.folder.read_up_to(path, MAX_SNAPSHOT)? else {
        return Err(TrustFolderError::Missing {
            path: path.into(),
            help: "create it with `review snapshot import FILE… -o snapshot.json`",
        });
    };
    let digest = reading.folder.digest(path).unwrap_or_else(|| Digest::of(&bytes));
    let streamed = streamed.filter(|(_, of)| *of == digest).zip(std::str::from_utf8(&bytes).ok());
    let read = match streamed {
        Some(((read, _), text)) => read.placed(&shown, text),
        None => crate::snapshot::read(&shown, &bytes),
    };
    match read {
        Ok((snapshot, findings)) => {
            reading.sort(findings);
            Ok(Some((snapshot, digest)))
        }
        Err(findings) => {
            if bytes.len() < 1 << 24 {
                reading.faults.sources.insert(shown.clone(), bytes);
            }
            if findings.is_empty() {
                let nothing = Finding::new(Code::Unreadable, "the snapshot cannot be read").at(&Place::file(&shown));
                reading.faults.findings.push(nothing);
            }
            reading.faults.findings.extend(findings);
            Ok(None)
        }
    }
}
