//! Query strings, parsed by ourselves and strictly.
//!
//! The gateway joins a parameter that is sent twice into one value with a comma, and most parsers guess their way through
//! broken escapes. Here a query is short, every parameter stands in it once, and every byte of it decodes.

use std::collections::BTreeMap;

use super::problem::Problem;

/// The longest query that is read, in bytes.
pub const LIMIT: usize = 4 * 1024;

/// The parameters of a query, decoded.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Query {
    parameters: BTreeMap<String, String>,
}

/// A query that is refused as a whole. Names what is wrong and repeats no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidQuery {
    #[error("the query is above 4 KB")]
    TooLong,
    #[error("a parameter's name does not decode")]
    Name,
    #[error("the value of `{0}` does not decode, or has control characters in it")]
    Value(String),
    #[error("`{0}` is there more than once")]
    Repeated(String),
}

impl From<InvalidQuery> for Problem {
    fn from(invalid: InvalidQuery) -> Self {
        match invalid {
            InvalidQuery::TooLong => Self::field("query", "at most 4 KB long"),
            InvalidQuery::Name => Self::field("query", "percent-encoded UTF-8"),
            InvalidQuery::Value(name) => Self::field(&name, "percent-encoded UTF-8 without control characters"),
            InvalidQuery::Repeated(name) => Self::field(&name, "there only once"),
        }
    }
}

impl Query {
    pub fn parse(raw: &str) -> Result<Self, InvalidQuery> {
        if raw.len() > LIMIT {
            return Err(InvalidQuery::TooLong);
        }
        let mut query = Self::default();
        for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decoded(name).filter(|name| !name.is_empty()).ok_or(InvalidQuery::Name)?;
            let Some(value) = decoded(value) else { return Err(InvalidQuery::Value(name)) };
            if query.parameters.contains_key(&name) {
                return Err(InvalidQuery::Repeated(name));
            }
            query.parameters.insert(name, value);
        }
        Ok(query)
    }

    /// Takes a parameter out, as text.
    pub fn take(&mut self, name: &str) -> Option<String> {
        self.parameters.remove(name)
    }

    /// Takes a parameter out and reads it. `expected` finishes the sentence "`name` must be …".
    pub fn take_as<T>(
        &mut self,
        name: &str,
        expected: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        match self.take(name) {
            None => Ok(None),
            Some(text) => read(&text).map(Some).ok_or_else(|| Problem::field(name, expected)),
        }
    }

    /// Refuses what nobody took: a parameter that the route does not know.
    pub fn nothing_else(self) -> Result<(), Problem> {
        match self.parameters.into_keys().next() {
            None => Ok(()),
            Some(name) => Err(Problem::field(&name, "left out: it is no parameter of this request")),
        }
    }
}

/// Decodes `application/x-www-form-urlencoded` text. `None` for broken escapes, for what is not UTF-8 and for control characters.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        let (byte, behind) = match (first, behind) {
            (b'+', _) => (b' ', behind),
            (b'%', [high, low, behind @ ..]) => (hex(*high)? * 16 + hex(*low)?, behind),
            (b'%', _) => return None,
            (other, _) => (*other, behind),
        };
        bytes.push(byte);
        rest = behind;
    }
    String::from_utf8(bytes).ok().filter(|text| !text.chars().any(char::is_control))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn taken(raw: &str, name: &str) -> Option<String> {
        Query::parse(raw).unwrap().take(name)
    }

    #[test]
    fn parameters_are_decoded() {
        assert_eq!(taken("search=Shop+EU%20%26%c3%A9", "search").as_deref(), Some("Shop EU &é"));
        assert_eq!(taken("a=1&b=2,3", "b").as_deref(), Some("2,3"));
        assert_eq!(taken("a=b=c", "a").as_deref(), Some("b=c"));
        assert_eq!(taken("a", "a").as_deref(), Some(""));
        assert_eq!(taken("&&", "a"), None);
        assert_eq!(taken("", "a"), None);
    }

    /// T25, T26.
    #[test]
    fn what_is_repeated_or_broken_is_refused_by_name() {
        let refused = |raw: &str| Query::parse(raw).unwrap_err();
        assert_eq!(refused("state=a&state=b"), InvalidQuery::Repeated("state".to_owned()));
        assert_eq!(refused("state=a&%73tate=a"), InvalidQuery::Repeated("state".to_owned()));
        for broken in ["s=%zz", "s=%", "s=%4", "s=%+1", "s=%ff", "s=%c0%80", "s=%00", "s=%0d%0aX: y", "s=a%7fb"] {
            assert_eq!(refused(broken), InvalidQuery::Value("s".to_owned()), "{broken}");
        }
        for broken in ["%zz=1", "=1", "%00=1"] {
            assert_eq!(refused(broken), InvalidQuery::Name, "{broken}");
        }
        assert_eq!(refused(&"a".repeat(LIMIT + 1)), InvalidQuery::TooLong);
        assert!(Query::parse(&"a".repeat(LIMIT)).is_ok());
        assert_eq!(Problem::from(refused("state=a&state=b")).to_json("r")["field"], "state");
    }

    #[test]
    fn what_nobody_takes_is_refused() {
        let mut query = Query::parse("limit=7&org_id=x").unwrap();
        let limit = query.take_as("limit", "a number", |text| text.parse::<u8>().ok()).unwrap();
        assert_eq!(limit, Some(7));
        assert_eq!(query.take_as("cursor", "a cursor", |_| None::<u8>).unwrap(), None);
        assert_eq!(query.nothing_else().unwrap_err().to_json("r")["field"], "org_id");

        let mut query = Query::parse("limit=c4n4ry").unwrap();
        let problem = query.take_as("limit", "a number", |text| text.parse::<u8>().ok()).unwrap_err();
        assert_eq!(problem.to_json("r")["detail"], "`limit` must be a number.");
        assert!(query.nothing_else().is_ok());
    }

    proptest! {
        /// T25: any text is an answer and never a panic.
        #[test]
        fn any_text_parses_or_is_refused(raw in "(%[0-9a-fz]{0,2}|[a-z&=+%\\x00é]){0,60}") {
            if let Ok(query) = Query::parse(&raw) {
                for (name, value) in query.parameters {
                    prop_assert!(!name.is_empty());
                    prop_assert!(!value.chars().any(char::is_control));
                }
            }
        }

        #[test]
        fn what_is_encoded_comes_back(value in "[^\\p{Cc}]{0,40}") {
            let encoded = url::form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>();
            prop_assert_eq!(taken(&format!("a={encoded}"), "a").unwrap(), value);
        }
    }
}
