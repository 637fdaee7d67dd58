//! Rows that were refused: a list for the terminal, and a file to mend and import again.

use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

const TOKEN: &str = "connected.access_token";
/// What the file says of each row, before the row itself. An import leaves these columns out.
const COLUMNS: [&str; 3] = ["refused_line", "refused_field", "refused_problem"];
/// The terminal shows no more; the file has all of them.
const SHOWN: usize = 20;

#[derive(Debug, PartialEq)]
pub struct Refused {
    /// Where it is in the file that was imported.
    pub line: u64,
    pub field: String,
    /// Finishes a sentence that begins with the field.
    pub problem: String,
    pub row: Row,
}

/// A row as it was in the file.
#[derive(Debug, PartialEq)]
pub enum Row {
    Cells(Vec<String>),
    Json(Value),
}

pub fn is_column(name: &str) -> bool {
    COLUMNS.contains(&name)
}

/// A row of JSON Lines without what an earlier import said of it.
pub fn without_reasons(mut row: Value) -> Value {
    if let Some(fields) = row.as_object_mut() {
        fields.retain(|name, _| !is_column(name));
    }
    row
}

/// `fleet.csv` is imported, and `fleet.refused.csv` has what was refused.
pub fn file_beside(file: &Path) -> PathBuf {
    let ending = file.extension().unwrap_or_default().to_string_lossy();
    file.with_extension(format!("refused.{ending}"))
}

/// Writes them as the file had them, with the reasons, and without access tokens. Only who imports may read it.
pub fn write(file: &Path, columns: Option<&[String]>, refused: &[Refused]) -> anyhow::Result<()> {
    let text = match columns {
        Some(columns) => as_cells(columns, refused)?,
        None => as_json_lines(refused),
    };
    // An older file may be open to others, and would stay so.
    if file.exists() {
        std::fs::remove_file(file)?;
    }
    let mut open = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    open.write_all(&text)?;
    Ok(())
}

fn as_cells(columns: &[String], refused: &[Refused]) -> anyhow::Result<Vec<u8>> {
    let kept: Vec<_> = (0..columns.len()).filter(|&at| columns[at] != TOKEN && !is_column(&columns[at])).collect();
    let mut csv = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    csv.write_record(COLUMNS.into_iter().chain(kept.iter().map(|&at| columns[at].as_str())))?;
    for Refused { line, field, problem, row } in refused {
        let line = line.to_string();
        // In a row with too few or too many cells any may be the token, so none is kept.
        let cells = match row {
            Row::Cells(cells) if cells.len() == columns.len() => cells.as_slice(),
            Row::Cells(_) | Row::Json(_) => &[],
        };
        let row = kept.iter().filter_map(|&at| cells.get(at)).map(String::as_str);
        csv.write_record([line.as_str(), field, problem].into_iter().chain(row))?;
    }
    Ok(csv.into_inner()?)
}

fn as_json_lines(refused: &[Refused]) -> Vec<u8> {
    let mut text = String::new();
    for Refused { line, field, problem, row } in refused {
        let mut fields = match row {
            Row::Json(Value::Object(fields)) => fields.clone(),
            Row::Json(_) | Row::Cells(_) => Map::new(),
        };
        if let Some(connected) = fields.get_mut("connected") {
            match connected.as_object_mut() {
                Some(connected) => drop(connected.remove("access_token")),
                // Whatever it is, it may be the token.
                None => drop(fields.remove("connected")),
            }
        }
        fields.extend(COLUMNS.map(str::to_owned).into_iter().zip([json!(line), json!(field), json!(problem)]));
        let _ = writeln!(text, "{}", Value::Object(fields));
    }
    text.into_bytes()
}

/// The list for the terminal.
pub fn listed(refused: &[Refused], file: &Path) -> String {
    let mut text = String::new();
    for Refused { line, field, problem, .. } in refused.iter().take(SHOWN) {
        let _ = writeln!(text, "line {line}: {field} {problem}");
    }
    if refused.len() > SHOWN {
        let _ = writeln!(text, "and {} more", refused.len() - SHOWN);
    }
    let _ = write!(
        text,
        "The refused rows are in {}, without access tokens. Mend them there and import that file.",
        file.display()
    );
    text
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use serde_json::json;

    use super::*;

    fn refused(line: u64, row: Row) -> Refused {
        Refused { line, field: "name".to_owned(), problem: "must be there".to_owned(), row }
    }

    fn cells(cells: &[&str]) -> Row {
        Row::Cells(cells.iter().map(|&cell| cell.to_owned()).collect())
    }

    fn written(columns: Option<&[String]>, rows: &[Refused]) -> String {
        let folder = std::env::temp_dir().join(format!("refused-{:?}", std::thread::current().id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = file_beside(&folder.join("fleet.csv"));
        std::fs::write(&file, "from before").unwrap();
        write(&file, columns, rows).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::remove_dir_all(folder).unwrap();
        text
    }

    #[test]
    fn the_file_holds_rows_without_their_tokens() {
        let columns = ["refused_line", "advertiser_id", TOKEN, "name"].map(str::to_owned);
        let rows = [refused(2, cells(&["9", "71", "c4n4ry", ""])), refused(5, cells(&["72", "c4n4ry"]))];
        assert_eq!(
            written(Some(&columns), &rows),
            "refused_line,refused_field,refused_problem,advertiser_id,name\n\
             2,name,must be there,71,\n\
             5,name,must be there\n"
        );
    }

    #[test]
    fn json_lines_lose_their_tokens_and_can_be_imported_again() {
        let row = json!({ "advertiser_id": "71", "connected": { "access_token": "c4n4ry", "scopes": [1] } });
        let odd = [json!({ "advertiser_id": "72", "connected": "c4n4ry" }), json!("c4n4ry"), Value::Null];
        let rows: Vec<_> =
            [vec![row], odd.to_vec()].concat().into_iter().map(|row| refused(3, Row::Json(row))).collect();
        let text = written(None, &rows);
        assert!(!text.contains("c4n4ry") && text.lines().count() == 4, "{text}");
        let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!((&first["refused_line"], &first["refused_problem"]), (&json!(3), &json!("must be there")));
        assert_eq!(without_reasons(first), json!({ "advertiser_id": "71", "connected": { "scopes": [1] } }));
    }

    #[test]
    fn the_terminal_is_not_flooded() {
        let many: Vec<_> = (0..25).map(|line| refused(line, cells(&[]))).collect();
        let text = listed(&many, Path::new("fleet.refused.csv"));
        assert!(text.contains("line 19: name must be there\nand 5 more\n"), "{text}");
        assert!(
            listed(&many[..1], Path::new("f")).starts_with("line 0: name must be there\nThe refused rows"),
            "{text}"
        );
    }
}
