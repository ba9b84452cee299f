//! `review` reviews the access changes that AI assistants propose, by their effect, and keeps a signed log.
//!
//! Data flows downward. Untrusted bytes become values with places ([`input`]). A plan, a snapshot and the site's
//! configuration are parsed ([`plan`], [`snapshot`], [`config`]). The effective access before and after the changes is
//! computed ([`access`]), and Cedar policies are evaluated on it ([`policy`]). Signatures are verified ([`trust`]), and the
//! log is read and written ([`log`]). Recorded decisions are matched with changes ([`decision`]), reports are built and
//! rendered ([`report`]), and a person is asked on a terminal ([`terminal`]). The use cases ([`app`]) join these, and the
//! command line ([`cli`]) calls the use cases. `src/README.md` explains the architecture.
//!
//! Rules:
//! - Imports run one way: `input` ← {`plan`, `snapshot`, `config`} ← `access` ← `policy`; `input` ← `trust` ← `log`;
//!   {`policy`, `log`} ← `decision` ← `report` ← `terminal` ← `app` ← `cli`. A test reads the sources and checks this.
//! - Only `app`, `cli`, `terminal`, `log::store` and `trust::sign` touch the clock, the environment, files or a terminal.
//! - Fail closed: what is missing, late, malformed, ambiguous, unknown or failed is not approved.

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
