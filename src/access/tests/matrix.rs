//! Real role decompositions: effective access is the matrix that they came from, pair by pair.

use std::collections::BTreeSet;

use super::build::*;
use crate::access::Index;
use crate::access::queries::effective_access::effective;
use crate::input::id::Subject;

fn shared(name: &str) -> Option<String> {
    let path = format!("{}/../shared/data/rolemining/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).ok();
    if text.is_none() {
        println!("skipped: {path} is absent");
    }
    text
}

#[test]
fn roles_and_users_of_a_decomposition_give_the_matrix_pair_by_pair() {
    for (name, pairs) in [("hc", 1_486), ("domino", 730), ("apj", 6_841)] {
        let Some(cover) = shared(&format!("{name}_optimal_cover.txt")) else { return };
        let Some(matrix) = shared(&format!("{name}.txt")) else { return };
        let wanted: BTreeSet<(String, String)> = matrix
            .lines()
            .filter_map(|l| l.split_once(char::is_whitespace).map(|_| l))
            .filter_map(|l| {
                let mut words = l.split_whitespace();
                Some((words.next()?.to_owned(), words.next()?.to_owned()))
            })
            .collect();
        let mut s = snapshot("matrix");
        let mut users = BTreeSet::new();
        let list = |line: &str| line.split(',').map(|x| x.trim().to_owned()).collect::<Vec<_>>();
        let mut role = String::new();
        for line in cover.lines() {
            if let Some(id) = line.strip_prefix("role:") {
                role = format!("role:{}", id.trim());
            } else if let Some(rest) = line.strip_prefix("permissions:") {
                let permissions: Vec<_> = list(rest).iter().map(|x| allow("use", &format!("p{x}"))).collect();
                s = s.role(&role, &permissions);
            } else if let Some(rest) = line.strip_prefix("users:") {
                for user in list(rest) {
                    s = s.held(&format!("{role}#{user}"), &format!("u{user}"), &role, None);
                    users.insert(user);
                }
            }
        }
        for user in &users {
            s = s.human(&format!("u{user}"));
        }
        let index = Index::new(&s);
        let mut found = BTreeSet::new();
        for user in &users {
            for reached in effective(&index, &Subject::Identity(format!("u{user}").into())) {
                found.insert((user.clone(), reached.access.resource.raw().trim_start_matches('p').to_owned()));
            }
        }
        assert_eq!(found.len(), pairs, "{name}");
        assert!(found == wanted, "{name} differs");
    }
}
