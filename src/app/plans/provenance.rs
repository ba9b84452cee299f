//! The proof beside a plan: `PLAN.sig`, an SSH signature, or `PLAN.jwt`, a workload-identity token.
//!
//! In: a plan's path; the site; the times at which earlier sessions received this plan. Out: [`Origin`]: who is proved to
//! have written it, or why nobody is. Two proofs, one that cannot be read and one that does not hold prove nothing, and are
//! never passed over. INVARIANT: a token is a bearer credential; nothing here shows or keeps more of it than its digest.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::app::io::files::shown;
use crate::app::plans::git_branch::Branch;
use crate::app::plans::plan_file::PlanFile;
use crate::app::site::load::Site;
use crate::input::digest::{Digest, of};
use crate::input::finding::{Code, Finding};
use crate::input::id::PrincipalId;
use crate::input::text::Text;
use crate::input::time::Time;
use crate::plan::model::Plan;
use crate::policy;
use crate::trust::proposer::{self, Offered, Proven};

/// Why a time that the log holds does not help a proof that has ended.
const LOOSE: &str =
    "; when it came is recorded by sessions alone that follow none, of several such, so that does not count";

/// What helps then.
const PROVE_AGAIN: &str = "have the proposer prove the plan again: `review plan sign`, or a new token";

/// The longest proof that is read, in bytes: the log keeps a signature in one line.
const LONGEST: u64 = 24 * 1024;

/// Which kind of proof a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An SSH signature.
    Signature,
    /// A token.
    Token,
}

impl Kind {
    /// What is added to the plan's name.
    #[must_use]
    pub fn ending(self) -> &'static str {
        match self {
            Self::Signature => ".sig",
            Self::Token => ".jwt",
        }
    }

    /// The proof's path beside a plan's.
    #[must_use]
    pub fn beside(self, plan: &Path) -> PathBuf {
        let mut path = OsString::from(plan);
        path.push(self.ending());
        PathBuf::from(path)
    }
}

/// A proof's file.
#[derive(Clone)]
pub struct ProofFile {
    /// Its name, made harmless for a terminal.
    pub name: String,
    /// Its kind.
    pub kind: Kind,
    /// Its exact bytes.
    bytes: Rc<[u8]>,
}

impl fmt::Debug for ProofFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProofFile").field("name", &self.name).field("sha256", &self.digest()).finish_non_exhaustive()
    }
}

impl ProofFile {
    /// The SHA-256 of its bytes.
    #[must_use]
    pub fn digest(&self) -> Digest<of::File> {
        Digest::of(&self.bytes)
    }

    /// The signature's text; none for a token.
    #[must_use]
    pub fn signature(&self) -> Option<Text> {
        match self.kind {
            Kind::Signature => std::str::from_utf8(&self.bytes).ok().map(Text::from),
            Kind::Token => None,
        }
    }

    fn offered(&self) -> Offered<'_> {
        match self.kind {
            Kind::Signature => Offered::Signature(&self.bytes),
            Kind::Token => Offered::Token(&self.bytes),
        }
    }
}

/// What lies beside a plan.
#[derive(Clone, Debug)]
pub enum Beside {
    /// No proof.
    Nothing,
    /// One.
    One(ProofFile),
    /// Something that proves nothing: what is wrong, and how to fix it.
    Faulty(String, &'static str),
}

impl Beside {
    /// Whether the same proof lies there.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Nothing, Self::Nothing) => true,
            (Self::One(one), Self::One(other)) => one.kind == other.kind && one.bytes == other.bytes,
            (Self::Faulty(why, _), Self::Faulty(other, _)) => why == other,
            (Self::Nothing | Self::One(_) | Self::Faulty(..), _) => false,
        }
    }

    /// Looks beside a plan.
    #[must_use]
    pub fn of(plan: &Path) -> Self {
        let is_there = |kind: &Kind| kind.beside(plan).symlink_metadata().is_ok();
        let found: Vec<Kind> = [Kind::Signature, Kind::Token].into_iter().filter(is_there).collect();
        match found.as_slice() {
            [] => Self::Nothing,
            [kind] => Self::read(plan, *kind),
            _ => Self::two(&shown(&Kind::Signature.beside(plan)), &shown(&Kind::Token.beside(plan))),
        }
    }

    /// Looks beside a plan as a branch holds it; `path` is the plan's from the repository's root.
    #[must_use]
    pub fn committed(branch: &Branch, path: &str) -> Self {
        let of = |kind: Kind| format!("{path}{}", kind.ending());
        let found: Vec<Kind> =
            [Kind::Signature, Kind::Token].into_iter().filter(|kind| branch.holds(&of(*kind))).collect();
        let kind = match found.as_slice() {
            [] => return Self::Nothing,
            [kind] => *kind,
            _ => return Self::two(&branch.shown(&of(Kind::Signature)), &branch.shown(&of(Kind::Token))),
        };
        let name = Text::from(branch.shown(&of(kind))).terminal();
        match branch.bytes(&of(kind)) {
            Ok(bytes) if bytes.len() as u64 > LONGEST => Self::too_long(&name),
            Ok(bytes) => Self::One(ProofFile { name, kind, bytes: bytes.into() }),
            Err(error) => Self::Faulty(error.to_string(), "store the proof in a file"),
        }
    }

    fn two(signature: &str, token: &str) -> Self {
        Self::Faulty(
            format!("both `{signature}` and `{token}` lie beside the plan"),
            "keep the one that proves this plan, and remove the other",
        )
    }

    fn too_long(name: &str) -> Self {
        Self::Faulty(
            format!("`{name}` is longer than {LONGEST} bytes"),
            "store the signature or the token there, and nothing else",
        )
    }

    fn read(plan: &Path, kind: Kind) -> Self {
        let path = kind.beside(plan);
        let name = shown(&path);
        let read = || {
            let meta = std::fs::metadata(&path)?;
            if !meta.is_file() {
                return Ok(None);
            }
            let mut bytes = Vec::new();
            File::open(&path)?.take(LONGEST.saturating_add(1)).read_to_end(&mut bytes)?;
            Ok::<_, std::io::Error>(Some(bytes))
        };
        match read() {
            Ok(Some(bytes)) if bytes.len() as u64 > LONGEST => Self::too_long(&name),
            Ok(Some(bytes)) => Self::One(ProofFile { name, kind, bytes: bytes.into() }),
            Ok(None) => Self::Faulty(format!("`{name}` is not a regular file"), "store the proof in a file"),
            Err(error) => Self::Faulty(format!("`{name}` cannot be read: {error}"), "make it readable, or remove it"),
        }
    }
}

/// Who is proved to have written a plan.
#[derive(Clone, Debug)]
pub struct Origin {
    /// When the plan was received: what the proof was judged at.
    pub received: Time,
    /// What was proved.
    pub proven: Option<Proven>,
    /// The proof's file, where something was proved by it.
    pub file: Option<ProofFile>,
    /// Why nobody is proved, where that must be said.
    pub finding: Option<Finding>,
    /// Whether the proof would have held at another time.
    pub untimely: bool,
    /// Where the proof holds no more: whose word it is that the plan came when it did, and why it does not hold now.
    pub only_then: Option<(PrincipalId, Text)>,
    refused: Option<Text>,
}

impl Origin {
    /// Judges what lies beside a plan, at the first time at which a session of the log received it, else now.
    #[must_use]
    pub fn of(site: &Site, plan: &Plan, file: &PlanFile, now: Time) -> Self {
        let none = Self {
            received: now,
            proven: None,
            file: None,
            finding: None,
            untimely: false,
            only_then: None,
            refused: None,
        };
        let proposer = &plan.proposer.value;
        let refuse = |code: Code, message: String, help: &str| Self {
            refused: Some(Text::from(message.as_str())),
            finding: Some(Finding::new(code, message).at(&plan.proposer.place).help(help)),
            ..none.clone()
        };
        match &file.beside {
            Beside::Faulty(message, help) => refuse(Code::BadProof, message.clone(), help),
            Beside::Nothing => {
                let is_agreed = site.provers.get(proposer).is_some_and(|prover| !prover.ways.is_empty());
                if !is_agreed {
                    return none;
                }
                let message = format!(
                    "nothing beside `{}` proves that `{}` wrote it",
                    Text::from(file.name.as_str()).terminal(),
                    proposer.as_str()
                );
                Self {
                    finding: Some(
                        Finding::new(Code::UnprovenProposer, message).at(&plan.proposer.place).help(
                            "have the proposer sign it with `review plan sign`, or store its token as `PLAN.jwt`",
                        ),
                    ),
                    refused: Some(Text::from("agents.yaml says how the proposer proves itself, and no proof is there")),
                    ..none
                }
            }
            Beside::One(proof) => {
                let judge = |at: Time| {
                    proposer::judge(&site.provers, &site.revoked, proposer, &file.bytes, proof.offered(), at)
                };
                let known = file.received.iter().find_map(|it| judge(it.at).ok().map(|proven| (it, proven)));
                let (received, by, judged) = match known {
                    Some((it, proven)) => (it.at, Some(&it.by), Ok(proven)),
                    None => (now, None, judge(now)),
                };
                match judged {
                    Ok(proven) => {
                        let over = |by: &PrincipalId| Some((by.clone(), Text::from(judge(now).err()?.to_string())));
                        let only_then = by.and_then(over);
                        Self { received, proven: Some(proven), file: Some(proof.clone()), only_then, ..none }
                    }
                    Err(why) => {
                        let loose = why.is_of_time() && file.came_loose;
                        let message = format!(
                            "`{}` does not prove that `{}` wrote the plan: {why}{}",
                            proof.name,
                            proposer.as_str(),
                            if loose { LOOSE } else { "" }
                        );
                        let help = if loose { PROVE_AGAIN } else { why.help() };
                        Self { untimely: why.is_of_time(), ..refuse(Code::BadProof, message, help) }
                    }
                }
            }
        }
    }

    /// That the proof holds only at the time when somebody says that the plan came, where that is so.
    #[must_use]
    pub fn holds_no_longer(&self, plan: &Plan) -> Option<Finding> {
        let (by, why) = self.only_then.as_ref()?;
        let message = format!(
            "that `{}` wrote the plan is proved only for {}, when it came as `{}` recorded; now {}",
            plan.proposer.value.as_str(),
            self.received,
            by.as_str(),
            why.raw()
        );
        Some(
            Finding::new(Code::ProofNoLonger, message).at(&plan.proposer.place).help(
                "nothing, if you rely on who recorded it for the time; else have the proposer prove the plan again",
            ),
        )
    }

    /// What policy is told of it.
    #[must_use]
    pub fn proof(&self, overbroad: bool) -> policy::Proof {
        let none = policy::Proof { refused: self.refused.clone(), overbroad, ..policy::Proof::none() };
        match &self.proven {
            None => none,
            Some(proven) => policy::Proof {
                method: proven.method.name().to_owned(),
                proven: Some(proven.id.clone()),
                credential_ttl: proven.lifetime,
                ..none
            },
        }
    }
}
