//! The cursor of a page: opaque to all others. It holds for one query on one collection, and says which jobs of its moment were listed.

use mongodb::bson::{Binary, Bson, Document, RawDocument, doc, spec::BinarySubtype};

use super::{JobFilter, Position};
use crate::{
    base::error::{Error, ErrorKind, Result},
    job::fields,
};

const VERSION: u8 = 1;
const MARK: usize = size_of::<u64>();

/// The query that a cursor belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Query(u64);

impl Query {
    /// @see [`JobFilter`]; the namespace is that of the collection.
    pub(crate) fn of(namespace: &str, filter: &JobFilter) -> Self {
        let mut types = filter.types.clone();
        types.sort_unstable();
        let query = doc! {
            "in": namespace,
            fields::STATUS: filter.status.as_str(),
            fields::TYPE: types,
            fields::DEDUPE_KEY: filter.dedupe_key.as_deref(),
            fields::DATA: &filter.conditions,
        };
        Self(mark(&query.to_vec().unwrap_or_default()))
    }

    pub(crate) fn cursor(self, at: &Position) -> Vec<u8> {
        let shown = at.shown.iter().flat_map(|mark| mark.to_be_bytes()).collect();
        let shown = Binary { subtype: BinarySubtype::Generic, bytes: shown };
        let place = doc! { "at": &at.values, "skip": at.skip as i64, "shown": shown };
        let mut cursor = vec![VERSION];
        cursor.extend(self.0.to_be_bytes());
        cursor.extend(place.to_vec().unwrap_or_default());
        cursor
    }

    /// The position that a cursor of this query stands for.
    pub(crate) fn position(self, cursor: &[u8], fields: usize) -> Result<Position> {
        let place = cursor.strip_prefix(&[VERSION]).and_then(|rest| rest.strip_prefix(&self.0.to_be_bytes()));
        place.and_then(|place| read(place, fields)).ok_or_else(foreign)
    }
}

fn read(place: &[u8], fields: usize) -> Option<Position> {
    let place = Document::try_from(RawDocument::from_bytes(place).ok()?).ok()?;
    let values: Vec<Bson> = place.get_array("at").ok()?.clone();
    let skip = u64::try_from(place.get_i64("skip").ok()?).ok()?;
    let (shown, rest) = place.get_binary_generic("shown").ok()?.as_chunks::<MARK>();
    let shown = shown.iter().map(|mark| u64::from_be_bytes(*mark)).collect();
    (rest.is_empty() && values.len() == fields).then_some(Position { values, skip, shown })
}

fn foreign() -> Error {
    Error::new(
        ErrorKind::InvalidArgument,
        "\"after\" is not a cursor of this query: pass the \"next\" of a page of the same query, on the same collection and by the same \
         version of durabl",
    )
}

/// A job's mark among those of its moment.
pub(crate) fn mark_of(job: &RawDocument) -> u64 {
    let mut bytes = Vec::new();
    if let Ok(Some(id)) = job.get(fields::ID) {
        bytes = doc! { "": Bson::try_from(id).unwrap_or(Bson::Null) }.to_vec().unwrap_or_default();
    }
    mark(&bytes)
}

/// FNV-1a: the same on every machine and in every release.
fn mark(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{DateTime, oid::ObjectId, rawdoc};

    use super::*;
    use crate::job::status::Status;

    #[test]
    fn a_cursor_brings_its_position_back() {
        let query = Query::of("db.jobs", &JobFilter::of(Status::Failed));
        let at =
            Position { values: vec![DateTime::from_millis(5).into()], skip: 3, shown: vec![1, u64::MAX] };
        assert_eq!(query.position(&query.cursor(&at), 1), Ok(at));
    }

    #[test]
    fn a_cursor_of_anything_else_is_refused() {
        let filter = JobFilter::of(Status::Failed);
        let query = Query::of("db.jobs", &filter);
        let cursor = query.cursor(&Position { values: vec![Bson::Null], ..Position::default() });
        let typed = JobFilter { types: vec!["t".to_owned()], ..filter.clone() };
        let keyed = JobFilter { dedupe_key: Some("k".to_owned()), ..filter.clone() };
        let narrowed = JobFilter { conditions: doc! { "data.a": 1 }, ..filter.clone() };
        let others = [
            Query::of("db.other", &filter),
            Query::of("db.jobs", &JobFilter::of(Status::Superseded)),
            Query::of("db.jobs", &typed),
            Query::of("db.jobs", &keyed),
            Query::of("db.jobs", &narrowed),
        ];
        for other in others {
            assert!(other.position(&cursor, 1).is_err());
        }
        let mut newer = cursor.clone();
        newer[0] += 1;
        for bad in [&newer[..], &cursor[..cursor.len() - 1], &cursor[..9], b"", b"rubbish"] {
            assert!(query.position(bad, 1).is_err());
        }
        assert!(query.position(&cursor, 2).is_err());
    }

    #[test]
    fn the_order_in_which_types_are_named_does_not_matter() {
        let of = |types: [&str; 2]| {
            Query::of(
                "n",
                &JobFilter { types: types.map(str::to_owned).to_vec(), ..JobFilter::of(Status::Active) },
            )
        };
        assert_eq!(of(["a", "b"]), of(["b", "a"]));
    }

    #[test]
    fn marks_tell_ids_apart_by_type_too() {
        let id = ObjectId::new();
        let marks = [
            mark_of(&rawdoc! { "_id": id }),
            mark_of(&rawdoc! { "_id": id.to_hex() }),
            mark_of(&rawdoc! { "_id": 7 }),
            mark_of(&rawdoc! { "_id": 7_i64 }),
        ];
        let mut distinct = marks.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), marks.len());
    }
}
