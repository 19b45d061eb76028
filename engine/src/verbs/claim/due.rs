//! The filters and the order by which jobs are claimed.

use mongodb::bson::{DateTime, Document, doc};

use crate::job::{fields, status::Status};

/// Due by the server's clock.
pub(crate) fn due(job_type: &str) -> Document {
    let mut filter = pending_and_due();
    filter.insert(fields::TYPE, job_type);
    filter
}

/// The pending jobs of a type that were due at this moment. An index alone can find them: an expression makes
/// the server read each job, even those that are passed over. A value that is no date sorts by its type, as
/// in [`due`].
pub(super) fn due_at(job_type: &str, moment: DateTime) -> Document {
    doc! {
        fields::STATUS: Status::Pending.as_str(),
        fields::TYPE: job_type,
        fields::RUN_AT: { "$not": { "$gt": moment } },
    }
}

pub(super) fn pending_and_due() -> Document {
    doc! {
        fields::STATUS: Status::Pending.as_str(),
        "$expr": { "$lte": [fields::value_of(fields::RUN_AT), fields::NOW] },
    }
}

pub(super) fn claim_order() -> Document {
    doc! { fields::PRIORITY: 1, fields::RUN_AT: 1 }
}
