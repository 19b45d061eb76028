//! The rules of a collection's validator that a document breaks, without any value of the document.

use mongodb::bson::{Bson, Document};

/// The server's code for a document that a validator refuses.
pub(crate) const FAILED_VALIDATION: i32 = 121;
/// Rules that are named, at most.
const MOST_RULES: usize = 5;
/// Nesting that is followed, at most.
const DEEPEST: usize = 20;

/// The rules as text, from the server's `errInfo`; null if it names none.
pub(crate) fn broken_rules(info: &Document) -> Option<String> {
    let mut rules = Vec::new();
    if let Ok(details) = info.get_document("details") {
        collect(details, "", 0, &mut rules);
    }
    let rest = if rules.len() > MOST_RULES { ", …" } else { "" };
    rules.truncate(MOST_RULES);
    (!rules.is_empty()).then(|| format!("{}{rest}", rules.join(", ")))
}

/// Values stand in `specifiedAs`, `consideredValue` and the like, which nothing here reads.
fn collect(rule: &Document, path: &str, depth: usize, rules: &mut Vec<String>) {
    if depth > DEEPEST || rules.len() > MOST_RULES {
        return;
    }
    let inner = match rule.get_str("propertyName") {
        Ok(name) if path.is_empty() => name.to_owned(),
        Ok(name) => format!("{path}.{name}"),
        Err(_) => path.to_owned(),
    };
    for missing in strings(rule, "missingProperties") {
        let dot = if inner.is_empty() { "" } else { "." };
        rules.push(format!("{inner}{dot}{missing} is required"));
    }
    if let (Ok(operator), Ok(reason)) = (rule.get_str("operatorName"), rule.get_str("reason")) {
        let place = if inner.is_empty() { "the document" } else { &inner };
        rules.push(format!("{place}: {operator} ({reason})"));
    }
    for field in ["schemaRulesNotSatisfied", "propertiesNotSatisfied", "clausesNotSatisfied", "details"] {
        match rule.get(field) {
            Some(Bson::Array(parts)) => {
                for part in parts.iter().filter_map(Bson::as_document) {
                    collect(part, &inner, depth + 1, rules);
                }
            }
            Some(Bson::Document(part)) => collect(part, &inner, depth + 1, rules),
            _ => {}
        }
    }
}

fn strings<'d>(rule: &'d Document, field: &str) -> impl Iterator<Item = &'d str> {
    rule.get_array(field).into_iter().flatten().filter_map(Bson::as_str)
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;

    #[test]
    fn a_schema_names_its_properties_and_rules_and_no_value() {
        let info = doc! { "failingDocumentId": "id", "details": {
            "operatorName": "$jsonSchema",
            "schemaRulesNotSatisfied": [
                { "operatorName": "properties", "propertiesNotSatisfied": [
                    { "propertyName": "data", "details": [
                        { "operatorName": "properties", "propertiesNotSatisfied": [
                            { "propertyName": "card", "details": [{
                                "operatorName": "bsonType",
                                "specifiedAs": { "bsonType": "string" },
                                "reason": "type did not match",
                                "consideredValue": 4_111_111,
                                "consideredType": "int",
                            }] },
                        ] },
                    ] },
                ] },
                { "operatorName": "required", "specifiedAs": { "required": ["tenant"] }, "missingProperties": ["tenant"] },
            ],
        } };
        let told = broken_rules(&info).expect("there are rules");
        assert_eq!(told, "data.card: bsonType (type did not match), tenant is required");
    }

    #[test]
    fn an_expression_names_its_operator() {
        let info = doc! { "details": {
            "operatorName": "$gt", "specifiedAs": { "data.n": { "$gt": 5 } },
            "reason": "comparison failed", "consideredValue": 3,
        } };
        assert_eq!(broken_rules(&info).as_deref(), Some("the document: $gt (comparison failed)"));
    }

    #[test]
    fn only_a_few_of_many_rules_are_named() {
        let missing: Vec<String> = (0..50).map(|n| format!("f{n}")).collect();
        let info = doc! { "details": { "operatorName": "required", "missingProperties": missing } };
        let told = broken_rules(&info).expect("there are rules");
        assert!(told.ends_with("f4 is required, …"), "{told}");
    }

    #[test]
    fn nothing_is_said_where_the_server_says_nothing() {
        assert_eq!(broken_rules(&doc! {}), None);
        assert_eq!(broken_rules(&doc! { "details": { "operatorName": "$expr" } }), None);
    }
}
