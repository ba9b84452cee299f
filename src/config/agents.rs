//! `agents.yaml`: who may propose plans, how each proposer proves authorship, and which access it may have itself.
//!
//! Keys stay text here; `trust` parses them and checks proofs.

use crate::input::finding::{Code, Finding};
use crate::input::form::{FieldRule, TypedFields, ValueShape, VariantCase, Variants};
use crate::input::id::{GroupId, IdentityId, PrincipalId, ResourceId, RoleId};
use crate::input::node::InputNode;
use crate::input::place::{Place, Placed};
use crate::input::text::Text;
use crate::input::time::{Span, Time};

use super::read::{checked, distinct};
use super::rules::{MOST, VERSION, one_of, optional, required};
use super::settings::within_folder;

/// The token algorithms that `agents.yaml` accepts, which are those that this tool verifies.
pub const ALGORITHMS: &[&str] = &["EdDSA", "ES256", "RS256"];

static PROOF: ValueShape = ValueShape::Variants(&Variants {
    noun: "proof",
    by: "method",
    about: "How the agent proves that it wrote a plan.",
    common: &[],
    cases: &[
        VariantCase {
            word: "key",
            about: "An SSH signature next to the plan (`plan.yaml.sig`), by one key.",
            rules: &[
                required("key", ValueShape::Text, "The public key: its type and base64, as in a `.pub` file."),
                optional("valid_after", ValueShape::Time, "The first second at which the key is valid."),
                optional(
                    "valid_before",
                    ValueShape::Time,
                    "The last second at which the key is valid. With both, the credential's lifetime is known.",
                ),
            ],
        },
        VariantCase {
            word: "certificate",
            about: "An SSH signature next to the plan, by a short-lived certificate.",
            rules: &[
                required("authority", ValueShape::Text, "The public key of the certificate authority."),
                required("principal", ValueShape::Id, "The principal that the certificate must name."),
            ],
        },
        VariantCase {
            word: "token",
            about: "A workload identity token next to the plan (`plan.yaml.jwt`): SPIFFE, GitHub Actions, Kubernetes.",
            rules: &[
                required("issuer", ValueShape::Text, "The exact `iss`."),
                required("subject", ValueShape::Text, "The exact `sub`."),
                required("algorithm", ValueShape::Words(ALGORITHMS), "The accepted algorithm."),
                required("jwks", ValueShape::Text, "The issuer's keys: a path in the trust folder."),
                optional("key_id", ValueShape::Text, "The accepted `kid`. Default: any key of the file."),
                optional(
                    "claims",
                    ValueShape::Named(&ValueShape::Text),
                    "Further required claims with their exact text.",
                ),
            ],
        },
    ],
});

static HOLDING: ValueShape = ValueShape::Mapping(
    "holding",
    &[
        one_of("held", "role", ValueShape::Id, "A role."),
        one_of("held", "member_of", ValueShape::Id, "Membership of a group."),
        one_of("held", "action", ValueShape::Text, "An action pattern, with `resource`."),
        optional("resource", ValueShape::Text, "A resource pattern, with `action`."),
        optional("scope", ValueShape::Id, "The scope: a resource and everything below it. Default: everywhere."),
    ],
);

/// The kinds of proposer.
const KINDS: &[&str] = &["agent", "person"];

static AGENT: ValueShape = ValueShape::Mapping(
    "agent",
    &[
        required("id", ValueShape::Id, "The agent's identity, as the snapshot and its plans name it."),
        optional(
            "kind",
            ValueShape::Words(KINDS),
            "The kind of proposer, regardless of the snapshot. Default: `agent`.",
        ),
        optional(
            "proof",
            ValueShape::List(&PROOF, 1, 16),
            "How it proves that it wrote a plan. Any one of these is sufficient.",
        ),
        optional("max_credential_ttl", ValueShape::Span, "The maximum lifetime of its own credential."),
        optional("may_hold", ValueShape::List(&HOLDING, 0, MOST), "The access that it may have itself. Default: none."),
    ],
);

/// The fields of `agents.yaml`.
pub(super) const FILE: &[FieldRule] =
    &[VERSION, required("agents", ValueShape::List(&AGENT, 0, MOST), "All identities that may propose a plan.")];

/// A proposer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Its identity.
    pub id: Placed<IdentityId>,
    /// Whether it is a person and not an assistant.
    pub is_person: bool,
    /// Its proofs. Any one is sufficient; without any, it cannot prove authorship.
    pub proofs: Vec<Placed<AgentProof>>,
    /// The maximum lifetime of its own credential; `None`: only the site's parameter applies.
    pub max_credential_ttl: Option<Span>,
    /// The access that it may have itself. Empty means none.
    pub may_hold: Vec<Placed<AgentHolding>>,
}

/// How an agent proves that it wrote a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentProof {
    /// An SSH signature by a key.
    Key {
        /// The key (type and base64).
        key: Placed<Text>,
        /// The first valid second.
        valid_after: Option<Time>,
        /// The last valid second.
        valid_before: Option<Time>,
    },
    /// An SSH signature by a certificate.
    Certificate {
        /// The authority's key (type and base64).
        authority: Placed<Text>,
        /// The required principal of the certificate.
        principal: PrincipalId,
    },
    /// A workload identity token.
    Token(TokenProof),
}

/// The required content of a workload identity token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenProof {
    /// The exact `iss`.
    pub issuer: Text,
    /// The exact `sub`.
    pub subject: Text,
    /// The accepted `alg`.
    pub algorithm: Text,
    /// The issuer's keys: a path in the trust folder.
    pub jwks: Placed<Text>,
    /// The accepted `kid`, if pinned.
    pub key_id: Option<Text>,
    /// Further claims with their exact text, in file order.
    pub claims: Vec<(Text, Text)>,
}

/// Access that an agent may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentHolding {
    /// A role, in a scope or everywhere.
    Role(RoleId, Option<ResourceId>),
    /// Membership of a group, in a scope or everywhere.
    MemberOf(GroupId, Option<ResourceId>),
    /// An action pattern on a resource pattern, in a scope or everywhere.
    Access {
        /// The action pattern.
        action: Text,
        /// The resource pattern.
        resource: Text,
        /// The scope; `None`: everywhere.
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
    /// All faults, including a duplicate agent and one proof for two agents.
    pub fn read(name: &str, bytes: &[u8]) -> Result<Self, Vec<Finding>> {
        let (node, mut findings) = checked(name, bytes, FILE)?;
        let Some(fields) = TypedFields::of(&node) else { return Err(findings) };
        let agents: Vec<Agent> =
            fields.list("agents").iter().filter_map(TypedFields::of).filter_map(|f| agent(&f, &mut findings)).collect();
        distinct("the agent", agents.iter().map(|agent| &agent.id), &mut findings);
        let mut seen: Vec<(&AgentProof, &Place)> = Vec::new();
        for proof in agents.iter().flat_map(|agent| &agent.proofs) {
            if let Some((_, first)) = seen.iter().find(|(other, _)| same_prover(other, &proof.value)) {
                let help = format!("line {} has the same one; each agent needs its own", first.line);
                let finding = Finding::new(Code::SharedKey, "two proposers share one key or subject");
                findings.push(finding.at(&proof.place).help(help));
            }
            seen.push((&proof.value, &proof.place));
        }
        if findings.is_empty() { Ok(Self { agents }) } else { Err(findings) }
    }

    /// All proposers, in file order.
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

/// Whether two proofs come from the same key or subject, so that one agent could impersonate the other.
fn same_prover(a: &AgentProof, b: &AgentProof) -> bool {
    let material =
        |key: &Placed<Text>| key.value.raw().split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>();
    match (a, b) {
        (AgentProof::Key { key: a, .. }, AgentProof::Key { key: b, .. }) => material(a) == material(b),
        (
            AgentProof::Certificate { authority: a, principal: p },
            AgentProof::Certificate { authority: b, principal: q },
        ) => material(a) == material(b) && p == q,
        (AgentProof::Token(a), AgentProof::Token(b)) => {
            let contradicts = a.claims.iter().any(|(n, v)| b.claims.iter().any(|(m, w)| n == m && v != w));
            a.issuer == b.issuer && a.subject == b.subject && !contradicts
        }
        (AgentProof::Key { .. } | AgentProof::Certificate { .. } | AgentProof::Token(_), _) => false,
    }
}

fn agent(fields: &TypedFields<'_>, findings: &mut Vec<Finding>) -> Option<Agent> {
    Some(Agent {
        id: fields.id("id")?,
        is_person: fields.text("kind").is_some_and(|kind| kind.value.raw() == "person"),
        proofs: fields.list("proof").iter().filter_map(|node| proof(node, findings)).collect(),
        max_credential_ttl: fields.span("max_credential_ttl").map(|span| span.value),
        may_hold: fields.list("may_hold").iter().filter_map(|node| holding(node, findings)).collect(),
    })
}

fn proof(node: &InputNode, findings: &mut Vec<Finding>) -> Option<Placed<AgentProof>> {
    let fields = TypedFields::of(node)?;
    let text = |name: &str| fields.text(name).map(|text| text.value);
    let proof = match text("method")?.raw() {
        "key" => {
            let (after, before) = (fields.time("valid_after"), fields.time("valid_before"));
            if let (Some(after), Some(before)) = (&after, &before)
                && before.value <= after.value
            {
                let message = "`valid_before` is not after `valid_after`";
                findings.push(Finding::new(Code::BadValue, message).at(&before.place).help("correct one of the two"));
            }
            AgentProof::Key {
                key: public_key(&fields, "key", findings)?,
                valid_after: after.map(|time| time.value),
                valid_before: before.map(|time| time.value),
            }
        }
        "certificate" => AgentProof::Certificate {
            authority: public_key(&fields, "authority", findings)?,
            principal: fields.id("principal")?.value,
        },
        "token" => {
            let jwks = fields.text("jwks")?;
            if !within_folder(jwks.value.raw()) {
                let message = format!("`jwks` is `{}`, which is not a path in the trust folder", jwks.value.raw());
                findings.push(
                    Finding::new(Code::BadValue, message)
                        .at(&jwks.place)
                        .help("write a path such as `jwks/issuer.json`"),
                );
            }
            let claims = fields.fields("claims").map(|claims| claims.entries()).unwrap_or_default();
            let pair = |entry: &crate::input::node::InputEntry| {
                Some((entry.key.value.clone(), entry.value.as_text()?.clone()))
            };
            AgentProof::Token(TokenProof {
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

/// The text of a public key. A private key is reported as such and never quoted.
fn public_key(fields: &TypedFields<'_>, name: &str, findings: &mut Vec<Finding>) -> Option<Placed<Text>> {
    let key = fields.text(name)?;
    let mut parts = key.value.raw().split(' ');
    let fault = if key.value.raw().contains("PRIVATE KEY") {
        Some(("this file contains a private key", "remove it, generate a new key pair, and write the public key"))
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

fn holding(node: &InputNode, findings: &mut Vec<Finding>) -> Option<Placed<AgentHolding>> {
    let fields = TypedFields::of(node)?;
    let scope = fields.id("scope").map(|scope| scope.value);
    let (action, resource) = (fields.text("action"), fields.entry("resource"));
    if action.is_some() != resource.is_some() {
        let finding = Finding::new(Code::BadValue, "`action` and `resource` belong together");
        findings.push(finding.at(node.head()).help("write both, or a `role` or `member_of`"));
        return None;
    }
    let holding = match (fields.id("role"), fields.id("member_of"), action) {
        (Some(role), _, _) => AgentHolding::Role(role.value, scope),
        (None, Some(group), _) => AgentHolding::MemberOf(group.value, scope),
        (None, None, action) => {
            AgentHolding::Access { action: action?.value, resource: fields.text("resource")?.value, scope }
        }
    };
    Some(Placed::new(holding, node.place.clone()))
}
