//! `review init`: creates a commented trust folder for a site.
//!
//! Writes `review.yaml`, `people.yaml`, `agents.yaml`, `tasks.yaml`, `allowed_signers` and `policies/`, based on git's
//! settings and the person's public keys. Never prompts, overwrites files or reads a private key.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::app::io::files::shown;
use crate::app::io::template::fill;
use crate::app::io::{files, streams};
use crate::app::site::log_id::new_log_id;
use crate::app::site::user_settings;
use crate::decision::exit::ExitCode;

/// Create a trust folder with commented files.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The folder to create it in.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Your public key [default: `user.signingkey` of git, else `~/.ssh/*.pub`, else `ssh-add -L`].
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

impl InitArgs {
    /// Writes the folder and prints the next steps.
    ///
    /// # Errors
    /// If a file exists already or cannot be written.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        let me = user_settings::guess();
        let key = user_settings::public_key(self.key.as_deref())?;
        let log_id = new_log_id()?;
        let words = [
            ("log_id", log_id.as_str()),
            ("person", me.id.as_str()),
            ("name", me.name.as_str()),
            ("principal", me.principal.as_str()),
        ];
        let now = streams::now();
        let text = |template: &str| fill(template, now, &words);
        let signers = match &key {
            Some(key) => format!(
                "# The keys of approvers, in the allowed_signers format of OpenSSH. Dates in valid-after and valid-before end with Z.\n{} namespaces=\"review-seal@v1\" {}\n",
                me.principal, key.line
            ),
            None => format!(
                "# The keys of approvers, in the allowed_signers format of OpenSSH. Dates in valid-after and valid-before end with Z.\n# {} namespaces=\"review-seal@v1\" ssh-ed25519 AAAA…\n",
                me.principal
            ),
        };
        let files = [
            ("review.yaml", text(include_str!("review.yaml"))),
            ("people.yaml", text(include_str!("people.yaml"))),
            ("agents.yaml", text(include_str!("agents.yaml"))),
            ("tasks.yaml", text(include_str!("tasks.yaml"))),
            ("allowed_signers", signers),
            ("policies/classification.yaml", include_str!("classification.yaml").to_owned()),
            ("policies/site.cedar", include_str!("site.cedar").to_owned()),
        ];
        files::write(&self.folder, &files)?;
        streams::note(&next_steps(&self.folder, key.as_ref(), &me));
        Ok(ExitCode::Passes)
    }
}

fn next_steps(folder: &Path, key: Option<&user_settings::FoundKey>, me: &user_settings::Guess) -> String {
    let here = folder == Path::new(".");
    let mut out = if here {
        "created a trust folder here\n".to_owned()
    } else {
        format!("created a trust folder in `{}`\n", shown(folder))
    };
    match key {
        Some(key) => {
            out.push_str(&format!("  your key: {} (from {}), as {}\n", key.fingerprint, key.from, me.principal));
        }
        None => out.push_str(
            "  no SSH key found: create one with `ssh-keygen -t ed25519`, then add its public key to allowed_signers\n",
        ),
    }
    out.push_str("next:\n");
    if !here {
        out.push_str(&format!("  cd {}\n", shown(folder)));
    }
    out.push_str(
        "  review snapshot import EXPORT… -o snapshot.json\n  fill in people.yaml and allowed_signers (who approves), agents.yaml and tasks.yaml (who may propose, and for what)\n  review trust check     check these files for gaps and risks\n  review plan.yaml       approve or reject the changes of a plan",
    );
    out
}
