# What the examples' `make.sh` have in common, sourced by them: dates that do not rot, keys that are made here, the trust files
# that name both, and the assistant's signature. Everything is written into the current folder.
set -eu

# A time as plans and snapshots write it: `day '+2 hours'`.
day() { date -u -d "$1" +%Y-%m-%dT%H:%M:%SZ; }

# The type and base64 of a public key.
public() { cut -d' ' -f1,2 "$1.pub"; }

# Makes the keys that are not there yet.
new_keys() {
  for who in "$@"; do
    [ -f "$who" ] || ssh-keygen -q -t ed25519 -N '' -C "example $who" -f "$who"
  done
}

# agents.yaml: the one agent of this name, which proves its plans by the key `assistant`, for less than a day.
agent() {
  cat > agents.yaml <<AGENTS
version: 1
agents:
  - id: $1
    max_credential_ttl: 1d
    proof:
      - {method: key, key: "$(public assistant)", valid_after: $(day '-1 hour'), valid_before: $(day '+22 hours')}
AGENTS
}

# tasks.yaml: the task of this id, for this agent, within this scope; Ada owns it, and Noor asked for it.
task() {
  cat > tasks.yaml <<TASKS
version: 1
tasks:
  - {id: $1, owner: user:ada, agents: [$2], sponsors: [user:noor], scope: [$3], until: $(day '+2 days'), state: open}
TASKS
}

# Signs plan.yaml as the assistant, over whatever signed it before.
sign() { review plan sign plan.yaml --key assistant 2> /dev/null; }
