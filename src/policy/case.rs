//! A case: questions put to Cedar about one change (or plan, or approver), with what it answered.
//!
//! In: entities built with the schema, and a question. Out: what each of the three sets answered, and the record of it
//! all as canonical JSON, enough to decide again. An answer that cannot be had is a denial, never a guess.

use cedar_policy::{Context, Decision, Entities, EntityUid, PolicySet, Request};
use serde::{Deserialize, Serialize};

use crate::input::canonical::{self, CanonicalError};
use crate::input::entitlement::Sensitivity;
use crate::input::finding::{Code, Finding, Limit};
use crate::input::id::PolicyId;
use crate::input::text::Text;
use crate::policy::enforcement::{Enforcement, NO_PERMIT, REFUSED_PROOF, UNANSWERABLE};
use crate::policy::limits;
use crate::policy::pack::Pack;
use crate::policy::policy_file::Annotations;

/// Why a policy stands in an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It forbids.
    Forbids,
    /// It failed to evaluate, and an error denies (in an advisory policy it only warns).
    Fails(Text),
    /// No policy permits.
    NoPermit,
    /// The question could not be put to Cedar.
    Unanswerable(Text),
    /// Nothing good proves who wrote the plan, and something must.
    Unproven(Text),
}

/// A policy that denies or warns, as a card shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyHit {
    /// Which; `no-permit`, `unanswerable` and `refused-proof` stand for none.
    pub policy: PolicyId,
    /// What it demands.
    pub title: Text,
    /// How to fix the change.
    pub advice: Text,
    /// The outside control that it serves.
    pub control: Text,
    /// How grave a breach is.
    pub severity: Sensitivity,
    /// How strongly it binds.
    pub enforcement: Enforcement,
    /// Why it stands here.
    pub why: Why,
    /// The exceeded limits, if the policy compares numbers or tests the task's scope.
    pub limits: Vec<Limit>,
}

impl PolicyHit {
    /// The hit as a finding; the caller adds the place of the change.
    #[must_use]
    pub fn finding(&self) -> Finding {
        let code = match (&self.why, self.enforcement) {
            (Why::Fails(_), Enforcement::Advisory) => Code::AdvisoryPolicyError,
            (Why::Fails(_) | Why::Unanswerable(_), _) => Code::PolicyError,
            (Why::Forbids | Why::NoPermit | Why::Unproven(_), Enforcement::Advisory) => Code::PolicyAdvice,
            (Why::Forbids | Why::NoPermit | Why::Unproven(_), _) => Code::PolicyDenied,
        };
        let message = match &self.why {
            Why::Forbids | Why::NoPermit => format!("`{}`: {}", self.policy.as_str(), self.title.raw()),
            Why::Fails(error) | Why::Unanswerable(error) | Why::Unproven(error) => {
                format!("`{}`: {}: {}", self.policy.as_str(), self.title.raw(), error.raw())
            }
        };
        let exceeded = Limit::in_words(&self.limits);
        let message = if exceeded.is_empty() { message } else { format!("{message}: {}", exceeded.join("; ")) };
        Finding::new(code, message).help(self.advice.clone()).exceeding(self.limits.iter().cloned())
    }
}

/// What one set answered to one question. Ids are sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyAnswer {
    /// Whether it permits.
    pub allow: bool,
    /// The policies that determined it.
    pub by: Vec<String>,
    /// The policies that failed to evaluate, with the error.
    pub errors: Vec<(String, String)>,
}

/// One question and what was answered.
#[derive(Clone, Debug)]
pub struct PolicyQuery {
    pub(super) principal: EntityUid,
    pub(super) action: EntityUid,
    pub(super) resource: EntityUid,
    /// Per set, in the order of [`Enforcement::ALL`].
    pub(super) answers: [PolicyAnswer; 3],
    /// Whether the advisory set was asked.
    pub(super) with_advice: bool,
    /// Why it could not be put, if so.
    pub(super) fault: Option<String>,
}

impl PolicyQuery {
    /// Whether it is permitted outright: a permit, no forbid and no error in either set that denies.
    pub(super) fn permitted(&self) -> bool {
        let [mandatory, over, _] = &self.answers;
        self.fault.is_none()
            && mandatory.allow
            && mandatory.errors.is_empty()
            && over.by.is_empty()
            && over.errors.is_empty()
    }

    /// The policies that permit, if it is permitted.
    pub(super) fn permitting(&self) -> Vec<PolicyId> {
        let [mandatory, ..] = &self.answers;
        if mandatory.allow { mandatory.by.iter().map(|id| PolicyId::from(id.as_str())).collect() } else { Vec::new() }
    }
}

/// Questions about one thing, over one store of entities and one context.
#[derive(Clone, Debug)]
pub struct Case {
    pub(super) entities: Entities,
    pub(super) context: Context,
    pub(super) asked: Vec<PolicyQuery>,
}

impl Case {
    /// Puts a question to all three sets.
    pub(super) fn ask(
        &mut self,
        pack: &Pack,
        principal: &EntityUid,
        action: &str,
        resource: &EntityUid,
        advisory: bool,
    ) -> Option<&PolicyQuery> {
        let action_uid = pack.types.uid("Action", action)?;
        let request = Request::new(
            principal.clone(),
            action_uid.clone(),
            resource.clone(),
            self.context.clone(),
            Some(&pack.schema),
        );
        let mut asked = PolicyQuery {
            principal: principal.clone(),
            action: action_uid,
            resource: resource.clone(),
            answers: Default::default(),
            with_advice: advisory,
            fault: None,
        };
        match (request, pack.sets(action)) {
            (Ok(request), Some(sets)) => {
                let take = if advisory { 3 } else { 2 };
                for (answer, set) in asked.answers.iter_mut().zip(sets).take(take) {
                    *answer = answer_of(pack, &request, set, &self.entities);
                }
            }
            (Err(error), _) => asked.fault = Some(chain(&error)),
            (Ok(_), None) => asked.fault = Some("the schema has no such action".to_owned()),
        }
        self.asked.push(asked);
        self.asked.last()
    }

    /// The record of the case: questions, answers, context and entities, as canonical JSON.
    ///
    /// # Errors
    /// If a value has no canonical form, such as a count beyond 2^53−1.
    pub fn record(&self) -> Result<Vec<u8>, CanonicalError> {
        let mut entities = Vec::new();
        for entity in self.entities.iter().filter(|e| e.uid().type_name().basename() != "Action") {
            let json = entity.to_json_value().map_err(unwritable)?;
            entities.push((entity.uid().to_string(), json));
        }
        entities.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut entities: Vec<serde_json::Value> = entities.into_iter().map(|(_, json)| json).collect();
        for parents in entities.iter_mut().filter_map(|entity| entity.get_mut("parents")?.as_array_mut()) {
            parents.sort_by_key(ToString::to_string);
        }
        let context = self.context.to_json_value().map_err(unwritable)?;
        let questions: Vec<Question> = self.asked.iter().map(Question::of).collect();
        canonical::to_bytes(&Record { context, entities, questions })
    }
}

/// The form in which a case is recorded.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    pub(super) context: serde_json::Value,
    pub(super) entities: Vec<serde_json::Value>,
    pub(super) questions: Vec<Question>,
}

/// The form in which a question is recorded.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    pub(super) principal: EntityName,
    pub(super) action: EntityName,
    pub(super) resource: EntityName,
    pub(super) mandatory: PolicyAnswer,
    #[serde(rename = "override")]
    pub(super) over: PolicyAnswer,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) advisory: Option<PolicyAnswer>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) fault: Option<String>,
}

/// The name of an entity.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EntityName {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) id: String,
}

impl EntityName {
    fn of(uid: &EntityUid) -> Self {
        Self { kind: uid.type_name().to_string(), id: uid.id().unescaped().to_owned() }
    }
}

impl Question {
    fn of(asked: &PolicyQuery) -> Self {
        let [mandatory, over, advisory] = asked.answers.clone();
        Self {
            principal: EntityName::of(&asked.principal),
            action: EntityName::of(&asked.action),
            resource: EntityName::of(&asked.resource),
            mandatory,
            over,
            advisory: asked.with_advice.then_some(advisory),
            fault: asked.fault.clone(),
        }
    }
}

fn unwritable(error: impl std::error::Error) -> CanonicalError {
    CanonicalError::Json(serde::ser::Error::custom(error.to_string()))
}

/// An error with its causes, on one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Asks one set.
pub(super) fn answer_of(pack: &Pack, request: &Request, set: &PolicySet, entities: &Entities) -> PolicyAnswer {
    if set.is_empty() {
        return PolicyAnswer::default();
    }
    let response = pack.authorizer.is_authorized(request, set, entities);
    let mut by: Vec<String> = response.diagnostics().reason().map(|id| AsRef::<str>::as_ref(id).to_owned()).collect();
    by.sort_unstable();
    let mut errors: Vec<(String, String)> =
        response.diagnostics().errors().map(|error| (failing(error), chain(error))).collect();
    errors.sort_unstable();
    PolicyAnswer { allow: response.decision() == Decision::Allow, by, errors }
}

fn failing(error: &cedar_policy::AuthorizationError) -> String {
    match error {
        cedar_policy::AuthorizationError::PolicyEvaluationError(inner) => {
            AsRef::<str>::as_ref(inner.policy_id()).to_owned()
        }
    }
}

/// The hits of the last question of a case: denials, then warnings.
pub(super) fn hits(pack: &Pack, case: &Case) -> (Vec<PolicyHit>, Vec<PolicyHit>) {
    let Some(asked) = case.asked.last() else {
        return (vec![unanswerable("the schema lacks a type that the tool stands on")], Vec::new());
    };
    if let Some(fault) = &asked.fault {
        return (vec![unanswerable(fault)], Vec::new());
    }
    let (mut denials, mut advice) = (Vec::new(), Vec::new());
    for (answer, enforcement) in asked.answers.iter().zip(Enforcement::ALL) {
        let list = if enforcement == Enforcement::Advisory { &mut advice } else { &mut denials };
        for (id, error) in &answer.errors {
            list.push(hit(pack, id, Why::Fails(Text::from(error.as_str()))));
        }
        if answer.allow {
            continue;
        }
        list.extend(answer.by.iter().map(|id| {
            let limits = limits::exceeded(pack, case, asked, id);
            PolicyHit { limits, ..hit(pack, id, Why::Forbids) }
        }));
        if enforcement == Enforcement::Mandatory && answer.by.is_empty() {
            list.push(no_permit(asked.action.id().unescaped(), &limits::nearest_permits(pack, case, asked)));
        }
    }
    (denials, advice)
}

fn hit(pack: &Pack, id: &str, why: Why) -> PolicyHit {
    match pack.about(id) {
        Some(about) => PolicyHit {
            policy: about.id.clone(),
            title: about.title.clone(),
            advice: about.advice.clone(),
            control: about.control.clone(),
            severity: about.severity,
            enforcement: about.enforcement,
            why,
            limits: Vec::new(),
        },
        None => unanswerable("an answer names a policy that the pack does not hold"),
    }
}

/// `nearest`: the permits with the most conditions met.
fn no_permit(action: &str, nearest: &[&Annotations]) -> PolicyHit {
    let demands: Vec<String> =
        nearest.iter().map(|about| format!("`{}` requires: {}", about.id.as_str(), about.title.raw())).collect();
    let demands = if demands.is_empty() { String::new() } else { format!("; {}", demands.join("; ")) };
    let mut advice: Vec<&str> = nearest.iter().map(|about| about.advice.raw()).collect();
    advice.dedup();
    let advice = match advice.as_slice() {
        [] => "no policy of this site permits it to anyone; add one that does".to_owned(),
        some => some.join("; or: "),
    };
    PolicyHit {
        policy: PolicyId::from(NO_PERMIT),
        title: Text::from(format!("no policy permits `{action}` here{demands}")),
        advice: Text::from(advice),
        control: Text::from("NIST SP 800-53 AC-3"),
        severity: Sensitivity::High,
        enforcement: Enforcement::Mandatory,
        why: Why::NoPermit,
        limits: Vec::new(),
    }
}

/// The denial that stands where a question could not be put.
pub(super) fn unanswerable(fault: &str) -> PolicyHit {
    PolicyHit {
        policy: PolicyId::from(UNANSWERABLE),
        title: Text::from("this could not be put to the policies, so it is denied"),
        advice: Text::from("correct the value that the message names"),
        control: Text::from("NIST SP 800-53 AC-3"),
        severity: Sensitivity::High,
        enforcement: Enforcement::Mandatory,
        why: Why::Unanswerable(Text::from(fault)),
        limits: Vec::new(),
    }
}

/// The denial that stands where the proof of who wrote the plan is refused.
pub(super) fn refused_proof(why: &Text) -> PolicyHit {
    PolicyHit {
        policy: PolicyId::from(REFUSED_PROOF),
        title: Text::from("a plan is not submitted in the name of a proposer who is not proved to have written it"),
        advice: Text::from("have the proposer prove the plan again: `review plan sign`, or a fresh token"),
        control: Text::from("OWASP Agentic T9 Identity Spoofing and Impersonation; OWASP NHI4 Insecure Authentication"),
        severity: Sensitivity::Critical,
        enforcement: Enforcement::Mandatory,
        why: Why::Unproven(why.clone()),
        limits: Vec::new(),
    }
}
