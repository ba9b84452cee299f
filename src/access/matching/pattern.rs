//! Patterns: when one covers another, and when two share a text.
//!
//! In: two patterns and the dialect of their system. Out: yes or no. `*` matches any run of characters; `?`, where the
//! system has it, exactly one. Cost is at most the product of the lengths, on any input. Never an approximation that
//! errs towards less access: a pattern is covered only if every text that it matches is matched.

use std::borrow::Cow;

/// How a system writes and compares patterns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dialect {
    /// Whether `?` matches one character.
    pub question_mark: bool,
    /// Whether actions are compared without regard to ASCII case.
    pub fold_actions: bool,
    /// Whether resources hold variables, `${…}`, that stand for who asks.
    pub variables: bool,
}

impl Dialect {
    /// The dialect of a source system, by the name that a snapshot gives it.
    /// Source: AWS, IAM reference, "IAM JSON policy elements: Action" and "Resource".
    #[must_use]
    pub fn of(source: &str) -> Self {
        let aws = source == "aws";
        Self { question_mark: aws, fold_actions: aws, variables: aws }
    }

    /// An action that is no pattern, in the spelling by which the dialect compares; nothing if it is one.
    pub(crate) fn plain_action(self, action: &str) -> Option<Cow<'_, str>> {
        if action.contains('*') || (self.question_mark && action.contains('?')) {
            return None;
        }
        Some(if self.fold_actions { action.to_ascii_lowercase().into() } else { action.into() })
    }

    /// Whether a pattern matches every action, or every resource, however the system divides them into parts: it holds a
    /// `*` and nothing else but wildcards and dividers.
    #[must_use]
    pub fn is_any(self, pattern: &str) -> bool {
        let wild = |c: char| c == '*' || (self.question_mark && c == '?') || matches!(c, ':' | '/' | '.' | '#' | '|');
        pattern.contains('*') && pattern.chars().all(wild)
    }

    /// Whether every action that `p` matches is matched by `q`.
    #[must_use]
    pub fn action_covers(self, q: &str, p: &str) -> bool {
        compare(Question::Covers, q, p, self.question_mark, self.fold_actions)
    }

    /// Whether some action is matched by both.
    #[must_use]
    pub fn actions_overlap(self, q: &str, p: &str) -> bool {
        compare(Question::Overlaps, q, p, self.question_mark, self.fold_actions)
    }

    /// Whether every resource that `p` matches is matched by `q`.
    #[must_use]
    pub fn resource_covers(self, q: &str, p: &str) -> bool {
        compare(Question::Covers, q, p, self.question_mark, false)
    }

    /// Whether some resource is matched by both.
    #[must_use]
    pub fn resources_overlap(self, q: &str, p: &str) -> bool {
        compare(Question::Overlaps, q, p, self.question_mark, false)
    }
}

/// Whether a pattern of ids, in which only `*` has a meaning, matches an id.
#[must_use]
pub fn id_matches(pattern: &str, id: &str) -> bool {
    let matcher = Matcher { question_mark: false, fold: false, star_is_letter: false };
    matcher.run(pattern.as_bytes(), id.as_bytes())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Question {
    Covers,
    Overlaps,
}

fn compare(question: Question, q: &str, p: &str, question_mark: bool, fold: bool) -> bool {
    if q == "*" || q == p {
        return true;
    }
    // WHY: bytes and characters give the same answer unless `?` stands against a character of several bytes.
    if !question_mark || (q.is_ascii() && p.is_ascii()) {
        return ask(question, q.as_bytes(), p.as_bytes(), question_mark, fold);
    }
    let (q, p): (Vec<char>, Vec<char>) = (q.chars().collect(), p.chars().collect());
    ask(question, &q, &p, question_mark, fold)
}

fn ask<T: Letter>(question: Question, q: &[T], p: &[T], question_mark: bool, fold: bool) -> bool {
    match question {
        Question::Covers => Matcher { question_mark, fold, star_is_letter: true }.run(q, p),
        Question::Overlaps => overlap(q, p, question_mark, fold),
    }
}

/// A unit of a pattern: a byte or a character.
trait Letter: Copy + PartialEq {
    const STAR: Self;
    const ONE: Self;
    fn folded(self) -> Self;
}

impl Letter for u8 {
    const STAR: Self = b'*';
    const ONE: Self = b'?';
    fn folded(self) -> Self {
        self.to_ascii_lowercase()
    }
}

impl Letter for char {
    const STAR: Self = '*';
    const ONE: Self = '?';
    fn folded(self) -> Self {
        self.to_ascii_lowercase()
    }
}

#[derive(Clone, Copy)]
struct Matcher {
    question_mark: bool,
    fold: bool,
    /// Whether a `*` of the text is a letter that only `*` matches; otherwise it is an ordinary character.
    star_is_letter: bool,
}

impl Matcher {
    /// Whether pattern letter `q`, which is no `*`, matches text letter `p`.
    fn letter<T: Letter>(self, q: T, p: T) -> bool {
        if self.star_is_letter && p == T::STAR {
            return false;
        }
        if self.question_mark && q == T::ONE {
            return true;
        }
        if self.question_mark && self.star_is_letter && p == T::ONE {
            return false;
        }
        q == p || (self.fold && q.folded() == p.folded())
    }

    /// Matches greedily, falling back to the last `*` only: at most the product of the lengths.
    fn run<T: Letter>(self, q: &[T], p: &[T]) -> bool {
        let (mut at, mut from) = (0_usize, 0_usize);
        let mut last_star: Option<(usize, usize)> = None;
        while let Some(letter) = p.get(from).copied() {
            match q.get(at).copied() {
                Some(star) if star == T::STAR => {
                    last_star = Some((at, from));
                    at += 1;
                    continue;
                }
                Some(other) if self.letter(other, letter) => {
                    at += 1;
                    from += 1;
                    continue;
                }
                Some(_) | None => {}
            }
            let Some((star, start)) = last_star else { return false };
            last_star = Some((star, start + 1));
            at = star + 1;
            from = start + 1;
        }
        q.iter().skip(at).all(|rest| *rest == T::STAR)
    }
}

/// Whether two patterns share a text.
///
/// Two patterns that both hold a `*` share one exactly if what stands before their first `*`, and after their last,
/// agrees: in between, each one's `*` takes in the other's middle. If only one holds a `*`, the other is a text of known
/// length, some letters of which are free.
fn overlap<T: Letter>(q: &[T], p: &[T], question_mark: bool, fold: bool) -> bool {
    let same =
        |a: T, b: T| (question_mark && (a == T::ONE || b == T::ONE)) || a == b || (fold && a.folded() == b.folded());
    let star = |s: &[T]| s.contains(&T::STAR);
    match (star(q), star(p)) {
        (true, true) => {
            let head = q.iter().zip(p).take_while(|(a, b)| **a != T::STAR && **b != T::STAR);
            let tail = q.iter().rev().zip(p.iter().rev()).take_while(|(a, b)| **a != T::STAR && **b != T::STAR);
            head.chain(tail).all(|(a, b)| same(*a, *b))
        }
        (false, false) => q.len() == p.len() && q.iter().zip(p).all(|(a, b)| same(*a, *b)),
        (true, false) => stretches(q, p, same),
        (false, true) => stretches(p, q, same),
    }
}

/// Whether pattern `q`, with `*`, can be laid over the text `p`, without, letters compared by `same`.
fn stretches<T: Letter>(q: &[T], p: &[T], same: impl Fn(T, T) -> bool) -> bool {
    let (mut at, mut from) = (0_usize, 0_usize);
    let mut last_star: Option<(usize, usize)> = None;
    while let Some(letter) = p.get(from).copied() {
        match q.get(at).copied() {
            Some(star) if star == T::STAR => {
                last_star = Some((at, from));
                at += 1;
                continue;
            }
            Some(other) if same(other, letter) => {
                at += 1;
                from += 1;
                continue;
            }
            Some(_) | None => {}
        }
        let Some((star, start)) = last_star else { return false };
        last_star = Some((star, start + 1));
        at = star + 1;
        from = start + 1;
    }
    q.iter().skip(at).all(|rest| *rest == T::STAR)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AWS: Dialect = Dialect { question_mark: true, fold_actions: true, variables: true };
    const PLAIN: Dialect = Dialect { question_mark: false, fold_actions: false, variables: false };

    #[test]
    fn a_star_covers_a_star_and_a_letter_does_not() {
        assert!(PLAIN.resource_covers("a*", "ab*"));
        assert!(!PLAIN.resource_covers("ab*", "a*"));
        assert!(PLAIN.resource_covers("*:pods#*", "core:pods#x"));
        assert!(!PLAIN.resource_covers("core:pods#*", "core:pods/exec#*"));
        assert!(PLAIN.resource_covers("*", "**"));
    }

    #[test]
    fn a_question_mark_is_a_letter_outside_aws() {
        assert!(!PLAIN.resource_covers("a?", "ab"));
        assert!(AWS.resource_covers("a?", "ab"));
        assert!(AWS.resource_covers("a*", "a?"));
        assert!(AWS.resource_covers("?", "ü"));
        assert!(!AWS.resource_covers("a?", "a*"));
        assert!(!AWS.resource_covers("ab", "a?"));
    }

    #[test]
    fn aws_actions_have_no_case_but_resources_have() {
        assert!(AWS.action_covers("S3:Get*", "s3:getObject"));
        assert!(!AWS.resource_covers("A", "a"));
        assert!(!PLAIN.action_covers("Get", "get"));
    }

    #[test]
    fn a_hostile_pattern_costs_at_most_the_product_of_the_lengths() {
        let q = "*a".repeat(2_000) + "*b";
        let p = "a".repeat(4_000);
        assert!(!PLAIN.resource_covers(&q, &p));
        assert!(!PLAIN.resources_overlap(&q, &p));
        assert!(PLAIN.resources_overlap(&q, &("*".to_owned() + &p + "*")));
    }

    /// Every text over `ab` up to a length, the slow way.
    fn texts(letters: &[char], length: usize) -> Vec<String> {
        let mut all = vec![String::new()];
        let mut last = all.clone();
        for _ in 0..length {
            last = last.iter().flat_map(|t| letters.iter().map(move |c| format!("{t}{c}"))).collect();
            all.extend(last.iter().cloned());
        }
        all
    }

    /// Whether a pattern matches a text, by the plainest recursion.
    fn slow(q: &[u8], t: &[u8]) -> bool {
        match (q.split_first(), t.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), _) => slow(rest, t) || t.split_first().is_some_and(|(_, more)| slow(q, more)),
            (Some((b'?', rest)), Some((_, more))) => slow(rest, more),
            (Some((a, rest)), Some((b, more))) => a == b && slow(rest, more),
            _ => false,
        }
    }

    #[test]
    fn coverage_and_overlap_agree_with_enumeration() {
        let patterns = texts(&['a', 'b', '*', '?'], 4);
        // A third letter stands for "any other"; long texts, because two stars may need room.
        let all = texts(&['a', 'b', 'c'], 7);
        let matches: Vec<Vec<u64>> = patterns
            .iter()
            .map(|p| {
                let mut bits = vec![0_u64; all.len().div_ceil(64)];
                for (n, t) in all.iter().enumerate() {
                    if slow(p.as_bytes(), t.as_bytes()) {
                        bits[n / 64] |= 1 << (n % 64);
                    }
                }
                bits
            })
            .collect();
        for (q, mq) in patterns.iter().zip(&matches) {
            for (p, mp) in patterns.iter().zip(&matches) {
                let subset = mp.iter().zip(mq).all(|(a, b)| a & !b == 0);
                let share = mp.iter().zip(mq).any(|(a, b)| a & b != 0);
                assert_eq!(AWS.resources_overlap(q, p), share, "overlap of {q} and {p}");
                // The rule of the design is sound; it is not complete (`?*` and `*?` match the same texts).
                if AWS.resource_covers(q, p) {
                    assert!(subset, "{q} does not cover {p}");
                } else if !q.contains('?') && !p.contains('?') {
                    assert!(!subset, "{q} covers {p}");
                }
            }
        }
    }
}
