//! Stops a session at every disk operation and checks that nothing is lost.
//!
//! For each operation, the session runs again in a fresh folder and the disk stops there: before the operation, in the
//! middle of a write, or with a power loss that also undoes everything that was not synced. Afterwards, every confirmed
//! decision is present, no decision is present that was not made, and the log verifies after the user's recovery steps.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::{self, BufRead};
use std::sync::Mutex;

use super::disk::{DiskFile, Stat};
use super::*;
use crate::input::digest::{Digest, of};
use crate::log::line::{Decision, Line, PolicyOutcome, Salt, SessionKind, Verdict};
use crate::log::sample::{self, Judge};
use crate::log::session::Draft;

/// How the disk stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// The process ends before the operation. Earlier writes remain.
    Before,
    /// The process ends in the middle of a write.
    Midway,
    /// The power fails. Everything that was not synced is lost.
    PowerLoss,
    /// The power fails. Bytes that were not synced are lost, names that were not synced remain.
    PowerLossKeepsNames,
    /// Only this operation fails, and the process continues.
    FailsOnce,
}

#[derive(Default)]
struct World {
    count: usize,
    names: Vec<&'static str>,
    stopped: bool,
    failed_sync: bool,
    written_after_failed_sync: bool,
    /// The current names of open files.
    moved: BTreeMap<PathBuf, PathBuf>,
    /// The number of synced bytes per file.
    synced: BTreeMap<PathBuf, u64>,
    /// Names that were created, changed or removed since the last sync of the folder.
    names_at_risk: Vec<Change>,
}

enum Change {
    Made(PathBuf),
    /// From, to, and the synced bytes of the file that was replaced.
    Renamed(PathBuf, PathBuf, Option<Vec<u8>>),
    Unlinked(PathBuf, Vec<u8>),
}

struct FaultDisk {
    world: Arc<Mutex<World>>,
    at: usize,
    stop: Stop,
}

struct FaultFile {
    inner: Box<dyn DiskFile>,
    path: PathBuf,
    world: Arc<Mutex<World>>,
    at: usize,
    stop: Stop,
}

fn stopped() -> io::Error {
    io::Error::other("the test stopped the disk here")
}

/// Counts an operation. Returns an error if the disk has stopped or stops now, and whether it stops at this operation.
fn step(world: &Mutex<World>, at: usize, stop: Stop, name: &'static str) -> Result<(), (io::Error, bool)> {
    let mut w = world.lock().unwrap();
    if w.stopped {
        return Err((stopped(), false));
    }
    if w.failed_sync && matches!(name, "append" | "rename") {
        w.written_after_failed_sync = true;
    }
    w.count += 1;
    w.names.push(name);
    if w.count - 1 != at {
        return Ok(());
    }
    if stop == Stop::FailsOnce {
        w.failed_sync |= name == "sync";
        return Err((io::Error::other("the test made this fail"), true));
    }
    w.stopped = true;
    w.lose_what_is_not_synced(stop);
    Err((stopped(), true))
}

impl World {
    fn lose_what_is_not_synced(&mut self, stop: Stop) {
        if !matches!(stop, Stop::PowerLoss | Stop::PowerLossKeepsNames) {
            return;
        }
        for change in std::mem::take(&mut self.names_at_risk).into_iter().rev().filter(|_| stop == Stop::PowerLoss) {
            match change {
                Change::Made(path) => std::fs::remove_file(path).unwrap(),
                Change::Renamed(from, to, replaced) => {
                    std::fs::rename(&to, &from).unwrap();
                    if let Some(length) = self.synced.remove(&to) {
                        self.synced.insert(from, length);
                    }
                    if let Some(bytes) = replaced {
                        std::fs::write(&to, &bytes).unwrap();
                        self.synced.insert(to, bytes.len() as u64);
                    }
                }
                Change::Unlinked(path, bytes) => std::fs::write(path, bytes).unwrap(),
            }
        }
        for (path, length) in &self.synced {
            if let Ok(file) = std::fs::OpenOptions::new().write(true).open(path) {
                file.set_len(*length).unwrap();
            }
        }
    }
}

impl FaultDisk {
    fn step(&self, name: &'static str) -> io::Result<()> {
        step(&self.world, self.at, self.stop, name).map_err(|(e, _)| e)
    }

    fn file(&self, inner: Box<dyn DiskFile>, path: &Path) -> Box<dyn DiskFile> {
        let length = inner.length().unwrap();
        self.world.lock().unwrap().synced.entry(path.to_owned()).or_insert(length);
        Box::new(FaultFile {
            inner,
            path: path.to_owned(),
            world: Arc::clone(&self.world),
            at: self.at,
            stop: self.stop,
        })
    }
}

impl Disk for FaultDisk {
    fn stat(&self, path: &Path) -> io::Result<Option<Stat>> {
        self.step("stat")?;
        RealDisk.stat(path)
    }
    fn reader(&self, path: &Path, limit: u64) -> io::Result<Box<dyn BufRead>> {
        self.step("reader")?;
        RealDisk.reader(path, limit)
    }
    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        self.step("list")?;
        RealDisk.list(folder)
    }
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        self.step("make_folder")?;
        RealDisk.make_folder(path)
    }
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.step("create")?;
        let file = RealDisk.create(path)?;
        self.world.lock().unwrap().names_at_risk.push(Change::Made(path.to_owned()));
        Ok(self.file(file, path))
    }
    fn append_to(&self, path: &Path, missing_is_empty: bool) -> io::Result<Box<dyn DiskFile>> {
        self.step("append_to")?;
        let made = !path.exists();
        let file = RealDisk.append_to(path, missing_is_empty)?;
        if made {
            self.world.lock().unwrap().names_at_risk.push(Change::Made(path.to_owned()));
        }
        Ok(self.file(file, path))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step("rename")?;
        let mut w = self.world.lock().unwrap();
        let replaced = std::fs::read(to).ok().map(|mut bytes| {
            let forced = w.synced.get(to).map_or(bytes.len(), |n| usize::try_from(*n).unwrap());
            bytes.truncate(forced);
            bytes
        });
        RealDisk.rename(from, to)?;
        w.moved.insert(from.to_owned(), to.to_owned());
        if let Some(length) = w.synced.remove(from) {
            w.synced.insert(to.to_owned(), length);
        }
        w.names_at_risk.push(Change::Renamed(from.to_owned(), to.to_owned(), replaced));
        Ok(())
    }
    fn unlink(&self, path: &Path) -> io::Result<()> {
        self.step("unlink")?;
        let bytes = std::fs::read(path)?;
        RealDisk.unlink(path)?;
        let mut w = self.world.lock().unwrap();
        w.synced.remove(path);
        w.names_at_risk.push(Change::Unlinked(path.to_owned(), bytes));
        Ok(())
    }
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.step("sync_folder")?;
        RealDisk.sync_folder(folder)?;
        self.world.lock().unwrap().names_at_risk.clear();
        Ok(())
    }
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Any>> {
        self.step("lock")?;
        RealDisk.lock(path)
    }
}

impl FaultFile {
    fn step(&self, name: &'static str) -> Result<(), (io::Error, bool)> {
        step(&self.world, self.at, self.stop, name)
    }
}

impl DiskFile for FaultFile {
    fn length(&self) -> io::Result<u64> {
        self.step("length").map_err(|(e, _)| e)?;
        self.inner.length()
    }
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.step("append").map_err(|(e, here)| {
            if here && matches!(self.stop, Stop::Midway | Stop::FailsOnce) {
                self.inner.append(&bytes[..bytes.len() / 2]).unwrap();
            }
            e
        })?;
        self.inner.append(bytes)
    }
    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.step("truncate").map_err(|(e, _)| e)?;
        self.inner.truncate(length)
    }
    fn sync(&mut self) -> io::Result<()> {
        self.step("sync").map_err(|(e, _)| e)?;
        self.inner.sync()?;
        let length = self.inner.length()?;
        let mut w = self.world.lock().unwrap();
        let path = w.moved.get(&self.path).unwrap_or(&self.path).clone();
        w.synced.insert(path, length);
        Ok(())
    }
    fn try_lock(&mut self) -> io::Result<bool> {
        self.step("try_lock").map_err(|(e, _)| e)?;
        self.inner.try_lock()
    }
    fn is_at(&self, path: &Path) -> io::Result<bool> {
        self.step("is_at").map_err(|(e, _)| e)?;
        self.inner.is_at(path)
    }
}

/// Identifies a decision independently of the lines before it: the change, the verdict, and the random bits of its line.
type Key = (String, Verdict, String);

fn key(decision: &Decision) -> Key {
    (decision.change.as_str().to_owned(), decision.verdict, decision.salt.to_string())
}

/// What the user of the test saw.
#[derive(Default)]
struct Seen {
    offered: BTreeSet<Key>,
    confirmed: BTreeSet<Key>,
    /// The new content of a journal that is being replaced.
    replacing: Option<BTreeSet<Key>>,
    sealed: bool,
}

fn decided(change: &str, verdict: Verdict, salt: u8) -> impl Fn(Digest<of::Line>) -> Decision {
    move |prev| Decision { salt: Salt::from_bytes([salt; 16]), ..sample::decision(prev, change, verdict) }
}

/// The lines before the first decision.
fn front(draft: &mut Draft) -> Vec<u8> {
    let (sha256, mut bytes) = draft.blob(b"a plan of another session").unwrap();
    bytes.extend(draft.push(|prev| sample::plan_line(prev, sha256)).unwrap().bytes);
    for change in ["c1", "c2"] {
        bytes.extend(draft.push(|prev| sample::evaluation(prev, change, PolicyOutcome::Needs)).unwrap().bytes);
    }
    bytes
}

/// A complete session: a decision, an interruption, a second decision, the first one replaced, seal, signature, commit.
fn run(store: &Store, seen: &mut Seen, parents: &[Digest<of::Line>]) -> Result<(), StoreError> {
    let header = sample::header(2, SessionKind::Review, parents, 20);
    let (mut draft, first) = Draft::start(header.clone(), [].into()).unwrap();
    let mut journal = store.begin(header.session, &first)?;
    journal.append(&front(&mut draft))?;
    let decide = |draft: &mut Draft, seen: &mut Seen, make: &dyn Fn(Digest<of::Line>) -> Decision| {
        let mut given = None;
        let bytes = draft.push(|prev| Line::Decision(Box::new(given.insert(make(prev)).clone()))).unwrap().bytes;
        let key = key(&given.unwrap());
        seen.offered.insert(key.clone());
        (bytes, key)
    };
    let (bytes, c1) = decide(&mut draft, seen, &decided("c1", Verdict::Approve, 1));
    journal.keep(&bytes)?;
    seen.confirmed.insert(c1);
    let path = journal.path().to_owned();
    drop((journal, draft));
    let (mut journal, mut draft, lines) = store.take_over(&path, [].into())?;
    assert_eq!(lines.iter().filter(|l| matches!(l, Line::Decision(_))).count(), 1);
    let (bytes, c2) = decide(&mut draft, seen, &decided("c2", Verdict::Reject, 2));
    journal.keep(&bytes)?;
    seen.confirmed.insert(c2);
    let (mut draft, mut bytes) = Draft::start(header, [].into()).unwrap();
    bytes.extend(front(&mut draft));
    let mut anew = BTreeSet::new();
    for make in [decided("c1", Verdict::Reject, 3), decided("c2", Verdict::Reject, 2)] {
        let (more, key) = decide(&mut draft, seen, &make);
        bytes.extend(more);
        anew.insert(key);
    }
    seen.replacing = Some(anew.clone());
    let journal = store.rewrite(journal, &bytes)?;
    (seen.replacing, seen.confirmed, seen.offered) = (None, anew.clone(), anew);
    let ending = ending(draft);
    store.commit(journal, &ending, sample::terms(&Judge))?;
    seen.sealed = true;
    Ok(())
}

fn ending(draft: Draft) -> Vec<u8> {
    let sealed = draft.seal(crate::input::time::Time::from_unix(sample::NOW - 90_000)).unwrap();
    let sshsig = sample::sign(sealed.namespace(), sealed.bytes());
    sealed.sign(&sshsig).unwrap().bytes
}

/// Every decision of session 2 in log and journals.
fn found(store: &Store) -> BTreeSet<Key> {
    let mut out = BTreeSet::new();
    let mut collect = |bytes: &[u8]| {
        for line in crate::log::line::lines(bytes) {
            if let Ok(Line::Decision(decision)) = crate::log::line::read(line, &mut Vec::new()) {
                out.insert(key(&decision));
            }
        }
    };
    for file in store.files().unwrap() {
        collect(&std::fs::read(file).unwrap());
    }
    store.journals(None).unwrap().iter().for_each(|j| collect(&j.bytes));
    out
}

/// Recovers as a user would after a crash: finishes complete journals, resumes started ones, discards empty ones.
fn recover(store: &Store) {
    for journal in store.journals(Some(sample::log_id())).unwrap() {
        match journal.standing {
            JournalState::Whole => drop(store.finish(&journal.path, sample::terms(&Judge)).unwrap()),
            JournalState::Begun => {
                let (file, draft, _) = store.take_over(&journal.path, [].into()).unwrap();
                store.commit(file, &ending(draft), sample::terms(&Judge)).unwrap();
            }
            JournalState::Empty => store.give_up(&journal.path).unwrap(),
            other @ (JournalState::InUse | JournalState::OtherLog(_) | JournalState::Unreadable(_)) => {
                panic!("{other:?}")
            }
        }
    }
}

fn try_stop(name: &str, base: bool, at: usize, stop: Stop) -> (bool, Vec<&'static str>) {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join(name);
    let real = Store::open(&path).unwrap();
    let first = sample::session(1, &[], &[].into(), 0);
    let mut old = BTreeSet::new();
    if base {
        let mut journal = real.begin(crate::log::line::SessionId::from_bytes([1; 16]), b"").unwrap();
        journal.append(&first.bytes).unwrap();
        real.commit(journal, b"", sample::terms(&Judge)).unwrap();
        old = found(&real);
    }
    let world = Arc::new(Mutex::new(World::default()));
    let disk = FaultDisk { world: Arc::clone(&world), at, stop };
    let mut seen = Seen::default();
    let parents = if base { vec![first.seal] } else { vec![] };
    let outcome = Store::on(Arc::new(disk), &path).and_then(|s| run(&s, &mut seen, &parents));
    let note = format!("{name} stopped at {at} ({stop:?}): {:?}", outcome.as_ref().err());
    let mut world = world.lock().unwrap();
    if !world.stopped {
        // The power may also fail right after the last operation.
        world.lose_what_is_not_synced(stop);
    }
    assert!(!world.written_after_failed_sync, "{note}: written after a failed sync");

    let real = Store::open(&path).unwrap();
    let there: BTreeSet<_> = found(&real).difference(&old).cloned().collect();
    let exchanged = seen.replacing.as_ref() == Some(&there);
    assert!(seen.confirmed.is_subset(&there) || exchanged, "{note}: a confirmed decision is lost");
    assert!(there.is_subset(&seen.offered), "{note}: a decision was invented");
    recover(&real);
    let v = real.verify(sample::terms(&Judge)).unwrap();
    assert!(v.holds(), "{note}: {:?}", v.findings);
    let after: BTreeSet<_> = found(&real).difference(&old).cloned().collect();
    assert_eq!(after, there, "{note}: recovery changed the decisions");
    if seen.sealed || !there.is_empty() {
        assert_eq!(v.session_count, 1 + usize::from(base), "{note}");
    }
    assert!(real.journals(None).unwrap().is_empty(), "{note}: a journal is left");
    let left = |folder: &Path| {
        let names = std::fs::read_dir(folder).into_iter().flatten().map(|e| e.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().contains("rewrite")).count()
    };
    assert_eq!(left(temp.path()) + left(&path), 0, "{note}: half an exchange is left");
    (world.count > at, world.names.clone())
}

#[test]
fn a_session_stopped_at_any_operation_loses_and_invents_nothing() {
    let mut covered = BTreeSet::new();
    for (name, base) in [("log.jsonl", false), ("log.jsonl", true), ("log/", true), ("log/", false)] {
        for stop in [Stop::Before, Stop::Midway, Stop::PowerLoss, Stop::PowerLossKeepsNames, Stop::FailsOnce] {
            let mut at = 0;
            loop {
                let (reached, names) = try_stop(name, base, at, stop);
                covered.extend(names);
                if !reached {
                    break;
                }
                at += 1;
            }
            assert!(at > 20, "only {at} operations were found");
        }
    }
    let all = [
        "append",
        "append_to",
        "create",
        "is_at",
        "length",
        "list",
        "lock",
        "make_folder",
        "reader",
        "rename",
        "stat",
        "sync",
        "sync_folder",
        "truncate",
        "try_lock",
        "unlink",
    ];
    assert_eq!(covered, all.into(), "an operation of the disk is not covered");
}

/// One merge of a copy with another session, stopped at an operation.
fn try_join(name: &str, at: usize, stop: Stop) -> bool {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join(name);
    let real = Store::open(&path).unwrap();
    let first = sample::session(1, &[], &[].into(), 0);
    let second = sample::session(2, &[&first], &first.blobs, 20);
    let mut journal = real.begin(crate::log::line::SessionId::from_bytes([1; 16]), b"").unwrap();
    journal.append(&first.bytes).unwrap();
    real.commit(journal, b"", sample::terms(&Judge)).unwrap();
    let copy = vec![("copy".to_owned(), [first.bytes.as_slice(), &second.bytes].concat())];
    let world = Arc::new(Mutex::new(World::default()));
    let disk = FaultDisk { world: Arc::clone(&world), at, stop };
    let outcome = Store::on(Arc::new(disk), &path).and_then(|s| s.join(&copy, sample::terms(&Judge)));
    let note = format!("{name} joined, stopped at {at} ({stop:?}): {:?}", outcome.as_ref().err());
    let mut world = world.lock().unwrap();
    if !world.stopped {
        world.lose_what_is_not_synced(stop);
    }
    let real = Store::open(&path).unwrap();
    let v = real.verify(sample::terms(&Judge)).unwrap();
    assert!(v.holds(), "{note}: {:?}", v.findings);
    assert!(v.session_count == 2 || v.session_count == 1 && outcome.is_err(), "{note}: {} sessions", v.session_count);
    let again = real.join(&copy, sample::terms(&Judge)).unwrap();
    assert_eq!(again.verification.session_count, 2, "{note}");
    world.count > at
}

#[test]
fn a_join_stopped_at_any_operation_leaves_the_old_log_or_the_new_one() {
    for name in ["log.jsonl", "log/"] {
        for stop in [Stop::Before, Stop::Midway, Stop::PowerLoss, Stop::PowerLossKeepsNames, Stop::FailsOnce] {
            let mut at = 0;
            while try_join(name, at, stop) {
                at += 1;
            }
            assert!(at > 5, "only {at} operations were found");
        }
    }
}
