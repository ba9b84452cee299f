//! PostgreSQL, from the query that `review snapshot query postgresql` prints, or from `pg_dumpall --globals-only`.
//!
//! `README.md` in this folder says how to export, what is modelled and what is not. The way through the folder: [`dump`]
//! reads statements that [`tokens`] splits, [`export`] is the form of the query's document and of what a dump is read to,
//! [`build`] turns roles and memberships into subjects, [`objects`] turns owners and grants into assignments, [`names`]
//! writes names as SQL does, and [`privileges`] lists what there is to grant.

mod build;
mod dump;
mod export;
pub(crate) mod names;
mod objects;
pub(crate) mod privileges;
mod tokens;

#[cfg(test)]
mod tests;

use crate::input::finding::{Code, Finding, Severity};
use crate::input::intern::interning;
use crate::input::place::Place;
use crate::input::time::Time;
use crate::snapshot::import::importer::{Import, Importer, Recognition};
use crate::snapshot::import::probe::Probe;
use crate::snapshot::import::redaction::redacted;
use crate::snapshot::tree;

use build::Build;
use export::{Export, NotListed};

/// The importer of PostgreSQL.
#[derive(Clone, Copy, Debug)]
pub struct Postgresql;

impl Importer for Postgresql {
    fn system(&self) -> &'static str {
        "postgresql"
    }

    fn commands(&self) -> &'static [&'static str] {
        &[
            "review snapshot query postgresql | psql -AtX -d DATABASE > DATABASE.json",
            "pg_dumpall --globals-only > roles.sql   (roles and memberships only)",
        ]
    }

    fn subjects(&self) -> &'static [&'static str] {
        &["user:NAME", "role:NAME"]
    }

    fn recognise(&self, file: &Probe) -> Recognition {
        if file.text("review_export") == Some("postgresql") || (!file.is_json() && dump::is_dump(file.head())) {
            Recognition::Yes
        } else if file.has("review_export") || (file.has("rolname") && file.is_json()) {
            Recognition::Near("it does not begin with `\"review_export\": \"postgresql\"`")
        } else if !file.is_json() && file.head().contains("-- PostgreSQL database dump") {
            Recognition::Near("it is a dump of one database and holds no roles")
        } else {
            Recognition::No
        }
    }

    fn read(&self, files: &[(&str, &[u8])], taken_at: Time) -> Result<Import, Vec<Finding>> {
        let [(name, bytes)] = files else {
            let message = "an import of PostgreSQL reads one export, of one database";
            return Err(vec![Finding::new(Code::BadValue, message).help("import each file on its own")]);
        };
        let text = tree::text(name, bytes).map_err(|finding| vec![finding])?;
        interning(|| import(name, text, taken_at))
    }

    fn taken_at(&self, file: &Probe) -> Option<Time> {
        if let Some(text) = file.text("taken_at") {
            return Time::parse(text);
        }
        // `pg_dumpall --verbose` states it.
        let line = file.head().lines().find_map(|line| line.strip_prefix("-- Started on "))?;
        export::time(&line.strip_suffix(" UTC")?.replacen(' ', "T", 1)).or_else(|| {
            let text = format!("{}Z", line.strip_suffix(" UTC")?.replacen(' ', "T", 1));
            Time::parse(&text)
        })
    }

    fn target_help(&self) -> &'static str {
        "name it as `--target SYSTEM/DATABASE`; `select system_identifier from pg_control_system()` tells the first part"
    }

    fn query(&self) -> Option<&'static str> {
        Some(include_str!("query.sql"))
    }
}

fn import(name: &str, text: &str, taken_at: Time) -> Result<Import, Vec<Finding>> {
    let (export, mut findings) = if tree::is_json(text.as_bytes()) || text.trim_start().starts_with('[') {
        (export::parse(name, text).map_err(|finding| vec![finding])?, Vec::new())
    } else {
        let dump = dump::parse(name, &redacted(text))?;
        (dump.export, dump.findings)
    };
    let mut build = Build::new(&export);
    objects::add(&export, &mut build)
        .map_err(|faults| faults.into_iter().map(|finding| finding.at(&Place::file(name))).collect::<Vec<_>>())?;
    if build.has_reserved_name() {
        let finding = Finding::new(Code::BadValue, "the export names a role `public`, which no server allows");
        return Err(vec![finding.at(&Place::file(name)).help("export again, and do not edit the file")]);
    }
    notes(&export, &build, &mut findings);
    let counts = build.counts(&export);
    Ok(Import { snapshot: build.finish(&export, taken_at), findings, counts })
}

/// What is approximated or not read.
fn notes(export: &Export, build: &Build, findings: &mut Vec<Finding>) {
    let mut note = |count: usize, severity: Severity, message: &str, help: &str| {
        if count > 0 {
            let finding = Finding::new(Code::NotImported, format!("{count} {message}")).weighing(severity);
            findings.push(finding.help(help));
        }
    };
    let NotListed {
        builtin_objects,
        owner_only_large_objects,
        security_definer_functions,
        row_security_policies,
        user_mappings,
        subscriptions,
    } = export.not_listed;
    let databases = export.objects.iter().filter(|o| o.kind == "database" && Some(&o.name) != export.database.as_ref());
    let databases = databases.filter(|o| !o.name.starts_with("template")).count();
    note(
        security_definer_functions,
        Severity::Warning,
        "functions run with the rights of their owner (SECURITY DEFINER); what they do for their callers is not modelled",
        "review their code before you grant EXECUTE on them",
    );
    note(
        user_mappings,
        Severity::Warning,
        "user mappings of foreign servers are not imported; they give access to other servers",
        "review `pg_user_mappings`",
    );
    note(
        subscriptions,
        Severity::Warning,
        "subscriptions are not imported; their owners read from other servers",
        "review `pg_subscription`",
    );
    note(
        build.attributes_overstated,
        Severity::Note,
        "memberships inherit without SET from a role with attributes; its attributes are shown for the members too",
        "the members do not have the attributes",
    );
    note(
        build.unread_times,
        Severity::Warning,
        "passwords have an expiry that cannot be read; they are shown without one",
        "run the query of `review snapshot query postgresql`",
    );
    note(
        row_security_policies,
        Severity::Note,
        "row security policies are not evaluated; access to their tables has a condition",
        "review `pg_policies`",
    );
    note(
        databases,
        Severity::Note,
        "other databases are on the server; their objects are not in this export",
        "run the query in each database, and import each on its own",
    );
    note(
        builtin_objects,
        Severity::Note,
        "objects of the system and of extensions have the access that they were created with, and are not listed",
        "a grant that was added to one of them is imported",
    );
    note(
        owner_only_large_objects,
        Severity::Note,
        "large objects that only their owners can use are not listed",
        "a grant on a large object is imported",
    );
    for stranger in &build.strangers {
        let message =
            format!("the export names the role `{stranger}` and does not list it; its attributes are unknown");
        findings.push(Finding::new(Code::DanglingReference, message).help("export again, while no role is dropped"));
    }
}
