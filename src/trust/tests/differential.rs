//! Differential test: the installed `ssh-keygen -Y verify` accepts everything that we accept. Inputs are random mutations
//! of valid signatures, random `allowed_signers` files and random revocation lists. `REVIEW_TEST_MUTATIONS` sets the
//! number of cases (100000 before a release).

use std::fmt::Write as _;

use base64ct::{Base64, Encoding as _};
use proptest::prelude::Rng as _;
use proptest::test_runner::{RngAlgorithm, TestRng};

use crate::input::time::Time;
use crate::trust::armor::armor;
use crate::trust::revoked::Revoked;
use crate::trust::signers::Signers;
use crate::trust::sshsig::verify;
use crate::trust::wire::put_string;

use super::bench::{Bench, Fields, MESSAGE, NAMESPACE};

fn cases() -> u64 {
    std::env::var("REVIEW_TEST_MUTATIONS").ok().and_then(|count| count.parse().ok()).unwrap_or(500)
}

struct Dice(TestRng);

impl Dice {
    fn new(seed: u8) -> Self {
        Self(TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]))
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.0.next_u64() % u64::try_from(limit).unwrap()).unwrap()
    }

    fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }
}

/// Mutates a blob, a field, the text, or the message, or sometimes nothing.
fn mutate(dice: &mut Dice, sound: &Fields) -> (Vec<u8>, Vec<u8>) {
    let mut message = MESSAGE.to_vec();
    let mut fields = sound.clone();
    let armored = match dice.below(10) {
        0 => sound.armored(),
        1 | 2 => {
            let mut blob = sound.blob();
            let at = dice.below(blob.len());
            blob[at] ^= 1 << dice.below(8);
            armor(&blob).into_bytes()
        }
        3 => {
            let mut blob = sound.blob();
            blob.truncate(dice.below(blob.len()));
            armor(&blob).into_bytes()
        }
        4 => {
            let mut blob = sound.blob();
            blob.extend((0..=dice.below(4)).map(|_| 0));
            armor(&blob).into_bytes()
        }
        5 => {
            let mut text = sound.armored();
            let at = dice.below(text.len());
            match dice.below(3) {
                0 => text[at] = text[at].wrapping_add(1),
                1 => text.insert(at, *dice.one(&[&b'\n', &b' ', &b'A', &b'='])),
                _ => drop(text.remove(at)),
            }
            text
        }
        6 => {
            let at = dice.below(message.len());
            message[at] ^= 1 << dice.below(8);
            sound.armored()
        }
        7 => {
            fields.version = u32::try_from(dice.below(3)).unwrap();
            fields.reserved = vec![0; dice.below(2)];
            fields.armored()
        }
        8 => {
            fields.hash = dice.one(&["sha256", "sha512", "sha1", "SHA512", ""]).into();
            fields.namespace = dice.one(&[NAMESPACE, "git", ""]).into();
            fields.armored()
        }
        _ => {
            let field = if dice.below(2) == 0 { &mut fields.key } else { &mut fields.signature };
            let at = dice.below(field.len());
            match dice.below(3) {
                0 => field[at] ^= 1 << dice.below(8),
                1 => field.insert(at, 0),
                _ => drop(field.remove(at)),
            }
            fields.armored()
        }
    };
    (armored, message)
}

#[test]
fn whatever_we_accept_ssh_keygen_accepts_over_mutated_signatures() {
    let bench = Bench::new();
    let mut sound = Vec::new();
    let mut text = String::new();
    for (kind, bits) in [("ed25519", "256"), ("ecdsa", "256"), ("ecdsa", "384"), ("rsa", "2048")] {
        let name = format!("{kind}{bits}");
        let key = bench.key(&name, kind, bits);
        writeln!(text, "ann namespaces=\"review-*@v1\" {}", key.to_line()).unwrap();
        sound.push(Fields::of(&bench.sign(&name)));
    }
    let file = bench.write("allowed_signers", &text);
    let (signers, _) = Signers::parse("allowed_signers", text.as_bytes());
    let at = Time::parse("2026-01-01T00:00:00Z").unwrap();
    let mut dice = Dice::new(1);
    let mut accepted = 0;
    for case in 0..cases() {
        let base = dice.below(sound.len());
        let (armored, message) = mutate(&mut dice, &sound[base]);
        let ours = verify(&armored, NAMESPACE, &message)
            .is_ok_and(|verified| signers.find(Some("ann"), &verified, at).is_ok());
        // Run the stock tool only where we accept: only then the law applies, and the call is expensive.
        if ours {
            accepted += 1;
            if accepted % 8 == 1 || armored != sound[base].armored() {
                assert!(bench.stock_verifies(&file, "ann", &armored, &message, "20260101000000Z"), "case {case}");
            }
            // Only the unchanged signature may be valid.
            assert!(armored == sound[base].armored() && message == MESSAGE, "case {case}");
        }
    }
    assert!(accepted > 0);
}

/// A random line, often valid.
fn random_line(dice: &mut Dice, keys: &[String]) -> String {
    let principals =
        dice.one(&["ann", "ann", "bob", "*", "a?n", "!ann,*", "*,!bob", "ann,bob", "\"ann\"", "Ann", "a*,!*n", ",ann"]);
    let namespaces =
        dice.one(&["*", "review-*@v1", "review-seal@v1", "git", "git,review-*", "!review-*,*", "Review-*", ""]);
    let dates = [
        "20260101Z",
        "20250101Z",
        "20260102Z",
        "202601010000Z",
        "20260101000000Z",
        "20260101",
        "2026",
        "20260101235959Z",
    ];
    let mut options = Vec::new();
    if dice.below(8) > 0 {
        options
            .push(format!("{}=\"{namespaces}\"", dice.one(&["namespaces", "namespaces", "NAMESPACES", "namespace"])));
    }
    for name in ["valid-after", "valid-before", "cert-authority", "no-touch-required"] {
        match dice.below(6) {
            0 if name.starts_with("valid") => options.push(format!("{name}=\"{}\"", dice.one(&dates))),
            1 if !name.starts_with("valid") && dice.below(3) == 0 => options.push(name.to_owned()),
            _ => {}
        }
    }
    let separator = dice.one(&[",", ",", ",", ",", ",,", ", "]);
    let space = dice.one(&[" ", "\t", "  "]);
    let end = dice.one(&["", " comment", "\r", " x # y"]);
    let key = &keys[dice.below(keys.len())];
    format!("{principals}{space}{}{space}{key}{end}\n", options.join(separator))
}

#[test]
fn whatever_we_accept_ssh_keygen_accepts_over_random_signers_files() {
    let bench = Bench::new();
    let authority = bench.key("ca", "ed25519", "256");
    let ann = bench.key("ann", "ed25519", "256");
    let other = bench.key("other", "ecdsa", "256");
    bench.keygen(&["-q", "-s", "ca", "-I", "ann", "-n", "ann,bob", "-V", "20260101000000Z:20260102000000Z", "ann.pub"]);
    let keys = [ann.to_line(), ann.to_line(), other.to_line(), authority.to_line(), "ssh-ed25519 AAAA".to_owned()];
    let signatures = [bench.sign("ann"), bench.sign("ann-cert.pub")].map(|signature| {
        let verified = verify(&signature, NAMESPACE, MESSAGE).unwrap();
        (signature, verified)
    });
    let times = [
        ("2025-12-31T23:59:59Z", "20251231235959Z"),
        ("2026-01-01T00:00:00Z", "20260101000000Z"),
        ("2026-01-01T12:00:00Z", "20260101120000Z"),
        ("2026-01-02T00:00:00Z", "20260102000000Z"),
    ];
    let mut dice = Dice::new(2);
    let (mut accepted, mut refused) = (0_u64, 0_u64);
    for case in 0..cases() {
        let text: String = (0..=dice.below(4)).map(|_| random_line(&mut dice, &keys)).collect();
        let (signers, _) = Signers::parse("allowed_signers", text.as_bytes());
        let (signature, verified) = &signatures[dice.below(2)];
        let (ours, stock) = times[dice.below(times.len())];
        let principal = dice.one(&["ann", "bob", "eve"]);
        let at = Time::parse(ours).unwrap();
        let asked = if dice.below(2) == 0 { Some(principal) } else { None };
        match signers.find(asked, verified, at) {
            Ok(allowed) => {
                accepted += 1;
                if accepted <= 300 || cases() > 500 {
                    let file = bench.write("allowed_signers", &text);
                    let name = allowed.principal.as_str();
                    assert!(
                        bench.stock_verifies(&file, name, signature, MESSAGE, stock),
                        "case {case}, {name} at {ours}:\n{text}"
                    );
                }
            }
            Err(_) => refused += 1,
        }
    }
    println!("accepted {accepted}, refused {refused}");
    assert!(accepted > cases() / 50 && refused > cases() / 50, "accepted {accepted}, refused {refused}");
}

/// A random line of a revocation list, in our format and in that of stock `ssh-keygen`. The formats differ only in
/// fingerprints, which are our extension; the stock tool gets the key instead.
fn random_revocation(dice: &mut Dice, keys: &[(String, String)]) -> (Vec<u8>, Vec<u8>) {
    let (line, fingerprint) = &keys[dice.below(keys.len())];
    let both = |text: String| (text.clone().into_bytes(), text.into_bytes());
    let (kind, body) = line.split_once(' ').unwrap();
    match dice.below(12) {
        0 => both(
            dice.one(&["", "# gone", " \t", "\r", "#\r", "  # x", "hello", "SHA256:AAAA", "no-pty", "\u{feff}#", "\0"])
                .to_owned(),
        ),
        1 => {
            let comment = dice.one(&["", " lost", "\tlost  "]);
            (format!("{fingerprint}{comment}").into_bytes(), line.clone().into_bytes())
        }
        2 => both(format!(
            "{}{kind}{}{body}{}",
            dice.one(&["", " ", "\t"]),
            dice.one(&[" ", "  ", "\t"]),
            dice.one(&[" x", "\r", " \r"])
        )),
        3 => both(format!("{kind} {}", &body[..dice.below(body.len())])),
        4 => {
            let mut text = line.clone().into_bytes();
            let at = dice.below(text.len());
            match dice.below(3) {
                0 => text[at] = *dice.one(&[&b'A', &b'Q', &b'=', &b' ', &b'-', &0xff]),
                1 => text.insert(at, b'A'),
                _ => drop(text.remove(at)),
            }
            (text.clone(), text)
        }
        5 => both(format!("{} {body}", dice.one(&["ssh-rsa", "ssh-dss", "ssh-foo", "cert-authority ssh-ed25519"]))),
        6 => {
            let point = [&[4][..], &[1; 132]].concat();
            let (kind, fields): (&str, &[&[u8]]) = match dice.below(9) {
                0 => ("ssh-foo", &[b"x"]),
                1 => ("ssh-dss", &[&[1], &[1], &[1], &[1]]),
                2 => ("ssh-ed25519", &[&[1; 31]]),
                3 => ("ssh-ed25519", &[&[0; 32]]),
                4 => ("ecdsa-sha2-nistp256", &[b"nistp256", &point[..65]]),
                5 => ("ssh-rsa", &[&[3], &[0x7f; 100]]),
                6 => ("ssh-rsa", &[&[3], &[0x7f; 100], b"more"]),
                7 => ("ssh-ed25519", &[&[0; 32], b"more"]),
                _ => ("ssh-ed25519-cert-v01@openssh.com", &[b"nonce", &[1; 32]]),
            };
            let mut blob = Vec::new();
            for field in std::iter::once(kind.as_bytes()).chain(fields.iter().copied()) {
                put_string(&mut blob, field);
            }
            both(format!("{kind} {}", Base64::encode_string(&blob)))
        }
        _ => both(line.clone()),
    }
}

#[test]
fn whatever_we_accept_ssh_keygen_accepts_over_random_lists_of_revoked_keys() {
    let bench = Bench::new();
    let authority = bench.key("ca", "ed25519", "256");
    let ann = bench.key("ann", "ed25519", "256");
    for (name, kind, bits) in
        [("bob", "ed25519", "256"), ("eve", "ecdsa", "384"), ("rob", "rsa", "2048"), ("joe", "ecdsa", "256")]
    {
        bench.key(name, kind, bits);
    }
    bench.keygen(&["-q", "-t", "ecdsa", "-b", "521", "-N", "", "-f", "p521"]);
    bench.keygen(&["-q", "-t", "rsa", "-b", "1024", "-N", "", "-f", "short"]);
    bench.keygen(&["-q", "-s", "ca", "-I", "x", "-n", "ann", "-V", "20260101000000Z:20260102000000Z", "ann.pub"]);
    bench.keygen(&["-q", "-s", "ca", "-I", "x", "-n", "ann", "bob.pub"]);
    bench.keygen(&["-q", "-s", "ca", "-I", "x", "-h", "-n", "host", "joe.pub"]);
    bench.keygen(&["-q", "-k", "-f", "krl", "bob.pub"]);
    // Choose signing keys rarely, so that many lists do not contain them.
    let names =
        ["ann", "ann-cert", "ca", "bob", "bob", "bob-cert", "eve", "eve", "joe", "joe-cert", "rob", "p521", "short"];
    let keys: Vec<(String, String)> = names
        .iter()
        .map(|name| {
            let line = bench.public(name).split(' ').take(2).collect::<Vec<_>>().join(" ");
            let printed = bench.keygen(&["-l", "-f", &format!("{}.pub", name.trim_end_matches("-cert"))]);
            (line, String::from_utf8(printed.stdout).unwrap().split(' ').nth(1).unwrap().to_owned())
        })
        .collect();
    let text = format!(
        "ann namespaces=\"*\" {}\nann cert-authority,namespaces=\"*\" {}\n",
        ann.to_line(),
        authority.to_line()
    );
    let file = bench.write("allowed_signers", &text);
    let signatures = [bench.sign("ann"), bench.sign("ann-cert.pub")].map(|signature| {
        let verified = verify(&signature, NAMESPACE, MESSAGE).unwrap();
        (signature, verified)
    });
    let krl = std::fs::read(bench.path("krl")).unwrap();
    let at = Time::parse("2026-01-01T12:00:00Z").unwrap();
    let mut dice = Dice::new(3);
    let (mut accepted, mut refused) = (0_u64, 0_u64);
    for case in 0..cases() {
        let (mut ours, mut stock) = (Vec::new(), Vec::new());
        for _ in 0..dice.below(5) {
            let (our, other) = random_revocation(&mut dice, &keys);
            ours.extend([our.as_slice(), b"\n"].concat());
            stock.extend([other.as_slice(), b"\n"].concat());
        }
        if dice.below(20) == 0 {
            (ours, stock) = (krl.clone(), krl.clone());
        }
        let (signers, _) = Signers::parse("allowed_signers", text.as_bytes());
        let signers = signers.without(Revoked::parse("revoked", &ours).0);
        let (signature, verified) = &signatures[dice.below(2)];
        if signers.find(Some("ann"), verified, at).is_err() {
            refused += 1;
            continue;
        }
        accepted += 1;
        if accepted <= 300 || cases() > 500 {
            let list = bench.write("revoked", &stock);
            let holds = bench.stock_verifies_but(Some(&list), &file, "ann", signature, MESSAGE, "20260101120000Z");
            assert!(holds, "case {case}:\n{}", String::from_utf8_lossy(&ours));
        }
    }
    println!("accepted {accepted}, refused {refused}");
    assert!(accepted > cases() / 20 && refused > cases() / 20, "accepted {accepted}, refused {refused}");
}
