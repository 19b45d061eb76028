//! The indexes: they make dedupe certain and every look cheap.
//!
//! There is one small partial index per state, so that a job stands in one of them at a time. Four unique ones hold
//! the dedupe keys, three of which are shared with the TypeScript package. Each of state begins with the status
//! although its filter fixes it: only so do the server's covered and skipping plans apply. Beside them stand those of
//! single fields that few jobs have.

mod codes;
mod doubled;
mod replaced;

use std::collections::HashSet;

use futures_util::TryStreamExt;
use mongodb::{
    IndexModel,
    bson::{Bson, Document, doc, serialize_to_document},
    options::{Collation, IndexOptions},
};

use self::codes::NAMESPACE_NOT_FOUND;
use super::collection::Store;
use crate::{
    base::error::{Error, ErrorKind, Result},
    job::{
        ending, fields,
        status::{DedupeScope, Status},
    },
};

const UNAUTHORIZED: i32 = 13;

const DUPLICATE_KEY: i32 = 11_000;

/// Same name or same keys with other options.
const INDEX_CONFLICTS: [i32; 2] = [85, 86];

/// The server's words for an index that is there already, by another name. The code alone does not tell.
const OTHER_NAME: &str = "different name";

const ID_INDEX: &str = "_id_";

struct Index {
    name: &'static str,
    keys: Document,
    filter: Document,
    unique: bool,
}

impl Index {
    fn of_status(name: &'static str, statuses: &[Status], rest: &[&str]) -> Self {
        let mut keys = doc! { fields::STATUS: 1 };
        keys.extend(rest.iter().map(|field| ((*field).to_owned(), Bson::Int32(1))));
        let filter = match statuses {
            [status] => doc! { fields::STATUS: status.as_str() },
            several => doc! { fields::STATUS: { "$in": words(several) } },
        };
        Self { name, keys, filter, unique: false }
    }

    /// The index of jobs that wait for their first start, and not for ever.
    fn expiring() -> Self {
        let mut index = Self::marked("durabl_expiry_idx", Status::Pending, fields::EXPIRES_AT);
        index.filter.insert(fields::ATTEMPT, 0);
        index
    }

    /// The index of failed jobs that are no failures of the app's code: counts of failures leave them out.
    fn set_apart() -> Self {
        Self {
            name: "durabl_set_apart_idx",
            keys: doc! { fields::STATUS: 1, fields::TYPE: 1, fields::ENDING: 1 },
            filter: ending::set_apart(),
            unique: false,
        }
    }

    /// The index of the few jobs of a status that have this field.
    fn marked(name: &'static str, status: Status, field: &str) -> Self {
        let filter = doc! { fields::STATUS: status.as_str(), field: { "$exists": true } };
        Self { name, keys: doc! { field: 1 }, filter, unique: false }
    }

    fn dedupe(name: &'static str, scope: DedupeScope, status: Bson) -> Self {
        Self {
            name,
            keys: doc! { fields::DEDUPE_KEY: 1, fields::DEDUPE_SCOPE: 1 },
            filter: doc! {
                fields::DEDUPE_KEY: { "$exists": true },
                fields::DEDUPE_SCOPE: scope.as_str(),
                fields::STATUS: status,
            },
            unique: true,
        }
    }

    /// Holds keys for as long as jobs keep them. Jobs without the field are in none of its entries.
    fn kept_keys() -> Self {
        Self {
            name: "durabl_dedupe_until_idx",
            keys: doc! { fields::DEDUPE_KEY: 1 },
            filter: doc! { fields::DEDUPE_UNTIL: { "$exists": true } },
            unique: true,
        }
    }

    fn model(&self) -> IndexModel {
        let options = IndexOptions::builder()
            .name(self.name.to_owned())
            .partial_filter_expression(self.filter.clone())
            .unique(self.unique.then_some(true))
            .build();
        IndexModel::builder().keys(self.keys.clone()).options(options).build()
    }
}

/// The filters of the unique indexes, by their names.
#[cfg(test)]
pub(crate) fn unique_filters() -> Vec<(&'static str, Document)> {
    wanted().into_iter().filter(|index| index.unique).map(|index| (index.name, index.filter)).collect()
}

fn words(statuses: &[Status]) -> Vec<&'static str> {
    statuses.iter().map(|status| status.as_str()).collect()
}

fn wanted() -> Vec<Index> {
    let open = doc! { "$in": words(&[Status::Pending, Status::Active]) };
    let ended_badly = [Status::Failed, Status::Superseded];
    vec![
        Index::dedupe("dedupe_pending_active_idx", DedupeScope::PendingAndActive, open.into()),
        Index::dedupe("dedupe_pending_idx", DedupeScope::Pending, Status::Pending.as_str().into()),
        Index::dedupe("dedupe_active_idx", DedupeScope::Pending, Status::Active.as_str().into()),
        Index::kept_keys(),
        Index::of_status(
            "durabl_pending_idx",
            &[Status::Pending],
            &[fields::TYPE, fields::PRIORITY, fields::RUN_AT],
        ),
        Index::of_status("durabl_active_idx", &[Status::Active], &[fields::TYPE, fields::CLAIMED_AT]),
        Index::marked("durabl_cancel_idx", Status::Active, fields::CANCEL_REQUESTED_AT),
        Index::expiring(),
        Index::of_status("durabl_completed_idx", &[Status::Completed], &[fields::TYPE, fields::COMPLETED_AT]),
        Index::of_status("durabl_failed_idx", &ended_badly, &[fields::TYPE, fields::FAILED_AT]),
        Index::set_apart(),
    ]
}

/// Definitions of all indexes, for a tool that compares them with the existing ones. A document with the lists
/// `indexes`, and `beside` for those of the side collection, each index as the server lists it.
///
/// # Errors
/// They can't be encoded.
pub fn index_definitions() -> Result<Vec<u8>> {
    let definition = |index: Index| {
        let mut whole =
            doc! { "name": index.name, "key": index.keys, "partialFilterExpression": index.filter };
        if index.unique {
            whole.insert("unique", true);
        }
        whole
    };
    let indexes: Vec<Document> = wanted().into_iter().map(definition).collect();
    super::side::indexes()
        .iter()
        .map(serialize_to_document)
        .collect::<std::result::Result<Vec<_>, _>>()
        .and_then(|beside| doc! { "indexes": indexes, "beside": beside }.to_vec())
        .map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))
}

/// Creates missing indexes, then drops those that they replace. Safe in many processes at once, and repeated. If none
/// is missing, no right to change indexes is needed.
///
/// Older versions could let two jobs of one key run or wait at once, and then the index that forbids it can't be made.
/// All the others are made. The failure names the keys, and is one that time may heal: those jobs end.
pub(crate) async fn ensure(store: &Store) -> Result<()> {
    let present = names(store).await?;
    let wanted = wanted();
    let missing: Vec<&Index> = wanted.iter().filter(|index| !present.contains(index.name)).collect();
    // A look is cheaper than a build that is bound to fail.
    let is_second_try = !missing.is_empty() && missing.iter().all(|index| index.unique);
    let created =
        if is_second_try { create_apart(store, &wanted).await } else { create_all(store, &wanted).await };
    let doubled = match created {
        // A process whose user may not change indexes, and that finds them made by one whose user may.
        Err(error) if missing.is_empty() && error.server_code() == Some(UNAUTHORIZED) => return Ok(()),
        created => created?,
    };
    replaced::drop_replaced(store, &present).await?;
    if doubled.is_empty() { Ok(()) } else { Err(doubled::in_words(store, &doubled)) }
}

/// In one command, so that the server reads the collection once. The keys that stood in the way, if there were any.
async fn create_all(store: &Store, wanted: &[Index]) -> Result<Vec<String>> {
    match create(store, wanted).await {
        Err(error) if error.server_code() == Some(DUPLICATE_KEY) => create_apart(store, wanted).await,
        created => created.map(|()| Vec::new()),
    }
}

/// Creates the indexes that make looks cheap first, then each of the unique ones by itself.
async fn create_apart(store: &Store, wanted: &[Index]) -> Result<Vec<String>> {
    let (unique, plain): (Vec<&Index>, Vec<&Index>) = wanted.iter().partition(|index| index.unique);
    create(store, plain).await?;
    let mut doubled = Vec::new();
    for index in unique {
        doubled.extend(create_unique(store, index).await?);
    }
    Ok(doubled)
}

/// Makes one of the unique indexes; the keys that stand in its way, if there are any.
async fn create_unique(store: &Store, index: &Index) -> Result<Vec<String>> {
    let in_the_way = doubled::keys(store, &index.filter).await?;
    if !in_the_way.is_empty() {
        return Ok(in_the_way);
    }
    match create(store, [index]).await {
        // One that came meanwhile.
        Err(error) if error.server_code() == Some(DUPLICATE_KEY) => Ok(vec![error.to_string()]),
        created => created.map(|()| Vec::new()),
    }
}

async fn create<'a>(store: &Store, indexes: impl IntoIterator<Item = &'a Index>) -> Result<()> {
    match store.jobs().create_indexes(indexes.into_iter().map(Index::model)).await.map_err(Error::from) {
        Err(error) if error.server_code().is_some_and(|code| INDEX_CONFLICTS.contains(&code)) => {
            let in_the_way = if error.to_string().contains(OTHER_NAME) {
                "is equal to one of durabl's and has another name"
            } else {
                "has one of durabl's names and another definition"
            };
            Err(Error::new(
                ErrorKind::IndexConflict,
                format!(
                    "an index of collection \"{}\" {in_the_way}; drop it and start again: {error}",
                    store.jobs().name()
                ),
            ))
        }
        created => created.map(|_| ()),
    }
}

/// The names of the existing indexes. None if there is no collection.
///
/// The index of the ids has the default collation of its collection. Some collations find different texts equal. Then
/// a processor would get the jobs of other types, and two keys would be one, so such a collection is refused.
async fn names(store: &Store) -> Result<HashSet<String>> {
    let list = store.bounded("listing the indexes", async {
        Ok(store.jobs().list_indexes().await?.try_collect::<Vec<IndexModel>>().await?)
    });
    let listed = match list.await {
        Err(error) if error.server_code() == Some(NAMESPACE_NOT_FOUND) => return Ok(HashSet::new()),
        listed => listed?,
    };
    let mut names = HashSet::new();
    for IndexOptions { name, collation, .. } in listed.into_iter().filter_map(|index| index.options) {
        let Some(name) = name else { continue };
        match collation {
            Some(collation) if name == ID_INDEX => return Err(collated(store, &collation)),
            _ => names.insert(name),
        };
    }
    Ok(names)
}

fn collated(store: &Store, collation: &Collation) -> Error {
    Error::new(
        ErrorKind::InvalidOption,
        format!(
            "collection \"{}\" has a default collation (locale \"{}\"), under which texts that differ can be equal: types and \
             dedupe keys would be confused. Name another collection by collectionName, or make this one without a collation",
            store.jobs().name(),
            collation.locale
        ),
    )
}

/// Makes them again once the collection exists again. False until then: a user who drops a collection wants it gone.
/// If none is missing, nothing is written.
pub(crate) async fn ensure_if_there(store: &Store) -> Result<bool> {
    let present = names(store).await?;
    // Every collection has the index of its ids.
    if present.is_empty() {
        return Ok(false);
    }
    if wanted().iter().any(|index| !present.contains(index.name)) {
        ensure(store).await?;
    }
    Ok(true)
}
