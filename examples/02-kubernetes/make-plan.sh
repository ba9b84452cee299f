#!/usr/bin/env bash
# Writes plan.yaml with dates of today: a plan is void after `expires`. The assistant signs it with a key of its own, which
# agents.yaml names for a week.
. "$(dirname "$0")/../parts.sh"
new_keys helper
cat > agents.yaml <<AGENTS
version: 1
agents:
  - id: sa:shop/helper
    proof:
      - {method: key, key: "$(public helper)", valid_after: $(day now), valid_before: $(day '+7 days')}
AGENTS
cat > plan.yaml <<PLAN
version: 1
id: PLAN-K8S-1
proposer: sa:shop/helper
on_behalf_of: user:mia
task: TASK-7
intent: Tidy up, and unblock tonight's release.
expires: $(day '+2 days')
changes:
  - id: c1
    action: revoke
    to: user:mia
    role: clusterrole:view
    scope: ns:shop
    reason: Mia left the team.
  - id: c2
    action: grant
    to: sa:shop/ci
    role: clusterrole:cluster-admin
    mode: standing
    reason: The pipeline fails with "forbidden".
PLAN
cat > tasks.yaml <<TASKS
version: 1
tasks:
  - id: TASK-7
    owner: user:mia
    agents: [sa:shop/helper]
    sponsors: [user:mia]
    scope: [ns:shop]
    until: $(day '+5 days')
    state: open
TASKS
review plan sign plan.yaml --key helper
