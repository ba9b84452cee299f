//! Builds the rows of a store from facts.
//!
//! Adds everything that is reachable from the resource and the principal within the depth that the validation level
//! guarantees.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::RestrictedExpression as Value;

use crate::access::model::facts::{
    Affected, Analysis, AssignmentTerms, ChangeFacts, ClaimResult, Effects, Escalation, Federation, IdentityView,
    PolicyContext, SodConflict,
};
use crate::input::entitlement::{Effect, IdentityKind};
use crate::input::id::{GroupId, IdentityId, ResourceId, RoleId};
use crate::input::time::Time;
use crate::plan::model::{Action, Change};
use crate::policy::bars;
use crate::policy::entities::names::{APPROVERS, PERSON, Principal, identity_name, outside};
use crate::policy::entities::rows::{Attribute, Key, Row, Rows};
use crate::policy::entities::values::{long, span, strings, time};
use crate::policy::input::{PersonView, PolicyInput};
use crate::policy::pack::LEVEL;
use crate::snapshot::model::{MembersKnown, Status};

/// The kind or status of an object without a view.
const UNKNOWN: &str = "unknown";

/// Collects the rows of a store.
pub(super) struct Builder<'a> {
    matter: &'a PolicyInput<'a>,
    around: &'a PolicyContext,
    /// Keys whose memberships are those before the plan.
    as_before: BTreeSet<String>,
    /// To how many further references each entity was followed.
    depth: BTreeMap<Key, u32>,
    rows: Rows,
}

type Attributes = Vec<(&'static str, Attribute)>;

fn plain(value: Value) -> Attribute {
    Attribute::Plain(value)
}

fn word(text: &str) -> Attribute {
    Attribute::Plain(Value::new_string(text.to_owned()))
}

impl<'a> Builder<'a> {
    pub(super) fn new(matter: &'a PolicyInput<'a>, around: &'a PolicyContext) -> Self {
        let as_before = BTreeSet::from([identity_name(matter, &matter.plan.proposer.value)]);
        Self { matter, around, as_before, depth: BTreeMap::new(), rows: Rows::default() }
    }

    pub(super) fn into_rows(self) -> Rows {
        self.rows
    }

    /// Adds the principal, with its memberships before the plan.
    pub(super) fn principal(&mut self, principal: &Principal<'_>) -> Key {
        let key = match principal {
            Principal::Proposer => ("Identity", identity_name(self.matter, &self.matter.plan.proposer.value)),
            Principal::Person(person) => ("Identity", format!("{PERSON}{}", person.id.as_str())),
        };
        self.as_before.insert(key.1.clone());
        // WHY: it may already be present as the target of the change, with memberships after the change.
        self.depth.remove(&key);
        match principal {
            Principal::Proposer => self.identity(&self.matter.plan.proposer.value, LEVEL - 1),
            Principal::Person(person) => self.person(person, LEVEL - 1),
        }
    }

    /// Whether an entity must still be added, or followed further, with `left` references remaining.
    fn enter(&mut self, key: &Key, left: u32) -> bool {
        if self.depth.get(key).is_some_and(|done| *done >= left) {
            return false;
        }
        self.depth.insert(key.clone(), left);
        true
    }

    fn identity(&mut self, id: &IdentityId, left: u32) -> Key {
        if let Some(person) = self.matter.people.whose(id) {
            return self.person(person, left);
        }
        let key = ("Identity", outside(id.as_str()));
        if self.enter(&key, left) {
            let view = self.view(&key.1, id);
            let attributes = self.identity_attributes(&key.1, view.as_slice(), (UNKNOWN, UNKNOWN), left);
            let ancestors = view.iter().flat_map(|view| ancestors(&view.groups, &view.roles)).collect();
            self.rows.insert(key.clone(), Row { attributes, ancestors });
        }
        key
    }

    fn person(&mut self, person: &PersonView, left: u32) -> Key {
        let key = ("Identity", format!("{PERSON}{}", person.id.as_str()));
        if self.enter(&key, left) {
            let views: Vec<_> = person.identities.iter().filter_map(|id| self.view(&key.1, id)).collect();
            // WHY: few exports contain every person. `people.yaml` states that this is one.
            let attributes = self.identity_attributes(&key.1, &views, ("human", "active"), left);
            let mut parents: BTreeSet<Key> =
                views.iter().flat_map(|view| ancestors(&view.groups, &view.roles)).collect();
            parents.extend(person.listed_groups.iter().map(|group| ("Group", outside(group.as_str()))));
            let above = person.listed_groups.iter().filter_map(|group| self.matter.analysis.before.groups.get(group));
            parents.extend(above.flat_map(|view| ancestors(&view.groups, &view.roles)));
            parents.extend(person.groups.iter().map(|group| ("Group", format!("{APPROVERS}{group}"))));
            self.rows.insert(key.clone(), Row { attributes, ancestors: parents });
        }
        key
    }

    fn view(&self, name: &str, id: &IdentityId) -> Option<&'a IdentityView> {
        let before = self.matter.analysis.before.identities.get(id);
        if self.as_before.contains(name) { before } else { self.around.identities.get(id).or(before) }
    }

    /// The attributes of an identity, or of all identities of a person: for each attribute the most restrictive value.
    fn identity_attributes(
        &mut self,
        name: &str,
        views: &[&'a IdentityView],
        unseen: (&'static str, &'static str),
        left: u32,
    ) -> Attributes {
        let kind = views.iter().map(|view| view.kind).max_by_key(|kind| *kind != IdentityKind::Human);
        let status = match views {
            [] => unseen.1,
            _ if views.iter().all(|view| view.status == Status::Active) => "active",
            _ => "disabled",
        };
        let mut attributes = vec![
            ("name", word(name)),
            ("kind", word(kind.map_or(unseen.0, IdentityKind::name))),
            ("status", word(status)),
            ("privileged", plain(Value::new_bool(views.is_empty() || views.iter().any(|view| view.privileged)))),
        ];
        if let Some(owner) = views.iter().find_map(|view| view.owner.as_ref()) {
            attributes.push(("owner", self.identity_reference(owner, left)));
        }
        if let Some(used) = views.iter().filter_map(|view| view.last_used).max() {
            attributes.push(("lastUsed", plain(time(used))));
        }
        attributes
    }

    fn identity_reference(&mut self, id: &IdentityId, left: u32) -> Attribute {
        match left.checked_sub(1) {
            Some(left) => Attribute::Reference(self.identity(id, left)),
            None => Attribute::Reference(("Identity", identity_name(self.matter, id))),
        }
    }

    fn owner(&mut self, attributes: &mut Attributes, owner: Option<&IdentityId>, left: u32) {
        if let Some(owner) = owner {
            let reference = self.identity_reference(owner, left);
            attributes.push(("owner", reference));
        }
    }

    fn group(&mut self, id: &GroupId, left: u32) -> Key {
        let key = ("Group", outside(id.as_str()));
        if self.enter(&key, left) {
            let view = self.around.groups.get(id);
            let open = view.is_none_or(|view| view.members_known != MembersKnown::Known);
            let mut attributes = vec![("name", word(&key.1)), ("open", plain(Value::new_bool(open)))];
            self.owner(&mut attributes, view.and_then(|view| view.owner.as_ref()), left);
            let ancestors = view.into_iter().flat_map(|view| ancestors(&view.groups, &view.roles)).collect();
            self.rows.insert(key.clone(), Row { attributes, ancestors });
        }
        key
    }

    fn role(&mut self, id: &RoleId, left: u32) -> Key {
        let key = ("Role", outside(id.as_str()));
        if self.enter(&key, left) {
            let view = self.around.roles.get(id);
            let kinds = view.into_iter().flat_map(|view| view.kinds.iter().map(|kind| kind.name()));
            let mut attributes = vec![
                ("name", word(&key.1)),
                ("sensitivity", word(view.map_or("critical", |view| view.sensitivity.name()))),
                ("privileged", plain(Value::new_bool(view.is_none_or(|view| view.privileged)))),
                ("kinds", plain(strings(kinds))),
            ];
            self.owner(&mut attributes, view.and_then(|view| view.owner.as_ref()), left);
            let includes = view.into_iter().flat_map(|view| &view.includes);
            let ancestors = includes.map(|role| ("Role", outside(role.as_str()))).collect();
            self.rows.insert(key.clone(), Row { attributes, ancestors });
        }
        key
    }

    fn resource(&mut self, id: &ResourceId, left: u32) -> Key {
        let key = ("Resource", outside(id.as_str()));
        if self.enter(&key, left) {
            let view = self.around.resources.get(id);
            let mut attributes = vec![
                ("name", word(&key.1)),
                ("sensitivity", word(view.map_or("critical", |view| view.sensitivity.name()))),
            ];
            self.owner(&mut attributes, view.and_then(|view| view.owner.as_ref()), left);
            let above = view.into_iter().flat_map(|view| &view.ancestors);
            let ancestors = above.map(|resource| ("Resource", outside(resource.as_str()))).collect();
            self.rows.insert(key.clone(), Row { attributes, ancestors });
        }
        key
    }

    fn task(&mut self) -> Option<Key> {
        let task = self.matter.task?;
        let key = ("Task", task.id.as_str().to_owned());
        let mut attributes = vec![("open", plain(Value::new_bool(task.open)))];
        // WHY: the task is three references from a change, so its owner is never followed further.
        self.owner(&mut attributes, task.owner.as_ref(), LEVEL - 2);
        if let Some(until) = task.until {
            attributes.push(("until", plain(time(until))));
        }
        self.rows.insert(key.clone(), Row { attributes, ancestors: BTreeSet::new() });
        Some(key)
    }

    /// Adds the plan as the resource. Its sponsor must have been active before it.
    pub(super) fn whole_plan(&mut self) -> Key {
        if let Some(sponsor) = &self.matter.plan.on_behalf_of {
            self.as_before.insert(identity_name(self.matter, &sponsor.value));
        }
        self.plan()
    }

    fn plan(&mut self) -> Key {
        let (plan, analysis) = (self.matter.plan, self.matter.analysis);
        let key = ("Plan", plan.id.value.as_str().to_owned());
        let proposer = self.identity(&plan.proposer.value, LEVEL - 2);
        let gained = analysis.effects.gained.len() + analysis.effects.gained_eligible.len();
        let known = !analysis.concerned.at_least && analysis.concerned.unknown_groups.is_empty();
        let untold: Vec<_> =
            analysis.changes.iter().map(|c| &c.concerned).chain([&analysis.concerned]).map(|c| c.untold).collect();
        let too_large = untold.iter().any(|untold| untold.is_any());
        let conflicts_known = !untold.iter().any(|untold| untold.conflicts);
        let mut attributes = vec![
            ("proposer", Attribute::Reference(proposer)),
            ("changes", plain(count(plan.changes.len()))),
            ("identities", plain(long(analysis.concerned.identities))),
            ("membersKnown", plain(Value::new_bool(known))),
            ("gained", plain(count(gained))),
            ("gainedPrivileged", plain(long(analysis.gained_privileged))),
            ("emergent", plain(count(analysis.emergent.len()))),
            ("setsIncomplete", plain(Value::new_bool(analysis.sets_incomplete))),
            ("tooLarge", plain(Value::new_bool(too_large))),
            ("gainsNothing", plain(Value::new_bool(gains_nothing(analysis)))),
            ("conflictsKnown", plain(Value::new_bool(conflicts_known))),
            ("massRemovals", plain(strings(analysis.mass_removals.iter().map(|removal| removal.what.word())))),
            ("escalations", plain(escalations(&analysis.escalations))),
            ("sodConflicts", plain(conflicts(&analysis.sod))),
        ];
        if let Some(sponsor) = &plan.on_behalf_of {
            let sponsor = self.identity(&sponsor.value, LEVEL - 2);
            attributes.push(("sponsor", Attribute::Reference(sponsor)));
        }
        if let Some(task) = self.task() {
            attributes.push(("task", Attribute::Reference(task)));
        }
        self.rows.insert(key.clone(), Row { attributes, ancestors: BTreeSet::new() });
        key
    }

    /// Adds a change with all objects that it names.
    pub(super) fn change(&mut self, change: &Change, facts: &ChangeFacts) -> Key {
        let key = ("Change", facts.id.as_str().to_owned());
        let plan = self.plan();
        let mut attributes = self.named(change, facts);
        attributes.push(("plan", Attribute::Reference(plan.clone())));
        attributes.push(("action", word(change.action.word())));
        holding(&mut attributes, facts, self.matter.now);
        self.figures(&mut attributes, facts);
        self.rows.insert(key.clone(), Row { attributes, ancestors: BTreeSet::from([plan]) });
        key
    }

    fn named(&mut self, change: &Change, facts: &ChangeFacts) -> Attributes {
        let (named, left) = (&facts.named, LEVEL - 2);
        let mut attributes = Vec::new();
        let owner = change.action.new_owner();
        let kind = if let Action::CreateIdentity(_, kind, _) = &change.action { Some(kind.value) } else { None };
        for (name, id) in
            [("identity", named.identity.as_ref()), ("trusted", named.trusted.as_ref()), ("newOwner", owner)]
        {
            if let Some(id) = id {
                attributes.push((name, Attribute::Reference(self.identity(id, left))));
            }
        }
        for (name, id) in [("group", &named.group), ("memberOf", &named.member_of)] {
            if let Some(id) = id {
                attributes.push((name, Attribute::Reference(self.group(id, left))));
            }
        }
        for (name, id) in [("role", &named.role), ("include", &named.include)] {
            if let Some(id) = id {
                attributes.push((name, Attribute::Reference(self.role(id, left))));
            }
        }
        if let Some(id) = &named.scope {
            attributes.push(("scope", Attribute::Reference(self.resource(id, left))));
        }
        if let Some(kind) = kind {
            attributes.push(("newKind", word(kind.name())));
        }
        if let Some(permission) = &named.permission {
            let effect = match permission.effect {
                Effect::Allow => "allow",
                Effect::Deny => "deny",
            };
            attributes.push(record(
                "permission",
                vec![
                    ("action", Value::new_string(permission.action.raw().to_owned())),
                    ("resource", Value::new_string(permission.resource.raw().to_owned())),
                    ("effect", Value::new_string(effect.to_owned())),
                    ("conditional", Value::new_bool(permission.condition.is_some())),
                    ("everyAction", Value::new_bool(named.breadth.every_action)),
                    ("everyResource", Value::new_bool(named.breadth.every_resource)),
                    ("writes", Value::new_bool(named.breadth.writes)),
                ],
            ));
        }
        if let Some((kind, ttl)) = &named.credential {
            let mut fields = vec![("kind", Value::new_string(kind.raw().to_owned()))];
            fields.extend(ttl.map(|ttl| ("ttl", span(ttl))));
            attributes.push(record("credential", fields));
        }
        attributes
    }

    fn figures(&self, attributes: &mut Attributes, facts: &ChangeFacts) {
        let effects = &facts.effects;
        let standing = effects.gained.iter().filter(|piece| piece.access.until.is_none()).count();
        let known = !facts.concerned.at_least && facts.concerned.unknown_groups.is_empty();
        let contradicted = facts.claims.iter().filter(|claim| claim.result == ClaimResult::Contradicted);
        let sponsor = self.matter.plan.on_behalf_of.as_ref();
        let gains = |id: &IdentityId| bars::Who::of_identity(self.matter, facts, id).gains(self.matter, facts);
        let flags = [
            ("privileged", facts.is_privileged()),
            ("privilegedTogether", !facts.privileged_together.is_empty()),
            ("membersKnown", known),
            ("tooLarge", facts.concerned.untold.is_any()),
            ("public", facts.public),
            ("outsiders", !facts.outsiders.is_empty()),
            ("crossesEnvironments", !facts.isolation.crossing.is_empty()),
            ("thirdParty", !facts.isolation.third_parties.is_empty()),
            ("givesEverything", facts.gives_everything),
            ("namedLikeAdmin", facts.admin_name.is_some()),
            ("proposerGains", gains(&self.matter.plan.proposer.value)),
            ("sponsorGains", sponsor.is_some_and(|sponsor| gains(&sponsor.value))),
            ("inTaskScope", facts.in_task_scope),
            ("takesInTaskScope", facts.takes_in_task_scope),
            ("liftsDeny", facts.lifts_deny),
            ("reversible", facts.reversible),
        ];
        attributes.extend(flags.map(|(name, flag)| (name, plain(Value::new_bool(flag)))));
        if let Some(Federation { subject, audience }) = facts.isolation.federation {
            let fields = vec![("subject", Value::new_bool(subject)), ("audience", Value::new_bool(audience))];
            attributes.push(record("federation", fields));
        }
        let counts = [
            ("gained", effects.gained.len()),
            ("lost", effects.lost.len()),
            ("gainedEligible", effects.gained_eligible.len()),
            ("gainedStanding", standing),
            ("emergent", facts.emergent.len()),
        ];
        attributes.extend(counts.map(|(name, n)| (name, plain(count(n)))));
        attributes.extend([
            ("identities", plain(long(facts.concerned.identities))),
            ("gainedPrivileged", plain(long(facts.gained_privileged))),
            ("unclassified", plain(long(facts.unclassified))),
            ("sensitivity", word(facts.sensitivity.name())),
            ("kinds", plain(strings(facts.concerned.kinds.iter().map(|kind| kind.name())))),
            ("escalations", plain(escalations(&facts.escalations))),
            ("sodConflicts", plain(conflicts(&facts.sod))),
            ("contradictions", plain(strings(contradicted.map(|claim| claim.name)))),
        ]);
    }
}

fn ancestors<'a>(groups: &'a BTreeSet<GroupId>, roles: &'a BTreeSet<RoleId>) -> impl Iterator<Item = Key> + use<'a> {
    let groups = groups.iter().map(|group| ("Group", outside(group.as_str())));
    groups.chain(roles.iter().map(|role| ("Role", outside(role.as_str()))))
}

fn count(n: usize) -> Value {
    long(u64::try_from(n).unwrap_or(u64::MAX))
}

fn escalations(list: &[Escalation]) -> Value {
    // WHY: a path that is only "possible" has no object to bind to. Cards show it; policies see complete paths.
    strings(list.iter().filter(|escalation| escalation.complete).map(|escalation| escalation.id.raw()))
}

fn conflicts(list: &[SodConflict]) -> Value {
    strings(list.iter().map(|conflict| conflict.id.raw()))
}

fn record(name: &'static str, fields: Vec<(&'static str, Value)>) -> (&'static str, Attribute) {
    let pairs: BTreeMap<String, Value> = fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    // WHY: the only error is a repeated key, which the map excludes. An empty record fails the schema, and so denies.
    (name, plain(Value::new_record(pairs).unwrap_or_else(|_| Value::new_set([]))))
}

fn holding(attributes: &mut Attributes, facts: &ChangeFacts, now: Time) {
    let lasts = |holding: &AssignmentTerms| holding.ttl.or_else(|| holding.until.and_then(|until| until.since(now)));
    if let Some(becomes) = &facts.becomes {
        attributes.push(("mode", word(becomes.mode.name())));
        attributes.extend(lasts(becomes).map(|ttl| ("ttl", plain(span(ttl)))));
    }
    if let Some(was) = &facts.was {
        let mut fields = vec![("mode", Value::new_string(was.mode.name().to_owned()))];
        fields.extend(lasts(was).map(|ttl| ("ttl", span(ttl))));
        attributes.push(record("was", fields));
    }
}

/// Whether neither a single change nor all together give any access, including access beyond the limits.
fn gains_nothing(analysis: &Analysis) -> bool {
    let receives = analysis.changes.iter().any(|change| !change.receivers.is_empty());
    let gives = |effects: &Effects, concerned: &Affected| {
        let untold = concerned.untold;
        !(effects.gained.is_empty() && effects.gained_eligible.is_empty())
            || untold.subjects > 0
            || untold.paths
            || untold.conflicts
    };
    let meets = |escalations: &[Escalation], sod: &[SodConflict]| !(escalations.is_empty() && sod.is_empty());
    let changes = &analysis.changes;
    !receives
        && !gives(&analysis.effects, &analysis.concerned)
        && !meets(&analysis.escalations, &analysis.sod)
        && !changes.iter().any(|c| gives(&c.effects, &c.concerned) || meets(&c.escalations, &c.sod))
}
