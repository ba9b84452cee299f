//! Merges copies of a log on disk, atomically.
//!
//! INVARIANT: the log is read again under the lock, so a session added meanwhile is kept. The result is verified as a
//! whole before it replaces the old log in one step.

use std::path::Path;

use super::fault::{Attempt as _, StoreError, text};
use super::{Shape, Store};
use crate::log::line::SessionId;
use crate::log::merge;
use crate::log::verify::Verifier;
use crate::log::verify::answers::{Keep, Terms, Verification};

/// The result of a merge.
#[derive(Debug)]
pub struct Merged {
    /// The verification of the merged log, from before the write.
    pub verification: Verification,
    /// The number of sessions that were added.
    pub added: usize,
}

impl Store {
    /// Adds the sessions that the log does not contain from other copies, given as names and bytes.
    ///
    /// # Errors
    /// If the copies cannot be merged, or the result does not verify or cannot be written. The log is then unchanged.
    pub fn join(&self, copies: &[(String, Vec<u8>)], terms: Terms<'_>) -> Result<Merged, StoreError> {
        let terms = Terms { keep: Keep::Nothing, ..terms };
        if self.shape == Shape::Folder {
            let folder = self.folder();
            self.disk.make_folder(&folder).doing("create the folder", &folder)?;
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
        let new: Vec<&merge::NamedSession> = all.iter().filter(|(id, _)| !before.contains(id)).collect();
        let bytes: Vec<u8> = all.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect();
        let mut verifier = Verifier::new(terms);
        verifier.feed(&self.path.to_string_lossy(), bytes.as_slice()).doing("read", &self.path)?;
        let verification = verifier.finish();
        if !verification.is_usable() {
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
            self.disk.sync_folder(&self.folder()).doing("sync the folder", &self.folder())?;
        }
        Ok(Merged { verification, added: new.len() })
    }

    /// Writes a new file next to the target and renames it to the target.
    fn put(&self, target: &Path, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let temporary = self.folder().join(format!("{}rewrite-{name}", self.prefix()));
        if self.disk.stat(&temporary).doing("access", &temporary)?.is_some() {
            self.disk.unlink(&temporary).doing("remove the file", &temporary)?;
        }
        let mut file = self.disk.create(&temporary).doing("create the file", &temporary)?;
        file.append(bytes).doing("write to the file", &temporary)?;
        file.sync().doing("sync the file", &temporary)?;
        self.disk.rename(&temporary, target).doing("rename the file to", target)
    }
}

fn named(files: &[(String, Vec<u8>)]) -> Result<Vec<merge::NamedSession>, StoreError> {
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    Ok(merge::sessions(&files)?)
}
