//! Tokens that prove a proposer, signed by a software issuer, and attacks on them.

use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_dalek::Signer as _;
use serde_json::{Value, json};

use crate::input::digest::Digest;
use crate::input::time::{Span, Time};
use crate::trust::jwt::{Algorithm, Expected, KeySet, KeySetError, SignedError, TokenError, ValidToken, verify};

const ISSUER: &str = "https://token.actions.example";
const SUBJECT: &str = "spiffe://corp.example/agent/access-assistant";
const PLAN: &[u8] = b"version: 1\n";
const ISSUED: i64 = 1_795_000_000;

fn issuer() -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(&[5; 32])
}

fn keys() -> KeySet {
    let x = Base64UrlUnpadded::encode_string(issuer().verifying_key().as_bytes());
    let set = json!({"keys": [
        {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": "k1", "use": "sig", "alg": "EdDSA"},
        {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": "enc", "use": "enc"},
        {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": "ops", "key_ops": ["sign"]},
        {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": "k2"},
    ]});
    KeySet::parse(set.to_string().as_bytes()).unwrap()
}

fn expected() -> Expected<'static> {
    Expected {
        issuer: ISSUER,
        subject: SUBJECT,
        algorithm: Algorithm::EdDsa,
        key_id: None,
        claims: &[("ref", "x")],
        plan: Digest::of(PLAN),
        longest: Span::from_seconds(900),
        received: Time::from_unix(ISSUED + 60),
    }
}

fn claims() -> Value {
    json!({"iss": ISSUER, "sub": SUBJECT, "aud": [expected().audience()], "iat": ISSUED, "exp": ISSUED + 600, "ref": "x"})
}

fn token(header: &str, claims: &str) -> Vec<u8> {
    let encode = |part: &str| Base64UrlUnpadded::encode_string(part.as_bytes());
    let signed = format!("{}.{}", encode(header), encode(claims));
    let signature = issuer().sign(signed.as_bytes()).to_bytes();
    format!("{signed}.{}", Base64UrlUnpadded::encode_string(&signature)).into_bytes()
}

const HEADER: &str = r#"{"alg":"EdDSA","kid":"k1","typ":"JWT"}"#;

fn judge(header: &str, claims: &str) -> Result<ValidToken, TokenError> {
    verify(&token(header, claims), &keys(), &expected())
}

fn with(name: &str, value: Value) -> Result<ValidToken, TokenError> {
    let mut all = claims();
    all[name] = value;
    judge(HEADER, &all.to_string())
}

#[test]
fn a_token_for_this_plan_proves_its_subject() {
    let proof = judge(HEADER, &claims().to_string()).unwrap();
    assert_eq!((proof.subject.raw(), proof.issuer.raw(), proof.key_id.raw()), (SUBJECT, ISSUER, "k1"));
    assert_eq!(proof.lifetime, Span::from_seconds(600));
    assert!(with("aud", json!(expected().audience())).is_ok());
    let mut ended = token(HEADER, &claims().to_string());
    ended.push(b'\n');
    assert_eq!(verify(&ended, &keys(), &expected()).unwrap(), proof);
    let windows = [token(HEADER, &claims().to_string()), b"\r\n".to_vec()].concat();
    assert_eq!(verify(&windows, &keys(), &expected()).unwrap(), proof, "an editor may end a line by CR LF");
}

#[test]
fn a_token_for_another_plan_is_refused() {
    let other = Expected { plan: Digest::of(b"other"), ..expected() }.audience();
    for audience in [
        json!(other),
        json!([]),
        json!([expected().audience(), "x"]),
        json!([expected().audience(), expected().audience()]),
        json!({"a": 1}),
        Value::Null,
    ] {
        assert_eq!(with("aud", audience).unwrap_err(), TokenError::Audience);
    }
}

#[test]
fn an_expired_early_or_long_token_is_refused() {
    assert!(matches!(with("exp", json!(ISSUED + 60)), Err(TokenError::Expired(_))));
    assert!(with("exp", json!(ISSUED + 61)).is_ok());
    assert!(matches!(with("exp", json!(ISSUED + 901)), Err(TokenError::TooLong { .. })));
    assert!(matches!(with("nbf", json!(ISSUED + 400)), Err(TokenError::NotYetValid(_))));
    assert!(with("nbf", json!(ISSUED - 600)).is_ok());
    for (name, value) in
        [("exp", json!(1.5e9)), ("exp", json!("x")), ("iat", Value::Null), ("iat", json!(-5)), ("exp", json!(u64::MAX))]
    {
        assert!(matches!(with(name, value), Err(TokenError::Claim(_))));
    }
}

#[test]
fn another_issuer_or_subject_is_refused() {
    assert!(matches!(with("iss", json!("https://token.actions.example/")), Err(TokenError::Issuer(_))));
    assert!(matches!(with("sub", json!("spiffe://corp.example/agent/other")), Err(TokenError::Subject { .. })));
    let pinned = Expected { key_id: Some("k1"), ..expected() };
    let other = token(r#"{"alg":"EdDSA","kid":"k2"}"#, &claims().to_string());
    assert!(matches!(verify(&other, &keys(), &pinned), Err(TokenError::OtherKey(_))));
    assert!(verify(&other, &keys(), &expected()).is_ok());
}

#[test]
fn a_pinned_claim_that_is_missing_or_says_something_else_is_refused() {
    for value in [json!("y"), json!(["x"]), json!(1), Value::Null] {
        assert_eq!(with("ref", value).unwrap_err(), TokenError::OtherClaim("ref".into()));
    }
    let pinned = Expected { claims: &[("environment", "production")], ..expected() };
    let sound = token(HEADER, &claims().to_string());
    assert_eq!(verify(&sound, &keys(), &pinned).unwrap_err(), TokenError::OtherClaim("environment".into()));
}

#[test]
fn the_header_decides_nothing_but_the_key() {
    let claims = claims().to_string();
    let refused = |header: &str| match judge(header, &claims) {
        Err(TokenError::Signed(error)) => error,
        other => panic!("{header}: {other:?}"),
    };
    assert!(matches!(refused(r#"{"alg":"none","kid":"k1"}"#), SignedError::Algorithm { .. }));
    assert!(matches!(refused(r#"{"alg":"HS256","kid":"k1"}"#), SignedError::Algorithm { .. }));
    assert!(matches!(refused(r#"{"alg":"eddsa","kid":"k1"}"#), SignedError::Algorithm { .. }));
    assert_eq!(refused(r#"{"alg":"EdDSA","kid":"k1","crit":[]}"#), SignedError::Critical);
    assert_eq!(refused(r#"{"alg":"EdDSA","kid":"k1","b64":false}"#), SignedError::Critical);
    assert_eq!(refused(r#"{"alg":"EdDSA","kid":"k1","jwk":{}}"#), SignedError::OwnKey("jwk"));
    assert_eq!(refused(r#"{"alg":"EdDSA","kid":"k1","alg":"EdDSA"}"#), SignedError::Header);
    assert!(matches!(refused(r#"{"alg":"EdDSA","kid":"k1","typ":"at+jwt"}"#), SignedError::Type(_)));
    for id in ["enc", "ops"] {
        let error = refused(&format!(r#"{{"alg":"EdDSA","kid":"{id}"}}"#));
        assert!(matches!(error, SignedError::Key(KeySetError::OtherUse { .. })));
    }
    assert!(matches!(refused(r#"{"alg":"EdDSA","kid":"k9"}"#), SignedError::Key(KeySetError::UnknownId(_))));
}

#[test]
fn duplicate_members_are_refused_wherever_they_stand() {
    let twice = claims().to_string().replacen('{', r#"{"sub":"spiffe://corp.example/agent/other","#, 1);
    assert_eq!(judge(HEADER, &twice).unwrap_err(), TokenError::Claims);
    let deep = claims().to_string().replacen('{', r#"{"x":{"a":[{"b":1,"b":2}]},"#, 1);
    assert_eq!(judge(HEADER, &deep).unwrap_err(), TokenError::Claims);
    assert!(KeySet::parse(br#"{"keys":[],"keys":[]}"#).is_err());
}

#[test]
fn a_set_with_a_secret_is_refused_as_a_whole() {
    for (set, expected) in [
        (r#"{"keys":[{"kty":"oct","k":"AAAA","kid":"a"}]}"#, KeySetError::Secret),
        (r#"{"keys":[{"kty":"OKP","d":"AAAA","kid":"a"}]}"#, KeySetError::Secret),
        (r#"{"keys":[{"kty":"OKP","kid":7}]}"#, KeySetError::Syntax),
        (r#"{"keys":{}}"#, KeySetError::Syntax),
        ("[]", KeySetError::Syntax),
    ] {
        assert_eq!(KeySet::parse(set.as_bytes()).err(), Some(expected), "{set}");
    }
}

#[test]
fn a_bent_token_is_refused_and_never_shown() {
    let sound = token(HEADER, &claims().to_string());
    let text = String::from_utf8(sound.clone()).unwrap();
    for at in 0..sound.len() {
        let mut bent = sound.clone();
        bent[at] = if bent[at] == b'A' { b'B' } else { b'A' };
        let error = verify(&bent, &keys(), &expected()).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(text.rsplit('.').next().unwrap()));
    }
    for junk in ["", ".", "..", "...", "a.b", "a.b.c.d", "{}", "\u{e9}.b.c"] {
        assert!(verify(junk.as_bytes(), &keys(), &expected()).is_err());
    }
    let mut padded = sound;
    padded.push(b'=');
    assert!(verify(&padded, &keys(), &expected()).is_err());
}

#[test]
fn a_spiffe_bundle_verifies_by_its_keys_for_tokens_and_passes_over_those_for_certificates() {
    let x = Base64UrlUnpadded::encode_string(issuer().verifying_key().as_bytes());
    let bundle = json!({"spiffe_sequence": 3, "spiffe_refresh_hint": 300, "keys": [
        {"kty": "EC", "crv": "P-256", "use": "x509-svid", "x": x, "y": x, "x5c": ["AAAA"]},
        {"kty": "EC", "crv": "P-256", "use": "x509-svid", "x": x, "y": x, "x5c": ["BBBB"]},
        {"kty": "OKP", "crv": "Ed25519", "use": "jwt-svid", "kid": "k1", "x": x},
    ]});
    let keys = KeySet::parse(bundle.to_string().as_bytes()).unwrap();
    assert!(verify(&token(HEADER, &claims().to_string()), &keys, &expected()).is_ok());
    let secret = bundle.to_string().replacen("\"x5c\"", "\"d\":\"AAAA\",\"x5c\"", 1);
    assert_eq!(KeySet::parse(secret.as_bytes()).err(), Some(KeySetError::Secret));
}

fn set_of(keys: &[Value]) -> KeySet {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

fn key_of(seed: u8, id: Option<&str>) -> Value {
    let key = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]);
    let x = Base64UrlUnpadded::encode_string(key.verifying_key().as_bytes());
    let mut members = json!({"kty": "OKP", "crv": "Ed25519", "x": x});
    if let Some(id) = id {
        members["kid"] = id.into();
    }
    members
}

#[test]
fn a_token_that_names_no_key_is_verified_by_those_of_the_set() {
    let plain = token(r#"{"alg":"EdDSA"}"#, &claims().to_string());
    let proof = |keys: &[Value]| verify(&plain, &set_of(keys), &expected());
    assert_eq!(proof(&[key_of(5, Some("k1"))]).unwrap().key_id.raw(), "k1");
    assert_eq!(proof(&[key_of(6, Some("new")), key_of(5, Some("old"))]).unwrap().key_id.raw(), "old");
    assert_eq!(proof(&[key_of(5, None)]).unwrap().key_id.raw(), "");
    let refused = |keys: &[Value]| match proof(keys) {
        Err(TokenError::Signed(why)) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&[key_of(6, Some("k1"))]), SignedError::Wrong);
    let other = refused(&[json!({"kty": "RSA", "kid": "r", "n": "AQAB", "e": "AQAB"})]);
    assert_eq!(other, SignedError::Key(KeySetError::NoneFits(Algorithm::EdDsa)));
    let many: Vec<Value> = (5..40).map(|n| key_of(n, Some(&format!("k{n}")))).collect();
    assert_eq!(refused(&many), SignedError::Key(KeySetError::NoId(35)), "which one it is, the issuer must say");
}

#[test]
fn two_keys_of_one_id_overlap_while_an_issuer_rotates_them() {
    let sound = token(HEADER, &claims().to_string());
    for keys in [
        vec![key_of(5, Some("k1")), key_of(5, Some("k1"))],
        vec![key_of(6, Some("k1")), key_of(5, Some("k1"))],
        vec![json!({"kty": "EC", "crv": "P-256", "kid": "k1"}), key_of(5, Some("k1"))],
    ] {
        assert!(verify(&sound, &set_of(&keys), &expected()).is_ok(), "{keys:?}");
    }
    let other = set_of(&[key_of(6, Some("k1")), key_of(7, Some("k1"))]);
    assert!(matches!(verify(&sound, &other, &expected()), Err(TokenError::Signed(SignedError::Wrong))));
}

#[test]
fn another_subject_is_named_together_with_the_one_expected() {
    let expected = Expected { subject: "repo:corp/access:ref:refs/heads/main", ..expected() };
    let judge = |subject: &str| {
        let mut all = claims();
        all["sub"] = subject.into();
        verify(&token(HEADER, &all.to_string()), &keys(), &expected).unwrap_err()
    };
    let ids = judge("repo:corp@12/access@345:ref:refs/heads/main");
    let text = ids.to_string();
    assert!(text.contains("corp@12/access@345") && text.contains("`repo:corp/access:ref:refs/heads/main`"), "{text}");
    assert!(ids.help().contains("ids"), "{}", ids.help());
    let other = judge("repo:corp@12/other@345:ref:refs/heads/main");
    assert!(!other.help().contains("ids"), "another repository is no older form of this one");
    let ids = Expected { subject: "repo:corp@12/access@345:ref:refs/heads/main", ..expected };
    let mut all = claims();
    all["sub"] = "repo:corp@12/access@345:ref:refs/heads/main".into();
    assert!(verify(&token(HEADER, &all.to_string()), &keys(), &ids).is_ok());
    all["sub"] = "repo:corp@13/access@345:ref:refs/heads/main".into();
    assert!(verify(&token(HEADER, &all.to_string()), &keys(), &ids).is_err(), "the ids are pinned");
}
