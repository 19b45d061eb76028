//! Jobs that only a person can help. They have grown almost as large as a document may be, or break a user's rule for
//! the collection, so the server refuses writes. Or they are due at no time at all. No other job has to wait for them,
//! so they would stay unseen: each is named, once.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

use mongodb::bson::Bson;

use super::event::{Event, LogLevel, Sink};
use crate::base::{error::Error, sync::lock};

/// Jobs that are named in the life of a process, at most.
const MOST: usize = 1_000;
/// The most characters of an id that are shown: it may be any value.
const MOST_CHARACTERS: usize = 200;

/// The jobs of one collection that were named.
pub(crate) struct Unwritable {
    named: Mutex<HashSet<String>>,
    sink: Arc<dyn Sink>,
}

impl Unwritable {
    pub(crate) fn new(sink: Arc<dyn Sink>) -> Self {
        Self { named: Mutex::default(), sink }
    }

    /// A job was to be written, `to` be claimed, renewed or recovered, and the server refused it for its own sake.
    pub(crate) fn refused(&self, id: &Bson, to: &str, error: &Error) {
        let advice = if error.is_validation() {
            "change the job, or the validator of the collection, or remove the job"
        } else {
            "mend the job or remove it"
        };
        self.name(id, &format!("can't {to}, since the server refuses the write: {error}"), advice);
    }

    /// A pending job's `runAt` is of a type that is later than every date.
    pub(crate) fn never_due(&self, id: &Bson) {
        self.name(id, "is never due, since its runAt is not a date", "mend the job or remove it");
    }

    fn name(&self, id: &Bson, what: &str, advice: &str) {
        let id = in_words(id);
        let mut named = lock(&self.named);
        if named.len() >= MOST || !named.insert(id.clone()) {
            return;
        }
        let rest = if named.len() == MOST { "; from now on no other such job is named" } else { "" };
        drop(named);
        let message = format!("job \"{id}\" {what}; {advice}{rest}");
        let fields = vec![("jobId", id)];
        self.sink.event(Event::Log { level: LogLevel::Warn, message, fields });
    }
}

fn in_words(id: &Bson) -> String {
    match id {
        Bson::String(id) => id.chars().take(MOST_CHARACTERS).collect(),
        other => other.to_string().chars().take(MOST_CHARACTERS).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::event::Heard;

    #[test]
    fn each_job_is_named_once_and_only_so_many() {
        let heard = Arc::new(Heard::default());
        let unwritable = Unwritable::new(heard.clone());
        for number in 0..MOST + 10 {
            for _ in 0..2 {
                let id = format!("job-{number}").into();
                unwritable.refused(&id, "be claimed", &Error::from_server(121, "against the rules"));
            }
        }
        let heard = lock(&heard.0);
        assert_eq!(heard.len(), MOST);
        assert!(heard[0].contains("\"job-0\" can't be claimed") && heard[0].contains("against the rules"));
        assert!(heard[MOST - 1].ends_with("no other such job is named"));
        assert!(heard[0].ends_with("change the job, or the validator of the collection, or remove the job"));
    }
}
