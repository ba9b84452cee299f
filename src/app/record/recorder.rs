//! A recorder: a machine with its own key that records the outcomes of plans and can never decide.
//!
//! Appends one `record` session, signed in the namespace `review-record@v1`, with the evaluated plans and the given
//! lines. INVARIANT: a recorder is not a person of people.yaml.

use std::path::Path;

use anyhow::anyhow;

use crate::app::io::command_error::hinted;
use crate::app::io::streams;
use crate::app::plans::evaluated_plan::EvaluatedPlan;
use crate::app::record::signed_session::SignedSession;
use crate::app::record::signing_keys::{Besides, Keys};
use crate::app::record::{seen_heads, signing_keys};
use crate::app::site::load::Site;
use crate::app::site::user_settings;
use crate::input::id::PrincipalId;
use crate::input::text::Text;
use crate::input::time::Time;
use crate::log::line::{SessionKind, Writer};
use crate::log::session::Draft;
use crate::log::verify::answers::Verification;
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
        let writer = Writer {
            fingerprint: Text::from(self.fingerprint.as_str()),
            person: None,
            principal: self.principal.clone(),
        };
        let signed = SignedSession { site: self.site, key: &self.key, writer, kind: SessionKind::Record };
        signed.write(log, verified, proposals, add, &|_| Ok(()))
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
