//! The examples that the in-memory backends are held to as well, run against the real server.

mod dedupe;
mod retry;
mod transitions;

use serde_json::Value;

/// The cases of one file; a case is told from the others by its name.
fn cases(file: &str) -> Vec<Value> {
    let vectors: Value = serde_json::from_str(file).expect("the vectors are JSON");
    let cases = vectors["cases"].as_array().expect("the vectors have cases").clone();
    assert!(!cases.is_empty(), "no case would prove nothing");
    cases
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("{field} of {value} is text"))
}

/// Fails with all that went wrong, not just the first.
fn assert_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "{} cases failed:\n{}", complaints.len(), complaints.join("\n"));
}
