//! Puts a prefix before every id of a snapshot.
//!
//! Definitions, references, patterns of ids and templates of trust rules all get it. Actions, resources and conditions of
//! permissions are no ids, and stay as the system writes them. Patterns that mean everybody stay too: the public of one
//! system is everybody in all of them.

use std::collections::HashMap;
use std::sync::Arc;

use crate::input::entitlement::Requirement;
use crate::input::id::Id;
use crate::input::id::kind::Kind;
use crate::input::system::System;
use crate::input::text::Text;
use crate::snapshot::model::Snapshot;

/// Everybody.
const ANY: &str = "*";

struct Prefix<'n> {
    name: &'n str,
    /// One copy of each id that occurs often.
    known: HashMap<Arc<str>, Arc<str>>,
}

impl Prefix<'_> {
    fn raw(&mut self, id: &str, is_once: bool) -> Arc<str> {
        if let Some(known) = self.known.get(id) {
            return Arc::clone(known);
        }
        let made: Arc<str> = format!("{}:{id}", self.name).into();
        if !is_once {
            self.known.insert(id.into(), Arc::clone(&made));
        }
        made
    }

    fn id<K: Kind>(&mut self, id: &mut Id<K>) {
        *id = Id::new(self.raw(id.as_str(), K::ONCE));
    }

    fn all<'i, K: Kind + 'i>(&mut self, ids: impl IntoIterator<Item = &'i mut Id<K>>) {
        ids.into_iter().for_each(|id| self.id(id));
    }

    fn text(&mut self, text: &mut Text) {
        if text.raw() != ANY {
            *text = Text::new(self.raw(text.raw(), false));
        }
    }

    fn requirement(&mut self, requirement: &mut Requirement) {
        self.all(&mut requirement.scope);
    }

    fn system(&self, system: &mut Option<System>, whole: Option<&System>) {
        if system.as_ref() == whole
            && let Some(own) = system
        {
            *own = own.of_part(self.name);
        }
    }
}

/// Puts `name:` before every id, and makes the objects of the main system those of a part of that name.
pub(super) fn add(snapshot: &mut Snapshot, name: &str) {
    let whole = snapshot.whole_system();
    let mut prefix = Prefix { name, known: HashMap::new() };
    for it in &mut snapshot.identities {
        prefix.id(&mut it.id);
        prefix.all(&mut it.owner);
        prefix.all(it.limits.iter_mut().flat_map(|limit| &mut limit.roles));
    }
    for it in &mut snapshot.groups {
        prefix.id(&mut it.id);
        prefix.all(&mut it.members);
        prefix.all(&mut it.nested);
        prefix.all(&mut it.owner);
        let is_public = it.public;
        for pattern in it.implicit.iter_mut().filter(|pattern| !is_public || *pattern != ANY) {
            *pattern = format!("{name}:{pattern}");
        }
    }
    for it in &mut snapshot.roles {
        prefix.id(&mut it.id);
        prefix.all(&mut it.includes);
        prefix.all(&mut it.owner);
        prefix.system(&mut it.system, whole.as_ref());
    }
    for it in &mut snapshot.resources {
        prefix.id(&mut it.id);
        prefix.all(&mut it.parent);
        prefix.all(&mut it.owner);
    }
    for it in &mut snapshot.assignments {
        prefix.id(&mut it.id);
        prefix.text(&mut it.who);
        prefix.all(&mut it.role);
        prefix.all(&mut it.member_of);
        prefix.all(&mut it.scope);
    }
    for it in &mut snapshot.trusts {
        prefix.id(&mut it.id);
        prefix.text(&mut it.from);
        prefix.text(&mut it.to);
        it.requires.iter_mut().for_each(|requirement| prefix.requirement(requirement));
        prefix.system(&mut it.system, whole.as_ref());
    }
    for it in &mut snapshot.trust_rules {
        prefix.id(&mut it.id);
        prefix.text(&mut it.to);
        it.scope.iter_mut().for_each(|scope| prefix.text(scope));
        it.with.iter_mut().for_each(|requirement| prefix.requirement(requirement));
        prefix.system(&mut it.system, whole.as_ref());
    }
    for it in &mut snapshot.credentials {
        prefix.id(&mut it.id);
        prefix.id(&mut it.identity);
    }
    for it in &mut snapshot.findings {
        prefix.id(&mut it.id);
        it.subject.iter_mut().for_each(|subject| prefix.text(subject));
    }
}
