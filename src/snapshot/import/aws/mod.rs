//! AWS identity and access management, from `aws iam get-account-authorization-details` of one or several accounts,
//! policies of resources, and the policies of an organisation.
//!
//! In: files, and the time of the export. Out: a snapshot, findings and counts, or every fault. The way through the
//! folder: [`export`] reads files into entities, [`policy`] reads policy documents and [`condition`] their conditions,
//! [`principal`] says who is meant, [`organisation`] reads its tree, [`grant`] turns statements into permissions,
//! [`trust`] turns trust policies into trusts, [`control`] resource control policies into denies, [`resource`] reads the policies of resources, [`subjects`] tells who stands
//! for whom, [`account`] joins it all.
//!
//! | AWS | snapshot |
//! |---|---|
//! | user, role | identity, by its ARN; a role that only services may assume is a `workload` |
//! | group | group, by its ARN; its members are known |
//! | managed policy (default version) | role, by its ARN |
//! | inline policy | role `inline:ARN:NAME` |
//! | attachment | assignment `WHO#POLICY` |
//! | statement | one permission for each of its actions and resources; `NotAction` and `NotResource` as `except` |
//! | permission boundary, service control policies of one level | a limit of the identity |
//! | trust policy | trusts that ask for `sts:AssumeRole` on the role; whom it names directly holds that by a role `trust-policy:ARN#N` |
//! | policy of a resource | roles `resource-policy:ARN#N`, marked `by_resource` |
//! | service, identity provider, other account, everybody | identities `service:NAME`, `federated:NAME`, `arn:aws:iam::ACCOUNT:root`, `aws:anyone` |
//! | account | resource `account:NUMBER`; the target, or a part with its target where there are several |
//! | resource control policy | role `resource-control:ARN#ACCOUNT` of the group `organisation:resource-control` |
//!
//! # What is modelled, and what is not
//!
//! Exact: case and wildcards of actions and resources; an explicit deny in any policy; boundaries and every level of
//! service control policies (not for the management account, not for service-linked roles); policy variables that say
//! who asks (`${aws:username}`, `${aws:userid}`, `${aws:PrincipalAccount}`, of a user `${aws:PrincipalTag/…}`), in documents
//! of version 2012-10-17: an older one, or one without a version, has none.
//!
//! Approximated, always towards more access, and marked: a condition is kept word for word and stays on what it is about,
//! so that its allow may hold and its deny takes nothing; only what it asks of the holder is decided (ARN, account,
//! organisation, type, name, tags of a user), and one that asks for a time that has passed is left out; any other policy
//! variable is read as `*` under a condition; `NotPrincipal` is read as everybody under a condition; a trust policy's
//! condition is kept on the trust, and on all that is reached by it; a session is read as its role, but a deny of one session takes
//! nothing; what a resource gives to a session passes the boundary of its role for every session; the tags of a role are
//! unknown, because a session may bring its own; an organisation whose root has no ARN bounds nobody.
//!
//! Policies of resources come as `{"Resource": ARN, "Account": NUMBER, "Policy": DOCUMENT}`, one or a list. `Account` is the
//! owner; it may be left out where the ARN holds it. Resource control policies are read as denies on what is in the
//! accounts below them, for everybody but service-linked roles; the resources that only the policies of resources tell are
//! those that are listed.
//!
//! Not read: session policies, access control lists, permission sets as such (the roles they
//! make are read), and the policies of resources that are not given. A change of a trust policy or of an attachment to a
//! boundary cannot be planned yet.

mod account;
mod build;
mod condition;
mod control;
mod export;
mod grant;
mod organisation;
mod policy;
mod principal;
mod reading;
mod resource;
mod subjects;
mod trust;

use crate::input::finding::Finding;
use crate::input::time::Time;
use crate::snapshot::import::importer::{Import, Importer, Recognition};
use crate::snapshot::import::probe::Probe;

pub use account::import;

/// The importer of AWS.
#[derive(Clone, Copy, Debug)]
pub struct Aws;

impl Importer for Aws {
    fn system(&self) -> &'static str {
        "aws"
    }

    fn commands(&self) -> &'static [&'static str] {
        &["aws iam get-account-authorization-details", "policies of resources, and the policies of an organisation"]
    }

    fn subjects(&self) -> &'static [&'static str] {
        &[
            "arn:aws:iam::ACCOUNT:user/NAME",
            "arn:aws:iam::ACCOUNT:role/NAME",
            "account:ACCOUNT",
            "service:NAME",
            "federated:PROVIDER",
            "canonical:ID",
            "aws:everyone",
            "aws:anyone",
        ]
    }

    fn recognise(&self, file: &Probe) -> Recognition {
        const LISTS: [&str; 4] = ["UserDetailList", "GroupDetailList", "RoleDetailList", "Policies"];
        const OTHERS: [&str; 4] = ["Children", "PolicyTypes", "Policy", "Statement"];
        const PARTS: [&str; 4] = ["Users", "Roles", "Groups", "AttachedPolicies"];
        if LISTS.iter().chain(&OTHERS).any(|key| file.has(key)) {
            Recognition::Yes
        } else if PARTS.iter().any(|key| file.has(key)) {
            Recognition::Near("it has no `UserDetailList`, `GroupDetailList` or `RoleDetailList`")
        } else {
            Recognition::No
        }
    }

    fn read(&self, files: &[(&str, &[u8])], taken_at: Time) -> Result<Import, Vec<Finding>> {
        import(files, taken_at)
    }

    fn accepts_file_time(&self) -> bool {
        true
    }

    fn pages_help(&self) -> &'static str {
        "export it again without `--max-items`; the command then fetches every page"
    }
}

/// The condition under which a resource of one account lets another account in: that account must allow it as well.
const DELEGATED: &str = "the other account must allow it as well";

/// The condition under which a resource gives something, where nothing tells whose account it is in.
const UNOWNED: &str = "the resource is in the account of who is named, or that account allows it as well";

#[cfg(test)]
mod organisation_tests;
#[cfg(test)]
mod pattern_tests;
#[cfg(test)]
mod tests;
