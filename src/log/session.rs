//! Builds a session for writing.
//!
//! A [`Draft`] takes lines in order and returns the bytes to append. It rejects lines that break a rule of
//! [`super::run`] before they are written, so a verifier never sees them. It has no side effects: the caller writes the
//! bytes and supplies the random bits and the time.

use std::collections::BTreeSet;

use super::blob;
use super::line::{self, Line, Number, Seal, Session, Sig, Tag, Value, WriteFault};
use super::run::Run;
use crate::input::canonical::{self, CanonicalError};
use crate::input::digest::{Digest, of};
use crate::input::finding::Code;
use crate::input::text::Text;
use crate::input::time::Time;

/// Why a line cannot be added.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// The line cannot be written.
    #[error(transparent)]
    Write(#[from] WriteFault),
    /// A value has no canonical form.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// The line breaks a rule of the log.
    #[error("the session would break a rule of the log: {} ({})", .1.terminal(), .0.name())]
    Rule(Code, Text),
    /// A long value is neither in this session nor in an ancestor.
    #[error("a long value is used before it is written: {0}")]
    MissingBlob(Digest<of::Blob>),
    /// The journal is not the start of a session.
    #[error("line {line} of the journal cannot be read: {}", .message.terminal())]
    Journal {
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        message: Text,
    },
}

/// A line that was added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    /// The hash of the last line.
    pub digest: Digest<of::Line>,
    /// The bytes to append: the required blob lines and the line itself.
    pub bytes: Vec<u8>,
}

/// A session being written.
pub struct Draft {
    run: Run,
    inherited: BTreeSet<Digest<of::Blob>>,
    last: Digest<of::Line>,
    header: Session,
}

impl Draft {
    /// Starts a session. `inherited` is the set of long values that its ancestors contain.
    ///
    /// # Errors
    /// If the line breaks a rule or is too long.
    pub fn start(header: Session, inherited: BTreeSet<Digest<of::Blob>>) -> Result<(Self, Vec<u8>), DraftError> {
        let line = Line::Session(Box::new(header.clone()));
        let bytes = line.to_bytes()?;
        let last = Digest::of(&bytes);
        let mut draft = Self { run: Run::default(), inherited, last, header };
        draft.accept(&line, &bytes)?;
        Ok((draft, bytes))
    }

    /// Restores a session from a journal, up to its last complete line. An unsigned seal at the end is dropped, because the
    /// writer seals again. Returns the session and the number of journal bytes that it uses.
    ///
    /// # Errors
    /// If this tool would not have written one of the lines.
    pub fn resume(
        journal: &[u8],
        inherited: BTreeSet<Digest<of::Blob>>,
    ) -> Result<(Self, Vec<Line>, usize), DraftError> {
        let (mut scratch, mut read, mut used) = (Vec::new(), Vec::new(), 0_usize);
        let mut draft: Option<Self> = None;
        // The end of the last line that is not a blob. Parts of an unfinished value are written again.
        let mut sound = 0_usize;
        for (number, bytes) in (1..).zip(line::lines(journal)) {
            if !bytes.ends_with(b"\n") {
                break;
            }
            let line = line::read(bytes, &mut scratch)
                .map_err(|e| DraftError::Journal { line: number, message: e.message })?;
            if matches!(line, Line::Seal(_)) {
                break;
            }
            match (&mut draft, &line) {
                (None, Line::Session(header)) => draft = Some(Self::start((**header).clone(), inherited.clone())?.0),
                (Some(draft), _) => draft.accept(&line, bytes)?,
                (None, _) => {
                    let message = Text::from("the journal does not start with a `session` line");
                    return Err(DraftError::Journal { line: number, message });
                }
            }
            used = used.saturating_add(bytes.len());
            if !matches!(line, Line::Blob(_)) {
                sound = used;
                read.push(line);
            }
        }
        let nothing = || DraftError::Journal { line: 1, message: Text::from("the journal contains no complete line") };
        let draft = draft.ok_or_else(nothing)?;
        if sound == used {
            return Ok((draft, read, used));
        }
        // A crash between blob lines leaves part of a value. Continue after the line before it.
        Self::resume(journal.get(..sound).unwrap_or_default(), inherited)
    }

    /// The number of lines.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.run.count()
    }

    /// Adds a line. `make` receives the hash of the previous line, for its `prev`.
    ///
    /// # Errors
    /// If the line is too long or breaks a rule of the log. The session then cannot continue.
    pub fn push(&mut self, make: impl FnOnce(Digest<of::Line>) -> Line) -> Result<Added, DraftError> {
        let line = make(self.last);
        let bytes = line.to_bytes()?;
        self.accept(&line, &bytes)?;
        Ok(Added { digest: self.last, bytes })
    }

    /// Adds a long value. Returns its digest and the bytes to append, which are empty if an ancestor or an earlier line of
    /// this session contains it.
    ///
    /// # Errors
    /// If a line cannot be written.
    pub fn blob(&mut self, value: &[u8]) -> Result<(Digest<of::Blob>, Vec<u8>), DraftError> {
        let digest = Digest::of(value);
        let mut out = Vec::new();
        if !self.inherited.contains(&digest) && !self.run.defines.contains(&digest) {
            for make in blob::cut(value) {
                out.extend_from_slice(&self.push(|prev| Line::Blob(make(prev)))?.bytes);
            }
        }
        Ok((digest, out))
    }

    /// Converts a JSON document to the form of a line's field. Returns also the bytes to append before that line.
    ///
    /// # Errors
    /// If the document has no canonical form.
    pub fn value<T: serde::Serialize + ?Sized>(&mut self, document: &T) -> Result<(Value, Vec<u8>), DraftError> {
        let text = String::from_utf8_lossy(&canonical::to_bytes(document)?).into_owned();
        if text.len() <= Value::LONGEST_INLINE {
            return Ok((Value::Inline(Text::from(text)), Vec::new()));
        }
        let (digest, bytes) = self.blob(text.as_bytes())?;
        Ok((Value::Blob(digest), bytes))
    }

    /// Writes the seal, which the writer reads and then signs.
    ///
    /// # Errors
    /// If the line is too long.
    pub fn seal(mut self, at: Time) -> Result<Sealed, DraftError> {
        let (privileged, privileged_count) = self.run.privileged();
        let seal = Seal {
            at,
            count: Number::new(self.run.count()),
            decisions: self.run.verdicts(),
            fingerprint: self.header.writer.fingerprint.clone(),
            log: self.header.log,
            prev: self.last,
            principal: self.header.writer.principal.clone(),
            privileged,
            privileged_count,
            root: self.run.root(),
            session: self.header.session,
            r#type: Tag::new(),
        };
        let bytes = self.push(|_| Line::Seal(Box::new(seal.clone())))?.bytes;
        Ok(Sealed { draft: self, seal, bytes })
    }

    fn accept(&mut self, line: &Line, bytes: &[u8]) -> Result<(), DraftError> {
        let digest = Digest::of(bytes);
        if let Some(fault) = self.run.take(line, bytes, digest).into_iter().next() {
            return Err(DraftError::Rule(fault.code, fault.message));
        }
        if let Some(missing) = self.run.needs.difference(&self.inherited).next() {
            return Err(DraftError::MissingBlob(*missing));
        }
        self.last = digest;
        Ok(())
    }
}

/// A session whose seal is not signed yet.
pub struct Sealed {
    draft: Draft,
    seal: Seal,
    bytes: Vec<u8>,
}

impl Sealed {
    /// The contents of the seal.
    #[must_use]
    pub fn seal(&self) -> &Seal {
        &self.seal
    }

    /// The exact bytes to sign: the seal line, including its LF.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The namespace of the signature.
    #[must_use]
    pub fn namespace(&self) -> &'static str {
        self.draft.header.kind.namespace()
    }

    /// Returns the last two lines of the session, the seal and the signature. The caller has verified the signature.
    ///
    /// # Errors
    /// If the signature does not fit into a line.
    pub fn sign(mut self, sshsig: &Text) -> Result<Added, DraftError> {
        let sshsig = sshsig.clone();
        let sig = self.draft.push(|prev| Line::Sig(Sig { prev, sshsig, r#type: Tag::new() }))?;
        let mut bytes = self.bytes;
        bytes.extend_from_slice(&sig.bytes);
        Ok(Added { digest: sig.digest, bytes })
    }
}
