//! Proves a single log line without revealing the rest of the log.
//!
//! A proof is a small file with the line, the `session` line, their Merkle paths, the seal and the signature. It proves
//! that the line is at this position of a session signed by this key, and nothing about other lines.

use serde::{Deserialize, Serialize};

use super::judge::{Claim, Judgement, SealSigner, SignatureJudge};
use super::line::{self, Line, Number, Seal, Session, SessionKind, Verdict, Version};
use super::merkle::{self, Root};
use super::run;
use crate::input::canonical;
use crate::input::digest::{Digest, of};
use crate::input::text::Text;

/// The maximum size of a proof in bytes: four lines with every character escaped, and the paths.
pub const LONGEST: usize = 4 << 20;
/// The maximum depth of a tree.
const DEEPEST: usize = 64;

/// A line and its Merkle path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leaf {
    /// The exact text of the line, including its LF.
    pub line: Text,
    /// Its index in the session, from 0.
    pub index: Number,
    /// The hashes of its siblings, nearest first (RFC 6962 §2.1.1).
    pub path: Vec<Digest<of::Tree>>,
}

/// The contents of a proof file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InclusionProof {
    /// The proved line.
    pub leaf: Leaf,
    /// The exact text of the seal line, including its LF.
    pub seal: Text,
    /// The first line of the session, with its kind, writer, snapshot and trust files.
    pub session: Leaf,
    /// The exact text of the sig line, including its LF.
    pub sig: Text,
    /// The version of the format: 1.
    pub version: Version,
}

/// The result of a valid proof.
#[derive(Clone, Debug)]
pub struct Proved {
    /// The line.
    pub line: Line,
    /// The hash of its bytes.
    pub digest: Digest<of::Line>,
    /// The first line of its session.
    pub session: Session,
    /// The seal of its session.
    pub seal: Seal,
    /// The signer of the seal.
    pub signer: SealSigner,
}

/// Why a line cannot be proved, or a proof is not valid.
#[derive(Debug, thiserror::Error)]
pub enum InclusionError {
    /// There is no line with this number before the seal.
    #[error("the session has no line {0} before its seal")]
    NoSuchLine(usize),
    /// The bytes are not one complete session.
    #[error("the lines are not one complete session")]
    NotASession,
    /// The file is not a proof.
    #[error("the file is not a proof: {}", .0.terminal())]
    Syntax(Text),
    /// A part of the proof is not consistent.
    #[error("the proof is not valid: {0}")]
    Broken(&'static str),
    /// The signature is not valid.
    #[error("the proof's signature is not valid: {}", .0.terminal())]
    Signature(Text),
}

/// Proves line `number` (from 1) of a session, given its exact bytes.
///
/// # Errors
/// If the bytes are not a complete session, or there is no such line before the seal.
pub fn prove(session: &[u8], number: usize) -> Result<InclusionProof, InclusionError> {
    let lines: Vec<&[u8]> = line::lines(session).collect();
    let [body @ .., seal, sig] = lines.as_slice() else { return Err(InclusionError::NotASession) };
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).map(Text::from).map_err(|_| InclusionError::NotASession);
    let leaves: Vec<Root> = body.iter().map(|l| merkle::leaf(l)).collect();
    let leaf = |number: usize| {
        let index = number.checked_sub(1).ok_or(InclusionError::NoSuchLine(number))?;
        let bytes = body.get(index).ok_or(InclusionError::NoSuchLine(number))?;
        let path = merkle::path(&leaves, index).ok_or(InclusionError::NoSuchLine(number))?;
        Ok::<_, InclusionError>(Leaf { line: text(bytes)?, index: Number::of(index), path })
    };
    Ok(InclusionProof { leaf: leaf(number)?, seal: text(seal)?, session: leaf(1)?, sig: text(sig)?, version: Version })
}

impl InclusionProof {
    /// The bytes of the proof file: canonical JSON and LF.
    ///
    /// # Errors
    /// If it has no canonical form. This cannot happen for a result of [`prove`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, InclusionError> {
        let mut bytes = canonical::to_bytes(self).map_err(|e| InclusionError::Syntax(e.to_string().into()))?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Parses a proof file.
    ///
    /// # Errors
    /// If it is too long or not a proof file.
    pub fn read(bytes: &[u8]) -> Result<Self, InclusionError> {
        if bytes.len() > LONGEST {
            return Err(InclusionError::Syntax(format!("it is longer than {LONGEST} bytes").into()));
        }
        serde_json::from_slice(bytes).map_err(|e| InclusionError::Syntax(e.to_string().into()))
    }

    /// Checks the lines, their paths to the seal's root, and the signature of the seal.
    ///
    /// # Errors
    /// If any part is not valid.
    pub fn check(&self, judge: &dyn SignatureJudge) -> Result<Proved, InclusionError> {
        let mut scratch = Vec::new();
        let mut read = |text: &Text| {
            line::read(text.raw().as_bytes(), &mut scratch).map_err(|e| InclusionError::Syntax(e.message))
        };
        let Line::Seal(seal) = read(&self.seal)? else {
            return Err(InclusionError::Broken("its seal is not a seal line"));
        };
        let Line::Sig(sig) = read(&self.sig)? else { return Err(InclusionError::Broken("its sig is not a sig line")) };
        let Line::Session(session) = read(&self.session.line)? else {
            return Err(InclusionError::Broken("its session is not a session line"));
        };
        let line = read(&self.leaf.line)?;
        if sig.prev != Digest::of(self.seal.raw().as_bytes()) {
            return Err(InclusionError::Broken("the signature line does not follow the seal"));
        }
        if self.session.index.get() != 0 || !self.session.reaches(&seal) {
            return Err(InclusionError::Broken("the session line is not the first leaf under the seal's root"));
        }
        if !self.leaf.reaches(&seal) {
            return Err(InclusionError::Broken("the line is not under the seal's root"));
        }
        let same = seal.log == session.log
            && seal.session == session.session
            && seal.principal == session.writer.principal
            && seal.fingerprint == session.writer.fingerprint;
        if !same {
            return Err(InclusionError::Broken("the seal and the session line name different sessions or writers"));
        }
        self.check_place(&session, &seal, &line)?;
        let claim = Claim {
            seal: self.seal.raw().as_bytes(),
            sshsig: sig.sshsig.raw(),
            namespace: session.kind.namespace(),
            principal: &seal.principal,
            fingerprint: &seal.fingerprint,
            person: session.writer.person.as_ref(),
            at: seal.at,
        };
        let signer = match judge.judge(&claim) {
            Judgement::Good(signer) => *signer,
            Judgement::Revoked(signer, _) => {
                let said = format!(
                    "the key `{}` is revoked, and one session does not show its place in the log",
                    signer.fingerprint.raw()
                );
                return Err(InclusionError::Signature(Text::from(said)));
            }
            Judgement::NotAllowed(why, _)
            | Judgement::OtherPerson(why)
            | Judgement::Unsupported(why)
            | Judgement::Bad(why) => {
                return Err(InclusionError::Signature(why));
            }
        };
        if signer.principal != seal.principal || signer.fingerprint != seal.fingerprint {
            return Err(InclusionError::Broken("the signer of the seal is not the key and principal that it names"));
        }
        let digest = Digest::of(self.leaf.line.raw().as_bytes());
        Ok(Proved { line, digest, session: *session, seal: *seal, signer })
    }
}

impl InclusionProof {
    /// Checks that a complete log could contain such a line at this position: the session's kind and the seal's counts.
    fn check_place(&self, session: &Session, seal: &Seal, line: &Line) -> Result<(), InclusionError> {
        let wrong = |what| Err(InclusionError::Broken(what));
        if session.writer.person.is_some() != (session.kind == SessionKind::Review) {
            return wrong("its session names a person in a `record` session, or no person in a `review` session");
        }
        let wanted = match line {
            Line::Decision(_)
            | Line::Freeze(_)
            | Line::Thaw(_)
            | Line::Baseline(_)
            | Line::Recertification(_)
            | Line::Withdrawal(_) => Some(SessionKind::Review),
            Line::Auto(_) | Line::Export(_) | Line::Result(_) => Some(SessionKind::Record),
            Line::Session(_) | Line::Blob(_) | Line::Plan(_) | Line::Policies(_) | Line::Evaluation(_) => None,
            Line::Seal(_) | Line::Sig(_) => return wrong("a seal or signature line is under the seal's root"),
        };
        if wanted.is_some_and(|wanted| wanted != session.kind) {
            return wrong("the line is not allowed in a session of this kind");
        }
        if matches!(line, Line::Session(_)) != (self.leaf.index.get() == 0) {
            return wrong("unexpected session line");
        }
        // What must come before: the session line, the plan, and the evaluation of the change.
        let least = match line {
            Line::Session(_) => 0,
            Line::Blob(_)
            | Line::Plan(_)
            | Line::Policies(_)
            | Line::Freeze(_)
            | Line::Thaw(_)
            | Line::Baseline(_)
            | Line::Recertification(_)
            | Line::Withdrawal(_)
            | Line::Export(_)
            | Line::Result(_) => 1,
            Line::Evaluation(_) => 2,
            Line::Decision(_) | Line::Auto(_) | Line::Seal(_) | Line::Sig(_) => 3,
        };
        if self.leaf.index.get() < least {
            return wrong("the line is too early in its session: required lines must come before it");
        }
        if !run::alone(line, session).is_empty() {
            return wrong("the line breaks a rule for lines of its kind");
        }
        if !run::alone(&Line::Session(Box::new(session.clone())), session).is_empty() {
            return wrong("its session line breaks a rule for session lines");
        }
        check_counts(session, seal).map_or(Ok(()), wrong)?;
        let Line::Decision(decision) = line else { return Ok(()) };
        let counted = match decision.verdict {
            Verdict::Approve => seal.decisions.approve,
            Verdict::Reject => seal.decisions.reject,
            Verdict::Override => seal.decisions.r#override,
        };
        if counted.get() == 0 {
            return wrong("its seal counts no such decision");
        }
        let listed = match (&decision.privileged, decision.verdict) {
            (Some(name), Verdict::Approve | Verdict::Override) => {
                // The seal lists the first names in sorted order. A name after the last one may have been omitted.
                let is_capped = seal.privileged_count.get() > seal.privileged.len() as u64;
                seal.privileged.contains(name) || is_capped && seal.privileged.last().is_some_and(|last| last < name)
            }
            (Some(_), Verdict::Reject) | (None, _) => true,
        };
        if listed {
            Ok(())
        } else {
            wrong("its seal does not list the privileged change; a later line supersedes the decision")
        }
    }
}

/// Finds counts in the seal that no session of its kind can have.
fn check_counts(session: &Session, seal: &Seal) -> Option<&'static str> {
    let counts = [seal.decisions.approve, seal.decisions.reject, seal.decisions.r#override].map(Number::get);
    let decided = counts.iter().fold(0_u64, |sum, count| sum.saturating_add(*count));
    // At least the session line, a plan and an evaluation come before the first decision.
    if decided > seal.count.get().saturating_sub(3) {
        return Some("its seal counts more decisions than it has lines for");
    }
    if decided > 0 && session.kind == SessionKind::Record {
        return Some("its seal counts decisions in a `record` session");
    }
    let (listed, named) = (seal.privileged.len() as u64, seal.privileged_count.get());
    let [approved, _, overridden] = counts;
    if named > approved.saturating_add(overridden) {
        return Some("its seal names more privileged changes than were approved");
    }
    let is_sorted = seal.privileged.is_sorted_by(|a, b| a < b);
    if !is_sorted || listed != named.min(run::LISTED as u64) {
        return Some("its seal's list and count of privileged changes differ");
    }
    None
}

impl Leaf {
    fn reaches(&self, seal: &Seal) -> bool {
        let leaf = merkle::leaf(self.line.raw().as_bytes());
        self.path.len() <= DEEPEST
            && merkle::includes(&seal.root, seal.count.get(), self.index.get(), &leaf, &self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::sample;

    #[test]
    fn every_line_before_the_seal_can_be_proved_alone() {
        let made = sample::session(1, &[], &[].into(), 0);
        let count = line::lines(&made.bytes).count() - 2;
        for number in 1..=count {
            let bytes = prove(&made.bytes, number).unwrap().to_bytes().unwrap();
            let proved = InclusionProof::read(&bytes).unwrap().check(&sample::Judge).unwrap();
            assert_eq!(proved.digest, Digest::of(line::lines(&made.bytes).nth(number - 1).unwrap()));
        }
        assert!(matches!(prove(&made.bytes, count + 1), Err(InclusionError::NoSuchLine(_))));
        assert!(matches!(prove(&made.bytes, 0), Err(InclusionError::NoSuchLine(_))));
    }

    #[test]
    fn a_freeze_can_be_proved_alone() {
        let base = sample::session(1, &[], &[].into(), 0);
        let made = sample::freezing(2, &base, 5);
        for number in 1..=3 {
            let bytes = prove(&made.bytes, number).unwrap().to_bytes().unwrap();
            InclusionProof::read(&bytes).unwrap().check(&sample::Judge).unwrap();
        }
    }

    #[test]
    fn a_line_that_no_log_could_hold_there_is_not_proved() {
        let reviewed = sample::session(1, &[], &[].into(), 0);
        let lines: Vec<&[u8]> = line::lines(&reviewed.bytes).collect();
        let at = lines.iter().position(|l| line::word(l) == Some(b"decision")).unwrap();
        let proof = prove(&reviewed.bytes, at + 1).unwrap();
        let mut scratch = Vec::new();
        let mut read = |text: &Text| line::read(text.raw().as_bytes(), &mut scratch).unwrap();
        let (Line::Session(session), Line::Seal(seal)) = (read(&proof.session.line), read(&proof.seal)) else {
            panic!()
        };
        let line = read(&proof.leaf.line);
        assert!(proof.check_place(&session, &seal, &line).is_ok());
        let mut recorded = session.clone();
        recorded.kind = SessionKind::Record;
        assert!(proof.check_place(&recorded, &seal, &line).is_err(), "a person among machines");
        recorded.writer.person = None;
        assert!(proof.check_place(&recorded, &seal, &line).is_err(), "a machine decides");
        let mut counts = seal.clone();
        counts.decisions.approve = Number::of(0);
        counts.decisions.reject = Number::of(0);
        counts.decisions.r#override = Number::of(0);
        assert!(proof.check_place(&session, &counts, &line).is_err(), "the seal counts no decision");
        let mut unlisted = seal.clone();
        unlisted.privileged = Vec::new();
        unlisted.privileged_count = Number::of(0);
        let Line::Decision(decision) = &line else { panic!() };
        let is_listed = decision.privileged.is_some() && decision.verdict != Verdict::Reject;
        assert_eq!(proof.check_place(&session, &unlisted, &line).is_err(), is_listed);
        assert!(proof.check_place(&session, &seal, &Line::Seal(seal.clone())).is_err());
    }

    #[test]
    fn a_seal_that_no_session_could_have_proves_nothing() {
        let reviewed = sample::session(1, &[], &[].into(), 0);
        let at = line::lines(&reviewed.bytes).position(|l| line::word(l) == Some(b"decision")).unwrap();
        let proof = prove(&reviewed.bytes, at + 1).unwrap();
        let proved = proof.check(&sample::Judge).unwrap();
        let why = |edit: &dyn Fn(&mut Seal)| {
            let mut seal = proved.seal.clone();
            edit(&mut seal);
            proof.check_place(&proved.session, &seal, &proved.line).err().map(|e| e.to_string()).unwrap_or_default()
        };
        assert_eq!(why(&|_| ()), "");
        let names = |front: &str| (0..100).map(|n| Text::from(format!("{front}{n:03}"))).collect::<Vec<_>>();
        let many = |seal: &mut Seal, front: &str| {
            seal.count = Number::new(1_000);
            seal.decisions.approve = Number::new(300);
            seal.privileged = names(front);
            seal.privileged_count = Number::new(101);
        };
        assert_eq!(why(&|seal| many(seal, "A")), "", "the name may stand behind the hundred that are listed");
        assert!(why(&|seal| many(seal, "Z")).contains("does not list"), "it would stand before them");
        assert!(why(&|seal| seal.privileged = vec!["another".into()]).contains("does not list"));
        assert!(why(&|seal| seal.decisions.approve = seal.count).contains("more decisions than it has lines for"));
        assert!(why(&|seal| seal.privileged_count = Number::new(9)).contains("more privileged changes than"));
        assert!(why(&|seal| seal.privileged = Vec::new()).contains("list and count of privileged changes differ"));
        let twice = |seal: &mut Seal| {
            many(seal, "A");
            seal.privileged[1] = seal.privileged[0].clone();
        };
        assert!(why(&twice).contains("list and count of privileged changes differ"));
        let record = sample::record(2, &reviewed, 20);
        let at = line::lines(&record.bytes).position(|l| line::word(l) == Some(b"auto")).unwrap();
        let proof = prove(&record.bytes, at + 1).unwrap();
        let mut proved = proof.check(&sample::Judge).unwrap();
        proved.seal.decisions.reject = Number::new(1);
        let refused = proof.check_place(&proved.session, &proved.seal, &proved.line).unwrap_err();
        assert!(refused.to_string().contains("decisions in a `record` session"), "{refused}");
    }

    #[test]
    fn a_line_that_breaks_a_rule_by_itself_or_stands_too_early_is_not_proved() {
        let reviewed = sample::session(1, &[], &[].into(), 0);
        let places: Vec<usize> = (0..)
            .zip(line::lines(&reviewed.bytes))
            .filter(|(_, l)| line::word(l) == Some(b"decision"))
            .map(|(at, _)| at)
            .collect();
        let [approved, rejected] = places.as_slice() else { panic!("two decisions") };
        let refused = |at: usize, edit: &dyn Fn(&mut line::Decision), index: Option<usize>| {
            let mut proof = prove(&reviewed.bytes, at + 1).unwrap();
            let mut proved = proof.check(&sample::Judge).unwrap();
            let Line::Decision(decision) = &mut proved.line else { panic!("a decision") };
            edit(decision);
            proof.leaf.index = index.map_or(proof.leaf.index, Number::of);
            let refused = proof.check_place(&proved.session, &proved.seal, &proved.line).err();
            refused.map(|why| why.to_string()).unwrap_or_default()
        };
        assert_eq!(refused(*approved, &|_| (), None), "");
        assert_eq!(refused(*rejected, &|_| (), None), "");
        assert!(refused(*rejected, &|d| d.reason = None, None).contains("breaks a rule"), "a reject says why");
        assert!(refused(*rejected, &|d| d.rejected = None, None).contains("breaks a rule"), "and what");
        assert!(refused(*approved, &|d| d.set_aside = vec!["p".into()], None).contains("breaks a rule"));
        assert!(refused(*approved, &|d| d.lifts = vec![Digest::of(b"b"), Digest::of(b"b")], None).contains("breaks"));
        assert!(refused(*approved, &|_| (), Some(2)).contains("too early"));
        assert_eq!(refused(*approved, &|_| (), Some(3)), "");
    }

    #[test]
    fn a_session_line_or_a_part_that_no_log_could_hold_proves_nothing() {
        let reviewed = sample::session(1, &[], &[].into(), 0);
        let refused = |word: &[u8], edit: &dyn Fn(&mut Proved)| {
            let at = line::lines(&reviewed.bytes).position(|l| line::word(l) == Some(word)).unwrap();
            let proof = prove(&reviewed.bytes, at + 1).unwrap();
            let mut proved = proof.check(&sample::Judge).unwrap();
            edit(&mut proved);
            let refused = proof.check_place(&proved.session, &proved.seal, &proved.line).err();
            refused.map(|why| why.to_string()).unwrap_or_default()
        };
        let twice = |proved: &mut Proved| proved.session.parents = vec![Digest::of(b"p"), Digest::of(b"p")];
        assert!(refused(b"decision", &twice).contains("session line breaks a rule"));
        assert_eq!(refused(b"decision", &|_| ()), "");
        let part = |edit: &dyn Fn(&mut line::Blob)| {
            refused(b"blob", &|proved: &mut Proved| {
                let Line::Blob(blob) = &mut proved.line else { panic!("a blob") };
                assert_eq!(blob.parts.get(), 1, "a value of one part");
                edit(blob);
            })
        };
        assert_eq!(part(&|_| ()), "");
        assert!(part(&|blob| blob.base64 = "no base64".into()).contains("breaks a rule"));
        assert!(part(&|blob| blob.sha256 = Digest::of(b"another")).contains("breaks a rule"));
        assert!(part(&|blob| blob.part = Number::new(0)).contains("breaks a rule"));
        assert!(part(&|blob| blob.part = Number::new(2)).contains("breaks a rule"));
        assert!(part(&|blob| blob.parts = Number::new(2)).contains("breaks a rule"), "a first part is full");
        // The last of several parts cannot be checked alone.
        let last = |blob: &mut line::Blob| (blob.part, blob.parts) = (Number::new(2), Number::new(2));
        assert_eq!(part(&last), "");
    }

    #[test]
    fn no_single_byte_of_a_proof_can_be_changed() {
        let made = sample::session(1, &[], &[].into(), 0);
        let bytes = prove(&made.bytes, 2).unwrap().to_bytes().unwrap();
        let whole = InclusionProof::read(&bytes).unwrap();
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 1;
            let held = InclusionProof::read(&bad).is_ok_and(|p| p != whole && p.check(&sample::Judge).is_ok());
            assert!(!held, "byte {at}");
        }
    }
}
