//! Expressions of DynamoDB, each with the names and values it speaks of: the keys of a query, a condition, a filter, an
//! update.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;

use super::{Item, Table, text};

#[derive(Clone, Debug, Default)]
pub struct Expression {
    pub text: String,
    pub names: HashMap<String, String>,
    pub values: HashMap<String, AttributeValue>,
}

impl Expression {
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }

    #[must_use]
    pub fn name(mut self, placeholder: &str, attribute: &str) -> Self {
        self.names.insert(placeholder.to_owned(), attribute.to_owned());
        self
    }

    #[must_use]
    pub fn value(mut self, placeholder: &str, value: AttributeValue) -> Self {
        self.values.insert(placeholder.to_owned(), value);
        self
    }

    /// One more value, a text; its placeholder follows from how many there are.
    pub(super) fn numbered(&mut self, value: String) -> String {
        let placeholder = format!(":{}", self.values.len());
        self.values.insert(placeholder.clone(), text(value));
        placeholder
    }

    /// One more condition, which must hold as well.
    pub(super) fn and(&mut self, condition: &str) {
        if !self.text.is_empty() {
            self.text += " AND ";
        }
        self.text += condition;
    }

    /// As the SDK takes it: text, names, values. DynamoDB refuses names and values where there are none.
    pub(super) fn parts(self) -> (String, Option<HashMap<String, String>>, Option<Item>) {
        let Self { text, names, values } = self;
        (text, (!names.is_empty()).then_some(names), (!values.is_empty()).then_some(values))
    }
}

impl Table {
    /// A query for these keys, to be completed and sent.
    pub(super) fn query(&self, keys: Expression) -> QueryFluentBuilder {
        let (text, names, values) = keys.parts();
        self.client
            .query()
            .table_name(&self.name)
            .key_condition_expression(text)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values)
    }

    /// An update of one row, to be completed and sent. A condition uses the names and values of `update`.
    pub(super) fn update(&self, row: Item, update: Expression) -> UpdateItemFluentBuilder {
        let (text, names, values) = update.parts();
        self.client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(row))
            .update_expression(text)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values)
    }
}
