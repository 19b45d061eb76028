//! Values of a stored job, read leniently: other versions and people write documents too.

use mongodb::bson::{RawBsonRef, RawDocument};

use super::fields;

/// The values of these fields, in one pass: to look each one up by itself takes most of the time of reading a job.
/// Fields behind damaged bytes are absent.
pub(super) fn pick<'a, const N: usize>(
    job: &'a RawDocument,
    names: [&str; N],
) -> [Option<RawBsonRef<'a>>; N] {
    let mut values = [None; N];
    let mut missing = N;
    for (name, value) in job.iter().map_while(Result::ok) {
        let place = names.iter().position(|known| name == *known);
        if let Some(place) = place.filter(|place| values[*place].is_none()) {
            values[place] = Some(value);
            missing -= 1;
            if missing == 0 {
                break;
            }
        }
    }
    values
}

fn integer(value: Option<RawBsonRef<'_>>) -> Option<i64> {
    match value? {
        RawBsonRef::Int32(value) => Some(i64::from(value)),
        RawBsonRef::Int64(value) => Some(value),
        RawBsonRef::Double(value) => Some(value as i64),
        _ => None,
    }
}

pub(super) fn delay(value: Option<RawBsonRef<'_>>) -> Option<i64> {
    Some(integer(value)?.clamp(0, fields::LONGEST_MS))
}

pub(super) fn small(value: Option<RawBsonRef<'_>>) -> Option<i32> {
    let value = integer(value)?;
    Some(value.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32)
}
