//! Whether an answer is one that `infra/openapi.yaml` describes: route, status, headers, type and shape.
//!
//! Stricter than a client should be: a member that the description does not name fails here, so that nothing is told
//! by accident. The part of JSON Schema that the description uses is checked, and an unknown keyword is a failure.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex_lite::Regex;
use reqwest::header::HeaderMap;

use super::Value;

pub static OPENAPI: LazyLock<Value> =
    LazyLock::new(|| serde_yaml_ng::from_str(local::gateway::routes::OPENAPI).expect("the API description is YAML"));

/// Follows `$ref`, as often as there is one.
fn resolve(mut node: &'static Value) -> &'static Value {
    while let Some(reference) = node["$ref"].as_str() {
        let pointer = reference.strip_prefix('#').expect("references stay in the document");
        node = OPENAPI.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere"));
    }
    node
}

/// The operation that a path without its query belongs to. Fixed paths win over templates.
fn operation(method: &str, path: &str) -> Option<&'static Value> {
    let is_like = |template: &str| {
        let (path, template): (Vec<_>, Vec<_>) = (path.split('/').collect(), template.split('/').collect());
        path.len() == template.len()
            && path
                .iter()
                .zip(&template)
                .all(|(part, wanted)| part == wanted || (wanted.starts_with('{') && !part.is_empty()))
    };
    let item = &OPENAPI["paths"][path];
    let item = if item.is_null() {
        OPENAPI["paths"].as_object().into_iter().flatten().find(|(template, _)| is_like(template))?.1
    } else {
        item
    };
    item.get(method.to_lowercase())
}

/// The answer of a request, checked against its route. A request without a route is the gateway's own to refuse.
pub fn check(method: &str, path: &str, status: u16, headers: &HeaderMap, body: &str) -> Result<(), String> {
    let path = path.split('?').next().unwrap_or_default();
    let Some(operation) = operation(method, path) else { return Ok(()) };
    check_operation(operation, status, headers, body)
        .map_err(|wrong| format!("{method} {path} -> {status}: {wrong}: {body}"))
}

fn check_operation(operation: &'static Value, status: u16, headers: &HeaderMap, body: &str) -> Result<(), String> {
    let described = resolve(&operation["responses"][status.to_string()]);
    if described.is_null() {
        return Err("no such status in the description".to_owned());
    }
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let content_type = header("content-type").unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if described["content"].is_null() {
        if !body.is_empty() {
            return Err("a body where none is described".to_owned());
        }
    } else {
        let media = &described["content"][content_type];
        if media.is_null() {
            return Err(format!("no content type {content_type:?} in the description"));
        }
        let value = serde_json::from_str(body).map_err(|_| "no JSON".to_owned())?;
        validate(&media["schema"], &value).map_err(|(at, wrong)| format!("{at}: {wrong}"))?;
        if content_type == "application/problem+json" && value["status"] != status {
            return Err("`status` is not the status".to_owned());
        }
    }
    // What the gateway says by itself has only the gateway's headers.
    let is_the_gateways = status >= 400 && content_type == "application/json";
    for (name, described) in described["headers"].as_object().into_iter().flatten().filter(|_| !is_the_gateways) {
        let described = resolve(described);
        match header(name) {
            Some(text) => {
                let is_number = described["schema"]["type"] == "integer";
                let value = if is_number { serde_json::from_str(text).unwrap_or_default() } else { Value::from(text) };
                validate(&described["schema"], &value).map_err(|(_, wrong)| format!("header {name}: {wrong}"))?;
            }
            None if described["required"] == true => return Err(format!("no header {name}")),
            None => {}
        }
    }
    Ok(())
}

/// Where it is wrong, and what.
type Wrong = (String, String);

/// A schema as a list of plain ones: without `$ref` and `allOf`.
fn parts(schema: &'static Value) -> Vec<&'static Value> {
    let schema = resolve(schema);
    let all = schema["allOf"].as_array().into_iter().flatten().flat_map(parts);
    [schema].into_iter().chain(all).collect()
}

fn validate(schema: &'static Value, value: &Value) -> Result<(), Wrong> {
    let parts = parts(schema);
    let named: BTreeSet<&String> =
        parts.iter().filter_map(|part| part["properties"].as_object()).flat_map(|all| all.keys()).collect();
    if let Some(object) = value.as_object().filter(|_| !named.is_empty())
        && let Some(stranger) = object.keys().find(|name| !named.contains(name))
    {
        return Err((stranger.clone(), "not in the description".to_owned()));
    }
    parts.into_iter().try_for_each(|part| validate_part(part, value))
}

fn validate_part(part: &'static Value, value: &Value) -> Result<(), Wrong> {
    let wrong = |what: String| Err((String::new(), what));
    for (keyword, wanted) in part.as_object().into_iter().flatten() {
        let holds = match keyword.as_str() {
            "type" => match wanted {
                Value::Array(types) => types.iter().any(|one| is_of_type(one, value)),
                one => is_of_type(one, value),
            },
            "const" => wanted == value,
            "enum" => wanted.as_array().is_some_and(|all| all.contains(value)),
            "pattern" => value
                .as_str()
                .is_none_or(|text| Regex::new(wanted.as_str().unwrap_or_default()).expect("a pattern").is_match(text)),
            "minLength" => {
                value.as_str().is_none_or(|text| text.chars().count() as u64 >= wanted.as_u64().unwrap_or(0))
            }
            "maxLength" => {
                value.as_str().is_none_or(|text| text.chars().count() as u64 <= wanted.as_u64().unwrap_or(0))
            }
            "minimum" => value.as_i64().is_none_or(|number| number >= wanted.as_i64().unwrap_or(i64::MAX)),
            "maximum" => value.as_i64().is_none_or(|number| number <= wanted.as_i64().unwrap_or(i64::MIN)),
            "format" => value.as_str().is_none_or(|text| has_format(wanted.as_str().unwrap_or_default(), text)),
            "required" => {
                let missing =
                    |name: &&Value| value.is_object() && value.get(name.as_str().unwrap_or_default()).is_none();
                if let Some(name) = wanted.as_array().into_iter().flatten().find(missing) {
                    return wrong(format!("{name} is missing"));
                }
                true
            }
            "properties" => {
                for (name, schema) in wanted.as_object().into_iter().flatten() {
                    if let Some(member) = value.get(name) {
                        validate(schema, member).map_err(|(at, wrong)| (format!("{name}.{at}"), wrong))?;
                    }
                }
                true
            }
            "items" => {
                for (item, nth) in value.as_array().into_iter().flatten().zip(0..) {
                    validate(wanted, item).map_err(|(at, wrong)| (format!("[{nth}].{at}"), wrong))?;
                }
                true
            }
            "oneOf" => wanted.as_array().into_iter().flatten().filter(|one| validate(one, value).is_ok()).count() == 1,
            // Taken apart before, or nothing to check.
            "allOf" | "additionalProperties" | "description" | "examples" | "default" => true,
            unknown => panic!("the keyword `{unknown}` is not checked by these tests yet"),
        };
        if !holds {
            return wrong(format!("{value} breaks `{keyword}`: {wanted}"));
        }
    }
    Ok(())
}

fn is_of_type(wanted: &Value, value: &Value) -> bool {
    match wanted.as_str().unwrap_or_default() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        unknown => panic!("the type `{unknown}` is not checked by these tests yet"),
    }
}

fn has_format(format: &str, text: &str) -> bool {
    match format {
        "date" => text.parse::<jiff::civil::Date>().is_ok() && text.len() == 10,
        "date-time" => text.parse::<jiff::Timestamp>().is_ok(),
        "uri" => url::Url::parse(text).is_ok(),
        unknown => panic!("the format `{unknown}` is not checked by these tests yet"),
    }
}

#[test]
fn the_descriptions_own_examples_are_right() {
    let schemas = OPENAPI["components"]["schemas"].as_object().expect("schemas");
    let mut examples = 0;
    for (name, schema) in schemas {
        for example in schema["examples"].as_array().into_iter().flatten() {
            validate(schema, example).unwrap_or_else(|(at, wrong)| panic!("{name}: {at}: {wrong}"));
            examples += 1;
        }
    }
    assert!(examples > 10, "{examples}");
}

#[test]
fn what_is_not_described_is_noticed() {
    let ours = |body: &str| {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("content-type", "application/problem+json"),
            ("cache-control", "no-store"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ("referrer-policy", "no-referrer"),
            ("strict-transport-security", "max-age=63072000; includeSubDomains"),
            ("x-content-type-options", "nosniff"),
        ] {
            headers.insert(name, value.parse().expect("a header"));
        }
        (headers, body.to_owned())
    };
    let good = r#"{"type":"/problems/activation_not_found","title":"t","status":404,"detail":"d","remedy":"r","request_id":"x"}"#;
    let route = ("GET", "/activations/act_x?a=b");
    let says = |(headers, body): (HeaderMap, String), status| check(route.0, route.1, status, &headers, &body);
    assert_eq!(says(ours(good), 404), Ok(()));
    assert!(says(ours(good), 418).is_err(), "a status");
    assert!(says(ours(&good.replace("activation_not_found", "made_up")), 404).is_err(), "a code");
    assert!(says(ours(&good.replace(r#","remedy":"r""#, "")), 404).is_err(), "a missing member");
    assert!(says(ours(&good.replace(r#""title""#, r#""trace":"x","title""#)), 404).is_err(), "another member");
    assert!(says(ours(&good.replace("404", "\"404\"")), 404).is_err(), "a type");
    let (mut headers, body) = ours(good);
    headers.remove("cache-control");
    assert!(says((headers, body), 404).is_err(), "a header");
}
