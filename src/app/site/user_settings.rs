//! The person at the keyboard: their settings, and their signing key.
//!
//! Reads `--key`, `REVIEW_KEY`, `$XDG_CONFIG_HOME/review/config.yaml` and git's settings for a signing key and for the
//! defaults of `init`. None of this is an authorisation: the identity of a person follows from the key,
//! `allowed_signers` and `people.yaml`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};

use crate::app::io::command_error::{CommandError, hinted};
use crate::app::io::git;
use crate::config::OwnSettings;
use crate::input::text::Text;
use crate::trust::key::PublicKey;
use crate::trust::sign::{KeyOrigin, Keygen, SigningKey, candidate_keys};

/// A key that was found, in readable form and in that of `allowed_signers`.
#[derive(Debug)]
pub struct FoundKey {
    /// The public key in the form of `allowed_signers`: kind and base64.
    pub line: String,
    /// Its fingerprint, `SHA256:…`.
    pub fingerprint: String,
    /// Where it was found.
    pub from: &'static str,
}

/// The default person of `init`, until people.yaml is edited.
#[derive(Debug)]
pub struct Guess {
    /// A short name.
    pub id: String,
    /// A full name.
    pub name: String,
    /// A signer principal, usually an e-mail address.
    pub principal: String,
}

/// The home folder.
#[must_use]
pub fn home() -> Option<PathBuf> {
    std::env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from)
}

/// Guesses the person from git's settings and the environment.
#[must_use]
pub fn guess() -> Guess {
    let setting = |name: &str| {
        let value = git::line(Path::new("."), &["config", "--get", name]).ok()?;
        Some(plain(&value)).filter(|v| !v.is_empty())
    };
    let user =
        std::env::var("USER").ok().map(|u| plain(&u)).filter(|u| !u.is_empty()).unwrap_or_else(|| "me".to_owned());
    let principal = setting("user.email").unwrap_or_else(|| format!("{user}@localhost"));
    let name = setting("user.name").unwrap_or_else(|| user.clone());
    let id: String = principal
        .split('@')
        .next()
        .unwrap_or(&user)
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        .collect();
    Guess { id: if id.is_empty() { "me".to_owned() } else { id }, name, principal }
}

/// Keeps only characters that need no quoting in YAML and `allowed_signers`.
fn plain(raw: &str) -> String {
    raw.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.' | '@' | '+')).collect()
}

/// The public key for `init`: the given one, otherwise the best candidate.
///
/// # Errors
/// If the given one cannot be read.
pub fn public_key(named: Option<&str>) -> anyhow::Result<Option<FoundKey>> {
    let keygen = Keygen::default();
    if let Some(named) = named {
        let key = SigningKey::parse(named, home().as_deref()).map_err(|e| anyhow!("`--key`: {e}"))?;
        let (public, _) = key.public(&keygen).map_err(|e| anyhow!(hinted(e.to_string(), e.help())))?;
        return Ok(Some(found(&public, "--key")));
    }
    let best =
        candidate_keys(&keygen, home().as_deref(), &|name| git::line(Path::new("."), &["config", "--get", name]).ok())
            .into_iter()
            .next();
    Ok(best.map(|candidate| {
        let from = match candidate.origin {
            KeyOrigin::Git => "git's user.signingkey",
            KeyOrigin::Home => "~/.ssh",
            KeyOrigin::Agent => "ssh-add -L",
        };
        found(&candidate.public, from)
    }))
}

fn found(key: &PublicKey, from: &'static str) -> FoundKey {
    FoundKey { line: key.to_line(), fingerprint: key.fingerprint(), from }
}

/// The signing key: `--key` or `REVIEW_KEY`, otherwise the person's own settings, otherwise git's `user.signingkey`.
///
/// # Errors
/// If none is set, or the value is not a key.
pub fn signing_key(named: Option<&str>) -> anyhow::Result<SigningKey> {
    configured_key(named)?.ok_or_else(|| no_key().into())
}

/// The key to decide with: as [`signing_key`], otherwise the only key in `~/.ssh` or in the SSH agent that `allows` accepts.
///
/// # Errors
/// If there is none or several, or a configured value is not a key.
pub fn deciding_key(named: Option<&str>, allows: &dyn Fn(&PublicKey) -> bool) -> anyhow::Result<SigningKey> {
    if let Some(key) = configured_key(named)? {
        return Ok(key);
    }
    let mut keys = candidate_keys(&Keygen::default(), home().as_deref(), &|_| None);
    keys.retain(|candidate| allows(&candidate.public));
    match keys.as_slice() {
        [] => Err(no_key().into()),
        [only] => Ok(only.key.clone()),
        several => {
            let all: Vec<String> = several.iter().map(|it| format!("`{}`", it.public.fingerprint())).collect();
            bail!(hinted(format!("several of your keys may decide: {}", all.join(", ")), "choose one with `--key`"))
        }
    }
}

fn no_key() -> CommandError {
    hinted(
        "no key to sign your decisions with",
        "set one with `git config user.signingkey ~/.ssh/id_ed25519.pub`, or pass one with `--key`",
    )
}

fn configured_key(named: Option<&str>) -> anyhow::Result<Option<SigningKey>> {
    let home = home();
    let parse = |value: &str, what: &str| {
        SigningKey::parse(value, home.as_deref()).map(Some).map_err(|e| anyhow!("{what}: {e}"))
    };
    if let Some(named) = named {
        return parse(named, "`--key`");
    }
    if let Some(own) = own_settings(home.as_deref())? {
        return parse(&own, "`signing_key` of your settings");
    }
    let set = git::line(Path::new("."), &["config", "--get", "user.signingkey"]).ok();
    match set.filter(|value| !value.is_empty()) {
        Some(value) => parse(&value, "git's `user.signingkey`"),
        None => Ok(None),
    }
}

fn own_settings(home: Option<&Path>) -> anyhow::Result<Option<String>> {
    let base = std::env::var_os("XDG_CONFIG_HOME").filter(|v| !v.is_empty()).map(PathBuf::from);
    let Some(base) = base.or_else(|| home.map(|h| h.join(".config"))) else { return Ok(None) };
    let path = base.join("review/config.yaml");
    let shown = Text::from(path.to_string_lossy().into_owned()).terminal();
    match std::fs::read(&path) {
        Ok(bytes) => match OwnSettings::read(&shown, &bytes) {
            Ok(own) => Ok(own.signing_key.map(|key| key.value.raw().to_owned())),
            Err(findings) => {
                let said: Vec<String> = findings.iter().map(|f| f.message.terminal()).collect();
                Err(anyhow!("`{shown}`: {}", said.join("; ")))
            }
        },
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e).with_context(|| format!("`{shown}` cannot be read")),
    }
}
