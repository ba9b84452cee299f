//! The page on the log's format is enough to write a verifier from: one that was, in Python, says what `review verify` says.
//!
//! It runs on a real log of three sessions and on every way to tamper with it. Where there is no Python, the test says so
//! and passes.

#![allow(clippy::print_stdout, reason = "a test that cannot be arranged says so")]

use std::fs;
use std::path::Path;

use crate::support::{Site, three_sessions};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/second_verifier.py");

/// What the second verifier says of files, one line each.
fn second(site: &Site, folder: &Path, arguments: &[String]) -> (i32, Vec<String>) {
    let signers = site.demo().join("allowed_signers");
    let output = site.command("python3", folder).args(["-B", SCRIPT]).arg(signers).args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.is_empty(), "the script itself fails: {error}");
    (output.status.code().unwrap(), text.lines().map(str::to_owned).collect())
}

/// Every way to tamper with a log of whole lines, each under a name.
fn tampered<'l>(log: &'l [u8]) -> Vec<(String, Vec<u8>)> {
    let lines: Vec<&'l [u8]> = log.split_inclusive(|b| *b == b'\n').collect();
    let mut all = Vec::new();
    for at in 0..lines.len() {
        let changed = |change: &dyn Fn(&mut Vec<&'l [u8]>)| {
            let mut lines = lines.clone();
            change(&mut lines);
            lines.concat()
        };
        all.push((format!("dropped-{at}"), changed(&|lines| _ = lines.remove(at))));
        all.push((format!("repeated-{at}"), changed(&|it| it.insert(at, lines[at]))));
        all.push((format!("inserted-{at}"), changed(&|it| it.insert(at, b"{\"type\":\"blob\"}\n"))));
        if at + 1 < lines.len() {
            all.push((format!("swapped-{at}"), changed(&|it| it.swap(at, at + 1))));
        }
    }
    // Samples of every place, dense where the last seal and its signature stand.
    let tail = log.len() - lines[lines.len() - 2].len() - lines[lines.len() - 1].len();
    for at in (0..tail).step_by(19_997).chain((tail..log.len()).step_by(29)) {
        let mut flipped = log.to_vec();
        flipped[at] ^= 1;
        all.push((format!("flipped-{at}"), flipped));
    }
    all
}

/// The log cut behind each of its sessions.
fn sessions(log: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new()];
    for line in log.split_inclusive(|b| *b == b'\n') {
        all.last_mut().unwrap().extend_from_slice(line);
        if line.ends_with(b"\"type\":\"sig\"}\n") {
            all.push(Vec::new());
        }
    }
    all.retain(|session| !session.is_empty());
    all
}

#[test]
fn a_verifier_written_from_the_page_alone_agrees_on_a_real_log_and_on_every_tampering() {
    let site = Site::new();
    if site.command("python3", &site.demo()).arg("--version").output().is_err() {
        println!("there is no Python here, so nothing was tested");
        return;
    }
    three_sessions(&site);
    let (code, head) = site.run(&["log", "head"]);
    assert_eq!(code, 0, "{head}");
    let head = head.trim().to_owned();
    let log = fs::read(site.log()).unwrap();
    let known = |more: &[&str]| -> Vec<String> {
        ["--head", &head].into_iter().chain(more.iter().copied()).map(str::to_owned).collect()
    };

    // Whole: the same answer, the same head.
    let (code, said) = second(&site, &site.demo(), &known(&["review-log.jsonl"]));
    assert_eq!((code, said), (0, vec![format!("holds review-log.jsonl: 3 sessions, 0 repeated, heads {head}")]));

    // The order of sessions means nothing, and one that stands there twice counts once; both verifiers say so.
    let all = sessions(&log);
    assert_eq!(all.len(), 3);
    let turned: Vec<u8> = [&all[2], &all[0], &all[1], &all[0]].into_iter().flatten().copied().collect();
    fs::write(site.demo().join("turned.jsonl"), turned).unwrap();
    let (code, said) = second(&site, &site.demo(), &known(&["turned.jsonl"]));
    assert_eq!((code, said), (0, vec![format!("holds turned.jsonl: 3 sessions, 1 repeated, heads {head}")]));
    let (code, text) = site.run(&["verify", "turned.jsonl", "--known-head", &head]);
    assert_eq!(code, 0, "{text}");

    // A prefix is intact for both, and lacks the head.
    fs::write(site.demo().join("prefix.jsonl"), &all[0]).unwrap();
    let (code, said) = second(&site, &site.demo(), &["prefix.jsonl".to_owned()]);
    assert_eq!(code, 0, "{said:?}");
    let (code, said) = second(&site, &site.demo(), &known(&["prefix.jsonl"]));
    assert_eq!((code, said), (1, vec!["broken prefix.jsonl: a remembered head is missing".to_owned()]));

    // Tampered with: it finds every single one, as `review verify` does in the tests of sittings.
    let folder = site.demo().join("tampered");
    fs::create_dir(&folder).unwrap();
    let ways = tampered(&log);
    assert!(ways.len() > 150, "only {} ways to tamper", ways.len());
    let mut arguments = known(&[]);
    for (name, bytes) in &ways {
        fs::write(folder.join(name), bytes).unwrap();
        arguments.push(name.clone());
    }
    let (code, said) = second(&site, &folder, &arguments);
    assert_eq!((code, said.len()), (1, ways.len()));
    let missed: Vec<_> = said.iter().filter(|line| !line.starts_with("broken ")).collect();
    assert!(missed.is_empty(), "the second verifier misses {missed:?}");
}
