//! Ends lines of `allowed_signers` with `valid-before`, and leaves every other byte as it is.

use crate::input::time::Time;

use super::line;

/// The text with the given lines (from 1) ended at a time. A line that ends earlier stays as it is. Returns `None` if a
/// line cannot be ended, or if anything but the ends would change.
#[must_use]
pub fn end_lines(text: &str, numbers: &[u32], at: Time) -> Option<String> {
    let mut out = String::with_capacity(text.len().saturating_add(64));
    for (number, line) in (1_u32..).zip(text.split_inclusive('\n')) {
        if !numbers.contains(&number) {
            out.push_str(line);
            continue;
        }
        let (body, ending) = line.split_at(line.trim_end_matches(['\r', '\n']).len());
        out.push_str(&ended(number, body, at)?);
        out.push_str(ending);
    }
    Some(out)
}

fn ended(number: u32, text: &str, at: Time) -> Option<String> {
    let before = line::read(number, text).ok()??;
    if before.valid_before.is_some_and(|end| end <= at) {
        return Some(text.to_owned());
    }
    let date: String = at.to_string().chars().filter(char::is_ascii_digit).collect();
    let option = format!("valid-before=\"{date}Z\"");
    let new = match line::options_of(text) {
        // A date contains no quote, so the option ends with the second quote after its name.
        Some(range) if before.valid_before.is_some() => {
            let options = text.get(range.clone())?;
            let from = options.to_ascii_lowercase().find("valid-before=")?;
            let to = options.get(from..)?.match_indices('"').nth(1)?.0.checked_add(from)?.checked_add(1)?;
            let start = range.start;
            format!("{}{option}{}", text.get(..start.checked_add(from)?)?, text.get(start.checked_add(to)?..)?)
        }
        Some(range) => format!("{},{option}{}", text.get(..range.end)?, text.get(range.end..)?),
        None => {
            let key = line::key_start(text)?;
            format!("{}{option} {}", text.get(..key)?, text.get(key..)?)
        }
    };
    // INVARIANT: only the end differs, whatever the options contained.
    let after = line::read(number, &new).ok()??;
    (after == super::SignerLine { valid_before: Some(at), ..before }).then_some(new)
}

#[cfg(test)]
mod tests {
    use super::super::Signers;
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIlizSIN3DQV78VPNjVvvwjgf+P5HqbPYCYu3BOMdjAE";

    #[test]
    fn a_line_ends_and_everything_else_stays() {
        let at = Time::parse("2026-11-30T12:34:56Z").unwrap();
        let end = "valid-before=\"20261130123456Z\"";
        for (from, to) in [
            (format!("a@x namespaces=\"n\" {KEY} note\r"), format!("a@x namespaces=\"n\",{end} {KEY} note\r")),
            (format!("a@x\t{KEY}"), format!("a@x\t{end} {KEY}")),
            (format!("\"a@x\"  {KEY}"), format!("\"a@x\"  {end} {KEY}")),
            (
                format!("a@x Valid-Before=\"20300101Z\",namespaces=\"n\" {KEY}"),
                format!("a@x {end},namespaces=\"n\" {KEY}"),
            ),
            (format!("a@x valid-before=\"20200101Z\" {KEY}"), format!("a@x valid-before=\"20200101Z\" {KEY}")),
        ] {
            let (text, wanted) = (format!("# head\n{from}\nb@x {KEY}\n"), format!("# head\n{to}\nb@x {KEY}\n"));
            assert_eq!(end_lines(&text, &[2], at).as_deref(), Some(&*wanted));
            assert!(
                Signers::parse("f", wanted.as_bytes())
                    .1
                    .iter()
                    .all(|f| f.severity != crate::input::finding::Severity::Error)
            );
        }
        // A line that begins later than it would end, and one that is not a signer.
        assert_eq!(end_lines(&format!("a@x valid-after=\"20300101Z\" {KEY}\n"), &[1], at), None);
        assert_eq!(end_lines("# comment\n", &[1], at), None);
    }
}
