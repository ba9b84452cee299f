//! A model test of the state machine that the log drives: three writers, each with a copy of the log of their own.
//!
//! Each step of a walk is one of: approve, reject, begin a session and resume it later, join another copy (fork and merge),
//! export, apply what was exported, freeze, thaw, roll back. After each step that asks the gate, and at the end of each walk,
//! the state of every change is compared with that of a model of a few lines, which knows sessions only as sets of numbers.
//!
//! What is real: the lines (`decision`, `export`, `freeze`, `thaw`), their recall, the order of sessions, which decisions
//! count, are superseded or spent, rejections, freezes and thaws, and the gate on each change. What is modelled: signatures
//! (each session counts as signed), files and locks (a copy is a set of sessions), Cedar (everything is permitted, and two
//! people may override a freeze), and the analysis of access (two grants and a revoke, which never change). Each kind of line
//! is recalled once for each writer, and then given its session, place and time.

use std::collections::BTreeMap;

use super::*;
use crate::decision::case::CaseOutcome;
use crate::decision::gate::{GateState, GateTerms, judge_change};
use crate::decision::sample::{Site, document, hours, needs, present, reduction};
use crate::input::time::{Span, Time};
use crate::log::line::{Export, Freeze, FreezeKind, Thaw};

/// How many walks are taken, and how many steps each has.
const WALKS: u64 = 100_000;
const STEPS: usize = 12;
const PEOPLE: [&str; 3] = ["ada", "bo", "cy"];
/// How long a freeze lasts, in steps.
const FROZEN: usize = 6;

/// What a session of the model holds. Sessions are numbered; a set of sessions is a mask.
#[derive(Clone, Debug)]
enum ModelSession {
    Decision { person: usize, change: usize, approves: bool },
    Export { change: usize, uses: u64 },
    Freeze { person: usize, ends: usize },
    Thaw { person: usize, freeze: usize },
}

/// The model: every session with its ancestors.
#[derive(Default)]
struct Model(Vec<(u64, ModelSession)>);

impl Model {
    fn of(&self, copy: u64) -> impl Iterator<Item = (usize, &u64, &ModelSession)> {
        let held = move |at: &usize| copy >> at & 1 == 1;
        self.0.iter().enumerate().filter(move |(at, _)| held(at)).map(|(at, (before, held))| (at, before, held))
    }

    /// The decisions of a copy that no later one of the same person on the same change replaces.
    fn standing(&self, copy: u64, change: usize) -> Vec<(usize, u64, usize, bool)> {
        let decisions = self.of(copy).filter_map(|(at, before, held)| {
            let ModelSession::Decision { person, change: of, approves } = held else { return None };
            (*of == change).then_some((at, *before, *person, *approves))
        });
        let all: Vec<_> = decisions.collect();
        let replaced = |one: &(usize, u64, usize, bool)| {
            // A rejection is only replaced by an approval.
            let later = |it: &&(usize, u64, usize, bool)| it.2 == one.2 && it.1 >> one.0 & 1 == 1 && (one.3 || it.3);
            all.iter().any(|it| later(&it))
        };
        all.iter().filter(|one| !replaced(one)).copied().collect()
    }

    /// The approvals that count: standing, and used by no export; one that did not know of an export of its change is used.
    fn counting(&self, copy: u64, change: usize) -> Vec<(usize, usize)> {
        let spent = |at: usize, before: u64| {
            self.of(copy).any(|(export, _, held)| {
                let ModelSession::Export { change: of, uses } = held else { return false };
                uses >> at & 1 == 1 || *of == change && before >> export & 1 == 0
            })
        };
        let standing = self.standing(copy, change).into_iter();
        standing.filter(|(at, before, _, yes)| *yes && !spent(*at, *before)).map(|(at, _, who, _)| (at, who)).collect()
    }

    fn is_rejected(&self, copy: u64, change: usize) -> bool {
        self.standing(copy, change).iter().any(|(.., approves)| !approves)
    }

    fn is_frozen(&self, copy: u64, step: usize) -> bool {
        self.of(copy).any(|(at, _, held)| {
            let ModelSession::Freeze { person: author, ends } = held else { return false };
            let thaws = self.of(copy).filter_map(|(_, before, held)| {
                let ModelSession::Thaw { person, freeze } = held else { return None };
                (*freeze == at && before >> at & 1 == 1).then_some(*person)
            });
            let by: BTreeSet<usize> = thaws.collect();
            // Ada and Bo may override.
            let thawed = by.len() >= 2 && (by.contains(author) || by.contains(&0) && by.contains(&1));
            step < *ends && !thawed
        })
    }

    /// The state that the gate must find: whether the change passes, and whether only a freeze stops it.
    fn expected(&self, copy: u64, change: usize, needed: usize, step: usize) -> (bool, bool) {
        let people: BTreeSet<usize> = self.counting(copy, change).into_iter().map(|(_, who)| who).collect();
        let approved = people.len() >= needed && !self.is_rejected(copy, change);
        let frozen = self.is_frozen(copy, step);
        (approved && !frozen, approved && frozen)
    }
}

/// What every walk shares: the changes, and each kind of line as it is recalled.
struct World {
    changes: [EvaluatedChange; 3],
    names: Vec<SessionRef>,
    /// By person and line.
    recalled: BTreeMap<(usize, &'static str), Record>,
}

fn by(person: usize) -> judge::SealSigner {
    let name = PEOPLE[person];
    judge::SealSigner {
        principal: format!("{name}@corp").as_str().into(),
        fingerprint: format!("SHA256:{name}").into(),
        ..signer()
    }
}

impl World {
    fn new() -> Self {
        let changes = [
            present("c1", document("svc:a", "reader", &["read"]), needs(&["Owner"])),
            present("c2", document("svc:b", "writer", &["write"]), needs(&["Owner", "Security"])),
            present("c3", reduction("svc:a", "reader"), CaseOutcome::Auto),
        ];
        let freeze = |kind: FreezeKind| {
            Line::Freeze(Box::new(Freeze {
                at: now(),
                kind,
                name: (kind == FreezeKind::Plan).then(|| "P1".into()),
                prev: digest("before"),
                proofs: Vec::new(),
                reason: "stop".into(),
                r#type: Tag::new(),
                until: now().plus(Span::from_days(1)),
            }))
        };
        let mut recalled = BTreeMap::new();
        for person in 0..PEOPLE.len() {
            let of = |lines: Vec<Line>| {
                let id = |principal: &PrincipalId| Some(principal.as_str().split('@').next().unwrap().into());
                let mut view = session(lines, Some(by(person)));
                view.header.writer.principal = by(person).principal;
                recall(&[view], &Values::default(), &id).unwrap()
            };
            let text = |at: usize| (*changes[at].document).clone().digest().unwrap().text;
            for (at, yes, no) in [(0, "approve 0", "reject 0"), (1, "approve 1", "reject 1")] {
                for (key, verdict) in [(yes, Verdict::Approve), (no, Verdict::Reject)] {
                    let mut line = said(&changes[at], verdict);
                    if let Line::Decision(it) = &mut line {
                        it.steps = vec!["Owner".into(), "Security".into()];
                    }
                    recalled.insert((person, key), of(vec![evaluation(&changes[at], &text(at)), line]));
                }
            }
            recalled.insert((person, "freeze plan"), of(vec![freeze(FreezeKind::Plan)]));
            recalled.insert((person, "freeze all"), of(vec![freeze(FreezeKind::All)]));
            let r#type = Tag::new();
            let thaw = Thaw { at: now(), freeze: digest("x"), prev: digest("before"), reason: "go".into(), r#type };
            recalled.insert((person, "thaw"), of(vec![Line::Thaw(thaw)]));
        }
        for (at, key) in ["export 0", "export 1", "export 2"].into_iter().enumerate() {
            let export = Line::Export(Export {
                at: now(),
                change: changes[at].case.change.clone(),
                decisions: Vec::new(),
                digest: changes[at].digest,
                output: digest("output"),
                plan: "P1".into(),
                prev: digest("before"),
                rollback: None,
                r#type: Tag::new(),
            });
            let none = |_: &PrincipalId| None;
            recalled
                .insert((0, key), recall(&[session(vec![export], Some(signer()))], &Values::default(), &none).unwrap());
        }
        let names = (0..64).map(|at| SessionRef::new(format!("s{at}"))).collect();
        Self { changes, names, recalled }
    }
}

fn line_of(session: usize) -> Digest<of::Line> {
    let mut bytes = [7; 32];
    bytes[0] = u8::try_from(session).unwrap();
    Digest::from_bytes(bytes)
}

/// One writer: a copy of the log, as the model and as the record hold it, and a session begun and not yet sealed.
#[derive(Clone, Default)]
struct LogCopy {
    copy: u64,
    record: Record,
    begun: Option<u64>,
    exported: Vec<(usize, u64)>,
}

struct Walk<'w> {
    world: &'w World,
    model: Model,
    /// The record of each session by itself, from which copies are joined, with the sessions that it follows directly.
    parts: Vec<(Record, Vec<usize>)>,
    writers: [LogCopy; 3],
    step: usize,
    random: u64,
    /// What executors applied: the approvals that it rests on.
    applied: Vec<u64>,
}

impl Walk<'_> {
    fn draw(&mut self, below: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        usize::try_from(self.random >> 33).unwrap() % below
    }

    fn time(&self) -> Time {
        now().plus(Span::from_seconds(60 * i64::try_from(self.step).unwrap()))
    }

    /// Adds a session of a writer that follows `before`.
    fn add(&mut self, writer: usize, before: u64, held: ModelSession, mut part: Record) {
        let at = self.model.0.len();
        let name = self.world.names[at].clone();
        let (line, time) = (line_of(at), self.time());
        for it in &mut part.decisions {
            (it.session, it.line, it.sealed_at) = (name.clone(), line, time);
        }
        for it in &mut part.exports {
            it.session = name.clone();
        }
        for it in &mut part.freezes {
            (it.session, it.line, it.at) = (name.clone(), line, time);
            it.until = time.plus(Span::from_seconds(60 * i64::try_from(FROZEN).unwrap()));
        }
        for it in &mut part.thaws {
            (it.session, it.line) = (name.clone(), line);
        }
        let followed = self.model.of(before).fold(0, |all, (_, before, _)| all | before);
        let heads = (0..at).filter(|at| (before & !followed) >> at & 1 == 1).collect();
        self.model.0.push((before, held));
        self.parts.push((part, heads));
        self.join(writer, 1 << at);
    }

    /// Adds the sessions of a mask to a writer's copy.
    fn join(&mut self, writer: usize, all: u64) {
        let new = all & !self.writers[writer].copy;
        for (at, (part, heads)) in self.parts.iter().enumerate().filter(|(at, _)| new >> at & 1 == 1) {
            let record = &mut self.writers[writer].record;
            record.decisions.extend(part.decisions.iter().cloned());
            record.exports.extend(part.exports.iter().cloned());
            record.freezes.extend(part.freezes.iter().cloned());
            record.thaws.extend(part.thaws.iter().cloned());
            let parents = heads.iter().map(|at| self.world.names[*at].clone());
            record.sessions.insert(self.world.names[at].clone(), parents);
        }
        self.writers[writer].copy |= all;
    }

    fn part(&self, person: usize, key: &'static str) -> Record {
        self.world.recalled[&(person, key)].clone()
    }

    /// The gate's state of a change in a writer's copy, after it was compared with the model.
    fn gate(&self, writer: usize, change: usize) -> GateState {
        let LogCopy { copy, record, .. } = &self.writers[writer];
        let terms = GateTerms {
            now: self.time(),
            approval_ttl: hours(72),
            plan_denied: None,
            snapshot_stale: false,
            proofs: BTreeSet::new(),
        };
        let found = judge_change(&self.world.changes[change], record, &terms, &Site::default());
        if change == 2 {
            assert_eq!(found.state, GateState::Auto, "what only takes access passes whatever is frozen");
            return found.state;
        }
        let expected = self.model.expected(*copy, change, change + 1, self.step);
        let is = (found.state.passes(), found.state == GateState::Frozen);
        assert_eq!(is, expected, "(passes, frozen) of change {change} in copy {copy:b}: {:?}", self.model.0);
        assert_eq!(!found.rejects.is_empty(), self.model.is_rejected(*copy, change), "a rejection is lost");
        found.state
    }

    fn export(&mut self, writer: usize, change: usize) {
        let copy = self.writers[writer].copy;
        let uses = match self.gate(writer, change) {
            GateState::Approved(approved) => {
                let places = (0..self.model.0.len()).filter(|at| approved.decisions.contains(&line_of(*at)));
                places.fold(0_u64, |all, at| all | 1 << at)
            }
            // What needs nobody is exported once.
            GateState::Auto => {
                let is_it =
                    |held: &ModelSession| matches!(held, ModelSession::Export { change: of, .. } if *of == change);
                if self.model.of(copy).any(|(.., held)| is_it(held)) {
                    return;
                }
                0
            }
            GateState::Denied(_)
            | GateState::Rejected
            | GateState::Void { .. }
            | GateState::Expired(_)
            | GateState::Undecided(_)
            | GateState::Waits(_)
            | GateState::Exported(_)
            | GateState::Frozen => return,
        };
        let earlier = self.model.of(copy).filter_map(|(.., held)| {
            let ModelSession::Export { uses, .. } = held else { return None };
            Some(*uses)
        });
        assert!(earlier.fold(0, |all, uses| all | uses) & uses == 0, "an approval is used twice: {:?}", self.model.0);
        let mut part = self.part(0, ["export 0", "export 1", "export 2"][change]);
        part.exports[0].decisions = (0..64).filter(|at| uses >> at & 1 == 1).map(line_of).collect();
        self.writers[writer].exported.push((self.model.0.len(), uses));
        self.add(writer, copy, ModelSession::Export { change, uses }, part);
    }

    fn decide(&mut self, person: usize, before: u64) {
        let (change, approves) = (self.draw(2), self.draw(3) > 0);
        let key = [["reject 0", "approve 0"], ["reject 1", "approve 1"]][change][usize::from(approves)];
        self.add(person, before, ModelSession::Decision { person, change, approves }, self.part(person, key));
    }

    fn act(&mut self) {
        let (person, action) = (self.draw(3), self.draw(14));
        let copy = self.writers[person].copy;
        match action {
            0..=3 => self.decide(person, copy),
            4 => self.writers[person].begun = Some(copy),
            // A session that was begun earlier follows what was known then.
            5 => {
                if let Some(before) = self.writers[person].begun.take() {
                    self.decide(person, before);
                }
            }
            6 | 7 => {
                let other = self.draw(3);
                self.join(person, self.writers[other].copy);
            }
            8 | 9 => {
                let change = self.draw(2);
                self.export(person, change);
            }
            10 => {
                for (_, uses) in std::mem::take(&mut self.writers[person].exported) {
                    self.applied.push(uses);
                }
            }
            11 => {
                let key = if self.draw(2) == 0 { "freeze all" } else { "freeze plan" };
                let held = ModelSession::Freeze { person, ends: self.step + FROZEN };
                self.add(person, copy, held, self.part(person, key));
            }
            12 => {
                let freezes = self.model.of(copy).filter(|(.., held)| matches!(held, ModelSession::Freeze { .. }));
                let freezes: Vec<usize> = freezes.map(|(at, ..)| at).collect();
                if freezes.is_empty() {
                    return;
                }
                let freeze = freezes[self.draw(freezes.len())];
                let mut part = self.part(person, "thaw");
                part.thaws[0].freeze = line_of(freeze);
                part.thaws[0].power = if person < 2 { ThawPower::Override } else { ThawPower::Thaw };
                self.add(person, copy, ModelSession::Thaw { person, freeze }, part);
            }
            // The inverse only takes access.
            _ => self.export(person, 2),
        }
    }
}

fn walk(world: &World, seed: u64) {
    let mut walk = Walk {
        world,
        model: Model::default(),
        parts: Vec::new(),
        writers: std::array::from_fn(|_| LogCopy::default()),
        step: 0,
        random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
        applied: Vec::new(),
    };
    for step in 0..STEPS {
        walk.step = step;
        walk.act();
    }
    // At last one copy holds everything.
    let all = walk.writers.iter().fold(0, |all, writer| all | writer.copy);
    walk.join(0, all);
    let exports = |model: &Model| {
        let uses = model.0.iter().filter_map(|(_, held)| {
            let ModelSession::Export { uses, .. } = held else { return None };
            Some(*uses)
        });
        uses.collect::<Vec<_>>()
    };
    for change in 0..3 {
        walk.gate(0, change);
        walk.export(0, change);
    }
    // Only exports that could not know of each other rest on the same approval, and nothing else was applied.
    let exported = exports(&walk.model);
    let is_exported = |uses: &u64| exported.contains(uses);
    assert!(walk.applied.iter().all(is_exported), "something was applied that no export of the log handed out");
}

#[test]
fn no_interleaving_uses_an_approval_twice_loses_a_rejection_or_passes_a_freeze() {
    let world = World::new();
    let threads = std::thread::available_parallelism().map_or(2, |n| n.get() as u64);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let world = &world;
            scope.spawn(move || {
                for seed in (thread..WALKS).step_by(usize::try_from(threads).unwrap()) {
                    walk(world, seed + 1);
                }
            });
        }
    });
}
