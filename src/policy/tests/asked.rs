//! Which policies determine the answers of a world.

use super::*;

/// Every policy that determined any answer, or failed.
pub(super) fn reached(world: &World, pack: &Pack) -> BTreeSet<String> {
    let asked = world.with(|matter| {
        let mut cases = vec![outcome(pack, matter, 0).case, submit(pack, matter).case];
        cases.push(may_approve(pack, matter, 0, &world.approver, &world.key).case);
        cases.push(may_override(pack, matter, 0, &world.approver, &world.key).case);
        for (kind, action) in
            [("agent", FreezeAction::Freeze), ("agent", FreezeAction::Thaw), ("all", FreezeAction::Thaw)]
        {
            cases.push(freeze_case(world, pack, matter.people, kind, action));
        }
        cases.into_iter().flat_map(|case| case.expect("the store is built").asked).collect::<Vec<_>>()
    });
    let mut out = BTreeSet::new();
    for asked in asked {
        assert_eq!(asked.fault, None);
        for answer in asked.answers {
            assert!(answer.errors.is_empty(), "{:?}", answer.errors);
            out.extend(answer.by);
        }
    }
    out
}

/// The query whether the approver may freeze the proposer, or thaw it. Its sponsor is that of the plan.
fn freeze_case(
    world: &World,
    pack: &Pack,
    people: &PeopleView,
    kind: &'static str,
    action: FreezeAction,
) -> Option<Case> {
    let before = &world.analysis.before.identities;
    let known = |it: &IdentityView| KnownIdentity { kind: it.kind, status: it.status, owner: it.owner.clone() };
    let identities = before.iter().map(|(id, it)| (id.clone(), known(it))).collect();
    let input = FreezeInput {
        kind,
        agent: Some(world.plan.proposer.value.clone()),
        task: world.task.as_ref(),
        plan: None,
        sponsors: world.plan.on_behalf_of.iter().map(|it| it.value.clone()).collect(),
        people,
        identities: &identities,
        parameters: world.parameters,
        now: now(),
    };
    crate::policy::freezing::ask(pack, &input, action, &world.approver, &world.key).1
}
