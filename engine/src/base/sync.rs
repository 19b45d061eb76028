//! Locks.

use std::sync::{Mutex, PoisonError};

/// A lock that outlasts a panic elsewhere: the values behind these locks are never left half-changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
