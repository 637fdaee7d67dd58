//! The routes of the API, read from `infra/openapi.yaml`: which function answers, and which scopes the caller needs.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context as _, bail};
use http::Method;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_yaml_ng::Value;

/// The description of the API that the gateway follows unless it is given another one.
pub const OPENAPI: &str = include_str!("../../../openapi.yaml");

/// One operation of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub method: Method,
    /// The path template, such as `/ad-accounts/{advertiser_id}`.
    pub template: String,
    pub function: String,
    /// `None` lets everybody in. Otherwise a token is needed, with at least one of the scopes when there are any.
    pub scopes: Option<Vec<String>>,
}

impl Route {
    /// The route's name in the events, such as `GET /ad-accounts/{advertiser_id}`.
    pub fn key(&self) -> String {
        format!("{} {}", self.method, self.template)
    }
}

/// All routes, ready to be looked up.
#[derive(Debug, Default)]
pub struct Routes {
    all: Vec<Route>,
    /// Per method: path template to index in `all`.
    by_path: HashMap<Method, matchit::Router<usize>>,
}

#[derive(Deserialize)]
struct Document {
    paths: BTreeMap<String, BTreeMap<String, Value>>,
    #[serde(default)]
    security: Vec<BTreeMap<String, Vec<String>>>,
}

#[derive(Deserialize)]
struct Operation {
    #[serde(rename = "x-reconnect-function")]
    function: String,
    security: Option<Vec<BTreeMap<String, Vec<String>>>>,
}

impl Routes {
    pub fn from_openapi(yaml: &str) -> anyhow::Result<Self> {
        let document: Document = serde_yaml_ng::from_str(yaml).context("the OpenAPI document cannot be read")?;
        let mut routes = Self::default();
        for (template, item) in document.paths {
            for (method, operation) in item {
                // Beside its methods a path item has keys such as `parameters` and `summary`.
                let Some(method) = parse_method(&method) else {
                    continue;
                };
                let name = format!("{method} {template}");
                let operation: Operation =
                    serde_yaml_ng::from_value(operation).with_context(|| format!("{name} in the OpenAPI document"))?;
                let security = operation.security.as_ref().unwrap_or(&document.security);
                let scopes = scopes(security).with_context(|| name.clone())?;
                let route =
                    Route { method: method.clone(), template: template.clone(), function: operation.function, scopes };
                routes.by_path.entry(method).or_default().insert(template.clone(), routes.all.len()).context(name)?;
                routes.all.push(route);
            }
        }
        Ok(routes)
    }

    pub fn all(&self) -> &[Route] {
        &self.all
    }

    /// Finds the route of a request by its path as it came, and the decoded path parameters. No route answers another
    /// method: neither `HEAD` on a `GET` route, nor a slash at the end.
    pub fn find(&self, method: &Method, path: &str) -> Option<(&Route, BTreeMap<String, String>)> {
        let matched = self.by_path.get(method)?.at(path).ok()?;
        let parameters = matched
            .params
            .iter()
            .map(|(name, value)| (name.to_owned(), percent_decode_str(value).decode_utf8_lossy().into_owned()));
        Some((self.all.get(*matched.value)?, parameters.collect()))
    }
}

fn parse_method(key: &str) -> Option<Method> {
    let known = ["get", "put", "post", "delete", "options", "head", "patch", "trace"].contains(&key);
    known.then(|| key.to_uppercase().parse().ok()).flatten()
}

fn scopes(security: &[BTreeMap<String, Vec<String>>]) -> anyhow::Result<Option<Vec<String>>> {
    match security {
        [] => Ok(None),
        [one] if one.len() == 1 && one.contains_key("jwt") => Ok(one.get("jwt").cloned()),
        other => {
            bail!("the gateway knows `security: []` and one requirement named `jwt`, not {other:?}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_description_is_understood() {
        let routes = Routes::from_openapi(OPENAPI).unwrap();

        let (route, parameters) = routes.find(&Method::GET, "/ad-accounts/7100000000000000011/history").unwrap();
        assert_eq!(route.key(), "GET /ad-accounts/{advertiser_id}/history");
        assert_eq!(route.function, "list-accounts");
        assert_eq!(route.scopes, Some(vec!["ad-accounts:read".to_owned()]));
        assert_eq!(parameters["advertiser_id"], "7100000000000000011");

        let (callback, _) = routes.find(&Method::GET, "/oauth/tiktok/callback").unwrap();
        assert_eq!(callback.scopes, None);
    }

    #[test]
    fn a_route_answers_its_own_method_and_path_only() {
        let routes = Routes::from_openapi(OPENAPI).unwrap();

        for (method, path) in [
            (Method::HEAD, "/ad-accounts"),
            (Method::POST, "/ad-accounts"),
            (Method::GET, "/ad-accounts/"),
            (Method::GET, "/AD-ACCOUNTS"),
            (Method::GET, "/activations/complete/"),
            (Method::GET, "/"),
        ] {
            assert_eq!(routes.find(&method, path), None, "{method} {path}");
        }
    }

    #[test]
    fn an_operation_without_a_function_stops_the_start() {
        let error = Routes::from_openapi("paths: {/x: {get: {security: []}}}").unwrap_err();

        assert!(format!("{error:#}").contains("GET /x"), "{error:#}");
    }
}
