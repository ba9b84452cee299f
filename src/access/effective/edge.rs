//! Edges of the act-as graph: the trusts by which a subject can act as another.

use std::sync::Arc;

use crate::access::graph::provenance::Validity;
use crate::input::entitlement::Requirement;
use crate::input::id::{Subject, TrustId};

/// That a subject can act as another.
#[derive(Clone, Debug)]
pub(crate) struct Edge {
    pub(crate) to: Subject,
    /// From the subject, the step of acting included.
    pub(crate) way: Validity,
    /// What must be held for it, where a trust asks for something.
    pub(crate) requires: Option<Requirement>,
}

impl Edge {
    /// Whether two edges lead to the same, by the same steps in effect.
    pub(crate) fn equals(&self, other: &Self) -> bool {
        self.to == other.to && self.way.ends() == other.way.ends() && self.requires == other.requires
    }
}

/// That a subject can act as everyone of a list, by one rule.
#[derive(Clone, Debug)]
pub(crate) struct BulkEdge {
    pub(crate) to: Arc<[Subject]>,
    /// From the subject to what makes the rule hold.
    pub(crate) way: Validity,
    pub(crate) by: TrustId,
}

impl BulkEdge {
    /// By what a list is told from others.
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.to).cast::<()>().addr()
    }

    pub(crate) fn equals(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.to, &other.to) && self.way.ends() == other.way.ends()
    }
}

/// As whom a subject can act next.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edges {
    /// One by one, sorted.
    pub(crate) single: Vec<Edge>,
    /// Many at once.
    pub(crate) spread: Vec<BulkEdge>,
}

impl Edges {
    /// Whether two lead to the same, by the same steps in effect.
    pub(crate) fn equals(&self, other: &Self) -> bool {
        self.single.len() == other.single.len()
            && self.spread.len() == other.spread.len()
            && self.single.iter().zip(&other.single).all(|(a, b)| a.equals(b))
            && self.spread.iter().zip(&other.spread).all(|(a, b)| a.equals(b))
    }

    /// Those that are not in another, or lead there for longer.
    pub(crate) fn beyond(&self, other: &Self) -> Self {
        let single = |edge: &&Edge| {
            !other.single.iter().any(|o| o.to == edge.to && o.requires == edge.requires && o.way.reaches(&edge.way))
        };
        let spread = |s: &&BulkEdge| !other.spread.iter().any(|o| Arc::ptr_eq(&o.to, &s.to) && o.way.reaches(&s.way));
        Self {
            single: self.single.iter().filter(single).cloned().collect(),
            spread: self.spread.iter().filter(spread).cloned().collect(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.single.is_empty() && self.spread.is_empty()
    }

    pub(crate) fn targets(&self) -> impl Iterator<Item = &Subject> {
        self.single.iter().map(|edge| &edge.to).chain(self.spread.iter().flat_map(|s| s.to.iter()))
    }
}
