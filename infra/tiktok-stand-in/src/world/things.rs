//! The nouns, in TikTok's words.

use serde::{Deserialize, Serialize};

use crate::ids;

/// A TikTok for Business user.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    pub login: String,
    /// Shown on the landing page; everything here is make-believe.
    #[serde(default = "default_password")]
    pub password: String,
    #[serde(default)]
    pub display_name: String,
    #[serde(default)]
    pub email: String,
    /// The id that `/user/info/` shows; derived from the login when left empty.
    #[serde(default)]
    pub core_user_id: String,
    /// The id that Business Center member lists show: another id space than `core_user_id`.
    #[serde(default)]
    pub user_id: String,
    /// Unix seconds.
    #[serde(default = "default_create_time")]
    pub create_time: i64,
}

impl Person {
    /// A person whose password is `password`, with name, e-mail and ids made from the login.
    pub fn new(login: impl Into<String>) -> Self {
        let mut person = Self {
            login: login.into(),
            password: default_password(),
            display_name: String::new(),
            email: String::new(),
            core_user_id: String::new(),
            user_id: String::new(),
            create_time: default_create_time(),
        };
        person.fill_in();
        person
    }

    #[must_use]
    pub fn name(mut self, display_name: impl Into<String>) -> Self {
        self.display_name = display_name.into();
        self
    }

    #[must_use]
    pub fn email(mut self, email: impl Into<String>) -> Self {
        self.email = email.into();
        self
    }

    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = password.into();
        self
    }

    pub(crate) fn fill_in(&mut self) {
        let or = |value: &mut String, default: String| {
            if value.is_empty() {
                *value = default;
            }
        };
        or(&mut self.display_name, self.login.clone());
        or(&mut self.email, format!("{}@example.com", self.login));
        or(&mut self.core_user_id, ids::derived_id(74, &format!("core {}", self.login)));
        or(&mut self.user_id, ids::derived_id(69, &format!("member {}", self.login)));
    }
}

fn default_password() -> String {
    "password".to_owned()
}

fn default_create_time() -> i64 {
    1_680_000_000
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BusinessCenter {
    pub bc_id: String,
    pub name: String,
    #[serde(default)]
    pub company: String,
    #[serde(default = "default_currency")]
    pub currency: String,
    #[serde(default = "default_area")]
    pub registered_area: String,
    #[serde(default = "default_timezone")]
    pub timezone: String,
    #[serde(default)]
    pub status: BcStatus,
    #[serde(default, rename = "type")]
    pub bc_type: BcType,
    /// The parent of a tiered Business Center.
    #[serde(default)]
    pub parent_bc_id: Option<String>,
}

impl BusinessCenter {
    pub fn new(bc_id: impl Into<String>, name: impl Into<String>) -> Self {
        let name = name.into();
        Self {
            bc_id: bc_id.into(),
            company: format!("{name} GmbH"),
            name,
            currency: default_currency(),
            registered_area: default_area(),
            timezone: default_timezone(),
            status: BcStatus::default(),
            bc_type: BcType::default(),
            parent_bc_id: None,
        }
    }
}

fn default_currency() -> String {
    "EUR".to_owned()
}

fn default_area() -> String {
    "DE".to_owned()
}

fn default_timezone() -> String {
    "Europe/Berlin".to_owned()
}

/// A Business Center with its members.
#[derive(Serialize, Deserialize)]
pub(crate) struct BusinessCenterState {
    pub info: BusinessCenter,
    pub members: Vec<Membership>,
}

/// One person in one Business Center.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Membership {
    pub login: String,
    pub role: BcRole,
    #[serde(default)]
    pub finance_role: Option<FinanceRole>,
    #[serde(default)]
    pub relation_status: RelationStatus,
}

impl Membership {
    /// A full member without a finance role.
    pub fn joined(login: impl Into<String>, role: BcRole) -> Self {
        Self { login: login.into(), role, finance_role: None, relation_status: RelationStatus::Bound }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdAccount {
    pub advertiser_id: String,
    pub name: String,
    pub owner: Owner,
    #[serde(default)]
    pub status: AccountStatus,
    #[serde(default = "default_currency")]
    pub currency: String,
    #[serde(default = "default_area")]
    pub country: String,
    #[serde(default = "default_timezone")]
    pub timezone: String,
    /// `None`: the same as `timezone`.
    #[serde(default)]
    pub display_timezone: Option<String>,
    /// What a report shows as spend for every day; `None` = no rows at all.
    #[serde(default)]
    pub daily_spend: Option<f64>,
    /// Unix seconds.
    #[serde(default = "default_account_create_time")]
    pub create_time: i64,
}

impl AdAccount {
    pub fn new(advertiser_id: impl Into<String>, name: impl Into<String>, owner: Owner) -> Self {
        Self {
            advertiser_id: advertiser_id.into(),
            name: name.into(),
            owner,
            status: AccountStatus::default(),
            currency: default_currency(),
            country: default_area(),
            timezone: default_timezone(),
            display_timezone: None,
            daily_spend: None,
            create_time: default_account_create_time(),
        }
    }
}

fn default_account_create_time() -> i64 {
    1_700_000_000
}

/// Who an ad account belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// A Business Center, by `bc_id`.
    BusinessCenter(String),
    /// A personal account, by login.
    Person(String),
}

impl Owner {
    pub fn business_center(bc_id: impl Into<String>) -> Self {
        Self::BusinessCenter(bc_id.into())
    }

    pub fn person(login: impl Into<String>) -> Self {
        Self::Person(login.into())
    }
}

/// An ad account with its places in Business Centers and the roles people were given on it.
#[derive(Serialize, Deserialize)]
pub(crate) struct AdAccountState {
    pub info: AdAccount,
    pub deleted: bool,
    /// The Business Centers that list it: its owner's and those it is shared with.
    pub relations: Vec<Relation>,
    /// Roles that were given, or taken from a Business Center admin, by hand.
    pub roles: Vec<AccountRole>,
}

/// An ad account's place in one Business Center.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Relation {
    pub bc_id: String,
    pub kind: RelationType,
    pub status: RelationStatus,
}

/// One person's role on one account, held through one Business Center.
#[derive(Serialize, Deserialize)]
pub(crate) struct AccountRole {
    pub login: String,
    pub bc_id: String,
    /// `None`: taken away, even from an admin.
    pub role: Option<AdvertiserRole>,
}

/// An app in the developer portal.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct App {
    pub app_id: String,
    pub name: String,
    pub secret: String,
    /// Up to ten; an authorization URL must name one of them to the letter.
    pub redirect_uris: Vec<String>,
    /// What the app asks for: ids of any level, unknown ones included.
    pub scopes: Vec<u64>,
    #[serde(default)]
    pub blocked: bool,
}

impl App {
    pub fn new<U: Into<String>>(
        app_id: impl Into<String>,
        secret: impl Into<String>,
        redirect_uris: impl IntoIterator<Item = U>,
        scopes: impl Into<Vec<u64>>,
    ) -> Self {
        Self {
            app_id: app_id.into(),
            name: "Reconnect (local)".to_owned(),
            secret: secret.into(),
            redirect_uris: redirect_uris.into_iter().map(Into::into).collect(),
            scopes: scopes.into(),
            blocked: false,
        }
    }
}

/// Enums that travel in TikTok's spelling.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$attr:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$attr])* #[serde(rename = $text)] $variant,)+
        }
    };
}

words!(BcStatus { #[default] Enable = "ENABLE", Reviewing = "REVIEWING", Deny = "DENY", Punish = "PUNISH", });
words!(BcType {
    Normal = "NORMAL",
    Direct = "DIRECT",
    Agency = "AGENCY",
    #[default]
    SelfService = "SELF_SERVICE",
    SelfServiceAgency = "SELF_SERVICE_AGENCY",
});
words!(
    /// A member's role in a Business Center.
    BcRole { Admin = "ADMIN", #[default] Standard = "STANDARD", }
);
words!(FinanceRole { #[default] Manager = "MANAGER", Analyst = "ANALYST", });
words!(
    /// A person's role on an ad account.
    AdvertiserRole { Admin = "ADMIN", Operator = "OPERATOR", #[default] Analyst = "ANALYST", }
);
words!(
    /// How far a membership or a share has come.
    RelationStatus { #[default] Bound = "BOUND", Pending = "PENDING", Rejected = "REJECTED", Unbound = "UNBOUND", }
);
words!(
    /// Why a Business Center lists an ad account.
    RelationType {
        #[default]
        OwnerBc = "OWNER_BC",
        OwnerPartner = "OWNER_PARTNER",
        OwnerIndividual = "OWNER_INDIVIDUAL",
    }
);
words!(AccountStatus {
    #[default]
    Enable = "STATUS_ENABLE",
    Disable = "STATUS_DISABLE",
    Limit = "STATUS_LIMIT",
    PendingConfirm = "STATUS_PENDING_CONFIRM",
    PendingVerified = "STATUS_PENDING_VERIFIED",
    ConfirmFail = "STATUS_CONFIRM_FAIL",
    ConfirmFailEnd = "STATUS_CONFIRM_FAIL_END",
    PendingConfirmModify = "STATUS_PENDING_CONFIRM_MODIFY",
    ConfirmModifyFail = "STATUS_CONFIRM_MODIFY_FAIL",
    WaitForBpmAudit = "STATUS_WAIT_FOR_BPM_AUDIT",
    WaitForPublicAuth = "STATUS_WAIT_FOR_PUBLIC_AUTH",
    SelfServiceUnaudited = "STATUS_SELF_SERVICE_UNAUDITED",
    ContractPending = "STATUS_CONTRACT_PENDING",
});
