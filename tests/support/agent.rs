//! An SSH agent with one FIDO security key in software: real `ssh-keygen` asks it as it would a real one.
//!
//! Source: draft-ietf-sshm-ssh-agent; OpenSSH `PROTOCOL.u2f`. The flags and the counter of each signature are as told, so
//! that a touch can be missing and a counter can go backwards.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use base64ct::{Base64, Encoding as _};
use ed25519_dalek::Signer as _;
use sha2::{Digest as _, Sha256};

const KIND: &[u8] = b"sk-ssh-ed25519@openssh.com";
const APPLICATION: &[u8] = b"ssh:";
const FAILURE: u8 = 5;
const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;
/// Instead of flags: nobody touches the key, so that no signature comes of it.
pub const NOBODY: u8 = 0xff;

fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
    out.extend(bytes);
}

fn take<'a>(from: &mut &'a [u8]) -> &'a [u8] {
    let (length, rest) = from.split_first_chunk::<4>().unwrap();
    let (field, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
    *from = rest;
    field
}

/// A security key, and the agent that holds it.
pub struct Agent {
    key: ed25519_dalek::SigningKey,
    next: Arc<Mutex<(u8, u32)>>,
    pub socket: PathBuf,
}

impl Agent {
    /// Starts an agent whose socket stands in a folder.
    pub fn start(folder: &Path) -> Self {
        let key = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
        let socket = folder.join("agent.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let agent = Self { key, next: Arc::new(Mutex::new((1, 1))), socket };
        let (key, next) = (agent.key.clone(), Arc::clone(&agent.next));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                serve(stream, &key, &next);
            }
        });
        agent
    }

    /// What the next signatures show: 1 a touch, 5 a touch and a PIN, 0 neither; and the counter.
    pub fn next(&self, flags: u8, counter: u32) {
        *self.next.lock().unwrap() = (flags, counter);
    }

    /// The public key, as a `.pub` file has it.
    pub fn public(&self) -> String {
        format!("{} {}", String::from_utf8_lossy(KIND), Base64::encode_string(&blob(&self.key)))
    }
}

fn blob(key: &ed25519_dalek::SigningKey) -> Vec<u8> {
    let mut out = Vec::new();
    string(&mut out, KIND);
    string(&mut out, key.verifying_key().as_bytes());
    string(&mut out, APPLICATION);
    out
}

fn serve(mut stream: UnixStream, key: &ed25519_dalek::SigningKey, next: &Mutex<(u8, u32)>) {
    loop {
        let mut length = [0; 4];
        if stream.read_exact(&mut length).is_err() {
            return;
        }
        let mut message = vec![0; u32::from_be_bytes(length) as usize];
        stream.read_exact(&mut message).unwrap();
        let (kind, mut rest) = message.split_first().unwrap();
        let mut answer = Vec::new();
        match *kind {
            REQUEST_IDENTITIES => {
                answer.push(IDENTITIES_ANSWER);
                answer.extend(1_u32.to_be_bytes());
                string(&mut answer, &blob(key));
                string(&mut answer, b"a security key in software");
            }
            SIGN_REQUEST if take(&mut rest) == blob(key) && next.lock().unwrap().0 != NOBODY => {
                let (flags, counter) = *next.lock().unwrap();
                let mut signed = Sha256::digest(APPLICATION).to_vec();
                signed.push(flags);
                signed.extend(counter.to_be_bytes());
                signed.extend(Sha256::digest(take(&mut rest)));
                let mut signature = Vec::new();
                string(&mut signature, KIND);
                string(&mut signature, &key.sign(&signed).to_bytes());
                signature.push(flags);
                signature.extend(counter.to_be_bytes());
                answer.push(SIGN_RESPONSE);
                string(&mut answer, &signature);
            }
            _ => answer.push(FAILURE),
        }
        let mut framed = Vec::new();
        string(&mut framed, &answer);
        if stream.write_all(&framed).is_err() {
            return;
        }
    }
}
