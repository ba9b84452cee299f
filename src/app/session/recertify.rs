//! `review recertify`: a person says of each access of a frozen population whether it is still needed.
//!
//! The population is every assignment and listed membership of a snapshot, or those of a scope: assignments at the scope and
//! below, and the memberships of the groups that hold them. Writes one session of the person, sealed and signed, with one
//! line for each answer. What shall be revoked becomes a plan.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context as _, anyhow, ensure};

use crate::access::Index;
use crate::access::queries::effective_access::effective;
use crate::app::audit::inherited::{RatedAccess, rated};
use crate::app::audit::recertifier::{AskedAccess, NotYours, Recertifier, owner};
use crate::app::execution::confirm::{ReadSnapshot, read_snapshot};
use crate::app::execution::revoking::{self, Revocation, RevokingPlan};
use crate::app::io::command_error::hinted;
use crate::app::io::files::shown;
use crate::app::io::staged::Staged;
use crate::app::io::streams;
use crate::app::record::entries;
use crate::app::session::freezing::{Asked, FreezeOutcome, FreezeRequest, affirmed};
use crate::app::site::location::SiteLocation;
use crate::decision::exit::ExitCode;
use crate::input::canonical;
use crate::input::digest::{Digest, of};
use crate::input::entitlement::{Effect, IdentityKind, Permission};
use crate::input::id::{GroupId, Id, IdentityId, ResourceId, RoleId, Subject, TaskId};
use crate::input::text::Text;
use crate::input::time::Time;
use crate::log::line::{FreezeKind, Line, Number, Recertification, RecertificationAnswer, SnapshotDigest, Tag, Value};
use crate::policy::FreezeAction;
use crate::report::sentence::{Sentence, access, counted};
use crate::snapshot::model::Snapshot;
use crate::terminal::affirm::Affirmation;
use crate::terminal::recertify::{self, CardAnswer, RecertifyCard};
use crate::terminal::tty::Tty;

/// What is to be recertified.
#[derive(Clone, Debug)]
pub struct RecertifyRequest {
    /// The trust folder and the log.
    pub place: SiteLocation,
    /// The person's key.
    pub key: Option<String>,
    /// The snapshot.
    pub snapshot: PathBuf,
    /// A resource; `None`: the whole snapshot.
    pub scope: Option<String>,
    /// Where the revoking plan goes.
    pub plan: PathBuf,
    /// Its proposer; none: the only agent of `agents.yaml`.
    pub proposer: Option<String>,
    /// For whom it is proposed.
    pub on_behalf_of: Option<String>,
    /// Its task.
    pub task: Option<String>,
}

/// An access of the population.
struct Row<'s> {
    it: RatedAccess<'s>,
    digest: Digest<of::Access>,
    owner: Option<&'s IdentityId>,
    /// Until when it is kept.
    until: Time,
}

/// Recertifies.
///
/// # Errors
/// If the person may not, nobody is at the terminal, the snapshot cannot be used, or the session cannot be signed; then
/// nothing is recorded.
pub fn recertify(request: &RecertifyRequest) -> anyhow::Result<FreezeOutcome> {
    let asked = Asked::prepare(
        "recertify",
        &FreezeRequest {
            place: request.place.clone(),
            key: request.key.clone(),
            named: FreezeKind::All.word().to_owned(),
            kind: Some(FreezeKind::All),
            reason: "recertification".to_owned(),
            lasts: None,
        },
    )?;
    let asked = match asked {
        Ok(asked) => asked,
        Err((report, code)) => return Ok(FreezeOutcome::Refused(Box::new(report), code)),
    };
    let read = read_snapshot(&asked.opened.site, &request.snapshot)?;
    let index = Index::new(&read.snapshot);
    let (opened, me) = (&asked.opened, &asked.me);
    let may = Recertifier::of((&opened.site, &opened.past), &index, &me.signer, &me.facts, opened.now);
    // WHY: an owner needs no permission to freeze everything, only to be a person in office.
    let kind = if may.any { FreezeKind::All } else { FreezeKind::Plan };
    let asked = asked.into_freeze_of(kind, "recertify access");
    asked.permitted(FreezeAction::Freeze, &asked.me.facts)?;
    let session = Recertifying { asked, read: &read, index: &index, may, request };
    session.run()
}

struct Recertifying<'a, 's> {
    asked: Asked,
    read: &'s ReadSnapshot,
    index: &'a Index<'s>,
    may: Recertifier,
    request: &'a RecertifyRequest,
}

impl<'s> Recertifying<'_, 's> {
    fn run(&self) -> anyhow::Result<FreezeOutcome> {
        let (now, name) = (self.asked.opened.now, || Text::from(shown(&self.request.snapshot)).terminal());
        let snapshot = &self.read.snapshot;
        ensure!(
            snapshot.taken_at <= now,
            hinted(
                format!("the snapshot `{}` was taken in the future, at {}", name(), snapshot.taken_at),
                "check the clocks"
            )
        );
        let all = self.population()?;
        ensure!(
            !all.is_empty(),
            hinted(format!("the snapshot `{}` shows no access there", name()), "name another scope or snapshot")
        );
        let population = population_digest(&all)?;
        let count = all.len();
        let (mine, own, others) = self.split(all);
        let left = left_to_others(own, others);
        if mine.is_empty() {
            return Ok(FreezeOutcome::Done(
                format!("there is nothing here that you can recertify: {left}"),
                ExitCode::Undecided,
            ));
        }
        let cards: Vec<RecertifyCard> = mine.iter().map(|row| self.card(row)).collect();
        let mut tty = Tty::open().map_err(|e| anyhow!(hinted(e.to_string(), e.help())))?;
        let answers = recertify::ask(&mut tty, streams::colour_allowed(), &cards)?;
        drop(tty);
        let answered: Vec<(&Row<'s>, CardAnswer)> =
            mine.iter().zip(answers.unwrap_or_default()).filter_map(|(row, answer)| Some((row, answer?))).collect();
        let skipped = mine.len().saturating_sub(answered.len());
        if answered.is_empty() || !affirmed(&question(&answered, count, skipped, &left))? {
            return Ok(FreezeOutcome::Done("nothing was recorded".to_owned(), ExitCode::Undecided));
        }
        let plan = self.plan(&answered)?;
        // WHY before the session: what is recorded as to be revoked must be in a plan.
        let staged = plan.map(|text| Staged::write(&self.request.plan, &text)).transpose();
        let staged = staged.with_context(|| format!("`{}` cannot be written", shown(&self.request.plan)))?;
        self.write(&answered, population, count)?;
        let mut says = summary(&answered, skipped, &left);
        if let Some(staged) = staged {
            staged.publish()?;
            let file = shown(&self.request.plan);
            says.push_str(&format!(
                "\n`{file}` revokes what is no longer needed: sign it as its proposer with `review plan sign {file}`, and review it"
            ));
        }
        Ok(FreezeOutcome::Done(says, if skipped == 0 { ExitCode::Passes } else { ExitCode::Undecided }))
    }

    /// The population, in the order of the snapshot, each access once.
    fn population(&self) -> anyhow::Result<Vec<Row<'s>>> {
        let within = match &self.request.scope {
            Some(scope) => Some(RowsOfScope::of(self.index, scope)?),
            None => None,
        };
        let settings = &self.asked.opened.site.settings;
        let mut seen = BTreeSet::new();
        let mut rows = Vec::new();
        for it in rated(&self.read.snapshot, &self.asked.opened.site.data) {
            let digest = it.access.digest().context("an access has no canonical form")?;
            if within.as_ref().is_some_and(|within| !within.has(&it)) || !seen.insert(digest) {
                continue;
            }
            let is_person = match self.index.identity(it.access.who.raw()) {
                Some(identity) => identity.kind == IdentityKind::Human,
                None => self.index.group(it.access.who.raw()).is_some(),
            };
            let after = if it.is_privileged || !is_person {
                settings.recertify_privileged_after
            } else {
                settings.recertify_after
            };
            let kept = self.asked.opened.now.plus(after);
            let until = it.access.until.filter(|end| *end > self.asked.opened.now).map_or(kept, |end| end.min(kept));
            let owner = owner(self.index, asked_access(&it));
            rows.push(Row { it, digest, owner, until });
        }
        Ok(rows)
    }

    /// The rows that the person may answer, by owner; and how many are the person's own access, or others' to answer.
    fn split(&self, all: Vec<Row<'s>>) -> (Vec<Row<'s>>, usize, usize) {
        let (mut mine, mut own, mut others) = (Vec::new(), 0_usize, 0_usize);
        for row in all {
            match self.may.refuses(self.index, asked_access(&row.it)) {
                None => mine.push(row),
                Some(NotYours::Own) => own = own.saturating_add(1),
                Some(NotYours::Others) => others = others.saturating_add(1),
            }
        }
        mine.sort_by(|a, b| (a.owner, !a.it.is_privileged).cmp(&(b.owner, !b.it.is_privileged)));
        (mine, own, others)
    }

    fn card(&self, row: &Row<'s>) -> RecertifyCard {
        let access = &row.it.access;
        let kind = match (self.index.identity(access.who.raw()), self.index.group(access.who.raw())) {
            (Some(identity), _) => identity.kind.name(),
            (None, Some(_)) => "group",
            (None, None) => "unknown to the snapshot",
        };
        let mut facts = vec![Sentence::of(format!("kind: {kind}; {}", access.mode))];
        facts.push(match access.until {
            Some(until) => Sentence::of(format!("ends at {until}")),
            None => Sentence::of("no expiry"),
        });
        if let Some(it) = row.it.assignment {
            let at = |what: &'static str, at: Option<Time>| {
                Sentence::of(at.map_or_else(|| format!("{what}: not known"), |at| format!("{what}: {at}")))
            };
            facts.extend([at("granted", it.granted_at), at("last used", it.last_used)]);
            facts.push(Sentence::of("assignment ").id(&it.id));
        }
        if row.it.is_privileged {
            facts.push(Sentence::of("privileged or unclassified"));
        }
        facts.push(Sentence::of(format!("`keep` holds until {}", row.until)));
        RecertifyCard {
            owner: match row.owner {
                Some(owner) => Sentence::of("owner: ").id(owner),
                None => Sentence::of("no owner"),
            },
            access: described(row),
            facts,
            gives: self.gives(row),
            word: row.it.is_privileged.then(|| word_of(&access.what)),
        }
    }

    /// What the access gives: the permissions of the role and those that it includes, or everything that the group reaches.
    fn gives(&self, row: &Row<'s>) -> Vec<Sentence> {
        let what = &row.it.access.what;
        let mut lines = Vec::new();
        if row.it.access.holds == "membership" {
            let reached = effective(self.index, &Subject::Group(GroupId::new(what.raw())));
            lines.extend(reached.iter().map(|it| {
                let says = Sentence::of("the group reaches ").then(access(&it.access));
                if it.eligible { says.own(", after an activation") } else { says }
            }));
        } else {
            let (mut open, mut seen) = (vec![RoleId::new(what.raw())], BTreeSet::new());
            while let Some(id) = open.pop() {
                if !seen.insert(id.clone()) {
                    continue;
                }
                match self.index.role(id.as_str()) {
                    Some(role) => {
                        lines.extend(role.permissions.iter().map(permission));
                        open.extend(role.includes.iter().cloned());
                    }
                    None => lines.push(Sentence::of("role ").id(&id).own(", which the snapshot does not describe")),
                }
            }
        }
        if lines.is_empty() {
            lines.push(Sentence::of("nothing that the snapshot shows"));
        }
        lines
    }

    /// The plan that revokes what is no longer needed; `None` if everything is.
    fn plan(&self, answered: &[(&Row<'s>, CardAnswer)]) -> anyhow::Result<Option<String>> {
        let now = self.asked.opened.now;
        let by = self.asked.me.signer.person.as_str();
        let revoked = answered.iter().filter(|(_, answer)| *answer == CardAnswer::Revoke);
        let revocations: Vec<Revocation> = revoked
            .map(|(row, _)| {
                let access = &row.it.access;
                let is_membership = access.holds == "membership";
                Revocation {
                    who: access.who.clone(),
                    role: (!is_membership).then(|| RoleId::new(access.what.raw())),
                    group: is_membership.then(|| GroupId::new(access.what.raw())),
                    scope: access.scope.as_ref().map(|scope| ResourceId::new(scope.raw())),
                    assignment: row.it.assignment.map(|it| it.id.clone()),
                    reason: format!("{by} no longer considers it needed, at the recertification of {now}."),
                }
            })
            .collect();
        if revocations.is_empty() {
            return Ok(None);
        }
        let of = RevokingPlan {
            id: format!("recertification-{}", now.unix()),
            change_prefix: "revoke",
            proposer: revoking::proposer(&self.asked.opened.site.agents, self.request.proposer.as_deref())?,
            on_behalf_of: self.request.on_behalf_of.as_deref().map(IdentityId::new),
            task: self.request.task.as_deref().map(TaskId::new),
            intent: format!("Revoke access that {by} no longer considers needed."),
        };
        revoking::plan(of, &revocations, now).map(Some)
    }

    fn write(
        &self,
        answered: &[(&Row<'s>, CardAnswer)],
        population: Digest<of::Population>,
        count: usize,
    ) -> anyhow::Result<()> {
        let snapshot: &Snapshot = &self.read.snapshot;
        let (taken_at, targets) = (snapshot.taken_at, entries::targets(snapshot));
        let shot = SnapshotDigest { sha256: self.read.digest, taken_at, targets };
        self.asked.write(FreezeAction::Freeze, &mut |draft, at| {
            let mut out = Vec::new();
            for (row, answer) in answered {
                let text = canonical::to_bytes(&row.it.access)?;
                let access = Value::Inline(Text::from(String::from_utf8(text)?));
                let (answer, reason, until) = match answer {
                    CardAnswer::Keep => (RecertificationAnswer::Keep, None, Some(row.until)),
                    CardAnswer::Revoke => (RecertificationAnswer::Revoke, None, None),
                    CardAnswer::Change(what) => (RecertificationAnswer::Change, Some(Text::from(what.as_str())), None),
                };
                let line = |prev| {
                    Line::Recertification(Box::new(Recertification {
                        access,
                        answer,
                        at,
                        count: Number::of(count),
                        population,
                        prev,
                        reason,
                        scope: self.request.scope.as_deref().map(Text::from),
                        snapshot: shot.clone(),
                        r#type: Tag::new(),
                        until,
                    }))
                };
                out.extend(draft.push(line)?.bytes);
            }
            Ok(out)
        })
    }
}

/// The resources at and below a scope, and the groups that hold something there, with the groups in them.
struct RowsOfScope<'s> {
    resources: BTreeSet<&'s str>,
    groups: BTreeSet<&'s str>,
}

impl<'s> RowsOfScope<'s> {
    fn of(index: &Index<'s>, scope: &str) -> anyhow::Result<Self> {
        let snapshot = index.snapshot();
        let names = || snapshot.resources.iter().map(|it| it.id.as_str());
        let Some(root) = index.resource(scope) else {
            let near = crate::input::nearest::nearest(scope, names());
            let help = near
                .map_or_else(|| "name a resource of the snapshot".to_owned(), |near| format!("did you mean `{near}`?"));
            return Err(anyhow!(hinted(
                format!("the snapshot has no resource `{}`", Text::from(scope).terminal()),
                help
            )));
        };
        let mut resources = BTreeSet::from([root.id.as_str()]);
        // WHY a loop: a snapshot lists resources in any order.
        loop {
            let below = snapshot
                .resources
                .iter()
                .filter(|it| it.parent.as_ref().is_some_and(|parent| resources.contains(parent.as_str())));
            let below: Vec<&str> = below.map(|it| it.id.as_str()).filter(|id| !resources.contains(id)).collect();
            if below.is_empty() {
                break;
            }
            resources.extend(below);
        }
        let here = |it: &&crate::snapshot::model::Assignment| {
            it.scope.as_ref().is_some_and(|scope| resources.contains(scope.as_str()))
        };
        let holders = snapshot.assignments.iter().filter(here).map(|it| it.who.raw());
        let mut open: Vec<&str> = holders.filter_map(|who| index.group(who)).map(|it| it.id.as_str()).collect();
        let mut groups = BTreeSet::new();
        while let Some(name) = open.pop() {
            if !groups.insert(name) {
                continue;
            }
            open.extend(index.group(name).into_iter().flat_map(|it| &it.nested).map(Id::as_str));
            let joined =
                snapshot.assignments.iter().filter(|it| it.member_of.as_ref().is_some_and(|of| of.as_str() == name));
            open.extend(joined.filter_map(|it| index.group(it.who.raw())).map(|it| it.id.as_str()));
        }
        Ok(Self { resources, groups })
    }

    fn has(&self, it: &RatedAccess<'_>) -> bool {
        let access = &it.access;
        if access.holds == "membership" {
            return self.groups.contains(access.what.raw());
        }
        access.scope.as_ref().is_some_and(|scope| self.resources.contains(scope.raw()))
    }
}

fn asked_access<'a>(it: &'a RatedAccess<'_>) -> AskedAccess<'a> {
    let access = &it.access;
    AskedAccess {
        who: access.who.raw(),
        is_membership: access.holds == "membership",
        what: access.what.raw(),
        scope: access.scope.as_ref().map(Text::raw),
    }
}

fn population_digest(all: &[Row<'_>]) -> anyhow::Result<Digest<of::Population>> {
    let digests: BTreeSet<Digest<of::Access>> = all.iter().map(|row| row.digest).collect();
    Ok(Digest::of(&canonical::to_bytes(&digests)?))
}

fn described(row: &Row<'_>) -> Sentence {
    let access = &row.it.access;
    let holds = if access.holds == "membership" { ": membership of " } else { ": role " };
    let says = Sentence::new().name(&access.who).own(holds).name(&access.what);
    match &access.scope {
        Some(scope) => says.own(" in ").name(scope),
        None if access.holds == "membership" => says,
        None => says.own(", everywhere"),
    }
}

fn permission(it: &Permission) -> Sentence {
    let deny = if it.effect == Effect::Deny { "deny " } else { "" };
    let says = Sentence::of(deny).name(&it.action).own(" on ").name(&it.resource);
    let says = says.maybe(it.condition.as_ref(), |says, condition| says.own(" if ").name(condition));
    match it.except.len() {
        0 => says,
        n => says.own(format!(", except {}", counted(n as u64, "pattern", "patterns"))),
    }
}

/// The word that keeps a privileged access: its name, if a person can type it.
fn word_of(what: &Text) -> String {
    let name = what.raw();
    let is_plain = name.bytes().all(|b| b.is_ascii_graphic() && b != b'`');
    if is_plain && (4..=80).contains(&name.len()) { name.to_owned() } else { "keep-privileged".to_owned() }
}

fn counts(answered: &[(&Row<'_>, CardAnswer)]) -> (u64, u64, u64) {
    let of = |is_it: &dyn Fn(&CardAnswer) -> bool| answered.iter().filter(|(_, it)| is_it(it)).count() as u64;
    let changed = of(&|it| matches!(it, CardAnswer::Change(_)));
    (of(&|it| *it == CardAnswer::Keep), of(&|it| *it == CardAnswer::Revoke), changed)
}

fn question(answered: &[(&Row<'_>, CardAnswer)], count: usize, skipped: usize, left: &str) -> Affirmation {
    let mut about: Vec<Sentence> = Vec::with_capacity(answered.len().saturating_add(2));
    for (row, answer) in answered {
        let access = described(row);
        about.push(match answer {
            CardAnswer::Keep => Sentence::of(format!("keep until {}: ", row.until)).then(access),
            CardAnswer::Revoke => Sentence::of("revoke: ").then(access),
            CardAnswer::Change(what) => {
                Sentence::of("change: ").then(access).own("; ").quote(&Text::from(what.as_str()))
            }
        });
    }
    let of = counted(count as u64, "access", "accesses");
    about.push(Sentence::of(format!("the population has {of}; {skipped} of yours stay open; {left}")));
    Affirmation {
        heading: "Record these answers?",
        about,
        consequence: "It approves and rejects no change. What is kept is due again at its end; what is revoked becomes a plan.",
        word: "recertify",
        effect: "to sign",
        otherwise: "to record nothing",
    }
}

fn left_to_others(own: usize, others: usize) -> String {
    format!("{own} are your own access, {others} belong to other owners")
}

fn summary(answered: &[(&Row<'_>, CardAnswer)], skipped: usize, left: &str) -> String {
    let (kept, revoked, changed) = counts(answered);
    let mut says = format!("recorded: {kept} kept, {revoked} to revoke, {changed} to change; {skipped} open; {left}");
    if changed > 0 {
        says.push_str("\nwrite a plan for what shall change; `review due` lists it until then");
    }
    says
}
