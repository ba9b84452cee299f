//! Finds keys that the user could sign with: first git's setting, then `~/.ssh`, then the agent.
//!
//! Candidates are in order of preference, without duplicates. It never prompts and never reads a private key.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::super::key::PublicKey;
use super::keygen::Keygen;
use super::signing_key::SigningKey;
use crate::trust::sign::public_key::public_key_of;

/// Where a candidate was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyOrigin {
    /// `git config user.signingkey`.
    Git,
    /// A file `id_*.pub` in `~/.ssh`.
    Home,
    /// `ssh-add -L`.
    Agent,
}

/// A key that may be able to sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyCandidate {
    /// The key in the form that [`Keygen::sign`] takes.
    pub key: SigningKey,
    /// Its public half.
    pub public: PublicKey,
    /// Where it was found.
    pub origin: KeyOrigin,
}

/// Lists the keys that could sign, the best first. What is missing or unreadable is passed over. `git_setting` reads a
/// setting of git.
#[must_use]
pub fn candidate_keys(
    keygen: &Keygen,
    home: Option<&Path>,
    git_setting: &dyn Fn(&str) -> Option<String>,
) -> Vec<KeyCandidate> {
    let mut found = Vec::new();
    if let Some(key) = of_git(home, git_setting)
        && let Ok((public, _)) = key.public(keygen)
    {
        found.push(KeyCandidate { key, public, origin: KeyOrigin::Git });
    }
    if let Some(home) = home {
        found.extend(in_home(keygen, &home.join(".ssh")));
    }
    found.extend(in_agent());
    let mut seen = BTreeSet::new();
    found.retain(|candidate| seen.insert(candidate.public.blob().to_vec()));
    found
}

fn output(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn of_git(home: Option<&Path>, get: &dyn Fn(&str) -> Option<String>) -> Option<SigningKey> {
    let value = get("user.signingkey").filter(|value| !value.is_empty())?;
    let key = SigningKey::parse(&value, home).ok()?;
    match &key {
        // Without `gpg.format=ssh`, the setting names an OpenPGP key, unless a file of that name exists.
        SigningKey::File(path) if get("gpg.format").as_deref() != Some("ssh") && !path.exists() => None,
        SigningKey::File(_) | SigningKey::Literal(_) => Some(key),
    }
}

fn in_home(keygen: &Keygen, folder: &Path) -> Vec<KeyCandidate> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| {
            let stem = name.strip_prefix("id_").and_then(|rest| rest.strip_suffix(".pub"));
            stem.is_some_and(|stem| !stem.ends_with("-cert"))
        })
        .collect();
    names.sort_unstable();
    let mut found: Vec<KeyCandidate> = names
        .iter()
        .filter_map(|name| {
            let path = folder.join(name);
            let (public, _) = public_key_of(keygen, &path).ok()?;
            Some(KeyCandidate { key: SigningKey::File(path), public, origin: KeyOrigin::Home })
        })
        .collect();
    // Prefer a security key, because it proves a person's presence. Order the others by kind.
    found.sort_by_key(|candidate| (!candidate.public.kind().is_security_key(), candidate.public.kind()));
    found
}

fn in_agent() -> Vec<KeyCandidate> {
    let Some(listing) = output(Command::new("ssh-add").arg("-L")) else { return Vec::new() };
    listing
        .lines()
        .filter_map(|line| PublicKey::from_line(line).ok())
        .map(|public| KeyCandidate { key: SigningKey::from(public.clone()), public, origin: KeyOrigin::Agent })
        .collect()
}
