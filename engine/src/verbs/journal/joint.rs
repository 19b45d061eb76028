//! One statement for the records of several jobs: the server plans it once, and not once a job.

use std::collections::HashSet;

use mongodb::bson::{Bson, Document, doc, oid::ObjectId};

use super::drafted::{Drafted, whole};
use crate::{
    base::error::{Error, Result},
    job::{fence, fields},
    store::write::Statement,
};

/// Jobs of one statement, which looks each of them up in a list.
const MOST_JOBS: usize = 64;

/// A lease that began no longer ago is as good as new.
const RECENT_MS: i32 = 100;

/// Groups of records, as places among those that are drafted.
type Groups<'a> = Vec<&'a Vec<usize>>;

/// The groups of each statement: as many as it takes, or a single one.
pub(super) fn parted<'a>(drafted: &[Drafted], groups: &'a [Vec<usize>]) -> Vec<Groups<'a>> {
    let mut seen = HashSet::new();
    let (joint, single): (Groups, Groups) = groups.iter().partition(|group| {
        let first = &drafted[group[0]];
        // A statement for several jobs finds each by one id, and tells apart places outside of branches only.
        !first.is_alone
            && group.iter().all(|index| drafted[*index].append.step.path.is_none())
            && ObjectId::parse_str(&first.append.id).is_err()
            && seen.insert(first.append.id.as_str())
    });
    let single = single.into_iter().map(|group| vec![group]);
    joint.chunks(MOST_JOBS).map(<[_]>::to_vec).chain(single).collect()
}

/// Adds to each job its records, if its claim, its journal and its size allow that. Others match and are not modified.
pub(super) fn statement(drafted: &[Drafted], groups: &Groups) -> Result<Statement> {
    let first = |group: &&Vec<usize>| &drafted[group[0]].append;
    let ids: Vec<Bson> = groups.iter().map(|group| first(group).id.as_str().into()).collect();
    let tokens: HashSet<&str> = groups.iter().map(|group| first(group).token.as_str()).collect();
    let own: Vec<Document> = groups.iter().map(|group| own(drafted, group)).collect::<Result<_>>()?;
    let filter = fence::any_held(ids.clone(), tokens.into_iter().collect());
    let place = doc! { "$indexOfArray": [{ "$literal": ids }, path(fields::ID)] };
    let own = doc! { "$arrayElemAt": [{ "$literal": own }, place] };
    let of = |field: &str| format!("$$own.{field}");
    let journal = doc! { "$ifNull": [path(fields::STEPS), []] };
    let bytes = doc! { "$ifNull": [path(fields::JOURNAL_BYTES), 0] };
    let applies = doc! { "$and": [
        { "$eq": [path(fields::CLAIM_TOKEN), of("token")] },
        { "$lte": [&bytes, of("room")] },
        { "$not": [is_taken(&of("seqs"))] },
    ] };
    let changed = doc! {
        fields::STEPS: { "$concatArrays": [journal, of("steps")] },
        fields::JOURNAL_BYTES: { "$add": [bytes, of("bytes")] },
        fields::CLAIMED_AT: renewed(),
    };
    let job = doc! { "$cond": [applies, { "$mergeObjects": ["$$ROOT", changed] }, "$$ROOT"] };
    let update = vec![doc! { "$replaceWith": { "$let": { "vars": { "own": own }, "in": job } } }];
    Ok(Statement::many(filter, update))
}

/// The records of one job, and the terms on which they are added.
fn own(drafted: &[Drafted], group: &[usize]) -> Result<Document> {
    let members = || group.iter().map(|index| &drafted[*index]);
    let first = &drafted[group[0]];
    let bytes: i64 = members().map(Drafted::bytes).sum();
    let records = members().map(|member| Document::try_from(&*member.record).map_err(Error::encoding));
    Ok(doc! {
        "token": &first.append.token,
        "seqs": members().map(|member| member.append.step.seq).collect::<Vec<_>>(),
        "steps": records.collect::<Result<Vec<_>>>()?,
        "bytes": whole(bytes),
        "room": first.limit() - bytes,
    })
}

/// The beginning of the lease: now, unless that was so a moment ago. A renewal moves an entry of an index.
fn renewed() -> Document {
    let recent = doc! { "$gte": [path(fields::CLAIMED_AT), { "$subtract": [fields::NOW, RECENT_MS] }] };
    doc! { "$cond": [recent, path(fields::CLAIMED_AT), fields::NOW] }
}

/// Whether the journal has a record outside of branches at one of these places. Each record is looked at only if some
/// record has such a place.
fn is_taken(seqs: &str) -> Document {
    let places = doc! { "$ifNull": [path("steps.seq"), []] };
    let is_here = doc! { "$and": [
        { "$in": ["$$this.seq", seqs] },
        { "$eq": [{ "$ifNull": ["$$this.path", null] }, null] },
    ] };
    doc! { "$and": [
        { "$ne": [{ "$setIntersection": [places, seqs] }, []] },
        { "$anyElementTrue": { "$map": { "input": path(fields::STEPS), "in": is_here } } },
    ] }
}

fn path(field: &str) -> String {
    format!("${field}")
}
