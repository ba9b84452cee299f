//! Known heads of a log, given as hashes or as files of hashes.

use std::path::Path;

use anyhow::{Context as _, bail};

use crate::app::io::files::shown;
use crate::input::digest::{Digest, of};
use crate::input::text::Text;

/// The known heads.
///
/// # Errors
/// If an argument is neither a hash nor a file of hashes.
pub fn known_heads(given: &[String]) -> anyhow::Result<Vec<Digest<of::Line>>> {
    let mut heads = Vec::new();
    for word in given {
        if let Some(head) = parse_head(word) {
            heads.push(head);
            continue;
        }
        let path = Path::new(word);
        let text = std::fs::read_to_string(path).with_context(|| {
            format!(
                "`--known-head {}` is neither a hash of 64 digits nor a file of such hashes",
                Text::from(word.as_str()).terminal()
            )
        })?;
        heads.extend(heads_in(&shown(path), &text)?);
    }
    Ok(heads)
}

/// The heads in a text, one per line; `#` begins a comment.
///
/// # Errors
/// If a line is not a hash.
pub fn heads_in(name: &str, text: &str) -> anyhow::Result<Vec<Digest<of::Line>>> {
    let mut heads = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match line.split_whitespace().next().and_then(parse_head) {
            Some(head) => heads.push(head),
            None => bail!(
                "`{}` line {}: this is not the hash of a seal line",
                Text::from(name).terminal(),
                number.saturating_add(1)
            ),
        }
    }
    Ok(heads)
}

pub(crate) fn parse_head(word: &str) -> Option<Digest<of::Line>> {
    Digest::parse(word.strip_prefix("sha256:").unwrap_or(word))
}
