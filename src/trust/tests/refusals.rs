//! Attacks on signatures, one test each. Each starts from a signature by real `ssh-keygen`.

use crate::trust::armor::{ArmorError, armor};
use crate::trust::key::{KeyError, PublicKey};
use crate::trust::signature::SignatureError;
use crate::trust::sshsig::{SshsigError, verify};
use crate::trust::wire::{Wire, WireError, put_string};

use super::bench::{Bench, Fields, MESSAGE, NAMESPACE, body_of, raw_signature};

fn fields(kind: &str, bits: &str) -> Fields {
    let bench = Bench::new();
    bench.key("key", kind, bits);
    Fields::of(&bench.sign("key"))
}

fn refused(fields: &Fields) -> SshsigError {
    verify(&fields.armored(), NAMESPACE, MESSAGE).unwrap_err()
}

#[test]
fn trailing_junk_is_refused() {
    let sound = fields("ed25519", "256");
    let mut blob = sound.blob();
    blob.push(0);
    let error = verify(armor(&blob).as_bytes(), NAMESPACE, MESSAGE).unwrap_err();
    assert_eq!(error, SshsigError::Wire(WireError::Trailing));

    for text in ["junk\n", "\n", " ", "\r\n", "-----END SSH SIGNATURE-----\n"] {
        let mut armored = sound.armored();
        armored.extend_from_slice(text.as_bytes());
        assert!(matches!(verify(&armored, NAMESPACE, MESSAGE), Err(SshsigError::Armor(_))), "{text:?}");
    }
    let mut behind_key = sound.clone();
    behind_key.key.push(0);
    assert_eq!(refused(&behind_key), SshsigError::Key(KeyError::Wire(WireError::Trailing)));
    let mut behind_signature = sound;
    behind_signature.signature.push(0);
    assert_eq!(refused(&behind_signature), SshsigError::Signature(SignatureError::Wire(WireError::Trailing)));
}

#[test]
fn wrong_namespace_is_refused() {
    let bench = Bench::new();
    bench.key("ann", "ed25519", "256");
    let signature = bench.stock_sign("ann", "git", MESSAGE);
    let error = verify(&signature, NAMESPACE, MESSAGE).unwrap_err();
    assert_eq!(error.to_string(), "the signature was made for namespace `git`, not for `review-seal@v1`");
    assert!(verify(&signature, "git", MESSAGE).is_ok());
    assert!(verify(&signature, "git\0", MESSAGE).is_err());
    assert!(verify(&signature, "", MESSAGE).is_err());
}

#[test]
fn another_version_and_a_filled_reserved_field_are_refused() {
    let sound = fields("ed25519", "256");
    for version in [0, 2, u32::MAX] {
        assert_eq!(refused(&Fields { version, ..sound.clone() }), SshsigError::Version(version));
    }
    assert_eq!(refused(&Fields { reserved: vec![0], ..sound.clone() }), SshsigError::Reserved);
    for hash in ["sha1", "SHA512", "sha384", ""] {
        let error = refused(&Fields { hash: hash.into(), ..sound.clone() });
        assert!(matches!(error, SshsigError::Hash(_)), "{error}");
    }
    assert!(
        refused(&Fields { hash: b"sha256".to_vec(), ..sound }).to_string().contains("does not match the signed bytes")
    );
}

#[test]
fn another_line_length_is_refused() {
    let armored = String::from_utf8(fields("ed25519", "256").armored()).unwrap();
    let mut lines: Vec<&str> = armored.lines().collect();
    let joined = format!("{}{}", lines[1], lines[2]);
    lines.splice(1..3, [joined.as_str()]);
    let error = verify((lines.join("\n") + "\n").as_bytes(), NAMESPACE, MESSAGE).unwrap_err();
    assert_eq!(error, SshsigError::Armor(ArmorError::Form));
}

/// Adds the group order to the little-endian scalar.
fn plus_order(scalar: &mut [u8]) {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0_u16;
    for (byte, order) in scalar.iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
}

#[test]
fn malleated_signature_is_refused() {
    let sound = fields("ed25519", "256");
    let (kind, mut body, _) = body_of(&sound.signature);
    plus_order(&mut body[32..]);
    let error = refused(&Fields { signature: raw_signature(&kind, &body), ..sound });
    assert_eq!(error, SshsigError::Signature(SignatureError::Wrong));

    let sound = fields("ecdsa", "256");
    let (kind, body, _) = body_of(&sound.signature);
    let mut wire = Wire::new(&body);
    let (r, s) = (wire.string().unwrap(), wire.string().unwrap());
    let pair = |r: &[u8], s: &[u8]| {
        let mut out = Vec::new();
        put_string(&mut out, r);
        put_string(&mut out, s);
        out
    };
    let padded = [&[0][..], r].concat();
    let mut longer = pair(r, s);
    longer.push(0);
    for body in [pair(&padded, s), pair(s, r), pair(&[], s), pair(r, &[]), pair(&[0xff], s), longer] {
        assert!(matches!(
            refused(&Fields { signature: raw_signature(&kind, &body), ..sound.clone() }),
            SshsigError::Signature(_)
        ));
    }

    let sound = fields("rsa", "2048");
    let (kind, body, _) = body_of(&sound.signature);
    for body in [[&[0][..], &body].concat(), body[1..].to_vec(), [&body[..], &[0]].concat()] {
        let error = refused(&Fields { signature: raw_signature(&kind, &body), ..sound.clone() });
        assert_eq!(error, SshsigError::Signature(SignatureError::Wrong));
    }
}

#[test]
fn rsa_with_sha1_is_refused() {
    let sound = fields("rsa", "2048");
    let (_, body, _) = body_of(&sound.signature);
    let error = refused(&Fields { signature: raw_signature("ssh-rsa", &body), ..sound.clone() });
    assert_eq!(error, SshsigError::Signature(SignatureError::Sha1));
    let error = refused(&Fields { signature: raw_signature("rsa-sha2-256", &body), ..sound.clone() });
    assert_eq!(error, SshsigError::Signature(SignatureError::Wrong));
    let error = refused(&Fields { signature: raw_signature("ssh-ed25519", &body), ..sound });
    assert!(matches!(error, SshsigError::Signature(SignatureError::OtherKind { .. })));
}

#[test]
fn foreign_key_is_refused() {
    let (one, other) = (fields("ed25519", "256"), fields("ed25519", "256"));
    let error = refused(&Fields { key: other.key, ..one });
    assert_eq!(error, SshsigError::Signature(SignatureError::Wrong));
}

#[test]
fn a_key_of_small_order_or_off_the_curve_is_refused() {
    let key = |kind: &str, fields: &[&[u8]]| {
        let mut blob = Vec::new();
        put_string(&mut blob, kind.as_bytes());
        for field in fields {
            put_string(&mut blob, field);
        }
        PublicKey::from_blob(&blob)
    };
    let mut identity = [0_u8; 32];
    identity[0] = 1;
    for point in [[0; 32], identity] {
        assert_eq!(key("ssh-ed25519", &[&point]).unwrap_err(), KeyError::Point);
    }
    let mut off = [4_u8; 65];
    off[1..].fill(1);
    assert_eq!(key("ecdsa-sha2-nistp256", &[b"nistp256", &off]).unwrap_err(), KeyError::Point);
    assert_eq!(key("ecdsa-sha2-nistp256", &[b"nistp384", &off]).unwrap_err(), KeyError::KindsDiffer);
    let modulus = [0x7f_u8; 256];
    assert!(key("ssh-rsa", &[&[1], &modulus]).is_err(), "exponent 1");
    assert!(key("ssh-rsa", &[&[3], &[0x7e; 256]]).is_err(), "even modulus");
    assert!(key("ssh-rsa", &[&[3], &vec![0x7f; 9000]]).is_err(), "huge modulus");
}

#[test]
fn no_input_makes_the_verifier_panic() {
    let sound = fields("ecdsa", "384");
    let blob = sound.blob();
    for end in 0..blob.len() {
        assert!(verify(armor(&blob[..end]).as_bytes(), NAMESPACE, MESSAGE).is_err());
        let mut bent = blob.clone();
        bent[end] ^= 0x80;
        assert!(verify(armor(&bent).as_bytes(), NAMESPACE, MESSAGE).is_err(), "byte {end}");
    }
}
