//! Runs Wycheproof JSON Web Signature and key vectors against our verifier. Every case with a different verdict is listed
//! with the reason. A case that is missing from the list, or superfluous in it, fails the test.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::trust::jwt::{Algorithm, KeySet, KeySetError, SignedError, verify_signature};
use crate::trust::key::KeyError;

/// Valid cases of algorithms other than the three supported ones, by the algorithm of the key. They are rejected, because
/// the trust folder cannot pin them.
const OTHER_SIGNATURES: &[(&str, &[u64])] = &[
    ("HS256", &[1, 348, 352, 357, 358, 359, 372, 373, 376, 377]),
    ("RS384", &[264, 265, 266, 267]),
    ("RS512", &[268, 269, 270, 271]),
    ("PS256", &[272, 273, 274, 275, 287, 288]),
    ("PS384", &[320, 321, 322, 323]),
    ("PS512", &[325, 326, 327, 328]),
];
const OTHER_KEYS: &[(&str, &[u64])] = &[("HS256", &[2, 13]), ("HS384", &[14]), ("HS512", &[15])];
/// Cases marked valid although key and header name different algorithms: `PS256` and `PS384`, `ES521` (which does not
/// exist) and `ES512`. The trust folder cannot pin these either.
const SKIPPED: [u64; 4] = [346, 347, 350, 351];

fn vectors(name: &str) -> Option<Value> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/vectors/wycheproof")).join(name);
    let Ok(bytes) = std::fs::read(&path) else {
        println!("skipped: {} is absent", path.display());
        return None;
    };
    Some(serde_json::from_slice(&bytes).unwrap())
}

/// The algorithm that a trust folder would pin for the only key of a set.
fn pinned(set: &Value) -> Option<Algorithm> {
    match set["keys"][0]["alg"].as_str() {
        Some(name) => Algorithm::parse(name),
        None => match set["keys"][0]["kty"].as_str()? {
            "RSA" => Some(Algorithm::Rs256),
            "EC" => Some(Algorithm::Es256),
            _ => None,
        },
    }
}

fn run(file: &str, other: &[(&str, &[u64])], skipped: &[u64]) {
    let Some(vectors) = vectors(file) else { return };
    let mut listed: BTreeSet<(String, u64)> =
        other.iter().flat_map(|(name, ids)| ids.iter().map(|id| ((*name).to_owned(), *id))).collect();
    let mut wrong = Vec::new();
    for group in vectors["testGroups"].as_array().unwrap() {
        let key = if group["public"].is_null() { &group["private"] } else { &group["public"] };
        let set = if key["keys"].is_null() { json!({"keys": [key]}) } else { key.clone() };
        for case in group["tests"].as_array().unwrap() {
            let id = case["tcId"].as_u64().unwrap();
            if skipped.contains(&id) {
                continue;
            }
            let token = case["jws"].as_str().map_or_else(|| case["jws"].to_string(), str::to_owned);
            let keys = KeySet::parse(set.to_string().as_bytes());
            let accepted = pinned(&set)
                .zip(keys.ok())
                .is_some_and(|(algorithm, keys)| verify_signature(token.as_bytes(), &keys, algorithm).is_ok());
            let valid = case["result"] == "valid";
            let name = set["keys"][0]["alg"].as_str().unwrap_or_default().to_owned();
            if accepted != valid && !(valid && listed.remove(&(name, id))) {
                wrong.push(format!("{id}, accepted: {accepted}: {} {} {}", group["comment"], case["comment"], token));
            }
        }
    }
    assert!(wrong.is_empty(), "{file}:\n{}", wrong.join("\n"));
    assert!(listed.is_empty(), "{file}: listed without need: {listed:?}");
}

#[test]
fn token_signatures_agree_with_wycheproof() {
    run("json_web_signature_test.json", OTHER_SIGNATURES, &SKIPPED);
}

#[test]
fn key_sets_agree_with_wycheproof() {
    run("json_web_key_test.json", OTHER_KEYS, &[]);
}

#[test]
fn weak_keys_of_wycheproof_are_refused_for_their_weakness() {
    let Some(vectors) = vectors("json_web_key_test.json") else { return };
    for (name, expected) in [
        ("jws_rsa_roca_key", KeyError::Factorable),
        ("keysize_too_small", KeyError::ShortRsa { bits: 1024 }),
        ("exponentOne", KeyError::Rsa),
    ] {
        let groups = vectors["testGroups"].as_array().unwrap();
        let group = groups.iter().find(|group| group["comment"] == name).unwrap();
        let keys = KeySet::parse(group["public"].to_string().as_bytes()).unwrap();
        let token = group["tests"][0]["jws"].as_str().unwrap();
        match verify_signature(token.as_bytes(), &keys, Algorithm::Rs256).err() {
            Some(SignedError::Key(KeySetError::Key { why, .. })) => assert_eq!(why, expected, "{name}"),
            other => panic!("{name}: {other:?}"),
        }
    }
}
