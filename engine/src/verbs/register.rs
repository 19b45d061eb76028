//! The workers' register: each process with processors registers itself again and again, and is forgotten when it
//! stops.

use mongodb::bson::{Bson, Document, doc};

use crate::{
    base::error::Result,
    job::fields,
    store::side::{EXPIRE_AT, ID, KIND, Kind, Side, SideWrite},
};

/// Time after a worker's last sign for which it is known: it gives one every 15 s.
const KNOWN_FOR_MS: i64 = 60_000;

/// Registers a worker; `about` is everything that is not a time.
pub(crate) async fn tell(side: &Side, worker: &str, about: Document) -> Result<()> {
    let started = doc! { "$ifNull": [fields::value_of("startedAt"), fields::NOW] };
    let mut set = doc! {
        KIND: Kind::Worker.as_str(),
        "startedAt": started,
        "seenAt": fields::NOW,
        EXPIRE_AT: { "$add": [fields::NOW, KNOWN_FOR_MS] },
    };
    // Names and types are of others' making.
    set.extend(about.into_iter().map(|(field, value)| (field, literal(value))));
    let filter = doc! { ID: Kind::Worker.id(worker) };
    side.write(vec![SideWrite { filter, update: vec![doc! { "$set": set }].into(), upsert: true }])
        .await
        .map(|_| ())
}

fn literal(value: Bson) -> Bson {
    doc! { "$literal": value }.into()
}

/// The worker works no more.
pub(crate) async fn leave(side: &Side, worker: &str) -> Result<()> {
    side.remove(doc! { ID: Kind::Worker.id(worker) }).await.map(|_| ())
}

/// The workers that have registered lately.
pub(crate) async fn workers(side: &Side) -> Result<Vec<Document>> {
    let mut filter = Kind::Worker.all();
    // The server removes expired ones once a minute.
    filter.insert("$expr", doc! { "$gt": [fields::value_of(EXPIRE_AT), fields::NOW] });
    side.find(filter).await
}
