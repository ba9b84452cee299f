//! Plans that this tool drafts from two states of access: what Terraform does, or the difference of two snapshots.
//!
//! Computes the actions, writes the plan, reads it back, applies it, and compares the result with the state it should lead
//! to. What the plan cannot say is listed in it, so that no change of such a plan is automatic.

use crate::access::Index;
use crate::access::change::between::{between, unsaid};
use crate::access::change::materialise::applied;
use crate::app::site::load::Site;
use crate::input::digest::{Digest, of};
use crate::input::entitlement::IdentityKind;
use crate::input::finding::{Code, Finding};
use crate::input::id::{IdentityId, PlanId, TaskId};
use crate::input::place::{Place, Placed};
use crate::input::text::Text;
use crate::input::time::{Span, Time};
use crate::plan::model::{Action, MadeFrom, Plan};
use crate::plan::table::MAX_CHANGES;
use crate::plan::write::{NewChange, NewPlan, write_yaml};
use crate::snapshot::model::{Identity, Snapshot};

/// How long a drafted plan may be proposed, unless stated.
const PROPOSE_DAYS: u32 = 7;
/// The most differences of one kind that are listed one by one.
const MOST_LISTED: usize = 200;

/// Who proposes a drafted plan, and why.
#[derive(Clone, Debug, Default)]
pub struct PlanHeader {
    /// Its id.
    pub id: Option<String>,
    /// The proposer.
    pub proposer: Option<String>,
    /// The sponsor.
    pub on_behalf_of: Option<String>,
    /// The task.
    pub task: Option<String>,
    /// The purpose.
    pub intent: Option<String>,
    /// When it expires.
    pub expires: Option<Time>,
}

/// What a plan is drafted from.
pub struct PlanSource<'d> {
    /// The tool.
    pub tool: &'static str,
    /// The digest of what the changes come from.
    pub source: Digest<of::File>,
    /// The digest of the plan file that the tool applies.
    pub file: Option<Digest<of::File>>,
    /// Whether the changes are known to be all.
    pub complete: bool,
    /// What no change says.
    pub not_read: Vec<String>,
    /// The state before.
    pub before: &'d Snapshot,
    /// The state after.
    pub after: &'d Snapshot,
    /// The purpose, unless stated.
    pub intent: String,
}

/// A drafted plan.
pub struct DraftedPlan {
    /// Its text; none if nothing changes.
    pub text: Option<String>,
    /// How many changes it has.
    pub changes: usize,
    /// What to say about it.
    pub findings: Vec<Finding>,
}

impl PlanHeader {
    /// Takes the proposer from the site where it has only one agent.
    #[must_use]
    pub fn at(mut self, site: Option<&Site>) -> Self {
        let mut agents = site.into_iter().flat_map(|site| site.agents.all()).filter(|agent| !agent.is_person);
        if let (None, Some(only), None) = (&self.proposer, agents.next(), agents.next()) {
            self.proposer = Some(only.id.value.as_str().to_owned());
        }
        self
    }
}

/// Drafts a plan. `about` returns for each action its reason, its origin, and what is unknown about it.
///
/// # Errors
/// If the plan has no proposer, too many changes, or cannot be read back to the same changes.
pub fn draft(
    draft: PlanSource<'_>,
    header: &PlanHeader,
    now: Time,
    about: impl Fn(&Action) -> About,
) -> Result<DraftedPlan, Vec<Finding>> {
    let PlanSource { before, after, .. } = draft;
    let fault = |code, message: String, help: &str| vec![Finding::new(code, message).help(help)];
    let actions = between(before, after);
    if actions.len() > MAX_CHANGES {
        let message = format!("the difference has {} changes, and a plan at most {MAX_CHANGES}", actions.len());
        return Err(fault(Code::TooLarge, message, "split it, for example by state or by namespace"));
    }
    if actions.is_empty() && draft.not_read.is_empty() && unsaid(before, after).is_empty() {
        return Ok(DraftedPlan { text: None, changes: 0, findings: Vec::new() });
    }
    let Some(proposer) = header.proposer.as_deref() else {
        let help = "name one of agents.yaml with `--proposer ID`";
        return Err(fault(Code::MissingField, "the plan needs a proposer".to_owned(), help));
    };
    let changes = actions.into_iter().enumerate().map(|(at, action)| {
        let About { reason, origin, unknown } = about(&action);
        NewChange { id: format!("c{}", at.saturating_add(1)), action, reason, origin, unknown }
    });
    let mut plan = NewPlan {
        id: header.id.as_deref().map_or_else(|| default_id(&draft), PlanId::new),
        proposer: IdentityId::new(proposer),
        on_behalf_of: header.on_behalf_of.as_deref().map(IdentityId::new),
        task: header.task.as_deref().map(TaskId::new),
        intent: header.intent.clone().unwrap_or(draft.intent),
        expires: header.expires.unwrap_or_else(|| now.plus(Span::from_days(PROPOSE_DAYS))),
        made_from: None,
        changes: changes.collect(),
    };
    if plan.changes.is_empty() {
        let message = "no change of a plan says what this does".to_owned();
        let mut all: Vec<Finding> = draft.not_read.iter().map(|it| not_read(it)).collect();
        all.extend(left(before, after).iter().map(|it| not_read(it)));
        all.extend(fault(Code::Empty, message, "have a person who knows the system review it; it cannot be automatic"));
        return Err(all);
    }
    let parties = [Some(&plan.proposer), plan.on_behalf_of.as_ref()];
    let (before, after) = (&with(before, parties), &with(after, parties));
    let reached = reach(before, &written(&plan)?)?;
    let mut rest = draft.not_read;
    rest.extend(left(&reached, after));
    plan.made_from = Some(MadeFrom {
        tool: placed(Text::from(draft.tool)),
        source: placed(draft.source),
        file: draft.file.map(placed),
        complete: placed(draft.complete),
        not_read: rest.iter().map(|it| placed(Text::from(it.as_str()))).collect(),
    });
    let read = written(&plan)?;
    let findings = findings(&read);
    Ok(DraftedPlan { text: Some(write_yaml(&plan)), changes: plan.changes.len(), findings })
}

/// What a drafted change says apart from its action.
pub struct About {
    /// The reason.
    pub reason: String,
    /// Where it comes from.
    pub origin: Option<String>,
    /// What is unknown about it.
    pub unknown: Vec<String>,
}

fn placed<T>(value: T) -> Placed<T> {
    Placed::new(value, Place::file("draft"))
}

fn default_id(draft: &PlanSource<'_>) -> PlanId {
    let digest = draft.source.to_string();
    let short: String = digest.rsplit(':').next().unwrap_or_default().chars().take(12).collect();
    PlanId::new(format!("{}-{short}", draft.tool))
}

/// The plan as a reader sees it, which must be the same.
fn written(plan: &NewPlan) -> Result<Plan, Vec<Finding>> {
    let text = write_yaml(plan);
    let read = crate::plan::read("draft", text.as_bytes()).map_err(|findings| {
        // WHY: the places are those of a file that does not exist.
        let cannot = |it: Finding| Finding::new(it.code, format!("the plan cannot say this: {}", it.message.raw()));
        let help = "rename the object in its source, or write this change by hand";
        findings.into_iter().map(|it| cannot(it).help(help)).collect::<Vec<_>>()
    })?;
    let is_same = read.changes.len() == plan.changes.len()
        && read.changes.iter().zip(&plan.changes).all(|(read, new)| read.action == new.action);
    if is_same {
        return Ok(read);
    }
    Err(vec![
        Finding::new(Code::ReadersDisagree, "the plan that was written reads as another one")
            .help("report this as a bug"),
    ])
}

/// A snapshot with the proposer and the sponsor, whom a site adds if the export lacks them.
fn with(snapshot: &Snapshot, parties: [Option<&IdentityId>; 2]) -> Snapshot {
    let mut out = snapshot.clone();
    for id in parties.into_iter().flatten() {
        if !out.identities.iter().any(|it| it.id == *id) {
            out.identities.push(Identity::new(id.clone(), IdentityKind::Agent));
        }
    }
    out
}

/// The state that a plan leads to.
fn reach(before: &Snapshot, plan: &Plan) -> Result<Snapshot, Vec<Finding>> {
    applied(&Index::new(before), plan, None).map_err(|findings| {
        let cannot = |it: Finding| Finding::new(it.code, format!("the plan cannot say this: {}", it.message.raw()));
        findings.into_iter().map(|it| cannot(it).help("plan the parts one after the other")).collect()
    })
}

/// What the plan leaves different, in words.
fn left(reached: &Snapshot, after: &Snapshot) -> Vec<String> {
    let all = unsaid(reached, after);
    let more = all.len().saturating_sub(MOST_LISTED);
    let shown = all.iter().take(MOST_LISTED);
    let mut out: Vec<String> = shown.map(|it| format!("{} `{}` {}", it.kind, it.id.raw(), it.how)).collect();
    if more > 0 {
        out.push(format!("and {more} more differences"));
    }
    out
}

fn not_read(what: &str) -> Finding {
    Finding::new(Code::PlanNotRead, format!("no change says this: {what}"))
        .help("no change of the plan is automatic; have a person who knows the system look at it")
}

/// What a plan says about the one that it was made from.
#[must_use]
pub fn findings(plan: &Plan) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(made_from) = &plan.made_from {
        if !made_from.complete.value {
            let message = "nothing states that the plan has all changes, so none of them is automatic";
            let help = "Terraform 1.8 and later state it; plan again without `-target`";
            found.push(Finding::new(Code::PlanCompletenessUnknown, message).at(&made_from.complete.place).help(help));
        }
        found.extend(made_from.not_read.iter().map(|it| not_read(it.value.raw()).at(&it.place)));
    }
    for change in plan.changes.iter().filter(|change| !change.unknown.is_empty()) {
        let names: Vec<&str> = change.unknown.iter().map(|it| it.value.raw()).collect();
        let of = change.origin.as_ref().map(|it| format!(" of `{}`", it.value.raw())).unwrap_or_default();
        let message = format!(
            "change `{}` depends on what is unknown until it is applied: `{}`{of}; it counts as anything",
            change.id.value.as_str(),
            names.join("`, `")
        );
        let help = "give it a known value, or apply what it depends on first";
        found.push(Finding::new(Code::UnknownValue, message).at(&change.action_place).help(help));
    }
    found
}
