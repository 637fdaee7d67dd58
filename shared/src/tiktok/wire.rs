//! TikTok's JSON, and nothing of it leaves this module's parent.
//!
//! An answer is `{"code": 0, "message": "OK", "request_id": "…", "data": {…}}`. It is read twice: first what every
//! answer has, then, for code 0 only, the `data` that this question asked for. Whatever has another shape than that
//! counts as no answer at all, so that neither an outage nor a change of the API looks like a fact about a user.
//! Unknown members are ignored, `null` is taken where TikTok sends it, and ids are text or whole numbers, exact to the
//! last of their nineteen digits.

use serde::de::{DeserializeOwned, Deserializer, Error as _};
use serde::{Deserialize, Serialize};

use super::codes;
use crate::sealing::AccessToken;
use domain::checks::{AdAccountInfo, Endpoint, Evidence, Membership, Person, Refusal};
use domain::ids::{AdvertiserId, BusinessCenterId, InvalidId};
use domain::scopes::Scopes;
use domain::time_zone::ReportingTimeZone;

/// What every answer has. `data` is left for later.
#[derive(Deserialize)]
struct Head {
    code: i64,
    message: Option<String>,
    request_id: Option<String>,
}

#[derive(Deserialize)]
struct Body<T> {
    data: T,
}

/// Reads one whole body that came with HTTP 200 as JSON, and notes TikTok's code and reference in the evidence.
pub(super) fn read<T: DeserializeOwned>(
    endpoint: Endpoint,
    body: &[u8],
    evidence: &mut Evidence,
) -> Result<T, Refusal> {
    let head: Head = serde_json::from_slice(body).map_err(|_| Refusal::Unavailable)?;
    evidence.code = Some(head.code);
    evidence.request_id = head.request_id.filter(|id| is_reference(id));
    if head.code != 0 {
        return Err(codes::classify(endpoint, head.code, head.message.as_deref().unwrap_or_default()));
    }
    let body: Body<T> = serde_json::from_slice(body).map_err(|_| Refusal::Unavailable)?;
    Ok(body.data)
}

/// Request ids are kept, shown and logged, so they must look like one: TikTok's are 34 digits and letters.
fn is_reference(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// An id as TikTok may write it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Digits {
    Text(String),
    Number(u64),
}

impl From<Digits> for String {
    fn from(digits: Digits) -> Self {
        match digits {
            Digits::Text(text) => text,
            Digits::Number(number) => number.to_string(),
        }
    }
}

fn id<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<String, Error = InvalidId>,
{
    T::try_from(Digits::deserialize(deserializer)?.into()).map_err(D::Error::custom)
}

fn text_of_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Digits::deserialize(deserializer).map(String::from)
}

/// An id that may be absent, `null`, empty or zero.
fn id_if_any<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<String, Error = InvalidId>,
{
    let text: Option<String> = Option::<Digits>::deserialize(deserializer)?.map(String::from);
    match text.as_deref() {
        None | Some("" | "0") => Ok(None),
        Some(text) => T::try_from(text.to_owned()).map(Some).map_err(D::Error::custom),
    }
}

/// Text that no verdict rests on: anything else in its place is as good as none, and spoils no answer.
fn text_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(text) => Ok(Some(text)),
        _ => Ok(None),
    }
}

/// `data` of endpoints without pages.
#[derive(Deserialize)]
pub(super) struct List<T> {
    pub list: Vec<T>,
}

/// `data` of endpoints with pages.
#[derive(Deserialize)]
#[serde(bound = "T: Entry", try_from = "WirePage<T>")]
pub(super) struct Page<T> {
    pub list: Vec<T>,
    pub info: PageInfo,
    /// `/bc/get/` of Business Centers that belong to another one: that one.
    pub parent: Option<WireMembership>,
}

#[derive(Deserialize)]
#[serde(bound = "T: Entry")]
struct WirePage<T> {
    list: Option<Vec<T>>,
    page_info: PageInfo,
    parent_bc: Option<WireMembership>,
}

impl<T: Entry> TryFrom<WirePage<T>> for Page<T> {
    type Error = &'static str;

    fn try_from(WirePage { list, page_info, parent_bc: parent }: WirePage<T>) -> Result<Self, Self::Error> {
        let is_empty = T::NULLS_ARE_DROPPED && page_info.total_number == 0;
        let list = list.or(is_empty.then(Vec::new)).ok_or("there is no list")?;
        Ok(Self { list, info: page_info, parent })
    }
}

#[derive(Clone, Copy, Deserialize)]
pub(super) struct PageInfo {
    pub page: usize,
    pub total_number: usize,
    pub total_page: usize,
}

/// An entry of a list with pages.
pub(super) trait Entry: DeserializeOwned {
    /// TikTok leaves out what is null in the answers of this endpoint, an empty list among it.
    const NULLS_ARE_DROPPED: bool = false;

    /// What no other entry has.
    fn key(&self) -> &str;
}

/// An object of which nothing is needed but that it is there.
pub(super) type Something = serde_json::Map<String, serde_json::Value>;

/// `POST /oauth2/access_token/`: what we send.
#[derive(Serialize)]
pub(super) struct ExchangeRequest<'a> {
    pub app_id: &'a str,
    pub secret: &'a str,
    pub auth_code: &'a str,
    pub return_advertiser_ids: bool,
}

/// `POST /oauth2/access_token/`: what comes back. The token goes straight into its sealed type.
#[derive(Deserialize)]
pub(super) struct ExchangeData {
    pub access_token: AccessToken,
    #[serde(default, deserialize_with = "scopes")]
    pub scope: Scopes,
}

/// A list of whole numbers or digits. An entry that is neither is left out, and anything but a list is an empty one: the
/// consent stands, and what the reads answer decides.
fn scopes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Scopes, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    let entries = value.as_array().map(Vec::as_slice).unwrap_or_default();
    Ok(Scopes::new(entries.iter().filter_map(|entry| entry.as_u64().or_else(|| entry.as_str()?.parse().ok()))))
}

/// `POST /oauth2/revoke_token/`: what we send.
#[derive(Serialize)]
pub(super) struct RevokeRequest<'a> {
    pub app_id: &'a str,
    pub secret: &'a str,
    pub access_token: &'a str,
}

/// `GET /oauth2/advertiser/get/`
#[derive(Deserialize)]
pub(super) struct WireAuthorized {
    #[serde(deserialize_with = "id")]
    pub advertiser_id: AdvertiserId,
}

/// `GET /advertiser/info/`
#[derive(Deserialize)]
pub(super) struct WireInfo {
    #[serde(deserialize_with = "id")]
    advertiser_id: AdvertiserId,
    status: Option<String>,
    #[serde(default, deserialize_with = "id_if_any")]
    owner_bc_id: Option<BusinessCenterId>,
    #[serde(default, deserialize_with = "text_if_any")]
    timezone: Option<String>,
    #[serde(default, deserialize_with = "text_if_any")]
    display_timezone: Option<String>,
}

impl From<WireInfo> for AdAccountInfo {
    fn from(wire: WireInfo) -> Self {
        Self {
            advertiser_id: wire.advertiser_id,
            status: wire.status,
            owner_business_center_id: wire.owner_bc_id,
            time_zone: ReportingTimeZone::of(wire.display_timezone.as_deref(), wire.timezone.as_deref()),
        }
    }
}

/// `GET /user/info/`
#[derive(Deserialize)]
pub(super) struct WirePerson {
    #[serde(deserialize_with = "text_of_id")]
    core_user_id: String,
    display_name: Option<String>,
}

impl From<WirePerson> for Person {
    fn from(wire: WirePerson) -> Self {
        Self { core_user_id: wire.core_user_id, display_name: wire.display_name.unwrap_or_default() }
    }
}

/// `GET /bc/get/`
#[derive(Deserialize)]
pub(super) struct WireMembership {
    bc_info: WireBusinessCenter,
    user_role: Option<String>,
}

impl Entry for WireMembership {
    const NULLS_ARE_DROPPED: bool = true;

    fn key(&self) -> &str {
        self.bc_info.bc_id.as_str()
    }
}

#[derive(Deserialize)]
pub(super) struct WireBusinessCenter {
    #[serde(deserialize_with = "id")]
    bc_id: BusinessCenterId,
    name: Option<String>,
    status: Option<String>,
}

impl From<WireMembership> for Membership {
    fn from(wire: WireMembership) -> Self {
        Self {
            business_center_id: wire.bc_info.bc_id,
            name: wire.bc_info.name.unwrap_or_default(),
            role: wire.user_role,
            is_suspended: wire.bc_info.status.as_deref() == Some("PUNISH"),
        }
    }
}

/// `GET /bc/asset/admin/get/`
#[derive(Deserialize)]
pub(super) struct WireOwned {
    #[serde(deserialize_with = "id")]
    asset_id: AdvertiserId,
    asset_type: String,
    relation_type: String,
    relation_status: Option<String>,
}

impl Entry for WireOwned {
    fn key(&self) -> &str {
        self.asset_id.as_str()
    }
}

impl WireOwned {
    /// The ad account and its `relation_status`. `None` for an asset that we did not ask for: a filter that was
    /// overlooked must not turn sharing into owning.
    pub fn into_owned(self) -> Option<(AdvertiserId, Option<String>)> {
        (self.asset_type == "ADVERTISER" && self.relation_type == "OWNER_BC")
            .then_some((self.asset_id, self.relation_status))
    }
}

/// `GET /bc/asset/get/`
#[derive(Deserialize)]
pub(super) struct WireReachable {
    #[serde(deserialize_with = "id")]
    pub asset_id: AdvertiserId,
    pub owner_bc_name: Option<String>,
}

impl Entry for WireReachable {
    fn key(&self) -> &str {
        self.asset_id.as_str()
    }
}

/// `GET /bc/member/get/`
#[derive(Deserialize)]
pub(super) struct WireMember {
    #[serde(deserialize_with = "text_of_id")]
    user_id: String,
    pub user_name: Option<String>,
    pub user_role: Option<String>,
    pub relation_status: Option<String>,
}

impl Entry for WireMember {
    fn key(&self) -> &str {
        &self.user_id
    }
}

#[cfg(test)]
mod tests;
