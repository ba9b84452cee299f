//! A plan's file, as it was read: its exact bytes, and what lies beside it to prove who wrote it.
//!
//! In: a path, or a place on a branch. Out: [`PlanFile`]. Nothing of the plan is believed here; what is no plan at all, because
//! it is a token or a key, is refused before any of it is shown.

use std::path::Path;
use std::rc::Rc;

use anyhow::Context as _;

use crate::app::io::files::shown;
use crate::app::plans::discovery::MAX_PLAN;
use crate::app::plans::proof_file::Beside;
use crate::app::plans::reception::Reception;

/// A plan's file.
#[derive(Clone, Debug)]
pub struct PlanFile {
    /// Its name as the user gave it.
    pub name: String,
    /// Its exact bytes.
    pub bytes: Rc<[u8]>,
    /// What lies beside it to prove who wrote it.
    pub beside: Beside,
    /// When sessions of the log received it with this proof, the earliest first.
    pub received: Vec<Reception>,
    /// Whether a session that does not count for that received it.
    pub came_loose: bool,
}

impl PlanFile {
    /// Reads a plan's file.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let cannot = || format!("the plan `{}` cannot be read", shown(path));
        let meta = std::fs::metadata(path).with_context(cannot)?;
        anyhow::ensure!(!meta.is_dir(), "`{}` is a folder\n  = help: name the plan's file", shown(path));
        anyhow::ensure!(meta.len() <= MAX_PLAN, "the plan `{}` is larger than {MAX_PLAN} bytes", shown(path));
        let bytes = std::fs::read(path).with_context(cannot)?;
        ensure_plan(&path.to_string_lossy(), &bytes)?;
        let beside = Beside::of(path);
        Ok(Self {
            name: path.to_string_lossy().into_owned(),
            bytes: bytes.into(),
            beside,
            received: Vec::new(),
            came_loose: false,
        })
    }

    /// What happened to the file, or to the proof beside it, since it was read; none where both are as they were.
    #[must_use]
    pub fn moved(&self) -> Option<&'static str> {
        let path = Path::new(&self.name);
        match Self::read(path) {
            Ok(now) if now.bytes != self.bytes => Some("was edited"),
            Ok(now) => (!now.beside.is_same(&self.beside)).then_some("got another proof of who wrote it"),
            Err(_) if !path.exists() => Some("was removed"),
            Err(_) => Some("became unreadable"),
        }
    }

    /// Reads a plan as a branch holds it.
    ///
    /// # Errors
    /// If it holds no such file.
    pub fn committed(branch: &crate::app::plans::git_branch::Branch, path: &str) -> anyhow::Result<Self> {
        let beside = Beside::committed(branch, path);
        let bytes = branch.bytes(path)?;
        ensure_plan(path, &bytes)?;
        anyhow::ensure!(
            bytes.len() as u64 <= MAX_PLAN,
            "the plan `{}` is larger than {MAX_PLAN} bytes",
            crate::input::text::Text::from(branch.shown(path)).terminal()
        );
        Ok(Self { name: branch.shown(path), bytes: bytes.into(), beside, received: Vec::new(), came_loose: false })
    }
}

/// Refuses a proof in a plan's place before any of it is read: a token is a bearer credential, and what is wrong with a plan
/// is told with its own words.
fn ensure_plan(name: &str, bytes: &[u8]) -> anyhow::Result<()> {
    let is_proof = [".jwt", ".sig"].iter().any(|ending| name.ends_with(ending))
        || bytes.trim_ascii_start().starts_with(b"eyJ")
        || bytes.trim_ascii_start().starts_with(b"-----BEGIN ");
    anyhow::ensure!(
        !is_proof,
        "`{}` is a signature, a token or a key, and no plan\n  = help: name the plan; its proof lies beside it and is found by itself",
        crate::input::text::Text::from(name).terminal()
    );
    Ok(())
}
