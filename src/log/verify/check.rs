//! Checks one session on its own: its lines, hash chain, seal and signature.
//!
//! A check depends only on one group of lines, so groups are checked on several threads. The result contains what the
//! checks between sessions need (ids, parents, times, blobs), and the findings.

use std::sync::Arc;

use super::ancestry::SessionIndex;
use super::join::Mark;
use crate::input::digest::{Digest, of};
use crate::input::finding::{Code, Finding};
use crate::input::place::Place;
use crate::input::text::Text;
use crate::log::judge::{Claim, Judgement, SealSigner};
use crate::log::line::{self, Line, LogId};
use crate::log::run::Run;
use crate::log::split::Group;
use crate::log::verify::answers::{Authenticity, Keep, Recorded, SessionView, Terms};
use crate::trust::revoked::KeyRevocation;

/// The maximum number of findings per session.
const FINDINGS: usize = 50;

/// The result for a group of lines.
pub(super) struct Checked {
    /// The data for checks between sessions, or `None` if it has no session line or no seal.
    pub(super) mark: Option<Mark>,
    pub(super) log: Option<LogId>,
    pub(super) parents: Vec<Digest<of::Line>>,
    pub(super) defines: Vec<Digest<of::Blob>>,
    pub(super) needs: Vec<Digest<of::Blob>>,
    pub(super) authenticity: Authenticity,
    /// How the session's key is revoked, if it is, and the key's fingerprint.
    pub(super) revoked: Option<(Text, KeyRevocation)>,
    /// Whether a finding breaks integrity, and not only authenticity.
    pub(super) breaks: bool,
    /// The file offset of an incomplete session at the end of the file.
    pub(super) torn: Option<usize>,
    pub(super) view: Option<Box<SessionView>>,
    pub(super) findings: Vec<Finding>,
}

/// Checks groups on as many threads as the terms allow, and keeps their order.
pub(super) fn all(groups: &[Group], batch: &[u8], file: &Arc<str>, terms: &Terms<'_>) -> Vec<Checked> {
    let one = |group: &Group| Check::new(group, file, terms).run(group.bytes(batch));
    let threads = terms.threads.min(groups.len()).max(1);
    if threads == 1 {
        return groups.iter().map(one).collect();
    }
    let share = groups.len().div_ceil(threads);
    std::thread::scope(|scope| {
        let mut workers = Vec::with_capacity(threads);
        for part in groups.chunks(share) {
            let checked = move || part.iter().map(one).collect::<Vec<_>>();
            workers.push((part, std::thread::Builder::new().spawn_scoped(scope, checked).ok()));
        }
        // If no thread can be started, check here. Also repeat a share that panicked, so that the panic surfaces.
        let joined = workers.into_iter().flat_map(|(part, worker)| {
            worker.and_then(|worker| worker.join().ok()).unwrap_or_else(|| part.iter().map(one).collect())
        });
        joined.collect()
    })
}

/// Whether the signer is the one that the seal names.
fn is_named(signer: &SealSigner, seal: &line::Seal) -> bool {
    signer.principal == seal.principal && signer.fingerprint == seal.fingerprint
}

/// The default help text for a fault of a session.
fn help(code: Code) -> &'static str {
    if code == Code::LogUnknownSigner {
        "put the key's line back into allowed_signers, and end it with `valid-before` if its owner left; if nobody knows the key, find out who wrote this session. Until then, nothing in the session counts"
    } else if code == Code::LogUnsupportedSignature {
        "seal with an ed25519, ecdsa (256 or 384 bits), rsa or FIDO (`-sk`) key"
    } else {
        "the session differs from what was sealed: restore it from a copy of the log that verifies, and find out who altered it"
    }
}

struct Check<'a> {
    group: &'a Group,
    file: &'a Arc<str>,
    terms: &'a Terms<'a>,
    run: Run,
    findings: Vec<Finding>,
    kept: Vec<Recorded<Line>>,
    seal_bytes: &'a [u8],
    sig: Option<(line::Sig, Digest<of::Line>, Place)>,
}

impl<'a> Check<'a> {
    fn new(group: &'a Group, file: &'a Arc<str>, terms: &'a Terms<'a>) -> Self {
        let (run, findings, kept) = (Run::default(), Vec::new(), Vec::new());
        Self { group, file, terms, run, findings, kept, seal_bytes: &[], sig: None }
    }

    fn place(&self, number: usize, from: usize, to: usize, column: usize) -> Place {
        Place {
            file: Arc::clone(self.file),
            line: u32::try_from(number).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX).saturating_add(1),
            bytes: (from, to),
        }
    }

    fn note(&mut self, finding: Finding) {
        if self.findings.len() < FINDINGS {
            let help = help(finding.code);
            self.findings.push(if finding.help.is_some() { finding } else { finding.help(help) });
        }
    }

    fn run(mut self, bytes: &'a [u8]) -> Checked {
        let mut scratch = Vec::new();
        let (mut number, mut from) = (self.group.line, self.group.offset);
        let mut whole = true;
        for bytes in line::lines(bytes) {
            let to = from.saturating_add(bytes.len());
            whole = bytes.ends_with(b"\n");
            if whole || !self.group.last {
                self.line(bytes, number, (from, to), &mut scratch);
            }
            number = number.saturating_add(1);
            from = to;
        }
        let torn = self.end(whole, number.saturating_sub(1), from);
        let breaks = !self.findings.is_empty();
        let signer = self.signer();
        self.finish(torn, breaks, signer)
    }

    fn line(&mut self, bytes: &'a [u8], number: usize, (from, to): (usize, usize), scratch: &mut Vec<u8>) {
        let line = match line::read(bytes, scratch) {
            Ok(line) => line,
            Err(fault) => {
                let column = String::from_utf8_lossy(bytes.get(..fault.offset).unwrap_or_default()).chars().count();
                let at = from.saturating_add(fault.offset);
                let place = self.place(number, at, at.saturating_add(1).min(to), column);
                self.note(Finding::new(Code::LogSyntax, fault.message).at(&place));
                self.run.skip(bytes);
                return;
            }
        };
        let digest = Digest::of(bytes);
        for fault in self.run.take(&line, bytes, digest) {
            let place = self.place(number, from, to, 0);
            self.note(Finding::new(fault.code, fault.message).at(&place));
        }
        match line {
            Line::Seal(_) => self.seal_bytes = bytes,
            Line::Sig(sig) => self.sig = Some((sig, digest, self.place(number, from, to, 0))),
            Line::Session(_) | Line::Blob(_) => {}
            // WHY for the heads too: a freeze holds however many sessions follow it.
            Line::Freeze(_) | Line::Thaw(_) => {
                if self.terms.keep != Keep::Nothing {
                    self.kept.push(Recorded { line: number, digest, value: line });
                }
            }
            Line::Decision(_)
            | Line::Baseline(_)
            | Line::Recertification(_)
            | Line::Withdrawal(_)
            | Line::Auto(_)
            | Line::Export(_)
            | Line::Result(_)
            | Line::Plan(_)
            | Line::Policies(_)
            | Line::Evaluation(_) => {
                if self.terms.keep == Keep::Lines {
                    self.kept.push(Recorded { line: number, digest, value: line });
                }
            }
        }
    }

    /// Checks the end of the session. Returns the offset of an incomplete session at the end of the file.
    fn end(&mut self, whole: bool, number: usize, end: usize) -> Option<usize> {
        if whole && self.run.has_ended() {
            return None;
        }
        let place = self.place(number, self.group.offset, end, 0);
        if self.group.last {
            let message = "the file ends in the middle of a session, without its seal and signature";
            let help = "run `review resume` where the session was written; its journal may contain the rest";
            self.note(Finding::new(Code::LogTornTail, message).at(&place).help(help));
            return Some(self.group.offset);
        }
        self.note(Finding::new(Code::LogMisplacedLine, "a session has no seal and signature at its end").at(&place));
        None
    }

    /// Verifies the signature, if there are a seal and a signature. Also returns how the signer's key is revoked.
    fn signer(&mut self) -> Result<(SealSigner, Option<KeyRevocation>), Authenticity> {
        let (Some((seal, _)), Some((sig, _, place))) = (self.run.seal(), &self.sig) else {
            return Err(Authenticity::Failed);
        };
        let Some(header) = self.run.header() else { return Err(Authenticity::Failed) };
        let claim = Claim {
            seal: self.seal_bytes,
            sshsig: sig.sshsig.raw(),
            namespace: header.kind.namespace(),
            principal: &seal.principal,
            fingerprint: &seal.fingerprint,
            person: header.writer.person.as_ref(),
            at: seal.at,
        };
        let (code, answer, message) = match self.terms.judge.judge(&claim) {
            Judgement::Good(signer) if is_named(&signer, seal) => return Ok((*signer, None)),
            Judgement::Revoked(signer, how) if is_named(&signer, seal) => return Ok((*signer, Some(how))),
            Judgement::Good(_) | Judgement::Revoked(..) => (
                Code::LogBadSignature,
                Authenticity::Failed,
                "the signer of the seal is not the key and principal that it names".into(),
            ),
            Judgement::NotAllowed(why, help) => {
                let finding = Finding::new(Code::LogUnknownSigner, why).at(place);
                self.note(if let Some(help) = help { finding.help(help) } else { finding });
                return Err(Authenticity::NotAllowed);
            }
            Judgement::OtherPerson(why) => {
                let help = "ask both people; a session counts only if the person that it names signed it. If people.yaml \
                            moved the principal to another person, give that person a new principal";
                self.note(Finding::new(Code::LogOtherPerson, why).at(place).help(help));
                return Err(Authenticity::NotAllowed);
            }
            Judgement::Unsupported(why) => (Code::LogUnsupportedSignature, Authenticity::Unsupported, why),
            Judgement::Bad(why) => (Code::LogBadSignature, Authenticity::Failed, why),
        };
        let finding = Finding::new(code, message).at(place);
        self.note(finding);
        Err(answer)
    }

    fn finish(
        mut self,
        torn: Option<usize>,
        breaks: bool,
        signer: Result<(SealSigner, Option<KeyRevocation>), Authenticity>,
    ) -> Checked {
        let (signer, revocation, authenticity) = match signer {
            Ok((signer, revocation)) => (Some(signer), revocation, Authenticity::Authentic),
            Err(why) => (None, None, why),
        };
        let until = signer.as_ref().and_then(|signer| signer.valid_until);
        let (signer, revoked_signer) = if revocation.is_none() { (signer, None) } else { (None, signer) };
        let (defines, needs) =
            (std::mem::take(&mut self.run.defines).into_iter().collect(), std::mem::take(&mut self.run.needs));
        let mut checked = Checked {
            mark: None,
            log: None,
            parents: Vec::new(),
            defines,
            needs: needs.into_iter().collect(),
            authenticity,
            revoked: revoked_signer.as_ref().map(|signer| signer.fingerprint.clone()).zip(revocation),
            breaks,
            torn,
            view: None,
            findings: self.findings,
        };
        let (Some(header), Some((seal, seal_digest))) = (self.run.header(), self.run.seal()) else { return checked };
        let ends = self.sig.and_then(|(_, digest, _)| digest.as_bytes().first_chunk::<16>().copied());
        checked.log = Some(header.log);
        checked.parents.clone_from(&header.parents);
        checked.mark = Some(Mark {
            session: header.session,
            seal: *seal_digest,
            sig: ends.unwrap_or_default(),
            started: header.at,
            sealed: seal.at,
            until: until.unwrap_or(super::join::NEVER),
            file: 0,
            foreign: false,
            line: u32::try_from(self.group.line).unwrap_or(u32::MAX),
            parents_end: 0,
        });
        if !breaks && self.terms.keep != Keep::Nothing {
            let seal_line = self.group.line.saturating_add(usize::try_from(seal.count.get()).unwrap_or(usize::MAX));
            checked.view = Some(Box::new(SessionView {
                index: SessionIndex::default(),
                file: Arc::clone(self.file),
                line: self.group.line,
                header: header.clone(),
                seal: Recorded { line: seal_line, digest: *seal_digest, value: seal.clone() },
                signer,
                revoked_signer,
                lines: self.kept,
                used_up: Vec::new(),
            }));
        }
        checked
    }
}
