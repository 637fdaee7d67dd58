//! The people of the demo world who may sign in to Reconnect: two organisations with a manager, a viewer and a
//! limited manager each.

use serde_json::{Value, json};

pub const AURORA: &str = "org-aurora";
pub const BOREALIS: &str = "org-borealis";

const READ: &str = "ad-accounts:read";
const MANAGE: &str = "ad-accounts:read ad-accounts:manage";

/// Somebody who can have a token.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    /// The `sub` claim, and the name in the token's link.
    pub sub: &'static str,
    pub name: &'static str,
    pub email: &'static str,
    pub org_id: &'static str,
    pub scope: &'static str,
    /// Which ad accounts of the organisation they reach; `None` = all.
    pub account_access: Option<&'static str>,
}

pub const PEOPLE: [Person; 6] = [
    Person {
        sub: "ana",
        name: "Ana Moreau",
        email: "ana@aurora.example",
        org_id: AURORA,
        scope: MANAGE,
        account_access: None,
    },
    Person {
        sub: "victor",
        name: "Victor Lind",
        email: "victor@aurora.example",
        org_id: AURORA,
        scope: READ,
        account_access: None,
    },
    Person {
        sub: "mira",
        name: "Mira Okafor",
        email: "mira@aurora.example",
        org_id: AURORA,
        scope: MANAGE,
        account_access: Some("market:de"),
    },
    Person {
        sub: "bo",
        name: "Bo Tanaka",
        email: "bo@borealis.example",
        org_id: BOREALIS,
        scope: MANAGE,
        account_access: None,
    },
    Person {
        sub: "vera",
        name: "Vera Holm",
        email: "vera@borealis.example",
        org_id: BOREALIS,
        scope: READ,
        account_access: None,
    },
    Person {
        sub: "milo",
        name: "Milo Berg",
        email: "milo@borealis.example",
        org_id: BOREALIS,
        scope: MANAGE,
        account_access: Some("brand:drinks partner:agency-2"),
    },
];

impl Person {
    pub fn find(sub: &str) -> Option<&'static Self> {
        PEOPLE.iter().find(|person| person.sub == sub)
    }

    /// The claims of this person's token.
    pub fn claims(&self) -> Value {
        let Self { sub, name, email, org_id, scope, account_access } = self;
        // The issuer leaves out what is null.
        json!({ "sub": sub, "name": name, "email": email, "org_id": org_id, "scope": scope, "account_access": account_access })
    }

    pub fn is_manager(&self) -> bool {
        self.scope == MANAGE
    }
}
