//! Isolation: whether a machine reaches two environments, whether identities of other organisations gain, and how far a new
//! federated trust limits whose tokens it accepts.
//!
//! The environments of a subject are those of the identities that it can act as, and of the scopes in which these have a
//! role: of the scope, of the nearest resource above it that states one, and of all below it. A role everywhere reaches all
//! environments of its part. Only machines that gain are looked at, before and after; of more than [`MOST`], all count as
//! reaching two environments. Nothing is computed for a snapshot without environments.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::change::apply::trust;
use crate::access::change::resolve::ResolvedChange;
use crate::access::effective::state::AccessState;
use crate::access::effects::compute::ChangeEffect;
use crate::access::effects::request::AnalysisRequest;
use crate::access::matching::coverage::ancestry;
use crate::access::model::facts::{Federation, Isolation};
use crate::input::entitlement::IdentityKind;
use crate::input::id::{ResourceId, Subject};
use crate::input::text::Text;
use crate::snapshot::model::Identity;
use crate::snapshot::open_set::{open_set, pins_audience};

/// The most machines whose environments are compared for one change.
const MOST: usize = 500;

/// Computes the isolation of a change.
pub(crate) fn isolation(
    q: &AnalysisRequest<'_, '_>,
    step: &ResolvedChange<'_>,
    (before, after): (&AccessState<'_, '_>, &AccessState<'_, '_>),
    outcome: &ChangeEffect,
    receivers: &BTreeSet<Subject>,
) -> Isolation {
    let gain: BTreeSet<&Subject> = outcome.gains().map(|piece| &piece.subject).chain(receivers).collect();
    let identities = || gain.iter().filter_map(|who| after.identity(who.as_str()));
    let targets = q.index.snapshot().targets();
    let own: BTreeSet<&str> = targets.iter().map(|target| target.id.raw()).collect();
    Isolation {
        crossing: crossing(before, after, identities().filter(|it| is_machine(it))),
        third_parties: identities().filter(|it| is_third_party(it, &own)).map(|it| it.id.text()).collect(),
        federation: federation(q, step, after),
    }
}

fn is_machine(identity: &Identity) -> bool {
    !matches!(identity.kind, IdentityKind::Human | IdentityKind::Public)
}

/// Whether an identity belongs to another organisation, as far as its labels say.
fn is_third_party(identity: &Identity, own: &BTreeSet<&str>) -> bool {
    let is = |label: &str| identity.labels.get(label).is_some_and(|value| value.raw() == "true");
    let tenant = identity.labels.get("owner_tenant");
    (is("outside") && !is("service"))
        || is("outside_collaborator")
        || is("third_party")
        || tenant.is_some_and(|tenant| !own.contains(tenant.raw()))
}

/// The machines that a change brings to an environment, and that then reach two.
fn crossing<'i>(
    before: &AccessState<'_, '_>,
    after: &AccessState<'_, '_>,
    machines: impl Iterator<Item = &'i Identity>,
) -> BTreeSet<Text> {
    let mut found = BTreeSet::new();
    if !after.index.environments().has_several {
        return found;
    }
    let (mut were, mut are) = (BTreeMap::new(), BTreeMap::new());
    for (n, machine) in machines.enumerate() {
        let subject = Subject::Identity(machine.id.clone());
        let is_new = n >= MOST || {
            let now = reached(after, &subject, &mut are);
            now.len() > 1 && !now.is_subset(&reached(before, &subject, &mut were))
        };
        if is_new {
            found.insert(machine.id.text());
        }
    }
    found
}

/// What is known of scopes: by the part of the role and the scope, the environments.
type KnownScopes = BTreeMap<(String, Option<ResourceId>), BTreeSet<Text>>;

/// The environments that a subject reaches.
fn reached(view: &AccessState<'_, '_>, subject: &Subject, known: &mut KnownScopes) -> BTreeSet<Text> {
    let environments = view.index.environments();
    let mut found = BTreeSet::new();
    for actor in view.row(subject).keys() {
        found.extend(view.index.identity(actor.as_str()).and_then(|it| it.environment.clone()));
        for holding in &view.own(actor).holdings {
            let part = view.systems.prefix(holding.role.as_str());
            let of_scope = || {
                let above = holding.scope.as_ref().map(|scope| ancestry(view, scope));
                environments.reached(part, above.as_deref()).into_iter().cloned().collect::<BTreeSet<Text>>()
            };
            let key = (part.to_owned(), holding.scope.clone());
            found.extend(known.entry(key).or_insert_with(of_scope).iter().cloned());
        }
    }
    found
}

/// How far a new trust in the tokens of another issuer is limited.
fn federation(
    q: &AnalysisRequest<'_, '_>,
    step: &ResolvedChange<'_>,
    after: &AccessState<'_, '_>,
) -> Option<Federation> {
    let (made, _) = trust(q.index, q.plan.expires.value, step)?;
    let local = after.systems.local(made.from.raw());
    let name = local.strip_prefix("federated:")?;
    let condition = made.condition.as_ref();
    // Entra writes the subject into the name, and fixes the audience.
    Some(match name.split_once('|') {
        Some((_, subject)) => {
            let is_one = !subject.is_empty() && !subject.contains(['*', '?']) && !subject.contains("%2A");
            Federation { subject: is_one && subject != "any subject", audience: true }
        }
        None => Federation {
            subject: open_set(local, condition).is_none(),
            audience: condition.is_some_and(|condition| pins_audience(condition.raw())),
        },
    })
}
