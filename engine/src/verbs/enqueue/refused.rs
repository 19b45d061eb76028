//! Jobs that were refused for their key or id: those whose key only seemed to be held, and the names of the others' holders.

use mongodb::bson::{Bson, RawDocument, RawDocumentBuf};

use super::{created::Created, draft::Draft};
use crate::{
    base::error::Result,
    job::{
        document::{NewJob, text},
        fields, id_key,
        status::{DedupeScope, Status},
    },
    store::{
        collection::Store,
        holders,
        write::{RefusalCause, Wait},
    },
};

/// Rounds in which others take and free the key between the look and the write.
const MOST_ROUNDS: usize = 10;

/// Inserts a job whose key is kept by another, unless that is to go on.
pub(super) async fn insert_once_let_go(
    store: &Store,
    job: &NewJob,
    draft: &Draft,
    index: usize,
    wait: Wait,
) -> Result<Created> {
    let Some(key) = job.lasting_key() else { return Ok(Created::Duplicate(None)) };
    let id = &draft.ids[index];
    for _ in 0..MOST_ROUNDS {
        if !holders::let_go(store, key, wait).await? {
            break;
        }
        let reply = store.insert([&draft.documents[index]], wait).await?;
        match reply.refusals.into_iter().next().map(|refusal| refusal.cause) {
            None => return Ok(Created::Job(id.clone())),
            Some(RefusalCause::IdExists) if job.id.is_none() => return Ok(Created::Job(id.clone())),
            Some(RefusalCause::IdExists) => return Ok(Created::Duplicate(Some(id.clone()))),
            Some(RefusalCause::KeyHeld) => break,
            Some(RefusalCause::KeyKept) => {}
            Some(RefusalCause::Other(error)) if error.is_transient() => return Err(error),
            Some(RefusalCause::Other(error)) => return Ok(Created::Refused(error)),
        }
    }
    Ok(Created::Duplicate(None))
}

/// Names the jobs in the way, if callers ask. They may be gone by now.
pub(super) async fn name_holders(store: &Store, jobs: &[&NewJob], created: &mut [Created]) -> Result<()> {
    let asking: Vec<usize> = (0..jobs.len())
        .filter(|index| jobs[*index].is_detailed && matches!(created[*index], Created::Duplicate(None)))
        .collect();
    if asking.is_empty() {
        return Ok(());
    }
    let of_those = || asking.iter().map(|index| jobs[*index]);
    let ids = of_those().filter_map(|job| job.id.as_deref()).collect();
    let keys = of_those().filter_map(|job| job.dedupe.as_ref()).map(|dedupe| dedupe.key.as_str()).collect();
    let found = holders::in_the_way(store, ids, keys).await?;
    for index in asking {
        created[index] = Created::Duplicate(holder_of(jobs[index], &found));
    }
    Ok(())
}

/// A taken id decides the answer, even if another job holds the key.
fn holder_of(job: &NewJob, found: &[RawDocumentBuf]) -> Option<String> {
    let by_id =
        || found.iter().find(|other| job.id.is_some() && text(other, fields::ID) == job.id.as_deref());
    let by_key = || found.iter().find(|other| bars(other, job));
    let holder = by_id().or_else(by_key)?;
    let id = Bson::try_from(holder.get(fields::ID).ok()??).ok()?;
    Some(id_key::name_of(&id))
}

fn bars(other: &RawDocument, job: &NewJob) -> bool {
    let Some(dedupe) = &job.dedupe else { return false };
    if text(other, fields::DEDUPE_KEY) != Some(&dedupe.key) {
        return false;
    }
    let status = text(other, fields::STATUS).and_then(Status::parse);
    let has_room = match dedupe.scope {
        DedupeScope::PendingAndActive => !matches!(status, Some(Status::Pending | Status::Active)),
        DedupeScope::Pending => status != Some(Status::Pending),
    };
    let is_of_scope = text(other, fields::DEDUPE_SCOPE) == Some(dedupe.scope.as_str());
    let is_kept = job.dedupe_for_ms.is_some() && matches!(other.get(fields::DEDUPE_UNTIL), Ok(Some(_)));
    (is_of_scope && !has_room) || is_kept
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;
    use crate::job::document::DedupeKey;

    fn keyed(scope: DedupeScope) -> NewJob {
        NewJob { dedupe: Some(DedupeKey { key: "k".to_owned(), scope }), ..NewJob::sample() }
    }

    fn holder(id: &str, key: &str, scope: &str, status: &str) -> RawDocumentBuf {
        let job = doc! { "_id": id, "dedupeKey": key, "dedupeScope": scope, "status": status };
        RawDocumentBuf::try_from(&job).expect("it can be encoded")
    }

    #[test]
    fn a_job_is_barred_by_those_that_hold_its_key_in_its_scope() {
        use DedupeScope::{Pending, PendingAndActive};
        let [single, exclusive] = [Pending.as_str(), PendingAndActive.as_str()];
        for (scope, key, of_scope, status, expected) in [
            (Pending, "k", single, "pending", true),
            (Pending, "k", single, "active", false),
            (Pending, "k", single, "completed", false),
            (Pending, "other", single, "pending", false),
            (Pending, "k", exclusive, "pending", false),
            (PendingAndActive, "k", exclusive, "pending", true),
            (PendingAndActive, "k", exclusive, "active", true),
            (PendingAndActive, "k", exclusive, "failed", false),
            (PendingAndActive, "other", exclusive, "active", false),
            (PendingAndActive, "k", single, "active", false),
        ] {
            let is_barred = bars(&holder("a", key, of_scope, status), &keyed(scope));
            assert_eq!(is_barred, expected, "{scope:?} {key} {of_scope} {status}");
        }
        let other = holder("a", "k", single, "pending");
        assert!(!bars(&other, &NewJob::sample()), "one without a key");
    }

    #[test]
    fn a_job_whose_key_is_kept_bars_only_those_that_keep_it_too() {
        let job = doc! { "_id": "a", "dedupeKey": "k", "status": "completed", "dedupeUntil": 1 };
        let kept = RawDocumentBuf::try_from(&job).expect("it can be encoded");
        let asking = keyed(DedupeScope::Pending);
        assert!(!bars(&kept, &asking));
        assert!(bars(&kept, &NewJob { dedupe_for_ms: Some(1), ..asking.clone() }));
        let ended = holder("a", "k", "pending", "completed");
        assert!(!bars(&ended, &NewJob { dedupe_for_ms: Some(1), ..asking }));
    }

    #[test]
    fn the_job_of_the_same_id_is_named_before_the_one_that_holds_the_key() {
        let scope = DedupeScope::Pending;
        let found =
            [holder("a", "k", scope.as_str(), "pending"), holder("b", "other", scope.as_str(), "pending")];
        let named = |id: Option<&str>| NewJob { id: id.map(str::to_owned), ..keyed(scope) };
        assert_eq!(holder_of(&named(Some("b")), &found).as_deref(), Some("b"));
        assert_eq!(holder_of(&named(Some("c")), &found).as_deref(), Some("a"));
        assert_eq!(holder_of(&named(None), &found).as_deref(), Some("a"));
        assert_eq!(holder_of(&named(None), &found[1..]), None);
    }
}
