//! Access that only several changes give together: candidates, minimal responsible sets, and chains across plans.

pub(crate) mod across_plans;
pub(crate) mod candidates;
pub(crate) mod cheapest_drop;
pub(crate) mod interaction;
pub(crate) mod minimal_sets;
pub(crate) mod relevance;
pub(crate) mod search;
pub(crate) mod what_if;
