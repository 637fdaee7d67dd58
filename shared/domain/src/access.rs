//! Who is asking, and which ad accounts are in their reach.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::ids::{InvalidId, Label, OrgId, UserId};

/// The person behind a request, as the verified token describes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub user_id: UserId,
    pub org_id: OrgId,
    pub may_read: bool,
    pub may_manage: bool,
    pub reach: Reach,
    /// For the receipt and `connected_by`; absent when the token issuer does not say.
    pub display: Option<String>,
}

/// `account_access`: the kinds that are listed must each match; a kind that is not listed does not limit. Stored as the
/// claim; without one it is everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Option<String>", into = "Option<String>")]
pub struct Reach {
    pub brands: Option<BTreeSet<Label>>,
    pub markets: Option<BTreeSet<Label>>,
    pub partners: Option<BTreeSet<Label>>,
}

/// What an ad account belongs to inside its organisation; each may be unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Belonging {
    pub brand: Option<Label>,
    pub market: Option<Label>,
    pub partner: Option<Label>,
}

/// The `account_access` claim is not what we understand; such a caller reaches nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReach {
    #[error("an entry is none of brand:<id>, market:<id>, partner:<id>")]
    UnknownKind,
    #[error("an id in it {0}")]
    Id(#[from] InvalidId),
}

impl Reach {
    /// Reads the claim: space separated `brand:<id>`, `market:<id>`, `partner:<id>`. An empty claim reaches nothing,
    /// because somebody who listed no account meant none.
    pub fn parse(claim: &str) -> Result<Self, InvalidReach> {
        let mut reach = Self::default();
        let mut entries = 0;
        for entry in claim.split_ascii_whitespace() {
            let (kind, id) = entry.split_once(':').ok_or(InvalidReach::UnknownKind)?;
            let listed = match kind {
                "brand" => &mut reach.brands,
                "market" => &mut reach.markets,
                "partner" => &mut reach.partners,
                _ => return Err(InvalidReach::UnknownKind),
            };
            listed.get_or_insert_default().insert(id.parse()?);
            entries += 1;
        }
        if entries == 0 {
            reach.brands = Some(BTreeSet::new());
        }
        Ok(reach)
    }

    /// The claim that reads as this; everything has none.
    fn claim(&self) -> Option<String> {
        let kinds = [("brand", &self.brands), ("market", &self.markets), ("partner", &self.partners)];
        let mut entries = Vec::new();
        for (kind, listed) in kinds {
            match listed {
                Some(ids) if ids.is_empty() => return Some(String::new()),
                ids => entries.extend(ids.iter().flatten().map(|id| format!("{kind}:{id}"))),
            }
        }
        (!entries.is_empty()).then(|| entries.join(" "))
    }

    pub fn is_everything(&self) -> bool {
        self.brands.is_none() && self.markets.is_none() && self.partners.is_none()
    }

    pub fn contains(&self, belonging: &Belonging) -> bool {
        let matches = |listed: &Option<BTreeSet<Label>>, label: &Option<Label>| match (listed, label) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(listed), Some(label)) => listed.contains(label),
        };
        matches(&self.brands, &belonging.brand)
            && matches(&self.markets, &belonging.market)
            && matches(&self.partners, &belonging.partner)
    }
}

impl TryFrom<Option<String>> for Reach {
    type Error = InvalidReach;
    fn try_from(claim: Option<String>) -> Result<Self, InvalidReach> {
        claim.map_or_else(|| Ok(Self::default()), |claim| Self::parse(&claim))
    }
}

impl From<Reach> for Option<String> {
    fn from(reach: Reach) -> Self {
        reach.claim()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_shop_de() -> Belonging {
        Belonging { brand: Some("shop".parse().unwrap()), market: Some("de".parse().unwrap()), partner: None }
    }

    #[test]
    fn each_listed_kind_must_match() {
        let reaches = |claim: &str| Reach::parse(claim).unwrap().contains(&in_shop_de());
        assert!(reaches("brand:shop"));
        assert!(reaches("brand:other brand:shop market:de"));
        assert!(!reaches("brand:shop market:fr"));
        assert!(!reaches("partner:agency-1"), "an account without a partner is in no partner's reach");
        assert!(!reaches(""));
        assert!(Reach::default().contains(&in_shop_de()));
    }

    /// What is stored reads as what it was; above all, nothing never turns into everything.
    #[test]
    fn it_is_stored_as_the_claim() {
        for (claim, stored) in [
            ("market:fr brand:shop brand:a", r#""brand:a brand:shop market:fr""#),
            ("partner:agency-1", r#""partner:agency-1""#),
            ("", r#""""#),
        ] {
            let reach = Reach::parse(claim).unwrap();
            assert_eq!(serde_json::to_string(&reach).unwrap(), stored);
            assert_eq!(serde_json::from_str::<Reach>(stored).unwrap(), reach);
        }
        assert_eq!(serde_json::to_string(&Reach::default()).unwrap(), "null");
        assert!(serde_json::from_str::<Reach>("null").unwrap().is_everything());
        assert!(serde_json::from_str::<Reach>(r#""region:eu""#).is_err());
        let nothing = Reach { brands: Some(BTreeSet::new()), ..Reach::parse("market:de").unwrap() };
        assert_eq!(serde_json::to_string(&nothing).unwrap(), r#""""#);
    }

    #[test]
    fn an_entry_we_do_not_understand_is_refused() {
        assert_eq!(Reach::parse("region:eu"), Err(InvalidReach::UnknownKind));
        assert_eq!(Reach::parse("brand"), Err(InvalidReach::UnknownKind));
        assert!(matches!(Reach::parse("brand:"), Err(InvalidReach::Id(_))));
    }
}
