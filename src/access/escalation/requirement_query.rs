//! The requirements of an escalation path, and how they are satisfied.
//!
//! A requirement of the catalogue becomes a list of alternatives: each action with each resource, and the requirements
//! of the trust rules that it names. One alternative that overlaps a held allow is sufficient. If a variable can be any
//! name, the allow must cover all names. What a service runs under a role is looked up in the catalogue's list of
//! services by the principals that the role trusts, so that one path serves every service.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::access::effective::grant::above;
use crate::access::effective::holdings::WantedAccess;
use crate::access::effective::role::ResolvedRole;
use crate::access::effective::state::AccessState;
use crate::access::escalation::catalog::{ACCOUNT, EscalationPath, PathRequirement, Service, variable_of};
use crate::access::escalation::objects::wanted;
use crate::access::escalation::requirement::{ANY, Completion, FoundPath, HeldIn, Objects, Reached, SCOPE};
use crate::access::graph::provenance::{both, length};
use crate::access::graph::trust_rules::{Bound, Template};
use crate::access::matching::arn::{number, resources_of};
use crate::access::matching::pattern::id_matches;
use crate::input::id::{ResourceId, Subject};
use crate::input::system::System;
use crate::input::text::Text;

/// A requirement with its templates parsed.
pub(crate) struct RequirementQuery {
    system: Option<System>,
    any: Vec<(Text, Template)>,
    scope: Option<Template>,
    runs: Option<Runs>,
}

/// The access needed to run something under an object.
struct Runs {
    variable: String,
    services: Arc<[Service]>,
}

impl RequirementQuery {
    /// The requirements of a path.
    pub(crate) fn of(view: &AccessState<'_, '_>, known: &EscalationPath) -> Vec<Self> {
        known.requires.iter().map(|requirement| Self::new(view, known, requirement)).collect()
    }

    fn new(view: &AccessState<'_, '_>, known: &EscalationPath, requirement: &PathRequirement) -> Self {
        let mut any: Vec<(Text, Template)> = requirement
            .alternatives()
            .map(|(action, resource)| (action.clone(), Template::new(resource.raw())))
            .collect();
        let rules = view.index.snapshot().trust_rules.iter().filter(|rule| requirement.via.contains(&rule.via));
        any.extend(rules.map(|rule| (rule.action.clone(), Template::new(&Template::new(rule.resource.raw()).open()))));
        let runs = |variable: &String| Runs { variable: variable.clone(), services: Arc::clone(&known.services) };
        Self {
            system: known.system.clone(),
            any,
            scope: requirement.scope.as_ref().map(|s| Template::new(s.raw())),
            runs: requirement.runs_as.as_ref().map(runs),
        }
    }

    /// The best path to one of the alternatives.
    pub(crate) fn way(
        &self,
        view: &AccessState<'_, '_>,
        reached: &Reached<'_>,
        bound: &Bound,
        place: HeldIn<'_>,
    ) -> Option<FoundPath> {
        if let Some(runs) = &self.runs {
            return runs.way((view, reached), self.system.as_ref(), bound, place);
        }
        let bound = &with_accounts(bound);
        // WHY: permissions name objects as their own system does, without the prefix of a part.
        let local = |(name, object): (&String, &String)| (name.clone(), view.systems.local(object).to_owned());
        let locals: Bound = bound.iter().map(local).collect();
        // An open scope matches any scope.
        let open = |t: &&Template| t.variables().all(|name| bound.contains_key(name));
        let scope = self.scope.as_ref().filter(open).map(|s| ResourceId::new(s.filled(bound)));
        let held = |(action, template): &(Text, Template)| {
            let whole = template.variables().any(|name| bound.get(name).is_some_and(|value| value == ANY));
            let (scope, system) = (scope.as_ref(), self.system.as_ref());
            let resource = template.filled(&locals);
            let resources = if whole { vec![resource] } else { nameable(system, action.raw(), resource) };
            best(resources.into_iter().filter_map(|resource| {
                let resource: Text = reached.in_partition(resource).into();
                reached.way(view, &WantedAccess { action, resource: &resource, scope, system }, place, whole)
            }))
        };
        best(self.any.iter().filter_map(held))
    }

    /// The alternatives, with all variables open.
    pub(crate) fn open(&self) -> impl Iterator<Item = (&Text, Text)> {
        self.any.iter().flat_map(|(action, template)| {
            let resources = nameable(self.system.as_ref(), action.raw(), template.open());
            resources.into_iter().map(move |resource| (action, resource.into()))
        })
    }

    /// Its variables.
    pub(crate) fn variables(&self) -> BTreeSet<&str> {
        let templates = self.any.iter().map(|(_, template)| template).chain(&self.scope);
        let named = templates.flat_map(Template::variables).map(variable_of);
        named.chain(self.runs.iter().map(|runs| runs.variable.as_str())).collect()
    }

    /// Its action and system, if it has only one action, its resource is just one variable and it has no scope.
    pub(crate) fn plainly(&self, name: &str) -> Option<(&Text, Option<&System>)> {
        let [(action, template)] = self.any.as_slice() else { return None };
        (self.scope.is_none() && template.is_only(name)).then_some((action, self.system.as_ref()))
    }

    /// The name of a variable in a held resource pattern, if the pattern limits it to one name.
    pub(crate) fn name_in<'r>(&self, variable: &str, held: &'r str) -> Option<&'r str> {
        let of = |(_, template): &(Text, Template)| template.before_last(variable);
        let before = self.any.iter().find_map(of)?;
        held.rsplit_once(before).map(|(_, name)| name).filter(|name| !name.contains('*') && !name.is_empty())
    }
}

/// The bindings, with the accounts of the objects.
fn with_accounts(bound: &Bound) -> Bound {
    let account = |(name, object): (&String, &String)| Some((format!("{name}{ACCOUNT}"), number(object)?.to_owned()));
    bound.iter().filter_map(account).chain(bound.clone()).collect()
}

impl Runs {
    fn way(
        &self,
        (view, reached): (&AccessState<'_, '_>, &Reached<'_>),
        system: Option<&System>,
        bound: &Bound,
        place: HeldIn<'_>,
    ) -> Option<FoundPath> {
        let Some(object) = bound.get(&self.variable) else {
            let mut names = self.services.iter().flat_map(|service| &service.names).map(Text::raw);
            return names.find_map(|name| self.by((view, reached), system, bound, place, name));
        };
        let trusts = view.trusts_to(&Subject::Identity(object.as_str().into()));
        best(trusts.iter().filter_map(|trust| {
            let found = self.by((view, reached), system, bound, place, service_name(trust.from.raw())?)?;
            let condition = both(found.condition.as_ref(), trust.condition.as_ref());
            Some(FoundPath { condition, ..found })
        }))
    }

    /// How the requirements of one service are satisfied.
    fn by(
        &self,
        (view, reached): (&AccessState<'_, '_>, &Reached<'_>),
        system: Option<&System>,
        bound: &Bound,
        place: HeldIn<'_>,
        name: &str,
    ) -> Option<FoundPath> {
        let account = bound.get(&self.variable).and_then(|object| number(object)).unwrap_or_default();
        reached.runs(format!("{name} {account}"), || {
            let is_named = |service: &&Service| service.names.iter().any(|n| n.raw() == name);
            let other = |service: &&Service| service.names.iter().any(|n| n.raw() == ANY);
            let service = self.services.iter().find(is_named).or_else(|| self.services.iter().find(other))?;
            let prefix = name.rsplit('.').next().unwrap_or(name);
            service.runs.iter().find_map(|all| {
                let each = all.iter().map(|r| Self::held((view, reached), system, (bound, prefix), place, r));
                let each: Vec<FoundPath> = each.collect::<Option<_>>()?;
                let condition =
                    each.iter().fold(None, |all: Option<Text>, one| both(all.as_ref(), one.condition.as_ref()));
                Some(FoundPath { condition, ..each.into_iter().next()? })
            })
        })
    }

    fn held(
        (view, reached): (&AccessState<'_, '_>, &Reached<'_>),
        system: Option<&System>,
        (bound, prefix): (&Bound, &str),
        place: HeldIn<'_>,
        requirement: &PathRequirement,
    ) -> Option<FoundPath> {
        let names = Bound::from([("service".to_owned(), prefix.to_owned())]);
        let bound = with_accounts(bound);
        best(requirement.alternatives().filter_map(|(action, resource)| {
            let action: Text = Template::new(action.raw()).filled(&names).into();
            let resources = nameable(system, action.raw(), Template::new(resource.raw()).filled(&bound));
            best(resources.into_iter().filter_map(|resource| {
                let resource: Text = reached.in_partition(resource).into();
                reached.way(
                    view,
                    &WantedAccess { action: &action, resource: &resource, scope: None, system },
                    place,
                    false,
                )
            }))
        }))
    }
}

/// The resources of a requirement. One on any resource of AWS names those that its action can name.
fn nameable(system: Option<&System>, action: &str, resource: String) -> Vec<String> {
    if system == Some(&System::Aws) && resource == ANY { resources_of(action).collect() } else { vec![resource] }
}

/// The best of several paths: unconditional before conditional, then the shortest, so that direct holdings come before
/// those of another identity.
fn best(ways: impl Iterator<Item = FoundPath>) -> Option<FoundPath> {
    ways.min_by_key(|found| (found.condition.is_some(), length(&found.leg.trail)))
}

/// The name of a service in a trust, without its domain and region.
fn service_name(principal: &str) -> Option<&str> {
    let name = principal.strip_prefix("service:")?;
    let name = name.strip_suffix(".cn").unwrap_or(name);
    let name = name.strip_suffix(".amazonaws.com").unwrap_or(name);
    let region = |part: &str| part.contains('-') && part.ends_with(|c: char| c.is_ascii_digit());
    Some(name.rsplit_once('.').filter(|(_, last)| region(last)).map_or(name, |(name, _)| name))
}

impl Completion<'_> {
    /// How each requirement is satisfied with these objects.
    pub(crate) fn ways(
        &self,
        view: &AccessState<'_, '_>,
        reached: &Reached<'_>,
        objects: &Objects,
    ) -> Option<Vec<FoundPath>> {
        let bound = self.bound(objects);
        let scope = bound.get(SCOPE).filter(|scope| *scope != ANY).map(|scope| ResourceId::new(scope.clone()));
        let place = if bound.contains_key(SCOPE) { HeldIn::One(scope.as_ref()) } else { HeldIn::Any };
        RequirementQuery::of(view, self.known).iter().map(|asked| asked.way(view, reached, &bound, place)).collect()
    }
}

impl Reached<'_> {
    /// The names that a variable can be: those that the held allows name, and `*` if they do not limit it.
    pub(crate) fn names(
        &self,
        view: &AccessState<'_, '_>,
        known: &EscalationPath,
        variable: &str,
        asked: &[RequirementQuery],
    ) -> BTreeSet<Text> {
        let mut found = BTreeSet::new();
        for asked in asked.iter().filter(|asked| asked.variables().contains(variable)) {
            for (action, resource) in asked.open() {
                let wanted = (action, &resource, asked.system.as_ref());
                let held = |flat: &ResolvedRole| !flat.overlapping_places(view.systems, wanted).is_empty();
                for gift in self.given.of_roles(&held) {
                    let allows = gift.flat.overlapping(view.systems, wanted);
                    let named = allows.iter().filter_map(|a| asked.name_in(variable, a.permission.resource.raw()));
                    found.extend(named.map(Text::from));
                }
            }
        }
        let is_meant = |name: &Text| {
            wanted(known, variable).all(|e| {
                let object = e.named.as_ref().map(|template| object_of(template, variable, name));
                e.name.is_empty() || object.is_none_or(|o| e.name.iter().any(|p| id_matches(p.raw(), &o)))
            })
        };
        found.retain(is_meant);
        // If the path applies only to some names, no binding represents all names.
        if wanted(known, variable).all(|e| e.name.is_empty()) {
            found.insert(ANY.into());
        }
        found
    }

    /// The scopes at which all requirements of a path may be satisfied, everywhere first. Each is a scope at which one
    /// requirement is held, with the others held there or above.
    pub(crate) fn scopes(&self, view: &AccessState<'_, '_>, asked: &[RequirementQuery]) -> Vec<Option<ResourceId>> {
        let places = |asked: &RequirementQuery| -> BTreeSet<Option<ResourceId>> {
            let of = |(action, resource): (&Text, Text)| {
                let wanted = (action, &resource, asked.system.as_ref());
                let held = |flat: &ResolvedRole| !flat.overlapping_places(view.systems, wanted).is_empty();
                self.given.of_roles(&held).into_iter().map(|gift| gift.scope.clone()).collect::<Vec<_>>()
            };
            asked.open().flat_map(of).collect()
        };
        let each: Vec<BTreeSet<Option<ResourceId>>> = asked.iter().map(places).collect();
        let all: BTreeSet<&Option<ResourceId>> = each.iter().flatten().collect();
        let is_held = |scope: &&Option<ResourceId>| {
            let above = above(view, scope.as_ref());
            each.iter().all(|places| above.iter().any(|place| places.contains(place)))
        };
        all.into_iter().filter(is_held).cloned().collect()
    }

    /// How the requirements of a service are satisfied. Cached.
    fn runs(&self, service: String, find: impl FnOnce() -> Option<FoundPath>) -> Option<FoundPath> {
        if let Some(known) = self.named.runs.borrow().get(&service) {
            return known.clone();
        }
        let found = find();
        self.named.runs.borrow_mut().insert(service, found.clone());
        found
    }
}

/// The name of the object with the name of a variable.
pub(crate) fn object_of(template: &Text, variable: &str, name: &Text) -> String {
    Template::new(template.raw()).filled(&Bound::from([(variable.to_owned(), name.raw().to_owned())]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_named_without_its_domain_and_region() {
        for (principal, name) in [
            ("service:lambda.amazonaws.com", "lambda"),
            ("service:states.eu-west-1.amazonaws.com", "states"),
            ("service:ec2.amazonaws.com.cn", "ec2"),
            ("service:tasks.apprunner.amazonaws.com", "tasks.apprunner"),
            ("service:ecs-tasks.amazonaws.com", "ecs-tasks"),
        ] {
            assert_eq!(service_name(principal), Some(name));
        }
        assert_eq!(service_name("arn:aws:iam::111111111111:root"), None);
    }
}
