//! Security keys without hardware: the test acts as the authenticator and signs with a software key.

use ed25519_dalek::Signer as _;
use sha2::{Digest as _, Sha256};

use crate::trust::certificate::CertificateError;
use crate::trust::signature::SignatureError;
use crate::trust::sshsig::{SshsigError, Verified, verify};
use crate::trust::wire::put_string;

use super::bench::{Bench, Fields, MESSAGE, NAMESPACE, raw_signature, signed_data};

const APPLICATION: &[u8] = b"ssh:";
const ED25519: &str = "sk-ssh-ed25519@openssh.com";
const P256: &str = "sk-ecdsa-sha2-nistp256@openssh.com";

fn authenticator_data(application: &[u8], flags: u8, counter: u32, message: &[u8]) -> Vec<u8> {
    let mut out = Sha256::digest(application).to_vec();
    out.push(flags);
    out.extend_from_slice(&counter.to_be_bytes());
    out.extend_from_slice(&Sha256::digest(message));
    out
}

fn ed25519_key() -> (ed25519_dalek::SigningKey, Vec<u8>) {
    let secret = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
    let mut blob = Vec::new();
    put_string(&mut blob, ED25519.as_bytes());
    put_string(&mut blob, secret.verifying_key().as_bytes());
    put_string(&mut blob, APPLICATION);
    (secret, blob)
}

fn ed25519_signature(application: &[u8], flags: u8, counter: u32, data: &[u8]) -> Vec<u8> {
    let body = ed25519_key().0.sign(&authenticator_data(application, flags, counter, data)).to_bytes();
    let mut out = raw_signature(ED25519, &body);
    out.push(flags);
    out.extend_from_slice(&counter.to_be_bytes());
    out
}

fn sshsig(key: Vec<u8>, signature: Vec<u8>) -> Vec<u8> {
    let namespace = NAMESPACE.as_bytes().to_vec();
    Fields { version: 1, key, namespace, reserved: Vec::new(), hash: b"sha512".to_vec(), signature }.armored()
}

fn signed(flags: u8, counter: u32) -> Vec<u8> {
    sshsig(ed25519_key().1, ed25519_signature(APPLICATION, flags, counter, &signed_data(NAMESPACE, MESSAGE)))
}

fn mpint(bytes: &[u8]) -> Vec<u8> {
    let trimmed: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
    let mut out = Vec::new();
    if trimmed[0] >= 0x80 {
        out.push(0);
    }
    out.extend_from_slice(&trimmed);
    out
}

fn signed_p256(flags: u8) -> Vec<u8> {
    let secret = p256::ecdsa::SigningKey::from_slice(&[9; 32]).unwrap();
    let mut key = Vec::new();
    put_string(&mut key, P256.as_bytes());
    put_string(&mut key, b"nistp256");
    put_string(&mut key, secret.verifying_key().to_sec1_point(false).as_bytes());
    put_string(&mut key, APPLICATION);
    let data = authenticator_data(APPLICATION, flags, 3, &signed_data(NAMESPACE, MESSAGE));
    let signature: p256::ecdsa::Signature = secret.sign(&data);
    let bytes = signature.to_bytes();
    let mut body = Vec::new();
    put_string(&mut body, &mpint(&bytes[..32]));
    put_string(&mut body, &mpint(&bytes[32..]));
    let mut blob = raw_signature(P256, &body);
    blob.push(flags);
    blob.extend_from_slice(&3_u32.to_be_bytes());
    sshsig(key, blob)
}

fn presence(verified: &Verified) -> (bool, bool, Option<u32>) {
    (verified.user_present(), verified.user_verified(), verified.counter())
}

#[test]
fn no_touch_is_refused() {
    for signature in [signed(0, 1), signed(4, 1), signed_p256(0)] {
        let error = verify(&signature, NAMESPACE, MESSAGE).unwrap_err();
        assert_eq!(error, SshsigError::Signature(SignatureError::NoTouch));
        assert_eq!(error.to_string(), "the security key signed without a touch");
    }
}

#[test]
fn a_touch_and_a_pin_are_told_apart() {
    assert_eq!(presence(&verify(&signed(1, 41), NAMESPACE, MESSAGE).unwrap()), (true, false, Some(41)));
    assert_eq!(presence(&verify(&signed(5, 42), NAMESPACE, MESSAGE).unwrap()), (true, true, Some(42)));
    assert_eq!(presence(&verify(&signed_p256(1), NAMESPACE, MESSAGE).unwrap()), (true, false, Some(3)));
    assert_eq!(presence(&verify(&signed_p256(5), NAMESPACE, MESSAGE).unwrap()), (true, true, Some(3)));
}

#[test]
fn stock_openssh_passes_untouched_signatures_and_we_do_not() {
    let bench = Bench::new();
    let touched = signed(1, 1);
    let line = verify(&touched, NAMESPACE, MESSAGE).unwrap().key().to_line();
    let signers = bench.write("allowed_signers", format!("ann namespaces=\"*\" {line}\n"));
    assert!(bench.stock_verifies(&signers, "ann", &touched, MESSAGE, "20260101000000Z"));
    assert!(bench.stock_verifies(&signers, "ann", &signed(0, 1), MESSAGE, "20260101000000Z"));
}

#[test]
fn flags_counter_and_application_are_under_the_signature() {
    let data = signed_data(NAMESPACE, MESSAGE);
    let untouched = ed25519_signature(APPLICATION, 0, 1, &data);
    let flags_at = untouched.len() - 5;
    let mut forged = untouched;
    forged[flags_at] = 1;
    let mut counted = ed25519_signature(APPLICATION, 1, 1, &data);
    *counted.last_mut().unwrap() = 9;
    let elsewhere = ed25519_signature(b"ssh:other", 1, 1, &data);
    let mut longer = ed25519_signature(APPLICATION, 1, 1, &data);
    longer.push(0);
    let mut shorter = ed25519_signature(APPLICATION, 1, 1, &data);
    shorter.pop();
    for signature in [forged, counted, elsewhere, longer, shorter] {
        assert!(verify(&sshsig(ed25519_key().1, signature), NAMESPACE, MESSAGE).is_err());
    }
}

fn option(name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    put_string(&mut out, name.as_bytes());
    put_string(&mut out, b"");
    out
}

/// A certificate for the security key, issued by a software authority.
fn certificate(critical: &[u8], reserved: &[u8], certificate_type: u32) -> Vec<u8> {
    let authority = ed25519_dalek::SigningKey::from_bytes(&[8; 32]);
    let mut authority_blob = Vec::new();
    put_string(&mut authority_blob, b"ssh-ed25519");
    put_string(&mut authority_blob, authority.verifying_key().as_bytes());
    let mut out = Vec::new();
    put_string(&mut out, b"sk-ssh-ed25519-cert-v01@openssh.com");
    put_string(&mut out, &[1; 32]);
    put_string(&mut out, ed25519_key().0.verifying_key().as_bytes());
    put_string(&mut out, APPLICATION);
    out.extend_from_slice(&0_u64.to_be_bytes());
    out.extend_from_slice(&certificate_type.to_be_bytes());
    put_string(&mut out, b"ann");
    let mut principals = Vec::new();
    put_string(&mut principals, b"ann");
    put_string(&mut out, &principals);
    out.extend_from_slice(&0_u64.to_be_bytes());
    out.extend_from_slice(&u64::MAX.to_be_bytes());
    put_string(&mut out, critical);
    put_string(&mut out, b"");
    put_string(&mut out, reserved);
    put_string(&mut out, &authority_blob);
    let signature = raw_signature("ssh-ed25519", &authority.sign(&out).to_bytes());
    put_string(&mut out, &signature);
    out
}

fn verify_certified(certificate: Vec<u8>, flags: u8) -> Result<Verified, SshsigError> {
    let signature = ed25519_signature(APPLICATION, flags, 1, &signed_data(NAMESPACE, MESSAGE));
    verify(&sshsig(certificate, signature), NAMESPACE, MESSAGE)
}

#[test]
fn a_certificate_that_wants_the_user_verified_wants_a_pin() {
    let wanting = certificate(&option("verify-required"), b"", 1);
    let error = verify_certified(wanting.clone(), 1).unwrap_err();
    assert_eq!(error, SshsigError::Certificate(CertificateError::NotUserVerified));
    let verified = verify_certified(wanting, 5).unwrap();
    assert!(verified.user_verified() && verified.certificate().is_some());
    assert!(verify_certified(certificate(b"", b"", 1), 1).is_ok());
    assert_eq!(
        verify_certified(certificate(b"", b"", 1), 0).unwrap_err(),
        SshsigError::Signature(SignatureError::NoTouch)
    );
}

#[test]
fn a_certificate_with_anything_odd_is_refused() {
    let two = [option("verify-required"), option("verify-required")].concat();
    let backwards = [option("z@corp"), option("a@corp")].concat();
    for (odd, expected) in [
        (certificate(&option("x@corp"), b"", 1), CertificateError::UnknownOption("x@corp".into())),
        (certificate(&two, b"", 1), CertificateError::Options),
        (certificate(&backwards, b"", 1), CertificateError::Options),
        (certificate(b"", b"x", 1), CertificateError::Reserved),
        (certificate(b"", b"", 2), CertificateError::Host),
        (certificate(b"", b"", 3), CertificateError::Type(3)),
    ] {
        assert_eq!(verify_certified(odd, 5).unwrap_err(), SshsigError::Certificate(expected));
    }
    let sound = certificate(b"", b"", 1);
    for at in 0..sound.len() {
        let mut bent = sound.clone();
        bent[at] ^= 1;
        assert!(verify_certified(bent, 5).is_err(), "byte {at}");
    }
}
