//! The file of `--map`: which identities and groups of one part are which of another.
//!
//! CSV with the columns `from` and `to`, or a YAML or JSON list of `{from, to}`. Both are ids of the merged snapshot. Whoever
//! is `from`, or belongs to it, can act as `to`.

use serde::Deserialize;

use crate::input::finding::{Code, Finding};
use crate::input::place::Place;

/// A line of the file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MapLine {
    /// Who can act.
    pub from: String,
    /// As whom.
    pub to: String,
    /// Its line, from 1; 0 if it is not known.
    #[serde(skip)]
    pub line: u32,
}

/// The most lines of a file.
const MOST: usize = 100_000;

/// Reads the file.
///
/// # Errors
/// A line that is not two ids, with its number.
pub fn read_map(name: &str, bytes: &[u8]) -> Result<Vec<MapLine>, Vec<Finding>> {
    let fault = |line: u32, message: &str| {
        let place = if line == 0 { Place::file(name) } else { Place::line(name, line) };
        let help = "write `from,to` in the first line and two ids in each other, or a YAML list of `{from, to}`";
        vec![Finding::new(Code::Syntax, message).at(&place).help(help)]
    };
    let text = std::str::from_utf8(bytes).map_err(|_| fault(0, "the file is not UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    let Some((_, first)) = lines.next() else { return Ok(Vec::new()) };
    let cells = |line: &str| {
        let cut = line.split_once(',')?;
        let cell = |text: &str| text.trim().trim_matches('"').to_owned();
        Some((cell(cut.0), cell(cut.1))).filter(|(from, to)| !from.is_empty() && !to.is_empty() && !to.contains(','))
    };
    if cells(first) != Some(("from".to_owned(), "to".to_owned())) {
        let read: Vec<MapLine> =
            serde_yaml::from_slice(text.as_bytes()).map_err(|_| fault(0, "the file is neither CSV nor a list"))?;
        return if read.len() > MOST { Err(fault(0, "the file has too many lines")) } else { Ok(read) };
    }
    let mut out = Vec::new();
    for (line, text) in lines {
        let (from, to) = cells(text).ok_or_else(|| fault(line, "the line is not two ids"))?;
        if out.len() >= MOST {
            return Err(fault(line, "the file has too many lines"));
        }
        out.push(MapLine { from, to, line });
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_read_as_csv_and_as_a_list() {
        let line = |from: &str, to: &str, line| MapLine { from: from.into(), to: to.into(), line };
        let csv = read_map("m.csv", b"from,to\n# ours\n\nokta:group:a,\"aws:b\"\n").unwrap();
        assert_eq!(csv, [line("okta:group:a", "aws:b", 4)]);
        let yaml = read_map("m.yaml", b"- {from: \"a:b\", to: \"c:d\"}\n").unwrap();
        assert_eq!(yaml, [line("a:b", "c:d", 0)]);
        assert_eq!(read_map("m", b"").unwrap(), []);
        for bad in [&b"from,to\nonly"[..], b"from,to\na,", b"from,to\na,b,c", b"a,b\n", b"\xff", b"- {from: a}\n"] {
            assert!(read_map("m", bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
        assert_eq!(read_map("m", b"from,to\na,b\nx").unwrap_err()[0].place.as_ref().unwrap().line, 3);
    }
}
