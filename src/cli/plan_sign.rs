//! `review plan`: prepares a plan for review. `sign` proves its author.
//!
//! Writes `PLAN.sig` next to the plan with the proposer's key, using `ssh-keygen`; or prints the audience that a
//! workload identity token for exactly this plan must have. Evaluates nothing and reads no private key.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use clap::{Args, Subcommand};

use crate::app::io::command_error::hinted;
use crate::app::io::files::{replace, shown};
use crate::app::io::format::render;
use crate::app::io::streams;
use crate::app::plans::plan_file::PlanFile;
use crate::app::plans::proof_file::ProofKind;
use crate::app::site::load::{Faults, REVOKED_KEYS};
use crate::app::site::trust_folder::TrustFolder;
use crate::app::site::{proposer_keys, user_settings};
use crate::config::Agents;
use crate::decision::exit::ExitCode;
use crate::input::digest::{Digest, of};
use crate::plan::model::Plan;
use crate::report::render::format::Format;
use crate::trust::certificate::Certificate;
use crate::trust::key::PublicKey;
use crate::trust::proposer::{self, NAMESPACE, Offered};
use crate::trust::revoked::Revoked;
use crate::trust::sign::Keygen;
use crate::trust::{jwt, sshsig};

/// Make plans from what other tools write, and sign plans.
#[derive(Debug, Subcommand)]
pub enum PlanCommand {
    /// Sign a plan as its proposer, in `PLAN.sig` next to it.
    Sign(SignArgs),
    /// Make a change plan from the plan of another tool.
    #[command(subcommand)]
    Import(crate::cli::plan::import::ImportCommand),
    /// Make the change plan that leads from one snapshot to another.
    FromDiff(crate::cli::plan::from_diff::FromDiffArgs),
}

impl PlanCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// If the plan cannot be read or nobody signs.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Sign(page) => page.run(),
            Self::Import(page) => page.run(),
            Self::FromDiff(page) => page.run(),
        }
    }
}

/// Sign a plan as its proposer, in `PLAN.sig` next to it.
#[derive(Debug, Args)]
pub struct SignArgs {
    /// The plan.
    plan: PathBuf,
    /// The proposer's key: a key file or certificate, or `key::` and a public key [default: git's `user.signingkey`].
    #[arg(long, value_name = "KEY", env = "REVIEW_KEY")]
    key: Option<String>,
    /// Replace a valid signature of another proposer.
    #[arg(long, conflicts_with = "audience")]
    replace: bool,
    /// Do not sign; print the audience that a workload identity token for this plan must have.
    #[arg(long, conflicts_with = "key")]
    audience: bool,
    /// The trust folder, to check whether the signature will be accepted [default: the nearest one upward].
    #[arg(long, value_name = "DIR|GIT-REF")]
    trust: Option<String>,
}

impl SignArgs {
    fn run(&self) -> anyhow::Result<ExitCode> {
        let file = PlanFile::read(&self.plan)?;
        let plan = match crate::plan::read(&file.name, &file.bytes) {
            Ok(plan) => plan,
            Err(findings) => {
                let sources = BTreeMap::from([(file.name.clone(), file.bytes)]);
                let report = crate::app::site::fault_report::faults(
                    "plan sign",
                    &Faults { findings, sources },
                    ExitCode::Denied,
                );
                streams::data(&render(&report, Format::Text))?;
                return Ok(ExitCode::Denied);
            }
        };
        if self.audience {
            let digest: Digest<of::File> = Digest::of(&file.bytes);
            streams::data(&format!("{}\n", jwt::audience(digest)))?;
            return Ok(ExitCode::Passes);
        }
        let token = ProofKind::Token.beside(&self.plan);
        if token.symlink_metadata().is_ok() {
            bail!(hinted(
                format!("`{}` is next to the plan already, and a plan may have only one proof", shown(&token)),
                "remove it, or do not sign"
            ));
        }
        let key = user_settings::signing_key(self.key.as_deref())?;
        let keygen = Keygen::default();
        let path = ProofKind::Signature.beside(&self.plan);
        if !self.replace {
            let public = key.public(&keygen).ok();
            others_stays(&path, &file.bytes, public.as_ref())?;
        }
        let signed = keygen
            .sign(&key, NAMESPACE, &file.bytes, &mut std::io::stderr())
            .map_err(|e| anyhow!(hinted(e.to_string(), e.help())))?;
        replace(&path, signed.armored.as_bytes())?;
        streams::note(&format!(
            "signed `{}` as `{}` with {}: `{}`",
            shown(&self.plan),
            plan.proposer.value.text().terminal(),
            signed.verified.fingerprint(),
            shown(&path)
        ));
        if let Some(why) = self.refused(&plan, &file, signed.armored.as_bytes())? {
            streams::note(&why);
        }
        Ok(ExitCode::Passes)
    }

    /// Why the signature will not count, if a trust folder is available to check this.
    fn refused(&self, plan: &Plan, file: &PlanFile, armored: &[u8]) -> anyhow::Result<Option<String>> {
        let folder = match TrustFolder::find(self.trust.as_deref(), &std::env::current_dir()?) {
            Ok(folder) => folder,
            Err(error) if self.trust.is_some() => return Err(error.into()),
            Err(_) => return Ok(None),
        };
        let Some(bytes) = folder.read("agents.yaml")? else { return Ok(None) };
        let Ok(agents) = Agents::read("agents.yaml", &bytes) else { return Ok(None) };
        let mut read = |path: &str| Ok(folder.read(path)?.map(|bytes| (folder.shown(path), bytes)));
        let (provers, _) = proposer_keys::load(&agents, &mut read)?;
        let revoked =
            folder.read(REVOKED_KEYS)?.map(|bytes| Revoked::parse(REVOKED_KEYS, &bytes).0).unwrap_or_default();
        let offered = Offered::Signature(armored);
        let judged = proposer::judge(&provers, &revoked, &plan.proposer.value, &file.bytes, offered, streams::now());
        Ok(judged
            .err()
            .map(|why| format!("warning: this signature will not be accepted: {why}\n  = help: {}", why.help())))
    }
}

/// Refuses to overwrite another proposer's valid signature of exactly this plan: one by a different key, and not by a
/// certificate of the same authority for the same names.
fn others_stays(path: &Path, plan: &[u8], own: Option<&(PublicKey, Option<Certificate>)>) -> anyhow::Result<()> {
    let Ok(armored) = std::fs::read(path) else { return Ok(()) };
    let Ok(standing) = sshsig::verify(&armored, NAMESPACE, plan) else { return Ok(()) };
    let names = |one: &Certificate| (one.authority().clone(), one.principals().to_vec());
    let is_own = own.is_some_and(|(key, certificate)| {
        let certified = standing.certificate().zip(certificate.as_ref());
        standing.key() == key || certified.is_some_and(|(theirs, ours)| names(theirs) == names(ours))
    });
    anyhow::ensure!(
        is_own,
        hinted(
            format!(
                "`{}` is good for exactly this plan, and signed by another key, `{}`; nothing was signed",
                shown(path),
                standing.fingerprint()
            ),
            "leave it, or put yours in \
         its place with `--replace`"
        )
    );
    Ok(())
}
