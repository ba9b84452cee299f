//! A recorder: a machine with a key of its own that writes what came of plans, and can never decide.
//!
//! In: the site, a key, a verified log, judged plans and the lines to add. Out: one `record` session at the end of the log,
//! signed in the namespace `review-record@v1`. INVARIANT: a recorder is nobody in people.yaml.

use std::path::Path;

use anyhow::{Context as _, anyhow, bail, ensure};

use super::keys::{self, Besides, Keys};
use super::new_folder::shown;
use super::proposal::Proposal;
use super::site::Site;
use super::{known, output, person, recording};
use crate::decision::record::CLOCK_SKEW_SECONDS;
use crate::input::id::PrincipalId;
use crate::input::text::Text;
use crate::input::time::{Span, Time};
use crate::log::allowed::Allowed;
use crate::log::line::{SessionId, SessionKind, Writer};
use crate::log::session::Draft;
use crate::log::store::Store;
use crate::log::verify::{Keep, Terms, Verification};
use crate::trust::sign::{Keygen, SigningKey};
use crate::trust::signers::{Unused, WhyNot};

/// A recorder and its key.
pub struct Clerk<'s> {
    site: &'s Site,
    key: SigningKey,
    principal: PrincipalId,
    fingerprint: String,
}

impl<'s> Clerk<'s> {
    /// Who records with this key.
    ///
    /// # Errors
    /// If there is no such key, allowed_signers does not allow it to record, or it is a person's.
    pub fn named(site: &'s Site, key: Option<&str>) -> anyhow::Result<Self> {
        let key = person::signing_key(key)?;
        let keygen = Keygen::default();
        keygen.is_there().map_err(|e| anyhow!("{e}\n  = mend: {}", e.mend()))?;
        let (public, certificate) = key.public(&keygen).map_err(|e| anyhow!("{e}\n  = mend: {}", e.mend()))?;
        let namespace = SessionKind::Record.namespace();
        let allowed =
            site.signers.find_key(None, &public, certificate.as_ref(), namespace, output::now()).map_err(|why| {
                let mend = match why {
                    WhyNot::UnknownKey { .. }
                    | WhyNot::Unused { why: Unused::NoNamespaces, .. }
                    | WhyNot::Namespace { .. } => {
                        format!("if it is a recorder's, allow it in allowed_signers with `namespaces=\"{namespace}\"`")
                    }
                    WhyNot::OtherPrincipal { .. }
                    | WhyNot::Ambiguous { .. }
                    | WhyNot::Unused { .. }
                    | WhyNot::NotYetValid { .. }
                    | WhyNot::Expired { .. }
                    | WhyNot::Certificate { .. }
                    | WhyNot::Revoked { .. }
                    | WhyNot::Person { .. }
                    | WhyNot::PersonsKey { .. }
                    | WhyNot::RecordersKey { .. } => why.mend().to_owned(),
                };
                anyhow!("this key records nothing: {why}\n  = mend: {mend}")
            })?;
        if let Some(agent) = keys::proposer_of(&site.provers, &public, certificate.as_ref()) {
            return Err(Besides::Proposer(agent).refusal("this key records nothing"));
        }
        Ok(Self { site, key, principal: allowed.principal, fingerprint: public.fingerprint() })
    }

    /// Adds a session: the plans and what policy says of them, then the lines that `add` writes.
    ///
    /// # Errors
    /// If nobody signs, the clock lies behind the log, or the log cannot be written; nothing is then added.
    pub fn write(
        &self,
        log: &Path,
        verified: &Verification,
        proposals: &[Proposal<'_>],
        add: &mut dyn FnMut(&mut Draft, Time) -> anyhow::Result<Vec<u8>>,
    ) -> anyhow::Result<()> {
        if let Some(besides) = Keys::of(verified).bars_recording(&self.site.provers, &self.fingerprint) {
            return Err(besides.refusal("this key records nothing, for it signed in this log by another certificate"));
        }
        let now = output::now();
        let sealed = verified.sessions.iter().map(|view| view.seal.value.at).max();
        if let Some(last) = sealed.filter(|last| *last > now.plus(Span::from_seconds(CLOCK_SKEW_SECONDS))) {
            bail!(
                "the clock says {now}, but the log was last sealed at {last}\n  = mend: set the clock; a session must not claim a time before the one that it follows"
            );
        }
        let at = sealed.map_or(now, |last| last.max(now));
        let writer = Writer {
            fingerprint: Text::from(self.fingerprint.as_str()),
            person: None,
            principal: self.principal.clone(),
        };
        let session = SessionId::from_bytes(output::random()?);
        let header = recording::begin(self.site, SessionKind::Record, writer, &verified.heads, session, at)?;
        let (mut draft, first) = Draft::start(header, verified.blobs.clone())?;
        let store = Store::open(log)?;
        let mut journal = store.begin(session, &first)?;
        let path = journal.path().to_owned();
        let mut fill = || -> anyhow::Result<()> {
            journal.append(&recording::evaluations(&mut draft, proposals)?)?;
            let lines = add(&mut draft, at)?;
            Ok(journal.keep(&lines)?)
        };
        // WHY: a machine asks nobody, so a journal of its that was not sealed holds nothing that could not be written again.
        let given_up = |error: anyhow::Error| {
            let _ = store.give_up(&path);
            error
        };
        if let Err(error) = fill() {
            drop(journal);
            return Err(given_up(error));
        }
        let ending = match self.seal(draft, at) {
            Ok(ending) => ending,
            Err(error) => {
                drop(journal);
                return Err(given_up(error));
            }
        };
        let judge = Allowed(&self.site.signers);
        let id = recording::log_id(self.site)?;
        let terms = Terms {
            judge: &judge,
            log: Some(id),
            known_heads: &verified.heads,
            now: output::now(),
            keep: Keep::Nothing,
            threads: 1,
        };
        store
            .commit(journal, &ending, terms)
            .map_err(|e| anyhow!("{e}\n  = mend: {}", e.help()))
            .with_context(|| format!("the session is in the journal `{}`", shown(&path)))?;
        Ok(())
    }

    fn seal(&self, draft: Draft, at: Time) -> anyhow::Result<Vec<u8>> {
        let sealed = draft.seal(at.max(output::now()))?;
        let signed = Keygen::default()
            .sign(&self.key, sealed.namespace(), sealed.bytes(), &mut std::io::stderr())
            .map_err(|e| anyhow!("{e}\n  = mend: {}", e.mend()))?;
        let allowed = self
            .site
            .signers
            .find(Some(self.principal.as_str()), &signed.verified, sealed.seal().at)
            .map_err(|why| anyhow!("the signature does not count: {why}\n  = mend: {}", why.mend()))?;
        ensure!(allowed.principal == self.principal, "the signature is that of another principal");
        Ok(sealed.sign(&Text::from(signed.armored.as_str()))?.bytes)
    }
}

/// The heads that a log must hold before a recorder adds to it: those that the trusted side knows, and those seen here.
///
/// # Errors
/// If what is remembered cannot be read.
pub fn heads(site: &Site) -> anyhow::Result<Vec<crate::input::digest::Digest<crate::input::digest::of::Line>>> {
    recording::log_id(site).map_or_else(|_| Ok(Vec::new()), known::heads)
}
