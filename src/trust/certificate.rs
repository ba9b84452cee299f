//! OpenSSH user certificates: a key, vouched for by a certificate authority, for principals and a time.
//!
//! Source: OpenSSH `PROTOCOL.certkeys`. In: a certificate blob. Out: [`Certificate`], whose authority's signature
//! holds and whose every critical option is one we enforce. Host certificates, unknown critical options, and options
//! that speak of a login session (`force-command`, `source-address`) are refused: to ignore a restriction is to lift it.
//! Whether the authority is trusted is [`super::signers`]' question.

use crate::input::text::Text;
use crate::input::time::Time;

use super::key::{KeyError, KeyKind, PublicKey};
use super::signature::{self, Presence, SignatureError};
use super::wire::{Wire, WireError};

const USER: u32 = 1;
const HOST: u32 = 2;
/// As many principals as OpenSSH reads.
const MAX_PRINCIPALS: usize = 256;

/// Why a certificate is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The blob does not follow the encoding.
    #[error("the certificate is damaged: {0}")]
    Wire(#[from] WireError),
    /// A kind of certificate that this tool does not verify.
    #[error("certificates of kind `{}` are unsupported", .0.terminal())]
    Unsupported(Text),
    /// The certified key is not believed.
    #[error("the certified key is refused: {0}")]
    Key(#[source] KeyError),
    /// The authority's key is not believed.
    #[error("the certificate authority's key is refused: {0}")]
    Authority(#[source] KeyError),
    /// The authority's signature does not hold.
    #[error("the certificate authority's signature is refused: {0}")]
    Signature(#[source] SignatureError),
    /// A certificate for a host.
    #[error("a host certificate cannot sign for a person")]
    Host,
    /// Neither for a user nor for a host.
    #[error("the certificate is of unknown type {0}")]
    Type(u32),
    /// The field that must be empty holds something.
    #[error("the reserved field of the certificate is not empty")]
    Reserved,
    /// Options are not in order, repeated, or malformed.
    #[error("the options of the certificate are not in order")]
    Options,
    /// A critical option nobody knows.
    #[error("the certificate has the unknown critical option `{}`", .0.terminal())]
    UnknownOption(Text),
    /// A critical option that restricts a login session.
    #[error("the certificate has the critical option `{0}`, which is not implemented for signatures")]
    SessionOption(&'static str),
    /// It holds for anybody, which is nobody.
    #[error("the certificate names no principal")]
    NoPrincipals,
    /// More principals than OpenSSH reads.
    #[error("the certificate names more than {MAX_PRINCIPALS} principals")]
    TooManyPrincipals,
    /// It does not name this principal.
    #[error("the certificate does not name the principal `{}`", .0.terminal())]
    OtherPrincipal(Text),
    /// The time comes before its validity.
    #[error("the certificate is valid only from {0}")]
    NotYetValid(Time),
    /// The time comes after its validity.
    #[error("the certificate was valid only before {0}")]
    Expired(Time),
    /// It wants a PIN or a finger, and the security key did not ask for one.
    #[error("the certificate wants the user verified by PIN or finger, and the signature does not say so")]
    NotUserVerified,
}

/// A user certificate whose authority's signature holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    key: PublicKey,
    serial: u64,
    key_id: Text,
    principals: Vec<Text>,
    valid_after: u64,
    valid_before: u64,
    verify_required: bool,
    authority: PublicKey,
}

impl Certificate {
    /// Reads a certificate and verifies its authority's signature.
    ///
    /// # Errors
    /// If anything about it is damaged, unknown, not implemented, or does not hold.
    pub fn from_blob(blob: &[u8]) -> Result<Self, CertificateError> {
        let mut wire = Wire::new(blob);
        let name = wire.string()?;
        let kind = KeyKind::of_certificate(name)
            .ok_or_else(|| CertificateError::Unsupported(Text::new(String::from_utf8_lossy(name).as_ref())))?;
        let _nonce = wire.string()?;
        let key = PublicKey::read_fields(kind, &mut wire).map_err(CertificateError::Key)?;
        let serial = wire.u64()?;
        let certificate_type = wire.u32()?;
        let key_id = Text::from(wire.text()?);
        let principals = read_principals(wire.string()?)?;
        let (valid_after, valid_before) = (wire.u64()?, wire.u64()?);
        let critical = wire.string()?;
        let extensions = wire.string()?;
        let reserved = wire.string()?;
        let authority_blob = wire.string()?;
        let signed_length = blob.len().saturating_sub(wire.rest().len());
        let signature_blob = wire.string()?;
        wire.finish()?;

        match certificate_type {
            USER => {}
            HOST => return Err(CertificateError::Host),
            other => return Err(CertificateError::Type(other)),
        }
        if !reserved.is_empty() {
            return Err(CertificateError::Reserved);
        }
        let authority = PublicKey::from_blob(authority_blob).map_err(CertificateError::Authority)?;
        let signed = blob.get(..signed_length).ok_or(WireError::Short)?;
        signature::verify(&authority, signature_blob, signed).map_err(CertificateError::Signature)?;
        let verify_required = read_critical(critical)?;
        // WHY: extensions only ever permit something, and nothing here reads them; but they must be well-formed.
        read_options(extensions)?;
        if principals.is_empty() {
            return Err(CertificateError::NoPrincipals);
        }
        Ok(Self { key, serial, key_id, principals, valid_after, valid_before, verify_required, authority })
    }

    /// The key it vouches for.
    #[must_use]
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The key of the authority that vouches.
    #[must_use]
    pub fn authority(&self) -> &PublicKey {
        &self.authority
    }

    /// Its number, as the authority counts.
    #[must_use]
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// What the authority calls it.
    #[must_use]
    pub fn key_id(&self) -> &Text {
        &self.key_id
    }

    /// Whom it stands for; never empty.
    #[must_use]
    pub fn principals(&self) -> &[Text] {
        &self.principals
    }

    /// The span from first to last valid second; `None` where either end is unlimited.
    #[must_use]
    pub fn lifetime(&self) -> Option<crate::input::time::Span> {
        let seconds = self.valid_before.checked_sub(self.valid_after)?;
        (self.valid_before != u64::MAX)
            .then(|| i64::try_from(seconds).ok().map(crate::input::time::Span::from_seconds))?
    }

    /// The first second at which it holds, and the first at which it does not any more; `None` where that end is open.
    #[must_use]
    pub fn window(&self) -> (Option<Time>, Option<Time>) {
        let time = |seconds: u64| Time::from_unix(i64::try_from(seconds).unwrap_or(i64::MAX));
        (
            (self.valid_after > 0).then(|| time(self.valid_after)),
            (self.valid_before != u64::MAX).then(|| time(self.valid_before)),
        )
    }

    /// Judges validity at a time: from `valid_after` on, until just before `valid_before`, as OpenSSH does.
    ///
    /// # Errors
    /// If the time lies outside.
    pub fn check_time(&self, at: Time) -> Result<(), CertificateError> {
        let now = u64::try_from(at.unix()).unwrap_or(0);
        let time = |seconds: u64| Time::from_unix(i64::try_from(seconds).unwrap_or(i64::MAX));
        if now < self.valid_after {
            return Err(CertificateError::NotYetValid(time(self.valid_after)));
        }
        if now >= self.valid_before {
            return Err(CertificateError::Expired(time(self.valid_before)));
        }
        Ok(())
    }

    /// Judges whether it names a principal, letter by letter.
    ///
    /// # Errors
    /// If it does not.
    pub fn check_principal(&self, principal: &str) -> Result<(), CertificateError> {
        if self.principals.iter().any(|name| name.raw() == principal) {
            Ok(())
        } else {
            Err(CertificateError::OtherPrincipal(Text::from(principal)))
        }
    }

    /// Judges `verify-required` against what the security key says.
    pub(super) fn check_presence(&self, presence: Presence) -> Result<(), CertificateError> {
        if self.verify_required && !presence.user_verified {
            return Err(CertificateError::NotUserVerified);
        }
        Ok(())
    }
}

fn read_principals(bytes: &[u8]) -> Result<Vec<Text>, CertificateError> {
    let mut wire = Wire::new(bytes);
    let mut out = Vec::new();
    while !wire.rest().is_empty() {
        if out.len() == MAX_PRINCIPALS {
            return Err(CertificateError::TooManyPrincipals);
        }
        let name = wire.text()?;
        if name.is_empty() {
            return Err(CertificateError::Options);
        }
        out.push(Text::from(name));
    }
    Ok(out)
}

/// Names and contents of options, each name greater than the one before, as `PROTOCOL.certkeys` demands.
fn read_options(bytes: &[u8]) -> Result<Vec<(&str, &[u8])>, CertificateError> {
    let mut wire = Wire::new(bytes);
    let mut out: Vec<(&str, &[u8])> = Vec::new();
    while !wire.rest().is_empty() {
        let (name, content) = (wire.text()?, wire.string()?);
        if out.last().is_some_and(|(before, _)| *before >= name) {
            return Err(CertificateError::Options);
        }
        out.push((name, content));
    }
    Ok(out)
}

/// Reads critical options; says whether `verify-required` is among them.
fn read_critical(bytes: &[u8]) -> Result<bool, CertificateError> {
    let mut verify_required = false;
    for (name, content) in read_options(bytes)? {
        match name {
            "verify-required" if content.is_empty() => verify_required = true,
            "verify-required" => return Err(CertificateError::Options),
            "force-command" => return Err(CertificateError::SessionOption("force-command")),
            "source-address" => return Err(CertificateError::SessionOption("source-address")),
            _ => return Err(CertificateError::UnknownOption(Text::from(name))),
        }
    }
    Ok(verify_required)
}
