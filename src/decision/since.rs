//! The differences between an approved change and the current one.
//!
//! Compares the two documents, for the message "approved at …, but since then: + …". Equal documents have no
//! differences.

use std::collections::BTreeSet;

use crate::decision::digest::{ChangeDocument, Held, TargetRecord};
use crate::input::digest::{Digest, of};
use crate::input::text::Text;

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Since {
    /// It gives this access too.
    Gains(Held),
    /// It no longer gives this access.
    GainsNot(Held),
    /// It gives this access too, by activation.
    GainsEligible(Held),
    /// It no longer gives this access by activation.
    GainsEligibleNot(Held),
    /// It removes this access too.
    Loses(Held),
    /// It no longer removes this access.
    LosesNot(Held),
    /// A field has a different value: its name in the plan or in the facts.
    Field(Text),
    /// It applies to different systems: the earlier ones and the current ones.
    Targets(Vec<TargetRecord>, Vec<TargetRecord>),
    /// It is part of this further emergent piece.
    Emerges(Digest<of::Piece>),
}

/// All differences between the earlier and the current change.
#[must_use]
pub fn since(was: &ChangeDocument, is: &ChangeDocument) -> Vec<Since> {
    let mut found = Vec::new();
    if was.targets != is.targets {
        found.push(Since::Targets(was.targets.clone(), is.targets.clone()));
    }
    compare(&was.effect.gained, &is.effect.gained, Since::Gains, Since::GainsNot, &mut found);
    compare(
        &was.effect.gained_eligible,
        &is.effect.gained_eligible,
        Since::GainsEligible,
        Since::GainsEligibleNot,
        &mut found,
    );
    compare(&was.effect.lost, &is.effect.lost, Since::Loses, Since::LosesNot, &mut found);
    let names: BTreeSet<&str> = was.fields.iter().chain(is.fields.iter()).map(|(name, _)| name).collect();
    found.extend(
        names.into_iter().filter(|n| was.fields.get(n) != is.fields.get(n)).map(|n| Since::Field(Text::from(n))),
    );
    let others = [
        ("action", was.action != is.action),
        ("plan", was.plan != is.plan),
        ("expires", was.expires != is.expires),
        ("proposer", was.proposer != is.proposer),
        ("on_behalf_of", was.sponsor != is.sponsor),
        ("task", was.task != is.task),
        ("intent", was.intent != is.intent),
        ("reason", was.reason != is.reason),
        ("privileged", was.privileged != is.privileged),
        ("sensitivity", was.sensitivity != is.sensitivity),
        ("contradictions", was.contradictions != is.contradictions),
        ("escalations", was.escalations != is.escalations),
        ("sod", was.sod != is.sod),
    ];
    found.extend(others.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| Since::Field(Text::from(name))));
    found
}

fn compare(was: &[Held], is: &[Held], more: fn(Held) -> Since, less: fn(Held) -> Since, found: &mut Vec<Since>) {
    let (old, new): (BTreeSet<&Held>, BTreeSet<&Held>) = (was.iter().collect(), is.iter().collect());
    found.extend(new.difference(&old).map(|h| more((*h).clone())));
    found.extend(old.difference(&new).map(|h| less((*h).clone())));
}
