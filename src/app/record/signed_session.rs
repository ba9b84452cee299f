//! A session that is written and signed in one go: that of a recorder, or a person's that holds no decisions.
//!
//! The journal is complete before anyone signs. Without a signature, nothing is appended and the journal is removed, because
//! the session contains nothing that cannot be written again.

use std::path::Path;

use anyhow::{Context as _, anyhow, bail, ensure};

use crate::app::io::command_error::hinted;
use crate::app::io::files::shown;
use crate::app::io::streams;
use crate::app::plans::evaluated_plan::EvaluatedPlan;
use crate::app::record::entries;
use crate::app::site::load::Site;
use crate::decision::recorded::record::CLOCK_SKEW_SECONDS;
use crate::input::text::Text;
use crate::input::time::{Span, Time};
use crate::log::allowed::Allowed;
use crate::log::line::{Seal, SessionId, SessionKind, Writer};
use crate::log::session::Draft;
use crate::log::store::Store;
use crate::log::verify::answers::{Keep, Terms, Verification};
use crate::trust::sign::{Keygen, SigningKey};
use crate::trust::sshsig::Verified;

/// Who writes the session, and with which key.
pub struct SignedSession<'s, 'k> {
    /// The site.
    pub site: &'s Site,
    /// The key.
    pub key: &'k SigningKey,
    /// The writer, as the session's first line names it.
    pub writer: Writer,
    /// The kind of session.
    pub kind: SessionKind,
}

impl SignedSession<'_, '_> {
    /// Appends a session: the plans and the outcomes of the policies, then the lines that `add` writes. `accepts` checks the
    /// signature before it is used.
    ///
    /// # Errors
    /// If the session cannot be signed, the signature is not accepted, the clock is behind the log, or the log cannot be
    /// written; then nothing is appended.
    pub fn write(
        &self,
        log: &Path,
        verified: &Verification,
        proposals: &[EvaluatedPlan<'_>],
        add: &mut dyn FnMut(&mut Draft, Time) -> anyhow::Result<Vec<u8>>,
        accepts: &dyn Fn(&Verified) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let now = streams::now();
        let sealed = verified.last_sealed();
        if let Some(last) = sealed.filter(|last| *last > now.plus(Span::from_seconds(CLOCK_SKEW_SECONDS))) {
            bail!(hinted(
                format!("the clock says {now}, but the log was last sealed at {last}"),
                "set the clock; a session must not claim a time before the one that it follows"
            ));
        }
        let at = sealed.map_or(now, |last| last.max(now));
        let session = SessionId::from_bytes(streams::random()?);
        let header = entries::begin(self.site, self.kind, self.writer.clone(), &verified.heads, session, at)?;
        let (mut draft, first) = Draft::start(header, verified.blobs.clone())?;
        let store = Store::open(log)?;
        let mut journal = store.begin(session, &first)?;
        let path = journal.path().to_owned();
        let mut fill = || -> anyhow::Result<()> {
            journal.append(&entries::evaluations(&mut draft, proposals)?)?;
            let lines = add(&mut draft, at)?;
            Ok(journal.keep(&lines)?)
        };
        let given_up = |error: anyhow::Error| {
            let _ = store.give_up(&path);
            error
        };
        if let Err(error) = fill() {
            drop(journal);
            return Err(given_up(error));
        }
        let ending = match self.seal(draft, at, accepts) {
            Ok(ending) => ending,
            Err(error) => {
                drop(journal);
                return Err(given_up(error));
            }
        };
        let judge = Allowed(&self.site.signers);
        let id = crate::app::site::log_id::log_id(self.site)?;
        let terms = Terms {
            judge: &judge,
            log: Some(id),
            known_heads: &verified.heads,
            now: streams::now(),
            keep: Keep::Nothing,
            threads: 1,
        };
        store
            .commit(journal, &ending, terms)
            .map_err(|e| anyhow!(hinted(e.to_string(), e.help())))
            .with_context(|| format!("the session is in the journal `{}`", shown(&path)))?;
        Ok(())
    }

    fn seal(
        &self,
        draft: Draft,
        at: Time,
        accepts: &dyn Fn(&Verified) -> anyhow::Result<()>,
    ) -> anyhow::Result<Vec<u8>> {
        let sealed = draft.seal(at.max(streams::now()))?;
        if self.kind == SessionKind::Review {
            streams::note(&format!(
                "You are signing this seal, which covers everything above:\n{}",
                seal_text(sealed.seal())
            ));
        }
        let signed = Keygen::default()
            .sign(self.key, sealed.namespace(), sealed.bytes(), &mut std::io::stderr())
            .map_err(|e| anyhow!(hinted(e.to_string(), e.help())))?;
        let allowed = self
            .site
            .signers
            .find(Some(self.writer.principal.as_str()), &signed.verified, sealed.seal().at)
            .map_err(|why| anyhow!(hinted(format!("the signature is not accepted: {why}"), why.help())))?;
        ensure!(allowed.principal == self.writer.principal, "the signature belongs to another principal");
        accepts(&signed.verified)?;
        Ok(sealed.sign(&Text::from(signed.armored.as_str()))?.bytes)
    }
}

/// A seal as the person reads it before signing.
pub(crate) fn seal_text(seal: &Seal) -> String {
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
