//! `review snapshot diff A B`: the differences between two snapshots.
//!
//! Shows changed grants and definitions, their effect on access, and new abilities of agents to change access. Always
//! exits 0.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;

use crate::access::Index;
use crate::access::model::facts::{AccessDelta, Escalation};
use crate::access::queries::snapshot_diff;
use crate::app::io::format::render;
use crate::app::io::streams;
use crate::cli::shared_args::LocationArgs;
use crate::cli::snapshot::show::{Lens, Loaded, subject};
use crate::decision::exit::ExitCode;
use crate::input::entitlement::IdentityKind;
use crate::input::finding::{Code, Finding};
use crate::input::id::Subject;
use crate::input::text::Text;
use crate::report::model::{Body, Report, Reported};

use crate::report::render::format::Format;
use crate::report::sentence::{self, Sentence, counted};
use crate::report::sheet::{Cell, Column, Sheet, Sheets};
use crate::snapshot::difference;
use crate::snapshot::model::Assignment;

/// Show what changed between two snapshots, and what that does to effective access.
#[derive(Debug, Args)]
pub struct SnapshotDiffArgs {
    /// The earlier snapshot.
    #[arg(value_name = "A")]
    before: PathBuf,
    /// The later snapshot.
    #[arg(value_name = "B")]
    after: PathBuf,
    #[command(flatten)]
    place: LocationArgs,
    /// The format of the result.
    #[arg(long, value_enum, default_value_t, env = "REVIEW_FORMAT")]
    format: Format,
}

impl SnapshotDiffArgs {
    /// Prints the differences.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        let lens = Lens::find(&self.place.location())?;
        let mut loaded = Vec::new();
        for path in [&self.before, &self.after] {
            match lens.read(path)? {
                Ok(one) => loaded.push(one),
                Err(faults) => {
                    let report = crate::app::site::fault_report::faults("snapshot diff", &faults, ExitCode::Failure);
                    streams::data(&render(&report, self.format))?;
                    return Ok(ExitCode::Failure);
                }
            }
        }
        let [before, after] = loaded.as_slice() else { anyhow::bail!("two snapshots are needed") };
        let (old, new) = (Index::new(&before.snapshot), Index::new(&after.snapshot));
        let found = snapshot_diff::between(&old, &new, &lens.data(&after.snapshot));
        let changed = difference(&before.snapshot, &after.snapshot);
        let kind = |who: &Subject| match who {
            Subject::Identity(id) => new.identity(id.as_str()).or_else(|| old.identity(id.as_str())).map(|i| i.kind),
            Subject::Group(_) => None,
        };
        let agents: BTreeSet<&Subject> = found
            .effects
            .gained
            .iter()
            .chain(&found.effects.gained_eligible)
            .map(|piece| &piece.subject)
            .chain(found.escalations.iter().map(|it| &it.subject))
            .filter(|who| kind(who) == Some(IdentityKind::Agent))
            .collect();
        let gained = found.effects.gained.len() + found.effects.gained_eligible.len();
        let lost = found.effects.lost.len() + found.effects.lost_eligible.len();
        let verdict = Sentence::of(format!(
            "{} gained, {} lost; {} gained, {} lost",
            counted(changed.gained.len() as u64, "grant", "grants"),
            changed.lost.len(),
            counted(gained as u64, "access", "accesses"),
            lost
        ));
        let definitions = definitions(&changed);
        let power = power(&found, &agents);
        let sheets = vec![
            grants("grants_gained", "Grants gained", &changed.gained),
            grants("grants_lost", "Grants lost", &changed.lost),
            definitions,
            effects("gained", "Effective access gained", &found.effects.gained, &found.effects.gained_eligible, &kind),
            effects("lost", "Effective access lost", &found.effects.lost, &found.effects.lost_eligible, &kind),
            escalations(&found.escalations, &kind),
            power,
        ];
        let mut findings = lens.findings.clone();
        findings.extend(before.findings.iter().chain(&after.findings).cloned());
        findings.extend(other_target(before, after));
        let report = Report {
            command: "snapshot diff",
            exit_code: ExitCode::Passes.code(),
            verdict,
            findings,
            body: Body::Sheets(Sheets { about: about(before, after), sheets }),
            next: Vec::new(),
        };
        streams::data(&render(&report, self.format))?;
        Ok(ExitCode::Passes)
    }
}

/// A warning if the two snapshots are of different systems: differences between them are then not changes.
fn other_target(before: &Loaded, after: &Loaded) -> Option<Reported> {
    let (was, is) = (before.snapshot.targets(), after.snapshot.targets());
    let (first, second) = (was.first()?, is.first()?);
    if was.iter().any(|target| is.contains(target)) {
        return None;
    }
    let message = format!("the snapshots are of different systems, `{}` and `{}`", first.id.raw(), second.id.raw());
    let finding = Finding::new(Code::OtherTarget, message).help("compare two exports of one system");
    Some(Reported::new(finding, |_| None))
}

fn about(before: &Loaded, after: &Loaded) -> Vec<(&'static str, &'static str, Cell)> {
    let says = |it: &Loaded| {
        let taken = format!(", taken at {}, sha256 {}", it.snapshot.taken_at, it.digest.short());
        Cell::Says(Sentence::new().name(&Text::from(it.name.as_str())).own(taken))
    };
    vec![("before", "before", says(before)), ("after", "after", says(after))]
}

const GRANTS: &[Column] =
    &[("who", "who"), ("holds", "holds"), ("what", "what"), ("scope", "where"), ("mode", "mode"), ("until", "until")];

fn grants(key: &'static str, title: &'static str, all: &[Assignment]) -> Sheet {
    let row = |it: &Assignment| {
        let (word, what) = match (&it.role, &it.member_of) {
            (Some(role), _) => ("role", Cell::Text(role.text())),
            (None, Some(group)) => ("membership", Cell::Text(group.text())),
            (None, None) => ("nothing", Cell::Absent),
        };
        vec![
            Cell::Text(it.who.clone()),
            Cell::Word(word),
            what,
            Cell::maybe(it.scope.as_ref().map(crate::input::id::Id::text)),
            Cell::Word(it.mode.name()),
            Cell::at(it.until),
        ]
    };
    Sheet { key, title, columns: GRANTS, rows: all.iter().map(row).collect(), none: "none" }
}

fn definitions(changed: &crate::snapshot::Difference) -> Sheet {
    let row = |kind: &'static str, name: Text| vec![Cell::Word(kind), Cell::Text(name)];
    let roles = changed.roles.iter().map(|id| row("role", id.text()));
    let groups = changed.groups.iter().map(|id| row("group", id.text()));
    let trusts = changed.trusts.iter().map(|id| row("trust", id.text()));
    Sheet {
        key: "definitions",
        title: "Roles, groups and trusts that were added, removed or redefined",
        columns: &[("kind", "kind"), ("name", "name")],
        rows: roles.chain(groups).chain(trusts).collect(),
        none: "none",
    }
}

const EFFECTS: &[Column] = &[
    ("who", "who"),
    ("kind", "kind"),
    ("access", "access"),
    ("eligible", "eligible"),
    ("privileged", "privileged"),
    ("sensitivity", "sensitivity"),
    ("way", "way"),
];

fn effects(
    key: &'static str,
    title: &'static str,
    now: &[AccessDelta],
    eligible: &[AccessDelta],
    kind: &dyn Fn(&Subject) -> Option<IdentityKind>,
) -> Sheet {
    let mut all: Vec<(&AccessDelta, bool)> =
        now.iter().map(|it| (it, false)).chain(eligible.iter().map(|it| (it, true))).collect();
    // The most sensitive first, because people see only the first rows.
    all.sort_by_key(|(it, _)| (it.privileged.is_none(), std::cmp::Reverse(it.sensitivity)));
    let row = |(it, eligible): &(&AccessDelta, bool)| {
        let [who, word] = subject(&it.subject, kind(&it.subject));
        vec![
            who,
            word,
            Cell::Says(sentence::access(&it.access)),
            Cell::Yes(*eligible),
            Cell::Yes(it.privileged.is_some()),
            Cell::Word(it.sensitivity.name()),
            Cell::Says(sentence::path(&it.path)),
        ]
    };
    Sheet { key, title, columns: EFFECTS, rows: all.iter().map(row).collect(), none: "none" }
}

fn escalations(all: &[Escalation], kind: &dyn Fn(&Subject) -> Option<IdentityKind>) -> Sheet {
    let row = |it: &Escalation| {
        let [who, word] = subject(&it.subject, kind(&it.subject));
        let bound = it.bound.iter().map(|(name, value)| Text::from(format!("{name} = {}", value.raw()))).collect();
        vec![
            who,
            word,
            Cell::Text(it.id.clone()),
            Cell::Text(it.title.clone()),
            Cell::Yes(it.complete),
            Cell::List(bound),
        ]
    };
    Sheet {
        key: "escalations",
        title: "New escalation paths",
        columns: &[
            ("who", "who"),
            ("kind", "kind"),
            ("path", "path"),
            ("title", "leads to"),
            ("complete", "complete"),
            ("with", "with"),
        ],
        rows: all.iter().map(row).collect(),
        none: "none",
    }
}

/// New abilities of agents to change access: privileged access, and escalation paths.
fn power(found: &snapshot_diff::Between, agents: &BTreeSet<&Subject>) -> Sheet {
    let gains = found.effects.gained.iter().chain(&found.effects.gained_eligible);
    let privileged = gains.filter(|it| agents.contains(&it.subject)).filter_map(|it| {
        let why = it.privileged.clone()?;
        let access = Cell::Says(sentence::access(&it.access));
        Some(vec![Cell::Text(it.subject.text()), access, Cell::Text(why), Cell::Says(sentence::path(&it.path))])
    });
    let paths = found.escalations.iter().filter(|it| agents.contains(&it.subject)).map(|it| {
        let way = it.paths.first().map_or(Cell::Absent, |way| Cell::Says(sentence::path(way)));
        vec![
            Cell::Text(it.subject.text()),
            Cell::Says(Sentence::of("escalation path ").name(&it.id)),
            Cell::Text(it.title.clone()),
            way,
        ]
    });
    Sheet {
        key: "agent_power",
        title: "New access of agents to change access",
        columns: &[("agent", "agent"), ("what", "what"), ("why", "why it matters"), ("way", "way")],
        rows: privileged.chain(paths).collect(),
        none: "no agent gains any",
    }
}
