//! Reading parameters: GET queries are form-decoded, and lists and objects in them are JSON text; POST bodies are JSON.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::Refusal;
use crate::{ids, switches::Code};

/// The parameters of one call, whatever way they came, and the code that a bad one is answered with.
#[derive(Default)]
pub(crate) struct Params {
    values: BTreeMap<String, Value>,
    bad: Code,
    /// Why nothing could be read at all.
    unreadable: Option<&'static str>,
}

pub(crate) struct Paging {
    pub page: u64,
    pub page_size: u64,
}

impl Params {
    /// A query, or a form in a body.
    pub fn from_form(raw: &str, bad: Code) -> Self {
        // Characters that a correct client encodes; TikTok fails on them too.
        let unreadable = raw
            .contains(['[', ']', '{', '}', '"'])
            .then_some("The query is not URL-encoded: brackets and quotes must be.");
        let values = form_urlencoded::parse(raw.as_bytes())
            .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
            .collect();
        Self { values, bad, unreadable }
    }

    pub fn from_json(body: &[u8], bad: Code) -> Self {
        match serde_json::from_slice(body) {
            Ok(values) => Self { values, bad, unreadable: None },
            Err(_) => Self { values: BTreeMap::new(), bad, unreadable: Some("The request body is not a JSON object.") },
        }
    }

    /// Fails if the query or body as a whole was unreadable.
    pub fn readable(&self) -> Result<(), Refusal> {
        self.unreadable.map_or(Ok(()), |why| Err(self.refuse(why)))
    }

    pub fn refuse(&self, why: impl Into<String>) -> Refusal {
        Refusal::new(self.bad, why)
    }

    /// A text or number as text; `None` when absent, null or empty.
    pub fn text(&self, name: &str) -> Option<String> {
        match self.values.get(name)? {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    pub fn required(&self, name: &str) -> Result<String, Refusal> {
        self.text(name).ok_or_else(|| self.missing(name))
    }

    pub fn missing(&self, name: &str) -> Refusal {
        self.refuse(format!("Missing required field(s): {name}."))
    }

    /// An id, which must be a 64-bit number.
    pub fn id(&self, name: &str) -> Result<Option<String>, Refusal> {
        let Some(id) = self.text(name) else { return Ok(None) };
        if ids::is_id(&id) { Ok(Some(id)) } else { Err(self.refuse(format!("{name}: Not a valid integer."))) }
    }

    pub fn required_id(&self, name: &str) -> Result<String, Refusal> {
        self.id(name)?.ok_or_else(|| self.missing(name))
    }

    /// A list of ids, given as strings or numbers; `None` when absent.
    pub fn ids(&self, name: &str) -> Result<Option<Vec<String>>, Refusal> {
        let Some(values) = self.json::<Vec<Value>>(name)? else { return Ok(None) };
        let id = |value: &Value| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            ids::is_id(&text).then_some(text)
        };
        let ids: Option<_> = values.iter().map(id).collect();
        ids.map(Some).ok_or_else(|| self.refuse(format!("{name}: Not a valid list of integers.")))
    }

    /// The ad accounts that the call names, as far as they can be read.
    pub fn ad_accounts(&self) -> Vec<String> {
        let one = self.id("advertiser_id").ok().flatten();
        let many = self.ids("advertiser_ids").ok().flatten();
        one.into_iter().chain(many.into_iter().flatten()).collect()
    }

    /// A structured value: JSON text in a query, or the value itself in a body.
    pub fn json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Refusal> {
        let parsed = match self.values.get(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) if text.is_empty() => return Ok(None),
            Some(Value::String(text)) => serde_json::from_str(text),
            Some(value) => serde_json::from_value(value.clone()),
        };
        parsed.map(Some).map_err(|_| self.refuse(format!("{name}: Not a valid value.")))
    }

    /// One of an enum's words.
    pub fn word<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Refusal> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let word = serde_json::from_value(Value::String(text));
        word.map(Some).map_err(|_| self.refuse(format!("{name}: Not a valid choice.")))
    }

    pub fn flag(&self, name: &str, default: bool) -> Result<bool, Refusal> {
        match self.values.get(name) {
            None | Some(Value::Null) => Ok(default),
            Some(Value::Bool(flag)) => Ok(*flag),
            // Python's spelling is what TikTok's own SDK sends.
            Some(Value::String(text)) if text == "true" || text == "True" => Ok(true),
            Some(Value::String(text)) if text == "false" || text == "False" => Ok(false),
            Some(_) => Err(self.refuse(format!("{name}: Not a valid boolean."))),
        }
    }

    /// `page` and `page_size`, by default the first ten.
    pub fn paging(&self, max_page_size: u64) -> Result<Paging, Refusal> {
        let number = |name: &str, default: u64, max: u64| match self.text(name) {
            None => Ok(default),
            Some(text) => match text.parse() {
                Ok(number) if (1..=max).contains(&number) => Ok(number),
                Ok(number) if number > max => Err(self.refuse(format!("{name}: Value is greater than maximum {max}."))),
                _ => Err(self.refuse(format!("{name}: Not a valid number from 1."))),
            },
        };
        Ok(Paging { page: number("page", 1, u64::from(u32::MAX))?, page_size: number("page_size", 10, max_page_size)? })
    }

    /// Asks for another page than the client did.
    pub fn set_page(&mut self, page: u64) {
        self.values.insert("page".to_owned(), json!(page));
    }
}

impl Paging {
    /// One page of `items` with its `page_info`. Pages behind the last are empty.
    pub fn cut<T>(&self, items: impl Iterator<Item = T>, render: impl FnMut(T) -> Value) -> Value {
        let items: Vec<T> = items.collect();
        let total = items.len() as u64;
        let skipped = usize::try_from((self.page - 1) * self.page_size).unwrap_or(usize::MAX);
        let taken = usize::try_from(self.page_size).unwrap_or(usize::MAX);
        let list: Vec<Value> = items.into_iter().skip(skipped).take(taken).map(render).collect();
        json!({ "list": list, "page_info": {
            "page": self.page, "page_size": self.page_size,
            "total_number": total, "total_page": total.div_ceil(self.page_size),
        } })
    }
}

/// Case-insensitive "contains", as keyword filters do it; no keyword matches everything.
pub(crate) fn matches_keyword(keyword: Option<&str>, texts: &[&str]) -> bool {
    let Some(keyword) = keyword.map(str::to_lowercase) else { return true };
    texts.iter().any(|text| text.to_lowercase().contains(&keyword))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(raw: &str) -> Params {
        Params::from_form(raw, 40002)
    }

    #[test]
    fn lists_are_form_decoded_and_then_read_as_json() {
        let python = form("advertiser_ids=%5B%22711%22%2C+%22712%22%5D");
        assert_eq!(python.ids("advertiser_ids").unwrap().unwrap(), ["711", "712"]);
        let numbers = form("advertiser_ids=%5B7100000000000000011%5D");
        assert_eq!(numbers.ids("advertiser_ids").unwrap().unwrap(), ["7100000000000000011"]);
    }

    #[test]
    fn raw_brackets_make_the_call_fail() {
        assert_eq!(form("advertiser_ids=[711]").readable().unwrap_err().code, 40002);
        assert!(form("advertiser_ids=%5B711%5D").readable().is_ok());
    }

    #[test]
    fn bad_values_name_the_field() {
        let params = form("bc_id=abc&advertiser_ids=%5B%22x%22%5D&filtering=%7B&page_size=51&page=0");
        for refusal in [
            params.id("bc_id").unwrap_err(),
            params.ids("advertiser_ids").unwrap_err(),
            params.json::<Value>("filtering").unwrap_err(),
            params.paging(50).err().unwrap(),
        ] {
            assert_eq!(refusal.code, 40002);
            assert!(refusal.message.contains(':'), "{}", refusal.message);
        }
    }

    #[test]
    fn pages_are_cut_and_counted() {
        let paging = form("page=3&page_size=2").paging(50).unwrap();
        let page = paging.cut(1..=5, |number| json!(number));
        assert_eq!(page["list"], json!([5]));
        assert_eq!(page["page_info"], json!({ "page": 3, "page_size": 2, "total_number": 5, "total_page": 3 }));
        let beyond = form("page=9&page_size=2").paging(50).unwrap().cut(1..=5, |number| json!(number));
        assert_eq!(beyond["list"], json!([]));
    }
}
