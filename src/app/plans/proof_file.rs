//! The proof next to a plan: `PLAN.sig`, an SSH signature, or `PLAN.jwt`, a workload identity token.
//!
//! Two proofs, or one that cannot be read, prove nothing and are reported. INVARIANT: a token is a bearer credential;
//! this module shows and keeps only its digest.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::app::io::files::shown;
use crate::app::plans::git_branch::Branch;
use crate::input::digest::{Digest, of};
use crate::input::text::Text;
use crate::trust::proposer::Offered;

/// The maximum size of a proof in bytes: the log stores a signature in one line.
const LONGEST: u64 = 24 * 1024;

/// The kind of a proof file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofKind {
    /// An SSH signature.
    Signature,
    /// A token.
    Token,
}

impl ProofKind {
    /// The suffix added to the plan's name.
    #[must_use]
    pub fn ending(self) -> &'static str {
        match self {
            Self::Signature => ".sig",
            Self::Token => ".jwt",
        }
    }

    /// The path of the proof of a plan.
    #[must_use]
    pub fn beside(self, plan: &Path) -> PathBuf {
        let mut path = OsString::from(plan);
        path.push(self.ending());
        PathBuf::from(path)
    }
}

/// A proof's file.
#[derive(Clone)]
pub struct ProofFile {
    /// Its name, escaped for a terminal.
    pub name: String,
    /// Its kind.
    pub kind: ProofKind,
    /// Its exact bytes.
    bytes: Rc<[u8]>,
}

impl fmt::Debug for ProofFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProofFile").field("name", &self.name).field("sha256", &self.digest()).finish_non_exhaustive()
    }
}

impl ProofFile {
    /// The SHA-256 of its bytes.
    #[must_use]
    pub fn digest(&self) -> Digest<of::File> {
        Digest::of(&self.bytes)
    }

    /// The text of the signature; `None` for a token.
    #[must_use]
    pub fn signature(&self) -> Option<Text> {
        match self.kind {
            ProofKind::Signature => std::str::from_utf8(&self.bytes).ok().map(Text::from),
            ProofKind::Token => None,
        }
    }

    /// The proof in the form that proposer verification takes.
    #[must_use]
    pub fn offered(&self) -> Offered<'_> {
        match self.kind {
            ProofKind::Signature => Offered::Signature(&self.bytes),
            ProofKind::Token => Offered::Token(&self.bytes),
        }
    }
}

/// The proof next to a plan.
#[derive(Clone, Debug)]
pub enum Beside {
    /// No proof.
    Nothing,
    /// The plan was drafted just now for a look at its outcome; the proposer proves it later.
    NotYet,
    /// One proof.
    One(ProofFile),
    /// An invalid proof: the fault, and how to fix it.
    Faulty(String, &'static str),
}

impl Beside {
    /// Whether the proof is the same.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Nothing, Self::Nothing) | (Self::NotYet, Self::NotYet) => true,
            (Self::One(one), Self::One(other)) => one.kind == other.kind && one.bytes == other.bytes,
            (Self::Faulty(why, _), Self::Faulty(other, _)) => why == other,
            (Self::Nothing | Self::NotYet | Self::One(_) | Self::Faulty(..), _) => false,
        }
    }

    /// Reads the proof next to a plan.
    #[must_use]
    pub fn of(plan: &Path) -> Self {
        let is_there = |kind: &ProofKind| kind.beside(plan).symlink_metadata().is_ok();
        let found: Vec<ProofKind> = [ProofKind::Signature, ProofKind::Token].into_iter().filter(is_there).collect();
        match found.as_slice() {
            [] => Self::Nothing,
            [kind] => Self::read(plan, *kind),
            _ => Self::two(&shown(&ProofKind::Signature.beside(plan)), &shown(&ProofKind::Token.beside(plan))),
        }
    }

    /// Reads the proof next to a plan from a branch; `path` is that of the plan, relative to the repository's root.
    #[must_use]
    pub fn committed(branch: &Branch, path: &str) -> Self {
        let of = |kind: ProofKind| format!("{path}{}", kind.ending());
        let found: Vec<ProofKind> =
            [ProofKind::Signature, ProofKind::Token].into_iter().filter(|kind| branch.holds(&of(*kind))).collect();
        let kind = match found.as_slice() {
            [] => return Self::Nothing,
            [kind] => *kind,
            _ => return Self::two(&branch.shown(&of(ProofKind::Signature)), &branch.shown(&of(ProofKind::Token))),
        };
        let name = Text::from(branch.shown(&of(kind))).terminal();
        match branch.bytes(&of(kind)) {
            Ok(bytes) if bytes.len() as u64 > LONGEST => Self::too_long(&name),
            Ok(bytes) => Self::One(ProofFile { name, kind, bytes: bytes.into() }),
            Err(error) => Self::Faulty(error.to_string(), "store the proof in a file"),
        }
    }

    fn two(signature: &str, token: &str) -> Self {
        Self::Faulty(
            format!("both `{signature}` and `{token}` are next to the plan"),
            "keep the one that proves this plan, and remove the other",
        )
    }

    fn too_long(name: &str) -> Self {
        Self::Faulty(
            format!("`{name}` is longer than {LONGEST} bytes"),
            "store the signature or the token there, and nothing else",
        )
    }

    fn read(plan: &Path, kind: ProofKind) -> Self {
        let path = kind.beside(plan);
        let name = shown(&path);
        let read = || {
            let meta = std::fs::metadata(&path)?;
            if !meta.is_file() {
                return Ok(None);
            }
            let mut bytes = Vec::new();
            File::open(&path)?.take(LONGEST.saturating_add(1)).read_to_end(&mut bytes)?;
            Ok::<_, std::io::Error>(Some(bytes))
        };
        match read() {
            Ok(Some(bytes)) if bytes.len() as u64 > LONGEST => Self::too_long(&name),
            Ok(Some(bytes)) => Self::One(ProofFile { name, kind, bytes: bytes.into() }),
            Ok(None) => Self::Faulty(format!("`{name}` is not a regular file"), "store the proof in a file"),
            Err(error) => Self::Faulty(format!("`{name}` cannot be read: {error}"), "make it readable, or remove it"),
        }
    }
}
