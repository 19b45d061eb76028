//! A page of jobs that stand in order in an index.

use mongodb::bson::Document;

use super::found::{Found, Limit, is_shown, look, position_behind};
use crate::{
    base::error::Result,
    job::listing::{Order, Position},
    store::collection::Store,
};

/// Scans that make one list.
pub(super) struct Scan<'a> {
    pub(super) store: &'a Store,
    pub(super) order: Order,
    pub(super) filters: &'a [Document],
    /// The bound of each query.
    pub(super) limit: Limit,
}

impl Scan<'_> {
    pub(super) async fn page(&self, from: Option<Position>, limit: usize) -> Result<Found> {
        let mut found = Found::default();
        let shown = from.as_ref().map_or(0, |from| from.shown.len());
        for (place, range) in self.order.ranges(from.as_ref()).into_iter().enumerate() {
            let missing = limit - found.jobs.len();
            // The jobs that were shown stand in the first range, and come again.
            let most = if place == 0 { missing + shown } else { missing };
            let mut jobs = Vec::new();
            for filter in self.filters {
                let mut filter = filter.clone();
                filter.extend(range.filter.clone());
                jobs.extend(look(self.store, filter, range.sort.clone(), most, self.limit).await?);
            }
            found.looked += jobs.len() as u64;
            jobs.retain(|job| !is_shown(from.as_ref(), job));
            if self.filters.len() > 1 {
                jobs.sort_by(|one, other| self.order.compare(one, other));
            }
            found.jobs.extend(jobs.into_iter().take(missing));
            if found.jobs.len() == limit {
                found.next = Some(position_behind(self.order, from, &found.jobs));
                break;
            }
        }
        Ok(found)
    }
}
