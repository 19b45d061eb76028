//! The indexes: what makes dedupe certain and every look cheap.
//!
//! One small partial index per state, so that a job stands in one of them at a time, and the three unique ones that
//! hold the dedupe keys, which are shared with the TypeScript package. Each begins with the status although its filter
//! fixes it: only so do the server's covered and skipping plans apply.

use mongodb::{
    IndexModel,
    bson::{Bson, Document, doc},
    options::IndexOptions,
};

use crate::{
    error::{Error, ErrorKind, Result},
    fields,
    status::{DedupeScope, Status},
    store::Store,
};

/// Indexes of the TypeScript package and of earlier versions, which ours replace.
const REPLACED: [&str; 6] = [
    "claim_next_idx",
    "claim_next_v2_idx",
    "stats_idx",
    "visibility_timeout_idx",
    "cleanup_completed_idx",
    "cleanup_failed_idx",
];

const INDEX_NOT_FOUND: i32 = 27;
const NAMESPACE_NOT_FOUND: i32 = 26;
const DUPLICATE_KEY: i32 = 11_000;
/// Same name or same keys with other options.
const INDEX_CONFLICTS: [i32; 2] = [85, 86];

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

    fn model(&self) -> IndexModel {
        let options = IndexOptions::builder()
            .name(self.name.to_owned())
            .partial_filter_expression(self.filter.clone())
            .unique(self.unique.then_some(true))
            .build();
        IndexModel::builder().keys(self.keys.clone()).options(options).build()
    }
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
        Index::of_status(
            "durabl_pending_idx",
            &[Status::Pending],
            &[fields::TYPE, fields::PRIORITY, fields::RUN_AT],
        ),
        Index::of_status("durabl_active_idx", &[Status::Active], &[fields::TYPE, fields::CLAIMED_AT]),
        Index::of_status("durabl_completed_idx", &[Status::Completed], &[fields::TYPE, fields::COMPLETED_AT]),
        Index::of_status("durabl_failed_idx", &ended_badly, &[fields::TYPE, fields::FAILED_AT]),
    ]
}

/// Creates what is missing, then drops what it replaces. Safe in many processes at once, and repeated.
pub(crate) async fn ensure(store: &Store) -> Result<()> {
    let models: Vec<IndexModel> = wanted().iter().map(Index::model).collect();
    match store.jobs().create_indexes(models).await.map_err(Error::from) {
        Ok(_) => {}
        Err(error) if error.server_code().is_some_and(|code| INDEX_CONFLICTS.contains(&code)) => {
            return Err(Error::new(
                ErrorKind::IndexConflict,
                format!(
                    "an index of collection \"{}\" has one of durabl's names and another definition; \
                     drop it and start again: {error}",
                    store.jobs().name()
                ),
            ));
        }
        Err(error) if error.server_code() == Some(DUPLICATE_KEY) => {
            return Err(Error::new(
                ErrorKind::IndexConflict,
                format!(
                    "collection \"{}\" holds jobs that an older version let run or wait twice under one dedupe key, \
                     which the unique indexes forbid: wait until they have ended, or end them, and start again: {error}",
                    store.jobs().name()
                ),
            ));
        }
        Err(error) => return Err(error),
    }
    drop_replaced(store).await
}

/// Makes them again once somebody has made the collection again. False while nobody has: to drop a collection is to want it
/// gone.
pub(crate) async fn ensure_if_there(store: &Store) -> Result<bool> {
    match store.jobs().list_index_names().await.map_err(Error::from) {
        Err(error) if error.server_code() == Some(NAMESPACE_NOT_FOUND) => Ok(false),
        Err(error) => Err(error),
        Ok(_) => ensure(store).await.map(|()| true),
    }
}

async fn drop_replaced(store: &Store) -> Result<()> {
    let present = store.jobs().list_index_names().await.map_err(Error::from)?;
    for name in present.iter().filter(|name| REPLACED.contains(&name.as_str())) {
        match store.jobs().drop_index(name).await.map_err(Error::from) {
            // Another process was quicker.
            Err(error) if error.server_code() == Some(INDEX_NOT_FOUND) => {}
            done => done?,
        }
    }
    Ok(())
}
