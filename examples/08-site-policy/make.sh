#!/usr/bin/env bash
# Writes what holds dates or keys. `make.sh TTL` asks for another time than eight hours.
. "$(dirname "$0")/../parts.sh"
new_keys assistant
agent agent:support
task T-7 agent:support env:production
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
sign
