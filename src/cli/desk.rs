//! The desk at which a person sits: journal, analysis of the approved set, seal and signature.
//!
//! In: a session's events and its end. Out: a journal that is on the disk before the next question, and at the end one
//! signed session in the log. It decides nothing and answers no question.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, anyhow};

use super::history::Past;
use super::new_folder::shown;
use super::output;
use super::proposal::Proposal;
use super::recording::{self, Recorder};
use super::site::Site;
use crate::access::Index;
use crate::decision::case::CaseId;
use crate::decision::session::{Decision, Event};
use crate::decision::soundness::Reanalysis;
use crate::decision::translate;
use crate::input::digest::{Digest, of};
use crate::input::id::ChangeId;
use crate::input::text::Text;
use crate::log::allowed::Allowed;
use crate::log::line::Seal;
use crate::log::session::Draft;
use crate::log::store::{Journal, Store};
use crate::log::verify::{Keep, Terms, Verification};
use crate::terminal::sitting;
use crate::trust::sign::{Keygen, SigningKey};

/// Analyses and judges only these changes, each plan's part as a plan of its own. What cannot be analysed without the
/// others is missing from the answer, which keeps it from passing.
#[must_use]
pub fn reanalyse<'s>(index: &Index<'s>, proposals: &[Proposal<'s>], approved: &BTreeSet<CaseId>) -> Reanalysis {
    let mut again = Reanalysis::default();
    for proposal in proposals {
        let plan = &proposal.plan.id.value;
        let changes: BTreeSet<ChangeId> =
            approved.iter().filter(|case| case.plan == *plan).map(|case| case.change.clone()).collect();
        if changes.is_empty() {
            continue;
        }
        let Ok(part) = proposal.only(index, &changes) else { continue };
        if let Some(policies) = translate::plan_denied(&part.plan_judged) {
            again.denied_plans.insert(plan.clone(), policies);
        }
        again.changes.extend(part.presents.into_iter().map(|present| (present.case.clone(), present)));
    }
    again
}

/// A failure at the desk.
#[derive(Debug, thiserror::Error)]
#[error("{0:#}")]
pub struct DeskError(anyhow::Error);

/// A session that is being written.
pub struct Desk<'a, 's> {
    site: &'s Site,
    index: &'a Index<'s>,
    proposals: &'a [Proposal<'s>],
    past: &'a Past,
    recorder: &'a Recorder,
    store: Store,
    parents: Vec<Digest<of::Line>>,
    inherited: BTreeSet<Digest<of::Blob>>,
    writing: Option<Writing>,
    said: Vec<Decision>,
}

/// The journal, the session in it, and how many decisions it holds.
struct Writing {
    journal: Journal,
    draft: Draft,
    held: Vec<Decision>,
}

impl<'a, 's> Desk<'a, 's> {
    /// Begins the journal, so that a folder that cannot be written is known before the first question.
    ///
    /// # Errors
    /// If the journal cannot be made.
    pub fn open(
        site: &'s Site,
        index: &'a Index<'s>,
        proposals: &'a [Proposal<'s>],
        past: &'a Past,
        recorder: &'a Recorder,
        log: &Path,
        verified: &Verification,
    ) -> anyhow::Result<Self> {
        let store = Store::open(log)?;
        let parents = verified.heads.clone();
        let inherited = verified.blobs.clone();
        let mut desk =
            Self { site, index, proposals, past, recorder, store, parents, inherited, writing: None, said: Vec::new() };
        desk.begin()?;
        Ok(desk)
    }

    fn begin(&mut self) -> anyhow::Result<()> {
        let now = output::now();
        let header = recording::header(self.site, self.recorder, &self.parents, now)?;
        let session = header.session;
        let (mut draft, first) = Draft::start(header, self.inherited.clone())?;
        let mut journal = self.store.begin(session, &first)?;
        journal.append(&recording::evaluations(&mut draft, self.proposals)?)?;
        self.writing = Some(Writing { journal, draft, held: Vec::new() });
        Ok(())
    }

    /// Where the journal is.
    #[must_use]
    pub fn journal(&self) -> &Path {
        self.writing.as_ref().map_or(self.store.path(), |writing| writing.journal.path())
    }

    /// Whether nothing was decided.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.said.is_empty()
    }

    /// Gives up a journal that holds no decision.
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

    /// Writes what stands into the journal: adds what is new, or begins a new journal where something was taken back.
    fn keep(&mut self) -> anyhow::Result<()> {
        let is_continued = self.writing.as_ref().is_some_and(|w| self.said.starts_with(&w.held));
        if !is_continued {
            // WHY: the record has no line that takes a decision back, so a session holds only what stands. The old
            // journal goes only when the new one is on the disk.
            let old = self.writing.take();
            self.begin()?;
            self.add()?;
            if let Some(old) = old {
                let path = old.journal.path().to_owned();
                drop(old);
                self.store.give_up(&path)?;
            }
            return Ok(());
        }
        self.add()
    }

    fn add(&mut self) -> anyhow::Result<()> {
        let now = output::now();
        let writing = self.writing.as_mut().context("the session is over")?;
        for decided in self.said.iter().skip(writing.held.len()) {
            let before = self.past.own_line(&self.recorder.person, decided.case(), decided.digest());
            let (_, bytes) = recording::decision(&mut writing.draft, self.proposals, decided, before, now)?;
            writing.journal.keep(&bytes)?;
        }
        writing.held.clone_from(&self.said);
        Ok(())
    }

    /// Seals what stands, has it signed by `ssh-keygen`, and adds the session to the log. Gives a sentence for the person.
    ///
    /// # Errors
    /// If nobody signs, or the log cannot be written; the journal stays.
    pub fn seal(&mut self, decided: &[Decision], key: &SigningKey) -> anyhow::Result<String> {
        self.said = decided.to_vec();
        self.keep()?;
        let writing = self.writing.take().context("the session is over")?;
        let journal = shown(writing.journal.path());
        let stays = || format!("what you decided is in the journal `{journal}`");
        let sealed = writing.draft.seal(output::now())?;
        output::note(&format!("You sign this seal, over everything above:\n{}", seal_text(sealed.seal())));
        let signed = Keygen::default()
            .sign(key, sealed.namespace(), sealed.bytes(), &mut std::io::stderr())
            .map_err(|e| anyhow!("{e}\n  = mend: {}", e.mend()))
            .with_context(stays)?;
        let at = sealed.seal().at;
        self.site
            .signers
            .find(Some(self.recorder.principal.as_str()), &signed.verified, at)
            .map_err(|why| anyhow!("the signature does not count: {why}\n  = mend: {}", why.mend()))
            .with_context(stays)?;
        let ending = sealed.sign(&Text::from(signed.armored.as_str())).with_context(stays)?;
        let judge = Allowed(&self.site.signers);
        let terms = Terms {
            judge: &judge,
            log: Some(recording::log_id(self.site)?),
            known_heads: &self.parents,
            now: output::now(),
            keep: Keep::Nothing,
            threads: 1,
        };
        self.store.commit(writing.journal, &ending.bytes, terms).with_context(stays)?;
        Ok(format!("sealed and added to `{}`", shown(self.store.path())))
    }
}

fn seal_text(seal: &Seal) -> String {
    let counts = &seal.decisions;
    let mut out = format!(
        "  log       {}\n  session   {}\n  at        {}\n  lines     {}\n  root      {}\n  decisions {} approved, {} rejected, {} overridden\n",
        seal.log,
        seal.session,
        seal.at,
        seal.count.get(),
        seal.root,
        counts.approve.get(),
        counts.reject.get(),
        counts.r#override.get(),
    );
    for name in &seal.privileged {
        out.push_str(&format!("  privileged, approved: {}\n", name.terminal()));
    }
    out.push_str(&format!("  as        {} ({})", seal.principal.text().terminal(), seal.fingerprint.terminal()));
    out
}

impl sitting::Desk for Desk<'_, '_> {
    type Error = DeskError;

    fn persist(&mut self, events: &[Event]) -> Result<(), DeskError> {
        for event in events {
            match event {
                Event::Decided(decision) => {
                    self.said.retain(|old| !replaces(decision, old));
                    self.said.push(decision.clone());
                }
                Event::Withdrawn(case) => self.said.retain(|old| old.case() != case),
            }
        }
        if events.is_empty() { Ok(()) } else { self.keep().map_err(DeskError) }
    }

    fn reanalyse(&mut self, approved: &BTreeSet<CaseId>) -> Result<Reanalysis, DeskError> {
        Ok(reanalyse(self.index, self.proposals, approved))
    }
}

/// Whether a decision takes the place of an earlier one of this session: an approval and an override stand side by side.
fn replaces(new: &Decision, old: &Decision) -> bool {
    use crate::decision::session::Verdict;
    if new.case() != old.case() {
        return false;
    }
    match (new.verdict(), old.verdict()) {
        (Verdict::Reject, _)
        | (Verdict::Approve(_) | Verdict::Override { .. }, Verdict::Reject)
        | (Verdict::Approve(_), Verdict::Approve(_)) => true,
        (Verdict::Override { .. }, Verdict::Override { .. }) => new.verdict() == old.verdict(),
        (Verdict::Approve(_), Verdict::Override { .. }) | (Verdict::Override { .. }, Verdict::Approve(_)) => false,
    }
}
