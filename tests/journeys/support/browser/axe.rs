//! Accessibility, as far as a program can judge it: axe-core in the page.

use super::super::{Value, json};
use super::{Browser, installed};

/// axe-core is put into the page by the driver, past the page's content security policy.
const RUN: &str = "const done = arguments[arguments.length - 1];\
    axe.run(document, { resultTypes: ['violations'] }).then((found) => done(found.violations), (error) => done(String(error)));";

impl Browser {
    /// Axe-core finds nothing wrong with what is to be seen now.
    pub async fn is_accessible(&self, state: &str) {
        let found = self.violations().await.unwrap_or_default();
        assert!(found.is_empty(), "axe-core, {state}:\n{}\n{}", found.join("\n"), self.scene().await);
    }

    /// What axe-core finds; `None` where it is not installed.
    pub async fn violations(&self) -> Option<Vec<String>> {
        let source = installed::axe()?;
        if self.execute("return typeof axe", json!([])).await == "undefined" {
            self.execute(&source, json!([])).await;
        }
        let found = self.session.execute_async(RUN, json!([])).await.unwrap_or_else(|why| panic!("axe-core: {why}"));
        let violations = found.as_array().unwrap_or_else(|| panic!("axe-core has no result: {found}"));
        Some(violations.iter().map(tell).collect())
    }
}

fn tell(violation: &Value) -> String {
    let nodes = violation["nodes"].as_array().into_iter().flatten();
    let nodes: Vec<String> =
        nodes.map(|node| format!("\n    {}\n    {}", node["html"], node["failureSummary"])).collect();
    format!("{}: {}{}", violation["id"], violation["help"], nodes.concat())
}
