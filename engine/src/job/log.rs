//! The log of a job: lines for people, kept in the job's own document and bounded there.

use std::{borrow::Cow, time::Duration};

use super::{fields, transition::Transition};
use mongodb::bson::{Bson, Document, doc};

/// Bounds of a job's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogBounds {
    /// Older lines go.
    pub entries: u32,
    /// Longer lines are cut at a character's boundary, and end with a mark that says so.
    pub message_bytes: usize,
}

impl Default for LogBounds {
    fn default() -> Self {
        Self { entries: 1_000, message_bytes: 4_000 }
    }
}

/// A line for a job's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The text.
    pub message: String,
    /// Time since it was added.
    pub age: Duration,
}

/// A job that has grown this large takes no more lines: the write that ends it must still fit into the document's 16
/// MiB.
pub(super) const MOST_JOB_BYTES: i64 = 16 * 1024 * 1024 - 32 * 1024;
/// The end of a line that was cut.
const CUT: &str = " [truncated]";

/// The text of a line, within its bound.
pub(crate) fn clipped(message: &str, most: usize) -> Cow<'_, str> {
    if message.len() <= most {
        return message.into();
    }
    let room = most.saturating_sub(CUT.len());
    let mark = if most < CUT.len() { "" } else { CUT };
    format!("{}{mark}", &message[..message.floor_char_boundary(room)]).into()
}

/// The line that a transition leaves: the reason that the job ended or is retried. None if nothing went
/// wrong, or no reason was given.
pub(crate) fn line_of(transition: Transition, is_fatal: bool, reason: Option<&str>) -> Option<String> {
    let (what, reason) = match transition {
        Transition::Fail if is_fatal => ("Fatal", reason?),
        Transition::Fail => ("Failed", reason?),
        Transition::Retry | Transition::Recover => ("Attempt failed", reason?),
        Transition::Supersede => ("Superseded", reason.unwrap_or("a follower covers the work")),
        Transition::Cancel => match reason {
            Some(reason) => ("Cancelled", reason),
            None => return Some("Cancelled".to_owned()),
        },
        Transition::Expire => ("Expired", reason.unwrap_or("it was not started in time")),
        Transition::Complete | Transition::Release => return None,
    };
    Some(format!("{what}: {reason}"))
}

/// A job's log with these lines behind those that it has: an expression, for the server's clock and the document's size.
pub(crate) fn appended<'a>(
    lines: impl IntoIterator<Item = (&'a str, Duration)>,
    bounds: LogBounds,
) -> Document {
    let mut bytes = 0;
    let lines: Vec<Bson> = lines
        .into_iter()
        .map(|(message, age)| {
            bytes += message.len() as i64;
            let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX).min(fields::LONGEST_MS);
            doc! { "message": message, "age": age }.into()
        })
        .collect();
    let entry =
        doc! { "timestamp": { "$subtract": [fields::NOW, "$$this.age"] }, "message": "$$this.message" };
    let entries = doc! { "$map": { "input": { "$literal": lines }, "in": entry } };
    let logs = fields::value_of(fields::LOGS);
    // A log that isn't an array is replaced: it is for people only.
    let known = doc! { "$cond": [{ "$isArray": logs.as_str() }, logs.as_str(), []] };
    let newest = doc! { "$concatArrays": [&known, entries] };
    let kept = doc! { "$slice": [newest, -i64::from(bounds.entries.max(1))] };
    let has_room = doc! { "$lt": [{ "$bsonSize": "$$ROOT" }, MOST_JOB_BYTES - bytes] };
    doc! { "$cond": [has_room, kept, known] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_cut_says_so_and_is_no_longer_than_its_bound() {
        assert_eq!(clipped("short", 16), "short");
        assert_eq!(clipped(&"x".repeat(16), 16), "x".repeat(16));
        assert_eq!(clipped(&"x".repeat(17), 16), "xxxx [truncated]");
        assert_eq!(clipped(&"\u{20ac}".repeat(6), 16), "\u{20ac} [truncated]");
        assert_eq!(clipped("a longer message", CUT.len()), CUT);
        assert_eq!(clipped("a longer message", 3), "");
    }

    #[test]
    fn a_transition_says_why_the_job_ended_or_is_tried_again() {
        let line = |transition, is_fatal| line_of(transition, is_fatal, Some("no disk"));
        assert_eq!(line(Transition::Fail, false).as_deref(), Some("Failed: no disk"));
        assert_eq!(line(Transition::Fail, true).as_deref(), Some("Fatal: no disk"));
        assert_eq!(line(Transition::Retry, false).as_deref(), Some("Attempt failed: no disk"));
        assert_eq!(line(Transition::Recover, false).as_deref(), Some("Attempt failed: no disk"));
        assert_eq!(line(Transition::Supersede, false).as_deref(), Some("Superseded: no disk"));
        let without = line_of(Transition::Supersede, false, None);
        assert_eq!(without.as_deref(), Some("Superseded: a follower covers the work"));
        assert_eq!(line(Transition::Cancel, false).as_deref(), Some("Cancelled: no disk"));
        assert_eq!(line_of(Transition::Cancel, false, None).as_deref(), Some("Cancelled"));
        for transition in [Transition::Complete, Transition::Release] {
            assert_eq!(line(transition, false), None);
        }
        assert_eq!(line_of(Transition::Fail, false, None), None);
    }

    #[test]
    fn lines_are_added_only_where_all_of_them_have_room() {
        let lines = ["12345678", "123"].map(|line| (line, Duration::ZERO));
        let appended = appended(lines, LogBounds::default());
        let condition = appended.get_array("$cond").expect("a condition")[0].as_document();
        let sides = condition.expect("a comparison").get_array("$lt").expect("its sides");
        assert_eq!(sides[1].as_i64(), Some(MOST_JOB_BYTES - 11));
    }
}
