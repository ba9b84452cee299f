//! Builds the facts of the report.
//!
//! Converts a plan and its analysis. Outcomes, steps, policies, digests and decisions are set by `app`; until then a
//! change is `unjudged` and open.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::model::facts::{
    Affected, Analysis, AssignmentTerms, ChangeFacts, Emergent, EmergentWhat, Escalation, Kept, MassRemoval, Outside,
    SodConflict, Truncated,
};
use crate::input::id::Subject;
use crate::input::text::Text;
use crate::plan::model::{Change, Plan};

use super::contents::ContentsReport;
use super::effects::AccessList;
use super::model::{
    AlreadyReport, Alteration, ChangeReport, EmergentReport, EscalationReport, KeptReport, OutcomeReport,
    OutsideReport, PlanReport, RemovalReport, SodReport, State, Totals,
};
use super::sentence::{Sentence, access, counted, how_many, number, path, scope, subject, through};
use crate::report::action::action;
use crate::report::limits::Limits;

/// The maximum number of paths named in a line about paths that give nothing new.
const MOST_PATHS: usize = 4;

/// The facts of a plan. `file` is the plan's name as given by the user.
#[must_use]
pub fn plan(plan: &Plan, analysis: &Analysis, file: &str, show: Limits) -> PlanReport {
    let changes: Vec<ChangeReport> = plan
        .changes
        .iter()
        .filter_map(|it| {
            let facts = analysis.changes.iter().find(|facts| facts.id == it.id.value)?;
            Some(change(it, facts, show))
        })
        .collect();
    let mut report = PlanReport {
        id: plan.id.value.clone(),
        file: Text::from(file),
        digest: plan.digest,
        proposer: plan.proposer.value.text(),
        authenticated: Sentence::new(),
        sponsor: plan.on_behalf_of.as_ref().map(|s| s.value.text()),
        task: plan.task.as_ref().map(|t| t.value.text()),
        targets: Vec::new(),
        intent: plan.intent.value.clone(),
        expires: plan.expires.value,
        policies: Vec::new(),
        changes,
        emergent: analysis.emergent.iter().map(emergent).collect(),
        lost_together: analysis.lost_together.iter().map(emergent).collect(),
        mass_removals: analysis.mass_removals.iter().map(removal).collect(),
        totals: Totals::default(),
    };
    report.totals = Totals {
        gained: count(analysis.effects.gained.len()),
        lost: count(analysis.effects.lost.len()),
        gained_eligible: count(analysis.effects.gained_eligible.len()),
        gained_privileged: analysis.gained_privileged,
        emergent: count(analysis.emergent.len()),
        identities: analysis.concerned.identities,
        at_least: analysis.concerned.at_least,
        ..Totals::default()
    };
    report.count_outcomes();
    // WHY: a long list is not shown completely, so the severe entries come first.
    let grave: Vec<bool> = report.emergent.iter().map(EmergentReport::is_grave).collect();
    for change in &mut report.changes {
        change.emergent.sort_by_key(|at| !grave.get(*at).copied().unwrap_or(true));
        let together = change.emergent.iter().filter(|at| grave.get(**at).copied().unwrap_or(true)).count();
        change.severe = change.severe.saturating_add(count(together));
    }
    report
}

impl PlanReport {
    /// Counts changes by outcome again, after outcomes were set.
    pub fn count_outcomes(&mut self) {
        let of = |outcome: OutcomeReport| count(self.changes.iter().filter(|c| c.outcome == outcome).count());
        let (denied, needs, auto) = (of(OutcomeReport::Denied), of(OutcomeReport::Needs), of(OutcomeReport::Auto));
        let privileged = count(self.changes.iter().filter(|c| !c.privileged.is_empty()).count());
        let changes = count(self.changes.len());
        self.totals = Totals { changes, denied, needs, auto, privileged, ..std::mem::take(&mut self.totals) };
    }
}

/// The facts of a change.
#[must_use]
pub fn change(change: &Change, facts: &ChangeFacts, show: Limits) -> ChangeReport {
    let about = facts.named.subject();
    let show = show.for_sensitivity(facts.sensitivity);
    let list = |pieces: &[_]| AccessList::of(pieces, facts.concerned.at_least, show);
    let (gained, gained_eligible) = (list(&facts.effects.gained), list(&facts.effects.gained_eligible));
    let contents = ContentsReport::of(facts, show);
    let severe = gained.severe.saturating_add(gained_eligible.severe).saturating_add(contents.severe);
    let escalations: Vec<EscalationReport> = facts.escalations.iter().map(escalation).collect();
    let conflicts: Vec<SodReport> = facts.sod.iter().map(sod).collect();
    ChangeReport {
        id: change.id.value.clone(),
        place: change.action_place.clone(),
        digest: None,
        targets: Vec::new(),
        action: change.action.word(),
        sentence: action(change, about.as_ref()),
        entitlement: facts.named.entitlement().map(|e| e.text()),
        outcome: OutcomeReport::Unjudged,
        steps: Vec::new(),
        policies: Vec::new(),
        contents,
        gained,
        lost: list(&facts.effects.lost),
        gained_eligible,
        kept: facts.kept.iter().map(kept).collect(),
        concerned: concerned(&facts.concerned),
        unknown_groups: facts.concerned.unknown_groups.iter().map(crate::input::id::Id::text).collect(),
        untold: untold(facts.concerned.untold),
        depends_on: facts.depends_on.iter().cloned().collect(),
        emergent: facts.emergent.clone(),
        lost_together: facts.lost_together.clone(),
        already: already(&facts.already),
        escalation_groups: group_escalations(&facts.escalations, &escalations, show),
        escalations,
        sod_groups: group_conflicts(&facts.sod, &conflicts, show),
        sod: conflicts,
        privileged: facts.why_privileged().cloned().collect(),
        severe,
        sensitivity: facts.sensitivity,
        unclassified: facts.unclassified,
        admin_name: facts.admin_name.clone(),
        public: facts.public,
        outsiders: facts.outsiders.iter().cloned().collect(),
        gives_everything: facts.gives_everything,
        in_task_scope: facts.in_task_scope,
        takes_in_task_scope: facts.takes_in_task_scope,
        outside: facts.outside.iter().map(outside).collect(),
        reversible: facts.reversible,
        claims: facts.claims.clone(),
        alteration: alteration(facts),
        show,
        reason: change.reason.value.clone(),
        state: State::Open,
        rejections: Vec::new(),
        frozen: Vec::new(),
    }
}

/// Groups the completions of one path by many subjects under the same conditions into one sentence, unless everything
/// is shown.
fn group_escalations(all: &[Escalation], told: &[EscalationReport], show: Limits) -> Vec<EscalationReport> {
    type Key<'a> = (bool, bool, &'a [Text], &'a Text, &'a Text);
    let mut groups: BTreeMap<Key<'_>, Vec<usize>> = BTreeMap::new();
    for (at, it) in all.iter().enumerate() {
        let key = (!it.complete, it.conditional, it.conditions.as_slice(), &it.id, &it.title);
        groups.entry(key).or_default().push(at);
    }
    let group = |((possible, conditional, conditions, id, title), places): (Key<'_>, Vec<usize>)| {
        let first = places.first().and_then(|at| told.get(*at))?;
        let subjects: BTreeSet<&Subject> = places.iter().filter_map(|at| all.get(*at)).map(|it| &it.subject).collect();
        if places.len() == 1 {
            return Some(first.clone());
        }
        let (what, bound) = (completes(!possible, conditional), counted(count(places.len()), "time", "times"));
        let sentence = some_subjects(&subjects, show.names).own(what).name(id).own(": ").prose(title);
        let sentence = under(sentence, conditions).own(format!(" ({bound})"));
        Some(EscalationReport { sentence, ..first.clone() })
    };
    if show == Limits::ALL { told.to_vec() } else { groups.into_iter().filter_map(group).collect() }
}

/// Adds the conditions of a completion.
fn under(sentence: Sentence, conditions: &[Text]) -> Sentence {
    conditions.iter().fold(sentence, |sentence, condition| sentence.own(" if ").name(condition))
}

/// Groups the conflicts of one pair for many subjects into one sentence, unless everything is shown.
fn group_conflicts(all: &[SodConflict], told: &[SodReport], show: Limits) -> Vec<SodReport> {
    let mut groups: BTreeMap<(&Text, &Text), Vec<usize>> = BTreeMap::new();
    for (at, it) in all.iter().enumerate() {
        groups.entry((&it.id, &it.title)).or_default().push(at);
    }
    let group = |((id, title), places): ((&Text, &Text), Vec<usize>)| {
        let first = places.first().and_then(|at| told.get(*at))?;
        let subjects: BTreeSet<&Subject> = places.iter().filter_map(|at| all.get(*at)).map(|it| &it.subject).collect();
        if places.len() == 1 {
            return Some(first.clone());
        }
        let sentence =
            some_subjects(&subjects, show.names).own(" has both entitlements of ").name(id).own(": ").prose(title);
        Some(SodReport { sentence, ..first.clone() })
    };
    if show == Limits::ALL { told.to_vec() } else { groups.into_iter().filter_map(group).collect() }
}

/// One subject with its kind; of many the first names and their number.
fn some_subjects(subjects: &BTreeSet<&Subject>, names: usize) -> Sentence {
    match (subjects.len(), subjects.first()) {
        (1, Some(only)) => subject(only),
        (n, _) => {
            let all: Vec<Text> = subjects.iter().map(|subject| subject.text()).collect();
            Sentence::of(format!("each of {} subjects (", number(count(n)))).few_names(&all, names).own(")")
        }
    }
}

/// Whether a path is complete, in words.
fn completes(complete: bool, conditional: bool) -> &'static str {
    match (complete, conditional) {
        (false, _) => " possibly opens escalation path ",
        (true, true) => " opens, under a condition, escalation path ",
        (true, false) => " opens escalation path ",
    }
}

fn untold(what: Truncated) -> Option<Sentence> {
    let everything = |n: u64| {
        let (who, counts) = if n == 1 { ("identity or group", "counts") } else { ("identities and groups", "count") };
        format!("{} {who} {counts} as gaining everything", number(n))
    };
    let said = [
        (what.subjects > 0).then(|| everything(what.subjects)),
        what.losses.then(|| "lost access is not listed completely".to_owned()),
        what.paths.then(|| "it is unknown whether a subject can use an escalation path".to_owned()),
        what.conflicts.then(|| "separation of duties could not be checked".to_owned()),
    ];
    what.is_any().then(|| Sentence::of(said.into_iter().flatten().collect::<Vec<_>>().join("; ")))
}

fn concerned(whom: &Affected) -> Sentence {
    let kinds: Vec<String> = whom.kinds.iter().map(|kind| kind.name().replace('_', " ")).collect();
    let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
    Sentence::of(format!("{}{kinds}", how_many(whom.identities, whom.at_least)))
}

/// A completed path in words, with the path to each requirement.
#[must_use]
pub fn escalation(it: &Escalation) -> EscalationReport {
    let mut sentence =
        subject(&it.subject).own(completes(it.complete, it.conditional)).name(&it.id).own(": ").prose(&it.title);
    sentence = under(sentence, &it.conditions);
    for (at, (variable, value)) in it.bound.iter().enumerate() {
        sentence = sentence.own(if at == 0 { " with " } else { ", " }).name(&Text::from(variable.as_str())).own(" = ");
        sentence = if it.count > 1 { sentence.own("any") } else { sentence.name(value) };
    }
    if it.count > 1 {
        sentence = sentence.own(format!(" (for {} combinations)", number(it.count)));
    }
    let way = |(at, steps): (usize, &crate::access::model::facts::AccessPath)| match it.requires.get(at) {
        Some((action, resource)) => Sentence::new().name(action).own(" on ").name(resource).own(": ").then(path(steps)),
        None => path(steps),
    };
    EscalationReport {
        id: it.id.clone(),
        sentence,
        subject: it.subject.text(),
        complete: it.complete,
        ways: it.paths.iter().enumerate().map(way).collect(),
    }
}

fn kept(it: &Kept) -> KeptReport {
    let verb = if it.is_reached() { " can still reach " } else { " still has " };
    let much = if it.accesses == it.of {
        "all of it".to_owned()
    } else {
        format!("{} of {}", number(it.accesses), counted(it.of, "access", "accesses"))
    };
    KeptReport {
        subject: it.subject.text(),
        sentence: subject(&it.subject).own(verb).own(much).own(" through ").then(through(&it.path)),
        way: path(&it.path),
        accesses: it.accesses,
        of: it.of,
    }
}

/// Paths that give nothing new, by subject.
fn already(list: &[Escalation]) -> Vec<AlreadyReport> {
    let mut by: BTreeMap<&Subject, BTreeSet<&Text>> = BTreeMap::new();
    for it in list {
        by.entry(&it.subject).or_default().insert(&it.id);
    }
    let each = |(who, ids): (&Subject, BTreeSet<&Text>)| {
        let paths: Vec<Text> = ids.into_iter().cloned().collect();
        let ways = counted(count(paths.len()), "escalation path", "escalation paths");
        let said = subject(who).own(format!(" could already do what {ways} would allow: "));
        AlreadyReport { subject: who.text(), sentence: said.few_names(&paths, MOST_PATHS), paths }
    };
    by.into_iter().map(each).collect()
}

fn sod(it: &SodConflict) -> SodReport {
    let sentence = subject(&it.subject).own(" has both entitlements of ").name(&it.id).own(": ").prose(&it.title);
    let sentence = sentence.maybe(it.scope.as_ref(), |s, at| s.own(" ").then(scope(Some(at))));
    SodReport { id: it.id.clone(), sentence, subject: it.subject.text(), ways: vec![path(&it.first), path(&it.second)] }
}

fn emergent(it: &Emergent) -> EmergentReport {
    let (sentence, kind, privileged, ways) = match &it.what {
        EmergentWhat::Access(piece) => (
            subject(&piece.subject)
                .own(if it.eligible { " could activate " } else { " gains " })
                .then(access(&piece.access)),
            "access",
            piece.privileged.clone(),
            vec![path(&piece.path)],
        ),
        EmergentWhat::Loss(piece) => (
            subject(&piece.subject)
                .own(if it.eligible { " can no longer activate " } else { " loses " })
                .then(access(&piece.access)),
            "loss",
            piece.privileged.clone(),
            vec![path(&piece.path)],
        ),
        EmergentWhat::Escalation(escalates) => {
            let report = escalation(escalates);
            (report.sentence, "escalation", None, report.ways)
        }
        EmergentWhat::Sod(conflict) => {
            let report = sod(conflict);
            (report.sentence, "sod", None, report.ways)
        }
    };
    let sentence = match it.others {
        0 => sentence,
        1 => sentence.own(", and one more that is not listed"),
        n => sentence.own(format!(", and {} more that are not listed", number(n))),
    };
    EmergentReport {
        others: it.others,
        sentence,
        kind,
        eligible: it.eligible,
        sets: it.sets.iter().map(|set| set.iter().cloned().collect()).collect(),
        members: it.members.iter().cloned().collect(),
        with: it.with.iter().cloned().collect(),
        drop: it.drop.iter().cloned().collect(),
        complete: it.complete,
        privileged,
        ways,
        digest: it.digest,
    }
}

fn removal(it: &MassRemoval) -> RemovalReport {
    RemovalReport {
        kind: it.what.word(),
        summary: Text::from(it.in_words()),
        taken: it.taken,
        of: it.of,
        changes: it.changes.iter().cloned().collect(),
        with: it.with.iter().cloned().collect(),
    }
}

fn outside(it: &Outside) -> OutsideReport {
    let of = |how: &'static str| OutsideReport { how, scope: None, until: None };
    let at = |how, scope: &Option<crate::input::id::ResourceId>| OutsideReport {
        scope: scope.as_ref().map(crate::input::id::Id::text),
        ..of(how)
    };
    match it {
        Outside::NoTask => of("no-task"),
        Outside::Closed => of("closed"),
        Outside::NotListed => of("not-listed"),
        Outside::TooLarge => of("too-large"),
        Outside::Gives(scope) => at("gives", scope),
        Outside::Takes(scope) => at("takes", scope),
        Outside::Lasts(until) => OutsideReport { until: *until, ..of("lasts") },
    }
}

fn alteration(facts: &ChangeFacts) -> Option<Alteration> {
    if facts.was.is_none() && facts.becomes.is_none() {
        return None;
    }
    let named = &facts.named;
    let lines = |held: &AssignmentTerms| {
        let mut lines = Vec::new();
        let mut line = |key: &str, value: Option<Text>| {
            if let Some(value) = value {
                lines.push(Text::from(format!("{key}: {}", value.raw())));
            }
        };
        line("to", named.subject().map(|s| s.text()));
        line("role", named.role.as_ref().map(crate::input::id::Id::text));
        line("member_of", named.member_of.as_ref().map(crate::input::id::Id::text));
        line("scope", named.scope.as_ref().map(crate::input::id::Id::text));
        line("mode", Some(Text::from(held.mode.name())));
        line("ttl", held.ttl.map(|span| Text::from(span.to_string())));
        line("until", held.until.map(|time| Text::from(time.to_string())));
        lines
    };
    let touched: Vec<&str> = facts.assignments.iter().map(crate::input::id::Id::as_str).collect();
    let what =
        if touched.is_empty() { "new assignment".to_owned() } else { format!("assignment {}", touched.join(", ")) };
    Some(Alteration {
        what: Text::from(what),
        before: facts.was.as_ref().map(lines).unwrap_or_default(),
        after: facts.becomes.as_ref().map(lines).unwrap_or_default(),
    })
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
