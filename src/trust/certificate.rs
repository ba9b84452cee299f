//! OpenSSH user certificates (OpenSSH `PROTOCOL.certkeys`): a certificate authority certifies a key for principals and
//! a period of time.
//!
//! A [`Certificate`] has a valid authority signature and only critical options that are enforced here. Host
//! certificates, unknown critical options and options for login sessions (`force-command`, `source-address`) are
//! rejected, because ignoring a restriction would lift it. [`super::signers`] checks whether the authority is trusted.

use crate::input::text::Text;
use crate::input::time::Time;

use super::key::{KeyError, KeyKind, PublicKey};
use super::signature::{self, Presence, SignatureError};
use super::wire::{Wire, WireError};

const USER: u32 = 1;
const HOST: u32 = 2;
/// The limit of OpenSSH.
const MAX_PRINCIPALS: usize = 256;

/// Why a certificate is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The blob does not follow the encoding.
    #[error("the certificate is damaged: {0}")]
    Wire(#[from] WireError),
    /// This tool does not verify certificates of this kind.
    #[error("certificates of kind `{}` are unsupported", .0.terminal())]
    Unsupported(Text),
    /// The certified key is rejected.
    #[error("the certified key is rejected: {0}")]
    Key(#[source] KeyError),
    /// The authority's key is rejected.
    #[error("the certificate authority's key is rejected: {0}")]
    Authority(#[source] KeyError),
    /// The authority's signature is not valid.
    #[error("the certificate authority's signature is rejected: {0}")]
    Signature(#[source] SignatureError),
    /// It is a host certificate.
    #[error("a host certificate cannot sign for a person")]
    Host,
    /// It is neither a user nor a host certificate.
    #[error("the certificate is of unknown type {0}")]
    Type(u32),
    /// The reserved field is not empty.
    #[error("the reserved field of the certificate is not empty")]
    Reserved,
    /// Options are out of order, repeated, or malformed.
    #[error("the options of the certificate are not in order")]
    Options,
    /// It has an unknown critical option.
    #[error("the certificate has the unknown critical option `{}`", .0.terminal())]
    UnknownOption(Text),
    /// It has a critical option that restricts a login session.
    #[error("the certificate has the critical option `{0}`, which is not implemented for signatures")]
    SessionOption(&'static str),
    /// It names no principal. OpenSSH would accept it for any principal.
    #[error("the certificate names no principal")]
    NoPrincipals,
    /// It names more principals than OpenSSH reads.
    #[error("the certificate names more than {MAX_PRINCIPALS} principals")]
    TooManyPrincipals,
    /// It does not name this principal.
    #[error("the certificate does not name the principal `{}`", .0.terminal())]
    OtherPrincipal(Text),
    /// The time is before its validity period.
    #[error("the certificate is valid only from {0}")]
    NotYetValid(Time),
    /// The time is after its validity period.
    #[error("the certificate was valid only before {0}")]
    Expired(Time),
    /// It requires user verification (PIN or fingerprint), and the security key did not perform it.
    #[error("the certificate requires user verification by PIN or fingerprint, and the signature was made without it")]
    NotUserVerified,
}

/// A user certificate whose authority signature is valid.
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
    /// Parses a certificate and verifies its authority signature.
    ///
    /// # Errors
    /// If any part is damaged, unknown, not implemented, or not valid.
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
        // Extensions only grant permissions that this tool does not use. They still must be well-formed.
        read_options(extensions)?;
        if principals.is_empty() {
            return Err(CertificateError::NoPrincipals);
        }
        Ok(Self { key, serial, key_id, principals, valid_after, valid_before, verify_required, authority })
    }

    /// The certified key.
    #[must_use]
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The key of the certificate authority.
    #[must_use]
    pub fn authority(&self) -> &PublicKey {
        &self.authority
    }

    /// The serial number that the authority assigned.
    #[must_use]
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// The key id that the authority assigned.
    #[must_use]
    pub fn key_id(&self) -> &Text {
        &self.key_id
    }

    /// The principals. Never empty.
    #[must_use]
    pub fn principals(&self) -> &[Text] {
        &self.principals
    }

    /// The validity period, or `None` if either end is unlimited.
    #[must_use]
    pub fn lifetime(&self) -> Option<crate::input::time::Span> {
        let seconds = self.valid_before.checked_sub(self.valid_after)?;
        (self.valid_before != u64::MAX)
            .then(|| i64::try_from(seconds).ok().map(crate::input::time::Span::from_seconds))?
    }

    /// The first valid second and the first second after the validity period. `None` means unlimited.
    #[must_use]
    pub fn window(&self) -> (Option<Time>, Option<Time>) {
        let time = |seconds: u64| Time::from_unix(i64::try_from(seconds).unwrap_or(i64::MAX));
        (
            (self.valid_after > 0).then(|| time(self.valid_after)),
            (self.valid_before != u64::MAX).then(|| time(self.valid_before)),
        )
    }

    /// Checks validity at a time, as OpenSSH does: `valid_after` is inclusive, `valid_before` is exclusive.
    ///
    /// # Errors
    /// If the time is outside the validity period.
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

    /// Checks that the certificate names a principal. The comparison is exact.
    ///
    /// # Errors
    /// If it does not name the principal.
    pub fn check_principal(&self, principal: &str) -> Result<(), CertificateError> {
        if self.principals.iter().any(|name| name.raw() == principal) {
            Ok(())
        } else {
            Err(CertificateError::OtherPrincipal(Text::from(principal)))
        }
    }

    /// Checks `verify-required` against the flags of the security key.
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

/// Parses option names and contents. `PROTOCOL.certkeys` requires names in ascending order.
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

/// Parses critical options and returns whether `verify-required` is set.
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
