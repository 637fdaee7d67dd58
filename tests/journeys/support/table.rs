//! What lies in the table, read behind the functions' backs and without being counted.

use super::scene::Account;
use super::{TestWorld, Value, json};

impl TestWorld {
    /// Every item, as DynamoDB spells them: `{"pk": {"S": "…"}, …}`.
    pub fn dump(&self) -> Vec<Value> {
        let table = self.local.environment().get("TABLE_NAME").expect("the table has a name");
        self.local.dynamodb.dump(table).expect("the table can be read")
    }

    /// Every item as plain JSON. Bytes are base64 text.
    pub fn rows(&self) -> Vec<Value> {
        self.dump().iter().map(plain_item).collect()
    }

    pub fn row(&self, pk: &str, sk: &str) -> Option<Value> {
        self.rows().into_iter().find(|row| row["pk"] == pk && row["sk"] == sk)
    }

    #[track_caller]
    pub fn account_row(&self, account: &Account) -> Value {
        self.row(&format!("ORG#{}", account.org_id), &format!("ACCOUNT#{}", account.id)).expect("the account is there")
    }

    /// The whole stored grant of an account, sealed token included, for "not a byte has changed".
    #[track_caller]
    pub fn grant_of(&self, account: &Account) -> Value {
        let grant_id = self.account_row(account)["grant_id"].as_str().expect("the account has a grant").to_owned();
        self.row(&format!("ORG#{}", account.org_id), &format!("GRANT#{grant_id}")).expect("the grant is there")
    }

    /// Changes one text attribute of a row, for what would otherwise take days: `set(pk, sk, "last_proven_at", "2026-…Z")`.
    pub fn set_text(&self, pk: &str, sk: &str, attribute: &str, value: &str) {
        self.set(pk, sk, attribute, &json!({ "S": value }));
    }

    /// As [`TestWorld::set_text`], for numbers.
    pub fn set_number(&self, pk: &str, sk: &str, attribute: &str, value: i64) {
        self.set(pk, sk, attribute, &json!({ "N": value.to_string() }));
    }

    fn set(&self, pk: &str, sk: &str, attribute: &str, value: &Value) {
        let request = json!({
            "TableName": self.local.environment()["TABLE_NAME"],
            "Key": { "pk": { "S": pk }, "sk": { "S": sk } },
            "UpdateExpression": "SET #name = :value",
            "ConditionExpression": "attribute_exists(pk)",
            "ExpressionAttributeNames": { "#name": attribute },
            "ExpressionAttributeValues": { ":value": value },
        });
        let request = serde_json::from_value(request).expect("a request that DynamoDB takes");
        self.local.dynamodb.database().update_item(request).expect("the row is there");
    }

    /// Lets TikTok have proven the account's grant at this time, and not since.
    pub fn proven_last_at(&self, account: &Account, time: jiff::Timestamp) {
        let grant = self.grant_of(account);
        let key = |name: &str| grant[name].as_str().unwrap_or_default().to_owned();
        self.set_text(&key("pk"), &key("sk"), "last_proven_at", &time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    }

    /// Lets the link of an activation run out now.
    pub fn expire(&self, activation_id: &str) {
        let past = local::clock::now().as_second() - 1;
        self.set_number(&format!("ACTIVATION#{activation_id}"), "ACTIVATION", "expires_at", past);
    }

    /// History rows of all accounts, which are what the bus gets.
    pub fn outbox(&self) -> Vec<Value> {
        let is_event = |row: &Value| row["sk"].as_str().is_some_and(|sk| sk.starts_with("EVENT#"));
        self.rows().into_iter().filter(is_event).collect()
    }

    /// One account's events, oldest first.
    pub fn events_of(&self, account: &Account) -> Vec<Value> {
        let mut events: Vec<Value> =
            self.outbox().into_iter().filter(|row| row["advertiser_id"] == account.id.as_str()).collect();
        events.sort_by_key(|row| row["sk"].as_str().unwrap_or_default().to_owned());
        events
    }

    /// The kinds of one account's events, oldest first.
    pub fn kinds_of(&self, account: &Account) -> Vec<String> {
        let kind = |row: &Value| row["kind"].as_str().unwrap_or_default().to_owned();
        self.events_of(account).iter().map(kind).collect()
    }

    /// Candidate tokens that lie in the table now.
    pub fn candidates(&self) -> usize {
        self.rows().iter().filter(|row| row["sk"] == "CANDIDATE").count()
    }
}

fn plain_item(item: &Value) -> Value {
    item.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), plain(value))).collect()
}

fn plain(value: &Value) -> Value {
    let Some((kind, inner)) = value.as_object().and_then(|object| object.iter().next()) else {
        return value.clone();
    };
    match kind.as_str() {
        "N" => inner.as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_else(|| inner.clone()),
        "NULL" => Value::Null,
        "L" => inner.as_array().into_iter().flatten().map(plain).collect(),
        "M" => plain_item(inner),
        "S" | "BOOL" | "B" | "SS" | "NS" | "BS" => inner.clone(),
        _ => json!({ kind: inner }),
    }
}
