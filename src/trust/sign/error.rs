//! Why nothing was signed, each reason with its own way out.
//!
//! In: what `ssh-keygen` said and how the surroundings look. Out: [`SignError`]. Never: a key or a passphrase.

use std::io;

use crate::input::text::Text;

use super::super::sshsig::SshsigError;

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// `ssh-keygen` is not there.
    #[error("`ssh-keygen` was not found")]
    NoProgram,
    /// `ssh-keygen` is too old for `-Y sign`.
    #[error("this `ssh-keygen` cannot sign")]
    TooOld,
    /// The path leads nowhere.
    #[error("there is no signing key at `{}`", .key.terminal())]
    NoSuchKey {
        /// The key as it was given.
        key: Text,
    },
    /// The file is no key.
    #[error("`{}` is not a key that can sign", .key.terminal())]
    UnreadableKey {
        /// The key as it was given.
        key: Text,
        /// What is wrong with it, where that is known.
        why: Option<Text>,
    },
    /// Other users may read the private key.
    #[error("other users may read the private key `{}`, so `ssh-keygen` refuses it", .key.terminal())]
    OpenToOthers {
        /// The key as it was given.
        key: Text,
    },
    /// The public half is behind the passphrase, and no `.pub` lies beside the key.
    #[error("the public half of `{}` is not known", .key.terminal())]
    NoPublicHalf {
        /// The key as it was given.
        key: Text,
    },
    /// The key wants a passphrase, and there is no terminal to ask on.
    #[error("the key `{}` wants a passphrase, and there is no terminal to ask on", .key.terminal())]
    PassphraseNeeded {
        /// The key as it was given.
        key: Text,
    },
    /// The passphrase was wrong.
    #[error("the passphrase for `{}` was wrong", .key.terminal())]
    WrongPassphrase {
        /// The key as it was given.
        key: Text,
    },
    /// Only an agent could sign, and none answers.
    #[error("the private half of `{}` would be in an ssh-agent, and none answers", .key.terminal())]
    NoAgent {
        /// The key as it was given.
        key: Text,
    },
    /// The agent does not hold the key.
    #[error("neither a file nor the ssh-agent holds the private half of `{}`", .key.terminal())]
    NotInAgent {
        /// The key as it was given.
        key: Text,
    },
    /// The agent said no.
    #[error("the ssh-agent refused to sign with `{}`", .key.terminal())]
    AgentRefused {
        /// The key as it was given.
        key: Text,
    },
    /// The security key is not plugged in.
    #[error("the security key of `{}` is not plugged in", .key.terminal())]
    NoDevice {
        /// The key as it was given.
        key: Text,
    },
    /// The security key wanted a touch, or a PIN, and got none.
    #[error("the security key of `{}` was not touched, or its PIN was wrong", .key.terminal())]
    NotTouched {
        /// The key as it was given.
        key: Text,
    },
    /// It was interrupted.
    #[error("signing was interrupted")]
    Interrupted,
    /// It failed in another way.
    #[error("`ssh-keygen` did not sign with `{}`: {}", .key.terminal(), .said.terminal())]
    Failed {
        /// The key as it was given.
        key: Text,
        /// Its last words.
        said: Text,
    },
    /// What it wrote does not hold.
    #[error("what `ssh-keygen` wrote does not verify: {0}")]
    DoesNotVerify(#[source] SshsigError),
    /// It signed with another key than the one asked for.
    #[error("`ssh-keygen` signed with `{found}`, not with `{expected}`")]
    OtherKey {
        /// The fingerprint of the signature's key.
        found: String,
        /// The fingerprint that was expected.
        expected: String,
    },
    /// The system failed.
    #[error("`ssh-keygen` could not be run: {0}")]
    Io(#[from] io::Error),
}

impl SignError {
    /// What a person can do about it.
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
            Self::NoPublicHalf { .. } => "write it beside the key once: `ssh-keygen -y -f KEY > KEY.pub`",
            Self::PassphraseNeeded { .. } => "run this in a terminal, or load the key once with `ssh-add`",
            Self::NoAgent { .. } => "start one with `eval \"$(ssh-agent)\"` and load the key with `ssh-add`",
            Self::NotInAgent { .. } => "load the key with `ssh-add`, or name the private key's file",
            Self::AgentRefused { .. } => "confirm the request of the agent, or load the key again with `ssh-add`",
            Self::NoDevice { .. } => "plug the security key in and try again",
            Self::NotTouched { .. } => "touch the security key when it blinks; what was decided is kept",
            Self::WrongPassphrase { .. } | Self::Interrupted => "try again; what was decided is kept",
            Self::Failed { .. } | Self::Io(_) => "run `ssh-keygen -Y sign -n test -f KEY` by hand to see the cause",
            Self::DoesNotVerify(error) => error.help(),
            Self::OtherKey { .. } => {
                "the `.pub` file beside the key belongs to another key; write it anew with `ssh-keygen -y`"
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
/// What the surroundings say that `ssh-keygen` does not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings {
    /// An agent answers.
    pub agent: bool,
    /// There is a terminal to ask on.
    pub terminal: bool,
    /// The key is known to be on a security key.
    pub security_key: bool,
    /// The file exists.
    pub exists: bool,
}

/// Whether `ssh-keygen` said that it cannot sign at all.
pub(super) fn is_too_old(said: &str) -> bool {
    ["unknown option -- Y", "invalid option -- 'Y'", "illegal option -- Y"].iter().any(|words| said.contains(words))
}

/// Finds the reason in what `ssh-keygen` said.
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
    // WHY: a touch that never came reaches us from OpenSSH only as a failed signature of a security key.
    if around.security_key && any(&["Signing", "sign"]) {
        return SignError::NotTouched { key };
    }
    if any(&["Couldn't load public key", "invalid format", "error in libcrypto", "Load key"]) {
        return SignError::UnreadableKey { key, why: None };
    }
    let last = said.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or("it said nothing");
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

    // The words are those of OpenSSH 9.2.
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
