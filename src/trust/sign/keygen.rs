//! Runs `ssh-keygen -Y sign` and verifies its output.
//!
//! `ssh-keygen` asks for passphrases and PINs on the controlling terminal. It asks for a touch on standard error, so
//! this module reads standard error line by line and forwards prompts at once, escaped. There is no timeout, because
//! finding a security key may take long.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::input::text::Text;

use super::super::key::PublicKey;
use super::super::sshsig::{self, Verified};
use super::error::{SignError, Surroundings, classify, is_too_old};
use super::signing_key::SigningKey;

/// Prefixes of lines that are not prompts: progress messages, and errors that this module rephrases.
const NOT_PROMPTS: &[&str] = &[
    "Signing data",
    "Signing stdin",
    "Signing file",
    "Write signature",
    "Load key",
    "Couldn't",
    "No private key",
    "Agent",
    "agent",
    "Permissions",
    "It is required",
    "This private key",
    "@@",
    "@ ",
    "sign_",
    "sshsig_",
    "hash_",
];
/// The maximum length of the standard error that is kept.
const MAX_SAID: usize = 16 * 1024;
/// The maximum length of a signature.
const MAX_SIGNATURE: u64 = 256 * 1024;

/// The program that signs.
#[derive(Debug, Clone)]
pub struct Keygen {
    program: OsString,
}

impl Default for Keygen {
    /// `ssh-keygen`, as PATH finds it.
    fn default() -> Self {
        Self { program: OsString::from("ssh-keygen") }
    }
}

/// A signature that this tool's own verifier accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedSignature {
    /// The armoured signature, with LF at its end.
    pub armored: String,
    /// The result of the verification.
    pub verified: Verified,
}

impl Keygen {
    /// Another program than `ssh-keygen` from PATH.
    #[must_use]
    pub fn at(program: impl Into<OsString>) -> Self {
        Self { program: program.into() }
    }

    pub(super) fn program(&self) -> &OsStr {
        &self.program
    }

    /// Checks that the program exists and can sign, before the user starts to decide.
    ///
    /// # Errors
    /// If it does not exist or is too old.
    pub fn is_there(&self) -> Result<(), SignError> {
        // Without a key and a namespace it reports the missing argument, unless it does not support `-Y sign`.
        let output = Command::new(&self.program)
            .args(["-Y", "sign"])
            .stdin(Stdio::null())
            .output()
            .map_err(|error| SignError::from_spawn(&error))?;
        if is_too_old(&String::from_utf8_lossy(&output.stderr)) { Err(SignError::TooOld) } else { Ok(()) }
    }

    /// Signs bytes for a namespace and verifies the result. Prompts that do not appear on the controlling terminal go to
    /// `prompts`, usually standard error.
    ///
    /// # Errors
    /// If `ssh-keygen` does not sign, or the signature is not valid for exactly this key, namespace and message.
    pub fn sign(
        &self,
        key: &SigningKey,
        namespace: &str,
        message: &[u8],
        prompts: &mut (dyn Write + Send),
    ) -> Result<VerifiedSignature, SignError> {
        let expected = match key {
            SigningKey::Literal(public) => Some((**public).clone()),
            SigningKey::File(path) => public_next_to(path),
        };
        let literal = match key {
            SigningKey::Literal(public) => Some(LiteralFile::write(public)?),
            SigningKey::File(_) => None,
        };
        let path: &Path = match (&literal, key) {
            (Some(file), _) => &file.0,
            (None, SigningKey::File(path)) => path,
            (None, SigningKey::Literal(_)) => return Err(SignError::NoSuchKey { key: key.text() }),
        };
        let mut command = Command::new(&self.program);
        command.args(["-Y", "sign", "-n", namespace, "-f"]).arg(path);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let (said, signature, status) = run(&mut command, message, prompts)?;
        if !status.success() {
            if matches!(status.signal(), Some(2 | 15)) {
                return Err(SignError::Interrupted);
            }
            let around = Surroundings {
                agent: agent_answers(),
                terminal: File::open("/dev/tty").is_ok(),
                security_key: expected.as_ref().is_some_and(|key| key.kind().is_security_key()),
                exists: path.exists(),
            };
            return Err(classify(key.text(), &said, around));
        }
        let verified = sshsig::verify(&signature, namespace, message).map_err(SignError::DoesNotVerify)?;
        if let Some(expected) = expected.filter(|expected| expected != verified.key()) {
            return Err(SignError::OtherKey { found: verified.fingerprint(), expected: expected.fingerprint() });
        }
        let armored = String::from_utf8_lossy(&signature).into_owned();
        Ok(VerifiedSignature { armored, verified })
    }
}

fn run(
    command: &mut Command,
    message: &[u8],
    prompts: &mut (dyn Write + Send),
) -> Result<(String, Vec<u8>, std::process::ExitStatus), SignError> {
    let mut child = command.spawn().map_err(|error| SignError::from_spawn(&error))?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let mut signature = Vec::new();
    let said = std::thread::scope(|scope| -> io::Result<String> {
        let listen = move || stderr.map(|stderr| listen(stderr, prompts)).unwrap_or_default();
        let listener = std::thread::Builder::new().spawn_scoped(scope, listen)?;
        if let Some(mut stdin) = stdin {
            // A program that fails early closes its input. Its exit status gives a better reason.
            match stdin.write_all(message) {
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        if let Some(stdout) = stdout {
            stdout.take(MAX_SIGNATURE).read_to_end(&mut signature)?;
        }
        Ok(listener.join().unwrap_or_default())
    });
    let status = child.wait()?;
    Ok((said?, signature, status))
}

/// Reads standard error to its end. Forwards prompts and keeps the rest.
fn listen(stderr: std::process::ChildStderr, prompts: &mut (dyn Write + Send)) -> String {
    let mut said = String::new();
    let mut reader = BufReader::new(stderr);
    let mut line = Vec::new();
    loop {
        line.clear();
        match reader.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return said,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_matches(['\r', '\n']);
        if said.len() < MAX_SAID {
            said.push_str(text);
            said.push('\n');
        }
        if !text.trim().is_empty() && !NOT_PROMPTS.iter().any(|start| text.starts_with(start)) {
            // A prompt that cannot be shown must not stop the signature; the security key still blinks.
            let _ = writeln!(prompts, "{}", Text::from(text).terminal());
            let _ = prompts.flush();
        }
    }
}

/// The public key from the `.pub` file next to a private key, or from the path itself.
fn public_next_to(path: &Path) -> Option<PublicKey> {
    let mut public = OsString::from(path);
    if path.extension().is_none_or(|extension| extension != "pub") {
        public.push(".pub");
    }
    PublicKey::from_line(&super::signing_key::read_line(Path::new(&public))?).ok()
}

fn agent_answers() -> bool {
    std::env::var_os("SSH_AUTH_SOCK").is_some_and(|socket| UnixStream::connect(socket).is_ok())
}

/// A temporary file with a public key, for the duration of the `ssh-keygen` call.
struct LiteralFile(PathBuf);

impl LiteralFile {
    fn write(key: &PublicKey) -> Result<Self, SignError> {
        let mut random = [0_u8; 16];
        getrandom::fill(&mut random).map_err(|error| io::Error::other(error.to_string()))?;
        let name = u128::from_be_bytes(random);
        let path = std::env::temp_dir().join(format!("review-key-{name:032x}.pub"));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let literal = Self(path);
        writeln!(file, "{}", key.to_line())?;
        Ok(literal)
    }
}

impl Drop for LiteralFile {
    fn drop(&mut self) {
        // A leftover public key in the temporary folder is harmless.
        let _ = fs::remove_file(&self.0);
    }
}
