//! Appending records: those of many jobs in one command, and mostly in one statement. An append is tried again
//! while the server is away, and looked up if its reply was lost.

use std::{collections::HashMap, time::Duration};

use mongodb::bson::{Bson, DateTime, Document, RawDocumentBuf, doc};

use super::{
    drafted::{Append, Appended, Drafted, whole},
    joint,
    read::projection,
    spilling,
};
use crate::{
    base::{
        error::{Error, ErrorKind, Result},
        patience::Patience,
    },
    job::{
        document::text,
        fence, fields,
        id_key::{any_named, name_of, named},
        journal,
        status::Status,
    },
    store::{
        collection::Store,
        spill,
        write::{RefusalCause, Statement, accepted, number},
    },
};

/// The server's codes for a document that has another value in place of a journal.
const NOT_A_JOURNAL: [i32; 3] = [2, 14, 16_837];
/// The most times that an append may match nothing without a reason that a look finds.
const MOST_RIDDLES: u32 = 5;

/// Writes records until each has an outcome.
pub(crate) async fn append(store: &Store, drafted: &mut [Drafted], patience: &mut Patience) {
    loop {
        let open: Vec<usize> = (0..drafted.len()).filter(|index| drafted[*index].outcome.is_none()).collect();
        if open.is_empty() {
            return;
        }
        let tried = try_append(store, drafted, &open, patience.has_failed()).await;
        let Err(error) = tried else { continue };
        if let Err(error) = patience.pause_after(error).await {
            for index in open {
                drafted[index].outcome.get_or_insert_with(|| Err(error.clone()));
            }
        }
    }
}

/// The one write of a record, for a transaction of the app: `{ q, u }`, done if it matches. A value that stands elsewhere is
/// written at once.
pub(crate) async fn plan(
    store: &Store,
    append: Append,
    ts: DateTime,
    patience: Duration,
) -> Result<RawDocumentBuf> {
    let (mut drafted, mut patience) = ([Drafted::new(append, ts)], Patience::new(patience));
    while let Err(error) = spilling::write_values(store, &mut drafted, &[0]).await {
        patience.pause_after(error).await?;
    }
    match drafted[0].outcome.take() {
        Some(Err(error)) => return Err(error),
        Some(Ok(_)) => return Err(Error::encoding("the value of the step is too large")),
        None => {}
    }
    let Statement { filter, update, .. } = statement(&drafted, &[0])?;
    RawDocumentBuf::try_from(&doc! { "q": filter, "u": update }).map_err(Error::encoding)
}

/// One round: writes all that is open.
async fn try_append(
    store: &Store,
    drafted: &mut [Drafted],
    open: &[usize],
    was_ambiguous: bool,
) -> Result<()> {
    spilling::write_values(store, drafted, open).await?;
    let open: Vec<usize> = open.iter().copied().filter(|index| drafted[*index].outcome.is_none()).collect();
    let groups = grouped(drafted, &open);
    let sent = joint::parted(drafted, &groups);
    let statements: Result<Vec<Statement>> = sent
        .iter()
        .map(|groups| match groups[..] {
            [group] => statement(drafted, group),
            _ => joint::statement(drafted, groups),
        })
        .collect();
    let reply = store.update(statements?).await?;
    let written = accepted(&reply.refusals, sent.len());
    for refusal in reply.refusals {
        match refusal.cause {
            RefusalCause::Other(error) if error.is_transient() => return Err(error),
            cause => match sent[refusal.index][..] {
                [group] => refused(drafted, group, cause),
                ref groups => refused_together(drafted, groups),
            },
        }
    }
    let written: Vec<&Vec<usize>> = sent
        .iter()
        .zip(written)
        .filter_map(|(groups, is_written)| is_written.then_some(groups))
        .flatten()
        .copied()
        .collect();
    if reply.modified == written.len() as u64 {
        for index in written.into_iter().flatten() {
            drafted[*index].outcome = Some(Ok(Appended::Appended));
        }
        return Ok(());
    }
    let unexplained: Vec<usize> = written.into_iter().flatten().copied().collect();
    look_up(store, drafted, &unexplained, was_ambiguous || reply.modified > 0, was_ambiguous).await
}

/// Records of one claim go together, but for those that were refused in company.
fn grouped(drafted: &[Drafted], open: &[usize]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut places: HashMap<(&str, &str, i64), usize> = HashMap::new();
    for index in open {
        let member @ Drafted { append, is_alone, .. } = &drafted[*index];
        let claim = (append.id.as_str(), append.token.as_str(), member.limit());
        // Two records of one place exclude each other: the second one finds the first.
        let fits =
            |group: &Vec<usize>| group.iter().all(|other| !drafted[*other].append.step.is_at(&append.step));
        match places.get(&claim).filter(|place| !is_alone && fits(&groups[**place])) {
            Some(place) => groups[*place].push(*index),
            None => {
                if !is_alone {
                    places.insert(claim, groups.len());
                }
                groups.push(vec![*index]);
            }
        }
    }
    groups
}

fn statement(drafted: &[Drafted], group: &[usize]) -> Result<Statement> {
    let members = || group.iter().map(|index| &drafted[*index]);
    let first = &drafted[group[0]];
    let Append { id, token, .. } = &first.append;
    let bytes: i64 = members().map(Drafted::bytes).sum();
    let mut filter = fence::held(&named(id), token);
    filter.insert("$and", journal::lacks(members().map(|member| &member.append.step)));
    filter.insert(fields::JOURNAL_BYTES, fits(bytes, first.limit()));
    let records = members().map(|member| Document::try_from(&*member.record).map_err(Error::encoding));
    let records: Vec<Document> = records.collect::<Result<_>>()?;
    let update = doc! {
        "$push": { fields::STEPS: { "$each": records } },
        "$inc": { fields::JOURNAL_BYTES: whole(bytes) },
        // The lease is renewed.
        "$currentDate": { fields::CLAIMED_AT: true },
    };
    Ok(Statement::one(filter, update))
}

/// The condition on the size of the journal that it has room, at the moment of the write. A size that is no number counts as none. An
/// expression would cost the server more than all else in the filter.
fn fits(bytes: i64, limit: i64) -> Document {
    if bytes > limit {
        // Not even in an empty journal, which has no size.
        return doc! { "$in": [] };
    }
    doc! { "$not": { "$gt": limit - bytes } }
}

/// The server would not write these records.
fn refused(drafted: &mut [Drafted], group: &[usize], cause: RefusalCause) {
    let error = match cause {
        RefusalCause::Other(error) => error,
        RefusalCause::KeyHeld | RefusalCause::KeyKept | RefusalCause::IdExists => {
            Error::encoding("an append met a unique index")
        }
    };
    for index in group {
        let member = &mut drafted[*index];
        let is_damaged = error.server_code().is_some_and(|code| NOT_A_JOURNAL.contains(&code));
        if error.kind() == ErrorKind::PayloadTooLarge && group.len() > 1 {
            member.is_alone = true;
        } else if error.kind() == ErrorKind::PayloadTooLarge {
            if !member.spill() {
                member.outcome = Some(Ok(Appended::TooLarge(member.bytes())));
            }
        } else if is_damaged {
            member.outcome = Some(Err(journal::damaged(&error)));
        } else {
            member.outcome = Some(Err(error.clone()));
        }
    }
}

/// The server refused a statement for several jobs. It may have changed some of them before that, and each is tried by itself.
fn refused_together(drafted: &mut [Drafted], groups: &[&Vec<usize>]) {
    for index in groups.iter().copied().flatten() {
        let member = &mut drafted[*index];
        (member.is_alone, member.may_be_written) = (true, true);
    }
}

/// Fewer jobs were changed than was asked for: finds the others, and the reasons.
async fn look_up(
    store: &Store,
    drafted: &mut [Drafted],
    unexplained: &[usize],
    may_be_own: bool,
    was_ambiguous: bool,
) -> Result<()> {
    if was_ambiguous {
        // A primary that has lost its majority may show writes that are taken back.
        store.confirm().await?;
    }
    let ids: Vec<String> = unexplained.iter().map(|index| drafted[*index].append.id.clone()).collect();
    let found = store.find(doc! { fields::ID: any_named(&ids) }, projection()).await?;
    let found: HashMap<String, &RawDocumentBuf> =
        found.iter().filter_map(|job| Some((name_of(&job_id(job)?), job))).collect();
    for index in unexplained {
        let member = &mut drafted[*index];
        let job = found.get(&member.append.id).copied();
        match judge(member, job, may_be_own || member.may_be_written) {
            Err(error) => member.outcome = Some(Err(error)),
            Ok(Some(Appended::TooLarge(_))) if member.spill() => {}
            Ok(Some(Appended::Recorded(mut stored))) => {
                let filled = spill::fill(store, &member.append.id, [&mut stored]).await;
                // Only this job is damaged, and the others go on.
                member.outcome = match filled {
                    Err(error) if error.is_transient() => return Err(error),
                    filled => Some(filled.map(|()| Appended::Recorded(stored))),
                };
            }
            Ok(Some(outcome)) => member.outcome = Some(Ok(outcome)),
            Ok(None) => {
                // Others of its job were the reason.
                member.is_alone = true;
                member.riddles += 1;
                if member.riddles > MOST_RIDDLES {
                    member.outcome =
                        Some(Err(Error::encoding("an append matches nothing, for no known reason")));
                }
            }
        }
    }
    Ok(())
}

fn job_id(job: &RawDocumentBuf) -> Option<Bson> {
    Bson::try_from(job.get(fields::ID).ok()??).ok()
}

/// The result of an append, by the job. None: its place is free.
fn judge(member: &Drafted, job: Option<&RawDocumentBuf>, may_be_own: bool) -> Result<Option<Appended>> {
    let Append { token, step, .. } = &member.append;
    let Some(job) = job else { return Ok(Some(Appended::LeaseLost)) };
    let is_held = text(job, fields::STATUS) == Some(Status::Active.as_str())
        && text(job, fields::CLAIM_TOKEN) == Some(token.as_str());
    if !is_held {
        return Ok(Some(Appended::LeaseLost));
    }
    let stored = journal::read(job)?.into_iter().find(|stored| stored.step.is_at(step));
    if let Some(stored) = stored {
        let is_own = may_be_own && stored.step.record(stored.ts, stored.spilled) == member.record;
        return Ok(Some(if is_own { Appended::Appended } else { Appended::Recorded(stored) }));
    }
    let size = doc_number(job, fields::JOURNAL_BYTES).saturating_add(member.bytes());
    Ok((size > member.limit()).then_some(Appended::TooLarge(size)))
}

fn doc_number(job: &RawDocumentBuf, field: &str) -> i64 {
    let value = job.get(field).ok().flatten().and_then(|value| Bson::try_from(value).ok());
    value.and_then(|value| number(&doc! { "n": value }, "n")).unwrap_or(0)
}
