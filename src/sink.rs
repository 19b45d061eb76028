//! The way from the engine's threads to the JavaScript thread.

use std::{
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant},
};

use durabl_engine::{Event, Sink};
use napi::{
    Result, Status,
    bindgen_prelude::Function,
    threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode},
};

use crate::event::NativeEvent;

/// Weak: it keeps no process alive. It has no bound of its own: the number of jobs that the engine holds bounds it.
type Callback = ThreadsafeFunction<NativeEvent, (), NativeEvent, Status, false, true>;

/// Sends events to a JavaScript function, until it is closed.
pub(crate) struct JavaScriptSink {
    callback: RwLock<Option<Callback>>,
    liveness: Arc<Liveness>,
}

/// Tells if the JavaScript thread still answers.
struct Liveness {
    /// Moment of the question that has not been answered yet.
    asked: Mutex<Option<Instant>>,
    longest_block: Duration,
}

impl Liveness {
    fn answered(&self) {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// First: true if a question is to be asked now. Second: true if the last answer is not overdue.
    fn check(&self) -> (bool, bool) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        match *asked {
            Some(asked) => (false, asked.elapsed() < self.longest_block),
            None => {
                *asked = Some(Instant::now());
                (true, true)
            }
        }
    }

    fn is_overdue(&self) -> bool {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.is_some_and(|asked| asked.elapsed() >= self.longest_block)
    }
}

impl JavaScriptSink {
    pub(crate) fn new(callback: &Function<'_, NativeEvent, ()>, longest_block: Duration) -> Result<Self> {
        let liveness = Arc::new(Liveness { asked: Mutex::new(None), longest_block });
        let answering = liveness.clone();
        let callback = callback
            .build_threadsafe_function::<NativeEvent>()
            .weak::<true>()
            .callee_handled::<false>()
            .build_callback(move |context| {
                answering.answered();
                Ok(context.value)
            })?;
        Ok(Self { callback: RwLock::new(Some(callback)), liveness })
    }

    fn send(&self, event: NativeEvent) {
        let callback = self.callback.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(callback) = callback.as_ref() {
            // A failure means that the environment is ending: it takes no more calls, and needs none.
            callback.call(event, ThreadsafeFunctionCallMode::NonBlocking);
        }
    }

    /// Lets the function go; events sent before still arrive. Otherwise it would be there until the engine is garbage,
    /// and a test runner that looks for open handles would find it. Twice is harmless.
    pub(crate) fn close(&self) {
        self.callback.write().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Sink for JavaScriptSink {
    fn event(&self, event: Event) {
        self.send(event.into());
    }

    fn is_responsive(&self) -> bool {
        let (ask, responsive) = self.liveness.check();
        if ask {
            self.send(NativeEvent::Ping);
        }
        responsive
    }

    fn is_stuck(&self) -> bool {
        self.liveness.is_overdue()
    }
}
