//! What must hold for any bytes, whoever wrote them: one law for each reader. A broken law panics.
//!
//! The fuzz targets call these with bytes that no one thought of; `tests/corpora.rs` calls them with every file of the
//! corpora, so that whatever was found once stays mended.

use review::input::finding::{Finding, Severity};
use review::input::text::is_hidden;
use review::log::{line, split::Splitter};
use review::trust::signers::Signers;
use review::trust::sshsig;

/// A message is one line, without a character that a terminal would act on or that cannot be seen.
fn is_harmless(text: &str) {
    assert!(!text.chars().any(is_hidden), "a hidden character leaves in {text:?}");
}

fn findings(findings: &[Finding], bytes: &[u8]) {
    for finding in findings {
        is_harmless(&finding.message.terminal());
        if let Some(help) = &finding.help {
            is_harmless(&help.terminal());
        }
        if let Some(place) = &finding.place {
            let (from, to) = place.bytes;
            assert!(
                from <= to && to <= bytes.len(),
                "{:?} points beyond the file of {} bytes",
                finding.code,
                bytes.len()
            );
        }
    }
}

/// What is refused is refused with a reason.
fn refused(all: &[Finding], bytes: &[u8]) {
    assert!(all.iter().any(|finding| finding.severity == Severity::Error), "refused without an error");
    findings(all, bytes);
}

/// A plan is read the same way twice, or refused with places within the file.
pub fn plan(bytes: &[u8]) {
    match review::plan::read("plan.yaml", bytes) {
        Ok(plan) => {
            let again = review::plan::read("plan.yaml", bytes).expect("it was read before");
            assert_eq!(format!("{plan:?}"), format!("{again:?}"));
            for change in &plan.changes {
                is_harmless(&change.reason.value.terminal());
                is_harmless(&change.id.value.text().terminal());
            }
        }
        Err(faults) => refused(&faults, bytes),
    }
}

/// A snapshot that is believed can be written and read back, and is the same.
pub fn snapshot(bytes: &[u8]) {
    match review::snapshot::read("snapshot.json", bytes) {
        Ok((snapshot, notes)) => {
            findings(&notes, bytes);
            let written = review::snapshot::write(&snapshot).expect("a believed snapshot can be written");
            let (again, _) = review::snapshot::read("snapshot.json", &written).expect("what was written can be read");
            assert_eq!(snapshot, again);
        }
        Err(faults) => refused(&faults, bytes),
    }
}

/// A line that is accepted has exactly the bytes that this tool would write; a file falls into groups that cover it.
pub fn log_line(bytes: &[u8]) {
    let mut scratch = Vec::new();
    for raw in line::lines(bytes) {
        match line::read(raw, &mut scratch) {
            Ok(read) => assert_eq!(read.to_bytes().expect("it was read"), raw, "a second spelling was accepted"),
            Err(fault) => {
                is_harmless(&fault.message.terminal());
                assert!(fault.offset <= raw.len(), "the fault lies beyond the line");
            }
        }
    }
    let mut splitter = Splitter::new(bytes);
    let mut batch = Vec::new();
    let mut groups = 0_usize;
    while let Ok(found) = splitter.next(1 << 12, &mut batch) {
        if found.is_empty() {
            break;
        }
        groups += found.len();
    }
    assert!(groups <= bytes.len(), "more groups than bytes");
    assert_eq!(splitter.offset(), bytes.len(), "a part of the file was passed over");
}

/// Every line of `allowed_signers` is either read or named.
pub fn allowed_signers(bytes: &[u8]) {
    let (signers, notes) = Signers::parse("allowed_signers", bytes);
    findings(&notes, bytes);
    let lines = bytes.split(|b| *b == b'\n').count();
    assert!(signers.lines().len() <= lines, "more signers than lines");
    if bytes.iter().any(|b| !matches!(b, b'\n' | b'\r' | b' ' | b'\t'))
        && signers.lines().is_empty()
        && notes.is_empty()
    {
        let text = String::from_utf8_lossy(bytes);
        let is_comment = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
        assert!(text.lines().all(is_comment), "a line was passed over in silence: {text:?}");
    }
}

/// Whether a signature verifies never depends on who asks, and bytes that are no signature verify nothing else.
pub fn sshsig(bytes: &[u8]) {
    for (namespace, message) in [("review-seal@v1", b"message".as_slice()), ("file", b""), ("", b"message")] {
        match sshsig::verify(bytes, namespace, message) {
            Ok(verified) => {
                assert_eq!(verified.namespace(), namespace);
                assert!(sshsig::verify(bytes, namespace, b"another message").is_err(), "it signs two messages");
                assert!(sshsig::verify(bytes, "another", message).is_err(), "it signs in two namespaces");
            }
            Err(why) => is_harmless(&why.to_string()),
        }
    }
}
