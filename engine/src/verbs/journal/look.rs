//! Looking at one place of a journal.

use super::{
    drafted::Appended,
    read::{find, projection},
};
use crate::{
    base::error::Result,
    job::{
        document::text,
        fields,
        journal::{self, NewStep},
        status::Status,
    },
    store::{collection::Store, spill},
};

/// The result that an append of this step would have, but for its size. None: it is free to be appended.
pub(crate) async fn look(store: &Store, id: &str, token: &str, step: &NewStep) -> Result<Option<Appended>> {
    let Some(job) = find(store, id, projection()).await? else { return Ok(Some(Appended::LeaseLost)) };
    let is_held = text(&job, fields::STATUS) == Some(Status::Active.as_str())
        && text(&job, fields::CLAIM_TOKEN) == Some(token);
    if !is_held {
        return Ok(Some(Appended::LeaseLost));
    }
    let found = journal::read(&job)?.into_iter().find(|stored| stored.step.is_at(step));
    let Some(mut found) = found else { return Ok(None) };
    spill::fill(store, id, [&mut found]).await?;
    Ok(Some(Appended::Recorded(found)))
}
