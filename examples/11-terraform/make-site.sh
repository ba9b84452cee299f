#!/usr/bin/env bash
# Imports the snapshot with the time of today, and writes the trust files that name keys and dates.
. "$(dirname "$0")/../parts.sh"
new_keys assistant
agent agent:terraform
task TASK-12 agent:terraform projects/shop
sed -i 's/user:ada,/"user:ada@shop.example",/; s/user:noor/"user:noor@shop.example"/' tasks.yaml
review snapshot import gcp policies.json roles.json --taken-at "$(day now)" --complete -o snapshot.json > /dev/null 2>&1
