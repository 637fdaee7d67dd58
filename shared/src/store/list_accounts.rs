//! What looking at ad accounts reads: pages of the list with the counts for both tabs, one account with what stands
//! behind it, and its history. Nothing here writes, and nothing scans.
//!
//! Both tabs and the whole list are sorted by Account ID, and an account never changes its Account ID. That is why a
//! position in a list is just the Account ID of the last account before it, and why a walk over the pages meets no account
//! twice, whatever changes status meanwhile.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::accounts::start_behind;
use super::counts::{Counts, counted};
use super::expression::Expression;
use super::rows::{BusinessCenterItem, RowItem, read};
use super::{Item, StoreError, Table, key, keys, sort_key, text};
use domain::access::Reach;
use domain::account::{AdAccount, Status};
use domain::causes::CauseCode;
use domain::events::EventKind;
use domain::gap::Gap;
use domain::grant::Grant;
use domain::ids::{AdvertiserId, Label, OrgId};

/// How many rows one query looks at when not every row matches.
const LOOKED_AT: usize = 1_000;
/// A search by name goes on until a page is full, but not for ever.
const NAME_SEARCH_QUERIES: usize = 10;
/// DynamoDB's limit for one `IN`.
const LABELS_PER_IN: usize = 100;
/// What a row shows: exactly what index `by_status` holds of it.
const ROW_ATTRIBUTES: [&str; 12] = [
    "advertiser_id",
    "name",
    "status",
    "cause",
    "lapsed_since",
    "at_risk",
    "business_center_id",
    "brand",
    "market",
    "partner",
    "connected_by",
    "version",
];

/// Which ad accounts are wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub org_id: OrgId,
    /// Only what the caller may see.
    pub reach: Reach,
    /// The tab; `None` is both.
    pub status: Option<Status>,
    pub search: Option<Search>,
    pub brand: Option<Label>,
    pub market: Option<Label>,
    pub partner: Option<Label>,
    /// Rows on a page.
    pub limit: usize,
    /// Begin behind this account.
    pub after: Option<AdvertiserId>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Search {
    /// Digits: the beginning of the Account ID.
    AccountIdPrefix(String),
    /// A part of the name, in any case.
    PartOfName(String),
}

impl Search {
    pub fn of(text: &str) -> Self {
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            Self::AccountIdPrefix(text.to_owned())
        } else {
            Self::PartOfName(text.to_owned())
        }
    }
}

/// A page may hold fewer rows than wanted, even none, and still not be the last: the last one has no `next`.
#[derive(Clone, Debug, Default)]
pub struct Page {
    pub rows: Vec<RowItem>,
    pub next: Option<AdvertiserId>,
}

/// What stands behind an account.
#[derive(Clone, Debug, Default)]
pub struct Behind {
    pub grant: Option<Grant>,
    /// As people who are Admin there have seen it.
    pub business_center: BusinessCenterItem,
}

/// Something that happened to an account, for people to read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happened {
    pub event_id: String,
    pub kind: EventKind,
    pub version: u64,
    pub occurred_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<CauseCode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<Gap>,
    /// Who did it, as their token or TikTok names them; absent when the service did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// A place in an account's history: everything there is older.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HistoryPosition(String);

/// Newest first; the last page has no `next`.
#[derive(Clone, Debug, Default)]
pub struct HistoryPage {
    pub history: Vec<Happened>,
    pub next: Option<HistoryPosition>,
}

impl Table {
    /// One query; a search by name takes up to ten.
    pub async fn page(&self, wanted: &Wanted) -> Result<Page, StoreError> {
        let Some(filter) = filter_of(wanted) else { return Ok(Page::default()) };
        // One row more than the page holds tells whether there is a next page.
        let (queries, looked_at) = match (&wanted.search, filter.text.is_empty()) {
            (Some(Search::PartOfName(_)), _) => (NAME_SEARCH_QUERIES, LOOKED_AT),
            (_, false) => (1, LOOKED_AT),
            (_, true) => (1, wanted.limit + 1),
        };
        let mut rows = Vec::new();
        let mut next = wanted.after.clone();
        for _ in 0..queries {
            let (found, behind_them) = self.matching(wanted, &filter, looked_at, next.as_ref()).await?;
            rows.extend(found);
            next = behind_them;
            if rows.len() >= wanted.limit || next.is_none() {
                break;
            }
        }
        if rows.len() > wanted.limit {
            rows.truncate(wanted.limit);
            next = rows.last().map(|row| row.advertiser_id.clone());
        }
        Ok(Page { rows, next })
    }

    /// Of everything within reach. One read.
    pub async fn counts(&self, org_id: &OrgId, reach: &Reach) -> Result<Counts, StoreError> {
        let row = self.get(keys::org(org_id), keys::COUNTS.to_owned()).await?;
        let mut counts = Counts::default();
        for (attribute, value) in row.into_iter().flatten() {
            let Some((status, belonging)) = counted(&attribute) else { continue };
            if !reach.contains(&belonging) {
                continue;
            }
            let number = value.as_n().ok().and_then(|number| number.parse::<u64>().ok()).unwrap_or_default();
            match status {
                Status::Active => counts.active += number,
                Status::NeedsConnecting => counts.needs_connecting += number,
            }
        }
        Ok(counts)
    }

    /// One read.
    pub async fn behind(&self, account: &AdAccount) -> Result<Behind, StoreError> {
        let (grant, business_center) = self.grant_of(account).await?;
        Ok(Behind { grant: grant.map(|stored| stored.grant), business_center })
    }

    /// One query.
    pub async fn history(
        &self,
        account: &AdAccount,
        limit: usize,
        before: Option<&HistoryPosition>,
    ) -> Result<HistoryPage, StoreError> {
        let pk = keys::history(&account.org_id, &account.advertiser_id);
        let events = Expression::new("pk = :account AND begins_with(sk, :event)")
            .value(":account", text(&pk))
            .value(":event", text(keys::EVENT_PREFIX));
        let answer = self
            .query(events)
            .set_exclusive_start_key(before.map(|HistoryPosition(sk)| key(pk.clone(), sk.clone())))
            .scan_index_forward(false)
            .limit(limit_of(limit + 1))
            .send()
            .await?;
        let mut items = answer.items.unwrap_or_default();
        let has_more = items.len() > limit || answer.last_evaluated_key.is_some();
        items.truncate(limit);
        let next = items.last().filter(|_| has_more).map(|item| HistoryPosition(sort_key(item).to_owned()));
        Ok(HistoryPage { history: items.into_iter().map(read).collect::<Result<_, _>>()?, next })
    }
}

impl Table {
    /// One query: the matching rows, and where the next one goes on if there is anything left to look at.
    async fn matching(
        &self,
        wanted: &Wanted,
        filter: &Expression,
        looked_at: usize,
        after: Option<&AdvertiserId>,
    ) -> Result<(Vec<RowItem>, Option<AdvertiserId>), StoreError> {
        let (index, pk_name, sk_name, pk) = match wanted.status {
            None => (None, "pk", "sk", keys::org(&wanted.org_id)),
            Some(status) => (Some(keys::BY_STATUS), "status_pk", "status_sk", keys::org_status(&wanted.org_id, status)),
        };
        let digits = match &wanted.search {
            Some(Search::AccountIdPrefix(digits)) => digits.as_str(),
            Some(Search::PartOfName(_)) | None => "",
        };
        let mut keys = Expression::new(&format!("{pk_name} = :pk AND begins_with({sk_name}, :sk)"))
            .value(":pk", text(pk))
            .value(":sk", text(format!("{}{digits}", keys::ACCOUNT_PREFIX)));
        for attribute in ROW_ATTRIBUTES {
            keys = keys.name(&format!("#{attribute}"), attribute);
        }
        keys.values.extend(filter.values.clone());
        let answer = self
            .query(keys)
            .set_index_name(index.map(str::to_owned))
            .projection_expression(ROW_ATTRIBUTES.map(|attribute| format!("#{attribute}")).join(", "))
            .set_filter_expression((!filter.text.is_empty()).then(|| filter.text.clone()))
            .set_exclusive_start_key(after.map(|id| start_behind(&wanted.org_id, wanted.status, id)))
            .limit(limit_of(looked_at))
            .send()
            .await?;
        let rows =
            answer.items.into_iter().flatten().map(|item| row(&wanted.org_id, item)).collect::<Result<_, _>>()?;
        let last = answer.last_evaluated_key.as_ref().map(behind_prefix).transpose()?;
        Ok((rows, last))
    }
}

fn behind_prefix(last: &Item) -> Result<AdvertiserId, StoreError> {
    let sk = sort_key(last);
    keys::advertiser_id(sk)
        .ok_or_else(|| StoreError::Unreadable { key: sk.to_owned(), problem: "is not an ad account's".to_owned() })
}

/// The answer leaves the keys out, so the row that cannot be read is named by what identifies it.
fn row(org_id: &OrgId, item: Item) -> Result<RowItem, StoreError> {
    let id = item.get("advertiser_id").and_then(|id| id.as_s().ok()).cloned().unwrap_or_default();
    serde_dynamo::from_item(item).map_err(|error| StoreError::Unreadable {
        key: format!("{}/{}{id}", keys::org(org_id), keys::ACCOUNT_PREFIX),
        problem: error.to_string(),
    })
}

fn limit_of(rows: usize) -> i32 {
    i32::try_from(rows).unwrap_or(i32::MAX)
}

/// Conditions on rows that the sort key cannot express; no text is none. `None` when nothing can match, so that nobody
/// need ask.
fn filter_of(wanted: &Wanted) -> Option<Expression> {
    let Wanted { reach, brand, market, partner, search, .. } = wanted;
    let mut filter = Expression::default();
    only(&mut filter, "brand", narrowed(reach.brands.as_ref(), brand.as_ref()))?;
    only(&mut filter, "market", narrowed(reach.markets.as_ref(), market.as_ref()))?;
    only(&mut filter, "partner", narrowed(reach.partners.as_ref(), partner.as_ref()))?;
    if let Some(Search::PartOfName(part)) = search {
        let placeholder = filter.numbered(part.to_lowercase());
        filter.and(&format!("contains(name_folded, {placeholder})"));
    }
    Some(filter)
}

/// Only rows with one of these labels; `None` when no label is allowed.
fn only(filter: &mut Expression, attribute: &str, allowed: Option<BTreeSet<Label>>) -> Option<()> {
    let Some(allowed) = allowed else { return Some(()) };
    let placeholders: Vec<_> = allowed.into_iter().map(|label| filter.numbered(label.to_string())).collect();
    let lists = placeholders.chunks(LABELS_PER_IN).map(|some| format!("#{attribute} IN ({})", some.join(",")));
    let condition = lists.collect::<Vec<_>>().join(" OR ");
    (!condition.is_empty()).then(|| filter.and(&format!("({condition})")))
}

/// The labels that both the reach and the filter allow; `None` is all of them.
fn narrowed(reach: Option<&BTreeSet<Label>>, wanted: Option<&Label>) -> Option<BTreeSet<Label>> {
    match (reach, wanted) {
        (reach, None) => reach.cloned(),
        (None, Some(label)) => Some(BTreeSet::from([label.clone()])),
        (Some(reach), Some(label)) => Some(reach.iter().filter(|listed| *listed == label).cloned().collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(claim: &str, brand: Option<&str>) -> Wanted {
        Wanted {
            org_id: "org-a".parse().unwrap(),
            reach: Reach::parse(claim).unwrap(),
            status: None,
            search: None,
            brand: brand.map(|brand| brand.parse().unwrap()),
            market: None,
            partner: None,
            limit: 50,
            after: None,
        }
    }

    /// The longest claim that fits into a request's headers stays within DynamoDB's limits: 100 values for one `IN`,
    /// 4 KB for the expression.
    #[test]
    fn a_long_reach_makes_an_expression_that_dynamodb_takes() {
        let claim: Vec<_> = (0..620).map(|number| format!("brand:{number}")).collect();
        let claim = claim.join(" ");
        assert!(claim.len() > 5_500, "more than base64url leaves of 10 KB of headers, signature and the rest aside");
        let filter = filter_of(&wanted(&claim, None)).unwrap();
        assert!(filter.text.len() <= 4_096, "{}", filter.text.len());
        let longest = filter.text.split(" OR ").map(|list| list.split(',').count()).max();
        assert_eq!(longest, Some(LABELS_PER_IN));
        assert_eq!(filter.values.len(), 620);
    }

    #[test]
    fn a_filter_within_reach_narrows_it_and_one_outside_reaches_nothing() {
        let narrow = filter_of(&wanted("brand:shop brand:outlet", Some("shop"))).unwrap();
        assert_eq!(narrow.text, "(#brand IN (:0))");
        assert_eq!(narrow.values[":0"], text("shop"));
        assert!(filter_of(&wanted("brand:shop", Some("outlet"))).is_none());
        assert!(filter_of(&wanted("", None)).is_none());
    }
}
