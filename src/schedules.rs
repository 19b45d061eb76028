//! Schedules: their stored form, and their firing.

use durabl_engine::{
    Firing, ScheduleChange, Seen, Triggered,
    bson::{Document, RawDocumentBuf},
};
use napi::{
    Env, Result,
    bindgen_prelude::{Buffer, Float64Array},
};
use napi_derive::napi;

use crate::{convert::invalid, engine::NativeEngine, reply::Promised, runtime::runtime};

/// Stored schedules.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct NativeSchedules {
    /// The server's clock, in milliseconds since the epoch.
    pub now_ms: f64,
    /// Their BSON documents, end to end, without payloads.
    pub documents: Buffer,
}

/// A change of one schedule. With `rev` it applies only to the schedule as it was read, without it only if there is
/// none.
#[napi(object, object_to_js = false, use_nullable = true)]
pub struct NativeScheduleChange {
    /// The id that users know it by.
    pub id: String,
    /// Its revision when it was read; null if there was none.
    pub rev: Option<String>,
    /// Its next occurrence when it was read, in milliseconds since the epoch; null if it had none.
    pub next_ms: Option<f64>,
    /// Its new fields as BSON, among them a new revision; null to remove it.
    pub fields: Option<Buffer>,
    /// Fields that it has no more.
    pub unset: Vec<String>,
}

impl TryFrom<NativeScheduleChange> for ScheduleChange {
    type Error = napi::Error;

    fn try_from(native: NativeScheduleChange) -> Result<Self> {
        let NativeScheduleChange { id: name, rev, next_ms, fields, unset } = native;
        let unreadable = |error: durabl_engine::bson::error::Error| invalid("fields", &error.to_string());
        let fields = fields.map(|bytes| RawDocumentBuf::from_bytes(bytes.into())).transpose();
        let fields = fields.map_err(unreadable)?;
        let seen = rev.map(|rev| Seen { rev, next_ms: next_ms.map(|ms| ms as i64) });
        match (seen, fields) {
            (None, Some(document)) => Ok(Self::Make { document }),
            (Some(seen), Some(fields)) => {
                let fields = Document::try_from(fields.as_ref()).map_err(unreadable)?;
                Ok(Self::Set { name, seen, fields, unset })
            }
            (Some(seen), None) => Ok(Self::Remove { name, seen }),
            (None, None) => Err(invalid("rev", "it is missing where a schedule is to be removed")),
        }
    }
}

/// The calendar's answer about a schedule that is due.
#[napi(object, object_to_js = false, use_nullable = true)]
pub struct NativeFiring {
    /// The schedule's place in the event.
    pub place: u32,
    /// Occurrences to make jobs of, in milliseconds since the epoch, ascending.
    pub occurrences_ms: Float64Array,
    /// The newest occurrence that has come, made or not.
    pub last_ms: f64,
    /// The next one; null if there is none any more.
    pub next_ms: Option<f64>,
}

impl From<NativeFiring> for Firing {
    fn from(native: NativeFiring) -> Self {
        Self {
            place: native.place as usize,
            occurrences_ms: native.occurrences_ms.iter().map(|ms| *ms as i64).collect(),
            last_ms: native.last_ms as i64,
            next_ms: native.next_ms.map(|ms| ms as i64),
        }
    }
}

/// The fate of a job that was to be made of a schedule.
#[napi(string_enum = "kebab-case")]
pub enum NativeTriggerStatus {
    /// It was made.
    Created,
    /// Another job of the schedule is outstanding.
    Duplicate,
    /// There is no such schedule.
    NotFound,
}

/// The same, with the job's id.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct NativeTriggered {
    /// The fate of the job.
    pub status: NativeTriggerStatus,
    /// Set exactly when it was made.
    pub id: Option<String>,
}

impl From<Triggered> for NativeTriggered {
    fn from(triggered: Triggered) -> Self {
        match triggered {
            Triggered::Created { id, .. } => Self { status: NativeTriggerStatus::Created, id: Some(id) },
            Triggered::KeyHeld => Self { status: NativeTriggerStatus::Duplicate, id: None },
            Triggered::NotFound => Self { status: NativeTriggerStatus::NotFound, id: None },
        }
    }
}

#[napi]
impl NativeEngine {
    /// Schedules by these ids, or all of them if it is null.
    #[napi]
    pub fn schedules<'env>(
        &self,
        env: &'env Env,
        ids: Option<Vec<String>>,
    ) -> Result<Promised<'env, NativeSchedules>> {
        self.call(env, |engine| async move {
            let (now_ms, found) = engine.schedules(ids).await?;
            let documents: Vec<u8> = found.iter().flat_map(|document| document.as_bytes()).copied().collect();
            Ok(NativeSchedules { now_ms: now_ms as f64, documents: documents.into() })
        })
    }

    /// Changes schedules, each if it is still as it was read. Tells for each if it was.
    #[napi]
    pub fn change_schedules<'env>(
        &self,
        env: &'env Env,
        changes: Vec<NativeScheduleChange>,
    ) -> Result<Promised<'env, Vec<bool>>> {
        let changes = changes.into_iter().map(ScheduleChange::try_from).collect::<Result<Vec<_>>>()?;
        self.call(env, |engine| async move { engine.change_schedules(changes).await })
    }

    /// Makes a job of a schedule now.
    #[napi]
    pub fn trigger_schedule<'env>(
        &self,
        env: &'env Env,
        id: String,
    ) -> Result<Promised<'env, NativeTriggered>> {
        self.call(env, |engine| async move { engine.trigger_schedule(&id).await.map(NativeTriggered::from) })
    }

    /// Begins or ends to make the jobs of schedules. Those that are due come as `schedules-due` events.
    ///
    /// # Errors
    /// The engine's threads can't be started.
    #[napi]
    pub fn fire_schedules(&self, on: bool) -> Result<()> {
        let _guard = runtime()?.enter();
        self.engine.fire_schedules(on);
        Ok(())
    }

    /// The answer to a `schedules-due` event. A schedule that is left out is passed over for a while.
    #[napi]
    pub fn schedules_answered(&self, batch: u32, firings: Vec<NativeFiring>) {
        self.engine.schedules_answered(batch, firings.into_iter().map(Firing::from).collect());
    }
}
