//! Patterns of AWS resources: ARNs, compared field by field.
//!
//! An ARN has six fields, `arn:PARTITION:SERVICE:REGION:ACCOUNT:REST`; the sixth takes the rest, colons included.
//! Within a field, `*` is any sequence and `?` any one character. In an allow, a `*` at the end of a field may match
//! colons ([`Reading::Wide`]); in a deny it may not ([`Reading::Narrow`]). The pattern that an allow is compared with
//! is read widely only if it lacks fields ([`Reading::AsWritten`]), because with all six fields each `*` belongs to its
//! own field. Missing fields are completed by `*`; in a deny only if its last field ends with `*`. A pattern that is
//! not an ARN is plain text.
//!
//! A pattern becomes tokens, each with whether it may match a colon. One pattern covers another if it matches the other
//! as a text whose wildcards are letters that only wider wildcards match: sound, not complete (`?*` and `*?`). Two
//! patterns overlap if a simultaneous walk over both reaches both ends. Cost: the product of the lengths.
//!
//! Source: AWS, IAM user guide, "IAM JSON policy elements: Resource", "Using wildcards in resource ARNs".

use std::borrow::Cow;

use crate::access::matching::pattern::is_stars;
use crate::input::arn::{FIELDS, completed};

/// How a `*` at the end of a field is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// It may match colons.
    Wide,
    /// It ends with its field.
    Narrow,
    /// Narrow if the pattern has all six fields, otherwise wide.
    AsWritten,
}

/// A letter of a pattern, or a wildcard and whether it may match a colon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Letter(char),
    One(bool),
    Run(bool),
}

/// Whether a pattern can match ARNs field by field.
fn is_arn(pattern: &str) -> bool {
    let Some((first, _)) = pattern.split_once(':') else { return false };
    let glob = crate::access::matching::pattern::Glob { question_mark: true, fold: false };
    crate::access::matching::pattern::overlap(first, "arn", glob)
}

fn tokens(pattern: &str, reading: Reading) -> Vec<Token> {
    let (is_arn, is_stars) = (is_arn(pattern), is_stars(pattern));
    let is_whole = is_arn && pattern.split(':').count() >= FIELDS;
    let is_wide = match reading {
        Reading::Wide => true,
        Reading::Narrow => false,
        Reading::AsWritten => !is_whole,
    };
    let mut out = Vec::with_capacity(pattern.len() + 2 * FIELDS);
    let mut field = 1;
    let mut letters = pattern.chars().peekable();
    while let Some(letter) = letters.next() {
        let free = field >= FIELDS || is_stars || (!is_arn && is_wide);
        out.push(match letter {
            '*' => {
                let ends = letters.peek().is_none_or(|next| *next == ':');
                Token::Run(free || (ends && is_wide))
            }
            '?' => Token::One(free),
            other => Token::Letter(other),
        });
        field += usize::from(letter == ':' && field < FIELDS);
    }
    // A pattern that ends with a `*` matching colons needs no completion, and a deny is completed only after a `*`.
    if is_arn && pattern.ends_with('*') != is_wide {
        // If some `*` matches colons, the fields cannot be counted.
        if field < FIELDS && out.contains(&Token::Run(true)) {
            out.push(Token::Run(true));
        } else {
            let missing = field..FIELDS;
            out.extend(missing.flat_map(|field| [Token::Letter(':'), Token::Run(field + 1 == FIELDS)]));
        }
    }
    out
}

/// Whether every resource that `p` matches is matched by `q`, an allow read widely or a deny read narrowly.
pub(crate) fn covers(q: &str, p: &str, reading: Reading) -> bool {
    if is_stars(q) || q == p {
        return true;
    }
    if parts_early(q, p) {
        return false;
    }
    let of_p = if reading == Reading::Wide { Reading::Wide } else { Reading::AsWritten };
    let (q, p) = (tokens(q, reading), tokens(p, of_p));
    // `last[i]`: whether the first `i` tokens of `p` are matched by the tokens of `q` processed so far.
    let mut last = vec![false; p.len() + 1];
    if let Some(first) = last.first_mut() {
        *first = true;
    }
    for token in q {
        let mut next = vec![false; p.len() + 1];
        let mut before = false;
        for (at, slot) in next.iter_mut().enumerate() {
            let above = last.get(at).copied().unwrap_or(false);
            let taken = at.checked_sub(1).and_then(|at| p.get(at));
            let diagonal = at.checked_sub(1).and_then(|at| last.get(at)).copied().unwrap_or(false);
            *slot = match token {
                Token::Run(colon) => above || (before && taken.is_some_and(|t| colon || !t.may_be_colon())),
                Token::One(colon) => diagonal && taken.is_some_and(|t| t.is_one() && (colon || !t.may_be_colon())),
                Token::Letter(_) => diagonal && taken == Some(&token),
            };
            before = *slot;
        }
        last = next;
    }
    last.last().copied().unwrap_or(false)
}

/// Whether some resource is matched by both an allow and the pattern it is compared with.
pub(crate) fn overlap(q: &str, p: &str) -> bool {
    if is_stars(q) || is_stars(p) || q == p {
        return true;
    }
    if differ_early(q, p) {
        return false;
    }
    let (q, p) = (tokens(q, Reading::Wide), tokens(p, Reading::AsWritten));
    let mut here = vec![false; p.len() + 1];
    if let Some(first) = here.first_mut() {
        *first = true;
    }
    for at in 0..=q.len() {
        let mine = q.get(at).copied();
        let mut next = vec![false; p.len() + 1];
        for to in 0..=p.len() {
            if !here.get(to).copied().unwrap_or(false) {
                continue;
            }
            let theirs = p.get(to).copied();
            let reach = |list: &mut Vec<bool>, to: usize| list.get_mut(to).into_iter().for_each(|slot| *slot = true);
            if matches!(mine, Some(Token::Run(_))) {
                reach(&mut next, to);
            }
            if matches!(theirs, Some(Token::Run(_))) {
                reach(&mut here, to + 1);
            }
            if let (Some(mine), Some(theirs)) = (mine, theirs)
                && mine.shares(theirs)
            {
                match (mine, theirs) {
                    (Token::Run(_), Token::Run(_)) => {}
                    (Token::Run(_), _) => reach(&mut here, to + 1),
                    (_, Token::Run(_)) => reach(&mut next, to),
                    (_, _) => reach(&mut next, to + 1),
                }
            }
        }
        if at == q.len() {
            break;
        }
        here = next;
    }
    here.last().copied().unwrap_or(false)
}

impl Token {
    fn may_be_colon(self) -> bool {
        match self {
            Self::Letter(letter) => letter == ':',
            Self::One(colon) | Self::Run(colon) => colon,
        }
    }

    fn is_one(self) -> bool {
        matches!(self, Self::Letter(_) | Self::One(_))
    }

    /// Whether some letter is matched by both.
    fn shares(self, other: Self) -> bool {
        match (self, other) {
            (Self::Letter(a), Self::Letter(b)) => a == b,
            (Self::Letter(letter), Self::One(colon) | Self::Run(colon))
            | (Self::One(colon) | Self::Run(colon), Self::Letter(letter)) => colon || letter != ':',
            (Self::One(_) | Self::Run(_), Self::One(_) | Self::Run(_)) => true,
        }
    }
}

fn is_wild(byte: u8) -> bool {
    matches!(byte, b'*' | b'?')
}

/// Whether the prefixes before the first wildcard of either pattern differ: then the two do not overlap.
fn differ_early(q: &str, p: &str) -> bool {
    let mut pairs = q.bytes().zip(p.bytes()).take_while(|(a, b)| !is_wild(*a) && !is_wild(*b));
    pairs.any(|(a, b)| a != b)
}

/// Whether `q` has a letter, before its first wildcard, where `p` has another letter or a wildcard: then it does not
/// cover `p`.
fn parts_early(q: &str, p: &str) -> bool {
    q.bytes().zip(p.bytes()).take_while(|(a, _)| !is_wild(*a)).any(|(a, b)| a != b)
}

/// A pattern with the `?` of each sequence of wildcards before its `*`, so that coverage is detected.
pub(crate) fn reordered(pattern: &str) -> Cow<'_, str> {
    if !pattern.contains("*?") {
        return Cow::Borrowed(pattern);
    }
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(letter) = rest.chars().next() {
        let run = rest.bytes().take_while(|b| is_wild(*b)).count();
        let (wild, more) = rest.split_at(if run == 0 { letter.len_utf8() } else { run });
        if run == 0 {
            out.push(letter);
        } else {
            out.extend(wild.chars().filter(|c| *c == '?'));
            out.extend(wild.contains('*').then_some('*'));
        }
        rest = more;
    }
    Cow::Owned(out)
}

/// Whether a pattern matches everything in a partition, or in one account of it.
pub(crate) fn is_everything(pattern: &str) -> bool {
    let pattern = &*reordered(pattern);
    if is_stars(pattern) {
        return true;
    }
    let named =
        |field: usize| pattern.split(':').nth(field).filter(|text| !text.is_empty() && !text.bytes().any(is_wild));
    let partition = named(1).unwrap_or("aws");
    let account = named(4).unwrap_or("*");
    covers(pattern, &format!("arn:{partition}:?*:*:{account}:?*"), Reading::Wide)
}

/// The fault in a resource that a plan writes, and the correct form.
pub(crate) fn fault(pattern: &str) -> Option<(String, String)> {
    if let Some(whole) = completed(pattern) {
        return Some((
            "the ARN lacks fields".to_owned(),
            format!("write `{whole}` if you mean that, or write all six fields"),
        ));
    }
    let empty = |field: usize| pattern.starts_with("arn:") && pattern.split(':').nth(field).is_some_and(str::is_empty);
    let named = |at: usize| pattern.split(':').nth(at).unwrap_or_default();
    let missing = if empty(1) {
        "partition"
    } else if empty(2) {
        "service"
    } else if empty(4) && NEEDS_ACCOUNT.contains(&named(2)) {
        "account"
    } else if pattern.is_empty()
        || (pattern.splitn(FIELDS, ':').count() == FIELDS && pattern.starts_with("arn:") && pattern.ends_with(':'))
    {
        "resource"
    } else {
        return None;
    };
    let help = "write `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`, such as `arn:aws:iam::111122223333:user/ann`";
    Some((format!("the ARN names no {missing}"), help.to_owned()))
}

/// Services whose ARNs always name an account.
const NEEDS_ACCOUNT: &[&str] = &["iam", "sts", "kms", "lambda", "organizations", "secretsmanager", "ssm"];

#[cfg(test)]
mod tests {
    use super::*;

    fn yes(q: &str, p: &str) -> bool {
        covers(q, p, Reading::Wide)
    }

    #[test]
    fn fields_are_compared_one_by_one() {
        let document = "arn:aws:ssm:eu-west-1:111111111111:document/patch";
        assert!(!overlap(document, "arn:*:ec2:*:*:instance/*"));
        assert!(!overlap("arn:aws:ssm:*:*:document/*", "arn:*:ec2:*:*:instance/*"));
        assert!(overlap("arn:aws:ec2:eu-west-1:*:instance/i-1", "arn:*:ec2:*:*:instance/*"));
        assert!(
            !overlap("arn:aws:iam::1*1:user/a", "arn:aws:iam::111:role:1:user/a"),
            "a `*` inside a field stays in it"
        );
        assert!(
            overlap("arn:aws:logs:*:*:log-group:*:x", "arn:aws:logs:eu:1:log-group:a:b:x"),
            "the sixth takes the rest"
        );
    }

    #[test]
    fn a_star_at_the_end_of_a_field_runs_over_colons_for_allows_only() {
        let bucket = "arn:aws:s3:::bucket";
        assert!(yes("arn:aws:s3*", bucket) && yes("arn:aws:*", bucket) && yes("arn:*:bucket", bucket));
        assert!(covers("arn:aws:s3:*", bucket, Reading::Narrow), "a deny is completed field by field");
        assert!(!covers("arn:*:bucket", bucket, Reading::Narrow));
        assert!(!covers("arn:aws:iam", "arn:aws:iam::1:user/a", Reading::Narrow), "such a deny takes nothing");
        assert!(covers("*", bucket, Reading::Narrow) && covers("arn:*:s3:*:*:*", bucket, Reading::Narrow));
    }

    #[test]
    fn missing_fields_are_any() {
        for short in ["arn:aws:iam", "arn:aws:iam::111111111111", "arn:aws", "arn:aws:iam:"] {
            assert!(overlap(short, "arn:aws:iam::111111111111:user/ann"), "{short}");
            assert!(fault(short).is_some(), "{short}");
        }
        assert_eq!(completed("arn:aws:iam").as_deref(), Some("arn:aws:iam:*:*:*"));
        assert!(yes("arn:aws:iam", "arn:aws:iam::1:user/a") && !yes("arn:aws:iam", "arn:aws:s3:::b"));
        assert_eq!(completed("arn:aws:s3*"), None);
    }

    #[test]
    fn an_empty_field_is_said_where_it_must_not_be() {
        for bad in
            ["", "arn::iam::1:user/a", "arn:aws:::1:x", "arn:aws:iam:::user/a", "arn:aws:iam::1:", "arn:aws:s3:::"]
        {
            assert!(fault(bad).is_some(), "{bad}");
        }
        for well in ["*", "arn:aws:s3:::bucket/*", "arn:aws-cn:iam::1:user/*", "arn:aws:*", "arn:aws:ec2:eu::image/a"] {
            assert_eq!(fault(well), None, "{well}");
        }
    }

    #[test]
    fn a_hostile_pattern_costs_at_most_the_product_of_the_lengths() {
        let q = "arn:aws:x:::".to_owned() + &"*a".repeat(1_000) + "*b";
        let p = "arn:aws:x:::".to_owned() + &"a".repeat(2_000);
        assert!(!yes(&q, &p) && !overlap(&q, &p));
    }

    /// Whether a pattern of three fields, read like an ARN, matches a text, by plain recursion.
    fn slow(q: &[char], t: &[char], fields_left: usize, wide: bool) -> bool {
        let Some((letter, rest)) = q.split_first() else { return t.is_empty() };
        let free = fields_left == 0;
        let colon_ok = |c: char| c != ':' || free;
        match letter {
            '*' => {
                let over = free || (wide && rest.first().is_none_or(|next| *next == ':'));
                slow(rest, t, fields_left, wide)
                    || t.split_first().is_some_and(|(c, more)| (*c != ':' || over) && slow(q, more, fields_left, wide))
            }
            '?' => t.split_first().is_some_and(|(c, more)| colon_ok(*c) && slow(rest, more, fields_left, wide)),
            letter => t.split_first().is_some_and(|(c, more)| {
                let left = fields_left.saturating_sub(usize::from(*letter == ':'));
                c == letter && slow(rest, more, left, wide)
            }),
        }
    }

    /// Every text over some letters up to a length.
    fn texts(letters: &[char], length: usize) -> Vec<String> {
        let mut all = vec![String::new()];
        let mut last = all.clone();
        for _ in 0..length {
            last = last.iter().flat_map(|t| letters.iter().map(move |c| format!("{t}{c}"))).collect();
            all.extend(last.iter().cloned());
        }
        all
    }

    #[test]
    fn coverage_and_overlap_agree_with_enumeration() {
        // The first three fields are fixed, so that the variable part crosses from the fifth field into the sixth.
        let head = "arn:aws:x:";
        let patterns: Vec<String> =
            texts(&['a', ':', '*', '?'], 4).into_iter().filter(|p| p.matches(':').count() >= 2).collect();
        let all = texts(&['a', 'b', ':'], 7);
        let matched = |pattern: &String, wide: bool| -> Vec<bool> {
            let pattern: Vec<char> = pattern.chars().collect();
            all.iter().map(|t| slow(&pattern, &t.chars().collect::<Vec<_>>(), 2, wide)).collect()
        };
        // All have six fields, so the pattern that an allow is compared with is read narrowly.
        let wide: Vec<Vec<bool>> = patterns.iter().map(|p| matched(p, true)).collect();
        let narrow: Vec<Vec<bool>> = patterns.iter().map(|p| matched(p, false)).collect();
        for (n, q) in patterns.iter().enumerate() {
            for (p, (wide_p, narrow_p)) in patterns.iter().zip(wide.iter().zip(&narrow)) {
                let (q, p) = (format!("{head}{q}"), format!("{head}{p}"));
                let share = narrow_p.iter().zip(&wide[n]).any(|(a, b)| *a && *b);
                assert_eq!(overlap(&q, &p), share, "overlap of {q} and {p}");
                for (reading, by_q, by_p) in
                    [(Reading::Wide, &wide[n], wide_p), (Reading::Narrow, &narrow[n], narrow_p)]
                {
                    let subset = by_p.iter().zip(by_q).all(|(a, b)| !a || *b);
                    assert!(!covers(&q, &p, reading) || subset || q == p, "{q} does not cover {p}, {reading:?}");
                    let exact = !q.contains('?') && !p.contains('?') && !p.contains('*');
                    assert!(!(exact && subset) || covers(&q, &p, reading), "{q} covers {p}, {reading:?}");
                }
            }
        }
    }
}
