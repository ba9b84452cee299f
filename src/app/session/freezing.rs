//! `review freeze` and `review thaw`: a person stops an agent, a task, a plan or everything for a while, or agrees to end that.
//!
//! Each writes one session of the person, sealed and signed, that holds no decision. The person types a word in the terminal
//! first. Policy is asked before that, and again with what the signature proves about the key.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{anyhow, bail, ensure};

use crate::app::io::command_error::hinted;
use crate::app::io::streams;
use crate::app::plans::plan_file::PlanFile;
use crate::app::record::freezes::{self, FreezeSubject};
use crate::app::record::opened::OpenedLog;
use crate::app::record::signed_session::SignedSession;
use crate::app::record::signing_keys::{self, Besides};
use crate::app::session::reviewer::{Reviewer, attended};
use crate::app::site::location::SiteLocation;
use crate::decision::case::Signer;
use crate::decision::exit::ExitCode;
use crate::decision::recorded::record::RecordedFreeze;
use crate::input::id::TaskId;
use crate::input::text::Text;
use crate::input::time::{Span, Time};
use crate::log::line::{Freeze, FreezeKind, Line, SessionKind, Tag, Thaw, Writer};
use crate::log::session::Draft;
use crate::policy::{FreezeAction, KeyFacts, MayFreeze};
use crate::report::model::Report;
use crate::report::sentence::{Sentence, counted};
use crate::terminal::affirm::{self, Affirmation};
use crate::terminal::tty::Tty;
use crate::trust::sshsig::Verified;

/// What is to be frozen or thawed, by whom and why.
#[derive(Clone, Debug)]
pub struct FreezeRequest {
    /// The trust folder and the log.
    pub place: SiteLocation,
    /// The person's key.
    pub key: Option<String>,
    /// The name: `all`, an agent, a task, a plan or its file.
    pub named: String,
    /// What the name is, if that is said.
    pub kind: Option<FreezeKind>,
    /// The reason.
    pub reason: String,
    /// For how long; `None`: the longest time. For a freeze only.
    pub lasts: Option<Span>,
}

/// What came of it.
pub enum FreezeOutcome {
    /// The trust folder or the log is faulty.
    Refused(Box<Report>, ExitCode),
    /// What to say about it.
    Done(String, ExitCode),
}

/// What a name stands for.
pub(super) struct Frozen {
    kind: FreezeKind,
    name: Option<Text>,
}

impl Frozen {
    fn says(&self) -> String {
        match &self.name {
            Some(name) => format!("{} `{}`", self.kind.word(), name.terminal()),
            None => "everything".to_owned(),
        }
    }
}

/// The log, the person, and what is asked for.
pub(super) struct Asked {
    /// The site and its log.
    pub(super) opened: OpenedLog,
    /// The person.
    pub(super) me: Reviewer,
    what: Frozen,
    /// What the person may not do if policy refuses: `freeze everything`.
    does: String,
    /// The reason.
    pub(super) reason: Text,
}

/// Freezes.
///
/// # Errors
/// If the person may not, nobody is at the terminal, or the session cannot be signed; then nothing is frozen.
pub fn freeze(request: &FreezeRequest) -> anyhow::Result<FreezeOutcome> {
    let asked = match Asked::prepare("freeze", request)? {
        Ok(asked) => asked,
        Err((report, code)) => return Ok(FreezeOutcome::Refused(Box::new(report), code)),
    };
    let Asked { opened, me, what, reason, .. } = &asked;
    let longest = what.kind.longest();
    let lasts = request.lasts.unwrap_or(longest);
    ensure!(
        lasts <= longest,
        hinted(
            format!("{} can be frozen for at most {longest} at a time", what.says()),
            "freeze it again before that ends"
        )
    );
    asked.permitted(FreezeAction::Freeze, &me.facts)?;
    let until = opened.now.plus(lasts);
    let about = vec![Sentence::of(format!("{} until {until}", what.says())), Sentence::of("reason: ").prose(reason)];
    let question = Affirmation {
        heading: "Freeze this?",
        about,
        consequence: "Gate, record and export refuse its changes, unless they only take access.",
        word: "freeze",
        effect: "to freeze it",
        otherwise: "to leave it",
    };
    if !affirmed(&question)? {
        return Ok(FreezeOutcome::Done("nothing was frozen".to_owned(), ExitCode::Undecided));
    }
    let proofs = asked.proofs();
    asked.write(FreezeAction::Freeze, &mut |draft, at| {
        let line = |prev| {
            Line::Freeze(Box::new(Freeze {
                at,
                kind: what.kind,
                name: what.name.clone(),
                prev,
                proofs: proofs.iter().cloned().collect(),
                reason: reason.clone(),
                r#type: Tag::new(),
                until: at.plus(lasts),
            }))
        };
        Ok(draft.push(line)?.bytes)
    })?;
    Ok(FreezeOutcome::Done(format!("froze {} until {until}", what.says()), ExitCode::Passes))
}

/// Agrees to end every freeze in force of what is named.
///
/// # Errors
/// If the person may not, nobody is at the terminal, or the session cannot be signed; then nothing is thawed.
pub fn thaw(request: &FreezeRequest) -> anyhow::Result<FreezeOutcome> {
    let asked = match Asked::prepare("thaw", request)? {
        Ok(asked) => asked,
        Err((report, code)) => return Ok(FreezeOutcome::Refused(Box::new(report), code)),
    };
    let Asked { opened, me, what, reason, .. } = &asked;
    let record = &opened.past.record;
    let is_it = |freeze: &&RecordedFreeze| freeze.kind == what.kind && freeze.name == what.name;
    let frozen: Vec<&RecordedFreeze> = record.freezes_in_force(opened.now).filter(is_it).collect();
    if frozen.is_empty() {
        let all: Vec<String> =
            record.freezes_in_force(opened.now).map(|it| freezes::report(it, record).what().terminal()).collect();
        let others = if all.is_empty() { "nothing is".to_owned() } else { format!("frozen: {}", all.join(", ")) };
        bail!(hinted(format!("{} is not frozen", what.says()), others));
    }
    asked.permitted(FreezeAction::Thaw, &me.facts)?;
    let agreed =
        |freeze: &&&RecordedFreeze| record.thawing(freeze).keys().any(|signer| signer.person == me.signer.person);
    let open: Vec<&RecordedFreeze> = frozen.iter().filter(|freeze| !agreed(freeze)).copied().collect();
    if open.is_empty() {
        return Ok(FreezeOutcome::Done(lacks(what, &frozen), ExitCode::Undecided));
    }
    let mut about: Vec<Sentence> = open.iter().map(|it| freezes::report(it, record).sentence()).collect();
    about.push(Sentence::of("your reason to thaw: ").prose(reason));
    let question = Affirmation {
        heading: "Agree to thaw this?",
        about,
        consequence: "Once enough people agree, gate, record and export let its approved changes pass again.",
        word: "thaw",
        effect: "to agree",
        otherwise: "to leave it frozen",
    };
    if !affirmed(&question)? {
        return Ok(FreezeOutcome::Done("nothing was thawed".to_owned(), ExitCode::Undecided));
    }
    asked.write(FreezeAction::Thaw, &mut |draft, at| {
        let mut out = Vec::new();
        for freeze in &open {
            let line =
                |prev| Line::Thaw(Thaw { at, freeze: freeze.line, prev, reason: reason.clone(), r#type: Tag::new() });
            out.extend(draft.push(line)?.bytes);
        }
        Ok(out)
    })?;
    let after = opened.verify_again()?;
    let past = crate::app::record::history::read(&opened.log, &after, &opened.site)?;
    let still: Vec<&RecordedFreeze> = past.record.freezes_in_force(streams::now()).filter(is_it).collect();
    if still.is_empty() {
        return Ok(FreezeOutcome::Done(format!("{} is no longer frozen", what.says()), ExitCode::Passes));
    }
    Ok(FreezeOutcome::Done(lacks(what, &still), ExitCode::Undecided))
}

/// That a freeze holds after one person agreed to end it.
fn lacks(what: &Frozen, still: &[&RecordedFreeze]) -> String {
    let authors: BTreeSet<String> = still.iter().map(|it| format!("`{}`", it.author.text().terminal())).collect();
    let authors: Vec<String> = authors.into_iter().collect();
    format!(
        "you agreed to thaw {}, but {} until another person does: one person alone thaws nothing\n  = help: have it thawed by its \
         author ({}) and one more, or by two people permitted to override",
        what.says(),
        counted(still.len() as u64, "freeze of it holds", "freezes of it hold"),
        authors.join(", ")
    )
}

/// Whether the person types the word of a question.
pub(super) fn affirmed(question: &Affirmation) -> anyhow::Result<bool> {
    let colour = streams::colour_allowed();
    let mut tty = Tty::open().map_err(|e| anyhow!(hinted(e.to_string(), e.help())))?;
    Ok(affirm::ask(&mut tty, colour, question)?)
}

impl Asked {
    /// Opens the log, and finds the person and what is named.
    pub(super) fn prepare(
        command: &'static str,
        request: &FreezeRequest,
    ) -> anyhow::Result<Result<Self, (Report, ExitCode)>> {
        ensure!(!request.reason.trim().is_empty(), hinted("`--reason` is blank", "say why"));
        attended().map_err(|failure| anyhow!(hinted(failure.to_string(), failure.help())))?;
        let opened = match OpenedLog::open(command, &request.place, &[])? {
            Ok(opened) => opened,
            Err(refused) => return Ok(Err(refused)),
        };
        let me = Reviewer::named(&opened.site, &opened.past, request.key.as_deref())?;
        let what = resolve(&opened, &request.named, request.kind)?;
        let does = format!("{command} {}", what.says());
        Ok(Ok(Self { opened, me, what, does, reason: Text::from(request.reason.trim()) }))
    }

    /// A question that policy answers as it answers whether a person may freeze something of a kind.
    pub(super) fn into_freeze_of(self, kind: FreezeKind, does: &str) -> Self {
        let name = (kind != FreezeKind::All).then(|| Text::from(""));
        Self { what: Frozen { kind, name }, does: does.to_owned(), ..self }
    }

    fn subject(&self) -> FreezeSubject<'_> {
        let Frozen { kind, name } = &self.what;
        FreezeSubject::new(&self.opened.site, &self.opened.past.record, *kind, name.as_ref(), self.opened.now)
    }

    /// Refuses what policy does not permit the person.
    pub(super) fn permitted(&self, action: FreezeAction, key: &KeyFacts) -> anyhow::Result<()> {
        let MayFreeze { permitted, barred, forbidden } = self.subject().may(action, &self.me.signer, key);
        if permitted {
            return Ok(());
        }
        let mut why: Vec<String> = barred.iter().map(|it| it.reason().to_owned()).collect();
        why.extend(forbidden.iter().map(|hit| format!("{}: {}", hit.policy.text().terminal(), hit.title.terminal())));
        let advice = forbidden.first().map_or_else(|| "ask another person".to_owned(), |hit| hit.advice.terminal());
        bail!(hinted(format!("you may not {}: {}", self.does, why.join("; ")), advice))
    }

    /// The credentials of a frozen agent, by which it is recognised under another name.
    fn proofs(&self) -> BTreeSet<Text> {
        let name = self.what.name.as_ref().filter(|_| self.what.kind == FreezeKind::Agent);
        let prover = name.and_then(|name| self.opened.site.provers.get(&crate::input::id::IdentityId::new(name.raw())));
        prover.map(freezes::proofs).unwrap_or_default()
    }

    /// Writes and signs the session; policy is asked again about the signature.
    pub(super) fn write(
        &self,
        action: FreezeAction,
        add: &mut dyn FnMut(&mut Draft, Time) -> anyhow::Result<Vec<u8>>,
    ) -> anyhow::Result<()> {
        let Self { opened, me, .. } = self;
        let writer = Writer {
            fingerprint: Text::from(me.recorder.fingerprint.as_str()),
            person: Some(me.recorder.person.clone()),
            principal: me.recorder.principal.clone(),
        };
        let signed = SignedSession { site: &opened.site, key: &me.key, writer, kind: SessionKind::Review };
        signed.write(&opened.log, &opened.verified, &[], add, &|signature| self.accepts(action, signature))?;
        opened.verify_again().map(drop)
    }

    /// Asks policy again with what the signature proves about the key.
    fn accepts(&self, action: FreezeAction, signature: &Verified) -> anyhow::Result<()> {
        let provers = &self.opened.site.provers;
        if let Some(agent) = signing_keys::proposer_of(provers, signature.key(), signature.certificate()) {
            return Err(Besides::Proposer(agent).refusal("the signature counts for nothing"));
        }
        let signer = Signer { person: self.me.signer.person.clone(), key: Text::from(signature.fingerprint()) };
        ensure!(signer == self.me.signer, hinted("another key signed", "sign with the key that you named"));
        self.permitted(
            action,
            &KeyFacts {
                kind: signature.key_kind().name().to_owned(),
                security_key: signature.security_key(),
                user_present: signature.user_present(),
                user_verified: signature.user_verified(),
            },
        )
    }
}

/// What a name stands for. Without a kind, exactly one of agents, tasks and plans has it.
fn resolve(opened: &OpenedLog, named: &str, kind: Option<FreezeKind>) -> anyhow::Result<Frozen> {
    let known = |kind: FreezeKind| -> anyhow::Result<Option<Text>> {
        let is_known = match kind {
            FreezeKind::All => named == "all",
            FreezeKind::Agent => opened.site.agents.get(named).is_some(),
            FreezeKind::Task => opened.site.tasks.get(&TaskId::new(named)).is_some(),
            FreezeKind::Plan if Path::new(named).is_file() => return plan_of(named).map(Some),
            FreezeKind::Plan => opened.verified.sessions.iter().flat_map(|view| &view.lines).any(|line| {
                let Line::Plan(plan) = &line.value else { return false };
                plan.id.as_str() == named
            }),
        };
        Ok(is_known.then(|| Text::from(named)))
    };
    if let Some(kind) = kind {
        // WHY any name: what the site or the log does not know yet can be stopped before it comes.
        let name = if kind == FreezeKind::All { None } else { Some(known(kind)?.unwrap_or_else(|| Text::from(named))) };
        return Ok(Frozen { kind, name });
    }
    let mut found = Vec::new();
    for kind in [FreezeKind::All, FreezeKind::Agent, FreezeKind::Task, FreezeKind::Plan] {
        if let Some(name) = known(kind)? {
            found.push(Frozen { kind, name: Some(name).filter(|_| kind != FreezeKind::All) });
        }
    }
    if found.len() > 1 {
        let all: Vec<&str> = found.iter().map(|it| it.kind.word()).collect();
        bail!(hinted(
            format!("`{}` is {}", Text::from(named).terminal(), all.join(" and ")),
            "say which with `--kind`"
        ));
    }
    found.pop().ok_or_else(|| {
        anyhow!(hinted(
            format!(
                "`{}` is not an agent in agents.yaml, a task in tasks.yaml, a plan in the log, or a file",
                Text::from(named).terminal()
            ),
            "correct the name, or say what \
             it is with `--kind agent`, `--kind task` or `--kind plan`"
        ))
    })
}

fn plan_of(file: &str) -> anyhow::Result<Text> {
    let read = PlanFile::read(Path::new(file))?;
    match crate::plan::read(&read.name, &read.bytes) {
        Ok(plan) => Ok(plan.id.value.text()),
        Err(_) => bail!(hinted(
            format!("`{}` is not a valid plan, so its id is unknown", Text::from(read.name.as_str()).terminal()),
            "name the id with `--kind plan`"
        )),
    }
}
