//! Schedules: their stored form, and their firing.

use std::sync::{Arc, atomic::Ordering};

use mongodb::bson::RawDocumentBuf;

use super::{Engine, retried};
use crate::{
    base::{error::Result, sync::lock},
    report::tasks::{self, Task},
    verbs::schedules::{
        fire::Firing,
        keep::{self, ScheduleChange},
        trigger::{Trigger, Triggered},
    },
    wake::hints::{Audience, Wake},
};

impl Engine {
    /// Schedules by these names, or all of them by id, without their payloads; and the server's clock, in milliseconds since the epoch.
    ///
    /// # Errors
    /// As [`Self::enqueue`]; the side collection is another program's, or can't be read.
    pub async fn schedules(&self, names: Option<Vec<String>>) -> Result<(i64, Vec<RawDocumentBuf>)> {
        let hub = self.hub().await?;
        let read = async || {
            let found = keep::read(&hub.upkeep.side, names.as_deref()).await?;
            Ok((hub.store.server_time().await?.earliest().timestamp_millis(), found))
        };
        retried(&hub, read).await
    }

    /// Changes schedules, each if it is still as it was read. Tells for each if it was.
    ///
    /// # Errors
    /// As [`Self::schedules`]. Some of the changes may have been applied.
    pub async fn change_schedules(&self, changes: Vec<ScheduleChange>) -> Result<Vec<bool>> {
        let hub = self.hub().await?;
        let written = retried(&hub, || keep::write(&hub.upkeep.side, &changes)).await;
        self.schedules.has_changed();
        written
    }

    /// Makes a job of a schedule now.
    ///
    /// # Errors
    /// As [`Self::schedules`].
    pub async fn trigger_schedule(&self, name: &str) -> Result<Triggered> {
        let hub = self.hub().await?;
        let trigger = Trigger::of(name);
        let triggered = retried(&hub, || trigger.try_once(&hub.upkeep.side, &hub.store)).await?;
        if let Triggered::Created { id, job_type } = &triggered {
            hub.wakes.known_jobs.add([id.as_str()]);
            hub.wakes.wake(&Wake::Type(job_type.clone()), Audience::Here);
        }
        Ok(triggered)
    }

    /// Begins or ends to make the jobs of schedules. Schedules that are due come as events.
    pub fn fire_schedules(self: &Arc<Self>, on: bool) {
        if !self.schedules.turn(on) || self.is_ending.load(Ordering::Acquire) {
            return;
        }
        let (engine, schedules) = (Arc::downgrade(self), self.schedules.clone());
        let firing = tasks::kept(Task::Schedules, self.sink.clone(), move || {
            let (engine, schedules) = (engine.clone(), schedules.clone());
            async move {
                let Some(engine) = engine.upgrade() else { return };
                let Some(hub) = engine.hub_at_last().await else { return };
                let sink = engine.sink.clone();
                drop(engine);
                schedules.run(hub, sink).await;
            }
        });
        lock(&self.tasks).spawn(firing);
    }

    /// The answer to schedules that came as an event: the firing of each. One that is left out is passed over for a
    /// while.
    pub fn schedules_answered(&self, batch: u32, firings: Vec<Firing>) {
        self.schedules.answered(batch, firings);
    }
}
