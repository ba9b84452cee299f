//! Sessions that the tool itself would not write: built by the log's own builder, signed by real `ssh-keygen`.
//!
//! Whoever holds a key that `allowed_signers` lists can write such a session; the times, the parents and the writer in it
//! are their own word.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use review::input::digest::{Digest, of};
use review::input::text::Text;
use review::input::time::Time;
use review::log::line::{Line, LogId, Plan, Proof, ProofMethod, Session, SessionId, SessionKind, Tag, Version, Writer};
use review::log::session::Draft;

use crate::support::{Site, now};

/// A moment, in minutes from now.
pub fn minutes(from_now: i64) -> Time {
    Time::from_unix(now().unix() + from_now * 60)
}

/// A session that says that the plan came with its proof.
pub struct Forged<'a> {
    /// The public key that signs.
    pub key: &'a str,
    /// The agent that holds its private half, if one does.
    pub agent: Option<&'a Path>,
    /// As whom.
    pub principal: &'a str,
    /// The person, for a review; none for a record.
    pub person: Option<&'a str>,
    /// The seals that it follows.
    pub parents: Vec<Digest<of::Line>>,
    /// The program that claims to have written it.
    pub tool: &'a str,
    /// When it claims to have begun.
    pub begun: Time,
    /// When it claims that the plan came.
    pub received: Time,
    /// When it claims to have been sealed.
    pub sealed: Time,
}

impl Forged<'_> {
    /// A recorder's honest session of an hour and a half ago.
    pub fn honest() -> Self {
        Self {
            key: "keys/robot",
            agent: None,
            principal: "robot@ci.example",
            person: None,
            parents: Vec::new(),
            tool: "forged",
            begun: minutes(-91),
            received: minutes(-90),
            sealed: minutes(-89),
        }
    }

    /// Adds the session to the end of the log; gives the hash of its seal.
    pub fn add(&self, site: &Site) -> Digest<of::Line> {
        self.add_with(site, |_| Vec::new())
    }

    /// As [`Forged::add`], with more lines.
    pub fn add_with(&self, site: &Site, more: impl FnOnce(&mut Draft) -> Vec<u8>) -> Digest<of::Line> {
        let kind = if self.person.is_some() { SessionKind::Review } else { SessionKind::Record };
        let read = |file: &str| fs::read(site.demo().join(file)).unwrap();
        let settings = String::from_utf8(read("review.yaml")).unwrap();
        let log = settings.split('"').nth(1).and_then(LogId::parse).expect("a log id");
        let (plan, proof) = (read("plan.yaml"), read("plan.yaml.sig"));
        let length = fs::metadata(site.log()).map_or(0, |meta| meta.len());
        let mut session = [0; 16];
        session[..8].copy_from_slice(&length.to_be_bytes());
        let header = Session {
            at: self.begun,
            kind,
            log,
            parents: self.parents.clone(),
            session: SessionId::from_bytes(session),
            snapshot: None,
            tool: self.tool.into(),
            trust_files: Vec::new(),
            r#type: Tag::new(),
            version: Version,
            writer: Writer {
                fingerprint: fingerprint(site, self.key),
                person: self.person.map(Into::into),
                principal: self.principal.into(),
            },
        };
        let (mut draft, mut bytes) = Draft::start(header, BTreeSet::new()).unwrap();
        let (sha256, blob) = draft.blob(&plan).unwrap();
        bytes.extend(blob);
        let proof = Proof {
            claims: None,
            expires_at: None,
            issued_at: None,
            method: ProofMethod::SshKey,
            sha256: Some(Digest::of(&proof)),
            signature: Some(Text::from(String::from_utf8(proof).unwrap())),
            subject: Some("spiffe://corp.example/agent/access-assistant".into()),
        };
        let line = |prev| {
            let r#type = Tag::new();
            let id = "PLAN-DEMO-1".into();
            Line::Plan(Box::new(Plan { id, name: None, prev, proof, received_at: self.received, sha256, r#type }))
        };
        bytes.extend(draft.push(line).unwrap().bytes);
        bytes.extend(more(&mut draft));
        let sealed = draft.seal(self.sealed).unwrap();
        let seal = Digest::of(sealed.bytes());
        let sshsig = self.sign(site, sealed.namespace(), sealed.bytes());
        bytes.extend(sealed.sign(&sshsig).unwrap().bytes);
        let mut whole = fs::read(site.log()).unwrap_or_default();
        whole.extend(bytes);
        fs::write(site.log(), whole).unwrap();
        site.forget_heads();
        seal
    }

    fn sign(&self, site: &Site, namespace: &str, seal: &[u8]) -> Text {
        fs::write(site.demo().join("seal"), seal).unwrap();
        let _ = fs::remove_file(site.demo().join("seal.sig"));
        let mut command = site.command("ssh-keygen", &site.demo());
        command.envs(self.agent.map(|socket| ("SSH_AUTH_SOCK", socket)));
        let signed = command.args(["-q", "-Y", "sign", "-n", namespace, "-f", self.key, "seal"]).output().unwrap();
        assert!(signed.status.success(), "{}", String::from_utf8_lossy(&signed.stderr));
        Text::from(fs::read_to_string(site.demo().join("seal.sig")).unwrap())
    }
}

/// The fingerprint of a key, or of the key in a certificate.
fn fingerprint(site: &Site, key: &str) -> Text {
    let plain = key.trim_end_matches(".pub").trim_end_matches("-cert");
    let printed =
        site.command("ssh-keygen", &site.demo()).args(["-l", "-f", &format!("{plain}.pub")]).output().unwrap();
    Text::from(String::from_utf8(printed.stdout).unwrap().split(' ').nth(1).unwrap())
}
