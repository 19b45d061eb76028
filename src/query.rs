//! Looks at jobs that change nothing.

use durabl_engine::{
    JobFilter, Page, Stats, Status,
    bson::{Document, RawDocumentBuf},
};
use napi::{Env, Result, bindgen_prelude::Buffer};
use napi_derive::napi;

use crate::{convert::invalid, engine::NativeEngine, reply::Promised};

/// Counts by status, and the lag of the queue.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct NativeStats {
    /// Jobs that wait.
    pub pending: f64,
    /// Claimed jobs.
    pub active: f64,
    /// Jobs that ended well.
    pub completed: f64,
    /// Jobs that failed for good.
    pub failed: f64,
    /// Jobs whose follower covers the work.
    pub superseded: f64,
    /// The `runAt` of the oldest job that is due, in milliseconds since the epoch; null if none is.
    pub oldest_pending_run_at_ms: Option<f64>,
    /// Time for which that job has been due; 0 if none is.
    pub oldest_pending_lag_ms: f64,
}

impl From<Stats> for NativeStats {
    fn from(stats: Stats) -> Self {
        Self {
            pending: stats.pending as f64,
            active: stats.active as f64,
            completed: stats.completed as f64,
            failed: stats.failed as f64,
            superseded: stats.superseded as f64,
            oldest_pending_run_at_ms: stats.oldest_pending_run_at_ms.map(|ms| ms as f64),
            oldest_pending_lag_ms: stats.oldest_pending_lag_ms as f64,
        }
    }
}

/// The jobs to list.
#[napi(object, object_to_js = false, use_nullable = true)]
pub struct NativeJobFilter {
    /// Their status.
    pub status: String,
    /// Their types; none stands for all.
    pub types: Vec<String>,
    /// Their dedupe key.
    pub dedupe_key: Option<String>,
    /// Conditions on their payload, as a BSON document.
    pub conditions: Buffer,
}

impl TryFrom<NativeJobFilter> for JobFilter {
    type Error = napi::Error;

    fn try_from(filter: NativeJobFilter) -> Result<Self> {
        let status = Status::parse(&filter.status).ok_or_else(|| invalid("status", &filter.status))?;
        Ok(Self {
            status,
            types: filter.types,
            dedupe_key: filter.dedupe_key,
            conditions: document("conditions", filter.conditions)?,
        })
    }
}

/// A page of a list.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct NativePage {
    /// The jobs as BSON documents, end to end, without payloads.
    pub documents: Buffer,
    /// The cursor of the next page; null after the last one.
    pub next: Option<Buffer>,
    /// The number of jobs that were looked at.
    pub looked: f64,
    /// True if the look ended with the page or the list, and not by its own bounds.
    pub is_complete: bool,
}

impl From<Page> for NativePage {
    fn from(page: Page) -> Self {
        Self {
            documents: end_to_end(page.jobs),
            next: page.next.map(Buffer::from),
            looked: page.looked as f64,
            is_complete: page.is_complete,
        }
    }
}

fn end_to_end(documents: Vec<RawDocumentBuf>) -> Buffer {
    let bytes: Vec<u8> = documents.into_iter().flat_map(RawDocumentBuf::into_bytes).collect();
    bytes.into()
}

fn document(name: &str, bytes: Buffer) -> Result<Document> {
    RawDocumentBuf::from_bytes(bytes.into())
        .and_then(|document| Document::try_from(document.as_ref()))
        .map_err(|error| invalid(name, &error.to_string()))
}

#[napi]
impl NativeEngine {
    /// True if a job of this type and key is pending or active.
    #[napi]
    pub fn has_outstanding<'env>(
        &self,
        env: &'env Env,
        job_type: String,
        key: String,
    ) -> Result<Promised<'env, bool>> {
        self.call(env, |engine| async move { engine.has_outstanding(&job_type, &key).await })
    }

    /// The first job that matches a filter, which is a BSON document: the job as BSON, with its logs; null if there is none.
    #[napi]
    pub fn find_one<'env>(&self, env: &'env Env, filter: Buffer) -> Result<Promised<'env, Option<Buffer>>> {
        let filter = document("filter", filter)?;
        self.call(env, |engine| async move {
            let found = engine.find_one(filter).await?;
            Ok(found.map(|job| Buffer::from(job.into_bytes())))
        })
    }

    /// A job by its id, as BSON, with all that is stored of it; null if there is none.
    #[napi]
    pub fn get_job<'env>(&self, env: &'env Env, id: String) -> Result<Promised<'env, Option<Buffer>>> {
        self.call(env, |engine| async move {
            let found = engine.get_job(&id).await?;
            Ok(found.map(|job| Buffer::from(job.into_bytes())))
        })
    }

    /// A page of the jobs of a filter, from a cursor on.
    #[napi]
    pub fn list_jobs<'env>(
        &self,
        env: &'env Env,
        filter: NativeJobFilter,
        limit: u32,
        after: Option<Buffer>,
    ) -> Result<Promised<'env, NativePage>> {
        let filter = JobFilter::try_from(filter)?;
        let after: Option<Vec<u8>> = after.map(Vec::from);
        self.call(env, |engine| async move {
            engine.list(&filter, limit as usize, after.as_deref()).await.map(NativePage::from)
        })
    }

    /// The jobs of these ids that are stored, as BSON documents, end to end, with the parts that a caller of `waitFor`
    /// needs.
    #[napi]
    pub fn ends<'env>(&self, env: &'env Env, ids: Vec<String>) -> Result<Promised<'env, Buffer>> {
        self.call(env, |engine| async move { engine.ends(&ids).await.map(end_to_end) })
    }

    /// Counts of one type, or of all.
    #[napi]
    pub fn get_stats<'env>(
        &self,
        env: &'env Env,
        job_type: Option<String>,
    ) -> Result<Promised<'env, NativeStats>> {
        self.call(env, |engine| async move { engine.stats(job_type.as_deref()).await.map(NativeStats::from) })
    }
}
