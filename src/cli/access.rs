//! `review access`: who can do what, and by which paths.
//!
//! Answers a query about a snapshot with the paths to each access, without policies and without prompts. Exits 0
//! regardless of the answer.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use crate::access::Index;
use crate::access::matching::coverage::{Tree, scopes_overlap};
use crate::access::queries::effective_access::{ReachableAccess, effective};
use crate::access::queries::every_path::every_path;
use crate::access::queries::who_can::{AccessQuery, AccessVerdict, can, who_can};
use crate::app::io::files::shown;
use crate::app::present::plan_report;
use crate::cli::output_args::Writing;
use crate::cli::shared_args::LocationArgs;
use crate::decision::exit::ExitCode;
use crate::input::finding::{Code, Finding};
use crate::input::id::{GroupId, IdentityId, ResourceId, Subject};
use crate::input::nearest::nearest;
use crate::input::text::Text;
use crate::report::asked::{AccessReport, AccessRow, WayRow};
use crate::report::model::{Body, Report, Reported};
use crate::report::sentence::{Sentence, counted};
use crate::snapshot::model::Snapshot;

/// The number of paths of an answer that are shown by default.
const SHOWN: usize = 5;
/// The largest snapshot read, in bytes.
const MAX_SNAPSHOT: u64 = 2 << 30;

/// Show who can do what, and through which groups, roles and trusts.
#[derive(Debug, Args)]
#[command(
    override_usage = "review access [OPTIONS] WHO [ACTION [RESOURCE]]\n       review access [OPTIONS] --who ACTION [RESOURCE]"
)]
pub struct AccessArgs {
    /// An identity or group, then optionally an action and a resource; `*` matches any. With `--who`, leave out the
    /// identity.
    #[arg(required = true, num_args = 1..=3, value_names = ["WHO", "ACTION", "RESOURCE"])]
    words: Vec<String>,
    /// List everyone who has this access.
    #[arg(long)]
    who: bool,
    /// Show only access to this resource of the snapshot, or to a resource below it.
    #[arg(long, value_name = "RESOURCE")]
    scope: Option<String>,
    /// The snapshot [default: the one in the trust folder].
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,
    /// Show all access, and every path to it.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    place: LocationArgs,
    #[command(flatten)]
    writing: Writing,
}

/// A snapshot with its name as given by the user.
struct Asked {
    name: String,
    snapshot: Snapshot,
    findings: Vec<Reported>,
}

impl AccessArgs {
    /// Answers the query.
    ///
    /// # Errors
    /// If the snapshot cannot be read.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        if self.who && self.words.len() > 2 {
            crate::app::io::streams::note("error: with `--who`, name an action and a resource only");
            return Ok(ExitCode::Usage);
        }
        self.writing.finish("access", self.answer())
    }

    /// The outputs of the result.
    #[must_use]
    pub fn writing(&self) -> &Writing {
        &self.writing
    }

    fn answer(&self) -> anyhow::Result<(Report, ExitCode)> {
        let asked = match self.load()? {
            Ok(asked) => asked,
            Err(report) => return Ok((*report, ExitCode::Failure)),
        };
        let index = Index::new(&asked.snapshot);
        let word = |at: usize| self.words.get(at).map(|w| Text::from(w.as_str()));
        let (who, action, resource) = if self.who { (None, word(0), word(1)) } else { (word(0), word(1), word(2)) };
        let scope: Option<ResourceId> = self.scope.as_deref().map(Into::into);
        if let Some(scope) = scope.as_ref().filter(|scope| index.resource(scope.as_str()).is_none()) {
            return Ok((unknown_place(&asked, scope), ExitCode::Failure));
        }
        let wish = action.map(|action| AccessQuery {
            action,
            resource: resource.unwrap_or_else(|| "*".into()),
            scope: scope.clone(),
        });
        let subjects = match &who {
            Some(name) => subjects(&index, name),
            None => Vec::new(),
        };
        if let Some(name) = who.as_ref().filter(|_| subjects.is_empty()) {
            return Ok((unknown(&asked, name), ExitCode::Failure));
        }
        let rows: Vec<AccessRow> = match (&who, &wish) {
            (None, Some(wish)) => {
                who_can(&index, wish, self.all.then_some(usize::MAX)).into_iter().map(AccessRow::from).collect()
            }
            (_, Some(wish)) => subjects.iter().map(|subject| can(&index, subject, wish).into()).collect(),
            (_, None) => subjects.iter().map(|subject| everything(&index, subject, scope.as_ref(), self.all)).collect(),
        };
        let mut verdict = verdict(who.as_ref(), wish.as_ref(), scope.as_ref(), &rows);
        if rows.iter().any(|row| row.is_cut) {
            verdict = verdict.own("; not all paths are listed");
        }
        let report = Report {
            command: "access",
            exit_code: ExitCode::Passes.code(),
            verdict,
            findings: asked.findings,
            body: Body::Access(AccessReport {
                file: Text::from(asked.name),
                taken_at: asked.snapshot.taken_at,
                targets: plan_report::systems(&asked.snapshot),
                who,
                wish,
                scope,
                rows,
                shown: if self.all { usize::MAX } else { SHOWN },
            }),
            next: Vec::new(),
        };
        Ok((report, ExitCode::Passes))
    }

    fn load(&self) -> anyhow::Result<Result<Asked, Box<Report>>> {
        let Some(path) = &self.snapshot else {
            return Ok(match crate::app::site::load::Site::load(&self.place.location())? {
                Ok(site) => Ok(Asked {
                    name: site.settings.snapshot.raw().to_owned(),
                    findings: crate::app::site::fault_report::reported(&site.findings, &site.sources),
                    snapshot: site.snapshot,
                }),
                Err(faults) => {
                    Err(Box::new(crate::app::site::fault_report::faults("access", &faults, ExitCode::Failure)))
                }
            });
        };
        let (name, bytes) = (shown(path), read(path)?);
        let text = std::str::from_utf8(&bytes).ok();
        let reported = |findings: Vec<Finding>| -> Vec<Reported> {
            findings.into_iter().map(|f| Reported::new(f, |file| text.filter(|_| file == name))).collect()
        };
        Ok(match crate::snapshot::read(&name, &bytes) {
            Ok((snapshot, findings)) => Ok(Asked { findings: reported(findings), name, snapshot }),
            Err(findings) => Err(Box::new(Report {
                command: "access",
                exit_code: ExitCode::Failure.code(),
                verdict: Sentence::of("the snapshot is invalid; the question was not answered"),
                findings: reported(findings),
                body: Body::Findings,
                next: Vec::new(),
            })),
        })
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let cannot = || format!("the snapshot `{}` cannot be read", shown(path));
    let meta = std::fs::metadata(path).with_context(cannot)?;
    anyhow::ensure!(meta.len() <= MAX_SNAPSHOT, "the snapshot `{}` is larger than {MAX_SNAPSHOT} bytes", shown(path));
    std::fs::read(path).with_context(cannot)
}

/// The identity or group with a name.
fn subjects(index: &Index<'_>, name: &Text) -> Vec<Subject> {
    let identity = index.identity(name.raw()).map(|i| Subject::Identity(IdentityId::new(i.id.as_str())));
    let group = index.group(name.raw()).map(|g| Subject::Group(GroupId::new(g.id.as_str())));
    identity.into_iter().chain(group).collect()
}

/// The resources of a snapshot.
struct Places<'i, 's>(&'i Index<'s>);

impl Tree for Places<'_, '_> {
    fn parent(&self, id: &ResourceId) -> Option<ResourceId> {
        self.0.resource(id.as_str()).and_then(|resource| resource.parent.clone())
    }
    fn knows(&self, id: &ResourceId) -> bool {
        self.0.resource(id.as_str()).is_some()
    }
}

/// The access of a subject that reaches a resource or something below it (`None`: everything), by one path each or by
/// all.
fn everything(index: &Index<'_>, subject: &Subject, scope: Option<&ResourceId>, all_paths: bool) -> AccessRow {
    let places = Places(index);
    let is_meant =
        |held: &ReachableAccess| scope.is_none() || scopes_overlap(&places, held.access.scope.as_ref(), scope);
    let (found, is_cut) = if all_paths { every_path(index, subject) } else { (effective(index, subject), false) };
    let found: Vec<ReachableAccess> = found.into_iter().filter(is_meant).collect();
    let same = |a: &ReachableAccess, b: &ReachableAccess| (&a.access, a.eligible) == (&b.access, b.eligible);
    let accesses = found.chunk_by(same).count();
    let ways = found.into_iter().map(|reached| WayRow {
        verdict: if reached.eligible { AccessVerdict::Eligible } else { AccessVerdict::Yes },
        access: reached.access,
        eligible: reached.eligible,
        path: reached.path,
    });
    AccessRow {
        subject: subject.clone(),
        verdict: AccessVerdict::Yes,
        ways: ways.collect(),
        more: 0,
        accesses,
        is_cut,
        taken: Vec::new(),
        closed: None,
    }
}

fn verdict(who: Option<&Text>, wish: Option<&AccessQuery>, scope: Option<&ResourceId>, rows: &[AccessRow]) -> Sentence {
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    match (who, wish) {
        (Some(who), None) => {
            let ways = rows.iter().map(|r| r.accesses).sum();
            let holds = format!(" holds {}", counted(count(ways), "access", "accesses"));
            Sentence::new().name(who).own(holds).maybe(scope, |says, scope| says.own(" in ").id(scope))
        }
        (Some(who), Some(wish)) => {
            let best = rows.iter().map(|r| r.verdict).max().unwrap_or(AccessVerdict::No);
            let can = match best {
                AccessVerdict::Yes => " can ",
                AccessVerdict::Eligible => " can, after an activation, ",
                AccessVerdict::UnderCondition => " can, under a condition that is not evaluated, ",
                AccessVerdict::Partly => " can in part ",
                AccessVerdict::No => " cannot ",
            };
            what(Sentence::new().name(who).own(can), wish)
        }
        (None, Some(wish)) => {
            let can = rows.iter().filter(|r| matches!(r.subject, Subject::Identity(_))).count();
            what(Sentence::of(format!("{} can ", counted(count(can), "identity", "identities"))), wish)
        }
        (None, None) => Sentence::of("the question is missing"),
    }
}

fn what(start: Sentence, wish: &AccessQuery) -> Sentence {
    let out = start.name(&wish.action).own(" on ").name(&wish.resource);
    out.maybe(wish.scope.as_ref(), |s, scope| s.own(" in ").id(scope))
}

fn unknown(asked: &Asked, name: &Text) -> Report {
    let s = &asked.snapshot;
    let known = s.identities.iter().map(|i| i.id.as_str()).chain(s.groups.iter().map(|g| g.id.as_str()));
    not_known(Code::UnknownIdentity, name, known, "use the id of an identity or group from the snapshot")
}

fn unknown_place(asked: &Asked, scope: &ResourceId) -> Report {
    let known = asked.snapshot.resources.iter().map(|resource| resource.id.as_str());
    not_known(Code::UnknownResource, &scope.text(), known, "use the id of a resource from the snapshot")
}

fn not_known<'s>(code: Code, name: &Text, known: impl Iterator<Item = &'s str> + Clone, help: &str) -> Report {
    // In a system with long ids, a short name may be a typing error too.
    let ends = |id: &&str| id.rsplit(['/', ':']).next() == Some(name.raw());
    let near = known.clone().find(ends).or_else(|| nearest(name.raw(), known));
    let finding = Finding::new(code, format!("`{}` is not in the snapshot", name.raw())).help(match near {
        Some(near) => format!("the nearest known name is `{near}`"),
        None => help.to_owned(),
    });
    Report {
        command: "access",
        exit_code: ExitCode::Failure.code(),
        verdict: Sentence::of("nothing was answered"),
        findings: vec![Reported::new(finding, |_| None)],
        body: Body::Findings,
        next: Vec::new(),
    }
}
