//! `agents.yaml`: who may propose, how each proves itself, and what each may itself hold.
//!
//! In: bytes. Out: [`Agents`]. Keys stay text here: `trust` reads them. Never says that a proof holds.

use crate::input::finding::{Code, Finding};
use crate::input::form::{Case, Fields, Rule, Shape, Variants};
use crate::input::id::{GroupId, IdentityId, PrincipalId, ResourceId, RoleId};
use crate::input::node::Node;
use crate::input::place::{Place, Placed};
use crate::input::text::Text;
use crate::input::time::{Span, Time};

use super::read::{checked, distinct};
use super::rules::{MOST, VERSION, one_of, optional, required};
use super::settings::within_folder;

/// The algorithms of tokens that `agents.yaml` takes: those that this tool verifies.
pub const ALGORITHMS: &[&str] = &["EdDSA", "ES256", "RS256"];

static PROOF: Shape = Shape::Variants(&Variants {
    noun: "proof",
    by: "method",
    about: "How the agent proves that it wrote a plan.",
    common: &[],
    cases: &[
        Case {
            word: "key",
            about: "An SSH signature beside the plan (`plan.yaml.sig`), by one key.",
            rules: &[
                required("key", Shape::Text, "The public key: its type and base64, as in a `.pub` file."),
                optional("valid_after", Shape::Time, "The first second at which it proves anything."),
                optional("valid_before", Shape::Time, "The last one; with both, the credential's lifetime is known."),
            ],
        },
        Case {
            word: "certificate",
            about: "An SSH signature beside the plan, by a short-lived certificate.",
            rules: &[
                required("authority", Shape::Text, "The public key of the certificate authority."),
                required("principal", Shape::Id, "The principal that the certificate must hold."),
            ],
        },
        Case {
            word: "token",
            about: "A workload-identity token beside the plan (`plan.yaml.jwt`): SPIFFE, GitHub Actions, Kubernetes.",
            rules: &[
                required("issuer", Shape::Text, "The exact `iss`."),
                required("subject", Shape::Text, "The exact `sub`."),
                required("algorithm", Shape::Words(ALGORITHMS), "The one algorithm that is accepted."),
                required("jwks", Shape::Text, "The issuer's keys: a path within the trust folder."),
                optional("key_id", Shape::Text, "The one `kid` that is accepted; without it, any of the file."),
                optional("claims", Shape::Named(&Shape::Text), "Further claims and the exact text each must have."),
            ],
        },
    ],
});

static HOLDING: Shape = Shape::Mapping(
    "holding",
    &[
        one_of("held", "role", Shape::Id, "A role."),
        one_of("held", "member_of", Shape::Id, "Membership of a group."),
        one_of("held", "action", Shape::Text, "An action pattern, with `resource`."),
        optional("resource", Shape::Text, "A resource pattern, with `action`."),
        optional("scope", Shape::Id, "The resource below which it may be held; without it, everywhere."),
    ],
);

/// The words for what a proposer is.
const KINDS: &[&str] = &["agent", "person"];

static AGENT: Shape = Shape::Mapping(
    "agent",
    &[
        required("id", Shape::Id, "The agent's identity, as the snapshot and its plans name it."),
        optional("kind", Shape::Words(KINDS), "What it is, whatever the snapshot says; without it, `agent`."),
        optional("proof", Shape::List(&PROOF, 1, 16), "How it proves itself; any one of these suffices."),
        optional("max_credential_ttl", Shape::Span, "The longest its own credential may last."),
        optional("may_hold", Shape::List(&HOLDING, 0, MOST), "What it may itself hold; without it, nothing."),
    ],
);

/// The fields of `agents.yaml`.
pub(super) const FILE: &[Rule] =
    &[VERSION, required("agents", Shape::List(&AGENT, 0, MOST), "Everything that may propose a plan.")];

/// A proposer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Its identity.
    pub id: Placed<IdentityId>,
    /// Whether it is a person who proposes, and no assistant.
    pub is_person: bool,
    /// How it proves itself; any one suffices, none means that it cannot.
    pub proofs: Vec<Placed<Proof>>,
    /// The longest its own credential may last; none: the parameter alone rules.
    pub max_credential_ttl: Option<Span>,
    /// What it may itself hold; empty means nothing.
    pub may_hold: Vec<Placed<Holding>>,
}

/// How an agent proves that it wrote a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// An SSH signature by a key.
    Key {
        /// The key (type and base64).
        key: Placed<Text>,
        /// The first second at which it proves anything.
        valid_after: Option<Time>,
        /// The last one.
        valid_before: Option<Time>,
    },
    /// An SSH signature by a certificate.
    Certificate {
        /// The authority's key (type and base64).
        authority: Placed<Text>,
        /// The principal that the certificate must hold.
        principal: PrincipalId,
    },
    /// A workload-identity token.
    Token(TokenProof),
}

/// What a workload-identity token must say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenProof {
    /// The exact `iss`.
    pub issuer: Text,
    /// The exact `sub`.
    pub subject: Text,
    /// The one `alg` that is accepted.
    pub algorithm: Text,
    /// The issuer's keys: a path within the trust folder.
    pub jwks: Placed<Text>,
    /// The one `kid` that is accepted.
    pub key_id: Option<Text>,
    /// Further claims and the exact text of each, in the order of the file.
    pub claims: Vec<(Text, Text)>,
}

/// What an agent may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holding {
    /// A role, within a scope or everywhere.
    Role(RoleId, Option<ResourceId>),
    /// Membership of a group, within a scope or everywhere.
    MemberOf(GroupId, Option<ResourceId>),
    /// An action pattern on a resource pattern, within a scope or everywhere.
    Access {
        /// The action pattern.
        action: Text,
        /// The resource pattern.
        resource: Text,
        /// The scope; none: everywhere.
        scope: Option<ResourceId>,
    },
}

/// `agents.yaml`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agents {
    agents: Vec<Agent>,
}

impl Agents {
    /// Reads `agents.yaml`.
    ///
    /// # Errors
    /// Every fault found: also one agent twice, and one proof for two agents.
    pub fn read(name: &str, bytes: &[u8]) -> Result<Self, Vec<Finding>> {
        let (node, mut findings) = checked(name, bytes, FILE)?;
        let Some(fields) = Fields::of(&node) else { return Err(findings) };
        let agents: Vec<Agent> =
            fields.list("agents").iter().filter_map(Fields::of).filter_map(|f| agent(&f, &mut findings)).collect();
        distinct("the agent", agents.iter().map(|agent| &agent.id), &mut findings);
        let mut seen: Vec<(&Proof, &Place)> = Vec::new();
        for proof in agents.iter().flat_map(|agent| &agent.proofs) {
            if let Some((_, first)) = seen.iter().find(|(other, _)| same_prover(other, &proof.value)) {
                let help = format!("the same stands in line {}; each agent needs its own", first.line);
                let finding = Finding::new(Code::SharedKey, "one key or subject proves two things");
                findings.push(finding.at(&proof.place).help(help));
            }
            seen.push((&proof.value, &proof.place));
        }
        if findings.is_empty() { Ok(Self { agents }) } else { Err(findings) }
    }

    /// Everything that may propose, in the order of the file.
    #[must_use]
    pub fn all(&self) -> &[Agent] {
        &self.agents
    }

    /// The agent with an identity.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Agent> {
        self.agents.iter().find(|agent| agent.id.value.as_str() == id)
    }
}

/// Whether two proofs would be given by the same key or subject, so that one could pass for the other.
fn same_prover(a: &Proof, b: &Proof) -> bool {
    let material =
        |key: &Placed<Text>| key.value.raw().split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>();
    match (a, b) {
        (Proof::Key { key: a, .. }, Proof::Key { key: b, .. }) => material(a) == material(b),
        (Proof::Certificate { authority: a, principal: p }, Proof::Certificate { authority: b, principal: q }) => {
            material(a) == material(b) && p == q
        }
        (Proof::Token(a), Proof::Token(b)) => {
            let contradicts = a.claims.iter().any(|(n, v)| b.claims.iter().any(|(m, w)| n == m && v != w));
            a.issuer == b.issuer && a.subject == b.subject && !contradicts
        }
        (Proof::Key { .. } | Proof::Certificate { .. } | Proof::Token(_), _) => false,
    }
}

fn agent(fields: &Fields<'_>, findings: &mut Vec<Finding>) -> Option<Agent> {
    Some(Agent {
        id: fields.id("id")?,
        is_person: fields.text("kind").is_some_and(|kind| kind.value.raw() == "person"),
        proofs: fields.list("proof").iter().filter_map(|node| proof(node, findings)).collect(),
        max_credential_ttl: fields.span("max_credential_ttl").map(|span| span.value),
        may_hold: fields.list("may_hold").iter().filter_map(|node| holding(node, findings)).collect(),
    })
}

fn proof(node: &Node, findings: &mut Vec<Finding>) -> Option<Placed<Proof>> {
    let fields = Fields::of(node)?;
    let text = |name: &str| fields.text(name).map(|text| text.value);
    let proof = match text("method")?.raw() {
        "key" => {
            let (after, before) = (fields.time("valid_after"), fields.time("valid_before"));
            if let (Some(after), Some(before)) = (&after, &before)
                && before.value <= after.value
            {
                let message = "`valid_before` does not come after `valid_after`";
                findings.push(Finding::new(Code::BadValue, message).at(&before.place).help("correct one of the two"));
            }
            Proof::Key {
                key: public_key(&fields, "key", findings)?,
                valid_after: after.map(|time| time.value),
                valid_before: before.map(|time| time.value),
            }
        }
        "certificate" => Proof::Certificate {
            authority: public_key(&fields, "authority", findings)?,
            principal: fields.id("principal")?.value,
        },
        "token" => {
            let jwks = fields.text("jwks")?;
            if !within_folder(jwks.value.raw()) {
                let message = format!("`jwks` is `{}`, which is not a path within the trust folder", jwks.value.raw());
                findings.push(Finding::new(Code::BadValue, message).at(&jwks.place).help("write `jwks/issuer.json`"));
            }
            let claims = fields.fields("claims").map(|claims| claims.entries()).unwrap_or_default();
            let pair =
                |entry: &crate::input::node::Entry| Some((entry.key.value.clone(), entry.value.as_text()?.clone()));
            Proof::Token(TokenProof {
                issuer: text("issuer")?,
                subject: text("subject")?,
                algorithm: text("algorithm")?,
                jwks,
                key_id: text("key_id"),
                claims: claims.iter().filter_map(pair).collect(),
            })
        }
        _ => return None,
    };
    Some(Placed::new(proof, node.place.clone()))
}

/// A public key's text. A private key in this file is named as what it is, and never repeated.
fn public_key(fields: &Fields<'_>, name: &str, findings: &mut Vec<Finding>) -> Option<Placed<Text>> {
    let key = fields.text(name)?;
    let mut parts = key.value.raw().split(' ');
    let fault = if key.value.raw().contains("PRIVATE KEY") {
        Some(("a private key stands in this file", "remove it, replace the key, and write the public one"))
    } else if parts.next().is_some_and(|kind| !kind.is_empty()) && parts.next().is_some_and(|b| b.starts_with("AAAA")) {
        None
    } else {
        Some(("this is not a public key", "write its type and base64 on one line, as in a `.pub` file"))
    };
    if let Some((message, help)) = fault {
        findings.push(Finding::new(Code::BadValue, message).at(&key.place).help(help));
        return None;
    }
    Some(key)
}

fn holding(node: &Node, findings: &mut Vec<Finding>) -> Option<Placed<Holding>> {
    let fields = Fields::of(node)?;
    let scope = fields.id("scope").map(|scope| scope.value);
    let (action, resource) = (fields.text("action"), fields.entry("resource"));
    if action.is_some() != resource.is_some() {
        let finding = Finding::new(Code::BadValue, "`action` and `resource` belong together");
        findings.push(finding.at(node.head()).help("write both, or a `role` or `member_of`"));
        return None;
    }
    let holding = match (fields.id("role"), fields.id("member_of"), action) {
        (Some(role), _, _) => Holding::Role(role.value, scope),
        (None, Some(group), _) => Holding::MemberOf(group.value, scope),
        (None, None, action) => {
            Holding::Access { action: action?.value, resource: fields.text("resource")?.value, scope }
        }
    };
    Some(Placed::new(holding, node.place.clone()))
}
