//! Plans in one run that concern the same objects.

use crate::input::finding::{Code, Finding};

/// The finding about two plans that concern the same object.
#[must_use]
pub fn overlap(found: &crate::decision::overlap::Overlap) -> Finding {
    Finding::new(
        Code::PlansOverlap,
        format!(
            "change `{}` affects the same object as `{}` of the plan `{}` (`{}`)",
            found.change.as_str(),
            found.other_change.as_str(),
            found.other_plan.as_str(),
            found.other_file
        ),
    )
    .at(&found.place)
    .help("let one plan describe the end state, or close the other plan first")
}
