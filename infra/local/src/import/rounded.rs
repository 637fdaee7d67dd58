//! Ids that a spreadsheet has rounded.
//!
//! Spreadsheets keep numbers with 15 digits, and TikTok's ids have 19: `7318204956617320411` becomes
//! `7318204956617320000`, which is shown as `7.3182E+18`. Both look like ids, and both may be somebody else's.

use serde_json::Value;

/// Finishes a sentence that begins with the field.
pub const PROBLEM: &str = "was rounded by a spreadsheet: format the column as text, and copy the ids from TikTok again \
                           (--rounded-ids-are-right takes those that really end in zeros)";

const IDS: [&str; 2] = ["advertiser_id", "business_center_id"];
/// The digits that a spreadsheet keeps, and three more: fewer zeros at the end are common by chance.
const LONG: usize = 18;
const ZEROS: &str = "000";

/// The field of a row whose id was rounded. Zeros at the end may be right; an exponent never is.
pub fn field_of(row: &Value, zeros_are_right: bool) -> Option<&'static str> {
    IDS.into_iter()
        .find(|field| row[field].as_str().is_some_and(|id| has_exponent(id) || (!zeros_are_right && ends_in_zeros(id))))
}

/// As in `7.3182E+18`, or `7,3182E+18` where people write a comma.
fn has_exponent(id: &str) -> bool {
    let Some((number, exponent)) = id.split_once(['e', 'E']) else { return false };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, decimals) = number.split_once(['.', ',']).unwrap_or((number, "0"));
    is_number(whole) && is_number(decimals) && is_number(exponent.strip_prefix('+').unwrap_or(exponent))
}

fn ends_in_zeros(id: &str) -> bool {
    id.len() >= LONG && id.ends_with(ZEROS) && id.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn field(advertiser_id: &str, zeros_are_right: bool) -> Option<&'static str> {
        field_of(
            &json!({ "advertiser_id": advertiser_id, "business_center_id": "7241906835517320466" }),
            zeros_are_right,
        )
    }

    #[test]
    fn what_a_spreadsheet_made_of_an_id_is_noticed() {
        for rounded in ["7.3182E+18", "7,3182e18", "7E+18", "7318204956617320000", "731820495661732000"] {
            assert_eq!(field(rounded, false), Some("advertiser_id"), "{rounded}");
        }
        let center = json!({ "advertiser_id": "7318204956617320411", "business_center_id": "7.24191E+18" });
        assert_eq!(field_of(&center, true), Some("business_center_id"));
    }

    #[test]
    fn ids_as_tiktok_writes_them_are_right() {
        for id in ["7318204956617320411", "7318204956617320400", "71000", "70000000000000000", "7e", "e18", "7.E18"] {
            assert_eq!(field(id, false), None, "{id}");
        }
    }

    #[test]
    fn zeros_may_be_right_and_an_exponent_may_not() {
        assert_eq!(field("7318204956617320000", true), None);
        assert_eq!(field("7.3182E+18", true), Some("advertiser_id"));
    }
}
