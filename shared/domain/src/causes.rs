//! The catalogue: every reason why an account lapsed or a reconnection was refused, and what we tell people about it.
//!
//! To add a cause: a variant and its line in [`CauseCode::ALL`], its words in [`CauseCode::words`], the place in
//! [`super::examine`] or in a function where it arises, and a journey in `tests/journeys/causes.rs`.

use serde::{Deserialize, Serialize};

use super::ids::BusinessCenterId;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CauseCode {
    AuthorizationRevoked,
    AuthorizationOfAnotherApp,
    AdAccountManagementMissing,
    ReportingMissing,
    NoAdAccountsGranted,
    AdAccountNotGranted,
    WrongBusinessCenter,
    NotBusinessCenterAdmin,
    AdAccountNotOwned,
    AdAccountMoved,
    AdAccountNotFound,
    ConsentDenied,
    LinkExpired,
    AuthorizationCodeRejected,
    TiktokUnavailable,
    AppMisconfigured,
    CredentialUnreadable,
    Unrecognised,
}

/// Whether signing in to TikTok again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentHelps {
    Yes,
    No,
    Unknown,
}

/// Who can put it right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FixableBy {
    AnyBusinessCenterAdmin,
    ThePersonWhoConsents,
    AnAdminOfTheOriginalBusinessCenter,
    ACurrentAdmin,
    TheOwningBusinessCenter,
    TheBusinessCenterAdminAndSupport,
    TheSameUser,
    Us,
    Support,
}

/// The fixed part of what we say about a cause, written for a marketer.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    pub title: &'static str,
    pub explanation: &'static str,
    pub remedy: &'static str,
    pub fixable_by: FixableBy,
    pub consent_helps: ConsentHelps,
}

/// A Business Center as people know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedBusinessCenter {
    pub id: BusinessCenterId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl NamedBusinessCenter {
    pub(super) fn shown(&self) -> String {
        match &self.name {
            Some(name) => format!("“{name}” ({})", self.id),
            None => self.id.to_string(),
        }
    }
}

/// One cause with the facts of this case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    pub cause: CauseCode,
    /// The Business Center that the account belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<NamedBusinessCenter>,
    /// The Business Centers that the person has instead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub found: Vec<NamedBusinessCenter>,
    /// The person has no Business Center at all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_no_business_center: bool,
    /// People who are Admin of the original Business Center, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub admins: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tiktok_code: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tiktok_request_id: Option<String>,
}

/// A cause as the API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CauseShown {
    pub cause: CauseCode,
    pub title: String,
    pub explanation: String,
    pub remedy: String,
    pub fixable_by: FixableBy,
    pub consent_helps: ConsentHelps,
}

impl From<CauseCode> for Cause {
    fn from(cause: CauseCode) -> Self {
        Self {
            cause,
            original: None,
            found: Vec::new(),
            has_no_business_center: false,
            admins: Vec::new(),
            tiktok_code: None,
            tiktok_request_id: None,
        }
    }
}

impl Cause {
    pub fn shown(&self) -> CauseShown {
        let words = self.cause.words();
        CauseShown {
            cause: self.cause,
            title: words.title.to_owned(),
            explanation: self.with_facts(words.explanation),
            remedy: self.remedy(),
            fixable_by: words.fixable_by,
            consent_helps: words.consent_helps,
        }
    }

    pub fn remedy(&self) -> String {
        let remedy = self.cause.words().remedy;
        if self.admins.is_empty() {
            remedy.to_owned()
        } else {
            format!("{remedy} Current Admins: {}.", self.admins.join(", "))
        }
    }

    /// Fills in what was known before: the name of the Business Center, and its Admins where one of them is needed.
    #[must_use]
    pub fn with_names(mut self, business_center: &NamedBusinessCenter, admins: &[String]) -> Self {
        if let Some(original) = &mut self.original
            && original.name.is_none()
        {
            original.name.clone_from(&business_center.name);
        }
        if self.cause == CauseCode::NotBusinessCenterAdmin && self.admins.is_empty() {
            self.admins = admins.to_vec();
        }
        self
    }

    fn with_facts(&self, explanation: &str) -> String {
        let found: Vec<_> = self.found.iter().map(NamedBusinessCenter::shown).collect();
        [
            Some(explanation.to_owned()),
            self.original
                .as_ref()
                .map(|center| format!("The ad account was connected from Business Center {}.", center.shown())),
            (!found.is_empty()).then(|| format!("The TikTok login that was used has {}.", found.join(", "))),
            self.has_no_business_center
                .then(|| "The TikTok login that was used has no Business Center at all.".to_owned()),
            self.tiktok_code.map(|code| format!("TikTok's code: {code}.")),
            self.tiktok_request_id.as_ref().map(|id| format!("TikTok's request id: {id}.")),
        ]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ")
    }
}

impl CauseCode {
    /// In the order of usefulness: when several hold, the first is the one to put right first.
    pub const ALL: [Self; 18] = [
        Self::AuthorizationRevoked,
        Self::AuthorizationOfAnotherApp,
        Self::AdAccountManagementMissing,
        Self::WrongBusinessCenter,
        Self::AdAccountNotFound,
        // Before what follows from it: who is no Admin any more has no ad accounts to tick either.
        Self::NotBusinessCenterAdmin,
        Self::NoAdAccountsGranted,
        Self::AdAccountMoved,
        Self::AdAccountNotOwned,
        Self::AdAccountNotGranted,
        Self::ReportingMissing,
        Self::ConsentDenied,
        Self::LinkExpired,
        Self::AuthorizationCodeRejected,
        Self::CredentialUnreadable,
        Self::AppMisconfigured,
        Self::TiktokUnavailable,
        Self::Unrecognised,
    ];

    /// As it stands in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::AuthorizationRevoked => "authorization_revoked",
            Self::AuthorizationOfAnotherApp => "authorization_of_another_app",
            Self::AdAccountManagementMissing => "ad_account_management_missing",
            Self::ReportingMissing => "reporting_missing",
            Self::NoAdAccountsGranted => "no_ad_accounts_granted",
            Self::AdAccountNotGranted => "ad_account_not_granted",
            Self::WrongBusinessCenter => "wrong_business_center",
            Self::NotBusinessCenterAdmin => "not_business_center_admin",
            Self::AdAccountNotOwned => "ad_account_not_owned",
            Self::AdAccountMoved => "ad_account_moved",
            Self::AdAccountNotFound => "ad_account_not_found",
            Self::ConsentDenied => "consent_denied",
            Self::LinkExpired => "link_expired",
            Self::AuthorizationCodeRejected => "authorization_code_rejected",
            Self::TiktokUnavailable => "tiktok_unavailable",
            Self::AppMisconfigured => "app_misconfigured",
            Self::CredentialUnreadable => "credential_unreadable",
            Self::Unrecognised => "unrecognised",
        }
    }

    #[expect(clippy::too_many_lines, reason = "one catalogue, one place")]
    pub fn words(self) -> Words {
        use ConsentHelps::{No, Unknown, Yes};
        match self {
            Self::AuthorizationRevoked => Words {
                title: "TikTok authorization is no longer valid",
                explanation: "CreativeX holds no working TikTok authorization for this ad account. Somebody withdrew it at TikTok, or it was never completed.",
                remedy: "Open Ad Accounts, tab Needs Connecting, search for the Account ID, choose ⋮ and Activate. Sign in to TikTok as an Admin of the Business Center, leave Ad Account Management and Reporting switched on and confirm.",
                fixable_by: FixableBy::AnyBusinessCenterAdmin,
                consent_helps: Yes,
            },
            Self::AuthorizationOfAnotherApp => Words {
                title: "The stored TikTok connection was made for another app",
                explanation: "TikTok says that the stored connection of this ad account belongs to another app than CreativeX, so CreativeX cannot use it.",
                remedy: "Choose Activate, sign in to TikTok as an Admin of the Business Center, leave Ad Account Management and Reporting switched on and confirm. That makes a new connection for CreativeX.",
                fixable_by: FixableBy::AnyBusinessCenterAdmin,
                consent_helps: Yes,
            },
            Self::AdAccountManagementMissing => Words {
                title: "The permission Ad Account Management is off",
                explanation: "The TikTok authorization exists, but the permission Ad Account Management was switched off or removed, so CreativeX cannot read the ad account.",
                remedy: "Choose Activate again and leave the switch Ad Account Management on when TikTok asks which permissions to give.",
                fixable_by: FixableBy::ThePersonWhoConsents,
                consent_helps: Yes,
            },
            Self::ReportingMissing => Words {
                title: "The permission Reporting is off",
                explanation: "The TikTok authorization exists, but the permission Reporting was switched off or removed, so CreativeX cannot read how the ads perform.",
                remedy: "Choose Activate again and leave the switch Reporting on when TikTok asks which permissions to give.",
                fixable_by: FixableBy::ThePersonWhoConsents,
                consent_helps: Yes,
            },
            Self::NoAdAccountsGranted => Words {
                title: "No ad account was selected at TikTok",
                explanation: "The TikTok authorization covers not a single ad account: none was ticked, or the person who gave it has lost access to all of them.",
                remedy: "Choose Activate again and tick this ad account on TikTok's page before you confirm. If the list is empty there, switch the Business Center at the top right, or sign out at TikTok and sign in with another login.",
                fixable_by: FixableBy::ThePersonWhoConsents,
                consent_helps: Yes,
            },
            Self::AdAccountNotGranted => Words {
                title: "This ad account was not selected at TikTok",
                explanation: "The TikTok authorization works, but it does not include this ad account.",
                remedy: "Choose Activate again and tick this ad account on TikTok's page before you confirm; keep the others ticked too.",
                fixable_by: FixableBy::ThePersonWhoConsents,
                consent_helps: Yes,
            },
            Self::WrongBusinessCenter => Words {
                title: "The TikTok login belongs to another Business Center",
                explanation: "The person who signed in to TikTok is not a member of the Business Center that this ad account was connected from.",
                remedy: "Choose Activate again and, on TikTok's page, switch to the right Business Center at the top right, or sign in with a login that is an Admin there. If TikTok signs you in with another login by itself, sign out at TikTok first, or open the link in a private window. Compare the Business Center ID in the account's details with the one in TikTok's Business Center settings.",
                fixable_by: FixableBy::AnAdminOfTheOriginalBusinessCenter,
                consent_helps: Yes,
            },
            Self::NotBusinessCenterAdmin => Words {
                title: "The TikTok login is not an Admin of the Business Center",
                explanation: "The person who authorized is a member of the right Business Center, but not as an Admin, and TikTok lets only Admins confirm who owns an ad account.",
                remedy: "Ask a current Admin of the Business Center to give you the Admin role (Business Center, Members), or to do the reconnection. If another of your TikTok logins is an Admin, sign out at TikTok first, or open the link in a private window. Then choose Activate again.",
                fixable_by: FixableBy::ACurrentAdmin,
                consent_helps: No,
            },
            Self::AdAccountNotOwned => Words {
                title: "The Business Center does not own this ad account",
                explanation: "The ad account is visible in the Business Center because a partner shares it, but it is not “Owned by this Business Center”, and a share can end at any time.",
                remedy: "Ask the Business Center that owns the ad account to connect it, or to transfer it. In TikTok's Business Center, under Ad accounts, it must read “Owned by this Business Center”.",
                fixable_by: FixableBy::TheOwningBusinessCenter,
                consent_helps: No,
            },
            Self::AdAccountMoved => Words {
                title: "The ad account moved to another Business Center",
                explanation: "The Business Center that this ad account was connected from no longer holds it.",
                remedy: "Ask the Business Center's Admin where the ad account went. If it should be back, move it back and choose Activate; if the move is meant to last, write to support@creativex.com so that the account is connected from its new Business Center.",
                fixable_by: FixableBy::TheBusinessCenterAdminAndSupport,
                consent_helps: No,
            },
            Self::AdAccountNotFound => Words {
                title: "The ad account does not exist at TikTok",
                explanation: "TikTok says that this ad account was deleted or never existed.",
                remedy: "Check the Account ID with the Business Center's Admin. If the ad account was deleted, nothing can be reconnected: write to support@creativex.com to have it removed from the list.",
                fixable_by: FixableBy::TheBusinessCenterAdminAndSupport,
                consent_helps: No,
            },
            Self::ConsentDenied => Words {
                title: "The request was cancelled at TikTok",
                explanation: "You came back from TikTok without confirming, so nothing was changed.",
                remedy: "Choose Activate again and press Confirm on TikTok's page.",
                fixable_by: FixableBy::TheSameUser,
                consent_helps: Yes,
            },
            Self::LinkExpired => Words {
                title: "The link is not known, too old or was already used",
                explanation: "Each Activate gives a link for one use, which works until the time shown with it.",
                remedy: "Choose Activate again, finish at TikTok by the time that is shown there, and stay in the same browser.",
                fixable_by: FixableBy::TheSameUser,
                consent_helps: Yes,
            },
            Self::AuthorizationCodeRejected => Words {
                title: "TikTok did not accept the confirmation",
                explanation: "TikTok sent you back with a one-time confirmation that it then refused: it was used already, cancelled or too old.",
                remedy: "Choose Activate again. Do not use the browser's Back button on TikTok's page.",
                fixable_by: FixableBy::TheSameUser,
                consent_helps: Yes,
            },
            Self::TiktokUnavailable => Words {
                title: "TikTok is not answering properly",
                explanation: "TikTok was down, slow or too busy, so the connection could not be proven. This says nothing about your ad account.",
                remedy: "Wait a little. You do not need to change anything; if the attempt ended without a result, choose Activate again later.",
                fixable_by: FixableBy::Us,
                consent_helps: No,
            },
            Self::AppMisconfigured => Words {
                title: "Something is wrong on our side",
                explanation: "TikTok refuses CreativeX's own access at the moment. Your ad account and your permissions are not the reason.",
                remedy: "Wait: we have been alerted and are on it. You do not need to change anything.",
                fixable_by: FixableBy::Us,
                consent_helps: No,
            },
            Self::CredentialUnreadable => Words {
                title: "We cannot open the stored authorization",
                explanation: "The TikTok authorization is stored safely, but CreativeX cannot read it at the moment. Your ad account and your permissions are not the reason.",
                remedy: "Wait: we have been alerted and are on it. You do not need to change anything.",
                fixable_by: FixableBy::Us,
                consent_helps: No,
            },
            Self::Unrecognised => Words {
                title: "TikTok gave an answer we do not know",
                explanation: "TikTok refused to answer about this ad account and gave a reason that CreativeX cannot match to anything you could change.",
                remedy: "Write to support@creativex.com and include TikTok's code and request id shown here.",
                fixable_by: FixableBy::Support,
                consent_helps: Unknown,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_its_words() {
        for (place, cause) in CauseCode::ALL.into_iter().enumerate() {
            let words = cause.words();
            assert!(words.title.len() > 10 && !words.title.ends_with('.'), "{cause:?}");
            assert!(words.explanation.ends_with('.') && words.remedy.ends_with('.'), "{cause:?}");
            assert!(!words.explanation.contains('\n'), "{cause:?}: one paragraph");
            assert!(!CauseCode::ALL[..place].contains(&cause), "{cause:?} is listed twice");
        }
        // `words` has no catch-all arm, so a variant without words does not compile; one that ALL forgot is caught here.
        assert_eq!(CauseCode::ALL.len(), CauseCode::Unrecognised as usize + 1);
    }

    #[test]
    fn a_name_is_the_same_everywhere() {
        for cause in CauseCode::ALL {
            assert_eq!(serde_json::to_value(cause).unwrap(), cause.name());
        }
    }

    #[test]
    fn the_checklist_of_the_help_page_is_in_the_remedies() {
        let all: String = CauseCode::ALL.into_iter().map(|cause| cause.words().remedy).collect();
        for line in [
            "Needs Connecting",
            "Account ID",
            "⋮ and Activate",
            "Sign in to TikTok as an Admin",
            "Ad Account Management and Reporting",
            "confirm",
            "Owned by this Business Center",
            "switch to the right Business Center at the top right",
            "Business Center ID",
            "give you the Admin role",
            "tick this ad account",
            "Activate again",
            "support@creativex.com",
        ] {
            assert!(all.contains(line), "no remedy says: {line}");
        }
    }

    #[test]
    fn the_facts_of_the_case_are_told() {
        let named = |id: &str, name: &str| NamedBusinessCenter { id: id.parse().unwrap(), name: Some(name.to_owned()) };
        let mut cause = Cause::from(CauseCode::WrongBusinessCenter);
        cause.original = Some(named("7200000000000000021", "Shop Group"));
        cause.found = vec![named("7200000000000000022", "Other")];
        let shown = cause.shown();
        for fact in ["Shop Group", "7200000000000000021", "Other", "7200000000000000022"] {
            assert!(shown.explanation.contains(fact), "{fact}");
        }
    }

    #[test]
    fn names_known_before_are_told_where_tiktok_tells_none() {
        let center = |name: Option<&str>| NamedBusinessCenter {
            id: "7200000000000000021".parse().unwrap(),
            name: name.map(str::to_owned),
        };
        let admins = ["Ana M".to_owned()];
        let mut cause = Cause::from(CauseCode::WrongBusinessCenter);
        cause.original = Some(center(None));
        let told = cause.clone().with_names(&center(Some("Shop Group")), &admins);
        assert_eq!(told.original.as_ref().unwrap().name.as_deref(), Some("Shop Group"));
        assert_eq!(told.admins, Vec::<String>::new(), "here somebody else's role is not what is missing");
        cause.original = Some(center(Some("Today's name")));
        let told = cause.with_names(&center(Some("Shop Group")), &admins);
        assert_eq!(told.original.unwrap().name.as_deref(), Some("Today's name"));
        let told = Cause::from(CauseCode::NotBusinessCenterAdmin).with_names(&center(None), &admins);
        assert!(told.remedy().contains("Ana M"));
    }
}
