//! Forms and queries, whose names may repeat.

use url::form_urlencoded;

pub(super) struct Form(Vec<(String, String)>);

impl Form {
    pub fn parse(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub fn all(&self, wanted: &str) -> impl Iterator<Item = &str> {
        self.pairs().filter(move |(name, _)| *name == wanted).map(|(_, value)| value)
    }

    pub fn first(&self, wanted: &str) -> Option<&str> {
        self.all(wanted).next()
    }
}
