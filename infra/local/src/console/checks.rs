//! What the checks of a sweep came to, counted from the metrics that `check-grant` prints.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::activity::LogLine;

/// Who checks.
const CHECKER: &str = "check-grant";

/// Outcomes of a check that a person wants to hear of. A held lapse is no change, but the reason why there is none.
const CHANGES: [&str; 3] = ["struck", "lapsed", "held"];

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checks {
    /// Grants by outcome.
    outcomes: BTreeMap<String, u64>,
    /// Ad accounts that had lapsed and work again.
    recovered: u64,
    tokens_revoked: u64,
}

impl Checks {
    /// Counts a line, if it is one of these metrics.
    pub fn count(&mut self, line: &LogLine) -> bool {
        if line.function != CHECKER || !line.text.contains("\"_aws\"") {
            return false;
        }
        let Ok(metrics) = serde_json::from_str::<Value>(&line.text) else { return false };
        if let (Some(grants), Some(outcome)) = (metrics["GrantsChecked"].as_u64(), metrics["Outcome"].as_str()) {
            *self.outcomes.entry(outcome.to_owned()).or_default() += grants;
        }
        if metrics["How"] == "recovered" {
            self.recovered += match &metrics["TimeToHeal"] {
                Value::Array(times) => times.len() as u64,
                one => u64::from(one.is_number()),
            };
        }
        self.tokens_revoked += metrics["TokensRevoked"].as_u64().unwrap_or_default();
        true
    }

    pub fn have_changed_something(&self) -> bool {
        CHANGES.iter().any(|outcome| self.outcomes.contains_key(*outcome))
            || self.recovered > 0
            || self.tokens_revoked > 0
    }
}

impl fmt::Display for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} checked", many(self.outcomes.values().sum(), "grant"))?;
        let mut separator = ": ";
        let changes = CHANGES.iter().filter_map(|outcome| Some((outcome, self.outcomes.get(*outcome)?)));
        for (outcome, grants) in changes {
            write!(f, "{separator}{grants} {outcome}")?;
            separator = ", ";
        }
        for (number, what, happened) in
            [(self.recovered, "ad account", "recovered"), (self.tokens_revoked, "token", "revoked")]
        {
            if number > 0 {
                write!(f, "{separator}{} {happened}", many(number, what))?;
                separator = ", ";
            }
        }
        Ok(())
    }
}

fn many(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
