//! Verifies the signatures of seals against `allowed_signers`.
//!
//! It implements [`super::judge::SignatureJudge`] with the `trust` module, and adds one rule: the signer that the seal
//! names must be the signer that the signature shows.

use super::judge::{Certified, Claim, Judgement, SealSigner, SignatureJudge};
use crate::input::id::PrincipalId;
use crate::input::text::Text;
use crate::trust::signers::{Signers, WhyNot};
use crate::trust::sshsig;

/// Verifies seals against `allowed_signers`.
#[derive(Clone, Copy, Debug)]
pub struct Allowed<'a>(pub &'a Signers);

impl SignatureJudge for Allowed<'_> {
    fn judge(&self, claim: &Claim<'_>) -> Judgement {
        let verified = match sshsig::verify(claim.sshsig.as_bytes(), claim.namespace, claim.seal) {
            Ok(verified) => verified,
            Err(error) => {
                let said = Text::from(error.to_string());
                return if error.unsupported().is_some() { Judgement::Unsupported(said) } else { Judgement::Bad(said) };
            }
        };
        let fingerprint = verified.fingerprint();
        if claim.fingerprint.raw() != fingerprint {
            let said = format!("the seal names the key `{}`, but `{fingerprint}` signed it", claim.fingerprint.raw());
            return Judgement::Bad(Text::from(said));
        }
        match self.0.find_though_revoked(claim.principal.as_str(), &verified, claim.at) {
            Ok(allowed) if self.is_other(claim, &allowed.principal) => {
                let written = claim.person.map_or("", |person| person.as_str());
                let said = format!(
                    "the session names `{written}` as its person, but its signer `{}` belongs to another person in people.yaml",
                    allowed.principal.as_str()
                );
                Judgement::OtherPerson(Text::from(said))
            }
            Ok(allowed) => {
                let signer = Box::new(SealSigner {
                    principal: allowed.principal,
                    fingerprint: Text::from(fingerprint),
                    key_type: Text::from(verified.key_kind().name()),
                    security_key: verified.security_key(),
                    user_present: verified.user_present(),
                    user_verified: verified.user_verified(),
                    counter: verified.counter(),
                    valid_until: allowed.until,
                    listed_until: allowed.listed_until,
                    certificate: verified.certificate().map(|certificate| Certified {
                        authority: Text::from(certificate.authority().fingerprint()),
                        principals: certificate.principals().to_vec(),
                    }),
                });
                match self.0.revocation(&verified) {
                    None => Judgement::Good(signer),
                    Some(revocation) => Judgement::Revoked(signer, revocation),
                }
            }
            Err(why) => Judgement::NotAllowed(Text::from(why.to_string()), help(&why)),
        }
    }
}

impl Allowed<'_> {
    /// Whether a session names another person than its signer. A principal without a person is accepted,
    /// because people who left are no longer in people.yaml.
    fn is_other(self, claim: &Claim<'_>, principal: &PrincipalId) -> bool {
        let signer = self.0.person(principal);
        claim.person.zip(signer).is_some_and(|(written, signer)| written != signer)
    }
}

/// The help text for a key that is listed already, so that listing it is not the fix.
fn help(why: &WhyNot) -> Option<&'static str> {
    match why {
        WhyNot::UnknownKey { .. }
        | WhyNot::OtherPrincipal { .. }
        | WhyNot::Unused { .. }
        | WhyNot::NotYetValid { .. }
        | WhyNot::Expired { .. } => None,
        // A seal is judged by its line alone; what a revocation leaves is decided by the order of the log.
        WhyNot::Revoked { .. }
        | WhyNot::Ambiguous { .. }
        | WhyNot::Namespace { .. }
        | WhyNot::Certificate { .. }
        | WhyNot::Person { .. }
        | WhyNot::PersonsKey { .. }
        | WhyNot::RecordersKey { .. } => Some(why.help()),
    }
}
