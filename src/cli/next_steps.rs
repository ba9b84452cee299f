//! `review` without arguments: suggests what to do next in this folder.
//!
//! Based on the names of the files only, lists a few commands, the most urgent first. Opens and evaluates nothing, so
//! that it answers immediately even if files are broken.

use std::path::{Path, PathBuf};

use crate::app::io::files::shown;
use crate::app::plans::discovery;

/// The next steps, as text.
#[must_use]
pub fn next(here: &Path) -> String {
    let mut out = String::from("review: review the access changes that AI assistants propose\n\n");
    let mut say = |command: &str, why: &str| out.push_str(&format!("  {command:<28} {why}\n"));
    let Some(trust) = here.ancestors().find(|folder| folder.join("review.yaml").exists()) else {
        say("review demo", "create a complete example and review it");
        say("review init", "create a trust folder for your own system");
        return closing(&out, "there is no trust folder here; next:");
    };
    if !trust.join("snapshot.json").exists() {
        say("review snapshot import", "write snapshot.json from an export of your system");
    }
    if left(trust) {
        say("review resume", "resume the unfinished review here");
    }
    // The folder is `.`, so that the commands can be copied as shown.
    let plans = discovery::list(&[PathBuf::from(".")]).unwrap_or_default();
    match plans.as_slice() {
        [] => say("review PLAN", "approve or reject the changes of a plan, in the terminal"),
        [one] => {
            let plan = shown(one);
            say(&format!("review {plan}"), "approve or reject its changes, in the terminal");
            say(&format!("review check {plan}"), "evaluate the policies");
            say(&format!("review diff {plan}"), "show what the plan does to effective access");
        }
        several => {
            say("review .", &format!("review {} plans, riskiest first, with one seal", several.len()));
            say("review status", "show which plans are open, and whose approval they wait for");
            say("review check .", "evaluate the policies");
        }
    }
    if trust.join("review-log.jsonl").exists() {
        say("review log show", "show who decided what");
    }
    closing(&out, "next:")
}

fn closing(text: &str, front: &str) -> String {
    let (title, commands) = text.split_once("\n\n").unwrap_or((text, ""));
    format!("{title}\n\n{front}\n{commands}\n`review --help` lists all commands.\n")
}

/// Whether there is a journal next to the log, by its file name only.
fn left(trust: &Path) -> bool {
    let folders = [trust.to_path_buf(), trust.join("review-log")];
    let names = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
    names.into_iter().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with('.') && name.contains("journal-")
    })
}
