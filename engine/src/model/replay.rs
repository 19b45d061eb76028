//! A real server repeats the work of the one in memory: the same documents, the same statements, and the results must
//! be the same.

use std::collections::BTreeMap;

use mongodb::{
    Client,
    bson::{Bson, DateTime, Document, doc},
};

use super::server::{Effect, TICK_MS, moment};
use crate::job::{document::new_id, fields};

const VARIABLE: &str = "DURABL_TEST_URL";
/// Documents and statements in one command.
const CHUNK: usize = 500;

/// # Panics
/// The server does anything else, or is not there.
pub(super) fn assert_same(effects: &[Effect]) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    assert!(effects.len() > 50, "only {} effects", effects.len());
    assert!(effects.iter().any(|effect| effect.after.is_none()), "every statement matched");
    runtime.block_on(async {
        let url = std::env::var(VARIABLE).unwrap_or_default();
        assert!(!url.is_empty(), "{VARIABLE} must name a MongoDB replica set");
        let client = Client::with_uri_str(url).await.expect("a connection string");
        let database = client.database(&format!("durabl_model_{}", new_id()));
        let differing = differing(&database, effects).await;
        database.drop().await.expect("the server answers");
        assert!(
            differing.is_empty(),
            "{} of {} differ: {:#?}",
            differing.len(),
            effects.len(),
            differing.first()
        );
    });
}

#[derive(Debug)]
#[expect(dead_code, reason = "printed by the test that fails")]
struct Difference {
    filter: Document,
    update: Bson,
    before: Document,
    expected: Document,
    found: Option<Document>,
}

async fn differing(database: &mongodb::Database, effects: &[Effect]) -> Vec<Difference> {
    let jobs = database.collection::<Document>("jobs");
    // The model's clock at a statement is now.
    let now = DateTime::now().timestamp_millis();
    let mut differing = Vec::new();
    for (chunk, effects) in effects.chunks(CHUNK).enumerate() {
        let apart = |place: usize| Apart { place: chunk * CHUNK + place, now };
        let placed = || effects.iter().enumerate().map(|(place, effect)| (apart(place), effect));
        jobs.insert_many(placed().map(|(apart, effect)| apart.document(&effect.before, effect.tick)))
            .await
            .expect("the server answers");
        let updates: Vec<Document> = placed()
            .map(|(apart, effect)| {
                doc! { "q": apart.bson(&effect.filter.clone().into(), effect.tick), "u": effect.update.clone() }
            })
            .collect();
        database
            .run_command(doc! { "update": "jobs", "updates": updates })
            .await
            .expect("the server answers");
        for (apart, effect) in placed() {
            let expected = effect.after.as_ref().unwrap_or(&effect.before);
            let expected = sorted(&apart.document(expected, effect.tick));
            let id = expected.get(fields::ID).cloned();
            let found = jobs.find_one(doc! { fields::ID: id }).await.expect("the server answers");
            let found = found.map(|found| sorted(&found));
            if found.as_ref().is_none_or(|found| !is_same(&expected.clone().into(), &found.clone().into())) {
                let Effect { filter, update, before, .. } = effect;
                let (filter, update, before) = (filter.clone(), update.clone(), before.clone());
                differing.push(Difference { filter, update, before, expected, found });
            }
        }
    }
    differing
}

/// Keeps the events of one document apart from all others, and the model's time near the server's.
struct Apart {
    place: usize,
    now: i64,
}

impl Apart {
    fn document(&self, document: &Document, tick: u8) -> Document {
        match self.bson(&document.clone().into(), tick) {
            Bson::Document(document) => document,
            _ => unreachable!("a document stays one"),
        }
    }

    fn bson(&self, value: &Bson, tick: u8) -> Bson {
        match value {
            Bson::Document(document) => Bson::Document(
                document.iter().map(|(name, value)| (name.clone(), self.bson(value, tick))).collect(),
            ),
            Bson::Array(elements) => {
                Bson::Array(elements.iter().map(|value| self.bson(value, tick)).collect())
            }
            Bson::String(word) if word.starts_with("job-") || word == super::protocol::JOB_TYPE => {
                Bson::String(format!("{word} {}", self.place))
            }
            Bson::DateTime(date) => {
                let since = date.timestamp_millis() - moment(tick).timestamp_millis();
                Bson::DateTime(DateTime::from_millis(self.now + since))
            }
            other => other.clone(),
        }
    }
}

fn sorted(document: &Document) -> Document {
    let fields: BTreeMap<&String, &Bson> = document.iter().collect();
    fields.into_iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The server's clock has gone on a little.
fn is_same(expected: &Bson, found: &Bson) -> bool {
    match (expected, found) {
        (Bson::Document(expected), Bson::Document(found)) => {
            let (expected, found) = (sorted(expected), sorted(found));
            expected.len() == found.len()
                && expected
                    .iter()
                    .zip(&found)
                    .all(|((one, expected), (other, found))| one == other && is_same(expected, found))
        }
        (Bson::DateTime(expected), Bson::DateTime(found)) => {
            expected.timestamp_millis().abs_diff(found.timestamp_millis()) < TICK_MS.unsigned_abs() / 2
        }
        (Bson::Int32(one), Bson::Int64(other)) | (Bson::Int64(other), Bson::Int32(one)) => {
            i64::from(*one) == *other
        }
        _ => expected == found,
    }
}
