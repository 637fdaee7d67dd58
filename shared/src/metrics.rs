//! Metrics in CloudWatch's embedded metric format: a line of JSON on stdout that CloudWatch counts by itself.
//!
//! The format: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.
//! Names and dimensions are ours and few; no id and nothing confidential goes in.

use std::io::{self, Write as _};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

const NAMESPACE: &str = "Reconnect";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Count,
    Milliseconds,
    Seconds,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Milliseconds => "Milliseconds",
            Self::Seconds => "Seconds",
        }
    }
}

/// One measured value.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    pub name: &'static str,
    pub unit: Unit,
    pub value: u64,
}

/// Writes a line with these metrics, which share their dimensions. One name may have several values, a hundred at most.
pub fn emit(dimensions: &[(&'static str, &str)], metrics: &[Metric], now: Timestamp) {
    // Whoever cannot write to stdout has nobody to tell it to.
    let _ = writeln!(io::stdout().lock(), "{}", line(dimensions, metrics, now));
}

fn line(dimensions: &[(&'static str, &str)], metrics: &[Metric], now: Timestamp) -> Value {
    let names: Vec<&str> = dimensions.iter().map(|(name, _)| *name).collect();
    let mut described = Vec::new();
    let mut measured: Vec<(&str, Vec<u64>)> = Vec::new();
    for metric in metrics {
        if let Some((_, values)) = measured.iter_mut().find(|(name, _)| *name == metric.name) {
            values.push(metric.value);
        } else {
            described.push(json!({ "Name": metric.name, "Unit": metric.unit.name() }));
            measured.push((metric.name, vec![metric.value]));
        }
    }
    let mut line = Map::new();
    line.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": now.as_millisecond(),
            "CloudWatchMetrics": [{ "Namespace": NAMESPACE, "Dimensions": [names], "Metrics": described }],
        }),
    );
    line.extend(dimensions.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
    line.extend(measured.into_iter().map(|(name, values)| {
        let value = if let [value] = values[..] { json!(value) } else { json!(values) };
        (name.to_owned(), value)
    }));
    Value::Object(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_values_and_their_description() {
        let metrics = [
            Metric { name: "Refused", unit: Unit::Count, value: 1 },
            Metric { name: "TikTokTime", unit: Unit::Milliseconds, value: 812 },
            Metric { name: "Age", unit: Unit::Seconds, value: 60 },
        ];
        let line = line(&[("Cause", "wrong_business_center")], &metrics, Timestamp::from_second(1).unwrap());
        assert_eq!(
            line,
            json!({
                "_aws": { "Timestamp": 1000, "CloudWatchMetrics": [{
                    "Namespace": "Reconnect", "Dimensions": [["Cause"]],
                    "Metrics": [
                        { "Name": "Refused", "Unit": "Count" },
                        { "Name": "TikTokTime", "Unit": "Milliseconds" },
                        { "Name": "Age", "Unit": "Seconds" },
                    ],
                }]},
                "Cause": "wrong_business_center", "Refused": 1, "TikTokTime": 812, "Age": 60,
            })
        );
        assert!(!line.to_string().contains('\n'));
    }

    #[test]
    fn several_values_of_one_name_are_one_list() {
        let took = |value| Metric { name: "TimeToHeal", unit: Unit::Seconds, value };
        let line = line(&[("How", "recovered")], &[took(60), took(3_600), took(60)], Timestamp::UNIX_EPOCH);
        assert_eq!(
            line["_aws"]["CloudWatchMetrics"][0]["Metrics"],
            json!([{ "Name": "TimeToHeal", "Unit": "Seconds" }])
        );
        assert_eq!(line["TimeToHeal"], json!([60, 3_600, 60]));
    }
}
