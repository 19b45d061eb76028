//! The fate of a completion that the app's own driver wrote, in a transaction.

use mongodb::bson::{Bson, doc};

use super::prepared::{PreparedVerdict, VerdictRequest, judge};
use crate::{
    base::error::Result,
    job::{document::Header, fields, verdict::Settled},
    store::collection::Store,
};

/// The result for this claim: completed, or its present state. With it come the job's parts that other code needs, if
/// the job exists. No writer but its holder completes a claim under its token.
pub(crate) async fn read_back(
    store: &Store,
    id: &Bson,
    token: Option<&str>,
) -> Result<(Settled, Option<Header>)> {
    // A transaction's commit may still be taken back by an election.
    store.confirm().await?;
    let mut projection = Header::projection();
    projection.insert(fields::SETTLED_TOKENS, 1);
    let found = store.find(doc! { fields::ID: id }, projection).await?;
    let Some(job) = found.first() else {
        return Ok((Settled::NotFound, None));
    };
    let mut header = Header::read(job)?;
    header.token = token.map(str::to_owned);
    let completion = PreparedVerdict::new(VerdictRequest::completion(header.clone(), None));
    Ok((judge(&completion, Some(job), true), Some(header)))
}
