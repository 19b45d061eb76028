//! The tokens of one claim.
use std::sync::Arc;

use crate::{job::document::new_claim_token, store::collection::Store};

/// A token for each try. A try that no caller waits for any more may still reach the server. By then the job that the
/// next try took may have been run and given back. Under the same token the old try would take the job again, and make
/// the old lease look alive.
#[derive(Debug, Clone)]
pub(crate) struct ClaimTokens {
    worker: Arc<str>,
    earlier: Vec<String>,
    current: String,
}

impl ClaimTokens {
    pub(crate) fn new(store: &Store) -> Self {
        let worker = store.worker().clone();
        Self { earlier: Vec::new(), current: new_claim_token(&worker), worker }
    }

    /// The tokens of a job that may have been made under this one.
    pub(crate) fn of(token: String, worker: &str) -> Self {
        Self { worker: worker.into(), earlier: Vec::new(), current: token }
    }

    /// The token of the present try.
    pub(crate) fn current(&self) -> &str {
        &self.current
    }

    /// For another try, as the result of this one is not known.
    pub(super) fn renew(&mut self) {
        self.earlier.push(std::mem::replace(&mut self.current, new_claim_token(&self.worker)));
    }

    pub(super) fn all(&self) -> Vec<&str> {
        self.earlier.iter().chain([&self.current]).map(String::as_str).collect()
    }
}
