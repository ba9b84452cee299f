//! The words that the formats for people and the CSV share.

use crate::input::text::Text;
use crate::report::audit::{AuditHead, AuditRow, ShownPart};
use crate::report::sentence::number;

/// The facts of the head: a stable key, and the value.
pub(super) fn facts(head: &AuditHead) -> Vec<(&'static str, Text)> {
    let text = |value: &dyn std::fmt::Display| Text::from(value.to_string());
    let mut out =
        vec![("command line", head.command_line.clone()), ("made at", text(&head.made_at)), ("log", head.log.clone())];
    out.extend(head.log_id.iter().map(|id| ("log id", id.clone())));
    out.extend(
        head.files
            .iter()
            .map(|file| ("log file, SHA-256", Text::from(format!("{}  {}", file.sha256, file.path.raw())))),
    );
    out.extend(head.heads.iter().map(|seal| ("head", text(seal))));
    out.push(("sessions", text(&head.sessions)));
    out.extend(
        head.verification
            .iter()
            .map(|answer| (answer.question, Text::from(format!("{}: {}", answer.holds, answer.says.raw())))),
    );
    out.push(("from", head.from.map_or_else(|| Text::from("start of the log"), |at| text(&at))));
    out.push(("before", head.until.map_or_else(|| Text::from("end of the log"), |at| text(&at))));
    if let Some(it) = &head.snapshot {
        out.push(("snapshot, SHA-256", Text::from(format!("{}  {}", it.sha256, it.path.raw()))));
        out.push(("snapshot taken at", text(&it.taken_at)));
    }
    if let Some(it) = &head.reconciliation {
        let sum = format!(
            "population {} = decided {} + inherited {} + recertified {} + shadow {} + out of scope {}",
            it.population, it.decided, it.inherited, it.recertified, it.shadow, it.out_of_scope
        );
        out.push(("reconciliation", Text::from(sum)));
        out.push(("decided and past the approved end", text(&it.expired)));
    }
    if let Some(it) = &head.sample {
        let mut drawn = format!("{} of {} decisions", it.size.min(it.of_decisions), it.of_decisions);
        if head.snapshot.is_some() {
            drawn.push_str(&format!(", {} of {} assignments", it.size.min(it.of_population), it.of_population));
        }
        out.push(("sample", Text::from(drawn)));
        out.push(("seed", it.seed.clone()));
        out.push(("sample rule", Text::from("the lowest SHA-256 of the seed, LF and the id of the row")));
    }
    out
}

/// How much of a card was shown.
pub(super) fn shown(it: ShownPart) -> String {
    format!("groups {}/{}, lines {}/{}", it.groups, it.groups_of, it.lines, it.lines_of)
}

/// Seconds, as people read them.
pub(super) fn duration(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds % 86_400 / 3_600, seconds % 3_600 / 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, ..) => format!("{hours} h {minutes} min"),
        _ => format!("{} d {hours} h", number(days)),
    }
}

/// Seconds that may be unknown.
pub(super) fn maybe_duration(seconds: Option<u64>) -> String {
    seconds.map_or_else(|| "not known".to_owned(), duration)
}

/// What came of a decision after it, in the order in which it happens.
pub(super) fn afterwards(row: &AuditRow) -> Vec<String> {
    let mut out = Vec::new();
    out.extend(row.exported.map(|at| format!("exported {}", day(&at.to_string()))));
    out.extend(row.result.map(ToOwned::to_owned));
    out.extend(row.removed_at.map(|at| format!("removed {}", day(&at.to_string()))));
    out.extend(row.late_by.map(|seconds| format!("late by {}", duration(seconds))));
    out
}

/// A time that a narrow column can break between date and hour.
pub(super) fn day(time: &str) -> String {
    time.replace('T', " ")
}

/// Policies as people read them: the hash of a pack is short.
pub(super) fn policies(row: &AuditRow) -> Vec<Text> {
    let short = |it: &Text| match it.raw().strip_prefix("pack ") {
        Some(hash) => Text::from(format!("pack {}", hash.chars().take(12).collect::<String>())),
        None => it.clone(),
    };
    row.policies.iter().map(short).collect()
}
