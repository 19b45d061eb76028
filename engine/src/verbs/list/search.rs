//! Lists jobs by conditions that no index of durabl's answers. It goes along the index of their status, in steps,
//! until the page is full or enough was looked at. An index of the app on one of the fields makes it one query.

use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use mongodb::{
    IndexModel,
    bson::{Bson, Document, RawBsonRef, RawDocument, RawDocumentBuf, doc},
};

use super::{
    found::{Found, Limit, is_shown, position_at, position_behind},
    scan::Scan,
};
use crate::{
    base::error::{Error, Result},
    job::{
        fields,
        listing::{JobFilter, Order, Position, Range},
    },
    store::collection::Store,
};

/// Jobs that one call looks at.
const MOST_LOOKED: u64 = 20_000;
/// Time that one call takes, and one query of an index of the app.
const MOST_TIME: Duration = Duration::from_secs(2);
const MOST_TIME_BY_INDEX: Duration = Duration::from_secs(1);
/// The first step is small, as the newest jobs are the likeliest to be the ones; each next one is longer.
const FIRST_STEP: u64 = 100;
const LONGEST_STEP: u64 = 5_000;
/// Jobs that a step brings along: its reply is one document.
const MOST_IN_A_STEP: usize = 200;

const TIME_LIMIT_EXCEEDED: i32 = 50;

const ROWS: &str = "rows";
const END: &str = "end";
const LOOKED: &str = "looked";

/// The jobs of a status and types that meet the conditions of a filter.
pub(super) async fn search(
    store: &Store,
    base: &Document,
    filter: &JobFilter,
    order: Order,
    from: Option<Position>,
    limit: usize,
) -> Result<Found> {
    let conditions = filter.unindexed();
    let began = Instant::now();
    if is_indexed(store, &conditions).await? {
        // The server chooses the index: the app's own, or that of the status if nearly all jobs meet the conditions.
        let mut filter = base.clone();
        filter.extend(conditions.clone());
        let scan = Scan { store, order, filters: &[filter], limit: Limit::Time(MOST_TIME_BY_INDEX) };
        match scan.page(from.clone(), limit).await {
            Err(error) if is_out_of_time(&error) => {}
            found => return found,
        }
    }
    Search { store, base, conditions: &conditions, order, limit, began }.run(from).await
}

fn is_out_of_time(error: &Error) -> bool {
    error.server_code() == Some(TIME_LIMIT_EXCEEDED)
}

/// True if an index of the app begins with one of the fields.
async fn is_indexed(store: &Store, conditions: &Document) -> Result<bool> {
    let indexes: Vec<IndexModel> = store
        .bounded("listing the indexes", async {
            Ok(store.jobs().list_indexes().await?.try_collect::<Vec<IndexModel>>().await?)
        })
        .await?;
    let first = |index: &IndexModel| index.keys.keys().next().cloned();
    Ok(indexes
        .iter()
        .filter_map(first)
        .any(|field| field != fields::DEDUPE_KEY && conditions.contains_key(&field)))
}

struct Search<'a> {
    store: &'a Store,
    base: &'a Document,
    conditions: &'a Document,
    order: Order,
    limit: usize,
    began: Instant,
}

/// One look along the index.
struct Step {
    /// The jobs that meet the conditions.
    jobs: Vec<RawDocumentBuf>,
    looked: u64,
    /// Values of the last job that was looked at.
    values: Vec<Bson>,
}

impl Search<'_> {
    async fn run(&self, from: Option<Position>) -> Result<Found> {
        let mut found = Found::default();
        let mut at = from;
        let mut longest = FIRST_STEP;
        loop {
            let mut has_more = false;
            let begun_at = at.clone();
            for (place, range) in self.order.ranges(begun_at.as_ref()).into_iter().enumerate() {
                if found.looked >= MOST_LOOKED || self.began.elapsed() >= MOST_TIME {
                    return Ok(Found { next: at, is_stopped: true, ..found });
                }
                let most = longest.min(MOST_LOOKED - found.looked);
                let skip = if place == 0 { begun_at.as_ref().map_or(0, |at| at.skip) } else { 0 };
                let shown = at.as_ref().map_or(0, |at| at.shown.len());
                let missing = self.limit - found.jobs.len();
                let brought = missing.min(MOST_IN_A_STEP) + shown;
                let step = match self.step(&range, skip, most, brought).await {
                    Err(error) if is_out_of_time(&error) && found.looked > 0 => {
                        return Ok(Found { next: at, is_stopped: true, ..found });
                    }
                    step => step?,
                };
                longest = (longest * 2).min(LONGEST_STEP);
                found.looked += step.looked;
                let is_cut_off = step.jobs.len() == brought;
                let before = found.jobs.len();
                let fresh = step.jobs.into_iter().filter(|job| !is_shown(at.as_ref(), job)).take(missing);
                found.jobs.extend(fresh);
                if found.jobs.len() == self.limit {
                    found.next = Some(position_behind(self.order, at, &found.jobs));
                    return Ok(found);
                }
                if is_cut_off && found.jobs.len() > before {
                    // There may be more of them in this step: on from the last one.
                    at = Some(position_behind(self.order, at, &found.jobs));
                    has_more = true;
                    break;
                }
                if step.looked > 0 {
                    at = Some(self.passed(at, &found.jobs, step.values, step.looked));
                }
                if step.looked == most {
                    has_more = true;
                    break;
                }
            }
            if !has_more {
                return Ok(found);
            }
        }
    }

    /// The position at the last job that was looked at. If a whole step had one moment, the next one has to skip it.
    fn passed(
        &self,
        at: Option<Position>,
        jobs: &[RawDocumentBuf],
        values: Vec<Bson>,
        looked: u64,
    ) -> Position {
        let is_same_moment = at.as_ref().is_some_and(|at| at.values == values);
        let mut next = position_at(self.order, at, jobs, values);
        if is_same_moment {
            next.skip += looked;
        }
        next
    }

    async fn step(&self, range: &Range, skip: u64, most: u64, brought: usize) -> Result<Step> {
        let mut filter = self.base.clone();
        filter.extend(range.filter.clone());
        let mut stages = vec![doc! { "$match": filter }, doc! { "$sort": range.sort.clone() }];
        if skip > 0 {
            stages.push(doc! { "$skip": skip as i64 });
        }
        let mut end = doc! { fields::ID: null, LOOKED: { "$sum": 1 } };
        for field in self.order.fields() {
            end.insert(*field, doc! { "$last": fields::value_of(field) });
        }
        stages.push(doc! { "$limit": most as i64 });
        stages.push(doc! { "$facet": {
            ROWS: [
                { "$match": self.conditions.clone() },
                { "$limit": brought as i64 },
                { "$project": fields::of_a_list() },
            ],
            END: [{ "$group": end }],
        } });
        let left = MOST_TIME.saturating_sub(self.began.elapsed()).max(Duration::from_millis(1));
        let reply = self
            .store
            .bounded("searching jobs", async {
                let mut cursor = self.store.jobs().aggregate(stages).max_time(left).await?;
                Ok(if cursor.advance().await? { Some(cursor.current().to_owned()) } else { None })
            })
            .await?;
        read(&reply.unwrap_or_default(), self.order)
    }
}

fn read(reply: &RawDocument, order: Order) -> Result<Step> {
    let mut jobs = Vec::new();
    for job in reply.get_array(ROWS).map_err(Error::encoding)? {
        let job = job.map_err(Error::encoding)?;
        jobs.extend(job.as_document().map(RawDocument::to_owned));
    }
    let end = reply.get_array(END).map_err(Error::encoding)?.into_iter().next().transpose();
    let end = end.map_err(Error::encoding)?.and_then(RawBsonRef::as_document);
    let looked = end.and_then(|end| end.get_i32(LOOKED).ok()).unwrap_or(0);
    let values = end.map(|end| order.values_of(end)).unwrap_or_default();
    Ok(Step { jobs, looked: u64::try_from(looked).unwrap_or(0), values })
}
