//! The tests of the whole program, in one test program: it links once, and its tests run side by side.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod sources;
mod support;
mod trust_faults;

mod after_decision;
mod auditor;
mod bad_input;
mod baseline;
mod chain;
mod clock;
mod corpora;
mod docs;
mod estate;
mod explain;
mod export;
mod forged;
mod forks;
mod formats;
mod freeze;
mod gate;
mod gate_cluster;
mod held_and_reachable;
mod hostile;
mod import;
mod intent;
mod keys_end;
mod kubernetes;
mod kubernetes_life;
mod layers;
mod life;
mod log_report;
mod outputs;
mod pages;
mod picture;
mod postgresql;
mod postgresql_life;
mod proof;
mod proposers;
mod recertify;
mod recipes;
mod recorder;
mod replay;
mod resume;
mod second_verifier;
mod security_key;
mod seen;
mod signers;
mod sitting;
mod start;
mod survival;
mod target;
mod terraform;
mod trust_check;
mod unclassified;
mod worst_day;
