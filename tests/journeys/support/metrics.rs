//! What the functions measured: lines in CloudWatch's embedded metric format among their logs.

use std::collections::BTreeMap;

use super::{TestWorld, Value};

impl TestWorld {
    /// Every line with this metric, oldest first.
    pub fn measured(&self, name: &str) -> Vec<Value> {
        let logs = self.local.functions.logs().all();
        let lines = logs.iter().filter_map(|line| serde_json::from_str::<Value>(&line.text).ok());
        lines.filter(|line| describes(line, name)).collect()
    }

    /// This metric, added up, by what its dimensions say, such as `refused link_expired`.
    pub fn measured_by(&self, name: &str) -> BTreeMap<String, u64> {
        let mut sums = BTreeMap::new();
        for line in self.measured(name) {
            let dimensions = line["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0].as_array();
            let said: Vec<_> = dimensions.into_iter().flatten().map(|one| text(&line, text_of(one))).collect();
            *sums.entry(said.join(" ")).or_default() += line[name].as_u64().expect("a number");
        }
        sums
    }
}

fn describes(line: &Value, name: &str) -> bool {
    let described = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array();
    described.into_iter().flatten().any(|metric| metric["Name"] == name)
}

fn text<'a>(line: &'a Value, field: &str) -> &'a str {
    text_of(&line[field])
}

fn text_of(value: &Value) -> &str {
    value.as_str().expect("text")
}
