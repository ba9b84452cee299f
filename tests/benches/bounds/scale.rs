//! 1,000 changes against large snapshots, beside the bare parse of the same file into owned structs.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::site;
use crate::{in_turn, review, run, say};

const CHANGES: usize = 1_000;

/// The model with every string owned and nothing shared: what a parse costs at least if it keeps everything.
#[derive(Deserialize)]
#[expect(dead_code, reason = "the yardstick is what it costs to fill them")]
struct Owned {
    version: u32,
    taken_at: String,
    source: String,
    identities: Vec<Identity>,
    groups: Vec<Group>,
    roles: Vec<Role>,
    resources: Vec<Resource>,
    assignments: Vec<Assignment>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "the yardstick is what it costs to fill them")]
struct Identity {
    id: String,
    kind: String,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "the yardstick is what it costs to fill them")]
struct Group {
    id: String,
    members: Vec<String>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "the yardstick is what it costs to fill them")]
struct Role {
    id: String,
    permissions: Vec<Permission>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "the yardstick is what it costs to fill them")]
struct Permission {
    action: String,
    resource: String,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "the yardstick is what it costs to fill them")]
struct Resource {
    id: String,
    parent: Option<String>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "the yardstick is what it costs to fill them")]
struct Assignment {
    id: String,
    who: String,
    role: String,
    scope: String,
    mode: String,
    granted_at: String,
}

/// Parses a snapshot into owned structs: the whole work of a process of its own.
pub(crate) fn yardstick(file: &Path) {
    let bytes = fs::read(file).expect("a file");
    let owned: Owned = serde_json::from_slice(&bytes).expect("a snapshot");
    assert!(!std::hint::black_box(&owned).assignments.is_empty());
}

/// A company of many people, teams, applications and projects.
fn snapshot(assignments: usize) -> Vec<u8> {
    let (people, teams, roles, places) = (assignments / 10, assignments / 200, 2_000, 2_000);
    let date = site::date(0);
    let identities = site::list(people, &|n| format!("{{\"id\":\"user:person-{n:06}\",\"kind\":\"human\"}}"));
    let groups = site::list(teams, &|n| {
        let members = site::list(20, &|k| format!("\"user:person-{:06}\"", (n * 20 + k) % people));
        format!("{{\"id\":\"group:team-{n:05}\",\"members\":[{members}]}}")
    });
    let role_list = site::list(roles, &|n| {
        let permissions = site::list(10, &|k| {
            let action = if k % 2 == 0 { "read" } else { "write" };
            format!("{{\"action\":\"{action}\",\"resource\":\"app-{n:04}/thing-{}\"}}", k / 2)
        });
        format!("{{\"id\":\"role:app-{n:04}\",\"permissions\":[{permissions}]}}")
    });
    let resources = site::list(places, &|n| {
        let parent = if n == 0 { String::new() } else { format!(",\"parent\":\"project:{:04}\"", n / 10) };
        format!("{{\"id\":\"project:{n:04}\"{parent}}}")
    });
    let held = site::list(assignments, &|n| {
        let team = format!("group:team-{:05}", n / 10 % teams);
        let who = if n % 10 == 0 { team } else { format!("user:person-{:06}", n % people) };
        // Spread by multiplying with primes: the same snapshot every time.
        let (role, place) = (n * 7_919 % roles, n * 104_729 % places);
        format!(
            "{{\"id\":\"assignment-{n:07}\",\"who\":\"{who}\",\"role\":\"role:app-{role:04}\",\
             \"scope\":\"project:{place:04}\",\"mode\":\"standing\",\"granted_at\":\"2025-0{}-11T08:30:00Z\"}}",
            1 + n % 9
        )
    });
    format!(
        "{{\"version\":1,\"taken_at\":\"{date}\",\"source\":\"corp\",\"identities\":[{identities}],\
         \"groups\":[{groups}],\"roles\":[{role_list}],\"resources\":[{resources}],\"assignments\":[{held}]}}"
    )
    .into_bytes()
}

fn plan(people: usize) -> String {
    let changes: Vec<String> = (0..CHANGES)
        .map(|n| {
            format!(
                "action: grant, to: \"user:person-{:06}\", role: \"role:app-{:04}\", scope: \"project:{:04}\", \
                 mode: active, ttl: 4h",
                n * 37 % people,
                n * 7 % 2_000,
                n * 11 % 2_000
            )
        })
        .collect();
    site::plan(&changes).replace("on_behalf_of: user:lena", "on_behalf_of: user:person-000001")
}

/// Measures a million assignments, and a hundred thousand.
pub(crate) fn measure() {
    for assignments in [100_000, 1_000_000] {
        let bytes = snapshot(assignments);
        let size = bytes.len() as f64;
        let (_folder, place) = site::with_snapshot(&bytes);
        drop(bytes);
        fs::write(place.join("plan.yaml"), plan(assignments / 10)).expect("a plan");
        let file = place.join("snapshot.json").to_string_lossy().into_owned();
        let me = std::env::current_exe().expect("this program").to_string_lossy().into_owned();
        let [bare, whole] = in_turn([&|| run(&me, &place, &["--yardstick", &file]), &|| {
            review(&place, &["check", "plan.yaml", "--format", "json"])
        }]);
        let (bare_s, whole_s) = (bare.wall.as_secs_f64(), whole.wall.as_secs_f64());
        println!(
            "{assignments} assignments, {:.0} MB: bare parse {bare_s:.2} s, {:.0} MB at its peak",
            size / 1e6,
            bare.peak as f64 / 1e6
        );
        if assignments == 100_000 {
            say("  check of 1,000 changes", whole_s, 5.0, "s");
        }
        say("  check of 1,000 changes", whole_s, 1.2 * bare_s + 0.0005 * CHANGES as f64, "s");
        say("  its memory over the size of the file", whole.peak as f64 / size, 2.0, "");
    }
}
