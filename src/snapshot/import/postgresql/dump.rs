//! Reads the roles and memberships of `pg_dumpall --globals-only` (or `--roles-only`).
//!
//! Statements are split into tokens as SQL defines them (quoted names, literals, dollar quotes, comments) and matched by
//! their first words. Other statements are counted by their first words; grants on objects are counted apart. The text was
//! redacted before, so that a password is never in a token. A message shows names of roles and key words, never a literal.

use std::collections::BTreeMap;

use crate::input::finding::{Code, Finding, Severity};
use crate::input::place::Place;

use super::export::{DatabaseRole, Export, Membership};
use super::tokens::{Statement, Token, statements};

/// The first version with options of memberships.
const WITH_OPTIONS: u32 = 160_000;

/// A dump that was read.
#[derive(Debug)]
pub(super) struct Dump {
    pub export: Export,
    pub findings: Vec<Finding>,
}

/// Whether a text is a dump of roles: the commands that it is made of are at its beginning.
pub(super) fn is_dump(head: &str) -> bool {
    head.contains("-- PostgreSQL database cluster dump") || head.lines().any(|line| line.starts_with("CREATE ROLE "))
}

/// Reads a dump.
///
/// # Errors
/// All statements that cannot be understood and could change who can do what.
pub(super) fn parse(name: &str, text: &str) -> Result<Dump, Vec<Finding>> {
    let mut reading = Reading { name, ..Reading::default() };
    let all = statements(text).map_err(|(line, what)| {
        let help = "export again; the file may have been truncated";
        vec![Finding::new(Code::Syntax, what).at(&Place::line(name, line)).help(help)]
    })?;
    for statement in &all {
        reading.statement(statement);
    }
    if reading.roles.is_empty() && reading.faults.is_empty() {
        let finding = Finding::new(Code::Empty, "the dump creates no role").at(&Place::file(name));
        reading.faults.push(finding.help("give what `pg_dumpall --globals-only` wrote"));
    }
    if reading.faults.is_empty() { Ok(reading.finish()) } else { Err(reading.faults) }
}

#[derive(Default)]
struct Reading<'t> {
    name: &'t str,
    roles: BTreeMap<String, DatabaseRole>,
    memberships: Vec<Membership>,
    has_options: bool,
    /// Statements that are not read, by their first words.
    others: BTreeMap<String, usize>,
    object_grants: usize,
    faults: Vec<Finding>,
    notes: Vec<Finding>,
}

impl Reading<'_> {
    fn fault(&mut self, line: u32, message: impl Into<String>) {
        let finding = Finding::new(Code::Syntax, message.into()).at(&Place::line(self.name, line));
        self.faults.push(finding.help("give what `pg_dumpall --globals-only` wrote, unchanged"));
    }

    fn statement(&mut self, statement: &Statement) {
        let words = Words { tokens: &statement.tokens };
        let line = statement.line;
        let made = |word| words.after(&["CREATE", word]);
        let altered = |word| words.after(&["ALTER", word]);
        if words.after(&["COPY"]).is_some() {
            let finding = Finding::new(Code::BadValue, "the dump holds the rows of tables");
            let help = "export roles only: `pg_dumpall --globals-only`; do not give this file to others";
            self.faults.push(finding.at(&Place::line(self.name, line)).help(help));
        } else if let Some(rest) = made("ROLE").or_else(|| made("GROUP")) {
            self.role(rest, line, false, true);
        } else if let Some(rest) = made("USER").filter(|rest| rest.after(&["MAPPING"]).is_none()) {
            self.role(rest, line, true, true);
        } else if let Some(rest) = altered("ROLE").or_else(|| altered("USER")) {
            self.role(rest, line, false, false);
        } else if let Some(rest) = words.after(&["GRANT"]) {
            self.grant(rest, line);
        } else if let Some(kind) = kind(&statement.tokens) {
            *self.others.entry(kind).or_default() += 1;
        } else {
            self.fault(line, "this is not an SQL statement");
        }
    }

    /// `CREATE ROLE` or `ALTER ROLE`, after these words.
    fn role(&mut self, mut words: Words<'_>, line: u32, login: bool, creates: bool) {
        let Some(name) = words.name() else { return self.fault(line, "this statement names no role") };
        if [["SET"], ["RESET"], ["IN"]].iter().any(|word| words.after(word).is_some()) {
            *self.others.entry("ALTER ROLE … SET".to_owned()).or_default() += 1;
            return;
        }
        if creates && self.roles.contains_key(&name) {
            return self.fault(line, format!("the role `{name}` is created twice"));
        }
        if !creates && !self.roles.contains_key(&name) {
            return self.fault(line, format!("the dump alters the role `{name}` before it creates it"));
        }
        let mut role = self.roles.remove(&name).unwrap_or_else(|| DatabaseRole::new(&name));
        role.login |= login;
        words.take("WITH");
        while let Some(word) = words.word() {
            let (word, is) = match word.strip_prefix("NO") {
                Some(rest) => (rest, false),
                None => (word.as_str(), true),
            };
            match word {
                "SUPERUSER" => role.superuser = is,
                "INHERIT" => role.inherit = is,
                "CREATEROLE" => role.createrole = is,
                "CREATEDB" => role.createdb = is,
                "LOGIN" => role.login = is,
                "REPLICATION" => role.replication = is,
                "BYPASSRLS" => role.bypassrls = is,
                "ENCRYPTED" | "UNENCRYPTED" => {}
                "PASSWORD" => role.has_password = words.literal().is_some() || !words.take("NULL"),
                "VALID" if words.take("UNTIL") => role.valid_until = words.literal().filter(|time| time != "infinity"),
                "CONNECTION" if words.take("LIMIT") => words.number(),
                _ => {
                    self.fault(line, format!("`{word}` is not an attribute of a role that this importer knows"));
                    break;
                }
            }
        }
        if !words.tokens.is_empty() {
            self.fault(line, format!("the attributes of the role `{name}` cannot be read"));
        }
        self.roles.insert(name, role);
    }

    /// `GRANT role, … TO member, … [WITH option, …] [GRANTED BY role]`, after the first word.
    fn grant(&mut self, mut words: Words<'_>, line: u32) {
        if words.tokens.iter().any(|token| token.is_word("ON")) {
            self.object_grants = self.object_grants.saturating_add(1);
            return;
        }
        let roles = words.names();
        let members = if words.take("TO") { words.names() } else { Vec::new() };
        if roles.is_empty() || members.is_empty() {
            return self.fault(line, "this grant cannot be read");
        }
        let mut options =
            Membership { role: String::new(), member: String::new(), admin: false, inherit: None, set: None };
        if words.take("WITH") && !self.options(&mut words, &mut options) {
            return self.fault(line, "the options of this grant cannot be read");
        }
        let by = words.take("GRANTED") && words.take("BY") && words.name().is_some();
        if !words.tokens.is_empty() {
            let what = if by { "after `GRANTED BY`" } else { "after the members" };
            return self.fault(line, format!("this grant cannot be read {what}"));
        }
        for role in &roles {
            for member in &members {
                self.memberships.push(Membership { role: role.clone(), member: member.clone(), ..options.clone() });
            }
        }
    }

    fn options(&mut self, words: &mut Words<'_>, into: &mut Membership) -> bool {
        loop {
            let Some(option) = words.word() else { return false };
            let value = if words.take("TRUE") || words.take("OPTION") {
                true
            } else if words.take("FALSE") {
                false
            } else {
                return false;
            };
            match option.as_str() {
                "ADMIN" => into.admin = value,
                "INHERIT" => into.inherit = Some(value),
                "SET" => into.set = Some(value),
                _ => return false,
            }
            self.has_options |= option != "ADMIN";
            if !words.symbol(',') {
                return true;
            }
        }
    }

    fn finish(mut self) -> Dump {
        let message =
            "the dump holds roles and memberships only: grants on objects, owners and default privileges are missing";
        self.notes.push(
            Finding::new(Code::NotImported, message)
                .weighing(Severity::Warning)
                .help("to read them too: `review snapshot query postgresql | psql -AtX -d DATABASE > DATABASE.json`"),
        );
        if self.object_grants > 0 {
            let message =
                format!("{} grants on tablespaces, parameters or other objects were not imported", self.object_grants);
            self.notes.push(
                Finding::new(Code::NotImported, message)
                    .weighing(Severity::Warning)
                    .help("run the query of `review snapshot query postgresql`"),
            );
        }
        for (kind, count) in &self.others {
            if !matches!(kind.as_str(), "SET" | "COMMENT ON" | "DROP ROLE") {
                let message = format!("{count} statements `{kind}` were not imported");
                self.notes.push(Finding::new(Code::NotImported, message));
            }
        }
        // Predefined roles are never created by a dump. Others should be.
        let named: Vec<String> = self.memberships.iter().flat_map(|m| [m.role.clone(), m.member.clone()]).collect();
        for name in named {
            if !self.roles.contains_key(&name) {
                if !name.starts_with("pg_") {
                    let message = format!("the dump names the role `{name}` and does not create it");
                    let finding = Finding::new(Code::DanglingReference, message);
                    self.notes.push(finding.help("export again; its attributes are unknown"));
                }
                self.roles.insert(name.clone(), DatabaseRole::new(&name));
            }
        }
        let version = if self.has_options { WITH_OPTIONS } else { WITH_OPTIONS - 1 };
        let export = Export::of_roles(self.roles.into_values().collect(), self.memberships, version);
        Dump { export, findings: self.notes }
    }
}

/// The first two key words of a statement.
fn kind(tokens: &[Token]) -> Option<String> {
    let words: Vec<&str> = tokens.iter().take(2).map_while(Token::keyword).collect();
    match words.as_slice() {
        [] => None,
        [first, ..] if first.eq_ignore_ascii_case("set") => Some("SET".to_owned()),
        words => Some(words.join(" ").to_ascii_uppercase()),
    }
}

/// The tokens of a statement that are left to read.
#[derive(Clone, Copy)]
struct Words<'s> {
    tokens: &'s [Token],
}

impl Words<'_> {
    /// What follows some key words, if they are next.
    fn after(&self, words: &[&str]) -> Option<Self> {
        let (first, rest) = self.tokens.split_at_checked(words.len())?;
        first.iter().zip(words).all(|(token, word)| token.is_word(word)).then_some(Self { tokens: rest })
    }

    fn skip(&mut self, count: usize) -> bool {
        self.tokens = self.tokens.get(count..).unwrap_or_default();
        true
    }

    /// Takes a key word, if it is next.
    fn take(&mut self, word: &str) -> bool {
        self.tokens.first().is_some_and(|token| token.is_word(word)) && self.skip(1)
    }

    fn word(&mut self) -> Option<String> {
        let word = self.tokens.first()?.keyword()?.to_ascii_uppercase();
        self.skip(1);
        Some(word)
    }

    fn name(&mut self) -> Option<String> {
        let name = self.tokens.first()?.name()?;
        self.skip(1);
        Some(name)
    }

    fn names(&mut self) -> Vec<String> {
        let mut out = Vec::new();
        while let Some(name) = self.name() {
            out.push(name);
            if !self.symbol(',') {
                break;
            }
        }
        out
    }

    fn symbol(&mut self, symbol: char) -> bool {
        self.tokens.first() == Some(&Token::Symbol(symbol)) && self.skip(1)
    }

    fn literal(&mut self) -> Option<String> {
        match self.tokens.first()? {
            Token::Literal(text) => {
                let text = text.clone();
                self.skip(1);
                Some(text)
            }
            Token::Word(_) | Token::Quoted(_) | Token::Symbol(_) => None,
        }
    }

    /// Skips a number, which may have a sign.
    fn number(&mut self) {
        self.symbol('-');
        if self.tokens.first().and_then(Token::keyword).is_some_and(|word| word.bytes().all(|b| b.is_ascii_digit())) {
            self.skip(1);
        }
    }
}
