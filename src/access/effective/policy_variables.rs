//! Policy variables: replaces `${…}` in the patterns of a flattened role with the values of its holder.
//!
//! In an allow, a variable of unknown value becomes `*` under a condition that names it. A deny with an unknown
//! variable is dropped.
//!
//! Source: AWS, IAM reference, "IAM policy elements: Variables and tags".

use std::collections::BTreeSet;
use std::rc::Rc;

use crate::access::effective::conditions::{self, Value, value};
use crate::access::effective::role::{Allow, ResolvedRole};
use crate::access::effective::state::AccessState;
use crate::access::matching::systems::Mark;
use crate::input::entitlement::{Except, Permission};
use crate::input::id::{RoleId, Subject};
use crate::snapshot::model::Identity;

/// Whether a permission contains a variable.
pub(crate) fn has_variable(permission: &Permission) -> bool {
    let texts = std::iter::once(&permission.resource).chain(permission.except.iter().map(|e| &e.resource));
    texts.into_iter().any(|text| text.raw().contains("${"))
}

impl AccessState<'_, '_> {
    /// A role, flattened, with the variables of a subject.
    pub(crate) fn personal(&self, subject: &Subject, role: &RoleId) -> Rc<ResolvedRole> {
        let flat = self.flat(role);
        if !flat.variables {
            return flat;
        }
        let same = |id| !self.delta.identities.contains_key(id);
        if let Some(below) = self.below
            && !self.alters(role)
            && matches!(subject, Subject::Identity(id) if same(id))
        {
            return below.personal(subject, role);
        }
        let key = (subject.clone(), role.clone());
        if let Some(known) = self.memo.borrow().personal.get(&key) {
            return Rc::clone(known);
        }
        let identity = match subject {
            Subject::Identity(id) => self.identity(id.as_str()),
            Subject::Group(_) => None,
        };
        let personal = Rc::new(filled(&flat, identity));
        self.memo.borrow_mut().personal.insert(key, Rc::clone(&personal));
        personal
    }
}

fn filled(flat: &ResolvedRole, holder: Option<&Identity>) -> ResolvedRole {
    let allow = |allow: &Allow| Some(Allow { permission: allowed(&allow.permission, holder)?, ..allow.clone() });
    let allows = flat.allows.iter().filter_map(allow).collect();
    let with_values = |(system, deny): &(Mark, Permission)| Some((system.clone(), denied(deny, holder)?));
    let denies: BTreeSet<(Mark, Permission)> = flat.denies.iter().filter_map(with_values).collect();
    ResolvedRole::of(allows, denies, flat.roles.clone())
}

/// A permission with its condition decided as far as the snapshot allows; `None` if the condition cannot be true.
fn applied(permission: &Permission, holder: Option<&Identity>) -> Option<Permission> {
    let condition = match &permission.condition {
        Some(condition) => conditions::decided(condition, holder)?,
        None => None,
    };
    Some(Permission { condition, ..permission.clone() })
}

/// An allow with its variables replaced; `None` if it cannot apply to this holder.
fn allowed(permission: &Permission, holder: Option<&Identity>) -> Option<Permission> {
    let permission = &applied(permission, holder)?;
    if !has_variable(permission) {
        return Some(permission.clone());
    }
    let resource = fill(permission.resource.raw(), holder)?;
    // An exception with an unknown value may except nothing.
    let except = permission.except.iter().filter_map(|e| exact(e, holder)).collect();
    let condition = match (resource.open, &permission.condition) {
        (false, condition) => condition.clone(),
        (true, condition) => {
            let mark = format!("whatever `{}` stands for", permission.resource.raw());
            Some(condition.as_ref().map_or_else(|| mark.clone(), |c| format!("{mark} and {}", c.raw())).into())
        }
    };
    Some(Permission { resource: resource.text.into(), except, condition, ..permission.clone() })
}

/// A deny with its variables replaced; `None` if one of them is unknown.
fn denied(permission: &Permission, holder: Option<&Identity>) -> Option<Permission> {
    let permission = &applied(permission, holder)?;
    if !has_variable(permission) {
        return Some(permission.clone());
    }
    let resource = fill(permission.resource.raw(), holder).filter(|r| !r.open)?;
    // An exception of a deny with an unknown value is assumed to match any value.
    let left_out = |e: &Except| {
        let resource = fill(e.resource.raw(), holder)?;
        Some(Except { action: e.action.clone(), resource: resource.text.into() })
    };
    let except = permission.except.iter().filter_map(left_out).collect();
    Some(Permission { resource: resource.text.into(), except, ..permission.clone() })
}

fn exact(except: &Except, holder: Option<&Identity>) -> Option<Except> {
    let resource = fill(except.resource.raw(), holder).filter(|r| !r.open)?;
    Some(Except { action: except.action.clone(), resource: resource.text.into() })
}

/// A pattern with its variables replaced.
struct Filled {
    text: String,
    /// Whether a variable became `*`.
    open: bool,
}

/// Replaces the variables of a pattern; `None` if one has no value for this holder, so that the pattern matches
/// nothing.
fn fill(pattern: &str, holder: Option<&Identity>) -> Option<Filled> {
    let mut filled = Filled { text: String::with_capacity(pattern.len()), open: false };
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once("${") {
        filled.text.push_str(before);
        let Some((inner, more)) = after.split_once('}') else {
            filled.text.push_str("${");
            rest = after;
            continue;
        };
        let (name, default) = match inner.split_once(',') {
            Some((name, default)) => (name.trim(), Some(default.trim().trim_matches('\''))),
            None => (inner.trim(), None),
        };
        match (name, value(name, holder)) {
            ("$", _) => filled.text.push('$'),
            (_, Value::Is(value)) => filled.text.push_str(&value),
            (_, Value::None) => filled.text.push_str(default?),
            (_, Value::Unknown) => {
                filled.text.push('*');
                filled.open = true;
            }
        }
        rest = more;
    }
    filled.text.push_str(rest);
    Some(filled)
}

#[cfg(test)]
mod tests {
    use crate::access::Index;
    use crate::access::queries::effective_access::effective;
    use crate::access::tests::build::*;
    use crate::input::id::Subject;

    /// The accesses that a user with a path and a tag, and a role, have from one policy.
    fn held(resource: &str, deny_it: bool) -> Vec<String> {
        let permission = if deny_it { deny("x:y", resource) } else { allow("x:y", resource) };
        let mut s = snapshot("aws").human("arn:aws:iam::111111111111:user/team/ann");
        s.identities[1].labels.insert("team".into(), "blue".into());
        let mut s = s.human("arn:aws:iam::111111111111:role/r");
        // A session of the role may have another team.
        s.identities[2].labels.insert("team".into(), "red".into());
        let s = s.role("p", &[permission]).role("all", &[allow("x:*", "*")]);
        let ids: Vec<String> = s.identities.iter().skip(1).map(|i| i.id.as_str().to_owned()).collect();
        let s = ids.iter().fold(s, |s, id| s.held(&format!("{id}p"), id, "p", None));
        let s = if deny_it { ids.iter().fold(s, |s, id| s.held(&format!("{id}a"), id, "all", None)) } else { s };
        let index = Index::new(&s);
        let of = |id: &String| {
            let reached = effective(&index, &Subject::Identity(id.as_str().into()));
            let show = |r: &crate::access::queries::effective_access::ReachableAccess| {
                let out: Vec<String> = r.access.exceptions.iter().map(|e| format!("-{}", e.resource.raw())).collect();
                let out = out.join("");
                let mark = if r.access.condition.is_some() { "?" } else { "" };
                format!("{}{out}{mark}", r.access.resource.raw())
            };
            reached.iter().map(show).collect::<Vec<_>>().join(" ")
        };
        ids.iter().map(of).collect()
    }

    #[test]
    fn a_variable_stands_for_the_holder_itself() {
        assert_eq!(held("u/${aws:username}", false), ["u/ann", ""]);
        assert_eq!(held("u/${AWS:UserName}/*", false), ["u/ann/*", ""]);
        assert_eq!(held("u/${aws:PrincipalTag/team}", false), ["u/blue", "u/*?"]);
        assert_eq!(held("u/${aws:PrincipalAccount}", false), ["u/111111111111", "u/111111111111"]);
        assert_eq!(held("u/${$}{aws:username}", false), ["u/${aws:username}", "u/${aws:username}"]);
        assert_eq!(held("u/${aws:username, 'any'}", false), ["u/ann", "u/any"]);
        assert_eq!(held("u/${aws:SourceVpc}", false), ["u/*?", "u/*?"]);
        assert_eq!(held("u/${$}x", false), ["u/$x", "u/$x"]);
        assert_eq!(held("u/${open", false), ["u/${open", "u/${open"]);
    }

    #[test]
    fn a_deny_with_an_unknown_variable_takes_nothing() {
        assert_eq!(held("u/${aws:username}", true), ["*-u/ann", "*"]);
        assert_eq!(held("u/${aws:SourceVpc}", true), ["*", "*"]);
    }
}
