//! Who is calling, from the claims that the gateway's authorizer verified.
//!
//! The organisation comes from here and from nowhere else: no header, path or body can name another. Whatever is
//! missing, empty, or more than one value is refused.

use std::collections::BTreeSet;

use tracing::warn;

use super::problem::{Code, Problem};
use super::request::Request;
use crate::logging::loggable;
use domain::access::{Caller, Reach};

const READ: &str = "ad-accounts:read";
const MANAGE: &str = "ad-accounts:manage";
const LONGEST_DISPLAY: usize = 256;

impl Request {
    /// The caller, who may read ad accounts; otherwise `not_authenticated`.
    pub fn reader(&self) -> Result<Caller, Problem> {
        let caller = self.caller()?;
        if caller.may_read { Ok(caller) } else { Err(Code::NotAuthenticated.into()) }
    }

    /// The caller, who may manage ad accounts; otherwise `not_authenticated` or `manager_required`.
    pub fn manager(&self) -> Result<Caller, Problem> {
        let caller = self.caller()?;
        if caller.may_manage { Ok(caller) } else { Err(Code::ManagerRequired.into()) }
    }

    fn caller(&self) -> Result<Caller, Problem> {
        let refused = || Problem::from(Code::NotAuthenticated);
        let scopes: Vec<&str> = self.claim("scope").unwrap_or_default().split(' ').collect();
        Ok(Caller {
            user_id: self.claim("sub").and_then(|sub| sub.parse().ok()).ok_or_else(refused)?,
            org_id: self.claim("org_id").and_then(|org_id| org_id.parse().ok()).ok_or_else(refused)?,
            may_read: scopes.contains(&READ),
            may_manage: scopes.contains(&MANAGE),
            reach: self.reach(),
            display: self.display(),
        })
    }

    /// One claim with one value. The gateway hands out claims as text, and a list as `[a b]`, which we never take for one value.
    fn claim(&self, name: &str) -> Option<&str> {
        let value = self.claims()?.get(name)?.as_str()?;
        let is_list = value.starts_with('[') && value.ends_with(']');
        (!is_list).then_some(value)
    }

    /// No claim: everything in the organisation. A claim that we do not understand: nothing.
    fn reach(&self) -> Reach {
        match self.claims().and_then(|claims| claims.get("account_access")) {
            None => Reach::default(),
            Some(value) => Reach::parse(value.as_str().unwrap_or("[]")).unwrap_or_else(|invalid| {
                warn!(reason = %invalid, "The claim account_access cannot be read, so this caller reaches no ad account");
                Reach { brands: Some(BTreeSet::new()), ..Reach::default() }
            }),
        }
    }

    fn display(&self) -> Option<String> {
        let text = self.claim("email").or_else(|| self.claim("name"))?;
        let text: String = loggable(text).chars().take(LONGEST_DISPLAY).collect();
        (!text.is_empty()).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::request::tests::request;
    use super::*;
    use domain::access::Belonging;

    fn with_claims(claims: &Value) -> Request {
        request(
            &json!({"version": "2.0", "requestContext": {"authorizer": {"jwt": {"claims": claims, "scopes": null}}}}),
        )
    }

    fn ana() -> Value {
        json!({"sub": "user-ana", "org_id": "org-1", "scope": "openid ad-accounts:read ad-accounts:manage", "email": "ana@example.com", "name": "Ana"})
    }

    fn changed(name: &str, value: Value) -> Value {
        let mut claims = ana();
        claims[name] = value;
        claims
    }

    fn without(name: &str) -> Value {
        let mut claims = ana();
        claims.as_object_mut().unwrap().remove(name);
        claims
    }

    #[test]
    fn the_caller_is_who_the_claims_say() {
        let caller = with_claims(&ana()).manager().unwrap();
        assert_eq!(caller.user_id.as_str(), "user-ana");
        assert_eq!(caller.org_id.as_str(), "org-1");
        assert!(caller.may_read && caller.may_manage);
        assert_eq!(caller.reach, Reach::default());
        assert_eq!(caller.display.as_deref(), Some("ana@example.com"));
        assert_eq!(with_claims(&without("email")).reader().unwrap().display.as_deref(), Some("Ana"));
    }

    /// T40, T42: nobody is let in on claims that are missing, empty, of another type, or more than one.
    #[test]
    fn incomplete_claims_are_nobody() {
        let mut refused = vec![
            request(&json!({"version": "2.0"})),
            request(&json!({"version": "2.0", "requestContext": {"authorizer": null}})),
            request(&json!({"version": "2.0", "requestContext": {"authorizer": {"lambda": {"org_id": "org-1"}}}})),
            request(&json!({"version": "2.0", "requestContext": {"authorizer": {"jwt": {}}}})),
            request(&json!({"version": "1.0", "requestContext": {"authorizer": {"jwt": {"claims": ana()}}}})),
            request(
                &json!({"version": "2.0", "headers": {"x-org-id": "org-1"}, "requestContext": {"authorizer": {"jwt": {"claims": without("org_id")}}}}),
            ),
        ];
        for name in ["sub", "org_id"] {
            refused.push(with_claims(&without(name)));
            for value in [
                json!(""),
                json!("[org-1]"),
                json!("[org-1 org-2]"),
                json!(["org-1"]),
                json!(7),
                json!(null),
                json!("org 1"),
            ] {
                refused.push(with_claims(&changed(name, value)));
            }
        }
        for request in refused {
            assert_eq!(request.reader().unwrap_err().code(), Code::NotAuthenticated);
            assert_eq!(request.manager().unwrap_err().code(), Code::NotAuthenticated);
        }
    }

    /// T39.
    #[test]
    fn a_viewer_is_no_manager() {
        let viewer = with_claims(&changed("scope", json!("ad-accounts:read")));
        assert!(viewer.reader().is_ok());
        assert_eq!(viewer.manager().unwrap_err().code(), Code::ManagerRequired);
    }

    #[test]
    fn scopes_are_whole_words_in_one_text() {
        for scope in [
            json!(""),
            json!("ad-accounts:reader xad-accounts:manage"),
            json!("AD-ACCOUNTS:READ"),
            json!("[ad-accounts:read ad-accounts:manage]"),
            json!(["ad-accounts:read"]),
        ] {
            let request = with_claims(&changed("scope", scope.clone()));
            assert_eq!(request.reader().unwrap_err().code(), Code::NotAuthenticated, "{scope}");
            assert_eq!(request.manager().unwrap_err().code(), Code::ManagerRequired, "{scope}");
        }
    }

    #[test]
    fn access_that_cannot_be_read_is_access_to_nothing() {
        let shop = Belonging { brand: Some("shop".parse().unwrap()), market: None, partner: None };
        let reaches =
            |access: Value| with_claims(&changed("account_access", access)).reader().unwrap().reach.contains(&shop);
        assert!(reaches(json!("brand:shop")));
        for access in [
            json!("brand:other"),
            json!(""),
            json!("region:eu"),
            json!("[brand:shop]"),
            json!("brand:shop region:eu"),
            json!(["brand:shop"]),
            json!(null),
        ] {
            assert!(!reaches(access.clone()), "{access}");
        }
    }

    /// T34.
    #[test]
    fn a_name_is_shown_without_tricks() {
        let display = with_claims(&changed("email", json!("a\u{202e}b\nc"))).reader().unwrap().display;
        assert_eq!(display.as_deref(), Some("abc"));
    }
}
