//! What reading a document needs: a node with its place, and where findings and counts go.

use std::sync::Arc;

use crate::input::finding::{Code, Finding, Severity};
use crate::input::intern::shared;
use crate::input::time::Time;
use crate::snapshot::check::is_plain;
use crate::snapshot::import::notes::{Notes, Spot};
use crate::snapshot::place::Step;
use crate::snapshot::tree::Node;

/// How many of each were read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub statements: usize,
    pub conditions: usize,
    pub denies: usize,
    pub not_actions: usize,
    pub never: usize,
}

/// What reading a document needs.
pub(super) struct Reading<'a> {
    pub notes: &'a mut Notes,
    pub taken_at: Time,
    pub tally: Tally,
}

/// A node and the way to it.
#[derive(Clone, Debug)]
pub(super) struct Here<'n> {
    pub node: &'n Node,
    pub spot: Spot,
}

impl<'n> Here<'n> {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<Here<'n>> {
        let node = self.node.get(key)?;
        Some(Here { node, spot: self.below(Step::Key(key.to_owned().into()), node) })
    }

    /// The elements of a list; of anything else itself.
    pub fn each(&self) -> Vec<Here<'n>> {
        let Some(list) = self.node.list() else { return vec![self.clone()] };
        list.iter().enumerate().map(|(n, node)| Here { node, spot: self.below(Step::At(n), node) }).collect()
    }

    /// The elements of the list under a key; none if it is missing.
    pub fn list(&self, key: &str) -> Vec<Here<'n>> {
        self.get(key).map(|here| here.each()).unwrap_or_default()
    }

    /// The string under a key.
    pub fn text(&self, key: &str) -> Option<Arc<str>> {
        self.node.get(key).and_then(Node::text).cloned()
    }

    fn below(&self, step: Step, node: &Node) -> Spot {
        // A tree that came out of text within the export has no places of its own.
        if self.spot.line > 0 && node.line == 0 {
            return self.spot.clone();
        }
        let mut spot = self.spot.clone();
        spot.path.push(step);
        (spot.line, spot.column) = (node.line, node.column);
        spot
    }
}

impl Reading<'_> {
    /// Strings, one or a list.
    pub fn strings(&mut self, here: &Here<'_>, field: &str, of: &str) -> Vec<Arc<str>> {
        let mut out = Vec::new();
        for item in here.each() {
            match item.node.text() {
                Some(text) if is_plain(text) => out.push(shared(text)),
                Some(text) => {
                    let message = format!("`{text}` in `{field}` of {of} holds a hidden character");
                    self.refuse(Code::HiddenCharacter, message, &item.spot);
                }
                None => self.refuse(
                    Code::WrongType,
                    format!("`{field}` of {of} contains a value that is not a string"),
                    &item.spot,
                ),
            }
        }
        out
    }

    /// Reports a fault that makes the import fail.
    pub fn refuse(&mut self, code: Code, message: String, spot: &Spot) {
        let finding = Finding::new(code, message).weighing(Severity::Error);
        self.notes.at(finding.help("export it again with `aws iam get-account-authorization-details`"), spot);
    }
}
