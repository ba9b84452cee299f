//! Rows become objects of the snapshot.
//!
//! A row is read as the JSON object of its fields, so that fields and words are those of the native format.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::input::entitlement::Permission;
use crate::input::finding::{Code, Finding};
use crate::input::id::{GroupId, IdentityId, RoleId};
use crate::input::intern::shared;
use crate::input::place::Place;
use crate::snapshot::import::draft::{Draft, Omission};
use crate::snapshot::model::{Assignment, Group, Identity, Resource, Role};

use super::mapping::MappedTable;
use super::table::{Row, Table, unmarked};

const COLUMNS: Omission = Omission {
    what: "columns are not in the mapping and not read",
    help: "add them to `columns` of the mapping if they say who has access",
    gives_access: false,
};

/// A table of a file: its name, the table, and how it is mapped.
pub(super) struct Source<'a> {
    pub name: &'a str,
    pub table: Table,
    /// None: the columns are the fields.
    pub mapped: Option<&'a MappedTable>,
}

impl Source<'_> {
    /// Adds all rows.
    pub fn add(&self, rows: &[Row], draft: &mut Draft) {
        let Some((header, rows)) = rows.split_first() else { return };
        let fields = match self.fields(header, draft) {
            Ok(fields) => fields,
            Err(faults) => return draft.faults.extend(faults),
        };
        for row in rows {
            let read = self.object(row, &fields).and_then(|object| self.row(object, draft));
            if let Err(message) = read {
                let finding = Finding::new(Code::BadValue, message).at(&Place::line(self.name, row.line));
                draft.faults.push(finding.help("correct the row, or the mapping"));
            }
        }
        draft.count(self.table.name, rows.len());
    }

    /// The field of each column, by its position.
    fn fields(&self, header: &Row, draft: &mut Draft) -> Result<Vec<(usize, String)>, Vec<Finding>> {
        let place = Place::line(self.name, header.line);
        let fault = |message: String, help: String| Finding::new(Code::MissingField, message).at(&place).help(help);
        let known = |field: &str| self.table.columns.contains(&field);
        let Some(mapped) = self.mapped else {
            let strange = header.cells.iter().filter(|cell| !known(cell));
            let faults: Vec<Finding> = strange
                .map(|cell| {
                    let message = format!("the table `{}` has no column `{cell}`", self.table.name);
                    fault(message, format!("its columns are {}; or write a mapping", self.table.columns.join(", ")))
                })
                .collect();
            let fields = header.cells.iter().cloned().enumerate().collect();
            return if faults.is_empty() { Ok(fields) } else { Err(faults) };
        };
        let used = mapped.columns.keys().chain(mapped.constants.keys());
        let used = used.chain(mapped.values.keys()).chain(mapped.prefix.keys());
        let mut faults: Vec<Finding> = used
            .filter(|field| !known(field))
            .map(|field| {
                let message = format!("the mapping of the table `{}` names the field `{field}`", self.table.name);
                fault(message, format!("its fields are {}", self.table.columns.join(", ")))
            })
            .collect();
        let mut fields = Vec::new();
        for (field, column) in &mapped.columns {
            match header.cells.iter().position(|cell| cell == column) {
                Some(at) => fields.push((at, field.clone())),
                None => faults.push(fault(
                    format!("the file has no column `{column}`"),
                    format!("its columns are {}", header.cells.join(", ")),
                )),
            }
        }
        for cell in header.cells.iter().filter(|cell| !mapped.columns.values().any(|column| column == *cell)) {
            draft.omit(COLUMNS, cell);
        }
        if faults.is_empty() { Ok(fields) } else { Err(faults) }
    }

    /// The fields of a row. An empty cell is an absent field.
    fn object(&self, row: &Row, fields: &[(usize, String)]) -> Result<BTreeMap<String, String>, String> {
        let mut object: BTreeMap<String, String> = self.mapped.map(|it| it.constants.clone()).unwrap_or_default();
        for (at, field) in fields {
            let cell = row.cells.get(*at).map_or("", String::as_str);
            let Some(mapped) = self.mapped else {
                object.insert(field.clone(), unmarked(cell).to_owned());
                continue;
            };
            if cell.is_empty() && object.contains_key(field) {
                continue;
            }
            let value = match mapped.values.get(field) {
                Some(values) => values
                    .get(cell)
                    .ok_or_else(|| format!("the mapping says nothing about the value `{cell}` of `{field}`"))?,
                None => cell,
            };
            let prefix = mapped.prefix.get(field).filter(|_| !value.is_empty()).map_or("", String::as_str);
            object.insert(field.clone(), format!("{prefix}{value}"));
        }
        object.retain(|_, value| !value.is_empty());
        Ok(object)
    }

    fn row(&self, mut object: BTreeMap<String, String>, draft: &mut Draft) -> Result<(), String> {
        let mut take = |field: &str| object.remove(field).ok_or_else(|| format!("`{field}` is empty"));
        match self.table.name {
            "members" => {
                let (group, member) = (take("group")?, take("member")?);
                let how = take("how").unwrap_or_else(|_| "member".to_owned());
                return member_of(&group, &member, &how, draft);
            }
            "permissions" => {
                let role = take("role")?;
                let permission: Permission = read(object)?;
                draft.role(&role).permissions.push(permission);
                return Ok(());
            }
            "includes" => {
                let (role, included) = (take("role")?, take("includes")?);
                draft.role(&role).includes.push(RoleId::new(shared(&included)));
                return Ok(());
            }
            "assignments" if !object.contains_key("id") => {
                let field = |name: &str| object.get(name).map_or("", String::as_str);
                let what = [field("role"), field("member_of")].concat();
                let place = object.get("scope").map(|scope| format!("@{scope}")).unwrap_or_default();
                let id = format!("{}#{what}{place}", field("who"));
                object.insert("id".to_owned(), id);
            }
            _ => {}
        }
        let id = object.get("id").cloned().ok_or("`id` is empty")?;
        if draft.is_new(self.table.name, &id, &object) { self.named(object, draft) } else { Ok(()) }
    }

    /// Adds an object with an id.
    fn named(&self, object: BTreeMap<String, String>, draft: &mut Draft) -> Result<(), String> {
        match self.table.name {
            "identities" => {
                let identity: Identity = read(object)?;
                draft.identities.insert(identity.id.clone(), identity);
            }
            "groups" => {
                let group: Group = read(object)?;
                draft.groups.insert(group.id.clone(), group);
            }
            "roles" => {
                let role: Role = read(object)?;
                let known = draft.role(role.id.as_str());
                (known.owner, known.sensitivity) = (role.owner, role.sensitivity);
            }
            "resources" => {
                let resource: Resource = read(object)?;
                draft.resources.insert(resource.id.clone(), resource);
            }
            _ => {
                let assignment: Assignment = read(object)?;
                if assignment.role.is_some() == assignment.member_of.is_some() {
                    return Err("an assignment has a `role` or a `member_of`, and not both".to_owned());
                }
                draft.assignments.insert(assignment.id.clone(), assignment);
            }
        }
        Ok(())
    }
}

fn member_of(group: &str, member: &str, how: &str, draft: &mut Draft) -> Result<(), String> {
    let group = draft.groups.get_mut(group).ok_or_else(|| format!("no table of groups lists `{group}`"))?;
    match how {
        "member" => group.members.push(IdentityId::new(shared(member))),
        "nested" => group.nested.push(GroupId::new(shared(member))),
        "implicit" => group.implicit.push(member.to_owned()),
        other => return Err(format!("`{other}` is not `member`, `nested` or `implicit`")),
    }
    Ok(())
}

/// Reads the fields of an object of the native format.
fn read<T: DeserializeOwned>(object: BTreeMap<String, String>) -> Result<T, String> {
    let value = |(field, text): (String, String)| {
        let value = match (field.as_str(), text.as_str()) {
            ("public", "true") => Value::Bool(true),
            ("public", "false") => Value::Bool(false),
            _ => Value::String(text),
        };
        (field, value)
    };
    let object: Map<String, Value> = object.into_iter().map(value).collect();
    serde_json::from_value(Value::Object(object)).map_err(|fault| fault.to_string())
}

/// Reports names that no table lists.
pub(super) fn references(draft: &mut Draft) {
    let mut missing: Vec<(String, &str, &str)> = Vec::new();
    let mut need = |is_known: bool, id: &str, what: &'static str, table: &'static str| {
        if !is_known {
            missing.push((id.to_owned(), what, table));
        }
    };
    for assignment in draft.assignments.values() {
        let who = assignment.who.raw();
        need(draft.is_subject(who), who, "has an assignment", "identities` or `groups");
        if let Some(group) = &assignment.member_of {
            need(draft.groups.contains_key(group.as_str()), group.as_str(), "has a member", "groups");
        }
    }
    for group in draft.groups.values() {
        for id in &group.members {
            need(draft.identities.contains_key(id.as_str()), id.as_str(), "is a member", "identities");
        }
        for id in &group.nested {
            need(draft.groups.contains_key(id.as_str()), id.as_str(), "is nested in a group", "groups");
        }
    }
    let owners = (draft.identities.values().filter_map(|it| it.owner.as_ref()))
        .chain(draft.groups.values().filter_map(|it| it.owner.as_ref()))
        .chain(draft.roles.values().filter_map(|it| it.owner.as_ref()))
        .chain(draft.resources.values().filter_map(|it| it.owner.as_ref()));
    for id in owners {
        need(draft.identities.contains_key(id.as_str()), id.as_str(), "is an owner", "identities");
    }
    missing.sort();
    missing.dedup();
    let finding = |(id, what, table): (String, &str, &str)| {
        let finding = Finding::new(Code::MissingField, format!("`{id}` {what} and is in no table"));
        finding.help(format!("list it in the table `{table}`"))
    };
    draft.faults.extend(missing.into_iter().map(finding));
}
