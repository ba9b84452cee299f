//! Across plans: what this plan gives together with what other plans were approved for and the snapshot does not show yet.
//!
//! In: the question with those other changes, and the outcomes of this plan's own. Out: pieces that need a change of this
//! plan and one of another, with the changes of both. What takes access away is not counted on: it may never be done.
//! Never says anything about what other plans give by themselves: that was decided.

use std::collections::BTreeSet;

use crate::access::analyse::{Question, lay, search};
use crate::access::apply::latest_end;
use crate::access::effects::{Bench, Outcome};
use crate::access::emergent::{candidates, digest};
use crate::access::facts::Emergent;
use crate::access::resolve::resolve;
use crate::access::view::View;
use crate::input::entitlement::Effect;
use crate::input::finding::{Code, Finding};
use crate::input::id::{ChangeId, PlanId};
use crate::input::place::Placed;
use crate::input::time::Time;
use crate::plan::model::{Action, Change, Lifetime, Plan};

/// A change of another plan that was approved, or passed as low risk.
#[derive(Clone, Debug)]
pub struct Approved {
    /// That plan.
    pub plan: PlanId,
    /// When it was approved.
    pub at: Time,
    /// When that plan is void: access by `ttl` lasts at most so much longer.
    pub expires: Time,
    /// The change.
    pub change: Change,
}

/// The most changes of other plans that are looked at, the latest first.
const MOST: usize = 64;

impl Approved {
    /// The change as one of a plan of its own, if it may give access that has not ended: named after its plan, with a fixed
    /// end.
    fn held(&self, index: &crate::access::Index<'_>, now: Time) -> Option<Change> {
        let mut change = self.change.clone();
        let fix = |lifetime: &mut Option<Placed<Lifetime>>| {
            let Some(it) = lifetime else { return true };
            let end = latest_end(it.value, self.expires);
            it.value = Lifetime::Until(end);
            end > now
        };
        let gives = match &mut change.action {
            Action::Grant(a) => fix(&mut a.lifetime),
            Action::Adjust(a) => {
                let mut given = a.clone();
                given.assignment = None;
                let lasts = fix(&mut given.lifetime);
                change.action = Action::Grant(given);
                lasts
            }
            Action::IssueCredential(c) => fix(&mut c.lifetime),
            Action::RotateCredential(_, to, lifetime) => to.is_some() && fix(lifetime),
            Action::AddPermission(_, permission) => permission.value.effect == Effect::Allow,
            Action::RemovePermission(_, permission) => permission.value.effect == Effect::Deny,
            Action::SetRole(d) => {
                // WHY: what the new definition takes may never be taken; what both give counts.
                if let Some(known) = index.role(d.role.value.as_str()) {
                    let place = d.role.place.clone();
                    let placed = |p: &crate::input::entitlement::Permission| Placed::new(p.clone(), place.clone());
                    d.permissions.extend(known.permissions.iter().map(placed));
                    d.includes.extend(known.includes.iter().map(|i| Placed::new(i.clone(), place.clone())));
                }
                true
            }
            Action::CreateRole(_)
            | Action::AddInclude(..)
            | Action::CreateGroup(..)
            | Action::CreateIdentity(..)
            | Action::CreateResource(..)
            | Action::AddTrust(_) => true,
            Action::Revoke(_)
            | Action::DeleteRole(_)
            | Action::RemoveInclude(..)
            | Action::DeleteGroup(_)
            | Action::DisableIdentity(_)
            | Action::DeleteIdentity(_)
            | Action::SetOwner(..)
            | Action::DeleteResource(_)
            | Action::RemoveTrust(_)
            | Action::RevokeCredential(_)
            | Action::SuppressFinding(_) => false,
        };
        change.id.value = ChangeId::new(format!("{}/{}", self.plan.as_str(), change.id.value.as_str()));
        change.claims.clear();
        gives.then_some(change)
    }
}

/// What only this plan and others together give, sorted by digest, and what is to be said of the search.
pub(super) fn across(
    q: &Question<'_, '_>,
    plain: &View<'_, '_>,
    bench: &Bench<'_>,
    own: &[&Outcome],
    known: &[Emergent],
) -> (Vec<Emergent>, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut approved: Vec<_> = q.approved.iter().filter(|a| a.plan != q.plan.id.value).collect();
    approved.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.plan.cmp(&b.plan)));
    let held: Vec<Change> = approved.iter().filter_map(|a| a.held(q.index, q.now)).collect();
    let mut together = q.plan.clone();
    if let Some(only) = q.only {
        together.changes.retain(|c| only.contains(&c.id.value));
    }
    let mine = together.changes.len();
    let mut left_out = 0_usize;
    for change in held {
        if together.changes.len().saturating_sub(mine) >= MOST {
            left_out += 1;
            continue;
        }
        together.changes.push(change);
        // What the snapshot shows already, and what this plan does anew, is no companion.
        if resolve(&together, q.index, None).is_err() {
            together.changes.pop();
        }
    }
    if left_out > 0 {
        let message = format!("{left_out} changes that other plans were approved for are not looked at: too many");
        findings.push(Finding::new(Code::SetsIncomplete, message).mend("apply them, and export the snapshot anew"));
    }
    if together.changes.len() == mine {
        return (Vec::new(), findings);
    }
    let found = companions(q, plain, bench, own, known, &together, mine);
    if !found.is_empty() {
        let with: BTreeSet<&str> = found.iter().flat_map(|e| &e.with).map(ChangeId::as_str).collect();
        let named: Vec<String> = with.iter().take(4).map(|id| format!("`{id}`")).collect();
        let more = with.len().saturating_sub(named.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let message = format!(
            "with what was approved as {}{more}, which the snapshot does not show yet, this plan gives {} that neither \
             gives alone",
            named.join(", "),
            if found.len() == 1 { "something".to_owned() } else { format!("{} things", found.len()) },
        );
        findings.push(
            Finding::new(Code::EmergentAccess, message)
                .at(&q.plan.place)
                .mend("look at these changes together; drop one of them, or wait until the others have ended"),
        );
    }
    (found, findings)
}

fn companions(
    q: &Question<'_, '_>,
    plain: &View<'_, '_>,
    bench: &Bench<'_>,
    own: &[&Outcome],
    known: &[Emergent],
    together: &Plan,
    mine: usize,
) -> Vec<Emergent> {
    let Ok(steps) = resolve(together, q.index, None) else { return Vec::new() };
    let lay = |set: &BTreeSet<usize>| lay(q, plain, &steps, set);
    let others: Vec<Outcome> = (mine..steps.len())
        .filter_map(|at| {
            let before = &steps.get(at)?.depends_on;
            let mut with = before.clone();
            with.insert(at);
            let after = lay(&with);
            Some(if before.is_empty() { bench.outcome(plain, &after) } else { bench.outcome(&lay(before), &after) })
        })
        .collect();
    let alone: Vec<&Outcome> = own.iter().copied().chain(&others).collect();
    let whole_view = lay(&(0..steps.len()).collect());
    let whole = bench.outcome(plain, &whole_view);
    let told: BTreeSet<_> = known.iter().map(|e| e.digest).collect();
    let fresh = candidates(&whole, &alone, &whole_view);
    let fresh: Vec<_> = fresh.into_iter().filter(|(what, eligible)| !told.contains(&digest(what, *eligible))).collect();
    if fresh.is_empty() {
        return Vec::new();
    }
    let names: BTreeSet<&ChangeId> = steps.iter().take(mine).map(|s| &s.change.id.value).collect();
    let mut search = search(q, plain, &steps, &whole_view, &alone, &lay);
    let mut found: Vec<Emergent> =
        fresh.into_iter().map(|(what, eligible)| search.responsible(what, eligible)).collect();
    found.retain_mut(|e| {
        let both = |set: &BTreeSet<ChangeId>| {
            set.iter().any(|id| names.contains(id)) && set.iter().any(|id| !names.contains(id))
        };
        e.sets.retain(both);
        if e.complete {
            e.members = e.sets.iter().flatten().cloned().collect();
        }
        let (here, there) = std::mem::take(&mut e.members).into_iter().partition(|id| names.contains(id));
        (e.members, e.with) = (here, there);
        !e.members.is_empty() && !e.with.is_empty()
    });
    found.sort_by_key(|e| e.digest);
    found
}
