//! A trust folder for a benchmark: that of the demo, with a snapshot and a plan of one's own.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use review::input::time::Time;
use tempfile::TempDir;

const AGENT: &str = "spiffe://corp.example/agent/access-assistant";

/// A folder with the demo in `demo`.
pub(crate) fn demo() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_review"));
    command.args(["demo", "demo", "--no-review"]).current_dir(folder.path());
    assert!(command.output().expect("the demo").status.success());
    folder
}

/// The present, in seconds, and some days.
pub(crate) fn date(days: i64) -> Time {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs();
    Time::from_unix(i64::try_from(now).expect("a time") + days * 86_400)
}

/// A site whose snapshot is what `snapshot` writes.
pub(crate) fn with_snapshot(snapshot: &[u8]) -> (TempDir, PathBuf) {
    let folder = demo();
    let place = folder.path().join("demo");
    fs::write(place.join("snapshot.json"), snapshot).expect("a snapshot");
    let tasks = format!(
        "version: 1\ntasks:\n  - {{id: T1, owner: \"user:lena\", agents: [\"{AGENT}\"], sponsors: [\"user:lena\"], \
         scope: [\"ns:n0\"], until: {}, state: open}}\n",
        date(9)
    );
    fs::write(place.join("tasks.yaml"), tasks).expect("tasks");
    (folder, place)
}

/// A plan of these changes, each without its id.
pub(crate) fn plan(changes: &[String]) -> String {
    let mut text = format!(
        "version: 1\nid: P-1\nproposer: {AGENT}\non_behalf_of: user:lena\ntask: T1\nintent: i\nexpires: {}\nchanges:\n",
        date(2)
    );
    for (n, change) in changes.iter().enumerate() {
        text.push_str(&format!("  - {{id: c{n}, {change}, reason: r}}\n"));
    }
    text
}

/// A JSON list.
pub(crate) fn list(length: usize, one: &dyn Fn(usize) -> String) -> String {
    (0..length).map(one).collect::<Vec<_>>().join(",")
}
