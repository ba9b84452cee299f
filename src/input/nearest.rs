//! Suggests the nearest known name for an unknown one, by Damerau-Levenshtein distance.

/// The longest name to compare. A longer name is not a typing error.
const LONGEST: usize = 128;

/// The known name nearest to `written`, if at most a third of the characters differ. If several are equally near, the
/// first one wins.
#[must_use]
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if written.len() > LONGEST {
        return None;
    }
    let length = written.chars().count();
    let mut best: Option<(usize, &str)> = None;
    for name in known {
        let size = name.chars().count();
        let allowed = (length.max(size) / 3).max(1);
        if name == written || name.len() > LONGEST || size.abs_diff(length) > allowed {
            continue;
        }
        let distance = strsim::damerau_levenshtein(written, name);
        if distance <= allowed && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, name));
        }
    }
    best.map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_name_and_a_stranger_finds_none() {
        let known = ["role", "scope", "member_of", "reason"];
        assert_eq!(nearest("rol", known), Some("role"));
        assert_eq!(nearest("memberof", known), Some("member_of"));
        assert_eq!(nearest("scpoe", known), Some("scope"));
        assert_eq!(nearest("zebra", known), None);
        assert_eq!(nearest("", known), None);
        assert_eq!(nearest(&"r".repeat(100_000), known), None);
    }
}
