//! The entity store: everything reachable from a query, flattened, typed by the schema, closed to the validated depth.
//!
//! Builds `Entities` with the schema, and the uids of the query, from an input and one change (or the whole plan).
//!
//! Rules:
//! - All identities of a person are one entity, `Identity::"person:ID"`. Approver groups are `Group::"approvers:NAME"`,
//!   with members from `people.yaml` only. An external name with one of these prefixes is renamed.
//! - A principal has its memberships before the plan. If the store would give it more, because a group or role that it
//!   has is itself in the store in its state after the change, the query is not possible.
//! - An object without a view has `unknown` kind and status, so that a policy which reads it does not fail to evaluate,
//!   and a policy which requires `active` denies.

mod build;
mod freeze;
pub(crate) mod names;
mod rows;
pub(crate) mod values;

use crate::policy::entities::names::Principal;
use crate::policy::entities::names::identity_name;
use crate::policy::entities::values::long;
use crate::policy::entities::values::span;
use crate::policy::entities::values::time;

use cedar_policy::{Context, Entities, EntityUid, RestrictedExpression as Value};

use crate::access::model::facts::ChangeFacts;
use crate::input::time::Time;
use crate::plan::model::Change;
use crate::policy::case::chain;
use crate::policy::entities::build::Builder;
use crate::policy::entities::freeze::FreezeRows;
use crate::policy::entities::rows::{Key, Rows};
use crate::policy::input::FreezeInput;
use crate::policy::input::History;
use crate::policy::input::KeyFacts;
use crate::policy::input::{PersonView, PolicyInput, PolicyParameters};
use crate::policy::pack::Pack;

/// A store with the uids of the resource and of the principal.
#[derive(Clone)]
pub(super) struct Store {
    pub(super) entities: Entities,
    pub(super) principal: EntityUid,
    pub(super) resource: EntityUid,
}

/// Builds the store for a change.
pub(super) fn of_change(
    pack: &Pack,
    matter: &PolicyInput<'_>,
    change: &Change,
    facts: &ChangeFacts,
    principal: &Principal<'_>,
) -> Result<Store, String> {
    let mut builder = Builder::new(matter, &facts.around);
    let resource = builder.change(change, facts);
    let principal = builder.principal(principal);
    finish(pack, builder.into_rows(), &principal, &resource)
}

/// Builds the store for the whole plan.
pub(super) fn of_plan(pack: &Pack, matter: &PolicyInput<'_>) -> Result<Store, String> {
    let mut builder = Builder::new(matter, &matter.analysis.around);
    let resource = builder.whole_plan();
    let principal = builder.principal(&Principal::Proposer);
    finish(pack, builder.into_rows(), &principal, &resource)
}

/// Builds the store and the context of a query about a freeze.
pub(super) fn of_freeze(
    pack: &Pack,
    input: &FreezeInput<'_>,
    person: &PersonView,
    key: &KeyFacts,
) -> Result<(Store, Context), String> {
    let FreezeRows { rows, principal, resource } = freeze::rows(input, person);
    let store = finish(pack, rows, &principal, &resource)?;
    Ok((store, context(&input.parameters, input.now, vec![("key".to_owned(), key_facts(key)?)])?))
}

fn finish(pack: &Pack, rows: Rows, principal: &Key, resource: &Key) -> Result<Store, String> {
    rows.check_representable(principal)?;
    let uid = |key: &Key| pack.types.uid(key.0, &key.1).ok_or_else(|| format!("the schema has no type `{}`", key.0));
    let entities = rows.into_entities(&uid)?;
    let entities = Entities::from_entities(entities, Some(&pack.schema)).map_err(|error| chain(&error))?;
    Ok(Store { entities, principal: uid(principal)?, resource: uid(resource)? })
}

/// The context of a query about the proposer.
pub(super) fn proposal(pack: &Pack, matter: &PolicyInput<'_>, history: &History) -> Result<Context, String> {
    let mut proposer = vec![
        ("method".to_owned(), Value::new_string(matter.proof.method.clone())),
        ("overbroad".to_owned(), Value::new_bool(matter.proof.overbroad)),
    ];
    if let Some(ttl) = matter.proof.credential_ttl {
        proposer.push(("credentialTtl".to_owned(), span(ttl)));
    }
    if let Some(proven) = &matter.proof.proven {
        let name = identity_name(matter, proven);
        let uid = pack.types.uid("Identity", &name).ok_or("the schema has no type `Identity`")?;
        proposer.push(("proven".to_owned(), Value::new_entity_uid(uid)));
    }
    let history = vec![
        ("rejectedBefore".to_owned(), Value::new_bool(history.rejected_before)),
        ("grants30d".to_owned(), long(history.grants_30d)),
    ];
    let pairs = vec![("proposer".to_owned(), record(proposer)?), ("history".to_owned(), record(history)?)];
    context(&matter.parameters, matter.now, pairs)
}

/// The context of a query about an approver.
pub(super) fn approval(matter: &PolicyInput<'_>, key: &KeyFacts) -> Result<Context, String> {
    context(&matter.parameters, matter.now, vec![("key".to_owned(), key_facts(key)?)])
}

fn key_facts(key: &KeyFacts) -> Result<Value, String> {
    record(vec![
        ("type".to_owned(), Value::new_string(key.kind.clone())),
        ("securityKey".to_owned(), Value::new_bool(key.security_key)),
        ("userPresent".to_owned(), Value::new_bool(key.user_present)),
        ("userVerified".to_owned(), Value::new_bool(key.user_verified)),
    ])
}

fn context(p: &PolicyParameters, now: Time, mut pairs: Vec<(String, Value)>) -> Result<Context, String> {
    let parameters = vec![
        ("maxTtl".to_owned(), span(p.max_ttl)),
        ("maxPrivilegedTtl".to_owned(), span(p.max_privileged_ttl)),
        ("maxCredentialTtl".to_owned(), span(p.max_credential_ttl)),
        ("staleAfter".to_owned(), span(p.stale_after)),
        ("requireSecurityKey".to_owned(), Value::new_bool(p.require_security_key)),
    ];
    pairs.push(("parameters".to_owned(), record(parameters)?));
    pairs.push(("now".to_owned(), time(now)));
    Context::from_pairs(pairs).map_err(|error| chain(&error))
}

fn record(fields: Vec<(String, Value)>) -> Result<Value, String> {
    Value::new_record(fields).map_err(|error| chain(&error))
}
