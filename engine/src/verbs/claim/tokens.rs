//! The tokens of one claim.
use crate::job::document::new_token;

/// One for each try: a try that nobody waits for any more may still reach the server, after the job that the next one took was run and
/// given back. Under the same token it would take it again, and make the old lease look alive.
#[derive(Debug, Clone)]
pub(crate) struct ClaimTokens {
    earlier: Vec<String>,
    current: String,
}

impl ClaimTokens {
    pub(crate) fn new() -> Self {
        Self { earlier: Vec::new(), current: new_token() }
    }

    /// That of the try that is being made.
    pub(crate) fn current(&self) -> &str {
        &self.current
    }

    /// For another try, as it is not known what becomes of this one.
    pub(super) fn renew(&mut self) {
        self.earlier.push(std::mem::replace(&mut self.current, new_token()));
    }

    pub(super) fn all(&self) -> Vec<&str> {
        self.earlier.iter().chain([&self.current]).map(String::as_str).collect()
    }
}
