//! An evaluated plan: a plan with its analysis, the outcome of every change, and what decisions on them are bound to.
//!
//! Combines `access`, `policy` and `decision` for a site and a plan file. Returns [`EvaluatedPlan`], or the faults that
//! make the plan invalid.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::access::model::facts::Analysis;
use crate::access::{Index, PendingChange, TaskScope};
use crate::app::io::progress;
use crate::app::plans::excess_access::beyond;
use crate::app::plans::plan_file::PlanFile;
use crate::app::plans::provenance::Origin;
use crate::app::site::load::{Faults, Site};
use crate::config::Task;
use crate::decision::case::{CaseId, EvaluatedChange};
use crate::decision::digest::{DigestBinding, Digested, change_digest, emergent};
use crate::decision::recorded::record::CLOCK_SKEW_SECONDS;
use crate::decision::translate;
use crate::input::finding::{Code, Finding};
use crate::input::id::{ChangeId, IdentityId};
use crate::input::text::Text;
use crate::input::time::{Span, Time};
use crate::plan::model::Plan;
use crate::policy::{History, Judged, PlanJudged, PolicyInput, Proof, TaskView};
use crate::{access, policy};

/// A plan, analysed and judged.
pub struct EvaluatedPlan<'s> {
    /// The site.
    pub site: &'s Site,
    /// The file.
    pub file: PlanFile,
    /// The plan.
    pub plan: Plan,
    /// Its facts.
    pub analysis: Analysis,
    /// All people.
    pub people: policy::PeopleView,
    /// Owners that the plan itself sets.
    pub appointed: policy::Appointed,
    /// The proven author.
    pub origin: Origin,
    /// The proof as input for policy.
    pub proof: Proof,
    /// Whether the whole plan is denied because it lacks a valid proof: then no one can approve any of it.
    pub unproven: bool,
    /// The task, if `tasks.yaml` has it.
    pub task: Option<TaskView>,
    /// The recorded history per change.
    pub history: BTreeMap<ChangeId, History>,
    /// The document and digest of every change.
    pub digested: Vec<Digested>,
    /// The outcome of every change.
    pub judged: Vec<Judged>,
    /// The outcome of the plan as a whole.
    pub plan_judged: PlanJudged,
    /// The current state of each change, to which decisions are bound.
    pub presents: Vec<EvaluatedChange>,
    /// Findings about the plan.
    pub findings: Vec<Finding>,
    /// When it was evaluated.
    pub now: Time,
    /// Known pending changes of other plans, and of earlier versions of this one.
    pub approved: Vec<PendingChange>,
}

impl<'s> EvaluatedPlan<'s> {
    /// Parses, analyses and judges a plan.
    ///
    /// # Errors
    /// The faults that make the plan invalid.
    pub fn judge(
        site: &'s Site,
        index: &Index<'s>,
        file: &PlanFile,
        now: Time,
        approved: &[PendingChange],
        history: impl Fn(&Plan, &Analysis, &[Digested]) -> BTreeMap<ChangeId, History>,
    ) -> Result<Self, Faults> {
        let _watch = progress::watch("analysing the plan", None);
        let faults =
            |findings| Faults { findings, sources: BTreeMap::from([(file.name.clone(), Rc::clone(&file.bytes))]) };
        let plan = crate::plan::read(&file.name, &file.bytes).map_err(&faults)?;
        let origin = Origin::of(site, &plan, file, now);
        // WHY here: if only some changes are judged again, the others still belong to this plan.
        let approved: Vec<PendingChange> = approved.iter().filter(|one| !one.is_of(&plan)).cloned().collect();
        Self::analyse(site, index, file, plan, origin, (now, &approved), history).map_err(faults)
    }

    /// Analyses and judges only these changes, as a plan of its own, together with the given pending changes.
    ///
    /// # Errors
    /// The faults that they have without the others.
    pub fn only(
        &self,
        index: &Index<'s>,
        changes: &BTreeSet<ChangeId>,
        held: &[PendingChange],
    ) -> Result<Self, Vec<Finding>> {
        let mut plan = self.plan.clone();
        plan.changes.retain(|change| changes.contains(&change.id.value));
        let history = self.history.clone();
        let origin = self.origin.clone();
        Self::analyse(self.site, index, &self.file, plan, origin, (self.now, held), |_, _, _| history.clone())
    }

    fn analyse(
        site: &'s Site,
        index: &Index<'s>,
        file: &PlanFile,
        plan: Plan,
        origin: Origin,
        (now, approved): (Time, &[PendingChange]),
        history: impl Fn(&Plan, &Analysis, &[Digested]) -> BTreeMap<ChangeId, History>,
    ) -> Result<Self, Vec<Finding>> {
        let mut findings = notes(site, &plan, now);
        let known = plan.task.as_ref().and_then(|task| site.tasks.get(&task.value));
        let listed = known.is_some_and(|t| t.lists(&plan.proposer.value, plan.on_behalf_of.as_ref().map(|s| &s.value)));
        let scope = known.map(|task| task_scope(task, now, listed));
        let identities: Vec<BTreeSet<IdentityId>> = site
            .people
            .all()
            .iter()
            .map(|person| person.identities.iter().map(|i| i.value.clone()).collect())
            .collect();
        let mut problems = Vec::new();
        if site.agents.get(plan.proposer.value.as_str()).is_none() {
            problems.push(
                Finding::new(
                    Code::UnknownProposer,
                    format!("`{}` is not a proposer in agents.yaml", plan.proposer.value.as_str()),
                )
                .at(&plan.proposer.place)
                .help("add the assistant to agents.yaml (a person with `kind: person`), or correct `proposer`"),
            );
        }
        let question = access::AnalysisRequest {
            plan: &plan,
            snapshot: &site.snapshot,
            index,
            data: &site.data,
            task: scope.as_ref(),
            people: &identities,
            now,
            only: None,
            approved,
            budget: access::Budget::default(),
        };
        let analysed = access::analyse(&question);
        let analysis = match analysed {
            Ok(analysis) if problems.is_empty() => analysis,
            Ok(_) => return Err(problems),
            Err(more) => {
                problems.extend(more);
                return Err(problems);
            }
        };
        let mut digested = Vec::with_capacity(plan.changes.len());
        let log = site.settings.log_id.as_ref().map(|id| &id.value);
        let binding = DigestBinding { snapshot: &site.snapshot, log };
        for (change, facts) in plan.changes.iter().zip(&analysis.changes) {
            match change_digest(&plan, change, facts, &binding) {
                Ok(digest) => digested.push(digest),
                Err(e) => problems.push(
                    Finding::new(Code::BadValue, format!("change `{}` has no digest: {e}", change.id.value.as_str()))
                        .at(&change.id.place),
                ),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let task = known.map(|task| task_view(task, now, listed));
        let overbroad = match site.agents.get(plan.proposer.value.as_str()) {
            Some(agent) => beyond(index, agent),
            None => crate::access::queries::excess::overbroad(index, &plan.proposer.value, &[]),
        };
        if let Some(example) = &overbroad {
            let id = plan.proposer.value.as_str();
            findings
                .push(crate::app::plans::excess_access::finding("the proposer", id, example).at(&plan.proposer.place));
        }
        let proof = origin.proof(overbroad.is_some());
        findings.extend(analysis.findings.iter().cloned());
        let history = history(&plan, &analysis, &digested);
        findings.extend(resemblances(&plan, &history));
        let mut proposal = Self {
            site,
            file: file.clone(),
            people: site.people_views(),
            appointed: policy::Appointed::of(&plan),
            plan,
            analysis,
            origin,
            proof,
            unproven: false,
            task,
            history,
            digested,
            judged: Vec::new(),
            plan_judged: PlanJudged { denials: Vec::new(), overridable: false, advice: Vec::new(), case: None },
            presents: Vec::new(),
            findings,
            now,
            approved: approved.to_vec(),
        };
        proposal.ask_policy();
        Ok(proposal)
    }

    fn ask_policy(&mut self) {
        let (mut judged, mut plan_judged) = {
            let matter = self.matter();
            let judged: Vec<Judged> =
                (0..self.plan.changes.len()).map(|at| policy::outcome(&self.site.pack, &matter, at)).collect();
            (judged, policy::submit(&self.site.pack, &matter))
        };
        let defaults = &self.site.settings.defaults;
        for judged in &mut judged {
            judged.call_defaults(defaults);
        }
        plan_judged.call_defaults(defaults);
        self.unproven = self.lacks_proof(&plan_judged);
        self.presents = self
            .judged_pairs(&judged)
            .map(|(facts, digested, judged)| EvaluatedChange {
                case: CaseId { plan: self.plan.id.value.clone(), change: facts.id.clone() },
                digest: digested.digest,
                document: std::sync::Arc::clone(&digested.document),
                emergent: emergent(&self.analysis, facts),
                outcome: translate::outcome(judged),
                depends_on: facts.depends_on.clone(),
            })
            .collect();
        self.judged = judged;
        self.plan_judged = plan_judged;
    }

    /// Whether the plan is denied because it lacks a valid proof: with one it would have fewer denials.
    fn lacks_proof(&self, judged: &PlanJudged) -> bool {
        if judged.passes() {
            return false;
        }
        let good = Proof {
            method: "ssh-certificate".to_owned(),
            proven: Some(self.plan.proposer.value.clone()),
            credential_ttl: Some(Span::from_seconds(1)),
            refused: None,
            overbroad: self.proof.overbroad,
        };
        let proven = policy::submit(&self.site.pack, &PolicyInput { proof: &good, ..self.matter() });
        proven.denials.len() < judged.denials.len()
    }

    fn judged_pairs<'a>(
        &'a self,
        judged: &'a [Judged],
    ) -> impl Iterator<Item = (&'a crate::access::model::facts::ChangeFacts, &'a Digested, &'a Judged)> {
        self.analysis.changes.iter().zip(&self.digested).zip(judged).map(|((f, d), j)| (f, d, j))
    }

    /// The input of policy queries.
    #[must_use]
    pub fn matter(&self) -> PolicyInput<'_> {
        PolicyInput {
            plan: &self.plan,
            analysis: &self.analysis,
            appointed: &self.appointed,
            people: &self.people,
            parameters: self.site.parameters(),
            proof: &self.proof,
            task: self.task.as_ref(),
            history: &self.history,
            now: self.now,
        }
    }

    /// The location of a change in the plan.
    #[must_use]
    pub fn position(&self, change: &ChangeId) -> Option<usize> {
        self.plan.changes.iter().position(|c| c.id.value == *change)
    }

    /// Whether the plan's expiry has passed.
    #[must_use]
    pub fn is_expired(&self) -> bool {
        self.plan.expires.value <= self.now
    }

    /// Whether the snapshot is older than the site allows.
    #[must_use]
    pub fn snapshot_is_stale(&self) -> bool {
        snapshot_is_stale(self.site, self.now)
    }
}

/// Changes that were rejected before and are proposed again, with the reason given then.
fn resemblances(plan: &Plan, history: &BTreeMap<ChangeId, History>) -> Vec<Finding> {
    let mut found = Vec::new();
    for change in &plan.changes {
        let Some(earlier) = history.get(&change.id.value).and_then(|h| h.earlier.first()) else { continue };
        let how = if earlier.part { "gives part of" } else { "comes back to" };
        let why = earlier.reason.as_ref().map_or("", Text::raw);
        let message = format!(
            "change `{}` {how} what `{}` rejected in `{}` at {}: {why}",
            change.id.value.as_str(),
            earlier.who.as_str(),
            earlier.plan.as_str(),
            earlier.at,
        );
        found.push(
            Finding::new(Code::RejectedBefore, message)
                .at(&change.action_place)
                .help("ask what has changed since then before you decide differently"),
        );
    }
    found
}

fn snapshot_is_stale(site: &Site, now: Time) -> bool {
    match now.since(site.snapshot.taken_at) {
        Some(age) => age > site.settings.max_snapshot_age,
        None => is_from_future(site, now),
    }
}

/// Whether the snapshot's time is further in the future than clocks may differ.
fn is_from_future(site: &Site, now: Time) -> bool {
    site.snapshot.taken_at > now.plus(Span::from_seconds(CLOCK_SKEW_SECONDS))
}

/// A task as input for policy.
pub(crate) fn task_view(task: &Task, now: Time, listed: bool) -> TaskView {
    TaskView {
        id: task.id.value.clone(),
        owner: task.owner.as_ref().map(|o| o.value.clone()),
        open: task.is_open(now) && listed,
        until: Some(task.until),
        goes_on: task.is_open(now),
        agents: task.agents.iter().map(|agent| agent.value.clone()).collect(),
        sponsors: task.sponsors.iter().map(|sponsor| sponsor.value.clone()).collect(),
        scopes: task.scope.iter().map(|scope| scope.value.clone()).collect(),
    }
}

fn task_scope(task: &Task, now: Time, listed: bool) -> TaskScope {
    TaskScope {
        open: task.is_open(now),
        lists_proposer_and_sponsor: listed,
        scopes: task.scope.iter().map(|s| s.value.clone()).collect(),
        until: Some(task.until),
    }
}

/// Findings about a plan as a whole.
fn notes(site: &Site, plan: &Plan, now: Time) -> Vec<Finding> {
    let mut found = crate::app::plans::drafted::findings(plan);
    if plan.expires.value <= now {
        found.push(
            Finding::new(Code::PlanExpired, format!("the plan expired at {}", plan.expires.value))
                .at(&plan.expires.place)
                .help("have the assistant write a new plan"),
        );
    }
    if let Some(made_from) = plan.snapshot.as_ref().filter(|s| s.value != site.snapshot_digest) {
        found.push(
            Finding::new(
                Code::SnapshotDiffers,
                "the plan was made from another snapshot; all facts are of the current one",
            )
            .at(&made_from.place),
        );
    }
    if is_from_future(site, now) {
        found.push(
            Finding::new(
                Code::SnapshotFuture,
                format!("the snapshot has a time in the future, {}", site.snapshot.taken_at),
            )
            .help("export a new one, and check the clock"),
        );
    } else if snapshot_is_stale(site, now) {
        found.push(
            Finding::new(
                Code::SnapshotStale,
                format!(
                    "the snapshot was taken at {}, which is older than `max_snapshot_age` ({})",
                    site.snapshot.taken_at, site.settings.max_snapshot_age
                ),
            )
            .help("export a new one with `review snapshot import`"),
        );
    }
    if let Some(task) = plan.task.as_ref().filter(|t| site.tasks.get(&t.value).is_none()) {
        found.push(
            Finding::new(Code::UnknownTask, format!("the task `{}` is not in tasks.yaml", task.value.as_str()))
                .at(&task.place)
                .help("open the task in tasks.yaml, or correct `task`"),
        );
    }
    found
}
