//! String interning for one reading.
//!
//! Within [`interning`], equal names share one allocation. The table is dropped when the reading ends. Outside of it,
//! every call allocates.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The hasher for names of a large snapshot: fast, with a random seed.
pub type Hashes = foldhash::fast::RandomState;
/// A set of names from one reading.
pub type NameSet<'a> = HashSet<&'a str, Hashes>;
/// A map from names of one reading.
pub type ByName<'a, V> = HashMap<&'a str, V, Hashes>;

thread_local! {
    static NAMES: RefCell<Option<HashSet<Arc<str>, Hashes>>> = const { RefCell::new(None) };
}

/// Drops the table when the reading ends, even by a panic.
struct Forget;

impl Drop for Forget {
    fn drop(&mut self) {
        NAMES.with(|names| *names.borrow_mut() = None);
    }
}

/// Runs a reading in which equal names share one allocation. A nested reading uses the same table.
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
