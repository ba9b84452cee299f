//! The keys by which each proposer of `agents.yaml` proves its plans: reads keys, and loads the key sets of issuers.
//!
//! Returns the [`Prover`]s by identity, and every fault with its location. An unusable key or key set is a fault of the
//! site and is never skipped.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::app::site::trust_folder::TrustFolderError;
use crate::config::{AgentProof, Agents, TokenProof};
use crate::input::finding::{Code, Finding};
use crate::input::id::IdentityId;
use crate::input::place::Placed;
use crate::input::text::Text;
use crate::trust::jwt::{Algorithm, KeySet};
use crate::trust::key::PublicKey;
use crate::trust::proposer::{Prover, TokenWay, Way};

/// Reads a trust file that may be absent. Returns its name for messages, and its bytes.
pub type Reader<'a> = &'a mut dyn FnMut(&str) -> Result<Option<(String, Rc<[u8]>)>, TrustFolderError>;

/// Every proposer, and the faults found.
///
/// # Errors
/// If a file cannot be read at all.
pub fn load(
    agents: &Agents,
    read: Reader<'_>,
) -> Result<(BTreeMap<IdentityId, Prover>, Vec<Finding>), TrustFolderError> {
    let mut findings = Vec::new();
    let mut provers = BTreeMap::new();
    for agent in agents.all() {
        let mut ways = Vec::new();
        for proof in &agent.proofs {
            let way = match &proof.value {
                AgentProof::Key { key, valid_after, valid_before } => public_key(key, &mut findings)
                    .map(|key| Way::Key { key, valid_after: *valid_after, valid_before: *valid_before }),
                AgentProof::Certificate { authority, principal } => public_key(authority, &mut findings)
                    .map(|authority| Way::Certificate { authority, principal: principal.text() }),
                AgentProof::Token(token) => token_way(token, read, &mut findings)?.map(Way::Token),
            };
            ways.extend(way);
        }
        let id = agent.id.value.clone();
        provers.insert(id.clone(), Prover { id, ways, longest: agent.max_credential_ttl });
    }
    Ok((provers, findings))
}

fn public_key(line: &Placed<Text>, findings: &mut Vec<Finding>) -> Option<PublicKey> {
    match PublicKey::from_line(line.value.raw()) {
        Ok(key) => Some(key),
        Err(why) => {
            let finding = Finding::new(Code::BadValue, format!("this public key cannot be used: {why}"));
            let help =
                "copy the line of the `.pub` file; ed25519, ecdsa (256 or 384 bits), rsa and FIDO keys are supported";
            findings.push(finding.at(&line.place).help(help));
            None
        }
    }
}

fn token_way(
    token: &TokenProof,
    read: Reader<'_>,
    findings: &mut Vec<Finding>,
) -> Result<Option<TokenWay>, TrustFolderError> {
    let path = token.jwks.value.raw();
    let mut fault = |message: String, help: &str| {
        findings.push(Finding::new(Code::BadValue, message).at(&token.jwks.place).help(help));
    };
    let Some((name, bytes)) = read(path)? else {
        fault(
            format!("the trust folder has no `{path}`, so no token of this issuer can be verified"),
            "store the issuer's public keys there, from the `jwks_uri` of its discovery document",
        );
        return Ok(None);
    };
    let keys = match KeySet::parse(&bytes) {
        Ok(keys) => keys,
        Err(why) => {
            fault(format!("`{name}` has no usable keys: {why}"), "store the issuer's public keys (RFC 7517)");
            return Ok(None);
        }
    };
    let Some(algorithm) = Algorithm::parse(token.algorithm.raw()) else {
        fault(format!("the algorithm `{}` is not supported", token.algorithm.raw()), "see `review schema`");
        return Ok(None);
    };
    if let Some(id) = token.key_id.as_ref().filter(|id| !keys.has(id.raw(), algorithm)) {
        fault(
            format!("`{name}` has no key `{}` for {}, which is the pinned key", id.raw(), algorithm.name()),
            "store the issuer's current keys, or correct `key_id`",
        );
        return Ok(None);
    }
    Ok(Some(TokenWay {
        issuer: token.issuer.clone(),
        subject: token.subject.clone(),
        algorithm,
        key_id: token.key_id.clone(),
        claims: token.claims.clone(),
        keys: Arc::new(keys),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_that_agents_yaml_takes_is_verified() {
        for word in crate::config::ALGORITHMS {
            assert!(Algorithm::parse(word).is_some(), "{word}");
        }
        assert_eq!(crate::config::ALGORITHMS.len(), Algorithm::ALL.len());
    }
}
