//! The transitive closure of a relation, by breadth-first search. Visits each node once.

use std::collections::BTreeSet;

/// All elements reachable from a set, itself included.
pub(crate) fn closure<T: Ord + Clone>(from: &BTreeSet<T>, next: impl Fn(&T) -> BTreeSet<T>) -> BTreeSet<T> {
    let mut seen = from.clone();
    let mut queue: Vec<T> = from.iter().cloned().collect();
    while let Some(at) = queue.pop() {
        for item in next(&at) {
            if seen.insert(item.clone()) {
                queue.push(item);
            }
        }
    }
    seen
}
