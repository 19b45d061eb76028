//! Values of steps that are too large for the document of their job.
//!
//! The server reads and writes a document as a whole: at each claim, renewal and append of its job. So a large value costs each of
//! those, unless it stands elsewhere.

use super::drafted::{Append, Appended, Drafted};
use crate::{
    base::error::{ErrorKind, Result},
    store::{
        collection::Store,
        spill::{self, SpilledValue},
        write::RefusalCause,
    },
};

/// Writes the values of these records that stand elsewhere, and have not been written. A record whose value can't be
/// written has its outcome then.
pub(super) async fn write_values(store: &Store, drafted: &mut [Drafted], open: &[usize]) -> Result<()> {
    let unwritten = |index: &usize| drafted[*index].spilled.is_some_and(|spilled| !spilled.is_written);
    let unwritten: Vec<usize> = open.iter().copied().filter(unwritten).collect();
    let values: Vec<SpilledValue<'_>> = unwritten
        .iter()
        .filter_map(|index| {
            let Drafted { append: Append { id, step, .. }, spilled, .. } = &drafted[*index];
            Some(SpilledValue { job: id, value: spilled.as_ref()?.value, document: &step.value })
        })
        .collect();
    if values.is_empty() {
        return Ok(());
    }
    let reply = spill::write(store, &values).await?;
    for refusal in reply.refusals {
        let RefusalCause::Other(error) = refusal.cause else { continue };
        if error.is_transient() {
            return Err(error);
        }
        let member = &mut drafted[unwritten[refusal.index]];
        let bytes = member.append.step.value.as_bytes().len() as i64;
        let is_too_large = error.kind() == ErrorKind::PayloadTooLarge;
        member.outcome = Some(if is_too_large { Ok(Appended::TooLarge(bytes)) } else { Err(error) });
    }
    for index in unwritten {
        if let Some(spilled) = &mut drafted[index].spilled {
            spilled.is_written = true;
        }
    }
    Ok(())
}
