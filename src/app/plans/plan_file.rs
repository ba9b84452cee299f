//! A plan file as read: its exact bytes, and the proof of its author next to it.
//!
//! Read from a path, or from a branch. The plan is not parsed here. A token or key in its place is refused before any
//! of it is shown.

use std::path::Path;
use std::rc::Rc;

use anyhow::Context as _;

use crate::app::io::command_error::hinted;
use crate::app::io::files::shown;
use crate::app::plans::discovery::MAX_PLAN;
use crate::app::plans::proof_file::Beside;
use crate::app::plans::reception::Reception;

/// A plan's file.
#[derive(Clone, Debug)]
pub struct PlanFile {
    /// Its name as given by the user.
    pub name: String,
    /// Its exact bytes.
    pub bytes: Rc<[u8]>,
    /// The proof of its author next to it.
    pub beside: Beside,
    /// When sessions of the log received it with this proof, earliest first.
    pub received: Vec<Reception>,
    /// Whether it was received in a session that does not count for that.
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
        anyhow::ensure!(!meta.is_dir(), hinted(format!("`{}` is a folder", shown(path)), "name the plan's file"));
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

    /// How the file, or the proof next to it, has changed since it was read; `None` if neither has.
    #[must_use]
    pub fn moved(&self) -> Option<&'static str> {
        let path = Path::new(&self.name);
        match Self::read(path) {
            Ok(now) if now.bytes != self.bytes => Some("was edited"),
            Ok(now) => (!now.beside.is_same(&self.beside)).then_some("has a different proof"),
            Err(_) if !path.exists() => Some("was removed"),
            Err(_) => Some("became unreadable"),
        }
    }

    /// Reads a plan from a branch.
    ///
    /// # Errors
    /// If the branch has no such file.
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

/// Refuses a proof in place of a plan before it is parsed. A token is a bearer credential, and messages about a plan
/// quote its text.
fn ensure_plan(name: &str, bytes: &[u8]) -> anyhow::Result<()> {
    let is_proof = [".jwt", ".sig"].iter().any(|ending| name.ends_with(ending))
        || bytes.trim_ascii_start().starts_with(b"eyJ")
        || bytes.trim_ascii_start().starts_with(b"-----BEGIN ");
    anyhow::ensure!(
        !is_proof,
        hinted(
            format!(
                "`{}` is a signature, a token or a key, not a plan",
                crate::input::text::Text::from(name).terminal()
            ),
            "name the plan; its proof is found next to it"
        )
    );
    Ok(())
}
