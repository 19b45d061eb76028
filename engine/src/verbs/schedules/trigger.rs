//! A job of a schedule, now.

use mongodb::bson::{Document, RawDocumentBuf, doc};

use super::occurrence::{job_type, new_job};
use crate::{
    base::error::Result,
    job::document::new_id,
    store::{
        collection::Store,
        side::{ID, Kind, Side},
        write::{RefusalCause, Wait},
    },
};

/// The result of triggering a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Triggered {
    /// The job was made.
    Created {
        /// Its id.
        id: String,
        /// Its type.
        job_type: String,
    },
    /// A job of the schedule is outstanding, and another one is not allowed.
    KeyHeld,
    /// There is no such schedule.
    NotFound,
}

/// A job that is to be made, under the same id in every try.
pub(crate) struct Trigger {
    schedule_id: String,
    job_id: String,
}

impl Trigger {
    pub(crate) fn of(name: &str) -> Self {
        Self { schedule_id: Kind::Schedule.id(name), job_id: new_id() }
    }

    /// Reads the schedule and makes the job.
    pub(crate) async fn try_once(&self, side: &Side, store: &Store) -> Result<Triggered> {
        let found: Vec<RawDocumentBuf> = side.store().find(self.filter(), doc! {}).await?;
        let Some(schedule) = found.first() else { return Ok(Triggered::NotFound) };
        let now = store.server_time().await?.earliest();
        let job = new_job(schedule, &self.job_id, now, now)?;
        let created =
            || Triggered::Created { id: self.job_id.clone(), job_type: job_type(schedule).to_owned() };
        let reply = store.insert([&job], Wait::Long).await?;
        match reply.refusals.into_iter().next().map(|refusal| refusal.cause) {
            None | Some(RefusalCause::IdExists) => Ok(created()),
            Some(RefusalCause::KeyHeld | RefusalCause::KeyKept) => {
                // Perhaps by this very job, in a try whose reply was lost.
                let own = store.find(doc! { ID: &self.job_id }, doc! { ID: 1 }).await?;
                Ok(if own.is_empty() { Triggered::KeyHeld } else { created() })
            }
            Some(RefusalCause::Other(error)) => Err(error),
        }
    }

    fn filter(&self) -> Document {
        doc! { ID: &self.schedule_id }
    }
}
