//! Who is asking, and which ad accounts are in their reach.

use std::collections::BTreeSet;

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

/// `account_access`: the kinds that are listed must each match; a kind that is not listed does not limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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

    #[test]
    fn an_entry_we_do_not_understand_is_refused() {
        assert_eq!(Reach::parse("region:eu"), Err(InvalidReach::UnknownKind));
        assert_eq!(Reach::parse("brand"), Err(InvalidReach::UnknownKind));
        assert!(matches!(Reach::parse("brand:"), Err(InvalidReach::Id(_))));
    }
}
