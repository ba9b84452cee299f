//! The rules for a merged snapshot.
//!
//! Rules about a system name its objects as that system does: `clusterrole:cluster-admin`. In a merged snapshot these ids
//! have the prefix of their part, so a rule of a system becomes one rule for each part of that kind, with the prefix
//! before each pattern of ids. Rules without a system name objects by the ids of the merged snapshot, and are kept. Costs
//! one copy of the rules for each part.

use crate::access::escalation::catalog::EscalationPath;
use crate::access::risk::rule_files::Data;
use crate::access::risk::rules::ClassificationRule;
use crate::access::risk::sod::{SodPair, SodSide};
use crate::input::finding::{Code, Finding};
use crate::input::system::System;
use crate::input::text::Text;
use crate::snapshot::model::{Snapshot, SystemPart};

use crate::access::matching::pattern::id_matches;

/// A part whose ids have a prefix.
struct Part {
    prefix: String,
    system: System,
}

impl Part {
    fn of(snapshot: &Snapshot) -> Vec<Self> {
        let named = snapshot.parts.iter().filter_map(SystemPart::prefixed);
        named.map(|(prefix, system)| Self { prefix, system }).collect()
    }

    /// A pattern of ids with the prefix. One that has it stays as it is, and so does a variable, which is an id.
    fn pattern(&self, pattern: &str) -> String {
        if pattern.starts_with(&self.prefix) || pattern.starts_with('$') {
            pattern.to_owned()
        } else {
            format!("{}{pattern}", self.prefix)
        }
    }

    fn text(&self, pattern: &Text) -> Text {
        Text::from(self.pattern(pattern.raw()))
    }
}

impl Data {
    /// The rules as they apply to a snapshot: with the prefixes of the parts of a merged one.
    #[must_use]
    pub fn in_estate(mut self, snapshot: &Snapshot) -> Self {
        let parts = Part::of(snapshot);
        if parts.is_empty() {
            return self;
        }
        let is_of = |part: &&Part, system: Option<&System>| system.is_some_and(|system| part.system.kind() == *system);
        let rules = std::mem::take(&mut self.classification.rules);
        for rule in rules {
            let system = rule.system.as_ref().map(System::named);
            let mut mine = parts.iter().filter(|part| is_of(part, system.as_ref())).peekable();
            if mine.peek().is_none() {
                self.classification.rules.push(rule);
                continue;
            }
            self.classification.rules.extend(mine.map(|part| in_part(&rule, part)));
        }
        let mut escalations = Vec::new();
        for path in std::mem::take(&mut self.escalations) {
            let mine: Vec<&Part> = parts.iter().filter(|part| is_of(part, path.system.as_ref())).collect();
            if mine.is_empty() {
                escalations.push(path);
            } else {
                escalations.extend(mine.iter().map(|part| path_in(&path, part)));
            }
        }
        self.escalations = escalations;
        let mut pairs = Vec::new();
        for pair in std::mem::take(&mut self.sod) {
            let mine: Vec<&Part> = parts.iter().filter(|part| is_of(part, pair.system.as_ref())).collect();
            if mine.is_empty() {
                pairs.push(pair);
            } else {
                pairs.extend(mine.iter().map(|part| pair_in(&pair, part)));
            }
        }
        self.sod = pairs;
        self
    }

    /// The patterns of ids in classification rules and pairs that match nothing in a merged snapshot: rules that were
    /// written for another snapshot, and would silently never apply. Of a rule about a system, each part is looked at.
    #[must_use]
    pub fn unresolved(self, snapshot: &Snapshot) -> Vec<Finding> {
        if snapshot.parts.is_empty() {
            return Vec::new();
        }
        let known = Known::of(snapshot);
        let mut found = Vec::new();
        let parts = Part::of(snapshot);
        let forms = |system: Option<&System>, pattern: &str| -> Vec<String> {
            let mine = parts.iter().filter(|part| system.is_some_and(|system| part.system.kind() == *system));
            let forms: Vec<String> = mine.map(|part| part.pattern(pattern)).collect();
            if forms.is_empty() { vec![pattern.to_owned()] } else { forms }
        };
        let mut look = |what: &str, kind: Kind, system: Option<&System>, pattern: &str| {
            if !forms(system, pattern).iter().any(|form| known.has(kind, form)) {
                found.push(unresolved(what, kind, pattern, &parts));
            }
        };
        for rule in &self.classification.rules {
            let system = rule.system.as_ref().map(System::named);
            let system = system.as_ref();
            rule.role.iter().for_each(|role| look("a classification rule", Kind::Role, system, role));
            rule.group.iter().for_each(|group| look("a classification rule", Kind::Group, system, group));
            rule.scope.iter().for_each(|scope| look("a classification rule", Kind::Resource, system, scope.as_str()));
        }
        for pair in &self.sod {
            let what = format!("the separation-of-duties pair `{}`", pair.id.raw());
            for side in [&pair.first, &pair.second] {
                match side {
                    SodSide::Role { role } => look(&what, Kind::Role, pair.system.as_ref(), role),
                    SodSide::Membership { member_of } => look(&what, Kind::Group, pair.system.as_ref(), member_of),
                    SodSide::Access { .. } => {}
                }
            }
        }
        found
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Role,
    Group,
    Resource,
}

/// The ids of a snapshot.
struct Known<'s> {
    roles: Vec<&'s str>,
    groups: Vec<&'s str>,
    resources: Vec<&'s str>,
}

impl<'s> Known<'s> {
    fn of(snapshot: &'s Snapshot) -> Self {
        let given = snapshot.assignments.iter().filter_map(|it| it.role.as_ref());
        let scopes = snapshot.assignments.iter().filter_map(|it| it.scope.as_ref());
        let mut known = Self {
            roles: snapshot.roles.iter().map(|it| &it.id).chain(given).map(crate::input::id::Id::as_str).collect(),
            groups: snapshot.groups.iter().map(|it| it.id.as_str()).collect(),
            resources: snapshot
                .resources
                .iter()
                .map(|it| &it.id)
                .chain(scopes)
                .map(crate::input::id::Id::as_str)
                .collect(),
        };
        for list in [&mut known.roles, &mut known.groups, &mut known.resources] {
            list.sort_unstable();
            list.dedup();
        }
        known
    }

    fn has(&self, kind: Kind, pattern: &str) -> bool {
        let list = match kind {
            Kind::Role => &self.roles,
            Kind::Group => &self.groups,
            Kind::Resource => &self.resources,
        };
        list.binary_search(&pattern).is_ok() || (pattern.contains('*') && list.iter().any(|id| id_matches(pattern, id)))
    }
}

fn unresolved(what: &str, kind: Kind, pattern: &str, parts: &[Part]) -> Finding {
    let noun = match kind {
        Kind::Role => "role",
        Kind::Group => "group",
        Kind::Resource => "scope",
    };
    let message = format!("{what} names the {noun} `{pattern}`, which matches nothing in the merged snapshot");
    let help = match parts.first() {
        Some(part) => {
            format!("write it with the prefix of its part, as in `{}{pattern}`, or name its `system`", part.prefix)
        }
        None => "correct the name, or remove the rule".to_owned(),
    };
    Finding::new(Code::UnresolvedLiteral, message).help(help)
}

fn in_part(rule: &ClassificationRule, part: &Part) -> ClassificationRule {
    let mut rule = rule.clone();
    rule.system = Some(Text::from(part.system.name()));
    rule.role = rule.role.map(|it| part.pattern(&it));
    rule.group = rule.group.map(|it| part.pattern(&it));
    rule.scope = rule.scope.map(|it| part.pattern(it.as_str()).into());
    rule
}

fn pair_in(pair: &SodPair, part: &Part) -> SodPair {
    let side = |side: &SodSide| match side {
        SodSide::Role { role } => SodSide::Role { role: part.pattern(role) },
        SodSide::Membership { member_of } => SodSide::Membership { member_of: part.pattern(member_of) },
        SodSide::Access { .. } => side.clone(),
    };
    SodPair {
        id: named(&pair.id, part),
        system: Some(part.system.clone()),
        first: side(&pair.first),
        second: side(&pair.second),
        ..pair.clone()
    }
}

fn path_in(path: &EscalationPath, part: &Part) -> EscalationPath {
    let mut path = path.clone();
    path.id = named(&path.id, part);
    path.system = Some(part.system.clone());
    let holds = path.exists.iter_mut().filter_map(|it| it.holds.as_mut());
    for asked in path.requires.iter_mut().chain(holds) {
        asked.scope = asked.scope.as_ref().map(|it| part.text(it));
    }
    path.only_with = path.only_with.iter().map(|it| part.text(it)).collect();
    for exists in &mut path.exists {
        exists.name = exists.name.iter().map(|it| part.text(it)).collect();
        exists.not_name = exists.not_name.as_ref().map(|it| part.pattern(it));
        exists.trusts = exists.trusts.iter().map(|it| part.text(it)).collect();
        exists.named = exists.named.as_ref().map(|it| part.text(it));
    }
    path
}

/// The id of a rule of a part. Parts of one kind have rules of the same name otherwise.
fn named(id: &Text, part: &Part) -> Text {
    if part.system.kind() == part.system { id.clone() } else { Text::from(format!("{}@{}", id.raw(), part.name())) }
}

impl Part {
    fn name(&self) -> &str {
        self.prefix.trim_end_matches(':')
    }
}
