//! What is known of a Business Center: who its Admins are, and what it is called.

use super::account::AdAccount;
use super::causes::NamedBusinessCenter;

/// A current member of a Business Center.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// `None` when TikTok keeps it to itself.
    pub display_name: Option<String>,
    pub is_admin: bool,
}

/// The Admins of a Business Center, as TikTok listed them. Those without a name are counted, and never shown as a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admins {
    pub count: usize,
    pub names: Vec<String>,
}

impl Admins {
    pub fn of(members: &[Member]) -> Self {
        let admins = || members.iter().filter(|member| member.is_admin);
        Self { count: admins().count(), names: admins().filter_map(|admin| admin.display_name.clone()).collect() }
    }

    /// The names to remember; `None` where TikTok told none, which is no reason to forget those that were known.
    pub fn to_remember(&self) -> Option<&[String]> {
        (!self.names.is_empty()).then_some(self.names.as_slice())
    }
}

/// The account's original Business Center by the best name there is: as TikTok tells it now, as the account has it, as the
/// organisation knew it.
pub fn named(account: &AdAccount, told: Option<String>, known: Option<String>) -> NamedBusinessCenter {
    let center = &account.business_center;
    NamedBusinessCenter { id: center.id.clone(), name: told.or_else(|| center.name.clone()).or(known) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::an_account;

    fn member(name: Option<&str>, is_admin: bool) -> Member {
        Member { display_name: name.map(str::to_owned), is_admin }
    }

    #[test]
    fn admins_without_a_name_are_counted_and_not_named() {
        let members = [member(Some("Ana M"), true), member(None, true), member(Some("Sven"), false)];
        let admins = Admins::of(&members);
        assert_eq!((admins.count, admins.names.as_slice()), (2, ["Ana M".to_owned()].as_slice()));
        assert_eq!(admins.to_remember(), Some(["Ana M".to_owned()].as_slice()));
        assert_eq!(Admins::of(&[member(None, true)]).to_remember(), None, "nothing known is forgotten for it");
    }

    #[test]
    fn the_name_of_now_comes_before_those_known_before() {
        let mut account = an_account();
        account.business_center.name = Some("as connected".to_owned());
        let name = |account: &AdAccount, told: Option<&str>| {
            named(account, told.map(str::to_owned), Some("as known".to_owned())).name.unwrap()
        };
        assert_eq!(name(&account, Some("as told")), "as told");
        assert_eq!(name(&account, None), "as connected");
        account.business_center.name = None;
        assert_eq!(name(&account, None), "as known");
    }
}
