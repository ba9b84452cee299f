//! Merkle trees over the lines of a session (RFC 6962 §2.1; inclusion check of RFC 9162 §2.1.3.2).
//!
//! Computing a root needs memory logarithmic in the number of lines.

use sha2::{Digest as _, Sha256};

use crate::input::digest::{Digest, of};

/// The root hash of a tree.
pub type Root = Digest<of::Tree>;

/// The hash of a leaf: SHA-256 of a zero byte and the leaf's bytes.
#[must_use]
pub fn leaf(bytes: &[u8]) -> Root {
    let mut hash = Sha256::new();
    hash.update([0]);
    hash.update(bytes);
    Digest::from_bytes(hash.finalize().into())
}

fn node(left: &Root, right: &Root) -> Root {
    let mut hash = Sha256::new();
    hash.update([1]);
    hash.update(left.as_bytes());
    hash.update(right.as_bytes());
    Digest::from_bytes(hash.finalize().into())
}

/// A tree that grows leaf by leaf. It stores only the roots of its complete subtrees.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// Roots of complete subtrees, largest first. Their sizes are the set bits of `count`.
    peaks: Vec<Root>,
    count: u64,
}

impl Tree {
    /// Adds the hash of a leaf.
    pub fn push(&mut self, leaf: Root) {
        let mut top = leaf;
        for _ in 0..self.count.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                top = node(&left, &top);
            }
        }
        self.peaks.push(top);
        self.count = self.count.saturating_add(1);
    }

    /// The number of leaves.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The root hash. For an empty tree, the hash of the empty string.
    #[must_use]
    pub fn root(&self) -> Root {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return Digest::of(b"") };
        peaks.fold(*last, |right, left| node(left, &right))
    }
}

/// The inclusion path of leaf `index`, nearest sibling first, or `None` if there is no such leaf.
#[must_use]
pub fn path(leaves: &[Root], index: usize) -> Option<Vec<Root>> {
    if index >= leaves.len() {
        return None;
    }
    let (mut out, mut here, mut at) = (Vec::new(), leaves, index);
    while here.len() > 1 {
        // The largest power of two smaller than the length.
        let half = here.len().next_power_of_two() / 2;
        let (left, right) = here.split_at(half);
        if at < half {
            out.push(root_of(right));
            here = left;
        } else {
            out.push(root_of(left));
            at -= half;
            here = right;
        }
    }
    out.reverse();
    Some(out)
}

fn root_of(leaves: &[Root]) -> Root {
    let mut tree = Tree::default();
    for leaf in leaves {
        tree.push(*leaf);
    }
    tree.root()
}

/// Whether the path proves that `leaf` has index `index` (from 0) in a tree of `count` leaves with this root.
#[must_use]
pub fn includes(root: &Root, count: u64, index: u64, leaf: &Root, path: &[Root]) -> bool {
    if index >= count {
        return false;
    }
    let (mut at, mut last, mut hash) = (index, count - 1, *leaf);
    for step in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            hash = node(step, &hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = node(&hash, step);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64ct::{Base64, Encoding as _};
    use ct_merkle::mem_backed_tree::MemoryBackedTree;
    use std::path::Path;

    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Case {
        leaf_idx: u64,
        tree_size: u64,
        root: Option<String>,
        leaf_hash: Option<String>,
        proof: Option<Vec<String>>,
        desc: String,
        want_err: bool,
    }

    fn digest(text: Option<&String>) -> Option<Root> {
        Base64::decode_vec(text?).ok()?.try_into().ok().map(Digest::from_bytes)
    }

    fn run(file: &Path) {
        let case: Case = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let path: Option<Vec<_>> = case.proof.iter().flatten().map(|p| digest(Some(p))).collect();
        let held = match (digest(case.root.as_ref()), digest(case.leaf_hash.as_ref()), path) {
            (Some(root), Some(leaf), Some(path)) => includes(&root, case.tree_size, case.leaf_idx, &leaf, &path),
            _ => false,
        };
        assert_eq!(held, !case.want_err, "{} ({})", file.display(), case.desc);
    }

    #[test]
    fn published_inclusion_vectors_hold() {
        let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors/merkle/inclusion");
        let mut folders = vec![top];
        let mut seen = 0;
        while let Some(folder) = folders.pop() {
            let Ok(entries) = std::fs::read_dir(&folder) else {
                println!("skipped: no vectors at {}", folder.display());
                return;
            };
            for entry in entries.map(|e| e.unwrap().path()) {
                if entry.is_dir() {
                    folders.push(entry);
                } else {
                    run(&entry);
                    seen += 1;
                }
            }
        }
        assert!(seen >= 90, "only {seen} vectors were found");
    }

    #[test]
    fn roots_and_paths_agree_with_an_independent_tree() {
        let mut theirs = MemoryBackedTree::<Sha256, Vec<u8>>::new();
        let (mut ours, mut leaves) = (Tree::default(), Vec::new());
        assert_eq!(ours.root(), Digest::of(b""));
        for n in 0..70_u64 {
            let bytes = n.to_string().into_bytes();
            leaves.push(leaf(&bytes));
            ours.push(leaf(&bytes));
            theirs.push(bytes);
            assert_eq!(ours.root().as_bytes().as_slice(), theirs.root().as_bytes().as_slice());
            for at in 0..=n {
                let index = usize::try_from(at).unwrap();
                let path = path(&leaves, index).unwrap();
                let flat: Vec<u8> = path.iter().flat_map(|p| *p.as_bytes()).collect();
                assert_eq!(flat, theirs.prove_inclusion(index).as_bytes());
                assert!(includes(&ours.root(), n + 1, at, &leaves[index], &path));
                assert!(!includes(&ours.root(), n + 1, at + 1, &leaves[index], &path));
            }
        }
    }
}
