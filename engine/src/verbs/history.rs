//! The history: the ends of each minute, in a document for each type and hour.

use mongodb::bson::{DateTime, Document, doc};

use crate::{
    base::error::Result,
    job::{fields, server_time::ServerTime},
    report::tally::Taken,
    store::side::{EXPIRE_AT, ID, KIND, Kind, Side, SideWrite},
};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// Time that a document is kept after the beginning of its hour.
const KEPT_MS: i64 = 73 * HOUR_MS;
/// Minutes that share histograms.
const SPAN: i64 = 10;
const HOUR: &str = "hour";

/// Adds the counts to the document of the hour, for each type one `$inc`.
pub(crate) async fn add(side: &Side, counted: &[(String, Taken)], now: ServerTime) -> Result<()> {
    let now = now.earliest().timestamp_millis();
    let writes = counted.iter().map(|(job_type, taken)| write(job_type, taken, now)).collect();
    side.write(writes).await.map(|_| ())
}

fn write(job_type: &str, taken: &Taken, now_ms: i64) -> SideWrite {
    let hour = now_ms.div_euclid(HOUR_MS);
    let minute = now_ms.rem_euclid(HOUR_MS) / MINUTE_MS;
    let mut added = Document::new();
    for (what, count) in &taken.counts {
        added.insert(format!("minutes.{minute}.{}", what.as_str()), *count as i64);
    }
    for (name, histogram) in [("run", &taken.run), ("wait", &taken.wait)] {
        for (bucket, count) in histogram {
            added.insert(format!("spans.{}.{name}.{bucket}", minute / SPAN), *count as i64);
        }
    }
    let beginning = hour * HOUR_MS;
    SideWrite {
        filter: doc! { ID: Kind::Hour.id(&format!("{job_type}:{hour}")) },
        update: doc! {
            "$inc": added,
            "$setOnInsert": {
                KIND: Kind::Hour.as_str(),
                fields::TYPE: job_type,
                HOUR: DateTime::from_millis(beginning),
                EXPIRE_AT: DateTime::from_millis(beginning + KEPT_MS),
            },
        }
        .into(),
        upsert: true,
    }
}

/// The documents of the hours from this moment to that, of one type or of all.
pub(crate) async fn hours(
    side: &Side,
    job_type: Option<&str>,
    from_ms: i64,
    to_ms: i64,
) -> Result<Vec<Document>> {
    let (first, last) = (from_ms.div_euclid(HOUR_MS), (to_ms - 1).div_euclid(HOUR_MS));
    if last < first {
        return Ok(Vec::new());
    }
    let filter = match job_type {
        Some(job_type) => {
            let ids: Vec<String> =
                (first..=last).map(|hour| Kind::Hour.id(&format!("{job_type}:{hour}"))).collect();
            doc! { ID: { "$in": ids } }
        }
        // By the index on the ends of the documents' lives, which come in the order of their hours.
        None => doc! {
            EXPIRE_AT: {
                "$gte": DateTime::from_millis(first * HOUR_MS + KEPT_MS),
                "$lte": DateTime::from_millis(last * HOUR_MS + KEPT_MS),
            },
            KIND: Kind::Hour.as_str(),
        },
    };
    side.find(filter).await
}
