//! Effective access: what each subject holds, which identities it can act as, and the access that results, before and
//! after changes.
//!
//! The state (`state`) is a snapshot with an overlay of changes. Holdings, edges and active trusts are computed per
//! subject on demand and cached in the `memo`, so the cost follows the subjects that a plan affects, not the size of
//! the snapshot.

pub(crate) mod affected;
pub(crate) mod assume_closure;
pub(crate) mod assume_edges;
pub(crate) mod baselines;
pub(crate) mod boundaries;
pub(crate) mod conditions;
pub(crate) mod difference;
pub(crate) mod direct_holdings;
pub(crate) mod edge;
pub(crate) mod flatten_role;
pub(crate) mod grant;
pub(crate) mod grants;
pub(crate) mod held_access;
pub(crate) mod holdings;
pub(crate) mod live_trusts;
pub(crate) mod memo;
pub(crate) mod policy_variables;
pub(crate) mod reachable;
pub(crate) mod role;
pub(crate) mod state;
pub(crate) mod superusers;
pub(crate) mod trust_fixpoint;
