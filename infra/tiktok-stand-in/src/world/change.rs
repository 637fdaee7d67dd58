//! Everything that can happen to people, Business Centers and ad accounts.

use super::{
    AccountRole, AccountStatus, AdAccount, AdAccountState, AdvertiserRole, App, BcStatus, BusinessCenter,
    BusinessCenterState, Membership, Owner, Person, Relation, RelationStatus, RelationType, World,
};
use crate::ids;

/// Why the stand-in could not be steered or clicked as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StandInError {
    #[error("no {what} `{id}`")]
    NotFound { what: &'static str, id: String },
    #[error("{what} `{id}` exists already")]
    Exists { what: &'static str, id: String },
    #[error("{0}")]
    Invalid(String),
}

type Result<T = ()> = std::result::Result<T, StandInError>;

pub(crate) fn not_found(what: &'static str, id: &str) -> StandInError {
    StandInError::NotFound { what, id: id.to_owned() }
}

fn invalid(why: impl Into<String>) -> StandInError {
    StandInError::Invalid(why.into())
}

fn check_new(what: &'static str, id: &str, exists: bool) -> Result {
    if exists {
        return Err(StandInError::Exists { what, id: id.to_owned() });
    }
    if ids::is_id(id) { Ok(()) } else { Err(invalid(format!("{what} id `{id}` is not a 64-bit number"))) }
}

impl World {
    pub fn add_person(&mut self, mut person: Person) -> Result {
        if person.login.is_empty() || person.login.len() > 100 {
            return Err(invalid("a login has 1 to 100 characters"));
        }
        if self.people.contains_key(&person.login) {
            return Err(StandInError::Exists { what: "person", id: person.login });
        }
        person.fill_in();
        for id in [&person.core_user_id, &person.user_id] {
            if !ids::is_id(id) {
                return Err(invalid(format!("`{id}` is not a 64-bit number")));
            }
        }
        self.people.insert(person.login.clone(), person);
        Ok(())
    }

    pub fn add_business_center(&mut self, info: BusinessCenter) -> Result {
        check_new("Business Center", &info.bc_id, self.business_centers.contains_key(&info.bc_id))?;
        if let Some(parent) = &info.parent_bc_id {
            self.center(parent)?;
        }
        let id = info.bc_id.clone();
        self.business_centers.insert(id, BusinessCenterState { info, members: Vec::new() });
        Ok(())
    }

    pub fn add_ad_account(&mut self, info: AdAccount) -> Result {
        let id = info.advertiser_id.clone();
        check_new("ad account", &id, self.ad_accounts.contains_key(&id))?;
        self.check_owner(&info.owner)?;
        let mut account = AdAccountState { info, deleted: false, relations: Vec::new(), roles: Vec::new() };
        account.join_owner();
        self.ad_accounts.insert(id, account);
        Ok(())
    }

    pub fn add_app(&mut self, app: App) -> Result {
        check_new("app", &app.app_id, self.apps.contains_key(&app.app_id))?;
        if app.redirect_uris.is_empty() || app.redirect_uris.len() > 10 {
            return Err(invalid("an app has 1 to 10 redirect URIs"));
        }
        for uri in &app.redirect_uris {
            url::Url::parse(uri).map_err(|error| invalid(format!("redirect URI `{uri}`: {error}")))?;
        }
        self.apps.insert(app.app_id.clone(), app);
        Ok(())
    }

    pub fn set_app_scopes(&mut self, app_id: &str, scopes: Vec<u64>) -> Result {
        self.app_mut(app_id)?.scopes = scopes;
        Ok(())
    }

    pub fn set_app_blocked(&mut self, app_id: &str, blocked: bool) -> Result {
        self.app_mut(app_id)?.blocked = blocked;
        Ok(())
    }

    /// Puts a person into a Business Center, or changes their role there.
    pub fn set_membership(&mut self, bc_id: &str, membership: Membership) -> Result {
        self.person(&membership.login)?;
        let center = self.center_mut(bc_id)?;
        match center.members.iter_mut().find(|member| member.login == membership.login) {
            Some(member) => *member = membership,
            None => center.members.push(membership),
        }
        Ok(())
    }

    pub fn set_center_status(&mut self, bc_id: &str, status: BcStatus) -> Result {
        self.center_mut(bc_id)?.info.status = status;
        Ok(())
    }

    pub fn remove_member(&mut self, bc_id: &str, login: &str) -> Result {
        let center = self.center_mut(bc_id)?;
        let before = center.members.len();
        center.members.retain(|member| member.login != login);
        if center.members.len() == before { Err(not_found("member", login)) } else { Ok(()) }
    }

    /// Gives a role on an account through a Business Center, or takes it away with `None`, even from an admin.
    pub fn set_account_role(
        &mut self,
        advertiser_id: &str,
        bc_id: &str,
        login: &str,
        role: Option<AdvertiserRole>,
    ) -> Result {
        self.person(login)?;
        self.center(bc_id)?;
        let account = self.account_mut(advertiser_id)?;
        account.roles.retain(|given| given.login != login || given.bc_id != bc_id);
        account.roles.push(AccountRole { login: login.to_owned(), bc_id: bc_id.to_owned(), role });
        Ok(())
    }

    /// Lists an account in another Business Center than its owner's, or changes how far that sharing has come.
    pub fn share(&mut self, advertiser_id: &str, bc_id: &str, status: RelationStatus) -> Result {
        self.center(bc_id)?;
        let account = self.account_mut(advertiser_id)?;
        let kind = match &account.info.owner {
            Owner::BusinessCenter(owner) if owner == bc_id => {
                return Err(invalid("the owner's account needs no sharing"));
            }
            Owner::BusinessCenter(_) => RelationType::OwnerPartner,
            Owner::Person(_) => RelationType::OwnerIndividual,
        };
        account.relations.retain(|relation| relation.bc_id != bc_id);
        account.relations.push(Relation { bc_id: bc_id.to_owned(), kind, status });
        Ok(())
    }

    pub fn unshare(&mut self, advertiser_id: &str, bc_id: &str) -> Result {
        let account = self.account_mut(advertiser_id)?;
        if account.info.owner == Owner::business_center(bc_id) {
            return Err(invalid("an account cannot leave its owner; move it"));
        }
        let before = account.relations.len();
        account.relations.retain(|relation| relation.bc_id != bc_id);
        if account.relations.len() == before { Err(not_found("share with Business Center", bc_id)) } else { Ok(()) }
    }

    /// Changes how far any relation has come, the owner's own included.
    pub fn set_relation_status(&mut self, advertiser_id: &str, bc_id: &str, status: RelationStatus) -> Result {
        let account = self.account_mut(advertiser_id)?;
        match account.relations.iter_mut().find(|relation| relation.bc_id == bc_id) {
            Some(relation) => relation.status = status,
            None => return Err(not_found("relation with Business Center", bc_id)),
        }
        Ok(())
    }

    /// Gives an account to another owner. Shares stay; the old owner keeps nothing.
    pub fn move_account(&mut self, advertiser_id: &str, owner: Owner) -> Result {
        self.check_owner(&owner)?;
        let keep_unbound = self.switches.moved_accounts_stay_unbound;
        let account = self.account_mut(advertiser_id)?;
        for relation in &mut account.relations {
            if relation.kind == RelationType::OwnerBc {
                relation.status = RelationStatus::Unbound;
            }
        }
        if !keep_unbound {
            account.relations.retain(|relation| relation.kind != RelationType::OwnerBc);
        }
        let shared_as = match owner {
            Owner::BusinessCenter(_) => RelationType::OwnerPartner,
            Owner::Person(_) => RelationType::OwnerIndividual,
        };
        for relation in account.relations.iter_mut().filter(|it| it.kind != RelationType::OwnerBc) {
            relation.kind = shared_as;
        }
        account.info.owner = owner;
        account.join_owner();
        Ok(())
    }

    pub fn delete_account(&mut self, advertiser_id: &str) -> Result {
        self.account_mut(advertiser_id)?.deleted = true;
        Ok(())
    }

    pub fn set_account_status(&mut self, advertiser_id: &str, status: AccountStatus) -> Result {
        self.account_mut(advertiser_id)?.info.status = status;
        Ok(())
    }

    pub fn rename_account(&mut self, advertiser_id: &str, name: &str) -> Result {
        name.clone_into(&mut self.account_mut(advertiser_id)?.info.name);
        Ok(())
    }

    /// As TikTok names it to programs and to people.
    pub fn set_account_time_zone(&mut self, advertiser_id: &str, timezone: &str, display_timezone: &str) -> Result {
        let info = &mut self.account_mut(advertiser_id)?.info;
        timezone.clone_into(&mut info.timezone);
        info.display_timezone = Some(display_timezone.to_owned());
        Ok(())
    }

    pub fn set_daily_spend(&mut self, advertiser_id: &str, spend: Option<f64>) -> Result {
        self.account_mut(advertiser_id)?.info.daily_spend = spend;
        Ok(())
    }

    fn check_owner(&self, owner: &Owner) -> Result {
        match owner {
            Owner::BusinessCenter(bc_id) => self.center(bc_id).map(drop),
            Owner::Person(login) => self.person(login).map(drop),
        }
    }

    pub(crate) fn person(&self, login: &str) -> Result<&Person> {
        self.people.get(login).ok_or_else(|| not_found("person", login))
    }

    pub(crate) fn center(&self, bc_id: &str) -> Result<&BusinessCenterState> {
        self.business_centers.get(bc_id).ok_or_else(|| not_found("Business Center", bc_id))
    }

    fn center_mut(&mut self, bc_id: &str) -> Result<&mut BusinessCenterState> {
        self.business_centers.get_mut(bc_id).ok_or_else(|| not_found("Business Center", bc_id))
    }

    fn account_mut(&mut self, id: &str) -> Result<&mut AdAccountState> {
        self.ad_accounts.get_mut(id).ok_or_else(|| not_found("ad account", id))
    }

    pub(crate) fn app_mut(&mut self, app_id: &str) -> Result<&mut App> {
        self.apps.get_mut(app_id).ok_or_else(|| not_found("app", app_id))
    }
}

impl AdAccountState {
    /// Lists the account in its owner's Business Center, if that is where it belongs.
    fn join_owner(&mut self) {
        if let Owner::BusinessCenter(bc_id) = &self.info.owner {
            self.relations.retain(|relation| &relation.bc_id != bc_id);
            self.relations.push(Relation {
                bc_id: bc_id.clone(),
                kind: RelationType::OwnerBc,
                status: RelationStatus::Bound,
            });
        }
    }
}
