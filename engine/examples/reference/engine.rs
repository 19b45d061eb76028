//! The engine with a handler in Rust: all that the package does, less Node.js.

use std::{sync::Arc, time::Duration};

use durabl_engine::{
    About, Engine, EngineOptions, Event, LogBounds, ProcessorConfig, RunVerdict, Sink, Verdict,
    connection::ConnectionSettings,
};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use crate::{COLLECTION, Cost, JOB_TYPE, Measured, Outcome, Task};

enum Told {
    Started(Vec<u32>),
    Settled(usize),
}

/// Passes on what the loop below wants to know. A sink must return at once, so it finishes nothing itself.
struct Telling(UnboundedSender<Told>);

impl Sink for Telling {
    fn event(&self, event: Event) {
        let told = match event {
            Event::Jobs { run_ids, .. } => Told::Started(run_ids),
            Event::Settled(results) => Told::Settled(results.len()),
            Event::Log { message, .. } => return eprintln!("{message}"),
            _ => return,
        };
        _ = self.0.send(told);
    }
}

fn open(task: &Task) -> Outcome<(Arc<Engine>, UnboundedReceiver<Told>)> {
    let (sender, told) = mpsc::unbounded_channel();
    let settings = ConnectionSettings { uri: Some(task.uri.clone()), ..ConnectionSettings::default() };
    let options = EngineOptions {
        database: task.database.clone(),
        collection: COLLECTION.to_owned(),
        use_change_streams: false,
        log_bounds: LogBounds::default(),
        hand_off: true,
        about: About::default(),
        retention: Vec::new(),
    };
    Ok((Arc::new(Engine::open(settings, options, Arc::new(Telling(sender)))?), told))
}

/// Runs a processor whose handler ends each job as soon as it is handed over, until all are settled.
async fn drain(task: &Task, engine: &Arc<Engine>, mut told: UnboundedReceiver<Told>) -> Outcome<()> {
    engine.process(ProcessorConfig {
        job_type: JOB_TYPE.to_owned(),
        concurrency: task.width,
        poll_interval: None,
        heartbeat_interval: None,
        visibility_timeout: Duration::from_secs(300),
        prefetch: None,
    });
    let mut settled = 0;
    while settled < task.jobs {
        match told.recv().await.ok_or("the engine has gone")? {
            Told::Settled(count) => settled += count,
            Told::Started(runs) => {
                engine.finish(runs.into_iter().map(|run_id| RunVerdict {
                    run_id,
                    verdict: Verdict::Complete,
                    reason: None,
                    details: durabl_engine::Details::default(),
                    frees_slot: true,
                    elapsed: Some(Duration::from_micros(1)),
                }));
            }
        }
    }
    Ok(())
}

pub(crate) async fn measure(task: &Task) -> Outcome<Measured> {
    let (engine, told) = open(task)?;
    engine.startup().await?;
    let (drained, ()) = Cost::of(task, drain(task, &engine, told)).await?;
    engine.shutdown(Duration::from_secs(5)).await;
    Ok(Measured { drained, marks: Vec::new() })
}
