//! The answer of `allowed_signers` to the log's question about a signature.
//!
//! In: the signers that the caller chose, and a claim. Out: a [`Judgement`]. It wires the trust room to
//! [`super::judge::SignatureJudge`] and adds one rule: what the seal says of its signer must be what the signature shows.

use super::judge::{Certified, Claim, Judgement, SignatureJudge, Signer};
use crate::input::text::Text;
use crate::trust::signers::{Signers, WhyNot};
use crate::trust::sshsig;

/// Judges seals against `allowed_signers`.
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
        match self.0.find(Some(claim.principal.as_str()), &verified, claim.at) {
            Ok(allowed) => Judgement::Good(Box::new(Signer {
                principal: allowed.principal,
                fingerprint: Text::from(fingerprint),
                key_type: Text::from(verified.key_kind().name()),
                security_key: verified.security_key(),
                user_present: verified.user_present(),
                user_verified: verified.user_verified(),
                counter: verified.counter(),
                valid_until: allowed.until,
                certificate: verified.certificate().map(|certificate| Certified {
                    authority: Text::from(certificate.authority().fingerprint()),
                    principals: certificate.principals().to_vec(),
                }),
            })),
            Err(why) => Judgement::NotAllowed(Text::from(why.to_string()), help(&why)),
        }
    }
}

/// What helps where the key is listed already: then to list it does not.
fn help(why: &WhyNot) -> Option<&'static str> {
    match why {
        WhyNot::UnknownKey { .. }
        | WhyNot::OtherPrincipal { .. }
        | WhyNot::Unused { .. }
        | WhyNot::NotYetValid { .. }
        | WhyNot::Expired { .. } => None,
        // WHY other words than where somebody signs: this one was signed long ago.
        WhyNot::Revoked { .. } => Some(
            "if the key was good up to a date, take it off `revoked_keys` and let its line of allowed_signers end then, with `valid-before`; else what it signed must be decided anew, in a log begun anew",
        ),
        WhyNot::Ambiguous { .. }
        | WhyNot::Namespace { .. }
        | WhyNot::Certificate { .. }
        | WhyNot::Person { .. }
        | WhyNot::PersonsKey { .. }
        | WhyNot::RecordersKey { .. } => Some(why.help()),
    }
}
