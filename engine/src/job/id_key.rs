//! Ids as keys of a map: any value may be one, and not every value can be hashed.

use mongodb::bson::{Bson, RawBsonRef, RawDocument, doc, oid::ObjectId};

use super::fields;

/// A key that tells an id from all others.
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

/// The filter of an id that is known by its text: a string, or an `ObjectId` of the same text in a foreign document.
pub(crate) fn named(id: &str) -> Bson {
    match ObjectId::parse_str(id) {
        Ok(object_id) => doc! { "$in": [id, object_id] }.into(),
        Err(_) => id.into(),
    }
}

/// The filter of ids that are known by their text: strings, or `ObjectId`s of the same text, as foreign documents may have.
pub(crate) fn any_named(ids: &[String]) -> Bson {
    let strings = ids.iter().map(|id| Bson::from(id.as_str()));
    let object_ids = ids.iter().filter_map(|id| ObjectId::parse_str(id).ok().map(Bson::from));
    doc! { "$in": strings.chain(object_ids).collect::<Vec<_>>() }.into()
}

/// The text that an id is known by.
pub(crate) fn name_of(id: &Bson) -> String {
    match id {
        Bson::String(id) => id.clone(),
        Bson::ObjectId(id) => id.to_hex(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::rawdoc;

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

    #[test]
    fn texts_name_strings_and_object_ids() {
        let object_id = ObjectId::new();
        let text = object_id.to_hex();
        let ids = [text.clone(), "7".to_owned()];
        assert_eq!(any_named(&ids), doc! { "$in": [&text, "7", object_id] }.into());
        assert_eq!([name_of(&object_id.into()), name_of(&"7".into()), name_of(&7.into())], [&text, "7", "7"]);
    }
}
