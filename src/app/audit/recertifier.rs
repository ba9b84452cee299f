//! The people who may recertify an access: its owner, and people who may freeze everything. A person may never recertify their
//! own access.
//!
//! The owner of an assignment is that of its scope, or of the nearest resource above it that has one, otherwise that of its
//! role. The owner of a membership is that of the group.

use std::collections::BTreeSet;

use crate::access::Index;
use crate::access::queries::benefits::benefits;
use crate::app::record::freezes::FreezeSubject;
use crate::app::record::history::Past;
use crate::app::site::load::Site;
use crate::decision::case::Signer;
use crate::input::id::{GroupId, IdentityId};
use crate::input::text::Text;
use crate::input::time::Time;
use crate::log::line::FreezeKind;
use crate::log::verify::answers::SessionView;
use crate::policy::{FreezeAction, KeyFacts};

/// The access that is asked about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AskedAccess<'a> {
    /// The identity or group.
    pub(crate) who: &'a str,
    /// Whether it is a membership.
    pub(crate) is_membership: bool,
    /// The role or group.
    pub(crate) what: &'a str,
    /// The scope.
    pub(crate) scope: Option<&'a str>,
}

/// Why a person may not recertify an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotYours {
    /// The person benefits from it.
    Own,
    /// Somebody else owns it, or nobody.
    Others,
}

/// What a person may recertify.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recertifier {
    /// Any access that is not their own.
    pub(crate) any: bool,
    /// Access that they own.
    pub(crate) owned: bool,
    identities: BTreeSet<IdentityId>,
    benefits: BTreeSet<Text>,
    groups: BTreeSet<GroupId>,
}

impl Recertifier {
    /// What policy permits a person with a key.
    pub(crate) fn of(
        (site, past): (&Site, &Past),
        index: &Index<'_>,
        signer: &Signer,
        key: &KeyFacts,
        at: Time,
    ) -> Self {
        let Some(person) = site.people.person(&signer.person) else { return Self::default() };
        let identities: BTreeSet<IdentityId> = person.identities.iter().map(|it| it.value.clone()).collect();
        let may = |kind, name: Option<&Text>| {
            FreezeSubject::new(site, &past.record, kind, name, at).may(FreezeAction::Freeze, signer, key).permitted
        };
        let benefits = benefits(index, &identities).iter().map(|subject| Text::from(subject.as_str())).collect();
        // WHY a plan without a name: policy then answers for the person and the key alone.
        let owned = may(FreezeKind::Plan, Some(&Text::from("")));
        let any = may(FreezeKind::All, None);
        Self { any, owned, identities, benefits, groups: site.barring(&signer.person) }
    }

    /// That of the signer of a session; one who may recertify nothing if the key has a second role or is not known.
    pub(crate) fn of_session((site, past): (&Site, &Past), index: &Index<'_>, view: &SessionView, at: Time) -> Self {
        let Some(seal) = &view.signer else { return Self::default() };
        let fingerprint = seal.fingerprint.raw();
        let (Some(person), Some(key)) = (site.people.by_principal(seal.principal.as_str()), past.keys.get(fingerprint))
        else {
            return Self::default();
        };
        if past.keys.bars_deciding(&site.provers, fingerprint).is_some() {
            return Self::default();
        }
        let signer = Signer { person: person.id.value.clone(), key: seal.fingerprint.clone() };
        Self::of((site, past), index, &signer, key, at)
    }

    /// Why the person may not recertify an access; `None` if they may.
    pub(crate) fn refuses(&self, index: &Index<'_>, access: AskedAccess<'_>) -> Option<NotYours> {
        let is_own =
            |name: &str| self.benefits.contains(&Text::from(name)) || self.groups.contains(&GroupId::new(name));
        if is_own(access.who) {
            return Some(NotYours::Own);
        }
        let owns = || owner(index, access).is_some_and(|owner| self.identities.contains(owner));
        if self.any || self.owned && owns() { None } else { Some(NotYours::Others) }
    }
}

/// The owner of an access.
pub(crate) fn owner<'s>(index: &Index<'s>, access: AskedAccess<'_>) -> Option<&'s IdentityId> {
    if access.is_membership {
        return index.group(access.what)?.owner.as_ref();
    }
    let mut at = access.scope.and_then(|scope| index.resource(scope));
    let mut seen = BTreeSet::new();
    while let Some(resource) = at.filter(|it| seen.insert(it.id.as_str())) {
        if let Some(owner) = &resource.owner {
            return Some(owner);
        }
        at = resource.parent.as_ref().and_then(|parent| index.resource(parent.as_str()));
    }
    index.role(access.what)?.owner.as_ref()
}
