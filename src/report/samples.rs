//! Reports for tests: small, complete, and with any text in every place where text from outside can stand.

use std::collections::{BTreeMap, BTreeSet};

use super::asked::{AccessReport, AccessRow, WayRow};
use super::contents::{ContentsReport, StatedAs};
use super::effects::{AccessList, StatedList};
use super::model::*;
use super::record::*;
use super::sentence::{Sentence, access, subject};
use super::sheet::{Cell, Sheet, Sheets};
use super::target::TargetReport;
use crate::access::model::facts::{Access, AccessDelta, CheckedClaim, ClaimResult, Exception, PathStep};
use crate::access::queries::who_can::{AccessQuery, AccessVerdict};
use crate::input::digest::Digest;
use crate::input::entitlement::{Except, Mode, Sensitivity};
use crate::input::finding::{Code, ExceededLimit, Finding};
use crate::input::id::Subject;
use crate::input::place::Place;
use crate::input::text::Text;
use crate::input::time::Time;
use crate::policy::{ConditionPart, ExplainedCondition, ExplainedPolicy};
use crate::report::limits::Limits;

/// A piece of access; a subject that starts with `group:` is a group.
pub(crate) fn piece(who: &str, action: &str, resource: &str, scope: Option<&str>) -> AccessDelta {
    let subject = if who.starts_with("group:") { Subject::Group(who.into()) } else { Subject::Identity(who.into()) };
    AccessDelta {
        everything: false,
        subject,
        access: Access {
            action: action.into(),
            resource: resource.into(),
            scope: scope.map(Into::into),
            condition: None,
            until: None,
            exceptions: Vec::new(),
            system: None,
        },
        path: [PathStep::Holds("role".into(), "assignment".into(), Mode::Active)].into(),
        elsewhere: None,
        sensitivity: Sensitivity::Low,
        privileged: None,
        digest: Digest::of(format!("{who} {action} {resource}").as_bytes()),
    }
}

fn first_access(text: &str) -> Access {
    piece(text, text, text, Some(text)).access
}

/// A change whose every outside text is `text`.
#[expect(clippy::too_many_lines, reason = "one line a field")]
pub(crate) fn change(id: &str, text: &str) -> ChangeReport {
    let t = || Text::from(text);
    let mut first = piece(text, text, text, Some(text));
    first.privileged = Some(t());
    first.access.condition = Some(t());
    first.access.until = Some(Time::from_unix(1_800_000_000));
    first.path =
        [PathStep::Member(text.into(), Some(text.into()))].into_iter().chain(first.path.iter().cloned()).collect();
    let list = AccessList::of(&[first, piece("group:g", "get", text, None)], true, Limits::SHORT);
    let mut stated = crate::access::model::facts::Stated {
        role: text.into(),
        access: first_access(text),
        effect: crate::input::entitlement::Effect::Allow,
        fate: crate::access::model::facts::Fate::Added,
        sensitivity: Sensitivity::High,
        privileged: Some(t()),
    };
    stated.access.condition = Some(t());
    let contents = ContentsReport {
        lists: vec![StatedAs {
            verb: "allows",
            fate: "added",
            sign: '+',
            list: StatedList::of(vec![stated], Limits::SHORT),
        }],
        notes: vec![Sentence::of("includes role ").name(&t())],
        severe: 1,
    };
    let escalations = vec![EscalationReport {
        id: t(),
        sentence: Sentence::of("completes ").name(&t()).own(": ").prose(&t()),
        subject: t(),
        complete: true,
        ways: vec![Sentence::new().name(&t())],
    }];
    let sod = vec![SodReport {
        id: t(),
        sentence: Sentence::of("holds both sides of ").name(&t()).own(": ").prose(&t()),
        subject: t(),
        ways: vec![Sentence::new().name(&t())],
    }];
    let rule = Rule { id: text.into(), title: t(), advice: t(), control: t() };
    ChangeReport {
        targets: vec![TargetReport { id: Some(text.into()), system: text.into() }],
        id: id.into(),
        place: Place { file: text.into(), line: 3, column: 5, bytes: (4, 9) },
        digest: Some(Digest::of(text.as_bytes())),
        action: "grant",
        sentence: Sentence::of("grant role ").name(&t()).own(" to identity ").name(&t()).own(" for 4h, active"),
        entitlement: Some(t()),
        outcome: OutcomeReport::Denied,
        steps: vec![
            StepReport { name: t(), state: StepState::Missing(Some(t())), people: Some(vec![t()]), presence: None },
            StepReport { name: t(), state: StepState::Filled(t()), people: None, presence: Some(false) },
            StepReport { name: t(), state: StepState::Waived, people: None, presence: None },
        ],
        policies: vec![PolicyReport {
            rule,
            enforcement: "mandatory".into(),
            severity: t(),
            verdict: PolicyVerdict::Denies,
            limits: vec![limit(text)],
            conditions: vec![explained(text)],
        }],
        contents,
        gained: list.clone(),
        lost: list.clone(),
        gained_eligible: list,
        kept: vec![KeptReport {
            subject: t(),
            sentence: Sentence::of("still has all of it through group ").name(&t()),
            way: Sentence::new().name(&t()),
            accesses: 2,
            of: 2,
        }],
        concerned: Sentence::of("at least 3 identities (human)"),
        unknown_groups: vec![t()],
        untold: Some(Sentence::of("2 identities and groups count as gaining everything")),
        depends_on: vec![text.into()],
        emergent: vec![0],
        lost_together: vec![0],
        already: vec![AlreadyReport {
            subject: t(),
            paths: vec![t()],
            sentence: Sentence::new().name(&t()).own(" could already do as much"),
        }],
        escalation_groups: escalations.clone(),
        escalations,
        sod_groups: sod.clone(),
        sod,
        severe: 3,
        privileged: vec![t()],
        sensitivity: Sensitivity::High,
        unclassified: 0,
        admin_name: None,
        public: false,
        outsiders: vec![t()],
        gives_everything: false,
        in_task_scope: false,
        takes_in_task_scope: false,
        outside: vec![OutsideReport { how: "takes", scope: Some(t()), until: None }],
        reversible: true,
        claims: vec![CheckedClaim {
            name: "last_used",
            claimed: t(),
            found: Some(t()),
            result: ClaimResult::Contradicted,
        }],
        alteration: Some(Alteration { what: t(), before: vec![t()], after: vec![t(), "mode: active".into()] }),
        reason: t(),
        state: State::Rejected(Sentence::of("by ").name(&t()).own(": ").quote(&t())),
        rejections: vec![RejectionReport { by: t(), at: Time::from_unix(0), reason: Some(t()), lifted_by: vec![t()] }],
        frozen: vec![FreezeReport {
            kind: "agent",
            name: Some(t()),
            by: t(),
            at: Time::from_unix(0),
            until: Time::from_unix(60),
            reason: t(),
            thawed_by: vec![t()],
            by_proof: true,
            line: Digest::of(b"freeze"),
        }],
        show: Limits::SHORT,
    }
}

/// A plan whose every outside text is `text`.
pub(crate) fn plan(text: &str) -> PlanReport {
    let t = || Text::from(text);
    let some = piece(text, text, text, None);
    let mut plan = PlanReport {
        id: text.into(),
        file: t(),
        digest: Digest::of(b"plan"),
        proposer: t(),
        authenticated: Sentence::of("not authenticated"),
        sponsor: Some(t()),
        task: Some(t()),
        targets: vec![TargetReport { id: Some(t()), system: t() }],
        intent: t(),
        expires: Time::from_unix(1_800_000_000),
        policies: Vec::new(),
        changes: vec![change("c1", text), change(text, text)],
        emergent: vec![EmergentReport {
            sentence: subject(&some.subject).own(" gains ").then(access(&some.access)),
            kind: "access",
            eligible: false,
            sets: vec![vec!["c1".into(), text.into()]],
            members: ["c1", text].map(Into::into).to_vec(),
            with: vec![text.into()],
            drop: vec![text.into()],
            others: 0,
            complete: false,
            privileged: Some(t()),
            ways: vec![Sentence::new().name(&t())],
            digest: some.digest,
        }],
        lost_together: vec![EmergentReport {
            sentence: subject(&some.subject).own(" loses ").then(access(&some.access)),
            kind: "loss",
            eligible: false,
            sets: vec![vec!["c1".into(), text.into()]],
            members: ["c1", text].map(Into::into).to_vec(),
            with: vec![text.into()],
            drop: vec![text.into()],
            others: 0,
            complete: false,
            privileged: Some(t()),
            ways: vec![Sentence::new().name(&t())],
            digest: some.digest,
        }],
        mass_removals: vec![RemovalReport {
            kind: "holders",
            summary: t(),
            taken: 5,
            of: 8,
            changes: vec!["c1".into(), text.into()],
            with: vec![text.into()],
        }],
        totals: Totals::default(),
    };
    plan.count_outcomes();
    plan
}

fn limit(text: &str) -> ExceededLimit {
    ExceededLimit {
        what: text.into(),
        value: text.into(),
        limit: text.into(),
        name: Some(text.into()),
        source: text.into(),
    }
}

fn finding(text: &str, file: &str) -> Reported {
    let at = file.find("needle").unwrap_or_default();
    let line = u32::try_from(file[..at].lines().count().max(1)).unwrap_or(1);
    let place = Place { file: text.into(), line, column: 1, bytes: (at, at + 6) };
    let finding = Finding::new(Code::UnknownRole, format!("the role `{text}` is unknown"))
        .at(&place)
        .help(text)
        .exceeding([limit(text)]);
    Reported::new(finding, |_| Some(file))
}

/// A report of every kind, each with `text` in every place.
#[expect(clippy::too_many_lines, reason = "one line a field")]
pub(crate) fn reports(text: &str) -> Vec<Report> {
    let t = || Text::from(text);
    let file = format!("id: {text}needle{text}\n");
    let head = Head { seal: Digest::of(b"seal"), session: t(), at: Time::from_unix(0), principal: t() };
    let answer = |holds| VerifyAnswer { holds, says: Sentence::of("because of ").name(&t()) };
    let report = |command, body| Report {
        command,
        exit_code: 3,
        verdict: Sentence::of("1 change denied in ").name(&t()),
        findings: vec![finding(text, &file), Reported { excerpt: None, ..finding(text, &file) }],
        body,
        next: vec![Sentence::of("run ").name(&t())],
    };
    let sessions = vec![SessionRow {
        session: t(),
        kind: "review",
        sealed: Some(Time::from_unix(0)),
        writer: t(),
        key: t(),
        plans: vec![t()],
        verdicts: BTreeMap::from([("approve", 2)]),
        standing: Sentence::of("holds"),
    }];
    let decisions = vec![DecisionRow {
        session: "00ff".repeat(8).into(),
        at: Time::from_unix(0),
        plan: t(),
        change: t(),
        sentence: Sentence::of("grant ").name(&t()),
        verdict: "approve",
        steps: vec![t()],
        who: t(),
        reason: Some(t()),
        privileged: true,
    }];
    vec![
        report("check", Body::Plans(vec![plan(text)])),
        report("gate", Body::Plans(vec![plan(text), plan("second")])),
        report("diff", Body::Plans(vec![plan(text)])),
        report("trust check", Body::Findings),
        report(
            "verify",
            Body::Verify(VerifyReport {
                log_id: Some(t()),
                file: t(),
                integrity: answer(Holds::Yes),
                authenticity: answer(Holds::No),
                completeness: answer(Holds::Unknown),
                time: answer(Holds::Unknown),
                replay: Some(ReplayAnswer { answer: answer(Holds::No), replayed: 3, differ: 1, not_replayed: 1 }),
                heads: vec![head.clone()],
                sessions: 2,
                lines: 1_234,
                line: Some(t()),
            }),
        ),
        report(
            "log show",
            Body::Log(LogReport {
                file: t(),
                standing: Sentence::of("intact"),
                sessions,
                decisions,
                more: None,
                heads: vec![head],
            }),
        ),
        report(
            "access",
            Body::Access(AccessReport {
                file: t(),
                taken_at: Time::from_unix(0),
                who: Some(t()),
                wish: Some(AccessQuery { action: t(), resource: t(), scope: Some(text.into()) }),
                scope: Some(text.into()),
                targets: vec![TargetReport { id: Some(t()), system: t() }],
                rows: vec![access_row(text)],
                shown: 1,
            }),
        ),
        report(
            "snapshot import",
            Body::Snapshot(SnapshotReport {
                targets: vec![TargetReport { id: Some(t()), system: t() }, TargetReport { id: None, system: t() }],
                file: t(),
                source: t(),
                taken_at: Time::from_unix(0),
                digest: Digest::of(b"snapshot"),
                counts: BTreeMap::from([("assignments", 2_536), ("roles", 3)]),
                sheets: vec![sheet(text)],
            }),
        ),
        report(
            "status",
            Body::Sheets(Sheets {
                about: vec![
                    ("plan", "plan", Cell::Text(t())),
                    ("at", "at", Cell::Absent),
                    ("what", "what it does", Cell::Says(Sentence::of("grant role ").name(&t()))),
                ],
                sheets: vec![sheet(text), Sheet { rows: Vec::new(), ..sheet(text) }],
            }),
        ),
    ]
}

fn access_row(text: &str) -> AccessRow {
    let held = piece(text, text, text, Some(text));
    let left_out = Except { action: text.into(), resource: text.into() };
    let way = WayRow { verdict: AccessVerdict::UnderCondition, access: held.access, eligible: true, path: held.path };
    AccessRow {
        accesses: 1,
        is_cut: false,
        subject: held.subject,
        verdict: AccessVerdict::UnderCondition,
        ways: vec![way.clone(), way],
        more: 3,
        taken: vec![Exception {
            scope: Some(text.into()),
            condition: Some(text.into()),
            until: Some(Time::from_unix(0)),
            ..Exception::denied(text.into(), text.into(), vec![left_out])
        }],
        closed: Some(text.into()),
    }
}

/// A sheet with every kind of cell, longer than people are shown.
fn sheet(text: &str) -> Sheet {
    let row = |n: u64| {
        vec![
            Cell::Text(text.into()),
            Cell::Number(n),
            Cell::Yes(n.is_multiple_of(2)),
            Cell::Time(Time::from_unix(0)),
            Cell::List(vec![text.into(), "b".into()]),
            Cell::Says(Sentence::of("by ").name(&text.into())),
            Cell::Word("standing"),
        ]
    };
    Sheet {
        key: "rows",
        title: "Rows",
        columns: &[
            ("who", "who"),
            ("n", "how many"),
            ("yes", "whether"),
            ("at", "when"),
            ("names", "names"),
            ("says", "says"),
            ("mode", "mode"),
        ],
        rows: (0..45).map(row).collect(),
        none: "there is none",
    }
}

/// Strings that break things: the naughty ones, where the shared data is at hand, and our own.
pub(crate) fn hostile() -> Vec<String> {
    let mut out: BTreeSet<String> = [
        "plain",
        "\u{1b}[2J\u{1b}]0;title\u{7}",
        "a\r\n::error::forged",
        "%0A::warning file=x::y",
        "</details><script>alert(1)</script>",
        "| a | b |\n|---|\n`code` **bold** [x](javascript:y)",
        "]]><!-- \"quoted\" 'single' &amp;",
        "\u{202e}desrever\u{2066}\u{200b}\u{feff}\u{e0041}",
        "漢字かな交じり文の全角文字ＡＢＣ",
        "e\u{301}\u{301}\u{301}\u{301} 👩\u{200d}👩\u{200d}👧 🇨🇭",
        "x` to `nobody",
        "@octo-org/team and @octocat",
        "fixes #42, octo/repo#42, GH-42, !7, $8, %9, &10, ~11, ^12",
    ]
    .map(str::to_owned)
    .into();
    out.insert("long-name-without-blanks/".repeat(8));
    out.insert((0..0xffff_u32).filter_map(char::from_u32).filter(|c| crate::input::text::is_hidden(*c)).collect());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/hostile/blns.json");
    match std::fs::read_to_string(path).ok().and_then(|raw| serde_json::from_str::<Vec<String>>(&raw).ok()) {
        Some(strings) => out.extend(strings.into_iter().filter(|s| !s.is_empty())),
        None => println!("the shared hostile strings are absent; only our own are tried"),
    }
    out.into_iter().collect()
}

/// Hostile strings with reports that hold them: every kind of report is met by many of the strings.
pub(crate) fn cases() -> Vec<(String, Report)> {
    let kinds = reports("x").len();
    hostile()
        .into_iter()
        .enumerate()
        .map(|(n, text)| {
            let report = reports(&text).swap_remove(n % kinds);
            (text, report)
        })
        .collect()
}

fn explained(text: &str) -> ExplainedPolicy {
    let part = |value| ConditionPart { text: text.into(), value, saw: vec![(text.into(), text.into())] };
    let parts = [Some(true), Some(false), None].map(part).into();
    let condition = ExplainedCondition { kind: "when", met: Some(false), operator: Some("&&"), parts };
    ExplainedPolicy { policy: text.into(), is_permit: false, place: Place::file(text), conditions: vec![condition] }
}
