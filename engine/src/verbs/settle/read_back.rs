//! What became of a completion that somebody else wrote: the app's own driver, in a transaction.

use mongodb::bson::{Bson, doc};

use super::prepared::{PreparedVerdict, VerdictRequest, judge};
use crate::{
    base::error::Result,
    job::{document::Header, fields, verdict::Settled},
    store::collection::Store,
};

/// Whether this claim was completed, or what there is instead; and what of the job others need to know, if it exists. Nobody
/// but its holder completes a claim under its token.
pub(crate) async fn read_back(
    store: &Store,
    id: &Bson,
    token: Option<&str>,
) -> Result<(Settled, Option<Header>)> {
    // What a transaction has committed may still be taken back by an election.
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
