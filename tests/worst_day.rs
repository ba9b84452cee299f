//! The worst day and the busiest one: eight reviews sealed at once, a terminal of another size in the middle of a card, thirty
//! ordinary changes in one sitting.

use std::fs;

use crate::support::{LONG, Site, expect, key, seal};
use serde_json::Value;

fn head(site: &Site, id: &str) -> String {
    let plan = fs::read_to_string(site.demo().join("plan.yaml")).unwrap();
    let (head, _) = plan.split_once("changes:").unwrap();
    head.replace("PLAN-DEMO-1", id)
}

fn verified(site: &Site) -> Value {
    let (code, text) = site.run(&["verify", "review-log.jsonl", "--format", "json"]);
    assert_eq!(code, 0, "{text}");
    serde_json::from_str(&text).unwrap()
}

#[test]
fn eight_reviews_sealed_at_once_lose_nothing() {
    let site = Site::new();
    let change = "changes:\n  - {id: c1, action: grant, to: user:ravi, role: ledger-writer, scope: \"db:ledger\", mode: active, ttl: 1h, reason: r}\n";
    let mut open = Vec::new();
    for n in 0..8 {
        let file = format!("p{n}.yaml");
        fs::write(site.demo().join(&file), format!("{}{change}", head(&site, &format!("PLAN-{n}")))).unwrap();
        site.sign(&file);
        let mut terminal = site.sit(&format!("{file} --key keys/{}.pub", if n % 2 == 0 { "ada" } else { "bo" }));
        expect(&mut terminal, "? keys");
        key(&mut terminal, "r");
        expect(&mut terminal, "Enter: send");
        key(&mut terminal, "not today\r");
        expect(&mut terminal, "Type `seal`");
        expect(&mut terminal, "Enter: send");
        open.push(terminal);
    }
    for terminal in &mut open {
        key(terminal, "seal\r");
    }
    for terminal in &mut open {
        expect(terminal, "sealed and appended to");
        expect(terminal, "exit=4");
    }
    let found = verified(&site);
    assert_eq!(found["sessions"], 8);
    let (_, text) = site.run(&["log", "show", "--format", "json"]);
    let shown: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(shown["decisions"].as_array().unwrap().len(), 8);
}

#[test]
fn a_terminal_of_another_size_shows_the_same_card_anew() {
    let site = Site::new();
    let binary = env!("CARGO_BIN_EXE_review");
    let script =
        format!("stty rows 50 cols 100; echo tty=$(tty); {binary} plan.yaml --key keys/ada.pub; echo \"exit=$?\"");
    let mut command = site.command("bash", &site.demo());
    command.args(["-c", &script]);
    let mut terminal = rexpect::session::spawn_command(command, LONG).unwrap();
    let (_, tty) = terminal.exp_regex("tty=/dev/[a-z0-9/]+").unwrap();
    let tty = tty.trim_start_matches("tty=").to_owned();
    expect(&mut terminal, "? keys");
    for (rows, columns) in [("20", "60"), ("60", "200"), ("24", "80")] {
        let resized = site.command("stty", &site.demo()).args(["-F", &tty, "rows", rows, "cols", columns]).status();
        assert!(resized.unwrap().success());
        let drawn = terminal.exp_string("? keys").unwrap();
        let wide: usize = columns.parse().unwrap();
        let screen = drawn.rsplit("\u{1b}[2J").next().unwrap();
        for line in screen.split("\r\n") {
            // What the test's terminal reads byte by byte stands for at most one column a byte.
            let plain = line.bytes().filter(u8::is_ascii).count();
            assert!(plain <= wide, "{wide}: {line}");
        }
    }
    key(&mut terminal, "q");
    expect(&mut terminal, "exit=5");
}

#[test]
fn thirty_ordinary_changes_take_two_words() {
    let site = Site::new();
    let path = site.demo().join("snapshot.json");
    let mut snapshot: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let mut plan = head(&site, "PLAN-30") + "changes:\n";
    for n in 0..30 {
        let id = format!("user:new{n}");
        snapshot["identities"].as_array_mut().unwrap().push(serde_json::json!({"id": id, "kind": "human"}));
        plan += &format!(
            "  - {{id: c{n}, action: grant, to: \"{id}\", role: ledger-writer, scope: \"db:ledger\", mode: active, ttl: 1h, reason: on call}}\n"
        );
    }
    fs::write(&path, snapshot.to_string()).unwrap();
    fs::write(site.demo().join("thirty.yaml"), plan).unwrap();
    site.sign("thirty.yaml");
    let mut ada = site.sit("thirty.yaml --key keys/ada.pub");
    for (n, says) in [(20, "20 changes to approve together"), (10, "10 changes to approve together")] {
        expect(&mut ada, "t together");
        expect(&mut ada, "? keys");
        key(&mut ada, "t");
        expect(&mut ada, says);
        expect(&mut ada, "Enter: send");
        // Enter alone approves nothing, whatever is shown.
        key(&mut ada, "\r");
        expect(&mut ada, "Enter alone does not decide");
        key(&mut ada, "yes\r");
        let _ = n;
    }
    seal(&mut ada, 0);
    let (_, text) = site.run(&["log", "show", "--format", "json"]);
    let shown: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(shown["decisions"].as_array().unwrap().len(), 30);
    verified(&site);
}
