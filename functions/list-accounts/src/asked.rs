//! What a request asks for, read from its query.

use domain::access::{Caller, Reach};
use domain::account::Status;
use domain::ids::{AdvertiserId, Label};
use shared::http::{Problem, Query};
use shared::store::list_accounts::{Search, Wanted};

const LONGEST_SEARCH: usize = 100;
const DEFAULT_LIMIT: usize = 50;
const LARGEST_LIMIT: usize = 100;

/// The parameters of the list.
#[derive(Debug, PartialEq, Eq)]
pub struct Asked {
    status: Option<Status>,
    search: Option<String>,
    brand: Option<Label>,
    market: Option<Label>,
    partner: Option<Label>,
    limit: usize,
    pub cursor: Option<String>,
}

/// The parameters of an account's history.
#[derive(Debug, PartialEq, Eq)]
pub struct AskedHistory {
    pub limit: usize,
    pub cursor: Option<String>,
}

impl Asked {
    pub fn read(mut query: Query) -> Result<Self, Problem> {
        let asked = Self {
            status: query.take_as("status", "needs_connecting or active", status)?,
            search: query.take_as("search", "1 to 100 characters long", search)?,
            brand: label(&mut query, "brand")?,
            market: label(&mut query, "market")?,
            partner: label(&mut query, "partner")?,
            limit: limit(&mut query)?,
            cursor: query.take("cursor"),
        };
        query.nothing_else()?;
        Ok(asked)
    }

    /// Everything that decides which accounts are in the list, in one spelling. A cursor is bound to it, the caller's
    /// reach included: whoever reaches more or less than before starts again. The page size may change on the way.
    pub fn filter(&self, reach: &Reach) -> String {
        let Self { status, search, brand, market, partner, limit: _, cursor: _ } = self;
        let Reach { brands, markets, partners } = reach;
        serde_json::json!([status, search, brand, market, partner, brands, markets, partners]).to_string()
    }

    pub fn wanted(self, caller: &Caller, after: Option<AdvertiserId>) -> Wanted {
        Wanted {
            org_id: caller.org_id.clone(),
            reach: caller.reach.clone(),
            status: self.status,
            search: self.search.as_deref().map(Search::of),
            brand: self.brand,
            market: self.market,
            partner: self.partner,
            limit: self.limit,
            after,
        }
    }
}

impl AskedHistory {
    pub fn read(mut query: Query) -> Result<Self, Problem> {
        let asked = Self { limit: limit(&mut query)?, cursor: query.take("cursor") };
        query.nothing_else()?;
        Ok(asked)
    }
}

fn status(text: &str) -> Option<Status> {
    [Status::NeedsConnecting, Status::Active].into_iter().find(|status| status.name() == text)
}

fn search(text: &str) -> Option<String> {
    (1..=LONGEST_SEARCH).contains(&text.chars().count()).then(|| text.to_owned())
}

fn label(query: &mut Query, name: &str) -> Result<Option<Label>, Problem> {
    query.take_as(name, "1 to 64 letters, digits, dots, dashes or underscores", |text| text.parse().ok())
}

fn limit(query: &mut Query) -> Result<usize, Problem> {
    let number = |text: &str| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|limit| digits && (1..=LARGEST_LIMIT).contains(limit))
    };
    Ok(query.take_as("limit", "a whole number from 1 to 100", number)?.unwrap_or(DEFAULT_LIMIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Asked, Problem> {
        Asked::read(Query::parse(query)?)
    }

    #[test]
    fn nothing_asked_for_is_the_first_fifty_of_everything() {
        let asked = read("").unwrap();
        assert_eq!((asked.status, asked.limit), (None, 50));
        assert_eq!(AskedHistory::read(Query::default()).unwrap(), AskedHistory { limit: 50, cursor: None });
    }

    #[test]
    fn every_parameter_is_read() {
        let asked =
            read("status=needs_connecting&search=Shop+EU&brand=shop&market=de&partner=agency-1&limit=100&cursor=x")
                .unwrap();
        let expected = Asked {
            status: Some(Status::NeedsConnecting),
            search: Some("Shop EU".to_owned()),
            brand: "shop".parse().ok(),
            market: "de".parse().ok(),
            partner: "agency-1".parse().ok(),
            limit: 100,
            cursor: Some("x".to_owned()),
        };
        assert_eq!(asked, expected);
    }

    /// T35: each parameter is checked, and the one that is wrong is named.
    #[test]
    fn what_does_not_fit_is_refused_by_name() {
        let long = format!("search={}", "é".repeat(101));
        let long_label = format!("brand={}", "a".repeat(65));
        for (query, field) in [
            ("status=paused", "status"),
            ("status=Active", "status"),
            ("status=", "status"),
            ("search=", "search"),
            (&long, "search"),
            ("brand=", "brand"),
            ("brand=a%23b", "brand"),
            (&long_label, "brand"),
            ("market=de,fr", "market"),
            ("partner=a+b", "partner"),
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("limit=-1", "limit"),
            ("limit=%2B5", "limit"),
            ("limit=1e1", "limit"),
            ("limit=99999999999999999999999", "limit"),
            ("limit=", "limit"),
            ("org_id=org-b", "org_id"),
            ("limit=5&limit=5", "limit"),
        ] {
            let problem = read(query).unwrap_err().to_json("r");
            assert_eq!(problem["field"], field, "{query}: {problem}");
        }
        assert!(read(&format!("search={}", "é".repeat(100))).is_ok());
        let unknown = AskedHistory::read(Query::parse("status=active").unwrap()).unwrap_err();
        assert_eq!(unknown.to_json("r")["field"], "status");
    }

    /// T43: a cursor goes on with the list that it was made for, and with no other.
    #[test]
    fn every_filter_and_the_reach_make_another_list() {
        let everything = Reach::default();
        let filter = |query: &str| read(query).unwrap().filter(&everything);
        let queries = [
            "",
            "status=active",
            "status=needs_connecting",
            "search=a",
            "search=b",
            "brand=a",
            "market=a",
            "partner=a",
        ];
        let mut filters: Vec<_> = queries.into_iter().map(filter).collect();
        for claim in ["", "brand:a", "market:a", "partner:a", "brand:a brand:b"] {
            filters.push(read("").unwrap().filter(&Reach::parse(claim).unwrap()));
        }
        for (at, filter) in filters.iter().enumerate() {
            assert!(!filters[..at].contains(filter), "{filter}");
        }
        assert_eq!(filter("limit=7&cursor=x"), filter(""));
    }
}
