//! The consequences of a change or a plan: emergent access, escalation paths, conflicts, removals, and access that is
//! kept.

use crate::input::digest::{Digest, of};
use crate::input::id::ChangeId;
use crate::input::text::Text;
use crate::input::time::Time;
use crate::report::sentence::Sentence;

/// A part of a change that is outside its task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutsideReport {
    /// How: `gives`, `lasts`, `takes`, `no-task`, `closed`, `not-listed`, `too-large`.
    pub how: &'static str,
    /// The scope; `None` for `gives` and `takes`: everywhere, or unknown.
    pub scope: Option<Text>,
    /// For `lasts`: the expiry; `None`: no expiry.
    pub until: Option<Time>,
}

/// A mass removal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemovalReport {
    /// Its kind: `approver`, `last-holder`, `everything`, `holders`.
    pub kind: &'static str,
    /// The removal, as one clause.
    pub summary: Text,
    /// The number of subjects that lose it.
    pub taken: u64,
    /// The number of subjects that have it before.
    pub of: u64,
    /// The changes that remove or redefine access.
    pub changes: Vec<ChangeId>,
    /// Changes of other plans that count towards it.
    pub with: Vec<ChangeId>,
}

/// An object before and after, line by line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alteration {
    /// Its kind and name: `assignment`, `role`, …
    pub what: Text,
    /// Its lines before; empty: it is created.
    pub before: Vec<Text>,
    /// Its lines after; empty: it is removed.
    pub after: Vec<Text>,
}

/// A piece that the whole plan gives and no single change gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmergentReport {
    /// The piece, in one sentence.
    pub sentence: Sentence,
    /// The kind of piece: `access`, `escalation`, `sod`.
    pub kind: &'static str,
    /// Whether the access is only eligible.
    pub eligible: bool,
    /// Sets of changes that each give it.
    pub sets: Vec<Vec<ChangeId>>,
    /// Every change that is in a set, or was not proven to be outside of all.
    pub members: Vec<ChangeId>,
    /// Whether all sets were found.
    pub complete: bool,
    /// Pending changes of other plans that it needs too.
    pub with: Vec<ChangeId>,
    /// The cheapest changes to drop so that it does not come about.
    pub drop: Vec<ChangeId>,
    /// Why it is privileged, if it is.
    pub privileged: Option<Text>,
    /// The paths to it.
    pub ways: Vec<Sentence>,
    /// The number of further pieces that it represents.
    pub others: u64,
    /// The digest of the piece, which a decision records.
    pub digest: Digest<of::Piece>,
}

impl EmergentReport {
    /// Whether it makes the responsible changes privileged, or creates a separation-of-duties conflict.
    #[must_use]
    pub fn is_grave(&self) -> bool {
        self.kind != "access" || self.privileged.is_some()
    }
}

/// A completed escalation path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EscalationReport {
    /// Its id in the catalogue.
    pub id: Text,
    /// The subject and the title of the path, in one sentence.
    pub sentence: Sentence,
    /// The subject that completes it.
    pub subject: Text,
    /// If false, the path is only possible: there is no object to bind a variable to.
    pub complete: bool,
    /// How each requirement is satisfied.
    pub ways: Vec<Sentence>,
}

/// Access that a change removes by one path and a subject keeps by another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptReport {
    /// The subject.
    pub subject: Text,
    /// How much of it the subject keeps, and how, in one sentence.
    pub sentence: Sentence,
    /// The path.
    pub way: Sentence,
    /// The number of accesses kept.
    pub accesses: u64,
    /// The number of accesses removed.
    pub of: u64,
}

/// A subject to which escalation paths give nothing new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlreadyReport {
    /// The subject.
    pub subject: Text,
    /// The ids of the paths.
    pub paths: Vec<Text>,
    /// That the subject could do as much before, in one sentence.
    pub sentence: Sentence,
}

/// A separation-of-duties conflict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SodReport {
    /// Its id in the data.
    pub id: Text,
    /// The subject, and why the two sides must be separate, in one sentence.
    pub sentence: Sentence,
    /// The subject that holds both.
    pub subject: Text,
    /// The path to each side.
    pub ways: Vec<Sentence>,
}
