//! The source line that a finding refers to.
//!
//! Selects the line from the text of a file and a location, with the region within it in characters. The source at the
//! region is the value that the finding is about, truncated at the end of the line if it continues.

use crate::input::place::Place;
use crate::input::text::Text;

/// A line of source with the region of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The line as in the file, without its line end.
    pub source: Text,
    /// First character of the region within the line, from 0.
    pub start: usize,
    /// Character after the region, within the line.
    pub end: usize,
    /// Whether the region continues beyond this line.
    pub goes_on: bool,
    /// The end of a region that continues: the number of further lines, and the character after it within that line.
    pub ends: Option<(u32, usize)>,
}

impl Excerpt {
    /// The line of a location. `None` if the file has no such line, if the location is the whole file, or if the line
    /// may contain a secret.
    #[must_use]
    pub fn of(source: &str, place: &Place) -> Option<Self> {
        let found = Self::at(source, place)?;
        (!secret(source, &found.source)).then_some(found)
    }

    fn at(source: &str, place: &Place) -> Option<Self> {
        let (from, to) = place.bytes;
        if from == to {
            let line = source.lines().nth(usize::try_from(place.line).ok()?.checked_sub(1)?)?;
            let start = usize::try_from(place.column).ok()?.saturating_sub(1).min(line.chars().count());
            let whole = start == 0;
            let end = if whole { line.chars().count() } else { start };
            return Some(Self { source: Text::from(line), start, end, goes_on: false, ends: None });
        }
        let before = source.get(..from)?;
        let value = source.get(from..to)?;
        let begin = before.rfind('\n').map_or(0, |at| at + 1);
        let line = source.get(begin..)?.lines().next().unwrap_or_default();
        let start = source.get(begin..from)?.chars().count();
        let first = value.lines().next().unwrap_or_default();
        let whole = value.trim_end_matches(['\n', '\r']);
        let ends = whole.rsplit_once('\n').map(|(above, last)| {
            let further = above.matches('\n').count().saturating_add(1);
            (u32::try_from(further).unwrap_or(u32::MAX), last.chars().count())
        });
        Some(Self {
            source: Text::from(line),
            start,
            end: start + first.chars().count(),
            goes_on: ends.is_some(),
            ends,
        })
    }

    /// The source at the region.
    #[must_use]
    pub fn value(&self) -> String {
        self.source.raw().chars().skip(self.start).take(self.end.saturating_sub(self.start)).collect()
    }
}

/// Whether a line must not be shown. Nothing after the first sign of a private key is shown, because the end of the key
/// is unknown, and neither is a line with a token (two parts of a compact JWS are JSON objects in base64url).
fn secret(source: &str, line: &Text) -> bool {
    const SIGNS: [&str; 2] = ["PRIVATE KEY", "b3BlbnNzaC1rZXk"];
    let begins = SIGNS.iter().filter_map(|sign| source.find(sign)).min();
    let after = begins.map(|at| source.get(..at).map_or(0, |before| before.rfind('\n').map_or(0, |end| end + 1)));
    let is_key = after.and_then(|at| source.get(at..)).is_some_and(|rest| rest.lines().any(|l| l == line.raw()));
    is_key || line.raw().split("eyJ").skip(1).any(|part| part.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_private_key_or_a_token_is_repeated() {
        let key =
            "one: 1\nkey: |\n  -----BEGIN OPENSSH PRIVATE KEY-----\n  b3BlbnNzaC1rZXktdjEAAAAA\n  AAAAsecret\nend: 2\n";
        let shown = |source: &str| {
            let lines = u32::try_from(source.lines().count()).unwrap();
            (1..=lines).filter(|n| Excerpt::of(source, &Place::line("f", *n)).is_some()).collect::<Vec<_>>()
        };
        assert_eq!(shown(key), [1, 2]);
        assert_eq!(shown("key: ssh-ed25519 b3BlbnNzaC1rZXktdjEAAAAA\n"), [0_u32; 0]);
        assert_eq!(shown("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln"), [0_u32; 0]);
        let value = "a: 1\nproof: eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln\n";
        let from = value.find("eyJ").unwrap();
        let place = Place { file: "f".into(), line: 2, column: 8, bytes: (from, value.len() - 1) };
        assert_eq!(Excerpt::of(value, &place), None);
    }

    #[test]
    fn the_source_at_the_region_is_the_value() {
        let source = "version: 1\r\nid: \"p\tl\u{e9}\"\nchanges:\n  - to: 漢字\n";
        for value in ["1", "\"p\tl\u{e9}\"", "漢字", "id"] {
            let from = source.find(value).unwrap();
            let line = u32::try_from(source[..from].matches('\n').count()).unwrap() + 1;
            let place = Place { file: "plan.yaml".into(), line, column: 1, bytes: (from, from + value.len()) };
            let excerpt = Excerpt::of(source, &place).unwrap();
            assert_eq!(excerpt.value(), value);
            assert!(!excerpt.source.raw().contains(['\n', '\r']));
        }
    }

    #[test]
    fn a_value_of_several_lines_ends_where_it_ends() {
        let source = "a: 1\nreason: >\n  one\n  twö!\nb: 2\n";
        let from = source.find('>').unwrap();
        let place = |to: usize| Place { file: "p".into(), line: 2, column: 9, bytes: (from, to) };
        let to = source.find("\nb:").unwrap();
        for to in [to, to + 1] {
            let excerpt = Excerpt::of(source, &place(to)).unwrap();
            assert_eq!((excerpt.value().as_str(), excerpt.ends), (">", Some((2, 6))));
        }
    }

    #[test]
    fn a_place_outside_the_file_gives_no_excerpt() {
        let place = Place { file: "x".into(), line: 9, column: 1, bytes: (40, 50) };
        assert_eq!(Excerpt::of("short", &place), None);
        assert_eq!(Excerpt::of("short", &Place::line("x", 9)), None);
        let inside = Place { file: "x".into(), line: 1, column: 1, bytes: (1, 2) };
        assert_eq!(Excerpt::of("é", &inside), None, "a region that cuts a character is no region");
    }
}
