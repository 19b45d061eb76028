//! A batch of new jobs as it is to be written, the same in every try.

use std::collections::HashMap;

use mongodb::bson::RawDocumentBuf;

use super::request::Request;
use crate::{
    base::{error::Result, patience::Patience},
    job::{document::new_id, server_time::ServerTime},
    store::collection::Store,
};

/// Jobs that are to be written, under the same ids and with the same times in every try.
pub(super) struct Draft {
    pub(super) ids: Vec<String>,
    pub(super) documents: Vec<RawDocumentBuf>,
    /// What delays count from.
    pub(super) at: ServerTime,
}

impl Draft {
    pub(super) async fn of(store: &Store, batch: &[Request], patience: &mut Patience) -> Result<Self> {
        let jobs = || batch.iter().flat_map(|request| &request.jobs);
        let ids: Vec<String> = jobs().map(|job| job.id.clone().unwrap_or_else(new_id)).collect();
        let at = loop {
            let checked = store.check_write_concern().await;
            match checked.and(store.server_time().await) {
                Ok(at) => break at,
                Err(error) => patience.pause_after(error).await?,
            }
        };
        let mut same_id: HashMap<&str, i64> = HashMap::new();
        let mut documents = Vec::with_capacity(ids.len());
        for (job, id) in jobs().zip(&ids) {
            // Its time tells whose document it is where a reply is lost: so each of an id has one of its own.
            let earlier = job.id.as_deref().map_or(0, |id| {
                let earlier = same_id.entry(id).or_default();
                *earlier += 1;
                *earlier - 1
            });
            documents.push(job.pending(id, at.earlier(earlier))?);
        }
        Ok(Self { ids, documents, at })
    }

    /// Those of its jobs that are kept.
    pub(super) fn only(self, kept: &[bool]) -> Self {
        let jobs = self.ids.into_iter().zip(self.documents).zip(kept);
        let (ids, documents) = jobs.filter_map(|(job, is_kept)| is_kept.then_some(job)).unzip();
        Self { ids, documents, at: self.at }
    }

    /// The first so many of its jobs; the others stay.
    pub(super) fn split_off_first(&mut self, count: usize) -> Self {
        let ids = self.ids.drain(..count).collect();
        let documents = self.documents.drain(..count).collect();
        Self { ids, documents, at: self.at }
    }
}
