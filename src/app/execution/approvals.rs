//! The lines of the log that a change rests on, as a bundle names them.

use std::collections::{BTreeMap, BTreeSet};

use crate::input::digest::{Digest, of};
use crate::input::text::Text;
use crate::log::line::{Line, Verdict};
use crate::log::verify::answers::Verification;
use crate::report::bundle::BundleApproval;

/// Every line of the log by which a change may pass.
pub struct Approvals(BTreeMap<Digest<of::Line>, BundleApproval>);

impl Approvals {
    /// Reads a verified log that kept its lines.
    #[must_use]
    pub fn of(verified: &Verification) -> Self {
        let mut found = BTreeMap::new();
        for view in &verified.sessions {
            for line in &view.lines {
                let verdict = match &line.value {
                    Line::Decision(decision) => match decision.verdict {
                        Verdict::Approve => "approve",
                        Verdict::Override => "override",
                        Verdict::Reject => continue,
                    },
                    Line::Auto(_) => "auto",
                    Line::Session(_)
                    | Line::Blob(_)
                    | Line::Plan(_)
                    | Line::Policies(_)
                    | Line::Evaluation(_)
                    | Line::Freeze(_)
                    | Line::Thaw(_)
                    | Line::Baseline(_)
                    | Line::Recertification(_)
                    | Line::Withdrawal(_)
                    | Line::Export(_)
                    | Line::Result(_)
                    | Line::Seal(_)
                    | Line::Sig(_) => continue,
                };
                let approval = BundleApproval {
                    sha256: line.digest,
                    session: Text::from(view.header.session.to_string()),
                    line: line.line as u64,
                    seal: view.seal.digest,
                    verdict: verdict.into(),
                    principal: view.header.writer.principal.clone(),
                };
                found.insert(line.digest, approval);
            }
        }
        Self(found)
    }

    /// The named lines, sorted by hash; none if the log lacks one of them.
    #[must_use]
    pub fn named(&self, lines: &BTreeSet<Digest<of::Line>>) -> Option<Vec<BundleApproval>> {
        lines.iter().map(|line| self.0.get(line).cloned()).collect()
    }
}
