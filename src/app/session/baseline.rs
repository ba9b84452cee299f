//! `review baseline`: a person records the access of a snapshot as inherited from before the log, not approved, or
//! withdraws such a record.
//!
//! Writes one session of the person, sealed and signed, as a freeze does. Policy is asked the question of a freeze of
//! everything.

use std::path::{Path, PathBuf};

use anyhow::{bail, ensure};

use crate::app::audit::inherited::{InheritedDigests, withdrawn};
use crate::app::execution::confirm::read_snapshot;
use crate::app::io::command_error::hinted;
use crate::app::io::files::shown;
use crate::app::record::entries;
use crate::app::session::freezing::{Asked, FreezeOutcome, FreezeRequest, affirmed};
use crate::app::site::location::SiteLocation;
use crate::decision::exit::ExitCode;
use crate::input::digest::{Digest, of};
use crate::input::text::Text;
use crate::input::time::Time;
use crate::log::line::{Baseline, FreezeKind, Line, Number, SnapshotDigest, Tag, Withdrawal};
use crate::log::verify::answers::SessionView;
use crate::policy::FreezeAction;
use crate::report::model::Report;
use crate::report::sentence::{Sentence, counted};
use crate::terminal::affirm::Affirmation;

/// What is to be recorded.
#[derive(Clone, Debug)]
pub struct BaselineRequest {
    /// The trust folder and the log.
    pub place: SiteLocation,
    /// The person's key.
    pub key: Option<String>,
    /// The snapshot, or the baseline that is withdrawn.
    pub of: BaselineSubject,
    /// The reason.
    pub reason: String,
    /// When it ends; `None`: after [`Baseline::USUAL`].
    pub until: Option<Time>,
}

/// What a baseline is recorded for, or which one is withdrawn.
#[derive(Clone, Debug)]
pub enum BaselineSubject {
    /// The access of this snapshot is recorded.
    Snapshot(PathBuf),
    /// The baseline of this line is withdrawn: its hash, or the first digits.
    Withdraw(String),
}

/// Records a baseline, or withdraws one.
///
/// # Errors
/// If the person may not, nobody is at the terminal, the snapshot or the line cannot be used, or the session cannot be signed;
/// then nothing is recorded.
pub fn baseline(request: &BaselineRequest) -> anyhow::Result<FreezeOutcome> {
    match &request.of {
        BaselineSubject::Snapshot(snapshot) => record(request, snapshot),
        BaselineSubject::Withdraw(line) => withdraw(request, line),
    }
}

/// The log and the person, whom policy permits to freeze everything.
fn prepared(request: &BaselineRequest, does: &str) -> anyhow::Result<Result<Asked, (Report, ExitCode)>> {
    let asked = Asked::prepare(
        "baseline",
        &FreezeRequest {
            place: request.place.clone(),
            key: request.key.clone(),
            named: FreezeKind::All.word().to_owned(),
            kind: Some(FreezeKind::All),
            reason: request.reason.clone(),
            lasts: None,
        },
    )?;
    let asked = match asked {
        Ok(asked) => asked.into_freeze_of(FreezeKind::All, does),
        Err(refused) => return Ok(Err(refused)),
    };
    asked.permitted(FreezeAction::Freeze, &asked.me.facts)?;
    Ok(Ok(asked))
}

/// Ends a baseline.
fn withdraw(request: &BaselineRequest, named: &str) -> anyhow::Result<FreezeOutcome> {
    let asked = match prepared(request, "withdraw a baseline")? {
        Ok(asked) => asked,
        Err((report, code)) => return Ok(FreezeOutcome::Refused(Box::new(report), code)),
    };
    let (line, it) = chosen(&asked.opened.verified.sessions, named)?;
    let number = counted(it.count.get(), "assignment or membership", "assignments and memberships");
    let question = Affirmation {
        heading: "Withdraw this baseline?",
        about: vec![
            Sentence::of(format!("{number}, recorded at {} until {}: ", it.at, it.until)).quote(&it.reason),
            Sentence::of("reason: ").prose(&asked.reason),
        ],
        consequence: "`due` lists this access as access without a decision again, unless a decision gave it.",
        word: "withdraw",
        effect: "to withdraw it",
        otherwise: "to leave it",
    };
    if !affirmed(&question)? {
        return Ok(FreezeOutcome::Done("nothing was recorded".to_owned(), ExitCode::Undecided));
    }
    asked.write(FreezeAction::Freeze, &mut |draft, at| {
        let reason = asked.reason.clone();
        let line = |prev| Line::Withdrawal(Withdrawal { at, baseline: line, prev, reason, r#type: Tag::new() });
        Ok(draft.push(line)?.bytes)
    })?;
    Ok(FreezeOutcome::Done(format!("withdrew the baseline of {number}"), ExitCode::Passes))
}

/// The only baseline whose hash begins like this, and that nobody withdrew.
fn chosen<'l>(sessions: &'l [SessionView], named: &str) -> anyhow::Result<(Digest<of::Line>, &'l Baseline)> {
    let gone = withdrawn(sessions);
    let lines = sessions.iter().flat_map(|view| &view.lines);
    let all = lines.filter_map(|line| {
        let Line::Baseline(it) = &line.value else { return None };
        Some((line.digest, &**it))
    });
    let all: Vec<_> = all.filter(|(line, _)| line.to_string().starts_with(named)).collect();
    let help = "`review log report rules --format json` lists the baselines with their hashes";
    let shown = Text::from(named).terminal();
    match all.as_slice() {
        [(line, _)] if gone.contains(line) => {
            bail!(hinted(format!("the baseline `{shown}` was withdrawn before"), help))
        }
        [one] if named.len() >= SHORTEST_HASH => Ok(*one),
        [] => bail!(hinted(format!("the log has no baseline whose hash begins with `{shown}`"), help)),
        _ => bail!(hinted(format!("`{shown}` is too short to name one baseline"), help)),
    }
}

/// How many digits name a line at least.
const SHORTEST_HASH: usize = 8;

/// Records a baseline.
///
/// # Errors
/// If the person may not, nobody is at the terminal, the snapshot cannot be used, or the session cannot be signed; then
/// nothing is recorded.
fn record(request: &BaselineRequest, path: &Path) -> anyhow::Result<FreezeOutcome> {
    let asked = match prepared(request, "record a baseline")? {
        Ok(asked) => asked,
        Err((report, code)) => return Ok(FreezeOutcome::Refused(Box::new(report), code)),
    };
    let now = asked.opened.now;
    if let Some(until) = request.until {
        let longest = Baseline::LONGEST;
        ensure!(
            until > now && until <= now.plus(longest),
            hinted(
                format!("a baseline must end in the future and within {longest}; {until} does not"),
                "record another one before it ends"
            )
        );
    }
    let (digests, snapshot) = access_of(&asked, path)?;
    let (count, privileged) = (digests.count(), digests.privileged.len());
    let number = |n: usize| counted(n as u64, "assignment or membership", "assignments and memberships");
    let ends = |at: Time| {
        let until = request.until.unwrap_or_else(|| at.plus(Baseline::USUAL));
        (until, until.min(at.plus(Baseline::LONGEST_PRIVILEGED)))
    };
    let (until, sooner) = ends(now);
    let question = Affirmation {
        heading: "Record this access as inherited?",
        about: vec![
            Sentence::of(format!("{} of the snapshot taken at {}", number(count), snapshot.taken_at)),
            Sentence::of(format!("{privileged} of them privileged, until {sooner}; the others until {until}")),
            Sentence::of("reason: ").prose(&asked.reason),
        ],
        consequence: "Nothing is approved. Until it ends, `due` does not list this access as access without a decision.",
        word: "inherited",
        effect: "to record it",
        otherwise: "to leave it",
    };
    if !affirmed(&question)? {
        return Ok(FreezeOutcome::Done("nothing was recorded".to_owned(), ExitCode::Undecided));
    }
    asked.write(FreezeAction::Freeze, &mut |draft, at| {
        let (until, until_privileged) = ends(at);
        let (access, mut out) = draft.value(&digests)?;
        let line = |prev| {
            Line::Baseline(Box::new(Baseline {
                access,
                at,
                count: Number::of(count),
                prev,
                reason: asked.reason.clone(),
                snapshot: snapshot.clone(),
                r#type: Tag::new(),
                until,
                until_privileged,
            }))
        };
        out.extend(draft.push(line)?.bytes);
        Ok(out)
    })?;
    let says = format!("recorded {} as inherited until {until}, privileged until {sooner}", number(count));
    Ok(FreezeOutcome::Done(says, ExitCode::Passes))
}

/// The digests of the access in a snapshot, and which snapshot it is.
fn access_of(asked: &Asked, path: &Path) -> anyhow::Result<(InheritedDigests, SnapshotDigest)> {
    let read = read_snapshot(&asked.opened.site, path)?;
    let (snapshot, name) = (&read.snapshot, || Text::from(shown(path)).terminal());
    ensure!(
        snapshot.taken_at <= asked.opened.now,
        hinted(
            format!("the snapshot `{}` was taken in the future, at {}", name(), snapshot.taken_at),
            "check the clocks"
        )
    );
    let digests = InheritedDigests::of(snapshot, &asked.opened.site.data);
    ensure!(
        digests.count() > 0,
        hinted(format!("the snapshot `{}` has no assignment and no member", name()), "name another snapshot")
    );
    let (taken_at, targets) = (snapshot.taken_at, entries::targets(snapshot));
    Ok((digests, SnapshotDigest { sha256: read.digest, taken_at, targets }))
}
