//! Freezes: who is behind what is frozen, and what policy permits people about it.

use std::collections::{BTreeMap, BTreeSet};

use crate::app::plans::evaluated_plan::task_view;
use crate::app::record::signing_keys::Keys;
use crate::app::site::load::Site;
use crate::decision::case::Signer;
use crate::decision::recorded::freezes::FrozenBy;
use crate::decision::recorded::record::{Record, RecordedFreeze, ThawPower};
use crate::input::digest::{Digest, of};
use crate::input::finding::{Code, Finding, Severity};
use crate::input::id::{IdentityId, PlanId, TaskId};
use crate::input::place::Place;
use crate::input::text::Text;
use crate::input::time::Time;
use crate::log::line::{FreezeKind, Line};
use crate::log::verify::answers::{Recorded, Verification};
use crate::policy::{
    FreezeAction, FreezeInput, KeyFacts, KnownIdentity, MayFreeze, PeopleView, TaskView, may_freeze,
    may_override_freeze,
};
use crate::report::model::FreezeReport;
use crate::trust::proposer::{Prover, Way};

/// What a freeze stops, with the people behind it.
pub struct FreezeSubject<'s> {
    site: &'s Site,
    kind: FreezeKind,
    agent: Option<IdentityId>,
    task: Option<TaskView>,
    plan: Option<PlanId>,
    sponsors: BTreeSet<IdentityId>,
    people: PeopleView,
    identities: BTreeMap<IdentityId, KnownIdentity>,
    now: Time,
}

impl<'s> FreezeSubject<'s> {
    /// What has this kind and name. Sponsors are those that `tasks.yaml` lists for it, and those of decided plans.
    #[must_use]
    pub fn new(site: &'s Site, record: &Record, kind: FreezeKind, name: Option<&Text>, now: Time) -> Self {
        let name = name.map_or("", Text::raw);
        let is = |wanted: FreezeKind, id: &str| kind == wanted && id == name;
        let documents = || record.decisions.iter().map(|decision| &decision.document);
        let of = documents().filter(|it| {
            is(FreezeKind::Agent, it.proposer.as_str())
                || is(FreezeKind::Plan, it.plan.as_str())
                || it.task.as_ref().is_some_and(|task| is(FreezeKind::Task, task.as_str()))
        });
        let mut sponsors: BTreeSet<IdentityId> = of.filter_map(|it| it.sponsor.clone()).collect();
        for task in site.tasks.all() {
            let works = task.agents.iter().any(|agent| is(FreezeKind::Agent, agent.value.as_str()));
            if works || is(FreezeKind::Task, task.id.value.as_str()) {
                sponsors.extend(task.sponsors.iter().map(|sponsor| sponsor.value.clone()));
            }
        }
        let agent = match kind {
            FreezeKind::Agent => Some(IdentityId::new(name)),
            FreezeKind::Plan => {
                documents().find(|it| it.plan.as_str() == name).map(|it| IdentityId::new(it.proposer.as_str()))
            }
            FreezeKind::All | FreezeKind::Task => None,
        };
        let task = site.tasks.get(&TaskId::new(name)).filter(|_| kind == FreezeKind::Task);
        let mut wanted = sponsors.clone();
        wanted.extend(agent.clone());
        wanted.extend(site.people.all().iter().flat_map(|person| &person.identities).map(|id| id.value.clone()));
        let identities = site
            .snapshot
            .identities
            .iter()
            .filter(|it| wanted.contains(&it.id))
            .map(|it| (it.id.clone(), KnownIdentity { kind: it.kind, status: it.status, owner: it.owner.clone() }));
        Self {
            site,
            kind,
            agent,
            task: task.map(|task| task_view(task, now, true)),
            plan: (kind == FreezeKind::Plan).then(|| PlanId::new(name)),
            sponsors,
            people: site.people_views(),
            identities: identities.collect(),
            now,
        }
    }

    fn input(&self) -> FreezeInput<'_> {
        FreezeInput {
            kind: self.kind.word(),
            agent: self.agent.clone(),
            task: self.task.as_ref(),
            plan: self.plan.clone(),
            sponsors: self.sponsors.clone(),
            people: &self.people,
            identities: &self.identities,
            parameters: self.site.parameters(),
            now: self.now,
        }
    }

    /// Whether policy permits a person to freeze it, or to agree to thaw it.
    #[must_use]
    pub fn may(&self, action: FreezeAction, signer: &Signer, key: &KeyFacts) -> MayFreeze {
        may_freeze(&self.site.pack, &self.input(), action, &signer.person, key)
    }

    fn power(&self, signer: &Signer, key: &KeyFacts) -> ThawPower {
        if !self.may(FreezeAction::Thaw, signer, key).permitted {
            return ThawPower::None;
        }
        if may_override_freeze(&self.site.pack, &self.input(), &signer.person, key) {
            ThawPower::Override
        } else {
            ThawPower::Thaw
        }
    }
}

/// Fills in what policy permits the people who thawed. A thaw by a key with a second role does not count.
pub fn judge_thaws(record: &mut Record, site: &Site, keys: &Keys, now: Time) {
    let mut powers = Vec::with_capacity(record.thaws.len());
    for thaw in &record.thaws {
        let freeze = record.freezes.iter().find(|freeze| freeze.line == thaw.freeze);
        let barred = keys.bars_deciding(&site.provers, thaw.signer.key.raw()).is_some();
        powers.push(match freeze.filter(|_| !barred) {
            Some(freeze) => {
                FreezeSubject::new(site, record, freeze.kind, freeze.name.as_ref(), now).power(&thaw.signer, &thaw.key)
            }
            None => ThawPower::None,
        });
    }
    for (thaw, power) in record.thaws.iter_mut().zip(powers) {
        thaw.power = power;
    }
}

/// The credentials by which a proposer proves its plans, as a freeze names them.
#[must_use]
pub fn proofs(prover: &Prover) -> BTreeSet<Text> {
    let of = |way: &Way| match way {
        Way::Key { key, .. } => format!("key {}", key.fingerprint()),
        Way::Certificate { authority, principal } => {
            format!("certificate {} {}", authority.fingerprint(), principal.raw())
        }
        Way::Token(token) => format!("token {} {}", token.issuer.raw(), token.subject.raw()),
    };
    prover.ways.iter().map(|way| Text::from(of(way))).collect()
}

/// A freeze as reports show it.
#[must_use]
pub fn report(freeze: &RecordedFreeze, record: &Record) -> FreezeReport {
    FreezeReport {
        kind: freeze.kind.word(),
        name: freeze.name.clone(),
        by: freeze.author.text(),
        at: freeze.at,
        until: freeze.until,
        reason: freeze.reason.clone(),
        thawed_by: record.thawing(freeze).keys().map(|signer| signer.person.text()).collect(),
        by_proof: false,
        line: freeze.line,
    }
}

/// A freeze that stops a change, as reports show it.
#[must_use]
pub fn stops(it: &FrozenBy) -> FreezeReport {
    FreezeReport {
        thawed_by: it.thawed_by.iter().map(crate::input::id::Id::text).collect(),
        by_proof: it.by_proof,
        ..report(&it.freeze, &Record::default())
    }
}

/// A note for each freeze that has not ended, with the hash of its line. No policy judges who thawed it.
#[must_use]
pub fn unjudged(verified: &Verification, now: Time) -> Vec<(Digest<of::Line>, Finding)> {
    let lines = || verified.sessions.iter().flat_map(|view| view.lines.iter().map(move |line| (view, line)));
    let mut found = Vec::new();
    for (view, line) in lines() {
        let Line::Freeze(freeze) = &line.value else { continue };
        if freeze.until <= now {
            continue;
        }
        let thaws = |line: &Recorded<Line>, of| matches!(&line.value, Line::Thaw(thaw) if thaw.freeze == of);
        let writers = lines().filter(|(_, it)| thaws(it, line.digest)).map(|(view, _)| &view.header.writer.principal);
        let by: BTreeSet<Text> = writers.map(crate::input::id::Id::text).collect();
        let shown = FreezeReport {
            kind: freeze.kind.word(),
            name: freeze.name.clone(),
            by: view.header.writer.principal.text(),
            at: freeze.at,
            until: freeze.until,
            reason: freeze.reason.clone(),
            thawed_by: by.into_iter().collect(),
            by_proof: false,
            line: line.digest,
        };
        let place = Place::line(&view.file, u32::try_from(line.line).unwrap_or(u32::MAX));
        let help = "`review gate` and `review status` show whether policy lets enough of these people thaw it";
        let says = if shown.thawed_by.len() > 1 {
            shown.what().own(format!(" was frozen until {}, and thawed by ", freeze.until)).names(&shown.thawed_by)
        } else {
            shown.sentence()
        };
        let finding = Finding::new(Code::FreezeInForce, says.text()).weighing(Severity::Note);
        found.push((line.digest, finding.at(&place).help(help)));
    }
    found
}

/// A warning for each freeze in force.
#[must_use]
pub fn findings(record: &Record, now: Time) -> Vec<Finding> {
    let one = |freeze: &RecordedFreeze| {
        Finding::new(Code::FreezeInForce, report(freeze, record).sentence().text()).help(
            "changes that only take access pass; its author and one more, or two people permitted to override, end it \
             with `review thaw`",
        )
    };
    record.freezes_in_force(now).map(one).collect()
}
