//! `local import FILE`: brings the ad accounts of a file in through `import-accounts`, in batches as large as it takes.
//!
//! A line of a `.jsonl` file is one row of the function's event. In a `.csv` file the first line names the row's
//! fields; a dot reaches into an object (`connected.access_token`), an empty cell is left out, and scopes are numbers
//! with spaces between them.

use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::{Map, Value, json};

/// The most rows that `import-accounts` takes at once.
const BATCH: usize = 1_000;

/// Reads the rows of a file; its name says what is in it.
pub fn read(file: &Path) -> anyhow::Result<Vec<Value>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("csv") => from_csv(&text),
        Some("jsonl" | "ndjson") => from_json_lines(&text),
        _ => bail!("{}: a file to import ends in .csv, .jsonl or .ndjson", file.display()),
    }
}

/// Sends the rows to `import-accounts` behind the Invoke API at `invoke_url`; gives what it answered to each batch.
///
/// Stops at the first batch that fails: what came before it is in, and sending it again does no harm.
pub async fn send(invoke_url: &str, org_id: &str, rows: &[Value]) -> anyhow::Result<Vec<Value>> {
    let client = crate::client::new()?;
    let url = format!("{invoke_url}/2015-03-31/functions/import-accounts/invocations");
    let mut answers = Vec::new();
    for (number, batch) in rows.chunks(BATCH).enumerate() {
        let event = json!({ "org_id": org_id, "accounts": batch });
        let response = client.post(&url).json(&event).send().await.context("is the local world running?")?;
        let failed = !response.status().is_success() || response.headers().contains_key("x-amz-function-error");
        let answer: Value = response.json().await?;
        if failed {
            bail!("batch {} (rows {} and on): {answer}", number + 1, number * BATCH + 1);
        }
        answers.push(answer);
    }
    Ok(answers)
}

fn from_json_lines(text: &str) -> anyhow::Result<Vec<Value>> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(at, line)| serde_json::from_str(line).with_context(|| format!("line {}", at + 1))).collect()
}

fn from_csv(text: &str) -> anyhow::Result<Vec<Value>> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let headers = reader.headers().context("the first line")?.clone();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record?;
        let mut row = Map::new();
        for (header, cell) in headers.iter().zip(&record).filter(|(_, cell)| !cell.is_empty()) {
            let value = value(header, cell).with_context(|| format!("row {}, column {header}", rows.len() + 1))?;
            put(&mut row, header, value).with_context(|| format!("column {header}"))?;
        }
        rows.push(Value::Object(row));
    }
    Ok(rows)
}

fn value(header: &str, cell: &str) -> anyhow::Result<Value> {
    if header.rsplit('.').next() != Some("scopes") {
        return Ok(json!(cell));
    }
    let ids: Result<Vec<u64>, _> = cell.split_whitespace().map(str::parse).collect();
    Ok(json!(ids.context("scopes are numbers with spaces between them")?))
}

/// Puts a value where its column's name says: `a.b` is the field `b` of the object `a`.
fn put(row: &mut Map<String, Value>, header: &str, value: Value) -> anyhow::Result<()> {
    match header.split_once('.') {
        None => {
            row.insert(header.to_owned(), value);
            Ok(())
        }
        Some((outer, inner)) => match row.entry(outer).or_insert_with(|| json!({})) {
            Value::Object(object) => put(object, inner, value),
            _ => bail!("{outer} is a column of its own as well"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_becomes_rows() {
        let text = "advertiser_id, name ,brand,connected.access_token,connected.scopes\n\
                    7318204956617320411,\"Shop, EU\",,abc,1 4 7543056879933489153\n\
                    7318204956617320412,Shop FR,shop,,\n";

        assert_eq!(
            from_csv(text).unwrap(),
            [
                json!({ "advertiser_id": "7318204956617320411", "name": "Shop, EU",
                        "connected": { "access_token": "abc", "scopes": [1, 4, 7_543_056_879_933_489_153_u64] } }),
                json!({ "advertiser_id": "7318204956617320412", "name": "Shop FR", "brand": "shop" }),
            ]
        );
    }

    #[test]
    fn what_cannot_be_read_is_pointed_at() {
        let scopes = from_csv("advertiser_id,connected.scopes\n1,one").unwrap_err();
        assert!(format!("{scopes:#}").starts_with("row 1, column connected.scopes"), "{scopes:#}");

        let twice = from_csv("connected,connected.scopes\nx,1").unwrap_err();
        assert!(format!("{twice:#}").contains("connected.scopes"), "{twice:#}");

        let line = from_json_lines("{}\n\n{").unwrap_err();
        assert!(format!("{line:#}").starts_with("line 3"), "{line:#}");
        assert!(from_csv("a,b\n1\n").is_err(), "a row with a cell missing");
    }
}
