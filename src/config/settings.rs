//! `review.yaml`: the site's settings for reviews, with defaults. It contains no secret.

use std::collections::BTreeSet;

use crate::input::finding::{Code, Finding};
use crate::input::form::{FieldRule, TypedFields, ValueShape};
use crate::input::place::Placed;
use crate::input::text::Text;
use crate::input::time::Span;

use super::read::checked;
use super::rules::{VERSION, optional};

const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

/// The default approval steps, in order.
pub const DEFAULT_STEPS: &[&str] = &["Owner", "Security"];

const PARAMETERS: ValueShape = ValueShape::Mapping(
    "parameters",
    &[
        optional("max_ttl", ValueShape::Span, "The maximum lifetime of temporary access. Default: `8h`."),
        optional("max_privileged_ttl", ValueShape::Span, "The maximum lifetime of privileged access. Default: `4h`."),
        optional("max_credential_ttl", ValueShape::Span, "The maximum lifetime of a credential. Default: `90d`."),
        optional("stale_after", ValueShape::Span, "Access that is unused for longer counts as stale. Default: `90d`."),
        optional(
            "require_security_key",
            ValueShape::Bool,
            "Whether privileged changes need an approval with a touched security key.",
        ),
    ],
);

const POLICIES: ValueShape = ValueShape::Mapping(
    "policies",
    &[optional(
        "shipped",
        ValueShape::Bool,
        "Whether the shipped policies apply in addition to the site's own. Default: `true`.",
    )],
);

/// The fields of `review.yaml`.
pub(super) const FILE: &[FieldRule] = &[
    VERSION,
    optional("log_id", ValueShape::Id, "The id of this site's log, written by `init`."),
    optional("log", ValueShape::Text, "The log: a path relative to the trust folder. Default: `review-log.jsonl`."),
    optional("snapshot", ValueShape::Text, "The snapshot: a path in the trust folder. Default: `snapshot.json`."),
    optional(
        "steps",
        ValueShape::List(&ValueShape::Id, 1, 16),
        "The approval steps in order. Default: Owner, Security.",
    ),
    optional("policies", POLICIES, "Which policies apply."),
    optional("approval_ttl", ValueShape::Span, "How long an approval is valid. Default: `72h`."),
    optional(
        "approvals_of_ended_keys",
        ValueShape::Words(&["ignore", "count"]),
        "Whether approvals count whose key has expired since they were signed. Default: `ignore`.",
    ),
    optional("max_snapshot_age", ValueShape::Span, "The maximum age of a snapshot. Default: `24h`."),
    optional(
        "recertify_after",
        ValueShape::Span,
        "After how long access must be recertified; at most `366d`. Default: `365d`.",
    ),
    optional(
        "recertify_privileged_after",
        ValueShape::Span,
        "The same for privileged access and access of machines. Default: `182d`, or `recertify_after` if that is shorter.",
    ),
    optional("parameters", PARAMETERS, "Parameters of policies."),
];

/// `review.yaml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The id of the site's log, or `None` before `init` has written one.
    pub log_id: Option<Placed<Text>>,
    /// The log's path as written, relative to the trust folder.
    pub log: Text,
    /// The snapshot's path in the trust folder, separated by `/`.
    pub snapshot: Text,
    /// The approval steps in order: at least one, without duplicates, each a capitalised ASCII word.
    pub steps: Vec<Text>,
    /// Whether the shipped policies, classification, escalations and toxic combinations apply.
    pub shipped: bool,
    /// How long an approval is valid, from its seal.
    pub approval_ttl: Span,
    /// Whether approvals and overrides count whose key has expired since they were signed.
    pub counts_ended_keys: bool,
    /// The maximum age of a snapshot.
    pub max_snapshot_age: Span,
    /// After how long access must be recertified.
    pub recertify_after: Span,
    /// The same for privileged access and access of identities that are not people. Not longer than `recertify_after`.
    pub recertify_privileged_after: Span,
    /// Parameters of policies.
    pub parameters: Parameters,
    /// The names of the parameters that the file does not set.
    pub defaults: BTreeSet<&'static str>,
}

/// The names of all parameters.
pub const PARAMETER_NAMES: [&str; 5] =
    ["max_ttl", "max_privileged_ttl", "max_credential_ttl", "stale_after", "require_security_key"];

/// Parameters of policies (`context.parameters`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// The maximum lifetime of temporary access.
    pub max_ttl: Span,
    /// The maximum lifetime of privileged access.
    pub max_privileged_ttl: Span,
    /// The maximum lifetime of a credential.
    pub max_credential_ttl: Span,
    /// Access that is unused for longer counts as stale.
    pub stale_after: Span,
    /// Whether privileged changes need an approval with a touched security key.
    pub require_security_key: bool,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            max_ttl: Span::from_seconds(8 * HOUR),
            max_privileged_ttl: Span::from_seconds(4 * HOUR),
            max_credential_ttl: Span::from_seconds(90 * DAY),
            stale_after: Span::from_seconds(90 * DAY),
            require_security_key: false,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            log_id: None,
            log: "review-log.jsonl".into(),
            snapshot: "snapshot.json".into(),
            steps: DEFAULT_STEPS.iter().map(|step| Text::from(*step)).collect(),
            shipped: true,
            approval_ttl: Span::from_seconds(72 * HOUR),
            counts_ended_keys: false,
            max_snapshot_age: Span::from_seconds(24 * HOUR),
            recertify_after: Span::from_seconds(365 * DAY),
            recertify_privileged_after: Span::from_seconds(182 * DAY),
            parameters: Parameters::default(),
            defaults: PARAMETER_NAMES.into(),
        }
    }
}

impl Settings {
    /// Reads `review.yaml`.
    ///
    /// # Errors
    /// All faults, each with its place.
    pub fn read(name: &str, bytes: &[u8]) -> Result<Self, Vec<Finding>> {
        let (node, mut findings) = checked(name, bytes, FILE)?;
        let Some(fields) = TypedFields::of(&node) else { return Err(findings) };
        laws(&fields, &mut findings);
        if !findings.is_empty() {
            return Err(findings);
        }
        let usual = Self::default();
        let span =
            |fields: &TypedFields<'_>, name: &str, usual: Span| fields.span(name).map_or(usual, |span| span.value);
        let recertify_after = span(&fields, "recertify_after", usual.recertify_after);
        let text = |name: &str, usual: Text| fields.text(name).map_or(usual, |text| text.value);
        let parameters = fields.fields("parameters").map_or(usual.parameters, |p| Parameters {
            max_ttl: span(&p, "max_ttl", usual.parameters.max_ttl),
            max_privileged_ttl: span(&p, "max_privileged_ttl", usual.parameters.max_privileged_ttl),
            max_credential_ttl: span(&p, "max_credential_ttl", usual.parameters.max_credential_ttl),
            stale_after: span(&p, "stale_after", usual.parameters.stale_after),
            require_security_key: p.bool("require_security_key").is_some_and(|flag| flag.value),
        });
        let is_left = |name: &&str| fields.fields("parameters").is_none_or(|p| p.entry(name).is_none());
        let steps: Vec<Text> = fields.list("steps").iter().filter_map(|step| step.as_text().cloned()).collect();
        Ok(Self {
            log_id: fields.text("log_id"),
            log: text("log", usual.log),
            snapshot: text("snapshot", usual.snapshot),
            steps: if steps.is_empty() { usual.steps } else { steps },
            shipped: fields.fields("policies").and_then(|p| p.bool("shipped")).is_none_or(|flag| flag.value),
            approval_ttl: span(&fields, "approval_ttl", usual.approval_ttl),
            counts_ended_keys: fields.text("approvals_of_ended_keys").is_some_and(|word| word.value.raw() == "count"),
            max_snapshot_age: span(&fields, "max_snapshot_age", usual.max_snapshot_age),
            recertify_after,
            recertify_privileged_after: span(
                &fields,
                "recertify_privileged_after",
                usual.recertify_privileged_after.min(recertify_after),
            ),
            parameters,
            defaults: PARAMETER_NAMES.into_iter().filter(is_left).collect(),
        })
    }
}

/// Access is recertified within a year, and privileged access not later than other access.
fn recertified_in_time(fields: &TypedFields<'_>, findings: &mut Vec<Finding>) {
    let longest = Span::from_seconds(366 * DAY);
    let usual = fields.span("recertify_after");
    let most = usual.as_ref().map_or(Settings::default().recertify_after, |span| span.value);
    let privileged = fields.span("recertify_privileged_after").map(|span| (span, most.min(longest)));
    for (span, most) in usual.map(|span| (span, longest)).into_iter().chain(privileged) {
        if span.value > most {
            let message = format!("access is recertified after at most {most}, not {}", span.value);
            findings.push(Finding::new(Code::BadConfiguration, message).at(&span.place).help("write a shorter time"));
        }
    }
}

fn laws(fields: &TypedFields<'_>, findings: &mut Vec<Finding>) {
    if let Some(snapshot) = fields.text("snapshot")
        && !within_folder(snapshot.value.raw())
    {
        let message = format!("`snapshot` is `{}`, which is not a path in the trust folder", snapshot.value.raw());
        let help = "write a path such as `snapshot.json`, separated by `/` and without `..`";
        findings.push(Finding::new(Code::BadValue, message).at(&snapshot.place).help(help));
    }
    recertified_in_time(fields, findings);
    let mut seen: Vec<&str> = Vec::new();
    for step in fields.list("steps") {
        let Some(text) = step.as_text() else { continue };
        let capital = text.raw().starts_with(|c: char| c.is_ascii_uppercase());
        if !capital || !text.raw().bytes().all(|b| b.is_ascii_alphanumeric()) {
            let message = format!("the step `{}` is not a capitalised word", text.raw());
            let help = "a step is the `X` of an action `ApproveAsX`, for example `Owner`";
            findings.push(Finding::new(Code::BadConfiguration, message).at(&step.place).help(help));
        } else if seen.contains(&text.raw()) {
            let message = format!("duplicate step `{}`", text.raw());
            findings.push(Finding::new(Code::BadConfiguration, message).at(&step.place).help("remove it"));
        }
        seen.push(text.raw());
    }
}

/// Whether a path stays in the trust folder: relative, separated by `/`, no `..`, no drive.
pub(super) fn within_folder(path: &str) -> bool {
    !path.is_empty()
        && !path.contains(['\\', ':', '\n'])
        && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
}
