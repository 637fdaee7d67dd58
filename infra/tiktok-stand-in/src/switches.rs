//! What nobody outside TikTok knows for certain, each as a switch.
//!
//! The defaults are the best guess. Turning one lets a test ask: does our code survive the other answer?

use serde::{Deserialize, Serialize};

/// An answer code. `0` where a switch allows it means: code 0 with an empty list.
pub type Code = i64;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "a panel of independent switches")]
pub struct Switches {
    /// What the browser sees after Cancel.
    pub denied_consent: DeniedConsent,
    /// Under which names the redirect carries the code.
    pub redirect_parameters: RedirectParameters,
    /// How long a code lives.
    pub code_lifetime_seconds: i64,
    /// A code that was used, cancelled, expired, issued to another app or never issued.
    pub bad_code: Code,
    /// A code that cannot be one: not forty hex characters.
    pub malformed_code: Code,
    pub wrong_secret: Code,
    pub unknown_app: Code,
    /// `/oauth2/advertiser/get/` with another app than the token's.
    pub app_token_mismatch: Code,
    /// An admin-only endpoint asked by someone else; 0 = empty list.
    pub not_an_admin: Code,
    /// `/bc/get/` for a Business Center that the person is not in; 0 = empty list.
    pub unknown_business_center: Code,
    /// The same on the asset, member and partner endpoints; 0 = empty list.
    pub unknown_business_center_assets: Code,
    /// One foreign id among several in `/advertiser/info/`.
    pub foreign_id: ForeignId,
    /// The code beside "No permission to operate advertiser" and "doesn't exist or has been deleted".
    pub account_refused: Code,
    /// Ids that are no numbers, broken JSON, unknown enum values, page sizes out of range.
    pub bad_parameter: Code,
    /// Revoking a token that is dead already; 0 = success.
    pub dead_token_revocation: Code,
    /// Which of the two known texts says that a permission is missing.
    pub missing_permission_text: MissingPermissionText,
    /// The same person authorizes the same app again.
    pub reauthorization: Reauthorization,
    /// What happens to the accounts of a token that is handed out again.
    pub reauthorized_accounts: ReauthorizedAccounts,
    /// Whether an existing token covers ad accounts that its person gets access to later.
    pub later_accounts_covered: bool,
    /// Whether a new app secret kills the tokens made under the old one.
    pub secret_rotation_kills_tokens: bool,
    /// Whether a Business Center admin has a role on each of its accounts without being given one.
    pub admins_reach_all_accounts: bool,
    /// Whether an account that moves away stays listed as UNBOUND in the Business Center it left.
    pub moved_accounts_stay_unbound: bool,
    /// Whether `/bc/get/` lists Business Centers that belong to another one without being asked for them.
    pub children_in_single_scene: bool,
    /// How `/bc/get/` says that there is nothing to list. It leaves out all else that is null.
    pub no_business_centers: EmptyList,
    /// `ext_user_role` of members without a finance role: `null`, or left out.
    pub empty_ext_user_role: EmptyExtUserRole,
    /// Most ids in one `/advertiser/info/` call; more is 40011.
    pub max_advertiser_ids: usize,
    /// Whether old clients may send `access_token` in the query.
    pub access_token_in_query: bool,
    /// Calls per app and endpoint.
    pub rate_level: RateLevel,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            denied_consent: DeniedConsent::NoRedirect,
            redirect_parameters: RedirectParameters::Both,
            code_lifetime_seconds: 3600,
            bad_code: 40110,
            malformed_code: 40110,
            wrong_secret: 40101,
            unknown_app: 40113,
            app_token_mismatch: 40000,
            not_an_admin: 40001,
            unknown_business_center: 0,
            unknown_business_center_assets: 40001,
            foreign_id: ForeignId::WholeCallFails,
            account_refused: 40001,
            bad_parameter: 40002,
            dead_token_revocation: 40105,
            missing_permission_text: MissingPermissionText::ByCause,
            reauthorization: Reauthorization::SameToken,
            reauthorized_accounts: ReauthorizedAccounts::Replaced,
            later_accounts_covered: false,
            secret_rotation_kills_tokens: false,
            admins_reach_all_accounts: true,
            moved_accounts_stay_unbound: false,
            children_in_single_scene: false,
            no_business_centers: EmptyList::Empty,
            empty_ext_user_role: EmptyExtUserRole::Null,
            max_advertiser_ids: 100,
            access_token_in_query: false,
            rate_level: RateLevel::Unlimited,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeniedConsent {
    /// A page that says the window may be closed; nothing comes back.
    NoRedirect,
    /// Back to the app with `state` alone.
    StateOnly,
    /// Back to the app with `error=access_denied` and `state`, as generic OAuth has it.
    AccessDenied,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RedirectParameters {
    Both,
    AuthCodeOnly,
    CodeOnly,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForeignId {
    WholeCallFails,
    /// Code 0, and the foreign ids are missing from the list.
    LeftOut,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingPermissionText {
    /// "advertiser does not grant you …" when the app got the permission after the grant, "lacks the required scope" otherwise.
    ByCause,
    LacksScope,
    NotGranted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reauthorization {
    /// Unchanged permissions give the living token again; changed ones a new token, and the old one stays valid.
    SameToken,
    /// Always a new token; old ones stay valid.
    NewToken,
    /// Always a new token, and it kills the person's older ones for the app.
    NewTokenKillsOld,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReauthorizedAccounts {
    /// The latest choice counts.
    Replaced,
    /// The latest choice adds to the earlier ones.
    Added,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmptyList {
    Empty,
    Null,
    Absent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmptyExtUserRole {
    Null,
    Absent,
}

/// The published levels: calls per second, minute and day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RateLevel {
    Unlimited,
    Sandbox,
    Basic,
    Advanced,
    Premium,
    Ultimate,
}

impl RateLevel {
    /// `[per second, per minute, per day]`.
    pub(crate) fn limits(self) -> [u64; 3] {
        match self {
            Self::Unlimited => [u64::MAX; 3],
            Self::Sandbox => [1, 30, 1_000],
            Self::Basic => [10, 600, 864_000],
            Self::Advanced => [20, 1_200, 1_728_000],
            Self::Premium => [30, 1_800, 2_592_000],
            Self::Ultimate => [50, 3_000, 4_320_000],
        }
    }
}
