//! What we tell people before they go to TikTok: the help page's checklist, each line with what is already known.
//!
//! A line is a sentence for a marketer. `text` has all of them, for each check and each answer.

use serde::Serialize;

use super::causes::NamedBusinessCenter;
use super::checks::{Answer, Check, Finding};
use super::ids::AdvertiserId;

/// One line of the checklist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    pub check: Check,
    pub answer: Answer,
    pub text: String,
}

/// The names that stand in the sentences.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    pub ad_account: &'a str,
    pub advertiser_id: &'a AdvertiserId,
    pub business_center: &'a NamedBusinessCenter,
    /// Admins of the Business Center, as far as they are known.
    pub admins: &'a [String],
}

/// All eight lines. What `findings` say nothing about is inconclusive; of two findings on one check the first counts.
pub fn checklist(findings: &[Finding], names: Names<'_>) -> Vec<Line> {
    let line = |check| {
        let finding = findings.iter().find(|finding| finding.check == check);
        let answer = finding.map_or(Answer::Inconclusive, |finding| finding.answer);
        let suspended = finding.is_some_and(|finding| finding.suspended).then(|| suspended(check)).flatten();
        let text = [Some(text(check, answer, names)), suspended.map(str::to_owned)];
        Line { check, answer, text: text.into_iter().flatten().collect::<Vec<_>>().join(" ") }
    };
    Check::ALL.into_iter().map(line).collect()
}

/// What is said besides where TikTok has suspended what the check is about.
fn suspended(check: Check) -> Option<&'static str> {
    match check {
        Check::BusinessCenterMatches => Some(
            "TikTok has suspended this Business Center. An Admin sees why, and can appeal, in TikTok Business Center.",
        ),
        Check::AdAccountUsable => {
            Some("TikTok has suspended it. An Admin sees why, and can appeal, in TikTok Ads Manager.")
        }
        Check::AuthorizationAlive
        | Check::AdAccountGranted
        | Check::AdAccountManagementGranted
        | Check::ReportingGranted
        | Check::BusinessCenterAdmin
        | Check::AdAccountOwned => None,
    }
}

/// The sentence for one check and what is known of it.
fn text(check: Check, answer: Answer, names: Names<'_>) -> String {
    use Answer::{Failed, Inconclusive, Passed};
    let center = names.business_center.shown();
    let account = format!("“{}” ({})", names.ad_account, names.advertiser_id);
    let admins =
        if names.admins.is_empty() { String::new() } else { format!(" Current Admins: {}.", names.admins.join(", ")) };
    match (check, answer) {
        (Check::AuthorizationAlive, Passed) => {
            "The present TikTok authorization still works. Signing in again adds a new one; until that is proven, the present one stays.".to_owned()
        }
        (Check::AuthorizationAlive, Failed) => {
            "The present TikTok authorization no longer works. Signing in to TikTok gives a new one.".to_owned()
        }
        (Check::AuthorizationAlive, Inconclusive) => {
            "Sign in to TikTok when it asks you to. Whether there is still a working authorization could not be seen.".to_owned()
        }
        (Check::AdAccountGranted, Passed) => {
            format!("The present authorization includes the ad account {account}. Keep it ticked on TikTok's page.")
        }
        (Check::AdAccountGranted, Failed) => format!(
            "The present authorization does not include the ad account {account}. Tick it on TikTok's page before you confirm."
        ),
        (Check::AdAccountGranted, Inconclusive) => {
            format!("Tick the ad account {account} on TikTok's page before you confirm, and keep the others ticked.")
        }
        (Check::AdAccountManagementGranted, Passed) => {
            "Ad Account Management was switched on last time. Leave it on.".to_owned()
        }
        (Check::AdAccountManagementGranted, Failed) => {
            "Ad Account Management is off in the present authorization. Switch it on at TikTok.".to_owned()
        }
        (Check::AdAccountManagementGranted, Inconclusive) => {
            "Leave the switch Ad Account Management on when TikTok asks which permissions to give.".to_owned()
        }
        (Check::ReportingGranted, Passed) => "Reporting was switched on last time. Leave it on.".to_owned(),
        (Check::ReportingGranted, Failed) => {
            "Reporting is off in the present authorization. Switch it on at TikTok.".to_owned()
        }
        (Check::ReportingGranted, Inconclusive) => {
            "Leave the switch Reporting on when TikTok asks which permissions to give.".to_owned()
        }
        (Check::BusinessCenterMatches, Passed) => format!(
            "The TikTok login used last time belongs to Business Center {center}. Make sure that this one is selected at the top right of TikTok's page."
        ),
        (Check::BusinessCenterMatches, Failed) => format!(
            "The TikTok login used last time does not belong to Business Center {center}. Sign in with one that does, and select this Business Center at the top right of TikTok's page."
        ),
        (Check::BusinessCenterMatches, Inconclusive) => {
            format!("Select Business Center {center} at the top right of TikTok's page.")
        }
        (Check::BusinessCenterAdmin, Passed) => format!(
            "The TikTok login used last time is an Admin of the Business Center. Sign in with it, or with that of another Admin.{admins}"
        ),
        (Check::BusinessCenterAdmin, Failed) => format!(
            "The TikTok login used last time is not an Admin of the Business Center. Somebody who is has to sign in.{admins}"
        ),
        (Check::BusinessCenterAdmin, Inconclusive) => format!(
            "Sign in to TikTok as an Admin of the Business Center: TikTok lets only Admins confirm who owns an ad account.{admins}"
        ),
        (Check::AdAccountOwned, Passed) => {
            "TikTok shows the ad account as “Owned by this Business Center”, as it should be.".to_owned()
        }
        (Check::AdAccountOwned, Failed) => format!(
            "Business Center {center} does not own the ad account at the moment. It has to, before signing in can help."
        ),
        (Check::AdAccountOwned, Inconclusive) => "In TikTok's Business Center, under Ad accounts, the ad account must read “Owned by this Business Center”. We could not look that up.".to_owned(),
        (Check::AdAccountUsable, Passed) => "The ad account is enabled at TikTok.".to_owned(),
        (Check::AdAccountUsable, Failed) => "The ad account is not enabled at TikTok. It can be connected all the same, but may bring no new data until TikTok enables it.".to_owned(),
        (Check::AdAccountUsable, Inconclusive) => {
            "Whether the ad account is enabled at TikTok could not be seen.".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWERS: [Answer; 3] = [Answer::Passed, Answer::Failed, Answer::Inconclusive];

    fn told(check: Check, answer: Answer, admins: &[String]) -> String {
        let business_center =
            NamedBusinessCenter { id: "7200000000000000021".parse().unwrap(), name: Some("Shop Group".to_owned()) };
        let advertiser_id = "7100000000000000011".parse().unwrap();
        let finding = Finding::new(check, answer, []);
        let names =
            Names { ad_account: "Shop EU", advertiser_id: &advertiser_id, business_center: &business_center, admins };
        let lines = checklist(&[finding], names);
        assert_eq!(lines.iter().map(|line| line.check).collect::<Vec<_>>(), Check::ALL);
        for line in &lines {
            assert_eq!(line.answer, if line.check == check { answer } else { Answer::Inconclusive });
        }
        lines.into_iter().find(|line| line.check == check).unwrap().text
    }

    #[test]
    fn every_answer_has_its_own_sentence() {
        let all: std::collections::BTreeSet<String> = Check::ALL
            .into_iter()
            .flat_map(|check| ANSWERS.map(|answer| told(check, answer, &[])))
            .inspect(|text| assert!(text.ends_with('.') && text.len() > 30 && !text.contains('\n'), "{text}"))
            .collect();
        assert_eq!(all.len(), 24);
    }

    #[test]
    fn what_tiktok_has_suspended_is_told() {
        let business_center = NamedBusinessCenter { id: "7200000000000000021".parse().unwrap(), name: None };
        let advertiser_id = "7100000000000000011".parse().unwrap();
        let names = Names {
            ad_account: "Shop EU",
            advertiser_id: &advertiser_id,
            business_center: &business_center,
            admins: &[],
        };
        let told = |suspended| {
            let findings = [
                Finding::new(Check::BusinessCenterMatches, Answer::Passed, []).suspended(suspended),
                Finding::new(Check::AdAccountUsable, Answer::Failed, []).suspended(suspended),
            ];
            let lines = checklist(&findings, names);
            lines.iter().filter(|line| line.text.contains("TikTok has suspended")).map(|line| line.check).collect()
        };
        let nothing: Vec<Check> = told(false);
        assert_eq!((nothing, told(true)), (vec![], vec![Check::BusinessCenterMatches, Check::AdAccountUsable]));
    }

    /// The help page's advice stands there whatever TikTok says, or does not say.
    #[test]
    fn the_business_center_to_select_is_always_named() {
        for answer in ANSWERS {
            let text = told(Check::BusinessCenterMatches, answer, &[]);
            assert!(text.contains("“Shop Group” (7200000000000000021)") && text.contains("top right"), "{text}");
            assert!(told(Check::AdAccountGranted, answer, &[]).contains("“Shop EU” (7100000000000000011)"));
        }
    }

    #[test]
    fn admins_are_named_where_they_are_known() {
        let admins = ["Ana M".to_owned(), "Ben".to_owned()];
        for answer in ANSWERS {
            assert!(told(Check::BusinessCenterAdmin, answer, &admins).contains("Current Admins: Ana M, Ben."));
            assert!(!told(Check::BusinessCenterAdmin, answer, &[]).contains("Current"));
        }
    }

    #[test]
    fn the_first_finding_on_a_check_counts() {
        let finding = |answer| Finding::new(Check::AdAccountOwned, answer, []);
        let center = NamedBusinessCenter { id: "7200000000000000021".parse().unwrap(), name: None };
        let id = "7100000000000000011".parse().unwrap();
        let names = Names { ad_account: "Shop", advertiser_id: &id, business_center: &center, admins: &[] };
        let lines = checklist(&[finding(Answer::Passed), finding(Answer::Failed)], names);
        assert_eq!(lines.iter().find(|line| line.check == Check::AdAccountOwned).unwrap().answer, Answer::Passed);
    }
}
