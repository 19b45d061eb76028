//! Lists jobs, page by page, in the order of an index. A page costs as many keys as it has jobs, and one more for each
//! further type.

mod found;
mod scan;
mod search;

use mongodb::bson::{Document, doc};

use self::{
    found::{Found, Limit},
    scan::Scan,
};
use crate::{
    base::error::{Error, ErrorKind, Result},
    job::{
        fields,
        listing::{JobFilter, Order, Page, cursor::Query},
        status::{DedupeScope, Status},
    },
    store::{collection::Store, types::types_up_to},
};

/// Scans of an index that the server merges in one query; of more it makes a sort in memory.
const MOST_MERGED: usize = 200;
/// Types that are filled in. With more of them a list would cost more keys than any may.
const MOST_TYPES: usize = 1_000;

/// The jobs of a filter, from a cursor on.
pub(crate) async fn list(
    store: &Store,
    filter: &JobFilter,
    limit: usize,
    after: Option<&[u8]>,
) -> Result<Page> {
    let order = Order::of(filter.status);
    let query = Query::of(&store.jobs().namespace().to_string(), filter);
    let from = after.map(|cursor| query.position(cursor, order.fields().len())).transpose()?;
    // Renewals move active jobs, so that no place between two of them lasts: no cursor leads there.
    if filter.status == Status::Active {
        return active(store, filter, order, limit).await;
    }
    let branches = branches(store, filter).await?;
    let jobs = match branches {
        Branches::Indexed(filters) => {
            Scan { store, order, filters: &filters, limit: Limit::None }.page(from, limit).await?
        }
        Branches::Searched(base) => search::search(store, &base, filter, order, from, limit).await?,
    };
    Ok(jobs.into_page(query))
}

/// One page of them, and true if that is all.
async fn active(store: &Store, filter: &JobFilter, order: Order, limit: usize) -> Result<Page> {
    let filters: Vec<Document> = match branches(store, filter).await? {
        Branches::Indexed(filters) => filters,
        Branches::Searched(mut base) => {
            base.extend(filter.unindexed());
            vec![base]
        }
    };
    let Found { mut jobs, looked, .. } = Scan { store, order, filters: &filters, limit: Limit::None }
        .page(None, limit.saturating_add(1))
        .await?;
    let is_complete = jobs.len() <= limit;
    jobs.truncate(limit);
    Ok(Page { jobs, next: None, looked, is_complete })
}

/// The ways to find the jobs of a filter.
enum Branches {
    /// By scans, each of which has them in order.
    Indexed(Vec<Document>),
    /// By a look at all of these.
    Searched(Document),
}

async fn branches(store: &Store, filter: &JobFilter) -> Result<Branches> {
    if let Some(key) = &filter.dedupe_key
        && !filter.status.is_terminal()
    {
        // One job at most in each scope, by the unique indexes.
        let holder = |scope: DedupeScope| {
            let mut holder = filter.base(&filter.types);
            holder.extend(filter.conditions.clone());
            holder.extend(doc! { fields::DEDUPE_KEY: key, fields::DEDUPE_SCOPE: scope.as_str() });
            holder
        };
        let scopes = [DedupeScope::Pending, DedupeScope::PendingAndActive];
        return Ok(Branches::Indexed(scopes.map(holder).to_vec()));
    }
    let types = match &filter.types[..] {
        [] => types_up_to(store, filter.status, MOST_TYPES + 1).await?,
        named => named.to_vec(),
    };
    if types.len() > MOST_TYPES {
        return Err(too_many_types("a list", MOST_TYPES));
    }
    if filter.unindexed().is_empty() {
        return Ok(Branches::Indexed(types.chunks(MOST_MERGED).map(|types| filter.base(types)).collect()));
    }
    if types.len() > MOST_MERGED {
        return Err(too_many_types("a search", MOST_MERGED));
    }
    // Without any type there is nothing to look at; a filter that names none would look at all.
    let mut base = filter.base(&types);
    if types.is_empty() {
        base.insert(fields::TYPE, doc! { "$in": [] });
    }
    Ok(Branches::Searched(base))
}

fn too_many_types(what: &str, most: usize) -> Error {
    Error::new(
        ErrorKind::InvalidArgument,
        format!(
            "there are jobs of more than {most} types, too many for {what} of all of them; name the \"type\""
        ),
    )
}
