//! Claims made by hand: taken, renewed and settled by their owner.

use super::{Engine, retried};
use crate::{
    base::error::Result,
    job::{
        document::{ClaimedJob, NewJob},
        log::LogLine,
        verdict::{Settled, Verdict},
    },
    verbs::{
        claim::{one, taking::LeaseKind, tokens::ClaimTokens},
        claim_or_enqueue, log, renew,
        settle::{carry_out, prepared::VerdictRequest},
    },
};

impl Engine {
    /// Creates a job and claims it at once, or none if its key is held. A job of a paused type is created only.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn claim_or_enqueue(&self, job: NewJob) -> Result<Option<ClaimedJob>> {
        let hub = self.hub().await?;
        if hub.upkeep.is_paused(&job.job_type).await {
            hub.enqueuer.enqueue_one(job).await?;
            return Ok(None);
        }
        claim_or_enqueue::claim_or_enqueue(&hub.store, &hub.enqueuer, job, hub.patience).await
    }

    /// Claims the next due job of a type, to be settled by hand. None while the type is paused.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn claim_next(&self, job_type: &str) -> Result<Option<ClaimedJob>> {
        let hub = self.hub().await?;
        if hub.upkeep.is_paused(job_type).await {
            return Ok(None);
        }
        let (kind, mut tokens) = (LeaseKind::Manual, ClaimTokens::new(&hub.store));
        let claimed =
            one::claim_one(&hub.store, &hub.unwritable, job_type, kind, &mut tokens, hub.patience).await?;
        Ok(claimed.jobs.acknowledged(&hub.store, tokens.current()).await?.pop())
    }

    /// Claims the due job of this type and key, to be settled by hand. None while the type is paused.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn claim_next_by_key(&self, job_type: &str, key: &str) -> Result<Option<ClaimedJob>> {
        let hub = self.hub().await?;
        if hub.upkeep.is_paused(job_type).await {
            return Ok(None);
        }
        one::claim_by_key(&hub.store, job_type, key, LeaseKind::Manual, hub.patience).await
    }

    /// Settles a claim: fenced if there is a token.
    ///
    /// # Errors
    /// As [`Self::enqueue`]. That the job isn't the caller's is no error but a result.
    pub async fn settle(
        &self,
        id: &str,
        token: Option<&str>,
        verdict: Verdict,
        reason: Option<String>,
    ) -> Result<Settled> {
        let hub = self.hub().await?;
        let header = retried(&hub, || carry_out::header_of(&hub.store, id, token)).await?;
        let Some(header) = header else {
            return Ok(Settled::NotFound);
        };
        let log = Some(self.options.log_bounds);
        let request =
            VerdictRequest { header: header.clone().into(), verdict, reason, is_only_settler: false, log };
        let settled = carry_out::settle_one(&hub.store, request, hub.patience).await?;
        self.opened().await?.runs.pass_on(&header, settled);
        Ok(settled)
    }

    /// Renews a lease once; whether it was the caller's.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn heartbeat(&self, id: &str, token: Option<&str>) -> Result<bool> {
        let hub = self.hub().await?;
        retried(&hub, || renew::heartbeat(&hub.store, id, token)).await
    }

    /// Renews active jobs, whoever holds them; how many there were.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn batch_heartbeat(&self, ids: Vec<String>) -> Result<u64> {
        let hub = self.hub().await?;
        retried(&hub, || renew::heartbeat_many(&hub.store, ids.clone())).await
    }

    /// Adds lines to a job's log, oldest first. A job that is gone, or not the caller's any more, is no error.
    ///
    /// # Errors
    /// The server can't be reached, or refuses.
    pub async fn log(&self, id: &str, token: Option<&str>, lines: &[LogLine]) -> Result<()> {
        let hub = self.hub().await?;
        log::append(&hub.store, id, token, lines, self.options.log_bounds).await
    }
}
