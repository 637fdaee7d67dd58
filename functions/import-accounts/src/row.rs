//! One row: what it may say, and what is wrong with it.
//!
//! | Field | |
//! |---|---|
//! | `advertiser_id` | 1 to 20 digits, as text |
//! | `name` | 1 to 256 characters |
//! | `business_center_id` | the one that owned the ad account when it was first connected; 1 to 20 digits, as text |
//! | `business_center_name` | optional |
//! | `brand`, `market`, `partner` | optional; 1 to 64 letters, digits, dots, dashes or underscores |
//! | `connected_by` | optional; the CreativeX user, 1 to 256 characters |
//! | `connected` | optional: a connection made before this service, see below |
//! | `connected.access_token` | TikTok's token; sealed at once |
//! | `connected.scopes` | its permission scopes, as numbers or as text |
//! | `connected.authorized_by` | optional; the TikTok person who consented |
//! | `connected.last_data_on` | optional; the last day with data, in the ad account's own time zone: where a gap opens until TikTok has proven more |
//!
//! An optional field that is left out, or `null`, leaves what is known as it is. Any other field is refused.

use std::collections::BTreeMap;

use domain::access::Belonging;
use domain::causes::NamedBusinessCenter;
use domain::ids::{AdvertiserId, GrantId, OrgId};
use domain::scopes::Scopes;
use jiff::civil::Date;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use shared::logging::loggable;
use shared::sealing::AccessToken;
use shared::store::import_accounts::grant_id_of;

const DIGITS: &str = "must be 1 to 20 digits, as text";
const TEXT: &str = "must be text of 1 to 256 characters";
const LABEL: &str = "must be 1 to 64 letters, digits, dots, dashes or underscores";

#[derive(Debug)]
pub struct Row {
    /// Its place in the batch.
    pub index: usize,
    pub advertiser_id: AdvertiserId,
    pub name: String,
    pub business_center: NamedBusinessCenter,
    pub belonging: Belonging,
    pub connected_by: Option<String>,
    pub connected: Option<Connected>,
}

/// A connection that was made before this service.
#[derive(Debug)]
pub struct Connected {
    pub token: AccessToken,
    pub token_fingerprint: String,
    /// Follows from organisation and token.
    pub grant_id: GrantId,
    pub scopes: Scopes,
    pub authorized_by: Option<String>,
    pub last_data_on: Option<Date>,
}

/// What is wrong with a row. The problem finishes a sentence that begins with the field, and repeats no value.
#[derive(Debug, PartialEq, Eq)]
pub struct Wrong {
    field: String,
    problem: &'static str,
}

impl Wrong {
    pub fn new(field: impl Into<String>, problem: &'static str) -> Self {
        Self { field: field.into(), problem }
    }
}

/// A row that is not taken.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    pub index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advertiser_id: Option<AdvertiserId>,
    pub field: String,
    pub problem: &'static str,
}

impl Refusal {
    pub fn of(row: &Row, Wrong { field, problem }: Wrong) -> Self {
        Self { index: row.index, advertiser_id: Some(row.advertiser_id.clone()), field, problem }
    }
}

impl Row {
    pub fn read(index: usize, json: &RawValue, org_id: &OrgId) -> Result<Self, Refusal> {
        let refusal = |advertiser_id, Wrong { field, problem }| Refusal { index, advertiser_id, field, problem };
        let mut fields = Fields::of(json, "").map_err(|wrong| refusal(None, wrong))?;
        let advertiser_id: AdvertiserId =
            fields.required("advertiser_id", DIGITS).map_err(|wrong| refusal(None, wrong))?;
        let id = advertiser_id.clone();
        Self::read_rest(index, advertiser_id, fields, org_id).map_err(|wrong| refusal(Some(id), wrong))
    }

    fn read_rest(index: usize, advertiser_id: AdvertiserId, mut fields: Fields, org_id: &OrgId) -> Result<Self, Wrong> {
        let row = Self {
            index,
            advertiser_id,
            name: fields.required::<Text>("name", TEXT)?.0,
            business_center: NamedBusinessCenter {
                id: fields.required("business_center_id", DIGITS)?,
                name: fields.text("business_center_name")?,
            },
            belonging: Belonging {
                brand: fields.optional("brand", LABEL)?,
                market: fields.optional("market", LABEL)?,
                partner: fields.optional("partner", LABEL)?,
            },
            connected_by: fields.text("connected_by")?,
            connected: match fields.optional::<Box<RawValue>>("connected", "")? {
                None => None,
                Some(json) => Some(Connected::read(&json, org_id)?),
            },
        };
        fields.nothing_else()?;
        Ok(row)
    }
}

impl Connected {
    fn read(json: &RawValue, org_id: &OrgId) -> Result<Self, Wrong> {
        let mut fields = Fields::of(json, "connected")?;
        let token: AccessToken =
            fields.required("access_token", "must be 1 to 1024 printable characters without spaces")?;
        let scopes: Vec<ScopeId> =
            fields.required("scopes", "must be a list of whole numbers, or of digits as text")?;
        let authorized_by = fields.text("authorized_by")?;
        let last_data_on = fields.optional::<Date>("last_data_on", "must be a day such as 2026-11-20")?;
        fields.nothing_else()?;
        let token_fingerprint = token.fingerprint();
        Ok(Self {
            grant_id: grant_id_of(org_id, &token_fingerprint),
            token,
            token_fingerprint,
            scopes: Scopes::new(scopes.into_iter().map(|ScopeId(id)| id)),
            authorized_by,
            last_data_on,
        })
    }
}

/// Text for people, without characters that would fool them.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Text(String);

impl TryFrom<String> for Text {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let text = loggable(&text);
        if (1..=256).contains(&text.chars().count()) { Ok(Self(text)) } else { Err(TEXT) }
    }
}

/// A scope id: beyond 2^53 it reaches us as text, since not every sender's numbers go that far.
#[derive(Deserialize)]
#[serde(try_from = "NumberOrText")]
struct ScopeId(u64);

#[derive(Deserialize)]
#[serde(untagged)]
enum NumberOrText {
    Number(u64),
    Text(String),
}

impl TryFrom<NumberOrText> for ScopeId {
    type Error = std::num::ParseIntError;
    fn try_from(id: NumberOrText) -> Result<Self, Self::Error> {
        match id {
            NumberOrText::Number(id) => Ok(Self(id)),
            NumberOrText::Text(text) => text.parse().map(Self),
        }
    }
}

/// The fields of an object, taken out one by one; what nobody took is refused.
struct Fields {
    left: BTreeMap<String, Box<RawValue>>,
    /// The field that holds the object; empty for the row itself.
    inside: &'static str,
}

impl Fields {
    fn of(json: &RawValue, inside: &'static str) -> Result<Self, Wrong> {
        match serde_json::from_str(json.get()) {
            Ok(left) => Ok(Self { left, inside }),
            Err(_) if inside.is_empty() => Err(Wrong::new("row", "must be an object")),
            Err(_) => Err(Wrong::new(inside, "must be an object")),
        }
    }

    fn required<T: DeserializeOwned>(&mut self, name: &'static str, expected: &'static str) -> Result<T, Wrong> {
        self.optional(name, expected)?.ok_or_else(|| Wrong::new(self.named(name), "must be there"))
    }

    fn optional<T: DeserializeOwned>(
        &mut self,
        name: &'static str,
        expected: &'static str,
    ) -> Result<Option<T>, Wrong> {
        match self.left.remove(name) {
            None => Ok(None),
            Some(json) => serde_json::from_str(json.get()).map_err(|_| Wrong::new(self.named(name), expected)),
        }
    }

    fn text(&mut self, name: &'static str) -> Result<Option<String>, Wrong> {
        Ok(self.optional::<Text>(name, TEXT)?.map(|Text(text)| text))
    }

    fn nothing_else(self) -> Result<(), Wrong> {
        match self.left.keys().next() {
            None => Ok(()),
            Some(unknown) => {
                // Named by the sender, so it is kept short and harmless.
                let name: String = loggable(unknown).chars().take(64).collect();
                Err(Wrong::new(self.named(&name), "is no field of a row"))
            }
        }
    }

    fn named(&self, name: &str) -> String {
        if self.inside.is_empty() { name.to_owned() } else { format!("{}.{name}", self.inside) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::to_raw_value;
    use serde_json::{Value, json};

    use super::*;

    fn read(json: &Value) -> Result<Row, Refusal> {
        Row::read(3, &to_raw_value(json).unwrap(), &"org-a".parse().unwrap())
    }

    fn complete() -> Value {
        json!({
            "advertiser_id": "7318204956617320411", "name": "Shop EU", "business_center_id": "7241906835517320466",
            "business_center_name": "Media", "brand": "shop", "market": "de", "partner": "agency-1",
            "connected_by": "ana@example.com",
            "connected": {
                "access_token": "c4n4ry", "scopes": [1, 4, "7043626160646815746", 7_543_056_879_933_489_153_u64],
                "authorized_by": "Ana M", "last_data_on": "2026-11-20"
            }
        })
    }

    #[test]
    fn a_complete_row_is_read_whole() {
        let row = read(&complete()).unwrap();
        assert_eq!((row.index, row.name.as_str(), row.business_center.name.as_deref()), (3, "Shop EU", Some("Media")));
        let connected = row.connected.unwrap();
        assert_eq!(connected.last_data_on, Some("2026-11-20".parse().unwrap()));
        assert_eq!(connected.token.expose(), "c4n4ry");
        let ids: Vec<_> = connected.scopes.ids().collect();
        assert_eq!(ids, [1, 4, 7_043_626_160_646_815_746, 7_543_056_879_933_489_153]);
        assert_eq!(connected.authorized_by.as_deref(), Some("Ana M"));
    }

    #[test]
    fn optional_fields_may_be_missing_or_null() {
        let mut row = json!({"advertiser_id": "71", "name": "A", "business_center_id": "72"});
        for field in ["business_center_name", "brand", "market", "partner", "connected_by", "connected"] {
            assert!(read(&row).is_ok());
            row[field] = Value::Null;
        }
        let row = read(&row).unwrap();
        assert!(row.connected.is_none() && row.belonging == Belonging::default());
    }

    #[test]
    fn names_lose_what_would_fool_people() {
        let mut row = complete();
        row["name"] = json!("Shop\u{202e}\r\nEU");
        assert_eq!(read(&row).unwrap().name, "ShopEU");
    }

    /// T35: every field is checked, the one that is wrong is named, and no value is repeated.
    #[test]
    fn what_is_wrong_with_a_row_is_named() {
        let long = json!("c4n4ry".repeat(43));
        for (field, bad) in [
            ("advertiser_id", json!(7_318_204_956_617_320_411_u64)),
            ("advertiser_id", json!("c4n4ry")),
            ("advertiser_id", Value::Null),
            ("name", json!("")),
            ("name", json!("\u{200b}")),
            ("name", long.clone()),
            ("name", json!({"c4n4ry": 1})),
            ("business_center_id", json!("")),
            ("business_center_id", json!(72)),
            ("business_center_name", json!("")),
            ("brand", json!("c4n4ry c4n4ry")),
            ("market", json!(7)),
            ("partner", json!("a|b")),
            ("connected_by", long.clone()),
            ("connected", json!("c4n4ry")),
            ("connected", json!(["c4n4ry"])),
            ("connected.access_token", json!("c4n4ry c4n4ry")),
            ("connected.access_token", json!("")),
            ("connected.access_token", json!(7)),
            ("connected.access_token", Value::Null),
            ("connected.scopes", json!("c4n4ry")),
            ("connected.scopes", json!([1, "c4n4ry"])),
            ("connected.scopes", json!([-1])),
            ("connected.scopes", json!([1.5])),
            ("connected.scopes", Value::Null),
            ("connected.authorized_by", json!(7)),
            ("connected.last_data_on", json!("2026-02-30")),
            ("connected.c4n4", json!("c4n4ry")),
            ("status", json!("c4n4ry")),
        ] {
            let mut row = complete();
            match field.split_once('.') {
                None => row[field] = bad.clone(),
                Some((outer, inner)) => row[outer][inner] = bad.clone(),
            }
            let refusal = read(&row).unwrap_err();
            assert_eq!(refusal.field, field, "{bad}");
            assert_eq!(refusal.advertiser_id.is_some(), field != "advertiser_id");
            assert!(!serde_json::to_string(&refusal).unwrap().contains("c4n4ry"), "{refusal:?}");
        }
        for missing in ["advertiser_id", "name", "business_center_id"] {
            let mut row = complete();
            row.as_object_mut().unwrap().remove(missing);
            let refusal = read(&row).unwrap_err();
            assert_eq!((refusal.field.as_str(), refusal.problem), (missing, "must be there"));
        }
        for no_object in [json!([]), json!("c4n4ry"), json!(null)] {
            assert_eq!(read(&no_object).unwrap_err().field, "row");
        }
    }

    /// T76.
    #[test]
    fn a_row_hides_its_token() {
        assert!(!format!("{:?}", read(&complete()).unwrap()).contains("c4n4ry"));
    }
}
