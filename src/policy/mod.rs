//! Policy: the Cedar evaluation of each change, each step and each approver. The only module that uses `cedar_policy`.
//!
//! Computes, from the bytes of policy and schema files, facts from `access`, and plain data about people, parameters
//! and proof, the outcomes with the policies that determined them, the needed steps, the steps that a person may fill,
//! and the queries with their entities, exact enough to replay. Parses bytes, but does not read files or the clock.
//!
//! Reading order: [`pack`] loads policies; `input` is the input of a query; `entities` builds the Cedar entities;
//! [`case`] evaluates and records; [`hit`] is a policy that denies or warns; `conditions` explains which conditions hold;
//! [`mod@outcome`] judges changes and plans; [`approval`] judges persons; [`freezing`] judges who may freeze; [`replay`]
//! evaluates recorded cases again.
//!
//! Laws: "needs a person" is never a permit. A policy that fails to evaluate denies, unless it is advisory. A query
//! that is not possible is a denial.

pub mod approval;
mod bars;
pub mod case;
mod conditions;
pub(crate) mod enforcement;
mod entities;
mod explain;
pub mod freezing;
pub mod hit;
pub mod input;
mod limits;
pub mod literals;
mod named;
pub mod outcome;
pub mod pack;
mod parse;
pub(crate) mod policy_file;
pub mod replay;
mod shipped;
mod steps;

pub use crate::policy::approval::{Barred, Permitted, may_approve, may_override};
pub use crate::policy::bars::AutoBar;
pub use crate::policy::case::Case;
pub use crate::policy::conditions::{ConditionPart, ExplainedCondition, ExplainedPolicy, conditions};
pub use crate::policy::enforcement::Enforcement;
pub use crate::policy::entities::names::outside as entity_name;
pub use crate::policy::freezing::{FreezeAction, MayFreeze, may_freeze, may_override_freeze};
pub use crate::policy::hit::{PolicyHit, Why};
pub use crate::policy::input::{
    Appointed, EarlierReject, FreezeInput, History, KeyFacts, KnownIdentity, PeopleView, PersonView, PolicyInput,
    PolicyParameters, Proof, TaskView,
};
pub use crate::policy::outcome::{Judged, Outcome, PlanJudged, outcome, submit};
pub use crate::policy::pack::Pack;
pub use crate::policy::policy_file::{Annotations, PolicyFile};
pub use crate::policy::steps::StepName;

#[cfg(test)]
mod tests;
