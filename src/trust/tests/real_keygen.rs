//! Verifies what the installed `ssh-keygen` writes: validity periods, certificates and failures.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::input::finding::Code;
use crate::input::time::Time;
use crate::trust::certificate::CertificateError;
use crate::trust::key::KeyKind;
use crate::trust::sign::{KeyOrigin, Keygen, SignError, SigningKey, candidate_keys, public_key_of};
use crate::trust::signers::{Signers, WhyNot};
use crate::trust::sshsig::{SshsigError, verify};

use super::bench::{Bench, MESSAGE, NAMESPACE};

fn time(text: &str) -> Time {
    Time::parse(text).unwrap()
}

#[test]
fn every_kind_that_ssh_keygen_makes_verifies_here() {
    let bench = Bench::new();
    for (kind, bits, expected) in [
        ("ed25519", "256", KeyKind::Ed25519),
        ("ecdsa", "256", KeyKind::EcdsaP256),
        ("ecdsa", "384", KeyKind::EcdsaP384),
        ("rsa", "2048", KeyKind::Rsa),
        ("rsa", "3072", KeyKind::Rsa),
    ] {
        let name = format!("{kind}{bits}");
        let key = bench.key(&name, kind, bits);
        assert_eq!(key.kind(), expected);
        let printed = bench.keygen(&["-l", "-f", &name]);
        assert!(String::from_utf8_lossy(&printed.stdout).contains(&key.fingerprint()));
        let verified = verify(&bench.sign(&name), NAMESPACE, MESSAGE).unwrap();
        assert_eq!(*verified.key(), key);
        assert!(!verified.user_present() && !verified.security_key());
    }
    bench.keygen(&["-q", "-t", "ecdsa", "-b", "521", "-N", "", "-f", "p521"]);
    let error = verify(&bench.stock_sign("p521", NAMESPACE, MESSAGE), NAMESPACE, MESSAGE).unwrap_err();
    assert_eq!(error.unsupported().unwrap().raw(), "ecdsa-sha2-nistp521");
    bench.keygen(&["-q", "-t", "rsa", "-b", "1024", "-N", "", "-f", "short"]);
    let error = verify(&bench.stock_sign("short", NAMESPACE, MESSAGE), NAMESPACE, MESSAGE).unwrap_err();
    assert!(error.to_string().contains("1024 bits"), "{error}");
}

#[test]
fn windows_are_inclusive_at_both_ends_as_in_openssh() {
    let bench = Bench::new();
    let key = bench.key("ann", "ed25519", "256");
    let line = format!(
        "ann@corp namespaces=\"review-*@v1\",valid-after=\"20260101Z\",valid-before=\"20260201Z\" {}\n",
        key.to_line()
    );
    let (signers, findings) = Signers::parse("allowed_signers", line.as_bytes());
    assert!(findings.is_empty(), "{findings:?}");
    let file = bench.write("allowed_signers", &line);
    let signature = bench.sign("ann");
    let verified = verify(&signature, NAMESPACE, MESSAGE).unwrap();
    for (ours, stock, holds) in [
        ("2025-12-31T23:59:59Z", "20251231235959Z", false),
        ("2026-01-01T00:00:00Z", "20260101000000Z", true),
        ("2026-02-01T00:00:00Z", "20260201000000Z", true),
        ("2026-02-01T00:00:01Z", "20260201000001Z", false),
    ] {
        assert_eq!(signers.find(Some("ann@corp"), &verified, time(ours)).is_ok(), holds, "{ours}");
        assert_eq!(bench.stock_verifies(&file, "ann@corp", &signature, MESSAGE, stock), holds, "{stock}");
    }
}

#[test]
fn expired_key_is_refused() {
    let bench = Bench::new();
    let key = bench.key("ann", "ed25519", "256");
    let line = format!("ann namespaces=\"*\",valid-before=\"20260201Z\" {}", key.to_line());
    let (signers, _) = Signers::parse("allowed_signers", line.as_bytes());
    let why = signers.find_key(None, &key, None, NAMESPACE, time("2026-03-01T00:00:00Z")).unwrap_err();
    assert_eq!(why.to_string(), "the key expired after 2026-02-01T00:00:00Z (line 1 of allowed_signers)");
}

#[test]
fn key_valid_only_later_is_refused() {
    let bench = Bench::new();
    let key = bench.key("ann", "ed25519", "256");
    let line = format!("ann namespaces=\"*\",valid-after=\"20260201Z\" {}", key.to_line());
    let (signers, _) = Signers::parse("allowed_signers", line.as_bytes());
    let why = signers.find_key(None, &key, None, NAMESPACE, time("2026-01-31T23:59:59Z")).unwrap_err();
    assert_eq!(why.to_string(), "the key is valid only from 2026-02-01T00:00:00Z (line 1 of allowed_signers)");
}

#[test]
fn certificates_are_judged_by_authority_time_and_principal() {
    let bench = Bench::new();
    let authority = bench.key("ca", "ed25519", "256");
    let foreign = bench.key("foreign", "ed25519", "256");
    let line = |key: &crate::trust::key::PublicKey| {
        format!("*@corp cert-authority,namespaces=\"review-*@v1\" {}\n", key.to_line())
    };
    let file = bench.write("allowed_signers", line(&authority));
    let (signers, findings) = Signers::parse("allowed_signers", line(&authority).as_bytes());
    assert!(findings.is_empty(), "{findings:?}");
    for (kind, bits) in [("ed25519", "256"), ("ecdsa", "256"), ("ecdsa", "384"), ("rsa", "3072")] {
        let name = format!("{kind}{bits}");
        let key = bench.key(&name, kind, bits);
        let public = format!("{name}.pub");
        bench.keygen(&[
            "-q",
            "-s",
            "ca",
            "-I",
            "ann",
            "-n",
            "ann@corp",
            "-z",
            "7",
            "-V",
            "20260101000000Z:20260201000000Z",
            &public,
        ]);
        let certificate = format!("{name}-cert.pub");
        let signature = bench.sign(&certificate);
        let verified = verify(&signature, NAMESPACE, MESSAGE).unwrap();
        assert_eq!(*verified.key(), key);
        assert_eq!(verified.certificate().unwrap().serial(), 7);
        let (read, read_certificate) = public_key_of(&Keygen::default(), &bench.path(&certificate)).unwrap();
        assert_eq!((read, read_certificate.as_ref()), (key, verified.certificate()));
        for (ours, stock, holds) in [
            ("2025-12-31T23:59:59Z", "20251231235959Z", false),
            ("2026-01-01T00:00:00Z", "20260101000000Z", true),
            ("2026-01-31T23:59:59Z", "20260131235959Z", true),
            ("2026-02-01T00:00:00Z", "20260201000000Z", false),
        ] {
            let found = signers.find(None, &verified, time(ours));
            assert_eq!(found.is_ok(), holds, "{ours}: {found:?}");
            assert_eq!(bench.stock_verifies(&file, "ann@corp", &signature, MESSAGE, stock), holds, "{stock}");
        }
        let at = time("2026-01-15T00:00:00Z");
        assert_eq!(signers.find(None, &verified, at).unwrap().principal.as_str(), "ann@corp");
        let why = signers.find(Some("eve@corp"), &verified, at).unwrap_err();
        assert!(matches!(why, WhyNot::Certificate { why: CertificateError::OtherPrincipal(_), .. }), "{why}");
        let (others, _) = Signers::parse("allowed_signers", line(&foreign).as_bytes());
        assert!(matches!(others.find(None, &verified, at), Err(WhyNot::UnknownKey { .. })));
    }
}

fn certificate_error(options: &[&str]) -> CertificateError {
    let bench = Bench::new();
    bench.key("ca", "ed25519", "256");
    bench.key("ann", "ed25519", "256");
    let mut args = vec!["-q", "-s", "ca", "-I", "ann"];
    args.extend_from_slice(options);
    args.push("ann.pub");
    bench.keygen(&args);
    match verify(&bench.stock_sign("ann-cert.pub", NAMESPACE, MESSAGE), NAMESPACE, MESSAGE) {
        Err(SshsigError::Certificate(error)) => error,
        other => panic!("{options:?}: {other:?}"),
    }
}

#[test]
fn unknown_critical_option_is_refused() {
    let error = certificate_error(&["-n", "ann", "-O", "critical:four-eyes@corp"]);
    assert_eq!(error.to_string(), "the certificate has the unknown critical option `four-eyes@corp`");
}

#[test]
fn options_of_a_login_session_are_refused_as_not_implemented() {
    let error = certificate_error(&["-n", "ann", "-O", "force-command=/bin/true"]);
    assert_eq!(error, CertificateError::SessionOption("force-command"));
    let error = certificate_error(&["-n", "ann", "-O", "source-address=10.0.0.0/8"]);
    assert_eq!(error, CertificateError::SessionOption("source-address"));
    let error = certificate_error(&["-n", "ann", "-O", "verify-required"]);
    assert_eq!(error, CertificateError::NotUserVerified);
}

#[test]
fn host_certificate_and_certificate_for_anybody_are_refused() {
    assert_eq!(certificate_error(&["-h", "-n", "host"]), CertificateError::Host);
    assert_eq!(certificate_error(&[]), CertificateError::NoPrincipals);
}

fn mistake(key: &SigningKey) -> SignError {
    Keygen::default().sign(key, NAMESPACE, MESSAGE, &mut Vec::new()).unwrap_err()
}

#[test]
fn each_failure_to_sign_has_its_own_message() {
    let bench = Bench::new();
    assert!(matches!(mistake(&bench.signing_key("absent")), SignError::NoSuchKey { .. }));
    let error =
        Keygen::at("/nonexistent/ssh-keygen").sign(&bench.signing_key("x"), NAMESPACE, MESSAGE, &mut Vec::new());
    assert!(matches!(error, Err(SignError::NoProgram)));

    bench.write("garbage", "hello\n");
    fs::set_permissions(bench.path("garbage"), fs::Permissions::from_mode(0o600)).unwrap();
    let error = mistake(&bench.signing_key("garbage"));
    assert!(matches!(error, SignError::UnreadableKey { .. }), "{error}");

    bench.key("ann", "ed25519", "256");
    fs::set_permissions(bench.path("ann"), fs::Permissions::from_mode(0o644)).unwrap();
    let error = mistake(&bench.signing_key("ann"));
    assert!(matches!(error, SignError::OpenToOthers { .. }), "{error}");

    fs::remove_file(bench.path("ann")).unwrap();
    if std::env::var_os("SSH_AUTH_SOCK").is_none() {
        let error = mistake(&bench.signing_key("ann.pub"));
        assert!(matches!(error, SignError::NoAgent { .. }), "{error}");
        let literal = SigningKey::parse(&format!("key::{}", bench.public("ann")), None).unwrap();
        assert!(matches!(mistake(&literal), SignError::NoAgent { .. }));
    }
}

#[test]
fn a_public_file_that_belongs_to_another_key_is_noticed() {
    let bench = Bench::new();
    bench.key("ann", "ed25519", "256");
    bench.key("bob", "ed25519", "256");
    fs::copy(bench.path("bob.pub"), bench.path("ann.pub")).unwrap();
    assert!(Keygen::default().sign(&bench.signing_key("ann"), NAMESPACE, MESSAGE, &mut Vec::new()).is_err());
}

#[test]
fn the_public_half_is_found_without_a_question() {
    let bench = Bench::new();
    let key = bench.key("ann", "ed25519", "256");
    fs::remove_file(bench.path("ann.pub")).unwrap();
    assert_eq!(public_key_of(&Keygen::default(), &bench.path("ann")).unwrap().0, key);
    bench.keygen(&["-q", "-t", "ed25519", "-N", "secret", "-f", "locked"]);
    fs::remove_file(bench.path("locked.pub")).unwrap();
    let error = public_key_of(&Keygen::default(), &bench.path("locked")).unwrap_err();
    assert!(matches!(error, SignError::NoPublicHalf { .. }), "{error}");
    assert!(!format!("{error} {error:?} {}", error.help()).contains("secret"));
}

#[test]
fn candidates_come_from_git_first_and_then_from_home() {
    let bench = Bench::new();
    fs::create_dir(bench.path(".ssh")).unwrap();
    for (name, kind) in [(".ssh/id_rsa", "rsa"), (".ssh/id_ed25519", "ed25519"), ("other", "ed25519")] {
        bench.key(name, kind, if kind == "rsa" { "2048" } else { "256" });
    }
    let setting = |name: &str| match name {
        "gpg.format" => Some("ssh".to_owned()),
        "user.signingkey" => Some("~/other.pub".to_owned()),
        _ => None,
    };
    let found = candidate_keys(&Keygen::default(), Some(bench.0.path()), &setting);
    let found: Vec<_> = found.iter().filter(|candidate| candidate.origin != KeyOrigin::Agent).collect();
    let names: Vec<_> =
        found.iter().map(|c| (c.origin, c.key.text().raw().rsplit('/').next().unwrap().to_owned())).collect();
    assert_eq!(
        names,
        [
            (KeyOrigin::Git, "other.pub".to_owned()),
            (KeyOrigin::Home, "id_ed25519.pub".to_owned()),
            (KeyOrigin::Home, "id_rsa.pub".to_owned())
        ]
    );
}

#[test]
fn a_file_with_carriage_returns_is_read_and_reported_once() {
    let bench = Bench::new();
    let key = bench.key("ann", "ed25519", "256");
    let text = format!("# people\r\nann namespaces=\"*\" {}\r\n\r\n", key.to_line());
    let (signers, findings) = Signers::parse("allowed_signers", text.as_bytes());
    assert_eq!(findings.iter().map(|finding| finding.code).collect::<Vec<_>>(), [Code::SignersCarriageReturn]);
    let verified = verify(&bench.sign("ann"), NAMESPACE, MESSAGE).unwrap();
    assert!(signers.find(None, &verified, time("2026-01-01T00:00:00Z")).is_ok());
    let file = bench.write("allowed_signers", text);
    assert!(bench.stock_verifies(&file, "ann", &bench.sign("ann"), MESSAGE, "20260101000000Z"));
}
