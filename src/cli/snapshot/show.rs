//! `review snapshot show`: the contents of a snapshot.
//!
//! Shows, for a snapshot, by default the site's: counts, holders of privileged roles, identities without an owner,
//! unused access, and roles that are sufficient for privilege escalation. Always exits 0.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context as _, bail};
use clap::Args;

use crate::access;
use crate::access::Index;
use crate::access::model::facts::Escalation;
use crate::access::queries::inventory;
use crate::app::io::command_error::hinted;
use crate::app::io::files::shown;
use crate::app::io::format::render;
use crate::app::io::streams;
use crate::app::present::plan_report;
use crate::app::site::known_identities::with_known;
use crate::app::site::load::{Faults, Site};
use crate::app::site::location::SiteLocation;
use crate::app::site::trust_folder::{MAX_SNAPSHOT, TrustFolderError};
use crate::cli::shared_args::LocationArgs;
use crate::decision::exit::ExitCode;
use crate::input::digest::{Digest, of};
use crate::input::finding::{Code, Finding, Severity};
use crate::input::id::Subject;
use crate::input::text::Text;
use crate::input::time::Span;
use crate::report::model::{Body, Report, Reported};
use crate::report::record::SnapshotReport;
use crate::report::render::format::Format;
use crate::report::sentence::Sentence;
use crate::report::sheet::{Cell, Sheet};
use crate::snapshot::model::{Snapshot, Trust};

/// The default of `stale_after` without a trust folder.
const STALE_AFTER: Span = Span::from_days(90);

/// Show what is in a snapshot: counts, privileged access, unused access, missing owners.
#[derive(Debug, Args)]
pub struct SnapshotShowArgs {
    /// The snapshot [default: the one in the trust folder].
    #[arg(value_name = "SNAPSHOT")]
    file: Option<PathBuf>,
    #[command(flatten)]
    place: LocationArgs,
    /// The format of the result.
    #[arg(long, value_enum, default_value_t, env = "REVIEW_FORMAT")]
    format: Format,
}

/// A snapshot that was read.
pub(crate) struct Loaded {
    /// Its file, as given by the user.
    pub(crate) name: String,
    /// Its contents, with the agents and people of the site.
    pub(crate) snapshot: Snapshot,
    /// The SHA-256 of its bytes.
    pub(crate) digest: Digest<of::File>,
    /// Findings about it.
    pub(crate) findings: Vec<Reported>,
}

/// The rules for viewing snapshots: the site's, or the shipped ones.
pub(crate) struct Lens {
    site: Option<Site>,
    shipped: access::Data,
    /// Findings about the rules.
    pub(crate) findings: Vec<Reported>,
}

impl Lens {
    /// The site's rules if there is a trust folder; the shipped ones if there is none and none was given.
    ///
    /// # Errors
    /// If a given trust folder cannot be used.
    pub(crate) fn find(place: &SiteLocation) -> anyhow::Result<Self> {
        let shipped = access::Data::shipped().map_err(|_| anyhow::anyhow!("the shipped rules cannot be read"))?;
        let lens = |site, findings| Self { site, shipped, findings };
        let why = match Site::load(place) {
            Ok(Ok(site)) => return Ok(lens(Some(site), Vec::new())),
            Ok(Err(_)) => "it holds faults; `review check` shows them".to_owned(),
            Err(error) => match error.downcast_ref::<TrustFolderError>() {
                Some(TrustFolderError::NotFound) => return Ok(lens(None, Vec::new())),
                Some(_) | None => error.to_string(),
            },
        };
        if place.trust.is_some() {
            bail!("the trust folder cannot be used: {why}");
        }
        let note = Finding::new(
            Code::BadConfiguration,
            "the trust folder cannot be used, so the shipped rules apply".to_owned(),
        )
        .weighing(Severity::Warning)
        .help(why);
        Ok(lens(None, vec![Reported::new(note, |_| None)]))
    }

    /// The rules as they apply to a snapshot.
    pub(crate) fn data(&self, snapshot: &Snapshot) -> access::Data {
        self.site.as_ref().map_or(&self.shipped, |site| &site.rules).clone().in_estate(snapshot)
    }

    fn stale_after(&self) -> Span {
        self.site.as_ref().map_or(STALE_AFTER, |site| site.parameters().stale_after)
    }

    /// Reads a snapshot. Accounts that the site lists as agents are marked as agents; nothing is added.
    pub(crate) fn read(&self, path: &Path) -> anyhow::Result<Result<Loaded, Faults>> {
        let name = path.to_string_lossy().into_owned();
        let cannot = || format!("the snapshot `{}` cannot be read", shown(path));
        let meta = std::fs::metadata(path).with_context(cannot)?;
        if meta.is_dir() || meta.len() > MAX_SNAPSHOT {
            bail!(hinted(
                format!("`{}` is a folder, or larger than {MAX_SNAPSHOT} bytes", shown(path)),
                "name a snapshot"
            ));
        }
        let bytes = std::fs::read(path).with_context(cannot)?;
        Ok(self.parse(name, bytes.into()))
    }

    /// Reads the given snapshot, otherwise the site's own.
    pub(crate) fn named_or_own(&self, file: Option<&Path>) -> anyhow::Result<Result<Loaded, Faults>> {
        match file {
            Some(file) => self.read(file),
            None => self.read_own(),
        }
    }

    /// Reads the site's own snapshot.
    fn read_own(&self) -> anyhow::Result<Result<Loaded, Faults>> {
        let Some(site) = &self.site else {
            bail!(hinted("no snapshot was given, and there is no trust folder", "pass a snapshot, or `--trust DIR`"))
        };
        let path = site.settings.snapshot.raw();
        let Some(bytes) = site.folder.read_up_to(path, MAX_SNAPSHOT)? else { bail!("the snapshot is gone") };
        Ok(self.parse(site.folder.shown(path), bytes))
    }

    fn parse(&self, name: String, bytes: Rc<[u8]>) -> Result<Loaded, Faults> {
        let digest = Digest::of(&bytes);
        match crate::snapshot::read(&name, &bytes) {
            Ok((snapshot, findings)) => {
                let text = std::str::from_utf8(&bytes).ok();
                let findings = findings.into_iter().map(|f| Reported::new(f, |_| text)).collect();
                let snapshot = match &self.site {
                    Some(site) => {
                        let known = snapshot.identities.len();
                        let mut snapshot = with_known(snapshot, &site.agents, &site.people);
                        snapshot.identities.truncate(known);
                        if !site.people.same_as().is_empty() {
                            // Links to identities that only the trust files know lead nowhere here.
                            let ids: BTreeSet<Text> = snapshot.identities.iter().map(|it| it.id.text()).collect();
                            let is_known = |it: &Trust| ids.contains(&it.from) && ids.contains(&it.to);
                            snapshot.trusts.retain(|it| it.via.raw() != "same-as" || is_known(it));
                        }
                        snapshot
                    }
                    None => snapshot,
                };
                Ok(Loaded { name, snapshot, digest, findings })
            }
            Err(findings) => Err(Faults { findings, sources: [(name, bytes)].into() }),
        }
    }
}

impl SnapshotShowArgs {
    /// Prints the contents of the snapshot.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        let lens = Lens::find(&self.place.location())?;
        let loaded = match lens.named_or_own(self.file.as_deref())? {
            Ok(loaded) => loaded,
            Err(faults) => {
                let report = crate::app::site::fault_report::faults("snapshot show", &faults, ExitCode::Failure);
                streams::data(&render(&report, self.format))?;
                return Ok(ExitCode::Failure);
            }
        };
        let mut findings = lens.findings.clone();
        findings.extend(loaded.findings.iter().cloned());
        let index = Index::new(&loaded.snapshot);
        let found = inventory::holdings(&index, &lens.data(&loaded.snapshot), lens.stale_after());
        let about = SnapshotReport {
            targets: plan_report::systems(&loaded.snapshot),
            file: Text::from(loaded.name.as_str()),
            source: loaded.snapshot.source.clone(),
            taken_at: loaded.snapshot.taken_at,
            digest: loaded.digest,
            counts: found.counts.clone(),
            sheets: sheets(&found),
        };
        let report = Report {
            command: "snapshot show",
            exit_code: ExitCode::Passes.code(),
            verdict: Sentence::of("shown"),
            findings,
            body: Body::Snapshot(about),
            next: Vec::new(),
        };
        streams::data(&render(&report, self.format))?;
        Ok(ExitCode::Passes)
    }
}

/// A subject with its kind, in two cells.
pub(crate) fn subject(subject: &Subject, kind: Option<crate::input::entitlement::IdentityKind>) -> [Cell; 2] {
    let word = match subject {
        Subject::Identity(_) => kind.map_or("identity", crate::input::entitlement::IdentityKind::name),
        Subject::Group(_) => "group",
    };
    [Cell::Text(subject.text()), Cell::Word(word)]
}

/// Each completion on its own, for programs: no column has a title.
fn escalations(found: &inventory::Holdings) -> Sheet {
    Sheet {
        key: "escalations",
        title: "",
        columns: &[
            ("who", ""),
            ("kind", ""),
            ("path", ""),
            ("complete", ""),
            ("conditional", ""),
            ("bound", ""),
            ("bindings", ""),
            ("title", ""),
            ("ways", ""),
        ],
        rows: found.escalations.iter().map(escalation).collect(),
        none: "",
    }
}

/// Completed paths grouped by their result: one row each, regardless of the number of subjects.
fn escalation_paths(found: &inventory::Holdings) -> Sheet {
    let same =
        |a: &Escalation, b: &Escalation| (a.complete, a.conditional, &a.id) == (b.complete, b.conditional, &b.id);
    let row = |all: &[Escalation]| {
        let who: BTreeSet<Text> = all.iter().map(|it| it.subject.text()).collect();
        let state = all.first().map_or("", |it| match (it.complete, it.conditional) {
            (false, _) => "possible",
            (true, true) => "under a condition",
            (true, false) => "complete",
        });
        vec![
            Cell::maybe(all.first().map(|it| it.title.clone())),
            Cell::Word(state),
            Cell::Number(who.len() as u64),
            Cell::Says(few(who)),
            Cell::maybe(all.first().map(|it| it.id.clone())),
        ]
    };
    Sheet {
        key: "escalation_paths",
        title: "Known escalation paths open to subjects that are not administrators, by what they give",
        columns: &[("title", "opens"), ("state", "state"), ("subjects", "for"), ("who", "who"), ("path", "path")],
        rows: found.escalations.chunk_by(same).map(row).collect(),
        none: "no subject can use one",
    }
}

/// The superusers, in one row.
fn administrators(found: &inventory::Holdings) -> Sheet {
    let all: Vec<Text> = found.administrators.iter().map(Subject::text).collect();
    let row =
        |all: Vec<Text>| vec![Cell::Number(all.len() as u64), Cell::Says(few(all.iter().cloned())), Cell::List(all)];
    Sheet {
        key: "administrators",
        title: "Administrators: all access, everywhere, without an expiry; every escalation path is open to them",
        columns: &[("subjects", "how many"), ("some", "who"), ("who", "")],
        rows: if all.is_empty() { Vec::new() } else { vec![row(all)] },
        none: "there is none",
    }
}

/// The first names, and the number of the others.
fn few(names: impl IntoIterator<Item = Text>) -> Sentence {
    const MOST: usize = 8;
    Sentence::new().few_names(&names.into_iter().collect::<Vec<_>>(), MOST)
}

fn escalation(it: &Escalation) -> Vec<Cell> {
    let [who, kind] = subject(&it.subject, None);
    let bound = it.bound.iter().map(|(name, object)| format!("{name} = {}", object.raw()).into());
    let told = crate::report::build::escalation(it);
    vec![
        who,
        kind,
        Cell::Text(it.id.clone()),
        Cell::Yes(it.complete),
        Cell::Yes(it.conditional),
        Cell::List(bound.collect()),
        Cell::Number(it.count),
        Cell::Text(it.title.clone()),
        Cell::List(told.ways.iter().map(Sentence::text).collect()),
    ]
}

const PRIVILEGED: &[crate::report::sheet::Column] = &[
    ("who", "who"),
    ("kind", "kind"),
    ("role", "role"),
    ("scope", "where"),
    ("mode", "mode"),
    ("until", "until"),
    ("sensitivity", "sensitivity"),
    ("why", "why privileged"),
];

fn sheets(found: &inventory::Holdings) -> Vec<Sheet> {
    let holding = |it: &inventory::PrivilegedHolding| {
        let [who, kind] = subject(&it.subject, it.kind);
        vec![
            who,
            kind,
            Cell::Text(it.role.text()),
            Cell::maybe(it.scope.as_ref().map(crate::input::id::Id::text)),
            Cell::Word(it.mode.name()),
            Cell::at(it.until),
            Cell::Word(it.sensitivity.name()),
            Cell::Text(it.why.clone()),
        ]
    };
    let standing = found.privileged.iter().filter(|it| it.is_standing()).map(holding).collect();
    vec![
        administrators(found),
        escalation_paths(found),
        Sheet {
            key: "privileged_holders",
            title: "Privileged roles",
            columns: PRIVILEGED,
            rows: found.privileged.iter().map(holding).collect(),
            none: "no one has a privileged role",
        },
        Sheet {
            key: "standing_privilege",
            title: "Standing privilege: privileged roles without an expiry",
            columns: PRIVILEGED,
            rows: standing,
            none: "no privileged role is assigned without an expiry",
        },
        Sheet {
            key: "non_human_without_owner",
            title: "Non-human identities without an owner",
            columns: &[("identity", "identity"), ("kind", "kind")],
            rows: found
                .without_owner
                .iter()
                .map(|(id, kind)| vec![Cell::Text(id.text()), Cell::Word(kind.name())])
                .collect(),
            none: "every one has an owner",
        },
        Sheet {
            key: "stale",
            title: "Unused access and identities",
            columns: &[
                ("who", "who"),
                ("holds", "holds"),
                ("scope", "where"),
                ("last_used", "last used"),
                ("granted_at", "granted"),
            ],
            rows: found
                .stale
                .iter()
                .map(|it| {
                    vec![
                        Cell::Text(it.who.clone()),
                        Cell::maybe(it.what.clone()),
                        Cell::maybe(it.scope.as_ref().map(crate::input::id::Id::text)),
                        Cell::at(it.last_used),
                        Cell::at(it.granted_at),
                    ]
                })
                .collect(),
            none: if found.use_known {
                "the export shows nothing unused for that long"
            } else {
                "unknown: the export does not record use"
            },
        },
        Sheet {
            key: "escalation_prone_roles",
            title: "Roles that alone allow a known escalation path",
            columns: &[("role", "role"), ("assignments", "assignments"), ("paths", "paths"), ("title", "leads to")],
            rows: found
                .prone
                .iter()
                .map(|it| {
                    vec![
                        Cell::Text(it.role.text()),
                        Cell::Number(it.assignments),
                        Cell::List(it.paths.clone()),
                        Cell::Text(it.title.clone()),
                    ]
                })
                .collect(),
            none: "no role is",
        },
        escalations(found),
    ]
}
