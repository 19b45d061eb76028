//! Keys that an older version, or a time without the indexes, let run or wait twice, so that a unique index can't be made.

use mongodb::bson::{Bson, Document, doc};

use crate::{
    base::error::{Error, ErrorKind, Result},
    job::fields,
    store::collection::Store,
};

/// Keys that a message names, and jobs that it names of each.
const MOST_NAMED: i64 = 5;
/// Keys are the app's own, and may be long.
const LONGEST_NAME: usize = 80;

/// Some of the keys that several jobs of this filter share, with the jobs, in words.
pub(super) async fn keys(store: &Store, filter: &Document) -> Result<Vec<String>> {
    let pipeline = [
        doc! { "$match": filter },
        doc! { "$group": {
            "_id": fields::value_of(fields::DEDUPE_KEY),
            "count": { "$sum": 1 },
            "jobs": { "$firstN": { "input": fields::value_of(fields::ID), "n": MOST_NAMED } },
        } },
        doc! { "$match": { "count": { "$gt": 1 } } },
        doc! { "$limit": MOST_NAMED },
    ];
    store
        .bounded("looking for doubled dedupe keys", async {
            let mut cursor = store.jobs().aggregate(pipeline).await?;
            let mut found = Vec::new();
            while cursor.advance().await? {
                found.push(describe(&cursor.deserialize_current()?));
            }
            Ok(found)
        })
        .await
}

fn describe(group: &Document) -> String {
    let jobs: Vec<String> =
        group.get_array("jobs").into_iter().flatten().map(|id| short(&Bson::to_string(id))).collect();
    format!(
        "{} (jobs {})",
        short(&group.get("_id").map(Bson::to_string).unwrap_or_default()),
        jobs.join(", ")
    )
}

fn short(name: &str) -> String {
    if name.chars().count() <= LONGEST_NAME {
        return name.to_owned();
    }
    name.chars().take(LONGEST_NAME).chain(['…']).collect()
}

/// The error for an index that can't be made yet. Jobs are the reason, and jobs end.
pub(super) fn in_words(store: &Store, keys: &[String]) -> Error {
    let mut error = Error::new(
        ErrorKind::IndexConflict,
        format!(
            "collection \"{}\" holds jobs that run or wait twice under one dedupe key, which the unique indexes forbid \
             (an older version, or a time without indexes, let them): {}. Wait until they have ended, or end them (if \
             their workers are gone, recoverStuckJobs() does), and start again",
            store.jobs().name(),
            keys.join("; ")
        ),
    );
    error.mark_transient();
    error
}
