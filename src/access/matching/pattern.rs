//! Text patterns: whether one covers another, and whether two overlap.
//!
//! `*` matches any sequence of characters; `?`, where the system has it, exactly one. A pattern is covered only if
//! every text that it matches is matched by the other. Greedy matching with backtracking to the last `*`: at most the
//! product of the lengths.

/// How text is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Glob {
    /// Whether `?` matches one character.
    pub(crate) question_mark: bool,
    /// Whether ASCII case is ignored.
    pub(crate) fold: bool,
}

impl Glob {
    /// Only `*` is a wildcard.
    pub(crate) const TEXT: Self = Self { question_mark: false, fold: false };
}

/// Whether a pattern of ids, in which only `*` is a wildcard, matches an id.
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

/// Whether every text that `p` matches is matched by `q`.
pub(crate) fn covers(q: &str, p: &str, glob: Glob) -> bool {
    compare(Question::Covers, q, p, glob)
}

/// Whether some text is matched by both.
pub(crate) fn overlap(q: &str, p: &str, glob: Glob) -> bool {
    compare(Question::Overlaps, q, p, glob)
}

fn compare(question: Question, q: &str, p: &str, Glob { question_mark, fold }: Glob) -> bool {
    if q == "*" || q == p {
        return true;
    }
    // WHY: bytes and characters give the same result unless `?` is compared with a multi-byte character.
    if !question_mark || (q.is_ascii() && p.is_ascii()) {
        return ask(question, q.as_bytes(), p.as_bytes(), question_mark, fold);
    }
    let (q, p): (Vec<char>, Vec<char>) = (q.chars().collect(), p.chars().collect());
    ask(question, &q, &p, question_mark, fold)
}

fn ask<T: Letter>(question: Question, q: &[T], p: &[T], question_mark: bool, fold: bool) -> bool {
    match question {
        Question::Covers => Matcher { question_mark, fold, star_is_letter: true }.run(q, p),
        Question::Overlaps => shares(q, p, question_mark, fold),
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
    /// Whether a `*` of the text is a letter that only `*` matches. Otherwise it is an ordinary character.
    star_is_letter: bool,
}

impl Matcher {
    /// Whether pattern letter `q`, which is not `*`, matches text letter `p`.
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

    /// Matches greedily, with backtracking to the last `*` only: at most the product of the lengths.
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

/// Whether two patterns overlap.
///
/// Two patterns that both contain a `*` overlap exactly if their parts before the first `*`, and after the last, agree:
/// in between, each `*` matches the middle of the other. If only one contains a `*`, the other is a text of fixed
/// length in which some letters are free.
fn shares<T: Letter>(q: &[T], p: &[T], question_mark: bool, fold: bool) -> bool {
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

/// Whether pattern `q`, with `*`, matches the text `p`, without `*`, with letters compared by `same`.
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

/// Whether a pattern is nothing but `*`.
pub(crate) fn is_stars(pattern: &str) -> bool {
    !pattern.is_empty() && pattern.bytes().all(|b| b == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    const WILD: Glob = Glob { question_mark: true, fold: false };
    const PLAIN: Glob = Glob::TEXT;

    #[test]
    fn a_star_covers_a_star_and_a_letter_does_not() {
        assert!(covers("a*", "ab*", PLAIN) && !covers("ab*", "a*", PLAIN));
        assert!(covers("*:pods", "core:pods", PLAIN) && covers("*", "**", PLAIN));
    }

    #[test]
    fn a_question_mark_is_a_letter_where_the_system_has_none() {
        assert!(!covers("a?", "ab", PLAIN));
        assert!(covers("a?", "ab", WILD) && covers("a*", "a?", WILD) && covers("?", "ü", WILD));
        assert!(!covers("a?", "a*", WILD) && !covers("ab", "a?", WILD));
    }

    #[test]
    fn a_hostile_pattern_costs_at_most_the_product_of_the_lengths() {
        let q = "*a".repeat(2_000) + "*b";
        let p = "a".repeat(4_000);
        assert!(!covers(&q, &p, PLAIN));
        assert!(!overlap(&q, &p, PLAIN));
        assert!(overlap(&q, &("*".to_owned() + &p + "*"), PLAIN));
    }

    /// Every text over the letters up to a length, by enumeration.
    fn texts(letters: &[char], length: usize) -> Vec<String> {
        let mut all = vec![String::new()];
        let mut last = all.clone();
        for _ in 0..length {
            last = last.iter().flat_map(|t| letters.iter().map(move |c| format!("{t}{c}"))).collect();
            all.extend(last.iter().cloned());
        }
        all
    }

    /// Whether a pattern matches a text, by plain recursion.
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
        // A third letter represents "any other"; the texts are long because two stars may need room.
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
                assert_eq!(overlap(q, p, WILD), share, "overlap of {q} and {p}");
                // The rule of the design is sound; it is not complete (`?*` and `*?` match the same texts).
                if covers(q, p, WILD) {
                    assert!(subset, "{q} does not cover {p}");
                } else if !q.contains('?') && !p.contains('?') {
                    assert!(!subset, "{q} covers {p}");
                }
            }
        }
    }
}
