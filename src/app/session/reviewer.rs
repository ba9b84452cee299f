//! The person who decides, with the key.

use anyhow::anyhow;

use crate::app::io::command_error::hinted;
use crate::app::io::streams;
use crate::app::record::entries::SessionWriterId;
use crate::app::record::history::Past;
use crate::app::record::signing_keys;
use crate::app::record::signing_keys::Besides;
use crate::app::site::load::Site;
use crate::app::site::user_settings;
use crate::decision::case::Signer;
use crate::input::text::Text;
use crate::policy::KeyFacts;
use crate::terminal::Failure;
use crate::terminal::driver::{Driver, driver};
use crate::terminal::tty::Tty;
use crate::trust::key::PublicKey;
use crate::trust::sign::{Keygen, SigningKey};

/// The person who decides, with the key.
pub struct Reviewer {
    /// The person in the form of the session's lines.
    pub recorder: SessionWriterId,
    /// Person and key in the form of decisions.
    pub signer: Signer,
    /// The key.
    pub key: SigningKey,
    /// The facts about the key for policy.
    pub facts: KeyFacts,
}

impl Reviewer {
    /// The person of this key: the key, its principal in `allowed_signers`, and the person in `people.yaml`.
    ///
    /// # Errors
    /// If there is no such key, `allowed_signers` does not allow it to decide, it belongs to no person, or it has a second
    /// role.
    pub fn named(site: &Site, past: &Past, key: Option<&str>) -> anyhow::Result<Self> {
        let namespace = crate::log::line::SessionKind::Review.namespace();
        let allows = |key: &PublicKey| site.signers.find_key(None, key, None, namespace, streams::now()).is_ok();
        let key = user_settings::deciding_key(key, &allows)?;
        let keygen = Keygen::default();
        keygen.is_there().map_err(|e| anyhow!(hinted(e.to_string(), e.help())))?;
        let (public, certificate) = key.public(&keygen).map_err(|e| anyhow!(hinted(e.to_string(), e.help())))?;
        let allowed = site
            .signers
            .find_key(None, &public, certificate.as_ref(), namespace, streams::now())
            .map_err(|why| anyhow!(hinted(format!("you cannot decide with this key: {why}"), why.help())))?;
        let known = site.people.by_principal(allowed.principal.as_str()).ok_or_else(|| {
            anyhow!(hinted(
                format!(
                    "`{}` of allowed_signers belongs to no person in people.yaml, so this key cannot decide",
                    allowed.principal.text().terminal()
                ),
                "add that principal to a person in people.yaml"
            ))
        })?;
        if let Some(agent) = signing_keys::proposer_of(&site.provers, &public, certificate.as_ref()) {
            return Err(Besides::Proposer(agent).refusal("you cannot decide with this key"));
        }
        let fingerprint = public.fingerprint();
        if let Some(besides) = past.keys.bars_deciding(&site.provers, &fingerprint) {
            return Err(besides
                .refusal("you cannot decide with this key, because it signed in this log with another certificate"));
        }
        let security_key = public.kind().is_security_key();
        Ok(Reviewer {
            signer: Signer { person: known.id.value.clone(), key: Text::from(fingerprint.as_str()) },
            recorder: SessionWriterId {
                principal: allowed.principal,
                person: known.id.value.clone(),
                fingerprint: fingerprint.clone(),
            },
            key,
            facts: KeyFacts {
                kind: public.kind().name().to_owned(),
                security_key,
                // WHY: the facts that a security key proves are known only after it has signed; policy is evaluated
                // again then.
                user_present: security_key,
                user_verified: security_key,
            },
        })
    }
}

/// Whether there is a terminal at which a person can answer.
///
/// # Errors
/// Who or what is there instead.
pub fn attended() -> Result<(), Failure> {
    match driver(|name| std::env::var(name).ok()) {
        Driver::Assistant(name) => Err(Failure::AssistantDrives(name)),
        Driver::Machine(name) => Err(Failure::MachineDrives(name)),
        Driver::Nobody => Tty::open().map(drop),
    }
}
