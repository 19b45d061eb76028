//! The records of an orchestration's steps, on the document of its job.

use mongodb::bson::{
    Bson, DateTime, Document, RawBsonRef, RawDocument, RawDocumentBuf, doc, oid::ObjectId, raw::cstr,
};

use super::fields;
use crate::base::error::{Error, ErrorKind, Result};

/// A step that is to be recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct NewStep {
    /// The branch that it stands in, if any.
    pub path: Option<String>,
    /// Its place there.
    pub seq: i32,
    /// Its name.
    pub name: String,
    /// Its kind; none for a plain step.
    pub kind: Option<String>,
    /// A document with the one field `result`, or `error`, which is never decoded here.
    pub value: RawDocumentBuf,
}

/// The beginning of the name, on the document, of a record whose value stands elsewhere. A process without support for
/// that finds another name than its orchestration asks for. It fails the job, and says so. Otherwise it would go on
/// with no value.
const SPILLED_NAME: &str = "$spilled:";

/// The place of records of waits between two tries of a step. The record behind the job's time and UUIDs has place −1.
const LOWEST_PLACE: i32 = -2;

/// A step as it was recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredStep {
    /// The step. Its value is empty while it stands elsewhere.
    pub step: NewStep,
    /// The name of its value, if that stands in the collection of large values.
    pub spilled: Option<ObjectId>,
    /// Time at which it was recorded.
    pub ts: DateTime,
}

impl NewStep {
    /// The element of the journal: with the value, or with its name.
    pub(crate) fn record(&self, ts: DateTime, spilled: Option<ObjectId>) -> RawDocumentBuf {
        let mut record = RawDocumentBuf::new();
        record.append(cstr!("seq"), self.seq);
        if let Some(value) = spilled {
            record.append(cstr!("name"), format!("{SPILLED_NAME}{}", self.name));
            record.append(cstr!("spilled"), value);
        } else {
            record.append(cstr!("name"), self.name.as_str());
            for (field, value) in self.value.iter().map_while(std::result::Result::ok) {
                record.append(field, value);
            }
        }
        record.append(cstr!("ts"), ts);
        if let Some(path) = &self.path {
            record.append(cstr!("path"), path.as_str());
        }
        if let Some(kind) = &self.kind {
            record.append(cstr!("kind"), kind.as_str());
        }
        record
    }

    pub(crate) fn is_at(&self, other: &Self) -> bool {
        self.seq == other.seq && self.path == other.path
    }
}

/// The filter for a journal that has none of these records.
pub(crate) fn lacks<'a>(steps: impl IntoIterator<Item = &'a NewStep>) -> Vec<Document> {
    let mut by_path: Vec<(Option<&str>, Vec<i32>)> = Vec::new();
    for step in steps {
        let path = step.path.as_deref();
        match by_path.iter_mut().find(|(known, _)| *known == path) {
            Some((_, seqs)) => seqs.push(step.seq),
            None => by_path.push((path, vec![step.seq])),
        }
    }
    let lacks = |(path, seqs): (Option<&str>, Vec<i32>)| {
        // Null stands for a record without a path as well.
        let path = path.map_or(Bson::Null, Bson::from);
        let seq: Bson = if let [seq] = seqs[..] { seq.into() } else { doc! { "$in": seqs }.into() };
        doc! { fields::STEPS: { "$not": { "$elemMatch": { "seq": seq, "path": path } } } }
    };
    by_path.into_iter().map(lacks).collect()
}

/// The journal of a job; empty if it has none.
pub(crate) fn read(job: &RawDocument) -> Result<Vec<StoredStep>> {
    let steps = match job.get(fields::STEPS).map_err(damaged)? {
        None | Some(RawBsonRef::Null) => return Ok(Vec::new()),
        Some(RawBsonRef::Array(steps)) => steps,
        Some(_) => return Err(damaged("it is not an array")),
    };
    steps.into_iter().map(|step| read_step(step.map_err(damaged)?)).collect()
}

fn read_step(record: RawBsonRef<'_>) -> Result<StoredStep> {
    let record = record.as_document().ok_or_else(|| damaged("a record is not a document"))?;
    let (mut seq, mut name, mut ts, mut path, mut kind, mut spilled) = (None, None, None, None, None, None);
    let mut value = RawDocumentBuf::new();
    for element in record {
        let (field, found) = element.map_err(damaged)?;
        match field.as_str() {
            "seq" => seq = place(found),
            "name" => name = found.as_str(),
            // A clock that was read by 0.3 is a date as well; anything else says nothing.
            "ts" => ts = found.as_datetime(),
            "path" => path = found.as_str(),
            "kind" => kind = found.as_str(),
            fields::SPILLED => spilled = found.as_object_id(),
            "result" | "error" => value.append(field, found),
            _ => {}
        }
    }
    let (Some(seq), Some(name)) = (seq, name) else {
        return Err(damaged("a record has no place or no name"));
    };
    let own_name = spilled.and_then(|_| name.strip_prefix(SPILLED_NAME));
    let step = NewStep {
        path: path.map(str::to_owned),
        seq,
        name: own_name.unwrap_or(name).to_owned(),
        kind: kind.map(str::to_owned),
        value,
    };
    let spilled = own_name.and(spilled);
    Ok(StoredStep { step, spilled, ts: ts.unwrap_or(DateTime::from_millis(0)) })
}

/// A whole number in any encoding.
fn place(value: RawBsonRef<'_>) -> Option<i32> {
    let value = match value {
        RawBsonRef::Int32(value) => i64::from(value),
        RawBsonRef::Int64(value) => value,
        RawBsonRef::Double(value) if value.fract() == 0.0 => value as i64,
        _ => return None,
    };
    i32::try_from(value).ok().filter(|seq| *seq >= LOWEST_PLACE)
}

pub(crate) fn damaged(why: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::JournalDamaged, format!("the journal of the job is damaged: {why}"))
}

#[cfg(test)]
mod tests {
    use mongodb::bson::rawdoc;

    use super::*;

    fn step(path: Option<&str>, seq: i32) -> NewStep {
        NewStep {
            path: path.map(str::to_owned),
            seq,
            name: "n".to_owned(),
            kind: None,
            value: rawdoc! { "result": 7 },
        }
    }

    #[test]
    fn a_record_has_the_fields_of_the_typescript_package_in_its_order() {
        let record = step(None, 3).record(DateTime::from_millis(5), None);
        let fields: Vec<String> = record
            .iter()
            .map_while(std::result::Result::ok)
            .map(|(field, _)| field.as_str().to_owned())
            .collect();
        assert_eq!(fields, ["seq", "name", "result", "ts"]);
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        for step in [step(None, -1), NewStep { kind: Some("sleep".to_owned()), ..step(Some("3.1"), 0) }] {
            let ts = DateTime::from_millis(5);
            let job = rawdoc! { "steps": [step.record(ts, None)] };
            assert_eq!(read(&job), Ok(vec![StoredStep { step: step.clone(), spilled: None, ts }]));
            let spilled = Some(ObjectId::new());
            let job = rawdoc! { "steps": [step.record(ts, spilled)] };
            let step = NewStep { value: RawDocumentBuf::new(), ..step };
            assert_eq!(read(&job), Ok(vec![StoredStep { step, spilled, ts }]));
        }
    }

    #[test]
    fn a_record_whose_value_stands_elsewhere_has_another_name_for_older_versions() {
        let record = step(None, 3).record(DateTime::from_millis(5), Some(ObjectId::new()));
        assert_eq!(record.get_str("name").ok(), Some("$spilled:n"));
        assert!(record.get("result").is_ok_and(|result| result.is_none()));
        // The name alone, or the mark alone, is an app's own.
        for job in [
            rawdoc! { "steps": [{ "seq": 0, "name": "$spilled:n", "result": 1 }] },
            rawdoc! {
                "steps": [{ "seq": 0, "name": "n", "result": 1, "spilled": ObjectId::new() }]
            },
        ] {
            let steps = read(&job).expect("a journal");
            assert_eq!((steps[0].spilled, steps[0].step.value.get_i32("result").ok()), (None, Some(1)));
        }
    }

    #[test]
    fn places_are_read_in_any_encoding() {
        let job = rawdoc! { "steps": [{ "seq": 2_i64, "name": "a" }, { "seq": 3.0, "name": "b" }] };
        let seqs: Vec<i32> = read(&job).expect("a journal").iter().map(|step| step.step.seq).collect();
        assert_eq!(seqs, [2, 3]);
    }

    #[test]
    fn a_value_that_is_no_journal_is_said_to_be_damaged() {
        for job in [
            rawdoc! { "steps": "none" },
            rawdoc! { "steps": [7] },
            rawdoc! { "steps": [{ "seq": 0 }] },
            rawdoc! { "steps": [{ "name": "a" }] },
            rawdoc! { "steps": [{ "seq": 0.5, "name": "a" }] },
            rawdoc! { "steps": [{ "seq": -3, "name": "a" }] },
        ] {
            let error = read(&job).expect_err("it is none");
            assert_eq!(error.kind(), ErrorKind::JournalDamaged);
        }
        assert_eq!(read(&rawdoc! {}), Ok(Vec::new()));
        assert_eq!(read(&rawdoc! { "steps": null }), Ok(Vec::new()));
    }
}
