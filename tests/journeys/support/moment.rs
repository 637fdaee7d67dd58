//! Back to an earlier moment of a world, so that what comes then can go wrong in another way.

use std::collections::BTreeMap;

use super::{TestWorld, Value};

/// The whole table, and all of TikTok.
#[derive(Debug)]
pub struct Moment {
    rows: BTreeMap<String, Value>,
    tiktok: String,
}

fn key_of(row: &Value) -> String {
    format!("{}/{}", row["pk"], row["sk"])
}

impl Moment {
    /// Whether this row, as [`TestWorld::dump`] gives it, was there, whatever was in it.
    pub fn had(&self, row: &Value) -> bool {
        self.rows.contains_key(&key_of(row))
    }

    /// The rows of that moment.
    pub fn rows(&self) -> impl Iterator<Item = &Value> {
        self.rows.values()
    }
}

impl TestWorld {
    pub fn moment(&self) -> Moment {
        let rows = self.dump().into_iter().map(|row| (key_of(&row), row)).collect();
        Moment { rows, tiktok: self.tiktok().snapshot() }
    }

    /// Everything is as it was then. What is on the bus stays there; the queue has to be empty.
    pub async fn back_to(&self, moment: &Moment) {
        let now: BTreeMap<String, Value> = self.dump().into_iter().map(|row| (key_of(&row), row)).collect();
        for (key, row) in &now {
            if moment.rows.get(key) != Some(row) {
                self.delete_row(row);
            }
        }
        for (key, row) in &moment.rows {
            if now.get(key) != Some(row) {
                self.put_row(row);
            }
        }
        self.tiktok().restore(&moment.tiktok).expect("its own snapshot");
        self.local.stream.drop_records().await.expect("the stream is there");
        assert!(self.local.sqs.checks.is_empty());
    }
}
