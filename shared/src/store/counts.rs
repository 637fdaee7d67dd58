//! The numbers of ad accounts on the two tabs, and the attributes under which an organisation's row keeps them: one for
//! each combination of status, brand, market and partner, so that every reach can add up its own.

use serde::Serialize;

use domain::access::Belonging;
use domain::account::{AdAccount, Status};
use domain::ids::Label;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub active: u64,
    pub needs_connecting: u64,
}

/// The attribute that counts an account.
pub(super) fn attribute(account: &AdAccount) -> String {
    let label = |label: &Option<Label>| label.as_ref().map_or(String::new(), ToString::to_string);
    let Belonging { brand, market, partner } = &account.belonging;
    format!("{}|{}|{}|{}", account.status().name(), label(brand), label(market), label(partner))
}

/// What an attribute that [`attribute`] named counts; `None` of any other.
pub(super) fn counted(attribute: &str) -> Option<(Status, Belonging)> {
    let mut parts = attribute.split('|');
    let status = match parts.next()? {
        "active" => Status::Active,
        "needs_connecting" => Status::NeedsConnecting,
        _ => return None,
    };
    let mut label = || -> Option<Option<Label>> {
        let part = parts.next()?;
        if part.is_empty() { Some(None) } else { part.parse().ok().map(Some) }
    };
    Some((status, Belonging { brand: label()?, market: label()?, partner: label()? }))
}
