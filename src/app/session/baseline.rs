//! `review baseline`: a person records the access of a snapshot as inherited from before the log, not approved.
//!
//! Writes one session of the person, sealed and signed, as a freeze does. Policy is asked the question of a freeze of
//! everything.

use std::path::{Path, PathBuf};

use anyhow::ensure;

use crate::app::audit::inherited::InheritedDigests;
use crate::app::execution::confirm::read_snapshot;
use crate::app::io::command_error::hinted;
use crate::app::io::files::shown;
use crate::app::record::entries;
use crate::app::session::freezing::{Asked, FreezeOutcome, FreezeRequest, affirmed};
use crate::app::site::location::SiteLocation;
use crate::decision::exit::ExitCode;
use crate::input::text::Text;
use crate::input::time::Time;
use crate::log::line::{Baseline, FreezeKind, Line, Number, SnapshotDigest, Tag};
use crate::policy::FreezeAction;
use crate::report::sentence::{Sentence, counted};
use crate::terminal::affirm::Affirmation;

/// What is to be recorded.
#[derive(Clone, Debug)]
pub struct BaselineRequest {
    /// The trust folder and the log.
    pub place: SiteLocation,
    /// The person's key.
    pub key: Option<String>,
    /// The snapshot.
    pub snapshot: PathBuf,
    /// The reason.
    pub reason: String,
    /// When it ends; `None`: after [`Baseline::USUAL`].
    pub until: Option<Time>,
}

/// Records a baseline.
///
/// # Errors
/// If the person may not, nobody is at the terminal, the snapshot cannot be used, or the session cannot be signed; then
/// nothing is recorded.
pub fn baseline(request: &BaselineRequest) -> anyhow::Result<FreezeOutcome> {
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
        Ok(asked) => asked.into_freeze_of_all("record a baseline"),
        Err((report, code)) => return Ok(FreezeOutcome::Refused(Box::new(report), code)),
    };
    asked.permitted(FreezeAction::Freeze, &asked.me.facts)?;
    let now = asked.opened.now;
    if let Some(until) = request.until {
        let longest = Baseline::LONGEST;
        ensure!(
            until > now && until <= now.plus(longest),
            hinted(
                format!("a baseline ends in the future, after at most {longest}; {until} does not fit"),
                "record another one before it ends"
            )
        );
    }
    let (digests, snapshot) = access_of(&asked, &request.snapshot)?;
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
