//! Claims: compares the assertions of a plan with the snapshot.
//!
//! Classifies each claim of a change as confirmed, contradicted or unchecked, from what was computed for the change.
//! Claims are only compared, never used as facts.

use crate::access::change::resolve::{ResolvedChange, Taken};
use crate::access::graph::index::Index;
use crate::access::model::facts::{ChangeTargets, CheckedClaim, ClaimResult};
use crate::input::id::IdentityId;
use crate::input::text::Text;
use crate::input::time::Time;
use crate::plan::model::{Action, Claim};
use crate::snapshot::model::MembersKnown;

/// The computed facts of the change.
pub(crate) struct Computed<'c> {
    pub(crate) named: &'c ChangeTargets,
    pub(crate) gains_nothing: bool,
    pub(crate) privileged: bool,
    pub(crate) task_open: Option<bool>,
}

const DAY: i64 = 86_400;

/// Checks the claims of a change.
pub(crate) fn check(index: &Index<'_>, step: &ResolvedChange<'_>, computed: &Computed<'_>) -> Vec<CheckedClaim> {
    step.change.claims.iter().map(|claim| one(index, step, computed, &claim.value)).collect()
}

fn one(index: &Index<'_>, step: &ResolvedChange<'_>, computed: &Computed<'_>, claim: &Claim) -> CheckedClaim {
    match claim {
        Claim::LastUsed(time) => {
            let found = last_used(index, step, computed.named);
            let same = |found: &Time| {
                // A bare date, parsed as midnight, matches any time of that day.
                *found == *time
                    || (time.unix() % DAY == 0 && found.unix().div_euclid(DAY) == time.unix().div_euclid(DAY))
            };
            let result = found.as_ref().map_or(ClaimResult::Unchecked, |f| decide(same(f)));
            CheckedClaim { name: "last_used", claimed: text(time), found: found.map(|f| text(&f)), result }
        }
        Claim::Unused(unused) => {
            let found = last_used(index, step, computed.named);
            // A missing time may mean "never" or "not recorded".
            let result = if found.is_some() { decide(!*unused) } else { ClaimResult::Unchecked };
            CheckedClaim { name: "unused", claimed: text(unused), found: found.map(|f| text(&f)), result }
        }
        Claim::AlreadyHas(has) => {
            let grants = matches!(step.change.action, Action::Grant(_));
            boolean("already_has", *has, grants.then_some(computed.gains_nothing))
        }
        Claim::NoNewAccess(none) => boolean("no_new_access", *none, Some(computed.gains_nothing)),
        Claim::Privileged(privileged) => boolean("privileged", *privileged, Some(computed.privileged)),
        Claim::Owner(owner) => {
            let found = owner_of(index, computed.named);
            let result = found.as_ref().map_or(ClaimResult::Unchecked, |f| decide(f == owner));
            CheckedClaim { name: "owner", claimed: owner.text(), found: found.map(|f| f.text()), result }
        }
        Claim::Members(count) => {
            let group = computed.named.member_of.as_ref().or(computed.named.group.as_ref());
            let group = group.and_then(|id| index.group(id.as_str()));
            let found = group.map(|group| {
                let assigned = index
                    .of_group(group.id.as_str())
                    .filter(|(_, a)| a.until.is_none_or(|end| end > index.snapshot().taken_at));
                let names: std::collections::BTreeSet<&str> = group
                    .members
                    .iter()
                    .map(IdentityId::as_str)
                    .chain(group.nested.iter().map(crate::input::id::GroupId::as_str))
                    .chain(assigned.map(|(_, a)| a.who.raw()))
                    .collect();
                let all = group.members_known == MembersKnown::Known && group.implicit.is_empty();
                (u64::try_from(names.len()).unwrap_or(u64::MAX), all)
            });
            let result = match found {
                Some((known, true)) => decide(known == *count),
                Some((known, false)) if known > *count => ClaimResult::Contradicted,
                Some(_) | None => ClaimResult::Unchecked,
            };
            let found = found.map(|(n, all)| if all { text(&n) } else { format!("at least {n}").into() });
            CheckedClaim { name: "members", claimed: text(count), found, result }
        }
        Claim::TaskOpen(open) => boolean("task_open", *open, computed.task_open),
        Claim::ApprovedBy(who) => unchecked("approved_by", who),
        Claim::Ticket(ticket) => unchecked("ticket", ticket),
    }
}

fn decide(holds: bool) -> ClaimResult {
    if holds { ClaimResult::Confirmed } else { ClaimResult::Contradicted }
}

fn text(value: &impl std::fmt::Display) -> Text {
    value.to_string().into()
}

fn boolean(name: &'static str, claimed: bool, found: Option<bool>) -> CheckedClaim {
    let result = found.map_or(ClaimResult::Unchecked, |f| decide(f == claimed));
    CheckedClaim { name, claimed: text(&claimed), found: found.map(|f| text(&f)), result }
}

fn unchecked(name: &'static str, claimed: &Text) -> CheckedClaim {
    CheckedClaim { name, claimed: claimed.clone(), found: None, result: ClaimResult::Unchecked }
}

/// When the assignment was last used; otherwise the credential, otherwise the identity.
fn last_used(index: &Index<'_>, step: &ResolvedChange<'_>, named: &ChangeTargets) -> Option<Time> {
    if let Some(Taken::Assigned(at)) = &step.taken {
        return index.assignment(*at)?.last_used;
    }
    let (Action::RotateCredential(id, ..) | Action::RevokeCredential(id)) = &step.change.action else {
        return index.identity(named.identity.as_ref()?.as_str())?.last_used;
    };
    index.snapshot().credentials.iter().find(|c| c.id == id.value)?.last_used
}

/// The owner of what the change is about: of the role or group granted, otherwise of the resource, otherwise of the
/// subject.
fn owner_of(index: &Index<'_>, named: &ChangeTargets) -> Option<IdentityId> {
    if let Some(role) = &named.role {
        return index.role(role.as_str())?.owner.clone();
    }
    if let Some(group) = &named.member_of {
        return index.group(group.as_str())?.owner.clone();
    }
    if let Some(scope) = &named.scope {
        return index.resource(scope.as_str())?.owner.clone();
    }
    if let Some(group) = &named.group {
        return index.group(group.as_str())?.owner.clone();
    }
    index.identity(named.identity.as_ref()?.as_str())?.owner.clone()
}
