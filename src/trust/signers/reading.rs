//! Converts the bytes of `allowed_signers` to lines and findings. All faults are reported at once, each with its line.

use crate::input::finding::{Code, Finding};
use crate::input::place::Place;
use crate::input::text::{Text, is_hidden};

use super::super::key::{KeyError, RECOMMENDED_RSA_BITS};
use super::line::{self, Fault, SignerLine, Unused};

/// The size limit: enough for 10,000 people with RSA keys.
const MAX_BYTES: usize = 16 * 1024 * 1024;

pub(super) fn read(file: &str, bytes: &[u8]) -> (Vec<SignerLine>, Vec<Finding>) {
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
                Finding::new(Code::NotUtf8, format!("line {number} of `{file}` is not UTF-8, so it is ignored"))
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
                        "line {number} of `{file}` contains the hidden character U+{:04X}, so it is ignored",
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
                .help("end the lines with LF only, for example with `sed -i 's/\\r$//' allowed_signers`"),
        );
    }
    (lines, findings)
}

/// Findings about a valid line.
fn remarks(line: &SignerLine) -> Vec<Finding> {
    let mut out = Vec::new();
    let principals = line.principals_text.raw();
    match line.unused {
        Some(Unused::NoNamespaces) => out.push(
            Finding::new(
                Code::SignersWithoutNamespaces,
                format!("the line for `{principals}` has no `namespaces=`, so it is ignored"),
            )
            .help("add `namespaces=\"review-seal@v1\"` before the key"),
        ),
        Some(Unused::DateNotUtc) => out.push(
            Finding::new(
                Code::SignersDateNotUtc,
                format!("a date in the line for `{principals}` has no `Z`, so its meaning depends on the time zone; the line is ignored"),
            )
            .help("write the date in UTC with a `Z` at the end, such as `20261130Z`"),
        ),
        None => {}
    }
    if let Some(bits) = line.key.rsa_bits().filter(|bits| *bits < RECOMMENDED_RSA_BITS) {
        out.push(
            Finding::new(Code::WeakKey, format!("the RSA key of `{principals}` has {bits} bits"))
                .help(format!("replace it with an ed25519 key, or one of at least {RECOMMENDED_RSA_BITS} bits")),
        );
    }
    out
}

/// A quoted word of the file, unless it is so long that it may be part of a key.
fn quoted(word: &Text) -> String {
    if word.raw().len() <= 64 { format!("`{}`", word.raw()) } else { "this text".to_owned() }
}

fn describe(fault: &Fault) -> Finding {
    let bad = |message: String| Finding::new(Code::BadSignersLine, message);
    match fault {
        Fault::NoKey => {
            bad("the line has no key".to_owned()).help("write `PRINCIPAL namespaces=\"review-seal@v1\" KIND BASE64`")
        }
        Fault::Quote => {
            bad("a quote is missing or misplaced".to_owned()).help("put the whole field or value between `\"` and `\"`")
        }
        Fault::Principals(text) => bad(format!("{} is not a list of principals", quoted(text)))
            .help("separate names with single commas; at least one must not start with `!`"),
        Fault::UnknownOption { found, nearest } => {
            let finding = bad(format!("{} is not an option of allowed_signers, so the line is ignored", quoted(found)));
            match nearest {
                Some(name) => finding.help(format!("the nearest option is `{name}`")),
                None => {
                    finding.help("the options are `cert-authority`, `namespaces=`, `valid-after=` and `valid-before=`")
                }
            }
        }
        Fault::Repeated(option) => bad(format!("the option `{option}` occurs twice")).help("keep one of them"),
        Fault::NeedsValue(option) => {
            bad(format!("the option `{option}` has no value")).help(format!("write `{option}=\"…\"`"))
        }
        Fault::TakesNoValue(option) => {
            bad(format!("the option `{option}` takes no value")).help(format!("write only `{option}`"))
        }
        Fault::Separator(text) => bad(format!("unexpected `{}` in the options", text.raw()))
            .help("separate options with single commas, without blanks"),
        Fault::Date { option, text } => bad(format!("`{}` is not a date for `{option}`", text.raw()))
            .help("write `YYYYMMDDZ`, `YYYYMMDDHHMMZ` or `YYYYMMDDHHMMSSZ`"),
        Fault::EmptyWindow => {
            bad("`valid-before` is not after `valid-after`".to_owned()).help("correct one of the two dates")
        }
        Fault::Namespaces(text) => bad(format!("`{}` is not a list of namespaces", text.raw()))
            .help("separate namespaces with single commas; at least one must not start with `!`"),
        Fault::Key(KeyError::Unsupported(kind)) => Finding::new(
            Code::UnsupportedKey,
            Text::new(format!("this tool does not verify keys of kind `{}`, so the line is ignored", kind.raw())),
        )
        .help("use an ed25519, ecdsa (256 or 384 bits), rsa or FIDO (`-sk`) key"),
        Fault::Key(KeyError::ShortRsa { bits }) => {
            Finding::new(Code::WeakKey, format!("an RSA key of {bits} bits is too short, so the line is ignored"))
                .help(format!("replace it with an ed25519 key, or one of at least {RECOMMENDED_RSA_BITS} bits"))
        }
        Fault::Key(error) => bad(error.to_string()).help("copy the line of the `.pub` file, without its line break"),
    }
}
