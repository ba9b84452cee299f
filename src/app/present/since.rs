//! The differences since an approval, in words.

use crate::app::present::plan_report::targets;
use crate::report::sentence::Sentence;
use crate::report::target;

/// The differences since an approval, in words.
#[must_use]
pub fn since(what: &crate::decision::since::Since) -> Sentence {
    use crate::decision::since::Since;
    let held = |sign: &'static str, it: &crate::decision::digest::Held, eligible: &'static str| {
        Sentence::of(sign).own(" ").then(crate::report::sentence::access(&it.access)).own(eligible)
    };
    match what {
        Since::Gains(it) => held("+", it, ""),
        Since::GainsNot(it) => held("no longer +", it, ""),
        Since::GainsEligible(it) => held("+", it, " (eligible)"),
        Since::GainsEligibleNot(it) => held("no longer +", it, " (eligible)"),
        Since::Loses(it) => held("-", it, ""),
        Since::LosesNot(it) => held("no longer -", it, ""),
        Since::Field(name) => Sentence::of("another ").name(name),
        Since::Targets(was, is) => {
            let says = |records: &[_]| target::targets(&targets(records));
            Sentence::of("another target: ").then(says(is)).own(" in place of ").then(says(was))
        }
        Since::Emerges(_) => Sentence::of("+ access that several changes give together"),
    }
}
