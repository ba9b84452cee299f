//! What a change states or grants, in one sentence, for formats that only have findings.

use crate::report::groups::Bundle;
use crate::report::model::ChangeReport;
use crate::report::sentence::Sentence;

/// What a change states or grants, in one sentence, for formats that only have findings. Empty if there is nothing.
#[must_use]
pub fn gives(change: &ChangeReport) -> Sentence {
    let mut parts: Vec<Sentence> = change.contents.notes.clone();
    let mut put = |verb: &'static str, bundles: &[Bundle], with_who: bool| {
        for bundle in bundles {
            let out = Sentence::of(verb).own(" ");
            let out = if with_who { out.then(bundle.who.clone()).then(bundle.limits.clone()).own(": ") } else { out };
            let out = out.then(list(bundle.what.iter().cloned()));
            let out = if with_who { out } else { out.then(bundle.limits.clone()) };
            let out = out.own(format!(" ({}", bundle.sensitivity.name()));
            parts.push(out.maybe(bundle.privileged.as_ref(), |s, why| s.own(", privileged: ").prose(why)).own(")"));
        }
    };
    for it in &change.contents.lists {
        put(it.verb, &it.list.bundles, false);
    }
    put("gives", &change.gained.bundles, true);
    put("lets activate later", &change.gained_eligible.bundles, true);
    list(parts.into_iter())
}

fn list(parts: impl Iterator<Item = Sentence>) -> Sentence {
    parts.enumerate().fold(Sentence::new(), |out, (at, part)| if at == 0 { part } else { out.own("; ").then(part) })
}
