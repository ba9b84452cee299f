//! Lines of `allowed_signers`: which are used, which are rejected, and the findings about them.

use crate::input::finding::{Code, Finding, Severity};
use crate::input::id::PrincipalId;
use crate::input::time::Time;
use crate::trust::key::PublicKey;
use crate::trust::revoked::Revoked;
use crate::trust::signers::{Signers, WhyNot};

const ANN: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIlizSIN3DQV78VPNjVvvwjgf+P5HqbPYCYu3BOMdjAE";
const NAMESPACE: &str = "review-seal@v1";

fn key() -> PublicKey {
    PublicKey::from_line(ANN).unwrap()
}

fn read(text: &str) -> (Signers, Vec<Finding>) {
    Signers::parse("allowed_signers", text.as_bytes())
}

fn now() -> Time {
    Time::parse("2026-11-23T12:00:00Z").unwrap()
}

fn find(text: &str, principal: Option<&str>) -> Result<String, WhyNot> {
    read(text)
        .0
        .find_key(principal, &key(), None, NAMESPACE, now())
        .map(|allowed| allowed.principal.as_str().to_owned())
}

#[test]
fn lines_in_all_their_forms_allow_their_principal() {
    for line in [
        format!("ann namespaces=\"review-*@v1\" {ANN}"),
        format!("  ann\tnamespaces=\"git,review-seal@v1\"\t{ANN} a comment # with anything\n"),
        format!("\"ann\" NameSpaces=\"*\" {ANN}"),
        format!("ann,!eve namespaces=\"*,!git\",valid-after=\"20260101Z\",valid-before=\"209901010000Z\" {ANN}"),
    ] {
        assert_eq!(read(&line).1, [], "{line}");
        assert_eq!(find(&line, None).as_deref(), Ok("ann"), "{line}");
        assert_eq!(find(&line, Some("ann")).as_deref(), Ok("ann"), "{line}");
        assert!(matches!(find(&line, Some("eve")), Err(WhyNot::OtherPrincipal { line: 1, .. })), "{line}");
    }
    assert_eq!(find(&format!("\"ann smith\" namespaces=\"*\" {ANN}"), None).as_deref(), Ok("ann smith"));
}

#[test]
fn each_faulty_line_is_refused_with_its_place_and_a_mend() {
    let faulty = [
        ("ann".to_owned(), "no key"),
        ("ann namespaces=\"*\"".to_owned(), "no key"),
        (format!("ann namespace=\"*\" {ANN}"), "`namespace` is not an option"),
        (format!("ann valid-befor=\"20260101Z\" {ANN}"), "`valid-befor` is not an option"),
        (format!("ann namespaces=\"*\" ,valid-before=\"20260101Z\" {ANN}"), "kind"),
        (format!("ann namespaces=\"*\",{ANN}"), "is not an option"),
        (format!("ann namespaces=\"*\", {ANN}"), "unexpected `,`"),
        (format!("ann namespaces=* {ANN}"), "a quote"),
        (format!("ann namespaces=\"* {ANN}"), "a quote"),
        (format!("an\"n\" namespaces=\"*\" {ANN}"), "a quote"),
        (format!("\"ann namespaces=\"*\" {ANN}"), "a quote"),
        (format!("ann namespaces=\"\" {ANN}"), "list of namespaces"),
        (format!("ann namespaces=\"!git\" {ANN}"), "list of namespaces"),
        (format!("!ann namespaces=\"*\" {ANN}"), "list of principals"),
        (format!("ann, namespaces=\"*\" {ANN}"), "list of principals"),
        (format!("ann namespaces=\"*\",namespaces=\"*\" {ANN}"), "twice"),
        (format!("ann cert-authority=\"yes\",namespaces=\"*\" {ANN}"), "takes no value"),
        (format!("ann namespaces {ANN}"), "has no value"),
        (format!("ann namespaces=\"*\",valid-before=\"2026-01-01\" {ANN}"), "not a date"),
        (format!("ann namespaces=\"*\",valid-after=\"20260201Z\",valid-before=\"20260101Z\" {ANN}"), "is not after"),
        ("ann namespaces=\"*\" ssh-ed25519 AAAA".to_owned(), "the key is damaged"),
        ("ann namespaces=\"*\" ssh-ed25519".to_owned(), "base64"),
        (
            format!("ann namespaces=\"*\" {}", ANN.replace("ssh-ed25519 ", "ssh-rsa ")),
            "differs from the kind in the key",
        ),
        ("ann namespaces=\"*\" ssh-dss AAAAB3NzaC1kc3M=".to_owned(), "does not verify keys of kind"),
        (format!("an\u{200b}n namespaces=\"*\" {ANN}"), "U+200B"),
        (format!("\u{feff}ann namespaces=\"*\" {ANN}"), "U+FEFF"),
    ];
    let text: String = faulty.iter().flat_map(|(line, _)| [line.as_str(), "\n"]).collect();
    let (signers, findings) = read(&text);
    assert!(signers.lines().is_empty());
    for (number, (line, expected)) in (1_u32..).zip(&faulty) {
        let on_line: Vec<_> = findings.iter().filter(|f| f.place.as_ref().unwrap().line == number).collect();
        assert!(on_line.iter().any(|finding| finding.message.raw().contains(expected)), "{line}: {on_line:?}");
        assert!(on_line.iter().all(|finding| finding.help.is_some()));
    }
    assert_eq!(
        findings.iter().filter(|f| f.help.as_ref().unwrap().raw() == "the nearest option is `namespaces`").count(),
        1
    );
}

#[test]
fn a_line_without_namespaces_or_without_z_allows_nobody_and_says_so() {
    for (line, code) in [
        (format!("ann {ANN}"), Code::SignersWithoutNamespaces),
        (format!("ann valid-before=\"20990101Z\" {ANN}"), Code::SignersWithoutNamespaces),
        (format!("ann namespaces=\"*\",valid-before=\"20990101\" {ANN}"), Code::SignersDateNotUtc),
    ] {
        let findings = read(&line).1;
        assert_eq!(findings.iter().map(|finding| finding.code).collect::<Vec<_>>(), [code]);
        let why = find(&line, None).unwrap_err();
        assert!(matches!(why, WhyNot::Unused { line: 1, .. }), "{why}");
        assert!(read(&line).0.principals_of(&key()).is_empty());
    }
}

#[test]
fn a_key_that_was_revoked_is_refused_even_where_the_list_is_unreadable() {
    let (signers, _) = read(&format!("ann namespaces=\"*\" {ANN}"));
    for list in [key().fingerprint(), "rubbish".to_owned()] {
        let (revoked, _) = Revoked::parse("revoked_keys", list.as_bytes());
        let why = signers.clone().without(revoked).find_key(None, &key(), None, NAMESPACE, now()).unwrap_err();
        assert!(matches!(why, WhyNot::Revoked { .. }), "{why}");
    }
}

#[test]
fn a_line_for_several_does_not_say_who_signed() {
    for principals in ["ann,bob", "*@corp", "ann,*"] {
        let line = format!("{principals} namespaces=\"*\" {ANN}");
        let why = find(&line, None).unwrap_err();
        assert!(matches!(why, WhyNot::Ambiguous { .. }), "{principals}: {why}");
    }
    assert_eq!(find(&format!("ann,bob namespaces=\"*\" {ANN}"), Some("bob")).as_deref(), Ok("bob"));
}

#[test]
fn the_first_line_that_allows_decides_and_the_closest_reason_is_told() {
    let text = format!(
        "eve namespaces=\"*\",valid-before=\"20200101Z\" {ANN}\nbob namespaces=\"git\" {ANN}\nann namespaces=\"*\" {ANN}\neve namespaces=\"*\" {ANN}"
    );
    assert_eq!(find(&text, None).as_deref(), Ok("ann"));
    assert_eq!(find(&text, Some("eve")).as_deref(), Ok("eve"));
    assert!(matches!(find(&text, Some("bob")), Err(WhyNot::Namespace { line: 2, .. })));
    let all = read(&text).0.principals_of(&key());
    assert_eq!(all.iter().map(PrincipalId::as_str).collect::<Vec<_>>(), ["eve", "bob", "ann"]);
}

#[test]
fn a_plain_line_is_no_authority_and_an_authority_signs_nothing_itself() {
    assert!(matches!(
        find(&format!("ann cert-authority,namespaces=\"*\" {ANN}"), None),
        Err(WhyNot::UnknownKey { .. })
    ));
}

#[test]
fn a_binary_file_allows_nobody_and_says_so() {
    let (signers, findings) = Signers::parse("allowed_signers", &[0xff, 0, b'\n', 0xfe, 0xff]);
    assert!(signers.lines().is_empty());
    assert_eq!(findings.len(), 2);
    assert!(findings.iter().all(|finding| finding.severity == Severity::Error));
}
