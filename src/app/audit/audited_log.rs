//! A verified log with what its evaluations record of each change.
//!
//! Reads each file once, for its hash and its long values. Costs one parse per evaluation line.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use serde::Deserialize;

use crate::app::audit::change_parts::ChangeParts;
use crate::app::io::files::shown;
use crate::app::record::{history, log_reader};
use crate::decision::digest::ChangeDocument;
use crate::input::digest::{Digest, of};
use crate::input::text::Text;
use crate::log::blob::Values;
use crate::log::line::{Evaluation, Line, Value};
use crate::log::verify::answers::Verification;
use crate::report::audit::AuditedFile;

/// A verified log.
pub(crate) struct AuditedLog<'v> {
    /// The verification, which kept the lines.
    pub(crate) verified: &'v Verification,
    /// The files and their hashes.
    pub(crate) files: Vec<AuditedFile>,
    /// What the evaluations record, by change digest.
    pub(crate) changes: BTreeMap<Digest<of::Change>, RecordedChange>,
    /// The long values.
    pub(crate) values: Values,
}

/// What the log records of a change.
pub(crate) struct RecordedChange {
    /// What the change digest was computed from.
    pub(crate) document: Arc<ChangeDocument>,
    /// Its parts.
    pub(crate) parts: ChangeParts,
    /// The kinds of the identities that it affects.
    pub(crate) kinds: Vec<Text>,
}

impl<'v> AuditedLog<'v> {
    /// Reads what the report needs besides the verified lines.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub(crate) fn read(path: &Path, verified: &'v Verification) -> anyhow::Result<Self> {
        let (mut values, mut files) = (Values::default(), Vec::new());
        for file in log_reader::files(path)? {
            let bytes = std::fs::read(&file).with_context(|| format!("the log `{}` cannot be read", shown(&file)))?;
            files.push(AuditedFile { path: Text::from(shown(&file)), sha256: Digest::of(&bytes) });
            values.take_lines(&bytes);
        }
        let mut changes = BTreeMap::new();
        for line in verified.sessions.iter().flat_map(|view| &view.lines) {
            let Line::Evaluation(evaluation) = &line.value else { continue };
            if changes.contains_key(&evaluation.digest) {
                continue;
            }
            if let Some(document) = history::document(evaluation, &values) {
                let (parts, kinds) = (ChangeParts::of(&document), kinds(evaluation, &values));
                changes.insert(evaluation.digest, RecordedChange { document, parts, kinds });
            }
        }
        Ok(Self { verified, files, changes, values })
    }
}

/// The fact of an evaluation that reports use.
#[derive(Deserialize)]
struct KindsFact {
    #[serde(default)]
    kinds: Vec<Text>,
}

fn kinds(evaluation: &Evaluation, values: &Values) -> Vec<Text> {
    let bytes = match &evaluation.facts {
        Value::Inline(text) => text.raw().as_bytes(),
        Value::Blob(digest) => values.get(digest).unwrap_or_default(),
    };
    serde_json::from_slice(bytes).map(|fact: KindsFact| fact.kinds).unwrap_or_default()
}
