//! Tests of `trust`: OpenSSH's samples, Wycheproof vectors, real `ssh-keygen`, and known attacks.

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
