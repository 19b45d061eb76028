//! Codes of the server about indexes.

pub(super) const INDEX_NOT_FOUND: i32 = 27;

pub(super) const NAMESPACE_NOT_FOUND: i32 = 26;
