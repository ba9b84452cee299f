//! What a state caches, per subject and role. Entries are computed on demand and never invalidated: a state does not
//! change.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use crate::access::effective::edge::Edges;
use crate::access::effective::grant::Grants;
use crate::access::effective::holdings::DirectHoldings;
use crate::access::effective::reachable::Reachable;
use crate::access::effective::role::ResolvedRole;
use crate::access::graph::provenance::{Expiry, Validity};
use crate::access::graph::trust_rules::Rules;
use crate::input::id::{ResourceId, RoleId, Subject};
use crate::input::text::Text;
use crate::snapshot::model::Limit;

/// What has been worked out of a state so far.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    /// What the variables of escalation paths may stand for, by path and name.
    pub(crate) objects: BTreeMap<(Text, String), Rc<BTreeSet<Text>>>,
    /// Who holds all that some escalation path asks for, and whether there is too much to look at to tell.
    pub(crate) candidates_for_paths: Option<Rc<BTreeSet<Subject>>>,
    pub(crate) too_many_candidates: bool,
    pub(crate) own: BTreeMap<Subject, Rc<DirectHoldings>>,
    pub(crate) edges: BTreeMap<Subject, Rc<Edges>>,
    /// Which trusts are live, by holder.
    pub(crate) live_trusts: TrustStatus,
    pub(crate) edge_diffs: BTreeMap<Subject, Rc<EdgeDiff>>,
    pub(crate) rows: BTreeMap<Subject, IncrementalClosure>,
    pub(crate) made_rules: Option<Rc<Rules>>,
    pub(crate) given: BTreeMap<Subject, Rc<Grants>>,
    pub(crate) resolved_roles: BTreeMap<RoleId, Rc<ResolvedRole>>,
    /// Roles with policy variables filled, by holder.
    pub(crate) personal: BTreeMap<(Subject, RoleId), Rc<ResolvedRole>>,
    /// Roles less what limits take, by role, limits and, where a variable is among them, holder.
    pub(crate) limited: BTreeMap<LimitedBy, Rc<ResolvedRole>>,
    pub(crate) holders: Option<Rc<Holders>>,
    pub(crate) administrators: Superusers,
    pub(crate) rule_behind: BTreeMap<(usize, Option<ResourceId>), Rc<BTreeSet<Subject>>>,
    /// How many entries `rows` and `given` hold, and how many were ever worked out.
    pub(crate) kept: usize,
    pub(crate) made: u64,
}

impl Memo {
    /// Makes room for so many entries more of rows and gifts.
    pub(crate) fn make_room(&mut self, entries: usize) {
        self.made = self.made.saturating_add(u64::try_from(entries).unwrap_or(u64::MAX));
        self.kept = self.kept.saturating_add(entries);
        if self.kept > MAX_KEPT {
            self.rows.clear();
            self.given.clear();
            self.kept = entries;
        }
    }
}

/// Entries of rows and gifts that a state keeps; beyond, it lets go of all of them and works them out again when asked.
pub(crate) const MAX_KEPT: usize = 2_000_000;

/// A role, what limits it, and for whom, if that matters.
pub(crate) type LimitedBy = (RoleId, Vec<Limit>, Option<Subject>);

/// For each class of trust rules, who may make one of them hold, by scope.
pub(crate) type Holders = Vec<BTreeMap<Option<ResourceId>, BTreeSet<Subject>>>;

/// How what each edge of a subject asks for is held, in the order of the edges; an edge that asks for nothing has none.
#[derive(Debug, Default)]
pub(crate) struct LiveTrusts {
    /// `TrustBasis` the subject itself.
    pub(crate) own: Rc<[Validity]>,
    /// `TrustBasis` whomever it can act as.
    pub(crate) all: Rc<[Validity]>,
}

/// What a state knows of its trusts, and what that cost.
#[derive(Debug, Default)]
pub(crate) struct TrustStatus {
    pub(crate) by: BTreeMap<Subject, LiveTrusts>,
    /// Whose edges, and what they ask for, are as in the state below.
    pub(crate) same_as_base: BTreeMap<Subject, bool>,
    /// How much was looked at, and how much may be; without a bound: all.
    pub(crate) work: u64,
    pub(crate) most: Option<u64>,
}

/// Which of these a walk goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TrustBasis {
    Own,
    All,
}

/// In force, and also by activation: until when.
pub(crate) type Expiries = (Option<Expiry>, Option<Expiry>);

/// A row that an overlay leaves as it was, but for those that are reached for longer, or that were not reached.
#[derive(Clone, Debug)]
pub(crate) struct IncrementalClosure {
    pub(crate) row: Rc<Reachable>,
    /// Who is reached for longer, sorted; none: it is not known who, and all may differ.
    pub(crate) by: Option<Rc<BTreeSet<Subject>>>,
}

/// How the edges of a subject differ from those of the state below.
#[derive(Debug)]
pub(crate) struct EdgeDiff {
    /// Whom an edge led to that is gone or ends earlier.
    pub(crate) lost: BTreeSet<Subject>,
    /// What is new or lasts longer.
    pub(crate) more: Edges,
}

/// Who was found to be an administrator, and who not.
#[derive(Debug, Default)]
pub(crate) struct Superusers {
    /// `TrustBasis` subject: whether it is one and, where it is by acting as another, as whom it acts next.
    pub(crate) known: HashMap<Subject, SuperuserStatus>,
    /// `TrustBasis` the address of a list: one of it who is an administrator, or how many were known when there was none. INVARIANT: the
    /// index keeps lists, and their addresses.
    pub(crate) lists: BTreeMap<usize, Result<Subject, usize>>,
    /// How many are known.
    pub(crate) found: usize,
    /// Whose way below is left as it was, and whose is not.
    pub(crate) leads: HashMap<Subject, bool>,
    /// How many were looked at so far.
    pub(crate) looked: u64,
}

#[derive(Clone, Debug)]
pub(crate) enum SuperuserStatus {
    Itself,
    By(Subject),
    No,
}
