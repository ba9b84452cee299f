//! The words of a sitting: keys, purposes, verdicts, faults.
//!
//! In: the session's own terms. Out: keys and sentences. One key means one thing, whatever the question.

use crate::decision::bars::Bar;
use crate::decision::recheck::Fault;
use crate::decision::session::{Choice, Decision, JournalledVerdict, Purpose, Reply, Standing, Verdict};
use crate::input::id::Id;
use crate::report::sentence::{Sentence, counted, together};
use crate::terminal::screen::Choice as Key;

/// What a key does at a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Press {
    /// It answers the question.
    Reply(Reply),
    /// It asks for words to look changes up by.
    Find,
    /// It shows the list of all changes.
    List,
}

/// The key that shows the list of all changes.
pub(super) fn list() -> Key<Press> {
    Key {
        key: 'l',
        word: "list",
        help: "shows every change, automatic ones too; go to any of them by its number",
        value: Press::List,
        after_all: false,
    }
}

/// The key of a choice. Only after the whole card was shown is a privileged change approved, a denial set aside, a reject
/// lifted, or more than one change approved at once.
pub(super) fn choice(choice: &Choice, privileged: bool) -> Key<Press> {
    let key = |key, word, help, value| Key { key, word, help, value: Press::Reply(value), after_all: false };
    let after_all = |key: Key<Press>| Key { after_all: true, ..key };
    match choice {
        Choice::Approve(_) => Key {
            after_all: privileged,
            ..key('a', "approve", "asks for a word, or for the name of what is privileged, next", Reply::Approve)
        },
        Choice::Together(_) => after_all(key(
            't',
            "together",
            "approves this change and those like it; shows their table next",
            Reply::Together,
        )),
        Choice::Reject => key('r', "reject", "asks for the reason next", Reply::Reject),
        Choice::RejectRest(_) => key(
            'R',
            "reject rest",
            "rejects this and every other undecided change that is shown now; asks for the reason next",
            Reply::RejectRest,
        ),
        Choice::Override(_) => after_all(key(
            'o',
            "override",
            "breaks the glass: sets a denial aside; asks for reason and name next",
            Reply::Override,
        )),
        Choice::Lift => after_all(key(
            'L',
            "lift",
            "helps to lift the rejects that block it; asks for reason and name next",
            Reply::Lift,
        )),
        Choice::Skip => key('s', "skip", "leaves it undecided and goes on", Reply::Skip),
        Choice::Withdraw => key('w', "withdraw", "takes back what you decided on it in this session", Reply::Withdraw),
        Choice::Back => key('b', "back", "goes to the change before", Reply::Back),
        Choice::Details => key('d', "details", "shows every access and path, or the short card again", Reply::Details),
        Choice::Find => Key {
            key: '/',
            word: "find",
            help: "shows only changes of an identity, role or place, or only what is `privileged`",
            value: Press::Find,
            after_all: false,
        },
        Choice::Finish => key('f', "finish", "goes to the end, with the rest undecided", Reply::Finish),
        Choice::Quit => key('q', "quit", "leaves; what was decided stays in the journal", Reply::Quit),
    }
}

/// The question for a reason.
pub(super) fn why(purpose: Purpose, many: usize) -> String {
    match purpose {
        Purpose::RejectRest => format!("Why to reject these {many}?"),
        Purpose::Approve | Purpose::Together | Purpose::Reject | Purpose::Override | Purpose::Lift => {
            format!("Why {}?", crate::terminal::words::purpose(purpose))
        }
    }
}

/// What a word or a reason is asked for.
pub(super) fn purpose(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Approve => "to approve",
        Purpose::Together => "to approve together",
        Purpose::Reject => "to reject",
        Purpose::RejectRest => "to reject the rest",
        Purpose::Override => "to set the denial aside",
        Purpose::Lift => "to help lift the rejects",
    }
}

/// Where a change stands.
pub(super) fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Approved => "approved",
        Standing::Rejected => "rejected",
        Standing::Overridden => "overridden",
        Standing::Undecided => "open",
        Standing::Automatic => "automatic",
        Standing::NotAsked => "not asked",
    }
}

/// What was decided.
pub(super) fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Approve(approval) => match approval.grouped() {
            Some(n) => format!("approve, {}", together(n as u64)),
            None => "approve".to_owned(),
        },
        Verdict::Reject => "reject".to_owned(),
        Verdict::Override { .. } => "override".to_owned(),
    }
}

/// What an override takes out of the way, and why.
pub(super) fn overrides(decision: &Decision) -> Sentence {
    let Verdict::Override { policies, lifts } = decision.verdict() else { return Sentence::new() };
    let mut says = Sentence::new();
    if !policies.is_empty() {
        let many = u64::try_from(policies.len()).unwrap_or(u64::MAX);
        says = by(says.own(format!("sets {} aside", counted(many, "policy", "policies"))), policies.iter());
    }
    if !lifts.is_empty() {
        let many = u64::try_from(lifts.len()).unwrap_or(u64::MAX);
        says = says.own(format!("helps to lift {}", counted(many, "reject", "rejects")));
    }
    says.maybe(decision.reason(), |says, reason| says.own("; why: ").quote(reason))
}

/// What an interrupted session had recorded.
pub(super) fn journalled(verdict: &JournalledVerdict) -> &'static str {
    match verdict {
        JournalledVerdict::Approve { .. } => "approve",
        JournalledVerdict::Reject { .. } => "reject",
        JournalledVerdict::Override { .. } => "override",
        JournalledVerdict::Withdrawn => "nothing",
    }
}

/// What bars a person from approving.
pub(super) fn bar(bar: &Bar) -> Sentence {
    match bar {
        Bar::Unproven => Sentence::of("nothing good proves who wrote the plan"),
        Bar::ProposersKey => Sentence::of("the plan is proven by a key of yours"),
        Bar::ProposersPrincipal => Sentence::of("the plan is proven under a principal of yours"),
        Bar::OwnProposal => Sentence::of("you proposed it"),
        Bar::Gains(id) => Sentence::of("you gain as ").id(id),
        Bar::GainsThroughGroup(id) => Sentence::of("you gain through group ").id(id),
        Bar::GainsThroughOwned(id) => Sentence::of("you own ").id(id).own(", which gains"),
        Bar::GainsThroughOwnedIn(id, group) => {
            Sentence::of("you own ").id(id).own(", which gains through group ").id(group)
        }
        Bar::NotHuman(id) => Sentence::of("your identity ").id(id).own(" is not human"),
        Bar::Disabled(id) => Sentence::of("your identity ").id(id).own(" is disabled"),
    }
}

/// Why an approved set cannot stand on its own.
pub(super) fn fault(fault: &Fault) -> Sentence {
    match fault {
        Fault::PlanDenied(plan, policies) => {
            by(Sentence::of("policy denies the approved part of plan ").id(plan), policies.iter())
        }
        Fault::Denied(case, policies) => {
            by(Sentence::of("policy denies ").id(&case.change).own(" within what you approved"), policies.iter())
        }
        Fault::Moved(case) => {
            Sentence::new().id(&case.change).own(" does something else within what you approved than its card showed")
        }
        Fault::Emerges(case, pieces) => {
            let n = u64::try_from(pieces.len()).unwrap_or(u64::MAX);
            let what = counted(n, "access or conflict", "accesses or conflicts");
            Sentence::new()
                .id(&case.change)
                .own(format!(" gives, with the others you approved, {what} not shown before"))
        }
        Fault::Dependency(case, on) => {
            Sentence::new().id(&case.change).own(" depends on ").id(&on.change).own(", which is rejected or denied")
        }
        Fault::NotAnalysed(case) => Sentence::of("the analysis says nothing of ").id(&case.change),
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
