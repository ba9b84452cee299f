//! Who could take a step, in words.
//!
//! In: the people whom policy permits it and whom nothing bars. Out: a group where one names exactly them, else their
//! names.

use std::collections::BTreeSet;

use crate::config::People;
use crate::input::id::PersonId;
use crate::report::sentence::Sentence;

/// Who could take a step: "one of the two people in `identity-security`".
#[must_use]
pub fn could(people: &People, could: &BTreeSet<PersonId>) -> Sentence {
    let exactly = |members: &[PersonId]| members.iter().collect::<BTreeSet<_>>() == could.iter().collect();
    let mut groups = people.groups().iter().filter(|(_, members)| exactly(members));
    // WHY: of two groups with the same people, either could be the one that counts here, so neither is named.
    let group = groups.next().filter(|_| groups.next().is_none());
    let only = could.iter().next().filter(|_| could.len() == 1);
    match (only, group) {
        (None, _) if could.is_empty() => Sentence::of("nobody in people.yaml"),
        (Some(person), Some((group, _))) => Sentence::new().id(person).own(", the only one in ").name(group),
        (Some(person), None) => Sentence::new().id(person),
        (None, Some((group, _))) => Sentence::of(format!("one of the {} people in ", spelled(could.len()))).name(group),
        (None, None) => {
            Sentence::of("one of ").names(&could.iter().map(crate::input::id::Id::text).collect::<Vec<_>>())
        }
    }
}

fn spelled(count: usize) -> String {
    const WORDS: [&str; 13] =
        ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    WORDS.get(count).map_or_else(|| count.to_string(), |word| (*word).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_stands_for_its_people_where_it_is_exactly_them() {
        let people = People::read(
            "people.yaml",
            b"version: 1\npeople:\n  - {id: ada, principals: [a], identities: [a]}\n  - {id: bo, principals: [b], identities: [b]}\n  - {id: cy, principals: [c], identities: [c]}\ngroups: {identity-security: [ada, bo], owners: [cy], red: [bo], blue: [bo]}\n",
        )
        .unwrap();
        let said = |who: &[&str]| could(&people, &who.iter().map(|id| PersonId::from(*id)).collect()).terminal();
        assert_eq!(said(&["ada", "bo"]), "one of the two people in `identity-security`");
        assert_eq!(said(&["ada", "cy"]), "one of `ada`, `cy`");
        assert_eq!(said(&["cy"]), "`cy`, the only one in `owners`");
        assert_eq!(said(&["bo"]), "`bo`", "two groups hold exactly Bo, and it is not known which counts");
        assert_eq!(said(&[]), "nobody in people.yaml");
    }
}
