//! Writes a session: journal, analysis of the approved set, seal and signature.
//!
//! Persists the journal before the next question, and at the end appends one signed session to the log.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};

use crate::access::Index;
use crate::app::evaluation::eligibility::Eligibility;
use crate::app::io::command_error::hinted;
use crate::app::io::files::shown;
use crate::app::io::streams;
use crate::app::plans::evaluated_plan::EvaluatedPlan;
use crate::app::plans::plan_file::PlanFile;
use crate::app::plans::reanalysis::reanalyse;
use crate::app::record::entries;
use crate::app::record::entries::{LineMark, SessionWriterId};
use crate::app::record::history::Past;
use crate::app::record::journals::Left;
use crate::app::record::signed_session::seal_text;
use crate::app::record::signing_keys::Keys;
use crate::app::site::load::Site;
use crate::decision::case::CaseId;
use crate::decision::recheck::Reanalysis;
use crate::decision::recorded::record::CLOCK_SKEW_SECONDS;
use crate::decision::session::{SessionDecision, SessionEvent};
use crate::input::digest::{Digest, of};
use crate::input::text::Text;
use crate::input::time::{Span, Time};
use crate::log::allowed::Allowed;
use crate::log::blob::Values;
use crate::log::line::{self, Salt, Session, SessionId};
use crate::log::session::Draft;
use crate::log::store::{Journal, Store, StoreError};
use crate::log::verify::answers::{Keep, Terms, Verification};
use crate::report::sentence::Sentence;
use crate::terminal::review_loop;
use crate::trust::sign::{Keygen, SigningKey};

/// How often a person is asked to sign again because another session was appended to the log.
const MOST_SEALS: usize = 3;

/// A failure while writing a session.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct SessionWriterError(anyhow::Error);

impl SessionWriterError {
    /// The error with all its causes.
    #[must_use]
    pub fn cause(self) -> anyhow::Error {
        self.0
    }
}

/// A session that is being written.
pub struct SessionWriter<'a, 's> {
    site: &'s Site,
    index: &'a Index<'s>,
    proposals: &'a [EvaluatedPlan<'s>],
    past: &'a Past,
    recorder: &'a SessionWriterId,
    store: Store,
    parents: Vec<Digest<of::Line>>,
    inherited: BTreeSet<Digest<of::Blob>>,
    path: PathBuf,
    header: Session,
    writing: Option<WriterState>,
    said: Vec<WrittenDecision>,
    /// Long values of the journal that this session resumes.
    values: Values,
    clock: Clock,
}

/// The journal, its session, and its decisions by their random bits.
struct WriterState {
    journal: Journal,
    draft: Draft,
    held: Vec<Salt>,
}

/// A decision that is in the journal, or will be.
struct WrittenDecision {
    case: CaseId,
    mark: LineMark,
    what: What,
}

#[expect(clippy::large_enum_variant, reason = "a session holds few of them")]
pub(crate) enum What {
    /// Made in this session, or kept from the interrupted one.
    Now(SessionDecision),
    /// Made before an interruption and not confirmed yet: it stays in the journal verbatim until it is.
    Before(Box<line::Decision>),
}

/// A monotonic clock, even if the system's is not.
struct Clock {
    latest: Time,
}

impl Clock {
    fn now(&mut self) -> Time {
        self.latest = self.latest.max(streams::now());
        self.latest
    }
}

/// The inputs of a new session.
pub struct SessionBasis<'a, 's> {
    /// The site.
    pub site: &'s Site,
    /// The lookups over the snapshot.
    pub index: &'a Index<'s>,
    /// The plans.
    pub proposals: &'a [EvaluatedPlan<'s>],
    /// The recorded history.
    pub past: &'a Past,
    /// The person who decides.
    pub recorder: &'a SessionWriterId,
    /// The path of the log.
    pub log: &'a Path,
    /// The log, verified.
    pub verified: &'a Verification,
}

impl<'a, 's> SessionWriter<'a, 's> {
    /// Creates the journal, so that an unwritable folder is detected before the first question.
    ///
    /// # Errors
    /// If the journal cannot be created, or the clock is behind the log.
    pub fn open(basis: &SessionBasis<'a, 's>) -> anyhow::Result<Self> {
        let mut desk = Self::new(basis, SessionId::from_bytes(streams::random()?))?;
        let (draft, bytes) = desk.front()?;
        let first = line::lines(&bytes).next().unwrap_or_default().len();
        let mut journal = desk.store.begin(desk.header.session, bytes.get(..first).unwrap_or_default())?;
        journal.path().clone_into(&mut desk.path);
        if let Err(full) = journal.append(bytes.get(first..).unwrap_or_default()) {
            // It has no decisions yet, so keeping it would only be in the way.
            drop(journal);
            let _ = desk.store.give_up(&desk.path);
            return Err(full.into());
        }
        desk.writing = Some(WriterState { journal, draft, held: Vec::new() });
        Ok(desk)
    }

    /// Resumes a journal. Each of its decisions stays in the journal until it is confirmed, withdrawn or sealed. Those
    /// in `kept` are confirmed; the others are pending.
    ///
    /// # Errors
    /// If another process holds the journal, it was modified in the meantime, or it cannot be written.
    pub fn go_on(basis: &SessionBasis<'a, 's>, left: Left, kept: &[SessionDecision]) -> anyhow::Result<Self> {
        let message = left.message();
        let Left { path, header: Some(header), held: Ok(held), .. } = left else { bail!("{message}") };
        let mut desk = Self::new(basis, header.session)?;
        // WHY: the session began when its person began it, unless it now follows a session that was sealed later.
        if basis.verified.last_sealed().is_none_or(|sealed| sealed <= header.at) {
            desk.header.at = header.at;
        }
        let (journal, _, _) = desk.store.take_over(&path, desk.inherited.clone())?;
        desk.path = path;
        for before in &held.decisions {
            let case = CaseId { plan: before.plan.clone(), change: before.change.clone() };
            let mark = LineMark { at: before.at, salt: before.salt, supersedes: before.supersedes };
            desk.clock.latest = desk.clock.latest.max(before.at);
            desk.said.push(WrittenDecision { case, mark, what: What::Before(Box::new(before.clone())) });
        }
        for decision in kept {
            let same = |said: &&mut WrittenDecision| said.case == *decision.case();
            if let Some(said) = desk.said.iter_mut().rev().find(same) {
                said.what = What::Now(decision.clone());
            }
        }
        desk.values = held.values;
        desk.rewrite(journal)?;
        Ok(desk)
    }

    fn new(basis: &SessionBasis<'a, 's>, session: SessionId) -> anyhow::Result<Self> {
        let store = Store::open(basis.log)?;
        let verified = basis.verified;
        let now = streams::now();
        let sealed = verified.last_sealed();
        let skew = Span::from_seconds(CLOCK_SKEW_SECONDS);
        if let Some(last) = sealed.filter(|last| *last > now.plus(skew)) {
            bail!(hinted(
                format!("the clock says {now}, but the log was last sealed at {last}"),
                "set the clock; a session must not \
                 claim a time before the one that it follows"
            ));
        }
        let mut clock = Clock { latest: sealed.unwrap_or(now) };
        let header = entries::header(basis.site, basis.recorder, &verified.heads, session, clock.now())?;
        Ok(Self {
            site: basis.site,
            index: basis.index,
            proposals: basis.proposals,
            past: basis.past,
            recorder: basis.recorder,
            path: store.path().to_owned(),
            store,
            parents: verified.heads.clone(),
            inherited: verified.blobs.clone(),
            header,
            writing: None,
            said: Vec::new(),
            values: Values::default(),
            clock,
        })
    }

    /// The lines before the first decision.
    fn front(&self) -> anyhow::Result<(Draft, Vec<u8>)> {
        let (mut draft, mut bytes) = Draft::start(self.header.clone(), self.inherited.clone())?;
        bytes.extend(entries::evaluations(&mut draft, self.proposals)?);
        Ok((draft, bytes))
    }

    /// The path of the journal.
    #[must_use]
    pub fn journal(&self) -> &Path {
        &self.path
    }

    /// Whether there is no decision.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.said.is_empty()
    }

    /// Removes a journal without decisions.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn discard(&mut self) -> anyhow::Result<()> {
        if let Some(writing) = self.writing.take() {
            let path = writing.journal.path().to_owned();
            drop(writing);
            self.store.give_up(&path)?;
        }
        Ok(())
    }

    /// Writes the current decisions into the journal: appends new ones, or rewrites it if one was withdrawn.
    fn keep(&mut self) -> anyhow::Result<()> {
        let salts: Vec<Salt> = self.said.iter().map(|said| said.mark.salt).collect();
        let mut writing = self.writing.take().context("the session is over")?;
        if !salts.starts_with(&writing.held) {
            // WHY: the log has no line that withdraws a decision, so a session contains only current decisions.
            return self.rewrite(writing.journal);
        }
        for said in self.said.iter().skip(writing.held.len()) {
            let bytes = said.write(&mut writing.draft, self.proposals, &self.values)?;
            writing.journal.keep(&bytes)?;
            writing.held.push(said.mark.salt);
        }
        self.writing = Some(writing);
        Ok(())
    }

    fn rewrite(&mut self, journal: Journal) -> anyhow::Result<()> {
        let (mut draft, mut bytes) = self.front()?;
        for said in &self.said {
            bytes.extend(said.write(&mut draft, self.proposals, &self.values)?);
        }
        let journal = self.store.rewrite(journal, &bytes)?;
        let held = self.said.iter().map(|said| said.mark.salt).collect();
        self.writing = Some(WriterState { journal, draft, held });
        Ok(())
    }

    fn take(&mut self, decision: &SessionDecision) -> anyhow::Result<()> {
        let mark = LineMark {
            at: self.clock.now(),
            salt: Salt::from_bytes(streams::random()?),
            supersedes: self.past.own_line(&self.recorder.person, decision.case(), decision.digest()),
        };
        self.said.retain(|old| match &old.what {
            What::Now(old) => !replaces(decision, old),
            What::Before(_) => true,
        });
        self.said.push(WrittenDecision { case: decision.case().clone(), mark, what: What::Now(decision.clone()) });
        Ok(())
    }

    /// Seals the current decisions, has the session signed by `ssh-keygen`, and appends it to the log. Returns a
    /// sentence for the person.
    ///
    /// # Errors
    /// If it cannot be signed, or the log cannot be written; the journal is kept.
    pub fn seal(&mut self, decided: &[SessionDecision], key: &SigningKey) -> anyhow::Result<String> {
        self.said.retain(|said| matches!(&said.what, What::Now(decision) if decided.contains(decision)));
        for decision in decided {
            if !self.said.iter().any(|said| matches!(&said.what, What::Now(known) if known == decision)) {
                self.take(decision)?;
            }
        }
        self.keep()?;
        for _ in 0..MOST_SEALS {
            self.follow_what_was_added()?;
            if let Some(done) = self.seal_once(decided, key)? {
                return Ok(done);
            }
            streams::note(
                "another session was appended to the log while you signed; sign again, so that yours follows it",
            );
        }
        bail!(hinted("other sessions were appended to the log each time you signed", "run `review resume`"))
    }

    /// Makes a first session follow the sessions appended since it began, because two people may begin with an empty
    /// log at the same time.
    fn follow_what_was_added(&mut self) -> anyhow::Result<()> {
        if !self.header.parents.is_empty() {
            return Ok(());
        }
        let judge = Allowed(&self.site.signers);
        let verified = self.store.verify(Terms {
            judge: &judge,
            log: Some(crate::app::site::log_id::log_id(self.site)?),
            known_heads: &[],
            now: streams::now(),
            keep: Keep::Heads,
            threads: 1,
        })?;
        let Some(last) = verified.last_sealed() else { return Ok(()) };
        if !verified.is_usable() {
            return Ok(());
        }
        // A session and its decisions are later than the sessions that it follows.
        self.clock.latest = self.clock.latest.max(last);
        self.header.at = self.clock.now();
        for said in &mut self.said {
            said.mark.at = said.mark.at.max(self.header.at);
        }
        self.header.parents.clone_from(&verified.heads);
        self.parents.clone_from(&verified.heads);
        self.inherited.clone_from(&verified.blobs);
        let writing = self.writing.take().context("the session is over")?;
        self.rewrite(writing.journal)
    }

    /// Seals and signs once. Returns `None` if another session was appended in the meantime, which this one can follow.
    fn seal_once(&mut self, decided: &[SessionDecision], key: &SigningKey) -> anyhow::Result<Option<String>> {
        let writing = self.writing.take().context("the session is over")?;
        let path = writing.journal.path().to_owned();
        let journal = shown(&path);
        let stays = || format!("your decisions are in the journal `{journal}`; continue with `review resume`");
        let sealed = writing.draft.seal(self.clock.now())?;
        for moved in review_loop::SessionStore::moved(self) {
            streams::note(&format!("warning: {}", moved.terminal()));
        }
        streams::note(&format!(
            "You are signing this seal, which covers everything above:\n{}",
            seal_text(sealed.seal())
        ));
        let signed = Keygen::default()
            .sign(key, sealed.namespace(), sealed.bytes(), &mut std::io::stderr())
            .map_err(|e| anyhow!(hinted(e.to_string(), e.help())))
            .with_context(stays)?;
        let at = sealed.seal().at;
        self.site
            .signers
            .find(Some(self.recorder.principal.as_str()), &signed.verified, at)
            .map_err(|why| anyhow!(hinted(format!("the signature is not accepted: {why}"), why.help())))
            .with_context(stays)?;
        let bench = Eligibility::new(self.proposals, self.index, Keys::default());
        bench.still_permits(&self.recorder.person, decided, &signed.verified).with_context(stays)?;
        let ending = sealed.sign(&Text::from(signed.armored.as_str())).with_context(stays)?;
        let judge = Allowed(&self.site.signers);
        let terms = Terms {
            judge: &judge,
            log: Some(crate::app::site::log_id::log_id(self.site)?),
            known_heads: &self.parents,
            now: streams::now(),
            keep: Keep::Nothing,
            threads: 1,
        };
        match self.store.commit(writing.journal, &ending.bytes, terms) {
            Ok(_) => Ok(Some(format!("sealed and appended to `{}`", shown(self.store.path())))),
            Err(StoreError::SecondRoot(_)) => {
                let (journal, _, _) = self.store.take_over(&path, self.inherited.clone())?;
                self.rewrite(journal)?;
                Ok(None)
            }
            Err(e) => Err(anyhow!(hinted(e.to_string(), e.help()))).with_context(stays),
        }
    }
}

impl WrittenDecision {
    fn write(&self, draft: &mut Draft, proposals: &[EvaluatedPlan<'_>], values: &Values) -> anyhow::Result<Vec<u8>> {
        match &self.what {
            What::Now(decision) => entries::decision(draft, proposals, decision, &self.mark),
            What::Before(line) => entries::again(draft, line, values),
        }
    }
}

impl review_loop::SessionStore for SessionWriter<'_, '_> {
    type Error = SessionWriterError;

    fn persist(&mut self, events: &[SessionEvent]) -> Result<(), SessionWriterError> {
        for event in events {
            match event {
                SessionEvent::Decided(decision) => self.take(decision).map_err(SessionWriterError)?,
                SessionEvent::Withdrawn(case) => self.said.retain(|old| old.case != *case),
            }
        }
        if events.is_empty() { Ok(()) } else { self.keep().map_err(SessionWriterError) }
    }

    fn reanalyse(&mut self, approved: &BTreeSet<CaseId>) -> Result<Reanalysis, SessionWriterError> {
        Ok(reanalyse(self.index, self.proposals, approved))
    }

    fn moved(&self) -> Vec<Sentence> {
        let moved = self.proposals.iter().filter_map(|proposal| Some((&proposal.file, proposal.file.moved()?)));
        let says = |(file, how): (&PlanFile, &'static str)| {
            let says = Sentence::new()
                .name(&Text::from(file.name.as_str()))
                .own(format!(" {how} since it was shown to you. "));
            says.own(
                "What you seal is about what you saw, and counts only where that is what the file still says. To decide about \
                 the file as it is now: Esc, `q`, `review resume --give-up`, and begin anew",
            )
        };
        moved.map(says).collect()
    }
}

/// Whether a decision replaces an earlier one of this session. An approval and an override coexist.
fn replaces(new: &SessionDecision, old: &SessionDecision) -> bool {
    use crate::decision::session::SessionVerdict;
    if new.case() != old.case() {
        return false;
    }
    match (new.verdict(), old.verdict()) {
        (SessionVerdict::Reject, _)
        | (SessionVerdict::Approve(_) | SessionVerdict::Override { .. }, SessionVerdict::Reject)
        | (SessionVerdict::Approve(_), SessionVerdict::Approve(_)) => true,
        (SessionVerdict::Override { .. }, SessionVerdict::Override { .. }) => new.verdict() == old.verdict(),
        (SessionVerdict::Approve(_), SessionVerdict::Override { .. })
        | (SessionVerdict::Override { .. }, SessionVerdict::Approve(_)) => false,
    }
}
