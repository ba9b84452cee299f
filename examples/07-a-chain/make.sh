#!/usr/bin/env bash
# Writes what holds dates or keys. `make.sh c1` writes the plan with its first change only.
. "$(dirname "$0")/../parts.sh"
new_keys assistant
agent agent:build
task T-12 agent:build org:shop
cat > snapshot.yaml <<SNAPSHOT
version: 1
taken_at: $(day '-1 hour')
source: shop
identities:
  - {id: user:ada, kind: human}
  - {id: user:noor, kind: human}
  - {id: svc:linter, kind: service_account, owner: user:ada}
  - {id: svc:deployer, kind: service_account, owner: user:ada}
groups:
  - {id: group:runners, owner: user:ada}
roles:
  - {id: pipeline-starter, owner: user:ada, sensitivity: low, permissions: [{action: "pipeline:start", resource: "pipeline/*"}]}
  - {id: vault-reader, owner: user:ada, permissions: [{action: "secret:read", resource: "secret/*"}]}
resources:
  - {id: org:shop, owner: user:ada}
  - {id: ci:pipelines, parent: org:shop}
assignments:
  - {id: a1, who: svc:deployer, role: vault-reader, mode: standing}
trusts:
  # A runner that may start the deployment runs as svc:deployer.
  - {id: run-as-deployer, from: group:runners, to: svc:deployer, via: pipeline, requires: {action: "pipeline:start", resource: "pipeline/deploy"}}
SNAPSHOT
cat > plan.yaml <<PLAN
version: 1
id: PLAN-CHAIN-1
proposer: agent:build
on_behalf_of: user:noor
task: T-12
intent: The linter gets its own place in the build.
expires: $(day '+1 day')
changes:
  - {id: c1, action: grant, to: svc:linter, member_of: group:runners, mode: active, ttl: 4h, reason: It has to show up on the dashboard.}
  - {id: c2, action: grant, to: svc:linter, role: pipeline-starter, scope: ci:pipelines, mode: active, ttl: 4h, reason: It starts its own retry.}
PLAN
[ "${1:-}" != c1 ] || sed -i '/id: c2/d' plan.yaml
sign
