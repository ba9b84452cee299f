//! Questions about a snapshot: can someone do a thing, and who can.
//!
//! In: an index, a subject, an action and a resource. Out: an answer with every way that leads to it, and what stands in
//! the way. Whoever can act as another can do what that one can. Never a guess: where a condition decides, it says so.
//!
//! A system of accounts (AWS) asks for two sides: what lies in another account is reached only where that account lets one
//! in, and one's own account allows it too. Source: AWS, IAM user guide, "Cross-account policy evaluation logic".

use std::collections::BTreeSet;

use crate::access::effective::difference::HeldAccess;
use crate::access::effective::state::{AccessState, RoleState};
use crate::access::graph::index::Index;
use crate::access::graph::provenance::path;
use crate::access::matching::arn::number;
use crate::access::matching::coverage::{exception_overlaps, exception_takes_all};
use crate::access::model::facts::{Access, Exception, PathStep};
use crate::access::queries::effective_access::Reached;
use crate::input::id::{ResourceId, Subject};
use crate::input::text::Text;
use crate::snapshot::import::aws::DELEGATED;

/// What is asked for: patterns, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessQuery {
    /// The action.
    pub action: Text,
    /// The resource.
    pub resource: Text,
    /// Below which resource; none: anywhere will do.
    pub scope: Option<ResourceId>,
}

/// Whether someone can.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AccessVerdict {
    /// No.
    No,
    /// Some of what is asked for.
    Partly,
    /// Under a condition that is not evaluated here.
    UnderCondition,
    /// After an activation.
    Eligible,
    /// Yes.
    Yes,
}

impl AccessVerdict {
    /// The word as users see it.
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

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessAnswer {
    /// Who.
    pub subject: Subject,
    /// Whether.
    pub verdict: AccessVerdict,
    /// The accesses that give it, best first, each with its way.
    pub ways: Vec<(AccessVerdict, Reached)>,
    /// What takes it, or part of it.
    pub taken: Vec<Exception>,
    /// The account that does not let the subject in, where only that is missing.
    pub closed: Option<Text>,
}

/// Whether a subject can.
#[must_use]
pub fn can(index: &Index<'_>, subject: &Subject, wish: &AccessQuery) -> AccessAnswer {
    ask(&AccessState::plain(index), subject, wish)
}

/// Who can, sorted by name: identities and groups with any answer but no.
#[must_use]
pub fn who_can(index: &Index<'_>, wish: &AccessQuery) -> Vec<AccessAnswer> {
    let view = AccessState::plain(index);
    let snapshot = index.snapshot();
    let mut holders: BTreeSet<Subject> = BTreeSet::new();
    for role in &snapshot.roles {
        // Variables stand for the holder, hence any resource.
        let any = Text::from("*");
        let flat = view.flat(&role.id);
        let resource = if flat.variables { &any } else { &wish.resource };
        if !flat.overlapping(view.dialect, &wish.action, resource).is_empty() {
            for assignment in view.of_role(&role.id) {
                holders.extend(view.subjects(assignment.who.raw()));
            }
        }
    }
    let all = view.predecessors(&holders);
    all.iter().map(|subject| ask(&view, subject, wish)).filter(|answer| answer.verdict != AccessVerdict::No).collect()
}

fn ask(view: &AccessState<'_, '_>, subject: &Subject, wish: &AccessQuery) -> AccessAnswer {
    let all = view.everything(subject);
    let now = all.now.into_iter().map(|held| (held, false));
    let held: Vec<(HeldAccess, bool)> = now.chain(all.eligible.into_iter().map(|held| (held, true))).collect();
    let account = account(view, wish.resource.raw());
    let mut answer = AccessAnswer {
        subject: subject.clone(),
        verdict: AccessVerdict::No,
        ways: Vec::new(),
        taken: Vec::new(),
        closed: None,
    };
    let meets = |held: &HeldAccess| meet(view, &held.access, wish);
    for (one, eligible) in &held {
        let Some(mut verdict) = meets(one) else { continue };
        let way = path(&one.trail);
        let home = home(subject, &way);
        let foreign = account.is_some() && home.is_some() && account != home;
        let opening = by_resource(view, one);
        if (foreign || is_delegated(one)) && !sides(view, &held, subject, home, &mut verdict, opening, &meets) {
            if !opening {
                answer.closed = account.map(Text::from);
            }
            continue;
        }
        if *eligible {
            verdict = verdict.min(AccessVerdict::Eligible);
        }
        let reached = Reached { access: one.access.clone(), eligible: *eligible, path: way };
        answer.taken.extend(reached.access.exceptions.iter().filter(|e| overlaps(view, e, wish)).cloned());
        answer.ways.push((verdict, reached));
    }
    // What a deny takes whole is no access at all; it is named here.
    for (actor, _) in view.row(subject).iter() {
        let whole = |e: &&Exception| exception_takes_all(view.dialect, view, e, &wanted(wish));
        answer.taken.extend(view.own(actor).denies.iter().filter(whole).cloned());
    }
    answer.taken.sort();
    answer.taken.dedup();
    answer.ways.sort_by(|(a, x), (b, y)| {
        b.cmp(a)
            .then(x.path.len().cmp(&y.path.len()))
            .then_with(|| x.access.cmp(&y.access))
            .then_with(|| x.path.cmp(&y.path))
    });
    answer.ways.dedup_by(|(_, b), (_, a)| a.access == b.access && a.eligible == b.eligible);
    answer.verdict = answer.ways.first().map_or(AccessVerdict::No, |(verdict, _)| *verdict);
    if answer.verdict != AccessVerdict::No {
        answer.closed = None;
    }
    answer
}

/// Whether the other side of a foreign access is held as well; `verdict` falls to what both sides allow.
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
        others.filter(|(other, _)| crate::access::queries::who_can::home(subject, &path(&other.trail)) == home);
    let delegated = |held: &HeldAccess, verdict| match (is_delegated(held), verdict) {
        // With the other side at hand, the condition is met.
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

fn wanted(wish: &AccessQuery) -> Access {
    Access {
        action: wish.action.clone(),
        resource: wish.resource.clone(),
        scope: wish.scope.clone(),
        condition: None,
        until: None,
        exceptions: Vec::new(),
    }
}

/// How an access meets a wish; nothing if it does not.
fn meet(view: &AccessState<'_, '_>, access: &Access, wish: &AccessQuery) -> Option<AccessVerdict> {
    use crate::access::matching::coverage::{scope_covers, scopes_overlap};
    let dialect = view.dialect;
    let overlap = dialect.actions_overlap(access.action.raw(), wish.action.raw())
        && dialect.resources_overlap(access.resource.raw(), wish.resource.raw())
        && (wish.scope.is_none() || scopes_overlap(view, access.scope.as_ref(), wish.scope.as_ref()));
    if !overlap || access.exceptions.iter().any(|e| takes(view, e, wish)) {
        return None;
    }
    let whole = dialect.action_covers(access.action.raw(), wish.action.raw())
        && dialect.resource_covers(access.resource.raw(), wish.resource.raw())
        && (wish.scope.is_none() || scope_covers(view, access.scope.as_ref(), wish.scope.as_ref()))
        && !access.exceptions.iter().any(|e| overlaps(view, e, wish));
    Some(match (whole, &access.condition) {
        (false, _) => AccessVerdict::Partly,
        (true, Some(_)) => AccessVerdict::UnderCondition,
        (true, None) => AccessVerdict::Yes,
    })
}

fn takes(view: &AccessState<'_, '_>, exception: &Exception, wish: &AccessQuery) -> bool {
    exception_takes_all(view.dialect, view, exception, &wanted(wish))
}

fn overlaps(view: &AccessState<'_, '_>, exception: &Exception, wish: &AccessQuery) -> bool {
    exception_overlaps(view.dialect, view, exception, &wanted(wish))
}

/// Whether the resource itself gives an access.
fn by_resource(view: &AccessState<'_, '_>, held: &HeldAccess) -> bool {
    matches!(view.role(held.role.as_str()), RoleState::Known(role) if role.by_resource)
}

fn is_delegated(held: &HeldAccess) -> bool {
    held.access.condition.as_ref().is_some_and(|c| c.raw().contains(DELEGATED))
}

/// The account of whoever holds an access in the end: of the last that the way acts as.
fn home<'w>(subject: &'w Subject, way: &'w [PathStep]) -> Option<&'w str> {
    let acts_as = |step: &'w PathStep| match step {
        PathStep::ActsAs(other, _) => Some(other),
        PathStep::Member(..) | PathStep::Holds(..) | PathStep::Includes(_) => None,
    };
    number(way.iter().rev().find_map(acts_as).unwrap_or(subject).as_str())
}

/// The account that a resource lies in, if anything tells it.
pub(crate) fn account<'r>(view: &'r AccessState<'_, '_>, resource: &'r str) -> Option<&'r str> {
    if !view.dialect.variables {
        return None;
    }
    if let Some(number) = number(resource) {
        return Some(number);
    }
    // An ARN without a number: the snapshot may know where it, or what it lies in, is.
    let known = |id: &str| view.index.resource(id).and_then(|r| r.parent.as_ref());
    let within = resource.split_once('/').map(|(bucket, _)| bucket);
    let parent = known(resource).or_else(|| within.and_then(known))?;
    parent.as_str().strip_prefix("account:")
}
