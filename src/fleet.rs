//! The workers of a collection as one.

use durabl_engine::{
    Action, Error,
    bson::{Document, RawDocumentBuf},
};
use napi::{Env, Result, bindgen_prelude::Buffer};
use napi_derive::napi;

use crate::{engine::NativeEngine, reply::Promised};

/// An act of an operator.
#[napi(object, object_to_js = false, use_nullable = true)]
pub struct NativeAction {
    /// The operator; null if unknown.
    pub by: Option<String>,
    /// The name of the act.
    pub action: String,
    /// The target of the act.
    pub target: Option<String>,
    /// More about it.
    pub note: Option<String>,
}

impl From<NativeAction> for Action {
    fn from(NativeAction { by, action, target, note }: NativeAction) -> Self {
        Self { by, action, target, note }
    }
}

fn encoded(document: &Document) -> durabl_engine::Result<Buffer> {
    RawDocumentBuf::try_from(document)
        .map(|bytes| Buffer::from(bytes.into_bytes()))
        .map_err(Error::unreadable)
}

fn all_encoded(documents: &[Document]) -> durabl_engine::Result<Vec<Buffer>> {
    documents.iter().map(encoded).collect()
}

#[napi]
impl NativeEngine {
    /// Pauses a type in all processes. True if it was running.
    #[napi]
    pub fn pause_type<'env>(
        &self,
        env: &'env Env,
        job_type: String,
        reason: Option<String>,
    ) -> Result<Promised<'env, bool>> {
        self.call(env, |engine| async move { engine.pause_type(&job_type, reason.as_deref()).await })
    }

    /// Resumes a type. True if it was paused.
    #[napi]
    pub fn resume_type<'env>(&self, env: &'env Env, job_type: String) -> Result<Promised<'env, bool>> {
        self.call(env, |engine| async move { engine.resume_type(&job_type).await })
    }

    /// The number of jobs of each type, as a BSON document.
    #[napi]
    pub fn counts<'env>(&self, env: &'env Env) -> Result<Promised<'env, Buffer>> {
        self.call(env, |engine| async move { encoded(&engine.counts().await?) })
    }

    /// The processes with processors, as BSON documents.
    #[napi]
    pub fn list_workers<'env>(&self, env: &'env Env) -> Result<Promised<'env, Vec<Buffer>>> {
        self.call(env, |engine| async move { all_encoded(&engine.workers().await?) })
    }

    /// The jobs that ended from this moment to that: a BSON document for each type and hour.
    #[napi]
    pub fn history<'env>(
        &self,
        env: &'env Env,
        job_type: Option<String>,
        from_ms: f64,
        to_ms: f64,
    ) -> Result<Promised<'env, Vec<Buffer>>> {
        self.call(env, |engine| async move {
            all_encoded(&engine.history(job_type.as_deref(), from_ms as i64, to_ms as i64).await?)
        })
    }

    /// Writes down an act of an operator, and returns its id.
    #[napi]
    pub fn record_action<'env>(
        &self,
        env: &'env Env,
        action: NativeAction,
    ) -> Result<Promised<'env, String>> {
        self.call(env, |engine| async move { engine.record_action(action.into()).await })
    }

    /// Acts of operators, newest first, as BSON documents.
    #[napi]
    pub fn list_actions<'env>(
        &self,
        env: &'env Env,
        before: Option<String>,
        most: u32,
    ) -> Result<Promised<'env, Vec<Buffer>>> {
        self.call(env, |engine| async move {
            all_encoded(&engine.actions(before.as_deref(), i64::from(most)).await?)
        })
    }
}
