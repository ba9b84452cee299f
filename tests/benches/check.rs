//! How long the main job takes: a cold `check` of the demo, and the pieces of it in one process.
//!
//! Run with `cargo bench`. Bounds are ratios of figures of one run on one machine; nothing here passes or fails.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};

use criterion::{Criterion, criterion_group, criterion_main};
use review::access::{Data, Index};
use review::policy::Pack;

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_review"));
    command
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

fn cold_check(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let made = command(folder.path(), &["demo", "demo", "--no-review"]).status().expect("the demo");
    assert!(made.success());
    let demo = folder.path().join("demo");
    c.bench_function("check of the demo, cold process", |b| {
        b.iter(|| command(&demo, &["check", "plan.yaml"]).status().expect("a check"));
    });
    c.bench_function("bare process", |b| b.iter(|| command(&demo, &["--version"]).status().expect("a version")));
}

fn parts(c: &mut Criterion) {
    c.bench_function("load the shipped pack", |b| b.iter(|| black_box(Pack::load(Pack::shipped(), None).is_ok())));
    c.bench_function("load the shipped data", |b| b.iter(|| black_box(Data::shipped().is_ok())));
    let snapshot = large_snapshot(100_000);
    c.bench_function("parse a snapshot of 100,000 assignments, bare serde_json", |b| {
        b.iter(|| black_box(serde_json::from_slice::<review::snapshot::model::Snapshot>(&snapshot).is_ok()));
    });
    c.bench_function("read a snapshot of 100,000 assignments", |b| {
        b.iter(|| black_box(review::snapshot::read("snapshot.json", &snapshot).is_ok()));
    });
    let (read, _) = review::snapshot::read("snapshot.json", &snapshot).expect("a snapshot");
    c.bench_function("index a snapshot of 100,000 assignments", |b| {
        b.iter(|| black_box(Index::new(&read).snapshot().assignments.len()));
    });
}

/// A snapshot in which every tenth identity holds each of the same roles.
fn large_snapshot(assignments: usize) -> Vec<u8> {
    let mut text =
        String::from("{\"version\":1,\"taken_at\":\"2026-01-01T00:00:00Z\",\"source\":\"bench\",\"identities\":[");
    let identities = assignments / 10;
    let list = |n: usize, one: &dyn Fn(usize) -> String| (0..n).map(one).collect::<Vec<_>>().join(",");
    text.push_str(&list(identities, &|n| format!("{{\"id\":\"user:{n}\",\"kind\":\"human\"}}")));
    text.push_str("],\"roles\":[");
    text.push_str(&list(10, &|n| {
        format!("{{\"id\":\"role-{n}\",\"permissions\":[{{\"action\":\"read\",\"resource\":\"thing-{n}/*\"}}]}}")
    }));
    text.push_str("],\"assignments\":[");
    text.push_str(&list(assignments, &|n| {
        format!(
            "{{\"id\":\"a{n}\",\"who\":\"user:{}\",\"role\":\"role-{}\",\"mode\":\"standing\"}}",
            n % identities,
            n % 10
        )
    }));
    text.push_str("]}");
    text.into_bytes()
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = cold_check, parts
}
criterion_main!(benches);
