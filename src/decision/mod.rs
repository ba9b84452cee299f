//! What a person said is matched with what was shown.
//!
//! In: the plan, its facts, what policy says of each change, and what the log holds. Out: the digest of a change, the
//! session as a state machine, the state of every change at the gate, and the exit code. This room is pure: it never
//! reads a clock, a file, the environment or a terminal, and it never decides in a person's place.
//!
//! In reading order: [`fields`] and [`digest`] say what exactly is approved; [`case`] names what is asked of the rooms
//! below; [`bars`] says who may never approve; `record`, [`approval`], `reject` and [`matching`] say what counts of
//! the decisions in the log; [`risk`] and `likeness` order and group the questions; [`session`] asks them;
//! `soundness`, [`since`] and [`gate`] judge the result, [`overlap`] two plans beside each other; [`exit`] is the number that the
//! process ends with; [`translate`] and `recall` put what policy and the log say into this room's words; [`lint`] compares the trust
//! files that all of it rests on.

pub mod approval;
pub mod bars;
pub mod bulk_key;
pub mod case;
pub mod digest;
pub mod exit;
pub mod fields;
pub mod gate;
pub(crate) mod judge;
pub(crate) mod lint;
pub mod matching;
pub mod overlap;
pub mod recheck;
pub(crate) mod recorded;
pub mod risk;
pub mod session;
pub mod since;
pub mod translate;

#[cfg(test)]
mod sample;
