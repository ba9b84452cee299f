//! Tests with real files in real folders, and their failures.

use std::any::Any;
use std::ffi::OsString;
use std::io::{self, BufRead};

use rustix::io::Errno;

use super::disk::{DiskFile, Stat, no_locks};
use super::*;
use crate::input::digest::Digest;
use crate::log::line::SessionKind;
use crate::log::sample::{self, Judge, Made};
use crate::log::session::Draft;

fn store(folder: &Path, name: &str) -> Store {
    Store::open(&folder.join(name)).unwrap()
}

/// Adds a sample session to a store through a journal.
fn add(store: &Store, made: &Made, n: u8) -> Result<Committed, StoreError> {
    let lines: Vec<&[u8]> = crate::log::line::lines(&made.bytes).collect();
    let (body, ending) = lines.split_at(lines.len() - 2);
    let mut journal = store.begin(crate::log::line::SessionId::from_bytes([n; 16]), body[0])?;
    for line in &body[1..] {
        journal.keep(line)?;
    }
    store.commit(journal, &ending.concat(), sample::terms(&Judge))
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn sessions_go_whole_into_a_file_and_into_a_folder() {
    let temp = tempfile::tempdir().unwrap();
    let first = sample::session(1, &[], &[].into(), 0);
    let second = sample::session(2, &[&first], &first.blobs, 20);
    for name in ["review-log.jsonl", "review-log/"] {
        let store = store(temp.path(), name);
        assert!(store.verify(sample::terms(&Judge)).unwrap().holds(), "a log that is not there yet is empty");
        for (n, made) in [(1, &first), (2, &second)] {
            let done = add(&store, made, n).unwrap();
            assert!(done.verification.holds() && !done.was_there && !done.completed_tail);
        }
        let v = store.verify(sample::terms(&Judge)).unwrap();
        assert!(v.holds(), "{:?}", v.findings);
        assert_eq!((v.session_count, v.heads), (2, vec![second.seal]));
        assert!(store.journals(None).unwrap().is_empty());
    }
    let both = [first.bytes.as_slice(), &second.bytes].concat();
    assert_eq!(std::fs::read(temp.path().join("review-log.jsonl")).unwrap(), both);
    assert_eq!(names(temp.path()), [".review-log.jsonl.lock", "review-log", "review-log.jsonl"]);
    let one = format!("{}.jsonl", "01".repeat(16));
    assert_eq!(std::fs::read(temp.path().join("review-log").join(one)).unwrap(), first.bytes);
}

#[test]
fn nothing_is_added_to_a_log_that_does_not_verify_and_the_journal_stays() {
    let temp = tempfile::tempdir().unwrap();
    let store = store(temp.path(), "log.jsonl");
    let first = sample::session(1, &[], &[].into(), 0);
    add(&store, &first, 1).unwrap();
    let mut bad = std::fs::read(store.path()).unwrap();
    let at = bad.len() / 2;
    bad[at] ^= 1;
    std::fs::write(store.path(), &bad).unwrap();
    let second = sample::session(2, &[&first], &first.blobs, 20);
    assert!(matches!(add(&store, &second, 2), Err(StoreError::DoesNotVerify { .. })));
    assert_eq!(std::fs::read(store.path()).unwrap(), bad);
    let left = store.journals(Some(sample::log_id())).unwrap();
    assert_eq!((left.len(), &left[0].standing), (1, &JournalState::Whole));
    bad[at] ^= 1;
    std::fs::write(store.path(), &bad).unwrap();
    store.finish(&left[0].path, sample::terms(&Judge)).unwrap();
    assert_eq!(store.verify(sample::terms(&Judge)).unwrap().session_count, 2);
}

#[test]
fn a_log_that_lost_a_head_since_the_session_began_is_not_extended() {
    let temp = tempfile::tempdir().unwrap();
    let store = store(temp.path(), "log.jsonl");
    let first = sample::session(1, &[], &[].into(), 0);
    let other = sample::session(2, &[&first], &first.blobs, 1);
    add(&store, &first, 1).unwrap();
    add(&store, &other, 2).unwrap();
    std::fs::write(store.path(), &first.bytes).unwrap();
    let third = sample::session(3, &[&first], &first.blobs, 20);
    let heads = [other.seal];
    let lines: Vec<&[u8]> = crate::log::line::lines(&third.bytes).collect();
    let journal = store.begin(crate::log::line::SessionId::from_bytes([3; 16]), lines[0]).unwrap();
    let terms = Terms { known_heads: &heads, ..sample::terms(&Judge) };
    assert!(matches!(store.commit(journal, &lines[1..].concat(), terms), Err(StoreError::DoesNotVerify { .. })));
}

#[test]
fn a_session_that_follows_none_is_not_added_to_a_log_that_is_no_longer_empty() {
    let temp = tempfile::tempdir().unwrap();
    for name in ["log.jsonl", "log/"] {
        let store = store(temp.path(), name);
        let (first, second) = (sample::session(1, &[], &[].into(), 0), sample::session(2, &[], &[].into(), 1));
        add(&store, &first, 1).unwrap();
        assert!(matches!(add(&store, &second, 2), Err(StoreError::SecondRoot(_))));
        assert_eq!(store.verify(sample::terms(&Judge)).unwrap().session_count, 1);
        // Its journal is kept; what was sealed before a crash is added all the same.
        let left = store.journals(Some(sample::log_id())).unwrap();
        assert_eq!((left.len(), &left[0].standing), (1, &JournalState::Whole));
        store.finish(&left[0].path, sample::terms(&Judge)).unwrap();
        assert_eq!(store.verify(sample::terms(&Judge)).unwrap().session_count, 2);
    }
}

#[test]
fn a_torn_tail_that_a_journal_begins_with_is_completed_at_every_length() {
    let temp = tempfile::tempdir().unwrap();
    let store = store(temp.path(), "log.jsonl");
    let first = sample::session(1, &[], &[].into(), 0);
    let second = sample::session(2, &[&first], &first.blobs, 20);
    let journal = temp.path().join(format!(".log.jsonl.journal-{}", "02".repeat(16)));
    for cut in (1..second.bytes.len()).step_by(97) {
        std::fs::write(store.path(), [&first.bytes, &second.bytes[..cut]].concat()).unwrap();
        std::fs::write(&journal, &second.bytes).unwrap();
        assert!(!store.verify(sample::terms(&Judge)).unwrap().holds());
        assert!(store.repair(sample::terms(&Judge)).unwrap(), "{cut}");
        assert!(store.verify(sample::terms(&Judge)).unwrap().holds());
        let done = store.finish(&journal, sample::terms(&Judge)).unwrap();
        assert!(done.was_there && !journal.exists());
        assert_eq!(std::fs::read(store.path()).unwrap(), [first.bytes.as_slice(), &second.bytes].concat());
    }
}

#[test]
fn a_torn_tail_of_nobodys_journal_is_reported_and_kept() {
    let temp = tempfile::tempdir().unwrap();
    let store = store(temp.path(), "log.jsonl");
    let first = sample::session(1, &[], &[].into(), 0);
    let torn = [&first.bytes[..], &first.bytes[..200]].concat();
    std::fs::write(store.path(), &torn).unwrap();
    assert!(!store.repair(sample::terms(&Judge)).unwrap());
    assert_eq!(std::fs::read(store.path()).unwrap(), torn);
}

#[test]
fn journals_of_others_are_told_apart() {
    let temp = tempfile::tempdir().unwrap();
    let store = store(temp.path(), "log.jsonl");
    let made = sample::session(1, &[], &[].into(), 0);
    let text = String::from_utf8(made.bytes.clone()).unwrap();
    let put = |n: u8, text: &str| {
        std::fs::write(temp.path().join(format!(".log.jsonl.journal-{}", format!("{n:02x}").repeat(16))), text)
            .unwrap();
    };
    put(1, &text);
    put(2, &text[..text.len() - 10]);
    put(3, &text.replacen(&"09".repeat(16), &"08".repeat(16), 1));
    put(4, &text.replacen("\"version\":2", "\"version\":1", 1));
    put(5, "");
    put(6, &text[..50]);
    let _held = store
        .begin(
            crate::log::line::SessionId::from_bytes([7; 16]),
            made.bytes.split_inclusive(|b| *b == b'\n').next().unwrap(),
        )
        .unwrap();
    std::fs::write(temp.path().join(".log.jsonl.journal-else"), "not ours").unwrap();
    let found = store.journals(Some(sample::log_id())).unwrap();
    let standings: Vec<_> = found.iter().map(|j| &j.standing).collect();
    assert!(
        matches!(
            standings.as_slice(),
            [
                JournalState::Whole,
                JournalState::Begun,
                JournalState::OtherLog(_),
                JournalState::Unreadable(_),
                JournalState::Empty,
                JournalState::Empty,
                JournalState::InUse
            ]
        ),
        "{standings:?}"
    );
    store.give_up(&found[4].path).unwrap();
    assert!(matches!(store.give_up(&found[6].path), Err(StoreError::InUse(_))));
}

#[test]
fn a_journal_edited_by_hand_is_refused_and_a_torn_one_goes_on() {
    let temp = tempfile::tempdir().unwrap();
    let store = store(temp.path(), "log.jsonl");
    let made = sample::session(1, &[], &[].into(), 0);
    let path = temp.path().join(format!(".log.jsonl.journal-{}", "01".repeat(16)));
    let text = String::from_utf8(made.bytes.clone()).unwrap();
    std::fs::write(&path, text.replace("\"verdict\":\"reject\"", "\"verdict\":\"approve\"")).unwrap();
    assert!(matches!(store.take_over(&path, [].into()), Err(StoreError::BadJournal { .. })));
    std::fs::write(&path, text.replace("too wide", "too wid3")).unwrap();
    let (_, draft, lines) = store.take_over(&path, [].into()).unwrap();
    assert_eq!(
        (draft.count(), lines.len()),
        (7, 6),
        "its last decision has no successor that could tell; the seal will"
    );
    for cut in (300..made.bytes.len() - 1).step_by(53) {
        std::fs::write(&path, &made.bytes[..cut.max(800)]).unwrap();
        let (journal, draft, _) = store.take_over(&path, [].into()).unwrap();
        assert!(matches!(store.take_over(&path, [].into()), Err(StoreError::InUse(_))));
        let sealed = draft.seal(crate::input::time::Time::from_unix(sample::NOW - 90_000)).unwrap();
        let ending = sealed.bytes().to_vec();
        let sshsig = sample::sign(sealed.namespace(), &ending);
        store.commit(journal, &sealed.sign(&sshsig).unwrap().bytes, sample::terms(&Judge)).unwrap();
        assert!(store.verify(sample::terms(&Judge)).unwrap().holds());
        std::fs::remove_file(store.path()).unwrap();
    }
}

#[test]
fn eight_writers_at_once_lose_nothing() {
    let temp = tempfile::tempdir().unwrap();
    for name in ["log.jsonl", "log/"] {
        let base = sample::session(100, &[], &[].into(), 0);
        add(&store(temp.path(), name), &base, 100).unwrap();
        std::thread::scope(|scope| {
            for n in 1..=8_u8 {
                let (base, folder) = (&base, temp.path());
                scope.spawn(move || {
                    let made = sample::session(n, &[base], &base.blobs, i64::from(n));
                    add(&store(folder, name), &made, n).unwrap();
                });
            }
        });
        let v = store(temp.path(), name).verify(sample::terms(&Judge)).unwrap();
        assert!(v.holds(), "{:?}", v.findings);
        assert_eq!((v.session_count, v.heads.len()), (9, 8));
    }
}

#[test]
fn what_is_no_log_is_refused_with_its_own_message() {
    let temp = tempfile::tempdir().unwrap();
    assert!(matches!(Store::open(Path::new("/dev/null")), Err(StoreError::NotAFile(_))));
    let path = temp.path().join("log.jsonl");
    std::fs::write(&path, "x".repeat(100)).unwrap();
    let small = Store::open(&path).unwrap().reading_at_most(99);
    let error = small.verify(sample::terms(&Judge)).unwrap_err();
    assert!(error.to_string().contains("has 100 bytes; the limit is 99"), "{error}");
    let nowhere = Store::open(&temp.path().join("none/log.jsonl")).unwrap();
    let header = sample::header(1, SessionKind::Review, &[], 0);
    let (_, first) = Draft::start(header.clone(), [].into()).unwrap();
    let error = nowhere.begin(header.session, &first).map(|_| ()).unwrap_err();
    assert!(error.to_string().starts_with("cannot create the journal `"), "{error}");
    assert_ne!(Digest::<crate::input::digest::of::File>::of(b"").to_string(), error.help());
}

/// The real disk, on which locking fails with a system error.
struct NoLocks(Errno);

struct NoLocksFile(Box<dyn DiskFile>, Errno);

impl NoLocks {
    fn file(&self, inner: io::Result<Box<dyn DiskFile>>) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(NoLocksFile(inner?, self.0)))
    }
}

impl Disk for NoLocks {
    fn stat(&self, path: &Path) -> io::Result<Option<Stat>> {
        RealDisk.stat(path)
    }
    fn reader(&self, path: &Path, limit: u64) -> io::Result<Box<dyn BufRead>> {
        RealDisk.reader(path, limit)
    }
    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        RealDisk.list(folder)
    }
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        RealDisk.make_folder(path)
    }
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.file(RealDisk.create(path))
    }
    fn append_to(&self, path: &Path, missing_is_empty: bool) -> io::Result<Box<dyn DiskFile>> {
        self.file(RealDisk.append_to(path, missing_is_empty))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }
    fn unlink(&self, path: &Path) -> io::Result<()> {
        RealDisk.unlink(path)
    }
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        RealDisk.sync_folder(folder)
    }
    fn lock(&self, _: &Path) -> io::Result<Box<dyn Any>> {
        Err(no_locks(self.0))
    }
}

impl DiskFile for NoLocksFile {
    fn length(&self) -> io::Result<u64> {
        self.0.length()
    }
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.append(bytes)
    }
    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.0.truncate(length)
    }
    fn sync(&mut self) -> io::Result<()> {
        self.0.sync()
    }
    fn try_lock(&mut self) -> io::Result<bool> {
        Err(no_locks(self.1))
    }
    fn is_at(&self, path: &Path) -> io::Result<bool> {
        self.0.is_at(path)
    }
}

#[test]
fn a_file_system_without_locks_is_named_and_gets_neither_a_journal_nor_a_session() {
    for (name, shows) in [("log.jsonl", vec!["log.jsonl"]), ("log/", vec!["log"])] {
        for errno in [Errno::NOLCK, Errno::NOTSUP, Errno::NOSYS] {
            let temp = tempfile::tempdir().unwrap();
            let first = sample::session(1, &[], &[].into(), 0);
            add(&store(temp.path(), name), &first, 1).unwrap();
            let _ = std::fs::remove_file(temp.path().join(".log.jsonl.lock"));
            let without = Store::on(Arc::new(NoLocks(errno)), &temp.path().join(name)).unwrap();
            let header = sample::header(2, SessionKind::Review, &[first.seal], 20);
            let (_, line) = Draft::start(header.clone(), first.blobs.clone()).unwrap();
            let joined = without.join(&[("copy".into(), first.bytes.clone())], sample::terms(&Judge));
            for error in [without.begin(header.session, &line).map(|_| ()), joined.map(|_| ())].map(Result::unwrap_err)
            {
                let said = format!("{error}: {}", std::error::Error::source(&error).unwrap());
                assert!(said.contains("the file system does not support locks"), "{said}");
                assert_eq!(error.help(), "keep the log on a file system with locks, and merge it from there");
            }
            assert_eq!(names(temp.path()), shows);
            let v = store(temp.path(), name).verify(sample::terms(&Judge)).unwrap();
            assert_eq!((v.holds(), v.session_count), (true, 1));
            assert!(store(temp.path(), name).journals(None).unwrap().is_empty(), "nothing is left to go on with");
        }
    }
}
