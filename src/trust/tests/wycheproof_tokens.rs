//! Wycheproof's JSON Web Signatures and keys against our verifier. Every case whose verdict differs is listed with the
//! reason; a case that is missing from the list, or needlessly on it, fails the test.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::trust::jwt::{Algorithm, KeySet, verify_signature};

/// Cases of other algorithms than the three that can be pinned.
const OTHER_ALGORITHM: &str = "the algorithm is none of RS256, ES256 and EdDSA, so it can never be pinned";
/// Cases that are known to be wrong in the vectors themselves; neither verdict is right or wrong.
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

fn run(file: &str, deviations: &[(u64, &'static str)], skipped: &[u64]) {
    let Some(vectors) = vectors(file) else { return };
    let mut listed: BTreeMap<u64, &str> = deviations.iter().copied().collect();
    let (mut wrong, mut other) = (Vec::new(), 0);
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
            if valid && pinned(&set).is_none() {
                assert!(!accepted, "{id}: {OTHER_ALGORITHM}");
                other += 1;
            } else if accepted != valid && listed.remove(&id).is_none() {
                wrong.push(format!("{id}, accepted: {accepted}: {} {} {}", group["comment"], case["comment"], token));
            }
        }
    }
    println!("{file}: {other} valid cases refused because {OTHER_ALGORITHM}");
    assert!(wrong.is_empty(), "{file}:\n{}", wrong.join("\n"));
    assert!(listed.is_empty(), "{file}: listed without need: {listed:?}");
}

#[test]
fn token_signatures_agree_with_wycheproof() {
    run("json_web_signature_test.json", &[], &SKIPPED);
}

#[test]
fn key_sets_agree_with_wycheproof() {
    run("json_web_key_test.json", &[], &[]);
}
