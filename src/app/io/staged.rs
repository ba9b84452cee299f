//! A file that is written next to its place first, and moved there in one step.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::app::io::streams;

/// A file that is written and not yet in its place. Left alone, it is removed again.
pub struct Staged {
    /// Its place.
    pub target: PathBuf,
    how: How,
}

enum How {
    /// Beside its place, to be moved there in one step.
    Beside(PathBuf),
    /// A pipe or a device has no place to move to.
    Straight(String),
    /// Done.
    Published,
}

impl Staged {
    /// Writes a text beside the place of a file.
    ///
    /// # Errors
    /// If there is no such place, or it cannot be written.
    pub fn write(file: &Path, text: &str) -> std::io::Result<Self> {
        // WHY: a link leads to the file that is meant; moving onto the link would leave that file as it was.
        let target = fs::canonicalize(file).unwrap_or_else(|_| file.to_path_buf());
        match fs::metadata(&target) {
            Ok(meta) if meta.is_dir() => return Err(std::io::Error::other("it is a folder")),
            Ok(meta) if !meta.is_file() => {
                return Ok(Self { target, how: How::Straight(text.to_owned()) });
            }
            // A file that its owner made read-only stays as it is.
            Ok(_) => drop(fs::OpenOptions::new().append(true).open(&target)?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let name = target.file_name().ok_or_else(|| std::io::Error::other("it names no file"))?.to_string_lossy();
        let random = streams::random::<8>().map_err(std::io::Error::other)?;
        let beside = target.with_file_name(format!(".{name}.{:016x}.tmp", u64::from_le_bytes(random)));
        let mut open = fs::OpenOptions::new().write(true).create_new(true).open(&beside)?;
        let staged = Self { target, how: How::Beside(beside) };
        open.write_all(text.as_bytes())?;
        open.flush()?;
        Ok(staged)
    }

    /// Moves it to its place.
    ///
    /// # Errors
    /// If it cannot be moved; what was there stays.
    pub fn publish(mut self) -> std::io::Result<()> {
        match &self.how {
            How::Beside(beside) => fs::rename(beside, &self.target)?,
            How::Straight(text) => fs::OpenOptions::new().write(true).open(&self.target)?.write_all(text.as_bytes())?,
            How::Published => {}
        }
        self.how = How::Published;
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let How::Beside(beside) = &self.how {
            let _ = fs::remove_file(beside);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_published_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("out");
        drop(Staged::write(&file, "new").unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        fs::write(&file, "old").unwrap();
        let staged = Staged::write(&file, "new").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "old");
        staged.publish().unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
