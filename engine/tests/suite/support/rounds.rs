//! Tests at random: the seeds of their rounds, as `__test__/support/rounds.mjs` has them for the tests in JavaScript.
//! `DURABL_FUZZ_SEED` names the first seed. `DURABL_FUZZ_SECONDS` goes on for so long, with other seeds each time.

use std::time::{Duration, Instant};

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|value| value.parse().ok())
}

/// The seeds of so many rounds, and of more while there is time.
pub(crate) fn seeds(rounds: u64) -> impl Iterator<Item = u64> {
    let named = variable("DURABL_FUZZ_SEED");
    let first = named.unwrap_or(1);
    let later = if named.is_some() { first + rounds } else { rand::random::<u32>().into() };
    let end = Instant::now() + Duration::from_secs(variable("DURABL_FUZZ_SECONDS").unwrap_or(0));
    (first..first + rounds).chain((later..).take_while(move |_| Instant::now() < end))
}

/// The words that tell how to repeat a round.
pub(crate) fn again(seed: u64) -> String {
    format!("again: DURABL_FUZZ_SEED={seed}")
}
