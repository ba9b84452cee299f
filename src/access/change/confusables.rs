//! Names: suggests the name a plan may have meant, and finds names that imitate a known one.
//!
//! Compares a name of the plan with the names of the snapshot. Returns the nearest known name, or a known name that
//! looks the same: by its skeleton, without marks and unusual punctuation, or with such punctuation for a separator.
//! Source: Unicode Technical Standard #39, confusable detection (skeletons).

use std::collections::{BTreeMap, BTreeSet};

use unicode_security::{GeneralSecurityProfile as _, skeleton};

use crate::access::graph::index::{Index, NameKind};

/// The maximum number of unknown names for which the nearest name is searched. Each search compares with every known
/// name.
const MAX_NEAREST: usize = 24;

/// Known names by kind, read from the index on first use.
pub(crate) struct Names<'n, 's> {
    index: &'n Index<'s>,
    known: BTreeMap<NameKind, BTreeSet<&'s str>>,
    looks: BTreeMap<NameKind, BTreeMap<(Form, String), &'s str>>,
    asked: usize,
}

impl<'n, 's> Names<'n, 's> {
    pub(crate) fn new(index: &'n Index<'s>) -> Self {
        Self { index, known: BTreeMap::new(), looks: BTreeMap::new(), asked: 0 }
    }

    fn of(&mut self, kind: NameKind) -> &BTreeSet<&'s str> {
        let index = self.index;
        self.known.entry(kind).or_insert_with(|| index.names(kind))
    }

    /// The known name nearest to an unknown one, if any is near enough.
    pub(crate) fn nearest(&mut self, kind: NameKind, unknown: &str) -> Option<&'s str> {
        self.asked += 1;
        if self.asked > MAX_NEAREST || unknown.len() > 256 {
            return None;
        }
        let near = |name: &&&str| name.len().abs_diff(unknown.len()) <= 4;
        let scored = self.of(kind).iter().filter(near).map(|name| (strsim::jaro_winkler(name, unknown), *name));
        // Among equally near names, the first in sort order.
        scored
            .filter(|(score, _)| *score >= 0.8)
            .fold(None, |best: Option<(f64, &str)>, next| match best {
                Some(best) if best.0 >= next.0 => Some(best),
                Some(_) | None => Some(next),
            })
            .map(|(_, name)| name)
    }

    /// A known name that a new one looks like.
    pub(crate) fn lookalike(&mut self, kind: NameKind, new: &str) -> Option<&'s str> {
        let known: Vec<&'s str> =
            if self.looks.contains_key(&kind) { Vec::new() } else { self.of(kind).iter().copied().collect() };
        let looks = self.looks.entry(kind).or_insert_with(|| {
            known.into_iter().flat_map(|name| known_forms(name).into_iter().map(move |form| (form, name))).collect()
        });
        sought_forms(new).into_iter().find_map(|form| looks.get(&form).copied()).filter(|name| *name != new)
    }
}

/// How a name is reduced to what is seen of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Form {
    /// As written.
    Written,
    /// Case-folded.
    Folded,
    /// Case-folded, without marks and unusual punctuation.
    Bare,
    /// Letters and digits only.
    Letters,
    /// Letters and digits only, of a name that has unusual punctuation.
    LettersOfUnusual,
}

/// The visual forms of a name. White space is ignored.
pub(crate) fn forms(name: &str) -> [(Form, String); 3] {
    let spaceless: String = name.chars().filter(|c| !c.is_whitespace()).collect();
    let folded = visible(skeleton(&spaceless.to_lowercase()));
    let bare = folded.chars().filter(|c| !vanishes(*c)).collect();
    [(Form::Written, visible(skeleton(&spaceless))), (Form::Folded, folded), (Form::Bare, bare)]
}

/// The forms of a known name.
fn known_forms(name: &str) -> Vec<(Form, String)> {
    let mut all = forms(name).to_vec();
    all.push((Form::Letters, letters(name)));
    if name.chars().any(vanishes) {
        all.push((Form::LettersOfUnusual, letters(name)));
    }
    all
}

/// The forms in which a new name is compared with known ones. Two names that differ only in ASCII punctuation differ.
fn sought_forms(name: &str) -> Vec<(Form, String)> {
    let mut all = forms(name).to_vec();
    all.push((Form::LettersOfUnusual, letters(name)));
    if name.chars().any(vanishes) {
        all.push((Form::Letters, letters(name)));
    }
    all
}

fn letters(name: &str) -> String {
    let [.., (_, bare)] = forms(name);
    bare.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// Whether a character is easily overlooked or taken for a separator: a mark, or a punctuation or modifier outside of
/// ASCII.
fn vanishes(c: char) -> bool {
    let modifies = matches!(c, '\u{2b0}'..='\u{36f}' | '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{640}'
        | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{a700}'..='\u{a721}' | '\u{a788}'..='\u{a78a}');
    !c.is_ascii() && (modifies || !c.is_alphanumeric())
}

/// Drops marks that change nothing visible: a dot above a letter that already has one, and a mark that repeats the last one.
/// UTS #39 forbids both but maps neither.
fn visible(skeleton: impl Iterator<Item = char>) -> String {
    const DOT_ABOVE: char = '\u{307}';
    let mut out = String::new();
    let (mut dotted, mut last) = (false, None);
    for c in skeleton {
        let is_mark = matches!(c, '\u{300}'..='\u{36f}');
        if !is_mark {
            dotted = matches!(c, 'i' | 'j');
        }
        if is_mark && (last == Some(c) || dotted && c == DOT_ABOVE) {
            continue;
        }
        out.push(c);
        last = Some(c);
    }
    out
}

/// The first character of a name that identifiers do not use: blank, invisible, unassigned, for private use, or of a script that
/// is no longer used. A character outside ASCII must have the `Identifier_Status` `Allowed` of UTS #39.
pub(crate) fn unusual(name: &str) -> Option<char> {
    name.chars().find(|c| if c.is_ascii() { c.is_ascii_control() } else { !c.identifier_allowed() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_alike_share_a_form() {
        let alike = |a: &str, b: &str| forms(a).iter().any(|form| forms(b).contains(form));
        assert!(alike("svc:reconcile", "svc:rеconcile"), "a Cyrillic letter");
        assert!(alike("svc:deploy", "SVC:Deploy"), "only the case differs");
        assert!(alike("svc:deploy", "svc:deploy "), "only white space differs");
        assert!(alike("svc:db1", "svc:dbl"), "a digit for a letter");
        assert!(alike("svc:ci", "svc:ci\u{307}"), "a dot above a dotted letter");
        assert!(alike("svc:ci", "svc:c\u{131}\u{307}"), "a dot above a dotless letter");
        assert!(alike("svc:j", "svc:\u{458}\u{307}"), "a dot above a dotted letter of another script");
        assert!(alike("caf\u{e9}", "cafe\u{301}\u{301}"), "the same mark twice");
        assert!(!alike("svc:db1", "svc:db2"));
        assert!(alike("svc:ce", "svc:c\u{117}"), "a dot above");
        assert!(!alike("svc:a-b", "svc:a_b"), "ASCII punctuation");
    }

    #[test]
    fn marks_and_unusual_punctuation_do_not_make_a_name_another() {
        let imitates = |new: &str, known: &str| sought_forms(new).iter().any(|form| known_forms(known).contains(form));
        for new in [
            "svc:\u{1f9}on",
            "svc:\u{144}on",
            "svc:n\u{f8}n",
            "svc:no\u{b7}n",
            "svc\u{b7}non",
            "svc\u{f0b}non",
            "svc:non\u{f0b}",
            "svc:n\u{2019}on",
            "svc:non\u{2bc}",
            "s\u{30fb}vc:non",
            "svc\u{a789}non",
            "SVC:N\u{d3}N",
        ] {
            assert!(imitates(new, "svc:non"), "{new}");
        }
        assert!(imitates("svc:equipe-a", "svc:\u{e9}quipe-a"), "of a known name");
        assert!(imitates("svc:db-a", "svc:db\u{b7}a"), "of a known name");
        for (new, known) in [
            ("svc:db-a", "svc:db_a"),
            ("svc:db.a", "svc:dba"),
            ("svc:\u{e9}quipe-a", "svc:\u{e9}quipe-b"),
            ("svc:\u{90e8}", "svc:\u{7f72}"),
        ] {
            assert!(!imitates(new, known), "{new} {known}");
        }
    }

    #[test]
    fn a_new_name_has_only_characters_of_identifiers() {
        for name in [
            "svc:deploy-1",
            "Domain Admins",
            "\u{c9}quipe donn\u{e9}es",
            "\u{90e8}\u{7f72}",
            "arn:aws:iam::1:role/x+=,.@-_",
        ] {
            assert_eq!(unusual(name), None, "{name}");
        }
        let refused = [
            ('\u{2800}', "a blank"),
            ('\u{13430}', "a control of an old script"),
            ('\u{1d159}', "a null notehead"),
            ('\u{e000}', "private use"),
            ('\u{f0000}', "private use beyond"),
            ('\u{378}', "unassigned"),
            ('\u{a0}', "a space that is not one"),
            ('\u{3000}', "a wide space"),
            ('\u{1f6e1}', "a picture"),
        ];
        for (c, what) in refused {
            assert_eq!(unusual(&format!("svc:deploy{c}")), Some(c), "{what}");
        }
    }
}
