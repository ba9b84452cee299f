#!/usr/bin/env bash
# Writes what holds dates or keys: a plan is void after `expires`, a snapshot is too old after a day, and keys are made here.
# `make.sh TTL` asks for another time than two hours, `make.sh standing` for ever.
. "$(dirname "$0")/../parts.sh"
new_keys ada bo assistant
for who in ada bo; do
  echo "$who@shop.example namespaces=\"review-seal@v1\" $(public "$who")"
done > allowed_signers
agent agent:on-call
task INC-4711 agent:on-call env:production
cat > snapshot.yaml <<SNAPSHOT
version: 1
taken_at: $(day '-1 hour')
source: shop
identities:
  - {id: user:ada, kind: human}
  - {id: user:bo, kind: human}
  - {id: user:mia, kind: human}
  - {id: user:noor, kind: human}
roles:
  - {id: reader, owner: user:ada, permissions: [{action: "order:read", resource: "order/*"}]}
  - {id: operator, owner: user:ada, includes: [reader], permissions: [{action: "service:restart", resource: "service/*"}]}
resources:
  - {id: env:production, owner: user:ada}
assignments:
  - {id: a1, who: user:mia, role: reader, scope: env:production, mode: standing}
SNAPSHOT
case "${1:-2h}" in
  standing) how='mode: standing' ;;
  *) how="mode: active, ttl: ${1:-2h}" ;;
esac
cat > plan.yaml <<PLAN
version: 1
id: PLAN-ONCALL-1
proposer: agent:on-call
on_behalf_of: user:noor
task: INC-4711
intent: Mia is on call and has to restart the checkout service.
expires: $(day '+1 day')
changes:
  - {id: c1, action: grant, to: user:mia, role: operator, scope: env:production, $how, reason: Checkout answers with 503.}
PLAN
sign
