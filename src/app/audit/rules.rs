//! `review log report rules`: how the rules changed over time.
//!
//! Each session names the digests of all trust files. A file changed where its digest is none of those that the session's
//! parents have for its path. Sessions with the same rules have the same number; steps are counted per number.

use std::collections::{BTreeMap, BTreeSet};

use crate::app::audit::report::Period;
use crate::input::digest::{Digest, of};
use crate::input::text::Text;
use crate::input::time::Time;
use crate::log::line::{Baseline, Freeze, Line, PolicyOutcome, Recertification, RecertificationAnswer, Verdict};
use crate::log::verify::answers::{SessionView, Verification};
use crate::report::sheet::{Cell, Column, Sheet, Sheets};

const CHANGES: &[Column] = &[
    ("at", "since"),
    ("rules", "rules"),
    ("what", "what"),
    ("file", "file"),
    ("before", ""),
    ("after", ""),
    ("writer", "first used by"),
    ("tool", ""),
    ("session", ""),
];
const STEPS: &[Column] = &[
    ("rules", "rules"),
    ("since", "since"),
    ("step", "step"),
    ("needed", "changes that needed it"),
    ("approved", "approvals"),
    ("people", "people"),
];
const OVERRIDES: &[Column] = &[
    ("at", "when"),
    ("person", "who"),
    ("plan", "plan"),
    ("change", "change"),
    ("policies", "policies"),
    ("lifts", "rejections"),
    ("reason", "reason"),
    ("session", ""),
    ("decision", ""),
];

const FREEZES: &[Column] = &[
    ("at", "when"),
    ("what", "what"),
    ("kind", "kind"),
    ("name", "name"),
    ("person", "who"),
    ("until", "until"),
    ("reason", "reason"),
    ("freeze", ""),
    ("session", ""),
];

const BASELINES: &[Column] = &[
    ("at", "when"),
    ("what", "what"),
    ("accesses", "accesses"),
    ("person", "who"),
    ("until", "until"),
    ("until_privileged", "privileged until"),
    ("reason", "reason"),
    ("baseline", "line"),
    ("session", ""),
];

const RECERTIFICATIONS: &[Column] = &[
    ("at", "when"),
    ("person", "who"),
    ("scope", "scope"),
    ("population", "population"),
    ("kept", "kept"),
    ("revoked", "to revoke"),
    ("changed", "to change"),
    ("snapshot", ""),
    ("digest", ""),
    ("session", ""),
];

/// The files of a session: their digests by path.
type SessionFiles<'l> = BTreeMap<&'l Text, Digest<of::File>>;

/// The rules of a session.
#[derive(Clone)]
struct RuleSet<'l> {
    files: SessionFiles<'l>,
    number: u64,
    since: Time,
}

/// What happened with a step under the same rules.
#[derive(Default)]
struct StepUse {
    needed: BTreeSet<Digest<of::Change>>,
    approved: u64,
    people: BTreeSet<Text>,
}

/// The changes of trust files, the steps, the overrides, freezes, baselines and recertifications of a verified log.
pub(crate) fn rules(verified: &Verification, period: Period) -> Sheets {
    let mut known: BTreeMap<Digest<of::Line>, RuleSet<'_>> = BTreeMap::new();
    let mut steps: BTreeMap<(u64, Time, &Text), StepUse> = BTreeMap::new();
    let (mut changes, mut overrides, mut freezes, mut numbers) = (Vec::new(), Vec::new(), Vec::new(), 0_u64);
    let (mut baselines, mut recertifications) = (Vec::new(), Vec::new());
    for view in &verified.sessions {
        let files: SessionFiles<'_> = view.header.trust_files.iter().map(|file| (&file.path, file.sha256)).collect();
        let parents: Vec<&RuleSet<'_>> = view.header.parents.iter().filter_map(|seal| known.get(seal)).collect();
        if !view.counts() {
            // Who follows a session that does not count still follows the rules from before it.
            if let Some(rules) = parents.iter().max_by_key(|rules| rules.number).map(|rules| (*rules).clone()) {
                known.insert(view.seal.digest, rules);
            }
            continue;
        }
        let differences = differences(&files, &parents);
        let latest = parents.iter().max_by_key(|rules| rules.number).map(|rules| (rules.number, rules.since));
        let (number, since) = latest.filter(|_| differences.is_empty()).unwrap_or_else(|| {
            numbers = numbers.saturating_add(1);
            (numbers, view.header.at)
        });
        if period.contains(view.header.at) {
            changes.extend(differences.iter().map(|difference| change(view, number, difference)));
            use_steps(view, (number, since), &mut steps);
            overrides.extend(overrides_of(view));
            freezes.extend(freezes_of(view));
            baselines.extend(baselines_of(view));
            recertifications.extend(recertifications_of(view));
        }
        known.insert(view.seal.digest, RuleSet { files, number, since });
    }
    let steps = steps.into_iter().map(|((number, since, step), it)| {
        vec![
            Cell::Number(number),
            Cell::Time(since),
            Cell::Text(step.clone()),
            Cell::Number(it.needed.len() as u64),
            Cell::Number(it.approved),
            Cell::List(it.people.into_iter().collect()),
        ]
    });
    let sheet = |key, title, columns, rows| Sheet { key, title, columns, rows, none: "none" };
    Sheets {
        about: vec![
            ("sessions", "sessions", Cell::Number(verified.session_count as u64)),
            ("rule_sets", "different sets of rules", Cell::Number(numbers)),
        ],
        sheets: vec![
            sheet("rule_changes", "Changes of trust files", CHANGES, changes),
            sheet("steps", "Steps under each set of rules", STEPS, steps.collect()),
            sheet("overrides", "Overrides", OVERRIDES, overrides),
            sheet("freezes", "Freezes and thaws", FREEZES, freezes),
            sheet("baselines", "Baselines and their withdrawals", BASELINES, baselines),
            sheet("recertifications", "Recertifications", RECERTIFICATIONS, recertifications),
        ],
    }
}

/// A file that differs from those of the parents: what happened, its digest before, and its digest now.
struct FileDifference<'l> {
    what: &'static str,
    path: &'l Text,
    before: Option<Digest<of::File>>,
    after: Option<Digest<of::File>>,
}

/// What a session changed. The first session of a log changes nothing.
fn differences<'l>(files: &SessionFiles<'l>, parents: &[&RuleSet<'l>]) -> Vec<FileDifference<'l>> {
    let mut found = Vec::new();
    if parents.is_empty() {
        return found;
    }
    for (path, digest) in files {
        let before: Vec<Digest<of::File>> = parents.iter().filter_map(|it| it.files.get(path).copied()).collect();
        if !before.contains(digest) {
            let what = if before.is_empty() { "added" } else { "changed" };
            found.push(FileDifference { what, path, before: before.first().copied(), after: Some(*digest) });
        }
    }
    let all: BTreeSet<&Text> = parents.iter().flat_map(|it| it.files.keys().copied()).collect();
    for path in all.into_iter().filter(|path| !files.contains_key(path)) {
        let before: Vec<Option<&Digest<of::File>>> = parents.iter().map(|it| it.files.get(path)).collect();
        if before.iter().all(Option::is_some) {
            let before = before.into_iter().flatten().next().copied();
            found.push(FileDifference { what: "removed", path, before, after: None });
        }
    }
    found
}

fn change(view: &SessionView, number: u64, it: &FileDifference<'_>) -> Vec<Cell> {
    let digest = |digest: Option<Digest<of::File>>| Cell::maybe(digest.map(|it| Text::from(it.to_string())));
    vec![
        Cell::Time(view.header.at),
        Cell::Number(number),
        Cell::Word(it.what),
        Cell::Text(it.path.clone()),
        digest(it.before),
        digest(it.after),
        Cell::Text(view.header.writer.principal.text()),
        Cell::Text(view.header.tool.clone()),
        Cell::Text(Text::from(view.header.session.to_string())),
    ]
}

fn use_steps<'l>(
    view: &'l SessionView,
    (number, since): (u64, Time),
    steps: &mut BTreeMap<(u64, Time, &'l Text), StepUse>,
) {
    for line in &view.lines {
        if let Line::Evaluation(it) = &line.value
            && it.outcome == PolicyOutcome::Needs
        {
            for step in &it.steps {
                steps.entry((number, since, step)).or_default().needed.insert(it.digest);
            }
        }
    }
    for decision in view.decisions().filter(|it| it.value.verdict == Verdict::Approve) {
        for step in &decision.value.steps {
            let entry = steps.entry((number, since, step)).or_default();
            entry.approved = entry.approved.saturating_add(1);
            entry.people.insert(view.header.writer.principal.text());
        }
    }
}

fn freezes_of(view: &SessionView) -> impl Iterator<Item = Vec<Cell>> {
    let who = who(view);
    let session = Text::from(view.header.session.to_string());
    view.lines.iter().filter_map(move |line| {
        let row = |what, at, it: Option<&Freeze>, freeze: Digest<of::Line>, reason: &Text| {
            vec![
                Cell::Time(at),
                Cell::Word(what),
                it.map_or(Cell::Absent, |it| Cell::Word(it.kind.word())),
                Cell::maybe(it.and_then(|it| it.name.clone())),
                Cell::Text(who.clone()),
                Cell::at(it.map(|it| it.until)),
                Cell::Text(reason.clone()),
                Cell::Text(Text::from(freeze.to_string())),
                Cell::Text(session.clone()),
            ]
        };
        if let Line::Freeze(it) = &line.value {
            return Some(row("freeze", it.at, Some(it), line.digest, &it.reason));
        }
        let Line::Thaw(it) = &line.value else { return None };
        Some(row("thaw", it.at, None, it.freeze, &it.reason))
    })
}

fn baselines_of(view: &SessionView) -> impl Iterator<Item = Vec<Cell>> {
    let (who, session) = (who(view), Text::from(view.header.session.to_string()));
    view.lines.iter().filter_map(move |line| {
        let row = |what, at, baseline: Digest<of::Line>, reason: &Text, it: Option<&Baseline>| {
            vec![
                Cell::Time(at),
                Cell::Word(what),
                it.map_or(Cell::Absent, |it| Cell::Number(it.count.get())),
                Cell::Text(who.clone()),
                Cell::at(it.map(|it| it.until)),
                Cell::at(it.map(|it| it.until_privileged)),
                Cell::Text(reason.clone()),
                Cell::Text(Text::from(baseline.to_string())),
                Cell::Text(session.clone()),
            ]
        };
        if let Line::Baseline(it) = &line.value {
            return Some(row("baseline", it.at, line.digest, &it.reason, Some(it)));
        }
        let Line::Withdrawal(it) = &line.value else { return None };
        Some(row("withdrawal", it.at, it.baseline, &it.reason, None))
    })
}

/// One row for each population that a session recertified.
fn recertifications_of(view: &SessionView) -> Vec<Vec<Cell>> {
    let mut all: BTreeMap<Digest<of::Population>, (&Recertification, [u64; 3])> = BTreeMap::new();
    for line in &view.lines {
        let Line::Recertification(it) = &line.value else { continue };
        let (_, [kept, revoked, changed]) = all.entry(it.population).or_insert((it, [0; 3]));
        let slot = match it.answer {
            RecertificationAnswer::Keep => kept,
            RecertificationAnswer::Revoke => revoked,
            RecertificationAnswer::Change => changed,
        };
        *slot = slot.saturating_add(1);
    }
    let row = |(population, (it, [kept, revoked, changed])): (Digest<of::Population>, (&Recertification, [u64; 3]))| {
        vec![
            Cell::Time(it.at),
            Cell::Text(who(view)),
            Cell::maybe(it.scope.clone()),
            Cell::Number(it.count.get()),
            Cell::Number(kept),
            Cell::Number(revoked),
            Cell::Number(changed),
            Cell::Text(Text::from(it.snapshot.sha256.to_string())),
            Cell::Text(Text::from(population.to_string())),
            Cell::Text(Text::from(view.header.session.to_string())),
        ]
    };
    all.into_iter().map(row).collect()
}

fn who(view: &SessionView) -> Text {
    let writer = &view.header.writer;
    writer.person.as_ref().map_or_else(|| writer.principal.text(), crate::input::id::Id::text)
}

fn overrides_of(view: &SessionView) -> impl Iterator<Item = Vec<Cell>> {
    let who = who(view);
    view.decisions().filter(|it| it.value.verdict == Verdict::Override).map(move |it| {
        vec![
            Cell::Time(it.value.at),
            Cell::Text(who.clone()),
            Cell::Text(it.value.plan.text()),
            Cell::Text(it.value.change.text()),
            Cell::List(it.value.set_aside.iter().map(crate::input::id::Id::text).collect()),
            Cell::Number(it.value.lifts.len() as u64),
            Cell::maybe(it.value.reason.clone()),
            Cell::Text(Text::from(view.header.session.to_string())),
            Cell::Text(Text::from(it.digest.to_string())),
        ]
    })
}
