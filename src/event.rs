//! Events as JavaScript sees them: `NativeEvent` of `lib/mongo/native/addon.ts`.

use durabl_engine::{Event, RunResult, Settled};
use napi::{
    Env, Result,
    bindgen_prelude::{Buffer, Object, ToNapiValue, Uint32Array},
    sys,
};

use crate::{failure::NativeFailure, job::NativeSettled};

/// What goes through the callback: an event, or a question whether anybody is there.
pub(crate) enum Message {
    Event(Event),
    Ping,
}

impl ToNapiValue for Message {
    /// The object for it. Fields that its kind has no use for are not there.
    unsafe fn to_napi_value(raw_env: sys::napi_env, message: Self) -> Result<sys::napi_value> {
        let env = Env::from_raw(raw_env);
        let mut object = Object::new(&env)?;
        match message {
            Self::Ping => object.set("kind", "ping")?,
            Self::Event(event) => fill(&mut object, event, &env)?,
        }
        // SAFETY: `raw_env` is the environment we were called in.
        unsafe { Object::to_napi_value(raw_env, object) }
    }
}

fn fill(object: &mut Object<'_>, event: Event, env: &Env) -> Result<()> {
    match event {
        Event::Jobs { processor_id, run_ids, documents } => {
            object.set("kind", "jobs")?;
            object.set("processorId", processor_id)?;
            object.set("runIds", Uint32Array::new(run_ids))?;
            object.set("documents", Buffer::from(documents))?;
        }
        Event::Settled(results) => {
            object.set("kind", "settled")?;
            let (completed, others): (Vec<_>, Vec<_>) =
                results.into_iter().partition(|result| matches!(result.outcome, Ok(Settled::Completed)));
            let completed: Vec<u32> = completed.into_iter().map(|result| result.run_id).collect();
            let others: Vec<Object<'_>> =
                others.into_iter().map(|result| run_result(result, env)).collect::<Result<_>>()?;
            object.set("completed", Uint32Array::new(completed))?;
            object.set("others", others)?;
        }
        Event::LeaseLost(run_ids) => {
            object.set("kind", "lease-lost")?;
            object.set("runIds", run_ids)?;
        }
        Event::TakenBack(run_ids) => {
            object.set("kind", "taken-back")?;
            object.set("runIds", run_ids)?;
        }
        Event::Wake(job_type) => {
            object.set("kind", "wake")?;
            object.set("type", job_type.unwrap_or_default())?;
        }
        Event::Stream(state) => {
            object.set("kind", "stream")?;
            object.set("state", state.as_str())?;
        }
        Event::Recovered { handled, saturated } => {
            object.set("kind", "recovered")?;
            object.set("handled", handled as f64)?;
            object.set("saturated", saturated)?;
        }
        Event::RecoveryFailed { is_first, message } => {
            object.set("kind", "recovery-failed")?;
            object.set("phase", if is_first { "startup" } else { "periodic" })?;
            object.set("message", message)?;
        }
        Event::Log { level, message, fields } => {
            object.set("kind", "log")?;
            object.set("level", level.as_str())?;
            object.set("message", message)?;
            let mut named = Object::new(env)?;
            for (name, value) in fields {
                named.set(name, value)?;
            }
            object.set("fields", named)?;
        }
    }
    Ok(())
}

fn run_result(result: RunResult, env: &Env) -> Result<Object<'_>> {
    let mut object = Object::new(env)?;
    object.set("runId", result.run_id)?;
    let (settled, failure) = match result.outcome {
        Ok(settled) => (Some(NativeSettled::from(settled)), None),
        Err(error) => (None, Some(NativeFailure::from(error))),
    };
    object.set("settled", settled)?;
    object.set("failure", failure)?;
    Ok(object)
}
