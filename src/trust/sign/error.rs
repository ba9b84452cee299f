//! Why signing failed, and how to fix each cause. The cause is derived from `ssh-keygen`'s output and the environment.
//! Messages never contain a key or a passphrase.

use std::io;

use crate::input::text::Text;

use super::super::sshsig::SshsigError;

/// Why signing failed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// `ssh-keygen` was not found.
    #[error("`ssh-keygen` was not found")]
    NoProgram,
    /// `ssh-keygen` is too old for `-Y sign`.
    #[error("this `ssh-keygen` cannot sign")]
    TooOld,
    /// The file does not exist.
    #[error("there is no signing key at `{}`", .key.terminal())]
    NoSuchKey {
        /// The key as given.
        key: Text,
    },
    /// The file is not a usable key.
    #[error("`{}` is not a key that can sign", .key.terminal())]
    UnreadableKey {
        /// The key as given.
        key: Text,
        /// The cause, if known.
        why: Option<Text>,
    },
    /// Other users may read the private key.
    #[error("other users may read the private key `{}`, so `ssh-keygen` refuses it", .key.terminal())]
    OpenToOthers {
        /// The key as given.
        key: Text,
    },
    /// The public key is behind the passphrase, and there is no `.pub` file next to the key.
    #[error("the public key of `{}` is not known", .key.terminal())]
    NoPublicHalf {
        /// The key as given.
        key: Text,
    },
    /// The key needs a passphrase, and there is no terminal for the prompt.
    #[error("the key `{}` needs a passphrase, and there is no terminal to ask for it", .key.terminal())]
    PassphraseNeeded {
        /// The key as given.
        key: Text,
    },
    /// The passphrase was wrong.
    #[error("the passphrase for `{}` was wrong", .key.terminal())]
    WrongPassphrase {
        /// The key as given.
        key: Text,
    },
    /// The private key can only be in an agent, and no agent answers.
    #[error("the private key of `{}` can only be in an ssh-agent, and no agent answers", .key.terminal())]
    NoAgent {
        /// The key as given.
        key: Text,
    },
    /// The agent does not have the key.
    #[error("neither a file nor the ssh-agent contains the private key of `{}`", .key.terminal())]
    NotInAgent {
        /// The key as given.
        key: Text,
    },
    /// The agent refused.
    #[error("the ssh-agent refused to sign with `{}`", .key.terminal())]
    AgentRefused {
        /// The key as given.
        key: Text,
    },
    /// The security key is not plugged in.
    #[error("the security key of `{}` is not plugged in", .key.terminal())]
    NoDevice {
        /// The key as given.
        key: Text,
    },
    /// The security key asked for a touch or a PIN and did not get it.
    #[error("the security key of `{}` was not touched, or its PIN was wrong", .key.terminal())]
    NotTouched {
        /// The key as given.
        key: Text,
    },
    /// The user interrupted it.
    #[error("signing was interrupted")]
    Interrupted,
    /// Another failure.
    #[error("`ssh-keygen` did not sign with `{}`: {}", .key.terminal(), .said.terminal())]
    Failed {
        /// The key as given.
        key: Text,
        /// The last line of `ssh-keygen`'s output.
        said: Text,
    },
    /// The signature does not verify.
    #[error("the signature by `ssh-keygen` does not verify: {0}")]
    DoesNotVerify(#[source] SshsigError),
    /// Another key than the requested one signed.
    #[error("`ssh-keygen` signed with `{found}`, not with `{expected}`")]
    OtherKey {
        /// The fingerprint of the signature's key.
        found: String,
        /// The expected fingerprint.
        expected: String,
    },
    /// The operating system reported an error.
    #[error("`ssh-keygen` could not be run: {0}")]
    Io(#[from] io::Error),
}

impl SignError {
    /// How to fix it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::NoProgram => "install OpenSSH, 8.2 or later, so that `ssh-keygen` is in PATH",
            Self::TooOld => "install OpenSSH 8.2 or later",
            Self::NoSuchKey { .. } => {
                "name an existing key: `git config user.signingkey PATH`, or make one with `ssh-keygen -t ed25519`"
            }
            Self::UnreadableKey { .. } => "name an ed25519, ecdsa (256 or 384 bits), rsa (from 2048 bits) or FIDO key",
            Self::OpenToOthers { .. } => "run `chmod 600` on the key",
            Self::NoPublicHalf { .. } => "write it next to the key: `ssh-keygen -y -f KEY > KEY.pub`",
            Self::PassphraseNeeded { .. } => "run this in a terminal, or load the key once with `ssh-add`",
            Self::NoAgent { .. } => "start one with `eval \"$(ssh-agent)\"` and load the key with `ssh-add`",
            Self::NotInAgent { .. } => "load the key with `ssh-add`, or name the private key's file",
            Self::AgentRefused { .. } => "confirm the request of the agent, or load the key again with `ssh-add`",
            Self::NoDevice { .. } => "plug the security key in and try again",
            Self::NotTouched { .. } => "touch the security key when it blinks; your decisions are kept",
            Self::WrongPassphrase { .. } | Self::Interrupted => "try again; your decisions are kept",
            Self::Failed { .. } | Self::Io(_) => "run `ssh-keygen -Y sign -n test -f KEY` by hand to see the cause",
            Self::DoesNotVerify(error) => error.help(),
            Self::OtherKey { .. } => {
                "the `.pub` file next to the key belongs to another key; write it again with `ssh-keygen -y`"
            }
        }
    }

    pub(super) fn from_spawn(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::NotFound {
            Self::NoProgram
        } else {
            Self::Io(io::Error::new(error.kind(), error.to_string()))
        }
    }
}

#[expect(clippy::struct_excessive_bools, reason = "four independent observations")]
/// Facts about the environment that `ssh-keygen` does not report.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings {
    /// An agent answers.
    pub agent: bool,
    /// There is a terminal for prompts.
    pub terminal: bool,
    /// The key is on a security key.
    pub security_key: bool,
    /// The file exists.
    pub exists: bool,
}

/// Whether the output shows that `ssh-keygen` cannot sign.
pub(super) fn is_too_old(said: &str) -> bool {
    ["unknown option -- Y", "invalid option -- 'Y'", "illegal option -- Y"].iter().any(|words| said.contains(words))
}

/// Derives the reason from `ssh-keygen`'s output.
pub(super) fn classify(key: Text, said: &str, around: Surroundings) -> SignError {
    let any = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if is_too_old(said) {
        return SignError::TooOld;
    }
    if any(&["UNPROTECTED PRIVATE KEY", "bad permissions"]) {
        return SignError::OpenToOthers { key };
    }
    if !around.exists {
        return SignError::NoSuchKey { key };
    }
    if any(&["device not found", "No FIDO"]) {
        return SignError::NoDevice { key };
    }
    if any(&["incorrect passphrase"]) {
        return match (around.security_key && any(&["Signing", "sign"]) && any(&["PIN"]), around.terminal) {
            (true, _) => SignError::NotTouched { key },
            (false, true) => SignError::WrongPassphrase { key },
            (false, false) => SignError::PassphraseNeeded { key },
        };
    }
    if any(&["agent refused", "communication with agent failed"]) {
        return if around.security_key { SignError::NotTouched { key } } else { SignError::AgentRefused { key } };
    }
    if any(&["No private key found", "Couldn't find key in agent", "Couldn't get agent socket"]) {
        return if around.agent { SignError::NotInAgent { key } } else { SignError::NoAgent { key } };
    }
    // OpenSSH reports a missing touch only as a failed signature of a security key.
    if around.security_key && any(&["Signing", "sign"]) {
        return SignError::NotTouched { key };
    }
    if any(&["Couldn't load public key", "invalid format", "error in libcrypto", "Load key"]) {
        return SignError::UnreadableKey { key, why: None };
    }
    let last = said.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or("no output");
    SignError::Failed { key, said: Text::from(last) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AROUND: Surroundings = Surroundings { agent: true, terminal: true, security_key: false, exists: true };

    fn kind(said: &str, around: Surroundings) -> String {
        let debug = format!("{:?}", classify(Text::from("k.pub"), said, around));
        debug.split([' ', '{']).next().unwrap_or_default().to_owned()
    }

    // The texts are those of OpenSSH 9.2.
    #[test]
    fn an_agent_that_refuses_is_told_from_one_that_lacks_the_key() {
        let refused = "Signing data on standard input\nCouldn't sign message (signer): agent refused operation\n";
        assert_eq!(kind(refused, AROUND), "AgentRefused");
        assert_eq!(kind(refused, Surroundings { security_key: true, ..AROUND }), "NotTouched");
        let lacking = "No private key found for public key \"k.pub\"\n";
        assert_eq!(kind(lacking, AROUND), "NotInAgent");
        assert_eq!(kind(lacking, Surroundings { agent: false, ..AROUND }), "NoAgent");
        assert_eq!(kind(lacking, Surroundings { exists: false, ..AROUND }), "NoSuchKey");
    }

    #[test]
    fn a_wrong_passphrase_is_told_from_one_that_nobody_could_type() {
        let wrong = "Load key \"k\": incorrect passphrase supplied to decrypt private key\n";
        assert_eq!(kind(wrong, AROUND), "WrongPassphrase");
        assert_eq!(kind(wrong, Surroundings { terminal: false, ..AROUND }), "PassphraseNeeded");
        assert_eq!(kind("", AROUND), "Failed");
    }
}
