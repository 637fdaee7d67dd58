//! Letting time pass: functions ask the machine's clock, so everything that the table remembers moves into the past.

use jiff::{SignedDuration, Timestamp};

use super::{TestWorld, Value, json};

/// Rows whose times say when something was seen, held or due. Others tell what happened, and keep their times.
const REMEMBERED: [&str; 4] = ["GRANT#", "GUARD", "BACKOFF", "ACTIVATION"];
const TEN_MINUTES: i64 = 600;

impl TestWorld {
    /// Lets this much time pass since everything that happened so far.
    pub fn pass(&self, time: SignedDuration) {
        let table = self.local.environment()["TABLE_NAME"].clone();
        for mut item in self.local.dynamodb.dump(&table).expect("the table is there") {
            let (pk, sk) = (plain(&item, "pk"), plain(&item, "sk"));
            let before = item.clone();
            if pk == "TALLY" {
                shift_bucket(&mut item, time);
            } else if sk == "PROGRESS" {
                // Marks are due times; without them the sweep looks from the beginning.
                item = json!({ "pk": { "S": pk }, "sk": { "S": sk } });
            } else if sk.starts_with("EVENT#") {
                shift_due(&mut item, time);
            } else if REMEMBERED.iter().any(|start| sk.starts_with(start)) {
                shift(&mut item, time);
                shift_due(&mut item, time);
                shift_hours(&mut item, time);
            }
            if item != before {
                self.replace_row(&table, &before, &item);
            }
        }
    }

    /// Half an hour and a little more: the next strike counts, and the next run is another one.
    pub fn pass_half_an_hour(&self) {
        self.pass(SignedDuration::from_mins(36));
    }

    /// Every grant is due again.
    pub fn pass_an_interval(&self) {
        self.pass(SignedDuration::from_hours(7));
    }

    fn replace_row(&self, table: &str, before: &Value, after: &Value) {
        let database = self.local.dynamodb.database();
        if plain(before, "sk") != plain(after, "sk") {
            let key = json!({ "TableName": table, "Key": { "pk": before["pk"], "sk": before["sk"] } });
            database.delete_item(serde_json::from_value(key).expect("a request")).expect("the row goes");
        }
        let put = json!({ "TableName": table, "Item": after });
        database.put_item(serde_json::from_value(put).expect("a request")).expect("the row comes");
    }
}

fn plain(item: &Value, attribute: &str) -> String {
    item[attribute]["S"].as_str().unwrap_or_default().to_owned()
}

fn earlier(text: &str, time: SignedDuration) -> Option<String> {
    let at: Timestamp = text.parse().ok()?;
    Some((at - time).to_string())
}

/// Every time in the row, wherever it stands; buckets of the tally and lapses are times, too.
fn shift(value: &mut Value, time: SignedDuration) {
    match value {
        Value::String(text) => *text = earlier(text, time).unwrap_or_else(|| text.clone()),
        Value::Array(values) => values.iter_mut().for_each(|value| shift(value, time)),
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                let number = value["N"].as_str().and_then(|number| number.parse::<i64>().ok());
                match (name.as_str(), number) {
                    ("bucket" | "struck", Some(bucket)) => *value = json!({ "N": earlier_bucket(bucket, time) }),
                    ("expires_at", Some(at)) => *value = json!({ "N": (at - time.as_secs()).to_string() }),
                    _ => shift(value, time),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn earlier_bucket(bucket: i64, time: SignedDuration) -> String {
    (bucket - time.as_secs() / TEN_MINUTES).to_string()
}

/// The guard counts lapses by the hour.
fn shift_hours(item: &mut Value, time: SignedDuration) {
    let Some(fields) = item.as_object_mut() else { return };
    let hours: Vec<i64> = fields.keys().filter_map(|name| name.strip_prefix("lapsed#")?.parse().ok()).collect();
    for hour in hours {
        if let Some(count) = fields.remove(&format!("lapsed#{hour}")) {
            fields.insert(format!("lapsed#{}", hour - time.as_hours()), count);
        }
    }
}

fn shift_due(item: &mut Value, time: SignedDuration) {
    if let Some((at, rest)) = item["due_sk"]["S"].as_str().and_then(|due| due.split_once('#'))
        && let Some(at) = earlier(at, time)
    {
        item["due_sk"] = json!({ "S": format!("{at}#{rest}") });
    }
}

fn shift_bucket(item: &mut Value, time: SignedDuration) {
    if let Some((bucket, shard)) = item["sk"]["S"].as_str().and_then(|sk| sk.split_once('#')) {
        let bucket: i64 = bucket.parse().expect("a bucket");
        item["sk"] = json!({ "S": format!("{:010}#{shard}", bucket - time.as_secs() / TEN_MINUTES) });
    }
}
