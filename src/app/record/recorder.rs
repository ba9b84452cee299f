//! A recorder: a machine with its own key that records the outcomes of plans and can never decide.
//!
//! Appends one `record` session, signed in the namespace `review-record@v1`, with the evaluated plans and the given
//! lines. INVARIANT: a recorder is not a person of people.yaml.

use std::path::Path;

use anyhow::{Context as _, anyhow, bail, ensure};

use crate::app::io::command_error::hinted;
use crate::app::io::files::shown;
use crate::app::io::streams;
use crate::app::plans::evaluated_plan::EvaluatedPlan;
use crate::app::record::signing_keys::{Besides, Keys};
use crate::app::record::{entries, seen_heads, signing_keys};
use crate::app::site::load::Site;
use crate::app::site::user_settings;
use crate::decision::recorded::record::CLOCK_SKEW_SECONDS;
use crate::input::id::PrincipalId;
use crate::input::text::Text;
use crate::input::time::{Span, Time};
use crate::log::allowed::Allowed;
use crate::log::line::{SessionId, SessionKind, Writer};
use crate::log::session::Draft;
use crate::log::store::Store;
use crate::log::verify::answers::{Keep, Terms, Verification};
use crate::trust::sign::{Keygen, SigningKey};
use crate::trust::signers::{Unused, WhyNot};

/// A recorder and its key.
pub struct Recorder<'s> {
    site: &'s Site,
    key: SigningKey,
    principal: PrincipalId,
    fingerprint: String,
}

impl<'s> Recorder<'s> {
    /// The recorder of this key.
    ///
    /// # Errors
    /// If there is no such key, `allowed_signers` does not allow it to record, or it belongs to a person.
    pub fn named(site: &'s Site, key: Option<&str>) -> anyhow::Result<Self> {
        let key = user_settings::signing_key(key)?;
        let keygen = Keygen::default();
        keygen.is_there().map_err(|e| anyhow!(hinted(e.to_string(), e.help())))?;
        let (public, certificate) = key.public(&keygen).map_err(|e| anyhow!(hinted(e.to_string(), e.help())))?;
        let namespace = SessionKind::Record.namespace();
        let allowed =
            site.signers.find_key(None, &public, certificate.as_ref(), namespace, streams::now()).map_err(|why| {
                let help = match why {
                    WhyNot::UnknownKey { .. }
                    | WhyNot::Unused { why: Unused::NoNamespaces, .. }
                    | WhyNot::Namespace { .. } => {
                        format!(
                            "if it belongs to a recorder, allow it in allowed_signers with `namespaces=\"{namespace}\"`"
                        )
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
                    | WhyNot::RecordersKey { .. } => why.help().to_owned(),
                };
                anyhow!(hinted(format!("this key cannot record: {why}"), help))
            })?;
        if let Some(agent) = signing_keys::proposer_of(&site.provers, &public, certificate.as_ref()) {
            return Err(Besides::Proposer(agent).refusal("this key cannot record"));
        }
        Ok(Self { site, key, principal: allowed.principal, fingerprint: public.fingerprint() })
    }

    /// Appends a session: the plans and the outcomes of the policies, then the lines that `add` writes.
    ///
    /// # Errors
    /// If the session cannot be signed, the clock is behind the log, or the log cannot be written; then nothing is
    /// appended.
    pub fn write(
        &self,
        log: &Path,
        verified: &Verification,
        proposals: &[EvaluatedPlan<'_>],
        add: &mut dyn FnMut(&mut Draft, Time) -> anyhow::Result<Vec<u8>>,
    ) -> anyhow::Result<()> {
        if let Some(besides) = Keys::of(verified).bars_recording(&self.site.provers, &self.fingerprint) {
            return Err(
                besides.refusal("this key cannot record, because it signed in this log with another certificate")
            );
        }
        let now = streams::now();
        let sealed = verified.sessions.iter().map(|view| view.seal.value.at).max();
        if let Some(last) = sealed.filter(|last| *last > now.plus(Span::from_seconds(CLOCK_SKEW_SECONDS))) {
            bail!(hinted(
                format!("the clock says {now}, but the log was last sealed at {last}"),
                "set the clock; a session must not claim a time before the one that it follows"
            ));
        }
        let at = sealed.map_or(now, |last| last.max(now));
        let writer = Writer {
            fingerprint: Text::from(self.fingerprint.as_str()),
            person: None,
            principal: self.principal.clone(),
        };
        let session = SessionId::from_bytes(streams::random()?);
        let header = entries::begin(self.site, SessionKind::Record, writer, &verified.heads, session, at)?;
        let (mut draft, first) = Draft::start(header, verified.blobs.clone())?;
        let store = Store::open(log)?;
        let mut journal = store.begin(session, &first)?;
        let path = journal.path().to_owned();
        let mut fill = || -> anyhow::Result<()> {
            journal.append(&entries::evaluations(&mut draft, proposals)?)?;
            let lines = add(&mut draft, at)?;
            Ok(journal.keep(&lines)?)
        };
        // WHY: no person is involved, so an unsealed journal of a machine contains nothing that cannot be written
        // again.
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

    fn seal(&self, draft: Draft, at: Time) -> anyhow::Result<Vec<u8>> {
        let sealed = draft.seal(at.max(streams::now()))?;
        let signed = Keygen::default()
            .sign(&self.key, sealed.namespace(), sealed.bytes(), &mut std::io::stderr())
            .map_err(|e| anyhow!(hinted(e.to_string(), e.help())))?;
        let allowed = self
            .site
            .signers
            .find(Some(self.principal.as_str()), &signed.verified, sealed.seal().at)
            .map_err(|why| anyhow!(hinted(format!("the signature is not accepted: {why}"), why.help())))?;
        ensure!(allowed.principal == self.principal, "the signature belongs to another principal");
        Ok(sealed.sign(&Text::from(signed.armored.as_str()))?.bytes)
    }
}

/// The heads that a log must contain before a recorder appends to it: those in the trust folder, and those stored on
/// this machine.
///
/// # Errors
/// If stored heads cannot be read.
pub fn heads(site: &Site) -> anyhow::Result<Vec<crate::input::digest::Digest<crate::input::digest::of::Line>>> {
    crate::app::site::log_id::log_id(site).map_or_else(|_| Ok(Vec::new()), seen_heads::heads)
}
