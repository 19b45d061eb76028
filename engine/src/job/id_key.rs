//! Ids as keys of a map: any value may be one, and not every value can be hashed.

use mongodb::bson::{Bson, RawBsonRef, RawDocument};

use super::fields;

/// What tells an id from all others.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum IdKey<'a> {
    Text(&'a str),
    /// Its type and value, in words.
    Other(String),
}

impl<'a> IdKey<'a> {
    pub(crate) fn of(id: &'a Bson) -> Self {
        match id {
            Bson::String(id) => Self::Text(id),
            other => Self::Other(format!("{other:?}")),
        }
    }

    /// None if it can't be read.
    pub(crate) fn of_job(job: &'a RawDocument) -> Option<Self> {
        match job.get(fields::ID).ok()?? {
            RawBsonRef::String(id) => Some(Self::Text(id)),
            other => Bson::try_from(other).ok().map(|id| Self::Other(format!("{id:?}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{oid::ObjectId, rawdoc};

    use super::*;

    #[test]
    fn an_id_is_found_by_its_type_and_value() {
        let object_id = ObjectId::new();
        let ids: [Bson; 5] = ["7".into(), 7.into(), 7_i64.into(), object_id.into(), "Int32(7)".into()];
        let jobs = [
            rawdoc! { "_id": "7" },
            rawdoc! { "_id": 7 },
            rawdoc! { "_id": 7_i64 },
            rawdoc! { "_id": object_id },
            rawdoc! { "_id": "Int32(7)" },
        ];
        for (place, job) in jobs.iter().enumerate() {
            let same: Vec<usize> =
                (0..ids.len()).filter(|id| IdKey::of_job(job) == Some(IdKey::of(&ids[*id]))).collect();
            assert_eq!(same, [place]);
        }
        assert_eq!(IdKey::of_job(&rawdoc! {}), None);
    }
}
