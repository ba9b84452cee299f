//! Policy: what Cedar says of each change, each step and each approver. The only room that names `cedar_policy`.
//!
//! In: the bytes of policy and schema files, facts from `access`, plain data about people, parameters and proof. Out:
//! outcomes with the policies that determined them, steps that are needed, steps that a person may take, and the
//! questions with their entities, exact enough to decide again. It parses bytes and loads nothing; it reads no clock.
//!
//! Reading order: [`pack`] loads policies; `matter` is what a question is about; `entities` puts it to Cedar; [`case`]
//! asks and records; [`hit`] is a policy that denies or warns; [`mod@outcome`] judges changes and plans; [`approval`]
//! judges persons; [`replay`] decides again.
//!
//! Laws: "needs a person" is never a permit. A policy that fails to evaluate denies, unless it is advisory. What a
//! policy cannot be asked about is denied.

pub mod approval;
mod bars;
pub mod case;
pub(crate) mod enforcement;
mod entities;
mod explain;
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
pub use crate::policy::enforcement::Enforcement;
pub use crate::policy::entities::names::outside as entity_name;
pub use crate::policy::hit::{PolicyHit, Why};
pub use crate::policy::input::{
    Appointed, EarlierReject, History, KeyFacts, PeopleView, PersonView, PolicyInput, PolicyParameters, Proof, TaskView,
};
pub use crate::policy::outcome::{Judged, Outcome, PlanJudged, outcome, submit};
pub use crate::policy::pack::Pack;
pub use crate::policy::policy_file::{Annotations, PolicyFile};
pub use crate::policy::steps::StepName;

#[cfg(test)]
mod tests;
