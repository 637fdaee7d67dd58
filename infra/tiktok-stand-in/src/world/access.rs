//! Who reaches what, right now. Every endpoint and the consent page ask here, so that a change is seen everywhere at once.

use super::{
    AdAccountState, AdvertiserRole, BcRole, BusinessCenterState, Membership, Owner, Relation, RelationStatus, World,
};

impl World {
    /// The Business Centers in which `login` is a joined member.
    pub(crate) fn centers_of<'a>(
        &'a self,
        login: &'a str,
    ) -> impl Iterator<Item = (&'a BusinessCenterState, &'a Membership)> {
        self.business_centers.values().filter_map(move |center| Some((center, center.joined(login)?)))
    }

    /// A joined member's entry; `None` also for invitations that were never accepted.
    pub fn member<'a>(&'a self, bc_id: &str, login: &str) -> Option<&'a Membership> {
        self.business_centers.get(bc_id)?.joined(login)
    }

    /// Who acts in a Business Center: a joined member, or a joined Admin of the one that it belongs to.
    pub(crate) fn acts_in<'a>(&'a self, center: &'a BusinessCenterState, login: &str) -> Option<&'a Membership> {
        let of_parent = || {
            let parent = self.member(center.info.parent_bc_id.as_deref()?, login)?;
            (parent.role == BcRole::Admin).then_some(parent)
        };
        center.joined(login).or_else(of_parent)
    }

    pub fn is_admin(&self, bc_id: &str, login: &str) -> bool {
        self.member(bc_id, login).is_some_and(|member| member.role == BcRole::Admin)
    }

    /// The role that `login` holds on `account` through `bc_id`: one given by hand, else ADMIN for the Business Center's
    /// admins unless that switch is off.
    pub(crate) fn role_through(&self, account: &AdAccountState, bc_id: &str, login: &str) -> Option<AdvertiserRole> {
        let member = self.acts_in(self.business_centers.get(bc_id)?, login)?;
        account.relation(bc_id).filter(|relation| relation.status == RelationStatus::Bound)?;
        match account.roles.iter().find(|given| given.login == login && given.bc_id == bc_id) {
            Some(given) => given.role,
            None if member.role == BcRole::Admin && self.switches.admins_reach_all_accounts => {
                Some(AdvertiserRole::Admin)
            }
            None => None,
        }
    }

    /// Whether `login` may use `account` by any way: their own, or a role through some Business Center.
    pub(crate) fn reaches(&self, account: &AdAccountState, login: &str) -> bool {
        !account.deleted
            && (account.info.owner == Owner::person(login)
                || account
                    .relations
                    .iter()
                    .any(|relation| self.role_through(account, &relation.bc_id, login).is_some()))
    }

    /// Existing accounts that `bc_id` lists, with the reason.
    pub(crate) fn listed_in<'a>(&'a self, bc_id: &'a str) -> impl Iterator<Item = (&'a AdAccountState, &'a Relation)> {
        self.ad_accounts
            .values()
            .filter(|account| !account.deleted)
            .filter_map(move |account| Some((account, account.relation(bc_id)?)))
    }

    /// The name of the Business Center or person that owns `account`.
    pub(crate) fn owner_name(&self, account: &AdAccountState) -> Option<&str> {
        match &account.info.owner {
            Owner::BusinessCenter(bc_id) => self.business_centers.get(bc_id).map(|center| center.info.name.as_str()),
            Owner::Person(login) => self.people.get(login).map(|person| person.display_name.as_str()),
        }
    }
}

impl BusinessCenterState {
    pub(crate) fn joined(&self, login: &str) -> Option<&Membership> {
        self.members.iter().find(|member| member.login == login && member.relation_status == RelationStatus::Bound)
    }
}

impl AdAccountState {
    pub(crate) fn relation(&self, bc_id: &str) -> Option<&Relation> {
        self.relations.iter().find(|relation| relation.bc_id == bc_id)
    }
}
