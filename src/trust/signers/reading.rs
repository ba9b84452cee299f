//! From the bytes of `allowed_signers` to lines and findings: everything that is wrong, at once, each with its line.
//!
//! In: bytes. Out: the lines that could be read, and findings. Never: a guess at what a faulty line may have meant.

use crate::input::finding::{Code, Finding};
use crate::input::place::Place;
use crate::input::text::{Text, is_hidden};

use super::super::key::{KeyError, RECOMMENDED_RSA_BITS};
use super::line::{self, Fault, Line, Unused};

/// As many bytes as a file for 10,000 people with RSA keys needs.
const MAX_BYTES: usize = 16 * 1024 * 1024;

pub(super) fn read(file: &str, bytes: &[u8]) -> (Vec<Line>, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut lines = Vec::new();
    if bytes.len() > MAX_BYTES {
        let finding = Finding::new(Code::TooLarge, format!("`{file}` is larger than {MAX_BYTES} bytes"));
        return (lines, vec![finding.at(&Place::file(file))]);
    }
    let mut carriage_returns: Option<u32> = None;
    let mut number = 0_u32;
    for raw in bytes.split(|byte| *byte == b'\n') {
        number = number.saturating_add(1);
        let raw = match raw.strip_suffix(b"\r") {
            Some(rest) => {
                carriage_returns.get_or_insert(number);
                rest
            }
            None => raw,
        };
        let place = Place::line(file, number);
        let Ok(text) = std::str::from_utf8(raw) else {
            findings.push(
                Finding::new(Code::NotUtf8, format!("line {number} of `{file}` is not UTF-8; it allows nobody"))
                    .at(&place)
                    .help("write the file as UTF-8"),
            );
            continue;
        };
        if let Some(hidden) = text.chars().find(|c| is_hidden(*c) && *c != '\t') {
            findings.push(
                Finding::new(
                    Code::HiddenCharacter,
                    format!(
                        "line {number} of `{file}` holds the hidden character U+{:04X}; it allows nobody",
                        hidden as u32
                    ),
                )
                .at(&place)
                .help("remove the character"),
            );
            continue;
        }
        match line::read(number, text) {
            Ok(None) => {}
            Ok(Some(line)) => {
                findings.extend(remarks(&line).into_iter().map(|finding| finding.at(&place)));
                lines.push(line);
            }
            Err(faults) => findings.extend(faults.iter().map(|fault| describe(fault).at(&place))),
        }
    }
    if let Some(first) = carriage_returns {
        findings.push(
            Finding::new(Code::SignersCarriageReturn, format!("`{file}` ends lines with CR LF, first in line {first}"))
                .at(&Place::line(file, first))
                .help("write the file with LF alone, for instance `sed -i 's/\\r$//' allowed_signers`"),
        );
    }
    (lines, findings)
}

/// What deserves a word about a line that could be read.
fn remarks(line: &Line) -> Vec<Finding> {
    let mut out = Vec::new();
    let whom = line.principals_text.raw();
    match line.unused {
        Some(Unused::NoNamespaces) => out.push(
            Finding::new(
                Code::SignersWithoutNamespaces,
                format!("the line for `{whom}` has no `namespaces=`; it allows nobody"),
            )
            .help("add `namespaces=\"review-seal@v1\"` before the key"),
        ),
        Some(Unused::DateNotUtc) => out.push(
            Finding::new(
                Code::SignersDateNotUtc,
                format!("a date in the line for `{whom}` lacks its `Z`, so it means another time on every machine; the line allows nobody"),
            )
            .help("write the date in UTC with a `Z` at the end, such as `20261130Z`"),
        ),
        None => {}
    }
    if let Some(bits) = line.key.rsa_bits().filter(|bits| *bits < RECOMMENDED_RSA_BITS) {
        out.push(
            Finding::new(Code::WeakKey, format!("the RSA key of `{whom}` has {bits} bits"))
                .help(format!("replace it by an ed25519 key, or one of at least {RECOMMENDED_RSA_BITS} bits")),
        );
    }
    out
}

/// A word of the file; not one so long that it may be a part of a key.
fn quoted(word: &Text) -> String {
    if word.raw().len() <= 64 { format!("`{}`", word.raw()) } else { "what stands here".to_owned() }
}

fn describe(fault: &Fault) -> Finding {
    let bad = |message: String| Finding::new(Code::BadSignersLine, message);
    match fault {
        Fault::NoKey => {
            bad("the line has no key".to_owned()).help("write `PRINCIPAL namespaces=\"review-seal@v1\" KIND BASE64`")
        }
        Fault::Quote => bad("a quote is missing or stands in the wrong place".to_owned())
            .help("put the whole field or value between `\"` and `\"`, and nothing else"),
        Fault::Principals(text) => bad(format!("{} is not a list of principals", quoted(text)))
            .help("separate names by single commas; at least one must not begin with `!`"),
        Fault::UnknownOption { found, nearest } => {
            let finding = bad(format!("{} is not an option of allowed_signers; the line is refused", quoted(found)));
            match nearest {
                Some(name) => finding.help(format!("the nearest option is `{name}`")),
                None => {
                    finding.help("the options are `cert-authority`, `namespaces=`, `valid-after=` and `valid-before=`")
                }
            }
        }
        Fault::Repeated(option) => bad(format!("the option `{option}` stands there twice")).help("keep one of them"),
        Fault::NeedsValue(option) => {
            bad(format!("the option `{option}` has no value")).help(format!("write `{option}=\"…\"`"))
        }
        Fault::TakesNoValue(option) => {
            bad(format!("the option `{option}` takes no value")).help(format!("write `{option}` alone"))
        }
        Fault::Separator(text) => bad(format!("`{}` stands where the options should go on or end", text.raw()))
            .help("separate options by single commas without blanks"),
        Fault::Date { option, text } => bad(format!("`{}` is not a date for `{option}`", text.raw()))
            .help("write `YYYYMMDDZ`, `YYYYMMDDHHMMZ` or `YYYYMMDDHHMMSSZ`"),
        Fault::EmptyWindow => {
            bad("`valid-before` does not come after `valid-after`".to_owned()).help("correct one of the two dates")
        }
        Fault::Namespaces(text) => bad(format!("`{}` is not a list of namespaces", text.raw()))
            .help("separate namespaces by single commas; at least one must not begin with `!`"),
        Fault::Key(KeyError::Unsupported(kind)) => Finding::new(
            Code::UnsupportedKey,
            Text::new(format!("keys of kind `{}` are not verified by this tool; the line allows nobody", kind.raw())),
        )
        .help("use an ed25519, ecdsa (256 or 384 bits), rsa or FIDO (`-sk`) key"),
        Fault::Key(KeyError::ShortRsa { bits }) => {
            Finding::new(Code::WeakKey, format!("an RSA key of {bits} bits is refused; the line allows nobody"))
                .help(format!("replace it by an ed25519 key, or one of at least {RECOMMENDED_RSA_BITS} bits"))
        }
        Fault::Key(error) => bad(error.to_string()).help("copy the line of the `.pub` file, without its line break"),
    }
}
