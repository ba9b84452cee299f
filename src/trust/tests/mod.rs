//! Tests of the whole room: OpenSSH's own samples, Wycheproof, real `ssh-keygen`, and tricks by name.

mod bench;
mod real_keygen;
mod samples;
