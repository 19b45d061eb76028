//! The side collection: it stands beside the jobs and holds everything that is none. It has pauses, schedules,
//! workers, counts, the history by the minute, and acts of operators.
//!
//! Its documents have ids of the form `<kind>:<name>` and the field `kind`, which is durabl's mark. A collection of
//! that name in which a document lacks the mark belongs to another program: nothing is written there.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use futures_util::TryStreamExt;
use mongodb::{
    IndexModel,
    bson::{Bson, DateTime, Document, RawDocumentBuf, doc},
    options::{IndexOptions, ReturnDocument},
};

use super::{
    collection::{Store, Stores},
    write::{RefusalCause, WriteReply, read_write_reply},
};
use crate::{
    base::{
        error::{Error, ErrorKind, Result},
        sync::lock,
    },
    job::fields,
};

pub(crate) const ID: &str = "_id";
/// durabl's mark: the kind of the document.
pub(crate) const KIND: &str = "kind";
/// Time at which a schedule fires next.
pub(crate) const NEXT_RUN_AT: &str = "nextRunAt";
/// Time at which the server removes the document by itself.
pub(crate) const EXPIRE_AT: &str = "expireAt";

/// Time for which a collection is believed to be another program's.
const BELIEVED_FOR: Duration = Duration::from_secs(60);

const DUPLICATE_KEY: i32 = 11_000;
const NAMESPACE_NOT_FOUND: i32 = 26;

/// Kinds of documents, which are also the beginnings of their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// `type:<type>`: tells if processors start jobs of it.
    Type,
    /// `schedule:<id>`.
    Schedule,
    /// `worker:<id>`: a process with processors.
    Worker,
    /// The one document of the shared counts.
    Counts,
    /// `hour:<type>:<hour>`: the ends of each minute of an hour.
    Hour,
    /// `action:<id>`: an act of an operator.
    Action,
    /// `retention:<policy>`: the turn to remove old jobs.
    Retention,
    /// The turn to collect values of jobs that are gone.
    Values,
}

impl Kind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Schedule => "schedule",
            Self::Worker => "worker",
            Self::Counts => "counts",
            Self::Hour => "hour",
            Self::Action => "action",
            Self::Retention => "retention",
            Self::Values => "values",
        }
    }

    /// The id of the document of this name.
    pub(crate) fn id(self, name: &str) -> String {
        format!("{}:{name}", self.as_str())
    }

    /// Selects all documents of the kind, by a range of ids.
    pub(crate) fn all(self) -> Document {
        let (from, to) = (format!("{}:", self.as_str()), format!("{};", self.as_str()));
        doc! { ID: { "$gte": from, "$lt": to }, KIND: self.as_str() }
    }
}

/// A write of one document, by its id.
pub(crate) struct SideWrite {
    /// With the id, or a range of ids.
    pub(crate) filter: Document,
    /// An update document, or a pipeline.
    pub(crate) update: Bson,
    /// True if it makes a missing document.
    pub(crate) upsert: bool,
}

/// The findings about the collection.
#[derive(Debug, Clone, Copy)]
enum Owner {
    Unknown,
    Ours,
    SomebodyElse(Instant),
}

/// The side collection of one collection of jobs.
#[derive(Debug)]
pub(crate) struct Side {
    store: Store,
    owner: Mutex<Owner>,
}

impl Side {
    pub(crate) fn beside(stores: &Stores, jobs: &str) -> Self {
        Self { store: stores.collection(&format!("{jobs}.durabl")), owner: Mutex::new(Owner::Unknown) }
    }

    pub(crate) fn name(&self) -> &str {
        self.store.jobs().name()
    }

    /// Its round trips, for operations that are not here.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Makes the indexes that are missing.
    ///
    /// # Errors
    /// As [`Self::refuse_others`]; the server refuses.
    pub(crate) async fn ensure(&self) -> Result<()> {
        self.refuse_others().await?;
        let present = self.index_names().await?;
        self.make_missing(&present).await
    }

    /// Makes those again that were dropped since. False if there is no collection, or it is another program's.
    pub(crate) async fn ensure_if_there(&self) -> Result<bool> {
        let present = self.index_names().await?;
        let is_whole = indexes().iter().all(|index| is_among(index, &present));
        if present.is_empty() || (!is_whole && self.refuse_others().await.is_err()) {
            return Ok(false);
        }
        self.make_missing(&present).await.map(|()| true)
    }

    /// None if there is no collection.
    async fn index_names(&self) -> Result<Vec<String>> {
        let listed = self.store.bounded("listing the indexes of the side collection", async {
            let list = self.store.jobs().list_indexes().await?;
            Ok(list.try_collect::<Vec<IndexModel>>().await?)
        });
        match listed.await {
            Err(error) if error.server_code() == Some(NAMESPACE_NOT_FOUND) => Ok(Vec::new()),
            listed => Ok(listed?.into_iter().filter_map(|index| index.options?.name).collect()),
        }
    }

    async fn make_missing(&self, present: &[String]) -> Result<()> {
        let missing: Vec<IndexModel> =
            indexes().into_iter().filter(|index| !is_among(index, present)).collect();
        if !missing.is_empty() {
            self.store.jobs().create_indexes(missing).await.map_err(Error::from)?;
        }
        Ok(())
    }

    /// Refuses a collection in which a document lacks durabl's mark. The finding holds for good if the collection is
    /// durabl's.
    ///
    /// # Errors
    /// It is another program's; the server can't be asked.
    pub(crate) async fn refuse_others(&self) -> Result<()> {
        let owner = *lock(&self.owner);
        match owner {
            Owner::Ours => return Ok(()),
            Owner::SomebodyElse(since) if since.elapsed() < BELIEVED_FOR => return Err(self.of_others()),
            Owner::SomebodyElse(_) | Owner::Unknown => {}
        }
        let unmarked = doc! { KIND: { "$not": { "$type": "string" } } };
        // Some servers refuse to look without an index.
        let by_id = mongodb::options::Hint::Keys(doc! { ID: 1 });
        let found = self
            .store
            .bounded("looking at the side collection", async {
                Ok(self.store.jobs().find_one(unmarked).projection(doc! { ID: 1 }).hint(by_id).await?)
            })
            .await?;
        if found.is_some() {
            *lock(&self.owner) = Owner::SomebodyElse(Instant::now());
            return Err(self.of_others());
        }
        *lock(&self.owner) = Owner::Ours;
        Ok(())
    }

    fn of_others(&self) -> Error {
        Error::new(
            ErrorKind::InvalidOption,
            format!(
                "collection \"{}\" holds documents that are not durabl's (they have no field \"kind\"), so it is left alone: \
                 pauses, schedules, counts and the list of workers need it. Name another collection of jobs by collectionName, or \
                 move those documents",
                self.name()
            ),
        )
    }

    pub(crate) async fn get(&self, id: &str) -> Result<Option<Document>> {
        Ok(self.find(doc! { ID: id }).await?.pop())
    }

    /// All documents of a kind, in the order of their ids.
    pub(crate) async fn list(&self, kind: Kind) -> Result<Vec<Document>> {
        self.find(kind.all()).await
    }

    /// The documents that match, without an order unless they are found by a range of ids.
    pub(crate) async fn find(&self, filter: Document) -> Result<Vec<Document>> {
        self.store.find(filter, doc! {}).await?.iter().map(decoded).collect()
    }

    /// Changes one document; as it was before, or is `after`. None if there was none, or none is.
    ///
    /// # Errors
    /// As [`Self::refuse_others`]. A document that another process makes at the same moment is waited for.
    pub(crate) async fn change(
        &self,
        SideWrite { filter, update, upsert }: SideWrite,
        after: ReturnDocument,
    ) -> Result<Option<Document>> {
        self.refuse_others().await?;
        let pipeline = match update {
            Bson::Array(stages) => {
                stages.into_iter().filter_map(|stage| stage.as_document().cloned()).collect::<Vec<_>>().into()
            }
            Bson::Document(update) => mongodb::options::UpdateModifications::Document(update),
            _ => return Err(Error::encoding("an update is a document or a pipeline")),
        };
        let mut was_raced = false;
        loop {
            let write = async {
                let write = self.store.jobs().find_one_and_update(filter.clone(), pipeline.clone());
                Ok(write.upsert(upsert).return_document(after.clone()).await?)
            };
            match self.store.bounded("writing to the side collection", write).await {
                Err(error) if error.server_code() == Some(DUPLICATE_KEY) && !was_raced => was_raced = true,
                changed => return changed?.as_ref().map(decoded).transpose(),
            }
        }
    }

    /// Writes to a document if it is as `expected` says. True if it was.
    ///
    /// # Errors
    /// As [`Self::refuse_others`].
    pub(crate) async fn compare_and_set(
        &self,
        id: &str,
        expected: Document,
        update: impl Into<Bson>,
    ) -> Result<bool> {
        let mut filter = doc! { ID: id };
        filter.extend(expected);
        let reply = self.write(vec![SideWrite { filter, update: update.into(), upsert: false }]).await?;
        Ok(reply.matched > 0)
    }

    /// Writes to several documents in one trip. One that is refused stops no other, and is the error.
    ///
    /// # Errors
    /// As [`Self::refuse_others`]; the first refusal.
    pub(crate) async fn write(&self, writes: Vec<SideWrite>) -> Result<WriteReply> {
        if writes.is_empty() {
            return Ok(WriteReply::default());
        }
        self.refuse_others().await?;
        let updates: Vec<Bson> = writes
            .into_iter()
            .map(|SideWrite { filter, update, upsert }| {
                doc! { "q": filter, "u": update, "upsert": upsert }.into()
            })
            .collect();
        let command = doc! { "update": self.name(), "ordered": false, "updates": updates };
        let reply = self
            .store
            .bounded("writing to the side collection", async {
                Ok(self.store.database().run_command(command).await?)
            })
            .await?;
        let reply = read_write_reply(&reply)?;
        match reply.refusals.first().map(|refusal| &refusal.cause) {
            None => Ok(reply),
            Some(RefusalCause::Other(error)) => Err(error.clone()),
            Some(RefusalCause::IdExists | RefusalCause::KeyHeld | RefusalCause::KeyKept) => {
                let message = "another process made the same document at the same moment";
                let mut error = Error::new(ErrorKind::Server, message);
                error.mark_transient();
                Err(error)
            }
        }
    }

    /// Makes a document. True if there was none of its id.
    ///
    /// # Errors
    /// As [`Self::refuse_others`].
    pub(crate) async fn insert(&self, document: &Document) -> Result<bool> {
        self.refuse_others().await?;
        let document = RawDocumentBuf::try_from(document).map_err(Error::encoding)?;
        let insert = async { Ok(self.store.jobs().insert_one(document).await?) };
        match self.store.bounded("writing to the side collection", insert).await {
            Err(error) if error.server_code() == Some(DUPLICATE_KEY) => Ok(false),
            inserted => inserted.map(|_| true),
        }
    }

    /// Takes the turn of this document if no process has it. True if it is the caller's, for this time.
    ///
    /// # Errors
    /// As [`Self::refuse_others`].
    pub(crate) async fn take_turn(&self, kind: Kind, id: &str, turn_ms: i64) -> Result<bool> {
        let is_free = doc! { "$expr": { "$lte": ["$nextAt", fields::NOW] } };
        let taking = vec![doc! { "$set": { "nextAt": { "$add": [fields::NOW, turn_ms] } } }];
        if self.compare_and_set(id, is_free.clone(), taking.clone()).await? {
            return Ok(true);
        }
        // An upsert may not ask for the server's clock.
        let first = doc! { ID: id, KIND: kind.as_str(), "nextAt": DateTime::from_millis(0) };
        Ok(self.insert(&first).await? && self.compare_and_set(id, is_free, taking).await?)
    }

    /// Removes the documents that match. Returns their number.
    ///
    /// # Errors
    /// As [`Self::refuse_others`].
    pub(crate) async fn remove(&self, filter: Document) -> Result<u64> {
        self.refuse_others().await?;
        let remove = async { Ok(self.store.jobs().delete_many(filter).await?.deleted_count) };
        self.store.bounded("removing from the side collection", remove).await
    }
}

fn is_among(index: &IndexModel, names: &[String]) -> bool {
    let name = index.options.as_ref().and_then(|options| options.name.as_ref());
    name.is_some_and(|name| names.contains(name))
}

fn decoded(found: &RawDocumentBuf) -> Result<Document> {
    Document::try_from(found.as_ref()).map_err(Error::encoding)
}

/// The indexes that [`Side::ensure`] makes.
pub(super) fn indexes() -> [IndexModel; 2] {
    let next_run = IndexOptions::builder()
        .name("durabl_next_run_idx".to_owned())
        .partial_filter_expression(doc! { NEXT_RUN_AT: { "$exists": true } })
        .build();
    let expire =
        IndexOptions::builder().name("durabl_expire_idx".to_owned()).expire_after(Duration::ZERO).build();
    [
        IndexModel::builder().keys(doc! { NEXT_RUN_AT: 1 }).options(next_run).build(),
        IndexModel::builder().keys(doc! { EXPIRE_AT: 1 }).options(expire).build(),
    ]
}
