//! Filters and updates on documents, as far as the engine's own need them.

use mongodb::bson::{Bson, Document};

use super::expression::{Scope, is_true};

/// True if a document matches a filter.
pub(super) fn matches(filter: &Document, scope: Scope<'_>) -> bool {
    filter.iter().all(|(name, condition)| match name.as_str() {
        "$expr" => is_true(scope.value(condition).as_ref()),
        operator if operator.starts_with('$') => panic!("a filter that the model doesn't know: {operator}"),
        field => fits(scope.document.get(field), condition),
    })
}

fn fits(value: Option<&Bson>, condition: &Bson) -> bool {
    let operators = match condition {
        Bson::Document(operators) if operators.keys().any(|name| name.starts_with('$')) => operators,
        wanted => return equals(value, wanted),
    };
    operators.iter().all(|(operator, operand)| match (operator.as_str(), operand) {
        ("$eq", wanted) => equals(value, wanted),
        ("$ne", unwanted) => !equals(value, unwanted),
        ("$in", Bson::Array(wanted)) => wanted.iter().any(|wanted| equals(value, wanted)),
        ("$exists", Bson::Boolean(exists)) => value.is_some() == *exists,
        _ => panic!("a condition that the model doesn't know: {operator}: {operand}"),
    })
}

/// In a filter null stands for an absent field, and an array equals each of its elements as well.
fn equals(value: Option<&Bson>, wanted: &Bson) -> bool {
    let value = value.unwrap_or(&Bson::Null);
    value == wanted || value.as_array().is_some_and(|elements| elements.contains(wanted))
}

/// The document that a pipeline makes of another.
pub(super) fn updated(pipeline: &Bson, scope: Scope<'_>) -> Document {
    let stages = pipeline.as_array().expect("the engine updates by pipelines");
    let mut document = scope.document.clone();
    for stage in stages {
        let before = document.clone();
        let scope = Scope { document: &before, ..scope };
        for (name, operand) in stage.as_document().expect("a stage") {
            match (name.as_str(), operand) {
                ("$set", Bson::Document(fields)) => set(&mut document, fields, scope),
                ("$unset", Bson::Array(names)) => {
                    for name in names {
                        document.remove(name.as_str().expect("a name"));
                    }
                }
                ("$unset", Bson::String(name)) => _ = document.remove(name),
                _ => panic!("a stage that the model doesn't know: {name}"),
            }
        }
    }
    document
}

/// A nested document sets each of its fields, and leaves those beside them.
fn set(document: &mut Document, fields: &Document, scope: Scope<'_>) {
    for (field, expression) in fields {
        let nested = match expression {
            Bson::Document(nested) if !nested.keys().any(|name| name.starts_with('$')) => Some(nested),
            _ => None,
        };
        match (nested, scope.value(expression)) {
            (Some(nested), _) => {
                let mut inner = document.get_document(field).cloned().unwrap_or_default();
                set(&mut inner, nested, scope);
                document.insert(field, inner);
            }
            (None, Some(value)) => _ = document.insert(field, value),
            (None, None) => _ = document.remove(field),
        }
    }
}
