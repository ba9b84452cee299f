//! Copies of a log become one, on the disk: all of it, or nothing.
//!
//! In: the bytes of other copies. Out: the log with every session of them once. INVARIANT: under the lock the log is read
//! anew, so that a session added meanwhile stays; what is written was verified as a whole; and it takes the place of the old
//! log in one step.

use std::path::Path;

use super::fault::{Attempt as _, StoreError, text};
use super::{Shape, Store};
use crate::log::line::SessionId;
use crate::log::merge;
use crate::log::verify::Verifier;
use crate::log::verify::answers::{Keep, Terms, Verification};

/// What joining did.
#[derive(Debug)]
pub struct Joined {
    /// The log as it is now, verified before it was written.
    pub verification: Verification,
    /// How many sessions it did not hold before.
    pub added: usize,
}

impl Store {
    /// Adds every session of other copies, given as names and bytes, that the log does not hold.
    ///
    /// # Errors
    /// If the copies cannot be joined, the result does not verify, or cannot be written; then the log is as it was.
    pub fn join(&self, copies: &[(String, Vec<u8>)], terms: Terms<'_>) -> Result<Joined, StoreError> {
        let terms = Terms { keep: Keep::Nothing, ..terms };
        if self.shape == Shape::Folder {
            let folder = self.folder();
            self.disk.make_folder(&folder).doing("make the folder", &folder)?;
        }
        let path = self.lock_path();
        let _lock = self.disk.lock(&path).doing("lock", &path)?;
        let mut own: Vec<(String, Vec<u8>)> = Vec::new();
        for file in self.files()? {
            let bytes = self.slurp(&file)?.unwrap_or_default();
            own.push((file.to_string_lossy().into_owned(), bytes));
        }
        let before: Vec<SessionId> = named(&own)?.into_iter().map(|(id, _)| id).collect();
        let all = named(&own.iter().chain(copies).cloned().collect::<Vec<_>>())?;
        let new: Vec<&merge::Named> = all.iter().filter(|(id, _)| !before.contains(id)).collect();
        let bytes: Vec<u8> = all.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect();
        let mut verifier = Verifier::new(terms);
        verifier.feed(&self.path.to_string_lossy(), bytes.as_slice()).doing("read", &self.path)?;
        let verification = verifier.finish();
        if !verification.holds() {
            let verification = Box::new(verification);
            return Err(StoreError::DoesNotVerify { path: text(&self.path), journal: None, verification });
        }
        if !new.is_empty() {
            match self.shape {
                Shape::File => self.put(&self.path, "merge", &bytes)?,
                Shape::Folder => {
                    for (id, bytes) in &new {
                        self.put(&self.path.join(format!("{id}.jsonl")), &id.to_string(), bytes)?;
                    }
                }
            }
            self.disk.sync_folder(&self.folder()).doing("force to the disk the folder", &self.folder())?;
        }
        Ok(Joined { verification, added: new.len() })
    }

    /// Writes a whole file beside its place and moves it there.
    fn put(&self, target: &Path, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let beside = self.folder().join(format!("{}rewrite-{name}", self.prefix()));
        if self.disk.stat(&beside).doing("look at", &beside)?.is_some() {
            self.disk.unlink(&beside).doing("remove the file", &beside)?;
        }
        let mut file = self.disk.create(&beside).doing("make the file", &beside)?;
        file.append(bytes).doing("write to the file", &beside)?;
        file.sync().doing("force to the disk the file", &beside)?;
        self.disk.rename(&beside, target).doing("rename the file to", target)
    }
}

fn named(files: &[(String, Vec<u8>)]) -> Result<Vec<merge::Named>, StoreError> {
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    Ok(merge::sessions(&files)?)
}
