//! One copy of a name, however often a file repeats it.
//!
//! In: strings as a reader meets them, between the start and the end of one reading. Out: shared strings, so that equal
//! names of one reading are one allocation. Outside of [`interning`] every call makes a string of its own. Nothing is
//! kept once the reading ends.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// How names are hashed where a large snapshot is looked up: quickly, and from a seed that is drawn anew each time.
pub type Hashes = foldhash::fast::RandomState;
/// A set of names of a reading.
pub type Names<'a> = HashSet<&'a str, Hashes>;
/// What is looked up by names of a reading.
pub type ByName<'a, V> = HashMap<&'a str, V, Hashes>;

thread_local! {
    static NAMES: RefCell<Option<HashSet<Arc<str>, Hashes>>> = const { RefCell::new(None) };
}

/// Forgets the names when the reading ends, also by an unwinding.
struct Forget;

impl Drop for Forget {
    fn drop(&mut self) {
        NAMES.with(|names| *names.borrow_mut() = None);
    }
}

/// Runs a reading within which equal names share one allocation; a reading within a reading shares its names.
pub fn interning<R>(reading: impl FnOnce() -> R) -> R {
    if NAMES.with(|names| names.borrow().is_some()) {
        return reading();
    }
    NAMES.with(|names| *names.borrow_mut() = Some(HashSet::default()));
    let _forget = Forget;
    reading()
}

/// The shared copy of a name.
#[must_use]
pub fn shared(name: &str) -> Arc<str> {
    NAMES.with(|names| match names.borrow_mut().as_mut() {
        None => Arc::from(name),
        Some(known) => {
            if let Some(found) = known.get(name) {
                return Arc::clone(found);
            }
            let new: Arc<str> = Arc::from(name);
            known.insert(Arc::clone(&new));
            new
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_of_one_reading_are_one_allocation() {
        let (a, b) = interning(|| (shared("x"), shared("x")));
        assert!(Arc::ptr_eq(&a, &b));
        assert!(!Arc::ptr_eq(&shared("x"), &a), "nothing outlives the reading");
    }
}
