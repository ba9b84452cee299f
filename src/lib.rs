//! The map of the rooms, in reading order. No code lives here.
//!
//! `review` stands between the access change that an assistant suggests and the change itself. Data flows downward:
//! untrusted bytes become values with places ([`input`]); a plan, a snapshot and the site's configuration become
//! believed forms ([`plan`], [`snapshot`], [`config`]); the graph of access tells what each change really does
//! ([`access`]); Cedar answers questions about it ([`policy`]); signatures are judged ([`trust`]); the record is read
//! and written ([`log`]); what a person said is matched with what was shown ([`decision`]); the result is put into
//! words ([`report`]), asked on a terminal ([`terminal`]) and wired to a command line ([`cli`]).
//!
//! Laws:
//! - Imports run one way: `input` ← {`plan`, `snapshot`, `config`} ← `access` ← `policy`; `input` ← `trust` ← `log`;
//!   {`policy`, `log`} ← `decision` ← `report` ← `terminal` ← `cli`. A test reads the sources and enforces it.
//! - Only `cli`, `terminal`, `log::store` and `trust::sign` touch the clock, the environment, files or a terminal.
//! - Fail closed: what is missing, late, malformed, ambiguous, unknown or errored is not approved.

pub mod access;
pub mod app;
pub mod cli;
pub mod config;
pub mod decision;
pub mod input;
pub mod log;
pub mod plan;
pub mod policy;
pub mod report;
pub mod snapshot;
pub mod terminal;
pub mod trust;
