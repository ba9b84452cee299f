//! Tests of the whole room: OpenSSH's own samples, Wycheproof, real `ssh-keygen`, and tricks by name.

mod bench;
mod differential;
mod fido;
mod lines;
mod real_agent;
mod real_keygen;
mod refusals;
mod samples;
mod tokens;
mod wycheproof;
mod wycheproof_tokens;
