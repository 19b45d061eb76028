//! Lists of jobs: their filter, their order, and the beginning of a page. The order is that of the index of their
//! status, so that a page costs as many keys as it has jobs.

pub(crate) mod cursor;

use std::cmp::Ordering;

use mongodb::bson::{Bson, Document, RawDocument, doc};

use super::{fields, status::Status};

/// The jobs to list.
#[derive(Debug, Clone, PartialEq)]
pub struct JobFilter {
    /// Their status.
    pub status: Status,
    /// Their types; none stands for all.
    pub types: Vec<String>,
    /// Their dedupe key.
    pub dedupe_key: Option<String>,
    /// Conditions on their payload, as a filter of the database.
    pub conditions: Document,
}

impl JobFilter {
    /// All jobs of a status.
    #[must_use]
    pub fn of(status: Status) -> Self {
        Self { status, types: Vec::new(), dedupe_key: None, conditions: Document::new() }
    }

    /// The jobs of a status and of types.
    pub(crate) fn base(&self, types: &[String]) -> Document {
        let mut filter = doc! { fields::STATUS: self.status.as_str() };
        match types {
            [] => {}
            [only] => _ = filter.insert(fields::TYPE, only),
            several => _ = filter.insert(fields::TYPE, doc! { "$in": several }),
        }
        filter
    }

    /// The conditions that no index of durabl's answers.
    pub(crate) fn unindexed(&self) -> Document {
        let mut conditions = self.conditions.clone();
        if let Some(key) = &self.dedupe_key {
            conditions.insert(fields::DEDUPE_KEY, key);
        }
        conditions
    }
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    /// The jobs, without their payloads.
    pub jobs: Vec<mongodb::bson::RawDocumentBuf>,
    /// The cursor of the next page; none after the last one.
    pub next: Option<Vec<u8>>,
    /// The number of jobs that were looked at.
    pub looked: u64,
    /// False if the look ended before the page was full or the list at its end.
    pub is_complete: bool,
}

/// The order of a list: fields of an index, behind status and type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Order {
    fields: &'static [&'static str],
    is_descending: bool,
}

/// A part of a list that one scan of the index gives in order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Range {
    pub(crate) filter: Document,
    pub(crate) sort: Document,
}

/// A place in a list.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Position {
    /// Values of the order's fields.
    pub(crate) values: Vec<Bson>,
    /// Jobs with these values that a search has looked at already, if a whole step of it had no others.
    pub(crate) skip: u64,
    /// The jobs with these values that were listed already, by their marks.
    pub(crate) shown: Vec<u64>,
}

impl Order {
    pub(crate) fn of(status: Status) -> Self {
        match status {
            Status::Pending => Self { fields: &[fields::PRIORITY, fields::RUN_AT], is_descending: false },
            Status::Active => Self { fields: &[fields::CLAIMED_AT], is_descending: false },
            Status::Completed => Self { fields: &[fields::COMPLETED_AT], is_descending: true },
            Status::Failed | Status::Superseded => Self { fields: &[fields::FAILED_AT], is_descending: true },
        }
    }

    pub(crate) fn fields(self) -> &'static [&'static str] {
        self.fields
    }

    /// A job's place. An absent field stands in the place of null, as in the index; numbers are equal in any encoding.
    pub(crate) fn values_of(self, job: &RawDocument) -> Vec<Bson> {
        let value = |field: &&str| {
            let found = job.get(*field).ok().flatten();
            found.and_then(|value| Bson::try_from(value).ok()).map_or(Bson::Null, normal)
        };
        self.fields.iter().map(value).collect()
    }

    /// The list from a position on, the jobs at it included; all of it without one.
    pub(crate) fn ranges(self, from: Option<&Position>) -> Vec<Range> {
        let Some(from) = from else {
            return vec![Range { filter: Document::new(), sort: self.sort(0) }];
        };
        let last = self.fields.len() - 1;
        let range = |place: usize| {
            let mut filter: Document = self
                .fields
                .iter()
                .zip(&from.values)
                .take(place)
                .map(|(field, value)| equal(field, value))
                .collect();
            filter.extend(self.beyond(self.fields[place], &from.values[place], place == last));
            Range { filter, sort: self.sort(place) }
        };
        (0..=last).rev().map(range).collect()
    }

    fn sort(self, from: usize) -> Document {
        let direction = if self.is_descending { -1 } else { 1 };
        self.fields[from..].iter().map(|field| ((*field).to_owned(), Bson::Int32(direction))).collect()
    }

    /// The values from one on. A comparison of the query language keeps to values of one type, so its complement
    /// bounds the scan. An expression compares across types as the index does, so it is exact.
    fn beyond(self, field: &str, value: &Bson, is_inclusive: bool) -> Document {
        let (exact, complement) = match (self.is_descending, is_inclusive) {
            (false, true) => ("$gte", "$lt"),
            (false, false) => ("$gt", "$lte"),
            (true, true) => ("$lte", "$gt"),
            (true, false) => ("$lt", "$gte"),
        };
        let not_first = || doc! { field: { "$ne": Bson::MinKey } };
        match (value, self.is_descending) {
            // The first of all in the index, where null stands for an absent field; to an expression that is before
            // all.
            (Bson::MinKey, false) if is_inclusive => Document::new(),
            (Bson::MinKey, false) => not_first(),
            (Bson::Null, false) if is_inclusive => not_first(),
            (Bson::MinKey, true) => doc! { field: Bson::MinKey },
            (Bson::Null, true) => doc! { field: { "$in": [Bson::Null, Bson::MinKey] } },
            _ => {
                let mut filter =
                    doc! { "$expr": { exact: [fields::value_of(field), { "$literal": value }] } };
                if rank(value) == rank(&Bson::Int64(0)) || matches!(value, Bson::DateTime(_)) {
                    filter.insert(field, doc! { "$not": { complement: value } });
                }
                filter
            }
        }
    }

    /// As the index has it, for lists that several scans contribute to.
    pub(crate) fn compare(self, one: &RawDocument, other: &RawDocument) -> Ordering {
        let pairs = self.values_of(one).into_iter().zip(self.values_of(other));
        let order = pairs.map(|(one, other)| compare(&one, &other)).find(|order| order.is_ne());
        let order = order.unwrap_or(Ordering::Equal);
        if self.is_descending { order.reverse() } else { order }
    }
}

fn equal(field: &str, value: &Bson) -> (String, Bson) {
    (field.to_owned(), doc! { "$eq": value }.into())
}

fn normal(value: Bson) -> Bson {
    match value {
        Bson::Int32(number) => Bson::Int64(number.into()),
        Bson::Double(number) if number.fract() == 0.0 && number.abs() < 9e15 => Bson::Int64(number as i64),
        other => other,
    }
}

/// Exact for numbers and times; values of different types stand in the order of their types.
fn compare(one: &Bson, other: &Bson) -> Ordering {
    match (one, other) {
        (Bson::DateTime(one), Bson::DateTime(other)) => one.cmp(other),
        (Bson::Int64(one), Bson::Int64(other)) => one.cmp(other),
        _ => match (number(one), number(other)) {
            (Some(one), Some(other)) => one.total_cmp(&other),
            _ => rank(one).cmp(&rank(other)),
        },
    }
}

fn number(value: &Bson) -> Option<f64> {
    match value {
        Bson::Int64(number) => Some(*number as f64),
        Bson::Double(number) => Some(*number),
        _ => None,
    }
}

fn rank(value: &Bson) -> u8 {
    match value {
        Bson::MinKey => 0,
        Bson::Null | Bson::Undefined => 1,
        Bson::Int32(_) | Bson::Int64(_) | Bson::Double(_) | Bson::Decimal128(_) => 2,
        Bson::String(_) | Bson::Symbol(_) => 3,
        Bson::Document(_) => 4,
        Bson::Array(_) => 5,
        Bson::Binary(_) => 6,
        Bson::ObjectId(_) => 7,
        Bson::Boolean(_) => 8,
        Bson::DateTime(_) => 9,
        Bson::Timestamp(_) => 10,
        Bson::RegularExpression(_) | Bson::DbPointer(_) => 11,
        Bson::JavaScriptCode(_) | Bson::JavaScriptCodeWithScope(_) => 12,
        Bson::MaxKey => 13,
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{DateTime, RawDocumentBuf, rawdoc};

    use super::*;

    #[test]
    fn a_list_goes_on_behind_a_position_by_one_scan_for_each_field() {
        let order = Order::of(Status::Pending);
        let at = DateTime::from_millis(7);
        let from = Position { values: vec![3.into(), at.into()], ..Position::default() };
        let ranges = order.ranges(Some(&from));
        assert_eq!(ranges.len(), 2);
        assert_eq!(ranges[0].filter.get("priority"), Some(&doc! { "$eq": 3 }.into()));
        assert_eq!(ranges[0].filter.get("runAt"), Some(&doc! { "$not": { "$lt": at } }.into()));
        assert_eq!(ranges[0].sort, doc! { "runAt": 1 });
        assert_eq!(ranges[1].filter.get("priority"), Some(&doc! { "$not": { "$lte": 3 } }.into()));
        assert_eq!(ranges[1].sort, doc! { "priority": 1, "runAt": 1 });
        let ended = Order::of(Status::Failed).ranges(None);
        assert_eq!(ended, [Range { filter: doc! {}, sort: doc! { "failedAt": -1 } }]);
    }

    #[test]
    fn an_absent_field_is_sorted_as_null() {
        let order = Order::of(Status::Completed);
        let absent = rawdoc! { "_id": "a" };
        assert_eq!(order.values_of(&absent), [Bson::Null]);
        let from = Position { values: vec![Bson::Null], ..Position::default() };
        let first = doc! { "completedAt": { "$in": [Bson::Null, Bson::MinKey] } };
        assert_eq!(order.ranges(Some(&from))[0].filter, first);
        let from = Position { values: vec![Bson::Null, Bson::Null], ..Position::default() };
        let ranges = Order::of(Status::Pending).ranges(Some(&from));
        let all_but_the_first = doc! { "priority": { "$eq": null }, "runAt": { "$ne": Bson::MinKey } };
        assert_eq!(ranges[0].filter, all_but_the_first);
    }

    #[test]
    fn jobs_of_several_scans_are_put_in_order() {
        let job = |priority: Bson, ms: i64| {
            let job = doc! { "priority": priority, "runAt": DateTime::from_millis(ms) };
            RawDocumentBuf::try_from(&job).expect("it can be encoded")
        };
        let order = Order::of(Status::Pending);
        let sorted = [
            job(Bson::Null, 9),
            job((-1).into(), 9),
            job(0_i64.into(), 1),
            job(0.0.into(), 2),
            job(0.5.into(), 0),
            job(2.into(), 0),
            job("high".into(), 0),
        ];
        for (place, one) in sorted.iter().enumerate() {
            for (other_place, other) in sorted.iter().enumerate() {
                assert_eq!(order.compare(one, other), place.cmp(&other_place));
            }
        }
        let ended = |ms| rawdoc! { "failedAt": DateTime::from_millis(ms) };
        assert_eq!(Order::of(Status::Failed).compare(&ended(1), &ended(2)), Ordering::Greater);
    }

    #[test]
    fn whole_numbers_of_all_types_are_one_value() {
        assert_eq!(normal(Bson::Int32(2)), Bson::Int64(2));
        assert_eq!(normal(Bson::Double(2.0)), Bson::Int64(2));
        assert_eq!(normal(Bson::Double(-2.0)), Bson::Int64(-2));
        // No integer stands for these exactly.
        for other in [2.5, 9e15, -1e300, f64::INFINITY] {
            assert_eq!(normal(Bson::Double(other)), Bson::Double(other));
        }
    }

    #[test]
    fn a_scan_begins_behind_the_values_that_sort_before_all_others() {
        let beyond = |status, value: Bson, is_inclusive| Order::of(status).beyond("f", &value, is_inclusive);
        let (ascending, descending) = (Status::Pending, Status::Failed);
        let not_first = doc! { "f": { "$ne": Bson::MinKey } };
        assert_eq!(beyond(ascending, Bson::MinKey, true), doc! {});
        assert_eq!(beyond(ascending, Bson::MinKey, false), not_first);
        assert_eq!(beyond(ascending, Bson::Null, true), not_first);
        assert_eq!(beyond(descending, Bson::MinKey, true), doc! { "f": Bson::MinKey });
        let first_two = doc! { "f": { "$in": [Bson::Null, Bson::MinKey] } };
        assert_eq!(beyond(descending, Bson::Null, true), first_two);
    }
}
