//! A set of indices into a list, one bit each.
//!
//! Operates a word at a time. Indices beyond the length are never members.

/// A set of indices below a length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bits(Vec<u64>);

const WORD: usize = 64;

impl Bits {
    /// The empty set for a length.
    pub(crate) fn none(length: usize) -> Self {
        Self(vec![0; length.div_ceil(WORD)])
    }

    /// All indices below `length`.
    pub(crate) fn all(length: usize) -> Self {
        let mut bits = Self(vec![u64::MAX; length.div_ceil(WORD)]);
        let rest = length % WORD;
        if let Some(last) = bits.0.last_mut().filter(|_| rest != 0) {
            *last = (1 << rest) - 1;
        }
        bits
    }

    /// Adds an index.
    pub(crate) fn insert(&mut self, place: usize) {
        if let Some(word) = self.0.get_mut(place / WORD) {
            *word |= 1 << (place % WORD);
        }
    }

    /// Removes every member of another set.
    pub(crate) fn remove(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine &= !theirs;
        }
    }

    /// Whether there is no member.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// The members, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> + use<'_> {
        self.0.iter().enumerate().flat_map(|(at, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = usize::try_from(left.trailing_zeros()).ok().filter(|_| left != 0)?;
                left &= left - 1;
                Some(at * WORD + bit)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in_and_not_taken_away() {
        for length in [0, 1, 63, 64, 65, 130] {
            assert_eq!(Bits::all(length).iter().collect::<Vec<_>>(), (0..length).collect::<Vec<_>>());
            assert!(Bits::none(length).is_empty());
            let mut odd = Bits::none(length);
            (0..length + 9).filter(|n| n % 2 == 1).for_each(|n| odd.insert(n));
            let mut even = Bits::all(length);
            even.remove(&odd);
            assert_eq!(even.iter().collect::<Vec<_>>(), (0..length).step_by(2).collect::<Vec<_>>());
        }
    }
}
