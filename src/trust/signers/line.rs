//! Parses one line of `allowed_signers`: `PRINCIPALS [OPTIONS] KIND BASE64 [comment]`.
//!
//! Sources: ssh-keygen(1), ALLOWED SIGNERS; OpenSSH `sshsig.c`. Forms that OpenSSH reads in a surprising way are rejected
//! (quotes inside a name, a comma after the last option), so that both programs read every accepted line alike.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::input::id::{PersonId, PrincipalId};
use crate::input::text::Text;
use crate::input::time::Time;

use super::super::key::{KeyError, KeyKind, PublicKey};
use super::date::{self, DateError};
use super::pattern::PatternList;

const OPTIONS: [&str; 4] = ["cert-authority", "namespaces", "valid-after", "valid-before"];

/// Why a valid line is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unused {
    /// It has no `namespaces=`, so it would allow signatures for any purpose.
    #[error("it has no `namespaces=`")]
    NoNamespaces,
    /// A date has no `Z`, so its meaning depends on the machine's time zone.
    #[error("one of its dates has no `Z`")]
    DateNotUtc,
}

/// A valid line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignerLine {
    /// Its number, from 1.
    pub number: u32,
    /// Its principals.
    pub principals: PatternList,
    /// The principals as written.
    pub principals_text: Text,
    /// Whether the key is a certificate authority.
    pub cert_authority: bool,
    /// The allowed namespaces. `None` only if [`SignerLine::unused`] is set.
    pub namespaces: Option<PatternList>,
    /// The first valid second.
    pub valid_after: Option<Time>,
    /// The last valid second.
    pub valid_before: Option<Time>,
    /// The key.
    pub key: PublicKey,
    /// Why the line is not used, if so.
    pub unused: Option<Unused>,
}

impl SignerLine {
    /// The person of the first of these principals that the line matches.
    #[must_use]
    pub fn stands_for<'p>(&self, people: &'p BTreeMap<PrincipalId, PersonId>) -> Option<&'p PersonId> {
        let named = self.principals.names().into_iter().find_map(|name| people.get(&PrincipalId::new(name)));
        let matching = || people.iter().find(|(name, _)| self.principals.matches(name.as_str())).map(|(_, id)| id);
        if self.principals.is_open() { named.or_else(matching) } else { named }
    }
}

/// A fault of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    NoKey,
    Quote,
    Principals(Text),
    UnknownOption { found: Text, nearest: Option<&'static str> },
    Repeated(&'static str),
    NeedsValue(&'static str),
    TakesNoValue(&'static str),
    Separator(Text),
    Date { option: &'static str, text: Text },
    EmptyWindow,
    Namespaces(Text),
    Key(KeyError),
}

#[derive(Default)]
struct Options {
    cert_authority: bool,
    namespaces: Option<PatternList>,
    valid_after: Option<Date>,
    valid_before: Option<Date>,
}

#[derive(Clone, Copy)]
enum Date {
    Utc(Time),
    Local,
}

impl Date {
    fn time(self) -> Option<Time> {
        match self {
            Self::Utc(time) => Some(time),
            Self::Local => None,
        }
    }
}

/// Where the options of a line are, if it has any.
pub(super) fn options_of(line: &str) -> Option<Range<usize>> {
    let start = fields_start(line)?;
    let rest = line.get(start..)?;
    (!names_a_key(rest)).then(|| start..start.saturating_add(options_end(rest)))
}

/// Where the key of a line without options starts.
pub(super) fn key_start(line: &str) -> Option<usize> {
    let start = fields_start(line)?;
    names_a_key(line.get(start..)?).then_some(start)
}

/// Where the field after the principals starts.
fn fields_start(line: &str) -> Option<usize> {
    let (_, rest) = principals_field(line.trim_start_matches([' ', '\t'])).ok()?;
    line.len().checked_sub(rest.len())
}

/// Parses a line. Returns `Ok(None)` for a blank line or a comment.
pub(super) fn read(number: u32, text: &str) -> Result<Option<SignerLine>, Vec<Fault>> {
    let text = text.trim_matches([' ', '\t']);
    if text.is_empty() || text.starts_with('#') {
        return Ok(None);
    }
    let (principals_text, rest) = principals_field(text).map_err(|fault| vec![fault])?;
    let mut faults = Vec::new();
    let principals = PatternList::parse(principals_text).filter(|list| !list.is_hopeless());
    if principals.is_none() {
        faults.push(Fault::Principals(Text::from(principals_text)));
    }
    let (options, rest) = if names_a_key(rest) {
        (Options::default(), rest)
    } else {
        let end = options_end(rest);
        let (field, rest) = rest.split_at_checked(end).unwrap_or((rest, ""));
        (read_options(field, &mut faults), rest.trim_start_matches([' ', '\t']))
    };
    let key = if rest.is_empty() {
        faults.push(Fault::NoKey);
        None
    } else {
        PublicKey::from_line(rest).map_err(|error| faults.push(Fault::Key(error))).ok()
    };
    let (after, before) = (options.valid_after.and_then(Date::time), options.valid_before.and_then(Date::time));
    if let (Some(after), Some(before)) = (after, before)
        && before <= after
    {
        faults.push(Fault::EmptyWindow);
    }
    match (principals, key) {
        (Some(principals), Some(key)) if faults.is_empty() => {
            let local = |date: Option<Date>| matches!(date, Some(Date::Local));
            let unused = if local(options.valid_after) || local(options.valid_before) {
                Some(Unused::DateNotUtc)
            } else if options.namespaces.is_none() {
                Some(Unused::NoNamespaces)
            } else {
                None
            };
            Ok(Some(SignerLine {
                number,
                principals,
                principals_text: Text::from(principals_text),
                cert_authority: options.cert_authority,
                namespaces: options.namespaces,
                valid_after: after,
                valid_before: before,
                key,
                unused,
            }))
        }
        _ => Err(faults),
    }
}

/// Splits off the first field, which is either fully quoted or not quoted.
fn principals_field(text: &str) -> Result<(&str, &str), Fault> {
    let (field, rest) = if let Some(quoted) = text.strip_prefix('"') {
        quoted.split_once('"').ok_or(Fault::Quote)?
    } else {
        let (field, rest) = text.split_once([' ', '\t']).ok_or(Fault::NoKey)?;
        (field, rest)
    };
    let spaced = !text.starts_with('"') || rest.starts_with([' ', '\t']);
    if field.contains('"') || !spaced {
        return Err(Fault::Quote);
    }
    Ok((field, rest.trim_start_matches([' ', '\t'])))
}

/// Whether the rest of a line starts with a key kind (supported or not) rather than with options.
fn names_a_key(rest: &str) -> bool {
    let word = rest.split([' ', '\t']).next().unwrap_or(rest);
    KeyKind::ALL.iter().any(|kind| kind.name() == word || kind.certificate_name() == word)
        || ["ssh-", "ecdsa-", "sk-", "rsa-sha2-", "webauthn-"].iter().any(|start| word.starts_with(start))
            && !word.contains(['=', '"', ','])
}

/// The end of the options: the first blank outside quotes.
fn options_end(rest: &str) -> usize {
    let mut quoted = false;
    let mut escaped = false;
    for (at, c) in rest.char_indices() {
        match c {
            '"' if !escaped => quoted = !quoted,
            ' ' | '\t' if !quoted => return at,
            _ => {}
        }
        escaped = c == '\\' && !escaped;
    }
    rest.len()
}

fn read_options(field: &str, faults: &mut Vec<Fault>) -> Options {
    let mut out = Options::default();
    let mut rest = field;
    loop {
        let end = rest.find(['=', ',']).unwrap_or(rest.len());
        let (name, tail) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let known = OPTIONS.iter().copied().find(|option| option.eq_ignore_ascii_case(name));
        let (value, tail) = match tail.strip_prefix('=') {
            None => (None, tail),
            Some(value) => {
                let Some((value, tail)) = dequote(value) else {
                    faults.push(Fault::Quote);
                    return out;
                };
                (Some(value), tail)
            }
        };
        match (known, value) {
            (Some("cert-authority"), None) => {
                if std::mem::replace(&mut out.cert_authority, true) {
                    faults.push(Fault::Repeated("cert-authority"));
                }
            }
            (Some("cert-authority"), Some(_)) => faults.push(Fault::TakesNoValue("cert-authority")),
            (Some(option), None) => faults.push(Fault::NeedsValue(option)),
            (Some("namespaces"), Some(value)) => match PatternList::parse(&value).filter(|list| !list.is_hopeless()) {
                Some(list) => {
                    if out.namespaces.replace(list).is_some() {
                        faults.push(Fault::Repeated("namespaces"));
                    }
                }
                None => faults.push(Fault::Namespaces(Text::from(value))),
            },
            (Some(option), Some(value)) => {
                let slot = if option == "valid-after" { &mut out.valid_after } else { &mut out.valid_before };
                let date = match date::read(&value) {
                    Ok(time) => Date::Utc(time),
                    Err(DateError::NotUtc) => Date::Local,
                    Err(DateError::Bad) => {
                        faults.push(Fault::Date { option, text: Text::from(value) });
                        Date::Local
                    }
                };
                if slot.replace(date).is_some() {
                    faults.push(Fault::Repeated(option));
                }
            }
            (None, _) => faults.push(Fault::UnknownOption { found: Text::from(name), nearest: nearest(name) }),
        }
        match tail.strip_prefix(',') {
            Some(more) if !more.is_empty() => rest = more,
            Some(_) => {
                faults.push(Fault::Separator(Text::from(",")));
                return out;
            }
            None => {
                if !tail.is_empty() {
                    faults.push(Fault::Separator(Text::from(tail)));
                }
                return out;
            }
        }
    }
}

/// Parses `"…"` with `\"` for a quote. Returns the content and the rest.
fn dequote(text: &str) -> Option<(String, &str)> {
    let body = text.strip_prefix('"')?;
    let mut out = String::new();
    let mut chars = body.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return body.get(at + 1..).map(|tail| (out, tail)),
            '\\' if chars.peek().is_some_and(|(_, next)| *next == '"') => {
                out.push('"');
                chars.next();
            }
            _ => out.push(c),
        }
    }
    None
}

fn nearest(name: &str) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    OPTIONS
        .iter()
        .copied()
        .map(|option| (strsim::damerau_levenshtein(option, &lower), option))
        .filter(|(distance, _)| *distance <= 4)
        .min()
        .map(|(_, option)| option)
}
