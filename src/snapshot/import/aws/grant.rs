//! Statements become permissions.
//!
//! In: statements. Out: one permission for each action and resource; `NotAction` and `NotResource` as exceptions. Never
//! more than a budget allows: a policy that multiplies is refused.
//!
//! Source: AWS, IAM reference, "IAM JSON policy elements: `NotAction`", "`NotResource`".

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::input::entitlement::{Effect, Except, Permission};
use crate::input::text::Text;

use super::policy::{Named, Statement};

/// The most permissions that one import makes.
pub(super) const MAX_PERMISSIONS: usize = 2_000_000;

/// The permissions of a statement; `mark` is a condition of its own besides the statement's.
pub(super) fn permissions(statement: &Statement, mark: Option<&str>) -> Vec<Permission> {
    let any: [Arc<str>; 1] = ["*".into()];
    let (actions, actions_out) = split(&statement.actions, &any);
    let (resources, resources_out) = split(&statement.resources, &any);
    let mut except: BTreeSet<Except> = BTreeSet::new();
    let pattern = |text: &Arc<str>| Text::new(Arc::clone(text));
    except.extend(actions_out.iter().map(|a| Except { action: pattern(a), resource: "*".into() }));
    except.extend(
        resources_out.iter().chain(&statement.left_out).map(|r| Except { action: "*".into(), resource: pattern(r) }),
    );
    let except: Vec<Except> = except.into_iter().collect();
    let condition = match (&statement.condition, mark) {
        (Some(condition), Some(mark)) => Some(Text::from(format!("{mark} and {}", condition.raw()))),
        (condition, mark) => condition.clone().or_else(|| mark.map(Text::from)),
    };
    let effect = if statement.allow { Effect::Allow } else { Effect::Deny };
    let pairs = actions.iter().flat_map(|action| resources.iter().map(move |resource| (action, resource)));
    pairs
        .map(|(action, resource)| Permission {
            effect,
            condition: condition.clone(),
            except: except.clone(),
            ..Permission::allow(pattern(action), pattern(resource))
        })
        .collect()
}

/// What is named, and what is left out.
fn split<'s>(named: &'s Named, any: &'s [Arc<str>]) -> (&'s [Arc<str>], &'s [Arc<str>]) {
    match named {
        Named::These(list) => (list, &[]),
        Named::AllBut(list) => (any, list),
    }
}

/// How many permissions a statement makes.
pub(super) fn count(statement: &Statement) -> usize {
    let length = |named: &Named| match named {
        Named::These(list) => list.len(),
        Named::AllBut(_) => 1,
    };
    length(&statement.actions).saturating_mul(length(&statement.resources))
}
