//! What a change or a plan leads to: emergent access, escalation paths, conflicts, removals, and access that is kept.

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
    /// The scope; none for `gives` and `takes`: everywhere, or unknown.
    pub scope: Option<Text>,
    /// For `lasts`: the expiry; none: no expiry.
    pub until: Option<Time>,
}

/// A mass removal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemovalReport {
    /// Its kind: `approver`, `last-holder`, `everything`, `holders`.
    pub kind: &'static str,
    /// The removal, as one clause.
    pub summary: Text,
    /// How many lose it.
    pub taken: u64,
    /// How many have it before.
    pub of: u64,
    /// The changes that remove or redefine access.
    pub changes: Vec<ChangeId>,
    /// Changes of other plans that count towards it.
    pub with: Vec<ChangeId>,
}

/// Something before and after, line by line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alteration {
    /// What it is: `assignment`, `role`, …, with its name.
    pub what: Text,
    /// Its lines before; empty: it is made.
    pub before: Vec<Text>,
    /// Its lines after; empty: it is taken.
    pub after: Vec<Text>,
}

/// What the whole plan gives and no single change gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmergentReport {
    /// What it is, one sentence.
    pub sentence: Sentence,
    /// The kind of piece: `access`, `escalation`, `sod`.
    pub kind: &'static str,
    /// Whether it would only be eligible.
    pub eligible: bool,
    /// Sets of changes that each give it.
    pub sets: Vec<Vec<ChangeId>>,
    /// Every change that is in a set, or was not shown to be outside one.
    pub members: Vec<ChangeId>,
    /// Whether all sets were found.
    pub complete: bool,
    /// Changes of other plans, approved and not shown by the snapshot yet, that it takes as well.
    pub with: Vec<ChangeId>,
    /// The changes that cost least to drop so that it does not come about.
    pub drop: Vec<ChangeId>,
    /// Why it is privileged, if it is.
    pub privileged: Option<Text>,
    /// The ways that give it.
    pub ways: Vec<Sentence>,
    /// How many pieces more it stands for.
    pub others: u64,
    /// Its hash: what a decision records.
    pub digest: Digest<of::Piece>,
}

impl EmergentReport {
    /// Whether it makes the changes privileged that give it, or brings together what must be apart.
    #[must_use]
    pub fn is_grave(&self) -> bool {
        self.kind != "access" || self.privileged.is_some()
    }
}

/// A completed escalation path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EscalationReport {
    /// Its id in the data.
    pub id: Text,
    /// Who, and what it leads to, one sentence.
    pub sentence: Sentence,
    /// Who completes it.
    pub subject: Text,
    /// False: "possible", nothing to bind a variable to.
    pub complete: bool,
    /// How each requirement is held.
    pub ways: Vec<Sentence>,
}

/// What a change takes in one way and a subject still has in another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptReport {
    /// Who has it still.
    pub subject: Text,
    /// How much of it, and how, one sentence.
    pub sentence: Sentence,
    /// The path.
    pub way: Sentence,
    /// How many accesses.
    pub accesses: u64,
    /// Of how many.
    pub of: u64,
}

/// A subject for which escalation paths lead to nothing that it could not do before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlreadyReport {
    /// Who.
    pub subject: Text,
    /// The ids of the paths.
    pub paths: Vec<Text>,
    /// That it could do as much before, one sentence.
    pub sentence: Sentence,
}

/// A conflict of duties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SodReport {
    /// Its id in the data.
    pub id: Text,
    /// Who holds both, and why they must be apart, one sentence.
    pub sentence: Sentence,
    /// Who holds both.
    pub subject: Text,
    /// How both are held.
    pub ways: Vec<Sentence>,
}
