//! The bounds that the design sets, as ratios of figures of one run on one machine. It prints; nothing here passes or fails.
//!
//! Run with `cargo bench --bench bounds`, or some of it: `cargo bench --bench bounds -- demo cluster scale policy log history`.
//! Whole processes are timed from outside, three times each in turn with their yardstick; the median counts.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a benchmark prints, and fails by panicking"
)]

mod cluster;
mod history;
mod log;
mod policy;
mod scale;
mod site;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What a process took.
#[derive(Clone, Copy, Debug)]
struct Took {
    /// From its start to its end.
    wall: Duration,
    /// The most memory that it held, in bytes.
    peak: u64,
}

/// Runs a program to its end and watches its memory.
fn run(program: &str, folder: &Path, arguments: &[&str]) -> Took {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).env_clear();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    let start = Instant::now();
    let mut child = command.spawn().expect("the program starts");
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        peak = peak.max(kilobytes.unwrap_or(0) * 1024);
        if child.try_wait().expect("the program ends").is_some() {
            return Took { wall: start.elapsed(), peak };
        }
        std::thread::sleep(Duration::from_micros(500));
    }
}

/// The command under test.
fn review(folder: &Path, arguments: &[&str]) -> Took {
    run(env!("CARGO_BIN_EXE_review"), folder, arguments)
}

/// The median of some figures.
fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// Runs things in turn, three times, and gives the median of each.
fn in_turn<const N: usize>(things: [&dyn Fn() -> Took; N]) -> [Took; N] {
    let mut rounds: Vec<[Took; N]> = Vec::new();
    for _ in 0..3 {
        rounds.push(things.map(|thing| thing()));
    }
    std::array::from_fn(|n| Took {
        wall: Duration::from_secs_f64(median(rounds.iter().map(|r| r[n].wall.as_secs_f64()).collect())),
        peak: rounds.iter().map(|r| r[n].peak).max().unwrap_or(0),
    })
}

/// Says a figure and its bound.
fn say(what: &str, figure: f64, bound: f64, unit: &str) {
    let holds = if figure <= bound { "holds" } else { "MISSED" };
    println!("{what:<74} {figure:>10.3} {unit:<3} (bound {bound:.3} {unit}, {holds})");
}

fn demo() {
    let folder = site::demo();
    let place = folder.path().join("demo");
    let all: Vec<f64> = (0..20).map(|_| review(&place, &["check", "plan.yaml"]).wall.as_secs_f64() * 1_000.0).collect();
    say("check of the demo, cold process, median of 20", median(all), 20.0, "ms");
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    if let [flag, file] = arguments.as_slice()
        && flag == "--yardstick"
    {
        return scale::yardstick(Path::new(file));
    }
    let parts: [(&str, fn()); 6] = [
        ("demo", demo),
        ("cluster", cluster::measure),
        ("scale", scale::measure),
        ("policy", policy::measure),
        ("log", log::measure),
        ("history", history::measure),
    ];
    for (name, part) in parts {
        if arguments.is_empty() || arguments.iter().any(|a| a == name) {
            part();
        }
    }
}
