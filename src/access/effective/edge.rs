//! Edges of the act-as graph: the trusts by which a subject can act as another.

use std::sync::Arc;

use crate::access::graph::provenance::Validity;
use crate::input::entitlement::Requirement;
use crate::input::id::{Subject, TrustId};

/// An edge to a subject that can be acted as.
#[derive(Clone, Debug)]
pub(crate) struct Edge {
    pub(crate) to: Subject,
    /// The path from the subject, including the step of acting.
    pub(crate) way: Validity,
    /// The requirement of the trust, if it has one.
    pub(crate) requires: Option<Requirement>,
}

impl Edge {
    /// Whether two edges have the same target and equivalent steps.
    pub(crate) fn equals(&self, other: &Self) -> bool {
        self.to == other.to && self.way.ends() == other.way.ends() && self.requires == other.requires
    }
}

/// An edge to every subject of a list, by one rule.
#[derive(Clone, Debug)]
pub(crate) struct BulkEdge {
    pub(crate) to: Arc<[Subject]>,
    /// The path from the subject to the grant that satisfies the rule.
    pub(crate) way: Validity,
    pub(crate) by: TrustId,
}

impl BulkEdge {
    /// The address of the list, which identifies it.
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.to).cast::<()>().addr()
    }

    pub(crate) fn equals(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.to, &other.to) && self.way.ends() == other.way.ends()
    }
}

/// The outgoing edges of a subject.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edges {
    /// Edges to single targets, sorted.
    pub(crate) single: Vec<Edge>,
    /// Edges to lists.
    pub(crate) spread: Vec<BulkEdge>,
}

impl Edges {
    /// Whether two sets of edges have the same targets and equivalent steps.
    pub(crate) fn equals(&self, other: &Self) -> bool {
        self.single.len() == other.single.len()
            && self.spread.len() == other.spread.len()
            && self.single.iter().zip(&other.single).all(|(a, b)| a.equals(b))
            && self.spread.iter().zip(&other.spread).all(|(a, b)| a.equals(b))
    }

    /// The edges that another set lacks or has with an earlier expiry.
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
