//! The collection, and the few shapes of round trip that everything else is made of.
//!
//! Writes go out as raw `insert` and `update` commands. Only those carry many statements in one trip on every
//! supported server, and tell which index a duplicate key met. Lost replies are the callers' business: each can find
//! out what happened (by id, by token). That is why nothing here retries.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use mongodb::{
    Client, Collection, Cursor, Database,
    bson::{Bson, Document, RawArrayBuf, RawDocumentBuf, Timestamp, doc, raw::cstr, rawdoc},
    options::{ReadConcern, SelectionCriteria},
};

use super::{
    clock::ServerClock,
    concern::{ConcernCheck, probing},
    write::{Acknowledged, Statement, Update, Wait, WriteReply, read_write_reply},
};
use crate::{
    base::error::{Error, Result},
    connection::{
        lanes::{Lane, Lanes},
        primary::Primary,
    },
    job::{document::new_worker_id, fields, server_time::ServerTime},
};

/// A single try of a small operation; past it the connection is given up and the outcome looked up.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// Documents in one reply of the server; their size is bounded by itself.
const MOST_IN_A_REPLY: u32 = 10_000;

/// A database, and all that its collections share. A feature that keeps documents of its own has a collection of its own.
#[derive(Debug, Clone)]
pub(crate) struct Stores {
    database: Database,
    concern: ConcernCheck,
    clock: Arc<ServerClock>,
    primary: Primary,
    lanes: Lanes,
    worker: Arc<str>,
}

/// The documents of a cursor, in its order.
pub(crate) async fn all(mut cursor: Cursor<RawDocumentBuf>) -> Result<Vec<RawDocumentBuf>> {
    let mut found = Vec::new();
    while cursor.advance().await? {
        found.push(cursor.current().to_owned());
    }
    Ok(found)
}

impl Stores {
    pub(crate) fn new(client: &Client, primary: Primary, lanes: Lanes, database: &str) -> Self {
        let database = client.database(database);
        let concern = ConcernCheck::of(database.write_concern());
        Self { database, concern, clock: Arc::default(), primary, lanes, worker: new_worker_id().into() }
    }

    pub(crate) fn collection(&self, name: &str) -> Store {
        // Claims, fences and looks before a write must see the newest state; only the primary has it.
        let options = mongodb::options::CollectionOptions::builder()
            .selection_criteria(SelectionCriteria::ReadPreference(mongodb::options::ReadPreference::Primary))
            .read_concern(ReadConcern::local())
            .build();
        let jobs = self.database.collection_with_options(name, options);
        let counted = self.database.collection(name);
        Store { shared: self.clone(), jobs, counted, spills: AtomicBool::new(false) }
    }
}

/// One collection: that of the jobs, or one beside it.
#[derive(Debug)]
pub(crate) struct Store {
    shared: Stores,
    jobs: Collection<RawDocumentBuf>,
    counted: Collection<RawDocumentBuf>,
    /// This process has met values that stand beside their jobs.
    spills: AtomicBool,
}

impl Store {
    /// The name under which others know this process: the beginning of each of its claim tokens.
    pub(crate) fn worker(&self) -> &Arc<str> {
        &self.shared.worker
    }

    /// The collection of step values that are too large for the documents of this one.
    pub(crate) fn spilled(&self) -> Self {
        self.shared.collection(&format!("{}_steps", self.jobs.name()))
    }

    /// This process meets values that stand beside their jobs.
    pub(crate) fn note_spilling(&self) {
        self.spills.store(true, Ordering::Relaxed);
    }

    /// True if it has.
    pub(crate) fn has_spilled(&self) -> bool {
        self.spills.load(Ordering::Relaxed)
    }

    pub(crate) fn database(&self) -> &Database {
        &self.shared.database
    }

    /// The collection, read from the primary.
    pub(crate) fn jobs(&self) -> &Collection<RawDocumentBuf> {
        &self.jobs
    }

    /// The collection, read with the app's own read preference: for counts, which cost most and decide nothing.
    pub(crate) fn counted(&self) -> &Collection<RawDocumentBuf> {
        &self.counted
    }

    pub(crate) async fn server_time(&self) -> Result<ServerTime> {
        self.bounded(
            "reading the server's clock",
            self.shared.clock.now(&self.shared.database, &self.shared.primary),
        )
        .await
    }

    /// Inserts all that can be inserted.
    pub(crate) async fn insert<'a>(
        &self,
        jobs: impl IntoIterator<Item = &'a RawDocumentBuf>,
        wait: Wait,
    ) -> Result<WriteReply> {
        self.insert_acknowledged(jobs, wait, Acknowledged::AsConfigured).await
    }

    /// The same, with the members that are to have it before the answer.
    pub(crate) async fn insert_acknowledged<'a>(
        &self,
        jobs: impl IntoIterator<Item = &'a RawDocumentBuf>,
        wait: Wait,
        acknowledged: Acknowledged,
    ) -> Result<WriteReply> {
        let mut documents = RawArrayBuf::new();
        let mut count = 0;
        for job in jobs {
            documents.push(job);
            count += 1;
        }
        let mut command = rawdoc! { "insert": self.jobs.name(), "ordered": false };
        command.append(cstr!("documents"), documents);
        self.run_write(command, count, wait.lane(), wait, acknowledged).await
    }

    /// Runs all statements that can be run; one that is refused stops no other.
    pub(crate) async fn update(&self, update: impl Into<Update>) -> Result<WriteReply> {
        let Update { statements, lane, wait, acknowledged } = update.into();
        let lane = lane.unwrap_or(wait.lane());
        if statements.is_empty() {
            return Ok(WriteReply::default());
        }
        let count = statements.len();
        let updates: Vec<Bson> = statements
            .into_iter()
            .map(|Statement { filter, update, multi }| {
                let is_by_id = filter.contains_key(fields::ID);
                let mut statement = doc! { "q": filter, "u": update, "multi": multi };
                if is_by_id {
                    // The hint keeps the server from weighing, or even choosing, an index of the job's state.
                    statement.insert("hint", doc! { fields::ID: 1 });
                }
                statement.into()
            })
            .collect();
        let command = doc! { "update": self.jobs.name(), "ordered": false, "updates": updates };
        let command = RawDocumentBuf::try_from(&command).map_err(Error::encoding)?;
        self.run_write(command, count, lane, wait, acknowledged).await
    }

    /// Runs one statement that is encoded already. Returns the number of documents that it matched.
    pub(crate) async fn update_raw(&self, statement: RawDocumentBuf, wait: Wait) -> Result<WriteReply> {
        let mut updates = RawArrayBuf::new();
        updates.push(statement);
        let mut command = rawdoc! { "update": self.jobs.name() };
        command.append(cstr!("updates"), updates);
        self.run_write(command, 1, wait.lane(), wait, Acknowledged::AsConfigured).await
    }

    /// Removes one document for each filter, which are by id. Returns their number.
    pub(crate) async fn delete(&self, filters: Vec<Document>) -> Result<u64> {
        self.delete_up_to(filters, 1).await
    }

    /// Removes all documents of these filters, which are ranges of ids.
    pub(crate) async fn delete_all(&self, filters: Vec<Document>) -> Result<()> {
        self.delete_up_to(filters, 0).await.map(|_| ())
    }

    /// `limit`: 1, or 0 for all.
    async fn delete_up_to(&self, filters: Vec<Document>, limit: i32) -> Result<u64> {
        let count = filters.len();
        if count == 0 {
            return Ok(0);
        }
        let deletes: Vec<Bson> = filters
            .into_iter()
            .map(|filter| doc! { "q": filter, "limit": limit, "hint": { fields::ID: 1 } }.into())
            .collect();
        let command = doc! { "delete": self.jobs.name(), "ordered": false, "deletes": deletes };
        let command = RawDocumentBuf::try_from(&command).map_err(Error::encoding)?;
        let reply =
            self.run_write(command, count, Lane::Usual, Wait::Long, Acknowledged::AsConfigured).await?;
        reply.unexpected().map_or(Ok(reply.matched), |refusal| Err(refusal.clone()))
    }

    /// Waits until everything that the primary has written so far is acknowledged as writes are here. Reads come from
    /// the primary as it is, and one that has lost its majority still shows writes that it will have to take back. So
    /// a read alone must not decide the fate of a write whose reply was lost. A write that changes nothing waits.
    pub(crate) async fn confirm(&self) -> Result<()> {
        let nobody = doc! { fields::ID: Bson::MinKey };
        self.update(vec![Statement::one(nobody, doc! { "$unset": { fields::LEASE: "" } })]).await?;
        Ok(())
    }

    /// Refuses a write concern that no write can meet, before the write: afterwards it is applied, and not confirmed.
    /// Costs nothing under a write concern that every replica set can meet.
    pub(crate) async fn check_write_concern(&self) -> Result<()> {
        let Some(concern) = self.shared.concern.unchecked() else { return Ok(()) };
        let command = doc! {
            "update": self.jobs.name(),
            "updates": [{ "q": { fields::ID: Bson::MinKey }, "u": { "$unset": { fields::LEASE: "" } } }],
            "writeConcern": probing(concern),
        };
        let command = RawDocumentBuf::try_from(&command).map_err(Error::encoding)?;
        let write = async { Ok(self.shared.database.run_raw_command(command).await?) };
        let reply = self.bounded("checking the write concern", write).await?;
        match read_write_reply(&reply) {
            Err(error) if error.is_never_confirmed() => Err(error.never_confirmed(concern)),
            // Members that are only late, or away for now, are waited for by the writes themselves.
            _ => {
                self.shared.concern.passed();
                Ok(())
            }
        }
    }

    /// The documents that match, without an order.
    pub(crate) async fn find(&self, filter: Document, projection: Document) -> Result<Vec<RawDocumentBuf>> {
        self.find_in(Lane::Usual, filter, projection).await
    }

    /// The same, by a connection of this lane.
    pub(crate) async fn find_in(
        &self,
        lane: Lane,
        filter: Document,
        projection: Document,
    ) -> Result<Vec<RawDocumentBuf>> {
        self.bounded_in(lane, "reading jobs", async {
            // In as few replies as carry them: by itself the server sends a hundred, and waits to be asked for the rest.
            let find = self.jobs.find(filter).projection(projection).batch_size(MOST_IN_A_REPLY);
            all(find.await?).await
        })
        .await
    }

    /// Some of the documents that match, up to this number, without an order.
    pub(crate) async fn find_up_to(
        &self,
        filter: Document,
        projection: Document,
        most: usize,
    ) -> Result<Vec<RawDocumentBuf>> {
        self.bounded("reading jobs", async {
            let find = self.jobs.find(filter).projection(projection).limit(most as i64);
            all(find.batch_size(MOST_IN_A_REPLY).await?).await
        })
        .await
    }

    /// The ids of the documents that match a range of them, in their order, up to this number.
    pub(crate) async fn find_by_id(&self, range: Document, most: usize) -> Result<Vec<RawDocumentBuf>> {
        self.bounded("reading ids", async {
            let by_id = doc! { fields::ID: 1 };
            let find = self.jobs.find(range).projection(by_id.clone()).sort(by_id).limit(most as i64);
            all(find.batch_size(MOST_IN_A_REPLY).await?).await
        })
        .await
    }

    /// The primary server.
    pub(crate) fn primary(&self) -> &Primary {
        &self.shared.primary
    }

    /// The time of the newest write that a majority has, with all the writes before it.
    pub(crate) async fn committed_time(&self) -> Result<Option<Timestamp>> {
        let look = doc! {
            "find": self.jobs.name(),
            "filter": { fields::ID: Bson::MinKey },
            "limit": 1,
            "readConcern": { "level": "majority" },
        };
        let look = async { Ok(self.shared.database.run_command(look).await?) };
        let reply =
            self.bounded_in(Lane::Stream, "looking for the newest write of the majority", look).await?;
        Ok(reply.get_timestamp("operationTime").ok())
    }

    /// Gives a small operation a connection when its turn comes, and a bound of its own, so that a frozen server can't
    /// hold its caller. The bound is some time, and less once another server is primary.
    pub(crate) async fn bounded<T>(
        &self,
        what: &str,
        operation: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        self.bounded_in(Lane::Usual, what, operation).await
    }

    /// The same, by a connection of this lane.
    pub(crate) async fn bounded_in<T>(
        &self,
        lane: Lane,
        what: &str,
        operation: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        // On the heap: a driver's operation is large, and stands in the future of each of its callers otherwise.
        let operation = Box::pin(async {
            let _turn = self.shared.lanes.turn(lane).await;
            operation.await
        });
        tokio::select! {
            outcome = tokio::time::timeout(ATTEMPT_TIMEOUT, operation) => {
                outcome.unwrap_or_else(|_| Err(Error::timeout(what)))
            }
            () = self.shared.primary.replaced() => Err(Error::primary_replaced(what)),
        }
    }

    async fn run_write(
        &self,
        mut command: RawDocumentBuf,
        count: usize,
        lane: Lane,
        wait: Wait,
        acknowledged: Acknowledged,
    ) -> Result<WriteReply> {
        if let Some(limit) = wait.limit() {
            command.append(cstr!("maxTimeMS"), limit.as_millis() as i64);
        }
        match (acknowledged, self.shared.concern.document()) {
            (Acknowledged::ByPrimary, _) => command.append(cstr!("writeConcern"), rawdoc! { "w": 1 }),
            (Acknowledged::ByMajority, _) => {
                command.append(cstr!("writeConcern"), rawdoc! { "w": "majority" });
            }
            (Acknowledged::AsConfigured, Some(concern)) => {
                let concern = RawDocumentBuf::try_from(concern).map_err(Error::encoding)?;
                command.append(cstr!("writeConcern"), concern);
            }
            (Acknowledged::AsConfigured, None) => {}
        }
        let write = async { Ok(self.shared.database.run_raw_command(command).await?) };
        let reply = self.bounded_in(lane, "a write", write).await?;
        let reply = read_write_reply(&reply).inspect_err(|error| self.shared.concern.learn(error))?;
        // Callers use the place of a refusal as an index: an imitation of the server must not make them panic.
        if reply.refusals.iter().any(|refusal| refusal.index >= count) {
            return Err(Error::encoding("a write error names a place that the command doesn't have"));
        }
        Ok(reply)
    }
}
