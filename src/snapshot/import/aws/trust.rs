//! Trust policies become trusts.
//!
//! In: roles with their trust policies, and the accounts of the export. Out: trusts; for whom a policy names directly a
//! role that gives `sts:AssumeRole`, so that a deny elsewhere takes the trust as well; the identities of those outside.
//!
//! Source: AWS, IAM user guide, "Cross-account policy evaluation logic", "How IAM roles differ from resource-based policies".

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::input::entitlement::{Effect, Permission, Requirement};
use crate::input::finding::{Code, Finding, Severity};
use crate::input::text::Text;
use crate::snapshot::model::Trust;

use super::build::Build;
use super::export::Entity;
use super::policy::{Named, Statement, matches};
use super::principal::{Principal, account_of, partition};
use super::reading::Reading;

/// The actions by which a role is assumed.
const ASSUME: [&str; 3] = ["sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"];

/// The ways of assuming the role that a statement is about.
fn assumed(statement: &Statement) -> Vec<&'static str> {
    let in_list = |list: &[Arc<str>], action: &str| list.iter().any(|a| matches(a, action));
    let is_meant = |action: &&str| match &statement.actions {
        Named::These(list) => in_list(list, action),
        Named::AllBut(list) => !in_list(list, action),
    };
    ASSUME.into_iter().filter(is_meant).collect()
}

/// Trusts by whom they let act and what they ask for; one without a condition wins.
type Trusts = BTreeMap<(Text, bool), Option<Text>>;

impl Build<'_> {
    /// Reads the trust policy of a role.
    pub fn trust_policy(&mut self, role: &Entity, reading: &mut Reading<'_>) {
        let mut trusts = Trusts::new();
        let denied: Vec<(&Principal, &str)> = role
            .trust
            .iter()
            .filter(|s| !s.allow && s.condition.is_none())
            .filter_map(|s| Some((assumed(s), s.principals.as_ref().filter(|p| !p.all_but)?)))
            .flat_map(|(ways, p)| {
                p.list.iter().flat_map(move |who| ways.clone().into_iter().map(move |way| (who, way)))
            })
            .collect();
        let first = self.number(&format!("trust-policy:{}", role.arn), role.trust.len());
        for (n, statement) in role.trust.iter().enumerate() {
            let (n, ways) = (first.saturating_add(n), assumed(statement));
            if ways.is_empty() {
                continue;
            }
            let Some(principals) = &statement.principals else {
                let message = format!("a statement of the trust policy of `{}` names nobody", role.arn);
                reading.notes.at(Finding::new(Code::NoEffect, message), &statement.spot);
                continue;
            };
            if !statement.allow {
                self.trust_denied(role, n, (statement, &ways), reading);
                continue;
            }
            let everyone = [Principal::Everyone];
            let list: &[Principal] = if principals.all_but { &everyone } else { &principals.list };
            let mark = principals.all_but.then(|| all_but(&principals.list));
            for principal in list {
                // An explicit deny of all, or of just this principal, leaves only the ways that it does not name.
                let is_denied = |way: &&str| {
                    denied.iter().any(|(who, w)| w == way && (**who == Principal::Everyone || *who == principal))
                };
                if ways.iter().all(is_denied) {
                    continue;
                }
                self.trusted(role, n, principal, (statement, mark.as_deref()), &mut trusts, reading);
            }
        }
        for ((from, asks), condition) in trusts {
            let requires = asks.then(|| Requirement {
                action: ASSUME[0].into(),
                resource: Text::new(Arc::clone(&role.arn)),
                scope: None,
                system: None,
            });
            let id = format!("trust:{}{}=>{}", from.raw(), if asks { "" } else { "!" }, role.arn);
            self.trusts.insert(
                id.as_str().into(),
                Trust {
                    id: id.as_str().into(),
                    from,
                    to: Text::new(Arc::clone(&role.arn)),
                    via: "assume-role".into(),
                    requires,
                    condition,
                    system: None,
                },
            );
        }
    }

    fn trusted(
        &mut self,
        role: &Entity,
        n: usize,
        principal: &Principal,
        (statement, mark): (&Statement, Option<&str>),
        trusts: &mut Trusts,
        reading: &mut Reading<'_>,
    ) {
        let home = account_of(&role.arn).unwrap_or_default();
        let condition = match (&statement.condition, mark) {
            (Some(c), Some(mark)) => Some(Text::from(format!("{mark} and {}", c.raw()))),
            (c, mark) => c.clone().or_else(|| mark.map(Text::from)),
        };
        let mut add = |from: Text, asks: bool, condition: Option<Text>| {
            let slot = trusts.entry((from, asks)).or_insert_with(|| condition.clone());
            if condition.is_none() {
                *slot = None;
            }
        };
        match principal {
            Principal::Everyone => {
                let everyone = self.everyone();
                self.give_assume(role, n, &everyone, condition.as_ref());
                add("arn:*".into(), true, condition.clone());
                add(self.anyone(), false, condition);
            }
            Principal::Account(account) => {
                let known = self.knows_account(account);
                if !known {
                    self.outside_account(account);
                }
                add(format!("arn:{}:iam::{account}:*", partition(&role.arn)).into(), known, condition);
            }
            Principal::Arn(arn) => self.by_name(role, n, arn, home, condition, &mut add, reading, statement),
            Principal::Session { account, role: name, arn } => {
                let found = self.role_named(account, name);
                let only = format!("only its session `{}`", arn.rsplit('/').next().unwrap_or_default());
                let condition = condition.map_or_else(|| only.clone(), |c| format!("{only} and {}", c.raw()));
                match found {
                    Some(known) => {
                        self.by_name(role, n, &known, home, Some(condition.into()), &mut add, reading, statement);
                    }
                    None => add(self.outside(arn), false, Some(condition.into())),
                }
            }
            Principal::Service(name) => add(self.service(name), false, condition),
            Principal::Federated(name) => add(self.federated(name), false, condition),
            Principal::Canonical(name) => add(self.outside(&format!("canonical:{name}")), false, condition),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "what a principal named by its ARN is judged by")]
    fn by_name(
        &mut self,
        role: &Entity,
        n: usize,
        arn: &Arc<str>,
        home: &str,
        condition: Option<Text>,
        add: &mut dyn FnMut(Text, bool, Option<Text>),
        reading: &mut Reading<'_>,
        statement: &Statement,
    ) {
        let from = Text::new(Arc::clone(arn));
        let same = account_of(arn) == Some(home);
        match (self.knows_identity(arn), same) {
            (true, true) => {
                // The policy itself gives it; a deny elsewhere still takes it.
                self.give_assume(role, n, &from, condition.as_ref());
                add(from, true, condition);
            }
            (true, false) => add(from, true, condition),
            (false, true) => {
                let message =
                    format!("the trust policy of `{}` names `{arn}`, which the export does not hold", role.arn);
                reading.notes.at(
                    Finding::new(Code::DanglingReference, message)
                        .help("whoever creates that name again can assume the role; take it out of the policy"),
                    &statement.spot,
                );
            }
            (false, false) => add(self.outside(arn), false, condition),
        }
    }

    /// Lets someone assume a role by the role's own policy.
    fn give_assume(&mut self, role: &Entity, n: usize, who: &Text, condition: Option<&Text>) {
        let permission = Permission {
            condition: condition.cloned(),
            ..Permission::allow(ASSUME[0], Text::new(Arc::clone(&role.arn)))
        };
        let mark = if condition.is_some() { "?" } else { "" };
        let id = format!("trust-policy:{}#{n}{mark}", role.arn);
        self.role(&id, vec![permission], true);
        self.assign(who, &id);
    }

    fn trust_denied(
        &mut self,
        role: &Entity,
        n: usize,
        (statement, ways): (&Statement, &[&str]),
        reading: &mut Reading<'_>,
    ) {
        let principals = statement.principals.as_ref().filter(|p| !p.all_but);
        if statement.condition.is_some() || principals.is_none() {
            let message = format!("a conditional deny in the trust policy of `{}` is taken to deny nobody", role.arn);
            reading.notes.at(Finding::new(Code::NotImported, message).weighing(Severity::Note), &statement.spot);
            return;
        }
        let deny = |way: &&str| Permission {
            effect: Effect::Deny,
            ..Permission::allow(*way, Text::new(Arc::clone(&role.arn)))
        };
        let id = format!("trust-policy:{}#{n}", role.arn);
        self.role(&id, ways.iter().map(deny).collect(), true);
        for principal in principals.iter().flat_map(|p| &p.list) {
            if self.is_session(principal, &statement.spot, reading) {
                continue;
            }
            if let Some(who) = self.subject_of(principal) {
                self.assign(&who, &id);
            }
        }
    }
}

/// The condition under which `NotPrincipal` is read as everybody.
pub(super) fn all_but(list: &[Principal]) -> String {
    format!("not for {} principals that it leaves out", list.len())
}
