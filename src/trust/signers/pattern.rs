//! Pattern lists for principals and namespaces, with the semantics of OpenSSH (`ssh_config(5)` PATTERNS, `match.c`).
//!
//! A name matches if some pattern matches it and no negated pattern does. Matching is case-sensitive.

/// A comma-separated list of patterns: `*` matches any characters, `?` matches one, and a leading `!` negates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternList(Vec<Pattern>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    denies: bool,
    text: String,
}

impl PatternList {
    /// Parses a list. Returns `None` if the list or an item is empty.
    #[must_use]
    pub fn parse(list: &str) -> Option<Self> {
        let patterns: Vec<Pattern> = list
            .split(',')
            .map(|item| match item.strip_prefix('!') {
                Some(text) => Pattern { denies: true, text: text.to_owned() },
                None => Pattern { denies: false, text: item.to_owned() },
            })
            .collect();
        // OpenSSH truncates patterns at 1,024 bytes, so a longer one would have a different meaning there.
        let sound = patterns.iter().all(|pattern| !pattern.text.is_empty() && pattern.text.len() < 1000);
        sound.then_some(Self(patterns))
    }

    /// Whether the list matches a name.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        !name.is_empty()
            && self.0.iter().any(|pattern| !pattern.denies && matches(&pattern.text, name))
            && !self.0.iter().any(|pattern| pattern.denies && matches(&pattern.text, name))
    }

    /// Whether every pattern is negated, so that nothing matches.
    #[must_use]
    pub fn is_hopeless(&self) -> bool {
        self.0.iter().all(|pattern| pattern.denies)
    }

    /// The literal names in the list that also match it.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let literal = |pattern: &&Pattern| !pattern.denies && !pattern.text.contains(['*', '?']);
        self.0.iter().filter(literal).map(|pattern| pattern.text.as_str()).filter(|name| self.matches(name)).collect()
    }

    /// Whether a pattern that is not negated has a wildcard, so that the list matches names that are not written in it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.0.iter().any(|pattern| !pattern.denies && pattern.text.contains(['*', '?']))
    }
}

/// Matches bytes as OpenSSH does: `?` is one byte. The cost is at most the product of both lengths.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = name.get(n) {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p + 1, n));
                p += 1;
            }
            Some(b'?') => (p, n) = (p + 1, n + 1),
            Some(literal) if literal == byte => (p, n) = (p + 1, n + 1),
            _ => match star {
                Some((after, from)) => {
                    star = Some((after, from + 1));
                    (p, n) = (after, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denied_name_never_matches_whatever_the_order() {
        for list in ["*@corp,!eve@corp", "!eve@corp,*@corp"] {
            let list = PatternList::parse(list).unwrap();
            assert!(list.matches("ann@corp"));
            assert!(!list.matches("eve@corp"));
            assert!(!list.matches("Ann@CORP"));
        }
        assert!(!PatternList::parse("!eve").unwrap().matches("ann"));
        assert!(PatternList::parse("!eve").unwrap().is_hopeless());
    }

    #[test]
    fn wildcards_match_as_in_openssh() {
        let yes = [("*", "x"), ("a*c", "abc"), ("a*c", "ac"), ("a?c", "abc"), ("*a*", "bab"), ("a**", "a")];
        let no = [("a?c", "ac"), ("a", "ab"), ("a*c", "acb"), ("", "a"), ("?", "")];
        assert!(yes.iter().all(|(pattern, name)| matches(pattern, name)));
        assert!(no.iter().all(|(pattern, name)| !matches(pattern, name)));
    }

    #[test]
    fn an_empty_item_is_no_list() {
        assert!(["", ",", "a,", "!", "a,!"].iter().all(|list| PatternList::parse(list).is_none()));
        assert_eq!(PatternList::parse("a,b*,!c,c,d").unwrap().names(), ["a", "d"]);
    }
}
