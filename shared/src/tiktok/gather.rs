//! The questions that a verdict rests on, put to TikTok side by side.
//!
//! Everything about a token and one Business Center is asked once ([`TikTok::grant_evidence`]), everything about an ad
//! account once per account ([`TikTok::account_evidence`], or [`TikTok::accounts_evidence`] for many). Dropping one of
//! these futures drops its connections.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt};
use jiff::SignedDuration;
use tokio::time::Instant;

use super::client::TikTok;
use super::wire::{List, Something, WireAuthorized, WireMember, WireMembership, WireOwned, WirePerson, WireReachable};
use crate::sealing::AccessToken;
use crate::secrets::AppCredentials;
use domain::business_center::Member;
use domain::checks::{AccountEvidence, Asked, Elsewhere, Endpoint, GrantEvidence, Membership, Person, Tiers};
use domain::ids::{AdvertiserId, BusinessCenterId};

/// As many as TikTok's lists of Business Centers and assets allow; for members it allows 20.
const PAGE: usize = 50;
const MEMBERS_PAGE: usize = 20;
/// How many questions of one kind run at the same time.
pub(super) const AT_ONCE: usize = 4;

impl TikTok {
    /// What a token says about itself and the original Business Center: four questions at the same time. `reachable` is
    /// left for the caller, who knows whether ownership is in doubt.
    pub async fn grant_evidence(
        &self,
        app: &AppCredentials,
        token: &AccessToken,
        original: &BusinessCenterId,
        deadline: Instant,
    ) -> GrantEvidence {
        let (authorized, person, (business_centers, elsewhere, owned)) =
            futures::join!(self.authorized(app, token, deadline), self.person(token, deadline), async {
                let (business_centers, owned) =
                    futures::join!(self.business_centers(token, deadline), self.owned(token, original, None, deadline));
                let elsewhere = self.elsewhere(token, original, &business_centers, deadline).await;
                let owned = self.owned_as_child(token, original, owned, elsewhere.as_ref(), deadline).await;
                (business_centers, elsewhere, owned)
            },);
        GrantEvidence { authorized, person, business_centers, elsewhere, owned, reachable: None }
    }

    /// Asks further where the default answer of `/bc/get/` lacks the original Business Center: it leaves those out that
    /// belong to another one.
    pub(super) async fn elsewhere(
        &self,
        token: &AccessToken,
        original: &BusinessCenterId,
        default: &Asked<Vec<Membership>>,
        deadline: Instant,
    ) -> Option<Elsewhere> {
        let is_lacking = default.value()?.iter().all(|one| one.business_center_id != *original);
        if !is_lacking {
            return None;
        }
        let (by_id, tiered) = futures::join!(
            self.business_center_by_id(token, original, deadline),
            self.tiered_business_centers(token, deadline)
        );
        Some(Elsewhere { by_id, tiered })
    }

    /// What a Business Center owns that belongs to another one is asked of that one, unless it answered for itself.
    pub(super) async fn owned_as_child(
        &self,
        token: &AccessToken,
        original: &BusinessCenterId,
        owned: Asked<BTreeMap<AdvertiserId, Option<String>>>,
        elsewhere: Option<&Elsewhere>,
        deadline: Instant,
    ) -> Asked<BTreeMap<AdvertiserId, Option<String>>> {
        let tiers = elsewhere.and_then(|one| one.tiered.value());
        let is_child = |tiers: &&Tiers| tiers.children.iter().any(|one| one.business_center_id == *original);
        match tiers.filter(is_child).and_then(|tiers| tiers.parent.as_ref()) {
            Some(parent) if owned.answer.is_err() => {
                self.owned(token, original, Some(&parent.business_center_id), deadline).await
            }
            Some(_) | None => owned,
        }
    }

    /// What a token says about one ad account: its details and one real report, at the same time.
    pub async fn account_evidence(
        &self,
        token: &AccessToken,
        account: &AdvertiserId,
        deadline: Instant,
    ) -> AccountEvidence {
        let (info, report) = futures::join!(self.info(token, account, deadline), self.report(token, account, deadline));
        AccountEvidence { info, report }
    }

    /// [`TikTok::account_evidence`] for many accounts of one token, in their order.
    pub async fn accounts_evidence(
        &self,
        token: &AccessToken,
        accounts: &[AdvertiserId],
        deadline: Instant,
    ) -> Vec<(AdvertiserId, AccountEvidence)> {
        let reports = stream::iter(accounts).map(|account| self.report(token, account, deadline)).buffered(AT_ONCE);
        let (infos, reports) = futures::join!(self.infos(token, accounts, deadline), reports.collect::<Vec<_>>());
        infos
            .into_iter()
            .zip(reports)
            .map(|((account, info), report)| (account, AccountEvidence { info, report }))
            .collect()
    }

    /// `GET /oauth2/advertiser/get/`: the ad accounts that the token covers. No pages. Sends the app secret.
    pub async fn authorized(
        &self,
        app: &AppCredentials,
        token: &AccessToken,
        deadline: Instant,
    ) -> Asked<BTreeSet<AdvertiserId>> {
        let query = [("app_id", app.app_id.as_str()), ("secret", app.secret.expose())];
        let asked = self.read::<List<WireAuthorized>>(Endpoint::AuthorizedAdAccounts, token, &query, deadline).await;
        asked.map(|data| data.list.into_iter().map(|entry| entry.advertiser_id).collect())
    }

    /// `GET /user/info/`: the login behind the token.
    pub async fn person(&self, token: &AccessToken, deadline: Instant) -> Asked<Person> {
        self.read::<WirePerson>(Endpoint::UserInfo, token, &[], deadline).await.map(Person::from)
    }

    /// `GET /bc/get/`: all Business Centers of that login, not just the one we hope for, to be able to name the others.
    pub async fn business_centers(&self, token: &AccessToken, deadline: Instant) -> Asked<Vec<Membership>> {
        let asked = self.every_page::<WireMembership>(Endpoint::BusinessCenters, token, &[], PAGE, deadline).await;
        asked.map(|list| list.into_iter().map(Membership::from).collect())
    }

    /// `GET /bc/get/` with `bc_id`: one Business Center of that login, or none.
    async fn business_center_by_id(
        &self,
        token: &AccessToken,
        id: &BusinessCenterId,
        deadline: Instant,
    ) -> Asked<Vec<Membership>> {
        let query = [("bc_id", id.as_str())];
        let asked = self.every_page::<WireMembership>(Endpoint::BusinessCenters, token, &query, PAGE, deadline).await;
        asked.map(|list| list.into_iter().map(Membership::from).collect())
    }

    /// `GET /bc/get/` with `scene=TIERED_ACCOUNT`: Business Centers of that login that belong to another one, and that one.
    async fn tiered_business_centers(&self, token: &AccessToken, deadline: Instant) -> Asked<Tiers> {
        let query = [("scene", "TIERED_ACCOUNT")];
        let asked = self
            .every_page_and_parent::<WireMembership>(Endpoint::BusinessCenters, token, &query, PAGE, deadline)
            .await;
        asked.map(|(children, parent)| Tiers {
            parent: parent.map(Membership::from),
            children: children.into_iter().map(Membership::from).collect(),
        })
    }

    /// `GET /bc/asset/admin/get/`: all ad accounts that a Business Center owns, each with its `relation_status`. For its
    /// Admins only; where it belongs to another one (`parent`), for the Admins of that one.
    pub async fn owned(
        &self,
        token: &AccessToken,
        business_center: &BusinessCenterId,
        parent: Option<&BusinessCenterId>,
        deadline: Instant,
    ) -> Asked<BTreeMap<AdvertiserId, Option<String>>> {
        let mut query = vec![
            ("bc_id", parent.unwrap_or(business_center).as_str()),
            ("asset_type", "ADVERTISER"),
            ("filtering", r#"{"relation_type":"OWNER_BC"}"#),
        ];
        query.extend(parent.map(|_| ("child_bc_id", business_center.as_str())));
        let asked = self.every_page::<WireOwned>(Endpoint::OwnedAssets, token, &query, PAGE, deadline).await;
        asked.map(|list| list.into_iter().filter_map(WireOwned::into_owned).collect())
    }

    /// `GET /bc/asset/get/`: all ad accounts that the token's login reaches in a Business Center, with the name of each
    /// owner. The second opinion when ownership is in doubt.
    pub async fn reachable(
        &self,
        token: &AccessToken,
        business_center: &BusinessCenterId,
        deadline: Instant,
    ) -> Asked<BTreeMap<AdvertiserId, Option<String>>> {
        let query = [("bc_id", business_center.as_str()), ("asset_type", "ADVERTISER")];
        let asked = self.every_page::<WireReachable>(Endpoint::ReachableAssets, token, &query, PAGE, deadline).await;
        asked.map(|list| list.into_iter().map(|asset| (asset.asset_id, asset.owner_bc_name)).collect())
    }

    /// `GET /bc/member/get/`: everybody in a Business Center, invitations aside. For its Admins only.
    pub async fn members(
        &self,
        token: &AccessToken,
        business_center: &BusinessCenterId,
        deadline: Instant,
    ) -> Asked<Vec<Member>> {
        self.some_members(token, business_center, r#"{"relation_status":"BOUND"}"#, deadline).await
    }

    /// `GET /bc/member/get/`: the Admins of a Business Center only. For its Admins only.
    pub async fn admins(
        &self,
        token: &AccessToken,
        business_center: &BusinessCenterId,
        deadline: Instant,
    ) -> Asked<Vec<Member>> {
        let filtering = r#"{"relation_status":"BOUND","user_role":"ADMIN"}"#;
        let asked = self.some_members(token, business_center, filtering, deadline).await;
        asked.map(|list| list.into_iter().filter(|member| member.is_admin).collect())
    }

    async fn some_members(
        &self,
        token: &AccessToken,
        business_center: &BusinessCenterId,
        filtering: &str,
        deadline: Instant,
    ) -> Asked<Vec<Member>> {
        let query = [("bc_id", business_center.as_str()), ("filtering", filtering)];
        let asked = self.every_page::<WireMember>(Endpoint::Members, token, &query, MEMBERS_PAGE, deadline).await;
        asked.map(|list| list.into_iter().filter_map(member).collect())
    }

    /// `GET /report/integrated/get/`: one day of one account, one row at most. An account without spend answers an empty
    /// list, which proves the permission as well.
    ///
    /// The day is yesterday by UTC: it has begun in every account's time zone, so nobody is asked about the future.
    pub async fn report(&self, token: &AccessToken, account: &AdvertiserId, deadline: Instant) -> Asked<()> {
        let yesterday = ((self.now)() - SignedDuration::from_hours(24)).strftime("%Y-%m-%d").to_string();
        let query = [
            ("report_type", "BASIC"),
            ("service_type", "AUCTION"),
            ("data_level", "AUCTION_ADVERTISER"),
            ("advertiser_id", account.as_str()),
            ("dimensions", r#"["advertiser_id","stat_time_day"]"#),
            ("metrics", r#"["spend","impressions"]"#),
            ("start_date", &yesterday),
            ("end_date", &yesterday),
            ("page", "1"),
            ("page_size", "1"),
        ];
        self.read::<List<Something>>(Endpoint::Report, token, &query, deadline).await.map(|_| ())
    }
}

/// `None` for somebody who was invited or has left, should TikTok list them in spite of the filter.
fn member(wire: WireMember) -> Option<Member> {
    wire.relation_status.as_deref().is_none_or(|status| status == "BOUND").then_some(Member {
        display_name: wire.user_name.filter(|name| !name.is_empty()),
        is_admin: wire.user_role.as_deref() == Some("ADMIN"),
    })
}
