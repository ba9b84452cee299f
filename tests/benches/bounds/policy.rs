//! The policy outcome of one change, beside the bare questions that it asks of Cedar.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::str::FromStr;
use std::time::Instant;

use cedar_policy::{Authorizer, Context, Entities, EntityUid, PolicySet, Request, Schema};
use review::access::Index;
use review::app::plans::evaluated_plan::EvaluatedPlan;
use review::app::plans::plan_file::PlanFile;
use review::app::site::load::Site;
use review::app::site::location::SiteLocation;
use review::policy::{self, Pack};

use crate::{median, say, site};

fn micros(times: usize, work: impl Fn()) -> f64 {
    let rounds = (0..5).map(|_| {
        let start = Instant::now();
        (0..times).for_each(|_| work());
        start.elapsed().as_secs_f64() * 1e6 / times as f64
    });
    median(rounds.collect())
}

/// Every policy of the shipped pack, as one set, and the schema.
fn all() -> (PolicySet, Schema) {
    let text = |ending: &str| {
        let files = Pack::shipped().iter().filter(|f| f.path.ends_with(ending));
        files.map(|f| String::from_utf8_lossy(f.bytes).into_owned()).collect::<Vec<_>>().join("\n")
    };
    let policies = PolicySet::from_str(&text(".cedar")).expect("policies");
    let (schema, _) = Schema::from_cedarschema_str(&text(".cedarschema")).expect("a schema");
    (policies, schema)
}

fn uid(name: &serde_json::Value) -> EntityUid {
    EntityUid::from_json(serde_json::json!({"type": name["type"], "id": name["id"]})).expect("a name")
}

/// Measures every change of the demo, in a snapshot of its own size and in one a thousand times as large.
pub(crate) fn measure() {
    let folder = site::demo();
    std::env::set_current_dir(folder.path().join("demo")).expect("the demo");
    let site = Site::load(&SiteLocation::default()).expect("a site").expect("a sound one");
    let (policies, schema) = all();
    let authorizer = Authorizer::new();
    for padding in [0, 100_000] {
        let mut snapshot = site.snapshot.clone();
        let model = snapshot.assignments[0].clone();
        snapshot.assignments.extend((0..padding).map(|n| review::snapshot::model::Assignment {
            id: format!("padding-{n}").into(),
            who: format!("user:padding-{}", n % 1_000).into(),
            ..model.clone()
        }));
        let index = Index::new(&snapshot);
        let file = PlanFile::read(std::path::Path::new("plan.yaml")).expect("a plan");
        let proposal = EvaluatedPlan::judge(&site, &index, &file, site::date(0), &[], |_, _, _| BTreeMap::new());
        let proposal = proposal.expect("a valid plan");
        let matter = proposal.matter();
        let mut worst = (0.0, 0.0, 0.0);
        for (at, judged) in proposal.judged.iter().enumerate() {
            let record = judged.case.as_ref().expect("a case").record().expect("a record");
            let record: serde_json::Value = serde_json::from_slice(&record).expect("JSON");
            let entities = Entities::from_json_value(record["entities"].clone(), Some(&schema)).expect("entities");
            let questions = record["questions"].as_array().expect("questions");
            let requests: Vec<Request> = questions
                .iter()
                .map(|q| {
                    let action = uid(&q["action"]);
                    let context = Context::from_json_value(record["context"].clone(), Some((&schema, &action)));
                    let context = context.expect("a context");
                    Request::new(uid(&q["principal"]), action, uid(&q["resource"]), context, None).expect("a request")
                })
                .collect();
            let bare = micros(20, || {
                for request in &requests {
                    black_box(authorizer.is_authorized(request, &policies, &entities));
                }
            });
            let whole = micros(20, || {
                black_box(policy::outcome(&site.pack, &matter, at));
            });
            if whole / bare > worst.0 {
                worst = (whole / bare, whole, bare);
            }
        }
        println!(
            "policy with {padding} assignments more: the costliest of {} changes took {:.0} µs, its bare questions {:.0} µs",
            proposal.judged.len(),
            worst.1,
            worst.2
        );
        say("  outcome of a change over its bare questions", worst.0, 1.6, "");
    }
}
