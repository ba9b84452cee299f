//! Access queries: whether a subject can do something, and which subjects can.
//!
//! Answers a query for an action and a resource with each access that permits it, by its shortest path, and with what
//! prevents it. A subject can do everything that the identities it can act as can do. If the result depends on a
//! condition of an allow, a deny or a trust, the answer reports that. The cost of `who_can` is, for each subject, the
//! number of identities it can act as; only the best few accesses per subject are kept, and the others are counted.
//!
//! Whether a role can be assumed is decided by its trusts: a permission to assume it is not sufficient, and external
//! principals named in a trust need none.
//!
//! In a system with accounts (AWS), cross-account access needs both sides: the account of the resource must admit the
//! subject, and the subject's own account must allow the access. Source: AWS, IAM user guide, "Cross-account policy
//! evaluation logic".

use std::collections::BTreeSet;
use std::rc::Rc;

use crate::access::effective::held_access::HeldAccess;
use crate::access::effective::reachable::Reachable;
use crate::access::effective::state::{AccessState, RoleState};
use crate::access::graph::index::Index;
use crate::access::graph::provenance::{condition, length, path, steps};
use crate::access::matching::arn::number;
use crate::access::matching::coverage::{exception_overlaps, exception_takes_all};
use crate::access::matching::dialect::Dialect;
use crate::access::matching::joint_coverage::cover_together;
use crate::access::model::facts::{Access, Exception, ExceptionKind, PathStep};
use crate::access::queries::effective_access::ReachableAccess;
use crate::input::id::{ResourceId, Subject};
use crate::input::system::System;
use crate::input::text::Text;

/// The query: patterns and scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessQuery {
    /// The action.
    pub action: Text,
    /// The resource.
    pub resource: Text,
    /// The scope; `None`: any.
    pub scope: Option<ResourceId>,
}

/// The answer to a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AccessVerdict {
    /// No.
    No,
    /// Only part of the query is permitted.
    Partly,
    /// Permitted under a condition that is not evaluated here.
    UnderCondition,
    /// Permitted after an activation.
    Eligible,
    /// Yes.
    Yes,
}

impl AccessVerdict {
    /// The word shown to users.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Partly => "partly",
            Self::UnderCondition => "under-condition",
            Self::Eligible => "eligible",
            Self::Yes => "yes",
        }
    }
}

/// The answer for one subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessAnswer {
    /// The subject.
    pub subject: Subject,
    /// The verdict.
    pub verdict: AccessVerdict,
    /// The accesses that permit it, best first, each with its path.
    pub ways: Vec<(AccessVerdict, ReachableAccess)>,
    /// The number of further accesses that permit it.
    pub more: usize,
    /// The denies and exceptions that prevent it, or part of it.
    pub taken: Vec<Exception>,
    /// The account that does not admit the subject, if only that is missing.
    pub closed: Option<Text>,
}

/// The number of accesses that [`who_can`] keeps for each answer.
const KEPT: usize = 5;

/// Whether a subject can do something.
#[must_use]
pub fn can(index: &Index<'_>, subject: &Subject, wish: &AccessQuery) -> AccessAnswer {
    let view = AccessState::plain(index);
    ask(&view, subject, &view.row(subject), wish, usize::MAX)
}

/// The subjects that can do something, sorted by name: identities and groups with any answer but no. Each answer lists
/// up to `most` accesses, by default few.
#[must_use]
pub fn who_can(index: &Index<'_>, wish: &AccessQuery, most: Option<usize>) -> Vec<AccessAnswer> {
    let view = AccessState::plain(index);
    let most = most.unwrap_or(KEPT);
    let behind = view.predecessors(&holders(&view, wish));
    let answer = |subject: &Subject| {
        // WHY: each closure is used once, so it need not be cached, unless active trusts are computed from all of them.
        let row = if view.has_conditional_trusts() {
            view.row(subject)
        } else if view.usable(subject) {
            Rc::new(view.relax(subject, None, Reachable::new()))
        } else {
            Rc::default()
        };
        ask(&view, subject, &row, wish, most)
    };
    behind.iter().map(answer).filter(|answer| answer.verdict != AccessVerdict::No).collect()
}

/// The subjects that directly hold any access matching the query.
fn holders(view: &AccessState<'_, '_>, wish: &AccessQuery) -> BTreeSet<Subject> {
    let mut holders: BTreeSet<Subject> = assumed(view, wish).into_iter().collect();
    if !holders.is_empty() {
        return holders;
    }
    for role in &view.index.snapshot().roles {
        // The value of a variable depends on the holder, so any resource is assumed.
        let any = Text::from("*");
        let flat = view.flat(&role.id);
        let resource = if flat.variables { &any } else { &wish.resource };
        if !flat.overlapping(view.systems, (&wish.action, resource, None)).is_empty() {
            for assignment in view.of_role(&role.id) {
                holders.extend(view.subjects(assignment.who.raw()));
            }
        }
    }
    holders
}

/// The prefix of the actions that assume an AWS role.
const ASSUME: &str = "sts:AssumeRole";

/// The role that the query would assume, if the snapshot contains it: then its trusts decide.
fn assumed(view: &AccessState<'_, '_>, wish: &AccessQuery) -> Option<Subject> {
    let is_asked =
        Dialect::Aws.action_covers(&format!("{ASSUME}*"), wish.action.raw()) && wish.resource.raw().contains(":role/");
    let role = view.identity(wish.resource.raw()).filter(|_| is_asked)?;
    Some(Subject::Identity(role.id.clone()))
}

/// Whether a subject can act as a role: by its trusts, which include a required permission if there is one.
fn assume(view: &AccessState<'_, '_>, row: &Reachable, wish: &AccessQuery, role: &Subject, answer: &mut AccessAnswer) {
    let Some(way) = row.get(role) else { return };
    for (leg, eligible) in [(way.now.as_ref(), false), (way.eligible(), true)] {
        let Some(leg) = leg else { continue };
        let condition = if leg.end.is_sure() { None } else { condition(&leg.trail) };
        let verdict = if leg.end.is_sure() { AccessVerdict::Yes } else { AccessVerdict::UnderCondition };
        let access = Access { condition, until: leg.end.until(), ..wanted(wish, None) };
        let verdict = if eligible { verdict.min(AccessVerdict::Eligible) } else { verdict };
        answer.ways.push((verdict, ReachableAccess { access, eligible, path: path(&leg.trail) }));
    }
    answer.ways.sort_by_key(|(verdict, _)| std::cmp::Reverse(*verdict));
    answer.verdict = answer.ways.first().map_or(AccessVerdict::No, |(verdict, _)| *verdict);
    let own = view.own(&answer.subject);
    answer.taken.extend(own.denies.iter().filter(|e| overlaps(view, e, wish)).cloned());
}

fn ask(
    view: &AccessState<'_, '_>,
    subject: &Subject,
    row: &Reachable,
    wish: &AccessQuery,
    most: usize,
) -> AccessAnswer {
    let mut answer = AccessAnswer {
        subject: subject.clone(),
        verdict: AccessVerdict::No,
        ways: Vec::new(),
        more: 0,
        taken: Vec::new(),
        closed: None,
    };
    if let Some(role) = assumed(view, wish) {
        if role != *subject {
            assume(view, row, wish, &role, &mut answer);
            return answer;
        }
        // A role assumes itself only if its trust policy lets it.
        if !view.trusts_to(&role).iter().any(|trust| view.trusting(trust).contains(subject)) {
            return answer;
        }
    }
    let all = view.about(row, &wish.action, &wish.resource);
    let now = all.now.into_iter().map(|held| (held, false));
    let held: Vec<(HeldAccess, bool)> = now.chain(all.eligible.into_iter().map(|held| (held, true))).collect();
    let account = account(view, wish.resource.raw());
    let meets = |held: &HeldAccess| meet(view, &held.access, wish);
    let mut parts: Vec<Access> = Vec::new();
    let mut found: Vec<(AccessVerdict, bool, &HeldAccess)> = Vec::new();
    for (one, eligible) in &held {
        let Some(mut verdict) = meets(one) else { continue };
        let home = home(subject, one);
        let has_accounts = matches!(view.systems.dialect(one.access.system.as_ref()), Dialect::Aws);
        let foreign = has_accounts && account.is_some() && home.is_some() && account != home.as_deref();
        let opening = by_resource(view, one);
        if (foreign || is_delegated(view, one))
            && !sides(view, &held, subject, home.as_deref(), &mut verdict, opening, &meets)
        {
            if !opening {
                answer.closed = account.map(Text::from);
            }
            continue;
        }
        if *eligible {
            verdict = verdict.min(AccessVerdict::Eligible);
        }
        let denied = |e: &&Exception| e.kind == ExceptionKind::Denied && overlaps(view, e, wish);
        answer.taken.extend(one.access.exceptions.iter().filter(denied).cloned());
        if verdict == AccessVerdict::Partly && !*eligible && !foreign && !is_delegated(view, one) {
            parts.push(one.access.clone());
        }
        found.push((verdict, *eligible, one));
    }
    // An access that a deny covers entirely is no longer an access; the deny is reported here.
    for actor in row.keys() {
        let whole = |e: &&Exception| takes(view, e, wish);
        answer.taken.extend(view.own(actor).denies.iter().filter(whole).cloned());
    }
    answer.taken.sort();
    answer.taken.dedup();
    found.sort_by(|(a, _, x), (b, _, y)| {
        b.cmp(a)
            .then(length(&x.trail).cmp(&length(&y.trail)))
            .then_with(|| x.access.cmp(&y.access))
            .then_with(|| steps(&x.trail).cmp(&steps(&y.trail)))
    });
    let mut seen = BTreeSet::new();
    found.retain(|(_, eligible, held)| seen.insert((&held.access, *eligible)));
    answer.more = found.len().saturating_sub(most);
    answer.ways = found
        .into_iter()
        .take(most)
        .map(|(verdict, eligible, held)| {
            (verdict, ReachableAccess { access: held.access.clone(), eligible, path: path(&held.trail) })
        })
        .collect();
    answer.verdict = answer.ways.first().map_or(AccessVerdict::No, |(verdict, _)| *verdict);
    if answer.verdict == AccessVerdict::Partly && covered_together(view, &parts, wish) {
        answer.verdict = AccessVerdict::Yes;
    }
    if answer.verdict != AccessVerdict::No {
        answer.closed = None;
    }
    answer
}

/// Whether the other side of a cross-account access is held as well. Lowers `verdict` to what both sides permit.
fn sides(
    view: &AccessState<'_, '_>,
    held: &[(HeldAccess, bool)],
    subject: &Subject,
    home: Option<&str>,
    verdict: &mut AccessVerdict,
    opening: bool,
    meets: &dyn Fn(&HeldAccess) -> Option<AccessVerdict>,
) -> bool {
    let others = held.iter().filter(|(other, _)| by_resource(view, other) != opening);
    let same_home =
        others.filter(|(other, _)| crate::access::queries::who_can::home(subject, other).as_deref() == home);
    let delegated = |held: &HeldAccess, verdict| match (is_delegated(view, held), verdict) {
        // If the other side is present, the condition is satisfied.
        (true, AccessVerdict::UnderCondition) => AccessVerdict::Yes,
        (_, verdict) => verdict,
    };
    let best = same_home.filter_map(|(other, _)| Some(delegated(other, meets(other)?))).max();
    match best {
        Some(best) => {
            if opening && *verdict == AccessVerdict::UnderCondition {
                *verdict = AccessVerdict::Yes;
            }
            *verdict = (*verdict).min(best);
            true
        }
        None => false,
    }
}

/// The query as an access of a system.
fn wanted(wish: &AccessQuery, system: Option<&System>) -> Access {
    Access {
        scope: wish.scope.clone(),
        system: system.cloned(),
        ..Access::plain(wish.action.clone(), wish.resource.clone())
    }
}

/// Whether accesses that each permit a part of the query together permit all of it.
fn covered_together(view: &AccessState<'_, '_>, parts: &[Access], wish: &AccessQuery) -> bool {
    let systems: BTreeSet<Option<&System>> = parts.iter().map(|part| part.system.as_ref()).collect();
    systems.into_iter().any(|system| cover_together(view.systems, view, parts, &wanted(wish, system)))
}

/// How an access matches a query; `None` if it does not.
fn meet(view: &AccessState<'_, '_>, access: &Access, wish: &AccessQuery) -> Option<AccessVerdict> {
    use crate::access::matching::coverage::{scope_covers, scopes_overlap};
    let dialect = view.systems.dialect_in(access.system.as_ref(), view.is_in_namespace(access.scope.as_ref()));
    let (held, asked) = ((access.action.raw(), access.resource.raw()), (wish.action.raw(), wish.resource.raw()));
    let overlap = dialect.overlaps(held, asked)
        && (wish.scope.is_none() || scopes_overlap(view, access.scope.as_ref(), wish.scope.as_ref()));
    if !overlap || access.exceptions.iter().any(|e| takes(view, e, wish)) {
        return None;
    }
    let whole = dialect.action_covers(access.action.raw(), wish.action.raw())
        && dialect.resource_covers(access.resource.raw(), wish.resource.raw())
        && (wish.scope.is_none() || scope_covers(view, access.scope.as_ref(), wish.scope.as_ref()))
        && !access.exceptions.iter().any(|e| e.condition.is_none() && overlaps(view, e, wish));
    let conditional = access.condition.is_some()
        || access.exceptions.iter().any(|e| e.condition.is_some() && overlaps(view, e, wish));
    Some(match (whole, conditional) {
        (false, _) => AccessVerdict::Partly,
        (true, true) => AccessVerdict::UnderCondition,
        (true, false) => AccessVerdict::Yes,
    })
}

fn takes(view: &AccessState<'_, '_>, exception: &Exception, wish: &AccessQuery) -> bool {
    exception_takes_all(view.systems, view, exception, &wanted(wish, exception.system.as_ref()))
}

fn overlaps(view: &AccessState<'_, '_>, exception: &Exception, wish: &AccessQuery) -> bool {
    exception_overlaps(view.systems, view, exception, &wanted(wish, exception.system.as_ref()))
}

/// Whether the resource itself grants an access.
fn by_resource(view: &AccessState<'_, '_>, held: &HeldAccess) -> bool {
    matches!(view.role(held.role.as_str()), RoleState::Known(role) if role.by_resource)
}

/// Whether a resource of another account grants an access, so that the holder's own account must allow it too.
fn is_delegated(view: &AccessState<'_, '_>, held: &HeldAccess) -> bool {
    matches!(view.role(held.role.as_str()), RoleState::Known(role) if role.delegated)
}

/// The account of the identity that finally holds an access: the last one that the path acts as.
fn home(subject: &Subject, held: &HeldAccess) -> Option<String> {
    let acts_as = |step: &&PathStep| match step {
        PathStep::ActsAs(other, _) => Some(other.clone()),
        PathStep::Member(..) | PathStep::Holds(..) | PathStep::Includes(_) => None,
    };
    let last = steps(&held.trail).iter().rev().find_map(acts_as);
    number(last.as_ref().unwrap_or(subject).as_str()).map(str::to_owned)
}

/// The account of a resource, if known.
pub(crate) fn account<'r>(view: &'r AccessState<'_, '_>, resource: &'r str) -> Option<&'r str> {
    if let Some(number) = number(resource) {
        return Some(number);
    }
    // For an ARN without an account number, the snapshot may contain the resource, or its parent.
    let known = |id: &str| view.index.resource(id).and_then(|r| r.parent.as_ref());
    let within = resource.split_once('/').map(|(bucket, _)| bucket);
    let parent = known(resource).or_else(|| within.and_then(known))?;
    parent.as_str().strip_prefix("account:")
}
