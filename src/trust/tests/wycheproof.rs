//! Runs Wycheproof signature vectors against our verification functions. Every case with a different verdict is listed
//! with the reason. A case that is missing from the list, or superfluous in it, fails the test.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use crate::trust::signature::{RsaHash, verify_ed25519, verify_p256, verify_rsa};
use crate::trust::wire::put_string;

/// The case, and why our verdict differs.
type Deviations = &'static [(u64, &'static str)];

const ED25519: Deviations = &[];
const P256: Deviations = &[];
const RSA: Deviations = &[];

fn vectors(name: &str) -> Option<Value> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/vectors/wycheproof")).join(name);
    let Ok(bytes) = std::fs::read(&path) else {
        println!("skipped: {} is absent", path.display());
        return None;
    };
    Some(serde_json::from_slice(&bytes).unwrap())
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn run(file: &str, deviations: Deviations, verify: impl Fn(&Value, &[u8], &[u8]) -> bool) {
    let Some(vectors) = vectors(file) else { return };
    let mut listed: BTreeMap<u64, &str> = deviations.iter().copied().collect();
    let mut wrong = Vec::new();
    let mut count = 0;
    for group in vectors["testGroups"].as_array().unwrap() {
        for case in group["tests"].as_array().unwrap() {
            count += 1;
            let id = case["tcId"].as_u64().unwrap();
            let text = |name: &str| hex(case[name].as_str().unwrap());
            let accepted = verify(group, &text("msg"), &text("sig"));
            let result = case["result"].as_str().unwrap();
            if accepted != (result == "valid") && listed.remove(&id).is_none() {
                wrong.push(format!("{id} ({result}, accepted: {accepted}): {} {}", case["comment"], case["flags"]));
            }
        }
    }
    assert_eq!(vectors["numberOfTests"], count);
    assert!(wrong.is_empty(), "{file}:\n{}", wrong.join("\n"));
    assert!(listed.is_empty(), "{file}: listed without need: {listed:?}");
}

#[test]
fn ed25519_agrees_with_wycheproof() {
    run("ed25519_test.json", ED25519, |group, message, signature| {
        let point: [u8; 32] = hex(group["publicKey"]["pk"].as_str().unwrap()).try_into().unwrap();
        let key = ed25519_dalek::VerifyingKey::from_bytes(&point).unwrap();
        verify_ed25519(&key, signature, message).is_ok()
    });
}

/// Parses two DER integers strictly. SSH encodes the same integers differently.
fn der_pair(der: &[u8]) -> Option<(&[u8], &[u8])> {
    fn item(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
        let (found, rest) = bytes.split_first()?;
        let (length, rest) = rest.split_first()?;
        (*found == tag && *length < 0x80).then(|| rest.split_at_checked(usize::from(*length)))?
    }
    let (sequence, after) = item(der, 0x30)?;
    let (r, rest) = item(sequence, 0x02)?;
    let (s, rest) = item(rest, 0x02)?;
    (after.is_empty() && rest.is_empty()).then_some((r, s))
}

#[test]
fn ecdsa_p256_agrees_with_wycheproof() {
    run("ecdsa_secp256r1_sha256_test.json", P256, |group, message, signature| {
        let Some((r, s)) = der_pair(signature) else { return false };
        let mut body = Vec::new();
        put_string(&mut body, r);
        put_string(&mut body, s);
        let point = hex(group["publicKey"]["uncompressed"].as_str().unwrap());
        let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&point).unwrap();
        verify_p256(&key, &body, message).is_ok()
    });
}

#[test]
fn rsa_3072_agrees_with_wycheproof() {
    run("rsa_signature_3072_sha512_test.json", RSA, |group, message, signature| {
        let number =
            |name: &str| rsa::BoxedUint::from_be_slice_vartime(&hex(group["publicKey"][name].as_str().unwrap()));
        let key = rsa::PublicKey::new(number("modulus"), number("publicExponent")).unwrap();
        verify_rsa(&key, RsaHash::Sha512, signature, message).is_ok()
    });
}
