//! `review confirm`: what a later snapshot shows of what was exported.
//!
//! Applies the exported changes to the snapshot that the export was made from, and compares the result with the later one:
//! change by change by its object, and for the subjects of the changes by effective access. Access that they have in addition
//! or lack, and that no export of the log gives or takes, is beyond what was approved. The result is recorded in a recorder's session.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use serde::Serialize;

use crate::access::Index;
use crate::access::change::materialise::applied;
use crate::access::model::facts::AccessDelta;
use crate::access::queries::carried_out::{CarriedOut, Stages, as_systems_keep_it};
use crate::app::execution::beyond::{Compared, Unexplained, as_subject, subjects};
use crate::app::execution::recorded_exports::{RecordedExport, RecordedExports};
use crate::app::io::command_error::hinted;
use crate::app::io::files::shown;
use crate::app::plans::plan_file::PlanFile;
use crate::app::present::log_report::Documents;
use crate::app::record::opened::OpenedLog;
use crate::app::record::recorder::Recorder;
use crate::app::record::{entries, history};
use crate::app::site::known_identities::with_known;
use crate::app::site::load::Site;
use crate::app::site::location::SiteLocation;
use crate::app::site::trust_folder::MAX_SNAPSHOT;
use crate::decision::digest::{ChangeDocument, Held, SubjectRecord};
use crate::decision::exit::ExitCode;
use crate::input::digest::{Digest, of};
use crate::input::finding::{Code, Finding};
use crate::input::id::ChangeId;
use crate::input::text::Text;
use crate::log::line::{Applied, Line, Outcome, SnapshotDigest, Tag};
use crate::log::session::Draft;
use crate::plan::model::Plan;
use crate::report::model::{Body, Report, Reported};
use crate::report::sentence::{self, Sentence, counted};
use crate::report::sheet::{Cell, Sheet, Sheets};
use crate::snapshot::model::Snapshot;

/// The largest file of evidence, in bytes.
const MAX_EVIDENCE: u64 = 64 * 1024;

/// What is to be confirmed.
#[derive(Clone, Debug)]
pub struct ConfirmRequest {
    /// The plan that was exported.
    pub plan: PathBuf,
    /// The trust folder and the log.
    pub place: SiteLocation,
    /// Heads that were remembered.
    pub known_heads: Vec<String>,
    /// The recorder's key.
    pub key: Option<String>,
    /// The later snapshot.
    pub later: PathBuf,
    /// The snapshot that the export was made from, where the trust folder has another one by now.
    pub before: Option<PathBuf>,
    /// What the executor says of its work.
    pub evidence: Option<PathBuf>,
}

/// A snapshot that was read, and the digest of its bytes.
pub(crate) struct ReadSnapshot {
    pub(crate) snapshot: Snapshot,
    pub(crate) digest: Digest<of::File>,
}

/// Reads a snapshot as the site sees it.
pub(crate) fn read_snapshot(site: &Site, path: &Path) -> anyhow::Result<ReadSnapshot> {
    let cannot = || format!("the snapshot `{}` cannot be read", shown(path));
    let meta = std::fs::metadata(path).with_context(cannot)?;
    ensure!(meta.is_file() && meta.len() <= MAX_SNAPSHOT, "`{}` is not a snapshot, or is too large", shown(path));
    let bytes = std::fs::read(path).with_context(cannot)?;
    match crate::snapshot::read(&path.to_string_lossy(), &bytes) {
        Ok((snapshot, _)) => {
            Ok(ReadSnapshot { snapshot: with_known(snapshot, &site.agents, &site.people), digest: Digest::of(&bytes) })
        }
        Err(findings) => {
            let first = findings.first().map(|it| it.message.terminal()).unwrap_or_default();
            bail!(hinted(
                format!("the snapshot `{}` is invalid: {first}", shown(path)),
                "`review snapshot show` lists every fault"
            ))
        }
    }
}

/// What an executor says, as the log keeps it.
#[derive(Clone, Debug, Serialize)]
struct Evidence {
    name: Text,
    sha256: Digest<of::File>,
    text: Text,
}

/// What a result says in addition.
#[derive(Clone, Debug, Default, Serialize)]
struct Detail {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    beyond: Vec<Held>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<Evidence>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lost: Vec<Held>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<Text>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    undone: bool,
}

/// What came of one change.
struct ChangeResult<'e> {
    export: &'e RecordedExport,
    outcome: Applied,
    detail: Detail,
}

/// Compares a later snapshot with what was exported of a plan, and records the result.
///
/// # Errors
/// If the plan was never exported, the snapshot is of another system or older than the export, a file cannot be read, or
/// nobody signs; nothing is then recorded.
pub fn confirm(request: &ConfirmRequest) -> anyhow::Result<(Report, ExitCode)> {
    let opened = match OpenedLog::open("confirm", &request.place, &request.known_heads)? {
        Ok(opened) => opened,
        Err(refused) => return Ok(refused),
    };
    let recorder = Recorder::named(&opened.site, request.key.as_deref())?;
    let file = PlanFile::read(&request.plan)?;
    let exports = RecordedExports::read(&opened.log, &opened.verified)?;
    let (plan, mine) = exported(&exports, &file)?;
    let later = read_snapshot(&opened.site, &request.later)?;
    fits(&later, &mine, &request.later)?;
    let before = before(&opened.site, &mine, request.before.as_deref())?;
    let evidence = request.evidence.as_deref().map(evidence).transpose()?;

    let ids: BTreeSet<ChangeId> = mine.keys().cloned().collect();
    let index = Index::new(&before);
    let mut expected = applied(&index, &plan, Some(&ids)).map_err(|findings| {
        let why = findings.first().map(|it| it.message.terminal()).unwrap_or_default();
        anyhow::anyhow!("the exported changes cannot be applied to the snapshot that they were exported from: {why}")
    })?;
    as_systems_keep_it(&mut expected);
    let (expected, now) = (Index::new(&expected), Index::new(&later.snapshot));
    let documents = history::documents(&opened.log, &opened.verified)?;
    let approved: Vec<&ChangeDocument> =
        exports.digests().iter().filter_map(|digest| documents.get(digest)).map(|it| &**it).collect();
    let stages = Stages { before: &index, expected: &expected, later: &now };
    let mut results = Vec::new();
    for change in plan.changes.iter().filter(|change| ids.contains(&change.id.value)) {
        let Some(export) = mine.get(&change.id.value).copied() else { continue };
        let (outcome, note) = match stages.of(&change.action) {
            CarriedOut::Applied => (Applied::Applied, None),
            CarriedOut::Missing => (Applied::Missing, None),
            CarriedOut::Partly(why) => (Applied::Partly, Some(Text::from(why))),
            CarriedOut::Beyond(why) => (Applied::Beyond, Some(Text::from(why))),
        };
        let undone = outcome == Applied::Missing && exports.last_result(export) == Some(Applied::Applied);
        let detail = Detail { evidence: evidence.clone(), note, undone, ..Detail::default() };
        results.push(ChangeResult { export, outcome, detail });
    }
    let digests: BTreeSet<Digest<of::Change>> = mine.values().map(|it| it.export.digest).collect();
    let compared = Compared { site: &opened.site, before: &index, expected: &expected, later: &now };
    let unexplained = compared.beyond(&digests, &documents, &approved, later.snapshot.taken_at);
    blame(&mut results, unexplained, &documents);
    let shot = SnapshotDigest {
        sha256: later.digest,
        taken_at: later.snapshot.taken_at,
        targets: entries::targets(&later.snapshot),
    };
    recorder.write(&opened.log, &opened.verified, &[], &mut |draft, at| {
        let mut out = Vec::new();
        for result in &results {
            out.extend(line(draft, result, &shot, at)?);
        }
        Ok(out)
    })?;
    opened.verify_again()?;
    Ok(report(&plan, &results, &later.snapshot))
}

/// The plan, and the last export of each of its changes.
fn exported<'e>(
    exports: &'e RecordedExports,
    file: &PlanFile,
) -> anyhow::Result<(Plan, BTreeMap<ChangeId, &'e RecordedExport>)> {
    let plan = crate::plan::read(&file.name, &file.bytes).map_err(|findings| {
        let first = findings.first().map(|it| it.message.terminal()).unwrap_or_default();
        anyhow::anyhow!("`{}` is not a valid plan: {first}", Text::from(file.name.as_str()).terminal())
    })?;
    let of_id = || exports.all.iter().filter(|it| it.export.plan == plan.id.value);
    let bytes = Digest::of(&file.bytes);
    let mine: BTreeMap<ChangeId, &RecordedExport> =
        of_id().filter(|it| it.plan == Some(bytes)).map(|it| (it.export.change.clone(), it)).collect();
    if mine.is_empty() {
        let id = plan.id.value.text().terminal();
        if of_id().next().is_some() {
            bail!(hinted(
                format!("another version of the plan `{id}` was exported"),
                "name the file that was exported"
            ));
        }
        bail!(hinted(
            format!("the plan `{id}` was never exported, so there is nothing to confirm"),
            "`review export` records what an executor receives"
        ));
    }
    Ok((plan, mine))
}

/// Refuses a snapshot of another system, or one that cannot show what came of the export.
fn fits(read: &ReadSnapshot, mine: &BTreeMap<ChangeId, &RecordedExport>, path: &Path) -> anyhow::Result<()> {
    let later = &read.snapshot;
    for export in mine.values() {
        // Times are whole seconds, so the time alone does not tell the state before from one within the same second.
        ensure!(
            export.snapshot.as_ref().is_none_or(|it| it.sha256 != read.digest),
            hinted(
                format!(
                    "the snapshot `{}` is the one that change `{}` was exported from",
                    shown(path),
                    export.export.change.text().terminal()
                ),
                "take a new one"
            )
        );
        let approved = export.snapshot.as_ref().map(|it| it.targets.clone()).unwrap_or_default();
        let is = entries::targets(later);
        let names = |all: &[crate::log::line::SnapshotTarget]| {
            let all: Vec<String> = all.iter().map(|it| it.id.terminal()).collect();
            if all.is_empty() { "none".to_owned() } else { all.join(", ") }
        };
        ensure!(
            is == approved,
            hinted(
                format!(
                    "the snapshot `{}` is of another target ({}) than the export ({})",
                    shown(path),
                    names(&is),
                    names(&approved)
                ),
                "export the system that the plan was approved for"
            )
        );
        ensure!(
            later.taken_at >= export.export.at,
            hinted(
                format!(
                    "the snapshot `{}` was taken at {}, before change `{}` was exported at {}",
                    shown(path),
                    later.taken_at,
                    export.export.change.text().terminal(),
                    export.export.at
                ),
                "take a new one"
            )
        );
    }
    Ok(())
}

/// The snapshot that the changes were exported from.
fn before(site: &Site, mine: &BTreeMap<ChangeId, &RecordedExport>, named: Option<&Path>) -> anyhow::Result<Snapshot> {
    let wanted: BTreeSet<Digest<of::File>> =
        mine.values().filter_map(|it| it.snapshot.as_ref()).map(|it| it.sha256).collect();
    let mut wanted = wanted.into_iter();
    let (Some(wanted), None) = (wanted.next(), wanted.next()) else {
        bail!(hinted("the changes were exported from different snapshots", "write one plan for each export"));
    };
    match named {
        None if site.snapshot_digest == wanted => Ok(site.snapshot.clone()),
        None => bail!(hinted(
            "the snapshot in the trust folder is not the one that the export was made from",
            format!("pass that one, with sha256 {wanted}: `--before FILE`")
        )),
        Some(path) => {
            let read = read_snapshot(site, path)?;
            ensure!(
                read.digest == wanted,
                hinted(
                    format!("`{}` is not the snapshot that the export was made from", shown(path)),
                    format!("its sha256 is {wanted}")
                )
            );
            Ok(read.snapshot)
        }
    }
}

fn evidence(path: &Path) -> anyhow::Result<Evidence> {
    let cannot = || format!("the evidence `{}` cannot be read", shown(path));
    let meta = std::fs::metadata(path).with_context(cannot)?;
    ensure!(
        meta.is_file() && meta.len() <= MAX_EVIDENCE,
        hinted(
            format!("the evidence `{}` is larger than {MAX_EVIDENCE} bytes", shown(path)),
            "keep the request ids only"
        )
    );
    let bytes = std::fs::read(path).with_context(cannot)?;
    let text = String::from_utf8(bytes).with_context(|| format!("the evidence `{}` is not UTF-8", shown(path)))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Evidence { name: Text::from(name), sha256: Digest::of(text.as_bytes()), text: Text::from(text) })
}

/// Records what is beyond with the first change of the same subject.
fn blame(results: &mut [ChangeResult<'_>], all: Unexplained, documents: &Documents) {
    let mut put = |pieces: Vec<AccessDelta>, into: fn(&mut Detail) -> &mut Vec<Held>| {
        for piece in pieces {
            let is_of = |it: &&mut ChangeResult<'_>| {
                documents.get(&it.export.export.digest).is_some_and(|it| subjects(it).any(|who| who == piece.subject))
            };
            if let Some(result) = results.iter_mut().find(is_of) {
                result.outcome = Applied::Beyond;
                let subject = SubjectRecord::from(&piece.subject);
                let list = into(&mut result.detail);
                list.push(Held { subject, access: piece.access.clone(), already: false });
                list.sort();
            }
        }
    };
    put(all.given, |detail| &mut detail.beyond);
    put(all.taken, |detail| &mut detail.lost);
}

fn line(
    draft: &mut Draft,
    result: &ChangeResult<'_>,
    shot: &SnapshotDigest,
    at: crate::input::time::Time,
) -> anyhow::Result<Vec<u8>> {
    let Detail { beyond, evidence, lost, note, undone } = &result.detail;
    let is_empty = beyond.is_empty() && lost.is_empty() && evidence.is_none() && note.is_none() && !undone;
    let (detail, mut out) = if is_empty {
        (None, Vec::new())
    } else {
        let (value, bytes) = draft.value(&result.detail)?;
        (Some(value), bytes)
    };
    let export = &result.export.export;
    let line = |prev| {
        Line::Result(Box::new(Outcome {
            at,
            change: export.change.clone(),
            detail,
            digest: export.digest,
            export: Some(result.export.line),
            outcome: result.outcome,
            plan: export.plan.clone(),
            prev,
            snapshot: Some(shot.clone()),
            r#type: Tag::new(),
        }))
    };
    out.extend(draft.push(line)?.bytes);
    Ok(out)
}

fn word(outcome: Applied, undone: bool) -> &'static str {
    if undone && outcome == Applied::Missing { "undone" } else { outcome.word() }
}

fn report(plan: &Plan, results: &[ChangeResult<'_>], later: &Snapshot) -> (Report, ExitCode) {
    let of = |outcome: Applied| results.iter().filter(|it| it.outcome == outcome).count() as u64;
    let less = of(Applied::Missing) + of(Applied::Partly) + of(Applied::Failed);
    let code = ExitCode::first([
        if of(Applied::Beyond) > 0 { ExitCode::Denied } else { ExitCode::Passes },
        if less > 0 { ExitCode::Undecided } else { ExitCode::Passes },
    ]);
    let findings = results.iter().filter_map(|it| {
        let change = it.export.export.change.as_str();
        let note = it.detail.note.as_ref().map(|note| format!(": {}", note.raw())).unwrap_or_default();
        let finding = match it.outcome {
            Applied::Applied => return None,
            Applied::Beyond if it.detail.beyond.is_empty() && it.detail.lost.is_empty() => {
                Finding::new(Code::BeyondApproved, format!("change `{change}` went beyond what was approved{note}"))
                    .help("revoke what was not approved, or propose it in a plan")
            }
            Applied::Beyond => {
                let n = |all: &[Held]| counted(all.len() as u64, "access", "accesses");
                let (has, lacks) = (n(&it.detail.beyond), n(&it.detail.lost));
                let what = match (it.detail.beyond.is_empty(), it.detail.lost.is_empty()) {
                    (false, true) => format!("have {has} that no one approved"),
                    (true, _) => format!("lost {lacks} that no one approved to remove"),
                    (false, false) => format!("have {has} that no one approved, and lost {lacks}"),
                };
                let message = format!("subjects of change `{change}` {what}{note}");
                Finding::new(Code::BeyondApproved, message)
                    .help("revoke or restore what was not approved, or propose it in a plan")
            }
            Applied::Missing if it.detail.undone => {
                Finding::new(Code::NotApplied, format!("change `{change}` was applied, and has been undone since"))
            }
            Applied::Missing | Applied::Failed => {
                Finding::new(Code::NotApplied, format!("change `{change}` is not in the later snapshot{note}"))
                    .help("apply the bundle, or propose the change again")
            }
            Applied::Partly => Finding::new(Code::NotApplied, format!("change `{change}` was partly applied{note}")),
        };
        Some(Reported::new(finding, |_| None))
    });
    let verdict = match code {
        ExitCode::Passes => Sentence::of(format!("applied: {}", counted(of(Applied::Applied), "change", "changes"))),
        ExitCode::Denied => Sentence::of("more was done than was approved"),
        ExitCode::Failure
        | ExitCode::Usage
        | ExitCode::Rejected
        | ExitCode::Undecided
        | ExitCode::Stale
        | ExitCode::BadLog
        | ExitCode::Interrupted => {
            Sentence::of(format!("{} of {} not applied", less, counted(results.len() as u64, "change", "changes")))
        }
    };
    let about = vec![
        ("plan", "plan", Cell::Text(plan.id.value.text())),
        ("taken_at", "snapshot taken at", Cell::Time(later.taken_at)),
    ];
    let report = Report {
        command: "confirm",
        exit_code: code.code(),
        verdict,
        findings: findings.collect(),
        body: Body::Sheets(Sheets { about, sheets: sheets(results) }),
        next: Vec::new(),
    };
    (report, code)
}

/// The results, and what no export explains.
fn sheets(results: &[ChangeResult<'_>]) -> Vec<Sheet> {
    let row = |it: &ChangeResult<'_>| {
        vec![
            Cell::Text(it.export.export.change.text()),
            Cell::Word(word(it.outcome, it.detail.undone)),
            Cell::maybe(it.detail.note.clone()),
            Cell::Text(Text::from(it.export.export.digest.to_string())),
        ]
    };
    let rows = |of: fn(&Detail) -> &Vec<Held>| {
        let all = results.iter().flat_map(|it| of(&it.detail).iter().map(move |held| (it, held)));
        let one = all.map(|(it, held)| {
            let who = as_subject(&held.subject).text();
            vec![
                Cell::Text(it.export.export.change.text()),
                Cell::Text(who),
                Cell::Says(sentence::access(&held.access)),
            ]
        });
        one.collect::<Vec<_>>()
    };
    vec![
        Sheet {
            key: "results",
            title: "Result of each change",
            columns: &[("change", "change"), ("result", "result"), ("note", "note"), ("digest", "")],
            rows: results.iter().map(row).collect(),
            none: "nothing was exported",
        },
        Sheet {
            key: "beyond",
            title: "Access that no one approved",
            columns: &[("change", "change"), ("who", "who"), ("access", "access")],
            rows: rows(|detail| &detail.beyond),
            none: "none",
        },
        Sheet {
            key: "lost",
            title: "Lost access that no one approved to remove",
            columns: &[("change", "change"), ("who", "who"), ("access", "access")],
            rows: rows(|detail| &detail.lost),
            none: "none",
        },
    ]
}
