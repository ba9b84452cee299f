//! What an importer is: it recognises the exports of one system and reads them to a snapshot.
//!
//! To add one, implement [`Importer`] in a folder of its own and add a line to the table in `registry.rs`. The registry
//! unpacks the files, refuses error messages and pages of longer lists, chooses the importer, decides on `taken_at`, and
//! checks the target, so that an importer only reads complete UTF-8 text.

use std::collections::BTreeMap;

use crate::input::finding::Finding;
use crate::input::time::Time;
use crate::snapshot::model::Snapshot;

use super::probe::Probe;

/// The result of an import.
#[derive(Clone, Debug)]
pub struct Import {
    /// The entitlements of the system, sorted by name: the order of files does not matter.
    pub snapshot: Snapshot,
    /// What was notable; nothing of severity `error`.
    pub findings: Vec<Finding>,
    /// How many of each kind were read; see the importer's own page.
    pub counts: BTreeMap<&'static str, usize>,
}

/// How much a file looks like an export of a system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recognition {
    /// It is one.
    Yes,
    /// It has something of one, and lacks this.
    Near(&'static str),
    /// It is none.
    No,
}

/// An importer: reads the exports of one system.
pub trait Importer: Sync {
    /// The system, as `source` of a snapshot and as argument of `review snapshot import`.
    fn system(&self) -> &'static str;

    /// The commands that write its exports.
    fn commands(&self) -> &'static [&'static str];

    /// The forms of the ids of identities and groups that it makes.
    fn subjects(&self) -> &'static [&'static str];

    /// Whether a file is an export of the system.
    fn recognise(&self, file: &Probe) -> Recognition;

    /// Reads the files of one import. Each is complete UTF-8 text.
    ///
    /// # Errors
    /// All faults of all files at once, if any is of severity `error`.
    fn read(&self, files: &[(&str, &[u8])], taken_at: Time) -> Result<Import, Vec<Finding>>;

    /// When the export was taken, if the file states it.
    fn taken_at(&self, _file: &Probe) -> Option<Time> {
        None
    }

    /// Why the file may lack access without showing it, if it may. The user can state that it does not.
    fn may_lack(&self, _file: &Probe) -> Option<&'static str> {
        None
    }

    /// Whether the modification time of the files may stand in for a missing `taken_at`. If not, the user must state it.
    fn accepts_file_time(&self) -> bool {
        false
    }

    /// How to export all of a list of which the file is one page.
    fn pages_help(&self) -> &'static str {
        "export all pages of the list"
    }

    /// What to do if the export does not contain its target.
    fn target_help(&self) -> &'static str {
        "name the system with `--target`"
    }

    /// The query that a client of the system runs to write the export, for `review snapshot query`.
    fn query(&self) -> Option<&'static str> {
        None
    }
}
