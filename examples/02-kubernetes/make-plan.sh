#!/usr/bin/env bash
# Writes plan.yaml with dates of today: a plan is void after `expires`.
set -eu
cat > plan.yaml <<PLAN
version: 1
id: PLAN-K8S-1
proposer: sa:shop/helper
on_behalf_of: user:mia
task: TASK-7
intent: Tidy up, and unblock tonight's release.
expires: $(date -u -d '+2 days' +%Y-%m-%dT%H:%M:%SZ)
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
    until: $(date -u -d '+5 days' +%Y-%m-%dT%H:%M:%SZ)
    state: open
TASKS
