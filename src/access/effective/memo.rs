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

/// The cached results of a state.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    /// The objects that the variables of escalation paths can match, by path and variable.
    pub(crate) objects: BTreeMap<(Text, String), Rc<BTreeSet<Text>>>,
    /// The subjects that have everything some escalation path requires, and whether the budget was exceeded.
    pub(crate) candidates_for_paths: Option<Rc<BTreeSet<Subject>>>,
    pub(crate) too_many_candidates: bool,
    pub(crate) own: BTreeMap<Subject, Rc<DirectHoldings>>,
    pub(crate) edges: BTreeMap<Subject, Rc<Edges>>,
    /// The active trusts, by holder.
    pub(crate) live_trusts: TrustStatus,
    pub(crate) edge_diffs: BTreeMap<Subject, Rc<EdgeDiff>>,
    pub(crate) rows: BTreeMap<Subject, IncrementalClosure>,
    pub(crate) made_rules: Option<Rc<Rules>>,
    pub(crate) given: BTreeMap<Subject, Rc<Grants>>,
    pub(crate) resolved_roles: BTreeMap<RoleId, Rc<ResolvedRole>>,
    /// Roles with their policy variables replaced, by holder.
    pub(crate) personal: BTreeMap<(Subject, RoleId), Rc<ResolvedRole>>,
    /// Roles narrowed by boundaries: by role, boundaries and, if a variable is among them, holder.
    pub(crate) limited: BTreeMap<LimitedBy, Rc<ResolvedRole>>,
    pub(crate) holders: Option<Rc<Holders>>,
    pub(crate) administrators: Superusers,
    pub(crate) rule_behind: BTreeMap<(usize, Option<ResourceId>), Rc<BTreeSet<Subject>>>,
    /// The number of entries that `rows` and `given` have now, and the number ever computed.
    pub(crate) kept: usize,
    pub(crate) made: u64,
}

impl Memo {
    /// Makes room for this many further entries of closures and grants.
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

/// Cache limit. When it is exceeded the whole cache is cleared and entries are recomputed on demand.
pub(crate) const MAX_KEPT: usize = 2_000_000;

/// A role, its boundaries, and the holder if the result depends on it.
pub(crate) type LimitedBy = (RoleId, Vec<Limit>, Option<Subject>);

/// For each class of trust rules: the subjects whose roles can satisfy a rule of that class, keyed by scope.
pub(crate) type Holders = Vec<BTreeMap<Option<ResourceId>, BTreeSet<Subject>>>;

/// How the requirement of each edge of a subject is satisfied, in the order of the edges. An edge without a requirement
/// has no entry.
#[derive(Debug, Default)]
pub(crate) struct LiveTrusts {
    /// Through the subject's own holdings.
    pub(crate) own: Rc<[Validity]>,
    /// Through any identity it can act as.
    pub(crate) all: Rc<[Validity]>,
}

/// The known trusts of a state, and the work to compute them.
#[derive(Debug, Default)]
pub(crate) struct TrustStatus {
    pub(crate) by: BTreeMap<Subject, LiveTrusts>,
    /// Whether the edges of a subject, and how their requirements are satisfied, are as in the state below.
    pub(crate) same_as_base: BTreeMap<Subject, bool>,
    /// The work done, and the budget; `None`: unlimited.
    pub(crate) work: u64,
    pub(crate) most: Option<u64>,
}

/// Which of the two bases a walk uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TrustBasis {
    Own,
    All,
}

/// The expiry in force, and the expiry including activation.
pub(crate) type Expiries = (Option<Expiry>, Option<Expiry>);

/// A closure with the known differences from that of the state below.
#[derive(Clone, Debug)]
pub(crate) struct IncrementalClosure {
    pub(crate) row: Rc<Reachable>,
    /// The subjects reached for longer or newly, sorted; `None`: unknown, any may differ.
    pub(crate) by: Option<Rc<BTreeSet<Subject>>>,
}

/// The differences between the edges of a subject and those in the state below.
#[derive(Debug)]
pub(crate) struct EdgeDiff {
    /// The targets of edges that are gone or expire earlier.
    pub(crate) lost: BTreeSet<Subject>,
    /// Edges that are new or last longer.
    pub(crate) more: Edges,
}

/// The subjects found to be superusers, and those found not to be.
#[derive(Debug, Default)]
pub(crate) struct Superusers {
    /// By subject: whether it is one and, if through another identity, which one it acts as next.
    pub(crate) known: HashMap<Subject, SuperuserStatus>,
    /// Per target list (keyed by pointer): a known superuser in it, or the size of the superuser set when it was last
    /// scanned without success. INVARIANT: the index keeps lists, and their addresses.
    pub(crate) lists: BTreeMap<usize, Result<Subject, usize>>,
    /// The number of known superusers.
    pub(crate) found: usize,
    /// Whether the path of a subject in the state below is unchanged.
    pub(crate) leads: HashMap<Subject, bool>,
    /// The number of subjects inspected so far.
    pub(crate) looked: u64,
}

#[derive(Clone, Debug)]
pub(crate) enum SuperuserStatus {
    Itself,
    By(Subject),
    No,
}
