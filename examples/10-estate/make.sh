#!/usr/bin/env bash
# Writes what holds dates or keys: the exports of GitHub and of AWS, their snapshots, and the plan.
. "$(dirname "$0")/../parts.sh"
new_keys assistant
agent agent:build
task T-21 agent:build github:org:acme
# What the commands in src/snapshot/import/github/README.md write.
cat > github.json <<'GITHUB'
{"review_path": "orgs/acme", "value": {"login": "acme", "id": 77, "default_repository_permission": "none"}}
{"review_path": "orgs/acme/members", "value": [{"login": "ada", "type": "User"}, {"login": "mia", "type": "User"}]}
{"review_path": "orgs/acme/repos", "value": [{"id": 500, "full_name": "acme/shop", "owner": {"login": "acme", "id": 77}}]}
{"review_path": "orgs/acme/teams", "value": [{"id": 9, "slug": "web", "parent": null}]}
{"review_path": "orgs/acme/teams/web/members", "value": [{"login": "ada"}]}
{"review_path": "orgs/acme/teams/web/repos", "value": [{"id": 500, "full_name": "acme/shop", "role_name": "write", "owner": {"login": "acme", "id": 77}}]}
GITHUB
# What `aws iam get-account-authorization-details` writes.
cat > aws.json <<'AWS'
{"UserDetailList": [], "GroupDetailList": [], "Policies": [], "RoleDetailList": [{
  "RoleName": "deploy", "Arn": "arn:aws:iam::111111111111:role/deploy", "Tags": [{"Key": "environment", "Value": "production"}],
  "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
    "Principal": {"Federated": "arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com"},
    "Condition": {"StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"},
      "StringLike": {"token.actions.githubusercontent.com:sub": "repo:acme/shop:*"}}}]},
  "RolePolicyList": [{"PolicyName": "secrets", "PolicyDocument": {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}]}}]}]}
AWS
review snapshot import github.json --taken-at "$(day '-2 hours')" -o github-snapshot.json > /dev/null
review snapshot import aws.json --taken-at "$(day '-1 hour')" -o aws-snapshot.json > /dev/null
cat > plan.yaml <<PLAN
version: 1
id: PLAN-ESTATE-1
proposer: agent:build
on_behalf_of: user:noor
task: T-21
intent: Mia helps with the web shop.
expires: $(day '+1 day')
changes:
  - {id: c1, action: grant, to: "github:user:mia", member_of: "github:team:acme/web", mode: active, ttl: 4h, reason: She reviews the new checkout page.}
PLAN
sign
