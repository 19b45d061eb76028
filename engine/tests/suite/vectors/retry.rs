use durabl_engine::{BackoffKind, BackoffPolicy, retry_delay};
use serde_json::Value;

use super::{assert_none, cases, text};

fn number(value: &Value, field: &str) -> i64 {
    value[field].as_i64().unwrap_or_else(|| panic!("{field} of {value} is a number"))
}

#[test]
fn retry_delays_are_those_of_the_shared_vectors() {
    let complaint = |case: &Value| {
        let policy = BackoffPolicy {
            kind: BackoffKind::parse(text(&case["policy"], "backoff")),
            delay_ms: number(&case["policy"], "delayMs"),
            max_delay_ms: case["policy"]["maxDelayMs"].as_i64(),
        };
        let attempt = i32::try_from(number(case, "attempt")).expect("an attempt");
        let random = case["random"].as_f64().expect("a random number");
        let delay = retry_delay(policy, attempt, random).as_millis();
        (delay != number(case, "delayMs") as u128).then(|| format!("{}: {delay} ms", text(case, "name")))
    };
    let cases = cases(include_str!("../../../vectors/retry.json"));
    assert_none(&cases.iter().filter_map(complaint).collect::<Vec<_>>());
}
