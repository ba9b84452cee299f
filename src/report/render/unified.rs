//! An alteration as the lines of a unified diff.

use similar::{ChangeTag, TextDiff};

use crate::report::model::Alteration;

/// The lines of a unified diff: sign and escaped text.
#[must_use]
pub fn unified(alteration: &Alteration) -> Vec<(char, String)> {
    let lines = |side: &[crate::input::text::Text]| -> Vec<String> {
        side.iter().map(crate::input::text::Text::terminal).collect()
    };
    let (before, after) = (lines(&alteration.before), lines(&alteration.after));
    let (old, new): (Vec<&str>, Vec<&str>) =
        (before.iter().map(String::as_str).collect(), after.iter().map(String::as_str).collect());
    let diff = TextDiff::from_slices(&old, &new);
    diff.iter_all_changes()
        .map(|change| {
            let sign = match change.tag() {
                ChangeTag::Equal => ' ',
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
            };
            (sign, change.value().to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::text::Text;

    #[test]
    fn an_adjusted_assignment_shows_only_what_differs_as_altered() {
        let side = |mode: &str| vec![Text::from("to: u"), Text::from(format!("mode: {mode}").as_str())];
        let altered = Alteration { what: "assignment a".into(), before: side("active"), after: side("standing") };
        let lines: Vec<String> = unified(&altered).into_iter().map(|(s, t)| format!("{s} {t}")).collect();
        assert_eq!(lines, ["  to: u", "- mode: active", "+ mode: standing"]);
    }
}
