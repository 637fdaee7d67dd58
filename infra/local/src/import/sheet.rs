//! The rows of a file, as people's tools write them.
//!
//! In a `.csv` or `.tsv` file the first line names the row's fields: `advertiser_id` or `Advertiser ID`; a dot reaches
//! into an object (`connected.access_token`), an empty cell is left out, and scopes are numbers with spaces between
//! them. Commas, semicolons and tabs may separate the cells, the text may be UTF-8 or UTF-16, and a cell may be kept from
//! becoming a number by `'7318…` or `="7318…"`. A line of a `.jsonl` file is one row of the function's event.

use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Map, Value, json};

use super::refused::{self, Refused};

/// A row, and the line of the file that it is on.
#[derive(Debug, PartialEq)]
pub struct Row {
    pub line: u64,
    pub json: Value,
    /// Its cells, for the file of refused rows; none in JSON Lines.
    cells: Vec<String>,
}

impl Row {
    pub fn refused(self, field: &str, problem: &str) -> Refused {
        let row = if self.cells.is_empty() { refused::Row::Json(self.json) } else { refused::Row::Cells(self.cells) };
        Refused { line: self.line, field: field.to_owned(), problem: problem.to_owned(), row }
    }
}

/// A file that was read.
#[derive(Debug)]
pub struct Sheet {
    /// The names of a row's cells, in the file's order; none in JSON Lines.
    pub columns: Option<Vec<String>>,
    pub rows: Vec<Row>,
    /// Rows that do not fit below the first line.
    pub broken: Vec<Refused>,
}

/// The text of a file in UTF-8, or in UTF-16 as spreadsheets save "Unicode text"; without its byte order mark.
pub fn text_of(file: &Path) -> anyhow::Result<String> {
    let bytes = std::fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    decoded(&bytes).with_context(|| file.display().to_string())
}

fn decoded(bytes: &[u8]) -> anyhow::Result<String> {
    let pairs =
        |to_unit: fn([u8; 2]) -> u16| bytes[2..].chunks_exact(2).map(|pair| to_unit([pair[0], pair[1]])).collect();
    let units: Vec<u16> = match bytes {
        [0xFF, 0xFE, ..] => pairs(u16::from_le_bytes),
        [0xFE, 0xFF, ..] => pairs(u16::from_be_bytes),
        _ => {
            let text = std::str::from_utf8(bytes).ok().context("is not in UTF-8: save it as \"CSV UTF-8\"")?;
            ensure!(!text.contains('\0'), "is no text");
            return Ok(text.strip_prefix('\u{feff}').unwrap_or(text).to_owned());
        }
    };
    ensure!(bytes.len().is_multiple_of(2), "ends in the middle of a character");
    String::from_utf16(&units).context("is not in UTF-16, as its first two bytes say")
}

/// Reads the rows of a text; the name of the file says what is in it.
pub fn read(file: &Path, text: &str) -> anyhow::Result<Sheet> {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("csv" | "tsv" | "txt") => from_cells(text),
        Some("jsonl" | "ndjson") => Ok(from_json_lines(text)),
        _ => bail!("{}: a file to import ends in .csv, .tsv, .txt, .jsonl or .ndjson", file.display()),
    }
}

fn from_json_lines(text: &str) -> Sheet {
    let mut sheet = Sheet { columns: None, rows: Vec::new(), broken: Vec::new() };
    for (line, json) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        match serde_json::from_str(json) {
            Ok(json) => sheet.rows.push(Row { line, json: refused::without_reasons(json), cells: Vec::new() }),
            Err(_) => sheet.broken.push(Refused {
                line,
                field: "row".to_owned(),
                problem: "is no JSON".to_owned(),
                row: refused::Row::Json(Value::Null),
            }),
        }
    }
    sheet
}

fn from_cells(text: &str) -> anyhow::Result<Sheet> {
    let (text, named) = without_separator_line(text);
    let separator = named.unwrap_or_else(|| separator_of(text.lines().next().unwrap_or_default()));
    let mut reader = csv::ReaderBuilder::new().delimiter(separator).flexible(true).from_reader(text.as_bytes());
    let columns: Vec<_> = reader.headers().context("the first line")?.iter().map(column).collect();
    for (at, column) in columns.iter().enumerate() {
        ensure!(!columns[..at].contains(column), "the column {column} is there twice");
    }
    ensure!(columns.iter().any(|column| column == "advertiser_id"), "the first line names no column advertiser_id");

    let mut lines = Lines { text, at: 0, number: 1 + u64::from(named.is_some()) };
    let (mut rows, mut broken) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let record = record?;
        let line = lines.number_at(record.position().map_or(0, csv::Position::byte));
        let cells: Vec<_> = record.iter().map(cell).collect();
        if cells.iter().all(String::is_empty) {
            continue;
        }
        match row_of(&columns, &cells) {
            Ok(json) => rows.push(Row { line, json, cells }),
            Err((field, problem)) => broken.push(Refused { line, field, problem, row: refused::Row::Cells(cells) }),
        }
    }
    Ok(Sheet { columns: Some(columns), rows, broken })
}

/// Counts the lines of a text from its beginning to its end.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    number: u64,
}

impl Lines<'_> {
    /// The number of the line that a record at this byte begins on: the reader passes over empty lines before it.
    fn number_at(&mut self, byte: u64) -> u64 {
        let byte = usize::try_from(byte).unwrap_or(self.text.len()).clamp(self.at, self.text.len());
        let bytes = self.text.as_bytes();
        let empty = bytes[byte..].iter().take_while(|byte| b"\r\n".contains(byte)).count();
        let begin = byte + empty;
        self.number += (self.at..begin).map(|at| u64::from(bytes[at] == b'\n')).sum::<u64>();
        self.at = begin;
        self.number
    }
}

/// `sep=;`, which tells a spreadsheet how to read the rest, is no row.
fn without_separator_line(text: &str) -> (&str, Option<u8>) {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    match first.trim_end().strip_prefix("sep=").map(str::as_bytes) {
        Some(&[separator]) => (rest, Some(separator)),
        _ => (text, None),
    }
}

/// The one of the three that the first line has most of.
fn separator_of(first_line: &str) -> u8 {
    let count = |separator: &u8| first_line.bytes().filter(|byte| byte == separator).count();
    // Of two that are there as often, the later one counts: a comma where there is nothing else.
    b"\t;,".iter().copied().max_by_key(count).unwrap_or(b',')
}

/// `Advertiser ID` is the column `advertiser_id`.
fn column(header: &str) -> String {
    let words: Vec<_> = header.trim().split([' ', '-', '_', '\u{a0}']).filter(|word| !word.is_empty()).collect();
    words.join("_").to_lowercase()
}

/// A cell without what keeps a spreadsheet from making a number of it.
fn cell(text: &str) -> String {
    let text = text.trim();
    if let Some(inner) = text.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"')) {
        return inner.trim().to_owned();
    }
    match text.strip_prefix('\'') {
        Some(number) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => number.to_owned(),
        _ => text.to_owned(),
    }
}

fn row_of(columns: &[String], cells: &[String]) -> Result<Value, (String, String)> {
    if cells.len() != columns.len() {
        let problem = format!("has {} cells, and the first line has {}", cells.len(), columns.len());
        return Err(("row".to_owned(), problem));
    }
    let mut row = Map::new();
    let filled = columns.iter().zip(cells).filter(|(column, cell)| !cell.is_empty() && !refused::is_column(column));
    for (column, cell) in filled {
        let wrong = |problem: &str| (column.clone(), problem.to_owned());
        let value = value(column, cell).ok_or_else(|| wrong("must be numbers with spaces between them"))?;
        put(&mut row, column, value).ok_or_else(|| wrong("is inside a column that is there as well"))?;
    }
    Ok(Value::Object(row))
}

fn value(column: &str, cell: &str) -> Option<Value> {
    if column.rsplit('.').next() != Some("scopes") {
        return Some(json!(cell));
    }
    let ids: Result<Vec<u64>, _> = cell.split_whitespace().map(str::parse).collect();
    ids.ok().map(|ids| json!(ids))
}

/// Puts a value where its column's name says: `a.b` is the field `b` of the object `a`.
fn put(row: &mut Map<String, Value>, column: &str, value: Value) -> Option<()> {
    match column.split_once('.') {
        None if row.contains_key(column) => None,
        None => {
            row.insert(column.to_owned(), value);
            Some(())
        }
        Some((outer, inner)) => match row.entry(outer).or_insert_with(|| json!({})) {
            Value::Object(object) => put(object, inner, value),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<Value> {
        let sheet = from_cells(text).unwrap();
        assert_eq!(sheet.broken, []);
        sheet.rows.into_iter().map(|row| row.json).collect()
    }

    #[test]
    fn cells_become_rows() {
        let text = "advertiser_id, name ,brand,connected.access_token,connected.scopes\n\
                    7318204956617320411,\"Shop, EU\",,abc,1 4 7543056879933489153\n\
                    7318204956617320412,Shop FR,shop,,\n";

        assert_eq!(
            rows(text),
            [
                json!({ "advertiser_id": "7318204956617320411", "name": "Shop, EU",
                        "connected": { "access_token": "abc", "scopes": [1, 4, 7_543_056_879_933_489_153_u64] } }),
                json!({ "advertiser_id": "7318204956617320412", "name": "Shop FR", "brand": "shop" }),
            ]
        );
    }

    #[test]
    fn whatever_a_spreadsheet_writes_is_understood() {
        let plain = rows("advertiser_id,business_center_id,name\n7318204956617320411,7241906835517320466,Shop EU\n");
        for text in [
            "Advertiser ID,Business Center ID,Name\n7318204956617320411,7241906835517320466,Shop EU\n",
            " ADVERTISER-ID ;business center_id;name\r\n7318204956617320411; 7241906835517320466 ;Shop EU\r\n;;\r\n",
            "advertiser_id\tbusiness_center_id\tname\n7318204956617320411\t7241906835517320466\tShop EU\n",
            "advertiser_id,business_center_id,name\n'7318204956617320411,\"=\"\"7241906835517320466\"\"\",Shop EU\n",
            "advertiser_id,business_center_id,name\n=\"7318204956617320411\",7241906835517320466,\"Shop EU\"\n",
            "sep=;\nadvertiser_id;business_center_id;name\n7318204956617320411;7241906835517320466;Shop EU\n",
        ] {
            assert_eq!(rows(text), plain, "{text}");
        }
    }

    #[test]
    fn text_comes_in_three_encodings() {
        let text = "advertiser_id\tname\n71\tCafé";
        let with_mark = format!("\u{feff}{text}");
        let little: Vec<u8> = with_mark.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = with_mark.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [text.as_bytes(), with_mark.as_bytes(), &little, &big] {
            assert_eq!(decoded(bytes).unwrap(), text);
        }
        for (bytes, problem) in [
            (&b"advertiser_id\n71;Caf\xe9"[..], "UTF-8"),
            (&little[..little.len() - 1], "middle"),
            (&[0xFF, 0xFE, 0x00, 0xD8], "UTF-16"),
            (b"PK\x03\x04\0\0", "no text"),
        ] {
            let error = decoded(bytes).unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        }
        assert_eq!(decoded(b"").unwrap(), "");
    }

    #[test]
    fn an_apostrophe_in_a_name_stays() {
        assert_eq!(rows("advertiser_id,name\n71,'s-Hertogenbosch\n")[0]["name"], "'s-Hertogenbosch");
    }

    #[test]
    fn a_row_that_does_not_fit_holds_up_no_other() {
        let sheet = from_cells(
            "advertiser_id,name,connected.scopes\n71,Shop,one\n72\n\n73,\"two\nlines\",1\n74,Shop,1,more\n75,Shop,\n",
        )
        .unwrap();
        let broken: Vec<_> = sheet.broken.iter().map(|row| (row.line, row.field.as_str())).collect();
        assert_eq!(broken, [(2, "connected.scopes"), (3, "row"), (7, "row")]);
        let lines: Vec<_> = sheet.rows.iter().map(|row| row.line).collect();
        assert_eq!(lines, [5, 8]);
        let named = from_cells("sep=,\nadvertiser_id\n71\n").unwrap();
        assert_eq!(named.rows[0].line, 3);
    }

    #[test]
    fn what_cannot_be_read_at_all_is_pointed_at() {
        for (text, problem) in
            [("Advertiser ID,advertiser_id\n1,2", "twice"), ("id,name\n1,2", "advertiser_id"), ("", "advertiser_id")]
        {
            let error = from_cells(text).unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        }
        let lines = from_json_lines("{}\n\n{");
        assert_eq!((lines.rows.len(), lines.broken[0].line), (1, 3));
        let twice = from_cells("advertiser_id,connected,connected.scopes\n71,x,1").unwrap();
        assert_eq!(twice.broken[0].field, "connected.scopes");
    }

    #[test]
    fn a_file_of_refused_rows_can_be_mended_and_imported() {
        let text = "refused_line,refused_field,refused_problem,advertiser_id,name\n7,name,must be there,71,Shop\n";
        assert_eq!(rows(text), [json!({ "advertiser_id": "71", "name": "Shop" })]);
    }
}
