//! Tables of comma-separated values, for systems that nothing else exports, and for people who use spreadsheets.
//!
//! `README.md` in this folder says how tables are called, and how a mapping file reads tables of other systems. [`table`]
//! reads and writes rows, [`mapping`] is the form of the mapping file, [`build`] turns rows into a snapshot, and [`mod@write`]
//! turns a snapshot into tables.

mod build;
mod mapping;
mod table;
mod write;

#[cfg(test)]
mod tests;

use crate::input::finding::{Code, Finding};
use crate::input::intern::interning;
use crate::input::place::Place;
use crate::input::time::Time;
use crate::snapshot::import::draft::Draft;
use crate::snapshot::import::importer::{Import, Importer, Recognition};
use crate::snapshot::import::probe::Probe;
use crate::snapshot::tree;

use build::Source;
use mapping::{MARK, MappedTable, Mapping};
use table::Table;
pub use write::files;

/// The importer of comma-separated values.
#[derive(Clone, Copy, Debug)]
pub struct Csv;

impl Importer for Csv {
    fn system(&self) -> &'static str {
        "csv"
    }

    fn commands(&self) -> &'static [&'static str] {
        &[
            "review snapshot export csv SNAPSHOT -o FOLDER   (identities.csv, roles.csv, assignments.csv, …)",
            "review snapshot import csv mapping.yaml FILE…   (tables of any system, with a mapping)",
        ]
    }

    fn subjects(&self) -> &'static [&'static str] {
        &["ID"]
    }

    fn recognise(&self, file: &Probe) -> Recognition {
        let header = file.head().lines().next().unwrap_or_default();
        let delimiter = table::delimiter(header);
        let cells: Vec<&str> = header.split(delimiter).map(|cell| cell.trim().trim_matches('"')).collect();
        if file.is_json() {
            Recognition::No
        } else if file.has(MARK) || Table::of_header(&cells).is_some() {
            Recognition::Yes
        } else if cells.len() > 2 && file.head().lines().nth(1).is_some_and(|line| line.contains(delimiter)) {
            Recognition::Near("its columns are not those of a table; write a mapping, and name `csv` before the files")
        } else {
            Recognition::No
        }
    }

    fn read(&self, files: &[(&str, &[u8])], taken_at: Time) -> Result<Import, Vec<Finding>> {
        interning(|| import(files, taken_at))
    }

    fn taken_at(&self, file: &Probe) -> Option<Time> {
        Time::parse(file.text("taken_at").filter(|_| file.has(MARK))?)
    }

    fn target_help(&self) -> &'static str {
        "name the system in the mapping (`target: ID`), or with `--target`"
    }
}

fn import(files: &[(&str, &[u8])], taken_at: Time) -> Result<Import, Vec<Finding>> {
    let mut faults = Vec::new();
    let mut tables: Vec<(&str, &str)> = Vec::new();
    let mut mapping: Option<Mapping> = None;
    for (name, bytes) in files {
        let text = match tree::text(name, bytes) {
            Ok(text) => text,
            Err(fault) => {
                faults.push(fault);
                continue;
            }
        };
        if !Probe::of(text).has(MARK) {
            tables.push((name, text));
        } else if mapping.is_some() {
            let finding = Finding::new(Code::BadValue, "there are two mappings").at(&Place::file(name));
            faults.push(finding.help("write one mapping for all files"));
        } else {
            match mapping::parse(name, text) {
                Ok(read) => mapping = Some(read),
                Err(fault) => faults.push(fault),
            }
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let mapping = mapping.unwrap_or_default();
    let mut draft = Draft::new(mapping.source.as_deref().unwrap_or("csv"));
    let mut sources = Vec::new();
    for (name, text) in &tables {
        sources.extend(sources_of(name, text, &mapping, &mut draft).into_iter().map(|source| (source, *text)));
    }
    unused(&mapping, &tables, &mut draft);
    // Groups before their members.
    sources.sort_by_key(|(source, _)| table::TABLES.iter().position(|table| *table == source.table));
    for (source, text) in &sources {
        let header = text.lines().next().unwrap_or_default();
        let delimiter = source.mapped.and_then(|it| it.delimiter).unwrap_or_else(|| table::delimiter(header));
        match table::rows(source.name, text, delimiter) {
            Ok(rows) => source.add(&rows, &mut draft),
            Err(fault) => draft.faults.push(fault),
        }
    }
    if draft.faults.is_empty() {
        build::references(&mut draft);
    }
    draft.finish(mapping.target, taken_at)
}

fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// The tables that a file holds: as the mapping says, as its name says, or as its header says.
fn sources_of<'a>(name: &'a str, text: &str, mapping: &'a Mapping, draft: &mut Draft) -> Vec<Source<'a>> {
    let mapped: Vec<&MappedTable> = mapping.tables.iter().filter(|it| it.file == file_name(name)).collect();
    let mut found = Vec::new();
    for it in &mapped {
        if let Some(table) = Table::named(&it.table) {
            found.push(Source { name, table, mapped: Some(it) });
        } else {
            let names: Vec<&str> = table::TABLES.iter().map(|table| table.name).collect();
            draft.fault(
                format!("the mapping names the table `{}`", it.table),
                format!("the tables are {}", names.join(", ")),
            );
        }
    }
    if mapped.is_empty() {
        let header = text.lines().next().unwrap_or_default();
        let cells: Vec<&str> =
            header.split(table::delimiter(header)).map(|cell| cell.trim().trim_matches('"')).collect();
        let stem = file_name(name).strip_suffix(".csv").unwrap_or_default();
        match Table::named(stem).or_else(|| Table::of_header(&cells)) {
            Some(table) => found.push(Source { name, table, mapped: None }),
            None => draft.faults.push(
                Finding::new(
                    Code::UnknownExport,
                    "neither the mapping, its name nor its columns say which table the file holds",
                )
                .at(&Place::line(name, 1))
                .help(format!(
                    "add it to the mapping: `tables: [{{file: {}, table: identities, columns: {{id: COLUMN}}}}]`",
                    file_name(name)
                )),
            ),
        }
    }
    found
}

/// Reports tables of the mapping whose file is not given.
fn unused(mapping: &Mapping, tables: &[(&str, &str)], draft: &mut Draft) {
    for it in mapping.tables.iter().filter(|it| !tables.iter().any(|(name, _)| file_name(name) == it.file)) {
        draft.fault(
            format!("the mapping names the file `{}`, which is not given", it.file),
            "give it, or take it out of the mapping",
        );
    }
}
