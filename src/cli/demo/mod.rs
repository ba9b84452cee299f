//! `review demo`: a complete example with fresh keys for two people and an assistant, and its review.
//!
//! Creates a trust folder, a signed plan and three key pairs made by `ssh-keygen` in a new folder, and starts the
//! review of the plan as the first person. The keys have no passphrase and are for the demo only.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use clap::Args;

use crate::app::io::command_error::hinted;
use crate::app::io::files::shown;
use crate::app::io::template::fill;
use crate::app::io::{files, streams};
use crate::cli::review;
use crate::decision::exit::ExitCode;
use crate::snapshot;
use crate::trust::proposer::NAMESPACE;
use crate::trust::sign::{Keygen, SigningKey};

/// Create a complete example and start its review.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// The folder to create.
    #[arg(default_value = "review-demo")]
    folder: PathBuf,
    /// Only create the folder.
    #[arg(long)]
    no_review: bool,
}

/// The name of the assistant's key.
const ASSISTANT: &str = "assistant";
const PEOPLE: [(&str, &str); 2] = [("ada", "ada@corp.example"), ("bo", "bo@corp.example")];

impl DemoArgs {
    /// Creates the folder, then reviews its plan as Ada.
    ///
    /// # Errors
    /// If the folder exists already or cannot be written, or `ssh-keygen` fails.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        make(&self.folder)?;
        let folder = shown(&self.folder);
        streams::note(&format!(
            "created `{folder}`: a trust folder, a plan signed by an assistant, and keys for Ada and Bo\n"
        ));
        if self.no_review {
            streams::note(&format!("review it as Ada:  cd {folder} && review plan.yaml --key keys/ada.pub"));
            return Ok(ExitCode::Passes);
        }
        let code = review::DecideArgs::demo(&self.folder).run()?;
        streams::note(&format!(
            "\nnext:\n  cd {folder}\n  review plan.yaml --key keys/ada.pub   decide as Ada, who owns the ledger\n  review plan.yaml --key keys/bo.pub    decide as Bo, of identity security\n  review verify review-log.jsonl        verify the log as an auditor would\n  review diff plan.yaml                 what the plan does to access"
        ));
        Ok(code)
    }
}

/// Creates the whole folder, or removes what it created.
fn make(folder: &Path) -> anyhow::Result<()> {
    if ["allowed_signers", "agents.yaml", "plan.yaml.sig", "keys"].iter().any(|name| folder.join(name).exists()) {
        bail!(hinted(format!("`{}` already has a demo", shown(folder)), "choose another folder, or remove it"));
    }
    let was_there = folder.exists();
    let made = fill_folder(folder);
    if made.is_err() {
        // WHY: a partial demo would block the next attempt. Other files in the folder belong to the user.
        let _ = std::fs::remove_dir_all(folder.join("keys"));
        if !was_there {
            let _ = std::fs::remove_dir(folder);
        }
    }
    made
}

fn fill_folder(folder: &Path) -> anyhow::Result<()> {
    let now = streams::now();
    let log_id = crate::app::site::log_id::new_log_id()?;
    let text = |template: &str, words: &[(&str, &str)]| fill(template, now, words);
    let yaml = text(include_str!("snapshot.yaml"), &[]);
    let (parsed, _) = snapshot::read("snapshot.yaml", yaml.as_bytes())
        .map_err(|findings| anyhow::anyhow!("the demo's snapshot has {} faults", findings.len()))?;
    let snapshot = String::from_utf8(snapshot::write(&parsed)?)?;
    let plan = text(include_str!("plan.yaml"), &[]);
    let mut signers = String::from("# Demo keys without a passphrase, made on this machine. For playing only.\n");
    for (name, principal) in PEOPLE {
        let public = make_key(&folder.join("keys"), name, principal)?;
        signers.push_str(&format!("{principal} namespaces=\"review-seal@v1\" {}\n", public.trim_end()));
    }
    let public = make_key(&folder.join("keys"), ASSISTANT, "the assistant")?;
    let material: Vec<&str> = public.split_whitespace().take(2).collect();
    let agents = text(include_str!("agents.yaml"), &[("agent_key", &material.join(" "))]);
    // The assistant's part: it signs its plan with a key that belongs to no approver.
    let key = SigningKey::File(folder.join("keys").join(ASSISTANT));
    let signed = Keygen::default()
        .sign(&key, NAMESPACE, plan.as_bytes(), &mut std::io::stderr())
        .map_err(|e| hinted(e.to_string(), e.help()))?;
    let files = [
        ("review.yaml", text(include_str!("review.yaml"), &[("log_id", log_id.as_str())])),
        ("people.yaml", text(include_str!("people.yaml"), &[])),
        ("tasks.yaml", text(include_str!("tasks.yaml"), &[])),
        ("policies/classification.yaml", include_str!("classification.yaml").to_owned()),
        ("plan.yaml", plan),
        ("snapshot.json", snapshot),
        ("allowed_signers", signers),
        ("agents.yaml", agents),
        ("plan.yaml.sig", signed.armored),
    ];
    files::write(folder, &files)
}

fn make_key(folder: &Path, name: &str, principal: &str) -> anyhow::Result<String> {
    std::fs::create_dir_all(folder).with_context(|| format!("`{}` cannot be made", shown(folder)))?;
    let path = folder.join(name);
    let output = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C"])
        .arg(format!("demo key of {principal}"))
        .arg("-f")
        .arg(&path)
        .stdin(Stdio::null())
        .output()
        .context(
            "`ssh-keygen` cannot be run, so no keys can be made; install OpenSSH (`apt-get install openssh-client`)",
        )?;
    if !output.status.success() {
        bail!("ssh-keygen made no key in `{}`", shown(folder));
    }
    let public = path.with_extension("pub");
    std::fs::read_to_string(&public).with_context(|| format!("`{}` cannot be read", shown(&public)))
}
