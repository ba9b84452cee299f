#!/usr/bin/env bash
# Writes what holds dates or keys. `make.sh TTL` asks for another time than eight hours.
set -eu
day() { date -u -d "$1" +%Y-%m-%dT%H:%M:%SZ; }
[ -f assistant ] || ssh-keygen -q -t ed25519 -N '' -C 'example assistant' -f assistant
cat > agents.yaml <<AGENTS
version: 1
agents:
  - id: agent:support
    max_credential_ttl: 1d
    proof:
      - {method: key, key: "$(cut -d' ' -f1,2 assistant.pub)", valid_after: $(day '-1 hour'), valid_before: $(day '+22 hours')}
AGENTS
cat > tasks.yaml <<TASKS
version: 1
tasks:
  - {id: T-7, owner: user:ada, agents: [agent:support], sponsors: [user:noor], scope: [env:production], until: $(day '+2 days'), state: open}
TASKS
cat > snapshot.yaml <<SNAPSHOT
version: 1
taken_at: $(day '-1 hour')
source: shop
identities:
  - {id: user:ada, kind: human}
  - {id: user:mia, kind: human}
  - {id: user:noor, kind: human}
roles:
  - {id: customer-reader, owner: user:ada, sensitivity: moderate, permissions: [{action: "customer:read", resource: "customer/*"}]}
resources:
  - {id: env:production, owner: user:ada}
SNAPSHOT
cat > plan.yaml <<PLAN
version: 1
id: PLAN-SUPPORT-1
proposer: agent:support
on_behalf_of: user:noor
task: T-7
intent: Mia answers the customers whose orders are late.
expires: $(day '+1 day')
changes:
  - {id: c1, action: grant, to: user:mia, role: customer-reader, scope: env:production, mode: active, ttl: ${1:-8h}, reason: She has to see their orders.}
PLAN
review plan sign plan.yaml --key assistant 2> /dev/null
