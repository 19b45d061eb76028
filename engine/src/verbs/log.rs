//! Adding lines to the log of a job.

use std::time::Duration;

use mongodb::bson::doc;

use crate::{
    base::error::Result,
    job::{
        fence, fields,
        id_key::named,
        log::{LogBounds, LogLine, appended, clipped},
    },
    store::{collection::Store, write::Statement},
};

/// Lines written together take no more than this, unless it is one line.
const MOST_BYTES: usize = 1024 * 1024;

/// Adds lines, oldest first. With a token only while the claim is the caller's, or once the caller has completed it.
/// Lines of a handler within a transaction are written after it.
pub(crate) async fn append(
    store: &Store,
    id: &str,
    token: Option<&str>,
    lines: &[LogLine],
    bounds: LogBounds,
) -> Result<()> {
    let id = named(id);
    let filter = match token {
        Some(token) => fence::held_or_completed(&id, token),
        None => doc! { fields::ID: id },
    };
    let clip = |line: &'_ LogLine| (clipped(&line.message, bounds.message_bytes).into_owned(), line.age);
    let newest = lines.len().saturating_sub(bounds.entries.max(1) as usize);
    let mut rest: Vec<(String, Duration)> = lines[newest..].iter().map(clip).collect();
    while !rest.is_empty() {
        let later = rest.split_off(fitting(&rest));
        let together = rest.iter().map(|(message, age)| (message.as_str(), *age));
        let update = vec![doc! { "$set": { fields::LOGS: appended(together, bounds) } }];
        // Once: lines without an answer in time may have been written, and twice is worse than never.
        store.update(vec![Statement::one(filter.clone(), update)]).await?;
        rest = later;
    }
    Ok(())
}

/// The number of lines that one write takes.
fn fitting(lines: &[(String, Duration)]) -> usize {
    let mut bytes = 0;
    let fits = |(message, _): &&(String, Duration)| {
        bytes += message.len();
        bytes <= MOST_BYTES
    };
    lines.iter().take_while(fits).count().max(1)
}
