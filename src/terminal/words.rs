//! Texts of the review loop: keys, purposes, verdicts, faults. A key has the same meaning in every question.

use crate::decision::bars::Bar;
use crate::decision::recheck::RecheckFault;
use crate::decision::session::{
    ChangeStanding, Choice, JournalledVerdict, Purpose, Reply, SessionDecision, SessionVerdict,
};
use crate::input::id::Id;
use crate::report::sentence::{Sentence, counted, together};
use crate::terminal::screen::KeyBinding as Key;

/// The effect of a key at a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Press {
    /// Answers the question.
    Reply(Reply),
    /// Asks for a filter.
    Find,
    /// Shows the list of all changes.
    List,
}

/// The key for the list of all changes.
pub(super) fn list() -> Key<Press> {
    Key {
        key: 'l',
        word: "list",
        help: "show all changes, including automatic ones; go to one by its number",
        value: Press::List,
        after_all: false,
    }
}

/// The key of a choice. Approving a privileged change, overriding a denial, lifting a rejection, and approving several
/// changes at once require that the whole card was shown.
pub(super) fn choice(choice: &Choice, privileged: bool) -> Key<Press> {
    let key = |key, word, help, value| Key { key, word, help, value: Press::Reply(value), after_all: false };
    let after_all = |key: Key<Press>| Key { after_all: true, ..key };
    match choice {
        Choice::Approve(_) => Key {
            after_all: privileged,
            ..key(
                'a',
                "approve",
                "approve this change; asks for a word, or for a name if it is privileged",
                Reply::Approve,
            )
        },
        Choice::Together(_) => after_all(key(
            't',
            "together",
            "approve this change and similar ones; shows them in a table first",
            Reply::Together,
        )),
        Choice::Reject => key('r', "reject", "reject this change; asks for the reason", Reply::Reject),
        Choice::RejectRest(_) => key(
            'R',
            "reject rest",
            "reject this and all other undecided changes that match the filter; asks for the reason",
            Reply::RejectRest,
        ),
        Choice::Override(_) => after_all(key(
            'o',
            "override",
            "override a denial (break glass); asks for the reason and the name",
            Reply::Override,
        )),
        Choice::Lift => after_all(key(
            'L',
            "lift",
            "help to lift the rejections that block it; asks for the reason and the name",
            Reply::Lift,
        )),
        Choice::Skip => key('s', "skip", "leave it undecided and continue", Reply::Skip),
        Choice::Withdraw => key('w', "withdraw", "withdraw your decision on it in this session", Reply::Withdraw),
        Choice::Back => key('b', "back", "go to the previous change", Reply::Back),
        Choice::Details => key('d', "details", "show every access and path, or the short card again", Reply::Details),
        Choice::Find => Key {
            key: '/',
            word: "find",
            help: "show only changes of an identity, role or scope, or only `privileged` ones",
            value: Press::Find,
            after_all: false,
        },
        Choice::Finish => key('f', "finish", "go to the end and leave the rest undecided", Reply::Finish),
        Choice::Quit => key('q', "quit", "quit; your decisions stay in the journal", Reply::Quit),
    }
}

/// The prompt for a reason.
pub(super) fn why(purpose: Purpose, many: usize) -> String {
    match purpose {
        Purpose::RejectRest => format!("Reason to reject these {many} changes?"),
        Purpose::Approve | Purpose::Together | Purpose::Reject | Purpose::Override | Purpose::Lift => {
            format!("Reason {}?", crate::terminal::words::purpose(purpose))
        }
    }
}

/// The purpose of a word or a reason.
pub(super) fn purpose(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Approve => "to approve",
        Purpose::Together => "to approve together",
        Purpose::Reject => "to reject",
        Purpose::RejectRest => "to reject the rest",
        Purpose::Override => "to override the denial",
        Purpose::Lift => "to help lift the rejections",
    }
}

/// The state of a change.
pub(super) fn standing(standing: ChangeStanding) -> &'static str {
    match standing {
        ChangeStanding::Approved => "approved",
        ChangeStanding::Rejected => "rejected",
        ChangeStanding::Overridden => "overridden",
        ChangeStanding::Undecided => "open",
        ChangeStanding::Automatic => "automatic",
        ChangeStanding::NotAsked => "not asked",
    }
}

/// The decision.
pub(super) fn verdict(verdict: &SessionVerdict) -> String {
    match verdict {
        SessionVerdict::Approve(approval) => match approval.grouped() {
            Some(n) => format!("approve, {}", together(n as u64)),
            None => "approve".to_owned(),
        },
        SessionVerdict::Reject => "reject".to_owned(),
        SessionVerdict::Override { .. } => "override".to_owned(),
    }
}

/// What an override overrides, and the reason.
pub(super) fn overrides(decision: &SessionDecision) -> Sentence {
    let SessionVerdict::Override { policies, lifts } = decision.verdict() else { return Sentence::new() };
    let mut says = Sentence::new();
    if !policies.is_empty() {
        let many = u64::try_from(policies.len()).unwrap_or(u64::MAX);
        says = by(says.own(format!("overrides {}", counted(many, "policy", "policies"))), policies.iter());
    }
    if !lifts.is_empty() {
        let many = u64::try_from(lifts.len()).unwrap_or(u64::MAX);
        says = says.own(format!("helps to lift {}", counted(many, "rejection", "rejections")));
    }
    says.maybe(decision.reason(), |says, reason| says.own("; reason: ").quote(reason))
}

/// A decision recorded by an interrupted session.
pub(super) fn journalled(verdict: &JournalledVerdict) -> &'static str {
    match verdict {
        JournalledVerdict::Approve { .. } => "approve",
        JournalledVerdict::Reject { .. } => "reject",
        JournalledVerdict::Override { .. } => "override",
        JournalledVerdict::Withdrawn => "nothing",
    }
}

/// Why the user may not approve.
pub(super) fn bar(bar: &Bar) -> Sentence {
    match bar {
        Bar::Unproven => Sentence::of("there is no valid proof of who wrote the plan"),
        Bar::ProposersKey => Sentence::of("the plan is signed with a key of yours"),
        Bar::ProposersPrincipal => Sentence::of("the plan is signed under a principal of yours"),
        Bar::OwnProposal => Sentence::of("you proposed it"),
        Bar::Gains(id) => Sentence::of("you gain access as ").id(id),
        Bar::GainsThroughGroup(id) => Sentence::of("you gain access through group ").id(id),
        Bar::GainsThroughOwned(id) => Sentence::of("you own ").id(id).own(", which gains access"),
        Bar::GainsThroughOwnedIn(id, group) => {
            Sentence::of("you own ").id(id).own(", which gains access through group ").id(group)
        }
        Bar::NotHuman(id) => Sentence::of("your identity ").id(id).own(" is not human"),
        Bar::Disabled(id) => Sentence::of("your identity ").id(id).own(" is disabled"),
    }
}

/// Why the approved set of changes is not consistent.
pub(super) fn fault(fault: &RecheckFault) -> Sentence {
    match fault {
        RecheckFault::PlanDenied(plan, policies) => {
            by(Sentence::of("a policy denies the approved part of plan ").id(plan), policies.iter())
        }
        RecheckFault::Denied(case, policies) => by(
            Sentence::of("a policy denies ").id(&case.change).own(" if only the approved changes are applied"),
            policies.iter(),
        ),
        RecheckFault::Moved(case) => Sentence::new()
            .id(&case.change)
            .own(" has a different effect than its card showed if only the approved changes are applied"),
        RecheckFault::Emerges(case, pieces) => {
            let n = u64::try_from(pieces.len()).unwrap_or(u64::MAX);
            let what = counted(n, "access or conflict", "accesses or conflicts");
            Sentence::new()
                .id(&case.change)
                .own(format!(" adds {what} not shown before, together with your other approvals"))
        }
        RecheckFault::Dependency(case, on) => {
            Sentence::new().id(&case.change).own(" depends on ").id(&on.change).own(", which is rejected or denied")
        }
        RecheckFault::NotAnalysed(case) => Sentence::of("there is no analysis of ").id(&case.change),
    }
}

fn by<'p, K: 'p>(mut sentence: Sentence, policies: impl Iterator<Item = &'p Id<K>>) -> Sentence {
    for (at, policy) in policies.enumerate() {
        sentence = sentence.own(if at == 0 { ": " } else { ", " }).id(policy);
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Choice> {
        vec![
            Choice::Approve("yes".into()),
            Choice::Together(Vec::new()),
            Choice::Reject,
            Choice::RejectRest(Vec::new()),
            Choice::Override(std::collections::BTreeSet::new()),
            Choice::Lift,
            Choice::Skip,
            Choice::Withdraw,
            Choice::Back,
            Choice::Details,
            Choice::Find,
            Choice::Finish,
            Choice::Quit,
        ]
    }

    #[test]
    fn no_word_of_a_key_confirms_a_decision() {
        for key in all().iter().map(|it| choice(it, true)).chain([list()]) {
            assert!(crate::decision::session::RESERVED.contains(&key.word), "{}", key.word);
        }
    }

    #[test]
    fn one_key_means_one_thing() {
        let all = all();
        let mut keys: Vec<char> = all.iter().map(|it| choice(it, true).key).chain([list().key, '?', ' ']).collect();
        let many = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), many, "{keys:?}");
    }
}
