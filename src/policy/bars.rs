//! Exclusions that apply regardless of policy: automatic approval of risky changes, and self-approval.
//!
//! Computed from facts. A person gains through each of their identities, through groups before and after the change,
//! and through non-human identities that they own.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::access::model::facts::{ChangeFacts, ClaimResult};
use crate::input::entitlement::{Effect, Mode, Sensitivity};
use crate::input::id::{GroupId, IdentityId, RoleId, Subject};
use crate::plan::model::{Action, Change, RoleDefinition};
use crate::policy::entities::names::outside;
use crate::policy::input::{PersonView, PolicyInput};
use crate::policy::pack::Pack;
use crate::snapshot::model::Status;

/// Why a change cannot be automatic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AutoBar {
    /// It is privileged.
    Privileged,
    /// Neither a rule nor a label classifies the access that it gives or removes.
    Unclassified,
    /// Everyone, or an anonymous caller, gains access or is a receiver.
    Public,
    /// A name that stands for many whom the snapshot does not know gains access or is a receiver.
    Outsiders,
    /// It grants a membership, or something to a disabled identity, or extends an assignment, and the snapshot shows no
    /// access that it gives.
    NoKnownGain,
    /// A deny, a limit or the status of a receiver blocks some of the access that it assigns.
    Blocked,
    /// It gives access without an expiry.
    StandingGain,
    /// It gives access that can be activated later.
    EligibleGain,
    /// It is part of an emergent piece of the plan.
    EmergentGain,
    /// It is part of a loss that only several changes of the plan cause together.
    LostTogether,
    /// It opens an escalation path, or may complete one.
    Escalation,
    /// It gives one subject both sides of a separation-of-duties pair.
    SodConflict,
    /// The search for responsible sets reached a limit.
    SetsIncomplete,
    /// The effect of the change, or of its whole plan, is too large to analyse.
    TooLarge,
    /// It affects a group whose members are not all known.
    MembersUnknown,
    /// The snapshot contradicts a claim.
    Contradicted,
    /// A person rejected it, or a similar change in another plan, and did not withdraw that.
    Rejected,
    /// It gives a part of what a person rejected.
    PartOfRejected,
    /// The proposer or the sponsor gains.
    ProposerOrSponsorGains,
    /// It changes a role's definition.
    RoleDefinition,
    /// It changes who can act as another identity.
    Trust,
    /// It changes the owner of something.
    Owner,
    /// It involves a credential.
    Credential,
    /// It removes or redefines access outside its task, or no task covers it.
    TakesOutsideTask,
    /// It is part of a mass removal.
    MassRemoval,
    /// It adds or removes a deny.
    Deny,
    /// It suppresses a finding.
    Finding,
    /// It involves a group or role that a policy names.
    NamedByPolicy,
    /// Part of it was unknown when it was written.
    Unknown,
    /// The plan was made from one of another tool, which may do more than its changes say.
    Incomplete,
}

impl AutoBar {
    /// The reason in words, lower case.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Privileged => "it is privileged",
            Self::Unclassified => "it gives or removes unclassified access",
            Self::Public => "everyone, or an anonymous caller, gains access",
            Self::Outsiders => "it gives access to a name that represents many unknown identities",
            Self::NoKnownGain => "the snapshot does not show what it gives",
            Self::Blocked => "it assigns access that a deny, a limit or a disabled identity blocks now",
            Self::StandingGain => "it gives access without an expiry",
            Self::EligibleGain => "it gives access that can be activated later",
            Self::EmergentGain => "it gives access together with other changes of the plan",
            Self::LostTogether => "it removes access together with other changes of the plan",
            Self::Escalation => "it opens, or may open, a known escalation path",
            Self::SodConflict => "it gives one subject entitlements that must be separate",
            Self::SetsIncomplete => "the search for combined effects is incomplete",
            Self::TooLarge => "its effect, or that of the whole plan, is too large to analyse",
            Self::MembersUnknown => "it affects a group with unknown members",
            Self::Contradicted => "the snapshot contradicts what the plan claims",
            Self::Rejected => "a person rejected it, or a similar change",
            Self::PartOfRejected => "it gives part of the access that a person rejected",
            Self::ProposerOrSponsorGains => "the proposer or the sponsor gains access",
            Self::RoleDefinition => "it changes a role definition",
            Self::Trust => "it changes who can act as another identity",
            Self::Owner => "it changes an owner",
            Self::Credential => "it changes a credential",
            Self::TakesOutsideTask => "it removes or redefines access outside its task",
            Self::MassRemoval => "the plan is a mass removal of access",
            Self::Deny => "it adds or removes a deny",
            Self::Finding => "it suppresses an alert",
            Self::NamedByPolicy => "a policy names the group or role that it changes",
            Self::Unknown => "part of it was unknown when it was written",
            Self::Incomplete => "the plan that it was made from may do more than its changes say",
        }
    }
}

/// Every reason why a change cannot be automatic, sorted.
pub(super) fn of(pack: &Pack, matter: &PolicyInput<'_>, change: &Change, facts: &ChangeFacts) -> BTreeSet<AutoBar> {
    let gained = &facts.effects.gained;
    let history = matter.history_of(&facts.id);
    let stands = facts.becomes.is_some_and(|becomes| becomes.mode == Mode::Standing) && !gained.is_empty();
    let sponsor = matter.plan.on_behalf_of.as_ref().map(|sponsor| &sponsor.value);
    let parties = [Some(&matter.plan.proposer.value), sponsor];
    let gains = |id: &IdentityId| Who::of_identity(matter, facts, id).gains(matter, facts);
    let permission = facts.named.permission.as_ref().is_some_and(|permission| permission.effect == Effect::Deny);
    let deny = permission || facts.touches_deny || facts.lifts_deny;
    // WHY: a disabled receiver can be enabled later, and a group may give access in another system. No scope shows what that
    // will be.
    let is_active = |id| facts.around.identities.get(id).is_some_and(|it| it.status == Status::Active);
    let hides_gain = facts.named.member_of.is_some() || facts.named.identity.iter().any(|id| !is_active(id));
    let no_gain = gained.is_empty() && facts.effects.gained_eligible.is_empty();
    let extends = matches!(change.action, Action::Adjust(_)) && !facts.receivers.is_empty();
    // WHY: an assignment that is extended next to another one is what remains when the other is removed.
    let no_known_gain = no_gain && (extends || (matches!(change.action, Action::Grant(_)) && hides_gain));
    let rules = [
        (AutoBar::Privileged, facts.is_privileged_in_plan() || facts.gained_privileged > 0),
        (AutoBar::Unclassified, facts.unclassified > 0 || facts.sensitivity == Sensitivity::Unknown),
        (AutoBar::Public, facts.public),
        (AutoBar::Outsiders, !facts.outsiders.is_empty()),
        (AutoBar::NoKnownGain, no_known_gain),
        (AutoBar::Blocked, facts.blocked),
        (AutoBar::StandingGain, stands || gained.iter().any(|piece| piece.access.until.is_none())),
        (AutoBar::EligibleGain, !facts.effects.gained_eligible.is_empty()),
        (AutoBar::EmergentGain, !facts.emergent.is_empty()),
        (AutoBar::LostTogether, !facts.lost_together.is_empty()),
        (AutoBar::Escalation, !facts.escalations.is_empty()),
        (AutoBar::SodConflict, !facts.sod.is_empty()),
        (AutoBar::SetsIncomplete, matter.analysis.sets_incomplete),
        (AutoBar::TooLarge, facts.concerned.untold.is_any() || matter.analysis.concerned.untold.is_any()),
        (AutoBar::MembersUnknown, facts.concerned.at_least || !facts.concerned.unknown_groups.is_empty()),
        (AutoBar::Contradicted, facts.claims.iter().any(|claim| claim.result == ClaimResult::Contradicted)),
        (AutoBar::Rejected, history.rejected_before || history.unlifted_reject),
        (AutoBar::PartOfRejected, history.part_of_rejected),
        (AutoBar::ProposerOrSponsorGains, parties.into_iter().flatten().any(gains)),
        (AutoBar::TakesOutsideTask, !facts.takes_in_task_scope),
        (AutoBar::MassRemoval, matter.analysis.mass_removals.iter().any(|it| it.changes.contains(&facts.id))),
        (AutoBar::Deny, deny),
        (AutoBar::Unknown, !change.unknown.is_empty()),
        (AutoBar::Incomplete, matter.plan.may_do_more()),
        (AutoBar::NamedByPolicy, names(facts).any(|name| pack.named().holds(&name))),
    ];
    let mut bars: BTreeSet<AutoBar> = rules.into_iter().filter_map(|(bar, holds)| holds.then_some(bar)).collect();
    bars.extend(of_action(&change.action));
    bars
}

fn of_action(action: &Action) -> Vec<AutoBar> {
    let defines = |definition: &RoleDefinition| {
        let mut bars = vec![AutoBar::RoleDefinition];
        bars.extend(definition.owner.as_ref().map(|_| AutoBar::Owner));
        bars.extend(definition.permissions.iter().any(|p| p.value.effect == Effect::Deny).then_some(AutoBar::Deny));
        bars
    };
    match action {
        Action::CreateRole(definition) | Action::SetRole(definition) => defines(definition),
        Action::DeleteRole(_)
        | Action::AddPermission(..)
        | Action::RemovePermission(..)
        | Action::AddInclude(..)
        | Action::RemoveInclude(..) => vec![AutoBar::RoleDefinition],
        Action::AddTrust(_) | Action::RemoveTrust(_) => vec![AutoBar::Trust],
        Action::SetOwner(..) | Action::CreateIdentity(_, _, Some(_)) | Action::CreateResource(_, _, Some(_), _) => {
            vec![AutoBar::Owner]
        }
        Action::CreateGroup(d) => d.owner.iter().map(|_| AutoBar::Owner).collect(),
        Action::IssueCredential(_) | Action::RotateCredential(..) | Action::RevokeCredential(_) => {
            vec![AutoBar::Credential]
        }
        Action::SuppressFinding(_) => vec![AutoBar::Finding],
        Action::Grant(_)
        | Action::Revoke(_)
        | Action::Adjust(_)
        | Action::DeleteGroup(_)
        | Action::CreateIdentity(_, _, None)
        | Action::DisableIdentity(_)
        | Action::DeleteIdentity(_)
        | Action::CreateResource(_, _, None, _)
        | Action::DeleteResource(_) => Vec::new(),
    }
}

/// The groups and roles that a change involves, by their Cedar names, with all groups and roles they belong to.
fn names(facts: &ChangeFacts) -> impl Iterator<Item = String> + '_ {
    let named = &facts.named;
    let groups: BTreeSet<&GroupId> = [&named.group, &named.member_of].into_iter().flatten().collect();
    let roles: BTreeSet<&RoleId> = [&named.role, &named.include].into_iter().flatten().collect();
    let above = groups.iter().filter_map(|id| facts.around.groups.get(*id));
    let wider = roles.iter().filter_map(|id| facts.around.roles.get(*id));
    let mut all: BTreeSet<&str> = above
        .flat_map(|view| view.groups.iter().map(GroupId::as_str).chain(view.roles.iter().map(RoleId::as_str)))
        .chain(wider.flat_map(|view| view.includes.iter().map(RoleId::as_str)))
        .collect();
    all.extend(groups.into_iter().map(GroupId::as_str));
    all.extend(roles.into_iter().map(RoleId::as_str));
    all.into_iter().map(outside)
}

/// A person or identity with all their identities, groups and owned identities.
pub(super) struct Who<'a> {
    identities: BTreeSet<&'a IdentityId>,
    groups: BTreeSet<&'a GroupId>,
    owns: Option<&'a BTreeSet<IdentityId>>,
}

impl<'a> Who<'a> {
    /// The person that an identity belongs to, or the identity alone if it belongs to no one.
    pub(super) fn of_identity(matter: &'a PolicyInput<'_>, facts: &'a ChangeFacts, id: &'a IdentityId) -> Self {
        match matter.people.whose(id) {
            Some(person) => Self::of_person(matter, facts, person),
            None => Self::of(matter, facts, BTreeSet::from([id]), BTreeSet::new(), None),
        }
    }

    /// A person.
    pub(super) fn of_person(matter: &'a PolicyInput<'_>, facts: &'a ChangeFacts, person: &'a PersonView) -> Self {
        let listed = person.listed_groups.iter().collect();
        Self::of(matter, facts, person.identities.iter().collect(), listed, Some(&person.owns))
    }

    fn of(
        matter: &'a PolicyInput<'_>,
        facts: &'a ChangeFacts,
        identities: BTreeSet<&'a IdentityId>,
        mut groups: BTreeSet<&'a GroupId>,
        owns: Option<&'a BTreeSet<IdentityId>>,
    ) -> Self {
        for surroundings in [&matter.analysis.before, &facts.around] {
            let views = identities.iter().filter_map(|id| surroundings.identities.get(*id));
            groups.extend(views.flat_map(|view| &view.groups));
            let listed: Vec<&GroupId> = groups.iter().copied().collect();
            let nested = listed.into_iter().filter_map(|id| surroundings.groups.get(id));
            groups.extend(nested.flat_map(|view| &view.groups));
        }
        Self { identities, groups, owns }
    }

    /// Whether they gain access by a change, now or eligible, or are a receiver.
    pub(super) fn gains(&self, matter: &PolicyInput<'_>, facts: &ChangeFacts) -> bool {
        facts.gaining().any(|subject| match subject {
            Subject::Group(group) => self.groups.contains(group),
            Subject::Identity(id) => self.identities.contains(id) || self.answers_for(matter, facts, id),
        })
    }

    fn answers_for(&self, matter: &PolicyInput<'_>, facts: &ChangeFacts, id: &IdentityId) -> bool {
        let views = [&facts.around, &matter.analysis.before].into_iter().filter_map(|s| s.identities.get(id));
        self.owns.is_some_and(|owns| owns.contains(id))
            || views.filter_map(|view| view.owner.as_ref()).any(|owner| self.identities.contains(owner))
            || matter.appointed.owners(id).any(|owner| self.identities.contains(owner))
    }
}
