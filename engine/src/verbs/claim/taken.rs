//! The jobs that a claim of several has taken: known to stay, and read, before a handler starts.

use std::{borrow::Cow, collections::HashMap, time::Duration};

use mongodb::bson::{Bson, RawDocumentBuf, doc};

use crate::{
    base::{error::Result, patience::Patience},
    job::{document::ClaimedJob, fields},
    store::collection::Store,
};

/// A claim that was made and can't be read would sit there until its lease ends: worth some tries.
const PATIENCE: Duration = Duration::from_secs(10);

/// The result of a claim of several jobs.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) jobs: TakenJobs,
    /// True if nothing more of the type can be claimed right now.
    pub(crate) exhausted: bool,
    /// True if the next job can only be claimed into a free slot.
    pub(crate) needs_slot: bool,
}

/// Jobs that this process holds, in claim order.
#[derive(Debug)]
pub(crate) enum TakenJobs {
    /// A number of these, by the word of the primary alone: an election may still take them back.
    Counted { count: usize, ids: Vec<Bson> },
    /// Acknowledged as writes are here, and read.
    Read(Vec<ClaimedJob>),
}

impl Default for TakenJobs {
    fn default() -> Self {
        Self::Read(Vec::new())
    }
}

impl TakenJobs {
    pub(crate) fn count(&self) -> usize {
        match self {
            Self::Counted { count, .. } => *count,
            Self::Read(jobs) => jobs.len(),
        }
    }

    /// These and those, which were claimed under the same token.
    pub(super) fn and(self, others: Self) -> Self {
        let count = self.count() + others.count();
        let mut ids = self.into_ids();
        ids.extend(others.into_ids());
        Self::Counted { count, ids }
    }

    fn into_ids(self) -> Vec<Bson> {
        match self {
            Self::Counted { ids, .. } => ids,
            Self::Read(jobs) => jobs.into_iter().map(|job| job.header.id).collect(),
        }
    }

    /// The jobs, once their claims are known to stay: all of them, unless an election has taken some back.
    pub(crate) async fn acknowledged(self, store: &Store, token: &str) -> Result<Vec<ClaimedJob>> {
        match self {
            Self::Counted { count: 0, .. } => Ok(Vec::new()),
            Self::Counted { ids, .. } => read_back(store, &ids.iter().collect::<Vec<_>>(), token).await,
            Self::Read(jobs) => Ok(jobs),
        }
    }
}

/// Those of the jobs that are claimed under the token, and stay so; in the order of the ids.
pub(super) async fn read_back(store: &Store, ids: &[&Bson], token: &str) -> Result<Vec<ClaimedJob>> {
    let filter = doc! { fields::ID: { "$in": ids }, fields::CLAIM_TOKEN: token };
    let mut patience = Patience::new(PATIENCE);
    loop {
        // In this order: a read before the confirmation may come from a primary that was replaced in between.
        let found = match store.confirm().await {
            Ok(()) => store.find(filter.clone(), fields::of_a_run()).await,
            Err(error) => Err(error),
        };
        match found {
            Ok(found) => return in_order(ids, found),
            Err(error) => patience.pause_after(error).await?,
        }
    }
}

fn in_order(ids: &[&Bson], found: Vec<RawDocumentBuf>) -> Result<Vec<ClaimedJob>> {
    let mut jobs: Vec<ClaimedJob> = found.into_iter().map(ClaimedJob::read).collect::<Result<_>>()?;
    let places: HashMap<_, _> = ids.iter().enumerate().map(|(place, id)| (sort_key(id), place)).collect();
    jobs.sort_by_key(|job| places.get(&sort_key(&job.header.id)).copied());
    Ok(jobs)
}

fn sort_key(id: &Bson) -> Cow<'_, str> {
    match id {
        Bson::String(id) => id.as_str().into(),
        other => other.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{oid::ObjectId, rawdoc};

    use super::*;

    #[test]
    fn jobs_come_in_claim_order_whatever_their_ids_are() {
        let object_id = ObjectId::new();
        let ids: [Bson; 4] = ["b".into(), object_id.into(), "a".into(), 7.into()];
        let found = vec![
            rawdoc! { "_id": 7 },
            rawdoc! { "_id": "a" },
            rawdoc! { "_id": object_id },
            rawdoc! { "_id": "b" },
        ];
        let ordered = in_order(&ids.iter().collect::<Vec<_>>(), found).expect("every job has an id");
        assert!(ordered.into_iter().map(|job| job.header.id).eq(ids));
    }

    #[test]
    fn jobs_of_two_rounds_are_counted_and_named_together() {
        let counted = TakenJobs::Counted { count: 1, ids: vec!["a".into(), "b".into()] };
        let read = ClaimedJob::read(rawdoc! { "_id": "c" }).expect("it has an id");
        let both = counted.and(TakenJobs::Read(vec![read]));
        assert_eq!(both.count(), 2);
        assert_eq!(both.into_ids(), ["a", "b", "c"].map(Bson::from));
    }
}
