//! Strikes: one definitive "this is dead" from one run of the sweep. It takes two, from different runs and well apart,
//! about the same token, for anything to lapse. A healthy answer takes them back; no answer leaves them as they are.
//!
//! Strikes lie with the grant. A dead token strikes once, for all its ad accounts; an ad account that a living token
//! has lost strikes by itself.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::ids::AdvertiserId;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strike {
    /// Which run of the sweep saw it.
    pub run: String,
    pub at: Timestamp,
    pub token_version: u64,
    pub of: Struck,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Struck {
    /// The token is dead, and so is everything that hangs on it.
    Token,
    AdAccounts(BTreeSet<AdvertiserId>),
}

/// The run that looks now.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    pub run: &'a str,
    pub at: Timestamp,
    pub token_version: u64,
    /// How far apart two strikes must be.
    pub spacing: SignedDuration,
}

impl Strike {
    fn is_about_the_token(&self) -> bool {
        self.of == Struck::Token
    }

    /// Whether a definitive answer now is a second strike.
    fn counts_with(&self, look: Look<'_>) -> bool {
        self.token_version == look.token_version && self.run != look.run && self.at + look.spacing <= look.at
    }

    fn is_of(&self, account: &AdvertiserId) -> bool {
        matches!(&self.of, Struck::AdAccounts(accounts) if accounts.contains(account))
    }
}

/// The strikes against one grant and what is under it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Strikes(Vec<Strike>);

impl Strikes {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// When the oldest of them was seen.
    pub fn since(&self) -> Option<Timestamp> {
        self.0.iter().map(|strike| strike.at).min()
    }

    /// The ad accounts that are struck by themselves.
    pub fn ad_accounts(&self) -> BTreeSet<AdvertiserId> {
        let of = |strike: &Strike| match &strike.of {
            Struck::Token => BTreeSet::new(),
            Struck::AdAccounts(accounts) => accounts.clone(),
        };
        self.0.iter().flat_map(of).collect()
    }

    /// Strikes against a token that is not there any more say nothing about the present one.
    pub fn forget_other_tokens(&mut self, token_version: u64) {
        self.0.retain(|strike| strike.token_version == token_version);
    }

    /// The token is dead, says this look. Gives whether that is the second time.
    pub fn strike_token(&mut self, look: Look<'_>) -> bool {
        let mut known = self.0.iter().filter(|strike| strike.is_about_the_token()).peekable();
        if known.peek().is_none() {
            self.0.push(Strike {
                run: look.run.to_owned(),
                at: look.at,
                token_version: look.token_version,
                of: Struck::Token,
            });
            return false;
        }
        known.any(|strike| strike.counts_with(look))
    }

    /// The token lives, says this look.
    pub fn clear_token(&mut self) {
        self.0.retain(|strike| !strike.is_about_the_token());
    }

    /// These ad accounts are lost, says this look. Gives those for which that is the second time.
    pub fn strike_accounts(&mut self, lost: &BTreeSet<AdvertiserId>, look: Look<'_>) -> BTreeSet<AdvertiserId> {
        let twice = lost
            .iter()
            .filter(|account| self.0.iter().any(|strike| strike.is_of(account) && strike.counts_with(look)))
            .cloned()
            .collect();
        let fresh: BTreeSet<AdvertiserId> =
            lost.iter().filter(|account| !self.0.iter().any(|strike| strike.is_of(account))).cloned().collect();
        if !fresh.is_empty() {
            self.0.push(Strike {
                run: look.run.to_owned(),
                at: look.at,
                token_version: look.token_version,
                of: Struck::AdAccounts(fresh),
            });
        }
        twice
    }

    /// Only these ad accounts are in doubt any more: the others answered healthy, lapsed, or went to another grant.
    pub fn keep_accounts(&mut self, in_doubt: impl Fn(&AdvertiserId) -> bool) {
        for strike in &mut self.0 {
            if let Struck::AdAccounts(accounts) = &mut strike.of {
                accounts.retain(&in_doubt);
            }
        }
        self.0.retain(|strike| !matches!(&strike.of, Struck::AdAccounts(accounts) if accounts.is_empty()));
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPACING: SignedDuration = SignedDuration::from_mins(30);

    fn look(run: &str, minute: i64) -> Look<'_> {
        let at = Timestamp::from_second(1_790_000_000 + minute * 60).unwrap();
        Look { run, at, token_version: 1, spacing: SPACING }
    }

    fn ids(last: &[u8]) -> BTreeSet<AdvertiserId> {
        last.iter().map(|last| format!("71000000000000000{last:02}").parse().unwrap()).collect()
    }

    /// I6, T90.
    #[test]
    fn two_strikes_need_two_runs_half_an_hour_apart() {
        let mut strikes = Strikes::default();
        assert!(!strikes.strike_token(look("a", 0)));
        assert!(!strikes.strike_token(look("a", 45)), "the same run, delivered again");
        assert!(!strikes.strike_token(look("b", 29)), "another run, too soon");
        assert!(strikes.strike_token(look("b", 30)));
        assert_eq!(strikes.since(), Some(look("a", 0).at), "the first one stays the first");
    }

    #[test]
    fn a_healthy_answer_takes_strikes_back() {
        let mut strikes = Strikes::default();
        strikes.strike_token(look("a", 0));
        strikes.clear_token();
        assert!(!strikes.strike_token(look("b", 40)));

        strikes.strike_accounts(&ids(&[11, 12]), look("b", 40));
        strikes.keep_accounts(|account| ids(&[12]).contains(account));
        assert_eq!(strikes.strike_accounts(&ids(&[11, 12]), look("c", 80)), ids(&[12]));
        assert_eq!(strikes.strike_accounts(&ids(&[11, 12]), look("d", 120)), ids(&[11, 12]));
    }

    #[test]
    fn accounts_and_the_token_do_not_add_up() {
        let mut strikes = Strikes::default();
        strikes.strike_accounts(&ids(&[11]), look("a", 0));
        assert!(!strikes.strike_token(look("b", 40)));
        strikes.clear_token();
        assert_eq!(strikes.strike_accounts(&ids(&[11]), look("c", 80)), ids(&[11]));
    }

    /// T90: an older verdict says nothing about a newer token.
    #[test]
    fn a_new_token_begins_anew() {
        let mut strikes = Strikes::default();
        strikes.strike_token(look("a", 0));
        strikes.forget_other_tokens(2);
        assert!(strikes.is_empty());
        strikes.strike_token(look("a", 0));
        assert!(!strikes.clone().strike_token(Look { token_version: 2, ..look("b", 40) }));
    }

    #[test]
    fn strikes_survive_the_table() {
        let mut strikes = Strikes::default();
        strikes.strike_token(look("a", 0));
        strikes.strike_accounts(&ids(&[11, 12]), look("b", 1));
        let json = serde_json::to_string(&strikes).unwrap();
        assert_eq!(serde_json::from_str::<Strikes>(&json).unwrap(), strikes);
    }
}
