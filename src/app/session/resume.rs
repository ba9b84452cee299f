//! Finds the journal of an unfinished review, and discards it on request.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};

use crate::app::io::command_error::hinted;
use crate::app::io::files::shown;
use crate::app::io::streams;
use crate::app::record::journals::Left;
use crate::app::session::reviewer::Reviewer;
use crate::decision::exit::ExitCode;
use crate::input::text::Text;
use crate::log::store::Store;
use crate::terminal::Failure;
use crate::terminal::tty::Tty;

/// The person's own review that can be resumed. The others are reported.
pub(crate) fn pick(journals: &mut Vec<Left>, me: &Reviewer) -> anyhow::Result<Option<Left>> {
    let found = journals.iter().position(|left| left.is_of(&me.signer.person) && left.can_go_on());
    let picked = found.map(|at| journals.remove(at));
    for left in journals.iter() {
        streams::note(&left.message());
    }
    let stuck = journals.iter().any(|left| left.is_of(&me.signer.person) || left.header.is_none());
    if picked.is_none() && stuck {
        bail!("no unfinished review here can be resumed");
    }
    Ok(picked)
}

/// An unfinished review of this person with any of these plans; an error if it is running or unreadable.
pub(crate) fn same_plans(
    journals: &mut Vec<Left>,
    me: &Reviewer,
    plans: &[crate::input::id::PlanId],
) -> anyhow::Result<Option<Left>> {
    let is_same = |left: &Left| left.is_of(&me.signer.person) && left.is_about(plans.iter());
    if let Some(running) =
        journals.iter().find(|left| is_same(left) && left.standing == crate::log::store::JournalState::InUse)
    {
        bail!("you have an unfinished review of one of these plans: {}", running.message());
    }
    let found = journals.iter().position(|left| is_same(left) && left.can_go_on());
    Ok(found.map(|at| journals.remove(at)))
}

/// The files of an unfinished review, at their former paths.
pub(crate) fn files_of(left: &Left) -> anyhow::Result<Vec<PathBuf>> {
    let Ok(held) = &left.held else { return Ok(Vec::new()) };
    let mut files = BTreeSet::new();
    for plan in &held.plans {
        let path = plan.name.as_ref().map(|name| PathBuf::from(name.raw()));
        match path {
            Some(path) if path.is_file() => files.insert(path),
            Some(_) | None => bail!(hinted(
                format!(
                    "the plan `{}` of the interrupted review is no longer at `{}`",
                    plan.id.text().terminal(),
                    path.map(|p| shown(&p)).unwrap_or_default()
                ),
                "say where it is: `review resume PLAN`, or \
                 drop the review with `review resume --give-up`"
            )),
        };
    }
    Ok(files.into_iter().collect())
}

/// Discards the unfinished reviews of this person, after a confirmation word was typed.
pub(crate) fn give_up(store: &Store, journals: &[Left], me: &Reviewer) -> anyhow::Result<ExitCode> {
    use crate::log::store::JournalState;
    let mine = journals.iter().filter(|left| {
        let stuck = matches!(left.standing, JournalState::Begun | JournalState::Unreadable(_));
        stuck && (left.is_of(&me.signer.person) || left.header.is_none())
    });
    let mut dropped = false;
    for left in mine {
        let colour = streams::colour_allowed();
        let sure = {
            let mut tty = Tty::open().map_err(|e| anyhow!(hinted(e.to_string(), e.help())))?;
            crate::terminal::opening::give_up(&mut tty, colour, &Text::from(left.message()))?
        };
        if !sure {
            streams::note("nothing was dropped");
            return Ok(ExitCode::Undecided);
        }
        store.give_up(&left.path).map_err(|e| anyhow!(hinted(e.to_string(), e.help())))?;
        streams::note(&format!("dropped `{}`", shown(&left.path)));
        dropped = true;
    }
    if !dropped {
        for left in journals {
            streams::note(&left.message());
        }
        streams::note("there is no unfinished review of yours here");
    }
    Ok(ExitCode::Passes)
}

/// Reports unfinished reviews if no one at this terminal can resume them.
pub(crate) fn nobody_here(journals: &[Left], failure: &Failure) -> ExitCode {
    for left in journals {
        streams::note(&left.message());
    }
    if journals.is_empty() {
        streams::note("there is no unfinished review here");
        return ExitCode::Passes;
    }
    streams::note(&format!("review: {failure}; nothing was resumed\n  = help: {}", failure.help()));
    ExitCode::Undecided
}

pub(crate) fn named_before(paths: &[PathBuf], file: &Path) -> bool {
    let whole = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let file = whole(file);
    paths.iter().any(|path| whole(path) == file)
}
