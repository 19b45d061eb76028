//! Locks.

use std::sync::{Mutex, PoisonError};

/// A lock that a panic elsewhere doesn't take from everyone: what these guard is never left half-changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
