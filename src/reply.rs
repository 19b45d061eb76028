//! Promises that never reject: they resolve to a value or to a failure.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use napi::{
    Env, Result,
    bindgen_prelude::{JsValue, Object, PromiseRaw, ToNapiValue},
    sys,
};

use crate::{failure::NativeFailure, runtime::runtime};

/// A value or a failure: exactly one of the two is there, unless the value itself is null.
pub struct Reply<T> {
    value: Option<T>,
    failure: Option<NativeFailure>,
}

impl<T> From<durabl_engine::Result<T>> for Reply<T> {
    fn from(result: durabl_engine::Result<T>) -> Self {
        match result {
            Ok(value) => Self { value: Some(value), failure: None },
            Err(error) => Self { value: None, failure: Some(error.into()) },
        }
    }
}

impl<T: ToNapiValue> ToNapiValue for Reply<T> {
    unsafe fn to_napi_value(raw_env: sys::napi_env, reply: Self) -> Result<sys::napi_value> {
        let mut object = Object::new(&Env::from_raw(raw_env))?;
        object.set("value", reply.value)?;
        object.set("failure", reply.failure)?;
        // SAFETY: `raw_env` is the environment of this call.
        unsafe { Object::to_napi_value(raw_env, object) }
    }
}

/// A promise of a reply.
pub(crate) type Promised<'env, T> = PromiseRaw<'env, Reply<T>>;

/// Runs a future on the engine's threads. A panic in it becomes a failure, so that no caller waits for ever.
pub(crate) fn promise<T, F>(env: &Env, future: F) -> Result<Promised<'_, T>>
where
    T: ToNapiValue + Send + 'static,
    F: Future<Output = durabl_engine::Result<T>> + Send + 'static,
{
    let (deferred, promise) = env.create_deferred()?;
    runtime()?.spawn(async move {
        let reply = match AssertUnwindSafe(future).catch_unwind().await {
            Ok(result) => Reply::from(result),
            Err(panic) => {
                Reply { value: None, failure: Some(NativeFailure::internal(describe(panic.as_ref()))) }
            }
        };
        deferred.resolve(move |_| Ok(reply));
    });
    Ok(PromiseRaw::new(env.raw(), promise.raw()))
}

fn describe(panic: &(dyn std::any::Any + Send)) -> String {
    let message =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the engine failed unexpectedly: {}", message.unwrap_or("no message"))
}
