//! `allowed_signers` (ssh-keygen(1), ALLOWED SIGNERS): which key may sign as which principal, in which namespaces, and
//! when.
//!
//! Reading returns [`Signers`] with every valid line, and a finding for every other line. A rejected line allows
//! nothing. A line without `namespaces=`, or with a date without `Z`, is kept only to explain why it is not used.
//! Validity periods include both ends, as in OpenSSH. The first line that allows a signature decides.

mod date;
mod ending;
mod line;
mod pattern;
mod reading;

use std::collections::BTreeMap;

use crate::input::finding::Finding;
use crate::input::id::{PersonId, PrincipalId};
use crate::input::text::Text;
use crate::input::time::Time;

use super::certificate::{Certificate, CertificateError};
use super::key::PublicKey;
use super::revoked::{KeyRevocation, Revoked};
use super::sshsig::Verified;

pub use ending::end_lines;
pub use line::{SignerLine, Unused};

/// The lines of `allowed_signers`, the revoked keys, and the principals barred from a namespace.
#[derive(Debug, Clone, Default)]
pub struct Signers {
    lines: Vec<SignerLine>,
    revoked: Revoked,
    barred: Option<Barred>,
}

/// Principals and keys that may not sign in a namespace, regardless of the lines.
#[derive(Debug, Clone)]
struct Barred {
    namespace: &'static str,
    /// The person of each principal.
    people: BTreeMap<PrincipalId, PersonId>,
    /// The person of each key, by the first line for a person.
    keys: BTreeMap<PublicKey, (u32, PersonId)>,
    /// Keys that sign in the namespace by their own lines, which belong to no person.
    machines: BTreeMap<PublicKey, u32>,
}

/// A principal that may make a signature, and the line that allows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedSigner {
    /// The principal.
    pub principal: PrincipalId,
    /// The line of `allowed_signers`, from 1.
    pub line: u32,
    /// The last second at which the line and the certificate are valid, if limited.
    pub until: Option<Time>,
    /// The last second at which a line lists the key, or its authority, for this principal and namespace, if limited: when the
    /// site let the key expire, whatever a certificate says.
    pub listed_until: Option<Time>,
}

/// Why a key may not sign. The variants are ordered by how close the key came to being allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WhyNot {
    /// No line contains the key or the authority of its certificate.
    #[error("the key `{fingerprint}` is not in allowed_signers")]
    UnknownKey {
        /// The key.
        fingerprint: String,
    },
    /// The key is listed for other principals.
    #[error("line {line} of allowed_signers lists the key for `{}`, not for `{}`", .listed.terminal(), .wanted.terminal())]
    OtherPrincipal {
        /// The line.
        line: u32,
        /// The principals of the line.
        listed: Text,
        /// The requested principal.
        wanted: Text,
    },
    /// The line of the key covers several principals, and the caller did not name one.
    #[error("line {line} of allowed_signers covers `{}`, so the signer is ambiguous", .listed.terminal())]
    Ambiguous {
        /// The line.
        line: u32,
        /// The principals of the line.
        listed: Text,
    },
    /// The line of the key is not used.
    #[error("line {line} of allowed_signers is not used: {why}")]
    Unused {
        /// The line.
        line: u32,
        /// Why.
        why: Unused,
    },
    /// The line does not allow the namespace.
    #[error("line {line} of allowed_signers does not allow the namespace `{}`", .namespace.terminal())]
    Namespace {
        /// The line.
        line: u32,
        /// The namespace of the signature.
        namespace: Text,
    },
    /// The key is not yet valid.
    #[error("the key is valid only from {from} (line {line} of allowed_signers)")]
    NotYetValid {
        /// The line.
        line: u32,
        /// The first valid second.
        from: Time,
    },
    /// The key has expired.
    #[error("the key expired after {until} (line {line} of allowed_signers)")]
    Expired {
        /// The line.
        line: u32,
        /// The last valid second.
        until: Time,
    },
    /// The certificate is not acceptable.
    #[error("line {line} of allowed_signers trusts the certificate authority, but {why}")]
    Certificate {
        /// The line.
        line: u32,
        /// Why.
        why: CertificateError,
    },
    /// The key or its authority is revoked.
    #[error("the key `{fingerprint}` is revoked")]
    Revoked {
        /// The revoked key.
        fingerprint: String,
    },
    /// The principal belongs to a person, and the namespace is for machines.
    #[error(
        "`{}` belongs to the person `{}` of people.yaml, and a person may not sign for `{namespace}`",
        .principal.text().terminal(), .person.text().terminal()
    )]
    Person {
        /// The principal.
        principal: PrincipalId,
        /// Its person.
        person: PersonId,
        /// The namespace of the signature.
        namespace: &'static str,
    },
    /// Another line lists the key for a person, and the namespace is for machines.
    #[error(
        "line {line} of allowed_signers lists the key for `{}` of people.yaml, and a person may not sign for `{namespace}`",
        .person.text().terminal()
    )]
    PersonsKey {
        /// The line that lists the key for a person.
        line: u32,
        /// Its person.
        person: PersonId,
        /// The namespace of the signature.
        namespace: &'static str,
    },
    /// A line lists the key for a machine, and a certificate over the key claims a person.
    #[error(
        "line {line} of allowed_signers lists the key for a machine that signs for `{namespace}`; a certificate does not change that"
    )]
    RecordersKey {
        /// The line that lists the key for a machine.
        line: u32,
        /// The machine's namespace.
        namespace: &'static str,
    },
}

impl WhyNot {
    /// How to fix it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::UnknownKey { .. } => "have an owner of the trust folder add a line `PRINCIPAL namespaces=\"…\" KEY`",
            Self::OtherPrincipal { .. } => "sign with a key of that principal, or correct the principal",
            Self::Ambiguous { .. } => "give each principal its own line",
            Self::Unused { why: Unused::NoNamespaces, .. } => "add `namespaces=\"review-seal@v1\"` to the line",
            Self::Unused { why: Unused::DateNotUtc, .. } => "write the dates of the line with a `Z` at the end",
            Self::Namespace { .. } => "add the namespace to `namespaces=` of the line, if the key is meant for it",
            Self::NotYetValid { .. } | Self::Expired { .. } => "sign with a key that is valid at that time",
            Self::Certificate { .. } => "get a certificate that is valid now and names the principal",
            Self::Revoked { .. } => "sign with another key; a revoked key never becomes valid again",
            Self::Person { .. } => "give the machine its own key and principal, and list the principal under no person",
            Self::PersonsKey { .. } => "give the machine its own key, which no line lists for a person",
            Self::RecordersKey { .. } => "sign with a key that is not listed for a machine",
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::UnknownKey { .. } => 0,
            Self::OtherPrincipal { .. } => 1,
            Self::Unused { .. } => 2,
            Self::Namespace { .. } => 3,
            Self::NotYetValid { .. } | Self::Expired { .. } | Self::Certificate { .. } => 4,
            Self::Ambiguous { .. } => 5,
            Self::Person { .. } | Self::PersonsKey { .. } | Self::RecordersKey { .. } => 6,
            Self::Revoked { .. } => 7,
        }
    }
}

impl Signers {
    /// Parses a file. Lines with faults are omitted, and every fault is a finding.
    #[must_use]
    pub fn parse(file: &str, bytes: &[u8]) -> (Self, Vec<Finding>) {
        let (lines, findings) = reading::read(file, bytes);
        (Self { lines, revoked: Revoked::default(), barred: None }, findings)
    }

    /// Adds a list of revoked keys.
    #[must_use]
    pub fn without(mut self, revoked: Revoked) -> Self {
        self.revoked = revoked;
        self
    }

    /// Bars persons from a machine namespace: their principals, every key that a line lists for one of them, and every
    /// certificate that names one of them. Otherwise the holder of such a key could do both. Conversely, a certificate does
    /// not let a machine's key sign in another namespace.
    #[must_use]
    pub fn keeping_out(mut self, namespace: &'static str, people: BTreeMap<PrincipalId, PersonId>) -> Self {
        let (mut keys, mut machines) = (BTreeMap::new(), BTreeMap::new());
        for line in self.lines.iter().filter(|line| !line.cert_authority) {
            let signs = || line.namespaces.as_ref().is_some_and(|list| list.matches(namespace));
            if let Some(person) = line.stands_for(&people) {
                keys.entry(line.key.clone()).or_insert_with(|| (line.number, person.clone()));
            } else if line.unused.is_none() && signs() {
                machines.entry(line.key.clone()).or_insert(line.number);
            }
        }
        self.barred = Some(Barred { namespace, people, keys, machines });
        self
    }

    /// The person to whom a principal belongs, if the people are known.
    #[must_use]
    pub fn person(&self, principal: &PrincipalId) -> Option<&PersonId> {
        self.barred.as_ref()?.people.get(principal)
    }

    /// All valid lines in order, including lines that are not used.
    #[must_use]
    pub fn lines(&self) -> &[SignerLine] {
        &self.lines
    }

    /// The principal that may have made a signature at a time; see [`Signers::find_key`].
    ///
    /// # Errors
    /// As [`Signers::find_key`].
    pub fn find(&self, principal: Option<&str>, signature: &Verified, at: Time) -> Result<AllowedSigner, WhyNot> {
        self.find_key(principal, signature.key(), signature.certificate(), signature.namespace(), at)
    }

    /// Whether a key may sign at a time; used before signing. With a principal, checks that principal. Without one,
    /// returns the only principal that the first allowing line names.
    ///
    /// # Errors
    /// The reason of the line that came closest to allowing it.
    pub fn find_key(
        &self,
        principal: Option<&str>,
        key: &PublicKey,
        certificate: Option<&Certificate>,
        namespace: &str,
        at: Time,
    ) -> Result<AllowedSigner, WhyNot> {
        for key in std::iter::once(key).chain(certificate.map(Certificate::authority)) {
            if self.revoked.contains(key) {
                return Err(WhyNot::Revoked { fingerprint: key.fingerprint() });
            }
        }
        self.find_listed(principal, key, certificate, namespace, at)
    }

    /// How the key of a signature, or the authority of its certificate, is revoked, if it is.
    #[must_use]
    pub fn revocation(&self, signature: &Verified) -> Option<KeyRevocation> {
        let authority = signature.certificate().map(Certificate::authority);
        std::iter::once(signature.key())
            .chain(authority)
            .filter_map(|key| self.revoked.of(key))
            .reduce(KeyRevocation::and)
    }

    /// The same as [`Signers::find`], except that it does not ask whether the key is revoked.
    ///
    /// # Errors
    /// As [`Signers::find_key`].
    pub fn find_though_revoked(
        &self,
        principal: &str,
        signature: &Verified,
        at: Time,
    ) -> Result<AllowedSigner, WhyNot> {
        self.find_listed(Some(principal), signature.key(), signature.certificate(), signature.namespace(), at)
    }

    fn find_listed(
        &self,
        principal: Option<&str>,
        key: &PublicKey,
        certificate: Option<&Certificate>,
        namespace: &str,
        at: Time,
    ) -> Result<AllowedSigner, WhyNot> {
        let mut closest = WhyNot::UnknownKey { fingerprint: key.fingerprint() };
        for line in &self.lines {
            if !concerns(line, key, certificate) {
                continue;
            }
            match judge(line, principal, certificate, namespace, at) {
                Ok(mut allowed) => {
                    allowed.listed_until = self.listed_until(&allowed.principal, key, certificate, namespace);
                    return self.check_barred(allowed, key, certificate, namespace);
                }
                // A later line may name a single principal, but it must not override an ambiguous line: OpenSSH would
                // have used the first one.
                Err(why @ WhyNot::Ambiguous { .. }) => return Err(why),
                Err(why) if why.rank() > closest.rank() => closest = why,
                Err(_) => {}
            }
        }
        Err(closest)
    }

    /// The latest expiry of all lines by which a key may sign as a principal; none if one of them has no expiry.
    fn listed_until(
        &self,
        principal: &PrincipalId,
        key: &PublicKey,
        certificate: Option<&Certificate>,
        namespace: &str,
    ) -> Option<Time> {
        let fits = |line: &&SignerLine| {
            concerns(line, key, certificate)
                && line.unused.is_none()
                && line.principals.matches(principal.as_str())
                && line.namespaces.as_ref().is_some_and(|list| list.matches(namespace))
        };
        // Collecting into an `Option` lets one line without an expiry decide, although `None` orders before each time.
        let ends: Option<Vec<Time>> = self.lines.iter().filter(fits).map(|line| line.valid_before).collect();
        ends?.into_iter().max()
    }

    fn check_barred(
        &self,
        allowed: AllowedSigner,
        key: &PublicKey,
        certificate: Option<&Certificate>,
        asked: &str,
    ) -> Result<AllowedSigner, WhyNot> {
        let Some(Barred { namespace, people, keys, machines }) = &self.barred else { return Ok(allowed) };
        if *namespace != asked {
            return match machines.get(key).filter(|_| certificate.is_some()) {
                Some(line) => Err(WhyNot::RecordersKey { line: *line, namespace }),
                None => Ok(allowed),
            };
        }
        let certified = certificate.into_iter().flat_map(Certificate::principals);
        let names =
            std::iter::once(allowed.principal.clone()).chain(certified.map(|name| PrincipalId::new(name.raw())));
        for principal in names {
            if let Some(person) = people.get(&principal).cloned() {
                return Err(WhyNot::Person { principal, person, namespace });
            }
        }
        match keys.get(key).cloned() {
            Some((line, person)) => Err(WhyNot::PersonsKey { line, person, namespace }),
            None => Ok(allowed),
        }
    }

    /// The principals that used lines name literally for a key, without duplicates, in file order.
    #[must_use]
    pub fn principals_of(&self, key: &PublicKey) -> Vec<PrincipalId> {
        let mut out: Vec<PrincipalId> = Vec::new();
        for line in self.lines.iter().filter(|line| line.unused.is_none() && line.key == *key) {
            for name in line.principals.names() {
                if out.iter().all(|known| known.as_str() != name) {
                    out.push(PrincipalId::new(name));
                }
            }
        }
        out
    }
}

/// Whether a line lists a key, or the authority of its certificate.
fn concerns(line: &SignerLine, key: &PublicKey, certificate: Option<&Certificate>) -> bool {
    match certificate {
        // As in OpenSSH, the certified key of a certificate is not matched; only its authority is.
        Some(certificate) => line.cert_authority && line.key == *certificate.authority(),
        None => !line.cert_authority && line.key == *key,
    }
}

fn judge(
    line: &SignerLine,
    principal: Option<&str>,
    certificate: Option<&Certificate>,
    namespace: &str,
    at: Time,
) -> Result<AllowedSigner, WhyNot> {
    let number = line.number;
    let listed = || line.principals_text.clone();
    if let Some(wanted) = principal
        && !line.principals.matches(wanted)
    {
        return Err(WhyNot::OtherPrincipal { line: number, listed: listed(), wanted: Text::from(wanted) });
    }
    if let Some(why) = line.unused {
        return Err(WhyNot::Unused { line: number, why });
    }
    if !line.namespaces.as_ref().is_some_and(|list| list.matches(namespace)) {
        return Err(WhyNot::Namespace { line: number, namespace: Text::from(namespace) });
    }
    if let Some(from) = line.valid_after.filter(|from| at < *from) {
        return Err(WhyNot::NotYetValid { line: number, from });
    }
    if let Some(until) = line.valid_before.filter(|until| at > *until) {
        return Err(WhyNot::Expired { line: number, until });
    }
    let names: Vec<&str> = match (certificate, principal) {
        (Some(certificate), _) => {
            certificate.check_time(at).map_err(|why| WhyNot::Certificate { line: number, why })?;
            if let Some(wanted) = principal {
                certificate.check_principal(wanted).map_err(|why| WhyNot::Certificate { line: number, why })?;
                vec![wanted]
            } else {
                let named = certificate.principals().iter().map(Text::raw);
                let fitting: Vec<&str> = named.clone().filter(|name| line.principals.matches(name)).collect();
                if fitting.is_empty() {
                    let wanted = Text::new(named.collect::<Vec<_>>().join(","));
                    return Err(WhyNot::OtherPrincipal { line: number, listed: listed(), wanted });
                }
                fitting
            }
        }
        (None, Some(wanted)) => vec![wanted],
        (None, None) if line.principals.is_open() => Vec::new(),
        (None, None) => line.principals.names(),
    };
    match names.as_slice() {
        [name] => {
            let certified = certificate.and_then(|certificate| certificate.window().1);
            let certified = certified.map(|end| Time::from_unix(end.unix().saturating_sub(1)));
            let until = [line.valid_before, certified].into_iter().flatten().min();
            Ok(AllowedSigner { principal: PrincipalId::new(*name), line: number, until, listed_until: None })
        }
        _ => Err(WhyNot::Ambiguous { line: number, listed: listed() }),
    }
}
