//! One look along an index, and the place where it ended.

use std::time::Duration;

use mongodb::bson::{Bson, Document, RawDocumentBuf};

use crate::{
    base::error::Result,
    job::{
        fields,
        listing::{
            Order, Page, Position,
            cursor::{Query, mark_of},
        },
    },
    store::collection::{Store, all},
};

/// The result of a look.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) jobs: Vec<RawDocumentBuf>,
    pub(super) looked: u64,
    /// The place from which the list goes on.
    pub(super) next: Option<Position>,
    /// The look was given up.
    pub(super) is_stopped: bool,
}

impl Found {
    pub(super) fn into_page(self, query: Query) -> Page {
        let next = self.next.map(|at| query.cursor(&at));
        Page { jobs: self.jobs, next, looked: self.looked, is_complete: !self.is_stopped }
    }
}

pub(super) fn is_shown(from: Option<&Position>, job: &RawDocumentBuf) -> bool {
    from.is_some_and(|from| !from.shown.is_empty() && from.shown.contains(&mark_of(job)))
}

/// Behind the last of these jobs, which came from a position on.
pub(super) fn position_behind(order: Order, from: Option<Position>, jobs: &[RawDocumentBuf]) -> Position {
    let values = jobs.last().map(|last| order.values_of(last)).unwrap_or_default();
    position_at(order, from, jobs, values)
}

/// At these values, with the jobs listed of them.
pub(super) fn position_at(
    order: Order,
    from: Option<Position>,
    jobs: &[RawDocumentBuf],
    values: Vec<Bson>,
) -> Position {
    let mut at = match from {
        Some(from) if from.values == values => from,
        _ => Position { values, ..Position::default() },
    };
    let of_the_moment = jobs.iter().rev().take_while(|job| order.values_of(job) == at.values);
    for mark in of_the_moment.map(|job| mark_of(job)) {
        if !at.shown.contains(&mark) {
            at.shown.push(mark);
        }
    }
    at
}

/// The time that the server may take for a look.
#[derive(Debug, Clone, Copy)]
pub(super) enum Limit {
    None,
    Time(Duration),
}

pub(super) async fn look(
    store: &Store,
    filter: Document,
    sort: Document,
    most: usize,
    limit: Limit,
) -> Result<Vec<RawDocumentBuf>> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    store
        .bounded("listing jobs", async {
            let mut look = store.jobs().find(filter).sort(sort).projection(fields::of_a_list()).limit(most);
            // In one reply, as far as replies go.
            look = look.batch_size(u32::try_from(most).unwrap_or(u32::MAX));
            if let Limit::Time(limit) = limit {
                look = look.max_time(limit);
            }
            all(look.await?).await
        })
        .await
}
