//! Plans in one run that concern the same objects.

use crate::input::finding::{Code, Finding};

/// The finding about two plans that concern the same object.
#[must_use]
pub fn overlap(found: &crate::decision::overlap::Overlap) -> Finding {
    Finding::new(
        Code::PlansOverlap,
        format!(
            "change `{}` concerns the same object as `{}` of the plan `{}` (`{}`)",
            found.change.as_str(),
            found.other_change.as_str(),
            found.other_plan.as_str(),
            found.other_file
        ),
    )
    .at(&found.place)
    .help("let one plan say what shall be in the end, or close the other one first")
}
