//! Revoked keys and keys that are not allowed, in a log that forked.

use std::collections::BTreeMap;

use super::{Verification, bytes};
use crate::input::digest::{Digest, of};
use crate::input::finding::Code;
use crate::log::judge::{Claim, Judgement, SignatureJudge as _};
use crate::log::line::SessionId;
use crate::log::sample::{self, Judge, Made};
use crate::trust::revoked::KeyRevocation;

fn log(sessions: &[&Made]) -> Vec<u8> {
    sessions.iter().flat_map(|s| s.bytes.clone()).collect()
}

/// A log of four sessions, a fork after the first one, with each seal's hash: 1 ← 2 ← 3, 1 ← 4. One key signed all.
fn forked() -> (Vec<u8>, Vec<Digest<of::Line>>) {
    let first = sample::session(1, &[], &[].into(), 0);
    let second = sample::session(2, &[&first], &first.blobs, 10);
    let third = sample::session(3, &[&second], &second.blobs, 20);
    // WHY minus: a thief may claim any time.
    let fourth = sample::session(4, &[&first], &first.blobs, -5_000);
    let whole = log(&[&first, &second, &third, &fourth]);
    let seals = sample::verify(&whole).sessions.iter().map(|view| (view.header.session, view.seal.digest)).collect();
    let seals: BTreeMap<SessionId, Digest<of::Line>> = seals;
    (whole, seals.into_values().collect())
}

fn revoked(whole: &[u8], how: &KeyRevocation) -> Verification {
    let judge = |claim: &Claim<'_>| {
        let Judgement::Good(signer) = Judge.judge(claim) else { panic!("the sample is signed") };
        Judgement::Revoked(signer, how.clone())
    };
    bytes("log", whole, sample::terms(&judge))
}

#[test]
fn a_revocation_keeps_what_its_heads_prove_to_be_earlier_whatever_times_are_claimed() {
    let (whole, seals) = forked();
    let up_to = |heads: &[usize]| KeyRevocation::UpTo(heads.iter().map(|n| seals[*n - 1]).collect());
    for (how, counting) in [
        (up_to(&[1]), &[1][..]),
        (up_to(&[2]), &[1, 2]),
        (up_to(&[3]), &[1, 2, 3]),
        (up_to(&[4]), &[1, 4]),
        (up_to(&[3, 4]), &[1]),
        (KeyRevocation::UpTo([Digest::of(b"no head of this log")].into()), &[]),
        (KeyRevocation::Whole, &[]),
    ] {
        let verified = revoked(&whole, &how);
        assert!(verified.holds(), "{how:?}: {:?}", verified.findings);
        for view in &verified.sessions {
            let number = seals.iter().position(|seal| *seal == view.seal.digest).unwrap() + 1;
            let counts = counting.contains(&number);
            assert_eq!(view.signer.is_some(), counts, "{how:?}: session {number}");
            assert_eq!(verified.uncounted.contains(&view.header.session), !counts);
            let restricts = !counts && how != KeyRevocation::Whole;
            assert_eq!(view.revoked_signer.is_some(), restricts, "{how:?}: session {number}");
        }
        let found: Vec<_> = verified.findings.iter().filter(|f| f.code == Code::LogRevokedKey).collect();
        assert_eq!(found.len(), 1, "one warning for the key, not one for each session: {found:?}");
        assert!(
            found[0].message.raw().contains(&format!("{}", 4 - counting.len())) || counting.is_empty(),
            "{found:?}"
        );
    }
}

#[test]
fn a_session_by_a_key_that_is_not_allowed_counts_for_nothing_and_leaves_the_log_usable() {
    let (whole, seals) = forked();
    let judge = |claim: &Claim<'_>| {
        if Digest::<of::Line>::of(claim.seal) == seals[3] {
            return Judgement::NotAllowed("no".into(), None);
        }
        Judge.judge(claim)
    };
    let verified = bytes("log", &whole, sample::terms(&judge));
    assert!(verified.is_usable() && !verified.holds(), "{:?}", verified.findings);
    assert_eq!(verified.sessions.iter().filter(|view| view.signer.is_some()).count(), 3);
    assert_eq!(verified.uncounted.len(), 1);
}
