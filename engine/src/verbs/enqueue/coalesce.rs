//! Calls that find their key held, and hand their data to its holder.

use std::collections::HashMap;

use futures_util::stream::{self, StreamExt};

use super::created::Created;
use crate::{
    base::error::{Error, Result},
    job::{
        document::{NewJob, text},
        fields,
    },
    store::{
        collection::Store,
        holders::{self, Replaced},
        write::{RefusalCause, Wait},
    },
};

/// Keys whose holders are given new data at once.
const MOST_KEYS_AT_ONCE: usize = 16;

/// Hands the data of the jobs that found their key held to its holder. Of the calls of one key the newest
/// data counts, and only that is written to a holder. The keys don't wait for each other, since every enqueue
/// waits for its own.
pub(super) async fn coalesce_all(
    store: &Store,
    jobs: &[&NewJob],
    ids: &[String],
    created: &mut [Created],
    wait: Wait,
) -> Result<()> {
    let mut calls_by_key: HashMap<(&str, &str), Vec<usize>> = HashMap::new();
    for (index, job) in jobs.iter().enumerate() {
        if let (Some(dedupe), true, Created::Duplicate(_)) =
            (&job.dedupe, job.coalesce_latest, &created[index])
        {
            calls_by_key.entry((&job.job_type, &dedupe.key)).or_default().push(index);
        }
    }
    let mut outcomes = stream::iter(calls_by_key.into_values())
        .map(|calls| async move {
            let outcome = coalesce_calls(store, jobs, ids, &calls, wait).await;
            (calls, outcome)
        })
        .buffer_unordered(MOST_KEYS_AT_ONCE);
    while let Some((calls, outcome)) = outcomes.next().await {
        for (index, outcome) in calls.into_iter().zip(outcome?) {
            created[index] = outcome;
        }
    }
    Ok(())
}

/// The fates of the calls of one key, in their order.
async fn coalesce_calls(
    store: &Store,
    jobs: &[&NewJob],
    ids: &[String],
    calls: &[usize],
    wait: Wait,
) -> Result<Vec<Created>> {
    if let [_, .., newest] = calls
        && let Some(dedupe) = &jobs[*newest].dedupe
        // If it is refused, whose data it was, and which is the newest that the server takes, each call has to find out.
        && let Replaced::Yes(holder) =
            holders::replace_pending_data(store, jobs[*newest], &dedupe.key, wait).await.or_else(unless_transient)?
    {
        return Ok(vec![Created::Coalesced(holder); calls.len()]);
    }
    let mut outcomes = Vec::with_capacity(calls.len());
    for index in calls {
        outcomes.push(match coalesce(store, jobs[*index], &ids[*index], wait).await {
            Err(error) if !error.is_transient() => Created::Refused(error),
            outcome => outcome?,
        });
    }
    Ok(outcomes)
}

fn unless_transient(error: Error) -> Result<Replaced> {
    if error.is_transient() { Err(error) } else { Ok(Replaced::No) }
}

/// Hands the data to the job that holds the key, or makes the job if the key was let go of meanwhile. Under the one `id` in
/// every try, or a try whose reply was lost would not be recognised.
async fn coalesce(store: &Store, job: &NewJob, id: &str, wait: Wait) -> Result<Created> {
    let Some(dedupe) = &job.dedupe else {
        return Ok(Created::Duplicate(None));
    };
    // Each round needs another worker to take or free the key in between.
    for _ in 0..10 {
        if let Replaced::Yes(holder) = holders::replace_pending_data(store, job, &dedupe.key, wait).await? {
            return Ok(Created::Coalesced(holder));
        }
        let document = job.pending(id, store.server_time().await?)?;
        let reply = store.insert([&document], wait).await?;
        match reply.refusals.into_iter().next().map(|refusal| refusal.cause) {
            None | Some(RefusalCause::IdExists) => return Ok(Created::Job(id.to_owned())),
            Some(RefusalCause::KeyHeld | RefusalCause::KeyKept) => {}
            Some(RefusalCause::Other(error)) => return Err(error),
        }
        // Data means something only to its own type.
        let holders = holders::followers(store, vec![&dedupe.key]).await?;
        if holders.iter().any(|holder| text(holder, fields::TYPE) != Some(&job.job_type)) {
            break;
        }
    }
    Ok(Created::Duplicate(None))
}
