use super::*;
use crate::decision::case::CaseOutcome;
use crate::decision::sample::{at, facts_of_grant, grant, hours, present, simple};

fn like(change: &Change, facts: &ChangeFacts, parent: Option<&str>, warned: bool) -> Option<Likeness> {
    likeness(change, facts, &simple("c1"), parent.map(ResourceId::from).as_ref(), warned)
}

fn plain(to: &str, scope: &str) -> (Change, ChangeFacts) {
    let mut c = grant("c1", to, "reader");
    let Action::Grant(a) = &mut c.action else { panic!("a grant") };
    a.scope = Some(at(scope.into()));
    (c, facts_of_grant("c1", to, "reader"))
}

#[test]
fn changes_of_one_action_entitlement_parent_mode_and_expiry_are_alike() {
    let (a, fa) = plain("svc:a", "db:one");
    let (b, fb) = plain("svc:b", "db:two");
    let this = like(&a, &fa, Some("system"), false);
    assert!(this.is_some());
    assert_eq!(this, like(&b, &fb, Some("system"), false));
    assert_ne!(this, like(&b, &fb, Some("elsewhere"), false), "another parent");
    assert_ne!(like(&a, &fa, None, false), like(&b, &fb, None, false), "two roots have no parent in common");
    let mut longer = b.clone();
    let Action::Grant(x) = &mut longer.action else { panic!("a grant") };
    x.lifetime = Some(at(Lifetime::Ttl(hours(5))));
    assert_ne!(this, like(&longer, &fb, Some("system"), false), "another expiry");
    let Action::Grant(x) = &mut longer.action else { panic!("a grant") };
    x.mode = None;
    assert_ne!(this, like(&longer, &fb, Some("system"), false), "another mode");
    let mut other = fb.clone();
    other.named.role = Some("writer".into());
    assert_ne!(this, like(&b, &other, Some("system"), false), "another entitlement");
}

#[test]
fn nothing_privileged_and_nothing_with_a_warning_is_approved_with_others() {
    let (c, f) = plain("svc:a", "db:one");
    assert!(like(&c, &f, Some("p"), true).is_none());
    let mut privileged = f.clone();
    privileged.privileged.insert("why".into());
    assert!(like(&c, &privileged, Some("p"), false).is_none());
    let mut unknown = f.clone();
    unknown.concerned.at_least = true;
    assert!(like(&c, &unknown, Some("p"), false).is_none());
    let mut half = simple("c1");
    half.emergent.insert(crate::input::digest::Digest::of(b"x"));
    assert!(likeness(&c, &f, &half, None, false).is_none());
    let auto = present("c1", half.document.as_ref().clone(), CaseOutcome::Auto);
    assert!(likeness(&c, &f, &auto, None, false).is_none());
}
