//! A history of 1,000 signed sessions, each second one a person's approval and the next its export and result, beside
//! `review verify` of the same log.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use ed25519_dalek::SigningKey;
use review::decision::digest::digest_of;
use review::input::digest::{Digest, of};
use review::input::text::Text;
use review::input::time::Time;
use review::log::blob::Values;
use review::log::line::{
    Applied, Decision, Evaluation, Export, Line, LogId, Number, Outcome, Plan, Salt, Seen, Session, SessionId,
    SessionKind, Shown, Tag, Value, Verdict, Version, Writer, lines, read,
};
use review::log::session::{Draft, Sealed};
use review::trust::key::PublicKey;

use crate::log::{public, sign};
use crate::{in_turn, review, run, say, site};

const SESSIONS: u64 = 1_000;
/// The change of the demo that is approved each time.
const CHANGE: &str = "c1";
const PLAN: &str = "PLAN-DEMO-1";

/// What the tool recorded of one plan: the lines that are repeated with other ids.
struct Template {
    log: LogId,
    plan: Plan,
    text: String,
    evaluation: Evaluation,
    values: Values,
}

impl Template {
    /// Records the demo's plan once.
    fn of(place: &Path) -> Self {
        run("ssh-keygen", place, &["-q", "-t", "ed25519", "-N", "", "-f", "keys/template"]);
        let key = fs::read_to_string(place.join("keys/template.pub")).expect("a key");
        append(place, &format!("template@ci.example namespaces=\"review-record@v1\" {}", key.trim()));
        review(place, &["record", "plan.yaml", "--key", "keys/template.pub"]);
        let bytes = fs::read(place.join("review-log.jsonl")).expect("a log");
        fs::remove_file(place.join("review-log.jsonl")).expect("a log");
        let (mut values, mut scratch) = (Values::default(), Vec::new());
        values.take_lines(&bytes);
        let all: Vec<Line> = lines(&bytes).map(|line| read(line, &mut scratch).expect("a line")).collect();
        let log = all.iter().find_map(|line| if let Line::Session(it) = line { Some(it.log) } else { None });
        let plan = all.iter().find_map(|line| if let Line::Plan(it) = line { Some((**it).clone()) } else { None });
        let evaluation = all.iter().find_map(|line| {
            let Line::Evaluation(it) = line else { return None };
            (it.change.as_str() == CHANGE).then(|| (**it).clone())
        });
        Self {
            log: log.expect("a session"),
            plan: plan.expect("a plan"),
            text: fs::read_to_string(place.join("plan.yaml")).expect("a plan"),
            evaluation: evaluation.expect("an evaluation"),
            values,
        }
    }

    fn text_of(&self, value: &Value) -> String {
        match value {
            Value::Inline(text) => text.raw().to_owned(),
            Value::Blob(digest) => String::from_utf8(self.values.get(digest).expect("a value").to_vec()).expect("text"),
        }
    }

    /// Adds the plan and the evaluation under another id; gives the digest of the change.
    fn add(&self, draft: &mut Draft, out: &mut Vec<u8>, id: &str) -> Digest<of::Change> {
        let (plan, bytes) = draft.blob(self.text.replace(PLAN, id).as_bytes()).expect("a plan");
        out.extend(bytes);
        let received = self.plan.clone();
        let line = |prev| Line::Plan(Box::new(Plan { id: id.into(), prev, sha256: plan, ..received }));
        out.extend(draft.push(line).expect("a line").bytes);
        let definition = self.text_of(&self.evaluation.definition).replace(PLAN, id);
        let digest = digest_of(definition.as_bytes());
        let mut kept = |text: String| {
            if text.len() <= Value::LONGEST_INLINE {
                return Value::Inline(Text::from(text));
            }
            let (digest, bytes) = draft.blob(text.as_bytes()).expect("a value");
            out.extend(bytes);
            Value::Blob(digest)
        };
        let definition = kept(definition);
        let [facts, requests] = [&self.evaluation.facts, &self.evaluation.requests].map(|it| kept(self.text_of(it)));
        let old = self.evaluation.clone();
        let line = |prev| {
            Line::Evaluation(Box::new(Evaluation { definition, digest, facts, plan: id.into(), prev, requests, ..old }))
        };
        out.extend(draft.push(line).expect("a line").bytes);
        digest
    }
}

fn known(key: &SigningKey) -> PublicKey {
    PublicKey::from_blob(&public(key)).expect("a key")
}

fn append(place: &Path, line: &str) {
    let path = place.join("allowed_signers");
    let text = fs::read_to_string(&path).expect("signers");
    fs::write(path, format!("{text}{line}\n")).expect("signers");
}

/// The history, and whatever it is signed by.
struct History<'t> {
    template: &'t Template,
    person: &'t SigningKey,
    robot: &'t SigningKey,
    blobs: BTreeSet<Digest<of::Blob>>,
    parents: Vec<Digest<of::Line>>,
    bytes: Vec<u8>,
    sessions: u64,
}

impl History<'_> {
    fn signer(&self, kind: SessionKind) -> &SigningKey {
        if kind == SessionKind::Review { self.person } else { self.robot }
    }

    fn begin(&mut self, kind: SessionKind, at: Time) -> Draft {
        let mut id = [1; 16];
        id[..8].copy_from_slice(&self.sessions.to_be_bytes());
        self.sessions += 1;
        let is_person = kind == SessionKind::Review;
        let header = Session {
            at,
            kind,
            log: self.template.log,
            parents: std::mem::take(&mut self.parents),
            session: SessionId::from_bytes(id),
            snapshot: None,
            tool: "bench".into(),
            trust_files: vec![],
            r#type: Tag::new(),
            version: Version,
            writer: Writer {
                fingerprint: known(self.signer(kind)).fingerprint().as_str().into(),
                person: is_person.then(|| "ada".into()),
                principal: if is_person { "ada@corp.example" } else { "robot@ci.example" }.into(),
            },
        };
        let (draft, first) = Draft::start(header, self.blobs.clone()).expect("a session");
        self.bytes.extend(first);
        draft
    }

    fn end(&mut self, kind: SessionKind, draft: Draft, at: Time) {
        let sealed: Sealed = draft.seal(at).expect("a seal");
        self.parents = vec![Digest::of(sealed.bytes())];
        let sshsig = sign(self.signer(kind), sealed.namespace(), sealed.bytes());
        self.bytes.extend(sealed.sign(&Text::from(sshsig)).expect("a signature").bytes);
    }

    /// An approval of a new plan, and its export and result.
    fn pair(&mut self, n: u64, at: Time) {
        let id = format!("PLAN-{n}");
        let template = self.template;
        let mut draft = self.begin(SessionKind::Review, at);
        let digest = template.add(&mut draft, &mut self.bytes, &id);
        let part = Seen { of: Number::new(9), seen: Number::new(9) };
        let line = |prev| {
            Line::Decision(Box::new(Decision {
                at,
                change: CHANGE.into(),
                digest,
                emergent: vec![],
                grouped: None,
                lifts: vec![],
                plan: id.as_str().into(),
                prev,
                privileged: None,
                reason: None,
                rejected: None,
                salt: Salt::from_bytes([3; 16]),
                set_aside: vec![],
                shown: Shown { groups: part, lines: part },
                steps: vec!["Owner".into()],
                supersedes: None,
                r#type: Tag::new(),
                verdict: Verdict::Approve,
            }))
        };
        let decision = draft.push(line).expect("a decision");
        self.bytes.extend(decision.bytes);
        self.end(SessionKind::Review, draft, at);
        let mut draft = self.begin(SessionKind::Record, at);
        template.add(&mut draft, &mut self.bytes, &id);
        let line = |prev| {
            Line::Export(Export {
                at,
                change: CHANGE.into(),
                decisions: vec![decision.digest],
                digest,
                output: Digest::of(b"bundle"),
                plan: id.as_str().into(),
                prev,
                rollback: None,
                r#type: Tag::new(),
            })
        };
        let export = draft.push(line).expect("an export");
        self.bytes.extend(export.bytes);
        let line = |prev| {
            Line::Result(Box::new(Outcome {
                at,
                change: CHANGE.into(),
                detail: None,
                digest,
                export: Some(export.digest),
                outcome: Applied::Applied,
                plan: id.as_str().into(),
                prev,
                snapshot: None,
                r#type: Tag::new(),
            }))
        };
        self.bytes.extend(draft.push(line).expect("a result").bytes);
        self.end(SessionKind::Record, draft, at);
    }
}

/// Measures what reads a whole history.
pub(crate) fn measure() {
    let folder = site::demo();
    let place = folder.path().join("demo");
    let template = Template::of(&place);
    let (person, robot) = (SigningKey::from_bytes(&[7; 32]), SigningKey::from_bytes(&[8; 32]));
    append(&place, &format!("ada@corp.example namespaces=\"review-seal@v1\" {}", known(&person).to_line()));
    append(&place, &format!("robot@ci.example namespaces=\"review-record@v1\" {}", known(&robot).to_line()));
    let mut history = History {
        template: &template,
        person: &person,
        robot: &robot,
        blobs: BTreeSet::new(),
        parents: vec![],
        bytes: vec![],
        sessions: 0,
    };
    let start = site::date(-30).unix();
    for n in 0..SESSIONS / 2 {
        history.pair(n, Time::from_unix(start + i64::try_from(n).expect("a time") * 3_600));
    }
    let size = history.bytes.len() as f64;
    fs::write(place.join("review-log.jsonl"), &history.bytes).expect("a log");
    for arguments in [&["verify", "review-log.jsonl"][..], &["log", "report"], &["due"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_review")).args(arguments).current_dir(&place).output();
        assert!(output.expect("a process").status.success(), "{arguments:?}");
    }
    let [verify, report, due, status] = in_turn([
        &|| review(&place, &["verify", "review-log.jsonl"]),
        &|| review(&place, &["log", "report"]),
        &|| review(&place, &["due"]),
        &|| review(&place, &["status", "."]),
    ]);
    println!("a history of {SESSIONS} sessions, {:.1} MB: verify {:.2} s", size / 1e6, verify.wall.as_secs_f64());
    // Each reads and verifies the log, and then its plans and evaluations.
    let bound = 4.0 * verify.wall.as_secs_f64() + 1e-3 * SESSIONS as f64;
    for (what, took) in [("  log report", report), ("  due", due), ("  status", status)] {
        say(what, took.wall.as_secs_f64(), bound, "s");
    }
}
